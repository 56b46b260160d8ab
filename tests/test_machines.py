"""What machines do to files: eight processes at once, disks that are full, and signals."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.cli import commands, main
from eipyomo.cli.ending import Stopped, stopped_by_signals
from eipyomo.studies.partial import continued
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import cells
from experiments import signals
from tests.conftest import REFERENCE

ROOT = REFERENCE.parents[1]
LETTER = str(REFERENCE / "instances" / "letter-m2.json")
Capture = pytest.CaptureFixture[str]
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root may mount a disk, or be somebody else",
)
"""For root such a test runs, and fails where the system does not let it."""


def together(script: str, folder: Path, processes: int, **environment: str) -> list[str]:
    """Run a script in so many processes that begin at once; return what each prints last."""
    waiting = "import sys\nfrom pathlib import Path\n{}\nsys.stdin.readline()\n{}"
    code = waiting.format(*script.split("# ready\n"))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(number)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    ends = [one.communicate(timeout=120) for one in started]
    assert [one.returncode for one in started] == [0] * processes, ends
    return [out for out, _ in ends]


# --- eight at once --------------------------------------------------------------------------------

SHARED = f"""
import eipyomo as ei
from eipyomo.studies.pools import in_this_process
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import cells, failed, fill, solved
from eipyomo.bundling.bundle import bundle
instance = ei.Instance.from_json({LETTER!r})
wanted = cells([instance.replace(bandwidth_hz=2e7 + 1e6 * k) for k in range(6)], ["eco", "lco"])
# ready
with Store("s.db") as store:
    fill(store, wanted, solved, failed, in_this_process())
    ei.train(instance, 4, seed=1, store=store)
    result = ei.solve(instance, "eco")
for _ in range(10):
    result.to_json("r.json")
bundle("b.zip", [{LETTER!r}, "r.json"])
"""


def test_eight_processes_write_the_same_files(tmp_path: Path) -> None:
    """One store, new, of a sweep and of a process, one result, one bundle: all there, none broken.

    Values are those of this process, which solves undisturbed.
    """
    together(SHARED, tmp_path, 8)
    instance = ei.Instance.from_json(LETTER)
    instances = [instance.replace(bandwidth_hz=2e7 + 1e6 * k) for k in range(6)]
    wanted = cells(instances, ["eco", "lco"])
    with Store(tmp_path / "s.db") as store:
        assert len(store) == 12 + 4
        rows = store.frame(wanted)
    expected = [ei.solve(one.instance, one.method).objective for one in wanted]
    assert rows["objective"].tolist() == expected
    assert not signals.broken(tmp_path)
    assert json.loads((tmp_path / "r.json").read_text())["objective"] == expected[0]
    assert ei.Bundle.open(tmp_path / "b.zip").checks
    assert {file.name for file in tmp_path.iterdir()} == {"s.db", "r.json", "b.zip"}


def test_a_new_store_that_another_begins_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait where two change how a file is written: one is to be refused."""
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.2, other.close)
    done.start()
    with Store(tmp_path / "s.db") as store:
        assert len(store) == 0
    done.join()


COMPILED = """
import logging
import half
logging.getLogger("eipyomo").addHandler(logging.StreamHandler(sys.stdout))
# ready
print(half.half(4.0))
"""
HALF = """
from eipyomo.solvers.compiled import compiled


@compiled
def half(number):
    return number / 2.0
"""


def test_eight_processes_compile_into_one_folder(tmp_path: Path) -> None:
    """From cold, all have the right machine code, and none complains."""
    (tmp_path / "half.py").write_text(HALF)
    kept = tmp_path / "kept"
    assert together(COMPILED, tmp_path, 8, NUMBA_CACHE_DIR=str(kept)) == ["2.0\n"] * 8
    assert {file.suffix for file in kept.rglob("*.nb*")} == {".nbi", ".nbc"}


def test_one_process_adds_to_a_part(tmp_path: Path) -> None:
    """A second one would cut off what the first has written, and is refused in one sentence."""
    file = tmp_path / "d.part"
    with continued(file, {"of": 1}, 2) as (_, add):
        add(np.ones(2))
        with (
            pytest.raises(ei.InputError, match=r"another process adds to .*d\.part'"),
            continued(file, {"of": 1}, 2),
        ):
            pass
        add(np.zeros(2))
    with continued(file, {"of": 1}, 2) as (there, _):
        assert there.tolist() == [[1.0, 1.0], [0.0, 0.0]]


# --- full disks and other users -------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of its own on which there is an older file, and room for nothing."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(place)], check=True)
    try:
        for name in OLD:
            (place / name).write_text(signals.OLD)
        with (place / "filler").open("wb") as filler:
            while True:
                try:
                    filler.write(bytes(4096))
                    filler.flush()
                except OSError:
                    break
    except OSError:
        pass  # what is left of the buffer is tried once more
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


OLD = ("r.json", "t.csv", "f.png", "d.npz", "b.zip", "page.html", "m.nl")
FULL: dict[str, Sequence[str]] = {
    "result": ("solve", LETTER, "-m", "eco", "-o", "{disk}/r.json"),
    "certificate": ("solve", LETTER, "-m", "eco", "--certificate", "{disk}/r.json"),
    "table": ("solve", LETTER, "-m", "eco", "--csv", "{disk}/t.csv"),
    "instance": ("generate", "-o", "{disk}/r.json"),
    "process": ("train", LETTER, "--rounds", "2", "-o", "{disk}/r.json"),
    "store": ("train", LETTER, "--rounds", "2", "--store", "{disk}/s.db"),
    "labels": ("dataset", "--users", "2", "--samples", "2", "--workers", "1", "-o", "{disk}/d.npz"),
    "figure": ("plot", "{room}/result.json", "-o", "{disk}/f.png"),
    "page": ("report", "{room}/result.json", "-o", "{disk}/page.html"),
    "bundle": ("bundle", LETTER, "{room}/result.json", "-o", "{disk}/b.zip"),
    "model": ("export", LETTER, "-o", "{disk}/m.nl"),
}


