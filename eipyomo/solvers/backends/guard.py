"""What this process has started is ended when it is gone, however it ends; see `guardian.py`."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from eipyomo.errors import SolverError

SCRIPT = Path(__file__).with_name("guardian.py")


def require_groups() -> None:
    """Refuse to start a solver where it could not be ended with all that it starts.

    Raises
    ------
    SolverError
        On Windows, which has no process groups.
    """
    if not hasattr(os, "killpg"):
        raise SolverError(
            f"solvers in processes of their own need process groups, which {sys.platform} has not: "
            "use Linux, macOS or WSL, or a method that needs none: exact, admm, exhaustive, eco, "
            "lco, gbe"
        )


class Guardian:
    """The process that clears up behind this one: one for each, started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # -I -S: it needs the standard library only, and starts in 20 ms.
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        atexit.register(self.dismiss)

    def tell(self, **word: Any) -> None:
        """Send a line; a guardian that is gone costs its service, not the solve."""
        assert self._child.stdin is not None
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._child.stdin.write(json.dumps(word).encode() + b"\n")
            self._child.stdin.flush()

    def dismiss(self) -> None:
        """Let it do what is left, and end."""
        assert self._child.stdin is not None
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._child.stdin.close()
            self._child.wait(2.0)


@cache
def _guardian() -> Guardian:
    return Guardian()


if hasattr(os, "register_at_fork"):
    # A forked child must have one of its own: its parent's does not see it end.
    os.register_at_fork(after_in_child=_guardian.cache_clear)


def guard(what: int | str) -> None:
    """Have a process group ended, or a folder removed, if this process ends before."""
    _guardian().tell(guard=what)


def leave(what: int | str) -> None:
    """Tell that a process group, or a folder, has been taken care of."""
    _guardian().tell(leave=what)


@contextlib.contextmanager
def scratch(room: Path | None = None) -> Iterator[Path]:
    """Make a folder for a while; it is removed also if this process is killed at any moment.

    Parameters
    ----------
    room
        The folder in which it is made; that for temporary files, if left out.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = Path(room or tempfile.gettempdir()) / f"eipyomo-{uuid.uuid4().hex[:12]}"
    guard(str(folder))  # before it is there
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        leave(str(folder))
