"""Columns over users: checked one by one, read-only, and of nobody else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.errors import InputError
from eipyomo.validation import plain_decision, plain_number
from eipyomo.words import short


@dataclass(frozen=True, eq=False)
class Columns:
    """Base of frozen dataclasses of columns over users: each has read-only arrays of its own."""

    def __post_init__(self) -> None:
        """Copy the columns, since others may hold the arrays, and make them read-only."""
        values = vars(self)  # a frozen dataclass can be written to by these alone
        for name, column in values.items():
            if isinstance(column, np.ndarray):
                values[name] = own = np.array(column)
                own.setflags(write=False)

    def _data(self) -> dict[str, Any]:
        """Return what the columns are made of, without what follows from it."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles be made by the constructor, whose arrays are read-only."""
        return _made, (type(self), self._data())


def _made(kind: type[Any], data: Mapping[str, Any]) -> Any:
    return kind(**data)


def own_values(name: str, column: Any) -> Sequence[Any]:
    """Return Python's own values of a column, whatever its name."""
    del name
    values: Sequence[Any] = column.tolist() if isinstance(column, np.ndarray) else column
    return values


def rows_of(
    columns: Mapping[str, Any], values: Callable[[str, Any], Sequence[Any]] = own_values
) -> Iterator[dict[str, Any]]:
    """Iterate over rows of columns, with Python's own values, as documents have them.

    Parameters
    ----------
    columns
        By their names, all of one length.
    values
        Returns those values of a part of a column, by its name.
    """
    for start in range(0, len(next(iter(columns.values()))), ROWS_AT_A_TIME):
        some = slice(start, start + ROWS_AT_A_TIME)
        parts = [values(name, column[some]) for name, column in columns.items()]
        for row in zip(*parts, strict=True):
            yield dict(zip(columns, row, strict=True))


ROWS_AT_A_TIME = 1024
"""So many rows' values are taken out of columns at once."""


def number_column(name: str, given: Any, users: int) -> NDArray[np.float64]:
    """Return a column of finite real numbers, one per user: a copy, and read-only.

    Raises
    ------
    InputError
        If `given` is no list or array of so many finite real numbers.
    """
    wanted = f"{users} finite numbers, one per user"
    column = _column(name, given, users, plain_number, float, wanted)
    _require(name, column, np.isfinite(column), wanted)
    own: NDArray[np.float64] = np.asarray(column, np.float64) + 0.0  # -0 is 0
    own.setflags(write=False)
    return own


def decision_column(name: str, given: Any, users: int) -> NDArray[np.bool_]:
    """Return a column of booleans, a copy that is read-only; 0 and 1 are booleans too.

    Raises
    ------
    InputError
        If `given` is no list or array of so many decisions.
    """
    wanted = f"{users} decisions (true or false, or 1 or 0), one per user"
    column = _column(name, given, users, plain_decision, bool, wanted)
    if column.dtype != np.bool_:
        _require(name, column, (column == 0) | (column == 1), wanted)
    own = np.array(column, np.bool_)
    own.setflags(write=False)
    return own


def _column(
    name: str, given: Any, users: int, plain: Callable[[Any], Any], kind: type[Any], wanted: str
) -> NDArray[Any]:
    """Return a list or series as an array, and an array of real numbers as it is.

    The elements of a list are looked at one by one, as numpy makes them one kind first: texts of a
    number beside a text, a number of true beside a number. An array may hide some behind a mask.
    """
    is_plain = type(given) is np.ndarray
    column = given.to_numpy() if not is_plain and _is_series(given) else given
    if isinstance(column, list | tuple):
        elements = [plain(element) for element in column]
        right = np.array([isinstance(element, kind) for element in elements], dtype=np.bool_)
        _require(name, column, right, wanted)
        column = np.array(elements, dtype=kind)
    if not is_plain and (not isinstance(column, np.ndarray) or np.ma.is_masked(column)):
        raise InputError(f"{name} is {short(column)}, but must hold {wanted}")
    if column.shape != (users,) or column.dtype.kind not in ("iuf" if kind is float else "biuf"):
        raise InputError(
            f"{name} is an array of shape {column.shape} and type {column.dtype}, but must hold "
            f"{wanted}"
        )
    return np.asarray(column)


def _is_series(given: Any) -> bool:
    """Tell whether this is a series of pandas, which nobody has who has not imported it."""
    return isinstance(given, getattr(sys.modules.get("pandas"), "Series", ()))


def _require(
    name: str, column: Sequence[Any] | NDArray[Any], right: NDArray[np.bool_], wanted: str
) -> None:
    """Refuse a column by its first element that is not right."""
    if not right.all():
        j = int(np.argmin(right))
        raise InputError(
            f"{name} is an array of shape ({len(column)},) with {short(column[j])} at [{j}], but "
            f"must hold {wanted}"
        )
