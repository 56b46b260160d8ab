"""The sub-problem (18) at fixed a_j and ι_j, solved exactly and compiled.

With s the seconds per Mbit over a share, A the start of the upload, load = D + ιL, W = C(1-ι)L and
E = CιL/f_s, the agent of user j minimises over its copies x, z in (0, 1], y ≥ 0 and over d, T

    w^e p load s(x) + w^e p^md D s̄(z) + w^e κ W³/d² + w^t T
    + α x + c_x/2 (x - b)² + β y + c_y/2 (y - τ̂)² + ζ z + c_z/2 (z - b̄)²

(where the edge's frequency is limited, over v too, with E = CιL/v, 0 ≤ v ≤ f_s, and further
+ ξ v + c_v/2 (v - f_{s,j})²)

    subject to   y ≥ A + D s(x)                                (multiplier η, ``sync``)
                 T ≥ y + E,   T ≥ A + load s(x) + E            (ν1, ν2, ``ready``)
                 T ≥ y + D s̄(z) + d,   d ≥ W/f_max             (μ, ``local``)

with ν1 + ν2 + μ = w^t. This is convex, and it falls apart into scalar equations of one sign change:

* For a given μ the downlink copy z and the frequency f = min((μ/(2 w^e κ))^{1/3}, f_max) of
  Proposition 1 follow from μ alone.
* The pair (x, y) lies in one of four cases, told apart by which of the constraints it meets:
  ready at the sync time, both at once, ready when offloaded, or held by its own upload. In each,
  x solves ``(weight + curvature s(x)) s'(x) + price + penalty x = 0``; see :func:`best_share`.
* For a given ν1 + ν2 = w^t - μ the copy v follows from it alone, :func:`edge_copy`, and E falls
  as it grows.
* The two branches of the latency end together, unless the local one is later even with μ = w^t.
  Their ratio decreases in μ, and its logarithm is nearly linear in ln μ; in ln(μ/(w^t - μ)), where
  E depends on μ. So Newton's method finds μ, with what each part says of its own slope in μ.

While only values are compared, copies and μ need not be exact: S is least in the copies, and, as
the Lagrangian with the multipliers μ and ν = w^t - μ of the branches, largest in μ. So errors count
by their squares, see :func:`value_at`.

Without download (a = 0, ι = 1) there is no local branch, μ = 0, and z minimises its penalty alone.

Bounds on shares are bounds on x, and on z with a download: each scalar problem has one minimum and
no other, so that the bounded one is at the nearest share. A deadline and an energy budget have
prices δ and ε in [0, C/T^max] and [0, C/E^max], with C the ``limit_price`` that is told:

    max over δ, ε of  min S + δ (T - T^max) + ε (E - E^max)
        = min S + C (T - T^max)⁺/T^max + C (E - E^max)⁺/E^max,

since the problem is convex. So the limits are kept where that costs less than C for missing one by
its own size, and otherwise the agent comes as near as this pays. The inner minimum is (18) with
w^t + δ and w^e + ε. At given ε its T falls as δ grows, and with the best δ its E falls as ε grows
(a maximum over δ is concave in ε as well): two searches of one number, one in the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from eipyomo.solvers.compiled import compiled


class Accuracy(NamedTuple):
    """How well (18) is solved: when the branches end together, and the last step of a share."""

    ratio: float
    step: float


class Share(NamedTuple):
    """The best share at a weight on its seconds, and how fast they fall as the weight grows."""

    share: float
    response: float


class Pair(NamedTuple):
    """The copies x and y at a given μ, and when the edge branch is ready.

    `seconds` is s(x), and `slope` how fast the time between the two grows with μ.
    """

    uplink_share: float
    seconds: float
    sync_s: float
    ready_s: float
    slope: float


class Local(NamedTuple):
    """The local branch at a given μ: the copy z, f, and the times of the download and to its end.

    `slope` is how fast the time from y to its end grows with μ; it falls.
    """

    downlink_share: float
    frequency_ghz: float
    download_s: float
    span_s: float
    slope: float


class Served(NamedTuple):
    """The copy v, where there is one, the edge computing time, and how fast it grows with μ."""

    frequency_ghz: float
    span_s: float
    slope: float


class Found(NamedTuple):
    """What minimises (18) at given weights, with the multiplier μ."""

    edge: Pair
    branch: Local
    at_edge: Served
    mu: float


class Search(NamedTuple):
    """A search for the logarithm of a limit's price; by what part the limit is missed falls in it.

    `low` is where it is missed, `high` where it is kept or as far as prices go, `most`.
    """

    low: float
    high: float
    most: float
    x: float
    missed: float


class Marginal(NamedTuple):
    """First and second derivative of a cost in a share, and s'."""

    slope: float
    bend: float
    pace: float


