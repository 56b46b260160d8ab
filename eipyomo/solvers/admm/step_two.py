"""Step 2: what the coordinator makes of the copies, (21) and (22)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.solvers.admm.records import SYNC
from eipyomo.solvers.compiled import compiled

if TYPE_CHECKING:
    from eipyomo.resources import Budget
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.admm.consensus import Consensus
    from eipyomo.solvers.records import Records

BISECTIONS = 100


def update_consensus(consensus: Consensus, copies: Records) -> Consensus:
    r"""Step 2: minimise (21) over v in ℱ, in the closed form (22), budget by budget.

    $$
    b_j = \left[x_j + \frac{\alpha_j - \theta}{c}\right]^+
    $$

    $$
    \hat\tau_N = \left[\frac{1}{M} \sum_j y_j + \frac{\beta_j}{c}\right]^+,\quad
    \theta \ge 0 \text{ the least with } \sum_j b_j + \bar b_j \le 1
    $$
    """
    asked = {
        quantity: copies[quantity] + consensus.multipliers[quantity] / consensus.penalty(quantity)
        for quantity in consensus.penalties
    }
    weights = consensus.sync_weights
    total = consensus.users if isinstance(weights, float) else float(np.add.reduce(weights))
    sync_s = float(np.add.reduce(weights * asked[SYNC])) / total
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
    given = np.array([asked[quantity] for quantity in quantities])
    stiffness = np.array([penalties[quantity] for quantity in quantities])
    most = np.array([draw.most for draw in budget.draws], np.float64)
    share_out(given, stiffness, most, float(budget.capacity))
    return dict(zip(quantities, given, strict=True))


@compiled
def share_out(asked: Any, penalties: Any, most: Any, capacity: float) -> None:
    """Put what each user gets in the place of what it asked for; see :func:`least_price`."""
    price = least_price(asked, penalties, most, capacity)
    for quantity in range(len(penalties)):
        reduced = price / penalties[quantity]
        for j in range(asked.shape[1]):
            asked[quantity, j] = min(max(asked[quantity, j] - reduced, 0.0), most[quantity])


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
