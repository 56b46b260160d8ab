"""The Lagrangian of one end user (EU), compiled.

At a sync time t and prices λ of a share of the uplink and the downlink and ρ of a GHz at the edge
(0 where it has none), user j minimises

    w^e E_j + w^t T_j + λ b_j + λ̄ b̄_j + ρ f_{s,j}

    subject to   A + D s(b) ≤ t                                (multiplier η)
                 T ≥ t + E                                     (ν1)
                 T ≥ A + (D + ιL) s(b) + E                     (ν2)
                 T ≥ t + D s̄(b̄) + C(1-ι)L/f,   if a = 1       (μ)

with s the seconds per Mbit over a share, A the start of the upload, E = CιL/f_s; T_j is counted
from the download of the round before. T falls out where ν1 + ν2 + μ = w^t, which leaves

    G(ι, t) =  w^e e^lt - w^t τ^md of the previous round                 (constant)
             + min_b  [ K s(b) + λ b ],     K = (w^e p + ν2)(D + ιL) + ηD        (least_cost)
             + min_b̄ [ K̄ s̄(b̄) + λ̄ b̄ ],   K̄ = (w^e p^md + μ) D                (least_cost)
             + C(1-ι)L min_f [ w^e κ f² + μ/f ]                          (best_frequency)
             + min_f  [ (w^t - μ) CιL/f + ρ f ],   0 < f ≤ f_s           (least_edge_cost)
             + (w^t - ν2 - η) t + (ν2 + η) A                             (sync_slope, start)

without the second and the third minimum if a = 0, where μ = 0 and ι = 1. For ANY μ, ν2, η ≥ 0 with
μ + ν2 ≤ w^t it is below the user's cost (weak duality), concave in ι and linear in t. Every bound
of the exact method is a minimum of such values; how good the multipliers are decides how good the
bound is, never whether it is valid.

A user with a deadline T_j ≤ T_max or an energy budget E_j ≤ E_max has prices δ, ε ≥ 0 of them too:
w^t is W = w^t + δ and w^e is V = w^e + ε above, and G has -δ T_max - ε E_max as well
(:func:`multipliers_at`). Without limits both are 0.

The best multipliers at a point (ι, t) make G the cost of the point itself, since the problem is
convex for fixed ι: :func:`pressure_of` for ν2 and η at a given ν1 + ν2, and
:func:`local_multipliers` for μ. As a function of ι that cost has several local minima, in basins;
:func:`search_basins` follows two of them.

Everything that is compiled stands in this file: numba's cache notices changes of a function's own
file only.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from eipyomo.scaled import FloatColumn
from eipyomo.solvers.compiled import compiled
from eipyomo.solvers.records import COSTS, LIMITS

LINK = np.dtype(
    [
        ("snr", "f8"),  # g: signal-to-noise ratio over the whole band
        ("unit_s", "f8"),  # ln2 / (g B): seconds per Mbit on an endless band
        ("share_max", "f8"),  # no share can be larger
        ("efficiency_min", "f8"),  # spectral efficiency at the largest share
        ("log_marginal_min", "f8"),  # ln of marginal_time() there
        ("share_min", "f8"),  # no share can be smaller where the link is used; it may be 0
        ("efficiency_max", "f8"),  # spectral efficiency at the smallest share
        ("log_marginal_max", "f8"),  # ln of marginal_time() there
    ],
    align=True,
)
"""What the Lagrangian knows of a radio link."""

USER = np.dtype(
    [
        ("uplink", LINK),
        ("downlink", LINK),
        *COSTS,
        *LIMITS,
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
        ("modes", "i8"),  # how many modes the user has, in place of a and ι
        ("first", "i8"),  # where they begin among the modes of all users
    ],
    align=True,
)
"""The decisions that a user may still take; of one with modes they are those with numbers from
`offload_min` to `offload_max`."""

SOLUTION = np.dtype(
    [
        ("download", "?"),  # a
        ("offload_fraction", "f8"),  # ι
        ("value", "f8"),  # cost of the user at the prices, G
        ("sync_slope", "f8"),  # its derivative in t
        ("uplink_share", "f8"),
        ("downlink_share", "f8"),
        ("edge_frequency_ghz", "f8"),  # f_{s,j}, where it has a price
        ("penalty", "f8"),  # v and
        ("sits_out", "f8"),  # whether no update is sent, of a mode
        ("mu", "f8"),  # μ
        ("nu2", "f8"),  # ν2
        ("eta", "f8"),  # η
        ("deadline", "f8"),  # δ
        ("energy", "f8"),  # ε
        ("energy_j", "f8"),  # E_j and
        ("latency_s", "f8"),  # T_j, where a total of them is limited; see measure()
        ("bend", "f8"),  # second derivative of the cost in ι where it is lowest, or 0: not known
    ],
    align=True,
)
"""What a user does at given prices and sync time."""

CELL = np.dtype(
    [
        ("offload_min", "f8"),
        ("offload_max", "f8"),
        ("mu", "f8"),  # μ
        ("nu2", "f8"),  # ν2
        ("eta", "f8"),  # η
        ("deadline", "f8"),  # δ
        ("energy", "f8"),  # ε
        ("value", "f8"),  # what the user pays at least at the t of the dual point
        ("sync_slope", "f8"),  # and its derivative in t
    ],
    align=True,
)
"""A cell of ι under one set of multipliers: it proves a line in t below the user's cost."""

BASIN = np.dtype(
    [
        ("offload_fraction", "f8"),  # ι
        ("mu", "f8"),  # μ
        ("nu2", "f8"),  # ν2
        ("eta", "f8"),  # η
        ("deadline", "f8"),  # δ
        ("energy", "f8"),  # ε
        ("bend", "f8"),  # second derivative of the cost in ι, or 0: not known
    ],
    align=True,
)
"""An ι whose basin of a user's cost with download is followed, with multipliers that were good."""

MAX_CELLS = 256
"""Of a user; where they run out, the last ones are as bad as they are."""
FEW_CELLS = 4
"""So many may prove that a user does not download; more would take longer than its solution."""
NO_DOWNLOAD = 2.0
"""Stands for a = 0 in the order of decisions: download with growing ι, and last no download."""
UNKNOWN = -1.0
"""Stands for an ι that is not known."""
ENDLESS = 1e30
"""In s: a sync time from which on there is all the time in the world, so that ν2 = η = 0."""
NEGLIGIBLE = 1e-60
"""A weight of seconds that counts as none, which loses less than that; no logarithm overflows."""
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


class DualPoint(NamedTuple):
    """The sync time t, and the prices of ``QUANTITIES`` in their order."""

    t: float
    uplink_price: float
    downlink_price: float
    edge_price: float = 0.0
    penalty_price: float = 0.0
    sits_out_price: float = 0.0


QUANTITIES = ("uplink_share", "downlink_share", "edge_frequency_ghz", "penalty", "sits_out")
"""What users draw of budgets: fields of a SOLUTION."""

TIMES_PAID = {"uplink_share": 1.0, "downlink_share": 1.0, "edge_frequency_ghz": 2.0}
"""How often a price stands in G: the delay at the edge costs as much as the frequency does."""


class Times(NamedTuple):
    """A range of sync times."""

    first: float
    last: float


class Multipliers(NamedTuple):
    """The multipliers μ, ν2 and η of one user, and those of its limits, δ and ε."""

    mu: float
    nu2: float
    eta: float
    deadline: float = 0.0
    energy: float = 0.0


NOTHING_KNOWN = Multipliers(0.0, 0.0, 0.0, 0.0, 0.0)
"""Stands for multipliers that are not known."""


class Weights(NamedTuple):
    """What a user pays once its limits have prices: W = w^t + δ, and V = w^e + ε times powers."""

    latency: float  # W
    send: float  # V p
    receive: float  # V p^md
    cpu: float  # V κ
    deadline: float  # δ
    energy: float  # ε


class Upload(NamedTuple):
    """What an upload asks for at a point (ι, t).

    The weight of a second per Mbit with which the model is there at t: 0 where any share is enough,
    and endless where none is. `latest_s` is when the edge is ready if the model is just in time,
    and `seconds` per Mbit are left for all that is sent if the edge is to be ready at t.
    """

    load: float  # D + ιL
    in_time: float
    latest_s: float
    seconds: float


class Ready(NamedTuple):
    """When the edge is ready at a given multiplier ν, and the derivative in ν."""

    s: float
    slope: float


class Pressure(NamedTuple):
    """The multipliers ν2 and η of an upload."""

    nu2: float
    eta: float


class EdgeWeight(NamedTuple):
    """The least ν = ν1 + ν2 with which the edge branch keeps a deadline."""

    nu: float
    nu2: float
    eta: float


class LocalBranch(NamedTuple):
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


