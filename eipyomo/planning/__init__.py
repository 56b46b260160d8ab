"""Questions of planning, each a function that returns a table: ``ei.plan.band(instance)``.

Every row of a table is certified: beside a value stands the bound that is proven.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.planning.changes import sensitivity as sensitivity
    from eipyomo.planning.channels import stress as stress
    from eipyomo.planning.differences import what_if as what_if
    from eipyomo.planning.fronts import pareto as pareto
    from eipyomo.planning.latest import slowest as slowest
    from eipyomo.planning.limiting import binding as binding
    from eipyomo.planning.phases import phase as phase
    from eipyomo.planning.required import band as band
    from eipyomo.planning.required import edge_frequency as edge_frequency
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
