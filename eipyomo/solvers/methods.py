"""All methods by name, and the one entry to them: :func:`solve`."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError, SolverError
from eipyomo.result import Result
from eipyomo.solvers.admm import solve_admm
from eipyomo.solvers.benchmarks import solve_eco, solve_exhaustive, solve_gbe, solve_lco
from eipyomo.solvers.certified import solve_exactly
from eipyomo.solvers.minlp import solve_milp, solve_minlp

if TYPE_CHECKING:
    from collections.abc import Callable

    from eipyomo.instance import Instance
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
    chosen, options = resolve(method, options)
    return chosen.run(instance, **options)


def attempt(instance: Instance, method: str, **options: Any) -> Result:
    """Solve like :func:`solve`, but give a missing or failing solver back as a result."""
    try:
        return solve(instance, method, **options)
    except SolverError as error:
        name, _, solver = method.partition(":")
        return Result(
            instance=instance.name,
            instance_digest=instance.digest(),
            method=name,
            problem=METHODS[name].problem(options.get("round", "inference")),
            termination="error",
            solver=solver or options.get("solver"),
            options={key: value for key, value in options.items() if key != "start"},
            message=str(error),
        )


def resolve(method: str, options: dict[str, Any]) -> tuple[Method, dict[str, Any]]:
    """Return the method and its checked options for a name such as ``minlp:bonmin``."""
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
    return chosen, options


def _require_positive(key: str, value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:
        unit = " (s)" if key == "time_limit" else ""
        raise InputError(f"{key} is {value!r}, but must be a finite number > 0{unit}")
