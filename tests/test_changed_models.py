"""What a user makes of a model is what is solved and judged: data, bounds, fixings, rows, names.

Each test's numbers follow from the model's own relations or from the certified optimum of the
unchanged problem.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo.models import FORMULATIONS
from eipyomo.models.symbols import SYSTEM_DATA, USER_DATA
from eipyomo.models.writers import nl
from eipyomo.problem import Problem
from eipyomo.solvers.contract import Claim
from eipyomo.solvers.judge import judge
from eipyomo.solvers.minlp.method import FORMULATION
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference, slow_but
from tests.test_ampl import executable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

each_formulation = pytest.mark.parametrize("formulation", list(FORMULATIONS))


def two_users(**changes: Any) -> ei.Instance:
    """Return the letter's setting with two users, at 20 MHz and 16 Mbit unless changed."""
    return ei.Instance.letter(users=2, **changes)


def optimum(instance: ei.Instance) -> ei.Allocation:
    """Return the certified optimum of (10)."""
    found = ei.solve(instance, "exact").allocation
    assert found is not None
    return found


# Data


@pytest.mark.parametrize("key", [*SYSTEM_DATA, *USER_DATA])
def test_a_param_that_was_changed_alone_is_refused(key: str, tmp_path: Path) -> None:
    """Whatever reads, fills, tightens, writes or solves the model names the Param and its value."""
    instance = two_users()
    model = ei.models.minlp(instance)
    allocation = random_allocation(instance, 1)
    ei.models.load(model, allocation)
    parameter = model.component(key) if key in SYSTEM_DATA else model.user["eu2"].component(key)
    parameter.set_value(1.25 * pyo.value(parameter) + 1.0)
    uses: list[Callable[[], Any]] = [
        lambda: ei.models.load(model, allocation),
        lambda: ei.models.allocation(model),
        lambda: ei.models.tighten(model, 100.0),
        lambda: ei.models.export(model, tmp_path / "model.nl"),
        lambda: ei.solve_model(model, "bonmin"),
        lambda: ei.solve_model(model, "milp"),
    ]
    for use in uses:
        with pytest.raises(
            ei.InputError, match=rf"Param '.*{key}' is .* in its instance: .*update"
        ):
            use()
    assert list(tmp_path.iterdir()) == []


def test_the_total_frequency_is_data_too() -> None:
    """A changed budget of the edge's frequency is refused by its name."""
    model = ei.models.minlp(two_users(total_frequency_ghz=6.0))
    model.total_frequency_ghz.set_value(3.0)
    with pytest.raises(ei.InputError, match="'total_frequency_ghz' is 3, but 6 in its instance"):
        ei.solve_model(model, "bonmin")


CHANGES = {
    "band": {"bandwidth_mhz": 40.0},
    "narrow band": {"bandwidth_mhz": 0.5},
    "model size": {"model_mbit": 3000.0},
    "task and distance": {"task_mbit": 5.0, "distance_m": 200.0},
    "channel": {"seed": 7, "path_loss_exponent": 3.3},
}


@each_formulation
@pytest.mark.parametrize("change", slow_but(CHANGES, "band"))
def test_an_updated_model_is_a_new_one(change: str, formulation: str) -> None:
    """After models.update the .nl text, bounds included, is that of a model built anew."""
    options: dict[str, Any] = {"step": 0.5} if formulation == "grid" else {}
    model = ei.models.minlp(two_users(), formulation, **options)
    other = two_users(**CHANGES[change])
    ei.models.update(model, other)
    new = ei.models.minlp(other, formulation, **options)
    eco = ei.solve(other, "eco").allocation
    assert eco is not None
    for one in (model, new):
        ei.models.load(one, eco)
    assert nl(model)[0] == nl(new)[0]
    assert ei.models.source_of(model).instance is other


