"""What remains once a and ι are decided: b, b̄, f, τ̂ and f_{s,j}, if that is open.

It is a convex problem, solved by its dual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import FIXED, SOLUTION, Accuracy, Phases, Times
from eipyomo.solvers.exact.prices import PriceOptimum, maximise_over_prices
from eipyomo.solvers.exact.solutions import Decisions, Prices, UserSolutions
from eipyomo.solvers.exact.sync_time import Least, least_over_sync_time, minimise_over_sync_time
from eipyomo.solvers.records import Records
from eipyomo.timing import Plan, in_modes, seconds_per_mbit

PENALTY, SITS_OUT = (kernels.QUANTITIES.index(name) for name in ("penalty", "sits_out"))
"""Places among the quantities that users draw."""
ACCURACY, MISMATCH = 1e-12, 1e-11
"""How well the dual is searched, relative to its size, and how well budgets are cleared."""
SOLVED_WELL, TOLD_WELL = Accuracy(ACCURACY, MISMATCH), Accuracy(1e-11, 1e-7)
"""For allocations, and for costs alone, which lose the square of a mismatch; relative."""
LATE = 2.0
"""Times the earliest sync time is one at which shares are easily large enough."""


@dataclass(frozen=True, eq=False)
class ConvexRest:
    """The best allocation for given a and ι, with a bound on what any other can cost.

    Attributes
    ----------
    optima
        Next to the lowest point of the dual over the sync time, the lower one first.
    is_proven
        Whether they are of these decisions alone, and so prove a bound.
    """

    dual: Dual
    optima: tuple[PriceOptimum, ...]
    is_proven: bool = False

    @cached_property
    def allocation(self) -> Allocation:
        """The allocation."""
        return recover(self.dual, self.optima[0])

    @cached_property
    def bound(self) -> float:
        """Valid lower bound on the cost of every allocation with these a and ι."""
        return _bound(self.dual, self.optima) if self.is_proven else -np.inf

    @property
    def solutions(self) -> UserSolutions:
        """The users' solutions at the best prices, with their multipliers."""
        return self.optima[0].best

    @property
    def prices(self) -> Prices:
        """One price for each budget, as :data:`~eipyomo.solvers.exact.solutions.Prices`."""
        return self.solutions.prices


def convex_rest(
    problem: Problem,
    download: ArrayLike,
    offload_fraction: ArrayLike,
    mode: ArrayLike | None = None,
    *,
    start_s: float | None = None,
    prices: Prices | None = None,
    dual: Dual | None = None,
) -> ConvexRest:
    """Minimise WSEL over b, b̄, f and τ̂ for given download decisions and offload fractions.

    Where the server has a total frequency, over f_{s,j} of every task too.

    Parameters
    ----------
    problem
        Whose budgets hold; which decisions it leaves open is not asked.
    download, offload_fraction
        a and ι, one per user or one for all; ι = 1 wherever a = 0. Of users with modes they are not
        asked.
    mode
        Which of their modes users take, from 0, if some have modes.
    start_s, prices
        Where to start the search, if known.
    dual
        The problem's, if it is at hand; making one takes as long as some answers of it.

    Raises
    ------
    InputError
        If a = 0 somewhere with ι < 1, an ι is outside [0, 1], or users have modes and none is
        given.
    """
    decided = decided_records(problem, download, offload_fraction, mode)
    return rest_of(Dual.of(problem) if dual is None else dual, decided, start_s, prices)


def decided_records(
    problem: Problem,
    download: ArrayLike,
    offload_fraction: ArrayLike,
    mode: ArrayLike | None = None,
) -> Records:
    """Return SOLUTION records of decisions, which are checked; see :func:`convex_rest`."""
    modes = problem.data.modes
    decided = np.zeros(len(problem.data), SOLUTION)
    decided["download"], decided["offload_fraction"] = download, offload_fraction
    if modes is not None:
        if mode is None:
            raise InputError("users have modes, but none is given: a and ι do not decide for them")
        has, number = modes.has_modes, np.asarray(mode, np.intp)
        decided["download"][has], decided["offload_fraction"][has] = True, 1.0
    _check(problem.data.names, decided)
    if modes is not None:
        decided["download"][has] = modes.computes[modes.rows(number)][has]
        decided["offload_fraction"][has] = number[has]
    return decided


def _check(names: tuple[str, ...], decided: Records) -> None:
    download, offload = decided["download"], decided["offload_fraction"]
    bad = ~((offload >= 0.0) & (offload <= 1.0) & (download | (offload == 1.0)))
    if bad.any():
        j = int(np.argmax(bad))
        raise InputError(
            f"user {names[j]!r} has offload fraction {offload[j]:g} with download "
            f"{bool(download[j])}, but it must lie in [0, 1], and be 1 without download"
        )


