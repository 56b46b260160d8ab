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
  E depends on μ.

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


class Pair(NamedTuple):
    """The copies x and y at a given μ, and when the edge branch is ready."""

    uplink_share: float
    sync_s: float
    ready_s: float


class Local(NamedTuple):
    """The local branch at a given μ: the copy z, f, and the time from y to its end."""

    downlink_share: float
    frequency_ghz: float
    span_s: float


class Served(NamedTuple):
    """The copy v, where there is one, and the edge computing time."""

    frequency_ghz: float
    span_s: float


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
    """First and second derivative of a cost in a share."""

    slope: float
    bend: float


# --- One link -----------------------------------------------------------------------------------


@compiled
def seconds_per_mbit(share: float, snr: float, unit_s: float) -> float:
    """Return s(b), the inverse of (3) and (4)."""
    return float(unit_s / (share * np.log1p(snr / share)))


@compiled
def exp_remainder(u: float) -> float:
    """Return u - 1 + e^-u without cancellation."""
    if u > 0.3:
        return float(u - 1.0 + np.exp(-u))
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
    u = np.log1p(snr / share)
    product = share * u
    seconds = unit_s / product
    rest = exp_remainder(u) / product
    s_slope = -seconds * rest
    s_bend = seconds * (2.0 * rest * rest + (snr / (share + snr)) ** 2 / (share * product))
    factor = weight + curvature * seconds
    return Marginal(
        factor * s_slope + price + penalty * share,
        factor * s_bend + curvature * s_slope * s_slope + penalty,
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
) -> float:
    """Minimise weight s(x) + curvature/2 s(x)² + price x + penalty/2 x² over 0 < x <= 1.

    The derivative crosses zero once, from below: Newton's method within a bracket. A step that is
    short enough is the last one, since the next would be below rounding.
    """
    if weight <= 0.0 and curvature == 0.0:
        return min(max(-price / penalty, SMALLEST_SHARE), 1.0) if penalty > 0.0 else SMALLEST_SHARE
    low, high = SMALLEST_SHARE, 2.0
    x = start if 1e-9 < start < 1.0 else 0.1
    for _ in range(MAX_STEPS):
        slope, bend = marginal(x, weight, curvature, price, penalty, snr, unit_s)
        if slope < 0.0:
            low = x
            if x == 1.0:
                return 1.0
        else:
            high = x
        new = x - slope / bend
        if abs(new - x) <= LAST_STEP * x:
            return min(max(new, low), high, 1.0)
        if not low < new < high:
            new = np.sqrt(max(low, 1e-4 * high) * high)
            if new >= high:  # nothing is left above the smallest share
                return low
        x = min(new, 1.0)
    return x


SMALLEST_SHARE = 1e-30
"""Stands for no share where the rate has to be defined, and for no frequency at the edge."""

MAX_STEPS = 200
LAST_STEP = 1e-9


# --- One agent ----------------------------------------------------------------------------------


@compiled
def uplink_copy(user: Any, target: Any, weight: float, curvature: float, start: float) -> float:
    """Minimise weight s(x) + curvature/2 s(x)² + α x + c_x/2 (x - b)² over b^min ≤ x ≤ b^max."""
    price = target.uplink_multiplier - target.uplink_penalty * target.uplink_share
    x = best_share(
        weight, curvature, price, target.uplink_penalty, user.uplink_snr, user.unit_s, start
    )
    return float(min(max(x, user.uplink_share_min), user.uplink_share_max))


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
        return Served(0.0, iota * user.edge_s)
    v = edge_copy(user, target, iota, nu)
    work = iota * user.edge_gigacycles
    return Served(v, work / max(v, SMALLEST_SHARE) if work > 0.0 else 0.0)


@compiled
def relaxed_pair(user: Any, target: Any, load: float, start: float) -> Pair:
    """Return x and y where the sync time, not the offloading, decides when the edge is ready.

    If the offloading is later than y there, both end at once for every μ that lets them: then
    y = A + load s(x), and what y costs is a cost of s(x).
    """
    energy = user.send_weight * load
    x = uplink_copy(user, target, energy, 0.0, start)
    y = sync_copy(target, user.latency_weight)
    if load > 0.0 and user.start_s + load * seconds_up(user, x) > y:
        penalty = target.sync_penalty
        slope = user.latency_weight + target.sync_multiplier
        slope += penalty * (user.start_s - target.sync_s)
        x = uplink_copy(user, target, energy + load * slope, load * load * penalty, x)
        y = user.start_s + load * seconds_up(user, x)
    return Pair(x, y, y)


