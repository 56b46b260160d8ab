"""What Fig. 2(a) and Fig. 2(b) have in common: one quantity that varies, a table, a figure.

The letter averages ten channel realisations; here they are seeds 0 to 9 of a hundred. A row of the
stored table is one channel in one setting, with the WSEL of each method in a column. All methods
but ADMM prove their value to a relative gap of 1e-6; `unproven` names those that did not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

import eipyomo as ei
from eipyomo.solvers.processors import processors
from experiments.provenance import save
from experiments.table import Case, Row, Table

LETTER_SEEDS = 10
SEEDS = 100
HEURISTIC = "admm"
STYLE: Mapping[str, Any] = {
    "linewidth": 1.2,
    "markersize": 5.0,
    "capsize": 2.0,
    "elinewidth": 0.8,
}


@dataclass(frozen=True)
class Line:
    """One line of the figures: a method with its options, and how it is drawn."""

    label: str
    method: str
    options: Mapping[str, Any]
    style: Mapping[str, Any]


LINES = {
    "exact": Line("optimum, certified", "exact", {}, {"color": "black", "marker": "."}),
    "admm": Line(
        "ADMM",
        "admm",
        {},
        {"color": "C3", "marker": "x", "markersize": 7.0, "linestyle": "none", "zorder": 5.0},
    ),
    "exhaustive_0.1": Line(
        "exhaustive, Δι = 0.1",
        "exhaustive",
        {"step": 0.1},
        {"color": "C0", "marker": "o", "linestyle": ":", "fillstyle": "none"},
    ),
    "exhaustive_0.2": Line(
        "exhaustive, Δι = 0.2",
        "exhaustive",
        {"step": 0.2},
        {"color": "C9", "marker": "s", "linestyle": ":", "fillstyle": "none"},
    ),
    "exhaustive_0.5": Line(
        "exhaustive, Δι = 0.5",
        "exhaustive",
        {"step": 0.5},
        {"color": "C4", "marker": "^", "linestyle": ":", "fillstyle": "none"},
    ),
    "gbe": Line("GBE", "gbe", {}, {"color": "C1", "marker": "D", "linestyle": "--"}),
    "eco": Line("ECO", "eco", {}, {"color": "C2", "marker": "v", "linestyle": "--"}),
    "lco": Line("LCO", "lco", {}, {"color": "C5", "marker": "P", "linestyle": "--"}),
}


@dataclass(frozen=True)
class Experiment:
    """The letter's setting over one quantity.

    Attributes
    ----------
    name
        Of the script, the table and the figure.
    quantity
        The argument of :meth:`eipyomo.Instance.letter` that varies; `fixed` gives another.
    label
        Of the horizontal axis, with its unit.
    lines
        Which of ``LINES`` are drawn.
    logarithmic
        Whether the vertical axis is.
    seeds
        Number of channels.
    """

    name: str
    quantity: str
    label: str
    values: Sequence[float]
    fixed: Mapping[str, float]
    lines: Sequence[str]
    logarithmic: bool = False
    seeds: int = SEEDS

    @property
    def table(self) -> Table:
        """The table, with a row for each value and channel."""
        return Table(self.name, self.cases, self.row, ("numba",), processors())

    def cases(self) -> Iterator[Case]:
        """Iterate over values and seeds."""
        for value in sorted(self.values):
            for seed in range(self.seeds):
                yield value, seed

    def row(self, value: float, seed: int) -> Row:
        """Return the costs of all lines in the letter's setting with the value, on one channel."""
        arguments: dict[str, Any] = {**self.fixed, self.quantity: value}
        instance = ei.Instance.letter(seed=seed, **arguments)
        # Two processes that begin with unlike methods share what is to be compiled.
        order = sorted(self.lines, key=lambda name: name != HEURISTIC) if seed % 2 else self.lines
        results = {
            name: ei.solve(instance, LINES[name].method, **LINES[name].options) for name in order
        }
        unproven = [name for name in self.lines if results[name].termination != "optimal"]
        return {
            self.quantity: value,
            "seed": seed,
            **{name: results[name].objective for name in self.lines},
            "bound": results["exact"].bound,
            "unproven": " ".join(name for name in unproven if name != HEURISTIC),
        }

    def draw(self) -> None:
        """Draw the figure from the stored table."""
        table = self.table.stored()
        figure = Figure(figsize=(9.0, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        few = table[table["seed"] < LETTER_SEEDS]
        self._panel(left, few, f"mean of {few['seed'].nunique()} channels")
        self._panel(
            right,
            table,
            f"mean of {table['seed'].nunique()} channels, 95 % confidence",
            error_bars=True,
        )
        if self.logarithmic:
            left.set_yscale("log")
            left.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
            left.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            left.yaxis.set_minor_formatter(NullFormatter())
        left.set_ylabel("WSEL (weighted J and s)")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        save(self.name, figure)

    def _panel(
        self, axes: Axes, table: pd.DataFrame, title: str, *, error_bars: bool = False
    ) -> None:
        """Draw the mean of every line over the channels."""
        for name in self.lines:
            if name not in table:
                continue
            groups = table.groupby(self.quantity)[name]
            mean = groups.mean()
            half = 1.96 * groups.std() / np.sqrt(groups.count()) if error_bars else None
            axes.errorbar(
                mean.index,
                mean,
                yerr=half,
                label=LINES[name].label,
                **{**STYLE, **LINES[name].style},
            )
        axes.set_xticks(sorted(table[self.quantity].unique()))
        axes.set_xlabel(self.label)
        axes.set_title(title, fontsize="medium")
        axes.grid(True, alpha=0.3)
