"""What the coordinator does: steps 2 and 3 of section III, and how far agents and it disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eipyomo.solvers.admm.records import TARGET

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records

BISECTIONS = 100


@dataclass(frozen=True)
class Penalties:
    """The step size c of (14), one for each block of copies."""

    uplink: float
    sync: float
    downlink: float


@dataclass(frozen=True, eq=False)
class Consensus:
    """The coordinator's side of one iteration; arrays have shape (users,).

    Attributes
    ----------
    uplink_share, downlink_share, sync_s
        v = {b, b̄, τ̂}.
    uplink_multiplier, sync_multiplier, downlink_multiplier
        ω = {α, β, ζ}; free in sign, since they belong to equalities.
    penalties
        c.
    """

    uplink_share: FloatColumn
    downlink_share: FloatColumn
    sync_s: float
    uplink_multiplier: FloatColumn
    sync_multiplier: FloatColumn
    downlink_multiplier: FloatColumn
    penalties: Penalties

    def targets(self) -> Records:
        """Return what the agents are told, one TARGET record per user."""
        targets = np.zeros(len(self.uplink_share), TARGET)
        for name in ("uplink_multiplier", "sync_multiplier", "downlink_multiplier"):
            targets[name] = getattr(self, name)
        for name in ("uplink_share", "sync_s", "downlink_share"):
            targets[name] = getattr(self, name)
        targets["uplink_penalty"] = self.penalties.uplink
        targets["sync_penalty"] = self.penalties.sync
        targets["downlink_penalty"] = self.penalties.downlink
        return targets


@dataclass(frozen=True)
class Residuals:
    """How far copies and consensus disagree, and how far the consensus moved; sums over users.

    `uplink`, `sync` and `downlink` are the three parts of (24a), the `_change`s those of (24b),
    where the sync time counts once.
    """

    uplink: float
    sync: float
    downlink: float
    uplink_change: float
    sync_change: float
    downlink_change: float

    @property
    def primal(self) -> float:
        """The left side of (24a)."""
        return self.uplink + self.sync + self.downlink

    @property
    def dual(self) -> float:
        """The left side of (24b)."""
        return self.uplink_change + self.sync_change + self.downlink_change


def update_consensus(consensus: Consensus, copies: Records) -> Consensus:
    """Step 2: minimise (21) over v in ℱ, in the closed form (22)."""
    penalties = consensus.penalties
    up = copies["uplink_share"] + consensus.uplink_multiplier / penalties.uplink
    down = copies["downlink_share"] + consensus.downlink_multiplier / penalties.downlink
    price = bandwidth_price(up, down, penalties)
    sync_s = float(np.mean(copies["sync_s"] + consensus.sync_multiplier / penalties.sync))
    return replace(
        consensus,
        uplink_share=np.maximum(up - price / penalties.uplink, 0.0),
        downlink_share=np.maximum(down - price / penalties.downlink, 0.0),
        sync_s=max(sync_s, 0.0),
    )


def bandwidth_price(up: FloatColumn, down: FloatColumn, penalties: Penalties) -> float:
    """Return θ of (22) by bisection: 0 where the band suffices without it.

    Parameters
    ----------
    up, down
        The shares at θ = 0 before they are cut off at 0.
    """

    def excess(price: float) -> float:
        shares = np.maximum(up - price / penalties.uplink, 0.0).sum()
        shares += np.maximum(down - price / penalties.downlink, 0.0).sum()
        return float(shares) - 1.0

    if excess(0.0) <= 0.0:
        return 0.0
    low = 0.0
    high = max(float(up.max()) * penalties.uplink, float(down.max()) * penalties.downlink)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return high


def update_multipliers(consensus: Consensus, copies: Records) -> Consensus:
    """Step 3: move the multipliers along the disagreement, (23)."""
    penalties = consensus.penalties
    return replace(
        consensus,
        uplink_multiplier=consensus.uplink_multiplier
        + penalties.uplink * (copies["uplink_share"] - consensus.uplink_share),
        sync_multiplier=consensus.sync_multiplier
        + penalties.sync * (copies["sync_s"] - consensus.sync_s),
        downlink_multiplier=consensus.downlink_multiplier
        + penalties.downlink * (copies["downlink_share"] - consensus.downlink_share),
    )


def residuals(before: Consensus, after: Consensus, copies: Records) -> Residuals:
    """Return the sums of (24) between two iterations."""
    return Residuals(
        uplink=_distance(copies["uplink_share"], after.uplink_share),
        sync=_distance(copies["sync_s"], after.sync_s),
        downlink=_distance(copies["downlink_share"], after.downlink_share),
        uplink_change=_distance(before.uplink_share, after.uplink_share),
        sync_change=abs(before.sync_s - after.sync_s),
        downlink_change=_distance(before.downlink_share, after.downlink_share),
    )


def _distance(left: FloatColumn, right: FloatColumn | float) -> float:
    return float(np.abs(left - right).sum())
