"""Result documents: their schema, and how one is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import NoneType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, StrictBool, StrictInt, StrictStr

from eipyomo.claims.methods import SOLVED_BY
from eipyomo.claims.values import is_number
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES, OWN, WSEL, Objective
from eipyomo.problem import Problem
from eipyomo.restriction import GRID, NO_MORE_SAID, PROBLEMS, is_name, named, named_or_joint
from eipyomo.scaled import Stage
from eipyomo.validation import Finite, NonNegative, Record
from eipyomo.words import clipped, one_line, short, shown

SCHEMA = "eipyomo/result@1"
TRAINING_SCHEMA = "eipyomo/training@1"

LARGEST = 1.7e308
"""Beyond this, a number of JSON is an infinity here."""

Termination = Literal["optimal", "converged", "limit", "infeasible", "error"]


class Document(Record):
    """A result document without its schema; see :class:`~eipyomo.result.Result`."""

    instance: Annotated[StrictStr, Field(description="a text")]
    instance_digest: Annotated[
        Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")] | None,
        Field(description="64 hexadecimal digits or null"),
    ] = None
    method: Annotated[StrictStr, Field(description="a text")]
    solver: Annotated[StrictStr | None, Field(description="a text or null")]
    solver_version: Annotated[StrictStr | None, Field(description="a text or null")]
    package_version: Annotated[
        Annotated[StrictStr, Field(pattern=r"^\d+(\.\w+)*(\+[\w.]+)?$")] | None,
        Field(description="a version such as 0.1.0, or null"),
    ] = None
    package_commit: Annotated[
        Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{40,64}\+?$")] | None,
        Field(description="40 hexadecimal digits, with a plus if code was changed, or null"),
    ] = None
    options: Annotated[dict[str, Any], Field(description="an object")]
    problem: Annotated[StrictStr, Field(description="a text")]
    termination: Annotated[
        Termination, Field(description="optimal, converged, limit, infeasible or error")
    ]
    objective: Annotated[Finite | None, Field(description="a finite number or null")]
    minimised: Annotated[StrictStr, Field(description="a text")]
    value: Annotated[Finite | None, Field(description="a finite number or null")]
    bound: Annotated[Finite | None, Field(description="a finite number or null")]
    model_objective: Annotated[Finite | None, Field(description="a finite number or null")] = None
    gap: Annotated[Finite | None, Field(description="a finite number or null")]
    feasible: Annotated[StrictBool, Field(description="true or false")]
    max_violation: Annotated[Finite | None, Field(description="a finite number or null")]
    wall_s: Annotated[NonNegative, Field(description="a finite number (s) >= 0")]
    setup_s: Annotated[NonNegative, Field(description="a finite number (s) >= 0")]
    start_objective: Annotated[Finite | None, Field(description="a finite number or null")] = None
    iterations: Annotated[
        Annotated[StrictInt, Field(ge=0)] | None, Field(description="a whole number >= 0 or null")
    ]
    allocation: Annotated[dict[str, Any] | None, Field(description="an object or null")]
    breakdown: Annotated[dict[str, Any] | None, Field(description="an object or null")]
    prices: Annotated[dict[str, Any] | None, Field(description="an object or null")] = None
    conflict: Annotated[
        list[dict[str, Any]] | None, Field(description="a list of objects or null")
    ] = None
    trace: Annotated[list[dict[str, Any]], Field(description="a list of objects")]
    message: Annotated[StrictStr, Field(description="a text")]

    @property
    def kind(self) -> str:
        """The problem without the step of its grid."""
        return "grid" if self.problem.startswith(GRID) else self.problem

    @property
    def stage(self) -> Stage:
        """The stage of the problem."""
        return named_or_joint(self.problem)[1]

    def problem_of(self, instance: Instance) -> Problem:
        """Return the problem of an instance, as far as its name says it."""
        return Problem(instance, *named_or_joint(self.problem), self.objective_of_problem)

    @property
    def objective_of_problem(self) -> Objective:
        """What the problem minimises, as far as the document says it."""
        return OBJECTIVES.get(self.minimised, WSEL)


def read_result(document: Mapping[str, Any]) -> Document:
    """Return a result document, of which keys, types and names are right."""
    found = Document(**as_now(contents(document, SCHEMA, "result")))
    if found.method not in SOLVED_BY:
        raise InputError(
            f"method is {short(found.method)}, but must be one of: {', '.join(SOLVED_BY)}"
        )
    if is_name(found.problem):
        named(found.problem)  # or it is no step of a grid
    elif found.problem not in NO_MORE_SAID and found.method != "model":
        known = ", ".join((*PROBLEMS, f"{GRID}STEP", *NO_MORE_SAID))
        raise InputError(f"problem is {short(found.problem)}, but must be one of: {known}")
    if found.minimised not in (*OBJECTIVES, OWN):
        known = ", ".join((*OBJECTIVES, OWN))
        raise InputError(f"minimised is {short(found.minimised)}, but must be one of: {known}")
    for key in {"gap", "absolute_gap", "time_limit"} & set(found.options):
        if not is_number(found.options[key]) or found.options[key] < 0:
            raise InputError(
                f"options.{key} is {short(found.options[key])}, but must be a number >= 0"
            )
    return found


def as_now(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with keys that those of old do not have: they minimised WSEL."""
    own = document.get("model_objective")
    what, value = (OWN, own) if own is not None else (WSEL.name, document.get("objective"))
    unsaid = dict.fromkeys(("package_version", "package_commit"))
    return {"minimised": what, "value": value, **unsaid, **document}


