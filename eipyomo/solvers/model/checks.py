"""What of a solver's claims about a model can be believed.

* A bound is refuted by any allocation that costs less: a few are at hand.
* The model's own bounds on times and shares are proven for (10). In a model that was changed they
  are widened where they may cut off something, and where that does not help nothing is proven.
* "Infeasible" counts from interval arithmetic of our own, or from a solver that proves while none
  of these bounds is in play.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyomo.environ as pyo

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.solvers import exact
from eipyomo.solvers.exact.method import Exact
from eipyomo.solvers.judge import ROUNDING
from eipyomo.solvers.model.points import cost_of, fits, values_of
from eipyomo.solvers.model.question import LEAST_S, solve_for_decisions

if TYPE_CHECKING:
    from eipyomo.models.types import Model
    from eipyomo.solvers.backends.base import Answer
    from eipyomo.solvers.model.question import Question

WIDER, TRIES = 10.0, 4
"""By how much the model's own bounds are widened where rows do not tell, and how often it is solved
at most."""

COST_MARGIN = 1e-6
"""Relative where a cost is above 1; what rounding may have done to it."""

WITNESS_S = 2.0
"""Time for an allocation that may refute a bound."""


def within_no_bound_of_ours(question: Question) -> Answer:
    """Solve a model that was changed so that its own bounds on times and shares decide nothing."""
    tries = 1
    while True:
        answer, wider = _checked(question, question.ask())
        if wider is None or tries == TRIES or question.clock.left_s <= LEAST_S:
            return answer
        wider.put_into(question.model)
        tries += 1


def _checked(question: Question, answer: Answer) -> tuple[Answer, models.Reach | None]:
    """Return what of an answer holds, and wider bounds where those of the model may decide it."""
    if answer.point is not None and question.takes(answer.point):
        question.point = values_of(question.model)
        return _checked_with_point(question, answer)
    if answer.status == "infeasible":
        return _checked_infeasible(question, answer)
    if answer.bound is not None and _wider_by_rows(question.model, None) is not None:
        answer = replace(answer, bound=None)
    return answer, None


def _wider_by_rows(model: Model, cutoff: float | None) -> models.Reach | None:
    """Return how late rows allow points of so low a cost to be, where that is beyond bounds."""
    try:
        implied = models.implied_reach(model, cutoff)
    except models.NoPointError:  # there is none outside, and by rounding perhaps none inside
        return None
    return None if implied.within(models.Reach.of_model(model)) else implied


def _checked_with_point(question: Question, answer: Answer) -> tuple[Answer, models.Reach | None]:
    """Withdraw a proof where a better point may lie beyond the model's own bounds."""
    model = question.model
    touched = models.binding_bounds(model)
    if answer.bound is None and not touched:
        return answer, None
    if not pyo.is_potentially_variable(models.objective(model).expr):
        return answer, None  # every point is as good as any other
    cost = cost_of(model)
    implied = _wider_by_rows(model, cost + COST_MARGIN * max(1.0, abs(cost)))
    if implied is None:
        return answer, None
    words = f"the model's own bound {touched[0]} is reached" if touched else "it is not proven"
    unproven = replace(
        answer,
        bound=None,
        status="converged" if answer.status == "optimal" else answer.status,
        message=f"{answer.message}; {words}, and a better point may lie beyond the model's own "
        "bounds on times and shares",
    )
    own = models.Reach.of_model(model)
    if implied.finite:
        return unproven, own.widened_to(implied)
    return unproven, own.times(WIDER) if touched else None


def _checked_infeasible(question: Question, answer: Answer) -> tuple[Answer, models.Reach | None]:
    """Believe that there is no point where it is proven, with no bound of ours in play."""
    model, native = question.model, question.native
    for allocation in models.plain_allocations(model):
        try:
            models.load(model, allocation)
        except InputError:  # a decision is fixed otherwise, or not on the grid
            continue
        if fits(model):
            return replace(answer, point=values_of(model)), None
    try:
        implied, own = models.implied_reach(model), models.Reach.of_model(model)
    except models.NoPointError as error:
        return replace(answer, point=None, message=f"{error} ({answer.message})"), None
    inside = implied.within(own)
    if inside and answer.proven:
        return replace(answer, point=None), None
    unproven = replace(
        answer,
        status="error",
        point=None,
        bound=None,
        message=f"{native.name} found no point, but that there is none is not proven, since "
        + (
            "the model's own bounds on times and shares may exclude it"
            if native.capabilities.proves
            else "it is a local solver"
        )
        + f": try another start or solver ({answer.message})",
    )
    if not (native.capabilities.proves or question.restarted):
        # It may have begun at the answer to another question, against a new bound.
        models.start_inside(model)
        question.restarted = True
        return unproven, own
    if inside:
        return unproven, None
    return unproven, own.widened_to(implied) if implied.finite else own.times(WIDER)


def contradicted(model: Model, bound: float) -> float | None:
    """Return what an allocation that the model allows costs, if that is less than a bound.

    Bounds of global solvers hold within absolute tolerances, and those do not know how small costs
    and rows are. Two plain allocations and the exact method's, which takes milliseconds, are
    witnesses that can refute such a bound, the last one also with the rest solved anew by Ipopt for
    its a and ι, as the model's rows want it. They cannot prove it.
    """
    problem = models.source_of(model).problem
    best = None
    if problem.features <= Exact.handles:
        best = exact.solve_exact(problem, gap=ROUNDING, time_limit=WITNESS_S).allocation
    for allocation in filter(None, [*models.plain_allocations(model), best]):
        try:
            models.load(model, allocation)
        except InputError:  # a decision is fixed otherwise, or not on the grid
            continue
        if models.largest_violation(model)[1] > ROUNDING and allocation is best:
            solve_for_decisions(model, WITNESS_S)
        if models.largest_violation(model)[1] <= ROUNDING and cost_of(model) < bound:
            cost = cost_of(model)
            if bound - cost > ROUNDING * abs(bound):
                return cost
    return None
