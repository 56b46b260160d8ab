"""The dual's maximum over prices at a sync time: where the budgets are just used up.

The dual is concave in the price of each budget, with what is used beyond it as slope. Usage may
jump, where users have two solutions of equal cost: then the maximum is at the jump, and a convex
combination of the users' solutions on its two sides uses up the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eipyomo.scaled import FloatColumn
from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import SOLUTION, Accuracy, Cleared, Market, Offer, log_ratio
from eipyomo.solvers.exact.markets import LEAST_SPAN, market_of, only_market, prices_of, range_of
from eipyomo.solvers.exact.roots import Crossing, Point, find_crossing
from eipyomo.solvers.exact.solutions import OPEN, Decisions, Prices, UserSolutions
from eipyomo.solvers.records import Records

INNER = 0.1
"""Part of a tolerance that a search within a search has."""
NOTHING = 1e-30
"""Part used of a budget that counts as none."""


def within(accuracy: Accuracy) -> Accuracy:
    """Return the accuracy of a search within one of this accuracy."""
    return accuracy._replace(tolerance=INNER * accuracy.tolerance)


class PriceOptimum(NamedTuple):
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
        return np.asarray(sum(columns), dtype=np.float64)

    def largest_jump(self, capacities: tuple[float, ...]) -> float:
        """Return by what part of a budget the combined solutions differ at most."""
        used = zip(*[found.usage for _, found in self.combination], strict=True)
        apart = [(max(of) - min(of)) / all_ for of, all_ in zip(used, capacities, strict=True)]
        return float(max(apart))

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
    market = only_market(dual)
    if market is None:
        search = _PriceSearch(dual, sync_s, list(prices), accuracy, decisions)
        return search.optimum(dual.free, {}, accuracy.tolerance)
    told = dual.no_prices, sync_s, market, accuracy, prices[0], decisions
    cleared, rows = _cleared(dual, 0, *told)
    return optimum_at(sync_s, cleared, rows, market.capacity)


def _cleared(
    dual: Dual,
    place: int,
    others: Prices,
    sync_s: float,
    market: Market,
    accuracy: Accuracy,
    start: float,
    decisions: Decisions,
) -> tuple[Cleared, Records]:
    """Clear the budget at a place in compiled code, from a price; return its rows too."""
    rows = np.empty((kernels.ROWS_OF_PRICE, len(dual.users)), SOLUTION)
    cleared = kernels.clear_budget(
        dual.everybody(others),
        decisions.freedom,
        dual.hints(decisions),
        dual.point(others, sync_s),
        market,
        accuracy,
        start,
        dual.slopes[place],
        rows,
    )
    dual.slopes[place] = cleared.slope
    dual.effort.count(cleared.evaluations)
    return cleared, rows


def optimum_at(sync_s: float, cleared: Cleared, rows: Records, capacity: float) -> PriceOptimum:
    """Return the optimum of a single budget, as compiled code has found its two sides."""
    best, before, after = best_offer(cleared), cleared.before, cleared.after
    found = _solutions(sync_s, best, rows)
    if before.row < 0 or after.row < 0:
        return PriceOptimum(found, ((1.0, found),))
    is_more = best is before
    other = _solutions(sync_s, after if is_more else before, rows)
    more, less = (found, other) if is_more else (other, found)
    part = _part_of_more(before.used, after.used, capacity)
    return PriceOptimum(found, ((part, more), (1.0 - part, less)))


def _solutions(sync_s: float, offer: Offer, rows: Records) -> UserSolutions:
    """Return what users do at the price of a single budget."""
    said = rows[offer.row], offer.value, offer.sync_slope, (offer.used,)
    return UserSolutions((offer.price,), sync_s, *said)


best_offer = interpreted(kernels.best_offer)


def _part_of_more(more: float, less: float, capacity: float) -> float:
    """Return how much of what uses more there is in a mixture with less that uses a budget up."""
    spread = more - less
    return min(max((capacity - less) / spread, 0.0), 1.0) if spread > 0.0 else 0.0


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

        slopes = self.dual.slopes
        crossing = find_crossing(
            overuse,
            float(np.log(price)) if price > 0.0 else middle,
            low,
            high,
            slope=slopes[place],
            enough=lambda crossing: _is_enough(
                crossing, place, self.dual.capacities[place], accuracy
            ),
        )
        slopes[place] = crossing.slope(slopes[place], kernels.PRICE_SLOPE)
        return crossing

    def cleared(
        self, place: int, known: dict[int, float], market: Market, accuracy: Accuracy
    ) -> Crossing[PriceOptimum]:
        """Return what :meth:`_crossing` returns, found in compiled code."""
        dual, decisions, prices = self.dual, self.decisions, prices_of(self.dual, known)
        told = prices, self.sync_s, market, accuracy, self.start[place], decisions
        cleared, rows = _cleared(dual, place, *told)
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

        def parts_used(inner: PriceOptimum) -> tuple[float, float]:
            """Return the part used of the last budget, and of those before on average."""
            prices = inner.best.prices
            paid = sum(prices[k] * inner.usage(k) for k in before)
            left = sum(prices[k] * self.dual.capacities[k] for k in before)
            return max(inner.usage(place) / capacity, NOTHING), max(paid / left, NOTHING)

        def overuse(log_odds: float) -> tuple[float, PriceOptimum]:
            part = 1.0 / (1.0 + float(np.exp(-log_odds)))
            left = (1.0 - part) * spent
            inner = self._together(tuple(before), left, {**known, place: part * spent / capacity})
            tried.append(inner.best)
            return log_ratio(*parts_used(inner)), inner

        part, slopes = self.start[place] * capacity / spent, self.dual.slopes
        crossing = find_crossing(
            overuse,
            float(np.log(part / (1.0 - part))) if 0.0 < part < 1.0 else 0.0,
            -LEAST_SPAN,
            LEAST_SPAN,
            slope=slopes[place],
            enough=self._is_shared_out,
        )
        slopes[place] = crossing.slope(slopes[place], kernels.PRICE_SLOPE)
        best = max(tried, key=lambda one: one.value)
        self.start[place] = best.prices[place]
        sides = [point.found for point in crossing.points]
        over = [own - others for own, others in map(parts_used, sides)]
        spread = over[0] - over[-1]
        first = min(max(-over[-1] / spread, 0.0), 1.0) if spread else 1.0
        return PriceOptimum(best, _mixed(sides, (first, 1.0 - first)))

    def _is_shared_out(self, crossing: Crossing[PriceOptimum]) -> bool:
        """Tell whether prices prove enough, or the parts used are equal."""
        if any(one.found.best.value > self.accuracy.ceiling for one in crossing.points):
            return True
        off = abs(crossing.points[0].residual)
        accuracy, value = self.accuracy, crossing.points[0].found.best.value
        if off <= accuracy.mismatch and 10.0 * off * value <= accuracy.tolerance:
            return True
        spare = kernels.SPARED * max(value - accuracy.target, 0.0)
        return 2.0 * off * off * value <= spare or _parts_are_equal(crossing)


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
    part = _part_of_more(more.usage(place), less.usage(place), capacity)
    return PriceOptimum(best, _mixed((more, less), (part, 1.0 - part)))


def _mixed(
    sides: Sequence[PriceOptimum], parts: Sequence[float]
) -> tuple[tuple[float, UserSolutions], ...]:
    """Return the combination of so much of each side."""
    return tuple(
        (part * weight, found)
        for side, part in zip(sides, parts, strict=False)
        for weight, found in side.combination
    )


def _parts_are_equal(crossing: Crossing[PriceOptimum]) -> bool:
    """Tell whether the parts used are equal, or jump at a place that is known well enough."""
    if abs(crossing.points[0].residual) <= RAY_ACCURACY:
        return True
    if crossing.before is None or crossing.after is None:
        return False
    return crossing.after.x - crossing.before.x <= RAY_ACCURACY


RAY_ACCURACY = 1e-8
"""Of the parts used, and of ln of the odds of their prices, where the parts jump."""


def crossing_of(
    dual: Dual, sync_s: float, prices: Prices, place: int, cleared: Cleared, rows: Records
) -> Crossing[PriceOptimum]:
    """Return both sides of where a budget is just used up, as compiled code has found them."""

    def point(offer: Offer, residual: float) -> Point[PriceOptimum] | None:
        if offer.row < 0:
            return None
        there = (*prices[:place], offer.price, *prices[place + 1 :])
        found = dual.solved(there, sync_s, rows[offer.row])
        return Point(offer.price, residual, PriceOptimum(found, ((1.0, found),)))

    return Crossing(point(cleared.before, cleared.more), point(cleared.after, cleared.less))
