"""Policies held against certified optima: :func:`benchmark`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from eipyomo.draw import Draw
from eipyomo.errors import InputError
from eipyomo.files import PathLike
from eipyomo.instance import Instance
from eipyomo.solvers.backends.guard import scratch
from eipyomo.studies import sweep
from eipyomo.studies.answers import FAILURES
from eipyomo.studies.cell import Cell
from eipyomo.studies.judged import Benchmark
from eipyomo.studies.policies import at, end_children, policies_of, require
from eipyomo.studies.pools import in_this_process, open_pools, require_place
from eipyomo.studies.showing import counted
from eipyomo.studies.spreading import DiedError, why
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import cells, fill, solved
from eipyomo.studies.trials import Trial, document_of, failed
from eipyomo.validation import positive_number, require_kind
from eipyomo.words import shown

TIME_LIMIT_S = 10.0

ROUNDING = 1e-8
"""How far below a bound a cost may be by rounding, relative to the bound."""


def benchmark(
    policies: Any,
    instances: Iterable[Instance] | Draw,
    reference: str | tuple[str, Mapping[str, Any]] = "exact",
    *,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    store: Store | PathLike | None = None,
    progress: bool = True,
) -> Benchmark:
    """Hold policies against certified optima of (10), instance by instance.

    An answer counts as it is once nothing of it is violated any more: what is beyond a limit by no
    more than the tolerance of :func:`eipyomo.evaluate` is mended first, so that nobody is better
    than an optimum for that. What a policy does wrong, be it an exception, a crash, an answer that
    is late or none, is a failure of its own, and all others go on.

    Parameters
    ----------
    policies
        A mapping from names to policies, or a list of them. A policy is

        * a function of an :class:`Instance` that returns an :class:`Allocation`, or ``(download,
          offload_fraction)``, to which the best rest is found here;
        * ``"script.py:function"``;
        * the name of a method, or a pair of it and its options, such as ``("exhaustive", {"step":
          0.1})``;
        * a :class:`Recorded` table of answers, or the name of its file.

        A function runs in a process of its own, and is given a copy of each instance. The global
        generators of ``random`` and ``numpy`` are seeded by the instance.
    instances
        Instances, or a distribution of them with its seeds.
    reference
        The method, or a pair of it and its options, that finds optima and proves bounds.
    time_limit
        Seconds for each answer. A policy that is late is ended; loading it does not count.
    workers
        Number of processes on this machine that solve and judge; as many as this process may use
        processors if left out. With 1 there are none but those of functions. A script that calls
        this with more needs the usual guard ``if __name__ == "__main__"``.
    store
        Where verdicts and optima are kept, so that a benchmark that was killed goes on where it
        stopped; a :class:`Store` or a file.
    progress
        Whether to show on standard error, in a terminal, how many are done.

    Returns
    -------
    Benchmark
        A row for each policy and instance.

    Raises
    ------
    InputError
        If an argument is not allowed, or a policy cannot be loaded.

    Examples
    --------
    >>> import eipyomo as ei
    >>> def all_at_edge(instance):
    ...     users = len(instance.users)
    ...     return [False] * users, [1.0] * users
    >>> found = ei.benchmark([all_at_edge, "admm"], ei.Draw(users=4, seeds=range(20)))
    >>> found.summary()["median"].round(4).tolist()
    [0.0127, 0.0]
    """
    time_limit = positive_number("time_limit", time_limit)
    require_place(workers, None)
    several = _listed(instances)
    with ExitStack() as stack:
        stack.callback(end_children)
        named = policies_of(policies, lambda: stack.enter_context(scratch()))
        if not isinstance(store, Store):
            store = stack.enter_context(Store(store))
        optima = cells(several, [reference])
        for policy in named.values():
            require(policy, len(several))
        asked = {
            name: [Trial(at(policy, n, one), one, time_limit) for n, one in enumerate(several)]
            for name, policy in named.items()
        }
        wanted: list[Cell | Trial] = [
            *optima,
            *(trial for some in asked.values() for trial in some),
        ]
        report = stack.enter_context(counted("benchmark", len(wanted))) if progress else None
        pools = in_this_process() if workers == 1 else open_pools(workers, None)
        fill(store, wanted, _document_of, _failed, pools, report)
        found = [_kept(store, cell) for cell in optima]
        rows = [
            _row(name, trial, _kept(store, trial), optimum)
            for name, some in asked.items()
            for trial, optimum in zip(some, found, strict=True)
        ]
    return Benchmark(tuple(rows), optima[0].method, time_limit)


def _listed(instances: Any) -> list[Instance]:
    """Return the instances, checked."""
    if isinstance(instances, Draw):
        return list(instances.instances())
    if isinstance(instances, Instance | str) or not isinstance(instances, Iterable):
        raise InputError(f"instances is {shown(instances)}, but must be a list of instances")
    several = list(instances)
    for one in several:
        require_kind("an element of instances", one, Instance)
    return several


def _kept(store: Store, one: Cell | Trial) -> dict[str, Any]:
    """Return a document that was computed, or found in the store."""
    document = store.get(one)
    assert document is not None
    return document


def _document_of(one: Cell | Trial) -> dict[str, Any]:
    """Return what comes of an optimum or of a trial; runs in a worker."""
    return solved(one) if isinstance(one, Cell) else document_of(one)


def _failed(one: Cell | Trial, error: Exception) -> dict[str, Any]:
    """Return the document of what raised something, or whose process died."""
    if isinstance(one, Cell):
        return sweep.failed(one, error)
    return failed("died" if isinstance(error, DiedError) else "exception", why(error))


def _row(
    name: str, trial: Trial, verdict: Mapping[str, Any], optimum: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row of a policy and an instance."""
    cost, best, bound = verdict["objective"], optimum["objective"], optimum["bound"]
    kind, message = verdict["failure"], verdict["message"]
    if None not in (cost, bound) and cost < bound - ROUNDING * abs(bound):
        kind, message = "contradiction", f"{FAILURES['contradiction']}: {cost!r} < {bound!r}"
    return {
        "policy": name,
        "instance": trial.instance.name,
        "excess": None if kind else _excess(cost, best, bound),
        "cost": cost,
        "optimum": best,
        "bound": bound,
        "feasible": verdict["feasible"],
        "violated": verdict["violated"],
        "failure": kind,
        "message": message,
        "seconds": verdict["wall_s"],
        "digest": trial.instance.digest(),
    }


def _excess(cost: float | None, optimum: float | None, bound: float | None) -> float | None:
    """Return how far a cost is above an optimum, relative to it.

    The optimum is the cost of an allocation and may be above the true one by the gap to its bound,
    so that the excess of a better one may be negative, but never beyond that gap.
    """
    if cost is None or optimum is None:
        return None
    least = cost if bound is None else max(cost, bound)
    return (least - optimum) / abs(optimum) if optimum else least