@as_root
def test_a_disk_that_is_really_full(disk: Path, tmp_path: Path, capsys: Capture) -> None:
    """Each kind of file: a sentence and no traceback, older files as they were, nothing beside."""
    ei.solve(ei.Instance.from_json(LETTER), "eco").to_json(tmp_path / "result.json")
    before = {file.name: file.read_bytes() for file in disk.iterdir()}
    for what, words in FULL.items():
        status = main([word.format(disk=disk, room=tmp_path) for word in words])
        said = capsys.readouterr().err
        assert status in (2, 4), (what, said)
        assert "No space left" in said or "disk is full" in said, (what, said)
        assert "fault of eipyomo" not in said, (what, said)
        left = {file.name: file.read_bytes() for file in disk.iterdir()}
        for name in ("d.npz.part", "s.db"):  # made, and of no length
            left.pop(name, None)
        assert left == before, what


@as_root
def test_solvers_and_compiled_code_without_room(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver that has no room is a sentence; without room for machine code it is made anew."""
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    result = ei.solve(ei.Instance.from_json(LETTER), "eco", solver="ipopt")
    assert result.termination == "error"
    assert "No space left" in result.message
    (tmp_path / "half.py").write_text(HALF)
    (said,) = together(COMPILED, tmp_path, 1, NUMBA_CACHE_DIR=str(disk / "kept"))
    assert said.startswith("compiled code cannot be kept")
    assert said.endswith("\n2.0\n")


AS_NOBODY = """
from eipyomo.cli import main
for words in {words}:
    print("status", main(words), file=sys.stderr)
"""


@as_root
def test_another_user_who_may_only_read(tmp_path: Path) -> None:
    """Whose home, working folder and package are somebody else's: clear sentences, and answers.

    The user may read everything (CAP_DAC_READ_SEARCH), as the tests may lie where nobody looks.
    """
    (tmp_path / "r.json").write_text(signals.OLD)
    commands = [
        ["generate", "-o", "new.json"],
        ["generate", "-o", "r.json"],
        ["export", LETTER, "-o", "m.nl"],
        ["train", LETTER, "--rounds", "1", "--store", "s.db"],
        ["dataset", "--samples", "1", "-o", "d.npz"],
        ["solve", LETTER, "-m", "eco", "--solver", "ipopt", "--json"],
    ]
    code = AS_NOBODY.replace("{words}", repr(commands))
    nobody = (
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all,+dac_read_search",
    )
    reads = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    done = subprocess.run(
        ["setpriv", *nobody, *reads, sys.executable, "-c", f"import sys\n{code}"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("status") == len(commands)
    assert "Traceback" not in done.stderr
    assert "fault of eipyomo" not in done.stderr
    assert json.loads(done.stdout)["feasible"]
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


# --- signals --------------------------------------------------------------------------------------


def test_ctrl_c_more_than_once(tmp_path: Path) -> None:
    """While everything is still imported, and again while it ends: one sentence, status 130."""
    with signals.started(tmp_path, ["solve", LETTER, "-m", "minlp:scip"]) as (process, _):
        while process.poll() is None and not signals.listens(process.pid):
            time.sleep(0.001)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        _, said = process.communicate(timeout=30)
    assert process.returncode in (128 + signal.SIGINT, -signal.SIGINT)
    assert said == "eipyomo: interrupted\n"


def test_a_signal_that_is_lost_comes_again() -> None:
    """Raised where Python can only print it, as when an object is freed: heard a moment later."""

    class Freed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def told() -> None:
        with stopped_by_signals():
            Freed()
            time.sleep(30.0)

    hook = sys.unraisablehook
    with pytest.raises(Stopped) as stopped:
        told()
    assert stopped.value.status == 128 + signal.SIGTERM
    assert sys.unraisablehook is hook


def test_a_signal_that_comes_again_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Python is still told that one was lost, as on a busy machine: heard all the same."""
    started: list[threading.Timer] = []

    class Late(threading.Timer):
        def start(self) -> None:
            super().start()
            started.append(self)
            if len(started) < 3:
                time.sleep(0.05)

    monkeypatch.setattr(threading, "Timer", Late)
    test_a_signal_that_is_lost_comes_again()
    assert len(started) > 2


def test_a_signal_that_compiled_code_renames(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Raised in a callback of pydantic or SQLite it becomes their error, and is told as itself."""

    def renamed(*_: Any, **__: Any) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Stopped as error:
            raise ValueError(str(error)) from None

    monkeypatch.setattr(commands.cli, "main", renamed)
    assert main(["solvers"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "eipyomo: stopped by SIGTERM\n"
    monkeypatch.setattr(commands, "run", renamed)  # as when the commands are imported
    assert main(["solvers"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "eipyomo: stopped by SIGTERM\n"


INTERRUPTED = """
import random, signal
import eipyomo as ei

class Stop(BaseException):
    pass

def stop(*_):
    raise Stop

draw, stopped = random.Random(1), 0
channels = [ei.Instance.letter(users=4, seed=seed) for seed in range(20)]
for channel in channels:
    ei.solve(channel)
signal.signal(signal.SIGALRM, stop)
while stopped < 500:
    try:
        signal.setitimer(signal.ITIMER_REAL, draw.uniform(2e-4, 5e-3))
        ei.solve(draw.choice(channels))
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    except Stop:
        stopped += 1
"""


def test_signals_within_compiled_code() -> None:
    """What a signal raises as compiled code hands over its answer is an error like any other."""
    script = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
