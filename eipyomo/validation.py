"""Checked records: frozen data that says in one sentence what is wrong with an input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    ValidationError,
)

from eipyomo.errors import InputError


def _plain_number(value: Any) -> Any:
    """Turn numpy's numbers and plain integers into floats; leave the rest to be refused."""
    if isinstance(value, int | np.integer | np.floating) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return value


Positive = Annotated[StrictFloat, BeforeValidator(_plain_number), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[
    StrictFloat, BeforeValidator(_plain_number), Field(ge=0, allow_inf_nan=False)
]
Finite = Annotated[StrictFloat, BeforeValidator(_plain_number), Field(allow_inf_nan=False)]


def _plain_decision(value: Any) -> Any:
    """Turn numpy's booleans and the numbers 0 and 1 into booleans; leave the rest to be refused."""
    return bool(value) if isinstance(value, np.bool_) or value in (0, 1) else value


Decision = Annotated[StrictBool, BeforeValidator(_plain_decision)]


class Record(BaseModel):
    """Frozen data that refuses unknown keys and says in one sentence what is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    of_a_user: ClassVar[bool] = False

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise InputError(_sentence(type(self), error, data)) from None


def _sentence(model: type[Record], error: ValidationError, data: Mapping[str, Any]) -> str:
    """Put the first complaint of pydantic into one sentence: key, user, value, what is allowed."""
    first = error.errors(include_url=False)[0]
    location, value = first["loc"], first["input"]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):  # from a nested object, or from a check of our own
        return f"{_where(location)}{'.' if location else ''}{cause}"
    where = f"{_where(location)}{_user(model, data)}"
    if first["type"] == "missing":
        return f"{where} is missing: {_allowed(model, location)} is required"
    if first["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields)
        return f"{where} is not a known key, but must be one of: {known}"
    return f"{where} is {_short(value)}, but must be {_allowed(model, location)}"


def _where(location: tuple[int | str, ...]) -> str:
    """Write a place in a document as a person would: ``users[2].task_bits``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def _user(model: type[Record], data: Mapping[str, Any]) -> str:
    """Name the end user whose data is at fault."""
    return f" (user {_short(data['name'])})" if model.of_a_user and "name" in data else ""


def _allowed(model: type[Record], location: tuple[int | str, ...]) -> str:
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


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
