"""Problem (10) as Pyomo models: built, changed, filled and written, but not solved here."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.models.agent import AGENT_PARAMETERS as AGENT_PARAMETERS
    from eipyomo.models.agent import agent_parameters as agent_parameters
    from eipyomo.models.agent import build_agent as build_agent
    from eipyomo.models.agent import copies as copies
    from eipyomo.models.build import fix as fix
    from eipyomo.models.build import minlp as minlp
    from eipyomo.models.cutoff import cutoff_row as cutoff_row
    from eipyomo.models.cutoff import loosen as loosen
    from eipyomo.models.cutoff import require_current_tightening as require_current_tightening
    from eipyomo.models.cutoff import tighten as tighten
    from eipyomo.models.diagnostics import binding_bounds as binding_bounds
    from eipyomo.models.diagnostics import largest_violation as largest_violation
    from eipyomo.models.diagnostics import objective as objective
    from eipyomo.models.files import export as export
    from eipyomo.models.formulation_options import options as options
    from eipyomo.models.formulations import FORMULATIONS as FORMULATIONS
    from eipyomo.models.kinds import integer_variables as integer_variables
    from eipyomo.models.kinds import nonlinear_rows as nonlinear_rows
    from eipyomo.models.kinds import tiny as tiny
    from eipyomo.models.kinds import unbounded_variables as unbounded_variables
    from eipyomo.models.plain import TriviallyInfeasibleError as TriviallyInfeasibleError
    from eipyomo.models.point import Point as Point
    from eipyomo.models.points import allocation as allocation
    from eipyomo.models.points import load as load
    from eipyomo.models.points import plain_allocations as plain_allocations
    from eipyomo.models.points import start_inside as start_inside
    from eipyomo.models.points import values_at as values_at
    from eipyomo.models.reach import NoPointError as NoPointError
    from eipyomo.models.reach import Reach as Reach
    from eipyomo.models.reach import implied_reach as implied_reach
    from eipyomo.models.renewal import update as update
    from eipyomo.models.sol import parse_sol as parse_sol
    from eipyomo.models.sol import read_sol as read_sol
    from eipyomo.models.source import require_own_data as require_own_data
    from eipyomo.models.source import source_of as source_of
    from eipyomo.models.writers import lp as lp
    from eipyomo.models.writers import nl as nl
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
