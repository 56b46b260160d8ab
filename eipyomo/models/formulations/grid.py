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

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.errors import InputError
from eipyomo.models.end_user import (
    Links,
    Way,
    both_ways,
    choose_a_point,
    declare,
    declare_variables,
    edge_inference_time,
    local_work,
    log1p,
    offloaded_work,
    what_all_formulations_share,
)
from eipyomo.models.formulation_options import GridOptions
from eipyomo.models.formulations.base import Formulation
from eipyomo.models.formulations.spectral import (
    declare_local_energy,
    edge_hull,
    frequency_limit,
    full_load_s,
    local_tangents,
    nats_of,
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


class Grid(Formulation[GridOptions]):
    """ι is one of 0, step, 2 step, ..., 1."""

    name = "grid"
    convex = True
    Options = GridOptions

    def restricted(self, problem: Problem, options: GridOptions) -> tuple[Problem, GridOptions]:
        """Put ι on the grid of the step, which must be that of the problem if it has one.

        Where everybody has modes there is no ι.
        """
        has_modes = problem.data.has_modes
        if has_modes.all():
            return problem, options
        if has_modes.any():
            j = int(np.argmin(has_modes))
            raise InputError(
                f"the formulation 'grid' puts offload fractions on a grid, but user "
                f"{problem.data.names[j]!r} has one while others have modes: all must have modes, "
                "or none"
            )
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
        both = both_ways(block, links.uplink_share, system.model_mbit)
        self.transmit(block, system, both, options)
        choose_a_point(block, count)
        offload = offload_by_parts if options.choice == "hull" else offload_by_switches
        offload(block, links, count)
        local_work(block, system)
        declare_local_energy(block, system)
        frequency_limit(block)
        least_s = whole_task(block, system) / (count * block.max_frequency_ghz)
        chosen_local_energy(block, least_s, idle=block.at_point[count])
        local_tangents(block, options.tangents)
        if served_ghz is None:
            edge_inference_time(block, offloaded_work(block, system), system, None)
        else:
            whole = whole_task(block, system)
            some = {k: whole * (k / count) for k in range(1, count + 1)}
            chosen_edge_inference_time(block, served_ghz, some, block.at_point, some[1])
            edge_hull(block, system, served_ghz, options.tangents)
        what_all_formulations_share(block, links)

    def transmit(
        self, block: Block, system: Block, ways: Sequence[Way], options: GridOptions
    ) -> None:
        """Add (3), (4), and (5) as convex functions: τ ≥ D_m ln 2/(g B) (e^u - 1)/u."""
        spectral_efficiencies(block, ways)
        for way in ways:
            nats, load_s = nats_of(block, way), full_load_s(system, way)
            row = pyo.Constraint(
                expr=way.seconds >= load_s * (pyo.exp(nats) - 1) / nats, doc="(5), (11)"
            )
            block.add_component(way.row, row)
        transmission_tangents(block, system, ways, options.tangents)


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


def chosen_local_energy(block: Block, least_s: Expression, idle: Expression) -> None:
    """Add (1) as a convex function: e^c ≥ κ w³/(d + d_0 λ)², w the work of what is chosen.

    λ tells whether it is none, and d_0 is the least d of any that is not, so that nothing divides
    by zero there.
    """
    seconds = block.local_inference_s + least_s * idle + NO_TASK_S
    block.local_energy = pyo.Constraint(
        expr=block.local_inference_j >= block.energy_coefficient * block.local_work**3 / seconds**2,
        doc="(1)",
    )


def chosen_edge_inference_time(
    block: Block,
    frequency_ghz: Expression,
    works: Mapping[Any, Expression],
    chosen: Any,
    least_work: Expression,
) -> None:
    """Add (2) as a convex function: τ^e ≥ q²/(f + f_0 λ) with q = Σ_k w_k^½ λ_k.

    Where one of the works w_k is chosen q² is that, and f at least what ends it at the latest time.
    λ = 1 - Σ_k λ_k tells whether none is, and some f_0 > 0 keeps this from dividing by zero there.

    Parameters
    ----------
    block
        The block of an end user.
    frequency_ghz
        f_{s,j}.
    works
        What there may be for the server to do, in Gcycle.
    chosen
        The binaries λ_k, by the keys of `works`.
    least_work
        One of `works`, such as the least.
    """
    declare(block, "edge_inference_s", (0, block.horizon_s))
    idle = 1 - pyo.quicksum(chosen[k] for k in works)
    least_ghz = least_work / block.horizon_s
    root = pyo.quicksum(work**0.5 * chosen[k] for k, work in works.items())
    needed = pyo.quicksum(work * chosen[k] for k, work in works.items())
    block.least_edge_frequency = pyo.Constraint(
        expr=frequency_ghz >= needed / block.horizon_s, doc="(2)"
    )
    block.edge_inference_time = pyo.Constraint(
        expr=block.edge_inference_s >= root**2 / (frequency_ghz + least_ghz * idle + NO_TASK_GHZ),
        doc="(2)",
    )
