"""Limits in the data: read, judged, the same in every formulation, and refused where unknown.

The judge is held against hand-made numbers, models against the judge, and solvers against brute
force, which has formulas of its own.
"""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.models import FORMULATIONS
from eipyomo.problem import LIMIT_FEATURES, Feature, Problem
from eipyomo.restriction import Restriction
from eipyomo.verify import verify
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference, slow_but
from tests.instances import LIMITS, hostile

M2 = reference("letter-m2")
ALL: dict[str, Any] = {
    "deadline_s": 3.0,
    "energy_budget_j": 0.3,
    "min_uplink_share": 0.1,
    "max_uplink_share": 0.5,
    "min_downlink_share": 0.05,
    "max_downlink_share": 1.0,
    "download": "always",
    "min_offload_fraction": 0.2,
    "max_offload_fraction": 0.8,
}
each_limit = pytest.mark.parametrize("limit", LIMITS)
each_formulation = pytest.mark.parametrize("formulation", list(FORMULATIONS))


def with_each(**limits: Any) -> ei.Instance:
    """Return two users with the same limits for both."""
    return M2.replace(users={user.name: limits for user in M2.users})


# Data


def test_what_is_left_out_stays_out() -> None:
    """An instance without limits has none of their keys, in documents and tables."""
    for document in (M2.to_dict(), *M2.to_dict()["users"]):
        assert not set(document) & {*ALL, "total_energy_budget_j", "total_latency_budget_s"}
    assert not set(M2.users_frame().columns) & set(ALL)
    assert not Problem.of(M2).features
    assert Problem.of(M2).always_feasible


def test_limits_are_read_back(tmp_path: Path) -> None:
    """Through a document, and through tables with blanks for users without a limit."""
    limited = M2.replace(users={"eu1": ALL}, total_energy_budget_j=1.0, total_latency_budget_s=9.0)
    assert ei.Instance.from_dict(limited.to_dict()) == limited
    assert limited.digest() != M2.digest()
    frame = limited.users_frame()
    assert set(ALL) <= set(frame.columns)
    assert limited.with_users(frame) == limited
    frame.to_csv(tmp_path / "users.csv", index=False)
    assert ",,," in (tmp_path / "users.csv").read_text()
    assert limited.with_users(tmp_path / "users.csv") == limited
    assert limited.with_users(pd.read_csv(tmp_path / "users.csv")) == limited


def test_limits_can_be_set_and_taken_away() -> None:
    """By the texts of ``--set``; null leaves a key out."""
    limited = M2.with_settings(["users[*].deadline_s=5", "users[eu1].download=never"])
    assert [user.deadline_s for user in limited.users] == [5.0, 5.0]
    assert [user.download for user in limited.users] == ["never", None]
    limited = limited.with_settings(["total_latency_budget_s=9", "users[*].deadline_s=null"])
    assert limited.total_latency_budget_s == 9.0
    assert limited.users[1] == M2.users[1]


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"deadline_s": 0}, r"deadline_s \(user 'eu1'\) is 0, but must be a finite number > 0 \(l"),
        (
            {"energy_budget_j": -1.0},
            r"energy_budget_j \(user 'eu1'\) is -1.0, but must be a finite",
        ),
        ({"deadline_s": math.inf}, "deadline_s .* is inf, but must be a finite number > 0"),
        (
            {"min_uplink_share": 1.5},
            r"min_uplink_share .* is 1.5, but must be a number >= 0 and <=",
        ),
        ({"max_uplink_share": 0}, "max_uplink_share .* is 0, but must be a number > 0 and <= 1"),
        ({"max_downlink_share": "b"}, "max_downlink_share .* is 'b', but must be a number > 0 and"),
        ({"download": True}, "download .* is True, but must be 'free', 'always' or 'never'"),
        ({"download": "often"}, "download .* is 'often', but must be 'free', 'always' or 'never'"),
        (
            {"min_uplink_share": 0.5, "max_uplink_share": 0.2},
            r"min_uplink_share \(user 'eu1'\) is 0.5, but must be at most max_uplink_share, which",
        ),
        (
            {"min_offload_fraction": 0.5, "max_offload_fraction": 0.2},
            "min_offload_fraction .* is 0.5, but must be at most max_offload_fraction",
        ),
        (
            {"download": "never", "max_offload_fraction": 0.9},
            "max_offload_fraction .* is 0.9, but must be 1 for a user that never downloads",
        ),
    ],
)
def test_bad_limits_are_refused(limits: dict[str, Any], sentence: str) -> None:
    """One sentence names the key, the user and what is allowed."""
    with pytest.raises(ei.InputError, match=rf"^users\[0\]\.{sentence}"):
        M2.replace(users={"eu1": limits})


