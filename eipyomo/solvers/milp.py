"""A bound from a piecewise linear relaxation, solved by HiGHS, and a point polished by Ipopt.

It proves optima of the spectral model with nothing of the exact method, and of whatever a user has
made of the model by rows and an objective that are linear. Round by round the relaxation
(:mod:`eipyomo.models.relaxation`) is

1. inspected: a linear model per cell bounds what this cell costs, and drops it above the incumbent;
2. narrowed: linear models bound the factors of products over what costs no more than the incumbent;
3. searched by branch and bound, whose point tells a and ι, and where the relaxation is loose;
4. refined there, by new tangents and by halving cells.

Each bound is one of a linear model by multipliers, computed with the model's own numbers; see
docs/formulations.md. Bounds drawn from an incumbent of cost U hold for points that cost no more,
so min(U, bound) is what a round proves, whether U is attained or not.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap, ComponentSet
from pyomo.common.errors import InfeasibleConstraintException

from eipyomo import models, timing
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError, SolverError
from eipyomo.evaluation import evaluate
from eipyomo.models.relaxation import (
    VIOLATED,
    Cell,
    Placed,
    Relaxation,
    ends,
    refuse,
    without_tangents,
)
from eipyomo.models.symbols import TIMES
from eipyomo.report import Status
from eipyomo.solvers import backends
from eipyomo.solvers.backends.base import Answer, Backend, Capabilities
from eipyomo.solvers.backends.process import GRACE_S
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.backends.worker import Worker
from eipyomo.solvers.judge import repair

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eipyomo.models.types import Model
    from eipyomo.problem import Problem
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.backends.base import Point

NAME = "milp"
WORKER = Path(backends.__file__).with_name("highs_worker.py")

ROUNDING = 1e-9
"""Relative; what rounding in the data of the model itself may have done to a bound."""

MIXES = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)
"""Parts of the band that are shared alike where a relaxed point becomes an allocation."""

NARROW_ENOUGH = 0.02
"""A factor of a product whose range is so small, relative to its end, is not narrowed further."""

FEASIBLE = 1e-6
"""Largest violation of the model by a polished point, relative where a side is larger than 1."""

TRIED_STEP, TRIED_SHRINKS = 0.1, 0.7
"""Decisions so close to earlier ones are not polished again, and by what this shrinks a round."""

LEAST_S = 0.1
"""Time that a round needs at least."""

FIRST_PART, FIRST_GAP = 0.25, 1e-2
"""Part of the time, and relative gap, for the relaxation's first point."""

COARSE, FINENESS = 1e-4, 1e-3
"""What tangents may be violated by at most, relative to their terms, and relative to the gap."""

TIGHTER = 0.99
"""Bounds are drawn anew from an incumbent that costs less than this part of the last one."""

SWAP_PART = 0.3
"""Part of the time so far that looking for a better incumbent may take in a round."""

NARROW_PART = 0.4
"""Part of the time left that narrowing may take in a round."""

SOLVE_PART = 0.5
"""Part of the time left that the branch and bound may take in a round."""


