"""How much work an answer takes, in counts: what a change has made slower shows in them.

Run ``python -m experiments.counts``; it takes a minute. Counts are the same on every machine: how
often all users are asked for their best decisions (dual evaluations), nodes, iterations, and convex
rests; and the bytes that a solve has in use at most, as Python's allocator counts them. The tests
hold them against the stored table, and so that a loss is seen, no more than a tenth may be lost.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.solvers.exact import solve_exact
from experiments.table import Case, Row, Table, command

CHANNELS = {4: 10, 30: 3, 100: 2, 1000: 1}
"""Number of channels, by number of users."""


def with_deadlines(users: int, seed: int) -> ei.Instance:
    """Return the letter's setting with a deadline for everybody that some just keep."""
    instance = ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users, seed=seed)
    return instance.replace(users={user.name: {"deadline_s": 8.0} for user in instance.users})


def letter(users: int, seed: int) -> ei.Instance:
    """Return the letter's setting."""
    return ei.Instance.letter(users=users, seed=seed)


def wide(users: int, seed: int) -> ei.Instance:
    """Return the letter's setting with 5 MHz a user."""
    return ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users, seed=seed)


SETTINGS: Mapping[str, Callable[[int, int], ei.Instance]] = {
    "letter": letter,
    "5 MHz a user": wide,
    "deadlines": with_deadlines,
}
METHODS = ("exact", "admm")


def cases() -> Iterator[Case]:
    """Iterate over methods, settings and numbers of users."""
    for method in METHODS:
        for setting in SETTINGS:
            for users in CHANNELS:
                yield method, setting, users


@cache
def warm() -> None:
    """Compile, so that the compiler's memory is not counted."""
    for method in METHODS:
        ei.solve(ei.Instance.letter(users=2), method)


def row(method: str, setting: str, users: int) -> Row:
    """Return the counts of all channels of a case together."""
    warm()
    counts = {"evaluations": 0, "iterations": 0}
    peak = 0
    for seed in range(CHANNELS[users]):
        instance = SETTINGS[setting](users, seed)
        tracemalloc.start()
        found = _counts(method, instance)
        peak = max(peak, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        counts = {key: counts[key] + found[key] for key in counts}
    return {"method": method, "setting": setting, "users": users, **counts, "peak_bytes": peak}


def _counts(method: str, instance: ei.Instance) -> dict[str, Any]:
    if method == "exact":
        outcome = solve_exact(Problem(instance))
        return {"evaluations": outcome.evaluations, "iterations": outcome.nodes}
    result = ei.solve(instance, method)
    recovered = {step["recovered_objective"] for step in result.trace}
    return {"evaluations": len(recovered), "iterations": result.iterations or 0}


TABLE = Table("counts", cases, row, ("numba",))

if __name__ == "__main__":
    command([TABLE])
