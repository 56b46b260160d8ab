"""Modes whose parts follow one another: the server waits for what the user computes and sends."""

from __future__ import annotations

import copy
import itertools
import json
import math
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import models, modes
from eipyomo.problem import Problem
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from tests.certificates import one_mode_each, proven
from tests.conftest import slow_but
from tests.independent_checker import BrokenError, check
from tests.test_modes import drawn

CUT: dict[str, Any] = {
    "name": "cut",
    "offload_bits": 8e6,
    "local_cycles": 1e9,
    "edge_cycles": 2e9,
    "download_bits": 4e6,
    "in_sequence": True,
}


def in_turn(seed: int, users: int = 2, count: int = 3) -> ei.Instance:
    """Return users of whose modes some follow in sequence; every fifth shares an edge CPU."""
    draw, instance = np.random.default_rng(1000 + seed), drawn(seed, users, count)
    assert instance.modes is not None
    lists = {
        name: [
            mode.replace(
                in_sequence=bool(draw.random() < 0.6),
                offload_bits=(mode.offload_bits or 0.0) + 5e6 * draw.integers(0, 2),
            )
            for mode in rows
        ]
        for name, rows in instance.modes.items()
    }
    instance = instance.replace(modes=lists)
    return instance.replace(server={"total_frequency_hz": 3e9}) if seed % 5 == 4 else instance


def with_list(rows: list[dict[str, Any]]) -> ei.Instance:
    """Return one of the letter's users with these modes."""
    base = ei.Instance.letter(users=1, seed=0)
    return base.replace(modes={"m": rows}, users={"eu1": {"modes": "m"}})


def test_times_add_up() -> None:
    """T = τ̂ + download + local + sending + edge - τ^md, each by (1)-(5), and so in the timeline."""
    instance = with_list([CUT])
    found = ei.solve(instance)
    assert found.allocation is not None
    assert found.evaluation is not None
    terms, plan = found.evaluation.breakdown, found.allocation
    data = instance.scaled
    rate = plan.uplink_share * data.bandwidth_mhz * np.log2(1 + data.uplink_snr / plan.uplink_share)
    down = plan.downlink_share * data.bandwidth_mhz
    down = down * np.log2(1 + data.downlink_snr / plan.downlink_share)
    own_s = 4.0 / down + 1.0 / (plan.frequency_hz / 1e9) + 8.0 / rate + 2.0 / 4.0
    assert terms.latency_s == pytest.approx(plan.sync_s + own_s - data.previous_download_s)
    phases = found.evaluation.timeline().set_index("phase")
    order = ["model upload", "model download", "local inference", "task offload", "edge inference"]
    for before, after in itertools.pairwise(order):
        assert phases["end_s"][before] <= phases["start_s"][after] + 1e-9
    assert phases["end_s"]["edge inference"] == pytest.approx(plan.sync_s + own_s[0])


def test_nothing_follows_where_a_part_is_missing() -> None:
    """All at the edge, and all local, are as they are side by side."""
    rows = [
        {"name": "edge", "offload_bits": 64e6, "local_cycles": 0.0, "in_sequence": True},
        {"name": "local", "local_cycles": 3.2e9, "in_sequence": True},
    ]
    columns = with_list(rows).scaled.modes
    assert columns is not None
    assert not columns.in_sequence.any()
    for row in rows:
        one, other = with_list([row]), with_list([{**row, "in_sequence": False}])
        assert ei.solve(one).objective == ei.solve(other).objective


def test_cuts_of_a_network_follow_in_sequence() -> None:
    """The first and the last of ``split`` are no cuts."""
    cuts = modes.split([("a", 1e9, 2e7), ("b", 1e9, 4e6), ("c", 1e9, 1e3)], input_bits=64e6)
    assert [one.in_sequence for one in cuts] == [None, True, True, None]
    weighed = modes.split([("a", 1e9, 2e7), ("b", 1e9, 4e6)], 64e6, weight_bits=[3.0, 5.0])
    assert [one.download_bits for one in weighed] == [0.0, 3.0, 8.0]
    with pytest.raises(ei.InputError, match="weight_bits has 1 numbers, but must have 2, as layer"):
        modes.split([("a", 1e9, 2e7), ("b", 1e9, 4e6)], 64e6, weight_bits=[3.0])


@pytest.mark.parametrize("seed", slow_but(range(12), 0, 4, 9))
def test_brute_force_over_combinations(seed: int) -> None:
    """Two users with three modes each: the best of nine instances with one mode each."""
    instance = in_turn(seed)
    best = min(proven(Problem.of(one)).cost for one in one_mode_each(instance))
    found = proven(Problem.of(instance)).cost
    assert found == (best if best == math.inf else pytest.approx(best, rel=1e-6))


