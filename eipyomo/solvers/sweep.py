"""Sweeps: many instances, methods and options, computed in parallel and never twice.

With a store every finished cell is on the disk before the next one counts as finished, so that a
sweep that was killed goes on where it stopped. Only the process that runs the sweep writes; workers
compute. A store holds what this very code has found with these very solvers: what others have found
stays in it, and is not taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import json
import logging
import multiprocessing
import os
import re
import signal
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, requires, version
from multiprocessing import connection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from eipyomo.errors import InputError, SolverError
from eipyomo.files import PathLike, to_json
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.solvers.backends import backend
from eipyomo.solvers.methods import METHODS, attempt, resolve
from eipyomo.solvers.processors import processors
from eipyomo.validation import require_kind, require_list, short, shown, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
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
"""Digest of the instance, method, options as JSON, version of all that computes."""

EFFECTS = ("certificate",)
"""Options that write files: nothing would, where a cell is looked up."""


@dataclass(frozen=True)
class Cell:
    """One instance, solved by one method with options; nothing of it can be changed.

    Raises
    ------
    InputError
        If the method or an option is unknown.
    """

    instance: Instance
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no worker could run, and keep a copy of the options."""
        require_kind("instance", self.instance, Instance)
        require_kind("options", self.options, Mapping)
        resolve(self.method, dict(self.options))
        for name in EFFECTS:
            if name in self.options:
                raise InputError(
                    f"{name} is no option of a cell, whose result may be looked up: use solve"
                )
        try:
            text = json.dumps(self.options, allow_nan=False, default=_plain)
        except (TypeError, ValueError):
            raise InputError(
                f"options of method {self.method!r} are {short(self.options)}, but must be finite "
                "numbers, texts, true or false"
            ) from None
        object.__setattr__(self, "options", _frozen(json.loads(text)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles be made by the constructor."""
        return type(self), (self.instance, self.method, self.arguments())

    def arguments(self) -> dict[str, Any]:
        """Return the options as a method takes them."""
        arguments: dict[str, Any] = json.loads(self._options_text())
        return arguments

    def _options_text(self) -> str:
        return json.dumps(self.options, sort_keys=True, default=_plain)

    @cached_property
    def key(self) -> Key:
        """What the cell is stored under; free-text names are no part of it."""
        found = version_of_code() + _executables(self.method, self.arguments())
        return self.instance.digest(), self.method, self._options_text(), found


def _plain(value: Any) -> Any:
    """Return a frozen mapping or a numpy scalar as JSON has it."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _frozen(value: Any) -> Any:
    """Return what was read from JSON, unchangeable in depth."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(part) for key, part in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


INDIFFERENT = {"click", "matplotlib", "rich"}
"""Distributions that this package needs, and of which no result depends."""


@cache
def version_of_code() -> str:
    """Return this package's version, and a hash of its sources and of what it computes with.

    Versions alone would not tell code that was changed from the code that was released.
    """
    seen = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("*.py")):
        text = file.read_bytes()
        seen.update(f"{file.relative_to(package).as_posix()} {len(text)}\n".encode() + text)
    needed = {
        re.split(r"[^\w.-]", line, maxsplit=1)[0]
        for line in requires("eipyomo") or ()
        if 'extra == "test"' not in line.replace("'", '"')
    }
    for name in sorted(needed - INDIFFERENT):
        with contextlib.suppress(PackageNotFoundError):  # an extra that is not here
            seen.update(f"{name} {version(name)}\n".encode())
    return f"{version('eipyomo')}+{seen.hexdigest()[:16]}"


def _executables(method: str, options: Mapping[str, Any]) -> str:
    """Return which executables outside of Python a method would run, as of now."""
    name, _, solver = method.partition(":")
    parameters = inspect.signature(METHODS[name].run).parameters
    default = parameters["solver"].default if "solver" in parameters else None
    chosen = solver or options.get("solver") or default
    names = {"milp": ("highs", "ipopt"), "admm": ("ipopt",)}.get(name, (chosen,))
    found = []
    for one in names:
        if one is None or one in METHODS:
            continue
        try:
            where = Path(backend(one, options.get("executable")).where() or "missing")
        except (InputError, SolverError):
            where = Path("missing")
        if where.is_file():
            state = where.stat()
            found.append(f" {where.absolute()} {state.st_size} {state.st_mtime_ns}")
        elif str(where) == "missing":
            found.append(f" {one} missing")
    return "".join(found)


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
    require_list("instances", instances, "instances")
    require_list("methods", methods, "names of methods")
    pairs = [(method, {}) if isinstance(method, str) else method for method in methods]
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InputError(
                f"an element of methods is {shown(pair)}, but must be a name, or a name and options"
            )
    return [Cell(instance, name, options) for instance in instances for name, options in pairs]


class Store:
    """Finished cells in an SQLite file; a row that is there survives a kill and a power failure.

    Parameters
    ----------
    path
        The file; made if it is missing. Without one they are kept in memory. Threads may share it.

    Attributes
    ----------
    trouble
        Why the file takes no more; None as long as it does.

    Raises
    ------
    InputError
        If the file cannot be opened or is something else.
    """

    def __init__(self, path: PathLike | None = None) -> None:
        """Open or make the file."""
        # An absolute path is a file, whatever SQLite makes of its name.
        self._path, self._lock = path, threading.RLock()
        self._unkept: dict[Key, dict[str, Any]] = {}
        self.trouble: str | None = None
        try:
            place = ":memory:" if path is None else Path(path).absolute()
            self._database = sqlite3.connect(
                place, timeout=60.0, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(SCHEMA)
            self._database.execute("SELECT result FROM cells LIMIT 1")
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise InputError(f"cannot keep a sweep in {str(path)!r}: {error}") from None

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
        (count,) = self._execute("SELECT count(*) FROM cells")[0]
        return int(count)

    def _execute(self, statement: str, values: Sequence[str] = ()) -> list[Any]:
        """Run a statement, in whatever thread."""
        try:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise InputError(f"cannot use the store {str(self._path)!r}: {error}") from None

    def add(self, cell: Cell, document: Mapping[str, Any]) -> None:
        """Store a result document; it is on the disk when this returns. The first one stays.

        Where the file takes no more, as on a full disk, documents stay in memory, a warning says so
        once, and `trouble` has its sentence.
        """
        row = (*cell.key, cell.instance.name, json.dumps(document, allow_nan=False))
        try:
            self._execute(
                "INSERT OR IGNORE INTO cells (digest, method, options, version, instance, result) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
        except InputError as error:
            self._unkept.setdefault(cell.key, dict(document))
            if self.trouble is None:
                self.trouble = f"{error}; what is found from now on is not kept there"
                logging.getLogger("eipyomo").warning(self.trouble)

    def get(self, cell: Cell) -> dict[str, Any] | None:
        """Return the result document of a cell, or None if it is not finished.

        It may have been found for an instance of another name, and bears the name of this one's.
        """
        rows = self._execute(
            "SELECT result FROM cells "
            "WHERE digest = ? AND method = ? AND options = ? AND version = ?",
            cell.key,
        )
        if not rows and cell.key not in self._unkept:
            return None
        document = self._read(rows[0][0]) if rows else self._unkept[cell.key]
        return {**document, "instance": cell.instance.name}

    def _read(self, text: str) -> dict[str, Any]:
        """Return a stored document, if it is one."""
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict) or not set(SHOWN) <= set(document):
            raise InputError(
                f"the store {str(self._path)!r} is damaged: {short(text)} is no result"
            )
        return document

    def forget_errors(self) -> None:
        """Drop the cells whose result is an error, so that they are computed again."""
        self._execute("DELETE FROM cells WHERE result ->> 'termination' = 'error'")

    def frame(self, wanted: Iterable[Cell]) -> pd.DataFrame:
        """Return one row for each cell that is finished, in the order of the cells.

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
    store: Store | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report | None = None,
) -> pd.DataFrame:
    """Compute cells, each once, but for those that a store holds already.

    A cell that fails, even by the death of its process, is stored as a result of termination
    ``error``, and the others go on.

    Parameters
    ----------
    wanted
        The cells; what stands twice, under other names too, is computed once.
    store
        Where finished cells are kept and looked up; nothing is kept if left out.
    workers
        Number of processes on this machine; as many as this process may use processors if left
        out. A script that calls this needs the usual guard ``if __name__ == "__main__"``. Inside of
        a process of a pool there are none: cells are computed one by one.
    cluster
        Address of a Dask scheduler to compute on instead; its workers must have one thread each,
        and this very code.
    report
        Called with every cell that is finished now, and its result document.

    Returns
    -------
    DataFrame
        One row for each of the cells, in their order; see :meth:`Store.frame`.

    Raises
    ------
    InputError
        If the number of workers is not positive, or given together with a cluster, or if a script
        has no main guard.
    SolverError
        If the cluster cannot be reached, or cannot be used.
    """
    require_place(workers, cluster)
    if not isinstance(wanted, list | tuple):
        raise InputError(f"wanted is {shown(wanted)}, but must be a list of cells")
    for cell in wanted:
        require_kind("an element of wanted", cell, Cell)
    if store is not None:
        require_kind("store", store, Store)
    else:
        with Store() as store:
            return sweep(wanted, store, workers=workers, cluster=cluster, report=report)
    unique = {cell.key: cell for cell in wanted}
    missing = [cell for cell in unique.values() if store.get(cell) is None]
    if missing:
        with contextlib.closing(_pools(workers, cluster)) as pools:
            for cell, document in _computed(missing, pools):
                store.add(cell, document)
                if report is not None:
                    report(cell, document)
    return store.frame(wanted)


def require_place(workers: int | None, cluster: str | None) -> None:
    """Refuse numbers of workers that are none, and workers here for a cluster elsewhere.

    Raises
    ------
    InputError
        If that is so.
    """
    if workers is not None:
        whole_number("workers", workers, 1)
        if cluster is not None:
            raise InputError(
                "workers and cluster are given, but workers are processes on this machine"
            )


def _pools(workers: int | None, cluster: str | None) -> Generator[tuple[Executor, int]]:
    """Return where to compute."""
    if cluster is not None:
        return _on_cluster(cluster)
    this = multiprocessing.current_process()
    if getattr(this, "_inheriting", False):  # a worker that imports a script without a main guard
        sys.exit(1)
    return _in_this_process() if this.daemon else _on_this_machine(workers or processors())


def compute(cell: Cell, version: str) -> str:
    """Return the result document of a cell as JSON text; runs in a worker.

    Raises
    ------
    OtherCodeError
        If the worker has another version of this package, or of what it computes with.
    """
    if version_of_code() != version:
        raise OtherCodeError(version_of_code())
    result = attempt(cell.instance, cell.method, **cell.arguments())
    return to_json(result.to_dict(), indent=None)


class OtherCodeError(Exception):
    """A worker has another version of what computes; it is the only argument."""


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
                out[executor.submit(compute, waiting[0], version_of_code())] = waiting[0]
                waiting.popleft()
            except BrokenExecutor:
                broken = True
        for future in wait(out, return_when=FIRST_COMPLETED).done:
            cell, error = out.pop(future), future.exception()
            if isinstance(error, BrokenExecutor):
                broken = True
                yield cell, None
            elif isinstance(error, OtherCodeError):
                raise SolverError(
                    f"a worker computes with version {error.args[0]} of eipyomo and its solvers, "
                    f"but must with {version_of_code()}, as the process that calls it"
                )
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
        options=cell.arguments(),
        message=reason,
    ).to_dict()


