"""What the bounds rest on: weak duality user by user, safe minima, the convex rest, brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import partial

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import physics
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.scaled import HZ_PER_GHZ
from eipyomo.solvers.exact import convex_rest, kernels, solve_exact
from eipyomo.solvers.exact.bounds import bound_lines
from eipyomo.solvers.exact.branching import BranchingDecision, IdenticalUsers, narrowed
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import cost_of, decided_records, rest_of
from eipyomo.solvers.exact.roots import Crossing, find_crossing
from eipyomo.solvers.exact.sync_time import Least
from eipyomo.solvers.exact.users import user_records
from tests.allocations import random_allocation, random_decisions
from tests.conftest import VALUES, reference, slow_but
from tests.instances import KINDS, hostile, limited


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", slow_but(range(20), *range(5)))
def test_any_multipliers_stay_below_the_cost(seed: int, kind: str) -> None:
    """Weak duality: G is below cost plus prices of random allocations for random multipliers."""
    instance = KINDS[kind](hostile(seed))
    users, draw = user_records(Problem(instance)), np.random.default_rng(seed)
    for number in range(20):
        allocation = random_allocation(instance, number)
        cost = ei.evaluate(instance, allocation).breakdown.wsel
        up, down, edge = (float(price) for price in 10.0 ** draw.uniform(-3.0, 3.0, 3))
        paid = cost + up * allocation.uplink_share + down * allocation.downlink_share
        if allocation.edge_frequency_hz is None:
            edge = 0.0
        else:
            paid = paid + edge * allocation.edge_frequency_hz / HZ_PER_GHZ
        terms = kernels.DualPoint(allocation.sync_s, up, down, edge)
        for j, user in enumerate(users):
            parts = draw.dirichlet(np.ones(3)) * user["latency_weight"]
            download = bool(allocation.download[j])
            multipliers = kernels.Multipliers(
                parts[0] if download else 0.0, parts[1], float(10.0 ** draw.uniform(-3, 3))
            )
            offload = float(allocation.offload_fraction[j])
            value = kernels.lagrangian(user, offload, download, multipliers, terms)
            size = value.size + abs(value.sync_slope) * allocation.sync_s
            assert value.cost <= paid[j] + 1e-12 * size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("download", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_best_multipliers_close_the_duality_gap(seed: int, download: bool, kind: str) -> None:
    """At fixed ι and t a user's Lagrangian meets the cost of its own shares and frequencies."""
    instance = KINDS[kind](reference("mixed-m4") if seed == 0 else hostile(seed))
    data, draw, met = instance.scaled, np.random.default_rng(seed), 0
    users = user_records(Problem(instance))
    for j, _ in itertools.product(range(len(users)), range(20)):
        offload = float(draw.choice([0.0, draw.uniform()])) if download else 1.0
        t = float(data.upload_start_s.max() * draw.uniform(1.1, 3.0))
        price, edge = float(10.0 ** draw.uniform(-2, 2)), float(10.0 ** draw.uniform(-4, 2))
        terms = kernels.DualPoint(t, price, price, edge if kind == "limited" else 0.0)
        multipliers, value = kernels.value_at(
            users[j], offload, download, terms, kernels.NOTHING_KNOWN
        )
        own = own_cost(instance, j, offload, download, value, multipliers, terms)
        if own is not None:
            assert value.cost == pytest.approx(own, rel=1e-9 if kind == "plain" else 1e-8)
            met += 1
    assert met > 5


def own_cost(
    instance: ei.Instance,
    j: int,
    offload: float,
    download: bool,
    value: kernels.Value,
    multipliers: kernels.Multipliers,
    terms: kernels.DualPoint,
) -> float | None:
    """Return what a user pays for shares and frequencies, and with them, by (1)-(9).

    None where the whole band is too little to upload before t.
    """
    data = instance.scaled
    up_s = physics.seconds_per_mbit(value.uplink_share, data.bandwidth_mhz, data.uplink_snr[j])
    if data.upload_start_s[j] + data.model_mbit * up_s > terms.t:
        return None
    load = data.model_mbit + offload * data.task_mbit[j]
    work = data.gigacycles_per_mbit * data.task_mbit[j]
    is_limited = data.total_frequency_ghz is not None
    served_ghz = value.edge_frequency_ghz if is_limited else data.server_frequency_ghz
    served_s = offload * work / served_ghz if offload * work > 0 else 0.0
    end_s = max(terms.t, data.upload_start_s[j] + load * up_s) + served_s
    energy_j = data.local_training_j[j] + data.transmit_power_w[j] * load * up_s
    if download:
        down_s = data.model_mbit * physics.seconds_per_mbit(
            value.downlink_share, data.bandwidth_mhz, data.downlink_snr[j]
        )
        user = user_records(Problem(instance))[j]
        own_ghz = kernels.best_frequency(user, user["cpu_weight"], multipliers.mu)
        cycles = (1.0 - offload) * work
        end_s = max(end_s, terms.t + down_s + cycles / own_ghz)
        energy_j += data.receive_power_w[j] * down_s
        energy_j += physics.local_inference_energy_j(own_ghz, cycles, data.energy_coefficient[j])
    cost = data.energy_weight[j] * energy_j
    cost += data.latency_weight[j] * (end_s - data.previous_download_s[j])
    cost += terms.uplink_price * value.uplink_share + terms.downlink_price * value.downlink_share
    return float(cost + (terms.edge_price * value.edge_frequency_ghz if is_limited else 0.0))


