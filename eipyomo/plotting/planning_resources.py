"""Figures of questions about resources: what :mod:`eipyomo.plan` answers by tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context

from eipyomo.errors import InputError
from eipyomo.plotting.fonts import style
from eipyomo.plotting.planning_tables import axes_for, plain_log, rows_with
from eipyomo.plotting.style import COLORS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE, REFERENCE, IMPOSSIBLE = "#0072B2", "#D55E00", "#BBBBBB"


def required_band(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw the band that deadlines take, beside the one that there is.

    Parameters
    ----------
    table
        What :func:`eipyomo.plan.band` has returned, or the CSV file of it.
    ax
        Where to draw; a figure of its own if left out.

    Returns
    -------
    Figure
        The band that is enough against the deadline, what is proven to be necessary below it, and
        in grey the deadlines that no band meets.

    Raises
    ------
    InputError
        If that is no such table, or no row of it has an answer.
    """
    return _required(table, "band_mhz", "band (MHz)", ax)


def required_edge_frequency(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw the edge server's frequency that deadlines take; see :func:`required_band`.

    The table is one of :func:`eipyomo.plan.edge_frequency`.
    """
    return _required(table, "edge_frequency_ghz", "edge frequency in use (GHz)", ax)


def slowest(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw the least largest latency against the band, and what the slowest user waits for.

    The table is one of :func:`eipyomo.plan.slowest`; parameters and errors are those of
    :func:`required_band`.
    """
    rows = rows_with(table, ["bandwidth_mhz", "slowest_s", "longest_phase"], "slowest_s")
    with rc_context(style()):
        axes = axes_for(ax)
        axes.plot(rows["bandwidth_mhz"], rows["slowest_s"], "-", color="0.4", zorder=1)
        for marker, (phase, part) in zip("osD^vP*", rows.groupby("longest_phase"), strict=False):
            color = COLORS[str(phase)] if phase != "waiting" else "white"
            axes.scatter(
                part["bandwidth_mhz"],
                part["slowest_s"],
                s=45.0,
                color=color,
                edgecolor="0.2",
                marker=marker,
                label=f"{phase}",
                zorder=2,
            )
        axes.set_xscale("log")
        plain_log(axes, "x")
        axes.set_ylim(0.0, 1.05 * float(rows["slowest_s"].max()))
        axes.set_xlabel("band (MHz)")
        axes.set_ylabel("largest latency of a user, at least (s)")
        axes.grid(True, alpha=0.3)
        axes.legend(title="takes the slowest user longest", fontsize="small")
    return axes.figure.figure


def pareto(table: pd.DataFrame, ax: Axes | None = None) -> Figure:
    """Draw the front of energy against latency, and the hull that weighted sums reach.

    The table is one of :func:`eipyomo.plan.pareto`; parameters and errors are those of
    :func:`required_band`.
    """
    needed = ["method", "latency_s", "energy_j", "bound_j", "latency_budget_s"]
    rows = rows_with(table, [*needed, "reached_by_weights"], "energy_j")
    front, by_weights = (rows[rows["method"] == one] for one in ("budget", "weights"))
    if front.empty:
        raise InputError("the table has no row of method 'budget', but a front is made of them")
    reached = front["reached_by_weights"].astype(bool)
    shown = by_weights["latency_s"].between(0.0, front["latency_s"].max() * (1.0 + 1e-9))
    with rc_context(style()):
        axes = axes_for(ax)
        hull = _lower_hull(by_weights[shown])
        axes.plot(*hull, "--", color=REFERENCE, linewidth=1.2, label="hull that weights reach")
        axes.plot(front["latency_s"], front["energy_j"], "-", color="0.6", linewidth=1.0, zorder=1)
        for part, filled, label in (
            (front[reached], True, "reached by weights"),
            (front[~reached], False, "reached by budgets alone"),
        ):
            if not part.empty:
                face = LINE if filled else "white"
                x, y = part["latency_s"], part["energy_j"]
                axes.plot(x, y, "o", color=LINE, mfc=face, markersize=4.5, label=label)
        axes.set_xlabel("latency of all users together (s)")
        axes.set_ylabel("energy of all users together (J)")
        axes.grid(True, alpha=0.3)
        axes.legend(fontsize="small")
    return axes.figure.figure


def _required(table: pd.DataFrame, column: str, label: str, ax: Axes | None) -> Figure:
    """Draw what of a resource deadlines take."""
    unit = column.rpartition("_")[2]
    needed = ["deadline_s", column, f"bound_{unit}", f"available_{unit}", "termination"]
    rows = rows_with(table, needed, column)
    impossible = table.loc[table["termination"] == "infeasible", "deadline_s"]
    with rc_context(style()):
        axes = axes_for(ax)
        if rows["deadline_s"].isna().all():  # each user has its own
            axes.bar(["the users' own deadlines"], rows[column], 0.3, color=LINE, label="enough")
            axes.set_xlim(-1.0, 1.0)
        else:
            axes.plot(rows["deadline_s"], rows[column], "o-", color=LINE, ms=3.5, label="enough")
            bounds = rows[f"bound_{unit}"].fillna(0.0)
            axes.fill_between(rows["deadline_s"], bounds, rows[column], color=LINE, alpha=0.3)
            axes.set_xlabel("deadline of every user (s)")
        if not impossible.isna().all():
            axes.axvspan(0.0, impossible.max(), color=IMPOSSIBLE, alpha=0.5, label="impossible")
            axes.set_xlim(left=min(float(impossible.min()), float(rows["deadline_s"].min())) * 0.95)
        there = float(rows[f"available_{unit}"].iloc[0])
        if np.isfinite(there):
            named = f"there is {there:g} {'MHz' if unit == 'mhz' else 'GHz'}"
            axes.axhline(there, color=REFERENCE, linestyle="--", label=named)
        _logarithmic_if_wide(axes, rows[column])
        axes.set_ylabel(label)
        axes.grid(True, alpha=0.3)
        axes.legend(fontsize="small")
    return axes.figure.figure


WIDE = 20.0
"""Ratio of the largest and the least value beyond which an axis is logarithmic."""


def _lower_hull(points: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Return the corners of the convex hull below points of latency and energy."""
    corners: list[tuple[float, float]] = []
    for x, y in sorted(zip(points["latency_s"], points["energy_j"], strict=True)):
        while len(corners) > 1 and _turns_right(*corners[-2], *corners[-1], x, y):
            corners.pop()
        corners.append((float(x), float(y)))
    return [x for x, _ in corners], [y for _, y in corners]


def _turns_right(x0: float, y0: float, x1: float, y1: float, x2: float, y2: float) -> bool:
    """Tell whether the middle one of three points is not below the line through the others."""
    return (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0) <= 0.0


def _logarithmic_if_wide(axes: Axes, values: pd.Series[float]) -> None:
    """Let an axis of values of very different sizes be logarithmic; else it begins at 0."""
    if values.min() > 0.0 and values.max() > WIDE * values.min():
        axes.set_yscale("log")
        plain_log(axes, "y")
    else:
        axes.set_ylim(0.0, 1.1 * axes.get_ylim()[1])
