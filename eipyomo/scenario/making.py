"""How a scenario's sections, the catalogue and the letter become the facts of an instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from eipyomo import catalog
from eipyomo.catalog.entries import Device, Radio
from eipyomo.catalog.layered import Network, bits_of
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.modes import Mode
from eipyomo.radio.channel import PATH_LOSSES, Channel
from eipyomo.radio.links import Links
from eipyomo.scenario.cuts import cuts_of, explained_cuts
from eipyomo.scenario.derived import Derived
from eipyomo.scenario.facts import (
    Fact,
    Facts,
    Finder,
    catalogued,
    first,
    lettered,
    number,
    product,
    said,
)
from eipyomo.scenario.groups import Group, grouped
from eipyomo.scenario.parts import Parts
from eipyomo.units import unit_of

PASSES: Final = 3.0
"""What training on a sample takes, in passes through the network: forward, and twice that back."""

PASSES_SOURCE: Final = "back is twice forward: Kaplan et al., arXiv:2001.08361 (2020), section 2.1"


def derive(parts: Parts, document: Mapping[str, Any]) -> Derived:
    """Return what a scenario comes to.

    Parameters
    ----------
    parts
        Its sections.
    document
        The same as a person has written them.

    Raises
    ------
    InputError
        If the catalogue lacks a name, or something is missing that a number follows from.
    """
    radio = None if parts.radio.name is None else catalog.radio(parts.radio.name)
    network = None if parts.network.name is None else catalog.network(parts.network.name)
    machine = None if parts.server.name is None else catalog.device(parts.server.name)
    if network is not None and parts.task.cuts == "blocks":
        network = network.blocks()
    links = Links.draw(_channel(parts, radio), parts.places, parts.seed)
    letter = Instance.letter(users=1)
    sections = {
        key: said(getattr(parts, key), document.get(key), key)
        for key in ("network", "task", "training", "radio", "server", "weights", "limits")
    }
    makings = _Makings(parts, links, network, radio, letter, sections)
    edge_rate = first("macs_per_cycle", sections["server"], catalogued(machine))
    server = makings.server(machine)
    shared = makings.shared(edge_rate)
    groups = grouped(parts.devices, document.get("devices"), links.names)
    users: list[Facts] = []
    modes: dict[str, Sequence[Mode]] = {}
    told_modes: dict[str, Sequence[Facts]] = {}
    for group in groups:
        rate = first("macs_per_cycle", group.said, catalogued(group.entry))
        facts = makings.user(group, rate)
        if network is not None and makings.cuts != "none":
            name = network.name if len(groups) == 1 else f"{network.name} on {group.name}"
            given = (network, parts, _known(rate, group), _known(edge_rate, None))
            modes[name], told_modes[name] = cuts_of(*given), explained_cuts(*given)
            facts["modes"] = Fact(name, "formula", "", "the cuts of its network on its device")
        elif network is not None:
            _require_one_rate(_known(rate, group), _known(edge_rate, None), group)
        users.append(facts)
    name = parts.name or f"{network.name + ' ' if network else ''}{links.describe()}"
    return Derived(name, links, shared, server, groups, users, modes, told_modes)


def _channel(parts: Parts, radio: Radio | None) -> Channel:
    """Return the channel, with the radio's carrier and noise figures where it says none."""
    told = dict(parts.channel)
    if radio is not None:
        figures = {
            "server_noise_figure_db": radio.server_noise_figure_db,
            "user_noise_figure_db": radio.noise_figure_db,
        }
        told = figures | told
        loss = told.get("path_loss", "exponent")
        loss = {"model": loss} if isinstance(loss, str) else loss
        kind = PATH_LOSSES.get(loss.get("model", "")) if isinstance(loss, Mapping) else None
        fields = () if kind is None else kind.model_fields
        if "carrier_hz" in fields and "carrier_hz" not in {unit_of(k, fields)[0] for k in loss}:
            told["path_loss"] = {**loss, "carrier_hz": radio.carrier_hz}
    try:
        return Channel.from_dict(told)
    except InputError as error:
        raise InputError(f"channel.{error}") from None


def _known(rate: Fact | None, group: Group | None) -> Fact:
    """Refuse a device whose work in cycles is not known."""
    if rate is None:
        where = "server" if group is None else f"devices.{group.name}"
        raise InputError(
            f"{where}.macs_per_cycle is missing, but with a network it says what a cycle of the "
            "processor does: give it, or name a device of the catalogue"
        )
    return rate


def _require_one_rate(rate: Fact, edge_rate: Fact, group: Group) -> None:
    """Refuse processors that do unlike much in a cycle, where one C stands for all of them."""
    if rate.value != edge_rate.value:
        raise InputError(
            f"devices.{group.name}.macs_per_cycle is {rate.value:g}, but with task.cuts 'none' it "
            f"must be the server's, {edge_rate.value:g}, since cycles per bit are the same for all"
        )


