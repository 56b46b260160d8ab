"""The dual's maximum over prices at a sync time: where the budgets are just used up.

The dual is concave in the price of each budget, with what is used beyond it as slope. Usage may
jump, where users have two solutions of equal cost: then the maximum is at the jump, and a convex
combination of the users' solutions on its two sides uses up the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.dual import OPEN, Decisions, Dual, Prices, UserSolutions
from eipyomo.solvers.exact.roots import Crossing, find_crossing
from eipyomo.solvers.records import Records

PRICE_SPAN = 30.0
"""Prices stay within e^±30 of their natural size; any price ≥ 0 gives a valid bound."""
LEAST_SPAN = 20.0
"""So far down reach the prices but 0 of a budget that may be left: below, ν = w^t - μ is so small
that rounding decides about the usage."""
INNER = 0.1
"""Part of a tolerance that a search within a search has."""


class Accuracy(NamedTuple):
    """How well a maximum is searched for.

    Attributes
    ----------
    tolerance
        By how much the dual value may fall short of its maximum.
    mismatch
        Relative deviation from the budget that is asked for where usage does not jump.
    ceiling
        A dual value that is enough: how much larger its maximum is does not matter.
    """

    tolerance: float
    mismatch: float = 1e-4
    ceiling: float = np.inf

    @property
    def inner(self) -> Accuracy:
        """That of a search within one of this accuracy."""
        return self._replace(tolerance=INNER * self.tolerance)


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
    return search.optimum(dual.free, {}, accuracy.tolerance)


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
        optimum = _combine(crossing, place, capacity)
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
        budget, price = self.dual.budgets[place], self.start[place]

        def overuse(log_price: float) -> tuple[float, PriceOptimum]:
            prices = {**known, place: float(np.exp(log_price))}
            optimum = self.optimum(inside, prices, INNER * tolerance)
            return log_ratio(optimum.usage(place), self.dual.capacities[place]), optimum

        middle = natural_log_price(self.dual, place)
        return find_crossing(
            overuse,
            float(np.log(price)) if price > 0.0 else middle,
            middle - (LEAST_SPAN if budget.may_be_left else PRICE_SPAN),
            middle + PRICE_SPAN,
            slope=-0.5,  # s(b) ~ 1/b, nearly, makes shares fall with the root of their price
            enough=lambda crossing: self._enough(crossing, place, tolerance),
        )

    def _enough(self, crossing: Crossing[PriceOptimum], place: int, tolerance: float) -> bool:
        """Tell whether usage is near enough to the budget, and the dual value to its maximum.

        Between two points, the dual is below both tangents, which meet `lost` above the chord.
        """
        capacity, nearest = self.dual.capacities[place], crossing.points[0]
        if nearest.found.best.value > self.accuracy.ceiling:
            return True
        mismatch = self.accuracy.mismatch
        off, price = abs(nearest.residual), nearest.found.best.prices[place]
        if off <= EXACT or (off <= mismatch and 10.0 * off * capacity * price <= tolerance):
            return True
        if crossing.before is None or crossing.after is None:
            return False
        before, after = crossing.before.found, crossing.after.found
        dearer = after.best.prices[place]
        width = dearer - before.best.prices[place]
        rise, fall = before.usage(place) - capacity, capacity - after.usage(place)
        lost = width * rise * fall / (rise + fall)
        close = min(rise, fall) <= mismatch * capacity or width <= mismatch * dearer
        return bool(lost <= tolerance and close)

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


EXACT = 1e-13
"""Relative deviation from a budget that is rounding."""


def _combine(crossing: Crossing[PriceOptimum], place: int, capacity: float) -> PriceOptimum:
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


def log_ratio(amount: float, whole: float) -> float:
    """Return ln(amount/whole), finite also for nothing."""
    return float(np.log(max(amount, 1e-30) / whole))


def _parts_are_equal(crossing: Crossing[PriceOptimum]) -> bool:
    """Tell whether the parts used are equal, or jump at a place that is known well enough."""
    if abs(crossing.points[0].residual) <= RAY_ACCURACY:
        return True
    if crossing.before is None or crossing.after is None:
        return False
    return crossing.after.x - crossing.before.x <= RAY_ACCURACY


RAY_ACCURACY = 1e-8
"""Of the parts used, and of ln of the odds of their prices, where the parts jump."""


# --- The size of prices -------------------------------------------------------------------------


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
    share = 0.5 / len(users)
    seconds = users["uplink"]["unit_s"] / (
        np.log1p(users["uplink"]["snr"] / share) * share / users["uplink"]["snr"]
    )
    weight = users["send_weight"] + users["latency_weight"]
    sent = np.maximum(users["model_mbit"], LITTLE_SENT)
    return float(np.log(np.sum(weight * sent * seconds)))


LITTLE_SENT, LITTLE = 1e-3, 1e-3
"""What counts as sent by users that may send nothing, in Mbit, and as paid for waiting."""


def _of_a_frequency(users: Records, capacity: float) -> float:
    """Return ln of what delays at the edge cost at equal frequencies, per GHz."""
    delay = users["latency_weight"] * users["work_gigacycles"]
    return float(np.log(np.sum(delay) * len(delay) / capacity**2))


_NATURAL_LOG_PRICE = {
    "uplink_share": _of_a_share,
    "downlink_share": _of_a_share,
    "edge_frequency_ghz": _of_a_frequency,
}
