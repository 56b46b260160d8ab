"""Users with modes beyond the exact method on (10): ADMM, benchmarks, and training rounds."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import modes
from eipyomo.problem import Problem
from eipyomo.solvers.admm.agents import ModeAgents
from eipyomo.solvers.admm.kernel import solve_range
from eipyomo.solvers.admm.records import ANSWER, TARGET, user_records
from eipyomo.solvers.exact import convex_rest, solve_exact
from eipyomo.solvers.exact.solve import prepare
from eipyomo.verify import verify
from tests.certificates import one_mode_each, proven
from tests.conftest import reference, slow_but
from tests.independent_checker import check
from tests.test_modes import drawn, on_grid

# --- benchmarks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", slow_but(["exact", "admm", "milp", "bonmin"], "exact", "admm"))
@pytest.mark.parametrize("problem", ["eco", "lco"])
def test_benchmarks_leave_the_modes_that_they_name(problem: str, method: str) -> None:
    """The letter's tasks told as modes: everybody at the edge, or local, costs what it did."""
    instance = reference("letter-m4")
    told = on_grid(instance, 4)
    known = ei.solve(instance, problem)
    how: dict[str, Any] = {"method": method}
    if method == "bonmin":
        how = {"method": "minlp", "solver": "bonmin", "formulation": "grid"}
    found = ei.solve(told, problem=problem, **how)
    assert found.objective == pytest.approx(known.objective, rel=1e-5)
    assert found.problem == problem
    if method == "exact":
        assert proven(Problem.of(told, problem))[1] == {problem}


@pytest.mark.parametrize("seed", slow_but([0, 3, 5], 0))
@pytest.mark.parametrize("problem", ["eco", "lco"])
def test_benchmarks_on_random_modes(problem: str, seed: int) -> None:
    """What they leave is what an instance without the other modes has; certificates say so."""
    instance = drawn(seed, 2, 4)
    restricted = Problem.of(instance, problem)
    cost, names = proven(restricted)
    assert problem in names
    assert instance.modes is not None
    left = restricted.open_modes
    if left is None:
        return
    whole = restricted.whole.modes
    assert whole is not None
    lists = {
        name: list(itertools.compress(rows, left[whole.of(j)]))
        for j, (name, rows) in enumerate(instance.modes.items())
    }
    if not all(lists.values()):
        assert cost == math.inf
        return
    alone = solve_exact(Problem.of(instance.replace(modes=lists)), gap=1e-8)
    if alone.status == "infeasible":
        assert cost == math.inf
    else:
        assert cost == pytest.approx(alone.objective, rel=1e-6)


@pytest.mark.parametrize("method", slow_but(["exact", "admm", "milp", "minlp"], "exact", "admm"))
def test_who_has_no_open_mode_is_named(method: str) -> None:
    """It is infeasible then, whoever is asked."""
    cuts = modes.split([("a", 1e9, 2e7), ("b", 1e9, 4e6)], input_bits=64e6)[:2]
    instance = ei.Instance.letter(users=2).replace(
        modes={"net": cuts}, users={"eu2": {"modes": "net"}}
    )
    found = ei.solve(instance, method, problem="lco")
    assert found.termination == "infeasible"
    if method in ("exact", "admm"):
        assert "the problem 'lco' leaves user 'eu2' none of its modes" in found.message
        assert proven(Problem.of(instance, "lco"))[0] == math.inf


def test_a_closed_mode_is_a_violation() -> None:
    """In the judge's words."""
    told = on_grid(reference("letter-m4"), 4)
    best = ei.solve(told).allocation
    assert best is not None
    (violation, *_) = ei.evaluate(Problem.of(told, "eco"), best).violations
    assert violation.constraint == "an open mode in the problem 'eco'"


def test_a_certificate_does_not_hide_modes() -> None:
    """A proof that lacks a mode which its domains leave open is broken."""
    told = on_grid(reference("letter-m2"), 2)
    document = json.loads(json.dumps(solve_exact(Problem.of(told, "eco")).certificate()))
    for domain in document["domains"]:
        assert domain == {"modes": [2, 2], "closed": [0, 1]}
        del domain["closed"]
    checked = verify(told, document)
    assert checked.problem == "eco"  # [2, 2] alone leaves the same
    for domain in document["domains"]:
        domain["modes"] = [0, 2]
    with pytest.raises(ei.InputError, match="a mode is missing"):
        verify(told, document)


# --- training rounds ------------------------------------------------------------------------------


def test_a_training_round_of_the_letter_told_as_modes() -> None:
    """Modes that differ in their tasks alone cost the same there, and as much as without."""
    instance = reference("letter-m4")
    known = ei.solve(instance, round="training")
    cost, names = proven(Problem.of(on_grid(instance, 2), round="training"))
    assert cost == pytest.approx(known.objective, rel=1e-6)
    assert names == {"training"}


