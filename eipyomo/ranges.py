"""Ranges that numbers are drawn from: ``8..32``, or evenly in the logarithm: ``log(8..32)``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from eipyomo.errors import InputError
from eipyomo.files import number_or_text
from eipyomo.validation import Finite, Flag, Positive, Record
from eipyomo.words import short

_RANGE = re.compile(r"(log\()?([^()]+?)\.\.([^()]+?)(\))?")


class Range(Record):
    """Where a number lies, evenly or in its logarithm.

    Attributes
    ----------
    low, high
        Its ends.
    log
        Whether the logarithm is drawn evenly, so that each factor is as likely as any other.
    """

    low: Annotated[Finite, Field(description="lower end")]
    high: Annotated[Finite, Field(description="upper end")]
    log: Annotated[Flag, Field(description="true or false (whether the logarithm is even)")] = False

    @model_validator(mode="after")
    def _ends_are_in_order(self) -> Self:
        if not self.low < self.high or (self.log and self.low <= 0.0):
            least = "0 < low < high" if self.log else "low < high"
            raise InputError(f"a range is {short(str(self))}, but must have {least}")
        return self

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """Return the range that a text is, or None if it is none."""
        found = _RANGE.fullmatch(text.strip())
        if found is None or (found[1] is None) != (found[4] is None):
            return None
        low, high = map(number_or_text, found.group(2, 3))
        if isinstance(low, str) or isinstance(high, str):
            return None
        try:
            return cls(low=low, high=high, log=found[1] is not None)
        except InputError:
            return None

    def drawn(self, seed: int, what: str, count: int) -> NDArray[np.float64]:
        """Draw numbers of this range; the same `seed`, the same ones.

        What a quantity draws depends on its own name alone, and on no other quantity.

        Parameters
        ----------
        seed
            Whole number >= 0.
        what
            Name of the quantity.
        count
            How many.

        Returns
        -------
        array of shape (count,)
        """
        generator = np.random.default_rng([seed, *what.encode()])
        if self.log:
            return np.exp(generator.uniform(np.log(self.low), np.log(self.high), count))
        return generator.uniform(self.low, self.high, count)

    def __str__(self) -> str:
        """Return the text that :meth:`of_text` reads."""
        ends = f"{number_text(self.low)}..{number_text(self.high)}"
        return f"log({ends})" if self.log else ends


_GRID = re.compile(r"(log\()?([^():]+):([^():]+):([^():]+)(\))?")

MOST_VALUES = 100_000
"""The largest number of values that a grid may have."""


def grid_of_text(what: str, text: str) -> tuple[float, ...]:
    """Return the values that a text names: ``8:64:12``, ``log(8:64:12)`` or ``8,16,32``.

    Parameters
    ----------
    what
        Name of the text in a sentence.
    text
        The two ends and how many values there are, evenly or in the logarithm; or the values.

    Raises
    ------
    InputError
        If it is none of these.
    """
    found = _GRID.fullmatch(text.strip())
    if found is not None and (found[1] is None) == (found[5] is None):
        ends = [number_or_text(part) for part in found.group(2, 3, 4)]
        numbers = [one for one in ends if isinstance(one, float) and np.isfinite(one)]
        between, least = (np.geomspace, 0.0) if found[1] else (np.linspace, -np.inf)
        if len(numbers) == 3 and numbers[2] in range(2, MOST_VALUES + 1):
            low, high, count = numbers
            if least < low < high:
                return tuple(float(one) for one in between(low, high, int(count)))
    parts = text.split(",")
    values = [one for part in parts if isinstance(one := number_or_text(part), float)]
    if len(values) < len(parts) or not np.isfinite(values).all():
        raise InputError(
            f"{what} is {short(text)}, but must be LOW:HIGH:COUNT such as 8:64:12, "
            "log(LOW:HIGH:COUNT) with LOW > 0, or numbers such as 8,16,32"
        )
    return tuple(values)


def number_text(number: float) -> str:
    """Return a number as a person would write it, without loss."""
    text = f"{number:g}"
    return text if float(text) == number else repr(number)


def _number_or_range(value: Any) -> Any:
    """Read texts and pairs; what is neither stays to be refused."""
    if isinstance(value, str):
        return Range.of_text(value) or number_or_text(value)
    if isinstance(value, list | tuple) and len(value) == 2:
        try:
            return Range(low=value[0], high=value[1])
        except InputError:
            return value
    return value


def _above_zero(value: float | Range) -> float | Range:
    if isinstance(value, Range) and value.low <= 0.0:
        raise ValueError
    return value


PositiveOrRange = Annotated[
    Positive | Range, BeforeValidator(_number_or_range), AfterValidator(_above_zero)
]
"""A positive number or a range of such: also as a text, ``8..32``, or a pair, ``(8, 32)``."""
