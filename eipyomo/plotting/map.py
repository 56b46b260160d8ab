"""A map of the users: who downloads the model, and how much of its task each one offloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from eipyomo.errors import InputError
from eipyomo.plotting.documents import document_of
from eipyomo.plotting.fonts import Page, find_fonts, style
from eipyomo.plotting.style import SHOWN_USERS, printable, printable_title
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
    result: Result | Mapping[str, Any], links: Links, *, ax: Axes | None = None
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
    with rc_context(style()):
        return _drawn(document, users, links.x_m[places], links.y_m[places], ax)


def _drawn(
    document: Mapping[str, Any], users: list[dict[str, Any]], x_m: Any, y_m: Any, ax: Axes | None
) -> Figure:
    """Draw the map of users at their places."""
    if ax is None:
        # Room for the area as it is, and some for a street as well.
        wide, high = np.ptp(np.append(x_m, 0.0)), np.ptp(np.append(y_m, 0.0))
        height_in = float(np.clip(6.4 * high / max(wide, 1e-9), 1.2, 6.4)) + 2.0
        figure: Any = Page(figsize=(8.0, height_in), layout="constrained")
        axes = figure.subplots()
        axes.set_title(_title(document))
    else:
        axes, figure = ax, ax.figure
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
    axes.grid(True, alpha=0.3)
    axes.set_axisbelow(True)
    figure.colorbar(shades, ax=axes, pad=0.02).set_label("offload fraction ι")
    look: dict[str, Any] = {"fontsize": "small", "frameon": False}
    if ax is None:
        figure.legend(loc="outside lower center", ncols=3, **look)
    else:
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), **look)
    drawn: Figure = figure
    return drawn


def _title(document: Mapping[str, Any]) -> str:
    cost = document.get("objective")
    value = f"WSEL {cost:.5g}" if cost is not None else "not feasible"
    return f"{printable_title(document['instance'])}\nmethod {document['method']}: {value}"
