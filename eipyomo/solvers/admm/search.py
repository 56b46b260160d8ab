"""Step 1: every agent's best a_j and ι_j, around whatever solves (18) for given ones.

Which ι are tried is written once for the compiled agents and for those in Pyomo: whoever solves
(18) there says what it costs, and is told the next one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from eipyomo.restriction import OpenDecisions
from eipyomo.solvers.admm.kernel import Ends, Probe, may_fall, no_probe, probe, solve_one
from eipyomo.solvers.compiled import compiled

if TYPE_CHECKING:
    from eipyomo.problem import Problem
    from eipyomo.scaled import FloatColumn
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
def scanned(least: float, most: float, rule: Rule) -> FloatColumn:
    """Return equidistant ι, or all of the grid.

    The cost has several local minima in ι for about one user in ten.
    """
    offloads = np.full((rule.grid or rule.parts) + 1 if least < most else 1, least)
    for k in range(1, len(offloads)):
        if rule.grid:
            offloads[k] = min(max(k / rule.grid, least), most)
        else:
            offloads[k] = least + (most - least) * (k / rule.parts)
    return offloads


@compiled
def beside(offload: float, least: float, most: float, rule: Rule) -> Ends:
    """Return the ends of the parts beside one of the ι scanned; on a grid there is nothing."""
    part = 0.0 if rule.grid else (most - least) / rule.parts
    return Ends(max(offload - part, least), min(offload + part, most))


class Golden(NamedTuple):
    """A golden section search: a bracket with two points inside, and what (18) costs at them.

    It asks for the cost at one of them, while that at the other is known or will be asked next.
    """

    low: float
    high: float
    left: float
    right: float
    left_cost: float
    right_cost: float
    asks_left: bool
    knows_other: bool


@compiled
def golden(ends: Ends) -> Golden:
    """Return the search within two ends."""
    low, high = ends
    width = GOLDEN * (high - low)
    return Golden(low, high, high - width, low + width, np.inf, np.inf, True, False)


@compiled
def asked(search: Golden) -> float:
    """Return the ι at which a search asks for the cost."""
    return search.left if search.asks_left else search.right


@compiled
def told(search: Golden, cost: float) -> Golden:
    """Return a search that knows what it asked for, and has cut off the dearer end."""
    low, high, left, right, left_cost, right_cost, asks_left, knows_other = search
    if asks_left:
        left_cost = cost
    else:
        right_cost = cost
    if not knows_other:
        return Golden(low, high, left, right, left_cost, right_cost, not asks_left, True)
    if left_cost <= right_cost:
        new = right - GOLDEN * (right - low)
        return Golden(low, right, new, left, np.inf, left_cost, True, True)
    new = left + GOLDEN * (high - left)
    return Golden(left, high, right, new, right_cost, np.inf, False, True)


# --- Compiled agents ------------------------------------------------------------------------------


class Decided(NamedTuple):
    """The best a and ι met, and S of (18) there."""

    value: float
    download: bool
    offload: float


@compiled
def begin(answer: Any, start: Any, download: bool, offload: float) -> Any:
    """Set a and ι of an answer, and where its solve starts."""
    answer.download, answer.offload_fraction = download, offload
    copy_start(start, answer)
    return answer


@compiled
def copy_start(source: Any, into: Any) -> None:
    """Copy the fields of a START."""
    into.uplink_share, into.downlink_share = source.uplink_share, source.downlink_share
    into.mu, into.deadline, into.energy = source.mu, source.deadline, source.energy


@compiled
def better(decided: Decided, value: float, answer: Any, start: Any) -> Decided:
    """Return the decisions of an answer if they are better; then the next solves start from it."""
    if value >= decided.value:
        return decided
    copy_start(answer, start[len(start) - 1])
    return Decided(value, answer.download, answer.offload_fraction)


@compiled
def scan(
    users: Any,
    j: int,
    target: Any,
    choice: Any,
    rule: Rule,
    decided: Decided,
    start: Any,
    answer: Any,
) -> tuple[Decided, Probe, float]:
    """Try the ι of the coarse scan; return also the best of them and what is known there.

    What is known at the first may prove that no other is better.
    """
    user, ends = users[j], Ends(choice.offload_min, choice.offload_max)
    best, middle, place = no_probe(), ends.low, 1
    for iota in scanned(ends.low, ends.high, rule):
        found = probe(users, j, target, begin(answer, start[place], True, iota))
        copy_start(answer, start[place])
        if found.value < best.value:
            best, middle = found, iota
        decided = better(decided, found.value, answer, start)
        if place == 1 and not may_fall(user, target, best, ends.low, ends, decided.value):
            break
        place += 1
    return decided, best, middle


@compiled
def narrow(
    users: Any,
    j: int,
    target: Any,
    ends: Ends,
    rule: Rule,
    decided: Decided,
    start: Any,
    answer: Any,
) -> Decided:
    """Try the ι of the golden sections between two ends.

    While a = 0 is better than what is met there, it may turn out that it is better than all.
    """
    user, search, last = users[j], golden(ends), len(start) - 1
    for _ in range(2 + rule.sections):
        iota, within = asked(search), Ends(search.low, search.high)
        found = probe(users, j, target, begin(answer, start[last], True, iota))
        search = told(search, found.value)
        decided = better(decided, found.value, answer, start)
        if not (decided.download or may_fall(user, target, found, iota, within, decided.value)):
            break
    return decided


@compiled
def decide(
    users: Any, j: int, target: Any, choice: Any, rule: Rule, start: Any, answer: Any
) -> Decided:
    """Find the best a and ι of user j."""
    decided = Decided(np.inf, False, 1.0)
    if choice.edge:
        found = probe(users, j, target, begin(answer, start[0], False, 1.0))
        copy_start(answer, start[0])
        decided = better(decided, found.value, answer, start)
    if not choice.local:
        return decided
    decided, best, middle = scan(users, j, target, choice, rule, decided, start, answer)
    ends = beside(middle, choice.offload_min, choice.offload_max, rule)
    if ends.low < ends.high and may_fall(users[j], target, best, middle, ends, decided.value):
        return narrow(users, j, target, ends, rule, decided, start, answer)
    return decided


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
    best = starts.shape[1] - 1
    for j in range(first, last):
        target, answer, start = targets[j], answers[j], starts[j]
        decided = decide(users, j, target, choices[j], rule, start, answer)
        begin(answer, start[best], decided.download, decided.offload)
        solve_one(users, j, target, answer)


# --- Agents in Pyomo ------------------------------------------------------------------------------


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
            offloads = map(float, scanned(least, most, self.rule))
            scan = [engine.solve(target, True, iota) for iota in offloads]
            middle = float(lowest(scan)["offload_fraction"][0])
            ends = beside(middle, least, most, self.rule)
            if ends.low < ends.high:
                search = golden(ends)
                for _ in range(2 + self.rule.sections):
                    scan.append(engine.solve(target, True, asked(search)))
                    search = told(search, float(scan[-1]["value"][0]))
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
