"""The Lagrangian dual over all users, at given prices of what they share and a given sync time.

At prices λ and sync time t the dual value is Σ_j φ_j(λ, t) - λ · budgets, with φ_j the least cost
of user j. It is concave in λ with what is used beyond each budget as slope, and the users'
solutions say how it moves with t.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.kernels import (
    BASIN,
    FOLLOWED,
    FREE,
    QUANTITIES,
    SOLUTION,
    TIMES_PAID,
    TRACKED,
    UNKNOWN,
    DualPoint,
)
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
        FREE: the best of their domains; FOLLOWED: no download or the best ι of the basins known;
        TRACKED: a as it is, and the best ι of its basin; FIXED: as they are.
    records
        SOLUTION records that say how they are; None only with FREE.
    """

    freedom: int
    records: Records | None = None

    def after(self, records: Records) -> Decisions:
        """Return what users may do next at prices and a sync time nearby, once they did this.

        All that they may decide is not looked through anew each time. Who stays in its basin begins
        where it began: a bottom that moved far, or vanished, at another price does not lead back.
        """
        if self.freedom == TRACKED:
            return self
        return Decisions(min(self.freedom, FOLLOWED), records)


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
    """How often all users were asked for their best decisions, and how long they may be asked."""

    evaluations: int = 0
    clock: Clock | None = None

    def count(self) -> None:
        """Count an answer that is asked for.

        Raises
        ------
        TimeIsUpError
            If the time is up.
        """
        self.evaluations += 1
        if self.clock is not None and self.clock.left_s < 0.0:
            raise TimeIsUpError


