"""How far many instances are: on standard error where that is a terminal, or in a notebook."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

NOTEBOOK_NEEDS = "ipywidgets"
"""What rich draws with in a notebook; without it, it would warn."""

One = TypeVar("One")


def _is_shown(console: Console) -> bool:
    """Tell whether somebody sees progress there."""
    return console.is_terminal or (console.is_jupyter and find_spec(NOTEBOOK_NEEDS) is not None)


def tracked(ones: Iterable[One], what: str, total: int | None) -> Iterator[One]:
    """Iterate, and show how many have come."""
    console = Console(stderr=True)
    if not _is_shown(console):
        yield from ones
        return
    with Progress(console=console, transient=True) as bar:
        yield from bar.track(ones, total=total, description=what)


@contextlib.contextmanager
def counted(what: str, total: int) -> Iterator[Callable[..., None]]:
    """Yield a function that is called for each that has come, with whatever arguments."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not _is_shown(console)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda *_: bar.advance(task)
