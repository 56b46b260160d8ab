"""What the bounds rest on: weak duality user by user, safe minima, the convex rest, brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import physics
from eipyomo.problem import Problem, Restriction
from eipyomo.solvers.exact import convex_rest, kernels, solve_exact
from eipyomo.solvers.exact.roots import Crossing, find_crossing
from eipyomo.solvers.exact.users import user_records
from tests.allocations import random_allocation, random_decisions
from tests.conftest import VALUES, reference, slow_but
from tests.instances import hostile


@pytest.mark.parametrize("seed", range(20))
def test_any_multipliers_stay_below_the_cost(seed: int) -> None:
    """Weak duality: G is below cost plus price of random allocations for random multipliers."""
    instance = hostile(seed)
    users, draw = user_records(Problem(instance)), np.random.default_rng(seed)
    for number in range(20):
        allocation = random_allocation(instance, number)
        cost = ei.evaluate(instance, allocation).breakdown.wsel
        up, down = (float(price) for price in 10.0 ** draw.uniform(-3.0, 3.0, 2))
        for j, user in enumerate(users):
            parts = draw.dirichlet(np.ones(3)) * user["latency_weight"]
            local = parts[0] if allocation.download[j] else 0.0
            multipliers = kernels.Multipliers(local, parts[1], float(10.0 ** draw.uniform(-3, 3)))
            value = kernels.lagrangian(
                user,
                float(allocation.offload_fraction[j]),
                bool(allocation.download[j]),
                multipliers,
                kernels.DualPoint(allocation.sync_s, up, down),
            )
            paid = cost[j] + up * allocation.uplink_share[j] + down * allocation.downlink_share[j]
            size = value.size + abs(value.sync_slope) * allocation.sync_s
            assert value.cost <= paid + 1e-12 * size


@pytest.mark.parametrize("download", [False, True])
def test_best_multipliers_close_the_duality_gap(download: bool) -> None:
    """At fixed ι and t a user's Lagrangian meets the cost of its own shares: both are exact."""
    instance = reference("mixed-m4")
    scaled, users = instance.scaled, user_records(Problem(instance))
    t, price = float(scaled.upload_start_s.max()) + 3.0, 0.7
    point = kernels.DualPoint(t, price, price)
    for j, offload in itertools.product(range(4), (0.0, 0.3, 0.8) if download else (1.0,)):
        multipliers, value = kernels.value_at(users[j], offload, download, point)
        work = scaled.gigacycles_per_mbit * scaled.task_mbit[j]
        load = scaled.model_mbit + offload * scaled.task_mbit[j]
        up = physics.seconds_per_mbit(
            value.uplink_share, scaled.bandwidth_mhz, scaled.uplink_snr[j]
        )
        ready = max(t, scaled.upload_start_s[j] + load * up)
        latency = ready + offload * work / scaled.server_frequency_ghz
        energy = scaled.local_training_j[j] + scaled.transmit_power_w[j] * load * up
        if download:
            down = scaled.model_mbit * physics.seconds_per_mbit(
                value.downlink_share, scaled.bandwidth_mhz, scaled.downlink_snr[j]
            )
            frequency = kernels.best_frequency(users[j], multipliers.mu)
            cycles = (1.0 - offload) * work
            latency = max(latency, t + down + cycles / frequency)
            energy += scaled.receive_power_w[j] * down
            energy += physics.local_inference_energy_j(
                frequency, cycles, scaled.energy_coefficient[j]
            )
        cost = scaled.energy_weight[j] * energy + price * (
            value.uplink_share + value.downlink_share
        )
        cost += scaled.latency_weight[j] * (latency - scaled.previous_download_s[j])
        assert value.cost == pytest.approx(cost, rel=1e-9)


@pytest.mark.parametrize("snr", [1e-9, 1e-4, 0.3, 10.0, 1e5, 1e14])
def test_least_cost_is_below_every_share_and_tight(snr: float) -> None:
    """The safe minimum over shares is below a fine grid of them, and within 1e-6 of the best."""
    link = user_records(Problem(ei.Instance.letter(users=1)))["uplink"][:1].copy()
    link["snr"], link["unit_s"] = snr, math.log(2.0) / (20.0 * snr)
    link["efficiency_min"] = np.log1p(snr)
    link["log_marginal_min"] = np.log(kernels.marginal_time(float(np.log1p(snr))))
    shares = np.geomspace(1e-9, 1.0, 200_001)
    seconds = physics.seconds_per_mbit(shares, 20.0, snr)
    for ratio in 10.0 ** np.arange(-6.0, 7.0):
        answer = kernels.least_cost(1.0, float(ratio), link[0])
        costs = seconds + ratio * shares
        assert answer.cost <= costs.min() * (1.0 + 1e-13)
        assert answer.cost == pytest.approx(costs.min(), rel=1e-6)
        assert 0.0 < answer.share <= 1.0 + 1e-12