def test_bad_totals_are_refused() -> None:
    """They are limits of the instance."""
    with pytest.raises(ei.InputError, match=r"^total_energy_budget_j is 0, but must be a finite"):
        M2.replace(total_energy_budget_j=0)


# The judge


@each_limit
@pytest.mark.parametrize("seed", range(3))
def test_the_judge_holds_limits(limit: str, seed: int) -> None:
    """A limit that is 10 % too tight is violated by that; one that is loose changes nothing."""
    instance = reference("mixed-m4")
    allocation = random_allocation(instance, seed, downloads=True)
    free = ei.evaluate(instance, allocation)
    tight = ei.evaluate(LIMITS[limit](instance, allocation, 0.9), allocation)
    assert not tight.feasible
    assert tight.max_violation >= 0.01
    assert tight.objective == free.objective
    loose = ei.evaluate(LIMITS[limit](instance, allocation, 1.1), allocation)
    assert (loose.feasible, loose.objective) == (free.feasible, free.objective)


def test_a_violation_is_relative_and_named() -> None:
    """It names the user that is farthest beyond its limit; a total has none."""
    allocation = random_allocation(M2, 1)
    terms = ei.evaluate(M2, allocation).breakdown
    limits = {"eu2": {"deadline_s": float(terms.latency_s[1]) / 1.25}}
    (found,) = ei.evaluate(M2.replace(users=limits), allocation).violations
    assert (found.constraint, found.user) == ("latency <= its deadline", "eu2")
    assert found.amount == pytest.approx(0.25)
    total = M2.replace(total_energy_budget_j=float(terms.energy_j.sum()) / 1.5)
    (found,) = ei.evaluate(total, allocation).violations
    assert (found.constraint, found.user) == ("total energy (sum of (8))", None)
    assert found.amount == pytest.approx(0.5)


def test_what_never_ends_misses_every_limit_by_its_size() -> None:
    """A latency without an end is beyond a deadline, and a document says so in finite numbers."""
    allocation = random_allocation(M2, 1, downloads=True)
    stopped = ei.Allocation.from_dict(
        {
            **allocation.to_dict(),
            "users": [{**user, "frequency_hz": 0.0} for user in allocation.to_dict()["users"]],
        }
    )
    judged = ei.evaluate(with_each(deadline_s=5.0).replace(total_latency_budget_s=9.0), stopped)
    assert judged.max_violation == 1.0
    named = {violation.constraint for violation in judged.violations}
    assert {"latency <= its deadline", "total latency (sum of (9))"} <= named


def test_a_downlink_share_is_bounded_where_there_is_a_download() -> None:
    """Who downloads nothing has no share, whatever the least would be."""
    edge = random_allocation(M2, 4)
    edge = ei.Allocation.from_dict(
        {
            **edge.to_dict(),
            "users": [
                {**user, "download": False, "offload_fraction": 1.0, "downlink_share": 0.0}
                for user in edge.to_dict()["users"]
            ],
        }
    )
    assert ei.evaluate(with_each(min_downlink_share=0.4), edge).feasible


def test_limits_hold_in_training_rounds_too() -> None:
    """T_j is τ̂ + τ^md - τ^md of the round before there; decisions in the data are not asked for."""
    allocation = random_allocation(M2, 1, downloads=True)
    training = Problem.of(M2, "training")
    terms = ei.evaluate(training, allocation).breakdown
    expected = allocation.sync_s + terms.download_s - terms.previous_download_s
    assert terms.latency_s == pytest.approx(expected)
    for part, kept in ((0.9, False), (1.1, True)):
        limited = with_each(deadline_s=part * float(terms.latency_s.max()), download="never")
        judged = ei.evaluate(Problem.of(limited, "training"), allocation)
        named = {violation.constraint for violation in judged.violations}
        assert ("latency <= its deadline" not in named) == kept
        assert not any(constraint.startswith("a = 0") for constraint in named)


# Decisions


