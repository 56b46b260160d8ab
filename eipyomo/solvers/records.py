"""What compiled code knows of end users, and how it is run over many of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.scaled import Scaled
from eipyomo.solvers.processors import processors

Records = NDArray[Any]
"""A structured array, one record per end user, choice or cell."""

COSTS = (
    ("model_mbit", "f8"),  # D
    ("task_mbit", "f8"),  # L
    ("start_s", "f8"),  # A
    ("latency_weight", "f8"),  # w^t
    ("send_weight", "f8"),  # w^e p
    ("receive_weight", "f8"),  # w^e p^md
    ("cpu_weight", "f8"),  # w^e κ
    ("frequency_max_ghz", "f8"),  # f_max
    ("download_mbit", "f8"),  # D once more: what is downloaded
    ("work_gigacycles", "f8"),  # C L, of which the user computes (1 - ι)
    ("edge_gigacycles", "f8"),  # C L once more: of which the server computes ι
    ("edge_s", "f8"),  # C L / f_s
    ("edge_frequency_max_ghz", "f8"),  # f_s
    ("constant", "f8"),  # w^e e^lt - w^t τ^md of the previous round, and a mode's penalty
    ("penalty", "f8"),  # v of a mode
    ("sits_out", "f8"),  # 1 in a mode without update
    ("in_sequence", "?"),  # the server's part waits for what the user has computed and sent
)
"""Fields of a user's record from which its cost follows; its radio links come on top."""

LIMITS = (
    ("transmit_power_w", "f8"),  # p
    ("receive_power_w", "f8"),  # p^md
    ("energy_coefficient", "f8"),  # κ
    ("energy_weight", "f8"),  # w^e
    ("deadline_s", "f8"),  # T_max + τ^md of the previous round, on the clock of τ̂; or inf
    ("energy_left_j", "f8"),  # E_max - e^lt, or inf
)
"""Fields of a user's record with its deadline and energy budget, and what prices of them are times
of."""

USERS_PER_THREAD = 64


def fill_costs(users: Records, data: Scaled) -> None:
    """Set the fields of ``COSTS`` of one record per end user."""
    users["model_mbit"] = data.model_mbit
    users["task_mbit"] = data.task_mbit
    users["start_s"] = data.upload_start_s
    users["latency_weight"] = data.latency_weight
    users["send_weight"] = data.energy_weight * data.transmit_power_w
    users["receive_weight"] = data.energy_weight * data.receive_power_w
    users["cpu_weight"] = data.energy_weight * data.energy_coefficient
    users["frequency_max_ghz"] = data.max_frequency_ghz
    users["download_mbit"] = data.model_mbit
    users["work_gigacycles"] = data.gigacycles_per_mbit * data.task_mbit
    users["edge_gigacycles"] = users["work_gigacycles"]
    users["edge_s"] = users["work_gigacycles"] / data.server_frequency_ghz
    users["edge_frequency_max_ghz"] = data.server_frequency_ghz
    users["constant"] = (
        data.energy_weight * data.local_training_j - data.latency_weight * data.previous_download_s
    )


def fill_limits(users: Records, data: Scaled) -> None:
    """Set the fields of ``LIMITS`` of one record per end user."""
    for name in ("transmit_power_w", "receive_power_w", "energy_coefficient", "energy_weight"):
        users[name] = getattr(data, name)
    users["deadline_s"] = data.deadline_s + data.previous_download_s
    users["energy_left_j"] = data.energy_budget_j - data.local_training_j


def mode_records(data: Scaled, users: Records) -> Records:
    """Return one record per mode of all users, which holds it at ι = 1/2.

    So it has twice what the mode sends of its task and what is computed here and there.

    Parameters
    ----------
    data
        The instance.
    users
        One record per end user, with the fields of ``COSTS`` and ``LIMITS``.
    """
    modes = data.modes
    if modes is None:
        return np.zeros(0, users.dtype)
    owner = modes.owner
    records = users[owner].copy()
    records["model_mbit"], records["download_mbit"] = modes.update_mbit, modes.download_mbit
    records["task_mbit"] = 2.0 * modes.offload_mbit
    records["work_gigacycles"] = 2.0 * modes.local_gigacycles
    records["edge_gigacycles"] = 2.0 * modes.edge_gigacycles
    records["edge_s"] = records["edge_gigacycles"] / data.server_frequency_ghz
    previous_s, weight = data.previous_download_s[owner], data.energy_weight[owner]
    records["start_s"] = previous_s + modes.training_s
    records["constant"] = (
        weight * modes.training_j - data.latency_weight[owner] * previous_s + modes.penalty
    )
    records["energy_left_j"] = data.energy_budget_j[owner] - modes.training_j
    records["penalty"] = modes.penalty
    records["sits_out"] = modes.update_mbit == 0.0
    records["in_sequence"] = modes.in_sequence
    return records


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(processors(), thread_name_prefix="eipyomo")


if hasattr(os, "register_at_fork"):
    # A forked child has none of its parent's threads.
    os.register_at_fork(after_in_child=_threads.cache_clear)


def are_few(users: int) -> bool:
    """Tell whether so many users are worth no second thread."""
    return users < 2 * USERS_PER_THREAD


def for_all(kernel: Callable[..., Any], users: int, *arguments: Any) -> list[Any]:
    """Run a kernel over all users, in threads if there are many; the result is the same.

    The kernel releases the interpreter's lock, takes the first and the last user behind its
    arguments, and writes into them. What it returns for each part of the users is returned. The
    first part is done here: another thread may take a while to wake up.
    """
    parts = max(min(users // USERS_PER_THREAD, processors()), 1)
    if parts == 1:
        return [kernel(*arguments, 0, users)]
    edges = [users * part // parts for part in range(parts + 1)]
    own, *others = pairwise(edges)
    jobs = [_threads().submit(kernel, *arguments, *part) for part in others]
    return [kernel(*arguments, *own), *(job.result() for job in jobs)]
