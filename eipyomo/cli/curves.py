"""``eipyomo plot`` of tables: curves of one column against another."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eipyomo import streams
from eipyomo.errors import InputError
from eipyomo.files import about, read_document
from eipyomo.tables import FORMATS, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure

    from eipyomo.cli.options import Command

SCHEMAS = ("eipyomo/comparison@1", "eipyomo/sweep@1")
"""Documents that hold the rows of a table."""

OPTIONS = (
    click.option("--x", metavar="COLUMN", help="Of a table: what varies, such as model_mbit."),
    click.option("--y", metavar="COLUMN", help="Of a table: what to draw.  [default: wsel]"),
    click.option("--by", metavar="COLUMN", help="Of a table: a curve each.  [default: method]"),
    click.option(
        "--error",
        type=click.Choice(["ci95", "sd", "range"]),
        help="Of a table: bars at means, of 95 % confidence, standard deviation, or extremes.",
    ),
    click.option(
        "--relative-to", metavar="METHOD", help="Of a table: how far y is above this method's."
    ),
    click.option(
        "--log", type=click.Choice(["x", "y", "xy"]), help="Of a table: logarithmic axes."
    ),
)


def curves_options(command: Command) -> Command:
    """Give a command the options of tables."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def is_table(file: str) -> bool:
    """Tell whether a file holds a table, by its suffix, or, of JSON, its schema."""
    if Path(file).suffix.lower() in FORMATS:
        return True
    if Path(file).suffix.lower() != ".json" or not Path(file).is_file():
        return False
    return read_document(file, "result").get("schema") in SCHEMAS


def _table(file: str) -> pd.DataFrame:
    if Path(file).suffix.lower() in FORMATS:
        return read_table(file)
    import pandas as pd

    rows = read_document(file, "table").get("rows")
    with about(file):
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise InputError("the table has no rows")
    return pd.DataFrame(rows)


def table_figure(file: str, options: Mapping[str, Any], width: str | None) -> Figure:
    """Return the figure of a table, and say on standard error what cannot be seen in it."""
    table = _table(file)
    given = {key: value for key, value in options.items() if value is not None}
    with about(file):
        if "x" not in given:
            raise InputError("x is missing: name the column that varies, as --x model_mbit")
        plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
        log = given.pop("log", "")
        found = plotting.curve_points(table, **given)
    for note in found.notes:
        streams.note(note)
    figure: Figure = plotting.drawn(found, log, width=width)
    return figure


def refuse_for_results(options: Mapping[str, Any]) -> None:
    """Refuse what only a table has.

    Raises
    ------
    InputError
        If one of the options is given.
    """
    for name, value in options.items():
        if value is not None:
            raise InputError(
                f"{name} is given, but is for tables, that is files of {', '.join(FORMATS)}"
            )
