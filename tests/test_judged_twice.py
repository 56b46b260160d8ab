"""What is violated, and by how much, told a second time in SI units, one user after another."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import physics
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, Evaluation
from eipyomo.problem import Problem
from tests.allocations import random_allocation

Found = dict[str, tuple[str | None, float]]


def limited(seed: int) -> ei.Instance:
    """Return four users with limits of every kind, of which some allocations break some."""
    draw = np.random.default_rng(seed)
    users: dict[str, Any] = {
        "eu1": {"deadline_s": draw.uniform(4, 12), "max_uplink_share": 0.2},
        "eu2": {"energy_budget_j": draw.uniform(0.1, 1.0), "min_downlink_share": 0.1},
        "eu3": {"min_uplink_share": 0.1, "max_downlink_share": 0.1},
        "eu4": {"max_uplink_share": 1.0, "max_downlink_share": 1.0},
    }
    return ei.Instance.letter(seed=seed, total_frequency_ghz=6.0).replace(
        users=users,
        total_energy_budget_j=float(draw.uniform(0.5, 3.0)),
        total_latency_budget_s=float(draw.uniform(20, 60)),
    )


def broken(instance: ei.Instance, seed: int) -> ei.Allocation:
    """Return an allocation of which some decisions are moved, some beyond what is allowed."""
    draw, found = np.random.default_rng(seed), random_allocation(instance, seed)
    assert found.edge_frequency_hz is not None
    moved = draw.uniform(-0.7, 0.5, 4) * (draw.random(4) < 0.3)
    columns = {
        "offload_fraction": np.maximum(found.offload_fraction + moved, -0.1),
        "frequency_hz": found.frequency_hz * draw.choice([-1.0, 0.0, 1.0, 1.0, 1.0, 2.0], 4),
        "uplink_share": found.uplink_share * draw.choice([-1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 3.0], 4),
        "downlink_share": found.downlink_share * draw.choice([-1.0, 0.0, 1.0, 1.0, 1.0, 1.5], 4),
        "edge_frequency_hz": found.edge_frequency_hz * draw.choice([-1.0, 0.0, 1.0, 1.0, 4.0], 4),
        "sync_s": found.sync_s * draw.choice([0.5, 1.0, 1.0]),
    }
    return dataclasses.replace(found, **columns)


def seconds(bits: float, share: float, band: float, snr: float) -> float:
    """Return how long bits take over a share of a band; the SNR is that of the whole band."""
    if bits == 0.0:
        return 0.0
    return math.inf if share <= 0.0 else bits / (share * band * math.log2(1.0 + snr / share))


def beyond(used: float, limit: float | None) -> float:
    """Return by how much a limit is exceeded, relative to it."""
    if limit is None:
        return 0.0
    return (used - limit) / limit if math.isfinite(used) else 1.0


def violated(instance: ei.Instance, allocation: ei.Allocation) -> Found:
    """Return what is violated, at which user, and by how much, from the letter's formulas."""
    server, band = instance.server, instance.bandwidth_hz
    every: dict[str, list[float]] = {}
    energies, latencies, uploaded, served = [], [], [], allocation.edge_frequency_hz
    assert served is not None

    for j, user in enumerate(instance.users):
        a, part = bool(allocation.download[j]), float(allocation.offload_fraction[j])
        up, down = float(allocation.uplink_share[j]), float(allocation.downlink_share[j])
        f, f_s, h = float(allocation.frequency_hz[j]), float(served[j]), user.channel_gain
        p, snr = user.transmit_power_w, user.transmit_power_w * h / band
        snr /= server.noise_density_w_per_hz
        upload = seconds(instance.model_bits, up, band, snr)
        offload = math.copysign(seconds(abs(part) * user.task_bits, up, band, snr), part)
        download, local = 0.0, 0.0
        cycles = instance.cycles_per_bit * user.task_bits
        if a:
            snr = server.transmit_power_w * h / (band * user.noise_density_w_per_hz)
            download = seconds(instance.model_bits, down, band, snr)
            work = cycles * (1.0 - part)
            local = 0.0 if work == 0.0 else work / f if f > 0.0 else math.copysign(math.inf, work)
        edge = cycles * part
        inference = 0.0 if edge == 0.0 else edge / f_s if f_s > 0 else math.copysign(math.inf, edge)
        trained = user.previous_download_s + user.local_training_s
        ready = float(np.maximum(allocation.sync_s, trained + upload + offload))
        end = ready + inference
        if a:
            end = float(np.maximum(end, allocation.sync_s + download + local))
        energy = user.local_training_j + p * (upload + offload) + user.receive_power_w * download
        energy += user.energy_coefficient * f**2 * cycles * (1.0 - part) if a else 0.0
        uploaded.append(trained + upload)
        energies.append(energy)
        latencies.append(end - user.previous_download_s)
        for name, amount in {
            "uplink share >= 0 (10b)": -up,
            "downlink share >= 0 (10b)": -down,
            "an uplink share to upload with (5)": float(up <= 0),
            "a downlink share to download with (5)": float(a and down <= 0),
            "frequency <= f_max (10c)": f / user.max_frequency_hz - 1.0,
            "frequency >= 0 (10c)": -f / user.max_frequency_hz,
            "a frequency to compute with (1)": float(math.isinf(local)),
            "edge frequency <= f_s (2)": f_s / server.frequency_hz - 1.0,
            "edge frequency >= 0 (2)": -f_s / server.frequency_hz,
            "a frequency to compute with at the edge (2)": float(math.isinf(inference)),
            "offload fraction >= 0 (10d)": -part,
            "offload fraction <= 1 (10d)": part - 1.0,
            "no local part without download (10d)": 0.0 if a else 1.0 - part,
            "latency <= its deadline": beyond(latencies[-1], user.deadline_s),
            "energy <= its budget": beyond(energy, user.energy_budget_j),
            "uplink share >= its least": (user.min_uplink_share or 0.0) - up,
            "uplink share <= its most": up - (user.max_uplink_share or math.inf)
            if user.max_uplink_share != 1.0
            else 0.0,
            "downlink share >= its least": ((user.min_downlink_share or 0.0) - down) * a,
            "downlink share <= its most": down - (user.max_downlink_share or math.inf)
            if a and user.max_downlink_share != 1.0
            else 0.0,
        }.items():
            every.setdefault(name, []).append(amount)
    last = max(uploaded)
    every["sync time after every upload (6)"] = [
        (one - allocation.sync_s) / last if math.isfinite(one) else 0.0 for one in uploaded
    ]
    shares = float(allocation.uplink_share.sum() + allocation.downlink_share.sum())
    total_hz = float(server.total_frequency_hz or 0.0)
    found: Found = {
        "bandwidth budget (10b)": (None, shares - 1.0),
        "edge frequency budget (footnote 2)": (None, beyond(float(served.sum()), total_hz)),
        "total energy (sum of (8))": (None, beyond(sum(energies), instance.total_energy_budget_j)),
        "total latency (sum of (9))": (
            None,
            beyond(sum(latencies), instance.total_latency_budget_s),
        ),
    }
    for name, amounts in every.items():
        worst = int(np.argmax(amounts))
        found[name] = (instance.users[worst].name, amounts[worst])
    return {name: one for name, one in found.items() if one[1] > 1e-12}


