"""Figures of a process of many rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from matplotlib.ticker import MaxNLocator

from eipyomo import claims
from eipyomo.errors import InputError
from eipyomo.plotting.documents import in_style, require_answer, terms_of
from eipyomo.plotting.fonts import Page
from eipyomo.plotting.style import (
    COLORS,
    ENERGIES,
    draw_phases,
    label_lanes,
    phases_legend,
    printable_title,
)
from eipyomo.process import Training
from eipyomo.result import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@in_style
def training_overview(process: Training | Mapping[str, Any]) -> Figure:
    """Draw all rounds of a process on one time axis, and what each of them costs.

    Parameters
    ----------
    process
        What :func:`eipyomo.train` returns, or its JSON document.

    Returns
    -------
    Figure
        The panels of :func:`training_timeline` and :func:`training_costs`; the first 20 users.

    Raises
    ------
    InputError
        If no round has an allocation.
    """
    document, rounds = _rounds(process)
    users = len(rounds[0][1])
    figure = Page(figsize=(_width(rounds), 5.2 + 0.3 * users), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(0.8 + 0.3 * users, 2.6))
    _all_rounds(figure.add_subplot(grid[0, :]), rounds)
    for column, panel in enumerate((_costs_by_round, _energy_by_round, _time_by_round)):
        panel(figure.add_subplot(grid[1, column]), rounds)
    phases_legend(figure, [phase for phase in COLORS if phase != "waiting"])
    figure.suptitle(_training_title(document, rounds))
    return figure


@in_style
def training_timeline(process: Training | Mapping[str, Any]) -> Figure:
    """Draw who trains, uploads, downloads and computes in all rounds, and when.

    Parameters and errors are those of :func:`training_overview`.
    """
    document, rounds = _rounds(process)
    height = 1.8 + 0.4 * len(rounds[0][1])
    figure = Page(figsize=(_width(rounds), height), layout="constrained")
    _all_rounds(figure.subplots(), rounds)
    phases_legend(figure, [phase for phase in COLORS if phase != "waiting"])
    figure.suptitle(_training_title(document, rounds))
    return figure


@in_style
def training_costs(process: Training | Mapping[str, Any]) -> Figure:
    """Draw WSEL, energy by term, and duration of every round, over all users.

    Parameters and errors are those of :func:`training_overview`.
    """
    document, rounds = _rounds(process)
    figure = Page(figsize=(11.0, 4.0), layout="constrained")
    for axes, panel in zip(
        figure.subplots(1, 3), (_costs_by_round, _energy_by_round, _time_by_round), strict=True
    ):
        panel(axes, rounds)
    phases_legend(figure, list(ENERGIES))
    figure.suptitle(_training_title(document, rounds))
    return figure


SolvedRound: TypeAlias = "tuple[float, pd.DataFrame, Mapping[str, Any]]"
"""When a round starts in s, its terms of the users that are shown, and its result document."""


def _rounds(
    process: Training | Mapping[str, Any],
) -> tuple[Mapping[str, Any], list[SolvedRound]]:
    """Return the document, and its rounds that have an allocation."""
    document: Mapping[str, Any]
    if isinstance(process, Training | Result):
        require_answer(process, Training)
        document = process.to_dict()
    else:
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


def _training_title(document: Mapping[str, Any], rounds: Sequence[SolvedRound]) -> str:
    cost = document["totals"]["wsel"]
    name = printable_title(document["instance"])
    of = document["planned_rounds"]
    return f"{len(rounds)} of {of} rounds, method {document['method']}: WSEL {cost:.5g}\n{name}"


def _all_rounds(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw the timelines of all rounds, two lanes a user; dashed lines are sync times."""
    place = {name: j for j, name in enumerate(rounds[0][1]["name"])}
    for n, (start_s, terms, result) in enumerate(rounds):
        sync_s = result["allocation"]["sync_s"]
        drawn = () if n == 0 else ("previous model download",)  # by the round before
        draw_phases(axes, terms, sync_s, place, start_s=start_s, without=drawn, linewidth=0.0)
        axes.axvline(start_s + sync_s, color="black", linestyle="--", linewidth=0.6)
    time = "time since the process began (s); dashed: sync times"
    label_lanes(axes, rounds[0][2], rounds[0][1], time)


def _costs_by_round(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw WSEL of each round."""
    costs = [result["objective"] for _, _, result in rounds]
    _by_round(axes, costs, "WSEL (weighted J and s)")


def _energy_by_round(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw the energy of all users in each round, by the terms of (8)."""
    numbers = range(1, len(rounds) + 1)
    bottom = [0.0] * len(rounds)
    for phase, column in ENERGIES.items():
        part = [sum(user[column] for user in result["breakdown"]["users"]) for *_, result in rounds]
        axes.bar(numbers, part, 0.8, bottom=bottom, color=COLORS[phase])
        bottom = [low + high for low, high in zip(bottom, part, strict=True)]
    _label_rounds(axes, "energy of all users (J)", max(bottom))


def _time_by_round(axes: Axes, rounds: Sequence[SolvedRound]) -> None:
    """Draw how long each round takes until the model is updated."""
    _by_round(axes, [result["allocation"]["sync_s"] for *_, result in rounds], "sync time τ̂ (s)")


def _by_round(axes: Axes, values: Sequence[float], label: str) -> None:
    axes.plot(range(1, len(values) + 1), values, "o-", markersize=3.0, color="C0")
    _label_rounds(axes, label, max(values))


def _label_rounds(axes: Axes, label: str, largest: float) -> None:
    axes.set_ylim(0.0, 1.05 * largest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")
    axes.set_ylabel(label)
    axes.grid(True, alpha=0.3)
    axes.set_axisbelow(True)
