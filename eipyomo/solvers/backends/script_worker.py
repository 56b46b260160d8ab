"""Do one job after another with a script that is made for one; a script, run as a worker.

Its argument is the script, whose ``main`` does the job that lies in the working folder. It is
loaded once, with the libraries that it imports, and each job is done in a fork of that: the job
finds what it would find in a new process, and leaves nothing behind for the next one.

It reads ``{"folder": path}`` a line, has the job there done, and answers ``{"status": number}``,
the exit status that the script would have had, negative for a signal. What is printed goes to
``log.txt`` in that folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer until the input ends."""
    # Whatever is printed must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    do = loaded(Path(sys.argv[1]))
    # A library's idle threads are no harm: none of them holds what a fork would wait for.
    warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)
    gc.freeze()  # so that no collection in a fork touches, and so copies, what is here
    for line in sys.stdin:
        status = done_apart(do, json.loads(line)["folder"], answers.fileno())
        answers.write(json.dumps({"status": status}) + "\n")
        answers.flush()


def loaded(script: Path) -> Callable[[], Any]:
    """Return what a script does when it is run."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    do: Callable[[], Any] = module.main
    return do


def done_apart(do: Callable[[], Any], folder: str, answers: int) -> int:
    """Have a job done in a fork, which answers nobody itself, and return its exit status."""
    job = os.fork()
    if job == 0:
        status = 1
        try:
            os.chdir(folder)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for own in (1, 2, answers):
                os.dup2(log, own)
            status = status_of(do)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])


def status_of(do: Callable[[], Any]) -> int:
    """Do a job, and print all that it has to say; return the exit status of a script."""
    try:
        do()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError, TypeError):  # what native libraries have not printed yet
        ctypes.CDLL(None).fflush(None)
    return status


if __name__ == "__main__":
    main()
