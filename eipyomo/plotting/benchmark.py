"""How far policies are above optima."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.ticker import PercentFormatter

from eipyomo.plotting.fonts import Width, find_fonts
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import grid, in_legend, line_styles, markers_apart, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST = 1e-6
"""What is nearer to the optimum than optima are certified to is drawn as so near."""

NAME_LENGTH = 30


class Judged(Protocol):
    """What is drawn: policies, and their excess on each instance."""

    @property
    def policies(self) -> Sequence[str]:
        """Names."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Rows with ``policy``, ``optimum`` and ``excess``, and for a title ``instance``."""


def excess(
    benchmark: Judged,
    ax: Axes | None = None,
    *,
    width: Width | None = None,
    title: bool = False,
) -> Figure:
    """Draw which part of the instances each policy answers with at most which excess.

    A failure, and an answer that is infeasible, is above every excess, so that a curve ends below
    100 % where there are some. Instances without an optimum are left out.

    Parameters
    ----------
    benchmark
        An :class:`eipyomo.studies.judged.Benchmark`.
    ax
        Where to draw; a figure of its own if left out.
    width
        ``"column"`` or ``"page"`` of a journal, with letters of 7 and 8 points; a screen's if None.
    title
        Whether the page says above what was compared.

    Returns
    -------
    Figure
        What was drawn on: one step function for each policy, with a logarithmic axis.
    """
    find_fonts(" ".join(benchmark.policies))
    panels = [partial(_excess, benchmark)]
    words = None
    if title:
        number = len({row["instance"] for row in benchmark.rows})
        words = f"{len(benchmark.policies)} policies on {number} instances"
    return compose(panels, Sheet((6.4, 4.2), (2.6,)), ax, width=width, title=words)


def _excess(benchmark: Judged, ax: Axes) -> None:
    names = benchmark.policies
    labels = printable(names, NAME_LENGTH)
    for n, (name, look) in enumerate(zip(names, line_styles(len(names)), strict=True)):
        _draw(ax, _excesses(benchmark, name), labels[n], look)
    ax.set_xscale("log")
    ax.set_xlim(left=LEAST)
    ax.set_ylim(0.0, 1.02)
    ax.xaxis.set_major_formatter(lambda part, _: f"{100.0 * part:g}%")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("excess over the certified optimum, at most")
    ax.set_ylabel("instances")
    grid(ax)
    ax.legend(loc="best", fontsize="small")


def _excesses(benchmark: Judged, name: str) -> list[float]:
    """Return the excess of a policy on each instance that has an optimum, infinite if none."""
    rows = [row for row in benchmark.rows if row["policy"] == name and row["optimum"] is not None]
    return [np.inf if row["excess"] is None else max(row["excess"], LEAST) for row in rows]


def _draw(ax: Axes, excesses: Sequence[float], label: str, look: Mapping[str, Any]) -> None:
    found = np.sort([one for one in excesses if np.isfinite(one)])
    parts = np.arange(1, len(found) + 1) / max(len(excesses), 1)
    x, y = np.concatenate(([LEAST], found)), np.concatenate(([0.0], parts))
    label, apart = in_legend(label), markers_apart(len(x))
    ax.step(x, y, where="post", label=label, markersize=3.5, markevery=apart, **look)
