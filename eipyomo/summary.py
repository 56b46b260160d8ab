"""What objects say of themselves: a line in Python, and a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from eipyomo.words import clipped, short

LINE = 200
"""So many characters a line has at most."""

ROWS = 10
"""A notebook shows so many rows, and says of how many."""


@dataclass(frozen=True)
class Summary:
    """What there is to say.

    Attributes
    ----------
    name
        What it is called, or of what it is.
    facts
        Phrases, in order; None is left out.
    rows
        Of a table, each by its columns; they are made only for a notebook.
    total
        Number of all rows.
    """

    name: str
    facts: Sequence[str | None]
    rows: Iterable[Mapping[str, Any]] = ()
    total: int = 0


class Summarised:
    """What says in a line what it is, and in a notebook in a table, by its ``_summary``."""

    __slots__ = ()

    def _summary(self) -> Summary:
        """Return what there is to say."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return a line that says what it is, with no more than 200 characters."""
        said = self._summary()
        facts = ", ".join(fact for fact in said.facts if fact)
        line = f"{type(self).__name__} {short(said.name)}: {facts}"
        return f"<{clipped(line, LINE - 2)}>"

    def __str__(self) -> str:
        """Return the same line."""
        return repr(self)

    def _repr_html_(self) -> str:
        """Return the line with a table of the first rows, for notebooks."""
        said = self._summary()
        rows = list(islice(said.rows, ROWS))
        keys = list(dict.fromkeys(key for row in rows for key in row))
        facts = "".join(f"<li>{html.escape(fact)}</li>" for fact in said.facts if fact)
        head = _row("th", keys)
        body = "".join(_row("td", [_cell(row.get(key)) for key in keys]) for row in rows)
        more = f"<p>the first {len(rows)} of {said.total}</p>" if said.total > len(rows) else ""
        table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{more}" if rows else ""
        title = f"<b>{type(self).__name__}</b> {html.escape(short(said.name))}"
        return f"<div><p>{title}</p><ul>{facts}</ul>{table}</div>"


def _row(kind: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{html.escape(cell)}</{kind}>' for cell in cells)}</tr>"


def _cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return clipped(str(value))


def number(what: str, value: float | None, unit: str = "") -> str | None:
    """Return a phrase about a number, or None without one."""
    return None if value is None else f"{what} {value:.6g}{f' {unit}' if unit else ''}"


def counted(number: int, what: str) -> str:
    """Return a number of things, such as "1 user" or "4 users"."""
    return f"{number} {what}{'' if number == 1 else 's'}"
