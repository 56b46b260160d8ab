"""Step 1: every agent's best a_j and ι_j, around whatever solves (18) for given ones.

Which ι are tried is written once for the compiled agents and for those in Pyomo: whoever solves
(18) there says what it costs, and is told the next one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from eipyomo.restriction import OpenDecisions
from eipyomo.solvers.admm import kernel
from eipyomo.solvers.compiled import compiled

if TYPE_CHECKING:
    from eipyomo.problem import Problem
    from eipyomo.solvers.records import Records

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


class Rule(NamedTuple):
    """How an agent looks for its ι.

    Attributes
    ----------
    grid
        n where ι must be one of k/n, which are all tried then; else 0.
    parts
        Number of equal parts of an ι's range whose ends the coarse scan visits.
    sections
        Golden sections of the parts beside the best of these ends.
    """

    grid: int
    parts: int
    sections: int

    @property
    def points(self) -> int:
        """How many ι are tried at least, where they are free."""
        return (self.grid or self.parts) + 1


@compiled
def scanned(least: float, most: float, rule: Rule) -> Iterator[float]:
    """Yield equidistant ι, or all of the grid.

    The cost has several local minima in ι for about one user in ten.
    """
    for k in range((rule.grid or rule.parts) + 1 if least < most else 1):
        if rule.grid:
            yield least if k == 0 else min(max(k / rule.grid, least), most)
        else:
            yield least + (most - least) * (k / rule.parts)


@compiled
def beside(offload: float, least: float, most: float, rule: Rule) -> tuple[float, float]:
    """Return the ends of the parts beside one of the ι scanned; on a grid there is nothing."""
    part = 0.0 if rule.grid else (most - least) / rule.parts
    return max(offload - part, least), min(offload + part, most)


@compiled
def narrowed(low: float, high: float, sections: int, cost: Any) -> Iterator[float]:
    """Yield the ι of golden sections; what (18) costs at each is expected in ``cost[0]``."""
    width = GOLDEN * (high - low)
    left, right = high - width, low + width
    yield left
    left_cost = cost[0]
    yield right
    right_cost = cost[0]
    for _ in range(sections):
        if left_cost <= right_cost:
            high, right, right_cost = right, left, left_cost
            left = high - GOLDEN * (high - low)
            yield left
            left_cost = cost[0]
        else:
            low, left, left_cost = left, right, right_cost
            right = low + GOLDEN * (high - low)
            yield right
            right_cost = cost[0]


@compiled
def begin(answer: Any, start: Any, download: bool, offload: float) -> Any:
    """Set a and ι of an answer, and where its solve starts."""
    answer.download, answer.offload_fraction = download, offload
    copy_start(start, answer)
    return answer


@compiled
def copy_start(source: Any, into: Any) -> None:
    """Copy the fields of a START."""
    into.uplink_share, into.downlink_share, into.mu = (
        source.uplink_share,
        source.downlink_share,
        source.mu,
    )
    into.deadline, into.energy = source.deadline, source.energy


@compiled
def decide_range(
    users: Any,
    targets: Any,
    choices: Any,
    rule: Rule,
    starts: Any,
    answers: Any,
    first: int,
    last: int,
) -> None:
    """Minimise (18) over a, ι and the rest of u_j for users first..last-1.

    Of each user `starts` has where its solves start: of a = 0, of the ι scanned, which cost nearly
    what they did an iteration before, and of the best decisions met.
    """
    cost, end = np.empty(1), starts.shape[1] - 1
    for j in range(first, last):
        target, choice, answer, start = targets[j], choices[j], answers[j], starts[j]
        least, download, offload = np.inf, False, 1.0
        if choice.edge:
            least = kernel.probe(users, j, target, begin(answer, start[0], False, 1.0)).value
            copy_start(answer, start[0])
            copy_start(answer, start[end])
        if choice.local:
            best, middle, place = kernel.no_probe(), choice.offload_min, 1
            for iota in scanned(choice.offload_min, choice.offload_max, rule):
                found = kernel.probe(users, j, target, begin(answer, start[place], True, iota))
                copy_start(answer, start[place])
                place += 1
                if found.value < best.value:
                    best, middle = found, iota
                    if found.value < least:
                        least, download, offload = found.value, True, iota
                        copy_start(answer, start[end])
            low, high = beside(middle, choice.offload_min, choice.offload_max, rule)
            if low < high and kernel.may_fall(users[j], target, best, middle, low, high, least):
                for iota in narrowed(low, high, rule.sections, cost):
                    begin(answer, start[end], True, iota)
                    cost[0] = kernel.probe(users, j, target, answer).value
                    if cost[0] < least:
                        least, download, offload = cost[0], True, iota
                        copy_start(answer, start[end])
        kernel.solve_one(users, j, target, begin(answer, start[end], download, offload))


class Engine(Protocol):
    """Whatever solves the sub-problem (18) of one user at fixed a and ι."""

    def solve(self, target: Records, download: bool, offload: float) -> Records:
        """Return one ANSWER record."""


@dataclass(frozen=True, eq=False)
class OffloadSearch:
    """Which decisions the agents may take, and how they look for their ι.

    Attributes
    ----------
    decisions
        What is open; arrays of shape (users,). The range of an ι that means nothing is a point.
    rule
        Which ι are tried.
    """

    decisions: OpenDecisions
    rule: Rule

    @classmethod
    def of(cls, problem: Problem, parts: int, tolerance: float) -> OffloadSearch:
        """Return the search over what a problem leaves open; without a task, ι means nothing.

        Parameters
        ----------
        parts
            See :class:`Rule`.
        tolerance
            ε0, the absolute width of bracket at which the golden sections end.
        """
        low = problem.decisions.offload_min + 0.0  # rounded up to a grid it may be -0.0
        high = np.where(problem.data.task_mbit > 0.0, problem.decisions.offload_max, low)
        decisions = replace(problem.decisions, offload_min=low, offload_max=high)
        sections = sections_to(tolerance, float((high - low).max()) / parts)
        return cls(decisions, Rule(problem.restriction.grid, parts, sections))

    def of_user(self, place: int) -> OffloadSearch:
        """Return the search of one user by its place."""
        one = {
            field.name: getattr(self.decisions, field.name)[[place]]
            for field in fields(self.decisions)
        }
        return replace(self, decisions=OpenDecisions(**one))

    def run(self, engine: Engine, target: Records) -> Records:
        """Minimise (18) over a, ι and the rest of u_j, for one user.

        Parameters
        ----------
        engine
            Solves for given a and ι.
        target
            Its TARGET record, of shape (1,).
        """
        ((edge, local, least, most),) = self.decisions.by_user()
        found = [engine.solve(target, False, 1.0)] if edge or not local else []
        if local:
            scan = [engine.solve(target, True, iota) for iota in scanned(least, most, self.rule)]
            middle = float(lowest(scan)["offload_fraction"][0])
            low, high = beside(middle, least, most, self.rule)
            if low < high:
                cost = np.empty(1)
                for iota in narrowed(low, high, self.rule.sections, cost):
                    scan.append(engine.solve(target, True, iota))
                    cost[:] = scan[-1]["value"]
            found += scan
        return lowest(found)


def lowest(answers: list[Records]) -> Records:
    """Return the first answer of the least value."""
    return min(answers, key=lambda answer: float(answer["value"][0]))


def sections_to(tolerance: float, part: float) -> int:
    """Return the number of golden sections after which two parts of ι's range are that narrow."""
    if part <= 0.0:
        return 0
    return max(math.ceil(math.log(0.5 * tolerance / part) / math.log(GOLDEN)), 0)
