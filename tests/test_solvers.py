"""Solvers against certified values, and what becomes of those that misbehave."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo.models.files import nl
from eipyomo.solvers.backends import BACKENDS
from eipyomo.solvers.backends.process import run
from eipyomo.solvers.backends.wheels import WheelBackend
from eipyomo.solvers.judge import Claim, judge, repair
from tests.allocations import random_allocation
from tests.conftest import VALUES, names_up_to, reference

WHEELS = ("scip", "bonmin", "ipopt", "highs", "mindtpy")


def check(instance: ei.Instance, result: ei.Result) -> None:
    """Check what must hold for any answer: evaluated, feasible, and a bound below the cost."""
    assert result.allocation is not None
    again = ei.evaluate(instance, result.allocation)
    assert again.objective == result.objective
    assert again.feasible
    if result.bound is not None:
        assert result.objective is not None
        assert result.bound <= result.objective
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", names_up_to(5))
def test_bonmin_finds_the_optimum(name: str) -> None:
    """Bonmin's point is within 1e-4 of the certified optimum on instances with up to 5 users."""
    instance = reference(name)
    result = ei.solve(instance, "minlp:bonmin")
    check(instance, result)
    assert result.termination == "converged"
    assert result.bound is None
    assert result.objective is not None
    assert VALUES[name]["bound"] * (1 - 1e-6) <= result.objective
    assert result.objective == pytest.approx(VALUES[name]["wsel"], rel=1e-4)


@pytest.mark.parametrize("solver", ["exact", "ipopt"])
@pytest.mark.parametrize("method", ["eco", "lco"])
@pytest.mark.parametrize("name", [name for name in VALUES if "eco" in VALUES[name]])
def test_benchmarks(name: str, method: str, solver: str) -> None:
    """ECO and LCO equal the convex optima in values.json, and are never below that of (10)."""
    instance = reference(name)
    result = ei.solve(instance, method, solver=solver)
    check(instance, result)
    assert result.problem == method
    assert result.objective == pytest.approx(VALUES[name][method], rel=1e-6)
    assert result.objective is not None
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-6)


@pytest.mark.parametrize("name", list(VALUES))
def test_exact_is_certified(name: str) -> None:
    """The exact method agrees with the certified bracket of every reference instance to 1e-6."""
    instance = reference(name)
    result = ei.solve(instance)
    check(instance, result)
    assert (result.method, result.problem, result.termination) == ("exact", "joint", "optimal")
    assert result.gap is not None
    assert result.gap <= 1e-6
    assert result.objective == pytest.approx(VALUES[name]["wsel"], rel=1e-6)
    assert result.bound is not None
    assert result.bound <= VALUES[name]["wsel"]
    assert result.prices is not None
    assert [user["name"] for user in result.prices["users"]] == list(instance.scaled.names)


@pytest.mark.parametrize("name", [name for name in VALUES if "gbe_best_found" in VALUES[name]])
def test_restrictions_never_beat_the_optimum(name: str) -> None:
    """GBE is at most gbe_best_found of values.json, and it and every grid at least the optimum."""
    instance = reference(name)
    gbe = ei.solve(instance, "gbe")
    check(instance, gbe)
    assert gbe.objective is not None
    assert gbe.objective <= VALUES[name]["gbe_best_found"] * (1 + 1e-6)
    costs = [gbe.objective]
    for step in (0.5, 0.2, 0.1):
        result = ei.solve(instance, "exhaustive", step=step)
        check(instance, result)
        assert result.problem == f"grid:{step:g}"
        assert result.objective is not None
        costs.append(result.objective)
    assert min(costs) >= VALUES[name]["bound"] * (1 - 1e-6)
    assert costs[3] <= min(costs[1:3]) * (1 + 2e-6)  # 0.1 refines both 0.5 and 0.2


def test_lco_downloads_without_a_task() -> None:
    """LCO makes a user without a task download as well, as values.json has it."""
    result = ei.solve(reference("mixed-m4"), "lco")
    assert result.allocation is not None
    assert result.allocation.download.all()
    assert (reference("mixed-m4").scaled.task_mbit == 0).any()


