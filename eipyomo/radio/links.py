"""The gains of a cell's users, kept with what made them: channel, places and seed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import numpy as np
from pydantic import BeforeValidator, Field, InstanceOf

from eipyomo.claims.values import compare
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, write_document
from eipyomo.instance import Instance
from eipyomo.radio.channel import Channel, chosen
from eipyomo.radio.path_loss import FlagColumn, FloatColumn, Limit, PathLoss, Paths, require_apart
from eipyomo.radio.places import SHAPES, Places
from eipyomo.radio.tr38901 import Case, Standard
from eipyomo.users import Users
from eipyomo.validation import Record, Seed, require_kind
from eipyomo.words import clipped, short, shown

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = "eipyomo/links@1"
MOST_CORRELATED = 4000
"""So many users may have shadowing that is correlated; what it takes grows with their cube."""

_log = logging.getLogger(__name__)


class Made(Record):
    """What links are made of."""

    channel: Annotated[Channel, Field(description="an object (the channel)")] = Channel()
    places: Annotated[
        InstanceOf[Places],
        BeforeValidator(partial(chosen, key="shape", kinds=SHAPES)),
        Field(description="an object (where users are)"),
    ]
    seed: Annotated[Seed, Field(description="a whole number >= 0")] = 0


@dataclass(frozen=True, eq=False)
class Links:
    """The links between a server and its users, made by :meth:`draw` alone.

    Each thing that is drawn has random numbers of its own, so that another channel changes no
    place, and more users change nothing of those before them.

    Attributes
    ----------
    channel, places, seed
        What made them.
    names
        Names of the users.
    x_m, y_m
        Places east and north of the server in m, (users,).
    height_m
        Heights of antennas that were told, in m, (users,); NaN for others.
    line_of_sight
        Whether a user sees the server, (users,); true where the path loss does not ask.
    path_loss_db, shadowing_db
        What the power loses on its way, in dB, (users,).
    fading
        Power gains of mean 1 in the first round, (users,).
    mean_gains
        Channel power gains by path loss, shadowing and antennas, (users,).
    gains
        Channel power gains h_j in the first round, with fading, (users,).
    """

    channel: Channel
    places: Places
    seed: int
    names: tuple[str, ...]
    x_m: FloatColumn
    y_m: FloatColumn
    height_m: FloatColumn
    line_of_sight: FlagColumn
    path_loss_db: FloatColumn
    shadowing_db: FloatColumn
    fading: FloatColumn
    mean_gains: FloatColumn
    gains: FloatColumn

    @classmethod
    def draw(
        cls, channel: Channel | Mapping[str, Any], places: Places | Mapping[str, Any], seed: int = 0
    ) -> Self:
        """Draw the links of users; the same arguments, the same links.

        Parameters
        ----------
        channel
            What the channel is made of, or the object of a document that says so.
        places
            Where users are, likewise.
        seed
            Whole number >= 0.

        Raises
        ------
        InputError
            If an argument is not allowed, the path loss does not hold at a user's place, or more
            power would arrive than is sent.
        """
        made = Made(channel=channel, places=places, seed=seed)
        channel, seed, loss = made.channel, made.seed, made.channel.path_loss
        names, x_m, y_m, height_m = made.places.standing(seed)
        ground_m, count = np.hypot(x_m, y_m), len(names)
        if not isinstance(loss, Standard):
            require_apart(names, ground_m)
        for limit in loss.limits(ground_m, height_m):
            _hold(limit, names, channel)
        seen = _line_of_sight(loss, ground_m, height_m, seed)
        chance = np.random.default_rng([seed, *b"environment"]).random((count, 2))
        paths = Paths(ground_m, height_m, seen, chance)
        shadowing_db = _shadowing_db(channel, x_m, y_m, seen, seed)
        antennas_db = channel.server_antenna_dbi + channel.user_antenna_dbi
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            means = loss.mean_gains(paths) * 10.0 ** ((antennas_db - shadowing_db) / 10.0)
        fading = channel.fading.drawn(np.random.default_rng(seed), count)
        _require_loss(names, ground_m, means)
        losses_db = loss.loss_db(paths)
        return cls(
            channel, made.places, seed, names, x_m, y_m, height_m, seen, losses_db, shadowing_db,
            fading, means, means * fading,
        )  # fmt: skip

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the links that a document of schema ``eipyomo/links@1`` describes, drawn anew.

        Raises
        ------
        InputError
            If it describes none.
        ClaimError
            If it has users whose numbers are not what its channel, places and seed make.
        """
        if not isinstance(document, Mapping):
            raise InputError(f"document is {shown(document)}, but must be an object")
        data = dict(document)
        schema, claimed = data.pop("schema", None), data.pop("users", None)
        if schema != SCHEMA:
            raise InputError(f"schema is {short(schema)}, but links must have {SCHEMA!r}")
        made = Made.of(data)
        links = cls.draw(made.channel, made.places, made.seed)
        if claimed is not None:
            compare(claimed, links.to_dict()["users"], "the document claims users")
        return links

    @classmethod
    def from_json(cls, path: PathLike) -> Self:
        """Read what :meth:`to_json` wrote, or a person who left ``users`` out."""
        document = read_document(path, "links")
        with about(path):
            return cls.from_dict(document)

    def to_dict(self) -> dict[str, Any]:
        """Return the links as a document: what made them, and what came out for every user."""
        rows = self.frame().astype(object)
        users = rows.where(rows.notna(), None).to_dict("records")
        return {
            "schema": SCHEMA,
            "channel": self.channel.to_dict(),
            "places": self.places.to_dict(),
            "seed": self.seed,
            "users": [
                {key: value for key, value in user.items() if value is not None} for user in users
            ],
        }

    def to_json(self, path: PathLike) -> None:
        """Write the document, replacing an existing one atomically."""
        write_document(path, self.to_dict())

    def frame(self) -> pd.DataFrame:
        """Return a table of the users: where they are, and what their gains are made of."""
        import pandas as pd

        return pd.DataFrame(
            {
                "name": list(self.names),
                "x_m": self.x_m,
                "y_m": self.y_m,
                "height_m": self.height_m,
                "distance_m": np.hypot(self.x_m, self.y_m),
                "line_of_sight": self.line_of_sight,
                "path_loss_db": self.path_loss_db,
                "shadowing_db": self.shadowing_db,
                "fading": self.fading,
                "channel_gain": self.gains,
            }
        )

    def faded(self, seed: int, round_: int) -> FloatColumn:
        """Return the gains of a round, (users,): block fading around the mean gains.

        The draw depends on the seed and the round alone. The first round is :attr:`gains`.
        """
        generator = np.random.default_rng([seed, round_ - 1])
        return self.mean_gains * self.channel.fading.drawn(generator, len(self.names))

    def order_in(self, instance: Instance) -> list[int]:
        """Return the places, in these links, of an instance's users.

        Raises
        ------
        InputError
            If the users are not the same ones by their names.
        """
        require_kind("instance", instance, Instance)
        own = {name: j for j, name in enumerate(self.names)}
        wanted = instance.users.texts("name")
        strange = [name for name in wanted if name not in own]
        if strange or len(wanted) != len(own):
            left = [name for name in own if name not in set(wanted)]
            lists = (("the instance", strange), ("the links", left))
            alone = [f"{who} alone {_listed(names)}" for who, names in lists if names]
            raise InputError(
                "the links must be those of the instance's users, by their names, but "
                f"{' and '.join(alone)}"
            )
        return [own[name] for name in wanted]

    def describe(self) -> str:
        """Return a few words on what made the links."""
        models = (self.channel.path_loss.data()["model"], self.places.data()["shape"])
        return f"{' '.join(models)} M={len(self.names)} seed={self.seed}"

    def instance(self, base: Instance | None = None) -> Instance:
        """Return an instance with these gains, and with the channel's noise densities.

        Parameters
        ----------
        base
            All else, whose users have the same names; the letter's if left out.
        """
        if base is None:
            letter = Instance.letter(users=len(self.names), name=self.describe())
            named = {**letter.users.columns, "name": list(self.names)}
            base = letter.replace(users=Users(EndUser, named))
        order = self.order_in(base)
        noise = self.channel.user_noise_density_w_per_hz
        columns = {
            **base.users.columns,
            "channel_gain": self.gains[order],
            "noise_density_w_per_hz": np.full(len(order), noise),
        }
        server = {"noise_density_w_per_hz": self.channel.server_noise_density_w_per_hz}
        return base.replace(users=Users(EndUser, columns), server=server)


