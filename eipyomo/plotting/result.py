"""Figures of a result: the round, the band, and every term of energy and latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import StrMethodFormatter

from eipyomo.plotting.documents import drawn
from eipyomo.plotting.fonts import Width
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import (
    COLORS,
    ENERGIES,
    SHOWN_USERS,
    draw_phases,
    fills,
    grid,
    headline,
    label_lanes,
    legend_above,
    phases_legend,
    slowest,
    spread,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eipyomo.result import Result

FEW_LABELS = 5

Parts = Mapping[str, "tuple[pd.Series[float], str]"]
"""What is stacked, by its labels: values over users, and the phase whose colour they have."""


def overview(
    result: Result | Mapping[str, Any],
    *,
    axes: Iterable[Axes] | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw the round, the band, and every term of energy and latency on one page.

    Parameters
    ----------
    result
        A result, or its JSON document.
    axes
        Four axes to draw on, in the order of the panels; a page of its own if left out.
    width
        ``"column"`` or ``"page"`` of a journal, with letters of 7 and 8 points; a screen's if None.
    title
        Whether the page says above what was solved.

    Returns
    -------
    Figure
        What was drawn on: the panels of :func:`timeline`, :func:`bandwidth` and :func:`costs`. Of
        more than 20 users the timeline shows the slowest, and the others how all are distributed.

    Raises
    ------
    InputError
        If the result has no allocation, or lacks what is drawn.
    """
    document, terms = drawn(result)
    lanes = min(len(terms), SHOWN_USERS)
    high_in = 1.6 + 0.21 * max(lanes, 9)  # so that names of lanes do not touch
    rows = ((0, 0, 0), (1, 2, 3))
    sheet = Sheet((10.0, 3.7 + high_in), (1.2 + 0.2 * lanes, *[2.2] * 3), rows, (high_in, 2.8))
    panels = [partial(panel, document, terms) for panel in (_round, _band, _energy, _latency)]
    legend, words = phases_legend([*COLORS]), headline(document, width) if title else None
    return compose(panels, sheet, axes, width=width, title=words, legend=legend)


