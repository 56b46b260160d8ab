"""Solving the Pyomo model with general-purpose solvers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eipyomo import models
from eipyomo.models.relaxation import TANGENTS
from eipyomo.solvers.milp import NAME as MILP
from eipyomo.solvers.model import GAP, TIME_LIMIT_S, native_solver, solve_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eipyomo.allocation import Allocation
    from eipyomo.instance import Instance
    from eipyomo.result import Result
    from eipyomo.scaled import Round

FORMULATION = dict.fromkeys(("scip", "couenne", "maingo"), "spectral")
"""Where another formulation than ``letter`` is the better default, by what was measured: with it
the solvers that prove bounds get further, local ones get there later; see docs/formulations.md.
Couenne was measured elsewhere (0.5.8, ``letter-m2``): 0.97037 proven, bound 0.97031, in 32 s."""


def solve_minlp(
    instance: Instance,
    *,
    solver: str = "scip",
    executable: str | None = None,
    formulation: str | None = None,
    tangents: int | None = None,
    step: float | None = None,
    choice: str | None = None,
    round: Round = "inference",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    start: Allocation | None = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Solve problem (10) as a Pyomo model.

    Parameters
    ----------
    instance
        The instance.
    solver
        ``scip`` proves a bound; ``bonmin`` is local, since (10) is not convex; see
        ``eipyomo solvers`` for the others.
    executable
        Path of an executable that speaks the AMPL protocol, to be used for `solver`.
    formulation
        How the model is written; one of ``models.FORMULATIONS``. Left out, it is ``letter``, but
        for solvers of which another was measured to be better (``FORMULATION``).
    tangents
        Number of tangents of each convex function, for ``spectral`` and ``grid``.
    step
        Distance of the points of ι, for ``grid``.
    choice
        "hull" or "bigm", for ``grid``.
    round
        "training" for a round before the last.
    gap
        Relative gap to stop at.
    time_limit
        In s, from now.
    start
        A feasible allocation to begin with; the answer is never worse.
    options
        The solver's own options, by its own names, such as ``{"limits/nodes": 1000}`` for SCIP;
        "threads" is translated.
    """
    started = time.monotonic()
    native_solver(solver, executable).require()
    if formulation is None:
        formulation = FORMULATION.get(solver, "letter")
    choices = {"tangents": tangents, "step": step, "choice": choice}
    given = {name: choice for name, choice in choices.items() if choice is not None}
    model = models.minlp(instance, formulation, round, **given)
    return solve_model(
        model,
        solver,
        executable=executable,
        gap=gap,
        time_limit=time_limit,
        started=started,
        method="minlp",
        problem=models.source_of(model).problem.name,
        unchanged=True,
        start=start,
        options=options,
    )


def solve_milp(
    instance: Instance,
    *,
    tangents: int = TANGENTS,
    round: Round = "inference",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    start: Allocation | None = None,
) -> Result:
    """Solve problem (10) by a piecewise linear relaxation; see :mod:`eipyomo.solvers.milp`.

    Parameters
    ----------
    instance
        The instance.
    tangents
        Number of tangents of each convex function to begin with.
    round, gap, time_limit, start
        As for :func:`solve_minlp`.

    Returns
    -------
    Result
        `trace` has a row per round: ``bound``, ``incumbent``, ``cells``, and ``seconds``.
    """
    result = solve_minlp(
        instance,
        solver=MILP,
        formulation="spectral",
        tangents=tangents,
        round=round,
        gap=gap,
        time_limit=time_limit,
        start=start,
    )
    return replace(result, method=MILP)
