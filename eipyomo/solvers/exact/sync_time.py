"""The dual's minimum over the sync time, of its maximum over prices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np

from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import SOLUTION, Accuracy, Cleared, End, Market, Slopes, Times
from eipyomo.solvers.exact.markets import KnownPrices, only_market
from eipyomo.solvers.exact.prices import (
    PriceOptimum,
    best_offer,
    maximise_over_prices,
    optimum_at,
    within,
)
from eipyomo.solvers.exact.roots import Crossing, find_crossing, learned
from eipyomo.solvers.exact.solutions import OPEN, Decisions, Prices, UserSolutions
from eipyomo.solvers.records import Records

is_level, lead = interpreted(kernels.is_level), interpreted(kernels.lead)
pressure_ratio = interpreted(kernels.pressure_ratio)


def minimise_over_sync_time(
    dual: Dual,
    times: Times,
    start_s: float,
    prices: Prices,
    accuracy: Accuracy,
    decisions: Decisions = OPEN,
) -> tuple[PriceOptimum, ...]:
    """Find a local minimum over the sync time of the dual's maximum over prices.

    The users' pressure for a later sync, Σ (ν2 + η), is compared with their weight against it,
    Σ (w^t + δ), as functions of ln(t - earliest).

    Parameters
    ----------
    dual
        The dual.
    times
        Range of sync times.
    start_s, prices
        Where to start.
    accuracy
        When to stop; of the prices at each sync time, ten times as good.
    decisions
        What users may change; see :meth:`Dual.solve_users`.

    Returns
    -------
    tuple of PriceOptimum
        The one or two optima next to the minimum, the lower one first; none that was met on the
        way is lower.
    """
    search = _SyncTimeSearch(dual, times, accuracy, decisions, prices)
    market = only_market(dual)
    return search.minimum(start_s) if market is None else search.compiled_minimum(start_s, market)


class Least(NamedTuple):
    """The value of a minimum over sync times, and at which sync time and prices it is."""

    value: float
    sync_s: float
    prices: Prices


def least_over_sync_time(
    dual: Dual,
    times: Times,
    start_s: float,
    prices: Prices,
    accuracy: Accuracy,
    decisions: Decisions = OPEN,
) -> Least:
    """Return the value of the minimum that :func:`minimise_over_sync_time` finds, and no more."""
    search = _SyncTimeSearch(dual, times, accuracy, decisions, prices)
    market = only_market(dual)
    if market is None:
        best = search.minimum(start_s)[0].best
        return Least(best.value, best.sync_s, best.prices)
    lowest = kernels.lowest_in_time(*search.told(start_s, market))
    dual.slopes[:] = lowest.slopes
    dual.effort.count(lowest.evaluations)
    return Least(lowest.value, lowest.sync_s, (lowest.price,))


def lowest_sampled(
    dual: Dual, times: Times, worst: float, known: KnownPrices
) -> tuple[float, Prices]:
    """Look for the lowest basin of the dual over the sync time; return where to start, and prices.

    Parameters
    ----------
    dual
        The dual.
    times
        Range of sync times.
    worst
        A dual value above which nothing counts.
    known
        Is told the prices that are met.
    """
    accuracy = Accuracy(SAMPLED_WELL * abs(worst), CLEARED_WELL, ceiling=worst)
    sampled_s = [times.first + part * (times.last - times.first) for part in SAMPLED]
    samples = list(_samples(dual, sampled_s, accuracy))
    for sample in samples:
        if sample.value <= worst:
            known.note(sample.sync_s, sample.prices)
    place = min(range(len(samples)), key=lambda k: samples[k].value)
    best = samples[place]
    beside = samples[place + 1 :][:1] if best.sync_slope < 0.0 else samples[:place][-1:]
    start_s = _level_between(dual, best, *beside)
    return start_s, known.moved(best.prices, best.sync_s, start_s)


SAMPLED = tuple((k / 8) ** 2 for k in range(1, 9))
"""Where in a range the dual is asked for at first: more often where it varies most, where the
uploads hardly fit into the band."""
SAMPLED_WELL, CLEARED_WELL = 1e-3, 1e-2
"""How well it is, relative to the cost and the budget: a start, no more."""


class _Sample(NamedTuple):
    """The dual's maximum over prices at a sync time, with what tells where it is lower."""

    sync_s: float
    prices: Prices
    value: float
    sync_slope: float
    pressure: float


