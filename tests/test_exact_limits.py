"""Limits in the exact method: weak duality, brute force, proofs of infeasibility, laws.

The optima of the letter's instance with deadlines lie between bounds that a piecewise relaxation of
the model proves and allocations that it finds, by an independent program.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import physics
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.solvers.exact import convex_rest, kernels, solve_exact
from eipyomo.solvers.exact.users import user_records
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference, slow_but
from tests.instances import KINDS, hostile


def with_limits(
    instance: ei.Instance, restriction: Restriction | None = None, /, **columns: FloatColumn | float
) -> Problem:
    """Return a problem whose users have limits; one number stands for all of them."""
    problem = Problem(instance, restriction or Restriction())
    data: Scaled = problem.data
    own: dict[str, Any] = {
        name: np.broadcast_to(column, len(data)).astype(float) for name, column in columns.items()
    }
    problem.__dict__["data"] = replace(data, **own)
    return problem


def limits_around(instance: ei.Instance, seed: int) -> tuple[Problem, ei.Allocation]:
    """Return a problem with random limits that a random allocation keeps."""
    draw, allocation = np.random.default_rng(seed), random_allocation(instance, seed)
    terms = ei.evaluate(instance, allocation).breakdown
    limits = []
    for column in (terms.latency_s, terms.energy_j):
        slack = draw.choice([1.0 + 1e-9, 1.001, 1.2], len(column))
        limits.append(np.where(draw.random(len(column)) < 0.6, column * slack, np.inf))
    boxes = {}
    for link in ("uplink", "downlink"):
        share, bounded = getattr(allocation, f"{link}_share"), draw.random((2, len(column))) < 0.3
        boxes[f"{link}_share_min"] = np.where(bounded[0], share * draw.choice([0.5, 1.0]), 0.0)
        most = np.where(share > 0.0, np.minimum(share * draw.choice([1.0, 1.5]), 1.0), 0.2)
        boxes[f"{link}_share_max"] = np.where(bounded[1], most, 1.0)
    problem = with_limits(instance, deadline_s=limits[0], energy_budget_j=limits[1], **boxes)
    assert ei.evaluate(problem, allocation).feasible
    return problem, allocation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", slow_but(range(30), *range(4)))
def test_any_multipliers_of_limits_stay_below_the_cost(seed: int, kind: str) -> None:
    """Weak duality for random δ and ε, against an allocation that keeps within the limits."""
    problem, allocation = limits_around(KINDS[kind](hostile(seed)), seed)
    users, draw = user_records(problem), np.random.default_rng(seed)
    cost = ei.evaluate(problem, allocation).breakdown.wsel
    served = allocation.edge_frequency_hz
    for _ in range(50):
        up, down, edge = (float(price) for price in 10.0 ** draw.uniform(-3.0, 3.0, 3))
        paid = cost + up * allocation.uplink_share + down * allocation.downlink_share
        paid = paid if served is None else paid + edge * served / 1e9
        at = kernels.DualPoint(allocation.sync_s, up, down, 0.0 if served is None else edge)
        for j, user in enumerate(users):
            delta, epsilon, eta = (float(one) for one in 10.0 ** draw.uniform(-3.0, 3.0, 3))
            delta = delta if np.isfinite(user["deadline_s"]) else 0.0
            epsilon = epsilon if np.isfinite(user["energy_left_j"]) else 0.0
            parts = draw.dirichlet(np.ones(3)) * (user["latency_weight"] + delta)
            download = bool(allocation.download[j])
            multipliers = kernels.Multipliers(
                parts[0] if download else 0.0, parts[1], eta, delta, epsilon
            )
            offload = float(allocation.offload_fraction[j])
            value = kernels.lagrangian(user, offload, download, multipliers, at)
            size = value.size + abs(value.sync_slope) * allocation.sync_s
            # The limits may be missed by rounding.
            missed = 1e-12 * (delta * user["deadline_s"] if delta else 0.0)
            assert value.cost <= paid[j] + 1e-12 * size + missed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", slow_but(range(24), *range(3)))
def test_a_bound_is_never_above_a_point_within_the_limits(seed: int, kind: str) -> None:
    """Feasible by construction: never "infeasible", and no bound above the allocation known."""
    problem, allocation = limits_around(KINDS[kind](hostile(seed)), seed)
    found = solve_exact(problem, gap=1e-5, time_limit=10.0)
    assert found.status != "infeasible"
    assert found.bound <= ei.evaluate(problem, allocation).objective * (1.0 + 1e-9)
    if found.allocation is not None:
        judged = ei.evaluate(problem, found.allocation)
        assert judged.feasible
        assert judged.objective >= found.bound


@pytest.mark.parametrize(
    ("deadline_s", "low", "high"),
    [(7.5, 4.09860, 4.09871), (7.0, 4.3376, 4.33795), (6.5, 4.5833, 4.5836)],
)
def test_the_letters_instance_with_deadlines(deadline_s: float, low: float, high: float) -> None:
    """The optimum lies where the relaxation encloses it."""
    found = solve_exact(with_limits(reference("letter-m4"), deadline_s=deadline_s))
    assert found.status == "optimal"
    assert found.objective is not None
    assert low <= found.bound <= found.objective <= high
    assert found.gap is not None
    assert found.gap <= 1e-6


@pytest.mark.parametrize("name", ["letter-m4", "letter-m2", "mixed-m4"])
@pytest.mark.parametrize("restriction", [Restriction(), Restriction.gbe()])
def test_limits_that_do_not_bind_change_nothing(name: str, restriction: Restriction) -> None:
    """Limits a little above what the optimum takes leave it where it is."""
    instance = reference(name)
    gap = 1e-6 if restriction.split_band else 1e-9
    best = solve_exact(Problem(instance, restriction), gap=gap)
    assert best.allocation is not None
    terms = ei.evaluate(Problem(instance, restriction), best.allocation).breakdown
    limits = {"deadline_s": terms.latency_s * 1.001, "energy_budget_j": terms.energy_j * 1.001}
    found = solve_exact(with_limits(instance, restriction, **limits), gap=gap)
    assert found.objective == pytest.approx(best.objective, rel=2.0 * gap)
    assert found.deadline_price is not None
    assert found.energy_price is not None
    assert not found.deadline_price.any()
    assert not found.energy_price.any()


@pytest.mark.parametrize("name", slow_but(VALUES, "letter-m2", "hostile-09", "letter-m4"))
def test_two_ways_to_one_optimum_agree_beyond_the_gap(name: str) -> None:
    """With limits that do not bind every reference instance has its optimum to 1e-9, at 1e-6."""
    instance = reference(name)
    best = solve_exact(Problem(instance))
    assert best.allocation is not None
    terms = ei.evaluate(instance, best.allocation).breakdown
    limits = {"deadline_s": terms.latency_s * 1.001, "energy_budget_j": terms.energy_j * 1.001}
    found = solve_exact(with_limits(instance, Restriction(), **limits))
    assert found.objective == pytest.approx(best.objective, rel=1e-9)


@pytest.mark.parametrize("limit", ["deadline_s", "energy_budget_j"])
def test_tightening_never_helps(limit: str) -> None:
    """Down to where nothing is feasible the optimum rises, and from there on nothing is."""
    instance = reference("letter-m4")
    best = solve_exact(Problem(instance))
    assert best.allocation is not None
    terms = ei.evaluate(instance, best.allocation).breakdown
    taken = terms.latency_s if limit == "deadline_s" else terms.energy_j
    last, ended = -np.inf, False
    for part in (1.0 + 1e-6, 0.97, 0.92, 0.85, 0.7, 0.5, 0.3):
        found = solve_exact(with_limits(instance, **{limit: taken * part}), gap=1e-6)
        assert found.status in ("optimal", "infeasible")
        ended = ended or found.status == "infeasible"
        assert ended == (found.status == "infeasible")
        if found.objective is not None:
            assert found.objective >= last * (1.0 - 1e-6)
            last = found.objective
    assert ended


@pytest.mark.parametrize("parts", [(0.9, np.inf), (np.inf, 0.9), (0.95, 0.9), (0.8, 1.1)])
def test_brute_force_over_one_user(parts: tuple[float, float]) -> None:
    """No point of a fine grid of (a, ι, f, b) within the limits costs less than the bound."""
    instance = ei.Instance.letter(users=1)
    best = solve_exact(Problem(instance))
    assert best.allocation is not None
    terms = ei.evaluate(instance, best.allocation).breakdown
    limits = terms.latency_s * parts[0], terms.energy_j * parts[1]
    found = solve_exact(with_limits(instance, deadline_s=limits[0], energy_budget_j=limits[1]))
    least = _least_on_a_grid(instance.scaled, *(float(limit[0]) for limit in limits))
    if found.status == "infeasible":
        assert least == np.inf
        return
    assert found.status == "optimal"
    assert found.objective is not None
    assert found.bound <= least
    assert least <= 1.02 * found.objective


def _least_on_a_grid(data: Scaled, deadline_s: float, budget_j: float) -> float:
    """Return the least cost of one user, whose sync is its own upload, by (1)-(9)."""
    share, part, offload = np.meshgrid(
        np.linspace(0.01, 0.99, 197), np.linspace(0.02, 1.0, 99), np.linspace(0.0, 1.0, 101)
    )
    frequency = part * data.max_frequency_ghz[0]
    least = np.inf
    for download in (False, True):
        taken = offload if download else np.ones_like(offload)
        b = share if download else part
        up_s = physics.seconds_per_mbit(b, data.bandwidth_mhz, data.uplink_snr[0])
        down_s = physics.seconds_per_mbit(1.0 - share, data.bandwidth_mhz, data.downlink_snr[0])
        work = data.gigacycles_per_mbit * data.task_mbit[0]
        sync_s = data.upload_start_s[0] + data.model_mbit * up_s
        edge_s = sync_s + taken * (data.task_mbit[0] * up_s + work / data.server_frequency_ghz)
        local_s = sync_s + data.model_mbit * down_s + (1.0 - taken) * work / frequency
        latency_s = np.maximum(edge_s, local_s) if download else edge_s
        latency_s = latency_s - data.previous_download_s[0]
        load = data.model_mbit + taken * data.task_mbit[0]
        energy_j = data.local_training_j[0] + data.transmit_power_w[0] * load * up_s
        if download:
            energy_j = energy_j + data.receive_power_w[0] * data.model_mbit * down_s
            energy_j += data.energy_coefficient[0] * frequency**2 * (1.0 - taken) * work
        cost = data.energy_weight[0] * energy_j + data.latency_weight[0] * latency_s
        kept = (latency_s <= deadline_s) & (energy_j <= budget_j)
        least = min(least, float(np.min(cost, where=kept, initial=np.inf)))
    return least


@pytest.mark.parametrize("limits", [(0.95, np.inf), (np.inf, 0.93), (0.97, 0.99)])
def test_enumeration_of_two_users(limits: tuple[float, float]) -> None:
    """On a grid of ι, the best convex rest within the limits is the optimum."""
    instance, steps = ei.Instance.letter(users=2), 5
    on_grid = Restriction(grid=steps)
    best = solve_exact(Problem(instance, on_grid))
    assert best.allocation is not None
    terms = ei.evaluate(instance, best.allocation).breakdown
    problem = with_limits(
        instance,
        on_grid,
        deadline_s=terms.latency_s * limits[0],
        energy_budget_j=terms.energy_j * limits[1],
    )
    one = [(True, k / steps) for k in range(steps + 1)] + [(False, 1.0)]
    least = np.inf
    for decisions in itertools.product(one, repeat=2):
        rest = convex_rest(problem, *map(np.array, zip(*decisions, strict=True)))
        judged = ei.evaluate(problem, rest.allocation)
        if judged.feasible:
            assert rest.bound <= judged.objective * (1.0 + 1e-9)
            least = min(least, judged.objective)
    found = solve_exact(problem)
    if found.status == "infeasible":
        assert least == np.inf
    else:
        assert found.objective == pytest.approx(least, rel=2e-6)


@pytest.mark.parametrize("limit", ["deadline_s", "energy_budget_j"])
def test_prices_of_limits_are_finite_differences(limit: str) -> None:
    """What one second or one joule more would save, user by user."""
    instance, step = reference("letter-m4"), 1e-3
    best = solve_exact(Problem(instance))
    assert best.allocation is not None
    terms = ei.evaluate(instance, best.allocation).breakdown
    column = np.full(4, 7.0) if limit == "deadline_s" else terms.energy_j * 0.95
    found = solve_exact(with_limits(instance, **{limit: column}), gap=1e-8)
    prices = found.deadline_price if limit == "deadline_s" else found.energy_price
    assert prices is not None
    assert prices.max() > 0.0
    for j in range(4):
        costs = []
        for sign in (-1.0, 1.0):
            moved = column.copy()
            moved[j] += sign * step * column[j]
            cost = solve_exact(with_limits(instance, **{limit: moved}), gap=1e-8).objective
            assert cost is not None
            costs.append(cost)
        saved = (costs[0] - costs[1]) / (2.0 * step * column[j])
        assert prices[j] == pytest.approx(saved, rel=0.02, abs=1e-4)


def test_what_cannot_be_met_is_proven_and_named() -> None:
    """One user's limit that no allocation keeps is the conflict."""
    instance = reference("letter-m4")
    name = instance.users[2].name
    for limit, value in (("deadline_s", 2.8), ("energy_budget_j", 0.05)):
        column = np.full(4, np.inf)
        column[2] = value
        found = solve_exact(with_limits(instance, **{limit: column}))
        assert found.status == "infeasible"
        assert found.bound == np.inf
        assert [(one.user, one.limit) for one in found.conflicts] == [(name, limit)]
        assert name in found.message


