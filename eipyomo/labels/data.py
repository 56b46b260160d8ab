"""Optima of many instances as columns to learn from: :class:`Dataset`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from eipyomo.columns import Columns
from eipyomo.errors import ClaimError, InputError
from eipyomo.extras import extra
from eipyomo.files import (
    PathLike,
    about,
    read_bytes,
    read_document,
    require_path,
    to_json,
    write_atomically,
)
from eipyomo.labels.columns import COLUMNS, Array, Rows, arrays_of, frame_of, rows_of, width
from eipyomo.labels.formats import format_of
from eipyomo.summary import Summarised, Summary, counted
from eipyomo.validation import whole_number
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = "eipyomo/dataset@1"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Summarised, Columns):
    """Instances with their certified optima; the first axis of each array is that of samples.

    Attributes
    ----------
    seed, sync_s, wsel, bound, bandwidth_price, optimal, verified
        Shape (samples,); ``eipyomo.labels.columns.COLUMNS`` has units and meanings of all arrays.
    system
        Shape (samples, 4), in the order of :data:`eipyomo.features.SYSTEM`.
    users
        Shape (samples, users, 12), in the order of :data:`eipyomo.features.OF_A_USER`.
    download, offload_fraction, frequency_hz, uplink_share, downlink_share, sync_price, delay_price
        Shape (samples, users).
    datasheet
        What the dataset is, and how it came about: what a file has beside it.
    """

    seed: Array
    system: Array
    users: Array
    download: Array
    offload_fraction: Array
    frequency_hz: Array
    uplink_share: Array
    downlink_share: Array
    sync_s: Array
    wsel: Array
    bound: Array
    bandwidth_price: Array
    sync_price: Array
    delay_price: Array
    optimal: Array
    verified: Array
    datasheet: Mapping[str, Any]

    def _summary(self) -> Summary:
        samples, users = self.download.shape
        proven = f"{int(np.sum(self.optimal))} proven optimal"
        rows = ({"array": name, "shape": str(getattr(self, name).shape)} for name in COLUMNS)
        return Summary(
            counted(samples, "sample"), (counted(users, "user"), proven), rows, len(COLUMNS)
        )

    @classmethod
    def of_rows(cls, rows: Rows, datasheet: Mapping[str, Any]) -> Self:
        """Return the dataset of a table of numbers; the datasheet says how many users there are."""
        return cls(**arrays_of(rows, datasheet["users"]), datasheet=datasheet)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.seed)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by their names."""
        return {key: getattr(self, key) for key in COLUMNS}

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each sample; users' columns end in the user's number."""
        return frame_of(rows_of(self.arrays()), self.users.shape[1])

    def torch(self) -> dict[str, Any]:
        """Return tensors of PyTorch by the names of arrays, real numbers in single precision.

        Raises
        ------
        SolverError
            If PyTorch is missing.
        """
        torch = extra("torch", "torch", "a tensor")
        return {key: torch.from_numpy(_single(array)) for key, array in self.arrays().items()}

    def write(self, path: PathLike) -> Path:
        """Write a file and the datasheet beside it, replacing existing ones atomically.

        Parameters
        ----------
        path
            A file that ends in .npz, .mat, .parquet or .csv.

        Returns
        -------
        The file of the datasheet.

        Raises
        ------
        InputError
            If it ends in something else, or the place cannot be written.
        SolverError
            If a package is missing that the format needs.
        """
        require_path(path)
        contents = format_of(path).write(rows_of(self.arrays()), self.users.shape[1])
        write_atomically({path: contents, sheet_of(path): to_json(self.datasheet)})
        return sheet_of(path)


def _single(array: Array) -> Array:
    """Return a copy, in single precision if it holds real numbers."""
    return array.astype(np.float32 if array.dtype.kind == "f" else array.dtype)


def digest_of(rows: Rows) -> str:
    """Return a hash of a table's numbers."""
    return hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()


def sheet_of(path: PathLike) -> Path:
    """Return where the datasheet of a file is: ``data.npz.json``."""
    return Path(f"{Path(path)}.json")


def read_dataset(path: PathLike) -> Dataset:
    """Read a dataset and the datasheet beside it.

    Raises
    ------
    InputError
        If a file is missing or broken.
    ClaimError
        If the numbers are not those of which the datasheet tells.
    SolverError
        If a package is missing that the format needs.
    """
    require_path(path, "the dataset file")
    reader, suffix = format_of(path), Path(path).suffix.lower()
    sheet = _read_sheet(sheet_of(path))
    users: int = sheet["users"]

    def rows_in(contents: bytes) -> Rows:
        try:
            return reader.read(contents, users)
        except Exception as error:  # whatever damaged contents lead a library to
            words = f"it is no {suffix} file of {users} users' labels"
            raise InputError(f"{words} ({type(error).__name__}: {short(str(error))})") from None

    rows = read_bytes(path, "dataset", rows_in)
    if rows.shape[1] != width(users) or digest_of(rows) != sheet.get("digest"):
        with about(path):
            raise ClaimError("its numbers are not those that the datasheet beside it tells of")
    return Dataset.of_rows(rows, sheet)


def _read_sheet(path: Path) -> dict[str, Any]:
    sheet = read_document(path, "datasheet")
    with about(path):
        if sheet.get("schema") != SCHEMA:
            found = short(sheet.get("schema"))
            raise InputError(f"schema is {found}, but a datasheet must have {SCHEMA!r}")
        whole_number("users", sheet.get("users"), 1)
    return sheet
