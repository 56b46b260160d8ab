"""Objectives and totals in the exact method: laws that must hold, and feasible points by design.

Where a number stands, it is one that a piecewise relaxation of the model encloses, by another
program.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.solvers.exact import ExactOutcome, solve_exact
from eipyomo.verify import verify
from tests.allocations import random_allocation
from tests.conftest import reference, slow_but
from tests.instances import KINDS, hostile

GAP = 1e-6
SMALL = ["letter-m2", "letter-m4", "mixed-m4", "letter-m4-sigma32", "letter-m12"]


def least(instance: ei.Instance, objective: str = "wsel", **options: Any) -> ExactOutcome:
    """Return what the exact method finds, which is proven or proven infeasible."""
    found = solve_exact(Problem.of(instance, objective=objective), **{"gap": GAP, **options})
    assert found.status in ("optimal", "infeasible"), found.message
    return found


def with_users(instance: ei.Instance, **columns: Any) -> ei.Instance:
    """Return the instance with values for keys of its users; one number stands for all of them."""
    rows = {key: np.broadcast_to(column, len(instance.users)) for key, column in columns.items()}
    users: Mapping[str, Any] = {
        user.name: {key: float(row[j]) for key, row in rows.items() if np.isfinite(row[j])}
        for j, user in enumerate(instance.users)
    }
    return instance.replace(users=users)


def value(found: ExactOutcome) -> float:
    """Return the value of an outcome that has one."""
    assert found.objective is not None
    return found.objective


def terms(instance: ei.Instance, found: ExactOutcome) -> Any:
    """Return the breakdown of an outcome's allocation, every term of every user."""
    assert found.allocation is not None
    return ei.evaluate(instance, found.allocation).breakdown


def test_the_least_band_of_the_letters_instance() -> None:
    """With 7 s for everybody it is 10.576 MHz, which a relaxation encloses in [10.571, 10.577]."""
    found = least(with_users(reference("letter-m4"), deadline_s=7.0), "band")
    assert 10.5755 < found.bound <= value(found) < 10.5765


@pytest.mark.parametrize("name", slow_but(SMALL, "letter-m4", "mixed-m4"))
@pytest.mark.parametrize("restriction", ["joint", "gbe"])
def test_the_least_band_is_enough_and_no_less_is(name: str, restriction: str) -> None:
    """At the latencies of an optimum it is at most B; (10) is feasible with it, not with 0.999."""
    instance = reference(name)
    best = solve_exact(Problem.of(instance, restriction))
    limited = with_users(instance, deadline_s=terms(instance, best).latency_s * (1.0 + 1e-9))
    found = solve_exact(Problem.of(limited, restriction, objective="band"), gap=GAP)
    assert found.status == "optimal"
    assert value(found) <= instance.scaled.bandwidth_mhz * (1.0 + GAP)
    for part, status in ((1.0 + 2.0 * GAP, "optimal"), (0.999, "infeasible")):
        narrow = limited.replace(bandwidth_hz=part * value(found) * 1e6)
        assert solve_exact(Problem.of(narrow, restriction), gap=1e-3).status == status


@pytest.mark.parametrize("factor", [0.1, 3.0, 40.0])
def test_the_least_band_does_not_depend_on_the_band(factor: float) -> None:
    """Rates depend on the band in MHz alone, so that any reference will do."""
    instance = with_users(reference("mixed-m4"), deadline_s=9.0)
    wider = instance.replace(bandwidth_hz=factor * instance.bandwidth_hz)
    assert value(least(wider, "band")) == pytest.approx(value(least(instance, "band")), rel=2 * GAP)


@pytest.mark.parametrize("band_hz", [1e4, 2e7, 6e10])
def test_energy_budgets_that_hardly_suffice_are_met_from_any_reference(band_hz: float) -> None:
    """0.3 J each take 5,746 MHz, on which 400 MHz less and 0.28 J agree: both are infeasible."""
    letter = ei.Instance.letter().replace(bandwidth_hz=band_hz)
    tight = with_users(letter, deadline_s=24.804, energy_budget_j=0.3)
    assert value(least(tight, "band")) == pytest.approx(5746.3113, rel=2 * GAP)
    assert least(tight.replace(bandwidth_hz=5.346e9)).status == "infeasible"
    tighter = with_users(letter, deadline_s=24.804, energy_budget_j=0.28)
    found = least(tighter, "band")
    assert found.status == "infeasible"
    assert verify(tighter, found.certificate()).doubt is None


