"""Whether limits can be met at all: a point that keeps them, or a proof that there is none.

Without weights (w^e = w^t = 0) the Lagrangian prices limits and budgets alone. Where all of the
budgets cost 1 together, what users pay at least, less that 1, is positive at a sync time only if no
allocation there keeps within limits and budgets (Farkas). So the branch and bound that minimises
WSEL, told to minimise this instead, proves infeasibility as it proves a bound.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from eipyomo.solvers.exact.branch_and_bound import BranchAndBound
from eipyomo.solvers.exact.branching import IdenticalUsers
from eipyomo.solvers.exact.dual import Dual, UserSolutions
from eipyomo.solvers.exact.fixed_decisions import rest_of
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.kernels import ENDLESS, UNKNOWN
from eipyomo.solvers.exact.tree import leaves
from eipyomo.solvers.records import Records

PRICED = ("latency_weight", "send_weight", "receive_weight", "cpu_weight", "energy_weight")
"""Weights of a user, which a ray has not."""
CLEAR, UNCLEAR = 2e-6, 1e-6
"""Parts of the budget: by how much more than it is needed is told apart from none, and how well."""


@dataclass(frozen=True)
class Conflict:
    """A limit that cannot be met together with the others that are named.

    Attributes
    ----------
    user
        Whose it is.
    limit
        Its key in an instance, such as "deadline_s".
    value
        In SI units.
    weight
        The user's part of the proof, in parts of the budget; by what part it is late, where the
        deadline is before all models can be uploaded.
    """

    user: str
    limit: str
    value: float
    weight: float


@dataclass(eq=False)
class Feasibility(BranchAndBound):
    """A branch and bound for what is needed of the budget beyond all of it.

    Attributes
    ----------
    asked
        The dual of the problem, whose weights count for the point that is found.
    """

    asked: Dual

    @classmethod
    def of(cls, asked: Dual, incumbent: Incumbent) -> Feasibility:
        """Return the search for a problem's first incumbent."""
        return cls(ray_of(asked), incumbent, gap=0.0, absolute_gap=UNCLEAR, asked=asked)

    def __post_init__(self) -> None:
        """Look at the latest time alone where there are no deadlines: later, less is needed.

        And at none where the uploads do not fit before the first deadline.
        """
        super().__post_init__()
        self._identical = IdenticalUsers(self.asked.users, self.asked.domains)
        if self.is_late:
            self.root.last_s = self.root.first_s
        elif not np.isfinite(self.dual.latest_s):
            self.root.first_s = self.root.last_s

    @property
    def objective(self) -> float:
        """What counts as more than the budget."""
        return CLEAR

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
            return tuple(sorted(named, key=lambda one: -one.weight))
        found = []
        for limit, multiplier in (("deadline_s", "deadline"), ("energy_budget_j", "energy")):
            for j in range(len(users)):
                parts = [float(one["value"][j]) for one in proofs if one[multiplier][j] > 0.0]
                if parts and max(parts) > 0.0:
                    found.append(self._conflict(j, limit, max(parts)))
        found += self._narrow_shares(proofs)
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

    def _conflict(self, user: int, limit: str, weight: float) -> Conflict:
        data = self.dual.problem.data
        return Conflict(data.names[user], limit, float(getattr(data, limit)[user]), weight)

    def _latest_s(self) -> float:
        """Return a sync time after which a deadline is missed, rounded up."""
        return min(self.dual.latest_s * (1.0 + 1e-12), ENDLESS)

    def _round_to_incumbent(self, dual: Dual, found: UserSolutions) -> None:
        """Solve the convex rest of the decisions that need the least of the budget nearby."""
        best = self._tracked(dual, found, self._accuracy)
        start_s = min(best.sync_s, 2.0 * self.dual.earliest_s)
        self.incumbent.update(rest_of(self.asked, best.records, start_s))


AT_BOUND = 1e-9
"""So near is a share to its bound that the bound holds it."""


def ray_of(asked: Dual) -> Dual:
    """Return the dual without weights, whose prices make all budgets cost 1 together."""
    users = asked.users.copy()
    for name in (*PRICED, "constant"):
        users[name] = 0.0
    return replace(asked, users=users, is_ray=True, basins=np.full_like(asked.basins, UNKNOWN))
