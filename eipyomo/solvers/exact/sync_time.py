"""The dual's minimum over the sync time, of its maximum over prices."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import SOLUTION, Accuracy, Cleared, End, Market, Slopes, Times
from eipyomo.solvers.exact.markets import KnownPrices, only_market
from eipyomo.solvers.exact.prices import (
    PriceOptimum,
    crossing_of,
    maximise_over_prices,
    optimum_of,
    within,
)
from eipyomo.solvers.exact.roots import Crossing, find_crossing
from eipyomo.solvers.exact.solutions import OPEN, Decisions, Prices, UserSolutions

is_level = interpreted(kernels.is_level)


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
    prices = dual.no_prices
    accuracy = Accuracy(SAMPLED_WELL * abs(worst), CLEARED_WELL, ceiling=worst)
    before, best, after, last = None, None, None, None
    # Squares, since the dual varies most where the uploads hardly fit into the band.
    for part in np.linspace(0.0, 1.0, SAMPLES + 1)[1:] ** 2:
        sync_s = times.first + part * (times.last - times.first)
        found = maximise_over_prices(dual, sync_s, prices, accuracy).best
        if found.value <= worst:
            prices = found.prices
            known.note(sync_s, prices)
        if best is None or found.value < best.value:
            before, best, after = last, found, None
        elif last is best:
            after = found
        last = found
    assert best is not None
    start_s = _level_between(dual, best, after if best.sync_slope < 0.0 else before)
    return start_s, known.moved(best.prices, best.sync_s, start_s)


SAMPLES, SAMPLED_WELL, CLEARED_WELL = 8, 1e-3, 1e-2
"""Of the dual over the sync time at first, and how well, relative to the cost and the budget: a
start, no more."""


def _level_between(dual: Dual, best: UserSolutions, other: UserSolutions | None) -> float:
    """Return where pressure and weight may be level between two sync times, and note the slope.

    That is at the better one, where nothing tells.
    """
    if other is None:
        return best.sync_s
    sides = sorted((best, other), key=lambda found: found.sync_s)
    before, after = (
        End(kernels.lead(found.sync_s, dual.earliest_s), _pressure_ratio(found), 1.0)
        for found in sides
    )
    dual.slopes[-1] = kernels.learned(before, after, dual.slopes[-1], kernels.PRESSURE_SLOPE)
    if not before.residual > 0.0 > after.residual:
        return best.sync_s
    part = before.residual / (before.residual - after.residual)
    return dual.earliest_s + math.exp(before.x + part * (after.x - before.x))


def _pressure_ratio(found: UserSolutions) -> float:
    """Return ln of the users' pressure for a later sync over their weight against it."""
    pressure = float(found.records["nu2"].sum() + found.records["eta"].sum())
    return kernels.pressure_ratio(pressure, found.sync_slope)


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
        low, high, start = (
            kernels.lead(sync_s, self._origin_s) for sync_s in (*self.times, start_s)
        )
        slopes = self.dual.slopes
        crossing = find_crossing(
            self._pressure, start, low, high, slope=slopes[-1], enough=self._is_enough
        )
        slopes[-1] = crossing.slope(slopes[-1], kernels.PRESSURE_SLOPE)
        return self._lowest(
            [point.found for point in crossing.points], min(self.visited, key=_value)
        )

    def compiled_minimum(self, start_s: float, market: Market) -> tuple[PriceOptimum, ...]:
        """Search from a sync time in compiled code, where there is one price."""
        dual, told = self.dual, self.told(start_s, market)
        timed, rows = kernels.clear_in_time(*told), told[-1]
        dual.slopes[:] = timed.slopes
        dual.effort.count(timed.evaluations)

        def found(cleared: Cleared, sync_s: float) -> PriceOptimum:
            crossing = crossing_of(dual, sync_s, dual.no_prices, 0, cleared, rows)
            return optimum_of(crossing, 0, market.capacity)

        sides = ((timed.before, timed.before_s), (timed.after, timed.after_s))
        optima = [found(*side) for side in sides if not np.isnan(side[1])]
        if len(optima) > 1 and timed.residual <= 0.0:
            optima.reverse()
        lowest = self._lowest(optima, found(timed.lowest, timed.lowest_s))
        return tuple([one.on_its_own() for one in lowest])

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

    def _lowest(self, optima: list[PriceOptimum], lowest: PriceOptimum) -> tuple[PriceOptimum, ...]:
        """Return optima, the lower one first; or the lowest one met, where they passed it.

        Where the dual is not convex, slopes can lead past a lower point.
        """
        optima = sorted(optima, key=_value)
        passed = _value(lowest) < _value(optima[0]) - self.accuracy.tolerance
        return (lowest,) if passed else tuple(optima)

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
        return _pressure_ratio(optimum.best), optimum

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
