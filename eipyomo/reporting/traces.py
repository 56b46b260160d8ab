"""The way to an answer as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eipyomo.claims.values import is_number
from eipyomo.reporting.sentences import Cell, Number, Table

AT_EITHER_END = 10


def trace_of(trace: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return the first and the last rows of a trace; None where there is none."""
    if not trace:
        return None
    keys = [key for key, value in trace[0].items() if value is None or is_number(value)]
    places = [n for n in range(len(trace)) if n < AT_EITHER_END or n >= len(trace) - AT_EITHER_END]
    rows: list[list[Cell]] = [
        [
            Number(f"trace.{n}.{key}", trace[n][key], digits=7)
            if is_number(trace[n].get(key))
            else None
            for key in keys
        ]
        for n in places
    ]
    return Table([heading(key) for key in keys], rows, len(trace) - len(places))


def heading(key: str) -> tuple[str, str]:
    """Return the name and the unit of a column."""
    name, _, unit = key.rpartition("_")
    known = UNITS.get(unit) if name else None
    words = name if known else key
    return words.replace("_", " ").capitalize(), known or ""


UNITS = {"s": "s", "j": "J", "hz": "Hz", "mhz": "MHz", "ghz": "GHz", "mbit": "Mbit"}
"""Units by what ends the names of columns."""
