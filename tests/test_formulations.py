"""One check for all formulations: each is problem (10), or says which restriction of it.

A formulation without a case here fails, and so does a case without a formulation. Optima are the
certified ones of values.json.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo.models import FORMULATIONS
from eipyomo.models.formulation_options import OPTIONS
from eipyomo.models.formulations.letter import Letter
from eipyomo.models.symbols import VARIABLES
from eipyomo.models.writers import nl
from eipyomo.problem import Feature, Problem
from eipyomo.restriction import Restriction, named
from eipyomo.solvers.exact import convex_rest
from tests.allocations import random_allocation
from tests.conftest import VALUES, names_up_to, reference, slow_but
from tests.instances import KINDS, limited

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Case:
    """What the check needs to know of a formulation.

    Attributes
    ----------
    options
        The formulation's own options to check it with.
    other_options
        Options that must change the model, and not what it says.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    other_options: Mapping[str, Any] = field(default_factory=dict)

    def allocation(self, instance: ei.Instance, seed: int) -> ei.Allocation:
        """Return a random allocation that is feasible in this formulation."""
        return random_allocation(instance, seed)

    def optimum(self, instance: ei.Instance) -> ei.Allocation:
        """Return a certified optimum of what the formulation says."""
        found = ei.solve(instance, "exact").allocation
        assert found is not None
        return found


@dataclass(frozen=True)
class Grid(Case):
    """ι on a grid: its optimum is that of method `exhaustive` with the same step."""

    def allocation(self, instance: ei.Instance, seed: int) -> ei.Allocation:
        """Return a random allocation on the grid."""
        return random_allocation(instance, seed, steps=round(1 / self.options["step"]))

    def optimum(self, instance: ei.Instance) -> ei.Allocation:
        """Return the certified optimum on the grid."""
        found = ei.solve(instance, "exhaustive", step=self.options["step"]).allocation
        assert found is not None
        return found


CASES: Mapping[str, Case] = {
    "letter": Case(),
    "spectral": Case(options={"tangents": 12}, other_options={"tangents": 3}),
    "grid": Grid(
        options={"step": 0.25, "tangents": 12},
        other_options={"step": 0.5, "tangents": 3, "choice": "bigm"},
    ),
}

each_formulation = pytest.mark.parametrize("formulation", list(FORMULATIONS))
each_kind = pytest.mark.parametrize("kind", KINDS)
each_small_instance = pytest.mark.parametrize(
    ("name", "kind"),
    slow_but(
        [
            *((name, "plain") for name in names_up_to(4)),
            *(
                (name, kind)
                for name in ("letter-m2", "mixed-m4")
                for kind in KINDS
                if kind != "plain"
            ),
        ],
        ("letter-m2", "plain"),
    ),
)


def build(name: str, formulation: str, kind: str = "plain", **options: Any) -> Any:
    """Return the model of a reference instance, made one of some kind, in a formulation."""
    options = options or dict(CASES[formulation].options)
    return ei.models.minlp(KINDS[kind](reference(name)), formulation, **options)


def test_every_formulation_is_checked() -> None:
    """No formulation is without a case, and no case without a formulation."""
    assert set(CASES) == set(FORMULATIONS)


def test_every_formulation_has_its_record_of_options() -> None:
    """What is read of formulations without Pyomo is what they say themselves."""
    assert {name: one.Options for name, one in FORMULATIONS.items()} == OPTIONS


