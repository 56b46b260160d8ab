"""``eipyomo plan``: questions of planning, each a command of its own."""

from __future__ import annotations

import click

from eipyomo import streams
from eipyomo.cli.answers import BAD_INPUT
from eipyomo.cli.examples import examples
from eipyomo.cli.plan import resources

COMMANDS = (*resources.COMMANDS,)


@click.group(
    "plan",
    commands=COMMANDS,
    epilog=examples(
        "eipyomo plan band instance.json --deadlines 4:12:20 -o band.png",
        "eipyomo plan pareto instance.json --csv front.csv",
    ),
    invoke_without_command=True,
)
@click.pass_context
def plan_command(context: click.Context) -> int:
    """Answer questions of planning.

    How much band does it take, who is the slowest, what does speed cost? Every row of an answer is
    certified. Each question has its own --help.
    """
    if context.invoked_subcommand is None:
        streams.note(context.get_help())
    return BAD_INPUT
