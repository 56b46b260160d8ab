"""Solving a Pyomo model of :func:`eipyomo.models.minlp`, with whatever a user has made of it.

A solver's answer is taken apart here: its claims are held against what they can rest on
(:mod:`~eipyomo.solvers.model.checks`), and its point against the model, with all rows, bounds and
fixed values that a user has set (:mod:`~eipyomo.solvers.model.held`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.solvers import milp
from eipyomo.solvers import model as modelled
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.backends.watch import watched
from eipyomo.solvers.contract import GAP, TIME_LIMIT_S, Clock
from eipyomo.solvers.judge import judge
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eipyomo.allocation import Allocation
    from eipyomo.files import PathLike
    from eipyomo.models.types import Model
    from eipyomo.result import Result
    from eipyomo.solvers.backends.base import Backend

OWN = "model"
"""Method and problem of a result: whatever the model says."""

MILP = "milp"
"""The loop around two solvers that has no other name."""


def solve_model(
    model: Model,
    solver: str = "scip",
    *,
    executable: str | None = None,
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    unchanged: bool = False,
    start: Allocation | None = None,
    options: Mapping[str, Any] | None = None,
    tee: bool = False,
    log: PathLike | None = None,
) -> Result:
    """Solve a model made by :func:`eipyomo.models.minlp`, with whatever was added to it.

    The model's variables hold the answer afterwards, where there is one, and those that were fixed
    what they were fixed at. With an objective in place of ``model.wsel``, or rows that make times
    longer than they need be, bound and gap are of what the model minimises: ``model_objective`` of
    the result holds its value, and `objective` WSEL of the allocation as always.

    Parameters
    ----------
    model
        The model, changed or not.
    solver
        ``scip``, ``bonmin``, ``ipopt`` where a is fixed, or another of ``eipyomo solvers``; or
        ``milp``, for a spectral model whose rows and objective are linear but for its own.
    executable
        Path of an executable that speaks the AMPL protocol, to be used for `solver`.
    gap
        Relative gap to stop at.
    time_limit
        In s, from now.
    unchanged
        Whether the model is as built but for fixed a and ι: then a claim of infeasibility is
        false, unless data or restriction may leave no point, and a download that is of no use may
        be tidied away.
    start
        An allocation that the model allows, to begin with; variables that a user has added begin at
        the values that they have. SCIP and HiGHS take it as their first incumbent, Ipopt and
        Bonmin as their first iterate; the answer is never worse. ``start_objective`` of the result
        tells whether the solver has accepted it.
    options
        The solver's own options, by its own names; "threads" is translated.
    tee
        Whether to show what the solver prints while it runs.
    log
        A file to write that to, while it runs.

    Raises
    ------
    InputError
        If the solver is unknown, or cannot take what the model holds, an option or the start; or if
        the model's data are not its instance's, or it was changed after it was tightened.
    SolverError
        If the solver is missing.
    """
    clock = Clock(time_limit)
    require_kind("solver", solver, str)
    native = native_solver(solver, executable)
    native.require()
    with watched(tee=tee, log=log):
        claim = modelled.claim_of(
            model, native, gap=gap, clock=clock, start=start, options=options, is_original=unchanged
        )
    problem = models.source_of(model).lifted
    return judge(
        problem,
        claim,
        method=OWN,
        name=OWN,
        options=claim.options or {},
        gap_at=lambda _: gap,
        wall_s=clock.elapsed_s - claim.setup_s,
        always_feasible=unchanged and problem.always_feasible,
    )


def native_solver(solver: str, executable: str | None) -> Backend:
    """Return the way to reach a solver, or the loop around two of them that has no other name."""
    if solver != MILP:
        return backend(solver, executable)
    if executable is not None:
        raise InputError(f"executable is {executable!r}, but {MILP!r} takes none")
    return milp.MilpBackend()
