"""The grid formulation of one end user: ι is k/n, with one binary per point; then all is convex.

It is the letter's exhaustive search as a model. The one product of
:mod:`eipyomo.models.spectral`, ι τ^mu, becomes a choice among n + 1 multiples of τ^mu, and every
row is a convex function ≤ 0 (or linear), so that outer approximation and branch and bound on
local solutions are right about it: their optimum is the global one of the restricted problem.

On the grid ι < 1 means ι ≤ 1 - 1/n, and by (10c) the local computing time then is at least that
of the n-th part of the task at f_max. This keeps κ (C(1-ι)L)³/d² away from 0/0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.errors import InputError
from eipyomo.models.end_user import (
    declare,
    declare_data,
    declare_variables,
    edge_inference_time,
    local_work,
    log1p,
    what_all_formulations_share,
)
from eipyomo.models.spectral import (
    TANGENTS,
    declare_efficiency,
    declare_local_energy,
    edge_hull,
    efficiencies,
    frequency_limit,
    full_load_s,
    local_tangents,
    transmission_tangents,
    whole_task,
)
from eipyomo.models.symbols import USER_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = Any
Expression = Any
Variable = Any

Choice = Literal["hull", "bigm"]

STEP = 0.2
NO_TASK_S = 1e-12
"""Added to the computing time in the energy, for users without a task."""
NO_TASK_GHZ = 1e-12
"""Added to the edge's frequency in the edge computing time, for users without a task."""


def grid_block(
    block: Block,
    user: Mapping[str, float],
    system: Block,
    *,
    uplink_share: Variable,
    downlink_share: Expression,
    sync_s: Expression,
    horizon_s: float,
    receiving_floor: float,
    edge_frequency_ghz: Expression | None = None,
    step: float = STEP,
    choice: Choice = "hull",
    tangents: int = TANGENTS,
) -> None:
    """Fill a block with one end user whose ι is one of 0, step, 2 step, ..., 1.

    Parameters
    ----------
    block, user, system, uplink_share, downlink_share, sync_s, horizon_s, receiving_floor
        As for :func:`eipyomo.models.end_user.letter_block`.
    edge_frequency_ghz, tangents
        As for :func:`eipyomo.models.spectral.spectral_block`.
    step
        1/n for a whole number n.
    choice
        How a point is chosen: "hull" splits τ^mu among the points, "bigm" switches rows off.
    """
    if choice not in get_args(Choice):
        raise InputError(f"choice is {choice!r}, but must be one of: {', '.join(get_args(Choice))}")
    count = number_of_steps(step)
    declare_data(block, user, horizon_s, receiving_floor)
    declare_variables(block)
    declare_efficiency(block, "uplink_nats", block.uplink_snr, uplink_share)
    declare_efficiency(block, "downlink_nats", block.downlink_snr, block.receiving_share)
    efficiencies(block, uplink_share)
    transmission_times(block, system)
    transmission_tangents(block, system, uplink_share, tangents)
    choose_a_point(block, count)
    {"hull": offload_by_parts, "bigm": offload_by_switches}[choice](block, system, count)
    local_work(block, system)
    declare_local_energy(block, system)
    frequency_limit(block)
    local_energy(block, system, count)
    local_tangents(block, tangents)
    if edge_frequency_ghz is None:
        edge_inference_time(block, system, None)
    else:
        chosen_edge_inference_time(block, system, edge_frequency_ghz, count)
        edge_hull(block, system, edge_frequency_ghz, tangents)
    what_all_formulations_share(block, system, downlink_share, sync_s)


def number_of_steps(step: float) -> int:
    """Return n for a step of 1/n."""
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0.0 < step <= 1.0:
        raise InputError(f"step is {step!r}, but must be 1/n for a whole number n")
    count = round(1.0 / step)
    if abs(count * step - 1.0) > 1e-9:
        raise InputError(f"step is {step!r}, but must be 1/n for a whole number n")
    return count


def transmission_times(block: Block, system: Block) -> None:
    """Add (5) as convex functions: τ ≥ D_m ln 2/(g B) (e^u - 1)/u both ways."""
    for name, nats, snr, seconds in (
        ("upload_time", block.uplink_nats, block.uplink_snr, block.upload_s),
        ("download_time", block.downlink_nats, block.downlink_snr, block.download_s),
    ):
        block.add_component(
            name,
            pyo.Constraint(
                expr=seconds >= full_load_s(system, snr) * (pyo.exp(nats) - 1) / nats,
                doc="(5), (11)",
            ),
        )


