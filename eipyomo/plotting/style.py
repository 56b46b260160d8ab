"""What all figures have in common: colours that grey print keeps apart, names, legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.patches import Patch

from eipyomo import evaluation
from eipyomo.plotting.fonts import Width, can_draw
from eipyomo.words import labels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SHOWN_USERS = 20
"""Figures name up to so many users; of more they show the worst, and how all are distributed."""

LABEL_LENGTH = 16

TITLE_LENGTH, COLUMN_TITLE_LENGTH = 70, 44

COLORS = {
    "previous model download": "#999999",
    "local training": "#DDCC77",
    "model upload": "#0072B2",
    "task offload": "#56B4E9",
    "waiting": "#EEEEEE",
    "model download": "#D55E00",
    "local inference": "#E69F00",
    "edge inference": "#009E73",
}
"""One colour for each phase in all figures; they are told apart by colour-blind readers too."""

HATCHES = {
    "task offload": "////",
    "model download": "\\\\\\\\",
    "local inference": "....",
    "edge inference": "----",
}
"""What tells phases apart whose colours are alike in grey print."""

LINE_COLORS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "x", "*", "<", ">")

AFTER_SYNC = ("model download", "local inference")
"""Phases that a user goes through while its task is offloaded and computed at the server."""

ENERGIES = {
    "local training": "local_training_j",
    "model upload": "upload_j",
    "task offload": "offload_j",
    "model download": "download_j",
    "local inference": "local_inference_j",
}

WIDE_RATIO = 30.0

UNDRAWABLE: Final = "\u25a1"
"""What stands for characters for which there is no font."""


def line_styles(number: int) -> list[dict[str, Any]]:
    """Return as many styles of lines, which colour-blind readers and grey print keep apart.

    Colours, kinds of line and markers go round with different periods, so that 140 are unlike.
    """
    around = zip(cycle(LINE_COLORS), cycle(LINE_STYLES), cycle(MARKERS), strict=False)
    return [
        {"color": color, "linestyle": line, "marker": marker}
        for color, line, marker in islice(around, number)
    ]


def markers_apart(number: int) -> int:
    """Return after how many points of a line the next marker comes, so that a few are seen."""
    return max(1, number // 8)


def fills(phase: str) -> dict[str, Any]:
    """Return how the areas of a phase look."""
    return {"facecolor": COLORS[phase], "hatch": HATCHES.get(phase), "edgecolor": "0.25"}


def printable(names: Sequence[str], length: int = LABEL_LENGTH) -> list[str]:
    """Return names of some length that matplotlib can draw and does not read as mathematics.

    Where no font has some of its characters, ``□`` stands for them, and behind a name its place,
    from 1, by which it is still told apart.
    """
    cut = labels(names, length)
    return [
        _drawable(label) if all(map(can_draw, label)) else f"{_drawable(label)} ({place})"
        for place, label in enumerate(cut, start=1)
    ]


def _drawable(line: str) -> str:
    """Return a line without what no font has, and without mathematics."""
    signs: list[str] = []
    for sign in line:
        kept = sign if can_draw(sign) else UNDRAWABLE
        if kept != UNDRAWABLE or signs[-1:] != [UNDRAWABLE]:
            signs.append(kept)
    return "".join(signs).replace("$", r"\$")


def in_legend(label: str) -> str:
    """Return a label that a legend shows; matplotlib hides those that begin with an underscore."""
    return f" {label}" if label.startswith("_") else label


def printable_title(name: str | None, width: Width | None) -> str:
    """Return an instance's name, or what stands for it, as :func:`printable` does."""
    length = COLUMN_TITLE_LENGTH if width == "column" else TITLE_LENGTH
    return _drawable(labels([name or "an unnamed instance"], length)[0])


def headline(document: Mapping[str, Any], width: Width | None) -> str:
    """Say which problem a method has solved, to which cost, and of which instance."""
    cost = document.get("objective")
    value = "not feasible" if cost is None else f"WSEL {cost:.5g}"
    name = printable_title(document["instance"], width)
    return f"method {document['method']}, problem {document['problem']}: {value}\n{name}"


def legend_above(axes: Axes, columns: int = 1) -> None:
    """Say above a panel which line is which, where nothing is covered."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        ncols=columns,
        fontsize="small",
        frameon=False,
    )


def phases_legend(phases: Sequence[str]) -> list[Patch]:
    """Return what says which colour is which phase."""
    return [Patch(**fills(phase), linewidth=0.5, label=phase) for phase in phases]


def draw_phases(
    axes: Axes,
    terms: pd.DataFrame,
    sync_s: float,
    place: Mapping[str, int],
    *,
    start_s: float = 0.0,
    without: Sequence[str] = (),
    **style: Any,
) -> None:
    """Draw the timeline of a round that starts at a time, two lanes a user."""
    for phase, spans in evaluation.timeline(terms, sync_s).groupby("phase"):
        if phase in without:
            continue
        lane = 0.19 if phase in AFTER_SYNC else -0.19
        axes.barh(
            spans["user"].map(place) + lane,
            spans["end_s"] - spans["start_s"],
            left=start_s + spans["start_s"],
            height=0.36,
            **{**fills(str(phase)), **style},
        )


def slowest(terms: pd.DataFrame) -> pd.DataFrame:
    """Return the users that a timeline names: all in their order, or the slowest, worst first."""
    if len(terms) <= SHOWN_USERS:
        return terms
    return terms.sort_values("latency_s", ascending=False, kind="stable").head(SHOWN_USERS)


def label_lanes(axes: Axes, terms: pd.DataFrame, users: int, time: str) -> None:
    """Name the users of a timeline with their modes, the first one on top, and the time below."""
    names = terms["label"].tolist()
    if "mode" in terms:
        chosen = terms["mode"].where(terms["mode"].notna(), "").tolist()
        names = ["\n".join(filter(None, both)) for both in zip(names, _modes(chosen), strict=True)]
    axes.set_yticks(range(len(terms)), names)
    if users > len(terms):
        axes.set_ylabel(f"the {len(terms)} slowest of {users} users")
    axes.set_ylim(len(terms) - 0.45, -0.55)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(time)
    grid(axes, axis="x")


def _modes(names: Sequence[str]) -> list[str]:
    """Return names of modes that matplotlib can draw; alike ones stay alike."""
    return [_drawable(labels([name], LABEL_LENGTH + 4)[0]) if name else "" for name in names]


def grid(axes: Axes, **which: Any) -> None:
    """Draw thin lines behind the data."""
    axes.grid(True, alpha=0.3, **which)
    axes.set_axisbelow(True)


def is_wide(values: Any) -> bool:
    """Tell whether positive numbers are so far apart that only a logarithmic axis shows all."""
    smallest, largest = np.min(values), np.max(values)
    return bool(smallest > 0.0 and largest > WIDE_RATIO * smallest)


def spread(axes: Axes, total: pd.Series[float], labels_of: pd.Series[str], unit: str) -> None:
    """Say above the distribution of a quantity over many users what it comes to."""
    worst = labels_of.iloc[int(total.to_numpy().argmax())]
    axes.set_title(
        f"sum {total.sum():.4g} {unit}, median {total.median():.3g} {unit}\n"
        f"largest {total.max():.3g} {unit}: {worst}",
        fontsize="small",
    )
