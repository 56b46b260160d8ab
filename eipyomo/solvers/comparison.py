"""Methods side by side, on the same instances and in the same measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from eipyomo.instance import Instance
from eipyomo.solvers.methods import attempt, resolve
from eipyomo.validation import require_kind, require_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eipyomo.result import Result

TIME_LIMIT_S = 30.0

DEFAULT_METHODS = ("exact", "admm", "minlp:bonmin", "eco", "lco", "gbe")

COLUMNS = (
    "instance",
    "method",
    "problem",
    "termination",
    "objective",
    "excess",
    "bound",
    "gap",
    "feasible",
    "max_violation",
    "iterations",
    "wall_s",
    "setup_s",
    "solver_version",
    "message",
)


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
        If a method is unknown, or an argument is no such list; before anything runs.
    """
    require_list("instances", instances, "instances")
    for instance in instances:
        require_kind("an element of instances", instance, Instance)
    require_list("methods", methods, "names of methods")
    for method in methods:
        resolve(method, {"time_limit": time_limit})
    rows = []
    for instance in instances:
        results = []
        for method in methods:
            if progress is not None:
                progress(instance.name, method)
            results.append(attempt(instance, method, time_limit=time_limit))
        rows.extend(_rows(methods, results))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(methods: Sequence[str], results: Sequence[Result]) -> list[dict[str, object]]:
    costs = [result.objective for result in results if result.objective is not None]
    best = min(costs, default=None)
    rows = []
    for method, result in zip(methods, results, strict=True):
        document = result.to_dict()
        cost = result.objective
        excess = None if cost is None or best is None else (cost - best) / abs(best)
        row = {**document, "method": method, "excess": excess}
        rows.append({key: row[key] for key in COLUMNS})
    return rows
