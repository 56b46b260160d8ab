"""Which quantity of a user a column's title means, and in which unit, however people write it."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.units import WORDS, Unit, key_in, signs_of, stem_of, ways_of
from eipyomo.words import short

DISTANCE: Final = "distance_m"
"""Stands in the place of a gain: that of the letter's path loss follows."""

KEYS: Final = (*EndUser.model_fields, DISTANCE)

LONGEST: Final = 200
"""A title with more characters tells no unit."""

OTHER_WORDS: Final = {
    "name": ("user", "user name"),
    "channel_gain": ("gain",),
    **{key: (WORDS[stem],) for key in EndUser.model_fields if (stem := stem_of(key)) in WORDS},
}
"""What people call quantities besides."""

ONLY: Final = {
    "energy_weight": "1/J",
    "latency_weight": "1/s",
    "energy_coefficient": "J s^2/cycle^3",
}
"""Units of quantities that have but one, which their keys do not end in."""

CALLED: Final = {
    "bit": ("bits",),
    "byte": ("bytes", "B"),
    "kbit": ("kbits", "kb"),
    "Mbit": ("mbits", "Mb"),
    "Gbit": ("gbits", "Gb"),
    "kbyte": ("kbytes", "kB", "KB"),
    "Mbyte": ("mbytes", "MB"),
    "Gbyte": ("gbytes", "GB"),
    "W": ("watt", "watts"),
    "s": ("sec", "seconds"),
    "ms": ("milliseconds",),
    "J": ("joule", "joules"),
    "m": ("metres", "meters"),
    "": ("-", "1", "factor", "linear"),
}
"""Other signs of units. Where letters b and B tell bits from bytes, their case must be right."""


class Column(NamedTuple):
    """What a column of a table of users holds.

    Attributes
    ----------
    key
        The quantity, by its key in SI units.
    unit
        In which it is told; None for SI's.
    title
        As the table has it.
    """

    key: str
    unit: Unit | None
    title: str

    @property
    def sign(self) -> str:
        """The unit as people write it."""
        if self.unit is not None:
            return self.unit.sign
        return next(iter(signs_of(self.key)), "")


def is_known(title: str) -> bool:
    """Tell whether a title means a quantity."""
    try:
        column_of(title)
    except (InputError, LookupError):
        return False
    return True


def column_of(title: str) -> Column:
    """Return what a title means: ``transmit_power_dbm``, ``Transmit power [dBm]``, and the like.

    Raises
    ------
    LookupError
        If it means nothing.
    InputError
        If it lacks a unit, or has a wrong one; the sentence says which there are.
    """
    quantity, sign = _parts(title)
    stem = _squeezed(quantity)
    if sign is not None and stem in _stems():
        return _in_unit(title, _stems()[stem], sign)
    if sign is not None and stem in _names():
        key, unit = _names()[stem]  # it has a unit already, which the brackets may say again
        if _unit(key, sign) == (True, unit):
            return Column(key, unit, title)
        raise InputError(f"the column {short(title)} has two units, but must have one")
    whole = _squeezed(title)
    if whole in _names():
        return Column(*_names()[whole], title)
    if whole in _stems():
        ways = ", ".join(way for key in _stems()[whole] for way in ways_of(key))
        raise InputError(f"the column {short(title)} has no unit, but must be one of: {ways}")
    raise LookupError


def _in_unit(title: str, keys: Sequence[str], sign: str) -> Column:
    """Return which of some keys of one quantity has the unit of a sign."""
    for key in keys:
        is_one, unit = _unit(key, sign)
        if is_one:
            return Column(key, unit, title)
    signs = ", ".join(repr(one) if one else "none" for key in keys for one in _signs(key))
    raise InputError(
        f"the column {short(title)} has the unit {short(sign)}, but must have one of: {signs}"
    )


def nearest(title: str) -> str | None:
    """Return the key, in some unit, that is most like a title that means nothing."""
    near = difflib.get_close_matches(_squeezed(title), _names(), 1, 0.6)
    return key_in(*_names()[near[0]]) if near else None


def _squeezed(text: str) -> str:
    """Return a text without case, blanks, hyphens and the like."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("/", "per")
    return re.sub(r"[\W_]+", "", plain)


def _parts(title: str) -> tuple[str, str | None]:
    """Return the quantity and the unit in a title."""
    title = " ".join(title.split())
    if len(title) > LONGEST:  # the forms below take the square of its length
        return title, None
    for form in (
        r"(.+?)\s*[\[({<]([^\])}>]*)[\])}>]",
        r"(.+?)\s+(?:in|/)\s+(\S+)",
        r"(.+?)\s*[,/]\s*(\S+)",
    ):
        if found := re.fullmatch(form, title):
            return found[1], found[2].strip()
    return title, None


@cache
def _names() -> dict[str, tuple[str, Unit | None]]:
    """Return keys and units by titles that tell both without brackets."""
    found: dict[str, tuple[str, Unit | None]] = {}
    for key in KEYS:
        signs = signs_of(key)
        for stem in _words_of(key):
            for sign, unit in signs.items():
                plain = (sign, *(one for one in CALLED.get(sign, ()) if len(one) > 2))
                found |= {_squeezed(f"{stem} {one}"): (key, unit) for one in plain}
            if not signs:
                found[_squeezed(stem)] = key, None
    return found


@cache
def _stems() -> dict[str, tuple[str, ...]]:
    """Return the keys that have a quantity, by its words without a unit."""
    found: dict[str, tuple[str, ...]] = {}
    for key in KEYS:
        for word in map(_squeezed, _words_of(key)):
            found[word] = (*found.get(word, ()), key)
    return found


def _words_of(key: str) -> tuple[str, ...]:
    return stem_of(key), *OTHER_WORDS.get(key, ())


def _signs(key: str) -> dict[str, Unit | None]:
    return {ONLY[key]: None} if key in ONLY else signs_of(key) or {"": None}


def _unit(key: str, sign: str) -> tuple[bool, Unit | None]:
    """Tell whether a quantity has the unit of a sign, and which that is.

    Mega is no milli: a sign with a capital M means none that begins with m.
    """
    signs = _signs(key)
    for own, unit in signs.items():
        if sign == own or sign in CALLED.get(own, ()):
            return True, unit
    wanted = _squeezed(sign)
    for own, unit in signs.items():
        called = (own, *(one for one in CALLED.get(own, ()) if len(one) > 2))
        is_mega = sign[:1] == "M" and own[:1] == "m"
        if wanted and wanted in map(_squeezed, called) and not is_mega:
            return True, unit
    return False, None