@pytest.mark.slow
def test_an_updated_model_is_solved_as_the_new_instance() -> None:
    """Bonmin ends at the certified optimum of the new instance, whatever it had solved before."""
    model = ei.models.minlp(two_users())
    ei.solve_model(model, "bonmin")
    for changes in CHANGES.values():
        other = two_users(**changes)
        ei.models.update(model, other)
        best = ei.evaluate(other, optimum(other)).objective
        result = ei.solve_model(model, "bonmin")
        assert result.objective == pytest.approx(best, rel=1e-5)


def test_an_update_keeps_what_a_user_has_added() -> None:
    """A row, a bound and a fixed variable of the user's hold in the new instance as well."""
    model = ei.models.minlp(two_users())
    model.deadline = pyo.Constraint(model.users, rule=lambda m, j: m.user[j].latency_s <= 6.0)
    model.uplink_share["eu1"].setub(0.3)
    model.user["eu2"].download.fix(0)
    other = two_users(bandwidth_mhz=30.0)
    ei.models.update(model, other)
    result = ei.solve_model(model, "bonmin")
    assert result.allocation is not None
    assert result.evaluation is not None
    assert result.evaluation.breakdown.latency_s.max() <= 6.0 * (1 + 1e-6)
    assert result.allocation.uplink_share[0] <= 0.3
    assert not result.allocation.download[1]
    assert model.user["eu2"].download.fixed


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ei.Instance.letter(users=3), "the instance has the users 'eu1', 'eu2', 'eu3', but"),
        (two_users(total_frequency_ghz=5.0), "server.total_frequency_hz is in one of instance"),
    ],
)
def test_an_instance_that_does_not_fit(other: ei.Instance, expected: str) -> None:
    """Other users or another budget need a new model; the old one stays as it was."""
    model = ei.models.minlp(two_users())
    before = nl(model)[0]
    with pytest.raises(ei.InputError, match=expected):
        ei.models.update(model, other)
    assert nl(model)[0] == before


def test_a_foreign_model_is_refused() -> None:
    """A model that was not made here is told apart in a sentence."""
    with pytest.raises(ei.InputError, match=r"must be a model made by models\.minlp"):
        ei.solve_model(pyo.ConcreteModel(), "scip")


# Bounds, fixed variables and rows


def decided(model: Any, allocation: ei.Allocation) -> None:
    """Fix a and ι, so that Ipopt can solve the model."""
    ei.models.fix(model, download=allocation.download, offload_fraction=allocation.offload_fraction)


def named(model: Any) -> dict[str, Any]:
    """Return a variable of each kind that the documents name, of the first user."""
    user = model.user["eu1"]
    keys = ("latency_s", "upload_s", "offload_s", "ready_s", "download_s", "local_inference_s")
    return {
        "uplink_share": model.uplink_share["eu1"],
        "downlink_share": model.downlink_share["eu1"],
        "sync_s": model.sync_s,
        **{key: user.component(key) for key in keys},
    }


VARIABLES = list(named(ei.models.minlp(two_users())))


@cache
def half_and_half(formulation: str) -> tuple[Any, ei.Allocation]:
    """Return a model in which both users download and offload half, and its optimum.

    With ten times the letter's κ the best CPU frequencies are below f_max.
    """
    users = {name: {"energy_coefficient": 5e-28} for name in ("eu1", "eu2")}
    instance = two_users().replace(users=users)
    options: dict[str, Any] = {"step": 0.5} if formulation == "grid" else {}
    model = ei.models.minlp(instance, formulation, **options)
    ei.models.fix(model, download=True, offload_fraction=0.5)
    result = ei.solve_model(model, "ipopt", unchanged=True)
    assert result.allocation is not None
    return model, result.allocation


