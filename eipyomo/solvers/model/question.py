"""A model, and what is asked of a solver about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.problem import LIMIT_FEATURES
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.contract import GAP, Clock
from eipyomo.solvers.judge import repair
from eipyomo.solvers.model.points import (
    MODEL_TOLERANCE,
    cost_of,
    fits,
    put,
    take,
    values_of,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eipyomo.models.types import Model
    from eipyomo.solvers.backends.base import Answer, Backend, Point

RESCUED, RESCUE_S = 1e-2, 3.0
"""Largest violation of a point whose decisions are worth keeping, and the time for the rest."""

LEAST_S = 0.1
"""Time that a solver gets at least."""


@dataclass
class Question:
    """A model, and all that a solver is told about it.

    Attributes
    ----------
    clock
        The time that there is.
    point
        A point that the model allows, to begin with.
    restarted
        Whether a local solver has been sent off again from the middle.
    """

    model: Model
    native: Backend
    gap: float
    clock: Clock
    options: Mapping[str, Any] | None
    point: Point | None
    restarted: bool = False
    _fitting: Point | None = None

    def ask(self) -> Answer:
        """Return the solver's answer, or the point to begin with where that one is no worse."""
        more = {} if self.options is None else {"options": self.options}
        answer = self.native.solve(
            self.model,
            time_limit=max(self.clock.left_s, LEAST_S),
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
        take(self.model, answer.point)
        row, amount = missed(self.model)
        if amount == 0.0:
            self._fitting = answer.point
        if amount == 0.0 or not amount <= RESCUED:
            return answer
        for kept, with_offload in (("a and ι", True), ("a", False)):
            take(self.model, answer.point)
            solve_for_decisions(
                self.model, max(self.clock.left_s, RESCUE_S), with_offload=with_offload
            )
            if missed(self.model)[1] == 0.0:
                return replace(
                    answer,
                    point=values_of(self.model),
                    message=f"{answer.message}; its point missed {row!r} by {amount:.2g}, so its "
                    f"decisions {kept} were kept, and the rest was solved by Ipopt",
                )
        return answer

    def _not_worse(self, answer: Answer, begun: Point) -> Answer:
        put(begun)
        cost = cost_of(self.model)
        is_known = answer.point is not None and self.takes(answer.point)
        if is_known and cost_of(self.model) <= cost:
            return answer
        return replace(answer, point=begun, message=f"{answer.message}; its start is no worse")

    def takes(self, point: Point) -> bool:
        """Put a point into the model, and tell whether the model allows it."""
        take(self.model, point)
        return point is self._fitting or fits(self.model)


def missed(model: Model) -> tuple[str, float]:
    """Return what a model's values miss, and by how much: a row, or a limit in the data.

    The model's rows hold within its tolerance, which is larger than the judge's. So what the point
    becomes is judged where limits bind, of which nothing can be repaired afterwards.
    """
    row, amount = models.largest_violation(model)
    if not amount <= MODEL_TOLERANCE:
        return row, amount
    problem = models.source_of(model).problem
    if not problem.features & LIMIT_FEATURES:
        return row, 0.0
    try:
        judged = evaluate(problem, repair(problem, models.allocation(model)))
    except InputError:  # no decision, of which others will tell
        return row, 0.0
    return ("", 0.0) if judged.feasible else (judged.violations[0].constraint, judged.max_violation)


def solve_for_decisions(model: Model, time_limit: float, *, with_offload: bool = True) -> None:
    """Put Ipopt's point for the decisions a, and ι, that a model holds into it, if it finds one."""
    decided = _decide(model, with_offload=with_offload)
    try:
        found = backend("ipopt").solve(model, time_limit=time_limit, gap=GAP)
    except InputError:  # the model holds what Ipopt does not take
        return
    finally:
        for variable in decided:
            variable.unfix()
    if found.point is not None:
        take(model, found.point)


def _decide(model: Model, *, with_offload: bool) -> list[Any]:
    """Fix all that is integral, and ι, at the model's values; return what was free before."""
    users = [model.user[name] for name in model.users if with_offload]
    offloads = {id(user.component("offload_fraction")) for user in users}
    decided = []
    for variable in variables(model):
        if not variable.fixed and (id(variable) in offloads or not variable.is_continuous()):
            value = variable.value if variable.is_continuous() else round(variable.value)
            value = value if variable.lb is None else max(value, variable.lb)
            variable.fix(value if variable.ub is None else min(value, variable.ub))
            decided.append(variable)
    return decided
