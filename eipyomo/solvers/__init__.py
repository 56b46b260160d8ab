"""Everything that finds or bounds an allocation."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.backends import BACKENDS as BACKENDS
    from eipyomo.solvers.backends import register as register
    from eipyomo.solvers.backends.sessions import session as session
    from eipyomo.solvers.methods import METHODS as METHODS
    from eipyomo.solvers.methods import solve as solve
    from eipyomo.solvers.minlp.users_model import solve_model as solve_model
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
