"""From a model and a solver to a claim: a point and a bound, as far as the model allows them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.model.checks import contradicted, within_no_bound_of_ours
from eipyomo.solvers.model.held import hold
from eipyomo.solvers.model.points import MODEL_TOLERANCE, values_of, variables
from eipyomo.solvers.model.question import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eipyomo.allocation import Allocation
    from eipyomo.models.types import Model
    from eipyomo.solvers.backends.base import Backend, Point
    from eipyomo.solvers.contract import Claim


def claim_of(
    model: Model,
    native: Backend,
    *,
    gap: float,
    clock: Clock,
    start: Allocation | None = None,
    options: Mapping[str, Any] | None = None,
    is_original: bool,
) -> Claim:
    """Return what a solver says about a model, as far as the model does not contradict it.

    Parameters
    ----------
    model
        The model; see :func:`solve_model`.
    native
        The way to reach the solver.
    gap
        Relative gap to stop at.
    clock
        The time that there is.
    start, options
        As for :func:`solve_model`.
    is_original
        Whether the model is as built but for fixed decisions. If its problem is known to have an
        allocation, its own bounds on times and shares cut off nothing then; of any other model, it
        is checked that they do not decide the answer.

    Raises
    ------
    InputError
        As :func:`solve_model`.
    """
    require_sound(model)
    native.refuse(model)
    source = models.source_of(model)
    if is_original and models.FORMULATIONS[source.formulation].convex:
        native = native.for_convex()
    begun = None if start is None else _begin(model, native, start)
    question = Question(model, native, 0.95 * gap, clock, options, begun)
    own = models.Reach.of_model(model)
    proven = is_original and source.problem.always_feasible
    try:
        answer = question.ask() if proven else within_no_bound_of_ours(question)
    finally:
        own.put_into(model)
    refuted = None if answer.bound is None else contradicted(model, answer.bound)
    held = hold(model, answer, tidy=is_original)
    objection = None
    if refuted is not None:
        objection = (
            f"claims the lower bound {answer.bound:.9g}, but an allocation that the model allows "
            f"costs only {refuted:.9g}"
        )
    elif held.violated is not None:
        row, amount = held.violated
        objection = f"gives a point that violates the model's constraint {row!r} by {amount:.2g}"
    return replace(
        held.claim,
        problem=source.problem,
        solver=native.name,
        objection=objection,
        model_objective=None if is_original else held.cost,
        options={
            "formulation": source.formulation,
            **source.options,
            **({} if native.capabilities.gap is None else {"gap": gap}),
            "time_limit": clock.limit_s,
            **({} if options is None else {"options": dict(options)}),
            **({} if start is None else {"start": start.to_dict()}),
        },
    )


def require_sound(model: Model) -> None:
    """Refuse a model that is not what it seems, before a solver sees it.

    Raises
    ------
    InputError
        If its data are not its instance's, it was changed after it was tightened, its objective is
        maximised, or a variable is fixed without a value.
    """
    models.require_own_data(model)
    cost = models.objective(model)
    if cost.sense != pyo.minimize:  # a lower bound says nothing of it
        raise InputError(f"the objective {cost.name!r} is maximised, but must be minimised")
    for variable in variables(model):
        if variable.fixed and (variable.value is None or not np.isfinite(variable.value)):
            raise InputError(
                f"the variable {variable.name!r} is fixed at {variable.value}, but must be fixed "
                "at a finite number"
            )
    models.require_current_tightening(model)


def _begin(model: Model, native: Backend, start: Allocation) -> Point:
    """Put a start into the model and return all values; it has to be one that the model allows."""
    if not native.capabilities.starts:
        raise InputError(f"solver is {native.name!r}, which takes no start")
    models.load(model, start)
    for variable in variables(model):
        if variable.value is None:
            raise InputError(f"the variable {variable.name!r} has no value to start with")
    constraint, amount = models.largest_violation(model)
    if not amount <= MODEL_TOLERANCE:
        raise InputError(
            f"the start violates the model's constraint {constraint!r} by {amount:.2g}"
        )
    return values_of(model)
