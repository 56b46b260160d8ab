"""Deadlines, energy budgets and bounds on shares in ADMM: its sub-problems, and its answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import physics, plotting
from eipyomo.solvers import backends
from eipyomo.solvers.admm.kernel import solve_range
from eipyomo.solvers.admm.pyomo_agents import PyomoAgent, horizons_s
from eipyomo.solvers.admm.records import user_records
from eipyomo.solvers.admm.start import limit_price, scaled_penalties
from eipyomo.solvers.backends.worker import Worker
from eipyomo.solvers.records import Records
from tests.admm_cases import answers, augmented_cost, random_targets
from tests.conftest import names_up_to, reference, slow_but, solve_admm
from tests.instances import KINDS, LIMITS, hostile

M2, M4 = reference("letter-m2"), reference("letter-m4")

DECISIONS = ((True, 0.0), (True, 0.3), (True, 0.95), (False, 1.0))

SETS: dict[str, tuple[tuple[str, ...], float]] = {
    "deadlines": (("deadline_s",), 0.97),
    "budgets": (("energy_budget_j",), 0.92),
    "both": (("deadline_s", "energy_budget_j"), 0.97),
    "hopeless": (("deadline_s", "energy_budget_j"), 0.5),
    "shares": (("max_uplink_share", "min_downlink_share"), 0.9),
    "all": (("deadline_s", "max_uplink_share", "min_downlink_share", "energy_budget_j"), 0.97),
}
"""Limits that all users have, and the part of them that the optimum of (10) has."""


def limited(instance: ei.Instance, limits: str) -> ei.Instance:
    """Return an instance with a set of limits."""
    keys, part = SETS[limits]
    best = ei.solve(instance, "exact").allocation
    assert best is not None
    for key in keys:
        instance = LIMITS[key](instance, best, part)
    return instance


def sub_problems(instance: ei.Instance, seeds: int) -> Iterator[tuple[Records, Records]]:
    """Yield what a coordinator could tell the agents, and what the compiled ones answer."""
    problem = ei.Problem.of(instance)
    data = problem.data
    for seed in range(seeds):
        targets = random_targets(data, seed)
        targets["limit_price"] = limit_price(data, scaled_penalties(problem))
        for download, offload in DECISIONS:
            found = answers(download, offload, len(data))
            solve_range(user_records(data), targets, found, 0, len(data))
            yield targets, found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", SETS)
@pytest.mark.parametrize("name", slow_but(["letter-m2", "mixed-m4", "hostile-06"], "letter-m2"))
def test_same_step_one_at_fixed_decisions(name: str, limits: str, kind: str) -> None:
    """Kernel and Pyomo agent agree in copies, cost and S, where limits are out of reach too.

    Ipopt scales the cost by its largest slope, the price of a limit, which takes some digits.
    """
    instance = limited(KINDS[kind](reference(name)), limits)
    data = instance.scaled
    worker = Worker(Path(backends.__file__).with_name("casadi_worker.py"))
    agents = [
        PyomoAgent(data.repeated(np.array([j])), float(horizon_s), worker)
        for j, horizon_s in enumerate(horizons_s(data))
    ]
    for targets, found in sub_problems(instance, 2):
        for j, agent in enumerate(agents):
            agent.warm = None
            download, offload = bool(found[j]["download"]), float(found[j]["offload_fraction"])
            solved = agent.solve(targets[j : j + 1], download, offload)[0]
            for field, near in (
                ("value", 1e-7),
                ("cost", 1e-6),
                ("uplink_share", 1e-6),
                ("sync_s", 1e-6),
                ("downlink_share", 1e-6),
                ("edge_frequency_ghz", 1e-5),
                ("frequency_ghz", 1e-4),
                ("deadline", 1e-4),
                ("energy", 1e-4),
            ):
                assert solved[field] == pytest.approx(found[j][field], rel=near, abs=near), field


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", SETS)
@pytest.mark.parametrize("seed", slow_but(range(6), *range(2)))
def test_no_neighbour_is_better(seed: int, limits: str, kind: str) -> None:
    """The sub-problem is convex, so a point that no small move improves is optimal.

    The cost is computed anew from (1)-(9) and (14), and so is by how much limits are missed.
    """
    instance = limited(KINDS[kind](hostile(seed)), limits)
    data, rng = instance.scaled, np.random.default_rng(seed)
    for targets, found in sub_problems(instance, 1):
        for j, (target, answer) in enumerate(zip(targets, found, strict=True)):
            x, y, z = (float(answer[name]) for name in ("uplink_share", "sync_s", "downlink_share"))
            best = (x, y, z, float(answer["edge_frequency_ghz"]), float(answer["frequency_ghz"]))
            cost = augmented_cost(data, j, target, answer, best)
            near = 1e-9 * (1.0 + abs(cost)) + 1e-11 * float(target["limit_price"])
            assert cost == pytest.approx(float(answer["value"]), abs=near)
            for size in (1e-5, 1e-3, 0.1):
                for _ in range(10):
                    moved = np.array(best) * (1 + size * rng.uniform(-1, 1, 5))
                    x = np.clip(moved[0], data.uplink_share_min[j], data.uplink_share_max[j])
                    least = data.downlink_share_min[j] if answer["download"] else 0.0
                    z = np.clip(moved[2], least, data.downlink_share_max[j])
                    up = physics.seconds_per_mbit(x, data.bandwidth_mhz, data.uplink_snr[j])
                    y = max(moved[1], data.upload_start_s[j] + data.model_mbit * up)
                    v = min(moved[3], data.server_frequency_ghz)
                    f = min(moved[4], data.max_frequency_ghz[j])
                    assert augmented_cost(data, j, target, answer, (x, y, z, v, f)) >= cost - near


def test_limits_that_do_not_bind_change_nothing() -> None:
    """Trajectories are the same bit by bit, and what is recovered is as well as it is solved."""
    wide = {
        "deadline_s": 1e3,
        "energy_budget_j": 1e3,
        "min_uplink_share": 1e-6,
        "max_uplink_share": 0.99,
        "min_downlink_share": 1e-6,
        "max_downlink_share": 0.99,
    }
    without = solve_admm(M4)
    result = solve_admm(M4.replace(users={user.name: wide for user in M4.users}))
    recovered = ("recovered_objective", "best_objective")
    for one, other in zip(result.trace, without.trace, strict=True):
        assert {**one, **dict.fromkeys(recovered)} == {**other, **dict.fromkeys(recovered)}
        for key in recovered:
            assert one[key] == pytest.approx(other[key], rel=1e-11)
    assert result.objective == pytest.approx(without.objective, rel=1e-11)


def test_a_limit_that_just_binds_is_met_at_no_cost() -> None:
    """At the latencies and energies of the optimum itself, that is what is found."""
    best = ei.solve(M4, "exact")
    assert best.allocation is not None
    for key in ("deadline_s", "energy_budget_j"):
        result = solve_admm(LIMITS[key](M4, best.allocation, 1.0 + 1e-6))
        assert result.objective == pytest.approx(best.objective, rel=1e-5)


@pytest.mark.parametrize("part", [0.97, 0.92])
@pytest.mark.parametrize("key", ["deadline_s", "energy_budget_j"])
@pytest.mark.parametrize(
    "name",
    slow_but(names_up_to(5), "letter-m2", "letter-m4", "letter-m4-sigma32", "mixed-m4"),
)
def test_answers_on_reference_instances(name: str, key: str, part: float) -> None:
    """What is feasible is found, within 3 %; nothing is below the bound, or called infeasible."""
    instance = reference(name)
    free = ei.solve(instance, "exact").allocation
    assert free is not None
    tight = LIMITS[key](instance, free, part)
    proven, found = ei.solve(tight, "exact", time_limit=20.0), solve_admm(tight)
    if proven.termination == "infeasible":
        assert found.termination == "limit"
        assert found.allocation is None
        return
    assert proven.bound is not None
    assert found.termination in ("converged", "limit")
    assert found.allocation is not None
    assert found.objective is not None
    assert ei.evaluate(tight, found.allocation).feasible
    assert proven.bound * (1 - 1e-9) <= found.objective <= 1.03 * proven.bound


@pytest.mark.parametrize(
    ("limits", "kind"), slow_but([(one, kind) for one in SETS for kind in KINDS], ("both", "plain"))
)
def test_same_iterates(limits: str, kind: str) -> None:
    """The first iterations of both engines agree to 1e-5."""
    instance = limited(KINDS[kind](M2), limits)
    compiled, solved = (
        solve_admm(instance, engine=engine, max_iterations=4) for engine in ("kernel", "pyomo")
    )
    assert len(compiled.trace) == len(solved.trace) == 4
    for one, other in zip(compiled.trace, solved.trace, strict=True):
        for key in ("consensus_objective", "sync_s", "primal_residual", "dual_residual"):
            assert other[key] == pytest.approx(one[key], rel=1e-5, abs=1e-5)
        assert (one["recovered_objective"] is None) == (other["recovered_objective"] is None)


def test_no_answer_is_said_in_one_sentence() -> None:
    """Where no iteration keeps within the limits there is no point, but words for the nearest."""
    best = ei.solve(M4, "exact").allocation
    assert best is not None
    tight = LIMITS["deadline_s"](M4, best, 0.92)
    result = solve_admm(tight)
    assert result.termination == "limit"
    assert result.allocation is None
    assert "limit was reached before any allocation (none of " in result.message
    assert "gave decisions with which the limits are kept; in the nearest, " in result.message
    assert all(row["recovered_objective"] is None for row in result.trace)
    assert ei.Result.from_dict(result.to_dict(), tight).message == result.message
    plotting.convergence(result)
    late = solve_admm(M4.replace(users={"eu1": {"deadline_s": 0.5}}))
    assert late.allocation is None
    assert "the uploads end after the first deadline" in late.message


@pytest.mark.parametrize(
    "limits",
    [
        {"deadline_s": 2.8},
        {"energy_budget_j": 0.3},
        {"max_uplink_share": 0.4},
    ],
)
def test_other_problems_keep_limits_too(limits: dict[str, float]) -> None:
    """Restrictions, a server with a total frequency, and training rounds."""
    tight = M2.replace(users={user.name: limits for user in M2.users})
    shared = KINDS["limited"](tight)
    for instance, problem in (
        (tight, "gbe"),
        (tight, "lco"),
        (tight, "grid:0.5"),
        (shared, "joint"),
    ):
        proven = ei.solve(instance, "exact", problem=problem)
        found = solve_admm(instance, problem=problem)
        assert (found.allocation is None) == (proven.termination == "infeasible")
        if found.objective is not None and proven.bound is not None:
            assert proven.bound * (1 - 1e-9) <= found.objective <= 1.02 * proven.bound
    training = solve_admm(tight, round="training")
    assert training.objective == pytest.approx(
        ei.solve(tight, "exact", round="training").objective, rel=1e-6
    )


@pytest.mark.parametrize("key", ["total_energy_budget_j", "total_latency_budget_s"])
def test_totals_are_refused(key: str) -> None:
    """They are shared, and no agent's own."""
    with pytest.raises(ei.InputError, match="'admm' does not handle totals of energy or latency"):
        solve_admm(M2.replace(**{key: 100.0}))
