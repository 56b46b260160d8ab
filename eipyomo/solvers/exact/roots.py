"""Where a decreasing function crosses zero, with few evaluations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.kernels import End

Found = TypeVar("Found")

begun, noted = interpreted(kernels.begun), interpreted(kernels.noted)
learned = interpreted(kernels.learned)
is_over, moved = interpreted(kernels.is_over), interpreted(kernels.moved)


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

    def slope(self, known: float, usual: float) -> float:
        """Return the slope there, or the one known where that tells nothing."""
        return learned(_end(self.before), _end(self.after), known, usual)


def _end(point: Point[Found] | None) -> End:
    return kernels.NOWHERE if point is None else End(point.x, point.residual, 1.0)


def find_crossing(
    function: Callable[[float], tuple[float, Found]],
    start: float,
    low: float,
    high: float,
    *,
    slope: float,
    enough: Callable[[Crossing[Found]], bool],
) -> Crossing[Found]:
    """Bracket the crossing of a decreasing function that may jump; see :class:`kernels.Search`.

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
    """
    search, crossing = begun(start, low, high, slope), Crossing[Found](None, None)
    while True:
        residual, found = function(search.x)
        point, search = Point(search.x, residual, found), noted(search, residual)
        before, after = crossing.before, crossing.after
        crossing = Crossing(point, after) if residual > 0.0 else Crossing(before, point)
        if enough(crossing) or is_over(search):
            return crossing
        search = moved(search)
