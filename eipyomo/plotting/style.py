"""What all figures have in common: colours, how many users they show, names, legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Patch

from eipyomo import evaluation
from eipyomo.plotting.fonts import can_draw
from eipyomo.words import labels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_USERS = 20
"""Figures of single users show the first so many."""

LABEL_LENGTH, TITLE_LENGTH = 16, 70

COLORS = {
    "previous model download": "#BBBBBB",
    "local training": "#DDCC77",
    "model upload": "#0072B2",
    "task offload": "#56B4E9",
    "waiting": "#EEEEEE",
    "model download": "#D55E00",
    "local inference": "#E69F00",
    "edge inference": "#009E73",
}
"""One colour for each phase in all figures; they are told apart by colour-blind readers too."""

AFTER_SYNC = ("model download", "local inference")
"""Phases that a user goes through while its task is offloaded and computed at the server."""

ENERGIES = {
    "local training": "local_training_j",
    "model upload": "upload_j",
    "task offload": "offload_j",
    "model download": "download_j",
    "local inference": "local_inference_j",
}


def printable(names: Sequence[str], length: int = LABEL_LENGTH) -> list[str]:
    """Return names of some length that matplotlib can draw and does not read as mathematics."""
    return [_drawable(label) for label in labels(names, length)]


def _drawable(line: str) -> str:
    """Return a line with escapes for what no font has."""
    signs = (sign if can_draw(sign) else ascii(sign)[1:-1] for sign in line)
    return "".join(signs).replace("$", r"\$")


def printable_title(name: str | None) -> str:
    """Return an instance's name, or what stands for it, as :func:`printable` does."""
    return _drawable(labels([name or "an unnamed instance"], TITLE_LENGTH)[0])


def phases_legend(figure: Figure, phases: Sequence[str]) -> None:
    """Say below a figure which colour is which phase."""
    patches = [Patch(facecolor=COLORS[phase], edgecolor="0.4", label=phase) for phase in phases]
    figure.legend(handles=patches, loc="outside lower center", ncols=4, frameon=False)


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
            color=COLORS[str(phase)],
            **style,
        )


def label_lanes(axes: Axes, document: Mapping[str, Any], terms: pd.DataFrame, time: str) -> None:
    """Name the users of a timeline with their modes, the first one on top, and the time below."""
    names = terms["label"].tolist()
    if "mode" in terms:
        chosen = terms["mode"].where(terms["mode"].notna(), "").tolist()
        names = ["\n".join(filter(None, both)) for both in zip(names, _modes(chosen), strict=True)]
    axes.set_yticks(range(len(terms)), names)
    axes.set_ylabel(which_users(document, terms))
    axes.set_ylim(len(terms) - 0.45, -0.55)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(time)
    axes.grid(True, axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _modes(names: Sequence[str]) -> list[str]:
    """Return names of modes that matplotlib can draw; alike ones stay alike."""
    return [_drawable(labels([name], LABEL_LENGTH + 4)[0]) if name else "" for name in names]


def which_users(document: Mapping[str, Any], terms: pd.DataFrame) -> str:
    """Say at an axis of single users that they are not all."""
    users = len(document["allocation"]["users"])
    return f"the first {len(terms)} of {users} users" if users > len(terms) else ""
