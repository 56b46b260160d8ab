"""Every rule of the verifier by itself, on data whose numbers are whole or follow by hand.

The formulas are those of docs/certificate.md. The band is 2 Hz and the signal-to-noise ratios are
1 and 3, so that the logarithm of the whole band cancels: s(1) = 1/2 and s̄(1) = 1/4 s/bit.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.verify import Verified, verify
from eipyomo.verify.intervals import Ball, flint, is_negative, lower, precision, rounded_down
from eipyomo.verify.names import problems
from eipyomo.verify.reading import (
    Branch,
    Cell,
    Certificate,
    Domain,
    Multipliers,
    Node,
    Proof,
    Row,
    is_limited,
    read,
)
from eipyomo.verify.users import Link, Prices, User
from eipyomo.verify.walk import Walk
from tests.certificates import by_hand

USER: dict[str, Any] = {
    "name": "a",
    "channel_gain": 0.25,
    "task_bits": 4.0,
    "transmit_power_w": 2.0,
    "receive_power_w": 3.0,
    "noise_density_w_per_hz": 0.125,
    "max_frequency_hz": 2.0,
    "energy_coefficient": 0.125,
    "energy_weight": 2.0,
    "latency_weight": 5.0,
    "previous_download_s": 1.0,
    "local_training_s": 2.0,
    "local_training_j": 7.0,
}
DATA: dict[str, Any] = {
    "bandwidth_hz": 2.0,
    "model_bits": 8.0,
    "cycles_per_bit": 3.0,
    "server": {"transmit_power_w": 3.0, "frequency_hz": 4.0, "noise_density_w_per_hz": 0.25},
}
LIMITED = {"deadline_s": 30.0, "energy_budget_j": 90.0}

EVERYTHING = Domain(edge=True, local=True, low=0.0, high=1.0)
NOTHING = Domain(edge=False, local=False, low=0.0, high=1.0)
NONE = Multipliers(0.0, 0.0, 0.0, 0.0, 0.0)
INF = math.inf


@pytest.fixture(autouse=True)
def _balls() -> Iterator[None]:
    """Compute as the verifier does."""
    with precision():
        yield


def ball(value: Any, radius: float = 0.0) -> Ball:
    """Return a ball around a number."""
    return flint().arb(value, radius)


def instance(*users: dict[str, Any], **more: Any) -> ei.Instance:
    """Return an instance of users that differ from the one above by some keys; by default one."""
    listed = [USER | {"name": f"u{j}"} | user for j, user in enumerate(users or ({},))]
    return ei.Instance.model_validate(DATA | more | {"users": listed})


def modes(*rows: dict[str, Any], **more: Any) -> ei.Instance:
    """Return an instance of one user with a list of modes."""
    listed = [{"name": f"m{k}"} | row for k, row in enumerate(rows)]
    return instance(more.pop("user", {}) | {"modes": "list"}, modes={"list": listed}, **more)


def user(of: ei.Instance, most: float | None = 1.0, **how: Any) -> User:
    """Return the first user, who may have the whole band."""
    told = {"training": False, "deadline": of.users[0].deadline_s} | how
    return User(of, of.users[0], most=None if most is None else ball(most), **told)


def prices(**other: float) -> Prices:
    """Return prices that are 0 unless told."""
    told = {key: other.get(key, 0.0) for key in Prices._fields}
    shared = {key: ball(told[key]) for key in ("uplink", "downlink", "edge")}
    return Prices(**told | shared)


def certificate(of: ei.Instance, tree: Node | None = None, **other: Any) -> Certificate:
    """Return a certificate that leaves everything open, of a tree that says nothing."""
    found = Certificate(
        problem="joint",
        training=False,
        objective="wsel",
        claim="bound",
        bound=0.0,
        split=False,
        grid=0,
        domains=(EVERYTHING,) * len(of.users),
        tree=tree or Node(0.0, INF),
    )
    return dataclasses.replace(found, **other)


def walked(of: ei.Instance, tree: Node | None = None, **other: Any) -> Walk:
    """Return the walk of such a certificate."""
    return Walk(of, certificate(of, tree, **other))


def proven(of: ei.Instance, tree: Node | None = None, **other: Any) -> float:
    """Return what such a certificate proves."""
    return walked(of, tree, **other).bound()


def row(one: Multipliers = NONE, edge: Multipliers | None = NONE) -> Row:
    """Return a user's part of a proof: a cell for all offload fractions."""
    return Row(edge, (Cell(0.0, 1.0, one),))


def leaf(
    *rows: Row, price: tuple[float, ...] = (0.0,), ray: bool = False, last: float = INF
) -> Node:
    """Return a leaf from time 0."""
    return Node(0.0, last, proof=Proof(ray, price, rows))


def exact(value: Ball) -> Any:
    """Return what a ball is equal to within the last bits of a double."""
    assert value.rad() <= 1e-25 * abs(value.mid()) + 1e-300
    return pytest.approx(float(value), rel=1e-14, abs=1e-300)


# --- intervals ------------------------------------------------------------------------------------


def test_the_lower_end_of_a_ball() -> None:
    """What is between 1 and 3 is not below 1, and what is nothing, or anything, is below all."""
    assert 1.0 - 1e-6 < float(lower(ball(2.0, 1.0))) <= 1.0
    assert lower(ball("nan")) == ball("-inf")
    assert lower(ball(0.0, INF)) == ball("-inf")


def test_rounding_down_is_never_up() -> None:
    """A third lies between two doubles; of a ball counts the lower end, of an infinite one all."""
    third = ball(1) / 3
    assert Fraction(rounded_down(third)) < Fraction(1, 3)
    assert math.nextafter(rounded_down(third), 1.0) > Fraction(1, 3)
    assert rounded_down(ball(2)) == 2.0
    assert rounded_down(-third) < Fraction(-1, 3)
    assert 1.0 - 1.2e-15 < rounded_down(ball(1.0, 1e-15)) <= 1.0 - 1e-15
    assert [rounded_down(ball(x)) for x in ("inf", "-inf", "nan")] == [INF, -INF, -INF]
    assert rounded_down(ball(0.0, INF)) == -INF


def test_a_sum_is_negative_only_if_it_surely_is() -> None:
    """Exact fractions decide where a ball does not: -2⁻⁹⁰ is below 0, and 1 - 1 is not."""
    wide = ball(0.0, 1e-9)
    assert is_negative(wide, 1.0, -1.0, -(2.0**-90))
    assert not is_negative(wide, 1.0, -1.0)
    assert not is_negative(wide, 1.0, -1.0, 2.0**-90)
    assert not is_negative(ball(0), 0.0)
    assert is_negative(ball(-1), -1.0)
    assert not is_negative(ball(1), 1.0)


def test_precision_is_as_before_when_done() -> None:
    """Inside it is 106 bits: 2⁻¹⁰⁰ beside 1 is not lost; afterwards it is what it was."""
    context = flint().ctx
    assert context.prec == 106
    context.prec = 53
    with precision():
        assert ball(1) + ball(2) ** -100 > 1
    assert context.prec == 53


# --- a link ---------------------------------------------------------------------------------------


def link(
    low: float | None = None, high: float | None = None, most: float | None = 1.0, snr: float = 1.0
) -> Link:
    """Return a link of the band of 2 Hz."""
    return Link(ball(snr), 2.0, (low, high), None if most is None else ball(most))


def steepness(share: float, snr: float = 1.0) -> float:
    """Return -s'(b) by the formula of the page."""
    ratio = snr / share
    grown = math.log1p(ratio)
    return math.log(2.0) / 2.0 * (grown - ratio / (1.0 + ratio)) / (share * grown) ** 2


def test_seconds_per_bit() -> None:
    """With g = 1: ln 2 / (2 ln 2) at the band, 3/4 at its third, ln 2 / 2 without end."""
    assert exact(link().seconds_per_bit(ball(1))) == 0.5
    assert exact(link().seconds_per_bit(ball(1) / 3)) == 0.75
    assert exact(link().seconds_per_bit(None)) == math.log(2.0) / 2.0
    assert exact(link(most=None, snr=4.0).least_seconds_per_bit) == math.log(2.0) / 8.0
    assert exact(link().least_seconds_per_bit) == 0.5


def test_the_range_of_shares() -> None:
    """The smaller of the user's largest share and the band's; none without either."""
    assert link(0.25, 0.5).least_share == 0.25
    assert link(0.25, 0.5).most_share == 0.5
    assert link(0.25, 0.5, 0.375).most_share == 0.375
    assert link(None, None, 0.375).most_share == 0.375
    assert link(None, 0.5, None).most_share == 0.5
    assert link(None, None, None).most_share is None
    assert link(None, None, None).least_share == 0


def test_the_least_that_a_link_costs() -> None:
    """In between where the price is the slope at b = 1/3 or 1/7, else at an end of the range."""
    weight = 6.0
    for share, seconds in ((1 / 3, 0.75), (1 / 7, 7 / 6)):
        price = weight * steepness(share)
        truth = weight * seconds + price * share
        assert exact(link().least(ball(weight), ball(price))) == truth
        cheap, dear = link(high=share), link(low=share)
        assert exact(cheap.least(ball(weight), ball(price / 2))) == truth - price / 2 * share
        assert exact(dear.least(ball(weight), ball(price * 2))) == truth + price * share
    assert exact(link(low=1 / 3).least(ball(0), ball(6))) == 2.0
    assert exact(link(low=1 / 3).least(ball(6), ball(0))) == 3.0
    endless = link(1 / 3, None, None).least(ball(6), ball(6))
    assert exact(endless) == 3.0 * math.log(2.0) + 2.0


def test_the_least_that_a_link_costs_is_below_all_it_may_cost() -> None:
    """Whatever the share; and of a weight that is not known exactly the lower end counts."""
    one = link(0.01, 0.9, snr=3.0)
    for weight, price in ((1e-6, 3.0), (1.0, 0.01), (7.0, 2.0), (300.0, 1e-6), (300.0, 1e6)):
        least = one.least(ball(weight), ball(price))
        for share in (ball(0.01) + (ball(0.9) - ball(0.01)) * k / 50 for k in range(51)):
            assert least <= (weight + 1e-20) * one.seconds_per_bit(share) + price * share
    wide = link(1 / 3).least(ball(6.0, 0.5), ball(1))
    assert wide <= link(1 / 3).least(ball(5.5), ball(1))
    assert wide >= link(1 / 3).least(ball(5.4999), ball(1))


