"""Figures of a process of many rounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.ticker import MaxNLocator, NullFormatter

from eipyomo import claims
from eipyomo.errors import InputError
from eipyomo.plotting.documents import require_answer, require_document, terms_of
from eipyomo.plotting.fonts import Width
from eipyomo.plotting.sheets import Panel, Sheet, compose
from eipyomo.plotting.style import (
    COLORS,
    ENERGIES,
    SHOWN_USERS,
    draw_phases,
    fills,
    grid,
    is_wide,
    label_lanes,
    legend_above,
    line_styles,
    markers_apart,
    phases_legend,
    printable_title,
    slowest,
)
from eipyomo.process import Training
from eipyomo.result import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_ROUNDS = 12
"""An overview draws the phases of up to so many rounds; of more, how long they take for whom."""

LANED = [phase for phase in COLORS if phase != "waiting"]
"""Phases of a timeline."""


def training_overview(
    process: Training | Mapping[str, Any],
    *,
    axes: Iterable[Axes] | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw all rounds of a process on one time axis, and what each of them costs.

    Parameters
    ----------
    process
        What :func:`eipyomo.train` returns, or its JSON document.
    axes
        Four axes to draw on, in the order of the panels; a page of its own if left out.
    width
        ``"column"`` or ``"page"`` of a journal, with letters of 7 and 8 points; a screen's if None.
    title
        Whether the page says above what was solved.

    Returns
    -------
    Figure
        What was drawn on: the panels of :func:`training_timeline` and :func:`training_costs`. Of
        more than 12 rounds the first panel shows the latency of every user in every round instead.

    Raises
    ------
    InputError
        If no round has an allocation.
    """
    document, rounds = _rounds(process)
    lanes = min(len(rounds[0][1]), SHOWN_USERS)
    first, wide = (_all_rounds, _width(rounds)) if len(rounds) <= SHOWN_ROUNDS else (_heat, 11.0)
    high = 0.8 + (0.3 if first is _all_rounds else 0.15) * lanes
    sheet = Sheet(
        (wide, 4.4 + high), (high, *[2.1] * 3), ((0, 0, 0), (1, 2, 3)), (max(high, 2.2), 2.6)
    )
    panels: list[Panel] = [partial(first, rounds), *_by_rounds(rounds)]
    words = _training_title(document, rounds, width) if title else None
    phases = phases_legend(LANED if first is _all_rounds else [*ENERGIES])
    return compose(panels, sheet, axes, width=width, title=words, legend=phases)


