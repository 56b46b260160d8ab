"""Sweeps: nothing is lost, nothing is done twice, and one failure does not stop the rest."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import importlib.metadata
import json
import os
import pickle
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.studies.cell import Cell
from eipyomo.studies.store import COLUMNS, Store
from eipyomo.studies.sweep import cells, sweep
from eipyomo.studies.versions import version_of_code
from tests.conftest import slow_but

distributed: Any = importlib.import_module("distributed")  # it has types only in part

METHODS = ("eco", "lco", "exhaustive step=0.5")
SEEDS = range(40)
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
    """Return 40 instance files of the letter's setting with 2 users."""
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
    """Return the command line of the sweep of 120 cells."""
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
    for least in sorted(draw.sample(range(CELLS // 2), 5)):
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
    """Return what a store holds of the 120 cells."""
    methods = ("eco", "lco", ("exhaustive", {"step": 0.5}))
    with Store(store) as opened:
        assert len(opened) == CELLS
        return opened.frame(cells([ei.Instance.from_json(file) for file in files], methods))


@pytest.mark.slow
def test_a_sweep_survives_five_kills(
    files: list[str], undisturbed: pd.DataFrame, tmp_path: Path
) -> None:
    """120 cells, five SIGKILLs at random (seeded) moments: 120 rows, as if nothing had happened."""
    store = tmp_path / "sweep.db"
    run = command(files, store)
    killed_five_times(run, store, seed=1)
    assert 0 < len(rows(store)) < CELLS
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    same(stored(files, store), undisturbed)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_second_run_computes_nothing(files: list[str], tmp_path: Path) -> None:
    """Finished cells are reported once, whatever the instance is called; new ones are added."""
    instance = ei.Instance.from_json(files[0])
    seen: list[str] = []
    with Store(tmp_path / "sweep.db") as store:
        for name in ("one", "another"):
            wanted = cells([instance.model_copy(update={"name": name})], ["eco", "lco"])
            sweep(wanted, store, workers=1, report=lambda cell, _: seen.append(cell.method))
    assert sorted(seen) == ["eco", "lco"]


@pytest.mark.slow
def test_failing_cells_are_shown_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A cell that raises and one whose process dies become errors; the others are answered."""
    instance = ei.Instance.letter(users=2)
    wanted = [
        Deadly(instance, "exact"),
        Cell(instance, "exhaustive", {"step": 0.001, "enumeration": True}),
        *cells([instance], ["eco", "lco", ("exact", {"gap": 1e-4})]),
    ]
    with Store(tmp_path / "sweep.db") as store:
        frame = sweep(wanted, store, workers=2)
        assert list(frame["termination"]) == ["error", "error", *["optimal"] * 3]
        assert frame["message"][0] == "the process that computed it died"
        assert "step is 0.001, which makes" in frame["message"][1]
        store.forget_errors()
        assert len(store) == 3


@pytest.mark.slow
def test_the_command_line_shows_failures(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON document, a sentence for the failing cell, exit status 0, and the table as CSV."""
    table = tmp_path / "table.csv"
    options = ["--store", str(tmp_path / "s.db"), "--csv", str(table), "--workers", "1", "--json"]
    too_many = "exhaustive step=0.001 enumeration=true"
    status = main(["sweep", files[0], "-m", "eco", "-m", too_many, *options])
    out, err = capsys.readouterr()
    assert status == 0
    assert [row["termination"] for row in json.loads(out)["rows"]] == ["optimal", "error"]
    assert "step is 0.001, which makes" in err
    assert len(pd.read_csv(table)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "nonsense"], "method is 'nonsense'"),
        (["-m", "exact step"], "must be KEY=VALUE"),
        (["-m", "exact step=1"], "step is not an option"),
        (["-m", "exhaustive step=0.3"], "step is 0.3, but must be 1/n"),
        (["--workers", "0"], "workers is 0"),
        (["--workers", "2", "--cluster", "tcp://127.0.0.1:9"], "workers and cluster are given"),
        (["--retry"], "retry is given without a store"),
        (["-m", "exhaustive step=0.1 step=0.2"], "the options name 'step' twice"),
        (["-m", "exact certificate=proof.json"], "certificate is no option of a cell"),
        (["--csv", "table.pdf"], "csv is 'table.pdf', but must end in .csv"),
        (["--csv", "table"], "csv is 'table', but must end in .csv"),
        (["--store", "x.csv", "--csv", "./x.csv"], "store and csv name the file"),
        (["--set", "users[eu9].task_bits=1"], "users[eu9], but must have"),
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
    assert not list(tmp_path.iterdir())


def test_a_cluster_that_is_not_there_is_named(
    files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An address at which nobody listens gets one sentence, and exit status 4."""
    monkeypatch.setattr("eipyomo.studies.pools.CONNECT_S", 0.5)
    where = ["--store", str(tmp_path / "s.db"), "--cluster", "tcp://127.0.0.1:9"]
    assert main(["sweep", files[0], "-m", "eco", *where]) == 4
    assert "cannot reach a Dask scheduler at 'tcp://127.0.0.1:9'" in capsys.readouterr().err


def test_missing_solvers_are_said_before_anything_runs(
    files: list[str], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Once for each, in a sweep and in a comparison, while all others are still to come."""
    for command in (["sweep", *files, "--workers", "1"], ["compare", files[0]]):
        assert main([*command, "-m", "eco", "-m", "minlp:baron"]) == 0
        told = [line for line in capsys.readouterr().err.splitlines() if "no answer: the" in line]
        assert len(told) == 1
        assert "minlp:baron will have no answer: the solver 'baron' is missing" in told[0]
    instance = ei.Instance.from_json(files[0])
    caplog.clear()
    order: list[str] = []
    ei.compare(
        [instance], ["eco", "minlp:baron"], progress=lambda *_: order.extend(caplog.messages)
    )
    assert order[0].startswith("minlp:baron will have no answer")


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("exact", {"gap": 1e-4}),
        ("exhaustive", {"step": np.float64(0.5), "enumeration": np.bool_(True)}),
        (
            "admm",
            {
                "penalty": {"uplink": 2.0, "sync": 1.0, "downlink": 2.0},
                "max_iterations": np.int64(3),
            },
        ),
        ("minlp", {"solver": "bonmin", "formulation": "letter"}),
    ],
)
def test_cells_cannot_be_changed(method: str, options: dict[str, Any]) -> None:
    """Neither the options that were given nor those of the cell change it, or its key, in depth."""
    given = copy.deepcopy(options)
    cell = Cell(ei.Instance.letter(users=2), method, options)
    for part in (options, *(part for part in options.values() if isinstance(part, dict))):
        part.clear()
    assert cell.arguments() == given
    opened: Any = cell.options
    for part in (opened, *(part for part in opened.values() if not np.isscalar(part))):
        with pytest.raises(TypeError):
            part["gap"] = 1.0
    cell.arguments().clear()
    key = cell.key
    for copied in (copy.copy(cell), copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert copied == cell
        assert copied.key == Cell(cell.instance, method, given).key == key
    other = dataclasses.replace(cell, method="admm", options={})
    assert other.key == Cell(cell.instance, "admm").key != key


def test_keys_follow_the_data() -> None:
    """A cell of a changed copy has the key of an instance made anew, and its result."""
    instance = ei.Instance.letter(users=2)
    copied = instance.model_copy(update={"bandwidth_hz": 4e7, "name": "copy"})
    fresh = ei.Instance.letter(users=2, bandwidth_mhz=40)
    assert Cell(copied, "eco").key == Cell(fresh, "eco").key != Cell(instance, "eco").key
    with Store() as store:
        store.add(Cell(copied, "eco"), ei.solve(copied, "eco").to_dict())
        found = store.get(Cell(fresh, "eco"))
        assert found is not None
        assert found["objective"] == ei.solve(fresh, "eco").objective
        assert store.get(Cell(instance, "eco")) is None


@pytest.mark.slow
def test_every_cell_has_its_row(tmp_path: Path) -> None:
    """Equal data under other names are computed once, and have a row each in the order asked."""
    one = ei.Instance.letter(users=2, name="one")
    same = [one, one.replace(name="two"), ei.Instance.letter(users=1, name="other"), one]
    seen: list[str] = []
    with Store(tmp_path / "sweep.db") as store:
        for _ in range(2):
            table = sweep(
                cells(same, ["eco", "lco"]),
                store,
                workers=1,
                report=lambda cell, _: seen.append(cell.instance.name),
            )
            assert (
                list(table["instance"]) == ["one"] * 2 + ["two"] * 2 + ["other"] * 2 + ["one"] * 2
            )
        assert sorted(seen) == ["one", "one", "other", "other"]
        assert len(store) == 4
        found = store.get(Cell(same[1], "eco"))
        assert found is not None
        assert found["instance"] == "two"
    assert table["objective"].iloc[:2].tolist() == table["objective"].iloc[2:4].tolist()
    compared = ei.compare(same[:2], ["eco"])
    assert list(compared["instance"]) == ["one", "two"]


@pytest.mark.slow
def test_nothing_is_kept_unasked(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a store neither commands nor functions leave or read a file."""
    monkeypatch.chdir(tmp_path)
    for name in ("sweep.db", "train.db"):
        Path(name).write_text("not ours")
    before = sorted(tmp_path.iterdir())
    assert main(["sweep", files[0], "-m", "eco", "--workers", "1"]) == 0
    assert main(["train", files[0], "--rounds", "2"]) == 0
    assert len(sweep(cells([ei.Instance.from_json(files[0])], ["eco"]), workers=1)) == 1
    ei.train(ei.Instance.from_json(files[0]), 2)
    assert sorted(tmp_path.iterdir()) == before
    assert {file.read_text() for file in before} == {"not ours"}


def test_a_store_is_a_file_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that mean something to SQLite are names of files here."""
    monkeypatch.chdir(tmp_path)
    with Store(":memory:"):
        assert Path(":memory:").is_file()


def found_at(objective: float) -> dict[str, Any]:
    """Return a document as a store keeps it, of which only the objective counts."""
    return {**dict.fromkeys(COLUMNS), "objective": objective}


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", slow_but(["sources", "numpy", "casadi", "pyomo", "pyscipopt", "highspy"], "sources")
)
def test_rows_of_other_code_are_kept_and_not_taken(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed source, or another version of what computes, is another key, and back the old."""
    instance = ei.Instance.letter(users=1)
    changed = subprocess.run(
        [sys.executable, "-c", _OTHER_CODE, what, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert changed != version_of_code()
    assert changed.startswith(importlib.metadata.version("eipyomo"))
    with Store(tmp_path / "sweep.db") as store:
        store.add(Cell(instance, "eco"), found_at(1.0))
        with monkeypatch.context() as patch:
            patch.setattr("eipyomo.studies.cell.version_of_code", lambda: changed)
            assert store.get(Cell(instance, "eco")) is None
            store.add(Cell(instance, "eco"), found_at(2.0))
        found = store.get(Cell(instance, "eco"))
        assert found is not None
        assert found["objective"] == 1.0
        assert len(store) == 2


_OTHER_CODE = """
import importlib.metadata, pathlib, shutil, sys
import eipyomo.studies.versions as versions
what, folder = sys.argv[1], pathlib.Path(sys.argv[2]) / "other"
versions.version_of_code.cache_clear()
if what == "sources":
    package = pathlib.Path(versions.__file__).parents[1]
    shutil.copytree(package, folder)
    with (folder / "physics.py").open("a") as file:
        file.write("#")
    versions.__file__ = str(folder / "studies" / "versions.py")
else:
    known = importlib.metadata.version
    versions.version = lambda name: "9.9.9" if name.lower() == what else known(name)
print(versions.version_of_code())
"""


@pytest.mark.slow
def test_the_key_is_the_same_in_every_process() -> None:
    """Another process with another hash seed has the same version, wherever it runs."""
    script = "from eipyomo.studies.versions import version_of_code; print(version_of_code())"
    for seed in ("1", "2"):
        other = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        assert other.stdout.strip() == version_of_code()


def test_rows_of_another_executable_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver outside of Python that is new, changed or gone is another key."""
    instance = ei.Instance.letter(users=1)
    monkeypatch.setenv("EIPYOMO_SOLVERS", str(tmp_path))
    executable = tmp_path / "couenne"

    def key() -> str:
        return Cell(instance, "minlp:couenne").key[3]

    keys = [key()]
    for text in ("#!/bin/sh\n", "#!/bin/sh\ntrue\n"):
        executable.write_text(text)
        executable.chmod(0o755)
        keys.append(key())
    assert len(set(keys)) == 3
    assert key() == keys[-1]
    assert Cell(instance, "exact").key[3] == version_of_code()
    shutil.copy2(executable, tmp_path / "ipopt")
    stamps = {
        Cell(instance, method, options).key[3]
        for method, options in (
            ("milp", {}),
            ("minlp:ipopt", {"round": "training"}),
            ("eco", {"solver": "ipopt"}),
        )
    }
    assert all("ipopt" in stamp for stamp in stamps)


def test_a_file_that_is_no_store_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 warns of what stays open, later and elsewhere."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def watched(*places: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*places, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", watched)
    (tmp_path / "other.db").write_text("no database, but longer than the header of one" * 9)
    with pytest.raises(ei.InputError, match="cannot keep a sweep"):
        Store(tmp_path / "other.db")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_stores_of_the_old_layout_open(tmp_path: Path) -> None:
    """A file of version 0.1.0 is opened without loss; its rows are not taken."""
    file = tmp_path / "old.db"
    cell = Cell(ei.Instance.letter(users=1), "eco")
    database = sqlite3.connect(file)
    database.execute(
        "CREATE TABLE cells (digest TEXT NOT NULL, method TEXT NOT NULL, options TEXT NOT NULL, "
        "version TEXT NOT NULL, instance TEXT NOT NULL, "
        "finished TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, result TEXT NOT NULL, "
        "PRIMARY KEY (digest, method, options, version)) STRICT"
    )
    old = (*cell.key[:3], "0.1.0", "old", '{"objective": -1.0}')
    database.execute(
        "INSERT INTO cells (digest, method, options, version, instance, result) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        old,
    )
    database.commit()
    kept = database.execute("SELECT * FROM cells").fetchall()
    database.close()
    with Store(file) as store:
        assert store.get(cell) is None
        store.add(cell, found_at(1.0))
        assert store.get(cell) == {**found_at(1.0), "instance": cell.instance.name}
    assert [row[1:] for row in rows(file).values() if row[4] == "0.1.0"] == kept
    assert len(rows(file)) == 2


def test_a_worker_of_other_code_is_refused() -> None:
    """What another version would find is not stored under this one's key."""
    cell = Cell(ei.Instance.letter(users=1), "eco")
    module = importlib.import_module("eipyomo.studies.sweep")
    assert json.loads(module.text_of(cell, module.solved, version_of_code()))["method"] == "eco"
    with pytest.raises(Exception, match=version_of_code().replace("+", r"\+")):
        module.text_of(cell, module.solved, "0.1.0+0")


@pytest.mark.slow
def test_a_sweep_with_workers_of_other_code_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence names both versions, and nothing is stored."""
    monkeypatch.setattr("eipyomo.studies.sweep.version_of_code", lambda: "0.1.0+other")
    with Store(tmp_path / "sweep.db") as store:
        with pytest.raises(ei.SolverError, match=r"a worker computes with version .*, but must"):
            sweep(cells([ei.Instance.letter(users=1)], ["eco"]), store, workers=1)
        assert len(store) == 0


HALF_A_RESULT = """
import contextlib, gc, os, pathlib, sys, time
from multiprocessing.queues import SimpleQueue
from eipyomo.studies.pools import open_pools

def stop_in_the_middle(mark):
    for queue in [one for one in gc.get_objects() if isinstance(one, SimpleQueue)]:
        os.write(queue._writer.fileno(), b"\\0\\0")  # of four bytes that say how long it is
    pathlib.Path(mark).touch()
    time.sleep(60)

if __name__ == "__main__":
    mark = pathlib.Path(sys.argv[1])
    with contextlib.closing(open_pools(2, None)) as pools:
        pool, _ = next(pools)
        pool.submit(stop_in_the_middle, str(mark))
        while not mark.exists():
            time.sleep(0.01)
"""


def test_pools_end_in_the_middle_of_a_result(tmp_path: Path) -> None:
    """A worker that is ended while it writes a result leaves nobody waiting for the rest of it."""
    script = tmp_path / "half.py"
    script.write_text(HALF_A_RESULT)
    ended = subprocess.run([sys.executable, script, tmp_path / "mark"], timeout=50, check=False)
    assert ended.returncode == 0
