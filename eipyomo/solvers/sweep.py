"""Sweeps: many instances, methods and options, computed in parallel and never twice.

Every finished cell is on the disk before the next one counts as finished, so that a sweep that was
killed goes on where it stopped. Only the process that runs the sweep writes; workers compute.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import sqlite3
import threading
from collections import deque
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from eipyomo.errors import InputError, SolverError
from eipyomo.files import PathLike, to_json
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.solvers.methods import METHODS, attempt, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    Report = Callable[["Cell", Mapping[str, Any]], None]

CONNECT_S = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    digest TEXT NOT NULL, method TEXT NOT NULL, options TEXT NOT NULL, version TEXT NOT NULL,
    instance TEXT NOT NULL, finished TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, result TEXT NOT NULL,
    PRIMARY KEY (digest, method, options, version)
) STRICT
"""
SHOWN = (
    "problem",
    "termination",
    "objective",
    "bound",
    "gap",
    "feasible",
    "max_violation",
    "iterations",
    "wall_s",
    "setup_s",
    "solver_version",
    "message",
)

Key = tuple[str, str, str, str]
"""Digest of the instance, method, options as JSON, version of this package."""


@dataclass(frozen=True)
class Cell:
    """One instance, solved by one method with options.

    Raises
    ------
    InputError
        If the method or an option is unknown.
    """

    instance: Instance
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no worker could run."""
        resolve(self.method, dict(self.options))
        try:
            json.dumps(self.options, allow_nan=False)
        except (TypeError, ValueError):
            raise InputError(
                f"options of method {self.method!r} are {self.options!r}, but must be finite "
                "numbers, texts, true or false"
            ) from None

    @cached_property
    def key(self) -> Key:
        """What the cell is stored under; free-text names are no part of it."""
        options = json.dumps(self.options, sort_keys=True)
        return self.instance.digest(), self.method, options, version("eipyomo")


def cells(
    instances: Sequence[Instance], methods: Sequence[str | tuple[str, Mapping[str, Any]]]
) -> list[Cell]:
    """Return every instance with every method.

    Parameters
    ----------
    instances
        The instances.
    methods
        Names as in :func:`eipyomo.solve`, alone or with options.
    """
    pairs = [(method, {}) if isinstance(method, str) else method for method in methods]
    return [Cell(instance, name, options) for instance in instances for name, options in pairs]


class Store:
    """Finished cells in an SQLite file; a row that is there survives a kill and a power failure.

    Parameters
    ----------
    path
        The file; made if it is missing.

    Raises
    ------
    InputError
        If the file cannot be opened or is something else.
    """

    def __init__(self, path: PathLike) -> None:
        """Open or make the file."""
        try:
            self._database = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(SCHEMA)
            self._database.execute("SELECT result FROM cells LIMIT 1")
        except sqlite3.Error as error:
            raise InputError(f"cannot keep a sweep in {os.fspath(path)!r}: {error}") from None

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._database.close()

    def __len__(self) -> int:
        """Return the number of finished cells."""
        (count,) = self._database.execute("SELECT count(*) FROM cells").fetchone()
        return int(count)

    def add(self, cell: Cell, document: Mapping[str, Any]) -> None:
        """Store a result document; it is on the disk when this returns. The first one stays."""
        row = (*cell.key, cell.instance.name, json.dumps(document, allow_nan=False))
        self._database.execute(
            "INSERT OR IGNORE INTO cells (digest, method, options, version, instance, result) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    def get(self, cell: Cell) -> dict[str, Any] | None:
        """Return the result document of a cell, or None if it is not finished."""
        row = self._database.execute(
            "SELECT result FROM cells "
            "WHERE digest = ? AND method = ? AND options = ? AND version = ?",
            cell.key,
        ).fetchone()
        if row is None:
            return None
        document: dict[str, Any] = json.loads(row[0])
        return document

    def forget_errors(self) -> None:
        """Drop the cells whose result is an error, so that they are computed again."""
        self._database.execute("DELETE FROM cells WHERE result ->> 'termination' = 'error'")

    def frame(self, wanted: Iterable[Cell]) -> pd.DataFrame:
        """Return one row per finished cell, in the order of the cells.

        The columns are those of the key, and the numbers of :class:`~eipyomo.result.Result`.
        """
        rows = []
        for cell in wanted:
            document = self.get(cell)
            if document is not None:
                digest, method, options, used = cell.key
                row = {"instance": cell.instance.name, "method": method, "options": options}
                row |= {name: document[name] for name in SHOWN}
                rows.append({**row, "digest": digest, "version": used})
        names = ["instance", "method", "options", *SHOWN, "digest", "version"]
        return pd.DataFrame(rows, columns=names)


def sweep(
    wanted: Sequence[Cell],
    store: Store,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report | None = None,
) -> pd.DataFrame:
    """Compute the cells that a store does not hold yet, each once.

    A cell that fails, even by the death of its process, is stored as a result of termination
    ``error``, and the others go on.

    Parameters
    ----------
    wanted
        The cells; one that stands twice is computed once.
    store
        Where finished cells are kept.
    workers
        Number of processes on this machine; as many as there are cores if left out. A script that
        calls this needs the usual guard ``if __name__ == "__main__"``.
    cluster
        Address of a Dask scheduler to compute on instead; its workers must have one thread each.
    report
        Called with every cell that is finished now, and its result document.

    Returns
    -------
    DataFrame
        One row per cell; see :meth:`Store.frame`.

    Raises
    ------
    InputError
        If the number of workers is not positive.
    SolverError
        If the cluster cannot be reached, or cannot be used.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers is {workers!r}, but must be a whole number >= 1")
    unique = {cell.key: cell for cell in wanted}
    missing = [cell for cell in unique.values() if store.get(cell) is None]
    if missing:
        width = workers or os.cpu_count() or 1
        pools = _on_this_machine(width) if cluster is None else _on_cluster(cluster)
        with contextlib.closing(pools):
            for cell, document in _computed(missing, pools):
                store.add(cell, document)
                if report is not None:
                    report(cell, document)
    return store.frame(unique.values())


