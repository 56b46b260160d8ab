"""End what a process has started when that process is gone, however it ended; a script.

It reads lines from the process that started it, ``{"guard": what}`` and ``{"leave": what}``, where
a number is a process group and a string is a folder. Its input ends when that process does, even by
SIGKILL; then it ends every process group that is still guarded, and removes all folders that are.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys


def main() -> None:
    """Listen until the input ends, then clear up."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # meant for the process, which clears up by itself
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    guarded: set[int | str] = set()
    for line in sys.stdin:
        word = json.loads(line)
        if "leave" in word:
            guarded.discard(word["leave"])
        else:
            guarded.add(word["guard"])
    for group in guarded:
        if isinstance(group, int):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
    for folder in guarded:
        if isinstance(folder, str):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