def test_scip_proves_the_optimum_of_one_user() -> None:
    """SCIP's proven optimum of a one-user instance is what a scan over a and ι finds."""
    instance = ei.Instance.letter(users=1, seed=3)
    result = ei.solve(instance, "minlp:scip", time_limit=60)
    check(instance, result)
    assert result.termination == "optimal"
    costs = [ei.solve(instance, "eco").objective]
    for offload in np.linspace(0.0, 1.0, 11):
        model = ei.models.minlp(instance)
        ei.models.fix(model, download=True, offload_fraction=float(offload))
        costs.append(ei.solve_model(model, "ipopt", unchanged=True).objective)
    best = min(cost for cost in costs if cost is not None)
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= best * (1 + 1e-6)
    assert result.objective <= best * (1 + 1e-4)


def test_scip_on_two_users_keeps_its_limit() -> None:
    """In a short limit SCIP gives a point, and a bound that is not above the certified optimum."""
    result = ei.solve(reference("letter-m2"), "minlp:scip", time_limit=15)
    check(reference("letter-m2"), result)
    assert result.termination in ("optimal", "limit")
    assert result.objective == pytest.approx(VALUES["letter-m2"]["wsel"], rel=1e-3)
    assert result.bound is not None
    assert result.bound <= VALUES["letter-m2"]["wsel"]


def test_more_of_everything_never_hurts(letter: ei.Instance) -> None:
    """More bandwidth, a smaller model or task never make the convex benchmarks dearer."""
    for method in ("eco", "lco"):
        base = ei.solve(letter, method).objective
        assert base is not None
        for change in ({"bandwidth_hz": 25e6}, {"model_bits": 12e6}, {"cycles_per_bit": 40.0}):
            better = ei.Instance.from_dict({**letter.to_dict(), **change})
            cost = ei.solve(better, method).objective
            assert cost is not None
            assert cost <= base * (1 + 1e-7), change


def test_relabelling_changes_nothing(letter: ei.Instance) -> None:
    """The order of the users has no bearing on the benchmarks' optima."""
    shuffled = letter.with_users(letter.users_frame().iloc[[2, 0, 3, 1]])
    for method in ("eco", "lco"):
        one, other = ei.solve(letter, method), ei.solve(shuffled, method)
        assert other.objective == pytest.approx(one.objective, rel=1e-8)


def test_same_question_same_answer(letter: ei.Instance) -> None:
    """Two runs of a deterministic solver give the same allocation, bit for bit."""
    one, other = (ei.solve(letter, "minlp:bonmin").allocation for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.to_dict() == other.to_dict()


def test_a_users_constraint_is_kept(letter: ei.Instance) -> None:
    """A deadline on every latency is respected, and makes the optimum dearer."""
    model = ei.models.minlp(letter)
    model.deadline = pyo.ConstraintList()
    for name in model.users:
        model.deadline.add(model.user[name].latency_s <= 7.5)
    result = ei.solve_model(model, "bonmin")
    assert result.problem == "model"
    assert result.evaluation is not None
    assert (result.evaluation.breakdown.latency_s <= 7.5 * (1 + 1e-6)).all()
    assert result.objective is not None
    assert result.objective > VALUES["letter-m4"]["wsel"]
    assert ei.models.binding_bounds(model) == []


@pytest.mark.parametrize("solver", ["bonmin", "scip"])
def test_an_impossible_deadline_is_infeasible(solver: str, letter: ei.Instance) -> None:
    """A constraint that nothing can satisfy is reported as infeasible, not as an error."""
    model = ei.models.minlp(letter)
    model.deadline = pyo.Constraint(expr=model.user["eu1"].latency_s <= 0.5)
    result = ei.solve_model(model, solver)
    assert result.termination == "infeasible"
    assert result.allocation is None


def test_a_binding_horizon_is_said(letter: ei.Instance) -> None:
    """If a constraint pushes an answer against the model's horizon, no bound is claimed."""
    model = ei.models.minlp(letter)
    ei.models.fix(model, download=False, offload_fraction=1.0)
    late = 0.9999999 * pyo.value(model.user["eu1"].horizon_s)
    model.late = pyo.Constraint(expr=model.user["eu1"].latency_s + 1.0 >= late)
    result = ei.solve_model(model, "ipopt")
    assert result.bound is None


def test_ipopt_refuses_binaries(letter: ei.Instance) -> None:
    """A request that a solver cannot serve is refused before anything runs."""
    with pytest.raises(ei.InputError, match="'ipopt', which takes no integer variables"):
        ei.solve(letter, "minlp:ipopt")


@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        ("foo", {}, "method is 'foo', but must be one of: exact, admm, minlp, milp, eco, lco"),
        ("minlp:foo", {}, "solver is 'foo', but must be one of: scip, bonmin, ipopt, "),
        ("minlp:scip", {"solver": "bonmin"}, "solver is 'bonmin', but the method 'minlp:scip'"),
        ("gbe", {"solver": "scip"}, "solver is not an option of method 'gbe'"),
        ("exact", {"node_limit": 0}, "node_limit is 0, but must be a whole number >= 1"),
        ("exact", {"absolute_gap": -1.0}, "absolute_gap -1.0"),
        ("exhaustive", {"step": 0.3}, "step is 0.3, but must be 1/n"),
        ("exhaustive", {"step": "x"}, "step is 'x', but must be 1/n"),
        ("eco", {"time_limit": 0}, "time_limit is 0, but must be a finite number > 0"),
        ("eco", {"time_limit": math.nan}, "time_limit is nan"),
        ("eco", {"gap": -1.0}, "gap is -1.0"),
        ("eco", {"gap": "x"}, "gap is 'x'"),
        ("minlp", {"formulation": "x"}, "formulation is 'x', but must be one of: letter"),
        ("minlp", {"round": "x"}, "round is 'x', but must be one of: inference, training"),
    ],
)
def test_bad_requests_are_refused(
    method: str, options: dict[str, Any], expected: str, letter: ei.Instance
) -> None:
    """An unknown method, solver, option or value is named together with what is allowed."""
    with pytest.raises(ei.InputError, match=expected):
        ei.solve(letter, method, **options)


