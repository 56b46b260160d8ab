"""Values of a model's variables: where they start, what an allocation implies, what they decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.models import horizon
from eipyomo.models.reach import TIMES
from eipyomo.models.source import require_own_data, source_of
from eipyomo.models.symbols import USER_VARIABLES
from eipyomo.scaled import HZ_PER_GHZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eipyomo.scaled import FloatColumn, Scaled

Model = Any


def decided_at_the_edge(model: Model, name: str) -> dict[str, Any]:
    """Return the argument of a user's block that hands it its f_{s,j}, where that is a variable."""
    if model.component("edge_frequency_ghz") is None:
        return {}
    return {"edge_frequency_ghz": model.edge_frequency_ghz[name]}


def start_inside(model: Model) -> None:
    """Give every free variable a start strictly inside its domain: equal shares, half of a task.

    Variables that a user has added keep their values.
    """
    data = source_of(model).data
    share = 0.4 / len(data)
    uplink = physics.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    downlink = physics.seconds_per_mbit(share, data.bandwidth_mhz, data.downlink_snr)
    frequency_ghz = 0.9 * horizon.unhurried_frequency_ghz(data)
    upload_s = 1.05 * data.model_mbit * uplink
    offload_s = 1.05 * 0.5 * data.task_mbit * uplink
    sync_s = float((1.05 * data.upload_start_s + upload_s).max()) + 1e-3
    ready_s = np.maximum(sync_s, data.upload_start_s + upload_s + offload_s) * 1.05
    download_s = 1.05 * data.model_mbit * downlink
    work = 0.5 * data.task_mbit * data.gigacycles_per_mbit
    local_s = 1.05 * work / frequency_ghz + 1e-3
    edge_frequency_ghz = 0.9 * data.equal_frequency_ghz
    edge_s = 1.05 * work / edge_frequency_ghz + 1e-3
    latency_s = 1.05 * np.maximum(
        ready_s + work / data.server_frequency_ghz, sync_s + download_s + local_s
    )
    if data.total_frequency_ghz is not None:
        latency_s = np.maximum(latency_s, 1.05 * (ready_s + edge_s))
    ones = np.ones(len(data))
    starts = {
        "download": 0.5 * ones,
        "offload_fraction": 0.5 * ones,
        "frequency_ghz": frequency_ghz,
        "receiving_share": share * ones,
        "upload_s": upload_s,
        "offload_s": offload_s + 1e-3,
        "ready_s": ready_s,
        "edge_inference_s": edge_s,
        "download_s": download_s,
        "local_inference_s": local_s,
        "latency_s": latency_s,
        "uplink_nats": physics.nats_at(0.98 * share, data.uplink_snr),
        "downlink_nats": physics.nats_at(0.98 * share, data.downlink_snr),
        "local_inference_j": 1.05
        * physics.local_inference_energy_j(frequency_ghz, work, data.energy_coefficient)
        + 1e-3,
        "paced_part": 0.5 * frequency_ghz / data.max_frequency_ghz,
    }
    start_between(model.sync_s, sync_s)
    for j, name in enumerate(data.names):
        start_between(model.uplink_share[name], share)
        start_between(model.downlink_share[name], share)
        for variable in decided_at_the_edge(model, name).values():
            start_between(variable, edge_frequency_ghz)
        block = model.user[name]
        points = len(block.points) if block.component("points") is not None else 1
        starts |= {"at_point": ones / points, "upload_part_s": upload_s / points}
        for key, variable in variables(block):
            start_between(variable, float(starts[key][j]))


def start_between(variable: Any, value: float) -> None:
    """Set a free variable, moved strictly between its bounds where it is not."""
    if variable.fixed:
        return
    low, high = variable.bounds
    low = -np.inf if low is None else low
    high = np.inf if high is None else high
    margin = 1e-6 * (high - low) if np.isfinite(high - low) else 0.0
    # A binary starts between its two values, which Pyomo would refuse as an answer.
    _set(variable, min(max(value, low + margin), high - margin))


HELD = 1e-5
"""How far a decision may be from what its variable is fixed at, relative where that is above 1."""