def _samples(dual: Dual, sampled_s: list[float], accuracy: Accuracy) -> Iterator[_Sample]:
    """Iterate over samples at sync times, each searched from the last one that counts."""
    market = only_market(dual)
    if market is not None:
        yield from _compiled_samples(dual, sampled_s, accuracy, market)
        return
    prices = dual.no_prices
    for sync_s in sampled_s:
        found = maximise_over_prices(dual, sync_s, prices, accuracy).best
        if found.value <= accuracy.ceiling:
            prices = found.prices
        told = found.value, found.sync_slope, _pressure(found)
        yield _Sample(sync_s, found.prices, *told)


def _compiled_samples(
    dual: Dual, sampled_s: list[float], accuracy: Accuracy, market: Market
) -> Iterator[_Sample]:
    """Iterate over the same samples, found by one call, where there is one price."""
    sampled = kernels.sampled_in_time(
        dual.everybody(dual.no_prices),
        dual.hints(OPEN),
        dual.point(dual.no_prices, 0.0),
        market,
        np.array(sampled_s),
        accuracy,
        dual.slopes[0],
        np.empty((kernels.ROWS_OF_PRICE, len(dual.users)), SOLUTION),
    )
    dual.slopes[0] = sampled.slope
    dual.effort.count(sampled.evaluations)
    for sync_s, (price, *told) in zip(sampled_s, sampled.offers.tolist(), strict=True):
        yield _Sample(sync_s, (price,), *told)


def _level_between(dual: Dual, best: _Sample, beside: _Sample | None = None) -> float:
    """Return where pressure and weight may be level between two sync times, and note the slope.

    That is at the better one, where nothing tells.
    """
    if beside is None:
        return best.sync_s
    before, after = (
        End(lead(side.sync_s, dual.earliest_s), pressure_ratio(side.pressure, side.sync_slope), 1.0)
        for side in sorted((best, beside))
    )
    dual.slopes[-1] = learned(before, after, dual.slopes[-1], kernels.PRESSURE_SLOPE)
    if not before.residual > 0.0 > after.residual:
        return best.sync_s
    part = before.residual / (before.residual - after.residual)
    return dual.earliest_s + math.exp(before.x + part * (after.x - before.x))


def _pressure(found: UserSolutions) -> float:
    """Return the users' pressure for a later sync, Σ (ν2 + η)."""
    return float(found.records["nu2"].sum() + found.records["eta"].sum())


Point = TypeVar("Point")


