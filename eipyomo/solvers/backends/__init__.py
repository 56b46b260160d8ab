"""The native solvers that this package reaches, what each can do, and how it is run."""

from eipyomo.solvers.backends.native import BACKENDS, Backend, backend
from eipyomo.solvers.backends.pyomo_plugin import register

__all__ = ["BACKENDS", "Backend", "backend", "register"]