def _on_this_machine(width: int) -> Generator[tuple[Executor, int]]:
    """Give pools of processes, each when the one before it is of no more use.

    Raises
    ------
    InputError
        If the processes cannot even begin, since the script that calls has no main guard.
    """
    # Numba's threads do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    begun = False
    while True:
        pool = ProcessPoolExecutor(width, mp_context=spawn, initializer=_serve_parent)
        try:
            if not begun:
                pool.submit(os.getpid).result()
                begun = True
            yield pool, width
        except BrokenExecutor:
            raise InputError(MAIN_GUARD) from None
        finally:  # at once: a worker may be in the middle of a cell that nobody waits for
            for worker in list((pool._processes or {}).values()):
                worker.kill()
            pool.shutdown(cancel_futures=True)


MAIN_GUARD = (
    "the processes of a sweep could not begin: a script that calls it must do so below "
    "'if __name__ == \"__main__\":', since each process imports the script"
)


def _in_this_process() -> Generator[tuple[Executor, int]]:
    """Give an executor without processes, where no more may be started: inside of a pool."""
    with ThreadPoolExecutor(1) as executor:
        while True:
            yield executor, 1


def _serve_parent() -> None:
    """Let Ctrl-C to the parent, and end this process when the parent ends, even by a kill."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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


version_of_code()  # now, before the sources can change under a process that has loaded them
