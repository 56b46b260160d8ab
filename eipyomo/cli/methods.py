"""Methods and their options on the command line, made from the methods' own records."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from eipyomo.cli.options import Command
from eipyomo.errors import InputError
from eipyomo.files import require_unique
from eipyomo.solvers import METHODS
from eipyomo.solvers.methods import options_of
from eipyomo.words import short

FLAGS = {"enumeration": "--enumerate"}
"""Flags whose names are not the option's."""

FILES = {
    "start": "RESULT",
    **dict.fromkeys(("certificate", "executable", "log", "network"), "FILE"),
}
"""Options that are given as the name of a file, and what help calls it."""

NOT_HERE = ("executor", "options")
"""Options that no word or number can say; those of a solver go by ``--option``."""


more_option = click.option(
    "--option",
    "more",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other option of the method, as in Python, or for minlp of its solver, by its own "
    "name; may be given often.",
)


class MethodOption(click.Option):
    """An option of some methods, and the heading under which help has it."""

    def __init__(self, *declared: Any, heading: str, **settings: Any) -> None:
        super().__init__(*declared, **settings)
        self.heading = heading


class MethodCommand(click.Command):
    """A command with options of methods, whose help has a section for each of them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                heading = getattr(parameter, "heading", "Options")
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def method_options(command: Command) -> Command:
    """Give a command an option for all that methods take and a word or a number can say."""
    takers: dict[str, list[str]] = {}
    for method, one in METHODS.items():
        for name in one.Options.model_fields:
            takers.setdefault(name, []).append(method)
    for name, methods in reversed(takers.items()):
        if name not in NOT_HERE:
            command = _option(name, methods)(command)
    return command


def _option(name: str, methods: list[str]) -> Callable[[Command], Command]:
    """Return an option of some methods."""
    options = METHODS[methods[0]].Options
    kind = options.kinds(name)[0]
    flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
    settings: dict[str, Any] = {"type": kind.type if kind.type in (float, int) else str}
    if name in FILES:
        settings["metavar"] = FILES[name]
    elif kind.choices:
        settings["metavar"] = f"[{'|'.join(kind.choices)}]"
    elif kind.type is bool:
        settings = {"is_flag": True, "default": None}
        if options.model_fields[name].default is None:  # which a method makes one or the other
            flag = f"{flag}/--no-{name}"
    if len(methods) == len(METHODS):
        heading = "Options"
    else:
        heading = f"Options of {methods[0] if len(methods) == 1 else 'several methods'}"
    help_ = _help(name, methods)
    return click.option(flag, name, cls=MethodOption, heading=heading, help=help_, **settings)


def _help(name: str, methods: list[str]) -> str:
    """Return what an option means, for which methods, and its defaults."""
    fields = {method: METHODS[method].Options.model_fields[name] for method in methods}
    meanings = _by_words({method: str(field.description) for method, field in fields.items()})
    defaults = _by_words({method: shown_default(field.default) for method, field in fields.items()})
    if len(methods) in (1, len(METHODS)):
        words = "; ".join(f"{meaning[:1].upper()}{meaning[1:]}" for meaning in meanings)
    else:
        words = "; ".join(f"{', '.join(whose)}: {words}" for words, whose in meanings.items())
    said = [
        default if len(whose) == len(methods) else f"{default} for {', '.join(whose)}"
        for default, whose in defaults.items()
        if default and name not in FILES
    ]
    return f"{words}." + (f"  [default: {'; '.join(said)}]" if said else "")


def _by_words(words: dict[str, str]) -> dict[str, list[str]]:
    """Return methods by what is said of them."""
    return {said: [one for one in words if words[one] == said] for said in words.values()}


def shown_default(default: Any) -> str:
    """Return an option's default in words; empty where there is none, or "no"."""
    if default is None or default is False:
        return ""
    return f"{default:g}".replace("e-0", "e-") if isinstance(default, float) else str(default)


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
        raise InputError(f"option is {short(text)}, but must be KEY=VALUE")
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
        return key, value


def method_with_options(text: str) -> tuple[str, dict[str, Any]]:
    """Read 'exhaustive step=0.1': a name, and options whose values are JSON or plain text."""
    try:
        name, *parts = shlex.split(text) or [""]
    except ValueError as error:
        raise InputError(
            f"method is {short(text)}, but must be a name and options KEY=VALUE ({error})"
        ) from None
    return name, with_more(name, {}, parts)
