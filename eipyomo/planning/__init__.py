"""Questions of planning, each a function that returns a table: ``ei.plan.band(instance)``.

Every row of a table is certified: beside a value stands the bound that is proven.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.planning.binding import binding as binding
    from eipyomo.planning.pareto import pareto as pareto
    from eipyomo.planning.phase import phase as phase
    from eipyomo.planning.required import band as band
    from eipyomo.planning.required import edge_frequency as edge_frequency
    from eipyomo.planning.sensitivity import sensitivity as sensitivity
    from eipyomo.planning.slowest import slowest as slowest
    from eipyomo.planning.stress import stress as stress
    from eipyomo.planning.what_if import what_if as what_if
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
