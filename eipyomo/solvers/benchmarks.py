"""The letter's benchmarks (section IV): the same model with decisions fixed, hence convex."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eipyomo import models
from eipyomo.solvers.backends.registry import backend
from eipyomo.solvers.minlp import GAP, TIME_LIMIT_S, solve_model

if TYPE_CHECKING:
    from eipyomo.instance import Instance
    from eipyomo.result import Result


def solve_eco(instance: Instance, *, gap: float = GAP, time_limit: float = TIME_LIMIT_S) -> Result:
    """Edge computing only: everything is offloaded (ι = 1, a = 0), the rest is optimised."""
    return _solve_fixed(instance, "eco", False, 1.0, gap, time_limit)


def solve_lco(instance: Instance, *, gap: float = GAP, time_limit: float = TIME_LIMIT_S) -> Result:
    """Local computing only: everybody downloads and computes (ι = 0, a = 1).

    That includes users without a task.
    """
    return _solve_fixed(instance, "lco", True, 0.0, gap, time_limit)


def _solve_fixed(
    instance: Instance,
    problem: str,
    download: bool,
    offload_fraction: float,
    gap: float,
    time_limit: float,
) -> Result:
    started = time.monotonic()
    backend("ipopt").require()
    model = models.minlp(instance)
    models.fix(model, download=download, offload_fraction=offload_fraction)
    return solve_model(
        model,
        "ipopt",
        gap=gap,
        time_limit=time_limit - (time.monotonic() - started),
        method=problem,
        problem=problem,
        unchanged=True,
    )
