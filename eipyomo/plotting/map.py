"""A map of the users: who downloads the model, or where its network is cut, and what it sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.transforms import Bbox

from eipyomo.errors import InputError
from eipyomo.plotting.documents import document_of
from eipyomo.plotting.fonts import Width, find_fonts
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import SHOWN_USERS, grid, headline, in_legend, legend_above, printable
from eipyomo.radio.links import Links
from eipyomo.validation import require_kind
from eipyomo.words import clipped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    from eipyomo.result import Result

STATES = {True: "downloads the model", False: "leaves all to the edge"}
SHAPES = ("o", "s", "D", "v", "P", "X")
"""Markers of what users do; a legend lists so many modes, and else who downloads."""

COLORS = "cividis"

SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1))
"""Where a name may stand beside its marker, the best first: right or left, above or below."""


def users_map(
    result: Result | Mapping[str, Any],
    links: Links,
    *,
    ax: Axes | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw the users at their places: what each one does, and by colour how much it offloads.

    Users with modes are told apart by these. A name for which there is no room is left out.

    Parameters
    ----------
    result
        A result, or its JSON document.
    links
        Where its users are.
    ax
        Axes to draw on; a figure of its own if left out.
    width, title
        As of :func:`~eipyomo.plotting.overview`.

    Returns
    -------
    Figure
        What was drawn on.

    Raises
    ------
    InputError
        If the result has no allocation, or has other users.
    """
    document = document_of(result)
    require_kind("links", links, Links)
    users = (document.get("allocation") or {}).get("users")
    if not users:
        raise InputError("the result has no allocation, so that there is nothing to draw")
    names = [user["name"] for user in users]
    order = {name: j for j, name in enumerate(links.names)}
    if set(names) != set(order):
        strange = sorted(set(names) ^ set(order))
        raise InputError(
            "the links must be those of the result's users, by their names, but only one of them "
            f"has {clipped(', '.join(map(repr, strange)))}"
        )
    places = [order[name] for name in names]
    does, kinds = _does(users)
    find_fonts(" ".join([*names[:SHOWN_USERS], *kinds, str(document.get("instance"))]))
    x_m, y_m = links.x_m[places], links.y_m[places]
    fractions = np.array([user["offload_fraction"] for user in users])
    labels: list[Annotation] = []
    shown = printable(names) if len(users) <= SHOWN_USERS else []
    panel = partial(_draw, (does, kinds), fractions, x_m, y_m, shown, labels)
    words = headline(document, width) if title else None
    figure = compose([panel], _sheet(x_m, y_m), ax, width=width, title=words)
    _keep_apart(labels, np.column_stack([np.append(x_m, 0.0), np.append(y_m, 0.0)]))
    return figure


def _does(users: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Return in a few words what each user does, and what there is to be done.

    Those that offload least come first.
    """
    modes = [str(user["mode"]) for user in users if user.get("mode") is not None]
    if len(modes) < len(users) or len(set(modes)) > len(SHAPES):
        return [STATES[bool(user["download"])] for user in users], list(STATES.values())
    offloaded = dict(zip(modes, (user["offload_fraction"] for user in users), strict=True))
    return modes, sorted(offloaded, key=lambda mode: (offloaded[mode], mode))


def _sheet(x_m: Any, y_m: Any) -> Sheet:
    """Return a page with room for the area as it is, and some for a street as well."""
    wide, high = np.ptp(np.append(x_m, 0.0)), np.ptp(np.append(y_m, 0.0))
    share = float(np.clip(high / max(wide, 1e-9), 0.2, 1.0))
    return Sheet((8.0, 6.4 * share + 2.8), (2.8 * share + 1.9,))


def _draw(
    told: tuple[Sequence[str], Sequence[str]],
    fractions: Any,
    x_m: Any,
    y_m: Any,
    names: Sequence[str],
    labels: list[Annotation],
    axes: Axes,
) -> None:
    """Draw the map of users at their places, and keep what names them."""
    shades = ScalarMappable(Normalize(0.0, 1.0), COLORS)
    area = rcParams["lines.markersize"] ** 2 * (1.2 if names else 0.8)
    does, kinds = told
    for marker, kind in zip(SHAPES, kinds, strict=False):
        chosen = np.array(does) == kind
        axes.scatter(
            x_m[chosen],
            y_m[chosen],
            c=shades.to_rgba(fractions[chosen]),
            s=area,
            marker=marker,
            edgecolors="black",
            linewidths=0.7,
            label=in_legend(f"{printable([kind], 40)[0]} ({int(chosen.sum())})"),
        )
    axes.scatter([0], [0], s=2.4 * area, marker="^", color="#D55E00", label="edge server", zorder=3)
    for name, x, y in zip(names, x_m, y_m, strict=False):
        labels.append(
            axes.annotate(name, (x, y), (0, 0), textcoords="offset points", fontsize="small")
        )
    axes.margins(0.08)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("east of the server (m)")
    axes.set_ylabel("north (m)")
    grid(axes)
    bar = axes.figure.colorbar(shades, ax=axes, location="bottom", aspect=40, pad=0.03)
    bar.set_label("offload fraction ι")
    legend_above(axes)


def _keep_apart(labels: Sequence[Annotation], places_m: Any) -> None:
    """Move names beside their markers so that none covers another or a marker, or hide them.

    Parameters
    ----------
    labels
        What names the users, at their places.
    places_m
        Where there is a marker, (markers, 2).
    """
    if not labels:
        return
    axes = labels[0].axes
    assert axes is not None
    page = axes.figure.figure
    page.draw_without_rendering()  # only now is it known what is where
    pixels = page.dpi / 72.0
    radius = 0.5 * float(labels[0].get_fontsize()) * pixels  # about that of a marker, and some air
    taken = [Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)
             for x, y in axes.transData.transform(places_m)]  # fmt: skip
    inside = axes.get_window_extent()
    for label in labels:
        box = label.get_window_extent()
        x, y = axes.transData.transform(label.xy)
        for right, above in SIDES:
            left = x + radius if right > 0 else x - radius - box.width
            foot = y + 0.3 * radius if above > 0 else y - 0.3 * radius - box.height
            there = Bbox.from_bounds(left, foot, box.width, box.height)
            within = inside.containsx(there.x0) and inside.containsx(there.x1)
            within &= inside.containsy(there.y0) and inside.containsy(there.y1)
            if within and not there.count_overlaps(taken):
                label.set_position(((left - x) / pixels, (foot - y) / pixels))
                taken.append(there)
                break
        else:
            label.set_visible(False)