@pytest.mark.parametrize("snr", [1e-9, 1e-4, 0.3, 10.0, 1e5, 1e14])
def test_least_cost_is_below_every_share_and_tight(snr: float) -> None:
    """The safe minimum over shares is below a fine grid of them, and within 1e-6 of the best."""
    link = user_records(Problem(ei.Instance.letter(users=1)))["uplink"][:1].copy()
    link["snr"], link["unit_s"] = snr, math.log(2.0) / (20.0 * snr)
    link["efficiency_min"] = np.log1p(snr)
    link["log_marginal_min"] = kernels.log_marginal_times(link["efficiency_min"])
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
        (log_marginal,) = kernels.log_marginal_times(np.array([u]))
        found = kernels.efficiency_at_marginal_time(math.exp(log_marginal), log_marginal)
        assert found.at.u == pytest.approx(u, rel=1e-12)
        inverse = kernels.efficiency_at_time_factor(kernels.time_factor(u))
        assert inverse == pytest.approx(u, rel=1e-9 if u < 1e-4 else 1e-12)


def test_functions_of_the_spectral_efficiency_are_good_to_a_few_ulps() -> None:
    """e^u - 1 and u - 1 + e^-u beside 60 decimals, wherever u comes from: bounds grant them 8.

    Of a u that is rounded after a step, e^u - 1 is that of the u before.
    """
    few = 8 * 2.0**-52
    for wanted in map(float, np.geomspace(1e-9, 150.0, 300)):
        near, step = kernels.efficiency(wanted), 1e-5 * min(wanted, 1.0)
        marginal = kernels.marginal_time(near)
        for at in (
            near,
            kernels.efficiency_at_marginal_time(marginal, math.log(marginal)).at,
            kernels.efficiency_in_time(kernels.time_factor(wanted)),
            kernels.stepped(near, step),
        ):
            if at.u == 0.0:  # there is none where e^u - 1 is u
                continue
            with localcontext(prec=60):
                u, power = Decimal(at.u), Decimal(at.u).exp()
                assert abs(Decimal(at.grown) / (power - 1) - 1) <= few + at.u * 2.0**-53
                assert abs(Decimal(at.remainder) / (u - 1 + 1 / power) - 1) <= few


@pytest.mark.parametrize("name", [name for name in VALUES if "lco" in VALUES[name]])
def test_convex_rest_of_the_benchmarks(name: str) -> None:
    """LCO and ECO, the convex rest of fixed decisions, agree with Ipopt's values to 1e-7."""
    for key, download, offload in (("lco", True, 0.0), ("eco", False, 1.0)):
        instance = reference(name)
        rest = convex_rest(Problem(instance), download, offload)
        objective = ei.evaluate(instance, rest.allocation).objective
        assert objective == pytest.approx(VALUES[name][key], rel=1e-7)
        assert 0.0 <= objective - rest.bound <= 1e-9 * objective


@pytest.mark.parametrize("users", [None, 200])
@pytest.mark.parametrize("seed", slow_but(range(25), *range(3)))
def test_the_dual_tells_what_a_convex_rest_costs(seed: int, users: int | None) -> None:
    """Without an allocation, one after another, it is what its allocation costs by `evaluate`.

    So it is for few users, in compiled code, and for many. Where the cost is the same at many sync
    times, each may be found.
    """
    problem = Problem(hostile(seed) if users is None else ei.Instance.letter(users, seed=seed))
    draw, dual, start = np.random.default_rng(seed), Dual.of(problem), Least(0.0, 1e3, (0.0,))
    for _ in range(4):
        decisions = random_decisions(len(problem.data), draw)
        decided = decided_records(problem, *decisions)
        start = cost_of(dual, decided, start.sync_s, start.prices)
        there = rest_of(dual, decided, start.sync_s, start.prices)
        for rest in (convex_rest(problem, *decisions), there):
            judged = ei.evaluate(problem, rest.allocation)
            assert start.value == pytest.approx(judged.objective, rel=1e-10)