@compiled
def pair(user: Any, target: Any, load: float, mu: float, relaxed: Pair) -> Pair:
    """Return the copies x and y that are best at a given μ.

    `relaxed` is the answer where ν1 > 0; it does not depend on μ.
    """
    nu2 = user.latency_weight - mu
    weight = (user.send_weight + nu2) * load
    x = uplink_copy(user, target, weight, 0.0, relaxed.uplink_share)
    y = sync_copy(target, mu)
    seconds = seconds_up(user, x)
    if load == 0.0 or user.start_s + load * seconds <= y:
        return relaxed
    if user.model_mbit > 0.0 and user.start_s + user.model_mbit * seconds > y:
        # (6) holds y up: η > 0, and y = A + D s(x).
        model, penalty = user.model_mbit, target.sync_penalty
        slope = mu + target.sync_multiplier + penalty * (user.start_s - target.sync_s)
        x = uplink_copy(user, target, weight + model * slope, model * model * penalty, x)
        seconds = seconds_up(user, x)
        y = user.start_s + model * seconds
    return Pair(x, y, user.start_s + load * seconds)


@compiled
def best_frequency(user: Any, mu: float) -> float:
    """Return f of (19)."""
    if 2.0 * user.cpu_weight * user.frequency_max_ghz**3 <= mu:
        return float(user.frequency_max_ghz)
    return float(np.cbrt(mu / (2.0 * user.cpu_weight)))


@compiled
def local_branch(user: Any, target: Any, work: float, mu: float, start: float) -> Local:
    """Return z and f that are best at a given μ; a mode may compute without a download."""
    z, f, span_s = idle_downlink_copy(user, target), 0.0, 0.0
    if user.download_mbit > 0.0:
        weight = (user.receive_weight + mu) * user.download_mbit
        penalty = target.downlink_penalty
        price = target.downlink_multiplier - penalty * target.downlink_share
        z = best_share(weight, 0.0, price, penalty, user.downlink_snr, user.unit_s, start)
        z = min(max(z, user.downlink_share_min), user.downlink_share_max)
        span_s = user.download_mbit * seconds_per_mbit(z, user.downlink_snr, user.unit_s)
    if work > 0.0:
        f = best_frequency(user, mu)
        span_s += work / f
    return Local(z, f, span_s)


@compiled
def log_ratio(span_s: float, edge: Pair, edge_s: float) -> float:
    """Return ln(local span / edge span), both counted from y; it decreases in μ."""
    waited = edge.ready_s - edge.sync_s + edge_s
    return np.log(span_s / waited) if waited > 0.0 else np.inf


@compiled
def solve_in_sequence(user: Any, target: Any, answer: Any) -> Found:
    """Solve (18) for a mode in which the server waits for what the user computes and sends.

    Then T ≥ y + m s̄(z) + d + o s(x) + E, and all of it has the weight w^t.
    """
    iota, total = answer.offload_fraction, user.latency_weight
    sent = iota * user.task_mbit
    weight = user.send_weight * (user.model_mbit + sent) + total * sent
    x = uplink_copy(user, target, weight, 0.0, answer.uplink_share)
    y = sync_copy(target, total)
    model = user.model_mbit
    if model > 0.0 and user.start_s + model * seconds_up(user, x) > y:
        penalty = target.sync_penalty
        slope = total + target.sync_multiplier + penalty * (user.start_s - target.sync_s)
        x = uplink_copy(user, target, weight + model * slope, model * model * penalty, x)
        y = user.start_s + model * seconds_up(user, x)
    work = (1.0 - iota) * user.work_gigacycles
    branch = local_branch(user, target, work, total, answer.downlink_share)
    ready_s = y + branch.span_s + sent * seconds_up(user, x)
    return Found(Pair(x, y, ready_s), branch, served(user, target, iota, total), total)


@compiled
def solve_fixed(user: Any, target: Any, answer: Any) -> Found:
    """Solve (18) at the a and ι that stand in `answer`, which also holds the start.

    Deadline and energy budget do not count here; see :func:`solve_limited`.
    """
    iota = answer.offload_fraction
    load = user.model_mbit + iota * user.task_mbit
    limited = target.edge_penalty > 0.0
    total = user.latency_weight
    relaxed = relaxed_pair(user, target, load, answer.uplink_share)
    if not answer.download:
        edge = pair(user, target, load, 0.0, relaxed)
        idle = Local(idle_downlink_copy(user, target), 0.0, 0.0)
        return Found(edge, idle, served(user, target, iota, total), 0.0)
    work = (1.0 - iota) * user.work_gigacycles
    start = answer.downlink_share
    high = -LEAST_LOG_MULTIPLIER if limited else np.log(total)
    mu = total
    branch = local_branch(user, target, work, mu, start)
    edge = pair(user, target, load, mu, relaxed)
    at_edge = served(user, target, iota, 0.0)
    high_ratio = log_ratio(branch.span_s, edge, at_edge.span_s)
    if high_ratio >= 0.0:
        return Found(edge, branch, at_edge, mu)
    # Illinois' method on the logarithms; the first steps guess the slope -1/2, and
    # grow, to find a bracket.
    low, low_ratio, last, reach = -np.inf, 0.0, 0, 0.0
    for step in range(MAX_STEPS):
        if step == 0 and 0.0 < answer.mu < total:
            guess = np.log(answer.mu / (total - answer.mu if limited else 1.0))
        elif low == -np.inf:
            if high <= LEAST_LOG_MULTIPLIER:  # the local branch does not bind: μ = 0
                break
            reach = 3.0 * reach + 2.2 * min(high_ratio, -1e-3)
            guess = max(high + reach, LEAST_LOG_MULTIPLIER)
        else:
            guess = high - high_ratio * (high - low) / (high_ratio - low_ratio)
            if high - low <= 1e-14 * (1.0 + abs(high)):
                break
        mu, nu = multipliers(guess, total, limited)
        branch = local_branch(user, target, work, mu, branch.downlink_share)
        edge = pair(user, target, load, mu, relaxed)
        at_edge = served(user, target, iota, nu)
        ratio = log_ratio(branch.span_s, edge, at_edge.span_s)
        if abs(ratio) <= 1e-14:
            break
        if ratio < 0.0:
            high, high_ratio = guess, ratio
            low_ratio *= 0.5 if last < 0 else 1.0
            last = -1
        else:
            low, low_ratio = guess, ratio
            high_ratio *= 0.5 if last > 0 else 1.0
            last = 1
    return Found(edge, branch, at_edge, mu)


