"""The edge server's frequency as a decision within a total (footnote 2), in every part.

Where no other source is named, numbers are compared between parts that share no code: the judge,
the exact method, interval arithmetic, and the Pyomo model with Ipopt or SCIP.
"""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo import models, physics
from eipyomo.cli import main
from eipyomo.models import FORMULATIONS, bounds
from eipyomo.models.writers import nl
from eipyomo.scaled import HZ_PER_GHZ, Scaled
from eipyomo.solvers import backends
from eipyomo.solvers.admm.consensus import EdgeConsensus, share_frequency
from eipyomo.solvers.admm.kernel import edge_copy, solve_range
from eipyomo.solvers.admm.pyomo_agents import HORIZON_FACTOR, PyomoAgent
from eipyomo.solvers.admm.records import ANSWER, TARGET, of_users, user_records
from eipyomo.solvers.admm.settings import PRESETS, Settings, starting_point
from eipyomo.solvers.backends.worker import Worker
from eipyomo.solvers.exact import ExactOutcome, Restriction, convex_rest, kernels, solve_exact
from eipyomo.solvers.exact.certificate import certificate
from eipyomo.solvers.exact.users import user_records as exact_records
from eipyomo.solvers.judge import repair
from eipyomo.verify import verify
from tests.admm_cases import answers, random_targets
from tests.allocations import random_allocation, random_decisions
from tests.conftest import reference
from tests.instances import altered, hostile

CHOICES: dict[str, dict[str, Any]] = {"grid": {"step": 0.25}}
each_formulation = pytest.mark.parametrize("formulation", list(FORMULATIONS))


def limited(instance: ei.Instance, part: float) -> ei.Instance:
    """Return the instance with a total frequency that is a part of M f_s."""
    total_hz = part * len(instance.users) * instance.server.frequency_hz
    server = instance.server.model_copy(update={"total_frequency_hz": total_hz})
    return altered(instance, server=server)


def random_limited_allocation(instance: ei.Instance, seed: int) -> ei.Allocation:
    """Return a random feasible allocation on a grid of ι with step 1/4, with edge frequencies."""
    found = random_allocation(instance, seed)
    offload = np.floor(4.0 * found.offload_fraction) / 4.0
    part = np.random.default_rng(seed).uniform(0.1, 1.0, len(found.names)) * (offload > 0)
    part = part * (instance.scaled.task_mbit > 0)
    total_hz = instance.server.total_frequency_hz
    assert total_hz is not None
    served_hz = part / max(part.sum(), 0.1) * total_hz
    frequency_hz = np.minimum(served_hz, instance.server.frequency_hz)
    return replace(found, offload_fraction=offload, edge_frequency_hz=0.999 * frequency_hz)


def solved(instance: ei.Instance, gap: float = 1e-6, **options: Any) -> ExactOutcome:
    """Return the outcome of a closed search, feasible and within its gap."""
    outcome = solve_exact(instance, gap=gap, **options)
    assert outcome.status == "optimal"
    assert outcome.allocation is not None
    assert outcome.objective is not None
    judged = ei.evaluate(instance, outcome.allocation, outcome.round)
    assert judged.max_violation == 0.0
    assert judged.objective == outcome.objective
    assert outcome.objective * (1.0 - gap) <= outcome.bound <= outcome.objective
    return outcome


def objective(instance: ei.Instance, gap: float = 1e-6, **options: Any) -> float:
    """Return the objective of a closed search."""
    found = solved(instance, gap, **options).objective
    assert found is not None
    return found


# --- the data, and the judge ----------------------------------------------------------------------


def test_a_total_is_read_and_written_and_left_out() -> None:
    """Documents keep the key or its absence, null is absence, and F is part of the digest."""
    plain, shared = ei.Instance.letter(), ei.Instance.letter(total_frequency_ghz=6.0)
    assert "total_frequency_hz" not in plain.to_dict()["server"]
    assert shared.to_dict()["server"]["total_frequency_hz"] == 6e9
    assert shared.name.endswith("F=6GHz")
    for instance in (plain, shared):
        assert ei.Instance.from_dict(instance.to_dict()) == instance
    document = plain.to_dict()
    document["server"]["total_frequency_hz"] = None
    assert ei.Instance.from_dict(document).digest() == plain.digest()
    assert shared.digest() != plain.digest()
    assert shared.scaled.for_round("training").total_frequency_ghz is None


@pytest.mark.parametrize("value", [0.0, -1e9, float("nan"), "6e9", True])
def test_a_total_must_be_positive(value: Any) -> None:
    """What is no number above 0 is refused in one sentence that names the key."""
    document = ei.Instance.letter().to_dict()
    document["server"]["total_frequency_hz"] = value
    with pytest.raises(ei.InputError, match=r"server\.total_frequency_hz is .* finite number > 0"):
        ei.Instance.from_dict(document)


