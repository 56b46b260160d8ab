"""The solvers that this package reaches, what each can do, and how it is run."""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.backends.base import Backend as Backend
    from eipyomo.solvers.backends.base import Capabilities as Capabilities
    from eipyomo.solvers.backends.registration import register as register
    from eipyomo.solvers.backends.registry import BACKENDS as BACKENDS
    from eipyomo.solvers.backends.registry import backend as backend
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
