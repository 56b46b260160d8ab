"""The exact method: reference optima, and the laws that certified optima obey."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.claims import prices as claims
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.scaled import Stage
from eipyomo.solvers.exact import ExactOutcome, convex_rest, solve_exact
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference, slow_but
from tests.instances import altered, hostile, limited

GAP = 1e-6
RESTRICTIONS = (
    Restriction.lco(),
    Restriction.eco(),
    Restriction.gbe(),
    Restriction.on_grid(0.5),
    Restriction.on_grid(0.2),
)


def solved(
    instance: ei.Instance,
    restriction: Restriction | None = None,
    stage: Stage = "inference",
    gap: float = GAP,
) -> ExactOutcome:
    """Return the outcome of a search that has closed its gap, with what every outcome must be."""
    outcome = solve_exact(Problem(instance, restriction or Restriction(), stage), gap=gap)
    assert outcome.status == "optimal"
    assert outcome.allocation is not None
    judged = ei.evaluate(outcome.problem, outcome.allocation)
    assert judged.max_violation <= 2.0**-52  # k times 1/n may be a bit away from k/n
    assert judged.objective == outcome.objective
    assert outcome.bound <= judged.objective
    assert judged.objective - outcome.bound <= gap * abs(judged.objective)
    return outcome


def optimum(
    instance: ei.Instance, restriction: Restriction | None = None, gap: float = GAP
) -> float:
    """Return the objective of a closed search, within the gap of the optimum."""
    objective = solved(instance, restriction, gap=gap).objective
    assert objective is not None
    return objective


@pytest.mark.parametrize("seed", slow_but(range(30), *range(2)))
def test_hostile_instances(seed: int) -> None:
    """On random unlike users nothing feasible is below the bound, restrictions least of all."""
    instance = hostile(seed)
    outcome = solved(instance)
    for draw in range(10):
        allocation = random_allocation(instance, draw)
        assert ei.evaluate(instance, allocation).objective >= outcome.bound
    random = np.random.default_rng(seed)
    for _ in range(10):
        download = random.random(len(instance.users)) < 0.5
        offload = np.where(download, random.random(len(download)), 1.0)
        rest = convex_rest(Problem(instance), download, offload)
        assert ei.evaluate(instance, rest.allocation).objective >= outcome.bound
    for restriction in RESTRICTIONS:
        assert optimum(instance, restriction) >= outcome.bound


@pytest.mark.slow
@pytest.mark.parametrize("name", ["letter-m4", "letter-m4-small-model", "mixed-m4", "hostile-09"])
def test_nested_grids_never_rise(name: str) -> None:
    """A grid that holds all points of another one costs no more; no grid costs least."""
    coarse, other, fine = (
        optimum(reference(name), Restriction.on_grid(step)) for step in (0.5, 0.2, 0.1)
    )
    assert fine <= min(coarse, other) * (1.0 + GAP)
    assert optimum(reference(name)) <= fine * (1.0 + GAP)


@pytest.mark.parametrize(
    "name", ["letter-m2", "letter-m4", "letter-m4-sigma32", "letter-m4-small-model", "mixed-m4"]
)
def test_enough_for_all_is_the_letters_problem(name: str) -> None:
    """With F = M f_s the certified optimum is that without a total, to 1e-7, and F has no price."""
    instance = reference(name)
    outcome = solved(limited(instance, 1.0 + 1e-9), gap=1e-8)
    assert outcome.objective == pytest.approx(optimum(instance, gap=1e-8), rel=1e-7)
    assert outcome.prices is not None
    assert outcome.prices["edge_frequency_per_ghz"] == 0.0
    assert outcome.allocation is not None
    assert outcome.allocation.edge_frequency_hz is not None
    served = outcome.allocation.offload_fraction * instance.scaled.task_mbit > 0
    expected = np.where(served, instance.server.frequency_hz, 0.0)
    assert outcome.allocation.edge_frequency_hz == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("seed", "restriction"),
    slow_but(
        [
            *((seed, None) for seed in (2, 6, 13, 32)),
            (13, Restriction.gbe()),
            (13, Restriction.on_grid(0.5)),
        ],
        (2, None),
    ),
)
def test_a_larger_budget_is_never_worse(seed: int, restriction: Restriction | None) -> None:
    """Certified optima fall, or stay, from F to F; LCO, which serves nothing, does not move."""
    instance = hostile(seed, 4)
    costs = [
        optimum(limited(instance, part), restriction=restriction)
        for part in (0.02, 0.1, 0.3, 0.6, 1.0)
    ]
    costs.append(optimum(instance, restriction=restriction))
    for scarce, ample in itertools.pairwise(costs):
        assert ample <= scarce * (1.0 + 1e-6)
    local = Restriction.lco()
    assert optimum(limited(instance, 0.02), restriction=local) == pytest.approx(
        optimum(instance, restriction=local), rel=1e-6
    )


@pytest.mark.parametrize("name", ["letter-m4", "mixed-m4", "hostile-00", "letter-m12"])
def test_training_round_is_convex(name: str) -> None:
    """A round without tasks is the convex rest with everybody downloading."""
    instance = reference(name)
    outcome = solved(instance, stage="training")
    assert outcome.allocation is not None
    assert outcome.allocation.download.all()
    assert (outcome.allocation.offload_fraction == 0.0).all()
    rest = convex_rest(outcome.problem, True, 0.0)
    assert outcome.bound <= rest.bound * (1.0 + 1e-9)
    assert outcome.objective == pytest.approx(rest.bound, rel=1e-9)


@pytest.mark.parametrize(
    "name", slow_but(["letter-m4", "mixed-m4", "letter-m4-sigma32"], "mixed-m4")
)
def test_prices_are_derivatives(name: str) -> None:
    """The prices of the band and of a later start agree with central differences."""
    instance, step = reference(name), 1e-3
    outcome = solve_exact(Problem(instance), gap=1e-9)
    assert outcome.prices is not None
    assert outcome.delay_price is not None

    def slope(more: ei.Instance, less: ei.Instance, change: float) -> float:
        high, low = (solve_exact(Problem(other), gap=1e-9).objective for other in (more, less))
        assert high is not None
        assert low is not None
        return (high - low) / change

    band = instance.bandwidth_hz
    wider, narrower = (altered(instance, bandwidth_hz=band * by) for by in (1.0 + step, 1.0 - step))
    saved = -slope(wider, narrower, 2.0 * step * band / 1e6)
    assert outcome.prices["bandwidth_per_mhz"] == pytest.approx(saved, rel=1e-3)
    for j, price in enumerate(outcome.delay_price):
        later, sooner = (delayed(instance, j, by) for by in (step, -step))
        assert price == pytest.approx(slope(later, sooner, 2.0 * step), abs=2e-3)


@pytest.mark.parametrize(
    ("name", "problem"),
    slow_but(
        [
            ("hostile-18", "eco"),  # all upload at the earliest sync time
            ("letter-m4-large-model", "gbe"),  # so in one half of the band
            ("hostile-21", "gbe"),  # two prices before and behind the sync time
        ],
        ("hostile-21", "gbe"),
    ),
)
def test_prices_at_kinks_are_derivatives(name: str, problem: str) -> None:
    """Where other prices hold on either side of the sync time, central differences agree too."""
    instance, step = reference(name), 1e-4

    def least(other: ei.Instance) -> float:
        found = solve_exact(Problem.of(other, problem), gap=1e-9).objective
        assert found is not None
        return found

    outcome = solve_exact(Problem.of(instance, problem), gap=1e-9)
    assert outcome.prices is not None
    assert outcome.delay_price is not None
    band = instance.bandwidth_hz
    narrower, wider = (
        least(altered(instance, bandwidth_hz=band * by)) for by in (1.0 - step, 1.0 + step)
    )
    saved = (narrower - wider) / (2.0 * step * band / 1e6)
    parts = sum(outcome.prices[key] for key in claims.BAND_PRICES) / 2.0
    assert parts == pytest.approx(saved, rel=1e-5)
    late = len(instance.users) - 1
    later, sooner = (least(delayed(instance, late, by)) for by in (step, -step))
    assert outcome.delay_price[late] == pytest.approx((later - sooner) / (2.0 * step), abs=1e-4)


@pytest.mark.slow
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
    outcome = solved(limited(instance, part), gap=1e-9)
    below, above = (
        optimum(limited(instance, part * factor), gap=1e-9) for factor in (0.999, 1.001)
    )
    total_ghz = limited(instance, part).scaled.total_frequency_ghz
    assert total_ghz is not None
    assert outcome.prices is not None
    assert outcome.prices["edge_frequency_per_ghz"] == pytest.approx(
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


def test_users_in_different_places() -> None:
    """An instance is proven, even if its best decisions vanish on the way from where they are met.

    It is one of many drawn; its node limit is ten times what it takes.
    """
    draw = ei.Draw.from_text("users=3 model_mbit=8..32 distance_m=log(20..80) seeds=31:32")
    result = ei.solve(draw.instance(31), "exact", node_limit=200)
    assert result.termination == "optimal"


def delayed(instance: ei.Instance, user: int, by_s: float) -> ei.Instance:
    """Return the instance with a longer local training of one user."""
    users = list(instance.users)
    training_s = users[user].local_training_s + by_s
    users[user] = users[user].model_copy(update={"local_training_s": training_s})
    return altered(instance, users=tuple(users))


def test_twins_do_not_multiply_the_work() -> None:
    """Nine equal users, whose best decisions differ, agree with the best head count."""
    letter = ei.Instance.letter(users=1, bandwidth_mhz=45.0)
    users = tuple(
        letter.users[0].model_copy(update={"name": f"eu{j}", "channel_gain": 5.3e-11})
        for j in range(9)
    )
    instance = altered(letter, users=users)
    outcome = solved(instance, Restriction.on_grid(1.0))
    heads = [
        ei.evaluate(
            instance,
            convex_rest(
                Problem(instance),
                np.arange(9) < downloads,
                np.where(np.arange(9) < downloads, ends, 1.0),
            ).allocation,
        ).objective
        for downloads in range(10)
        for ends in (0.0, 1.0)
    ]
    assert outcome.objective == pytest.approx(min(heads), rel=GAP)
    assert outcome.nodes < 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 4])
def test_many_starts_of_ipopt_find_nothing_better(seed: int) -> None:
    """Over all a, with 4 starts of ι each, the best local optimum is the certified one."""
    instance = limited(hostile(seed, 2), 0.15)
    outcome = solved(instance)
    assert outcome.objective is not None
    costs = []
    for download in itertools.product((True, False), repeat=2):
        model = ei.models.minlp(instance)
        ei.models.fix(model, download=np.array(download))
        for start in (0.05, 0.35, 0.65, 0.95) if any(download) else (0.5,):
            for name in model.users:
                model.user[name].offload_fraction.set_value(start)
            found = ei.solve_model(model, "ipopt", unchanged=True).objective
            costs += [] if found is None else [found]
    assert min(costs) >= outcome.bound
    assert min(costs) == pytest.approx(outcome.objective, rel=1e-5)


def test_users_of_all_kinds_of_restriction() -> None:
    """Per-user bounds on ι and fixed a hold in the answer, and cost something."""
    instance = reference("mixed-m4")
    restriction = Restriction(
        label="bounded",
        edge=np.array([True, False, True, False]),
        local=np.array([False, True, True, True]),
        offload_min=np.array([0.0, 0.2, 0.0, 0.6]),
        offload_max=np.array([1.0, 0.4, 1.0, 0.9]),
    )
    outcome = solved(instance, restriction)
    assert outcome.allocation is not None
    assert outcome.allocation.download.tolist()[0] is False
    assert 0.2 <= outcome.allocation.offload_fraction[1] <= 0.4
    assert 0.6 <= outcome.allocation.offload_fraction[3] <= 0.9
    assert outcome.objective is not None
    assert outcome.objective >= VALUES["mixed-m4"]["bound"]


def test_an_impossible_restriction_says_why() -> None:
    """A user that may neither download nor leave all to the edge makes the problem infeasible."""
    impossible = Restriction(edge=False, local=False)
    outcome = solve_exact(Problem(reference("letter-m2"), impossible))
    assert outcome.status == "infeasible"
    assert outcome.allocation is None
    assert "'eu1'" in outcome.message


def test_limits_leave_an_incumbent_and_a_valid_bound() -> None:
    """Stopped at once or after one node, the method has a feasible point and a finite bound."""
    problem = Problem(reference("letter-m4-small-model"))
    values = VALUES["letter-m4-small-model"]
    for outcome in (
        solve_exact(problem, time_limit=0.0),
        solve_exact(problem, node_limit=1),
        solve_exact(problem, node_limit=3),
    ):
        assert outcome.status == "limit"
        assert outcome.allocation is not None
        assert outcome.objective is not None
        assert outcome.objective >= values["bound"]
        assert 0.0 < outcome.bound <= values["wsel"]
    assert len(outcome.trace) == outcome.nodes == 3


@pytest.mark.parametrize("kind", ["joint", "eco", "lco", "gbe", "grid:0.2"])
def test_without_time_there_is_what_to_begin_with(kind: str) -> None:
    """Of every restriction: a feasible allocation, and a bound that is none too high."""
    instance = reference("letter-m4")
    stopped = ei.solve(instance, problem=kind, time_limit=1e-9)
    best = ei.solve(instance, problem=kind)
    assert stopped.termination == "limit"
    assert stopped.value is not None
    assert best.value is not None
    assert stopped.bound is not None
    assert stopped.bound <= best.value <= stopped.value


def test_absolute_gap_stops_early() -> None:
    """A large absolute gap is met by a bound that is no closer than asked for."""
    outcome = solve_exact(Problem(reference("letter-m4")), gap=0.0, absolute_gap=0.5)
    assert outcome.status == "optimal"
    assert outcome.objective is not None
    assert outcome.objective - outcome.bound <= 0.5


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread and several give the same bits."""
    instance = ei.Instance.letter(users=600, bandwidth_mhz=3000.0)
    several = solved(instance)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = solved(instance)
    assert (alone.objective, alone.bound) == (several.objective, several.bound)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"gap": -1.0}, "gap"),
        ({"gap": 0.0}, "gap"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], word: str) -> None:
    """Options out of range get one sentence that names them."""
    with pytest.raises(ei.InputError, match=word):
        solve_exact(Problem(reference("letter-m2")), **options)


def test_a_training_round_has_no_decisions_to_restrict() -> None:
    """Beside the band nothing can be restricted in it."""
    with pytest.raises(ei.InputError, match="training"):
        Problem(reference("letter-m2"), Restriction.eco(), "training")


@pytest.mark.parametrize("step", [0.3, 0.0, -0.2, 2.0])
def test_steps_that_do_not_divide_one_are_refused(step: float) -> None:
    """A grid must hold both ends."""
    with pytest.raises(ei.InputError, match="step"):
        Restriction.on_grid(step)
    with pytest.raises(ei.InputError, match="grid"):
        replace(Restriction(), grid=-1)
