"""What tables of results tell of answers and of instances, beside what results claim."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eipyomo import timing
from eipyomo.allocation import Allocation
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.instance import Instance
from eipyomo.restriction import named_or_joint

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.studies.cell import Cell

MEASURES: Final = (
    *("energy_j", "mean_latency_s", "max_latency_s", "downloads", "offloaded_share"),
)
"""What :func:`measures` tells."""

SIZES: Final = ("users", "bandwidth_mhz", "model_mbit")
"""What tables tell of every instance."""


def beside(cell: Cell, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside the claims of a cell's document: its label, and ``MEASURES``."""
    return {"label": label_of(cell.method, cell.options), **measures(cell.instance, document)}


def table_of(
    rows: Sequence[dict[str, Any]], instances: Sequence[Instance], columns: Sequence[str]
) -> pd.DataFrame:
    """Return a table of some columns, behind which stands what is told of each row's instance."""
    import pandas as pd

    different = list({id(instance): instance for instance in instances}.values())
    told = dict(zip(map(id, different), data_columns(different), strict=True))
    data = [told[id(instance)] for instance in instances]
    names = [*columns, "label", *MEASURES, *(data[0] if data else SIZES)]
    whole = [{**row, **more} for row, more in zip(rows, data, strict=True)]
    return pd.DataFrame(whole, columns=names)


def label_of(method: str, options: Mapping[str, Any]) -> str:
    """Return a method and its options as a person types them: ``exhaustive step=0.1``."""
    told = {key: value for key, value in options.items() if key != "time_limit"}
    words = (
        value if isinstance(value, str) else json.dumps(value, default=list)
        for value in told.values()
    )
    return " ".join([method, *(f"{key}={word}" for key, word in zip(told, words, strict=True))])


def measures(instance: Instance, document: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Return what the allocation of a result document comes to, as evaluated; None without one.

    Returns
    -------
    dict
        ``energy_j``, the sum of E_j; ``mean_latency_s`` and ``max_latency_s`` of T_j;
        ``downloads``, how many users download; ``offloaded_share``, which part of all bits of tasks
        is sent to the server, None in a round without tasks.
    """
    if not document["feasible"]:
        return dict.fromkeys(MEASURES)
    terms = document["breakdown"]["users"]
    latencies = [user["latency_s"] for user in terms]
    decided = document["allocation"]["users"]
    return {
        "energy_j": float(np.sum([user["energy_j"] for user in terms])),
        "mean_latency_s": float(np.mean(latencies)),
        "max_latency_s": max(latencies),
        "downloads": sum(user["download"] for user in decided),
        "offloaded_share": _offloaded(instance, document),
    }


def _offloaded(instance: Instance, document: Mapping[str, Any]) -> float | None:
    """Return which part of all bits of tasks is sent to the server."""
    data = instance.scaled.for_stage(named_or_joint(document["problem"])[1])
    tasks = float(data.task_mbit.sum())
    if tasks == 0.0:
        return None
    plan = Allocation.from_dict(document["allocation"]).for_users(data.names).plan(data)
    return float(timing.needs(data, plan).offload_mbit.sum()) / tasks


def data_columns(instances: Sequence[Instance]) -> list[dict[str, Any]]:
    """Return a row for each instance: its ``SIZES``, and every datum that not all have alike.

    A datum is called by its key, one of the server behind ``server_``. Where users of an instance
    differ, it is the mean over those that have it, ``mean_task_bits``; of texts, all there are.
    Names and lists of modes are left out.
    """
    rows = [_sizes(instance) for instance in instances]
    for key in SHARED:
        _add(rows, key, [getattr(instance, key) for instance in instances])
    for key in EdgeServer.model_fields:
        _add(rows, f"server_{key}", [getattr(instance.server, key) for instance in instances])
    for key in OF_USERS:
        told = [_of_users(instance, key) for instance in instances]
        differ = any(is_mean for _, is_mean in told)
        _add(rows, f"mean_{key}" if differ else key, [value for value, _ in told])
    return rows


def _sizes(instance: Instance) -> dict[str, Any]:
    data = instance.scaled
    return {
        "users": len(data),
        "bandwidth_mhz": data.bandwidth_mhz,
        "model_mbit": data.model_mbit,
    }


def _add(rows: Sequence[dict[str, Any]], key: str, values: Sequence[Any]) -> None:
    """Add a column, unless it is the same in all rows."""
    if any(value != values[0] for value in values):
        for row, value in zip(rows, values, strict=True):
            row[key] = value


def _of_users(instance: Instance, key: str) -> tuple[Any, bool]:
    """Return what the users of an instance have of a datum, and whether that is a mean."""
    if not instance.users.has(key):
        return None, False
    column = instance.users.columns[key]
    if isinstance(column, tuple):
        return ", ".join(sorted({text for text in column if text is not None})), False
    known = column[~np.isnan(column)]
    is_mean = len(known) < len(column) or bool((known != known[0]).any())
    return float(known.mean()) if is_mean else float(known[0]), is_mean


SHARED: Final = tuple(
    key
    for key in Instance.model_fields
    if key not in ("name", "bandwidth_hz", "model_bits", "modes", "server", "users")
)
OF_USERS: Final = tuple(key for key in EndUser.model_fields if key != "name")
"""Data of an instance and of its users that may stand in a table."""
