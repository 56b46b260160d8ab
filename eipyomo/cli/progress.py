"""What is going on, on standard error."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from eipyomo import streams
from eipyomo.cli.printing import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eipyomo.result import Result
    from eipyomo.studies.cell import Cell


PATIENCE_S = 2.0
"""After this long without a terminal to show a spinner, say what is going on."""


@contextlib.contextmanager
def steps_shown(total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is going on, in a terminal at once and elsewhere after a while.

    Yields a function to call with a phrase at the start of every step.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        with _patience() as tell:
            yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)
        step = 0

        def show(phrase: str) -> None:
            nonlocal step
            step += 1
            prefix = f"[{step}/{total}] " if total and total > 1 else ""
            progress.update(task, description=Text(prefix + phrase).plain)

        yield show


@contextlib.contextmanager
def _patience() -> Iterator[Callable[[str], None]]:
    """Yield a function that prints its phrase if the step it names takes longer than a while."""
    timer: threading.Timer | None = None

    def start(phrase: str) -> None:
        nonlocal timer
        if timer is not None:
            timer.cancel()
        timer = threading.Timer(PATIENCE_S, streams.note, [f"{phrase} ..."])
        timer.daemon = True
        timer.start()

    try:
        yield start
    finally:
        if timer is not None:
            timer.cancel()


@contextlib.contextmanager
def count_shown(what: str, total: int) -> Iterator[Progress]:
    """Show on standard error how many of a number are done, and the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("time left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        progress.add_task(what, total=total)
        yield progress


@contextlib.contextmanager
def cells_shown(total: int) -> Iterator[Callable[[Cell, Mapping[str, Any]], None]]:
    """Show on standard error how far a sweep is, the time left, and which cells fail."""
    with count_shown("sweep", total) as progress:
        task = progress.task_ids[0]

        def report(cell: Cell, document: Mapping[str, Any]) -> None:
            progress.advance(task)
            if document["termination"] == "error":
                sentence = f"{clip(cell.instance.name)}: {cell.method}: {document['message']}"
                progress.console.print(Text(sentence), soft_wrap=True)

        yield report


@contextlib.contextmanager
def rounds_shown(total: int) -> Iterator[Callable[[int, Result], None]]:
    """Show on standard error how many rounds are solved, and the time left."""
    with contextlib.ExitStack() as stack:
        bars: list[Progress] = []

        def report(n: int, _: Result) -> None:
            if not bars:  # not before the arguments are known to be right
                bars.append(stack.enter_context(count_shown("train", total)))
            bars[0].update(bars[0].task_ids[0], completed=n)

        yield report
