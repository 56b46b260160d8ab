"""What the sections of a scenario say, in SI units; what is left out stays None.

Keys may be in other units, as ``transmit_power_dbm``, and are those of an instance wherever that
has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, InstanceOf, StrictStr, model_validator

from eipyomo.catalog.layered import BITS
from eipyomo.errors import InputError
from eipyomo.radio.channel import chosen
from eipyomo.radio.places import SHAPES, Places
from eipyomo.units import in_si
from eipyomo.validation import Flag, NonNegative, Positive, Record, Seed, Whole, text_keys
from eipyomo.words import short

Above0 = Annotated[Positive | None, Field(description="a finite number > 0, or left out")]
From0 = Annotated[NonNegative | None, Field(description="a finite number >= 0, or left out")]
Name = Annotated[
    StrictStr | None, Field(min_length=1, description="a name of the catalogue, or left out")
]
Type = Annotated[
    Literal["float32", "float16", "bfloat16", "int8", "int4"],
    Field(description=f"one of: {', '.join(BITS)}"),
]


class Section(Record):
    """A section of a scenario."""

    @model_validator(mode="before")
    @classmethod
    def _in_si(cls, data: Any) -> Any:
        """Return what a section says in SI units; a text alone is a name."""
        if isinstance(data, str) and "name" in cls.model_fields:
            return {"name": data}
        return in_si(text_keys(data), cls.model_fields) if isinstance(data, Mapping) else data


class DeviceSection(Section):
    """Users with one device: how many, or which ones, and what differs from the catalogue."""

    users: Annotated[
        Positive | tuple[StrictStr, ...] | None,
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
        Field(description="a number or share of users, a list of their names, or left out"),
    ] = None
    max_frequency_hz: Above0 = None
    energy_coefficient: From0 = None
    macs_per_cycle: Above0 = None
    transmit_power_w: Above0 = None
    receive_power_w: From0 = None
    energy_weight: From0 = None
    latency_weight: Above0 = None
    deadline_s: Above0 = None
    energy_budget_j: Above0 = None


class NetworkSection(Section):
    """The network that is trained and used: of the catalogue, or by its size alone."""

    name: Name = None
    precision: Type = "float32"
    model_bits: Above0 = None


class TaskSection(Section):
    """The task of each user: inputs of the network, or bits and cycles."""

    inputs: Above0 = None
    cuts: Annotated[
        Literal["layers", "blocks", "none"] | None,
        Field(description="'layers', 'blocks' or 'none', or left out"),
    ] = None
    features: Annotated[
        Type | None, Field(description=f"one of: {', '.join(BITS)}, or left out")
    ] = None
    own_weights: Annotated[Flag, Field(description="true or false")] = True
    task_bits: From0 = None
    cycles_per_bit: Above0 = None

    @model_validator(mode="after")
    def _is_told_once(self) -> Any:
        if self.inputs is not None and self.task_bits is not None:
            raise InputError("inputs and task_bits are given, but one of them says how much it is")
        return self


class TrainingSection(Section):
    """The training of a round: samples of each user, or seconds and joules."""

    samples: Above0 = None
    epochs: Positive = Field(default=1.0, description="passes over the samples")
    previous_download_s: From0 = None
    local_training_s: From0 = None
    local_training_j: From0 = None

    @model_validator(mode="after")
    def _is_told_once(self) -> Any:
        for key in ("local_training_s", "local_training_j"):
            if self.samples is not None and getattr(self, key) is not None:
                raise InputError(f"samples and {key} are given, but {key} follows from samples")
        return self


class RadioSection(Section):
    """The band, and what users send and receive with."""

    name: Name = None
    bandwidth_hz: Above0 = None
    transmit_power_w: Above0 = None
    receive_power_w: From0 = None


class ServerSection(Section):
    """The edge server."""

    name: Name = None
    machines: Annotated[Whole | None, Field(description="a whole number >= 1, or left out")] = None
    frequency_hz: Above0 = None
    total_frequency_hz: Above0 = None
    macs_per_cycle: Above0 = None
    transmit_power_w: Above0 = None

    @model_validator(mode="after")
    def _is_told_once(self) -> Any:
        if self.machines is not None and self.total_frequency_hz is not None:
            raise InputError(
                "machines and total_frequency_hz are given, but one of them says how much all "
                "tasks share"
            )
        return self


class WeightsSection(Section):
    """What energy and latency count."""

    energy_weight: From0 = None
    latency_weight: Above0 = None


class LimitsSection(Section):
    """What must not be exceeded: by every user, and by all of them together."""

    deadline_s: Above0 = None
    energy_budget_j: Above0 = None
    total_energy_budget_j: Above0 = None
    total_latency_budget_s: Above0 = None


def _devices(value: Any) -> Any:
    """Return devices as sections by their names: one name alone, or numbers of users by names."""
    if isinstance(value, str):
        return {value: {}}
    if not isinstance(value, Mapping):
        return value
    return {name: _device(told) for name, told in text_keys(value).items()}


def _device(told: Any) -> Any:
    if isinstance(told, Mapping | DeviceSection):
        return told
    return {"users": told}


class Parts(Record):
    """All that a scenario says, section by section."""

    name: Annotated[StrictStr, Field(description="a text")] = ""
    places: Annotated[
        InstanceOf[Places],
        BeforeValidator(partial(chosen, key="shape", kinds=SHAPES)),
        Field(description="an object (where users are)"),
    ]
    channel: Annotated[
        Mapping[StrictStr, Any], Field(description="an object (the channel), or left out")
    ] = Field(default_factory=dict)
    devices: Annotated[
        Mapping[StrictStr, DeviceSection],
        BeforeValidator(_devices),
        Field(description="a name, or an object with numbers of users by the names of devices"),
    ] = Field(default_factory=dict)
    network: Annotated[NetworkSection, Field(description="a name, or an object")] = NetworkSection()
    task: Annotated[TaskSection, Field(description="an object")] = TaskSection()
    training: Annotated[TrainingSection, Field(description="an object")] = TrainingSection()
    radio: Annotated[RadioSection, Field(description="a name, or an object")] = RadioSection()
    server: Annotated[ServerSection, Field(description="a name, or an object")] = ServerSection()
    weights: Annotated[WeightsSection, Field(description="an object")] = WeightsSection()
    limits: Annotated[LimitsSection, Field(description="an object")] = LimitsSection()
    seed: Annotated[Seed, Field(description="a whole number >= 0")] = 0

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Any:
        if self.network.name is None:
            for section, key in (("task", "inputs"), ("training", "samples"), ("task", "cuts")):
                given = getattr(getattr(self, section), key)
                if given is not None and given != "none":
                    raise InputError(
                        f"{section}.{key} is {short(given)}, but needs network.name, a network of "
                        "the catalogue"
                    )
        elif self.network.model_bits is not None:
            raise InputError(
                "network.name and network.model_bits are given, but one of them says how much it is"
            )
        elif self.task.cycles_per_bit is not None:
            raise InputError("task.cycles_per_bit is given, but follows from the network")
        elif self.task.task_bits is not None:
            raise InputError(
                "task.task_bits is given, but with a network of the catalogue it must be "
                "task.inputs, how many of them each user has"
            )
        return self
