"""How much there is of what users share, and from when on it is enough for all uploads."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from eipyomo.resources import Budget
from eipyomo.scaled import Scaled
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.roots import find_crossing
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
    """Return the sync time at which the least shares to upload in time fill the band, rounded down.

    A few steps of a search over the logarithm of the time since the last upload can begin bracket
    it narrowly, unless shares jump at their bounds; halving does the rest.
    """
    band = next(budget for budget in budgets if "uplink_share" in budget.quantities)
    starts = users["start_s"][users["model_mbit"] > 0.0]
    latest_start_s = float(starts.max(initial=0.0))

    def overuse(log_lead: float) -> tuple[float, float]:
        sync_s = latest_start_s + math.exp(log_lead)
        ratio = kernels.log_ratio(kernels.least_shares(users, sync_s), band.capacity)
        return min(max(ratio, -kernels.TELLING), kernels.TELLING), sync_s

    steps = itertools.count()
    crossing = find_crossing(
        overuse,
        math.log1p(latest_start_s),
        -SPAN,
        SPAN,
        slope=kernels.PRESSURE_SLOPE,
        enough=lambda _: next(steps) >= STEPS,
    )
    low = latest_start_s if crossing.before is None else crossing.before.found
    high = low if crossing.after is None else crossing.after.found
    while high - low > NARROW * high:
        middle = 0.5 * (low + high)
        if kernels.least_shares(users, middle) > band.capacity:
            low = middle
        else:
            high = middle
    return low * (1.0 - 1e-12)


STEPS = 11
"""Of the search, which smooth needs are known by after ten."""
NARROW = 1e-13
"""Relative width of what is known of the earliest sync time."""
SPAN = 69.0
"""In ln s: no sync is farther from when the last upload can begin, on either side of a second."""
