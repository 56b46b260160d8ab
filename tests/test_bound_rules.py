"""The dual bound, rule by rule: each function as it is written, on numbers that follow by hand.

Kernels run without being compiled, on users whose numbers are made up, so that each term has its
own; the last tests take them compiled and compare with brute force.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.resources import Draw
from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import bounds, kernels
from eipyomo.solvers.exact.bounds import BoundLines, bound_lines
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import (
    CELL,
    DOMAIN,
    MAX_CELLS,
    NO_DOWNLOAD,
    ROUNDING,
    SOLUTION,
    UNKNOWN,
    USER,
    DualPoint,
    EdgeCost,
    Line,
    Lines,
    Multipliers,
    Share,
    Terms,
    Times,
    Value,
)
from eipyomo.solvers.exact.solutions import Decisions
from eipyomo.solvers.exact.users import link_records
from tests.allocations import random_allocation
from tests.conftest import MODES

WRITTEN = (
    "terms_of", "lagrangian_of", "lagrangian", "safely", "safe_value", "reach", "reach_both",
    "put_aside", "write_cell", "largest_gain", "value_at", "mix", "levelled", "cover_local",
    "cover", "cover_all", "cover_modes", "carried_over", "multipliers_of", "weights_at",
    "nearest_on_grid", "size_of", "added", "whole", "tangent_at", "bound_at", "bounds_of_parts",
    "reach_in_time", "proven_times",
)  # fmt: skip
"""What is called as it is written, and not compiled."""


def as_written() -> Any:
    """Return what the module of kernels has, with some functions that are not compiled.

    These call each other, and what a test puts in the place of others; the module knows nothing.
    """
    found = SimpleNamespace(**vars(kernels))
    for name in WRITTEN:
        one: Any = interpreted(getattr(kernels, name))
        setattr(found, name, FunctionType(one.__code__, vars(found), name, one.__defaults__))
    return found


plain = as_written()

AT = DualPoint(8.0, 3.0, 0.75, 0.0, 0.0, 0.0)
M = Multipliers(0.25, 0.5, 0.125)
TIMES = Times(4.0, 16.0)
NO_WEIGHTS = (0.0, 0.0, 0.0, 0.0, 0.0)

Toy = Callable[..., Any]


def records(kind: Any, count: int = 1, **values: Any) -> Any:
    """Return records whose fields are attributes, as in compiled code."""
    found = np.zeros(count, kind)
    for name, value in values.items():
        found[name] = value
    return found.view(np.recarray)


def user(**changes: Any) -> Any:
    """Return a USER record of numbers that are all different; without limits."""
    one = {
        "model_mbit": 2.0, "task_mbit": 4.0, "start_s": 1.5, "latency_weight": 1.0,
        "send_weight": 0.375, "receive_weight": 0.3, "cpu_weight": 0.05, "frequency_max_ghz": 3.0,
        "download_mbit": 1.75, "work_gigacycles": 6.0, "edge_gigacycles": 5.0, "edge_s": 0.625,
        "edge_frequency_max_ghz": 8.0, "constant": -0.7, "penalty": 0.4, "sits_out": 1.0,
        "transmit_power_w": 0.5, "receive_power_w": 0.2, "energy_coefficient": 0.1,
        "energy_weight": 0.75, "deadline_s": math.inf, "energy_left_j": math.inf,
    }  # fmt: skip
    found = records(USER, **one | changes)
    for way, snr, least, most in (("uplink", 10.0, 0.0, 0.5), ("downlink", 40.0, 0.01, 0.25)):
        found[way] = link_records(np.array([snr]), 20.0, np.array([least]), np.array([most]))
    return found[0]


# --- G, by the formula of docs/certificate.md -----------------------------------------------------


def least(cost: Callable[[float], float], low: float, high: float) -> float:
    """Return the least value of a convex function, by ternary search in the logarithm."""
    low, high = math.log(low), math.log(high)
    for _ in range(200):
        one, other = low + (high - low) / 3.0, high - (high - low) / 3.0
        if cost(math.exp(one)) < cost(math.exp(other)):
            high = other
        else:
            low = one
    return cost(math.exp(low))


def least_over_shares(weight: float, price: float, link: Any) -> float:
    """Return min over b of K s(b) + λ b, with s(b) = unit (g/b) / ln(1 + g/b)."""

    def cost(share: float) -> float:
        ratio = float(link.snr) / share
        return weight * float(link.unit_s) * ratio / math.log1p(ratio) + price * share

    if weight == 0.0:
        return price * float(link.share_min)
    return least(cost, max(float(link.share_min), 1e-9), float(link.share_max))


def by_hand(one: Any, iota: float, download: bool, m: Multipliers, at: DualPoint) -> float:
    """Return G(ι, t) term by term, as docs/certificate.md has it."""
    weight = one.latency_weight + m.deadline
    send = one.send_weight + m.energy * one.transmit_power_w
    receive = one.receive_weight + m.energy * one.receive_power_w
    cpu = one.cpu_weight + m.energy * one.energy_coefficient
    task, work = iota * one.task_mbit, iota * one.edge_gigacycles
    load = (send + m.nu2) * (one.model_mbit + task) + m.eta * one.model_mbit
    at_server = weight - m.mu
    if one.in_sequence:
        load, at_server = load + m.mu * task, m.mu
    total = one.constant + at.penalty_price * one.penalty + at.sits_out_price * one.sits_out
    total -= m.deadline * one.deadline_s if m.deadline else 0.0
    total -= m.energy * one.energy_left_j if m.energy else 0.0
    total += least_over_shares(load, at.uplink_price, one.uplink)
    most = one.edge_frequency_max_ghz
    if at_server * work * at.edge_price:
        total += least(lambda f: at_server * work / f + at.edge_price * f, 1e-6, most)
    elif work:
        total += at_server * iota * one.edge_s
    total += (m.nu2 + m.eta) * one.start_s + (weight - m.nu2 - m.eta) * at.t
    if download:
        if one.download_mbit:
            load = (receive + m.mu) * one.download_mbit
            total += least_over_shares(load, at.downlink_price, one.downlink)
        own = (1.0 - iota) * one.work_gigacycles
        total += own * least(lambda f: cpu * f**2 + m.mu / f, 1e-6, one.frequency_max_ghz)
    return float(total)


LIMITED = {"deadline_s": 9.0, "energy_left_j": 2.5}
CASES: list[tuple[dict[str, Any], Multipliers, DualPoint]] = [
    ({}, M, AT),
    ({}, Multipliers(*NO_WEIGHTS), AT),
    ({}, Multipliers(1.0, 0.0, 2.0), AT._replace(edge_price=0.03)),
    ({"edge_s": 0.625}, M, AT._replace(edge_price=0.001)),
    (LIMITED, M._replace(deadline=0.5), AT),
    (LIMITED, M._replace(energy=0.25), AT),
    (LIMITED, M._replace(deadline=0.5, energy=0.25), AT),
    ({}, M, AT._replace(penalty_price=2.0, sits_out_price=0.6)),
    ({"in_sequence": True}, Multipliers(0.25, 0.0, 0.125), AT),
    ({"in_sequence": True}, Multipliers(0.75, 0.0, 0.0), AT._replace(edge_price=0.02)),
    ({"download_mbit": 0.0}, M, AT),
    ({"download_mbit": 0.5}, M, AT),
    ({"model_mbit": 0.0}, M._replace(eta=0.0), AT),
]


@pytest.mark.parametrize("case", CASES)
def test_the_lagrangian_is_the_formula(case: tuple[Any, Multipliers, DualPoint]) -> None:
    """G is each term of docs/certificate.md, its minima searched for; slopes are differences."""
    changes, multipliers, at = case
    one, step = user(**changes), 1e-4
    for download, iota in ((True, 0.0), (True, 0.3), (True, 0.5), (True, 1.0), (False, 1.0)):
        value = plain.lagrangian(one, iota, download, multipliers, at)
        assert value.cost == pytest.approx(by_hand(one, iota, download, multipliers, at), rel=1e-9)
        later = by_hand(one, iota, download, multipliers, at._replace(t=at.t + 1.0))
        assert value.sync_slope == pytest.approx(later - value.cost, rel=1e-6, abs=1e-9)
        if 0.0 < iota < 1.0:
            more, less = (
                by_hand(one, iota + sign * step, download, multipliers, at) for sign in (1.0, -1.0)
            )
            slope = (more - less) / (2.0 * step)
            assert value.offload_slope == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_a_slope_without_a_share() -> None:
    """Where no second of sending costs, ι moves nothing but work: (W - μ) edge_s less own cost."""
    one = user(send_weight=0.0)
    value = plain.lagrangian(one, 0.5, True, Multipliers(0.25, 0.0, 0.0), AT)
    own = 6.0 * least(lambda f: 0.05 * f**2 + 0.25 / f, 1e-6, 3.0)
    assert value.uplink_share == 0.0
    assert value.offload_slope == pytest.approx(0.75 * 0.625 - own, rel=1e-9)


def test_a_user_without_weight_on_its_own_part_computes_for_nothing() -> None:
    """With μ = 0 its local branch costs no work; without download it has none, and no share."""
    assert plain.terms_of(user(), True, M._replace(mu=0.0), AT).cpu == 0.0
    without = plain.terms_of(user(), False, M, AT)
    assert (without.cpu, without.downlink_share) == (0.0, 0.0)
    assert plain.terms_of(user(download_mbit=0.0), True, M, AT).downlink_share == 0.0


def toy_share(cost: float) -> Toy:
    """Return a search for shares that finds one cost."""
    return lambda *_: Share(cost, 0.25, 7.0, 0.0)


@pytest.mark.parametrize("download", [False, True])
def test_the_size_is_that_of_all_terms(monkeypatch: pytest.MonkeyPatch, download: bool) -> None:
    """Rounding is granted to Σ |term|, each counted once; those with t are counted elsewhere."""
    monkeypatch.setattr(plain, "least_cost", toy_share(11.0))
    one = user(**LIMITED)
    m = Multipliers(0.25, 0.5, 0.125, 0.375, 0.625)
    at = DualPoint(8.0, 3.0, 0.75, 0.01, 2.0, 0.6)
    terms = plain.terms_of(one, download, m, at)
    own, limits = 2.0 * 0.4 + 0.6, 0.375 * 9.0 + 0.625 * 2.5
    size = own + 0.7 + limits + 0.625 * 1.5 + (1.375 - 0.25) * 0.625 + 3.0 * 0.5 + 2 * 0.01 * 8.0
    if download:
        assert terms.cpu > 0.0
        size += 11.0 + 0.75 * 0.25 + terms.cpu
    assert terms.size == pytest.approx(size, rel=1e-13)
    assert plain.lagrangian_of(one, 0.5, terms, at).size == pytest.approx(size + 11.0, rel=1e-13)
    assert plain.terms_of(user(constant=0.7, **LIMITED), download, m, at).size == terms.size


def test_the_lagrangian_takes_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a share, the edge and the user's own work cost are added; each with its slope in ι."""
    monkeypatch.setattr(plain, "least_cost", toy_share(11.0))
    edge = EdgeCost(0.5, 0.0625, 1.0, 0.0, 4.0)
    monkeypatch.setattr(plain, "least_edge_cost", lambda *_: edge)
    terms = Terms(2.0, 32.0, 0.125, 0.75, 0.5, 0.25, 16.0, 0.375)
    value = plain.lagrangian_of(user(), 0.25, terms, AT)
    cost, slope = 2.0 + 11.0 + 0.5 + 16.0 * 0.75, 0.5 * 4.0 * 7.0 + 0.0625 - 16.0
    assert value == Value(cost, 0.125, slope, 0.25, 0.375, 4.0, 43.0)


