"""The grid formulation of one end user: ι is k/n, with one binary per point; then all is convex.

It is the letter's exhaustive search as a model. The one product of
:mod:`eipyomo.models.formulations.spectral`, ι τ^mu, becomes a choice among n + 1 multiples of
τ^mu, and every row is a convex function ≤ 0 (or linear), so that outer approximation and branch and
bound on local solutions are right about it: their optimum is the global one of the restricted
problem.

On the grid ι < 1 means ι ≤ 1 - 1/n, and by (10c) the local computing time then is at least that
of the n-th part of the task at f_max. This keeps κ (C(1-ι)L)³/d² away from 0/0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import pyomo.environ as pyo
from pydantic import BeforeValidator, Field

from eipyomo import physics
from eipyomo.errors import InputError
from eipyomo.models.end_user import (
    Links,
    choose_a_point,
    declare,
    declare_variables,
    edge_inference_time,
    local_work,
    log1p,
    what_all_formulations_share,
)
from eipyomo.models.formulations.base import Formulation, Options
from eipyomo.models.formulations.spectral import (
    TANGENTS,
    Tangents,
    declare_local_energy,
    edge_hull,
    frequency_limit,
    full_load_s,
    local_tangents,
    spectral_efficiencies,
    transmission_tangents,
    whole_task,
)
from eipyomo.models.symbols import USER_VARIABLES
from eipyomo.models.types import Block, Expression
from eipyomo.problem import Problem
from eipyomo.restriction import points_of

STEP = 0.2
NO_TASK_S = 1e-12
"""Added to the computing time in the energy, for users without a task."""
NO_TASK_GHZ = 1e-12
"""Added to the edge's frequency in the edge computing time, for users without a task."""


def _divides_one(step: Any) -> Any:
    try:
        return step if step is None or points_of(step) else None
    except InputError as error:
        raise ValueError from error


Step = Annotated[
    float | None,
    BeforeValidator(_divides_one),
    "1/n for a whole number n",
    Field(description="step of ι's grid; left out, the problem's, or else 0.2"),
]


class GridOptions(Options):
    """How ι is chosen.

    Attributes
    ----------
    step
        1/n for a whole number n; left out, it is that of the problem, or else 0.2.
    choice
        How a point is chosen: "hull" splits τ^mu among the points, "bigm" switches rows off.
    tangents
        As for ``spectral``.
    """

    step: Step = None
    choice: Annotated[
        Literal["hull", "bigm"],
        Field(description="whether points of the grid are chosen by a hull, or by big-M rows"),
    ] = "hull"
    tangents: Tangents = TANGENTS


class Grid(Formulation[GridOptions]):
    """ι is one of 0, step, 2 step, ..., 1."""

    name = "grid"
    convex = True
    Options = GridOptions

    def restricted(self, problem: Problem, options: GridOptions) -> tuple[Problem, GridOptions]:
        """Put ι on the grid of the step, which must be that of the problem if it has one."""
        count = problem.restriction.grid or points_of(options.step or STEP)
        if options.step is not None and points_of(options.step) != count:
            raise InputError(
                f"step is {options.step:g}, but must be {problem.restriction.grid_step:g} as in "
                f"the problem {problem.name!r}"
            )
        restriction = replace(problem.restriction, grid=count)
        return replace(problem, restriction=restriction), options.replace(step=1.0 / count)

    def build(self, block: Block, links: Links, options: GridOptions) -> None:
        """Fill a block; see :meth:`Formulation.build`."""
        system, served_ghz = links.system, links.edge_frequency_ghz
        count = points_of(options.step)
        declare_variables(block, links)
        spectral_efficiencies(block, links.uplink_share)
        transmission_times(block, system)
        transmission_tangents(block, system, links.uplink_share, options.tangents)
        choose_a_point(block, count)
        offload = offload_by_parts if options.choice == "hull" else offload_by_switches
        offload(block, links, count)
        local_work(block, system)
        declare_local_energy(block, system)
        frequency_limit(block)
        local_energy(block, system, count)
        local_tangents(block, options.tangents)
        if served_ghz is None:
            edge_inference_time(block, system, None)
        else:
            chosen_edge_inference_time(block, system, served_ghz, count)
            edge_hull(block, system, served_ghz, options.tangents)
        what_all_formulations_share(block, links)


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


def offload_by_parts(block: Block, links: Links, count: int) -> None:
    """Add (5): D_m τ^to ≥ L Σ_k (k/n) τ_k with τ^mu = Σ_k τ_k, and τ_k = 0 where λ_k = 0."""
    system = links.system
    shortest_s = system.model_mbit * physics.seconds_per_mbit(
        links.largest_share, system.bandwidth_mhz, block.uplink_snr, log1p
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


def offload_by_switches(block: Block, links: Links, count: int) -> None:
    """Add (5): D_m τ^to ≥ L (k/n) (τ^mu - τ_max (1 - λ_k)), τ_max the latest time."""
    system = links.system
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
