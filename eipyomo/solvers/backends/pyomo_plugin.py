"""The solvers from wheels, as Pyomo solvers for any Pyomo model.

``pyo.SolverFactory("eipyomo.bonmin")`` is available once :mod:`eipyomo` is imported.
"""

from __future__ import annotations

from typing import Any, Self

import pyomo.environ as pyo
from pyomo.opt import SolverResults, SolverStatus, TerminationCondition

from eipyomo.models.files import nl
from eipyomo.solvers.backends.native import BACKENDS, Backend

TERMINATION = {
    "optimal": (SolverStatus.ok, TerminationCondition.optimal),
    "converged": (SolverStatus.ok, TerminationCondition.locallyOptimal),
    "limit": (SolverStatus.aborted, TerminationCondition.maxTimeLimit),
    "infeasible": (SolverStatus.warning, TerminationCondition.infeasible),
    "error": (SolverStatus.error, TerminationCondition.error),
}


class WheelSolver:
    """A Pyomo solver around a native solver from a wheel, run in a child process."""

    backend: Backend

    def __enter__(self) -> Self:
        """Return the solver; Pyomo uses its solvers as context managers."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing; every solve cleans up behind itself."""

    def available(self, exception_flag: bool = True) -> bool:
        """Tell whether the package that carries the solver is installed."""
        if exception_flag:
            self.backend.require()
        return self.backend.version is not None

    def license_is_valid(self) -> bool:
        """Return True: these solvers are free."""
        return True

    def version(self) -> tuple[int, ...]:
        """Return the version of the package that carries the solver."""
        _, _, text = (self.backend.version or " 0").partition(" ")
        return tuple(int(part) for part in text.split(".") if part.isdigit())

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
            Any Pyomo model that can be written as .nl.
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
        text, variables, _ = nl(model)
        answer = self.backend.solve(text, time_limit=timelimit, gap=gap)
        results = SolverResults()
        status, condition = TERMINATION[answer.status]
        results.solver.name = self.backend.name
        results.solver.status = status
        results.solver.termination_condition = condition
        results.solver.message = answer.message
        if answer.bound is not None:
            results.problem.lower_bound = answer.bound
        if answer.values is not None and load_solutions:
            for variable, value in zip(variables, answer.values, strict=True):
                variable.set_value(value, skip_validation=True)
        if tee:
            results.write()
        return results


def register() -> None:
    """Make the solvers known to Pyomo under names such as ``eipyomo.bonmin``."""
    for name, backend in BACKENDS.items():
        kind = type(f"{name.title()}Solver", (WheelSolver,), {"backend": backend})
        pyo.SolverFactory.register(f"eipyomo.{name}", doc=backend.description)(kind)
