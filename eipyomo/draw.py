"""Distributions of instances, stated so that everybody draws the same ones: :class:`Draw`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import BeforeValidator, ConfigDict, Field, StrictStr, model_validator

from eipyomo.channel import DISTANCE_M, PATH_LOSS_EXPONENT, mean_gain
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.files import require_unique
from eipyomo.instance import Instance
from eipyomo.ranges import PositiveOrRange, Range, number_text
from eipyomo.scaled import BITS_PER_MBIT, FloatColumn
from eipyomo.units import in_si
from eipyomo.users import Users
from eipyomo.validation import MOST_USERS, Count, Flag, Record, whole_number
from eipyomo.words import short, shown

SCHEMA: Final = "eipyomo/draw@1"

OF_ALL: Final = ("model_mbit", "path_loss_exponent", "bandwidth_mhz", "total_frequency_ghz")
"""Quantities of which an instance draws one, arguments of :meth:`.Instance.letter`."""
OF_USERS: Final = ("task_mbit", "distance_m", "mean_gain")
"""Quantities of which each user draws its own."""


def _range_of_seeds(value: Any) -> Any:
    """Read ``0:1000`` and pairs of whole numbers; what is neither stays to be refused."""
    if isinstance(value, str) and (found := re.fullmatch("([0-9]+):([0-9]+)", value)):
        value = tuple(map(int, found.groups()))
    if isinstance(value, list | tuple) and len(value) == 2:
        value = range(whole_number("seed", value[0], 0), whole_number("seed", value[1], 0))
    if isinstance(value, range) and not (value and value.start >= 0 and value.step == 1):
        raise ValueError
    return value


Seeds = Annotated[range, BeforeValidator(_range_of_seeds)]
"""Half-open: 0:1000 has no seed 1000."""


def _number(what: str) -> Any:
    """Describe a quantity for sentences."""
    words = f"a finite number > 0, or a range of such, as 8..32 or log(8..32) ({what})"
    return Field(description=words)


class Draw(Record):
    """How instances are drawn: what is fixed, what lies in which range, and the seeds.

    One seed is one instance, whatever else is drawn: each quantity has random numbers of its own,
    so that another range of one of them changes no other one, nor the channel. What is left out is
    as in :meth:`.Instance.letter`, and ``Draw(users=10).instance(3)`` is
    ``Instance.letter(users=10, seed=3)`` bit for bit.

    A quantity is a number or a range: ``(8, 32)`` or ``"8..32"``, ends included and evenly drawn,
    or ``"log(8..32)"``, evenly in the logarithm.

    Raises
    ------
    InputError
        If a value is not allowed, or values do not go together.

    Examples
    --------
    >>> import eipyomo as ei
    >>> draw = ei.Draw.from_text("users=10 seeds=0:1000 model_mbit=8..32")
    >>> len(draw), round(draw.instance(0).model_bits / 1e6, 3)
    (1000, 27.107)
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    users: Annotated[
        Count | None, Field(description=f"a whole number >= 1 and <= {MOST_USERS} (end users)")
    ] = None
    seeds: Annotated[
        Seeds, Field(description="whole numbers >= 0 such as 0:1000, which has no seed 1000")
    ] = range(1)
    model_mbit: Annotated[PositiveOrRange | None, _number("model size in Mbit")] = None
    path_loss_exponent: Annotated[PositiveOrRange | None, _number("path-loss exponent")] = None
    bandwidth_mhz: Annotated[PositiveOrRange | None, _number("band in MHz")] = None
    total_frequency_ghz: Annotated[
        PositiveOrRange | None, _number("CPU frequency of the server that tasks share, in GHz")
    ] = None
    task_mbit: Annotated[PositiveOrRange | None, _number("each user's task in Mbit")] = None
    distance_m: Annotated[PositiveOrRange | None, _number("each user's distance in m")] = None
    mean_gain: Annotated[
        PositiveOrRange | None, _number("each user's mean gain, in place of path loss")
    ] = None
    fading: Annotated[
        Flag, Field(description="true or false (whether gains are drawn around their means)")
    ] = True
    base: Annotated[
        Instance | None, Field(description="an instance whose data hold, its gains as means")
    ] = None
    settings: Annotated[
        tuple[StrictStr, ...],
        Field(description="a list of texts PATH=VALUE, whose values may be ranges"),
    ] = ()

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.base is not None:
            for key in ("users", *OF_ALL, "task_mbit", "distance_m"):
                if getattr(self, key) is not None:
                    raise InputError(
                        f"{key} is given together with a base, whose own it is: leave it out, or "
                        "change the base by settings"
                    )
        if self.mean_gain is not None:
            for key in ("path_loss_exponent", "distance_m"):
                if getattr(self, key) is not None:
                    raise InputError(f"{key} and mean_gain are given, but gains follow from one")
        self.instance(self.seeds.start)  # refused now, and not after all that comes before it
        return self

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the distribution that a text states, as on the command line.

        Parameters
        ----------
        text
            ``KEY=VALUE``, separated by blanks: keys of this class, and settings as for
            :meth:`.Instance.with_settings`, whose values may be ranges. ``base`` names an instance
            file.

        Raises
        ------
        InputError
            If it states none.
        """
        if not isinstance(text, str):
            raise InputError(f"a draw is {shown(text)}, but must be a text")
        values: dict[str, Any] = {}
        settings = []
        for word in _WORD.findall(text):
            key, sign, value = word.partition("=")
            if not sign or not value:
                raise InputError(f"a draw has {short(word)}, but must have KEY=VALUE")
            if key not in cls.model_fields or key == "settings":
                settings.append(word)
                continue
            require_unique([*values, key], "a draw has")
            values[key] = _READ.get(key, str)(value)
        return cls(**values, settings=settings)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the distribution that a document of schema ``eipyomo/draw@1`` states."""
        if not isinstance(document, Mapping):
            raise InputError(f"document is {shown(document)}, but must be an object")
        data = dict(document)
        schema = data.pop("schema", None)
        if schema != SCHEMA:
            raise InputError(f"schema is {short(schema)}, but a draw must have {SCHEMA!r}")
        if isinstance(data.get("base"), Mapping):
            data["base"] = Instance.from_dict(data["base"])
        return cls.of(data)

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution as a JSON document, in which what is left out stays left out."""
        said = {key: _in_json(value) for key, value in self._said().items()}
        return {"schema": SCHEMA, **said}

    def _said(self) -> dict[str, Any]:
        """Return the values that are not the usual ones."""
        usual = {key: field.default for key, field in type(self).model_fields.items()}
        return {key: value for key, value in self.data().items() if value != usual[key]}

    def __len__(self) -> int:
        """Return the number of seeds."""
        return len(self.seeds)

    def __str__(self) -> str:
        """Return the text that :meth:`from_text` reads; a base stands there by its name."""
        return " ".join([*self._words(), f"seeds={self.seeds.start}:{self.seeds.stop}"])

    def _words(self) -> list[str]:
        said = {key: value for key, value in self._said().items() if key != "seeds"}
        settings = said.pop("settings", ())
        return [f"{key}={_in_words(value)}" for key, value in said.items()] + list(settings)

    def instances(self) -> Iterator[Instance]:
        """Iterate over the instances of all seeds."""
        return map(self.instance, self.seeds)

    def instance(self, seed: int) -> Instance:
        """Return the instance of a seed, among `seeds` or not.

        Its name says what it was drawn from, and the seed.

        Raises
        ------
        InputError
            If the seed is no whole number >= 0, or what is drawn makes no instance.
        """
        seed = whole_number("seed", seed, 0)
        start = self._letter(seed) if self.base is None else self.base
        if set(self._said()) <= {"users", "seeds"}:
            return start
        users = Users(EndUser, {**start.users.columns, **self._columns(start, seed)})
        name = " ".join([*self._words(), f"seed={seed}"])
        return start.replace(users=users, name=name).with_settings(self.settings, seed=seed)

    def _letter(self, seed: int) -> Instance:
        """Return the letter's instance with what an instance draws one of."""
        given = {key: self._drawn(key, seed) for key in OF_ALL if getattr(self, key) is not None}
        fixed: dict[str, Any] = {key: float(value[0]) for key, value in given.items()}
        if self.users is not None:
            fixed["users"] = self.users
        return Instance.letter(**fixed, seed=seed)

    def _columns(self, start: Instance, seed: int) -> dict[str, FloatColumn]:
        """Return what each user has of its own."""
        count = len(start.users)
        fading = np.random.default_rng(seed).exponential(size=count) if self.fading else 1.0
        columns = {"channel_gain": self._mean_gains(start, seed) * fading}
        if self.task_mbit is not None:
            tasks_mbit = self._drawn("task_mbit", seed, count)
            in_si({"task_mbit": float(tasks_mbit.max())}, ("task_bits",))  # or refused
            columns["task_bits"] = tasks_mbit * BITS_PER_MBIT
        return columns

    def _mean_gains(self, start: Instance, seed: int) -> FloatColumn:
        """Return the mean gain of each user."""
        count = len(start.users)
        if self.mean_gain is not None:
            return self._drawn("mean_gain", seed, count)
        if self.base is not None:
            return start.users.numbers("channel_gain")
        (exponent,) = self._drawn("path_loss_exponent", seed, usual=PATH_LOSS_EXPONENT)
        distances_m = self._drawn("distance_m", seed, count, usual=DISTANCE_M)
        return np.array([mean_gain(exponent, distance_m) for distance_m in distances_m])

    def _drawn(self, key: str, seed: int, count: int = 1, usual: float = np.nan) -> FloatColumn:
        """Return so many numbers of a quantity."""
        value = getattr(self, key)
        if isinstance(value, Range):
            return value.drawn(seed, key, count)
        return np.full(count, usual if value is None else value)


def _in_json(value: Any) -> Any:
    """Return a value as a document has it."""
    if isinstance(value, range):
        return [value.start, value.stop]
    if isinstance(value, Instance):
        return value.to_dict()
    return str(value) if isinstance(value, Range) else value


def _in_words(value: Any) -> str:
    """Return a value as a text has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Instance):
        return short(value.name)
    return number_text(value) if isinstance(value, float) else str(value)


_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_FLAGS = {"true": True, "false": False}
_READ: Mapping[str, Callable[[str], Any]] = {
    "users": lambda text: int(text) if text.isdecimal() and text.isascii() else text,
    "fading": lambda text: _FLAGS.get(text, text),
    "base": Instance.from_json,
}
"""How values are read that neither are texts nor read by the fields themselves."""
