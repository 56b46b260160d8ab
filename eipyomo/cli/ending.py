"""Signals: they end a command wherever it is, which clears up on its way out."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType, FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C sends the first; a batch system, `timeout` and a closed terminal the others."""

LATER_S = 0.002
"""When a signal comes again that was lost."""


class Stopped(BaseException):
    """A signal has asked the command to end.

    Attributes
    ----------
    number
        The signal's.
    sentence
        What is said then.
    status
        Exit status, as shells have it.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(number)
        self.number = number
        name = signal.Signals(number).name
        self.sentence = "interrupted" if name == "SIGINT" else f"stopped by {name}"
        self.status = 128 + number


_heard: list[Stopped] = []


def heard() -> Stopped | None:
    """Return what the command was asked to end by.

    Compiled code may make an error of its own of what is raised in a callback.
    """
    return _heard[0] if _heard else None


def _is_within(frame: FrameType | None, code: CodeType) -> bool:
    """Tell whether a function is running, by the innermost frame."""
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def _handle(handlers: Mapping[int, Any]) -> None:
    """Let signals be handled so from now on."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _send_later(number: int) -> None:
    """Send this process a signal once the thread that runs has had time to go on."""
    later = threading.Timer(LATER_S, os.kill, (os.getpid(), number))
    later.daemon = True
    later.start()


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let signals raise :class:`Stopped`: no solver is left, no file half-written.

    A second one, of somebody who presses Ctrl-C twice, does not disturb the clearing up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    listened = [one for one in numbers if signal.getsignal(one) != signal.SIG_IGN]  # nohup

    def listen() -> dict[int, Any]:
        _heard.clear()
        return {number: signal.signal(number, stop) for number in listened}

    def stop(number: int, frame: FrameType | None) -> None:
        if _is_within(frame, again.__code__):  # what is raised there is lost for good
            _send_later(number)
            return
        _handle(dict.fromkeys(listened, signal.SIG_IGN))
        _heard.append(Stopped(number))
        raise _heard[0]

    def again(lost: sys.UnraisableHookArgs) -> None:
        """Hear later what was raised where Python can only print it, as in a weak reference."""
        if not isinstance(lost.exc_value, Stopped):
            hook(lost)
            return
        listen()
        _send_later(lost.exc_value.number)

    before, hook = listen(), sys.unraisablehook
    sys.unraisablehook = again
    try:
        yield
    except Exception as error:
        if _heard:
            raise _heard[0] from error
        raise
    finally:
        _heard.clear()
        sys.unraisablehook = hook
        _handle(before)
