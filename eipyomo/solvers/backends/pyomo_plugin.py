"""Our way to reach solvers, as Pyomo solvers for any Pyomo model.

``pyo.SolverFactory("eipyomo.bonmin")`` is available once :mod:`eipyomo` is imported; see
:mod:`eipyomo.solvers.backends.registration`.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyomo.environ as pyo
from pyomo.common.collections import Bunch
from pyomo.core.base.symbol_map import SymbolMap
from pyomo.core.staleflag import StaleFlagManager
from pyomo.opt import (
    ProblemSense,
    Solution,
    SolverResults,
    SolverStatus,
    TerminationCondition,
)

from eipyomo.errors import InputError, SolverError
from eipyomo.models.diagnostics import objective, violation
from eipyomo.models.writers import label, nl
from eipyomo.solvers.backends.registry import BACKENDS
from eipyomo.solvers.backends.registry import backend as find_backend
from eipyomo.solvers.backends.watch import watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eipyomo.solvers.backends.base import Answer, Backend

TERMINATION = {
    "optimal": (SolverStatus.ok, TerminationCondition.optimal),
    "converged": (SolverStatus.ok, TerminationCondition.locallyOptimal),
    "limit": (SolverStatus.aborted, TerminationCondition.maxTimeLimit),
    "infeasible": (SolverStatus.warning, TerminationCondition.noSolution),
    "unbounded": (SolverStatus.warning, TerminationCondition.unbounded),
    "error": (SolverStatus.error, TerminationCondition.error),
}
"""Pyomo's words; ``infeasible`` is one of them only where that is proven."""

SOLVED = ("optimal", "converged", "limit")
"""Answers whose point is a solution."""

FEASIBLE = 1e-5
"""Largest violation of a row or bound by a solution, relative to a side that is above 1."""

ROUNDING = 1e-6
"""How far a bound may be beyond the cost of a solution, relative to it, and still be rounding."""

NO_LIMIT_S = 1e8