# --- what is granted to rounding ------------------------------------------------------------------


def test_a_safe_value_is_rounded_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lower by 64 ulps of all terms, and of W, ν2 and η each times the last t."""
    found = Value(0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 5.0)
    monkeypatch.setattr(plain, "lagrangian_of", lambda *_: found)
    m = Multipliers(16.0, 0.5, 0.125, 0.25, 32.0)
    terms = Terms(*[0.0] * 8)
    assert ROUNDING == 2.0**-46
    value = plain.safe_value(user(), 0.5, terms, m, 16.0, AT)
    assert value == -(2.0**-46) * (5.0 + (1.0 + 0.25 + 0.5 + 0.125) * 16.0)


def test_a_line_that_is_no_number_proves_nothing() -> None:
    """A cell has its range, multipliers and line; not a number is minus infinity."""
    cells = records(CELL, 2)
    m = Multipliers(1.0, 2.0, 3.0, 4.0, 5.0)
    plain.write_cell(cells[0], 0.25, 0.5, m, 6.0, 7.0)
    plain.write_cell(cells[1], 0.5, 0.75, m, math.nan, 8.0)
    assert cells[0].tolist() == (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    assert cells[1].tolist() == (0.5, 0.75, 1.0, 2.0, 3.0, 4.0, 5.0, -math.inf, 8.0)


# --- how far a cell reaches -----------------------------------------------------------------------


def reached(
    monkeypatch: pytest.MonkeyPatch, concave: Callable[[float], float], *told: float
) -> tuple[float, float, list[float]]:
    """Return what `reach` finds for a G, and where it has asked."""
    asked: list[float] = []

    def safe_value(_user: Any, iota: float, *_: Any) -> float:
        asked.append(iota)
        return concave(iota)

    monkeypatch.setattr(plain, "safe_value", safe_value)
    inside, end, step, need = told
    value, terms = safe_value(None, inside), Terms(*[0.0] * 8)
    return *plain.reach(None, M, terms, inside, value, end, step, need, 16.0, AT), asked


def falling(iota: float) -> float:
    """Return a G that falls from 1 at 0 to 0 at 1."""
    return 1.0 - iota


def rising(iota: float) -> float:
    """Return a G that rises from 0 at 0 to 1 at 1."""
    return iota


def test_a_cell_reaches_to_where_the_need_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1 - ι and ι it is known where; to 1e-9 after three chords, and never beyond."""
    x, value, asked = reached(monkeypatch, falling, 0.0, 1.0, 0.0, 0.25)
    assert 0.75 * (1.0 - 1e-8) < x < 0.75
    assert value == falling(x) > 0.25
    assert len(asked) == 5
    x, value, _ = reached(monkeypatch, rising, 1.0, 0.0, 0.0, 0.25)
    assert 0.25 < x < 0.25 * (1.0 + 1e-8)
    assert value == x