def _listed(names: list[str]) -> str:
    return f"has {clipped(', '.join(map(repr, names)))}"


def _hold(limit: Limit, names: tuple[str, ...], channel: Channel) -> None:
    """Refuse what is beyond the ends of a path loss, or tell it."""
    places = np.flatnonzero(limit.outside())
    if not places.size:
        return
    who = f" of user {short(names[places[0]])}" if limit.of_users else ""
    more = f" (and of {len(places) - 1} more)" if len(places) > 1 else ""
    where = f"{limit.what}{who} is {limit.told[places[0]]:.6g} {limit.unit}{more}"
    holds = f"path loss {channel.path_loss.data()['model']!r} holds {limit}"
    if channel.outside == "refuse":
        raise InputError(f"{where}, but {holds}; outside='tell' takes it all the same")
    _log.warning("%s, where %s: the gains may be far from true", where, holds)


def _line_of_sight(
    loss: PathLoss, ground_m: FloatColumn, height_m: FloatColumn, seed: int
) -> FlagColumn:
    """Return who sees the server."""
    if not isinstance(loss, Standard):
        return np.ones(len(ground_m), np.bool_)
    if loss.sight != "drawn":
        return np.full(len(ground_m), loss.sight == "los")
    chance = np.random.default_rng([seed, *b"line of sight"]).random(len(ground_m))
    return np.asarray(chance < loss.los_probability(ground_m, height_m))


