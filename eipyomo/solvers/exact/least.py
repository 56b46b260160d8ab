"""The least band, and the least frequency of the edge, with which all limits can be met.

It is found and proven by the branch and bound for WSEL: without weights, and at prices of the
resource that cost 1 together, what users pay is the part of it that they need. Rates depend on the
band in MHz alone, so that any band that suffices will do for the search (the reference); at a given
sync time users do not meet at all.
"""

from __future__ import annotations

from eipyomo.problem import Problem
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.branch_and_bound import BranchAndBound
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.feasibility import Feasibility
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.outcome import ExactOutcome, infeasible, outcome_of, unknown

WIDEST = 1e6
"""The widest reference, in bands of the instance: with what is not enough then, nothing is."""
ROOM, TIGHT = 1.01, 2.0
"""Times an incumbent that a wider reference is, and may be: no share of a better one is above it,
and rounding is relative to it."""


def solve_least(
    problem: Problem, gap: float, absolute_gap: float, clock: Clock, node_limit: int | None
) -> ExactOutcome:
    """Find the least of the resource that a problem minimises; see :func:`.solve.solve_exact`."""
    wider, known = 1.0, None
    while True:
        dual = Dual.of(problem, wider)
        incumbent = Incumbent.of(dual)
        if known is not None:
            incumbent.update(known)
        if incumbent.rest is None:
            first = Feasibility.of(dual, incumbent)
            proven = first.is_late or first.run(clock, node_limit)
            if proven and wider < WIDEST and problem.objective.name == "band":
                wider = WIDEST
                continue
            if incumbent.rest is None and proven:
                return infeasible(first)
            if incumbent.rest is None:
                return unknown(BranchAndBound(dual, incumbent, gap, absolute_gap))
        known = incumbent.rest
        if incumbent.objective <= 1.0 and (wider == 1.0 or incumbent.objective * TIGHT >= 1.0):
            break
        wider *= ROOM * incumbent.objective
    search = BranchAndBound(dual, incumbent, gap, absolute_gap / dual.reference)
    closed = search.run(clock, node_limit)
    return outcome_of(search, closed)
