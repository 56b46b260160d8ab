"""Running a native solver in a child process, under a deadline enforced from outside.

A native solver can hang, crash, be killed, or fill the screen. Here each run gets a process group
and a private folder of its own, and whatever happens there comes back as a value.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

GRACE_S = 5.0
"""How long a child may overrun its time limit before it is ended."""

ANSWER = "answer.json"
JOB = "job.json"


@dataclass(frozen=True)
class ChildOutcome:
    """What became of a child process.

    Attributes
    ----------
    answer
        What the child wrote last, which may be an intermediate answer if it was ended; or None.
    problem
        One phrase on what went wrong, or None if the child ended by itself and in order.
    """

    answer: dict[str, Any] | None
    problem: str | None


def run_child(
    script: Path, job: Mapping[str, Any], files: Mapping[str, str], time_limit: float
) -> ChildOutcome:
    """Run a script of this package in a child process.

    The child finds `job` as ``job.json`` and `files` in its working folder, and is to write
    ``answer.json`` there. It is ended, with all that it started, at `time_limit` plus a grace
    period, and whenever this function is left early.

    Parameters
    ----------
    script
        Python file to run; it is run by its path, so that it need not import this package.
    job
        JSON document for the child.
    files
        Further text files for the child, by name.
    time_limit
        Seconds from now.
    """
    deadline = time.monotonic() + time_limit + GRACE_S
    with tempfile.TemporaryDirectory(prefix="eipyomo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for file, text in {**files, JOB: json.dumps(job)}.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        with (folder / "log.txt").open("wb") as log:
            child = subprocess.Popen(
                # -P: a module in the working folder must not stand in for a library.
                [sys.executable, "-P", str(script)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            code: int | None = child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(child)
        return ChildOutcome(
            answer=_read_answer(folder / ANSWER), problem=_problem(code, folder / "log.txt")
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and everything in its process group; the group may outlive the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read_answer(path: Path) -> dict[str, Any] | None:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _problem(code: int | None, log: Path) -> str | None:
    if code == 0:
        return None
    if code is None:
        return "it did not stop at its time limit and was ended"
    if code < 0:
        return f"it was ended by signal {signal.Signals(-code).name}"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"it failed with exit status {code}" + (f": {lines[-1].strip()[:200]}" if lines else "")