@pytest.mark.parametrize(
    "u", [1e-10, 1e-8, 1e-6, 1e-4, 9.99e-4, 1.01e-3, 0.03, 0.5, 1.0, 1.6, 3.0, 9.0, 40.0]
)
def test_the_guess_is_where_the_minimum_is(u: float) -> None:
    """At the share g / (eᵘ - 1) whose slope is the price, which is computed here in balls."""
    big = ball(u)
    ratio = big.expm1()
    share = ball(3) / ratio
    unit = ball(2).log() / 2
    price = 5 * unit * (big - ratio / (1 + ratio)) / (share * big) ** 2
    found = link(most=1e12, snr=3.0)._guess(5.0, float(price))
    assert found == pytest.approx(float(share), rel=1e-10)


def test_the_guess_is_in_the_range() -> None:
    """At its ends where the price is too high or too low, and at its upper one without a need."""
    one = link(0.2, 0.6)
    assert one._guess(1.0, 1e9) == 0.2
    assert one._guess(1.0, 1e-9) == 0.6
    assert one._guess(0.0, 1.0) == 0.6
    assert Link(ball(1), 1e20, (0.2, 0.6), ball(1))._guess(1e-310, 1.0) == 0.6  # too small a double


# --- a user ---------------------------------------------------------------------------------------

MANY = Multipliers(local=9.0, ready=2.0, sync=1.5, deadline=3.0, energy=0.25)
TOTALS = {"energy": 0.75, "latency": 4.0}
PENALTIES = {"sitting_out": 11.0, "penalty": 6.0}


def by_formula(
    needs: dict[str, float],
    one: Multipliers,
    weighted: bool,
    follows: bool = False,
    previous: float = 1.0,
) -> float:
    """Return G at t = 0 as the page has it, all shares and frequencies at their largest."""
    energy = (2.0 if weighted else 0.0) + one.energy + TOTALS["energy"]
    latency = (5.0 if weighted else 0.0) + one.deadline + TOTALS["latency"]
    update, offload, download = needs["update"], needs["offload"], needs["download"]
    cost = energy * needs["training"] - latency * previous - one.deadline * 30.0 - one.energy * 90.0
    uplink = (energy * 2.0 + one.ready) * (update + offload) + one.sync * update
    cost += (uplink + (one.local * offload if follows else 0.0)) / 2.0
    cost += (energy * 3.0 + one.local) * download / 4.0
    cost += (one.local if follows else latency - one.local) * needs["edge"] / 4.0
    cost += needs["local"] * (energy * 0.125 * 4.0 + one.local / 2.0)
    cost += (one.ready + one.sync) * needs["start"]
    cost += ((1.0 if weighted else 0.0) + PENALTIES["penalty"]) * needs["penalty"]
    return cost + (PENALTIES["sitting_out"] if update == 0 else 0.0)


@pytest.mark.parametrize("weighted", [True, False])
def test_the_lagrangian_is_that_of_the_page(weighted: bool) -> None:
    """At ι = 1/4 with download, ι = 1 without: D = 8, L = 4, C = 3, ready at 4 + 2."""
    one = user(instance(LIMITED | {"previous_download_s": 4.0}))
    own = {"update": 8.0, "start": 6.0, "training": 7.0, "penalty": 0.0}
    many = MANY if weighted else MANY._replace(local=5.0)
    with_download = own | {"offload": 1.0, "download": 8.0, "local": 9.0, "edge": 3.0}
    without = own | {"offload": 4.0, "download": 0.0, "local": 0.0, "edge": 12.0}
    for offload, download, needs, mu in (
        (0.25, True, with_download, many),
        (1.0, False, without, many._replace(local=0.0)),
    ):
        price = prices(**TOTALS, **PENALTIES)
        line = one.lagrangian(one.needs(ball(offload), download), mu, price, weighted)
        assert exact(line.cost) == by_formula(needs, mu, weighted, previous=4.0)
        assert line.slope == (5.0 if weighted else 0.0) + 3.0 + 4.0 - 2.0 - 1.5


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("follows", [True, False])
def test_the_lagrangian_of_a_mode(weighted: bool, follows: bool) -> None:
    """Each need in its place; in sequence μ weighs what is sent and served."""
    of = modes(
        {
            "update_bits": 6.0,
            "offload_bits": 10.0,
            "download_bits": 5.0,
            "local_cycles": 14.0,
            "edge_cycles": 16.0,
            "training_s": 0.5,
            "training_j": 3.0,
            "penalty": -2.0,
            "in_sequence": follows,
        },
        user=LIMITED,
    )
    one = user(of)
    needs = {"update": 6.0, "offload": 10.0, "download": 5.0, "local": 14.0, "edge": 16.0}
    needs |= {"start": 1.5, "training": 3.0, "penalty": -2.0}
    many = MANY._replace(local=9.0 if weighted else 5.0, ready=0.0 if follows else 2.0)
    line = one.lagrangian(one.modes[0], many, prices(**TOTALS, **PENALTIES), weighted)
    assert exact(line.cost) == by_formula(needs, many, weighted, follows)


def test_who_sends_no_update_pays_for_it() -> None:
    """By the price of sitting out, and for what it offloads all the same."""
    one = user(modes({"update_bits": 0.0, "offload_bits": 10.0, "penalty": 2.0}, user=LIMITED))
    needs = {"update": 0.0, "offload": 10.0, "download": 0.0, "local": 0.0, "edge": 30.0}
    needs |= {"start": 3.0, "training": 7.0, "penalty": 2.0}
    many = MANY._replace(sync=0.0)
    line = one.lagrangian(one.modes[0], many, prices(**TOTALS, **PENALTIES), weighted=True)
    assert exact(line.cost) == by_formula(needs, many, weighted=True)


def test_prices_of_what_is_shared() -> None:
    """Where K = 0 the least shares are paid; on b̄ only where there is a download."""
    box = {"min_uplink_share": 0.25, "min_downlink_share": 0.5}
    one = user(instance(box | {"energy_weight": 0.0}))
    price = prices(uplink=8.0, downlink=6.0)
    none = NONE
    here = one.lagrangian(one.needs(ball(0), download=True), none, price, weighted=True)
    away = one.lagrangian(one.needs(ball(0), download=False), none, price, weighted=True)
    assert exact(here.cost) == 8.0 * 0.25 + 6.0 * 0.5 - 5.0
    assert exact(away.cost) == 8.0 * 0.25 - 5.0


@pytest.mark.parametrize(
    ("row", "needs"),
    [
        ({}, (8.0, 0.0, 8.0, 12.0, 0.0)),
        ({"offload_bits": 3.0}, (8.0, 3.0, 8.0, 3.0, 9.0)),
        ({"offload_bits": 4.0}, (8.0, 4.0, 0.0, 0.0, 12.0)),
        ({"offload_bits": 9.0}, (8.0, 9.0, 0.0, 0.0, 27.0)),
        ({"edge_cycles": 2.0}, (8.0, 0.0, 8.0, 10.0, 2.0)),
        ({"edge_cycles": 0.0, "offload_bits": 4.0}, (8.0, 4.0, 8.0, 12.0, 0.0)),
        ({"local_cycles": 0.0}, (8.0, 0.0, 0.0, 0.0, 0.0)),
        ({"local_cycles": 0.5}, (8.0, 0.0, 8.0, 0.5, 0.0)),
        ({"local_cycles": 5.0, "download_bits": 0.0}, (8.0, 0.0, 0.0, 5.0, 0.0)),
        ({"local_cycles": 0.0, "download_bits": 2.0}, (8.0, 0.0, 2.0, 0.0, 0.0)),
        ({"update_bits": 0.0}, (0.0, 0.0, 8.0, 12.0, 0.0)),
    ],
)
def test_what_a_mode_leaves_out(row: dict[str, float], needs: tuple[float, ...]) -> None:
    """D, o, m, c and e by the table of the page, with D = 8, C = 3, L = 4."""
    one = user(modes(row)).modes[0]
    found = (one.update, one.offload, one.download, one.local, one.edge)
    assert tuple(map(float, found)) == needs
    assert (float(one.start), float(one.training), float(one.penalty)) == (3.0, 7.0, 0.0)


@pytest.mark.parametrize(
    ("here", "there", "follows"),
    [
        ({"download_bits": 2.0, "local_cycles": 0.0}, {"offload_bits": 1.0}, True),
        ({"download_bits": 0.0, "local_cycles": 2.0}, {"edge_cycles": 1.0}, True),
        ({"download_bits": 0.0, "local_cycles": 0.0}, {"offload_bits": 1.0}, False),
        ({"download_bits": 2.0, "local_cycles": 2.0}, {"edge_cycles": 0.0}, False),
        ({"local_cycles": 1.0}, {"offload_bits": 1.0, "edge_cycles": 0.0}, True),
    ],
)
def test_which_modes_are_in_sequence(
    here: dict[str, float], there: dict[str, float], follows: bool
) -> None:
    """Those that say so, and have something on both sides."""
    told = user(modes(here | there | {"in_sequence": True}, here | there))
    assert [one.in_sequence for one in told.modes] == [follows, False]
    assert not told.needs(ball(1), download=True).in_sequence


def test_without_download_nothing_is_computed_by_the_user() -> None:
    """Whatever is offloaded: no work, no model."""
    one = user(instance()).needs(ball(0.25), download=False)
    assert [one.update, one.offload, one.download, one.local, one.edge] == [8, 1, 0, 0, 3]


def test_a_training_round_has_no_task() -> None:
    """Everybody downloads the model and sends its update, and that is all."""
    of = modes({"offload_bits": 3.0, "download_bits": 0.0, "in_sequence": True, "update_bits": 5.0})
    one = user(of, training=True).modes[0]
    found = (one.update, one.offload, one.download, one.local, one.edge)
    assert tuple(map(float, found)) == (5.0, 0.0, 8.0, 0.0, 0.0)
    assert not one.in_sequence
    plain = user(instance(), training=True).needs(ball(0.5), download=True)
    assert [plain.offload, plain.local, plain.edge] == [0, 0, 0]


def check(one: User, of: Multipliers, price: Prices, weighted: bool = True) -> None:
    """Compute G, if the multipliers may be so."""
    one.lagrangian(one.needs(ball(0.5), download=True), of, price, weighted)