@pytest.mark.parametrize("need", [0.2, 0.5, 0.9, 0.99])
def test_a_cell_stays_where_a_concave_value_is_above(
    monkeypatch: pytest.MonkeyPatch, need: float
) -> None:
    """On a parabola each chord falls short of the need, or shows a point beyond it."""

    def parabola(iota: float) -> float:
        return 1.0 - 4.0 * (iota - 0.25) ** 2

    for end in (0.0, 1.0):
        x, value, asked = reached(monkeypatch, parabola, 0.25, end, 0.0, need)
        assert min(0.25, end) <= x <= max(0.25, end)
        assert value == parabola(x) >= need
        assert len(asked) <= 5
        beyond = 0.25 + math.copysign(math.sqrt((1.0 - need) / 4.0), end - 0.25)
        assert x == end or abs(x - 0.25) > 0.15 * abs(beyond - 0.25)


def test_a_cell_ends_on_points_of_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last point of the grid that is above the need, both ways; the last of all is 1."""
    assert reached(monkeypatch, falling, 0.0, 1.0, 0.125, 0.45)[0] == 0.5
    assert reached(monkeypatch, rising, 1.0, 0.0, 0.125, 0.45)[0] == 0.5
    step = 1.0 / 49.0
    x, *_ = reached(monkeypatch, lambda iota: 2.0 - iota, 0.0, 1.0, step, 1.0)
    assert x == 1.0


def test_a_cell_that_reaches_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a point at an end of its range, where it needs all it has, and where it has less."""
    assert reached(monkeypatch, falling, 0.5, 0.5, 0.0, 0.1) == (0.5, 0.5, [0.5])
    assert reached(monkeypatch, falling, 0.5, 1.0, 0.0, 0.75)[:2] == (0.5, 0.5)
    at = 3 * 0.2  # which is not 0.6, so that to round it up to the grid would give 0.8
    assert reached(monkeypatch, rising, at, 0.0, 0.2, at)[:2] == (at, at)
    assert reached(monkeypatch, rising, 0.5, 0.0, 0.0, 0.0)[:2] == (0.0, 0.0)
    assert reached(monkeypatch, rising, 0.5, 0.0, 0.0, -math.inf)[:2] == (0.0, 0.0)


def test_a_cell_reaches_to_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the point's safe value to both ends of a range; it proves the lower value of both."""
    told: list[Any] = []
    ends = {0.25: (0.375, 7.0), 0.75: (0.625, 5.0)}

    def reach(*given: Any) -> tuple[float, float]:
        told.append(given)
        return ends[given[5]]

    monkeypatch.setattr(plain, "reach", reach)
    one, point = user(), Value(10.0, 0.5, 0.0, 0.0, 0.0, 0.0, 6.0)
    terms, value = plain.terms_of(one, True, M, AT), plain.safely(one, point, M, 16.0)
    assert value == 10.0 - 2.0**-46 * (6.0 + (1.0 + 0.5 + 0.125) * 16.0)
    for _ in range(2):
        found = plain.reach_both(one, M, 0.5, point, 0.25, 0.75, 0.125, 3.0, 16.0, AT)
        assert found == (0.375, 0.625, 5.0)
        ends[0.25], ends[0.75] = (0.375, 5.0), (0.625, 7.0)
    assert told == [
        (one, M, terms, 0.5, value, end, 0.125, 3.0, 16.0, AT) for end in (0.25, 0.75, 0.25, 0.75)
    ]


@pytest.mark.parametrize("step", [0.0, 0.25])
def test_what_a_cell_leaves_waits(step: float) -> None:
    """Left and right of it, without the points of a grid that it holds; nothing at its own ends."""
    for left, right, expected in (
        (0.25, 0.5, [(0.0, 0.25 - step), (0.5 + step, 1.0)]),
        (0.0, 0.5, [(0.5 + step, 1.0)]),
        (0.25, 1.0, [(0.0, 0.25 - step)]),
        (0.0, 1.0, []),
    ):
        lows, highs = np.full(9, np.nan), np.full(9, np.nan)
        waiting = plain.put_aside(0.0, left, right, 1.0, step, lows, highs, 3)
        assert waiting == 3 + len(expected)
        assert list(zip(lows[3:waiting], highs[3:waiting], strict=True)) == expected
        assert np.isnan(lows[waiting:]).all()


def test_how_much_a_line_gains() -> None:
    """From t = 8 on 4 before and 8 after: the slope times -4 or 8, whichever is more."""
    gains = [plain.largest_gain(slope, TIMES, 8.0) for slope in (2.0, -2.0, 0.0)]
    assert gains == [16.0, 8.0, 0.0]


# --- how cells cover a domain ---------------------------------------------------------------------

SOLVED: dict[str, Any] = {
    "download": True, "offload_fraction": 0.25, "value": 10.0, "sync_slope": 0.5, "mu": 0.25,
    "nu2": 0.5, "eta": 0.125, "deadline": 0.0625, "energy": 0.03125,
}  # fmt: skip
"""A solution, whose multipliers are told from others by 0.25."""


def point_of(cost: float, slope: float = 0.5) -> Value:
    """Return a point of some cost and slope in t."""
    return Value(cost, slope, 0.0, 0.0, 0.0, 0.0, 0.0)


class Toys:
    """What `cover_local` asks for, with values that are told, and what it was told.

    Points cost what `cost` says of ι, slopes are 0.5 unless told, and cells reach 1/4 to each side
    while something is needed; with `points` they do not reach at all.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, cost: Callable[[float], float] = lambda _: 10.0
    ) -> None:
        self.cost, self.slope, self.far = cost, 0.5, 0.25
        self.middles: list[float] = []
        self.wanted: list[Line] = []
        self.needs: list[float] = []
        self.hints: list[Multipliers] = []
        for name in ("lagrangian", "value_at", "levelled", "reach"):
            monkeypatch.setattr(plain, name, getattr(self, name))

    def lagrangian(self, _: Any, iota: float, download: bool, m: Multipliers, _at: Any) -> Value:
        """Answer at the solution's own point."""
        assert (download, m.mu) == (True, 0.25)
        self.middles.append(iota)
        return point_of(self.cost(iota), self.slope)

    def value_at(
        self, _: Any, iota: float, download: bool, _at: Any, hint: Multipliers
    ) -> tuple[Multipliers, Value]:
        """Answer elsewhere, with other multipliers than the solution's."""
        assert download
        self.middles.append(iota)
        self.hints.append(hint)
        return Multipliers(0.75, 0.0, 0.0), point_of(self.cost(iota), self.slope)

    def levelled(self, *told: Any) -> Any:
        """Answer with what is known."""
        self.wanted.append(told[4])
        return told[3]

    def reach(self, *told: Any) -> tuple[float, float]:
        """Reach as far as is said, and prove the end of what is reached."""
        inside, end, need = told[3], told[5], told[7]
        self.needs.append(need)
        there = end if need == -math.inf else inside + math.copysign(self.far, end - inside)
        there = max(there, end) if end <= inside else min(there, end)
        return there, there


