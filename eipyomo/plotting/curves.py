"""Curves of a table of results: one column against another, a curve for each method."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from matplotlib.ticker import PercentFormatter

from eipyomo.errors import InputError
from eipyomo.plotting.fonts import Width, find_fonts
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import grid, in_legend, line_styles, printable
from eipyomo.units import heading, si_key
from eipyomo.words import clipped, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALIASES: Final = {"wsel": ("objective",), "method": ("label", "policy")}
"""Columns by the words that people have for them."""

ERRORS: Final = ("ci95", "sd", "range")
"""Error bars: 95 % confidence of the mean, standard deviation, from least to largest."""

MOST_CURVES, NAME_LENGTH = 20, 30

NEAR: Final = 0.005
"""Curves that are nowhere farther apart, as a part of the axis, look like one."""


class Curves(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    points
        Columns ``by``, ``x``, ``y``, ``low``, ``high`` (ends of error bars) and ``count`` (rows
        that a point is the mean of).
    x, y
        Words at the axes.
    notes
        Sentences on what cannot be seen: rows left out, data averaged over, curves that coincide.
    """

    points: pd.DataFrame
    x: str
    y: str
    notes: tuple[str, ...]


def curves(
    table: pd.DataFrame,
    x: str,
    y: str = "wsel",
    by: str | None = None,
    *,
    error: str | None = None,
    relative_to: str | None = None,
    log: str = "",
    ax: Axes | None = None,
    width: Width | None = None,
) -> Figure:
    """Draw one column of a table of results against another.

    Parameters
    ----------
    table, x, y, by, error, relative_to
        As for :func:`curve_points`.
    log
        Axes that are logarithmic: "x", "y" or "xy".
    ax
        Where to draw; a figure of its own if left out.
    width
        ``"column"`` or ``"page"`` of a journal, with letters of 7 and 8 points; a screen's if None.

    Returns
    -------
    Figure
        Curves with markers; the first ones are the widest, so that those below others are seen.

    Raises
    ------
    InputError
        As :func:`curve_points`.
    """
    found = curve_points(table, x, y, by, error=error, relative_to=relative_to)
    return drawn(found, log, ax, width=width)


def learning(
    table: pd.DataFrame,
    metric: str = "accuracy",
    by: str | None = None,
    *,
    axes: Iterable[Axes] | None = None,
    width: Width | None = None,
) -> Figure:
    """Draw how good a model was after which time, and after which energy.

    Parameters
    ----------
    table
        Columns ``time_s`` and ``energy_j``, the metric, and what tells curves apart, as
        :func:`eipyomo.bridges.flower.learning_curve` returns it.
    metric, by
        The column to draw, and the one that has a curve for each of its values.
    axes
        Two axes to draw on; a page of its own if left out.
    width
        As for :func:`curves`.

    Raises
    ------
    InputError
        As :func:`curve_points`.
    """
    found = [curve_points(table, x, metric, by) for x in ("time_s", "energy_j")]
    find_fonts(" ".join(map(str, found[0].points["by"].unique())))
    panels = [partial(_panel, one, "") for one in found]
    return compose(panels, Sheet((9.0, 3.8), (2.6, 2.6), ((0, 1),)), axes, width=width)


def drawn(
    found: Curves, log: str = "", ax: Axes | None = None, *, width: Width | None = None
) -> Figure:
    """Draw what :func:`curve_points` has found; arguments as for :func:`curves`."""
    find_fonts(" ".join(map(str, found.points["by"].unique())))
    panel = partial(_panel, found, log)
    return compose([panel], Sheet((5.4, 3.8), (2.6,)), ax, width=width)