def _shadowing_db(
    channel: Channel, x_m: FloatColumn, y_m: FloatColumn, seen: FlagColumn, seed: int
) -> FloatColumn:
    """Draw the shadowing; users with a line of sight and those without have fields apart."""
    told = channel.shadowing
    drawn_db = np.zeros(len(x_m))
    if told is None:
        return drawn_db
    normal = np.random.default_rng([seed, *b"shadowing"]).standard_normal(len(x_m))
    for state in (True, False):
        users = np.flatnonzero(seen == state)
        case = Case(told.sigma_db or 0.0, told.correlation_m or 0.0)
        if isinstance(channel.path_loss, Standard):
            usual = channel.path_loss.los if state else channel.path_loss.nlos
            case = Case(
                usual.sigma_db if told.sigma_db is None else told.sigma_db,
                usual.correlation_m if told.correlation_m is None else told.correlation_m,
            )
        own = _correlated(normal[users], x_m[users], y_m[users], case.correlation_m)
        drawn_db[users] = case.sigma_db * own
    return drawn_db


def _correlated(
    normal: FloatColumn, x_m: FloatColumn, y_m: FloatColumn, correlation_m: float
) -> FloatColumn:
    """Return normal numbers whose correlation falls by exp(-distance / correlation distance)."""
    if correlation_m == 0.0 or len(normal) < 2:
        return normal
    if len(normal) > MOST_CORRELATED:
        raise InputError(
            f"{len(normal)} users have correlated shadowing, but must be at most "
            f"{MOST_CORRELATED}; with shadowing.correlation_m 0 there may be more"
        )
    apart_m = np.hypot(x_m[:, None] - x_m, y_m[:, None] - y_m)
    correlation = np.exp(-apart_m / correlation_m)
    correlation[np.diag_indices_from(correlation)] += 1e-9  # for users at the same place
    return np.asarray(np.linalg.cholesky(correlation) @ normal)


def _require_loss(names: tuple[str, ...], ground_m: FloatColumn, means: FloatColumn) -> None:
    """Refuse links over which more power arrives than is sent, or none at all."""
    wrong = np.flatnonzero(~((means > 0.0) & (means < 1.0)))
    if wrong.size:
        j = wrong[0]
        raise InputError(
            f"user {short(names[j])} at {ground_m[j]:.6g} m has a mean channel gain of "
            f"{means[j]:.3g}, but it must be above 0 and below 1: are distances in m, and antenna "
            "gains in dBi?"
        )