def test_a_missing_solver_is_one_sentence(
    letter: ei.Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver whose package is absent is reported with the command that installs it."""
    absent = wheel("scip", module="no_such_module")
    monkeypatch.setitem(BACKENDS, "scip", absent)
    with pytest.raises(ei.SolverError, match="is missing; to get it: python -m pip install PySC"):
        ei.solve(letter, "minlp:scip")
    frame = ei.compare([letter], ["minlp:scip", "eco"])
    assert list(frame["termination"]) == ["error", "optimal"]
    assert absent.trouble() == "it is missing"


@pytest.mark.parametrize("name", WHEELS)
def test_solvers_from_wheels_work(name: str) -> None:
    """Each solver that comes with the package really solves a tiny problem."""
    assert BACKENDS[name].trouble() is None


@pytest.mark.parametrize("name", ["bonmin", "ipopt", "mindtpy", "scip"])
def test_pyomo_reaches_them(name: str) -> None:
    """They solve a Pyomo model of the user's own: min (x-3)² + e^y, x <= 2, y >= 0 is 2."""
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(bounds=(0, 2)), pyo.Var(bounds=(0, 5))
    model.cost = pyo.Objective(expr=(model.x - 3) ** 2 + pyo.exp(model.y))
    solver = pyo.SolverFactory(f"eipyomo.{name}")
    assert solver.available()
    results = solver.solve(model)
    pyo.assert_optimal_termination(results)
    assert pyo.value(model.cost) == pytest.approx(2.0, abs=1e-5)


DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""


def wheel(name: str, **changes: Any) -> WheelBackend:
    """Return a changed backend of a solver from a wheel."""
    backend = BACKENDS[name]
    assert isinstance(backend, WheelBackend)
    return dataclasses.replace(backend, **changes)


FAKES = {
    "hangs": ("import time\nwhile True: time.sleep(1)", "did not stop at its time limit"),
    "ignores SIGTERM": (DEAF, "did not stop at its time limit"),
    "crashes": ("import os\nos.kill(os.getpid(), 11)", "ended by signal SIGSEGV"),
    "aborts": ("import os\nos.abort()", "ended by signal SIGABRT"),
    "raises": ("raise RuntimeError('no licence')", "exit status 1: RuntimeError: no licence"),
    "says nothing": ("pass", "it ended without an answer"),
    "writes rubbish": ("open('answer.json', 'w').write('}{')", "it ended without an answer"),
    "writes a list": ("open('answer.json', 'w').write('[]')", "it ended without an answer"),
    "writes half": (
        """open('answer.json', 'w').write('{"status": "converged", "values": [1')""",
        "it ended without an answer",
    ),
    "fills the pipe": ("print('x' * 10_000_000)", "it ended without an answer"),
}


def fake(tmp_path: Path, script: str) -> WheelBackend:
    """Return a backend whose child runs a script."""
    file = tmp_path / "fake.py"
    file.write_text(script)
    return wheel("bonmin", script=str(file))


@pytest.mark.parametrize("kind", FAKES)
def test_a_misbehaving_solver_comes_back(
    kind: str, letter: ei.Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver that hangs, crashes or babbles becomes a result in time, and the rest goes on."""
    script, expected = FAKES[kind]
    monkeypatch.setitem(BACKENDS, "bonmin", fake(tmp_path, script))
    monkeypatch.setattr("eipyomo.solvers.backends.process.GRACE_S", 0.5)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    frame = ei.compare([letter], ["minlp:bonmin", "eco"], time_limit=3)
    assert list(frame["termination"]) == ["error", "optimal"]
    assert expected in frame["message"][0]
    assert "\n" not in frame["message"][0]
    assert list(scratch.iterdir()) == []


def test_everything_that_a_child_started_is_ended(tmp_path: Path) -> None:
    """A grandchild that outlives its parent is ended with the group."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
    )
    outcome = run([sys.executable, str(script)], {}, time_limit=10, read=[])
    assert outcome.problem is None
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the grandchild is still running")


def test_an_ended_solver_keeps_its_incumbent(tmp_path: Path, letter: ei.Instance) -> None:
    """What a solver wrote before it hung is kept, as an answer that reached a limit."""
    model = ei.models.minlp(letter)
    ei.models.load(model, random_allocation(letter, 1))
    _, variables, _ = nl(model)
    values = {str(place): variable.value for place, variable in enumerate(variables)}
    answer = {"status": "limit", "message": "timelimit", "values": values}
    script = (
        f"import pathlib, time\npathlib.Path('answer.json').write_text({json.dumps(answer)!r})\n"
        "time.sleep(60)\n"
    )
    found = fake(tmp_path, script).solve(model, time_limit=-6.0, gap=1e-4)
    assert found.status == "limit"
    assert found.point is not None
    assert [value for _, value in found.point] == list(values.values())


def test_stray_files_are_of_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: ei.Instance
) -> None:
    """Option files and modules in the working folder do not reach the solvers."""
    (tmp_path / "bonmin.opt").write_text("bonmin.node_limit 0\n")
    (tmp_path / "ipopt.opt").write_text("max_iter 1\n")
    (tmp_path / "casadi.py").write_text("raise RuntimeError\n")
    monkeypatch.chdir(tmp_path)
    assert ei.solve(letter, "eco", solver="ipopt").termination == "converged"
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["bonmin.opt", "casadi.py", "ipopt.opt"]


