"""Documents as MATLAB keeps them: ``.mat`` files of structs, whose tables are plain columns.

What JSON says has one place each in MATLAB, so that a document comes back as it was:

=================================  =================================================================
a number, true or false, a text    a double, a logical, a row of char; a whole number is an int64
null                               ``[]``
an object                          a struct; with keys that are no names of MATLAB, a struct of the
                                   cells ``key`` and ``value``
a list of rows in `TABLES`         a struct of columns; what a row leaves out is NaN, or ``[]``
the lists of rows in `GROUPED`     one struct of columns, with the column `LIST` for their names
a list of two or more numbers      a column of them
any other list                     a cell; one without anything is ``zeros(0, 1)``
=================================  =================================================================

Read is whatever MATLAB writes that means the same: rows for columns, arrays of structs for tables,
doubles for whole numbers, matrices of char, and a single struct with everything in it.
"""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from eipyomo.errors import InputError
from eipyomo.extras import extra
from eipyomo.words import clipped, one_line

SUFFIX = ".mat"
TABLES = ("users", "trace", "conflict")
"""Keys of lists of rows."""

GROUPED = ("modes",)
"""Keys of objects of lists of rows, by texts that are anybody's own."""

LIST = "list"
WHOLE = ("min_participants",)
"""Keys of whole numbers that people may write, which in MATLAB are doubles like any other."""

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,62}")
_PAIRS = ("key", "value")


def require_scipy() -> Any:
    """Return the module of scipy that knows the format.

    Raises
    ------
    SolverError
        If scipy is missing.
    """
    return extra("scipy.io", "matlab", "a .mat file")


def mat_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document as the contents of a ``.mat`` file, one variable for each key.

    Raises
    ------
    SolverError
        If scipy is missing.
    """
    file = io.BytesIO()
    variables = {key: _written(key, value) for key, value in document.items()}
    require_scipy().savemat(file, variables, long_field_names=True, oned_as="column")
    return file.getvalue()


def mat_document(contents: bytes) -> dict[str, Any]:
    """Return the document that the contents of a ``.mat`` file are.

    Raises
    ------
    InputError
        If they are none, or hold what no document has.
    SolverError
        If scipy is missing.
    """
    return document_of(mat_arrays(contents, mat_dtype=True))


def document_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document that variables are, as scipy reads them.

    Raises
    ------
    InputError
        If they hold what no document has.
    """
    document = {key: _read(key, one) for key, one in arrays.items()}
    if len(document) == 1 and isinstance(whole := next(iter(document.values())), dict):
        return whole
    return document


READER = """
import io, pickle, sys
from scipy.io import loadmat
contents, options = pickle.load(sys.stdin.buffer)
try:
    found = loadmat(io.BytesIO(contents), **options)
except Exception as error:
    found = f"{type(error).__name__}: {error}"
sys.stdout.buffer.write(pickle.dumps(found))
"""
"""What reads in another process: damaged contents can end that which scipy is in."""
LIMIT_S = 600.0
"""So long may that take."""


def mat_arrays(contents: bytes, **options: bool) -> dict[str, Any]:
    """Return the variables that the contents of a ``.mat`` file are, with options of ``loadmat``.

    Raises
    ------
    InputError
        If they are none.
    SolverError
        If scipy is missing.
    """
    require_scipy()
    asked, command = pickle.dumps((contents, options)), [sys.executable, "-P", "-c", READER]
    try:
        done = subprocess.run(
            command, input=asked, capture_output=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"reading it takes longer than {LIMIT_S:.0f} s") from None
    found = pickle.loads(done.stdout) if done.returncode == 0 else "whoever reads it crashes"
    if isinstance(found, str):
        if found.startswith("NotImplementedError"):
            raise InputError("it is of MATLAB's format 7.3, but must be saved with -v7")
        raise InputError(f"it is no valid .mat file: {clipped(one_line(found), 200)}")
    return {key: one for key, one in found.items() if not key.startswith("__")}


def _written(key: str, value: Any) -> Any:
    """Return a value as scipy takes it."""
    if value is None:
        return np.zeros((0, 0))
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _grouped(value) if key in GROUPED else _struct(value)
    if isinstance(value, Iterable):
        items = list(value)
        if not items:
            return np.zeros((0, 1))
        is_table = key in TABLES and all(isinstance(item, Mapping) for item in items)
        return _table(items) if is_table else _list(items)
    return _numbers([value])


