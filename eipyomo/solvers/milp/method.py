"""The method: the loop on the spectral model of a problem."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from eipyomo import models
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.models.formulations.spectral import Tangents
from eipyomo.models.relaxation import TANGENTS
from eipyomo.problem import Feature, Problem
from eipyomo.solvers.contract import Claim, Clock, Method, Options
from eipyomo.solvers.milp.backend import NAME, MilpBackend
from eipyomo.solvers.milp.loop import MilpLoop
from eipyomo.solvers.milp.values import put, values_of

CLOSER = 0.95
"""Part of the gap that is looked for, so that it is kept when the point has been judged."""

START_VIOLATION = 1e-5
"""Largest violation of the model by a start."""


class MilpOptions(Options):
    """What is asked for.

    Attributes
    ----------
    tangents
        Number of tangents of each convex function to begin with.
    start
        A feasible allocation to begin with; the answer is never worse.
    """

    tangents: Tangents = TANGENTS
    start: Annotated[Allocation | None, Field(description="an Allocation")] = None


class Milp(Method[MilpOptions]):
    """A piecewise linear relaxation; see :mod:`eipyomo.solvers.milp`."""

    name = NAME
    description = "(10) by a piecewise linear relaxation, with HiGHS and Ipopt"
    Options = MilpOptions
    handles = frozenset(
        {
            Feature.TRAINING,
            Feature.GRID,
            Feature.SPLIT_BAND,
            Feature.DECISION_BOUNDS,
            Feature.EDGE_BUDGET,
        }
    )

    def run(self, problem: Problem, options: MilpOptions, clock: Clock) -> Claim:
        """Bound and solve a problem.

        Returns
        -------
        Claim
            `trace` has a row per round: ``bound``, ``incumbent``, ``cells``, and ``seconds``.
        """
        solvers = MilpBackend()
        solvers.require()
        model = models.minlp(problem, "spectral", tangents=options.tangents)
        loop = MilpLoop(model, clock, CLOSER * options.gap)
        begun = None if options.start is None else begin_at(loop, options.start)
        status, message = loop.run()
        if loop.best.point is not None:
            put(loop.best.point)
        return Claim(
            status=status,
            allocation=None if loop.best.point is None else models.allocation(model),
            bound=loop.proven,
            message=message,
            solver=NAME,
            solver_version=solvers.version(),
            start_objective=begun,
            iterations=len(loop.trace),
            trace=loop.trace,
        )


def begin_at(loop: MilpLoop, start: Allocation) -> float:
    """Make a start the first incumbent, and return its cost.

    Raises
    ------
    InputError
        If the model does not allow it.
    """
    models.load(loop.model, start)
    row, amount = models.largest_violation(loop.model)
    if not amount <= START_VIOLATION:
        raise InputError(f"the start violates the model's constraint {row!r} by {amount:.2g}")
    loop.best.keep(values_of(loop.model))
    return loop.best.cost
