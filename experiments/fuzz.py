"""What every reader does with inputs that are broken, hostile, or odd.

``python -m experiments.fuzz`` gives each reader of the package many thousand inputs and stores what
came of them: refused in a sentence, accepted and good for what such a thing is good for, or a
fault. Half an hour of one processor; a run that was stopped goes on with the next reader, and
``python -m experiments.fuzz instance`` tries a single one. Faults are kept in
``experiments/stores/faults``, each with what happened; input n of a reader is always the same.
"""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np

import eipyomo as ei
from experiments.fuzz_inputs import made
from experiments.fuzz_readers import READERS, Reader, companions
from experiments.table import STORES, Case, Row, Table, command

DEADLINE_S = 20.0
"""For one input, by the clock; the machine may be busy."""

LONGEST = 2500
"""A sentence has no more characters."""

SAMPLES = 20
"""How often the resident memory is looked at."""

MEMORY = Path("/dev/shm")
"""Where inputs are written without a disk, if the system has it."""

PAGE = resource.getpagesize()
ROOM = 2**32
"""So many bytes may be asked for beside those in use."""


class LateError(BaseException):
    """An input took longer than its deadline; nobody catches this by chance."""


@dataclass
class Log:
    """What became of inputs."""

    ends: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    slowest: int = 0
    memory_mb: list[tuple[int, float]] = field(default_factory=list)

    def growth(self) -> float:
        """Return the slope of the memory in MB for 10,000 inputs, the first fifth left out."""
        later = np.array(self.memory_mb[len(self.memory_mb) // 5 :])
        return float(np.polyfit(later[:, 0], later[:, 1], 1)[0]) * 1e4 if len(later) > 2 else 0.0


def tried(reader: Reader, numbers: Iterable[int]) -> Log:
    """Give inputs to a reader, and return what became of them."""
    log, valid = Log(), reader.valid()
    numbers = list(numbers)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name,
        _deadline(),
        _bounded(),
        _readings_alone(),
    ):
        companions(Path(name))
        path = Path(name) / reader.file
        for k, n in enumerate(numbers):
            path.write_bytes(made(reader.kind, valid, reader.name, n))
            began = time.process_time()
            end = outcome(reader, path)
            seconds = time.process_time() - began
            log.ends[end if end in ENDS else "fault"] += 1
            if end not in ENDS:
                log.faults[n] = end
            if seconds > log.slowest_s:
                log.slowest_s, log.slowest = seconds, n
            if k % max(len(numbers) // SAMPLES, 1) == 0 or k == len(numbers) - 1:
                log.memory_mb.append((k, _resident_mb()))
    return log


ENDS = ("accepted", "refused")


def outcome(reader: Reader, path: Path) -> str:
    """Return how the reader of a file ends: one of ``ENDS``, or what is wrong with it."""
    began, printed = time.monotonic(), io.StringIO()
    signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
    try:
        with contextlib.redirect_stdout(printed):
            reader.read(path)
        end = "accepted"
    except ei.EipyomoError as error:
        end = _judged(str(error))
    except (Exception, LateError):
        end = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    if printed.getvalue():
        return f"it prints {printed.getvalue()[:3000]!r}"
    # What waits in C hears no signal.
    late = end in ENDS and time.monotonic() > began + DEADLINE_S
    return f"it took more than {DEADLINE_S:g} s" if late else end


def _judged(sentence: str) -> str:
    """Tell whether a refusal is one sentence that a person can read."""
    odd = [sign for sign in ("\n", "Traceback", "np.float64", "object at 0x") if sign in sentence]
    if odd or not sentence.strip() or len(sentence) > LONGEST:
        return f"this is no sentence ({len(sentence)} characters, {odd}): {sentence[:3000]!r}"
    return "refused"


@contextlib.contextmanager
def _deadline() -> Iterator[None]:
    """Let the timer raise an error of its own."""

    def late(_: int, __: FrameType | None) -> None:
        raise LateError(f"it took more than {DEADLINE_S:g} s")

    before = signal.signal(signal.SIGALRM, late)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Let whoever asks for much more memory than there is in use have a MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextlib.contextmanager
def _readings_alone() -> Iterator[None]:
    """Let every warning be a fault, but for those about what was read."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ei.errors.InputWarning)
        yield


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE / 2**20


def cases() -> Iterator[Case]:
    """Iterate over readers, with how many inputs each gets."""
    for reader in READERS.values():
        yield reader.name, reader.inputs


def row(name: str, inputs: int) -> Row:
    """Return what became of the inputs of a reader."""
    reader = READERS[name]
    tried(reader, range(inputs, inputs + 50))  # caches are filled, libraries loaded
    began = time.process_time()
    log = tried(reader, range(inputs))
    for n, what in log.faults.items():
        keep(reader, n, what)
    return {
        "reader": name,
        "inputs": inputs,
        "accepted": log.ends["accepted"],
        "refused": log.ends["refused"],
        "faults": log.ends["fault"],
        "cpu_s": round(time.process_time() - began, 1),
        "slowest_ms": round(1e3 * log.slowest_s, 1),
        "slowest_input": log.slowest,
        "memory_start_mb": round(log.memory_mb[0][1], 1),
        "memory_end_mb": round(log.memory_mb[-1][1], 1),
        "growth_mb_per_10000": round(log.growth(), 2),
    }


def keep(reader: Reader, n: int, what: str) -> None:
    """Keep an input with what is wrong with it."""
    folder = STORES / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{reader.name} {n}".replace("/", "_")
    (folder / name).write_bytes(made(reader.kind, reader.valid(), reader.name, n))
    (folder / f"{name}.txt").write_text(what, encoding="utf-8", errors="backslashreplace")


TABLE = Table("fuzz", cases, row, ("pydantic", "pandas", "scipy", "openpyxl", "pyarrow"))

if __name__ == "__main__":
    command([TABLE])
