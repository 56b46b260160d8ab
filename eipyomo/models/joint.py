"""The whole problem (10): the end users' blocks and what couples them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import SumExpression

from eipyomo import physics
from eipyomo.allocation import Allocation, evaluate, served_at_hz
from eipyomo.errors import InputError
from eipyomo.models import horizon
from eipyomo.models.end_user import letter_block
from eipyomo.models.grid import grid_block
from eipyomo.models.spectral import spectral_block
from eipyomo.models.symbols import (
    COUPLING,
    EDGE_BUDGET,
    SYSTEM_DATA,
    USER_DATA,
    USER_VARIABLES,
)
from eipyomo.scaled import HZ_PER_GHZ, Round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eipyomo.instance import Instance
    from eipyomo.scaled import FloatColumn, Scaled

Model = Any

FORMULATIONS: Mapping[str, Callable[..., None]] = {
    "letter": letter_block,
    "spectral": spectral_block,
    "grid": grid_block,
}
"""The ways to write an end user's block; arguments with values as defaults are their options."""

CONVEX = frozenset({"grid"})
"""The formulations that are convex but for integrality."""


def options(formulation: str) -> tuple[str, ...]:
    """Return the names of the options that a formulation has."""
    parameters = inspect.signature(FORMULATIONS[formulation]).parameters.values()
    return tuple(one.name for one in parameters if one.default not in (one.empty, None))


@dataclass(frozen=True)
class Source:
    """What a model was built from; kept on the model as ``model.source``."""

    instance: Instance
    formulation: str
    round: Round
    options: Mapping[str, Any]


def minlp(
    instance: Instance,
    formulation: str = "letter",
    round: Round = "inference",
    **choices: Any,
) -> pyo.ConcreteModel:
    """Return problem (10) as a Pyomo model, to solve, change, extend or export.

    Parameters
    ----------
    instance
        The instance.
    formulation
        How the end users' blocks are written; one of ``FORMULATIONS``.
    round
        "training" gives the special case of rounds n < N: no tasks, everybody downloads.
    **choices
        The formulation's own options: ``tangents`` (per convex function) of ``spectral`` and
        ``grid``; ``step`` and ``choice`` of ``grid``.

    Returns
    -------
    ConcreteModel
        Indexed by the users' names: ``model.user[name]`` is an end user's block (see
        :mod:`eipyomo.models.end_user` for its parts), ``model.uplink_share[name]`` and
        ``model.downlink_share[name]`` its shares, ``model.sync_s`` the sync time, ``model.wsel``
        the objective; where the server has a total frequency, ``model.edge_frequency_ghz[name]``
        is what the user's task gets of it. All data are mutable Params in scaled units (Mbit, MHz,
        Gcycle, GHz).

    Raises
    ------
    InputError
        If the formulation, the round or an option is unknown.
    """
    if formulation not in FORMULATIONS:
        raise InputError(
            f"formulation is {formulation!r}, but must be one of: {', '.join(FORMULATIONS)}"
        )
    unknown = [name for name in choices if name not in options(formulation)]
    if unknown:
        known = ", ".join(options(formulation)) or "none"
        raise InputError(
            f"{unknown[0]} is no option of the formulation {formulation!r}; it has: {known}"
        )
    data = instance.scaled.for_round(round)
    latest_s = horizon.horizon_s(data)
    model = pyo.ConcreteModel(name="eipyomo")
    model.source = Source(instance, formulation, round, choices)
    model.users = pyo.Set(initialize=list(data.names), doc="end users ℳ")
    for key, quantity in SYSTEM_DATA.items():
        model.add_component(
            key,
            pyo.Param(
                initialize=getattr(data, key), mutable=True, within=pyo.Reals, doc=str(quantity)
            ),
        )
    coupling_variables(model, data, latest_s)
    if data.total_frequency_ghz is not None:
        edge_frequency_budget(model, data.total_frequency_ghz)
    model.user = pyo.Block(model.users, doc="u_j and 𝒰_j")
    receiving_floor = horizon.smallest_share(data, data.downlink_snr, latest_s)
    for j, name in enumerate(data.names):
        FORMULATIONS[formulation](
            model.user[name],
            {key: float(getattr(data, key)[j]) for key in USER_DATA},
            model,
            uplink_share=model.uplink_share[name],
            downlink_share=model.downlink_share[name],
            sync_s=model.sync_s,
            horizon_s=float(latest_s[j]),
            receiving_floor=float(receiving_floor[j]),
            **decided_at_the_edge(model, name),
            **choices,
        )
    bandwidth_budget(model)
    total_wsel(model)
    if round == "training":
        fix(model, download=True, offload_fraction=0.0)
    start_inside(model, data)
    return model


