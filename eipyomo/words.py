"""How sentences and tables show values and names: short, on one line, and told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN_PARTS = 60
"""A sentence has no room for more parts of a list, nor for more lists within one another."""


def short(value: Any) -> str:
    """Return a value as a sentence shows it: numpy's numbers as plain ones, and never long."""
    return clipped(one_line(repr(_plain(value))))


def _plain(value: Any, levels: int = SHOWN_PARTS) -> Any:
    """Return what a value is without numpy, as far as a sentence can show it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _plain(value.tolist(), levels)
    if type(value) in (list, tuple, set, dict) and not levels:
        return type(value)()
    if type(value) in (list, tuple, set):
        return type(value)(_plain(part, levels - 1) for part in list(value)[:SHOWN_PARTS])
    if type(value) is dict:
        parts = list(value.items())[:SHOWN_PARTS]
        return {key: _plain(part, levels - 1) for key, part in parts}
    return value


def clipped(text: str, width: int = 60) -> str:
    """Return a text that is not longer than a sentence can hold."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def reason_of(error: BaseException) -> str:
    """Return what a library says of contents that it cannot read, which it may quote whole."""
    return clipped(one_line(str(error)).rstrip("."), 200)


def one_line(text: str) -> str:
    """Return a text on one line, with escapes for what would not be seen or would steer a terminal.

    Characters that only join or tell directions are part of names in many languages.
    """
    return "".join(
        sign if sign.isprintable() or sign in JOINERS else ascii(sign)[1:-1]
        for sign in " ".join(text.split())
    )


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


def shown(value: Any) -> str:
    """Return plain values as they are, and of other objects what they are."""
    if value is None or isinstance(value, str | int | float | complex | list | tuple | dict):
        return short(value)
    if isinstance(value, np.generic):
        return short(value)
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOaeio' else 'a'} {kind}"


JOINERS = "\u200c\u200d"


def in_words(value: Any) -> str:
    """Return a value as a sentence shows it; or its kind, where its words say only where it is."""
    kind: Any = type(value)
    return shown(value) if kind.__repr__ is object.__repr__ else short(value)