def test_multipliers_of_delays_sum_to_no_more_than_their_weight() -> None:
    """μ + ν2 = w^t + δ + π_T is the most: 4 + 6 = 5 + 3 + 2; the next double is refused."""
    one = user(instance(LIMITED))
    most, price = Multipliers(4.0, 6.0, 0.0, 3.0, 0.0), prices(latency=2.0)
    check(one, most, price)
    for key, value in (("local", 4.0), ("ready", 6.0)):
        with pytest.raises(ei.InputError, match="sum to more"):
            check(one, most._replace(**{key: math.nextafter(value, 9.0)}), price)
    for changed in (most._replace(deadline=2.5), most._replace(local=4.5)):
        with pytest.raises(ei.InputError, match="sum to more"):
            check(one, changed, price)
    with pytest.raises(ei.InputError, match="sum to more"):
        check(one, most, prices(latency=1.5))
    with pytest.raises(ei.InputError, match="sum to more"):
        check(one, most, price, weighted=False)
    check(one, Multipliers(2.0, 3.0, 0.0, 3.0, 0.0), price, weighted=False)


def test_a_multiplier_of_a_limit_needs_the_limit() -> None:
    """δ without a deadline, and ε without an energy budget, are refused."""
    late, spent = NONE._replace(deadline=1.0), NONE._replace(energy=1.0)
    timed, thrifty = instance({"deadline_s": 30.0}), instance({"energy_budget_j": 90.0})
    for of, fits, other in ((timed, late, spent), (thrifty, spent, late)):
        check(user(of), fits, prices())
        with pytest.raises(ei.InputError, match="a limit that is not there"):
            check(user(of), other, prices())


def test_a_multiplier_of_an_upload_needs_the_upload() -> None:
    """η needs an update, ν2 anything that is sent and waits for no computation."""
    sent = {"update_bits": 0.0, "offload_bits": 1.0, "local_cycles": 1.0}
    follows, same = sent | {"in_sequence": True}, {"offload_bits": 8.0}
    one = user(modes({}, sent, {"update_bits": 0.0}, follows, same))
    ready, sync = NONE._replace(ready=1.0), NONE._replace(sync=1.0)
    refused = [(one.modes[k], sync) for k in (1, 2, 3)] + [(one.modes[k], ready) for k in (2, 3)]
    for needs, of in [
        (one.modes[0], ready),
        (one.modes[0], sync),
        (one.modes[1], ready),
        (one.modes[4], ready),
    ]:
        one.lagrangian(needs, of, prices(), weighted=True)
    for needs, of in refused:
        with pytest.raises(ei.InputError, match="an upload that is not there"):
            one.lagrangian(needs, of, prices(), weighted=True)


def test_a_line_falls_if_its_slope_is_negative() -> None:
    """W - ν2 - η = 5 - 3 - 2 does not, and the next double does."""
    one = user(instance())
    flat = Multipliers(9.0, 3.0, 2.0, 0.0, 0.0)
    assert not one.falls(flat, prices(), weighted=True)
    assert one.falls(flat._replace(sync=math.nextafter(2.0, 3.0)), prices(), weighted=True)
    assert one.falls(flat, prices(), weighted=False)
    assert not one.falls(flat, prices(latency=5.0), weighted=False)


def test_the_least_that_the_edge_costs() -> None:
    """Of a/f + ρf, f ≤ 4: at 4 where a ≥ 16ρ, 2 √(aρ) below, and nothing where both are 0."""
    one = user(instance())
    for weight, price, least in (
        (64.0, 1.0, 20.0),
        (16.0, 1.0, 8.0),
        (9.0, 1.0, 6.0),
        (1.0, 4.0, 4.0),
        (8.0, 0.0, 2.0),
        (0.0, 3.0, 0.0),
        (0.0, 0.0, 0.0),
        (1.0, 0.5, 2.0**0.5),
        (0.25, 4.0, 2.0),
    ):
        assert exact(one._least_at_edge(ball(weight), ball(price))) == least


def test_a_weight_at_the_edge_that_is_hardly_above_zero() -> None:
    """With μ = w^t and δ = 1e-40, W - μ is lost beside W in 106 bits: 0 is below it."""
    one = user(instance({"deadline_s": 30.0}))
    assert one._least_at_edge(ball(0.0, 1e-30), ball(3)) == 0
    price = prices(edge=0.5)
    for deadline in (0.0, 1e-40):
        many = Multipliers(5.0, 0.0, 0.0, deadline, 0.0)
        line = one.lagrangian(one.needs(ball(1), download=True), many, price, weighted=True)
        assert exact(line.cost) == 14.0 - 5.0 + 2.0 * 2.0 * 12.0 / 2.0 + (6.0 + 5.0) * 8.0 / 4.0


def test_the_least_that_a_cycle_costs() -> None:
    """Of c f² + μ/f, f ≤ 2: at 2 where μ ≥ 16c, 3 c^⅓ (μ/2)^⅔ below, and μ/2 where c = 0."""
    one = user(instance())
    for cpu, local, least in (
        (1.0, 40.0, 24.0),
        (1.0, 16.0, 12.0),
        (1.0, 2.0, 3.0),
        (8.0, 2.0, 6.0),
        (1.0, 0.25, 0.75),
        (0.0, 3.0, 1.5),
        (4.0, 0.0, 0.0),
        (27.0, 16.0, 36.0),
        (0.001, 0.002, 0.003),
        (1.0, 14.0, 3.0 * 7.0 ** (2 / 3)),
    ):
        assert exact(one._least_per_cycle(ball(cpu), ball(local))) == least
    faster = user(instance({"max_frequency_hz": 3.0}))
    assert exact(faster._least_per_cycle(ball(1), ball(60))) == 29.0


# --- waiting, and uploads that do not fit ---------------------------------------------------------


def test_what_waiting_costs() -> None:
    """2 (7 + 2·8·s(1)) + 5 (t - 1) = 45 at t = 3; of modes the cheapest that is open."""
    assert exact(user(instance()).least_cost_from(ball(3))) == 30.0 + 10.0
    sits = {"update_bits": 0.0, "training_j": 5.0}
    rows: list[dict[str, Any]] = [{"update_bits": 2.0, "penalty": 1.0}, sits, {}]
    assert exact(user(modes(*rows)).least_cost_from(ball(3))) == 10.0 + 10.0
    closed = user(modes(*rows), closed=frozenset({1}))
    assert exact(closed.least_cost_from(ball(3))) == 2.0 * (7.0 + 2.0) + 1.0 + 10.0


def test_who_is_late() -> None:
    """Ready at 3, the update takes 4 s with the band: it is not late at 7, and is just before."""
    one = user(instance())
    assert one._is_late(ball(1), ball(6.99))
    assert not one._is_late(ball(1), ball(7.01))
    assert one._is_late(ball(1) / 3, ball(8.99))
    assert not one._is_late(ball(1) / 3, ball(9.01))
    listed = user(modes({"update_bits": 2.0}, {"update_bits": 6.0, "training_s": 0.0}))
    assert listed._is_late(ball(1), ball(3.99))
    assert not listed._is_late(ball(1), ball(4.01))
    assert not user(modes({}, {"update_bits": 0.0}))._is_late(ball(1), ball(0))


def test_the_share_that_an_upload_needs() -> None:
    """By 9 s a third of the band, 3 + 8·3/4; by 7 s all of it; earlier, no share is enough."""
    one, wide = user(instance()), user(instance(), most=None)
    assert share(one, 9.0) == pytest.approx(1 / 3, rel=1e-12)
    assert share(one, 9.0) < Fraction(1, 3)
    assert one.share_by(ball(6.99)) is None
    assert share(user(instance({"min_uplink_share": 0.75})), 9.0) == 0.75
    assert share(user(modes({}, {"update_bits": 0.0})), 9.0) < 1e-90
    assert wide.share_by(ball(3.0 + 4.0 * math.log(2.0) - 1e-9)) is None
    assert share(wide, 7.0) == pytest.approx(1.0, rel=1e-12)
    assert share(wide, 6.0) == pytest.approx(wide_share(3.0 / 8.0), rel=1e-12)


def share(one: User, t: float) -> float:
    """Return a share that is too small to upload before a time."""
    found = one.share_by(ball(t))
    assert found is not None
    return float(found)


def wide_share(seconds: float) -> float:
    """Return b with s(b) = ln 2 / (2 b ln(1 + 1/b)) by bisection; s falls in b."""
    low, high = 1e-3, 1e3
    for _ in range(200):
        middle = math.sqrt(low * high)
        if math.log(2.0) / (2.0 * middle * math.log1p(1.0 / middle)) > seconds:
            low = middle
        else:
            high = middle
    return low


# --- budgets --------------------------------------------------------------------------------------

GHZ, MHZ = 10**9, 10**6


def budgets(of: ei.Instance, **other: Any) -> list[tuple[str, float, Fraction]]:
    """Return the budgets of a certificate."""
    found = walked(of, **other)._budgets
    return [(one.kind, float(one.capacity), one.unit_cost) for one in found]


def test_which_budgets_there_are() -> None:
    """The table of the page, in its order."""
    band = ("band", 1.0, Fraction(0))
    assert budgets(instance()) == [band]
    assert budgets(instance(), split=True) == [("band", 0.5, Fraction(0))] * 2
    totals = {"total_energy_budget_j": 6.0, "total_latency_budget_s": 5.0}
    shared = DATA["server"] | {"total_frequency_hz": 3e9}
    of = instance(server=shared, **totals)
    energy, latency = ("energy", 6.0, Fraction(0)), ("latency", 5.0, Fraction(0))
    edge = ("edge_frequency", 3.0, Fraction(0))
    assert budgets(of) == [band, edge, energy, latency]
    assert budgets(of, training=True) == [band, energy, latency]
    listed = modes({}, min_participants=1, total_penalty_budget=4.0)
    assert budgets(listed) == [band, ("sitting_out", 0.0, 0), ("penalty", 4.0, 0)]
    assert budgets(modes({}, total_penalty_budget=4.0)) == [band, ("penalty", 4.0, 0)]
    assert budgets(instance(min_participants=1, total_penalty_budget=4.0)) == [band]
    both = instance({"modes": "m"}, {}, {}, modes={"m": [{"name": "x"}]}, min_participants=1)
    assert budgets(both) == [band, ("sitting_out", 2.0, 0)]


def test_budgets_of_what_is_minimised() -> None:
    """The band claimed, in MHz of 2 Hz, or a million times the band; and all of every server."""
    cost = Fraction(2, MHZ)
    of: dict[str, Any] = {"objective": "band"}
    assert budgets(instance(), **of, bound=3.0) == [("band", 1.5e6, cost)]
    assert budgets(instance(), **of, bound=3.0, split=True) == [("band", 7.5e5, 2 * cost)] * 2
    assert budgets(instance(), **of, bound=0.5) == [("band", 2.5e5, cost)]
    for bound in (None, 0.0, -1.0):
        assert budgets(instance(), **of, bound=bound) == [("band", 1e6, cost)]
    assert walked(instance(), **of, bound=3.0)._users[0].uplink.most_share == 1.5e6
    two = instance({}, {}, server=DATA["server"] | {"total_frequency_hz": 3e9})
    edge = ("edge_frequency", 8e-9, Fraction(1))
    assert budgets(two, objective="edge_frequency")[1:] == [edge]
    with pytest.raises(ei.InputError, match="no task is served"):
        walked(two, objective="edge_frequency", training=True)