def test_highs_takes_linear_models_only(letter: ei.Instance) -> None:
    """HiGHS proves a small knapsack's optimum, 7 by enumeration, and refuses logarithms."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(3), domain=pyo.Binary)
    model.value = pyo.Objective(expr=-(4 * model.x[0] + 3 * model.x[1] + 4 * model.x[2]))
    model.weight = pyo.Constraint(expr=3 * model.x[0] + 2 * model.x[1] + 3 * model.x[2] <= 5)
    answer = BACKENDS["highs"].solve(model, time_limit=10, gap=1e-6)
    assert answer.status == "optimal"
    assert answer.bound is not None
    assert -7.0 - 1.1e-6 * 7.0 <= answer.bound <= -7.0  # less the gap, which HiGHS does not count
    answer.load()
    assert pyo.value(model.value) == pytest.approx(-7.0)
    with pytest.raises(ei.InputError, match="'highs', which takes linear models only, but"):
        ei.solve(letter, "minlp:highs")


@pytest.mark.parametrize("name", ["letter-m2", "letter-m4"])
def test_mindtpy_is_local(name: str) -> None:
    """Outer approximation by HiGHS and Ipopt gives a feasible point, and claims no bound."""
    instance = reference(name)
    result = ei.solve(instance, "minlp:mindtpy")
    check(instance, result)
    assert result.termination == "converged"
    assert result.bound is None
    assert result.objective is not None
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-6)


@pytest.mark.parametrize(
    ("solver", "users", "limit_s"), [("scip", 12, 5), ("bonmin", 12, 5), ("mindtpy", 150, 3)]
)
def test_limits_hold(solver: str, users: int, limit_s: float) -> None:
    """A solver that needs longer stops at its limit, within 10 s, with what it has found.

    On a quiet machine SCIP and Bonmin need more than 30 s for these sizes. MindtPy needs 8 s, and 4
    for its first point, which is what the seconds of grace are for on a busy one.
    """
    instance = ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users, seed=1)
    started = time.monotonic()
    result = ei.solve(instance, "minlp", solver=solver, time_limit=limit_s)
    assert time.monotonic() - started < limit_s + 10
    assert result.termination == "limit"
    assert result.feasible


def verdict(letter: ei.Instance, claim: Claim, **options: Any) -> ei.Result:
    """Judge a claim about the letter's instance."""
    return judge(letter, claim, method="m", problem="joint", gap=1e-4, wall_s=0.0, **options)


