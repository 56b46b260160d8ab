"""ADMM on restricted problems: inside the restriction, above the optimum, and near it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eipyomo import Instance, Problem, Restriction, evaluate
from eipyomo.restriction import OpenDecisions
from eipyomo.solvers.admm.method import Admm
from eipyomo.solvers.admm.search import OffloadSearch
from eipyomo.solvers.admm.settings import AdmmOptions
from eipyomo.solvers.contract import Claim, Clock
from eipyomo.solvers.exact import solve_exact
from eipyomo.solvers.records import Records
from tests.conftest import reference, slow_but
from tests.instances import farther


def bounds(users: int, **others: Any) -> Restriction:
    """Return decisions that differ from user to user: one, the other or both, and bounds of ι."""
    rng = np.random.default_rng(users)
    low = rng.uniform(0.0, 0.5, users)
    edge = rng.random(users) < 0.5
    return Restriction(
        edge=edge,
        local=~edge | (rng.random(users) < 0.6),
        offload_min=low,
        offload_max=np.where(edge, 1.0, low + rng.uniform(0.1, 0.5, users)),
        **others,
    )


RESTRICTIONS: dict[str, Callable[[int], Restriction]] = {
    "gbe": lambda _: Restriction.gbe(),
    "eco": lambda _: Restriction.eco(),
    "lco": lambda _: Restriction.lco(),
    "grid": lambda _: Restriction.on_grid(0.2),
    "bounds": bounds,
    "all at once": lambda users: bounds(users, grid=10, split_band=True),
}


def limited(instance: Instance) -> Instance:
    """Return the instance with a server that cannot serve all at f_s."""
    total_hz = 0.3 * len(instance.users) * instance.server.frequency_hz
    return instance.replace(server={"total_frequency_hz": total_hz})


def solved(problem: Problem, **options: Any) -> Claim:
    """Return what the method claims."""
    return Admm().run(problem, AdmmOptions(**options), Clock(60.0))


@pytest.mark.parametrize("shares_edge", [False, True])
@pytest.mark.parametrize("kind", slow_but(RESTRICTIONS, "gbe", "grid"))
@pytest.mark.parametrize("name", slow_but(["letter-m4", "hostile-24"], "letter-m4"))
def test_restricted_problems(name: str, kind: str, shares_edge: bool) -> None:
    """The answer keeps the restriction, and is at most 0.5 % above the proven optimum."""
    instance = limited(reference(name)) if shares_edge else reference(name)
    problem = Problem(instance, RESTRICTIONS[kind](len(instance.users)))
    claim, best = solved(problem), solve_exact(problem, time_limit=60.0)
    assert best.status == "optimal"
    assert best.objective is not None
    assert claim.status == "converged"
    assert claim.allocation is not None
    found = evaluate(problem, claim.allocation)
    assert found.feasible
    assert best.bound * (1.0 - 1e-9) <= found.objective <= 1.005 * best.objective


def test_a_training_round_in_halves_is_solved_to_its_optimum() -> None:
    """It is convex, and the recovery gives its optimum at once."""
    problem = Problem.of(reference("mixed-m4"), "gbe training")
    claim, best = solved(problem), solve_exact(problem)
    assert claim.allocation is not None
    assert evaluate(problem, claim.allocation).objective == pytest.approx(best.objective, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", slow_but(RESTRICTIONS, "gbe"))
def test_both_engines_keep_to_the_same_decisions(kind: str) -> None:
    """Three iterations of the two engines agree to 1e-6."""
    problem = Problem(limited(reference("letter-m2")), RESTRICTIONS[kind](2))
    one, other = (
        solved(problem, engine=engine, max_iterations=3, dual_tolerance=1e-12)
        for engine in ("kernel", "pyomo")
    )
    assert len(one.trace) == len(other.trace) == 3
    for left, right in zip(one.trace, other.trace, strict=True):
        assert left.keys() == right.keys()
        for key in left:
            assert right[key] == pytest.approx(left[key], rel=1e-6, abs=1e-6), key


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(instance=farther(max_users=4), kind=st.sampled_from(sorted(RESTRICTIONS)))
def test_hostile_instances_keep_the_restriction(instance: Instance, kind: str) -> None:
    """Whatever the instance, the answer is feasible in the problem that was asked for."""
    problem = Problem(instance, RESTRICTIONS[kind](len(instance.users)))
    claim = solved(problem, max_iterations=30)
    assert claim.allocation is not None
    assert evaluate(problem, claim.allocation).feasible


class Parabola:
    """An engine whose (18) is the squared distance of ι from a goal, and `edge` without download.

    It counts the visits, and notes every ι with a = 1.
    """

    def __init__(self, goal: float, edge: float, users: int) -> None:
        self.goal, self.edge, self.users = goal, edge, users
        self.visited: set[float] = set()

    def solve(self, targets: Records, download: bool, offload: Any) -> Records:
        """Return value, a and ι."""
        del targets
        kinds = [("download", "?"), ("offload_fraction", "f8"), ("value", "f8")]
        answers: Records = np.zeros(self.users, np.dtype(kinds))
        answers["download"], answers["offload_fraction"] = download, offload
        answers["value"] = (answers["offload_fraction"] - self.goal) ** 2 if download else self.edge
        if download:
            self.visited |= set(answers["offload_fraction"].tolist())
        return answers


@pytest.mark.parametrize(("grid", "expected"), [(0, [0.37, 0.3, 0.5]), (5, [0.4, 0.2, 0.6])])
def test_the_search_ends_inside_its_bounds(grid: int, expected: list[float]) -> None:
    """Beside a free ι, ranges below and above the goal, whose best is an end; or a grid's point."""
    decisions = OpenDecisions(
        edge=np.zeros(3, bool),
        local=np.ones(3, bool),
        offload_min=np.array([0.0, 0.0, 0.6 if grid else 0.5]),
        offload_max=np.array([1.0, 0.2 if grid else 0.3, 0.8]),
    )
    engine = Parabola(0.37, 0.0, 3)
    found = OffloadSearch(decisions, grid, 8, 1e-6).run(engine, np.zeros(3))
    assert found["offload_fraction"] == pytest.approx(expected, abs=1e-5)
    if grid:
        assert engine.visited <= {k / grid for k in range(grid + 1)}


def test_the_search_takes_only_what_is_open() -> None:
    """Of both choices of a the better one, and the only one where the other is closed."""
    decisions = OpenDecisions(
        edge=np.array([True, True, False]),
        local=np.array([True, False, True]),
        offload_min=np.zeros(3),
        offload_max=np.ones(3),
    )
    for edge, downloads in ((1.0, [True, False, True]), (-1.0, [False, False, True])):
        search = OffloadSearch(decisions, 0, 8, 1e-3)
        assert search.run(Parabola(0.5, edge, 3), np.zeros(3))["download"].tolist() == downloads


def test_a_user_without_a_decision_left() -> None:
    """Neither download nor edge computing is allowed: infeasible at once, and it says for whom."""
    problem = Problem(reference("letter-m2"), Restriction(edge=False, local=[True, False]))
    claim = solved(problem)
    assert (claim.status, claim.allocation, claim.iterations) == ("infeasible", None, None)
    assert "'eu2'" in claim.message
