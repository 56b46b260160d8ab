"""Backends: what they say of themselves is true, and none of them can take the rest down."""

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
from pyomo.opt import TerminationCondition

import eipyomo as ei
from eipyomo.models.writers import nl
from eipyomo.solvers.backends import BACKENDS, casadi_child
from eipyomo.solvers.backends.base import Answer, Backend
from eipyomo.solvers.backends.process import run
from tests.allocations import random_allocation
from tests.backends import EVERY, MIXED, OPTIONS, WHEELS, WHEELS_APART, fake, small, wheel
from tests.conftest import VALUES, check, reference, slow_but


def test_ipopt_refuses_binaries(letter: ei.Instance) -> None:
    """A request that a solver cannot serve is refused before anything runs."""
    with pytest.raises(ei.InputError, match="'ipopt', which takes no integer variables"):
        ei.solve(letter, "minlp:ipopt")


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


DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""


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


@pytest.mark.parametrize("kind", slow_but(FAKES, *(set(FAKES) - {"hangs", "ignores SIGTERM"})))
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solver", "users", "limit_s"), [("scip", 12, 5), ("bonmin", 12, 5), ("mindtpy", 45, 1)]
)
def test_limits_hold(solver: str, users: int, limit_s: float) -> None:
    """A solver that needs longer stops at its limit, within 10 s, with what it has found.

    On a quiet machine SCIP and Bonmin need more than 30 s for these sizes. MindtPy needs 3 s, and
    most of them for its first point: the seconds of grace let a busy machine be three times as
    slow, and one twice as fast has to stop it still.
    """
    instance = ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users, seed=1)
    started = time.monotonic()
    result = ei.solve(instance, "minlp", solver=solver, time_limit=limit_s)
    assert time.monotonic() - started < limit_s + 10
    assert result.termination == "limit"
    assert result.feasible


@pytest.mark.parametrize(
    "name", slow_but(["scip", "bonmin", "highs", "mindtpy"], "scip", "bonmin", "highs")
)
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


@pytest.mark.parametrize("name", EVERY)
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


# What backends say of themselves is put to the test below.
PROVING = {"scip", "highs", "maingo", "couenne", "baron"}


def asked(found: Backend, model: Any, **options: Any) -> Answer:
    """Return a solver's answer to a model that it takes, loaded into it."""
    found.refuse(model)
    answer = found.solve(model, time_limit=20.0, gap=1e-4, **options)
    answer.load()
    return answer


def test_every_solver_that_can_be_here_is_asked() -> None:
    """Executables that nobody can install are left out, but none of them that says it proves."""
    assert set(OPTIONS) | {"couenne", "baron", "knitro"} == set(BACKENDS)
    assert {name for name, one in BACKENDS.items() if one.capabilities.proves} == PROVING


@pytest.mark.parametrize("name", EVERY)
def test_integers_are_kept_or_refused(name: str) -> None:
    """The most n with 3 n + x <= 8 is 2 where it is whole, not 8/3; who cannot do it says so."""
    found, model = BACKENDS[name], pyo.ConcreteModel()
    model.n = pyo.Var(bounds=(0, 9), domain=pyo.Integers, initialize=1)
    model.x = pyo.Var(bounds=(0, 9), initialize=1)
    model.row = pyo.Constraint(expr=3 * model.n + model.x <= 8)
    model.cost = pyo.Objective(expr=-model.n - 0.01 * model.x)
    if found.capabilities.integers:
        asked(found, model)
        assert model.n.value == pytest.approx(2.0, abs=1e-5)
    else:
        with pytest.raises(ei.InputError, match=f"'{name}', which takes no integer variables"):
            asked(found, model)