def test_deadlines_of_the_slowest() -> None:
    """The smaller of the user's own and the bound claimed, which is a deadline there alone."""
    of = instance({"deadline_s": 9.0}, {})

    def told(**other: Any) -> list[float | None]:
        found = [one.deadline for one in walked(of, **other)._users]
        return [None if one is None else float(one) for one in found]

    assert told(bound=4.0) == [9.0, None]
    assert told(bound=4.0, objective="slowest") == [4.0, 4.0]
    assert told(bound=12.0, objective="slowest") == [9.0, 12.0]
    assert told(bound=None, claim="infeasible", objective="slowest") == [9.0, None]


def test_prices_that_users_see() -> None:
    """By kind, 0 for what is not there; those of the halves in order, that of the edge per GHz."""
    shared = DATA["server"] | {"total_frequency_hz": 3e9}
    of = instance(server=shared, total_energy_budget_j=6.0, total_latency_budget_s=5.0)
    seen = walked(of)._prices(Proof(False, (2.0, 3.0, 4.0, 5.0), ()))
    assert seen == prices(uplink=2.0, downlink=2.0, energy=4.0, latency=5.0)._replace(
        edge=seen.edge
    )
    assert exact(seen.edge) == 3e-9
    halves = walked(instance(), split=True)._prices(Proof(False, (2.0, 3.0), ()))
    assert (halves.uplink, halves.downlink) == (2, 3)
    assert halves[2:] == (0, 0.0, 0.0, 0.0, 0.0)
    listed = walked(modes({}, min_participants=1, total_penalty_budget=4.0))
    assert listed._prices(Proof(False, (1.0, 8.0, 9.0), ()))[5:] == (8.0, 9.0)


def test_what_is_paid_for_budgets() -> None:
    """Price times capacity, but not of what is minimised, unless in a ray."""
    of = instance(total_energy_budget_j=6.0, total_latency_budget_s=5.0)
    assert walked(of)._paid(Proof(False, (2.0, 3.0, 4.0), ())) == 2.0 + 18.0 + 20.0
    least = walked(of, objective="band", bound=3.0)
    assert least._paid(Proof(False, (1e-6, 3.0, 4.0), ())) == 38.0
    assert least._paid(Proof(True, (2.0, 3.0, 4.0), ())) == 2.0 * 1.5e6 + 38.0
    for size in (2, 4):
        with pytest.raises(ei.InputError, match="right length"):
            walked(of)._paid(Proof(False, (1.0,) * size, ()))


def test_prices_of_what_is_minimised_are_no_more_than_it_costs() -> None:
    """All of the band of 2⁻¹⁹ MHz costs that, and a GHz one; the next double is refused."""
    wide = instance(bandwidth_hz=MHZ / 2**19)
    least = 2.0**-19
    fits: list[tuple[ei.Instance, dict[str, Any], tuple[float, ...]]] = [
        (wide, {"objective": "band", "bound": 1.0}, (least,)),
        (wide, {"objective": "band", "bound": 1.0, "split": True}, (least, least)),
        (wide, {"objective": "edge_frequency"}, (9.0, 1.0)),
    ]
    for of, how, price in fits:
        walked(of, **how)._paid(Proof(False, price, ()))
        dear = (*price[:-1], math.nextafter(price[-1], 9.0))
        with pytest.raises(ei.InputError, match="above what a unit costs"):
            walked(of, **how)._paid(Proof(False, dear, ()))
        walked(of, **how)._paid(Proof(True, dear, ()))


# --- a leaf ---------------------------------------------------------------------------------------

WAITS = Multipliers(local=0.0, ready=0.0, sync=5.0, deadline=0.0, energy=0.0)
"""With η = W a user's value is the same at all times."""


def test_a_leaf_of_one_user() -> None:
    """2·7 - 5·1 + (2·2·12 + 5·8)/2 + 5·12/4 + 5·3 = 83 without download, of uplink price 0."""
    alone = Domain(edge=True, local=False, low=0.0, high=1.0)
    found = proven(instance(), leaf(row(edge=WAITS)), domains=(alone,))
    assert found == pytest.approx(14.0 - 5.0 + 44.0 + 15.0 + 15.0, rel=1e-14)


def test_a_leaf_sums_over_users_and_pays_for_budgets() -> None:
    """Twice the same user, less price times capacity of the totals."""
    alone = Domain(edge=True, local=False, low=0.0, high=1.0)
    two = instance({}, {})
    one = row(edge=WAITS)
    assert proven(two, leaf(one, one), domains=(alone,) * 2) == pytest.approx(166.0, rel=1e-14)
    spent = two.replace(total_energy_budget_j=6.0)
    walk_of = walked(spent, leaf(one, one, price=(0.0, 1.0)), domains=(alone,) * 2)
    more = 7.0 + 2.0 * 12.0 / 2.0
    assert walk_of.bound() == pytest.approx(2.0 * (83.0 + more) - 6.0, rel=1e-14)
    assert (walk_of.leaves, walk_of.cells) == (1, 2)


def test_a_leaf_takes_the_lower_of_its_ends() -> None:
    """Without multipliers the value grows by 5 a second, with η = 8 it falls by 3."""
    alone = Domain(edge=True, local=False, low=0.0, high=1.0)

    def values(sync: float, last: float, first: float = 0.0) -> float:
        one = Multipliers(0.0, 0.0, sync, 0.0, 0.0)
        tree = Node(first, last, proof=Proof(False, (0.0,), (row(edge=one),)))
        return float(walked(instance(), tree, domains=(alone,))._node(tree, first, last, [alone]))

    at_start = 14.0 - 5.0 + 48.0 / 2.0 + 15.0
    assert values(0.0, 10.0) == pytest.approx(at_start)
    assert values(0.0, INF) == pytest.approx(at_start)
    assert values(0.0, 10.0, first=2.0) == pytest.approx(at_start + 10.0)
    falling = at_start + 8.0 * 8.0 / 2.0 + 8.0 * 3.0
    assert values(8.0, 10.0) == pytest.approx(falling - 30.0)
    assert values(8.0, 10.0, first=2.0) == pytest.approx(falling - 30.0)
    assert values(8.0, INF) == -INF
    assert values(5.0, INF) > 0.0


def test_one_user_that_falls_is_enough_for_nothing_in_an_endless_leaf() -> None:
    """Whoever it is, and in whichever cell; a leaf that ends may fall."""
    falls = Multipliers(0.0, 0.0, 6.0, 0.0, 0.0)
    two = instance({}, {})
    assert proven(two, leaf(row(), row())) > -INF
    for rows in ((row(), row(falls)), (row(edge=falls), row())):
        assert proven(two, leaf(*rows)) == -INF
        assert proven(two, leaf(*rows, last=9.0)) > -INF
    listed = modes({}, {})
    part = (Domain(False, True, 0, 1, modes=2),)
    cells = [(Cell(0, 0, one), Cell(1, 1, other)) for one, other in ((NONE, falls), (falls, NONE))]
    for pair in cells:
        assert proven(listed, leaf(Row(None, pair)), domains=part) == -INF
        assert proven(listed, leaf(Row(None, pair), last=9.0), domains=part) > -INF
    both = (Cell(0, 0, NONE), Cell(1, 1, NONE))
    assert proven(listed, leaf(Row(None, both)), domains=part) > -INF


def test_a_ray_proves_what_is_above_zero() -> None:
    """With δ = ν2 = 1 it is 8 s(1) + 3 - 1 - T = 6 - T: who is ready at 3 takes 6 s at least."""
    late = Multipliers(0.0, 1.0, 0.0, 1.0, 0.0)
    for deadline, truth in ((5.999, INF), (6.0, -INF), (6.001, -INF)):
        of = instance({"deadline_s": deadline})
        tree = leaf(row(late, late), ray=True)
        assert proven(of, tree, claim="infeasible", bound=None) == truth
    zero = proven(instance(), leaf(row(), ray=True), claim="infeasible", bound=None)
    assert zero == -INF


def test_a_ray_has_no_weights() -> None:
    """What users pay by their weights, 40 and more, is no proof that nothing is feasible."""
    assert proven(instance(), leaf(row(WAITS, WAITS))) > 0.0
    with pytest.raises(ei.InputError, match="sum to more"):
        proven(instance(), leaf(row(NONE._replace(local=1.0)), ray=True))
    assert proven(instance(), leaf(row(), ray=True)) == -INF
    assert proven(instance({"local_training_j": 1e9}), leaf(row(), ray=True)) == -INF


def test_the_lowest_of_all_that_is_open_counts() -> None:
    """Of both ends of each cell, and of no download; a decision that is closed does not count."""
    of = instance({"energy_coefficient": 0.0})
    local = NONE._replace(local=4.0)

    def value(domain: Domain, **other: Any) -> float:
        return proven(of, leaf(Row(NONE, (Cell(0.0, 1.0, local),))), domains=(domain,), **other)

    base = 14.0 - 5.0
    away = base + 2.0 * 2.0 * 12.0 / 2.0 + 5.0 * 12.0 / 4.0
    download = (2.0 * 3.0 + 4.0) * 8.0 / 4.0
    none = base + 2.0 * 2.0 * 8.0 / 2.0 + download + 12.0 * 4.0 / 2.0
    whole = base + 2.0 * 2.0 * 12.0 / 2.0 + download + 1.0 * 12.0 / 4.0
    assert value(Domain(True, False, 0.0, 1.0)) == pytest.approx(away, rel=1e-14)
    assert value(Domain(False, True, 0.0, 1.0)) == pytest.approx(min(none, whole), rel=1e-14)
    assert value(EVERYTHING) == pytest.approx(min(none, whole, away), rel=1e-14)
    cells = (Cell(0.0, 0.5, local), Cell(0.5, 1.0, NONE._replace(local=0.0)))
    found = proven(of, leaf(Row(None, cells)), domains=(Domain(False, True, 0.0, 1.0),))
    rest = base + 24.0 + 2.0 * 3.0 * 8.0 / 4.0 + 5.0 * 12.0 / 4.0
    half = base + 20.0 + 12.0 + 5.0 * 6.0 / 4.0
    assert found == pytest.approx(min(none, half, rest), rel=1e-14)


