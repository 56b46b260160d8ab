"""The letter's exhaustive search: enumeration and branch and bound find the same optimum."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.solvers.exact import convex_rest, enumerate_grid
from tests.conftest import VALUES, reference, slow_but
from tests.instances import hostile, limited

STEPS = (0.5, 0.2, 0.1)


def test_enumeration_agrees_with_branch_and_bound_on_the_letters_instance() -> None:
    """Two ways, one optimum: at a step of 0.2 on letter-m4 they agree to 1e-7."""
    instance = reference("letter-m4")
    one = ei.solve(instance, "exhaustive", step=0.2, enumeration=True, gap=1e-9)
    other = ei.solve(instance, "exhaustive", step=0.2, gap=1e-8)
    assert one.objective is not None
    assert (one.termination, one.problem) == ("optimal", "grid:0.2")
    assert one.objective == pytest.approx(other.objective, rel=1e-7)
    assert one.bound == pytest.approx(one.objective, rel=1e-9)


@pytest.mark.parametrize("name", ["letter-m4-small-model", "letter-m4-sigma32", "mixed-m4"])
@pytest.mark.parametrize("step", slow_but(STEPS, 0.5))
def test_both_ways_agree_on_other_settings(name: str, step: float) -> None:
    """Optima within the grid, duality gaps and unlike users change nothing of the agreement."""
    instance = reference(name)
    one = ei.solve(instance, "exhaustive", step=step, enumeration=True, gap=1e-8)
    other = ei.solve(instance, "exhaustive", step=step, gap=1e-8)
    assert one.objective is not None
    assert one.objective == pytest.approx(other.objective, rel=2e-8)
    assert one.objective >= VALUES[name]["bound"]


def test_enumeration_is_a_second_way_to_the_optimum_on_a_grid() -> None:
    """Enumerated and searched, the optimum on the grid is the same."""
    instance = limited(hostile(6), 0.2)
    one, other = (
        ei.solve(instance, "exhaustive", step=0.25, enumeration=flag) for flag in (True, False)
    )
    assert one.termination == other.termination == "optimal"
    assert one.objective == pytest.approx(other.objective, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_no_bound_excludes_a_better_combination(seed: int) -> None:
    """The best of 27 combinations, each solved without any bound, is what the enumeration finds."""
    problem = Problem(hostile(seed, users=3), Restriction.on_grid(0.5))
    found = enumerate_grid(problem, gap=1e-9, time_limit=60.0)
    costs = []
    for offload in itertools.product((0.0, 0.5, 1.0), repeat=3):
        rest = convex_rest(problem, np.array(offload) < 1.0, offload)
        costs.append(ei.evaluate(problem, rest.allocation).objective)
    assert found.combinations == len(costs) == 27
    assert found.objective == pytest.approx(min(costs), rel=1e-9)
    assert found.bound <= min(costs)


def test_enumeration_refuses_what_is_out_of_reach() -> None:
    """More combinations than can be enumerated are an error that names the way out."""
    with pytest.raises(ei.InputError, match=r"step is 0.1, .*branch and bound"):
        ei.solve(ei.Instance.letter(users=12), "exhaustive", step=0.1, enumeration=True)


def test_enumeration_keeps_to_its_time_limit() -> None:
    """Out of time, it gives its best allocation with a valid bound."""
    instance = ei.Instance.letter(users=4, model_mbit=100.0, seed=3)
    result = ei.solve(instance, "exhaustive", step=0.5, enumeration=True, time_limit=1e-6)
    assert result.termination == "limit"
    assert result.objective is not None
    assert result.bound is not None
    optimum = ei.solve(instance, "exhaustive", step=0.5).objective
    assert optimum is not None
    assert result.bound <= optimum <= result.objective


@pytest.mark.parametrize("seed", [47, 75])
def test_decisions_on_a_grid_that_were_tried_from_afar(seed: int) -> None:
    """Their rest is solved for the very ι of the grid, so that both ways find the same optimum."""
    instance = ei.Instance.letter(seed=seed)
    found = ei.solve(instance, "exhaustive", step=0.2, gap=1e-6)
    one_by_one = ei.solve(instance, "exhaustive", step=0.2, gap=1e-6, enumeration=True)
    assert found.termination == one_by_one.termination == "optimal"
    assert found.objective == pytest.approx(one_by_one.objective, rel=1e-9)
