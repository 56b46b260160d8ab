"""Letters that stay letters in files, and fonts that have them."""

from __future__ import annotations

from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font


def style() -> Any:
    """Return settings by which letters stay letters in files, and have fonts.

    Publishers refuse Type 3 fonts, and a text can be searched.
    """
    kinds = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}
    return {**kinds, "font.family": _families()}


class Page(Figure):
    """A figure whose files hold its texts as texts."""

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Write the figure; see :meth:`matplotlib.figure.Figure.savefig`."""
        with rc_context(style()):
            super().savefig(*arguments, **options)


_FONTS: dict[str, frozenset[int]] = {}
"""Fonts that figures use, by name, with the characters that each of them has."""


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
    missing = {sign for sign in text if sign.isprintable() and not can_draw(sign)}
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


def _is_usable(entry: font_manager.FontEntry) -> bool:
    """Tell whether a font is an upright one that a PDF can hold."""
    plain = (entry.style, entry.variant, entry.stretch) == ("normal", "normal", "normal")
    return (
        plain
        and str(entry.weight) in ("400", "normal", "regular")
        and (entry.fname.lower().endswith(".ttf"))
    )
