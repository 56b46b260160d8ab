"""Where a run starts: equal parts or an allocation, and penalties that fit the instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from eipyomo import physics, timing
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.solvers.admm.consensus import Consensus
from eipyomo.solvers.admm.records import SYNC, copied

if TYPE_CHECKING:
    from eipyomo.problem import Problem
    from eipyomo.scaled import FloatColumn, Scaled

SHARE_STIFFNESS = 0.125
EDGE_STIFFNESS = 0.0625
SYNC_REACH = 0.1

HEAVY = 1e3
"""Times what time costs, and what moving the sync time costs, is what missing a limit does."""

LEAST_ROOM, SOON_S = 1e-3, 1e-3
"""The sync time has at least so much room, as a part of it and in s, where nobody sends much."""

LATEST = 1e9
"""How many times later than with equal shares a start's sync time may be."""


def share_penalty(data: Scaled) -> float:
    """Return a fraction of what the cost's slope in b changes over a share's own size.

    At equal shares 1/(2M) that is

        c_b = M/8 · mean_j K_j |s_j'(1/(2M))|,    K_j = (w^e p + w^t)(D + L).
    """
    share = 0.5 / len(data)
    weight = data.energy_weight * data.transmit_power_w + data.latency_weight
    seconds = physics.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    growth = np.log1p(data.uplink_snr / share)
    # s' = -s/b (1 - (g/b)/((1 + g/b) ln(1 + g/b))), from (3)
    used = data.uplink_snr / (share + data.uplink_snr) / growth
    steepness = seconds / share * (1.0 - used)
    update_mbit = in_the_mean(data, "update_mbit", data.model_mbit)
    slope = weight * (update_mbit + in_the_mean(data, "offload_mbit", data.task_mbit)) * steepness
    stiffness = SHARE_STIFFNESS * len(data) * float(np.mean(slope))
    return stiffness if stiffness > 0.0 else 1.0  # where nobody sends anything, any will do


def in_the_mean(data: Scaled, key: str, own: FloatColumn | float) -> FloatColumn | float:
    """Return a column of modes in the mean for users that have some, what it is for others."""
    return own if data.modes is None else data.modes.mean(key, own)


def sync_penalty(data: Scaled) -> float:
    """Return what moves τ̂ by a tenth of its room when all latencies pull together.

    c_τ = mean_j w_j^t / (0.1 (τ̂_equal - max_j A_j)).
    """
    return float(np.mean(data.latency_weight)) / (SYNC_REACH * sync_room_s(data))


def edge_penalty(data: Scaled) -> float:
    """Return a fraction of what the slope of w^t CL/f in f changes over a task's own equal part.

    c_v = 1/16 · mean_j w_j^t C L_j / f_0³,    f_0 = min(f_s, F/M).
    """
    work = in_the_mean(data, "edge_gigacycles", data.gigacycles_per_mbit * data.task_mbit)
    delay = data.latency_weight * work
    stiffness = EDGE_STIFFNESS * float(np.mean(delay)) / data.equal_frequency_ghz**3
    return stiffness if stiffness > 0.0 else 1.0  # without any task, any will do


PENALTIES: Mapping[str, Callable[[Scaled], float]] = {
    "uplink_share": share_penalty,
    SYNC: sync_penalty,
    "downlink_share": share_penalty,
    "edge_frequency_ghz": edge_penalty,
}
"""Penalties by quantity. Each is a second derivative of cost and scales with the weights; between
them they treat seconds, gigahertz and fractions of the band alike."""


def scaled_penalties(problem: Problem) -> dict[str, float]:
    """Return a penalty for each quantity of which the agents of a problem have copies."""
    return {quantity: PENALTIES[quantity](problem.data) for quantity in copied(problem.budgets)}


def limit_price(data: Scaled, penalties: Mapping[str, float]) -> float:
    """Return what missing a limit by its own size costs: much more than moving copies does.

    It is 1000 (mean_j w_j^t + c_τ (τ̂_equal - max_j A_j)) τ̂_equal.
    """
    weight = float(np.mean(data.latency_weight)) + penalties[SYNC] * sync_room_s(data)
    return HEAVY * weight * equal_sync_s(data)


def sync_room_s(data: Scaled) -> float:
    """Return the room of the sync time, between all uploads' starts and their ends."""
    sync_s = equal_sync_s(data)
    return max(sync_s - float(np.max(starts_s(data))), LEAST_ROOM * sync_s, SOON_S)


def equal_sync_s(data: Scaled) -> float:
    """Return the sync time when all have 1/(2M) of the band for their uplink."""
    share = np.full(len(data), 0.5 / len(data))
    seconds = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    update_mbit = in_the_mean(data, "update_mbit", data.model_mbit)
    return float(np.max(starts_s(data) + update_mbit * seconds))


def starts_s(data: Scaled) -> FloatColumn:
    """Return when uploads can start; with modes, in the mean."""
    start_s: FloatColumn = data.previous_download_s + in_the_mean(
        data, "training_s", data.local_training_s
    )
    return start_s


def equal_parts(problem: Problem) -> dict[str, FloatColumn]:
    """Return every budget shared out equally; by quantity, of shape (users,)."""
    users = len(problem.data)
    return {
        draw.quantity: np.full(users, min(budget.capacity / (len(budget.draws) * users), draw.most))
        for budget in problem.budgets
        for draw in budget.draws
    }


def starting_point(
    start: Literal["equal"] | Allocation, problem: Problem, penalties: Mapping[str, float]
) -> Consensus:
    """Return v and ω of iteration 0: equal parts and their sync time, or an allocation's; ω = 0.

    Raises
    ------
    InputError
        If `start` belongs to other users, or its sync time is out of reach.
    """
    data = problem.data
    values = equal_parts(problem)
    values[SYNC] = np.array(equal_sync_s(data))
    if isinstance(start, Allocation):
        start = start.for_users(data.names)
        if not abs(start.sync_s) <= LATEST * values[SYNC]:
            raise InputError(
                f"sync_s of the start is {start.sync_s:g} s, but must be at most {LATEST:g} times "
                f"what equal shares give, {values[SYNC]:g} s"
            )
        plan = start.plan(data)
        if start.edge_frequency_hz is None:
            plan = plan._replace(edge_frequency_ghz=np.full(len(data), data.equal_frequency_ghz))
        values = {quantity: np.array(getattr(plan, quantity)) for quantity in penalties}
    return Consensus(
        values=values,
        multipliers={quantity: np.zeros(len(data)) for quantity in penalties},
        penalties=penalties,
        budgets=problem.budgets,
        limit_price=limit_price(data, penalties),
        latency_weight=float(np.mean(data.latency_weight)),
    )