# --- One link -----------------------------------------------------------------------------------


@compiled
def log_growth(ratio: float) -> float:
    """Return ln(1 + g/b); where it is no small number the plain logarithm is as good, and fast."""
    return float(np.log(1.0 + ratio) if ratio > 1.0 else np.log1p(ratio))


@compiled
def seconds_per_mbit(share: float, snr: float, unit_s: float) -> float:
    """Return s(b), the inverse of (3) and (4)."""
    return float(unit_s / (share * log_growth(snr / share)))


@compiled
def exp_remainder(u: float, full: float) -> float:
    """Return u - 1 + e^-u without cancellation; `full` is 1 - e^-u."""
    if u > 0.3:
        return u - full
    total, term = 0.0, u
    for k in range(2, 14):
        term *= -u / k
        total -= term
    return total


@compiled
def marginal(
    share: float,
    weight: float,
    curvature: float,
    price: float,
    penalty: float,
    snr: float,
    unit_s: float,
) -> Marginal:
    """Differentiate weight s + curvature/2 s² + price x + penalty/2 x² at a share x."""
    u, full = log_growth(snr / share), snr / (share + snr)
    product = share * u
    seconds = unit_s / product
    rest = exp_remainder(u, full) / product
    s_slope = -seconds * rest
    s_bend = seconds * (2.0 * rest * rest + full * full / (share * product))
    factor = weight + curvature * seconds
    return Marginal(
        factor * s_slope + price + penalty * share,
        factor * s_bend + curvature * s_slope * s_slope + penalty,
        s_slope,
    )


@compiled
def best_share(
    weight: float,
    curvature: float,
    price: float,
    penalty: float,
    snr: float,
    unit_s: float,
    start: float,
    last_step: float,
) -> Share:
    """Minimise weight s(x) + curvature/2 s(x)² + price x + penalty/2 x² over 0 < x <= 1.

    The derivative crosses zero once, from below: Newton's method within a bracket, for the
    derivative times x^(3/2), which is straight where s' ~ -1/x² meets a price. A step that is short
    enough is the last one, since the next would be as its square.
    """
    if weight <= 0.0 and curvature == 0.0:
        free = -price / penalty if penalty > 0.0 else 0.0
        return Share(min(max(free, SMALLEST_SHARE), 1.0), 0.0)
    low, high = SMALLEST_SHARE, 2.0
    x = start if 1e-9 < start < 1.0 else 0.1
    for _ in range(MAX_STEPS):
        at = marginal(x, weight, curvature, price, penalty, snr, unit_s)
        if at.slope < 0.0:
            low = x
            if x == 1.0:
                return Share(1.0, 0.0)
        else:
            high = x
        new = x - at.slope / (at.bend + 1.5 * at.slope / x)
        if abs(new - x) <= last_step * x:
            return Share(min(max(new, low), high, 1.0), at.pace * at.pace / at.bend)
        if not low < new < high:
            new = np.sqrt(max(low, 1e-4 * high) * high)
            if new >= high:  # nothing is left above the smallest share
                return Share(low, 0.0)
        x = min(new, 1.0)
    return Share(x, 0.0)


SMALLEST_SHARE = 1e-30
"""Stands for no share where the rate has to be defined, and for no frequency at the edge."""

MAX_STEPS = 200
LAST_STEP = 1e-9

COPIES = Accuracy(1e-14, LAST_STEP)
"""Of copies that are sent to the coordinator."""
VALUES = Accuracy(1e-7, 1e-4)
"""Of values that are compared, which are good to the squares of these."""


# --- One agent ----------------------------------------------------------------------------------


@compiled
def held_within(found: Share, least: float, most: float) -> Share:
    """Return the share in its bounds that is best; one at a bound responds to nothing."""
    if least <= found.share <= most:
        return found
    return Share(min(max(found.share, least), most), 0.0)


@compiled
def uplink_copy(
    user: Any, target: Any, weight: float, curvature: float, start: float, step: float
) -> Share:
    """Minimise weight s(x) + curvature/2 s(x)² + α x + c_x/2 (x - b)² over b^min ≤ x ≤ b^max."""
    penalty = target.uplink_penalty
    price = target.uplink_multiplier - penalty * target.uplink_share
    link = (user.uplink_snr, user.unit_s)
    found = best_share(weight, curvature, price, penalty, *link, start, step)
    return held_within(found, user.uplink_share_min, user.uplink_share_max)


