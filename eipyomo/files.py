"""Reading and writing files so that nothing is lost or half-written."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from eipyomo.errors import InputError, OutputError
from eipyomo.json_text import json_parts
from eipyomo.matlab import SUFFIX, mat_bytes, mat_document, require_scipy
from eipyomo.words import one_line, short, shown

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PathLike = str | os.PathLike[str]
Contents = TypeVar("Contents")


@contextlib.contextmanager
def about(source: PathLike | pd.DataFrame) -> Iterator[None]:
    """Let sentences about what a file holds begin with its name; a frame has none."""
    try:
        yield
    except InputError as error:
        if not isinstance(source, str | os.PathLike):
            raise
        raise type(error)(f"{one_line(os.fspath(source))}: {error}") from None


def read_text(path: PathLike, what: str) -> str:
    """Return the text of a file.

    Parameters
    ----------
    path
        The file.
    what
        What the file is to hold, for the error's sentence ("instance", "result").

    Raises
    ------
    InputError
        If the file cannot be read or is not UTF-8.
    """
    # A line end inside a quoted text is part of it, so none is translated.
    return read_bytes(path, what, lambda contents: contents.decode("utf-8-sig"))


def read_bytes(path: PathLike, what: str, decoded: Callable[[bytes], Contents]) -> Contents:
    """Return what a file holds, decoded by a function that may raise a ValueError.

    Raises
    ------
    InputError
        If the file cannot be read or decoded.
    """
    require_path(path, f"the {what} file")
    try:
        return decoded(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the {what} file {_shown(path)}: {_reason(error)}") from None


def npz_arrays(contents: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays that the contents of a file of numpy are, none of which is pickled.

    Raises
    ------
    ValueError
        If they are something else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that look old
            file = np.load(io.BytesIO(contents), allow_pickle=False)
            members = dict(file) if isinstance(file, Mapping) else {}
            arrays = {key: one for key, one in members.items() if isinstance(one, np.ndarray)}
            for array in arrays.values():
                if array.dtype.kind in "UV":
                    array.tolist()  # damaged texts are found out here
    except Exception as error:  # whatever damaged contents lead a library to
        raise ValueError(f"{type(error).__name__}: {short(str(error))}") from None
    return arrays


def read_document(path: PathLike, what: str) -> dict[str, Any]:
    """Return the JSON object that a file holds, or what means the same if it ends in ``.mat``.

    A key written twice is refused.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold exactly one JSON object.
    SolverError
        If it ends in ``.mat``, and scipy is missing.
    """
    if _is_mat(path):
        return read_bytes(path, what, mat_document)
    text = read_text(path, what)
    with about(path):
        return document_in(text, what)


def document_in(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object that a file's text is; errors as for :func:`read_document`."""
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"the {what} file is not valid JSON: {_reason(error)}") from None
    if not isinstance(document, dict):
        raise InputError(
            f"the {what} file holds a JSON {type(document).__name__}, but must hold an object"
        )
    return document


