"""The dual's minimum over the sync time, of its maximum over prices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from eipyomo.solvers.exact.dual import OPEN, Decisions, Dual, Prices
from eipyomo.solvers.exact.kernels import Times
from eipyomo.solvers.exact.prices import Accuracy, PriceOptimum, log_ratio, maximise_over_prices
from eipyomo.solvers.exact.roots import Crossing, find_crossing

LEVEL = 1e-12
"""Relative difference of pressure and weight that is rounding."""


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
    return _SyncTimeSearch(dual, times, accuracy, decisions, prices).minimum(start_s)


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

    def __post_init__(self) -> None:
        """Place the origin of the logarithm."""
        self._origin_s = min(self.dual.earliest_s, self.times.first) * (1.0 - 1e-12)

    def minimum(self, start_s: float) -> tuple[PriceOptimum, ...]:
        """Search from a sync time."""
        leads = np.array([*self.times, start_s]) - self._origin_s
        low, high, start = np.log(np.maximum(leads, 1e-300))
        crossing = find_crossing(
            self._pressure, start, low, high, slope=-1.0, enough=self._is_enough
        )
        optima = sorted((point.found for point in crossing.points), key=_value)
        lowest = min(self.visited, key=_value)
        # Where the dual is not convex, slopes can lead past a lower point.
        passed = _value(lowest) < _value(optima[0]) - self.accuracy.tolerance
        return (lowest,) if passed else tuple(optima)

    def _pressure(self, log_lead: float) -> tuple[float, PriceOptimum]:
        """Return ln of the pressure for a later sync over the weight against it."""
        first_s, last_s = self.times
        sync_s = min(max(self._origin_s + float(np.exp(log_lead)), first_s), last_s)
        optimum = maximise_over_prices(
            self.dual, sync_s, self.prices, self.accuracy.inner, self.decisions
        )
        if optimum.best.value <= self.accuracy.ceiling:
            self.prices = optimum.best.prices
        self.decisions = self.decisions.after(optimum.best.records)
        self.visited.append(optimum)
        records = optimum.best.records
        pressure = float(records["nu2"].sum() + records["eta"].sum())
        return log_ratio(pressure, max(pressure + optimum.best.sync_slope, 1e-30)), optimum

    def _is_enough(self, crossing: Crossing[PriceOptimum]) -> bool:
        """Tell whether the tangents on both sides meet no deeper than the tolerance allows."""
        if crossing.before is None or crossing.after is None:
            return abs(crossing.points[0].residual) <= LEVEL
        before, after = crossing.before.found.best, crossing.after.found.best
        fall, rise = -before.sync_slope, after.sync_slope
        width = after.sync_s - before.sync_s
        return bool(width * fall * rise <= self.accuracy.tolerance * (fall + rise))


def _value(optimum: PriceOptimum) -> float:
    return optimum.best.value
