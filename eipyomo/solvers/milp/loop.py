"""Round by round: inspect, narrow, search by branch and bound, and refine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyomo.common.collections import ComponentMap

from eipyomo import models
from eipyomo.errors import InputError, SolverError
from eipyomo.models.relaxation import VIOLATED, Cell, Placed, Relaxation, decisions
from eipyomo.models.types import Model
from eipyomo.report import Status
from eipyomo.solvers import backends
from eipyomo.solvers.backends.process import GRACE_S
from eipyomo.solvers.backends.sessions import session
from eipyomo.solvers.backends.watch import watch, watched
from eipyomo.solvers.backends.worker import Worker
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.milp.incumbents import Incumbents
from eipyomo.solvers.model.points import variables

WORKER = Path(backends.__file__).with_name("highs_worker.py")

ROUNDING = 1e-9
"""Relative; what rounding in the data of the model itself may have done to a bound."""

NARROW_ENOUGH = 0.02
"""A factor of a product whose range is so small, relative to its end, is not narrowed further."""

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

ROW = (
    "round {round:3d}   bound {least:14.9g}   incumbent {cost:14.9g}   cells {cells:6d}   "
    "{seconds:7.1f} s\n"
)
"""What is shown of a round."""

SOLVE_PART = 0.5
"""Part of the time left that the branch and bound may take in a round."""


class MilpLoop:
    """One run on one model.

    Parameters
    ----------
    model
        The model; only values of its variables change.
    clock
        The time that there is.
    gap
        Relative gap to stop at.

    Attributes
    ----------
    best
        The best point and its cost by the model's objective.
    bound
        A lower bound on that.
    impossible
        Whether the relaxation has no point although no incumbent had narrowed it.
    trace
        One row per round.
    """

    def __init__(self, model: Model, clock: Clock, gap: float) -> None:
        self.model = model
        self.clock, self.gap = clock, gap
        self.began = time.monotonic()
        self.best = Incumbents(model, clock, gap)
        self.bound = -math.inf
        self.trace: list[dict[str, Any]] = []
        self.impossible = False
        self.watch = watch()
        self.tightened, self.coarse = math.inf, COARSE
        clone = model.clone()
        self.variables = variables(clone)
        self.relaxation = Relaxation(clone)
        self.worker = Worker(WORKER)

    @property
    def proven(self) -> float | None:
        """The bound, None while there is none."""
        return None if math.isinf(self.bound) else self.bound

    def run(self) -> tuple[Status, str]:
        """Search until the gap is closed or time is up; return a status and words on it."""
        # Points are polished by many small solves, of which each would print a page.
        with session(), watched():
            status, words = self._run()
        words = f"{words}; {len(self.trace)} rounds"
        self.watch.say(f"milp: {words}\n")
        return status, words

    def _run(self) -> tuple[Status, str]:
        try:
            self.begin()
            refined = True
            while not (self.impossible or self.is_closed()) and self.clock.left_s > LEAST_S:
                if not refined:
                    return "limit", "nothing is left to refine"
                refined = self.round()
        except SolverError as error:
            return ("limit" if self.best.point else "error"), str(error)
        finally:
            self.worker.close()
        if self.impossible:
            return "infeasible", "the relaxation has no point"
        return ("optimal", "bound and point meet") if self.is_closed() else ("limit", "time is up")

    def is_closed(self) -> bool:
        """Tell whether the gap is reached."""
        cost = self.best.cost
        return cost < math.inf and cost - self.bound <= self.gap * abs(cost)

    def raise_bound(self, bound: float) -> None:
        """Take a bound that holds for all points that cost no more than the incumbent."""
        held = min(self.best.cost, bound)
        if held == math.inf:
            self.impossible = True
        elif math.isfinite(held):
            self.bound = max(self.bound, held - ROUNDING * abs(held))

    def begin(self) -> None:
        """Look for a first incumbent, and tighten the relaxation by it."""
        self.tighten()
        for allocation in models.plain_allocations(self.model):
            self.best.keep_allocation(allocation)
        if self.best.cost < math.inf:
            self.tighten()
        self.bound_by_cells()
        if not (self.impossible or self.is_closed()):
            self.write()
            answer = self.solve_relaxation(FIRST_PART * self.clock.left_s, FIRST_GAP)
            if answer["point"] is not None:
                self.best.polish(self.relaxed(), len(self.trace))
        for download in (0, 1):
            if self.best.cost == math.inf and not self.impossible:
                self.best.polish_uniform(download)

    def tighten(self) -> None:
        """Draw bounds of all variables from the incumbent, or from the rows alone without one."""
        self.tightened = self.best.cost
        if not self.relaxation.tighten(self.best.cost):
            self.raise_bound(math.inf)

    def round(self) -> bool:
        """Inspect, narrow, solve and refine; return whether anything was refined."""
        if self.best.cost < self.tightened and self.best.cost <= TIGHTER * self.tightened:
            self.tighten()
        if not all(user.cells for user in self.relaxation.users):
            return False  # nothing is below the incumbent, but for rounding
        self.write()
        new = self.inspect()
        if self.trace and not self.is_closed():
            self.swap()
        if not (self.is_closed() or self.impossible):
            self.narrow()
            answer = self.solve_relaxation(SOLVE_PART * self.clock.left_s, self.accuracy())
            if answer["point"] is not None:
                new += self.relaxation.learn(self.fineness())
                if not self.is_closed():
                    self.best.polish(self.relaxed(), len(self.trace))
        cells = sum(len(user.cells) for user in self.relaxation.users)
        self.bound_by_cells()  # narrowing may have emptied some
        for user in self.relaxation.users:
            user.cells = [cell for cell in user.cells if self.is_left(cell)]
        self.trace.append(
            {
                "round": len(self.trace) + 1,
                "bound": self.bound if math.isfinite(self.bound) else None,
                "incumbent": self.best.cost if self.best.point else None,
                "cells": cells,
                "seconds": time.monotonic() - self.began,
            }
        )
        self.watch.say(ROW.format(**self.trace[-1], cost=self.best.cost, least=self.bound))
        if self.relaxation.split() + new > 0:
            return True
        coarse, self.coarse = self.coarse, VIOLATED
        return coarse > VIOLATED

    def gap_now(self) -> float:
        """Return the relative gap that is left."""
        cost = self.best.cost
        return (cost - self.bound) / abs(cost) if cost else math.inf

    def fineness(self) -> float:
        """Return how far a tangent may be violated: the wider the gap, the farther."""
        now = self.gap_now()
        fine = FINENESS * now if math.isfinite(now) else math.inf
        return max(VIOLATED, min(self.coarse, fine))

    def accuracy(self) -> float:
        """Return the gap to which the relaxation is worth solving now."""
        return max(0.1 * self.gap, min(0.05 * self.gap_now(), 1e-2))

    def write(self) -> None:
        """Hand the relaxation to the worker."""
        self.relaxation.build()
        program, self.columns = self.relaxation.program()
        self.places = ComponentMap((one, place) for place, one in enumerate(self.columns))
        self.worker.ask({"load": program}, max(self.clock.left_s, 0.0) + GRACE_S)

    def ask(self, jobs: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """Have costs bounded over the linear relaxation."""
        seconds = max(seconds, 0.0)
        question = {"bound": jobs, "cutoff": self.cutoff(), "until": time.monotonic() + seconds}
        answers: list[dict[str, Any]] = self.worker.ask(question, seconds + GRACE_S)["answers"]
        return answers

    def cutoff(self) -> float | None:
        """Return the incumbent's cost, None without one."""
        return None if self.best.cost == math.inf else self.best.cost

    def inspect(self) -> int:
        """Bound what each cell costs, and what all do; return the number of new tangents."""
        jobs = [
            {"fix": [(self.places[placed.chosen], 1.0)], "cost": None, "within": False}
            for placed in self.relaxation.placed
        ]
        answers = self.ask([{**job, "point": True} for job in jobs], self.clock.left_s)
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
        return cell.bound < math.inf and cell.bound <= self.best.cost

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
        answers = iter(self.ask(jobs, NARROW_PART * self.clock.left_s))
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

    def keep_relaxed(self) -> None:
        """Make an allocation of the relaxation's point, and keep it if it is the best so far."""
        try:
            found = models.allocation(self.relaxation.model)
        except InputError:  # decisions that are not integral
            return
        self.best.keep_mixed(found)

    def set_values(self, values: Sequence[float]) -> None:
        """Put a point of the relaxation into its variables."""
        for variable, value in zip(self.columns, values, strict=True):
            variable.set_value(value, skip_validation=True)

    def relaxed(self) -> list[float | None]:
        """Return the relaxation's point, in the order of the model's variables."""
        return [variable.value for variable in self.variables]

    def swap(self) -> None:
        """Polish the incumbent with another a for one user, as long as that makes it better."""
        now = time.monotonic()
        until = now + SWAP_PART * (now - self.began)
        better = self.best.point is not None
        while better:
            before, better = self.best.cost, False
            for values in self.swaps():
                if time.monotonic() >= until or self.is_closed():
                    return
                self.best.polish(values, len(self.trace))
                better = self.best.cost < before
                if better:
                    break

    def swaps(self) -> list[list[float]]:
        """Return the incumbent with another a for one user, those first whose cells cost least."""
        assert self.best.point is not None
        values = [value for _, value in self.best.point]
        positions = {id(variable): place for place, variable in enumerate(self.variables)}
        found = []
        for user in self.relaxation.users:
            decided = decisions(user.block)
            now = [round(values[positions[id(one)]]) for one in decided if not one.is_continuous()]
            others = [
                cell for cell in user.cells if self.is_left(cell) and user.choice(cell) != now
            ]
            if others:
                cell = min(others, key=lambda one: one.bound)
                swapped = list(values)
                for one in decided:
                    swapped[positions[id(one)]] = user.middle(cell, one)
                found.append((cell.bound, swapped))
        found.sort(key=lambda one: one[0])
        return [swapped for _, swapped in found]


def factors(placed: Placed) -> list[int]:
    """Return the factors of a cell's products that vary in it and are worth narrowing, not ι."""
    user = placed.user
    products = [row.product[:2] for row in user.rows if row.product is not None]
    found = {place for pair in products for place in pair if place in placed.copies}
    found.discard(user.places.get(user.block.component("offload_fraction"), -1))
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
