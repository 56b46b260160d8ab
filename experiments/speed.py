"""How many optima a second: exact and ADMM, from 4 to 100,000 users, one by one and together.

Run ``python -m experiments.speed``; it takes some minutes, and means something on a quiet machine
only. The setting is the letter's; a row is the median of three runs over so many channels (seeds
from 0), warm, at each method's own gap.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import eipyomo as ei
from experiments.table import Case, Row, Table, command

REPETITIONS = 3
BANDS = ("20 MHz", "5 MHz a user")
CHANNELS = {4: 100, 10: 50, 100: 10, 1000: 3, 10_000: 1, 100_000: 1}
"""Number of channels, by number of users."""
LARGEST = {"exact": 100_000, "admm": 10_000}
TOGETHER = 10_000
"""Channels of 4 users that are solved by one call, as for a data set."""
STARTED = 2_000
"""After so many of them other processes have started, and all are warm."""
TIME_LIMIT_S = 600.0


def cases() -> Iterator[Case]:
    """Iterate over methods, numbers of users and bands; and over numbers of processes."""
    for method, largest in LARGEST.items():
        for users in CHANNELS:
            for band in BANDS if users > 4 else BANDS[:1]:
                if users <= largest:
                    yield method, users, band, None
    if hasattr(ei, "solve_many"):
        for workers in (1, 2):
            yield "exact", 4, BANDS[0], workers


@cache
def warm() -> None:
    """Compile, and start the threads."""
    for method in LARGEST:
        ei.solve(ei.Instance.letter(users=600), method)


def row(method: str, users: int, band: str, workers: int | None) -> Row:
    """Return the seconds that an optimum takes."""
    warm()
    count = TOGETHER if workers else CHANNELS[users]
    mhz = 20.0 if band == BANDS[0] else 5.0 * users
    channels = [
        ei.Instance.letter(users=users, bandwidth_mhz=mhz, seed=seed) for seed in range(count)
    ]

    def one_by_one() -> Iterator[ei.Result]:
        return (ei.solve(channel, method, time_limit=TIME_LIMIT_S) for channel in channels)

    def together() -> Iterator[ei.Result]:
        return ei.solve_many(channels, method, workers=workers, progress=False)

    first = STARTED if workers else 0
    seconds, warm_s, answers = measured(together if workers else one_by_one, first)
    ended = {answer.termination for answer in answers}
    return {
        "method": method,
        "users": users,
        "band": band,
        "processes": workers,
        "channels": count,
        "termination": ended.pop() if len(ended) == 1 else "mixed",
        "iterations": statistics.mean(answer.iterations for answer in answers),
        "objective": statistics.mean(answer.objective for answer in answers),
        "seconds": seconds / count,
        "per_second": count / seconds,
        "warm_per_second": (count - first) / warm_s,
    }


class Answer(NamedTuple):
    """What is kept of a result."""

    termination: str
    iterations: int
    objective: float


def measured(
    run: Callable[[], Iterator[ei.Result]], first: int
) -> tuple[float, float, list[Answer]]:
    """Return the medians of the seconds that some runs take, and the answers of the last.

    The second one is without what it takes to the first ones.
    """
    seconds: list[tuple[float, float]] = []
    answers: list[Answer] = []
    for _ in range(REPETITIONS):
        began, answers = time.perf_counter(), []
        warm_from = began
        for one in run():
            answers.append(Answer(one.termination, one.iterations or 0, one.objective or 0.0))
            if len(answers) == first:
                warm_from = time.perf_counter()
        ended = time.perf_counter()
        seconds.append((ended - began, ended - warm_from))
    whole, warm_part = map(statistics.median, zip(*seconds, strict=True))
    return whole, warm_part, answers


TABLE = Table("speed", cases, row, ("numba",))

if __name__ == "__main__":
    command([TABLE])
