"""Problem (10) as Pyomo models: built, changed, filled and written, but not solved here."""

from eipyomo.models.agent import AGENT_PARAMETERS, agent_parameters, build_agent, copies
from eipyomo.models.build import fix, minlp
from eipyomo.models.cutoff import cutoff_row, loosen, require_current_tightening, tighten
from eipyomo.models.diagnostics import binding_bounds, largest_violation, objective
from eipyomo.models.files import export
from eipyomo.models.formulations import FORMULATIONS, options
from eipyomo.models.point import Point
from eipyomo.models.points import allocation, load, plain_allocations, start_inside, values_at
from eipyomo.models.reach import NoPointError, Reach, implied_reach
from eipyomo.models.sol import read_sol
from eipyomo.models.source import require_own_data, source_of
from eipyomo.models.update import update

__all__ = [
    "AGENT_PARAMETERS",
    "FORMULATIONS",
    "NoPointError",
    "Point",
    "Reach",
    "agent_parameters",
    "allocation",
    "binding_bounds",
    "build_agent",
    "copies",
    "cutoff_row",
    "export",
    "fix",
    "implied_reach",
    "largest_violation",
    "load",
    "loosen",
    "minlp",
    "objective",
    "options",
    "plain_allocations",
    "read_sol",
    "require_current_tightening",
    "require_own_data",
    "source_of",
    "start_inside",
    "tighten",
    "update",
    "values_at",
]
