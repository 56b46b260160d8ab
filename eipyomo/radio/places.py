"""Where users are around a server: told, read from a table, or drawn in a disc, hexagon or street.

The server stands at (0, 0); x and y are in metres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

import numpy as np
from pydantic import BeforeValidator, Field, StrictStr, model_validator

from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, number_or_text, read_csv, read_text, require_unique
from eipyomo.radio.path_loss import FloatColumn
from eipyomo.radio.projection import local_metres
from eipyomo.users import AtLeastOne, Users
from eipyomo.validation import (
    MOST_USERS,
    Count,
    Finite,
    Flag,
    NonNegative,
    Positive,
    Record,
)
from eipyomo.words import short


class Standing(NamedTuple):
    """Where all users are: names, and arrays of shape (users,) in m; NaN for no height."""

    names: tuple[str, ...]
    x_m: FloatColumn
    y_m: FloatColumn
    height_m: FloatColumn


class Places(Record):
    """A description of where users are; see the classes that are made of this one."""

    def standing(self, seed: int) -> Standing:
        """Return where all users are; the same seed, the same places."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the description as an object of a document."""
        told = {key: value for key, value in self.data().items() if value is not None}
        names = {"names": list(told.pop("names"))} if "names" in told else {}
        return {"shape": told.pop("shape"), **names, **told}


class Place(Record):
    """Where one user is."""

    of_a_user = True

    name: Annotated[StrictStr, Field(min_length=1, description="a non-empty text, unique")]
    x_m: Annotated[Finite, Field(description="place east of the server in m")]
    y_m: Annotated[Finite, Field(description="place north of the server in m")]
    height_m: Annotated[
        Positive | None,
        Field(description="a finite number > 0 (height of the antenna in m), or left out"),
    ] = None


class Listed(Places):
    """Users whose places are known."""

    shape: Annotated[Literal["listed"], Field(description="'listed'")] = "listed"
    positions: Annotated[
        Users[Place], AtLeastOne(), Field(description="a non-empty list of places")
    ]

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        require_unique(self.positions.texts("name"), "positions has the name")
        return self

    def standing(self, seed: int) -> Standing:
        """Return the places."""
        del seed
        x_m, y_m, height_m = map(self.positions.numbers, ("x_m", "y_m", "height_m"))
        return Standing(self.positions.texts("name"), x_m, y_m, height_m)

    def to_dict(self) -> dict[str, Any]:
        """Return the places as an object of a document."""
        return {"shape": self.shape, "positions": list(self.positions.records())}


