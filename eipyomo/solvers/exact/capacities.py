"""How much there is of what users share, and from when on it is enough for all uploads."""

from __future__ import annotations

from dataclasses import replace

from eipyomo.resources import Budget
from eipyomo.scaled import Scaled
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.records import Records


def widened(budget: Budget, wider: float) -> Budget:
    """Return a budget of so much more, if the least of it is sought."""
    if not budget.is_minimised or wider == 1.0:
        return budget
    draws = tuple([replace(draw, most=draw.most * wider) for draw in budget.draws])
    return replace(budget, capacity=budget.capacity * wider, draws=draws)


def capacity_of(budget: Budget, data: Scaled) -> float:
    """Return what there is of a budget for what users draw in the kernels.

    There energies are counted without training, which is over, and latencies from the clock's 0.
    """
    if budget.name == "total_energy":
        left_j = budget.capacity - float(data.local_training_j.sum())
        return max(left_j, LEAST_LEFT * budget.capacity)
    if budget.name == "sitting_out":
        return max(budget.capacity, HALF_A_USER)
    if budget.name == "total_latency":
        return budget.capacity + float(data.previous_download_s.sum())
    return budget.capacity


HALF_A_USER = 0.5
"""Of whole users that sit out, that many are none, and a price can be found for them."""
LEAST_LEFT = 1e-9
"""Part of a total that counts as left where training needs all of it: more than nothing."""


def earliest_sync_s(users: Records, budgets: tuple[Budget, ...]) -> float:
    """Return the sync time at which the least shares to upload in time fill the band."""
    band = next(budget for budget in budgets if "uplink_share" in budget.quantities)
    return kernels.earliest_sync(users, float(band.capacity))
