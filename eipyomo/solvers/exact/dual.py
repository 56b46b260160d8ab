"""The Lagrangian dual over all users: prices of what they share, and the sync time.

At prices λ and sync time t the dual value is Σ_j φ_j(λ, t) - λ · budgets. It is concave in λ with
what is unused of each budget as slope, and the users' choices say how it moves with t.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.kernels import CELL, CHOICE, FREE, MAX_CELLS
from eipyomo.solvers.exact.restriction import Restriction
from eipyomo.solvers.exact.roots import Crossing, find_crossing
from eipyomo.solvers.exact.users import user_records
from eipyomo.solvers.records import Records, for_all

Prices = tuple[float, ...]
"""One price for each budget: of a share of the band, or of its uplink and its downlink half, and
behind it of a GHz at the edge, where the server has a total frequency."""

PRICE_SPAN = 30.0
"""Prices stay within e^±30 of their natural size; any price ≥ 0 gives a valid bound."""
LEAST_EDGE_PRICE = -20.0
"""The logarithm of the smallest price of the edge's frequency but 0, relative to its natural size:
below it, ν = w^t - μ is so small that rounding decides about the usage."""


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
    """The dual of one (restricted) problem; keeps the users' last choices as warm starts.

    Attributes
    ----------
    scaled, restriction
        The problem.
    domains
        DOMAIN records; the branch and bound narrows them.
    limits_frequency, budgets
        Whether the edge's frequency is limited; and what there is of the band, or of its halves,
        and, last, of that frequency in GHz.
    """

    scaled: Scaled
    restriction: Restriction
    domains: Records
    users: Records = field(init=False)
    limits_frequency: bool = field(init=False)
    budgets: tuple[float, ...] = field(init=False)
    basins: FloatColumn = field(init=False)
    evaluations: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Prepare the records and forget all basins."""
        bands, total_ghz = self.restriction.budgets, self.scaled.total_frequency_ghz
        self.limits_frequency = total_ghz is not None
        self.budgets = bands if total_ghz is None else (*bands, total_ghz)
        self.users = user_records(self.scaled, max(bands))
        self.basins = np.full((len(self.users), 2), -1.0)

    # --- responses -----------------------------------------------------------------------------

    def respond(
        self, prices: Prices, sync_s: float, choices: Records | None = None, freedom: int = FREE
    ) -> Response:
        """Let every user choose; without freedom or in its basin it starts from `choices`."""
        self.evaluations += 1
        chosen = np.zeros(len(self.users), CHOICE) if choices is None else choices.copy()
        terms = self.terms(prices, sync_s)
        arguments = (self.restriction.grid_step, freedom, terms, self.basins, chosen)
        for_all(kernels.respond, len(chosen), self.users, self.domains, *arguments)
        if self.limits_frequency and terms.price_edge == 0.0:
            for_all(kernels.slow_down_at_edge, len(chosen), self.users, terms, chosen)
        return Response(
            prices=prices,
            sync_s=sync_s,
            choices=chosen,
            value=float(chosen["value"].sum()) - self.paid(prices),
            sync_slope=float(chosen["sync_slope"].sum()),
            usage=self._usage(chosen),
        )

    def terms(self, prices: Prices, sync_s: float) -> kernels.Terms:
        """Return what users see of prices and sync time."""
        down = prices[1 if self.restriction.split_band else 0]
        return kernels.Terms(sync_s, prices[0], down, prices[-1] if self.limits_frequency else 0.0)

    def _usage(self, choices: Records) -> tuple[float, ...]:
        """Return what choices use of each budget."""
        up, down = float(choices["uplink_share"].sum()), float(choices["downlink_share"].sum())
        bands = (up, down) if self.restriction.split_band else (up + down,)
        if not self.limits_frequency:
            return bands
        return (*bands, float(choices["edge_frequency_ghz"].sum()))

    def parts_used(self, choices: Records) -> FloatColumn:
        """Return per user the share of the band in use, and the part of the edge's frequency."""
        parts: FloatColumn = choices["uplink_share"] + choices["downlink_share"]
        if self.limits_frequency:
            parts = parts + choices["edge_frequency_ghz"] / self.budgets[-1]
        return parts

    def paid(self, prices: Prices) -> float:
        """Return Σ price · budget."""
        return sum(price * budget for price, budget in zip(prices, self.budgets, strict=True))

    @property
    def no_prices(self) -> Prices:
        """Prices to start from where nothing is known: 0 for each budget."""
        return (0.0,) * len(self.budgets)

    def _natural_log_price(self, budget: int) -> float:
        """Rough size of a price: what users would pay for the whole budget in equal parts."""
        if budget < len(self.restriction.budgets):
            return self._natural_log_band_price
        delay = self.users["latency_weight"] * self.users["work_gigacycles"]
        return float(np.log(np.sum(delay) * len(delay) / self.budgets[budget] ** 2))

    @property
    def _natural_log_band_price(self) -> float:
        """Rough size of the price of the band: what transmissions would cost at equal shares."""
        users = self.users
        share = 0.5 / len(users)
        seconds = users["uplink"]["unit_s"] / (
            np.log1p(users["uplink"]["snr"] / share) * share / users["uplink"]["snr"]
        )
        weight = users["send_weight"] + users["latency_weight"]
        return float(np.log(np.sum(weight * users["model_mbit"] * seconds)))

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

        def clear(budget: int, above: Prices, tolerance: float) -> Market:
            """Clear the budgets up to one, at given prices of those above: a search in a search."""
            if budget < 0:
                response = self.respond(above, sync_s, choices, freedom)
                return Market(response, ((1.0, response),))

            def residual(log_price: float) -> tuple[float, Market]:
                market = clear(budget - 1, (float(np.exp(log_price)), *above), 0.1 * tolerance)
                return _log_ratio(market.usage(budget), self.budgets[budget]), market

            free = start[budget] == 0.0 and self._may_be_free(budget)
            if free:
                market = clear(budget - 1, (0.0, *above), 0.1 * tolerance)
                if market.usage(budget) <= self.budgets[budget]:
                    return market
            crossing = self._search(residual, budget, start[budget], tolerance, mismatch)
            if crossing.before is None and not free and self._may_be_free(budget):
                start[budget] = 0.0
                return clear(budget, above, tolerance)
            market = _mix(crossing, budget, self.budgets[budget])
            start[budget] = market.best.prices[budget]
            return market

        return clear(len(self.budgets) - 1, (), tolerance)

    def _may_be_free(self, budget: int) -> bool:
        """Whether a budget can be left over at price 0: the edge's frequency, not the band."""
        return budget >= len(self.restriction.budgets)

    def _search(
        self, residual: Any, place: int, price: float, tolerance: float, mismatch: float
    ) -> Crossing[Market]:
        """Search the price of one budget on a logarithmic scale until the dual is good enough."""
        budget = self.budgets[place]

        def enough(crossing: Crossing[Market]) -> bool:
            nearest = crossing.points[0]
            price = nearest.found.best.prices[place]
            off = abs(nearest.residual)
            if off <= 1e-13 or (off <= mismatch and 10.0 * off * budget * price <= tolerance):
                return True
            if crossing.before is None or crossing.after is None:
                return False
            before, after = crossing.before.found, crossing.after.found
            width = after.best.prices[place] - before.best.prices[place]
            rise, fall = before.usage(place) - budget, budget - after.usage(place)
            lost = width * rise * fall / (rise + fall)
            close = (
                min(rise, fall) <= mismatch * budget or width <= mismatch * after.best.prices[place]
            )
            return bool(lost <= tolerance and close)

        middle = self._natural_log_price(place)
        return find_crossing(
            residual,
            float(np.log(price)) if price > 0.0 else middle,
            middle + (LEAST_EDGE_PRICE if self._may_be_free(place) else -PRICE_SPAN),
            middle + PRICE_SPAN,
            slope=-0.5,
            enough=enough,
        )

    # --- sync time -----------------------------------------------------------------------------

    @cached_property
    def earliest_s(self) -> float:
        """The sync time before which the uploads do not fit into the band; rounded down."""
        budget = self.restriction.budgets[0]
        latest_start = float(self.users["start_s"].max())
        low, high = latest_start, 2.0 * latest_start + 1.0
        while kernels.least_shares(self.users, high) > budget:
            low, high = high, 2.0 * high
        while high - low > 1e-13 * high:
            middle = 0.5 * (low + high)
            if kernels.least_shares(self.users, middle) > budget:
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
            self.restriction.grid_step,
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
