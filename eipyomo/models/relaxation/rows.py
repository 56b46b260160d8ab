"""Rows of numbers, linear but for one product, and what they say of a box."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

Range = tuple[float, float]

WIDTH = 1e-13
"""By how much a row is wider than what was computed, relative to its terms over the box.

A coefficient here comes from fewer than 40 roundings of 1.1e-16, each relative to it: those of
tangents are written without cancellation.
"""

ULP = 2.0**-52

SWEEPS, STEP = 30, 1e-3
"""Passes over the rows, and the part of a range below which a better bound is not worth one."""


class Row(NamedTuple):
    """lower ≤ Σ coefficient x + coefficient x y ≤ upper, variables by their place in the user."""

    name: str
    terms: tuple[tuple[int, float], ...]
    lower: float | None
    upper: float | None
    product: tuple[int, int, float] | None = None

    def moved(self, places: Sequence[int]) -> Row:
        """Return the row with other places in place of 0, 1, and so on."""
        return self._replace(
            terms=tuple((places[place], c) for place, c in self.terms),
            product=None
            if self.product is None
            else (places[self.product[0]], places[self.product[1]], self.product[2]),
        )


def common(box: Sequence[Range], other: Sequence[Range]) -> list[Range] | None:
    """Return what two boxes have in common, None for nothing."""
    both = [
        (max(low, other_low), min(high, other_high))
        for (low, high), (other_low, other_high) in zip(box, other, strict=True)
    ]
    return both if all(low <= high for low, high in both) else None


def above(number: float, other: float) -> float:
    """Return a sum, rounded upwards."""
    return number + other + ULP * (abs(number) + abs(other))


def widened(row: Row, box: Sequence[Range]) -> Row:
    """Return a row with one coefficient per variable, wider by what rounding may have taken off."""
    most = sum(abs(c) * max(map(abs, box[place])) for place, c in row.terms)
    lower = None if row.lower is None else row.lower - WIDTH * (most + abs(row.lower))
    upper = None if row.upper is None else row.upper + WIDTH * (most + abs(row.upper))
    return Row(
        row.name,
        combined(row.terms),
        lower if lower is not None and lower > -math.inf else None,
        upper if upper is not None and upper < math.inf else None,
    )


def propagate(rows: Sequence[Row], box: list[Range], integral: set[int]) -> bool:
    """Tighten a box by rows until little changes; return False if it holds no point of them."""
    for _ in range(SWEEPS):
        changed = False
        for row in rows:
            for place, low, high in implied(row, box):
                if low > high:
                    return False
                old = box[place]
                new = narrower(old, low, high, integral=place in integral)
                if new[0] > new[1]:
                    return False
                width = old[1] - old[0]
                step = STEP * width if width < math.inf else 0.0
                if new[0] > old[0] + step or new[1] < old[1] - step:
                    box[place] = new
                    changed = True
        if not changed:
            break
    return True


def narrower(old: Range, low: float, high: float, *, integral: bool) -> Range:
    """Return the part of a range between two ends, or between the integers between them."""
    if integral and low > -math.inf:
        low = math.ceil(low)
    if integral and high < math.inf:
        high = math.floor(high)
    return max(low, old[0]), min(high, old[1])


def implied(row: Row, box: Sequence[Range]) -> Iterator[tuple[int, float, float]]:
    """Iterate over what a row says of each of its variables, rounded outwards.

    A row without any says nothing, or what cannot be: then the range is empty.
    """
    for sign, limit in ((1.0, row.upper), (-1.0, row.lower)):
        if limit is None:
            continue
        side = sign * limit
        terms = [(place, sign * c) for place, c in row.terms]
        least = [c * box[place][0 if c > 0.0 else 1] for place, c in terms]
        if row.product is not None:
            first, second, c = row.product
            least.append(min(sign * c * x * y for x in box[first] for y in box[second]))
        if not terms:
            if sum(least) > side + WIDTH * (abs(side) + abs(sum(least))):
                yield (0, math.inf, -math.inf)
            continue
        before = list(accumulate(least, initial=0.0))
        behind = list(accumulate(reversed(least), initial=0.0))[::-1]
        sizes = list(map(abs, least))
        before_size = list(accumulate(sizes, initial=0.0))
        behind_size = list(accumulate(reversed(sizes), initial=0.0))[::-1]
        for k, (place, c) in enumerate(terms):
            rest = before[k] + behind[k + 1]
            if rest > -math.inf:
                size = abs(side) + before_size[k] + behind_size[k + 1]
                end = (side - rest + WIDTH * size) / c
                end += math.copysign(2.0 * ULP * abs(end), c)
                yield (place, -math.inf, end) if c > 0.0 else (place, end, math.inf)


def planes(row: Row, box: Sequence[Range]) -> Iterator[Row]:
    """Replace x y over a box by each of its two planes on the side that the row needs.

    x y ≥ u y + v x - u v where (u, v) are both lower or both upper ends of the ranges, and ≤ where
    one is a lower and the other an upper end (McCormick).
    """
    assert row.product is not None
    first, second, c = row.product
    (a, b), (p, q) = box[first], box[second]
    for lower, upper in ((row.lower, None), (None, row.upper)):
        if (lower, upper) == (None, None):
            continue
        below = (c < 0.0) == (upper is None)
        for u, v in ((a, p), (b, q)) if below else ((a, q), (b, p)):
            shift = c * u * v
            yield Row(
                row.name,
                (*row.terms, (second, c * u), (first, c * v)),
                None if lower is None else lower + shift,
                None if upper is None else upper + shift,
            )


def combined(terms: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """Return terms with one coefficient per variable."""
    total: dict[int, float] = {}
    for place, c in terms:
        total[place] = total.get(place, 0.0) + c
    return tuple(total.items())


def amount(row: Row, values: Sequence[float]) -> float:
    """Return by how much a point violates a row; negative where it holds with room."""
    total = sum(c * values[place] for place, c in row.terms)
    if row.product is not None:
        first, second, c = row.product
        total += c * values[first] * values[second]
    return max(
        -math.inf if row.lower is None else row.lower - total,
        -math.inf if row.upper is None else total - row.upper,
    )


def size(row: Row, values: Sequence[float]) -> float:
    """Return the sum of what stands in a row at a point, without signs."""
    total = sum(abs(c * values[place]) for place, c in row.terms)
    if row.product is not None:
        first, second, c = row.product
        total += abs(c * values[first] * values[second])
    return total + abs(row.lower or 0.0) + abs(row.upper or 0.0)
