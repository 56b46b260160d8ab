"""A child process that stays alive and answers question after question, each under a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eipyomo.errors import SolverError
from eipyomo.solvers.backends.guard import guard, leave, require_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PIECE = 65536


def surroundings() -> dict[str, str]:
    """Return the variables of this process, with linear algebra in one thread unless they say more.

    The matrices are small: more threads would wait for each other, longer where others compute too,
    and let the last digits depend on the number of cores.
    """
    return {"OPENBLAS_NUM_THREADS": "1", **os.environ}


class Worker:
    """A script of this package that answers one JSON document a line with another.

    It lives in a process group and a private folder of its own, and is ended with whatever it
    started when the object goes, or when it does not answer in time.

    Parameters
    ----------
    script
        Python file to run; it is run by its path, so that it need not import this package.
    *arguments
        What it is given beside.

    Attributes
    ----------
    folder
        Its folder.
    """

    def __init__(self, script: Path, *arguments: str) -> None:
        require_groups()
        folder = tempfile.TemporaryDirectory(prefix="eipyomo-", ignore_cleanup_errors=True)
        guard(folder.name)
        self.folder = Path(folder.name)
        self._log = self.folder / "log.txt"
        with self._log.open("wb") as log:
            # -P: a module in the working folder must not stand in for a library.
            self._child = subprocess.Popen(
                [sys.executable, "-P", str(script), *arguments],
                cwd=folder.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=surroundings(),
            )
        guard(self._child.pid)
        self._unread = b""
        self.close = weakref.finalize(self, _end, self._child, folder, os.getpid())

    @property
    def status(self) -> int | None:
        """Exit status of the process, negative for a signal; None while it runs."""
        return self._child.returncode

    def ask(self, question: Mapping[str, Any], time_limit: float) -> dict[str, Any]:
        """Return the answer to a question.

        Parameters
        ----------
        question
            JSON document.
        time_limit
            Seconds from now after which the worker is ended.

        Raises
        ------
        SolverError
            If the worker died, or had to be ended.
        """
        deadline = time.monotonic() + time_limit
        with self._ended_by_errors():
            self.tell(question)
            answer = self.hear(deadline - time.monotonic())
            if answer is None:
                raise TimeoutError
        return answer

    def tell(self, question: Mapping[str, Any]) -> None:
        """Send a question, whose answer :meth:`hear` returns.

        Raises
        ------
        SolverError
            If the worker died.
        """
        if not self.close.alive:
            raise SolverError("the worker has ended before; start another one")
        assert self._child.stdin is not None
        with self._ended_by_errors():
            self._child.stdin.write(json.dumps(question).encode() + b"\n")
            self._child.stdin.flush()

    def hear(self, seconds: float) -> dict[str, Any] | None:
        """Return the answer, or None if there is none yet after so many seconds.

        Raises
        ------
        SolverError
            If the worker died, or had to be ended for what it answered.
        """
        with self._ended_by_errors():
            line = self._line(time.monotonic() + seconds)
            answer: dict[str, Any] | None = None if line is None else json.loads(line)
        return answer

    def interrupt(self) -> None:
        """Send SIGINT to all of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGINT)

    @contextlib.contextmanager
    def _ended_by_errors(self) -> Iterator[None]:
        """End the worker if the block is left early: its next answer would be to this question."""
        try:
            yield
        except (OSError, ValueError, EOFError) as error:
            reason = self._reason(error)
            self.close()
            raise SolverError(f"the worker gave no answer: {reason}") from None
        except BaseException:
            self.close()
            raise

    def _line(self, deadline: float) -> bytes | None:
        """Read up to the end of a line; None if that does not come in time."""
        assert self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        while b"\n" not in self._unread:
            ready, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0.0))
            if not ready:
                return None
            piece = os.read(descriptor, PIECE)
            if not piece:
                raise EOFError
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return "it did not answer in time and was ended"
        try:
            code = self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            return f"{type(error).__name__}: {error}"
        if code < 0:
            return f"it was ended by signal {signal.Signals(-code).name}"
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"it ended with status {code}" + (f": {lines[-1].strip()[:200]}" if lines else "")


def _end(
    child: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str], owner: int
) -> None:
    """End a child with everything in its process group, and remove its folder.

    A process that was forked from the owner has the object too, but not the child.
    """
    if os.getpid() != owner:
        return
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    folder.cleanup()
    leave(child.pid)
    leave(folder.name)
