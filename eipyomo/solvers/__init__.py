"""Everything that finds or bounds an allocation."""

from eipyomo.solvers.backends import BACKENDS, register
from eipyomo.solvers.methods import METHODS, solve
from eipyomo.solvers.model import solve_model

__all__ = [
    "BACKENDS",
    "METHODS",
    "register",
    "solve",
    "solve_model",
]