@compiled
def sync_copy(target: Any, weight: float) -> float:
    """Minimise weight y + β y + c_y/2 (y - τ̂)² over y ≥ 0."""
    earlier_s = (target.sync_multiplier + weight) / target.sync_penalty
    return float(max(target.sync_s - earlier_s, 0.0))


@compiled
def idle_downlink_copy(user: Any, target: Any) -> float:
    """Minimise ζ z + c_z/2 (z - b̄)² over 0 ≤ z ≤ b̄^max: the copy without download."""
    z = target.downlink_share - target.downlink_multiplier / target.downlink_penalty
    return float(min(max(z, 0.0), user.downlink_share_max))


@compiled
def seconds_up(user: Any, share: float) -> float:
    """Return s(x)."""
    return seconds_per_mbit(share, user.uplink_snr, user.unit_s)


@compiled
def edge_copy(user: Any, target: Any, iota: float, nu: float) -> float:
    """Minimise ν CιL/v + ξ v + c_v/2 (v - f_s)² over 0 ≤ v, and cut off at the most.

    A root of v³ - goal v² - drive, which is convex from there on: Newton's method from above.
    """
    goal = target.edge_frequency_ghz - target.edge_multiplier / target.edge_penalty
    drive = nu * iota * user.edge_gigacycles / target.edge_penalty
    if drive <= 0.0:
        return float(min(max(goal, 0.0), user.edge_frequency_max_ghz))
    v = max(goal, 0.0) + np.cbrt(drive)
    if goal < 0.0:
        v = min(v, np.sqrt(drive / -goal))
    for _ in range(MAX_STEPS):
        step = (v * v * (v - goal) - drive) / (v * (3.0 * v - 2.0 * goal))
        v -= step
        if step <= LAST_STEP * v:
            break
    return float(min(v, user.edge_frequency_max_ghz))


@compiled
def served(user: Any, target: Any, iota: float, nu: float) -> Served:
    """Return the copy v and τ^e at a given multiplier ν = ν1 + ν2 of the edge branch."""
    if target.edge_penalty <= 0.0:
        return Served(0.0, iota * user.edge_s, 0.0)
    v = edge_copy(user, target, iota, nu)
    work = iota * user.edge_gigacycles
    if work <= 0.0:
        return Served(v, 0.0, 0.0)
    slope = 0.0
    if nu > 0.0 and v < user.edge_frequency_max_ghz:
        goal = target.edge_frequency_ghz - target.edge_multiplier / target.edge_penalty
        slope = (work / v) ** 2 / (target.edge_penalty * v * (3.0 * v - 2.0 * goal))
    return Served(v, work / max(v, SMALLEST_SHARE), slope)


@compiled
def relaxed_pair(user: Any, target: Any, load: float, start: float, step: float) -> Pair:
    """Return x and y where the sync time, not the offloading, decides when the edge is ready.

    If the offloading is later than y there, both end at once for every μ that lets them: then
    y = A + load s(x), and what y costs is a cost of s(x).
    """
    energy = user.send_weight * load
    x = uplink_copy(user, target, energy, 0.0, start, step).share
    y, seconds = sync_copy(target, user.latency_weight), seconds_up(user, x)
    if load > 0.0 and user.start_s + load * seconds > y:
        x = tied_copy(user, target, energy, load, user.latency_weight, x, step).share
        seconds = seconds_up(user, x)
        y = user.start_s + load * seconds
    return Pair(x, seconds, y, y, 0.0)


@compiled
def tied_copy(
    user: Any, target: Any, weight: float, sent: float, waiting: float, start: float, step: float
) -> Share:
    """Return the x that is best where y = A + sent s(x), and waiting for y has a weight."""
    penalty = target.sync_penalty
    price = waiting + target.sync_multiplier + penalty * (user.start_s - target.sync_s)
    return uplink_copy(user, target, weight + sent * price, sent * sent * penalty, start, step)


@compiled
def held_pair(user: Any, target: Any, load: float, mu: float, start: float, step: float) -> Pair:
    """Return x and y at a given μ where (6) holds y up: η > 0, and y = A + D s(x)."""
    model = user.model_mbit
    weight = (user.send_weight + user.latency_weight - mu) * load
    sent = tied_copy(user, target, weight, model, mu, start, step)
    seconds = seconds_up(user, sent.share)
    y, ready_s = user.start_s + model * seconds, user.start_s + load * seconds
    return Pair(sent.share, seconds, y, ready_s, (load - model) ** 2 * sent.response)


