"""The whole problem (10): the end users' blocks and what couples them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.models import with_modes
from eipyomo.models.end_user import Links, choose_a_point, declare_data
from eipyomo.models.formulations import FORMULATIONS
from eipyomo.models.points import place_on_grid, start_inside
from eipyomo.models.reach import Reach
from eipyomo.models.source import (
    Source,
    has_modes,
    keep_source,
    least_of,
    shared_by,
    source_of,
    user_data,
)
from eipyomo.models.symbols import BUDGET_DATA, COUPLING, LEAST, LEAST_OF, SYSTEM_DATA, Quantity
from eipyomo.models.types import Block, Model
from eipyomo.objective import WSEL
from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.scaled import HZ_PER_GHZ, Stage
from eipyomo.validation import require_kind
from eipyomo.words import clipped, short


def minlp(
    what: Instance | Problem,
    formulation: str = "letter",
    round: Stage = "inference",
    **choices: Any,
) -> pyo.ConcreteModel:
    r"""Return problem (10) as a Pyomo model, to solve, change, extend or export.

    $$
    \min_{a, \iota, f, b, \bar b, \hat\tau}\ \sum_j w^{\text{e}}_j E_j + w^{\text{t}}_j T_j \quad
    \text{with } \sum_j b_j + \bar b_j \le 1 \text{ and (1) to (9)}
    $$

    Parameters
    ----------
    what
        An instance, of which (10) is meant, or a problem, whose restriction is part of the model.
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
        the objective; where the problem has another, that is ``model.band`` or
        ``model.edge_frequency`` or ``model.slowest``, and ``model.wsel`` is inactive. Where the
        server has a total frequency, ``model.edge_frequency_ghz[name]`` is what the user's task
        gets of it. All data are Params in scaled units (Mbit, MHz, Gcycle, GHz);
        :func:`eipyomo.models.update` changes them together with what follows from them.

    Raises
    ------
    InputError
        If the formulation, the round or an option is unknown, or the formulation cannot say the
        problem.
    """
    problem = Problem.of(what, round=round)
    if not isinstance(formulation, str) or formulation not in FORMULATIONS:
        raise InputError(
            f"formulation is {short(formulation)}, but must be one of: {', '.join(FORMULATIONS)}"
        )
    written = FORMULATIONS[formulation]
    problem.require(written.handles, f"formulation {formulation!r}")
    problem, options = written.restricted(problem, written.chosen(choices))
    data, reach = problem.data, Reach.of_problem(problem)
    model = pyo.ConcreteModel(name="eipyomo")
    keep_source(model, Source(problem, formulation, choices))
    model.users = pyo.Set(initialize=list(data.names), doc="end users ℳ")
    for key, quantity in SYSTEM_DATA.items():
        declare_datum(model, key, getattr(data, key), quantity)
    declare_least(model, problem, reach)
    coupling_variables(model, problem, reach)
    model.user = pyo.Block(model.users, doc="u_j and 𝒰_j")
    for j, name in enumerate(data.names):
        block = model.user[name]
        own = user_data(data, j)
        declare_data(block, own, float(reach.latest_s[j]), float(reach.receiving_floor[j]))
        links = Links(
            model, model.sync_s, **shared_by(model, name), largest_share=largest_share(model)
        )
        if data.modes is not None and data.has_modes[j]:
            with_modes.declare_modes(block, data.modes, j)
            transmit = partial(written.transmit, block, model, options=options)
            with_modes.build_user(block, links, transmit, convex=written.convex)
            continue
        written.build(block, links, options)
        if problem.restriction.grid and block.component("points") is None:
            choose_a_point(block, problem.restriction.grid)
    for budget in reversed(problem.budgets):  # the order of rows in files
        share_out(model, budget)
    total_wsel(model)
    if problem.objective != WSEL:
        minimise(model, problem)
    restrict_decisions(model, problem)
    start_inside(model)
    return model


def declare_datum(model: Model, key: str, value: float, quantity: Quantity) -> None:
    """Declare what all users have in common as a mutable Param."""
    model.add_component(
        key, pyo.Param(initialize=value, mutable=True, within=pyo.Reals, doc=str(quantity))
    )


def coupling_variables(model: Model, problem: Problem, reach: Reach) -> None:
    """Declare b, b̄ and τ̂, the variables in which end users meet, and f_{s,j} of footnote 2."""
    model.uplink_floor = pyo.Param(
        model.users,
        initialize=dict(zip(model.users, map(float, reach.uplink_floor), strict=True)),
        mutable=True,
        doc="smallest uplink share in use [1]",
    )
    model.horizon_s = pyo.Param(initialize=reach.sync_s, mutable=True, doc="latest sync time [s]")
    for budget in problem.budgets:
        if budget.datum is not None and not budget.is_minimised:
            declare_datum(model, budget.datum, budget.capacity, BUDGET_DATA[budget.datum])
        for draw in budget.draws:
            if draw.quantity not in budget.quantities:
                continue  # a term of the user's, which follows from decisions
            most = largest_share(model) if draw.datum is None else model.component(draw.datum)
            drawn = pyo.Var(model.users, bounds=(0, most), doc=str(COUPLING[draw.quantity]))
            model.add_component(draw.quantity, drawn)
    model.sync_s = pyo.Var(bounds=(0, model.horizon_s), doc=str(COUPLING["sync_s"]))
    for name in model.users:
        model.uplink_share[name].setlb(model.uplink_floor[name])


def declare_least(model: Model, problem: Problem, reach: Reach) -> None:
    """Declare B^min, F^min or θ where that is minimised, and how large a share of B^min can be."""
    name = LEAST_OF.get(problem.objective.name)
    if name is not None:
        least = problem.least_value if name == "largest_latency_s" else 0
        model.add_component(name, pyo.Var(bounds=(least, None), doc=str(LEAST[name])))
    if problem.objective.name == "band":  # of which there is as much as it takes
        model.largest_share = pyo.Param(
            initialize=reach.largest_share, mutable=True, doc="largest share of a link [1]"
        )


def largest_share(model: Model) -> Any:
    """Return the largest share of a link: 1, or a Param where the band is what is minimised."""
    own = model.component("largest_share")
    return 1 if own is None else own


def share_out(model: Model, budget: Budget) -> None:
    """Add a budget: (10b), Σ (b + b̄) ≤ 1, or one of its halves; footnote 2, Σ f_{s,j} ≤ F."""
    if budget.is_minimised:
        capacity = least_capacity(model, budget)
    else:
        capacity = budget.capacity if budget.datum is None else model.component(budget.datum)
    row = pyo.quicksum(sum(drawn(model, budget, name)) for name in model.users) <= capacity
    name = f"{budget.name}_budget"
    name = f"keep_{name}" if name == budget.datum else name
    model.add_component(name, pyo.Constraint(expr=row, doc=budget.equation))


def least_capacity(model: Model, budget: Budget) -> Any:
    """Return the capacity of a budget that is minimised, in the unit of what users draw on it.

    It is B^min/B, or half of that in GBE, where the larger half decides; or F^min.
    """
    problem, draw = source_of(model).problem, budget.draws[0]
    part = budget.capacity * draw.unit_size / problem.reference
    unit = 1.0 if draw.unit_datum is None else model.component(draw.unit_datum)
    return part * least_of(model) / unit


def drawn(model: Model, budget: Budget, name: str) -> list[Any]:
    """Return what a user draws on a budget: variables of the model, or terms of its block."""
    shared, user = shared_by(model, name), model.user[name]
    terms = [shared.get(draw.quantity, user.component(draw.quantity)) for draw in budget.draws]
    return [term for term in terms if term is not None]  # only modes have penalties, or sit out


def restrict_decisions(model: Model, problem: Problem) -> None:
    """Fix or bound a and ι of every user where a problem does not leave them open."""
    for name in itertools.compress(model.users, problem.without_mode):
        for chosen in model.user[name].in_mode.values():  # nothing is left to decide for
            chosen.setlb(1)
            chosen.setub(0)
    open_to = problem.decisions
    if open_to.are_all:
        return
    for j, name in enumerate(model.users):
        user, edge, local = model.user[name], open_to.edge[j], open_to.local[j]
        if has_modes(user):
            continue
        least, most = float(open_to.offload_min[j]), float(open_to.offload_max[j])
        if edge != local:
            user.download.fix(int(local))
        elif not local:  # nothing is left to decide for
            user.download.setlb(1)
            user.download.setub(0)
        if not local or least == most:
            fix_offload(user, most if local else 1.0)
        else:
            user.offload_fraction.setlb(least)
            user.offload_fraction.setub(most)


def total_wsel(model: Model) -> None:
    """Add (10a), the weighted sum of energy and latency."""
    model.wsel = pyo.Objective(
        expr=pyo.quicksum(model.user[name].wsel for name in model.users), doc="(10a)"
    )


def minimise(model: Model, problem: Problem) -> None:
    """Minimise in the place of (10a) what the problem does: B^min, F^min, or θ ≥ T_j for all."""
    least = least_of(model)
    if not problem.objective.budgets:
        model.no_latency_is_larger = pyo.Constraint(
            model.users, rule=lambda m, name: m.user[name].latency_s <= least, doc="θ"
        )
    model.wsel.deactivate()
    model.add_component(
        problem.objective.name, pyo.Objective(expr=least, doc=problem.objective.meaning)
    )


Choice = bool | float | np.ndarray[Any, Any] | None


def fix(
    model: Model,
    *,
    download: Choice = None,
    offload_fraction: Choice = None,
    edge_frequency_hz: Choice = None,
    mode: Mapping[str, str] | None = None,
) -> None:
    """Fix a, ι or f_{s,j}, for all users alike or one value per user, or modes of some users.

    At fixed a, ι and modes the model is convex.

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
    mode
        Names of modes, by the names of users.

    Raises
    ------
    InputError
        If f_{s,j} is given, but is no variable of the model; a and ι of a user with modes; or a
        mode that a user has not.
    """
    modes = {} if mode is None else mode
    require_kind("mode", modes, Mapping, ": {user: name of its mode}")
    for name, k in modes.items():
        _require_mode(model, name, k)
    for name, k in modes.items():
        for own, chosen in model.user[name].in_mode.items():
            chosen.fix(int(own == k))
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
            values = np.broadcast_to(np.asarray(choice, float), len(model.users)).tolist()
            _fix_decision(model, key, values)


def _fix_decision(model: Model, key: str, values: list[float]) -> None:
    """Fix a or ι of every user."""
    users = [model.user[name] for name in model.users]
    for user in users:
        if has_modes(user):
            raise InputError(
                f"{key} is given, but user {user.index()!r} has modes: it takes mode={{user: name}}"
            )
    if key == "offload_fraction":
        for user, value in zip(users, values, strict=True):
            place_on_grid(user, value)  # all of them, before any is fixed
    for user, value in zip(users, values, strict=True):
        if key == "download":
            user.download.fix(int(value))
        else:
            fix_offload(user, value)


def _require_mode(model: Model, name: str, mode: str) -> None:
    """Refuse a user without modes, and a mode that a user has not."""
    users = [name for name in model.users if has_modes(model.user[name])]
    if name not in users:
        raise InputError(
            f"mode has the user {short(name)}, but must name users with modes: "
            f"{clipped(', '.join(users)) or 'none'}"
        )
    in_mode = model.user[name].in_mode
    if mode not in in_mode:
        raise InputError(
            f"mode of user {short(name)} is {short(mode)}, but must be one of: "
            f"{clipped(', '.join(in_mode))}"
        )


def fix_offload(user: Block, value: float) -> None:
    """Fix ι of a user, with the choice of a point where it is on a grid."""
    place = place_on_grid(user, value)
    user.offload_fraction.fix(value)
    for k, chosen in [] if place is None else user.at_point.items():
        chosen.fix(int(k == place))
