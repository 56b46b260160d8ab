"""Standard output and standard error of a command: whatever they take, nothing is lost or raw."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputWarning
from eipyomo.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 4
"""Exit status if an answer could not be printed."""


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Let both streams take every text, and none of them end a command before its work is done.

    What an encoding lacks is written with backslashes. What cannot be written to standard output is
    remembered for :func:`finish`; what cannot be written to standard error is nobody's loss.
    """
    _fill_gaps()
    before = sys.stdout, sys.stderr
    errors = [getattr(stream, "errors", None) for stream in before]
    for stream in before:
        _reconfigure(stream, "backslashreplace")
    sys.stdout, sys.stderr = _Patient(before[0]), _Patient(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream, old in zip(before, errors, strict=True):
            _reconfigure(stream, old)


def finish() -> int:
    """Write what is left, and say in one sentence what could not be; return an exit status.

    A reader that has gone, as `head` does, has read all that it wanted.
    """
    out = sys.stdout
    out.flush()
    error = out.trouble if isinstance(out, _Patient) else None
    if error is None or error.errno == errno.EPIPE:
        return 0
    note(f"eipyomo: cannot write to standard output: {error.strerror or error}")
    return FAILED


def note(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_document(text: str) -> None:
    """Print a document of JSON, which is valid in every encoding."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    if encoding != "utf8":
        text = _NOT_ASCII.sub(_escape, text)
    sys.stdout.write(text)
    sys.stdout.flush()


@contextlib.contextmanager
def warnings_shown() -> Iterator[None]:
    """Print warnings of this package as lines of its own, and none that only programmers need."""
    own, drawing = logging.getLogger("eipyomo"), logging.getLogger("matplotlib")
    handler = _Handler(logging.WARNING)
    level = drawing.level
    own.addHandler(handler)
    drawing.setLevel(logging.ERROR)  # it remarks on folders and fonts
    try:
        with warnings.catch_warnings():
            _show_warnings_of_input()
            yield
    finally:
        own.removeHandler(handler)
        drawing.setLevel(level)


def _show_warnings_of_input() -> None:
    """Let warnings of input be lines too, each as often as it is given."""
    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, InputWarning):
            note(f"eipyomo: warning: {one_line(str(message))}")
        else:
            others(message, category, *where, **more)

    warnings.simplefilter("always", InputWarning)
    warnings.showwarning = show


class _Handler(logging.Handler):
    """Prints records as the command's own sentences."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"eipyomo: {one_line(record.getMessage())}")


class _Patient(io.TextIOBase):
    """A stream that remembers the first error of another one and then writes nothing more to it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.trouble: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the stream treats what its encoding lacks."""
        return getattr(self._stream, "errors", None)

    def write(self, text: str) -> int:
        if self._stream is None:  # it was closed before the command began
            self.trouble = OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self.trouble is None:
            self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        if self.trouble is None and self._stream is not None:
            self._try(self._stream.flush)

    def isatty(self) -> bool:
        open_still = self._stream is not None and not self._stream.closed
        return open_still and bool(self._stream.isatty())

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._stream.fileno())

    def writable(self) -> bool:
        return True

    def _try(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            self.trouble = error
            self._drop()
        except ValueError as error:  # it was closed
            self.trouble = OSError(errno.EBADF, str(error))

    def _drop(self) -> None:
        """Keep Python from writing the rest of the buffer when it ends."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def _fill_gaps() -> None:
    """Keep files from the numbers of standard streams that are closed, where others write."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def _reconfigure(stream: Any, errors: str | None) -> None:
    if hasattr(stream, "reconfigure") and errors is not None:
        with contextlib.suppress(OSError, ValueError):
            stream.reconfigure(errors=errors)


_NOT_ASCII = re.compile("[^\\x00-\\x7f]")


def _escape(found: re.Match[str]) -> str:
    """Return a character as JSON escapes it."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[k : k + 2].hex()}" for k in range(0, len(units), 2))