@pytest.mark.parametrize("name", slow_but(SMALL, "letter-m4", "mixed-m4"))
def test_the_slowest_user_is_where_the_least_band_is_all_of_it(name: str) -> None:
    """With deadlines of the least largest latency, the least band is B; the point has them."""
    instance = reference(name)
    found = least(instance, "slowest")
    assert terms(instance, found).latency_s.max() == pytest.approx(value(found), rel=1e-12)
    for bound_s, sign in ((found.bound, 1.0), (value(found) * (1.0 + GAP), -1.0)):
        band = least(with_users(instance, deadline_s=bound_s), "band")
        over = value(band) / instance.scaled.bandwidth_mhz - 1.0
        assert sign * over >= -GAP
        assert abs(over) <= 2e-5


@pytest.mark.parametrize("name", slow_but(["hostile-00", "hostile-06", "hostile-15"], "hostile-06"))
def test_the_slowest_user_leaves_the_others_a_good_cost(name: str) -> None:
    """Nothing that is as fast costs less, by 1e-3: deadlines of what was found, and least WSEL."""
    instance = reference(name)
    found = least(instance, "slowest")
    cheapest = least(with_users(instance, deadline_s=value(found)), gap=1e-4)
    assert found.gap is not None
    assert found.gap <= GAP
    assert terms(instance, found).wsel.sum() <= value(cheapest) * (1.0 + 1e-3)


@pytest.mark.parametrize("objective", ["band", "edge_frequency", "slowest"])
def test_less_time_asks_for_more(objective: str) -> None:
    """Shorter deadlines never lower a least value, nor make feasible what was not."""
    last, ended = -np.inf, False
    for deadline_s in (12.0, 8.0, 6.0, 5.8, 5.0, 4.0):
        found = least(with_users(reference("letter-m4"), deadline_s=deadline_s), objective)
        assert not ended or found.status == "infeasible"
        ended = found.status == "infeasible"
        if not ended:
            assert value(found) >= last * (1.0 - GAP)
            last = value(found)
    assert ended


@pytest.mark.parametrize("name", slow_but(SMALL, "letter-m4"))
@pytest.mark.parametrize("key", ["total_energy_budget_j", "total_latency_budget_s"])
def test_a_total_that_does_not_bind_changes_nothing(name: str, key: str) -> None:
    """With more than what the optimum takes, it is found as before, no worse than to 1e-9."""
    instance = reference(name)
    best = least(instance)
    taken = getattr(terms(instance, best), "energy_j" if "energy" in key else "latency_s").sum()
    found = least(instance.replace(**{key: 1.001 * float(taken)}))
    assert best.bound <= value(found) <= value(best) * (1.0 + 1e-9)
    assert found.prices is not None
    assert (
        found.prices[key.replace("_budget", "").replace("_j", "_per_j").replace("_s", "_per_s")]
        == 0
    )


def test_a_front_is_monotone_and_its_hull_is_what_weights_give() -> None:
    """Of energy against latency: totals reach points that weights do not, and none below those."""
    instance = reference("letter-m4")
    by_weights = []
    for part in (0.3, 0.5, 0.7):
        weighted = with_users(instance, energy_weight=part, latency_weight=1.0 - part)
        found = terms(instance, least(weighted))
        by_weights.append((found.energy_j.sum(), found.latency_s.sum()))
    for energy_j, latency_s in by_weights:
        only_latency = with_users(instance, energy_weight=0.0, latency_weight=1.0)
        held = only_latency.replace(total_energy_budget_j=float(energy_j) * (1.0 + 1e-9))
        assert value(least(held)) == pytest.approx(latency_s, rel=3e-6)
    front = [
        value(least(with_users(instance, energy_weight=0.0).replace(total_energy_budget_j=total_j)))
        for total_j in (1.4, 1.7, 2.0, 2.4)
    ]
    assert all(before >= after * (1.0 - GAP) for before, after in itertools.pairwise(front))


