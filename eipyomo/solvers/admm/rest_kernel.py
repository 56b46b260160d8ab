"""One end user at a price of bandwidth and a sync time, with a_j and ι_j fixed; compiled.

The Lagrangian of the convex rest of (10) gives user j, at a price λ ≥ 0 and a sync time t,

    min  w^e E_j + w^t T_j + λ (b_j + b̄_j)   subject to   A_j + D s(b_j) ≤ t,

with the multipliers of :mod:`eipyomo.solvers.admm.kernel`. Nothing is penalised here, so that the
uplink share is one of three: the one that energy alone asks for, the one at which the offloading
is ready at t or the upload done at t, or the one that the latency presses for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from eipyomo.solvers.admm.kernel import (
    LEAST_LOG_MULTIPLIER,
    MAX_STEPS,
    best_frequency,
    best_share,
    marginal,
    seconds_per_mbit,
    seconds_up,
)
from eipyomo.solvers.compiled import compiled

RESPONSE = np.dtype(
    [
        ("uplink_share", "f8"),  # b
        ("downlink_share", "f8"),  # b̄
        ("sync_slope", "f8"),  # derivative of the user's cost in t
    ],
    align=True,
)
"""What a user answers, and where its next answer starts."""


class Uplink(NamedTuple):
    """The uplink share at a given μ, when the edge branch is ready, and ν2 + η."""

    share: float
    ready_s: float
    pull: float


@compiled
def share_in_time(seconds: float, snr: float, unit_s: float, start: float) -> float:
    """Return the share over which a Mbit takes so many seconds; 2 if the band is too narrow.

    The rate is increasing and concave in the share, so Newton's method converges from below.
    """
    if seconds <= 0.0 or seconds_per_mbit(1.0, snr, unit_s) > seconds:
        return 2.0
    need = unit_s / seconds
    x = start if 0.0 < start < 1.0 else 0.1
    while x * np.log1p(snr / x) > need:
        x *= 0.5
    for _ in range(MAX_STEPS):
        u = np.log1p(snr / x)
        step = (need - x * u) / (u - snr / (x + snr))
        x += step
        if step <= 1e-12 * x:
            break
    return x


@compiled
def weight_at(share: float, price: float, snr: float, unit_s: float) -> float:
    """Return the weight of s at which a share is the best one."""
    return -price / marginal(share, 1.0, 0.0, 0.0, 0.0, snr, unit_s).slope


@compiled
def uplink(
    user: Any, load: float, local: float, price: float, sync_s: float, held: float, tied: float
) -> Uplink:
    """Return the best uplink share at a given μ.

    `held` is the share at which the upload ends at the sync time, `tied` the one at which the
    offloading does.
    """
    energy = user.send_weight * load
    ready = user.latency_weight - local
    snr, unit_s = user.uplink_snr, user.unit_s
    pressed = best_share((user.send_weight + ready) * load, 0.0, price, 0.0, snr, unit_s, tied)
    if pressed < held:
        needed = weight_at(held, price, snr, unit_s) - energy - ready * load
        pull = ready + max(needed, 0.0) / user.model_mbit
        return Uplink(held, user.start_s + load * seconds_up(user, held), pull)
    if pressed <= tied:
        return Uplink(pressed, user.start_s + load * seconds_up(user, pressed), ready)
    relaxed = best_share(energy, 0.0, price, 0.0, snr, unit_s, pressed) if energy > 0.0 else 0.0
    if relaxed >= tied:
        return Uplink(relaxed, sync_s, 0.0)
    pull = (weight_at(tied, price, snr, unit_s) - energy) / load
    return Uplink(tied, sync_s, min(max(pull, 0.0), ready))


@compiled
def downlink(user: Any, local: float, price: float, start: float) -> float:
    """Return the best downlink share at a given μ."""
    weight = (user.receive_weight + local) * user.model_mbit
    return best_share(weight, 0.0, price, 0.0, user.downlink_snr, user.unit_s, start)


@compiled
def log_spans(
    user: Any, work: float, local: float, down: float, up: Uplink, sync_s: float, edge_s: float
) -> float:
    """Return ln(local span / edge span), both counted from the sync time."""
    span_s = user.model_mbit * seconds_per_mbit(down, user.downlink_snr, user.unit_s)
    if work > 0.0:
        span_s += work / best_frequency(user, local)
    waited_s = up.ready_s - sync_s + edge_s
    return np.log(span_s / waited_s) if waited_s > 0.0 else np.inf


@compiled
def respond_fixed(
    user: Any, download: bool, offload: float, price: float, sync_s: float, response: Any
) -> bool:
    """Answer a price and a sync time; return whether the user can meet the sync time at all."""
    load = user.model_mbit + offload * user.task_mbit
    edge_s = offload * user.edge_s
    snr, unit_s = user.uplink_snr, user.unit_s
    spare_s = sync_s - user.start_s
    held = share_in_time(spare_s / user.model_mbit, snr, unit_s, response.uplink_share)
    if held > 1.0:
        return False
    tied = share_in_time(spare_s / load, snr, unit_s, held)
    local, down = 0.0, 0.0
    if download:
        work = (1.0 - offload) * user.work_gigacycles
        local = user.latency_weight
        down = downlink(user, local, price, response.downlink_share)
        up = uplink(user, load, local, price, sync_s, held, tied)
        high = np.log(local)
        high_ratio = log_spans(user, work, local, down, up, sync_s, edge_s)
        low, low_ratio, last = -np.inf, 0.0, 0
        for _ in range(MAX_STEPS if high_ratio < 0.0 else 0):
            if low == -np.inf:
                guess = high + 2.2 * min(high_ratio, -1e-3)
                if guess < LEAST_LOG_MULTIPLIER:
                    break
            else:
                guess = high - high_ratio * (high - low) / (high_ratio - low_ratio)
                if high - low <= 1e-12:
                    break
            local = np.exp(guess)
            down = downlink(user, local, price, down)
            up = uplink(user, load, local, price, sync_s, held, tied)
            ratio = log_spans(user, work, local, down, up, sync_s, edge_s)
            if abs(ratio) <= 1e-12:
                break
            if ratio < 0.0:
                high, high_ratio = guess, ratio
                low_ratio *= 0.5 if last < 0 else 1.0
                last = -1
            else:
                low, low_ratio = guess, ratio
                high_ratio *= 0.5 if last > 0 else 1.0
                last = 1
    else:
        up = uplink(user, load, 0.0, price, sync_s, held, tied)
    response.uplink_share = up.share
    response.downlink_share = down
    response.sync_slope = user.latency_weight - up.pull
    return True


@compiled
def respond_range(
    users: Any,
    download: Any,
    offload: Any,
    price: float,
    sync_s: float,
    responses: Any,
    first: int,
    last: int,
) -> bool:
    """Let users first..last-1 answer; stop and return False at one that cannot."""
    for j in range(first, last):
        if not respond_fixed(users[j], download[j], offload[j], price, sync_s, responses[j]):
            return False
    return True
