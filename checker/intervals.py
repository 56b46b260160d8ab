"""Intervals of decimals that hold what is meant, and what sending takes over a link."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

DOWN, UP = Context(prec=40, rounding=ROUND_FLOOR), Context(prec=40, rounding=ROUND_CEILING)


class Interval(NamedTuple):
    """All numbers from ``low`` to ``high``."""

    low: Decimal
    high: Decimal

    def __add__(self, other: "Interval") -> "Interval":  # type: ignore[override]
        """Return all that x + y may be."""
        return Interval(DOWN.add(self.low, other.low), UP.add(self.high, other.high))

    def __sub__(self, other: "Interval") -> "Interval":
        """Return all that x - y may be."""
        return Interval(DOWN.subtract(self.low, other.high), UP.subtract(self.high, other.low))

    def __mul__(self, other: "Interval") -> "Interval":  # type: ignore[override]
        """Return all that x * y may be."""
        if self.low >= 0 and other.low >= 0:
            return Interval(DOWN.multiply(self.low, other.low), UP.multiply(self.high, other.high))
        ends = [(a, b) for a in self for b in other]
        low, high = min(DOWN.multiply(*e) for e in ends), max(UP.multiply(*e) for e in ends)
        return Interval(low, high)

    def __truediv__(self, other: "Interval") -> "Interval":
        """Return all that x / y may be."""
        if other.low <= 0:
            raise ZeroDivisionError
        return self * Interval(DOWN.divide(1, other.high), UP.divide(1, other.low))

    def apply(self, name: str) -> "Interval":
        """Apply ``sqrt`` or ``exp``, which rise, and which Decimal rounds to the nearest."""
        low, high = getattr(DOWN, name)(self.low), getattr(UP, name)(self.high)
        return Interval(DOWN.next_minus(low), UP.next_plus(high))

    def ln(self) -> "Interval":
        """Return the logarithm: concave, so that it rises by at most (high - low)/low."""
        log = DOWN.ln(self.low)
        rise = UP.divide(UP.subtract(self.high, self.low), self.low)
        return Interval(DOWN.next_minus(log), UP.add(UP.next_plus(log), rise))

    def log1p(self) -> "Interval":
        """Return ln(1 + x), for x > 0."""
        if self.high > Decimal("1e-15"):
            return (ONE + self).ln()
        least = self - self * self / exact(2)
        return Interval(least.low, (least + self * self * self / exact(3)).high)


@lru_cache(maxsize=2**16)
def exact(value: float | Decimal) -> Interval:
    """Return the interval of a number that is meant exactly."""
    return Interval(DOWN.plus(Decimal(value)), UP.plus(Decimal(value)))


def ratio(value: Fraction) -> Interval:
    """Return the interval of a fraction."""
    above, below = Decimal(value.numerator), Decimal(value.denominator)
    return Interval(DOWN.divide(above, below), UP.divide(above, below))


ZERO, ONE, LN2 = exact(0), exact(1), exact(2).ln()


class Link(NamedTuple):
    """A direction of a user's link: signal-to-noise ratio over the band, and range of shares."""

    snr: Interval
    band: Interval
    least: Interval
    most: Interval

    def slowness(self, share: Decimal) -> tuple[Interval, Interval]:
        """Return s in seconds per bit, and -ds/db."""
        at = exact(share)
        ratio = self.snr / at
        log = ratio.log1p()
        seconds = LN2 / (self.band * at * log)
        return seconds, seconds * (log - ratio / (ONE + ratio)) / (at * log)

    def cheapest(self, work: Interval, price: Interval) -> Interval:
        """Return what is below ``work * s(b) + price * b`` for all shares b: a tangent."""
        if work.low <= 0:
            return price * self.least
        share = self._near_best(float(work.low), float(price.low))
        seconds, slope = self.slowness(share)
        rest = price - work * slope
        ends = rest * self.least, rest * self.most
        return work * seconds + work * slope * exact(share) + min(ends)

    def _near_best(self, work: float, price: float) -> Decimal:
        """Return a share, for which any will do: Newton's method on ln(-ds/db) over ln(b)."""
        least, most = max(1e-200, float(self.least.low)), float(self.most.low)
        snr, scale, share = float(self.snr.low), math.log(2) / float(self.band.low), most
        for _ in range(50 if price > 0 else 0):
            ratio = snr / share
            log, part = math.log1p(ratio), ratio / (1 + ratio)
            series = ((1 - 1 / k) * (-ratio) ** k for k in range(2, 12))
            fall = log - part if ratio > 0.03 else sum(series)
            power = -part * part / fall - 2 + 2 * part / log
            step = math.log(price / (work * scale * fall / (share * log) ** 2)) / power
            share = min(max(share * math.exp(min(9, max(-9, step))), least), most)
            if abs(step) < 1e-9:
                break
        return Decimal(share)

    def too_small(self, start: Interval, bits: Interval, time: Interval) -> Decimal | None:
        """Return a share with which bits come after a time; None where every share is one."""
        if bits.low > 0 and (start + bits * self.slowness(self.most.high)[0]).low > time.high:
            return None
        share = Decimal("1e-9")
        for _ in range(
            40 if bits.low > 0 else 0
        ):  # Newton's method on the concave rate, from below
            seconds, slope = self.slowness(share)
            step = ((bits / (time - start) * seconds - ONE) * seconds / slope).low
            share = DOWN.add(share, step)
            if abs(step) < share * Decimal("1e-25"):
                share = DOWN.subtract(share, DOWN.multiply(share, Decimal("1e-24")))
                late = (start + bits * self.slowness(share)[0]).low > time.high
                return max(share, self.least.low) if late else self.least.low
        return self.least.low