def choose_a_point(block: Block, count: int) -> None:
    """Add ι = Σ_k (k/n) λ_k with Σ_k λ_k = 1 and λ_k binary."""
    block.points = pyo.RangeSet(0, count, doc="points of the grid (10d)")
    block.at_point = pyo.Var(
        block.points, domain=pyo.Binary, bounds=(0, 1), doc=str(USER_VARIABLES["at_point"])
    )
    block.one_point = pyo.Constraint(
        expr=pyo.quicksum(block.at_point[k] for k in block.points) == 1, doc="(10d)"
    )
    block.point = pyo.Constraint(
        expr=block.offload_fraction
        == pyo.quicksum((k / count) * block.at_point[k] for k in block.points),
        doc="(10d)",
    )


def offload_by_parts(block: Block, system: Block, count: int) -> None:
    """Add (5): D_m τ^to ≥ L Σ_k (k/n) τ_k with τ^mu = Σ_k τ_k, and τ_k = 0 where λ_k = 0."""
    shortest_s = system.model_mbit * physics.seconds_per_mbit(
        1.0, system.bandwidth_mhz, block.uplink_snr, log1p
    )
    block.upload_part_s = pyo.Var(
        block.points, bounds=(0, block.horizon_s), doc=str(USER_VARIABLES["upload_part_s"])
    )
    block.upload_parts = pyo.Constraint(
        expr=block.upload_s == pyo.quicksum(block.upload_part_s[k] for k in block.points),
        doc="parts of (5)",
    )
    block.part_of_a_point = pyo.ConstraintList(doc="parts of (5)")
    for k in block.points:
        block.part_of_a_point.add(block.upload_part_s[k] >= shortest_s * block.at_point[k])
        block.part_of_a_point.add(block.upload_part_s[k] <= block.horizon_s * block.at_point[k])
    block.offload_time = pyo.Constraint(
        expr=system.model_mbit * block.offload_s
        >= block.task_mbit
        * pyo.quicksum((k / count) * block.upload_part_s[k] for k in block.points),
        doc="(5), (11)",
    )


def offload_by_switches(block: Block, system: Block, count: int) -> None:
    """Add (5): D_m τ^to ≥ L (k/n) (τ^mu - τ_max (1 - λ_k)), τ_max the latest time."""
    block.offload_time = pyo.ConstraintList(doc="(5), (11)")
    for k in range(1, count + 1):
        block.offload_time.add(
            system.model_mbit * block.offload_s
            >= block.task_mbit
            * (k / count)
            * (block.upload_s - block.horizon_s * (1 - block.at_point[k]))
        )


def local_energy(block: Block, system: Block, count: int) -> None:
    """Add (1): e^c ≥ κ (C(1-ι)L)³/(d + d_n λ_n)², where d_n is the least d for ι < 1."""
    least_s = whole_task(block, system) / (count * block.max_frequency_ghz)
    seconds = block.local_inference_s + least_s * block.at_point[count] + NO_TASK_S
    block.local_energy = pyo.Constraint(
        expr=block.local_inference_j >= block.energy_coefficient * block.local_work**3 / seconds**2,
        doc="(1)",
    )


def chosen_edge_inference_time(
    block: Block, system: Block, frequency_ghz: Expression, count: int
) -> None:
    """Add (2) as a convex function: τ^e ≥ CL q²/(f + f_1 λ_0) with q = Σ_k (k/n)^½ λ_k.

    At a point of the grid q² is ι. f_1 is the least f for ι > 0, at which the n-th part of the task
    takes until the latest time, so that nothing divides by zero at ι = 0.
    """
    declare(block, "edge_inference_s", (0, block.horizon_s))
    work = whole_task(block, system)
    least_ghz = work / (count * block.horizon_s)
    root = pyo.quicksum((k / count) ** 0.5 * block.at_point[k] for k in block.points)
    block.least_edge_frequency = pyo.Constraint(
        expr=frequency_ghz >= least_ghz * (1 - block.at_point[0]), doc="(2)"
    )
    block.edge_inference_time = pyo.Constraint(
        expr=block.edge_inference_s
        >= work * root**2 / (frequency_ghz + least_ghz * block.at_point[0] + NO_TASK_GHZ),
        doc="(2)",
    )