NO_VALUE = Value(np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Stands for the value of a decision that is not allowed."""


# --- Two functions of the spectral efficiency u = ln(1 + g/b) -------------------------------------
# b = g / (e^u - 1) and s = unit (e^u - 1) / u; both are convex and monotone in u.


class Efficiency(NamedTuple):
    """A spectral efficiency u, with what costs time to compute: e^u - 1 and u - 1 + e^-u."""

    u: float
    grown: float
    remainder: float


@compiled
def efficiency(u: float) -> Efficiency:
    """Return a spectral efficiency with its functions, without cancellation.

    A small one has the series u²/2 - u³/6 + ... of its remainder, from which e^-u follows.
    """
    if u > SERIES_UP_TO:
        power = math.exp(u)
        return Efficiency(u, power - 1.0, u - 1.0 + 1.0 / power)
    total = 1.0
    for part in RECIPROCALS:
        total = 1.0 - part * u * total
    remainder = 0.5 * u * u * total
    return Efficiency(u, (u - remainder) / (1.0 - u + remainder), remainder)


SERIES_UP_TO = 0.5
"""Larger efficiencies lose nothing in u - 1 + e^-u."""
RECIPROCALS = 1.0 / np.arange(16.0, 2.0, -1.0)
"""Of 16, 15, ..., 3: ratios of the terms of a series."""


@compiled
def stepped(at: Efficiency, step: float) -> Efficiency:
    """Return the efficiency a step away: a short step takes no exponential function.

    A small one has a series; the rounding of a step would be large beside its remainder.
    """
    if at.u <= SERIES_UP_TO or abs(step) > SHORT_STEP_IN_U:
        return efficiency(at.u + step)
    half = 0.5 * step * step
    odd, even = step * (1.0 + half / 3.0), half * (1.0 + half / 6.0)  # sinh and cosh - 1
    grown = at.grown + (1.0 + at.grown) * (odd + even)
    remainder = at.remainder + step - (odd - even) / (1.0 + at.grown)
    return Efficiency(at.u + step, grown, remainder)


SHORT_STEP_IN_U = 1e-4
"""So far, four terms of the series of an exponential function are all of it."""


@compiled
def log_of(ratio: float) -> float:
    """Return the logarithm of a ratio, which takes no function if it is nearly 1."""
    excess = ratio - 1.0
    if abs(excess) > SHORT_STEP_IN_U:
        return math.log(ratio)
    return excess * (1.0 - excess * (0.5 - excess * (1.0 / 3.0 - 0.25 * excess)))


@compiled
def marginal_time(at: Efficiency) -> float:
    """Return H(u) with s'(b) = -(unit/g) H: how much time one more Hz saves."""
    ratio = at.grown / at.u
    return ratio * ratio * at.remainder


@compiled
def log_marginal_times(efficiencies: FloatColumn) -> FloatColumn:
    """Return ln H of many efficiencies."""
    return np.array([math.log(marginal_time(efficiency(u))) for u in efficiencies])


@compiled
def time_factor_slope(at: Efficiency) -> float:
    """Return the derivative of ln((e^u - 1)/u) in u."""
    return 1.0 + 1.0 / at.grown - 1.0 / at.u


@compiled
def marginal_time_slope(at: Efficiency) -> float:
    """Return the derivative of ln H in u."""
    return 2.0 * time_factor_slope(at) + at.grown / ((1.0 + at.grown) * at.remainder)


@compiled
def time_factor(u: float) -> float:
    """Return (e^u - 1) / u: seconds per Mbit in units of those on an endless band."""
    return math.expm1(u) / u


def _inverse_table(log_function: FloatColumn) -> FloatColumn:
    """Return u at equidistant values of ln function(u), to start Newton's method from."""
    logs = TABLE_START + TABLE_STEP * np.arange(TABLE_SIZE)
    table: FloatColumn = np.interp(logs, log_function, _EFFICIENCIES)
    return table


TABLE_START, TABLE_STEP, TABLE_SIZE = -46.0, 1.0 / 16.0, 4400
_EFFICIENCIES = np.exp(np.linspace(np.log(1e-12), np.log(160.0), 60_000))
_EXP_REMAINDER = np.where(
    _EFFICIENCIES < 1e-3,
    _EFFICIENCIES**2 * (0.5 - _EFFICIENCIES / 6.0),
    _EFFICIENCIES + np.expm1(-_EFFICIENCIES),
)
_TIME_FACTOR = np.expm1(_EFFICIENCIES) / _EFFICIENCIES
EFFICIENCY_AT_MARGINAL_TIME = _inverse_table(np.log(_TIME_FACTOR**2 * _EXP_REMAINDER))
EFFICIENCY_AT_TIME_FACTOR = _inverse_table(np.log(np.log(_TIME_FACTOR)))


@compiled
def interpolate(table: FloatColumn, position: float) -> float:
    """Return the cubic through the four entries around a position."""
    place = min(max((position - TABLE_START) / TABLE_STEP, 1.0), TABLE_SIZE - 3.0)
    k = int(place)
    x = place - k
    a, b, c, d = table[k - 1], table[k], table[k + 1], table[k + 2]
    bend = 2.0 * a - 5.0 * b + 4.0 * c - d + x * (3.0 * (b - c) + d - a)
    return float(b + 0.5 * x * (c - a + x * bend))


class Inverse(NamedTuple):
    """The efficiency at which H has a given value, and the derivative of ln s in ln of that."""

    at: Efficiency
    slope: float


@compiled
def efficiency_at_marginal_time(marginal: float, log_marginal: float) -> Inverse:
    """Return where H(u) has a given value, by a step of Newton's method from a table."""
    near = efficiency(interpolate(EFFICIENCY_AT_MARGINAL_TIME, log_marginal))
    slope = marginal_time_slope(near)
    step = -log_of(marginal_time(near) / marginal) / slope
    return Inverse(stepped(near, step), time_factor_slope(near) / slope)


@compiled
def efficiency_in_time(ratio: float) -> Efficiency:
    """Return the efficiency at which (e^u - 1)/u has a given value; 0 if there is none.

    A step of Halley's method leads there from a table, but for its end.
    """
    if ratio <= 1.0:
        return Efficiency(0.0, 0.0, 0.0)
    near = efficiency(interpolate(EFFICIENCY_AT_TIME_FACTOR, math.log(math.log(ratio))))
    for _ in range(3):
        slope = time_factor_slope(near)
        bend = 1.0 / (near.u * near.u) - (1.0 + near.grown) / (near.grown * near.grown)
        newton = -log_of(near.grown / (near.u * ratio)) / slope
        step = newton / (1.0 + 0.5 * newton * bend / slope)
        near = stepped(near, step)
        if abs(step) <= SHORT_STEP_IN_U:
            break
    return near


@compiled
def efficiency_at_time_factor(ratio: float) -> float:
    """Return the u at which (e^u - 1)/u has a given value; 0 if there is none."""
    return efficiency_in_time(ratio).u


# --- One link -------------------------------------------------------------------------------------


@compiled
def least_cost(weight: float, price: float, link: Any) -> Share:
    """Minimise weight · s(b) + price · b over share_min <= b <= share_max, b > 0, safely.

    The cost returned is that of the tangent at the share found, at the worse end of the range:
    below the true minimum wherever the share may be. The elasticity is that of s in the weight.
    """
    if weight <= NEGLIGIBLE:
        idle_s = link.unit_s * time_factor(link.efficiency_max) if link.share_min > 0.0 else np.inf
        return Share(price * link.share_min, link.share_min, idle_s, 0.0)
    unit_price = weight * link.unit_s / link.snr  # of a Hz, where H = 1
    marginal = price / unit_price
    log_marginal = math.log(marginal)
    elasticity = 0.0
    if log_marginal <= link.log_marginal_min:
        best = efficiency(link.efficiency_min)
    elif log_marginal >= link.log_marginal_max:
        best = efficiency(link.efficiency_max)
    else:
        best, slope = efficiency_at_marginal_time(marginal, log_marginal)
        elasticity = -slope
    share = link.snr / best.grown
    seconds = link.unit_s * (best.grown / best.u)
    tangent_price = unit_price * marginal_time(best)
    overcharge = min(0.0, price - tangent_price) * link.share_max
    overcharge += max(0.0, price - tangent_price) * link.share_min
    cost = weight * seconds + tangent_price * share + overcharge
    return Share(cost, share, seconds, elasticity)


@compiled
def least_seconds(link: Any) -> float:
    """Return the seconds per Mbit at the largest share."""
    return float(link.unit_s * time_factor(link.efficiency_min))


@compiled
def weight_at(seconds: float, price: float, link: Any) -> float:
    """Return the weight at which :func:`least_cost` needs so many seconds per Mbit."""
    best = efficiency_in_time(seconds / link.unit_s)
    if not link.efficiency_min <= best.u <= link.efficiency_max:
        best = efficiency(min(max(best.u, link.efficiency_min), link.efficiency_max))
    return float(price * link.snr / (link.unit_s * marginal_time(best)))


# --- The edge server ------------------------------------------------------------------------------


@compiled
def least_edge_cost(user: Any, iota: float, weight: float, price: float) -> EdgeCost:
    """Minimise weight · CιL/f + price · f over 0 < f <= f_s; concave in ι, linear at price 0.

    At a price f is (weight CιL/price)^½, at most f_s; below f_s both terms are equal.
    """
    most = user.edge_frequency_max_ghz
    if price <= 0.0:
        slope = weight * user.edge_s
        return EdgeCost(slope * iota, slope, iota * user.edge_s, 0.0, most)
    work = iota * user.edge_gigacycles
    if work <= 0.0:
        return EdgeCost(0.0, 0.0, 0.0, 0.0, 0.0)
    frequency = math.sqrt(max(weight, 0.0) * work / price)
    if frequency >= most:
        span = iota * user.edge_s
        return EdgeCost(weight * span + price * most, weight * user.edge_s, span, 0.0, most)
    if frequency <= 0.0:
        return EdgeCost(0.0, 0.0, np.inf, 0.0, 0.0)
    span = work / frequency
    cost = price * frequency
    return EdgeCost(2.0 * cost, cost / iota, span, -0.5 * span / weight, frequency)


# --- One user: the best multipliers at a point (ι, t) ---------------------------------------------


@compiled
def weights_at(user: Any, deadline: float, energy: float) -> Weights:
    """Return the weights of a user at prices δ and ε of its limits."""
    return Weights(
        user.latency_weight + deadline,
        user.send_weight + energy * user.transmit_power_w,
        user.receive_weight + energy * user.receive_power_w,
        user.cpu_weight + energy * user.energy_coefficient,
        deadline,
        energy,
    )


@compiled
def update_price(user: Any, weight: float, seconds: float, at: DualPoint) -> float:
    """Return the least η with which a Mbit takes so long, where other things weigh so much."""
    needed = weight_at(seconds, at.uplink_price, user.uplink) - weight
    eta = max(needed, 0.0) / user.model_mbit
    missed = 1.0 - seconds / least_seconds(user.uplink)
    if missed > TOGETHER:  # no share is enough, as in a mode that begins later than others
        eta += heavy(user, at) / min(missed, 1.0)
    return float(eta)


@compiled
def needed_weight(seconds: float, price: float, link: Any) -> float:
    """Return the least weight at which :func:`least_cost` needs no more seconds per Mbit.

    It is 0 where the smallest share is enough, and endless where the largest is not.
    """
    best = efficiency_in_time(seconds / link.unit_s)
    if best.u >= link.efficiency_max:
        return 0.0
    if best.u < link.efficiency_min:
        return np.inf
    return float(price * link.snr / (link.unit_s * marginal_time(best)))


@compiled
def upload_at(user: Any, iota: float, at: DualPoint) -> Upload:
    """Return what an upload asks for; nobody waits for a user that sends no update."""
    load, left_s = user.model_mbit + iota * user.task_mbit, at.t - user.start_s
    if at.t >= ENDLESS or load <= 0.0:
        return Upload(load, 0.0, at.t, np.inf)
    if user.model_mbit <= 0.0:
        return Upload(load, 0.0, np.inf, left_s / load)
    seconds = left_s / user.model_mbit
    in_time = needed_weight(seconds, at.uplink_price, user.uplink)
    return Upload(load, in_time, user.start_s + load * seconds, left_s / load)


@compiled
def edge_ready(user: Any, weights: Weights, weight: float, at: DualPoint, upload: Upload) -> Ready:
    """Minimise energy, band and weight · ready time over the uplink share; upload before t.

    The weight is ν = ν1 + ν2. The edge is ready when the rest is there of which the model is just
    in time for t; or when all is there, after t; or at t.
    """
    pressed = (weights.send + weight) * upload.load
    if pressed < upload.in_time:
        return Ready(upload.latest_s, 0.0)
    if upload.seconds == np.inf:
        return Ready(at.t, 0.0)
    up = least_cost(pressed, at.uplink_price, user.uplink)
    if up.seconds <= upload.seconds:
        return Ready(at.t, 0.0)
    span = upload.load * up.seconds
    return Ready(user.start_s + span, span * up.elasticity / (weights.send + weight))


@compiled
def pressure_of(
    user: Any, weights: Weights, weight: float, at: DualPoint, upload: Upload
) -> Pressure:
    """Return ν2 and η with which :func:`edge_ready` is the minimum of what is linear in times.

    One of four cases holds: the model's upload is just in time for t (ν2 = ν, η > 0); all is there
    after t (ν2 = ν, η = 0), or at t (0 < ν2 < ν, η = 0), or before, whatever the weight (ν2 = 0).
    """
    pressed = (weights.send + weight) * upload.load
    if pressed < upload.in_time < np.inf:
        return Pressure(weight, (upload.in_time - pressed) / user.model_mbit)
    if pressed < upload.in_time:
        seconds = (at.t - user.start_s) / user.model_mbit
        return Pressure(weight, update_price(user, pressed, seconds, at))
    if upload.seconds == np.inf or weight <= 0.0:
        return Pressure(0.0, 0.0)
    at_once = needed_weight(upload.seconds, at.uplink_price, user.uplink)
    return Pressure(min(max(at_once / upload.load - weights.send, 0.0), weight), 0.0)


@compiled
def best_frequency(user: Any, cpu_weight: float, mu: float) -> float:
    """Return the f that minimises V κ f² + μ/f."""
    if cpu_weight * user.frequency_max_ghz**3 * 2.0 <= mu:
        return float(user.frequency_max_ghz)
    return float(np.cbrt(mu / (2.0 * cpu_weight)))


@compiled
def local_branch(user: Any, weights: Weights, work: float, mu: float, price: float) -> LocalBranch:
    """Minimise energy, band and μ · finish time over downlink share and frequency."""
    span, slope = 0.0, 0.0
    if user.download_mbit > 0.0:
        weight = (weights.receive + mu) * user.download_mbit
        down = least_cost(weight, price, user.downlink)
        span = user.download_mbit * down.seconds
        slope = span * down.elasticity * mu * user.download_mbit / weight if weight > 0.0 else 0.0
    if work > 0.0:
        frequency = best_frequency(user, weights.cpu, mu)
        span += work / frequency
        if frequency < user.frequency_max_ghz:
            slope -= work / frequency / 3.0
    return LocalBranch(span, slope)


@compiled
def edge_multipliers(user: Any, weights: Weights, iota: float, at: DualPoint) -> Multipliers:
    """Return the best multipliers without a local branch (a = 0, ι = 1)."""
    upload = upload_at(user, iota, at)
    edge = pressure_of(user, weights, weights.latency, at, upload)
    return Multipliers(0.0, edge.nu2, edge.eta, weights.deadline, weights.energy)


@compiled
def step_in_log_odds(mu: float, step: float, total: float) -> float:
    """Return μ after a step in ln μ, taken in ln(μ/(total - μ)): the same for an endless total."""
    if total == np.inf:
        return float(mu * math.exp(step))
    spare = total - mu
    odds = mu / spare * math.exp(step * total / spare)
    return float(total * (odds / (1.0 + odds)))


class Meeting(NamedTuple):
    """The μ with which both branches end together, with ν2 and η; and whether they do."""

    mu: float
    nu2: float
    eta: float
    ends_together: bool


@compiled
def meeting(
    user: Any,
    weights: Weights,
    iota: float,
    at: DualPoint,
    upload: Upload,
    start: float,
    steps: int,
) -> Meeting:
    """Search for the μ with which both branches end together, in so many steps at most.

    It is a root of ln(local span / edge span after t), which falls in μ and is nearly linear in
    ln μ. With a price of the edge's frequency, which a branch without weight does not pay, it is
    nearly linear in ln(μ/ν) for small ν too. Newton's method within a bracket finds it; where
    branches have kinks it may go to and fro, so that every other step halves the bracket (of ln μ)
    after some. A step from where it is nearly 0 is the last one.
    """
    total, price = weights.latency, at.edge_price
    work = (1.0 - iota) * user.work_gigacycles
    low, high, mu, ends_together = 0.0, total, start, False
    blur = 2.0**-54 * total if price > 0.0 else 0.0  # what rounding adds to ν
    for attempt in range(steps):
        edge = edge_ready(user, weights, total - mu, at, upload)
        at_edge = least_edge_cost(user, iota, total - mu, price)
        branch = local_branch(user, weights, work, mu, at.downlink_price)
        span = edge.s - at.t + at_edge.span_s
        log_ratio = math.log(branch.finish_s / span)
        ends_together = abs(log_ratio) <= TOGETHER + blur / (total - mu)
        if ends_together:
            break
        if log_ratio > 0.0:
            low = mu
        else:
            high = mu
        span_slope = edge.slope + at_edge.span_slope
        slope = branch.finish_slope / branch.finish_s + mu * span_slope / span
        previous = mu
        mu = step_in_log_odds(mu, -log_ratio / slope, total if price > 0.0 else np.inf)
        if abs(log_ratio) <= NEARLY and low < mu < high:
            ends_together = True
            break
        around_a_kink = attempt > 6 and attempt % 2 == 0
        if around_a_kink or not low < mu < high:
            mu = math.sqrt(low * high) if low > 0.0 else 0.1 * high  # half way in ln μ
        if mu == previous or high - low <= 1e-15 * high:
            break
    nu2, eta = pressure_of(user, weights, total - mu, at, upload)
    return Meeting(mu, nu2, eta, ends_together)


@compiled
def local_multipliers(
    user: Any, weights: Weights, iota: float, at: DualPoint, hint: float
) -> Multipliers:
    """Return the best multipliers with download (a = 1) at an offload fraction.

    The local branch ends the sooner, and the edge branch the later, the more of W = μ + ν is μ.
    So one of three cases holds: the local branch ends last even with μ = W; the edge branch does
    even with μ = 0, where the local one ends at all (its download costs energy, its computing
    none); or both end together, at a μ between. That is tried first, near a hint if there is one.
    """
    total, delta, epsilon = weights.latency, weights.deadline, weights.energy
    upload = upload_at(user, iota, at)
    if 0.0 < hint < total:
        near = meeting(user, weights, iota, at, upload, hint, FEW_STEPS)
        if near.ends_together:
            return Multipliers(near.mu, near.nu2, near.eta, delta, epsilon)
    work = (1.0 - iota) * user.work_gigacycles
    price = at.edge_price
    ready = edge_ready(user, weights, 0.0, at, upload)
    at_edge = least_edge_cost(user, iota, 0.0, price)
    branch = local_branch(user, weights, work, total, at.downlink_price)
    if total <= 0.0 or branch.finish_s >= ready.s - at.t + at_edge.span_s:
        edge = pressure_of(user, weights, 0.0, at, upload)
        return Multipliers(total, 0.0, edge.eta, delta, epsilon)
    if (work <= 0.0 or weights.cpu <= 0.0) and weights.receive > 0.0:
        idle = local_branch(user, weights, work, 0.0, at.downlink_price)
        ready = edge_ready(user, weights, total, at, upload)
        at_edge = least_edge_cost(user, iota, total, price)
        if idle.finish_s <= ready.s - at.t + at_edge.span_s:
            edge = pressure_of(user, weights, total, at, upload)
            return Multipliers(0.0, edge.nu2, edge.eta, delta, epsilon)
    found = meeting(user, weights, iota, at, upload, 0.5 * total, MAX_STEPS)
    return Multipliers(found.mu, found.nu2, found.eta, delta, epsilon)


FEW_STEPS = 6
"""Of Newton's method near a hint, from where it takes two or three."""
NEARLY = 1e-6
"""Relative difference from which one step of Newton's method leads to :data:`TOGETHER`."""
TOGETHER = 1e-11
"""Relative difference of the branches' spans at which they end together: G is stationary in μ
there, and loses nothing that counts."""
MAX_STEPS = 100
"""Of Newton's method, which takes far fewer."""


# --- One user: its limits -------------------------------------------------------------------------

SOON = 1e-3
"""In s: no sync is sooner, where the size of a price is asked for."""
HEAVY = 1e3
"""Times what a user pays otherwise is a limit's price where no allocation keeps within it."""


@compiled
def heavy(user: Any, at: DualPoint) -> float:
    """Return the price of a second where there is not enough of them."""
    paid = at.uplink_price + at.downlink_price + at.sits_out_price + at.penalty_price
    paid += at.edge_price * user.edge_frequency_max_ghz
    return float(HEAVY * (user.latency_weight + paid / max(at.t, SOON)))


@compiled
def served_s(
    user: Any, iota: float, download: bool, multipliers: Multipliers, at: DualPoint
) -> float:
    """Return T_j + τ^md of the previous round at the shares and frequencies of multipliers."""
    weights = weights_at(user, multipliers.deadline, multipliers.energy)
    if user.in_sequence:
        return at.t + span_in_sequence(user, weights, iota, multipliers.mu, multipliers.eta, at)
    load, end = user.model_mbit + iota * user.task_mbit, at.t
    weight = (weights.send + multipliers.nu2) * load + multipliers.eta * user.model_mbit
    if weight > 0.0:
        up = least_cost(weight, at.uplink_price, user.uplink)
        end = max(end, user.start_s + load * up.seconds)
    spare = weights.latency - multipliers.mu
    end += least_edge_cost(user, iota, spare, at.edge_price).span_s
    if download:
        weight = (weights.receive + multipliers.mu) * user.download_mbit
        finish = at.t
        if weight > 0.0:
            down = least_cost(weight, at.downlink_price, user.downlink)
            finish += user.download_mbit * down.seconds
        work = (1.0 - iota) * user.work_gigacycles
        if work > 0.0:
            finish += work / best_frequency(user, weights.cpu, multipliers.mu)
        end = max(end, finish)
    return float(end)


@compiled
def local_weight_in_time(
    user: Any, weights: Weights, iota: float, at: DualPoint, hint: float
) -> float:
    """Return the least μ with which the local branch keeps the deadline; looked for at a hint."""
    span = user.deadline_s - at.t
    work, price, link = (1.0 - iota) * user.work_gigacycles, at.downlink_price, user.downlink
    size = user.download_mbit
    if size <= 0.0:
        return work_weight_in_time(user, weights, work, span, at)
    if work <= 0.0 or weights.cpu <= 0.0:  # the CPU runs at full speed, or not at all
        seconds = (span - work / user.frequency_max_ghz) / size
        mu = max(weight_at(max(seconds, 0.0), price, link) / size - weights.receive, 0.0)
        short = seconds < least_seconds(link) * (1.0 - TOGETHER)
        return float(mu + heavy(user, at) if short else mu)
    high = weight_at(0.0, price, link) / size - weights.receive
    high = max(high, 2.0 * weights.cpu * user.frequency_max_ghz**3, 1e-12 * heavy(user, at))
    least = size * least_seconds(link)
    least += work / user.frequency_max_ghz
    if least >= span * (1.0 - TOGETHER):
        return float(high + heavy(user, at) if least > span * (1.0 + TOGETHER) else high)
    low, mu = 0.0, weights.latency if 0.0 < weights.latency < high else 0.1 * high
    mu = hint if 0.0 < hint < high else mu
    for attempt in range(MAX_STEPS):
        branch = local_branch(user, weights, work, mu, price)
        log_ratio = math.log(branch.finish_s / span)
        if abs(log_ratio) <= TOGETHER:
            break
        if log_ratio > 0.0:
            low = mu
        else:
            high = mu
        mu *= math.exp(-log_ratio * branch.finish_s / branch.finish_slope)
        if abs(log_ratio) <= NEARLY and low < mu < high:
            break
        around_a_kink = attempt > 6 and attempt % 2 == 0
        if around_a_kink or not low < mu < high:
            mu = math.sqrt(low * high) if low > 0.0 else 0.1 * high
        if high - low <= 1e-15 * high:
            break
    return mu


@compiled
def work_weight_in_time(
    user: Any, weights: Weights, work: float, span: float, at: DualPoint
) -> float:
    """Return the least μ with which work alone, without a download, ends in time."""
    if work <= span * user.frequency_max_ghz * (1.0 + TOGETHER):
        frequency = min(work / span, user.frequency_max_ghz) if work > 0.0 else 0.0
        return float(2.0 * weights.cpu * frequency**3)
    return float(2.0 * weights.cpu * user.frequency_max_ghz**3 + heavy(user, at))


@compiled
def edge_weight_in_time(user: Any, weights: Weights, iota: float, at: DualPoint) -> EdgeWeight:
    """Return the least ν with which the edge branch keeps the deadline, with its ν2 and η."""
    link, price = user.uplink, at.uplink_price
    load = user.model_mbit + iota * user.task_mbit
    by = user.deadline_s - iota * user.edge_s
    if at.edge_price > 0.0 and iota * user.edge_gigacycles > 0.0:
        return served_in_time(user, weights, iota, load, at)
    upload = upload_at(user, iota, at)
    if edge_ready(user, weights, 0.0, at, upload).s <= by:
        return EdgeWeight(0.0, 0.0, pressure_of(user, weights, 0.0, at, upload).eta)
    if load <= 0.0:
        return EdgeWeight(heavy(user, at), 0.0, 0.0)
    seconds = (max(by, at.t) - user.start_s) / load
    nu2 = max(weight_at(seconds, price, link) / load - weights.send, 0.0)
    if seconds < least_seconds(link) * (1.0 - TOGETHER):
        nu2 += heavy(user, at)
    nu = nu2 + heavy(user, at) if by < at.t * (1.0 - TOGETHER) else nu2
    return EdgeWeight(nu, nu2, 0.0)


@compiled
def served_in_time(
    user: Any, weights: Weights, iota: float, load: float, at: DualPoint
) -> EdgeWeight:
    """Return the ν of :func:`edge_weight_in_time` where the edge's frequency has a price."""
    high = weight_at(0.0, at.uplink_price, user.uplink) / load - weights.send if load > 0.0 else 0.0
    most = user.edge_frequency_max_ghz
    high = max(high, at.edge_price * most**2 / (iota * user.edge_gigacycles))
    low, nu, upload = 1e-15 * high, high, upload_at(user, iota, at)
    ready = edge_ready(user, weights, nu, at, upload)
    if ready.s + iota * user.edge_s > user.deadline_s * (1.0 + TOGETHER):
        nu = high + heavy(user, at)
        edge = pressure_of(user, weights, nu, at, upload)
        return EdgeWeight(nu, edge.nu2, edge.eta)
    while high - low > 1e-13 * high:
        nu = math.sqrt(low * high)
        ready = edge_ready(user, weights, nu, at, upload)
        span = least_edge_cost(user, iota, nu, at.edge_price).span_s
        if ready.s + span > user.deadline_s:
            low = nu
        else:
            high = nu
    edge = pressure_of(user, weights, high, at, upload)
    return EdgeWeight(high, edge.nu2, edge.eta)


@compiled
def multipliers_without_deadline(
    user: Any, weights: Weights, iota: float, download: bool, at: DualPoint, hint: Multipliers
) -> Multipliers:
    """Return the best multipliers at a point and prices of limits."""
    if download:
        return local_multipliers(user, weights, iota, at, hint.mu)
    return edge_multipliers(user, weights, iota, at)


@compiled
def multipliers_in_time(
    user: Any, weights: Weights, iota: float, download: bool, at: DualPoint, hint: Multipliers
) -> Multipliers:
    """Return the best multipliers at a point and a price of energy, that of the deadline included.

    Where the deadline binds, neither branch needs to know of the other: W = μ + ν, each as large as
    its own branch needs it to end in time. It binds where that is more than w^t, since both fall as
    there is more time.
    """
    if user.in_sequence:
        return multipliers_in_sequence(user, weights, iota, at, hint.mu)
    if user.deadline_s == np.inf:
        return multipliers_without_deadline(user, weights, iota, download, at, hint)
    is_served = at.edge_price > 0.0 and iota * user.edge_gigacycles > 0.0
    if is_served:  # what is needed is a long search, and seldom needed
        multipliers = multipliers_without_deadline(user, weights, iota, download, at, hint)
        end = served_s(user, iota, download, multipliers, at)
        if end <= user.deadline_s * (1.0 + TOGETHER):
            return multipliers
    mu = local_weight_in_time(user, weights, iota, at, hint.mu) if download else 0.0
    edge = edge_weight_in_time(user, weights, iota, at)
    deadline = mu + edge.nu - user.latency_weight
    if deadline <= 0.0 and not is_served:
        return multipliers_without_deadline(user, weights, iota, download, at, hint)
    return Multipliers(mu, edge.nu2, edge.eta, max(deadline, 0.0), weights.energy)


@compiled
def update_in_time(user: Any, weight: float, at: DualPoint) -> float:
    """Return the least η with which the update is there at t, where other things weigh so much."""
    if user.model_mbit <= 0.0 or at.t >= ENDLESS:
        return 0.0
    seconds = (at.t - user.start_s) / user.model_mbit
    if least_cost(weight, at.uplink_price, user.uplink).seconds <= seconds:
        return 0.0
    return update_price(user, weight, seconds, at)


@compiled
def sent_weight(user: Any, weights: Weights, iota: float, mu: float) -> float:
    """Return what a second per Mbit costs in sequence: energy, and the latency of what is sent."""
    load = user.model_mbit + iota * user.task_mbit
    return float(weights.send * load + mu * iota * user.task_mbit)


@compiled
def span_in_sequence(
    user: Any, weights: Weights, iota: float, mu: float, eta: float, at: DualPoint
) -> float:
    """Return how long after t a user is done that downloads, computes, sends, and is served."""
    work = (1.0 - iota) * user.work_gigacycles
    span = local_branch(user, weights, work, mu, at.downlink_price).finish_s
    span += least_edge_cost(user, iota, mu, at.edge_price).span_s
    if user.task_mbit > 0.0:
        weight = sent_weight(user, weights, iota, mu) + eta * user.model_mbit
        span += iota * user.task_mbit * least_cost(weight, at.uplink_price, user.uplink).seconds
    return float(span)


@compiled
def saturating(user: Any, weights: Weights, iota: float, at: DualPoint) -> float:
    """Return the least μ from which on no part of a sequence gets faster, if prices are > 0."""
    sent, work = iota * user.task_mbit, iota * user.edge_gigacycles
    most = max(2.0 * weights.cpu * user.frequency_max_ghz**3, 1e-12 * heavy(user, at))
    if sent > 0.0:
        full = weight_at(0.0, at.uplink_price, user.uplink)
        most = max(most, (full - weights.send * (user.model_mbit + sent)) / sent)
    if user.download_mbit > 0.0:
        full = weight_at(0.0, at.downlink_price, user.downlink)
        most = max(most, full / user.download_mbit - weights.receive)
    if work > 0.0:
        most = max(most, at.edge_price * user.edge_frequency_max_ghz**2 / work)
    return float(most)


@compiled
def multipliers_in_sequence(
    user: Any, weights: Weights, iota: float, at: DualPoint, hint: float
) -> Multipliers:
    """Return the best multipliers of a mode whose parts follow one another, at a price of energy.

    All of them weigh μ = W = w^t + δ. What they take together falls as W grows: where that is too
    long for the deadline at δ = 0, W is looked for in logarithms, by halving once a hint is tried.
    """
    low, energy, span_s = weights.latency, weights.energy, user.deadline_s - at.t
    eta = update_in_time(user, sent_weight(user, weights, iota, low), at)
    if user.deadline_s == np.inf or span_in_sequence(user, weights, iota, low, eta, at) <= span_s:
        return Multipliers(low, 0.0, eta, 0.0, energy)
    high = max(saturating(user, weights, iota, at), low)
    eta = update_in_time(user, sent_weight(user, weights, iota, high), at)
    least_s = span_in_sequence(user, weights, iota, high, eta, at)
    if least_s >= span_s * (1.0 - TOGETHER):
        short = least_s > span_s * (1.0 + TOGETHER)
        mu = high + heavy(user, at) if short else high
        eta = update_in_time(user, sent_weight(user, weights, iota, mu), at)
        return Multipliers(mu, 0.0, eta, max(mu - user.latency_weight, 0.0), energy)
    low = max(low, 1e-18 * high)
    mu = hint if low < hint < high else math.sqrt(low * high)
    while high - low > 1e-13 * high:
        eta = update_in_time(user, sent_weight(user, weights, iota, mu), at)
        taken_s = span_in_sequence(user, weights, iota, mu, eta, at)
        if abs(taken_s - span_s) <= TOGETHER * span_s:
            break
        if taken_s <= span_s:
            high = mu
        else:
            low = mu
        mu = math.sqrt(low * high)
    eta = update_in_time(user, sent_weight(user, weights, iota, mu), at)
    return Multipliers(mu, 0.0, eta, max(mu - user.latency_weight, 0.0), energy)


@compiled
def energy_j(
    user: Any, iota: float, download: bool, multipliers: Multipliers, at: DualPoint
) -> float:
    """Return E_j - e^lt at multipliers."""
    weights = weights_at(user, multipliers.deadline, multipliers.energy)
    load = user.model_mbit + iota * user.task_mbit
    weight = (weights.send + multipliers.nu2) * load + multipliers.eta * user.model_mbit
    if user.in_sequence:
        weight += multipliers.mu * iota * user.task_mbit
    energy = 0.0
    if load > 0.0:
        up = least_cost(weight, at.uplink_price, user.uplink)
        energy = user.transmit_power_w * load * up.seconds
    if download:
        if user.receive_power_w > 0.0 and user.download_mbit > 0.0:
            weight = (weights.receive + multipliers.mu) * user.download_mbit
            down = least_cost(weight, at.downlink_price, user.downlink)
            energy += user.receive_power_w * user.download_mbit * down.seconds
        frequency = best_frequency(user, weights.cpu, multipliers.mu)
        work = (1.0 - iota) * user.work_gigacycles
        energy += user.energy_coefficient * frequency**2 * work
    return float(energy)


@compiled
def multipliers_at(
    user: Any, iota: float, download: bool, at: DualPoint, hint: Multipliers
) -> Multipliers:
    """Return the best multipliers at a point, those of the limits included.

    They are looked for at a hint: those of a point nearby, or NOTHING_KNOWN.
    """
    if user.energy_left_j == np.inf:
        return multipliers_in_time(user, weights_at(user, 0.0, 0.0), iota, download, at, hint)
    return multipliers_within_budget(user, iota, download, at, hint)


class Bracket(NamedTuple):
    """What is known of where a decreasing function is 0.

    It is `over` 0 at `low`, and `under` it at `high`; an end that stays counts half of that
    (Illinois' method). `side` is 1 if the last point was over, -1 if it was under, 0 if there was
    none; `stays` tells whether it was hardly nearer than the one before.
    """

    low: float
    over: float
    high: float
    under: float
    slope: float
    side: float
    stays: bool


@compiled
def narrowed(known: Bracket, x: float, residual: float) -> Bracket:
    """Return a bracket with one more point."""
    low, over, high, under, slope, side, stays = known
    is_over = residual > 0.0
    repeated = side > 0.0 if is_over else side < 0.0
    if repeated:
        last = over if is_over else -under
        stays = abs(residual) > LITTLE * abs(last)
        slope = min((residual - last) / (x - (low if is_over else high)), -1e-9)
    else:
        stays = False
    if is_over:
        return Bracket(x, residual, high, 0.5 * under if repeated else under, slope, 1.0, stays)
    return Bracket(low, 0.5 * over if repeated else over, x, -residual, slope, -1.0, stays)


@compiled
def inside(bracket: Bracket) -> float:
    """Return the next point in a bracket: its middle, if the last one was hardly nearer."""
    low, over, high, under = bracket.low, bracket.over, bracket.high, bracket.under
    middle = 0.5 * (low + high)
    wanted = middle if bracket.stays else low + (high - low) * over / (over + under)
    return wanted if low < wanted < high else middle


@compiled
def paid_for_most(price: float, link: Any) -> float:
    """Return what a weight has to be compared with so that a user takes all that it may of a link.

    Seconds fall like 1/b at most where b is large, so that the weight of a second at which b is the
    best share grows like b². Of a whole band, b = 1, that is the price.
    """
    return float(price * max(1.0, link.share_max) ** 2)


@compiled
def multipliers_within_budget(
    user: Any, iota: float, download: bool, at: DualPoint, hint: Multipliers
) -> Multipliers:
    """Return the best multipliers at a point where energy is limited.

    The energy falls as V = w^e + ε grows, nearly linearly in logarithms between kinks, at which a
    frequency or a share leaves its bounds: steps along a secant of ln V until there is a bracket,
    short ones at first near a hint, and Illinois' method in it. It ends at ε = 0 where the limit
    does not bind, and at a largest V where no V is enough.
    """
    budget, own = max(user.energy_left_j, 1e-300), user.energy_weight
    paid = paid_for_most(at.uplink_price, user.uplink) + paid_for_most(
        at.downlink_price, user.downlink
    )
    scale = min((user.latency_weight * at.t + paid) / budget, 1e100)
    natural = math.log(scale) - 5.0
    most = math.log(HEAVY * (own + scale))
    least = math.log(own) if own > 0.0 else natural - FAR_BELOW
    x = min(max(math.log(own + hint.energy), least), most) if hint.energy > 0.0 else least
    longest = NEAR_A_HINT if hint.energy > 0.0 else LONGEST_STEP
    bracket = Bracket(-np.inf, 0.0, np.inf, 0.0, -0.5, 0.0, False)
    multipliers = hint
    for _ in range(MAX_STEPS):
        epsilon = max(math.exp(x) - own, 0.0) if x > least else 0.0
        weights = weights_at(user, 0.0, epsilon)
        multipliers = multipliers_in_time(user, weights, iota, download, at, multipliers)
        used = energy_j(user, iota, download, multipliers, at)
        residual = math.log(max(used, 1e-300) / budget)
        bracket = narrowed(bracket, x, residual)
        low, high = bracket.low, bracket.high
        if abs(residual) <= TOGETHER or high == least or low == most:
            break
        if high - low <= 1e-14 * (1.0 + abs(x)):
            break
        if low > -np.inf and high < np.inf:
            x = inside(bracket)
        elif x == least and own <= 0.0:
            x = natural
        else:
            step = BEYOND * abs(residual / bracket.slope)
            step = min(max(step, SHORT_OF_LONGEST * longest), longest)
            x = min(max(x + step if residual > 0.0 else x - step, least), most)
            longest = min(4.0 * longest, LONGEST_STEP)
    return multipliers


NEAR_A_HINT, LONGEST_STEP = 0.02, 4.0
"""In ln V: how far a step may lead from a hint at first, and where little is known."""
BEYOND, SHORT_OF_LONGEST = 1.05, 0.125
"""Times what a slope says, so that the limit is bracketed, and at least that part of the longest
step, since between kinks the slope may be next to 0."""
LITTLE = 0.25
"""Where a step in a bracket has left more than that of a residual, there may be a kink."""
FAR_BELOW = 60.0
"""In ln V: so far below its natural size is V as good as 0."""


# --- One user: the Lagrangian ---------------------------------------------------------------------


class Terms(NamedTuple):
    """What of G is the same for all ι: its part without a share or a frequency for the offload.

    The prices of a second of sending, per Mbit of the update and of the task; of a second at the
    server; and what computing costs at ι = 0. `size` is the sum of the sizes of the terms without
    t.
    """

    cost: float
    size: float
    sync_slope: float
    update_price: float
    task_price: float
    server_price: float
    cpu: float
    downlink_share: float


@compiled
def terms_of(user: Any, download: bool, multipliers: Multipliers, at: DualPoint) -> Terms:
    """Return what G is made of for any multipliers, whatever ι."""
    mu, nu2, eta, deadline, energy = multipliers
    weights = weights_at(user, deadline, energy)
    pressure = weights.send + nu2
    task_price = pressure + mu if user.in_sequence else pressure
    server_price = mu if user.in_sequence else weights.latency - mu
    start = (nu2 + eta) * user.start_s
    sync_slope = weights.latency - nu2 - eta
    limits = deadline * user.deadline_s if deadline > 0.0 else 0.0
    limits += energy * user.energy_left_j if energy > 0.0 else 0.0
    own = at.penalty_price * user.penalty + at.sits_out_price * user.sits_out
    cost = user.constant + own + start + sync_slope * at.t - limits
    size = abs(own) + abs(user.constant) + abs(limits) + start + server_price * user.edge_s
    size += at.uplink_price * user.uplink.share_max
    size += 2.0 * at.edge_price * user.edge_frequency_max_ghz
    share, cpu = 0.0, 0.0
    if download:
        if user.download_mbit > 0.0:
            weight = (weights.receive + mu) * user.download_mbit
            down = least_cost(weight, at.downlink_price, user.downlink)
            share = down.share
            cost += down.cost
            size += down.cost + at.downlink_price * user.downlink.share_max
        if mu > 0.0:
            frequency = best_frequency(user, weights.cpu, mu)
            cpu = user.work_gigacycles * (weights.cpu * frequency**2 + mu / frequency)
        size += cpu
    update_price = pressure * user.model_mbit + eta * user.model_mbit
    return Terms(cost, size, sync_slope, update_price, task_price, server_price, cpu, share)


@compiled
def lagrangian_of(user: Any, iota: float, terms: Terms, at: DualPoint) -> Value:
    """Return G(ι, t) and its derivatives; concave in ι, since it is linear but for two minima."""
    weight = terms.update_price + terms.task_price * iota * user.task_mbit
    up = least_cost(weight, at.uplink_price, user.uplink)
    at_edge = least_edge_cost(user, iota, terms.server_price, at.edge_price)
    cost = terms.cost + up.cost + at_edge.cost + terms.cpu * (1.0 - iota)
    slope = terms.task_price * user.task_mbit * up.seconds if up.share > 0.0 else 0.0
    slope += at_edge.offload_slope - terms.cpu
    return Value(
        cost,
        terms.sync_slope,
        slope,
        up.share,
        terms.downlink_share,
        at_edge.frequency_ghz,
        terms.size + up.cost,
    )


@compiled
def lagrangian(
    user: Any, iota: float, download: bool, multipliers: Multipliers, at: DualPoint
) -> Value:
    r"""Return G(ι, t) and its derivatives, for any multipliers.

    $$
    G(\iota, t) = R + F + \min_b\,[K s(b) + \lambda b]
    + \min_{\bar b}\,[\bar K \bar s(\bar b) + \lambda \bar b]
    $$

    $$
    R = w^{\text{e}} e^{\text{lt}} - w^{\text{t}} \tau^{\text{md}}_{N-1} + (\nu_1 + \mu - \eta)\, t
    + (\nu_2 + \eta) A + (\nu_1 + \nu_2) \frac{C \iota L}{f_s}
    $$

    $$
    F = C (1 - \iota) L \min_f\,[w^{\text{e}} \kappa f^2 + \mu / f]
    $$

    $$
    K = (w^{\text{e}} p + \nu_2)(D + \iota L) + \eta D, \quad
    \bar K = (w^{\text{e}} p^{\text{md}} + \mu) D
    $$
    """
    return lagrangian_of(user, iota, terms_of(user, download, multipliers, at), at)


@compiled
def value_at(
    user: Any, iota: float, download: bool, at: DualPoint, hint: Multipliers
) -> tuple[Multipliers, Value]:
    """Return the best multipliers at a point and the Lagrangian there: the cost of the point."""
    multipliers = multipliers_at(user, iota, download, at, hint)
    return multipliers, lagrangian(user, iota, download, multipliers, at)


# --- One user: the best offload fraction ----------------------------------------------------------


@compiled
def nearest_on_grid(iota: float, step: float) -> float:
    """Return the nearest point of the grid k · step; the fraction itself without a grid."""
    if step <= 0.0:
        return iota
    return min(round(iota / step) * step, 1.0)


class Bottom(NamedTuple):
    """Where the cost in ι is lowest in a basin, with multipliers; how much lower than the start.

    `bend` is its second derivative there, or 0 where that is not known.
    """

    offload_fraction: float
    multipliers: Multipliers
    bend: float
    gained: float


@compiled
def descend(
    user: Any,
    low: float,
    high: float,
    start: float,
    at: DualPoint,
    hint: Multipliers,
    bend: float,
) -> Bottom:
    """Go down from a start to the bottom of its basin of the cost in ι.

    A step that is too long can end in another basin, a higher one: then it is tried with short
    steps.
    """
    found = line_search(user, low, high, start, FIRST_STEP, at, hint, bend)
    if found.gained < 0.0:
        found = line_search(user, low, high, start, SHORT_STEP, at, hint, 0.0)
    return found


FIRST_STEP, SHORT_STEP = 0.003, 3e-5
"""In ι: short beside most basins, and long enough for a start near the bottom to be bracketed soon;
the second is for basins in which the first is too long."""
LEAST_STEP, LARGEST_STEP = 1e-8, 0.03
"""In ι: of a first step where the bend is known: it has to tell slopes apart, and may not leap."""
A_LITTLE_FAR = 1.02
"""Times the way to the bottom, for such a step: so the bottom is bracketed closely."""
OVERSHOOT, LARGEST_GROWTH = 1.2, 8.0
"""A secant step is lengthened to pass the bottom, so that it is bracketed, and may not leap."""
FLAT, NARROWEST = 1e-11, 1e-13
"""What may be left to gain, relative to the cost, and how narrow a bracket in ι may be."""
LEVEL, GROWTH = 0.9, 4.0
"""Where the slope has kept that much of its size in a step, the next one is so much longer."""


@compiled
def line_search(
    user: Any,
    low: float,
    high: float,
    start: float,
    step: float,
    at: DualPoint,
    hint: Multipliers,
    bend: float,
) -> Bottom:
    """Follow the slope of the cost in ι until it changes its sign, and find where it does.

    Once it has, Illinois' method goes on for the slope; where that jumps, the cost has a kink, to
    which its tangents on both sides lead. Both sides are mixed, ι and multipliers, so that G is
    level in ι: at a kink, the multipliers of one side would tell a wrong story about t.

    The first step leads to where the bottom is expected by a `bend` that was met before; with 0 it
    is the `step`.
    """
    x = min(max(start, low), high)
    multipliers, value = value_at(user, x, True, at, hint)
    slope, cost = value.offload_slope, value.cost
    first_cost = cost
    enough = FLAT * abs(first_cost)
    other, other_slope, other_cost, other_multipliers = x, slope, cost, multipliers
    weight, bracketed, jumps, smooth = 1.0, False, False, True
    step = first_step(slope, bend, step)
    for _ in range(60):
        if bracketed:
            y = x - slope * (other - x) / (weight * other_slope - slope)
            if jumps:
                y = beyond_kink(x, cost, slope, other, other_cost, other_slope)
            y = strictly_between(x, y, other)
        elif slope == 0.0 or x == (low if slope > 0.0 else high):
            return Bottom(x, multipliers, 0.0, first_cost - cost)
        else:
            y = max(x - step, low) if slope > 0.0 else min(x + step, high)
        y_multipliers, value = value_at(user, y, True, at, multipliers)
        y_slope = value.offload_slope
        if y_slope * slope <= 0.0:
            jumps = bracketed and abs(y_slope) > LITTLE * abs(other_slope)
            other, other_slope, other_cost, other_multipliers = x, slope, cost, multipliers
            weight, bracketed = 1.0, True
        elif bracketed:
            jumps = abs(y_slope) > LITTLE * abs(slope)
            weight *= 0.5
        else:
            ratio = y_slope / slope
            growth = GROWTH
            if ratio < LEVEL:
                growth = min(ratio / (1.0 - ratio) * OVERSHOOT, LARGEST_GROWTH)
            step = abs(y - x) * growth
        smooth = smooth and not jumps
        x, slope, cost, multipliers = y, y_slope, value.cost, y_multipliers
        if bracketed and (abs(other - x) <= NARROWEST or abs(slope * (other - x)) <= enough):
            break
    gained = first_cost - cost + enough
    if not bracketed or slope == other_slope:
        return Bottom(x, multipliers, 0.0, gained)
    part = other_slope / (other_slope - slope)
    bend = (other_slope - slope) / (other - x) if smooth and abs(other - x) > NOISE else 0.0
    level = mix(multipliers, other_multipliers, part)
    level_x = min(max(part * x + (1.0 - part) * other, low), high)
    return Bottom(level_x, level, bend, gained)


NOISE = 1e-9
"""In ι: where the slopes of two points that are nearer are rounding."""


@compiled
def first_step(slope: float, bend: float, otherwise: float) -> float:
    """Return the length of a step a little beyond the bottom, where the bend is known."""
    if bend <= 0.0:
        return otherwise
    return min(max(A_LITTLE_FAR * abs(slope) / bend, LEAST_STEP), LARGEST_STEP)


@compiled
def strictly_between(x: float, wanted: float, other: float) -> float:
    """Return what is wanted if it is between two points, else their middle."""
    if min(x, other) < wanted < max(x, other):
        return wanted
    return 0.5 * (x + other)


@compiled
def beyond_kink(
    x: float, cost: float, slope: float, other: float, other_cost: float, other_slope: float
) -> float:
    """Return a point a little farther than where the tangents at two points of a cost meet.

    Farther from the nearer one of them, so that the kink is bracketed from both sides.
    """
    met = (other_cost - cost + slope * x - other_slope * other) / (slope - other_slope)
    near = x if abs(met - x) <= abs(met - other) else other
    return met + FARTHER * (met - near)


FARTHER = 0.05
"""Part of the way to a kink."""


@compiled
def mix(one: Multipliers, other: Multipliers, part: float) -> Multipliers:
    """Return part · one + (1 - part) · other."""
    rest = 1.0 - part
    return Multipliers(
        part * one.mu + rest * other.mu,
        part * one.nu2 + rest * other.nu2,
        part * one.eta + rest * other.eta,
        part * one.deadline + rest * other.deadline,
        part * one.energy + rest * other.energy,
    )


@compiled
def best_offload(user: Any, domain: Any, step: float, start: Any, at: DualPoint) -> Bottom:
    """Return the best offload fraction with download in the basin of a start, and multipliers.

    The start is a BASIN or a SOLUTION; its ι may be UNKNOWN.
    """
    low, high = domain.offload_min, domain.offload_max
    multipliers, bend = multipliers_of(start), start.bend
    if high > low:
        known = start.offload_fraction
        middle = known if known >= 0.0 else 0.5 * (low + high)
        least = min(max(low, LEAST_OFFLOAD), high) if at.edge_price > 0.0 else low
        found = descend(user, least, high, middle, at, multipliers, bend)
        best, multipliers, bend, _ = found
        if best == least > low:
            best = low
            multipliers, _ = value_at(user, low, True, at, multipliers)
        if step <= 0.0:
            return Bottom(best, multipliers, bend, 0.0)
        low = min(max(nearest_on_grid(np.floor(best / step + 1e-9) * step, step), low), high)
        high = min(nearest_on_grid(low + step, step), high)
    lower_multipliers, lower = value_at(user, low, True, at, multipliers)
    upper_multipliers, upper = value_at(user, high, True, at, multipliers)
    if lower.cost <= upper.cost:
        return Bottom(low, lower_multipliers, bend, 0.0)
    return Bottom(high, upper_multipliers, bend, 0.0)


@compiled
def multipliers_of(known: Any) -> Multipliers:
    """Return the multipliers of a SOLUTION, a CELL or a BASIN."""
    return Multipliers(known.mu, known.nu2, known.eta, known.deadline, known.energy)


@compiled
def record(
    user: Any, iota: float, download: bool, multipliers: Multipliers, value: Value, solution: Any
) -> None:
    """Write down a solution (a, ι) with its cost, shares and multipliers."""
    solution.download = download
    solution.offload_fraction = iota
    solution.value = value.cost
    solution.sync_slope = value.sync_slope
    solution.uplink_share = value.uplink_share
    solution.downlink_share = value.downlink_share
    solution.edge_frequency_ghz = value.edge_frequency_ghz
    solution.mu, solution.nu2, solution.eta = multipliers.mu, multipliers.nu2, multipliers.eta
    solution.deadline, solution.energy = multipliers.deadline, multipliers.energy
    solution.penalty, solution.sits_out = user.penalty, user.sits_out


# --- All users: sums ------------------------------------------------------------------------------


class Sum(NamedTuple):
    """A sum, and what rounding has lost of it (Neumaier): good for a million terms."""

    total: float
    lost: float


NOTHING = Sum(0.0, 0.0)


@compiled
def added(known: Sum, term: float) -> Sum:
    """Return a sum with one more term."""
    total = known.total + term
    if abs(known.total) >= abs(term):
        return Sum(total, known.lost + ((known.total - total) + term))
    return Sum(total, known.lost + ((term - total) + known.total))


@compiled
def whole(known: Sum) -> float:
    """Return the sum; what is lost of one that is not finite counts for nothing."""
    return known.total + known.lost if np.isfinite(known.total) else known.total


class Together(NamedTuple):
    """What all users do together: Σ G, its derivative in t, Σ (ν2 + η), and what they draw."""

    value: float
    sync_slope: float
    pressure: float
    drawn: tuple[float, ...]


@compiled
def together(solutions: Any) -> Together:
    """Return the sums over SOLUTION records; what is drawn in the order of ``QUANTITIES``."""
    value, slope, pressure = NOTHING, NOTHING, NOTHING
    up, down, edge, penalty, out = NOTHING, NOTHING, NOTHING, NOTHING, NOTHING
    for j in range(len(solutions)):
        one = solutions[j]
        value, slope = added(value, one.value), added(slope, one.sync_slope)
        pressure = added(pressure, one.nu2 + one.eta)
        up, down = added(up, one.uplink_share), added(down, one.downlink_share)
        edge = added(edge, one.edge_frequency_ghz)
        penalty, out = added(penalty, one.penalty), added(out, one.sits_out)
    drawn = (whole(up), whole(down), whole(edge), whole(penalty), whole(out))
    return Together(whole(value), whole(slope), whole(pressure), drawn)


class Everybody(NamedTuple):
    """All end users and what they may decide.

    USER and DOMAIN records, one a user; the step of a grid of ι, or 0; two BASIN records a user,
    whose ι may be UNKNOWN; and USER records of the modes of all users with a BASIN of each.
    """

    users: Any
    domains: Any
    step: float
    basins: Any
    modes: Any
    known: Any


# --- One user: a bound over all its decisions -----------------------------------------------------


@compiled
def safely(user: Any, value: Value, multipliers: Multipliers, last_t: float) -> float:
    """Return G less what rounding can have added, for use at any time up to `last_t`."""
    weights = user.latency_weight + multipliers.deadline + multipliers.nu2 + multipliers.eta
    return float(value.cost - ROUNDING * (value.size + weights * last_t))


@compiled
def safe_value(
    user: Any, iota: float, terms: Terms, multipliers: Multipliers, last_t: float, at: DualPoint
) -> float:
    """Return G(ι, t), safely."""
    return safely(user, lagrangian_of(user, iota, terms, at), multipliers, last_t)


class Reach(NamedTuple):
    """How far to both sides of a point G stays above a need, and the least value in between."""

    left: float
    right: float
    value: float


@compiled
def reach_both(
    user: Any,
    multipliers: Multipliers,
    middle: float,
    point: Value,
    low: float,
    high: float,
    step: float,
    need: float,
    last_t: float,
    at: DualPoint,
) -> Reach:
    """Return how far from a point, where G is known, it stays above a need in a range of ι."""
    terms = terms_of(user, True, multipliers, at)
    value = safely(user, point, multipliers, last_t)
    left, at_left = reach(user, multipliers, terms, middle, value, low, step, need, last_t, at)
    right, at_right = reach(user, multipliers, terms, middle, value, high, step, need, last_t, at)
    return Reach(left, right, min(at_left, at_right))


@compiled
def reach(
    user: Any,
    multipliers: Multipliers,
    terms: Terms,
    inside: float,
    value: float,
    end: float,
    step: float,
    need: float,
    last_t: float,
    at: DualPoint,
) -> tuple[float, float]:
    """Return how far from `inside` towards `end` G stays above a need, and G there.

    G is concave in ι, so a chord from a point where it is above meets the need too early at worst.
    """
    if inside == end:
        return inside, value
    outside = end
    beyond = safe_value(user, end, terms, multipliers, last_t, at)
    if beyond >= need:
        return end, beyond
    for _ in range(3):  # what is left takes one cell more, which costs no more than a few steps
        if value <= need:
            break
        x = inside + SHORT_OF * (value - need) / (value - beyond) * (outside - inside)
        if step > 0.0:
            x = step * (np.floor(x / step) if end > inside else np.ceil(x / step))
            x = min(x, 1.0)
        if x == inside:
            break
        at_x = safe_value(user, x, terms, multipliers, last_t, at)
        if at_x < need:
            outside, beyond = x, at_x
        else:
            inside, value = x, at_x
    return inside, value


SHORT_OF = 0.999
"""Part of the way to where a chord meets a need: rounding must not put the end beyond."""


@compiled
def put_aside(
    low: float,
    left: float,
    right: float,
    high: float,
    step: float,
    lows: Any,
    highs: Any,
    waiting: int,
) -> int:
    """Put what a cell leaves of a range on the stack, and return how many ranges wait there."""
    if left > low:
        lows[waiting], highs[waiting] = low, nearest_on_grid(left - step, step)
        waiting += 1
    if right < high:
        lows[waiting], highs[waiting] = nearest_on_grid(right + step, step), high
        waiting += 1
    return waiting


@compiled
def write_cell(
    cell: Any, low: float, high: float, multipliers: Multipliers, value: float, slope: float
) -> None:
    """Write down a cell and the line that it proves: none, if the value is not a number."""
    cell.offload_min, cell.offload_max = low, high
    cell.mu, cell.nu2, cell.eta = multipliers.mu, multipliers.nu2, multipliers.eta
    cell.deadline, cell.energy = multipliers.deadline, multipliers.energy
    cell.value, cell.sync_slope = (-np.inf if np.isnan(value) else value), slope


@compiled
def largest_gain(slope: float, times: Times, t: float) -> float:
    """Return by how much a line over sync times grows at most from t on, to either end."""
    return float(max(slope * (times.first - t), slope * (times.last - t)))


class Line(NamedTuple):
    """A line over sync times: its value at the time that users see, and its slope."""

    value: float
    slope: float


@compiled
def levelled(
    user: Any,
    iota: float,
    download: bool,
    known: tuple[Multipliers, Value],
    wanted: Line,
    times: Times,
    at: DualPoint,
) -> tuple[Multipliers, Value]:
    """Return multipliers of a point whose line stays above one wanted at all sync times.

    The cost of a point is convex in t, so that the line with a given slope that is highest touches
    it where that is its slope. The time is searched for between that of the users and an end; of
    the multipliers on both sides of it, a combination has the slope, and loses the less the nearer
    they are. Those known are returned if their line is above all the time, or none such is found.
    """
    one, point = known
    if point.cost >= wanted.value + largest_gain(wanted.slope - point.sync_slope, times, at.t):
        return known
    rises = point.sync_slope > wanted.slope
    inside, over, other = at.t, point.sync_slope - wanted.slope, one
    outside, under = (times.first if rises else times.last), np.nan
    for step in range(LEVEL_STEPS):
        part = 0.5 if step % 2 == 0 or math.isnan(under) else over / (over - under)
        t = inside + part * (outside - inside)
        found = multipliers_at(user, iota, download, DualPoint(t, *at[1:]), one)
        slope = user.latency_weight + found.deadline - found.nu2 - found.eta
        if (slope > wanted.slope) == rises:
            inside, over, one = t, slope - wanted.slope, found
        else:
            outside, under, other = t, slope - wanted.slope, found
        if not math.isnan(under):
            level = mix(one, other, under / (under - over))
            point = lagrangian(user, iota, download, level, at)
            if safely(user, point, level, times.last) >= wanted.value:
                return level, point
    return known


LEVEL_STEPS = 6
"""Of the search for a line of a slope; who has none has other decisions better at another time."""
LEVEL_PART = 0.5
"""Part of what cells may lose that lines are allowed to be below the best solution's."""


@compiled
def cover_local(
    user: Any,
    domain: Any,
    step: float,
    solution: Any,
    tolerance: float,
    times: Times,
    at: DualPoint,
    count: int,
    cells: Any,
) -> tuple[int, float]:
    """Cover all decisions with download by cells, each proving a line in t below the user's cost.

    A stack of ranges of ι is worked off. In each, the best multipliers at a point (the given
    solution's own ι in the range that holds it, the middle in others) make a cell as wide to both
    sides as G stays high enough; what is left on each side is a range of its own. High enough is
    what loses no more than the tolerance, over the whole range of t, against the line of the best
    solution met so far, or, where the point itself lies lower, against its own cost: no cell could
    prove more there.

    Returns
    -------
    count, better
        Number of cells, those before included, and an offload fraction that beats the given
        solution by more than the tolerance (UNKNOWN if none was met).
    """
    better = UNKNOWN
    best, best_slope = solution.value, solution.sync_slope
    lows, highs = np.empty(MAX_CELLS), np.empty(MAX_CELLS)
    lows[0], highs[0], waiting = domain.offload_min, domain.offload_max, 1
    start = solution.offload_fraction if solution.download else UNKNOWN
    multipliers = multipliers_of(solution)
    while waiting > 0:
        waiting -= 1
        low, high = lows[waiting], highs[waiting]
        if low <= start <= high:
            middle = start
            multipliers = multipliers_of(solution)
            point = lagrangian(user, middle, True, multipliers, at)
        else:
            middle = nearest_on_grid(0.5 * (low + high), step)
            multipliers, point = value_at(user, middle, True, at, multipliers)
        start = UNKNOWN
        if point.cost < best - tolerance:
            best, best_slope, better = point.cost, point.sync_slope, middle
        wanted = Line(best - LEVEL_PART * tolerance, best_slope)
        multipliers, point = levelled(user, middle, True, (multipliers, point), wanted, times, at)
        cost, slope = point.cost, point.sync_slope
        need = min(cost, best + largest_gain(best_slope - slope, times, at.t)) - tolerance
        if count + waiting + 3 > MAX_CELLS:
            need = -np.inf
        left, right, value = reach_both(
            user, multipliers, middle, point, low, high, step, need, times.last, at
        )
        write_cell(cells[count], left, right, multipliers, value, slope)
        count += 1
        waiting = put_aside(low, left, right, high, step, lows, highs, waiting)
    return count, better


@compiled
def cover(
    user: Any,
    domain: Any,
    step: float,
    solution: Any,
    tolerance: float,
    times: Times,
    at: DualPoint,
    cells: Any,
) -> tuple[int, float]:
    """Cover all decisions of a user; see :func:`cover_local`.

    The cell of a = 0 comes first, at ``NO_DOWNLOAD``.
    """
    count = 0
    if domain.edge:
        known = value_at(user, 1.0, False, at, NOTHING_KNOWN)
        wanted = Line(solution.value - LEVEL_PART * tolerance, solution.sync_slope)
        edge, point = levelled(user, 1.0, False, known, wanted, times, at)
        terms = terms_of(user, False, edge, at)
        value = safe_value(user, 1.0, terms, edge, times.last, at)
        write_cell(cells[0], NO_DOWNLOAD, NO_DOWNLOAD, edge, value, point.sync_slope)
        count = 1
    if not domain.local:
        return count, UNKNOWN
    return cover_local(user, domain, step, solution, tolerance, times, at, count, cells)


@compiled
def cover_all(
    everybody: Everybody,
    solutions: Any,
    tolerance: float,
    times: Times,
    at: DualPoint,
    better: Any,
    counts: Any,
    first: int,
    last: int,
) -> Any:
    """Cover the domains of users first..last-1, and say which ι are better than the solutions.

    Returns
    -------
    array of CELL
        Those of one user after the other, as many of each as is written into `counts`.
    """
    users, domains, step, _, modes, _ = everybody
    most, used = MAX_CELLS, 0
    for j in range(first, last):
        most = max(most, domains[j].modes)
    cells, own_cells = np.empty(most + USUAL_CELLS * (last - first), CELL), np.empty(most, CELL)
    for j in range(first, last):
        domain, solution = domains[j], solutions[j]
        if domain.modes > 0:
            own, better[j] = slice(domain.first, domain.first + domain.modes), UNKNOWN
            counts[j] = cover_modes(modes[own], domain, solution, tolerance, times, at, own_cells)
        else:
            counts[j], better[j] = cover(
                users[j], domain, step, solution, tolerance, times, at, own_cells
            )
        if used + counts[j] > len(cells):
            longer = np.empty(2 * len(cells), CELL)
            longer[:used] = cells[:used]
            cells = longer
        cells[used : used + counts[j]] = own_cells[: counts[j]]
        used += counts[j]
    return cells[:used]


USUAL_CELLS = 8
"""So many of a user find room at first."""


@compiled
def size_of(solutions: Any) -> float:
    """Return the sum of the sizes of users' costs, Σ |G|."""
    total = NOTHING
    for j in range(len(solutions)):
        total = added(total, abs(solutions[j].value))
    return whole(total)


class Lines(NamedTuple):
    """What cells prove together: their users' lines in t from a time on, less what is paid."""

    cells: Any
    counts: Any
    t: float
    paid: float
    size: float


@compiled
def bound_at(lines: Lines, t: float) -> float:
    """Return a valid lower bound at a sync time: what the lowest lines of all users add up to."""
    return tangent_at(lines, t).value


@compiled
def tangent_at(lines: Lines, t: float) -> Line:
    """Return the bound at a sync time, and its slope there."""
    total, slope, place = NOTHING, 0.0, 0
    for count in lines.counts:
        least = Line(np.inf, 0.0)
        for _ in range(count):
            cell = lines.cells[place]
            value = cell.value + cell.sync_slope * (t - lines.t)
            if value < least.value:
                least = Line(value, cell.sync_slope)
            place += 1
        total = added(total, least.value)
        slope += least.slope
    return Line(whole(total) - lines.paid - ROUNDING * lines.size, slope)


class Parts(NamedTuple):
    """Bounds over three consecutive parts of a range of sync times."""

    before: float
    within: float
    after: float


@compiled
def bounds_of_parts(lines: Lines, times: Times, first: float, last: float) -> Parts:
    """Return valid bounds before, within and after a part of a range: concave, so ends suffice."""
    begins, ends = bound_at(lines, first), bound_at(lines, last)
    return Parts(
        min(bound_at(lines, times.first), begins),
        min(begins, ends),
        min(ends, bound_at(lines, times.last)),
    )


@compiled
def proven_times(lines: Lines, times: Times, need: float) -> Times:
    """Return in which part of a range around their own time lines stay above a need."""
    value = bound_at(lines, lines.t)
    return Times(
        reach_in_time(lines, value, times.first, need),
        reach_in_time(lines, value, times.last, need),
    )


@compiled
def reach_in_time(lines: Lines, value: float, end: float, need: float) -> float:
    """Return how far towards an end the bound stays above a need; concave in t.

    Its tangent beyond the place where it meets the need meets it beyond that too, but nearer. A
    chord from there ends just short of it.
    """
    inside, outside, beyond = lines.t, end, tangent_at(lines, end)
    if beyond.value >= need:
        return end
    for _ in range(TANGENTS):
        t = outside + (need - beyond.value) / beyond.slope
        if not min(inside, outside) < t < max(inside, outside):
            break
        nearer = tangent_at(lines, t)
        if nearer.value >= need:
            return t
        outside, beyond = t, nearer
    for _ in range(4):  # each gains most of what is left
        if value <= need:
            break
        middle = inside + SHORT_OF * (value - need) / (value - beyond.value) * (outside - inside)
        at_middle = tangent_at(lines, middle)
        if at_middle.value < need:
            outside, beyond = middle, at_middle
        else:
            inside, value = middle, at_middle.value
    return inside


TANGENTS = 20
"""More than the corners of a bound that are met; each step passes one at least."""


# --- All users: solutions -------------------------------------------------------------------------

FIXED, TRACKED, FOLLOWED, FREE = 0, 1, 2, 3
"""What users may change at new prices: nothing; ι within its basin; to no download or the basins
that are known; everything."""
SCREENING_TOLERANCE = 1e-3
"""What a free user may miss, relative to its cost or what users pay for the band on average: a
price search needs no more, and cells that are made for a proof find what is missed."""
SAME_BASIN = 1e-6
"""In ι: bottoms that are nearer are one."""


@compiled
def remember(basin: Any, iota: float, multipliers: Multipliers, bend: float) -> None:
    """Write down an ι whose basin is followed, with multipliers that are good there."""
    basin.offload_fraction, basin.bend = iota, bend
    basin.mu, basin.nu2, basin.eta = multipliers.mu, multipliers.nu2, multipliers.eta
    basin.deadline, basin.energy = multipliers.deadline, multipliers.energy


@compiled
def remembered(user: Any, basin: Any) -> Multipliers:
    """Return the multipliers of a basin, lowered to w^t where that was larger: they prove again."""
    total, used = user.latency_weight + basin.deadline, basin.mu + basin.nu2
    part = total / used if used > total else 1.0
    return Multipliers(part * basin.mu, part * basin.nu2, basin.eta, basin.deadline, basin.energy)


@compiled
def search_basins(
    user: Any, domain: Any, step: float, basins: Any, at: DualPoint, solution: Any
) -> bool:
    """Go to the bottom of the one or two basins known, take the lower one and keep it first.

    Returns whether two are known still: they may become one for a while as prices change, and where
    the one was that is gone is remembered.
    """
    first, first_hint = basins[0].offload_fraction, multipliers_of(basins[0])
    first_bend = basins[0].bend
    iota, multipliers, bend, _ = best_offload(user, domain, step, basins[0], at)
    remember(basins[0], iota, multipliers, bend)
    value = lagrangian(user, iota, True, multipliers, at)
    record(user, iota, True, multipliers, value, solution)
    solution.bend = bend
    start = basins[1].offload_fraction
    if start < 0.0:
        return False
    value = lagrangian(user, start, True, remembered(user, basins[1]), at)
    if value.cost > solution.value:  # so does the bottom known, by weak duality
        return True
    other, other_multipliers, other_bend, _ = best_offload(user, domain, step, basins[1], at)
    if abs(other - iota) <= SAME_BASIN:
        if first >= 0.0 and abs(first - iota) > abs(start - iota):
            remember(basins[1], first, first_hint, first_bend)
        return False
    remember(basins[1], other, other_multipliers, other_bend)
    value = lagrangian(user, other, True, other_multipliers, at)
    if value.cost < solution.value:
        remember(basins[0], other, other_multipliers, other_bend)
        remember(basins[1], iota, multipliers, bend)
        record(user, other, True, other_multipliers, value, solution)
        solution.bend = other_bend
    return True


@compiled
def is_dominated(
    user: Any, domain: Any, step: float, basin: Any, cost: float, at: DualPoint
) -> bool:
    """Tell whether a few cells prove that every decision with download costs more than that.

    Those multipliers may do that were good at a point of the basin before, all over its domain.
    """
    lows, highs = np.empty(FEW_CELLS + 2), np.empty(FEW_CELLS + 2)
    lows[0], highs[0], waiting = domain.offload_min, domain.offload_max, 1
    start, multipliers = basin.offload_fraction, remembered(user, basin)
    if start >= 0.0 and is_above(user, domain, multipliers, cost, at):
        return True
    for k in range(FEW_CELLS):
        waiting -= 1
        low, high = lows[waiting], highs[waiting]
        middle = start if low <= start <= high else nearest_on_grid(0.5 * (low + high), step)
        start = UNKNOWN
        multipliers, point = value_at(user, middle, True, at, multipliers)
        if k == 0:
            remember(basin, middle, multipliers, 0.0)
        if point.cost <= cost:
            return False
        left, right, _ = reach_both(
            user, multipliers, middle, point, low, high, step, cost, at.t, at
        )
        waiting = put_aside(low, left, right, high, step, lows, highs, waiting)
        if waiting == 0:
            return True
    return False


@compiled
def is_above(user: Any, domain: Any, multipliers: Multipliers, cost: float, at: DualPoint) -> bool:
    """Tell whether multipliers prove that every ι of a domain costs more: G is concave in ι."""
    terms = terms_of(user, True, multipliers, at)
    if lagrangian_of(user, domain.offload_min, terms, at).cost <= cost:
        return False
    return bool(lagrangian_of(user, domain.offload_max, terms, at).cost > cost)


@compiled
def solve_freely(
    user: Any,
    domain: Any,
    step: float,
    typical: float,
    basins: Any,
    at: DualPoint,
    solution: Any,
    cells: Any,
) -> None:
    """Take the best decision of all: the known basins, after a screening of the whole domain.

    A basin that the screening finds is followed from then on, beside the one known before.
    """
    edge_cost, edge, at_edge = np.inf, NOTHING_KNOWN, NO_VALUE
    if domain.edge:
        edge, at_edge = value_at(user, 1.0, False, at, NOTHING_KNOWN)
        edge_cost = at_edge.cost
    if domain.local and not (
        domain.edge and is_dominated(user, domain, step, basins[0], edge_cost, at)
    ):
        if not search_basins(user, domain, step, basins, at, solution):
            basins[1].offload_fraction = UNKNOWN
        enough = SCREENING_TOLERANCE * max(abs(solution.value - user.constant), typical)
        _, better = cover_local(
            user, domain, step, solution, enough, Times(at.t, at.t), at, 0, cells
        )
        if better >= 0.0:
            known = basins[0]
            remember(basins[1], known.offload_fraction, multipliers_of(known), known.bend)
            remember(known, better, NOTHING_KNOWN, 0.0)
            search_basins(user, domain, step, basins, at, solution)
        if solution.value < edge_cost:
            return
    record(user, 1.0, False, edge, at_edge, solution)


@compiled
def solve_nearby(
    user: Any, domain: Any, step: float, basins: Any, at: DualPoint, solution: Any
) -> None:
    """Take no download, or the best ι of the basins known; what that misses, a proof finds."""
    edge_cost, edge, at_edge = np.inf, NOTHING_KNOWN, NO_VALUE
    if domain.edge:
        edge, at_edge = value_at(user, 1.0, False, at, multipliers_of(solution))
        edge_cost = at_edge.cost
    known = basins[0]
    follows = domain.local and (known.offload_fraction >= 0.0 or not domain.edge)
    if follows and domain.edge and not solution.download:
        iota = min(max(known.offload_fraction, domain.offload_min), domain.offload_max)
        value = lagrangian(user, iota, True, remembered(user, known), at)
        follows = value.cost < edge_cost  # else the ι known costs more, by weak duality
    if follows:
        search_basins(user, domain, step, basins, at, solution)
        if solution.value < edge_cost:
            return
    record(user, 1.0, False, edge, at_edge, solution)


@compiled
def computes_itself(mode: Any) -> bool:
    """Tell whether a mode has a local branch."""
    return bool(mode.download_mbit > 0.0 or mode.work_gigacycles > 0.0)


@compiled
def solve_modes(modes: Any, known: Any, domain: Any, at: DualPoint, solution: Any) -> None:
    """Take the best of the modes that a domain leaves open; the last one taken is tried first.

    A mode whose multipliers known prove that it costs more is passed over.
    """
    low, high = int(domain.offload_min), int(domain.offload_max)
    last = min(max(int(solution.offload_fraction), low), high)
    best = np.inf
    for place in range(low - 1, high + 1):
        k = last if place < low else place
        if place == last:
            continue
        mode, basin = modes[k], known[k]
        computes = computes_itself(mode)
        if best < np.inf:
            value = lagrangian(mode, HALF, True, remembered(mode, basin), at)
            if value.cost >= best:
                continue
        multipliers, value = value_at(mode, HALF, computes, at, multipliers_of(basin))
        remember(basin, HALF, multipliers, 0.0)
        if value.cost < best:
            best = value.cost
            record(mode, HALF, True, multipliers, value, solution)
            solution.offload_fraction = k


@compiled
def solve_mode(modes: Any, known: Any, at: DualPoint, solution: Any) -> None:
    """Find the best multipliers in the mode that a user has taken."""
    k = int(solution.offload_fraction)
    mode = modes[k]
    computes = computes_itself(mode)
    multipliers, value = value_at(mode, HALF, computes, at, multipliers_of(solution))
    remember(known[k], HALF, multipliers, 0.0)
    record(mode, HALF, True, multipliers, value, solution)
    solution.offload_fraction = k


HALF = 0.5
"""The ι of a mode: its record holds twice what is sent and computed, so that half is each."""


@compiled
def carried_over(mode: Any, multipliers: Multipliers) -> Multipliers:
    """Return multipliers of another mode, without those of uploads that this one has not."""
    mu, nu2, eta, deadline, energy = multipliers
    if mode.in_sequence:
        nu2 = 0.0
    if mode.model_mbit <= 0.0:
        eta = 0.0
        if mode.task_mbit <= 0.0:
            nu2 = 0.0
    return Multipliers(mu, nu2, eta, deadline, energy)


@compiled
def cover_modes(
    modes: Any,
    domain: Any,
    solution: Any,
    tolerance: float,
    times: Times,
    at: DualPoint,
    cells: Any,
) -> int:
    """Make a cell for every mode that a domain leaves open, and return how many.

    The multipliers of the mode taken will do for another one where they prove as much as is asked
    of cells of ι. Nothing remembered is used: a certificate makes the same cells again.
    """
    count = 0
    for k in range(int(domain.offload_min), int(domain.offload_max) + 1):
        mode = modes[k]
        multipliers = carried_over(mode, multipliers_of(solution))
        point = lagrangian(mode, HALF, True, multipliers, at)
        gain = largest_gain(solution.sync_slope - point.sync_slope, times, at.t)
        if point.cost < solution.value + gain - tolerance:
            multipliers, point = value_at(mode, HALF, computes_itself(mode), at, NOTHING_KNOWN)
        terms = terms_of(mode, True, multipliers, at)
        value = safe_value(mode, HALF, terms, multipliers, times.last, at)
        write_cell(cells[count], k, k, multipliers, value, point.sync_slope)
        count += 1
    return count


@compiled
def solve_users(
    everybody: Everybody, freedom: int, at: DualPoint, solutions: Any, first: int, last: int
) -> None:
    """Let users first..last-1 choose at given prices and sync time.

    `solutions` holds the previous ones and is overwritten.
    """
    users, domains, step, basins, modes, known = everybody
    cells = np.empty(MAX_CELLS if freedom == FREE else 0, CELL)
    typical = (at.uplink_price + at.downlink_price) / len(users)
    for j in range(first, last):
        user, domain, solution = users[j], domains[j], solutions[j]
        if domain.modes > 0:
            own = slice(domain.first, domain.first + domain.modes)
            if freedom >= FOLLOWED:
                solve_modes(modes[own], known[own], domain, at, solution)
            else:
                solve_mode(modes[own], known[own], at, solution)
            continue
        if freedom == FREE:
            solve_freely(user, domain, step, typical, basins[j], at, solution, cells)
            continue
        if freedom == FOLLOWED:
            solve_nearby(user, domain, step, basins[j], at, solution)
            continue
        download, iota = solution.download, solution.offload_fraction
        if freedom == TRACKED and download:
            iota, multipliers, solution.bend, _ = best_offload(user, domain, step, solution, at)
            value = lagrangian(user, iota, download, multipliers, at)
        else:
            multipliers, value = value_at(user, iota, download, at, multipliers_of(solution))
        record(user, iota, download, multipliers, value, solution)


# --- Where a decreasing function crosses zero -----------------------------------------------------


class End(NamedTuple):
    """An end of a bracket: where, the residual there, and which part of it counts."""

    x: float
    residual: float
    weight: float


NOWHERE = End(np.nan, np.nan, 1.0)


class Search(NamedTuple):
    """A search for the crossing of a decreasing function that may jump.

    Secant steps until there is a bracket, and Illinois' method in it: regula falsi in which the
    residual of an end that stays counts half. `x` is where the function is asked for, `residual`
    what it was there, and `last` the point before; `before` is the nearest point known with a
    residual > 0, and `after` the nearest with one <= 0.
    """

    x: float
    residual: float
    low: float
    high: float
    slope: float
    last: End
    before: End
    after: End
    evaluations: int


MAX_EVALUATIONS = 80
"""More than any crossing takes that is wide enough to be divided."""
LONGEST_STRIDE, SHORTEST_STRIDE = 4.0, 1e-14
"""Of a step without a bracket: arguments are logarithms, in which the first is a long way."""
OVERSTEP = 1.05
"""A step goes a little beyond where the slope puts the crossing, so that it is bracketed."""
FLATTENING = 0.25
"""A slope counts as no flatter than that part of the last one: on a plateau it tells nothing."""
BISECT_EVERY = 6
"""At a jump, regula falsi may approach one side for long."""
CLOSED = 1e-15
"""Brackets that are no wider, relative to their place, are not divided."""


@compiled
def begun(start: float, low: float, high: float, slope: float) -> Search:
    """Return a search from a start, with a guess of the slope, negative, for the first step."""
    x = min(max(start, low), high)
    return Search(x, np.nan, low, high, slope, NOWHERE, NOWHERE, NOWHERE, 0)


@compiled
def is_known(end: End) -> bool:
    """Tell whether there is such a point yet."""
    return not math.isnan(end.x)


@compiled
def noted(search: Search, residual: float) -> Search:
    """Return a search that knows the residual where it asked."""
    x, _, low, high, slope, last, before, after, evaluations = search
    positive = residual > 0.0
    part = 0.5 if evaluations > 0 and (last.residual > 0.0) == positive else 0.0
    if positive:
        before = End(x, residual, 1.0)
        after = End(after.x, after.residual, after.weight * part if part > 0.0 else 1.0)
    else:
        after = End(x, residual, 1.0)
        before = End(before.x, before.residual, before.weight * part if part > 0.0 else 1.0)
    return Search(x, residual, low, high, slope, last, before, after, evaluations + 1)


@compiled
def is_over(search: Search) -> bool:
    """Tell whether a search has come to its end, be it the end of its range."""
    x, before, after = search.x, search.before, search.after
    if search.evaluations >= MAX_EVALUATIONS:
        return True
    if (search.residual > 0.0 and x >= search.high) or (search.residual <= 0.0 and x <= search.low):
        return True
    return after.x - before.x <= CLOSED * (1.0 + abs(x))  # not so where one is not known


@compiled
def moved(search: Search) -> Search:
    """Return a search that asks for the next point."""
    x, residual, low, high, slope, last, before, after, evaluations = search
    y = x
    if is_known(before) and is_known(after):
        gap = after.x - before.x
        rise, fall = before.residual * before.weight, -after.residual * after.weight
        y = before.x + gap * rise / (rise + fall)
        if evaluations % BISECT_EVERY == 0 or not before.x < y < after.x:
            y = before.x + 0.5 * gap
    else:
        if is_known(last) and last.x != x:
            slope = min((residual - last.residual) / (x - last.x), FLATTENING * slope)
        y = min(max(x + stride(residual, slope), low), high)
    here = End(x, residual, 1.0)
    return Search(y, np.nan, low, high, slope, here, before, after, evaluations)


@compiled
def stride(residual: float, slope: float) -> float:
    """Return a step beyond the crossing of a tangent, neither too long nor none."""
    step = min(max(-OVERSTEP * residual / slope, -LONGEST_STRIDE), LONGEST_STRIDE)
    if abs(step) > SHORTEST_STRIDE:
        return step
    return SHORTEST_STRIDE if residual > 0.0 else -SHORTEST_STRIDE


@compiled
def learned(before: End, after: End, known: float, usual: float) -> float:
    """Return the slope between two points, or the one known where that tells nothing.

    Across a jump it is far from what is usual.
    """
    if not (is_known(before) and is_known(after)):
        return known
    slope = (after.residual - before.residual) / (after.x - before.x)
    return slope if UNUSUAL * usual < slope < usual / UNUSUAL else known


UNUSUAL = 10.0
"""Times as steep, or as flat, as usual."""


@compiled
def log_ratio(amount: float, of: float) -> float:
    """Return ln(amount/of), finite also for nothing."""
    return math.log(max(amount, 1e-30) / of)


# --- All users: the price of a budget -------------------------------------------------------------


class Market(NamedTuple):
    """A budget whose price is looked for, while others have theirs.

    Which of ``QUANTITIES`` are drawn of it (1, else 0), how much there is, what is paid for the
    others, and between which logarithms its price may lie, with its natural size.
    """

    drawn: tuple[float, ...]
    capacity: float
    paid: float
    low: float
    natural: float
    high: float


class Accuracy(NamedTuple):
    """How well a maximum of the dual is searched for.

    By how much the dual value may fall short of it; the relative deviation from the budget that is
    asked for where usage does not jump; a dual value that is enough: how much larger its maximum
    is does not matter; and one above which a part of what it is above may be lost.
    """

    tolerance: float
    mismatch: float = 1e-4
    ceiling: float = np.inf
    target: float = np.inf


class Offer(NamedTuple):
    """What all users do at a price: `row` says in which records, and is negative where unknown."""

    row: int
    price: float
    used: float
    value: float
    sync_slope: float = 0.0
    pressure: float = 0.0


NO_OFFER = Offer(-1, 0.0, 0.0, 0.0, 0.0, 0.0)

PRICE_SLOPE = -0.5
"""Of ln(used) over ln(price): s(b) ~ 1/b, nearly, makes shares fall with the root of it."""
SPARED = 0.5
"""Part of what a dual value is above its target that may be lost: prices need not be better."""
EXACT = 1e-13
"""Relative deviation from a budget that is rounding."""


@compiled
def is_cleared(
    before: Offer, after: Offer, residual: float, capacity: float, accuracy: Accuracy
) -> bool:
    """Tell whether usage is near enough to a budget, and the dual value to its maximum.

    `before` the crossing more is used than there is, and `after` it less; `residual` is the least
    ln(used/capacity) of the two, in size. Between two points, the dual is below both tangents,
    which meet `lost` above the chord.
    """
    is_before = after.row < 0 or (before.row >= 0 and residual > 0.0)
    price, value = (before.price, before.value) if is_before else (after.price, after.value)
    if value > accuracy.ceiling:
        return True
    off, spare = abs(residual), SPARED * max(value - accuracy.target, 0.0)
    if off <= EXACT:
        return True
    paid = capacity * price
    if off <= accuracy.mismatch and 10.0 * off * paid <= accuracy.tolerance:
        return True
    if 2.0 * off * off * paid <= spare:  # about as much is lost where usage does not jump
        return True
    if before.row < 0 or after.row < 0:
        return False
    width = after.price - before.price
    rise, fall = before.used - capacity, capacity - after.used
    lost = width * rise * fall / (rise + fall)
    close = min(rise, fall) <= accuracy.mismatch * capacity
    close = close or width <= accuracy.mismatch * after.price
    return lost <= spare or (close and lost <= accuracy.tolerance)


@compiled
def nearest_residual(search: Search) -> float:
    """Return the residual of the point known that is nearest to the crossing."""
    before, after = search.before.residual, search.after.residual
    if not is_known(search.after):
        return before
    return before if abs(before) <= abs(after) else after


@compiled
def priced(at: DualPoint, drawn: tuple[float, ...], price: float) -> DualPoint:
    """Return a dual point with the price of what is drawn of a budget."""
    t, up, down, edge, penalty, out = at
    return DualPoint(
        t,
        price if drawn[0] > 0.0 else up,
        price if drawn[1] > 0.0 else down,
        price if drawn[2] > 0.0 else edge,
        price if drawn[3] > 0.0 else penalty,
        price if drawn[4] > 0.0 else out,
    )


@compiled
def offered(
    everybody: Everybody,
    freedom: int,
    at: DualPoint,
    market: Market,
    price: float,
    row: int,
    solutions: Any,
) -> Offer:
    """Let all users choose at a price, and add up what they do."""
    there = priced(at, market.drawn, price)
    solve_users(everybody, freedom, there, solutions, 0, len(solutions))
    found = together(solutions)
    used = 0.0
    for k in range(len(QUANTITIES)):
        used += market.drawn[k] * found.drawn[k]
    value = found.value - (market.paid + price * market.capacity)
    return Offer(row, price, used, value, found.sync_slope, found.pressure)


@compiled
def copied(rows: Any) -> Any:
    """Return a copy of records, which takes numpy five times as long if they are few."""
    return rows.copy()


class Cleared(NamedTuple):
    """The offers on both sides of where a budget is just used up.

    ln(used/capacity) of each, how many were asked for, whether the last one is `before`, and the
    slope of ln(used/capacity) in ln(price) there.
    """

    before: Offer
    after: Offer
    more: float
    less: float
    evaluations: int
    ends_before: bool
    slope: float


@compiled
def clear_budget(
    everybody: Everybody,
    freedom: int,
    hints: Any,
    at: DualPoint,
    market: Market,
    accuracy: Accuracy,
    price: float,
    slope: float,
    rows: Any,
) -> Cleared:
    """Search for the price, on a logarithmic scale, at which a budget is just used up.

    It starts from a price, with a guess of the slope of ln(used) in its logarithm.

    The users' first decisions are free as `freedom` says, from `hints`, and near those at the last
    price then; see ``Decisions.after``. The offers returned are in two of the three `rows` of
    SOLUTION records.
    """
    before, after, row = NO_OFFER, NO_OFFER, 0
    start = math.log(price) if price > 0.0 else market.natural
    search = begun(start, market.low, market.high, slope)
    while True:
        last, row = row, 0
        while row == before.row or row == after.row:
            row += 1
        if search.evaluations == 0 or freedom == TRACKED:
            rows[row] = hints
        else:
            rows[row] = rows[last]
        log_price = search.x
        offer = offered(everybody, freedom, at, market, math.exp(log_price), row, rows[row])
        freedom = min(freedom, FOLLOWED)
        search = noted(search, log_ratio(offer.used, market.capacity))
        if search.residual > 0.0:
            before = offer
        else:
            after = offer
        residual = nearest_residual(search)
        if is_cleared(before, after, residual, market.capacity, accuracy) or is_over(search):
            more, less = search.before.residual, search.after.residual
            slope = learned(search.before, search.after, slope, PRICE_SLOPE)
            ends_before = search.residual > 0.0
            return Cleared(before, after, more, less, search.evaluations, ends_before, slope)
        search = moved(search)


# --- All users: the sync time ---------------------------------------------------------------------


class Slopes(NamedTuple):
    """Of ln(used) in ln(price), and of ln(pressure/weight) in the lead of the sync time."""

    price: float
    pressure: float


class Timed(NamedTuple):
    """What clears a budget at the sync times on both sides of the lowest, and at the lowest met.

    With the residual nearest to the crossing, how many offers were asked for, and the slopes there.
    """

    before: Cleared
    before_s: float
    after: Cleared
    after_s: float
    lowest: Cleared
    lowest_s: float
    residual: float
    evaluations: int
    slopes: Slopes


NOT_CLEARED = Cleared(NO_OFFER, NO_OFFER, np.nan, np.nan, 0, False, np.nan)

TELLING = 2.0
"""Largest size of ln(pressure/weight) that tells how far it is to where they are level."""
PRESSURE_SLOPE = -1.0
"""Of ln(pressure/weight) over the lead, roughly."""
LEVEL_WELL = 1e-12
"""Relative difference of pressure and weight that is rounding."""
ROWS_OF_PRICE, ROWS_OF_TIME = 3, 10
"""So many rows of SOLUTION records the searches need."""
BEFORE, AFTER, LOWEST, TRIED = slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 9)
"""Those of a search over the sync time, before the last one: what it has found, and what it tries.
"""


