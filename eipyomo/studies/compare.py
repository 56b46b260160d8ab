"""Methods side by side, on the same instances and in the same measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eipyomo.instance import Instance
from eipyomo.solvers.methods import attempt, resolve
from eipyomo.studies.store import COLUMNS, row_of
from eipyomo.validation import require_kind, require_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

TIME_LIMIT_S = 30.0

DEFAULT_METHODS = ("exact", "admm", "minlp:bonmin", "eco", "lco", "gbe")


def compare(
    instances: Sequence[Instance],
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    time_limit: float = TIME_LIMIT_S,
    progress: Callable[[str, str], None] | None = None,
) -> pd.DataFrame:
    """Run several methods on several instances.

    One method's failure does not stop the rest: its row has termination ``error``.

    Parameters
    ----------
    instances
        The instances.
    methods
        Names as in :func:`eipyomo.solve`.
    time_limit
        Seconds for each method on each instance.
    progress
        Called with the instance's and the method's name before each run.

    Returns
    -------
    DataFrame
        One row for each instance and method. ``excess`` is how far the objective is above the
        lowest one found on that instance, relative to it; the other columns are those of
        :class:`~eipyomo.result.Result`.

    Raises
    ------
    InputError
        If a method is unknown or does not handle an instance, or an argument is no such list;
        before anything runs.
    """
    import pandas as pd

    require_list("instances", instances, "instances")
    for instance in instances:
        require_kind("an element of instances", instance, Instance)
    require_list("methods", methods, "names of methods")
    for method in methods:
        job = resolve(method, {"time_limit": time_limit})
        for instance in instances:
            job.of(instance)
    rows, excess = [], []
    for instance in instances:
        results = []
        for method in methods:
            if progress is not None:
                progress(instance.name, method)
            results.append(attempt(instance, method, time_limit=time_limit))
        excess += _excess([result.objective for result in results])
        for method, result in zip(methods, results, strict=True):
            cell = {"instance": instance.name, "method": method}
            rows.append({**cell, **row_of(result.to_dict())})
    names = ["instance", "method", *COLUMNS]
    frame = pd.DataFrame(rows, columns=names)
    frame.insert(names.index("objective") + 1, "excess", excess)
    return frame


def _excess(costs: Sequence[float | None]) -> list[float | None]:
    """Return how far costs are above the lowest of them, relative to it."""
    best = min((cost for cost in costs if cost is not None), default=None)
    return [None if cost is None or best is None else (cost - best) / abs(best) for cost in costs]
