"""Values of a model's variables: where they start, what an allocation implies, what they decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from eipyomo import physics, timing
from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.models import bounds
from eipyomo.models.point import Point
from eipyomo.models.source import has_modes, least_of, require_own_data, shared_by, source_of
from eipyomo.models.symbols import DECISIONS, LEAST, TIMES, USER_VARIABLES
from eipyomo.models.types import Block, Model, Variable
from eipyomo.resources import Budget
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.timing import Needs, Plan, Times


def values_at(
    point: Point, j: int, block: Block, shared: Mapping[str, Variable]
) -> Iterator[tuple[str, Variable, float]]:
    """Iterate over a user's variables, each with its name in the table and its value at a point.

    Parameters
    ----------
    point
        The point.
    j
        The user's place in it.
    block
        The user's block.
    shared
        What the user has of ``symbols.COUPLING``: variables of the model, or an agent's copies.
    """
    for key, variable in [*shared.items(), *variables(block)]:
        value = float(point.values[key][j])
        if variable.parent_component().is_indexed() and variable.parent_block() is block:
            value = _part(value, point, j, block, variable.index())
        yield key, variable, value


def _part(value: float, point: Point, j: int, block: Block, k: Any) -> float:
    """Return a value at the grid's point k, or in mode k: all of it at what is chosen.

    While inside nothing is, and it is alike at all.
    """
    modes = block.component("modes")
    if point.inside:
        return value / len(block.points if modes is None else modes)
    if modes is None:
        return value if k == place_on_grid(block, point.values["offload_fraction"][j]) else 0.0
    mode = point.plan.mode
    return value if mode is not None and k == modes.at(int(mode[j]) + 1) else 0.0


def variables(block: Block) -> Iterator[tuple[str, Variable]]:
    """Iterate over those of ``symbols.USER_VARIABLES`` that an end user's block has as such."""
    for key in USER_VARIABLES:
        component = block.component(key)
        if component is not None and component.ctype is pyo.Var:
            for variable in component.values():
                yield key, variable


def _values(model: Model, point: Point) -> Iterator[tuple[str, Variable, float]]:
    """Iterate over all of a model's own variables with their values at a point."""
    yield "sync_s", model.sync_s, point.plan.sync_s
    problem, least = source_of(model).problem, least_of(model)
    if least is not None:
        yield least.local_name, least, problem.value(point.plan, point.times)
    for j, name in enumerate(point.data.names):
        yield from values_at(point, j, model.user[name], shared_by(model, name))


def start_inside(model: Model) -> None:
    """Give every free variable a start strictly inside its domain: equal shares, half of a task.

    Variables that a user has added keep their values.
    """
    for _, variable, value in _values(model, _inside(source_of(model).data)):
        start_between(variable, value)


def _inside(data: Scaled) -> Point:
    """Return a point at which nothing is decided and everything takes a little longer.

    A user with modes sends and computes what its modes do in the mean.
    """
    ones = np.ones(len(data))
    share = 0.4 / len(data) * ones
    uplink = physics.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    downlink = physics.seconds_per_mbit(share, data.bandwidth_mhz, data.downlink_snr)
    frequency_ghz = 0.9 * bounds.unconstrained_frequency_ghz(data)
    half, edge_frequency_ghz = 0.5 * ones, 0.9 * data.equal_frequency_ghz * ones
    plan = Plan(0.0, ones, half, frequency_ghz, share, share, edge_frequency_ghz)
    need = timing.needs(data, plan)
    if data.modes is not None:
        modes = data.modes
        need = Needs(*(modes.mean(key, own) for key, own in need._asdict().items()))
    start_s = data.previous_download_s + need.training_s
    upload_s = 1.05 * need.update_mbit * uplink
    offload_s = 1.05 * need.offload_mbit * uplink
    sync_s = float((1.05 * start_s + upload_s).max()) + 1e-3
    ready_s = np.maximum(sync_s, start_s + upload_s + offload_s) * 1.05
    download_s = 1.05 * need.download_mbit * downlink
    local_s = 1.05 * need.local_gigacycles / frequency_ghz + 1e-3
    edge_s = 1.05 * need.edge_gigacycles / edge_frequency_ghz + 1e-3
    latency_s = 1.05 * np.maximum(
        ready_s + need.edge_gigacycles / data.server_frequency_ghz,
        sync_s + download_s + local_s,
    )
    if data.total_frequency_ghz is not None:
        latency_s = np.maximum(latency_s, 1.05 * (ready_s + edge_s))
    energy_j = 1.05 * timing.local_inference_j(data, plan, need) + 1e-3
    plan = plan._replace(sync_s=sync_s, download=half)
    times = Times(upload_s, offload_s + 1e-3, ready_s, edge_s, download_s, local_s, latency_s)
    return Point(data, plan, times, energy_j, inside=True)


