"""From scaled columns to the records that the compiled Lagrangian reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eipyomo import physics
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.solvers.exact.kernels import LINK, USER, pull

Records = NDArray[Any]
"""A structured array, one record per user or cell."""


def user_records(scaled: Scaled, share_max: float = 1.0) -> Records:
    """Return one USER record per end user.

    Parameters
    ----------
    scaled
        Columns of the instance.
    share_max
        A share that no user can exceed in either direction.
    """
    users = np.zeros(len(scaled), USER)
    users["uplink"] = link_records(scaled.uplink_snr, scaled.bandwidth_mhz, share_max)
    users["downlink"] = link_records(scaled.downlink_snr, scaled.bandwidth_mhz, share_max)
    users["model_mbit"] = scaled.model_mbit
    users["task_mbit"] = scaled.task_mbit
    users["start_s"] = scaled.upload_start_s
    users["latency_weight"] = scaled.latency_weight
    users["send_weight"] = scaled.energy_weight * scaled.transmit_power_w
    users["receive_weight"] = scaled.energy_weight * scaled.receive_power_w
    users["cpu_weight"] = scaled.energy_weight * scaled.energy_coefficient
    users["frequency_max_ghz"] = scaled.max_frequency_ghz
    users["work_gigacycles"] = scaled.gigacycles_per_mbit * scaled.task_mbit
    users["edge_s"] = users["work_gigacycles"] / scaled.server_frequency_ghz
    users["constant"] = (
        scaled.energy_weight * scaled.local_training_j
        - scaled.latency_weight * scaled.previous_download_s
    )
    return users


def link_records(snr: FloatColumn, bandwidth_mhz: float, share_max: float) -> Records:
    """Return one LINK record per signal-to-noise ratio."""
    links = np.zeros(len(snr), LINK)
    links["snr"] = snr
    links["unit_s"] = physics.LN2 / (bandwidth_mhz * snr)
    links["share_max"] = share_max
    links["efficiency_min"] = np.log1p(snr / share_max)
    links["log_pull_min"] = np.log([pull(u) for u in links["efficiency_min"]])
    return links