@compiled
def pair(user: Any, target: Any, load: float, mu: float, start: float, step: float) -> Pair:
    """Return the copies x and y that are best at a given μ."""
    y, uploads = sync_copy(target, mu), user.model_mbit > 0.0
    if uploads and start > 0.0 and user.start_s + user.model_mbit * seconds_up(user, start) > y:
        held = held_pair(user, target, load, mu, start, step)
        if held.sync_s > y:  # as it often is where it was before: η = c_y (A + D s - y)
            return held
    weight = (user.send_weight + user.latency_weight - mu) * load
    sent = uplink_copy(user, target, weight, 0.0, start, step)
    seconds = seconds_up(user, sent.share)
    ready_s = user.start_s + load * seconds
    if load == 0.0 or ready_s <= y:
        return relaxed_pair(user, target, load, sent.share, step)
    if uploads and user.start_s + user.model_mbit * seconds > y:
        return held_pair(user, target, load, mu, sent.share, step)
    slope = load * load * sent.response + (1.0 / target.sync_penalty if y > 0.0 else 0.0)
    return Pair(sent.share, seconds, y, ready_s, slope)


@compiled
def best_frequency(user: Any, mu: float) -> float:
    r"""Return f of (19).

    $$
    f_j = \min\left\{f^{\max}_j,\ \sqrt[3]{\frac{\mu_j}{2 w^{\text{e}}_j \kappa}}\right\}
    $$
    """
    if 2.0 * user.cpu_weight * user.frequency_max_ghz**3 <= mu:
        return float(user.frequency_max_ghz)
    return float(np.cbrt(mu / (2.0 * user.cpu_weight)))


@compiled
def local_branch(
    user: Any, target: Any, work: float, mu: float, start: float, step: float
) -> Local:
    """Return z and f that are best at a given μ; a mode may compute without a download."""
    z, f, download_s, slope = idle_downlink_copy(user, target), 0.0, 0.0, 0.0
    if user.download_mbit > 0.0:
        weight = (user.receive_weight + mu) * user.download_mbit
        penalty = target.downlink_penalty
        price = target.downlink_multiplier - penalty * target.downlink_share
        link = (user.downlink_snr, user.unit_s)
        found = best_share(weight, 0.0, price, penalty, *link, start, step)
        found = held_within(found, user.downlink_share_min, user.downlink_share_max)
        z = found.share
        download_s = user.download_mbit * seconds_per_mbit(z, *link)
        slope = -(user.download_mbit**2) * found.response
    span_s = download_s
    if work > 0.0:
        f = best_frequency(user, mu)
        span_s += work / f
        if f < user.frequency_max_ghz:
            slope -= work / (3.0 * f * mu)
    return Local(z, f, download_s, span_s, slope)


@compiled
def log_ratio(span_s: float, edge: Pair, edge_s: float) -> float:
    """Return ln(local span / edge span), both counted from y; it decreases in μ."""
    waited = edge.ready_s - edge.sync_s + edge_s
    return np.log(span_s / waited) if waited > 0.0 else np.inf


@compiled
def log_ratio_slope(branch: Local, edge: Pair, at_edge: Served) -> float:
    """Return the derivative of :func:`log_ratio` in μ."""
    waited = edge.ready_s - edge.sync_s + at_edge.span_s
    return branch.slope / branch.span_s - (edge.slope + at_edge.slope) / waited


@compiled
def solve_in_sequence(user: Any, target: Any, answer: Any) -> Found:
    """Solve (18) for a mode in which the server waits for what the user computes and sends.

    Then T ≥ y + m s̄(z) + d + o s(x) + E, and all of it has the weight w^t.
    """
    iota, total = answer.offload_fraction, user.latency_weight
    sent = iota * user.task_mbit
    weight = user.send_weight * (user.model_mbit + sent) + total * sent
    x = uplink_copy(user, target, weight, 0.0, answer.uplink_share, LAST_STEP).share
    y, model = sync_copy(target, total), user.model_mbit
    if model > 0.0 and user.start_s + model * seconds_up(user, x) > y:
        x = tied_copy(user, target, weight, model, total, x, LAST_STEP).share
        y = user.start_s + model * seconds_up(user, x)
    seconds = seconds_up(user, x)
    work = (1.0 - iota) * user.work_gigacycles
    branch = local_branch(user, target, work, total, answer.downlink_share, LAST_STEP)
    edge = Pair(x, seconds, y, y + branch.span_s + sent * seconds, 0.0)
    return Found(edge, branch, served(user, target, iota, total), total)