def covered(
    tolerance: float = 1.0, low: float = 0.0, high: float = 1.0, **changes: Any
) -> tuple[Any, float]:
    """Return the cells of [low, high] and the better ι of a solution, by `cover_local`."""
    cells, solution = records(CELL, MAX_CELLS), records(SOLUTION, **SOLVED | changes)[0]
    domain = records(DOMAIN, local=True, offload_min=low, offload_max=high)[0]
    count, better = plain.cover_local(user(), domain, 0.0, solution, tolerance, TIMES, AT, 0, cells)
    return cells[:count], better


def test_cells_cover_all_from_the_solution_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Around 1/4 with its own multipliers, then middles of what is left, the last range first."""
    toys = Toys(monkeypatch)
    cells, better = covered()
    assert toys.middles == [0.25, 0.75]
    assert cells["offload_min"].tolist() == [0.0, 0.5]
    assert cells["offload_max"].tolist() == [0.5, 1.0]
    assert cells["mu"].tolist() == [0.25, 0.75]
    assert cells["value"].tolist() == [0.0, 0.5]  # the lower of both ends
    assert cells["sync_slope"].tolist() == [0.5, 0.5]
    assert toys.hints == [Multipliers(0.25, 0.5, 0.125, 0.0625, 0.03125)]
    assert better == UNKNOWN


@pytest.mark.parametrize(("at", "first"), [(0.0, 0.25), (1.0, 0.25), (1.5, 0.75), (-0.5, 0.75)])
def test_a_solution_at_an_end_is_begun_with(
    monkeypatch: pytest.MonkeyPatch, at: float, first: float
) -> None:
    """Its own multipliers are taken at 0 and at 1, and not where it lies outside."""
    toys = Toys(monkeypatch)
    cells, _ = covered(offload_fraction=at)
    assert cells["mu"][0] == first
    assert toys.middles[0] == (at if first == 0.25 else 0.5)


def test_a_solution_without_download_is_not_begun_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the middle on, then of what is left of it, the right before the left."""
    toys = Toys(monkeypatch)
    cells, _ = covered(download=False)
    assert toys.middles == [0.5, 0.875, 0.125]
    assert cells["offload_min"].tolist() == [0.25, 0.75, 0.0]
    assert cells["offload_max"].tolist() == [0.75, 1.0, 0.25]


def test_what_is_better_is_told_beyond_the_tolerance(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tolerance of 1, 9 is no better than 10, but 8.5 is: that is told, and wanted."""
    costs = {0.25: 10.0, 0.75: 9.0}
    toys = Toys(monkeypatch, costs.__getitem__)
    assert covered()[1] == UNKNOWN
    assert toys.wanted == [Line(9.5, 0.5)] * 2
    assert toys.needs == [9.0, 9.0, 8.0, 8.0]  # 1 below 10; 1 below its own cost
    costs[0.75] = 8.5
    toys = Toys(monkeypatch, costs.__getitem__)
    assert covered()[1] == 0.75
    assert toys.wanted == [Line(9.5, 0.5), Line(8.0, 0.5)]
    assert toys.needs == [9.0, 9.0, 7.5, 7.5]


def test_tolerances_are_taken_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of 1/4 is wanted by a line; the need is the whole of it lower."""
    toys = Toys(monkeypatch)
    covered(0.25)
    assert toys.wanted[0] == Line(9.875, 0.5)
    assert toys.needs[0] == 9.75


def test_a_line_of_another_slope_has_to_be_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 0.5 against 0.25 a line lacks 0.25 a second, 2 in the 8 s after t; it has 13, or 11."""
    toys = Toys(monkeypatch, lambda _: 13.0)
    toys.slope = 0.25
    covered()
    assert set(toys.needs) == {10.0 + 2.0 - 1.0}
    toys = Toys(monkeypatch, lambda _: 11.0)
    toys.slope = 0.75  # and 0.25 more, 1 in the 4 s before it
    covered()
    assert set(toys.needs) == {10.0 + 1.0 - 1.0}


@pytest.mark.parametrize(("at", "count"), [(-0.5, MAX_CELLS), (-0.25, MAX_CELLS - 1)])
def test_cells_run_out_and_still_cover_all(
    monkeypatch: pytest.MonkeyPatch, at: float, count: int
) -> None:
    """With cells that are points there are as many as find room, the last as wide as is needed.

    Each leaves two ranges, but at an end: 2·127 + 1 of them, or one more. Ranges of [-1/2, 0]
    that end at 0 can be halved as often.
    """
    toys = Toys(monkeypatch)
    toys.far = 0.0
    cells, _ = covered(low=-0.5, high=0.0, offload_fraction=at)
    assert len(cells) == count
    cells.sort(order=["offload_min", "offload_max"])
    assert (cells["offload_min"][0], cells["offload_max"].max()) == (-0.5, 0.0)
    ends = np.maximum.accumulate(cells["offload_max"])
    assert (cells["offload_min"][1:] <= ends[:-1]).all()


def test_cells_begin_behind_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell of a = 0 comes first, at 2, with ι = 1 and no μ; then those with download."""
    told: list[Any] = []
    edge = Multipliers(0.0, 0.5, 0.125)

    def value_at(_: Any, iota: float, download: bool, *_rest: Any) -> Any:
        told.append((iota, download))
        return edge, point_of(12.0)

    def levelled(_: Any, iota: float, download: bool, known: Any, wanted: Line, *_rest: Any) -> Any:
        told.append((iota, download, wanted))
        return known

    monkeypatch.setattr(plain, "value_at", value_at)
    monkeypatch.setattr(plain, "levelled", levelled)
    monkeypatch.setattr(plain, "cover_local", lambda *told: (told[7] + 3, 0.5))
    solution, one = records(SOLUTION, **SOLVED)[0], user()
    for has_edge, has_local, expected in (
        (True, False, (1, UNKNOWN)),
        (False, False, (0, UNKNOWN)),
        (True, True, (4, 0.5)),
        (False, True, (3, 0.5)),
    ):
        cells = records(CELL, 9)
        domain = records(DOMAIN, edge=has_edge, local=has_local)[0]
        assert plain.cover(one, domain, 0.0, solution, 1.0, TIMES, AT, cells) == expected
        if has_edge:
            value = by_hand(one, 1.0, False, edge, AT)
            own = (NO_DOWNLOAD, NO_DOWNLOAD, *edge)
            assert cells[0].tolist()[:7] == own
            assert cells[0].value == pytest.approx(value, rel=1e-9)
            assert cells[0].sync_slope == 0.5
    assert told[:2] == [(1.0, False), (1.0, False, Line(9.5, 0.5))]


@pytest.mark.parametrize("step", [0.0, 0.1])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-1])
def test_cells_prove_what_they_say(step: float, tolerance: float) -> None:
    """Nothing is left out, and no line is above the formula at its ends, nor loses more than asked.

    Times are 7 to 9, where a line is compared with the formula at three of them.
    """
    one, times = user(), Times(7.0, 9.0)
    domain = records(DOMAIN, local=True, edge=True, offload_max=1.0)[0]
    solution = records(SOLUTION, **SOLVED)[0]
    options = [(True, 0.1 * k) for k in range(11)] + [(False, 1.0)]
    points = {
        option: plain.value_at(one, option[1], option[0], AT, kernels.NOTHING_KNOWN)
        for option in options
    }
    (download, iota), (multipliers, point) = min(points.items(), key=lambda item: item[1][1].cost)
    solution.download, solution.offload_fraction = download, iota
    solution.value, solution.sync_slope = point.cost, point.sync_slope
    for name, value in multipliers._asdict().items():
        solution[name] = value
    cells = records(CELL, MAX_CELLS)
    count, better = plain.cover(one, domain, step, solution, tolerance, times, AT, cells)
    cells = cells[:count]
    assert count >= (3 if tolerance == 1e-3 else 2)
    for cell in cells:
        m = plain.multipliers_of(cell)
        assert m.mu + m.nu2 <= 1.0 + 1e-12
        local = cell.offload_max <= 1.0
        ends = (cell.offload_min, cell.offload_max) if local else (1.0,)
        for t in (7.0, 8.0, 9.0):
            value = min(by_hand(one, x, local, m, AT._replace(t=t)) for x in ends)
            assert cell.value + cell.sync_slope * (t - 8.0) <= value + 1e-12
        assert cell.value >= point.cost - 1.0001 * tolerance or better != UNKNOWN
    own = cells[cells["offload_max"] <= 1.0]
    own.sort(order="offload_min")
    assert (own["offload_min"] <= own["offload_max"]).all()
    assert (own["offload_min"][0], own["offload_max"][-1]) == (0.0, 1.0)
    gaps = own["offload_min"][1:] - own["offload_max"][:-1]
    assert gaps.tolist() == pytest.approx([step] * len(gaps), abs=1e-12)


