"""Solving a Pyomo model of :func:`eipyomo.models.minlp`, with whatever a user has made of it.

A solver's answer is taken apart here: its claims are held against what they can rest on
(:mod:`~eipyomo.solvers.minlp.checks`), and its point against the model, with all rows, bounds and
fixed values that a user has set (:mod:`~eipyomo.solvers.minlp.held`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.problem import Problem
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.contract import GAP, TIME_LIMIT_S, Clock
from eipyomo.solvers.judge import judge
from eipyomo.solvers.milp import NAME as MILP
from eipyomo.solvers.milp import MilpBackend
from eipyomo.solvers.minlp.checks import contradicted, within_no_bound_of_ours
from eipyomo.solvers.minlp.held import hold
from eipyomo.solvers.minlp.points import MODEL_TOLERANCE, values_of, variables
from eipyomo.solvers.minlp.question import Question
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eipyomo.allocation import Allocation
    from eipyomo.models.joint import Model
    from eipyomo.result import Result
    from eipyomo.solvers.backends.base import Backend, Point
    from eipyomo.solvers.contract import Claim

OWN = "model"
"""Method and problem of a result: whatever the model says."""


def solve_model(
    model: Model,
    solver: str = "scip",
    *,
    executable: str | None = None,
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    unchanged: bool = False,
    start: Allocation | None = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Solve a model made by :func:`eipyomo.models.minlp`, with whatever was added to it.

    The model's variables hold the answer afterwards, where there is one, and those that were fixed
    what they were fixed at. With an objective in place of ``model.wsel``, or rows that make times
    longer than they need be, bound and gap are of what the model minimises: ``model_objective`` of
    the result holds its value, and `objective` WSEL of the allocation as always.

    Parameters
    ----------
    model
        The model, changed or not.
    solver
        ``scip``, ``bonmin``, ``ipopt`` where a is fixed, or another of ``eipyomo solvers``; or
        ``milp``, for a spectral model whose rows and objective are linear but for its own.
    executable
        Path of an executable that speaks the AMPL protocol, to be used for `solver`.
    gap
        Relative gap to stop at.
    time_limit
        In s, from now.
    unchanged
        Whether the model is as built but for fixed a and ι: then a claim of infeasibility is
        false, and a download that is of no use may be tidied away.
    start
        An allocation that the model allows, to begin with; variables that a user has added begin at
        the values that they have. SCIP and HiGHS take it as their first incumbent, Ipopt and
        Bonmin as their first iterate; the answer is never worse. ``start_objective`` of the result
        tells whether the solver has accepted it.
    options
        The solver's own options, by its own names; "threads" is translated.

    Raises
    ------
    InputError
        If the solver is unknown, or cannot take what the model holds, an option or the start; or if
        the model's data are not its instance's, or it was changed after it was tightened.
    SolverError
        If the solver is missing.
    """
    clock = Clock(time_limit)
    require_kind("solver", solver, str)
    native = native_solver(solver, executable)
    native.require()
    claim = claim_of(
        model, native, gap=gap, clock=clock, start=start, options=options, is_original=unchanged
    )
    built = models.source_of(model).problem
    return judge(
        Problem(built.instance, stage=built.stage),  # its restriction may have been lifted
        claim,
        method=OWN,
        name=OWN,
        options=claim.options or {},
        gap_at=lambda _: gap,
        wall_s=clock.elapsed_s - claim.setup_s,
        always_feasible=unchanged,
    )


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
        Whether the model is as built but for fixed decisions.

    Raises
    ------
    InputError
        As :func:`solve_model`.
    """
    require_sound(model)
    native.refuse(model)
    if is_original and models.source_of(model).formulation in models.CONVEX:
        native = native.for_convex()
    begun = None if start is None else _begin(model, native, start)
    question = Question(model, native, 0.95 * gap, clock.deadline, options, begun)
    own = models.Reach.of_model(model)
    try:
        answer = question.ask() if is_original else within_no_bound_of_ours(question)
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
    source = models.source_of(model)
    return replace(
        held.claim,
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


def native_solver(solver: str, executable: str | None) -> Backend:
    """Return the way to reach a solver, or the loop around two of them that has no other name."""
    if solver != MILP:
        return backend(solver, executable)
    if executable is not None:
        raise InputError(f"executable is {executable!r}, but {MILP!r} takes none")
    return MilpBackend()


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
