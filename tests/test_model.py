"""The Pyomo model: equal to the judge at every allocation, and safe to change, fix and copy."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eipyomo as ei
from eipyomo.models import bounds, build, end_user
from eipyomo.models.formulation_options import LetterOptions
from eipyomo.models.formulations.letter import Letter
from eipyomo.models.symbols import USER_DATA, VARIABLES
from eipyomo.scaled import FloatColumn
from experiments import notation
from tests.allocations import random_allocation, random_decisions
from tests.conftest import VALUES, names_up_to, reference
from tests.instances import hostile, limited

SEEDS = st.integers(0, 10_000)
NAMES = names_up_to(12)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, name=st.sampled_from(NAMES))
def test_the_horizon_cuts_off_no_optimum(seed: int, name: str) -> None:
    """Equal shares cost at most C for any a and ι, and whatever is later than the horizon more.

    Late is a sync time just beyond the earliest horizon, and a download by which one user alone
    ends just beyond their own.
    """
    instance = reference(name)
    data = instance.scaled
    equal = equal_shares(instance, seed)
    receiver = int(np.flatnonzero(equal.download)[0])
    cost = bounds.equal_share_cost(data)
    assert ei.evaluate(instance, equal).objective <= cost * (1 + 1e-12)

    latest_s = 1.0001 * bounds.latest_s(data)
    for late in (
        replace(equal, sync_s=float(latest_s.min())),
        received_late(instance, equal, latest_s, receiver),
    ):
        judged = ei.evaluate(instance, late)
        assert judged.feasible
        clock_s = judged.breakdown.latency_s + data.previous_download_s
        assert (clock_s > bounds.latest_s(data)).any()
        assert judged.objective > cost
    terms = ei.evaluate(instance, random_allocation(instance, seed)).breakdown
    assert (terms.wsel >= bounds.least_cost(data) * (1 - 1e-12)).all()


def equal_shares(instance: ei.Instance, seed: int) -> ei.Allocation:
    """Return an allocation of equal shares with random decisions; somebody downloads."""
    data, draw = instance.scaled, np.random.default_rng(seed)
    users = len(data)
    download, offload = random_decisions(users, draw)
    download[draw.integers(users)] = True
    share = np.full(users, 0.5 / users)
    upload_s = data.model_mbit * np.asarray(
        ei.physics.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    )
    return ei.Allocation(
        names=data.names,
        sync_s=float((data.upload_start_s + upload_s).max()),
        download=download,
        offload_fraction=offload,
        frequency_hz=download * bounds.unconstrained_frequency_ghz(data) * 1e9,
        uplink_share=share,
        downlink_share=share * download,
    )


def received_late(
    instance: ei.Instance, plan: ei.Allocation, end_s: FloatColumn, user: int
) -> ei.Allocation:
    """Return a plan in which one user's downlink share is so small that they end at `end_s`.

    `end_s` is an array of shape (users,), in s from the start of the round.
    """
    data = instance.scaled
    download_s = end_s - plan.sync_s - ei.evaluate(instance, plan).breakdown.local_inference_s
    share = plan.downlink_share.copy()
    share[user] = bounds.smallest_share(data, data.downlink_snr, download_s, data.model_mbit)[user]
    return replace(plan, downlink_share=share)


@pytest.mark.slow
def test_the_horizon_holds_at_a_scarce_budget() -> None:
    """No certified optimum ends after it, however little the server has."""
    for seed in range(8):
        instance = limited(hostile(seed, 3), 0.01)
        outcome = ei.solve(instance)
        assert outcome.allocation is not None
        terms = ei.evaluate(instance, outcome.allocation).breakdown
        ends_s = terms.latency_s + terms.previous_download_s
        assert (ends_s < bounds.latest_s(instance.scaled)).all()


def test_degrees_of_freedom(letter: ei.Instance) -> None:
    """The letter's u_j, with one share more, and what couples the users; nothing is left over."""
    model = ei.models.minlp(letter)
    free = sum(1 for _ in model.component_data_objects(pyo.Var, descend_into=True))
    rows = sum(1 for _ in model.component_data_objects(pyo.Constraint, descend_into=True))
    assert free == 4 * 10 + 2 * 4 + 1
    assert rows == 4 * 12 + 1


def test_changing_a_parameter_changes_the_model(letter: ei.Instance) -> None:
    """No number is frozen into an expression: a changed Param is a changed instance."""
    model = ei.models.minlp(letter)
    changed = ei.Instance.from_dict({**letter.to_dict(), "model_bits": 2 * letter.model_bits})
    allocation = random_allocation(changed, 4)
    ei.models.load(ei.models.minlp(changed), allocation)
    model.model_mbit.set_value(32.0)
    for name in model.users:
        model.user[name].horizon_s.set_value(1e6)
    other = ei.models.minlp(changed)
    ei.models.load(other, allocation)
    for variable in other.component_data_objects(pyo.Var, descend_into=True):
        model.find_component(variable.name).set_value(variable.value, skip_validation=True)
    assert ei.models.largest_violation(model)[1] < 1e-9
    assert pyo.value(model.wsel) == pytest.approx(pyo.value(other.wsel))


@pytest.mark.parametrize("how", ["fix", "bounds"])
def test_a_binary_can_be_fixed_in_both_ways(how: str, letter: ei.Instance) -> None:
    """Fixing a by .fix and by bounds gives the cost of ECO in values.json; Ipopt needs .fix."""
    model = ei.models.minlp(letter)
    for name in model.users:
        if how == "fix":
            model.user[name].download.fix(0)
        else:
            model.user[name].download.setub(0)
    result = ei.solve_model(model, "bonmin")
    assert result.objective == pytest.approx(VALUES["letter-m4"]["eco"], rel=1e-6)


