"""Methods side by side, on the same instances and in the same measure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eipyomo.solvers.methods import resolve
from eipyomo.studies.columns import beside, label_of, table_of
from eipyomo.studies.store import COLUMNS, row_of
from eipyomo.studies.sweep import cells, solved, with_options
from eipyomo.studies.versions import warn_of_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from eipyomo.instance import Instance

TIME_LIMIT_S = 30.0

DEFAULT_METHODS = ("exact", "admm", "minlp:bonmin", "eco", "lco", "gbe")


def compare(
    instances: Sequence[Instance],
    methods: Sequence[str | tuple[str, Mapping[str, Any]]] = DEFAULT_METHODS,
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
        Names as in :func:`eipyomo.solve`, alone or with options: ``("exhaustive", {"step": 0.1})``.
    time_limit
        Seconds for each method on each instance, unless its options say otherwise.
    progress
        Called with the instance's name and the method's label before each run.

    Returns
    -------
    DataFrame
        One row for each instance and method. ``excess`` is how far the objective is above the
        lowest one found on that instance, relative to it; the other columns are those of
        :class:`~eipyomo.result.Result`, and what :mod:`eipyomo.studies.columns` tells of answers
        and instances.

    Raises
    ------
    InputError
        If a method is unknown or does not handle an instance, or an argument is no such list;
        before anything runs.
    """
    usual = {"time_limit": time_limit}
    asked = [(one, {**usual, **told}) for one, told in with_options(methods)]
    wanted = cells(instances, asked)
    for cell in wanted:
        resolve(cell.method, cell.arguments()).of(cell.instance)
    warn_of_missing(asked)
    rows: list[dict[str, Any]] = []
    for cell in wanted:
        if progress is not None:
            progress(cell.instance.name, label_of(cell.method, cell.options))
        document = solved(cell)
        row = {"instance": cell.instance.name, "method": cell.method, **row_of(document)}
        row |= {"options": json.dumps(cell.arguments()), "digest": document["instance_digest"]}
        rows.append({**row, **beside(cell, document)})
    for start in range(0, len(rows), len(methods)):
        _add_excess(rows[start : start + len(methods)])
    names = ["instance", "method", *COLUMNS, "options", "digest"]
    names.insert(names.index("objective") + 1, "excess")
    return table_of(rows, [cell.instance for cell in wanted], names)


def _add_excess(rows: Sequence[dict[str, Any]]) -> None:
    """Add how far costs on an instance are above the lowest of them, relative to it."""
    costs = [row["objective"] for row in rows if row["objective"] is not None]
    for row in rows:
        cost = row["objective"]
        row["excess"] = None if cost is None else (cost - min(costs)) / abs(min(costs))
