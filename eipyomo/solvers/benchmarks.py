"""The letter's benchmarks (section IV): problem (10) with some decisions fixed or restricted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.problem import Restriction
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.certified import TIME_LIMIT_S, solve_by_enumeration, solve_restricted
from eipyomo.solvers.exact.method import GAP
from eipyomo.solvers.model import solve_model

if TYPE_CHECKING:
    from eipyomo.instance import Instance
    from eipyomo.result import Result


def solve_eco(
    instance: Instance,
    *,
    solver: str = "exact",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
) -> Result:
    """Edge computing only: everything is offloaded (ι = 1, a = 0), the rest is optimised.

    Parameters
    ----------
    instance
        The instance.
    solver
        "exact" proves the optimum; "ipopt", or another solver of convex models, solves the Pyomo
        model with a and ι fixed.
    gap, time_limit
        Relative gap to stop at, and seconds from now.
    """
    if solver == "exact":
        kind = Restriction.eco()
        return solve_restricted(instance, "eco", kind, gap=gap, time_limit=time_limit)
    return _solve_fixed(instance, "eco", solver, False, 1.0, gap, time_limit)


def solve_lco(
    instance: Instance,
    *,
    solver: str = "exact",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
) -> Result:
    """Local computing only: everybody downloads and computes (ι = 0, a = 1).

    That includes users without a task. The options are those of :func:`solve_eco`.
    """
    if solver == "exact":
        kind = Restriction.lco()
        return solve_restricted(instance, "lco", kind, gap=gap, time_limit=time_limit)
    return _solve_fixed(instance, "lco", solver, True, 0.0, gap, time_limit)


def solve_gbe(instance: Instance, *, gap: float = GAP, time_limit: float = TIME_LIMIT_S) -> Result:
    """Group bandwidth equalisation: uplink and downlink have half of the band each."""
    kind = Restriction.gbe()
    return solve_restricted(instance, "gbe", kind, gap=gap, time_limit=time_limit)


def solve_exhaustive(
    instance: Instance,
    *,
    step: float = 0.2,
    enumeration: bool = False,
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
) -> Result:
    """Every ι on the grid 0, step, 2 step, ..., 1: the optimum of the letter's enumeration.

    It is proven, and found without enumeration by branch and bound, which goes on where the number
    of combinations is out of reach; or by enumeration, as a second way to the same value.

    Parameters
    ----------
    instance
        The instance.
    step
        Δι, 1/n for a whole number n; the grid has n + 1 points.
    enumeration
        Whether to enumerate: the convex rest of every combination is solved exactly, but for those
        that a bound excludes.
    gap, time_limit
        As for :func:`solve_eco`.
    """
    if isinstance(step, bool) or not isinstance(step, int | float):
        raise InputError(f"step is {step!r}, but must be 1/n for a whole number n")
    if enumeration:
        return solve_by_enumeration(instance, step, gap=gap, time_limit=time_limit)
    kind = Restriction.on_grid(step)
    return solve_restricted(instance, "exhaustive", kind, gap=gap, time_limit=time_limit)


def _solve_fixed(
    instance: Instance,
    problem: str,
    solver: str,
    download: bool,
    offload_fraction: float,
    gap: float,
    time_limit: float,
) -> Result:
    started = time.monotonic()
    backend(solver).require()
    model = models.minlp(instance)
    models.fix(model, download=download, offload_fraction=offload_fraction)
    return solve_model(
        model,
        solver,
        gap=gap,
        time_limit=time_limit - (time.monotonic() - started),
        method=problem,
        problem=problem,
        unchanged=True,
    )