@compiled
def best_offer(cleared: Cleared) -> Offer:
    """Return the offer of the larger dual value; of equal ones the nearer one to the budget."""
    before, after = cleared.before, cleared.after
    if before.row < 0 or after.row < 0:
        return after if before.row < 0 else before
    if before.value == after.value:
        return before if abs(cleared.more) <= abs(cleared.less) else after
    return before if before.value > after.value else after


@compiled
def set_aside(cleared: Cleared, found: Any, rows: Any) -> Cleared:
    """Copy the records of offers that were found to two rows."""
    before, after, more, less, evaluations, ends_before, slope = cleared
    if before.row >= 0:
        rows[0] = found[before.row]
        before = Offer(0, *before[1:])
    if after.row >= 0:
        rows[1] = found[after.row]
        after = Offer(1, *after[1:])
    return Cleared(before, after, more, less, evaluations, ends_before, slope)


@compiled
def lead(sync_s: float, origin_s: float) -> float:
    """Return ln of how long after an origin a sync time is."""
    return math.log(max(sync_s - origin_s, 1e-300))


@compiled
def pressure_ratio(pressure: float, sync_slope: float) -> float:
    """Return ln of the users' pressure for a later sync, Σ (ν2 + η), over their weight against it.

    That is Σ (w^t + δ), so that the derivative of the dual in t is the difference. Where one of the
    two is next to nothing, its logarithm tells nothing of how far the crossing is.
    """
    ratio = log_ratio(pressure, max(pressure + sync_slope, 1e-30))
    return min(max(ratio, -TELLING), TELLING)


