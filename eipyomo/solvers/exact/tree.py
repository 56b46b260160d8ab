"""The tree of the branch and bound: what is split, and what proves each leaf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eipyomo.solvers.exact.branching import BranchingDecision
from eipyomo.solvers.exact.kernels import Times
from eipyomo.solvers.exact.solutions import Prices, UserSolutions


@dataclass(frozen=True, eq=False)
class BoundRecipe:
    """From what the cells that prove a range of sync times can be made again.

    Keeping the cells themselves would take far more memory than making them anew for a certificate.

    Attributes
    ----------
    solutions
        The users' solutions, with multipliers, that the cells were made around.
    decisions
        The branching decisions of the node for which they were made.
    times
        Range of sync times for which they were made.
    tolerance
        Tolerance of the cells.
    """

    solutions: UserSolutions
    decisions: tuple[BranchingDecision, ...]
    times: Times
    tolerance: float


@dataclass(eq=False)
class Node:
    """A range of sync times under some branching decisions.

    Attributes
    ----------
    first_s, last_s
        Range of sync times.
    decisions
        All steps from the root.
    bound
        Lower bound proven for the range.
    recipe
        What proves it, from this node or the one above; None before the first proof.
    sync_s, prices
        Where to start looking.
    closed
        Whether the bound is good enough.
    parts
        Nodes for consecutive parts of the range, if it was split in time.
    branch
        Low and high child, if it was split at a user's decision.
    """

    first_s: float
    last_s: float
    decisions: tuple[BranchingDecision, ...] = ()
    bound: float = -np.inf
    recipe: BoundRecipe | None = None
    sync_s: float | None = None
    prices: Prices = ()
    closed: bool = False
    parts: tuple[Node, ...] = ()
    branch: tuple[Node, ...] = ()

    @property
    def times(self) -> Times:
        """Its range of sync times."""
        return Times(self.first_s, self.last_s)

    @property
    def children(self) -> tuple[Node, ...]:
        """All nodes below."""
        return self.parts or self.branch


@dataclass(frozen=True)
class Step:
    """One line of the trace: the state after a node.

    Attributes
    ----------
    node
        Number of the node.
    bound, objective
        Global bound and incumbent.
    first_s, last_s
        Range of sync times of the node.
    depth
        Number of branching decisions of the node.
    price
        Price of a share of the (uplink) band in the node.
    elapsed_s
        Time since the start.
    """

    node: int
    bound: float
    objective: float
    first_s: float
    last_s: float
    depth: int
    price: float
    elapsed_s: float


def leaves(root: Node) -> Iterator[Node]:
    """Iterate over the nodes without children."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.children:
            waiting.extend(reversed(node.children))
        else:
            yield node
