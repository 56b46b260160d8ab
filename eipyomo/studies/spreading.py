"""Many small tasks shared out among executors, so that neither a failure nor a death stops any."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Generic, TypeVar

from eipyomo.errors import SolverError
from eipyomo.studies.versions import version_of_code

Task = TypeVar("Task")
Answer = TypeVar("Answer")

HANDED_OUT_S = 0.2
"""So long are tasks computed between two words with a worker: beside it, words cost nothing."""
MOST, LONG_S = 64, 1.0
"""Tasks handed out together, and after how long those not yet begun are given back."""


class OtherCodeError(Exception):
    """A worker has another version of what computes; it is the only argument."""


class DiedError(Exception):
    """The process that computed something died."""


def require_code(version: str) -> None:
    """Refuse to compute with another version of this package, or of what it computes with.

    Raises
    ------
    OtherCodeError
        If this process has another one.
    """
    if version_of_code() != version:
        raise OtherCodeError(version_of_code())


def why(error: object) -> str:
    """Say why there is no answer."""
    if isinstance(error, DiedError):
        return "the process that computed it died"
    return f"{type(error).__name__}: {error}"


def spread(
    function: Callable[[Task], Answer],
    tasks: Iterable[Task],
    pools: Iterator[tuple[Executor, int]],
    *,
    here: bool = False,
) -> Iterator[tuple[Task, Answer | Exception]]:
    """Iterate over tasks with their answers, in whatever order they are finished.

    When an executor breaks, a task that was begun has broken it: these are tried one after the
    other on another one, until it is clear which it is.

    Parameters
    ----------
    function
        What is computed of a task, in a worker; what it raises is the answer.
    tasks
        Taken as there is room for them.
    pools
        Gives executors, each with how many workers it has.
    here
        Whether this process computes too, where there is nothing to hand out; for short tasks,
        after each of which it looks after the others.

    Raises
    ------
    SolverError
        If a worker computes with another version.
    """
    waiting = iter(tasks)
    left = deque(islice(waiting, 1))
    while left:
        executor, width = next(pools)
        turn = _Turn(function, executor, width, waiting, left, MOST, here)
        yield from turn.answers()
        suspects = deque(chain.from_iterable(turn.suspects))
        while suspects:
            executor, _ = next(pools)
            alone = _Turn(function, executor, 1, iter(()), suspects, most=1)
            yield from alone.answers()
            yield from ((task, DiedError()) for task in chain.from_iterable(alone.suspects))
            suspects = alone.left
        left = turn.left or deque(islice(waiting, 1))


@dataclass
class _Turn(Generic[Task, Answer]):
    """What one executor computes, until nothing waits or it breaks.

    Attributes
    ----------
    left
        Tasks that were taken from those waiting, and are to be handed out first.
    most
        Tasks handed out together at the most.
    here
        Whether this process computes too. The others then have something beside what they compute,
        so that they need not wait for it.
    suspects
        Tasks that may have been begun when it broke, as they were handed out together.
    """

    function: Callable[[Task], Answer]
    executor: Executor
    width: int
    waiting: Iterator[Task]
    left: deque[Task]
    most: int
    here: bool = False
    suspects: list[list[Task]] = field(default_factory=list)
    _broken: bool = False
    _together: int = 1
    _out: dict[Future[tuple[float, list[Answer | Exception]]], list[Task]] = field(
        default_factory=dict
    )

    def answers(self) -> Iterator[tuple[Task, Answer | Exception]]:
        """Iterate over what is finished."""
        self._hand_out()
        while self._out:
            mine = self._taken(1) if self.here and not self._broken else []
            if mine:
                yield from zip(mine, _answers(self.function, mine)[1], strict=True)
            else:
                wait(self._out, return_when=FIRST_COMPLETED)
            for job in [job for job in self._out if job.done()]:
                yield from self._of_job(job)
            self._hand_out()

    def _of_job(
        self, job: Future[tuple[float, list[Answer | Exception]]]
    ) -> Iterator[tuple[Task, Answer | Exception]]:
        """Iterate over what came of what was handed out together."""
        tasks, error = self._out.pop(job), job.exception()
        if isinstance(error, BrokenExecutor):
            # Jobs begin in the order in which they were handed out, which is the order here.
            self._broken = True
            if len(self.suspects) < self.width:
                self.suspects.append(tasks)
            else:
                self.left.extend(tasks)
        elif isinstance(error, Exception):
            yield from ((task, error) for task in tasks)
        else:
            seconds, answers = job.result()
            self.left.extend(tasks[len(answers) :])
            each_s = max(seconds / len(answers), 1e-9)
            self._together = min(max(int(HANDED_OUT_S / each_s), 1), self.most)
            _require_same_code(answers)
            yield from zip(tasks, answers, strict=False)

    def _hand_out(self) -> None:
        """Let each worker have something to do, as long as there is something and none is dead."""
        while not self._broken and len(self._out) < self.width * (2 if self.here else 1):
            tasks = self._taken(self._together)
            if not tasks:
                return
            try:
                self._out[self.executor.submit(_answers, self.function, tasks)] = tasks
            except BrokenExecutor:
                self._broken = True
                self.left.extendleft(reversed(tasks))

    def _taken(self, most: int) -> list[Task]:
        """Take so many tasks, or as many as there are."""
        self.left.extend(islice(self.waiting, max(most - len(self.left), 0)))
        return [self.left.popleft() for _ in range(min(most, len(self.left)))]


def _answers(
    function: Callable[[Task], Answer], tasks: list[Task]
) -> tuple[float, list[Answer | Exception]]:
    """Return the seconds that tasks took, and what came of each; runs in a worker.

    Those that are left after a long time are given back: what is done is not to wait for them.
    """
    started, found = time.monotonic(), []
    for task in tasks:
        answer: Answer | Exception
        try:
            answer = function(task)
        except Exception as error:  # whatever a method raises: the others go on
            answer = error
        found.append(answer)
        if time.monotonic() - started > LONG_S:
            break
    return time.monotonic() - started, found


def _require_same_code(answers: Iterable[object]) -> None:
    """Refuse answers that were computed by another version.

    Raises
    ------
    SolverError
        If one was.
    """
    for answer in answers:
        if isinstance(answer, OtherCodeError):
            raise SolverError(
                f"a worker computes with version {answer.args[0]} of eipyomo and its solvers, "
                f"but must with {version_of_code()}, as the process that calls it"
            )
