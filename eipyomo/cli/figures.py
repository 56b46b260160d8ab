"""How commands write figures: by suffix, and whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from eipyomo import streams
from eipyomo.errors import InputError
from eipyomo.files import require_writable, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (".png", ".pdf", ".svg")


def require_figure_path(output: str | Path) -> Path:
    """Return where a figure will be written, before anything is computed for it.

    Raises
    ------
    InputError
        If its suffix is none of ``KINDS``, or nothing can be written there.
    """
    target = Path(output)
    if target.suffix.lower() not in KINDS:
        raise InputError(f"output is {str(target)!r}, but must end in .png, .pdf or .svg")
    require_writable(target)
    return target


def write_figure(figure: Figure, target: Path) -> None:
    """Write a figure, atomically, and say so."""
    image = io.BytesIO()
    figure.savefig(image, format=target.suffix.lower().removeprefix("."), dpi=200)
    write_atomically({target: image.getvalue()})
    streams.note(f"wrote {target}")
