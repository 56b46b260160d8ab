"""Incumbents: points that a model allows, from where its relaxation points to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
from pyomo.common.collections import ComponentSet
from pyomo.common.errors import InfeasibleConstraintException

from eipyomo import models, timing
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.models.relaxation import ends, without_tangents
from eipyomo.models.source import has_modes
from eipyomo.models.symbols import LEAST, TIMES
from eipyomo.models.types import Model
from eipyomo.problem import Problem
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.backends.base import Point
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.judge import repair
from eipyomo.solvers.milp.values import is_allowed, put, with_values
from eipyomo.solvers.model.points import values_of, variables

MIXES = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)
"""Parts of the band that are shared alike where a relaxed point becomes an allocation."""

TRIED_STEP, TRIED_SHRINKS = 0.1, 0.7
"""Decisions so close to earlier ones are not polished again, and by what this shrinks a round."""


class Incumbents:
    """The best point so far, and ways to better ones.

    Parameters
    ----------
    model
        The model; its variables keep their values.
    clock
        The time that there is.
    gap
        Relative gap that is looked for.

    Attributes
    ----------
    cost, point
        The best point, as values of the model's variables, and its cost by the model's objective.
    trial
        A clone, on which points are tried.
    tried
        Decisions that were polished already.
    """

    def __init__(self, model: Model, clock: Clock, gap: float) -> None:
        self.model, self.clock, self.gap = model, clock, gap
        source = models.source_of(model)
        self.problem, self.lifted = source.problem, source.lifted
        self.own = variables(model)
        self.trial = with_values(without_tangents(model.clone()))
        self.cost = math.inf
        self.point: Point | None = None
        self.tried: list[FloatColumn] = []
        self.ipopt = backend("ipopt")

    def polish(self, values: Sequence[float | None], rounds: int) -> None:
        """Solve the model for a and ι of a point, and then for its a alone.

        Parameters
        ----------
        values
            The point, in the order of the model's variables.
        rounds
            How many there have been: the more, the closer to earlier decisions it may be.
        """
        decided = self.decide(values)
        choice = np.array([variable.value for variable in decided])
        step = TRIED_STEP * TRIED_SHRINKS**rounds
        if all(np.abs(choice - tried).max(initial=0.0) > step for tried in self.tried):
            self.tried.append(choice)
            found = self.attempt(start=False)
            for name in self.trial.users:
                user = self.trial.user[name]
                offload = user.component("offload_fraction")
                if offload in decided and user.download.value == 1:
                    offload.unfix()
            if self.attempt(start=found):
                self.tried.append(np.array([variable.value for variable in decided]))
        for variable in decided:
            variable.unfix()

    def decide(self, values: Sequence[float | None]) -> ComponentSet:
        """Fix all that is integral, and ι, at a point; return what was free."""
        decided = ComponentSet()
        users = [self.trial.user[name] for name in self.model.users]
        offloads = ComponentSet(user.offload_fraction for user in users if not has_modes(user))
        for variable, value in zip(variables(self.trial), values, strict=True):
            if not variable.fixed and (variable in offloads or not variable.is_continuous()):
                low, high = ends(variable)
                inside = min(max(value or 0.0, low), high)
                variable.fix(inside if variable.is_continuous() else round(inside))
                decided.add(variable)
        return decided

    def polish_uniform(self, download: int) -> None:
        """Solve the model with one a for everybody, where it has no other integers."""
        decided = ComponentSet()
        for name in self.trial.users:
            user = self.trial.user[name]
            if has_modes(user):
                continue
            for variable, value in ((user.download, download), (user.offload_fraction, 1.0)):
                if not variable.fixed and (variable is user.download or not download):
                    variable.fix(value)
                    decided.add(variable)
        if all(one.fixed or one.is_continuous() for one in variables(self.trial)):
            self.attempt(start=False)
        for variable in decided:
            variable.unfix()

    def attempt(self, *, start: bool) -> bool:
        """Solve the trial by Ipopt and keep its point; return whether it gave a feasible one."""
        if self.clock.left_s <= 0.0:
            return False
        try:
            answer = self.ipopt.solve(
                self.trial, time_limit=self.clock.left_s, gap=self.gap, start=start
            )
        except (InfeasibleConstraintException, InputError):  # a row forbids what is fixed
            return False
        if answer.point is None:
            return False
        put(answer.point)
        try:
            allocation = models.allocation(self.trial)
        except InputError:  # not even a decision
            return False
        return self.keep_allocation(allocation)

    def keep_mixed(self, allocation: Allocation) -> None:
        """Keep the best mix of an allocation's shares with equal ones, if it is the best so far."""
        if not allocation.uplink_share.sum() > 0.0:
            return
        mixed = [at_once(self.problem, one) for one in mixes(self.problem, allocation)]
        costs = [evaluate(self.lifted, one).value for one in mixed]
        if not all(map(math.isnan, costs)):
            self.keep_allocation(mixed[int(np.nanargmin(costs))])

    def keep_allocation(self, allocation: Allocation) -> bool:
        """Keep an allocation if it is the best so far; return whether the model allows it.

        It is judged as :func:`eipyomo.evaluate` does, and by the model's rows with the times that
        its shares and frequencies give, or longer ones where the trial holds such and a row wants
        them; shorter ones, which a solver's tolerance allows, are not believed.
        """
        allocation = repair(self.problem, allocation)
        if not evaluate(self.lifted, allocation).feasible:
            return False
        before = values_of(self.trial)
        try:
            models.load(self.trial, allocation)
            allowed = is_allowed(self.trial) or self.allows_waiting(before)
        except InputError:  # a decision is fixed otherwise
            allowed = False
        if not allowed:
            put(before)
            return False
        now = [value for _, value in values_of(self.trial)]
        self.keep(list(zip(self.own, now, strict=True)))
        return True

    def allows_waiting(self, held: Point) -> bool:
        """Lengthen the trial's times to those that it held; tell whether its rows hold then."""
        for variable, value in held:
            is_time = variable.parent_component().local_name in (*TIMES, *LEAST, "sync_s")
            if is_time and not variable.fixed and value is not None and value > variable.value:
                variable.set_value(value, skip_validation=True)
        return is_allowed(self.trial)

    def keep(self, point: Point) -> None:
        """Keep a point of the model if it is the best so far."""
        before = values_of(self.model)
        put(point)
        cost = float(pyo.value(models.objective(self.model)))
        put(before)
        if cost < self.cost:
            self.cost, self.point = cost, point