@compiled
def solve_at_edge(user: Any, target: Any, answer: Any, accuracy: Accuracy) -> Found:
    """Solve (18) without a download, at ι = 1: there is no local branch."""
    load = user.model_mbit + answer.offload_fraction * user.task_mbit
    edge = pair(user, target, load, 0.0, answer.uplink_share, accuracy.step)
    idle = Local(idle_downlink_copy(user, target), 0.0, 0.0, 0.0, 0.0)
    at_edge = served(user, target, answer.offload_fraction, user.latency_weight)
    return Found(edge, idle, at_edge, 0.0)


@compiled
def solve_fixed(user: Any, target: Any, answer: Any, accuracy: Accuracy) -> Found:
    """Solve (18) at the a and ι that stand in `answer`, which also holds the start.

    Deadline and energy budget do not count here; see :func:`solve_limited`.
    """
    if not answer.download:
        return solve_at_edge(user, target, answer, accuracy)
    iota, step, total = answer.offload_fraction, accuracy.step, user.latency_weight
    load = user.model_mbit + iota * user.task_mbit
    work = (1.0 - iota) * user.work_gigacycles
    limited = target.edge_penalty > 0.0
    at, relaxed_to = bracket(answer.mu, total, limited), -np.inf
    edge, share = Pair(answer.uplink_share, 0.0, 0.0, 0.0, 0.0), answer.downlink_share
    for _ in range(MAX_STEPS):
        mu, nu = multipliers(at.x, total, limited)
        branch = local_branch(user, target, work, mu, share, step)
        share = branch.downlink_share
        if at.x > relaxed_to:
            edge = pair(user, target, load, mu, edge.uplink_share, step)
            if edge.ready_s == edge.sync_s:  # so it is for every smaller μ
                relaxed_to = at.x
        at_edge = served(user, target, iota, nu)
        ratio = log_ratio(branch.span_s, edge, at_edge.span_s)
        slope = log_ratio_slope(branch, edge, at_edge) * mu * (nu / total if limited else 1.0)
        last, at = at, narrower(at, ratio, slope)
        if abs(ratio) <= accuracy.ratio or is_found(last, at):
            break
    return Found(edge, branch, at_edge, mu)


class Bracket(NamedTuple):
    """Where μ is looked for, as :func:`multipliers` counts, up to `most`.

    The ratio is positive at `low` and negative at `high`, or they are beyond what is allowed.
    """

    x: float
    low: float
    high: float
    most: float


@compiled
def bracket(mu: float, total: float, limited: bool) -> Bracket:
    """Return all that is allowed for μ; the first to try is one known, or the largest."""
    most = -LEAST_LOG_MULTIPLIER if limited else np.log(total)
    x = most
    if 0.0 < mu < total:
        x = min(max(np.log(mu / (total - mu) if limited else mu), LEAST_LOG_MULTIPLIER), most)
    return Bracket(x, LEAST_LOG_MULTIPLIER - 1.0, most + 1.0, most)


@compiled
def narrower(at: Bracket, ratio: float, slope: float) -> Bracket:
    """Note the ratio at x, and go on by Newton's method, or by halves where that leads out."""
    low, high = (at.x, at.high) if ratio > 0.0 else (at.low, at.x)
    new = at.x - ratio / slope if np.isfinite(ratio) else ratio
    new = min(max(new, LEAST_LOG_MULTIPLIER), at.most)
    return Bracket(new if low < new < high else 0.5 * (low + high), low, high, at.most)


@compiled
def is_found(last: Bracket, at: Bracket) -> bool:
    """Tell whether there is nowhere else to look.

    So it is where the local branch is later even with all of the weight, μ = w^t, or earlier with
    none.
    """
    if not LEAST_LOG_MULTIPLIER <= at.x <= at.most:
        return True
    return bool(abs(at.x - last.x) <= 1e-16 * (1.0 + abs(at.x)))


LEAST_LOG_MULTIPLIER = -90.0


@compiled
def solve_decided(user: Any, target: Any, answer: Any, accuracy: Accuracy) -> Found:
    """Solve (18) at what is decided, whatever follows what."""
    if user.in_sequence:
        return solve_in_sequence(user, target, answer)
    return solve_fixed(user, target, answer, accuracy)


@compiled
def multipliers(x: float, total: float, limited: bool) -> tuple[float, float]:
    """Return μ and ν = w^t - μ at ln μ; where the edge is limited, at ln(μ/(w^t - μ))."""
    if limited:
        return total / (1.0 + np.exp(-x)), total / (1.0 + np.exp(x))
    mu = min(np.exp(x), total)
    return mu, total - mu