def start_between(variable: Variable, value: float) -> None:
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
    data = source_of(model).data
    point = Point.of_plan(data, allocation.for_users(data.names).plan(data))
    for key, variable, value in _values(model, point):
        if key in DECISIONS:
            _decide(variable, value, used=value > 0 or not key.endswith("frequency_ghz"))
        else:
            _give(variable, value, at_most=key in (*TIMES, *LEAST))


def _give(variable: Variable, value: float, *, at_most: bool = False) -> None:
    """Set a variable that is free; a time has to be at most what its variable is fixed at."""
    if not variable.fixed:
        _set(variable, value)
    elif at_most and not value - variable.value <= HELD * max(1.0, abs(variable.value)):
        raise InputError(
            f"the model's variable {variable.name!r} is fixed at {variable.value:g}, but the "
            f"allocation needs {float(value):g}"
        )


def _decide(variable: Variable, value: float, *, used: bool = True) -> None:
    """Set a decision that is free; one that is used has to be what its variable is fixed at."""
    if variable.fixed and used and not abs(variable.value - value) <= HELD * max(1.0, abs(value)):
        raise InputError(
            f"the model's variable {variable.name!r} is fixed at {variable.value:g}, but the "
            f"allocation has {float(value):g}"
        )
    _give(variable, value)


def place_on_grid(block: Block, offload_fraction: float) -> int | None:
    """Return the place of ι_j on the block's grid; None where it has none.

    Raises
    ------
    InputError
        If it is not on the grid.
    """
    if block.component("points") is None:
        return None
    count = len(block.points) - 1
    place = round(offload_fraction * count)
    if abs(place - offload_fraction * count) > 1e-6 * count:
        raise InputError(
            f"the offload fraction of user {block.index()!r} is {offload_fraction:g}, but must be "
            f"a multiple of 1/{count}"
        )
    return place


