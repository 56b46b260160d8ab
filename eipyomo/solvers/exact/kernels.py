"""The Lagrangian of one end user (EU), compiled.

For fixed sync time t and prices of bandwidth, user j pays

    w^e E_j + w^t T_j + price_up b_j + price_down b̄_j + price_edge f_{s,j}.

With multipliers ν2 (ready time after the own upload), μ (local branch of the latency) and η (own
upload before t), and ν1 = w^t - μ - ν2 for "ready time after t", the Lagrangian G(ι, t) of
:func:`lagrangian` is below that cost for ANY multipliers ≥ 0 that sum to at most w^t. It is concave
in ι and linear in t. Every bound of the exact method is a minimum of such values; how good the
multipliers are decides how good the bound is, never whether it is valid.

Everything that is compiled stands in this file: numba's cache notices changes of a function's own
file only.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from eipyomo.scaled import FloatColumn
from eipyomo.solvers.compiled import compiled
from eipyomo.solvers.records import COSTS

LINK = np.dtype(
    [
        ("snr", "f8"),  # g: signal-to-noise ratio over the whole band
        ("unit_s", "f8"),  # ln2 / (g B): seconds per Mbit on an endless band
        ("share_max", "f8"),  # no share can be larger
        ("efficiency_min", "f8"),  # spectral efficiency at the largest share
        ("log_pull_min", "f8"),  # log of pull() there
    ],
    align=True,
)
"""What the Lagrangian knows of a radio link."""

USER = np.dtype(
    [
        ("uplink", LINK),
        ("downlink", LINK),
        *COSTS,
    ],
    align=True,
)
"""What the Lagrangian knows of an end user."""

DOMAIN = np.dtype(
    [
        ("edge", "?"),  # a = 0 (and ι = 1) is allowed
        ("local", "?"),  # a = 1 is allowed, with
        ("offload_min", "f8"),  # ι from here
        ("offload_max", "f8"),  # to here
    ],
    align=True,
)
"""The decisions that a user may still take."""

CHOICE = np.dtype(
    [
        ("download", "?"),  # a
        ("offload", "f8"),  # ι
        ("value", "f8"),  # cost of the user at the prices, G
        ("sync_slope", "f8"),  # its derivative in t
        ("uplink_share", "f8"),
        ("downlink_share", "f8"),
        ("edge_frequency_ghz", "f8"),  # f_{s,j}, where it has a price
        ("local", "f8"),  # multiplier μ
        ("ready", "f8"),  # multiplier ν2
        ("sync", "f8"),  # multiplier η
    ],
    align=True,
)
"""What a user does at given prices and sync time."""

CELL = np.dtype(
    [
        ("offload_min", "f8"),
        ("offload_max", "f8"),
        ("local", "f8"),  # multiplier μ
        ("ready", "f8"),  # multiplier ν2
        ("sync", "f8"),  # multiplier η
        ("value", "f8"),  # what the user pays at least at the t of the terms
        ("sync_slope", "f8"),  # and its derivative in t
    ],
    align=True,
)
"""A cell of ι under one set of multipliers: it proves a line in t below the user's cost."""

MAX_CELLS = 256
FEW_CELLS = 4
LEAST_OFFLOAD = 1e-8
"""Where the edge's frequency has a price, slopes in ι are taken from here on; 0 has none."""
ROUNDING = 64 * 2.0**-52
"""Relative rounding error granted to each term of the Lagrangian.

A term takes about ten operations and two elementary functions, each good to a few ulps.
"""


class Share(NamedTuple):
    """The answer to "how much band": min over b of weight · s(b) + price · b."""

    cost: float
    share: float
    seconds: float
    elasticity: float


class EdgeCost(NamedTuple):
    """The answer to "how fast at the edge": min over f of weight · CιL/f + price · f.

    `span_s` is CιL/f, `span_slope` its derivative in the weight, `offload_slope` that of the cost
    in ι.
    """

    cost: float
    offload_slope: float
    span_s: float
    span_slope: float
    frequency_ghz: float


class Terms(NamedTuple):
    """The sync time t, and the prices of ``QUANTITIES`` in their order."""

    t: float
    price_up: float
    price_down: float
    price_edge: float = 0.0


QUANTITIES = ("uplink_share", "downlink_share", "edge_frequency_ghz")
"""What users draw of budgets: fields of a CHOICE."""

TIMES_PAID = {"uplink_share": 1.0, "downlink_share": 1.0, "edge_frequency_ghz": 2.0}
"""How often a price stands in G: the delay at the edge costs as much as the frequency does."""


