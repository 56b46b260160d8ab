"""What the coordinator does: steps 2 and 3 of section III, and how far agents and it disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eipyomo.solvers.admm.records import TARGET

if TYPE_CHECKING:
    from collections.abc import Callable

    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records

BISECTIONS = 100


@dataclass(frozen=True)
class Penalties:
    """The step size c of (14), one for each block of copies; `edge` where there is that block."""

    uplink: float
    sync: float
    downlink: float
    edge: float | None = None


@dataclass(frozen=True, eq=False)
class EdgeConsensus:
    """The coordinator's side of the edge server's frequency, where it is limited (footnote 2).

    Attributes
    ----------
    frequency_ghz
        f_{s,j}, of shape (users,).
    multiplier
        ξ, of shape (users,), free in sign.
    most_ghz, total_ghz
        f_s, which no task exceeds, and F, which all tasks share.
    """

    frequency_ghz: FloatColumn
    multiplier: FloatColumn
    most_ghz: float
    total_ghz: float


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
    edge
        The fourth block, f_{s,j} and ξ; None where every task is served at f_s.
    """

    uplink_share: FloatColumn
    downlink_share: FloatColumn
    sync_s: float
    uplink_multiplier: FloatColumn
    sync_multiplier: FloatColumn
    downlink_multiplier: FloatColumn
    penalties: Penalties
    edge: EdgeConsensus | None = None

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
        if self.edge is not None:
            targets["edge_multiplier"] = self.edge.multiplier
            targets["edge_frequency_ghz"] = self.edge.frequency_ghz
            targets["edge_penalty"] = self.penalties.edge
        return targets


@dataclass(frozen=True)
class Residuals:
    """How far copies and consensus disagree, and how far the consensus moved; sums over users.

    `uplink`, `sync` and `downlink` are the three parts of (24a), the `_change`s those of (24b),
    where the sync time counts once. Those of the edge's frequency are parts of its total.
    """

    uplink: float
    sync: float
    downlink: float
    uplink_change: float
    sync_change: float
    downlink_change: float
    edge: float = 0.0
    edge_change: float = 0.0

    @property
    def primal(self) -> float:
        """The left side of (24a)."""
        return self.uplink + self.sync + self.downlink + self.edge

    @property
    def dual(self) -> float:
        """The left side of (24b)."""
        return self.uplink_change + self.sync_change + self.downlink_change + self.edge_change


def update_consensus(consensus: Consensus, copies: Records) -> Consensus:
    """Step 2: minimise (21) over v in ℱ, in the closed form (22), block by block."""
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
        edge=share_frequency(consensus, copies),
    )


def share_frequency(consensus: Consensus, copies: Records) -> EdgeConsensus | None:
    """Step 2 for the edge's frequency: the point of 0 ≤ f ≤ f_s, Σ f ≤ F that (21) asks for."""
    edge, penalty = consensus.edge, consensus.penalties.edge
    if edge is None or penalty is None:
        return None
    asked_ghz = copies["edge_frequency_ghz"] + edge.multiplier / penalty

    def served_ghz(price: float) -> FloatColumn:
        served: FloatColumn = np.clip(asked_ghz - price / penalty, 0.0, edge.most_ghz)
        return served

    price = least_price(
        lambda price: float(served_ghz(price).sum()) - edge.total_ghz,
        float(asked_ghz.max()) * penalty,
    )
    return replace(edge, frequency_ghz=served_ghz(price))


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

    high = max(float(up.max()) * penalties.uplink, float(down.max()) * penalties.downlink)
    return least_price(excess, high)


def least_price(excess: Callable[[float], float], high: float) -> float:
    """Return by bisection the price at which nothing is in excess; 0 where nothing is at all.

    Parameters
    ----------
    excess
        What is asked for beyond a budget at a price; does not increase.
    high
        A price at which nothing is.
    """
    if excess(0.0) <= 0.0:
        return 0.0
    low = 0.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return high


def update_multipliers(consensus: Consensus, copies: Records) -> Consensus:
    """Step 3: move the multipliers along the disagreement, (23)."""
    penalties, edge = consensus.penalties, consensus.edge
    if edge is not None and penalties.edge is not None:
        apart_ghz = copies["edge_frequency_ghz"] - edge.frequency_ghz
        edge = replace(edge, multiplier=edge.multiplier + penalties.edge * apart_ghz)
    return replace(
        consensus,
        edge=edge,
        uplink_multiplier=consensus.uplink_multiplier
        + penalties.uplink * (copies["uplink_share"] - consensus.uplink_share),
        sync_multiplier=consensus.sync_multiplier
        + penalties.sync * (copies["sync_s"] - consensus.sync_s),
        downlink_multiplier=consensus.downlink_multiplier
        + penalties.downlink * (copies["downlink_share"] - consensus.downlink_share),
    )


def residuals(before: Consensus, after: Consensus, copies: Records) -> Residuals:
    """Return the sums of (24) between two iterations."""
    edge, edge_change = 0.0, 0.0
    if before.edge is not None and after.edge is not None:
        edge = _distance(copies["edge_frequency_ghz"], after.edge.frequency_ghz)
        edge_change = _distance(before.edge.frequency_ghz, after.edge.frequency_ghz)
        edge, edge_change = edge / after.edge.total_ghz, edge_change / after.edge.total_ghz
    return Residuals(
        uplink=_distance(copies["uplink_share"], after.uplink_share),
        sync=_distance(copies["sync_s"], after.sync_s),
        downlink=_distance(copies["downlink_share"], after.downlink_share),
        uplink_change=_distance(before.uplink_share, after.uplink_share),
        sync_change=abs(before.sync_s - after.sync_s),
        downlink_change=_distance(before.downlink_share, after.downlink_share),
        edge=edge,
        edge_change=edge_change,
    )


def _distance(left: FloatColumn, right: FloatColumn | float) -> float:
    return float(np.abs(left - right).sum())