@compiled
def end_s(answer: Any, found: Found) -> float:
    """Return the time at which the user is served, T_j + τ^md of the round before."""
    end = found.edge.ready_s + found.at_edge.span_s
    if answer.download:
        end = max(end, found.edge.sync_s + found.branch.span_s)
    return end


@compiled
def cost_of(user: Any, answer: Any, found: Found, waiting: float) -> float:
    """Return q of (12a), where the latency from the round's start costs `waiting`."""
    load = user.model_mbit + answer.offload_fraction * user.task_mbit
    cost = user.constant + user.send_weight * load * found.edge.seconds
    if answer.download:
        cost += user.receive_weight * found.branch.download_s
        work = (1.0 - answer.offload_fraction) * user.work_gigacycles
        cost += user.cpu_weight * found.branch.frequency_ghz**2 * work
    return float(cost + waiting)


@compiled
def disagreement(target: Any, found: Found) -> float:
    """Return what (14) adds to the cost for copies: multipliers, and squares by penalties."""
    x, y, z = found.edge.uplink_share, found.edge.sync_s, found.branch.downlink_share
    v = found.at_edge.frequency_ghz
    return float(
        target.uplink_multiplier * x
        + target.sync_multiplier * y
        + target.downlink_multiplier * z
        + 0.5 * target.uplink_penalty * (x - target.uplink_share) ** 2
        + 0.5 * target.sync_penalty * (y - target.sync_s) ** 2
        + 0.5 * target.downlink_penalty * (z - target.downlink_share) ** 2
        + target.edge_multiplier * v
        + 0.5 * target.edge_penalty * (v - target.edge_frequency_ghz) ** 2
    )


@compiled
def value_at(user: Any, target: Any, answer: Any, found: Found) -> float:
    """Return S of (18) where the branches end together but for a small error: its Lagrangian."""
    edge_end_s = found.edge.ready_s + found.at_edge.span_s
    waiting = (user.latency_weight - found.mu) * edge_end_s
    if answer.download:
        waiting += found.mu * (found.edge.sync_s + found.branch.span_s)
    return cost_of(user, answer, found, waiting) + disagreement(target, found)


@compiled
def write(user: Any, target: Any, answer: Any, found: Found) -> None:
    """Write down the copies and what they cost: q of (12a) and S of (18)."""
    answer.cost = cost_of(user, answer, found, user.latency_weight * end_s(answer, found))
    answer.value = answer.cost + disagreement(target, found)
    note_start(answer, found)
    answer.sync_s, answer.frequency_ghz = found.edge.sync_s, found.branch.frequency_ghz
    answer.edge_frequency_ghz = found.at_edge.frequency_ghz


@compiled
def note_start(answer: Any, found: Found) -> None:
    """Note where a next solve nearby starts."""
    answer.uplink_share, answer.mu = found.edge.uplink_share, found.mu
    answer.downlink_share = found.branch.downlink_share


# --- One agent with limits ------------------------------------------------------------------------


@compiled
def energy_j(user: Any, answer: Any, found: Found) -> float:
    """Return E_j - e^lt."""
    load = user.model_mbit + answer.offload_fraction * user.task_mbit
    energy = user.transmit_power_w * load * found.edge.seconds
    if answer.download:
        work = (1.0 - answer.offload_fraction) * user.work_gigacycles
        energy += user.receive_power_w * found.branch.download_s
        energy += user.energy_coefficient * found.branch.frequency_ghz**2 * work
    return float(energy)


@compiled
def late(user: Any, answer: Any, found: Found) -> float:
    """Return by what part of it the deadline is missed; negative where it is kept."""
    return float((end_s(answer, found) - user.deadline_s) / user.latency_max_s)


@compiled
def overspent(user: Any, answer: Any, found: Found) -> float:
    """Return by what part of it the energy budget is missed; negative where it is kept."""
    return float((energy_j(user, answer, found) - user.energy_left_j) / user.energy_max_j)


@compiled
def begun(base: float, most: float, start: float, missed: float) -> tuple[Search, float]:
    """Return a search from price 0, at which a limit is missed, to the largest; and a first x.

    The first price to try is the one before, or the middle of all where there was none.
    """
    bottom, top = np.log(base), np.log(base + most)
    x = np.log(base + min(start, most)) if start > 0.0 else 0.5 * (bottom + top)
    return Search(bottom, top, top, bottom, missed), x


