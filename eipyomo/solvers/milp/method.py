"""The method: the loop on the spectral model of a problem."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from eipyomo import models
from eipyomo.allocation import Allocation
from eipyomo.models.formulation_options import FIRST_TANGENTS, Tangents
from eipyomo.problem import LEAST_FEATURES, LETTER_FEATURES, USER_LIMIT_FEATURES, Feature, Problem
from eipyomo.solvers import milp
from eipyomo.solvers import model as modelled
from eipyomo.solvers.backends.watch import watched
from eipyomo.solvers.contract import Claim, Clock, LoggedOptions, Method


class MilpOptions(LoggedOptions):
    """Options of :class:`Milp`."""

    tangents: Tangents = FIRST_TANGENTS
    start: Annotated[
        Allocation | None,
        Field(description="where to begin"),
    ] = None


class Milp(Method[MilpOptions]):
    """A piecewise linear relaxation; see :mod:`eipyomo.solvers.milp`.

    The claim's `trace` has a row per round: ``bound``, ``incumbent``, ``cells``, and ``seconds``.
    """

    name = "milp"
    description = "(10) by a piecewise linear relaxation, with HiGHS and Ipopt"
    Options = MilpOptions
    handles = (
        LETTER_FEATURES
        | USER_LIMIT_FEATURES
        | LEAST_FEATURES
        | {Feature.FLEET_BUDGETS, Feature.MODES, Feature.PARTICIPATION}
    )

    def backends(self, options: MilpOptions) -> tuple[str, ...]:
        """Return both solvers."""
        del options
        return ("highs", "ipopt")

    def run(self, problem: Problem, options: MilpOptions, clock: Clock) -> Claim:
        """Relax the spectral model, and refine it where it matters."""
        native = milp.MilpBackend()
        native.require()
        model = models.minlp(problem, "spectral", tangents=options.tangents)
        with watched(tee=options.tee, log=options.log):
            return modelled.claim_of(
                model,
                native,
                gap=options.gap,
                clock=clock,
                start=options.start,
                is_original=True,
            )
