"""Units that people have, at the edges of the package: ``model_mbyte``, ``transmit_power_dbm``.

Data are in SI units, and their keys end in those. Wherever a person types keys (tables of users,
settings, :meth:`.Instance.replace`, axes of figures), a key may end in another unit instead. Here,
and nowhere else, these become SI: an ending is a unit, whatever the quantity before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from eipyomo.channel import dbm_to_watt
from eipyomo.errors import InputError
from eipyomo.validation import real_number
from eipyomo.words import clipped, one_line, short


class Unit(NamedTuple):
    """What an ending of a key stands for.

    Attributes
    ----------
    si
        The ending of the same quantity's key in SI units.
    sign
        The unit as people write it.
    to_si, from_si
        Convert a number; the latter an array too.
    """

    si: str
    sign: str
    to_si: Callable[[float], float]
    from_si: Callable[[Any], Any]


def _times(si: str, factor: float, sign: str) -> Unit:
    """Return a unit that is so many of the SI's."""
    if factor < 1.0:  # a division by a whole number is rounded once
        parts = round(1.0 / factor)
        return Unit(si, sign, lambda value: value / parts, lambda value: value * parts)
    return Unit(si, sign, lambda value: value * factor, lambda value: value / factor)


def _decibels(si: str, sign: str, to_si: Callable[[float], float], reference: float) -> Unit:
    """Return the unit of ten times the logarithm of what is relative to a reference."""
    return Unit(si, sign, to_si, lambda value: 10.0 * np.log10(value / reference))


UNITS: Final[Mapping[str, Unit]] = {
    "_kbit": _times("_bits", 1e3, "kbit"),
    "_mbit": _times("_bits", 1e6, "Mbit"),
    "_gbit": _times("_bits", 1e9, "Gbit"),
    "_byte": _times("_bits", 8.0, "byte"),
    "_kbyte": _times("_bits", 8e3, "kbyte"),
    "_mbyte": _times("_bits", 8e6, "Mbyte"),
    "_gbyte": _times("_bits", 8e9, "Gbyte"),
    "_khz": _times("_hz", 1e3, "kHz"),
    "_mhz": _times("_hz", 1e6, "MHz"),
    "_ghz": _times("_hz", 1e9, "GHz"),
    "_mw": _times("_w", 1e-3, "mW"),
    "_dbm": _decibels("_w", "dBm", dbm_to_watt, 1e-3),
    "_dbm_per_hz": _decibels("_w_per_hz", "dBm/Hz", dbm_to_watt, 1e-3),
    "_ms": _times("_s", 1e-3, "ms"),
    "_mj": _times("_j", 1e-3, "mJ"),
    "_km": _times("_m", 1e3, "km"),
    "_gain_db": _decibels("_gain", "dB", lambda level: float(10.0 ** (level / 10.0)), 1.0),
}
"""Endings of keys; 1 byte is 8 bit, and prefixes are powers of 1000."""

SI: Final[Mapping[str, str]] = {
    "_w_per_hz": "W/Hz",
    "_bits": "bit",
    "_hz": "Hz",
    "_w": "W",
    "_s": "s",
    "_j": "J",
    "_m": "m",
    "_gain": "",
}
"""Endings of keys in SI units; one that ends in another stands before it."""


def _si_of(key: str) -> str | None:
    """Return the ending of a key in SI units, if it has one."""
    return next((ending for ending in SI if key.endswith(ending)), None)


def stem_of(key: str) -> str:
    """Return a key in SI units without its unit."""
    return key if key.endswith("_gain") else key.removesuffix(_si_of(key) or "")


def signs_of(key: str) -> dict[str, Unit | None]:
    """Return the units that a key in SI units may be told in, by their signs; SI's is None."""
    si = _si_of(key)
    return {} if si is None else {SI[si]: None} | {u.sign: u for u in UNITS.values() if u.si == si}