@compiled
def is_level(width_s: float, fall: float, rise: float, residual: float, tolerance: float) -> bool:
    """Tell whether the tangents on both sides of a minimum meet no deeper than is tolerated.

    Where there is one side only, `width_s` is not a number, and the slope there has to be 0.
    """
    if math.isnan(width_s):
        return abs(residual) <= LEVEL_WELL
    return width_s * fall * rise <= tolerance * (fall + rise)


@compiled
def clear_in_time(
    everybody: Everybody,
    freedom: int,
    hints: Any,
    at: DualPoint,
    market: Market,
    times: Times,
    start_s: float,
    origin_s: float,
    accuracy: Accuracy,
    inner: Accuracy,
    price: float,
    slopes: Slopes,
    rows: Any,
) -> Timed:
    """Search for the sync time at which the users' pressure is level with their weight against it.

    At each, the price of the budget is searched for from the last one; `slopes` are guesses. The
    offers returned are in the `rows` of SOLUTION records: ``BEFORE``, ``AFTER`` and ``LOWEST``.
    """
    first_s, last_s = times
    slope, pressure_slope = slopes
    low, high = lead(first_s, origin_s), lead(last_s, origin_s)
    search = begun(lead(start_s, origin_s), low, high, pressure_slope)
    before, after, lowest = NOT_CLEARED, NOT_CLEARED, NOT_CLEARED
    before_s, after_s, lowest_s, evaluations = np.nan, np.nan, np.nan, 0
    found, found_last = NOWHERE, NOWHERE
    last, tried = ROWS_OF_TIME - 1, rows[TRIED]
    rows[last] = hints
    while True:
        sync_s = min(max(origin_s + math.exp(search.x), first_s), last_s)
        there = DualPoint(sync_s, *at[1:])
        cleared = clear_budget(
            everybody, freedom, rows[last], there, market, inner, price, slope, tried
        )
        slope, evaluations = cleared.slope, evaluations + cleared.evaluations
        offer = best_offer(cleared)
        if offer.value <= accuracy.ceiling:
            found, found_last = End(search.x, math.log(offer.price), 1.0), found
        if freedom != TRACKED:
            freedom, rows[last] = min(freedom, FOLLOWED), tried[offer.row]
        search = noted(search, pressure_ratio(offer.pressure, offer.sync_slope))
        if search.residual > 0.0:
            before, before_s = set_aside(cleared, tried, rows[BEFORE]), sync_s
        else:
            after, after_s = set_aside(cleared, tried, rows[AFTER]), sync_s
        if math.isnan(lowest_s) or offer.value < best_offer(lowest).value:
            lowest, lowest_s = set_aside(cleared, tried, rows[LOWEST]), sync_s
        fall, rise = -best_offer(before).sync_slope, best_offer(after).sync_slope
        residual = nearest_residual(search)
        level = is_level(after_s - before_s, fall, rise, residual, accuracy.tolerance)
        if level or is_over(search):
            ends = search.before, search.after
            slopes = Slopes(slope, learned(*ends, pressure_slope, PRESSURE_SLOPE))
            return Timed(
                before, before_s, after, after_s, lowest, lowest_s, residual, evaluations, slopes
            )
        search = moved(search)
        price = expected_price(found_last, found, search.x, price)