def test_the_column_of_an_allocation_is_optional() -> None:
    """It survives JSON and another order of users, its absence too; half of it is refused."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    allocation = random_limited_allocation(instance, 1)
    assert allocation.edge_frequency_hz is not None
    document = json.loads(json.dumps(allocation.to_dict()))
    again = ei.Allocation.from_dict(document).for_users(allocation.names[::-1])
    assert again.edge_frequency_hz is not None
    assert (again.edge_frequency_hz == allocation.edge_frequency_hz[::-1]).all()
    del document["users"][2]["edge_frequency_hz"]
    with pytest.raises(ei.InputError, match=r"users\[2\].edge_frequency_hz is missing"):
        ei.Allocation.from_dict(document)
    without = replace(allocation, edge_frequency_hz=None).to_dict()
    assert "edge_frequency_hz" not in without["users"][0]
    assert ei.Allocation.from_dict(without).edge_frequency_hz is None


def test_the_judge_takes_each_tasks_own_frequency() -> None:
    """τ^e is CιL/f of each user, (2); at f_s everywhere it is what it is without the column."""
    instance = ei.Instance.letter(total_frequency_ghz=16.0)
    allocation = random_limited_allocation(instance, 2)
    assert allocation.edge_frequency_hz is not None
    offload = allocation.offload_fraction
    terms = ei.evaluate(instance, allocation).breakdown
    expected = 50.0 * 64e6 * offload[offload > 0] / allocation.edge_frequency_hz[offload > 0]
    assert terms.edge_inference_s[offload > 0] == pytest.approx(expected, rel=1e-14)
    held = replace(allocation, edge_frequency_hz=np.full(4, 4e9))
    plain = replace(allocation, edge_frequency_hz=None)
    costs = {ei.evaluate(instance, one).objective for one in (held, plain)}
    assert costs == {ei.evaluate(ei.Instance.letter(), plain).objective}


@pytest.mark.parametrize(
    ("frequency_hz", "words", "amount"),
    [
        ([3e9, 3e9, 2e9, 1e9], "edge frequency budget (footnote 2)", 0.5),
        ([5e9, 1.0, 1.0, 1.0], "edge frequency <= f_s (2) at user 'eu1'", 0.25),
        ([-2e9, 1e9, 1e9, 1e9], "edge frequency >= 0 (2) at user 'eu1'", 0.5),
        ([0.0, 1e9, 1e9, 1e9], "a frequency to compute with at the edge (2) at user 'eu1'", 1.0),
        (None, "edge frequency budget (footnote 2)", 5.0 / 3.0),
    ],
)
def test_violations_at_the_edge(frequency_hz: Any, words: str, amount: float) -> None:
    """Each limit has its name and natural size; without a column every task is at f_s."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    rest = ei.solve(instance, "eco").allocation
    assert rest is not None
    found = {
        str(violation).split(" is violated")[0]: violation.amount
        for violation in ei.evaluate(
            instance, replace(rest, edge_frequency_hz=frequency_hz)
        ).violations
    }
    assert found[words] == pytest.approx(amount)
    capped = ei.evaluate(ei.Instance.letter(), replace(rest, edge_frequency_hz=np.full(4, 5e9)))
    assert [violation.constraint for violation in capped.violations] == [
        "edge frequency <= f_s (2)"
    ]


def test_a_training_round_has_no_budget_to_keep() -> None:
    """Without tasks nothing is served, whatever the total: the optimum is that without a total."""
    instance = ei.Instance.letter(total_frequency_ghz=0.1)
    for method in ("exact", "admm"):
        result = ei.solve(instance, method, round="training")
        assert result.allocation is not None
        assert result.allocation.edge_frequency_hz is None
        assert (
            result.objective == ei.solve(ei.Instance.letter(), method, round="training").objective
        )


