"""Solvers against certified values, and what becomes of those that misbehave."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.opt import SolverStatus, TerminationCondition

import eipyomo as ei
from eipyomo.models.writers import nl
from eipyomo.solvers.backends import BACKENDS, casadi_child
from eipyomo.solvers.backends.process import run
from eipyomo.solvers.backends.wheels import WheelBackend
from eipyomo.solvers.judge import Claim, judge, repair
from tests.allocations import random_allocation
from tests.conftest import VALUES, names_up_to, reference

WHEELS = ("scip", "bonmin", "ipopt", "highs", "mindtpy")
WHEELS_APART = [pytest.param(name, marks=pytest.mark.solver(name)) for name in ("maingo", "shot")]


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
        ("exhaustive", {"step": "x"}, "step is 'x', but must be a finite number"),
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


@pytest.mark.parametrize("name", [*WHEELS, *WHEELS_APART])
def test_solvers_from_wheels_work(name: str) -> None:
    """Each solver that comes as a package really solves a tiny problem."""
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
        with pytest.raises(ei.InputError, match=r"but must be a list of .*, not empty"):
            ei.compare(instances, methods)
    with pytest.raises(ei.InputError, match="method is 'nope'"):
        ei.compare([letter], ["eco", "nope"])


def small(sense: int = 1, *, integer: bool = True, constant: float = 0.0) -> Any:
    """Return min (or max the negative of) x - n + a constant, x >= 2, n <= 3.5: -1 at (2, 3)."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 10), initialize=5)
    model.n = pyo.Var(
        bounds=(0.5, 3.5), domain=pyo.Integers if integer else pyo.Reals, initialize=1
    )
    model.row = pyo.Constraint(expr=model.x >= 2)
    model.cost = pyo.Objective(
        expr=sense * (model.x - model.n) + constant,
        sense=pyo.minimize if sense > 0 else pyo.maximize,
    )
    model.unused = pyo.Var(domain=pyo.Binary if integer else pyo.Reals)
    return model


def scaled(model: Any) -> Any:
    """Put a scaling factor on all that a model has, at the top and in a block."""
    model.block = pyo.Block()
    for home in (model, model.block):
        home.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
        for part in (model.x, model.n, model.row, model.cost):
            home.scaling_factor[part] = -10.0
        home.scaling_factor[None] = 7.0
    return model


WHEELS_APART = [pytest.param(name, marks=pytest.mark.solver(name)) for name in ("maingo", "shot")]
MIXED = ["scip", "bonmin", "highs", "mindtpy", *WHEELS_APART]


@pytest.mark.parametrize("sense", [1, -1])
@pytest.mark.parametrize("name", MIXED)
def test_plugins_answer_in_the_models_own_terms(name: str, sense: int) -> None:
    """Scaling factors, senses, constants, integers between fractional bounds: 4 at (2, 3).

    The bound stands on the side of the sense, the incumbent's cost on the other.
    """
    model = scaled(small(sense, constant=5.0))
    cost = 5.0 - sense
    results = pyo.SolverFactory(f"eipyomo.{name}").solve(model, timelimit=None)
    pyo.assert_optimal_termination(results)
    assert model.x.value == pytest.approx(2.0, abs=1e-6)
    assert model.n.value == pytest.approx(3.0, abs=1e-6)
    assert model.unused.value is None
    assert pyo.value(model.cost) == pytest.approx(cost, abs=1e-6)
    proves = BACKENDS[name].capabilities.proves
    sides = [results.problem.lower_bound, results.problem.upper_bound]
    bound, incumbent = sides if sense > 0 else sides[::-1]
    assert incumbent == pytest.approx(cost, abs=1e-6)
    assert bound == (pytest.approx(cost, rel=2e-4) if proves else -sense * math.inf)
    assert sense * bound <= sense * incumbent


