"""What of a claim is true: the judge contradicts, clamps, repairs by rounding, and no more."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.claims import relative_gap
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.solvers.contract import Claim
from eipyomo.solvers.judge import MORE, REPAIR, judge, repair
from tests.allocations import random_allocation


def verdict(letter: ei.Instance, claim: Claim, **options: Any) -> ei.Result:
    """Judge a claim about the letter's instance."""
    asked = Problem.of(letter)
    return judge(asked, claim, method="m", options={}, gap_at=lambda _: 1e-4, wall_s=0.0, **options)


def test_false_claims_are_contradicted(letter: ei.Instance) -> None:
    """Each claim that can be refuted becomes an error that says what is true."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    zero = dataclasses.replace(good, uplink_share=np.zeros(4), downlink_share=np.zeros(4))
    false = {
        "claims that no feasible allocation exists": Claim("infeasible"),
        "claims success but gives no point": Claim("optimal", bound=1.0),
        "gives an infeasible point": Claim("optimal", allocation=zero, bound=0.5),
        "claims the lower bound": Claim("optimal", allocation=good, bound=1.01 * cost),
    }
    for sentence, claim in false.items():
        result = verdict(letter, claim)
        assert result.termination == "error"
        assert sentence in result.message
        assert result.bound is None


def test_bounds_are_clamped_or_dropped(letter: ei.Instance) -> None:
    """A bound above the cost by rounding is clamped; an infinite or missing one is null."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    clamped = verdict(letter, Claim("optimal", good, bound=cost * (1 + 1e-10)))
    assert (clamped.bound, clamped.gap, clamped.termination) == (cost, 0.0, "optimal")
    for bound in (-math.inf, math.inf, math.nan, None):
        result = verdict(letter, Claim("converged", good, bound=bound))
        assert (result.bound, result.gap) == (None, None)
    loose = verdict(letter, Claim("optimal", good, bound=0.5 * cost))
    assert loose.termination == "limit"
    assert loose.gap == pytest.approx(0.5)


def test_gaps_that_are_none() -> None:
    """An objective of 0 has a gap only to itself; without a bound or an objective there is none."""
    assert relative_gap(0.0, 0.0) == 0.0
    assert relative_gap(-2.0, -3.0) == 0.5
    for objective, bound in ((0.0, -1.0), (1.0, None), (None, 1.0), (None, None)):
        assert relative_gap(objective, bound) is None


def test_nothing_found_in_time_is_not_infeasible(letter: ei.Instance) -> None:
    """A limit without a point stays a limit, with the bound that was proven."""
    result = verdict(letter, Claim("limit", bound=0.5))
    assert (result.termination, result.allocation, result.feasible) == ("limit", None, False)
    assert (result.bound, result.gap) == (0.5, None)


def test_false_prices_are_left_out(letter: ei.Instance) -> None:
    """A price of the band that more and less of it contradict is none; the right one stays."""
    best = ei.solve(letter)
    for factor, stays in ((1.0, True), (1.5, False), (0.5, False)):
        keys = ("bandwidth_per_mhz", "downlink_bandwidth_per_mhz")
        assert best.prices is not None
        prices = {**best.prices, **{key: factor * best.prices[key] for key in keys}}
        result = verdict(letter, Claim("optimal", best.allocation, best.bound, prices=prices))
        assert result.termination == "optimal"
        assert (result.prices is not None) == stays


def test_a_users_infeasible_model_is_believed(letter: ei.Instance) -> None:
    """With constraints of the user's own, infeasible is an answer."""
    result = verdict(letter, Claim("infeasible"), always_feasible=False)
    assert result.termination == "infeasible"


def test_repair_is_small(letter: ei.Instance) -> None:
    """Rounding errors up to 1e-5 are repaired, larger ones are left to be refused."""
    good = random_allocation(letter, 1)
    for excess, feasible in ((5e-6, True), (1e-3, False)):
        over = dataclasses.replace(
            good,
            uplink_share=good.uplink_share * (1 + excess),
            downlink_share=good.downlink_share * (1 + excess),
        )
        assert ei.evaluate(letter, repair(Problem.of(letter), over)).feasible is feasible
    terms = ei.evaluate(letter, good).breakdown
    last_s = float((letter.scaled.upload_start_s + terms.upload_s).max())
    for short, feasible in ((5e-6, True), (1e-3, False)):
        early = dataclasses.replace(good, sync_s=last_s * (1 - short))
        assert ei.evaluate(letter, repair(Problem.of(letter), early)).feasible is feasible


