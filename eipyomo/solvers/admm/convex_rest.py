"""What remains once a and ι are decided: b, b̄, f and τ̂, a convex problem, solved by its dual.

At a price λ of bandwidth and a sync time t every user answers for itself. The band that all use
together falls with λ; where it meets the budget, the users' costs, less what they pay, are a convex
function of t whose slope the answers give. So two nested searches find the optimum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eipyomo import physics
from eipyomo.allocation import Allocation
from eipyomo.scaled import HZ_PER_GHZ, FloatColumn, Scaled
from eipyomo.solvers.admm.records import Records, for_all, user_records
from eipyomo.solvers.admm.rest_kernel import RESPONSE, respond_range

if TYPE_CHECKING:
    from collections.abc import Callable

ACCURACY = 1e-9
"""How well the searches meet budget and slope, relative to them; the cost's error is its square."""

PRICE_SPAN = 40.0
"""Prices are searched within e^±40 of their natural size."""

MAX_STEPS = 100


@dataclass(frozen=True, eq=False)
class ConvexRest:
    """The best allocation for given a and ι.

    Attributes
    ----------
    allocation
        The allocation.
    prices
        Price of a share of the band, uplink and downlink alike.
    """

    allocation: Allocation
    prices: tuple[float, float]


def convex_rest(
    scaled: Scaled,
    download: NDArray[np.bool_],
    offload_fraction: FloatColumn,
    *,
    start_s: float | None = None,
    prices: tuple[float, float] = (0.0, 0.0),
) -> ConvexRest:
    """Minimise WSEL over b, b̄, f and τ̂ for given download decisions and offload fractions.

    Parameters
    ----------
    scaled
        Columns of the instance; of a training round, without tasks.
    download, offload_fraction
        a and ι; ι = 1 wherever a = 0.
    start_s, prices
        Where to start the search, if known.
    """
    market = _Market(
        scaled,
        download,
        offload_fraction,
        math.log(prices[0]) if prices[0] > 0.0 else math.nan,
    )
    earliest_s = market.earliest_s
    scale = 1.0 / float(np.sum(scaled.latency_weight))
    wait_s = 0.1 * earliest_s if start_s is None else start_s - earliest_s
    crossing(
        lambda log_wait: -scale * market.sync_slope(earliest_s + math.exp(log_wait)),
        math.log(max(wait_s, 1e-12 * (1.0 + earliest_s))),
        math.log(1e-12 * (1.0 + earliest_s)),
        math.log(1e6 * (1.0 + earliest_s)),
    )
    price = math.exp(market.log_price)
    return ConvexRest(market.allocation(), (price, price))