def test_repair_scales_edge_frequencies_within_rounding_only() -> None:
    """An overrun of 1e-6 is taken off, one of 1e-4 stays."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    rest = ei.solve(instance, "eco").allocation
    assert rest is not None
    for over, left in ((1e-6, 0.0), (1e-4, 1e-4)):
        served = np.full(4, 1.5e9 * (1.0 + over))
        repaired = repair(instance, replace(rest, edge_frequency_hz=served)).edge_frequency_hz
        assert repaired is not None
        assert repaired.sum() / 6e9 - 1.0 == pytest.approx(left, abs=1e-12)


# --- the exact method -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["letter-m2", "letter-m4", "letter-m4-sigma32", "letter-m4-small-model", "mixed-m4"]
)
def test_enough_for_all_is_the_letters_problem(name: str) -> None:
    """With F = M f_s the certified optimum is that without a total, to 1e-7, and F has no price."""
    instance = reference(name)
    outcome = solved(limited(instance, 1.0 + 1e-9), 1e-8)
    assert outcome.objective == pytest.approx(objective(instance, 1e-8), rel=1e-7)
    assert outcome.edge_frequency_price == 0.0
    assert outcome.allocation is not None
    assert outcome.allocation.edge_frequency_hz is not None
    served = outcome.allocation.offload_fraction * instance.scaled.task_mbit > 0
    expected = np.where(served, instance.server.frequency_hz, 0.0)
    assert outcome.allocation.edge_frequency_hz == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("seed", "restriction"),
    [
        *((seed, None) for seed in (2, 6, 13, 32)),
        (13, Restriction.gbe()),
        (13, Restriction.on_grid(0.5)),
    ],
)
def test_a_larger_budget_is_never_worse(seed: int, restriction: Restriction | None) -> None:
    """Certified optima fall, or stay, from F to F; LCO, which serves nothing, does not move."""
    instance = hostile(seed, 4)
    costs = [
        objective(limited(instance, part), restriction=restriction)
        for part in (0.02, 0.1, 0.3, 0.6, 1.0)
    ]
    costs.append(objective(instance, restriction=restriction))
    for scarce, ample in itertools.pairwise(costs):
        assert ample <= scarce * (1.0 + 1e-6)
    local = Restriction.lco()
    assert objective(limited(instance, 0.02), restriction=local) == pytest.approx(
        objective(instance, restriction=local), rel=1e-6
    )


@pytest.mark.parametrize(
    ("instance", "part"),
    [
        (ei.Instance.letter(), 0.4),
        (hostile(2), 0.3),
        (hostile(22), 0.3),
        (hostile(49), 0.05),  # without CPU energy, so that ι sits at a kink
    ],
)
def test_the_price_is_the_slope_of_the_optimum_in_the_budget(
    instance: ei.Instance, part: float
) -> None:
    """What one more GHz saves is a central difference of certified optima, step 1e-3 F, to 1e-4."""
    outcome = solved(limited(instance, part), 1e-9)
    below, above = (objective(limited(instance, part * factor), 1e-9) for factor in (0.999, 1.001))
    total_ghz = limited(instance, part).scaled.total_frequency_ghz
    assert total_ghz is not None
    assert outcome.edge_frequency_price == pytest.approx(
        (below - above) / 2e-3 / total_ghz, rel=1e-4
    )


def test_the_result_has_the_price() -> None:
    """`prices` of a result has a key for it, only where F is given."""
    prices = ei.solve(ei.Instance.letter(total_frequency_ghz=6.0)).prices
    assert prices is not None
    assert prices["edge_frequency_per_ghz"] > 0.0
    prices = ei.solve(ei.Instance.letter()).prices
    assert prices is not None
    assert "edge_frequency_per_ghz" not in prices


@pytest.mark.parametrize("seed", range(12))
def test_any_multipliers_and_prices_stay_below_the_cost(seed: int) -> None:
    """Weak duality: G is below cost plus prices of random allocations for random multipliers."""
    instance = limited(hostile(seed), 0.4)
    users, draw = exact_records(instance.scaled), np.random.default_rng(seed)
    for number in range(20):
        allocation = random_limited_allocation(instance, number)
        assert allocation.edge_frequency_hz is not None
        cost = ei.evaluate(instance, allocation).breakdown.wsel
        up, down, edge = (float(price) for price in 10.0 ** draw.uniform(-3.0, 3.0, 3))
        paid = cost + up * allocation.uplink_share + down * allocation.downlink_share
        paid = paid + edge * allocation.edge_frequency_hz / HZ_PER_GHZ
        terms = kernels.Terms(allocation.sync_s, up, down, edge)
        for j, user in enumerate(users):
            parts = draw.dirichlet(np.ones(3)) * user["latency_weight"]
            download = bool(allocation.download[j])
            multipliers = kernels.Multipliers(
                parts[0] if download else 0.0, parts[1], float(10.0 ** draw.uniform(-3, 3))
            )
            offload = float(allocation.offload_fraction[j])
            value = kernels.lagrangian(user, offload, download, multipliers, terms)
            size = value.size + abs(value.sync_slope) * allocation.sync_s
            assert value.cost <= paid[j] + 1e-12 * size


@pytest.mark.parametrize("seed", range(8))
def test_best_multipliers_close_the_duality_gap(seed: int) -> None:
    """At fixed ι and t a user's Lagrangian meets the cost of its own shares and frequencies."""
    instance, draw = limited(hostile(seed), 0.1), np.random.default_rng(seed)
    data, users, met = instance.scaled, exact_records(instance.scaled), 0
    for j, _ in itertools.product(range(len(users)), range(20)):
        offload, t = float(draw.uniform()), float(data.upload_start_s.max() * draw.uniform(1.1, 3))
        prices = (float(10.0 ** draw.uniform(-2, 2)), float(10.0 ** draw.uniform(-4, 2)))
        terms = kernels.Terms(t, prices[0], prices[0], prices[1])
        multipliers, value = kernels.value_at(users[j], offload, True, terms)
        up, down = (
            float(physics.seconds_per_mbit(share, data.bandwidth_mhz, snr[j]))
            for share, snr in (
                (value.uplink_share, data.uplink_snr),
                (value.downlink_share, data.downlink_snr),
            )
        )
        if data.upload_start_s[j] + data.model_mbit * up > t:
            continue  # the whole band is too little to upload before t
        load = data.model_mbit + offload * data.task_mbit[j]
        work = data.gigacycles_per_mbit * data.task_mbit[j]
        own_ghz = kernels.best_frequency(users[j], multipliers.local)
        served_s = offload * work / value.edge_frequency_ghz if work > 0 else 0.0
        end_s = max(t, data.upload_start_s[j] + load * up) + served_s
        end_s = max(end_s, t + data.model_mbit * down + (1.0 - offload) * work / own_ghz)
        energy_j = data.local_training_j[j] + data.transmit_power_w[j] * load * up
        energy_j += data.receive_power_w[j] * data.model_mbit * down
        energy_j += data.energy_coefficient[j] * own_ghz**2 * (1.0 - offload) * work
        cost = data.energy_weight[j] * energy_j
        cost += data.latency_weight[j] * (end_s - data.previous_download_s[j])
        cost += prices[0] * (value.uplink_share + value.downlink_share)
        cost += prices[1] * value.edge_frequency_ghz
        assert value.cost == pytest.approx(cost, rel=1e-8)
        met += 1
    assert met > 5