def read_csv(
    path: PathLike,
    what: str,
    columns: Sequence[str],
    optional: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the table that a CSV file holds, all fields as texts; its index is lines of the file.

    Parameters
    ----------
    path, what
        As for :func:`read_text`.
    columns
        The names that the header must hold, in any order.
    optional
        Those that it may hold as well.

    Raises
    ------
    InputError
        If the file cannot be read or is not CSV, a row has fewer or more fields than the header, or
        the columns are not those that it must have.
    """
    import pandas as pd

    where = f"the {what} file"
    text = read_text(path, what)
    with about(path):
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = next(lines, [])
            rows = [(lines.line_num, row) for row in lines if row]
        except csv.Error as error:
            if (sign := _separator(text.partition("\n")[0], columns)) is not None:
                raise InputError(_separated(where, sign)) from None
            raise InputError(f"{where} is not valid CSV: {_reason(error)}") from None
        if not header:
            raise InputError(f"{where} is not valid CSV: it has no header")
        if not set(columns) <= set(header) and (sign := _separator(text, columns)) is not None:
            raise InputError(_separated(where, sign))
        require_unique(header, f"{where} has the column")
        for line, row in rows:
            if len(row) != len(header):
                raise InputError(
                    f"{where} has {len(row)} fields in line {line}, but must have {len(header)}, "
                    "one for each name in its header"
                )
        require_columns(where, header, columns, optional)
    return pd.DataFrame(
        [row for _, row in rows], columns=header, dtype=object, index=[line for line, _ in rows]
    )


def require_columns(
    where: str, found: Sequence[str], columns: Sequence[str], optional: Sequence[str] = ()
) -> None:
    """Refuse a table that has other columns than it must have, with all of them in one sentence.

    Raises
    ------
    InputError
        If `found` and `columns` differ by more than `optional` ones.
    """
    missing = [name for name in columns if name not in set(found)]
    unknown = [name for name in found if name not in {*columns, *optional}]
    if missing or unknown:
        wrong = (("lacks the columns", missing), ("has the unknown columns", unknown))
        faults = [f"{what} {', '.join(map(short, names))}" for what, names in wrong if names]
        raise InputError(
            f"{where} {' and '.join(faults)}, but must have: {', '.join(map(repr, columns))}"
        )


def _separator(text: str, columns: Sequence[str]) -> str | None:
    """Return what separates the names of a header instead of commas, if something does."""
    header = text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    for sign in SEPARATORS:
        parts = {part.strip(" \"'") for part in header.split(sign)}
        if len(parts) > 1 and (parts & set(columns) or "," not in header):
            return sign
    return None


def _separated(where: str, sign: str) -> str:
    return f"{where} looks like separated by {SEPARATORS[sign]}, but must be by commas"


SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What spreadsheets write instead of commas, by their names."""


def number_or_text(text: str) -> float | str:
    """Return the number that a text is, rounded only once, or the text if it is none."""
    return float(text) if _NUMBER.fullmatch(text.strip(" ")) else text


_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def require_unique(names: Collection[str], sentence: str) -> None:
    """Refuse names of which one stands twice; `sentence` is what comes before the name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{sentence} {short(name)} twice, but names must be unique")
        seen.add(name)


def to_json(document: Mapping[str, Any], *, indent: int | None = 1) -> str:
    """Return a document as JSON text; NaN and infinities are refused rather than written."""
    if indent is None:
        return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"
    return "".join(json_parts(document, indent=indent)) + "\n"


def contents_for(path: PathLike, document: Mapping[str, Any]) -> bytes | Iterable[str]:
    """Return a document as a file of that name holds it: as JSON, in parts, or as ``.mat``.

    Raises
    ------
    SolverError
        If the name ends in ``.mat``, and scipy is missing.
    """
    if _is_mat(path):
        return mat_bytes(document)
    return itertools.chain(json_parts(document, indent=1), ["\n"])


def _is_mat(path: PathLike) -> bool:
    return isinstance(path, str | os.PathLike) and Path(path).suffix.lower() == SUFFIX


def write_document(path: PathLike, document: Mapping[str, Any]) -> None:
    """Write what :func:`contents_for` returns, replacing an existing file atomically."""
    write_atomically({path: contents_for(path, document)})


def require_path(path: Any, what: str = "a file") -> None:
    """Refuse what is no path.

    Raises
    ------
    InputError
        If it is neither a text nor a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"{what} is {shown(path)}, but must be a path")


def require_writable(path: PathLike) -> None:
    """Refuse a target that cannot be written, before long work starts for it.

    Raises
    ------
    InputError
        If the target is a folder, or its folder is missing or not writable.
    SolverError
        If it ends in ``.mat``, and scipy is missing.
    """
    require_path(path)
    if _is_mat(path):
        require_scipy()
    target = Path(path)
    if target.is_dir():
        raise InputError(f"cannot write {_shown(path)}: it is a folder")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {_shown(path)}: No such file or directory")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"cannot write {_shown(path)}: Permission denied")


def require_json(option: str, path: PathLike) -> None:
    """Refuse MATLAB's suffix for what is written as JSON whatever the name.

    Raises
    ------
    InputError
        If the name has it.
    """
    if _is_mat(path):
        raise InputError(f"{option} is {_shown(path)}, but is JSON, and must not end in {SUFFIX}")


def write_atomically(files: Mapping[PathLike, str | bytes | Iterable[str]]) -> None:
    """Write a set of files so that each is either the old one or the new one, never a part.

    All contents, whole or in parts, are first written beside their targets under temporary names,
    and only then moved, so that a failure while writing leaves every target untouched.

    Raises
    ------
    InputError
        If a target's folder is missing or not writable, or the target is not a plain file.
    OutputError
        If there is no space left, or the system refuses to write for another reason.
    """
    staged: list[tuple[str, Path]] = []
    try:
        for name, content in files.items():
            require_writable(name)
            target = Path(name)
            # The name is short and independent of the target's, which may have maximal length.
            handle, temporary = tempfile.mkstemp(prefix=".eipyomo-", dir=target.parent)
            staged.append((temporary, target))
            with os.fdopen(handle, "wb") as stream:
                parts = [content] if isinstance(content, str | bytes) else content
                stream.writelines(
                    part.encode("utf-8") if isinstance(part, str) else part for part in parts
                )
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(_mode_for(target))
        while staged:
            temporary, target = staged[0]
            Path(temporary).replace(target)
            staged.pop(0)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise OutputError(f"cannot write {_shown(target)}: {_reason(error)}") from None
    finally:
        for temporary, _ in staged:
            Path(temporary).unlink(missing_ok=True)


def _mode_for(target: Path) -> int:
    """Return the permissions that a plainly written file would have at this place."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"the key {short(twice)} stands twice in one object, but must be unique")
    return document


def _shown(path: PathLike) -> str:
    return repr(os.fspath(path))


def refusal(error: OSError) -> str:
    """Say what the system refuses, and at which file."""
    place = f": {_shown(error.filename)}" if error.filename is not None else ""
    return f"the system refuses: {_reason(error)}{place}"


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
