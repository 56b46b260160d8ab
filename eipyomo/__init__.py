"""Joint AI model training and task inference in edge intelligence, modelled and solved.

See the README for the first steps.
"""

import logging
from importlib.metadata import version

from eipyomo import models, modes, solvers
from eipyomo.allocation import Allocation
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.errors import ClaimError, EipyomoError, InputError, SolverError
from eipyomo.evaluation import Evaluation, evaluate
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.process import Training
from eipyomo.restriction import Restriction
from eipyomo.result import Result
from eipyomo.solvers import solve, solve_model
from eipyomo.studies.compare import compare
from eipyomo.studies.many import solve_many
from eipyomo.studies.train import train

__version__ = version("eipyomo")

__all__ = [
    "Allocation",
    "ClaimError",
    "EdgeServer",
    "EipyomoError",
    "EndUser",
    "Evaluation",
    "InputError",
    "Instance",
    "Problem",
    "Restriction",
    "Result",
    "SolverError",
    "Training",
    "compare",
    "evaluate",
    "models",
    "modes",
    "solve",
    "solve_many",
    "solve_model",
    "solvers",
    "train",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())
solvers.register()
