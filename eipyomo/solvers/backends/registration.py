"""Our solvers' names in Pyomo's ``SolverFactory``, whichever of the two packages comes first.

Pyomo has no place where others could enter solvers before it is imported, and importing it for
their sake would cost every script that has no use for models as much as all the rest. So a finder
of modules (PEP 302) waits for ``pyomo.environ``: it finds nothing, but enters the names first.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import Any


def register_with_pyomo() -> None:
    """Make the solvers known to Pyomo now if it is here, else as soon as it is imported."""
    if "pyomo.environ" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, AheadOfPyomo())


class AheadOfPyomo:
    """Registers the solvers when ``pyomo.environ`` is looked for, and leaves finding it to others.

    Attributes
    ----------
    is_done
        Whether that has happened.
    """

    def __init__(self) -> None:
        self.is_done = False

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Find nothing."""
        del path, target
        if fullname == "pyomo.environ" and not self.is_done:
            self.is_done = True
            register()


def register() -> None:
    """Make the solvers known to Pyomo under names such as ``eipyomo.bonmin``.

    What is behind a name is loaded when it is first asked for.
    """
    factory = import_module("pyomo.opt").SolverFactory
    backends = import_module("eipyomo.solvers.backends.registry").BACKENDS
    for name, backend in backends.items():
        factory.register(f"eipyomo.{name}", doc=backend.description)(partial(_reached, name))


def _reached(name: str, **settings: Any) -> Any:
    return import_module("eipyomo.solvers.backends.pyomo_plugin").reached(name, **settings)