@dataclass(eq=False)
class _SyncTimeSearch:
    """A search for the sync time at which pressure and weight are level.

    Attributes
    ----------
    prices
        Where the next maximum over prices is searched for: at the last one.
    visited
        All optima met.
    """

    dual: Dual
    times: Times
    accuracy: Accuracy
    decisions: Decisions
    prices: Prices
    visited: list[PriceOptimum] = field(default_factory=list)
    _met: list[tuple[float, Prices]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Place the origin of the logarithm."""
        self._origin_s = min(self.dual.earliest_s, self.times.first) * (1.0 - 1e-12)

    def minimum(self, start_s: float) -> tuple[PriceOptimum, ...]:
        """Search from a sync time."""
        low, high, start = (lead(sync_s, self._origin_s) for sync_s in (*self.times, start_s))
        slopes = self.dual.slopes
        crossing = find_crossing(
            self._pressure, start, low, high, slope=slopes[-1], enough=self._is_enough
        )
        slopes[-1] = crossing.slope(slopes[-1], kernels.PRESSURE_SLOPE)
        nearest = [point.found for point in crossing.points]
        return tuple(self._lowest(nearest, min(self.visited, key=_value), _value))

    def compiled_minimum(self, start_s: float, market: Market) -> tuple[PriceOptimum, ...]:
        """Search from a sync time in compiled code, where there is one price."""
        dual, told = self.dual, self.told(start_s, market)
        timed, rows = kernels.clear_in_time(*told), told[-1]
        dual.slopes[:] = timed.slopes
        dual.effort.count(timed.evaluations)

        sides = [
            _Met(timed.before, timed.before_s, rows[kernels.BEFORE]),
            _Met(timed.after, timed.after_s, rows[kernels.AFTER]),
        ]
        nearest = [side for side in sides if not math.isnan(side.sync_s)]
        if timed.residual <= 0.0:
            nearest.reverse()
        lowest = _Met(timed.lowest, timed.lowest_s, rows[kernels.LOWEST])
        return tuple(
            [
                optimum_at(one.sync_s, one.cleared, kernels.copied(one.rows), market.capacity)
                for one in self._lowest(nearest, lowest, _Met.value)
            ]
        )

    def told(self, start_s: float, market: Market) -> tuple[Any, ...]:
        """Return what compiled code is told, last the rows in which it leaves what it finds."""
        dual, decisions = self.dual, self.decisions
        return (
            dual.everybody(dual.no_prices),
            decisions.freedom,
            dual.hints(decisions),
            dual.point(dual.no_prices, 0.0),
            market,
            self.times,
            start_s,
            self._origin_s,
            self.accuracy,
            within(self.accuracy),
            self.prices[0],
            Slopes(*dual.slopes),
            np.empty((kernels.ROWS_OF_TIME, len(dual.users)), SOLUTION),
        )

    def _lowest(
        self, nearest: list[Point], lowest: Point, value: Callable[[Point], float]
    ) -> list[Point]:
        """Return the points nearest to the end, the lower one first; or the lowest one met.

        Where the dual is not convex, slopes can lead past a lower point.
        """
        nearest = sorted(nearest, key=value)
        is_passed = value(lowest) < value(nearest[0]) - self.accuracy.tolerance
        return [lowest] if is_passed else nearest

    def _pressure(self, log_lead: float) -> tuple[float, PriceOptimum]:
        """Return ln of the pressure for a later sync over the weight against it."""
        first_s, last_s = self.times
        sync_s = min(max(self._origin_s + float(np.exp(log_lead)), first_s), last_s)
        optimum = maximise_over_prices(
            self.dual, sync_s, self._expected(log_lead), within(self.accuracy), self.decisions
        )
        if optimum.best.value <= self.accuracy.ceiling:
            self.prices = optimum.best.prices
            self._met = [*self._met[-1:], (log_lead, self.prices)]
        self.decisions = self.decisions.after(optimum.best.records)
        self.visited.append(optimum)
        return pressure_ratio(_pressure(optimum.best), optimum.best.sync_slope), optimum

    def _expected(self, log_lead: float) -> Prices:
        """Return the prices to expect, from where they were at the last two sync times."""
        if len(self._met) < 2:
            return self.prices
        (before, old), (last, new) = self._met

        def expected(one: float, other: float) -> float:
            if one <= 0.0 or other <= 0.0:
                return other
            ends = End(before, math.log(one), 1.0), End(last, math.log(other), 1.0)
            return kernels.expected_price(*ends, log_lead, other)

        return tuple([expected(*pair) for pair in zip(old, new, strict=True)])

    def _is_enough(self, crossing: Crossing[PriceOptimum]) -> bool:
        """Tell whether the tangents on both sides meet no deeper than the tolerance allows."""
        width_s, fall, rise = np.nan, 0.0, 0.0
        if crossing.before is not None and crossing.after is not None:
            before, after = crossing.before.found.best, crossing.after.found.best
            fall, rise = -before.sync_slope, after.sync_slope
            width_s = after.sync_s - before.sync_s
        residual, tolerance = crossing.points[0].residual, self.accuracy.tolerance
        return bool(is_level(width_s, fall, rise, residual, tolerance))


def _value(optimum: PriceOptimum) -> float:
    return optimum.best.value


class _Met(NamedTuple):
    """What clears the budget at a sync time that compiled code has met, and its two rows."""

    cleared: Cleared
    sync_s: float
    rows: Records

    def value(self) -> float:
        """Return its dual value."""
        return best_offer(self.cleared).value
