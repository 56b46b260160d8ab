"""Checked data: frozen, and with one sentence that says what is wrong with an input.

Whatever is derived from such data is never copied with them. Every way to new data, be it a call, a
copy with or without changes, or a pickle, leads through the constructor that checks them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
)
from pydantic_core import core_schema

from eipyomo.errors import InputError


def _is_of_kind(value: Any, kinds: str, plain: Any) -> bool:
    """Tell whether something is one of numpy's scalars of some kinds, or Python's own like them."""
    if isinstance(value, np.generic):
        return value.dtype.kind in kinds
    return isinstance(value, plain) and not isinstance(value, bool)


def _plain_number(value: Any) -> Any:
    """Turn real numbers, numpy's too, into floats and -0.0 into 0.0; leave the rest to be refused.

    Neither booleans nor texts are numbers, and complex numbers are not real.
    """
    if _is_of_kind(value, "iuf", int | float):
        try:
            return float(value) + 0.0
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def _number(value: Any) -> float:
    """Refuse what pydantic would ask for a float of its own making, as a complex number's part."""
    number = _plain_number(value)
    if not isinstance(number, float):
        raise ValueError
    return number


Positive = Annotated[StrictFloat, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[StrictFloat, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[StrictFloat, BeforeValidator(_number), Field(allow_inf_nan=False)]


def _plain_scalar(value: Any) -> Any:
    """Turn numpy's scalars into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


Whole = Annotated[StrictInt, BeforeValidator(_plain_scalar), Field(ge=1)]
"""A whole number >= 1; booleans are none."""


def _plain_decision(value: Any) -> Any:
    """Turn numpy's booleans and the numbers 0 and 1 into booleans; leave the rest to be refused."""
    number = _plain_number(value)
    is_decision = isinstance(value, np.bool_) or (isinstance(number, float) and number in (0, 1))
    return bool(value) if is_decision else value


Decision = Annotated[StrictBool, BeforeValidator(_plain_decision)]


def text_keys(data: Any) -> Any:
    """Return a mapping by texts, so that a key that is none is refused by its name."""
    if isinstance(data, Mapping):
        return {key if isinstance(key, str) else str(key): part for key, part in data.items()}
    return data


class Record(BaseModel):
    """Frozen data that refuses unknown keys and says in one sentence what is wrong."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, revalidate_instances="always"
    )
    of_a_user: ClassVar[bool] = False

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise InputError(_sentence(type(self), error, data)) from None

    @classmethod
    def of(cls, data: Any) -> Self:
        """Return a record of a mapping, or a checked copy of a record.

        Raises
        ------
        InputError
            If it is neither, or a value is not allowed.
        """
        if isinstance(data, cls):
            return data.replace()
        if not isinstance(data, Mapping):
            raise InputError(f"{cls.__name__} is {short(data)}, but must be an object")
        return cls(**text_keys(data))

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """Return :meth:`of`, by pydantic's name; none of its options makes a check weaker."""
        return cls.of(obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:
        """Return :meth:`of` what a text in JSON holds."""
        try:
            data = json.loads(json_data)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{cls.__name__} is not valid JSON: {error}") from None
        return cls.of(data)

    @classmethod
    def model_validate_strings(cls, obj: Any, **_: Any) -> Self:
        """Return :meth:`of`: a text is no number."""
        return cls.of(obj)

    def replace(self, **changes: Any) -> Self:
        """Return the record with other values for some keys, checked like any other.

        Raises
        ------
        InputError
            If a key is unknown, or a value is not allowed.
        """
        return type(self)(**{**self.data(), **changes})

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Let a part of a document be called with its keys as texts, whatever they are."""
        return core_schema.no_info_before_validator_function(text_keys, handler(source))

    def data(self) -> dict[str, Any]:
        """Return the values by their keys; records in them stay records."""
        return {key: getattr(self, key) for key in type(self).model_fields}

    # Pydantic's own ways to a copy trust what they are given.

    def __replace__(self, **changes: Any) -> Self:
        """Return :meth:`replace`, for :func:`copy.replace`."""
        return self.replace(**changes)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return :meth:`replace`; frozen data need no deep copy."""
        del deep
        return self.replace(**(update or {}))

    def copy(self, **options: Any) -> Self:
        """Return :meth:`model_copy`, by its older name."""
        return self.model_copy(**options)

    def __copy__(self) -> Self:
        """Return :meth:`replace` without changes."""
        return self.replace()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return :meth:`replace` without changes."""
        return self.replace()

    if not TYPE_CHECKING:  # pydantic's plugin for mypy writes this signature itself

        @classmethod
        def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
            """Return a record, checked like any other."""
            return cls(**values)

    def __getstate__(self) -> dict[Any, Any]:
        """Return what a pickle holds: the data alone."""
        return self.data()

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Check what a pickle holds."""
        type(self).__init__(self, **state)


@dataclass(frozen=True, eq=False)
class Columns:
    """Base of frozen dataclasses of columns over users: each has read-only arrays of its own."""

    def __post_init__(self) -> None:
        """Copy the columns, since others may hold the arrays, and make them read-only."""
        for name, column in self._data().items():
            if isinstance(column, np.ndarray):
                own = np.array(column)
                own.flags.writeable = False
                object.__setattr__(self, name, own)

    def _data(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles be made by the constructor, whose arrays are read-only."""
        return _made, (type(self), self._data())


def _made(kind: type[Any], data: Mapping[str, Any]) -> Any:
    return kind(**data)


def real_number(name: str, value: Any) -> float:
    """Return a real number as a float; NaN and infinities are for its user to refuse.

    Raises
    ------
    InputError
        If it is a boolean, a text, complex, or anything else that is no real number.
    """
    number = _plain_number(value)
    if not isinstance(number, float):
        raise InputError(f"{name} is {short(value)}, but must be a real number")
    return number


def positive_number(name: str, value: Any) -> float:
    """Return a finite number > 0 as a float.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if not is_positive(value):
        raise InputError(f"{name} is {short(value)}, but must be a finite number > 0")
    return float(value)


def is_positive(value: Any) -> bool:
    """Tell whether something is a finite real number > 0."""
    number = _plain_number(value)
    return isinstance(number, float) and math.isfinite(number) and number > 0


def whole_number(name: str, value: Any, least: int) -> int:
    """Return a whole number of Python or numpy that is not below `least`.

    Raises
    ------
    InputError
        If it is anything else; booleans and floats are no whole numbers.
    """
    if not _is_of_kind(value, "iu", int) or value < least:
        raise InputError(f"{name} is {short(value)}, but must be a whole number >= {least}")
    return int(value)


def number_column(name: str, given: Any, users: int) -> NDArray[np.float64]:
    """Return a column of finite real numbers, one per user.

    Raises
    ------
    InputError
        If `given` is no list or array of so many finite real numbers.
    """
    wanted = f"{users} finite numbers, one per user"
    column = _column(name, given, users, _plain_number, float, wanted)
    _require(name, column, np.isfinite(column), wanted)
    return column.astype(np.float64) + 0.0


def decision_column(name: str, given: Any, users: int) -> NDArray[np.bool_]:
    """Return a column of booleans, one per user; 0 and 1 are booleans too.

    Raises
    ------
    InputError
        If `given` is no list or array of so many decisions.
    """
    wanted = f"{users} decisions (true or false, or 1 or 0), one per user"
    column = _column(name, given, users, _plain_decision, bool, wanted)
    _require(name, column, (column == 0) | (column == 1), wanted)
    return column.astype(np.bool_)


def _column(
    name: str, given: Any, users: int, plain: Callable[[Any], Any], kind: type[Any], wanted: str
) -> NDArray[Any]:
    """Return a list or series as an array, and an array of real numbers as it is.

    The elements of a list are looked at one by one, as numpy makes them one kind first: texts of a
    number beside a text, a number of true beside a number. An array may hide some behind a mask.
    """
    column = given.to_numpy() if isinstance(given, pd.Series) else given
    if isinstance(column, list | tuple):
        elements = [plain(element) for element in column]
        right = np.array([isinstance(element, kind) for element in elements], dtype=np.bool_)
        _require(name, column, right, wanted)
        column = np.array(elements, dtype=kind)
    if not isinstance(column, np.ndarray) or np.ma.is_masked(column):
        raise InputError(f"{name} is {short(column)}, but must hold {wanted}")
    if column.shape != (users,) or column.dtype.kind not in ("iuf" if kind is float else "biuf"):
        raise InputError(
            f"{name} is an array of shape {column.shape} and type {column.dtype}, but must hold "
            f"{wanted}"
        )
    return np.asarray(column)


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


def _sentence(model: type[Record], error: ValidationError, data: Mapping[str, Any]) -> str:
    """Put the first complaint of pydantic into one sentence: key, user, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    location, value = first["loc"], first["input"]
    whole = value is data.get(str(location[0])) if location else False
    if whole and not isinstance(value, list | tuple | Mapping | Record):
        location = location[:1]  # what follows is one of the kinds that it may be
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):  # from a nested object, or from a check of our own
        return f"{_where(location)}{'.' if location else ''}{cause}"
    where = f"{_where(location)}{_user(model, data)}"
    if first["type"] == "missing":
        return f"{where} is missing: {allowed(model, location)} is required"
    if first["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields)
        return f"{where} is not a known key, but must be one of: {known}"
    words = shown(value) if repr(value) == object.__repr__(value) else short(value)
    return f"{where} is {words}, but must be {allowed(model, location)}"


def _where(location: tuple[int | str, ...]) -> str:
    """Write a place in a document as a person would: ``users[2].task_bits``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def _user(model: type[Record], data: Mapping[str, Any]) -> str:
    """Name the end user whose data is at fault."""
    return f" (user {short(data['name'])})" if model.of_a_user and "name" in data else ""


def allowed(model: type[Record], location: tuple[int | str, ...]) -> str:
    """Say what a key takes: a field's description, for a number behind its range."""
    if len(location) > 1:
        return "an object"
    field = model.model_fields[str(location[0])]
    if field.annotation is not float:
        return str(field.description)
    limits = (("ge", ">="), ("gt", ">"), ("le", "<="))
    bounds = [
        f"{sign} {getattr(item, key):g}"
        for item in field.metadata
        for key, sign in limits
        if getattr(item, key, None) is not None
    ]
    return f"a finite number {' and '.join(bounds)} ({field.description})".replace("  ", " ")


def short(value: Any) -> str:
    """Return a value as a sentence shows it: numpy's numbers as plain ones, and never long."""
    return clipped(one_line(repr(_plain(value))))


def _plain(value: Any) -> Any:
    """Return what a value is without numpy, as far as a sentence can show it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _plain(value.tolist())
    if type(value) in (list, tuple, set):
        return type(value)(map(_plain, list(value)[:SHOWN_PARTS]))
    if type(value) is dict:
        return {key: _plain(part) for key, part in list(value.items())[:SHOWN_PARTS]}
    return value


SHOWN_PARTS = 60
"""A sentence has no room for more parts of a list."""


def clipped(text: str, width: int = 60) -> str:
    """Return a text that is not longer than a sentence can hold."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def one_line(text: str) -> str:
    """Return a text on one line, with escapes for what would not be seen or would steer a terminal.

    Characters that only join or tell directions are part of names in many languages.
    """
    return "".join(
        sign if sign.isprintable() or sign in JOINERS else ascii(sign)[1:-1]
        for sign in " ".join(text.split())
    )


JOINERS = "\u200c\u200d"


def labels(names: Sequence[str], width: int) -> list[str]:
    """Return names that fit into tables and figures, and are told apart as before.

    Long ones are cut in the middle, since names often differ at either end; where that makes two
    alike, they have their place, from 1, in the gap.
    """
    lines = [one_line(name) for name in names]
    cut = [_cut(line, width, "...") for line in lines]
    alike = {label for label, count in Counter(cut).items() if count > 1}
    return [
        _cut(line, width, f"...{place}...") if label in alike and len(line) > width else label
        for place, (line, label) in enumerate(zip(lines, cut, strict=True), start=1)
    ]


def _cut(line: str, width: int, gap: str) -> str:
    """Return a line that is not longer than `width`; what it lacks in the middle is a gap."""
    if len(line) <= width:
        return line
    left = max(width - len(gap), 2)
    return f"{line[: left - left // 2]}{gap}{line[len(line) - left // 2 :]}"


def require_kind(name: str, value: Any, kind: type[Any], hint: str = "") -> None:
    """Refuse an argument that is no such object.

    Raises
    ------
    InputError
        With the name of the class that it must be one of.
    """
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise InputError(f"{name} is {shown(value)}, but must be {article} {kind.__name__}{hint}")


def require_list(name: str, value: Any, what: str) -> None:
    """Refuse what is no list or tuple, or an empty one.

    Raises
    ------
    InputError
        If that is so.
    """
    if not isinstance(value, list | tuple) or not value:
        raise InputError(f"{name} is {shown(value)}, but must be a list of {what}, not empty")


def shown(value: Any) -> str:
    """Return plain values as they are, and of other objects what they are."""
    if value is None or isinstance(value, str | int | float | complex | list | tuple | dict):
        return short(value)
    if isinstance(value, np.generic):
        return short(value)
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOaeio' else 'a'} {kind}"