class Times(NamedTuple):
    """A range of sync times."""

    first: float
    last: float


class Multipliers(NamedTuple):
    """The multipliers μ, ν2 and η of one user."""

    local: float
    ready: float
    sync: float


class Edge(NamedTuple):
    """The edge branch at a given multiplier ν = ν1 + ν2 of its latency."""

    ready: float
    sync: float
    ready_s: float
    ready_slope: float


class Local(NamedTuple):
    """The local branch at a given multiplier μ: time after t, and its derivative in ln μ."""

    finish_s: float
    finish_slope: float


class Value(NamedTuple):
    """G and its derivatives in t and ι; `size` is the sum of the sizes of the terms without t."""

    cost: float
    sync_slope: float
    offload_slope: float
    uplink_share: float
    downlink_share: float
    edge_frequency_ghz: float
    size: float


# --- Two functions of the spectral efficiency u = ln(1 + g/b) -------------------------------------
# b = g / (e^u - 1) and s = unit (e^u - 1) / u; both are convex and monotone in u.


@compiled
def excess(u: float) -> float:
    """Return u - 1 + e^-u without cancellation."""
    if u > 0.5:
        return u - 1.0 + math.exp(-u)
    total, term = 0.0, 1.0
    for k in range(2, 16):
        term *= -u / k
        total += term
    return -total * u


@compiled
def pull(u: float) -> float:
    """Return H(u) with s'(b) = -(unit/g) H: how much the first Hz more helps."""
    ratio = math.expm1(u) / u
    return ratio * ratio * excess(u)


@compiled
def pull_slope(u: float) -> float:
    """Return the derivative of ln H in u."""
    grown = math.expm1(u)
    return 2.0 * (1.0 + 1.0 / grown - 1.0 / u) + grown / ((1.0 + grown) * excess(u))


@compiled
def stretch(u: float) -> float:
    """Return (e^u - 1) / u: seconds per Mbit in units of those on an endless band."""
    return math.expm1(u) / u


def _inverse_table(log_function: FloatColumn) -> FloatColumn:
    """Return u at equidistant values of ln function(u), to start Newton's method from."""
    logs = TABLE_START + TABLE_STEP * np.arange(TABLE_SIZE)
    table: FloatColumn = np.interp(logs, log_function, _EFFICIENCIES)
    return table


TABLE_START, TABLE_STEP, TABLE_SIZE = -46.0, 1.0 / 16.0, 4400
_EFFICIENCIES = np.exp(np.linspace(np.log(1e-12), np.log(160.0), 60_000))
_EXCESS = np.where(
    _EFFICIENCIES < 1e-3,
    _EFFICIENCIES**2 * (0.5 - _EFFICIENCIES / 6.0),
    _EFFICIENCIES + np.expm1(-_EFFICIENCIES),
)
_STRETCH = np.expm1(_EFFICIENCIES) / _EFFICIENCIES
EFFICIENCY_OF_PULL = _inverse_table(np.log(_STRETCH**2 * _EXCESS))
EFFICIENCY_OF_STRETCH = _inverse_table(np.log(np.log(_STRETCH)))


@compiled
def interpolate(table: FloatColumn, position: float) -> float:
    """Return the cubic through the four entries around a position."""
    place = min(max((position - TABLE_START) / TABLE_STEP, 1.0), TABLE_SIZE - 3.0)
    k = int(place)
    x = place - k
    a, b, c, d = table[k - 1], table[k], table[k + 1], table[k + 2]
    bend = 2.0 * a - 5.0 * b + 4.0 * c - d + x * (3.0 * (b - c) + d - a)
    return float(b + 0.5 * x * (c - a + x * bend))


@compiled
def efficiency_of_pull(log_pull: float) -> float:
    """Return the u at which ln H(u) has a given value."""
    u = interpolate(EFFICIENCY_OF_PULL, log_pull)
    return u - (math.log(pull(u)) - log_pull) / pull_slope(u)


@compiled
def efficiency_of_stretch(ratio: float) -> float:
    """Return the u at which (e^u - 1)/u has a given value; 0 if there is none."""
    if ratio <= 1.0:
        return 0.0
    target = math.log(ratio)
    u = interpolate(EFFICIENCY_OF_STRETCH, math.log(target))
    for _ in range(2):
        grown = math.expm1(u)
        u -= (math.log(grown / u) - target) / (1.0 + 1.0 / grown - 1.0 / u)
    return u


# --- One link -------------------------------------------------------------------------------------


