"""The solvers that this package reaches, what each can do, and how it is run."""

from eipyomo.solvers.backends.base import Backend, Capabilities
from eipyomo.solvers.backends.pyomo_plugin import register
from eipyomo.solvers.backends.registry import BACKENDS, backend

__all__ = ["BACKENDS", "Backend", "Capabilities", "backend", "register"]
