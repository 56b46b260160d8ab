"""The tree of the branch and bound: what is split, and what proves each leaf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eipyomo.solvers.exact.dual import Prices, Response
from eipyomo.solvers.records import Records


class Narrowing(NamedTuple):
    """One step from a node to its child: a user's decision on one side of a threshold.

    Decisions are ordered: download with growing ι, and last no download. The low side downloads
    with ι up to the threshold; the high side is the rest, where the threshold itself stands on
    both sides; at threshold 1 it is "no download".

    Attributes
    ----------
    user
        Index of the user.
    threshold
        Offload fraction.
    high
        Which side.
    """

    user: int
    threshold: float
    high: bool


@dataclass(frozen=True, eq=False)
class Evidence:
    """From what the cells that prove a range of sync times can be made again.

    Keeping the cells themselves would take far more memory than making them anew for a certificate.

    Attributes
    ----------
    response
        The users' choices, with multipliers, that the cells were made around.
    narrowings
        The narrowings of the node for which they were made.
    first_s, last_s
        Range of sync times for which they were made.
    tolerance
        Tolerance of the cells.
    """

    response: Response
    narrowings: tuple[Narrowing, ...]
    first_s: float
    last_s: float
    tolerance: float


@dataclass(eq=False)
class Node:
    """A range of sync times under some narrowings.

    Attributes
    ----------
    first_s, last_s
        Range of sync times.
    narrowings
        All steps from the root.
    bound
        Lower bound proven for the range.
    evidence
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
    narrowings: tuple[Narrowing, ...] = ()
    bound: float = -np.inf
    evidence: Evidence | None = None
    sync_s: float | None = None
    prices: Prices = ()
    closed: bool = False
    parts: tuple[Node, ...] = ()
    branch: tuple[Node, ...] = ()

    @property
    def children(self) -> tuple[Node, ...]:
        """All nodes below."""
        return self.parts or self.branch


def narrow(domains: Records, narrowings: tuple[Narrowing, ...], twins: Twins, step: float) -> None:
    """Apply narrowings to DOMAIN records, to the user's twins too."""
    for narrowing in narrowings:
        twin = twins.up_to(narrowing.user, narrowing.high)
        threshold = narrowing.threshold
        if not narrowing.high:
            domains["edge"][twin] = False
            domains["offload_max"][twin] = np.minimum(domains["offload_max"][twin], threshold)
        elif threshold >= 1.0:
            domains["local"][twin] = False
        else:
            low = np.maximum(domains["offload_min"][twin], threshold + step)
            domains["offload_min"][twin] = low
    domains["local"] &= domains["offload_min"] <= domains["offload_max"]


class Twins:
    """Users that differ in nothing but the name, whose order may be chosen.

    Among twins, those with smaller index may be taken to come first in the order of
    :class:`Narrowing`: any allocation can be relabelled so.
    """

    def __init__(self, users: Records, domains: Records) -> None:
        """Group users with equal records and domains."""
        keys = [
            user.tobytes() + domain.tobytes() for user, domain in zip(users, domains, strict=True)
        ]
        first = {key: j for j, key in reversed(list(enumerate(keys)))}
        self._group = np.array([first[key] for key in keys])

    def of(self, user: int) -> Records:
        """Return the indices of a user and its twins, in order."""
        return np.flatnonzero(self._group == self._group[user])

    def up_to(self, user: int, high: bool) -> Records:
        """Return those to which a narrowing of the user extends: before it, or from it on."""
        group = self.of(user)
        return group[group >= user] if high else group[group <= user]


def leaves(root: Node) -> Iterator[Node]:
    """Iterate over the nodes without children."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.children:
            waiting.extend(reversed(node.children))
        else:
            yield node
