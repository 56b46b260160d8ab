"""How ADMM converged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.errors import InputError
from eipyomo.plotting.documents import document_of, labels_of
from eipyomo.plotting.fonts import Width
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import (
    grid,
    in_legend,
    legend_above,
    line_styles,
    markers_apart,
    printable_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eipyomo.result import Result

USERS_IN_LEGEND = 12

LEAST_PERCENT = 1e-4
"""What is nearer to the last incumbent is drawn as so near."""

VALUES = {
    "consensus_objective": "agents' copies",
    "recovered_objective": "recovered",
    "best_objective": "incumbent",
}

MEASURES = {
    "primal": ("primal_measure", "primal_tolerance"),
    "dual": ("dual_measure", "dual_tolerance"),
}
"""What the stopping rule compares with which option."""


def convergence(
    result: Result | Mapping[str, Any],
    *,
    axes: Iterable[Axes] | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw how ADMM converged: residuals, tolerances, objectives, sync time and decisions.

    Parameters
    ----------
    result
        A result of method ``admm``, or its JSON document.
    axes
        Six axes to draw on, in the order of the panels; a page of its own if left out.
    width
        ``"column"`` or ``"page"`` of a journal, with letters of 7 and 8 points; a screen's if None.
    title
        Whether the page says above what was solved.

    Returns
    -------
    Figure
        What was drawn on: six panels over the iterations. Beside the sums of (24) stands what the
        stopping rule makes of them, with its tolerances, and beside the objectives how far they are
        from the last incumbent. For more than 20 users, whose ι the trace does not hold, the last
        panel shows the number of downloads.

    Raises
    ------
    InputError
        If the result has no trace of ADMM, or its document is broken or false.
    """
    document = document_of(result)
    trace = document.get("trace") or []
    if not trace or "primal_residual" not in trace[0]:
        raise InputError(
            f"the result of method {document.get('method')!r} has no residuals to draw, but method "
            "'admm' gives them"
        )
    names = labels_of(document)
    drawn = (_residuals, _measures, _objectives, _gaps, _sync_time, partial(_decisions, names))
    panels = [partial(_panel, panel, document) for panel in drawn]
    sheet = Sheet((9.0, 9.0), (1.6,) * len(panels), ((0, 1), (2, 3), (4, 5)))
    words = f"ADMM on {printable_title(document['instance'], width)}" if title else None
    return compose(panels, sheet, axes, width=width, title=words)


def _panel(panel: Any, document: Mapping[str, Any], axes: Axes) -> None:
    """Draw a panel over the iterations."""
    panel(axes, document)
    axes.set_xlabel("iteration")
    grid(axes)


def _residuals(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw both sums of (24) with the parts of the first."""
    keys = {"primal_residual": "primal, (24a)", "dual_residual": "dual, (24b)"}
    parts = ("uplink", "sync", "downlink", "edge")
    keys |= {f"{part}_residual": f"of it {part}" for part in parts}
    there = {key: label for key, label in keys.items() if key in document["trace"][0]}
    _draw(axes, document, {label: _column(document, key) for key, label in there.items()})
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylabel("residual (s, parts)")


def _measures(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw what the stopping rule compares with its tolerances, and these."""
    options = document["options"]
    stop = options.get("stop", "absolute")
    lines = {}
    for name, (key, _) in MEASURES.items():
        if key in document["trace"][0]:
            lines[name] = _column(document, key)
    _draw(axes, document, lines, legend=False)
    limits: dict[float, list[str]] = {}
    for name, (_, option) in MEASURES.items():
        if option in options:
            limits.setdefault(options[option], []).append(name)
    for (tolerance, of), look in zip(limits.items(), ("--", ":"), strict=False):
        label = f"limit of {' and '.join(of)}: {tolerance:g}"
        axes.axhline(tolerance, color="0.3", linestyle=look, label=label)
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylabel(
        "residual, relative" if stop == "relative" else "residual a user (s, fractions)"
    )
    if lines or limits:
        legend_above(axes, 2)


def _objectives(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw what the agents believe, what can be recovered, and the incumbent."""
    _draw(axes, document, {label: _column(document, key) for key, label in VALUES.items()})
    axes.set_ylabel("WSEL (J and s)")


def _gaps(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw how far the same are from the last incumbent, where their curves coincide."""
    best = document["trace"][-1]["best_objective"]
    axes.set_ylabel("from incumbent (%)")
    if best is None:
        axes.annotate("no incumbent", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return
    gaps = {}
    for key, label in VALUES.items():
        percent = 100.0 * abs(_column(document, key) / best - 1.0)
        gaps[label] = np.maximum(percent, LEAST_PERCENT)  # 0 has no place on the axis
    _draw(axes, document, gaps)
    axes.set_yscale("log", nonpositive="mask")


def _sync_time(axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw the consensus' sync time."""
    _draw(axes, document, {"": _column(document, "sync_s")})
    axes.set_ylabel("sync time τ̂ (s)")


def _decisions(names: list[str], axes: Axes, document: Mapping[str, Any]) -> None:
    """Draw ι of every user, or the number of downloads where the trace has no more."""
    trace = document["trace"]
    if "offload_fraction" not in trace[0]:
        _draw(axes, document, {"": _column(document, "downloads")})
        axes.set_ylabel("users that download (number)")
        return
    users = np.array([row["offload_fraction"] for row in trace]).T
    labels = names or [f"user {j}" for j in range(1, len(users) + 1)]
    lines = dict(zip(labels, users, strict=True))
    _draw(axes, document, lines, legend=len(users) <= USERS_IN_LEGEND)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("offload fraction ι")


def _column(document: Mapping[str, Any], key: str) -> Any:
    """Return what the trace holds of a quantity; array of shape (iterations,)."""
    return np.array([np.nan if row[key] is None else row[key] for row in document["trace"]])


def _draw(
    axes: Axes, document: Mapping[str, Any], lines: Mapping[str, Any], *, legend: bool = True
) -> None:
    """Draw lines by their labels over the iterations."""
    iterations = [row["iteration"] for row in document["trace"]]
    apart = markers_apart(len(iterations))
    for n, (label, look) in enumerate(zip(lines, line_styles(len(lines)), strict=True)):
        marks = (n * apart // max(len(lines), 1), apart)  # beside those of the other lines
        label_shown = in_legend(label)
        axes.plot(iterations, lines[label], label=label_shown, markevery=marks, **look)
    if legend and len(lines) > 1:
        legend_above(axes, 2)
