"""Users with modes: data, judge, and the exact method with its certificates."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import modes
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.solvers.exact import convex_rest, solve_exact
from eipyomo.verify import verify
from tests.certificates import one_mode_each, proven
from tests.conftest import reference, slow_but

GAP = 1e-6


def on_grid(instance: ei.Instance, parts: int) -> ei.Instance:
    """Return an instance whose users choose ι of a grid as modes, in the words of the letter."""
    lists = {
        user.name: [
            {"name": f"{k}/{parts}", "offload_bits": k / parts * user.task_bits}
            | ({"local_cycles": 0.0} if k == parts else {})
            for k in range(parts + 1)
        ]
        for user in instance.users
    }
    return instance.replace(modes=lists, users={name: {"modes": name} for name in lists})


def drawn(seed: int, users: int = 2, count: int = 3) -> ei.Instance:
    """Return users with modes of any kind; every second instance has deadlines, or budgets too."""
    draw = np.random.default_rng(seed)
    instance = ei.Instance.letter(users=users, seed=seed, bandwidth_mhz=5.0 * users)
    lists = {}
    for user in instance.users:
        rows: list[dict[str, Any]] = []
        for k in range(count):
            row: dict[str, Any] = {
                "name": f"m{k}",
                "offload_bits": 64e6 * float(draw.random() * draw.choice([0.0, 0.2, 0.5, 1.0])),
                "edge_cycles": 3.2e9 * float(draw.random() * draw.choice([0, 1])),
                "local_cycles": 3.2e9 * float(draw.random() * draw.choice([0, 1])),
                "update_bits": float(draw.choice([0.0, 4e6, 16e6])),
                "penalty": float(draw.random() * draw.choice([0.0, 0.1, -0.05, 0.5])),
            }
            if draw.random() < 0.3:
                row["download_bits"] = float(draw.choice([0.0, 2e6, 8e6]))
            if row["update_bits"] == 0.0:
                row |= {"training_s": 0.0, "training_j": 0.0}
            rows.append(row)
        lists[user.name] = rows
    limits: dict[str, dict[str, Any]] = {name: {"modes": name} for name in lists}
    totals: dict[str, Any] = {}
    for name in lists:
        if seed % 4 in (1, 2):
            limits[name]["deadline_s"] = float(draw.uniform(3.0, 8.0))
        if seed % 4 == 2:
            limits[name]["energy_budget_j"] = float(draw.uniform(0.1, 0.6))
    if seed % 4 == 3:
        totals["min_participants"] = int(draw.integers(1, users + 1))
        totals["total_penalty_budget"] = float(draw.uniform(0.05, 1.0))
    return instance.replace(modes=lists, users=limits, **totals)


def optimum(instance: ei.Instance) -> float:
    """Return the optimum, infinite without a feasible point; its certificate proves it."""
    cost, names = proven(Problem.of(instance), GAP)
    assert names == {"joint"}
    return cost


# --- data -----------------------------------------------------------------------------------------


def test_what_a_mode_leaves_out_is_as_for_the_letters_user() -> None:
    """Update and training as without modes; work and download follow from what is offloaded."""
    instance = ei.Instance.letter(users=1)
    rows: list[dict[str, Any]] = [{"name": "local"}]
    rows += [{"name": f"{bits:g}", "offload_bits": bits} for bits in (32e6, 64e6)]
    columns = instance.replace(modes={"m": rows}, users={"eu1": {"modes": "m"}}).scaled.modes
    assert columns is not None
    assert columns.update_mbit.tolist() == [16.0] * 3
    assert columns.offload_mbit.tolist() == [0.0, 32.0, 64.0]
    assert columns.local_gigacycles.tolist() == [3.2, 1.6, 0.0]
    assert columns.edge_gigacycles.tolist() == [0.0, 1.6, 3.2]
    assert columns.download_mbit.tolist() == [16.0, 16.0, 0.0]
    assert columns.training_s.tolist() == [1.0] * 3
    assert columns.penalty.tolist() == [0.0] * 3


def test_modes_are_read_back(tmp_path: Path) -> None:
    """Through files, copies and pickles; who has none has the digest of old."""
    instance = drawn(3)
    instance.to_json(tmp_path / "i.json")
    assert ei.Instance.from_json(tmp_path / "i.json") == instance
    assert pickle.loads(pickle.dumps(instance)) == instance
    assert copy.deepcopy(instance) == instance
    with pytest.raises(TypeError):
        instance.modes["more"] = ()  # type: ignore[index]
    plain = ei.Instance.letter(users=2)
    assert "modes" not in plain.to_dict()
    table = instance.users_frame()
    assert table["modes"].tolist() == ["eu1", "eu2"]
    assert instance.with_users(table) == instance


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"modes": {"n": []}}, "modes['n'] is empty, but must be a list of modes"),
        ({"modes": {"n": [{"name": "a"}] * 2}}, "modes['n'] has the mode 'a' twice"),
        ({"modes": 3}, "modes is 3, but must be an object with lists of modes"),
        (
            {"modes": {"n": [{"name": "a", "update_bits": -1}]}},
            "modes.n[0].update_bits is -1, but must be a finite number >= 0",
        ),
        (
            {"modes": {"n": [{"name": "a", "bits": 1}]}},
            "modes.n[0].bits is not a known key, but must be one of: name, update_bits",
        ),
        (
            {"users": {"eu1": {"modes": "x"}}},
            "users[0].modes (user 'eu1') is 'x', but the lists in modes are: none",
        ),
        (
            {
                "modes": {"n": [{"name": "a"}]},
                "users": {"eu2": {"modes": "n", "download": "never"}},
            },
            "users[1].download (user 'eu2') is 'never', but must be left out for a user with modes",
        ),
        ({"min_participants": 9}, "min_participants is 9, but must be at most the number of users"),
        ({"min_participants": 0}, "min_participants is 0, but must be a whole number >= 1"),
        ({"total_penalty_budget": 0}, "total_penalty_budget is 0, but must be a finite number > 0"),
    ],
)
def test_bad_modes_are_refused(change: dict[str, Any], sentence: str) -> None:
    """One sentence names the key, the value and what is allowed."""
    with pytest.raises(ei.InputError) as error:
        ei.Instance.letter().replace(**change)
    assert str(error.value).startswith(sentence)


def test_lists_are_built_and_combined() -> None:
    """Cuts between layers, updates of fewer bits, and each of them for who sits out."""
    layers = [("conv1", 1e9, 8e6), ("conv2", 2e9, 2e6), ("head", 1e8, 320.0)]
    cuts = modes.split(layers, input_bits=5e6)
    assert [one.offload_bits for one in cuts] == [5e6, 8e6, 2e6, None]
    assert [one.local_cycles for one in cuts] == [0.0, 1e9, 3e9, 3.1e9]
    assert sum(one.edge_cycles or 0.0 for one in cuts) == pytest.approx(3.1e9 + 2.1e9 + 1e8)
    both = modes.combined(cuts, modes.quantised(16e6, (32, 8), (0.0, 0.02)))
    assert [one.update_bits for one in both[:2]] == [16e6, 4e6]
    everything = modes.with_skip(both, penalty=0.5)
    assert len(everything) == 16
    assert everything[-1].update_bits == 0.0
    assert everything[-1].penalty == pytest.approx(0.52)
    assert modes.exits([("a", 1e9, 0.1)])[0].penalty == 0.1
    with pytest.raises(ei.InputError, match="update_bits is said by the mode"):
        modes.combined(both, modes.quantised(16e6))
    with pytest.raises(ei.InputError, match="layers is empty"):
        modes.split([], 1.0)
    with pytest.raises(ei.InputError, match="penalties has 1 numbers, but must have 3"):
        modes.quantised(16e6, penalties=[0.0])


# --- judge ----------------------------------------------------------------------------------------


def test_modes_of_the_letters_decisions_cost_the_same() -> None:
    """The optimum of (10) of letter-m4, told as modes: every term is as before."""
    instance = reference("letter-m4")
    best = ei.solve(instance)
    assert best.allocation is not None
    told = on_grid(instance, 1)
    names = tuple(f"{round(offload)}/1" for offload in best.allocation.offload_fraction)
    judged = ei.evaluate(told, replace(best.allocation, mode=names))
    assert judged.objective == pytest.approx(best.objective, rel=1e-15)
    assert judged.feasible
    assert best.evaluation is not None
    for key in ("latency_s", "energy_j", "upload_s", "edge_inference_s", "local_inference_s"):
        old, new = (getattr(one.breakdown, key) for one in (best.evaluation, judged))
        np.testing.assert_allclose(new, old, rtol=1e-14)


def test_nobody_waits_for_who_sits_out() -> None:
    """Without update there is no upload; the task waits for the model, and the penalty is paid."""
    instance = ei.Instance.letter(users=2)
    skip = {"name": "skip", "update_bits": 0.0, "training_s": 0.0, "training_j": 0.0}
    skip |= {"local_cycles": 0.0, "offload_bits": 0.0, "penalty": 0.7}
    told = instance.replace(modes={"m": [skip]}, users={"eu2": {"modes": "m"}})
    allocation = ei.Allocation(
        names=("eu1", "eu2"),
        sync_s=2.5,
        download=np.array([False, False]),
        offload_fraction=np.array([1.0, 0.0]),
        frequency_hz=np.zeros(2),
        uplink_share=np.array([1.0, 0.0]),
        downlink_share=np.zeros(2),
        mode=(None, "skip"),
    )
    judged = ei.evaluate(told, allocation)
    assert judged.feasible, judged.violations
    terms = judged.breakdown
    assert terms.upload_s[1] == terms.energy_j[1] == 0.0
    assert terms.latency_s[1] == pytest.approx(1.5)
    assert terms.wsel[1] == pytest.approx(0.1 * 1.5 + 0.7)
    assert "sits_out" in terms.frame()
    phases = judged.timeline().query("user == 'eu2'")["phase"].tolist()
    assert phases == ["previous model download"]
    early = ei.evaluate(told, replace(allocation, sync_s=-1.0))
    assert not early.feasible
    needed = ei.evaluate(told.replace(min_participants=2), allocation)
    assert str(needed.violations[0]).startswith("users that sit out (min_participants) is violated")


def test_an_allocation_names_modes_that_there_are() -> None:
    """A mode that is missing, unknown, or of a user without modes is refused."""
    instance = ei.Instance.letter()
    allocation = ei.solve(instance, "eco").allocation
    assert allocation is not None
    told = instance.replace(modes={"m": [{"name": "a"}]}, users={"eu1": {"modes": "m"}})
    for mode, words in (
        (None, "is missing, but must be one of: a"),
        (("b", None, None, None), "is 'b', but must be one of: a"),
        (("a", "a", None, None), "is 'a', but must be left out"),
    ):
        with pytest.raises(ei.InputError, match=words):
            ei.evaluate(told, replace(allocation, mode=mode))
    again = ei.Allocation.from_dict(replace(allocation, mode=("a", None, None, None)).to_dict())
    assert again.mode == ("a", None, None, None)
    wrong = ei.evaluate(told, again)
    missing = {violation.constraint for violation in wrong.violations}
    assert "a frequency to compute with (1)" in missing
    assert "download as the mode says" in missing


# --- the exact method -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    slow_but(["letter-m2", "letter-m4", "mixed-m4", "hostile-00", "letter-m12"], "letter-m4"),
)
def test_a_grid_told_as_modes_is_what_exhaustive_finds(name: str) -> None:
    """The same optimum as of ι in steps of 1/5, to 1e-9, by another search."""
    instance = reference(name)
    best = ei.solve(instance, "exhaustive", step=0.2, gap=1e-9).objective
    found = solve_exact(Problem.of(on_grid(instance, 5)), gap=1e-9)
    assert found.objective == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", slow_but(range(40), *range(8), 17, 28))
def test_brute_force_over_combinations(seed: int) -> None:
    """Two users with three modes each: the best of all nine that are left one mode each."""
    instance = drawn(seed)
    found = optimum(instance)
    costs = [solve_exact(Problem.of(one), gap=1e-8).objective for one in one_mode_each(instance)]
    best = min((cost for cost in costs if cost is not None), default=float("inf"))
    assert found == pytest.approx(best, rel=GAP)


@pytest.mark.parametrize("seed", slow_but(range(4), 1))
def test_brute_force_over_three_users(seed: int) -> None:
    """Three users with five modes each, with limits: 125 combinations."""
    instance = drawn(seed, users=3, count=5)
    found = optimum(instance)
    costs = [solve_exact(Problem.of(one), gap=1e-6).objective for one in one_mode_each(instance)]
    best = min((cost for cost in costs if cost is not None), default=float("inf"))
    assert found == pytest.approx(best, rel=2.0 * GAP)


def test_one_mode_per_user_is_a_fixed_decision() -> None:
    """What the convex rest of these decisions costs on the letter's instance."""
    instance = reference("letter-m4")
    told = on_grid(instance, 4)
    assert told.modes is not None
    offload = [1.0, 0.5, 0.25, 0.0]
    chosen = {
        name: [rows[round(4 * iota)]]
        for (name, rows), iota in zip(told.modes.items(), offload, strict=True)
    }
    rest = convex_rest(Problem(instance), [0, 1, 1, 1], offload)
    known = ei.evaluate(instance, rest.allocation).objective
    found = solve_exact(Problem.of(told.replace(modes=chosen)), gap=1e-9)
    assert found.objective == pytest.approx(known, rel=1e-9)


