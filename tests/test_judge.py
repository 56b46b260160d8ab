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
from eipyomo.solvers.contract import Claim
from eipyomo.solvers.judge import judge, repair
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
