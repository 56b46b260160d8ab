"""Data told in texts: settings such as ``users[*].deadline_s=5``, and rows of CSV files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eipyomo.at_once import UndecidedError
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.errors import InputError
from eipyomo.files import number_or_text, require_unique
from eipyomo.ranges import Range
from eipyomo.units import in_si, unit_of
from eipyomo.users import Users
from eipyomo.validation import allowed
from eipyomo.words import clipped, short, shown

TEXTS = ("name", "modes")
"""Keys of users whose texts are never numbers."""

KNOWN = EndUser.model_fields.keys()
"""Keys of users."""

_SETTING = re.compile(
    r"""(
        (?: (server)\. | users\[ ("[^"]*"|.*?) \]\. )?
        ([^][.=\s"]+)
    ) = (.*)""",
    re.VERBOSE | re.DOTALL,
)


def set_by(settings: Sequence[str], data: dict[str, Any], seed: int | None = None) -> None:
    """Change data as texts say, in place; see :meth:`.Instance.with_settings`.

    Parameters
    ----------
    settings
        Texts ``PATH=VALUE``.
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
    users = data["users"]
    names = [user["name"] for user in users]
    paths = []
    for setting in settings:
        found = _SETTING.fullmatch(setting)
        if found is None:
            raise InputError(
                f"a setting is {short(setting)}, but must be KEY=VALUE, server.KEY=VALUE, "
                "users[NAME].KEY=VALUE or users[*].KEY=VALUE"
            )
        path, room, chosen, key, text = found.groups()
        where = path.removesuffix(key)
        targets, known = [data["server"] if room else data], data.keys()
        if room:
            known = EdgeServer.model_fields.keys()
        elif chosen is not None:
            targets, known = [users[j] for j in _places(chosen, names)], KNOWN
        for target, value in zip(
            targets, _values(path, key, text, seed, len(targets)), strict=True
        ):
            target.update(in_si({key: value}, known, where))
        paths.append(where + unit_of(key, known)[0])
    require_unique(paths, "a setting has")


def _places(chosen: str, names: Sequence[str]) -> list[int]:
    """Return the places of the users that stand in the brackets of a path."""
    whole = range(len(names))
    quoted = len(chosen) > 1 and chosen[0] == chosen[-1] == '"'
    found = [] if quoted or chosen != "*" else [list(whole)]
    if not quoted and chosen.isdecimal() and int(chosen) in whole:
        found.append([int(chosen)])
    if (name := chosen[1:-1] if quoted else chosen) in names:
        found.append([names.index(name)])
    if not found:
        raise InputError(
            f"a setting has users[{chosen}], but must have *, a place below {len(names)}, or "
            f"one of: {clipped(', '.join(names))}"
        )
    if any(places != found[0] for places in found):
        raise InputError(
            f"a setting has users[{chosen}], which is a user's name too, but must be "
            f'users["{chosen}"] if that one is meant'
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


def users_of_rows(
    lines: Sequence[int], rows: Sequence[Mapping[Any, str]], may_be_blank: Sequence[str]
) -> Sequence[EndUser]:
    """Return the end users of a CSV file's rows; sentences say in which line one stands."""
    try:
        return Users.of(EndUser, list(map(_read, rows)))
    except (UndecidedError, InputError):
        pairs = zip(lines, rows, strict=True)
        return [_user_of_row(line, row, may_be_blank) for line, row in pairs]


def _read(row: Mapping[Any, str]) -> dict[Any, float | str]:
    """Return the values of a row's fields in SI units, without those that are blank."""
    values = {
        key: text if key in TEXTS else number_or_text(text)
        for key, text in row.items()
        if text.strip()
    }
    return values if values.keys() <= KNOWN else in_si(values, KNOWN)


def _user_of_row(line: int, row: Mapping[Any, str], may_be_blank: Sequence[str]) -> EndUser:
    """Return the end user of a row, checked by itself."""
    try:
        for key, text in row.items():
            meant, _ = unit_of(key, KNOWN)
            if not text.strip() and meant not in may_be_blank:
                raise InputError(
                    f"{key} (user {short(row['name'])}) is blank, but must be "
                    f"{allowed(EndUser, (meant,))}"
                )
        return EndUser.of(_read(row))
    except InputError as error:
        raise InputError(f"line {line}: {error}") from None
