"""From what the agents decide to a feasible allocation: the inner bounder of the method.

The consensus point is slightly infeasible, since copies and consensus differ. So (a, ι) of step 1
is kept, the convex rest (b, b̄, f, τ̂) is optimised exactly, and the best allocation over the run is
the answer: the incumbent. ι is not touched here; where the method converges it is already
stationary at the consensus' prices, to ε0, and the cost's error is of the order of ε0².

Where users share nothing but the band, the dual tells what the rest costs as well as the allocation
does, which is made of the best one only. Otherwise each is made and judged. With limits of users
there may be none with these (a, ι), or none at all. Then the iteration has none, and what would
come nearest is kept in words.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo.evaluation import Violation, evaluate
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import cost_of, decided_records, rest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eipyomo.allocation import Allocation
    from eipyomo.problem import Problem
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.exact.solutions import Prices
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


class Solved(NamedTuple):
    """A convex rest that is solved, and how to make its allocation.

    Attributes
    ----------
    cost
        WSEL of the allocation.
    sync_s, prices
        Where it is; the next search begins there.
    allocate
        Makes the allocation.
    """

    cost: float
    sync_s: float
    prices: Prices
    allocate: Callable[[], Allocation]


@dataclass(eq=False)
class Recovery:
    """Recovers allocations and keeps the best one.

    Attributes
    ----------
    best, incumbent_iteration
        The best so far, and when it was found; None and 0 before.
    nearest
        The worst violation of what came nearest to the limits, before any allocation kept them.
    progress_iteration
        When the incumbent became better, or while there was none, something came nearer.
    """

    problem: Problem
    best: Solved | None = None
    incumbent_iteration: int = 0
    nearest: Violation | None = None
    progress_iteration: int = 0
    _costs: dict[bytes, float | None] = field(default_factory=dict)
    _start: tuple[float | None, Prices | None] = (None, None)

    @cached_property
    def dual(self) -> Dual:
        """The problem's dual, by which every convex rest is solved."""
        return Dual.of(self.problem)

    @property
    def incumbent(self) -> Allocation | None:
        """The best allocation so far; None before."""
        return None if self.best is None else self.best.allocate()

    @cached_property
    def is_late(self) -> bool:
        """Whether the uploads do not even fit into the band before the first deadline."""
        return self.dual.latest_s < self.dual.earliest_s

    @cached_property
    def is_told(self) -> bool:
        """Whether all are feasible, and the dual, with one price, tells their cost to rounding."""
        problem = self.problem
        shares_band = len(problem.budgets) == 1 and problem.data.modes is None
        return problem.always_feasible and shares_band

    def recover(self, copies: Records, iteration: int) -> float | None:
        """Return the WSEL of the best allocation with the agents' a and ι; None if there is none.

        It keeps within limits as :func:`~eipyomo.evaluation.evaluate` judges them.
        """
        decisions = self.decisions(copies)
        key = decisions.digest
        if key not in self._costs:
            self._costs[key] = None if self.is_late else self._cost(decisions, iteration)
        return self._costs[key]

    def _cost(self, decisions: Decided, iteration: int) -> float | None:
        """Solve the convex rest, and keep it if it is the best so far."""
        decided = decided_records(self.problem, *decisions)
        found = self._told(decided) if self.is_told else self._judged(decided, iteration)
        if found is None:
            return None
        self._start = found.sync_s, found.prices
        if self.best is None or found.cost < self.best.cost:
            self.best = found
            self.incumbent_iteration = self.progress_iteration = iteration
        return found.cost

    def _told(self, decided: Records) -> Solved:
        """Solve the convex rest; once more, from where it was, if its allocation is asked for."""
        least = cost_of(self.dual, decided, *self._start)

        def allocate() -> Allocation:
            return rest_of(self.dual, decided, least.sync_s, least.prices).allocation

        return Solved(*least, allocate)

    def _judged(self, decided: Records, iteration: int) -> Solved | None:
        """Solve the convex rest and judge it; None if it is infeasible.

        Of all until one is feasible it is noted which comes nearest.
        """
        rest = rest_of(self.dual, decided, *self._start)
        allocation = rest.allocation
        judged = evaluate(self.problem, allocation)
        if judged.feasible:
            return Solved(judged.objective, allocation.sync_s, rest.prices, lambda: allocation)
        worst = judged.violations[0]
        if self.best is None and (self.nearest is None or worst.amount < self.nearest.amount):
            self.nearest, self.progress_iteration = worst, iteration
        return None

    def decisions(self, copies: Records) -> Decided:
        """Return a, ι and modes; who offloads all does not download, where that is allowed."""
        download, offload = copies["download"], copies["offload_fraction"]
        needless = self.problem.decisions.edge & (offload == 1.0)
        return Decided(download & ~needless, offload.copy(), copies["mode"].copy())
