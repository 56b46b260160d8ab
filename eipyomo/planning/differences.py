"""Two instances side by side: :func:`what_if`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eipyomo.breakdown import Breakdown
from eipyomo.instance import Instance
from eipyomo.planning.rows import GAP, TIME_LIMIT_S, Asking, require_per, table
from eipyomo.planning.terms import ENERGIES, PHASES, latency_phases
from eipyomo.restriction import Restriction
from eipyomo.result import Result
from eipyomo.scaled import FloatColumn
from eipyomo.timing import where_needed
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    import pandas as pd

TERMS = (*ENERGIES, "energy_j", *PHASES, "latency_s", "penalty", "wsel")
"""In the order of the rows."""

SAME_FRACTION = 1e-3
"""A difference of offload fractions that is no other decision."""

BY_TERM = (
    *("term", "unit", "before", "after", "difference"),
    *("wsel_before", "wsel_after", "wsel_difference"),
    *("bound_before", "bound_after", "gap_before", "gap_after", "termination", "message"),
)
DIFFERENCES = {
    "latency_difference_s": "latency_s",
    "energy_difference_j": "energy_j",
    "wsel_difference": "wsel",
}
NOTHING = dict.fromkeys(DIFFERENCES.values(), 0.0)
"""What a user costs that is not there."""

TOLD = ("download", "offload_fraction", "latency_s", "energy_j", "wsel")
BY_USER = (
    *("user", "changes"),
    *(f"{key}_{side}" for key in TOLD for side in ("before", "after")),
    *DIFFERENCES,
    *("termination", "message"),
)


def what_if(
    before: Instance,
    after: Instance,
    per: Literal["term", "user"] = "term",
    *,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the certified optima of two instances side by side, and how they differ.

    Parameters
    ----------
    before, after
        The instances. Users are the same where their names are; each may have some that the other
        has not.
    per
        ``"term"`` for a row for each term of (8) and (9), summed over all users; ``"user"`` for a
        row for each user.
    problem, gap, time_limit, workers, progress
        As for :func:`~eipyomo.plan.band`.

    Returns
    -------
    DataFrame
        Per term:

        * ``term``, ``unit``: the terms of (8); their sum ``energy_j``; what latencies consist of
          on the branch of (9) that ends last, with ``waiting_s`` for others; their sum
          ``latency_s``; ``penalty`` where users have modes; and ``wsel``.
        * ``before``, ``after``, ``difference``: sums over users, in that unit.
        * ``wsel_before``, ``wsel_after``, ``wsel_difference``: their parts of WSEL, with the users'
          weights. The terms' differences add up to that of ``wsel``.
        * ``bound_before``, ``gap_before`` and those ``after``: what is certified, beside ``wsel``.

        Per user:

        * ``user``, ``changes``: ``downloads``, ``downloads no more``, ``offloads more``,
          ``offloads less``, ``joins``, ``leaves``, or nothing.
        * ``download_``, ``offload_fraction_``, ``latency_s_``, ``energy_j_`` and ``wsel_``, each
          ``before`` and ``after``, and the differences of the last three, in which a user that is
          not there counts as 0: they add up to what all users differ by.

        Both have ``termination``, the worse one of the two, and ``message`` where one has no
        answer.

    Raises
    ------
    InputError
        If an argument is not allowed.

    Examples
    --------
    >>> import eipyomo as ei
    >>> instance = ei.Instance.letter()
    >>> found = ei.plan.what_if(instance, instance.replace(bandwidth_hz=4e7))
    >>> found.set_index("term").loc["wsel", ["before", "after"]].astype(float).round(3).tolist()
    [4.075, 3.194]
    """
    for name, one in (("before", before), ("after", after)):
        require_kind(name, one, Instance)
    require_per(per, ("term", "user"))
    asking = Asking(problem, gap, time_limit, workers, progress)
    results = asking.solve([before, after])
    sides = _Side(before, results[0]), _Side(after, results[1])
    ended = {"termination": _worse(results), "message": _message(results)}
    rows = _by_term(*sides) if per == "term" else _by_user(*sides)
    columns = BY_TERM if per == "term" else BY_USER
    return table([{**row, **ended} for row in rows], columns)