@pytest.mark.parametrize("name", [*MIXED, "ipopt"])
def test_plugins_claim_what_is_proven(name: str) -> None:
    """Only a solver that proves, or a row of fixed variables, makes a model infeasible."""
    solver = pyo.SolverFactory(f"eipyomo.{name}")
    model = small(integer=name != "ipopt")
    model.impossible = pyo.Constraint(expr=model.x + model.n <= 1)
    results = solver.solve(model)
    proves = BACKENDS[name].capabilities.proves
    condition = TerminationCondition.infeasible if proves else TerminationCondition.noSolution
    assert results.solver.termination_condition == condition
    assert results.solver.status == SolverStatus.warning
    assert not pyo.check_optimal_termination(results)
    assert (model.x.value, model.n.value) == (5, 1)
    model.x.fix(3)
    model.n.fix(1)
    results = solver.solve(model)
    assert results.solver.termination_condition == TerminationCondition.infeasible
    if name != "highs":
        assert "the row 'impossible' cannot hold: its variables" in results.solver.message


@pytest.mark.parametrize("name", ["scip", "bonmin", "highs", "mindtpy"])
def test_unbounded_is_said(name: str) -> None:
    """A cost without an end is told apart from failure, and its point is not loaded."""
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(initialize=1.0), pyo.Var(bounds=(0, 1), initialize=0.5)
    model.cost = pyo.Objective(expr=model.x + model.y)
    model.row = pyo.Constraint(expr=model.x <= model.y + 3)
    assert BACKENDS[name].solve(model, time_limit=20, gap=1e-4).status == "unbounded"
    results = pyo.SolverFactory(f"eipyomo.{name}").solve(model)
    assert results.solver.termination_condition == TerminationCondition.unbounded
    assert (model.x.value, model.y.value) == (1.0, 0.5)


def test_plugins_take_the_usual_keywords(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log, files, names, times and solutions go where a script asks for them."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    solver = pyo.SolverFactory("eipyomo.scip", options={"limits/nodes": 50})
    solver.options["display/freq"] = 10
    model = small()
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    model.dual[model.row] = 9.0
    results = solver.solve(
        model,
        tee=True,
        logfile=str(tmp_path / "scip.log"),
        keepfiles=True,
        symbolic_solver_labels=True,
        warmstart=True,
        load_solutions=False,
        report_timing=True,
        suffixes=[],
        options={"limits/nodes": 60},
    )
    shown = capfd.readouterr().out
    assert "SCIP Status" in shown
    assert "seconds in eipyomo.scip" in shown
    assert "SCIP Status" in (tmp_path / "scip.log").read_text()
    kept = next(tmp_path.glob("eipyomo-kept-*"))
    assert str(kept) in shown
    assert (kept / "model.col").read_text() == "x\nn\n"
    assert json.loads((kept / "job.json").read_text())["options"] == {
        "limits/gap": 1e-4,
        "display/freq": 10,
        "limits/nodes": 60,
    }
    assert (model.x.value, model.n.value, model.dual[model.row]) == (5, 1, 9.0)
    model.solutions.load_from(results)
    assert (model.x.value, model.n.value) == pytest.approx((2.0, 3.0))
    model.dual[model.row] = 9.0
    solver.solve(model)
    assert len(model.dual) == 0  # no multiplier of an older solution is left


def test_plugins_take_an_executable(tmp_path: Path) -> None:
    """An executable may be named when the solver is made or when it is used; both must exist."""
    command = str(Path(sys.executable).parent / "eipyomo-bonmin")
    model = small()
    pyo.SolverFactory("eipyomo.bonmin", executable=command).solve(model, keepfiles=False)
    assert model.n.value == pytest.approx(3.0)
    for given in ({"executable": "/none"}, {}):
        made = {} if given else {"executable": "/none"}
        with pytest.raises(ei.SolverError, match="executable is '/none'"):
            pyo.SolverFactory("eipyomo.bonmin", **made).solve(model, **given)
    with pytest.raises(ei.InputError, match=r"cannot write .*no/x\.log"):
        pyo.SolverFactory("eipyomo.bonmin").solve(model, logfile=str(tmp_path / "no" / "x.log"))


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        (
            {"colour": 1},
            r"solve\(\) of eipyomo.scip takes no keyword 'colour', but only: timelimit",
        ),
        ({"suffixes": ["dual"]}, r"suffixes is \['dual'\], but eipyomo.scip brings none back"),
        ({"options": "gap=1"}, "options is 'gap=1', but must be a mapping"),
        ({"options": {"colour": 1}}, "option 'colour' is 1, but the solver 'scip' does not take"),
        ({"options": {"limits/nodes": 2.5}}, "option 'limits/nodes' is 2.5, but the solver 'scip'"),
        ({"options": {"threads": 2}}, "threads is 2, but the solver 'scip' has no such setting"),
        ({"timelimit": 0}, "timelimit is 0, but must be a number of seconds > 0 or None"),
        ({"timelimit": math.nan}, "timelimit is nan, but must be"),
        ({"timelimit": "5"}, "timelimit is '5', but must be"),
    ],
)
def test_plugins_refuse_what_they_do_not_do(keywords: dict[str, Any], expected: str) -> None:
    """A request that is not served is one sentence, never passed over."""
    with pytest.raises(ei.InputError, match=expected):
        pyo.SolverFactory("eipyomo.scip").solve(small(), **keywords)
    with pytest.raises(ei.InputError, match=r"eipyomo.scip takes no keyword 'colour', but only"):
        pyo.SolverFactory("eipyomo.scip", colour=1).solve(small())


