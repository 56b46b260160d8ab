"""A model, and what is asked of a solver about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.contract import GAP, Clock
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
        row, amount = models.largest_violation(self.model)
        if amount <= MODEL_TOLERANCE or not amount <= RESCUED:
            return answer
        solve_for_decisions(self.model, max(self.clock.left_s, RESCUE_S))
        if not fits(self.model):
            return answer
        return replace(
            answer,
            point=values_of(self.model),
            message=f"{answer.message}; its point missed {row!r} by {amount:.2g}, so its decisions "
            "a and ι were kept, and the rest was solved by Ipopt",
        )

    def _not_worse(self, answer: Answer, begun: Point) -> Answer:
        put(begun)
        cost = cost_of(self.model)
        if answer.point is not None:
            take(self.model, answer.point)
            if fits(self.model) and cost_of(self.model) <= cost:
                return answer
        return replace(answer, point=begun, message=f"{answer.message}; its start is no worse")


def solve_for_decisions(model: Model, time_limit: float) -> None:
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
        take(model, found.point)


def _decide(model: Model) -> list[Any]:
    """Fix all that is integral, and ι, at the model's values; return what was free before."""
    offloads = {id(model.user[name].offload_fraction) for name in model.users}
    decided = []
    for variable in variables(model):
        if not variable.fixed and (id(variable) in offloads or not variable.is_continuous()):
            value = variable.value if variable.is_continuous() else round(variable.value)
            value = value if variable.lb is None else max(value, variable.lb)
            variable.fix(value if variable.ub is None else min(value, variable.ub))
            decided.append(variable)
    return decided
