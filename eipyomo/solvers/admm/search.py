"""Step 1: every agent's best a_j and ι_j, around an engine that solves (18) for given ones.

The agents' searches run side by side: all take the same number of steps, so that one call of the
engine serves all users, and the same search runs over one user or over ten thousand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from eipyomo.restriction import OpenDecisions

if TYPE_CHECKING:
    from eipyomo.problem import Problem
    from eipyomo.scaled import FloatColumn
    from eipyomo.solvers.records import Records

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


class Engine(Protocol):
    """Whatever solves the sub-problem (18) at fixed a and ι."""

    def solve(self, targets: Records, download: bool, offload: FloatColumn | float) -> Records:
        """Return one ANSWER record per user."""


@dataclass(frozen=True, eq=False)
class OffloadSearch:
    """Which decisions the agents may take, and how they look for their ι.

    Attributes
    ----------
    decisions
        What is open; arrays of shape (users,). The range of an ι that means nothing is a point.
    grid
        n where ι must be one of k/n, which are all tried then; else 0.
    parts
        Number of equal parts of an ι's range whose ends the coarse scan visits.
    tolerance
        ε0, the absolute width of bracket at which the golden-section search ends.
    """

    decisions: OpenDecisions
    grid: int
    parts: int
    tolerance: float

    @classmethod
    def of(cls, problem: Problem, parts: int, tolerance: float) -> OffloadSearch:
        """Return the search over what a problem leaves open; without a task, ι means nothing."""
        low = problem.decisions.offload_min + 0.0  # rounded up to a grid it may be -0.0
        high = np.where(problem.data.task_mbit > 0.0, problem.decisions.offload_max, low)
        decisions = replace(problem.decisions, offload_min=low, offload_max=high)
        return cls(decisions, problem.restriction.grid, parts, tolerance)

    def of_user(self, place: int) -> OffloadSearch:
        """Return the search of one user by its place."""
        one = {
            field.name: getattr(self.decisions, field.name)[[place]]
            for field in fields(self.decisions)
        }
        return replace(self, decisions=OpenDecisions(**one))

    def run(self, engine: Engine, targets: Records) -> Records:
        """Minimise (18) over a, ι and the rest of u_j, for every user.

        Parameters
        ----------
        engine
            Solves for given a and ι.
        targets
            TARGET records.
        """
        edge, local = self.decisions.edge, self.decisions.local
        if not local.any():
            return engine.solve(targets, False, 1.0)
        here = self.with_download(engine, targets)
        if not edge.any():
            return here
        there = engine.solve(targets, False, 1.0)
        downloads = local & (~edge | (here["value"] < there["value"]))
        return choose(downloads, here, there)

    def with_download(self, engine: Engine, targets: Records) -> Records:
        """Minimise (18) with a = 1."""
        first = engine.solve(targets, True, self.decisions.offload_min)
        searched = self.decisions.offload_min < self.decisions.offload_max
        if not searched.any():
            return first
        found = self.coarse_scan(engine, targets, first)
        if not self.grid:
            found = self.golden_section(engine, targets, found)
        return better(first, choose(searched, found, first))

    def coarse_scan(self, engine: Engine, targets: Records, first: Records) -> Records:
        """Return the best of equidistant ι.

        The cost has several local minima in ι for about one user in ten.
        """
        best = first
        for offload in self.points():
            best = better(best, engine.solve(targets, True, offload))
        return best

    def points(self) -> Iterator[FloatColumn]:
        """Yield the ι of the coarse scan beyond the least, of shape (users,)."""
        low, high = self.decisions.offload_min, self.decisions.offload_max
        for k in range(1, (self.grid or self.parts) + 1):
            if self.grid:
                yield np.clip(k / self.grid, low, high)
            else:
                yield low + (high - low) * (k / self.parts)

    def golden_section(self, engine: Engine, targets: Records, best: Records) -> Records:
        """Narrow the parts beside each ι to ε0 by golden sections; return the best answer met."""
        least, most = self.decisions.offload_min, self.decisions.offload_max
        part = (most - least) / self.parts
        low = np.maximum(best["offload_fraction"] - part, least)
        high = np.minimum(best["offload_fraction"] + part, most)
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
            left, right = choose(keep_left, probe, right), choose(keep_left, left, probe)
        return better(best, better(left, right))

    @property
    def sections(self) -> int:
        """Number of sections after which every bracket is at most ε0 wide."""
        widest = float((self.decisions.offload_max - self.decisions.offload_min).max())
        shrink = math.log(self.tolerance * self.parts / (2.0 * widest)) / math.log(GOLDEN)
        return max(math.ceil(shrink), 0)


def better(first: Records, second: Records) -> Records:
    """Return for every user the answer of lower value, the first one where they are equal."""
    return choose(second["value"] < first["value"], second, first)


def choose(where: NDArray[np.bool_], these: Records, others: Records) -> Records:
    """Return these records or those; whole ones are copied, which takes a sixth of the time."""
    whole = np.dtype((np.void, these.itemsize))
    chosen: Records = np.where(where, these.view(whole), others.view(whole)).view(these.dtype)
    return chosen
