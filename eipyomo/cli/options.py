"""Options and arguments that several commands have, and how they are read."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from eipyomo.errors import InputError
from eipyomo.files import require_suffix, require_unique, require_writable
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES
from eipyomo.problem import Problem
from eipyomo.restriction import PROBLEMS
from eipyomo.scaled import Stage
from eipyomo.solvers import METHODS
from eipyomo.solvers.methods import options_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Command = Callable[..., Any]


def examples(*lines: str) -> str:
    """Return the end of a help text; the escape keeps click from joining the lines."""
    return "\n".join(("\b", f"Example{'s' if len(lines) > 1 else ''}:", *(f"  {x}" for x in lines)))


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
    "'users[*].latency_weight=0.2', 'users[eu1].task_bits=1e6' or 'users[0].task_bits=1e6'; "
    "may be given often.",
)


def read_instance(file: str, settings: Sequence[str]) -> Instance:
    """Read an instance file, and apply what ``--set`` says."""
    return Instance.from_json(file).with_settings(settings)


def read_instances(files: Sequence[str], settings: Sequence[str]) -> list[Instance]:
    """Read instance files; all that are none, as a pattern may name, stand in one sentence."""
    instances, faults = [], []
    for file in files:
        try:
            instances.append(Instance.from_json(file))
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
    """Refuse what cannot be written, a table that would be no CSV, and one file for two outputs.

    The keywords are the options' names.
    """
    given = {option: file for option, file in files.items() if file is not None}
    if "csv" in given:
        require_suffix("csv", given["csv"], ".csv")
    for file in given.values():
        require_writable(file)
    require_unique(
        [os.path.realpath(file) for file in given.values()], f"{' and '.join(given)} name the file"
    )


more_option = click.option(
    "--option",
    "more",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other option of the method, as in Python, or for minlp of its solver, by its own "
    "name; may be given often.",
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


def with_more(method: str, options: Mapping[str, Any], more: Sequence[str]) -> dict[str, Any]:
    """Return the options that are given, each once, be it by its own name or as KEY=VALUE.

    What the method does not know by name goes to its solver, where it has one that is open to that.
    """
    name = method.partition(":")[0]
    known = options_of(name) if name in METHODS else ()
    pairs = [(key, value) for key, value in options.items() if value is not None]
    for_solver = []
    for key, value in map(_read_option, more):
        own = key.replace("-", "_")
        if own in known or "options" not in known:
            pairs.append((own, value))
        else:
            for_solver.append((key, value))
    for given in (pairs, for_solver):
        require_unique([key for key, _ in given], "the options name")
    return dict(pairs) | ({"options": dict(for_solver)} if for_solver else {})


def _read_option(text: str) -> tuple[str, Any]:
    """Read ``key=value``; the value is JSON, or a text as it stands."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise InputError(f"option is {text!r}, but must be KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def method_with_options(text: str) -> tuple[str, dict[str, Any]]:
    """Read 'exhaustive step=0.1': a name, and options whose values are JSON or plain text."""
    try:
        name, *parts = shlex.split(text) or [""]
    except ValueError as error:
        raise InputError(
            f"method is {text!r}, but must be a name and options KEY=VALUE ({error})"
        ) from None
    return name, with_more(name, {}, parts)
