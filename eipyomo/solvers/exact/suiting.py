"""Prices and multipliers that suit an allocation: by how much its cost follows what it rests on.

The dual at the optimal sync time may have a kink there, with other prices on either side. The slope
of the cost is a combination of both: that at which the sync time has no slope left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eipyomo.problem import Feature
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.capacities import earliest_sync_s
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import ACCURACY, MISMATCH, ConvexRest, rest_of
from eipyomo.solvers.exact.kernels import TRACKED, Accuracy, Times
from eipyomo.solvers.exact.solutions import Decisions, Prices, UserSolutions
from eipyomo.solvers.exact.sync_time import minimise_over_sync_time
from eipyomo.solvers.exact.users import user_records, with_least_of_modes
from eipyomo.solvers.records import Records, mode_records
from eipyomo.timing import seconds_per_mbit

MULTIPLIERS = ("eta", "nu2", "deadline", "energy")
"""Fields of SOLUTION records: of the upload, of the edge's answer, and of the limits."""
LEVEL = 1e-6
"""Slope in the sync time, relative to the weights against it, that is none."""
ALL, ROOM = 1.0 - 1e-9, 2.0
"""Part of a budget that is all of it, and how much more than that a user is let take."""
AT_FIRST, STEP = 1e-9, 1e-4
"""What is as good as the earliest sync time, relative, and steps for its derivative."""


@dataclass(frozen=True, eq=False)
class Suiting:
    """What suits an allocation.

    Attributes
    ----------
    prices
        One for each budget.
    multipliers
        Of the users' rows, by the names of ``MULTIPLIERS``, (users,) each.
    """

    prices: Prices
    multipliers: Mapping[str, FloatColumn]


def suiting(dual: Dual, times: Times, rest: ConvexRest, objective: float) -> Suiting:
    """Return the prices and multipliers that suit an allocation.

    Where ι is sensitive to prices, they are those at which its ι are the best ones of their
    basins: for fixed ι, a price may be any of a range.
    """
    found = rest.solutions
    takes_all = _takes_all(dual, found)
    dual = _roomy(dual) if takes_all else dual
    is_level = abs(found.sync_slope) <= LEVEL * float(dual.users["latency_weight"].sum())
    if _is_sensitive(dual, found):
        accuracy = Accuracy(ACCURACY * abs(objective), mismatch=MISMATCH)
        told = found.sync_s, found.prices, accuracy, Decisions(TRACKED, found.records)
        optima = minimise_over_sync_time(dual, times, *told)
    elif dual.together or (is_level and not takes_all):
        optima = rest.optima[:1]
    else:
        optima = rest_of(dual, found.records, found.sync_s, found.prices).optima
    return _levelled(dual, [optimum.best for optimum in optima])


def _is_sensitive(dual: Dual, found: UserSolutions) -> bool:
    """Tell whether ι is: edge frequencies are decisions, or there are totals or limits to pay."""
    features = dual.problem.features
    limited = (found.records["deadline"] > 0.0).any() or (found.records["energy"] > 0.0).any()
    return bool({Feature.EDGE_BUDGET, Feature.FLEET_BUDGETS} & features or limited)


def _takes_all(dual: Dual, found: UserSolutions) -> bool:
    """Tell whether one user alone takes all of a budget of the band, whatever its price is."""
    return any(
        bool((found.records[quantity] >= ALL * budget.capacity).any())
        for budget in dual.budgets
        if not (budget.is_minimised or budget.may_be_left)
        for quantity in budget.quantities
    )


def _roomy(dual: Dual) -> Dual:
    """Return the dual of users who would take more than there is, were it not for the price."""
    wide = tuple(
        replace(
            budget,
            capacity=ROOM * budget.capacity,
            draws=tuple([replace(draw, most=ROOM * draw.most) for draw in budget.draws]),
        )
        for budget in dual.budgets
    )
    users = user_records(dual.problem, wide)
    modes = mode_records(dual.problem.data, users)
    if dual.problem.data.modes is not None:
        users = with_least_of_modes(users, modes, dual.problem.data.modes)
    return replace(dual, users=users, modes=modes, weighted=users)


def _levelled(dual: Dual, sides: Sequence[UserSolutions]) -> Suiting:
    """Combine solutions on both sides of a sync time so that it has no slope."""
    falling = next((side for side in sides if side.sync_slope < 0.0), None)
    rising = next((side for side in sides if side.sync_slope >= 0.0), None)
    if dual.together or falling is None or rising is None:
        return _with_the_earliest(dual, sides[0])
    part = rising.sync_slope / (rising.sync_slope - falling.sync_slope)
    weighted = ((part, falling), (1.0 - part, rising))
    prices = tuple(
        [
            part * before + (1.0 - part) * after
            for before, after in zip(falling.prices, rising.prices, strict=True)
        ]
    )
    columns = {
        key: np.asarray(sum(weight * side.records[key] for weight, side in weighted))
        for key in MULTIPLIERS
    }
    return Suiting(prices, columns)


def _with_the_earliest(dual: Dual, found: UserSolutions) -> Suiting:
    """Add to the price of the uplink that more of it lets everybody be earlier, if that is so.

    At the earliest sync time there is nothing before it, since all uploads together take the whole
    budget; what an earlier one would save, they share as their rows' multipliers.
    """
    columns = {key: found.records[key] for key in MULTIPLIERS}
    users, _ = dual.decided(dual.users, dual.modes, found.records)
    place = next(k for k, one in enumerate(dual.budgets) if "uplink_share" in one.quantities)
    first_s = dual.earliest_of(found.records)
    if dual.together or not found.sync_slope > 0.0 or found.sync_s > first_s * (1.0 + AT_FIRST):
        return Suiting(found.prices, columns)
    budget = dual.budgets[place]

    def earliest_s(factor: float) -> float:
        changed = replace(budget, capacity=budget.capacity * factor)
        return earliest_sync_s(users, (*dual.budgets[:place], changed, *dual.budgets[place + 1 :]))

    sooner_s = earliest_s(1.0 - STEP) - earliest_s(1.0 + STEP)
    more = found.sync_slope * sooner_s / (2.0 * STEP * budget.capacity)
    prices = (*found.prices[:place], found.prices[place] + more, *found.prices[place + 1 :])
    columns["eta"] = columns["eta"] + found.sync_slope * _parts_in_the_earliest(dual, users, found)
    return Suiting(prices, columns)


def _parts_in_the_earliest(dual: Dual, users: Records, found: UserSolutions) -> FloatColumn:
    """Return by how much the earliest sync time is later for each second that a user is later.

    Its share makes up for that: these are the parts of users in what all shares do in time, db/dt.
    """
    data, share = dual.problem.data, found.records["uplink_share"]
    sends = (users["model_mbit"] > 0.0) & (share > 0.0)
    share, snr = share[sends], data.uplink_snr[sends]
    upload_s = users["model_mbit"][sends] * seconds_per_mbit(share, data.bandwidth_mhz, snr)
    snr = snr / share
    steepness = 1.0 - snr / ((1.0 + snr) * np.log1p(snr))
    parts = np.zeros(len(sends))
    parts[sends] = share / (upload_s * steepness)
    return np.asarray(parts / parts.sum())
