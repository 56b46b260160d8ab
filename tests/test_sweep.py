"""Sweeps: nothing is lost, nothing is done twice, and one failure does not stop the rest."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.solvers.sweep import Cell, Store, cells, sweep

distributed: Any = importlib.import_module("distributed")  # it has types only in part

METHODS = ("eco", "lco", "exhaustive step=0.5")
SEEDS = range(20)
CELLS = len(METHODS) * len(SEEDS)
TIMES = ["wall_s", "setup_s"]

Command = list[str]


@dataclass(frozen=True)
class Deadly(Cell):
    """A cell that ends the process of the worker that receives it."""

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        """Make unpickling fatal."""
        return os._exit, (9,)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return 20 instance files of the letter's setting with 2 users."""
    folder = tmp_path_factory.mktemp("instances")
    for seed in SEEDS:
        ei.Instance.letter(users=2, seed=seed).to_json(folder / f"{seed:02}.json")
    return [str(file) for file in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def undisturbed(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return what a sweep that nobody disturbs finds."""
    methods = ("eco", "lco", ("exhaustive", {"step": 0.5}))
    with Store(tmp_path_factory.mktemp("store") / "sweep.db") as store:
        return sweep(cells([ei.Instance.from_json(file) for file in files], methods), store)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the address of a Dask cluster of two processes."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as local:
        yield local.scheduler_address


def command(files: list[str], store: Path, *more: str) -> Command:
    """Return the command line of the sweep of 60 cells."""
    methods = [word for method in METHODS for word in ("-m", method)]
    return [
        sys.executable,
        "-m",
        "eipyomo.cli",
        "sweep",
        *files,
        *methods,
        "--store",
        str(store),
        *more,
    ]


def rows(store: Path) -> dict[str, Any]:
    """Return the stored rows by their row number, read by SQLite alone."""
    if not store.exists():
        return {}
    database = sqlite3.connect(store, timeout=60.0)
    try:
        found = database.execute("SELECT rowid, * FROM cells").fetchall()
    except sqlite3.OperationalError:  # the table is not there yet
        found = []
    database.close()
    return {row[0]: row for row in found}


def killed_five_times(run: Command, store: Path, seed: int) -> None:
    """Start a sweep five times and kill it with SIGKILL when a random number of rows is there."""
    draw = random.Random(seed)
    for least in sorted(draw.sample(range(CELLS - 10), 5)):
        kept = rows(store)
        with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while len(rows(store)) < least and process.poll() is None:
                time.sleep(0.005)
            time.sleep(draw.uniform(0.0, 0.05))
            process.send_signal(signal.SIGKILL)
        now = rows(store)
        assert kept == {number: now[number] for number in kept}, (
            "a finished cell was lost or redone"
        )


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Assert that two sweeps found the same, but for the seconds they took."""
    pd.testing.assert_frame_equal(one.drop(columns=TIMES), other.drop(columns=TIMES))


def stored(files: list[str], store: Path) -> pd.DataFrame:
    """Return what a store holds of the 60 cells."""
    methods = ("eco", "lco", ("exhaustive", {"step": 0.5}))
    with Store(store) as opened:
        assert len(opened) == CELLS
        return opened.frame(cells([ei.Instance.from_json(file) for file in files], methods))


def test_a_sweep_survives_five_kills(
    files: list[str], undisturbed: pd.DataFrame, tmp_path: Path
) -> None:
    """60 cells, five SIGKILLs at random (seeded) moments: 60 rows, as if nothing had happened."""
    store = tmp_path / "sweep.db"
    run = command(files, store)
    killed_five_times(run, store, seed=1)
    assert 0 < len(rows(store)) < CELLS
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    same(stored(files, store), undisturbed)


def test_a_sweep_on_a_cluster_survives_five_kills(
    files: list[str], undisturbed: pd.DataFrame, cluster: str, tmp_path: Path
) -> None:
    """The same on a Dask cluster, with the same rows."""
    store = tmp_path / "sweep.db"
    run = command(files, store, "--cluster", cluster)
    killed_five_times(run, store, seed=2)
    assert 0 < len(rows(store)) < CELLS
    finished = subprocess.run(run, capture_output=True, check=False, text=True)
    assert finished.returncode == 0, finished.stderr
    same(stored(files, store), undisturbed)


def test_a_second_run_computes_nothing(files: list[str], tmp_path: Path) -> None:
    """Finished cells are reported once, whatever the instance is called; new ones are added."""
    instance = ei.Instance.from_json(files[0])
    seen: list[str] = []
    with Store(tmp_path / "sweep.db") as store:
        for name in ("one", "another"):
            wanted = cells([instance.model_copy(update={"name": name})], ["eco", "lco"])
            sweep(wanted, store, workers=1, report=lambda cell, _: seen.append(cell.method))
    assert sorted(seen) == ["eco", "lco"]


def test_failing_cells_are_shown_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A cell that raises and one whose process dies become errors; the others are answered."""
    instance = ei.Instance.letter(users=2)
    wanted = [
        Deadly(instance, "exact"),
        Cell(instance, "exhaustive", {"step": 0.3}),
        *cells([instance], ["eco", "lco", ("exact", {"gap": 1e-4})]),
    ]
    with Store(tmp_path / "sweep.db") as store:
        frame = sweep(wanted, store, workers=2)
        assert list(frame["termination"]) == ["error", "error", *["optimal"] * 3]
        assert frame["message"][0] == "the process that computed it died"
        assert "step is 0.3" in frame["message"][1]
        store.forget_errors()
        assert len(store) == 3


def test_the_command_line_shows_failures(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON document, a sentence for the failing cell, exit status 0, and the table as CSV."""
    table = tmp_path / "table.csv"
    options = ["--store", str(tmp_path / "s.db"), "--csv", str(table), "--workers", "1", "--json"]
    status = main(["sweep", files[0], "-m", "eco", "-m", "exhaustive step=0.3", *options])
    out, err = capsys.readouterr()
    assert status == 0
    assert [row["termination"] for row in json.loads(out)["rows"]] == ["optimal", "error"]
    assert "step is 0.3" in err
    assert len(pd.read_csv(table)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "nonsense"], "method is 'nonsense'"),
        (["-m", "exact step"], "must be KEY=VALUE"),
        (["-m", "exact step=1"], "step is not an option"),
        (["--workers", "0"], "workers is 0"),
        (["--store", "."], "it is a folder"),
        (["--store", __file__], "cannot keep a sweep"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    arguments: list[str],
    words: str,
    files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each mistake gets one sentence and exit status 2."""
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", files[0], *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_cluster_that_is_not_there_is_named(
    files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An address at which nobody listens gets one sentence, and exit status 4."""
    monkeypatch.setattr("eipyomo.solvers.sweep.CONNECT_S", 0.5)
    where = ["--store", str(tmp_path / "s.db"), "--cluster", "tcp://127.0.0.1:9"]
    assert main(["sweep", files[0], "-m", "eco", *where]) == 4
    assert "cannot reach a Dask scheduler at 'tcp://127.0.0.1:9'" in capsys.readouterr().err