def _names(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Drawn(Places):
    """Users that are drawn evenly over an area, so many or one for each name.

    Row by row: more users change no place of those before them.
    """

    users: Annotated[
        Count | None,
        Field(description=f"a whole number >= 1 and <= {MOST_USERS}, or left out"),
    ] = None
    names: Annotated[
        tuple[StrictStr, ...] | None,
        BeforeValidator(_names),
        Field(description="a list of names, one a user, or left out"),
    ] = None
    min_distance_m: Annotated[
        NonNegative, Field(description="least distance from the server in m")
    ] = 10.0

    @model_validator(mode="after")
    def _has_users(self) -> Self:
        if (self.users is None) == (not self.names):
            raise InputError("users or names is required, and not both: how many users there are")
        require_unique(self.names or (), "names has")
        if self.min_distance_m >= self._reach_m():
            raise InputError(
                f"min_distance_m is {self.min_distance_m:g}, but must be less than "
                f"{self._reach_m():g}, the distance of the furthest place"
            )
        return self

    def standing(self, seed: int) -> Standing:
        """Draw the places; those too near to the server, or outside, are drawn again."""
        names = self.names or tuple(f"eu{j}" for j in range(1, (self.users or 0) + 1))
        count = len(names)
        generator = np.random.default_rng([seed, *b"places"])
        x_m, y_m = np.empty(0), np.empty(0)
        while len(x_m) < count:
            more_x_m, more_y_m = self._tried(generator.random((max(count, 64), 2)))
            kept = self._holds(more_x_m, more_y_m)
            kept &= np.hypot(more_x_m, more_y_m) >= self.min_distance_m
            x_m, y_m = np.append(x_m, more_x_m[kept]), np.append(y_m, more_y_m[kept])
        return Standing(names, x_m[:count], y_m[:count], np.full(count, np.nan))

    def _reach_m(self) -> float:
        """Return the distance of the furthest place."""
        raise NotImplementedError

    def _tried(self, chance: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
        """Return places by pairs of numbers from 0 to 1, as many or more than there are."""
        raise NotImplementedError

    def _holds(self, x_m: FloatColumn, y_m: FloatColumn) -> Any:
        """Tell which places lie in the area."""
        del y_m
        return np.ones(len(x_m), np.bool_)


Radius = Annotated[Positive, Field(description="radius in m")]


class Disc(Drawn):
    """A disc around the server."""

    shape: Annotated[Literal["disc"], Field(description="'disc'")] = "disc"
    radius_m: Radius

    def _reach_m(self) -> float:
        return self.radius_m

    def _tried(self, chance: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
        least = (self.min_distance_m / self.radius_m) ** 2
        radius_m = self.radius_m * np.sqrt(least + (1.0 - least) * chance[:, 0])
        angle = 2.0 * math.pi * chance[:, 1]
        return radius_m * np.cos(angle), radius_m * np.sin(angle)


class Hexagon(Drawn):
    """A hexagon around the server, whose corners are `radius_m` away: one of them to the east."""

    shape: Annotated[Literal["hexagon"], Field(description="'hexagon'")] = "hexagon"
    radius_m: Radius

    def _reach_m(self) -> float:
        return self.radius_m

    def _tried(self, chance: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
        across = math.sqrt(3.0) * self.radius_m
        return self.radius_m * (2.0 * chance[:, 0] - 1.0), across * (chance[:, 1] - 0.5)

    def _holds(self, x_m: FloatColumn, y_m: FloatColumn) -> Any:
        slope = math.sqrt(3.0)
        return slope * np.abs(x_m) + np.abs(y_m) <= slope * self.radius_m


class Street(Drawn):
    """A street from west to east, with the server in its middle."""

    shape: Annotated[Literal["street"], Field(description="'street'")] = "street"
    length_m: Annotated[Positive, Field(description="length in m")]
    width_m: Annotated[Positive, Field(description="width in m")] = 20.0

    def _reach_m(self) -> float:
        return math.hypot(self.length_m, self.width_m) / 2.0

    def _tried(self, chance: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
        return self.length_m * (chance[:, 0] - 0.5), self.width_m * (chance[:, 1] - 0.5)


class Radial(Drawn):
    """Distances from the server that are drawn evenly, as no area has them, in all directions.

    Many papers place users so. With `spaced` distances go from the least to `radius_m` in equal
    steps, by the number of users; only directions are drawn then.
    """

    shape: Annotated[Literal["radial"], Field(description="'radial'")] = "radial"
    radius_m: Radius
    spaced: Annotated[Flag, Field(description="true or false (whether in equal steps)")] = False

    def standing(self, seed: int) -> Standing:
        """Draw the places; those in equal steps keep the directions that are drawn."""
        drawn = super().standing(seed)
        if not self.spaced:
            return drawn
        even_m = np.linspace(self.min_distance_m, self.radius_m, len(drawn.names))
        outwards = even_m / np.hypot(drawn.x_m, drawn.y_m)
        return drawn._replace(x_m=drawn.x_m * outwards, y_m=drawn.y_m * outwards)

    def _reach_m(self) -> float:
        return self.radius_m

    def _tried(self, chance: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
        radius_m = self.min_distance_m + (self.radius_m - self.min_distance_m) * chance[:, 0]
        angle = 2.0 * math.pi * chance[:, 1]
        return radius_m * np.cos(angle), radius_m * np.sin(angle)


SHAPES: Final[Mapping[str, type[Places]]] = {
    "listed": Listed,
    "disc": Disc,
    "hexagon": Hexagon,
    "street": Street,
    "radial": Radial,
}
"""Descriptions of places by their names in documents."""

METRES, DEGREES = ("x_m", "y_m"), ("latitude_deg", "longitude_deg")
SERVER: Final = "server"
"""Name of the row that tells where the server is."""


def read_places(path: PathLike, server: Sequence[float] | None = None) -> Listed:
    """Read the places of users from a CSV file.

    Columns are ``name``; ``x_m`` and ``y_m``, or ``latitude_deg`` and ``longitude_deg``; and, if
    antennas have heights of their own, ``height_m``.

    Parameters
    ----------
    path
        The file.
    server
        Where the server is, in the file's own coordinates. If left out, that is the row named
        ``server``; without one it is (0, 0) in metres.

    Raises
    ------
    InputError
        With the line and what is wrong in it.
    """
    header = read_text(path, "places").partition("\n")[0]
    pair = DEGREES if DEGREES[0] in header else METRES
    frame = read_csv(path, "places", ("name", *pair), ("height_m",))
    with about(path):
        rows = [
            _row(line, row, pair)
            for line, row in zip(frame.index, frame.to_dict("records"), strict=True)
        ]
        require_unique([str(row["name"]) for row in rows], "places has the name")
        users = [row for row in rows if row["name"] != SERVER]
        told = [tuple(row[key] for key in pair) for row in rows if row["name"] == SERVER]
        if not users:
            raise InputError("places has no users, but must have one row for each")
        origin = _origin(server, told, pair)
        first, second = (np.array([row[key] for row in users]) for key in pair)
        if pair == DEGREES:
            x_m, y_m = local_metres(first, second, origin)
        else:
            x_m, y_m = first - origin[0], second - origin[1]
        return Listed(positions=[_place(*one) for one in zip(users, x_m, y_m, strict=True)])


def _row(line: Any, row: Mapping[Any, str], pair: Sequence[str]) -> dict[str, Any]:
    """Return a row with its numbers."""
    found: dict[str, Any] = {"name": row["name"]}
    if not row["name"].strip():
        raise InputError(f"line {line}: name is blank, but must be a non-empty text, unique")
    for key in (*pair, "height_m"):
        text = row.get(key, "")
        if key == "height_m" and not text.strip():
            continue
        value = number_or_text(text)
        fits = LIMITS.get(key, math.isfinite)
        if not isinstance(value, float) or not fits(value):
            raise InputError(
                f"line {line}: {key} (user {short(row['name'])}) is "
                f"{short(text) if text.strip() else 'blank'}, but must be {ALLOWED[key]}"
            )
        found[key] = value
    return found


LIMITS: Final[Mapping[str, Callable[[float], bool]]] = {
    "latitude_deg": lambda value: -89.0 <= value <= 89.0,
    "longitude_deg": lambda value: -180.0 <= value <= 180.0,
    "height_m": lambda value: 0.0 < value < math.inf,
}
ALLOWED: Final = {
    "x_m": "a finite number (m)",
    "y_m": "a finite number (m)",
    "latitude_deg": "a number from -89 to 89 (degrees north)",
    "longitude_deg": "a number from -180 to 180 (degrees east)",
    "height_m": "a finite number > 0 (m), or blank",
}


def _origin(
    server: Sequence[float] | None, told: Sequence[Sequence[float]], pair: Sequence[str]
) -> tuple[float, float]:
    """Return where the server is, in the coordinates of a table."""
    if server is not None:
        if told:
            raise InputError("server is given, but places has a row of that name: leave one out")
        numbers = [float(one) for one in server]
        if len(numbers) != 2 or not all(map(math.isfinite, numbers)):
            raise InputError(f"server is {short(server)}, but must be {pair[0]} and {pair[1]}")
        return numbers[0], numbers[1]
    if told:
        return told[0][0], told[0][1]
    if pair == DEGREES:
        raise InputError(
            "places has no row named 'server', but must tell its latitude_deg and longitude_deg "
            "there, or be read with server=(latitude, longitude)"
        )
    return 0.0, 0.0


def _place(row: Mapping[str, Any], x_m: float, y_m: float) -> dict[str, Any]:
    height = {"height_m": row["height_m"]} if "height_m" in row else {}
    return {"name": row["name"], "x_m": float(x_m), "y_m": float(y_m), **height}
