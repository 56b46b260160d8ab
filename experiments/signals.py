"""Every command that takes long, ended by a signal at any moment: what is left, and what goes on.

Run ``python -m experiments.signals``; it takes a quarter of an hour, and goes on where it was
stopped. A command is given in a folder in which older files stand where it writes. The signal comes
at a random moment of the time that the command takes undisturbed, from when it listens to signals,
some 0.1 s after Python has started: SIGINT to the whole group, as a terminal sends it, SIGTERM and
SIGKILL to the command alone. Then every file is the older one or whole, no process and no temporary
folder of the command is left, and nothing but one sentence was said. The same command is then given
again, disturbed anew at a later moment, and in the end left alone, when it must complete.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pandas as pd
from matplotlib.image import imread

import eipyomo as ei
from experiments.table import Row, Table, command

ROOT = Path(__file__).parents[1]
TRIES = 2
CLEAR_S, END_S, RUN_S = 5.0, 20.0, 300.0
OLD = "what was there before\n"
SIGNALS = {"SIGINT": "interrupted", "SIGTERM": "stopped by SIGTERM", "SIGKILL": None}
"""What a command says at each."""

SOLVE = ("solve", "twelve.json", "-o", "r.json", "--csv", "t.csv")
COMMANDS: Mapping[str, Sequence[str]] = {
    "solve": (*SOLVE, "--certificate", "p.json"),
    "solve by admm": (*SOLVE, "-m", "admm"),
    "solve by scip": ("solve", "two.json", "-m", "minlp:scip", "--time-limit", "3", "-o", "r.json"),
    "solve by ipopt": ("solve", "two.json", "-m", "eco", "--solver", "ipopt", "-o", "r.json"),
    "sweep": (
        *("sweep", "--draw", "users=2 seeds=0:30", "-m", "exact", "-m", "lco", "--workers", "2"),
        *("--store", "s.db", "--csv", "t.csv"),
    ),
    "train": (
        *("train", "two.json", "--rounds", "4", "--seed", "1", "--training-method", "minlp:ipopt"),
        *("--store", "s.db", "-o", "process.json", "--csv", "t.csv"),
    ),
    "compare": ("compare", "two.json", "--methods", "exact,admm,minlp:bonmin", "--csv", "t.csv"),
    "benchmark": (
        *("benchmark", "eco", "policy.py:decide", "--draw", "users=2 seeds=0:8"),
        *("--workers", "2", "--store", "s.db", "--csv", "t.csv", "-o", "f.png"),
    ),
    "dataset": ("dataset", "--users", "2", "--samples", "120", "--workers", "2", "-o", "d.npz"),
    "plan pareto": (
        *("plan", "pareto", "two.json", "--points", "3", "--workers", "2"),
        *("--csv", "t.csv", "-o", "f.png"),
    ),
    "plan stress": ("plan", "stress", "two.json", "--csv", "t.csv", "-o", "f.png"),
    "report": ("report", "result.json", "--instance", "two.json", "-o", "page.html"),
    "bundle": ("bundle", "two.json", "result.json", "--certificates", "-o", "b.zip"),
    "bundle check": ("bundle", "check", "study.zip", "--prove", "--extract", "out"),
    "library check": (
        *("library", "check", "--only", "letter-m2,letter-m4,letter-m12"),
        *("--certificates", "proofs"),
    ),
}
"""Words of each command, in a folder that :func:`furnish` has filled."""

POLICY = """
import eipyomo as ei


def decide(instance):
    return ei.solve(instance, "lco").allocation
"""


@cache
def _furniture() -> Mapping[str, bytes]:
    """Return the files that commands read."""
    two, twelve = (ei.Instance.letter(users=users, seed=1) for users in (2, 12))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        two.to_json(folder / "two.json")
        twelve.to_json(folder / "twelve.json")
        result = ei.solve(two, certificate=folder / "proof.json")
        result.to_json(folder / "result.json")
        (folder / "policy.py").write_text(POLICY, encoding="utf-8")
        ei.bundle(folder / "study.zip", [folder / "two.json", folder / "result.json"])
        return {file.name: file.read_bytes() for file in folder.iterdir()}


def outputs(words: Sequence[str]) -> list[str]:
    """Return the names of files that a command replaces."""
    options = ("-o", "--csv", "--certificate")
    return [name for option, name in itertools.pairwise(words) if option in options]


def furnish(folder: Path, words: Sequence[str]) -> None:
    """Fill a folder with what a command reads, and with older files where it writes."""
    for name, contents in _furniture().items():
        (folder / name).write_bytes(contents)
    for name in outputs(words):
        (folder / name).write_text(OLD, encoding="utf-8")
    for name in ("scratch", "proofs"):
        (folder / name).mkdir()


def _is_database(file: Path) -> bool:
    database = sqlite3.connect(file)
    try:
        return bool(database.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    finally:
        database.close()


WHOLE: Mapping[str, Callable[[Path], object]] = {
    ".json": lambda file: json.loads(file.read_text(encoding="utf-8")),
    ".csv": lambda file: file.read_bytes().endswith(b"\n") and len(pd.read_csv(file)),
    ".db": _is_database,
    ".zip": lambda file: zipfile.ZipFile(file).testzip() is None,
    ".html": lambda file: file.read_text(encoding="utf-8").rstrip().endswith("</html>"),
    ".png": lambda file: imread(file).size,
    ".npz": lambda file: zipfile.ZipFile(file).testzip() is None,
    ".nl": lambda file: file.read_bytes().endswith(b"\n"),
}
"""How each kind of file is read; what raises, or is not true, is not whole."""


def broken(folder: Path) -> list[str]:
    """Return the names of files that are neither older ones nor whole."""
    found = []
    for file in sorted(folder.rglob("*")):
        read = WHOLE.get(file.suffix)
        if read is None or not file.is_file() or file.read_bytes() == OLD.encode():
            continue
        try:
            whole = bool(read(file))
        except Exception:  # whatever a broken file raises
            whole = False
        if not whole:
            found.append(file.name)
    return found


def left_running(mark: str) -> list[str]:
    """Return the commands of processes, but for zombies, whose environment holds a mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                words = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                if words:  # of a zombie nothing is left
                    found.append(words)
        except OSError:
            continue
    return found