class Lowest(NamedTuple):
    """The least value met in a search for the sync time: at which time and price it is.

    And how many offers were asked for, with the slopes where the search has ended.
    """

    value: float
    sync_s: float
    price: float
    evaluations: int
    slopes: Slopes


@compiled
def lowest_in_time(*told: Any) -> Lowest:
    """Return what is lowest in :func:`clear_in_time`, where no more than its value is asked for.

    To hand over to Python all that is found takes as long as a few offers do.
    """
    timed = clear_in_time(*told)
    offer = best_offer(timed.lowest)
    return Lowest(offer.value, timed.lowest_s, offer.price, timed.evaluations, timed.slopes)


class Sampled(NamedTuple):
    """What clears a budget at some sync times.

    A row for each, of price, value, derivative in t and pressure; how many offers were asked for,
    and the slope where the last search has ended.
    """

    offers: Any
    evaluations: int
    slope: float


@compiled
def sampled_in_time(
    everybody: Everybody,
    hints: Any,
    at: DualPoint,
    market: Market,
    sampled_s: Any,
    accuracy: Accuracy,
    slope: float,
    rows: Any,
) -> Sampled:
    """Clear a budget at each of some sync times, from the last price that counts."""
    offers, price, evaluations = np.empty((len(sampled_s), 4)), 0.0, 0
    for k in range(len(sampled_s)):
        there = DualPoint(sampled_s[k], *at[1:])
        cleared = clear_budget(everybody, FREE, hints, there, market, accuracy, price, slope, rows)
        slope, evaluations = cleared.slope, evaluations + cleared.evaluations
        offer = best_offer(cleared)
        offers[k, 0], offers[k, 1] = offer.price, offer.value
        offers[k, 2], offers[k, 3] = offer.sync_slope, offer.pressure
        if offer.value <= accuracy.ceiling:
            price = offer.price
    return Sampled(offers, evaluations, slope)


