"""One check for all methods: each answers its problem, and claims nothing that is false.

A method without a case here fails, and so does a case without a method. What is certified of the
reference instances is compared here; elsewhere optima are those of the exact method.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.solvers import METHODS
from experiments import options as page_of_options
from tests.conftest import VALUES, check, names_up_to, reference, slow_but
from tests.instances import KINDS, altered

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Case:
    """What the check needs to know of a method.

    Attributes
    ----------
    options
        To check it with.
    excess
        How far above the optimum of (10) it may end, relative; None for a restriction of (10).
    proves
        Whether it has a bound, within its gap.
    same
        How far an answer may be from that to the same question in other words; None where that is
        not asked.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    excess: float | None = None
    proves: bool = True
    same: float | None = None


CASES: Mapping[str, Case] = {
    "exact": Case({"gap": 1e-6}, excess=1e-6, same=2e-6),
    "admm": Case(excess=1e-2, proves=False, same=1e-9),
    "minlp": Case({"gap": 2e-2}, excess=2e-2),
    "milp": Case({"gap": 2e-2}, excess=2e-2),
    "eco": Case({"gap": 1e-8}, same=1e-8),
    "lco": Case({"gap": 1e-8}, same=1e-8),
    "gbe": Case({"gap": 1e-6}, same=2e-6),
    "exhaustive": Case({"gap": 1e-6, "step": 0.5}, same=2e-6),
    "enumeration": Case({"gap": 1e-6, "problem": "grid:0.5"}, same=2e-6),
    "random": Case({"samples": 50}, excess=0.2, proves=False),
    "equal": Case(excess=0.2, proves=False, same=1e-9),
    "greedy": Case(excess=5e-2, proves=False, same=1e-9),
    "genetic": Case(excess=1e-2, proves=False),
    "droo": Case(excess=0.2, proves=False, same=1e-9),
}

each_method = pytest.mark.parametrize("method", slow_but(METHODS, *set(METHODS) - {"minlp"}))
plain_or_slow = pytest.mark.parametrize("kind", slow_but(KINDS, "plain"))
each_repeatable = pytest.mark.parametrize(
    "method", [method for method, case in CASES.items() if case.same is not None]
)


def solved(instance: ei.Instance, method: str) -> ei.Result:
    """Return what a method answers, with the options of its case."""
    return ei.solve(instance, method, **CASES[method].options)


def objective(instance: ei.Instance, method: str) -> float:
    """Return the cost of that answer."""
    found = solved(instance, method).objective
    assert found is not None
    return found


def test_every_method_is_checked() -> None:
    """No method is without a case, and no case without a method."""
    assert set(CASES) == set(METHODS)


@each_method
@plain_or_slow
@pytest.mark.parametrize("name", slow_but(["letter-m2", "mixed-m4"], "letter-m2"))
def test_an_answer_is_feasible_and_true(method: str, kind: str, name: str) -> None:
    """Its cost and bound enclose what is certified of (10), or lie above it for a restriction."""
    instance, case = KINDS[kind](reference(name)), CASES[method]
    best = ei.solve(instance, "exact")
    assert best.objective is not None
    assert best.bound is not None
    result = solved(instance, method)
    check(instance, result)
    assert result.method == method
    assert result.objective is not None
    assert result.objective >= best.bound
    assert (result.problem == "joint") == (case.excess is not None)
    if case.excess is not None:
        assert result.objective <= best.objective * (1 + case.excess)
        assert result.bound is None or result.bound <= best.objective
    assert result.termination == ("optimal" if case.proves else "converged")
    assert (result.bound is not None) == case.proves
    if case.proves:
        assert result.gap is not None
        assert result.gap <= case.options["gap"]
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert ei.Result.from_dict(document, instance).to_dict() == document


# --- what is certified of the reference instances -------------------------------------------------