def timeline(
    result: Result | Mapping[str, Any],
    *,
    ax: Axes | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw who trains, uploads, offloads, downloads and computes, and when, as in Fig. 1.

    Parameters and errors are those of :func:`overview`; `ax` is one of its axes. The lower lane of
    a user shows what it does after the sync time, beside the offloading and the server's computing
    in the upper lane.
    """
    document, terms = drawn(result)
    lanes = min(len(terms), SHOWN_USERS)
    sheet = Sheet((9.0, 1.8 + 0.5 * lanes), (1.7 + 0.25 * lanes,))
    legend = phases_legend([phase for phase in COLORS if phase != "waiting"])
    words = headline(document, width) if title else None
    panels = [partial(_round, document, terms)]
    return compose(panels, sheet, ax, width=width, title=words, legend=legend)


def bandwidth(
    result: Result | Mapping[str, Any],
    *,
    ax: Axes | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw each user's share of the band.

    Parameters and errors are those of :func:`overview`; `ax` is one of its axes.
    """
    document, terms = drawn(result)
    words = headline(document, width) if title else None
    panels = [partial(_band, document, terms)]
    return compose(panels, Sheet((5.5, 4.0), (2.6,)), ax, width=width, title=words)


def costs(
    result: Result | Mapping[str, Any],
    *,
    axes: Iterable[Axes] | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw energy and latency of each user, stacked by term.

    Parameters and errors are those of :func:`overview`; there are two `axes`. The terms of a
    latency are those on its critical path, the branch of (9) that ends last, and what of it is
    waiting.
    """
    document, terms = drawn(result)
    legend = phases_legend([phase for phase in COLORS if phase != "previous model download"])
    words = headline(document, width) if title else None
    panels = [partial(panel, document, terms) for panel in (_energy, _latency)]
    sheet = Sheet((9.0, 4.4), (2.6, 2.6), ((0, 1),))
    return compose(panels, sheet, axes, width=width, title=words, legend=legend)


def _round(document: Mapping[str, Any], terms: pd.DataFrame, axes: Axes) -> None:
    """Draw the timeline, two lanes a user, the first user on top."""
    sync_s = document["allocation"]["sync_s"]
    lanes = slowest(terms)
    place = {name: j for j, name in enumerate(lanes["name"])}
    draw_phases(axes, lanes, sync_s, place, linewidth=0.5)
    axes.axvline(sync_s, color="black", linestyle="--", linewidth=1.0)
    axes.annotate(
        f"τ̂ = {sync_s:.4g} s",
        (sync_s, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize="small",
    )
    label_lanes(axes, lanes, len(terms), "time since the round began (s)")


def _band(document: Mapping[str, Any], terms: pd.DataFrame, axes: Axes) -> None:
    """Draw shares of the band; the legend has their sums over all users."""
    import pandas as pd

    users = pd.DataFrame(document["allocation"]["users"])
    parts = {
        f"{name}, in all {users[column].sum():.1%}": (100.0 * terms[column], phase)
        for name, column, phase in (
            ("uplink", "uplink_share", "model upload"),
            ("downlink", "downlink_share", "model download"),
        )
    }
    _stack(axes, terms, parts, "%")
    axes.set_ylabel("share of the band (%)")
    if len(terms) > SHOWN_USERS:
        axes.legend(fontsize="small", loc="upper right")
    else:
        legend_above(axes)


def _energy(document: Mapping[str, Any], terms: pd.DataFrame, axes: Axes) -> None:
    """Draw the terms of (8)."""
    del document
    _stack(axes, terms, {phase: (terms[key], phase) for phase, key in ENERGIES.items()}, "J")
    axes.set_ylabel("energy (J)")


def _latency(document: Mapping[str, Any], terms: pd.DataFrame, axes: Axes) -> None:
    """Draw the terms of (9) on the branch that ends last; they add up to the latency."""
    sync_s = document["allocation"]["sync_s"]
    local_s = sync_s + terms["download_s"] + terms["local_inference_s"]
    local = terms["download"] & (local_s >= terms["ready_s"] + terms["edge_inference_s"])
    phases = {
        "local training": terms["local_training_s"],
        "model upload": terms["upload_s"],
        "task offload": terms["offload_s"].where(~local, 0.0),
        "waiting": 0.0 * terms["upload_s"],
        "model download": terms["download_s"].where(local, 0.0),
        "local inference": terms["local_inference_s"].where(local, 0.0),
        "edge inference": terms["edge_inference_s"].where(~local, 0.0),
    }
    phases["waiting"] = (terms["latency_s"] - sum(phases.values())).clip(lower=0.0)
    _stack(axes, terms, {phase: (part, phase) for phase, part in phases.items()}, "s")
    axes.set_ylabel("latency, its longer branch (s)")


def _stack(axes: Axes, terms: pd.DataFrame, parts: Parts, unit: str) -> None:
    """Draw a part for each label above one another: bars of few users, or all by their sums."""
    total = sum((part for part, _ in parts.values()), 0.0 * terms["upload_s"])
    if len(terms) <= SHOWN_USERS:
        _bars(axes, terms["label"].tolist(), parts)
    else:
        order = total.sort_values(ascending=False, kind="stable").index
        _areas(axes, {label: (part[order], phase) for label, (part, phase) in parts.items()})
        axes.set_xlabel(f"all {len(terms)} users by rank, the largest first")
        spread(axes, total, terms["label"], unit)
    axes.set_ylim(0.0, 1.05 * max(float(total.max()), 1e-12))
    grid(axes, axis="y")


def _bars(axes: Axes, labels: Sequence[str], parts: Parts) -> None:
    """Draw one bar a user."""
    bottom = np.zeros(len(labels))
    places = range(len(labels))
    for label, (part, phase) in parts.items():
        axes.bar(places, part, 0.7, bottom=bottom, label=label, linewidth=0.5, **fills(phase))
        bottom = bottom + part.to_numpy()
    few = len(labels) <= FEW_LABELS and max(map(len, labels)) <= FEW_LABELS
    axes.set_xticks(places, labels, rotation=0 if few else 90, fontsize=None if few else "small")


def _areas(axes: Axes, parts: Parts) -> None:
    """Draw one step a user, of as many as there are; a logarithmic axis has room for the worst."""
    bottom: Any = 0.0
    for label, (part, phase) in parts.items():
        top = bottom + np.append(part.to_numpy(), part.iloc[-1])
        ranks = np.arange(1, len(top) + 1)
        look = {**fills(phase), "linewidth": 0.0}
        axes.fill_between(ranks, bottom, top, step="post", label=label, **look)
        bottom = top
    axes.set_xscale("log")
    axes.set_xlim(1, len(bottom))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
