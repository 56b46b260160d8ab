"""Whether tables of results, as ``compare`` and ``sweep`` write them, contradict themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eipyomo.claims.document import Document, as_now
from eipyomo.claims.outcome import minimised, outcome
from eipyomo.claims.values import demand, same, written
from eipyomo.errors import ClaimError, InputError
from eipyomo.objective import OWN

NEEDED = ("instance", "method", "termination", "objective", "bound", "gap", "feasible")
"""Columns without which a table is none of results."""


def check_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a table whose rows are false.

    Parameters
    ----------
    rows
        With the columns that a table of results has; None where a cell is empty. A row has no
        allocation, so its numbers are held against one another alone; ``excess`` against the other
        rows of the instance.

    Raises
    ------
    InputError
        If a column is missing, or a cell is of a wrong type.
    ClaimError
        If a number is not what others make it.
    """
    missing = [key for key in NEEDED if not rows or key not in rows[0]]
    if missing:
        raise InputError(
            f"the table lacks the columns {', '.join(map(repr, missing))}, which every table of "
            "results has"
        )
    lowest: dict[str, float] = {}
    for n, row in enumerate(rows, start=1):
        try:
            read = _as_document(row)
            for rule in (outcome, minimised):
                demand(rule(read), "it")
        except InputError as error:
            raise type(error)(f"row {n}: {error}") from None
        if read.objective is not None:
            lowest[read.instance] = min(lowest.get(read.instance, read.objective), read.objective)
    for n, row in enumerate(rows, start=1):
        cost = row["objective"]
        if "excess" not in row or cost is None:
            continue
        least = lowest[row["instance"]]
        true = (cost - least) / abs(least) if least else row["excess"]
        if not same(row["excess"], true, 1e-12):
            raise ClaimError(
                f"row {n}: it claims excess {written(row['excess'])}, but the lowest objective of "
                f"its instance, {written(least)}, makes it {written(true)}"
            )


def _as_document(row: Mapping[str, Any]) -> Document:
    """Return a row as a document, as far as it is one."""
    keys = set(Document.model_fields) - {"allocation", "breakdown", "trace", "options"}
    told = as_now({key: value for key, value in row.items() if key in keys})
    told.setdefault("max_violation", 0.0 if told["feasible"] else None)
    unsaid = {"wall_s": 0.0, "setup_s": 0.0, "message": "", "problem": ""}
    return Document(
        **{
            **dict.fromkeys(("solver", "solver_version", "iterations", "allocation", "breakdown")),
            **{key: value if told.get(key) is None else told[key] for key, value in unsaid.items()},
            **{key: value for key, value in told.items() if key not in unsaid},
            "model_objective": told["value"] if told["minimised"] == OWN else None,
            "allocation": None if told["max_violation"] is None else {},
            "options": {},
            "trace": [],
        }
    )