@pytest.mark.parametrize("name", VALUES)
def test_exact_is_certified(name: str) -> None:
    """Objective and bound agree with the certified bracket of every reference instance to 1e-6."""
    instance, known = reference(name), VALUES[name]
    result = ei.solve(instance)
    check(instance, result)
    assert (result.method, result.problem, result.termination) == ("exact", "joint", "optimal")
    assert result.evaluation is not None
    assert result.evaluation.max_violation == 0.0
    assert result.gap is not None
    assert result.gap <= 1e-6
    assert result.objective is not None
    assert result.objective >= known["bound"] * (1.0 - 1e-9)
    assert result.objective == pytest.approx(known["wsel"], rel=1e-6)
    assert result.bound is not None
    assert result.bound <= known["wsel"] * (1.0 + 1e-9)
    assert result.prices is not None
    assert [user["name"] for user in result.prices["users"]] == list(instance.scaled.names)


@pytest.mark.parametrize("solver", slow_but(["exact", "ipopt"], "exact"))
@pytest.mark.parametrize("method", ["eco", "lco"])
@pytest.mark.parametrize("name", [name for name in VALUES if "eco" in VALUES[name]])
def test_benchmarks_are_known(name: str, method: str, solver: str) -> None:
    """ECO and LCO equal the convex optima in values.json, and are never below that of (10)."""
    instance = reference(name)
    result = ei.solve(instance, method, solver=solver)
    check(instance, result)
    assert result.problem == method
    assert result.termination == ("optimal" if solver == "exact" else "converged")
    assert result.objective == pytest.approx(VALUES[name][method], rel=1e-6)
    assert result.objective is not None
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-6)


@pytest.mark.parametrize(
    "name", slow_but([name for name in VALUES if "gbe_best_found" in VALUES[name]], "letter-m2")
)
def test_restrictions_never_beat_the_optimum(name: str) -> None:
    """GBE is at most gbe_best_found of values.json, and it and every grid at least the optimum."""
    instance = reference(name)
    gbe = ei.solve(instance, "gbe")
    check(instance, gbe)
    assert gbe.objective is not None
    assert gbe.objective <= VALUES[name]["gbe_best_found"] * (1 + 1e-6)
    costs = [gbe.objective]
    for step in (0.5, 0.2, 0.1):
        result = ei.solve(instance, "exhaustive", step=step)
        check(instance, result)
        assert result.problem == f"grid:{step:g}"
        assert result.objective is not None
        costs.append(result.objective)
    assert min(costs) >= VALUES[name]["bound"] * (1 - 1e-6)
    assert costs[3] <= min(costs[1:3]) * (1 + 2e-6)  # 0.1 refines both 0.5 and 0.2


def test_lco_downloads_without_a_task() -> None:
    """LCO makes a user without a task download as well, as values.json has it."""
    result = ei.solve(reference("mixed-m4"), "lco")
    assert result.allocation is not None
    assert result.allocation.download.all()
    assert (reference("mixed-m4").scaled.task_mbit == 0).any()


# --- laws -----------------------------------------------------------------------------------------


@each_repeatable
@plain_or_slow
@pytest.mark.parametrize(
    "name",
    slow_but(
        ["letter-m4", "mixed-m4", "hostile-09", "hostile-15", "letter-m4-sigma32"], "mixed-m4"
    ),
)
def test_relabelling_changes_nothing(method: str, kind: str, name: str) -> None:
    """The order of the users does not matter, nor to how many iterations ADMM takes."""
    instance = KINDS[kind](reference(name))
    plain = solved(instance, method)
    for turned in (instance.users[::-1], instance.users[2:] + instance.users[:2]):
        other = solved(altered(instance, users=turned), method)
        assert other.objective == pytest.approx(plain.objective, rel=CASES[method].same)
        assert method != "admm" or other.iterations == plain.iterations


