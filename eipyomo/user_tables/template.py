"""A table of end users to fill in: titles in units that people have, a row, and what is meant."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.extras import extra
from eipyomo.files import PathLike
from eipyomo.units import UNITS, heading, unit_of
from eipyomo.user_tables.headings import DISTANCE
from eipyomo.users import Users
from eipyomo.words import short

COLUMNS: Final = (
    *("name", "channel_gain_db", "task_mbit", "transmit_power_dbm", "receive_power_mw"),
    *("noise_density_dbm_per_hz", "max_frequency_ghz", "energy_coefficient", "energy_weight"),
    *("latency_weight", "previous_download_s", "local_training_s", "local_training_j"),
)
"""The columns, in the units of the letter's table."""

FORMATS: Final = (".csv", ".xlsx")

WHAT: Final = (
    "One row is one end user. This is read by: eipyomo generate --users-csv FILE",
    "All but name and channel gain may be left out or blank: values are then those of the row here",
)


def template_bytes(path: PathLike, letter: Users[EndUser]) -> bytes:
    """Return a table to fill in, as a file of that name holds it.

    Parameters
    ----------
    path
        Ends in ``.csv`` or ``.xlsx``.
    letter
        The user that stands in the row.

    Raises
    ------
    InputError
        If it ends in something else.
    SolverError
        If the package is missing that ``.xlsx`` needs.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"output is {short(str(path))}, but must end in {' or '.join(FORMATS)}")
    titles = list(map(heading, COLUMNS))
    row = _row(next(letter.records()))
    return _csv(titles, row) if suffix == ".csv" else _xlsx(titles, row)


def _row(user: Mapping[str, Any]) -> list[Any]:
    """Return what a user has, in the units of the columns."""
    found = []
    for column in COLUMNS:
        key, unit = unit_of(column, EndUser.model_fields)
        value = user[key] if unit is None else unit.from_si(user[key])
        found.append(value if isinstance(value, str) else float(f"{value:.12g}"))
    return found


def meanings() -> dict[str, str]:
    """Return what each column means, by its title; first those of the template."""
    fields = EndUser.model_fields
    found = {}
    for column in COLUMNS:
        key, _ = unit_of(column, fields)
        title, meaning = heading(column), str(fields[key].description)
        found[title] = _without_unit(meaning) if "[" in title else meaning
    found[DISTANCE] = "distance from the server in m, in the place of a channel gain"
    told = [unit_of(column, fields)[0] for column in COLUMNS]
    more = {key: str(one.description) for key, one in fields.items() if key not in told}
    return found | more


def _without_unit(description: str) -> str:
    """Return a description without a unit, which the title has."""
    units = "|".join(re.escape(unit.si.strip("_").replace("_per_", "/")) for unit in UNITS.values())
    return re.sub(rf" in ({units})$", "", description, flags=re.IGNORECASE)


def _csv(titles: list[str], row: list[Any]) -> bytes:
    notes = [*WHAT, *(f"{title}: {meaning}" for title, meaning in meanings().items())]
    notes.insert(len(WHAT) + len(titles), "These columns may be added, in any unit:")
    cells = [f"{cell:.12g}" if isinstance(cell, float) else cell for cell in row]
    lines = [*(f"# {note}" for note in notes), ",".join(titles), ",".join(cells)]
    return "\n".join([*lines, ""]).encode()


def _xlsx(titles: list[str], row: list[Any]) -> bytes:
    """Return a book with the table, and a second sheet that tells what its columns mean."""
    book = extra("openpyxl", "excel", "a .xlsx file").Workbook()
    users, columns = book.active, book.create_sheet("columns")
    users.title = "users"
    users.append(titles)
    users.append(row)
    for n, title in enumerate(titles, start=1):
        users.column_dimensions[users.cell(1, n).column_letter].width = len(title) + 3
    users.freeze_panes = "A2"
    for line in [*((words,) for words in WHAT), *meanings().items()]:
        columns.append(line)
    columns.column_dimensions["A"].width = 30
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