LEAST_LOG_MULTIPLIER = -90.0


@compiled
def solve_decided(user: Any, target: Any, answer: Any) -> Found:
    """Solve (18) at what is decided, whatever follows what."""
    if user.in_sequence:
        return solve_in_sequence(user, target, answer)
    return solve_fixed(user, target, answer)


@compiled
def multipliers(guess: float, total: float, limited: bool) -> tuple[float, float]:
    """Return μ and ν = w^t - μ at ln μ; where the edge is limited, at ln(μ/(w^t - μ))."""
    if limited:
        return total / (1.0 + np.exp(-guess)), total / (1.0 + np.exp(guess))
    mu = np.exp(guess)
    return mu, total - mu


@compiled
def end_s(answer: Any, found: Found) -> float:
    """Return the time at which the user is served, T_j + τ^md of the round before."""
    end = found.edge.ready_s + found.at_edge.span_s
    if answer.download:
        end = max(end, found.edge.sync_s + found.branch.span_s)
    return end


@compiled
def write(user: Any, target: Any, answer: Any, found: Found) -> None:
    """Write down the copies and what they cost: q of (12a) and S of (18)."""
    edge, branch, at_edge, mu = found
    x, y, z = edge.uplink_share, edge.sync_s, branch.downlink_share
    iota = answer.offload_fraction
    load = user.model_mbit + iota * user.task_mbit
    v = at_edge.frequency_ghz
    cost = user.constant + user.send_weight * load * seconds_up(user, x)
    if answer.download:
        cost += user.receive_weight * received_s(user, z)
        work = (1.0 - iota) * user.work_gigacycles
        cost += user.cpu_weight * branch.frequency_ghz**2 * work
    cost += user.latency_weight * end_s(answer, found)
    answer.cost = cost
    answer.value = (
        cost
        + target.uplink_multiplier * x
        + target.sync_multiplier * y
        + target.downlink_multiplier * z
        + 0.5 * target.uplink_penalty * (x - target.uplink_share) ** 2
        + 0.5 * target.sync_penalty * (y - target.sync_s) ** 2
        + 0.5 * target.downlink_penalty * (z - target.downlink_share) ** 2
        + target.edge_multiplier * v
        + 0.5 * target.edge_penalty * (v - target.edge_frequency_ghz) ** 2
    )
    answer.uplink_share, answer.sync_s, answer.downlink_share = x, y, z
    answer.edge_frequency_ghz = v
    answer.frequency_ghz, answer.mu = branch.frequency_ghz, mu


# --- One agent with limits ------------------------------------------------------------------------


@compiled
def received_s(user: Any, share: float) -> float:
    """Return how long the download takes; 0 where a mode has none."""
    if user.download_mbit == 0.0:
        return 0.0
    return float(user.download_mbit * seconds_per_mbit(share, user.downlink_snr, user.unit_s))


@compiled
def energy_j(user: Any, answer: Any, found: Found) -> float:
    """Return E_j - e^lt."""
    load = user.model_mbit + answer.offload_fraction * user.task_mbit
    energy = user.transmit_power_w * load * seconds_up(user, found.edge.uplink_share)
    if answer.download:
        work = (1.0 - answer.offload_fraction) * user.work_gigacycles
        energy += user.receive_power_w * received_s(user, found.branch.downlink_share)
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
    found = solve_decided(priced, target, answer)
    answer.uplink_share = found.edge.uplink_share
    answer.downlink_share, answer.mu = found.branch.downlink_share, found.mu
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
def solve_range(users: Any, targets: Any, answers: Any, first: int, last: int) -> None:
    """Solve (18) for users first..last-1."""
    for j in range(first, last):
        user, target, answer = users[j], targets[j], answers[j]
        if user.deadline_s == np.inf and user.energy_left_j == np.inf:
            write(user, target, answer, solve_decided(user, target, answer))
        else:
            solve_limited(user, users[j : j + 1].copy()[0], target, answer)
