"""Starts: any allocation can be handed to a solver, and the solver itself says that it took it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.solvers.backends import BACKENDS
from tests.conftest import REFERENCE, reference, slow_but

if TYPE_CHECKING:
    from pathlib import Path

SOLVERS = [
    pytest.param("scip", marks=pytest.mark.slow),
    "bonmin",
    "ipopt",
    pytest.param("cyipopt", marks=[pytest.mark.solver("cyipopt"), pytest.mark.slow]),
]


def allocation_of(name: str, method: str) -> ei.Allocation:
    """Return the allocation that a method finds on a reference instance."""
    found = ei.solve(reference(name), method).allocation
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", slow_but(["exact", "lco"], "exact"))
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_is_accepted(solver: str, method: str) -> None:
    """The solver reports the cost that evaluate() gives for the start, and ends no worse."""
    instance, start = reference("letter-m4"), allocation_of("letter-m4", method)
    model = ei.models.minlp(instance, "spectral" if solver == "scip" else "letter")
    if "ipopt" in solver:
        ei.models.fix(model, download=start.download, offload_fraction=start.offload_fraction)
    result = ei.solve_model(model, solver, start=start, time_limit=4)
    cost = ei.evaluate(instance, start).objective
    assert result.start_objective == pytest.approx(cost, rel=1e-6)
    assert result.objective is not None
    assert result.objective <= cost * (1 + 1e-7)
    assert result.options["start"] == start.to_dict()


@pytest.mark.parametrize(("values", "accepted"), [((1, 1, 1, 0, 0), -6.0), ((1,) * 5, None)])
def test_highs_says_whether_it_took_a_start(
    values: tuple[int, ...], accepted: float | None
) -> None:
    """On a knapsack HiGHS tells the cost of a start that fits, and refuses one that does not."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(5), domain=pyo.Binary)
    model.fits = pyo.Constraint(expr=sum((k + 2) * model.x[k] for k in range(5)) <= 9)
    model.value = pyo.Objective(expr=sum(-(k + 1) * model.x[k] for k in range(5)))
    for k, value in enumerate(values):
        model.x[k].set_value(value)
    answer = BACKENDS["highs"].solve(model, time_limit=20, gap=1e-6, start=True)
    assert answer.start_objective == accepted
    answer.load()
    assert pyo.value(model.value) == pytest.approx(-7.0)


@pytest.mark.slow
def test_a_start_is_the_answer_where_the_solver_has_no_better_one() -> None:
    """Out of time at once, SCIP's answer is the start, with a bound below it."""
    instance, start = reference("letter-m12"), allocation_of("letter-m12", "exact")
    result = ei.solve(instance, "minlp:scip", start=start, time_limit=0.5)
    assert result.termination == "limit"
    assert result.objective == pytest.approx(ei.evaluate(instance, start).objective, rel=1e-9)
    assert result.objective is not None
    assert result.bound is None or result.bound <= result.objective


@pytest.mark.slow
def test_outer_approximation_begins_at_the_start() -> None:
    """MindtPy, which does not tell, ends no worse than its start, and without it it does."""
    instance, start = reference("letter-m4"), allocation_of("letter-m4", "exact")
    result = ei.solve(instance, "minlp:mindtpy", start=start)
    assert result.objective == pytest.approx(ei.evaluate(instance, start).objective, rel=1e-7)
    assert result.start_objective is None


def test_a_start_that_the_model_forbids() -> None:
    """A start beyond the band, and one that breaks a user's own row, are refused in a sentence."""
    instance, start = reference("letter-m4"), allocation_of("letter-m4", "exact")
    wide = dataclasses.replace(start, uplink_share=2 * start.uplink_share)
    with pytest.raises(ei.InputError, match="the start violates the model's constraint"):
        ei.solve(instance, "minlp:scip", start=wide)
    model = ei.models.minlp(instance)
    model.deadline = pyo.Constraint(model.users, rule=lambda m, j: m.user[j].latency_s <= 1.0)
    with pytest.raises(ei.InputError, match="constraint 'deadline"):
        ei.solve_model(model, start=start)


@pytest.mark.slow
def test_variables_of_a_user_need_values_of_their_own() -> None:
    """A start says nothing of a variable that a user has added, so it must have a value."""
    instance, start = reference("letter-m2"), allocation_of("letter-m2", "exact")
    model = ei.models.minlp(instance, "spectral")
    model.last_s = pyo.Var(bounds=(0, 1000))
    model.is_last = pyo.Constraint(model.users, rule=lambda m, j: m.last_s >= m.user[j].latency_s)
    model.wsel.deactivate()
    model.fairest = pyo.Objective(expr=model.last_s)
    with pytest.raises(ei.InputError, match="'last_s' has no value to start with"):
        ei.solve_model(model, start=start)
    latest_s = float(np.max(ei.evaluate(instance, start).breakdown.latency_s))
    model.last_s.set_value(latest_s)
    result = ei.solve_model(model, start=start, gap=1e-3)
    assert result.start_objective == pytest.approx(latest_s)
    assert result.model_objective is not None
    assert result.bound is not None
    assert result.bound <= result.model_objective <= latest_s
    assert result.gap == (result.model_objective - result.bound) / result.model_objective


@pytest.mark.slow
def test_an_objective_that_was_changed_in_place() -> None:
    """With WSEL of one user left out, bound and gap are of what is minimised, not of WSEL."""
    model = ei.models.minlp(reference("letter-m2"), "spectral")
    first, second = model.users
    model.wsel.set_value(model.user[first].wsel + 0.5 * model.user[second].wsel)
    result = ei.solve_model(model, gap=1e-3)
    assert result.termination == "optimal"
    assert result.evaluation is not None
    assert result.model_objective is not None
    one, other = result.evaluation.breakdown.wsel
    assert result.model_objective == pytest.approx(one + 0.5 * other)
    assert result.bound is not None
    assert result.bound <= result.model_objective < result.evaluation.objective


def test_a_maximised_objective_is_refused() -> None:
    """Bounds here are lower bounds, so that an objective has to be minimised."""
    model = ei.models.minlp(reference("letter-m2"), "spectral")
    model.wsel.deactivate()
    model.most = pyo.Objective(expr=model.sync_s, sense=pyo.maximize)
    with pytest.raises(ei.InputError, match="'most' is maximised, but must be minimised"):
        ei.solve_model(model)


def test_a_start_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--start`` takes a result document, and the answer says what the solver made of it."""
    file, letter = str(tmp_path / "result.json"), str(REFERENCE / "instances" / "letter-m2.json")
    assert main(["solve", letter, "-o", file]) == 0
    capsys.readouterr()
    arguments = ["solve", letter, "--method", "minlp:bonmin", "--start", file, "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["start_objective"] == pytest.approx(result["objective"])
    assert main(["solve", letter, "--method", "lco", "--start", file]) == 2
    assert "start is not an option of method 'lco'" in capsys.readouterr().err
