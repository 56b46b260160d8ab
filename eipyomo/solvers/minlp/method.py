"""The method ``minlp``: a problem as a Pyomo model, solved by whatever solver is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictStr, create_model
from pydantic.fields import FieldInfo

from eipyomo import models
from eipyomo.allocation import Allocation
from eipyomo.models.formulation_options import HANDLED, OPTIONS
from eipyomo.problem import Problem
from eipyomo.solvers import model as modelled
from eipyomo.solvers.backends.watch import watched
from eipyomo.solvers.contract import Claim, Clock, LoggedOptions, Method
from eipyomo.solvers.minlp.users_model import native_solver

FORMULATION = dict.fromkeys(("scip", "couenne", "maingo"), "spectral")
"""Where another formulation than ``letter`` is the better default, by what was measured: with it
the solvers that prove bounds get further, local ones get there later; see docs/formulations.md.
Where everybody has modes all is convex, and with ``letter`` SCIP is done in a third of the time.
Couenne was measured elsewhere (0.5.8, ``letter-m2``): 0.97037 proven, bound 0.97031, in 32 s."""


class ModelOptions(LoggedOptions):
    """Options of :class:`Minlp`, whatever the formulation."""

    solver: Annotated[
        StrictStr,
        Field(description="name of the solver: scip proves bounds, bonmin is local"),
    ] = "scip"
    executable: Annotated[
        StrictStr | None,
        Field(description="file that is the solver; it speaks the AMPL protocol"),
    ] = None
    formulation: Annotated[
        StrictStr | None,
        Field(
            description=f"how the model is written: {', '.join(OPTIONS)}; left out, "
            "what suits the solver"
        ),
    ] = None
    start: Annotated[
        Allocation | None,
        Field(description="where to begin"),
    ] = None
    options: Annotated[
        Mapping[str, Any] | None,
        Field(description="the solver's own options, by its own names; threads is translated"),
    ] = None


def _optional(field: FieldInfo) -> Any:
    """Return an option of a formulation as one of the method, which nobody has to give."""
    kind: Any = field.annotation
    if field.metadata:
        kind = Annotated[kind, *field.metadata]
    return kind | None, Field(default=None, description=field.description)


FORMULATIONS_OWN = {
    name: _optional(field)
    for options in OPTIONS.values()
    for name, field in options.model_fields.items()
}
"""All options that formulations have, by name."""

MinlpOptions = create_model("MinlpOptions", __base__=ModelOptions, **FORMULATIONS_OWN)


class Minlp(Method[ModelOptions]):
    """A problem as a Pyomo model, solved directly."""

    name = "minlp"
    description = "(10) as a Pyomo model, solved by scip, bonmin, ..."
    Options = MinlpOptions
    handles = HANDLED

    def backends(self, options: ModelOptions) -> tuple[str, ...]:
        """Return the solver's name."""
        return (options.solver,)

    def run(self, problem: Problem, options: ModelOptions, clock: Clock) -> Claim:
        """Build the model and solve it."""
        native = native_solver(options.solver, options.executable)
        native.require()
        suits = "letter" if problem.data.has_modes.all() else FORMULATION.get(options.solver)
        formulation = options.formulation or suits or "letter"
        choices = {key: getattr(options, key) for key in FORMULATIONS_OWN}
        given = {key: choice for key, choice in choices.items() if choice is not None}
        model = models.minlp(problem, formulation, **given)
        with watched(tee=options.tee, log=options.log):
            return modelled.claim_of(
                model,
                native,
                gap=options.gap,
                clock=clock,
                start=options.start,
                options=options.options,
                is_original=True,
            )
