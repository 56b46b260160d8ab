"""The convex part of (10) by CVXPY and a conic solver, which share nothing with this package."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.solvers.exact import convex_rest
from tests.conftest import VALUES, reference
from tests.instances import hostile

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "cvx.py"
convex_part: Callable[[ei.Instance, Any, Any], tuple[float, ei.Allocation]] = runpy.run_path(
    str(EXAMPLE)
)["convex_part"]
AGREE = 1e-6
"""Relative; Clarabel's own tolerances are 1e-8."""


def check(instance: ei.Instance, download: Any, offload_fraction: Any) -> float:
    """Check that both ways have one optimum at these decisions; return it as CVXPY has it."""
    value, allocation = convex_part(instance, download, offload_fraction)
    rest = convex_rest(ei.Problem.of(instance), download, offload_fraction)
    ours = ei.evaluate(instance, rest.allocation)
    theirs = ei.evaluate(instance, allocation)
    assert ours.feasible
    assert theirs.feasible
    assert ours.objective == pytest.approx(value, rel=AGREE)
    assert theirs.objective == pytest.approx(value, rel=AGREE)
    assert rest.bound <= theirs.objective * (1.0 + AGREE)
    return value


@pytest.mark.parametrize("name", VALUES)
def test_the_optimum_is_one_to_cvxpy(name: str) -> None:
    """At the decisions of the certified optimum CVXPY finds the value that is stored for it."""
    instance = reference(name)
    best = ei.solve(instance).allocation
    assert best is not None
    value = check(instance, best.download, best.offload_fraction)
    assert value == pytest.approx(VALUES[name]["wsel"], rel=2 * AGREE)


@pytest.mark.parametrize("name", [name for name in VALUES if "eco" in VALUES[name]])
def test_the_ends_are_those_of_cvxpy(name: str) -> None:
    """ECO and LCO, whose decisions are all fixed, against the stored optima of another solver."""
    instance = reference(name)
    for decision, end in ((False, "eco"), (True, "lco")):
        users = len(instance.users)
        offload = np.full(users, 0.0 if decision else 1.0)
        value = check(instance, np.full(users, decision), offload)
        assert value == pytest.approx(VALUES[name][end], rel=2 * AGREE)


@pytest.mark.parametrize("seed", range(10))
def test_any_decisions_have_one_optimum(seed: int) -> None:
    """Random decisions of hostile instances: no task, no energy weight, far scales."""
    instance, draw = hostile(seed), np.random.default_rng(seed)
    download = draw.random(len(instance.users)) < 0.5
    check(instance, download, np.where(download, draw.random(len(download)), 1.0))


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The script of docs/cvx.md compares the letter's optimum, 4.074727 as in the README."""
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "exact 4.074727, CVXPY 4.0747" in capsys.readouterr().out