def restricted(formulation: str, key: str, how: str) -> float:
    """Restrict a variable, solve, check that the answer keeps it, and return what it costs."""
    solved, best = half_and_half(formulation)
    model = solved.clone()
    cost = pyo.value(model.wsel)
    variable = named(model)[key]
    limit = variable.value * (1.05 if how in ("lower bound", "row") else 0.99)
    if how == "lower bound":
        variable.setlb(limit)
    elif how == "upper bound":
        variable.setub(limit)
    elif how == "fixed":
        variable.fix(limit)
    else:
        model.own = pyo.Constraint(expr=variable >= limit)
    # The old optimum is no start any more, and the sentence says what it breaks.
    with pytest.raises(ei.InputError, match=re.escape("own" if how == "row" else key)):
        ei.solve_model(model, "ipopt", start=best)
    result = ei.solve_model(model, "ipopt")
    assert result.termination == "converged", result.message
    assert ei.models.largest_violation(model)[1] <= 1e-5
    held = pyo.value(named(model)[key])
    beyond = held - limit if how == "upper bound" else limit - held
    assert (abs(beyond) if how == "fixed" else beyond) <= 1e-5 * max(1.0, limit)
    assert variable.fixed == (how == "fixed")
    assert how != "fixed" or variable.value == limit
    minimised = pyo.value(model.wsel)
    assert minimised >= cost * (1 - 1e-6)
    reported = result.objective if result.model_objective is None else result.model_objective
    assert reported == pytest.approx(minimised, rel=2e-6)
    if formulation == "letter":  # the next solve of the same model gives the same
        ei.solve_model(model, "ipopt")
        assert pyo.value(model.wsel) == pytest.approx(minimised, rel=1e-5)
    return float(minimised)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["lower bound", "upper bound", "fixed", "row"])
@pytest.mark.parametrize("key", VARIABLES)
def test_what_is_set_on_a_variable_holds(key: str, how: str) -> None:
    """At 1.05 or 0.99 times its best value it holds, and means the same in every formulation."""
    costs = [restricted(formulation, key, how) for formulation in FORMULATIONS]
    assert costs == pytest.approx([costs[0]] * len(costs), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["scip", "bonmin", "milp"])
@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.uplink_share["eu1"].setub(0.05),
        lambda m: m.uplink_share["eu1"].fix(0.05),
        lambda m: m.user["eu1"].ready_s.setlb(6.0),
        lambda m: m.user["eu2"].latency_s.fix(9.0),
        lambda m: m.user["eu2"].offload_fraction.setub(0.25),
        lambda m: m.user["eu2"].download.fix(0),
        lambda m: m.sync_s.setlb(4.0),
    ],
    ids=["share ub", "share fixed", "ready lb", "latency fixed", "offload ub", "edge", "sync lb"],
)
def test_solvers_of_mixed_integer_models_keep_it_too(
    change: Callable[[Any], Any], solver: str
) -> None:
    """The model holds what was set, and the next solve of the same model gives the same."""
    model = ei.models.minlp(two_users(), "letter" if solver == "bonmin" else "spectral")
    change(model)
    before = [(v.name, v.fixed, v.value if v.fixed else None) for v in all_variables(model)]
    costs = []
    for _ in range(2):
        result = ei.solve_model(model, solver, gap=1e-2, time_limit=30)
        assert result.termination in ("optimal", "converged"), result.message
        assert ei.models.largest_violation(model)[1] <= 1e-5
        costs.append(pyo.value(model.wsel))
    assert costs[1] == pytest.approx(costs[0], rel=2e-2)
    after = [(v.name, v.fixed, v.value if v.fixed else None) for v in all_variables(model)]
    assert after == before


def all_variables(model: Any) -> list[Any]:
    """Return the variables of a model."""
    return list(model.component_data_objects(pyo.Var, descend_into=True))


def test_a_start_that_breaks_a_bound_is_refused() -> None:
    """The certified optimum of (10) is no start for a model with a smaller share; it says why."""
    instance = two_users()
    model = ei.models.minlp(instance, "spectral")
    model.uplink_share["eu1"].setub(0.05)
    with pytest.raises(ei.InputError, match=r"'uplink_share\[eu1\] <= 0.05' by"):
        ei.solve_model(model, "milp", start=optimum(instance))
    model.uplink_share["eu1"].setub(1)
    model.uplink_share["eu1"].fix(0.05)
    with pytest.raises(ei.InputError, match=r"'uplink_share\[eu1\]' is fixed at 0.05, but"):
        ei.solve_model(model, "milp", start=optimum(instance))
    assert model.uplink_share["eu1"].value == 0.05


