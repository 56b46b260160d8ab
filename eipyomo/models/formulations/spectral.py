"""The spectral formulation of one end user: one non-convex product is all that is left.

It is (1)-(11) in other variables, with the same optimum and the same coupling:

* The spectral efficiency u = ln(1 + g/b) stands between share and rate, so that b = g/(e^u - 1)
  and 1/r = ln 2/(g B) · (e^u - 1)/u, both convex functions of the one variable u.
* The local computing time d = τ^c stands in place of the frequency f = C(1-ι)L/d: (10c) becomes
  linear, and the energy κ (C(1-ι)L)³/d² is jointly convex in ι and d. Two rotated cones write it
  without a division that 0/0 could spoil, by way of (1-ι) f/f_max.

What is left is ι τ^mu in the offloading time, ι/f_{s,j} in the edge computing time where f_{s,j} is
a decision, and the binary. Each convex function also has
tangents, linear rows that follow from the exact ones: with them a solver has a tight relaxation
at once, and does not have to find it by branching.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.models.end_user import (
    Links,
    Way,
    both_ways,
    declare,
    declare_variables,
    edge_inference_time,
    local_work,
    offloaded_work,
    what_all_formulations_share,
)
from eipyomo.models.formulation_options import SpectralOptions
from eipyomo.models.formulations.base import Formulation
from eipyomo.models.types import Block, Expression, Variable


class Spectral(Formulation[SpectralOptions]):
    """Spectral efficiencies and computing times in place of shares and frequencies."""

    name = "spectral"
    Options = SpectralOptions

    def build(self, block: Block, links: Links, options: SpectralOptions) -> None:
        """Fill a block; see :meth:`Formulation.build`."""
        system, served_ghz = links.system, links.edge_frequency_ghz
        declare_variables(block, links)
        both = both_ways(block, links.uplink_share, system.model_mbit)
        # As in transmit, but with (5) in the letter's order: upload, offload, download.
        spectral_efficiencies(block, both)
        transmission_times(block, system, both[:1])
        offload_time(block, system)
        transmission_times(block, system, both[1:])
        transmission_tangents(block, system, both, options.tangents)
        local_work(block, system)
        declare_local_energy(block, system)
        frequency_limit(block)
        local_energy(block, system)
        local_tangents(block, options.tangents)
        edge_inference_time(block, offloaded_work(block, system), system, served_ghz)
        if served_ghz is not None:
            edge_hull(block, system, served_ghz, options.tangents)
        what_all_formulations_share(block, links)

    def transmit(
        self, block: Block, system: Block, ways: Sequence[Way], options: SpectralOptions
    ) -> None:
        """Add (3), (4) and (5): τ u ≥ D_m ln 2/(g B) (e^u - 1)."""
        spectral_efficiencies(block, ways)
        transmission_times(block, system, ways)
        transmission_tangents(block, system, ways, options.tangents)


def spectral_efficiencies(block: Block, ways: Sequence[Way]) -> None:
    """Declare u = ln(1 + g/b) of links, and add the inner part of (3) and (4): b ≥ g/(e^u - 1).

    It lies between its values at the largest share and at the smallest one.
    """
    for way in ways:
        ends = (pyo.log(1 + way.snr / way.share.upper), pyo.log(1 + way.snr / way.share.lower))
        declare(block, f"{way.link}_nats", ends)
    for way in ways:
        row = pyo.Constraint(
            expr=way.share >= physics.share_at(nats_of(block, way), way.snr, pyo.exp),
            doc="(3), (4)",
        )
        block.add_component(f"{way.link}_efficiency", row)


def nats_of(block: Block, way: Way) -> Variable:
    """Return u of a link."""
    return block.component(f"{way.link}_nats")


def full_load_s(system: Block, way: Way) -> Expression:
    """Return D_m ln 2/(g B), so that a model takes this times (e^u - 1)/u."""
    return way.mbit * physics.LN2 / (way.snr * system.bandwidth_mhz)


def transmission_times(block: Block, system: Block, ways: Sequence[Way]) -> None:
    """Add (5): τ u ≥ D_m ln 2/(g B) (e^u - 1)."""
    for way in ways:
        nats, load_s = nats_of(block, way), full_load_s(system, way)
        row = pyo.Constraint(
            expr=way.seconds * nats >= load_s * (pyo.exp(nats) - 1), doc="(5), (11)"
        )
        block.add_component(way.row, row)


def offload_time(block: Block, system: Block) -> None:
    """Add (5): D_m τ^to ≥ ι L τ^mu."""
    block.offload_time = pyo.Constraint(
        expr=system.model_mbit * block.offload_s
        >= block.task_mbit * block.offload_fraction * block.upload_s,
        doc="(5), (11)",
    )


def transmission_tangents(block: Block, system: Block, ways: Sequence[Way], tangents: int) -> None:
    """Add tangents of b and τ as functions of u, at equal distances between u's bounds."""
    for way in ways:
        rows = pyo.ConstraintList(doc="tangents of (3)-(5)")
        block.add_component(f"{way.link}_tangents", rows)
        nats, load_s = nats_of(block, way), full_load_s(system, way)
        for at in points(nats.lower, nats.upper, tangents):
            rows.add(share_tangent(way.share, nats, way.snr, at))
            rows.add(time_tangent(way.seconds, nats, load_s, at))


