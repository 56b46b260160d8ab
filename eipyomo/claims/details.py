"""What a document tells beside its answer: a conflict, and the trace of the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, StrictStr

from eipyomo.claims.document import Document
from eipyomo.claims.methods import EXACT_MACHINE
from eipyomo.claims.values import demand, is_number, same, written
from eipyomo.errors import ClaimError, InputError
from eipyomo.instance import Instance
from eipyomo.validation import NonNegative, Record
from eipyomo.words import clipped, one_line, short

REPAIR = 1e-5
"""Relative difference between a point in a trace and the same one repaired, at most."""


LIMITS = (
    "deadline_s",
    "energy_budget_j",
    "min_uplink_share",
    "max_uplink_share",
    "min_downlink_share",
    "max_downlink_share",
    "total_energy_budget_j",
    "total_latency_budget_s",
    "min_participants",
    "total_penalty_budget",
)
"""Limits that a conflict can name, by their keys in instances; the last four are no user's."""


class _Conflict(Record):
    user: Annotated[StrictStr | None, Field(description="a text, or null for a total")]
    limit: Annotated[StrictStr, Field(description="a text")]
    value: Annotated[NonNegative, Field(description="a number")]


def check_conflict(read: Document, instance: Instance | None) -> None:
    """Check that what cannot be met together are limits of the instance, of one without answer."""
    if read.conflict is None:
        return
    if read.termination != "infeasible" or not read.conflict:
        raise ClaimError(
            f"the result claims a conflict of {len(read.conflict)} limits, but its termination is "
            f"{short(read.termination)}"
        )
    for n, one in enumerate(read.conflict):
        try:
            conflict = _Conflict(**one)
        except InputError as error:
            raise InputError(f"conflict[{n}].{error}") from None
        if conflict.limit not in LIMITS:
            raise InputError(
                f"conflict[{n}].limit is {short(conflict.limit)}, but must be one of: "
                f"{', '.join(LIMITS)}"
            )
        if instance is not None:
            demand(_conflict(conflict, instance))


def _conflict(named: _Conflict, instance: Instance) -> Iterator[str]:
    """Hold a limit against that of the instance; a user is found by name."""
    names = instance.users.texts("name")
    if named.user is not None and named.user not in names:
        raise InputError(
            f"conflict names the user {short(named.user)}, but the instance has none such"
        )
    whose = instance if named.user is None else instance.users[names.index(named.user)]
    value = getattr(whose, named.limit, None)
    if not same(named.value, value):
        of = "" if named.user is None else f" of user {short(named.user)}"
        yield f"a conflict at {named.limit}{of} {written(named.value)}, but it is {written(value)}"


def check_trace(read: Document) -> None:
    """Check that all rows are alike, and where a method writes one per iteration, their number."""
    if not read.trace:
        return
    shapes = {key: _shape(value) for key, value in read.trace[0].items()}
    for key in COSTS & set(shapes):
        if shapes[key] != ("number", 1):
            value = short(read.trace[0][key])
            raise InputError(f"trace[0].{key} is {value}, but must be a number or null")
    for n, row in enumerate(read.trace):
        if {key: _shape(value) for key, value in row.items()} != shapes:
            raise InputError(
                f"trace[{n}] is unlike trace[0], but all rows must have the keys "
                f"{clipped(one_line(', '.join(shapes)), 300)} with values of one kind"
            )
    by_iteration = read.method == "admm" or (read.solver is None and read.method in EXACT_MACHINE)
    if by_iteration and len(read.trace) != read.iterations:
        raise ClaimError(
            f"the result claims {read.iterations} iterations, but its trace has {len(read.trace)}"
        )
    if read.value is not None and read.termination != "error":  # which may be this very thing
        demand(_trace(read, read.value))


COSTS = {"objective", "best_objective", "incumbent", "bound"}
"""What a row of a trace may say of costs."""


def _trace(read: Document, cost: float) -> Iterator[str]:
    """Hold the incumbents and bounds on the way against the answer: these end at it at best."""
    room = REPAIR * abs(cost)
    for n, row in enumerate(read.trace):
        for key in (COSTS - {"bound"}) & set(row):
            if row[key] is not None and row[key] < cost - room:
                found = written(row[key])
                yield f"objective {written(cost)}, but its trace has {key} {found} in row {n}"
        if row.get("bound") is not None and row["bound"] > cost + room:
            yield (
                f"bound {written(row['bound'])} in row {n} of its trace, but its own point costs "
                f"only {written(cost)}"
            )


def _shape(value: Any) -> tuple[str, int]:
    """Return the kind of a trace's value, and how many numbers it holds; null may be a number."""
    if isinstance(value, list | tuple):
        return "list", len(value)
    return ("number" if value is None or is_number(value) else type(value).__name__), 1
