"""Our way to reach solvers, as Pyomo solvers for any Pyomo model.

``pyo.SolverFactory("eipyomo.bonmin")`` is available once :mod:`eipyomo` is imported.
"""

from __future__ import annotations

import re
from typing import Any, Self

import pyomo.environ as pyo
from pyomo.opt import SolverResults, SolverStatus, TerminationCondition

from eipyomo.solvers.backends.base import Backend
from eipyomo.solvers.backends.registry import BACKENDS

TERMINATION = {
    "optimal": (SolverStatus.ok, TerminationCondition.optimal),
    "converged": (SolverStatus.ok, TerminationCondition.locallyOptimal),
    "limit": (SolverStatus.aborted, TerminationCondition.maxTimeLimit),
    "infeasible": (SolverStatus.warning, TerminationCondition.infeasible),
    "error": (SolverStatus.error, TerminationCondition.error),
}


class ReachedSolver:
    """A Pyomo solver around one of our backends, which run in processes of their own."""

    backend: Backend

    def __enter__(self) -> Self:
        """Return the solver; Pyomo uses its solvers as context managers."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing; every solve cleans up behind itself."""

    def available(self, exception_flag: bool = True) -> bool:
        """Tell whether the solver was found."""
        if exception_flag:
            self.backend.require()
        return self.backend.where() is not None

    def license_is_valid(self) -> bool:
        """Return True; a missing licence shows when the solver runs."""
        return True

    def version(self) -> tuple[int, ...]:
        """Return the numbers in the version of what was found."""
        return tuple(map(int, re.findall(r"\d+", self.backend.version() or "0")[:4]))

    def solve(
        self,
        model: Any,
        *,
        timelimit: float = 60.0,
        gap: float = 1e-4,
        load_solutions: bool = True,
        tee: bool = False,
    ) -> SolverResults:
        """Solve a Pyomo model and put the answer into its variables.

        Parameters
        ----------
        model
            Any Pyomo model that the solver can take.
        timelimit
            In s; enforced from outside as well.
        gap
            Relative gap to stop at, where the solver proves one.
        load_solutions
            Whether to set the variables; without a point they keep their values in any case.
        tee
            Whether to show the solver's last words; its log is not kept.
        """
        self.backend.require()
        self.backend.refuse(model)
        answer = self.backend.solve(model, time_limit=timelimit, gap=gap)
        results = SolverResults()
        status, condition = TERMINATION[answer.status]
        results.solver.name = self.backend.name
        results.solver.status = status
        results.solver.termination_condition = condition
        results.solver.message = answer.message
        if answer.bound is not None:
            results.problem.lower_bound = answer.bound
        if load_solutions:
            answer.load()
        if tee:
            results.write()
        return results


def register() -> None:
    """Make the solvers known to Pyomo under names such as ``eipyomo.bonmin``."""
    for name, backend in BACKENDS.items():
        kind = type(f"{name.title()}Solver", (ReachedSolver,), {"backend": backend})
        pyo.SolverFactory.register(f"eipyomo.{name}", doc=backend.description)(kind)
