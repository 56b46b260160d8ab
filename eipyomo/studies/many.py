"""Many instances by one method, in parallel and in order: :func:`solve_many`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.solvers.methods import DEFAULT_METHOD, attempt_job, failure, resolve
from eipyomo.studies.pools import most_workers, open_pools, require_place
from eipyomo.studies.showing import tracked
from eipyomo.studies.spreading import spread, why
from eipyomo.validation import require_kind

Task = TypeVar("Task")
Answer = TypeVar("Answer")

HERE_S = 1.0
"""What takes less than that is computed in this process: to start others takes as long."""
SHORT_S = 0.03
"""Tasks that take less on average let this process compute as well and yet keep others busy."""


def solve_many(
    instances: Iterable[Instance],
    method: str = DEFAULT_METHOD,
    *,
    workers: int | None = None,
    progress: bool = True,
    **options: Any,
) -> Iterator[Result]:
    """Solve many instances by one method; the results come in the order of the instances.

    They are those of :func:`eipyomo.solve`, bit for bit, but for the seconds. An instance that
    fails has a result of termination ``error``, and the others go on.

    Parameters
    ----------
    instances
        The instances, taken as they are needed.
    method
        As for :func:`eipyomo.solve`.
    workers
        Number of processes on this machine, which begin once a second was not enough; as many as
        this process may use processors if left out. With 1 there are none. A script that calls
        this with more needs the usual guard ``if __name__ == "__main__"``.
    progress
        Whether to show on standard error, in a terminal, how many are done.
    **options
        Of the method; and ``problem``, ``round``, ``objective``.

    Raises
    ------
    InputError
        If the method or an option is unknown, or an element is no instance.

    Examples
    --------
    >>> import eipyomo as ei
    >>> channels = (ei.Instance.letter(users=4, seed=seed) for seed in range(3))
    >>> [round(result.objective, 3) for result in ei.solve_many(channels)]
    [4.075, 2.792, 3.102]
    """
    solved = partial(attempt_job, resolve(method, options), method, options)
    require_place(workers, None)
    total = len(instances) if isinstance(instances, Sized) else None
    found = _in_order(solved, instances, method, options, most_workers(workers))
    return tracked(found, method, total) if progress else found


def in_order(
    function: Callable[[Task], Answer], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Answer | Exception]]:
    """Iterate over tasks with their answers, in order: in this process until that takes long.

    Then they are shared out among others, where what the function raises is the answer. With tasks
    as short as they were, this process goes on computing as one of the workers.
    """
    started, waiting = time.monotonic(), iter(tasks)
    for done, task in enumerate(waiting, 1):
        yield task, function(task)
        spent_s = time.monotonic() - started
        here = spent_s < SHORT_S * done
        if workers > 1 and spent_s > HERE_S:
            break
    first = list(islice(waiting, 1))
    if not first:
        return
    numbered = enumerate(chain(first, waiting))
    with contextlib.closing(open_pools(workers - 1 if here else workers, None)) as pools:
        early: dict[int, tuple[Task, Answer | Exception]] = {}
        place = 0
        numbers = spread(partial(_of_numbered, function), numbered, pools, here=here)
        for (number, task), answer in numbers:
            early[number] = task, answer
            while place in early:
                yield early.pop(place)
                place += 1


def _of_numbered(function: Callable[[Task], Answer], numbered: tuple[int, Task]) -> Answer:
    """Return the answer to a task, whatever its number; runs in a worker."""
    return function(numbered[1])


def _in_order(
    solved: Callable[[Instance], Result],
    instances: Iterable[Instance],
    method: str,
    options: Mapping[str, Any],
    workers: int,
) -> Iterator[Result]:
    """Iterate over results in order; an instance that is refused is so in its turn."""
    for instance, answer in in_order(solved, _checked(instances), workers):
        if isinstance(answer, InputError):
            raise answer
        if isinstance(answer, Exception):
            yield failure(instance, method, dict(options), why(answer))
        else:
            yield answer


def _checked(instances: Iterable[Instance]) -> Iterator[Instance]:
    for instance in instances:
        require_kind("an element of instances", instance, Instance)
        yield instance