class ReachedSolver:
    """A Pyomo solver around one of our backends, which run in processes of their own.

    Parameters
    ----------
    options
        Settings by the solver's own names, for every solve; also as ``solver.options["name"]``.
    executable
        Path of an executable that speaks the AMPL protocol, to be used for the solver.

    Notes
    -----
    ``SolverFactory`` turns an error in here into a solver that does not exist, and so what is wrong
    with these is said when the solver is used.
    """

    backend: Backend

    def __init__(
        self,
        *,
        options: Mapping[str, Any] | None = None,
        executable: str | None = None,
        **others: Any,
    ) -> None:
        self.name = f"eipyomo.{self.backend.name}"
        self.options = Bunch(**options) if isinstance(options, Mapping) else options or Bunch()
        self._executable = executable
        self._others = others

    def _reached(self, executable: str | None = None) -> Backend:
        """Return the backend, or the one around an executable that was named."""
        _refuse_keywords(self.name, self._others, "options, executable")
        named = executable or self._executable
        return self.backend if named is None else find_backend(self.backend.name, named)

    def __enter__(self) -> Self:
        """Return the solver; Pyomo uses its solvers as context managers."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing; every solve cleans up behind itself."""

    def available(self, exception_flag: bool = True) -> bool:
        """Tell whether the solver was found, and has just solved a tiny problem.

        Raises
        ------
        SolverError
            If it is missing or does not work, unless ``exception_flag`` is False.
        """
        backend = self._reached()
        trouble = backend.trouble()
        if trouble is not None and exception_flag:
            backend.require()
            raise SolverError(f"the solver {backend.name!r} does not work: {trouble}")
        return trouble is None

    def license_is_valid(self) -> bool:
        """Return True; a missing licence shows when the solver runs."""
        return True

    def warm_start_capable(self) -> bool:
        """Tell whether ``warmstart=True`` is possible."""
        return self._reached().capabilities.starts

    def version(self) -> tuple[int, ...]:
        """Return the numbers in the version of what was found."""
        return tuple(map(int, re.findall(r"\d+", self._reached().version() or "0")[:4]))

    def solve(
        self,
        model: Any,
        *,
        timelimit: float | None = 60.0,
        gap: float = 1e-4,
        options: Mapping[str, Any] | None = None,
        executable: str | None = None,
        load_solutions: bool = True,
        warmstart: bool = False,
        tee: bool = False,
        logfile: str | None = None,
        keepfiles: bool = False,
        symbolic_solver_labels: bool = False,
        report_timing: bool = False,
        suffixes: Sequence[str] = (),
        **others: Any,
    ) -> SolverResults:
        """Solve a Pyomo model and put the answer into its variables.

        The results hold the bound on its side, and the cost of the solution on the other. A point
        is a solution if the solver ended in order or at a limit, and the point keeps the rows and
        bounds; no other is loaded. The condition is ``infeasible`` where that is proven, by a
        global solver or by a row of fixed variables; where a local solver has found none it is
        ``noSolution``.

        Parameters
        ----------
        model
            Any Pyomo model that the solver can take.
        timelimit
            In s; enforced from outside as well. None for no limit.
        gap
            Relative gap to stop at, where the solver proves one.
        options
            Settings by the solver's own names, for this solve; before those of the solver object.
        executable
            As for the solver object.
        load_solutions
            Whether to set the variables; otherwise the solution is in ``results.solution``, for
            ``model.solutions.load_from(results)``. Without one they keep their values anyway.
        warmstart
            Whether the variables' values are a feasible point to begin with.
        tee
            Whether to show the solver's log while it runs.
        logfile
            Where to write that log to while it runs.
        keepfiles
            Whether to keep the files that the solver was given and wrote, in a new folder whose
            path is printed.
        symbolic_solver_labels
            Whether to put the names of rows and columns beside these.
        report_timing
            Whether to print how long it took.
        suffixes
            Must be empty: no multipliers come back.

        Raises
        ------
        InputError
            If there is another keyword, or the solver cannot take what the model holds or what is
            asked.
        SolverError
            If the solver is missing.
        """
        _refuse_keywords(f"solve() of {self.name}", others, KEYWORDS)
        if list(suffixes):
            raise InputError(f"suffixes is {list(suffixes)!r}, but {self.name} brings none back")
        backend = self._reached(executable)
        backend.require()
        goal = objective(model)
        backend.refuse(model)
        if warmstart:
            _require_start(model, backend)
        folder = Path(tempfile.mkdtemp(prefix="eipyomo-kept-")) if keepfiles else None
        began = time.monotonic()
        with watched(tee=tee, log=logfile, folder=folder):
            answer = backend.solve(
                model,
                time_limit=_seconds(timelimit),
                gap=gap,
                start=warmstart,
                options={**_checked(self.options), **_checked(options)},
            )
        if folder is not None:
            if symbolic_solver_labels:
                _write_names(model, folder)
            sys.stdout.write(f"the files of {self.name} are kept in {str(folder)!r}\n")
        results = _results(model, goal, answer, load=load_solutions)
        results.solver.name = backend.name
        results.solver.time = time.monotonic() - began
        if report_timing:
            sys.stdout.write(
                f"{results.solver.time:8.2f} seconds in {self.name}, {answer.setup_s:.2f} of them "
                "to start it\n"
            )
        return results


KEYWORDS = (
    "timelimit, gap, options, executable, load_solutions, warmstart, tee, logfile, keepfiles, "
    "symbolic_solver_labels, report_timing, suffixes"
)


def _refuse_keywords(what: str, others: Mapping[str, Any], known: str) -> None:
    for name in others:
        raise InputError(f"{what} takes no keyword {name!r}, but only: {known}")


def _checked(options: Any) -> dict[str, Any]:
    """Return options as a dict, if they are a mapping."""
    if not isinstance(options, Mapping | None):
        raise InputError(f"options is {options!r}, but must be a mapping of names to values")
    return dict(options or {})


def _seconds(timelimit: Any) -> float:
    if timelimit is None:
        return NO_LIMIT_S
    if isinstance(timelimit, bool | str) or not timelimit > 0:
        raise InputError(f"timelimit is {timelimit!r}, but must be a number of seconds > 0 or None")
    return min(float(timelimit), NO_LIMIT_S)


def _require_start(model: Any, backend: Backend) -> None:
    if not backend.capabilities.starts:
        raise InputError(f"warmstart is True, but the solver {backend.name!r} takes no start")
    for variable in nl(model)[1]:
        if variable.value is None:
            raise InputError(
                f"warmstart is True, but the variable {variable.name!r} has no value to start with"
            )


def _write_names(model: Any, folder: Path) -> None:
    """Write what rows and columns of a .nl file are called."""
    _, variables, rows = nl(model)
    for suffix, parts in (("row", rows), ("col", variables)):
        names = "".join(f"{label(part)}\n" for part in parts)
        (folder / f"model.{suffix}").write_text(names, encoding="utf-8")