def rest_of(
    dual: Dual, decided: Records, start_s: float | None = None, prices: Prices | None = None
) -> ConvexRest:
    """Solve the convex rest of SOLUTION records, of which a and ι count, by a dual."""
    optima = minimise_over_sync_time(dual, *_search_for(dual, decided, start_s, prices))
    return ConvexRest(dual, optima, is_proven=True)


def cost_of(
    dual: Dual, decided: Records, start_s: float | None = None, prices: Prices | None = None
) -> Least:
    """Return what the convex rest of SOLUTION records costs, and where it is solved.

    That is what :func:`~eipyomo.evaluation.evaluate` says of its allocation, but for rounding,
    where the band is all that users share and they have no limits to keep.
    """
    return least_over_sync_time(dual, *_search_for(dual, decided, start_s, prices, TOLD_WELL))


def _search_for(
    dual: Dual,
    decided: Records,
    start_s: float | None,
    prices: Prices | None,
    accuracy: Accuracy = SOLVED_WELL,
) -> tuple[Times, float, Prices, Accuracy, Decisions]:
    """Return among which sync times, from where, and how well a convex rest is searched for."""
    earliest_s = dual.earliest_of(decided)
    waiting = float(np.sum(dual.users["latency_weight"])) * earliest_s
    size = 1.0 if dual.together else waiting
    return (
        Times(earliest_s * (1.0 + 1e-11), min(1e6 * (1.0 + earliest_s), dual.latest_s)),
        LATE * earliest_s if start_s is None else start_s,
        dual.no_prices if prices is None else prices,
        accuracy._replace(tolerance=accuracy.tolerance * size),
        Decisions(FIXED, decided),
    )


def rest_at(dual: Dual, decided: Records, accuracy: float) -> ConvexRest:
    """Return an allocation for the decisions of SOLUTION records at a late sync time, unbounded.

    `accuracy` is how well prices clear the budgets before shares are made to fit.
    """
    sync_s = LATE * dual.earliest_of(decided)
    decisions, wanted = Decisions(FIXED, decided), Accuracy(np.inf, mismatch=accuracy)
    return rest_known(dual, maximise_over_prices(dual, sync_s, dual.no_prices, wanted, decisions))


def rest_known(dual: Dual, optimum: PriceOptimum) -> ConvexRest:
    """Return what is known of the convex rest at an optimum over prices: all but its bound."""
    return ConvexRest(dual, (optimum,))


def _bound(dual: Dual, optima: tuple[PriceOptimum, ...]) -> float:
    """Return where the lines that the optima prove below the cost are lowest together.

    Solutions prove the line value + slope (t - its t) for every t, by weak duality; of two
    lines, one falling and one rising, the higher one counts, so that the lowest point is where they
    meet. A single rising line is lowest at the earliest sync time.
    """
    known = [optimum.best for optimum in optima]
    margin = max(_rounding(dual, found) for found in known)
    rising = [found for found in known if found.sync_slope >= 0.0]
    falling = [found for found in known if found.sync_slope < 0.0]
    if not rising:
        return -np.inf
    after = rising[0]
    lowest = after.value + after.sync_slope * (dual.earliest_s - after.sync_s)
    if falling:
        before = falling[0]
        lead = after.value - before.value - before.sync_slope * (after.sync_s - before.sync_s)
        met = after.value - after.sync_slope * lead / (after.sync_slope - before.sync_slope)
        lowest = max(lowest, met)
    return lowest - margin


def _rounding(dual: Dual, found: UserSolutions) -> float:
    """Return what rounding may have added to a dual value and its line."""
    users, records = dual.decided(dual.users, dual.modes, found.records)
    times = users["latency_weight"] + records["deadline"] + records["nu2"] + records["eta"]
    size = (
        2.0 * np.abs(users["constant"])
        + np.abs(records["value"])
        + 3.0 * times * (found.sync_s + users["edge_s"])
    )
    limits = _paid_for(records["deadline"], users["deadline_s"])
    limits += _paid_for(records["energy"], np.abs(users["energy_left_j"]))
    paid = len(users) * dual.most_paid(found.prices) + float(limits.sum())
    priced = (*found.prices, 0.0)
    paid += priced[dual.places[PENALTY]] * float(np.abs(users["penalty"]).sum())
    paid += priced[dual.places[SITS_OUT]] * float(users["sits_out"].sum())
    return float(kernels.ROUNDING * (size.sum() + paid))


def _paid_for(prices: FloatColumn, limits: FloatColumn) -> FloatColumn:
    """Return price · limit; 0 where there is no limit."""
    return np.multiply(prices, limits, out=np.zeros(len(prices)), where=prices > 0.0)


