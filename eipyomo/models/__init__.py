"""Problem (10) as Pyomo models: built, changed, filled and written, but not solved here."""

from eipyomo.models.agent import TOLD, build_agent
from eipyomo.models.files import export, read_sol
from eipyomo.models.joint import (
    FORMULATIONS,
    allocation,
    binding_bounds,
    fix,
    largest_violation,
    load,
    minlp,
)

__all__ = [
    "FORMULATIONS",
    "TOLD",
    "allocation",
    "binding_bounds",
    "build_agent",
    "export",
    "fix",
    "largest_violation",
    "load",
    "minlp",
    "read_sol",
]
