"""Whether what a result document claims is true.

Nothing in a file is taken on its word. :func:`check` holds a document against itself: its keys,
its types, and every number that follows from others in it. With the instance at hand the
allocation is evaluated anew, and the document is held against that as well.

A document that cannot be read, or is one of something else, raises
:class:`~eipyomo.errors.InputError`; one that says what is not true
:class:`~eipyomo.errors.ClaimError`, which is one too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, StrictBool, StrictInt, StrictStr

from eipyomo.allocation import Allocation
from eipyomo.errors import ClaimError, InputError
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, Breakdown, Evaluation, evaluate
from eipyomo.instance import Instance
from eipyomo.validation import Finite, NonNegative, Positive, Record, require_kind, short, shown

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn, Round

SCHEMA = "eipyomo/result@1"
TRAINING_SCHEMA = "eipyomo/training@1"

TOLERANCE = 1e-9
"""Relative difference of two numbers that the same code computes on two machines, at most."""

REPAIR = 1e-5
"""Relative difference between a point in a trace and the same one repaired, at most."""

DIMENSIONLESS = 1e-12
"""Absolute difference of two gaps or violations, which are differences of such numbers."""

LARGEST = 1.7e308
"""Beyond this, a number of JSON is an infinity here."""

Termination = Literal["optimal", "converged", "limit", "infeasible", "error"]

EXACT_MACHINE = frozenset({"exact", "eco", "lco", "gbe", "exhaustive"})
"""Methods that prove their bounds themselves where no solver is named."""

PROVING_SOLVERS = frozenset({"scip", "highs", "couenne", "baron", "maingo", "milp"})
"""Solvers whose bounds are valid; what any other calls a bound is none."""

PROVING_ON_GRIDS = frozenset({"shot"})
"""Solvers whose bounds are valid on convex models; of those here only that of a grid is one."""

ANY = "*"
PROBLEMS = {
    "exact": (ANY,),
    "admm": ("joint", "training"),
    "minlp": ("joint", "training", "grid"),
    "milp": ("joint", "training"),
    "eco": ("eco",),
    "lco": ("lco",),
    "gbe": ("gbe",),
    "exhaustive": ("grid",),
    "model": (ANY,),
}
"""Which problems a method solves; "grid" stands for any step."""

OWN_PROBLEMS = ("model", "restricted")
"""Problems that a user has made, of which a document says no more."""

NAMED_PROBLEMS = ("joint", "training", "eco", "lco", "gbe", "gbe training", "grid")

ENERGIES = ("local_training_j", "upload_j", "offload_j", "download_j", "local_inference_j")
"""The terms of (8)."""

GIVEN = ("previous_download_s", "local_training_s")
"""Columns of a breakdown that the first documents did not have."""


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return (objective - bound) / |objective|; 0 where they are equal, None where undefined."""
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    return (objective - bound) / abs(objective) if objective else None


def round_of(problem: str) -> Round:
    """Return the round that a problem is one of."""
    return "training" if problem in ("training", "gbe training") else "inference"


class _Document(Record):
    """A result document without its schema; see :class:`~eipyomo.result.Result`."""

    instance: Annotated[StrictStr, Field(description="a text")]
    instance_digest: Annotated[
        Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")] | None,
        Field(description="64 hexadecimal digits or null"),
    ] = None
    method: Annotated[StrictStr, Field(description="a text")]
    solver: Annotated[StrictStr | None, Field(description="a text or null")]
    solver_version: Annotated[StrictStr | None, Field(description="a text or null")]
    options: Annotated[dict[str, Any], Field(description="an object")]
    problem: Annotated[StrictStr, Field(description="a text")]
    termination: Annotated[
        Termination, Field(description="optimal, converged, limit, infeasible or error")
    ]
    objective: Annotated[Finite | None, Field(description="a finite number or null")]
    bound: Annotated[Finite | None, Field(description="a finite number or null")]
    model_objective: Annotated[Finite | None, Field(description="a finite number or null")] = None
    gap: Annotated[Finite | None, Field(description="a finite number or null")]
    feasible: Annotated[StrictBool, Field(description="true or false")]
    max_violation: Annotated[Finite | None, Field(description="a finite number or null")]
    wall_s: Annotated[Finite, Field(description="a finite number (s)")]
    setup_s: Annotated[Finite, Field(description="a finite number (s)")]
    start_objective: Annotated[Finite | None, Field(description="a finite number or null")] = None
    iterations: Annotated[
        Annotated[StrictInt, Field(ge=0)] | None, Field(description="a whole number >= 0 or null")
    ]
    allocation: Annotated[dict[str, Any] | None, Field(description="an object or null")]
    breakdown: Annotated[dict[str, Any] | None, Field(description="an object or null")]
    prices: Annotated[dict[str, Any] | None, Field(description="an object or null")] = None
    trace: Annotated[list[dict[str, Any]], Field(description="a list of objects")]
    message: Annotated[StrictStr, Field(description="a text")]

    @property
    def minimised(self) -> float | None:
        """What `bound` and `gap` are of."""
        return self.objective if self.model_objective is None else self.model_objective

    @property
    def kind(self) -> str:
        """The problem without the step of its grid."""
        return "grid" if self.problem.startswith("grid:") else self.problem


