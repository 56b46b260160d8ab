"""How time and memory grow with the number of users, from building an instance to reading a result.

Run ``python -m experiments.size``; ``python -m experiments.size 1000 3000`` for some numbers of
users alone. The setting is the letter's, seed 0, solved by the exact method with its defaults. Each
row is measured in a process of its own after a small instance has been solved, so that compiling
counts for nothing. Seconds are the least of three where all steps together take less than ten.
Memory is what is resident: of an instance, what is there after it is built; of a step, the most
while it is done, with all that is kept of the steps before. Both are above what the process has in
the beginning; where the system does not tell, they are missing.
"""

from __future__ import annotations

import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import eipyomo as ei
from experiments.scaling import BANDS
from experiments.table import Case, Row, Table, command

USERS = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
TIME_LIMIT_S = 600.0
REPETITIONS = 3
SHORT_S = 10.0
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
KB_PER_MB = 1e3

Found = TypeVar("Found")


class Meter:
    """Takes seconds and memory of steps, one after the other."""

    def __init__(self) -> None:
        self.base_mb = resident_mb("VmRSS")
        self.row: Row = {}

    def step(self, name: str, work: Callable[[], Found]) -> Found:
        """Do a step, and note how long it took and how much memory it needed at most."""
        if RESET.exists():
            RESET.write_text("5", encoding="ascii")  # the peak begins anew
        start_s = time.perf_counter()
        found = work()
        self.row[f"{name}_s"] = time.perf_counter() - start_s
        self.row[f"{name}_peak_mb"] = self.above("VmHWM")
        return found

    def above(self, key: str) -> float | None:
        """Return memory above what was there in the beginning."""
        now_mb = resident_mb(key)
        return None if now_mb is None or self.base_mb is None else now_mb - self.base_mb


def resident_mb(key: str) -> float | None:
    """Return what Linux says is resident now (VmRSS) or was at most (VmHWM), in MB."""
    text = STATUS.read_text(encoding="ascii", errors="replace") if STATUS.exists() else ""
    found = re.search(rf"^{key}:\s*(\d+) kB$", text, re.MULTILINE)
    return None if found is None else float(found[1]) / KB_PER_MB


def steps(users: int, band: str) -> Row:
    """Return seconds and memory of every step with an instance."""
    bandwidth_mhz = 20.0 if band == BANDS[0] else 5.0 * users
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        instance_file, result_file = Path(folder) / "instance.json", Path(folder) / "result.json"
        instance = meter.step(
            "build", lambda: ei.Instance.letter(users=users, bandwidth_mhz=bandwidth_mhz)
        )
        meter.row["instance_mb"] = meter.above("VmRSS")
        meter.step("write", lambda: instance.to_json(instance_file))
        meter.step("read", lambda: ei.Instance.from_json(instance_file))
        result = meter.step("solve", lambda: ei.solve(instance, time_limit=TIME_LIMIT_S))
        meter.step("write_result", lambda: result.to_json(result_file))
        meter.step("read_result", lambda: ei.Result.from_json(result_file, instance))
        told = {
            "termination": result.termination,
            "iterations": result.iterations,
            "objective": result.objective,
            "gap": result.gap,
            "instance_file_mb": instance_file.stat().st_size / 1e6,
            "result_file_mb": result_file.stat().st_size / 1e6,
        }
    return {"users": users, "band": band, **meter.row, **told}


def seconds(row: Row) -> list[str]:
    """Return the names of what was timed."""
    return [name for name in row if name.endswith("_s")]


def measured(users: int, band: str) -> Row:
    """Return the row of a warm process; of several runs the least seconds, and the first memory."""
    ei.solve(ei.Instance.letter(users=600))
    row = steps(users, band)
    if sum(row[name] for name in seconds(row)) < SHORT_S:
        for _ in range(REPETITIONS - 1):
            again = steps(users, band)
            row.update({name: min(row[name], again[name]) for name in seconds(row)})
    return row


def row_of(users: int, band: str) -> Row:
    """Return a row, measured in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measured, users, band).result()


def cases() -> Iterator[Case]:
    """Iterate over numbers of users and bands.

    5 MHz for each of a million are a band over which somebody's signal is too weak to be allowed.
    """
    for users in USERS:
        for band in BANDS if users < USERS[-1] else BANDS[:1]:
            yield users, band


TABLE = Table("size", cases, row_of, ("numba",), finish=lambda table: table.round(12))


if __name__ == "__main__":
    command([TABLE])