def test_plugins_refuse_two_objectives_and_starts_without_values() -> None:
    """What would be solved as something else is named instead."""
    model = small()
    model.second = pyo.Objective(expr=model.x)
    solver = pyo.SolverFactory("eipyomo.scip")
    with pytest.raises(ei.InputError, match=r"2 active objectives \('cost', 'second'\)"):
        solver.solve(model)
    model.second.deactivate()
    model.x.set_value(None)
    with pytest.raises(ei.InputError, match="warmstart is True, but the variable 'x' has no value"):
        solver.solve(model, warmstart=True)
    model.cost.deactivate()
    with pytest.raises(ei.InputError, match="0 active objectives"):
        solver.solve(model)


LIES = {
    "breaks a row": ("converged", [0.0, 3.0], None, "violates the row 'row' by 1"),
    "breaks a bound": ("optimal", [2.0, 5.0], None, "has 'n' at 5, beyond its bound 3.5"),
    "is no whole number": ("limit", [2.0, 2.5], None, "has 'n' at 2.5, which is no whole number"),
    "gives no point": ("converged", None, None, "gives no point"),
    "says infeasible at a point": ("infeasible", [2.0, 3.0], None, "gives a feasible point"),
    "is beyond its bound": ("optimal", [2.0, 3.0], -0.5, "gives the bound -0.5, and a point at"),
}


