"""Figures of a result: the round, the band, and every term of energy and latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eipyomo.plotting.documents import drawn, in_style
from eipyomo.plotting.fonts import Page
from eipyomo.plotting.style import (
    COLORS,
    ENERGIES,
    draw_phases,
    label_lanes,
    phases_legend,
    printable_title,
    which_users,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eipyomo.result import Result

FEW_LABELS = 5


@in_style
def overview(result: Result | Mapping[str, Any]) -> Figure:
    """Draw the round, the band, and every term of energy and latency on one page.

    Parameters
    ----------
    result
        A result, or its JSON document.

    Returns
    -------
    Figure
        The panels of :func:`timeline`, :func:`bandwidth` and :func:`costs`; the first 20 users.

    Raises
    ------
    InputError
        If the result has no allocation, or lacks what is drawn.
    """
    document, terms = drawn(result)
    figure = Page(figsize=(10.0, 7.2), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(1.25, 1.0))
    _round(figure.add_subplot(grid[0, :]), document, terms)
    for column, panel in enumerate((_band, _energy, _latency)):
        panel(figure.add_subplot(grid[1, column]), document, terms)
    phases_legend(figure, [*COLORS])
    figure.suptitle(_title(document))
    return figure


@in_style
def timeline(result: Result | Mapping[str, Any]) -> Figure:
    """Draw who trains, uploads, offloads, downloads and computes, and when, as in Fig. 1.

    Parameters and errors are those of :func:`overview`. The lower lane of a user shows what it does
    after the sync time, beside the offloading and the server's computing in the upper lane.
    """
    document, terms = drawn(result)
    figure = Page(figsize=(9.0, 1.8 + 0.5 * len(terms)), layout="constrained")
    _round(figure.subplots(), document, terms)
    phases_legend(figure, [phase for phase in COLORS if phase != "waiting"])
    figure.suptitle(_title(document))
    return figure


@in_style
def bandwidth(result: Result | Mapping[str, Any]) -> Figure:
    """Draw each user's share of the band; parameters and errors are those of :func:`overview`."""
    document, terms = drawn(result)
    figure = Page(figsize=(5.5, 4.0), layout="constrained")
    _band(figure.subplots(), document, terms)
    figure.suptitle(_title(document))
    return figure


@in_style
def costs(result: Result | Mapping[str, Any]) -> Figure:
    """Draw energy and latency of each user, stacked by term.

    Parameters and errors are those of :func:`overview`. The terms of a latency are those on its
    critical path, the branch of (9) that ends last, and what of it is waiting.
    """
    document, terms = drawn(result)
    figure = Page(figsize=(9.0, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _energy(left, document, terms)
    _latency(right, document, terms)
    phases_legend(figure, [phase for phase in COLORS if phase != "previous model download"])
    figure.suptitle(_title(document))
    return figure


def _title(document: Mapping[str, Any]) -> str:
    name = printable_title(document["instance"])
    cost = document.get("objective")
    value = f": WSEL {cost:.5g}" if cost is not None else ": not feasible"
    return f"method {document['method']}, problem {document['problem']}{value}\n{name}"


def _round(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw the timeline, two lanes a user, the first user on top."""
    sync_s = document["allocation"]["sync_s"]
    place = {name: j for j, name in enumerate(terms["name"])}
    draw_phases(axes, terms, sync_s, place, edgecolor="0.3", linewidth=0.5)
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
    label_lanes(axes, document, terms, "time since the round began (s)")


def _band(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw shares of the band; the legend has their sums over all users."""
    import pandas as pd

    users = pd.DataFrame(document["allocation"]["users"])
    parts = {
        f"{name}, in all {users[column].sum():.1%}": (100.0 * terms[column], COLORS[phase])
        for name, column, phase in (
            ("uplink", "uplink_share", "model upload"),
            ("downlink", "downlink_share", "model download"),
        )
    }
    _stack(axes, document, terms, parts)
    axes.set_ylabel("share of the band (%)")
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])
    axes.legend(fontsize="small", loc="upper left")


def _energy(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
    """Draw the terms of (8)."""
    parts = {phase: (terms[column], COLORS[phase]) for phase, column in ENERGIES.items()}
    _stack(axes, document, terms, parts)
    axes.set_ylabel("energy (J)")


def _latency(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame) -> None:
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
    _stack(axes, document, terms, {phase: (part, COLORS[phase]) for phase, part in phases.items()})
    axes.set_ylabel("latency, its longer branch (s)")


def _stack(
    axes: Axes,
    document: Mapping[str, Any],
    terms: pd.DataFrame,
    parts: Mapping[str, tuple[pd.Series[float], str]],
) -> None:
    """Draw one bar a user, with a part for each label."""
    bottom = 0.0 * terms["upload_s"]
    places = range(len(terms))
    for label, (part, color) in parts.items():
        style: dict[str, Any] = {"color": color, "edgecolor": "0.3", "linewidth": 0.5}
        axes.bar(places, part, 0.7, bottom=bottom, label=label, **style)
        bottom = bottom + part
    few = len(terms) <= FEW_LABELS
    axes.set_xticks(
        places, terms["label"], rotation=0 if few else 90, fontsize=None if few else "small"
    )
    axes.set_xlabel(which_users(document, terms))
    axes.set_ylim(0.0, 1.05 * max(float(bottom.max()), 1e-12))
    axes.grid(True, axis="y", alpha=0.3)
    axes.set_axisbelow(True)