@pytest.mark.parametrize("part", [None, 1.0, 0.3, 0.01])
@pytest.mark.parametrize("split_band", [False, True])
@pytest.mark.parametrize("seed", slow_but(range(25), *range(3)))
def test_convex_rest_of_random_decisions(seed: int, split_band: bool, part: float | None) -> None:
    """The convex rest is feasible to the last bit and its bound is close, in any setting.

    To 1e-9, or to 1e-8 where the edge's frequency is limited to a part of M f_s.
    """
    instance = hostile(seed) if part is None else limited(hostile(seed), part)
    problem = Problem(instance, Restriction(split_band=split_band))
    draw, near = np.random.default_rng(seed), 1e-9 if part is None else 1e-8
    for _ in range(4):
        download, offload = random_decisions(len(problem.data), draw)
        rest = convex_rest(problem, download, offload)
        judged = ei.evaluate(problem, rest.allocation)
        assert judged.max_violation == 0.0
        assert 0.0 <= judged.objective - rest.bound <= near * judged.objective
        if split_band:
            assert rest.allocation.uplink_share.sum() <= 0.5
            assert rest.allocation.downlink_share.sum() <= 0.5


@pytest.mark.parametrize(("download", "offload"), [(False, 0.5), (True, 1.5), (True, np.nan)])
def test_convex_rest_refuses_impossible_decisions(download: bool, offload: float) -> None:
    """No local part without a download, and ι in [0, 1]."""
    with pytest.raises(ei.InputError, match="offload fraction"):
        convex_rest(Problem(reference("letter-m2")), download, offload)


@pytest.mark.slow
@pytest.mark.parametrize("split_band", [False, True])
@pytest.mark.parametrize(
    ("name", "part", "grid"),
    [
        ("letter-m2", None, 10),
        ("hostile-12", None, 10),
        ("hostile-18", None, 10),
        ("hostile-33", None, 4),
        ("letter-m2", 0.2, 5),
        ("hostile-12", 0.1, 5),
    ],
)
def test_brute_force_on_tiny_instances(
    name: str, part: float | None, grid: int, split_band: bool
) -> None:
    """The best of all decisions on a grid of ι, by convex rests, is what the exact method finds."""
    instance = reference(name) if part is None else limited(reference(name), part)
    free = Restriction(split_band=split_band)
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


@pytest.mark.parametrize("points", range(2, 30))
def test_a_branch_above_a_point_of_the_grid_keeps_the_next_one(points: int) -> None:
    """0.4 + 0.2 is more than 0.6 in floating point, which must not cut off the last point."""
    for last in range(1, points):
        restriction = Restriction(grid=points, offload_max=last / points)
        dual = Dual.of(Problem(ei.Instance.letter(users=1), restriction))
        identical = IdenticalUsers(dual.users, dual.domains)
        for at in range(last + 1):
            decision = BranchingDecision(0, at * dual.grid_step, high=True)
            domain = narrowed(dual.domains, (decision,), identical, dual.grid_step)[0]
            assert domain["local"] == (at < last)
            if domain["local"]:
                assert round(float(domain["offload_min"]) * points) == at + 1


def test_a_negligible_weight_costs_no_more_than_none() -> None:
    """Where a weight is next to nothing no logarithm overflows, and the bound is a number."""
    link = user_records(Problem(ei.Instance.letter(users=1)))[0]["uplink"]
    for weight in 10.0 ** np.arange(-320.0, 0.0, 3.0):
        for price in (1e-9, 1e-3, 1.0, 1e3):
            found = kernels.least_cost(weight, price, link)
            assert found.cost >= -1e-12 * price
            assert found.cost <= price * found.share * (1.0 + 1e-12) + weight * min(
                found.seconds, 1e99
            )


@pytest.mark.parametrize("users", [4, 10])
def test_level_lines_stay_below_the_dual_at_all_times(users: int) -> None:
    """Two ways to a bound at the optimal prices: lines made at one time, and answers at each."""
    problem = Problem(ei.Instance.letter(users=users, seed=2))
    found, dual = solve_exact(problem), Dual.of(problem)
    allocation = found.allocation
    assert allocation is not None
    rest = convex_rest(problem, allocation.download, allocation.offload_fraction, dual=dual)
    times = kernels.Times(dual.earliest_s, found.tree.last_s)
    lines = bound_lines(dual, rest.solutions, times, 1e-6 * rest.solutions.value)
    for sync_s in np.linspace(times.first * (1.0 + 1e-9), times.last, 30):
        value = dual.solve_users(rest.prices, float(sync_s)).value
        assert lines.bound_at(float(sync_s)) <= value + 1e-12 * abs(value)
    proven = lines.proven_times((1.0 - 3e-6) * rest.solutions.value)
    assert proven.first < rest.solutions.sync_s < proven.last
    assert lines.bound_at(proven.first) >= (1.0 - 3e-6) * rest.solutions.value
    assert lines.bound_at(proven.last) >= (1.0 - 3e-6) * rest.solutions.value


def test_one_proof_reaches_over_all_sync_times() -> None:
    """In the letter's setting with 100 users the dual is lowest in one place, and one node does."""
    assert solve_exact(Problem(ei.Instance.letter(users=100))).nodes == 1
