"""Records of options: each says what it means, and what it takes follows from its type."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ConfigDict
from pydantic.fields import FieldInfo

from eipyomo.validation import Record, limits

WORDS: Mapping[Any, str] = {
    float: "a finite number",
    int: "a whole number",
    bool: "true or false",
    str: "a text",
    os.PathLike: "a path",
    Mapping: "a mapping",
}


class Kind(NamedTuple):
    """One of the kinds of value that an option takes.

    Attributes
    ----------
    type
        Its type, or a Literal.
    metadata
        What pydantic checks of it. A text among it are words for what cannot be checked so.
    """

    type: Any
    metadata: tuple[Any, ...]

    @property
    def choices(self) -> tuple[Any, ...]:
        """The only values there are; none where that is left open."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    def __str__(self) -> str:
        """Say what values these are."""
        own = [item for item in self.metadata if isinstance(item, str)]
        if own:
            return own[0]
        if self.choices:
            several = len(self.choices) > 1
            return f"one of: {', '.join(self.choices)}" if several else repr(self.choices[0])
        kind = get_origin(self.type) or self.type
        if kind in WORDS:
            return f"{WORDS[kind]} {limits(self.metadata)}".rstrip()
        return f"{'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}"


def kinds(annotation: Any, metadata: Iterable[Any] = ()) -> Iterator[Kind]:
    """Iterate over the kinds of a type, None left out."""
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        more = (part.metadata if isinstance(part, FieldInfo) else [part] for part in parts[1:])
        yield from kinds(parts[0], [*metadata, *(item for items in more for item in items)])
    elif get_origin(annotation) in (Union, UnionType):
        for part in parts:
            yield from kinds(part, metadata)
    elif annotation is not NoneType:
        yield Kind(annotation, tuple(metadata))


class Choices(Record):
    """Options of a method or a formulation; what is None is left out.

    From the type and the description of each follow the sentence that refuses a value, the help of
    the command line, and the table in the docs.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @classmethod
    def kinds(cls, key: str) -> list[Kind]:
        """Return the kinds of value that an option takes."""
        field = cls.model_fields[key]
        return list(kinds(field.annotation, field.metadata))

    @classmethod
    def takes(cls, key: str) -> str:
        """Say which values an option takes."""
        return " or ".join(map(str, cls.kinds(key)))

    @classmethod
    def allowed(cls, key: str) -> str:
        """Say which values an option takes, and what it means."""
        return f"{cls.takes(key)} ({cls.model_fields[key].description})"
