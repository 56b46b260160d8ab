"""The exact method: certified global optima of (10) by its Lagrangian dual and branch and bound.

Users meet only in the sync time, in the band, and in the edge server's frequency where it has a
total. With prices of these budgets and cells of the sync time, every user is bounded on its own
(:mod:`~eipyomo.solvers.exact.kernels`), prices are found where the budgets are just used up
(:mod:`~eipyomo.solvers.exact.prices`), and what is left open is split
(:mod:`~eipyomo.solvers.exact.branch_and_bound`). docs/exact.md tells the whole.

The code is compiled, which takes a second to load: what stands here is loaded when it is first
asked for.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.exact.enough import what_would_be_enough as what_would_be_enough
    from eipyomo.solvers.exact.enumeration import EnumerationOutcome as EnumerationOutcome
    from eipyomo.solvers.exact.enumeration import enumerate_grid as enumerate_grid
    from eipyomo.solvers.exact.fixed_decisions import ConvexRest as ConvexRest
    from eipyomo.solvers.exact.fixed_decisions import convex_rest as convex_rest
    from eipyomo.solvers.exact.outcome import ExactOutcome as ExactOutcome
    from eipyomo.solvers.exact.solve import prepare as prepare
    from eipyomo.solvers.exact.solve import solve_exact as solve_exact
    from eipyomo.solvers.exact.tree import Step as Step
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
