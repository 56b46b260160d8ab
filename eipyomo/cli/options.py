"""Options and arguments that several commands have, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from eipyomo.draw import Draw
from eipyomo.errors import InputError
from eipyomo.files import require_unique, require_writable
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES
from eipyomo.problem import Problem
from eipyomo.ranges import number_text, numbers_of
from eipyomo.restriction import PROBLEMS
from eipyomo.scaled import Stage
from eipyomo.scenario.reading import read_instance as read_either
from eipyomo.tables import FORMATS, require_table, table_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd


Command = Callable[..., Any]


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print exactly one JSON document on standard output.",
)


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change the instance first: bandwidth_hz=4e7, server.frequency_hz=2e9, "
    "'users[*].latency_weight=0.2', 'users[eu1].task_bits=1e6' or 'users[0].task_bits=1e6', also "
    "in other units, as model_mbyte=2 or 'users[*].transmit_power_dbm=20'; may be given often.",
)


def table_option(what: str) -> Callable[[Command], Command]:
    """Return the option that names a file for a table, in whatever format."""
    return click.option(
        "--csv",
        "--table",
        "table_file",
        metavar="FILE",
        help=f"Write {what} here, in the format of its suffix: {', '.join(FORMATS)}.",
    )


def table_for(file: str | None, table: Callable[[], pd.DataFrame]) -> bytes:
    """Return the contents of the file for a table, if one is wanted."""
    return b"" if file is None else table_bytes(file, table())


draw_option = click.option(
    "--draw",
    "draw_text",
    metavar="TEXT",
    help="Draw instances instead: 'users=10 seeds=0:1000 model_mbit=8..32'; any key of --set "
    "may have a range.",
)


vary_option = click.option(
    "--vary",
    "varied",
    multiple=True,
    metavar="PATH=NUMBERS",
    help="Take each instance with each of these: model_mbit=8,16,32, 'users[*].task_mbit=8:64:15' "
    "(15 numbers, evenly) or log(8:64:15); give it twice for all pairs.",
)


def read_or_draw(
    files: Sequence[str], draw_text: str | None, settings: Sequence[str]
) -> Draw | list[Instance]:
    """Return the instances that files hold, or a draw makes."""
    if draw_text is None:
        if not files:
            raise InputError("no instance is given: name files, or give --draw")
        return read_instances(files, settings)
    if files:
        raise InputError("draw and files of instances are given, but one of them is enough")
    draw = Draw.from_text(draw_text)
    return draw.replace(settings=[*draw.settings, *settings]) if settings else draw


def each_varied(instances: Iterable[Instance], varied: Sequence[str]) -> list[Instance]:
    """Return instances with each of the numbers that texts list; their names tell which."""
    found = list(instances)
    for text in varied:
        path, sign, numbers = text.rpartition("=")
        if not sign:
            raise InputError(f"vary is {text!r}, but must be PATH=NUMBERS")
        settings = [f"{path}={number_text(number)}" for number in numbers_of(numbers)]
        found = [
            instance.with_settings([one]).replace(name=f"{instance.name} {one}".strip())
            for instance in found
            for one in settings
        ]
    return found


def read_instance(file: str, settings: Sequence[str]) -> Instance:
    """Read an instance, or a scenario that makes one, and apply what ``--set`` says."""
    return read_either(file).with_settings(settings)


def read_instances(files: Sequence[str], settings: Sequence[str]) -> list[Instance]:
    """Read instance files; all that are none, as a pattern may name, stand in one sentence."""
    instances, faults = [], []
    for file in files:
        try:
            instances.append(read_either(file))
        except InputError as error:
            faults.append(str(error))
    if len(faults) > 1:
        raise InputError(
            f"{len(faults)} of {len(files)} files are no instances: {'; '.join(faults)}"
        )
    if faults:
        raise InputError(faults[0])
    return [instance.with_settings(settings) for instance in instances]


def require_targets(**files: str | None) -> None:
    """Refuse what cannot be written, a table of no known format, and one file for two outputs.

    The keywords are the options' names.
    """
    given = {option: file for option, file in files.items() if file is not None}
    if "csv" in given:
        require_table(given["csv"], "csv")
    for file in given.values():
        require_writable(file)
    require_unique(
        [os.path.realpath(file) for file in given.values()], f"{' and '.join(given)} name the file"
    )


def problem_options(
    problem: str = "joint", round_: str = "inference", objective: str = "wsel"
) -> Callable[[Command], Command]:
    """Return the options that say which problem is meant; the arguments are words for defaults."""
    name = click.option(
        "--problem",
        metavar="NAME",
        help=f"Which problem: {', '.join(PROBLEMS)}, or grid:STEP.  [default: {problem}]",
    )
    kind = click.option(
        "--round",
        "round_",
        type=click.Choice(["inference", "training"]),
        help=f"The last round, or one before it, without tasks.  [default: {round_}]",
    )
    goal = click.option(
        "--objective",
        type=click.Choice(list(OBJECTIVES)),
        help="What is minimised: the weighted sum of energy and latency, the band or the edge "
        f"server's frequency that is needed, or the largest latency.  [default: {objective}]",
    )
    return lambda command: name(kind(goal(command)))


def read_problem(
    instance: Instance, problem: str | None, round_: str | None, objective: str | None
) -> Problem:
    """Return the problem of an instance that the options ask for."""
    stage: Stage = "training" if round_ == "training" else "inference"
    return Problem.of(instance, problem or "joint", stage, objective or "wsel")
