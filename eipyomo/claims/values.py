"""Values of documents: which of them are the same, and how a sentence shows them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from eipyomo.errors import ClaimError
from eipyomo.words import short

TOLERANCE = 1e-9
"""Relative difference of two numbers that the same code computes on two machines, at most."""

DIMENSIONLESS = 1e-12
"""Absolute difference of two gaps or violations, which are differences of such numbers."""

GIVEN = ("previous_download_s", "local_training_s")
"""Columns of a breakdown that the first documents did not have."""


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return (objective - bound) / |objective|; 0 where they are equal, None where undefined."""
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    return (objective - bound) / abs(objective) if objective else None


def compare(claimed: Any, true: Any, what: str) -> None:
    """Refuse a claim that differs from the truth in any number, flag, text, key or length.

    Parameters
    ----------
    claimed
        Part of a document.
    true
        The same part, computed anew. Keys of ``GIVEN`` may be missing in the claim.
    what
        The beginning of the sentence, which names the part.

    Raises
    ------
    ClaimError
        With both values.
    """
    if claimed == true and same(claimed, true):
        return
    if isinstance(true, Mapping) and isinstance(claimed, Mapping):
        for key in (*claimed, *true):
            if key not in true:
                raise ClaimError(f"{what} with an unknown key {short(key)}")
            if key in claimed:
                compare(claimed[key], true[key], f"{what}.{key}")
            elif key not in GIVEN:
                raise ClaimError(f"{what} without the key {short(key)}, but must have it")
    elif isinstance(true, list) and isinstance(claimed, list) and len(true) == len(claimed):
        for j, (one, other) in enumerate(zip(claimed, true, strict=True)):
            compare(one, other, f"{what}[{j}]")
    elif not same(claimed, true):
        raise ClaimError(f"{what} {written(claimed)}, but it is {written(true)}")


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; true and false are none, nor is what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    return not isinstance(value, int) or abs(value) <= sys.float_info.max


def same(claimed: Any, true: Any, room: float = 0.0) -> bool:
    """Whether two values are equal: numbers to within the tolerance, everything else exactly."""
    if is_number(claimed) and is_number(true):
        return bool(abs(claimed - true) <= TOLERANCE * max(abs(claimed), abs(true)) + room)
    if isinstance(claimed, list) and isinstance(true, list):
        pairs = zip(claimed, true, strict=False)
        return len(claimed) == len(true) and all(same(one, other) for one, other in pairs)
    return type(claimed) is type(true) and bool(claimed == true)


def written(value: Any) -> str:
    """Write a value as a person would read it; numbers with enough digits to tell them apart."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if is_number(value) else short(value)


def demand(false_claims: Iterator[str], who: str = "the result") -> None:
    """Raise the first of the false claims, if there is one."""
    for claim in false_claims:
        raise ClaimError(f"{who} claims {claim}")