def _struct(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object as a struct, with its keys as names if they can be some."""
    if value and all(_NAME.fullmatch(key) for key in value):
        return {key: _written(key, one) for key, one in value.items()}
    parts = [_written(key, one) for key, one in value.items()]
    return dict(zip(_PAIRS, (_cell(value), _cell(parts)), strict=True))


def _grouped(lists: Mapping[str, Any]) -> dict[str, Any]:
    """Return lists of rows as one table, in which each row has the name of its list."""
    return _table([{LIST: name, **row} for name, rows in lists.items() for row in rows])


def _table(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows as a struct of columns."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: _column(key, [row.get(key) for row in rows]) for key in keys}


def _column(key: str, values: list[Any]) -> Any:
    """Return a column of a table: numbers, with NaN for what is left out, or a cell."""
    there = [value for value in values if value is not None]
    if there and _one_kind(there) is float:
        return _numbers([np.nan if value is None else value for value in values])
    if len(there) == len(values) and _one_kind(values) is not None:
        return _numbers(values)
    return _cell([_written(key, value) for value in values])


def _list(values: list[Any]) -> Any:
    """Return a list as a column of numbers; one number alone would be no list in MATLAB."""
    if len(values) > 1 and _one_kind(values) is not None:
        return _numbers(values)
    return _cell([_written("", value) for value in values])


def _one_kind(values: Iterable[Any]) -> Any:
    """Return the kind of number that all values are; None if they are not."""
    kinds = {
        next((kind for kind in (bool, int, float) if isinstance(value, kind)), None)
        for value in values
    }
    return kinds.pop() if len(kinds) == 1 else None


def _numbers(values: list[Any]) -> Any:
    return np.array(values).reshape(-1, 1)


def _cell(values: Iterable[Any]) -> Any:
    items = list(values)
    cell = np.empty((len(items), 1), dtype=object)
    cell[:, 0] = items
    return cell


def _read(key: str, value: Any) -> Any:
    """Return what an array of scipy's stands for."""
    if not isinstance(value, np.ndarray) or type(value).__name__ == "MatlabOpaque":
        raise InputError(
            f"{key} is of a class of MATLAB that has no columns, but must be numbers, logicals, "
            "char, cells or structs"
        )
    if key in TABLES:
        return _rows(key, value)
    if value.dtype.names is not None:
        structs = [_object(key, one) for one in value.ravel(order="F")]
        return structs[0] if len(structs) == 1 else structs
    if value.dtype.kind == "U":
        texts = _texts(value)
        return texts[0] if len(texts) == 1 else texts
    if value.dtype == object:
        return [_read("", one) for one in value.ravel(order="F")]
    return _number_or_list(key, value)


def _number_or_list(key: str, value: Any) -> Any:
    numbers = value.ravel(order="F").tolist()
    if len(numbers) == 1:
        number = numbers[0]
        return int(number) if key in WHOLE and number == np.floor(number) else number
    return numbers if numbers or value.shape == (0, 1) else None


def _object(key: str, struct: Any) -> dict[str, Any]:
    """Return the object that one struct is."""
    names = struct.dtype.names
    if key in GROUPED:
        return _lists(_rows(key, struct) or [])
    if set(names) == set(_PAIRS):
        keys, values = (_read("", struct[name]) for name in _PAIRS)
        return dict(zip(keys or (), values or (), strict=True))
    return {name: _read(name, struct[name]) for name in names}


def _lists(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the lists of rows of which each has the name of its list."""
    lists: dict[str, Any] = {}
    for row in rows:
        if not isinstance(row.get(LIST), str):
            raise InputError(f"modes.{LIST} is missing: the name of each mode's list is required")
        lists.setdefault(row[LIST], []).append({k: one for k, one in row.items() if k != LIST})
    return lists


def _rows(key: str, value: Any) -> list[dict[str, Any]] | None:
    """Return the rows of a struct of columns, or of an array of structs."""
    if value.dtype.names is None:
        if value.size:
            raise InputError(f"{key} is no struct, but must be a struct of columns")
        return [] if value.shape == (0, 1) else None
    rows = []
    for struct in np.ravel(value, order="F"):
        columns = {name: _values(struct[name]) for name in struct.dtype.names}
        _require_one_length(key, columns)
        rows += [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    return rows


def _values(column: Any) -> list[Any]:
    """Return the values of a column of a table; None for what is left out."""
    if column.dtype.kind == "U":
        return _texts(column)
    if column.dtype == object:
        return [_read("", one) for one in column.ravel(order="F")]
    return [None if one != one else one for one in column.ravel(order="F").tolist()]


def _texts(value: Any) -> list[str]:
    """Return the rows of a matrix of char, of which only a single one is not filled with blanks."""
    texts = [str(text) for text in value.ravel(order="F")]
    return texts if len(texts) == 1 else [text.rstrip(" ") for text in texts] or [""]


def _require_one_length(key: str, columns: Mapping[str, list[Any]]) -> None:
    first, *others = columns.items()
    for name, values in others:
        if len(values) != len(first[1]):
            raise InputError(
                f"{key}.{name} has {len(values)} values, but must have {len(first[1])}, as "
                f"{key}.{first[0]} has"
            )
