"""Solving a Pyomo model of :func:`eipyomo.models.minlp`, with whatever a user has made of it.

A solver's answer is taken apart here: its point is held against the model, with all rows, bounds
and fixed values that a user has set, and its claims against what they can rest on.

* The model's times may slip: each is at least what shares and frequencies make it, as in (11). So
  the point is held with times as its decisions imply them, or as much longer as the solver gave.
* A bound is refuted by any allocation that costs less: a few are at hand.
* The model's own bounds on times and shares are proven for (10). In a model that was changed they
  are widened where they may cut off something, and where that does not help nothing is proven.
* "Infeasible" counts from interval arithmetic of our own, or from a solver that proves while none
  of these bounds is in play.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.models.symbols import TIMES
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.certified import solve_exactly
from eipyomo.solvers.judge import ROUNDING, Claim, judge, repair
from eipyomo.solvers.milp import NAME as MILP
from eipyomo.solvers.milp import MilpBackend
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eipyomo.allocation import Allocation
    from eipyomo.models.types import Model
    from eipyomo.result import Result
    from eipyomo.solvers.backends.base import Answer, Backend, Point

GAP = 1e-4
TIME_LIMIT_S = 60.0

MODEL_TOLERANCE = 1e-5
"""Largest violation of the model's own constraints, relative where a side is larger than 1."""

RESCUED, RESCUE_S = 1e-2, 3.0
"""Largest violation of a point whose decisions are worth keeping, and the time for the rest."""

WIDER, TRIES = 10.0, 4
"""By how much the model's own bounds are widened where rows do not tell, and how often it is solved
at most."""

COST_MARGIN = 1e-6
"""Relative where a cost is above 1; what rounding may have done to it."""

WITNESS_S = 2.0
"""Time for an allocation that may refute a bound."""

LEAST_S = 0.1
"""Time that a solver gets at least."""


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
    options: Mapping[str, Any] | None = None,
    started: float | None = None,
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
    executable, gap, time_limit
        As in :func:`eipyomo.solvers.minlp.solve_minlp`.
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
    options
        The solver's own options, by its own names; "threads" is translated.
    started
        When the clock began, on that of ``time.monotonic``; now if left out.

    Raises
    ------
    InputError
        If the solver is unknown, or cannot take what the model holds, an option or the start; or if
        the model's data are not its instance's, or it was changed after it was tightened.
    SolverError
        If the solver is missing.
    """
    started = time.monotonic() if started is None else started
    require_kind("solver", solver, str)
    native = native_solver(solver, executable)
    native.require()
    require_sound(model)
    native.refuse(model)
    if unchanged and models.FORMULATIONS[models.source_of(model).formulation].convex:
        native = native.for_convex()
    begun = None if start is None else _begin(model, native, start)
    question = Question(model, native, 0.95 * gap, started + time_limit, options, begun)
    own = models.Reach.of_model(model)
    try:
        answer = question.ask() if unchanged else _within_no_bound_of_ours(question)
    finally:
        own.put_into(model)
    refuted = None if answer.bound is None else _contradicted(model, answer.bound)
    held = _hold(model, answer, tidy=unchanged)
    source = models.source_of(model)
    claim = held.claim
    result = judge(
        source.instance,
        claim,
        method=method,
        problem=problem,
        solver=solver,
        options={
            "formulation": source.formulation,
            **source.options,
            **({} if native.capabilities.gap is None else {"gap": gap}),
            "time_limit": time_limit,
            **({} if options is None else {"options": dict(options)}),
            **({} if start is None else {"start": start.to_dict()}),
        },
        gap=gap,
        wall_s=time.monotonic() - started - claim.setup_s,
        round=source.problem.stage,
        always_feasible=unchanged,
        model_objective=None if unchanged else held.cost,
    )
    if refuted is not None:
        sentence = f"claims the lower bound {answer.bound:.9g}, but an allocation that the model "
        message = f"{solver} {sentence}allows costs only {refuted:.9g}"
        return replace(result, termination="error", bound=None, message=message)
    if held.violated is not None and result.feasible:
        constraint, amount = held.violated
        sentence = f"gives a point that violates the model's constraint {constraint!r} by"
        message = f"{solver} {sentence} {amount:.2g}"
        return replace(result, termination="error", bound=None, message=message)
    return result


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
    for variable in _variables(model):
        if variable.fixed and (variable.value is None or not np.isfinite(variable.value)):
            raise InputError(
                f"the variable {variable.name!r} is fixed at {variable.value}, but must be fixed "
                "at a finite number"
            )
    models.require_current_tightening(model)


def _variables(model: Model) -> list[Any]:
    return list(model.component_data_objects(pyo.Var, descend_into=True))


def _fits(model: Model) -> bool:
    """Tell whether a model holds at its values."""
    return models.largest_violation(model)[1] <= MODEL_TOLERANCE


def _cost(model: Model) -> float:
    """Return a model's objective at its values."""
    return float(pyo.value(models.objective(model)))


