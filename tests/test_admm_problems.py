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
from eipyomo.solvers.admm.search import OffloadSearch, Rule, sections_to
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

    It notes every ι with a = 1.
    """

    def __init__(self, goal: float, edge: float) -> None:
        self.goal, self.edge = goal, edge
        self.visited: list[float] = []

    def solve(self, target: Records, download: bool, offload: float) -> Records:
        """Return value, a and ι."""
        del target
        kinds = [("download", "?"), ("offload_fraction", "f8"), ("value", "f8")]
        answer: Records = np.zeros(1, np.dtype(kinds))
        answer["download"], answer["offload_fraction"] = download, offload
        answer["value"] = (offload - self.goal) ** 2 if download else self.edge
        if download:
            self.visited.append(offload)
        return answer


def searched(engine: Parabola, tolerance: float, grid: int = 0, **open_to: Any) -> Any:
    """Return what a user finds with an engine, to whom everything is open that is not said."""
    said = {"edge": True, "local": True, "offload_min": 0.0, "offload_max": 1.0, **open_to}
    decisions = OpenDecisions(**{key: np.array([value]) for key, value in said.items()})
    part = (said["offload_max"] - said["offload_min"]) / 8
    search = OffloadSearch(decisions, Rule(grid, 8, sections_to(tolerance, part)))
    return search.run(engine, np.zeros(1))[0]


@pytest.mark.parametrize(
    ("grid", "low", "high", "expected"),
    [
        (0, 0.0, 1.0, 0.37),
        (0, 0.0, 0.3, 0.3),
        (0, 0.5, 0.8, 0.5),
        (5, 0.0, 1.0, 0.4),
        (5, 0.0, 0.2, 0.2),
        (5, 0.6, 0.8, 0.6),
    ],
)
def test_the_search_ends_inside_its_bounds(
    grid: int, low: float, high: float, expected: float
) -> None:
    """Beside a free ι, ranges below and above the goal, whose best is an end; or a grid's point."""
    engine = Parabola(0.37, 0.0)
    found = searched(engine, 1e-6, grid, edge=False, offload_min=low, offload_max=high)
    assert found["offload_fraction"] == pytest.approx(expected, abs=1e-5)
    if grid:
        assert set(engine.visited) <= {k / grid for k in range(grid + 1)}


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6])
def test_the_search_takes_as_many_steps_as_its_accuracy_needs(tolerance: float) -> None:
    """9 ends of 8 parts, 2 points in the two parts beside the best, and log_φ(4 ε0) sections."""
    engine = Parabola(0.37, 0.0)
    searched(engine, tolerance, edge=False)
    sections = np.ceil(np.log(4 * tolerance) / np.log(0.5 * (5**0.5 - 1)))
    assert len(engine.visited) == 9 + 2 + sections


def test_the_search_takes_only_what_is_open() -> None:
    """Of both choices of a the better one, and the only one where the other is closed."""
    for edge, better in ((1.0, True), (-1.0, False)):
        assert searched(Parabola(0.5, edge), 1e-3)["download"] == better
        assert not searched(Parabola(0.5, edge), 1e-3, local=False)["download"]
        assert searched(Parabola(0.5, edge), 1e-3, edge=False)["download"]


def test_a_user_without_a_decision_left() -> None:
    """Neither download nor edge computing is allowed: infeasible at once, and it says for whom."""
    problem = Problem(reference("letter-m2"), Restriction(edge=False, local=[True, False]))
    claim = solved(problem)
    assert (claim.status, claim.allocation, claim.iterations) == ("infeasible", None, None)
    assert "'eu2'" in claim.message
