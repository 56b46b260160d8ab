"""What the letter leaves open, as options: start, penalties, what stop means, how ι is searched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from eipyomo import physics
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.scaled import HZ_PER_GHZ
from eipyomo.solvers.admm.consensus import Consensus, EdgeConsensus, Penalties, Residuals

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn, Scaled

Stop = Literal["relative", "absolute"]

LETTER_PENALTY = 20.0
SHARE_STIFFNESS = 0.125
EDGE_STIFFNESS = 0.0625
SYNC_REACH = 0.1
BALANCE_EVERY, BALANCE_RATIO, BALANCE_FACTOR = 10, 10.0, 2.0


@dataclass(frozen=True)
class Settings:
    """The choices of one run, checked.

    Attributes
    ----------
    penalty
        One c for the letter's blocks, one for each, or None for :func:`scaled_penalties`, which
        also gives that of the edge's frequency where it is left out.
    balance
        Whether a block's penalty is doubled or halved every 10 iterations where its primal
        residual is more than 10 times its dual one, or the reverse.
    stop
        "absolute": (24) as printed, with sums over seconds and fractions. "relative":
        :func:`relative_residuals`, which no choice of units changes.
    primal_tolerance, dual_tolerance
        ε1 and ε2; with "absolute" they are multiplied by the number of users, as in Table I.
    offload_grid
        Parts of the coarse scan over ι.
    offload_tolerance
        ε0 of the golden-section search.
    max_iterations
        Iterations after which to stop in any case.
    patience
        Iterations without a better allocation after which to stop.
    """

    penalty: float | Penalties | None
    balance: bool
    stop: Stop
    primal_tolerance: float
    dual_tolerance: float
    offload_grid: int = 8
    offload_tolerance: float = 1e-3
    max_iterations: int = 500
    patience: int = 100

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.stop not in get_args(Stop):
            raise InputError(
                f"stop is {self.stop!r}, but must be one of: {', '.join(get_args(Stop))}"
            )
        for key in ("primal_tolerance", "dual_tolerance", "offload_tolerance"):
            require_positive(key, getattr(self, key))
        for key in ("offload_grid", "max_iterations", "patience"):
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{key} is {value!r}, but must be a whole number >= 1")
        if not isinstance(self.balance, bool):
            raise InputError(f"balance is {self.balance!r}, but must be true or false")

    @classmethod
    def of(cls, preset: str, changes: Mapping[str, Any]) -> Settings:
        """Return a preset with some choices changed; None leaves the preset's."""
        if preset not in PRESETS:
            raise InputError(f"preset is {preset!r}, but must be one of: {', '.join(PRESETS)}")
        given = {key: value for key, value in changes.items() if value is not None}
        if "penalty" in given:
            given["penalty"] = read_penalty(given["penalty"])
        return replace(PRESETS[preset], **given)

    def penalties(self, data: Scaled) -> Penalties:
        """Return the c of each block that a run starts with."""
        if self.penalty is None:
            return scaled_penalties(data)
        if not isinstance(self.penalty, Penalties):
            return Penalties(self.penalty, self.penalty, self.penalty, scaled_edge_penalty(data))
        if self.penalty.edge is None:
            return replace(self.penalty, edge=scaled_edge_penalty(data))
        if data.total_frequency_ghz is None:
            raise InputError(
                "penalty has the key edge, but only a server with a total_frequency_hz has that "
                "block"
            )
        return self.penalty

    def met(self, found: Residuals, consensus: Consensus) -> bool:
        """Tell whether the stopping rule holds, (24)."""
        if self.stop == "absolute":
            users = len(consensus.uplink_share)
            primal, dual = found.primal / users, found.dual / users
        else:
            primal, dual = relative_residuals(found, consensus)
        return primal <= self.primal_tolerance and dual <= self.dual_tolerance

    def balanced(self, penalties: Penalties, found: Residuals, users: int) -> Penalties:
        """Return the penalties after residual balancing (Boyd et al., section 3.4.1)."""
        return Penalties(
            penalties.uplink * _factor(found.uplink, found.uplink_change),
            penalties.sync * _factor(found.sync / users, found.sync_change),
            penalties.downlink * _factor(found.downlink, found.downlink_change),
            penalties.edge and penalties.edge * _factor(found.edge, found.edge_change),
        )


def relative_residuals(found: Residuals, consensus: Consensus) -> tuple[float, float]:
    """Return primal and dual residual without a unit.

    Shares count by their sum, of which the whole is the band, 1, and so do the parts of the edge's
    frequency; the sync time counts by its mean disagreement over users, relative to itself. The
    largest of them decides.
    """
    users = len(consensus.uplink_share)
    clock = max(consensus.sync_s, 1e-300)
    primal = max(found.uplink + found.downlink, found.sync / users / clock, found.edge)
    dual = max(
        found.uplink_change + found.downlink_change, found.sync_change / clock, found.edge_change
    )
    return primal, dual


