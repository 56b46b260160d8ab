"""The breakdown of a document, and whether numbers that follow from others in it are these."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.allocation import Allocation
from eipyomo.breakdown import Breakdown
from eipyomo.claims.document import Document
from eipyomo.claims.values import GIVEN, TOLERANCE, is_number, same, written
from eipyomo.errors import InputError
from eipyomo.scaled import FloatColumn
from eipyomo.words import clipped, one_line, short

ENERGIES = ("local_training_j", "upload_j", "offload_j", "download_j", "local_inference_j")
"""The terms of (8)."""

KEYS = ("name", *(field.name for field in fields(Breakdown)[1:]))
OF_MODES = ("penalty", "sits_out")
"""What a user has in a breakdown, and which of that only where users have modes."""


@dataclass(frozen=True, eq=False)
class Terms:
    """The breakdown of a document, in its order, and the allocation in the same order."""

    allocation: Allocation
    columns: Mapping[str, FloatColumn]

    @property
    def has_mode(self) -> NDArray[np.bool_]:
        """Which users take a mode, from which their terms follow, and not from a and ι."""
        modes = self.allocation.mode or (None,) * len(self.allocation.names)
        return np.array([mode is not None for mode in modes])

    @property
    def uploaded_s(self) -> FloatColumn | None:
        """When every update is at the server; None in documents of old, which do not tell."""
        if not all(key in self.columns for key in GIVEN):
            return None
        return self["previous_download_s"] + self["local_training_s"] + self["upload_s"]

    def __getitem__(self, name: str) -> FloatColumn:
        """Return one column."""
        return self.columns[name]


def terms_of(read: Document) -> Terms | None:
    """Read the allocation and the breakdown's columns; null stands for what is not finite."""
    if read.allocation is None and read.breakdown is None:
        return None
    if read.allocation is None or read.breakdown is None:
        lacking = "allocation" if read.allocation is None else "breakdown"
        raise InputError(f"{lacking} is null, but the result has the other half of it")
    users = _users(read.breakdown)
    names = [user["name"] for user in users]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(
            f"breakdown.users has the names {short(names)}, but must have unique texts"
        )
    columns = {
        key: np.array([math.inf if user[key] is None else user[key] for user in users], float)
        for key in KEYS[1:]
        if all(key in user for user in users)
    }
    try:
        allocation = Allocation.from_dict(read.allocation)
    except InputError as error:
        raise InputError(f"allocation.{error}") from None
    return Terms(allocation.for_users(names), columns)


def _users(breakdown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the users' terms, of which keys and types are right."""
    users = breakdown.get("users")
    if set(breakdown) != {"users"} or not isinstance(users, list) or not users:
        raise InputError("breakdown is no object with a list of users, but must be one")
    for j, user in enumerate(users):
        keys = set(user) if isinstance(user, Mapping) else set()
        asked = set(KEYS) if keys & set(OF_MODES) else set(KEYS) - set(OF_MODES)
        if not asked - set(GIVEN) <= keys <= asked:
            wrong = sorted(keys ^ asked)
            raise InputError(
                f"breakdown.users[{j}] has wrong or missing keys "
                f"({clipped(one_line(', '.join(wrong)))}), but must "
                f"have: {', '.join(key for key in KEYS if key in asked)}"
            )
        for key in keys - {"name"}:
            if user[key] is not None and not is_number(user[key]):
                raise InputError(
                    f"breakdown.users[{j}].{key} is {short(user[key])}, but must be a "
                    "number or null"
                )
    return users


def sums(read: Document, terms: Terms) -> Iterator[str]:
    """Hold every number of the breakdown that follows from others against them."""
    before = terms.columns.get(GIVEN[0], 0.0)
    for key, column in _following(read, terms).items():
        room = TOLERANCE * (np.abs(column) + (before if key == "latency_s" else 0.0))
        near = (np.abs(terms[key] - column) <= room) & np.isfinite(column)
        for j in np.flatnonzero(~(terms[key] == column) & ~near & ~np.isnan(column)):
            yield (
                f"{key} {written(float(terms[key][j]))} for user "
                f"{short(terms.allocation.names[j])}, "
                f"but its terms make it {written(float(column[j]))}"
            )
    for key, given in terms.columns.items():
        if read.feasible and not np.isfinite(given).all():
            yield f"to be feasible, but {key} is null, which stands for what never ends"
    slowest_s = float(terms["latency_s"].max())
    if read.minimised == "slowest" and read.feasible and not same(read.value, slowest_s):
        yield f"value {written(read.value)}, but its largest latency is {written(slowest_s)}"
    cost = float(terms["wsel"].sum())
    if read.objective is not None and not same(read.objective, cost):
        yield (
            f"objective {written(read.objective)}, but its users' costs sum to "
            f"{written(cost if math.isfinite(cost) else None)}"
        )


def _following(read: Document, terms: Terms) -> dict[str, FloatColumn]:
    """Return the columns that follow from others."""
    a, offload = terms.allocation.download, terms.allocation.offload_fraction
    tasks, sync_s = read.stage == "inference", terms.allocation.sync_s
    happens = {
        "download_s": a,
        "download_j": a,
        "local_inference_s": a & (offload != 1.0) & tasks,
        "local_inference_j": a & (offload != 1.0) & tasks,
        "offload_s": (offload != 0.0) & tasks,
        "edge_inference_s": (offload != 0.0) & tasks,
    }
    true = {key: np.where(where, terms[key], 0.0) for key, where in happens.items()}
    true["energy_j"] = np.sum([terms[key] for key in ENERGIES], axis=0)
    power_w = terms["upload_j"] / terms["upload_s"]
    true["offload_j"] = np.where(true["offload_s"] == 0, 0.0, power_w * terms["offload_s"])
    if (uploaded_s := terms.uploaded_s) is not None:
        true["ready_s"] = np.maximum(sync_s, uploaded_s + terms["offload_s"])
        local = np.where(a, sync_s + terms["download_s"] + terms["local_inference_s"], -np.inf)
        edge = terms["ready_s"] + terms["edge_inference_s"]
        true["latency_s"] = np.maximum(local, edge) - terms["previous_download_s"]
    return {
        key: column if key == "energy_j" else np.where(terms.has_mode, terms[key], column)
        for key, column in true.items()
    }
