"""The presets that there are, read from the files of this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eipyomo.errors import InputError
from eipyomo.files import about, read_document
from eipyomo.instance import Instance
from eipyomo.presets.published import Preset
from eipyomo.radio.links import Links
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
FIRST = "letter"


def names() -> list[str]:
    """Return the names of all presets, the letter's first."""
    return sorted((file.stem for file in HERE.glob("*.json")), key=lambda one: (one != FIRST, one))


@cache
def _read(name: str) -> Preset:
    file = HERE / f"{name}.json"
    document = read_document(file, "preset")
    with about(file):
        return Preset.from_dict(document)


def preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in (known := names()):
        raise InputError(f"preset is {short(name)}, but must be one of: {', '.join(known)}")
    return _read(name)


def instance(name: str, users: int | None = None, seed: int = 0) -> Instance:
    """Return an instance in a published setting; see :meth:`.Preset.instance`.

    Examples
    --------
    >>> import eipyomo as ei
    >>> ei.presets.instance("lydroo", users=3, seed=1).name
    'lydroo M=3 seed=1'
    """
    return preset(name).instance(users, seed)


def links(name: str, users: int | None = None, seed: int = 0) -> Links | None:
    """Return what the gains of :func:`instance` are made of; None if the setting has no places."""
    return preset(name).links(users, seed)


def frame() -> pd.DataFrame:
    """Return a table of all presets, a row each."""
    import pandas as pd

    rows = []
    for one in map(preset, names()):
        paper = one.reference
        rows.append(
            {
                "name": one.name,
                "users": one.users,
                "year": paper.year,
                "summary": one.summary,
                "trivial": one.trivial,
                "reference": str(paper),
            }
        )
    return pd.DataFrame(rows)