@compiled
def expected_price(before: End, last: End, x: float, otherwise: float) -> float:
    """Return the price to expect somewhere, once its logarithm is known in one place or two."""
    if not is_known(last):
        return otherwise
    if not is_known(before) or before.x == last.x:
        return math.exp(last.residual)
    slope = (last.residual - before.residual) / (last.x - before.x)
    return math.exp(last.residual + min(max(slope * (x - last.x), -FARTHEST), FARTHEST))


FARTHEST = 1.0
"""In ln of a price: no price is expected to be farther from the last one known."""


# --- All users: what they do on their own ---------------------------------------------------------


@compiled
def slow_down_at_edge(users: Any, at: DualPoint, solutions: Any, first: int, last: int) -> None:
    """Lower f_{s,j} of solutions to what is needed to end no later than the local branch.

    Where a frequency costs nothing, any f from there to f_s is a best one.
    """
    for j in range(first, last):
        user, solution = users[j], solutions[j]
        work = solution.offload_fraction * user.edge_gigacycles
        if work <= 0.0:
            solution.edge_frequency_ghz = 0.0
        elif solution.download and not user.in_sequence:
            own_work = (1.0 - solution.offload_fraction) * user.work_gigacycles
            weights = weights_at(user, solution.deadline, solution.energy)
            weight = weights.latency - solution.mu
            upload = upload_at(user, solution.offload_fraction, at)
            ready = edge_ready(user, weights, weight, at, upload)
            branch = local_branch(user, weights, own_work, solution.mu, at.downlink_price)
            time_left = branch.finish_s - (ready.s - at.t)
            if time_left > 0.0:
                needed = min(work / time_left, user.edge_frequency_max_ghz)
                solution.edge_frequency_ghz = needed


