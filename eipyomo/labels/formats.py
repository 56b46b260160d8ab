"""The files that a dataset is kept in, by their suffixes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from eipyomo.errors import InputError
from eipyomo.files import PathLike, npz_arrays, require_writable
from eipyomo.labels.columns import Rows, arrays_of, frame_of, kinds_by_name, rows_of
from eipyomo.matlab import mat_arrays, require_scipy
from eipyomo.tables import require_pyarrow
from eipyomo.words import short


class Format(NamedTuple):
    """How a table of so many users' numbers becomes the contents of a file, and is read back."""

    write: Callable[[Rows, int], bytes]
    read: Callable[[bytes, int], Rows]
    require: Callable[[], object] = lambda: None


def format_of(path: PathLike) -> Format:
    """Return the format that a file's name says.

    Raises
    ------
    InputError
        If it ends in something else.
    SolverError
        If a package is missing that the format needs.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"a dataset is {short(str(path))}, but must end in {', '.join(FORMATS)}")
    FORMATS[suffix].require()
    return FORMATS[suffix]


def require_target(path: PathLike) -> None:
    """Refuse a name of no format, and what cannot be written, before long work starts for it.

    Raises
    ------
    InputError, SolverError
        As :func:`format_of`, and if the place cannot be written.
    """
    require_writable(path)
    format_of(path)


def _npz(rows: Rows, users: int) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays_of(rows, users))
    return file.getvalue()


def _of_npz(contents: bytes, _: int) -> Rows:
    return rows_of(npz_arrays(contents))


def _mat(rows: Rows, users: int) -> bytes:
    file = io.BytesIO()
    arrays = arrays_of(rows, users)
    require_scipy().savemat(file, arrays, oned_as="column", do_compression=True)
    return file.getvalue()


def _of_mat(contents: bytes, _: int) -> Rows:
    return rows_of(mat_arrays(contents, mat_dtype=True))


def _csv(rows: Rows, users: int) -> bytes:
    table = frame_of(rows, users)
    flags = {name: "int8" for name, kind in kinds_by_name(users).items() if kind is bool}
    return table.astype(flags).to_csv(index=False, na_rep="nan", lineterminator="\n").encode()


def _of_csv(contents: bytes, users: int) -> Rows:
    header, _, lines = contents.partition(b"\n")
    if header.decode().split(",") != list(kinds_by_name(users)):
        raise InputError("its columns are others")
    return np.loadtxt(io.BytesIO(lines), delimiter=",", ndmin=2)


def _parquet(rows: Rows, users: int) -> bytes:
    file = io.BytesIO()
    frame_of(rows, users).to_parquet(file, engine="pyarrow", index=False)
    return file.getvalue()


def _of_parquet(contents: bytes, users: int) -> Rows:
    import pandas as pd

    table = pd.read_parquet(io.BytesIO(contents), engine="pyarrow")
    return table[list(kinds_by_name(users))].to_numpy(np.float64)


FORMATS: Final[Mapping[str, Format]] = {
    ".npz": Format(_npz, _of_npz),
    ".mat": Format(_mat, _of_mat, require_scipy),
    ".parquet": Format(_parquet, _of_parquet, require_pyarrow),
    ".csv": Format(_csv, _of_csv),
}