@compiled
def least_cost(weight: float, price: float, link: Any) -> Share:
    """Minimise weight · s(b) + price · b over 0 < b <= share_max, safely.

    The cost returned is that of the tangent at the share found: below the true minimum wherever
    the share may be.
    """
    if weight <= 0.0:
        return Share(0.0, 0.0, np.inf, 0.0)
    log_pull = math.log(price * link.snr / (weight * link.unit_s))
    if log_pull <= link.log_pull_min:
        u, elasticity = link.efficiency_min, 0.0
    else:
        u = efficiency_of_pull(log_pull)
        grown = math.expm1(u)
        elasticity = -(1.0 + 1.0 / grown - 1.0 / u) / pull_slope(u)
    share = link.snr / math.expm1(u)
    seconds = link.unit_s * stretch(u)
    tangent_price = weight * link.unit_s / link.snr * pull(u)
    overcharge = min(0.0, price - tangent_price) * link.share_max
    cost = weight * seconds + tangent_price * share + overcharge
    return Share(cost, share, seconds, elasticity)


@compiled
def weight_at(seconds: float, price: float, link: Any) -> float:
    """Return the weight at which :func:`least_cost` needs so many seconds per Mbit."""
    u = max(efficiency_of_stretch(seconds / link.unit_s), link.efficiency_min)
    return float(price * link.snr / (link.unit_s * pull(u)))


# --- The edge server ------------------------------------------------------------------------------


@compiled
def least_edge_cost(user: Any, offload: float, weight: float, price: float) -> EdgeCost:
    """Minimise weight · CιL/f + price · f over 0 < f <= f_s; concave in ι, linear at price 0.

    At a price f is (weight CιL/price)^½, at most f_s; below f_s both terms are equal.
    """
    most = user.edge_frequency_max_ghz
    if price <= 0.0:
        slope = weight * user.edge_s
        return EdgeCost(slope * offload, slope, offload * user.edge_s, 0.0, most)
    work = offload * user.work_gigacycles
    if work <= 0.0:
        return EdgeCost(0.0, 0.0, 0.0, 0.0, 0.0)
    frequency = math.sqrt(max(weight, 0.0) * work / price)
    if frequency >= most:
        span = offload * user.edge_s
        return EdgeCost(weight * span + price * most, weight * user.edge_s, span, 0.0, most)
    if frequency <= 0.0:
        return EdgeCost(0.0, 0.0, np.inf, 0.0, 0.0)
    span = work / frequency
    cost = price * frequency
    return EdgeCost(2.0 * cost, cost / offload, span, -0.5 * span / weight, frequency)


@compiled
def edge_span(user: Any, offload: float, weight: float, price: float) -> tuple[float, float]:
    """Return CιL/f and its derivative in the weight, which is 0 where f has no price."""
    if price <= 0.0:
        return offload * user.edge_s, 0.0
    at_edge = least_edge_cost(user, offload, weight, price)
    return at_edge.span_s, at_edge.span_slope


# --- One user: the best multipliers at a point (ι, t) ---------------------------------------------


@compiled
def edge_branch(user: Any, offload: float, weight: float, terms: Terms) -> Edge:
    """Minimise energy, band and weight · ready time over the uplink share; upload before t."""
    link, t, price = user.uplink, terms.t, terms.price_up
    load = user.model_mbit + offload * user.task_mbit
    sync_seconds = (t - user.start_s) / user.model_mbit
    ready_seconds = (t - user.start_s) / load
    relaxed = least_cost(user.send_weight * load, price, link)
    if relaxed.seconds <= ready_seconds:
        return Edge(0.0, 0.0, t, 0.0)
    pressed = relaxed
    if weight > 0.0:
        pressed = least_cost((user.send_weight + weight) * load, price, link)
    if pressed.seconds > sync_seconds:
        needed = weight_at(sync_seconds, price, link) - (user.send_weight + weight) * load
        ready_s = user.start_s + load * sync_seconds
        return Edge(weight, max(needed, 0.0) / user.model_mbit, ready_s, 0.0)
    if pressed.seconds >= ready_seconds:
        span = load * pressed.seconds
        slope = span * pressed.elasticity / (user.send_weight + weight)
        return Edge(weight, 0.0, user.start_s + span, slope)
    ready = weight_at(ready_seconds, price, link) / load - user.send_weight
    return Edge(min(max(ready, 0.0), weight), 0.0, t, 0.0)


