"""Rows of one's own, as docs/extensions.md has them: two global ways have to agree on each.

The models are those of docs/constraints.md, of which tests/test_constraints.py holds the rest.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from experiments import constraints
from tests.conftest import slow_but

PAGE = (Path(__file__).parents[1] / "docs" / "extensions.md").read_text(encoding="utf-8")
EXAMPLES = (
    "A deadline on every latency",
    "The slowest user instead of the sum",
    "A floor on the uplink share",
    "An energy budget per user",
    "Two classes of users",
)
SOLVERS = ("scip", "milp")
GAP = 1e-3


def build(title: str) -> Any:
    """Run an example, and return its model."""
    return constraints.run(title)["model"]


@cache
def solved(title: str, solver: str) -> tuple[Any, ei.Result]:
    """Return an example's model with the answer in it, and the answer."""
    model = build(title)
    return model, ei.solve_model(model, solver, gap=GAP)


def value(result: ei.Result) -> float:
    """Return what was minimised."""
    own = result.model_objective
    found = result.objective if own is None else own
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_is_solved(title: str, solver: str) -> None:
    """It ends within its gap, and every row of the model holds, those added included."""
    model, result = solved(title, solver)
    assert result.termination == "optimal"
    assert result.gap is not None
    assert 0 <= result.gap <= GAP
    assert ei.models.largest_violation(model)[1] <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("title", EXAMPLES)
def test_two_ways_agree(title: str) -> None:
    """Each way's bound is below the other's cost, so that both enclose one optimum."""
    one, other = (solved(title, solver)[1] for solver in SOLVERS)
    assert one.bound is not None
    assert other.bound is not None
    assert one.bound <= value(other) * (1 + 1e-6)
    assert other.bound <= value(one) * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("title", EXAMPLES)
def test_an_addition_costs_something(title: str) -> None:
    """Each example binds: the optimum of (10) is not allowed, and costs less WSEL."""
    model = build(title)
    best = ei.solve(ei.models.source_of(model).instance, "exact")
    assert best.allocation is not None
    assert best.objective is not None
    _, result = solved(title, "scip")
    assert result.objective is not None
    assert result.objective > best.objective * (1 + GAP)


@pytest.mark.slow
def test_what_the_examples_say() -> None:
    """Deadline, floor, budget and classes hold in what evaluate() says of the answers."""

    def judged(part: str) -> tuple[ei.Allocation, Any]:
        title = next(title for title in EXAMPLES if part in title)
        model, result = solved(title, "scip")
        assert result.allocation is not None
        terms = ei.evaluate(ei.models.source_of(model).instance, result.allocation).breakdown
        return result.allocation, terms

    _, terms = judged("deadline")
    assert terms.latency_s.max() <= 5.0 * (1 + 1e-6)
    allocation, _ = judged("floor")
    assert allocation.uplink_share.min() >= 0.25 * (1 - 1e-6)
    _, terms = judged("energy budget")
    assert terms.energy_j.max() <= 0.35 * (1 + 1e-6)
    allocation, terms = judged("classes")
    assert terms.latency_s[[0, 2]].max() <= 4.5 * (1 + 1e-6)
    assert allocation.offload_fraction[1] <= 0.5 + 1e-6
    _, terms = judged("slowest")
    assert np.ptp(terms.latency_s) <= 1e-3  # nobody gains from being faster than the others


@pytest.mark.parametrize("solver", slow_but(SOLVERS, "milp"))
def test_what_cannot_be_met_is_infeasible(solver: str) -> None:
    """A deadline before the first upload can end is refuted, and the answer says so."""
    model = ei.models.minlp(ei.Instance.letter(users=3), "spectral")
    model.deadline = pyo.Constraint(model.users, rule=lambda m, j: m.user[j].latency_s <= 1.1)
    result = ei.solve_model(model, solver)
    assert result.termination == "infeasible"
    assert result.allocation is None


@pytest.mark.slow
def test_the_first_script_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The script at the top runs as it stands."""
    script = re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert script is not None
    exec(compile(script[1], "extensions.md", "exec"), {})
    assert "proven optimal within the gap" in capsys.readouterr().out
