"""Decisions that were tried, and the best allocation of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo.allocation import Allocation
from eipyomo.evaluation import Violation, evaluate
from eipyomo.problem import LETTER_FEATURES, USER_LIMIT_FEATURES, Feature, Problem
from eipyomo.scaled import FloatColumn
from eipyomo.solvers import exact
from eipyomo.solvers.contract import Claim, Clock, Method, OptionsT
from eipyomo.solvers.exact.method import prepare


class Decided(NamedTuple):
    """a and ι of all users, of shape (users,)."""

    download: NDArray[np.bool_]
    offload_fraction: FloatColumn


class Merit(NamedTuple):
    """What decisions are worth: less is better, and any that keep the limits are before the others.

    This is the order of K. Deb, "An efficient constraint handling method for genetic algorithms",
    Computer Methods in Applied Mechanics and Engineering 186, 2000.
    """

    violation: float
    """The largest of their best allocation, relative; 0 where that counts as feasible."""
    cost: float
    """What the problem minimises."""


WORST = Merit(np.inf, np.inf)


def decided(
    problem: Problem, download: NDArray[np.bool_], offload_fraction: FloatColumn
) -> Decided:
    """Return the nearest decisions that a problem leaves open.

    Who offloads all does not download, where that is allowed: it would cost no less.
    """
    is_open, grid = problem.decisions, problem.restriction.grid
    offload = np.round(offload_fraction * grid) / grid if grid else offload_fraction
    offload = np.clip(offload, is_open.offload_min, is_open.offload_max)
    local = is_open.local & ((download & (offload < 1.0)) | ~is_open.edge)
    return Decided(local, np.where(local, offload, 1.0))


@dataclass(eq=False)
class Tried:
    """Tries decisions, each once, and keeps the best allocation.

    Attributes
    ----------
    problem, clock
        Of what, and until when.
    allocation, merit
        The best allocation, be it feasible or not, and how good it is.
    nearest
        Its largest violation; None where it has none.
    """

    problem: Problem
    clock: Clock
    allocation: Allocation | None = None
    merit: Merit = WORST
    nearest: Violation | None = None
    _merits: dict[bytes, Merit] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict)

    @property
    def is_late(self) -> bool:
        """Whether the time is up. The first decisions are tried in any case."""
        return bool(self._merits) and self.clock.left_s <= 0.0

    def __len__(self) -> int:
        """Return how many different decisions were tried."""
        return len(self._merits)

    def of(self, download: NDArray[np.bool_], offload_fraction: FloatColumn) -> Merit:
        """Return the merit of the decisions that are nearest to some; the worst if it is late."""
        decisions = decided(self.problem, download, offload_fraction)
        key = b"".join(column.tobytes() for column in decisions)
        if key not in self._merits:
            if self.is_late:
                return WORST
            self._merits[key] = self._solved(decisions)
        return self._merits[key]

    def _solved(self, decisions: Decided) -> Merit:
        """Solve the convex rest, and keep what it gives if it is the best so far."""
        rest = exact.convex_rest(self.problem, *decisions, **self._known)
        judged = evaluate(self.problem, rest.allocation)
        merit = Merit(0.0 if judged.feasible else judged.max_violation, judged.value)
        self._known["dual"] = rest.dual
        if judged.feasible:
            self._known |= {"start_s": rest.allocation.sync_s, "prices": rest.prices}
        if merit < self.merit:
            self.merit, self.allocation = merit, rest.allocation
            self.nearest = next(iter(judged.violations), None)
        return merit

    def claim(self, setup_s: float) -> Claim:
        """Return what was found; a limit where the time was up, or where nothing is feasible."""
        words = f"the best of {len(self)} decisions" if len(self) > 1 else "one decision"
        if self.merit.violation > 0.0:
            words = (
                f"none of {len(self)} decisions keeps the limits; in the nearest, {self.nearest}"
            )
        found = self.merit.violation == 0.0
        return Claim(
            status="converged" if found and not self.is_late else "limit",
            allocation=self.allocation if found else None,
            message=words,
            setup_s=setup_s,
            iterations=len(self),
        )


class Policy(Method[OptionsT]):
    """A heuristic that decides a and ι, and leaves the rest to the exact method."""

    handles = LETTER_FEATURES | USER_LIMIT_FEATURES | {Feature.FLEET_BUDGETS}

    def run(self, problem: Problem, options: OptionsT, clock: Clock) -> Claim:
        """Try decisions, and claim the best allocation of them."""
        if problem.contradiction is not None:
            return Claim("infeasible", message=problem.contradiction)
        setup_s = prepare()
        tried = Tried(problem, clock.but_for(setup_s))
        self.search(tried, options)
        return tried.claim(setup_s)

    @abstractmethod
    def search(self, tried: Tried, options: OptionsT) -> None:
        """Try decisions until there is nothing more to try, or it is late."""