def told(evaluation: Evaluation) -> Found:
    """Return the violations of an evaluation, without those of rounding."""
    assert list(evaluation.violations) == sorted(
        evaluation.violations, key=lambda one: one.amount, reverse=True
    )
    return {
        one.constraint: (one.user, one.amount)
        for one in evaluation.violations
        if one.amount > 1e-12
    }


def test_every_violation_is_found_a_second_time() -> None:
    """The names, users and amounts of 150 allocations, whatever is wrong with them."""
    met = set()
    for seed in range(150):
        instance = limited(seed)
        allocation = broken(instance, seed)
        expected, found = violated(instance, allocation), told(ei.evaluate(instance, allocation))
        assert set(found) == set(expected)
        for name, (user, amount) in expected.items():
            assert found[name][0] == user, name
            assert found[name][1] == pytest.approx(amount, rel=1e-9, abs=1e-12), name
        met |= set(found)
    assert len(met) == 24, met


def test_the_tolerance_is_where_the_manual_says(letter: ei.Instance) -> None:
    """What is beyond by 9e-7 is feasible, by 1.1e-6 it is not; both are told."""
    assert FEASIBILITY_TOLERANCE == 1e-6
    good = random_allocation(letter, 1)
    total = good.uplink_share.sum() + good.downlink_share.sum()
    for over, feasible in ((9e-7, True), (1.1e-6, False)):
        up, down = (
            column / total * (1.0 + over) for column in (good.uplink_share, good.downlink_share)
        )
        wide = dataclasses.replace(
            good, uplink_share=up, downlink_share=down, sync_s=2.0 * good.sync_s
        )
        judged = ei.evaluate(letter, wide)
        assert judged.max_violation == pytest.approx(over, rel=1e-6)
        assert judged.feasible is feasible
        document = judged.to_dict()
        assert document["violated"] == str(judged.violations[0])
        assert (document["objective"], document["value"]) == (judged.objective, judged.value)
        assert repr(judged).startswith("<Evaluation '4 users': " + "not " * (not feasible))
        assert (str(judged.violations[0]) in repr(judged)) is not feasible
    half = dataclasses.replace(
        good, uplink_share=good.uplink_share / 2, downlink_share=good.downlink_share / 2, sync_s=1e3
    )
    kept = ei.evaluate(letter, half)
    assert kept.violations == ()
    assert (kept.to_dict()["violated"], kept.to_dict()["max_violation"]) == (None, 0.0)
    stopped = ei.evaluate(letter, dataclasses.replace(good, uplink_share=np.zeros(4))).to_dict()
    assert (stopped["objective"], stopped["value"]) == (None, None)