def test_cells_of_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mode open has one; where the multipliers carried over lack too much, its own are sought.

    With 0.5 against 0.25 a line lacks 2 in the 8 s after t: of 10 + 2 - 1 the second mode has not
    enough, the others have.
    """
    asked: list[Any] = []
    costs = {0.0: 99.0, 1.0: 11.0, 2.0: 10.875, 3.0: 11.5, 4.0: 99.0}

    def lagrangian(mode: Any, iota: float, download: bool, *_: Any) -> Value:
        asked.append((float(mode.constant), iota, download))
        return point_of(costs[float(mode.constant)], 0.25)

    def value_at(mode: Any, iota: float, download: bool, _at: Any, hint: Any) -> Any:
        asked.append(("own", float(mode.constant), iota, download, hint))
        return Multipliers(0.875, 0.0, 0.0), point_of(20.0, 0.75)

    monkeypatch.setattr(plain, "lagrangian", lagrangian)
    monkeypatch.setattr(plain, "value_at", value_at)
    monkeypatch.setattr(plain, "computes_itself", lambda _: False)
    modes = np.array([user(constant=float(k)) for k in range(5)]).view(np.recarray)
    domain = records(DOMAIN, modes=5, offload_min=1.0, offload_max=3.0)[0]
    cells, solution = records(CELL, 9), records(SOLUTION, **SOLVED | {"deadline": 0, "energy": 0})
    count = plain.cover_modes(modes, domain, solution[0], 1.0, TIMES, AT, cells)
    assert asked == [
        (1.0, 0.5, True),
        (2.0, 0.5, True),
        ("own", 2.0, 0.5, False, Multipliers(*NO_WEIGHTS)),
        (3.0, 0.5, True),
    ]
    assert count == 3
    for name in ("offload_min", "offload_max"):
        assert cells[name][:count].tolist() == [1.0, 2.0, 3.0]
    assert cells["mu"][:count].tolist() == [0.25, 0.875, 0.25]
    assert cells["sync_slope"][:count].tolist() == [0.25, 0.75, 0.25]
    for k, cell in enumerate(cells[:count], 1):
        value = by_hand(modes[k], 0.5, True, plain.multipliers_of(cell), AT)
        assert cell.value == pytest.approx(value, rel=1e-9)
        assert cell.value <= value


def all_cells(monkeypatch: pytest.MonkeyPatch, counts: list[int], modes: int = 0) -> Any:
    """Return what `cover_all` makes of users with so many cells each; the value says whose."""

    def cover(one: Any, _d: Any, _s: float, solution: Any, *rest: Any) -> tuple[int, float]:
        count = int(solution["value"])
        rest[-1]["value"][:count] = 1000.0 * float(one.constant) + np.arange(count)
        return count, 0.5

    def cover_modes(own: Any, *rest: Any) -> int:
        rest[-1]["value"][: len(own)] = own.constant
        return len(own)

    monkeypatch.setattr(plain, "cover", cover)
    monkeypatch.setattr(plain, "cover_modes", cover_modes)
    users = records(USER, len(counts), constant=np.arange(len(counts)))
    domains = records(DOMAIN, len(counts), local=True)
    domains[-1].modes, domains[-1].first = modes, 2
    listed = records(USER, modes + 2, constant=-np.arange(modes + 2))
    everybody = kernels.Everybody(users, domains, 0.0, None, listed, None)
    solutions = records(SOLUTION, len(counts), value=counts)
    better, told = np.zeros(len(counts)), np.zeros(len(counts), np.int64)
    cells = plain.cover_all(everybody, solutions, 1.0, TIMES, AT, better, told, 0, len(counts))
    return cells["value"], told, better


@pytest.mark.parametrize("counts", [[1, 2, 1], [3] * 40, [256] * 4, [255, 17, 1], [1] * 3 + [300]])
def test_cells_of_all_users_follow_each_other(
    monkeypatch: pytest.MonkeyPatch, counts: list[int]
) -> None:
    """Those of one user after the other, however many there are; of modes there may be more."""
    modes = counts[-1] if counts[-1] == 300 else 0
    values, told, better = all_cells(monkeypatch, counts, modes)
    expected = [1000.0 * j + k for j, count in enumerate(counts) for k in range(count)]
    if modes:
        expected[-modes:] = [-2.0 - k for k in range(modes)]
    assert values.tolist() == expected
    assert told.tolist() == counts
    assert better.tolist() == [0.5] * (len(counts) - 1) + [UNKNOWN if modes else 0.5]


# --- lines in t -----------------------------------------------------------------------------------


def lines_of(*users: list[tuple[float, float]], paid: float = 0.0, size: float = 0.0) -> Lines:
    """Return lines through (value, slope) at t = 4, of one user after the other."""
    flat = list(itertools.chain(*users))
    cells = records(CELL, len(flat), value=[v for v, _ in flat], sync_slope=[s for _, s in flat])
    return Lines(cells, np.array([len(one) for one in users]), 4.0, paid, size)


def test_a_bound_is_the_sum_of_the_lowest_lines() -> None:
    """min(10 - u, 9.5) + min(3, 2 + u/2) - 1 at u = t - 4, and 2^-46 of the size lower."""
    lines = lines_of([(10.0, -1.0), (9.5, 0.0)], [(3.0, 0.0), (2.0, 0.5)], paid=1.0)
    for u, value in ((-2.0, 9.5), (0.0, 10.5), (1.0, 10.5), (4.0, 8.0)):
        assert plain.bound_at(lines, 4.0 + u) == value
    assert plain.bound_at(lines._replace(size=2.0**40), 4.0) == 10.5 - 2.0**-6
    solutions = records(SOLUTION, 3, value=[-4.0, 2.0, 1.0])
    assert plain.size_of(solutions) == 7.0


def test_bounds_of_parts_are_those_of_their_ends() -> None:
    """With 10 - u, and with 10 + u: at 0, 4, 6 and 12, the lower end of each part."""
    times = Times(0.0, 12.0)
    for slope, parts in ((-1.0, (10.0, 8.0, 2.0)), (1.0, (6.0, 10.0, 12.0))):
        assert plain.bounds_of_parts(lines_of([(10.0, slope)]), times, 4.0, 6.0) == parts
    lines = BoundLines(None, times, 0.0, False, lines_of([(10.0, -1.0)]))  # type: ignore[arg-type]
    assert lines.bounds_of_parts(4.0, 6.0) == (10.0, 8.0, 2.0)
    assert lines.proven_times(7.0) == (0.0, 7.0)
    assert lines.bound_at(7.0) == 7.0


def test_proven_times_end_where_lines_meet_the_need() -> None:
    """10 - |t - 4| and less is above 5 from -1 to 9; at the ends of the range it may end sooner."""
    roof = lines_of([(10.0, -1.0), (10.0, 1.0)])
    for times, need, proven in (
        (Times(-3.0, 12.0), 5.0, (-1.0, 9.0)),
        (Times(1.0, 6.0), 5.0, (1.0, 6.0)),
        (Times(-1.0, 9.0), 5.0, (-1.0, 9.0)),
        (Times(-3.0, 12.0), 10.0, (4.0, 4.0)),
        (Times(-3.0, 12.0), 11.0, (4.0, 4.0)),
    ):
        assert plain.proven_times(roof, times, need) == proven


def test_proven_times_of_lines_with_kinks() -> None:
    """Tangents from outside find where a sum of concave lines meets a need, and end before it."""
    lines = lines_of([(10.0, 0.0), (13.0, -1.0), (30.0, -8.0)], [(0.0, 0.0), (8.0, -4.0)])
    for need in (9.5, 5.0, 1.0, -20.0, -100.0):
        end = plain.reach_in_time(lines, 10.0, 44.0, need)
        assert 4.0 < end <= 44.0
        assert plain.bound_at(lines, end) >= need
        assert end == 44.0 or plain.bound_at(lines, end * (1.0 + 1e-9)) < need


def test_chords_end_just_short_of_the_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tangents, four chords come as near to 9 (and to -1) as 1e-9, on the proven side."""
    monkeypatch.setattr(plain, "TANGENTS", 0)
    roof = lines_of([(10.0, -1.0), (10.0, 1.0)])
    first, last = plain.proven_times(roof, Times(-3.0, 12.0), 5.0)
    assert 9.0 - 1e-9 < last < 9.0
    assert -1.0 < first < -1.0 + 1e-9


