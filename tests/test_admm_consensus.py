"""Steps 2 and 3 of the decomposition, its residuals, penalties and settings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eipyomo import InputError, Instance, Problem, Restriction, solve
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.admm.consensus import (
    Consensus,
    residuals,
    update_multipliers,
)
from eipyomo.solvers.admm.records import ANSWER, SYNC, copied
from eipyomo.solvers.admm.settings import (
    HEAVY,
    AdmmOptions,
    Settings,
    balanced,
    burdened,
    relative_residuals,
)
from eipyomo.solvers.admm.start import equal_sync_s, scaled_penalties, starting_point
from eipyomo.solvers.admm.step_two import update_consensus
from eipyomo.solvers.records import Records
from tests.conftest import reference
from tests.instances import altered, limited

BUDGETS = Problem(Instance.letter(users=1)).budgets
HALVES = Problem(Instance.letter(users=1), Restriction.gbe()).budgets
SHARES = ("uplink_share", "downlink_share")


def penalties_of(uplink: float, sync: float, downlink: float) -> dict[str, float]:
    """Return the penalties of the letter's blocks by quantity."""
    return dict(zip(copied(BUDGETS), (uplink, sync, downlink), strict=True))


def copies_and_consensus(
    seed: int, users: int, size: float, budgets: tuple[Budget, ...] = BUDGETS
) -> tuple[Records, Consensus]:
    """Return random copies and a random point of the coordinator."""
    rng = np.random.default_rng(seed)
    copies = np.zeros(users, ANSWER)
    copies["uplink_share"] = rng.exponential(size, users)
    copies["downlink_share"] = rng.exponential(size, users)
    copies["sync_s"] = rng.exponential(3.0, users)
    consensus = Consensus(
        values={**{share: rng.random(users) for share in SHARES}, SYNC: np.array(2.0)},
        multipliers={quantity: rng.normal(size=users) for quantity in copied(budgets)},
        penalties=penalties_of(*rng.uniform(0.5, 20.0, 3)),
        budgets=budgets,
    )
    return copies, consensus


def step_two_cost(point: Consensus, before: Consensus, copies: Records) -> float:
    """Return (21) at v = `point`."""
    cost = 0.0
    for quantity, penalty in before.penalties.items():
        apart = copies[quantity] - point.values[quantity]
        cost += float(np.sum(before.multipliers[quantity] * apart + 0.5 * penalty * apart**2))
    return cost


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    users=st.integers(1, 8),
    size=st.sampled_from([0.01, 0.2, 2.0]),
    budgets=st.sampled_from([BUDGETS, HALVES]),
)
def test_step_two_minimises_21(
    seed: int, users: int, size: float, budgets: tuple[Budget, ...]
) -> None:
    """No other point of ℱ has a smaller (21): checked along chords, since (21) is convex.

    So it is where the band is split into halves.
    """
    copies, before = copies_and_consensus(seed, users, size, budgets)
    found = update_consensus(before, copies)
    assert min(found.values[share].min() for share in SHARES) >= 0.0
    for budget in budgets:
        taken = sum(found.values[quantity].sum() for quantity in budget.quantities)
        assert taken <= budget.capacity + 1e-12
    assert found.sync_s >= 0.0
    cost = step_two_cost(found, before, copies)
    rng = np.random.default_rng(seed)
    for _ in range(30):
        other: dict[str, FloatColumn] = {}
        for budget in budgets:
            drawn = rng.dirichlet(np.full(len(budget.draws) * users, 0.3))
            drawn = drawn * budget.capacity * rng.choice([0.5, 1.0])
            other |= zip(budget.quantities, drawn.reshape(-1, users), strict=True)
        for part in (1e-6, 1e-2, 1.0):
            mixed = {
                share: (1 - part) * found.values[share] + part * other[share] for share in SHARES
            }
            mixed[SYNC] = np.array(max(found.sync_s + part * rng.normal(), 0.0))
            assert step_two_cost(replace(found, values=mixed), before, copies) >= cost - 1e-9


def test_price_is_zero_where_the_band_suffices() -> None:
    """(22) with θ = 0 where the sum of the unpriced shares is below 1: b = x + α/c."""
    copies, before = copies_and_consensus(1, 3, 0.01)
    multipliers = zip(copied(BUDGETS), map(np.full, [3] * 3, (0.1, 0.0, -0.1)), strict=True)
    quiet = replace(before, multipliers=dict(multipliers), penalties=penalties_of(10.0, 1.0, 10.0))
    found = update_consensus(quiet, copies).values
    assert found["uplink_share"] == pytest.approx(copies["uplink_share"] + 0.01)
    expected = np.maximum(copies["downlink_share"] - 0.01, 0.0)
    assert found["downlink_share"] == pytest.approx(expected)
    assert before.sync_s == 2.0


