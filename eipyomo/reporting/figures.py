"""Figures as parts of a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context

from eipyomo.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures_of(
    document: Mapping[str, Any], drawings: Mapping[str, Callable[[Mapping[str, Any]], Figure]]
) -> list[tuple[str, str]]:
    """Return figures as data that a page holds, behind their descriptions.

    What a document of old does not have is not drawn.
    """
    found = []
    for description, draw in drawings.items():
        try:
            found.append((description, svg_data(draw(document))))
        except InputError:
            continue
    return found


def svg_data(figure: Figure) -> str:
    """Return a figure as the address of an image that holds itself; same figure, same text."""
    image = io.BytesIO()
    with rc_context({"svg.hashsalt": "eipyomo"}):
        figure.savefig(image, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(image.getvalue()).decode()}"