@pytest.mark.parametrize("link", ["uplink", "downlink"])
def test_shares_stay_within_their_bounds(link: str) -> None:
    """A bound that binds costs something; least shares beyond the band are a conflict."""
    instance = reference("letter-m4")
    best = solve_exact(Problem(instance))
    assert best.allocation is not None
    assert best.objective is not None
    share = getattr(best.allocation, f"{link}_share")
    j = int(np.argmax(share))
    for end, bound in (("min", 1.3 * share[j]), ("max", 0.7 * share[j])):
        column = np.full(4, 0.0 if end == "min" else 1.0)
        column[j] = bound
        found = solve_exact(with_limits(instance, **{f"{link}_share_{end}": column}))
        assert found.status == "optimal"
        assert found.objective is not None
        assert found.objective > best.objective
        assert found.allocation is not None
        ours = float(getattr(found.allocation, f"{link}_share")[j])
        assert ours == pytest.approx(bound, rel=1e-6) or not found.allocation.download[j]
    crowded = solve_exact(with_limits(instance, uplink_share_min=0.3))
    assert crowded.status == "infeasible"
    assert {one.limit for one in crowded.conflicts} == {"min_uplink_share"}


@pytest.mark.parametrize("restriction", [Restriction(), Restriction.gbe()])
def test_all_deadlines_together_are_a_conflict(restriction: Restriction) -> None:
    """Each could be met alone; the band is not enough for all of them."""
    instance = reference("letter-m4")
    for j in range(4):
        column = np.full(4, np.inf)
        column[j] = 5.75
        assert (
            solve_exact(with_limits(instance, restriction, deadline_s=column)).status == "optimal"
        )
    found = solve_exact(with_limits(instance, restriction, deadline_s=5.75))
    assert found.status == "infeasible"
    assert len(found.conflicts) > 1
