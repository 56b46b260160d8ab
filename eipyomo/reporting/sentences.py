"""Sentences and tables that know which of their parts are numbers, and which are names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eipyomo.words import labels

MOST_ROWS = 1000
"""No table has more rows, since nobody would read them."""

NAME_WIDTH = 30
"""Names of users are not longer where they stand in sentences of a terminal."""


class Name(str):
    """A name, which is any text."""

    __slots__ = ()


@dataclass(frozen=True)
class Number:
    """A number as it is shown, and as it is.

    Attributes
    ----------
    key
        Where in the document it stands: ``breakdown.users.0.energy_j``; behind an equals sign, what
        it follows from.
    value
        As the document has it.
    unit
        In which it is shown.
    scale
        How many units one of `value` is: 100 for per cent.
    digits
        Significant ones, at most.
    at_most
        Whether to round up, as what is said to be at most so much.
    bar
        How long a bar beside it is, from 0 to 1; None for none.
    """

    key: str
    value: float
    unit: str = ""
    scale: float = 1.0
    digits: int = 4
    at_most: bool = False
    bar: float | None = None

    @property
    def text(self) -> str:
        """The number without its unit, rounded."""
        shown = self.scale * self.value
        size = abs(shown)
        if self.unit == "%" and 0.0 < size < SMALLEST_PERCENT:
            return f"{'' if self.at_most else '<'}{SMALLEST_PERCENT:.6f}"
        if self.at_most and size > 0.0:
            steps = 10.0 ** (self.digits - 1 - math.floor(math.log10(size)))
            shown = math.ceil(shown * steps * (1.0 - 1e-12)) / steps
        if 1e4 <= size < 1e15:
            return f"{shown:,.0f}"
        if size >= 1e-4 or self.unit == "%":
            return np.format_float_positional(
                shown, precision=self.digits, unique=False, fractional=False, trim="-"
            )
        return f"{shown:.{self.digits}g}"


SMALLEST_PERCENT = 1e-6

Part = str | Number
Sentence = tuple[Part, ...]
Cell = Part | Sentence | None


@dataclass(frozen=True)
class Table:
    """Rows of parts.

    Attributes
    ----------
    headings
        Name and unit of each column; the unit may be empty.
    rows
        A cell is a part, a sentence, or None where there is nothing.
    left_out
        How many rows there are besides.
    """

    headings: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0

    @property
    def note(self) -> Sentence:
        """Where the other rows are, if there are any."""
        if not self.left_out:
            return ()
        return Number("=rows left out", self.left_out), " rows more are in the file."


@dataclass(frozen=True)
class Card:
    """One number that everybody should see, what it is, and a word on it."""

    label: str
    number: Number
    note: Sentence = ()


@dataclass(frozen=True)
class Details:
    """What stands behind an answer: tables, described figures, and facts by name and unit."""

    title: str
    tables: Sequence[Table] = ()
    figures: Sequence[tuple[str, str]] = ()
    facts: Mapping[tuple[str, str], Cell] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a report says of one file, from what everybody should see to what stands behind.

    Attributes
    ----------
    kind, source, title
        "result", "process" or "table"; its file; and what it is about.
    mark, verdict
        "good", "fair" or "bad", and why, in a sentence.
    sections
        Headings with sentences and tables below.
    parts
        Pages of parts of the document, by where they stand in it.
    """

    kind: str
    source: str
    title: str
    about: Sentence = ()
    mark: str
    verdict: Sentence
    cards: Sequence[Card] = ()
    sections: Mapping[str, Sequence[Sentence | Table]] = field(default_factory=dict)
    details: Sequence[Details] = ()
    parts: Mapping[str, Page] = field(default_factory=dict)


def plain(sentence: Sentence) -> str:
    """Return a sentence as a terminal shows it, names cut and in quotes."""
    return "".join(map(_plain, sentence))


def _plain(part: Part) -> str:
    if isinstance(part, Number):
        return " ".join(filter(None, (part.text, part.unit)))
    return repr(labels([part], NAME_WIDTH)[0]) if isinstance(part, Name) else part


def listed(names: Sequence[str], shown: int = 10) -> Sentence:
    """Return the first of some names, and how many there are besides."""
    parts: list[Part] = []
    for name in names[:shown]:
        parts += [", ", Name(name)] if parts else [Name(name)]
    more = len(names) - shown
    return (*parts, " and ", Number("=more", more), " more") if more > 0 else tuple(parts)


def as_sentence(message: str) -> str:
    """Return a message that begins with a capital and ends with a stop."""
    return f"{message[:1].upper()}{message[1:]}."


def percent(key: str, value: float, digits: int = 4) -> Number:
    """Return a part of one as per cent."""
    return Number(key, value, "%", 100.0, digits)


def gap_at_most(key: str, gap: float) -> Number:
    """Return a gap that is proven; one that is below 0 by rounding is none."""
    return Number(key, max(gap, 0.0), "%", 100.0, 2, at_most=True)
