"""One agent of the decomposition: the end user's block with copies of its own, (12) and (18)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.models import bounds
from eipyomo.models.end_user import Links, declare_data
from eipyomo.models.formulation_options import LetterOptions
from eipyomo.models.formulations.letter import Letter
from eipyomo.models.symbols import SYSTEM_DATA, USER_DATA, USER_LIMITS
from eipyomo.models.types import Model, Variable
from eipyomo.scaled import Scaled

AGENT_PARAMETERS = {
    "uplink_multiplier": "α_j",
    "sync_multiplier": "β_j",
    "downlink_multiplier": "ζ_j",
    "uplink_target": "b_j",
    "sync_target": "τ̂_N [s]",
    "downlink_target": "b̄_j",
    "uplink_penalty": "c of x",
    "sync_penalty": "c of y",
    "downlink_penalty": "c of z",
    "limit_price": "price of missing a limit by its own size",
    "edge_multiplier": "ξ_j",
    "edge_target": "f_{s,j} [GHz]",
    "edge_penalty": "c of v",
}
"""What the coordinator tells an agent, in the order of the kernel's TARGET record; what concerns
the edge only where its frequency is limited, and what concerns limits only where there are such."""

PRICED_LIMITS = {"deadline_s": "latency_s", "energy_budget_j": "energy_j"}
"""Limits that an agent may miss at a price, each with the term of its block that it is on."""


def agent_parameters(data: Scaled) -> list[str]:
    """Return the names of what an agent is told, those of ``AGENT_PARAMETERS`` that concern it."""
    left_out = set()
    if data.total_frequency_ghz is None:
        left_out |= {name for name in AGENT_PARAMETERS if name.startswith("edge_")}
    if not data.limited(*PRICED_LIMITS):
        left_out.add("limit_price")
    return [name for name in AGENT_PARAMETERS if name not in left_out]


def build_agent(data: Scaled, horizon_s: float) -> pyo.ConcreteModel:
    r"""Return the sub-problem (18) of the only user in `data`, to be changed in place.

    $$
    \min_{u_j}\ S(u_j), \quad u_j = (a_j, \iota_j, f_j, x_j, y_j, z_j)
    $$

    Parameters
    ----------
    data
        Columns of one user, in its round.
    horizon_s
        Upper bound on all times in s. Copies may leave what is optimal in the whole problem, so
        it should be later than :func:`eipyomo.models.bounds.latest_s`.

    Returns
    -------
    ConcreteModel
        ``model.user`` is the block of the whole model; ``uplink_copy``, ``sync_copy`` and
        ``downlink_copy`` are x_j, y_j and z_j, and ``edge_frequency_copy`` is v_j where the
        server's frequency is limited. What the coordinator tells (``AGENT_PARAMETERS``) stands in
        fixed variables rather than Params, because a .nl file keeps variables as columns, so that
        it is written once and serves every iteration; the same holds for
        ``user.download`` and ``user.offload_fraction``. Bounds on shares are rows. The deadline
        and the energy budget may be missed for a price, ``limit_price`` for missing one by its own
        size, so that there always is a point.

    Raises
    ------
    InputError
        If there is not exactly one user.
    """
    if len(data) != 1:
        raise InputError(f"data has {len(data)} users, but an agent has exactly one")
    model = pyo.ConcreteModel(name="agent")
    for key, quantity in SYSTEM_DATA.items():
        model.add_component(
            key, pyo.Param(initialize=getattr(data, key), mutable=True, doc=str(quantity))
        )
    for key in agent_parameters(data):
        model.add_component(key, pyo.Var(initialize=0.0, doc=f"{AGENT_PARAMETERS[key]}, told"))
        getattr(model, key).fix()
    declare_copies(model, data, horizon_s)
    floor = float(
        bounds.smallest_share(data, data.downlink_snr, np.array([horizon_s]), data.model_mbit)[0]
    )
    model.user = pyo.Block(doc="u_j and 𝒰_j")
    own = {key: float(getattr(data, key)[0]) for key in USER_DATA}
    own |= {key: float(getattr(data, key)[0]) for key in USER_LIMITS if data.limited(key)}
    declare_data(model.user, own, horizon_s, floor)
    Letter().build(model.user, Links(model, **copies(model)), LetterOptions())
    # The copy z_j has a price and a target of its own, and need not be 0 where a_j = 0.
    model.user.no_share_without_download.deactivate()
    price_limits(model)
    augmented_cost(model)
    return model


def declare_copies(model: Model, data: Scaled, horizon_s: float) -> None:
    """Declare x_j, y_j and z_j, (12c), and v_j; shares above 1 would be outside ℱ anyway."""
    spare_s = np.array([horizon_s]) - data.upload_start_s
    floor = float(bounds.smallest_share(data, data.uplink_snr, spare_s, data.model_mbit)[0])
    model.uplink_copy = pyo.Var(bounds=(floor, 1), doc="x_j [1]: copy of b_j")
    model.sync_copy = pyo.Var(bounds=(0, horizon_s), doc="y_j [s]: copy of τ̂_N")
    model.downlink_copy = pyo.Var(bounds=(0, 1), doc="z_j [1]: copy of b̄_j")
    if data.total_frequency_ghz is not None:
        model.edge_frequency_copy = pyo.Var(
            bounds=(0, data.server_frequency_ghz), doc="v_j [GHz]: copy of f_{s,j}"
        )


def copies(model: Model) -> dict[str, Variable]:
    """Return an agent's copies by what they are copies of, as in ``symbols.COUPLING``."""
    shared = {
        "sync_s": model.sync_copy,
        "uplink_share": model.uplink_copy,
        "downlink_share": model.downlink_copy,
        "edge_frequency_ghz": model.component("edge_frequency_copy"),
    }
    return {key: copy for key, copy in shared.items() if copy is not None}


