"""What an answer of somebody else's is worth once nothing of it is violated any more.

:func:`~eipyomo.evaluation.evaluate` calls an allocation feasible that is beyond a limit by 1e-6.
So much of a limit may be worth more than the gap to which an optimum is certified, and the cost may
lie below a bound that is proven. So answers are compared when they are mended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.evaluation import Evaluation, Violation, evaluate
from eipyomo.problem import Problem
from eipyomo.scaled import HZ_PER_GHZ
from eipyomo.solvers.exact.fixed_decisions import convex_rest
from eipyomo.solvers.judge import repair

ROUNDING = 1e-9
"""Largest relative violation that is left: what rounding leaves of an exact answer."""

OF_DECISIONS = "(10d)"
"""What the constraints on a and ι alone have in their names."""


@dataclass(frozen=True, eq=False)
class Mended:
    """An answer, and what it is worth.

    Attributes
    ----------
    allocation
        With nothing violated; or as it was, if it is infeasible.
    evaluation
        What it costs.
    violation
        What is violated by more than mending may mend; None if it is feasible.
    """

    allocation: Allocation
    evaluation: Evaluation
    violation: Violation | None


def mended(problem: Problem, allocation: Allocation) -> Mended:
    """Return an answer without what the tolerance of :func:`evaluate` lets pass.

    As long as nothing is violated by more than the tolerance, shares are scaled to their budgets, f
    and ι moved into their ranges, and τ̂ to the last upload. Where something is violated then, such
    as a deadline, all but a and ι is solved anew. Where that does not help either, the answer is
    infeasible.

    Raises
    ------
    InputError
        If the allocation is none of the instance's users.
    """
    as_it_was = evaluate(problem, allocation)
    if not as_it_was.feasible:
        return Mended(allocation, as_it_was, as_it_was.violations[0])
    if not as_it_was.violations:
        return Mended(allocation, as_it_was, None)
    moved = _moved(problem, allocation.for_users(problem.data.names))
    for mend in (repair, with_best_rest):
        better = mend(problem, moved)
        found = evaluate(problem, better)
        if found.max_violation <= ROUNDING:
            return Mended(better, found, None)
    return Mended(allocation, as_it_was, found.violations[0])


def _moved(problem: Problem, allocation: Allocation) -> Allocation:
    """Return an allocation with each number moved into its range."""
    data = problem.data
    at_edge = ~allocation.download & ~data.has_modes
    served = allocation.edge_frequency_hz
    if served is not None:
        served = np.clip(served, 0.0, data.server_frequency_ghz * HZ_PER_GHZ)
    return replace(
        allocation,
        sync_s=max(allocation.sync_s, 0.0),
        offload_fraction=np.where(at_edge, 1.0, np.clip(allocation.offload_fraction, 0.0, 1.0)),
        frequency_hz=np.clip(allocation.frequency_hz, 0.0, data.max_frequency_ghz * HZ_PER_GHZ),
        edge_frequency_hz=served,
        uplink_share=np.maximum(allocation.uplink_share, 0.0),
        downlink_share=np.maximum(allocation.downlink_share, 0.0),
    )


def with_best_rest(problem: Problem, allocation: Allocation) -> Allocation:
    """Return the allocation whose decisions are the same, and all else the best there is.

    ι of users without modes is moved into the range that the problem leaves open, if it is outside
    of that by rounding.

    Raises
    ------
    InputError
        If no allocation has these decisions.
    """
    open_to, offload = problem.decisions, allocation.offload_fraction
    inside = np.clip(offload, open_to.offload_min, open_to.offload_max)
    is_close = allocation.download & (np.abs(inside - offload) <= REACH)
    offload = np.where(is_close, inside, offload)
    mode = allocation.plan(problem.whole).mode
    return convex_rest(problem, allocation.download, offload, mode).allocation


REACH = 1e-6
"""How far ι may be moved."""


def decided(problem: Problem, allocation: Allocation) -> Mended:
    """Return what decisions are worth with the best rest; of `allocation` they alone count.

    Raises
    ------
    InputError
        If a user with modes has none of its own.
    """
    as_it_was = evaluate(problem, allocation)
    for violation in as_it_was.violations:
        if OF_DECISIONS in violation.constraint and violation.amount > REACH:
            return Mended(allocation, as_it_was, violation)
    return mended(problem, with_best_rest(problem, _moved(problem, allocation)))