class TimeIsUpError(Exception):
    """The time is up in the middle of a search."""


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
        there is, training and the previous download not counted; asked for in every answer.
    earliest_s
        The sync time before which the uploads do not fit into the band; rounded down.
    basins
        BASIN records, two per user; their ι may be UNKNOWN. They are where users begin to look the
        next time, and change with every answer.
    effort
        Counts all answers, those of other parts of the problem included.
    weighted
        USER records with the weights of the data, which `users` have not where something else than
        WSEL is minimised: of frequencies that are free the best ones are taken by them.
    together
        Places of the budgets of which the least is sought: they cost 1 together, and what users pay
        is the part of them that is needed.
    totals
        Places of the budgets of energy and latency, or -1.
    reference
        How much there is of the resource of which the least is sought, in MHz or GHz; or 1.
    is_ray
        Whether nothing but limits and budgets counts, so that more than 1 proves infeasibility.
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
    basins: Records
    weighted: Records
    together: tuple[int, ...]
    totals: tuple[int, int]
    reference: float
    is_ray: bool = False
    effort: Effort = field(default_factory=Effort)

    @classmethod
    def of(cls, problem: Problem, wider: float = 1.0) -> Dual:
        """Return the dual of a problem, with so many times the band if the least is sought."""
        budgets = tuple([_widened(budget, wider) for budget in problem.budgets])
        users = user_records(problem, budgets)
        drawn = tuple(tuple(draw.quantity for draw in budget.draws) for budget in budgets)
        place_of = {name: k for k, names in enumerate(drawn) for name in names}
        together = tuple(k for k, budget in enumerate(budgets) if budget.is_minimised)
        return cls(
            problem=problem,
            users=without_weights(users) if together else users,
            domains=domain_records(problem.decisions),
            budgets=budgets,
            places=tuple(place_of.get(name, -1) for name in QUANTITIES),
            drawn=drawn,
            spared=tuple((k, one.quantities) for k, one in enumerate(budgets) if one.may_be_left),
            capacities=tuple(_capacity(budget, problem.data) for budget in budgets),
            earliest_s=_earliest_s(users, budgets),
            basins=_unknown_basins(users),
            weighted=users,
            together=together,
            totals=(place_of.get("energy_j", -1), place_of.get("latency_s", -1)),
            reference=problem.reference * wider if together else 1.0,
        )

    def for_ray(self) -> Dual:
        """Return the dual without weights, whose prices make all budgets cost 1 together."""
        return replace(
            self,
            users=without_weights(self.users),
            basins=_unknown_basins(self.users),
            together=tuple(range(len(self.budgets))),
            reference=1.0,
            is_ray=True,
        )

    def within(self, domains: Records) -> Dual:
        """Return the dual for smaller domains, with the same memory of basins."""
        return replace(self, domains=domains)

    @property
    def grid_step(self) -> float:
        """Distance of the points of ι, or 0."""
        return self.problem.restriction.grid_step

    @property
    def latest_s(self) -> float:
        """The sync time after which a deadline or the total latency is missed; or infinite."""
        latest_s, place = float(self.users["deadline_s"].min()), self.totals[1]
        return latest_s if place < 0 else min(latest_s, self.capacities[place] / len(self.users))

    @property
    def free(self) -> tuple[int, ...]:
        """Places of the budgets of which each has a price of its own."""
        return tuple(k for k in range(len(self.budgets)) if k not in self.together)

    @property
    def no_prices(self) -> Prices:
        """Prices to start from where nothing is known: 0 for each budget."""
        return (0.0,) * len(self.budgets)

    # --- the users' solutions --------------------------------------------------------------------

    def solve_users(
        self, prices: Prices, sync_s: float, decisions: Decisions = OPEN
    ) -> UserSolutions:
        """Let every user minimise its cost at prices and a sync time."""
        self.effort.count()
        users, at = self.users_at(prices), self.point(prices, sync_s)
        known = decisions.records
        records = np.zeros(len(users), SOLUTION) if known is None else known.copy()
        arguments = (self.grid_step, decisions.freedom, at, self.basins, records)
        for_all(kernels.solve_users, len(users), users, self.domains, *arguments)
        for place, quantities in self.spared:
            if prices[place] == 0.0:
                for quantity in quantities:
                    for_all(SPARING[quantity], len(users), users, at, records)
        if max(self.totals) >= 0:
            for_all(kernels.measure, len(users), users, at, records)
        return UserSolutions(
            prices=prices,
            sync_s=sync_s,
            records=records,
            value=float(records["value"].sum()) - self.paid(prices),
            sync_slope=float(records["sync_slope"].sum()),
            usage=tuple([sum([float(records[key].sum()) for key in keys]) for keys in self.drawn]),
        )

    def users_at(self, prices: Prices) -> Records:
        """Return the users as they are at prices of all energy and of all latency."""
        if max(self.totals) < 0:
            return self.users
        users, priced = self.users.copy(), (*prices, 0.0)
        energy, latency = (priced[place] for place in self.totals)
        users["latency_weight"] += latency
        users["energy_weight"] += energy
        for weight, power in POWERS.items():
            users[weight] += energy * users[power]
        return users

    def point(self, prices: Prices, sync_s: float) -> DualPoint:
        """Return what users see of prices and sync time."""
        priced = (*prices, 0.0)
        return DualPoint(sync_s, *[priced[place] for place in self.places])

    def note_basins(self, better: FloatColumn) -> bool:
        """Put a better ι before the one known, where there is one; tell whether that is news."""
        found = better >= 0.0
        self.basins[found, 1] = self.basins[found, 0]
        self.basins["offload_fraction"][found, 0] = better[found]
        return bool(found.any())

    # --- what is paid and used -------------------------------------------------------------------

    def paid(self, prices: Prices) -> float:
        """Return Σ price · budget, without those of which the least is sought."""
        return float(
            sum(
                price * capacity
                for k, (price, capacity) in enumerate(zip(prices, self.capacities, strict=True))
                if k not in self.together
            )
        )

    def most_paid(self, prices: Prices) -> float:
        """Return what a user pays at most, each price as often as it stands in its cost."""
        return sum(
            TIMES_PAID[draw.quantity] * price * draw.most
            for budget, price in zip(self.budgets, prices, strict=True)
            for draw in budget.draws
            if draw.quantity in TIMES_PAID
        )

    def least_cost_from(self, sync_s: float) -> float:
        """Return what all users pay at least if the sync is not before a time.

        Every user waits for the sync and at least uploads its model over the whole band.
        """
        users, link = self.users, self.users["uplink"]
        seconds = link["unit_s"] * np.expm1(link["efficiency_min"]) / link["efficiency_min"]
        upload = users["send_weight"] * users["model_mbit"] * seconds
        terms = np.concatenate([users["constant"], upload, users["latency_weight"] * sync_s])
        return float(terms.sum() - 1e-14 * np.abs(terms).sum())

    def parts_used(self, solutions: Records) -> FloatColumn:
        """Return per user the parts of the budgets in use, added up."""
        parts = [
            solutions[quantity] / capacity
            for capacity, quantities in zip(self.capacities, self.drawn, strict=True)
            for quantity in quantities
        ]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


POWERS = {
    "send_weight": "transmit_power_w",
    "receive_weight": "receive_power_w",
    "cpu_weight": "energy_coefficient",
}
"""Weights of a user that grow with that of its energy, each with what it is times of."""


def _widened(budget: Budget, wider: float) -> Budget:
    """Return a budget of so much more, if the least of it is sought."""
    if not budget.is_minimised or wider == 1.0:
        return budget
    draws = tuple([replace(draw, most=draw.most * wider) for draw in budget.draws])
    return replace(budget, capacity=budget.capacity * wider, draws=draws)


def _capacity(budget: Budget, data: Scaled) -> float:
    """Return what there is of a budget for what users draw in the kernels.

    There energies are counted without training, which is over, and latencies from the clock's 0.
    """
    if budget.name == "total_energy":
        left_j = budget.capacity - float(data.local_training_j.sum())
        return max(left_j, LEAST_LEFT * budget.capacity)
    if budget.name == "total_latency":
        return budget.capacity + float(data.previous_download_s.sum())
    return budget.capacity


LEAST_LEFT = 1e-9
"""Part of a total that counts as left where training needs all of it: more than nothing."""


def without_weights(users: Records) -> Records:
    """Return USER records of users that pay for limits and budgets alone."""
    users = users.copy()
    for name in ("latency_weight", "energy_weight", "constant", *POWERS):
        users[name] = 0.0
    return users


def _unknown_basins(users: Records) -> Records:
    basins = np.zeros((len(users), 2), BASIN)
    basins["offload_fraction"] = UNKNOWN
    return basins


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
