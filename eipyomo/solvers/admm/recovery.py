"""From what the agents decide to a feasible allocation: the inner bounder of the method.

The consensus point is slightly infeasible, since copies and consensus differ. So (a, ι) of step 1
is kept, the convex rest (b, b̄, f, τ̂) is optimised exactly, and the best allocation over the run is
the answer: the incumbent. ι is not touched here; where the method converges it is already
stationary at the consensus' prices, to ε0, and the cost's error is of the order of ε0².
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.allocation import Allocation
from eipyomo.evaluation import evaluate
from eipyomo.problem import Problem
from eipyomo.solvers.exact.fixed_decisions import convex_rest

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records


@dataclass(eq=False)
class Recovery:
    """Recovers allocations and keeps the best one.

    Attributes
    ----------
    incumbent, incumbent_cost, incumbent_iteration
        The best allocation so far, its WSEL, and when it was found.
    """

    problem: Problem
    incumbent: Allocation | None = None
    incumbent_cost: float = float("inf")
    incumbent_iteration: int = 0
    _decisions: tuple[NDArray[np.bool_], FloatColumn] | None = None
    _cost: float = float("inf")
    _start: dict[str, Any] = field(default_factory=dict)

    def recover(self, copies: Records, iteration: int) -> float:
        """Return the WSEL of the best allocation with the agents' a and ι."""
        decisions = self.decisions(copies)
        if self._decisions is not None and all(map(np.array_equal, decisions, self._decisions)):
            return self._cost
        rest = convex_rest(self.problem, *decisions, **self._start)
        self._start = {"start_s": rest.allocation.sync_s, "prices": rest.prices}
        self._decisions = decisions
        self._cost = evaluate(self.problem, rest.allocation).objective
        if self._cost < self.incumbent_cost:
            self.incumbent, self.incumbent_cost = rest.allocation, self._cost
            self.incumbent_iteration = iteration
        return self._cost

    def decisions(self, copies: Records) -> tuple[NDArray[np.bool_], FloatColumn]:
        """Return a and ι; who offloads everything does not download, where that is allowed."""
        download, offload = copies["download"], copies["offload_fraction"]
        needless = self.problem.decisions.edge & (offload == 1.0)
        return download & ~needless, offload.copy()