def test_offload_fractions_of_a_grid_count_its_points() -> None:
    """The point 1 of 4 is ι = 1/4: 9 + 2·2·9/2 + 12 + 5·3/4."""
    one = (Domain(False, True, 1.0, 1.0),)
    tree = leaf(Row(None, (Cell(1.0, 1.0, NONE),)))
    truth = 9.0 + 18.0 + 12.0 + 15.0 / 4.0
    assert proven(instance(), tree, domains=one, grid=4) == pytest.approx(truth, rel=1e-14)


def test_a_leaf_has_what_is_open() -> None:
    """No download needs multipliers, and every open mode; those of a closed one are no matter."""
    with pytest.raises(ei.InputError, match="edge is missing"):
        proven(instance(), leaf(row(edge=None)))
    listed, cells = modes({}, {"penalty": -50.0}), (Cell(0, 0, NONE),)
    with pytest.raises(ei.InputError, match="a mode is missing"):
        proven(listed, leaf(Row(None, cells)), domains=(Domain(False, True, 0, 1, modes=2),))
    closed = Domain(False, True, 0, 1, modes=2, closed=frozenset({1}))
    both = (*cells, Cell(1, 1, NONE))
    for found in (cells, both):
        one = walked(listed, leaf(Row(None, found)), domains=(closed,))
        assert one.bound() == pytest.approx(9.0 + 16.0 + 12.0, rel=1e-14)
        assert (one.leaves, one.cells) == (1, 1)
    open_ = (Domain(False, True, 0, 1, modes=2),)
    assert proven(listed, leaf(Row(None, both)), domains=open_) == pytest.approx(37.0 - 50.0)


COVERS = [
    ([(0.0, 1.0)], True),
    ([(0.0, 0.5), (0.5, 1.0)], True),
    ([(0.5, 1.0), (0.0, 0.5)], True),
    ([(0.0, 1.0), (0.25, 0.5)], True),
    ([(0.0, 0.75), (0.25, 1.0)], True),
    ([(0.25, 0.25), (0.0, 1.0)], True),
    ([(0.0, 0.5), (0.5 + 2.0**-53, 1.0)], False),
    ([(0.0, 1.0 - 2.0**-53)], False),
    ([(2.0**-60, 1.0)], False),
    ([(0.0, 0.25), (0.75, 1.0)], False),
    ([(0.0, 0.25), (0.5, 0.625), (0.25, 0.375), (0.625, 1.0)], False),
    ([], False),
    ([(0.5, 0.0), (0.0, 1.0)], False),
    ([(0.0, 1.5)], False),
]


@pytest.mark.parametrize(("cells", "fits"), COVERS)
def test_cells_leave_no_offload_fraction_out(cells: list[tuple[float, float]], fits: bool) -> None:
    """They overlap or touch, in whichever order, and are within 0 and 1."""
    one = walked(instance())
    found = Row(None, tuple(Cell(low, high, NONE) for low, high in cells))
    if fits:
        one._check_cover(found, EVERYTHING)
        return
    with pytest.raises(ei.InputError, match="broken"):
        one._check_cover(found, EVERYTHING)


@pytest.mark.parametrize(
    ("cells", "ends", "fits"),
    [
        ([(0.0, 4.0)], (0.0, 4.0), True),
        ([(0.0, 1.0), (2.0, 2.0), (3.0, 4.0)], (0.0, 4.0), True),
        ([(0.0, 1.0), (3.0, 4.0)], (0.0, 4.0), False),
        ([(2.0, 2.0)], (2.0, 2.0), True),
        ([(1.0, 1.0)], (2.0, 2.0), False),
        ([(3.0, 4.0)], (2.0, 4.0), False),
        ([(1.0, 3.0)], (2.0, 3.0), True),
        ([(0.0, 3.0)], (2.0, 4.0), False),
        ([(0.0, 3.5), (3.5, 4.0)], (0.0, 4.0), False),
        ([(0.0, 5.0)], (0.0, 4.0), False),
    ],
)
def test_cells_leave_no_point_of_a_grid_out(
    cells: list[tuple[float, float]], ends: tuple[float, float], fits: bool
) -> None:
    """Of one of 4 the next cell may begin a point later; all ends are whole."""
    one, domain = walked(instance(), grid=4), Domain(False, True, *ends)
    found = Row(None, tuple(Cell(low, high, NONE) for low, high in cells))
    if fits:
        one._check_cover(found, domain)
        return
    with pytest.raises(ei.InputError, match="broken"):
        one._check_cover(found, domain)


def test_a_single_offload_fraction_needs_a_cell_too() -> None:
    """ι = 1/2 alone, without a grid."""
    one, domain = walked(instance()), Domain(False, True, 0.5, 0.5)
    one._check_cover(Row(None, (Cell(0.5, 0.5, NONE),)), domain)
    one._check_cover(Row(None, (Cell(0.25, 0.5, NONE),)), domain)
    for cells in ((), (Cell(0.0, 0.25, NONE),), (Cell(0.75, 1.0, NONE),)):
        with pytest.raises(ei.InputError, match="leave offload fractions open"):
            one._check_cover(Row(None, cells), domain)


# --- the tree -------------------------------------------------------------------------------------


def node(one: Walk, tree: Node, *domains: Domain, first: float = 0.0, last: float = INF) -> float:
    """Return what a node proves."""
    return float(one._node(tree, first, last, list(domains or one._certificate.domains)))


def test_where_nothing_is_left_there_is_nothing_to_prove() -> None:
    """One user without a decision is enough, whatever is below."""
    one = walked(instance({}, {}))
    wrong = Node(3.0, 2.0, parts=())
    assert node(one, wrong, EVERYTHING, NOTHING) == INF
    assert node(one, wrong, NOTHING, EVERYTHING) == INF
    with pytest.raises(ei.InputError, match="do not fit"):
        node(one, wrong, EVERYTHING, EVERYTHING)


def test_a_domain_is_empty_if_nothing_is_left() -> None:
    """Neither a = 0 nor an ι, nor a mode that is open."""
    assert NOTHING.empty
    assert Domain(False, True, 0.5, 0.25).empty
    assert Domain(False, True, 0, 1, modes=2, closed=frozenset({0, 1})).empty
    assert Domain(False, True, 1, 0, modes=2).empty
    for some in (LOCAL, EDGE, Domain(True, True, 0.5, 0.25)):
        assert not some.empty
    assert not Domain(False, True, 0, 1, modes=2, closed=frozenset({0})).empty


def test_a_node_has_the_times_of_its_place() -> None:
    """Both ends."""
    one = walked(instance())
    assert node(one, Node(2.0, 5.0), first=2.0, last=5.0) == pytest.approx(35.0)
    for first, last in ((2.0, 4.0), (3.0, 5.0), (2.0, INF)):
        with pytest.raises(ei.InputError, match="do not fit"):
            node(one, Node(2.0, 5.0), first=first, last=last)


def test_a_node_that_says_nothing_has_its_time_in_it() -> None:
    """A deadline 3 s after the previous download at 1 may be met at 4, and not later than that."""
    one = walked(instance({"deadline_s": 3.0}))
    assert node(one, Node(4.0, INF), first=4.0) == pytest.approx(30.0 + 15.0)
    assert node(one, Node(4.5, INF), first=4.5) == INF


def test_after_the_end_of_the_tree_deadlines_are_missed() -> None:
    """At 4 the deadline may be met, after it no more; the total of latencies alike; at 3, neither.

    Two users wait 2 · (4 - 1) s.
    """
    for of in (
        instance({"deadline_s": 3.0}, {}),
        instance({}, {"deadline_s": 3.0}),
        instance({}, {}, total_latency_budget_s=6.0),
    ):
        one = walked(of)
        assert float(one._least_cost_after(4.0)) == INF
        assert float(one._least_cost_from(4.0, open_=False)) == pytest.approx(90.0)
        assert float(one._least_cost_from(4.5, open_=False)) == INF
        assert float(one._least_cost_after(3.5)) == pytest.approx(85.0)
    assert float(walked(instance())._least_cost_after(INF)) == INF
    assert float(walked(instance(), objective="band")._least_cost_after(4.0)) == 0.0


def test_waiting_counts_from_the_previous_download() -> None:
    """Which differ: (9 - 1) + (9 - 5) s."""
    of = instance({}, {"previous_download_s": 5.0}, total_latency_budget_s=12.0)
    assert float(walked(of)._least_cost_after(9.0)) == INF
    assert float(walked(of)._least_cost_after(8.75)) < INF


def test_parts_follow_one_another() -> None:
    """From the begin of the node to its end; the lowest counts, and one may be a single time."""
    one = walked(instance())

    def found(*parts: tuple[float, float], last: float = 8.0) -> float:
        nodes = tuple(Node(*part) for part in parts)
        return node(one, Node(2.0, last, parts=nodes), first=2.0, last=last)

    assert found((2.0, 8.0)) == pytest.approx(35.0)
    assert found((2.0, 4.0), (4.0, 8.0)) == pytest.approx(35.0)
    assert found((2.0, 4.0), (4.0, 4.0), (4.0, 8.0)) == pytest.approx(35.0)
    assert found((2.0, 2.0), (2.0, 8.0)) == pytest.approx(35.0)
    for parts in (
        (),
        ((2.0, 4.0),),
        ((2.0, 4.0), (5.0, 8.0)),
        ((3.0, 8.0),),
        ((2.0, 9.0),),
        ((2.0, 9.0), (9.0, 8.0)),
        ((2.0, 1.0), (1.0, 8.0)),
        ((2.0, 4.0), (3.0, 8.0)),
    ):
        with pytest.raises(ei.InputError, match="broken"):
            found(*parts)


def test_leaves_and_cells_are_counted() -> None:
    """Two leaves, each with one end of no download and two of a cell; and a mode for each user."""
    proof = Proof(False, (0.0,), (row(),))
    one = walked(
        instance(),
        Node(0.0, INF, parts=(Node(0.0, 5.0, proof=proof), Node(5.0, INF, proof=proof))),
    )
    one.bound()
    assert (one.leaves, one.cells) == (2, 6)
    of = instance({"modes": "m"}, {"modes": "m"}, modes={"m": [{"name": "x"}]})
    proof = Proof(False, (0.0,), (Row(None, (Cell(0, 0, NONE),)),) * 2)
    domains = (Domain(False, True, 0, 0, modes=1),) * 2
    one = walked(of, Node(0.0, INF, proof=proof), domains=domains)
    one.bound()
    assert (one.leaves, one.cells) == (1, 2)