def _values(model: Model) -> Point:
    return [(variable, variable.value) for variable in _variables(model)]


def _put(point: Point) -> None:
    """Set the variables of a point that are free."""
    for variable, value in point:
        if not variable.fixed:
            variable.set_value(value, skip_validation=True)


def _begin(model: Model, native: Backend, start: Allocation) -> Point:
    """Put a start into the model and return all values; it has to be one that the model allows."""
    if not native.capabilities.starts:
        raise InputError(f"solver is {native.name!r}, which takes no start")
    models.load(model, start)
    for variable in _variables(model):
        if variable.value is None:
            raise InputError(f"the variable {variable.name!r} has no value to start with")
    constraint, amount = models.largest_violation(model)
    if not amount <= MODEL_TOLERANCE:
        raise InputError(
            f"the start violates the model's constraint {constraint!r} by {amount:.2g}"
        )
    return _values(model)


@dataclass
class Question:
    """A model, and all that a solver is told about it.

    Attributes
    ----------
    deadline
        On the monotonic clock.
    point
        A point that the model allows, to begin with.
    restarted
        Whether a local solver has been sent off again from the middle.
    """

    model: Model
    native: Backend
    gap: float
    deadline: float
    options: Mapping[str, Any] | None
    point: Point | None
    restarted: bool = False

    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self.deadline - time.monotonic()

    def ask(self) -> Answer:
        """Return the solver's answer, or the point to begin with where that one is no worse."""
        more = {} if self.options is None else {"options": self.options}
        answer = self.native.solve(
            self.model,
            time_limit=max(self.left_s(), LEAST_S),
            gap=self.gap,
            start=self.point is not None and self.native.capabilities.starts,
            **more,
        )
        answer = self._rescued(answer)
        return answer if self.point is None else self._not_worse(answer, self.point)

    def _rescued(self, answer: Answer) -> Answer:
        """Solve the rest anew for the decisions of a point that misses a row by a little."""
        if answer.point is None or answer.status == "infeasible":
            return answer
        _take(self.model, answer.point)
        row, amount = models.largest_violation(self.model)
        if amount <= MODEL_TOLERANCE or not amount <= RESCUED:
            return answer
        _solve_for_decisions(self.model, max(self.left_s(), RESCUE_S))
        if not _fits(self.model):
            return answer
        return replace(
            answer,
            point=_values(self.model),
            message=f"{answer.message}; its point missed {row!r} by {amount:.2g}, so its decisions "
            "a and ι were kept, and the rest was solved by Ipopt",
        )

    def _not_worse(self, answer: Answer, begun: Point) -> Answer:
        _put(begun)
        cost = _cost(self.model)
        if answer.point is not None:
            _take(self.model, answer.point)
            if _fits(self.model) and _cost(self.model) <= cost:
                return answer
        return replace(answer, point=begun, message=f"{answer.message}; its start is no worse")


def _solve_for_decisions(model: Model, time_limit: float) -> None:
    """Put Ipopt's point for the decisions a and ι that a model holds into it, if it finds one."""
    decided = _decide(model)
    try:
        found = backend("ipopt").solve(model, time_limit=time_limit, gap=GAP)
    except InputError:  # the model holds what Ipopt does not take
        return
    finally:
        for variable in decided:
            variable.unfix()
    if found.point is not None:
        _take(model, found.point)


def _decide(model: Model) -> list[Any]:
    """Fix all that is integral, and ι, at the model's values; return what was free before."""
    offloads = {id(model.user[name].offload_fraction) for name in model.users}
    decided = []
    for variable in _variables(model):
        if not variable.fixed and (id(variable) in offloads or not variable.is_continuous()):
            value = variable.value if variable.is_continuous() else round(variable.value)
            value = value if variable.lb is None else max(value, variable.lb)
            variable.fix(value if variable.ub is None else min(value, variable.ub))
            decided.append(variable)
    return decided


def _take(model: Model, point: Point) -> None:
    """Set the free variables to a solver's values, moved into bounds that these leave by rounding.

    A bound such as 1e-6 of the band must hold in itself, not within a solver's tolerance.
    """
    _put(point)
    for variable in _variables(model):
        if variable.fixed or variable.value is None:
            continue
        low, high = variable.bounds
        inside = variable.value
        inside = inside if low is None else max(inside, low)
        inside = inside if high is None else min(inside, high)
        if 0 < abs(inside - variable.value) <= MODEL_TOLERANCE * max(1.0, abs(inside)):
            variable.set_value(inside, skip_validation=True)