def test_a_small_bound_holds_in_itself() -> None:
    """A share of at most 1e-6 of the band is kept exactly, not within a solver's tolerance."""
    model = ei.models.minlp(two_users())
    decided(model, optimum(two_users()))
    model.uplink_share["eu1"].setub(1e-6)
    result = ei.solve_model(model, "ipopt")
    if result.allocation is not None and result.termination != "error":
        assert result.allocation.uplink_share[0] <= 1e-6


def test_a_variable_fixed_without_a_value_is_named() -> None:
    """What Pyomo lets pass is refused before a solver sees it."""
    model = ei.models.minlp(two_users())
    model.user["eu1"].offload_fraction.fix(None)
    with pytest.raises(ei.InputError, match=r"offload_fraction' is fixed at None, but must"):
        ei.solve_model(model, "bonmin")


# Infeasible, unbounded, optimal: who may say so


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["scip", "bonmin", "milp"])
def test_late_latencies_are_not_infeasible(solver: str) -> None:
    """A row that asks for waiting beyond the bounds that are proven for (10) is met."""
    model = ei.models.minlp(two_users(), "letter" if solver == "bonmin" else "spectral")
    latest_s = pyo.value(model.user["eu1"].horizon_s)
    model.late = pyo.Constraint(expr=model.user["eu1"].latency_s >= 1.5 * latest_s)
    result = ei.solve_model(model, solver, gap=1e-3, time_limit=40)
    assert result.termination in ("optimal", "converged"), result.message
    assert model.user["eu1"].latency_s.value >= 1.5 * latest_s * (1 - 1e-6)
    assert pyo.value(model.user["eu1"].horizon_s) == latest_s  # widened for the solve only


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["bonmin", "milp"])
def test_a_hundredth_of_the_band_is_not_infeasible(solver: str) -> None:
    """All shares together within 1 % of the band: slow, and possible."""
    model = ei.models.minlp(two_users(), "letter" if solver == "bonmin" else "spectral")
    model.narrow = pyo.Constraint(
        expr=sum(model.uplink_share[j] + model.downlink_share[j] for j in model.users) <= 0.01
    )
    result = ei.solve_model(model, solver, gap=1e-2, time_limit=40)
    assert result.feasible, result.message
    assert result.allocation is not None
    used = result.allocation.uplink_share.sum() + result.allocation.downlink_share.sum()
    assert used <= 0.01 * (1 + 1e-5)


@pytest.mark.slow
def test_a_local_solver_proves_no_infeasibility() -> None:
    """Where Ipopt and Bonmin find nothing, that is no proof: sin(20 ι) >= 0.99 has solutions."""
    instance = two_users()
    model = ei.models.minlp(instance)
    ei.models.fix(model, download=True)
    model.wave = pyo.Constraint(expr=pyo.sin(20 * model.user["eu1"].offload_fraction) >= 0.9999)
    model.user["eu1"].offload_fraction.set_value(0.0)
    for solver in ("ipopt", "bonmin"):
        result = ei.solve_model(model, solver)
        assert result.termination != "infeasible"
        if not result.feasible:
            assert result.termination == "error"
            assert "is not proven, since it is a local solver" in result.message


def test_a_row_of_whole_numbers_is_not_infeasible() -> None:
    """Bonmin may fail on floor(T) <= 3, but does not call it proven infeasible."""
    model = ei.models.minlp(two_users())
    model.whole = pyo.Constraint(expr=pyo.floor(model.user["eu1"].latency_s) <= 3)
    result = ei.solve_model(model, "bonmin")
    assert result.termination != "infeasible"