@each_repeatable
@plain_or_slow
@pytest.mark.parametrize("factor", slow_but([3.0, 1e3], 3.0))
@pytest.mark.parametrize("name", slow_but(["letter-m4", "mixed-m4", "hostile-06"], "mixed-m4"))
def test_scaling_the_weights_scales_the_objective(
    method: str, kind: str, name: str, factor: float
) -> None:
    """Weights have no natural unit: the same iterations of ADMM, and so many times the cost."""
    instance = KINDS[kind](reference(name))
    heavy = changed(instance, energy_weight=factor, latency_weight=factor)
    one, other = solved(instance, method), solved(heavy, method)
    assert one.objective is not None
    assert other.objective == pytest.approx(factor * one.objective, rel=CASES[method].same)
    assert method != "admm" or other.iterations == one.iterations


@pytest.mark.parametrize("method", ["exact", "eco", "lco"])
@plain_or_slow
@pytest.mark.parametrize(
    "name", slow_but(["letter-m4", "mixed-m4", "letter-m4-small-model", "hostile-09"], "mixed-m4")
)
def test_more_of_anything_never_hurts(method: str, kind: str, name: str) -> None:
    """More band, faster CPUs, a smaller model or task and a better channel cost no more."""
    instance = KINDS[kind](reference(name))
    before = objective(instance, method) * (1.0 + CASES[method].options["gap"])
    for other in (
        altered(instance, bandwidth_hz=1.3 * instance.bandwidth_hz),
        altered(instance, model_bits=0.7 * instance.model_bits),
        altered(instance, cycles_per_bit=0.8 * instance.cycles_per_bit),
        changed(instance, max_frequency_hz=1.5),
        changed(instance, task_bits=0.6),
        changed(instance, channel_gain=1.5),
    ):
        assert objective(other, method) <= before


def changed(instance: ei.Instance, **columns: float) -> ei.Instance:
    """Return the instance with columns of all its users multiplied."""
    users = tuple(
        user.model_copy(update={key: getattr(user, key) * by for key, by in columns.items()})
        for user in instance.users
    )
    return altered(instance, users=users)