def _within_no_bound_of_ours(question: Question) -> Answer:
    """Solve a model that was changed so that its own bounds on times and shares decide nothing."""
    tries = 1
    while True:
        answer, wider = _checked(question, question.ask())
        if wider is None or tries == TRIES or question.left_s() <= LEAST_S:
            return answer
        wider.put_into(question.model)
        tries += 1


def _checked(question: Question, answer: Answer) -> tuple[Answer, models.Reach | None]:
    """Return what of an answer holds, and wider bounds where those of the model may decide it."""
    if answer.point is not None:
        _take(question.model, answer.point)
        if _fits(question.model):
            question.point = _values(question.model)
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
    cost = _cost(model)
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
        if _fits(model):
            return replace(answer, point=_values(model)), None
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


@dataclass(frozen=True)
class Held:
    """What became of a solver's point in the model.

    Attributes
    ----------
    claim
        The answer, read as a claim about an allocation.
    cost
        The model's objective at the point that it holds now; None without one.
    violated
        What that point violates, and by how much, if it is too much.
    """

    claim: Claim
    cost: float | None = None
    violated: tuple[str, float] | None = None


def _hold(model: Model, answer: Answer, *, tidy: bool) -> Held:
    """Put an answer into the model: with times as its decisions imply them, or longer ones.

    Times of the model may be longer than its decisions make them, where a row of the user's asks
    for that; then those that the solver gave are right. Shorter ones, which its tolerance allows,
    would make the point look cheaper than it is.
    """
    claim = Claim(
        status=answer.status,
        bound=answer.bound,
        message=answer.message,
        solver_version=answer.version,
        setup_s=answer.setup_s,
        start_objective=answer.start,
        iterations=answer.iterations,
        trace=answer.trace,
    )
    if answer.point is None:
        return Held(claim)
    _take(model, answer.point)
    source = models.source_of(model)
    try:
        allocation = models.allocation(model, tidy=tidy)
    except InputError as error:
        wrong = f"{answer.message}: its point is wrong, since {error}"
        return Held(replace(claim, status="error", bound=None, message=wrong))
    allocation = repair(source.instance, allocation, source.problem.stage)
    claim = replace(claim, allocation=allocation)
    given, violated = _values(model), models.largest_violation(model)
    found: list[tuple[float, Point]] = []
    try:
        models.load(model, allocation)
        implied = _values(model)
    except InputError:  # a decision that is fixed, which repair or rounding has moved
        implied = given
    for candidate in (implied, _waiting(given, implied)):
        _put(candidate)
        if _fits(model):
            found.append((_cost(model), candidate))
    if not found:
        _put(given)
        violated = violated if violated[1] > MODEL_TOLERANCE else models.largest_violation(model)
        return Held(claim, None, violated)
    cost, best = min(found, key=lambda one: one[0])
    _put(best)
    return Held(claim, cost)


def _waiting(given: Point, implied: Point) -> Point:
    """Return a given point with times and energies that are at least those that are implied."""
    return [
        (variable, max(value, least) if _at_least(variable) else value)
        for (variable, value), (_, least) in zip(given, implied, strict=True)
    ]


def _at_least(variable: Any) -> bool:
    """Tell whether a variable is bounded below by what happens, and free above."""
    return variable.parent_component().local_name in (*TIMES, "sync_s", "local_inference_j")


def _contradicted(model: Model, bound: float) -> float | None:
    """Return what an allocation that the model allows costs, if that is less than a bound.

    Bounds of global solvers hold within absolute tolerances, and those do not know how small costs
    and rows are. Two plain allocations and the exact method's, which takes milliseconds, are
    witnesses that can refute such a bound, the last one also with the rest solved anew by Ipopt for
    its a and ι, as the model's rows want it. They cannot prove it.
    """
    source = models.source_of(model)
    best = solve_exactly(
        source.instance, gap=ROUNDING, time_limit=WITNESS_S, round=source.problem.stage
    )
    for allocation in filter(None, [*models.plain_allocations(model), best.allocation]):
        try:
            models.load(model, allocation)
        except InputError:  # a decision is fixed otherwise, or not on the grid
            continue
        if models.largest_violation(model)[1] > ROUNDING and allocation is best.allocation:
            _solve_for_decisions(model, WITNESS_S)
        if models.largest_violation(model)[1] <= ROUNDING and _cost(model) < bound:
            cost = _cost(model)
            if bound - cost > ROUNDING * abs(bound):
                return cost
    return None