class _UserPrices(Record):
    name: Annotated[StrictStr, Field(description="a text")]
    sync_per_s: Annotated[NonNegative, Field(description="a price per s")]
    delay_per_s: Annotated[NonNegative, Field(description="a price per s")]


class _Prices(Record):
    bandwidth_per_mhz: Annotated[NonNegative, Field(description="a price per MHz")]
    downlink_bandwidth_per_mhz: Annotated[NonNegative, Field(description="a price per MHz")]
    edge_frequency_per_ghz: Annotated[
        NonNegative | None, Field(description="a finite number >= 0 (a price per GHz)")
    ] = None
    users: Annotated[tuple[_UserPrices, ...], Field(description="a list of users' prices")]


@dataclass(frozen=True, eq=False)
class _Terms:
    """The breakdown of a document, in its order, and the allocation in the same order."""

    allocation: Allocation
    columns: Mapping[str, FloatColumn]

    def __getitem__(self, name: str) -> FloatColumn:
        return self.columns[name]


def check(
    document: Mapping[str, Any], instance: Instance | None = None
) -> tuple[Allocation | None, Evaluation | None]:
    """Refuse a result document that is broken, or says what is not true.

    Parameters
    ----------
    document
        A document of schema ``eipyomo/result@1``.
    instance
        The instance that was solved; without it the document is held against itself alone.

    Returns
    -------
    allocation, evaluation
        The document's allocation, and with an instance what :func:`eipyomo.evaluate` says of it;
        None where there is none.

    Raises
    ------
    InputError
        If a key is missing, unknown or of a wrong type, a name is unknown, or the document is one
        of another instance.
    ClaimError
        If a number is not what it must be, or the problem, the method and the way it ended do not
        go together.
    """
    read = _read(document)
    terms = _terms(read)
    evaluation = None
    if instance is not None:
        require_kind("instance", instance, Instance)
        _check_instance(read, instance)
        if terms is not None:
            evaluation = evaluate(instance, terms.allocation, round_of(read.problem))
            _check_evaluation(read, evaluation)
    if terms is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            _demand(_sums(read, terms))
    for rule in (_outcome, _proof, _ending):
        _demand(rule(read))
    if terms is not None:
        _demand(_violations(read, terms))
        _demand(_restriction(read, terms))
    _check_prices(read, instance)
    _check_trace(read)
    return (None if terms is None else terms.allocation), evaluation


def doubt(document: Mapping[str, Any], instance: Instance) -> str | None:
    """Say which claim of a result document is false; an allocation alone claims nothing.

    Raises
    ------
    InputError
        If the document is broken, or one of another instance.
    """
    if set(document) <= {"schema", "problem", "allocation"} or "allocation" not in document:
        return None
    try:
        check(document, instance)
    except ClaimError as error:
        return str(error)
    return None


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


def compare(claimed: Any, true: Any, what: str) -> None:
    """Refuse a claim that differs from the truth in any number, flag, text, key or length.

    Parameters
    ----------
    claimed
        Part of a document.
    true
        The same part, computed anew. Keys of :data:`GIVEN` may be missing in the claim.
    what
        The beginning of the sentence, which names the part.

    Raises
    ------
    ClaimError
        With both values.
    """
    if claimed == true and _same(claimed, true):
        return
    if isinstance(true, Mapping) and isinstance(claimed, Mapping):
        for key in (*claimed, *true):
            if key not in true:
                raise ClaimError(f"{what} with an unknown key {key!r}")
            if key in claimed:
                compare(claimed[key], true[key], f"{what}.{key}")
            elif key not in GIVEN:
                raise ClaimError(f"{what} without the key {key!r}, but must have it")
    elif isinstance(true, list) and isinstance(claimed, list) and len(true) == len(claimed):
        for j, (one, other) in enumerate(zip(claimed, true, strict=True)):
            compare(one, other, f"{what}[{j}]")
    elif not _same(claimed, true):
        raise ClaimError(f"{what} {_shown(claimed)}, but it is {_shown(true)}")