# --- the dual -------------------------------------------------------------------------------------


def letter(**changes: Any) -> ei.Instance:
    """Return three users of the letter, with what is changed."""
    return ei.Instance.letter(users=3).replace(**changes)


def limited(**limits: Any) -> ei.Instance:
    """Return three users of the letter whose edge is shared, with more limits."""
    return ei.Instance.letter(users=3, total_frequency_ghz=6.0).replace(**limits)


WITH_TOTALS = {"total_energy_budget_j": 50.0, "total_latency_budget_s": 60.0}


def test_a_dual_of_all_that_is_shared() -> None:
    """The band is drawn twice, then the edge, energy and latency; places are in this order."""
    dual = Dual.of(Problem(limited(**WITH_TOTALS)))
    data = dual.problem.data
    assert dual.places == (0, 0, 1, -1, -1)
    assert dual.totals == (2, 3)
    assert dual.drawn[:2] == (("uplink_share", "downlink_share"), ("edge_frequency_ghz",))
    assert dual.capacities[:2] == (1.0, 6.0)
    assert dual.capacities[2] == pytest.approx(50.0 - data.local_training_j.sum())
    assert dual.capacities[3] == pytest.approx(60.0 + data.previous_download_s.sum())
    assert dual.measured == ("energy_j", "latency_s")
    assert dual.spared[0] == (1, ("edge_frequency_ghz",))
    assert dual.free == (0, 1, 2, 3)
    assert dual.no_prices == (0.0,) * 4
    assert (dual.reference, dual.together, dual.is_ray) == (1.0, (), False)
    assert dual.weighted is dual.users
    assert (dual.users["latency_weight"] == data.latency_weight).all()
    assert dual.basins.shape == (3, 2)
    assert (dual.basins["offload_fraction"] == UNKNOWN).all()
    assert dual.slopes == [kernels.PRICE_SLOPE] * 4 + [kernels.PRESSURE_SLOPE]


def test_a_dual_without_totals() -> None:
    """Neither place nor measure; a half of the band is a budget of its own."""
    dual = Dual.of(Problem(letter()))
    assert (dual.totals, dual.measured, dual.places) == ((-1, -1), (), (0, 0, -1, -1, -1))
    assert Dual.of(Problem.of(letter(), "gbe")).places == (0, 1, -1, -1, -1)
    one = Dual.of(Problem(letter(total_latency_budget_s=60.0)))
    assert (one.totals, one.measured) == ((-1, 1), ("energy_j", "latency_s"))


def modal() -> ei.Instance:
    """Return three users, of which two have three modes each."""
    return letter(modes={"m": MODES}, users={name: {"modes": "m"} for name in ("eu1", "eu3")})


def test_users_with_modes_have_the_least_of_them() -> None:
    """An update may be nothing, and uploads begin when it does; others keep what they have."""
    dual = Dual.of(Problem(modal()))
    assert dual.users["model_mbit"].tolist() == [0.0, dual.problem.data.model_mbit, 0.0]
    assert dual.modes["model_mbit"].tolist() == [0.0, 0.5, 0.5] * 2
    assert (dual.modes["latency_weight"] > 0.0).all()
    assert dual.known.shape == (6,)
    assert dual.domains["first"][[0, 2]].tolist() == [0, 3]


