"""What is branched on: a user's decision, on one side of a threshold or the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import NO_DOWNLOAD
from eipyomo.solvers.exact.prices import PriceOptimum
from eipyomo.solvers.exact.solutions import UserSolutions
from eipyomo.solvers.records import Records


class BranchingDecision(NamedTuple):
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


DECIDES = ["edge", "local", "offload_min", "offload_max", "modes"]
"""Fields of a DOMAIN that say what may be decided."""


class IdenticalUsers:
    """Users that differ in nothing but the name, whose order may be chosen.

    Among identical users, those with smaller index may be taken to come first in the order of
    :class:`BranchingDecision`: any allocation can be relabelled so.
    """

    def __init__(
        self, users: Records, domains: Records, lists: Sequence[str | None] | None = None
    ) -> None:
        """Group users with equal records, domains and lists of modes, which are told by names."""
        lists = lists or (None,) * len(users)
        first: dict[tuple[bytes, bytes, str | None], int] = {}
        keys = zip(_bytes(users), _bytes(domains), lists, strict=True)
        self._group = np.array([first.setdefault(key, j) for j, key in enumerate(keys)])

    def of(self, user: int) -> Records:
        """Return the indices of a user and those identical to it, in order, (count,)."""
        return np.flatnonzero(self._group == self._group[user])

    def up_to(self, user: int, high: bool) -> Records:
        """Return those to which a decision on the user extends: before it, or from it on."""
        group = self.of(user)
        return group[group >= user] if high else group[group <= user]

    def middle_of(self, user: int, domains: Records) -> int:
        """Return the middle one of those identical to a user that have the same domain still."""
        alike = [j for j in self.of(user) if domains[DECIDES][j] == domains[DECIDES][user]]
        return int(alike[len(alike) // 2])


def _bytes(records: Records) -> list[bytes]:
    """Return what is in memory of each record."""
    whole, size = records.tobytes(), records.itemsize
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def narrowed(
    domains: Records, decisions: Sequence[BranchingDecision], identical: IdenticalUsers, step: float
) -> Records:
    """Return DOMAIN records after branching decisions, which extend to identical users.

    Parameters
    ----------
    domains
        The root's.
    decisions
        From the root on.
    identical
        Which users are.
    step
        Of the grid of ι, or 0.
    """
    domains = domains.copy()
    for user, threshold, high in decisions:
        them = identical.up_to(user, high)
        if domains["modes"][user]:
            end = "offload_min" if high else "offload_max"
            better = np.maximum if high else np.minimum
            domains[end][them] = better(domains[end][them], threshold + high)
        elif not high:
            domains["edge"][them] = False
            domains["offload_max"][them] = np.minimum(domains["offload_max"][them], threshold)
        elif threshold >= 1.0:
            domains["local"][them] = False
        else:
            low = np.maximum(domains["offload_min"][them], threshold + step)
            high_end = domains["offload_max"][them]
            # 0.4 + 0.2 is above 0.6: one point of the grid, which rounding must not cut off.
            same = np.abs(low - high_end) < 0.5 * step
            domains["offload_min"][them] = np.where(same, high_end, low)
    domains["local"] &= domains["offload_min"] <= domains["offload_max"]
    return domains


# --- which user to branch on ----------------------------------------------------------------------

APART = 1e-3
"""Decisions whose ι differ by more are not of one basin."""
NEARBY = (1e-5, 1e-4, 1e-3, 1e-2)
"""Relative changes of all prices that are tried until a user's decision jumps."""


def branching_candidate(
    dual: Dual, optima: tuple[PriceOptimum, ...], identical: IdenticalUsers
) -> tuple[int, float] | None:
    """Return the user, and the threshold, at which solutions of equal cost differ most.

    Where the solutions combined at the optima agree, those at prices nearby are asked too. None if
    no decision jumps.
    """
    known = [found for optimum in optima for _, found in optimum.combination]
    candidate = _largest_jump(dual, known)
    best = optima[0].best
    for change in NEARBY:
        if candidate is not None:
            break
        for factor in (1.0 - change, 1.0 + change):
            prices = tuple(price * factor for price in best.prices)
            known.append(dual.solve_users(prices, best.sync_s))
        candidate = _largest_jump(dual, known)
    if candidate is None:
        return None
    user, threshold = candidate
    if not dual.domains["modes"][user]:
        threshold = _on_grid(threshold, dual.grid_step)
    return identical.middle_of(user, dual.domains), threshold


def _largest_jump(dual: Dual, known: list[UserSolutions]) -> tuple[int, float] | None:
    """Return the user whose solutions use the most different parts of the budgets.

    With it comes a threshold between its decisions.
    """
    order = np.array([in_order(found.records) for found in known])
    usage = np.array([dual.parts_used(found.records) for found in known])
    apart = np.ptp(order, axis=0) > APART
    if not apart.any():
        return None
    # The small number prefers any of those apart to the others.
    spread = np.where(apart, np.ptp(usage, axis=0) + 1e-12, 0.0)
    user = int(np.argmax(spread))
    low, high = float(order[:, user].min()), float(order[:, user].max())
    if dual.domains["modes"][user]:
        return user, float(np.floor(0.5 * (low + high)))
    return user, 1.0 if high > 1.0 else 0.5 * (low + high)


def _on_grid(threshold: float, step: float) -> float:
    """Return the point of the grid at or below a threshold."""
    if step == 0.0 or threshold >= 1.0:
        return threshold
    return float(np.floor(threshold / step + 1e-9) * step)


def in_order(solutions: Records) -> FloatColumn:
    """Return decisions as numbers in the order of :class:`BranchingDecision`, (users,)."""
    return np.where(solutions["download"], solutions["offload_fraction"], NO_DOWNLOAD)


def fingerprint(solutions: Records) -> bytes:
    """Return a and ι to two digits, to recognise decisions tried before."""
    return in_order(solutions).round(2).tobytes()