@pytest.mark.parametrize("solver", slow_but(["ipopt", "bonmin", "scip", "milp"], "milp"))
def test_what_interval_arithmetic_refutes_is_infeasible(solver: str) -> None:
    """A deadline before the first upload can end is impossible, whoever was asked."""
    model = ei.models.minlp(two_users(), "spectral")
    decided(model, optimum(two_users()))
    model.deadline = pyo.Constraint(expr=model.user["eu1"].latency_s <= 0.5)
    result = ei.solve_model(model, solver)
    assert result.termination == "infeasible"
    assert "cannot hold" in result.message


@pytest.mark.slow
def test_scip_may_say_infeasible_within_bounds_that_follow_from_rows() -> None:
    """Deadlines of 2.4 s are beyond the band for both, which no single row shows; SCIP does."""
    instance = two_users()
    model = ei.models.minlp(instance, "spectral")
    model.deadline = pyo.Constraint(model.users, rule=lambda m, j: m.user[j].latency_s <= 2.4)
    ei.models.implied_reach(model)  # no row refutes it
    result = ei.solve_model(model, "scip", time_limit=40)
    assert result.termination == "infeasible", result.message


SAYS = {
    "infeasible, with the best point": (
        220,
        True,
        "claims that no feasible allocation exists, but",
    ),
    "infeasible, with no point": (200, False, "but equal shares with a late sync time"),
    "unbounded, with the best point": (300, True, "claims that the cost has no lower bound"),
    "unbounded, with no point": (310, False, "claims that the cost has no lower bound, but WSEL"),
}


@pytest.mark.parametrize("solver", slow_but(["couenne", "bonmin", "fake"], "couenne"))
@pytest.mark.parametrize("kind", SAYS)
def test_false_claims_of_executables(kind: str, solver: str, tmp_path: Path) -> None:
    """An error that says what is true; a feasible point that came along is kept, with no bound."""
    code, with_point, expected = SAYS[kind]
    instance = reference("letter-m2")
    best = optimum(instance)
    model = ei.models.minlp(instance, FORMULATION.get(solver, "letter"))
    ei.models.load(model, best)
    values = [variable.value for variable in nl(model)[1]] if with_point else []
    file = executable(tmp_path, f"sol({values!r}, code={code})", name=solver)
    result = ei.solve(instance, "minlp", solver=solver, executable=file, time_limit=5)
    assert result.termination == "error"
    assert expected in result.message
    assert result.bound is None
    assert result.feasible == with_point
    if with_point:
        assert result.objective == pytest.approx(ei.evaluate(instance, best).objective)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solver", "code", "expected"),
    [("couenne", 220, "infeasible"), ("bonmin", 220, "error"), ("fake", 299, "error")],
)
def test_claims_about_a_changed_model(
    solver: str, code: int, expected: str, tmp_path: Path
) -> None:
    """Only a global solver is believed, where bounds of ours play no part and no plan fits."""
    model = ei.models.minlp(two_users(), "spectral")
    model.deadline = pyo.Constraint(model.users, rule=lambda m, j: m.user[j].latency_s <= 2.4)
    file = executable(tmp_path, f"sol([], code={code})", name=solver)
    result = ei.solve_model(model, solver, executable=file, time_limit=5)
    assert result.termination == expected
    assert expected != "error" or "is not proven" in result.message


def test_a_plan_that_fits_contradicts_a_claim(tmp_path: Path) -> None:
    """With a row that all-edge computing keeps, even a global solver's "infeasible" is refuted."""
    model = ei.models.minlp(two_users())
    model.no_download = pyo.Constraint(expr=sum(model.downlink_share.values()) <= 0.5)
    file = executable(tmp_path, "sol([], code=200)", name="couenne")
    result = ei.solve_model(model, "couenne", executable=file, time_limit=5)
    assert result.termination == "error"
    assert (
        "its own point is feasible" in result.message or "is feasible and costs" in result.message
    )
    assert result.feasible


@pytest.mark.slow
def test_a_bound_within_bounds_that_may_cut_off_is_withdrawn() -> None:
    """Energy alone, without a deadline, has no least value: nothing is proven at the horizon."""
    model = ei.models.minlp(two_users(), "spectral")
    model.wsel.deactivate()
    model.energy = pyo.Objective(expr=sum(model.user[j].energy_j for j in model.users))
    result = ei.solve_model(model, "scip", gap=1e-2, time_limit=20)
    assert result.bound is None
    assert result.termination in ("converged", "limit")
    assert "own bound" in result.message


