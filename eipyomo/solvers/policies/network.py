"""The network of a learned policy, and its file: numbers alone, which numpy reads and applies."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, npz_arrays, read_bytes, write_atomically
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.solvers.policies.features import FEATURES, features

SCHEMA: Final = "eipyomo/droo@1"
OUTPUTS = 2
"""A relaxed a, and ι."""
USUAL = 5.0
"""So many deviations from the mean a feature counts at most: farther away nothing was learned."""
LARGEST = 1e30
"""Beyond it no number of a network makes sense, and what it computes might end up infinite."""


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network: layers of rectified linear units, and a linear one at the end.

    Attributes
    ----------
    mean, scale
        Of the features, (features,).
    weights, biases
        Of each layer, (inputs, outputs) and (outputs,).
    about
        How it was trained, in words.

    Raises
    ------
    InputError
        If the arrays do not fit together, or have numbers beyond all measure.
    """

    mean: FloatColumn
    scale: FloatColumn
    weights: tuple[FloatColumn, ...]
    biases: tuple[FloatColumn, ...]
    about: str = ""

    def __post_init__(self) -> None:
        """Check the arrays."""
        widths = [FEATURES, *map(np.size, self.biases)]
        arrays = (self.mean, self.scale, *self.weights, *self.biases)
        one_each = [(width,) for width in widths]
        shapes = [*2 * one_each[:1], *pairwise(widths), *one_each[1:]]
        fit = [array.shape for array in arrays] == shapes and widths[1:][-1:] == [OUTPUTS]
        numbers = all(
            array.dtype.kind == "f" and (np.abs(array) <= LARGEST).all() for array in arrays
        )
        if not (fit and numbers and (self.scale >= 1.0 / LARGEST).all()):
            raise InputError(
                f"a network has arrays of the shapes {[array.shape for array in arrays]}, but must "
                f"have numbers up to {LARGEST:g} in layers that lead from {FEATURES} features to "
                f"{OUTPUTS} outputs, and a scale of at least {1.0 / LARGEST:g}"
            )

    def propose(self, data: Scaled) -> FloatColumn:
        """Return a relaxed a and an ι of each user in [0, 1], of shape (2, users)."""
        signal = np.clip((features(data) - self.mean) / self.scale, -USUAL, USUAL)
        *inner, last = zip(self.weights, self.biases, strict=True)
        for weights, biases in inner:
            signal = np.maximum(signal @ weights + biases, 0.0)
        weights, biases = last
        return np.clip(signal @ weights + biases, 0.0, 1.0).T

    def save(self, path: PathLike) -> None:
        """Write the network into a file of numpy arrays (.npz), without pickles."""
        arrays: dict[str, Any] = {"schema": SCHEMA, "about": self.about}
        arrays |= {"mean": self.mean, "scale": self.scale}
        for place, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            arrays |= {f"weights_{place}": weights, f"biases_{place}": biases}
        content = io.BytesIO()
        np.savez(content, **arrays)
        write_atomically({path: content.getvalue()})

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read a network that :meth:`save` has written.

        Raises
        ------
        InputError
            If the file cannot be read, or holds something else.
        """
        contents = read_bytes(path, "network", bytes)
        try:
            arrays = npz_arrays(contents)
        except ValueError:
            arrays = {}
        with about(path):
            return cls._of(arrays)

    @classmethod
    def _of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the network that the arrays of a file make."""
        if str(arrays.get("schema")) != SCHEMA:
            raise InputError(f"the file holds no arrays of schema {SCHEMA!r}, but a network must")
        layers, none = sum(name.startswith("weights_") for name in arrays), np.zeros(0)
        return cls(
            mean=arrays.get("mean", none),
            scale=arrays.get("scale", none),
            weights=tuple(arrays.get(f"weights_{k}", none) for k in range(layers)),
            biases=tuple(arrays.get(f"biases_{k}", none) for k in range(layers)),
            about=str(arrays.get("about", "")),
        )
