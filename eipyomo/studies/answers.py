"""What a policy says about an instance, as plain data, and what of that is no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.words import short, shown

FAILURES: Mapping[str, str] = {
    "exception": "it raised an exception",
    "exit": "it ended its process by sys.exit()",
    "died": "its process died",
    "time-out": "it did not answer in time",
    "answer": "it gave no allocation, and no decisions",
    "shape": "its arrays have not one element for each user",
    "users": "its allocation is one of other users",
    "nan": "it has numbers that are not finite",
    "method": "the method gave no allocation",
    "contradiction": "its cost is below the proven bound, which is a fault of this package",
}
"""Kinds of failures, and what they are."""

DECISIONS = ("download", "offload_fraction", "mode")
COLUMNS = tuple(field.name for field in fields(Allocation)[2:])
NEEDED = COLUMNS[:-2]
"""Columns of an allocation, and those that none may leave out."""

Plain = Mapping[str, Any]
"""Columns of an answer as lists: those of decisions alone, or all of an allocation."""


class FailedError(Exception):
    """A policy gave no answer.

    Attributes
    ----------
    kind
        One of ``FAILURES``.
    """

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def plain(answer: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return an answer as plain data.

    Parameters
    ----------
    answer
        An :class:`Allocation` or its document; or ``(download, offload_fraction)``, with the names
        of modes behind them where users have modes; or a mapping with these, or with all columns of
        an allocation, in the order of the users or of ``names``.
    names
        Names of the users, in the order of columns.

    Raises
    ------
    FailedError
        If it is none.
    """
    if isinstance(answer, Mapping) and "users" in answer:
        answer = _read(answer)
    if isinstance(answer, Allocation):
        columns = {key: getattr(answer, key) for key in ("sync_s", *COLUMNS)}
        answer = {"names": answer.names, **columns}
    if isinstance(answer, list | tuple) and len(answer) in (2, 3):
        answer = dict(zip(DECISIONS, answer, strict=False))
    if not isinstance(answer, Mapping) or not set(DECISIONS[:2]) <= set(answer):
        raise FailedError(
            "answer",
            f"its answer is {shown(answer)}, but must be an Allocation or (download, "
            "offload_fraction)",
        )
    columns = {key: answer[key] for key in ("sync_s", *COLUMNS) if answer.get(key) is not None}
    users = len(answer.get("names", names))
    if users != len(names):
        raise FailedError(
            "users", f"its allocation is of {users} users, but must be of {len(names)}"
        )
    for key, value in columns.items():
        _require_shape(key, value, () if key == "sync_s" else (users,))
    found = {key: listed(value) for key, value in columns.items()}
    for key in found.keys() - {"mode"}:
        _require_finite(key, found[key])
    return found if "names" not in answer else _in_order(found, list(answer["names"]), names)


def _read(document: Mapping[str, Any]) -> Allocation:
    """Return the allocation in a document."""
    try:
        return Allocation.from_dict(document)
    except InputError as error:
        raise FailedError("answer", f"its answer is refused: {error}") from None


def _in_order(found: dict[str, Any], told: list[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return columns in the order of an instance's users, of an answer that names its own."""
    if sorted(map(str, told)) != sorted(names):
        others = sorted(set(map(str, told)) ^ set(names)) or told
        raise FailedError("users", f"its allocation is of other users: {short(others)}")
    places = [told.index(name) for name in names]
    return {
        key: value if key == "sync_s" else [value[j] for j in places]
        for key, value in found.items()
    }


def _require_shape(key: str, value: Any, wanted: tuple[int, ...]) -> None:
    """Refuse a column that has not one element a user, and a time that is not one number."""
    try:
        shape = tuple(np.shape(value))
    except (TypeError, ValueError):
        raise FailedError("shape", f"{key} holds lists of several lengths") from None
    if shape != wanted:
        raise FailedError("shape", f"{key} has the shape {shape}, but must have {wanted}")


def _require_finite(key: str, value: Any) -> None:
    """Refuse NaN and infinities; what is no number at all is refused later."""
    try:
        is_finite = np.isfinite(np.asarray(value, dtype=np.float64)).all()
    except (TypeError, ValueError):
        return
    if not is_finite:
        raise FailedError("nan", f"{key} is {short(value)}, but must be finite numbers")


def listed(value: Any) -> Any:
    """Return what holds arrays as JSON has it."""
    if isinstance(value, Allocation):
        return value.to_dict()
    if hasattr(value, "tolist"):  # arrays of numpy and torch, series of pandas
        return value.tolist()
    if isinstance(value, list | tuple):
        return [listed(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): listed(one) for key, one in value.items()}
    return value