def test_data_and_restriction_are_both_held() -> None:
    """What is open is what both leave open; a training round asks data for no decisions."""
    limits = {
        "eu1": {"download": "always", "max_offload_fraction": 0.5},
        "eu2": {"download": "never"},
    }
    limited = M2.replace(users=limits)
    joint = Problem.of(limited)
    assert joint.features == {Feature.DECISION_BOUNDS}
    assert joint.always_feasible
    assert joint.decisions.local.tolist() == [True, False]
    assert joint.decisions.edge.tolist() == [False, True]
    halves = Problem.of(limited, Restriction(offload_min=0.2, grid=3)).decisions
    assert halves.offload_min[0] == pytest.approx(1 / 3)
    assert halves.offload_max[0] == pytest.approx(1 / 3)
    assert not Problem.of(limited, "eco").always_feasible
    assert Problem.of(limited, "training").features == {Feature.TRAINING}
    assert ei.solve(limited, "exact", problem="eco").termination == "infeasible"


@pytest.mark.parametrize(
    "method", slow_but(["exact", "admm", "milp", "minlp:bonmin"], "exact", "admm")
)
def test_decisions_in_the_data_are_kept(method: str) -> None:
    """As the same decisions in a restriction are, at the same cost."""
    decided = Restriction(edge=[False, True], local=[True, False], offload_max=[0.3, 1.0])
    limits = {
        "eu1": {"download": "always", "max_offload_fraction": 0.3},
        "eu2": {"download": "never"},
    }
    one = ei.solve(M2.replace(users=limits), method)
    other = ei.solve(M2, method, problem=decided)
    assert one.allocation is not None
    assert one.allocation.download.tolist() == [True, False]
    assert one.objective == pytest.approx(other.objective, rel=1e-9)
    assert one.problem == "joint"


def test_decisions_in_the_data_are_certified(tmp_path: Path) -> None:
    """The problem keeps its name, and its certificate proves what its data leave open."""
    proof = tmp_path / "proof.json"
    limited = M2.replace(users={"eu2": {"download": "never"}})
    for problem in ("joint", "eco"):
        ei.solve(limited, "exact", problem=problem, certificate=proof)
        found = verify(limited, json.loads(proof.read_text()))
        assert found.doubt is None
        assert found.problem == problem


def test_always_holds_a_download_of_no_use() -> None:
    """ι = 1 with a = 1 is tidied to a = 0, but for who has to download."""
    limited = with_each(download="always", min_offload_fraction=1.0)
    result = ei.solve(limited, "exact")
    assert result.allocation is not None
    assert result.feasible
    assert result.allocation.download.all()
    assert (result.allocation.offload_fraction == 1.0).all()


# Models


@each_formulation
@each_limit
def test_a_model_has_the_limits_of_the_judge(formulation: str, limit: str) -> None:
    """At a random allocation its rows are violated if and only if the judge says so."""
    instance = reference("letter-m4")
    for seed, part in product(range(2), (0.9, 1.1)):
        allocation = random_allocation(instance, seed, downloads=True, steps=5)
        limited = LIMITS[limit](instance, allocation, part)
        options: dict[str, Any] = {"step": 0.2} if formulation == "grid" else {}
        model = ei.models.minlp(limited, formulation, **options)
        try:
            ei.models.load(model, allocation)
        except ei.InputError:  # a decision that is fixed
            assert part < 1.0
            continue
        violated = ei.models.largest_violation(model)
        assert (violated[1] > 1e-6) == (part < 1.0), violated


@each_formulation
def test_limits_are_params(formulation: str) -> None:
    """An updated model is the model of the other instance; one with other limits is refused."""
    kept = {key: value for key, value in ALL.items() if key != "max_downlink_share"}
    one = with_each(**kept).replace(total_energy_budget_j=1.0, total_latency_budget_s=9.0)
    other = one.replace(
        users={"eu1": {"deadline_s": 4.0, "energy_budget_j": 0.4, "max_uplink_share": 0.6}},
        total_energy_budget_j=2.0,
    )
    model = ei.models.minlp(one, formulation)
    ei.models.update(model, other)
    anew = ei.models.minlp(other, formulation)
    for name in other.scaled.names:
        for key in ("deadline_s", "energy_budget_j", "uplink_share_max", "horizon_s"):
            there = anew.user[name].component(key).value
            assert model.user[name].component(key).value == there
    assert model.total_energy_budget_j.value == 2.0
    for change, sentence in (
        (
            {"users": {"eu1": {"deadline_s": None}}},
            "the largest latency of user 'eu1' is in one of",
        ),
        (
            {"total_latency_budget_s": None},
            "total_latency_budget_s is in one of instance and model",
        ),
        (
            {"users": {"eu1": {"min_offload_fraction": 0.3}}},
            "downloads and offload fractions are open other",
        ),
    ):
        with pytest.raises(ei.InputError, match=sentence):
            ei.models.update(model, one.replace(**change))