@compiled
def best_frequency(user: Any, local: float) -> float:
    """Return the f that minimises w^e κ f² + μ/f."""
    if user.cpu_weight * user.frequency_max_ghz**3 * 2.0 <= local:
        return float(user.frequency_max_ghz)
    return float(np.cbrt(local / (2.0 * user.cpu_weight)))


@compiled
def local_branch(user: Any, work: float, local: float, price: float) -> Local:
    """Minimise energy, band and μ · finish time over downlink share and frequency."""
    weight = (user.receive_weight + local) * user.model_mbit
    down = least_cost(weight, price, user.downlink)
    span = user.model_mbit * down.seconds
    slope = span * down.elasticity * local * user.model_mbit / weight if weight > 0.0 else 0.0
    if work > 0.0:
        frequency = best_frequency(user, local)
        span += work / frequency
        if frequency < user.frequency_max_ghz:
            slope -= work / frequency / 3.0
    return Local(span, slope)


@compiled
def edge_multipliers(user: Any, terms: Terms) -> Multipliers:
    """Return the best multipliers without download (a = 0, ι = 1)."""
    edge = edge_branch(user, 1.0, user.latency_weight, terms)
    return Multipliers(0.0, edge.ready, edge.sync)


@compiled
def moved(local: float, step: float, total: float) -> float:
    """Return μ after a step in ln μ, taken in ln(μ/(total - μ)): the same for an endless total."""
    if total == np.inf:
        return float(local * math.exp(step))
    spare = total - local
    odds = local / spare * math.exp(step * total / spare)
    return float(total * (odds / (1.0 + odds)))


@compiled
def local_multipliers(user: Any, offload: float, terms: Terms) -> Multipliers:
    """Return the best multipliers with download (a = 1) at an offload fraction.

    Both branches of the latency end at the same time unless one dominates even with the whole
    weight; ln(local span) - ln(edge span after t) is nearly linear in ln μ. With a price of the
    edge's frequency, which a branch without weight does not pay, it is nearly linear in ln(μ/ν) for
    small ν = w^t - μ too.
    """
    total = user.latency_weight
    work = (1.0 - offload) * user.work_gigacycles
    price = terms.price_edge
    edge = edge_branch(user, offload, 0.0, terms)
    branch = local_branch(user, work, total, terms.price_down)
    edge_s, edge_slope = edge_span(user, offload, 0.0, price)
    if branch.finish_s >= edge.ready_s - terms.t + edge_s:
        return Multipliers(total, 0.0, edge.sync)
    if (work <= 0.0 or user.cpu_weight <= 0.0) and user.receive_weight > 0.0:
        idle = local_branch(user, work, 0.0, terms.price_down)
        edge = edge_branch(user, offload, total, terms)
        edge_s, edge_slope = edge_span(user, offload, total, price)
        if idle.finish_s <= edge.ready_s - terms.t + edge_s:
            return Multipliers(0.0, edge.ready, edge.sync)
    low, high = 0.0, total
    local = 0.5 * total
    blur = 2.0**-54 * total if price > 0.0 else 0.0  # what rounding adds to ν
    for attempt in range(100):
        edge = edge_branch(user, offload, total - local, terms)
        branch = local_branch(user, work, local, terms.price_down)
        if price > 0.0:
            edge_s, edge_slope = edge_span(user, offload, total - local, price)
        span = edge.ready_s - terms.t + edge_s
        excess_log = math.log(branch.finish_s / span)
        if abs(excess_log) <= 1e-11 + blur / (total - local):
            break
        if excess_log > 0.0:
            low = local
        else:
            high = local
        span_slope = edge.ready_slope + edge_slope
        slope = branch.finish_slope / branch.finish_s + local * span_slope / span
        previous = local
        local = moved(local, -excess_log / slope, total if price > 0.0 else np.inf)
        around_a_kink = attempt > 6 and attempt % 2 == 0
        if around_a_kink or not low < local < high:
            local = math.sqrt(low * high) if low > 0.0 else 0.1 * high
        if local == previous or high - low <= 1e-15 * high:
            break
    return Multipliers(local, min(edge.ready, total - local), edge.sync)


# --- One user: the Lagrangian ---------------------------------------------------------------------


