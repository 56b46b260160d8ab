"""Rows of cells out of files and frames: whatever separates, surrounds and encodes them."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

from eipyomo.errors import InputError
from eipyomo.extras import extra
from eipyomo.files import PathLike, read_bytes, require_path
from eipyomo.tables import read_table
from eipyomo.user_tables.numerals import is_blank
from eipyomo.words import reason_of

if TYPE_CHECKING:
    import pandas as pd


class Row(NamedTuple):
    """Cells, and where they stand, as a sentence says it: ``line 3``."""

    place: str
    cells: list[Any]


class Grid(NamedTuple):
    """A table before anything is known of its columns.

    Attributes
    ----------
    titles
        Of the columns, the first row.
    rows
        All as wide as that, none of them blank.
    faults, remarks
        What is wrong, and what the reader should know, in a sentence each.
    """

    titles: list[str]
    rows: list[Row]
    faults: list[str]
    remarks: list[str]


def read_grid(source: pd.DataFrame | PathLike, is_known: Callable[[str], bool]) -> Grid:
    """Return the cells of a frame or of a file: a text with any separator, or a sheet of Excel.

    Parameters
    ----------
    source
        The frame, or the path of the file.
    is_known
        Tells whether a title is one of those there may be, for the separator to be found by.

    Raises
    ------
    InputError
        If there is no table in it.
    SolverError
        If a package is missing that a sheet needs.
    """
    if not isinstance(source, str | os.PathLike):
        if not hasattr(source, "columns"):
            require_path(source, "the table of users")
        return _of_frame(source)
    if os.fspath(source).lower().endswith(".parquet"):
        return _of_frame(read_table(source))
    if read_bytes(source, "users", lambda contents: contents[:4]) == _ZIP:
        return _without_ends(_of_sheet(source), [])
    text, remarks = read_bytes(source, "users", _decoded)
    rows, faults = _of_text(text, is_known, remarks)
    return _without_ends(rows, faults, remarks)


_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"


def _of_frame(frame: pd.DataFrame) -> Grid:
    titles = [str(title) for title in frame.columns]
    cells = frame.astype(object).to_numpy().tolist()
    rows = [Row(f"row {at}", row) for at, row in zip(frame.index, cells, strict=True)]
    return Grid(titles, [row for row in rows if not _is_empty(row.cells)], [], [])


def _of_sheet(path: PathLike) -> list[Row]:
    """Return the rows of the first sheet of a book of Excel, without comments."""
    openpyxl = extra("openpyxl", "excel", "a .xlsx file")

    def rows_in(contents: bytes) -> list[Row]:
        try:
            with redirect_stdout(io.StringIO()):  # openpyxl prints which styles it does not know
                book = openpyxl.load_workbook(io.BytesIO(contents), data_only=True)
                cells = list(book.worksheets[0].iter_rows(values_only=True))
        except Exception as error:  # whatever damaged contents lead a library to
            reason = reason_of(error)
            raise InputError(f"it holds no sheet, save it as .xlsx or .csv: {reason}") from None
        return [Row(f"row {n}", list(row)) for n, row in enumerate(cells, start=1)]

    rows = read_bytes(path, "users", rows_in)
    return [row for row in rows if not _is_remark(row.cells)]


def _is_remark(cells: Sequence[Any]) -> bool:
    """Tell whether the only cell of a sheet's row that is not blank begins with ``#``."""
    said = [cell for cell in cells if not is_blank(cell)]
    return len(said) == 1 and isinstance(said[0], str) and said[0].lstrip().startswith("#")


