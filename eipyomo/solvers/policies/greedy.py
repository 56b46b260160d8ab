"""The method ``greedy``: one decision after the other, always the one that gains most.

Local search by marginal gains is the usual baseline of offloading. It is the coordinate descent of
S. Bi and Y. J. Zhang, "Computation Rate Maximization for Wireless Powered Mobile-Edge Computing
With Binary Computation Offloading", IEEE Transactions on Wireless Communications 17, 2018,
doi 10.1109/TWC.2018.2821664, with ι on a grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from eipyomo.restriction import points_of
from eipyomo.solvers.contract import Options
from eipyomo.solvers.policies.tried import Decided, Policy, Tried, decided
from eipyomo.validation import Finite

Begin = Literal["best", "edge", "local"]

LEAST_GAIN = 1e-9
"""A gain below this, relative to the cost, is a rounding error."""


class GreedyOptions(Options):
    """Options of :class:`Greedy`; there is no gap to stop at."""

    begin: Annotated[
        Begin,
        Field(description="where to begin: all at the edge, all local, or the better of them"),
    ] = "best"
    step: Annotated[
        Finite,
        "1/n for a whole number n",
        Field(description="step of the grid from which users that download take ι"),
    ] = 0.25


class Greedy(Policy[GreedyOptions]):
    """Changes the decision of one user, the one that gains most, until none gains any more."""

    name = "greedy"
    description = "one decision after the other by its gain, the rest exactly"
    Options = GreedyOptions

    def search(self, tried: Tried, options: GreedyOptions) -> None:
        """Go on from the better start, one user at a time."""
        steps = points_of(options.step)
        everybody = np.ones(len(tried.problem.data))
        starts = {
            "edge": decided(tried.problem, everybody < 1.0, everybody),
            "local": decided(tried.problem, everybody > 0.0, 0.0 * everybody),
        }
        asked = starts if options.begin == "best" else [options.begin]
        at, merit = min(
            ((starts[one], tried.of(*starts[one])) for one in asked), key=lambda found: found[1]
        )
        while not tried.is_late:
            best = min(_neighbours(at, steps), key=lambda one: tried.of(*one))
            enough = merit._replace(cost=merit.cost - LEAST_GAIN * abs(merit.cost))
            if not tried.of(*best) < enough:
                return
            at, merit = best, tried.of(*best)


def _neighbours(at: Decided, steps: int) -> Iterator[Decided]:
    """Iterate over the decisions in which one user has another a or ι of the grid."""
    for j in range(len(at.download)):
        for k in range(steps + 1):
            download, offload = at.download.copy(), at.offload_fraction.copy()
            download[j], offload[j] = k < steps, k / steps
            yield Decided(download, offload)
