"""The Lagrangian dual over all users: prices of what they share, and the sync time.

At prices λ and sync time t the dual value is Σ_j φ_j(λ, t) - λ · budgets. It is concave in λ with
what is unused of each budget as slope, and the users' choices say how it moves with t.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.kernels import CELL, CHOICE, FREE, MAX_CELLS, QUANTITIES, TIMES_PAID
from eipyomo.solvers.exact.roots import Crossing, find_crossing
from eipyomo.solvers.exact.users import domain_records, user_records
from eipyomo.solvers.records import Records, for_all

Prices = tuple[float, ...]
"""One price for each budget of the problem, per unit of what is drawn: a share, a GHz."""

PRICE_SPAN = 30.0
"""Prices stay within e^±30 of their natural size; any price ≥ 0 gives a valid bound."""
LEAST_SPAN = 20.0
"""So far down reach the prices but 0 of a budget that may be left: below, ν = w^t - μ is so small
that rounding decides about the usage."""

SPARING = {"edge_frequency_ghz": kernels.slow_down_at_edge}
"""What lowers the use of a quantity that costs nothing to what is needed."""


@dataclass(frozen=True, eq=False)
class Response:
    """What all users do at given prices and sync time.

    Attributes
    ----------
    prices, sync_s
        Where.
    choices
        CHOICE records, one per user.
    value
        Dual value.
    sync_slope
        Derivative of the users' costs in the sync time.
    usage
        What is used of each budget.
    """

    prices: Prices
    sync_s: float
    choices: Records
    value: float
    sync_slope: float
    usage: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Market:
    """Responses next to the prices at which the budgets are just used up.

    Attributes
    ----------
    best
        The response of the largest dual value.
    mixture
        Responses with weights that sum to 1, such that what they use, mixed, is each budget, or
        less of it if its price is as good as 0.
    """

    best: Response
    mixture: tuple[tuple[float, Response], ...]

    def mixed(self, column: str) -> FloatColumn:
        """Return a column of the choices, mixed."""
        columns = [weight * response.choices[column] for weight, response in self.mixture]
        return np.asarray(np.sum(columns, axis=0), dtype=np.float64)

    def usage(self, budget: int) -> float:
        """Return the mixed usage of a budget, by its place."""
        return sum(weight * response.usage[budget] for weight, response in self.mixture)


@dataclass(frozen=True, eq=False)
class Proof:
    """Lines in t below every user's cost, at one set of prices; see :func:`kernels.cover`.

    Attributes
    ----------
    response
        Prices and sync time at which the multipliers are good.
    first_s, last_s
        Range of sync times for which the lines were made.
    tolerance
        How much the cells were allowed to lose.
    improved
        Whether a choice better than the response's was met.
    """

    response: Response
    first_s: float
    last_s: float
    tolerance: float
    improved: bool
    _base: float
    _size: float
    _counts: Records
    _cells: Records

    def bound_at(self, sync_s: float) -> float:
        """Return a valid lower bound on the cost at a sync time within the range."""
        elapsed = sync_s - self.response.sync_s
        total = kernels.bound_at(self._cells, self._counts, elapsed)
        return float(total - self._base - kernels.ROUNDING * self._size)

    def reach(self, end_s: float, need: float) -> float:
        """Return how far towards an end the bound stays above a need; concave in t."""
        inside_s, value = self.response.sync_s, self.bound_at(self.response.sync_s)
        outside_s, beyond = end_s, self.bound_at(end_s)
        if beyond >= need:
            return end_s
        for _ in range(4):
            if value <= need:
                break
            middle_s = inside_s + 0.999 * (value - need) / (value - beyond) * (outside_s - inside_s)
            at_middle = self.bound_at(middle_s)
            if at_middle < need:
                outside_s, beyond = middle_s, at_middle
            else:
                inside_s, value = middle_s, at_middle
        return inside_s

    def bound_over(self, first_s: float, last_s: float) -> float:
        """Return a valid lower bound over a part of the range: concave, so the ends suffice."""
        return min(self.bound_at(first_s), self.bound_at(last_s))

    def cells_of(self, user: int) -> Records:
        """Return the cells of one user."""
        return self._cells[user, : self._counts[user]]


@dataclass(eq=False)
class Dual:
    """The dual of one problem; keeps the users' last choices as warm starts.

    Attributes
    ----------
    problem
        The problem.
    domains
        DOMAIN records; the branch and bound narrows them.
    users
        USER records.
    basins
        Per user the ι from which two basins of its cost are followed, negative if unknown; (M, 2).
    evaluations
        How often all users were asked for their best decisions.
    """

    problem: Problem
    domains: Records = field(init=False)
    users: Records = field(init=False)
    basins: FloatColumn = field(init=False)
    evaluations: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Prepare the records and forget all basins."""
        self.users = user_records(self.problem)
        self.domains = domain_records(self.problem.decisions)
        self.basins = np.full((len(self.users), 2), -1.0)

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """What users share."""
        return self.problem.budgets

    @property
    def grid_step(self) -> float:
        """Distance of the points of ι, or 0."""
        return self.problem.restriction.grid_step

    # --- responses -----------------------------------------------------------------------------

    def respond(
        self, prices: Prices, sync_s: float, choices: Records | None = None, freedom: int = FREE
    ) -> Response:
        """Let every user choose; without freedom or in its basin it starts from `choices`."""
        self.evaluations += 1
        chosen = np.zeros(len(self.users), CHOICE) if choices is None else choices.copy()
        terms = self.terms(prices, sync_s)
        arguments = (self.grid_step, freedom, terms, self.basins, chosen)
        for_all(kernels.respond, len(chosen), self.users, self.domains, *arguments)
        for budget, price in zip(self.budgets, prices, strict=True):
            if budget.may_be_left and price == 0.0:
                for quantity in budget.quantities:
                    for_all(SPARING[quantity], len(chosen), self.users, terms, chosen)
        return Response(
            prices=prices,
            sync_s=sync_s,
            choices=chosen,
            value=float(chosen["value"].sum()) - self.paid(prices),
            sync_slope=float(chosen["sync_slope"].sum()),
            usage=tuple(_used(budget, chosen) for budget in self.budgets),
        )

    def terms(self, prices: Prices, sync_s: float) -> kernels.Terms:
        """Return what users see of prices and sync time."""
        price_of = {
            quantity: price
            for budget, price in zip(self.budgets, prices, strict=True)
            for quantity in budget.quantities
        }
        return kernels.Terms(sync_s, *(price_of.get(quantity, 0.0) for quantity in QUANTITIES))

    def most_paid(self, prices: Prices) -> float:
        """Return what a user pays at most, each price as often as it stands in its cost."""
        return sum(
            TIMES_PAID[draw.quantity] * price * draw.most
            for budget, price in zip(self.budgets, prices, strict=True)
            for draw in budget.draws
        )

    def parts_used(self, choices: Records) -> FloatColumn:
        """Return per user the parts of the budgets in use, added up."""
        parts = [
            choices[quantity] / budget.capacity
            for budget in self.budgets
            for quantity in budget.quantities
        ]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    def paid(self, prices: Prices) -> float:
        """Return Σ price · budget."""
        return sum(
            price * budget.capacity for price, budget in zip(prices, self.budgets, strict=True)
        )

    @property
    def no_prices(self) -> Prices:
        """Prices to start from where nothing is known: 0 for each budget."""
        return (0.0,) * len(self.budgets)

    def _natural_log_price(self, budget: Budget) -> float:
        """Rough size of a price: what users would pay for the whole budget in equal parts."""
        return _NATURAL_LOG_PRICE[budget.quantities[0]](self.users, budget)

    def clear(
        self,
        sync_s: float,
        prices: Prices,
        tolerance: float,
        choices: Records | None = None,
        freedom: int = FREE,
        mismatch: float = 1e-4,
    ) -> Market:
        """Find the prices at which budgets are just used up: the maximum of the dual over prices.

        Parameters
        ----------
        sync_s
            Sync time.
        prices
            Where to start.
        tolerance
            By how much the dual value may fall short of its maximum.
        choices, freedom
            See :meth:`respond`.
        mismatch
            Relative deviation from the budget that is asked for where usage does not jump.
        """
        start = list(prices)

        def clear(place: int, above: Prices, tolerance: float) -> Market:
            """Clear the budgets up to one, at given prices of those above: a search in a search."""
            if place < 0:
                response = self.respond(above, sync_s, choices, freedom)
                return Market(response, ((1.0, response),))
            budget = self.budgets[place]

            def residual(log_price: float) -> tuple[float, Market]:
                market = clear(place - 1, (float(np.exp(log_price)), *above), 0.1 * tolerance)
                return _log_ratio(market.usage(place), budget.capacity), market

            free = start[place] == 0.0 and budget.may_be_left
            if free:
                market = clear(place - 1, (0.0, *above), 0.1 * tolerance)
                if market.usage(place) <= budget.capacity:
                    return market
            crossing = self._search(residual, place, start[place], tolerance, mismatch)
            if crossing.before is None and not free and budget.may_be_left:
                start[place] = 0.0
                return clear(place, above, tolerance)
            market = _mix(crossing, place, budget.capacity)
            start[place] = market.best.prices[place]
            return market

        return clear(len(self.budgets) - 1, (), tolerance)

    def _search(
        self, residual: Any, place: int, price: float, tolerance: float, mismatch: float
    ) -> Crossing[Market]:
        """Search the price of one budget on a logarithmic scale until the dual is good enough."""
        budget, capacity = self.budgets[place], self.budgets[place].capacity

        def enough(crossing: Crossing[Market]) -> bool:
            nearest = crossing.points[0]
            price = nearest.found.best.prices[place]
            off = abs(nearest.residual)
            if off <= 1e-13 or (off <= mismatch and 10.0 * off * capacity * price <= tolerance):
                return True
            if crossing.before is None or crossing.after is None:
                return False
            before, after = crossing.before.found, crossing.after.found
            width = after.best.prices[place] - before.best.prices[place]
            rise, fall = before.usage(place) - capacity, capacity - after.usage(place)
            lost = width * rise * fall / (rise + fall)
            dearer = after.best.prices[place]
            close = min(rise, fall) <= mismatch * capacity or width <= mismatch * dearer
            return bool(lost <= tolerance and close)

        middle = self._natural_log_price(budget)
        return find_crossing(
            residual,
            float(np.log(price)) if price > 0.0 else middle,
            middle - (LEAST_SPAN if budget.may_be_left else PRICE_SPAN),
            middle + PRICE_SPAN,
            slope=-0.5,
            enough=enough,
        )

    # --- sync time -----------------------------------------------------------------------------

    @cached_property
    def earliest_s(self) -> float:
        """The sync time before which the uploads do not fit into the band; rounded down."""
        uplink = next(one for one in self.budgets if "uplink_share" in one.quantities)
        latest_start = float(self.users["start_s"].max())
        low, high = latest_start, 2.0 * latest_start + 1.0
        while kernels.least_shares(self.users, high) > uplink.capacity:
            low, high = high, 2.0 * high
        while high - low > 1e-13 * high:
            middle = 0.5 * (low + high)
            if kernels.least_shares(self.users, middle) > uplink.capacity:
                low = middle
            else:
                high = middle
        return low * (1.0 - 1e-12)

    def settle(
        self,
        first_s: float,
        last_s: float,
        start_s: float,
        prices: Prices,
        tolerance: float,
        choices: Records | None = None,
        freedom: int = FREE,
        mismatch: float = 1e-4,
    ) -> tuple[Market, ...]:
        """Find a local minimum over the sync time of the dual's maximum over prices.

        The users' pressure for a later sync, Σ (ν2 + η), is compared with their weight against it,
        Σ w^t, as functions of ln(t - earliest).

        Returns
        -------
        tuple of Market
            The one or two markets next to the minimum, the lower one first; none that was met on
            the way is lower.
        """
        visited: list[Market] = []
        weight = float(self.users["latency_weight"].sum())
        origin = min(self.earliest_s, first_s) * (1.0 - 1e-12)

        def residual(log_lead: float) -> tuple[float, Market]:
            nonlocal prices
            sync_s = min(max(origin + float(np.exp(log_lead)), first_s), last_s)
            market = self.clear(sync_s, prices, 0.1 * tolerance, choices, freedom, mismatch)
            prices = market.best.prices
            visited.append(market)
            return _log_ratio(weight - market.best.sync_slope, weight), market

        def enough(crossing: Crossing[Market]) -> bool:
            if crossing.before is None or crossing.after is None:
                return abs(crossing.points[0].residual) <= 1e-12
            before, after = crossing.before.found.best, crossing.after.found.best
            fall, rise = -before.sync_slope, after.sync_slope
            width = after.sync_s - before.sync_s
            return bool(width * fall * rise <= tolerance * (fall + rise))

        leads = np.array([first_s, last_s, start_s]) - origin
        low, high, start = np.log(np.maximum(leads, 1e-300))
        crossing = find_crossing(residual, start, low, high, slope=-1.0, enough=enough)
        markets = sorted((point.found for point in crossing.points), key=_value)
        lowest = min(visited, key=_value)
        # Where the dual is not convex, slopes can lead past a lower point.
        return (lowest,) if _value(lowest) < _value(markets[0]) - tolerance else tuple(markets)

    # --- bounds --------------------------------------------------------------------------------

    def prove(self, response: Response, first_s: float, last_s: float, tolerance: float) -> Proof:
        """Cover every user's decisions by cells, with multipliers that are good at a response.

        Parameters
        ----------
        response
            Prices, sync time, and choices to compare cells with.
        first_s, last_s
            Range of sync times.
        tolerance
            How much the cells may lose against the choices, all users together.
        """
        users = len(self.users)
        counts, cells = np.zeros(users, np.int64), np.empty((users, MAX_CELLS), CELL)
        before = self.basins.copy()
        for_all(
            kernels.cover_all,
            users,
            self.users,
            self.domains,
            self.grid_step,
            response.choices,
            tolerance / users,
            kernels.Times(first_s, last_s),
            self.terms(response.prices, response.sync_s),
            self.basins,
            counts,
            cells,
        )
        paid = self.paid(response.prices)
        return Proof(
            response=response,
            first_s=first_s,
            last_s=last_s,
            tolerance=tolerance,
            improved=bool((before != self.basins).any()),
            _base=paid,
            _size=float(np.abs(response.choices["value"]).sum()) + paid,
            _counts=counts,
            _cells=cells,
        )