def test_the_lower_of_two_sides_counts() -> None:
    """Deadlines make one side infinite by its times; a side that is open pays."""
    one = walked(instance({"deadline_s": 3.0}))
    late, early = Node(4.5, INF), Node(4.0, 4.5)
    tree = Node(4.0, INF, parts=(early, late))
    assert node(one, tree, first=4.0) == pytest.approx(45.0)
    alone = Domain(edge=True, local=False, low=0.0, high=1.0)
    nothing = Node(2.0, 5.0)
    broken = Node(2.0, 5.0, parts=())
    with pytest.raises(ei.InputError, match="leave sync times open"):
        node(one, Node(2.0, 5.0, branch=Branch(0, 0.5, nothing, broken)), first=2.0, last=5.0)
    # Below a threshold there is no more "no download", so that the lower side is empty.
    tree = Node(2.0, 5.0, branch=Branch(0, 0.5, broken, nothing))
    assert node(one, tree, alone, first=2.0, last=5.0) == pytest.approx(35.0)


def sides(one: Walk, user: int, threshold: float) -> list[list[Domain]]:
    """Return the domains on both sides of a branch, as the nodes below get them."""
    seen = []

    def record(_: Node, first: float, last: float, domains: list[Domain]) -> Ball:
        del first, last
        seen.append(domains)
        return ball(0)

    one._node = record  # type: ignore[method-assign,assignment]
    one._branch(
        Node(0.0, INF),
        Branch(user, threshold, Node(0.0, INF), Node(0.0, INF)),
        list(one._certificate.domains),
    )
    return seen


def test_a_branch_leaves_nothing_out() -> None:
    """Below: download with ι up to the threshold; above: from it on, or no download."""
    low, high = sides(walked(instance()), 0, 0.25)
    assert low == [Domain(False, True, 0.0, 0.25)]
    assert high == [Domain(True, True, 0.25, 1.0)]
    for threshold in (1.0, 1.5):
        low, high = sides(walked(instance()), 0, threshold)
        assert low == [Domain(False, True, 0.0, 1.0)]
        assert high == [Domain(True, False, 0.0, 1.0)]


def test_a_branch_of_a_grid() -> None:
    """Points up to 1 are below 1 or 1.5, those from 2 above; and above 4 of 4 is no download."""
    for threshold in (1.0, 1.5):
        low, high = sides(
            walked(instance(), grid=4, domains=(Domain(True, True, 0, 4),)), 0, threshold
        )
        assert low == [Domain(False, True, 0, threshold)]
        assert high == [Domain(True, True, 2, 4)]
    _, high = sides(walked(instance(), grid=4, domains=(Domain(True, True, 0, 4),)), 0, 4.0)
    assert high == [Domain(True, False, 0, 4)]


def test_a_branch_of_modes() -> None:
    """Those up to the threshold, and the others; what is closed stays closed."""
    shut = frozenset({2})
    whole = Domain(False, True, 0, 3, modes=4, closed=shut)
    one = walked(modes({}, {}, {}, {}), domains=(whole,))
    for threshold in (1.0, 1.5):
        low, high = sides(one, 0, threshold)[-2:]
        assert [k for (domain,) in (low, high) for k in domain.left] == [0, 1, 3]
        assert (low[0].left, high[0].left) == ([0, 1], [3])
    listed = walked(modes({}, {}, {}), domains=(Domain(False, True, 0, 2, modes=3),))
    for threshold in (0.0, 0.5):
        assert [domain.left for (domain,) in sides(listed, 0, threshold)[-2:]] == [[0], [1, 2]]
    assert [domain.empty for (domain,) in sides(listed, 0, 2.0)[-2:]] == [False, True]


def test_a_branch_narrows_what_is_narrow_already() -> None:
    """A threshold outside of a domain leaves one side empty and the other as it is."""
    narrow = Domain(True, True, 0.5, 0.75)
    low, high = sides(walked(instance(), domains=(narrow,)), 0, 0.25)
    assert low[0].empty
    assert high == [narrow]
    low, high = sides(walked(instance(), domains=(narrow,)), 0, 0.8)
    assert low == [Domain(False, True, 0.5, 0.75)]
    assert not high[0].computes


def test_users_that_are_alike_are_kept_in_order() -> None:
    """Who is before one loses what it loses below, who is after it what it loses above."""
    lost_above, lost_below = Domain(True, True, 0.25, 1.0), Domain(False, True, 0.0, 0.25)
    low, high = sides(walked(instance({}, {}, {})), 1, 0.25)
    assert low == [lost_below, lost_below, EVERYTHING]
    assert high == [EVERYTHING, lost_above, lost_above]
    low, high = sides(walked(instance({}, {"task_bits": 5.0}, {})), 0, 0.25)
    assert low == [lost_below, EVERYTHING, EVERYTHING]
    assert high == [lost_above, EVERYTHING, lost_above]
    other = Domain(True, True, 0.0, 0.5)
    low, high = sides(walked(instance({}, {}), domains=(EVERYTHING, other)), 0, 0.25)
    assert (low[1], high[1]) == (other, other)


def test_weights_tell_users_apart_where_they_count() -> None:
    """That is, for a bound on wsel alone."""
    of = instance({}, {"energy_weight": 3.0}, {}, {"latency_weight": 4.0})
    assert walked(of)._same == [0, 1, 0, 3]
    assert walked(of, claim="infeasible")._same == [0, 0, 0, 0]
    assert walked(of, objective="band")._same == [0, 0, 0, 0]
    assert walked(instance({}, {"task_bits": 3.0}), objective="band")._same == [0, 1]


# --- the whole ------------------------------------------------------------------------------------


def test_before_the_tree_the_uploads_must_not_fit() -> None:
    """By 9 s two users need 2/3 of the band, three users all of it: not before 9 - 1/100."""

    def nothing(users: int, first: float, **other: Any) -> bool:
        return walked(instance(*({},) * users), **other)._nothing_before(first)

    assert nothing(1, 0.0)
    assert nothing(1, -1.0)
    assert nothing(1, 6.99)
    assert not nothing(1, 7.01)
    assert not nothing(2, 9.0)
    assert nothing(3, 8.99)
    assert not nothing(3, 9.01)
    assert nothing(2, 9.0, split=True)
    halves = {"min_uplink_share": 0.5}
    assert not walked(instance(halves, halves))._nothing_before(9.0)
    assert walked(instance(halves, halves, {}))._nothing_before(9.0)
    sits = modes({}, {"update_bits": 0.0})
    domains = (Domain(False, True, 0, 1, modes=2),)
    assert walked(sits, domains=domains)._nothing_before(0.0)
    assert not walked(sits, domains=domains)._nothing_before(1e-9)
    closed = (Domain(False, True, 0, 1, modes=2, closed=frozenset({1})),)
    assert walked(sits, domains=closed)._nothing_before(6.99)
    assert proven(instance(), Node(6.99, INF)) == pytest.approx(30.0 + 5.0 * 5.99)
    assert proven(instance(), Node(7.01, INF)) == -INF


def test_a_bound_is_the_lowest_of_the_tree_and_of_what_is_after_it() -> None:
    """A tree up to 3 s that proves 83 leaves what waiting costs: 30 + 5 (3 - 1) = 40."""
    alone = (Domain(edge=True, local=False, low=0.0, high=1.0),)
    for last, truth in ((3.0, 40.0), (9.0, 70.0), (20.0, 83.0), (INF, 83.0)):
        tree = leaf(row(edge=WAITS), last=last)
        assert proven(instance(), tree, domains=alone) == pytest.approx(truth, rel=1e-14)


def test_a_claim_of_infeasibility_proves_that_or_nothing() -> None:
    """A tree that proves 40 does not prove it."""
    told = {"claim": "infeasible", "bound": None}
    assert proven(instance(), Node(0.0, INF), **told) == -INF
    assert proven(instance({"deadline_s": 3.0}), Node(4.5, INF), **told) == INF


def test_the_bound_on_the_slowest() -> None:
    """The one claimed if nobody can be in time, else nothing but that none is below 0.

    An update is ready at 3 and sent at 7 at the earliest, 6 s after the previous download.
    """
    of = instance()
    told: dict[str, Any] = {"objective": "slowest"}
    assert proven(of, Node(6.99, INF), bound=5.5, **told) == 5.5
    assert proven(of, Node(6.99, INF), bound=6.5, **told) == 0.0
    assert proven(of, leaf(row()), bound=5.5, **told) == 0.0
    assert node(walked(of, bound=5.5, **told), leaf(row())) == -INF
    listed = instance(
        {"modes": "m"}, {"modes": "m", "previous_download_s": 0.5}, modes={"m": [{"name": "x"}]}
    )
    domains = (Domain(False, True, 0, 0, modes=1),) * 2
    tree = Node(0.0, INF)
    assert proven(listed, tree, bound=9.0, domains=domains, **told) == -0.5
    assert walked(listed, domains=domains)._floor() == 0.0
    some = instance({"modes": "m"}, {}, modes={"m": [{"name": "x"}]})
    assert walked(some, domains=(domains[0], EVERYTHING), **told)._floor() == -1.0


def test_the_bound_on_the_band_is_no_more_than_the_one_claimed() -> None:
    """Who has more than that is not looked at; and it is never below 0."""
    of = instance({"deadline_s": 3.0})
    tree, told = Node(4.5, INF), {"objective": "band"}
    assert proven(of, tree, bound=1e-9, **told) == 1e-9
    assert proven(of, tree, bound=-3.0, **told) == 0.0
    assert proven(instance(), Node(0.0, INF), bound=1e-9, **told) == 0.0
    assert proven(of, tree, bound=None, claim="infeasible", **told) == INF
    assert proven(of, tree, bound=1.0, objective="edge_frequency") == INF
    assert proven(instance(), Node(0.0, INF), objective="edge_frequency") == 0.0


def test_prices_of_what_is_minimised_give_the_least() -> None:
    """A third of the band sends the update in 8·3/4 s, and 3 Hz serve the task in 12/3 s."""
    price = 2.0 / MHZ
    hurry = price / 8.0 / steepness(1 / 3)
    many = Multipliers(0.0, hurry, 0.0, hurry, 0.0)
    tree, of = leaf(row(many, many), price=(price,)), instance({"deadline_s": 8.0})
    found = proven(of, tree, objective="band", bound=1.0)
    assert found == pytest.approx(price / 3.0, rel=1e-12)
    assert proven(of, tree, objective="band", bound=price / 4.0) == price / 4.0
    hurry = 9.0 / 12.0 / GHZ
    many = Multipliers(0.0, hurry, 0.0, hurry, 0.0)
    tree, alone = leaf(row(many, many), price=(0.0, 1.0)), (Domain(True, False, 0.0, 1.0),)
    of = instance({"deadline_s": 12.0})
    found = proven(of, tree, objective="edge_frequency", domains=alone, bound=1.0)
    assert found == pytest.approx(3.0 / GHZ, rel=1e-12)


