"""What would be enough where limits cannot be met together: words that help."""

from __future__ import annotations

from dataclasses import replace

from eipyomo.objective import OBJECTIVES
from eipyomo.problem import Problem
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.least import solve_least
from eipyomo.solvers.exact.outcome import ExactOutcome
from eipyomo.solvers.exact.slowest import solve_slowest

ABOUT = 1e-3
"""Relative gap that is good enough for words."""
LONGEST_S = 2.0
"""Time for each search at most."""


def what_would_be_enough(problem: Problem, clock: Clock) -> str:
    """Say with how much band an infeasible problem is feasible, and by when all can be served.

    What is said is true of an allocation that was found; there may be somewhat less.
    """
    found = []
    deadlines = [user.deadline_s for user in problem.instance.users]
    if None not in deadlines:
        wider = replace(problem, objective=OBJECTIVES["band"])
        band = solve_least(wider, ABOUT, 0.0, _part_of(clock), None)
        found += [f"a band of {text} MHz" for text in _rounded_up(band)]
    if any(deadline is not None for deadline in deadlines):
        names = [user.name for user in problem.instance.users]
        late = problem.instance.replace(users={name: {"deadline_s": None} for name in names})
        slowest = replace(problem, instance=late, objective=OBJECTIVES["slowest"])
        time = solve_slowest(slowest, ABOUT, 0.0, _part_of(clock), None)
        found += [f"{text} s for everybody" for text in _rounded_up(time)]
    return f"; enough would be {', or '.join(found)}" if found else ""


def _part_of(clock: Clock) -> Clock:
    return Clock(min(max(clock.left_s, 0.0), LONGEST_S))


def _rounded_up(outcome: ExactOutcome) -> list[str]:
    """Return a value to four digits that is not below it, if there is one."""
    return [] if outcome.objective is None else [f"{outcome.objective * (1.0 + 5e-4):.4g}"]