@each_formulation
@each_kind
@pytest.mark.parametrize("name", slow_but(names_up_to(12), "letter-m2", "mixed-m4"))
def test_it_is_the_judge(formulation: str, name: str, kind: str) -> None:
    """At feasible allocations all terms are evaluate()'s, it holds, and decisions come back."""
    instance = KINDS[kind](reference(name))
    model = build(name, formulation, kind)
    for seed in range(5):
        allocation = CASES[formulation].allocation(instance, seed)
        ei.models.load(model, allocation)
        judged = ei.evaluate(instance, allocation)
        assert pyo.value(model.wsel) == pytest.approx(judged.objective, rel=1e-12)
        assert ei.models.largest_violation(model)[1] < 1e-9
        for j, user in enumerate(instance.scaled.names):
            for term in ("upload_j", "offload_j", "download_j", "local_inference_j", "energy_j"):
                here = pyo.value(getattr(model.user[user], term))
                there = getattr(judged.breakdown, term)[j]
                assert here == pytest.approx(there, abs=1e-9, rel=1e-9), term
        read = ei.models.allocation(model)
        assert ei.evaluate(instance, read).objective == pytest.approx(judged.objective, rel=1e-9)
        assert (read.download == allocation.download).all()
        if allocation.edge_frequency_hz is None:
            assert read.edge_frequency_hz is None
        else:
            assert read.edge_frequency_hz == pytest.approx(allocation.edge_frequency_hz, rel=1e-12)


@each_formulation
@pytest.mark.parametrize("seed", slow_but(range(10), 3))
def test_it_refuses_what_evaluate_refuses(formulation: str, seed: int) -> None:
    """A sync time before the last upload, a CPU beyond f_max and more than the band violate it."""
    model = build("letter-m4", formulation)
    allocation = CASES[formulation].allocation(reference("letter-m4"), seed)
    ei.models.load(model, allocation)
    model.sync_s.set_value(0.7 * model.sync_s.value)
    assert ei.models.largest_violation(model)[1] > 1e-3
    ei.models.load(model, allocation)
    for name in model.users:
        seconds = model.user[name].local_inference_s
        seconds.set_value(0.1 * seconds.value)
    assert (ei.models.largest_violation(model)[1] > 1e-3) == allocation.download.any()
    ei.models.load(model, allocation)
    first = model.uplink_share["eu1"]
    first.set_value(first.value + 0.1)
    name, amount = ei.models.largest_violation(model)
    assert name == "bandwidth_budget"
    assert amount == pytest.approx(0.1)


@each_formulation
@pytest.mark.parametrize("name", slow_but(["letter-m4", "mixed-m4", "hostile-06"], "letter-m4"))
def test_it_refuses_an_edge_that_is_too_slow(formulation: str, name: str) -> None:
    """Half the frequency of a task with the time of all of it violates it."""
    instance = limited(reference(name))
    model = build(name, formulation, "limited")
    for seed in range(4):
        ei.models.load(model, CASES[formulation].allocation(instance, seed))
        served = next(one for one in model.users if model.edge_frequency_ghz[one].value > 0)
        model.edge_frequency_ghz[served].set_value(0.5 * model.edge_frequency_ghz[served].value)
        assert ei.models.largest_violation(model)[1] > 1e-4


@each_formulation
@pytest.mark.parametrize("part", [None, 0.2, 0.01])
@pytest.mark.parametrize("name", slow_but(VALUES, "mixed-m4"))
def test_every_start_is_inside(formulation: str, name: str, part: float | None) -> None:
    """Every free variable starts strictly between finite bounds, and all rows are defined there.

    Also where the edge has but a hundredth of M f_s.
    """
    instance = reference(name) if part is None else limited(reference(name), part)
    model = ei.models.minlp(instance, formulation, **CASES[formulation].options)
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        low, high = variable.bounds
        assert np.isfinite([low, high]).all(), variable.name
        assert low < variable.value < high, variable.name
    for row in model.component_data_objects(pyo.Constraint, descend_into=True):
        assert np.isfinite(pyo.value(row.body)), row.name


@each_formulation
@each_small_instance
def test_it_has_the_certified_optimum(formulation: str, name: str, kind: str) -> None:
    """With everything free, Bonmin ends at the certified optimum."""
    instance = KINDS[kind](reference(name))
    cost = ei.evaluate(instance, CASES[formulation].optimum(instance)).objective
    result = ei.solve_model(build(name, formulation, kind), "bonmin", unchanged=True)
    assert result.objective == pytest.approx(cost, rel=1e-5)