# --- which problem it is --------------------------------------------------------------------------

LOCAL, EDGE = Domain(False, True, 0.0, 0.0), Domain(True, False, 0.0, 1.0)


def named(of: ei.Instance, *domains: Domain, **other: Any) -> tuple[str, ...]:
    """Return the problems that some domains make; those of the first user, if it is one."""
    rows = domains if len(domains) > 1 else domains * len(of.users)
    return problems(of, certificate(of, domains=rows, **other))


@pytest.mark.parametrize(
    ("domain", "other", "name"),
    [
        (EVERYTHING, {}, "joint"),
        (EVERYTHING, {"split": True}, "gbe"),
        (Domain(True, True, 0.0, 5.0), {"grid": 5}, "grid:0.2"),
        (Domain(True, True, 0.0, 3.0), {"grid": 3}, "grid:0.333333"),
        (Domain(True, True, 0.0, 5.0), {"grid": 5, "split": True}, "restricted"),
        (EVERYTHING, {"grid": 5}, "restricted"),
        (LOCAL, {}, "lco"),
        (LOCAL, {"grid": 5}, "lco"),
        (LOCAL, {"split": True}, "restricted"),
        (EDGE, {}, "eco"),
        (Domain(True, False, 0.0, 5.0), {"grid": 5}, "eco"),
        (Domain(True, True, 0.5, 0.25), {}, "eco"),
        (EDGE, {"split": True}, "restricted"),
        (Domain(False, True, 0.0, 1.0), {}, "restricted"),
        (Domain(True, True, 0.25, 1.0), {}, "restricted"),
        (Domain(True, True, 0.0, 0.75), {}, "restricted"),
        (Domain(False, True, 0.0, 0.5), {"training": True}, "training"),
        (Domain(False, True, 0.0, 0.5), {"training": True, "split": True}, "gbe training"),
        (Domain(False, True, 0.5, 0.0), {"training": True}, "restricted"),
        (NOTHING, {"training": True}, "restricted"),
    ],
)
def test_decisions_make_a_problem(domain: Domain, other: dict[str, Any], name: str) -> None:
    """The table of the page; a single user whose domain is another makes it restricted."""
    assert named(instance({}, {}), domain, **other) == (name,)
    odd = NOTHING if domain.computes else EVERYTHING
    assert named(instance({}, {}), domain, odd, **other) == ("restricted",)
    assert named(instance({}, {}), odd, domain, **other) == ("restricted",)


@pytest.mark.parametrize(
    ("limits", "grid", "domain", "found"),
    [
        ({"download": "always"}, 0, Domain(False, True, 0.0, 1.0), ("joint", "restricted")),
        ({"download": "never"}, 0, EDGE, ("joint", "eco", "restricted")),
        ({"download": "never"}, 0, NOTHING, ("lco", "restricted")),
        ({"download": "always"}, 0, NOTHING, ("eco", "restricted")),
        ({"download": "free"}, 0, EVERYTHING, ("joint",)),
        ({"max_offload_fraction": 0.5}, 0, Domain(False, True, 0.0, 0.5), ("joint", "restricted")),
        ({"max_offload_fraction": 0.5}, 0, Domain(True, True, 0.0, 0.5), ("restricted",)),
        ({"max_offload_fraction": 1.0}, 0, EVERYTHING, ("joint",)),
        ({"min_offload_fraction": 0.25}, 0, Domain(True, True, 0.25, 1.0), ("joint", "restricted")),
        ({"min_offload_fraction": 0.25}, 0, EVERYTHING, ("restricted",)),
        ({"min_offload_fraction": 0.25}, 0, NOTHING, ("lco", "restricted")),
        ({"min_offload_fraction": 0.25}, 0, LOCAL, ("restricted",)),
        ({"min_offload_fraction": 0.0}, 0, EVERYTHING, ("joint",)),
        (
            {"min_offload_fraction": 0.25, "max_offload_fraction": 0.7},
            5,
            Domain(False, True, 2.0, 3.0),
            ("grid:0.2", "restricted"),
        ),
        (
            {"min_offload_fraction": 0.07, "max_offload_fraction": 0.57},
            100,
            Domain(False, True, 7.0, 57.0),
            ("grid:0.01", "restricted"),
        ),
    ],
)
def test_what_data_leave_of_a_problem(
    limits: dict[str, Any], grid: int, domain: Domain, found: tuple[str, ...]
) -> None:
    """Less than it is still the problem, and may be called restricted.

    In doubles 0.07 · 100 is above 7, and 0.57 · 100 below 57.
    """
    assert named(instance(limits), domain, grid=grid) == found
    whole = Domain(True, True, 0.0, float(grid or 1))
    if found[0] in ("joint", "grid:0.2", "grid:0.01"):
        both = tuple(name for name in found if name != "eco")
        assert named(instance({}, limits), whole, domain, grid=grid) == both


def test_decisions_on_modes_make_a_problem() -> None:
    """The problem `lco` closes what sends or serves a part of the task, `eco` what is done here."""
    rows: list[dict[str, Any]] = [
        {},
        {"offload_bits": 4.0},
        {"edge_cycles": 1.0, "local_cycles": 11.0},
        {"edge_cycles": 0.0, "offload_bits": 1.0, "local_cycles": 0.5},
        {"download_bits": 2.0, "local_cycles": 0.0},
        {"download_bits": 0.0, "local_cycles": 0.5},
    ]
    of = modes(*rows)

    def left(*closed: int, **other: Any) -> tuple[str, ...]:
        return named(of, Domain(False, True, 0, 5, modes=6, closed=frozenset(closed)), **other)

    assert left() == ("joint",)
    assert left(split=True) == ("gbe",)
    assert left(1, 2, 3) == ("lco",)
    assert left(0, 2, 3, 4, 5) == ("eco",)
    for closed in ((1, 2), (1, 3), (2, 3), (0,), (0, 2, 3, 4), (0, 2, 3, 5), (2, 3, 4, 5)):
        assert left(*closed) == ("restricted",)
    assert left(grid=5) == ("restricted",)
    assert left(1, 2, 3, grid=5) == ("restricted",)
    assert left(training=True) == ("training",)
    assert left(1, training=True) == ("restricted",)
    assert named(of, Domain(False, True, 1, 1, modes=6)) == ("eco",)


# --- what is read ---------------------------------------------------------------------------------

OLD = "eipyomo/certificate@1"


@cache
def with_modes() -> ei.Instance:
    """Return an instance of a user without modes and one with two."""
    return instance({}, {"modes": "m"}, modes={"m": [{"name": "x"}, {"name": "y"}]})


def written() -> dict[str, Any]:
    """Return a document that has all kinds of nodes, rows and domains."""
    rows = [
        {"edge": [2.0, 3.0, 4.0, 5.0], "local": [[0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]]},
        {"modes": [[1, 1.0, 2.0, 3.0, 4.0, 5.0], [0, 0.0, 0.0, 0.0, 0.0, 0.0]]},
    ]
    other = [{"edge": None, "local": []}, {"modes": []}]
    nothing = {"first_s": 1.0, "last_s": 2.0}
    proof = {"ray": False, "prices": [7.0], "users": rows}
    high = nothing | {"proof": {"ray": True, "prices": [], "users": other}}
    branch = {"user": 1, "threshold": 0.5, "low": nothing, "high": high}
    parts = [nothing | {"branch": branch}, {"first_s": 2.0, "last_s": None, "proof": proof}]
    plain = {"edge": True, "local": False, "offload_min": 0.25, "offload_max": 1}
    return {
        "schema": "eipyomo/certificate@2",
        "instance": with_modes().digest(),
        "problem": "restricted",
        "round": "inference",
        "objective": "band",
        "claim": "bound",
        "bound": 3,
        "split_band": True,
        "grid": 0,
        "domains": [plain, {"modes": [0, 1], "closed": [1]}],
        "tree": {"first_s": 1.0, "last_s": None, "parts": parts},
    }


ROWS = ("tree", "parts", 1, "proof", "users")
"""Where the rows of its last proof are."""


def copied(document: Any) -> Any:
    """Return it as read from its file."""
    return json.loads(json.dumps(document))


def test_a_document_is_read() -> None:
    """Every place of it."""
    many = Multipliers(1.0, 2.0, 3.0, 4.0, 5.0)
    rows = (
        Row(many._replace(local=0.0), (Cell(0.0, 0.5, many),)),
        Row(None, (Cell(1, 1, many), Cell(0, 0, NONE))),
    )
    ray = Proof(True, (), (Row(None, ()), Row(None, ())))
    low, high = Node(1.0, 2.0), Node(1.0, 2.0, proof=ray)
    first = Node(1.0, 2.0, branch=Branch(1, 0.5, low, high))
    last = Node(2.0, INF, proof=Proof(False, (7.0,), rows))
    whole = Certificate(
        problem="restricted",
        training=False,
        objective="band",
        claim="bound",
        bound=3.0,
        split=True,
        grid=0,
        domains=(
            Domain(True, False, 0.25, 1.0),
            Domain(False, True, 0, 1, modes=2, closed=frozenset({1})),
        ),
        tree=Node(1.0, INF, parts=(first, last)),
    )
    assert read(with_modes(), copied(written())) == whole
    unlike = written() | {"claim": "infeasible", "bound": None, "round": "training"}
    unlike["domains"][0]["edge"] = False
    unlike["domains"][1].pop("closed")
    found = read(with_modes(), copied(unlike))
    assert (found.claim, found.bound, found.training) == ("infeasible", None, True)
    assert found.domains[1] == Domain(False, True, 0, 1, modes=2)


def old(of: ei.Instance) -> dict[str, Any]:
    """Return a document of version 1."""
    row = {"edge": [2.0, 3.0], "local": [[0.0, 1.0, 1.0, 2.0, 3.0]]}
    proof = {"prices": [7.0], "users": [row]}
    return {
        "schema": OLD,
        "instance": of.digest(),
        "problem": "joint",
        "round": "inference",
        "bound": 3.0,
        "split_band": False,
        "grid": 0,
        "domains": [{"edge": True, "local": True, "offload_min": 0.0, "offload_max": 1.0}],
        "tree": {"first_s": 1.0, "last_s": 2.0, "proof": proof},
    }


