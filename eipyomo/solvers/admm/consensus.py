"""What the coordinator does: steps 2 and 3 of section III, and how far agents and it disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eipyomo.solvers.admm.records import BLOCKS, SYNC, TARGET

if TYPE_CHECKING:
    from eipyomo.resources import Budget
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records


@dataclass(frozen=True, eq=False)
class Consensus:
    """The coordinator's side of one iteration, by the quantities of ``BLOCKS`` that it has.

    Attributes
    ----------
    values
        v: of shape (users,) what the budgets share, of shape () the sync time.
    multipliers
        ω, of shape (users,); free in sign, since they belong to equalities.
    penalties
        c, in the order of ``BLOCKS``.
    budgets
        What ℱ of (13) keeps within limits.
    limit_price
        What an agent pays at most for missing a limit of its own, by all of that limit's size.
    latency_weight
        Mean w^t, with which agents pull at the sync time.
    sync_weights
        Times the sync time's c that each agent's own is, of shape (users,), or 1 for all.
    """

    values: Mapping[str, FloatColumn]
    multipliers: Mapping[str, FloatColumn]
    penalties: Mapping[str, float]
    budgets: tuple[Budget, ...]
    limit_price: float = 0.0
    latency_weight: float = 1.0
    sync_weights: FloatColumn | float = 1.0

    @property
    def users(self) -> int:
        """The number M of agents."""
        return len(self.multipliers[SYNC])

    @property
    def sync_s(self) -> float:
        """The sync time τ̂_N in s."""
        return float(self.values[SYNC])

    def penalty(self, quantity: str) -> FloatColumn | float:
        """Return c of a quantity: one for all agents, but of the sync time each agent's own."""
        penalty = self.penalties[quantity]
        return penalty * self.sync_weights if quantity == SYNC else penalty

    def targets(self) -> Records:
        """Return what the agents are told, one TARGET record per user."""
        targets = np.zeros(self.users, TARGET)
        targets["limit_price"] = self.limit_price
        for quantity, value in self.values.items():
            targets[quantity] = value
            targets[f"{BLOCKS[quantity]}_multiplier"] = self.multipliers[quantity]
            targets[f"{BLOCKS[quantity]}_penalty"] = self.penalty(quantity)
        return targets


@dataclass(frozen=True)
class Residuals:
    """How far copies and consensus disagree, and how far the consensus moved; sums over users.

    Attributes
    ----------
    primal_parts
        Those of (24a) by quantity: in s for the sync time, else in parts of the budget.
    dual_parts
        Those of (24b), where the sync time counts once.
    """

    primal_parts: Mapping[str, float]
    dual_parts: Mapping[str, float]

    @property
    def primal(self) -> float:
        """The left side of (24a)."""
        return sum(self.primal_parts.values())

    @property
    def dual(self) -> float:
        """The left side of (24b)."""
        return sum(self.dual_parts.values())


def update_multipliers(consensus: Consensus, copies: Records) -> Consensus:
    r"""Step 3: move the multipliers along the disagreement, (23).

    $$
    \alpha_j \leftarrow \alpha_j + c\,(x_j - b_j),\quad
    \beta_j \leftarrow \beta_j + c\,(y_j - \hat\tau_N),\quad
    \zeta_j \leftarrow \zeta_j + c\,(z_j - \bar b_j)
    $$
    """
    multipliers = {
        quantity: consensus.multipliers[quantity]
        + consensus.penalty(quantity) * (copies[quantity] - consensus.values[quantity])
        for quantity in consensus.penalties
    }
    return replace(consensus, multipliers=multipliers)


def residuals(before: Consensus, after: Consensus, copies: Records) -> Residuals:
    r"""Return the sums of (24) between two iterations.

    $$
    \sum_j |x_j - b_j| + |y_j - \hat\tau_N| + |z_j - \bar b_j|,\quad
    \sum_j |b_j - b_j^{\text{before}}| + |\bar b_j - \bar b_j^{\text{before}}|
    + |\hat\tau_N - \hat\tau_N^{\text{before}}|
    $$
    """
    whole = {SYNC: 1.0}
    for budget in after.budgets:
        whole |= dict.fromkeys(budget.quantities, budget.capacity)
    return Residuals(
        primal_parts={
            quantity: _distance(copies[quantity], after.values[quantity]) / whole[quantity]
            for quantity in after.penalties
        },
        dual_parts={
            quantity: _distance(before.values[quantity], after.values[quantity]) / whole[quantity]
            for quantity in after.penalties
        },
    )


def _distance(left: FloatColumn, right: FloatColumn) -> float:
    return float(np.add.reduce(np.abs(left - right), axis=None))
