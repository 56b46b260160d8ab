"""Data told in texts: settings such as ``users[*].deadline_s=5``, and rows of CSV files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eipyomo.devices import EdgeServer, EndUser
from eipyomo.errors import InputError
from eipyomo.files import number_or_text, require_unique
from eipyomo.ranges import Range
from eipyomo.units import in_si, unit_of
from eipyomo.validation import is_positive
from eipyomo.words import clipped, one_line, short, shown

if TYPE_CHECKING:
    pass

TEXTS = ("name", "modes")
"""Keys of users whose texts are never numbers."""

KNOWN = EndUser.model_fields.keys()
"""Keys of users."""

_SETTING = re.compile(
    r"""(
        (?: (server)\. | users\[ ("[^"]*"|.*?) \]\. )?
        ([^][.=*\s"]+)
    ) (\*?)= (.*)""",
    re.VERBOSE | re.DOTALL,
)


def set_by(settings: Sequence[str], data: dict[str, Any], seed: int | None = None) -> None:
    """Change data as texts say, in place; see :meth:`.Instance.with_settings`.

    Parameters
    ----------
    settings
        Texts ``PATH=VALUE``, or ``PATH*=FACTOR``.
    data
        Of an instance, with those of its server and its users as dictionaries.
    seed
        Of what ranges draw, if there may be some.

    Raises
    ------
    InputError
        If a text is no setting, or a path leads nowhere or stands twice.
    """
    if not isinstance(settings, list | tuple) or not all(
        isinstance(setting, str) for setting in settings
    ):
        raise InputError(f"settings is {shown(settings)}, but must be a list of texts PATH=VALUE")
    paths = []
    for setting in settings:
        found = _SETTING.fullmatch(setting)
        if found is None:
            raise InputError(
                f"a setting is {short(setting)}, but must be KEY=VALUE, server.KEY=VALUE, "
                "users[NAME].KEY=VALUE or users[*].KEY=VALUE, with *= to multiply what there is"
            )
        path, room, chosen, key, times, text = found.groups()
        where = path.removesuffix(key)
        targets, known = _targets(room, chosen, data)
        si_key = unit_of(key, known)[0]
        paths.append(where + si_key)
        if times:
            _multiply(path, si_key, text, targets)
            continue
        for target, value in zip(
            targets, _values(path, key, text, seed, len(targets)), strict=True
        ):
            target.update(in_si({key: value}, known, where))
    require_unique(paths, "a setting has")


def numbers_at(path: str, data: Mapping[str, Any]) -> list[float]:
    """Return the numbers in SI units that a path leads to, without those that are left out.

    Parameters
    ----------
    path
        Of a setting that :func:`set_by` takes.
    data
        As there.
    """
    found = _SETTING.fullmatch(f"{path}=")
    assert found is not None
    _, room, chosen, key, _, _ = found.groups()
    targets, known = _targets(room, chosen, data)
    si_key = unit_of(key, known)[0]
    return [target[si_key] for target in targets if target.get(si_key) is not None]


def _targets(
    room: str | None, chosen: str | None, data: Mapping[str, Any]
) -> tuple[list[Any], Collection[str]]:
    """Return what the front of a path leads to, and which keys that has."""
    if room:
        return [data["server"]], EdgeServer.model_fields.keys()
    if chosen is None:
        return [data], data.keys()
    users = data["users"]
    return [users[j] for j in _places(chosen, [user["name"] for user in users])], KNOWN


def _multiply(path: str, key: str, text: str, targets: Sequence[dict[str, Any]]) -> None:
    """Multiply a number that is there by a factor that is told in a text."""
    factor, path = number_or_text(text), clipped(one_line(path), 120)
    if not is_positive(factor):
        raise InputError(f"{path}*= has {short(text)}, but must have a finite factor > 0")
    there = [target for target in targets if target.get(key) is not None]
    if not there or not all(isinstance(target[key], float) for target in there):
        raise InputError(
            f"{path} is to be multiplied by {clipped(text)}, but the instance has no such number: "
            "it is left out, or another key is meant"
        )
    for target in there:
        target[key] *= factor


def _places(chosen: str, names: Sequence[str]) -> list[int]:
    """Return the places of the users that stand in the brackets of a path."""
    whole, shown_place = range(len(names)), clipped(one_line(chosen))
    quoted = len(chosen) > 1 and chosen[0] == chosen[-1] == '"'
    found = [] if quoted or chosen != "*" else [list(whole)]
    if not quoted and chosen.isdecimal() and int(chosen) in whole:
        found.append([int(chosen)])
    if (name := chosen[1:-1] if quoted else chosen) in names:
        found.append([names.index(name)])
    if not found:
        raise InputError(
            f"a setting has users[{shown_place}], but must have *, a place below {len(names)}, or "
            f"one of: {clipped(', '.join(names))}"
        )
    if any(places != found[0] for places in found):
        raise InputError(
            f"a setting has users[{shown_place}], which is a user's name too, but must be "
            f'users["{shown_place}"] if that one is meant'
        )
    return found[0]


def _values(path: str, key: str, text: str, seed: int | None, count: int) -> list[Any]:
    """Return what a text sets for each of so many targets: a range draws one value for each."""
    spread = None if key in TEXTS else Range.of_text(text)
    if seed is None or spread is None:
        return [_value(key, text)] * count
    return list(map(float, spread.drawn(seed, path, count)))


def _value(key: str, text: str) -> Any:
    """Return the value that a text sets: a name is a text, and null leaves a key out."""
    if text == "null" and key != "name":
        return None
    if key in TEXTS:
        return text
    return int(text) if _WHOLE.fullmatch(text) else number_or_text(text)


_WHOLE = re.compile(r" *[+-]?[0-9]{1,15} *")