@pytest.mark.parametrize("seed", slow_but([1, 3, 4, 6], 3))
def test_waiting_is_never_better(seed: int) -> None:
    """Side by side is a relaxation of in sequence."""
    instance = in_turn(seed)
    assert instance.modes is not None
    rows = {n: [m.replace(in_sequence=False) for m in own] for n, own in instance.modes.items()}
    beside = proven(Problem.of(instance.replace(modes=rows))).cost
    assert beside <= proven(Problem.of(instance)).cost * (1.0 + 1e-6)


@pytest.mark.parametrize("formulation", ["letter", "spectral", "grid"])
@pytest.mark.parametrize("seed", slow_but([0, 1, 4], 0, 4))
def test_models_add_times_up(seed: int, formulation: str) -> None:
    """The exact method's answer satisfies every row of a model, and costs the same there."""
    instance = in_turn(seed, 3, 4)
    found = ei.solve(instance)
    if found.allocation is None:
        return
    model = models.minlp(instance, formulation)
    models.load(model, found.allocation)
    assert models.largest_violation(model)[1] <= 1e-9
    assert model.wsel.expr() == pytest.approx(found.objective, rel=1e-12)


@pytest.mark.parametrize("objective", slow_but(["wsel", "band", "slowest"], "wsel"))
@pytest.mark.parametrize("seed", slow_but([0, 5], 5))
def test_the_relaxation_finds_the_same_optimum(seed: int, objective: str) -> None:
    """With deadlines that bind where WSEL is minimised, by rows that nothing of the dual knows."""
    instance = in_turn(seed, 3, 4)
    base = ei.solve(instance)
    assert base.evaluation is not None
    part = 0.98 if objective == "wsel" else 1.05
    seconds = np.maximum(base.evaluation.breakdown.latency_s, 0.3)
    names = base.evaluation.breakdown.names
    due = {n: {"deadline_s": part * float(s)} for n, s in zip(names, seconds, strict=True)}
    instance = instance.replace(users=due)
    exact = ei.solve(instance, gap=1e-7, objective=objective)
    other = ei.solve(instance, "milp", gap=1e-5, objective=objective)
    assert other.termination == exact.termination
    if exact.value is not None:
        assert other.value == pytest.approx(exact.value, rel=2e-5)


@pytest.mark.parametrize(("make", "seed"), slow_but([(drawn, 15), (in_turn, 4)]))
def test_the_least_latency_where_users_may_sit_out(make: Any, seed: int) -> None:
    """Near deadlines that a mode cannot keep, with participants, penalties, and an edge budget.

    A proof of infeasibility then has prices of several budgets, none of which may be left out. The
    relaxation, which knows nothing of prices, finds the same.
    """
    instance = make(seed, 3, 4)
    base = ei.solve(instance)
    assert base.evaluation is not None
    seconds = np.maximum(base.evaluation.breakdown.latency_s, 0.3)
    names = base.evaluation.breakdown.names
    due = {n: {"deadline_s": 1.05 * float(s)} for n, s in zip(names, seconds, strict=True)}
    instance = instance.replace(users=due)
    least = proven(Problem.of(instance, objective="slowest")).cost
    other = ei.solve(instance, "milp", gap=1e-5, objective="slowest")
    assert other.value == pytest.approx(least, rel=2e-5)


def test_a_multiplier_of_side_by_side_breaks_a_certificate() -> None:
    """ν2 has no meaning where the server waits; μ proves whatever it is up to W."""
    instance = with_list([CUT])
    document = json.loads(json.dumps(solve_exact(Problem.of(instance)).certificate()))
    leaves = [document["tree"]]
    for node in leaves:
        leaves += node.get("parts", [])
    proofs = [node["proof"] for node in leaves if "proof" in node]
    weaker, broken = copy.deepcopy(document), copy.deepcopy(document)
    assert proofs
    for changed, ready in ((weaker, 0.0), (broken, 1e-3)):
        waiting = [changed["tree"]]
        for node in waiting:
            waiting += node.get("parts", [])
            if "proof" in node:
                row = node["proof"]["users"][0]["modes"][0]
                row[1], row[2] = 0.5 * row[1], ready
    told = json.loads(json.dumps(instance.to_dict()))
    known = verify(instance, document).bound
    assert verify(instance, weaker).bound < known
    assert check(told, weaker).bound < known
    with pytest.raises(ei.InputError, match="a multiplier of an upload that is not there"):
        verify(instance, broken)
    with pytest.raises(BrokenError):
        check(told, broken)
