"""What remains once a and ι are decided: b, b̄, f, τ̂ and f_s, if that is open.

It is a convex problem, solved by its dual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eipyomo import physics
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.scaled import HZ_PER_GHZ, FloatColumn, Scaled
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual, Market, Prices, Response
from eipyomo.solvers.exact.kernels import CHOICE, FIXED
from eipyomo.solvers.exact.restriction import Restriction
from eipyomo.solvers.records import Records

ACCURACY = 1e-11
"""Relative accuracy that the dual search asks for."""


@dataclass(frozen=True, eq=False)
class ConvexRest:
    """The best allocation for given a and ι, with a bound on what any other can cost.

    Attributes
    ----------
    allocation
        The allocation.
    bound
        Valid lower bound on the cost of every allocation with these a and ι.
    prices
        One price for each budget, as :data:`~eipyomo.solvers.exact.dual.Prices`.
    response
        The dual's choices with their multipliers.
    """

    allocation: Allocation
    bound: float
    prices: Prices
    response: Response


def convex_rest(
    scaled: Scaled,
    download: ArrayLike,
    offload_fraction: ArrayLike,
    *,
    split_band: bool = False,
    start_s: float | None = None,
    prices: Prices | None = None,
) -> ConvexRest:
    """Minimise WSEL over b, b̄, f and τ̂ for given download decisions and offload fractions.

    Where the server has a total frequency, over f_s of every task too.

    Parameters
    ----------
    scaled
        Columns of the instance; of a training round, without tasks.
    download, offload_fraction
        a and ι, one per user or one for all; ι = 1 wherever a = 0.
    split_band
        Whether uplink and downlink have half of the band each.
    start_s, prices
        Where to start the search, if known.

    Raises
    ------
    InputError
        If a = 0 somewhere with ι < 1, or an ι is outside [0, 1].
    """
    choices = np.zeros(len(scaled), CHOICE)
    choices["download"], choices["offload"] = download, offload_fraction
    _check(scaled, choices)
    restriction = Restriction(split_band=split_band)
    dual = Dual(scaled, restriction, restriction.domains(len(scaled)))
    return rest_of(dual, choices, start_s, prices)


def _check(scaled: Scaled, choices: Records) -> None:
    download, offload = choices["download"], choices["offload"]
    bad = ~((offload >= 0.0) & (offload <= 1.0) & (download | (offload == 1.0)))
    if bad.any():
        j = int(np.argmax(bad))
        raise InputError(
            f"user {scaled.names[j]!r} has offload fraction {offload[j]:g} with download "
            f"{bool(download[j])}, but it must lie in [0, 1], and be 1 without download"
        )


def rest_of(
    dual: Dual, choices: Records, start_s: float | None = None, prices: Prices | None = None
) -> ConvexRest:
    """Solve the convex rest of given choices with the records of a dual."""
    earliest_s = dual.earliest_s
    first_s = earliest_s * (1.0 + 1e-11)
    size = float(np.sum(dual.users["latency_weight"])) * earliest_s
    markets = dual.settle(
        first_s,
        1e6 * (1.0 + earliest_s),
        2.0 * earliest_s if start_s is None else start_s,
        dual.no_prices if prices is None else prices,
        ACCURACY * size,
        choices,
        FIXED,
        mismatch=1e-11,
    )
    best = markets[0].best
    return ConvexRest(
        allocation=recover(dual, markets[0]),
        bound=_bound(dual, markets),
        prices=best.prices,
        response=best,
    )


def _bound(dual: Dual, markets: tuple[Market, ...]) -> float:
    """Return where the lines that the markets prove below the cost are lowest together.

    Each response proves the line value + slope (t - its t) for every t, by weak duality; of two
    lines, one falling and one rising, the higher one counts, so that the lowest point is where they
    meet. A single rising line is lowest at the earliest sync time.
    """
    responses = [market.best for market in markets]
    margin = max(_rounding(dual, response) for response in responses)
    rising = [response for response in responses if response.sync_slope >= 0.0]
    falling = [response for response in responses if response.sync_slope < 0.0]
    if not rising:
        return -np.inf
    after = rising[0]
    lowest = after.value + after.sync_slope * (dual.earliest_s - after.sync_s)
    if falling:
        before = falling[0]
        lead = after.value - before.value - before.sync_slope * (after.sync_s - before.sync_s)
        met = after.value - after.sync_slope * lead / (after.sync_slope - before.sync_slope)
        lowest = max(lowest, met)
    return lowest - margin


def _rounding(dual: Dual, response: Response) -> float:
    """Return what rounding may have added to a dual value and its line."""
    users, choices = dual.users, response.choices
    terms = dual.terms(response.prices, response.sync_s)
    price = terms.price_up + terms.price_down
    times = users["latency_weight"] + choices["ready"] + choices["sync"]
    size = (
        2.0 * np.abs(users["constant"])
        + np.abs(choices["value"])
        + 3.0 * times * (response.sync_s + users["edge_s"])
    )
    price += 2.0 * terms.price_edge * dual.scaled.server_frequency_ghz
    return float(kernels.ROUNDING * (size.sum() + len(users) * price))


def recover(dual: Dual, market: Market) -> Allocation:
    """Return the feasible allocation next to a market's responses, which agree in a and ι."""
    scaled = dual.scaled
    choices = market.best.choices
    download = choices["download"].copy()
    offload = choices["offload"].copy()
    up, down = _cleared_shares(dual, market)
    seconds = _seconds(up, scaled, scaled.uplink_snr)
    uploaded_s = scaled.upload_start_s + scaled.model_mbit * seconds
    sync_s = max(market.best.sync_s, float(uploaded_s.max()))
    load = scaled.model_mbit + offload * scaled.task_mbit
    ready_s = np.maximum(sync_s, scaled.upload_start_s + load * seconds)
    seconds_down = _seconds(np.where(download, down, 1.0), scaled, scaled.downlink_snr)
    download_s = scaled.model_mbit * seconds_down
    own_work = (1.0 - offload) * dual.users["work_gigacycles"]
    full_ghz = kernels.best_frequencies(dual.users)
    edge_ghz = None
    edge_s = offload * dual.users["edge_s"]
    if dual.limits_frequency:
        work = offload * dual.users["work_gigacycles"]
        spare_s = np.where(download, sync_s + download_s + own_work / full_ghz - ready_s, 0.0)
        edge_ghz = _cleared_frequencies_ghz(dual, market, work, spare_s)
        np.divide(work, edge_ghz, out=edge_s, where=edge_ghz > 0.0)
    time_left_s = ready_s + edge_s - sync_s - download_s
    own_ghz = _frequency_ghz(dual, own_work, full_ghz, time_left_s)
    return Allocation(
        names=scaled.names,
        sync_s=sync_s,
        download=download,
        offload_fraction=offload,
        frequency_hz=np.where(download, own_ghz, 0.0) * HZ_PER_GHZ,
        uplink_share=up,
        downlink_share=np.where(download, down, 0.0),
        edge_frequency_hz=None if edge_ghz is None else edge_ghz * HZ_PER_GHZ,
    )


