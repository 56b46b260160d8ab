"""The Lagrangian dual over all users, at given prices of what they share and a given sync time.

At prices λ and sync time t the dual value is Σ_j φ_j(λ, t) - λ · budgets, with φ_j the least cost
of user j. It is concave in λ with what is used beyond each budget as slope, and the users'
solutions say how it moves with t.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.capacities import capacity_of, earliest_sync_s, widened
from eipyomo.solvers.exact.effort import Effort
from eipyomo.solvers.exact.kernels import (
    BASIN,
    QUANTITIES,
    SOLUTION,
    TIMES_PAID,
    UNKNOWN,
    DualPoint,
    Everybody,
)
from eipyomo.solvers.exact.solutions import OPEN, Decisions, Prices, UserSolutions
from eipyomo.solvers.exact.users import (
    domain_records,
    user_records,
    with_least_of_modes,
    with_prices,
    without_weights,
)
from eipyomo.solvers.records import Records, for_all, mode_records

TOTALS = ("energy_j", "latency_s")
"""Quantities of which the data may limit the total."""

SPARING = {"edge_frequency_ghz": kernels.slow_down_at_edge}
"""What lowers the use of a quantity that costs nothing to what is needed."""


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
    modes, known
        USER records of the modes of all users, and a BASIN of each that remembers multipliers.
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
    slopes
        Of ln(used) in ln(price) of each budget, and last of ln(pressure/weight) in the lead of the
        sync time, where they were searched for last: guesses for the next search, which change too.
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
    modes: Records
    known: Records
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
    slopes: list[float]
    is_ray: bool = False
    effort: Effort = field(default_factory=Effort)

    @classmethod
    def of(cls, problem: Problem, wider: float = 1.0) -> Dual:
        """Return the dual of a problem, with so many times the band if the least is sought."""
        budgets = tuple([widened(budget, wider) for budget in problem.budgets])
        users = user_records(problem, budgets)
        modes = mode_records(problem.data, users)
        if problem.data.modes is not None:
            users = with_least_of_modes(users, modes, problem.data.modes)
        drawn = tuple(tuple(draw.quantity for draw in budget.draws) for budget in budgets)
        place_of = {name: k for k, names in enumerate(drawn) for name in names}
        together = tuple(k for k, budget in enumerate(budgets) if budget.is_minimised)
        return cls(
            problem=problem,
            users=without_weights(users) if together else users,
            domains=domain_records(problem.decisions, problem.data.modes),
            modes=without_weights(modes) if together else modes,
            known=np.zeros(len(modes), BASIN),
            budgets=budgets,
            places=tuple(place_of.get(name, -1) for name in QUANTITIES),
            drawn=drawn,
            spared=tuple((k, one.quantities) for k, one in enumerate(budgets) if one.may_be_left),
            capacities=tuple(capacity_of(budget, problem.data) for budget in budgets),
            earliest_s=earliest_sync_s(users, budgets),
            basins=_unknown_basins(users),
            weighted=users,
            together=together,
            totals=(place_of.get(TOTALS[0], -1), place_of.get(TOTALS[1], -1)),
            reference=problem.reference * wider if together else 1.0,
            slopes=_usual_slopes(len(budgets)),
        )

    def for_ray(self) -> Dual:
        """Return the dual without weights, whose prices make all budgets cost 1 together."""
        return replace(
            self,
            users=without_weights(self.users),
            modes=without_weights(self.modes),
            known=np.zeros(len(self.modes), BASIN),
            basins=_unknown_basins(self.users),
            together=tuple(range(len(self.budgets))),
            reference=1.0,
            slopes=_usual_slopes(len(self.budgets)),
            is_ray=True,
        )

    def within(self, domains: Records) -> Dual:
        """Return the dual for smaller domains, with the same memory of basins and slopes."""
        return replace(self, domains=domains)

    @property
    def lists(self) -> tuple[str | None, ...]:
        """The name of each user's list of modes, or None."""
        return self.problem.instance.users.texts("modes")

    @property
    def grid_step(self) -> float:
        """Distance of the points of ι, or 0."""
        return self.problem.restriction.grid_step

    @cached_property
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
        records, at = self.hints(decisions).copy(), self.point(prices, sync_s)
        everybody, freedom = self.everybody(prices), decisions.freedom
        for_all(kernels.solve_users, len(records), everybody, freedom, at, records)
        return self.solved(prices, sync_s, records)

    def hints(self, decisions: Decisions) -> Records:
        """Return SOLUTION records to begin from."""
        known = decisions.records
        return np.zeros(len(self.users), SOLUTION) if known is None else known

    def everybody(self, prices: Prices) -> Everybody:
        """Return the users as they are at prices of all energy and of all latency."""
        if max(self.totals) < 0:
            return self._unpriced
        return self._everybody(self.users_at(prices), self.modes_at(prices))

    @cached_property
    def _unpriced(self) -> Everybody:
        """The users where totals have no prices, as everywhere without totals."""
        return self._everybody(self.users, self.modes)

    def _everybody(self, users: Records, modes: Records) -> Everybody:
        return Everybody(users, self.domains, self.grid_step, self.basins, modes, self.known)

    def solved(self, prices: Prices, sync_s: float, records: Records) -> UserSolutions:
        """Return what SOLUTION records found at prices and a sync time say, completed in place."""
        self._complete(prices, sync_s, records)
        found = kernels.together(records)
        drawn = dict(zip(QUANTITIES, found.drawn, strict=True))
        for key in self.measured:
            drawn[key] = float(records[key].sum())
        return UserSolutions(
            prices=prices,
            sync_s=sync_s,
            records=records,
            value=found.value - self.paid(prices),
            sync_slope=found.sync_slope,
            usage=tuple([sum([drawn[key] for key in keys]) for keys in self.drawn]),
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of what totals are of, where one is limited."""
        return TOTALS if max(self.totals) >= 0 else ()

    def _complete(self, prices: Prices, sync_s: float, records: Records) -> None:
        """Spare what costs nothing, and measure what totals are of; in place."""
        spared = [
            SPARING[quantity]
            for place, quantities in self.spared
            if prices[place] == 0.0
            for quantity in quantities
            if quantity in SPARING
        ]
        asked = [*spared, *([kernels.measure] if self.measured else [])]
        if not asked:
            return
        at = self.point(prices, sync_s)
        users, done = self.decided(self.users_at(prices), self.modes_at(prices), records)
        for kernel in asked:
            for_all(kernel, len(users), users, at, done)
        for name in ("edge_frequency_ghz", *TOTALS):
            records[name] = done[name]

    def decided(self, users: Records, modes: Records, records: Records) -> tuple[Records, Records]:
        """Return users and SOLUTION records as if each one's mode were its own data, at ι = 1/2."""
        lists = self.problem.data.modes
        if lists is None:
            return users, records
        has, users, records = lists.has_modes, users.copy(), records.copy()
        chosen = self.domains["first"][has] + records["offload_fraction"][has].astype(np.intp)
        users[has] = modes[chosen]
        records["offload_fraction"][has] = kernels.HALF
        records["download"][has] = lists.computes[chosen]
        return users, records

    def earliest_of(self, records: Records) -> float:
        """Return the earliest sync time once SOLUTION records say which modes users take."""
        if self.problem.data.modes is None:
            return self.earliest_s
        users, _ = self.decided(self.users, self.modes, records)
        return earliest_sync_s(users, self.budgets)

    def users_at(self, prices: Prices) -> Records:
        """Return the users as they are at prices of all energy and of all latency."""
        return self._priced(self.users, prices)

    def modes_at(self, prices: Prices) -> Records:
        """Return the modes as they are at prices of all energy and of all latency."""
        return self._priced(self.modes, prices)

    def _priced(self, users: Records, prices: Prices) -> Records:
        if max(self.totals) < 0:
            return users
        priced = (*prices, 0.0)
        return with_prices(users, *[priced[place] for place in self.totals])

    def point(self, prices: Prices, sync_s: float) -> DualPoint:
        """Return what users see of prices and sync time."""
        priced = (*prices, 0.0)
        return DualPoint(sync_s, *[priced[place] for place in self.places])

    def note_basins(self, better: FloatColumn) -> bool:
        """Put a better ι before the one known, where there is one; tell whether that is news."""
        found = better >= 0.0
        if not found.any():
            return False
        self.basins[found, 1] = self.basins[found, 0]
        self.basins["offload_fraction"][found, 0] = better[found]
        return True

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


def _usual_slopes(budgets: int) -> list[float]:
    return [*[kernels.PRICE_SLOPE] * budgets, kernels.PRESSURE_SLOPE]


def _unknown_basins(users: Records) -> Records:
    basins = np.zeros((len(users), 2), BASIN)
    basins["offload_fraction"] = UNKNOWN
    return basins
