"""How far many instances are, on standard error, where that is a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

One = TypeVar("One")


def tracked(ones: Iterable[One], what: str, total: int | None) -> Iterator[One]:
    """Iterate, and show how many have come."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from ones
        return
    with Progress(console=console, transient=True) as bar:
        yield from bar.track(ones, total=total, description=what)


@contextlib.contextmanager
def counted(what: str, total: int) -> Iterator[Callable[..., None]]:
    """Yield a function that is called for each that has come, with whatever arguments."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda *_: bar.advance(task)
