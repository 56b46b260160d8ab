"""Instances and sub-problems for the tests of ADMM."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from eipyomo import Instance, physics
from eipyomo.scaled import Scaled
from eipyomo.solvers.admm.records import ANSWER, TARGET
from eipyomo.solvers.records import Records


@st.composite
def hostile_instances(draw: st.DrawFn, max_users: int = 5) -> Instance:
    """Draw an instance over the ranges that published work uses, degenerate users included."""

    def log_range(low: float, high: float) -> float:
        return float(np.exp(draw(st.floats(np.log(low), np.log(high)))))

    users = []
    for j in range(draw(st.integers(1, max_users))):
        energy_weight = draw(st.sampled_from([0.0, 0.01, 0.5, 0.9, 0.99]))
        users.append(
            {
                "name": f"user {j}",
                "channel_gain": log_range(1e-15, 1e-7),
                "task_bits": draw(st.sampled_from([0.0, 1.0])) * log_range(1e5, 1.2e9),
                "transmit_power_w": log_range(0.01, 1.0),
                "receive_power_w": draw(st.sampled_from([0.0, 1e-3, 0.1])),
                "noise_density_w_per_hz": 4e-21,
                "max_frequency_hz": log_range(1e7, 1e11),
                "energy_coefficient": draw(st.sampled_from([0.0, 1e-29, 5e-29, 1e-26])),
                "energy_weight": energy_weight,
                "latency_weight": 1.0 - energy_weight,
                "previous_download_s": draw(st.sampled_from([0.0, 1.0])),
                "local_training_s": draw(st.floats(0.0, 10.0)),
                "local_training_j": 0.04,
            }
        )
    return Instance.from_dict(
        {
            "schema": "eipyomo/instance@1",
            "name": "hostile",
            "bandwidth_hz": log_range(1e6, 8e7),
            "model_bits": log_range(2e6, 4.4e9),
            "cycles_per_bit": log_range(20, 3000),
            "server": {
                "transmit_power_w": 2.0,
                "frequency_hz": log_range(1e9, 1e11),
                "noise_density_w_per_hz": 4e-21,
            },
            "users": users,
        }
    )


def random_targets(data: Scaled, seed: int) -> Records:
    """Return what a coordinator could tell, of the size that it has in a run."""
    rng = np.random.default_rng(seed)
    users = len(data)
    share = rng.dirichlet(np.ones(2 * users))
    seconds = physics.seconds_per_mbit(0.5 / users, data.bandwidth_mhz, data.uplink_snr)
    upload_s = data.model_mbit * seconds
    targets = np.zeros(users, TARGET)
    targets["uplink_share"], targets["downlink_share"] = share[:users], share[users:]
    targets["sync_s"] = np.max(data.upload_start_s + upload_s) * rng.uniform(0.3, 1.2)
    size = float(np.mean(data.latency_weight * upload_s)) * users
    targets["uplink_penalty"] = targets["downlink_penalty"] = size * rng.uniform(0.1, 10.0)
    targets["sync_penalty"] = float(np.mean(data.latency_weight)) / upload_s.mean()
    targets["sync_penalty"] *= rng.uniform(0.1, 10.0)
    for name in ("uplink", "downlink"):
        targets[f"{name}_multiplier"] = size * rng.normal(0.1, 1.0, users)
    targets["sync_multiplier"] = data.latency_weight * rng.normal(-0.5, 1.0, users)
    return targets


def answers(download: bool, offload: float, users: int) -> Records:
    """Return ANSWER records that ask for given decisions."""
    records = np.zeros(users, ANSWER)
    records["download"], records["offload_fraction"] = download, offload
    return records


def augmented_cost(
    data: Scaled, j: int, target: Any, answer: Any, copies: tuple[float, float, float, float]
) -> float:
    """Return S of (18) at copies x, y, z and f, straight from (1)-(9) and (14).

    It is infinite where y is before the own upload, or f above its limit.
    """
    x, y, z, frequency_ghz = copies
    a, iota = bool(answer["download"]), float(answer["offload_fraction"])
    up = float(physics.seconds_per_mbit(x, data.bandwidth_mhz, data.uplink_snr[j]))
    upload_s = data.model_mbit * up
    offload_s = iota * data.task_mbit[j] * up
    if y < (data.upload_start_s[j] + upload_s) * (1 - 1e-12):
        return float("inf")
    if frequency_ghz > data.max_frequency_ghz[j] * (1 + 1e-12):
        return float("inf")
    ready_s = max(y, data.upload_start_s[j] + upload_s + offload_s)
    work = physics.local_gigacycles(iota, data.task_mbit[j], data.gigacycles_per_mbit)
    edge_work = physics.offloaded_gigacycles(iota, data.task_mbit[j], data.gigacycles_per_mbit)
    end_s = ready_s + edge_work / data.server_frequency_ghz
    energy_j = data.local_training_j[j] + data.transmit_power_w[j] * (upload_s + offload_s)
    if a:
        down = float(physics.seconds_per_mbit(z, data.bandwidth_mhz, data.downlink_snr[j]))
        download_s = data.model_mbit * down
        compute_s = work / frequency_ghz if work > 0 else 0.0
        end_s = max(end_s, y + download_s + compute_s)
        energy_j += data.receive_power_w[j] * download_s
        energy_j += physics.local_inference_energy_j(
            frequency_ghz, work, data.energy_coefficient[j]
        )
    cost = data.energy_weight[j] * energy_j
    cost += data.latency_weight[j] * (end_s - data.previous_download_s[j])
    pulls = ("uplink", x, "uplink_share"), ("sync", y, "sync_s"), ("downlink", z, "downlink_share")
    for block, copy, name in pulls:
        cost += target[f"{block}_multiplier"] * copy
        cost += 0.5 * target[f"{block}_penalty"] * (copy - target[name]) ** 2
    return float(cost)
