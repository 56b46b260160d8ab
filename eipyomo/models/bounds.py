r"""How late anything can happen, and how small a share can be: bounds that cut off no optimum.

A solver wants finite bounds, and none may come from an incumbent, because a user may add
constraints of their own. The bounds here rest on one argument. Give every user 1/(2M) of the
band in each direction, and min(f_s, F/M) of the server's frequency where it is limited: both fit
into their budgets. Whatever a and ι are, the plan that does so costs at most

    C = 2 max(cost with every task at the edge, cost with every task local),

since its offloading, edge computing and transmissions take no more than in the first of the two
plans, and its local computing no more than in the second. On the other hand no user costs less
than `least`, its upload over the whole band, so that an allocation in which user j's latency
is T_j costs at least

    Σ_i least_i + w_j^t (T_j - τ_j^lt - D_m s_j(1)).

A latency at which this exceeds C is therefore in no optimum, for any fixed or free a and ι, and
for a band that is split into halves as well. Constraints that a user adds can make an optimum
dearer than C; :func:`eipyomo.models.binding_bounds` tells when these bounds touch an answer. So
can limits in the data; but a deadline ends all that a user does, whatever it costs.

A user with modes costs at most what the dearest of its modes costs in such a plan, and at least
what the cheapest does over the whole band, with nobody to wait for.

Another objective than WSEL says nothing of costs. With `band` and `edge_frequency` everybody has a
deadline. With `slowest` the plan of equal shares, with all CPUs at f_max, ends at some θ, which no
optimum exceeds.

With `band` shares are parts of the B in the data, of which more than 1 may be needed. At a given
sync time users do not meet, so what suffices is easy to say for everybody who does all at the edge,
or all locally (:func:`enough_band`); an optimum needs no more than that, if only deadlines are to
be met.
"""

from __future__ import annotations

import numpy as np

from eipyomo import physics, timing
from eipyomo.models.each_mode import EachMode, of_modes
from eipyomo.objective import WSEL
from eipyomo.problem import Feature, Problem
from eipyomo.scaled import FloatColumn, Scaled

DUE_MARGIN = 1e-2
"""Relative; how far a bound stays outside of a deadline, whose row is the one to bind. The download
over the whole band, which the model counts where nothing is downloaded, comes after it at most."""

SOON_S = 1e-3
"""Times have at least so much room, where nothing takes any."""

ENOUGH, UNKNOWN = 1.01, 10.0
"""Shares are at most so many times of what suffices, and at most this where nothing is known to."""

SYNC_TIMES = 60
"""At how many sync times it is looked for what suffices."""


def latest_of(problem: Problem) -> FloatColumn:
    """Return the moment after which nothing of a user happens at a problem's optimum; see above.

    It is so where there are no limits but deadlines, and checked by whoever solves the problem.
    """
    data = problem.data
    if problem.objective == WSEL:
        return latest_s(data)
    if problem.objective.budgets:
        return due_s(data, data.deadline_s)
    return due_s(data, np.minimum(data.deadline_s, equal_share_latency_s(data)))


def latest_s(data: Scaled, cost: float | None = None) -> FloatColumn:
    """Return the moment after which nothing of a user happens where all users cost at most `cost`.

    Parameters
    ----------
    data
        The instance, scaled for its stage.
    cost
        That of :func:`equal_share_cost` if left out: then nothing in an optimum is later.

    Returns
    -------
    array of shape (users,), in s from the start of the round.
    """
    cost = equal_share_cost(data) if cost is None else cost
    least = least_cost(data)
    spare = cost - least.sum()
    latest = timing.uploaded_s(data, 1.0) + spare / data.latency_weight
    if data.modes is not None:
        unhurried = of_modes(data, np.minimum, lambda rows: rows.least_cost(waits=False))
        late = data.previous_download_s + (least + spare - unhurried) / data.latency_weight
        latest = np.where(data.has_modes, np.maximum(late, SOON_S), latest)
    ends: FloatColumn = np.minimum(latest, due_s(data, data.deadline_s))
    return ends


def due_s(data: Scaled, deadline_s: FloatColumn) -> FloatColumn:
    """Return the moment after which nothing of a user happens that has these deadlines."""
    whole_band_s = timing.seconds_per_mbit(1.0, data.bandwidth_mhz, data.downlink_snr)
    ends = deadline_s + data.previous_download_s + data.model_mbit * whole_band_s
    return ends * (1.0 + DUE_MARGIN)


def least_cost(data: Scaled) -> FloatColumn:
    """Return what a user costs at the very least: training, and an upload over the whole band."""
    upload_s = data.model_mbit * timing.seconds_per_mbit(1.0, data.bandwidth_mhz, data.uplink_snr)
    energy_j = data.local_training_j + physics.transmission_energy_j(
        data.transmit_power_w, upload_s
    )
    latency_s = data.local_training_s + upload_s
    cost: FloatColumn = data.energy_weight * energy_j + data.latency_weight * latency_s
    return of_modes(data, np.minimum, EachMode.least_cost, cost)


