"""What the table of solvers on the library says of proofs and points, and its figures."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from eipyomo import plotting
from eipyomo.library import shelf
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import grid, line_styles, markers_apart
from eipyomo.studies.judged import Benchmark
from experiments.provenance import save
from experiments.solvers_benchmark import GAPS, METHODS, REFUSED

LEFT = 0.8
"""Where profiles begin, so that the quickest are seen to begin at 1."""

# --- what the table says --------------------------------------------------------------------------


def entries(table: pd.DataFrame) -> list[str]:
    """Return the entries of a table, in the library's order."""
    return [name for name in shelf.names() if name in set(table["entry"])]


def methods(table: pd.DataFrame) -> list[str]:
    """Return the methods that were there."""
    return [name for name in METHODS if name in set(table["method"])]


def proving(table: pd.DataFrame) -> list[str]:
    """Return the methods that prove bounds."""
    return [name for name in methods(table) if of(table, name)["bound"].notna().any()]


def of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the rows of a method."""
    return table[table["method"] == method]


def seconds(table: pd.DataFrame, gap: float) -> pd.DataFrame:
    """Return the seconds to a proof, by entry and method; NaN where there is none.

    A proof that there is nothing feasible is one for every gap.
    """
    proven = table["solved"] & ((table["asked_gap"] == gap) | (table["status"] == "infeasible"))
    wide = table[proven].pivot_table(index="entry", columns="method", values="seconds")
    return wide.reindex(index=entries(table), columns=proving(table)).astype(float)


def points(table: pd.DataFrame) -> pd.DataFrame:
    """Return the last answer of each method to each entry that has a feasible point."""
    last = table.drop_duplicates(["entry", "method"], keep="last")
    feasible = [name for name in entries(table) if not shelf.entry(name).infeasible]
    return last[last["entry"].isin(feasible)].assign(excess=last["above_best_percent"] / 100.0)


def wide_points(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return something of points, by entry and method."""
    found = points(table).pivot_table(index="entry", columns="method", values=what)
    index = [name for name in entries(table) if name in found.index]
    return found.reindex(index=index, columns=methods(table)).astype(float)


# --- figures --------------------------------------------------------------------------------------


def profile(table: pd.DataFrame) -> Figure:
    """Draw performance profiles of proofs (Dolan and Moré, Math. Program. 91, 2002).

    Of each method: the share of all entries that it has proven to a gap within so many times the
    seconds of the quickest.
    """
    panels = [partial(_profile, table, gap, n == 0) for n, gap in enumerate(GAPS)]
    sheet = Sheet((9.0, 4.2), (2.9, 2.5), ((0, 1),))
    return compose(panels, sheet, None, width="column")


def _profile(table: pd.DataFrame, gap: float, legend: bool, axes: Axes) -> None:
    times = seconds(table, gap)
    ratios = times.div(times.min(axis=1), axis=0)
    right = 2.0 * float(np.nanmax(ratios.to_numpy()))
    for name, look in zip(ratios, line_styles(ratios.shape[1]), strict=True):
        found, counts = np.unique(ratios[name].dropna(), return_counts=True)
        share = np.cumsum([0, *counts]) / len(ratios)
        x, y = np.concatenate(([LEFT], found, [right])), np.concatenate((share, share[-1:]))
        label = str(name).removeprefix("minlp:")
        axes.step(
            x, y, where="post", label=label, markersize=3.5, markevery=markers_apart(len(x)), **look
        )
    axes.set_xscale("log")
    axes.set_xlim(LEFT, right)
    axes.set_ylim(0.0, 1.02)
    axes.yaxis.set_major_formatter(lambda part, _: f"{100.0 * part:.0f}%")
    axes.set_xlabel(f"seconds to a gap of {gap:.0e} / the least of all")
    axes.set_ylabel("entries")
    grid(axes)
    if legend:
        above(axes)


def above(axes: Axes) -> None:
    """Say above a panel which line is which."""
    look: Any = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "frameon": False}
    axes.legend(ncols=3, fontsize="small", columnspacing=1.0, handlelength=2.2, **look)


def quality(table: pd.DataFrame) -> Figure:
    """Draw on which share of the entries each method's point is within some part of the best."""
    rows = [
        {
            "policy": row["method"].removeprefix("minlp:"),
            "optimum": 1.0,
            "excess": None if np.isnan(row["excess"]) else row["excess"],
        }
        for row in points(table).to_dict("records")
        if takes_most(table, row["method"])
    ]
    figure = plotting.excess(Benchmark(tuple(rows), "exact", 0.0), width="column")
    (axes,) = figure.axes
    axes.xaxis.set_major_locator(LogLocator(100.0))
    axes.set_xlabel("cost above the best that is known, at most")
    axes.set_ylabel("entries")
    above(axes)
    return figure


def takes_most(table: pd.DataFrame, method: str) -> bool:
    """Tell whether a method takes more than half of the entries, or else it is not drawn."""
    return bool((of(table, method)["status"] != REFUSED).mean() > 0.5)


def draw(table: pd.DataFrame) -> None:
    """Draw both."""
    save("solvers_profile", profile(table))
    save("solvers_points", quality(table))