@compiled
def measure(users: Any, at: DualPoint, solutions: Any, first: int, last: int) -> None:
    """Write down E_j - e^lt and T_j + τ^md of the previous round, of which totals are limited."""
    for j in range(first, last):
        user, solution = users[j], solutions[j]
        iota, download = solution.offload_fraction, solution.download
        multipliers = multipliers_of(solution)
        solution.energy_j = energy_j(user, iota, download, multipliers, at)
        solution.latency_s = served_s(user, iota, download, multipliers, at)


@compiled
def best_frequencies(users: Any) -> FloatColumn:
    """Return the frequencies at which users compute if the local branch decides their latency."""
    return np.array([best_frequency(user, user.cpu_weight, user.latency_weight) for user in users])


class Phases(NamedTuple):
    """The sync time at the earliest, and by user when the server can begin, and τ^md.

    And the seconds per Mbit in the uplink.
    """

    sync_s: float
    ready_s: FloatColumn
    download_s: FloatColumn
    uplink_seconds: FloatColumn


@compiled
def phases(users: Any, solutions: Any, uplink: Any, downlink: Any, sync_s: float) -> Phases:
    """Return what decisions lead to at seconds per Mbit; the sync is after the last upload."""
    ready_s, download_s = np.zeros(len(users)), np.zeros(len(users))
    for j in range(len(users)):
        user, solution = users[j], solutions[j]
        if user.model_mbit > 0.0:
            sync_s = max(sync_s, user.start_s + user.model_mbit * uplink[j])
        load = user.model_mbit + solution.offload_fraction * user.task_mbit
        if load > 0.0:
            ready_s[j] = user.start_s + load * uplink[j]
        if solution.download and user.download_mbit > 0.0:
            download_s[j] = user.download_mbit * downlink[j]
    return Phases(sync_s, np.maximum(ready_s, sync_s), download_s, uplink)


