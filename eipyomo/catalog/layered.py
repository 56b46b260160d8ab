"""Networks as a chain of layers: what each computes, weighs and hands on, so where to cut."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, StrictInt, StrictStr, model_validator

from eipyomo.errors import InputError
from eipyomo.modes import Mode, split
from eipyomo.summary import Summarised, Summary, counted, number
from eipyomo.validation import Record, positive_number, whole_number
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd

BITS: Final = {"float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "int4": 4}
"""Bits of one number by the name of its type."""

Count = Annotated[StrictInt, Field(ge=0, description="a whole number >= 0")]
Text = Annotated[StrictStr, Field(min_length=1, description="a non-empty text")]
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(tuple), Field(description="texts")]


def bits_of(name: str, kind: str | int) -> int:
    """Return how many bits a number has, which is said by them or by its type.

    Raises
    ------
    InputError
        If it is neither a whole number >= 1 nor the name of a type.
    """
    if not isinstance(kind, str):
        return whole_number(name, kind, 1)
    if kind not in BITS:
        raise InputError(
            f"{name} is {short(kind)}, but must be a number of bits or one of: {', '.join(BITS)}"
        )
    return BITS[kind]


class Layer(Record):
    """One layer, or a block that no cut divides, of a network.

    Attributes
    ----------
    name
        Unique in its network.
    block
        What it is a part of; neighbours of one block are one row of :meth:`Network.blocks`.
    macs
        Multiply-accumulates of convolutions, full layers and attention for one input.
    parameters
        Trained numbers, biases and scales of normalisations included.
    outputs
        Numbers that have to be handed on if the network is cut behind it.
    """

    name: Text
    block: Text
    macs: Count
    parameters: Count
    outputs: Count


class Network(Summarised, Record):
    """A neural network as the chain of what it computes for one input.

    Attributes
    ----------
    name, aliases
        What it is called.
    year, task
        When it was published, and what for.
    input_shape
        Shape of one input: channels, height and width of a picture, or steps of a text.
    input_type
        Type of the input's numbers as data: pictures have 8 bit a colour.
    layers
        In order; the last one's output is the answer.
    source
        Where the architecture is published.
    check
        The published totals that tests hold the layers against.
    """

    name: Text
    aliases: Texts = ()
    year: Count
    task: Text
    input_shape: Annotated[
        tuple[Count, ...], BeforeValidator(tuple), Field(description="a list of whole numbers")
    ]
    input_type: Annotated[
        Literal["float32", "float16", "bfloat16", "int8", "int4"],
        Field(description=f"one of: {', '.join(BITS)}"),
    ] = "int8"
    layers: Annotated[
        tuple[Layer, ...], BeforeValidator(tuple), Field(description="a list of layers")
    ]
    source: Text
    check: Text

    @model_validator(mode="after")
    def _is_a_chain(self) -> Self:
        names = [layer.name for layer in self.layers]
        if not names or len(set(names)) < len(names):
            raise InputError(
                f"layers of the network {short(self.name)} must be a list, not empty, of unique "
                "names"
            )
        return self

    @property
    def parameters(self) -> int:
        """Number of all parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input."""
        return sum(layer.macs for layer in self.layers)

    @property
    def inputs(self) -> int:
        """Numbers of one input."""
        return math.prod(self.input_shape)

    @property
    def input_bits(self) -> float:
        """Size of one input as data in bit: a picture has 8 bit a colour."""
        return float(self.inputs * BITS[self.input_type])

    def bits(self, weights: str | int = "float32") -> float:
        """Return the size D_m of the model in bit.

        Parameters
        ----------
        weights
            Type of a parameter: a name of :data:`BITS`, or its number of bits.

        Raises
        ------
        InputError
            If it is neither.
        """
        return float(self.parameters * bits_of("weights", weights))

    def blocks(self) -> Self:
        """Return the same network with fewer cuts: behind its blocks alone."""
        merged = []
        for block, part in itertools.groupby(self.layers, key=lambda layer: layer.block):
            rows = list(part)
            merged.append(
                Layer(
                    name=block,
                    block=block,
                    macs=sum(layer.macs for layer in rows),
                    parameters=sum(layer.parameters for layer in rows),
                    outputs=rows[-1].outputs,
                )
            )
        return self.replace(layers=merged)

    def modes(
        self,
        inputs: float = 1.0,
        *,
        macs_per_cycle: float = 1.0,
        edge_macs_per_cycle: float | None = None,
        weights: str | int = "float32",
        features: str | int = "float32",
        own_weights: bool = True,
    ) -> tuple[Mode, ...]:
        """Return the modes of a user that may cut the network behind any of its layers.

        Parameters
        ----------
        inputs
            How many inputs, as pictures, the user's task has.
        macs_per_cycle
            Multiply-accumulates that the user's processor does in a cycle.
        edge_macs_per_cycle
            Those of the server; as the user's, if left out.
        weights, features
            Types of a parameter and of what is sent behind a cut: names of :data:`BITS`, or numbers
            of bits.
        own_weights
            Whether a user downloads the weights of its own layers alone, or the whole model.

        Returns
        -------
        tuple of Mode
            See :func:`eipyomo.modes.split`: all at the edge, a cut behind each layer, all local.

        Raises
        ------
        InputError
            If a number is not positive, or a type is not known.
        """
        count = positive_number("inputs", inputs)
        local = positive_number("macs_per_cycle", macs_per_cycle)
        edge = local
        if edge_macs_per_cycle is not None:
            edge = positive_number("edge_macs_per_cycle", edge_macs_per_cycle)
        feature_bits, weight_bits = bits_of("features", features), bits_of("weights", weights)
        cuts = split(
            [
                (layer.name, count * layer.macs / local, count * feature_bits * layer.outputs)
                for layer in self.layers
            ],
            input_bits=count * self.input_bits,
            weight_bits=[float(weight_bits * layer.parameters) for layer in self.layers]
            if own_weights
            else None,
        )
        if edge == local:
            return cuts
        return tuple(
            cut.replace(edge_cycles=(cut.edge_cycles or 0.0) * local / edge) for cut in cuts
        )

    def frame(self) -> pd.DataFrame:
        """Return a row for each layer, with what is in front of and behind a cut there.

        Returns
        -------
        pandas.DataFrame
            ``layer``, ``block``, ``macs``, ``parameters``, ``outputs``, ``macs_before`` (up to this
            layer and with it), ``parameters_before``, and the size of the outputs in bit as
            ``float32_bits`` and ``int8_bits``.
        """
        import pandas as pd

        return pd.DataFrame(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        macs = parameters = 0
        for layer in self.layers:
            macs, parameters = macs + layer.macs, parameters + layer.parameters
            rows.append(
                {
                    "layer": layer.name,
                    "block": layer.block,
                    "macs": layer.macs,
                    "parameters": layer.parameters,
                    "outputs": layer.outputs,
                    "macs_before": macs,
                    "parameters_before": parameters,
                    "float32_bits": 32 * layer.outputs,
                    "int8_bits": 8 * layer.outputs,
                }
            )
        return rows

    def row(self) -> dict[str, Any]:
        """Return the network as a row of a table."""
        return {
            "name": self.name,
            "year": self.year,
            "task": self.task,
            "input": " x ".join(map(str, self.input_shape)),
            "layers": len(self.layers),
            "parameters": self.parameters,
            "macs": self.macs,
            **{f"{kind}_bits": self.bits(kind) for kind in ("float32", "float16", "int8")},
            "input_bits": self.input_bits,
            "source": self.source,
            "check": self.check,
        }

    def _summary(self) -> Summary:
        facts = (
            counted(len(self.layers), "layer"),
            number("parameters", self.parameters / 1e6, "million"),
            number("MACs", self.macs / 1e6, "million"),
        )
        return Summary(self.name, facts, self._rows(), len(self.layers))
