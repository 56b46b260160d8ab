"""The records that coordinator and agents exchange, and the way from scaled columns to them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from eipyomo.physics import LN2
from eipyomo.problem import SHARE_BOUNDS
from eipyomo.resources import Budget
from eipyomo.restriction import OpenDecisions
from eipyomo.scaled import Scaled
from eipyomo.solvers.records import COSTS, LIMITS, Records, fill_costs, fill_limits

SYNC = "sync_s"

BLOCKS = {
    "uplink_share": "uplink",
    SYNC: "sync",
    "downlink_share": "downlink",
    "edge_frequency_ghz": "edge",
}
"""Quantities of which agents have copies, each with the name of its block in options, traces and
records; the first three are the letter's."""

USER = np.dtype(
    [
        ("uplink_snr", "f8"),
        ("downlink_snr", "f8"),
        ("unit_s", "f8"),  # ln2 / B
        *COSTS,
        *LIMITS,
        ("latency_max_s", "f8"),  # T_max
        ("energy_max_j", "f8"),  # E_max
        *[(name, "f8") for name in SHARE_BOUNDS],
    ],
    align=True,
)
"""What the agent knows of its end user."""

TARGET = np.dtype(
    [
        ("uplink_multiplier", "f8"),  # α
        ("sync_multiplier", "f8"),  # β
        ("downlink_multiplier", "f8"),  # ζ
        ("uplink_share", "f8"),  # b
        ("sync_s", "f8"),  # τ̂
        ("downlink_share", "f8"),  # b̄
        ("uplink_penalty", "f8"),  # c_x
        ("sync_penalty", "f8"),  # c_y
        ("downlink_penalty", "f8"),  # c_z
        ("limit_price", "f8"),  # of missing a deadline or an energy budget by its own size
        ("edge_multiplier", "f8"),  # ξ
        ("edge_frequency_ghz", "f8"),  # f_s
        ("edge_penalty", "f8"),  # c_v; 0 where the task is served at f_s in any case
    ],
    align=True,
)
"""What the coordinator tells the agent."""

STARTS = ("uplink_share", "downlink_share", "mu", "deadline", "energy")

ANSWER = np.dtype(
    [
        ("download", "?"),  # a
        ("offload_fraction", "f8"),  # ι
        ("value", "f8"),  # S(u), the augmented cost (18)
        ("cost", "f8"),  # q(u), the user's part of (10a)
        ("uplink_share", "f8"),  # x
        ("sync_s", "f8"),  # y
        ("downlink_share", "f8"),  # z
        ("edge_frequency_ghz", "f8"),  # v, where the edge's frequency is limited
        ("frequency_ghz", "f8"),  # f
        ("mu", "f8"),  # multiplier of the local branch
        ("deadline", "f8"),  # δ, multiplier of the deadline
        ("energy", "f8"),  # ε, multiplier of the energy budget
        ("mode", "i8"),  # which of its modes the user takes, from 0, if it has some
    ],
    align=True,
)
"""What the agent answers, u_j of (12)."""

START = np.dtype([(name, "f8") for name in STARTS], align=True)
"""Of an answer, where a solve nearby starts."""

CHOICE = np.dtype(
    [("edge", "?"), ("local", "?"), ("offload_min", "f8"), ("offload_max", "f8")],
    align=True,
)
"""What the agent may decide, as in :class:`~eipyomo.restriction.OpenDecisions`."""


def copied(budgets: Iterable[Budget]) -> tuple[str, ...]:
    """Return the quantities of which agents have copies: the sync time, and what budgets share."""
    shared = {quantity for budget in budgets for quantity in budget.quantities}
    return tuple(quantity for quantity in BLOCKS if quantity == SYNC or quantity in shared)


def user_records(data: Scaled) -> Records:
    """Return one USER record per end user."""
    users = np.zeros(len(data), USER)
    users["uplink_snr"] = data.uplink_snr
    users["downlink_snr"] = data.downlink_snr
    users["unit_s"] = LN2 / data.bandwidth_mhz
    fill_costs(users, data)
    fill_limits(users, data)
    users["latency_max_s"], users["energy_max_j"] = data.deadline_s, data.energy_budget_j
    for name in SHARE_BOUNDS:
        users[name] = getattr(data, name)
    return users


def choice_records(decisions: OpenDecisions) -> Records:
    """Return one CHOICE record per end user."""
    choices = np.zeros(len(decisions.edge), CHOICE)
    for name in CHOICE.names or ():
        choices[name] = getattr(decisions, name)
    return choices
