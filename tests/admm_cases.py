"""Sub-problems for the tests of ADMM."""

from __future__ import annotations

from typing import Any

import numpy as np

from eipyomo import physics
from eipyomo.scaled import Scaled
from eipyomo.solvers.admm.records import ANSWER, TARGET
from eipyomo.solvers.records import Records


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
    if data.total_frequency_ghz is not None:
        _tell_frequencies(targets, data, np.random.default_rng(seed + 100))
    return targets


def _tell_frequencies(targets: Records, data: Scaled, rng: np.random.Generator) -> None:
    """Fill in what a coordinator could tell of the edge's frequency."""
    users, equal_ghz = len(data), data.equal_frequency_ghz
    targets["edge_frequency_ghz"] = equal_ghz * rng.uniform(0.0, 2.0, users)
    slope = float(np.mean(data.latency_weight * data.task_mbit)) * data.gigacycles_per_mbit
    slope /= equal_ghz**2
    targets["edge_penalty"] = slope / equal_ghz * rng.uniform(0.02, 2.0)
    targets["edge_multiplier"] = slope * rng.normal(0.3, 1.0, users)


def answers(download: bool, offload: float, users: int) -> Records:
    """Return ANSWER records that ask for given decisions."""
    records = np.zeros(users, ANSWER)
    records["download"], records["offload_fraction"] = download, offload
    return records


def augmented_cost(
    data: Scaled, j: int, target: Any, answer: Any, copies: tuple[float, float, float, float, float]
) -> float:
    """Return S of (18) at copies x, y, z, v and f, straight from (1)-(9) and (14).

    It is infinite where y is before the own upload, f above its limit, or a share out of bounds.
    The frequency v at the edge counts only where it is limited. Missing a limit has its price.
    """
    x, y, z, edge_ghz, frequency_ghz = copies
    is_limited = data.total_frequency_ghz is not None
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
    served_ghz = edge_ghz if is_limited else data.server_frequency_ghz
    end_s = ready_s + (edge_work / served_ghz if edge_work > 0 else 0.0)
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
    latency_s = end_s - data.previous_download_s[j]
    cost = data.energy_weight[j] * energy_j + data.latency_weight[j] * latency_s
    for amount, limit in ((latency_s, data.deadline_s[j]), (energy_j, data.energy_budget_j[j])):
        if amount > limit:
            cost += target["limit_price"] * (amount / limit - 1.0)
    bounds = [(x, data.uplink_share_min[j], data.uplink_share_max[j])]
    bounds += [(z, data.downlink_share_min[j] if a else 0.0, data.downlink_share_max[j])]
    if not all(least <= share <= most for share, least, most in bounds):
        return float("inf")
    pulls = [
        ("uplink", x, "uplink_share"),
        ("sync", y, "sync_s"),
        ("downlink", z, "downlink_share"),
    ]
    if is_limited:
        pulls.append(("edge", edge_ghz, "edge_frequency_ghz"))
    for block, copy, name in pulls:
        cost += target[f"{block}_multiplier"] * copy
        cost += 0.5 * target[f"{block}_penalty"] * (copy - target[name]) ** 2
    return float(cost)
