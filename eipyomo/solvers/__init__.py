"""Everything that finds or bounds an allocation."""

from eipyomo.solvers.backends import BACKENDS, register
from eipyomo.solvers.comparison import compare
from eipyomo.solvers.methods import METHODS, solve
from eipyomo.solvers.model import solve_model
from eipyomo.solvers.training import Training, train

__all__ = [
    "BACKENDS",
    "METHODS",
    "Training",
    "compare",
    "register",
    "solve",
    "solve_model",
    "train",
]
