"""What a dataset holds: its arrays, and the same numbers as a table with a row for each sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo.features import OF_A_USER, SYSTEM

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
Rows = NDArray[np.float64]
"""Shape (samples, :func:`width`)."""


class Column(NamedTuple):
    """What an array of a dataset holds.

    Attributes
    ----------
    per
        What it has one number of for each sample: "sample", "system" feature, "user", or
        "feature" of each user.
    kind
        Type of its numbers.
    unit, meaning
        For the datasheet.
    """

    per: str
    kind: type
    unit: str
    meaning: str


_LOG = "log10(quantity / usual), from -6 to 6"
COLUMNS: Final[Mapping[str, Column]] = {
    "seed": Column("sample", int, "", "seed of the instance in the draw"),
    "system": Column("system", float, _LOG, "features of what users share"),
    "users": Column("feature", float, _LOG, "features of each user"),
    "download": Column("user", bool, "", "download decision a"),
    "offload_fraction": Column("user", float, "", "offload fraction ι of the task"),
    "frequency_hz": Column("user", float, "Hz", "local CPU frequency f"),
    "uplink_share": Column("user", float, "", "share b of the band"),
    "downlink_share": Column("user", float, "", "share of the band, downlink"),
    "sync_s": Column("sample", float, "s", "sync time"),
    "wsel": Column("sample", float, "", "WSEL (10a) of the decisions, as evaluated"),
    "bound": Column("sample", float, "", "what is proven that no decisions cost less than"),
    "bandwidth_price": Column("sample", float, "1/MHz", "what one more MHz saves of WSEL"),
    "sync_price": Column("user", float, "1/s", "WSEL for each s that its upload ends later"),
    "delay_price": Column("user", float, "1/s", "WSEL for each s that its upload starts later"),
    "optimal": Column("sample", bool, "", "whether WSEL is within the gap of the bound"),
    "verified": Column("sample", bool, "", "whether the bound's certificate was verified"),
}
"""All arrays, in the order in which tables have them."""


def shapes(users: int) -> dict[str, tuple[int, ...]]:
    """Return the shape that each array has for one sample."""
    per = {
        "sample": (),
        "system": (len(SYSTEM),),
        "user": (users,),
        "feature": (users, len(OF_A_USER)),
    }
    return {key: per[column.per] for key, column in COLUMNS.items()}


def width(users: int) -> int:
    """Return how many numbers there are of each sample."""
    return sum(map(math.prod, shapes(users).values()))


def kinds_by_name(users: int) -> dict[str, type]:
    """Return the types of a table's columns by their names, which end in the users' numbers."""
    return dict(_names_and_kinds(range(1, users + 1)))


def _names_and_kinds(numbers: range) -> Iterator[tuple[str, type]]:
    for key, column in COLUMNS.items():
        names = {
            "sample": [key],
            "system": list(SYSTEM),
            "user": [f"{key}_{j}" for j in numbers],
            "feature": [f"{feature}_{j}" for j in numbers for feature in OF_A_USER],
        }
        yield from ((name, column.kind) for name in names[column.per])


def arrays_of(rows: Rows, users: int) -> dict[str, Array]:
    """Return the arrays of a table, each with its shape and type."""
    sizes = [math.prod(shape) for shape in shapes(users).values()]
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return {
        key: part.reshape(len(rows), *shape).astype(COLUMNS[key].kind)
        for (key, shape), part in zip(shapes(users).items(), parts, strict=True)
    }


def rows_of(arrays: Mapping[str, Any]) -> Rows:
    """Return the table of arrays."""
    samples = len(arrays["seed"])
    flat = [np.asarray(arrays[key], np.float64).reshape(samples, -1) for key in COLUMNS]
    return np.concatenate(flat, axis=1)


def frame_of(rows: Rows, users: int) -> pd.DataFrame:
    """Return a table with names and types of its columns."""
    import pandas as pd

    kinds = kinds_by_name(users)
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)
