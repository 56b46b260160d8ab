"""Figures of what answers say: tornado, phase map, what binds, differences, and distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import PercentFormatter

from eipyomo.errors import InputError
from eipyomo.plotting.fonts import find_fonts, style
from eipyomo.plotting.planning_tables import ENGINEERS, LARGE, axes_for, plain_log, rows_with
from eipyomo.plotting.style import legend_above, printable
from eipyomo.units import heading

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LESS, MORE, NEUTRAL = "#0072B2", "#E69F00", "0.6"

LABEL_LENGTH = 32

SHOWN_DATA = 20
"""A tornado shows the data that matter most, so many of them."""

EVEN = 1e-6
"""Relative difference of steps that is none."""

DISTRIBUTIONS = {
    "wsel": "WSEL (weighted J and s)",
    "energy_j": "energy of all users (J)",
    "latency_s": "latency of all users together (s)",
    "largest_latency_s": "largest latency of a user (s)",
    "sync_s": "sync time (s)",
}
"""Columns of draws that can be drawn, with their axes."""


def sensitivity(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw by how much each datum moves WSEL, the one that matters most on top: a tornado.

    Parameters
    ----------
    table
        What :func:`eipyomo.plan.sensitivity` has returned, or the CSV file of it.
    ax
        Where to draw; a figure of its own if left out.

    Returns
    -------
    Figure
        Two bars for each of the 20 data that matter most: less of it, and more of it. A cross
        stands where nothing is feasible, or the value is not allowed.

    Raises
    ------
    InputError
        If that is no such table, or it has no answer.
    """
    needed = ["datum", "change", "wsel", "difference_low", "difference_high"]
    rows = rows_with(table, needed, "wsel").head(SHOWN_DATA)
    find_fonts(" ".join(map(str, rows["datum"])))
    change = float(rows["change"].iloc[0])
    places = np.arange(len(rows))
    with rc_context(style()):
        axes = axes_for(ax, (7.0, 1.3 + 0.27 * len(rows)))
        ends = (("difference_low", "-", LESS), ("difference_high", "+", MORE))
        for column, sign, color in ends:
            differences = 100.0 * rows[column].astype(float).to_numpy()
            label = f"{sign}{100.0 * change:.4g} %"
            hatch = "" if column == "difference_low" else "///"
            look: dict[str, Any] = {"color": color, "edgecolor": "0.2", "linewidth": 0.6}
            axes.barh(places, np.nan_to_num(differences), 0.75, label=label, hatch=hatch, **look)
            none = places[np.isnan(differences)]
            if len(none):
                words = f"none with {label}"
                axes.plot(0.0 * none, none, "x", color=color, label=words, zorder=3)
        axes.axvline(0.0, color="0.2", linewidth=0.8)
        axes.set_yticks(places, printable([str(one) for one in rows["datum"]], LABEL_LENGTH))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel("change of WSEL (%)")
        axes.set_ylabel("datum that changes")
        axes.grid(True, axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        legend_above(axes, 4)
    return axes.figure.figure


def phase(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw which part of the tasks is offloaded over two data, and where downloads begin and end.

    Parameters and errors are those of :func:`sensitivity`; the table is one of
    :func:`eipyomo.plan.phase`.

    Returns
    -------
    Figure
        A heat map, with a line wherever the number of users that download changes, and the numbers
        where there is room for them. Pairs without an answer are left white and called none.
    """
    rows_with(table, ["offloaded_share", "downloads", "wsel"], "wsel")
    across, up = (str(name) for name in table.columns[:2])
    x, y = (np.sort(table[name].unique().astype(float)) for name in (across, up))
    if len(x) < 2 or len(y) < 2 or len(table) != len(x) * len(y):
        raise InputError(
            f"the table has {len(x)} values of {across} and {len(y)} of {up} in {len(table)} rows, "
            "but a map needs at least two of each, and a row for each pair"
        )
    shares, downloads = (
        table.pivot_table(index=up, columns=across, values=name, dropna=False).to_numpy(float)
        for name in ("offloaded_share", "downloads")
    )
    with rc_context(style()):
        axes = axes_for(ax)
        image = axes.pcolormesh(
            *(_edges(x), _edges(y), np.ma.masked_invalid(100.0 * shares)),
            cmap="cividis",
            vmin=0.0,
            vmax=100.0,
        )
        axes.figure.colorbar(image, ax=axes, label="part of the tasks at the server (%)")
        _number_regions(axes, x, y, downloads)
        for one, set_scale, name in ((x, axes.set_xscale, "x"), (y, axes.set_yscale, "y")):
            if _is_geometric(one):
                set_scale("log")
                plain_log(axes, name)
            elif one.max() >= LARGE:
                (axes.xaxis if name == "x" else axes.yaxis).set_major_formatter(ENGINEERS)
        axes.set_xlabel(_with_unit(across))
        axes.set_ylabel(_with_unit(up))
    return axes.figure.figure


def _with_unit(datum: str) -> str:
    """Return the path of a datum as an axis says it, with its unit."""
    if datum.endswith(" factor"):
        return datum.replace(" factor", ", times what it is")
    where, _, key = datum.rpartition(".")
    return f"{heading(key)} of {where}" if where else heading(key)


def _is_geometric(values: np.ndarray[Any, Any]) -> bool:
    """Tell whether values are evenly spaced in the logarithm, and not otherwise."""
    if values[0] <= 0.0 or len(values) < 3:
        return False
    steps = np.diff(np.log(values))
    return bool(np.ptp(steps) <= EVEN * steps.max())


def _edges(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the borders of cells around values."""
    if _is_geometric(values):
        return np.asarray(np.exp(_edges_between(np.log(values))))
    return _edges_between(values)


def _edges_between(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    middles = 0.5 * (values[1:] + values[:-1])
    ends = [1.5 * values[0] - 0.5 * values[1]], [1.5 * values[-1] - 0.5 * values[-2]]
    return np.concatenate([ends[0], middles, ends[1]])


MOST_NUMBERS = 200
"""Cells up to which each says how many users download."""


def _number_regions(
    axes: Axes, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], downloads: np.ndarray[Any, Any]
) -> None:
    """Draw a line between cells with other numbers of downloads, and write the numbers."""
    right, top = _edges(x), _edges(y)
    lines: list[tuple[list[float], list[float]]] = []
    for k, j in np.argwhere(downloads[:, 1:] != downloads[:, :-1]):
        lines.append(([right[j + 1]] * 2, [top[k], top[k + 1]]))
    for k, j in np.argwhere(downloads[1:] != downloads[:-1]):
        lines.append(([right[j], right[j + 1]], [top[k + 1]] * 2))
    for line in lines:
        axes.plot(*line, color="white", linewidth=3.0)
        axes.plot(*line, color="0.1", linewidth=1.2)
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "linewidth": 0.0}
    look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": "x-small", "bbox": box}
    for k, j in np.ndindex(downloads.shape):
        count = downloads[k, j]
        if np.isnan(count):
            axes.text(x[j], y[k], "none", **look)
        elif downloads.size <= MOST_NUMBERS:
            axes.text(x[j], y[k], f"{count:g}", **look)
    axes.set_title("numbers: users that download", fontsize="small")


def binding(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw how much of each limit is used: one mark for each user, and those that bind apart.

    Parameters and errors are those of :func:`sensitivity`; the table is one of
    :func:`eipyomo.plan.binding`.
    """
    rows = rows_with(table, ["limit", "used", "allowed", "binds", "wsel"], "wsel")
    rows = rows[rows["allowed"].astype(float) > 0.0]
    names = list(dict.fromkeys(rows["limit"]))
    with rc_context(style()):
        axes = axes_for(ax, (7.0, 1.4 + 0.36 * len(names)))
        for place, name in enumerate(names):
            part = rows[rows["limit"] == name]
            used = 100.0 * (part["used"] / part["allowed"]).astype(float)
            binds = part["binds"].astype(bool)
            spread = np.linspace(-0.22, 0.22, len(part)) if len(part) > 1 else np.zeros(1)
            for which, marker, color in ((~binds, "o", LESS), (binds, "D", MORE)):
                face = "none" if marker == "o" else color
                look: dict[str, Any] = {"marker": marker, "facecolor": face, "edgecolor": color}
                axes.scatter(used[which], (place + spread)[which.to_numpy()], s=22.0, **look)
            words = f"{int(binds.sum())} of {len(part)}" if len(part) > 1 else ""
            axes.annotate(
                words, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8
            )
        axes.scatter([], [], marker="D", color=MORE, label="binds (how many, at the right)")
        axes.scatter([], [], marker="o", facecolor="none", edgecolor=LESS, label="has slack")
        axes.axvline(100.0, color="0.2", linewidth=0.8)
        axes.set_xlim(left=0.0)
        axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("used, of what is allowed (%)")
        axes.set_ylabel("limit: a mark for each that has it")
        axes.grid(True, axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2)
    return axes.figure.figure


def what_if(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw by how much each term, or each user, makes WSEL larger or smaller.

    Parameters and errors are those of :func:`sensitivity`; the table is one of
    :func:`eipyomo.plan.what_if`, per term or per user. Of users the 20 that differ most are shown.
    """
    key = "user" if "user" in table else "term"
    rows = rows_with(table, [key, "wsel_difference"], "wsel_difference")
    whole = float(rows["wsel_difference"].sum())
    if key == "term":
        whole = float(rows.loc[rows["term"] == "wsel", "wsel_difference"].iloc[0])
        rows = rows[~rows["term"].isin(["energy_j", "latency_s", "wsel"])]
    else:
        largest = rows["wsel_difference"].abs().sort_values(ascending=False).index
        rows = rows.loc[largest[:SHOWN_DATA]]
    names = [str(name) for name in rows[key]]
    find_fonts(" ".join(names))
    values = rows["wsel_difference"].astype(float).to_numpy()
    with rc_context(style()):
        axes = axes_for(ax, (6.4, 1.4 + 0.28 * len(rows)))
        for sign, label, color, hatch in ((-1, "less", LESS, ""), (1, "more", MORE, "///")):
            part = np.where(sign * values > 0.0, values, 0.0)
            look: dict[str, Any] = {"color": color, "edgecolor": "0.2", "linewidth": 0.6}
            axes.barh(range(len(rows)), part, 0.75, label=label, hatch=hatch, **look)
        axes.axvline(0.0, color="0.2", linewidth=0.8)
        labels = printable(names, LABEL_LENGTH)
        axes.set_yticks(
            range(len(rows)), [_in_words(one) if key == "term" else one for one in labels]
        )
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(f"change of WSEL (weighted J and s); {whole:+.4g} in all")
        axes.set_ylabel("term of (8) and (9)" if key == "term" else "user")
        axes.grid(True, axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        axes.legend(fontsize="small")
    return axes.figure.figure


def _in_words(term: str) -> str:
    """Return what a term is called in a figure: energy or time, by its unit."""
    words = term.replace("_", " ")
    for ending, kind in ((" j", "energy"), (" s", "time")):
        if words.endswith(ending):
            return f"{words.removesuffix(ending)}, {kind}"
    return words


def stress(table: pd.DataFrame, ax: Axes | None = None, column: str = "wsel") -> Figure:
    """Draw in which part of the draws a plan costs at most how much.

    Parameters
    ----------
    table
        What :func:`eipyomo.stress` has returned per draw, or the CSV file of it.
    ax
        Where to draw; a figure of its own if left out.
    column
        Which column of it: WSEL, ``energy_j``, ``latency_s``, ``largest_latency_s`` or ``sync_s``.

    Raises
    ------
    InputError
        If that is no such table, or has no such column.
    """
    if column not in DISTRIBUTIONS:
        known = ", ".join(DISTRIBUTIONS)
        raise InputError(f"column is {column!r}, but must be one of: {known}")
    rows = rows_with(table, ["draw", column, "planned_wsel"], column)
    found = np.sort(rows[column].astype(float).to_numpy())
    parts = np.arange(1, len(found) + 1) / len(found)
    with rc_context(style()):
        axes = axes_for(ax)
        axes.step(found, parts, where="post", color=LESS, label=f"{len(found)} drawn channels")
        for part, line in ((0.5, ":"), (0.95, "--")):
            value = float(np.quantile(found, part, method="higher"))
            label = f"{100 * part:g} % at most {value:.4g}"
            axes.axvline(value, color=NEUTRAL, linestyle=line, label=label)
        if column == "wsel":
            planned = float(rows["planned_wsel"].iloc[0])
            axes.axvline(planned, color=MORE, label=f"in its own channels {planned:.4g}")
        if found[0] > 0.0 and found[-1] > WIDE * found[0]:
            axes.set_xscale("log")
            plain_log(axes, "x")
        axes.set_ylim(0.0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel(f"{DISTRIBUTIONS[column]}, at most")
        axes.set_ylabel("draws")
        axes.grid(True, alpha=0.3)
        axes.legend(fontsize="small", loc="lower right")
    return axes.figure.figure


WIDE = 20.0
"""Ratio of the largest and the least value beyond which an axis is logarithmic."""