def _panel(found: Curves, log: str, ax: Axes) -> None:
    names = [str(name) for name in found.points["by"].unique()]
    looks = zip(printable(names, NAME_LENGTH), line_styles(len(names)), strict=True)
    for place, ((_, part), (label, look)) in enumerate(
        zip(found.points.groupby("by", sort=False), looks, strict=True)
    ):
        _draw(ax, part, label, look, 1.0 - place / max(len(names) - 1, 1))
    ax.set_xlabel(found.x)
    ax.set_ylabel(found.y)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if found.y.endswith("[%]"):
        ax.set_ylabel(found.y.removesuffix(" [%]"))
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    grid(ax)
    if len(names) > 1 or names[0]:
        ax.legend(loc="best", fontsize="small")


def _draw(ax: Axes, part: pd.DataFrame, label: str, look: Mapping[str, Any], share: float) -> None:
    """Draw one curve; what is drawn later, with less of a share, is thinner with smaller marks."""
    has_errors = bool((part["high"] > part["low"]).any())
    error = np.array([part["y"] - part["low"], part["high"] - part["y"]]) if has_errors else None
    ax.errorbar(
        part["x"],
        part["y"],
        yerr=error,
        label=in_legend(label) or None,
        linewidth=1.2 + 2.0 * share,
        markersize=4.0 + 4.0 * share,
        markerfacecolor="none",
        capsize=3.0 + 3.0 * share,
        elinewidth=1.0 + share,
        **look,
    )


def curve_points(
    table: pd.DataFrame,
    x: str,
    y: str = "wsel",
    by: str | None = None,
    *,
    error: str | None = None,
    relative_to: str | None = None,
) -> Curves:
    """Return the points of curves: means over all rows that have the same `x` and `by`.

    Parameters
    ----------
    table
        Such as :func:`eipyomo.compare` and sweeps give.
    x, y, by
        Names of columns. They may be in another unit than the table's, ``task_mbit`` where it has
        ``task_bits``; ``wsel`` is ``objective``; ``method`` is a method with its options, which
        `by` is unless given.
    error
        One of ``ERRORS``, for bars; None for none.
    relative_to
        A method: of each instance, how far `y` is above this one's, relative to it.

    Raises
    ------
    InputError
        If a column is not there or holds no numbers, or nothing is left to draw.
    """
    import pandas as pd

    if error is not None and error not in ERRORS:
        raise InputError(f"error is {error!r}, but must be one of: {', '.join(ERRORS)}")
    if by is None and not {"label", "method", "policy"} & set(table.columns):
        names: Any = ""
    else:
        names = _column(table, by or "method").astype(object).map(_text)
    rows = pd.DataFrame({"by": names, "x": _column(table, x), "y": _numbers(table, y)})
    label = heading(y)
    if relative_to is not None:
        rows["y"] = _above(table, rows, relative_to)
        rows = rows[rows["by"] != relative_to]
        label = f"{label.partition(' [')[0]} above {relative_to} [%]"
    order = list(dict.fromkeys(rows["by"]))
    whole, rows = len(rows), rows[rows["y"].notna() & rows["x"].notna()]
    if rows.empty:
        raise InputError(f"no row has both {x} and {y}, so that there is nothing to draw")
    if rows["by"].nunique() > MOST_CURVES:
        raise InputError(
            f"{by} has {rows['by'].nunique()} values, but a figure takes at most {MOST_CURVES} "
            "curves"
        )
    notes = []
    if len(rows) < whole:
        notes.append(f"{whole - len(rows)} of {whole} rows lack {x} or {y} and are left out")
    points = _means(rows, error, order)
    if points["count"].max() > 1:
        label = f"mean {label}" if not label.startswith("mean ") else label
        least, most = points["count"].min(), points["count"].max()
        counts = f"{least} to {most}" if least < most else str(most)
        notes.append(f"each point is the mean of {counts} rows{_beside(table, rows)}")
    notes += _coincident(points, relative_to)
    return Curves(points, heading(x), label, tuple(notes))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _column(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a column by its name, in the unit that the name has."""
    for meant in (*ALIASES.get(name, ()), name):
        if meant in table:
            return table[meant]
    key, unit = si_key(name)
    for column in table.columns:
        its_key, its_unit = si_key(str(column))
        if its_key == key and (unit or its_unit):
            in_si = table[column] if its_unit is None else table[column].map(its_unit.to_si)
            return in_si if unit is None else unit.from_si(in_si)
    known = [str(column) for column in table.columns]
    near = difflib.get_close_matches(name, [*known, *ALIASES], 3, 0.6)
    raise InputError(
        f"the table has no column {short(name)}, but "
        + (f"perhaps {' or '.join(near)} is meant" if near else clipped(", ".join(known), 300))
    )


def _numbers(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a column of numbers."""
    column = _column(table, name)
    try:
        return column.astype(float)
    except (TypeError, ValueError):
        raise InputError(f"{name} holds no numbers, but {short(column.iloc[0])}") from None


def _above(table: pd.DataFrame, rows: pd.DataFrame, reference: str) -> pd.Series[Any]:
    """Return how far y is above that of a method on the same instance, relative to it."""
    key = next((key for key in ("digest", "instance") if key in table), None)
    if key is None:
        raise InputError("the table tells no instances (digest or instance) to compare methods on")
    is_reference = rows["by"] == reference
    if not is_reference.any():
        there = ", ".join(dict.fromkeys(rows["by"]))
        raise InputError(f"relative_to is {reference!r}, but must be one of: {clipped(there, 300)}")
    given = rows["y"][is_reference].set_axis(table[key][is_reference])
    best = table[key].map(given.groupby(level=0).first())
    return ((rows["y"] - best) / best.abs()).replace([np.inf, -np.inf], np.nan)


def _means(rows: pd.DataFrame, error: str | None, order: Sequence[Any]) -> pd.DataFrame:
    """Return the mean of each group of rows, with the ends of its bar, in the order of x."""
    groups = rows.groupby(["by", "x"])["y"]
    points = groups.agg(["mean", "std", "min", "max", "count"]).reset_index()
    half = points["std"].fillna(0.0)
    if error == "ci95":
        half *= [student(count) / math.sqrt(count) for count in points["count"]]
    points["y"] = points["mean"]
    points["low"], points["high"] = points["y"] - half, points["y"] + half
    if error == "range":
        points["low"], points["high"] = points["min"], points["max"]
    elif error is None:
        points["low"] = points["high"] = points["y"]
    points = points.sort_values("by", key=lambda names: names.map(order.index), kind="stable")
    return points[["by", "x", "y", "low", "high", "count"]].reset_index(drop=True)


def student(count: int) -> float:
    """Return Student's factor for 95 % confidence of the mean of so many numbers."""
    freedom = count - 1
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1] if freedom else 0.0
    z = 1.959964
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / freedom + second / freedom**2 + third / freedom**3


