"""Where finished cells are kept and looked up."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from eipyomo.errors import InputError
from eipyomo.files import PathLike
from eipyomo.studies.columns import beside, table_of
from eipyomo.words import reason_of, short

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

    from eipyomo.instance import Instance
    from eipyomo.studies.cell import Cell, Key

SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    digest TEXT NOT NULL, method TEXT NOT NULL, options TEXT NOT NULL, version TEXT NOT NULL,
    instance TEXT NOT NULL, finished TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, result TEXT NOT NULL,
    PRIMARY KEY (digest, method, options, version)
) STRICT
"""
COLUMNS = (
    "problem",
    "termination",
    "objective",
    "minimised",
    "value",
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
"""What tables of results show of a result document."""

PATIENCE_S, RETRY_S = 60.0, 0.005
"""How long a file that others write into is waited for, and how long between tries."""


def row_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a result document."""
    return {name: document[name] for name in COLUMNS}


class Kept(Protocol):
    """What documents are kept for: a cell, or whatever has an instance and a key."""

    @property
    def instance(self) -> Instance:
        """Whose name documents bear."""

    @property
    def key(self) -> Key:
        """What they are stored under."""


KeptT = TypeVar("KeptT", bound=Kept)


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
        with contextlib.ExitStack() as opened:
            try:
                place = ":memory:" if path is None else Path(path).absolute()
                self._database = sqlite3.connect(
                    place, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
                )
                opened.callback(self._database.close)  # or its locks outlive the refusal
                self._keep_a_log()
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.execute(SCHEMA)
                self._database.execute("SELECT result FROM cells LIMIT 1")
            except (sqlite3.Error, TypeError, ValueError) as error:
                reason = reason_of(error)
                raise InputError(f"cannot keep a sweep in {str(path)!r}: {reason}") from None
            opened.pop_all()

    def _keep_a_log(self) -> None:
        """Let others read while one writes: SQLite changes to that for one at a time, unwaited."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end_s:
                    raise
                time.sleep(RETRY_S)

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
            reason = reason_of(error)
            raise InputError(f"cannot use the store {str(self._path)!r}: {reason}") from None

    def add(self, cell: Kept, document: Mapping[str, Any]) -> None:
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

    def get(self, cell: Kept) -> dict[str, Any] | None:
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
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or not set(COLUMNS) <= set(document):
            raise InputError(
                f"the store {str(self._path)!r} is damaged: {short(text)} is no result"
            )
        return document

    def forget_errors(self) -> None:
        """Drop the cells whose result is an error, so that they are computed again."""
        self._execute("DELETE FROM cells WHERE result ->> 'termination' = 'error'")

    def frame(self, wanted: Iterable[Cell]) -> pd.DataFrame:
        """Return one row for each cell that is finished, in the order of the cells.

        The columns are those of the key, the numbers of :class:`~eipyomo.result.Result`, and what
        :mod:`eipyomo.studies.columns` tells of answers and instances.
        """
        rows, instances = [], []
        for cell in wanted:
            document = self.get(cell)
            if document is not None:
                digest, method, options, used = cell.key
                row = {"instance": cell.instance.name, "method": method, "options": options}
                row |= {**row_of(document), "digest": digest, "version": used}
                try:
                    rows.append({**row, **beside(cell, document)})
                except (LookupError, TypeError, AttributeError, ValueError):
                    raise InputError(
                        f"the store {str(self._path)!r} is damaged: what it holds of "
                        f"{short(cell.instance.name)} by {method} is no result"
                    ) from None
                instances.append(cell.instance)
        names = ["instance", "method", "options", *COLUMNS, "digest", "version"]
        return table_of(rows, instances, names)
