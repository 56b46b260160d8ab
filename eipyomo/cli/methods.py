"""The methods' options on the command line, made from the methods' own records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import click

from eipyomo.solvers import METHODS

FLAGS = {"enumeration": "--enumerate"}
"""Flags whose names are not the option's."""

FILES = ("start", "certificate", "executable")
"""Options that are given as the name of a file."""

Command = Callable[..., Any]


def method_options(command: Command) -> Command:
    """Give a command an option for all that methods take and a word or a number can say."""
    takers: dict[str, list[str]] = {}
    for method, one in METHODS.items():
        for name in one.Options.model_fields:
            takers.setdefault(name, []).append(method)
    for name, methods in reversed(takers.items()):
        command = _option(name, methods)(command)
    return command


def _option(name: str, methods: list[str]) -> Callable[[Command], Command]:
    """Return the option of some methods; one that only Python or ``--option`` can give is none."""
    field = METHODS[methods[0]].Options.model_fields[name]
    kinds = get_args(field.annotation) or (field.annotation,)
    kind = next((kind for kind in (bool, float, int, str) if kind in kinds), None)
    if name in FILES:
        settings: dict[str, Any] = {"metavar": "FILE"}
    elif kind is bool:
        settings = {"is_flag": True, "default": None}
    elif kind is not None:
        settings = {"type": kind}
    else:
        return lambda command: command
    whose = "" if len(methods) == len(METHODS) else f"For {', '.join(methods)}: "
    return click.option(
        FLAGS.get(name, f"--{name.replace('_', '-')}"),
        name,
        help=f"{whose}{field.description}.{_defaults(name, methods)}",
        **settings,
    )


def _defaults(name: str, methods: list[str]) -> str:
    """Return what help says of an option's defaults, where there are such."""
    whose: dict[Any, list[str]] = {}
    for method in methods:
        default = METHODS[method].Options.model_fields[name].default
        if default is not None and default is not False:
            whose.setdefault(default, []).append(method)
    words = [f"{default:g}" if isinstance(default, float) else str(default) for default in whose]
    if len(words) > 1:
        names = map(", ".join, whose.values())
        words = [f"{word} for {name}" for word, name in zip(words, names, strict=True)]
    return f"  [default: {'; '.join(words)}]" if words else ""
