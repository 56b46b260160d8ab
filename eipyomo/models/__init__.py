"""Problem (10) as Pyomo models: built, changed, filled and written, but not solved here."""

from eipyomo.models.agent import agent_parameters, build_agent
from eipyomo.models.cutoff import cutoff_row, loosen, require_current_tightening, tighten
from eipyomo.models.diagnostics import binding_bounds, largest_violation, objective
from eipyomo.models.files import export, read_sol
from eipyomo.models.joint import CONVEX, FORMULATIONS, fix, minlp, options
from eipyomo.models.points import allocation, load, plain_allocations, start_inside
from eipyomo.models.reach import NoPointError, Reach, implied_reach
from eipyomo.models.source import require_own_data, source_of
from eipyomo.models.update import update

__all__ = [
    "CONVEX",
    "FORMULATIONS",
    "NoPointError",
    "Reach",
    "agent_parameters",
    "allocation",
    "binding_bounds",
    "build_agent",
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
]
