"""The whole problem (10): the end users' blocks and what couples them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.models.end_user import letter_block
from eipyomo.models.grid import grid_block
from eipyomo.models.points import decided_at_the_edge, point, start_inside
from eipyomo.models.reach import Reach
from eipyomo.models.source import Source, keep_source
from eipyomo.models.spectral import spectral_block
from eipyomo.models.symbols import COUPLING, EDGE_BUDGET, SYSTEM_DATA, USER_DATA
from eipyomo.scaled import HZ_PER_GHZ, Round
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        is what the user's task gets of it. All data are Params in scaled units (Mbit, MHz,
        Gcycle, GHz); :func:`eipyomo.models.update` changes them together with what follows from
        them.

    Raises
    ------
    InputError
        If the formulation, the round or an option is unknown.
    """
    require_kind("instance", instance, Instance)
    if not isinstance(formulation, str) or formulation not in FORMULATIONS:
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
    reach = Reach.of_problem(data)
    model = pyo.ConcreteModel(name="eipyomo")
    keep_source(model, Source(instance, formulation, round, choices))
    model.users = pyo.Set(initialize=list(data.names), doc="end users ℳ")
    for key, quantity in SYSTEM_DATA.items():
        model.add_component(
            key,
            pyo.Param(
                initialize=getattr(data, key), mutable=True, within=pyo.Reals, doc=str(quantity)
            ),
        )
    coupling_variables(model, reach)
    if data.total_frequency_ghz is not None:
        edge_frequency_budget(model, data.total_frequency_ghz)
    model.user = pyo.Block(model.users, doc="u_j and 𝒰_j")
    for j, name in enumerate(data.names):
        FORMULATIONS[formulation](
            model.user[name],
            {key: float(getattr(data, key)[j]) for key in USER_DATA},
            model,
            uplink_share=model.uplink_share[name],
            downlink_share=model.downlink_share[name],
            sync_s=model.sync_s,
            horizon_s=float(reach.latest_s[j]),
            receiving_floor=float(reach.receiving_floor[j]),
            **decided_at_the_edge(model, name),
            **choices,
        )
    bandwidth_budget(model)
    total_wsel(model)
    if round == "training":
        fix(model, download=True, offload_fraction=0.0)
    start_inside(model)
    return model


def coupling_variables(model: Model, reach: Reach) -> None:
    """Declare b, b̄ and τ̂, the variables in which end users meet."""
    model.uplink_floor = pyo.Param(
        model.users,
        initialize=dict(zip(model.users, map(float, reach.uplink_floor), strict=True)),
        mutable=True,
        doc="smallest uplink share in use [1]",
    )
    model.horizon_s = pyo.Param(initialize=reach.sync_s, mutable=True, doc="latest sync time [s]")
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
            _fix_decision(model, key, np.broadcast_to(np.asarray(choice, float), len(model.users)))


def _fix_decision(model: Model, key: str, values: Any) -> None:
    """Fix a or ι of every user, with the choice of a point where ι is on a grid."""
    users = [model.user[name] for name in model.users]
    on_grid = key == "offload_fraction" and users[0].component("points") is not None
    places = [
        point(user, float(value)) for user, value in zip(users, values, strict=True) if on_grid
    ]
    for user, value in zip(users, values, strict=True):
        user.component(key).fix(int(value) if key == "download" else float(value))
    for user, place in zip(users, places, strict=False):
        for k, chosen in user.at_point.items():
            chosen.fix(int(k == place))
