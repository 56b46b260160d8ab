"""The commands by their names, and how an exception of one becomes a sentence and a status."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING

import click

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED, BAD_INPUT, NO_ANSWER, complain, help_alone
from eipyomo.cli.ending import Stopped, heard
from eipyomo.cli.examples import examples
from eipyomo.errors import ClaimError, EipyomoError, InputError
from eipyomo.files import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status; no exception but those of signals leaves this."""
    with streams.prepared(), streams.warnings_shown():
        status = _run(arguments)
        return max(status, streams.finish())


def _run(arguments: Sequence[str] | None) -> int:
    """Run a command, and turn every exception into one sentence and an exit status."""
    try:
        status = cli.main(args=arguments, prog_name="eipyomo", standalone_mode=False)
    except (Exception, Stopped, KeyboardInterrupt) as error:
        return complain(*_told(heard() or error))
    return status if isinstance(status, int) else ANSWERED


def _told(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit status of what has ended a command."""
    if isinstance(error, click.ClickException):
        return error.format_message(), BAD_INPUT
    if isinstance(error, EipyomoError):
        is_input = isinstance(error, InputError) and not isinstance(error, ClaimError)
        return str(error), BAD_INPUT if is_input else NO_ANSWER
    if isinstance(error, Stopped | KeyboardInterrupt | click.Abort):
        ended = error if isinstance(error, Stopped) else Stopped()
        return ended.sentence, ended.status
    if isinstance(error, OSError):
        return refusal(error), NO_ANSWER
    if isinstance(error, MemoryError):
        return "there is not enough memory", NO_ANSWER
    if os.environ.get("EIPYOMO_DEBUG"):
        traceback.print_exception(error)
    return f"unexpected {type(error).__name__}: {error}; {_why()}", NO_ANSWER


def _why() -> str:
    """Return where an exception that nobody expected may come from."""
    if sys.flags.optimize > 1:
        return (
            "Pyomo cannot be imported without docstrings: leave PYTHONOPTIMIZE=2 or -OO away, or "
            "take a method that needs no Pyomo: exact, admm, exhaustive, eco, lco, gbe"
        )
    return "this is a fault of eipyomo, set EIPYOMO_DEBUG=1 to see where"


LISTED = {
    "benchmark": ("benchmark", "Hold policies against certified optima."),
    "bundle": ("bundle", "Put files of a study into one zip that is checked when opened."),
    "catalog": (
        "catalog",
        "Look up networks, devices and radios, and where their numbers are from.",
    ),
    "compare": ("studies", "Show the costs of several methods side by side."),
    "dataset": ("dataset", "Write many instances and their optima, to learn from."),
    "evaluate": ("judge", "Judge the allocation in a result or .sol file."),
    "explain": ("scenario", "Say where every number of a scenario's instance comes from."),
    "export": ("data", "Write an instance's model as .nl or .gms."),
    "generate": ("data", "Make an instance in the letter's setting, or another published one."),
    "library": ("library", "Show, write and prove named instances."),
    "plan": ("plan", "Answer questions of planning."),
    "plot": ("plot", "Draw a result, a process of many rounds, or a table."),
    "presets": ("presets", "Show published settings, from which generate makes instances."),
    "report": ("report", "Write one page on results, for whoever decides on them."),
    "solve": ("solve", "Solve an instance."),
    "solvers": ("solve", "Show which solvers are here and what they can do."),
    "sweep": ("studies", "Solve many instances by many methods."),
    "template": ("data", "Write a table of users to fill in, and what its columns mean."),
    "train": ("studies", "Solve a whole training process, round by round."),
    "verify": ("judge", "Prove the bound of a certificate, or that nothing is feasible."),
}
"""The commands: the module that each is in, and the first line of its help."""


class Commands(click.Group):
    """The commands, which are listed by the lines above, and loaded when one of them is called."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return a command's name, the command itself in place of its line, and what follows."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, loaded(name) if name in LISTED else command, rest


def loaded(name: str) -> click.Command:
    """Return a command by its name."""
    command: click.Command = getattr(
        import_module(f"eipyomo.cli.{LISTED[name][0]}"), f"{name}_command"
    )
    return command


@click.group(
    cls=Commands,
    commands=[click.Command(name, help=line) for name, (_, line) in LISTED.items()],
    epilog=examples(
        "eipyomo compare",
        'eipyomo benchmark my_policy.py:decide admm --draw "users=4 seeds=0:1000"',
        "eipyomo generate --users 4 --seed 1 -o instance.json",
        "eipyomo solve instance.json -o result.json",
        "eipyomo evaluate instance.json result.json",
        "eipyomo export instance.json -o model.nl",
        "eipyomo solvers",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(package_name="eipyomo")
@click.pass_context
def cli(context: click.Context) -> int:
    """Allocate bandwidth, computation and energy where devices train an AI model together.

    Many end users train one model with an edge server and then use it: which of them download
    it, which part of their task they offload, and who gets how much of the band?
    """
    return help_alone(context)