def test_false_claims_are_contradicted(letter: ei.Instance) -> None:
    """Each claim that can be refuted becomes an error that says what is true."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    zero = dataclasses.replace(good, uplink_share=np.zeros(4), downlink_share=np.zeros(4))
    false = {
        "claims that no feasible allocation exists": Claim("infeasible"),
        "claims success but gives no point": Claim("optimal", bound=1.0),
        "gives an infeasible point": Claim("optimal", allocation=zero, bound=0.5),
        "claims the lower bound": Claim("optimal", allocation=good, bound=1.01 * cost),
    }
    for sentence, claim in false.items():
        result = verdict(letter, claim)
        assert result.termination == "error"
        assert sentence in result.message
        assert result.bound is None


def test_bounds_are_clamped_or_dropped(letter: ei.Instance) -> None:
    """A bound above the cost by rounding is clamped; an infinite or missing one is null."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    clamped = verdict(letter, Claim("optimal", good, bound=cost * (1 + 1e-10)))
    assert (clamped.bound, clamped.gap, clamped.termination) == (cost, 0.0, "optimal")
    for bound in (-math.inf, math.inf, math.nan, None):
        result = verdict(letter, Claim("converged", good, bound=bound))
        assert (result.bound, result.gap) == (None, None)
    loose = verdict(letter, Claim("optimal", good, bound=0.5 * cost))
    assert loose.termination == "limit"
    assert loose.gap == pytest.approx(0.5)


def test_a_users_infeasible_model_is_believed(letter: ei.Instance) -> None:
    """With constraints of the user's own, infeasible is an answer."""
    result = verdict(letter, Claim("infeasible"), always_feasible=False)
    assert result.termination == "infeasible"


def test_repair_is_small(letter: ei.Instance) -> None:
    """Rounding errors up to 1e-5 are repaired, larger ones are left to be refused."""
    good = random_allocation(letter, 1)
    for excess, feasible in ((5e-6, True), (1e-3, False)):
        over = dataclasses.replace(
            good,
            uplink_share=good.uplink_share * (1 + excess),
            downlink_share=good.downlink_share * (1 + excess),
        )
        assert ei.evaluate(letter, repair(letter, over)).feasible is feasible
    terms = ei.evaluate(letter, good).breakdown
    last_s = float((letter.scaled.upload_start_s + terms.upload_s).max())
    for short, feasible in ((5e-6, True), (1e-3, False)):
        early = dataclasses.replace(good, sync_s=last_s * (1 - short))
        assert ei.evaluate(letter, repair(letter, early)).feasible is feasible


def test_compare_measures_alike(letter: ei.Instance) -> None:
    """The table has one row for each method, and the excess over the best is as defined."""
    frame = ei.compare([letter, reference("letter-m2")], ["minlp:bonmin", "eco", "lco"])
    assert len(frame) == 6
    for _, rows in frame.groupby("instance"):
        best = rows["objective"].min()
        assert rows["excess"].tolist() == pytest.approx((rows["objective"] / best - 1).tolist())
    for methods, instances in (([], [letter]), (["eco"], [])):
        with pytest.raises(ei.InputError, match="is empty, but must"):
            ei.compare(instances, methods)
    with pytest.raises(ei.InputError, match="method is 'nope'"):
        ei.compare([letter], ["eco", "nope"])