def test_a_growing_penalty_brings_everybody_in() -> None:
    """Fewer sit out and the sync is no earlier as it grows; at last the old optimum returns."""
    instance = ei.Instance.letter(users=4, seed=2)
    base = on_grid(instance, 5)
    assert base.modes is not None
    without = solve_exact(Problem.of(base), gap=1e-9).objective
    absent, costs = [], []
    for penalty in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 100.0):
        lists = {name: modes.with_skip(rows, penalty) for name, rows in base.modes.items()}
        found = solve_exact(Problem.of(base.replace(modes=lists)), gap=1e-9)
        assert found.allocation is not None
        assert found.objective is not None
        judged = ei.evaluate(base.replace(modes=lists), found.allocation)
        assert judged.breakdown.sits_out is not None
        absent.append(judged.breakdown.sits_out.sum())
        costs.append(found.objective)
    assert absent == sorted(absent, reverse=True)
    assert all(more >= less * (1.0 - 1e-12) for less, more in itertools.pairwise(costs))
    assert absent[-1] == 0.0
    assert costs[-1] == pytest.approx(without, rel=1e-9)


@pytest.mark.parametrize("objective", ["band", "edge_frequency", "slowest"])
def test_other_objectives_are_certified(objective: str) -> None:
    """The least of it with cuts of a network; every bound is verified, and holds for the answer."""
    instance = ei.Instance.letter(users=3, seed=1)
    cuts = modes.split([("a", 1e9, 2e7), ("b", 1e9, 4e6), ("c", 1.2e9, 1e3)], input_bits=64e6)
    told = instance.replace(
        modes={"net": cuts},
        users={user.name: {"modes": "net", "deadline_s": 9.0} for user in instance.users},
    )
    result = ei.solve(told, objective=objective)
    assert result.termination == "optimal"
    found = solve_exact(Problem.of(told, objective=objective))
    assert verify(told, json.loads(json.dumps(found.certificate()))).doubt is None
    assert found.allocation is not None
    judged = ei.evaluate(Problem.of(told, objective=objective), found.allocation)
    assert judged.feasible
    assert found.bound <= judged.value <= found.bound * (1.0 + 2.0 * GAP)


