"""Step 1: every agent's best a_j and ι_j, around an engine that solves (18) for given ones.

The agents' searches run side by side: all take the same number of steps, so that one call of the
engine serves all users, and the same search runs over one user or over ten thousand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


class Engine(Protocol):
    """Whatever solves the sub-problem (18) at fixed a and ι."""

    def solve(
        self, targets: Records, download: NDArray[np.bool_] | bool, offload: FloatColumn | float
    ) -> Records:
        """Return one ANSWER record per user."""


@dataclass(frozen=True)
class Search:
    """How the agents look for their ι.

    Attributes
    ----------
    grid
        Number of equal parts of [0, 1] whose ends the coarse scan visits.
    tolerance
        ε0, the absolute width of bracket at which the golden-section search ends.
    training
        Whether a = 1 and ι = 0 are given.
    """

    grid: int
    tolerance: float
    training: bool = False

    def run(self, engine: Engine, targets: Records, has_task: NDArray[np.bool_]) -> Records:
        """Minimise (18) over a, ι and the rest of u_j, for every user.

        Parameters
        ----------
        engine
            Solves for given a and ι.
        targets
            TARGET records.
        has_task
            Whether ι means anything; where not, only ι = 0 and a = 0 are compared.
        """
        best = engine.solve(targets, True, 0.0)
        if self.training:
            return best
        if has_task.any():
            found = self.golden_section(engine, targets, *self.coarse_scan(engine, targets, best))
            best = better(best, np.where(has_task, found, best))
        return better(engine.solve(targets, False, 1.0), best)

    def coarse_scan(
        self, engine: Engine, targets: Records, at_zero: Records
    ) -> tuple[Records, FloatColumn, FloatColumn]:
        """Return the best of equidistant ι with a = 1, and the bracket of its neighbours.

        The cost has several local minima in ι for about one user in ten.
        """
        best = at_zero
        for k in range(1, self.grid + 1):
            best = better(best, engine.solve(targets, True, k / self.grid))
        offload = best["offload_fraction"]
        return (
            best,
            np.maximum(offload - 1.0 / self.grid, 0.0),
            np.minimum(offload + 1.0 / self.grid, 1.0),
        )

    def golden_section(
        self, engine: Engine, targets: Records, best: Records, low: FloatColumn, high: FloatColumn
    ) -> Records:
        """Narrow each bracket to ε0 by golden sections; return the best answer met."""
        width = GOLDEN * (high - low)
        left = engine.solve(targets, True, high - width)
        right = engine.solve(targets, True, low + width)
        for _ in range(self.sections):
            best = better(best, better(left, right))
            keep_left = left["value"] <= right["value"]
            high = np.where(keep_left, right["offload_fraction"], high)
            low = np.where(keep_left, low, left["offload_fraction"])
            width = GOLDEN * (high - low)
            probe = engine.solve(targets, True, np.where(keep_left, high - width, low + width))
            left, right = np.where(keep_left, probe, right), np.where(keep_left, left, probe)
        return better(best, better(left, right))

    @property
    def sections(self) -> int:
        """Number of sections after which every bracket is at most ε0 wide."""
        shrink = math.log(self.tolerance * self.grid / 2.0) / math.log(GOLDEN)
        return max(math.ceil(shrink), 0)


def better(first: Records, second: Records) -> Records:
    """Return for every user the answer of lower value, the first one where they are equal."""
    chosen: NDArray[Any] = np.where(second["value"] < first["value"], second, first)
    return chosen