def test_the_edges_frequency_is_the_nearest_point_within_the_budget() -> None:
    """Step 2 is optimal: all between 0 and f_s have one θ, which is 0 if something of F is left."""
    problem = Problem(limited(reference("mixed-m4"), 0.3))
    budget, key = problem.budgets[-1], "edge_frequency_ghz"
    penalties = scaled_penalties(problem)
    draw = np.random.default_rng(3)
    for scale in (0.1, 0.5, 2.0, 5.0):
        consensus = starting_point("equal", problem, penalties)
        multiplier = draw.normal(0.0, 0.01, 4)
        told = replace(consensus, multipliers={**consensus.multipliers, key: multiplier})
        copies = np.zeros(4, ANSWER)
        copies[key] = scale * problem.data.equal_frequency_ghz * draw.uniform(0, 2, 4)
        served = update_consensus(told, copies).values[key]
        assert served.sum() <= budget.capacity * (1.0 + 1e-12)
        asked = copies[key] + multiplier / penalties[key]
        theta = (asked - served) * penalties[key]
        most_ghz = budget.draws[0].most
        inside = (served > 0.0) & (served < most_ghz)
        price = float(theta[inside].max(initial=0.0))
        assert theta[inside] == pytest.approx(price, abs=1e-12)
        assert (theta[served == 0.0] <= price + 1e-12).all()
        assert (theta[served == most_ghz] >= price - 1e-12).all()
        if served.sum() < budget.capacity * (1.0 - 1e-9):
            assert price == pytest.approx(0.0, abs=1e-12)


@given(seed=st.integers(0, 10**6), users=st.integers(1, 8))
def test_step_three_is_23_and_free_in_sign(seed: int, users: int) -> None:
    """ω moves by c times the disagreement; after it the sync multipliers sum to 0 where τ̂ > 0."""
    copies, before = copies_and_consensus(seed, users, 0.2)
    middle = update_consensus(before, copies)
    after = update_multipliers(middle, copies)
    for quantity, penalty in before.penalties.items():
        step = after.multipliers[quantity] - before.multipliers[quantity]
        apart = copies[quantity] - middle.values[quantity]
        assert step == pytest.approx(penalty * apart, abs=1e-12)
    if middle.sync_s > 0:
        assert after.multipliers[SYNC].sum() == pytest.approx(0.0, abs=1e-9)


def test_multipliers_take_both_signs() -> None:
    """The ω ≥ 0 of (16) is a slip: one step from the letter's start gives negative multipliers."""
    copies, before = copies_and_consensus(5, 6, 0.2)
    after = update_multipliers(update_consensus(before, copies), copies)
    for column in after.multipliers.values():
        assert (column < 0).any()


def test_residuals_are_the_sums_of_24() -> None:
    """Two users by hand: (24a) adds all disagreements, (24b) counts the sync time once."""
    copies = np.zeros(2, ANSWER)
    copies["uplink_share"], copies["downlink_share"] = [0.3, 0.2], [0.1, 0.4]
    copies["sync_s"] = [3.0, 5.0]
    penalties = penalties_of(1.0, 1.0, 1.0)
    zero = {quantity: np.zeros(2) for quantity in penalties}
    before, after = (
        Consensus(dict(zip(penalties, map(np.array, point), strict=True)), zero, penalties, BUDGETS)
        for point in (
            ([0.2, 0.2], 3.5, [0.3, 0.3]),
            ([0.25, 0.25], 4.0, [0.2, 0.3]),
        )
    )
    found = residuals(before, after, copies)
    assert found.primal == pytest.approx((0.05 + 0.05) + (1.0 + 1.0) + (0.1 + 0.1))
    assert found.dual == pytest.approx((0.05 + 0.05) + (0.1 + 0.0) + 0.5)
    primal, dual = relative_residuals(found, after)
    assert primal == pytest.approx(max(0.1 + 0.2, 2.0 / 2 / 4.0))
    assert dual == pytest.approx(max(0.1 + 0.1, 0.5 / 4.0))
    before, after = (replace(point, budgets=HALVES) for point in (before, after))
    primal, _ = relative_residuals(residuals(before, after, copies), after)
    assert primal == pytest.approx(max(0.1 / 0.5, 0.2 / 0.5, 2.0 / 2 / 4.0))


def test_letter_preset_is_table_i() -> None:
    """With c = 20, ε1 = 1.5M·1e-4, ε2 = M·1e-4 on absolute sums: Table I; equal-split start."""
    problem = Problem(reference("letter-m4"))
    letter = Settings.of(AdmmOptions(preset="letter"))
    assert letter.penalties(problem) == penalties_of(20.0, 20.0, 20.0)
    at = starting_point("equal", problem, letter.penalties(problem))
    assert at.values["uplink_share"] == pytest.approx(np.full(4, 1 / 8))
    assert at.sync_s == pytest.approx(4.97, abs=5e-3)  # measured when the method was designed
    copies = np.zeros(4, ANSWER)
    for share in SHARES:
        copies[share] = at.values[share]
    copies["sync_s"] = at.sync_s + np.array([1.5e-4 * 4, 0.0, 0.0, 0.0]) * (1 - 1e-9)
    assert letter.met(*letter.measures(residuals(at, at, copies), at))
    copies["sync_s"] = at.sync_s + np.array([1.5e-4 * 4, 0.0, 0.0, 0.0]) * (1 + 1e-6)
    assert not letter.met(*letter.measures(residuals(at, at, copies), at))
    assert (at.multipliers["uplink_share"] == np.zeros(4)).all()


