"""The files of the catalogue, read once, and how their rows are found by name."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from eipyomo.catalog.entries import Device, Entry, Radio
from eipyomo.catalog.layered import Layer, Network
from eipyomo.errors import InputError
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd

DATA: Final = Path(__file__).parent / "data"
SCHEMA: Final = "eipyomo/catalog@1"
SHELVES: Final = ("networks", "devices", "radios")
LAYER_KEYS: Final = ("name", "block", "macs", "parameters", "outputs")
"""Columns of a layer in the file of networks."""

Row = TypeVar("Row", bound=Network | Device | Radio)
EntryKind = TypeVar("EntryKind", bound=Entry)


def networks() -> pd.DataFrame:
    """Return a table of the networks: sizes, work and the source of each."""
    import pandas as pd

    return pd.DataFrame(network.row() for network in all_networks())


def devices() -> pd.DataFrame:
    """Return a table of the devices in SI units; ``explain`` of each has the sources."""
    import pandas as pd

    return pd.DataFrame(device.row() for device in all_devices())


def radios() -> pd.DataFrame:
    """Return a table of the radios in SI units; ``explain`` of each has the sources."""
    import pandas as pd

    return pd.DataFrame(radio.row() for radio in all_radios())


def network(name: str) -> Network:
    """Return a network of the catalogue.

    Parameters
    ----------
    name
        Its name or another one of it; case, blanks and hyphens do not matter.

    Raises
    ------
    InputError
        If there is none; the sentence has the nearest names.
    """
    return _found("network", name, all_networks())


def device(name: str) -> Device:
    """Return a device of the catalogue; name and errors as for :func:`network`."""
    return _found("device", name, all_devices())


def radio(name: str) -> Radio:
    """Return a radio of the catalogue; name and errors as for :func:`network`."""
    return _found("radio", name, all_radios())


def anything(name: str) -> Network | Device | Radio:
    """Return what the catalogue has of a name, in any of its parts; errors as for `network`."""
    rows: list[Network | Device | Radio] = [*all_networks(), *all_devices(), *all_radios()]
    return _found("entry", name, rows)


@functools.cache
def all_networks() -> tuple[Network, ...]:
    """Return the networks in the order of their file."""
    return tuple(map(_network, _document("networks")["networks"]))


@functools.cache
def all_devices() -> tuple[Device, ...]:
    """Return the devices in the order of their file."""
    return _entries(Device, "devices")


@functools.cache
def all_radios() -> tuple[Radio, ...]:
    """Return the radios in the order of their file."""
    return _entries(Radio, "radios")


def _document(shelf: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / f"{shelf}.json").read_text(encoding="utf-8"))
    return document


def _network(row: Mapping[str, Any]) -> Network:
    layers = [Layer(**dict(zip(LAYER_KEYS, layer, strict=True))) for layer in row["layers"]]
    return Network(**{**row, "layers": layers})


def _entries(kind: type[EntryKind], shelf: str) -> tuple[EntryKind, ...]:
    document = _document(shelf)
    return tuple(kind.of_row(row, document["sources"]) for row in document[shelf])


def _plain(name: str) -> str:
    """Return a name without what does not matter in it."""
    return "".join(sign for sign in name.casefold() if sign.isalnum() or sign == "+")


def _found(what: str, name: Any, rows: Sequence[Row]) -> Row:
    """Return the row of a name."""
    if not isinstance(name, str):
        raise InputError(f"the name of a {what} is {shown(name)}, but must be a text")
    by_name = {_plain(word): row for row in rows for word in (row.name, *row.aliases)}
    if _plain(name) in by_name:
        return by_name[_plain(name)]
    raise InputError(f"the catalogue has no {what} {shown(name)}, but {_nearest(name, by_name)}")


def _nearest(name: str, by_name: Mapping[str, Any]) -> str:
    """Say which names are near, or all of them."""
    plain = _plain(name)
    inside = [word for word in by_name if plain and (plain in word or plain.startswith(word))]
    near = [*inside, *difflib.get_close_matches(plain, by_name, n=3, cutoff=0.5)]
    names = _unique(by_name[word].name for word in near)[:5]
    if names:
        return f"near that: {', '.join(names)}"
    return f"these: {', '.join(_unique(row.name for row in by_name.values()))}"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