def _results(model: Any, goal: Any, answer: Answer, *, load: bool) -> SolverResults:
    """Check an answer, put its solution where it is wanted, and say the rest in Pyomo's words."""
    before = [(variable, variable.value) for variable, _ in answer.point or ()]
    answer.load()
    flaw = "gives no point" if answer.point is None else _flaw(model, answer)
    cost = float(pyo.value(goal)) if flaw is None else None
    if not (load and cost is not None and answer.status in SOLVED):
        for variable, value in before:
            variable.set_value(value, skip_validation=True)
    contradiction = _contradiction(goal, answer, flaw, cost)
    results = SolverResults()
    results.problem.name = model.name
    results.problem.number_of_objectives = 1
    minimised = goal.sense == pyo.minimize
    results.problem.sense = ProblemSense.minimize if minimised else ProblemSense.maximize
    status = "error" if contradiction else answer.status
    results.solver.status, results.solver.termination_condition = _termination(status, answer)
    results.solver.message = answer.message + (f"; but it {contradiction}" if contradiction else "")
    if status in SOLVED:
        bound = answer.bound
        if cost is not None:
            _keep_solution(model, results, answer, load=load)
            bound = bound if bound is None else (min if minimised else max)(bound, cost)
        sides = (bound, cost) if minimised else (cost, bound)
        for side, number in zip(("lower_bound", "upper_bound"), sides, strict=True):
            if number is not None:
                setattr(results.problem, side, number)
    elif load:
        for variable, value in before:
            variable.set_value(value, skip_validation=True)
    return results


def _contradiction(goal: Any, answer: Answer, flaw: str | None, cost: float | None) -> str | None:
    """Tell what in an answer cannot be, or None."""
    if answer.status in ("optimal", "converged") and flaw is not None:
        return flaw
    if answer.status == "limit" and answer.point is not None and flaw is not None:
        return flaw
    if cost is None:
        return None
    if answer.status == "infeasible":
        return "gives a feasible point"
    if answer.bound is not None:
        beyond = (answer.bound - cost) * goal.sense
        if beyond > ROUNDING * abs(cost):
            return f"gives the bound {answer.bound:.9g}, and a point at {cost:.9g}"
    return None


def _termination(status: str, answer: Answer) -> tuple[SolverStatus, TerminationCondition]:
    """Return Pyomo's words for a status."""
    if status == "infeasible" and answer.proven:
        return SolverStatus.warning, TerminationCondition.infeasible
    if status == "limit" and "iteration" in answer.message.lower():
        return SolverStatus.aborted, TerminationCondition.maxIterations
    return TERMINATION[status]


def _keep_solution(model: Any, results: SolverResults, answer: Answer, *, load: bool) -> None:
    """Put a solution into the variables, or into the results."""
    if load:
        StaleFlagManager.mark_all_as_stale()
        answer.load()
        for suffix in model.component_objects(pyo.Suffix, active=True, descend_into=True):
            if suffix.import_enabled():
                suffix.clear()  # what is there belongs to another solution
        return
    symbols, solution = SymbolMap(), Solution()
    for place, (variable, value) in enumerate(answer.point or ()):
        symbols.addSymbol(variable, f"x{place}")
        solution.variable[f"x{place}"] = {"Value": value}
    model.solutions.add_symbol_map(symbols)
    results._smap_id = id(symbols)
    results.solution.insert(solution)


def _flaw(model: Any, answer: Answer) -> str | None:
    """Tell what is wrong with a point that was put into a model, or None if it is a solution."""
    for row in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        amount = violation(row)
        if not amount <= FEASIBLE:  # NaN counts as a violation
            return f"violates the row {row.name!r} by {amount:.2g}"
    for variable, value in answer.point or ():
        for side, sign in ((variable.lb, 1.0), (variable.ub, -1.0)):
            if side is not None and sign * (side - value) > FEASIBLE * max(1.0, abs(side)):
                return f"has {variable.name!r} at {value:.9g}, beyond its bound {side:.9g}"
        if not variable.is_continuous() and abs(value - round(value)) > FEASIBLE:
            return f"has {variable.name!r} at {value:.9g}, which is no whole number"
    return None


def reached(name: str, **settings: Any) -> ReachedSolver:
    """Return the Pyomo solver around one of our backends, by the backend's name."""
    kind = type(f"{name.title()}Solver", (ReachedSolver,), {"backend": BACKENDS[name]})
    solver: ReachedSolver = kind(**settings)
    return solver
