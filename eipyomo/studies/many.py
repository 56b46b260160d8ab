"""Many instances by one method, in parallel and in order: :func:`solve_many`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sized
from functools import partial
from itertools import chain, islice
from typing import Any

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.solvers.methods import DEFAULT_METHOD, attempt, failure, resolve
from eipyomo.solvers.processors import processors
from eipyomo.studies.pools import open_pools, require_place
from eipyomo.studies.showing import tracked
from eipyomo.studies.spreading import spread, why
from eipyomo.validation import require_kind

HERE_S = 1.0
"""What takes less than that is computed in this process: to start others takes as long."""


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
    resolve(method, dict(options))
    require_place(workers, None)
    total = len(instances) if isinstance(instances, Sized) else None
    found = _in_order(instances, method, options, workers or processors())
    return tracked(found, method, total) if progress else found


def _in_order(
    instances: Iterable[Instance], method: str, options: Mapping[str, Any], workers: int
) -> Iterator[Result]:
    """Solve in this process until that takes long, then in others."""
    started, waiting = time.monotonic(), _checked(instances)
    solved = partial(_solved, method=method, options=options)
    for instance in waiting:
        yield solved((0, instance))
        if workers > 1 and time.monotonic() - started > HERE_S:
            break
    first = list(islice(waiting, 1))
    if not first:
        return
    tasks = enumerate(chain(first, waiting))
    with contextlib.closing(open_pools(workers, None)) as pools:
        early: dict[int, Result | Exception] = {}
        place = 0
        for (number, instance), answer in spread(solved, tasks, pools):
            is_failure = isinstance(answer, Exception) and not isinstance(answer, InputError)
            early[number] = (
                failure(instance, method, dict(options), why(answer)) if is_failure else answer
            )
            while place in early:
                found = early.pop(place)
                if isinstance(found, Exception):
                    raise found
                yield found
                place += 1


def _checked(instances: Iterable[Instance]) -> Iterator[Instance]:
    for instance in instances:
        require_kind("an element of instances", instance, Instance)
        yield instance


def _solved(task: tuple[int, Instance], method: str, options: Mapping[str, Any]) -> Result:
    """Solve the instance of a task, whatever its number; runs in a worker."""
    return attempt(task[1], method, **options)