@pytest.mark.parametrize("seed", slow_but([1, 2, 3], 1))
def test_brute_force_over_modes_of_a_training_round(seed: int) -> None:
    """Two users with three modes each, with limits."""
    instance = drawn(seed, 2, 3)
    cost, _ = proven(Problem.of(instance, round="training"))
    left = [Problem.of(one, round="training") for one in one_mode_each(instance)]
    best = min(proven(one).cost for one in left)
    assert cost == (best if best == math.inf else pytest.approx(best, rel=1e-6))


def test_a_process_in_which_users_sit_out() -> None:
    """Three rounds in which three of four train each: nobody waits for who does not."""
    base = ei.Instance.letter(users=4, seed=1)
    cuts = modes.with_skip([modes.Mode(name="edge", offload_bits=64e6)], penalty=0.01)
    instance = base.replace(
        modes={"net": cuts},
        users={user.name: {"modes": "net"} for user in base.users},
        min_participants=3,
    )
    process = ei.train(instance, rounds=3)
    for result in process.rounds:
        assert result.termination == "optimal"
        assert result.evaluation is not None
        assert result.evaluation.breakdown.sits_out is not None
        assert result.evaluation.breakdown.sits_out.sum() == 1.0
    everybody = ei.train(instance.replace(min_participants=4), rounds=3)
    assert sum(r.objective or 0.0 for r in process.rounds) < sum(
        r.objective or 0.0 for r in everybody.rounds
    )


# --- ADMM -----------------------------------------------------------------------------------------


def targets(users: int, seed: int) -> Any:
    """Return what a coordinator may tell agents."""
    draw = np.random.default_rng(seed)
    told = np.zeros(users, TARGET)
    for name in ("uplink", "sync", "downlink"):
        told[f"{name}_multiplier"] = draw.normal(0.0, 0.5, users)
        told[f"{name}_penalty"] = 10.0 ** draw.uniform(0.0, 2.0, users)
    told["uplink_share"], told["downlink_share"] = draw.uniform(0.02, 0.4, (2, users))
    told["sync_s"] = draw.uniform(2.0, 4.0, users)
    told["limit_price"] = 1e3
    return told


