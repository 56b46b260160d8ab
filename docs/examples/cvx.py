"""What is left of (10) at given decisions a and ι, as a conic program in CVXPY; see docs/cvx.md."""

from __future__ import annotations

import sys
from typing import Any

import cvxpy as cp
import numpy as np

import eipyomo as ei

HZ_PER_GHZ = 1e9


def nats(share: Any, snr: Any) -> Any:
    """Return b ln(1 + g/b), by which rates grow with shares of the band, (3) and (4).

    ``rel_entr(x, y)`` is x ln(x/y), so it is b ln c - rel_entr(b, (b + g)/c) for any c > 0. With
    c = 1 + g no argument is far from 1, whatever the signal-to-noise ratio.
    """
    scale = 1.0 + snr
    shifted = cp.multiply(1.0 / scale, share) + snr / scale
    return cp.multiply(np.log(scale), share) - cp.rel_entr(share, shifted)


def convex_part(
    instance: ei.Instance, download: Any, offload_fraction: Any
) -> tuple[float, ei.Allocation]:
    """Minimise WSEL over b, b̄, f and τ̂ at given a and ι, one per user, with Clarabel.

    Returns
    -------
    wsel, allocation
        What the conic solver says the optimum is, and its decisions.
    """
    data = instance.scaled
    a, offload = np.asarray(download, dtype=bool), np.asarray(offload_fraction, dtype=float)
    load_mbit = data.model_mbit + offload * data.task_mbit
    edge_s = data.gigacycles_per_mbit * offload * data.task_mbit / data.server_frequency_ghz
    work = (data.gigacycles_per_mbit * (1.0 - offload) * data.task_mbit)[a]
    fastest_ghz = data.max_frequency_ghz[a]

    up, latency_s, sync_s = cp.Variable(len(a)), cp.Variable(len(a)), cp.Variable()
    down, slowness = cp.Variable(int(a.sum())), cp.Variable(int(a.sum()))
    mbit_s = np.log(2.0) / data.bandwidth_mhz * cp.inv_pos(nats(up, data.uplink_snr))
    down_mbit_s = np.log(2.0) / data.bandwidth_mhz * cp.inv_pos(nats(down, data.downlink_snr[a]))
    download_s = data.model_mbit * down_mbit_s
    energy_j = data.local_training_j + cp.multiply(data.transmit_power_w * load_mbit, mbit_s)
    local_j = cp.multiply(data.receive_power_w[a], download_s)
    fastest_j = data.energy_coefficient[a] * fastest_ghz**2 * work
    local_j += cp.multiply(fastest_j, cp.power(slowness, -2))
    wsel = (
        data.energy_weight @ energy_j
        + data.energy_weight[a] @ local_j
        + data.latency_weight @ latency_s
    )
    end_s = latency_s + data.previous_download_s
    problem = cp.Problem(
        cp.Minimize(wsel),
        [
            cp.sum(up) + cp.sum(down) <= 1.0,
            sync_s >= data.upload_start_s + data.model_mbit * mbit_s,
            end_s >= sync_s + edge_s,
            end_s >= data.upload_start_s + cp.multiply(load_mbit, mbit_s) + edge_s,
            end_s[a] >= sync_s + download_s + cp.multiply(work / fastest_ghz, slowness),
            slowness >= 1.0,
        ],
    )
    problem.solve(solver=cp.CLARABEL)
    downlink_share, frequency_hz = np.zeros(len(a)), np.zeros(len(a))
    downlink_share[a] = down.value
    frequency_hz[a] = HZ_PER_GHZ * np.where(work > 0.0, fastest_ghz / slowness.value, 0.0)
    decided = ei.Allocation(
        names=data.names,
        sync_s=float(sync_s.value),
        download=a,
        offload_fraction=offload,
        frequency_hz=frequency_hz,
        uplink_share=up.value,
        downlink_share=downlink_share,
    )
    return float(problem.value), decided


if __name__ == "__main__":
    letter = ei.Instance.letter()
    result = ei.solve(letter)
    best = result.allocation
    assert best is not None
    value, allocation = convex_part(letter, best.download, best.offload_fraction)
    judged = ei.evaluate(letter, allocation)
    sys.stdout.write(
        f"exact {result.objective:.6f}, CVXPY {value:.6f}, evaluated {judged.objective:.6f}\n"
    )
    assert judged.feasible
    assert abs(value / result.objective - 1.0) < 1e-6