def load(model: Model, allocation: Allocation) -> None:
    """Give every free variable of a model the value that an allocation implies.

    Afterwards ``pyo.value(model.wsel)`` is the WSEL that :func:`eipyomo.evaluate` computes, and
    solvers that take a start begin there. Variables that are fixed keep their values.

    Raises
    ------
    InputError
        If a decision of the allocation is not what its variable is fixed at, it needs more time
        than that, or a Param of the model is not its instance's any more.
    """
    require_own_data(model)
    source = source_of(model)
    data = source.data
    allocation = allocation.for_users(data.names)
    terms = evaluate(source.instance, allocation, source.round).breakdown
    downloads = allocation.download
    whole_band_s = data.model_mbit * physics.seconds_per_mbit(
        1.0, data.bandwidth_mhz, data.downlink_snr
    )
    sees_share = np.where(downloads, allocation.downlink_share, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # a share of 0 has no efficiency
        nats = [
            physics.nats_at(share, snr)
            for share, snr in (
                (allocation.uplink_share, data.uplink_snr),
                (sees_share, data.downlink_snr),
            )
        ]
    plan = allocation.plan(data)
    values = {
        "download": downloads.astype(int),
        "offload_fraction": allocation.offload_fraction,
        "frequency_ghz": plan.frequency_ghz,
        "receiving_share": sees_share,
        "upload_s": terms.upload_s,
        "offload_s": terms.offload_s,
        "ready_s": terms.ready_s,
        "edge_inference_s": terms.edge_inference_s,
        "download_s": np.where(downloads, terms.download_s, whole_band_s),
        "local_inference_s": terms.local_inference_s,
        "latency_s": terms.latency_s,
        "uplink_nats": nats[0],
        "downlink_nats": nats[1],
        "local_inference_j": terms.local_inference_j,
        "paced_part": (1.0 - plan.offload_fraction) * plan.frequency_ghz / data.max_frequency_ghz,
    }
    _decide(model.sync_s, allocation.sync_s)
    for j, name in enumerate(data.names):
        _decide(model.uplink_share[name], allocation.uplink_share[j])
        _decide(model.downlink_share[name], allocation.downlink_share[j])
        for variable in decided_at_the_edge(model, name).values():
            served_ghz = plan.edge_frequency_ghz[j]
            _decide(variable, served_ghz, used=served_ghz > 0)
        block = model.user[name]
        for key, variable in variables(block):
            if variable.parent_component().is_indexed():
                chosen = variable.index() == point(block, float(allocation.offload_fraction[j]))
                _give(variable, chosen * {"at_point": 1.0, "upload_part_s": terms.upload_s[j]}[key])
            elif key in ("download", "offload_fraction", "frequency_ghz"):
                _decide(variable, values[key][j], used=key != "frequency_ghz" or values[key][j] > 0)
            else:
                _give(variable, values[key][j], at_most=key in TIMES)


def _give(variable: Any, value: float, *, at_most: bool = False) -> None:
    """Set a variable that is free; a time has to be at most what its variable is fixed at."""
    if not variable.fixed:
        _set(variable, value)
    elif at_most and not value - variable.value <= HELD * max(1.0, abs(variable.value)):
        raise InputError(
            f"the model's variable {variable.name!r} is fixed at {variable.value:g}, but the "
            f"allocation needs {float(value):g}"
        )


def _decide(variable: Any, value: float, *, used: bool = True) -> None:
    """Set a decision that is free; one that is used has to be what its variable is fixed at."""
    if variable.fixed and used and not abs(variable.value - value) <= HELD * max(1.0, abs(value)):
        raise InputError(
            f"the model's variable {variable.name!r} is fixed at {variable.value:g}, but the "
            f"allocation has {float(value):g}"
        )
    _give(variable, value)


def variables(block: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over those of ``symbols.USER_VARIABLES`` that an end user's block has as such."""
    for key in USER_VARIABLES:
        component = block.component(key)
        if component is not None and component.ctype is pyo.Var:
            for variable in component.values():
                yield key, variable


def point(block: Any, offload_fraction: float) -> int:
    """Return the place of ι_j on the block's grid.

    Raises
    ------
    InputError
        If it is not on the grid.
    """
    count = len(block.points) - 1
    place = round(offload_fraction * count)
    if abs(place - offload_fraction * count) > 1e-6 * count:
        raise InputError(
            f"the offload fraction of user {block.index()!r} is {offload_fraction:g}, but must be "
            f"a multiple of 1/{count}"
        )
    return place


def _set(variable: Any, value: float) -> None:
    variable.set_value(float(value), skip_validation=True)


ROUNDING = 1e-4
"""How far a download decision may be from 0 or 1 to be read as such."""


def allocation(model: Model, *, tidy: bool = True) -> Allocation:
    """Read the decisions (a, ι, f, b, b̄, τ̂, f_s) from a model's variables.

    Without download b̄ = 0, and f = 0 where nothing is computed locally, f_s where nothing is
    offloaded.

    Parameters
    ----------
    model
        A model made by :func:`minlp`.
    tidy
        Whether to read a user whose whole task is offloaded as a_j = 0, unless a_j is fixed: a
        download is never better then, except in a training round.

    Raises
    ------
    InputError
        If a variable has no value, or a download decision is neither 0 nor 1.
    """
    require_own_data(model)
    source = source_of(model)
    data = source.data

    def column(key: str) -> FloatColumn:
        return np.array([_value(getattr(model.user[name], key)) for name in data.names])

    decision = column("download")
    undecided = np.abs(decision - np.round(decision)) > ROUNDING
    if undecided.any():
        j = int(np.argmax(undecided))
        raise InputError(
            f"the download decision of user {data.names[j]!r} is {decision[j]:g}, "
            "but must be 0 or 1"
        )
    downloads = np.round(decision) == 1
    offload = np.where(downloads, np.clip(column("offload_fraction"), 0.0, 1.0), 1.0)
    if tidy and source.round == "inference":
        free = np.array([not model.user[name].download.fixed for name in data.names])
        downloads = downloads & ((offload < 1.0) | ~free)
    computes = downloads & (offload < 1.0) & (data.task_mbit > 0)
    frequency_ghz = np.array([_frequency_ghz(model.user[name]) for name in data.names])
    frequency_ghz = np.clip(frequency_ghz, 0.0, data.max_frequency_ghz)
    uplink = np.array([_value(model.uplink_share[name]) for name in data.names])
    downlink = np.array([_value(model.downlink_share[name]) for name in data.names])
    return Allocation(
        names=data.names,
        sync_s=_value(model.sync_s),
        download=downloads,
        offload_fraction=offload,
        frequency_hz=np.where(computes, frequency_ghz, 0.0) * HZ_PER_GHZ,
        uplink_share=np.clip(uplink, 0.0, 1.0),
        downlink_share=np.where(downloads, np.clip(downlink, 0.0, 1.0), 0.0),
        edge_frequency_hz=_edge_frequency_hz(model, data, offload),
    )


def _edge_frequency_hz(model: Model, data: Scaled, offload: FloatColumn) -> FloatColumn | None:
    """Return f_{s,j} where it is a variable, 0 where nothing is offloaded.

    A solver's tolerance can leave a tiny part of a task without any frequency; that part gets what
    it needs to be done in time.
    """
    if model.component("edge_frequency_ghz") is None:
        return None
    frequency_ghz = np.array([_value(model.edge_frequency_ghz[name]) for name in data.names])
    work = physics.offloaded_gigacycles(offload, data.task_mbit, data.gigacycles_per_mbit)
    blocks = [model.user[name] for name in data.names]
    time_s = np.array([_value(one.latency_s) - _value(one.ready_s) for one in blocks])
    time_s = np.maximum(time_s + data.previous_download_s, work / data.server_frequency_ghz)
    needed_ghz = np.divide(work, time_s, out=np.zeros(len(data)), where=work > 0)
    served_ghz = np.clip(frequency_ghz, needed_ghz, data.server_frequency_ghz)
    return np.where(work > 0, served_ghz, 0.0) * HZ_PER_GHZ


def _frequency_ghz(block: Any) -> float:
    """Return f_j, or C(1-ι)L/τ^c where the formulation has no f_j."""
    if block.component("frequency_ghz") is not None:
        return _value(block.frequency_ghz)
    seconds = _value(block.local_inference_s)
    return float(pyo.value(block.local_work)) / seconds if seconds > 0 else np.inf


def _value(variable: Any) -> float:
    value = variable.value
    if value is None or not np.isfinite(value):
        raise InputError(f"the model's variable {variable.name!r} is {value}, but must be a number")
    return float(value)


def plain_allocations(model: Model) -> Iterator[Allocation]:
    """Iterate over two plans that (10) always allows: all at the edge, and all local.

    The whole band is shared out alike, and so is the server's frequency where it is limited.
    """
    source = source_of(model)
    data = source.data
    everybody = np.ones(len(data))
    for download in (0.0, 1.0):
        share = everybody / (len(data) * (1.0 + download))
        upload_s = data.model_mbit * physics.seconds_per_mbit(
            share, data.bandwidth_mhz, data.uplink_snr
        )
        computes = np.where(data.task_mbit > 0.0, download, 0.0)
        yield Allocation(
            names=data.names,
            sync_s=float((data.upload_start_s + upload_s).max()),
            download=everybody * download > 0.0,
            offload_fraction=everybody * (1.0 - download),
            frequency_hz=computes * horizon.unhurried_frequency_ghz(data) * HZ_PER_GHZ,
            uplink_share=share,
            downlink_share=share * download,
            edge_frequency_hz=None
            if data.total_frequency_ghz is None
            else everybody * (1.0 - download) * data.equal_frequency_ghz * HZ_PER_GHZ,
        )
