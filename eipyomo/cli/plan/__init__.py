"""``eipyomo plan``: questions of planning, each a command of its own."""

from __future__ import annotations

import click

from eipyomo.cli.answers import help_alone
from eipyomo.cli.examples import examples
from eipyomo.cli.plan import answers, resources

COMMANDS = (*resources.COMMANDS, *answers.COMMANDS)


@click.group(
    "plan",
    commands=COMMANDS,
    epilog=examples(
        "eipyomo plan band instance.json --deadlines 4:12:20 -o band.png",
        "eipyomo plan pareto instance.json --csv front.csv",
        "eipyomo plan sensitivity instance.json -o tornado.png",
        "eipyomo plan binding instance.json",
        "eipyomo plan what-if instance.json --set bandwidth_hz=4e7",
    ),
    invoke_without_command=True,
)
@click.pass_context
def plan_command(context: click.Context) -> int:
    """Answer questions of planning.

    How much band does it take, who is the slowest, what does speed cost? What is each datum worth,
    what binds, what does a change do, how does a plan fare under drawn channels? Every row of an
    answer is certified. Each question has its own --help.
    """
    return help_alone(context)