def _cleared_shares(dual: Dual, market: Market) -> tuple[FloatColumn, FloatColumn]:
    """Mix the shares on both sides of the crossing, so that they keep within the budget."""
    up, down = market.mixed("uplink_share"), market.mixed("downlink_share")
    budgets = dual.restriction.budgets
    usages = (up.sum(), down.sum()) if len(budgets) == 2 else (up.sum() + down.sum(),)
    over = [
        max(float(usage) / budget, 1.0) * (1.0 + 4e-16 * len(dual.users))
        for usage, budget in zip(usages, budgets, strict=True)
    ]
    return up / over[0], down / over[-1]


def _cleared_frequencies_ghz(
    dual: Dual, market: Market, work: FloatColumn, spare_s: FloatColumn
) -> FloatColumn:
    """Mix f_s like the shares, but none above what the local branch leaves time for.

    What is left of the budget goes to those who lack most, up to that limit and then up to f_s.
    """
    total, most = dual.budgets[-1], dual.scaled.server_frequency_ghz
    fastest = np.where(work > 0.0, most, 0.0)
    needed = fastest.copy()
    np.divide(work, spare_s, out=needed, where=(spare_s > 0.0) & (work > 0.0))
    frequency = market.mixed("edge_frequency_ghz")
    for limit in (np.minimum(needed, fastest), fastest):
        frequency = np.minimum(frequency, limit)
        left, room = total - float(frequency.sum()), float((limit - frequency).sum())
        if left >= room:
            frequency = limit
        elif left > 0.0:
            frequency = frequency + (limit - frequency) * (left / room)
    over = float(frequency.sum()) / total
    if over > 1.0 - 1e-15 * len(work):
        frequency = frequency / over * (1.0 - 4e-16 * len(work))
    return frequency


def _seconds(shares: FloatColumn, scaled: Scaled, snr: FloatColumn) -> FloatColumn:
    seconds: FloatColumn = physics.seconds_per_mbit(shares, scaled.bandwidth_mhz, snr)
    return seconds


def _frequency_ghz(
    dual: Dual, work: FloatColumn, full_ghz: FloatColumn, time_left_s: FloatColumn
) -> FloatColumn:
    """Return the best frequencies for given shares: full speed, or just in time for the edge."""
    in_time = np.full(len(work), np.inf)
    np.divide(work, time_left_s, out=in_time, where=time_left_s > 0.0)
    slowed = np.where(dual.users["cpu_weight"] > 0.0, np.minimum(full_ghz, in_time), full_ghz)
    return np.where(work > 0.0, slowed, 0.0)
