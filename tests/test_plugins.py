"""Solvers as plugins of Pyomo: a script of one's own gets what it asks for, or a sentence."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest
from pyomo.opt import SolverStatus, TerminationCondition

import eipyomo as ei
from eipyomo.solvers.backends import BACKENDS
from tests.backends import MIXED, fake, small, wheel
from tests.conftest import slow_but


@pytest.mark.parametrize(
    "name", slow_but(["bonmin", "ipopt", "mindtpy", "scip"], "bonmin", "ipopt", "scip")
)
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


def test_available_means_that_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that is there and answers nothing is not available; nor is one that is missing."""
    for backend, words in (
        (fake(tmp_path, "raise RuntimeError('no licence')"), "does not work: .*no licence"),
        (wheel("bonmin", module="no_such_module"), "is missing; to get it"),
    ):
        solver = pyo.SolverFactory("eipyomo.bonmin")
        monkeypatch.setattr(solver, "backend", backend)
        assert not solver.available(exception_flag=False)
        with pytest.raises(ei.SolverError, match=words):
            solver.available()


def scaled(model: Any) -> Any:
    """Put a scaling factor on all that a model has, at the top and in a block."""
    model.block = pyo.Block()
    for home in (model, model.block):
        home.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
        for part in (model.x, model.n, model.row, model.cost):
            home.scaling_factor[part] = -10.0
        home.scaling_factor[None] = 7.0
    return model


@pytest.mark.parametrize("sense", slow_but([1, -1], -1))
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


@pytest.mark.slow
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