@pytest.mark.parametrize("kind", LIES)
def test_plugins_load_solutions_only(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A point that breaks the model, or contradicts its own claim, is an error and not loaded."""
    status, values, bound, expected = LIES[kind]
    point = None if values is None else dict(enumerate(values))
    answer = {"status": status, "message": "fake", "bound": bound, "values": point}
    file = tmp_path / "fake.py"
    file.write_text(f"open('answer.json', 'w').write({json.dumps(answer)!r})")
    solver = pyo.SolverFactory("eipyomo.scip")
    monkeypatch.setattr(solver, "backend", wheel("scip", script=str(file)))
    model = small()
    results = solver.solve(model)
    assert results.solver.termination_condition == TerminationCondition.error
    assert expected in results.solver.message
    assert (model.x.value, model.n.value) == (5, 1)
    assert results.problem.lower_bound == -math.inf


# An option that each solver has with a value that shows in its answer, one that it has not, and
# a value that it does not take.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "scip": ({"limits/solutions": 1, "presolving/maxrounds": 0}, {"limits/nodes": "many"}),
    "bonmin": ({"node_limit": 0}, {"algorithm": "B-XX"}),
    "ipopt": ({"max_iter": 1}, {"tol": -1.0}),
    "highs": ({"mip_max_improving_sols": 1, "presolve": "off"}, {"presolve": "perhaps"}),
    "mindtpy": ({"iteration_limit": 1, "threads": 1}, {"iteration_limit": "many"}),
    "cyipopt": ({"max_iter": 1, "acceptable_tol": 1}, {"mu_strategy": "x"}),
    "maingo": ({"BAB_maxIterations": 1}, {"BAB_maxIterations": -3}),
    "shot": ({"Termination.IterationLimit": 1, "threads": 1}, {"Dual.CutStrategy": 99}),
}
OPTIONAL = ("cyipopt", "maingo", "shot")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.solver(name)] if name in OPTIONAL else [])
        for name in OPTIONS
    ],
)
def test_options_reach_each_solver(name: str) -> None:
    """An option goes through by the solver's own name; what it does not take is named."""
    good, bad = OPTIONS[name]
    found = BACKENDS[name]
    model = small(integer=found.capabilities.integers)
    if found.capabilities.nonlinear:
        model.bent = pyo.Constraint(expr=model.x**2 + model.n**2 <= 50)
    answer = found.solve(model, time_limit=20, gap=1e-4, options=good)
    assert answer.status in ("limit", "optimal", "converged"), answer.message
    if name in ("ipopt", "cyipopt", "scip"):
        assert answer.status == "limit", answer.message
    for options in ({"colour": 1}, bad):
        key, value = next(iter(options.items()))
        with pytest.raises(ei.InputError, match=f"the option '{key}' is {value!r}, but the solver"):
            found.solve(model, time_limit=20, gap=1e-4, options=options)
    if found.capabilities.threads is None:
        with pytest.raises(ei.InputError, match="has no such setting"):
            found.solve(model, time_limit=20, gap=1e-4, options={"threads": 1})


@pytest.mark.parametrize("name", MIXED)
def test_the_gap_is_passed_on(name: str, tmp_path: Path) -> None:
    """A child is told the gap by the names in the capabilities, and the caller's options last."""
    file = tmp_path / "fake.py"
    seen = tmp_path / "job.json"
    file.write_text(f"import shutil; shutil.copy('job.json', {str(seen)!r})")
    found = wheel(name, script=str(file))
    names = (found.capabilities.gap or "").split()
    assert names
    found.solve(small(), time_limit=5, gap=0.0123, options={names[0]: 0.5})
    job = json.loads(seen.read_text())
    assert [job["options"][key] for key in names] == [0.5, *[0.0123] * (len(names) - 1)]
    assert job["time_names"] == (found.capabilities.time_limit or "").split()


def test_options_that_loosen_void_what_scip_proves() -> None:
    """With tolerances of the caller's own, SCIP's bound is not taken for one."""
    answer = BACKENDS["scip"].solve(
        small(), time_limit=20, gap=1e-4, options={"numerics/feastol": 1e-4}
    )
    assert (answer.status, answer.bound) == ("converged", None)


def test_highs_counts_what_its_gap_passes_over() -> None:
    """At a gap of 20 % HiGHS calls its incumbent's cost the bound; ours is below the optimum."""
    rng = np.random.default_rng(3)
    for sense in (pyo.minimize, pyo.maximize):
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(25), domain=pyo.Binary)
        worth, weight = rng.uniform(1, 9, 25), rng.uniform(1, 9, 25)
        total = sum(float(worth[j]) * model.x[j] for j in range(25))
        model.cost = pyo.Objective(expr=-total if sense == pyo.minimize else total, sense=sense)
        model.row = pyo.Constraint(expr=sum(float(weight[j]) * model.x[j] for j in range(25)) <= 40)
        sign = 1 if sense == pyo.minimize else -1
        best = BACKENDS["highs"].solve(model, time_limit=20, gap=0.0)
        loose = BACKENDS["highs"].solve(model, time_limit=20, gap=0.2)
        best.load()
        optimum = sign * pyo.value(model.cost)
        assert best.bound is not None
        assert loose.bound is not None
        assert sign * loose.bound <= sign * best.bound <= optimum
        assert optimum - sign * best.bound <= 1e-5


