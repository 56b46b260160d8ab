"""A map of the users: who downloads the model, and how much of its task each one offloads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from eipyomo.errors import InputError
from eipyomo.plotting.documents import document_of
from eipyomo.plotting.fonts import Width, find_fonts
from eipyomo.plotting.sheets import Sheet, compose
from eipyomo.plotting.style import SHOWN_USERS, grid, headline, legend_above, printable
from eipyomo.radio.links import Links
from eipyomo.validation import require_kind
from eipyomo.words import clipped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eipyomo.result import Result

MARKERS = {True: ("o", "downloads the model"), False: ("s", "leaves all to the edge")}
COLORS = "cividis"


def users_map(
    result: Result | Mapping[str, Any],
    links: Links,
    *,
    ax: Axes | None = None,
    width: Width | None = None,
    title: bool = True,
) -> Figure:
    """Draw the users at their places: who downloads, and by colour how much each one offloads.

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
    find_fonts(" ".join([*names[:SHOWN_USERS], str(document.get("instance"))]))
    x_m, y_m = links.x_m[places], links.y_m[places]
    panel = partial(_draw, users, x_m, y_m)
    words = headline(document, width) if title else None
    return compose([panel], _sheet(x_m, y_m), ax, width=width, title=words)


def _sheet(x_m: Any, y_m: Any) -> Sheet:
    """Return a page with room for the area as it is, and some for a street as well."""
    wide, high = np.ptp(np.append(x_m, 0.0)), np.ptp(np.append(y_m, 0.0))
    share = float(np.clip(high / max(wide, 1e-9), 0.2, 1.0))
    return Sheet((8.0, 6.4 * share + 2.0), (2.6 * share + 1.4,))


def _draw(users: list[dict[str, Any]], x_m: Any, y_m: Any, axes: Axes) -> None:
    """Draw the map of users at their places."""
    fractions = np.array([user["offload_fraction"] for user in users])
    downloads = np.array([user["download"] for user in users])
    shades = ScalarMappable(Normalize(0.0, 1.0), COLORS)
    for state, (marker, label) in MARKERS.items():
        chosen = downloads == state
        axes.scatter(
            x_m[chosen],
            y_m[chosen],
            c=shades.to_rgba(fractions[chosen]),
            s=45.0 if len(users) <= SHOWN_USERS else 22.0,
            marker=marker,
            edgecolors="black",
            linewidths=0.7,
            label=f"{label} ({int(chosen.sum())})",
        )
    axes.scatter([0.0], [0.0], s=110.0, marker="^", color="#D55E00", label="edge server", zorder=3)
    if len(users) <= SHOWN_USERS:
        for name, x, y in zip(printable([user["name"] for user in users]), x_m, y_m, strict=True):
            axes.annotate(name, (x, y), xytext=(5, 4), textcoords="offset points", fontsize="small")
    axes.margins(0.08)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("east of the server (m)")
    axes.set_ylabel("north of the server (m)")
    grid(axes)
    axes.figure.colorbar(shades, ax=axes, pad=0.02).set_label("offload fraction ι")
    legend_above(axes)
