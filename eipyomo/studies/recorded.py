"""Allocations that were made elsewhere, by a program in whatever language: :class:`Recorded`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from eipyomo.errors import InputError
from eipyomo.files import (
    PathLike,
    about,
    npz_arrays,
    number_or_text,
    read_bytes,
    read_csv,
    read_document,
    require_path,
)
from eipyomo.instance import Instance
from eipyomo.matlab import mat_arrays
from eipyomo.studies.answers import COLUMNS, DECISIONS, listed
from eipyomo.summary import Summarised, Summary, counted
from eipyomo.words import reason_of, short, shown

KNOWN = ("sync_s", *COLUMNS)
FLAGS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True, eq=False, repr=False)
class Recorded(Summarised):
    """Answers to instances, which :func:`eipyomo.benchmark` judges like those of any policy.

    Attributes
    ----------
    answers
        To the instances in their order, or by their names: mappings with ``download`` and
        ``offload_fraction``, to which the best rest is found, or with all of an allocation:
        ``sync_s`` and the columns of :class:`~eipyomo.allocation.Allocation`.
    name
        What to call it.

    Raises
    ------
    InputError
        If it is neither a list nor a mapping.
    """

    answers: Sequence[Any] | Mapping[str, Any]
    name: str = "recorded"

    def _summary(self) -> Summary:
        return Summary(self.name, (counted(len(self.answers), "answer"),))

    def __post_init__(self) -> None:
        """Check the kind."""
        if not isinstance(self.answers, list | tuple | Mapping):
            raise InputError(
                f"answers is {shown(self.answers)}, but must be a list, or a mapping from names of "
                "instances"
            )

    def answer(self, place: int, instance: Instance) -> Any:
        """Return the answer to the instance at a place of all, as JSON has it; None if none."""
        if isinstance(self.answers, Mapping):
            return listed(self.answers.get(instance.name))
        return listed(self.answers[place])

    def require(self, count: int) -> None:
        """Refuse answers in order if they are not as many as instances.

        Raises
        ------
        InputError
            If that is so.
        """
        if not isinstance(self.answers, Mapping) and len(self.answers) != count:
            raise InputError(
                f"{self.name} has {len(self.answers)} answers, but must have one for each of "
                f"{count} instances, or name the instances"
            )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], name: str = "recorded") -> Self:
        """Return the answers in arrays, a row for each instance.

        Parameters
        ----------
        arrays
            ``download``, ``offload_fraction`` and what else there is, each of shape (instances,
            users), ``sync_s`` of shape (instances,); and ``instance``, names of instances, if rows
            are not in the order of the instances.
        name
            What to call it.

        Raises
        ------
        InputError
            If arrays are missing, or have not the same number of rows.
        """
        found = {key: np.atleast_1d(arrays[key]) for key in KNOWN if key in arrays}
        for key in DECISIONS[:2]:
            if key not in found:
                raise InputError(f"arrays has no {key}, but must have one, (instances, users)")
        rows = len(found["download"])
        for key, array in found.items():
            if len(array) != rows:
                raise InputError(f"{key} has {len(array)} rows, but download has {rows}")
        answers = [{key: array[n].tolist() for key, array in found.items()} for n in range(rows)]
        if "instance" not in arrays:
            return cls(answers, name)
        names = [str(one).strip() for one in np.asarray(arrays["instance"]).ravel()]
        if len(names) != rows:
            raise InputError(f"instance has {len(names)} names, but download has {rows} rows")
        return cls(dict(zip(names, answers, strict=True)), name)

    @classmethod
    def from_file(cls, path: PathLike) -> Self:
        """Read a table: .csv, .json, .npz or .mat; see docs/policies.md.

        Raises
        ------
        InputError
            If the file cannot be read, or holds no answers.
        """
        require_path(path, "a table of allocations")
        name, suffix = Path(path).name, Path(path).suffix.lower()
        if suffix in TABLES:
            return cls(TABLES[suffix](path), name)
        if suffix not in ARRAYS:
            raise InputError(
                f"a table of allocations is {str(path)!r}, but must end in "
                f"{', '.join((*TABLES, *ARRAYS))}"
            )
        with about(path):
            return cls.from_arrays(ARRAYS[suffix](path), name)


def _of_csv(path: PathLike) -> dict[str, Any]:
    """Read a row for each instance and user."""
    needed = ("instance", "name", *DECISIONS[:2])
    frame = read_csv(path, "table", needed, [key for key in KNOWN if key not in needed])
    answers: dict[str, Any] = {}
    for instance, part in frame.groupby("instance", sort=False):
        columns = {key: part[key].tolist() for key in KNOWN if key in part and part[key].any()}
        answer: dict[str, Any] = {key: _values(key, texts) for key, texts in columns.items()}
        if "sync_s" in answer:
            answer["sync_s"] = answer["sync_s"][0]
        answers[str(instance)] = {"names": part["name"].tolist(), **answer}
    return answers


def _values(key: str, texts: Sequence[str]) -> list[Any]:
    """Return what fields of a CSV file hold."""
    if key == "mode":
        return [text or None for text in texts]
    if key == "download":
        return [FLAGS.get(text.strip().lower(), text) for text in texts]
    return [number_or_text(text) for text in texts]


def _of_json(path: PathLike) -> Any:
    """Read answers in a list or by the names of instances."""
    answers = read_document(path, "table").get("answers")
    if not isinstance(answers, list | Mapping):
        with about(path):
            raise InputError(f"answers is {short(answers)}, but must be a list or an object")
    return answers


def _of_npz(path: PathLike) -> dict[str, Any]:
    """Read numpy's arrays."""
    contents = read_bytes(path, "table", bytes)
    try:
        return npz_arrays(contents)
    except ValueError as error:
        raise InputError(f"it cannot be read as .npz: {reason_of(error)}") from None


def _of_mat(path: PathLike) -> dict[str, Any]:
    """Read MATLAB's arrays: numbers, and names as a cell array or a matrix of characters."""
    found = mat_arrays(read_bytes(path, "table", bytes), squeeze_me=False, chars_as_strings=True)
    if "sync_s" in found:
        found["sync_s"] = found["sync_s"].ravel()
    if "instance" in found:
        found["instance"] = [str(np.ravel(one)[0]) for one in found["instance"].ravel()]
    return found


TABLES = {".csv": _of_csv, ".json": _of_json}
"""Readers of answers."""
ARRAYS = {".npz": _of_npz, ".mat": _of_mat}
"""Readers of arrays with a row for each instance."""