@each_formulation
@each_small_instance
def test_its_convex_rest_has_the_certified_optimum(formulation: str, name: str, kind: str) -> None:
    """With the best a and ι fixed, Ipopt reaches the certified optimum from the model's start."""
    instance = KINDS[kind](reference(name))
    best = CASES[formulation].optimum(instance)
    model = build(name, formulation, kind)
    ei.models.fix(model, download=best.download, offload_fraction=best.offload_fraction)
    result = ei.solve_model(model, "ipopt", unchanged=True)
    cost = ei.evaluate(instance, best).objective
    assert result.objective == pytest.approx(cost, rel=1e-6)
    assert result.objective == pytest.approx(pyo.value(model.wsel), rel=1e-9)


@pytest.mark.slow
@each_formulation
@pytest.mark.parametrize("name", slow_but(["letter-m4", "mixed-m4"], "letter-m4"))
def test_held_at_f_s_the_model_has_the_old_optimum(formulation: str, name: str) -> None:
    """With every f_s at the letter's value Ipopt finds the optimum without a total, to 1e-7."""
    instance = reference(name)
    best = ei.solve(instance, "exhaustive", step=0.25).allocation
    assert best is not None
    rest = convex_rest(Problem(instance), best.download, best.offload_fraction)
    expected = ei.evaluate(instance, rest.allocation).objective
    model = ei.models.minlp(limited(instance, 1.0), formulation, **CASES[formulation].options)
    ei.models.fix(
        model,
        download=best.download,
        offload_fraction=best.offload_fraction,
        edge_frequency_hz=instance.server.frequency_hz,
    )
    result = ei.solve_model(model, "ipopt", unchanged=True)
    assert result.objective == pytest.approx(expected, rel=1e-7)


@pytest.mark.slow
@each_formulation
@pytest.mark.parametrize("kind", ["eco", "lco"])
def test_benchmarks(formulation: str, kind: str) -> None:
    """With all tasks at the edge or all local it gives ECO's and LCO's cost in values.json."""
    model = build("mixed-m4", formulation)
    local = kind == "lco"
    ei.models.fix(model, download=local, offload_fraction=0.0 if local else 1.0)
    result = ei.solve_model(model, "ipopt", unchanged=True)
    assert result.objective == pytest.approx(VALUES["mixed-m4"][kind], rel=1e-6)


@pytest.mark.slow
@each_formulation
def test_training_rounds(formulation: str, letter: ei.Instance) -> None:
    """The special case of training rounds costs the same as in the printed form, to 1e-6."""
    options = CASES[formulation].options
    costs = [
        ei.solve_model(
            ei.models.minlp(letter, name, "training", **chosen), "ipopt", unchanged=True
        ).objective
        for name, chosen in (("letter", {}), (formulation, options))
    ]
    assert costs[1] == pytest.approx(costs[0], rel=1e-6)


RESTRICTED: dict[str, tuple[str, dict[str, Any]]] = {
    "eco": ("eco", {}),
    "lco": ("lco", {}),
    "gbe": ("gbe", {}),
    "grid:0.25": ("exhaustive", {"step": 0.25}),
}
"""Restricted problems, each with the method that proves its optimum."""

MIXED = Restriction(edge=[True, False, True, False], offload_min=0.25, offload_max=[1, 0.5, 1, 0.5])

RESTRICTIONS = [*map(named, [*RESTRICTED, "gbe training"]), (MIXED, "inference")]
each_restriction = pytest.mark.parametrize(
    "restriction",
    [
        pytest.param(case, marks=[] if case[1] == "training" else pytest.mark.slow, id=str(case))
        for case in RESTRICTIONS
    ],
)


@each_formulation
@each_restriction
def test_a_restricted_model_is_the_judge(
    formulation: str, restriction: tuple[Restriction, Any]
) -> None:
    """The plain plans that it is given hold in it, cost what evaluate() says, and come back."""
    problem = Problem(reference("mixed-m4"), *restriction)
    model = ei.models.minlp(problem, formulation, **CASES[formulation].options)
    plans = list(ei.models.plain_allocations(model))
    assert plans
    for allocation in plans:
        judged = ei.evaluate(problem, allocation)
        assert judged.feasible
        ei.models.load(model, allocation)
        assert pyo.value(model.wsel) == pytest.approx(judged.objective, rel=1e-12)
        assert ei.models.largest_violation(model)[1] < 1e-9
        read = ei.models.allocation(model)
        assert ei.evaluate(problem, read).objective == pytest.approx(judged.objective, rel=1e-9)


