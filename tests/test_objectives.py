"""What may be minimised beside WSEL: the band, the edge's frequency, and the largest latency.

Two ways to an optimum are held against each other, laws that optima obey, and the words for them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo import claims
from eipyomo.cli import main
from eipyomo.models import FORMULATIONS
from eipyomo.problem import Problem
from eipyomo.solvers import METHODS
from eipyomo.solvers.contract import Claim, Method
from eipyomo.solvers.judge import judge
from tests.allocations import random_allocation
from tests.conftest import REFERENCE, reference, slow_but

M2 = reference("letter-m2")
OTHERS = ("band", "edge_frequency", "slowest")
FILE = str(REFERENCE / "instances" / "letter-m2.json")

Capture = pytest.CaptureFixture[str]


def due(deadline_s: float, instance: ei.Instance = M2, **changes: Any) -> ei.Instance:
    """Return an instance with this deadline for everybody."""
    users = {user.name: {"deadline_s": deadline_s} for user in instance.users}
    return instance.replace(users=users, **changes)


@cache
def slowest() -> ei.Result:
    """Return the least latency that both users can have, enclosed."""
    return ei.solve(M2, "milp", objective="slowest")


@cache
def least_band() -> ei.Result:
    """Return the least band of a deadline with which the 20 MHz of the data are not enough."""
    return ei.solve(due(2.3), "minlp:bonmin", objective="band")


def value_of(result: ei.Result) -> float:
    """Return the value of what was minimised, which must be there."""
    assert result.value is not None, result.message
    return result.value


# Optima


def test_the_least_band_that_is_known() -> None:
    """A relaxation of its own, outside of this package, encloses it in [10.571, 10.577] MHz."""
    limited = due(7.0, reference("letter-m4"))
    result = ei.solve(limited, "minlp:bonmin", objective="band")
    assert value_of(result) == pytest.approx(10.5762, rel=1e-5)
    assert (result.minimised, result.problem) == ("band", "joint")


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["milp", "minlp:scip"])
@pytest.mark.parametrize(
    ("objective", "deadline_s", "expected"),
    [("band", 7.0, 10.5762), ("band", 5.5, 24.3588), ("slowest", None, 5.75325)],
)
def test_four_users(solver: str, objective: str, deadline_s: float | None, expected: float) -> None:
    """Bounds of two ways that know nothing of one another are below the points of either."""
    instance = reference("letter-m4")
    limited = instance if deadline_s is None else due(deadline_s, instance)
    result = ei.solve(limited, solver, objective=objective, gap=1e-3)
    assert result.termination == "optimal"
    assert value_of(result) == pytest.approx(expected, rel=1e-3)
    assert result.bound is not None
    assert result.bound <= expected * (1 + 1e-5)


@pytest.mark.parametrize(
    ("objective", "formulation"),
    slow_but([(objective, formulation) for objective in OTHERS for formulation in FORMULATIONS]),
)
def test_formulations_agree(objective: str, formulation: str) -> None:
    """Bonmin ends inside of what `milp` encloses, on whatever model it is given."""
    limited = due(2.6)
    problem = Problem.of(limited, "grid:0.2" if formulation == "grid" else "joint")
    problem = replace(problem, objective=Problem.of(limited, objective=objective).objective)
    enclosed = (
        ei.solve(problem, "minlp:scip", formulation="grid")
        if formulation == "grid"
        else ei.solve(problem, "milp", gap=5e-3)
    )
    result = ei.solve(problem, "minlp:bonmin", formulation=formulation)
    assert enclosed.bound is not None
    assert enclosed.bound <= value_of(result) * (1 + 1e-6)
    assert value_of(result) == pytest.approx(value_of(enclosed), rel=5e-3)


@pytest.mark.parametrize("method", slow_but(["milp", "minlp:scip", "minlp:bonmin"], "minlp:bonmin"))
def test_at_the_least_latency_the_least_band_is_the_band(method: str) -> None:
    """θ is feasible if and only if the least band at deadlines of θ is at most B."""
    band = ei.solve(due(value_of(slowest())), method, objective="band")
    assert value_of(band) == pytest.approx(20.0, rel=1e-4)
    assert band.bound is None or band.bound <= 20.0


def test_the_least_band_is_what_it_takes() -> None:
    """With it there is an allocation of (10) that keeps the deadlines; with 0.999 of it none."""
    band = value_of(least_band())
    assert band > 20.0
    enough = ei.solve(due(2.3, bandwidth_hz=band * 1e6 * (1 + 1e-5)), "exact")
    assert enough.feasible
    short = ei.solve(due(2.3, bandwidth_hz=0.999 * band * 1e6), "exact")
    assert short.termination == "infeasible"
    assert {(one["user"], one["limit"]) for one in short.conflicts} <= {
        (user.name, "deadline_s") for user in M2.users
    }
    assert short.conflicts


@pytest.mark.parametrize(
    ("bandwidth_hz", "method"),
    slow_but([(1e5, "milp"), (4e6, "minlp:bonmin"), (3e8, "milp")], (4e6, "minlp:bonmin")),
)
def test_the_band_of_the_data_is_a_reference_alone(bandwidth_hz: float, method: str) -> None:
    """Rates depend on b B; shares, and the bounds of a model on them, are parts of any B."""
    result = ei.solve(due(2.3, bandwidth_hz=bandwidth_hz), method, objective="band", gap=1e-3)
    assert value_of(result) == pytest.approx(value_of(least_band()), rel=1e-3)


@pytest.mark.slow
def test_more_time_takes_less() -> None:
    """Of the band and of the edge's frequency; and fewer decisions take more."""
    for objective in ("band", "edge_frequency"):
        values = [
            value_of(ei.solve(due(end), "milp", objective=objective)) for end in (2.6, 2.7, 2.9)
        ]
        assert values == sorted(values, reverse=True)
    joint = value_of(ei.solve(due(6.0), "milp", objective="band"))
    for problem in ("gbe", "lco", "eco"):
        restricted = ei.solve(due(6.0), "milp", objective="band", problem=problem)
        assert joint <= value_of(restricted) * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["milp", "minlp:scip"])