def _used(budget: Budget, choices: Records) -> float:
    """Return what choices use of a budget."""
    return sum(float(choices[quantity].sum()) for quantity in budget.quantities)


def _natural_log_band_price(users: Records, budget: Budget) -> float:
    """Return ln of what transmissions would cost at equal shares of the whole band."""
    del budget
    share = 0.5 / len(users)
    seconds = users["uplink"]["unit_s"] / (
        np.log1p(users["uplink"]["snr"] / share) * share / users["uplink"]["snr"]
    )
    weight = users["send_weight"] + users["latency_weight"]
    return float(np.log(np.sum(weight * users["model_mbit"] * seconds)))


def _natural_log_frequency_price(users: Records, budget: Budget) -> float:
    """Return ln of what delays at the edge would cost at equal frequencies, per GHz."""
    delay = users["latency_weight"] * users["work_gigacycles"]
    return float(np.log(np.sum(delay) * len(delay) / budget.capacity**2))


_NATURAL_LOG_PRICE = {
    "uplink_share": _natural_log_band_price,
    "downlink_share": _natural_log_band_price,
    "edge_frequency_ghz": _natural_log_frequency_price,
}


def _value(market: Market) -> float:
    return market.best.value


def _log_ratio(amount: float, budget: float) -> float:
    """Return ln(amount/budget), finite also for nothing."""
    return float(np.log(max(amount, 1e-30) / budget))


def _mix(crossing: Crossing[Market], place: int, budget: float) -> Market:
    """Mix the two sides of a crossing of usage and budget."""
    sides = [point.found for point in crossing.points]
    best = max((side.best for side in sides), key=lambda response: response.value)
    if crossing.before is None or crossing.after is None:
        return Market(best, sides[0].mixture)
    more, less = crossing.before.found, crossing.after.found
    spread = more.usage(place) - less.usage(place)
    part = min(max((budget - less.usage(place)) / spread, 0.0), 1.0) if spread > 0.0 else 0.0
    mixture = [(part * weight, response) for weight, response in more.mixture]
    mixture += [((1.0 - part) * weight, response) for weight, response in less.mixture]
    return Market(best, tuple(mixture))