def test_a_document_of_version_1_is_read() -> None:
    """As what it says in the words of version 2: no ray, no multipliers of limits, an end."""
    many = Multipliers(1.0, 2.0, 3.0, 0.0, 0.0)
    found = read(instance(), copied(old(instance())))
    rows = (Row(many._replace(local=0.0), (Cell(0.0, 1.0, many),)),)
    tree = Node(1.0, 2.0, proof=Proof(False, (7.0,), rows))
    assert found == certificate(instance(), tree, bound=3.0)
    with pytest.raises(ei.InputError, match="last_s is no finite number"):
        read(instance(), old(instance()) | {"tree": {"first_s": 1.0, "last_s": None}})


def test_a_document_of_version_1_knows_no_limits() -> None:
    """Of users, or of all; "free" is none."""
    for of in (
        instance({"deadline_s": 9.0}),
        instance({"download": "never"}),
        instance(total_energy_budget_j=9.0),
        instance(total_latency_budget_s=9.0),
    ):
        assert is_limited(of)
        with pytest.raises(ei.InputError, match="knows no limits"):
            read(of, old(of))
    for of in (instance(), instance({"download": "free"}), instance({"download": "free"}, {})):
        assert not is_limited(of)
    assert is_limited(instance({}, {"energy_budget_j": 3.0}))


Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Iterate over all values of a document."""
    yield path, value
    inner: Any = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inner:
        yield from places(one, (*path, key))


def put(path: Path, value: Any, of: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the document with another value in a place."""
    document: dict[str, Any] = copied(of or written())
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def refused(document: Any, match: str = "broken") -> None:
    """Check that a document is refused."""
    with pytest.raises(ei.InputError, match=match):
        read(with_modes(), document)


def test_every_key_is_there_and_no_other() -> None:
    """At every level; only "closed" may be left out, and a node may say nothing."""
    free = ("closed", "parts", "branch", "proof", "schema")
    for path, value in [*places(written())][1:]:
        if isinstance(value, dict):
            refused(put((*path, "more"), 1.0), "unknown key 'more'")
            for key in value:
                if key not in free:
                    refused(put(path, {k: v for k, v in value.items() if k != key}), "missing")
    for key in written():
        refused({k: v for k, v in written().items() if k != key}, f"{key} is missing")
    refused(written() | {"more": 1.0}, "unknown key 'more'")
    nothing: Any = {"first_s": 1.0, "last_s": 2.0}
    for kind, other in (("parts", "branch"), ("parts", "proof"), ("branch", "proof")):
        refused(put(("tree",), nothing | {kind: [], other: []}), f"unknown key '{other}'")


WRONG: dict[type, list[Any]] = {
    bool: [1, 0, 1.0, "1", [], {}, None],
    int: [True, "1", [1], {}, None, math.nan, INF, 1.0001e300, -1.0001e300],
    float: [True, "1", [1.0], {}, None, math.nan, INF, 1.0001e300, -1.0001e300],
    str: [True, 1.0, ["1"], {}, None],
    list: [True, 1.0, "1", {}, None],
    dict: [True, 1.0, "1", [1.0], None],
    type(None): [True, "1", [], {}],
}
"""By the type of what is right."""


def test_every_value_is_of_its_type() -> None:
    """A number is finite and no truth value, a list is a list, and an object an object."""
    for path, value in [*places(written())][1:]:
        for one in WRONG[type(value)]:
            if one is not None or path[-1] not in ("last_s", "edge") or value is True:
                refused(put(path, one), "certificate")


def test_what_is_refused_of_the_whole() -> None:
    """Words and claims that there are not, and a training round without download."""
    refused([written()], "schema is missing")
    refused(put(("schema",), "eipyomo/certificate@3"), "schema is 'eipyomo/certificate@3'")
    refused(put(("instance",), instance().digest()), "another instance")
    for key, value in (("round", "last"), ("objective", "energy"), ("claim", "optimal")):
        refused(put((key,), value), f"{key} is '{value}', but must be one of")
    refused(put(("claim",), "infeasible"), "bound is not null")
    refused(put(("bound",), None), "bound is no finite number")
    refused(put(("round",), "training"), "a training round needs every download")
    assert read(with_modes(), put(("tree", "first_s"), -1e300)).tree.first == -1e300


def test_what_is_refused_of_domains() -> None:
    """A grid has less than 10⁹ points, an offload fraction lies in [0, 1], and on a grid on it."""
    for value in (-1, 10**9):
        refused(put(("grid",), value), "grid is")
    low, high = ("domains", 0, "offload_min"), ("domains", 0, "offload_max")
    assert read(with_modes(), put(low, 3.0, put(("grid",), 10**9 - 1))).grid == 10**9 - 1
    assert read(with_modes(), put(low, 0.0)).domains[0].low == 0.0
    refused(put(low, -1e-9), r"exceeds \[0, 1\]")
    refused(put(high, 1.0 + 2.0**-52), r"exceeds \[0, 1\]")
    grid = put(low, 1.0, put(("grid",), 4))
    assert read(with_modes(), put(high, 4, grid)).domains[0].high == 4.0
    refused(put(high, 5.0, grid), r"exceeds \[0, 1\]")
    for end in (low, high):
        refused(put(end, 0.5, grid), "between points")
    for domains in ([], written()["domains"][:1], [*written()["domains"], {"modes": [0, 1]}]):
        refused(put(("domains",), domains), "domains is no list of the right length")


def test_what_is_refused_of_places() -> None:
    """Of users and of modes, from 0 to one less than there are."""
    for ends in ([0], [0, 1, 1], [0, 2], [-1, 1]):
        refused(put(("domains", 1, "modes"), ends), "modes is")
    for closed in ([2], [-1], [True]):
        refused(put(("domains", 1, "closed"), closed), "closed is")
    for number in (2, -1, 1.0):
        refused(put(("tree", "parts", 0, "branch", "user"), number), "user is")
        refused(put((*ROWS, 1, "modes", 0, 0), number), "a mode is")


def test_what_is_refused_of_a_proof() -> None:
    """Numbers below 0, rows of another length, and cells and modes that stand twice."""
    local, edge, listed = (*ROWS, 0, "local"), (*ROWS, 0, "edge"), (*ROWS, 1, "modes")
    one, other, mode = [0.0] * 7, [0.0, 1.0, *[0.0] * 5], [0, *[0.0] * 5]
    at: list[Path] = [(*local, 0, k) for k in range(7)] + [(*edge, k) for k in range(4)]
    at += [(*listed, 0, k) for k in range(1, 6)] + [(*ROWS[:-1], "prices", 0)]
    for path in at:
        refused(put(path, -1e-300), "must be >= 0")
        read(with_modes(), put(path, 0.0))
    for row in (one[1:], [*one, 0.0]):
        refused(put(local, [row]), "a cell is no list of the right length")
    for row in (one[4:], one[2:]):
        refused(put(edge, row), "edge is no list of the right length")
    for row in (mode[:5], [*mode, 0.0]):
        refused(put(listed, [row]), "a mode is no list of the right length")
    rows: list[Any] = written()["tree"]["parts"][1]["proof"]["users"]
    for users in (rows[:0], rows[:1], rows * 2):
        refused(put(ROWS, users), "users of a proof is no list of the right length")
    read(with_modes(), put(local, [one, other]))
    refused(put(local, [one, other, one]), "a cell stands twice")
    refused(put(listed, [mode, mode]), "a mode stands twice")


# --- what is told ---------------------------------------------------------------------------------


def told(**other: Any) -> str | None:
    """Return the doubt about what is proven."""
    found = Verified(
        bound=3.0,
        infeasible=False,
        problem="joint",
        round="inference",
        objective="wsel",
        claim="bound",
        claimed=3.0,
        claimed_problem="joint",
        leaves=1,
        cells=1,
    )
    return dataclasses.replace(found, **other).doubt


def test_which_claim_is_doubted() -> None:
    """Another problem, a bound above what is proven, or infeasibility that is not."""
    assert told() is None
    assert told(claimed=2.0) is None
    doubt = told(claimed=3.5)
    assert doubt == "the certificate claims the bound 3.5, but proves only the bound 3"
    assert told(claimed=3.5, bound=-INF) == (
        "the certificate claims the bound 3.5, but proves nothing"
    )
    assert told(claimed=math.nan) is not None
    infeasible = {"claim": "infeasible", "claimed": None}
    assert told(**infeasible) == (
        "the certificate claims that nothing is feasible, but proves only the bound 3"
    )
    assert told(**infeasible, bound=INF, infeasible=True) is None
    assert told(bound=INF, infeasible=True) is None
    assert told(claimed_problem="eco") == (
        "the certificate claims a proof for problem 'eco', but has one for 'joint'"
    )


def test_what_is_verified() -> None:
    """A tree that says nothing from 6 s on proves 30 + 5 · 5, whatever problem it is called."""
    of = instance({"download": "never"})
    edge = {"edge": True, "local": False, "offload_min": 0.0, "offload_max": 1.0}
    document = by_hand(of, [], [], claim="bound", bound=54.0, domains=[edge])
    document["tree"] = {"first_s": 6.0, "last_s": None}
    found = verify(of, document)
    assert found.bound == pytest.approx(55.0, rel=1e-14)
    assert found.bound <= 55.0
    assert not found.infeasible
    assert (found.problem, found.claimed_problem, found.doubt) == ("joint", "joint", None)
    assert (found.round, found.objective, found.claim, found.claimed) == (
        "inference", "wsel", "bound", 54.0,
    )  # fmt: skip
    assert (found.leaves, found.cells) == (0, 0)
    assert verify(of, document | {"problem": "eco"}).problem == "eco"
    other = verify(of, document | {"problem": "lco"})
    assert (other.problem, other.claimed_problem) == ("joint", "lco")
    assert other.doubt is not None
    local = edge | {"edge": False, "local": True}
    assert verify(of, document | {"round": "training", "domains": [local]}).round == "training"
    late = instance({"deadline_s": 4.0})
    document = by_hand(late, [], [])
    document["tree"] = {"first_s": 5.5, "last_s": None}
    found = verify(late, document)
    assert (found.bound, found.infeasible, found.doubt) == (INF, True, None)


def test_a_tree_that_is_too_deep_is_refused() -> None:
    """By a sentence, not by a stack that overflows."""
    tree: dict[str, Any] = {"first_s": 0.0, "last_s": None}
    for _ in range(20_000):
        tree = {"first_s": 0.0, "last_s": None, "parts": [tree]}
    document = by_hand(instance(), [], []) | {"tree": tree}
    with pytest.raises(ei.InputError, match="too deep"):
        verify(instance(), document)
    while "parts" in tree:  # whose end would overflow it too
        (tree,) = tree.pop("parts")