@each_formulation
@pytest.mark.parametrize("name", slow_but(RESTRICTED, "gbe"))
def test_a_restricted_model_refuses_what_is_excluded(formulation: str, name: str) -> None:
    """A plan of (10) outside of the restriction cannot be loaded, or violates the model."""
    instance = reference("mixed-m4")
    problem = Problem.of(instance, name)
    drawn = random_allocation(instance, 3)
    up, down = 0.7 * drawn.uplink_share / drawn.uplink_share.sum(), 0.2 * drawn.downlink_share
    allocation = replace(drawn, uplink_share=up, downlink_share=down)
    assert not ei.evaluate(problem, allocation).feasible
    model = ei.models.minlp(problem, formulation, **CASES[formulation].options)
    assert not can_hold(model, allocation)


def can_hold(model: Any, allocation: ei.Allocation) -> bool:
    """Tell whether an allocation can be loaded into a model, and violates nothing there."""
    try:
        ei.models.load(model, allocation)
    except ei.InputError:
        return False
    return ei.models.largest_violation(model)[1] <= 1e-3


@each_formulation
@each_restriction
def test_a_restricted_model_can_be_written_and_renewed(
    formulation: str, restriction: tuple[Restriction, Any], tmp_path: Path
) -> None:
    """Its manifest rebuilds it, and an update gives it the data of another instance."""
    problem = Problem(reference("mixed-m4"), *restriction)
    options = CASES[formulation].options
    model = ei.models.minlp(problem, formulation, **options)
    ei.models.export(model, tmp_path / "model.nl")
    columns = len((tmp_path / "model.col").read_text().splitlines())
    rows = len((tmp_path / "model.row").read_text().splitlines()) - 1
    (tmp_path / "model.sol").write_text(f"done\n\n{rows}\n0\n{columns}\n0\nobjno 0 0\n")
    again, _ = ei.models.read_sol(tmp_path / "model.sol")
    assert nl(again)[0] == nl(model)[0]
    manifest = tmp_path / "model.nl.manifest.json"
    document = json.loads(manifest.read_text())
    assert document["problem"] == ei.models.source_of(model).problem.name
    wrong = {**document, "round": "inference", "restriction": {"edge": [True, False]}}
    manifest.write_text(json.dumps(wrong))
    with pytest.raises(ei.InputError, match=r"the manifest file .* is damaged: ValueError"):
        ei.models.read_sol(tmp_path / "model.sol")
    other = problem.instance.replace(bandwidth_hz=4e7)
    ei.models.update(model, other)
    new = ei.models.minlp(replace(problem, instance=other), formulation, **options)
    plan = next(ei.models.plain_allocations(new))
    for one in (model, new):
        ei.models.load(one, plan)
    assert nl(model)[0] == nl(new)[0]


def test_a_problem_without_a_decision_has_no_point(letter: ei.Instance) -> None:
    """Where neither a = 0 nor a = 1 is allowed, no file can be written; the sentence says why."""
    model = ei.models.minlp(Problem(letter, Restriction(edge=False, local=False)))
    with pytest.raises(ei.InputError, match=r"'user\[eu1\]\.download' cannot hold any value"):
        nl(model)


