"""What is told of each user, kept as columns: a hundred thousand records need no object each.

A sequence of records is checked column by column where that decides the same. What a column cannot
decide, and whatever is wrong, is looked at one by one, as records say in a sentence what it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import GenericAlias, MappingProxyType
from typing import Any, Generic, Self, SupportsIndex, TypeVar, get_args, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from eipyomo.at_once import Column, Given, UndecidedError, checked, gathered, keys_of, values
from eipyomo.columns import rows_of
from eipyomo.errors import InputError
from eipyomo.validation import Record

Told = TypeVar("Told", bound=Record)
"""The kind of record that there is of each user."""


class Users(Sequence[Told], Generic[Told]):
    """Records of one kind, one a user: in all but how it is kept, a tuple of them.

    Records are made when they are asked for, and nobody keeps them.

    Parameters
    ----------
    kind
        The records' class; its values are numbers, texts and booleans.
    columns
        By the records' keys: lists, or arrays of numbers, each with one value a user. None, or NaN
        in an array, stands for what a user leaves out, and so does a column that is not there.

    Raises
    ------
    InputError
        If a record would refuse a value: the sentence is the record's, behind the user's place.
    """

    __slots__ = ("_columns", "_kind", "_size")

    def __init__(self, kind: type[Told], columns: Mapping[str, Given]) -> None:
        try:
            self._keep(kind, checked(kind, columns))
        except UndecidedError:
            self._keep(kind, checked(kind, gathered(kind, _one_by_one(kind, columns))))

    def _keep(self, kind: type[Told], columns: Mapping[str, Column]) -> None:
        self._kind, self._columns = kind, dict(columns)
        self._size = len(next(iter(columns.values())))

    @classmethod
    def of(cls, kind: type[Told], rows: Sequence[Any]) -> Self:
        """Return users of records, or of dictionaries that would make some.

        Raises
        ------
        UndecidedError
            If records must be made one by one to tell, or to say what is wrong.
        """
        return cls._of_checked(kind, checked(kind, gathered(kind, rows)))

    @classmethod
    def _of_checked(cls, kind: type[Told], columns: Mapping[str, Column]) -> Self:
        users = cls.__new__(cls)
        users._keep(kind, columns)
        return users

    @property
    def columns(self) -> Mapping[str, Column]:
        """Return what is not left out by all, by the records' keys; see :meth:`numbers`."""
        return MappingProxyType(self._columns)

    def has(self, key: str) -> bool:
        """Tell whether there is a user that does not leave a key out."""
        return key in self._columns

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Return the numbers of a key, (users,), read-only; NaN where one is left out."""
        column = self._columns.get(key)
        return np.full(self._size, np.nan) if column is None else np.asarray(column)

    def texts(self, key: str) -> tuple[Any, ...]:
        """Return the texts or booleans of a key, one a user; None where one is left out."""
        column = self._columns.get(key)
        return (None,) * self._size if column is None else tuple(column)

    def records(self) -> Iterator[dict[str, Any]]:
        """Iterate over the users' values by their keys; what is left out stays left out."""
        known = keys_of(self._kind)
        if all(known[key].is_required for key in self._columns):
            yield from self._rows()
        else:
            for row in self._rows():
                yield {key: part for key, part in row.items() if part is not None}

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Iterate over the users' values by their keys, None for what one of them leaves out."""
        known = keys_of(self._kind)
        return rows_of(self._columns, lambda key, column: values(known[key], column))

    def __len__(self) -> int:
        """Return the number of users."""
        return self._size

    def __iter__(self) -> Iterator[Told]:
        """Make the records one by one."""
        left_out = dict.fromkeys(self._kind.model_fields)
        for row in self._rows():
            yield self._kind.of_checked({**left_out, **row})

    @overload
    def __getitem__(self, place: SupportsIndex) -> Told: ...
    @overload
    def __getitem__(self, place: slice) -> Users[Told]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Told | Users[Told]:
        """Return one record, or some of the users."""
        if isinstance(place, slice):
            return Users(self._kind, self._some(place))
        j = range(self._size)[place]
        return next(iter(self._of_checked(self._kind, self._some(slice(j, j + 1)))))

    def _some(self, users: slice) -> dict[str, Column]:
        return {key: column[users] for key, column in self._columns.items()}

    def __add__(self, others: Iterable[Any]) -> tuple[Any, ...]:
        """Return a tuple of these records and others behind them."""
        return (*self, *others)

    def __radd__(self, others: Iterable[Any]) -> tuple[Any, ...]:
        """Return a tuple of others and these records behind them."""
        return (*others, *self)

    def __eq__(self, other: object) -> bool:
        """Tell whether all records are equal, also to those of a tuple."""
        if not isinstance(other, Users):
            return tuple(self) == other if isinstance(other, tuple) else NotImplemented
        return self._kind is other._kind and len(self) == len(other) and self._same(other)

    def _same(self, other: Users[Any]) -> bool:
        return all(
            self.texts(key) == other.texts(key)
            if isinstance(column, tuple)
            else np.array_equal(self.numbers(key), other.numbers(key), equal_nan=True)
            for key, column in {**self._columns, **other._columns}.items()
        )

    def __hash__(self) -> int:
        """Return the hash of the tuple to which this is equal."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """Return how many there are, and a few of their names."""
        names = list(map(repr, self.texts("name")))
        few = names if len(names) <= FEW else [*names[: FEW - 1], "...", names[-1]]
        return f"<{len(self)} {self._kind.__name__}: {', '.join(few)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles be made by the constructor, which checks them."""
        return Users, (self._kind, dict(self._columns))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Be a tuple of records to whoever checks, dumps or describes a record that has it."""
        (kind,) = get_args(source)
        one_by_one = handler.generate_schema(GenericAlias(tuple, (kind, ...)))
        return core_schema.no_info_wrap_validator_function(
            partial(cls._validated, kind),
            one_by_one,
            serialization=core_schema.plain_serializer_function_ser_schema(
                tuple, return_schema=one_by_one
            ),
        )

    @classmethod
    def _validated(
        cls, kind: type[Told], given: Any, one_by_one: core_schema.ValidatorFunctionWrapHandler
    ) -> Self:
        """Return users at once, where that decides; else what pydantic makes a tuple of."""
        if isinstance(given, cls):
            if given._kind is kind and given:
                return given
            given = tuple(given)
        with contextlib.suppress(UndecidedError):
            if type(given) in (list, tuple) and given:
                return cls.of(kind, given)
        return cls.of(kind, one_by_one(given))


class AtLeastOne:
    """Annotation of users of which there must be one."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Ask it of the tuple that users are to pydantic."""
        users = handler(source)
        within: Any = users
        within["schema"]["min_length"] = 1
        return users


def _one_by_one(kind: type[Told], columns: Mapping[str, Given]) -> list[Told]:
    """Return records of columns, each checked by itself.

    Raises
    ------
    InputError
        If one is refused.
    """
    known = keys_of(kind)
    records = []
    for j, row in enumerate(zip(*map(list, columns.values()), strict=True)):
        told = {
            key: value
            for key, value in zip(columns, row, strict=True)
            if value == value or key not in known or known[key].is_required
        }
        try:
            records.append(kind(**told))
        except InputError as error:
            raise InputError(f"users[{j}].{error}") from None
    return records


FEW = 4
"""So many names show which users these are."""
