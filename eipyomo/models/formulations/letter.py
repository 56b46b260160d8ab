"""The letter's formulation of one end user, equation by equation as in (1)-(11)."""

from __future__ import annotations

from collections.abc import Sequence

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
    rate,
    what_all_formulations_share,
)
from eipyomo.models.formulation_options import LetterOptions
from eipyomo.models.formulations.base import Formulation
from eipyomo.models.types import Block


class Letter(Formulation[LetterOptions]):
    """(1)-(11) as printed, with shares, rates and frequencies."""

    name = "letter"
    Options = LetterOptions

    def build(self, block: Block, links: Links, options: LetterOptions) -> None:
        """Fill a block; see :meth:`Formulation.build`."""
        system = links.system
        declare_variables(block, links)
        declare(block, "frequency_ghz", (0, block.max_frequency_ghz))  # (10c)
        up, down = both_ways(block, links.uplink_share, system.model_mbit)
        self.transmit(block, system, [up], options)
        offload_time(block)
        self.transmit(block, system, [down], options)
        local_inference_time(block, system)
        local_inference_energy(block)
        edge_inference_time(block, offloaded_work(block, system), system, links.edge_frequency_ghz)
        what_all_formulations_share(block, links)

    def transmit(
        self, block: Block, system: Block, ways: Sequence[Way], options: LetterOptions
    ) -> None:
        """Add (3), (4) and (5), τ ≥ D_m/r, as relaxed in (11)."""
        del options
        for way in ways:
            achieved = pyo.Expression(
                expr=rate(way.share, system, way.snr), doc=f"r of the {way.link} [Mbit/s], (3), (4)"
            )
            block.add_component(f"{way.link}_rate", achieved)
            row = pyo.Constraint(expr=way.seconds >= way.mbit / achieved, doc="(5), (11)")
            block.add_component(way.row, row)


def offload_time(block: Block) -> None:
    r"""Add (5): τ^to ≥ ιL/r, as relaxed in (11).

    $$
    \tau^{\text{to}}_j \ge \frac{\iota_j L_j}{r_j}
    $$
    """
    block.offload_time = pyo.Constraint(
        expr=block.offload_s >= block.offload_fraction * block.task_mbit / block.uplink_rate,
        doc="(5), (11)",
    )


def local_inference_time(block: Block, system: Block) -> None:
    r"""Add (1): τ^c f ≥ C(1 - ι)L.

    $$
    \tau^{\text{c}}_j f_j \ge C (1 - \iota_j) L_j,\quad 0 \le f_j \le f^{\max}_j
    $$
    """
    local_work(block, system)
    block.local_inference_time = pyo.Constraint(
        expr=block.local_inference_s * block.frequency_ghz >= block.local_work, doc="(1)"
    )


def local_inference_energy(block: Block) -> None:
    r"""Add (1): e^c = κ f² C(1 - ι)L.

    $$
    e^{\text{c}}_j = \kappa f_j^2 C (1 - \iota_j) L_j
    $$
    """
    block.local_inference_j = pyo.Expression(
        expr=physics.local_inference_energy_j(
            block.frequency_ghz, block.local_work, block.energy_coefficient
        ),
        doc="a e^c, (1), (8)",
    )