def mixes(problem: Problem, allocation: Allocation) -> list[Allocation]:
    """Return an allocation with the whole band in use, ever more of it shared out alike.

    Where the band is what is minimised, none is to be used up.
    """
    if problem.objective.name == "band":
        return [allocation]
    alike = {
        "uplink_share": np.ones(len(problem.data)),
        "downlink_share": 1.0 * allocation.download,
    }
    band = [one for one in problem.budgets if one.quantities and set(one.quantities) <= set(alike)]
    band = [budget for budget in band if budget.used(allocation) > 0.0]
    found = []
    for part in MIXES:
        shares = {}
        for budget in band:
            total = budget.used(allocation)
            equal = sum(alike[key].sum() for key in budget.quantities)
            for key in budget.quantities:
                own = getattr(allocation, key)
                mixed = (1.0 - part) * own / total + part * alike[key] / equal
                shares[key] = budget.capacity * mixed
        found.append(replace(allocation, **shares))
    return found


def at_once(problem: Problem, allocation: Allocation) -> Allocation:
    """Return an allocation that synchronises as soon as the last upload has ended."""
    with np.errstate(all="ignore"):
        need = timing.needs(problem.data, allocation.plan(problem.data))
        last_s = np.max(timing.uploaded_s(problem.data, allocation.uplink_share, need))
    return replace(allocation, sync_s=max(float(last_s), 0.0))