def test_penalties_scale_with_weights_and_not_with_units() -> None:
    """A penalty is a second derivative of cost: weights times 7 give penalties times 7."""
    instance = reference("mixed-m4")
    document = instance.to_dict()
    for user in document["users"]:
        user["energy_weight"] *= 7
        user["latency_weight"] *= 7
    heavier = scaled_penalties(Problem(Instance.from_dict(document)))
    for quantity, penalty in scaled_penalties(Problem(instance)).items():
        assert heavier[quantity] == pytest.approx(7 * penalty, rel=1e-12)


def test_the_penalty_of_the_fourth_block() -> None:
    """It is scaled where it is left out, taken where it is given, and refused without a total."""
    letter = {"uplink": 20.0, "sync": 20.0, "downlink": 20.0}
    shared, plain = (Problem(Instance.letter(total_frequency_ghz=total)) for total in (6.0, None))
    key = "edge_frequency_ghz"
    scaled = scaled_penalties(shared)[key]
    for options in (AdmmOptions(preset="letter"), AdmmOptions(penalty=letter)):
        assert Settings.of(options).penalties(shared)[key] == scaled
    given = Settings.of(AdmmOptions(penalty={**letter, "edge": 3.0}))
    assert given.penalties(shared)[key] == 3.0
    with pytest.raises(InputError, match="penalty has the key edge"):
        given.penalties(plain)
    assert key not in scaled_penalties(plain)
    idle = altered(
        Instance.letter(users=2, total_frequency_ghz=6.0),
        users=tuple(
            user.model_copy(update={"task_bits": 0.0}) for user in Instance.letter(2).users
        ),
    )
    assert solve(idle, "admm").objective == pytest.approx(solve(idle).objective, rel=1e-6)


def test_balancing_moves_each_block_towards_equal_residuals() -> None:
    """Copies disagree while the consensus rests, so that every penalty is doubled."""
    copies, _ = copies_and_consensus(1, 2, 0.2)
    problem = Problem(reference("letter-m2"))
    rests = starting_point("equal", problem, penalties_of(1.0, 1.0, 1.0))
    found = residuals(rests, rests, copies)
    assert balanced(rests, found).penalties == penalties_of(2.0, 2.0, 2.0)


def test_who_is_waited_for_has_a_penalty_of_its_own() -> None:
    """Beyond 8 mean w^t it grows with the multiplier, but not for who pays for a deadline."""
    copies, before = copies_and_consensus(3, 4, 0.2)
    pull = before.latency_weight * HEAVY * np.array([0.9, 2.0, 3.0, -3.0])
    told = replace(before, multipliers={**before.multipliers, SYNC: pull})
    copies["deadline"][2] = 1.0
    after = burdened(told, copies)
    weights = np.array([1.0, 2.0 * HEAVY, 1.0, 1.0])
    assert after.sync_weights == pytest.approx(weights)
    assert after.targets()["sync_penalty"] == pytest.approx(weights * before.penalties[SYNC])
    found = update_consensus(after, copies)
    asked = copies[SYNC] + pull / after.penalty(SYNC)
    assert found.sync_s == pytest.approx(np.average(asked, weights=weights))
    moved = update_multipliers(found, copies).multipliers[SYNC]
    assert moved.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"penalty": 0.0}, "penalty is 0.0, but must be a finite number > 0"),
        ({"penalty": -20}, "penalty is -20"),
        ({"penalty": float("nan")}, "penalty is nan"),
        ({"penalty": True}, "penalty is True"),
        ({"penalty": {"uplink": 1.0, "sync": 0.0, "downlink": 1.0}}, "penalty[sync] is 0.0"),
        ({"penalty": {"uplink": 1.0}}, "must have uplink, sync, downlink"),
        ({"stop": "never"}, "stop is 'never'"),
        ({"primal_tolerance": 0.0}, "primal_tolerance is 0.0"),
        ({"dual_tolerance": -1.0}, "dual_tolerance is -1.0"),
        ({"offload_tolerance": float("inf")}, "offload_tolerance is inf"),
        ({"offload_grid": 0}, "offload_grid is 0"),
        ({"max_iterations": 2.5}, "max_iterations is 2.5"),
        ({"balance": 1}, "balance is 1"),
    ],
)
def test_refuses_what_makes_no_sense(changes: dict[str, object], words: str) -> None:
    """One sentence names the option, its value and what is allowed."""
    with pytest.raises(InputError) as error:
        AdmmOptions(**changes)
    assert words in str(error.value)


def test_equal_split_is_late() -> None:
    """The equal-split sync time on letter-m4 is 0.88 s after the best one, 4.09 s."""
    assert equal_sync_s(reference("letter-m4").scaled) == pytest.approx(4.97, abs=5e-3)