def training_timeline(
    process: Training | Mapping[str, Any],
    *,
    ax: Axes | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw who trains, uploads, downloads and computes in all rounds, and when.

    Parameters and errors are those of :func:`training_overview`; `ax` is one of its axes. Of more
    than 20 users it shows those with the largest latency over all rounds.
    """
    document, rounds = _rounds(process)
    lanes = min(len(rounds[0][1]), SHOWN_USERS)
    sheet = Sheet((_width(rounds), 1.8 + 0.4 * lanes), (1.4 + 0.25 * lanes,))
    words = _training_title(document, rounds, width) if title else None
    panels = [partial(_all_rounds, rounds)]
    return compose(panels, sheet, ax, width=width, title=words, legend=phases_legend(LANED))


def training_costs(
    process: Training | Mapping[str, Any],
    *,
    axes: Iterable[Axes] | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw WSEL, energy by term, and duration of every round, over all users.

    Parameters and errors are those of :func:`training_overview`; there are three `axes`.
    """
    document, rounds = _rounds(process)
    sheet = Sheet((11.0, 4.0), (2.1, 2.1, 2.1), ((0, 1, 2),))
    words = _training_title(document, rounds, width) if title else None
    phases = phases_legend([*ENERGIES])
    return compose(_by_rounds(rounds), sheet, axes, width=width, title=words, legend=phases)


SolvedRound: TypeAlias = "tuple[float, pd.DataFrame, Mapping[str, Any]]"
"""When a round starts in s, the terms of its users, and its result document."""


def _rounds(
    process: Training | Mapping[str, Any],
) -> tuple[Mapping[str, Any], list[SolvedRound]]:
    """Return the document, and its rounds that have an allocation."""
    document: Mapping[str, Any]
    if isinstance(process, Training | Result):
        require_answer(process, Training)
        document = process.to_dict()
    else:
        require_document(process)
        claims.check_process(document := process)
    starts_s = document.get("starts_s") or []
    if not starts_s:
        raise InputError("the process has no allocation to draw, but must hold one")
    rounds = []
    for start_s, result in zip(starts_s, document["rounds"], strict=False):
        rounds.append((start_s, terms_of(result), result))
    return document, rounds


def _width(rounds: Sequence[SolvedRound]) -> float:
    """Return a width in inches at which the phases of many rounds can be told apart."""
    return min(max(10.0, 1.2 * len(rounds)), 24.0)


def _training_title(
    document: Mapping[str, Any], rounds: Sequence[SolvedRound], width: Width | None
) -> str:
    cost = document["totals"]["wsel"]
    name = printable_title(document["instance"], width)
    of = document["planned_rounds"]
    return f"{len(rounds)} of {of} rounds, method {document['method']}: WSEL {cost:.5g}\n{name}"


def _latencies(rounds: Sequence[SolvedRound]) -> Any:
    """Return latencies in s; array of shape (rounds, users)."""
    return np.array([terms["latency_s"] for _, terms, _ in rounds])


def _all_rounds(rounds: Sequence[SolvedRound], axes: Axes) -> None:
    """Draw the timelines of all rounds, two lanes a user; dashed lines are sync times."""
    users = rounds[0][1].assign(latency_s=_latencies(rounds).sum(axis=0))
    lanes = slowest(users)
    place = {name: j for j, name in enumerate(lanes["name"])}
    for n, (start_s, terms, result) in enumerate(rounds):
        sync_s = result["allocation"]["sync_s"]
        before = () if n == 0 else ("previous model download",)  # is drawn in the round before
        some = terms[terms["name"].isin(place)]
        draw_phases(axes, some, sync_s, place, start_s=start_s, without=before, linewidth=0.0)
        axes.axvline(start_s + sync_s, color="black", linestyle="--", linewidth=0.6)
    time = "time since the process began (s); dashed: sync times"
    label_lanes(axes, lanes, len(users), time)


def _heat(rounds: Sequence[SolvedRound], axes: Axes) -> None:
    """Draw the latency of all users in all rounds; of many, the slowest on the average on top."""
    latencies = _latencies(rounds)
    count, users = latencies.shape
    labels = rounds[0][1]["label"].tolist()
    order = np.arange(users)
    if users > SHOWN_USERS:
        order = np.argsort(-latencies.mean(axis=0), kind="stable")
        axes.set_ylabel(f"all {users} users,\nthe slowest on top ({labels[order[0]]})")
    else:
        axes.set_yticks(range(1, users + 1), labels)
    box = (0.5, count + 0.5, users + 0.5, 0.5)
    norm = "log" if is_wide(latencies) else "linear"
    look: dict[str, Any] = {"aspect": "auto", "interpolation": "nearest", "cmap": "cividis"}
    image = axes.imshow(latencies.T[order], norm=norm, extent=box, **look)
    axes.figure.colorbar(image, ax=axes, label="latency (s)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")


def _by_rounds(rounds: Sequence[SolvedRound]) -> list[Panel]:
    """Return the panels of what each round costs."""
    return [partial(panel, rounds) for panel in (_costs_by_round, _energy_by_round, _time_by_round)]


def _costs_by_round(rounds: Sequence[SolvedRound], axes: Axes) -> None:
    """Draw WSEL of each round."""
    costs = [result["objective"] for _, _, result in rounds]
    _by_round(axes, {"": costs}, "WSEL (weighted J and s)")


def _energy_by_round(rounds: Sequence[SolvedRound], axes: Axes) -> None:
    """Draw the energy of all users in each round, by the terms of (8)."""
    numbers = range(1, len(rounds) + 1)
    bottom = [0.0] * len(rounds)
    for phase, column in ENERGIES.items():
        part = [sum(user[column] for user in result["breakdown"]["users"]) for *_, result in rounds]
        axes.bar(numbers, part, 0.8, bottom=bottom, linewidth=0.3, **fills(phase))
        bottom = [low + high for low, high in zip(bottom, part, strict=True)]
    _label_rounds(axes, "energy of all users (J)", max(bottom))


def _time_by_round(rounds: Sequence[SolvedRound], axes: Axes) -> None:
    """Draw how long each round takes until the model is updated, and until users are done."""
    latencies = _latencies(rounds)
    times_s = {
        "largest latency": latencies.max(axis=1),
        "median latency": np.median(latencies, axis=1),
        "sync time τ̂": [result["allocation"]["sync_s"] for *_, result in rounds],
    }
    _by_round(axes, times_s, "time of a round (s)")
    legend_above(axes)


def _by_round(axes: Axes, lines: Mapping[str, Any], label: str) -> None:
    for (name, values), look in zip(lines.items(), line_styles(len(lines)), strict=True):
        numbers = range(1, len(values) + 1)
        apart = markers_apart(len(values))
        axes.plot(numbers, values, label=name, markersize=3.0, markevery=apart, **look)
    _label_rounds(axes, label, max(max(values) for values in lines.values()))
    if is_wide([*lines.values()]):
        axes.set_yscale("log")
        axes.autoscale(axis="y")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _label_rounds(axes: Axes, label: str, largest: float) -> None:
    axes.set_ylim(0.0, 1.05 * largest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")
    axes.set_ylabel(label)
    grid(axes)
