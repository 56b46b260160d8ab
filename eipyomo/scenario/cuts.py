"""Where a scenario's users may cut their network, and what each cut's numbers are made of."""

from __future__ import annotations

import itertools

from eipyomo.catalog.layered import Network, bits_of
from eipyomo.modes import Mode
from eipyomo.scenario.facts import Fact, product
from eipyomo.scenario.parts import Parts


def cuts_of(network: Network, parts: Parts, rate: Fact, edge_rate: Fact) -> tuple[Mode, ...]:
    """Return the modes of a device's users; see :meth:`.Network.modes`.

    Parameters
    ----------
    network
        What is cut.
    parts
        The scenario.
    rate, edge_rate
        Multiply-accumulates in a cycle of the device and of the server.
    """
    return network.modes(
        parts.task.inputs or 1.0,
        macs_per_cycle=rate.value,
        edge_macs_per_cycle=edge_rate.value,
        weights=parts.network.precision,
        features=parts.task.features or parts.network.precision,
        own_weights=parts.task.own_weights,
    )


def explained_cuts(
    network: Network, parts: Parts, rate: Fact, edge_rate: Fact
) -> list[dict[str, Fact]]:
    """Return what the numbers of each of these modes are made of."""
    precision = parts.network.precision
    inputs = ("inputs", parts.task.inputs or 1.0)
    feature = ("bits of a feature", float(bits_of("features", parts.task.features or precision)))
    weight = ("bits of a parameter", float(bits_of("weights", precision)))
    here, there = ("MACs in a cycle", rate), ("MACs of the server in a cycle", edge_rate)
    source = f"{network.name}: {network.source}"
    macs = list(itertools.accumulate((layer.macs for layer in network.layers), initial=0))
    parameters = list(
        itertools.accumulate((layer.parameters for layer in network.layers), initial=0)
    )
    last = len(network.layers)
    rows = []
    for k in range(last + 1):
        facts = {
            "local_cycles": product([inputs, ("MACs in front", float(macs[k]))], [here], source),
            "edge_cycles": product(
                [inputs, ("MACs behind", float(macs[-1] - macs[k]))], [there], source
            ),
        }
        if k == 0:
            facts["offload_bits"] = product(
                [inputs, ("bits of an input", network.input_bits)], source=source
            )
        elif k < last:
            outputs = ("numbers handed on", float(network.layers[k - 1].outputs))
            facts["offload_bits"] = product([inputs, feature, outputs], source=source)
            facts["in_sequence"] = Fact(
                True, "formula", "", "the server waits for what the user's layers give"
            )
        if parts.task.own_weights:
            front = ("parameters in front", float(parameters[k]))
            facts["download_bits"] = product([weight, front], source=source)
        rows.append(facts)
    return rows