@compiled
def narrowed(search: Search, x: float, missed: float) -> Search:
    """Note by what part a limit is missed at x."""
    if missed > 0.0:
        return Search(x, search.high, search.most, x, missed)
    return Search(search.low, x, search.most, x, missed)


@compiled
def ended(search: Search) -> bool:
    """Tell whether a price is found, or none is high enough."""
    width = search.high - search.low
    return abs(search.missed) <= KEPT or width <= NARROW * (1.0 + abs(search.x))


@compiled
def next_price(search: Search, last: Search, step: int) -> float:
    """Return where to look next: on the secant, or half way where there are kinks."""
    low, high, most, x, missed = search
    wanted = x - missed * (x - last.x) / (missed - last.missed)
    if high == most and missed > 0.0 and not wanted < most:
        return most
    around_a_kink = step > 6 and step % 2 == 0
    return wanted if low < wanted < high and not around_a_kink else 0.5 * (low + high)


@compiled
def solve_priced(
    user: Any, priced: Any, target: Any, answer: Any, deadline: float, energy: float
) -> Found:
    """Solve (18) at prices δ and ε of the limits: w^t is w^t + δ there, and w^e is w^e + ε."""
    priced.latency_weight = user.latency_weight + deadline
    priced.send_weight = user.send_weight + energy * user.transmit_power_w
    priced.receive_weight = user.receive_weight + energy * user.receive_power_w
    priced.cpu_weight = user.cpu_weight + energy * user.energy_coefficient
    found = solve_decided(priced, target, answer, COPIES)
    note_start(answer, found)
    answer.deadline, answer.energy = deadline, energy
    return found


@compiled
def in_time(user: Any, priced: Any, target: Any, answer: Any, energy: float) -> Found:
    """Solve (18) with the deadline, at a price ε of the energy budget; start from the δ before."""
    start = answer.deadline
    found = solve_priced(user, priced, target, answer, 0.0, energy)
    if user.deadline_s == np.inf:
        return found
    missed = late(user, answer, found)
    if missed <= KEPT:
        return found
    most = target.limit_price / user.latency_max_s
    base = user.latency_weight + LEAST_PART * most
    search, x = begun(base, most, start, missed)
    for step in range(MAX_STEPS):
        found = solve_priced(user, priced, target, answer, max(np.exp(x) - base, 0.0), energy)
        last, search = search, narrowed(search, x, late(user, answer, found))
        if ended(search):
            break
        x = next_price(search, last, step)
    return found


@compiled
def within_budget(user: Any, priced: Any, target: Any, answer: Any) -> Found:
    """Solve (18) with deadline and energy budget; start from the δ and ε before."""
    start = answer.energy
    found = in_time(user, priced, target, answer, 0.0)
    if user.energy_left_j == np.inf:
        return found
    missed = overspent(user, answer, found)
    if missed <= KEPT:
        return found
    most = target.limit_price / user.energy_max_j
    base = user.energy_weight + LEAST_PART * most
    search, x = begun(base, most, start, missed)
    for step in range(MAX_STEPS):
        found = in_time(user, priced, target, answer, max(np.exp(x) - base, 0.0))
        last, search = search, narrowed(search, x, overspent(user, answer, found))
        if ended(search):
            break
        x = next_price(search, last, step)
    return found


KEPT = 1e-12
"""So nearly is a limit kept, as a part of it."""
CLEARLY = 1e-5
"""So far from a limit it is kept at a rough solution's exact one too."""
NARROW = 1e-14
"""Width of a bracket, relative to where it is, that leaves nothing to look for."""
LEAST_PART = 1e-9
"""Of the largest price of a limit, where its logarithm begins to count."""


@compiled
def solve_limited(user: Any, priced: Any, target: Any, answer: Any) -> None:
    """Solve (18) for a user with a deadline or an energy budget; `priced` is a copy of its record.

    The value is that of the Lagrangian at δ and ε, which is the least S at the best ones.
    """
    found = within_budget(user, priced, target, answer)
    write(user, target, answer, found)
    if answer.deadline > 0.0:
        answer.value += answer.deadline * user.latency_max_s * late(user, answer, found)
    if answer.energy > 0.0:
        answer.value += answer.energy * user.energy_max_j * overspent(user, answer, found)


@compiled
def solve_one(users: Any, j: int, target: Any, answer: Any) -> None:
    """Solve (18) for user j at the a and ι that stand in its answer, as exactly as it goes."""
    user = users[j]
    if user.deadline_s == np.inf and user.energy_left_j == np.inf:
        write(user, target, answer, solve_decided(user, target, answer, COPIES))
    else:
        solve_limited(user, users[j : j + 1].copy()[0], target, answer)


