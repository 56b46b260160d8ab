"""The dual's maximum over prices at a sync time: where the budgets are just used up.

The dual is concave in the price of each budget, with what is used beyond it as slope. Usage may
jump, where users have two solutions of equal cost: then the maximum is at the jump, and a convex
combination of the users' solutions on its two sides uses up the budget.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from eipyomo.scaled import FloatColumn
from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import OPEN, Decisions, Dual, Prices, UserSolutions
from eipyomo.solvers.exact.kernels import SOLUTION, Accuracy, Cleared, Market, Offer, log_ratio
from eipyomo.solvers.exact.roots import Crossing, Point, find_crossing
from eipyomo.solvers.records import Records, are_few

PRICE_SPAN = 30.0
"""Prices stay within e^±30 of their natural size; any price ≥ 0 gives a valid bound."""
LEAST_SPAN = 20.0
"""So far down reach the prices but 0 of a budget that may be left: below, ν = w^t - μ is so small
that rounding decides about the usage."""
INNER = 0.1
"""Part of a tolerance that a search within a search has."""


def within(accuracy: Accuracy) -> Accuracy:
    """Return the accuracy of a search within one of this accuracy."""
    return accuracy._replace(tolerance=INNER * accuracy.tolerance)


@dataclass(frozen=True, eq=False)
class PriceOptimum:
    """Solutions next to the maximum of the dual over prices.

    Attributes
    ----------
    best
        Those of the largest dual value.
    combination
        Solutions with weights that sum to 1, such that what they use, combined, is each budget, or
        less of it if its price is as good as 0.
    """

    best: UserSolutions
    combination: tuple[tuple[float, UserSolutions], ...]

    def combined(self, column: str) -> FloatColumn:
        """Return the convex combination of a field of the solutions, (users,)."""
        columns = [weight * found.records[column] for weight, found in self.combination]
        return np.asarray(np.sum(columns, axis=0), dtype=np.float64)

    def largest_jump(self, capacities: tuple[float, ...]) -> float:
        """Return by what part of a budget the combined solutions differ at most."""
        used = np.array([found.usage for _, found in self.combination]) / capacities
        return float(np.ptp(used, axis=0).max())

    def usage(self, place: int) -> float:
        """Return what the combination uses of a budget, by its place."""
        if len(self.combination) == 1:
            return self.best.usage[place]
        return sum(weight * found.usage[place] for weight, found in self.combination)


def maximise_over_prices(
    dual: Dual, sync_s: float, prices: Prices, accuracy: Accuracy, decisions: Decisions = OPEN
) -> PriceOptimum:
    """Find the prices at which the budgets are just used up: the maximum of the dual over prices.

    Parameters
    ----------
    dual
        The dual.
    sync_s
        Sync time.
    prices
        Where to start.
    accuracy
        When to stop.
    decisions
        What users may change; see :meth:`Dual.solve_users`.
    """
    search = _PriceSearch(dual, sync_s, list(prices), accuracy, decisions)
    market = only_market(dual)
    if market is None:
        return search.optimum(dual.free, {}, accuracy.tolerance)
    return optimum_of(search.cleared(0, {}, market, accuracy), 0, market.capacity)


@dataclass(eq=False)
class _PriceSearch:
    """A search for the price of each budget within one for the price of the next.

    Attributes
    ----------
    start
        Where the next search of each price starts: at first as given, then where the last one
        ended.
    """

    dual: Dual
    sync_s: float
    start: list[float]
    accuracy: Accuracy
    decisions: Decisions

    def optimum(
        self, free: tuple[int, ...], known: dict[int, float], tolerance: float
    ) -> PriceOptimum:
        """Maximise over the prices of the budgets at the free places, at known ones of others."""
        if not free:
            return self._together(self.dual.together, 1.0, known)
        *rest, place = free
        inside = tuple(rest)
        may_be_left = self.dual.budgets[place].may_be_left
        capacity = self.dual.capacities[place]
        tried_at_0 = may_be_left and self.start[place] == 0.0
        if tried_at_0:
            optimum = self.optimum(inside, {**known, place: 0.0}, INNER * tolerance)
            if optimum.usage(place) <= capacity:
                return optimum
        crossing = self._crossing(inside, place, known, tolerance)
        if crossing.before is None and may_be_left and not tried_at_0:
            self.start[place] = 0.0
            return self.optimum(free, known, tolerance)
        optimum = optimum_of(crossing, place, capacity)
        self.start[place] = optimum.best.prices[place]
        return optimum

    def _solved(self, known: dict[int, float]) -> PriceOptimum:
        prices = tuple([known[place] for place in range(len(known))])
        found = self.dual.solve_users(prices, self.sync_s, self.decisions)
        self.decisions = self.decisions.after(found.records)
        return PriceOptimum(found, ((1.0, found),))

    def _crossing(
        self, inside: tuple[int, ...], place: int, known: dict[int, float], tolerance: float
    ) -> Crossing[PriceOptimum]:
        """Search one price on a logarithmic scale until the dual is good enough."""
        price, accuracy = self.start[place], self.accuracy._replace(tolerance=tolerance)
        market = market_of(self.dual, place, known)
        if not inside and market is not None:
            return self.cleared(place, known, market, accuracy)
        low, middle, high = range_of(self.dual, place)

        def overuse(log_price: float) -> tuple[float, PriceOptimum]:
            prices = {**known, place: float(np.exp(log_price))}
            optimum = self.optimum(inside, prices, INNER * tolerance)
            return log_ratio(optimum.usage(place), self.dual.capacities[place]), optimum

        return find_crossing(
            overuse,
            float(np.log(price)) if price > 0.0 else middle,
            low,
            high,
            slope=kernels.PRICE_SLOPE,
            enough=lambda crossing: _is_enough(
                crossing, place, self.dual.capacities[place], accuracy
            ),
        )

    def cleared(
        self, place: int, known: dict[int, float], market: Market, accuracy: Accuracy
    ) -> Crossing[PriceOptimum]:
        """Return what :meth:`_crossing` returns, found in compiled code."""
        dual, decisions, prices = self.dual, self.decisions, prices_of(self.dual, known)
        rows = np.empty((kernels.ROWS_OF_PRICE, len(dual.users)), SOLUTION)
        cleared = kernels.clear_budget(
            dual.everybody(prices),
            decisions.freedom,
            dual.hints(decisions),
            dual.point(prices, self.sync_s),
            market,
            accuracy,
            self.start[place],
            rows,
        )
        dual.effort.count(cleared.evaluations)
        crossing = crossing_of(dual, self.sync_s, prices, place, cleared, rows)
        last = crossing.before if cleared.ends_before else crossing.after
        assert last is not None
        self.decisions = decisions.after(last.found.best.records)
        return crossing

    # --- budgets of which the least is sought ----------------------------------------------------

    def _together(
        self, places: tuple[int, ...], spent: float, known: dict[int, float]
    ) -> PriceOptimum:
        """Maximise over the prices of budgets which cost `spent` together.

        At the maximum, the parts used of the last one and of those before, on average, are equal.
        But where a deadline cannot be kept at all, its price grows with those of the budgets, so
        that what is used does not say where the dual value rises: the best of all that was tried
        counts, and one that is enough ends the search.
        """
        if not places:
            return self._solved(known)
        *before, place = places
        capacity = self.dual.capacities[place]
        if not before:
            return self._solved({**known, place: spent / capacity})

        tried: list[UserSolutions] = []

        def overuse(log_odds: float) -> tuple[float, PriceOptimum]:
            part = 1.0 / (1.0 + float(np.exp(-log_odds)))
            left = (1.0 - part) * spent
            inner = self._together(tuple(before), left, {**known, place: part * spent / capacity})
            tried.append(inner.best)
            paid = sum(inner.best.prices[k] * inner.usage(k) for k in before)
            own = max(inner.usage(place) / capacity, 1e-30)
            return log_ratio(own, max(paid / left, 1e-30)), inner

        crossing = find_crossing(
            overuse, 0.0, -LEAST_SPAN, LEAST_SPAN, slope=-1.0, enough=self._is_shared_out
        )
        sides = tuple(point.found for point in crossing.points)
        found = [one for side in sides for _, one in side.combination]
        best = max(tried, key=lambda one: one.value)
        return PriceOptimum(best, tuple((1.0 / len(found), one) for one in found))

    def _is_shared_out(self, crossing: Crossing[PriceOptimum]) -> bool:
        """Tell whether prices prove enough, or the parts used are equal."""
        if any(one.found.best.value > self.accuracy.ceiling for one in crossing.points):
            return True
        return _parts_are_equal(crossing)


def _is_enough(
    crossing: Crossing[PriceOptimum], place: int, capacity: float, accuracy: Accuracy
) -> bool:
    """Tell whether a budget is cleared, and the dual value near enough to its maximum."""
    before, after = (_offer(point, place) for point in (crossing.before, crossing.after))
    return is_cleared(before, after, crossing.points[0].residual, capacity, accuracy)


is_cleared = interpreted(kernels.is_cleared)


def _offer(point: Point[PriceOptimum] | None, place: int) -> Offer:
    """Return what compiled code knows of an optimum at a price."""
    if point is None:
        return kernels.NO_OFFER
    found = point.found
    return Offer(0, found.best.prices[place], found.usage(place), found.best.value)


def optimum_of(crossing: Crossing[PriceOptimum], place: int, capacity: float) -> PriceOptimum:
    """Combine the two sides of a crossing of usage and budget."""
    sides = [point.found for point in crossing.points]
    best = max((side.best for side in sides), key=lambda found: found.value)
    if crossing.before is None or crossing.after is None:
        return PriceOptimum(best, sides[0].combination)
    more, less = crossing.before.found, crossing.after.found
    spread = more.usage(place) - less.usage(place)
    part = min(max((capacity - less.usage(place)) / spread, 0.0), 1.0) if spread > 0.0 else 0.0
    combination = [(part * weight, found) for weight, found in more.combination]
    combination += [((1.0 - part) * weight, found) for weight, found in less.combination]
    return PriceOptimum(best, tuple(combination))


def _parts_are_equal(crossing: Crossing[PriceOptimum]) -> bool:
    """Tell whether the parts used are equal, or jump at a place that is known well enough."""
    if abs(crossing.points[0].residual) <= RAY_ACCURACY:
        return True
    if crossing.before is None or crossing.after is None:
        return False
    return crossing.after.x - crossing.before.x <= RAY_ACCURACY


RAY_ACCURACY = 1e-8
"""Of the parts used, and of ln of the odds of their prices, where the parts jump."""


# --- Compiled searches ----------------------------------------------------------------------------


def prices_of(dual: Dual, known: Mapping[int, float]) -> Prices:
    """Return all prices, 0 where one is not known; a single budget of the least costs 1."""
    return tuple(
        [
            1.0 / dual.capacities[k] if k in dual.together else known.get(k, 0.0)
            for k in range(len(dual.budgets))
        ]
    )


def market_of(dual: Dual, place: int, known: Mapping[int, float]) -> Market | None:
    """Return what compiled code has to know to find a price; None where it cannot.

    That is the price of a total, which changes the users, and where budgets share a price. Of many
    users, threads take a part each, which they do for Python.
    """
    if place in dual.totals or len(dual.together) > 1 or not are_few(len(dual.users)):
        return None
    drawn = tuple([1.0 if at == place else 0.0 for at in dual.places])
    low, natural, high = range_of(dual, place)
    paid = dual.paid(prices_of(dual, known))
    return Market(drawn, dual.capacities[place], paid, low, natural, high)


@lru_cache(maxsize=4)
def only_market(dual: Dual) -> Market | None:
    """Return what compiled code has to know where there is one budget; None where it cannot."""
    if len(dual.budgets) > 1 or dual.together or not are_few(len(dual.users)):
        return None
    return market_of(dual, 0, {})


def crossing_of(
    dual: Dual, sync_s: float, prices: Prices, place: int, cleared: Cleared, rows: Records
) -> Crossing[PriceOptimum]:
    """Return both sides of where a budget is just used up, as compiled code has found them."""

    def point(offer: Offer, residual: float) -> Point[PriceOptimum] | None:
        if offer.row < 0:
            return None
        there = (*prices[:place], offer.price, *prices[place + 1 :])
        records = kernels.copied(rows, offer.row)
        if len(prices) > 1:
            found = dual.solved(there, sync_s, records)
        else:  # all that there is to say is known
            said = offer.value, offer.sync_slope, (offer.used,)
            found = UserSolutions(there, sync_s, records, *said)
        return Point(offer.price, residual, PriceOptimum(found, ((1.0, found),)))

    return Crossing(point(cleared.before, cleared.more), point(cleared.after, cleared.less))


# --- The size of prices -------------------------------------------------------------------------


@dataclass(eq=False)
class KnownPrices:
    """Prices met at some sync times, which tell how they change with it.

    Attributes
    ----------
    origin_s
        From which on there are prices: they fall with the logarithm of the time since.
    """

    origin_s: float
    _leads: list[float] = field(default_factory=list)
    _prices: list[Prices] = field(default_factory=list)

    def note(self, sync_s: float, prices: Prices) -> None:
        """Remember prices at a sync time."""
        lead = kernels.lead(sync_s, self.origin_s)
        place = bisect.bisect(self._leads, lead)
        self._leads.insert(place, lead)
        self._prices.insert(place, prices)

    def moved(self, prices: Prices, known_s: float, sync_s: float) -> Prices:
        """Return prices known at one sync time as they may be at another."""
        if not self._leads:
            return prices
        before, after = self._logs(known_s), self._logs(sync_s)
        return tuple(
            [
                price * math.exp(after[k] - before[k]) if price > 0.0 else price
                for k, price in enumerate(prices)
            ]
        )

    def _logs(self, sync_s: float) -> list[float]:
        """Return ln of each price at a sync time, between those of the nearest times known."""
        lead = kernels.lead(sync_s, self.origin_s)
        place = min(max(bisect.bisect(self._leads, lead), 1), len(self._leads) - 1)
        if place < 1:
            return [0.0] * len(self._prices[0])
        low, high = self._leads[place - 1], self._leads[place]
        part = min(max((lead - low) / (high - low), 0.0), 1.0) if high > low else 0.0
        return [
            (1.0 - part) * math.log(one) + part * math.log(other)
            if one > 0.0 and other > 0.0
            else 0.0
            for one, other in zip(self._prices[place - 1], self._prices[place], strict=True)
        ]


def range_of(dual: Dual, place: int) -> tuple[float, float, float]:
    """Return ln of the least price but 0, of its natural size, and of the largest."""
    natural = natural_log_price(dual, place)
    below = LEAST_SPAN if dual.budgets[place].may_be_left else PRICE_SPAN
    return natural - below, natural, natural + PRICE_SPAN


def natural_log_price(dual: Dual, place: int) -> float:
    """Return ln of a price's rough size: what users would pay for the budget in equal parts."""
    capacity = dual.capacities[place]
    if dual.together:  # what users pay is about 1
        return -float(np.log(capacity))
    quantity = dual.drawn[place][0]
    if quantity in _NATURAL_LOG_PRICE:
        return _NATURAL_LOG_PRICE[quantity](dual.users, capacity)
    waiting = float(np.sum(dual.users["latency_weight"])) * dual.earliest_s
    return float(np.log(max(waiting, LITTLE) / capacity))


def _of_a_share(users: Records, capacity: float) -> float:
    """Return ln of what transmissions cost at equal shares of the whole band."""
    del capacity
    return math.log(kernels.paid_at_equal_shares(users))


LITTLE = 1e-3
"""What counts as paid for waiting."""


def _of_a_frequency(users: Records, capacity: float) -> float:
    """Return ln of what delays at the edge cost at equal frequencies, per GHz."""
    delay = users["latency_weight"] * users["work_gigacycles"]
    return float(np.log(np.sum(delay) * len(delay) / capacity**2))


_NATURAL_LOG_PRICE = {
    "uplink_share": _of_a_share,
    "downlink_share": _of_a_share,
    "edge_frequency_ghz": _of_a_frequency,
}
