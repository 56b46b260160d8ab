"""Solving the Pyomo model with general-purpose solvers."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.models.grid import STEP
from eipyomo.models.relaxation import TANGENTS
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.judge import Claim, judge
from eipyomo.solvers.milp import NAME as MILP
from eipyomo.solvers.milp import MilpBackend

if TYPE_CHECKING:
    from eipyomo.allocation import Allocation
    from eipyomo.instance import Instance
    from eipyomo.models.joint import Model
    from eipyomo.result import Result
    from eipyomo.scaled import Round
    from eipyomo.solvers.backends.base import Answer, Backend, Point

GAP = 1e-4
TIME_LIMIT_S = 60.0

FORMULATION = {"scip": "spectral"}
"""Where another formulation than ``letter`` is the better default: SCIP is 20 times and more faster
on it, Bonmin slower; see docs/formulations.md."""

MODEL_TOLERANCE = 1e-5
"""Largest violation of the model's own constraints, relative where a side is larger than 1."""


def solve_minlp(
    instance: Instance,
    *,
    solver: str = "scip",
    executable: str | None = None,
    formulation: str | None = None,
    tangents: int | None = None,
    step: float | None = None,
    choice: str | None = None,
    round: Round = "inference",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    start: Allocation | None = None,
) -> Result:
    """Solve problem (10) as a Pyomo model.

    Parameters
    ----------
    instance
        The instance.
    solver
        ``scip`` proves a bound; ``bonmin`` is local, since (10) is not convex; see
        ``eipyomo solvers`` for the others.
    executable
        Path of an executable that speaks the AMPL protocol, to be used for `solver`.
    formulation
        How the model is written; one of ``models.FORMULATIONS``. Left out, it is ``letter``, but
        for solvers of which another was measured to be better (``FORMULATION``).
    tangents
        Number of tangents of each convex function, for ``spectral`` and ``grid``.
    step
        Distance of the points of ι, for ``grid``.
    choice
        "hull" or "bigm", for ``grid``.
    round
        "training" for a round before the last.
    gap
        Relative gap to stop at.
    time_limit
        In s, from now.
    start
        A feasible allocation to begin with; the answer is never worse.
    """
    started = time.monotonic()
    _native(solver, executable).require()
    if formulation is None:
        formulation = FORMULATION.get(solver, "letter")
    choices = {"tangents": tangents, "step": step, "choice": choice}
    given = {name: choice for name, choice in choices.items() if choice is not None}
    model = models.minlp(instance, formulation, round, **given)
    return solve_model(
        model,
        solver,
        executable=executable,
        gap=gap,
        time_limit=time_limit,
        started=started,
        method="minlp",
        problem=_problem(model),
        unchanged=True,
        start=start,
    )


def solve_milp(
    instance: Instance,
    *,
    tangents: int = TANGENTS,
    round: Round = "inference",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    start: Allocation | None = None,
) -> Result:
    """Solve problem (10) by a piecewise linear relaxation; see :mod:`eipyomo.solvers.milp`.

    Parameters
    ----------
    instance
        The instance.
    tangents
        Number of tangents of each convex function to begin with.
    round, gap, time_limit, start
        As for :func:`solve_minlp`.

    Returns
    -------
    Result
        `trace` has a row per round: ``bound``, ``incumbent``, ``cells``, and ``seconds``.
    """
    result = solve_minlp(
        instance,
        solver=MILP,
        formulation="spectral",
        tangents=tangents,
        round=round,
        gap=gap,
        time_limit=time_limit,
        start=start,
    )
    return replace(result, method=MILP)


def _problem(model: Model) -> str:
    """Return what a model as built says: (10), a training round, or ι on a grid."""
    source = model.source
    if source.round == "training":
        return "training"
    if source.formulation == "grid":
        return f"grid:{source.options.get('step', STEP):g}"
    return "joint"


