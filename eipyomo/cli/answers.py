"""How a command ends: its exit status, its one sentence, what it writes and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eipyomo import streams
from eipyomo.errors import InputError, OutputError
from eipyomo.files import contents_for, to_json, write_atomically
from eipyomo.words import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click


ANSWERED, BAD_INPUT, INFEASIBLE, NO_ANSWER = 0, 2, 3, 4


def complain(sentence: str, status: int) -> int:
    """Print one sentence on standard error, on one line."""
    streams.note(f"eipyomo: {one_line(sentence)}")
    return status


def help_alone(context: click.Context) -> int:
    """Print the help of a command that has others, where none of them was named; no answer."""
    if context.invoked_subcommand is None:
        streams.note(context.get_help())
    return BAD_INPUT


def deliver(
    files: Mapping[str | None, str | bytes | Mapping[str, Any]],
    document: Mapping[str, Any],
    show: Callable[[], None] | None,
    status: int,
) -> int:
    """Write files, and only then print; what no file can hold any more is printed as a document.

    Parameters
    ----------
    files
        Texts, bytes, or documents, by the files that options name, or None.
    document
        The answer.
    show
        Prints the answer for a person; None to print the document.
    status
        Exit status if all goes well.
    """
    troubles = []
    for file, content in files.items():
        try:
            if file is not None:
                contents = (
                    content if isinstance(content, str | bytes) else contents_for(file, content)
                )
                write_atomically({file: contents})
        except (InputError, OutputError) as error:
            troubles.append(str(error))
    if show is None or troubles:
        streams.print_document(to_json(document))
    else:
        show()
    for trouble in troubles:
        status = complain(f"{trouble}; its contents are printed instead", NO_ANSWER)
    return status