STUDENT: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Two-sided 95 % quantiles of Student's distribution with 1 to 10 degrees of freedom."""


def _beside(table: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Say which data vary among the rows of a point."""
    if "users" not in table:
        return ""
    data = table.loc[rows.index, list(table.columns)[list(table.columns).index("users") :]]
    inside = data.groupby([rows["by"], rows["x"]]).nunique().max()
    varying = [heading(str(key)) for key in data.columns if inside.get(key, 0) > 1]
    return f", over {', '.join(varying)}" if varying else ""


def _coincident(points: pd.DataFrame, relative_to: str | None) -> list[str]:
    """Say which curves cannot be told apart."""
    lines = {str(name): part.set_index("x")["y"] for name, part in points.groupby("by", sort=False)}
    whole = points["y"].max() - points["y"].min()
    alike = [
        f"{one} and {other}"
        for one, other in combinations(lines, 2)
        if _distance(lines[one], lines[other]) <= NEAR * whole
    ]
    how = "" if relative_to else "; relative to one of them they can be told apart"
    return [f"these curves coincide: {clipped(', '.join(alike), 200)}{how}"] if alike else []


def _distance(one: pd.Series[Any], other: pd.Series[Any]) -> float:
    """Return how far two curves are apart at most, where both have points; infinite if nowhere."""
    both = (one - other).abs().dropna()
    return float(both.max()) if len(both) else math.inf
