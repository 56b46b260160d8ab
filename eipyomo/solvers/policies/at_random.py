"""The method ``random``: decisions drawn at random, which every other has to beat.

One of the two schemes that U. Saleem, Y. Liu, S. Jangsher and Y. Li compare theirs with in
"Performance Guaranteed Partial Offloading for Mobile Edge Computing", IEEE GLOBECOM 2018; the other
one is ``eco``.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from eipyomo.solvers.contract import Options
from eipyomo.solvers.policies.tried import Policy, Tried
from eipyomo.validation import Seed, Whole


class RandomOptions(Options):
    """Options of :class:`Random`; there is no gap to stop at."""

    seed: Annotated[Seed, Field(description="seed of all that is drawn")] = 0
    samples: Annotated[
        Whole, Field(description="decisions to draw, of which the best is taken")
    ] = 1


class Random(Policy[RandomOptions]):
    """Each user downloads or not by a fair coin, with an ι drawn uniformly if it does."""

    name = "random"
    description = "decisions at random, the rest exactly"
    Options = RandomOptions

    def search(self, tried: Tried, options: RandomOptions) -> None:
        """Draw one after the other, so that more samples are those of fewer and some besides."""
        draw = np.random.default_rng(options.seed)
        for _ in range(options.samples):
            coin, offload = draw.random((2, len(tried.problem.data)))
            tried.of(coin < 0.5, offload)
            if tried.is_late:
                return