def recover(dual: Dual, optimum: PriceOptimum) -> Allocation:
    """Return the feasible allocation next to combined solutions, which agree in a and ι.

    A user with modes is as if its mode were its own data, at ι = 1/2.
    """
    data, prices = dual.problem.data, optimum.best.prices
    users, records = dual.decided(dual.users, dual.modes, optimum.best.records)
    weighted = dual.weighted if dual.together else dual.users_at(prices)  # alike in all modes
    download, offload = records["download"], records["offload_fraction"]
    shares = _shares(dual, optimum)
    up, down = shares["uplink_share"], shares["downlink_share"]
    load = users["model_mbit"] + offload * users["task_mbit"]
    downloads = download & (users["download_mbit"] > 0.0)
    uplink = seconds_per_mbit(up, data.bandwidth_mhz, data.uplink_snr)
    downlink = seconds_per_mbit(down, data.bandwidth_mhz, data.downlink_snr)
    found = kernels.phases(users, records, uplink, downlink, optimum.best.sync_s)
    served = next((one for one in dual.budgets if "edge_frequency_ghz" in one.quantities), None)
    edge_s = offload * users["edge_s"]
    edge_ghz: FloatColumn = np.zeros(len(data))
    if served is not None:
        work = offload * users["edge_gigacycles"]
        spare_s = _spare_s(users, weighted, records, found)
        edge_ghz = _frequencies_ghz(served, optimum, work, spare_s)
        np.divide(work, edge_ghz, out=edge_s, where=edge_ghz > 0.0)
    plan = Plan(
        sync_s=found.sync_s,
        download=downloads,
        offload_fraction=offload,
        frequency_ghz=kernels.own_frequencies(users, weighted, records, found, edge_s),
        uplink_share=np.where(load > 0.0, up, dual.users["uplink"]["share_min"]),
        downlink_share=np.where(downloads, down, 0.0),
        edge_frequency_ghz=edge_ghz,
        mode=_modes(dual, optimum),
    )
    return Allocation.of_plan(
        data.names, in_modes(data, plan), serves=served is not None, data=data
    )


def _spare_s(users: Records, weighted: Records, records: Records, found: Phases) -> FloatColumn:
    """Return how long the server may take until who computes itself has to wait, or is late."""
    work = (1.0 - records["offload_fraction"]) * users["work_gigacycles"]
    own_s = work / kernels.best_frequencies(weighted)
    end_s = np.minimum(found.sync_s + found.download_s + own_s, users["deadline_s"])
    spare_s = end_s - found.ready_s
    return np.where(records["download"] & ~users["in_sequence"], spare_s, 0.0)


def _modes(dual: Dual, optimum: PriceOptimum) -> NDArray[np.intp] | None:
    """Return the number of each user's mode; None if nobody has modes."""
    modes = dual.problem.data.modes
    if modes is None:
        return None
    number = optimum.best.records["offload_fraction"].astype(np.intp)
    return np.where(modes.has_modes, number, 0)


def _shares(dual: Dual, optimum: PriceOptimum) -> dict[str, FloatColumn]:
    """Combine the shares on both sides of the optimum, so that they keep within the budgets."""
    shares: dict[str, FloatColumn] = {}
    for place, budget in enumerate(dual.budgets):
        if budget.quantities and not budget.may_be_left:
            shared = {quantity: optimum.combined(quantity) for quantity in budget.quantities}
            used = sum(float(column.sum()) for column in shared.values()) / budget.capacity
            if budget.is_minimised or used == 0.0:
                shares |= shared
                continue
            over = used if place in dual.together else max(used, 1.0)
            over *= 1.0 + 4e-16 * len(dual.users)
            shares |= {quantity: column / over for quantity, column in shared.items()}
    return shares


def _frequencies_ghz(
    budget: Budget, optimum: PriceOptimum, work: FloatColumn, spare_s: FloatColumn
) -> FloatColumn:
    """Combine f_{s,j} like the shares, but none above what the local branch leaves time for.

    What is left of the budget goes to those who lack most, up to that limit and then up to f_s.
    """
    (draw,) = budget.draws
    total, most = budget.capacity, draw.most
    fastest = np.where(work > 0.0, most, 0.0)
    needed = fastest.copy()
    np.divide(work, spare_s, out=needed, where=(spare_s > 0.0) & (work > 0.0))
    frequency = optimum.combined(draw.quantity)
    if budget.is_minimised:
        return np.minimum(frequency, fastest)
    for limit in (np.minimum(needed, fastest), fastest):
        frequency = np.minimum(frequency, limit)
        left, room = total - float(frequency.sum()), float((limit - frequency).sum())
        if left >= room:
            frequency = limit
        elif left > 0.0:
            frequency = frequency + (limit - frequency) * (left / room)
    over = float(frequency.sum()) / total
    if over > 1.0 - 1e-15 * len(work):
        frequency = frequency / over * (1.0 - 4e-16 * len(work))
    return frequency
