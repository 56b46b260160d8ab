"""End users of a table that a person made, with all that is wrong with it in one message."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from eipyomo.at_once import keys_of
from eipyomo.channel import PATH_LOSS_EXPONENT, mean_gain
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about
from eipyomo.user_tables.grids import Grid, read_grid
from eipyomo.user_tables.headings import DISTANCE, KEYS, Column, column_of, is_known, nearest
from eipyomo.user_tables.numerals import decimal_marks, is_blank, number_of
from eipyomo.user_tables.slips import bits_for_bytes, meant_instead
from eipyomo.users import Users
from eipyomo.validation import allowed
from eipyomo.words import one_line, short

if TYPE_CHECKING:
    import pandas as pd

GAIN: Final = "channel_gain"
NEEDED: Final = ("name", GAIN)
"""Keys that have no default."""

MOST: Final = 10
"""So many faults, users or columns are named."""

Values = list[Any]
"""Of a column, one a user, in SI units; None where a cell is blank or at fault."""


def read_users(
    source: pd.DataFrame | PathLike, others: Users[EndUser], letter: Users[EndUser]
) -> tuple[Users[EndUser], list[str]]:
    """Return the end users of a table, and warnings of what was filled and of what smells wrong.

    Parameters
    ----------
    source
        A data frame, or a file: ``.xlsx``, ``.parquet``, or text with any separator.
    others
        What all these have alike stands in the place of what the table leaves out.
    letter
        Whose values do where they have nothing alike.

    Raises
    ------
    InputError
        With all that is wrong, each with its row and column; the first ten are listed.
    SolverError
        If a package is missing that the file needs.
    """
    with about(source):
        table = _Table(read_grid(source, is_known))
        users = table.users(_defaults(others, letter))
    before = f"{one_line(os.fspath(source))}: " if isinstance(source, str | os.PathLike) else ""
    return users, [before + remark for remark in table.remarks]


def _defaults(others: Users[EndUser], letter: Users[EndUser]) -> dict[str, float]:
    """Return what stands in the place of what a table leaves out, by the keys of a user."""
    found = {}
    for key, one in keys_of(EndUser).items():
        if one.is_required and key not in NEEDED:
            own = others.numbers(key)
            found[key] = float((own if (own == own[0]).all() else letter.numbers(key))[0])
    return found


@dataclass
class _Table:
    """A table on its way to users; its faults and remarks are gathered and told at once."""

    grid: Grid
    columns: dict[str, tuple[int, Column]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    names: Sequence[Any] = ()

    def users(self, defaults: Mapping[str, float]) -> Users[EndUser]:
        """Return the users."""
        self.remarks = list(self.grid.remarks)
        self._find_columns()
        self._require_columns()
        self.faults += self.grid.faults
        if not self.grid.rows and not self.faults:
            raise InputError("the table has no users below its header")
        marks = decimal_marks(
            row.cells[n]
            for row in self.grid.rows
            for n, column in self.columns.values()
            if _is_number(column.key)
        )
        self.names = self._cells("name") if "name" in self.columns else ()
        values = {key: self._values(column, marks) for key, (_, column) in self.columns.items()}
        if "name" in values:
            self._refuse_twice(values["name"])
        self._raise()
        self._fill(values, defaults)
        return self._made(values)

    # --- columns ---

    def _find_columns(self) -> None:
        """Tell what each column is."""
        unknown = []
        for n, title in enumerate(self.grid.titles):
            if title in NAMELESS or title.startswith("Unnamed: "):
                if not _is_of_nobody([row.cells[n] for row in self.grid.rows]):
                    self.faults.append(f"column {n + 1} has no name")
                continue
            try:
                self._add(n, column_of(title))
            except LookupError:
                near = nearest(title)
                unknown.append(short(title) + (f" (perhaps {near})" if near else ""))
            except InputError as error:
                self.faults.append(str(error))
        if unknown:
            self.faults.append(
                f"the table has the unknown column{'s' if len(unknown) > 1 else ''} "
                f"{_some(unknown)}, but may have: {', '.join(KEYS)}, in any unit"
            )

    def _add(self, n: int, column: Column) -> None:
        if column.key in self.columns:
            first = self.columns[column.key][1].title
            self.faults.append(
                f"the columns {short(first)} and {short(column.title)} are the same quantity, but "
                "it must be given once"
            )
        else:
            self.columns[column.key] = n, column

    def _require_columns(self) -> None:
        """Refuse a table without names, or without just one way to gains."""
        if GAIN in self.columns and DISTANCE in self.columns:
            self.faults.append(f"{GAIN} and {DISTANCE} are both given, but one of them is enough")
        if "name" not in self.columns:
            self.faults.append("the column name is missing: a name for each user is required")
        if not {GAIN, DISTANCE} & self.columns.keys():
            self.faults.append(
                f"the column {GAIN} is missing: it is required, or {DISTANCE}, of which the "
                "letter's path loss makes a gain"
            )

    def _cells(self, key: str) -> list[Any]:
        n, _ = self.columns[key]
        return [row.cells[n] for row in self.grid.rows]

    # --- cells ---

    def _values(self, column: Column, marks: set[str]) -> Values:
        """Return the values of a column in SI units; faults and slips are noted."""
        cells = self._cells(column.key)
        if not _is_number(column.key):
            return [self._text(j, column, cell) for j, cell in enumerate(cells)]
        told = [self._number(j, column, cell, marks) for j, cell in enumerate(cells)]
        self._note_slips(column, told)
        return [None if one is None else self._in_si(j, column, one) for j, one in enumerate(told)]

    def _text(self, j: int, column: Column, cell: Any) -> str | None:
        """Return the text in a cell; only names and modes may be signs for nothing."""
        key, text = keys_of(EndUser)[column.key], _as_text(cell)
        choices = key.kind.choices
        if text == "" if isinstance(text, str) and not choices else is_blank(text):
            if key.is_required:
                self._refuse(j, column, "blank", allowed(EndUser, (column.key,)))
            return None
        if isinstance(text, str):
            text = text.casefold() if choices else text
            if not choices or text in choices:
                return text
        self._refuse(j, column, short(cell), allowed(EndUser, (column.key,)))
        return None

    def _number(self, j: int, column: Column, cell: Any, marks: set[str]) -> float | None:
        """Return the number in a cell, in the column's unit."""
        if type(cell) is float and cell == cell:
            return cell
        if is_blank(cell):
            if column.key in (GAIN, DISTANCE):
                self._refuse(j, column, "blank", _allowed(column.key))
            return None
        unit = "" if column.unit is None else f" in {column.sign}"
        try:
            number = number_of(cell, marks)
        except InputError as error:
            self.faults.append(f"{self._where(j, column)} is {short(cell)}, but {error}")
        except ValueError:
            must = f"a finite number{unit}" if unit else _allowed(column.key)
            self._refuse(j, column, short(cell), must)
        else:
            return number
        return None

    def _in_si(self, j: int, column: Column, number: float) -> float | None:
        """Return a number in SI units, if a user may have it."""
        try:
            value = number if column.unit is None else column.unit.to_si(number)
        except OverflowError:
            value = math.inf
        least, most = _range(column.key)
        if least <= value <= most:
            return value + 0.0
        meant = meant_instead(column, number)
        hint = "" if meant is None else f"; perhaps {meant} is meant"
        self._refuse(j, column, f"{number!r}", f"{_allowed(column.key)}{hint}")
        return None

    def _where(self, j: int, column: Column) -> str:
        name = self.names[j] if self.names and column.key != "name" else ""
        user = f" (user {short(name)})" if isinstance(name, str | int) and name != "" else ""
        return f"{self.grid.rows[j].place}: {one_line(column.title)}{user}"

    def _refuse(self, j: int, column: Column, found: str, must: str) -> None:
        self.faults.append(f"{self._where(j, column)} is {found}, but must be {must}")

    def _refuse_twice(self, names: Values) -> None:
        places: dict[str, int] = {}
        for j, name in enumerate(names):
            if name is not None and (first := places.setdefault(name, j)) != j:
                self.faults.append(
                    f"{self.grid.rows[j].place}: name is {short(name)}, but "
                    f"{self.grid.rows[first].place} has that name already and names must be unique"
                )

    def _raise(self) -> None:
        """Refuse the table with its faults, in one sentence."""
        if not self.faults:
            return
        more = len(self.faults) - MOST
        listed = "; ".join(self.faults[:MOST]) + (f"; and {more} more" if more > 0 else "")
        count = "" if len(self.faults) == 1 else f"{len(self.faults)} faults: "
        raise InputError(f"{count}{listed}")

    # --- users ---

    def _note_slips(self, column: Column, told: Sequence[float | None]) -> None:
        """Note the values of a column that smell wrong and are right otherwise."""
        eighths = bits_for_bytes(column, told)
        if eighths:
            self.remarks.append(
                f"{one_line(column.title)} of {self._users(eighths)} is 8 times, or an eighth of, "
                "that of all others: perhaps bits and bytes are mixed; nothing was changed"
            )
        meant: dict[float | None, str | None] = {
            one: None if one is None else meant_instead(column, one) for one in set(told)
        }
        found = [j for j, one in enumerate(told) if meant[one] is not None]
        if found:
            first, others = found[0], found[1:]
            value = f"{told[first]:g} {column.sign}".rstrip()
            alike = f", as is that of {self._users(others)}" if others else ""
            self.remarks.append(
                f"{one_line(column.title)} of {self._users([first])} is {value}, which is unusual"
                f"{alike}: perhaps {meant[told[first]]} is meant; nothing was changed"
            )

    def _users(self, places: Sequence[int]) -> str:
        """Name some users, with where they stand."""
        rows = self.grid.rows
        named = [
            f"{short(self.names[j])} ({rows[j].place})" if self.names else rows[j].place
            for j in places
        ]
        return f"user{'s' if len(places) > 1 else ''} {_some(named)}"

    def _fill(self, values: dict[str, Values], defaults: Mapping[str, float]) -> None:
        """Fill what is left out, and note it once."""
        filled: dict[str, list[str]] = {}
        rows = range(len(self.grid.rows))
        everybody = "all users"
        if DISTANCE in values:
            values[GAIN] = [mean_gain(PATH_LOSS_EXPONENT, d) for d in values.pop(DISTANCE)]
            filled[everybody] = [
                f"{GAIN} by the letter's path loss with exponent {PATH_LOSS_EXPONENT:g}, unfaded"
            ]
        for key, value in defaults.items():
            column = values.setdefault(key, [None] * len(rows))
            places = [j for j in rows if column[j] is None]
            if places:
                whose = self._users(places) if len(places) < len(rows) else everybody
                filled.setdefault(whose, []).append(f"{key} = {value:g}")
                values[key] = [value if one is None else one for one in column]
        if filled:
            whole = "; ".join(f"for {whose} {', '.join(what)}" for whose, what in filled.items())
            self.remarks.append(
                "what the table leaves out is what all users of the instance have alike, or else "
                f"the letter's: {whole}"
            )

    def _made(self, values: Mapping[str, Values]) -> Users[EndUser]:
        """Return users, whose sentences say where one stands."""
        try:
            return Users(EndUser, values)
        except InputError as error:
            found = re.match(r"users\[(\d+)\]\.", str(error))
            if found is None:
                raise
            place = self.grid.rows[int(found[1])].place
            raise InputError(f"{place}: {str(error)[found.end() :]}") from None


