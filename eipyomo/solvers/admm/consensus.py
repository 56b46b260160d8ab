"""What the coordinator does: steps 2 and 3 of section III, and how far agents and it disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.solvers.admm.records import BLOCKS, SYNC, TARGET
from eipyomo.solvers.compiled import compiled

if TYPE_CHECKING:
    from eipyomo.resources import Budget
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records

BISECTIONS = 100


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


def update_consensus(consensus: Consensus, copies: Records) -> Consensus:
    """Step 2: minimise (21) over v in ℱ, in the closed form (22), budget by budget."""
    asked = {
        quantity: copies[quantity] + consensus.multipliers[quantity] / consensus.penalty(quantity)
        for quantity in consensus.penalties
    }
    weights = consensus.sync_weights
    sync_s = float(np.mean(weights * asked[SYNC]) / np.mean(weights))
    values = {SYNC: np.array(max(sync_s, 0.0))}
    for budget in consensus.budgets:
        values |= within(budget, asked, consensus.penalties)
    return replace(consensus, values=values)


def within(
    budget: Budget, asked: Mapping[str, FloatColumn], penalties: Mapping[str, float]
) -> dict[str, FloatColumn]:
    """Return what each user gets of a budget, (22): Σ v ≤ capacity, and 0 ≤ v ≤ the most for each.

    Parameters
    ----------
    asked
        By quantity, what each would get at the price θ = 0, of shape (users,).
    penalties
        c by quantity.
    """
    quantities = [draw.quantity for draw in budget.draws]
    columns = np.array([asked[quantity] for quantity in quantities])
    stiffness = np.array([penalties[quantity] for quantity in quantities])
    most = np.array([draw.most for draw in budget.draws], np.float64)
    price = least_price(columns, stiffness, most, budget.capacity)
    given = np.clip(columns - (price / stiffness)[:, None], 0.0, most[:, None])
    return dict(zip(quantities, given, strict=True))


@compiled
def least_price(asked: Any, penalties: Any, most: Any, capacity: float) -> float:
    """Return θ of (22) by bisection: 0 where nothing is in excess without it.

    Parameters
    ----------
    asked
        What each user would get at θ = 0, of shape (quantities, users).
    penalties, most
        c and the most for each, of shape (quantities,).
    capacity
        What there is.
    """
    if taken(asked, penalties, most, 0.0) <= capacity:
        return 0.0
    low, high = 0.0, 0.0
    for quantity in range(len(penalties)):
        high = max(high, penalties[quantity] * asked[quantity].max())
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if taken(asked, penalties, most, middle) > capacity:
            low = middle
        else:
            high = middle
    return high


@compiled
def taken(asked: Any, penalties: Any, most: Any, price: float) -> float:
    """Return what all users get at a price; see :func:`least_price`."""
    total = 0.0
    for quantity in range(len(penalties)):
        reduced = price / penalties[quantity]
        for wish in asked[quantity]:
            total += min(max(wish - reduced, 0.0), most[quantity])
    return total


def update_multipliers(consensus: Consensus, copies: Records) -> Consensus:
    """Step 3: move the multipliers along the disagreement, (23)."""
    multipliers = {
        quantity: consensus.multipliers[quantity]
        + consensus.penalty(quantity) * (copies[quantity] - consensus.values[quantity])
        for quantity in consensus.penalties
    }
    return replace(consensus, multipliers=multipliers)


def residuals(before: Consensus, after: Consensus, copies: Records) -> Residuals:
    """Return the sums of (24) between two iterations."""
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
    return float(np.abs(left - right).sum())
