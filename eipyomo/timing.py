"""When things happen: the timeline of a round that follows from the decisions, once for all numpy.

All quantities are in the scaled units of :mod:`eipyomo.scaled`; arrays have shape (users,).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo import physics
from eipyomo.scaled import FloatColumn, Scaled


class Plan(NamedTuple):
    """The decisions of problem (10) in scaled units.

    Attributes
    ----------
    sync_s
        τ̂_N.
    download, offload_fraction
        a_j and ι_j; a start of a model may have anything between 0 and 1 for both.
    frequency_ghz, edge_frequency_ghz
        f_j and f_{s,j}.
    uplink_share, downlink_share
        b_j and b̄_j.
    """

    sync_s: float
    download: NDArray[Any]
    offload_fraction: FloatColumn
    frequency_ghz: FloatColumn
    uplink_share: FloatColumn
    downlink_share: FloatColumn
    edge_frequency_ghz: FloatColumn


class Times(NamedTuple):
    """How long everything takes, and when it is ready; in s from the start of the round."""

    upload_s: FloatColumn
    """τ^mu, (5)."""
    offload_s: FloatColumn
    """τ^to, (5)."""
    ready_s: FloatColumn
    """τ^pr: when both the new model and the task data are at the server."""
    edge_inference_s: FloatColumn
    """τ^e, (2)."""
    download_s: FloatColumn
    """τ^md, (5)."""
    local_inference_s: FloatColumn
    """τ^c, (1)."""
    latency_s: FloatColumn
    """T_j, (9)."""


def seconds_per_mbit(
    share: FloatColumn | float, bandwidth_mhz: float, snr: FloatColumn
) -> FloatColumn:
    """Return s(b); infinite where the share is not positive."""
    usable = share > 0
    seconds = physics.seconds_per_mbit(np.where(usable, share, 1.0), bandwidth_mhz, snr)
    return np.where(usable, seconds, np.inf)


def uploaded_s(data: Scaled, uplink_share: FloatColumn | float) -> FloatColumn:
    """Return A_j + τ^mu, when the updates are at the server; the last is the earliest sync, (6)."""
    seconds = seconds_per_mbit(uplink_share, data.bandwidth_mhz, data.uplink_snr)
    return data.upload_start_s + data.model_mbit * seconds


def times(data: Scaled, plan: Plan) -> Times:
    """Return the times that a plan gives; infinite where something needed never ends.

    A user without download has neither a download nor local inference: their times are 0.
    """
    a, offload = plan.download, plan.offload_fraction
    edge_work = physics.offloaded_gigacycles(offload, data.task_mbit, data.gigacycles_per_mbit)
    uplink = seconds_per_mbit(plan.uplink_share, data.bandwidth_mhz, data.uplink_snr)
    downlink = seconds_per_mbit(plan.downlink_share, data.bandwidth_mhz, data.downlink_snr)
    upload_s = data.model_mbit * uplink
    offload_s = where_needed(offload * data.task_mbit, uplink)
    download_s = where_needed(data.model_mbit * a, downlink)
    edge_inference_s = np.where(
        edge_work == 0, 0.0, edge_work / np.maximum(plan.edge_frequency_ghz, 0.0)
    )
    cycle_s: FloatColumn = 1.0 / np.maximum(plan.frequency_ghz, 0.0)
    local_inference_s = where_needed(local_work(data, plan), cycle_s)
    ready_s = np.maximum(plan.sync_s, data.upload_start_s + upload_s + offload_s)
    local_s = np.where(a, plan.sync_s + download_s + local_inference_s, -np.inf)
    return Times(
        upload_s=upload_s,
        offload_s=offload_s,
        ready_s=ready_s,
        edge_inference_s=edge_inference_s,
        download_s=download_s,
        local_inference_s=local_inference_s,
        latency_s=np.maximum(local_s, ready_s + edge_inference_s) - data.previous_download_s,
    )


def local_work(data: Scaled, plan: Plan) -> FloatColumn:
    """Return the work in Gcycle that users do themselves: the numerator of (1), 0 without a."""
    work: FloatColumn = plan.download * physics.local_gigacycles(
        plan.offload_fraction, data.task_mbit, data.gigacycles_per_mbit
    )
    return work


def local_inference_j(data: Scaled, plan: Plan) -> FloatColumn:
    """Return the energy e^c of local computing in J, (1)."""
    energy_j: FloatColumn = physics.local_inference_energy_j(
        plan.frequency_ghz, local_work(data, plan), data.energy_coefficient
    )
    return energy_j


def where_needed(amount: FloatColumn, cost: FloatColumn) -> FloatColumn:
    """Return amount · cost, and 0 where the amount is 0 even if the cost is infinite."""
    return np.where(amount == 0, 0.0, amount * cost)
