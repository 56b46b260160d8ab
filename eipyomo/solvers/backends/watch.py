"""What is shown and kept of what solvers print and write, while they run in their processes."""

from __future__ import annotations

import codecs
import contextlib
import logging
import shutil
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from eipyomo.errors import InputError
from eipyomo.files import PathLike, refusal, require_writable

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger(__name__)


@dataclass
class Watch:
    """What to show and keep.

    Attributes
    ----------
    tee
        Whether to show it on standard output.
    log
        A file to write it to; None once that has failed.
    folder
        Where to copy the files of processes to.
    """

    tee: bool = False
    log: IO[str] | None = None
    folder: Path | None = None

    def say(self, text: str) -> None:
        """Show and write a text. A log that cannot be written on costs nobody the answer."""
        if self.tee:
            sys.stdout.write(text)
            sys.stdout.flush()
        if self.log is not None:
            try:
                self.log.write(text)
                self.log.flush()
            except OSError as error:
                LOGGER.warning("the log %r ends here: %s", self.log.name, refusal(error))
                self.log = None

    def keep(self, folder: Path) -> None:
        """Copy the files of a process."""
        if self.folder is not None:
            shutil.copytree(folder, self.folder, dirs_exist_ok=True)


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


def watch() -> Watch:
    """Return what is to be shown and kept now."""
    return _WATCH.get() or Watch()


@contextlib.contextmanager
def watched(
    *, tee: bool = False, log: PathLike | None = None, folder: Path | None = None
) -> Iterator[None]:
    """Show and keep what processes print and write that are run inside the block.

    Parameters
    ----------
    tee
        Whether to show what they print on standard output, while they run.
    log
        A file for it, which is written while they run, for people who look into it meanwhile: an
        older one is lost at once.
    folder
        Where to copy their files to.

    Raises
    ------
    InputError
        If the log cannot be written.
    """
    file = None if log is None else _opened(log)
    token = _WATCH.set(Watch(tee, file, folder))
    try:
        yield
    finally:
        _WATCH.reset(token)
        if file is not None:
            with contextlib.suppress(OSError):  # of which a warning has told
                file.close()


def _opened(log: PathLike) -> IO[str]:
    require_writable(log)
    try:
        return Path(log).open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"the log cannot be written: {refusal(error)}") from None


class Printed:
    """What a process has printed to a file, passed on piece by piece."""

    def __init__(self, file: Path) -> None:
        self._file, self._place = file, 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def pass_on(self) -> None:
        """Show and write what is new; nothing is, before the process has begun to print."""
        now = watch()
        if not (now.tee or now.log is not None) or not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._place)
            new = stream.read()
        self._place += len(new)
        now.say(self._decode(new))