def test_functions_of_the_spectral_efficiency_are_inverted() -> None:
    """Both inverses of functions of u are good to rounding over its whole range."""
    for u in map(float, np.geomspace(1e-6, 75.0, 300)):
        inverse = kernels.efficiency_at_marginal_time(math.log(kernels.marginal_time(u)))
        assert inverse == pytest.approx(u, rel=1e-12)
        inverse = kernels.efficiency_at_time_factor(kernels.time_factor(u))
        assert inverse == pytest.approx(u, rel=1e-9 if u < 1e-4 else 1e-12)


@pytest.mark.parametrize("name", [name for name in VALUES if "lco" in VALUES[name]])
def test_convex_rest_of_the_benchmarks(name: str) -> None:
    """LCO and ECO, the convex rest of fixed decisions, agree with Ipopt's values to 1e-7."""
    for key, download, offload in (("lco", True, 0.0), ("eco", False, 1.0)):
        instance = reference(name)
        rest = convex_rest(Problem(instance), download, offload)
        objective = ei.evaluate(instance, rest.allocation).objective
        assert objective == pytest.approx(VALUES[name][key], rel=1e-7)
        assert 0.0 <= objective - rest.bound <= 1e-9 * objective


@pytest.mark.parametrize("split_band", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_convex_rest_of_random_decisions(seed: int, split_band: bool) -> None:
    """The convex rest is feasible to the last bit and its bound is 1e-9 close, in any setting."""
    problem = Problem(hostile(seed), Restriction(split_band=split_band))
    draw = np.random.default_rng(seed)
    for _ in range(4):
        download, offload = random_decisions(len(problem.data), draw)
        rest = convex_rest(problem, download, offload)
        judged = ei.evaluate(problem, rest.allocation)
        assert judged.max_violation == 0.0
        assert 0.0 <= judged.objective - rest.bound <= 1e-9 * judged.objective
        if split_band:
            assert rest.allocation.uplink_share.sum() <= 0.5
            assert rest.allocation.downlink_share.sum() <= 0.5


@pytest.mark.parametrize(("download", "offload"), [(False, 0.5), (True, 1.5), (True, np.nan)])
def test_convex_rest_refuses_impossible_decisions(download: bool, offload: float) -> None:
    """No local part without a download, and ι in [0, 1]."""
    with pytest.raises(ei.InputError, match="offload fraction"):
        convex_rest(Problem(reference("letter-m2")), download, offload)


@pytest.mark.parametrize("split_band", [False, True])
@pytest.mark.parametrize(
    "name", slow_but(["letter-m2", "hostile-12", "hostile-18", "hostile-33"], "hostile-12")
)
def test_brute_force_on_tiny_instances(name: str, split_band: bool) -> None:
    """The best of all decisions on a grid of ι, by convex rests, is what the exact method finds."""
    instance, free = reference(name), Restriction(split_band=split_band)
    grid = 10 if len(instance.users) == 2 else 4
    options = [(True, k / grid) for k in range(grid + 1)] + [(False, 1.0)]
    problem, least = Problem(instance, free), np.inf
    for decisions in itertools.product(options, repeat=len(instance.users)):
        download, offload = zip(*decisions, strict=True)
        rest = convex_rest(problem, download, offload)
        least = min(least, ei.evaluate(problem, rest.allocation).objective)
    on_grid = Problem(instance, Restriction(grid=grid, split_band=split_band))
    assert solve_exact(on_grid).objective == pytest.approx(least, rel=1e-6)
    assert solve_exact(problem).bound <= least


def test_crossings_are_bracketed_through_plateaus_and_jumps() -> None:
    """A crossing is found on a plateau, behind one, and in a jump."""

    def narrow(crossing: Crossing[None]) -> bool:
        before, after = crossing.before, crossing.after
        return before is not None and after is not None and after.x - before.x < 1e-9

    functions: dict[float, Callable[[float], float]] = {
        1.0: lambda x: 1.0 - x,
        3.0: lambda x: 2.0 if x < 3.0 else -2.0,
        5.0: lambda x: 1e-4 if x < 5.0 else 5.0 - x,
    }
    for place, function in functions.items():
        value = partial(_without_findings, function)
        crossing = find_crossing(value, 0.0, -20.0, 20.0, slope=-0.5, enough=narrow)
        assert crossing.before is not None
        assert crossing.after is not None
        assert crossing.before.x <= place <= crossing.after.x
        assert crossing.after.x - crossing.before.x < 1e-8
    never = find_crossing(lambda _: (1.0, None), 0.0, -2.0, 2.0, slope=-0.5, enough=narrow)
    assert never.after is None
    assert never.before is not None
    assert never.before.x == 2.0


def _without_findings(function: Callable[[float], float], x: float) -> tuple[float, None]:
    return function(x), None
