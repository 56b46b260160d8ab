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
"""

from __future__ import annotations

import numpy as np

from eipyomo import physics, timing
from eipyomo.scaled import FloatColumn, Scaled

DUE_MARGIN = 1e-2
"""Relative; how far a bound stays outside of a deadline, whose row is the one to bind. The download
over the whole band, which the model counts where nothing is downloaded, comes after it at most."""


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
    spare = cost - least_cost(data).sum()
    latest = timing.uploaded_s(data, 1.0) + spare / data.latency_weight
    due_s = data.deadline_s + data.previous_download_s
    due_s += data.model_mbit * timing.seconds_per_mbit(1.0, data.bandwidth_mhz, data.downlink_snr)
    ends: FloatColumn = np.minimum(latest, due_s * (1.0 + DUE_MARGIN))
    return ends


def least_cost(data: Scaled) -> FloatColumn:
    """Return what a user costs at the very least: training, and an upload over the whole band."""
    upload_s = data.model_mbit * timing.seconds_per_mbit(1.0, data.bandwidth_mhz, data.uplink_snr)
    energy_j = data.local_training_j + physics.transmission_energy_j(
        data.transmit_power_w, upload_s
    )
    latency_s = data.local_training_s + upload_s
    cost: FloatColumn = data.energy_weight * energy_j + data.latency_weight * latency_s
    return cost


def equal_share_cost(data: Scaled) -> float:
    """Return C, a cost that equal shares never exceed, whatever is offloaded or downloaded."""
    share = 0.5 / len(data)
    uplink = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    sync_s = float(timing.uploaded_s(data, share).max())

    ready_s = np.maximum(sync_s, data.upload_start_s + (data.model_mbit + data.task_mbit) * uplink)
    all_edge_s = ready_s + data.gigacycles_per_mbit * data.task_mbit / data.equal_frequency_ghz
    all_edge_j = data.transmit_power_w * (data.model_mbit + data.task_mbit) * uplink

    downlink = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.downlink_snr)
    downlink_s = data.model_mbit * downlink
    frequency_ghz = unconstrained_frequency_ghz(data)
    work = data.gigacycles_per_mbit * data.task_mbit
    all_local_s = sync_s + downlink_s + work / frequency_ghz
    all_local_j = (
        data.transmit_power_w * data.model_mbit * uplink
        + data.receive_power_w * downlink_s
        + physics.local_inference_energy_j(frequency_ghz, work, data.energy_coefficient)
    )

    def cost(energy_j: FloatColumn, clock_s: FloatColumn) -> float:
        energy_j = energy_j + data.local_training_j
        latency_s = clock_s - data.previous_download_s
        return float((data.energy_weight * energy_j + data.latency_weight * latency_s).sum())

    return 2.0 * max(cost(all_edge_j, all_edge_s), cost(all_local_j, all_local_s))


def unconstrained_frequency_ghz(data: Scaled) -> FloatColumn:
    """Return the f_j of Proposition 1 (19) where local computing alone decides the latency."""
    marginal = 2.0 * data.energy_weight * data.energy_coefficient
    with np.errstate(divide="ignore"):
        return np.minimum(np.cbrt(data.latency_weight / marginal), data.max_frequency_ghz)


def smallest_share(data: Scaled, snr: FloatColumn, latest_s: FloatColumn) -> FloatColumn:
    """Return a share over which the model takes at least `latest_s`, a lower bound on used shares.

    Found by bisection from above, so that it never exceeds the share sought by more than rounding.
    """
    low = np.zeros(len(data))
    high = np.ones(len(data))
    for _ in range(200):
        middle = 0.5 * (low + high)
        seconds = timing.seconds_per_mbit(middle, data.bandwidth_mhz, snr)
        too_small = data.model_mbit * seconds >= latest_s
        low = np.where(too_small, middle, low)
        high = np.where(too_small, high, middle)
    return low
