"""Tables of positive numbers with one row a round and one column a user, from files or made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eipyomo.errors import InputError
from eipyomo.files import (
    PathLike,
    about,
    number_or_text,
    read_csv,
    require_columns,
    require_unique,
)
from eipyomo.validation import is_positive
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd


def read_rounds(
    source: pd.DataFrame | PathLike, what: str, names: Sequence[str], rounds: int | None = None
) -> pd.DataFrame:
    """Return a table's first rows, with the columns of the users in their order.

    Parameters
    ----------
    source
        The table, or a CSV file, whose lines become the index.
    what
        What the numbers are, for sentences ("gains").
    names
        The users.
    rounds
        How many rows are needed; all if left out.

    Raises
    ------
    InputError
        With the file, line, user and round of what is wrong.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        table = source.set_axis([str(column) for column in source.columns], axis=1)
        require_unique(list(table.columns), f"{what} has the column")
        require_columns(what, list(table.columns), names)
        table = table[list(names)]
    else:
        table = read_csv(source, what, names)[list(names)].map(number_or_text)
    with about(source):
        rounds = max(len(table), 1) if rounds is None else rounds
        if len(table) < rounds:
            raise InputError(
                f"{what} has {len(table)} rows, but must have one for each of {rounds}"
            )
        table = table.iloc[:rounds]
        for n, row in enumerate(table.to_numpy(dtype=object)):
            for j, cell in enumerate(row):
                if not is_positive(cell):
                    blank = isinstance(cell, str) and not cell.strip()
                    raise InputError(
                        f"{place_of(source, table, n, j, what)} is "
                        f"{'blank' if blank else short(cell)}, but must be a finite number > 0"
                    )
        return table.astype(np.float64)


def place_of(
    source: pd.DataFrame | PathLike, table: pd.DataFrame, n: int, j: int, what: str
) -> str:
    """Name a number of a table by user and round, and by the line of its file."""
    import pandas as pd

    line = "" if isinstance(source, pd.DataFrame) else f"line {table.index[n]}: "
    return f"{line}{what} of user {table.columns[j]!r} in round {n + 1}"
