"""Problems, their features, and the gate: every method answers the question it was asked, or none.

Optima are those of the exact method, which its own tests hold against certified references.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import modes
from eipyomo.models import FORMULATIONS
from eipyomo.problem import Feature, Problem
from eipyomo.restriction import Restriction, asked, named
from eipyomo.solvers import METHODS
from eipyomo.solvers.contract import Method
from tests.conftest import reference, slow_but

M2 = reference("letter-m2")
LIMITED = ei.Instance.letter(users=2, total_frequency_ghz=5.0)


def with_each(problem: str = "joint", objective: str = "wsel", **limits: Any) -> Problem:
    """Return a problem for the two users with the same limits for both."""
    limited = M2.replace(users={user.name: limits for user in M2.users})
    return Problem.of(limited, problem, objective=objective)


def with_modes(problem: str = "joint", deadline_s: float | None = None, **totals: Any) -> Problem:
    """Return a problem in which users may send a smaller update or sit out; one has a deadline."""
    some = modes.quantised(M2.model_bits, (32, 8), (0.0, 0.002))
    limits = {"modes": "some", "deadline_s": deadline_s}
    told = M2.replace(
        modes={"some": modes.with_skip(some, 0.01)},
        users={M2.users[0].name: limits, M2.users[1].name: {"modes": "some"}},
        **totals,
    )
    return Problem.of(told, problem)


CASES: dict[Feature, Callable[[], list[Problem]]] = {
    Feature.TRAINING: lambda: [Problem.of(M2, "training"), Problem.of(M2, "gbe training")],
    Feature.GRID: lambda: [Problem.of(M2, "grid:0.5")],
    Feature.SPLIT_BAND: lambda: [Problem.of(M2, "gbe"), Problem.of(LIMITED, "gbe")],
    Feature.DECISION_BOUNDS: lambda: [
        Problem.of(M2, "eco"),
        Problem.of(M2, "lco"),
        Problem.of(M2, Restriction(edge=[True, False], offload_min=0.1, offload_max=[1.0, 0.3])),
    ],
    Feature.EDGE_BUDGET: lambda: [Problem.of(LIMITED)],
    Feature.DEADLINES: lambda: [with_each(deadline_s=2.58)],
    Feature.ENERGY_BUDGETS: lambda: [with_each(energy_budget_j=0.22)],
    Feature.SHARE_BOUNDS: lambda: [with_each(max_uplink_share=0.25, min_downlink_share=0.3)],
    Feature.FLEET_BUDGETS: lambda: [
        Problem.of(M2.replace(total_energy_budget_j=0.43)),
        Problem.of(M2.replace(total_latency_budget_s=5.2)),
    ],
    Feature.MODES: lambda: [with_modes(), with_modes("gbe", deadline_s=4.55)],
    Feature.PARTICIPATION: lambda: [with_modes(min_participants=1, total_penalty_budget=0.01)],
    Feature.LEAST_BAND: lambda: [
        with_each(objective="band", deadline_s=2.3),
        with_each("gbe", "band", deadline_s=2.6),
    ],
    Feature.LEAST_EDGE_FREQUENCY: lambda: [with_each(objective="edge_frequency", deadline_s=2.6)],
    Feature.LEAST_LATENCY: lambda: [
        Problem.of(M2, objective="slowest"),
        with_each(objective="slowest", energy_budget_j=0.25),
    ],
}
"""Problems that have a feature, beside others; limits bind at the optimum of (10), whose latencies
are 2.65 and 2.75 s, and whose energies are 0.249 and 0.229 J. Within 2.5535 s both users are done
only with more than the 20 MHz of the band."""

OWN = {name: one for name, one in METHODS.items() if isinstance(one, Method)}

FAST: dict[str, dict[str, Any]] = {
    "exact": {"gap": 1e-6},
    "minlp": {"solver": "bonmin", "gap": 1e-4},
    "milp": {"gap": 3e-2},
    "random": {"samples": 50},
    "genetic": {"population": 16, "generations": 20},
}
"""Options of methods that need some to answer in seconds, or at all."""

MAY_FIND_NONE = ("random", "droo")
"""Methods that know limits only by what they have missed."""


def enclosed(problem: Problem) -> tuple[float, float]:
    """Return a bound on a problem's optimum and a cost that is feasible, as near as can be."""
    certified = problem.features <= OWN["exact"].handles
    if certified:
        best = ei.solve(problem, "exact")
    elif Feature.GRID in problem.features:
        best = ei.solve(problem, "minlp:scip", formulation="grid", gap=1e-4)
    else:
        best = ei.solve(problem, "milp", gap=1e-4)
    assert best.termination == "optimal"
    assert best.value is not None
    assert best.bound is not None
    return (best.value if certified else best.bound), best.value