def test_a_plan_is_valued_without_a_solver(letter: ei.Instance) -> None:
    """With every variable fixed the model still has its cost and can be written."""
    model = ei.models.minlp(letter)
    allocation = random_allocation(letter, 9)
    ei.models.load(model, allocation)
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        variable.fix()
    assert pyo.value(model.wsel) == pytest.approx(ei.evaluate(letter, allocation).objective)


def test_training_rounds_are_a_special_case(letter: ei.Instance) -> None:
    """With round="training" the model costs what evaluate() says of that round, and is convex."""
    model = ei.models.minlp(letter, round="training")
    assert not [
        variable.name
        for variable in model.component_data_objects(pyo.Var, descend_into=True)
        if variable.is_binary() and not variable.fixed
    ]
    result = ei.solve_model(model, "ipopt", unchanged=True)
    assert result.feasible
    assert result.allocation is not None
    assert result.allocation.download.all()
    assert (result.allocation.offload_fraction == 0).all()
    again = ei.evaluate(letter, result.allocation, round="training")
    assert again.objective == result.objective
    assert pyo.value(model.wsel) == pytest.approx(result.objective, rel=1e-9)


def test_one_block_serves_a_single_user(letter: ei.Instance) -> None:
    """The block takes shares and sync time of its own, as the decomposition's copies x, y, z."""
    model = pyo.ConcreteModel()
    data = letter.scaled
    for key in ("bandwidth_mhz", "model_mbit", "gigacycles_per_mbit", "server_frequency_ghz"):
        model.add_component(key, pyo.Param(initialize=getattr(data, key), mutable=True))
    model.x, model.y, model.z = pyo.Var(initialize=0.3), pyo.Var(initialize=5.0), pyo.Var()
    model.z.set_value(0.2)
    model.user = pyo.Block()
    own = {key: float(getattr(data, key)[0]) for key in USER_DATA}
    end_user.declare_data(model.user, own, horizon_s=100.0, receiving_floor=1e-4)
    links = end_user.Links(model, sync_s=model.y, uplink_share=model.x, downlink_share=model.z)
    Letter().build(model.user, links, LetterOptions())
    whole = ei.models.minlp(letter)
    parts = {part.local_name for part in model.user.component_objects(descend_into=False)}
    assert parts == {
        part.local_name for part in whole.user["eu1"].component_objects(descend_into=False)
    }
    assert pyo.value(model.user.uplink_rate) > 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"formulation": "foo"}, "formulation is 'foo', but must be one of: letter"),
        ({"round": "foo"}, "round is 'foo', but must be one of: inference, training"),
    ],
)
def test_unknown_choices_are_refused(
    options: dict[str, Any], expected: str, letter: ei.Instance
) -> None:
    """An unknown formulation or round is refused with what there is."""
    with pytest.raises(ei.InputError, match=expected):
        ei.models.minlp(letter, **options)


def test_an_undecided_binary_is_no_answer(letter: ei.Instance) -> None:
    """A download decision between 0 and 1 is not rounded into an answer."""
    model = ei.models.minlp(letter)
    with pytest.raises(ei.InputError, match=r"download decision of user 'eu1' is 0\.5"):
        ei.models.allocation(model)


def test_every_variable_is_documented(letter: ei.Instance) -> None:
    """Each variable carries symbol, unit and meaning; each constraint its equation."""
    model = ei.models.minlp(letter)
    for variable in model.component_objects(pyo.Var, descend_into=True):
        assert variable.doc == str(VARIABLES[variable.local_name])
    for constraint in model.component_objects(pyo.Constraint, descend_into=True):
        assert re.search(r"\(\d+[a-d]?\)", constraint.doc), constraint.name


def test_the_page_of_notation_is_up_to_date() -> None:
    """docs/notation.md is what ``python -m experiments.notation`` writes."""
    assert notation.PAGE.read_text(encoding="utf-8") == notation.page()


@pytest.mark.parametrize("formulation", list(ei.models.FORMULATIONS))
def test_domains_are_those_of_the_variables(formulation: str) -> None:
    """The ends of every domain in numbers are bounds of its variable, and it is integral or not."""
    model = ei.models.minlp(reference("letter-m4"), formulation)
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        domain = VARIABLES[variable.parent_component().local_name].domain
        assert variable.is_binary() == (domain == "{0, 1}")
        assert variable.lb > 0 or domain[0] != "("
        assert variable.lb >= 0
        assert variable.ub == 1 or domain[-2] != "1"


def test_the_equation_map_names_what_exists() -> None:
    """docs/equations.md covers (1)-(28), and every function and part it names is there."""
    page = (Path(__file__).parents[1] / "docs" / "equations.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| \(\d", line)]
    covered: set[int] = set()
    for row in rows:
        numbers = [int(number) for number in re.findall(r"\((\d+)[a-d]?\)", row.split("|")[1])]
        covered |= set(range(numbers[0], numbers[-1] + 1))
    assert covered == set(range(1, 29))
    block = ei.models.minlp(ei.Instance.letter(users=1))
    for module, name in re.findall(r"`eipyomo\.([\w.]+)\.(\w+)`", page):
        owner = importlib.import_module(f"eipyomo.{module}")
        assert hasattr(owner, name), f"{module}.{name}"
    for part in re.findall(r"`user\[j\]\.(\w+)`", page):
        assert hasattr(block.user["eu1"], part), part
    for part in re.findall(r"`model\.(\w+)`", page):
        assert hasattr(block, part), part
    assert hasattr(build, "minlp")
