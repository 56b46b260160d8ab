"""Interval arithmetic: every number is a ball of python-flint that contains it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from eipyomo.errors import SolverError

PRECISION_BITS = 106

Ball = Any
"""A real interval; python-flint publishes no types."""


def flint() -> Any:
    """Return python-flint.

    Raises
    ------
    SolverError
        If it is not installed.
    """
    try:
        return importlib.import_module("flint")
    except ImportError:
        raise SolverError(
            "python-flint is missing, but verifying needs it: python -m pip install python-flint"
        ) from None


@contextmanager
def precision() -> Iterator[None]:
    """Compute with so many bits, and as before when done."""
    context = flint().ctx
    before = context.prec
    context.prec = PRECISION_BITS
    try:
        yield
    finally:
        context.prec = before


def lower(ball: Ball) -> Ball:
    """Return the lower end of a ball; minus infinity if nothing is known."""
    return ball.lower() if ball.is_finite() else flint().arb("-inf")


def rounded_down(bound: Ball) -> float:
    """Return a floating-point number that is not above a ball's lower end."""
    ball = flint().arb
    if not bound.is_finite():
        return math.inf if bound > 0 else -math.inf
    number = float(bound)
    while not ball(number) <= bound.lower():
        number = math.nextafter(number, -math.inf)
    return number


def is_negative(total: Ball, *terms: float) -> bool:
    """Tell whether a sum is below 0; exactly, where its ball does not tell."""
    return not total >= 0 and sum(map(Fraction, terms)) < 0
