"""``eipyomo presets``: published settings, listed and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table
from rich.text import Text

from eipyomo import presets, streams
from eipyomo.cli.answers import ANSWERED, help_alone
from eipyomo.cli.examples import examples
from eipyomo.cli.options import json_option
from eipyomo.cli.printing import say
from eipyomo.files import to_json
from eipyomo.ranges import number_text
from eipyomo.tables import rows_of

if TYPE_CHECKING:
    import pandas as pd


@click.command("list", epilog=examples("eipyomo presets list", "eipyomo presets list --json"))
@json_option
def list_command(*, as_json: bool) -> int:
    """List the published settings."""
    table = presets.frame()
    if as_json:
        streams.print_document(to_json({"presets": rows_of(table)}))
        return ANSWERED
    _show(table[["name", "users", "year", "summary"]])
    say("eipyomo presets show NAME tells where each value comes from")
    return ANSWERED


@click.command(
    "show", epilog=examples("eipyomo presets show lydroo", "eipyomo presets show fedl --json")
)
@click.argument("name")
@json_option
def show_command(name: str, *, as_json: bool) -> int:
    """Show a published setting: every value with its source, and what it leaves out."""
    one = presets.preset(name)
    if as_json:
        streams.print_document(to_json(one.to_dict()))
        return ANSWERED
    say(f"{one.name}: {one.summary}")
    say(str(one.reference))
    for source, text in one.sources.items():
        say(f"  {source}: {text}")
    say(f"{one.users} users unless told otherwise")
    table = one.frame()
    table["value"] = [number_text(x) if isinstance(x, float) else str(x) for x in table["value"]]
    _show(table)
    for heading, texts in (("What maps", one.maps), ("What does not", one.leaves_out)):
        say(f"{heading}:")
        for text in texts:
            say(f"  {text}")
    say(f"Optima: {one.answer}")
    return ANSWERED


def _show(table: pd.DataFrame) -> None:
    """Print a table of texts, which are wrapped where a line is too short."""
    shown = Table(box=box.HORIZONTALS, padding=(0, 1), header_style="bold")
    for heading in table:
        shown.add_column(str(heading).capitalize(), no_wrap=heading in ("name", "key", "value"))
    for cells in table.astype(str).to_numpy():
        shown.add_row(*map(Text, cells))  # which may hold what reads like markup
    say(shown)


@click.group(
    "presets",
    commands=[list_command, show_command],
    epilog=examples(
        "eipyomo presets list",
        "eipyomo presets show lydroo",
        "eipyomo generate --preset lydroo --seed 1 -o instance.json",
    ),
    invoke_without_command=True,
)
@click.pass_context
def presets_command(context: click.Context) -> int:
    """Show published settings, from which generate makes instances."""
    return help_alone(context)