NAMELESS: Final = ("", "index")
"""Titles of what pandas numbers rows with, beside ``Unnamed: 0``."""


def _is_of_nobody(cells: Sequence[Any]) -> bool:
    """Tell whether cells are blank, or number the rows from 0 or 1."""
    if all(cell is None or cell == "" or is_blank(cell) for cell in cells):
        return True
    try:
        numbers = [number_of(cell) for cell in cells]
    except ValueError:
        return False
    return numbers in (list(range(len(cells))), list(range(1, len(cells) + 1)))


def _some(words: Sequence[str]) -> str:
    """Return a few of some words, and how many more there are."""
    more = len(words) - MOST
    return ", ".join(words[:MOST]) + (f" and {more} more" if more > 0 else "")


def _as_text(cell: Any) -> Any:
    """Return the text of a cell; whole numbers are names too."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return cell.strip() if isinstance(cell, str) else cell


def _is_number(key: str) -> bool:
    return key == DISTANCE or keys_of(EndUser)[key].kind.type is float


def _range(key: str) -> tuple[float, float]:
    """Return the least and the most that a number may be."""
    if key == DISTANCE:
        return 1.0, sys.float_info.max
    known = keys_of(EndUser)[key]
    return known.least, known.most


def _allowed(key: str) -> str:
    """Say what a key takes."""
    if key == DISTANCE:
        return "a finite number >= 1 (distance from the server in m)"
    return allowed(EndUser, (key,))