def coupling_variables(model: Model, data: Scaled, latest_s: FloatColumn) -> None:
    """Declare b, b̄ and τ̂, the variables in which end users meet."""
    floor = horizon.smallest_share(data, data.uplink_snr, latest_s - data.upload_start_s)
    model.uplink_floor = pyo.Param(
        model.users,
        initialize=dict(zip(data.names, map(float, floor), strict=True)),
        mutable=True,
        doc="smallest uplink share in use [1]",
    )
    model.horizon_s = pyo.Param(
        initialize=float(latest_s.min()), mutable=True, doc="latest sync time [s]"
    )
    model.uplink_share = pyo.Var(model.users, bounds=(0, 1), doc=str(COUPLING["uplink_share"]))
    model.downlink_share = pyo.Var(model.users, bounds=(0, 1), doc=str(COUPLING["downlink_share"]))
    model.sync_s = pyo.Var(bounds=(0, model.horizon_s), doc=str(COUPLING["sync_s"]))
    for name in model.users:
        model.uplink_share[name].setlb(model.uplink_floor[name])


def bandwidth_budget(model: Model) -> None:
    """Add (10b): Σ (b + b̄) ≤ 1."""
    model.bandwidth_budget = pyo.Constraint(
        expr=pyo.quicksum(
            model.uplink_share[name] + model.downlink_share[name] for name in model.users
        )
        <= 1,
        doc="(10b)",
    )


def edge_frequency_budget(model: Model, total_frequency_ghz: float) -> None:
    """Declare f_{s,j} of footnote 2, at most f_s each, and add Σ f_{s,j} ≤ F."""
    model.total_frequency_ghz = pyo.Param(
        initialize=total_frequency_ghz, mutable=True, within=pyo.Reals, doc=str(EDGE_BUDGET)
    )
    model.edge_frequency_ghz = pyo.Var(
        model.users,
        bounds=(0, model.server_frequency_ghz),
        doc=str(COUPLING["edge_frequency_ghz"]),
    )
    model.edge_frequency_budget = pyo.Constraint(
        expr=pyo.quicksum(model.edge_frequency_ghz[name] for name in model.users)
        <= model.total_frequency_ghz,
        doc="footnote 2",
    )


def decided_at_the_edge(model: Model, name: str) -> dict[str, Any]:
    """Return the argument of a user's block that hands it its f_{s,j}, where that is a variable."""
    if model.component("edge_frequency_ghz") is None:
        return {}
    return {"edge_frequency_ghz": model.edge_frequency_ghz[name]}


def total_wsel(model: Model) -> None:
    """Add (10a), the weighted sum of energy and latency."""
    model.wsel = pyo.Objective(
        expr=pyo.quicksum(model.user[name].wsel for name in model.users), doc="(10a)"
    )


Choice = bool | float | np.ndarray[Any, Any] | None


def fix(
    model: Model,
    *,
    download: Choice = None,
    offload_fraction: Choice = None,
    edge_frequency_hz: Choice = None,
) -> None:
    """Fix a, ι or f_{s,j}, for all users alike or one value per user; at fixed a, ι it is convex.

    Parameters
    ----------
    model
        A model made by :func:`minlp`.
    download
        a_j.
    offload_fraction
        ι_j.
    edge_frequency_hz
        f_{s,j} in Hz.

    Raises
    ------
    InputError
        If f_{s,j} is given, but is no variable of the model.
    """
    if edge_frequency_hz is not None:
        if model.component("edge_frequency_ghz") is None:
            raise InputError(
                "edge_frequency_hz is given, but the model has no such variables, since the "
                "instance has no server.total_frequency_hz"
            )
        values_hz = np.broadcast_to(np.asarray(edge_frequency_hz, dtype=float), len(model.users))
        for name, value_hz in zip(model.users, values_hz, strict=True):
            model.edge_frequency_ghz[name].fix(float(value_hz) / HZ_PER_GHZ)
    for key, choice in (("download", download), ("offload_fraction", offload_fraction)):
        if choice is not None:
            values = np.broadcast_to(np.asarray(choice, dtype=float), len(model.users))
            for name, value in zip(model.users, values, strict=True):
                variable = getattr(model.user[name], key)
                variable.fix(int(value) if key == "download" else float(value))
                if key == "offload_fraction" and model.user[name].component("points") is not None:
                    for k, chosen in model.user[name].at_point.items():
                        chosen.fix(int(k == point(model.user[name], float(value))))


def start_inside(model: Model, data: Scaled) -> None:
    """Give every free variable a start strictly inside its domain: equal shares, half of a task."""
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
    margin = 1e-6 * (high - low)
    # A binary starts between its two values, which Pyomo would refuse as an answer.
    _set(variable, min(max(value, low + margin), high - margin))


