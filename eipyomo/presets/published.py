"""A published setting: what is set to what, and where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, StrictStr, model_validator

from eipyomo.devices import EdgeServer, EndUser
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.radio.links import Links
from eipyomo.ranges import number_text
from eipyomo.units import unit_of
from eipyomo.validation import Finite, Flag, Record, Whole, whole_number
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = "eipyomo/preset@1"
DEFAULT: Final = "default"
"""Source of what the setting does not say: the letter's value stands for it."""

OF_LINKS: Final = ("channel", "places")
"""Beginnings of keys that make gains; all others are paths of an instance's settings."""

Text = Annotated[StrictStr, Field(min_length=1, description="a non-empty text")]


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Texts = Annotated[
    tuple[Text, ...], BeforeValidator(_tuple), Field(description="a list of non-empty texts")
]


class Reference(Record):
    """Where a setting was published."""

    authors: Texts
    title: Text
    venue: Text
    year: Whole
    doi: Annotated[Text | None, Field(description="a text, or left out")] = None
    arxiv: Annotated[Text | None, Field(description="a text, or left out")] = None

    def __str__(self) -> str:
        """Return the reference on one line."""
        last = [*self.authors[:-2], " and ".join(self.authors[-2:])]
        arxiv = f", arXiv {self.arxiv}" if self.arxiv else ""
        doi = f", doi {self.doi}" if self.doi else ""
        return f"{', '.join(last)}: {self.title}. {self.venue}, {self.year}{doi}{arxiv}"


class Given(Record):
    """One value of a setting.

    Attributes
    ----------
    key
        A path of :meth:`.Instance.with_settings`, in any of its units, as ``users[*].task_mbit``;
        or one that begins with ``channel.`` or ``places.``, as in ``eipyomo/links@1``;
        ``places.distance_m`` is the distance of all users.
    value
        A number, a flag or a text; for a path of users also a range, ``10..30``.
    source
        A key of the preset's sources, or ``default``.
    note
        Where it stands there, or how it follows from what stands there.
    """

    key: Text
    value: Annotated[
        Flag | Finite | StrictStr, Field(description="a finite number, true, false or a text")
    ]
    source: Text
    note: Text

    @property
    def is_of_links(self) -> bool:
        """Whether it makes gains."""
        return self.key.partition(".")[0] in OF_LINKS

    @property
    def setting(self) -> str:
        """The text that sets it in an instance."""
        value = self.value
        return f"{self.key}={number_text(value) if isinstance(value, float) else value}"


