"""Checked data: frozen, and with one sentence that says what is wrong with an input.

Whatever is derived from such data is never copied with them. Every way to new data, be it a call, a
copy with or without changes, or a pickle, leads through the constructor that checks them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

import numpy as np
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
from eipyomo.words import clipped, in_words, one_line, short, shown


def _is_of_kind(value: Any, kinds: str, plain: Any) -> bool:
    """Tell whether something is one of numpy's scalars of some kinds, or Python's own like them."""
    if isinstance(value, np.generic):
        return value.dtype.kind in kinds
    return isinstance(value, plain) and not isinstance(value, bool)


def plain_number(value: Any) -> Any:
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
    number = plain_number(value)
    if not isinstance(number, float):
        raise ValueError
    return number


Positive = Annotated[StrictFloat, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[StrictFloat, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Part = Annotated[StrictFloat, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]
PositivePart = Annotated[Part, Field(gt=0)]
Finite = Annotated[StrictFloat, BeforeValidator(_number), Field(allow_inf_nan=False)]


def _plain_scalar(value: Any) -> Any:
    """Turn numpy's scalars into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


Flag = Annotated[StrictBool, BeforeValidator(_plain_scalar)]
"""True or false, of Python or numpy; 0 and 1 are none."""

Whole = Annotated[StrictInt, BeforeValidator(_plain_scalar), Field(ge=1)]
"""A whole number >= 1; booleans are none."""

MOST_USERS: Final = 10_000_000
"""So many users are drawn at most: what is beyond is a slip, and would fill the memory."""

Count = Annotated[Whole, Field(le=MOST_USERS)]
"""How many users are to be drawn."""

Seed = Annotated[StrictInt, BeforeValidator(_plain_scalar), Field(ge=0)]
"""A whole number >= 0, from which numbers are drawn."""


def plain_decision(value: Any) -> Any:
    """Turn numpy's booleans and the numbers 0 and 1 into booleans; leave the rest to be refused."""
    number = plain_number(value)
    is_decision = isinstance(value, np.bool_) or (isinstance(number, float) and number in (0, 1))
    return bool(value) if is_decision else value


Decision = Annotated[StrictBool, BeforeValidator(plain_decision)]


class FrozenMapping(dict[Any, Any]):
    """A mapping in frozen data, which refuses to be changed; copies and pickles are plain ones."""

    def __reduce__(self) -> Any:
        """Let copies and pickles be dictionaries, which records check and freeze again."""
        return dict, (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("frozen data cannot be changed; replace() returns changed data")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


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
    def go_together(cls, columns: Mapping[str, Any]) -> bool:
        """Tell whether values go together that are right in themselves, columns of many records."""
        del columns
        return True

    @classmethod
    def of_checked(cls, values: dict[str, Any]) -> Self:
        """Return a record of values of all keys that are known to be right."""
        said = {key for key, value in values.items() if value is not None}
        record: Self = super().model_construct(said, **values)
        return record

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

    @classmethod
    def allowed(cls, key: str) -> str:
        """Say what a key takes: its description, for a number behind its range."""
        field = cls.model_fields[key]
        if field.annotation is not float:
            return str(field.description)
        number = f"a finite number {limits(field.metadata)}".rstrip()
        return f"{number} ({field.description})"

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


def real_number(name: str, value: Any) -> float:
    """Return a real number as a float; NaN and infinities are for its user to refuse.

    Raises
    ------
    InputError
        If it is a boolean, a text, complex, or anything else that is no real number.
    """
    number = plain_number(value)
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
        raise InputError(f"{name} is {in_words(value)}, but must be a finite number > 0")
    return float(value)


def is_positive(value: Any) -> bool:
    """Tell whether something is a finite real number > 0."""
    number = plain_number(value)
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


def _sentence(model: type[Record], error: ValidationError, data: Mapping[str, Any]) -> str:
    """Put the first complaint of pydantic into one sentence: key, user, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    location, value = first["loc"], first["input"]
    if first["type"] == "string_unicode" and not location:  # no value, but a key
        return f"{short(value)} is not a known key, but keys must be valid Unicode"
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
    return f"{where} is {in_words(value)}, but must be {allowed(model, location)}"


def _where(location: tuple[int | str, ...]) -> str:
    """Write a place in a document as a person would: ``users[2].task_bits``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return clipped(one_line("".join(parts).removeprefix(".")), 120)


def _user(model: type[Record], data: Mapping[str, Any]) -> str:
    """Name the end user whose data is at fault."""
    return f" (user {short(data['name'])})" if model.of_a_user and "name" in data else ""


def allowed(model: type[Record], location: tuple[int | str, ...]) -> str:
    """Say what a key takes, or what a part of it does."""
    return "an object" if len(location) > 1 else model.allowed(str(location[0]))


def limits(metadata: Iterable[Any]) -> str:
    """Return the ends of a number's range, as ``>= 0 and <= 1``."""
    signs = {"ge": ">=", "gt": ">", "le": "<="}
    given = {key: getattr(item, key) for item in metadata for key in signs if hasattr(item, key)}
    return " and ".join(f"{signs[key]} {limit:g}" for key, limit in given.items())


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
