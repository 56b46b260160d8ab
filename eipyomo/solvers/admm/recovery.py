"""From what the agents decide to a feasible allocation: the inner bounder of the method.

The consensus point is slightly infeasible, since copies and consensus differ. So (a, ι) of step 1
is kept, the convex rest (b, b̄, f, τ̂) is optimised exactly, and the best allocation over the run is
the answer: the incumbent. ι is not touched here; where the method converges it is already
stationary at the consensus' prices, to ε0, and the cost's error is of the order of ε0².

With limits of users there may be no allocation with these (a, ι), or none at all. Then the
iteration has none, and what would come nearest is kept in words.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo.allocation import Allocation
from eipyomo.evaluation import Violation, evaluate
from eipyomo.problem import Problem
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import convex_rest

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records


class Decided(NamedTuple):
    """What is decided of all users, of shape (users,)."""

    download: NDArray[np.bool_]
    offload_fraction: FloatColumn
    mode: NDArray[np.intp]

    @property
    def digest(self) -> bytes:
        """What tells these decisions from others; runs come back to some again and again."""
        digest = hashlib.blake2b()
        for column in self:
            digest.update(column.tobytes())
        return digest.digest()


@dataclass(eq=False)
class Recovery:
    """Recovers allocations and keeps the best one.

    Attributes
    ----------
    incumbent, incumbent_cost, incumbent_iteration
        The best allocation so far, its WSEL, and when it was found; None, infinite and 0 before.
    nearest
        The worst violation of what came nearest to the limits, before any allocation kept them.
    progress_iteration
        When the incumbent became better, or while there was none, something came nearer.
    """

    problem: Problem
    incumbent: Allocation | None = None
    incumbent_cost: float = float("inf")
    incumbent_iteration: int = 0
    nearest: Violation | None = None
    progress_iteration: int = 0
    _costs: dict[bytes, float | None] = field(default_factory=dict)
    _start: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def dual(self) -> Dual:
        """The problem's dual, by which every convex rest is solved."""
        return Dual.of(self.problem)

    @property
    def is_late(self) -> bool:
        """Whether the uploads do not even fit into the band before the first deadline."""
        return self.dual.latest_s < self.dual.earliest_s

    def recover(self, copies: Records, iteration: int) -> float | None:
        """Return the WSEL of the best allocation with the agents' a and ι; None if there is none.

        It keeps within limits as :func:`~eipyomo.evaluation.evaluate` judges them.
        """
        decisions = self.decisions(copies)
        key = decisions.digest
        if key not in self._costs:
            self._costs[key] = None if self.is_late else self._solved(decisions, iteration)
        return self._costs[key]

    def _solved(self, decisions: Decided, iteration: int) -> float | None:
        """Solve the convex rest, and keep what it gives if it is feasible and the best so far."""
        rest = convex_rest(self.problem, *decisions, dual=self.dual, **self._start)
        judged = evaluate(self.problem, rest.allocation)
        if not judged.feasible:
            worst = judged.violations[0]
            if self.incumbent is None and (
                self.nearest is None or worst.amount < self.nearest.amount
            ):
                self.nearest, self.progress_iteration = worst, iteration
            return None
        self._start = {"start_s": rest.allocation.sync_s, "prices": rest.prices}
        if judged.objective < self.incumbent_cost:
            self.incumbent, self.incumbent_cost = rest.allocation, judged.objective
            self.incumbent_iteration = self.progress_iteration = iteration
        return judged.objective

    def decisions(self, copies: Records) -> Decided:
        """Return a, ι and modes; who offloads all does not download, where that is allowed."""
        download, offload = copies["download"], copies["offload_fraction"]
        needless = self.problem.decisions.edge & (offload == 1.0)
        return Decided(download & ~needless, offload.copy(), copies["mode"].copy())