def test_repair_scales_edge_frequencies_within_rounding_only() -> None:
    """An overrun of 1e-6 is taken off, one of 1e-4 stays."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    rest = ei.solve(instance, "eco").allocation
    assert rest is not None
    for over, left in ((1e-6, 0.0), (1e-4, 1e-4)):
        served = np.full(4, 1.5e9 * (1.0 + over))
        over_budget = dataclasses.replace(rest, edge_frequency_hz=served)
        repaired = repair(Problem.of(instance), over_budget).edge_frequency_hz
        assert repaired is not None
        assert repaired.sum() / 6e9 - 1.0 == pytest.approx(left, abs=1e-12)


def test_what_is_repaired_ends_at_its_limit(letter: ei.Instance) -> None:
    """A budget or a sync time that is missed by 1e-5 is repaired, by a tenth more it is not."""
    good = random_allocation(letter, 1)
    spare = dataclasses.replace(good, sync_s=2.0 * good.sync_s)
    total = float(good.uplink_share.sum() + good.downlink_share.sum())
    terms = ei.evaluate(letter, good).breakdown
    last_s = float((letter.scaled.upload_start_s + terms.upload_s).max())
    for part, repaired in ((0.999, True), (1.1, False)):
        by = 1.0 + part * REPAIR
        wide = dataclasses.replace(
            spare,
            uplink_share=good.uplink_share / total * by,
            downlink_share=good.downlink_share / total * by,
        )
        found = repair(Problem.of(letter), wide)
        used = float(found.uplink_share.sum() + found.downlink_share.sum())
        assert used == pytest.approx(1.0 if repaired else by, rel=1e-14)
        early = dataclasses.replace(good, sync_s=last_s * (1.0 - part * REPAIR))
        found = repair(Problem.of(letter), early)
        assert found.sync_s == (last_s if repaired else early.sync_s)
    kept = repair(Problem.of(letter), spare)
    assert (kept.sync_s, kept.uplink_share.tolist()) == (spare.sync_s, spare.uplink_share.tolist())


def test_budgets_behind_one_that_is_minimised_are_repaired() -> None:
    """The band is no limit where the least of it is sought, but edge frequencies have theirs."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    instance = instance.replace(users={one.name: {"deadline_s": 1e3} for one in instance.users})
    rest = ei.solve(instance, "eco").allocation
    assert rest is not None
    total = float(rest.uplink_share.sum() + rest.downlink_share.sum())
    over = dataclasses.replace(
        rest,
        sync_s=2.0 * rest.sync_s,
        uplink_share=rest.uplink_share / total * (1.0 + 5e-6),
        downlink_share=rest.downlink_share / total * (1.0 + 5e-6),
        edge_frequency_hz=np.full(4, 1.5e9 * (1.0 + 1e-6)),
    )
    found = repair(Problem.of(instance, objective="band"), over)
    assert found.edge_frequency_hz is not None
    assert found.edge_frequency_hz.sum() == pytest.approx(6e9, rel=1e-13)
    assert found.uplink_share.tolist() == over.uplink_share.tolist()


def test_of_what_is_minimised_no_more_is_given_than_is_needed() -> None:
    """Where a little of the least band is missing users get the smallest part more that will do."""
    instance = ei.Instance.letter(users=2)
    instance = instance.replace(users={one.name: {"deadline_s": 8.0} for one in instance.users})
    problem, shares = Problem.of(instance, objective="band"), ("uplink_share", "downlink_share")
    best = ei.solve(instance, objective="band", gap=1e-9).allocation
    assert best is not None
    for missing in (0.0, 3e-6):
        less = best.divided(shares, 1.0 + missing)
        late = dataclasses.replace(less, sync_s=repair(problem, less).sync_s)
        enough = next(
            more for more in MORE if ei.evaluate(problem, late.divided(shares, 1.0 - more)).feasible
        )
        assert (enough > 0.0) == (missing > 0.0)
        expected = late.divided(shares, 1.0 - enough)
        assert repair(problem, less).uplink_share.tolist() == expected.uplink_share.tolist()
    less = best.divided(shares, 1.0 + 1e-4)
    assert repair(problem, less).uplink_share.tolist() == less.uplink_share.tolist()


def test_claims_without_a_point_say_what_is_wrong(letter: ei.Instance) -> None:
    """Unbounded, optimal, converged and limit, each with the words that a reader needs."""
    unbounded = verdict(letter, Claim("unbounded", bound=1.0, message="ray"))
    assert (unbounded.termination, unbounded.bound) == ("error", None)
    assert "has no lower bound, but WSEL has one (ray)" in unbounded.message
    unbounded = verdict(letter, Claim("unbounded", message="ray"), always_feasible=False)
    assert "has no lower bound, and gives no point to judge (ray)" in unbounded.message
    converged = verdict(letter, Claim("converged", bound=1.0))
    assert (converged.termination, converged.bound) == ("error", None)
    limit = verdict(letter, Claim("limit", message="time"))
    assert limit.message == "a limit was reached before any allocation (time)"
    assert verdict(letter, Claim("limit")).message == "a limit was reached before any allocation"
    for bound in (math.inf, -math.inf, math.nan):
        assert verdict(letter, Claim("limit", bound=bound)).bound is None
    believed = verdict(letter, Claim("infeasible", bound=3.0), always_feasible=False)
    assert (believed.termination, believed.bound) == ("infeasible", None)
    failed = verdict(letter, Claim("error", bound=3.0, message="crashed"))
    assert (failed.termination, failed.bound, failed.message) == ("error", None, "crashed")