def test_an_exported_model_says_its_limits(tmp_path: Path) -> None:
    """The manifest has symbols and units of the limits that there are."""
    model = ei.models.minlp(with_each(deadline_s=3.0))
    ei.models.export(model, tmp_path / "model.nl")
    manifest = (tmp_path / "model.nl.manifest.json").read_text(encoding="utf-8")
    assert '"deadline_s"' in manifest
    assert '"energy_budget_j"' not in manifest


# Solvers


@cache
def free_terms() -> Any:
    """Return the terms of the optimum of (10)."""
    best = ei.solve(M2, "exact").allocation
    assert best is not None
    return ei.evaluate(M2, best).breakdown


@pytest.mark.parametrize("method", slow_but(["minlp:scip", "milp", "minlp:bonmin"], "minlp:bonmin"))
def test_limits_that_do_not_bind_change_nothing(method: str) -> None:
    """With twice of what the optimum takes it stays the optimum."""
    terms = free_terms()
    loose = with_each(
        deadline_s=2 * float(terms.latency_s.max()),
        energy_budget_j=2 * float(terms.energy_j.max()),
        max_uplink_share=0.9,
        min_uplink_share=1e-3,
    ).replace(total_energy_budget_j=2 * float(terms.energy_j.sum()))
    result = ei.solve(loose, method)
    assert result.objective == pytest.approx(float(terms.wsel.sum()), rel=1e-6)
    assert result.bound is None or result.bound <= float(terms.wsel.sum()) * (1 + 1e-9)


def brute_force(instance: ei.Instance, steps: int) -> float:
    """Return the least cost on a grid of all decisions, by formulas of its own; users' limits.

    Shares are multiples of 1/steps, ι of 1/20, and f of f_max/60; τ̂ is the last upload.
    """
    data, best = instance.scaled, math.inf
    users = len(data)
    offload, part = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 61)[1:], indexing="ij")

    def seconds(share: float, snr: float) -> float:
        return math.log(2) / (data.bandwidth_mhz * share * math.log1p(snr / share))

    for cut in product(range(steps + 1), repeat=2 * users - 1):
        last = steps - sum(cut)
        if last < 0 or min((*cut, last)[:users]) == 0:
            continue
        up, down = np.split(np.array([*cut, last]) / steps, 2)
        if (up < data.uplink_share_min).any() or (up > data.uplink_share_max).any():
            continue
        s = [seconds(up[j], data.uplink_snr[j]) for j in range(users)]
        start_s = data.previous_download_s + data.local_training_s
        sync_s = max(start_s[j] + data.model_mbit * s[j] for j in range(users))
        total = 0.0
        for j in range(users):
            load = data.model_mbit + offload * data.task_mbit[j]
            work = data.gigacycles_per_mbit * data.task_mbit[j]
            edge_s = np.maximum(sync_s, start_s[j] + load * s[j])
            edge_s = edge_s + offload * work / data.server_frequency_ghz
            energy_j = data.local_training_j[j] + data.transmit_power_w[j] * load * s[j]
            options = [(edge_s[-1, -1], energy_j[-1, -1])]
            if down[j] > 0:
                down_s = data.model_mbit * seconds(down[j], data.downlink_snr[j])
                f = part * data.max_frequency_ghz[j]
                local = (1 - offload) * work
                local_s = np.maximum(edge_s, sync_s + down_s + local / f)
                local_j = energy_j + data.receive_power_w[j] * down_s
                local_j = local_j + data.energy_coefficient[j] * f**2 * local
                options.append((local_s, local_j))
            costs = []
            for clock_s, spent_j in options:
                latency_s = np.asarray(clock_s) - data.previous_download_s[j]
                cost = data.energy_weight[j] * spent_j + data.latency_weight[j] * latency_s
                keeps = (latency_s <= data.deadline_s[j]) & (spent_j <= data.energy_budget_j[j])
                costs.append(float(np.where(keeps, cost, np.inf).min()))
            total += min(costs)
        best = min(best, total)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["minlp:scip", "milp"])