def equal_share_times(
    data: Scaled, sync_s: float, frequency_ghz: FloatColumn
) -> tuple[FloatColumn, FloatColumn]:
    """Return when users are done over equal shares: all at the edge, and all local at some f."""
    share = 0.5 / len(data)
    uplink = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    downlink = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.downlink_snr)
    work = data.gigacycles_per_mbit * data.task_mbit
    ready_s = np.maximum(sync_s, data.upload_start_s + (data.model_mbit + data.task_mbit) * uplink)
    all_edge_s = ready_s + work / data.equal_frequency_ghz
    all_local_s = sync_s + data.model_mbit * downlink + work / frequency_ghz
    return all_edge_s, all_local_s


def equal_share_sync_s(data: Scaled) -> float:
    """Return when all updates are there over equal shares, whatever modes are chosen."""
    share = 0.5 / len(data)
    uploaded_s = timing.uploaded_s(data, share)
    last_s = of_modes(data, np.maximum, lambda rows: rows.uploaded_s(share), uploaded_s).max()
    return max(float(last_s), 0.0)


def equal_share_latency_s(data: Scaled) -> float:
    """Return θ, a latency that equal shares with f_max never exceed, whatever is offloaded."""
    sync_s, share = equal_share_sync_s(data), 0.5 / len(data)
    done_s = np.maximum(*equal_share_times(data, sync_s, data.max_frequency_ghz))

    def latency_s(rows: EachMode) -> FloatColumn:
        return rows.times(share, sync_s, rows.data.max_frequency_ghz).latency_s

    return float(of_modes(data, np.maximum, latency_s, done_s - data.previous_download_s).max())


@np.errstate(over="ignore")  # an infinite cost is never exceeded either
def equal_share_cost(data: Scaled) -> float:
    """Return C, a cost that equal shares never exceed, whatever is offloaded or downloaded."""
    share = 0.5 / len(data)
    uplink = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    all_edge_j = data.transmit_power_w * (data.model_mbit + data.task_mbit) * uplink

    downlink = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.downlink_snr)
    downlink_s = data.model_mbit * downlink
    frequency_ghz = unconstrained_frequency_ghz(data)
    sync_s = equal_share_sync_s(data)
    all_edge_s, all_local_s = equal_share_times(data, sync_s, frequency_ghz)
    work = data.gigacycles_per_mbit * data.task_mbit
    all_local_j = (
        data.transmit_power_w * data.model_mbit * uplink
        + data.receive_power_w * downlink_s
        + physics.local_inference_energy_j(frequency_ghz, work, data.energy_coefficient)
    )

    def cost(energy_j: FloatColumn, clock_s: FloatColumn) -> float:
        energy_j = energy_j + data.local_training_j
        latency_s = clock_s - data.previous_download_s
        costs = data.energy_weight * energy_j + data.latency_weight * latency_s
        return float(costs[~data.has_modes].sum())

    dearest = of_modes(
        data,
        np.maximum,
        lambda rows: rows.cost(share, sync_s, unconstrained_frequency_ghz(rows.data)),
    )
    return 2.0 * max(cost(all_edge_j, all_edge_s), cost(all_local_j, all_local_s)) + float(
        dearest.sum()
    )


def unconstrained_frequency_ghz(data: Scaled) -> FloatColumn:
    """Return the f_j of Proposition 1 (19) where local computing alone decides the latency."""
    marginal = 2.0 * data.energy_weight * data.energy_coefficient
    with np.errstate(divide="ignore", over="ignore"):
        return np.minimum(np.cbrt(data.latency_weight / marginal), data.max_frequency_ghz)


