"""Numbers with where they come from: told, from the catalogue, computed, drawn, or the letter's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from eipyomo.catalog.entries import Device, Entry, Radio
from eipyomo.units import SI, unit_of
from eipyomo.validation import Record

Kind = Literal["given", "catalogue", "formula", "drawn", "letter"]


class Fact(NamedTuple):
    """A value of an instance, and where it comes from.

    Attributes
    ----------
    value
        In SI units.
    origin
        ``given`` in the scenario, from the ``catalogue``, by a ``formula``, ``drawn`` with the
        seed, or the ``letter``'s.
    given
        The value as it was given, or the formula with its numbers.
    formula
        In words.
    source
        Which key of the scenario says so, or who has published it.
    """

    value: Any
    origin: Kind
    given: str
    formula: str = ""
    source: str = ""


Facts = Mapping[str, Fact]
"""Facts by keys of an instance."""

Finder = Callable[[str], Fact | None]
"""What may have a fact for a key."""

Term = tuple[str, float | Fact]
"""A factor in words, and its number."""


def first(key: str, *finders: Finder) -> Fact | None:
    """Return the fact of the first that has one."""
    return next((fact for find in finders if (fact := find(key)) is not None), None)


def said(section: Record, document: Any, where: str) -> Finder:
    """Return what finds the facts that a section says, as a person has written it.

    Parameters
    ----------
    section
        In SI units.
    document
        As it was written.
    where
        What stands before its keys: ``"radio"``.
    """
    known = type(section).model_fields
    raw = document if isinstance(document, Mapping) else {}
    written = {unit_of(key, known)[0]: (key, unit_of(key, known)[1]) for key in map(str, raw)}

    def find(key: str) -> Fact | None:
        value = getattr(section, key, None)
        if key not in written or value is None:
            return None
        typed, unit = written[key]
        sign = unit_sign(key) if unit is None else unit.sign
        return Fact(value, "given", f"{raw[typed]} {sign}".strip(), source=f"{where}.{typed}")

    return find


def catalogued(entry: Entry | None, keys: Mapping[str, str] | None = None) -> Finder:
    """Return what finds the facts of a row of the catalogue.

    Parameters
    ----------
    entry
        The row, if there is one.
    keys
        What it calls some keys.
    """

    def find(key: str) -> Fact | None:
        own = (keys or {}).get(key, key)
        known = () if entry is None else (*type(entry).model_fields, *entry.derives)
        value = getattr(entry, own) if own in known else None
        if entry is None or value is None:
            return None
        if own in entry.derives:
            formula = entry.derives[own]
            sources = [one.source for name, one in entry.origins.items() if name in formula]
            return Fact(
                value, "catalogue", _with_numbers(formula, entry), formula, joined(sources, entry)
            )
        told = entry.origins.get(own)
        given = f"{value:.12g} {unit_sign(key)}".strip()
        if told is None:
            return Fact(value, "catalogue", given, source=entry.name)
        note = f"; {told.note}" if told.note else ""
        return Fact(value, "catalogue", given, f"{told.how}{note}", f"{entry.name}: {told.source}")

    return find


def _with_numbers(formula: str, entry: Device | Radio | Entry) -> str:
    """Return a formula of a row with its numbers in the place of names."""
    return re.sub(
        r"[a-z]+(_[a-z]+)+", lambda name: number(getattr(entry, name[0], None) or 0.0), formula
    )


def joined(sources: Sequence[str], entry: Entry) -> str:
    """Return sources in one text, behind the row's name."""
    return f"{entry.name}: {'; '.join(dict.fromkeys(sources))}"


def lettered(record: Record) -> Finder:
    """Return what finds the letter's numbers."""

    def find(key: str) -> Fact | None:
        value = getattr(record, key, None)
        if value is None:
            return None
        return Fact(
            value, "letter", f"{value:.12g} {unit_sign(key)}".strip(), source="the letter, Table I"
        )

    return find


def product(terms: Sequence[Term], by: Sequence[Term] = (), source: str = "") -> Fact:
    """Return a product over a product, with its words and its numbers.

    Parameters
    ----------
    terms
        What is multiplied.
    by
        By what it is divided.
    source
        Who says that it is so, beside whoever has the numbers.
    """
    words = " / ".join([" * ".join(word for word, _ in terms), *(word for word, _ in by)])
    numbers = [[_value(value) for _, value in some] for some in (terms, by)]
    given = " / ".join([" * ".join(map(number, numbers[0])), *map(number, numbers[1])])
    sources = [source, *(fact.source for _, fact in (*terms, *by) if isinstance(fact, Fact))]
    parts = [part for one in sources for part in one.split("; ") if part]
    known = "; ".join(dict.fromkeys(parts))
    value = math.prod(numbers[0])
    for divisor in numbers[1]:
        value /= divisor
    return Fact(value, "formula", given, words, known)


def _value(term: float | Fact) -> float:
    return float(term.value if isinstance(term, Fact) else term)


def number(value: float) -> str:
    """Return a number with all digits that matter."""
    return f"{value:.15g}"


def unit_sign(key: str) -> str:
    """Return the unit of a key in SI units, as people write it."""
    if key in SIGNS:
        return SIGNS[key]
    return next((sign for ending, sign in SI.items() if key.endswith(ending)), "")


SIGNS: Final[Mapping[str, str]] = {
    "energy_coefficient": "J s²/cycle³",
    "energy_weight": "1/J",
    "latency_weight": "1/s",
    "cycles_per_bit": "cycle/bit",
    "local_cycles": "cycle",
    "edge_cycles": "cycle",
    "macs_per_cycle": "MAC/cycle",
}
"""Units of keys that do not end in one."""
