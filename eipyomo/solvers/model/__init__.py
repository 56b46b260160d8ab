"""A Pyomo model, a solver, and what of its answer holds."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.model.claim import claim_of as claim_of
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
