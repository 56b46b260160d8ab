"""Problem (10) as Pyomo models: built, changed, filled and written, but not solved here."""

from eipyomo.models.agent import build_agent, told
from eipyomo.models.cutoff import tighten
from eipyomo.models.files import export, read_sol
from eipyomo.models.joint import (
    CONVEX,
    FORMULATIONS,
    allocation,
    binding_bounds,
    fix,
    largest_violation,
    load,
    minlp,
    objective,
    options,
)

__all__ = [
    "CONVEX",
    "FORMULATIONS",
    "allocation",
    "binding_bounds",
    "build_agent",
    "export",
    "fix",
    "largest_violation",
    "load",
    "minlp",
    "objective",
    "options",
    "read_sol",
    "tighten",
    "told",
]