class MilpBackend(Backend):
    """The loop, in the place of a solver: see :func:`eipyomo.solvers.model.solve_model`."""

    def __init__(self) -> None:
        super().__init__(
            name=NAME,
            description="piecewise linear relaxation by HiGHS, points by Ipopt",
            capabilities=Capabilities(
                integers=True,
                nonlinear=True,
                proves=True,
                starts=True,
                time_limit="time_limit",
                gap="gap",
            ),
            install="python -m pip install highspy casadi",
        )

    def where(self) -> str | None:
        """Return where HiGHS and Ipopt are, or None if one of them is missing."""
        found = [backend(name).where() for name in ("highs", "ipopt")]
        return None if None in found else " and ".join(map(str, found))

    def version(self) -> str | None:
        """Return their versions."""
        return " and ".join(str(backend(name).version()) for name in ("highs", "ipopt"))

    def refuse(self, model: Any) -> None:
        """Raise an :class:`InputError` if the model has no relaxation."""
        refuse(model)

    def solve(
        self,
        model: Any,
        *,
        time_limit: float,
        gap: float,
        start: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Bound and solve a spectral model; see :meth:`Backend.solve`."""
        for key, value in self.own_names(options).items():
            raise InputError(
                f"the solver {NAME!r} has no option {key!r}, but it is set to {value!r}"
            )
        search = Search(model, time.monotonic() + time_limit, gap)
        if start and is_allowed(model):
            search.keep([(variable, variable.value) for variable in search.own])
        begun = search.cost if search.incumbent else None
        status, message = search.run()
        return Answer(
            status,
            message=f"{message}; {len(search.trace)} rounds",
            point=search.incumbent,
            bound=None if math.isinf(search.bound) else search.bound,
            proven=status == "infeasible",
            start_objective=begun,
            solver_version=self.version(),
            iterations=len(search.trace),
            trace=search.trace,
        )


class Search:
    """One run on one model.

    Parameters
    ----------
    model
        The model; only values of its variables change.
    deadline
        On the monotonic clock.
    gap
        Relative gap to stop at.

    Attributes
    ----------
    own
        The model's variables.
    cost, incumbent
        The best point and its cost by the model's objective.
    bound
        A lower bound on that.
    impossible
        Whether the relaxation has no point although no incumbent had narrowed it.
    trace
        One row per round.
    """

    def __init__(self, model: Model, deadline: float, gap: float) -> None:
        self.model = model
        self.deadline, self.gap = deadline, gap
        self.began = time.monotonic()
        self.own = all_variables(model)
        self.trial = with_values(without_tangents(model.clone()))
        self.cost, self.bound = math.inf, -math.inf
        self.incumbent: Point | None = None
        self.trace: list[dict[str, Any]] = []
        self.impossible = False
        self.tried: list[FloatColumn] = []
        self.tightened, self.coarse = math.inf, COARSE
        clone = model.clone()
        self.variables = all_variables(clone)
        self.relaxation = Relaxation(clone)
        self.worker = Worker(WORKER)
        self.ipopt = backend("ipopt")

    def run(self) -> tuple[Status, str]:
        """Search until the gap is closed or time is up; return a status and words on it."""
        try:
            self.begin()
            refined = True
            while not (self.impossible or self.is_closed()) and self.left_s() > LEAST_S:
                if not refined:
                    return "limit", "nothing is left to refine"
                refined = self.round()
        except SolverError as error:
            return ("limit" if self.incumbent else "error"), str(error)
        finally:
            self.worker.close()
        if self.impossible:
            return "infeasible", "the relaxation has no point"
        return ("optimal", "bound and point meet") if self.is_closed() else ("limit", "time is up")

    def left_s(self) -> float:
        """Return the seconds that are left."""
        return self.deadline - time.monotonic()

    def is_closed(self) -> bool:
        """Tell whether the gap is reached."""
        return self.cost < math.inf and self.cost - self.bound <= self.gap * abs(self.cost)

    def raise_bound(self, bound: float) -> None:
        """Take a bound that holds for all points that cost no more than the incumbent."""
        held = min(self.cost, bound)
        if held == math.inf:
            self.impossible = True
        elif math.isfinite(held):
            self.bound = max(self.bound, held - ROUNDING * abs(held))

    def begin(self) -> None:
        """Look for a first incumbent, and tighten the relaxation by it."""
        self.tighten()
        for allocation in models.plain_allocations(self.model):
            self.keep_allocation(allocation)
        if self.cost < math.inf:
            self.tighten()
        self.bound_by_cells()
        if not (self.impossible or self.is_closed()):
            self.write()
            answer = self.solve_relaxation(FIRST_PART * self.left_s(), FIRST_GAP)
            if answer["point"] is not None:
                self.polish(self.relaxed())
        for download in (0, 1):
            if self.cost == math.inf and not self.impossible:
                self.polish_uniform(download)

    def tighten(self) -> None:
        """Draw bounds of all variables from the incumbent, or from the rows alone without one."""
        self.tightened = self.cost
        if not self.relaxation.tighten(self.cost):
            self.raise_bound(math.inf)

    def round(self) -> bool:
        """Inspect, narrow, solve and refine; return whether anything was refined."""
        if self.cost < self.tightened and self.cost <= TIGHTER * self.tightened:
            self.tighten()
        if not all(user.cells for user in self.relaxation.users):
            return False  # nothing is below the incumbent, but for rounding
        self.write()
        new = self.inspect()
        if self.trace and not self.is_closed():
            self.swap()
        if not (self.is_closed() or self.impossible):
            self.narrow()
            answer = self.solve_relaxation(SOLVE_PART * self.left_s(), self.accuracy())
            if answer["point"] is not None:
                new += self.relaxation.learn(self.fineness())
                if not self.is_closed():
                    self.polish(self.relaxed())
        cells = sum(len(user.cells) for user in self.relaxation.users)
        self.bound_by_cells()  # narrowing may have emptied some
        for user in self.relaxation.users:
            user.cells = [cell for cell in user.cells if self.is_left(cell)]
        self.trace.append(
            {
                "round": len(self.trace) + 1,
                "bound": self.bound if math.isfinite(self.bound) else None,
                "incumbent": self.cost if self.incumbent else None,
                "cells": cells,
                "seconds": time.monotonic() - self.began,
            }
        )
        if self.relaxation.split() + new > 0:
            return True
        coarse, self.coarse = self.coarse, VIOLATED
        return coarse > VIOLATED

    def fineness(self) -> float:
        """Return how far a tangent may be violated: the wider the gap, the farther."""
        now = (self.cost - self.bound) / abs(self.cost) if self.cost else math.inf
        fine = FINENESS * now if math.isfinite(now) else math.inf
        return max(VIOLATED, min(self.coarse, fine))

    def accuracy(self) -> float:
        """Return the gap to which the relaxation is worth solving now."""
        now = (self.cost - self.bound) / abs(self.cost) if self.cost else math.inf
        return max(0.1 * self.gap, min(0.05 * now, 1e-2))

    def write(self) -> None:
        """Hand the relaxation to the worker."""
        self.relaxation.build()
        program, self.columns = self.relaxation.program()
        self.places = ComponentMap((one, place) for place, one in enumerate(self.columns))
        self.worker.ask({"load": program}, max(self.left_s(), 0.0) + GRACE_S)

    def ask(self, jobs: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """Have costs bounded over the linear relaxation."""
        seconds = max(seconds, 0.0)
        question = {"bound": jobs, "cutoff": self.cutoff(), "until": time.monotonic() + seconds}
        answers: list[dict[str, Any]] = self.worker.ask(question, seconds + GRACE_S)["answers"]
        return answers

    def cutoff(self) -> float | None:
        """Return the incumbent's cost, None without one."""
        return None if self.cost == math.inf else self.cost

    def inspect(self) -> int:
        """Bound what each cell costs, and what all do; return the number of new tangents."""
        jobs = [
            {"fix": [(self.places[placed.chosen], 1.0)], "cost": None, "within": False}
            for placed in self.relaxation.placed
        ]
        answers = self.ask([{**job, "point": True} for job in jobs], self.left_s())
        new = 0
        for placed, answer in zip(self.relaxation.placed, answers, strict=True):
            if answer["bound"] is not None:
                placed.cell.bound = max(placed.cell.bound, answer["bound"])
            if answer["point"] is not None and self.is_left(placed.cell):
                self.set_values(answer["point"])
                new += self.relaxation.learn(self.fineness())
        self.bound_by_cells()
        return new

    def bound_by_cells(self) -> None:
        """Take the least of a user's cells as a bound, for each user."""
        for user in self.relaxation.users:
            self.raise_bound(min((cell.bound for cell in user.cells), default=math.inf))

    def is_left(self, cell: Cell) -> bool:
        """Tell whether a cell may hold a point that is no worse than the incumbent."""
        return cell.bound < math.inf and cell.bound <= self.cost

    def narrow(self) -> None:
        """Bound the factors of products, other than ι, in every cell that is left."""
        wanted = [
            (placed, place)
            for placed in self.relaxation.placed
            if self.is_left(placed.cell)
            for place in factors(placed)
        ]
        wanted.sort(key=lambda one: -relative_width(*one))
        jobs = [
            {
                "fix": [(self.places[placed.chosen], 1.0)],
                "cost": [(self.places[placed.copies[place]], sign)],
                "within": True,
                "point": False,
            }
            for placed, place in wanted
            for sign in (1.0, -1.0)
        ]
        answers = iter(self.ask(jobs, NARROW_PART * self.left_s()))
        for placed, place in wanted:
            shrink(placed, place, next(answers)["bound"], next(answers)["bound"])

    def solve_relaxation(self, seconds: float, gap: float) -> dict[str, Any]:
        """Bound the relaxation by branching, and put its point into its variables."""
        seconds = max(seconds, LEAST_S)
        question = {"tree": gap, "cutoff": self.cutoff(), "until": time.monotonic() + seconds}
        answer = self.worker.ask(question, seconds + GRACE_S)
        if answer["bound"] is not None:
            self.raise_bound(answer["bound"])
        if answer["point"] is not None:
            self.set_values(answer["point"])
            self.keep_relaxed()
        return answer

    def set_values(self, values: Sequence[float]) -> None:
        """Put a point of the relaxation into its variables."""
        for variable, value in zip(self.columns, values, strict=True):
            variable.set_value(value, skip_validation=True)

    def polish(self, values: Sequence[float | None]) -> None:
        """Solve the model for a and ι of a point, and then for its a alone."""
        decided = self.decide(values)
        choice = np.array([variable.value for variable in decided])
        step = TRIED_STEP * TRIED_SHRINKS ** len(self.trace)
        if all(np.abs(choice - tried).max(initial=0.0) > step for tried in self.tried):
            self.tried.append(choice)
            found = self.attempt(start=False)
            for name in self.trial.users:
                user = self.trial.user[name]
                if user.download.value == 1 and user.offload_fraction in decided:
                    user.offload_fraction.unfix()
            if self.attempt(start=found):
                self.tried.append(np.array([variable.value for variable in decided]))
        for variable in decided:
            variable.unfix()

    def decide(self, values: Sequence[float | None]) -> Any:
        """Fix all that is integral, and ι, at a point; return what was free."""
        decided = ComponentSet()
        offloads = ComponentSet(self.trial.user[name].offload_fraction for name in self.model.users)
        for variable, value in zip(all_variables(self.trial), values, strict=True):
            if not variable.fixed and (variable in offloads or not variable.is_continuous()):
                low, high = ends(variable)
                inside = min(max(value or 0.0, low), high)
                variable.fix(inside if variable.is_continuous() else round(inside))
                decided.add(variable)
        return decided

    def relaxed(self) -> list[float | None]:
        """Return the relaxation's point, in the order of the model's variables."""
        return [variable.value for variable in self.variables]

    def swap(self) -> None:
        """Polish the incumbent with another a for one user, as long as that makes it better."""
        now = time.monotonic()
        until = now + SWAP_PART * (now - self.began)
        better = self.incumbent is not None
        while better:
            before, better = self.cost, False
            for values in self.swaps():
                if time.monotonic() >= until or self.is_closed():
                    return
                self.polish(values)
                better = self.cost < before
                if better:
                    break

    def swaps(self) -> list[list[float]]:
        """Return the incumbent with another a for one user, those first whose cells cost least."""
        assert self.incumbent is not None
        values = [value for _, value in self.incumbent]
        positions = {id(variable): place for place, variable in enumerate(self.variables)}
        found = []
        for user in self.relaxation.users:
            block = user.block
            decision, offload = (positions[id(v)] for v in (block.download, block.offload_fraction))
            others = [
                cell
                for cell in user.cells
                if self.is_left(cell)
                and round(user.middle(cell, block.download)) != round(values[decision])
            ]
            if others:
                cell = min(others, key=lambda one: one.bound)
                swapped = list(values)
                swapped[decision] = user.middle(cell, block.download)
                swapped[offload] = user.middle(cell, block.offload_fraction)
                found.append((cell.bound, swapped))
        found.sort(key=lambda one: one[0])
        return [swapped for _, swapped in found]

    def polish_uniform(self, download: int) -> None:
        """Solve the model with one a for everybody, where it has no other integers."""
        decided = ComponentSet()
        for name in self.trial.users:
            user = self.trial.user[name]
            for variable, value in ((user.download, download), (user.offload_fraction, 1.0)):
                if not variable.fixed and (variable is user.download or not download):
                    variable.fix(value)
                    decided.add(variable)
        if all(one.fixed or one.is_continuous() for one in all_variables(self.trial)):
            self.attempt(start=False)
        for variable in decided:
            variable.unfix()

    def attempt(self, *, start: bool) -> bool:
        """Solve the trial by Ipopt and keep its point; return whether it gave a feasible one."""
        if self.left_s() <= 0.0:
            return False
        try:
            answer = self.ipopt.solve(
                self.trial, time_limit=self.left_s(), gap=self.gap, start=start
            )
        except (InfeasibleConstraintException, InputError):  # a row forbids what is fixed
            return False
        if answer.point is None:
            return False
        answer.load()
        try:
            allocation = models.allocation(self.trial)
        except InputError:  # not even a decision
            return False
        return self.keep_allocation(allocation)

    def keep_relaxed(self) -> None:
        """Make an allocation of the relaxation's point, and keep it if it is the best so far."""
        problem = models.source_of(self.model).problem
        try:
            found = models.allocation(self.relaxation.model)
        except InputError:  # decisions that are not integral
            return
        if not found.uplink_share.sum() > 0.0:
            return
        mixed = [at_once(problem, one) for one in mixes(problem, found)]
        costs = [evaluate(problem, one).objective for one in mixed]
        if not all(map(math.isnan, costs)):
            self.keep_allocation(mixed[int(np.nanargmin(costs))])

    def keep_allocation(self, allocation: Allocation) -> bool:
        """Keep an allocation if it is the best so far; return whether the model allows it.

        It is judged as :func:`eipyomo.evaluate` does, and by the model's rows with the times that
        its shares and frequencies give, or longer ones where the trial holds such and a row wants
        them; shorter ones, which a solver's tolerance allows, are not believed.
        """
        source = models.source_of(self.model)
        allocation = repair(source.problem, allocation)
        if not evaluate(source.problem, allocation).feasible:
            return False
        mine = all_variables(self.trial)
        before = [(variable, variable.value) for variable in mine]
        try:
            models.load(self.trial, allocation)
            allowed = is_allowed(self.trial) or self.allows_waiting(before)
        except InputError:  # a decision is fixed otherwise
            allowed = False
        if not allowed:
            Answer("limit", point=before).load()
            return False
        self.keep([(own, one.value) for own, one in zip(self.own, mine, strict=True)])
        return True

    def allows_waiting(self, held: Point) -> bool:
        """Lengthen the trial's times to those that it held; tell whether its rows hold then."""
        for variable, value in held:
            is_time = variable.parent_component().local_name in (*TIMES, "sync_s")
            if is_time and not variable.fixed and value is not None and value > variable.value:
                variable.set_value(value, skip_validation=True)
        return is_allowed(self.trial)

    def keep(self, point: Sequence[tuple[Any, float]]) -> None:
        """Keep a point of the model if it is the best so far."""
        before = [(variable, variable.value) for variable in self.own]
        Answer("optimal", point=point).load()
        cost = float(pyo.value(models.objective(self.model)))
        Answer("optimal", point=before).load()
        if cost < self.cost:
            self.cost, self.incumbent = cost, point


def mixes(problem: Problem, allocation: Allocation) -> list[Allocation]:
    """Return an allocation with the whole band in use, ever more of it shared out alike."""
    alike = {
        "uplink_share": np.ones(len(problem.data)),
        "downlink_share": 1.0 * allocation.download,
    }
    band = [budget for budget in problem.budgets if set(budget.quantities) <= set(alike)]
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
        last_s = np.max(timing.uploaded_s(problem.data, allocation.uplink_share))
    return replace(allocation, sync_s=float(last_s))


def is_allowed(model: Model) -> bool:
    """Tell whether a model's values satisfy its rows and are in its variables' ranges."""
    try:
        return models.largest_violation(model)[1] <= FEASIBLE and all(
            is_near(variable.value, min(max(variable.value, low), high))
            for variable in all_variables(model)
            if variable.value is not None and not variable.fixed
            for low, high in [ends(variable)]
        )
    except (ArithmeticError, TypeError, ValueError):  # an overflow, or no value
        return False


def is_near(value: float, other: float) -> bool:
    """Tell whether two values agree, relative to them where they are larger than 1."""
    return abs(value - other) <= FEASIBLE * max(1.0, abs(other))


def with_values(model: Model) -> Model:
    """Give the variables of a model that have no value one in their ranges; return the model."""
    for variable in all_variables(model):
        if variable.value is None:
            low, high = ends(variable)
            variable.set_value(min(max(0.0, low), high), skip_validation=True)
    return model


def all_variables(model: Model) -> list[Any]:
    """Return a model's variables, in the same order for a clone."""
    return list(model.component_data_objects(pyo.Var, descend_into=True))


def factors(placed: Placed) -> list[int]:
    """Return the factors of a cell's products that vary in it and are worth narrowing, not ι."""
    user = placed.user
    products = [row.product[:2] for row in user.rows if row.product is not None]
    found = {place for pair in products for place in pair if place in placed.copies}
    found.discard(user.places.get(user.block.offload_fraction, -1))
    return [place for place in sorted(found) if relative_width(placed, place) > NARROW_ENOUGH]


def relative_width(placed: Placed, place: int) -> float:
    """Return the width of a range relative to its larger end."""
    low, high = placed.cell.box[place]
    return (high - low) / max(abs(low), abs(high))


def shrink(placed: Placed, place: int, least: float | None, most: float | None) -> None:
    """Narrow a range to bounds on x and on -x; nothing is left of the cell where it is empty."""
    low, high = placed.cell.box[place]
    if least is not None:
        low = max(low, least)
    if most is not None:
        high = min(high, -most)
    if low > high:
        placed.cell.bound = math.inf
    else:
        placed.cell.box[place] = (low, high)
