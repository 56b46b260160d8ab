"""JSON text in parts: what :func:`json.dumps` writes, but never all of it at once.

Whatever holds no other container is encoded as one part by the encoder in C, which ``json`` leaves
aside where lines are indented. A list may be an iterator, so that its items need not be there all
at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from types import NoneType
from typing import Any


def json_parts(value: Any, *, indent: int) -> Iterator[str]:
    """Iterate over parts of the JSON text of a value, on lines that are indented.

    Parameters
    ----------
    value
        Dictionaries, lists and what they hold; an iterator is a list.
    indent
        As for :func:`json.dumps`.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return _level(indent, 0).parts(value)


class _Level:
    """How values are written that stand in so many containers."""

    def __init__(self, indent: int, depth: int) -> None:
        self.indent, self.depth = indent, depth
        self.outside = "\n" + " " * (indent * depth)
        self.inside = "\n" + " " * (indent * (depth + 1))
        self.encode = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, separators=(f",{self.inside}", ": ")
        ).encode

    def parts(self, value: Any) -> Iterator[str]:
        """Iterate over the text of a value; items that hold no container are one part each."""
        if _is_flat(value):
            yield self.whole(value)
            return
        within = _level(self.indent, self.depth + 1)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        before = opening + self.inside
        for key, one in self.items(value):
            if _is_flat(one):
                yield before + key + within.whole(one)
            else:
                yield before + key
                yield from within.parts(one)
            before = f",{self.inside}"
        yield self.outside + closing

    def whole(self, value: Any) -> str:
        """Return the text of a value that holds no container."""
        text = self.encode(value)
        if text[0] not in "{[" or len(text) == 2:
            return text
        return f"{text[0]}{self.inside}{text[1:-1]}{self.outside}{text[-1]}"

    def items(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Iterate over what is in a container, and what stands before it."""
        if not isinstance(value, dict):
            return (("", one) for one in value)
        return ((self.encode({key: None})[1:-5], one) for key, one in value.items())


@lru_cache
def _level(indent: int, depth: int) -> _Level:
    return _Level(indent, depth)


def _is_flat(value: Any) -> bool:
    """Tell whether a value is no container, or certainly holds none."""
    if isinstance(value, dict):
        return PLAIN.issuperset(map(type, value.values()))
    if isinstance(value, list | tuple):
        return PLAIN.issuperset(map(type, value))
    return not isinstance(value, Iterator)


canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, check_circular=False).encode
"""Return the text of a document that is always the same, whatever the order of its keys."""

PLAIN = {str, int, float, bool, NoneType}
"""Types of what is no container."""
