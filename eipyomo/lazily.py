"""Packages whose names are loaded when they are first asked for.

What such a package offers stands once, in imports below ``if TYPE_CHECKING:``. Type checkers follow
them, Python reads them here. So ``import eipyomo`` costs next to nothing, and who evaluates an
allocation does not wait for Pyomo.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import RLock
from typing import Any

LOADING, PATIENCE_S = RLock(), 20.0
"""One thread loads at a time: where several import what imports one another, Python 3.11 may wait
for ever. After so long, whoever loads may itself wait for a module that this thread imports."""

Names = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def names_of(package: str, file: str) -> Names:
    """Return a package's ``__getattr__`` and ``__dir__`` (PEP 562), and its ``__all__``.

    Parameters
    ----------
    package, file
        The package's ``__name__`` and ``__file__``.
    """
    homes = _homes(Path(file).read_text(encoding="utf-8"))
    public = sorted(name for name in homes if not name.startswith("_"))

    def load(name: str) -> Any:
        """Load what is asked for, and keep it."""
        if name not in homes:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package]
            )
        home, own = homes[name]
        mine = LOADING.acquire(timeout=PATIENCE_S)
        try:
            if home == package:
                found: Any = import_module(f"{package}.{own}")
            else:
                found = getattr(import_module(home), own)
        finally:
            if mine:
                LOADING.release()
        setattr(sys.modules[package], name, found)
        return found

    return load, public.copy, public


def _homes(source: str) -> dict[str, tuple[str, str]]:
    """Return the modules that names come from, which a source imports for type checkers.

    With what they are called there: ``plan = planning`` gives what is imported another name.
    """
    found = {}
    for block in ast.parse(source).body:
        if not isinstance(block, ast.If) or getattr(block.test, "id", None) != "TYPE_CHECKING":
            continue
        for node in block.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = str(node.module), alias.name
            elif isinstance(node, ast.Assign):
                found[ast.unparse(node.targets[0])] = found[ast.unparse(node.value)]
    return found
