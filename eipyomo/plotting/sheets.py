"""Panels on a page of their own, or on axes that are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from matplotlib import rc_context
from matplotlib.axes import Axes

from eipyomo.errors import InputError
from eipyomo.plotting.fonts import WIDTHS_IN, Page, Width, style
from eipyomo.validation import require_kind
from eipyomo.words import short

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

Panel = Callable[[Axes], None]


@dataclass(frozen=True)
class Sheet:
    """How panels stand on a page.

    Attributes
    ----------
    size_in
        Width and height in inches on a screen. A page of a journal has the same shape.
    column_in
        Height in inches of each panel in one column of a journal, where they stand in one.
    rows
        The panels by their places, as matplotlib's mosaics have them; one panel if left out.
    heights
        Of the rows, relative to each other.
    """

    size_in: tuple[float, float]
    column_in: Sequence[float]
    rows: Sequence[Sequence[int]] = ((0,),)
    heights: Sequence[float] | None = None


def compose(
    panels: Sequence[Panel],
    sheet: Sheet,
    given: Axes | Iterable[Axes] | None,
    *,
    width: Width | None = None,
    title: str | None = None,
    legend: Sequence[Artist] = (),
) -> Figure:
    """Draw panels on a page of their own, or on given axes, and return the figure they are on.

    Parameters
    ----------
    panels
        What draws each of them.
    sheet
        How they stand on a page of their own.
    given
        Axes to draw on instead, one for each panel. They have the legend in the first of them, and
        no title: the rest of that figure is not ours.
    width
        Where the page is to be printed.
    title, legend
        Above and below the page.

    Raises
    ------
    InputError
        If a width is unknown or given beside axes, or the axes are not as many as the panels.
    """
    _require_width(width)
    axes = None if given is None else _axes_given(given, len(panels))
    if axes is not None and width is not None:
        raise InputError(f"width is {width!r}, but axes that are given have a width of their own")
    with rc_context(style(width)):
        if axes is None:
            page, axes = _page(sheet, width)
            if title is not None:
                page.suptitle(title)
            if legend:
                look: Any = {"ncols": 2 if width == "column" else 4, "frameon": False}
                page.legend(handles=legend, loc="outside lower center", **look)
        elif legend:
            look = {"ncols": 4, "fontsize": "small", "frameon": False}
            axes[0].legend(handles=legend, loc="lower left", bbox_to_anchor=(0.0, 1.06), **look)
        for panel, place_of_it in zip(panels, axes, strict=True):
            panel(place_of_it)
    return axes[0].figure.figure


def _require_width(width: Any) -> None:
    if width is not None and width not in get_args(Width):
        allowed = ", ".join(map(repr, get_args(Width)))
        raise InputError(f"width is {short(width)}, but must be one of: {allowed}, or None")


def _axes_given(given: Axes | Iterable[Axes], number: int) -> list[Axes]:
    """Return axes as a list, whether one, some, or an array of them was given."""
    found = list(getattr(given, "flat", given)) if isinstance(given, Iterable) else [given]
    for axes in found:
        require_kind("axes", axes, Axes)
    if len(found) != number:
        raise InputError(f"axes are {len(found)}, but the figure has {number} panels")
    return found


def _page(sheet: Sheet, width: Width | None) -> tuple[Page, list[Axes]]:
    """Return a page, and the axes of its panels in their order."""
    rows, heights, (wide, high) = sheet.rows, sheet.heights, sheet.size_in
    if width == "column":
        rows, heights = [[place] for place in range(len(sheet.column_in))], sheet.column_in
        high = sum(heights)
    elif width == "page":
        high *= WIDTHS_IN[width] / wide
    size = (wide if width is None else WIDTHS_IN[width], high)
    page = Page(figsize=size, layout="constrained", width=width)
    axes: dict[Any, Axes] = page.subplot_mosaic([[*row] for row in rows], height_ratios=heights)
    return page, [axes[place] for place in sorted(axes)]
