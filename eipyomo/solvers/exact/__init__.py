"""The exact method: certified global optima of (10) by its Lagrangian dual and branch and bound.

Users meet only in the sync time, in the band, and in the edge server's frequency where it has a
total. With prices of these budgets and cells of the sync time, every user is bounded on its own
(:mod:`~eipyomo.solvers.exact.kernels`), prices are found where the budgets are just used up
(:mod:`~eipyomo.solvers.exact.prices`), and what is left open is split
(:mod:`~eipyomo.solvers.exact.branch_and_bound`). docs/exact.md tells the whole.

The code is compiled, which takes a second to load: what stands here is loaded when it is first
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eipyomo.solvers.exact.branch_and_bound import Step
    from eipyomo.solvers.exact.enumeration import EnumerationOutcome, enumerate_grid
    from eipyomo.solvers.exact.fixed_decisions import ConvexRest, convex_rest
    from eipyomo.solvers.exact.outcome import ExactOutcome
    from eipyomo.solvers.exact.solve import prepare, solve_exact

__all__ = [
    "ConvexRest",
    "EnumerationOutcome",
    "ExactOutcome",
    "Step",
    "convex_rest",
    "enumerate_grid",
    "prepare",
    "solve_exact",
]

if not TYPE_CHECKING:
    _HOMES = {
        "ConvexRest": "fixed_decisions",
        "EnumerationOutcome": "enumeration",
        "ExactOutcome": "outcome",
        "Step": "branch_and_bound",
        "convex_rest": "fixed_decisions",
        "enumerate_grid": "enumeration",
        "prepare": "solve",
        "solve_exact": "solve",
    }

    def __getattr__(name):
        """Load what is asked for, and keep it."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
