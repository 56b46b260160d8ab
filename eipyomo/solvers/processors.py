"""How many processors this process may use, which can be fewer than the machine has."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


@cache
def processors() -> int:
    """Return the number of processors that the affinity and the control group leave, at least 1."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(math.ceil(min(own, quota(CGROUP))), 1)


def quota(folder: Path) -> float:
    """Return the processors that a control group allows, in either version; infinite without one.

    Parameters
    ----------
    folder
        Where the control group's files are.
    """
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = " ".join((folder / file).read_text() for file in files).split()
            most, period = float(words[0]), float(words[1])
        except (OSError, ValueError, IndexError):  # also "max", which is no limit
            continue
        if most > 0 and period > 0:
            return most / period
    return math.inf


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=processors.cache_clear)
