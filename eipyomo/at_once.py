"""Whole columns held against what the keys of a record take, without a record a row.

What a column cannot decide, and whatever is wrong, raises :class:`UndecidedError`: then records
must be made one by one, which say in a sentence what is wrong.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from operator import itemgetter
from types import NoneType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo.choices import Kind, kinds
from eipyomo.validation import Record

Given = Sequence[Any] | NDArray[Any]
Column = NDArray[np.float64] | tuple[Any, ...]
"""Numbers, NaN where one is left out; or texts or booleans, None where one is left out."""


class UndecidedError(Exception):
    """Records must be made one by one."""


class Key(NamedTuple):
    """What a key of a record takes: one kind of value, and perhaps None.

    Attributes
    ----------
    kind
        Numbers, texts or booleans.
    least, most
        The ends of the range of a number, both allowed.
    shortest
        The least length of a text.
    is_required
        Whether it may not be left out.
    """

    kind: Kind
    least: float
    most: float
    shortest: int
    is_required: bool


@cache
def keys_of(kind: type[Record]) -> dict[str, Key]:
    """Return what a record's keys take, in their order."""
    return {
        name: _key(*kinds(field.annotation, field.metadata), is_required=field.is_required())
        for name, field in kind.model_fields.items()
    }


def _key(kind: Kind, *, is_required: bool) -> Key:
    """Return a key of one kind of value; what is above a number is at least the next one."""
    least, most, shortest = -sys.float_info.max, sys.float_info.max, 0
    for limit in kind.metadata:
        least = max(least, getattr(limit, "ge", least))
        most = min(most, getattr(limit, "le", most))
        shortest = max(shortest, getattr(limit, "min_length", None) or 0)
        if hasattr(limit, "gt"):
            least = max(least, math.nextafter(limit.gt, math.inf))
    return Key(kind, least, most, shortest, is_required)


def gathered(kind: type[Record], rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the values of records, or of dictionaries that would make some, key by key.

    Raises
    ------
    UndecidedError
        If a row is something else, lacks a key, or has an unknown one.
    """
    rows = [vars(row) if type(row) is kind else row for row in rows]
    if not set(map(type, rows)) <= {dict}:
        raise UndecidedError
    known = keys_of(kind)
    required = {name for name, key in known.items() if key.is_required}
    shapes = set(map(tuple, rows))
    said = required.union(*shapes)
    if not said <= known.keys() or not all(required.issubset(shape) for shape in shapes):
        raise UndecidedError
    everywhere = required if len(shapes) > 1 else said
    return {
        name: list(map(itemgetter(name), rows))
        if name in everywhere
        else [row.get(name) for row in rows]
        for name in known
        if name in said
    }


def checked(kind: type[Record], columns: Mapping[str, Given]) -> dict[str, Column]:
    """Return columns as records would hold them, in the order of the keys, and read-only.

    There is none of a key that everybody leaves out.

    Raises
    ------
    UndecidedError
        If a record would refuse a value, or take it as something else.
    """
    known = keys_of(kind)
    if not columns.keys() <= known.keys() or len(set(map(len, columns.values()))) != 1:
        raise UndecidedError
    found: dict[str, Column] = {}
    for name, key in known.items():
        column = _column(key, columns[name]) if name in columns else None
        if column is not None:
            found[name] = column
        elif key.is_required:
            raise UndecidedError
    if not kind.go_together(found):
        raise UndecidedError
    return found


def _column(key: Key, given: Given) -> Column | None:
    """Return a column; None where everybody leaves it out."""
    if key.kind.type is not float:
        return _words(key, given)
    if isinstance(given, np.ndarray):
        right = given.dtype == np.float64 and given.ndim == 1
    else:
        right = set(map(type, given)) <= {float, int, NoneType}
    if not right:
        raise UndecidedError
    try:
        numbers = np.array(given, np.float64) + 0.0  # -0.0 becomes 0.0, and None NaN
    except OverflowError:
        raise UndecidedError from None
    inside = (numbers >= key.least) & (numbers <= key.most)
    if not inside.all():
        array = isinstance(given, np.ndarray)
        left_out = np.isnan(numbers) if array else np.array([one is None for one in given])
        if key.is_required or not (inside | left_out).all():
            raise UndecidedError
        if left_out.all():
            return None
    numbers.flags.writeable = False
    return numbers


def _words(key: Key, given: Given) -> Column | None:
    """Return a column of texts or booleans; None where everybody leaves it out."""
    one_kind = bool if key.kind.type is bool else str
    if not set(map(type, given)) <= {one_kind, NoneType}:
        raise UndecidedError
    different = set(given)
    if None in different:
        if key.is_required:
            raise UndecidedError
        different.discard(None)
        if not different:
            return None
    if key.kind.choices and not different.issubset(key.kind.choices):
        raise UndecidedError
    if key.shortest and not all(
        len(text) >= key.shortest and _is_unicode(text) for text in different
    ):
        raise UndecidedError
    return tuple(given)


def _is_unicode(text: str) -> bool:
    """Tell whether a text holds no half characters, whose length pydantic does not take."""
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def said(columns: Mapping[str, Column], key: str) -> Any:
    """Return for which rows there is a value of a key: booleans, or one for all."""
    column = columns.get(key)
    if column is None:
        return np.False_
    if isinstance(column, tuple):
        return np.array([one is not None for one in column], np.bool_)
    return ~np.isnan(column)


def values(key: Key, column: Column) -> Sequence[Any]:
    """Return Python's own values of a column; None where one is left out."""
    if isinstance(column, tuple):
        return column
    numbers: list[Any] = column.tolist()
    return numbers if key.is_required else [None if one != one else one for one in numbers]
