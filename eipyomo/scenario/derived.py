"""The instance that a scenario makes, every value of it with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eipyomo.devices import EdgeServer
from eipyomo.instance import Instance
from eipyomo.modes import Mode
from eipyomo.radio.links import Links
from eipyomo.scenario.facts import Fact, Facts, number
from eipyomo.scenario.groups import Group


class Told(NamedTuple):
    """A value's place in the instance, and where it comes from.

    Attributes
    ----------
    home, owner
        ``""``, ``"server"``, ``"users"`` or the list in ``modes``, and the user or mode there.
    key
        Of the instance.
    fact
        The value.
    group
        What has the same value for the same reason: a device, or a list of modes.
    """

    home: str
    owner: str
    key: str
    fact: Fact
    group: str

    @property
    def path(self) -> str:
        """The place as ``--set`` has it: ``users[eu1].task_bits``."""
        home = f"modes[{self.group}]" if self.home == "modes" else self.home
        owner = f"[{self.owner}]" if self.owner else ""
        return f"{home}{owner}.{self.key}".removeprefix(".")


@dataclass(frozen=True, eq=False)
class Derived:
    """What a scenario comes to.

    Attributes
    ----------
    name
        Of the instance.
    links
        Where users are, and what their gains are made of.
    shared, server
        What all users share.
    groups
        The users by their devices.
    users
        What each device's users have in common.
    modes
        Where they may cut the network, by the names of lists.
    told_modes
        The same, explained.
    """

    name: str
    links: Links
    shared: Facts
    server: Facts
    groups: Sequence[Group]
    users: Sequence[Facts]
    modes: Mapping[str, Sequence[Mode]]
    told_modes: Mapping[str, Sequence[Facts]]

    def instance(self) -> Instance:
        """Return the instance."""
        count = len(self.links.names)
        rows: list[dict[str, Any]] = [{} for _ in range(count)]
        for group, facts in zip(self.groups, self.users, strict=True):
            values = {key: fact.value for key, fact in facts.items()}
            for j in group.users:
                rows[j] = {"name": self.links.names[j], **values}
        for row, gain in zip(rows, self.links.gains.tolist(), strict=True):
            row["channel_gain"] = gain
        return Instance(
            name=self.name,
            **{key: fact.value for key, fact in self.shared.items()},
            server=EdgeServer(**{key: fact.value for key, fact in self.server.items()}),
            users=rows,
            modes=dict(self.modes) or None,
        )

    def told(self) -> Iterator[Told]:
        """Iterate over all values of the instance, but for names."""
        for key, fact in self.shared.items():
            yield Told("", "", key, fact, "")
        for key, fact in self.server.items():
            yield Told("server", "", key, fact, "")
        device_of = {j: at for at, group in enumerate(self.groups) for j in group.users}
        for j, name in enumerate(self.links.names):
            at = device_of[j]
            for key, fact in {"channel_gain": _gain(self.links, j), **self.users[at]}.items():
                yield Told("users", name, key, fact, self.groups[at].name)
        for where, rows in self.told_modes.items():
            for mode, facts in zip(self.modes[where], rows, strict=True):
                for key, fact in facts.items():
                    yield Told("modes", mode.name, key, fact, where)


def _gain(links: Links, j: int) -> Fact:
    """Return the fact of a user's channel gain."""
    channel = links.channel
    antennas_db = channel.server_antenna_dbi + channel.user_antenna_dbi
    loss_db, shadowing_db = float(links.path_loss_db[j]), float(links.shadowing_db[j])
    given = f"10^(({number(antennas_db)} - {number(loss_db)} - {number(shadowing_db)}) / 10)"
    distance_m = float((links.x_m[j] ** 2 + links.y_m[j] ** 2) ** 0.5)
    loss = channel.path_loss
    sight = ""
    if loss.has_sight:
        sight = ", line of sight" if links.line_of_sight[j] else ", no line of sight"
    return Fact(
        float(links.gains[j]),
        "drawn",
        f"{given} * {number(float(links.fading[j]))}",
        "10^((antennas - path loss - shadowing in dB) / 10) * fading",
        f"{loss.data()['model']} at {distance_m:.4g} m{sight}, {channel.fading.law} fading, "
        f"seed {links.seed}",
    )
