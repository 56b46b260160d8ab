"""Zip files of a bundle: written with the same bytes for the same files, and read with distrust."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eipyomo.errors import ClaimError, InputError
from eipyomo.files import PathLike, about, require_path
from eipyomo.words import clipped, reason_of, shown

LARGEST_BYTES = 2**30
"""A bundle's files together, unpacked."""

MOST_FILES = 10_000

NAME = re.compile(r"(?:[a-z]+/)?[^/\\\x00-\x1f:*?\"<>|]{1,200}")
"""A file, or one in a folder of ours; nothing that leads elsewhere on any system."""

MEMORY = (1980, 1, 1, 0, 0, 0)
"""The date of every file, the first that a zip can tell."""


def require_name(name: str) -> None:
    """Refuse a name that is none of a file in a bundle.

    Raises
    ------
    InputError
        If it would lead out of a folder, or is none on some system.
    """
    last = name.rpartition("/")[2]
    if not NAME.fullmatch(name) or last in (".", "..") or last != last.strip():
        raise InputError(
            f"the bundle has a file {clipped(repr(name))}, but names must be FILE or FOLDER/FILE, "
            'of at most 200 characters without : * ? " < > | and backslashes'
        )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files in their order; neither dates nor places of this machine are in it."""
    total = sum(map(len, files.values()))
    if total > LARGEST_BYTES or len(files) > MOST_FILES:
        raise InputError(_too_large(len(files), total))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, contents in files.items():
            require_name(name)
            entry = zipfile.ZipInfo(name, MEMORY)
            entry.create_system = 3  # the same on Windows
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, contents, zipfile.ZIP_DEFLATED, compresslevel=6)
    return packed.getvalue()


def unzipped(path: PathLike) -> dict[str, bytes]:
    """Return the files in a zip, none of which is written anywhere.

    Raises
    ------
    InputError
        If it cannot be read, is no zip, was cut off, holds what no bundle does, or would unpack to
        more than ``LARGEST_BYTES``.
    ClaimError
        If a file in it is not what its checksum says.
    """
    require_path(path, "the bundle")
    with about(path), _readable(), zipfile.ZipFile(Path(path)) as archive:
        entries = archive.infolist()
        _require_harmless(entries)
        return {entry.filename: _contents(archive, entry) for entry in entries}


@contextmanager
def _readable() -> Iterator[None]:
    """Say in a sentence why a file is no zip that can be read."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read the bundle: {error.strerror or reason_of(error)}") from None
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        reason = reason_of(error) or type(error).__name__
        raise InputError(f"the bundle is no whole zip file: {reason}") from None


def _require_harmless(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what no bundle holds, before anything is unpacked."""
    total = sum(entry.file_size for entry in entries)
    if total > LARGEST_BYTES or len(entries) > MOST_FILES:
        raise InputError(_too_large(len(entries), total))
    seen: set[str] = set()
    for entry in entries:
        require_name(entry.orig_filename)
        kind = entry.external_attr >> 28
        if entry.flag_bits & 0x1 or kind not in (0, 0o10):
            what = "is encrypted" if entry.flag_bits & 0x1 else "is a link or a device"
            raise InputError(
                f"the bundle's file {entry.filename!r} {what}, but must be a plain file"
            )
        if entry.filename.casefold() in seen:
            raise InputError(
                f"the bundle has {shown(entry.filename)} twice, but names must be unique"
            )
        seen.add(entry.filename.casefold())


def _contents(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Unpack a file, of which no more is read than it says that it has."""
    try:
        with archive.open(entry) as stream:
            contents = stream.read(entry.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ClaimError(
            f"the bundle's file {entry.filename!r} was changed or cut off: {reason_of(error)}"
        ) from None
    if len(contents) != entry.file_size:
        raise ClaimError(
            f"the bundle's file {entry.filename!r} has {len(contents)} bytes, but says that it has "
            f"{entry.file_size}"
        )
    return contents


def _too_large(files: int, total: int) -> str:
    return (
        f"the bundle has {files} files of {total / 2**20:,.0f} MiB, but must have at most "
        f"{MOST_FILES} of {LARGEST_BYTES // 2**20:,} MiB together"
    )
