"""The command line: ``eipyomo solve``, ``compare``, ``evaluate`` and the rest."""

from __future__ import annotations

import contextlib
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from eipyomo.cli.ending import Stopped, stopped_by_signals

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; no exception leaves this function.

    0: answered; 2: bad input or usage; 3: proven infeasible; 4: no answer, or a false claim; 130
    and the like: ended by a signal.
    """
    try:
        with stopped_by_signals():  # from now on, and not only when everything is imported
            status: int = import_module("eipyomo.cli.commands").run(arguments)
            return status
    except (Stopped, KeyboardInterrupt) as error:
        ended = error if isinstance(error, Stopped) else Stopped()
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be closed
            sys.stderr.write(f"eipyomo: {ended.sentence}\n")
        return ended.status


def script() -> NoReturn:
    """Be the command: once all is said, Ctrl-C ends the process without a word more."""
    status = main()
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as in the background of a script
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)
