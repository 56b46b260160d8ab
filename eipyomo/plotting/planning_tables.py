"""What figures of plans have in common: where they are drawn, and of which rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from eipyomo.errors import InputError
from eipyomo.plotting.fonts import Page
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SIZE = (6.4, 4.2)

FEW = 1e3
"""A logarithmic axis that spans less than such a factor has numbers within decades."""

LARGE, ENGINEERS = 1e5, EngFormatter(sep="")
"""Numbers from here on have a prefix, as in 20M."""


def rows_with(table: pd.DataFrame, columns: Sequence[str], answer: str) -> pd.DataFrame:
    """Return the rows of a table that have an answer, checked."""
    import pandas as pd

    require_kind("what is to be drawn", table, pd.DataFrame, ": a table that eipyomo.plan returns")
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"the table lacks {', '.join(missing)}, but a figure of it needs them")
    rows = table[table[answer].notna()]
    if rows.empty:
        words = [str(one) for one in table["message"].dropna()] if "message" in table else []
        raise InputError(": ".join(["the table has no answer to draw", *words[:1]]))
    return rows


def axes_for(ax: Axes | None, size: tuple[float, float] = SIZE) -> Axes:
    """Return where to draw; a page of this size in inches if nothing is given."""
    return ax if ax is not None else Page(figsize=size, layout="constrained").subplots()


def plain_log(axes: Axes, which: str) -> None:
    """Write numbers of a logarithmic axis as people do: 20, and not 2 · 10^1."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < FEW * low else (1.0,)))
    axis.set_major_formatter(lambda value, _: f"{value:g}" if value < LARGE else ENGINEERS(value))
    axis.set_minor_formatter(NullFormatter())