@contextmanager
def started(folder: Path, words: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a command in a folder; give it with the mark that all its processes bear."""
    mark = uuid.uuid4().hex
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"PYTHONPATH": path, "TMPDIR": str(folder / "scratch"), "EIPYOMO_MARK": mark}
    # Who is started in the background ignores SIGINT, and so would the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "eipyomo.cli", *words],
        cwd=folder,
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    with process:
        yield process, mark


def undisturbed(folder: Path, words: Sequence[str]) -> tuple[float, int, str]:
    """Return the seconds of a command, its exit status and what it said."""
    begin = time.monotonic()
    with started(folder, words) as (process, _):
        _, said = process.communicate(timeout=RUN_S)
    return time.monotonic() - begin, process.returncode, said


@cache
def seconds(name: str) -> float:
    """Return how long a command takes undisturbed."""
    with tempfile.TemporaryDirectory() as place:
        furnish(Path(place), COMMANDS[name])
        return undisturbed(Path(place), COMMANDS[name])[0]


def listens(process: int) -> bool:
    """Tell whether a process has a handler of SIGTERM yet."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def disturbed(folder: Path, words: Sequence[str], sent: str, after_s: float) -> dict[str, str]:
    """Send a signal to a command after some time; return what is wrong then, by kind."""
    number = getattr(signal, sent)
    with started(folder, words) as (process, mark):
        while process.poll() is None and not listens(process.pid):
            time.sleep(0.005)
        time.sleep(after_s)
        if process.poll() is None:
            (os.killpg if sent == "SIGINT" else os.kill)(process.pid, number)
        try:
            _, said = process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, said = process.communicate()
            said += f"it did not end in {END_S:g} s"
    until = time.monotonic() + CLEAR_S
    while (left_running(mark) or any((folder / "scratch").iterdir())) and time.monotonic() < until:
        time.sleep(0.1)
    wrong = {
        "running": "; ".join(left_running(mark)),
        "scratch": ", ".join(file.name for file in (folder / "scratch").iterdir()),
        "broken": ", ".join(broken(folder)),
        "said": _misspoken(said, sent, process.returncode),
    }
    if sent != "SIGKILL":  # after which nobody can remove them
        wrong["litter"] = ", ".join(file.name for file in folder.rglob(".eipyomo-*"))
    return {kind: what for kind, what in wrong.items() if what}


def _misspoken(said: str, sent: str, status: int) -> str:
    """Return what a command should not have said, or its exit status; blank if all is well.

    Before Python listens to signals, the system ends it without a word.
    """
    number = getattr(signal, sent)
    if any(word in said for word in ("Traceback", "Exception ignored", "fault of", "not end in")):
        return said
    expected = {0: None, 128 + number: SIGNALS[sent], -number: None}
    if status not in expected or (expected[status] or "") not in said:
        return f"exit status {status}: {said}"
    return ""


def resumed(folder: Path, words: Sequence[str]) -> str:
    """Give a command again; return what is wrong with how it ends, blank if nothing is."""
    _, status, said = undisturbed(folder, words)
    if status != 0:
        return f"exit status {status}: {said}"
    old = [name for name in outputs(words) if (folder / name).read_bytes() == OLD.encode()]
    return ", ".join(old + broken(folder))


def row(name: str, sent: str, tries: int = TRIES) -> Row:
    """Return one line of the table: a command and a signal, at so many moments."""
    words, draw = COMMANDS[name], random.Random(f"{name} {sent}")
    count = dict.fromkeys(("running", "scratch", "broken", "said", "litter"), 0)
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="signals-") as place:
        folder = Path(place)
        furnish(folder, words)
        for k in range(tries):
            after_s = (k + draw.random()) / tries * seconds(name)
            for kind, what in disturbed(folder, words, sent, after_s).items():
                count[kind] += 1
                faults.append(f"after {after_s:.2f} s {kind}: {what}")
        if again := resumed(folder, words):
            faults.append(f"again: {again}")
    return {
        "command": name,
        "signal": sent,
        "tries": tries,
        "seconds": round(seconds(name), 2),
        "files_whole": tries - count["broken"],
        "nothing_running": tries - count["running"],
        "nothing_left_behind": tries - max(count["scratch"], count["litter"]),
        "said_well": tries - count["said"],
        "completed_then": not again,
        "faults": " | ".join(faults),
    }


TABLE = Table(
    "signals",
    lambda: ((name, sent) for name in COMMANDS for sent in SIGNALS),
    row,
    ("pyomo", "numba", "casadi", "pyscipopt", "highspy"),
)

if __name__ == "__main__":
    command([TABLE])
