"""Packages that are only needed for a part of this one, each behind an extra of its own."""

from __future__ import annotations

import importlib
from types import ModuleType

from eipyomo.errors import SolverError


def extra(package: str, name: str, what: str) -> ModuleType:
    """Return a package, or a module of it, that an extra of this one installs.

    Parameters
    ----------
    package
        Name of the module to import.
    name
        Name of the extra.
    what
        What needs it, as a sentence begins.

    Raises
    ------
    SolverError
        If it is missing; the sentence has the command that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise missing(name, what) from None


def missing(name: str, what: str) -> SolverError:
    """Return the error that says how to get the extra of a name, which `what` needs."""
    return SolverError(f'{what} needs the extra "{name}": python -m pip install "eipyomo[{name}]"')
