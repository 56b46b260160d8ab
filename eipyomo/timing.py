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
        a_j and ι_j; a start of a model may have anything between 0 and 1 for both. Where a user has
        modes, they follow from its mode.
    frequency_ghz, edge_frequency_ghz
        f_j and f_{s,j}.
    uplink_share, downlink_share
        b_j and b̄_j.
    mode
        Which of its modes a user takes, from 0; None if nobody has modes.
    """

    sync_s: float
    download: NDArray[Any]
    offload_fraction: FloatColumn
    frequency_ghz: FloatColumn
    uplink_share: FloatColumn
    downlink_share: FloatColumn
    edge_frequency_ghz: FloatColumn
    mode: NDArray[np.intp] | None = None


class Needs(NamedTuple):
    """What is sent and computed for each user, whichever way it is decided; (users,) or a number.

    Without modes it follows from a_j and ι_j, else from the mode.
    """

    update_mbit: FloatColumn | float
    """D, what is sent for the training."""
    training_s: FloatColumn
    """τ^lt."""
    training_j: FloatColumn
    """e^lt."""
    offload_mbit: FloatColumn
    """ιL, what is sent of the task."""
    download_mbit: FloatColumn
    """D where a = 1, what is downloaded before local computing."""
    local_gigacycles: FloatColumn
    """The work in (1)."""
    edge_gigacycles: FloatColumn
    """The work in (2)."""
    computes: NDArray[Any]
    """Whether there is a local branch."""
    penalty: FloatColumn | float
    """v, added to WSEL."""
    in_sequence: NDArray[Any] | bool
    """Whether the server's part waits for what the user has computed and sent."""

    @property
    def sends(self) -> NDArray[np.bool_]:
        """Whether anything is sent to the server."""
        return np.asarray(self.update_mbit + self.offload_mbit > 0.0)


def needs(data: Scaled, plan: Plan) -> Needs:
    """Return what a plan makes users send and compute."""
    a, offload = plan.download, plan.offload_fraction
    own = Needs(
        update_mbit=data.model_mbit,
        training_s=data.local_training_s,
        training_j=data.local_training_j,
        offload_mbit=offload * data.task_mbit,
        download_mbit=data.model_mbit * a,
        local_gigacycles=a
        * physics.local_gigacycles(offload, data.task_mbit, data.gigacycles_per_mbit),
        edge_gigacycles=physics.offloaded_gigacycles(
            offload, data.task_mbit, data.gigacycles_per_mbit
        ),
        computes=a,
        penalty=0.0,
        in_sequence=False,
    )
    modes = data.modes
    if modes is None or plan.mode is None:
        return own
    rows, has = modes.rows(plan.mode), modes.has_modes
    return Needs(
        *(np.where(has, getattr(modes, key)[rows], its) for key, its in own._asdict().items())
    )


def in_modes(data: Scaled, plan: Plan) -> Plan:
    """Return a plan whose a_j and ι_j are what modes say: a download, and the work at the edge."""
    if data.modes is None:
        return plan
    need, has = needs(data, plan), data.modes.has_modes
    work = need.local_gigacycles + need.edge_gigacycles
    at_edge = np.divide(need.edge_gigacycles, work, out=np.zeros(len(data)), where=work > 0.0)
    return plan._replace(
        download=np.where(has, need.download_mbit > 0.0, plan.download),
        offload_fraction=np.where(has, at_edge, plan.offload_fraction),
    )


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
    usable = np.asarray(share) > 0
    seconds = physics.seconds_per_mbit(np.where(usable, share, 1.0), bandwidth_mhz, snr)
    return np.where(usable, seconds, np.inf)


def uploaded_s(
    data: Scaled, uplink_share: FloatColumn | float, need: Needs | None = None
) -> FloatColumn:
    """Return A_j + τ^mu, when the updates are at the server; the last is the earliest sync, (6).

    Where the needs of modes are given, users that send none are ready from ever on: -inf.
    """
    seconds = seconds_per_mbit(uplink_share, data.bandwidth_mhz, data.uplink_snr)
    if need is None:
        return data.upload_start_s + data.model_mbit * seconds
    ready_s = data.previous_download_s + need.training_s + where_needed(need.update_mbit, seconds)
    return np.where(need.update_mbit > 0.0, ready_s, -np.inf)


def times(data: Scaled, plan: Plan, need: Needs) -> Times:
    """Return the times that a plan gives its needs; infinite where something needed never ends.

    What a user does not do takes no time: without download neither that nor local inference, in a
    mode without update no upload.
    """
    edge_work = need.edge_gigacycles
    uplink, downlink = seconds_per_mbit(
        np.array((plan.uplink_share, plan.downlink_share)),
        data.bandwidth_mhz,
        np.array((data.uplink_snr, data.downlink_snr)),
    )
    upload_s = where_needed(need.update_mbit, uplink)
    offload_s = where_needed(need.offload_mbit, uplink)
    download_s = where_needed(need.download_mbit, downlink)
    edge_inference_s = np.where(
        edge_work == 0, 0.0, edge_work / np.maximum(plan.edge_frequency_ghz, 0.0)
    )
    cycle_s: FloatColumn = 1.0 / np.maximum(plan.frequency_ghz, 0.0)
    local_inference_s = where_needed(need.local_gigacycles, cycle_s)
    start_s = data.previous_download_s + need.training_s
    sent_s = np.where(need.sends, start_s + upload_s + offload_s, -np.inf)
    local_s = np.where(need.computes, plan.sync_s + download_s + local_inference_s, -np.inf)
    ready_s: FloatColumn = np.maximum(plan.sync_s, sent_s)
    if need.in_sequence is not False:
        ready_s = np.where(need.in_sequence, local_s + offload_s, ready_s)
    return Times(
        upload_s=upload_s,
        offload_s=offload_s,
        ready_s=ready_s,
        edge_inference_s=edge_inference_s,
        download_s=download_s,
        local_inference_s=local_inference_s,
        latency_s=np.maximum(local_s, ready_s + edge_inference_s) - data.previous_download_s,
    )


def local_inference_j(data: Scaled, plan: Plan, need: Needs) -> FloatColumn:
    """Return the energy e^c of local computing in J, (1)."""
    energy_j: FloatColumn = physics.local_inference_energy_j(
        plan.frequency_ghz, need.local_gigacycles, data.energy_coefficient
    )
    return energy_j


def where_needed(amount: FloatColumn | float, cost: FloatColumn) -> FloatColumn:
    """Return amount · cost, and 0 where the amount is 0 even if the cost is infinite."""
    needed: FloatColumn = np.zeros(cost.shape)
    return np.multiply(amount, cost, out=needed, where=amount != 0.0)