def test_a_result_with_modes_is_read_back() -> None:
    """Through its document, with the instance and without; a forged mode is told by the judge."""
    instance = drawn(3)
    result = ei.solve(instance)
    document = json.loads(json.dumps(result.to_dict()))
    assert ei.Result.from_dict(document, instance).to_dict() == result.to_dict()
    assert result.allocation is not None
    assert result.evaluation is not None
    users = document["breakdown"]["users"]
    assert {"penalty", "sits_out"} <= set(users[0])
    del users[0]["penalty"]
    with pytest.raises(ei.InputError, match=r"breakdown.users\[0\] has wrong or missing keys"):
        ei.Result.from_dict(document, instance)
    forged = json.loads(json.dumps(result.to_dict()))
    taken = forged["allocation"]["users"][0]["mode"]
    other = next(name for name in ("m0", "m1", "m2") if name != taken)
    forged["allocation"]["users"][0]["mode"] = other
    with pytest.raises(ei.ClaimError):
        ei.Result.from_dict(forged, instance)


def test_too_many_participants_are_named() -> None:
    """Nobody may sit out, but one must, to keep its deadline: the key is in the sentence."""
    instance = ei.Instance.letter(users=2)
    late = {"name": "train", "training_s": 50.0}
    skip = {"name": "skip", "update_bits": 0.0, "training_s": 0.0, "training_j": 0.0}
    told = instance.replace(
        modes={"m": [late, skip]},
        users={"eu1": {"modes": "m", "deadline_s": 20.0}},
    )
    assert ei.solve(told).termination == "optimal"
    result = ei.solve(told.replace(min_participants=2))
    assert result.termination == "infeasible"
    assert "min_participants 2" in result.message


def test_a_grid_of_offload_fractions_is_refused_for_modes() -> None:
    """They have none; the sentence says which problems there are for them."""
    told = on_grid(ei.Instance.letter(users=2), 2)
    for problem in ("grid:0.5", Restriction(local=[True, False], offload_max=[1.0, 1.0])):
        with pytest.raises(ei.InputError, match="must be one of: joint, gbe, eco, lco for users"):
            ei.solve(told, "exact", problem=problem)
    with pytest.raises(ei.InputError, match="must be one of: joint, gbe, eco, lco for users"):
        ei.solve(told, "exhaustive")
    with pytest.raises(ei.InputError, match="users have modes, but none is given"):
        convex_rest(Problem.of(told), True, 0.5)


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The example of docs/modes.md, word for word, names a mode for every user."""
    page = (Path(__file__).parents[1] / "docs" / "modes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block, "modes.md", "exec"), {})
    assert capsys.readouterr().out.count("update") == 4