def load(model: Model, allocation: Allocation) -> None:
    """Give every variable of a model the value that an allocation implies.

    Afterwards ``pyo.value(model.wsel)`` is the WSEL that :func:`eipyomo.evaluate` computes, and
    solvers that take a start begin there.
    """
    source: Source = model.source
    data = source.instance.scaled.for_round(source.round)
    allocation = allocation.for_users(data.names)
    terms = evaluate(source.instance, allocation, source.round).breakdown
    downloads = allocation.download
    whole_band_s = data.model_mbit * physics.seconds_per_mbit(
        1.0, data.bandwidth_mhz, data.downlink_snr
    )
    sees_share = np.where(downloads, allocation.downlink_share, 1.0)
    frequency_ghz = allocation.frequency_hz / HZ_PER_GHZ
    edge_frequency_hz = served_at_hz(source.instance, allocation, source.round)
    values = {
        "download": downloads.astype(int),
        "offload_fraction": allocation.offload_fraction,
        "frequency_ghz": frequency_ghz,
        "receiving_share": sees_share,
        "upload_s": terms.upload_s,
        "offload_s": terms.offload_s,
        "ready_s": terms.ready_s,
        "edge_inference_s": terms.edge_inference_s,
        "download_s": np.where(downloads, terms.download_s, whole_band_s),
        "local_inference_s": terms.local_inference_s,
        "latency_s": terms.latency_s,
        "uplink_nats": physics.nats_at(allocation.uplink_share, data.uplink_snr),
        "downlink_nats": physics.nats_at(sees_share, data.downlink_snr),
        "local_inference_j": terms.local_inference_j,
        "paced_part": (1.0 - allocation.offload_fraction) * frequency_ghz / data.max_frequency_ghz,
    }
    _set(model.sync_s, allocation.sync_s)
    for j, name in enumerate(data.names):
        _set(model.uplink_share[name], allocation.uplink_share[j])
        _set(model.downlink_share[name], allocation.downlink_share[j])
        for variable in decided_at_the_edge(model, name).values():
            _set(variable, edge_frequency_hz[j] / HZ_PER_GHZ)
        block = model.user[name]
        for key, variable in variables(block):
            if variable.parent_component().is_indexed():
                chosen = variable.index() == point(block, float(allocation.offload_fraction[j]))
                _set(variable, chosen * {"at_point": 1.0, "upload_part_s": terms.upload_s[j]}[key])
            else:
                _set(variable, values[key][j])


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
    source: Source = model.source
    data = source.instance.scaled.for_round(source.round)

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


def binding_bounds(model: Model) -> list[str]:
    """Return which of the bounds of :mod:`eipyomo.models.horizon` touch the model's values.

    None does for (10) itself. With constraints of the user's own one may, and then it should be
    widened: ``model.user[name].horizon_s``, ``model.horizon_s``, ``model.uplink_floor[name]`` and
    ``model.user[name].receiving_floor`` are mutable Params.
    """
    touched = []
    if model.sync_s.value >= pyo.value(model.horizon_s) * (1 - 1e-6):
        touched.append("horizon_s")
    for name in model.users:
        user = model.user[name]
        if user.latency_s.value >= pyo.value(user.horizon_s) * (1 - 1e-6):
            touched.append(f"user[{name}].horizon_s")
        if model.uplink_share[name].value <= pyo.value(model.uplink_floor[name]) * (1 + 1e-6):
            touched.append(f"uplink_floor[{name}]")
        if user.receiving_share.value <= pyo.value(user.receiving_floor) * (1 + 1e-6):
            touched.append(f"user[{name}].receiving_floor")
    return touched


def objective(model: Model) -> Any:
    """Return the one active objective, (10a) or what a user has put in its place.

    Raises
    ------
    InputError
        If there is not exactly one.
    """
    active = list(model.component_data_objects(pyo.Objective, active=True, descend_into=True))
    if len(active) != 1:
        raise InputError(f"the model has {len(active)} active objectives, but must have one")
    return active[0]


def largest_violation(model: Model) -> tuple[str, float]:
    """Return the active constraint that the variables' values violate most, and by how much.

    The amount is relative to the constraint's terms where they are larger than 1. Constraints
    that a user has added are looked at like all others.
    """
    worst = ("", 0.0)
    for constraint in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        amount = violation(constraint)
        if not amount <= worst[1]:  # NaN counts as a violation
            worst = (constraint.name, amount)
    return worst


def violation(constraint: Any) -> float:
    """Return by how much a constraint is violated, relative to its terms if larger than 1."""
    body = constraint.body
    terms = body.args if isinstance(body, SumExpression) else (body,)
    values = [float(pyo.value(term)) for term in terms]
    total, amount = sum(values), 0.0
    for side, sign in ((constraint.lower, 1.0), (constraint.upper, -1.0)):
        if side is not None:
            limit = float(pyo.value(side))
            one = sign * (limit - total) / max(1.0, abs(limit), *map(abs, values))
            if not one <= amount:  # NaN counts as a violation
                amount = one
    return amount