def test_what_a_mode_decides() -> None:
    """The k-th of the user's own is what it is at ι = 1/2, and who computes downloads."""
    dual = Dual.of(Problem(modal()))
    taken = np.zeros(3, SOLUTION)
    taken["offload_fraction"] = [2.0, 0.375, 1.0]
    taken["download"] = True
    users, done = dual.decided(dual.users, dual.modes, taken)
    assert users[0] == dual.modes[2]
    assert users[1] == dual.users[1]
    assert users[2] == dual.modes[4]
    assert done["offload_fraction"].tolist() == [0.5, 0.375, 0.5]
    assert taken["offload_fraction"].tolist() == [2.0, 0.375, 1.0]
    taken["offload_fraction"] = [0.0, 0.375, 1.0]
    _, done = dual.decided(dual.users, dual.modes, taken)
    assert done["download"].tolist() == [False, True, True]
    first, last = dual.earliest_s, dual.earliest_of(taken)
    assert last > first  # since the third user uploads after all
    usual = Dual.of(Problem(letter()))
    users, done = usual.decided(usual.users, usual.modes, taken)
    assert users is usual.users
    assert done is taken
    assert usual.earliest_of(taken) == usual.earliest_s


def test_where_the_least_is_sought_nothing_else_weighs() -> None:
    """The least band, with modes and without: no weights, a reference, one price together."""
    deadlines = {name: {"deadline_s": 1e3} for name in ("eu1", "eu2", "eu3")}
    instance = modal().replace(users=deadlines)
    problem = Problem.of(instance, objective="band")
    for wider in (1.0, 4.0):
        dual = Dual.of(problem, wider)
        assert dual.together == (0,)
        assert dual.free == ()
        assert dual.reference == problem.reference * wider
        assert dual.capacities == (wider,)
        for records_of in (dual.users, dual.modes):
            for name in ("latency_weight", "energy_weight", "constant", "send_weight"):
                assert (records_of[name] == 0.0).all()
        assert (dual.weighted["latency_weight"] > 0.0).all()
        assert dual.paid((3.0,)) == 0.0
    assert problem.reference != 1.0
    assert Dual.of(problem).reference == problem.reference


def test_a_ray_has_no_weights_and_pays_for_all_budgets() -> None:
    """Its prices make all budgets cost 1 together; memory is its own, and limits are kept."""
    dual = Dual.of(Problem(limited(**WITH_TOTALS)))
    dual.basins["offload_fraction"] = 0.5
    ray = dual.for_ray()
    assert (ray.is_ray, ray.reference, ray.together) == (True, 1.0, (0, 1, 2, 3))
    assert (ray.free, ray.paid((1.0, 2.0, 3.0, 4.0))) == ((), 0.0)
    assert (ray.users["latency_weight"] == 0.0).all()
    assert (ray.basins["offload_fraction"] == UNKNOWN).all()
    assert ray.slopes == dual.slopes
    assert ray.slopes is not dual.slopes
    assert (ray.users["deadline_s"] == dual.users["deadline_s"]).all()
    smaller = dual.domains[:2]
    part = dual.within(smaller)
    assert part.domains is smaller
    assert part.basins is dual.basins


def test_the_latest_sync() -> None:
    """The first deadline on the clock of t, or an equal part of the total latency if less."""
    dual = Dual.of(Problem(letter()))
    assert dual.latest_s == math.inf
    users = {f"eu{j}": {"deadline_s": 10.0 * j, "previous_download_s": 0.5} for j in (1, 2, 3)}
    assert Dual.of(Problem(letter(users=users))).latest_s == 10.5
    for total, latest in ((12.0, 4.5), (60.0, 10.5)):
        instance = letter(users=users, total_latency_budget_s=total)
        assert Dual.of(Problem(instance)).latest_s == pytest.approx(latest)
    instance = limited(users=users, total_energy_budget_j=1e3, total_latency_budget_s=12.0)
    assert Dual.of(Problem(instance)).latest_s == pytest.approx(4.5)


def test_what_is_paid() -> None:
    """Σ price · capacity; a user pays each price at most for all it may take, the edge's twice."""
    dual = Dual.of(Problem(limited()))
    assert dual.capacities == (1.0, 6.0)
    assert dual.paid((2.0, 5.0)) == 32.0
    assert replace(dual, together=(0,)).paid((2.0, 5.0)) == 30.0
    server = dual.problem.data.server_frequency_ghz
    assert dual.most_paid((2.0, 5.0)) == 2 * 2.0 + 2.0 * 5.0 * server
    assert server != 1.0
    draws = Draw("uplink_share", 4, "p"), Draw("energy_j", 8, "p")
    budget = replace(dual.budgets[0], draws=draws)
    assert replace(dual, budgets=(budget,)).most_paid((2.0,)) == 8.0


def test_what_users_see_of_prices() -> None:
    """Each quantity has the price of its budget, or 0; totals are in the weights."""
    dual = Dual.of(Problem(limited(**WITH_TOTALS)))
    assert dual.point((2.0, 3.0, 5.0, 7.0), 9.0) == (9.0, 2.0, 2.0, 3.0, 0.0, 0.0)
    priced = dual.users_at((2.0, 3.0, 5.0, 7.0))
    assert (priced["energy_weight"] == dual.users["energy_weight"] + 5.0).all()
    assert (priced["latency_weight"] == dual.users["latency_weight"] + 7.0).all()
    one = Dual.of(Problem(letter(total_latency_budget_s=60.0)))
    priced = one.users_at((2.0, 3.0))
    assert (priced["energy_weight"] == one.users["energy_weight"]).all()
    assert (priced["latency_weight"] == one.users["latency_weight"] + 3.0).all()
    usual = Dual.of(Problem(letter()))
    assert usual.users_at((2.0,)) is usual.users
    assert usual.everybody((2.0,)) is usual.everybody((3.0,))
    assert usual.everybody((2.0,)).users is usual.users
    energy = Dual.of(Problem(letter(total_energy_budget_j=50.0)))
    for price in (3.0, 4.0):
        priced_too = energy.everybody((2.0, price)).users["energy_weight"]
        assert (priced_too == energy.users["energy_weight"] + price).all()
    everybody = one.everybody((2.0, 3.0))
    assert (everybody.users == priced).all()
    assert everybody.basins is one.basins


def test_basins_are_noted() -> None:
    """A better ι goes before the one known, which is kept; 0 is one, and UNKNOWN is none."""
    dual = Dual.of(Problem(letter()))
    dual.basins["offload_fraction"] = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    assert not dual.note_basins(np.full(3, UNKNOWN))
    assert dual.basins["offload_fraction"].tolist() == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    assert dual.note_basins(np.array([0.0, UNKNOWN, 0.75]))
    assert dual.basins["offload_fraction"].tolist() == [[0.0, 0.1], [0.3, 0.4], [0.75, 0.5]]