@compiled
def lagrangian(
    user: Any, offload: float, download: bool, multipliers: Multipliers, terms: Terms
) -> Value:
    """Return G(ι, t) and its derivatives, for any multipliers."""
    local, ready, sync = multipliers
    t, price_up, price_down, price_edge = terms
    load = user.model_mbit + offload * user.task_mbit
    pressure = user.send_weight + ready
    up = least_cost(pressure * load + sync * user.model_mbit, price_up, user.uplink)
    at_edge = least_edge_cost(user, offload, user.latency_weight - local, price_edge)
    start = (ready + sync) * user.start_s
    sync_slope = user.latency_weight - ready - sync
    cost = user.constant + up.cost + start + at_edge.cost + sync_slope * t
    size = abs(user.constant) + up.cost + start + (user.latency_weight - local) * user.edge_s
    size += price_up * user.uplink.share_max + 2.0 * price_edge * user.edge_frequency_max_ghz
    slope = pressure * user.task_mbit * up.seconds if up.share > 0.0 else 0.0
    slope += at_edge.offload_slope
    share = 0.0
    if download:
        weight = (user.receive_weight + local) * user.model_mbit
        down = least_cost(weight, price_down, user.downlink)
        share = down.share
        cpu = 0.0
        if local > 0.0:
            frequency = best_frequency(user, local)
            cpu = user.work_gigacycles * (user.cpu_weight * frequency**2 + local / frequency)
        cost += down.cost + cpu * (1.0 - offload)
        size += down.cost + cpu + price_down * user.downlink.share_max
        slope -= cpu
    return Value(cost, sync_slope, slope, up.share, share, at_edge.frequency_ghz, size)


@compiled
def value_at(user: Any, offload: float, download: bool, terms: Terms) -> tuple[Multipliers, Value]:
    """Return the best multipliers at a point and the Lagrangian there: the cost of the point."""
    if download:
        multipliers = local_multipliers(user, offload, terms)
    else:
        multipliers = edge_multipliers(user, terms)
    return multipliers, lagrangian(user, offload, download, multipliers, terms)


# --- One user: the best offload fraction ----------------------------------------------------------


@compiled
def snapped(offload: float, step: float) -> float:
    """Return the nearest point of the grid k · step; the fraction itself without a grid."""
    if step <= 0.0:
        return offload
    return min(round(offload / step) * step, 1.0)


@compiled
def descend(
    user: Any, low: float, high: float, start: float, terms: Terms
) -> tuple[float, Multipliers]:
    """Go down from a start to the bottom of its basin of the cost in ι.

    A step that is too long can end in another basin, a higher one: then it is tried with short
    steps.
    """
    x, multipliers, gained = slide(user, low, high, start, 0.003, terms)
    if gained < 0.0:
        x, multipliers, gained = slide(user, low, high, start, 3e-5, terms)
    return x, multipliers


@compiled
def slide(
    user: Any, low: float, high: float, start: float, step: float, terms: Terms
) -> tuple[float, Multipliers, float]:
    """Follow the slope of the cost in ι until it changes its sign, and find where it does.

    There the multipliers of both sides are mixed so that G is level: where the cost has a kink,
    those of one side would tell a wrong story about t.

    Returns
    -------
    offload, multipliers, gained
        The bottom, and how much lower than the start it is.
    """
    x = min(max(start, low), high)
    multipliers, value = value_at(user, x, True, terms)
    slope = value.offload_slope
    first_cost = value.cost
    enough = 1e-11 * abs(first_cost)
    other, other_slope, other_multipliers, bracketed = x, slope, multipliers, False
    weight = 1.0
    for _ in range(60):
        if bracketed:
            y = x - slope * (other - x) / (weight * other_slope - slope)
        elif slope == 0.0 or x == (low if slope > 0.0 else high):
            return x, multipliers, first_cost - value.cost
        else:
            y = max(x - step, low) if slope > 0.0 else min(x + step, high)
        y_multipliers, value = value_at(user, y, True, terms)
        y_slope = value.offload_slope
        if y_slope * slope <= 0.0:
            other, other_slope, other_multipliers, bracketed = x, slope, multipliers, True
            weight = 1.0
        elif bracketed:
            weight *= 0.5
        else:
            ratio = y_slope / slope
            step = abs(y - x) * (min(ratio / (1.0 - ratio) * 1.2, 8.0) if ratio < 0.9 else 4.0)
        x, slope, multipliers = y, y_slope, y_multipliers
        if bracketed and (abs(other - x) <= 1e-10 or abs(slope * (other - x)) <= enough):
            break
    gained = first_cost - value.cost + enough
    if not bracketed or slope == other_slope:
        return x, multipliers, gained
    level = mix(multipliers, other_multipliers, other_slope / (other_slope - slope))
    return x, level, gained


@compiled
def mix(one: Multipliers, other: Multipliers, part: float) -> Multipliers:
    """Return part · one + (1 - part) · other."""
    rest = 1.0 - part
    return Multipliers(
        part * one.local + rest * other.local,
        part * one.ready + rest * other.ready,
        part * one.sync + rest * other.sync,
    )


