"""The Lagrangian dual over all users, at given prices of what they share and a given sync time.

At prices λ and sync time t the dual value is Σ_j φ_j(λ, t) - λ · budgets, with φ_j the least cost
of user j. It is concave in λ with what is used beyond each budget as slope, and the users'
solutions say how it moves with t.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import mul
from typing import NamedTuple

import numpy as np

from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.kernels import FREE, QUANTITIES, SOLUTION, TIMES_PAID, UNKNOWN, DualPoint
from eipyomo.solvers.exact.users import domain_records, user_records
from eipyomo.solvers.records import Records, for_all

Prices = tuple[float, ...]
"""One price for each budget of the problem, per unit of what is drawn: a share, a GHz."""

SPARING = {"edge_frequency_ghz": kernels.slow_down_at_edge}
"""What lowers the use of a quantity that costs nothing to what is needed."""


class Decisions(NamedTuple):
    """Which a and ι users take.

    Attributes
    ----------
    freedom
        FREE: the best of their domains; TRACKED: a as it is, and the best ι of its basin; FIXED: as
        they are.
    records
        SOLUTION records that say how they are; None only with FREE.
    """

    freedom: int
    records: Records | None = None


OPEN = Decisions(FREE)
"""Any that their domains leave open."""


@dataclass(frozen=True, eq=False)
class UserSolutions:
    """What all users do at given prices and sync time.

    Attributes
    ----------
    prices, sync_s
        Where.
    records
        SOLUTION records, one per user.
    value
        Dual value.
    sync_slope
        Derivative of the users' costs in the sync time.
    usage
        What is used of each budget.
    """

    prices: Prices
    sync_s: float
    records: Records
    value: float
    sync_slope: float
    usage: tuple[float, ...]


@dataclass(eq=False)
class Effort:
    """How often all users were asked for their best decisions."""

    evaluations: int = 0


@dataclass(frozen=True, eq=False)
class Dual:
    """The dual of a problem, or of a part of it that leaves users less to decide.

    Attributes
    ----------
    problem
        The problem.
    users
        USER records.
    domains
        DOMAIN records: what each user may decide.
    budgets, places
        What users share; and of each of ``QUANTITIES`` the place of its budget, or -1.
    drawn, spared, capacities
        What is drawn of each budget, of which it is spared at price 0, by place, and how much of it
        there is; asked for in every answer.
    earliest_s
        The sync time before which the uploads do not fit into the band; rounded down.
    basins
        Per user the ι from which two basins of its cost are followed, or UNKNOWN; (users, 2). They
        are where users begin to look the next time, and change with every answer.
    effort
        Counts all answers, those of other parts of the problem included.
    is_ray
        Whether nothing but limits and budgets is priced; see
        :mod:`~eipyomo.solvers.exact.feasibility`.
    """

    problem: Problem
    users: Records
    domains: Records
    budgets: tuple[Budget, ...]
    places: tuple[int, ...]
    drawn: tuple[tuple[str, ...], ...]
    spared: tuple[tuple[int, tuple[str, ...]], ...]
    capacities: tuple[float, ...]
    earliest_s: float
    basins: FloatColumn
    effort: Effort = field(default_factory=Effort)
    is_ray: bool = False

    @classmethod
    def of(cls, problem: Problem) -> Dual:
        """Return the dual of a problem."""
        users, budgets = user_records(problem), problem.budgets
        place_of = {name: k for k, budget in enumerate(budgets) for name in budget.quantities}
        return cls(
            problem=problem,
            users=users,
            domains=domain_records(problem.decisions),
            budgets=budgets,
            places=tuple(place_of.get(name, -1) for name in QUANTITIES),
            drawn=tuple(budget.quantities for budget in budgets),
            spared=tuple((k, one.quantities) for k, one in enumerate(budgets) if one.may_be_left),
            capacities=tuple(budget.capacity for budget in budgets),
            earliest_s=_earliest_s(users, budgets),
            basins=_unknown_basins(users),
        )

    def within(self, domains: Records) -> Dual:
        """Return the dual for smaller domains; nothing is known of basins there."""
        return replace(self, domains=domains, basins=_unknown_basins(self.users))

    @property
    def grid_step(self) -> float:
        """Distance of the points of ι, or 0."""
        return self.problem.restriction.grid_step

    @property
    def latest_s(self) -> float:
        """The sync time after which a deadline is missed; infinite without deadlines."""
        return float(self.users["deadline_s"].min())

    @property
    def no_prices(self) -> Prices:
        """Prices to start from where nothing is known: 0 for each budget."""
        return (0.0,) * len(self.budgets)

    # --- the users' solutions --------------------------------------------------------------------

    def solve_users(
        self, prices: Prices, sync_s: float, decisions: Decisions = OPEN
    ) -> UserSolutions:
        """Let every user minimise its cost at prices and a sync time."""
        self.effort.evaluations += 1
        users, at = self.users, self.point(prices, sync_s)
        known = decisions.records
        records = np.zeros(len(users), SOLUTION) if known is None else known.copy()
        arguments = (self.grid_step, decisions.freedom, at, self.basins, records)
        for_all(kernels.solve_users, len(users), users, self.domains, *arguments)
        for place, quantities in self.spared:
            if prices[place] == 0.0:
                for quantity in quantities:
                    for_all(SPARING[quantity], len(users), users, at, records)
        return UserSolutions(
            prices=prices,
            sync_s=sync_s,
            records=records,
            value=float(records["value"].sum()) - self.paid(prices),
            sync_slope=float(records["sync_slope"].sum()),
            usage=tuple([sum([float(records[key].sum()) for key in keys]) for keys in self.drawn]),
        )

    def point(self, prices: Prices, sync_s: float) -> DualPoint:
        """Return what users see of prices and sync time."""
        priced = (*prices, 0.0)
        return DualPoint(sync_s, *[priced[place] for place in self.places])

    def note_basins(self, better: FloatColumn) -> bool:
        """Put a better ι before the one known, where there is one; tell whether that is news."""
        noted = np.where(
            (better >= 0.0)[:, None], np.column_stack([better, self.basins[:, 0]]), self.basins
        )
        news = bool((noted != self.basins).any())
        self.basins[:] = noted
        return news

    # --- what is paid and used -------------------------------------------------------------------

    def paid(self, prices: Prices) -> float:
        """Return Σ price · budget."""
        return float(sum(map(mul, prices, self.capacities)))

    def most_paid(self, prices: Prices) -> float:
        """Return what a user pays at most, each price as often as it stands in its cost."""
        return sum(
            TIMES_PAID[draw.quantity] * price * draw.most
            for budget, price in zip(self.budgets, prices, strict=True)
            for draw in budget.draws
        )

    def parts_used(self, solutions: Records) -> FloatColumn:
        """Return per user the parts of the budgets in use, added up."""
        parts = [
            solutions[quantity] / budget.capacity
            for budget in self.budgets
            for quantity in budget.quantities
        ]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _unknown_basins(users: Records) -> FloatColumn:
    return np.full((len(users), 2), UNKNOWN)


def _earliest_s(users: Records, budgets: tuple[Budget, ...]) -> float:
    """Bisect for the sync time at which the least shares to upload in time fill the band."""
    band = next(budget for budget in budgets if "uplink_share" in budget.quantities)
    latest_start = float(users["start_s"].max())
    low, high = latest_start, 2.0 * latest_start + 1.0
    while kernels.least_shares(users, high) > band.capacity:
        low, high = high, 2.0 * high
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        if kernels.least_shares(users, middle) > band.capacity:
            low = middle
        else:
            high = middle
    return low * (1.0 - 1e-12)