def check_process(document: Mapping[str, Any]) -> None:
    """Refuse a document of many rounds that is broken or contradicts itself.

    Parameters
    ----------
    document
        A document of schema ``eipyomo/training@1``; see :class:`~eipyomo.process.Training`.

    Raises
    ------
    InputError
        If a key is missing, unknown or of a wrong type.
    ClaimError
        If a round is false, or rounds, starts and totals do not add up.
    """
    read = _read_process(document)
    for n, result in enumerate(read.rounds, start=1):
        try:
            check(result)
        except InputError as error:
            raise type(error)(f"round {n}: {error}") from None
    _demand(_process(read), "the process")
    _check_chain(read)


def _demand(false_claims: Iterator[str], who: str = "the result") -> None:
    """Raise the first of the false claims, if there is one."""
    for claim in false_claims:
        raise ClaimError(f"{who} claims {claim}")


# --- one result -----------------------------------------------------------------------------------


def _read(document: Mapping[str, Any]) -> _Document:
    """Check keys, types and names."""
    data = _object(document)
    schema = data.pop("schema", None)
    require_schema(schema)
    _require_numbers(data)
    read = _Document(**{str(key): value for key, value in data.items()})
    if read.method not in PROBLEMS:
        raise InputError(f"method is {read.method!r}, but must be one of: {', '.join(PROBLEMS)}")
    if read.kind not in (*NAMED_PROBLEMS, *OWN_PROBLEMS) and read.method != "model":
        raise InputError(
            f"problem is {read.problem!r}, but must be one of: "
            f"{', '.join((*NAMED_PROBLEMS[:-1], 'grid:STEP', *OWN_PROBLEMS))}"
        )
    if read.problem.startswith("grid:"):
        _parts(read.problem)
    for key in {"gap", "absolute_gap", "time_limit"} & set(read.options):
        if not _is_number(read.options[key]) or read.options[key] < 0:
            raise InputError(f"options.{key} is {read.options[key]!r}, but must be a number >= 0")
    return read


def _object(document: Any) -> dict[str, Any]:
    """Return a copy of a document, if it is one at all."""
    if not isinstance(document, Mapping):
        raise InputError(f"document is {shown(document)}, but must be an object")
    return dict(document)