@compiled
def best_offload(
    user: Any, domain: Any, step: float, start: float, terms: Terms
) -> tuple[float, Multipliers]:
    """Return the best offload fraction with download in the basin of a start, and multipliers."""
    low, high = domain.offload_min, domain.offload_max
    middle = start if start >= 0.0 else 0.5 * (low + high)
    if high > low:
        least = min(max(low, LEAST_OFFLOAD), high) if terms.price_edge > 0.0 else low
        best, multipliers = descend(user, least, high, middle, terms)
        if best == least > low:
            best = low
            multipliers, _ = value_at(user, low, True, terms)
        if step <= 0.0:
            return best, multipliers
        low = min(max(snapped(np.floor(best / step + 1e-9) * step, step), low), high)
        high = min(snapped(low + step, step), high)
    lower_multipliers, lower = value_at(user, low, True, terms)
    upper_multipliers, upper = value_at(user, high, True, terms)
    if lower.cost <= upper.cost:
        return low, lower_multipliers
    return high, upper_multipliers


@compiled
def take(
    user: Any, offload: float, download: bool, multipliers: Multipliers, terms: Terms, choice: Any
) -> None:
    """Write down a choice (a, ι) with its cost, shares and multipliers."""
    value = lagrangian(user, offload, download, multipliers, terms)
    choice.download = download
    choice.offload = offload
    choice.value = value.cost
    choice.sync_slope = value.sync_slope
    choice.uplink_share = value.uplink_share
    choice.downlink_share = value.downlink_share
    choice.edge_frequency_ghz = value.edge_frequency_ghz
    choice.local, choice.ready, choice.sync = multipliers


# --- One user: a bound over all its decisions -----------------------------------------------------


@compiled
def safe_value(
    user: Any, offload: float, download: bool, multipliers: Multipliers, last_t: float, terms: Terms
) -> float:
    """Return G(ι, t) less what rounding can have added, for use at any time up to `last_t`."""
    value = lagrangian(user, offload, download, multipliers, terms)
    weights = user.latency_weight + multipliers.ready + multipliers.sync
    return float(value.cost - ROUNDING * (value.size + weights * last_t))


@compiled
def reach(
    user: Any,
    multipliers: Multipliers,
    inside: float,
    end: float,
    step: float,
    need: float,
    last_t: float,
    terms: Terms,
) -> tuple[float, float]:
    """Return how far from `inside` towards `end` G stays above a need, and G there.

    G is concave in ι, so a chord from a point where it is above meets the need too early at worst.
    """
    value = safe_value(user, inside, True, multipliers, last_t, terms)
    if inside == end:
        return inside, value
    outside = end
    beyond = safe_value(user, end, True, multipliers, last_t, terms)
    if beyond >= need:
        return end, beyond
    for _ in range(3):
        if value <= need:
            break
        x = inside + 0.999 * (value - need) / (value - beyond) * (outside - inside)
        if step > 0.0:
            x = step * (np.floor(x / step) if end > inside else np.ceil(x / step))
            x = min(x, 1.0)
        if x == inside:
            break
        at_x = safe_value(user, x, True, multipliers, last_t, terms)
        if at_x < need:
            outside, beyond = x, at_x
        else:
            inside, value = x, at_x
    return inside, value


@compiled
def write_cell(
    cell: Any, low: float, high: float, multipliers: Multipliers, value: float, slope: float
) -> None:
    """Write down a cell and the line that it proves."""
    cell.offload_min, cell.offload_max = low, high
    cell.local, cell.ready, cell.sync = multipliers
    cell.value, cell.sync_slope = value, slope


