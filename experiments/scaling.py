"""How time grows with the number of users: ADMM, exact, exhaustive, SCIP and Bonmin.

Run ``python -m experiments.scaling``; it takes about ten minutes. ``--plot-only`` draws the stored
table. The setting is the letter's, seed 0. Every method is given 60 s and a gap of 1e-3, and goes
to larger M until it meets a limit; ``exact`` and ``admm`` have their own defaults. Seconds are
those of a warm process, from the instance to the checked allocation, without the start of a
solver's process; the least of three where one run takes less than a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eipyomo as ei
from experiments.provenance import save
from experiments.table import Case, Row, Table, command

GAP = 1e-3
TIME_LIMIT_S = 60.0
REPETITIONS = 3
SHORT_S = 1.0
LARGE = (2, 4, 8, 16, 32, 100, 300, 1000, 3000, 10_000)
BANDS = ("20 MHz", "5 MHz a user")


@dataclass(frozen=True)
class Line:
    """One line of the figure: a method with its options, and up to how many users it is run."""

    label: str
    method: str
    users: tuple[int, ...]
    colour: str
    marker: str
    options: Mapping[str, Any] = field(default_factory=dict)


GLOBAL = {"gap": GAP}
LINES = (
    Line("ADMM", "admm", LARGE, "C3", "x"),
    Line("exact, gap 1e-6", "exact", LARGE, "black", "."),
    Line(
        "exhaustive Δι = 0.2, by bounds",
        "exhaustive",
        LARGE[:-2],
        "C0",
        "o",
        {"step": 0.2, **GLOBAL},
    ),
    Line(
        "exhaustive Δι = 0.2, every combination",
        "exhaustive",
        (2, 3, 4, 5, 6, 7),
        "C9",
        "s",
        {"step": 0.2, "enumeration": True, **GLOBAL},
    ),
    Line(
        "SCIP, (10) as printed",
        "minlp:scip",
        (1, 2, 3, 4),
        "C1",
        "D",
        {"formulation": "letter", **GLOBAL},
    ),
    Line(
        "SCIP, spectral",
        "minlp:scip",
        (1, 2, 3, 4, 6, 8),
        "C2",
        "v",
        {"formulation": "spectral", **GLOBAL},
    ),
    Line("Bonmin (local)", "minlp:bonmin", (2, 4, 8, 16, 32), "C5", "P", GLOBAL),
)


def cases() -> Iterator[Case]:
    """Iterate over lines and bands; only what has no limit of size is run in both."""
    for line in LINES:
        for band in BANDS if line.users == LARGE else BANDS[:1]:
            yield line.label, band


@cache
def warm() -> None:
    """Compile, and start the threads."""
    for method in ("admm", "exact"):
        ei.solve(ei.Instance.letter(users=600), method)


def rows(label: str, band: str) -> list[Row]:
    """Return the rows of a line until it meets its limit."""
    warm()
    line = next(line for line in LINES if line.label == label)
    found: list[Row] = []
    for users in line.users:
        found.append(row(line, band, users))
        if found[-1]["ran_out"]:
            break
    return found


def row(line: Line, band: str, users: int) -> Row:
    """Return one row of the table."""
    bandwidth_mhz = 20.0 if band == BANDS[0] else 5.0 * users
    instance = ei.Instance.letter(users=users, bandwidth_mhz=bandwidth_mhz)

    def once() -> ei.Result:
        return ei.solve(instance, line.method, time_limit=TIME_LIMIT_S, **line.options)

    runs = [once()]
    while runs[0].wall_s < SHORT_S and len(runs) < REPETITIONS:
        runs.append(once())
    result, seconds = runs[0], min(run.wall_s for run in runs)
    return {
        "line": line.label,
        "band": band,
        "users": users,
        "seed": 0,
        "method": line.method,
        "termination": result.termination,
        "seconds": seconds,
        # Some solvers stop a little before their limit.
        "ran_out": result.termination == "limit" and seconds >= 0.75 * TIME_LIMIT_S,
        "iterations": result.iterations,
        "objective": result.objective,
        "bound": result.bound,
        "gap": result.gap,
        "solver_version": result.solver_version,
    }


TABLE = Table(
    "scaling",
    cases,
    rows,
    ("numba", "casadi", "PySCIPOpt"),
    finish=lambda table: table.round(12),
)


FROM_USERS = 32
"""Growth is measured from here: below, starting a run takes as long as running it."""


def growth(part: pd.DataFrame, seconds: pd.Series[float]) -> float:
    """Return the power of M with which time grows, by least squares on logarithms."""
    large = part["users"] >= FROM_USERS
    return float(np.polyfit(np.log(part.loc[large, "users"]), np.log(seconds[large]), 1)[0])


def per_iteration(part: pd.DataFrame) -> pd.Series[float]:
    """Return seconds per iteration."""
    seconds: pd.Series[float] = part["seconds"] / part["iterations"]
    return seconds


def draw() -> None:
    """Draw time to the end for every method, and ADMM's time an iteration."""
    table = TABLE.stored()
    figure = Figure(figsize=(10.0, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for line in LINES:
        part = table[(table["line"] == line.label) & (table["band"] == BANDS[0])]
        left.plot(
            part["users"], part["seconds"], line.marker + "-", color=line.colour, label=line.label
        )
        for row in part[part["ran_out"]].to_dict("records"):
            left.annotate(
                f"{row['gap']:.0%} left" if row["gap"] == row["gap"] else "no proof",
                (row["users"], row["seconds"]),
                xytext=(3, 4),
                textcoords="offset points",
                fontsize="x-small",
                color=line.colour,
            )
    left.axhline(TIME_LIMIT_S, color="0.6", linestyle=":", linewidth=1.0)
    left.set_title("to the end, band 20 MHz (dotted: the limit)", fontsize="medium")
    left.set_ylabel("seconds")
    for band, style in zip(BANDS, ("x-", "o--"), strict=True):
        part = table[(table["line"] == LINES[0].label) & (table["band"] == band)]
        seconds = per_iteration(part)
        power = growth(part, seconds)
        label = f"{band}: $M^{{{power:.2f}}}$ from {FROM_USERS} users"
        right.plot(part["users"], seconds, style, color=LINES[0].colour, label=label)
    guide(right, seconds.iloc[-1] / part["users"].iloc[-1])
    right.set_title("an iteration of ADMM", fontsize="medium")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("number of users $M$")
        axes.grid(True, alpha=0.3)
    right.legend(frameon=False, fontsize="small", loc="upper left")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    save("scaling", figure)


def guide(axes: Axes, seconds_a_user: float) -> None:
    """Draw the line of time proportional to M through the last point."""
    users = np.array([10.0, LARGE[-1]])
    axes.plot(users, seconds_a_user * users, color="0.6", linestyle=":", label="proportional to M")


if __name__ == "__main__":
    command([TABLE], draw)