# --- Values that are compared -------------------------------------------------------------------


class Probe(NamedTuple):
    """The least S of (18) at some a and ι, to be compared; and the solution, if limits are kept."""

    value: float
    found: Found
    is_free: bool


@compiled
def no_probe() -> Probe:
    """Return what any other is better than."""
    nothing = Found(Pair(0.0, 0.0, 0.0, 0.0, 0.0), Local(0.0, 0.0, 0.0, 0.0, 0.0), NOT_SERVED, 0.0)
    return Probe(np.inf, nothing, False)


NOT_SERVED = Served(0.0, 0.0, 0.0)


@compiled
def probe(users: Any, j: int, target: Any, answer: Any) -> Probe:
    """Solve (18) for user j at the a and ι that stand in `answer`, as well as values need it.

    The answer holds the start, and afterwards that of the next solve nearby.
    """
    user = users[j]
    found = solve_decided(user, target, answer, VALUES)
    due, thrifty = user.deadline_s < np.inf, user.energy_left_j < np.inf
    misses = (due and late(user, answer, found) > -CLEARLY) or (
        thrifty and overspent(user, answer, found) > -CLEARLY
    )
    if misses:
        solve_one(users, j, target, answer)
        return Probe(answer.value, found, False)
    note_start(answer, found)
    return Probe(value_at(user, target, answer, found), found, True)


class Ends(NamedTuple):
    """Two ι between which another one is looked for."""

    low: float
    high: float


@compiled
def may_fall(user: Any, target: Any, best: Probe, offload: float, ends: Ends, least: float) -> bool:
    """Tell whether S, solved at one ι with a download, may be below a value between two others.

    With its multipliers held, the Lagrangian is below S at every ι, and concave in ι, since it is a
    minimum of what is linear in ι. So it is least at the ends.
    """
    if not best.is_free or best.found.edge.sync_s <= 0.0:
        return True
    for end in ends:
        if end != offload and lagrangian(user, target, best, offload, end) < least:
            return True
    return best.value < least


@compiled
def lagrangian(user: Any, target: Any, best: Probe, offload: float, other: float) -> float:
    """Return the Lagrangian at another ι than the one solved, with its multipliers, at its least.

    Of them ν1 - η is what the slope in y leaves. Of the copies x and v depend on ι.
    """
    edge, branch, mu = best.found.edge, best.found.branch, best.found.mu
    over = target.sync_penalty * (target.sync_s - edge.sync_s) - mu - target.sync_multiplier
    nu1 = min(max(over, 0.0), user.latency_weight - mu)
    eta, nu2 = max(-over, 0.0), user.latency_weight - mu - nu1
    task = user.task_mbit
    weight = (user.send_weight + nu2) * (user.model_mbit + offload * task) + eta * user.model_mbit
    further = other - offload
    moved = weight + further * (user.send_weight + nu2) * task
    x = uplink_copy(user, target, moved, 0.0, edge.uplink_share, VALUES.step).share
    gain = moved * seconds_up(user, x) - weight * edge.seconds
    gain += uplink_pull(target, x) - uplink_pull(target, edge.uplink_share)
    nu = user.latency_weight - mu
    gain += edge_part(user, target, other, nu) - edge_part(user, target, offload, nu)
    if branch.frequency_ghz > 0.0:
        spent = user.cpu_weight * branch.frequency_ghz**2 + mu / branch.frequency_ghz
        gain -= further * user.work_gigacycles * spent
    return float(best.value + gain)


@compiled
def edge_part(user: Any, target: Any, iota: float, nu: float) -> float:
    """Return the least of ν CιL/v + ξ v + c_v/2 (v - f_s)², or ν CιL/f_s."""
    at_edge = served(user, target, iota, nu)
    v = at_edge.frequency_ghz
    apart = v - target.edge_frequency_ghz
    pull = target.edge_multiplier * v + 0.5 * target.edge_penalty * apart * apart
    return float(nu * at_edge.span_s + pull)


@compiled
def uplink_pull(target: Any, x: float) -> float:
    """Return α x + c_x/2 (x - b)²."""
    apart = x - target.uplink_share
    return float(target.uplink_multiplier * x + 0.5 * target.uplink_penalty * apart * apart)


@compiled
def solve_range(users: Any, targets: Any, answers: Any, first: int, last: int) -> None:
    """Solve (18) for users first..last-1 at the a and ι that stand in their answers."""
    for j in range(first, last):
        solve_one(users, j, targets[j], answers[j])
