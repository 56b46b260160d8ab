"""The loop as a backend, for spectral models with what a user has added to them."""

from __future__ import annotations

from typing import Any

from eipyomo.errors import InputError
from eipyomo.models.relaxation import refuse
from eipyomo.solvers.backends.base import Answer, Backend, Capabilities, Request
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.milp.loop import MilpLoop
from eipyomo.solvers.milp.values import is_allowed
from eipyomo.solvers.model.points import values_of

NAME = "milp"


class MilpBackend(Backend):
    """The loop, in the place of a solver: see :func:`eipyomo.solve_model`."""

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

    def answer(self, model: Any, request: Request) -> Answer:
        """Bound and solve a spectral model."""
        for key, value in request.own.items():
            raise InputError(
                f"the solver {NAME!r} has no option {key!r}, but it is set to {value!r}"
            )
        loop = MilpLoop(model, Clock(request.time_limit), request.gap)
        if request.start and is_allowed(model):
            loop.best.keep(values_of(model))
        begun = loop.best.cost if loop.best.point else None
        status, message = loop.run()
        return Answer(
            status,
            message=message,
            point=loop.best.point,
            bound=loop.proven,
            proven=status == "infeasible",
            start_objective=begun,
            solver_version=self.version(),
            iterations=len(loop.trace),
            trace=loop.trace,
        )