def compute(cell: Cell) -> str:
    """Return the result document of a cell as JSON text; runs in a worker."""
    result = attempt(cell.instance, cell.method, **cell.options)
    return to_json(result.to_dict(), indent=None)


def _computed(
    missing: Iterable[Cell], pools: Iterator[tuple[Executor, int]]
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Iterate over finished cells, in whatever order they finish.

    `pools` gives executors, each with the number of cells to hand out at a time. When one breaks,
    a cell that was out has broken it: each of these is tried alone, on an executor of its own.
    """
    waiting = deque(missing)
    while waiting:
        executor, width = next(pools)
        suspects = []
        for cell, document in _handed_out(executor, width, waiting):
            if document is None:
                suspects.append(cell)
            else:
                yield cell, document
        for suspect in suspects:
            executor, _ = next(pools)
            for cell, document in _handed_out(executor, 1, deque([suspect])):
                yield cell, document or _failure(cell, "the process that computed it died")


def _handed_out(
    executor: Executor, width: int, waiting: deque[Cell]
) -> Iterator[tuple[Cell, dict[str, Any] | None]]:
    """Iterate over finished cells until none is waiting, or until the executor breaks.

    A cell that was out when that happened comes without a document.
    """
    out: dict[Future[str], Cell] = {}
    broken = False
    while out or (waiting and not broken):
        while waiting and not broken and len(out) < width:
            try:
                out[executor.submit(compute, waiting[0])] = waiting[0]
                waiting.popleft()
            except BrokenExecutor:
                broken = True
        for future in wait(out, return_when=FIRST_COMPLETED).done:
            cell, error = out.pop(future), future.exception()
            if isinstance(error, BrokenExecutor):
                broken = True
                yield cell, None
            elif error is not None:
                yield cell, _failure(cell, f"{type(error).__name__}: {error}")
            else:
                yield cell, json.loads(future.result())


def _failure(cell: Cell, reason: str) -> dict[str, Any]:
    """Return the document of a result that says why there is none."""
    name, _, solver = cell.method.partition(":")
    return Result(
        instance=cell.instance.name,
        instance_digest=cell.instance.digest(),
        method=name,
        problem=METHODS[name].problem(cell.options.get("round", "inference")),
        termination="error",
        solver=solver or None,
        options=cell.options,
        message=reason,
    ).to_dict()


def _on_this_machine(width: int) -> Generator[tuple[Executor, int]]:
    """Give pools of processes, each when the one before it is of no more use."""
    # Numba's threads do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    while True:
        with ProcessPoolExecutor(width, mp_context=spawn, initializer=_die_with_parent) as pool:
            yield pool, width


def _die_with_parent() -> None:
    """End this process when the one that started it ends, even by a kill."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_cluster(address: str) -> Generator[tuple[Executor, int]]:
    """Give the executor of a Dask cluster, which replaces workers that died by itself."""
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise SolverError(
            'a cluster needs the extra "cluster": python -m pip install "eipyomo[cluster]"'
        ) from None
    try:
        client = distributed.Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise SolverError(f"cannot reach a Dask scheduler at {address!r}: {error}") from None
    with client:
        client.wait_for_workers(1, timeout=CONNECT_S)
        threads = client.nthreads()
        if max(threads.values()) > 1:
            raise SolverError(
                f"the Dask workers at {address!r} have several threads, but models are written in "
                "one thread a process: start them with --nthreads 1"
            )
        while True:
            yield client.get_executor(), 2 * len(threads)
