"""The compiled sub-problem (18) at fixed a and ι: exact, and Proposition 1 in its exact form."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eipyomo import Instance, Problem, physics
from eipyomo.solvers.admm import kernel
from eipyomo.solvers.admm.agents import KernelAgents
from eipyomo.solvers.admm.kernel import edge_copy, solve_range
from eipyomo.solvers.admm.records import user_records
from eipyomo.solvers.admm.search import OffloadSearch
from eipyomo.solvers.records import Records
from tests.admm_cases import answers, augmented_cost, random_targets
from tests.conftest import reference
from tests.instances import FARTHER, KINDS, farther, hostile, limited


@settings(deadline=None)
@given(
    snr=st.floats(1e-6, 1e12),
    weight=st.floats(1e-6, 1e6),
    curvature=st.sampled_from([0.0, 1e-3, 10.0]),
    price=st.floats(-100.0, 100.0),
    penalty=st.floats(1e-3, 1e5),
    start=st.floats(0.0, 1.0),
)
def test_best_share_is_where_the_slope_changes_sign(
    snr: float, weight: float, curvature: float, price: float, penalty: float, start: float
) -> None:
    """A little less share has a negative slope, a little more a positive one, from any start."""
    data = (weight, curvature, price, penalty, snr, physics.LN2 / 20.0)
    x = kernel.best_share(*data, start, kernel.LAST_STEP).share
    assert 0.0 < x <= 1.0
    assert kernel.marginal(x * (1 - 1e-7), *data).slope <= 0.0
    if x < 1.0:
        assert kernel.marginal(x * (1 + 1e-7), *data).slope >= 0.0


@settings(deadline=None)
@given(share=st.floats(1e-6, 1.0), snr=st.floats(1e-6, 1e12))
def test_compiled_physics_is_the_physics(share: float, snr: float) -> None:
    """The kernel's s(b) and s'(b) are those of the physics module, the slope by differences."""
    unit_s = physics.LN2 / 20.0
    seconds = physics.seconds_per_mbit(share, 20.0, snr)
    assert kernel.seconds_per_mbit(share, snr, unit_s) == pytest.approx(seconds, rel=1e-13)
    step = 1e-5 * share
    difference = physics.seconds_per_mbit(share + step, 20.0, snr)
    difference = (difference - physics.seconds_per_mbit(share - step, 20.0, snr)) / (2 * step)
    slope = kernel.marginal(share, 1.0, 0.0, 0.0, 0.0, snr, unit_s).slope
    assert slope == pytest.approx(difference, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None)
@given(
    instance=farther(),
    seed=st.integers(0, 10**6),
    offload=st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]),
    download=st.booleans(),
)
def test_no_neighbour_is_better(
    kind: str, instance: Instance, seed: int, offload: float, download: bool
) -> None:
    """(18) at fixed a and ι is convex, so a point that no small move improves is optimal.

    The cost is computed anew from (1)-(9) and (14).
    """
    data = KINDS[kind](instance).scaled
    targets = random_targets(data, seed)
    found = answers(download, offload if download else 1.0, len(data))
    solve_range(user_records(data), targets, found, 0, len(data))
    rng = np.random.default_rng(seed)
    for j, (target, answer) in enumerate(zip(targets, found, strict=True)):
        x, y, z = (float(answer[name]) for name in ("uplink_share", "sync_s", "downlink_share"))
        best = (x, y, z, float(answer["edge_frequency_ghz"]), float(answer["frequency_ghz"]))
        cost = augmented_cost(data, j, target, answer, best)
        assert cost == pytest.approx(answer["value"], rel=1e-9, abs=1e-9)
        for size in (1e-5, 1e-3, 0.1):
            for _ in range(10):
                moved = np.array(best) * (1 + size * rng.uniform(-1, 1, 5))
                x, z = np.clip(moved[[0, 2]], 0.0, 1.0)
                # y follows x where the upload is what holds it.
                up = physics.seconds_per_mbit(x, data.bandwidth_mhz, data.uplink_snr[j])
                y = max(moved[1], data.upload_start_s[j] + data.model_mbit * up)
                v = min(moved[3], data.server_frequency_ghz)
                f = min(moved[4], data.max_frequency_ghz[j])
                other = augmented_cost(data, j, target, answer, (x, y, z, v, f))
                assert other >= cost - 1e-9 * (1.0 + abs(cost))


@settings(max_examples=100, deadline=None)
@given(
    instance=farther(),
    seed=st.integers(0, 10**6),
    offload=st.floats(0.0, 0.99),
)
def test_proposition_1_in_its_exact_form(instance: Instance, seed: int, offload: float) -> None:
    """The f is that of (19), and μ < w^t only where both branches end together."""
    data = instance.scaled
    found = answers(True, offload, len(data))
    solve_range(user_records(data), random_targets(data, seed), found, 0, len(data))
    for j, answer in enumerate(found):
        up = physics.seconds_per_mbit(
            answer["uplink_share"], data.bandwidth_mhz, data.uplink_snr[j]
        )
        down = physics.seconds_per_mbit(
            answer["downlink_share"], data.bandwidth_mhz, data.downlink_snr[j]
        )
        load = data.model_mbit + offload * data.task_mbit[j]
        ready_s = max(answer["sync_s"], data.upload_start_s[j] + load * up)
        edge_work = physics.offloaded_gigacycles(
            offload, data.task_mbit[j], data.gigacycles_per_mbit
        )
        edge_s = ready_s + edge_work / data.server_frequency_ghz
        local_s = answer["sync_s"] + data.model_mbit * down
        work = physics.local_gigacycles(offload, data.task_mbit[j], data.gigacycles_per_mbit)
        if work > 0:
            marginal = 2.0 * data.energy_weight[j] * data.energy_coefficient[j]
            unbounded = np.cbrt(answer["mu"] / marginal) if marginal > 0 else np.inf
            expected = min(unbounded, data.max_frequency_ghz[j])
            assert answer["frequency_ghz"] == pytest.approx(expected, rel=1e-9)
            local_s += work / answer["frequency_ghz"]
        else:
            assert answer["frequency_ghz"] == 0.0
        if answer["mu"] < data.latency_weight[j] * (1 - 1e-9):
            # Below that μ is 0: the local branch ends earlier whatever z and f are.
            if answer["mu"] > 1e-15:
                assert local_s == pytest.approx(edge_s, rel=1e-7)
        else:
            assert local_s >= edge_s * (1 - 1e-9)


def anywhere(test: Callable[..., None]) -> Any:
    """Run a test on instances of all kinds, at targets near and far, and at a few ι."""
    drawn = given(
        instance=farther(),
        seed=st.integers(0, 10**6),
        offload=st.sampled_from([0.0, 0.125, 0.5, 0.875, 1.0]),
    )
    few = settings(max_examples=40, deadline=None)
    return pytest.mark.parametrize("kind", KINDS)(few(drawn(test)))


@anywhere
def test_values_that_are_compared_are_good_to_rounding(
    kind: str, instance: Instance, seed: int, offload: float
) -> None:
    """S of a rough solution, whose errors count by their squares, is that of an exact one."""
    data = KINDS[kind](instance).scaled
    users, targets = user_records(data), random_targets(data, seed)
    rough, exact = (answers(True, offload, len(data)) for _ in range(2))
    solve_range(users, targets, exact, 0, len(data))
    for j, target in enumerate(targets):
        found = kernel.probe(users, j, target, rough[j])
        assert found.value == pytest.approx(exact[j]["value"], rel=1e-11, abs=1e-11)


@anywhere
@example(instance=hostile(1684, 4, FARTHER, 1 / 3), seed=165, offload=0.0)
def test_what_is_left_out_is_proven_to_find_nothing(
    kind: str, instance: Instance, seed: int, offload: float
) -> None:
    """With multipliers held the Lagrangian is no higher than S at any ι, and equal where solved.

    It is short of S by the square of what multipliers are off. In the example one is 5e-6, what is
    left of terms of 2, and off by 2 %: that costs 6e-10 of S, and makes the bound no less valid.
    """
    data = KINDS[kind](instance).scaled
    users, targets = user_records(data), random_targets(data, seed)
    known = answers(True, offload, len(data))
    for other in (0.0, 0.1, 0.125, 0.4, 0.9, 1.0):
        solved = answers(True, other, len(data))
        solve_range(users, targets, solved, 0, len(data))
        for j, target in enumerate(targets):
            best = kernel.probe(users, j, target, known[j])
            bound = kernel.lagrangian(users[j], target, best, offload, other)
            value = float(solved[j]["value"])
            assert bound <= value + 1e-10 * (1.0 + abs(value))
            if other == offload:
                assert bound >= value - 1e-8 * (1.0 + abs(value))


class Engine:
    """One compiled agent at given decisions, solved exactly each time; it counts the solves."""

    def __init__(self, users: Records, j: int) -> None:
        self.user = users[j : j + 1]
        self.solves = 0

    def solve(self, target: Records, download: bool, offload: float) -> Records:
        """Return one ANSWER record."""
        self.solves += 1
        answer = answers(download, offload, 1)
        solve_range(self.user, target, answer, 0, 1)
        return answer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["letter-m4", "mixed-m4", "letter-m12", "hostile-06"])
def test_the_compiled_search_decides_as_the_whole_one(name: str, kind: str) -> None:
    """Leaving out what is proven needless gives the a and ι of all 24 solves, and so the copies."""
    problem = Problem(KINDS[kind](reference(name)))
    search = OffloadSearch.of(problem, 8, 1e-3)
    agents = KernelAgents(problem.data, search)
    for seed in range(5):
        targets = random_targets(problem.data, seed)
        found = agents.step_one(targets)
        for j, answer in enumerate(found):
            engine = Engine(agents.users, j)
            whole = search.of_user(j).run(engine, targets[j : j + 1])[0]
            assert engine.solves == (24 if problem.data.task_mbit[j] > 0.0 else 2)
            for field in ("download", "offload_fraction"):
                assert answer[field] == whole[field]
            for field in ("value", "cost", "uplink_share", "sync_s", "downlink_share"):
                assert answer[field] == pytest.approx(whole[field], rel=1e-9, abs=1e-12)


def test_without_download_the_copy_minimises_its_penalty_alone() -> None:
    """For a = 0, z = (b̄ - ζ/c)^+, which need not be 0."""
    data = reference("letter-m4").scaled
    targets = random_targets(data, 4)
    found = answers(False, 1.0, 4)
    solve_range(user_records(data), targets, found, 0, 4)
    free = targets["downlink_share"] - targets["downlink_multiplier"] / targets["downlink_penalty"]
    assert (free > 0).any()
    assert (free < 0).any()
    assert found["downlink_share"] == pytest.approx(np.clip(free, 0.0, 1.0), abs=1e-15)


def test_the_copy_of_the_frequency_is_the_best_one() -> None:
    """No v on a fine grid costs less than the root of the cubic, whatever the coordinator says."""
    data = limited(reference("mixed-m4"), 0.3).scaled
    users = user_records(data)
    grid = data.server_frequency_ghz * np.linspace(1e-6, 1.0, 20_001)
    for seed, j in itertools.product(range(20), range(len(data))):
        target = random_targets(data, seed)[j]
        for weight, offload in itertools.product((0.0, 1e-6, 0.1), (0.0, 0.01, 1.0)):
            drive = weight * offload * users[j]["work_gigacycles"]

            def cost(v: Any, drive: float = drive, target: Any = target) -> Any:
                apart = v - target["edge_frequency_ghz"]
                pull = target["edge_multiplier"] * v + 0.5 * target["edge_penalty"] * apart**2
                return pull + (drive / v if drive > 0.0 else 0.0)

            v = edge_copy(users[j], target, offload, weight)
            assert 0.0 <= v <= data.server_frequency_ghz
            best = cost(grid).min()
            assert cost(v) <= best + 1e-9 * abs(best)