def test_a_mode_of_the_letters_decisions_is_solved_as_before() -> None:
    """ι = 1/4 with download, and ι = 1 without: the same answers but for the names of things."""
    prepare()
    instance = reference("letter-m4")
    told = targets(4, 0)
    for k in (1, 4):
        own = on_grid(instance, 4)
        assert own.modes is not None
        lists = {name: [rows[k]] for name, rows in own.modes.items()}
        data = own.replace(modes=lists).scaled
        assert data.modes is not None
        found = ModeAgents(data, data.modes).step_one(told)
        known = np.zeros(4, ANSWER)
        known["download"], known["offload_fraction"] = k < 4, k / 4
        solve_range(user_records(instance.scaled), told, known, 0, 4)
        for name in ("value", "cost", "uplink_share", "sync_s", "downlink_share", "frequency_ghz"):
            assert found[name] == pytest.approx(known[name], rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("seed", range(4))
def test_no_other_copies_of_a_mode_cost_less(seed: int) -> None:
    """Modes that send or update nothing, compute without a download, or are cut: random search."""
    prepare()
    draw = np.random.default_rng(seed)
    rows = [
        {"name": "nothing", "update_bits": 0.0, "local_cycles": 1e9, "download_bits": 0.0},
        {"name": "only waits", "update_bits": 0.0, "local_cycles": 0.0, "edge_cycles": 2e9},
        {"name": "task alone", "update_bits": 0.0, "offload_bits": 3e7, "local_cycles": 5e8},
        {"name": "own weights", "local_cycles": 1.5e9, "download_bits": 0.0, "offload_bits": 1e7},
        {"name": "cut", "local_cycles": 1e9, "offload_bits": 1e7, "in_sequence": True},
        {
            "name": "cut, sits out",
            "update_bits": 0.0,
            "local_cycles": 1e9,
            "download_bits": 2e6,
            "offload_bits": 1e7,
            "in_sequence": True,
        },
    ]
    base = ei.Instance.letter(users=1, seed=seed)
    told = targets(1, seed)
    for row in rows:
        instance = base.replace(modes={"m": [row]}, users={"eu1": {"modes": "m"}})
        data = instance.scaled
        assert data.modes is not None
        found = ModeAgents(data, data.modes).step_one(told)[0]
        copies = np.array([found[name] for name in ("uplink_share", "sync_s", "downlink_share")])
        assert augmented(instance, told[0], copies, found["frequency_ghz"]) == pytest.approx(
            found["value"], rel=1e-9
        )
        for size in 10.0 ** draw.uniform(-5.0, 0.0, 300):
            moved = copies + size * draw.normal(0.0, 1.0, 3)
            moved[[0, 2]] = np.clip(moved[[0, 2]], 1e-9, 1.0)
            f = float(np.clip(found["frequency_ghz"] + size * draw.normal(), 0.0, 1.0))
            other = augmented(instance, told[0], moved, f)
            assert other >= found["value"] - 1e-9 * abs(found["value"])


def augmented(instance: ei.Instance, target: Any, copies: Any, frequency_ghz: float) -> float:
    """Return S of (18) at copies, as the judge computes times and energies; y may be too early."""
    x, y, z = map(float, copies)
    assert instance.modes is not None
    (mode,) = instance.modes["m"]
    plan = ei.Allocation(
        names=("eu1",),
        sync_s=y,
        download=instance.scaled.modes.download_mbit > 0.0,  # type: ignore[union-attr]
        offload_fraction=np.zeros(1),
        frequency_hz=np.array([1e9 * frequency_ghz]),
        uplink_share=np.array([x]),
        downlink_share=np.array([z]),
        mode=(mode.name,),
    )
    judged = ei.evaluate(instance, plan)
    too_early = any("sync time" in one.constraint for one in judged.violations)
    penalties = sum(
        0.5 * target[f"{name}_penalty"] * (copy - target[key]) ** 2
        + target[f"{name}_multiplier"] * copy
        for name, key, copy in (
            ("uplink", "uplink_share", x),
            ("sync", "sync_s", y),
            ("downlink", "downlink_share", z),
        )
    )
    if too_early and max(one.amount for one in judged.violations) > 1e-9:
        return math.inf
    return float(judged.objective + penalties)


@pytest.mark.parametrize("name", ["letter-m2", "letter-m4", "mixed-m4"])
def test_the_decomposition_finds_the_letters_optima_told_as_modes(name: str) -> None:
    """On a grid of ι: within 1 % of the proven optimum, as for ι that are not told as modes."""
    told = on_grid(reference(name), 5)
    best, found = ei.solve(told), ei.solve(told, "admm")
    assert found.termination == "converged"
    assert best.objective is not None
    assert found.objective is not None
    assert best.bound is not None
    assert best.bound <= found.objective <= 1.01 * best.objective
    assert found.allocation is not None
    assert found.allocation.mode is not None


def test_the_decomposition_keeps_limits_in_modes() -> None:
    """Deadlines with room: the answer keeps them, and no better one than the proven is found."""
    told = on_grid(reference("letter-m4"), 5)
    told = told.replace(users={user.name: {"deadline_s": 7.5} for user in told.users})
    best, found = ei.solve(told), ei.solve(told, "admm")
    assert found.feasible
    assert best.bound is not None
    assert found.objective is not None
    assert best.bound <= found.objective <= 1.05 * best.bound


def test_half_of_the_users_with_modes() -> None:
    """The others search for their ι as ever."""
    instance = reference("letter-m4")
    rows = on_grid(instance, 5).modes
    assert rows is not None
    names = [user.name for user in instance.users]
    told = instance.replace(modes=dict(rows), users={names[0]: {"modes": names[0]}})
    found, best = ei.solve(told, "admm"), ei.solve(told)
    assert found.allocation is not None
    assert found.allocation.mode is not None
    assert found.allocation.mode[1:] == (None, None, None)
    assert found.objective == pytest.approx(best.objective, rel=1e-2)


def test_what_the_decomposition_refuses_of_modes() -> None:
    """Agents of Pyomo's, and budgets that modes share, each in one sentence."""
    told = on_grid(ei.Instance.letter(users=2), 2)
    with pytest.raises(ei.InputError, match="engine is 'pyomo', but must be 'kernel' where users"):
        ei.solve(told, "admm", engine="pyomo")
    with pytest.raises(ei.InputError, match="does not handle a least number of participants"):
        ei.solve(told.replace(min_participants=1), "admm")


def test_a_convex_rest_of_modes() -> None:
    """For modes that are given it is the optimum of the instance with these alone."""
    told = drawn(0, 2, 3)
    rest = convex_rest(Problem.of(told), True, 0.5, [1, 2])
    assert told.modes is not None
    lists = {name: [rows[k]] for (name, rows), k in zip(told.modes.items(), (1, 2), strict=True)}
    alone = ei.solve(told.replace(modes=lists), gap=1e-9)
    assert ei.evaluate(told, rest.allocation).objective == pytest.approx(alone.objective, rel=1e-8)


# --- corners: who sends nothing, and what is computed in doubles ----------------------------------

IDLE: dict[str, Any] = {"update_bits": 0.0, "training_s": 0.0, "training_j": 0.0}


def of_rows(*rows: dict[str, Any], users: int = 2, **data: Any) -> ei.Instance:
    """Return users that all have these modes."""
    base = ei.Instance.letter(users=users, seed=0)
    named = [{"name": f"m{k}", **row} for k, row in enumerate(rows)]
    return base.replace(
        modes={"m": named}, users={user.name: {"modes": "m"} for user in base.users}, **data
    )


def test_a_training_certificate_leaves_no_mode_out() -> None:
    """One of an instance with the dearest mode alone proves nothing of "training" with all."""
    rows: list[dict[str, Any]] = [{}, {"update_bits": 4e6}, {**IDLE, "penalty": 0.05}]
    instance = of_rows(*rows)
    document = solve_exact(Problem.of(of_rows(rows[0]), round="training")).certificate()
    document = json.loads(json.dumps(document)) | {"instance": instance.digest()}
    document["domains"] = [{"modes": [0, 2], "closed": [1, 2]}] * 2
    assert verify(instance, document).problem == "restricted"
    assert check(json.loads(json.dumps(instance.to_dict())), document).names == {"restricted"}


def test_what_is_left_out_is_computed_in_doubles() -> None:
    """C L - e_k is 0 for the judge, and so it is for the checkers, whatever more digits say."""
    base = ei.Instance.letter(users=1, seed=0).replace(cycles_per_bit=33.3)
    bits = 64000001.0
    row = {"name": "a", "offload_bits": bits, "edge_cycles": 33.3 * bits, "in_sequence": True}
    instance = base.replace(modes={"m": [row]}, users={"eu1": {"modes": "m", "task_bits": bits}})
    columns = instance.scaled.modes
    assert columns is not None
    assert columns.local_gigacycles[0] == 0.0
    assert proven(Problem.of(instance))[1] == {"joint", "eco"}


@pytest.mark.parametrize("method", ["exact", "milp", "minlp:bonmin"])
@pytest.mark.parametrize(
    ("rows", "theta"),
    [
        (({}, {**IDLE, "edge_cycles": 4e8, "local_cycles": 0.0}), -0.9),
        (({"training_s": 0.05, "update_bits": 1e5, "local_cycles": 0.0},), 0.0526),
        (({**IDLE, "local_cycles": 0.0}, {**IDLE, "edge_cycles": 2e9, "local_cycles": 0.0}), -1.0),
    ],
)
def test_the_least_latency_of_who_hardly_trains(
    rows: tuple[dict[str, Any], ...], theta: float, method: str
) -> None:
    """It may be as early as the round itself; latencies count from the previous download.

    Where nobody needs anything of the band a proof may lack, but none is false.
    """
    found = ei.solve(of_rows(*rows), method, objective="slowest", time_limit=5)
    assert found.feasible, found.message
    assert found.value == pytest.approx(theta, abs=2e-3)
    if method == "exact":
        problem = Problem.of(of_rows(*rows), objective="slowest")
        document = solve_exact(problem, time_limit=2.0).certificate()
        checked = verify(of_rows(*rows), json.loads(json.dumps(document)))
        assert checked.bound <= found.value + 1e-9  # type: ignore[operator]


@pytest.mark.parametrize("method", ["exact", "milp", "minlp:bonmin", "admm"])
@pytest.mark.parametrize(
    "rows",
    [
        ({**IDLE, "local_cycles": 3.2e9}, {**IDLE, "edge_cycles": 1e9, "local_cycles": 0.0}),
        ({**IDLE, "local_cycles": 0.0},),
        ({**IDLE, "offload_bits": 1e5, "local_cycles": 3.2e9},),
    ],
)
def test_nobody_has_to_train(rows: tuple[dict[str, Any], ...], method: str) -> None:
    """Lists without any update have an optimum like others, by every method."""
    instance = of_rows(*rows)
    best, found = ei.solve(instance), ei.solve(instance, method)
    assert best.termination == "optimal"
    assert found.feasible, found.message
    assert found.objective == pytest.approx(best.objective, rel=1e-4, abs=1e-6)


def test_a_deadline_that_nobody_can_keep_is_told_in_words() -> None:
    """Also where all might sit the round out, and nothing is needed of the band."""
    row = {**IDLE, "edge_cycles": 6e9, "local_cycles": 0.0}
    instance = of_rows({"local_cycles": 0.0, "edge_cycles": 6e9}, row)
    instance = instance.replace(users={user.name: {"deadline_s": 0.2} for user in instance.users})
    found = ei.solve(instance)
    assert found.termination == "infeasible"
    assert not found.message.rstrip().endswith(":")


def test_a_result_of_lco_is_read_back() -> None:
    """A mode that computes with weights that are there already has no download."""
    instance = of_rows({"download_bits": 0.0, "local_cycles": 3.2e9}, {"offload_bits": 64e6})
    found = ei.solve(instance, "lco")
    assert found.termination == "optimal"
    again = ei.Result.from_dict(found.to_dict(), instance)
    assert again.problem == "lco"