class Preset(Record):
    """A published setting, from which instances are drawn.

    Attributes
    ----------
    name, summary
        What it is called, and what it is about in one line.
    reference
        The paper.
    sources
        What values come from: the paper, files of its public code.
    users
        How many end users it has unless told otherwise.
    maps, leaves_out
        What of the paper's setting is in an instance of problem (10), and what is not.
    answer
        What optima look like.
    trivial
        ``"local"`` or ``"edge"`` if all users do the same on every channel that was tried, with the
        setting's own number of users.
    setting
        The values.
    """

    name: Text
    summary: Text
    reference: Reference
    sources: Annotated[Mapping[StrictStr, Text], Field(description="an object with texts")]
    users: Annotated[Whole, Field(description="a whole number >= 1 (end users)")]
    maps: Texts
    leaves_out: Texts
    answer: Text
    trivial: Annotated[
        Literal["local", "edge"] | None, Field(description="'local', 'edge', or left out")
    ] = None
    setting: Annotated[
        tuple[Given, ...], BeforeValidator(_tuple), Field(description="a list of values")
    ]

    @model_validator(mode="after")
    def _every_value_has_a_source(self) -> Self:
        known = {*self.sources, DEFAULT}
        for given in self.setting:
            if given.source not in known:
                raise InputError(
                    f"source of {given.key} is {short(given.source)}, but must be one of: "
                    f"{', '.join(sorted(known))}"
                )
        return self

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the preset that a document of schema ``eipyomo/preset@1`` describes."""
        data = dict(document)
        schema = data.pop("schema", None)
        if schema != SCHEMA:
            raise InputError(f"schema is {short(schema)}, but a preset must have {SCHEMA!r}")
        return cls.of(data)

    def to_dict(self) -> dict[str, Any]:
        """Return the preset as a document, what its setting leaves to the letter included."""
        told = self.data()
        return {
            "schema": SCHEMA,
            **{key: value for key, value in told.items() if value is not None},
            "reference": {k: v for k, v in self.reference.data().items() if v is not None},
            "setting": self.frame().to_dict("records"),
        }

    def links(self, users: int | None = None, seed: int = 0) -> Links | None:
        """Return the links of users; None if the setting has no places.

        Parameters
        ----------
        users
            How many; as many as in the setting if left out.
        seed
            Whole number >= 0.
        """
        told: dict[str, Any] = {kind: {} for kind in OF_LINKS}
        for given in self.setting:
            if given.is_of_links:
                *rooms, key = given.key.split(".")
                room = told
                for name in rooms:
                    room = room.setdefault(name, {})
                room[key] = given.value
        if not told["places"]:
            return None
        return Links.draw(told["channel"], _places(told["places"], self._count(users)), seed)

    def instance(self, users: int | None = None, seed: int = 0) -> Instance:
        """Return the instance of a seed; the same arguments, the same instance.

        Parameters
        ----------
        users, seed
            As for :meth:`links`.

        Raises
        ------
        InputError
            If an argument is not allowed.
        """
        count = self._count(users)
        links = self.links(count, seed)
        start = Instance.letter(users=count, seed=seed) if links is None else links.instance()
        settings = [given.setting for given in self.setting if not given.is_of_links]
        name = f"{self.name} M={count} seed={seed}"
        return start.with_settings(settings, seed=seed).replace(name=name)

    def _count(self, users: int | None) -> int:
        return self.users if users is None else whole_number("users", users, 1)

    def frame(self) -> pd.DataFrame:
        """Return a table of all values: ``key``, ``value``, ``source``, ``note``.

        Keys that the setting does not set stand there too, with the letter's values.
        """
        import pandas as pd

        rows = [given.data() for given in self.setting]
        said = {_si(given.key) for given in self.setting}
        if any(given.is_of_links for given in self.setting):
            said.add("users[*].channel_gain")
        rows += [
            {"key": key, "value": value, "source": DEFAULT, "note": "not stated: the letter's"}
            for key, value in _of_letter().items()
            if key not in said
        ]
        return pd.DataFrame(rows, columns=list(Given.model_fields))


def _places(told: Mapping[str, Any], users: int) -> dict[str, Any]:
    """Return an object of places: where so many users are drawn, or all at one distance."""
    if "distance_m" not in told:
        return {**told, "users": users}
    rows = [{"name": f"eu{j}", "x_m": told["distance_m"], "y_m": 0.0} for j in range(1, users + 1)]
    return {"shape": "listed", "positions": rows}


def _si(key: str) -> str:
    """Return a path with its last key in SI units."""
    where, dot, last = key.rpartition(".")
    rooms: dict[str, type[Record]] = {"server": EdgeServer, "users[*]": EndUser}
    return where + dot + unit_of(last, rooms.get(where, Instance).model_fields)[0]


def _of_letter() -> dict[str, float]:
    """Return the letter's values of all keys that an instance must have, by their paths."""
    letter = Instance.letter(users=1)
    parts = {"": letter, "server.": letter.server}
    found = {
        where + key: getattr(part, key)
        for where, part in parts.items()
        for key, field in type(part).model_fields.items()
        if field.is_required() and field.annotation is float
    }
    own = next(iter(letter.users.records()))
    return found | {f"users[*].{key}": value for key, value in own.items() if key != "name"}