@pytest.mark.slow
@pytest.mark.parametrize("solver", slow_but(["ipopt", "scip", "milp"], "scip"))
def test_a_binding_horizon_decides_nothing(solver: str) -> None:
    """A row under which the optimum lies beyond the model's horizon: that optimum is what is found.

    The latencies have to add up to nearly both horizons. Within these both users are late; it costs
    little more than half if the one with a tenth of the other's weight waits alone, beyond its own.
    """
    users = {"eu1": {"latency_weight": 1.0}, "eu2": {"latency_weight": 0.1}}
    instance = ei.Instance.letter(users=2).replace(users=users)
    model = ei.models.minlp(instance, "letter" if solver == "ipopt" else "spectral")
    ei.models.fix(model, download=False, offload_fraction=1.0)
    ends_s = [pyo.value(model.user[name].horizon_s) for name in model.users]
    late_s = 0.99 * sum(ends_s)
    model.late = pyo.Constraint(
        expr=sum(model.user[name].latency_s for name in model.users) >= late_s
    )
    soon = ei.solve(instance, "eco").evaluation
    assert soon is not None
    alone = soon.objective + 0.1 * (late_s - soon.breakdown.latency_s.sum())
    result = ei.solve_model(model, solver)
    assert result.model_objective is not None
    assert result.model_objective <= alone * (1 + 1e-4)
    assert model.user["eu2"].latency_s.value > ends_s[1]
    assert (result.bound is not None) == (solver != "ipopt")
    assert result.bound is None or 0.99 * alone <= result.bound <= alone


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["bonmin", "scip"])
def test_an_impossible_deadline_is_infeasible(solver: str, letter: ei.Instance) -> None:
    """A constraint that nothing can satisfy is reported as infeasible, not as an error."""
    model = ei.models.minlp(letter)
    model.deadline = pyo.Constraint(expr=model.user["eu1"].latency_s <= 0.5)
    result = ei.solve_model(model, solver)
    assert result.termination == "infeasible"
    assert result.allocation is None


@pytest.mark.slow
def test_a_users_constraint_is_kept(letter: ei.Instance) -> None:
    """A deadline on every latency is respected, and makes the optimum dearer."""
    model = ei.models.minlp(letter)
    model.deadline = pyo.ConstraintList()
    for name in model.users:
        model.deadline.add(model.user[name].latency_s <= 7.5)
    result = ei.solve_model(model, "bonmin")
    assert result.problem == "model"
    assert result.evaluation is not None
    assert (result.evaluation.breakdown.latency_s <= 7.5 * (1 + 1e-6)).all()
    assert result.objective is not None
    assert result.objective > VALUES["letter-m4"]["wsel"]
    assert ei.models.binding_bounds(model) == []


# Names


NAMES = ("cutoff", "within_cutoff", "source", "cells", "cost", "rows", "horizon", "eipyomo")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_component_may_have_any_name(name: str) -> None:
    """A Param, a Var or a Block of the user's keeps name and value through all that we do."""
    instance = two_users()
    best = ei.evaluate(instance, optimum(instance)).objective
    parts: list[Any] = [
        pyo.Param(initialize=3.5, mutable=True),
        pyo.Var(bounds=(3.5, 3.5), initialize=3.5),
        pyo.Block(concrete=True),
    ]
    place = NAMES.index(name)
    for part in parts if place < 2 else [parts[place % 3]]:
        model = ei.models.minlp(instance, "spectral")
        model.add_component(name, part)
        if part.ctype is pyo.Var:
            model.uses_it = pyo.Constraint(expr=part <= 4)
        ei.models.tighten(model, 1.5 * best)
        assert model.component(name) is part
        result = ei.solve_model(model, "milp", gap=1e-2, time_limit=30)
        assert result.objective == pytest.approx(best, rel=1e-2)
        ei.models.loosen(model)
        assert model.component(name) is part
        if part.ctype is not pyo.Block:
            assert pyo.value(part) == 3.5