@pytest.mark.parametrize(
    "limits",
    [{"energy_budget_j": 0.25}, {"max_uplink_share": 0.2}, {"download": "always"}],
)
def test_objectives_go_with_limits(limits: dict[str, Any], solver: str) -> None:
    """Bounds of the model that limits can make wrong are widened, and both ways agree."""
    limited = M2.replace(users={user.name: limits for user in M2.users})
    result = ei.solve(limited, solver, objective="slowest", gap=1e-3)
    other = ei.solve(limited, "minlp:bonmin", objective="slowest")
    assert value_of(result) >= value_of(slowest()) * (1 - 1e-6)
    assert value_of(result) == pytest.approx(value_of(other), rel=1e-3)


def test_a_benchmark_takes_an_objective() -> None:
    """The least band with everybody at the edge is more than that of the free decisions."""
    limited = due(4.0)
    edge = ei.solve(limited, "eco", solver="ipopt", objective="band")
    assert (edge.problem, edge.minimised) == ("eco", "band")
    assert edge.allocation is not None
    assert not edge.allocation.download.any()
    free = ei.solve(limited, "minlp:bonmin", objective="band")
    assert value_of(free) < value_of(edge)


# Models


@pytest.mark.parametrize("formulation", list(FORMULATIONS))
@pytest.mark.parametrize("objective", OTHERS)
@pytest.mark.parametrize("problem", ["joint", "gbe"])
def test_a_model_has_the_value_of_the_judge(objective: str, problem: str, formulation: str) -> None:
    """At a random allocation, which may take more than the data's band, also after an update."""
    limited = due(50.0, server={"total_frequency_hz": 5e9})
    allocation = random_allocation(limited, 3, downloads=True, steps=5)
    if objective == "band":
        allocation = allocation.divided(("uplink_share", "downlink_share"), 0.8)
    options: dict[str, Any] = {"step": 0.2} if formulation == "grid" else {}
    asked = Problem.of(limited, problem, objective=objective)
    model = ei.models.minlp(asked, formulation, **options)
    assert [one.name for one in model.component_data_objects(pyo.Objective, active=True)] == [
        objective
    ]
    for times in (1.0, 3.0):
        instance = limited.replace(bandwidth_hz=times * limited.bandwidth_hz)
        ei.models.update(model, instance)
        ei.models.load(model, allocation)
        judged = ei.evaluate(replace(asked, instance=instance), allocation)
        assert pyo.value(model.component(objective)) == pytest.approx(judged.value, rel=1e-12)
        assert pyo.value(model.wsel) == pytest.approx(judged.objective, rel=1e-9)
        violated = ei.models.largest_violation(model)
        assert (violated[1] <= 1e-6) == judged.feasible, violated