@pytest.mark.parametrize(
    "limit",
    slow_but(["deadline_s", "energy_budget_j", "energy", "latency"], "deadline_s", "energy"),
)
def test_prices_are_finite_differences(limit: str) -> None:
    """What one more second or joule saves, against the optimum with a little more."""
    instance, part, step = reference("letter-m4"), 0.97, 1e-3
    best = terms(instance, least(instance))

    def at(factor: float) -> ei.Instance:
        if limit == "deadline_s":
            return with_users(instance, deadline_s=[*[np.inf] * 3, factor * best.latency_s[3]])
        if limit == "energy_budget_j":
            return with_users(instance, energy_budget_j=[*[np.inf] * 3, factor * best.energy_j[3]])
        column = getattr(best, f"{limit}_{'j' if limit == 'energy' else 's'}")
        key = "total_energy_budget_j" if limit == "energy" else "total_latency_budget_s"
        return instance.replace(**{key: factor * float(column.sum())})

    found = least(at(part))
    more, less = (value(least(at(part + change))) for change in (step, -step))
    size = {
        "deadline_s": best.latency_s[3],
        "energy_budget_j": best.energy_j[3],
        "energy": best.energy_j.sum(),
        "latency": best.latency_s.sum(),
    }[limit]
    priced: Any = {
        "deadline_s": found.deadline_price,
        "energy_budget_j": found.energy_price,
        "energy": found.prices,
        "latency": found.prices,
    }[limit]
    places = {"energy": "total_energy_per_j", "latency": "total_latency_per_s"}
    price = priced[places.get(limit, 3)]
    assert price == pytest.approx((less - more) / (2.0 * step * size), rel=1e-2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", slow_but(range(10), 1))
def test_a_least_value_is_never_above_that_of_a_point(seed: int, kind: str) -> None:
    """Limits and totals of a random allocation: never "infeasible", no bound above its value."""
    instance = KINDS[kind](hostile(seed))
    allocation, draw = random_allocation(instance, seed), np.random.default_rng(seed)
    found = ei.evaluate(instance, allocation).breakdown
    slack = draw.choice([1.0 + 1e-9, 1.001, 1.2], 2)
    limited = with_users(instance, deadline_s=found.latency_s * slack[0])
    if draw.random() < 0.5:
        limited = limited.replace(total_energy_budget_j=float(found.energy_j.sum() * slack[1]))
    if draw.random() < 0.3:
        limited = limited.replace(total_latency_budget_s=float(found.latency_s.sum() * slack[1]))
    for objective in ("wsel", "band", "edge_frequency", "slowest"):
        problem = Problem.of(limited, objective=objective)
        judged = ei.evaluate(problem, allocation)
        outcome = solve_exact(problem, gap=1e-4, time_limit=1.0)
        assert outcome.status != "infeasible", objective
        assert outcome.bound <= judged.value * (1.0 + 1e-9)
        if outcome.allocation is not None:
            own = ei.evaluate(problem, outcome.allocation)
            assert own.feasible
            assert own.value >= outcome.bound


def test_words_for_the_infeasible_say_what_would_be_enough() -> None:
    """The band and the time that are named are enough, and not much more than needed."""
    late = with_users(reference("letter-m4"), deadline_s=5.5)
    result = ei.solve(late)
    assert result.termination == "infeasible"
    band, time_s = re.findall(r"enough would be a band of (\S+) MHz, or (\S+) s", result.message)[0]
    assert least(late.replace(bandwidth_hz=1e6 * float(band)), gap=1e-3).status == "optimal"
    assert least(with_users(late, deadline_s=float(time_s)), gap=1e-3).status == "optimal"
    assert value(least(late, "band")) > 0.997 * float(band)


@pytest.mark.parametrize("total_ghz", [2.0, 40.0])
def test_a_total_frequency_is_no_limit_on_the_least(total_ghz: float) -> None:
    """The least edge frequency is the same whatever total the data have, and proven to be it."""
    late = with_users(reference("letter-m4"), deadline_s=6.0)
    limited = late.replace(server={"total_frequency_hz": 1e9 * total_ghz})
    found = least(limited, "edge_frequency")
    assert value(found) == pytest.approx(value(least(late, "edge_frequency")), rel=2 * GAP)
    assert verify(limited, found.certificate()).doubt is None


def test_the_slowest_where_the_server_shares_its_frequency() -> None:
    """SCIP finds 5.816277 s for the letter's users and 8 GHz; a proof and a point enclose it."""
    found = least(ei.Instance.letter(total_frequency_ghz=8.0), "slowest", time_limit=20.0)
    assert value(found) == pytest.approx(5.816277, rel=GAP)


def test_the_least_band_where_the_server_shares_its_frequency() -> None:
    """Who computes slowly by its weights still gets of the server what its deadline asks for."""
    few = with_users(reference("letter-m12"), deadline_s=8.0)
    bands = [value(least(few, "band"))]
    for total_ghz in (12.0, 6.0):
        shared = few.replace(server={"total_frequency_hz": 1e9 * total_ghz})
        bands.append(value(least(shared, "band", gap=1e-5, time_limit=20.0)))
    assert bands == sorted(bands)
    assert bands[2] > bands[0] * 1.001
