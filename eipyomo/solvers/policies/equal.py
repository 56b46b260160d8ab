"""The method ``equal``: nobody's band is planned, everybody gets as much of it as all others.

It is the usual answer to what resource allocation is worth: for instance the equal allocation of
C. You, K. Huang, H. Chae and B.-H. Kim, "Energy-Efficient Resource Allocation for Mobile-Edge
Computation Offloading", IEEE Transactions on Wireless Communications 16, 2017,
doi 10.1109/TWC.2016.2633522.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eipyomo import timing
from eipyomo.allocation import Allocation
from eipyomo.evaluation import evaluate
from eipyomo.models.bounds import unconstrained_frequency_ghz
from eipyomo.problem import LETTER_FEATURES, Problem
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.contract import Claim, Clock, Method, Options
from eipyomo.timing import Plan

GOLDEN = (5.0**0.5 - 1.0) / 2.0
SECTIONS = 24
"""After which ι is known to 1e-5."""


class EqualOptions(Options):
    """None of its own; there is no gap to stop at."""


class Equal(Method[EqualOptions]):
    """Equal shares of the band for all transmissions, and decisions that suit them.

    With n downloads there are M + n transmissions. Once the shares are equal users do not meet any
    more: each has its best ι, by golden sections since its cost is convex in ι then, and the n who
    gain most by a download have one. Of all n the best is taken.
    """

    name = "equal"
    description = "equal shares of the band, and the best decisions with them"
    Options = EqualOptions
    handles = LETTER_FEATURES

    def run(self, problem: Problem, options: EqualOptions, clock: Clock) -> Claim:
        """Try each number of downloads."""
        del options
        if problem.contradiction is not None:
            return Claim("infeasible", message=problem.contradiction)
        is_open = problem.decisions
        numbers = range(int((~is_open.edge).sum()), int(is_open.local.sum()) + 1)
        found: list[tuple[float, int, Allocation]] = []
        for downloads in numbers:
            if found and clock.left_s <= 0.0:
                break
            allocation = EqualShares(problem, downloads).best()
            found.append((evaluate(problem, allocation).value, downloads, allocation))
        return Claim(
            status="converged" if len(found) == len(numbers) else "limit",
            allocation=min(found, key=lambda one: one[0])[2],
            message=f"the best of {len(found)} numbers of downloads",
            iterations=len(found),
        )


@dataclass(frozen=True)
class EqualShares:
    """Equal shares of the band where so many users download.

    Attributes
    ----------
    problem
        The problem.
    downloads
        For how many downloads there are shares.
    """

    problem: Problem
    downloads: int

    def best(self) -> Allocation:
        """Return the best allocation with these shares."""
        is_open, offload = self.problem.decisions, self._offload_fraction()
        everybody = np.ones(len(offload), np.bool_)
        gain = self._cost(~everybody, 1.0) - self._cost(everybody, offload)
        gain = np.where(is_open.edge, np.where(is_open.local, gain, -np.inf), np.inf)
        download = ~everybody
        download[np.argsort(-gain, kind="stable")[: self.downloads]] = True
        return self.allocation(download, np.where(download, offload, 1.0))

    def _offload_fraction(self) -> FloatColumn:
        """Return each user's best ι with a download, by golden sections; on the grid beside it."""
        is_open, grid = self.problem.decisions, self.problem.restriction.grid
        everybody = is_open.edge | is_open.local
        low, high = is_open.offload_min, is_open.offload_max
        inner = np.stack([high - GOLDEN * (high - low), low + GOLDEN * (high - low)])
        costs = np.stack([self._cost(everybody, offload) for offload in inner])
        for _ in range(SECTIONS):
            is_left = costs[0] <= costs[1]
            low, high = np.where(is_left, low, inner[0]), np.where(is_left, inner[1], high)
            kept, least = np.where(is_left, *inner), costs.min(axis=0)
            other = low + high - kept
            cost = self._cost(everybody, other)
            inner = np.where(is_left, np.stack([other, kept]), np.stack([kept, other]))
            costs = np.where(is_left, np.stack([cost, least]), np.stack([least, cost]))
        if grid:
            low, high = np.floor(low * grid + 1e-5) / grid, np.ceil(high * grid - 1e-5) / grid
        is_low = self._cost(everybody, low) <= self._cost(everybody, high)
        return np.where(is_low, low, high)

    def _cost(self, download: Any, offload_fraction: Any) -> FloatColumn:
        """Return each user's part of WSEL."""
        allocation = self.allocation(download, offload_fraction)
        return evaluate(self.problem, allocation).breakdown.wsel

    def allocation(self, download: Any, offload_fraction: Any) -> Allocation:
        """Return the allocation of some a and ι, with f by (19), or as slow as the edge allows."""
        data, halves = self.problem.data, self.problem.restriction.split_band
        ones = np.ones(len(data))
        uplink = ones / (2 * len(data) if halves else len(data) + self.downloads)
        downlink = ones / max(2 * self.downloads, 1) if halves else uplink
        plan = Plan(
            sync_s=float(timing.uploaded_s(data, uplink).max()),
            download=download,
            offload_fraction=offload_fraction * ones,
            frequency_ghz=ones,
            uplink_share=uplink,
            downlink_share=np.where(download, downlink, 0.0),
            edge_frequency_ghz=np.where(
                offload_fraction * data.task_mbit > 0.0, data.equal_frequency_ghz, 0.0
            ),
        )
        need = timing.needs(data, plan)
        with np.errstate(invalid="ignore"):  # 0 / 0 where nothing is computed at the edge
            times = timing.times(data, plan, need)
        spare_s = times.ready_s + times.edge_inference_s - plan.sync_s - times.download_s
        fastest = np.where(need.local_gigacycles > 0.0, unconstrained_frequency_ghz(data), 0.0)
        in_time = np.divide(need.local_gigacycles, spare_s, out=fastest.copy(), where=spare_s > 0.0)
        plan = plan._replace(frequency_ghz=np.minimum(fastest, in_time))
        serves = data.total_frequency_ghz is not None
        return Allocation.of_plan(data.names, plan, serves=serves)
