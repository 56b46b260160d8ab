"""Solvers' processes that stay alive between solves, for as long as a session lasts.

Loading a solver takes longer than solving a small model. In a session the script that does one job
in a new process is loaded once, by a :class:`~eipyomo.solvers.backends.worker.Worker`, and does
each job in a fork of what was loaded: from the same beginning as in a new process, in a folder of
its own, under the same deadline. A worker that is late is ended, and the next job begins in a new
one.
"""

from __future__ import annotations

import contextlib
import os
import sys
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eipyomo.errors import SolverError
from eipyomo.solvers.backends.process import Outcome, carry_out, run
from eipyomo.solvers.backends.worker import Worker, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCRIPT = Path(__file__).with_name("script_worker.py")


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Keep solvers' processes alive until the end of the block, for many small solves one by one.

    Whatever solves in the block, and in its thread, is quicker and otherwise as before:
    :func:`eipyomo.solve_model`, :func:`eipyomo.solve` by methods with solvers, and Pyomo's
    ``SolverFactory("eipyomo.ipopt")``. Executables start for each solve as ever, and so do all
    solvers where the system has no fork. Within another session it makes no difference.
    """
    if _SESSION.get() is not None:
        yield
        return
    own = Session()
    token = _SESSION.set(own)
    try:
        yield
    finally:
        _SESSION.reset(token)
        own.close()


class Session:
    """The processes of a session by their scripts, those that have nothing to do."""

    def __init__(self) -> None:
        self._idle: dict[Path, list[Worker]] = {}

    @contextlib.contextmanager
    def worker(self, script: Path) -> Iterator[Worker]:
        """Lend a process that does jobs by a script; one that is still alive then is kept."""
        idle = self._idle.setdefault(script, [])
        worker = idle.pop() if idle else Worker(SCRIPT, str(script))
        try:
            yield worker
        finally:
            if worker.close.alive:
                idle.append(worker)

    def close(self) -> None:
        """End all of them."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


_SESSION: ContextVar[Session | None] = ContextVar("session", default=None)


def run_script(
    script: Path, files: Mapping[str, str], *, time_limit: float, read: Sequence[str]
) -> Outcome:
    """Have a script do a job in a private folder, in a session by a process that is there already.

    Parameters
    ----------
    script
        Python file, run by its path, whose ``main`` does the job that lies in the working folder.
    files, time_limit, read
        As for :func:`~eipyomo.solvers.backends.process.carry_out`.
    """
    own = _SESSION.get()
    if own is None or not hasattr(os, "fork"):
        # -P: a module in the working folder must not stand in for a library.
        command = [sys.executable, "-P", str(script)]
        return run(command, files, time_limit=time_limit, read=read, environment=surroundings())
    try:
        with own.worker(script) as worker:
            begin = partial(Job, worker)
            return carry_out(begin, files, time_limit=time_limit, read=read, room=worker.folder)
    except OSError as error:
        return Outcome({}, "", f"it could not be started: {error.strerror or error}")


class Job:
    """A job that a worker does in a folder; see :class:`~eipyomo.solvers.backends.process.Task`."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self._worker = worker
        self._status: int | None = None
        with contextlib.suppress(SolverError):  # it has died since, as its status tells
            worker.tell({"folder": str(folder)})

    def wait(self, seconds: float) -> int | None:
        """Return the exit status that the script would have had, or None."""
        try:
            answer = self._worker.hear(seconds)
        except SolverError:
            self._status = self._worker.status
        else:
            self._status = None if answer is None else answer["status"]
        return self._status

    def interrupt(self) -> None:
        """Send SIGINT."""
        self._worker.interrupt()

    def end(self) -> None:
        """End the worker if the job still goes on."""
        if self._status is None:
            self._worker.close()