@pytest.mark.slow
def test_same_question_same_answer(letter: ei.Instance) -> None:
    """Two runs of a deterministic solver give the same allocation, bit for bit."""
    one, other = (ei.solve(letter, "minlp:bonmin").allocation for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.to_dict() == other.to_dict()


# --- the Pyomo model with one solver or another ---------------------------------------------------


@pytest.mark.parametrize("name", slow_but(names_up_to(5), "letter-m2"))
def test_bonmin_finds_the_optimum(name: str) -> None:
    """Bonmin's point is within 1e-4 of the certified optimum on instances with up to 5 users."""
    instance = reference(name)
    result = ei.solve(instance, "minlp:bonmin")
    check(instance, result)
    assert result.termination == "converged"
    assert result.bound is None
    assert result.objective is not None
    assert VALUES[name]["bound"] * (1 - 1e-6) <= result.objective
    assert result.objective == pytest.approx(VALUES[name]["wsel"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_but(range(3), 1))
def test_bonmin_at_a_scarce_edge(seed: int) -> None:
    """With everything free, Bonmin ends at it; a rest of a task without frequency is no error."""
    instance = ei.Instance.letter(users=3, total_frequency_ghz=2.0, seed=seed)
    best = ei.solve(instance, "exact")
    result = ei.solve(instance, "minlp:bonmin")
    assert result.objective == pytest.approx(best.objective, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["letter-m2", "letter-m4"])
def test_mindtpy_is_local(name: str) -> None:
    """Outer approximation by HiGHS and Ipopt gives a feasible point, and claims no bound."""
    instance = reference(name)
    result = ei.solve(instance, "minlp:mindtpy")
    check(instance, result)
    assert result.termination == "converged"
    assert result.bound is None
    assert result.objective is not None
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-6)


@pytest.mark.slow
def test_scip_proves_the_optimum_of_one_user() -> None:
    """SCIP's proven optimum of a one-user instance is what a scan over a and ι finds."""
    instance = ei.Instance.letter(users=1, seed=3)
    result = ei.solve(instance, "minlp:scip", time_limit=60)
    check(instance, result)
    assert result.termination == "optimal"
    costs = [ei.solve(instance, "eco").objective]
    for offload in np.linspace(0.0, 1.0, 11):
        model = ei.models.minlp(instance)
        ei.models.fix(model, download=True, offload_fraction=float(offload))
        costs.append(ei.solve_model(model, "ipopt", unchanged=True).objective)
    best = min(cost for cost in costs if cost is not None)
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= best * (1 + 1e-6)
    assert result.objective <= best * (1 + 1e-4)


@pytest.mark.slow
def test_scip_on_two_users_keeps_its_limit() -> None:
    """In a short limit SCIP gives a point, and a bound that is not above the certified optimum."""
    result = ei.solve(reference("letter-m2"), "minlp:scip", time_limit=15)
    check(reference("letter-m2"), result)
    assert result.termination in ("optimal", "limit")
    assert result.objective == pytest.approx(VALUES["letter-m2"]["wsel"], rel=1e-3)
    assert result.bound is not None
    assert result.bound <= VALUES["letter-m2"]["wsel"]


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        ("foo", {}, "method is 'foo', but must be one of: exact, admm, minlp, milp, eco, lco"),
        ("minlp:foo", {}, "solver is 'foo', but must be one of: scip, bonmin, ipopt, "),
        ("minlp:scip", {"solver": "bonmin"}, "solver is 'bonmin', but the method 'minlp:scip'"),
        ("gbe", {"solver": "scip"}, "solver is not an option of method 'gbe'"),
        ("exact", {"node_limit": 0}, "node_limit is 0, but must be a whole number >= 1"),
        ("exact", {"absolute_gap": -1.0}, "absolute_gap is -1.0, but must be a finite number >= 0"),
        ("exhaustive", {"step": 0.3}, "step is 0.3, but must be 1/n"),
        ("exhaustive", {"step": "x"}, "step is 'x', but must be 1/n for a whole number n"),
        ("eco", {"time_limit": 0}, "time_limit is 0, but must be a finite number > 0"),
        ("eco", {"time_limit": math.nan}, "time_limit is nan"),
        ("eco", {"gap": -1.0}, "gap is -1.0"),
        ("eco", {"gap": "x"}, "gap is 'x'"),
        ("minlp", {"formulation": "x"}, "formulation is 'x', but must be one of: letter"),
        ("minlp", {"round": "x"}, "round is 'x', but must be one of: inference, training"),
    ],
)
def test_bad_requests_are_refused(
    method: str, options: dict[str, Any], expected: str, letter: ei.Instance
) -> None:
    """An unknown method, solver, option or value is named together with what is allowed."""
    with pytest.raises(ei.InputError, match=expected):
        ei.solve(letter, method, **options)


@pytest.mark.slow
def test_compare_measures_alike(letter: ei.Instance) -> None:
    """The table has one row for each method, and the excess over the best is as defined."""
    frame = ei.compare([letter, reference("letter-m2")], ["minlp:bonmin", "eco", "lco"])
    assert len(frame) == 6
    for _, rows in frame.groupby("instance"):
        best = rows["objective"].min()
        assert rows["excess"].tolist() == pytest.approx((rows["objective"] / best - 1).tolist())
    for methods, instances in (([], [letter]), (["eco"], [])):
        with pytest.raises(ei.InputError, match=r"but must be a list of .*, not empty"):
            ei.compare(instances, methods)
    with pytest.raises(ei.InputError, match="method is 'nope'"):
        ei.compare([letter], ["eco", "nope"])


def test_the_page_of_options_is_that_of_the_records() -> None:
    """docs/options.md is what ``python -m experiments.options`` writes."""
    assert page_of_options.PAGE.read_text(encoding="utf-8") == page_of_options.page()