def test_claims_beside_a_point_say_what_is_wrong(letter: ei.Instance) -> None:
    """What a feasible point contradicts is an error that keeps it; an infeasible one counts not."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    zero = dataclasses.replace(good, uplink_share=np.zeros(4), downlink_share=np.zeros(4))
    for status in ("infeasible", "unbounded"):
        result = verdict(letter, Claim(status, good, message="no"), always_feasible=False)
        assert (result.termination, result.objective) == ("error", cost)
        assert f"costs {cost:.9g}" in result.message
        result = verdict(letter, Claim(status, zero, message="no"), always_feasible=False)
        assert result.allocation is None
        assert result.termination == ("infeasible" if status == "infeasible" else "error")
    for objection, point in (("is wrong", good), ("is wrong", None)):
        result = verdict(letter, Claim("limit", point, bound=0.1, objection=objection))
        assert (result.termination, result.bound, result.message) == ("error", None, "m is wrong")
    result = verdict(letter, Claim("limit", zero, bound=0.1, objection="is wrong"))
    assert "gives an infeasible point: " in result.message
    result = verdict(letter, Claim("limit", good, bound=0.1, solver="s", objection="is wrong"))
    assert result.message == "s is wrong"


def test_how_far_a_bound_may_be_above(letter: ei.Instance) -> None:
    """A millionth of the cost, no more; at the cost itself it is kept, and below 0 it is 0."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    for beyond, claimed in ((9e-7, True), (1.1e-6, False)):
        result = verdict(letter, Claim("limit", good, bound=cost * (1.0 + beyond)))
        assert (result.termination, result.bound) == (
            ("limit", cost) if claimed else ("error", None)
        )
    assert verdict(letter, Claim("limit", good, bound=cost)).bound == cost
    low = verdict(letter, Claim("limit", good, bound=-1e9))
    assert low.bound == Problem.of(letter).least_value
    own = Claim("limit", good, bound=-1e9, model_objective=-5e8)
    own_result = verdict(letter, own)
    assert (own_result.bound, own_result.model_objective) == (-1e9, -5e8)
    same = verdict(letter, Claim("limit", good, bound=-1e9, model_objective=cost * (1 + 9e-7)))
    assert (same.bound, same.model_objective) == (low.bound, None)
    other = verdict(letter, Claim("limit", good, model_objective=cost * (1 + 1.1e-6)))
    assert other.model_objective == cost * (1 + 1.1e-6)


def test_a_gap_is_met_or_it_is_a_limit(letter: ei.Instance) -> None:
    """Optimal means within the gap; who stops before says what is left."""
    good = random_allocation(letter, 1)
    cost = ei.evaluate(letter, good).objective
    met = verdict(letter, Claim("optimal", good, bound=cost * (1.0 - 0.99e-4), message="own"))
    assert (met.termination, met.message) == ("optimal", "proven optimal within the gap (own)")
    for beyond, status in ((5e-10, "optimal"), (2e-9, "limit")):
        close = Claim("optimal", good, bound=cost * (1.0 - 1e-4 * (1.0 + beyond)))
        assert verdict(letter, close).termination == status
    missed = verdict(letter, Claim("optimal", good, bound=cost * (1.0 - 2e-4)))
    assert missed.termination == "limit"
    assert missed.message == "m stopped at its own tolerance, which leaves a gap of 0.0002"
    none = verdict(letter, Claim("optimal", good, solver="s"))
    assert none.message == "s stopped at its own tolerance, which leaves no bound"
    found = verdict(letter, Claim("limit", good, bound=0.1 * cost))
    assert found.message.endswith("the best allocation found, and the bound is valid")
    assert verdict(letter, Claim("limit", good)).message.endswith("the best allocation found")
    converged = verdict(letter, Claim("converged", good))
    assert converged.message == "met its own stopping rule; it proves no bound"


def test_a_result_says_what_was_judged(letter: ei.Instance) -> None:
    """Options, names, and the label of a problem that has another name than its kind."""
    good = random_allocation(letter, 1)
    result = verdict(letter, Claim("limit", good))
    assert (result.problem, result.options, result.wall_s) == ("joint", {}, 0.0)
    assert verdict(letter, Claim("limit", good), name="mine").problem == "mine"
    grid = Problem.of(letter, "grid:0.2")
    labelled = judge(
        grid, Claim("limit"), method="m", options={"k": 1}, gap_at=lambda _: 0.0, wall_s=2.0
    )
    assert labelled.options == {"k": 1} | ({} if grid.name == grid.kind else {"label": grid.name})
    assert labelled.problem == grid.kind
    own = Problem(letter, Restriction(label="mine", offload_max=0.5))
    result = judge(own, Claim("limit"), method="m", options={}, gap_at=lambda _: 0.0, wall_s=0.0)
    assert result.options == {"label": "mine"}


def test_more_is_tried_in_small_steps() -> None:
    """From nothing to what is repaired at most, each step larger than the one before."""
    assert sorted({0.0, REPAIR, *MORE}) == list(MORE)