class _Makings(NamedTuple):
    """All that facts are made of, but for the devices."""

    parts: Parts
    links: Links
    network: Network | None
    radio: Radio | None
    letter: Instance
    sections: Mapping[str, Finder]

    @property
    def cuts(self) -> str:
        """Where the network may be cut."""
        return self.parts.task.cuts or "layers"

    def shared(self, edge_rate: Fact | None) -> dict[str, Fact]:
        """Return the facts of what all share."""
        said, letter = self.sections, lettered(self.letter)
        facts = {
            "bandwidth_hz": first("bandwidth_hz", said["radio"], catalogued(self.radio), letter),
            "model_bits": first("model_bits", said["network"], letter),
            "cycles_per_bit": first("cycles_per_bit", said["task"], letter),
        }
        if self.network is not None:
            bits = (
                "bits of a parameter",
                float(bits_of("precision", self.parts.network.precision)),
            )
            source = _architecture(self.network)
            facts["model_bits"] = product(
                [("parameters", float(self.network.parameters)), bits], source=source
            )
            facts["cycles_per_bit"] = product(
                [("MACs of an input", float(self.network.macs))],
                [
                    ("bits of an input", self.network.input_bits),
                    ("MACs of the server in a cycle", _known(edge_rate, None)),
                ],
                source,
            )
        for key in ("total_energy_budget_j", "total_latency_budget_s"):
            facts[key] = first(key, said["limits"])
        return {key: fact for key, fact in facts.items() if fact is not None}

    def server(self, machine: Device | None) -> dict[str, Fact]:
        """Return the facts of the edge server."""
        said = self.sections["server"]
        radio = catalogued(self.radio, {"transmit_power_w": "server_transmit_power_w"})
        device = catalogued(machine, {"frequency_hz": "max_frequency_hz"})
        letter = lettered(self.letter.server)
        frequency = first("frequency_hz", said, device, letter)
        total = first("total_frequency_hz", said)
        machines = self.parts.server.machines
        if total is None and frequency and (machine is not None or machines is not None):
            total = product([("machines", float(machines or 1)), ("clock", frequency)])
        channel = self.links.channel
        facts = {
            "transmit_power_w": first("transmit_power_w", said, radio, letter),
            "frequency_hz": frequency,
            "total_frequency_hz": total,
            "noise_density_w_per_hz": _noise(
                channel, channel.server_noise_figure_db, channel.server_noise_density_w_per_hz
            ),
        }
        return {key: fact for key, fact in facts.items() if fact is not None}

    def user(self, group: Group, rate: Fact | None) -> dict[str, Fact]:
        """Return the facts of a device's users, but for what is drawn."""
        chain = [
            group.said,
            *(self.sections[key] for key in ("weights", "limits", "training", "radio")),
            catalogued(group.entry),
            catalogued(self.radio),
            lettered(self.letter.users[0]),
        ]
        channel = self.links.channel
        facts = {
            "noise_density_w_per_hz": _noise(
                channel, channel.user_noise_figure_db, channel.user_noise_density_w_per_hz
            ),
            "task_bits": self._task(),
        }
        for key in EndUser.model_fields:
            if key not in facts and key not in ("name", "channel_gain"):
                found = first(key, *chain)
                if found is not None:
                    facts[key] = found
        if self.parts.training.samples is not None:
            facts |= self._training(facts, _known(rate, group))
        return facts

    def _task(self) -> Fact:
        """Return the fact of a user's task."""
        fact = first("task_bits", self.sections["task"], lettered(self.letter.users[0]))
        assert fact is not None
        if self.network is None:
            return fact
        inputs = ("inputs", self.parts.task.inputs or 1.0)
        one = ("bits of an input", self.network.input_bits)
        return product([inputs, one], source=_architecture(self.network))

    def _training(self, facts: Facts, rate: Fact) -> dict[str, Fact]:
        """Return the facts of training on samples, at the highest clock."""
        assert self.network is not None
        told = self.parts.training
        work = [
            ("samples", told.samples or 0.0),
            ("epochs", told.epochs),
            ("passes", PASSES),
            ("MACs of an input", float(self.network.macs)),
        ]
        clock, per_cycle = ("clock", facts["max_frequency_hz"]), ("MACs in a cycle", rate)
        source = f"{_architecture(self.network)}; {PASSES_SOURCE}"
        energy = ("energy coefficient", facts["energy_coefficient"])
        return {
            "local_training_s": product(work, [per_cycle, clock], source),
            "local_training_j": product([energy, clock, clock, *work], [per_cycle], source),
        }


def _architecture(network: Network) -> str:
    return f"{network.name}: {network.source}"


def _noise(channel: Channel, figure_db: float, density: float) -> Fact:
    """Return the fact of a noise density."""
    thermal = number(channel.noise_density_dbm_per_hz)
    return Fact(
        density,
        "formula",
        f"10^(({thermal} + {number(figure_db)}) / 10) / 1000",
        "10^((thermal noise in dBm/Hz + noise figure in dB) / 10) / 1000",
        "channel",
    )