def share_tangent(share: Variable, nats: Variable, snr: Expression, at: Expression) -> Expression:
    """Return b ≥ the tangent of g/(e^u - 1) at one u."""
    grown = pyo.exp(at)
    value, slope = snr / (grown - 1), -snr * grown / (grown - 1) ** 2
    return share >= value + slope * (nats - at)


def time_tangent(
    seconds: Variable, nats: Variable, load_s: Expression, at: Expression
) -> Expression:
    """Return τ ≥ the tangent of D_m ln 2/(g B) · (e^u - 1)/u at one u."""
    grown = pyo.exp(at)
    value, slope = (grown - 1) / at, (grown * (at - 1) + 1) / at**2
    return seconds >= load_s * (value + slope * (nats - at))


def points(low: Expression, high: Expression, count: int) -> Iterator[Expression]:
    """Iterate over points at equal distances, both ends included."""
    for k in range(count):
        yield low + (high - low) * (k / (count - 1))


def whole_task(block: Block, system: Block) -> Expression:
    """Return CL, the work of the whole task in Gcycle."""
    return physics.local_gigacycles(0.0, block.task_mbit, system.gigacycles_per_mbit)


def declare_local_energy(block: Block, system: Block) -> None:
    """Declare e^c; it is at most what the whole task takes at f_max (and 1 J, to have room)."""
    largest_j = physics.local_inference_energy_j(
        block.max_frequency_ghz, whole_task(block, system), block.energy_coefficient
    )
    declare(block, "local_inference_j", (0, largest_j + 1))


def frequency_limit(block: Block) -> None:
    """Add (10c): C(1-ι)L ≤ f_max d."""
    block.frequency_limit = pyo.Constraint(
        expr=block.local_work <= block.max_frequency_ghz * block.local_inference_s, doc="(10c)"
    )


def local_energy(block: Block, system: Block) -> None:
    """Add (1) with f = C(1-ι)L/d: e^c ≥ κ (C(1-ι)L)³/d², as two cones by way of (1-ι) f/f_max."""
    declare(block, "paced_part", (0, 1))
    local_part = 1 - block.offload_fraction
    fastest_s = whole_task(block, system) / block.max_frequency_ghz
    fastest_j = physics.local_inference_energy_j(
        block.max_frequency_ghz, whole_task(block, system), block.energy_coefficient
    )
    block.local_pace = pyo.Constraint(
        expr=block.paced_part * block.local_inference_s >= fastest_s * local_part**2, doc="(1)"
    )
    block.local_energy = pyo.Constraint(
        expr=block.local_inference_j * local_part >= fastest_j * block.paced_part**2, doc="(1)"
    )


def local_tangents(block: Block, tangents: int) -> None:
    """Add tangents of e^c as a function of ι and d, for many f."""
    block.local_tangents = pyo.ConstraintList(doc="tangents of (1)")
    for k in range(1, tangents + 1):
        block.local_tangents.add(energy_tangent(block, block.max_frequency_ghz * (k / tangents)))


def energy_tangent(block: Block, frequency_ghz: Expression) -> Expression:
    """Return e^c ≥ κ (3 f² C(1-ι)L - 2 f³ d), the tangent of κ w³/d² where w = f d, for one f."""
    return block.local_inference_j >= block.energy_coefficient * (
        3 * frequency_ghz**2 * block.local_work - 2 * frequency_ghz**3 * block.local_inference_s
    )


def edge_hull(block: Block, system: Block, frequency_ghz: Expression, tangents: int) -> None:
    """Add what bounds τ^e ≥ CLι/f below: τ^e ≥ CLι/f_s, and tangents of τ^e ≥ CLι²/f.

    For 0 ≤ ι ≤ 1 and 0 ≤ f ≤ f_s the larger of the two right sides is the convex envelope of
    CLι/f: with ι = λ the cheapest mix of a point at ι = 0, f ≤ f_s, and one at ι = 1, f = φ, has
    τ^e = λ CL/φ with λφ = min(f, λ f_s). The tangents are (ι - rf)² ≥ 0 for many r = ι/f.
    """
    work = whole_task(block, system)
    block.edge_tangents = pyo.ConstraintList(doc="envelope of (2)")
    block.edge_tangents.add(
        block.edge_inference_s * system.server_frequency_ghz >= work * block.offload_fraction
    )
    for k in range(1, tangents + 1):
        ratio = tangents / (k * system.server_frequency_ghz)
        block.edge_tangents.add(
            block.edge_inference_s
            >= work * (2 * ratio * block.offload_fraction - ratio**2 * frequency_ghz)
        )