@compiled
def cover_local(
    user: Any,
    domain: Any,
    step: float,
    choice: Any,
    tolerance: float,
    times: Times,
    terms: Terms,
    count: int,
    cells: Any,
) -> tuple[int, float]:
    """Cover all decisions with download by cells, each proving a line in t below the user's cost.

    A cell is good enough if its line is no lower than that of the best choice over the whole range
    of t, or as high as its own point allows, within the tolerance.

    Returns
    -------
    count, better
        Number of cells, those before included, and an offload fraction that beats the given choice
        by more than the tolerance (negative if none was met).
    """
    better = -1.0
    best, best_slope = choice.value, choice.sync_slope
    lows, highs = np.empty(MAX_CELLS), np.empty(MAX_CELLS)
    lows[0], highs[0], waiting = domain.offload_min, domain.offload_max, 1
    start = choice.offload if choice.download else -1.0
    while waiting > 0:
        waiting -= 1
        low, high = lows[waiting], highs[waiting]
        if low <= start <= high:
            middle = start
            multipliers = Multipliers(choice.local, choice.ready, choice.sync)
            point = lagrangian(user, middle, True, multipliers, terms)
        else:
            middle = snapped(0.5 * (low + high), step)
            multipliers, point = value_at(user, middle, True, terms)
        start = -1.0
        slope = point.sync_slope
        cost = point.cost
        if cost < best - tolerance:
            best, best_slope, better = cost, slope, middle
        flatter = best_slope - slope
        lead = max(flatter * (times.first - terms.t), flatter * (times.last - terms.t))
        need = min(cost, best + lead) - tolerance
        if count + waiting + 3 > MAX_CELLS:
            need = -np.inf
        left, left_value = reach(user, multipliers, middle, low, step, need, times.last, terms)
        right, right_value = reach(user, multipliers, middle, high, step, need, times.last, terms)
        write_cell(cells[count], left, right, multipliers, min(left_value, right_value), slope)
        count += 1
        if left > low:
            lows[waiting], highs[waiting] = low, snapped(left - step, step)
            waiting += 1
        if right < high:
            lows[waiting], highs[waiting] = snapped(right + step, step), high
            waiting += 1
    return count, better


@compiled
def cover(
    user: Any,
    domain: Any,
    step: float,
    choice: Any,
    tolerance: float,
    times: Times,
    terms: Terms,
    cells: Any,
) -> tuple[int, float]:
    """Cover all decisions of a user; see :func:`cover_local`.

    The cell of a = 0 comes first and has `offload_min` = 2.
    """
    count = 0
    if domain.edge:
        edge = edge_multipliers(user, terms)
        value = safe_value(user, 1.0, False, edge, times.last, terms)
        slope = user.latency_weight - edge.ready - edge.sync
        write_cell(cells[0], 2.0, 2.0, edge, value, slope)
        count = 1
    if not domain.local:
        return count, -1.0
    return cover_local(user, domain, step, choice, tolerance, times, terms, count, cells)


@compiled
def cover_all(
    users: Any,
    domains: Any,
    step: float,
    choices: Any,
    tolerance: float,
    times: Times,
    terms: Terms,
    basins: Any,
    counts: Any,
    cells: Any,
    first: int,
    last: int,
) -> None:
    """Cover the domains of users first..last-1; note the basin where a better ι was found."""
    for j in range(first, last):
        counts[j], better = cover(
            users[j], domains[j], step, choices[j], tolerance, times, terms, cells[j]
        )
        if better >= 0.0:
            basins[j, 0], basins[j, 1] = better, basins[j, 0]


@compiled
def bound_at(cells: Any, counts: Any, elapsed_s: float) -> float:
    """Return the sum over users of the lowest of their lines, some time after the terms' t."""
    total = 0.0
    for j in range(len(counts)):
        least = np.inf
        for k in range(counts[j]):
            cell = cells[j, k]
            least = min(least, cell.value + cell.sync_slope * elapsed_s)
        total += least
    return total


# --- All users: responses -------------------------------------------------------------------------

FIXED, TRACKED, FREE = 0, 1, 2
"""What users may change at new prices: nothing; ι within its basin; everything."""
GLANCE = 1e-3
"""What a free user may miss, relative to its cost."""


@compiled
def follow(user: Any, domain: Any, step: float, basin: Any, terms: Terms, choice: Any) -> None:
    """Take the better of the one or two basins known, and keep it first."""
    basin[0], multipliers = best_offload(user, domain, step, basin[0], terms)
    take(user, basin[0], True, multipliers, terms, choice)
    if basin[1] < 0.0:
        return
    basin[1], multipliers = best_offload(user, domain, step, basin[1], terms)
    if abs(basin[1] - basin[0]) <= 1e-6:
        basin[1] = -1.0
        return
    value = lagrangian(user, basin[1], True, multipliers, terms)
    if value.cost < choice.value:
        basin[0], basin[1] = basin[1], basin[0]
        take(user, basin[0], True, multipliers, terms, choice)


