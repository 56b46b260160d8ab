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

    def even(self, count: int) -> NDArray[np.float64]:
        """Return so many numbers from end to end, evenly or in their logarithm; (count,)."""
        if self.log:
            return np.geomspace(self.low, self.high, count)
        return np.linspace(self.low, self.high, count)

    def __str__(self) -> str:
        """Return the text that :meth:`of_text` reads."""
        ends = f"{number_text(self.low)}..{number_text(self.high)}"
        return f"log({ends})" if self.log else ends


def numbers_of(text: str) -> list[float]:
    """Return the numbers that a text lists: ``8,16,32``, or ``8:64:15``, evenly from 8 to 64.

    ``log(8:64:4)`` spaces them evenly in the logarithm.

    Raises
    ------
    InputError
        If it lists none.
    """
    found = _GRID.fullmatch(text.strip())
    words = found.group(2, 3) if found else text.split(",")
    numbers = [number_or_text(word.strip()) for word in words]
    told = [number for number in numbers if isinstance(number, float)]
    if len(told) < len(numbers):
        raise InputError(
            f"{short(text)} lists no numbers, but must be as 8,16,32 or 8:64:15 (evenly from 8 to "
            "64) or log(8:64:15)"
        )
    if found is None:
        return told
    count = int(found[4])
    range_ = Range(low=told[0], high=told[1], log=found[1] is not None)
    if (found[1] is None) != (found[5] is None) or not 2 <= count <= MOST:
        raise InputError(f"{short(text)} must have 2 to {MOST} numbers, as log(8:64:15)")
    return [float(number) for number in range_.even(count)]


_GRID = re.compile(r"(log\()?([^():,]+):([^():,]+):([0-9]{1,9})(\))?")

MOST = 100_000
"""So many numbers may be listed by their ends."""


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
