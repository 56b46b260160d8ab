"""Running a native solver in a process of its own, under a deadline enforced from outside.

A native solver can hang, crash, be killed, or fill the disk. Here each run gets a process group
and a private folder of its own, and whatever happens there comes back as a value. Should this
process be ended first, a guardian ends the solver and removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from eipyomo.solvers.backends.guard import guard, leave, require_groups, scratch
from eipyomo.solvers.backends.watch import Printed, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GRACE_S = 8.0
"""How long a process may overrun its time limit before it is ended."""

SOFT_S = 2.0
"""How long a process may overrun its time limit before it is interrupted, if that is asked for."""

FOLDER_LIMIT_BYTES = 2**30
"""How much a process may write into its folder before it is ended."""

LOG = "log.txt"


@dataclass(frozen=True)
class Outcome:
    """What became of a process.

    Attributes
    ----------
    files
        Text of the files that were asked for, as far as they exist.
    log
        What it printed.
    problem
        One phrase on what went wrong, or None if the process ended by itself and in order.
    """

    files: Mapping[str, str]
    log: str
    problem: str | None


def run(
    command: Sequence[str],
    files: Mapping[str, str],
    *,
    time_limit: float,
    read: Sequence[str],
    environment: Mapping[str, str] | None = None,
    interrupt: bool = False,
) -> Outcome:
    """Run a command in a private folder, and return what it left there.

    Parameters
    ----------
    command
        Program and arguments.
    files, time_limit, read, interrupt
        As for :func:`carry_out`.
    environment
        Variables to set besides those that are set already.
    """
    return carry_out(
        partial(NewProcess, command, environment or {}),
        files,
        time_limit=time_limit,
        read=read,
        interrupt=interrupt,
    )


def carry_out(
    begin: Callable[[Path], Task],
    files: Mapping[str, str],
    *,
    time_limit: float,
    read: Sequence[str],
    interrupt: bool = False,
    room: Path | None = None,
) -> Outcome:
    """Have a process do what it is to do in a private folder, and return what it left there.

    It is ended, with all that it started, at `time_limit` plus a grace period, when it has filled
    its folder, and whenever this function is left early, be it by the end of this process.

    Parameters
    ----------
    begin
        Begins it in a folder.
    files
        Text files to put into the folder first, by name.
    time_limit
        Seconds from now.
    read
        Names of the files to bring back.
    interrupt
        Whether to send SIGINT before, at which many solvers write what they have: those that count
        CPU time are late on a busy machine.
    room
        The folder in which the private one is made; that for temporary files, if left out.
    """
    deadline = time.monotonic() + time_limit + GRACE_S
    soft = deadline - GRACE_S + SOFT_S if interrupt else None
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch(room))
        except OSError as error:
            return Outcome({}, "", f"no working folder could be made: {error.strerror}")
        try:
            for file, text in files.items():
                (folder / file).write_text(text, encoding="utf-8", newline="\n")
            task = begin(folder)
        except OSError as error:
            return Outcome({}, "", f"it could not be started: {error.strerror or error}")
        try:
            problem = _wait(task, folder, deadline, soft)
        finally:
            task.end()
        texts = {file: _text(folder / file) for file in read if (folder / file).is_file()}
        printed = _text(folder / LOG)
        watch().keep(folder)
    if problem is not None and problem.startswith(FAILED) and printed.strip():
        problem = f"{problem}: {printed.strip().splitlines()[-1].strip()[:200]}"
    return Outcome(texts, printed, problem)


class Task(Protocol):
    """What a process does in a folder, where it prints to a log."""

    def wait(self, seconds: float) -> int | None:
        """Return the exit status, negative for a signal, or None if it still goes on then."""

    def interrupt(self) -> None:
        """Send SIGINT."""

    def end(self) -> None:
        """End it, if it still goes on, and everything that it started."""


class NewProcess:
    """A command that is run in a process of its own."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        require_groups()
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **environment},
            )
        guard(self._process.pid)

    def wait(self, seconds: float) -> int | None:
        """Return the exit status, or None; see :class:`Task`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self) -> None:
        """Send SIGINT to all of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGINT)

    def end(self) -> None:
        """End the process and everything in its group, which may outlive it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        leave(self._process.pid)


FAILED = "it failed with exit status"


INTERRUPTED = "it did not stop at its time limit and was interrupted"


def _wait(task: Task, folder: Path, deadline: float, soft: float | None) -> str | None:
    """Wait until a task ends or has to be ended; return what is wrong with that."""
    printed, interrupted = Printed(folder / LOG), False
    while True:
        patience = min(0.5, deadline - time.monotonic())
        status = task.wait(max(patience, 0.0))
        printed.pass_on()
        if status is None:
            if patience <= 0:
                return "it did not stop at its time limit and was ended"
            if soft is not None and not interrupted and time.monotonic() >= soft:
                interrupted = True
                task.interrupt()
            if _size(folder) > FOLDER_LIMIT_BYTES:
                return "it filled its working folder and was ended"
            continue
        if interrupted:
            return INTERRUPTED
        if status < 0:
            return f"it was ended by signal {signal.Signals(-status).name}"
        return None if status == 0 else f"{FAILED} {status}"


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += file.lstat().st_size
    return total


TEXT_LIMIT_BYTES = 2**26


def _text(file: Path) -> str:
    """Return a file's text, or the end of it where it is huge."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - TEXT_LIMIT_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