def test_the_least_cost_from_a_time_on() -> None:
    """Waiting, and uploading over the whole band, by the formulas of docs/certificate.md."""
    dual = Dual.of(Problem(letter()))
    data, total = dual.problem.data, 0.0
    for j in range(3):
        snr = float(data.uplink_snr[j])
        seconds = math.log(2.0) / (data.bandwidth_mhz * math.log1p(snr))
        upload = float(data.transmit_power_w[j]) * data.model_mbit * seconds
        waiting = 5.0 - float(data.previous_download_s[j])
        total += float(data.energy_weight[j]) * (float(data.local_training_j[j]) + upload)
        total += float(data.latency_weight[j]) * waiting
    found = dual.least_cost_from(5.0)
    assert found == pytest.approx(total, rel=1e-12)
    dual.users["constant"], dual.users["latency_weight"] = [-1.0, 0.5, 0.5], [2.0**40, 0.0, 0.0]
    dual.users["send_weight"] = 0.0
    assert dual.least_cost_from(2.0) == 2.0**41 - 1e-14 * (2.0**41 + 2.0)


def test_what_users_do_together() -> None:
    """The value is Σ G less what is paid; what is drawn of each budget is its quantities' sum.

    Energy and latency are measured only where a total of them is limited.
    """
    dual, found = Dual.of(Problem(limited())), np.zeros(3, SOLUTION)
    found["value"], found["sync_slope"] = [1.0, 2.0, 4.0], [0.5, 0.25, 0.25]
    found["uplink_share"], found["downlink_share"] = [0.1, 0.2, 0.3], [0.125, 0.0, 0.125]
    found["edge_frequency_ghz"] = [1.0, 0.5, 0.25]
    solved = dual.solved((2.0, 0.5), 9.0, found)
    assert (solved.value, solved.sync_slope) == (7.0 - 2.0 - 3.0, 1.0)
    assert solved.usage == pytest.approx((0.85, 1.75))
    assert (solved.prices, solved.sync_s) == ((2.0, 0.5), 9.0)
    parts = dual.parts_used(found)
    expected = [0.225 + 1.0 / 6.0, 0.2 + 0.5 / 6.0, 0.425 + 0.25 / 6.0]
    assert parts.tolist() == pytest.approx(expected)
    dual.solved((2.0, 0.0), 9.0, found)
    assert (found["energy_j"] == 0.0).all()


def test_what_costs_nothing_is_spared_and_totals_are_measured() -> None:
    """At price 0 an edge frequency falls to what is needed; energy and latency are those of t."""
    dual = Dual.of(Problem(limited(**WITH_TOTALS)))
    sync_s = 2.0 * dual.earliest_s
    found = np.zeros(3, SOLUTION)
    found["offload_fraction"], found["edge_frequency_ghz"] = 0.0, 1.0
    found["download"] = True
    dual.solved((1.0, 1.0, 1.0, 1.0), sync_s, found)
    assert (found["edge_frequency_ghz"] == 1.0).all()
    solved = dual.solved((1.0, 0.0, 1.0, 1.0), sync_s, found)
    assert (found["edge_frequency_ghz"] == 0.0).all()
    assert (found["energy_j"] > 0.0).all()
    assert (found["latency_s"] >= sync_s).all()
    assert solved.usage[2:] == (found["energy_j"].sum(), found["latency_s"].sum())


def test_hints_are_what_is_known() -> None:
    """Nothing is known at first."""
    dual = Dual.of(Problem(letter()))
    assert dual.hints(Decisions(kernels.FREE)).tolist() == np.zeros(3, SOLUTION).tolist()
    known = np.ones(3, SOLUTION)
    assert dual.hints(Decisions(kernels.FIXED, known)) is known


# --- lines of all users ---------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 2])
def test_lines_are_made_of_what_is_covered(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    """Cells of each part of the users, in order; the size is that of the solutions and the paid."""
    dual, told = Dual.of(Problem(letter())), []
    solved = dual.solved((2.0,), 9.0, records(SOLUTION, 3, value=[-1.0, 2.0, 4.0]))
    cells = np.zeros(6, CELL)
    cells["value"], cells["sync_slope"] = np.arange(6.0), 0.5

    def for_all(_: Any, users: int, *given: Any) -> list[Any]:
        told.append((users, given[2], given[3], given[4]))
        given[-2][:], given[-1][:] = [UNKNOWN, 0.5, UNKNOWN], [1, 2, 3]
        return [cells] if parts == 1 else [cells[:3], cells[3:]]

    monkeypatch.setattr(bounds, "for_all", for_all)
    lines = bound_lines(dual, solved, TIMES, 3.0)
    assert told == [(3, 1.0, TIMES, dual.point((2.0,), 9.0))]
    assert lines.improved
    assert lines._lines.cells["value"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert (lines._lines.t, lines._lines.paid, lines._lines.size) == (9.0, 2.0, 9.0)
    by_user = [one["value"].tolist() for one in lines.by_user()]
    assert by_user == [[0.0], [1.0, 2.0], [3.0, 4.0, 5.0]]
    assert dual.basins["offload_fraction"][1, 0] == 0.5
    assert lines.bound_at(9.0) == pytest.approx(0.0 + 1.0 + 3.0 - 2.0, rel=1e-12)
    assert lines.bound_at(9.0) < 2.0
    assert lines.value == lines.bound_at(9.0) != lines.bound_at(10.0)


@pytest.mark.parametrize("users", [1, 2])
def test_a_compiled_bound_is_the_least_of_the_lagrangian(users: int) -> None:
    """At its own time it is within the tolerance of the best of all ι of a fine grid, and below."""
    problem = Problem(ei.Instance.letter(users=users, seed=3))
    dual = Dual.of(problem)
    sync_s, prices, tolerance = 1.3 * dual.earliest_s, (0.4,), 1e-4
    solved = dual.solve_users(prices, sync_s)
    times = Times(dual.earliest_s, 2.0 * dual.earliest_s)
    lines, at = bound_lines(dual, solved, times, tolerance), dual.point(prices, sync_s)
    options = [(True, k / 400) for k in range(401)] + [(False, 1.0)]
    best = sum(
        min(plain.value_at(one, x, a, at, kernels.NOTHING_KNOWN)[1].cost for a, x in options)
        for one in dual.users.view(np.recarray)
    )
    best -= dual.paid(prices)
    assert best - 1.001 * tolerance <= lines.bound_at(sync_s) <= best
    assert all(lines.bound_at(t) <= dual.solve_users(prices, t).value + 1e-12 for t in times)


def test_a_compiled_bound_is_below_all_that_is_feasible() -> None:
    """Weak duality for all users together: no random allocation costs less at its sync time."""
    instance = ei.Instance.letter(users=2, seed=5)
    dual, below = Dual.of(Problem(instance)), 0
    found = [random_allocation(instance, seed) for seed in range(60)]
    last_s = max(one.sync_s for one in found)
    times = Times(dual.earliest_s, last_s)
    for price in (0.1, 1.0, 10.0):
        solved = dual.solve_users((price,), 1.5 * dual.earliest_s)
        lines = bound_lines(dual, solved, times, 1e-2)
        for one in found:
            below += lines.bound_at(one.sync_s) > 0.0
            assert lines.bound_at(one.sync_s) <= ei.evaluate(instance, one).objective
    assert below > 0
