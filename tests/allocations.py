"""Feasible allocations to test with, made without any solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

import eipyomo as ei
from eipyomo import physics


def random_decisions(
    users: int, draw: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return a random a, and a random ι for those who download."""
    download = draw.random(users) < 0.5
    return download, np.where(download, draw.random(users), 1.0)


def random_allocation(
    instance: ei.Instance, seed: int, downloads: bool = False, steps: int | None = None
) -> ei.Allocation:
    """Return a random feasible allocation: any a, ι, f and shares, and a sync time to match.

    Where the edge's frequency is limited every task has a part of it.

    Parameters
    ----------
    instance, seed
        For whom, and of all that is drawn.
    downloads
        Whether every user downloads, as in a training round.
    steps
        Of a grid of ι, if it has to lie on one.
    """
    draw = np.random.default_rng(seed)
    data = instance.scaled
    users = len(data)
    download = np.ones(users, dtype=bool) if downloads else draw.random(users) < 0.5
    shares = draw.uniform(0.2, 1.0, size=(2, users)) * np.array([np.ones(users), download])
    uplink, downlink = shares / shares.sum()
    upload_s = data.model_mbit * physics.seconds_per_mbit(
        uplink, data.bandwidth_mhz, data.uplink_snr
    )
    last_s = float((data.upload_start_s + upload_s).max())
    found = ei.Allocation(
        names=data.names,
        sync_s=last_s * draw.uniform(1.0, 1.2),
        download=download,
        offload_fraction=np.where(download, draw.uniform(0.0, 0.9, users), 1.0),
        frequency_hz=download * data.max_frequency_ghz * 1e9 * draw.uniform(0.3, 1.0, users),
        uplink_share=uplink,
        downlink_share=downlink,
    )
    if steps is not None:
        found = replace(found, offload_fraction=np.floor(found.offload_fraction * steps) / steps)
    return replace(found, edge_frequency_hz=_served_hz(instance, found, draw))


def _served_hz(
    instance: ei.Instance, allocation: ei.Allocation, draw: np.random.Generator
) -> NDArray[np.float64] | None:
    """Return random frequencies at the edge within the total, for whom there is work to do."""
    total_hz = instance.server.total_frequency_hz
    if total_hz is None:
        return None
    work = allocation.offload_fraction * instance.scaled.task_mbit
    part = draw.uniform(0.1, 1.0, len(work)) * (work > 0)
    served_hz = part / max(float(part.sum()), 0.1) * total_hz
    kept_hz: NDArray[np.float64] = 0.999 * np.minimum(served_hz, instance.server.frequency_hz)
    return kept_hz
