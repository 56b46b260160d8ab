"""The method ``droo``: a network proposes, and the best of what is nearest to that is taken.

L. Huang, S. Bi and Y.-J. A. Zhang, "Deep Reinforcement Learning for Online Computation Offloading
in Wireless Powered Mobile-Edge Computing Networks", IEEE Transactions on Mobile Computing 19, 2020,
doi 10.1109/TMC.2019.2928811, arXiv 1808.01977. What differs: the network sees and decides users one
by one, so that it works for any number of them, and there is an ι to propose as well.

How it is trained is in :mod:`~eipyomo.solvers.policies.training`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from eipyomo.files import PathLike
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.contract import Options
from eipyomo.solvers.policies.network import Network
from eipyomo.solvers.policies.tried import Policy, Tried
from eipyomo.validation import Whole

CANDIDATES = 8


class DrooOptions(Options):
    """Options of :class:`Droo`; there is no gap to stop at."""

    network: Annotated[
        PathLike | None,
        Field(description="file of a trained network; left out, the one of the package"),
    ] = None
    candidates: Annotated[
        Whole, Field(description="decisions on downloads to make of what is proposed, then on ι")
    ] = CANDIDATES


class Droo(Policy[DrooOptions]):
    """Tries the decisions that are nearest to those that a trained network proposes."""

    name = "droo"
    description = "decisions near those that a network proposes, the rest exactly"
    Options = DrooOptions

    def search(self, tried: Tried, options: DrooOptions) -> None:
        """Let the network propose, and try what is near."""
        network = own_network() if options.network is None else Network.load(options.network)
        try_near(tried, network.propose(tried.problem.data), options.candidates)


@cache
def own_network() -> Network:
    """Return the network of the package, which ``python -m experiments.droo`` has trained."""
    return Network.load(Path(__file__).with_name("droo.npz"))


def try_near(tried: Tried, proposed: FloatColumn, count: int) -> None:
    """Try decisions near what is proposed: so many on downloads, then on who offloads nothing.

    Parameters
    ----------
    tried
        Where they are tried.
    proposed
        A relaxed a and an ι of each user, of shape (2, users).
    count
        How many to try of each.
    """
    relaxed, offload = proposed
    best = min(quantised(relaxed, count), key=lambda download: tried.of(download, offload))
    for some in quantised(offload, count):
        tried.of(best, np.where(some, offload, 0.0))


def quantised(relaxed: FloatColumn, count: int) -> Iterator[NDArray[np.bool_]]:
    """Iterate over decisions that keep the order of relaxed ones, the nearest first, (8) and (9).

    A user whose value is larger than another's is never decided against where that one is not.
    """
    yield relaxed > 0.5
    nearest = np.argsort(np.abs(relaxed - 0.5), kind="stable")
    for value in relaxed[nearest[: count - 1]]:
        yield relaxed >= value if value <= 0.5 else relaxed > value