@compiled
def loses(user: Any, domain: Any, step: float, start: float, cost: float, terms: Terms) -> bool:
    """Tell whether a few cells prove that every decision with download costs more than that."""
    lows, highs = np.empty(FEW_CELLS + 2), np.empty(FEW_CELLS + 2)
    lows[0], highs[0], waiting = domain.offload_min, domain.offload_max, 1
    for _ in range(FEW_CELLS):
        waiting -= 1
        low, high = lows[waiting], highs[waiting]
        middle = start if low <= start <= high else snapped(0.5 * (low + high), step)
        start = -1.0
        multipliers, point = value_at(user, middle, True, terms)
        if point.cost <= cost:
            return False
        left, _ = reach(user, multipliers, middle, low, step, cost, terms.t, terms)
        right, _ = reach(user, multipliers, middle, high, step, cost, terms.t, terms)
        if left > low:
            lows[waiting], highs[waiting] = low, snapped(left - step, step)
            waiting += 1
        if right < high:
            lows[waiting], highs[waiting] = snapped(right + step, step), high
            waiting += 1
        if waiting == 0:
            return True
    return False


@compiled
def choose_freely(
    user: Any, domain: Any, step: float, basin: Any, terms: Terms, choice: Any, cells: Any
) -> None:
    """Take the best decision of all, after a glance at the whole domain."""
    edge_cost = np.inf
    edge = Multipliers(0.0, 0.0, 0.0)
    if domain.edge:
        edge = edge_multipliers(user, terms)
        value = lagrangian(user, 1.0, False, edge, terms)
        edge_cost = value.cost
    if domain.local and not (domain.edge and loses(user, domain, step, basin[0], edge_cost, terms)):
        follow(user, domain, step, basin, terms, choice)
        enough = GLANCE * abs(choice.value - user.constant)
        _, better = cover_local(
            user, domain, step, choice, enough, Times(terms.t, terms.t), terms, 0, cells
        )
        if better >= 0.0:
            basin[0], basin[1] = better, basin[0]
            follow(user, domain, step, basin, terms, choice)
        if choice.value < edge_cost:
            return
    take(user, 1.0, False, edge, terms, choice)


@compiled
def respond(
    users: Any,
    domains: Any,
    step: float,
    freedom: int,
    terms: Terms,
    basins: Any,
    choices: Any,
    first: int,
    last: int,
) -> None:
    """Let users first..last-1 choose at given prices and sync time.

    `choices` holds the previous choices and is overwritten; `basins`, of shape (users, 2), holds
    for free users the ι from which basins of the cost are followed, negative if unknown.
    """
    cells = np.empty(MAX_CELLS, CELL)
    for j in range(first, last):
        user, domain, choice = users[j], domains[j], choices[j]
        if freedom == FREE:
            choose_freely(user, domain, step, basins[j], terms, choice, cells)
            continue
        download, offload = choice.download, choice.offload
        if freedom == TRACKED and download:
            offload, multipliers = best_offload(user, domain, step, offload, terms)
        else:
            multipliers, _ = value_at(user, offload, download, terms)
        take(user, offload, download, multipliers, terms, choice)


# --- All users: what they do on their own ---------------------------------------------------------


@compiled
def slow_down_at_edge(users: Any, terms: Terms, choices: Any, first: int, last: int) -> None:
    """Lower f_{s,j} of free choices to what is needed to end no later than the local branch.

    Where a frequency costs nothing, any f from there to f_s is a best one.
    """
    for j in range(first, last):
        user, choice = users[j], choices[j]
        work = choice.offload * user.work_gigacycles
        if work <= 0.0:
            choice.edge_frequency_ghz = 0.0
        elif choice.download:
            own_work = (1.0 - choice.offload) * user.work_gigacycles
            weight = user.latency_weight - choice.local
            edge = edge_branch(user, choice.offload, weight, terms)
            branch = local_branch(user, own_work, choice.local, terms.price_down)
            time_left = branch.finish_s - (edge.ready_s - terms.t)
            if time_left > 0.0:
                needed = min(work / time_left, user.edge_frequency_max_ghz)
                choice.edge_frequency_ghz = needed


@compiled
def best_frequencies(users: Any) -> FloatColumn:
    """Return the frequencies at which users compute if the local branch decides their latency."""
    return np.array([best_frequency(user, user.latency_weight) for user in users])


@compiled
def least_shares(users: Any, t: float) -> float:
    """Return Σ_j of the smallest share that uploads before t; infinite if a user cannot."""
    total = 0.0
    for j in range(len(users)):
        user = users[j]
        seconds = (t - user.start_s) / user.model_mbit
        u = efficiency_of_stretch(seconds / user.uplink.unit_s)
        if u < user.uplink.efficiency_min:
            return np.inf
        total += user.uplink.snr / math.expm1(u)
    return total