def _require_numbers(document: Mapping[str, Any]) -> None:
    """Refuse NaN, infinities, and whatever else JSON has no word for, at any level."""
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(document, ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend((item, (*path, key)) for key, item in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((item, (*path, j)) for j, item in enumerate(value))
        elif not (value is None or isinstance(value, str | bool | np.bool_) or _is_finite(value)):
            where = ".".join(map(str, path))
            raise InputError(
                f"{where} is {value!r:.60}, but must be a finite number, a text, true, false or "
                "null"
            )


def _is_finite(value: Any) -> bool:
    return _is_number(value) and bool(abs(value) <= LARGEST)


def _check_instance(read: _Document, instance: Instance) -> None:
    """Refuse another instance's document, and one that calls this instance infeasible."""
    digest = read.instance_digest
    if digest is not None and digest != instance.digest():
        raise InputError(
            f"the result is one of another instance than {instance.name!r}: instance_digest is "
            f"{digest[:12]}..., but must be {instance.digest()[:12]}..."
        )
    if read.termination == "infeasible" and read.kind in NAMED_PROBLEMS:
        plain = _equal_shares(instance, read.problem)
        if evaluate(instance, plain, round_of(read.problem)).feasible:
            raise ClaimError(
                f"the result claims that problem {read.problem!r} is infeasible, but equal shares "
                "of the band are a feasible allocation"
            )


def _check_evaluation(read: _Document, evaluation: Evaluation) -> None:
    """Hold what `evaluate` says of the allocation against what the document says."""
    true = evaluation.to_dict()
    cost = true["objective"] if evaluation.feasible else None
    if not _same(read.objective, cost):
        raise ClaimError(
            f"the result claims objective {_shown(read.objective)}, but its allocation "
            + (
                f"costs {_shown(cost)}"
                if cost is not None
                else f"is infeasible: {true['violated']}"
            )
        )
    if read.feasible != evaluation.feasible:
        raise ClaimError(
            f"the result claims feasible {_shown(read.feasible)}, but its allocation is "
            + ("feasible" if evaluation.feasible else f"infeasible: {true['violated']}")
        )
    if not _same(read.max_violation, true["max_violation"], DIMENSIONLESS):
        raise ClaimError(
            f"the result claims max_violation {_shown(read.max_violation)}, but its allocation's "
            f"is {_shown(true['max_violation'])}"
        )
    assert read.breakdown is not None
    claimed = {user["name"]: user for user in read.breakdown["users"]}
    users = true["breakdown"]["users"]
    compare([claimed[user["name"]] for user in users], users, "the result claims breakdown.users")


def _outcome(read: _Document) -> Iterator[str]:
    """Hold objective, bound and gap against one another, and against there being an allocation."""
    sound = read.max_violation is not None and read.max_violation <= FEASIBILITY_TOLERANCE
    is_feasible = "feasible" if read.feasible else "infeasible"
    if read.feasible != sound:
        yield (
            f"to be {is_feasible}, but max_violation {_shown(read.max_violation)}, where "
            f"{FEASIBILITY_TOLERANCE:g} is allowed"
        )
    if (read.objective is not None) != read.feasible:
        yield f"objective {_shown(read.objective)}, but to be {is_feasible}"
    if (read.max_violation is not None) != (read.allocation is not None):
        yield f"max_violation {_shown(read.max_violation)}, which only an allocation has"
    own = read.model_objective
    if own is not None and not read.feasible:
        yield f"model_objective {_shown(own)}, but has no feasible allocation"
    if own is not None and read.kind in NAMED_PROBLEMS:
        yield f"model_objective {_shown(own)}, but problem {read.problem!r} minimises WSEL"
    if read.bound is not None and read.minimised is not None and read.bound > read.minimised:
        yield f"bound {_shown(read.bound)}, but its own point costs only {_shown(read.minimised)}"
    gap = relative_gap(read.minimised, read.bound)
    if not _same(read.gap, gap, DIMENSIONLESS):
        yield f"gap {_shown(read.gap)}, but objective and bound make it {_shown(gap)}"


def _proof(read: _Document) -> Iterator[str]:
    """Hold the problem and the bound against what the method solves and can prove."""
    solved = PROBLEMS[read.method]
    if ANY not in solved and read.kind not in solved:
        yield f"problem {read.problem!r}, but method {read.method!r} solves {' or '.join(solved)}"
    if read.problem.startswith("grid:") and "step" in read.options:
        step = read.options["step"]
        if not _is_number(step) or f"grid:{step:g}" != read.problem:
            yield f"problem {read.problem!r}, but its option step is {step!r}"
    exactly = read.solver is None and read.method in EXACT_MACHINE
    on_grid = read.problem.startswith("grid:") and read.solver in PROVING_ON_GRIDS
    if not (read.bound is None or exactly or on_grid or read.solver in PROVING_SOLVERS):
        by = f" with solver {read.solver!r}" if read.solver is not None else ""
        yield f"bound {_shown(read.bound)}, but method {read.method!r}{by} proves none"


def _ending(read: _Document) -> Iterator[str]:
    """Hold the termination against what there is."""
    ending = read.termination
    if ending in ("optimal", "converged") and not read.feasible:
        yield f"termination {ending!r}, but has no feasible allocation"
    if ending == "limit" and read.allocation is not None and not read.feasible:
        yield "termination 'limit', but its allocation is infeasible, which is an error"
    if ending == "infeasible" and (read.feasible or read.bound is not None):
        what = (
            f"an allocation with max_violation {read.max_violation:.3g}"
            if read.feasible
            else f"bound {_shown(read.bound)}"
        )
        yield f"termination 'infeasible', but has {what}"
    if ending == "converged" and read.bound is not None:
        yield f"termination 'converged', which proves nothing, but also bound {_shown(read.bound)}"
    if ending == "error" and not read.message.strip():
        yield "termination 'error', but its message says nothing"
    if ending == "optimal" and read.objective is not None:
        allowed, gap = _allowed_gap(read), relative_gap(read.minimised, read.bound)
        if allowed is None or gap is None or gap > allowed * (1.0 + 1e-6):
            yield (
                "termination 'optimal', but its gap is "
                f"{'unknown' if gap is None else f'{gap:.3g}'}, where its options allow "
                f"{'none' if allowed is None else f'{allowed:.3g}'}"
            )


def _allowed_gap(read: _Document) -> float | None:
    """Return the relative gap that the options ask for; None if they name none."""
    if "gap" not in read.options:
        return None
    gap, absolute = float(read.options["gap"]), float(read.options.get("absolute_gap", 0.0))
    return max(gap, absolute / abs(read.minimised)) if read.minimised else gap


def _check_prices(read: _Document, instance: Instance | None) -> None:
    """Check that prices are those of the instance's users, and of a method that has them."""
    if read.prices is None:
        return
    if read.solver is not None or read.method not in EXACT_MACHINE or not read.feasible:
        raise ClaimError(
            f"the result claims prices, but method {read.method!r} gives none without a proof"
        )
    try:
        prices = _Prices(**read.prices)
    except InputError as error:
        raise InputError(f"prices.{error}") from None
    names = [user.name for user in prices.users]
    if instance is not None and names != [user.name for user in instance.users]:
        raise InputError(f"prices.users has {names!r}, but must have the instance's users in order")
    if len(names) != len((read.allocation or {"users": ()})["users"]):
        raise InputError(f"prices.users has {len(names)} users, but must have one for each user")


def _check_trace(read: _Document) -> None:
    """Check that all rows are alike, and where a method writes one per iteration, their number."""
    if not read.trace:
        return
    shapes = {key: _shape(value) for key, value in read.trace[0].items()}
    for n, row in enumerate(read.trace):
        if {key: _shape(value) for key, value in row.items()} != shapes:
            raise InputError(
                f"trace[{n}] is unlike trace[0], but all rows must have the keys "
                f"{', '.join(shapes)} with values of one kind"
            )
    by_iteration = read.method == "admm" or (read.solver is None and read.method in EXACT_MACHINE)
    if by_iteration and len(read.trace) != read.iterations:
        raise ClaimError(
            f"the result claims {read.iterations} iterations, but its trace has {len(read.trace)}"
        )
    if read.minimised is not None and read.termination != "error":  # which may be this very thing
        _demand(_trace(read, read.minimised))


def _trace(read: _Document, cost: float) -> Iterator[str]:
    """Hold the incumbents and bounds on the way against the answer: these end at it at best."""
    room = REPAIR * abs(cost)
    for n, row in enumerate(read.trace):
        for key in {"objective", "best_objective", "incumbent"} & set(row):
            if row[key] is not None and row[key] < cost - room:
                yield (
                    f"objective {_shown(cost)}, but its trace has {key} {_shown(row[key])} in row "
                    f"{n}"
                )
        if row.get("bound") is not None and row["bound"] > cost + room:
            yield (
                f"bound {_shown(row['bound'])} in row {n} of its trace, but its own point costs "
                f"only {_shown(cost)}"
            )


def _shape(value: Any) -> tuple[str, int]:
    """Return the kind of a trace's value, and how many numbers it holds; null may be a number."""
    if isinstance(value, list | tuple):
        return "list", len(value)
    return ("number" if value is None or _is_number(value) else type(value).__name__), 1


def _terms(read: _Document) -> _Terms | None:
    """Read the allocation and the breakdown's columns; null stands for what is not finite."""
    if read.allocation is None and read.breakdown is None:
        return None
    if read.allocation is None or read.breakdown is None:
        lacking = "allocation" if read.allocation is None else "breakdown"
        raise InputError(f"{lacking} is null, but the result has the other half of it")
    users = read.breakdown.get("users")
    if set(read.breakdown) != {"users"} or not isinstance(users, list) or not users:
        raise InputError("breakdown is no object with a list of users, but must be one")
    known = ["name", *(field.name for field in fields(Breakdown)[1:])]
    for j, user in enumerate(users):
        keys = set(user) if isinstance(user, Mapping) else set()
        if not set(known) - set(GIVEN) <= keys <= set(known):
            wrong = sorted((keys - set(known)) | (set(known) - keys))
            raise InputError(
                f"breakdown.users[{j}] has wrong or missing keys ({', '.join(wrong)}), but must "
                f"have: {', '.join(known)}"
            )
        for key in keys - {"name"}:
            if user[key] is not None and not _is_number(user[key]):
                raise InputError(
                    f"breakdown.users[{j}].{key} is {user[key]!r}, but must be a number or null"
                )
    names = [user["name"] for user in users]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(f"breakdown.users has the names {names!r}, but must have unique texts")
    columns = {
        key: np.array([math.inf if user.get(key) is None else user[key] for user in users], float)
        for key in known[1:]
        if all(key in user for user in users)
    }
    try:
        allocation = Allocation.from_dict(read.allocation)
    except InputError as error:
        raise InputError(f"allocation.{error}") from None
    return _Terms(allocation.for_users(names), columns)


def _sums(read: _Document, terms: _Terms) -> Iterator[str]:
    """Hold every number of the breakdown that follows from others against them."""
    allocation, names = terms.allocation, terms.allocation.names
    tasks = round_of(read.problem) == "inference"
    a, offload, sync_s = allocation.download, allocation.offload_fraction, allocation.sync_s
    happens = {
        "download_s": a,
        "download_j": a,
        "local_inference_s": a & (offload != 1.0) & tasks,
        "local_inference_j": a & (offload != 1.0) & tasks,
        "offload_s": (offload != 0.0) & tasks,
        "edge_inference_s": (offload != 0.0) & tasks,
    }
    true = {key: np.where(where, terms[key], 0.0) for key, where in happens.items()}
    true["energy_j"] = np.sum([terms[key] for key in ENERGIES], axis=0)
    power_w = terms["upload_j"] / terms["upload_s"]
    true["offload_j"] = np.where(true["offload_s"] == 0, 0.0, power_w * terms["offload_s"])
    before: FloatColumn = np.zeros(len(names))
    if all(key in terms.columns for key in GIVEN):
        before = terms["previous_download_s"]
        uploaded = before + terms["local_training_s"] + terms["upload_s"]
        true["ready_s"] = np.maximum(sync_s, uploaded + terms["offload_s"])
        local = np.where(a, sync_s + terms["download_s"] + terms["local_inference_s"], -np.inf)
        edge = terms["ready_s"] + terms["edge_inference_s"]
        true["latency_s"] = np.maximum(local, edge) - before
    for key, column in true.items():
        room = TOLERANCE * (np.abs(column) + (before if key == "latency_s" else 0.0))
        same = (terms[key] == column) | (np.abs(terms[key] - column) <= room) & np.isfinite(column)
        wrong = ~same & ~np.isnan(column)
        for j in np.flatnonzero(wrong):
            yield (
                f"{key} {_shown(float(terms[key][j]))} for user {names[j]!r}, but its terms make "
                f"it {_shown(float(column[j]))}"
            )
    for key, given in terms.columns.items():
        if read.feasible and not np.isfinite(given).all():
            yield f"to be feasible, but {key} is null, which stands for what never ends"
    if read.objective is not None:
        cost = float(terms["wsel"].sum())
        if not _same(read.objective, cost):
            yield (
                f"objective {_shown(read.objective)}, but its users' costs sum to "
                f"{_shown(cost if math.isfinite(cost) else None)}"
            )


def _violations(read: _Document, terms: _Terms) -> Iterator[str]:
    """Hold max_violation against what of it the decisions show without an instance."""
    allocation = terms.allocation
    up, down, offload = (
        allocation.uplink_share,
        allocation.downlink_share,
        allocation.offload_fraction,
    )
    seen = {
        "shares of the band above 1": float(up.sum() + down.sum()) - 1.0,
        "a share below 0": float(max((-up).max(), (-down).max())),
        "an upload without a share": float((up <= 0).any()),
        "a download without a share": float((allocation.download & (down <= 0)).any()),
        "an offload fraction outside of 0 to 1": float(max((-offload).max(), offload.max() - 1.0)),
        "a local part without download": float(
            np.where(allocation.download, 0.0, 1.0 - offload).max()
        ),
    }
    if round_of(read.problem) == "training":
        seen["a training round without download"] = float((~allocation.download).any())
    if all(key in terms.columns for key in GIVEN):
        uploaded = terms["previous_download_s"] + terms["local_training_s"] + terms["upload_s"]
        last_s = float(uploaded.max())
        if math.isfinite(last_s) and last_s > 0:
            seen["a sync time before the last upload"] = (last_s - allocation.sync_s) / last_s
    assert read.max_violation is not None
    worst = max(seen, key=lambda key: seen[key])
    if seen[worst] > read.max_violation * (1.0 + TOLERANCE) + TOLERANCE:
        yield f"max_violation {read.max_violation:.3g}, but has {worst}, by {seen[worst]:.3g}"


def _restriction(read: _Document, terms: _Terms) -> Iterator[str]:
    """Hold a feasible allocation against the restriction that it is said to satisfy."""
    if read.feasible and read.termination != "error":  # an error may be this very violation
        yield from beyond_restriction(read.problem, terms.allocation)


def beyond_restriction(problem: str, allocation: Allocation) -> Iterator[str]:
    """Iterate over what an allocation does that the problem named does not allow beside (10).

    Parameters
    ----------
    problem
        As in :class:`~eipyomo.result.Result`; names without a restriction allow everything.
    allocation
        Feasible in (10).
    """
    a, offload = allocation.download, allocation.offload_fraction
    wants: dict[str, tuple[Any, str]] = {}
    if problem == "eco":
        wants["download"] = (a, "a = 0")
    if problem in ("lco", "training", "gbe training"):
        wants["download"] = (~a, "a = 1")
        wants["offload_fraction"] = (np.abs(offload) > FEASIBILITY_TOLERANCE, "ι = 0")
    if problem.startswith("grid:"):
        points = offload * _parts(problem)
        off = np.abs(points - np.round(points)) / _parts(problem)
        wants["offload_fraction"] = (off > FEASIBILITY_TOLERANCE, "ι on that grid")
    for key, (wrong, allowed) in wants.items():
        for j in np.flatnonzero(wrong):
            value = getattr(allocation, key)[j].item()
            yield (
                f"problem {problem!r}, which has {allowed}, but {key} of user "
                f"{allocation.names[j]!r} is {_shown(value)}"
            )
    if problem in ("gbe", "gbe training"):
        for key in ("uplink_share", "downlink_share"):
            total = float(getattr(allocation, key).sum())
            if total > 0.5 * (1.0 + FEASIBILITY_TOLERANCE):
                yield (
                    f"problem {problem!r}, which has half of the band in each direction, but "
                    f"{key} sums to {total:.9g}"
                )


def _parts(problem: str) -> int:
    """Return n of ``grid:1/n``."""
    try:
        step = float(problem.removeprefix("grid:"))
    except ValueError:
        step = 0.0
    parts = round(1.0 / step) if 1e-9 < step <= 1.0 else 0
    if parts == 0 or f"grid:{1.0 / parts:g}" != problem:
        raise InputError(f"problem is {problem!r}, but its step must be 1/n for a whole number n")
    return parts


def _equal_shares(instance: Instance, problem: str) -> Allocation:
    """Return the plainest allocation of a problem: equal shares, and a sync that waits for all."""
    data = instance.scaled
    users = len(data)
    everywhere = problem in ("lco", "training", "gbe training")
    ones = np.ones(users)
    share = ones / (2 * users)
    plain = Allocation(
        names=data.names,
        sync_s=0.0,
        download=np.full(users, everywhere),
        offload_fraction=0.0 * ones if everywhere else ones,
        frequency_hz=np.array([user.max_frequency_hz for user in instance.users]) * everywhere,
        uplink_share=share,
        downlink_share=share * everywhere,
        edge_frequency_hz=None
        if instance.server.total_frequency_hz is None
        else ones * min(instance.server.frequency_hz, instance.server.total_frequency_hz / users),
    )
    terms = evaluate(instance, plain, round_of(problem)).breakdown
    last_s = float((data.upload_start_s + terms.upload_s).max())
    return replace(plain, sync_s=last_s)


# --- a process of many rounds ---------------------------------------------------------------------


class _Process(Record):
    """A document of many rounds without its schema; see :class:`~eipyomo.process.Training`."""

    instance: Annotated[StrictStr, Field(description="a text")]
    method: Annotated[StrictStr, Field(description="a text")]
    training_method: Annotated[StrictStr, Field(description="a text")]
    planned_rounds: Annotated[StrictInt, Field(ge=1, description="a whole number >= 1")]
    complete: Annotated[StrictBool, Field(description="true or false")]
    message: Annotated[StrictStr, Field(description="a text")]
    totals: Annotated[dict[str, Any], Field(description="an object")]
    starts_s: Annotated[list[Any], Field(description="a list of times in s")]
    channel_gains: Annotated[list[list[Positive]], Field(description="a list of gains a round")]
    rounds: Annotated[
        list[dict[str, Any]], Field(min_length=1, description="a list of results, one at least")
    ]


def _read_process(document: Mapping[str, Any]) -> _Process:
    """Check keys, types and lengths."""
    data = _object(document)
    schema = data.pop("schema", None)
    if schema != TRAINING_SCHEMA:
        raise InputError(f"schema is {short(schema)}, but a process must have {TRAINING_SCHEMA!r}")
    _require_numbers(data)
    read = _Process(**{str(key): value for key, value in data.items()})
    users = read.totals.get("users")
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise InputError(f"totals.users is {users!r}, but must be a list of objects")
    if [len(gains) for gains in read.channel_gains] != [len(users)] * len(read.rounds):
        raise InputError(
            f"channel_gains must have a row for each of {len(read.rounds)} rounds, with a number "
            f"for each of {len(users)} users, but has not"
        )
    return read


def _process(read: _Process) -> Iterator[str]:
    """Hold the rounds against the plan; each of them has been checked."""
    solved = [result["feasible"] for result in read.rounds]
    planned = read.planned_rounds
    if read.complete != (all(solved) and len(solved) == planned) or len(solved) > planned:
        yield (
            f"{planned} planned rounds and complete {_shown(read.complete)}, but has "
            f"{sum(solved)} with an allocation"
        )
    if not all(solved[:-1]):
        yield "rounds after one without an allocation, but a process ends there"
    for n, result in enumerate(read.rounds, start=1):
        problem = result["problem"]
        if problem not in OWN_PROBLEMS and (round_of(problem) == "inference") != (n == planned):
            yield f"problem {problem!r} in round {n} of {planned}"
    plan = {True: read.method, False: read.training_method}
    for n, result in enumerate(read.rounds, start=1):
        method = plan[n == planned].partition(":")[0]
        if result["method"] != method:
            yield f"method {method!r} in round {n}, but it was solved by {result['method']!r}"
    names = [user.get("name") for user in read.totals["users"]]
    for n, result in enumerate(read.rounds, start=1):
        if result["feasible"] and names != [u["name"] for u in result["breakdown"]["users"]]:
            yield f"totals of the users {names!r}, but round {n} has others"


def _check_chain(read: _Process) -> None:
    """Hold starts, download times and totals against the rounds that have an allocation."""
    solved = [result for result in read.rounds if result["feasible"]]
    syncs_s = [result["allocation"]["sync_s"] for result in solved]
    starts_s = [sum(syncs_s[:n]) for n in range(len(solved))]
    compare(read.starts_s, starts_s, "the process claims starts_s")
    terms = [result["breakdown"]["users"] for result in solved]
    for n, (before, after) in enumerate(pairwise(terms), start=2):
        for earlier, user in zip(before, after, strict=True):
            compare(
                user.get("previous_download_s"),
                earlier["download_s"],
                f"the process claims for user {user['name']!r} in round {n} previous_download_s",
            )
    users = []
    for j, claimed in enumerate(read.totals["users"]):
        row = {key: sum(users[j][key] for users in terms) for key in SUMMED}
        initial_s = terms[0][j].get("previous_download_s") if terms else None
        end_s = claimed.get("end_s") if initial_s is None else row["latency_s"] + initial_s
        users.append({**claimed, **row, "end_s": end_s})
    if not all(_is_number(user.get("initial_download_j")) for user in users):
        raise InputError("totals.users must have initial_download_j (J) each, but has not")
    sums = {key: sum(user[key] for user in users) for key in (*SUMMED, "initial_download_j")}
    totals = {**sums, "end_s": max(user["end_s"] for user in users), "users": users}
    compare(read.totals, totals, "the process claims totals")


SUMMED = ("energy_j", "latency_s", "wsel")
"""What is summed over rounds."""

# --- values ---------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _same(claimed: Any, true: Any, room: float = 0.0) -> bool:
    """Whether two values are equal: numbers to within the tolerance, everything else exactly."""
    if _is_number(claimed) and _is_number(true):
        return bool(abs(claimed - true) <= TOLERANCE * max(abs(claimed), abs(true)) + room)
    if isinstance(claimed, list) and isinstance(true, list):
        pairs = zip(claimed, true, strict=False)
        return len(claimed) == len(true) and all(_same(one, other) for one, other in pairs)
    return type(claimed) is type(true) and bool(claimed == true)


def _shown(value: Any) -> str:
    """Write a value as a person would read it; numbers with enough digits to tell them apart."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if _is_number(value) else repr(value)