def test_an_incomplete_point_is_none(tmp_path: Path) -> None:
    """A child whose answer lacks a column, or holds an infinity, has given no point."""
    for values in ({"0": 2.0}, {"0": 2.0, "1": math.inf}):
        answer = {"status": "converged", "message": "fake", "values": values}
        found = fake(tmp_path, f"open('answer.json', 'w').write({json.dumps(answer)!r})")
        assert found.solve(small(), time_limit=5, gap=1e-4).point is None


def test_unused_variables_lose_no_answer() -> None:
    """MindtPy gives no value to a variable that stands in no row; the rest is the answer."""
    model = small()
    answer = BACKENDS["mindtpy"].solve(model, time_limit=20, gap=1e-4)
    assert answer.status == "converged"
    assert answer.point is not None
    assert {variable.name for variable, _ in answer.point} == {"x", "n"}


def far_and_large(seed: int) -> Any:
    """Return a model on which Bonmin dies in what it does from random points far away."""
    instance = ei.Instance.letter(
        users=8, model_mbit=800, bandwidth_mhz=10, path_loss_exponent=2.0, seed=seed
    )
    return ei.models.minlp(instance)


def with_a_share_fixed() -> Any:
    """Return another one."""
    model = ei.models.minlp(ei.Instance.letter(users=3), "spectral")
    model.uplink_share["eu1"].fix(0.05)
    return model


DYING: dict[str, tuple[Callable[[], Any], float]] = {
    "800 Mbit, seed 1": (partial(far_and_large, 1), 72.160752),
    "800 Mbit, seed 2": (partial(far_and_large, 2), 74.378710),
    "800 Mbit, seed 3": (partial(far_and_large, 3), 74.673639),
    "a fixed share": (with_a_share_fixed, 2.543286),
}
"""Where Bonmin died, and the least costs: by `exact`, and by `milp` with the share fixed."""


@pytest.mark.parametrize("name", DYING)
@pytest.mark.parametrize("far", [False, True])
def test_bonmin_answers_where_it_died(name: str, far: bool) -> None:
    """It does not die from near points, and where it dies from far ones it is begun anew."""
    build, cost = DYING[name]
    options = {"max_random_point_radius": 1e5} if far else None
    result = ei.solve_model(build(), "bonmin", options=options)
    assert result.termination == "converged", result.message
    assert result.objective == pytest.approx(cost, rel=1e-5)
    assert ("at a second try without random points" in result.message) == far


def test_a_second_death_says_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing helps the sentence gives advice; Ipopt is not begun anew."""
    tries: list[dict[str, Any]] = []

    def die(_: Any, solver: str, options: dict[str, Any]) -> Any:
        tries.append({"solver": solver, **options})
        raise RuntimeError(".../somewhere.cpp:480: Uncaught error in Bonmin")

    monkeypatch.setattr(casadi_child, "solve", die)
    job = {
        "solver": "bonmin",
        "started": time.monotonic(),
        "time_limit": 9.0,
        "time_names": ["time_limit"],
        "options": {"num_resolve_at_root": 8, "node_limit": 7},
    }
    first = RuntimeError("first")
    with pytest.raises(RuntimeError, match=r"^Uncaught error in Bonmin; try its option algorithm"):
        casadi_child.solve_calmly(None, job, first)
    with pytest.raises(RuntimeError, match="first"):
        casadi_child.solve_calmly(None, job | {"solver": "ipopt"}, first)
    (only,) = tries
    assert 0 < only.pop("time_limit") <= 9.0
    assert only == {
        "solver": "bonmin",
        "num_resolve_at_root": 0,
        "num_resolve_at_node": 0,
        "node_limit": 7,
    }


@pytest.mark.solver("maingo")
@pytest.mark.parametrize(
    ("name", "formulation", "limit_s"),
    [
        ("hostile-18", "letter", 20),
        ("hostile-12", "spectral", 20),
        ("letter-m2", "letter", 4),
        ("letter-m2", "spectral", 8),
        ("letter-m4", "letter", 8),
        ("mixed-m4", "letter", 4),
    ],
)
def test_bounds_of_maingo_are_valid(name: str, formulation: str, limit_s: float) -> None:
    """MAiNGO's bound is below the certified optimum of values.json, and its point above it."""
    result = ei.solve(reference(name), "minlp:maingo", formulation=formulation, time_limit=limit_s)
    check(reference(name), result)
    assert result.termination in ("optimal", "limit"), result.message
    assert result.bound is not None
    assert result.bound <= VALUES[name]["wsel"] * (1 + 1e-9)
    assert result.objective is not None
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-6)