def sent_within(data: Scaled, latest_s: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
    """Return in how many seconds how many Mbit are sent at least where anything is sent.

    It is the update, or the least that any mode sends.
    """
    modes = data.modes
    if modes is None:
        return latest_s - data.upload_start_s, np.full(len(data), data.model_mbit)
    least = modes.least_positive(modes.update_mbit + modes.offload_mbit, data.model_mbit)
    return latest_s - np.where(data.has_modes, 0.0, data.upload_start_s), least


def received_within(data: Scaled, latest_s: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
    """Return in how many seconds how many Mbit are received at least, where anything is."""
    if data.modes is None:
        return latest_s, np.full(len(data), data.model_mbit)
    return latest_s, data.modes.least_positive(data.modes.download_mbit, data.model_mbit)


def smallest_share(
    data: Scaled, snr: FloatColumn, latest_s: FloatColumn, mbit: FloatColumn | float
) -> FloatColumn:
    """Return a share over which so many Mbit take at least `latest_s`, a bound on used shares.

    Found by bisection from above, so that it never exceeds the share sought by more than rounding.
    """
    low = np.zeros(len(data))
    high = np.ones(len(data))
    for _ in range(200):
        middle = 0.5 * (low + high)
        seconds = timing.seconds_per_mbit(middle, data.bandwidth_mhz, snr)
        too_small = mbit * seconds >= latest_s
        ends = low, high
        low = np.where(too_small, middle, low)
        high = np.where(too_small, high, middle)
        if np.array_equal((low, high), ends):  # nothing is between them any more
            break
    return low


def largest_share(problem: Problem) -> float:
    """Return the largest share of the data's band that a link may have: 1, or more for `band`."""
    if problem.objective.name != "band":
        return 1.0
    enough = ENOUGH * enough_band(problem)
    return max(1.0, enough) if np.isfinite(enough) else UNKNOWN


def enough_band(problem: Problem) -> float:
    """Return a sum of shares with which every deadline can be met; infinite if none is found.

    At each of some sync times every user takes what needs less: all at the edge, or all local at
    f_max, as far as these are open to it, or one of its modes.
    """
    data, open_to = problem.data, problem.decisions
    if Feature.PARTICIPATION in problem.features:
        return np.inf  # not every choice of modes is allowed
    due = data.deadline_s + data.previous_download_s
    work = data.gigacycles_per_mbit * data.task_mbit
    edge_due = due - work / data.equal_frequency_ghz
    local_due = due - work / data.max_frequency_ghz
    sync_s = np.linspace(data.upload_start_s.max(), due.min(), SYNC_TIMES)[1:, np.newaxis]
    update = (sync_s - data.upload_start_s) / data.model_mbit
    all_up = (edge_due - data.upload_start_s) / (data.model_mbit + data.task_mbit)
    down = (local_due - sync_s) / data.model_mbit
    edge = share_within(data, data.uplink_snr, np.minimum(update, all_up))
    edge = np.where(open_to.edge & (sync_s <= edge_due), edge, np.inf)
    local = share_within(data, data.uplink_snr, update)
    local += share_within(data, data.downlink_snr, down)
    local = np.where(open_to.local & (open_to.offload_min == 0.0), local, np.inf)
    return float(enough_in_modes(data, sync_s, np.minimum(edge, local)).sum(axis=1).min())


def enough_in_modes(data: Scaled, sync_s: FloatColumn, enough: FloatColumn) -> FloatColumn:
    """Return the sum of shares with which each user meets its deadline; (sync times, users)."""
    if data.modes is None:
        return enough
    rows, need, edge_frequency_ghz = EachMode.of(data)
    with np.errstate(divide="ignore", invalid="ignore"):
        due = rows.deadline_s + rows.previous_download_s
        start_s = rows.previous_download_s + need.training_s
        edge_due = due - need.edge_gigacycles / edge_frequency_ghz
        local_due = due - need.local_gigacycles / rows.max_frequency_ghz
        amounts = (need.update_mbit, need.update_mbit + need.offload_mbit, need.download_mbit)
        # In sequence half of what computing leaves is for what is sent, and half for the download.
        half_s = 0.5 * (edge_due + local_due - due - sync_s)
        sent_s = half_s * (1.0 + need.update_mbit / np.maximum(need.offload_mbit, 1e-300))
        times = (
            sync_s - start_s,
            np.where(need.in_sequence & (need.offload_mbit > 0.0), sent_s, edge_due - start_s),
            np.where(need.in_sequence, half_s, local_due - sync_s),
        )
        update, sent, down = (
            np.where(mbit > 0.0, time / mbit, np.inf)
            for mbit, time in zip(amounts, times, strict=True)
        )
    shares = share_within(rows, rows.uplink_snr, np.minimum(update, sent))
    shares = shares + share_within(rows, rows.downlink_snr, down)
    in_time = (sync_s <= edge_due) & ((sync_s <= local_due) | ~need.computes)
    in_time &= (half_s > 0.0) | ~np.asarray(need.in_sequence)
    return data.modes.best(np.minimum, np.where(in_time, shares, np.inf), enough)


def share_within(data: Scaled, snr: FloatColumn, seconds_per_mbit: FloatColumn) -> FloatColumn:
    """Return a share with which one Mbit takes at most so long, infinite where none has.

    Whatever the share, it takes more than ln 2/(g B).
    """
    attained = seconds_per_mbit > physics.LN2 / (snr * data.bandwidth_mhz)
    low, high = np.full(seconds_per_mbit.shape, -30.0), np.full(seconds_per_mbit.shape, 30.0)
    for _ in range(60):  # in logarithms
        middle = 0.5 * (low + high)
        taken = timing.seconds_per_mbit(np.exp(middle), data.bandwidth_mhz, snr)
        short = taken > seconds_per_mbit
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(attained & (high < 30.0), np.exp(high), np.inf)
