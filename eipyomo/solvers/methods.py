"""All methods by name, and the one entry to them: :func:`solve`."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError, OutputError, SolverError
from eipyomo.files import refusal
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.solvers.admm import solve_admm
from eipyomo.solvers.benchmarks import solve_eco, solve_exhaustive, solve_gbe, solve_lco
from eipyomo.solvers.certified import solve_exactly
from eipyomo.solvers.minlp import solve_milp, solve_minlp
from eipyomo.validation import is_positive, require_kind, shown

if TYPE_CHECKING:
    from eipyomo.scaled import Round


@dataclass(frozen=True)
class Method:
    """One way to solve an instance.

    Attributes
    ----------
    run
        Called with the instance and the method's options by keyword.
    description
        One phrase for tables and help.
    restriction
        The restricted problem that it solves; None for (10) itself.
    """

    run: Callable[..., Result]
    description: str
    restriction: str | None = None

    def problem(self, round: Round) -> str:
        """Return what the method solves, as :class:`~eipyomo.result.Result` names it."""
        return self.restriction or ("training" if round == "training" else "joint")

    @property
    def trains(self) -> bool:
        """Whether the method solves rounds before the last too."""
        return self.restriction is None and "round" in self.options

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that the method knows."""
        return tuple(inspect.signature(self.run).parameters)[1:]


METHODS = {
    "exact": Method(solve_exactly, "(10) to proven global optimality, at any size"),
    "admm": Method(solve_admm, "the letter's decomposition: a heuristic, linear in the users"),
    "minlp": Method(solve_minlp, "(10) as a Pyomo model, solved by scip, bonmin, ..."),
    "milp": Method(solve_milp, "(10) by a piecewise linear relaxation, with HiGHS and Ipopt"),
    "eco": Method(solve_eco, "edge computing only (a = 0)", "eco"),
    "lco": Method(solve_lco, "local computing only (ι = 0)", "lco"),
    "gbe": Method(solve_gbe, "half of the band for each direction", "gbe"),
    "exhaustive": Method(solve_exhaustive, "ι on a grid, proven", "grid"),
}

DEFAULT_METHOD = "exact"


def solve(instance: Instance, method: str = DEFAULT_METHOD, **options: Any) -> Result:
    """Solve an instance.

    Parameters
    ----------
    instance
        The instance.
    method
        One of ``METHODS``; ``minlp:bonmin`` is short for method ``minlp`` with
        ``solver="bonmin"``.
    **options
        ``gap`` (relative), ``time_limit`` in s, ``round``, and the method's own.

    Raises
    ------
    InputError
        If the method or an option is unknown, or a value is not allowed.
    SolverError
        If a solver that the method needs is missing.
    """
    require_kind("instance", instance, Instance)
    chosen, options = resolve(method, options)
    # A cost beyond all numbers is infinite or none, and judged as such.
    with np.errstate(over="ignore", invalid="ignore"):
        return chosen.run(instance, **options)


def attempt(instance: Instance, method: str, **options: Any) -> Result:
    """Solve like :func:`solve`, but give a missing or failing solver back as a result.

    So it is where the system has no room for a solver's files.
    """
    try:
        return solve(instance, method, **options)
    except (SolverError, OSError) as error:
        if isinstance(error, OutputError):
            raise
        name, _, solver = method.partition(":")
        return Result(
            instance=instance.name,
            instance_digest=instance.digest(),
            method=name,
            problem=METHODS[name].problem(options.get("round", "inference")),
            termination="error",
            solver=solver or options.get("solver"),
            options={key: value for key, value in options.items() if key != "start"},
            message=str(error) if isinstance(error, SolverError) else refusal(error),
        )


def resolve(method: str, options: dict[str, Any]) -> tuple[Method, dict[str, Any]]:
    """Return the method and its checked options for a name such as ``minlp:bonmin``.

    Raises
    ------
    InputError
        If the method or an option is unknown, or a value of a wrong kind.
    """
    require_kind("method", method, str)
    name, _, solver = method.partition(":")
    if name not in METHODS:
        raise InputError(f"method is {method!r}, but must be one of: {', '.join(METHODS)}")
    chosen = METHODS[name]
    if solver:
        if options.get("solver", solver) != solver:
            raise InputError(
                f"solver is {options['solver']!r}, but the method {method!r} names another"
            )
        options = {**options, "solver": solver}
    for key in options:
        if key not in chosen.options:
            raise InputError(
                f"{key} is not an option of method {name!r}, but must be one of: "
                f"{', '.join(chosen.options)}"
            )
    for key in ("gap", "time_limit"):  # an absolute gap may be 0
        if key in options:
            _require_positive(key, options[key])
    return chosen, {key: _checked(chosen, key, value) for key, value in options.items()}


def _require_positive(key: str, value: Any) -> None:
    if not is_positive(value):
        unit = " (s)" if key == "time_limit" else ""
        raise InputError(f"{key} is {shown(value)}, but must be a finite number > 0{unit}")


def _checked(method: Method, key: str, value: Any) -> Any:
    """Return an option's value without numpy, if it is one of a kind that the option takes.

    The kinds are those of the annotation, so that no option can be without this check.
    """
    value = value.item() if isinstance(value, np.generic) else value
    annotation = inspect.signature(method.run).parameters[key].annotation
    kinds = [KINDS[kind] for kind in annotation.split(" | ")]
    if not any(is_of_kind(value) for is_of_kind, _ in kinds):
        words = " or ".join(dict.fromkeys(what for _, what in kinds if what))
        raise InputError(f"{key} is {shown(value)}, but must be {words}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "None": (lambda value: value is None, ""),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "float": (
        lambda value: _is_number(value) and abs(value) <= sys.float_info.max,
        "a finite number",
    ),
    "int": (lambda value: _is_number(value) and value == value // 1, "a whole number"),
    "str": (lambda value: isinstance(value, str), "a text"),
    "PathLike": (lambda value: isinstance(value, str | os.PathLike), "a path"),
    "Round": (lambda value: isinstance(value, str), "inference or training"),
    "Literal['equal']": (lambda value: isinstance(value, str), "'equal'"),
    "Allocation": (lambda value: isinstance(value, Allocation), "an Allocation"),
    "Mapping[str, float]": (lambda value: isinstance(value, Mapping), "a mapping"),
    "Mapping[str, Any]": (lambda value: isinstance(value, Mapping), "a mapping"),
    "Executor": (lambda value: isinstance(value, Executor), "an Executor"),
}
"""What options may be, by the words of their annotations: a check, and what to call it."""