def contents(document: Any, schema: str, what: str) -> dict[str, Any]:
    """Return what a document holds beside its schema, if that is the right one.

    Raises
    ------
    InputError
        If it is not, or there is something in it that JSON has no word for.
    """
    if not isinstance(document, Mapping):
        raise InputError(f"document is {shown(document)}, but must be an object")
    data = {str(key): value for key, value in document.items()}
    if (found := data.pop("schema", None)) != schema:
        raise InputError(f"schema is {short(found)}, but a {what} must have {short(schema)}")
    _require_numbers(data)
    return data


def require_schema(schema: Any, *, or_process: bool = False) -> None:
    """Refuse what is not the schema of a result, or of a process where that may be one too.

    Raises
    ------
    InputError
        If that is so.
    """
    allowed = (SCHEMA, TRAINING_SCHEMA) if or_process else (SCHEMA,)
    if not isinstance(schema, str) or schema not in allowed:
        more = f", and a process {TRAINING_SCHEMA!r}" if or_process else ""
        raise InputError(f"schema is {short(schema)}, but a result must have {SCHEMA!r}{more}")


def _require_numbers(document: Mapping[str, Any]) -> None:
    """Refuse NaN, infinities, and whatever else JSON has no word for, at any level."""
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(document, ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, Mapping):
            if not _is_plain(value.values()):
                waiting.extend((item, (*path, key)) for key, item in value.items())
        elif isinstance(value, list | tuple):
            if not _is_plain(value):
                waiting.extend((item, (*path, j)) for j, item in enumerate(value))
        elif not (value is None or isinstance(value, str | bool | np.bool_) or _is_finite(value)):
            where = clipped(one_line(".".join(map(str, path))))
            raise InputError(
                f"{where} is {value!r:.60}, but must be a finite number, a text, true, false or "
                "null"
            )


def _is_plain(values: Collection[Any]) -> bool:
    """Tell whether values are certainly what JSON has a word for, and none holds others."""
    return PLAIN.issuperset(map(type, values)) and all(
        abs(value) <= LARGEST for value in values if type(value) is float
    )


PLAIN = {float, str, bool, NoneType}
"""Types of which only floats can be what JSON has no word for."""


def _is_finite(value: Any) -> bool:
    return is_number(value) and bool(abs(value) <= LARGEST)