@compiled
def own_frequencies(
    users: Any, weighted: Any, solutions: Any, found: Phases, edge_s: Any
) -> FloatColumn:
    """Return the best frequencies for given shares: full speed, or just in time for the edge.

    They are raised to what a deadline needs, and lowered to what an energy budget allows.
    """
    frequencies = np.zeros(len(users))
    for j in range(len(users)):
        user, solution = users[j], solutions[j]
        work = (1.0 - solution.offload_fraction) * user.work_gigacycles
        if work <= 0.0 or not solution.download:
            continue
        frequency = best_frequency(user, weighted[j].cpu_weight, weighted[j].latency_weight)
        own_end_s = found.sync_s + found.download_s[j]
        spare_s = 0.0 if user.in_sequence else found.ready_s[j] + edge_s[j] - own_end_s
        if weighted[j].cpu_weight > 0.0 and spare_s > 0.0:
            frequency = min(frequency, work / spare_s)
        sent, left_s = solution.offload_fraction * user.task_mbit, user.deadline_s - own_end_s
        if user.in_sequence:
            left_s -= edge_s[j] + (sent * found.uplink_seconds[j] if sent > 0.0 else 0.0)
        if left_s < np.inf and left_s > 0.0:
            frequency = max(frequency, work / left_s)
        load, left_j = user.model_mbit + sent, user.energy_left_j
        if left_j < np.inf:
            left_j -= user.receive_power_w * found.download_s[j]
            left_j -= user.transmit_power_w * load * found.uplink_seconds[j] if load > 0.0 else 0.0
            spent = work * user.energy_coefficient
            if spent > 0.0:
                frequency = min(frequency, math.sqrt(max(left_j / spent, 0.0)))
        frequencies[j] = min(frequency, user.frequency_max_ghz)
    return frequencies


@compiled
def paid_at_equal_shares(users: Any) -> float:
    """Return what users pay for an update each, while all have as much of half of the band."""
    share, total = 0.5 / len(users), NOTHING
    for j in range(len(users)):
        user = users[j]
        seconds = user.uplink.unit_s / (
            math.log1p(user.uplink.snr / share) * share / user.uplink.snr
        )
        weight = user.send_weight + user.latency_weight
        total = added(total, weight * max(user.model_mbit, LITTLE_SENT) * seconds)
    return whole(total)


LITTLE_SENT = 1e-3
"""What counts as sent by users that may send nothing, in Mbit."""


@compiled
def least_shares(users: Any, t: float) -> float:
    """Return Σ_j of the smallest share that uploads before t; infinite if a user cannot."""
    total = 0.0
    for j in range(len(users)):
        user = users[j]
        if user.model_mbit <= 0.0:
            total += user.uplink.share_min
            continue
        seconds = (t - user.start_s) / user.model_mbit
        u = efficiency_at_time_factor(seconds / user.uplink.unit_s)
        if u < user.uplink.efficiency_min:
            return np.inf
        total += user.uplink.snr / math.expm1(u)
    return total


@compiled
def earliest_sync(users: Any, capacity: float) -> float:
    """Return the sync time at which the least shares to upload in time fill a band, rounded down.

    A few steps of a search over the logarithm of the time since the last upload can begin bracket
    it narrowly, unless shares jump at their bounds; halving does the rest.
    """
    latest_start = 0.0
    for j in range(len(users)):
        if users[j].model_mbit > 0.0:
            latest_start = max(latest_start, users[j].start_s)
    search = begun(math.log1p(latest_start), -SPAN, SPAN, PRESSURE_SLOPE)
    low, high = latest_start, np.inf
    while True:
        t = latest_start + math.exp(search.x)
        ratio = log_ratio(least_shares(users, t), capacity)
        search = noted(search, min(max(ratio, -TELLING), TELLING))
        if search.residual > 0.0:
            low = t
        else:
            high = t
        if search.evaluations >= STEPS or is_over(search):
            break
        search = moved(search)
    if high == np.inf:
        high = low
    while high - low > NARROW * high:
        middle = 0.5 * (low + high)
        if least_shares(users, middle) > capacity:
            low = middle
        else:
            high = middle
    return low * (1.0 - 1e-12)


STEPS = 12
"""Of the search, which smooth needs are known by after ten."""
NARROW = 1e-13
"""Relative width of what is known of the earliest sync time."""
SPAN = 69.0
"""In ln s: no sync is farther from when the last upload can begin, on either side of a second."""
