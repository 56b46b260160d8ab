"""Many small tasks shared out among executors, so that neither a failure nor a death stops any."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from itertools import islice
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
) -> Iterator[tuple[Task, Answer | Exception]]:
    """Iterate over tasks with their answers, in whatever order they are finished.

    When an executor breaks, a task that was out has broken it: each of these is tried alone, on an
    executor of its own.

    Parameters
    ----------
    function
        What is computed of a task, in a worker; what it raises is the answer.
    tasks
        Taken as there is room for them.
    pools
        Gives executors, each with how many workers it has.

    Raises
    ------
    SolverError
        If a worker computes with another version.
    """
    waiting = iter(tasks)
    left = deque(islice(waiting, 1))
    while left:
        executor, width = next(pools)
        turn = _Turn(function, executor, width, waiting, left)
        yield from turn.answers()
        for suspect in turn.suspects:
            executor, _ = next(pools)
            alone = _Turn(function, executor, 1, iter(()), deque([suspect]))
            yield from alone.answers()
            yield from ((task, DiedError()) for task in alone.suspects)
        left = turn.left or deque(islice(waiting, 1))


@dataclass
class _Turn(Generic[Task, Answer]):
    """What one executor computes, until nothing waits or it breaks.

    Attributes
    ----------
    left
        Tasks that were taken from those waiting, and are to be handed out first.
    suspects
        Tasks that were out when it broke.
    """

    function: Callable[[Task], Answer]
    executor: Executor
    width: int
    waiting: Iterator[Task]
    left: deque[Task]
    suspects: list[Task] = field(default_factory=list)
    _broken: bool = False
    _together: int = 1
    _out: dict[Future[tuple[float, list[Answer | Exception]]], list[Task]] = field(
        default_factory=dict
    )

    def answers(self) -> Iterator[tuple[Task, Answer | Exception]]:
        """Iterate over what is finished."""
        self._hand_out()
        while self._out:
            for job in wait(self._out, return_when=FIRST_COMPLETED).done:
                tasks, error = self._out.pop(job), job.exception()
                if isinstance(error, BrokenExecutor):
                    self._broken = True
                    self.suspects += tasks
                elif isinstance(error, Exception):
                    yield from ((task, error) for task in tasks)
                else:
                    seconds, answers = job.result()
                    self.left.extend(tasks[len(answers) :])
                    each_s = max(seconds / len(answers), 1e-9)
                    self._together = min(max(int(HANDED_OUT_S / each_s), 1), MOST)
                    _require_same_code(answers)
                    yield from zip(tasks, answers, strict=False)
            self._hand_out()

    def _hand_out(self) -> None:
        """Let each worker have something to do, as long as there is something and none is dead."""
        while not self._broken and len(self._out) < self.width:
            self.left.extend(islice(self.waiting, max(self._together - len(self.left), 0)))
            tasks = [self.left.popleft() for _ in range(min(self._together, len(self.left)))]
            if not tasks:
                return
            try:
                self._out[self.executor.submit(_answers, self.function, tasks)] = tasks
            except BrokenExecutor:
                self._broken = True
                self.left.extendleft(reversed(tasks))


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
