"""What all questions have in common: their options, and how their tables are delivered."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
import numpy as np

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED, INFEASIBLE, NO_ANSWER, deliver
from eipyomo.cli.options import Command, json_option, require_targets, set_option
from eipyomo.cli.printing import say
from eipyomo.errors import InputError
from eipyomo.files import number_or_text, write_atomically

if TYPE_CHECKING:
    import pandas as pd

FIGURES = (".png", ".pdf", ".svg")
"""Files that figures are drawn into."""

MOST = 100_000
"""The largest number of values that a range may have."""


def plan_options(gap: float = 1e-6) -> Callable[[Command], Command]:
    """Return the options of all questions; the argument is the default of their gap."""
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
        click.option("--workers", type=int, help="Processes.  [default: one a core]"),
        set_option,
        click.option("--csv", "csv_file", metavar="FILE", help="Write the table here as well."),
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
    ends = [number_or_text(part) for part in text.split(":")]
    if len(ends) == 3:
        low, high, count = ends
        if isinstance(low, float) and isinstance(high, float) and isinstance(count, float):
            if low < high < np.inf and count == int(min(count, MOST)) >= 2:
                return [float(one) for one in np.linspace(low, high, int(count))]
    found = [number_or_text(part) for part in text.split(",")]
    values = [one for one in found if isinstance(one, float)]
    if len(values) < len(found):
        raise InputError(
            f"{option} is {text!r}, but must be numbers such as 5,6.5,8, or LOW:HIGH:COUNT such as "
            "4:12:20"
        )
    return values


def deliver_table(
    ask: Callable[[], pd.DataFrame],
    name: str,
    answer: str,
    figure: str,
    show: Callable[[pd.DataFrame], None],
    *,
    csv_file: str | None,
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
    csv_file, output, as_json
        As the options say.
    """
    require_targets(csv=csv_file, output=output)
    kind = os.path.splitext(output or FIGURES[0])[1].lower()
    if kind not in FIGURES:
        raise InputError(f"output is {output!r}, but must end in {', '.join(FIGURES)}")
    frame = ask()
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    answered = frame[answer].notna()

    def printed() -> None:
        show(frame)
        for message in dict.fromkeys(frame.loc[~answered].get("message", ())):
            say(str(message))

    status = ANSWERED
    if not answered.any():
        infeasible = (frame["termination"] == "infeasible").all()
        status = INFEASIBLE if infeasible else NO_ANSWER
    status = deliver(
        {csv_file: frame.to_csv(index=False)},
        {"schema": f"eipyomo/plan-{name.replace('_', '-')}@1", "rows": rows},
        None if as_json else printed,
        status,
    )
    if output is not None and answered.any():
        plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
        image = io.BytesIO()
        getattr(plotting, figure)(frame).savefig(image, format=kind[1:], dpi=200)
        write_atomically({output: image.getvalue()})
        streams.note(f"wrote {output}")
    return status
