"""End what a process has started when that process is gone, however it ended; a script.

It reads lines from the process that started it: ``{"guard": group, "folder": path}`` and
``{"leave": group}``, or the folder in the place of a group where nothing runs in it. Its input ends
when that process does, even by SIGKILL; then it ends every process group that is still guarded, and
removes all folders that are.
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
    guarded: dict[int | str, str] = {}
    for line in sys.stdin:
        word = json.loads(line)
        if "leave" in word:
            guarded.pop(word["leave"], None)
        else:
            guarded[word["guard"]] = word["folder"]
    for key, folder in guarded.items():
        if isinstance(key, int):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(key, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