def scaled_penalties(data: Scaled) -> Penalties:
    """Return penalties that treat seconds and fractions of the band alike.

    A penalty is a second derivative of cost. For the shares it is a fraction of what the cost's
    slope in b changes over a share's own size, at equal shares 1/(2M),

        c_b = M/8 · mean_j K_j |s_j'(1/(2M))|,    K_j = (w^e p + w^t)(D + L);

    for the sync time it moves τ̂ by a tenth of its room when all latencies pull together,

        c_τ = mean_j w_j^t / (0.1 (τ̂_equal - max_j A_j)).

    Both scale with the weights, as a penalty must.
    """
    share = 0.5 / len(data)
    weight = data.energy_weight * data.transmit_power_w + data.latency_weight
    seconds = physics.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    growth = np.log1p(data.uplink_snr / share)
    # s' = -s/b (1 - (g/b)/((1 + g/b) ln(1 + g/b))), from (3)
    used = data.uplink_snr / (share + data.uplink_snr) / growth
    steepness = seconds / share * (1.0 - used)
    pull = weight * (data.model_mbit + data.task_mbit) * steepness
    stiffness = SHARE_STIFFNESS * len(data) * float(np.mean(pull))
    room_s = equal_sync_s(data) - float(np.max(data.upload_start_s))
    sync = float(np.mean(data.latency_weight)) / (SYNC_REACH * room_s)
    return Penalties(stiffness, sync, stiffness, scaled_edge_penalty(data))


def scaled_edge_penalty(data: Scaled) -> float | None:
    """Return the penalty of the edge's frequency; None where it is not limited.

    As for the shares: a fraction of what the slope of w^t CL/f in f changes over a task's own
    equal part f_0,

        c_v = 1/16 · mean_j w_j^t C L_j / f_0³,    f_0 = min(f_s, F/M).
    """
    if data.total_frequency_ghz is None:
        return None
    delay = data.latency_weight * data.gigacycles_per_mbit * data.task_mbit
    stiffness = EDGE_STIFFNESS * float(np.mean(delay)) / data.equal_frequency_ghz**3
    return stiffness if stiffness > 0.0 else 1.0  # without any task, any will do


def equal_sync_s(data: Scaled) -> float:
    """Return the sync time when all have 1/(2M) of the band for their uplink."""
    seconds = physics.seconds_per_mbit(0.5 / len(data), data.bandwidth_mhz, data.uplink_snr)
    return float(np.max(data.upload_start_s + data.model_mbit * seconds))


LATEST = 1e9
"""How many times later than with equal shares a start's sync time may be."""


def starting_point(
    start: Literal["equal"] | Allocation, data: Scaled, penalties: Penalties
) -> Consensus:
    """Return v and ω of iteration 0: equal parts and their sync time, or an allocation's; ω = 0.

    Raises
    ------
    InputError
        If `start` is neither, or belongs to other users.
    """
    users = len(data)
    equal = np.full(users, 0.5 / users)
    edge_ghz = np.full(users, data.equal_frequency_ghz)
    if isinstance(start, Allocation):
        start = start.for_users(data.names)
        up, down, sync_s = start.uplink_share, start.downlink_share, start.sync_s
        if not abs(sync_s) <= LATEST * equal_sync_s(data):
            raise InputError(
                f"sync_s of the start is {sync_s:g} s, but must be at most {LATEST:g} times what "
                f"equal shares give, {equal_sync_s(data):g} s"
            )
        if start.edge_frequency_hz is not None:
            edge_ghz = start.edge_frequency_hz / HZ_PER_GHZ
    elif start == "equal":
        up, down, sync_s = equal, equal, equal_sync_s(data)
    else:
        raise InputError(f"start is {start!r}, but must be 'equal' or an Allocation")
    zero: FloatColumn = np.zeros(users)
    edge = None
    if data.total_frequency_ghz is not None:
        edge = EdgeConsensus(edge_ghz, zero, data.server_frequency_ghz, data.total_frequency_ghz)
    return Consensus(up, down, sync_s, zero, zero, zero, penalties, edge)


def read_penalty(penalty: Any) -> float | Penalties:
    """Return the penalty that an option means: a number, or one for each block by name."""
    if isinstance(penalty, Penalties):
        penalty = {block: value for block, value in vars(penalty).items() if value is not None}
    if not isinstance(penalty, Mapping):
        require_positive("penalty", penalty)
        return float(penalty)
    blocks = ("uplink", "sync", "downlink")
    if set(penalty) - {"edge"} != set(blocks):
        raise InputError(
            f"penalty has the keys {', '.join(map(str, penalty))}, but must have "
            f"{', '.join(blocks)}, and may have edge"
        )
    for block, value in penalty.items():
        require_positive(f"penalty[{block}]", value)
    return Penalties(**{block: float(value) for block, value in penalty.items()})


def require_positive(key: str, value: Any) -> None:
    """Refuse anything but a finite number > 0."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:
        raise InputError(f"{key} is {value!r}, but must be a finite number > 0")


def _factor(primal: float, dual: float) -> float:
    if primal > BALANCE_RATIO * dual:
        return BALANCE_FACTOR
    return 1.0 / BALANCE_FACTOR if dual > BALANCE_RATIO * primal else 1.0


PRESETS: Mapping[str, Settings] = {
    "default": Settings(
        penalty=None,
        balance=True,
        stop="relative",
        primal_tolerance=1e-3,
        dual_tolerance=1e-3,
    ),
    "letter": Settings(
        penalty=LETTER_PENALTY,
        balance=False,
        stop="absolute",
        primal_tolerance=1.5e-4,
        dual_tolerance=1e-4,
        patience=500,
    ),
}
