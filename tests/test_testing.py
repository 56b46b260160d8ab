"""What the package offers to tests of others."""

from __future__ import annotations

import dataclasses
import os
import sys

import pytest

import eipyomo as ei
from eipyomo import testing
from eipyomo.solvers.backends import BACKENDS

M2 = ei.Instance.letter(users=2)


def test_optima_pass_and_spoilt_allocations_do_not() -> None:
    """The certified optimum passes all; one constraint that is broken is named, with the user."""
    best = ei.solve(M2).allocation
    assert best is not None
    testing.assert_feasible(M2, best)
    assert 0.0 <= testing.assert_near_optimum(M2, best, 1e-5) <= 1e-6
    slow = dataclasses.replace(best, sync_s=0.5 * best.sync_s)
    with pytest.raises(AssertionError, match=r"sync time after every upload \(6\) of 'eu"):
        testing.assert_feasible(M2, slow)
    late = dataclasses.replace(best, sync_s=2.0 * best.sync_s)
    with pytest.raises(AssertionError, match=r"above the bound, at most 0\.01 asked"):
        testing.assert_near_optimum(M2, late, 0.01)


def test_bounds_are_held_against_the_optimum() -> None:
    """A bound a little above the optimum is false, and one below is not."""
    value = testing.assert_bound(M2, 0.0).value
    assert value is not None
    testing.assert_bound(M2, value)
    with pytest.raises(AssertionError, match="is above a feasible allocation's"):
        testing.assert_bound(M2, 1.001 * value)
    ray = M2.replace(users={"eu1": {"deadline_s": 1e-3}})
    with pytest.raises(AssertionError, match="the optimum is not known: infeasible"):
        testing.assert_bound(ray, 0.0)


def test_a_fake_takes_the_place_of_a_solver() -> None:
    """It dies as told, what is reported says so, and afterwards the solver is back."""
    before = BACKENDS["bonmin"]
    with testing.fake_solver("bonmin", "raise SystemExit('no licence')"):
        result = ei.solve(M2, "minlp:bonmin")
    assert result.termination == "error"
    assert "no licence" in str(result.message)
    assert BACKENDS["bonmin"] is before
    with (
        pytest.raises(ei.InputError, match="name is 'cplex', but must be one of: scip,"),
        testing.fake_solver("cplex", ""),
    ):
        pass


def test_without_process_groups_solvers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: one sentence that names what works there, and exact does."""
    monkeypatch.delattr(os, "killpg")
    with pytest.raises(ei.SolverError, match=f"groups, which {sys.platform} has not: use Linux"):
        ei.solve(M2, "minlp:bonmin")
    assert ei.solve(M2).termination == "optimal"