def test_every_feature_has_a_case() -> None:
    """No feature, now or later, is without problems that have it."""
    assert set(CASES) == set(Feature)
    for feature, problems in CASES.items():
        assert all(feature in problem.features for problem in problems())


@pytest.mark.parametrize(
    ("method", "feature"),
    slow_but(
        [(method, feature) for method in OWN for feature in Feature],
        *[(method, Feature.SPLIT_BAND) for method in set(OWN) - {"exact", "milp"}],
        *[("exact", feature) for feature in Feature],
    ),
)
def test_a_method_answers_what_it_was_asked_or_refuses(method: str, feature: Feature) -> None:
    """Handled: inside the restriction, not below the certified optimum, bounds not above it."""
    for problem in CASES[feature]():
        options = {"gap": 1e-6, **FAST.get(method, {})}
        on_a_grid = method != "enumeration" or Feature.GRID in problem.features
        if not (problem.features <= OWN[method].handles and on_a_grid):
            with pytest.raises(ei.InputError, match=f"method '{method}' (does not handle|needs)"):
                ei.solve(problem, method, **options)
            continue
        least, best = enclosed(problem)
        result = ei.solve(problem, method, **options)
        assert result.problem == problem.name
        if result.allocation is None and method in MAY_FIND_NONE:
            assert "keeps the limits" in result.message
            continue
        assert result.termination in ("optimal", "converged"), result.message
        assert result.allocation is not None
        assert result.value is not None
        assert ei.evaluate(problem, result.allocation).feasible
        assert result.value >= least * (1 - 2e-6)
        if result.bound is not None:
            assert result.bound <= best * (1 + 1e-9)
        if result.termination == "optimal":
            assert result.value <= best * (1 + options["gap"] + 2e-6)


@pytest.mark.parametrize(
    ("formulation", "feature"),
    slow_but(
        [(formulation, feature) for formulation in FORMULATIONS for feature in Feature],
        ("letter", Feature.SPLIT_BAND),
    ),
)
def test_a_formulation_says_the_problem_or_refuses(formulation: str, feature: Feature) -> None:
    """Handled: Bonmin ends at the certified optimum of what the model says, inside of it."""
    for problem in CASES[feature]():
        if not problem.features <= FORMULATIONS[formulation].handles:
            with pytest.raises(ei.InputError, match=f"formulation '{formulation}' does not handle"):
                ei.models.minlp(problem, formulation)
            continue
        model = ei.models.minlp(problem, formulation)
        said = ei.models.source_of(model).problem
        assert problem.features <= said.features
        _, best = enclosed(said)
        result = ei.solve_model(model, "bonmin", unchanged=True)
        assert result.allocation is not None
        assert ei.evaluate(said, result.allocation).feasible
        assert result.value == pytest.approx(best, rel=2e-4)


@pytest.mark.parametrize("problem", slow_but(["gbe", "eco", "lco", "grid:0.5"], "eco"))
def test_restrictions_have_witnesses_besides_the_exact_machine(problem: str) -> None:
    """Every benchmark of the letter is solved by SCIP as well, to the same optimum."""
    best = ei.solve(M2, "exact", problem=problem).objective
    result = ei.solve(M2, "minlp:scip", problem=problem)
    assert best is not None
    assert result.objective == pytest.approx(best, rel=2e-4)
    assert result.bound is None or result.bound <= best * (1 + 1e-9)


