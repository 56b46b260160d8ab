"""Where a decreasing function crosses zero, with few evaluations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Found = TypeVar("Found")

MAX_EVALUATIONS = 80
"""More than any crossing takes that is wide enough to be divided."""
LONGEST_STEP, SHORTEST_STEP = 4.0, 1e-14
"""Of a step without a bracket: arguments are logarithms, in which the first is a long way."""
OVERSHOOT = 1.05
"""A step goes a little beyond where the slope puts the crossing, so that it is bracketed."""
FLATTENING = 0.25
"""A slope counts as no flatter than that part of the last one: on a plateau it tells nothing."""
BISECT_EVERY = 6
"""At a jump, regula falsi may approach one side for long."""


@dataclass(frozen=True)
class Point(Generic[Found]):
    """A point of the function with whatever was computed there."""

    x: float
    residual: float
    found: Found


@dataclass(frozen=True)
class Crossing(Generic[Found]):
    """Nearest points known before (residual > 0) and after (residual <= 0) the crossing."""

    before: Point[Found] | None
    after: Point[Found] | None

    @property
    def points(self) -> tuple[Point[Found], ...]:
        """The one or two points, the one with the smaller residual first."""
        before, after = self.before, self.after
        if before is None or after is None:
            return tuple(point for point in (before, after) if point is not None)
        return (before, after) if abs(before.residual) <= abs(after.residual) else (after, before)


def find_crossing(
    function: Callable[[float], tuple[float, Found]],
    start: float,
    low: float,
    high: float,
    *,
    slope: float,
    enough: Callable[[Crossing[Found]], bool],
    width: float = 1e-15,
) -> Crossing[Found]:
    """Bracket the crossing of a decreasing function that may jump.

    Secant steps until there is a bracket, and Illinois' method in it: regula falsi in which the
    residual of an end that stays counts half.

    Parameters
    ----------
    function
        Returns the residual and anything else worth keeping.
    start, low, high
        First point, and the range of the search.
    slope
        Guess of the slope, negative, for the first step.
    enough
        Says when the bracket is good enough.
    width
        Brackets narrower than this, relative to their place, are not divided.
    """
    x = min(max(start, low), high)
    before: Point[Found] | None = None
    after: Point[Found] | None = None
    last: Point[Found] | None = None
    weights = [1.0, 1.0]
    for evaluation in range(MAX_EVALUATIONS):
        residual, found = function(x)
        point = Point(x, residual, found)
        positive = residual > 0.0
        repeated = last is not None and (last.residual > 0.0) == positive
        if positive:
            weights = [1.0, weights[1] * 0.5 if repeated else 1.0]
            before = point
        else:
            weights = [weights[0] * 0.5 if repeated else 1.0, 1.0]
            after = point
        crossing = Crossing(before, after)
        if enough(crossing) or (positive and x >= high) or (not positive and x <= low):
            return crossing
        if before is not None and after is not None:
            gap = after.x - before.x
            if gap <= width * (1.0 + abs(x)):
                return crossing
            rise, fall = before.residual * weights[0], -after.residual * weights[1]
            x = before.x + gap * rise / (rise + fall)
            if (evaluation + 1) % BISECT_EVERY == 0 or not before.x < x < after.x:
                x = before.x + 0.5 * gap
        else:
            if last is not None and last.x != x:
                measured = (residual - last.residual) / (x - last.x)
                slope = min(measured, FLATTENING * slope)
            x = min(max(x + _step(residual, slope), low), high)
        last = point
    return Crossing(before, after)


def _step(residual: float, slope: float) -> float:
    """Return a step beyond the crossing of a tangent, neither too long nor none."""
    step = min(max(-OVERSHOOT * residual / slope, -LONGEST_STEP), LONGEST_STEP)
    if abs(step) > SHORTEST_STEP:
        return step
    return SHORTEST_STEP if residual > 0.0 else -SHORTEST_STEP