@dataclass(frozen=True, eq=False)
class _Side:
    """An instance and its optimum."""

    instance: Instance
    result: Result

    @cached_property
    def terms(self) -> Breakdown | None:
        """Every term of (8) and (9); None without an answer."""
        evaluation = self.result.evaluation
        return evaluation.breakdown if evaluation is not None and self.result.feasible else None

    @cached_property
    def parts(self) -> Mapping[str, tuple[FloatColumn, FloatColumn]]:
        """Each term and its part of WSEL, (users,) each; empty without an answer."""
        terms, data = self.terms, self.instance.scaled
        if terms is None or self.result.evaluation is None:
            return {}
        energies = {key: getattr(terms, key) for key in (*ENERGIES, "energy_j")}
        phases = latency_phases(terms, self.result.evaluation.sync_s)
        times = {**phases, "latency_s": terms.latency_s}
        parts = {key: (one, where_needed(data.energy_weight, one)) for key, one in energies.items()}
        parts |= {key: (one, data.latency_weight * one) for key, one in times.items()}
        if terms.penalty is not None:
            parts["penalty"] = terms.penalty, terms.penalty
        return {**parts, "wsel": (terms.wsel, terms.wsel)}

    @cached_property
    def users(self) -> Mapping[str, dict[str, Any]]:
        """What is told of each user, by name; nothing but the name without an answer."""
        names = self.instance.scaled.names
        terms, allocation = self.terms, self.result.allocation
        if terms is None or allocation is None:
            return {name: {} for name in names}
        decided = allocation.for_users(names)
        columns = [getattr(decided if hasattr(decided, key) else terms, key) for key in TOLD]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {
            name: dict(zip(TOLD, row, strict=True)) for name, row in zip(names, rows, strict=True)
        }


def _by_term(before: _Side, after: _Side) -> list[dict[str, Any]]:
    """Return a row for each term."""
    rows = []
    for term in sorted({*before.parts, *after.parts, "wsel"}, key=TERMS.index):
        row: dict[str, Any] = {"term": term, "unit": term[-1].upper().replace("S", "s")}
        if term in ("penalty", "wsel"):
            row["unit"] = ""
        for which, side in (("before", before), ("after", after)):
            if side.parts:  # nobody has a penalty where nobody has modes
                both = side.parts.get(term, (np.zeros(1), np.zeros(1)))
                row[which], row[f"wsel_{which}"] = (float(one.sum()) for one in both)
            if term == "wsel":
                row[f"bound_{which}"], row[f"gap_{which}"] = side.result.bound, side.result.gap
        if "before" in row and "after" in row:
            row["difference"] = row["after"] - row["before"]
            row["wsel_difference"] = row["wsel_after"] - row["wsel_before"]
        rows.append(row)
    return rows


def _by_user(before: _Side, after: _Side) -> list[dict[str, Any]]:
    """Return a row for each user, those of before first."""
    rows = []
    for name in dict.fromkeys([*before.users, *after.users]):
        old, new = before.users.get(name), after.users.get(name)
        row: dict[str, Any] = {"user": name, "changes": _changes(old, new)}
        for which, told in (("before", old), ("after", new)):
            row |= {f"{key}_{which}": one for key, one in (told or {}).items()}
        if old != {} and new != {}:
            row |= {
                column: (new or NOTHING)[key] - (old or NOTHING)[key]
                for column, key in DIFFERENCES.items()
            }
        rows.append(row)
    return rows


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """Say what a user decides otherwise."""
    if before is None or after is None:
        return "joins" if before is None else "leaves"
    if not before or not after:
        return ""
    if before["download"] != after["download"]:
        return "downloads" if after["download"] else "downloads no more"
    more = after["offload_fraction"] - before["offload_fraction"]
    if abs(more) <= SAME_FRACTION:
        return ""
    return "offloads more" if more > 0.0 else "offloads less"


def _worse(results: list[Result]) -> str:
    """Return how the worse one of two ended."""
    order = ("infeasible", "error", "limit", "converged", "optimal")
    return min((result.termination for result in results), key=order.index)


def _message(results: list[Result]) -> str:
    """Say which one has no answer, and why."""
    named = zip(("before", "after"), results, strict=True)
    return "; ".join(f"{which}: {one.message}" for which, one in named if not one.feasible)
