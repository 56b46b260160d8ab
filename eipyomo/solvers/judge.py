"""From what a solver claims to a :class:`~eipyomo.result.Result` that says only what is true."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo import claims, timing
from eipyomo.evaluation import evaluate
from eipyomo.objective import OWN
from eipyomo.result import Result, Termination, relative_gap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eipyomo.allocation import Allocation
    from eipyomo.evaluation import Evaluation
    from eipyomo.problem import Problem
    from eipyomo.resources import Budget
    from eipyomo.solvers.contract import Claim

REPAIR = 1e-5
"""Largest relative overrun of a budget or the sync time that is repaired."""

MORE = (0.0, 1e-8, 1e-7, 1e-6, REPAIR)
"""By how much more of what is minimised it is tried, relative."""

ROUNDING = 1e-6
"""How far a bound may be above a feasible cost, relative to it, and still be a rounding error."""


def repair(problem: Problem, allocation: Allocation) -> Allocation:
    """Return the allocation with rounding errors removed, and nothing else.

    What users take of a budget is scaled down where it exceeds the budget by at most 1e-5, and the
    sync time is raised to the last upload where it is short of it by at most 1e-5 of it. Of what is
    minimised users get up to 1e-5 more where they need it to keep within their limits.
    """
    data = problem.data
    for budget in problem.budgets:
        if budget.is_minimised or not budget.quantities:
            continue  # no limit, or what is drawn follows from decisions, and is not scaled
        over = budget.used(allocation.plan(data)) / budget.capacity
        if 1.0 < over <= 1.0 + REPAIR:
            allocation = allocation.divided(budget.quantities, over)
    need = timing.needs(data, allocation.plan(data))
    if (need.sends & (allocation.uplink_share <= 0)).any():
        return allocation
    last_s = float(np.max(timing.uploaded_s(data, allocation.uplink_share, need)))
    if last_s * (1.0 - REPAIR) <= allocation.sync_s < last_s:
        allocation = replace(allocation, sync_s=last_s)
    least = [budget for budget in problem.budgets if budget.is_minimised]
    return _with_more(problem, allocation, least) if least else allocation


def _with_more(problem: Problem, allocation: Allocation, least: Sequence[Budget]) -> Allocation:
    """Return an allocation with as little more of budgets as makes it feasible, or as it is."""
    for more in MORE:
        given = allocation
        for budget in least:
            given = given.divided(budget.quantities, 1.0 - more)
        if evaluate(problem, given).feasible:
            return given
    return allocation


def judge(
    problem: Problem,
    claim: Claim,
    *,
    method: str,
    options: Mapping[str, Any],
    gap_at: Callable[[float], float],
    wall_s: float,
    name: str | None = None,
    always_feasible: bool | None = None,
) -> Result:
    """Evaluate a claim and report what of it holds.

    A claim that contradicts what can be checked becomes ``error``, with a sentence that says what
    was claimed and what is true.

    Parameters
    ----------
    problem
        What was solved.
    claim
        What is said about it. Its bound is one on what the problem minimises, or on the claim's
        `model_objective`, where that is not None.
    method
        Name of the method, for the result.
    options
        Options as used, for the result.
    gap_at
        The relative gap at which an objective is optimal.
    wall_s
        Seconds inside the method.
    name
        What to call the problem, if not by its own name.
    always_feasible
        Whether the problem is known to have a feasible point, so that a claim of infeasibility is
        false; if left out, what the problem says of itself.
    """
    allocation, evaluation = _judged(problem, claim)
    label = {} if problem.name == problem.kind else {"label": problem.name}
    found = Result(
        instance=problem.instance.name,
        instance_digest=problem.instance.digest(),
        method=method,
        problem=problem.kind if name is None else name,
        minimised=problem.objective.name,
        termination="error" if claim.status == "unbounded" else claim.status,
        solver=claim.solver,
        options={**options, **label},
        allocation=allocation,
        evaluation=evaluation,
        wall_s=wall_s,
        **claim.report(),
    )
    if evaluation is None:
        known = problem.always_feasible if always_feasible is None else always_feasible
        return _objected(_without_point(found, claim, always_feasible=known), claim)
    if claim.model_objective is not None and evaluation.feasible:
        away = abs(claim.model_objective - evaluation.value)
        if away > ROUNDING * abs(evaluation.value):
            found = replace(found, minimised=OWN, model_objective=claim.model_objective)
    found = _with_point(found, claim, gap_at, problem.least_value)
    return _objected(_without_false_prices(problem, found), claim)


def _judged(problem: Problem, claim: Claim) -> tuple[Allocation | None, Evaluation | None]:
    """Return a claim's allocation, repaired if it has to be, and its evaluation.

    There is none where nothing is claimed to be feasible, and the point is not.
    """
    if claim.allocation is None:
        return None, None
    allocation = claim.allocation
    evaluation = evaluate(problem, allocation)
    if evaluation.violations:
        allocation = repair(problem, allocation)
        evaluation = evaluate(problem, allocation)
    if claim.status in ("infeasible", "unbounded") and not evaluation.feasible:
        return None, None
    return allocation, evaluation


def _without_false_prices(problem: Problem, found: Result) -> Result:
    """Leave out prices that cannot be what more of the band saves."""
    if found.prices is None or found.value is None or found.allocation is None:
        return found
    false = claims.false_prices(problem, found.allocation, found.value, found.bound, found.prices)
    return found if next(false, None) is None else replace(found, prices=None)


def _objected(found: Result, claim: Claim) -> Result:
    """Let what contradicts a claim count, unless its point is infeasible anyway."""
    if claim.objection is None or not (found.feasible or found.allocation is None):
        return found
    return _error(replace(found, bound=None), claim.objection)


def _error(found: Result, sentence: str) -> Result:
    return replace(found, termination="error", message=f"{found.solver or found.method} {sentence}")


def _finite(bound: float | None) -> float | None:
    """Return a bound, or None for what is none."""
    return bound if bound is not None and math.isfinite(bound) else None


def _without_point(found: Result, claim: Claim, *, always_feasible: bool) -> Result:
    """Judge a claim that comes without an allocation."""
    if claim.status == "infeasible" and always_feasible:
        return _error(
            found,
            "claims that no feasible allocation exists, but equal shares with a late sync time "
            "always are one",
        )
    if claim.status == "unbounded":
        never = ", but WSEL has one" if always_feasible else ", and gives no point to judge"
        return _error(found, f"claims that the cost has no lower bound{never} ({claim.message})")
    if claim.status in ("optimal", "converged"):
        return _error(found, "claims success but gives no point")
    if claim.status == "limit":
        words = f" ({claim.message})" if claim.message else ""
        found = replace(found, message=f"a limit was reached before any allocation{words}")
    return replace(found, bound=_finite(claim.bound) if claim.status == "limit" else None)


def _with_point(
    found: Result, claim: Claim, gap_at: Callable[[float], float], least: float
) -> Result:
    """Judge a claim by the evaluation of its allocation; no value is below `least`."""
    evaluation, bound = found.evaluation, _finite(claim.bound)
    assert evaluation is not None
    if not evaluation.feasible:
        return _error(found, f"gives an infeasible point: {evaluation.violations[0]}")
    cost = found.value
    assert cost is not None
    if claim.status == "infeasible":
        return _error(
            found,
            "claims that no feasible allocation exists, but its own point is feasible and costs "
            f"{cost:.9g} ({claim.message})",
        )
    if claim.status == "unbounded":
        return _error(found, f"claims that the cost has no lower bound; its point costs {cost:.9g}")
    if bound is not None and found.minimised != OWN:
        bound = max(bound, least)
    if bound is not None and bound > cost:
        if bound - cost > ROUNDING * abs(cost):
            return _error(
                found,
                f"claims the lower bound {bound:.9g}, but its own point costs only {cost:.9g}",
            )
        bound = cost
    found = replace(found, bound=bound, message=_sentence(found.termination, bound, claim.message))
    reached = relative_gap(cost, bound)
    if claim.status == "optimal" and (reached is None or reached > gap_at(cost) * (1 + 1e-9)):
        left = "no bound" if reached is None else f"a gap of {reached:.2g}"
        own = f"{found.solver or found.method} stopped at its own tolerance, which leaves {left}"
        found = replace(found, termination="limit", message=own)
    return found


def _sentence(termination: Termination, bound: float | None, own_words: str) -> str:
    """Say what a checked answer is worth, with the solver's own words behind it."""
    worth = {
        "optimal": "proven optimal within the gap",
        "converged": "met its own stopping rule; it proves no bound",
        "limit": "a limit was reached; this is the best allocation found"
        + (", and the bound is valid" if bound is not None else ""),
    }.get(termination, "no answer")
    return f"{worth} ({own_words})" if own_words else worth