def test_a_model_of_ones_own_keeps_what_is_minimised() -> None:
    """With a row of one's own the answer is one of the same objective; a copy's too."""
    model = ei.models.minlp(Problem.of(M2, objective="slowest")).clone()
    model.late = pyo.Constraint(expr=model.sync_s >= 2.3)
    result = ei.solve_model(model, "bonmin")
    assert (result.problem, result.minimised) == ("model", "slowest")
    assert result.model_objective is None
    assert value_of(result) > 1.001 * value_of(slowest())
    assert ei.Result.from_dict(result.to_dict(), M2).to_dict() == result.to_dict()


def test_a_solution_of_an_exported_model_is_read_back(tmp_path: Path, capsys: Capture) -> None:
    """The manifest says what is minimised, and `evaluate` judges by that."""
    model = ei.models.minlp(Problem.of(M2, objective="slowest"))
    files = ei.models.export(model, tmp_path / "model.nl")
    assert json.loads(files[-1].read_text(encoding="utf-8"))["objective"] == "slowest"
    ei.models.load(model, random_allocation(M2, 1))
    columns = json.loads(files[-1].read_text(encoding="utf-8"))["columns"]
    values = [pyo.value(model.find_component(column["name"])) for column in columns]
    rows = json.loads(files[-1].read_text(encoding="utf-8"))["rows"]
    numbers = [rows, 0, len(values), len(values), *values]
    text = "\n".join(["ours", "", "Options", "3", "0", "1", "0", *map(str, numbers)])
    (tmp_path / "model.sol").write_text(f"{text}\nobjno 0 0\n", encoding="utf-8")
    assert main(["evaluate", FILE, str(tmp_path / "model.sol"), "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["minimised"] == "slowest"
    latencies = [user["latency_s"] for user in judged["breakdown"]["users"]]
    assert judged["value"] == pytest.approx(max(latencies))


# Refusals


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"objective": "band"}, "objective is 'band', but user 'eu1' has no deadline_s"),
        ({"objective": "edge_frequency"}, "objective is 'edge_frequency', but user 'eu1' has no"),
        (
            {"objective": "edge_frequency", "round": "training"},
            "objective is 'edge_frequency', but a training round has no task",
        ),
        ({"objective": "bandwidth"}, "objective is 'bandwidth', but must be one of: wsel, band, e"),
        ({"objective": "slowest", "method": "admm"}, "method 'admm' does not handle the objective"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    """In one sentence, before anything runs."""
    with pytest.raises(ei.InputError, match=f"^{sentence}"):
        ei.solve(M2, **arguments)


@pytest.mark.parametrize("method", [n for n, one in METHODS.items() if isinstance(one, Method)])
def test_who_does_not_handle_an_objective_says_so(method: str) -> None:
    """It names those who do."""
    for objective in OTHERS:
        problem = Problem.of(due(5.0), objective=objective)
        handles = METHODS[method].handles  # type: ignore[union-attr]
        if not problem.features <= handles:
            with pytest.raises(ei.InputError, match=r"(does not handle .*; .*milp|needs offload)"):
                ei.solve(problem, method)


def test_a_problem_says_itself_what_is_minimised() -> None:
    """What is said beside it is refused."""
    with pytest.raises(ei.InputError, match="which says itself what problem, round and objective"):
        ei.solve(Problem.of(M2), "milp", objective="slowest")


# Results


def verdict(problem: Problem, claim: Claim) -> ei.Result:
    """Judge a claim about a problem."""
    return judge(problem, claim, method="m", options={}, gap_at=lambda _: 1e-4, wall_s=0.0)


def test_the_judge_holds_a_bound_against_the_value() -> None:
    """A bound above WSEL is right, and one above the value is refuted."""
    problem, allocation = Problem.of(M2, objective="slowest"), random_allocation(M2, 1)
    value = ei.evaluate(problem, allocation).value
    cost = ei.evaluate(problem, allocation).objective
    assert cost < value
    found = verdict(problem, Claim("optimal", allocation, bound=value * (1 - 1e-5)))
    assert (found.termination, found.minimised) == ("optimal", "slowest")
    assert (found.value, found.objective) == (value, cost)
    assert found.gap == pytest.approx(1e-5)
    refuted = verdict(problem, Claim("optimal", allocation, bound=value * 1.01))
    assert refuted.termination == "error"
    assert f"its own point costs only {value:.9g}" in refuted.message


def test_what_is_needed_is_not_less_than_nothing() -> None:
    """A bound below 0 by rounding is 0, and proves an optimum of 0."""
    problem = Problem.of(due(50.0), objective="edge_frequency")
    allocation = random_allocation(problem.instance, 1, downloads=True)
    alone = replace(allocation, offload_fraction=np.zeros(2))
    found = verdict(problem, Claim("optimal", alone, bound=-1e-8))
    assert (found.termination, found.value, found.bound, found.gap) == ("optimal", 0.0, 0.0, 0.0)


def test_what_is_minimised_may_be_a_little_more() -> None:
    """Shares that miss a deadline by a solver's tolerance are raised by as much as that takes."""
    allocation = random_allocation(M2, 1, downloads=True)
    ends_s = float(ei.evaluate(M2, allocation).breakdown.latency_s.max())
    for part, repaired in ((1e-6, True), (1e-3, False)):
        less = allocation.divided(("uplink_share", "downlink_share"), 1 + part)
        late = replace(less, sync_s=less.sync_s * (1 - 1e-12))
        found = verdict(
            Problem.of(due(ends_s / (1 + 1e-6)), objective="band"), Claim("limit", late)
        )
        assert found.feasible is repaired or part == 1e-6


@pytest.fixture(scope="module")
def documents() -> dict[str, tuple[ei.Instance, dict[str, Any]]]:
    """Return documents of all kinds, each with its instance."""
    short = due(2.3)
    results = {
        "slowest": (M2, slowest()),
        "band": (short, least_band()),
        "gbe": (short, ei.solve(short, "minlp:bonmin", objective="band", problem="gbe")),
        "conflict": (short, ei.solve(short, "exact")),
        "error": (M2, ei.Result("x", "milp", "joint", "error", minimised="slowest", message="m")),
    }
    return {
        key: (instance, json.loads(json.dumps(result.to_dict())))
        for key, (instance, result) in results.items()
    }


Documents = dict[str, tuple[ei.Instance, dict[str, Any]]]


def test_documents_are_read_back(documents: Documents) -> None:
    """With bound and gap of what was minimised, and WSEL of the allocation beside."""
    for instance, document in documents.values():
        assert ei.Result.from_dict(document, instance).to_dict() == document
    found = documents["slowest"][1]
    assert found["objective"] < found["bound"] <= found["value"]
    assert found["gap"] == (found["value"] - found["bound"]) / found["value"]
    assert found["conflict"] is None
    instance, infeasible = documents["conflict"]
    assert infeasible["value"] is None
    assert infeasible["conflict"][0]["limit"] == "deadline_s"
    assert infeasible["conflict"][0]["value"] == instance.users[0].deadline_s


def test_halves_of_the_band_are_part_of_what_is_minimised() -> None:
    """Also in a restriction without a name and in a model, whose documents do not tell of them."""
    limited = due(2.7)
    mine = ei.Restriction(split_band=True, offload_max=[0.9, 1.0], label="mine")
    model = ei.models.minlp(Problem.of(limited, "gbe", objective="band"))
    for result in (
        ei.solve(limited, "minlp:bonmin", problem=mine, objective="band"),
        ei.solve_model(model, "bonmin"),
    ):
        assert result.allocation is not None
        halves = (result.allocation.uplink_share, result.allocation.downlink_share)
        assert value_of(result) == pytest.approx(40.0 * max(float(one.sum()) for one in halves))
        assert result.minimised == "band"
        document = json.loads(json.dumps(result.to_dict()))
        assert ei.Result.from_dict(document, limited).to_dict() == document


def test_documents_of_old_minimised_wsel() -> None:
    """Without the new keys a document is read as before, one of an own objective too."""
    document = ei.solve(M2, "exact").to_dict()
    old = {k: v for k, v in document.items() if k not in ("minimised", "value", "conflict")}
    read = ei.Result.from_dict(old, M2)
    assert (read.minimised, read.value) == ("wsel", document["objective"])
    assert read.to_dict() == document


@pytest.mark.parametrize(
    ("kind", "changes", "sentence"),
    [
        ("band", {"value": 1.0}, "value 1, but its allocation has 29.75"),
        ("band", {"minimised": "wsel"}, "its allocation is infeasible: bandwidth budget"),
        ("slowest", {"value": None}, "value null"),
        ("slowest", {"bound": 3.0, "gap": -0.17}, "bound 3, but its own point costs only 2.55"),
        ("slowest", {"minimised": "model"}, "model_objective null, but minimised 'model'"),
        ("slowest", {"minimised": "best"}, "minimised is 'best', but must be"),
        ("slowest", {"conflict": []}, "a conflict of 0 limits, but its termination is 'optimal'"),
        (
            "conflict",
            {"conflict": [{"user": "eu1", "limit": "deadline_s", "value": 9.0}]},
            "a conflict at deadline_s of user 'eu1' 9, but it is 2.3",
        ),
        (
            "conflict",
            {"conflict": [{"user": "x", "limit": "deadline_s", "value": 2.3}]},
            "conflict names the user 'x', but the instance has none such",
        ),
        (
            "conflict",
            {"conflict": [{"user": "eu1", "limit": "task_bits", "value": 2.3}]},
            r"conflict\[0\].limit is 'task_bits', but must be one of: deadline_s",
        ),
    ],
)
def test_false_documents_are_refused(
    kind: str, changes: dict[str, Any], sentence: str, documents: Documents
) -> None:
    """What is said of the value, of what was minimised or of a conflict is checked."""
    instance, document = documents[kind]
    with pytest.raises(ei.InputError, match=sentence):
        ei.Result.from_dict({**document, **changes}, instance)


def test_the_largest_latency_follows_from_the_breakdown(documents: Documents) -> None:
    """It is held against a document without its instance as well."""
    _, document = documents["slowest"]
    claims.check(document)
    with pytest.raises(ei.ClaimError, match=r"value 2, but its largest latency is 2\.5535"):
        claims.check({**document, "value": 2.0, "bound": 2.0, "gap": 0.0})


# Command line


def test_the_command_line_says_what_was_minimised(tmp_path: Path, capsys: Capture) -> None:
    """Value, unit and WSEL; the document is judged by its own objective."""
    file = str(tmp_path / "result.json")
    command = ["solve", FILE, "-m", "minlp:bonmin", "--objective", "slowest"]
    assert main([*command, "-o", file]) == 0
    out = capsys.readouterr().out
    assert "Slowest 2.5535" in out
    assert " s   bound -   gap -   WSEL 0.99" in out
    assert main(["evaluate", FILE, file]) == 0
    assert "Slowest 2.5535" in capsys.readouterr().out
    assert main(["evaluate", FILE, file, "--objective", "wsel", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["minimised"] == "wsel"
    assert main(["solve", FILE, "-m", "milp", "--objective", "band"]) == 2
    assert "which every user needs" in capsys.readouterr().err


def test_the_command_line_names_a_conflict(capsys: Capture) -> None:
    """Which users and limits cannot be met together."""
    assert main(["solve", FILE, "--set", "users[*].deadline_s=2.3"]) == 3
    assert "  deadline_s 2.3 of user 'eu1'" in capsys.readouterr().out


@pytest.mark.slow
def test_a_sweep_takes_objectives(capsys: Capture) -> None:
    """As options of methods; the table says what bound and gap are of."""
    methods = ["-m", "minlp:bonmin objective=slowest", "-m", "exact"]
    assert main(["sweep", FILE, *methods, "--workers", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["minimised"] for row in rows] == ["slowest", "wsel"]
    assert rows[0]["value"] == pytest.approx(2.5535, rel=1e-4)
    assert rows[1]["value"] == rows[1]["objective"]