def price_limits(model: Model) -> None:
    """Let the user miss T ≤ T^max and E ≤ E^max by parts of them that it pays for."""
    paid: Any = 0.0
    for key, term in PRICED_LIMITS.items():
        limit = model.user.component(key)
        if limit is None:
            continue
        model.user.component(f"keep_{key}").deactivate()
        part = pyo.Var(bounds=(0, None), initialize=0.0, doc=f"part of {key} that is missed [1]")
        model.add_component(f"missed_{key}", part)
        most = limit * (1 + part)
        row = pyo.Constraint(expr=model.user.component(term) <= most, doc=str(USER_LIMITS[key]))
        model.add_component(f"priced_{key}", row)
        paid += model.limit_price * part
    model.paid_for_limits = pyo.Expression(expr=paid, doc="what missing limits costs")


def augmented_cost(model: Model) -> None:
    r"""Add S(u_j) of (18): the user's cost, the multipliers' terms and the penalties.

    $$
    S = q_j + \alpha_j x_j + \beta_j y_j + \zeta_j z_j
    + \frac{c}{2} \left[(x_j - b_j)^2 + (y_j - \hat\tau_N)^2 + (z_j - \bar b_j)^2\right]
    $$
    """
    edge: Any = 0.0
    if model.component("edge_frequency_copy") is not None:
        edge = (
            model.edge_multiplier * model.edge_frequency_copy
            + 0.5 * model.edge_penalty * (model.edge_frequency_copy - model.edge_target) ** 2
        )
    model.augmented_cost = pyo.Objective(
        expr=model.user.wsel
        + edge
        + model.paid_for_limits
        + model.uplink_multiplier * model.uplink_copy
        + model.sync_multiplier * model.sync_copy
        + model.downlink_multiplier * model.downlink_copy
        + 0.5 * model.uplink_penalty * (model.uplink_copy - model.uplink_target) ** 2
        + 0.5 * model.sync_penalty * (model.sync_copy - model.sync_target) ** 2
        + 0.5 * model.downlink_penalty * (model.downlink_copy - model.downlink_target) ** 2,
        doc="S of (18)",
    )