@pytest.mark.parametrize("seed", range(10))
def test_convex_rest_of_random_decisions(seed: int) -> None:
    """It is feasible to the last bit and its bound is 1e-8 close, in a split band as well."""
    draw = np.random.default_rng(seed)
    for part, split_band in itertools.product((1.0, 0.3, 0.01), (False, True)):
        instance = limited(hostile(seed), part)
        download, offload = random_decisions(len(instance.users), draw)
        rest = convex_rest(instance.scaled, download, offload, split_band=split_band)
        judged = ei.evaluate(instance, rest.allocation)
        assert judged.max_violation == 0.0
        assert 0.0 <= judged.objective - rest.bound <= 1e-8 * judged.objective


@pytest.mark.parametrize(("name", "part"), [("letter-m2", 0.2), ("hostile-12", 0.1)])
def test_brute_force_on_tiny_instances(name: str, part: float) -> None:
    """The best of all decisions on a grid of ι, by convex rests, is what the exact method finds."""
    instance = limited(reference(name), part)
    options = [(True, k / 5) for k in range(6)] + [(False, 1.0)]
    least = np.inf
    for decisions in itertools.product(options, repeat=len(instance.users)):
        rest = convex_rest(instance.scaled, *zip(*decisions, strict=True))
        least = min(least, ei.evaluate(instance, rest.allocation).objective)
    assert objective(instance, restriction=Restriction.on_grid(0.2)) == pytest.approx(
        least, rel=1e-6
    )
    assert solved(instance).bound <= least


def test_enumeration_is_a_second_way_to_the_optimum_on_a_grid() -> None:
    """Enumerated and searched, the optimum on the grid is the same."""
    instance = limited(hostile(6), 0.2)
    one, other = (
        ei.solve(instance, "exhaustive", step=0.25, enumeration=flag) for flag in (True, False)
    )
    assert one.termination == other.termination == "optimal"
    assert one.objective == pytest.approx(other.objective, rel=1e-6)


# --- certificates ---------------------------------------------------------------------------------