def curved() -> Any:
    """Return x^4 - 3 x^2 + x: -3.5139 at -1.3008, and -1.0702 at 1.1309, near where it begins."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(-2, 2), initialize=1.1)
    model.cost = pyo.Objective(expr=model.x**4 - 3 * model.x**2 + model.x)
    return model


@pytest.mark.parametrize("name", EVERY)
def test_only_who_proves_has_a_bound(name: str) -> None:
    """Below the least of a function with two minima, and close; the others have none.

    HiGHS, which takes no such function, says so, and has a bound on x >= 2 below 2.
    """
    found, model = BACKENDS[name], curved()
    least = min(pyo.value(one) ** 4 - 3 * one**2 + one for one in np.linspace(-2, 2, 400_001))
    if not found.capabilities.nonlinear:
        with pytest.raises(ei.InputError, match=f"'{name}', which takes linear models only"):
            asked(found, model)
        model.cost.deactivate()
        model.line = pyo.Objective(expr=model.x + 2)
        least = 0.0
    answer = asked(found, model)
    assert answer.status in ("optimal", "converged"), answer.message
    if found.capabilities.proves:
        assert answer.status == "optimal"
        assert answer.bound is not None
        assert answer.bound <= least + 1e-9
        assert answer.bound == pytest.approx(least, abs=1e-3)
    else:
        assert (answer.status, answer.bound) == ("converged", None)


@pytest.mark.parametrize("name", EVERY)
def test_only_who_proves_has_a_bound_on_convex_models(name: str) -> None:
    """On x - n with both in a disc, -1 where n is whole, they have one who prove that, or all."""
    found, model = BACKENDS[name].for_convex(), small(integer=BACKENDS[name].capabilities.integers)
    if found.capabilities.nonlinear:
        model.bent = pyo.Constraint(expr=model.x**2 + model.n**2 <= 50)
    answer = asked(found, model)
    proves = found.capabilities.proves or found.capabilities.proves_convex
    assert (answer.bound is not None) == proves
    least = -1.0 if found.capabilities.integers else -1.5
    assert answer.bound is None or least - 1e-3 <= answer.bound <= least + 1e-9


@pytest.mark.parametrize("name", [one for one in EVERY if one.values != ("highs",)])
def test_starts_are_taken_or_refused(name: str) -> None:
    """Who takes a start tells its cost, or ends in the valley that it lies in; or says no.

    HiGHS knows of no valleys; it is asked in ``tests/test_starts.py``.
    """
    found = BACKENDS[name]
    if not found.capabilities.starts:
        start = ei.solve(reference("letter-m2"), "eco").allocation
        with pytest.raises(ei.InputError, match=f"'{name}', which takes no start"):
            ei.solve(reference("letter-m2"), f"minlp:{name}", start=start)
        return
    model = curved()
    for begin, end in ((1.1, 1.1309), (-1.1, -1.3008)):
        model.x.set_value(begin)
        cost = pyo.value(model.cost)
        answer = asked(found, model, start=True)
        if answer.start_objective is None:
            assert not found.capabilities.proves
            assert model.x.value == pytest.approx(end, abs=1e-3)
        else:
            assert answer.start_objective == pytest.approx(cost, rel=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_variables_without_ends_are_taken_or_refused(name: str) -> None:
    """The least of x above 1 is found without bounds on x, or a bound is asked for."""
    found, model = BACKENDS[name], pyo.ConcreteModel()
    model.x = pyo.Var(initialize=3.0)
    model.row = pyo.Constraint(expr=model.x >= 1)
    model.cost = pyo.Objective(expr=model.x)
    if found.capabilities.bounded:
        with pytest.raises(ei.InputError, match=f"'{name}', which takes variables with finite"):
            asked(found, model)
    else:
        asked(found, model)
        assert model.x.value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_settings_are_called_what_the_solver_calls_them(name: str) -> None:
    """Time limit, gap and threads are names that it knows; a name with a letter more is none.

    Ipopt as installed on the system may be one that counts the processor's time only.
    """
    found = BACKENDS[name]
    model = small(integer=found.capabilities.integers)
    values = {"time_limit": 20, "gap": 0.01, "threads": 1}
    named = {
        "max_cpu_time" if name == "cyipopt" else key: value
        for setting, value in values.items()
        for key in (getattr(found.capabilities, setting) or "").split()
    }
    assert asked(found, model, options=named).point is not None
    for key, value in named.items():
        with pytest.raises(ei.InputError, match=f"the option '{key}x' is {value}, but the solver"):
            asked(found, model, options={f"{key}x": value})
    if found.capabilities.threads is None:
        with pytest.raises(ei.InputError, match="has no such setting"):
            asked(found, model, options={"threads": 1})


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize("name", slow_but(DYING))
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


@pytest.mark.slow
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


@pytest.mark.slow
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
@pytest.mark.parametrize("name", slow_but(FUNCTIONS, "powers"))
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


@pytest.mark.slow
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
