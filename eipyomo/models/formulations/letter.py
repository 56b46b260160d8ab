"""The letter's formulation of one end user, equation by equation as in (1)-(11)."""

from __future__ import annotations

import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.models.end_user import (
    Links,
    declare,
    declare_variables,
    edge_inference_time,
    local_work,
    rate,
    what_all_formulations_share,
)
from eipyomo.models.formulations.base import Formulation, Options
from eipyomo.models.types import Block


class LetterOptions(Options):
    """There are none."""


class Letter(Formulation[LetterOptions]):
    """(1)-(11) as printed, with shares, rates and frequencies."""

    name = "letter"
    Options = LetterOptions

    def build(self, block: Block, links: Links, options: LetterOptions) -> None:
        """Fill a block; see :meth:`Formulation.build`."""
        del options
        system = links.system
        declare_variables(block, links)
        declare(block, "frequency_ghz", (0, block.max_frequency_ghz))  # (10c)
        block.uplink_rate = pyo.Expression(
            expr=rate(links.uplink_share, system, block.uplink_snr), doc="r_j [Mbit/s], (3)"
        )
        block.downlink_rate = pyo.Expression(
            expr=rate(block.receiving_share, system, block.downlink_snr),
            doc="r̄_j [Mbit/s], (4)",
        )
        transmission_times(block, system)
        local_inference_time(block, system)
        local_inference_energy(block)
        edge_inference_time(block, system, links.edge_frequency_ghz)
        what_all_formulations_share(block, links)


def transmission_times(block: Block, system: Block) -> None:
    """Add (5): τ^mu ≥ D_m/r, τ^to ≥ ιL/r and τ^md ≥ D_m/r̄, as relaxed in (11)."""
    block.upload_time = pyo.Constraint(
        expr=block.upload_s >= system.model_mbit / block.uplink_rate, doc="(5), (11)"
    )
    block.offload_time = pyo.Constraint(
        expr=block.offload_s >= block.offload_fraction * block.task_mbit / block.uplink_rate,
        doc="(5), (11)",
    )
    block.download_time = pyo.Constraint(
        expr=block.download_s >= system.model_mbit / block.downlink_rate, doc="(5), (11)"
    )


def local_inference_time(block: Block, system: Block) -> None:
    """Add (1): τ^c f ≥ C(1 - ι)L."""
    local_work(block, system)
    block.local_inference_time = pyo.Constraint(
        expr=block.local_inference_s * block.frequency_ghz >= block.local_work, doc="(1)"
    )


def local_inference_energy(block: Block) -> None:
    """Add (1): e^c = κ f² C(1 - ι)L."""
    block.local_inference_j = pyo.Expression(
        expr=physics.local_inference_energy_j(
            block.frequency_ghz, block.local_work, block.energy_coefficient
        ),
        doc="a e^c, (1), (8)",
    )