@dataclass(eq=False)
class _Market:
    """Users with fixed decisions, and their last answers."""

    scaled: Scaled
    download: NDArray[np.bool_]
    offload: FloatColumn
    log_price: float

    def __post_init__(self) -> None:
        self.users = user_records(self.scaled)
        self.responses: Records = np.zeros(len(self.users), RESPONSE)
        seconds = _seconds(np.ones(len(self.users)), self.scaled, self.scaled.uplink_snr)
        upload_s = self.scaled.model_mbit * seconds
        self.earliest_s = float(np.max(self.scaled.upload_start_s + upload_s))
        weight = self.users["send_weight"] + self.users["latency_weight"]
        self.natural = math.log(float(np.sum(weight * upload_s)))
        if not math.isfinite(self.log_price):
            self.log_price = self.natural

    def usage(self, log_price: float, sync_s: float) -> float:
        """Let everybody answer; return the band they use, infinite if one cannot be in time."""
        arguments = (self.users, self.download, self.offload, math.exp(log_price), sync_s)
        able = for_all(respond_range, len(self.users), *arguments, self.responses)
        shares = self.responses["uplink_share"].sum() + self.responses["downlink_share"].sum()
        return float(shares) if all(able) else math.inf

    def sync_slope(self, sync_s: float) -> float:
        """Return the slope of the cost in the sync time, with the band just used up.

        Where the uploads alone need more than the band, it is -∞: later is better.
        """
        highest, lowest = self.natural + PRICE_SPAN, self.natural - PRICE_SPAN
        if self.usage(highest, sync_s) > 1.0:
            return -math.inf
        self.log_price = crossing(
            lambda log_price: math.log(self.usage(log_price, sync_s)),
            self.log_price,
            lowest,
            highest,
        )
        return float(self.responses["sync_slope"].sum())

    def allocation(self) -> Allocation:
        """Return the feasible allocation next to the last answers."""
        data = self.scaled
        up, down = self.responses["uplink_share"], self.responses["downlink_share"]
        # The whole band is used: more of it never hurts, and rounding must not exceed it.
        total = float(up.sum() + down.sum()) * (1.0 + 1e-15 * len(up))
        up, down = up / total, down / total
        seconds = _seconds(up, data, data.uplink_snr)
        sync_s = float(np.max(data.upload_start_s + data.model_mbit * seconds))
        load = data.model_mbit + self.offload * data.task_mbit
        edge_end_s = np.maximum(sync_s, data.upload_start_s + load * seconds)
        edge_end_s = edge_end_s + self.offload * self.users["edge_s"]
        down_seconds = _seconds(np.where(self.download, down, 1.0), data, data.downlink_snr)
        time_left_s = edge_end_s - sync_s - data.model_mbit * down_seconds
        frequency_ghz = in_time_frequency_ghz(
            data, (1.0 - self.offload) * self.users["work_gigacycles"], time_left_s
        )
        return Allocation(
            names=data.names,
            sync_s=sync_s,
            download=self.download,
            offload_fraction=self.offload,
            frequency_hz=np.where(self.download, frequency_ghz, 0.0) * HZ_PER_GHZ,
            uplink_share=up,
            downlink_share=np.where(self.download, down, 0.0),
        )


def in_time_frequency_ghz(
    data: Scaled, gigacycles: FloatColumn, time_left_s: FloatColumn
) -> FloatColumn:
    """Return the best frequencies for given shares: unhurried, or just in time for the edge.

    Nothing is gained by ending before the edge branch does, but without an energy coefficient
    nothing is lost either.
    """
    marginal = 2.0 * data.energy_weight * data.energy_coefficient
    with np.errstate(divide="ignore", invalid="ignore"):
        unhurried = np.minimum(np.cbrt(data.latency_weight / marginal), data.max_frequency_ghz)
        in_time = np.where(time_left_s > 0.0, gigacycles / time_left_s, np.inf)
    chosen = np.where(marginal > 0.0, np.minimum(unhurried, in_time), data.max_frequency_ghz)
    return np.where(gigacycles > 0.0, chosen, 0.0)


def _seconds(shares: FloatColumn, data: Scaled, snr: FloatColumn) -> FloatColumn:
    seconds: FloatColumn = physics.seconds_per_mbit(shares, data.bandwidth_mhz, snr)
    return seconds


def crossing(function: Callable[[float], float], start: float, low: float, high: float) -> float:
    """Return where a decreasing function crosses zero, or the end that is nearest to it.

    A bracket is grown from the start, and then narrowed by Illinois' method; an infinite value
    halves it. The function was called last at the point returned.
    """
    x, step = min(max(start, low), high), 0.05
    ends: dict[bool, tuple[float, float]] = {}
    last: bool | None = None
    for _ in range(MAX_STEPS):
        value = function(x)
        positive = value > 0.0
        if abs(value) <= ACCURACY or x == (high if positive else low):
            break
        ends[positive] = (x, value)
        if len(ends) < 2:
            x = min(max(x + (step if positive else -step), low), high)
            step *= 3.0
            continue
        if last == positive:
            ends[not positive] = (ends[not positive][0], 0.5 * ends[not positive][1])
        last = positive
        (left, above), (right, below) = ends[True], ends[False]
        if right - left <= 1e-14 * (1.0 + abs(x)):
            break
        x = left + (right - left) * (
            above / (above - below) if math.isfinite(above - below) else 0.5
        )
    return x
