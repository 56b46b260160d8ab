"""How far policies are above optima."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import PercentFormatter

from eipyomo.plotting.fonts import Page, find_fonts, style
from eipyomo.plotting.style import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST = 1e-6
"""What is nearer to the optimum than optima are certified to is drawn as so near."""

NAME_LENGTH = 30

LINES = ("-", "--", "-.", ":")


class Judged(Protocol):
    """What is drawn: policies, and their excess on each instance."""

    @property
    def policies(self) -> Sequence[str]:
        """Names."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Rows with ``policy``, ``optimum`` and ``excess``."""


def excess(benchmark: Judged, ax: Axes | None = None) -> Figure:
    """Draw which part of the instances each policy answers with at most which excess.

    A failure, and an answer that is infeasible, is above every excess, so that a curve ends below
    100 % where there are some. Instances without an optimum are left out.

    Parameters
    ----------
    benchmark
        An :class:`eipyomo.studies.judged.Benchmark`.
    ax
        Where to draw; a figure of its own if left out.

    Returns
    -------
    Figure
        One step function for each policy, with a logarithmic axis.
    """
    find_fonts(" ".join(benchmark.policies))
    with rc_context(style()):
        if ax is None:
            ax = Page(figsize=(6.4, 4.2), layout="constrained").subplots()
        figure = ax.figure.figure
        labels = printable(benchmark.policies, NAME_LENGTH)
        for name, label, line in zip(benchmark.policies, labels, cycle(LINES), strict=False):
            _draw(ax, _excesses(benchmark, name), label, line)
        ax.set_xscale("log")
        ax.set_xlim(left=LEAST)
        ax.set_ylim(0.0, 1.02)
        ax.xaxis.set_major_formatter(lambda part, _: f"{100.0 * part:g}%")
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        ax.set_xlabel("excess over the certified optimum, at most")
        ax.set_ylabel("instances")
        ax.grid(True, alpha=0.3)
        ax.legend(loc="best", fontsize="small")
    return figure


def _excesses(benchmark: Judged, name: str) -> list[float]:
    """Return the excess of a policy on each instance that has an optimum, infinite if none."""
    rows = [row for row in benchmark.rows if row["policy"] == name and row["optimum"] is not None]
    return [np.inf if row["excess"] is None else max(row["excess"], LEAST) for row in rows]


def _draw(ax: Axes, excesses: Sequence[float], label: str, line: str) -> None:
    found = np.sort([one for one in excesses if np.isfinite(one)])
    parts = np.arange(1, len(found) + 1) / max(len(excesses), 1)
    x, y = np.concatenate(([LEAST], found)), np.concatenate(([0.0], parts))
    label = f" {label}" if label.startswith("_") else label  # which would hide it
    ax.step(x, y, where="post", label=label, linestyle=line)