@pytest.mark.parametrize("seed", range(4))
def test_brute_force_agrees(seed: int, solver: str) -> None:
    """On one and two users: no grid point is below the bound, and the best is near the optimum."""
    users = 1 + seed % 2
    instance = ei.Instance.letter(users=users, seed=seed)
    free = ei.solve(instance, "exact").allocation
    assert free is not None
    terms = ei.evaluate(instance, free).breakdown
    key, part = (("deadline_s", 0.98), ("energy_budget_j", 0.9))[seed // 2]
    column = terms.latency_s if key == "deadline_s" else terms.energy_j
    limits = {
        name: {key: part * float(value)} for name, value in zip(terms.names, column, strict=True)
    }
    limited = instance.replace(users=limits)
    least = brute_force(limited, steps=400 if users == 1 else 24)
    result = ei.solve(limited, solver)
    assert result.termination == "optimal"
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= least <= 1.02 * result.objective
    assert result.objective <= least * (1 + 1e-6)


DEADLINES = {7.5: (4.09860, 4.09871), 7.0: (4.3376, 4.33795), 6.5: (4.5833, 4.5836)}
"""Deadlines of all users of letter-m4, each with what a piecewise relaxation and a subgradient
method, independent of this package, enclose the optimum in."""


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["milp", "minlp:bonmin"])
def test_deadlines_of_four_users(solver: str) -> None:
    """Optima are where others have found them; a tighter deadline never costs less."""
    instance = reference("letter-m4")
    costs = [VALUES["letter-m4"]["wsel"]]
    for deadline_s, (least, most) in DEADLINES.items():
        limits = {user.name: {"deadline_s": deadline_s} for user in instance.users}
        result = ei.solve(instance.replace(users=limits), solver)
        assert result.objective is not None
        assert least <= result.objective <= most
        assert result.bound is None or least * (1 - 1e-4) <= result.bound <= most
        costs.append(result.objective)
    assert costs == sorted(costs)


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "a deadline before training ends": {"deadline_s": 0.5},
    "a deadline that the whole band misses": {"deadline_s": 1.02},
    "an energy below training's": {"energy_budget_j": 0.03},
    "an energy that no upload can have": {"energy_budget_j": 0.05},
    "more than the band": {"min_uplink_share": 0.6},
}


@pytest.mark.parametrize("solver", slow_but(["milp", "minlp:scip"], "milp"))
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_point_has_is_infeasible(case: str, solver: str) -> None:
    """It is proven, and an allocation is none."""
    limited = with_each(**IMPOSSIBLE[case])
    assert not Problem.of(limited).always_feasible
    result = ei.solve(limited, solver)
    assert result.termination == "infeasible", result.message
    assert result.allocation is None
    document = result.to_dict()
    assert ei.Result.from_dict(document, limited).termination == "infeasible"


@pytest.mark.slow
@each_limit
@pytest.mark.parametrize("solver", ["milp", "minlp:bonmin"])
@pytest.mark.parametrize("seed", range(3))
def test_what_an_allocation_has_is_feasible(seed: int, solver: str, limit: str) -> None:
    """Limits of a random allocation are never called infeasible, and no bound is above it."""
    instance = hostile(seed, users=2)
    allocation = random_allocation(instance, seed)
    limited = LIMITS[limit](instance, allocation, 1.0 + 1e-9)
    cost = ei.evaluate(limited, allocation).objective
    result = ei.solve(limited, solver, time_limit=10, gap=1e-3)
    assert result.termination != "infeasible"
    if result.bound is not None:
        assert result.bound <= cost * (1 + 1e-6)
    if result.allocation is not None:
        assert ei.evaluate(limited, result.allocation).feasible


@pytest.mark.parametrize("feature", sorted(LIMIT_FEATURES - {Feature.PARTICIPATION}, key=str))
def test_benchmarks_of_the_letter_take_no_limits_they_do_not_know(feature: Feature) -> None:
    """The enumeration refuses, in a sentence that says who handles it."""
    limited = {
        Feature.DEADLINES: with_each(deadline_s=3.0),
        Feature.ENERGY_BUDGETS: with_each(energy_budget_j=0.3),
        Feature.SHARE_BOUNDS: with_each(max_uplink_share=0.5),
        Feature.FLEET_BUDGETS: M2.replace(total_energy_budget_j=1.0),
    }[feature]
    sentence = rf"'enumeration' does not handle {feature.value}, .* minlp"
    with pytest.raises(ei.InputError, match=sentence):
        ei.solve(limited, "enumeration", problem="grid:0.5")
