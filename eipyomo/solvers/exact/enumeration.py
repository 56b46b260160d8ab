"""The letter's exhaustive search (section IV): every combination of ι on a grid, one by one.

It is a second way to the optimum that the branch and bound finds on a grid, and shares with it
neither the search over ι nor the one over the sync time. Each combination's convex rest is solved
exactly, except where a bound proves that it cannot beat the incumbent. The bound is weak duality:
at any prices of the band and any sync time t0, fixed decisions of the users prove a line in t below
the cost, the sum of one line per user. So a table with a line for each user and each point of the
grid bounds all combinations by additions alone.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.problem import Problem
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import ConvexRest, rest_of
from eipyomo.solvers.exact.kernels import FIXED, ROUNDING, SOLUTION
from eipyomo.solvers.exact.solutions import Decisions
from eipyomo.solvers.records import Records

MOST_COMBINATIONS = 500_000
PRICES = {"bandwidth": 16, "edge_frequency": 4}
SYNC_TIMES = 16
"""At how many prices of each budget, and sync times, lines are made."""
CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class EnumerationOutcome:
    """What the enumeration found and proved.

    Attributes
    ----------
    allocation, objective
        The best allocation found and its WSEL.
    bound
        Valid lower bound on WSEL of all combinations.
    combinations, solved
        How many there are, and of how many the convex rest was solved.
    closed
        Whether the bound is within the gap of the objective.
    """

    allocation: Allocation
    objective: float
    bound: float
    combinations: int
    solved: int
    closed: bool


def enumerate_grid(problem: Problem, *, gap: float, time_limit: float) -> EnumerationOutcome:
    """Enumerate all decisions on a grid of ι, the most promising ones first.

    A user has n + 1 decisions: to download and offload k/n of the task, k < n, or to offload all of
    it. To download and offload all of it costs no less than the last, and is left out.

    Parameters
    ----------
    problem
        One with a grid of step 1/n and nothing else fixed or bounded.
    gap, time_limit
        Relative gap to stop at, and seconds from now.

    Raises
    ------
    InputError
        If there are more than half a million combinations.
    """
    deadline = time.perf_counter() + time_limit
    restriction = problem.restriction
    decisions = restriction.grid + 1
    users = len(problem.data)
    combinations = decisions**users
    if combinations > MOST_COMBINATIONS:
        raise InputError(
            f"step is {restriction.grid_step!r}, which makes {decisions}^{users} combinations, but "
            f"at most {MOST_COMBINATIONS} are enumerated: leave the enumeration out to find the "
            "same optimum by branch and bound"
        )
    dual = Dual.of(problem)
    uniform = [_decided(np.full(users, decision), decisions) for decision in range(decisions)]
    rests = [rest_of(dual, decided) for decided in uniform]
    bounds = _bounds(dual, uniform, rests)

    best = rests[0]
    objective, proven, solved = np.inf, np.inf, 0
    for number in np.argsort(bounds, kind="stable"):
        open_bound = float(bounds[number])
        late = time.perf_counter() > deadline
        if open_bound >= objective * (1.0 - 0.5 * gap) or (solved and late):
            break
        digits = np.array(np.unravel_index(number, (decisions,) * users))
        start_s, prices = best.allocation.sync_s, best.prices
        rest = rest_of(dual, _decided(digits, decisions), start_s, prices)
        cost = evaluate(problem, rest.allocation).objective
        proven = min(proven, max(rest.bound, open_bound))
        solved += 1
        if cost < objective:
            best, objective = rest, cost
    else:
        open_bound = np.inf
    bound = min(proven, open_bound)
    return EnumerationOutcome(
        allocation=best.allocation,
        objective=objective,
        bound=bound,
        combinations=combinations,
        solved=solved,
        closed=objective - bound <= gap * abs(objective),
    )


def _decided(digits: NDArray[np.integer], decisions: int) -> Records:
    """Return the records of decisions numbered 0 (ι = 0) to n (ι = 1 without download)."""
    decided = np.zeros(len(digits), SOLUTION)
    decided["offload_fraction"] = digits / (decisions - 1)
    decided["download"] = digits < decisions - 1
    return decided


def _bounds(dual: Dual, uniform: list[Records], rests: list[ConvexRest]) -> FloatColumn:
    """Return a valid lower bound on the cost of every combination.

    Prices and sync times span what the uniform combinations need; any others would be valid too.
    """
    earliest_s = dual.earliest_s
    ladders = [
        _span([rest.prices[place] for rest in rests], PRICES[budget.name])
        for place, budget in enumerate(dual.budgets)
    ]
    leads = _span([rest.allocation.sync_s - earliest_s for rest in rests], SYNC_TIMES)
    users = len(dual.users)
    shape = (len(uniform),) * users
    bounds = np.full(len(uniform) ** users, -np.inf)
    for ladder in itertools.product(*ladders):
        prices = tuple(map(float, ladder))
        solved = [
            [
                dual.solve_users(prices, earliest_s + lead, Decisions(FIXED, decided)).records
                for lead in leads
            ]
            for decided in uniform
        ]
        # Axes: user, decision, sync time.
        values = np.array([[one["value"] for one in row] for row in solved]).transpose(2, 0, 1)
        slopes = np.array([[one["sync_slope"] for one in row] for row in solved]).transpose(2, 0, 1)
        for first in range(0, len(bounds), CHUNK):
            part = slice(first, min(first + CHUNK, len(bounds)))
            digits = np.unravel_index(np.arange(part.start, part.stop), shape)
            value = sum(values[j, digit] for j, digit in enumerate(digits)) - dual.paid(prices)
            slope = sum(slopes[j, digit] for j, digit in enumerate(digits))
            lowest = _lowest(np.asarray(value), np.asarray(slope), leads)
            bounds[part] = np.maximum(bounds[part], lowest)
    # Each term may be off by its rounding: the constants, the values, and what is paid for times.
    times = 3.0 * dual.users["latency_weight"] * (earliest_s + leads[-1] + dual.users["edge_s"])
    paid = users * dual.most_paid(tuple(float(ladder[-1]) for ladder in ladders))
    size = float(np.sum(2.0 * np.abs(dual.users["constant"]) + times)) + paid
    safe: FloatColumn = bounds - 2.0 * ROUNDING * (size + np.abs(bounds))
    return safe


def _span(amounts: list[float], points: int) -> FloatColumn:
    """Return points from the least to the largest amount, evenly spaced on a logarithmic scale."""
    largest = max(amounts)
    if largest == 0.0:
        return np.zeros(1)
    return np.geomspace(max(min(amounts), 1e-6 * largest), largest, points)


def _lowest(value: FloatColumn, slope: FloatColumn, leads: FloatColumn) -> FloatColumn:
    """Return where lines over the lead, made at `leads` (last axis), are lowest together.

    Of two lines, one falling and one rising, the higher one counts, so that the lowest point is
    where they meet; a rising line alone is lowest at lead 0.
    """
    alone = np.where(slope >= 0.0, value - slope * leads, -np.inf)
    lowest: FloatColumn = alone.max(axis=-1)
    for k in range(len(leads) - 1):
        fall, rise = slope[..., k], slope[..., k + 1]
        crossed = (fall < 0.0) & (rise >= 0.0)
        ahead = value[..., k + 1] - value[..., k] - fall * (leads[k + 1] - leads[k])
        part = np.divide(rise, rise - fall, out=np.zeros_like(rise), where=crossed)
        met = np.where(crossed, value[..., k + 1] - part * ahead, -np.inf)
        lowest = np.maximum(lowest, met)
    return lowest
