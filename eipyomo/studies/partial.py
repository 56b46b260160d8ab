"""Rows of numbers on the disk as they come, so that who is killed goes on where it stopped."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np

from eipyomo.errors import InputError, OutputError
from eipyomo.files import PathLike, read_bytes, require_writable
from eipyomo.labels.columns import Rows

NUMBER = np.dtype("<f8")


@contextlib.contextmanager
def continued(
    path: PathLike | None, what: Mapping[str, Any], width: int
) -> Iterator[tuple[Rows, Callable[[Rows], None]]]:
    """Yield the rows that a file has already, and a function that adds one.

    The file is a line of JSON, and rows of numbers behind it. A row outlives this process once it
    is added; one that was cut off is not among those that are there.

    Parameters
    ----------
    path
        The file, made if it is missing; None to keep nothing.
    what
        What the rows are, which the line says.
    width
        How many numbers a row has.

    Raises
    ------
    InputError
        If the file cannot be read or written, its rows are something else, or another process adds
        to it.
    OutputError
        If there is no space left for a row.
    """
    if path is None:
        yield np.empty((0, width)), lambda _: None
        return
    require_writable(path)
    head = (json.dumps(what, sort_keys=True) + "\n").encode()
    with Path(path).open("a+b", buffering=0) as file:
        _keep_others_out(file, path)
        there = read_bytes(path, "part", bytes)
        if not there.startswith(head) and not head.startswith(there):
            raise InputError(
                f"{str(path)!r} holds a part of something else (another draw, first seed, gap, "
                "share to verify, or version of eipyomo): continue that, or delete it"
            )
        count = max(len(there) - len(head), 0) // (NUMBER.itemsize * width)
        whole = len(head) + count * NUMBER.itemsize * width
        rows = np.frombuffer(there[len(head) : whole], NUMBER).reshape(count, width)
        if len(there) < len(head):
            _write(file, head[len(there) :], path)
        else:
            file.truncate(whole)

        def add(row: Rows) -> None:
            _write(file, row.astype(NUMBER).tobytes(), path)

        yield rows, add


def _write(file: RawIOBase, contents: bytes, path: PathLike) -> None:
    """Write all of some contents, or say why they cannot be kept."""
    try:
        if file.write(contents) != len(contents):  # as much as there was room for
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _keep_others_out(file: RawIOBase, path: PathLike) -> None:
    """Refuse a file to which another process adds; where the system knows no locks, nothing is."""
    try:
        fcntl = import_module("fcntl")
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"another process adds to {str(path)!r}: wait for it, or write to another file"
        ) from None
    except OSError:  # a file system without locks
        return
