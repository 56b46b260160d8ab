"""From a problem to its certified optimum."""

from __future__ import annotations

from functools import cache

import numpy as np

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.objective import WSEL
from eipyomo.problem import Problem
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.branch_and_bound import BranchAndBound
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.feasibility import Feasibility
from eipyomo.solvers.exact.fixed_decisions import convex_rest
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.least import solve_least
from eipyomo.solvers.exact.outcome import ExactOutcome, infeasible, outcome_of, unknown
from eipyomo.solvers.exact.slowest import solve_slowest
from eipyomo.solvers.exact.tree import Node


def solve_exact(
    problem: Problem,
    *,
    gap: float = 1e-6,
    absolute_gap: float = 0.0,
    time_limit: float = 60.0,
    node_limit: int | None = None,
) -> ExactOutcome:
    """Solve (10), or a restriction of it, to proven global optimality.

    Parameters
    ----------
    problem
        The problem.
    gap, absolute_gap
        The search stops when the objective exceeds the bound by no more than the larger of
        `gap` · |objective| and `absolute_gap`.
    time_limit
        In s, compilation (:func:`prepare`) not counted.
    node_limit
        Largest number of nodes; None for no limit.

    Raises
    ------
    InputError
        If an option is out of range.
    """
    if not (gap >= 0.0 and absolute_gap >= 0.0 and gap + absolute_gap > 0.0):
        raise InputError(
            f"gap is {gap!r} and absolute_gap {absolute_gap!r}, but they must be >= 0, one > 0"
        )
    prepare()
    clock = Clock(time_limit)
    if problem.contradiction is not None:
        always, words = Node(0.0, np.inf), problem.contradiction
        return ExactOutcome(
            problem, "infeasible", words, np.inf, always, Dual.of(problem).for_ray()
        )
    if problem.objective.budgets:
        return solve_least(problem, gap, absolute_gap, clock, node_limit)
    if problem.objective != WSEL:
        return solve_slowest(problem, gap, absolute_gap, clock, node_limit)
    dual = Dual.of(problem)
    if problem.always_feasible:
        incumbent = Incumbent.to_be_found(dual)
    else:
        incumbent = Incumbent.of(dual)
        if incumbent.rest is None:
            first = Feasibility.of(dual, incumbent)
            if first.is_late or first.run(clock, node_limit):
                return infeasible(first)
    search = BranchAndBound(dual, incumbent, gap, absolute_gap)
    if incumbent.rest is None and incumbent.expected is None:
        return unknown(search)
    closed = search.run(clock, node_limit)
    return outcome_of(search, closed)


@cache
def prepare() -> None:
    """Compile everything, or load it compiled; done once a process, before the clock starts."""
    dual = Dual.of(Problem(Instance.letter(users=2)))
    BranchAndBound(dual, Incumbent.of(dual), 1e-3, 0.0).run(Clock(np.inf), node_limit=1)
    dual.solve_users((1.0,), 2.0 * dual.earliest_s)
    convex_rest(Problem(Instance.letter(users=2, total_frequency_ghz=6.0)), True, 0.5)
