"""Letters that stay letters in files, fonts that have them, and sizes that a journal prints."""

from __future__ import annotations

import io
from typing import Any, Final, Literal

from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font

Width = Literal["column", "page"]

WIDTHS_IN: Final[dict[str, float]] = {"column": 3.5, "page": 7.16}
"""Widths in inches of one column and of two with their gap, as most journals print them."""

PRINTED: Final = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "figure.titlesize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.4,
}
"""Sizes in points at which a figure of such a width can be read on paper."""


def style(width: Width | None = None) -> Any:
    """Return settings by which letters stay letters in files, and have fonts.

    Publishers refuse Type 3 fonts, and a text can be searched.
    """
    kinds = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}
    return {**kinds, "font.family": _families(), **({} if width is None else PRINTED)}


class Page(Figure):
    """A figure whose files hold its texts as texts, and which a notebook shows as it is.

    Parameters
    ----------
    *arguments, **options
        Those of :class:`matplotlib.figure.Figure`.
    width
        Where it is to be printed, by which its letters have their size; None for a screen.
    """

    def __init__(self, *arguments: Any, width: Width | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._width = width

    def draw(self, renderer: Any) -> None:
        """Draw the figure; ticks are made only now, and are to have the sizes of the rest."""
        with rc_context(style(self._width)):
            super().draw(renderer)

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Write the figure; see :meth:`matplotlib.figure.Figure.savefig`."""
        with rc_context(style(self._width)):
            super().savefig(*arguments, **options)

    def _repr_png_(self) -> bytes:
        """Return a picture for notebooks, which pyplot shows only of figures of its own."""
        self.savefig(image := io.BytesIO(), format="png")
        return image.getvalue()


_FONTS: dict[str, frozenset[int]] = {}
"""Fonts that figures use, by name, with the characters that each of them has."""

_WITHOUT: set[str] = set()
"""Characters for which there is no font on this machine."""


def _families() -> list[str]:
    if not _FONTS:
        file = font_manager.findfont("DejaVu Sans")  # which comes with matplotlib
        _FONTS["DejaVu Sans"] = frozenset(get_font(file).get_charmap())
    return list(_FONTS)


def can_draw(sign: str) -> bool:
    """Tell whether a font of figures has a character."""
    return any(ord(sign) in known for known in _FONTS.values())


def find_fonts(text: str) -> None:
    """Add fonts of this machine until all letters of a text have one, or none has the rest."""
    _families()
    signs = set(text) - _WITHOUT
    missing = {sign for sign in signs if sign.isprintable() and not can_draw(sign)}
    entries = [entry for entry in font_manager.fontManager.ttflist if _is_usable(entry)]
    for entry in sorted(entries, key=lambda entry: (entry.name, entry.fname)) if missing else ():
        if entry.name in _FONTS:
            continue
        try:
            known = frozenset(get_font(entry.fname).get_charmap())
        except (OSError, RuntimeError):  # a font of pictures, or none at all
            continue
        if any(ord(sign) in known for sign in missing):
            _FONTS[entry.name] = known
            missing = {sign for sign in missing if not can_draw(sign)}
        if not missing:
            return
    _WITHOUT.update(missing)


def _is_usable(entry: font_manager.FontEntry) -> bool:
    """Tell whether a font is an upright one that a PDF can hold."""
    plain = (entry.style, entry.variant, entry.stretch) == ("normal", "normal", "normal")
    return (
        plain
        and str(entry.weight) in ("400", "normal", "regular")
        and (entry.fname.lower().endswith(".ttf"))
    )