def test_what_a_formulation_cannot_say_is_refused(
    letter: ei.Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A formulation says which features it handles, and a problem with another is refused."""
    monkeypatch.setattr(Letter, "handles", frozenset({Feature.TRAINING}))
    ei.models.minlp(letter, round="training")
    sentence = "formulation 'letter' does not handle a band split into halves, which the problem"
    with pytest.raises(ei.InputError, match=sentence):
        ei.models.minlp(Problem.of(letter, "gbe"))


def test_the_grid_of_a_problem_is_that_of_the_formulation(letter: ei.Instance) -> None:
    """`grid` takes the problem's step, and refuses another one."""
    problem = Problem.of(letter, "grid:0.25")
    model = ei.models.minlp(problem, "grid")
    assert ei.models.source_of(model).problem.name == "grid:0.25"
    assert len(model.user["eu1"].points) == 5
    with pytest.raises(ei.InputError, match=r"step is 0\.5, but must be 0\.25 as in the problem"):
        ei.models.minlp(problem, "grid", step=0.5)


@each_formulation
def test_every_part_is_documented(formulation: str) -> None:
    """Each of a user's variables carries symbol, unit and meaning; each constraint a text."""
    model = build("letter-m2", formulation)
    for variable in model.component_objects(pyo.Var, descend_into=True):
        assert variable.doc == str(VARIABLES[variable.local_name])
    for constraint in model.component_objects(pyo.Constraint, descend_into=True):
        assert "(" in constraint.doc, constraint.name


@each_formulation
@pytest.mark.parametrize("suffix", ["nl", "gms"])
def test_export(formulation: str, suffix: str, tmp_path: Path) -> None:
    """It can be written, and its manifest rebuilds the same model."""
    model = build("letter-m2", formulation)
    ei.models.export(model, tmp_path / f"model.{suffix}")
    assert (tmp_path / f"model.{suffix}").stat().st_size > 0
    if suffix == "nl":
        columns = len((tmp_path / "model.col").read_text().splitlines())
        rows = len((tmp_path / "model.row").read_text().splitlines()) - 1
        (tmp_path / "model.sol").write_text(
            f"done\n\nOptions\n3\n0\n1\n0\n{rows}\n0\n{columns}\n{columns}\n" + "0.5\n" * columns
        )
        again, _ = ei.models.read_sol(tmp_path / "model.sol")
        one, other = map(ei.models.source_of, (again, model))
        assert one.problem.instance == other.problem.instance
        assert one.problem.name == other.problem.name
        assert (one.formulation, one.options) == (other.formulation, other.options)
        assert again.sync_s.value == 0.5


@each_formulation
def test_copies(formulation: str) -> None:
    """Pickling and cloning keep the model and what it was made from."""
    instance = reference("mixed-m4")
    model = build("mixed-m4", formulation)
    allocation = CASES[formulation].allocation(instance, 8)
    cost = ei.evaluate(instance, allocation).objective
    for copy in (pickle.loads(pickle.dumps(model)), model.clone()):
        ei.models.load(copy, allocation)
        assert pyo.value(copy.wsel) == pytest.approx(cost)


@each_formulation
def test_options(formulation: str) -> None:
    """Options other than the default change the model, and unknown ones are refused."""
    other = CASES[formulation].other_options
    assert set(other) == set(ei.models.options(formulation))
    with pytest.raises(ei.InputError, match=f"foo is no option of the formulation {formulation!r}"):
        build("letter-m2", formulation, foo=1)
    if other:
        rows = [
            sum(1 for _ in model.component_data_objects(pyo.Constraint, descend_into=True))
            for model in (build("letter-m2", formulation), build("letter-m2", formulation, **other))
        ]
        assert rows[0] != rows[1]


@each_formulation
def test_without_a_total_the_model_has_nothing_of_it(formulation: str) -> None:
    """No column of the file belongs to it, and the frequency cannot be fixed."""
    model = build("letter-m2", formulation)
    _, columns, _ = nl(model)
    assert not [column.name for column in columns if "edge" in column.name]
    with pytest.raises(ei.InputError, match=r"no server\.total_frequency_hz"):
        ei.models.fix(model, edge_frequency_hz=1e9)


@pytest.mark.slow
@each_formulation
@pytest.mark.parametrize("name", ["letter-m2", "mixed-m4", "hostile-24"])
def test_tightening_keeps_the_optimum(formulation: str, name: str) -> None:
    """With a cutoff 1e-6 above the optimum, the optimum is inside of bounds that are tighter."""
    model = build(name, formulation)
    best = CASES[formulation].optimum(reference(name))
    cutoff = ei.evaluate(reference(name), best).objective * (1 + 1e-6)
    assert ei.models.tighten(model, cutoff) > 0
    assert is_inside(model, best)


@pytest.mark.slow
@each_formulation
def test_tightening_looks_at_what_a_user_added(formulation: str) -> None:
    """With another objective and another row, no point within that objective's cutoff is lost."""
    instance = reference("mixed-m4")
    allocation = CASES[formulation].allocation(instance, 2)
    model = build("mixed-m4", formulation)
    ei.models.load(model, allocation)
    model.wsel.deactivate()
    model.last_s = pyo.Var(bounds=(0, None))
    model.last = pyo.Objective(expr=model.last_s)
    model.is_last = pyo.Constraint(
        model.users, rule={name: model.last_s >= model.user[name].latency_s for name in model.users}
    )
    model.last_s.set_value(max(model.user[name].latency_s.value for name in model.users))
    last_s = model.last_s.value
    assert ei.models.tighten(model, last_s) > 0
    assert model.last_s.ub == pytest.approx(last_s, rel=1e-6)
    model.last_s.set_value(last_s)
    assert is_inside(model, allocation)
    ei.models.tighten(model, 2 * last_s)
    assert model.last_s.ub == pytest.approx(2 * last_s, rel=1e-6)


def is_inside(model: Any, allocation: ei.Allocation) -> bool:
    """Tell whether a model holds at an allocation, its bounds included."""
    ei.models.load(model, allocation)
    assert ei.models.largest_violation(model)[1] < 1e-9
    return all(
        variable.lb - 1e-9 <= variable.value <= variable.ub + 1e-9
        for variable in model.component_data_objects(pyo.Var, descend_into=True)
    )


@each_formulation
def test_an_impossible_cutoff_is_refused(formulation: str) -> None:
    """A cost that nothing can have, or no number, is an error, and the bounds stay."""
    model = build("letter-m2", formulation)
    bounds = [one.bounds for one in model.component_data_objects(pyo.Var, descend_into=True)]
    for cutoff in (1e-3, float("nan")):
        with pytest.raises(ei.InputError, match="cutoff is"):
            ei.models.tighten(model, cutoff)
    again = [one.bounds for one in model.component_data_objects(pyo.Var, descend_into=True)]
    assert again == bounds
    assert ei.models.cutoff_row(model) is None


@pytest.mark.parametrize("tangents", [1, 2.5, True, "many"])
def test_wrong_number_of_tangents(tangents: Any) -> None:
    """A number of tangents that is none is refused in a sentence."""
    with pytest.raises(ei.InputError, match="must be a whole number >= 2"):
        build("letter-m2", "spectral", tangents=tangents)


@pytest.mark.parametrize(
    ("name", "kind"),
    slow_but(
        [
            ("letter-m2", "plain"),
            ("hostile-12", "plain"),
            ("hostile-33", "plain"),
            ("letter-m2", "limited"),
        ],
        ("hostile-12", "plain"),
    ),
)
def test_scip_proves_the_spectral_optimum(name: str, kind: str) -> None:
    """SCIP closes the gap to 1e-3, with a bound below and a cost at the certified optimum."""
    instance = KINDS[kind](reference(name))
    result = ei.solve(instance, "minlp:scip", formulation="spectral", gap=1e-3)
    best = ei.solve(instance, "exact").objective
    assert result.termination == "optimal"
    assert best is not None
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= best * (1 + 1e-9)
    assert best * (1 - 1e-6) <= result.objective <= best * (1 + 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("solver", slow_but(["bonmin", "mindtpy"], "bonmin"))
@pytest.mark.parametrize("name", slow_but(["letter-m2", "letter-m4", "mixed-m4"], "letter-m2"))
def test_local_solvers_find_the_best_on_the_grid(solver: str, name: str) -> None:
    """On the convex model with step 1/5 they reach what `exhaustive` proves."""
    best = ei.solve(reference(name), "exhaustive", step=0.2)
    result = ei.solve(reference(name), f"minlp:{solver}", formulation="grid", step=0.2)
    assert result.objective == pytest.approx(best.objective, rel=2e-4)  # their gap is 1e-4
    assert result.problem == best.problem
    assert best.bound is not None
    assert result.objective is not None
    assert result.objective >= best.bound


@pytest.mark.slow
@pytest.mark.solver("shot")
@pytest.mark.parametrize(
    "name", slow_but(["letter-m2", "letter-m4", "hostile-12", "hostile-18"], "hostile-18")
)
def test_shot_proves_the_best_on_the_grid(name: str) -> None:
    """On the convex model SHOT has a bound below what `exhaustive` proves, and a point at it."""
    instance = reference(name)
    best = ei.solve(instance, "exhaustive", step=0.2)
    result = ei.solve(instance, "minlp:shot", formulation="grid", step=0.2)
    assert result.termination == "optimal", result.message
    assert result.objective == pytest.approx(best.objective, rel=1e-4)
    assert result.bound is not None
    assert best.objective is not None
    assert result.bound <= best.objective
    assert ei.Result.from_dict(result.to_dict(), instance).bound == result.bound


@pytest.mark.slow
@pytest.mark.solver("shot")
@pytest.mark.parametrize("formulation", ["letter", "spectral"])
def test_shot_proves_nothing_elsewhere(formulation: str) -> None:
    """On a model that is not convex, or is no longer known to be, SHOT has no bound."""
    result = ei.solve(reference("letter-m2"), "minlp:shot", formulation=formulation)
    assert (result.termination, result.bound) == ("converged", None)
    assert result.objective is not None
    assert VALUES["letter-m2"]["bound"] <= result.objective <= VALUES["letter-m2"]["wsel"] * 1.001
    changed = build("letter-m2", "grid", step=0.5)
    changed.row = pyo.Constraint(expr=changed.sync_s <= 20)
    assert ei.solve_model(changed, "shot").bound is None


@pytest.mark.parametrize("choice", slow_but(["hull", "bigm"], "hull"))
def test_both_ways_to_choose_a_point(choice: str) -> None:
    """Parts of the upload time and switched rows have the same optimum."""
    best = ei.solve(reference("letter-m2"), "exhaustive", step=0.5)
    model = build("letter-m2", "grid", step=0.5, choice=choice)
    result = ei.solve_model(model, "bonmin", unchanged=True)
    assert result.objective == pytest.approx(best.objective, rel=2e-4)


def test_options_reach_the_formulation() -> None:
    """A formulation's own options are options of method `minlp`, and stand in its result."""
    options: dict[str, Any] = {"step": 0.5, "choice": "bigm", "tangents": 5}
    result = ei.solve(reference("letter-m2"), "minlp:bonmin", formulation="grid", **options)
    assert result.problem == "grid:0.5"
    assert options.items() <= dict(result.options).items()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 0.3}, "step is 0.3, but must be 1/n"),
        ({"step": True}, "step is True, but must be 1/n"),
        ({"choice": "foo"}, "choice is 'foo', but must be one of: hull, bigm"),
    ],
)
def test_wrong_grids(options: dict[str, Any], message: str) -> None:
    """A step that does not divide 1 and an unknown choice are refused in a sentence."""
    with pytest.raises(ei.InputError, match=message):
        build("letter-m2", "grid", **options)


def test_off_the_grid(letter: ei.Instance) -> None:
    """An offload fraction between two points can be neither loaded nor fixed."""
    model = ei.models.minlp(letter, "grid", step=0.5)
    with pytest.raises(ei.InputError, match="must be a multiple of 1/2"):
        ei.models.fix(model, offload_fraction=0.3)
    with pytest.raises(ei.InputError, match="must be a multiple of 1/2"):
        ei.models.load(model, random_allocation(letter, 3))


def test_a_changed_parameter_moves_the_tangents(letter: ei.Instance) -> None:
    """No number is frozen: with twice the model size the spectral model is the other instance's."""
    changed = ei.Instance.from_dict({**letter.to_dict(), "model_bits": 2 * letter.model_bits})
    model, other = (ei.models.minlp(one, "spectral") for one in (letter, changed))
    model.model_mbit.set_value(32.0)
    ei.models.load(other, random_allocation(changed, 4))
    for variable in other.component_data_objects(pyo.Var, descend_into=True):
        model.find_component(variable.name).set_value(variable.value, skip_validation=True)
    assert ei.models.largest_violation(model)[1] < 1e-9
    assert pyo.value(model.wsel) == pytest.approx(pyo.value(other.wsel))