def _decoded(contents: bytes) -> tuple[str, list[str]]:
    """Return the text of a file, and what is to be said of its encoding.

    Raises
    ------
    ValueError
        If it is no text.
    """
    remarks: list[str] = []
    if contents.startswith(_OLE):
        raise InputError("it is a sheet of old Excel, but must be .xlsx or .csv: save it as that")
    if contents.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = contents.decode("utf-16")
    elif contents[1:2] == b"\0":
        text = contents.decode("utf-16-le")
    elif contents[:1] == b"\0":
        text = contents.decode("utf-16-be")
    else:
        try:
            text = contents.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = contents.decode("cp1252")
            remarks.append(
                "the file is not in UTF-8 and is read as Latin-1 (Windows-1252): save it as UTF-8 "
                "if names look wrong"
            )
    if "\0" in text:
        raise ValueError("it is no text")
    return text, remarks


def _of_text(
    text: str, is_known: Callable[[str], bool], remarks: list[str]
) -> tuple[list[Row], list[str]]:
    """Return the rows of a text, and lines that may be a user or a comment; remark on comments."""
    records = list(_records(text))
    separator = ""
    if records and (told := re.fullmatch(r'"?sep=(.)"?\s*', records[0][1])):
        separator = told[1]
        del records[0]
    rows: list[Row] = []
    faults: list[str] = []
    for line, record in records:
        begin = record.strip()
        if not begin or (begin.startswith("#") and not rows):
            continue
        if begin.startswith("#") and record.count(separator) + 1 >= len(rows[0].cells):
            if begin[1:2] in " \t#":
                remarks.append(f"line {line} is taken as a comment, and not as a user")
            else:
                faults.append(
                    f"line {line} begins with '#', but must have a blank behind it if it is a "
                    "comment, and quotation marks around the name if it is a user"
                )
        elif not begin.startswith("#"):
            separator = separator or _separator(record, is_known)
            rows.append(Row(f"line {line}", _split(line, record, separator)))
    return rows, faults


def _records(text: str) -> Iterator[tuple[int, str]]:
    """Iterate over lines with their numbers; those within quotation marks belong together."""
    parts: list[str] = []
    first, is_open = 0, False
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if not parts:
            first = number
            if line.lstrip().startswith("#"):
                yield number, line
                continue
        parts.append(line)
        is_open ^= bool(line.count('"') % 2)
        if not is_open:
            yield first, "".join(parts)
            parts = []
    if parts:
        raise InputError(f"line {first} has a quotation mark that no other one closes")


def _separator(header: str, is_known: Callable[[str], bool]) -> str:
    """Return the sign between which most titles of a header are known."""

    def titles(sign: str) -> tuple[int, int]:
        try:
            found = _split(0, header, sign)
        except InputError:  # something else stands behind a quotation mark
            return 0, 0
        return sum(map(is_known, found)), len(found)

    return max(",;\t|", key=titles)


def _split(line: int, record: str, separator: str) -> list[Any]:
    try:
        (cells,) = csv.reader([record], delimiter=separator, strict=True, skipinitialspace=True)
    except (csv.Error, ValueError) as error:
        raise InputError(f"line {line} is not valid CSV: {error}") from None
    return [cell.strip() for cell in cells]


def _is_empty(cells: Iterable[Any]) -> bool:
    """Tell whether there is nothing in cells, not even a sign for nothing."""
    return not any(cell.strip() if isinstance(cell, str) else not is_blank(cell) for cell in cells)


def _without_ends(rows: Iterable[Row], faults: Sequence[str], remarks: Sequence[str] = ()) -> Grid:
    """Return rows below their header, without blank ones, and without blanks behind the last title.

    A row that is shorter or longer than the header is a fault, since a cell may have moved.
    """
    said = [row for row in rows if not _is_empty(row.cells)]
    if not said:
        raise InputError("the users file holds no table")
    titles = ["" if cell is None else str(cell).strip() for cell in said[0].cells]
    while not titles[-1]:
        titles.pop()
    found, width, wrong = [], len(titles), list(faults)
    for row in said[1:]:
        if len(row.cells) < width or not _is_empty(row.cells[width:]):
            wrong.append(
                f"the table has {len(row.cells)} fields in {row.place}, but must have {width}, one "
                "for each title"
            )
        else:
            found.append(Row(row.place, row.cells[:width]))
    return Grid(titles, found, wrong, list(remarks))
