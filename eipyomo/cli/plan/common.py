"""What all questions have in common: their options, and how their tables are delivered."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from eipyomo import ranges, streams
from eipyomo.cli.answers import ANSWERED, INFEASIBLE, NO_ANSWER, deliver
from eipyomo.cli.figures import require_figure_path, write_figure
from eipyomo.cli.options import (
    Command,
    json_option,
    require_targets,
    set_option,
    table_for,
    table_option,
)
from eipyomo.cli.printing import say
from eipyomo.errors import InputError
from eipyomo.tables import rows_of

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 3
"""So many of the rows without an answer say why."""


def plan_options(gap: float = 1e-6, *, workers: bool = True) -> Callable[[Command], Command]:
    """Return the options of all questions: the default of their gap, and whether they have workers.

    Those that solve no more than one problem have none.
    """
    many = click.option("--workers", type=int, help="Processes.  [default: one a core]")
    options = (
        click.option(
            "--gap", default=gap, show_default=True, help="Relative gap to stop at in each row."
        ),
        click.option(
            "--time-limit",
            default=60.0,
            show_default=True,
            metavar="S",
            help="Seconds for each row.",
        ),
        *((many,) if workers else ()),
        set_option,
        table_option("the table"),
        click.option(
            "-o", "--output", metavar="FIGURE", help="Draw the answer: .png, .pdf or .svg."
        ),
        json_option,
    )

    def added(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return added


def numbers_of(option: str, text: str | None) -> list[float] | None:
    """Return the numbers of a text ``5,6.5,8`` or ``LOW:HIGH:COUNT``.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if text is None:
        return None
    try:
        return ranges.numbers_of(text)
    except InputError:
        raise InputError(
            f"{option} is {text!r}, but must be numbers such as 5,6.5,8, or LOW:HIGH:COUNT such as "
            "4:12:20"
        ) from None


def deliver_table(
    ask: Callable[[], pd.DataFrame],
    name: str,
    answer: str,
    figure: str,
    show: Callable[[pd.DataFrame], None],
    *,
    table_file: str | None,
    output: str | None,
    as_json: bool,
) -> int:
    """Ask a question, write and print its table, and return the exit status.

    Parameters
    ----------
    ask
        Returns the table.
    name
        Of the question, for the schema of its document.
    answer
        The column in which a row has an answer.
    figure
        Name of the function of :mod:`eipyomo.plotting` that draws it.
    show
        Prints it for a person.
    table_file, output, as_json
        As the options say.
    """
    require_targets(csv=table_file, output=output)
    target = None if output is None else require_figure_path(output)
    frame = ask()
    answered = frame[answer].notna()

    def printed() -> None:
        show(frame)
        without = frame[~answered]
        for _, row in without.head(SHOWN).iterrows():
            say(f"{row['termination']}: {row['message']}")
        if len(without) > SHOWN:
            say(f"... and {len(without) - SHOWN} rows more without an answer; --csv has them all")

    status = ANSWERED
    if not answered.any():
        infeasible = (frame["termination"] == "infeasible").all()
        status = INFEASIBLE if infeasible else NO_ANSWER
    status = deliver(
        {table_file: table_for(table_file, lambda: frame)},
        {"schema": f"eipyomo/plan-{name.replace('_', '-')}@1", "rows": rows_of(frame)},
        None if as_json else printed,
        status,
    )
    if target is not None and not answered.any():
        streams.note(f"{target} is not written, since there is no answer to draw")
    elif target is not None:
        plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
        write_figure(getattr(plotting, figure)(frame), target)
    return status
