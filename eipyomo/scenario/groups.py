"""Which users of a scenario have which device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eipyomo import catalog
from eipyomo.catalog.entries import Device
from eipyomo.errors import InputError
from eipyomo.scenario.facts import Finder, said
from eipyomo.scenario.parts import DeviceSection
from eipyomo.words import clipped, short

NEEDED = ("max_frequency_hz", "energy_coefficient")
"""What must be told of a device that the catalogue does not have."""

NO_DEVICE = "the letter's user"


class Group(NamedTuple):
    """Users that have the same device.

    Attributes
    ----------
    name
        Of the device.
    users
        Which users, by their places.
    entry
        What the catalogue has, if it has it.
    said
        Finds what the scenario says of it.
    """

    name: str
    users: Sequence[int]
    entry: Device | None
    said: Finder


def grouped(
    sections: Mapping[str, DeviceSection], document: Any, names: Sequence[str]
) -> list[Group]:
    """Return the users in groups of one device each.

    Numbers of users are given out in the order of the document; a device without one takes the
    rest, and numbers that add up to 1 are shares.

    Raises
    ------
    InputError
        If the catalogue lacks a device, or the numbers are not those of all users.
    """
    if not sections:
        return [Group(NO_DEVICE, range(len(names)), None, lambda _: None)]
    users = _given_out(sections, names)
    raw = document if isinstance(document, Mapping) else {}
    return [
        Group(name, users[name], _entry(name, one), said(one, raw.get(name), f"devices.{name}"))
        for name, one in sections.items()
    ]


def _entry(name: str, section: DeviceSection) -> Device | None:
    """Return a device of the catalogue; None for one that is told whole."""
    try:
        return catalog.device(name)
    except InputError as error:
        missing = [key for key in NEEDED if getattr(section, key) is None]
        if not missing:
            return None
        raise InputError(
            f"devices: {error}; one of your own needs {' and '.join(missing)} here"
        ) from None


def _given_out(
    sections: Mapping[str, DeviceSection], names: Sequence[str]
) -> dict[str, Sequence[int]]:
    """Return the places of each device's users."""
    found: dict[str, Sequence[int]] = {}
    left = {name: place for place, name in enumerate(names)}
    for device, one in sections.items():
        if isinstance(one.users, tuple):
            strange = [name for name in one.users if name not in left]
            if strange:
                raise InputError(
                    f"devices.{device}.users has {short(strange[0])}, but must have names of "
                    f"users, each with one device: {clipped(', '.join(left))}"
                )
            found[device] = [left.pop(name) for name in dict.fromkeys(one.users)]
    numbers = {
        name: one.users for name, one in sections.items() if not isinstance(one.users, tuple)
    }
    free, start = list(left.values()), 0
    for device, count in _counts(numbers, len(free)).items():
        found[device] = free[start : start + count]
        start += count
    return found


def _counts(numbers: Mapping[str, float | None], users: int) -> dict[str, int]:
    """Return how many users each device has, of numbers, shares, or the rest (None)."""
    told = {name: number for name, number in numbers.items() if number is not None}
    rest = [name for name, number in numbers.items() if number is None]
    total = sum(told.values())
    as_shares = math.isclose(total, 1.0) and not rest
    if told and (as_shares or all(number < 1.0 for number in told.values())):
        told = _rounded(told, users)
        total = sum(told.values())
        as_shares = True
    is_whole = all(number == int(number) for number in told.values())
    if not is_whole or len(rest) > 1 or total > users or (total < users and not rest):
        raise InputError(
            f"devices have {short(dict(numbers))} users, but places have {users} without a list of "
            "their own: whole numbers must add up to that, or shares to 1, and one device may be "
            "without, for the rest"
        )
    return {name: int(told.get(name, users - total)) for name in numbers}


def _rounded(shares: Mapping[str, float], users: int) -> dict[str, float]:
    """Return whole numbers of users near to shares, which add up as these do."""
    exact = {name: share * users for name, share in shares.items()}
    found = {name: math.floor(number + 1e-9) for name, number in exact.items()}
    more = round(sum(exact.values())) - sum(found.values())
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[:more]:
        found[name] += 1
    return {name: float(number) for name, number in found.items()}