def test_the_judge_holds_a_problem() -> None:
    """What is feasible in (10) alone is no answer to a restricted problem, and is told why."""
    joint = ei.solve(M2, "exact").allocation
    assert joint is not None
    assert ei.evaluate(M2, joint).feasible
    for name in ("eco", "lco", "gbe", "grid:0.5", "training"):
        judged = ei.evaluate(Problem.of(M2, name), joint)
        assert not judged.feasible, name
        assert judged.max_violation > 1e-3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"problem": "best"}, r"problem is 'best', but must be one of: joint, .*grid:STEP"),
        ({"problem": "grid:0.3"}, "problem is 'grid:0.3', but its step must be 1/n"),
        ({"problem": 5}, "problem is 5, but must be one of"),
        ({"round": "test"}, "round is 'test', but must be one of: inference, training"),
        ({"problem": "eco", "round": "training"}, "problem is 'eco', but a training round has"),
    ],
)
def test_words_for_a_problem(words: dict[str, Any], sentence: str) -> None:
    """Unknown words are refused in one sentence, before anything runs."""
    with pytest.raises(ei.InputError, match=f"^{sentence}"):
        asked(**words)
    with pytest.raises(ei.InputError, match=f"^{sentence}"):
        ei.solve(M2, **words)


def test_a_problem_takes_a_restriction() -> None:
    """A name in its place is refused, by the way that takes names."""
    wrong: Any = "gbe"
    with pytest.raises(ei.InputError, match=r"^restriction is 'gbe', but .*Problem\.of takes its"):
        Problem(M2, wrong)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["milp", "scip"])
def test_a_restriction_can_be_lifted(solver: str) -> None:
    """A model of LCO whose decisions a user frees has the optimum of (10), for `milp` as well."""
    best = ei.solve(M2, "exact").objective
    model = ei.models.minlp(Problem.of(M2, "lco"), "spectral")
    for name in model.users:
        user = model.user[name]
        user.download.unfix()
        user.offload_fraction.unfix()
        user.offload_fraction.setub(1)
    result = ei.solve_model(model, solver, gap=1e-2)
    assert result.termination == "optimal"
    assert result.objective == pytest.approx(best, rel=1e-2)


def test_a_benchmark_is_a_name_for_a_problem() -> None:
    """ECO, LCO, GBE and the grid by their names are the exact method on these problems."""
    for name, problem in {
        "eco": "eco",
        "lco": "lco",
        "gbe": "gbe",
        "exhaustive": "grid:0.2",
    }.items():
        by_name, by_problem = ei.solve(M2, name), ei.solve(M2, "exact", problem=problem)
        assert by_name.problem == by_problem.problem == problem
        assert by_name.objective == by_problem.objective
        assert by_name.bound == by_problem.bound
        with pytest.raises(ei.InputError, match="which says itself which problem it solves"):
            ei.solve(Problem.of(M2), name)
        with pytest.raises(ei.InputError, match="which problem it solves, but problem is given"):
            ei.solve(M2, name, problem="joint " + name)


def test_names_and_restrictions_agree() -> None:
    """A name's restriction has that name, in either stage."""
    for name in ("joint", "training", "eco", "lco", "gbe", "gbe training", "grid:0.25"):
        restriction, stage = named(name)
        assert restriction.name(stage) == name
    assert Restriction(label="mine", offload_max=0.5).name() == "mine"
    assert Restriction(offload_max=np.array([0.5, 1.0])).name() == "restricted"


@pytest.mark.parametrize("method", ["exact", "admm"])
def test_a_result_of_a_restriction_of_ones_own_can_be_read(method: str) -> None:
    """It says that it is of a restricted problem, and the label is among the options."""
    result = ei.solve(M2, method, problem=Restriction(label="mine", offload_max=0.5))
    assert (result.problem, result.options["label"]) == ("restricted", "mine")
    again = ei.Result.from_dict(json.loads(json.dumps(result.to_dict())), M2)
    assert again.to_dict() == result.to_dict()
    with pytest.raises(ei.InputError, match="label is 5, but must be a str"):
        Restriction(label=5)  # type: ignore[arg-type]


def test_what_a_method_lacks_is_said_before_anything_runs() -> None:
    """Neither a comparison nor a process begins with what one of its methods refuses."""
    begun: list[object] = []
    with pytest.raises(ei.InputError, match="method 'enumeration' needs offload fractions on a"):
        ei.compare([M2], ["exact", "enumeration"], progress=lambda *_: begun.append(_))
    with pytest.raises(ei.InputError, match="method 'enumeration' needs offload fractions on a"):
        ei.train(M2, 2, method="enumeration", report=lambda *_: begun.append(_))
    assert not begun
