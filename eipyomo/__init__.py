"""Joint AI model training and task inference in edge intelligence, modelled and solved.

See the README for the first steps.
"""

import logging
from typing import TYPE_CHECKING

from eipyomo.lazily import names_of
from eipyomo.solvers.backends.registration import register_with_pyomo

if TYPE_CHECKING:
    from eipyomo import catalog as catalog
    from eipyomo import library as library
    from eipyomo import models as models
    from eipyomo import modes as modes
    from eipyomo import planning as _planning
    from eipyomo import presets as presets
    from eipyomo import radio as radio
    from eipyomo import solvers as solvers
    from eipyomo import testing as testing
    from eipyomo.allocation import Allocation as Allocation
    from eipyomo.bundling.bundle import Bundle as Bundle
    from eipyomo.bundling.bundle import bundle as bundle
    from eipyomo.devices import EdgeServer as EdgeServer
    from eipyomo.devices import EndUser as EndUser
    from eipyomo.draw import Draw as Draw
    from eipyomo.errors import ClaimError as ClaimError
    from eipyomo.errors import EipyomoError as EipyomoError
    from eipyomo.errors import InputError as InputError
    from eipyomo.errors import InputWarning as InputWarning
    from eipyomo.errors import SolverError as SolverError
    from eipyomo.evaluation import Evaluation as Evaluation
    from eipyomo.evaluation import evaluate as evaluate
    from eipyomo.instance import Instance as Instance
    from eipyomo.labels import Dataset as Dataset
    from eipyomo.labels import read_dataset as read_dataset
    from eipyomo.planning.channels import stress as stress
    from eipyomo.problem import Problem as Problem
    from eipyomo.process import Training as Training
    from eipyomo.radio.channel import Channel as Channel
    from eipyomo.radio.links import Links as Links
    from eipyomo.reporting.page import html_report as html_report
    from eipyomo.reporting.page import write_report as write_report
    from eipyomo.restriction import Restriction as Restriction
    from eipyomo.result import Result as Result
    from eipyomo.scenario.document import Scenario as Scenario
    from eipyomo.solvers import solve as solve
    from eipyomo.solvers import solve_model as solve_model
    from eipyomo.studies.benchmark import benchmark as benchmark
    from eipyomo.studies.compare import compare as compare
    from eipyomo.studies.dataset import dataset as dataset
    from eipyomo.studies.judged import Benchmark as Benchmark
    from eipyomo.studies.many import solve_many as solve_many
    from eipyomo.studies.recorded import Recorded as Recorded
    from eipyomo.studies.train import train as train
    from eipyomo.version import __version__ as __version__

    plan = _planning
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)

logging.getLogger(__name__).addHandler(logging.NullHandler())
register_with_pyomo()