MODES: list[dict[str, Any]] = [
    {"name": "idle", "update_bits": 0.0, "training_s": 0.0, "training_j": 0.0, "penalty": 0.25},
    {"name": "split", "offload_bits": 16e6, "edge_cycles": 4e8, "download_bits": 2e6},
    {"name": "in turn", "offload_bits": 8e6, "local_cycles": 1e9, "in_sequence": True},
    {"name": "edge", "offload_bits": 64e6, "local_cycles": 0.0, "training_j": 0.5},
]


def test_modes_are_judged_a_second_time() -> None:
    """Latency, energy and cost of users in any of four modes, from their own data."""
    lists = {"eu1": {"modes": "m"}, "eu2": {"modes": "m"}, "eu3": {"modes": "m"}}
    instance = ei.Instance.letter().replace(modes={"m": MODES}, users=lists)
    bits, cycles = instance.model_bits, instance.cycles_per_bit
    for seed in range(40):
        draw = np.random.default_rng(seed)
        own = random_allocation(instance, seed, downloads=True)
        rows = [MODES[k] for k in draw.integers(0, 4, 3)]
        allocation = dataclasses.replace(own, mode=(*[row["name"] for row in rows], None))
        judged = ei.evaluate(instance, allocation)
        terms = judged.breakdown
        for j, row in enumerate(rows):
            user, sync = instance.users[j], allocation.sync_s
            sent, update = row.get("offload_bits", 0.0), row.get("update_bits", bits)
            edge = row.get("edge_cycles", cycles * sent)
            local = row.get("local_cycles", max(cycles * user.task_bits - edge, 0.0))
            got = row.get("download_bits", bits if local > 0.0 else 0.0)
            width = allocation.uplink_share[j] * instance.bandwidth_hz
            noise = width * instance.server.noise_density_w_per_hz
            rate = width * math.log2(1.0 + user.transmit_power_w * user.channel_gain / noise)
            width = allocation.downlink_share[j] * instance.bandwidth_hz
            noise = width * user.noise_density_w_per_hz
            power = instance.server.transmit_power_w * user.channel_gain / noise
            down_s = got / (width * math.log2(1.0 + power))
            start = user.previous_download_s + row.get("training_s", user.local_training_s)
            f = float(allocation.frequency_hz[j])
            done = sync + down_s + local / f if local or got else -math.inf
            if row.get("in_sequence"):
                ready = done + sent / rate
            else:
                ready = max(sync, start + (update + sent) / rate if update + sent else -math.inf)
            end = max(done, ready + edge / instance.server.frequency_hz)
            energy = row.get("training_j", user.local_training_j)
            energy += user.transmit_power_w * (update + sent) / rate + user.receive_power_w * down_s
            energy += user.energy_coefficient * f**2 * local
            latency = end - user.previous_download_s
            cost = user.energy_weight * energy + user.latency_weight * latency
            assert terms.latency_s[j] == pytest.approx(latency, rel=1e-12)
            assert terms.energy_j[j] == pytest.approx(energy, rel=1e-12)
            assert terms.wsel[j] == pytest.approx(cost + row.get("penalty", 0.0), rel=1e-12)
            assert terms.sits_out is not None
            assert terms.sits_out[j] == (update == 0.0)
        wrong = {one.constraint for one in judged.violations}
        assert ("download as the mode says" in wrong) == any(row["name"] == "edge" for row in rows)
        closed = ei.evaluate(Problem.of(instance, "lco"), allocation).violations
        worst = [
            one.user for one in closed if one.constraint == "an open mode in the problem 'lco'"
        ]
        expected = [j for j, row in enumerate(rows) if row["name"] != "idle"]
        assert worst == [f"eu{j + 1}" for j in expected[:1]]
        phases = judged.timeline()
        for j, row in enumerate(rows):
            if row.get("in_sequence"):
                mine = phases[phases["user"] == f"eu{j + 1}"].set_index("phase")
                assert mine.loc["task offload", "start_s"] == pytest.approx(
                    mine.loc["local inference", "end_s"], rel=1e-12
                )
    early = dataclasses.replace(allocation, sync_s=-0.5)
    found = {one.constraint: one.amount for one in ei.evaluate(instance, early).violations}
    assert found["sync time >= 0 (6)"] == 0.5


def test_shares_and_spectral_efficiencies_are_one_another() -> None:
    """A share has the spectral efficiency at which it is the share, and the rate that follows."""
    shares = np.array([1e-3, 0.1, 1.0])
    nats = physics.nats_at(shares, 7.0)
    assert physics.share_at(nats, 7.0) == pytest.approx(shares, rel=1e-12)
    rates = physics.rate_mbit_per_s(shares, 20.0, 7.0)
    assert rates == pytest.approx(shares * 20.0 * nats / math.log(2.0), rel=1e-12)