@pytest.mark.solver("maingo")
def test_maingo_answers_when_it_is_late() -> None:
    """It searches for longer than it may before it counts its time; its first point is kept."""
    instance = ei.Instance.letter(users=12, bandwidth_mhz=60.0, seed=1)
    result = ei.solve(instance, "minlp:maingo", formulation="spectral", time_limit=1)
    check(instance, result)
    assert result.termination == "limit"


@pytest.mark.solver("maingo")
def test_maingo_takes_what_has_bounds(letter: ei.Instance) -> None:
    """A variable without one is refused by its name, before anything is solved."""
    for bounds in ((None, 1), (0, None), (None, None)):
        model = ei.models.minlp(letter)
        model.mine = pyo.Var(bounds=bounds)
        with pytest.raises(ei.InputError, match="with finite bounds only, but 'mine' has"):
            ei.solve_model(model, "maingo")


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "powers": lambda x: x**1.5 + 3 / x**2 + x ** (-0.5),
    "exp and log": lambda x: pyo.exp(-x) + pyo.log(x + 1) - 2 * pyo.log10(x),
    "roots": lambda x: pyo.sqrt(x) + abs(x - 2) - 0.1 * x,
    "waves": lambda x: pyo.sin(3 * x) + pyo.cos(x) + 0.01 * pyo.tan(x / 4),
    "inverse waves": lambda x: pyo.atan(x - 2) + pyo.asin(x / 9) - pyo.acos(x / 9),
    "hyperbolic": lambda x: pyo.tanh(x - 2) + pyo.cosh(x - 2) - 0.1 * pyo.sinh(x),
    "exponents": lambda x: 2**x - x**x / 9,
}


@pytest.mark.solver("maingo")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_maingo_reads_functions(name: str) -> None:
    """The least value of a function on [1, 4] is that of a fine scan, and the greatest too."""
    function = FUNCTIONS[name]
    scan = np.array([pyo.value(function(float(x))) for x in np.linspace(1.0, 4.0, 30_001)])
    for sense, expected in ((pyo.minimize, scan.min()), (pyo.maximize, scan.max())):
        model = pyo.ConcreteModel()
        model.x = pyo.Var(bounds=(1, 4), initialize=2)
        model.y = pyo.Var(bounds=(-99, 99), initialize=0)
        model.row = pyo.Constraint(expr=model.y == function(model.x))
        model.cost = pyo.Objective(expr=model.y, sense=sense)
        answer = BACKENDS["maingo"].solve(model, time_limit=20, gap=1e-4)
        assert answer.status == "optimal", answer.message
        assert answer.bound is not None
        assert (answer.bound - expected) * int(sense) <= 1e-6
        answer.load()
        assert pyo.value(model.cost) == pytest.approx(expected, rel=2e-4, abs=1e-5)


@pytest.mark.solver("shot")
def test_incumbents_of_shot_outlive_it() -> None:
    """SHOT knows of no limit here and is ended from outside: its best point so far is kept."""
    instance = ei.Instance.letter(users=12, bandwidth_mhz=60.0, seed=1)
    found = BACKENDS["shot"]
    found = wheel("shot", capabilities=dataclasses.replace(found.capabilities, time_limit=None))
    answer = found.solve(ei.models.minlp(instance), time_limit=1.0, gap=0.0)
    assert "did not stop at its time limit" in answer.message
    assert answer.status == "limit"
    assert answer.point is not None
    assert answer.bound is None
