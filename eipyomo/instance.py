"""The data of one problem: devices, and what they share (sections II and IV).

Everything is in SI units, frozen and validated; see :mod:`eipyomo.scaled` for the units that
models see.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import numpy as np
from pydantic import Field, StrictStr, model_validator

from eipyomo.channel import (
    DISTANCE_M,
    PATH_LOSS_EXPONENT,
    dbm_to_watt,
    mean_gain,
    rayleigh_gains,
    rayleigh_quantile,
)
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.errors import InputError, InputWarning
from eipyomo.files import PathLike, about, read_document, write_document
from eipyomo.json_text import canonical
from eipyomo.modes import Mode, require_known_modes
from eipyomo.scaled import BITS_PER_MBIT, HZ_PER_GHZ, HZ_PER_MHZ, Scaled, scale
from eipyomo.settings import KNOWN, set_by
from eipyomo.summary import Summarised, Summary, counted, number
from eipyomo.units import in_si
from eipyomo.user_tables.reading import read_users
from eipyomo.users import AtLeastOne, Users
from eipyomo.validation import (
    FrozenMapping,
    Positive,
    Record,
    Whole,
    text_keys,
)
from eipyomo.words import clipped, short, shown

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = "eipyomo/instance@1"


class Instance(Summarised, Record):
    """One instance of problem (10), in SI units.

    Raises
    ------
    InputError
        With one sentence that names the key, the user, the value and what is allowed.
    """

    # What is derived has a slot of its own, outside the data that copies and pickles are made of.
    __slots__ = ("_scaled",)

    name: Annotated[StrictStr, Field(description="a text")] = ""
    bandwidth_hz: Annotated[Positive, Field(description="system bandwidth B in Hz")]
    model_bits: Annotated[Positive, Field(description="model size D_m in bit")]
    cycles_per_bit: Annotated[Positive, Field(description="CPU cycles per bit of task C")]
    total_energy_budget_j: Annotated[
        Positive | None,
        Field(description="a finite number > 0 (largest energy of all in J), or left out"),
    ] = None
    total_latency_budget_s: Annotated[
        Positive | None,
        Field(description="a finite number > 0 (largest sum of latencies in s), or left out"),
    ] = None
    modes: Annotated[
        Mapping[StrictStr, tuple[Mode, ...]] | None,
        Field(description="an object with lists of modes by their names, or left out"),
    ] = None
    min_participants: Annotated[
        Whole | None,
        Field(description="a whole number >= 1 (least number of users that train), or left out"),
    ] = None
    total_penalty_budget: Annotated[
        Positive | None,
        Field(description="a finite number > 0 (largest sum of the modes' penalties), or left out"),
    ] = None
    server: Annotated[EdgeServer, Field(description="an object (the edge server)")]
    users: Annotated[
        Users[EndUser], AtLeastOne(), Field(description="a non-empty list of end users")
    ]

    @model_validator(mode="after")
    def _users_are_told_apart(self) -> Self:
        places: dict[str, int] = {}
        for j, name in enumerate(self.users.texts("name")):
            if (first := places.setdefault(name, j)) != j:
                raise InputError(
                    f"users[{j}].name is {name!r}, but users[{first}] has that name already and "
                    "names must be unique"
                )
        try:
            self.name.encode()
        except UnicodeEncodeError:
            raise InputError("a name holds half a character, but must be valid Unicode") from None
        if self.modes is not None:
            object.__setattr__(self, "modes", FrozenMapping(self.modes))
        require_known_modes(self.modes or {}, self.users)
        if self.min_participants is not None and self.min_participants > len(self.users):
            raise InputError(
                f"min_participants is {self.min_participants}, but must be at most the number of "
                f"users, which is {len(self.users)}"
            )
        scaled = scale(
            self.bandwidth_hz,
            self.model_bits,
            self.cycles_per_bit,
            self.server,
            self.users,
            self.total_energy_budget_j,
            self.total_latency_budget_s,
            modes=self.modes,
            min_participants=self.min_participants,
            total_penalty_budget=self.total_penalty_budget,
        )
        object.__setattr__(self, "_scaled", scaled)
        return self

    @property
    def scaled(self) -> Scaled:
        """The instance as columns over users in scaled units."""
        scaled: Scaled = object.__getattribute__(self, "_scaled")
        return scaled

    @classmethod
    def letter(
        cls,
        users: int = 4,
        model_mbit: float = 16.0,
        path_loss_exponent: float = PATH_LOSS_EXPONENT,
        seed: int = 0,
        *,
        bandwidth_mhz: float = 20.0,
        task_mbit: float = 64.0,
        distance_m: float = DISTANCE_M,
        total_frequency_ghz: float | None = None,
        transmit_power_dbm: float = 23.0,
        max_frequency_ghz: float = 1.0,
        server_transmit_power_dbm: float = 33.0,
        server_frequency_ghz: float = 4.0,
        name: str | None = None,
    ) -> Self:
        """Return the letter's setting: Table I and the channel model of section IV.

        Parameters
        ----------
        users
            Number M of end users.
        model_mbit
            Model size D_m in Mbit.
        path_loss_exponent
            σ.
        seed
            Seed of the Rayleigh fading; one seed, one channel.
        bandwidth_mhz
            Band B in MHz; the same for any number of users unless given.
        task_mbit
            Task L of every user in Mbit.
        distance_m
            Distance of every user from the server in metres.
        total_frequency_ghz
            Total CPU frequency F of the server in GHz, if tasks have to share one (footnote 2).
        transmit_power_dbm, max_frequency_ghz
            p_j and f_max of every user, in dBm and GHz.
        server_transmit_power_dbm, server_frequency_ghz
            P_s and f_s of the server, in dBm and GHz.
        name
            Free text; made from the arguments if left out.
        """
        gains = rayleigh_gains(mean_gain(path_loss_exponent, distance_m), users, seed)
        noise = dbm_to_watt(-174.0)
        all_share = {"bandwidth_mhz": bandwidth_mhz, "model_mbit": model_mbit}
        shared = in_si(all_share, cls.model_fields)
        of_users = {
            "task_mbit": task_mbit,
            "transmit_power_dbm": transmit_power_dbm,
            "max_frequency_ghz": max_frequency_ghz,
        }
        of_server = {
            "transmit_power_dbm": server_transmit_power_dbm,
            "frequency_ghz": server_frequency_ghz,
        }
        known = EdgeServer.model_fields
        server = in_si(of_server, known, "server_")
        server |= in_si({"total_frequency_ghz": total_frequency_ghz}, known)
        same = {
            **in_si(of_users, KNOWN),
            "receive_power_w": 0.97e-3,
            "noise_density_w_per_hz": noise,
            "energy_coefficient": 0.5e-28,
            "energy_weight": 0.9,
            "latency_weight": 0.1,
            "previous_download_s": 1.0,
            "local_training_s": 1.0,
            "local_training_j": 0.04,
        }
        return cls(
            name=name
            if name is not None
            else f"letter M={users} D={model_mbit:g}Mbit sigma={path_loss_exponent:g} seed={seed}"
            + ("" if total_frequency_ghz is None else f" F={total_frequency_ghz:g}GHz"),
            **shared,
            cycles_per_bit=50.0,
            server=EdgeServer(**server, noise_density_w_per_hz=noise),
            users=Users(
                EndUser,
                {
                    "name": [f"eu{j}" for j in range(1, users + 1)],
                    "channel_gain": gains,
                    **{key: np.full(users, value) for key, value in same.items()},
                },
            ),
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the instance that a document of schema ``eipyomo/instance@1`` describes."""
        if not isinstance(document, Mapping):
            raise InputError(f"document is {shown(document)}, but must be an object")
        data = dict(document)
        schema = data.pop("schema", None)
        if schema != SCHEMA:
            state = "missing" if schema is None else short(schema)
            raise InputError(f"schema is {state}, but an instance must have {SCHEMA!r}")
        if "name" not in data:
            raise InputError("name is missing: free text is required")
        return cls.of(data)

    @classmethod
    def from_scenario(cls, scenario: PathLike | Mapping[str, Any]) -> Self:
        """Return what the file or document of a scenario makes; see :class:`eipyomo.Scenario`."""
        # Scenarios stand above instances, which therefore do not import them.
        return cls.of(import_module("eipyomo.scenario.reading").instance_of(scenario))

    @classmethod
    def from_json(cls, path: PathLike) -> Self:
        """Read an instance file (SI units): JSON, or MATLAB's by the suffix ``.mat``."""
        document = read_document(path, "instance")
        with about(path):
            return cls.from_dict(document)

    def to_dict(self) -> dict[str, Any]:
        """Return the instance as a JSON document, in which what is left out stays left out."""
        return {**self._without_users(), "users": list(self.users.records())}

    def _without_users(self) -> dict[str, Any]:
        shared = self.model_dump(mode="json", exclude_none=True, exclude={"users"})
        return {"schema": SCHEMA, **shared}

    def to_json(self, path: PathLike) -> None:
        """Write an instance file, by its suffix, replacing an existing one atomically."""
        write_document(path, {**self._without_users(), "users": self.users.records()})

    def digest(self) -> str:
        """Return a hash of all values, the free-text name left out."""
        document = self.to_dict()
        del document["name"]
        return hashlib.sha256(canonical(document).encode()).hexdigest()

    def _summary(self) -> Summary:
        facts = (
            counted(len(self.users), "user"),
            number("bandwidth", self.bandwidth_hz / HZ_PER_MHZ, "MHz"),
            number("model", self.model_bits / BITS_PER_MBIT, "Mbit"),
            number("server", self.server.frequency_hz / HZ_PER_GHZ, "GHz"),
        )
        return Summary(self.name, facts, self.users.records(), len(self.users))

    def users_frame(self) -> pd.DataFrame:
        """Return the end users as a table, one row each, SI units in the column names."""
        import pandas as pd

        return pd.DataFrame(dict(self.users.columns))

    def with_users(self, users: pd.DataFrame | PathLike) -> Self:
        """Return this instance with other end users.

        Parameters
        ----------
        users
            A table with columns of :meth:`users_frame`, or a file of one: text with any separator,
            ``.xlsx`` or ``.parquet``. Titles may have :mod:`other units <eipyomo.units>`, as
            ``task_mbit`` or ``Transmit power [dBm]``. ``name`` and ``channel_gain``, or in its
            place ``distance_m``, must be there. Else what is left out or blank is what all users of
            this instance have alike, or the letter's; see ``docs/tables.md``.

        Warns
        -----
        InputWarning
            Of what was filled, and of values that smell wrong.

        Raises
        ------
        InputError
            With all that is wrong with the table.
        """
        letter = type(self).letter(users=1).users
        found, remarks = read_users(users, self.users, letter)
        for remark in remarks:
            warnings.warn(remark, InputWarning, stacklevel=2)
        with about(users):
            return self.replace(users=found)

    def replace(self, **changes: Any) -> Self:
        """Return this instance with other values for some keys, checked like any other.

        Parameters
        ----------
        **changes
            Keys of the instance, in SI or in :mod:`other units <eipyomo.units>`, as ``model_mbyte``
            or ``bandwidth_mhz``, here and in what follows. For ``server`` some of its keys are
            enough, and for ``users`` some keys of some users by their names:
            ``users={"eu1": {"task_bits": 1e6}}``. A list of whole users, in SI, takes the place of
            all.

        Raises
        ------
        InputError
            If a key or a user is unknown, or a value is not allowed.
        """
        changes = in_si(changes, type(self).model_fields)
        server, users = changes.get("server"), changes.get("users")
        if isinstance(server, Mapping):
            told = in_si(text_keys(server), EdgeServer.model_fields, "server.")
            changes["server"] = {**self.server.data(), **told}
        if isinstance(users, Mapping):
            changes["users"] = self._changed_users(users)
        return super().replace(**changes)

    def _changed_users(self, changes: Mapping[str, Any]) -> list[Any]:
        """Return the users with other values for some keys of those that are named."""
        places = {name: j for j, name in enumerate(self.users.texts("name"))}
        users: list[Any] = list(self.users.records())
        for name, change in changes.items():
            if name not in places:
                raise InputError(
                    f"users has {short(name)}, but the users are: {clipped(', '.join(places))}"
                )
            if not isinstance(change, Mapping):
                raise InputError(
                    f"users[{places[name]}] (user {name!r}) is {short(change)}, but must be an "
                    "object with the keys to change"
                )
            told = in_si(text_keys(change), KNOWN, f"users[{places[name]}].")
            users[places[name]].update(told)
        return users

    def pessimistic(self, outage: float = 0.05) -> Self:
        """Return this instance with gains that Rayleigh fading around those here rarely misses.

        Parameters
        ----------
        outage
            Probability, above 0 and below 1, with which each user's gain is lower than that.
        """
        gains = self.users.numbers("channel_gain") * rayleigh_quantile(outage)
        return self.replace(users=Users(EndUser, {**self.users.columns, "channel_gain": gains}))

    def with_settings(self, settings: Sequence[str], *, seed: int | None = None) -> Self:
        """Return this instance with what texts such as ``bandwidth_hz=4e7`` set.

        Parameters
        ----------
        settings
            Texts ``PATH=VALUE``. A path is a key of the instance, ``server.KEY``,
            ``users[NAME].KEY``, ``users[PLACE].KEY`` with places from 0, or ``users[*].KEY`` for
            all; a name in quotes is never a place or all. Later texts are applied after earlier
            ones, and the instance that comes out is checked. ``null`` leaves a key out, and
            ``PATH*=FACTOR`` multiplies the number that is there. Keys may be in :mod:`other units
            <eipyomo.units>`, as ``users[*].transmit_power_dbm``.
        seed
            With a seed a value may be a range as well, ``8..32`` or ``log(8..32)``, from which each
            user that the path names draws a number of its own; see :class:`~eipyomo.draw.Draw`.

        Raises
        ------
        InputError
            If a text is no setting, a path leads nowhere or stands twice, or a value is not
            allowed.
        """
        server, users = self.server.data(), list(self.users.records())
        data = {**self.data(), "server": server, "users": users}
        set_by(settings, data, seed)
        return type(self)(**data) if settings else self


USER_COLUMNS: Final = tuple(key for key, one in EndUser.model_fields.items() if one.is_required())
USER_LIMITS: Final = tuple(key for key in EndUser.model_fields if key not in USER_COLUMNS)
"""Columns of a table of end users, and those that may be left out, or blank."""