@pytest.mark.slow
def test_tightening_again_forgets_the_first_time() -> None:
    """Another objective is cut off at its own cutoff, from the bounds that there were at first."""
    instance = two_users()
    model = ei.models.minlp(instance, "spectral")
    bounds = [variable.bounds for variable in all_variables(model)]
    best = ei.evaluate(instance, optimum(instance)).objective
    ei.models.tighten(model, 1.01 * best)
    model.wsel.deactivate()
    model.slowest_s = pyo.Var(bounds=(0, 100), initialize=50)
    model.slowest = pyo.Constraint(
        model.users, rule=lambda m, j: m.slowest_s >= m.user[j].latency_s
    )
    model.fairest = pyo.Objective(expr=model.slowest_s)
    with pytest.raises(ei.InputError, match="was tightened, and its rows, objective"):
        ei.solve_model(model, "milp")
    ei.models.tighten(model, 20.0)
    row = ei.models.cutoff_row(model)
    assert model.slowest_s.ub == pytest.approx(20.0, rel=1e-6)
    assert pyo.value(row.upper) == 0
    assert ei.solve_model(model, "milp", gap=1e-2).termination in ("optimal", "converged", "limit")
    ei.models.loosen(model)
    assert model.slowest_s.bounds == (0, 100)
    for component in ("fairest", "slowest", "slowest_s"):
        model.del_component(component)
    assert [variable.bounds for variable in all_variables(model)] == bounds


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.user["eu1"].offload_fraction.fix(0.5),
        lambda m: m.bandwidth_budget.deactivate(),
        lambda m: m.own.set_value(0.02),
        lambda m: m.wsel.set_value(2 * m.wsel.expr),
    ],
    ids=["fixed", "row off", "own data", "objective"],
)
def test_a_model_changed_after_tightening_is_refused(change: Callable[[Any], Any]) -> None:
    """What the cutoff has cut off may be what is sought now, so the sentence says what to do."""
    instance = two_users()
    model = ei.models.minlp(instance)
    model.own = pyo.Param(initialize=0.01, mutable=True)
    model.row = pyo.Constraint(expr=model.uplink_share["eu1"] >= model.own)
    cost = ei.evaluate(instance, optimum(instance)).objective
    ei.models.tighten(model, 1.1 * cost)
    assert ei.solve_model(model, "bonmin").objective == pytest.approx(cost, rel=1e-5)
    change(model)
    with pytest.raises(ei.InputError, match=r"call models.tighten\(model, cutoff\) again"):
        ei.solve_model(model, "bonmin")


def test_two_objectives_are_named() -> None:
    """Neither is chosen; the sentence names both."""
    model = ei.models.minlp(two_users())
    model.other = pyo.Objective(expr=model.sync_s)
    with pytest.raises(ei.InputError, match=r"2 active objectives \('wsel', 'other'\), but must"):
        ei.solve_model(model, "bonmin")


@pytest.mark.parametrize("problem", ["eco", "lco", "gbe", "grid:0.5", "training"])
def test_a_point_beyond_a_restriction_is_an_error(problem: str) -> None:
    """What is feasible in (10) alone is no answer to a restricted problem, and is told why."""
    instance = two_users(seed=1)
    draw = next(
        one
        for one in (random_allocation(instance, seed) for seed in range(100))
        if one.download.any() and not one.download.all() and one.uplink_share.sum() > 0.5
    )
    claim = Claim("converged", allocation=draw)
    told = partial(judge, claim=claim, method="m", options={}, gap_at=lambda _: 1e-4, wall_s=0.0)
    result = told(Problem.of(instance, problem))
    assert result.termination == "error"
    assert f"in the problem {problem!r}" in result.message or "half of the band" in result.message
    assert told(Problem.of(instance)).feasible
