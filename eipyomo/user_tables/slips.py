"""Values that smell wrong, and what was probably meant: 23 W for 23 dBm, Hz for GHz."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from eipyomo.units import Unit, signs_of
from eipyomo.user_tables.headings import Column


class Usual(NamedTuple):
    """What is usual of a quantity, in SI units: the least, a common value, and the most."""

    least: float
    common: float
    most: float

    def has(self, value: float) -> bool:
        """Tell whether a value is usual."""
        return self.least <= value <= self.most


USUAL: Final = {
    "channel_gain": Usual(1e-18, 1e-10, 1e-2),
    "task_bits": Usual(1e3, 64e6, 1e12),
    "transmit_power_w": Usual(1e-5, 0.2, 10.0),
    "receive_power_w": Usual(1e-6, 1e-3, 10.0),
    "noise_density_w_per_hz": Usual(5e-22, 4e-21, 1e-17),
    "max_frequency_hz": Usual(1e6, 1e9, 1e11),
    "previous_download_s": Usual(1e-4, 1.0, 3600.0),
    "local_training_s": Usual(1e-4, 1.0, 1e5),
    "local_training_j": Usual(1e-7, 0.04, 1e6),
    "deadline_s": Usual(1e-3, 5.0, 3600.0),
    "energy_budget_j": Usual(1e-6, 1.0, 1e6),
    "distance_m": Usual(1.0, 50.0, 2e4),
}
"""Wide ranges of what devices have, from sensors to vehicles; what is outside needs a second look.

Least noise is that of 40 K, most that of a noise figure of 34 dB.
"""


def meant_instead(column: Column, number: float) -> str | None:
    """Return what was probably meant by an unusual number of a column, in words; else None.

    Parameters
    ----------
    column
        In whose unit the number is told.
    number
        As it stands in the table.
    """
    usual = USUAL.get(column.key)
    if usual is None or number == 0.0 or not _is_unusual(column.unit, number, usual):
        return None
    guesses = []
    for sign, unit in signs_of(column.key).items():
        for told in (number, -number) if _is_level(unit) else (number,):
            value = _si(unit, told)
            if usual.has(value) and (unit is not column.unit or told != number):
                guesses.append(
                    (abs(math.log(value / usual.common)), told < 0.0 < number, sign, told)
                )
    if guesses:
        _, _, sign, told = min(guesses)
        return f"{told:g} {sign}" if sign else f"a factor of {told:g}"
    if column.key == "noise_density_w_per_hz" and _si(column.unit, number) > usual.most:
        return "the noise in the whole band, which must be told for each Hz,"
    return None


def _is_unusual(unit: Unit | None, number: float, usual: Usual) -> bool:
    """Tell whether a value is; a level of less than 1 dB is no number that people have."""
    return not usual.has(_si(unit, number)) or (_is_level(unit) and 0.0 < number < 1.0)


def _is_level(unit: Unit | None) -> bool:
    return unit is not None and unit.sign.startswith("dB")


def _si(unit: Unit | None, number: float) -> float:
    """Return a number in SI units; infinity where it is too large."""
    try:
        return number if unit is None else unit.to_si(number)
    except OverflowError:
        return math.inf


def bits_for_bytes(column: Column, numbers: Sequence[float | None]) -> list[int]:
    """Return the places of few values that are 8 times, or an eighth of, what all others have."""
    if column.key != "task_bits":
        return []
    counts = Counter(number for number in numbers if number)
    if len(counts) != 2:
        return []
    (most, often), (few, rarely) = counts.most_common()
    if (few * 8.0 != most and few != most * 8.0) or often < 3 * rarely:
        return []
    return [place for place, number in enumerate(numbers) if number == few]