def certified(instance: ei.Instance, **options: Any) -> dict[str, Any]:
    """Return a certificate as it would be read from its file."""
    outcome = solve_exact(instance, **options)
    document: dict[str, Any] = json.loads(json.dumps(certificate(instance, outcome)))
    return document


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"restriction": Restriction.eco()},
        {"restriction": Restriction.gbe()},
        {"restriction": Restriction.on_grid(0.2)},
        {"round": "training"},
        {"node_limit": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", [0, 6, 11])
def test_bounds_are_proven(seed: int, options: dict[str, Any]) -> None:
    """Interval arithmetic proves every bound claimed, at scarce and at ample budgets."""
    for part in (0.02, 0.3, 1.0):
        instance = limited(hostile(seed, 4), part)
        document = certified(instance, **options)
        assert verify(instance, document).bound >= document["bound"]


def test_twins_are_proven() -> None:
    """Equal users, of whom only some can be served well, may be kept in order by the proof."""
    letter = ei.Instance.letter(users=1, bandwidth_mhz=30.0, total_frequency_ghz=5.0)
    users = tuple(letter.users[0].model_copy(update={"name": f"eu{j}"}) for j in range(6))
    instance = altered(letter, users=users)
    document = certified(instance)
    assert verify(instance, document).bound >= document["bound"]


def test_a_certificate_is_one_of_its_budget() -> None:
    """That of another F, or one with a price too few, is refused."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    document = certified(instance)
    for other in (ei.Instance.letter(total_frequency_ghz=6.1), ei.Instance.letter()):
        with pytest.raises(ei.InputError, match="another instance"):
            verify(other, document)
    plain = certified(ei.Instance.letter())
    with pytest.raises(ei.InputError, match="prices is no list of the right length"):
        verify(instance, {**plain, "instance": instance.digest()})


def test_changed_prices_and_multipliers_never_prove_too_much() -> None:
    """Whatever is done to a price of the edge's frequency or to a cell, nothing false is proven."""
    instance = limited(hostile(6, 4), 0.1)
    document, best, draw = certified(instance), objective(instance), np.random.default_rng(0)
    proven = 0
    for _ in range(80):
        forged = copy.deepcopy(document)
        proofs = list(proofs_of(forged["tree"]))
        proof = proofs[draw.integers(len(proofs))]
        factor = float(draw.choice([0.0, 0.5, 0.999, 1.001, 2.0, 1e6]))
        cells = proof["users"][draw.integers(4)]["local"]
        if draw.random() < 0.5 or not cells:
            proof["prices"][1] *= factor
        else:
            cells[draw.integers(len(cells))][2 + draw.integers(3)] *= factor
        try:
            bound = verify(instance, forged).bound
        except ei.InputError:
            continue
        proven += 1
        assert bound <= best
    assert proven > 30


def proofs_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all proofs of a tree."""
    children = node.get("parts", [])
    if "branch" in node:
        children = [node["branch"]["low"], node["branch"]["high"]]
    own = [node["proof"]] if "proof" in node else []
    return own + [proof for child in children for proof in proofs_of(child)]


# --- the Pyomo model ------------------------------------------------------------------------------


def build(instance: ei.Instance, formulation: str) -> Any:
    """Return the model of an instance in a formulation."""
    return models.minlp(instance, formulation, **CHOICES.get(formulation, {}))


@each_formulation
@pytest.mark.parametrize("name", ["letter-m4", "mixed-m4", "hostile-06"])
def test_the_model_is_the_judge(formulation: str, name: str) -> None:
    """At feasible allocations its cost is evaluate()'s, it holds, and decisions come back."""
    instance = limited(reference(name), 0.3)
    model = build(instance, formulation)
    for seed in range(4):
        allocation = random_limited_allocation(instance, seed)
        models.load(model, allocation)
        cost = ei.evaluate(instance, allocation).objective
        assert pyo.value(model.wsel) == pytest.approx(cost, rel=1e-12)
        assert models.largest_violation(model)[1] < 1e-9
        read = models.allocation(model)
        assert read.edge_frequency_hz == pytest.approx(allocation.edge_frequency_hz, rel=1e-12)
        assert ei.evaluate(instance, read).objective == pytest.approx(cost, rel=1e-9)
        served = next(name for name in model.users if model.edge_frequency_ghz[name].value > 0)
        model.edge_frequency_ghz[served].set_value(0.5 * model.edge_frequency_ghz[served].value)
        assert models.largest_violation(model)[1] > 1e-4  # its τ^e is too short now


@each_formulation
def test_every_start_is_inside(formulation: str) -> None:
    """Every free variable starts strictly between finite bounds, and all rows are defined there."""
    for instance in (limited(reference("mixed-m4"), 0.2), limited(reference("hostile-06"), 0.01)):
        model = build(instance, formulation)
        for variable in model.component_data_objects(pyo.Var, descend_into=True):
            assert variable.lb < variable.value < variable.ub, variable.name
        for row in model.component_data_objects(pyo.Constraint, descend_into=True):
            assert np.isfinite(pyo.value(row.body)), row.name


@each_formulation
@pytest.mark.parametrize("name", ["letter-m4", "mixed-m4"])
def test_held_at_f_s_the_model_has_the_old_optimum(formulation: str, name: str) -> None:
    """With every f_s at the letter's value Ipopt finds the optimum without a total, to 1e-7."""
    instance = reference(name)
    best = ei.solve(instance, "exhaustive", step=0.25).allocation
    assert best is not None
    rest = convex_rest(instance.scaled, best.download, best.offload_fraction)
    expected = ei.evaluate(instance, rest.allocation).objective
    model = build(limited(instance, 1.0), formulation)
    models.fix(
        model,
        download=best.download,
        offload_fraction=best.offload_fraction,
        edge_frequency_hz=instance.server.frequency_hz,
    )
    result = ei.solve_model(model, "ipopt", unchanged=True)
    assert result.objective == pytest.approx(expected, rel=1e-7)


@each_formulation
def test_the_model_reaches_the_certified_optimum(formulation: str) -> None:
    """At the certified a and ι, Ipopt gets to the certified cost from the model's own start."""
    for name, part in (("letter-m4", 0.25), ("mixed-m4", 0.1)):
        instance = limited(reference(name), part)
        outcome = solved(instance, restriction=Restriction.on_grid(0.25))
        assert outcome.allocation is not None
        model = build(instance, formulation)
        models.fix(
            model,
            download=outcome.allocation.download,
            offload_fraction=outcome.allocation.offload_fraction,
        )
        result = ei.solve_model(model, "ipopt", unchanged=True)
        assert result.objective == pytest.approx(outcome.objective, rel=1e-7)


@pytest.mark.parametrize("seed", [1, 4])
def test_many_starts_of_ipopt_find_nothing_better(seed: int) -> None:
    """Over all a, with 4 starts of ι each, the best local optimum is the certified one."""
    instance = limited(hostile(seed, 2), 0.15)
    outcome = solved(instance)
    assert outcome.objective is not None
    costs = []
    for download in itertools.product((True, False), repeat=2):
        model = models.minlp(instance)
        models.fix(model, download=np.array(download))
        for start in (0.05, 0.35, 0.65, 0.95) if any(download) else (0.5,):
            for name in model.users:
                model.user[name].offload_fraction.set_value(start)
            found = ei.solve_model(model, "ipopt", unchanged=True).objective
            costs += [] if found is None else [found]
    assert min(costs) >= outcome.bound
    assert min(costs) == pytest.approx(outcome.objective, rel=1e-5)


def test_scip_proves_the_same_optimum() -> None:
    """SCIP's bracket on the spectral model, to a gap of 1e-3, holds the certified optimum."""
    instance = ei.Instance.letter(users=2, total_frequency_ghz=3.0)
    result = ei.solve(instance, "minlp", formulation="spectral", gap=1e-3)
    assert result.termination == "optimal"
    assert result.bound is not None
    assert result.objective is not None
    certain = solved(instance)
    assert certain.objective is not None
    assert result.bound <= certain.objective * (1.0 + 1e-9)
    assert result.objective >= certain.bound


@each_formulation
def test_without_a_total_the_model_has_nothing_of_it(formulation: str) -> None:
    """No column of the file belongs to it, and the frequency cannot be fixed."""
    model = build(reference("letter-m2"), formulation)
    _, columns, _ = nl(model)
    assert not [column.name for column in columns if "edge" in column.name]
    with pytest.raises(ei.InputError, match=r"no server\.total_frequency_hz"):
        models.fix(model, edge_frequency_hz=1e9)


def test_a_solution_file_is_read_back(tmp_path: Path) -> None:
    """Exported, and read from a .sol of the columns' values, an allocation is the same."""
    instance = limited(reference("letter-m2"), 0.4)
    allocation = random_limited_allocation(instance, 5)
    model = models.minlp(instance)
    models.load(model, allocation)
    models.export(model, tmp_path / "model.nl")
    _, columns, rows = nl(model)
    sizes = [len(rows) - 1, 0, len(columns), len(columns)]
    numbers = "\n".join(map(repr, [*sizes, *(column.value for column in columns)]))
    (tmp_path / "model.sol").write_text(f"solved\n\n{numbers}\nobjno 0 0\n", encoding="utf-8")
    read, _ = models.read_sol(tmp_path / "model.sol")
    found = models.allocation(read)
    assert found.edge_frequency_hz == pytest.approx(allocation.edge_frequency_hz, rel=1e-12)


def test_the_horizon_holds_at_a_scarce_budget() -> None:
    """No certified optimum ends after it, however little the server has."""
    for seed in range(8):
        instance = limited(hostile(seed, 3), 0.01)
        outcome = solved(instance)
        assert outcome.allocation is not None
        terms = ei.evaluate(instance, outcome.allocation).breakdown
        ends_s = terms.latency_s + terms.previous_download_s
        assert (ends_s < bounds.latest_s(instance.scaled)).all()


# --- ADMM -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["letter-m4", "mixed-m4", "letter-m4-large-model"])
def test_admm_with_enough_for_all_is_admm_as_before(name: str) -> None:
    """With F = M f_s it converges to what it finds without a total, to 1e-7."""
    instance = reference(name)
    shared, plain = (ei.solve(one, "admm") for one in (limited(instance, 1.0 + 1e-9), instance))
    assert shared.termination == plain.termination == "converged"
    assert shared.objective == pytest.approx(plain.objective, rel=1e-7)


@pytest.mark.parametrize("seed", [0, 6, 15, 19])
@pytest.mark.parametrize("part", [0.5, 0.1])
def test_admm_finds_good_allocations(seed: int, part: float) -> None:
    """It converges, feasibly, to at most 1 % above the certified bound, and never below it."""
    instance = limited(hostile(seed), part)
    result = ei.solve(instance, "admm")
    bound = solved(instance).bound
    assert result.termination == "converged"
    assert result.objective is not None
    assert bound <= result.objective <= 1.01 * bound
    assert result.trace[-1]["edge_residual"] < 1e-3


def edge_targets(data: Scaled, seed: int) -> Any:
    """Return what a coordinator could tell, of the edge's frequency too."""
    draw, targets = np.random.default_rng(seed + 100), random_targets(data, seed)
    equal_ghz = data.equal_frequency_ghz
    targets["edge_frequency_ghz"] = equal_ghz * draw.uniform(0.0, 2.0, len(data))
    slope = float(np.mean(data.latency_weight * data.task_mbit)) * data.gigacycles_per_mbit
    slope /= equal_ghz**2
    targets["edge_penalty"] = slope / equal_ghz * draw.uniform(0.02, 2.0)
    targets["edge_multiplier"] = slope * draw.normal(0.3, 1.0, len(data))
    return targets


def test_the_copy_of_the_frequency_is_the_best_one() -> None:
    """No v on a fine grid costs less than the root of the cubic, whatever the coordinator says."""
    data = limited(reference("mixed-m4"), 0.3).scaled
    users = user_records(data)
    grid = data.server_frequency_ghz * np.linspace(1e-6, 1.0, 20_001)
    for seed, j in itertools.product(range(20), range(len(data))):
        target = edge_targets(data, seed)[j]
        for weight, offload in itertools.product((0.0, 1e-6, 0.1), (0.0, 0.01, 1.0)):
            drive = weight * offload * users[j]["work_gigacycles"]

            def cost(v: Any, drive: float = drive, target: Any = target) -> Any:
                apart = v - target["edge_frequency_ghz"]
                pull = target["edge_multiplier"] * v + 0.5 * target["edge_penalty"] * apart**2
                return pull + (drive / v if drive > 0.0 else 0.0)

            v = edge_copy(users[j], target, offload, weight)
            assert 0.0 <= v <= data.server_frequency_ghz
            best = cost(grid).min()
            assert cost(v) <= best + 1e-9 * abs(best)


def test_the_consensus_is_the_nearest_point_within_the_budget() -> None:
    """Step 2 is optimal: all between 0 and f_s have one θ, which is 0 if something of F is left."""
    data = limited(reference("mixed-m4"), 0.3).scaled
    penalties = PRESETS["default"].penalties(data)
    assert penalties.edge is not None
    draw = np.random.default_rng(3)
    for scale in (0.1, 0.5, 2.0, 5.0):
        consensus = starting_point("equal", data, penalties)
        assert consensus.edge is not None
        consensus = replace(
            consensus, edge=replace(consensus.edge, multiplier=draw.normal(0.0, 0.01, 4))
        )
        assert consensus.edge is not None
        copies = np.zeros(4, ANSWER)
        copies["edge_frequency_ghz"] = scale * data.equal_frequency_ghz * draw.uniform(0, 2, 4)
        found = share_frequency(consensus, copies)
        assert isinstance(found, EdgeConsensus)
        served = found.frequency_ghz
        assert served.sum() <= found.total_ghz * (1.0 + 1e-12)
        asked = copies["edge_frequency_ghz"] + consensus.edge.multiplier / penalties.edge
        theta = (asked - served) * penalties.edge
        inside = (served > 0.0) & (served < found.most_ghz)
        price = float(theta[inside].max(initial=0.0))
        assert theta[inside] == pytest.approx(price, abs=1e-12)
        assert (theta[served == 0.0] <= price + 1e-12).all()
        assert (theta[served == found.most_ghz] >= price - 1e-12).all()
        if served.sum() < found.total_ghz * (1.0 - 1e-9):
            assert price == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", ["letter-m4", "mixed-m4", "hostile-06"])
def test_both_engines_take_the_same_step_one(name: str) -> None:
    """x, y, z, v, f and S of the kernel are those of Ipopt on the block, to 1e-8."""
    data = limited(reference(name), 0.2).scaled
    worker = Worker(Path(backends.__file__).with_name("casadi_worker.py"))
    latest_s = HORIZON_FACTOR * bounds.latest_s(data)
    for j in range(len(data)):
        agent = PyomoAgent(of_users(data, [j]), float(latest_s[j]), worker)
        decisions = ((True, 0.0), (True, 0.3), (True, 0.95), (False, 1.0))
        for seed, (download, offload) in itertools.product(range(2), decisions):
            targets = edge_targets(data, seed)
            compiled = answers(download, offload, len(data))
            solve_range(user_records(data), targets, compiled, 0, len(data))
            agent.warm = None
            found = agent.solve(targets[j : j + 1], download, offload)[0]
            scale = 1.0 + abs(compiled[j]["value"])
            assert found["value"] == pytest.approx(compiled[j]["value"], abs=1e-8 * scale)
            for copied in ("uplink_share", "sync_s", "downlink_share", "edge_frequency_ghz"):
                assert found[copied] == pytest.approx(compiled[j][copied], rel=1e-7, abs=1e-7)
            assert found["frequency_ghz"] == pytest.approx(
                compiled[j]["frequency_ghz"], rel=1e-6, abs=1e-6
            )


def test_both_engines_go_the_same_way() -> None:
    """Six iterations agree to 1e-6."""
    instance = limited(reference("letter-m2"), 0.4)
    one, other = (
        ei.solve(instance, "admm", engine=engine, max_iterations=6, dual_tolerance=1e-12)
        for engine in ("kernel", "pyomo")
    )
    for left, right in zip(one.trace, other.trace, strict=True):
        for key in ("consensus_objective", "recovered_objective", "sync_s", "edge_residual"):
            assert right[key] == pytest.approx(left[key], rel=1e-6, abs=1e-6)


def test_the_penalty_of_the_fourth_block() -> None:
    """It is scaled where it is left out, taken where it is given, and refused without a total."""
    letter = {"uplink": 20.0, "sync": 20.0, "downlink": 20.0}
    data = ei.Instance.letter(total_frequency_ghz=6.0).scaled
    scaled = PRESETS["default"].penalties(data).edge
    assert Settings.of("letter", {}).penalties(data).edge == scaled
    assert Settings.of("default", {"penalty": letter}).penalties(data).edge == scaled
    given = Settings.of("default", {"penalty": {**letter, "edge": 3.0}})
    assert given.penalties(data).edge == 3.0
    with pytest.raises(ei.InputError, match="penalty has the key edge"):
        given.penalties(ei.Instance.letter().scaled)
    assert PRESETS["default"].penalties(ei.Instance.letter().scaled).edge is None
    idle = altered(
        ei.Instance.letter(users=2, total_frequency_ghz=6.0),
        users=tuple(
            user.model_copy(update={"task_bits": 0.0}) for user in ei.Instance.letter(2).users
        ),
    )
    assert ei.solve(idle, "admm").objective == pytest.approx(objective(idle), rel=1e-6)


def test_targets_are_told_in_the_order_of_the_record() -> None:
    """A Pyomo agent is told the first fields of TARGET, and all of them where F is given."""
    data = ei.Instance.letter(users=1).scaled
    assert TARGET.names is not None
    assert len(models.told(data)) == len(TARGET.names) - 3
    shared = ei.Instance.letter(users=1, total_frequency_ghz=6.0).scaled
    assert len(models.told(shared)) == len(TARGET.names)
    assert models.told(shared)[: len(models.told(data))] == models.told(data)


# --- the command line -----------------------------------------------------------------------------


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Generated, solved with a certificate, verified and evaluated, all say the same."""
    instance, result, proof = (str(tmp_path / name) for name in ("i.json", "r.json", "p.json"))
    assert main(["generate", "--total-frequency-ghz", "6", "-o", instance]) == 0
    assert main(["solve", instance, "--certificate", proof, "-o", result]) == 0
    shown = capsys.readouterr().out
    assert "One more GHz at the edge" in shown
    assert "edge 6 GHz" in shown
    document = json.loads(Path(result).read_text(encoding="utf-8"))
    served_hz = [user["edge_frequency_hz"] for user in document["allocation"]["users"]]
    assert sum(served_hz) == pytest.approx(6e9)
    assert main(["verify", instance, proof]) == 0
    capsys.readouterr()
    assert main(["evaluate", instance, result, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objective"] == document["objective"]


@pytest.mark.parametrize("seed", range(3))
def test_bonmin_reaches_the_certified_optimum(seed: int) -> None:
    """With everything free, Bonmin ends at it; a rest of a task without frequency is no error."""
    instance = ei.Instance.letter(users=3, total_frequency_ghz=2.0, seed=seed)
    best = ei.solve(instance, "exact")
    result = ei.solve(instance, "minlp:bonmin")
    assert result.objective == pytest.approx(best.objective, rel=1e-6)