def key_in(key: str, unit: Unit | None) -> str:
    """Return the key of a quantity in a unit, of its key in SI units."""
    ending = next((ending for ending, one in UNITS.items() if one is unit), "")
    return key if unit is None else key.removesuffix(unit.si) + ending


def ways_of(key: str) -> list[str]:
    """Return the keys of a quantity in all units that it may be told in, SI's first."""
    return [key_in(key, unit) for unit in signs_of(key).values()]


def unit_of(key: str, known: Collection[str]) -> tuple[str, Unit | None]:
    """Return the known key that a key means, and the unit in which it has it.

    Without a unit it is the key itself: in SI units, or not known at all.
    """
    if key not in known:
        for ending, unit in UNITS.items():
            meant = key.removesuffix(ending) + unit.si
            if key.endswith(ending) and meant in known and _si_of(meant) == unit.si:
                return meant, unit
    return key, None


def si_key(key: str) -> tuple[str, Unit | None]:
    """Return the key in SI units of a key in any, and its unit; None if it has none or SI's."""
    for ending in sorted(UNITS, key=len, reverse=True):
        if key.endswith(ending):
            return key.removesuffix(ending) + UNITS[ending].si, UNITS[ending]
    return key, None


def in_si(data: Mapping[str, Any], known: Collection[str], where: str = "") -> dict[str, Any]:
    """Return data by known keys, in SI units.

    What is neither known nor has a unit stays as it is, to be refused by whoever knows the rest.

    Parameters
    ----------
    data
        Values by keys. None stands for what is left out, in any unit.
    known
        The keys that there are, in SI units.
    where
        What stands before keys in sentences: ``"server."``.

    Raises
    ------
    InputError
        If a quantity is given in two units, in one that it has not, or by something that is no
        finite number there.
    """
    found: dict[str, Any] = {}
    said: dict[str, str] = {}
    for given, value in data.items():
        key, unit = unit_of(given, known)
        if unit is None and given not in known:
            _refuse_unit(given, known, where)
        if key in found:
            raise InputError(
                f"{where}{said[key]} and {where}{given} are the same quantity, but it must be "
                "given once"
            )
        found[key] = value if unit is None or value is None else _si(where + given, value, unit)
        said[key] = given
    return found


def _si(name: str, value: Any, unit: Unit) -> float:
    """Return a number in SI units."""
    number = real_number(name, value)
    try:
        converted = unit.to_si(number)
    except OverflowError:
        converted = math.inf
    if not math.isfinite(converted):
        raise InputError(f"{name} is {short(number)}, but must be a finite number in {unit.sign}")
    return converted


def _refuse_unit(key: str, known: Collection[str], where: str) -> None:
    """Refuse a known quantity in a unit that it has not, by those that it has."""
    for meant in known:
        stem = meant.removesuffix(_si_of(meant) or "")
        if stem != meant and key.startswith(f"{stem}_"):
            raise InputError(
                f"{where}{clipped(one_line(key))} is not a known key, but must be one of: "
                f"{', '.join(ways_of(meant))}"
            )


def heading(key: str) -> str:
    """Return a key in words, with its unit in brackets: ``model size [Mbit]``."""
    signs = {**{ending: unit.sign for ending, unit in UNITS.items()}, **SI, "_db": "dB"}
    for ending in sorted(signs, key=len, reverse=True):
        if signs[ending] and key.endswith(ending) and ending != "_gain_db":
            return f"{_in_words(key.removesuffix(ending))} [{signs[ending]}]"
    return _in_words(key)


def _in_words(quantity: str) -> str:
    return WORDS.get(quantity, quantity.replace("_", " "))


WORDS: Final[Mapping[str, str]] = {
    "model": "model size",
    "task": "task size",
    "mean_task": "mean task size",
    "objective": "WSEL",
    "wsel": "WSEL",
    "mean_wsel": "mean WSEL",
    "wall": "time",
}
"""Quantities that people call by other words than keys do."""
