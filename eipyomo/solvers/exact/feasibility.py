"""Whether limits can be met at all: a point that keeps them, or a proof that there is none.

Without weights (w^e = w^t = 0) the Lagrangian prices limits and budgets alone. Where all of the
budgets cost 1 together, what users pay at least is above 1 at a sync time only if no
allocation there keeps within limits and budgets (Farkas). So the branch and bound that minimises
WSEL, told to minimise the parts of all budgets that are needed instead, proves infeasibility as it
proves a bound: more than 1 is needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from eipyomo.solvers.exact.branch_and_bound import BranchAndBound
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import rest_of
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.kernels import ENDLESS
from eipyomo.solvers.exact.rounding import tracked
from eipyomo.solvers.exact.solutions import UserSolutions
from eipyomo.solvers.exact.tree import leaves
from eipyomo.solvers.records import Records

TOTALS = (
    "total_energy_budget_j",
    "total_latency_budget_s",
    "min_participants",
    "total_penalty_budget",
)
"""Keys of what all users are limited in together, other than what they share."""
CLEAR, UNCLEAR = 2e-6, 0.5
"""By how many parts of the budgets more than all of them is told apart, and how well, in parts of
that."""


@dataclass(frozen=True)
class Conflict:
    """A limit that cannot be met together with the others that are named.

    Attributes
    ----------
    user
        Whose it is; None of a total.
    limit
        Its key in an instance, such as "deadline_s".
    value
        In SI units.
    weight
        The user's part of the proof, in parts of the budget; by what part it is late, where the
        deadline is before all models can be uploaded.
    """

    user: str | None
    limit: str
    value: float
    weight: float

    def __str__(self) -> str:
        """Name limit, value and user."""
        whose = "" if self.user is None else f" of user {self.user!r}"
        return f"{self.limit} {self.value:g}{whose}"


@dataclass(eq=False)
class Feasibility(BranchAndBound):
    """A branch and bound for what is needed of the budget beyond all of it.

    Attributes
    ----------
    asked
        The dual of the problem, whose weights count for the point that is found.
    clear
        By how much more than all of the budgets counts as more.
    """

    asked: Dual
    clear: float = CLEAR

    @classmethod
    def of(cls, asked: Dual, incumbent: Incumbent, clear: float = CLEAR) -> Self:
        """Return the search for a problem's first incumbent."""
        return cls(asked.for_ray(), incumbent, 0.0, UNCLEAR * clear, asked=asked, clear=clear)

    def __post_init__(self) -> None:
        """Look at the latest time alone where there are no deadlines: later, less is needed.

        And at none where the uploads do not fit before the first deadline.
        """
        super().__post_init__()
        if self.is_late:
            self.root.last_s = self.root.first_s
        elif not np.isfinite(self.dual.latest_s):
            self.root.first_s = self.root.last_s

    @property
    def objective(self) -> float:
        """What counts as more than all of the budgets."""
        return 1.0 + self.clear

    @property
    def is_late(self) -> bool:
        """Whether the uploads do not even fit into the band before the first deadline."""
        return self.dual.latest_s < self.dual.earliest_s

    @property
    def done(self) -> bool:
        """Whether a point was met."""
        return self.incumbent.rest is not None

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return the limits that the proof needs, those of the largest parts first."""
        users = self.dual.users
        proofs = [leaf.recipe.solutions.records for leaf in leaves(self.root) if leaf.recipe]
        if self.is_late:
            late = np.flatnonzero(users["deadline_s"] < self.dual.earliest_s)
            short = self.dual.earliest_s / users["deadline_s"] - 1.0
            named = [self._conflict(int(j), "deadline_s", float(short[j])) for j in late]
            if not named:  # the sync that is too late is so for the sum of latencies
                name, total = (
                    "total_latency_budget_s",
                    self.dual.problem.data.total_latency_budget_s,
                )
                named = [Conflict(None, name, float(total or 0.0), 1.0)]
            return tuple(sorted(named, key=lambda one: -one.weight))
        found = []
        for limit, multiplier in (("deadline_s", "deadline"), ("energy_budget_j", "energy")):
            for j in range(len(users)):
                parts = [float(one["value"][j]) for one in proofs if one[multiplier][j] > 0.0]
                if parts and max(parts) > 0.0:
                    found.append(self._conflict(j, limit, max(parts)))
        found += [*self._narrow_shares(proofs), *self._small_totals()]
        return tuple(sorted(found, key=lambda one: -one.weight))

    def _narrow_shares(self, proofs: list[Records]) -> Iterator[Conflict]:
        """Iterate over bounds of shares at which users are in the proof."""
        users = self.dual.users
        for link, end in itertools.product(("uplink", "downlink"), ("min", "max")):
            own = getattr(self.dual.problem.data, f"{link}_share_{end}")
            for j in np.flatnonzero(own != (0.0 if end == "min" else 1.0)):
                bound = users[link][f"share_{end}"][j]
                parts = [
                    float(one["value"][j])
                    for one in proofs
                    if one["value"][j] > 0.0 and abs(one[f"{link}_share"][j] - bound) <= AT_BOUND
                ]
                if parts:
                    weight = max(parts)
                    yield Conflict(
                        self.dual.problem.data.names[j], f"{end}_{link}_share", bound, weight
                    )

    def _small_totals(self) -> Iterator[Conflict]:
        """Iterate over totals that have a price in the proof."""
        proofs = [leaf.recipe.solutions.prices for leaf in leaves(self.root) if leaf.recipe]
        for place, budget in enumerate(self.dual.budgets):
            most = max((prices[place] for prices in proofs), default=0.0)
            paid = most * self.dual.capacities[place]
            key = "min_participants" if budget.name == "sitting_out" else budget.datum
            if paid > AT_BOUND and key in TOTALS:
                yield Conflict(None, key, float(getattr(self.dual.problem.data, key)), paid)

    def _conflict(self, user: int, limit: str, weight: float) -> Conflict:
        data = self.dual.problem.data
        return Conflict(data.names[user], limit, float(getattr(data, limit)[user]), weight)

    def _latest_s(self, cost: float) -> float:
        """Return a sync time after which a deadline is missed, rounded up."""
        del cost
        return min(self.dual.latest_s * (1.0 + 1e-12), ENDLESS)

    def _polish(self) -> None:
        """Leave a point as it is: that there is one is all that is asked."""

    def _round_to_incumbent(self, dual: Dual, found: UserSolutions) -> bool:
        """Solve the convex rest of the decisions that need the least of the budget nearby."""
        best = tracked(dual, self._times, found, self._accuracy).best
        start_s = min(best.sync_s, 2.0 * self.dual.earliest_of(best.records))
        self.incumbent.update(rest_of(self.asked, best.records, start_s))
        return True


AT_BOUND = 1e-9
"""So near is a share to its bound that the bound holds it."""
