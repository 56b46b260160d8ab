"""The records that coordinator and agents exchange, and the way from scaled columns to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.physics import LN2
from eipyomo.scaled import Scaled

Records = NDArray[Any]
"""A structured array, one record per end user."""

USERS_PER_THREAD = 128

USER = np.dtype(
    [
        ("uplink_snr", "f8"),
        ("downlink_snr", "f8"),
        ("unit_s", "f8"),  # ln2 / B
        ("model_mbit", "f8"),  # D
        ("task_mbit", "f8"),  # L
        ("start_s", "f8"),  # A
        ("latency_weight", "f8"),  # w^t
        ("send_weight", "f8"),  # w^e p
        ("receive_weight", "f8"),  # w^e p^md
        ("cpu_weight", "f8"),  # w^e κ
        ("frequency_max_ghz", "f8"),  # f_max
        ("work_gigacycles", "f8"),  # C L
        ("edge_s", "f8"),  # C L / f_s
        ("constant", "f8"),  # w^e e^lt - w^t τ^md of the previous round
    ],
    align=True,
)
"""What the agent knows of its end user."""

TARGET = np.dtype(
    [
        ("uplink_multiplier", "f8"),  # α
        ("sync_multiplier", "f8"),  # β
        ("downlink_multiplier", "f8"),  # ζ
        ("uplink_share", "f8"),  # b
        ("sync_s", "f8"),  # τ̂
        ("downlink_share", "f8"),  # b̄
        ("uplink_penalty", "f8"),  # c_x
        ("sync_penalty", "f8"),  # c_y
        ("downlink_penalty", "f8"),  # c_z
    ],
    align=True,
)
"""What the coordinator tells the agent."""

ANSWER = np.dtype(
    [
        ("download", "?"),  # a
        ("offload_fraction", "f8"),  # ι
        ("value", "f8"),  # S(u), the augmented cost (18)
        ("cost", "f8"),  # q(u), the user's part of (10a)
        ("uplink_share", "f8"),  # x
        ("sync_s", "f8"),  # y
        ("downlink_share", "f8"),  # z
        ("frequency_ghz", "f8"),  # f
        ("local", "f8"),  # multiplier μ
    ],
    align=True,
)
"""What the agent answers, u_j of (12); also where its next solve starts."""


def user_records(data: Scaled) -> Records:
    """Return one USER record per end user."""
    users = np.zeros(len(data), USER)
    users["uplink_snr"] = data.uplink_snr
    users["downlink_snr"] = data.downlink_snr
    users["unit_s"] = LN2 / data.bandwidth_mhz
    users["model_mbit"] = data.model_mbit
    users["task_mbit"] = data.task_mbit
    users["start_s"] = data.upload_start_s
    users["latency_weight"] = data.latency_weight
    users["send_weight"] = data.energy_weight * data.transmit_power_w
    users["receive_weight"] = data.energy_weight * data.receive_power_w
    users["cpu_weight"] = data.energy_weight * data.energy_coefficient
    users["frequency_max_ghz"] = data.max_frequency_ghz
    users["work_gigacycles"] = data.gigacycles_per_mbit * data.task_mbit
    users["edge_s"] = users["work_gigacycles"] / data.server_frequency_ghz
    users["constant"] = (
        data.energy_weight * data.local_training_j - data.latency_weight * data.previous_download_s
    )
    return users


def of_users(data: Scaled, places: Sequence[int]) -> Scaled:
    """Return the columns of some users only, by their places."""
    columns: dict[str, Any] = {
        field.name: value[list(places)]
        for field in fields(data)
        if isinstance(value := getattr(data, field.name), np.ndarray)
    }
    return replace(data, names=tuple(data.names[j] for j in places), **columns)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="eipyomo-admm")


def for_all(kernel: Callable[..., Any], users: int, *arguments: Any) -> list[Any]:
    """Run a kernel over all users, in threads if there are many; the result is the same.

    Returns
    -------
    list
        What the kernel returns for each part.
    """
    parts = max(min(users // USERS_PER_THREAD, os.cpu_count() or 1), 1)
    if parts == 1:
        return [kernel(*arguments, 0, users)]
    edges = [users * part // parts for part in range(parts + 1)]
    jobs = [_threads().submit(kernel, *arguments, first, last) for first, last in pairwise(edges)]
    return [job.result() for job in jobs]