def solve_model(
    model: Model,
    solver: str = "scip",
    *,
    executable: str | None = None,
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    method: str = "model",
    problem: str = "model",
    unchanged: bool = False,
    start: Allocation | None = None,
    started: float | None = None,
) -> Result:
    """Solve a model made by :func:`eipyomo.models.minlp`, with whatever was added to it.

    The model's variables hold the answer afterwards, where there is one. With an objective in place
    of ``model.wsel``, bound and gap are of that one: ``model_objective`` of the result holds its
    value, and `objective` WSEL as always.

    Parameters
    ----------
    model
        The model, changed or not.
    solver
        ``scip``, ``bonmin``, ``ipopt`` where a is fixed, or another of ``eipyomo solvers``; or
        ``milp``, for a spectral model whose rows and objective are linear but for its own.
    executable, gap, time_limit
        As in :func:`solve_minlp`.
    method, problem
        Names to report; "model" says that it is whatever the model says.
    unchanged
        Whether the model is as built but for fixed a and ι: then a claim of infeasibility is
        false, and a download that is of no use may be tidied away.
    start
        An allocation that the model allows, to begin with; variables that a user has added begin at
        the values that they have. SCIP and HiGHS take it as their first incumbent, Ipopt and
        Bonmin as their first iterate; the answer is never worse. ``start_objective`` of the result
        tells whether the solver has accepted it.
    started
        When the clock began, on that of ``time.monotonic``; now if left out.

    Raises
    ------
    InputError
        If the solver is unknown, or cannot take what the model holds or the start.
    SolverError
        If the solver is missing.
    """
    started = time.monotonic() if started is None else started
    native = _native(solver, executable)
    native.require()
    native.refuse(model)
    if unchanged and model.source.formulation in models.CONVEX:
        native = native.for_convex()
    _require_minimised(models.objective(model))
    begun = None if start is None else _begin(model, native, start)
    left_s = max(time_limit - (time.monotonic() - started), 0.1)
    # The bound is asked for a little tighter, since the repaired point costs a little more.
    answer = native.solve(model, time_limit=left_s, gap=0.95 * gap, start=begun is not None)
    if begun is not None:
        answer = _not_worse(model, answer, begun)
    claim = _claim(model, answer, tidy=unchanged)
    source = model.source
    result = judge(
        source.instance,
        claim,
        method=method,
        problem=problem,
        solver=solver,
        options={
            "formulation": source.formulation,
            **source.options,
            "gap": gap,
            "time_limit": time_limit,
            **({} if start is None else {"start": start.to_dict()}),
        },
        gap=gap,
        wall_s=time.monotonic() - started - claim.setup_s,
        round=source.round,
        always_feasible=unchanged,
        model_objective=None if unchanged else partial(_value_at, model),
    )
    return _judge_by_model(model, result)


def _native(solver: str, executable: str | None) -> Backend:
    """Return the way to reach a solver, or the loop around two of them that has no other name."""
    return MilpBackend() if solver == MILP else backend(solver, executable)


def _require_minimised(objective: Any) -> None:
    """Refuse an objective of which a lower bound says nothing."""
    if objective.sense != pyo.minimize:
        raise InputError(f"the objective {objective.name!r} is maximised, but must be minimised")


def _value_at(model: Model, allocation: Allocation) -> float:
    """Return a model's objective at an allocation."""
    models.load(model, allocation)
    return float(pyo.value(models.objective(model)))


def _begin(model: Model, native: Backend, start: Allocation) -> Point:
    """Put a start into the model and return all values; it has to be one that the model allows."""
    if not native.capabilities.starts:
        raise InputError(f"solver is {native.name!r}, which takes no start")
    models.load(model, start)
    variables = list(model.component_data_objects(pyo.Var, descend_into=True))
    for variable in variables:
        if variable.value is None:
            raise InputError(f"the variable {variable.name!r} has no value to start with")
    constraint, amount = models.largest_violation(model)
    if not amount <= MODEL_TOLERANCE:
        raise InputError(
            f"the start violates the model's constraint {constraint!r} by {amount:.2g}"
        )
    return [(variable, variable.value) for variable in variables]


def _not_worse(model: Model, answer: Answer, start: Point) -> Answer:
    """Return an answer with the start in place of a point that costs more, or of none."""
    if answer.status in ("error", "infeasible"):
        return answer
    begun = replace(answer, point=start, message=f"{answer.message}; its start is no worse")
    costs = []
    for candidate in (begun, answer):
        candidate.load()
        costs.append(pyo.value(models.objective(model)))
    return begun if answer.point is None or costs[0] < costs[1] else answer


def _judge_by_model(model: Model, result: Result) -> Result:
    """Put the checked allocation into the model, and judge it by constraints that a user added."""
    if result.allocation is None or not result.feasible:
        return result
    models.load(model, result.allocation)
    constraint, amount = models.largest_violation(model)
    if not amount <= MODEL_TOLERANCE:
        return replace(
            result,
            termination="error",
            message=f"{result.solver} gives a point that violates the model's constraint "
            f"{constraint!r} by {amount:.2g}",
        )
    touched = models.binding_bounds(model)
    if touched:
        return replace(
            result,
            bound=None,
            termination="converged" if result.termination == "optimal" else result.termination,
            message=f"the model's bound {touched[0]} is reached, so a better point may lie beyond "
            "it: widen it and solve again",
        )
    return result


def _claim(model: Model, answer: Answer, *, tidy: bool) -> Claim:
    """Put an answer into the model, and read it as a claim about an allocation."""
    claim = Claim(
        status="error" if answer.status == "unbounded" else answer.status,
        bound=answer.bound,
        message=answer.message,
        solver_version=answer.version,
        setup_s=answer.setup_s,
        start_objective=answer.start,
        iterations=answer.iterations,
        trace=answer.trace,
    )
    if answer.point is None:
        return claim
    answer.load()
    try:
        allocation = models.allocation(model, tidy=tidy)
    except InputError as error:
        return Claim("error", message=f"{answer.message}: its point is wrong, since {error}")
    return replace(claim, allocation=allocation)