def _set(variable: Variable, value: float) -> None:
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
        A model made by :func:`eipyomo.models.minlp`.
    tidy
        Whether to read a user whose whole task is offloaded as a_j = 0, unless a_j is fixed: a
        download is never better then, except in a training round.

    Raises
    ------
    InputError
        If a variable has no value, or a download decision is neither 0 nor 1.
    """
    require_own_data(model)
    problem = source_of(model).problem
    data = problem.data
    users = [model.user[name] for name in data.names]
    decided = [_decisions(user, tidy=tidy and problem.stage == "inference") for user in users]
    downloads, offload, modes = map(np.array, zip(*decided, strict=True))
    frequency_ghz = np.array([_frequency_ghz(user) for user in users])
    frequency_ghz = np.clip(frequency_ghz, 0.0, data.max_frequency_ghz)
    drawn = _drawn(model, data)
    most = np.inf if problem.objective.name == "band" else 1.0
    plan = timing.in_modes(
        data,
        Plan(
            sync_s=_value(model.sync_s),
            download=downloads,
            offload_fraction=offload,
            frequency_ghz=frequency_ghz,
            uplink_share=np.clip(drawn["uplink_share"], 0.0, most),
            downlink_share=np.clip(drawn["downlink_share"], 0.0, most),
            edge_frequency_ghz=drawn.get("edge_frequency_ghz", np.zeros(len(data))),
            mode=None if data.modes is None else modes,
        ),
    )
    need = timing.needs(data, plan)
    plan = plan._replace(
        edge_frequency_ghz=_edge_frequency_ghz(
            users, data, need.edge_gigacycles, plan.edge_frequency_ghz
        )
    )
    plan = _of_use(plan, need)
    return Allocation.of_plan(data.names, plan, serves="edge_frequency_ghz" in drawn, data=data)


def _of_use(plan: Plan, need: Needs) -> Plan:
    """Return a plan without frequencies and shares that nothing is done with."""
    return plan._replace(
        frequency_ghz=np.where(need.local_gigacycles > 0.0, plan.frequency_ghz, 0.0),
        downlink_share=np.where(plan.download, plan.downlink_share, 0.0),
        edge_frequency_ghz=np.where(need.edge_gigacycles > 0.0, plan.edge_frequency_ghz, 0.0),
    )


def _decisions(user: Block, *, tidy: bool) -> tuple[bool, float, int]:
    """Return a and ι of a user, or which of its modes it takes."""
    if has_modes(user):
        chosen = [_is_taken(z, f"mode {k!r}") for k, z in user.in_mode.items()]
        return False, 1.0, chosen.index(True) if True in chosen else 0
    if not _is_taken(user.download, "download decision"):
        return False, 1.0, 0
    offload = min(max(_value(user.offload_fraction), 0.0), 1.0)
    of_no_use = tidy and offload == 1.0 and not user.download.fixed
    return not of_no_use, offload, 0


def _is_taken(binary: Variable, what: str) -> bool:
    """Tell whether a decision is 1.

    Raises
    ------
    InputError
        If it is neither 0 nor 1.
    """
    value = _value(binary)
    if abs(value - round(value)) > ROUNDING:
        user = binary.parent_block().index()
        raise InputError(f"the {what} of user {user!r} is {value:g}, but must be 0 or 1")
    return round(value) == 1


def _drawn(model: Model, data: Scaled) -> dict[str, FloatColumn]:
    """Return what users draw of the budgets, by quantity."""
    shared = [shared_by(model, name) for name in data.names]
    return {key: np.array([_value(own[key]) for own in shared]) for key in shared[0]}


def _edge_frequency_ghz(
    users: list[Block], data: Scaled, work: FloatColumn, frequency_ghz: FloatColumn
) -> FloatColumn:
    """Return f_{s,j}.

    A solver's tolerance can leave a tiny part of a task without any frequency; that part gets what
    it needs to be done in time.
    """
    time_s = np.array([_value(user.latency_s) - _value(user.ready_s) for user in users])
    time_s = np.maximum(time_s + data.previous_download_s, work / data.server_frequency_ghz)
    needed_ghz = np.divide(work, time_s, out=np.zeros(len(data)), where=work > 0)
    return np.clip(frequency_ghz, needed_ghz, data.server_frequency_ghz)


def _frequency_ghz(block: Block) -> float:
    """Return f_j, or C(1-ι)L/τ^c where the formulation has no f_j."""
    if block.component("frequency_ghz") is not None:
        return _value(block.frequency_ghz)
    seconds = _value(block.local_inference_s)
    return float(pyo.value(block.local_work)) / seconds if seconds > 0 else np.inf


def _value(variable: Variable) -> float:
    value = variable.value
    if value is None or not np.isfinite(value):
        raise InputError(f"the model's variable {variable.name!r} is {value}, but must be a number")
    return float(value)


def plain_allocations(model: Model) -> Iterator[Allocation]:
    """Iterate over two plans that (10) always allows: all at the edge, and all local.

    Where the problem restricts a user to one of the two, or leaves only a part to offload, the
    plans have that. What is shared is shared out alike.
    """
    problem = source_of(model).problem
    data, open_to = problem.data, problem.decisions
    for download in dict.fromkeys(map(tuple, (~open_to.edge, open_to.local))):
        a = np.array(download)
        offload = np.where(a, open_to.offload_min, 1.0)
        ones = np.ones(len(data))
        plan = Plan(
            sync_s=0.0,
            download=a,
            offload_fraction=offload,
            frequency_ghz=bounds.unconstrained_frequency_ghz(data),
            uplink_share=ones,
            downlink_share=ones,
            edge_frequency_ghz=data.equal_frequency_ghz * ones,
            mode=None if data.modes is None else data.modes.mostly(at_edge=not a.any()),
        )
        plan, need = timing.in_modes(data, plan), timing.needs(data, plan)
        alike = [_alike(budget, plan.download) for budget in problem.budgets]
        shares = {key: part for one in alike for key, part in one.items()}
        plan = plan._replace(
            sync_s=max(float(timing.uploaded_s(data, shares["uplink_share"], need).max()), 0.0),
            uplink_share=shares["uplink_share"],
            downlink_share=shares["downlink_share"],
        )
        serves = data.total_frequency_ghz is not None
        yield Allocation.of_plan(data.names, _of_use(plan, need), serves=serves, data=data)


def _alike(budget: Budget, download: NDArray[np.bool_]) -> dict[str, FloatColumn]:
    """Return equal parts of a budget for all users and all that is drawn from it."""
    drawn = [q for q in budget.quantities if q != "downlink_share" or download.any()]
    part = np.full(len(download), budget.capacity / (len(download) * max(len(drawn), 1)))
    return dict.fromkeys(budget.quantities, part)
