"""``eipyomo explain``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import click
from rich.text import Text

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED, deliver
from eipyomo.cli.examples import examples
from eipyomo.cli.options import json_option
from eipyomo.cli.printing import clip, describe, new_table, say, title_of
from eipyomo.files import require_writable
from eipyomo.instance import Instance
from eipyomo.scenario.derived import Told
from eipyomo.scenario.document import Scenario, row_of
from eipyomo.scenario.facts import Fact, unit_sign
from eipyomo.tables import require_table, table_bytes

SCHEMA = "eipyomo/explanation@1"


@click.command(
    "explain",
    epilog=examples(
        "eipyomo explain street.json",
        "eipyomo explain street.json -o numbers.csv",
        "eipyomo explain street.json --json",
    ),
)
@click.argument("scenario_file", metavar="SCENARIO")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write a row for every number here: .csv, .md, .tex, .xlsx or .parquet.",
)
@json_option
def explain_command(scenario_file: str, output: str | None, as_json: bool) -> int:
    """Say where every number of a scenario's instance comes from.

    Numbers that users or split points have for the same reason stand in one row; with -o or --json
    each has its own.
    """
    if output is not None:
        require_table(output, "output")
        require_writable(output)
    scenario = Scenario.from_json(scenario_file)
    told = scenario.told()
    document = {"schema": SCHEMA, "numbers": [row_of(one) for one in told]}
    table = b"" if output is None else table_bytes(output, scenario.explain())
    show = None if as_json else partial(_show, scenario.instance(), told)
    status = deliver({output: table}, document, show, ANSWERED)
    if output is not None:
        streams.note(f"wrote {output}: {len(told)} numbers")
    return status


def _show(instance: Instance, told: Iterable[Told]) -> None:
    """Print what is alike in one row, and sources below."""
    alike: dict[tuple[str, ...], list[Told]] = {}
    for one in told:
        place = (one.home, one.group, one.key, one.fact.origin, one.fact.formula)
        alike.setdefault(place, []).append(one)
    say(f"{title_of(instance)}: {describe(instance)}")
    table = new_table("Number", "Value", "What it is")
    sources: dict[str, int] = {}
    for some in alike.values():
        what = _what(some[0].fact, are_same=len({one.fact.given for one in some}) == 1)
        fact = some[0].fact
        if fact.origin == "given":
            what += f", {fact.source}"
        elif len({one.fact.source for one in some}) == 1:
            places = [
                str(sources.setdefault(source, len(sources) + 1))
                for source in filter(None, fact.source.split("; "))
            ]
            what += f" [{', '.join(places)}]" if places else ""
        table.add_row(_where(some), _values(some), Text(what))
    say(table)
    for source, number in sources.items():
        say(f"[{number}] {source}")


def _where(some: Sequence[Told]) -> str:
    """Name what has a number: a key, and whose it is."""
    one = some[0]
    if one.home in ("users", "modes"):
        count = f"{len(some)} " if one.home == "users" else ""
        return f"{count}{clip(one.group)}: {one.key}"
    return one.path


def _values(some: Sequence[Told]) -> str:
    """Return one value, or from where to where they go."""
    values = [one.fact.value for one in some]
    if isinstance(values[0], str | bool):
        return "-"
    ends = [f"{end:.5g}" for end in dict.fromkeys((min(values), max(values)))]
    return f"{' to '.join(ends)} {unit_sign(some[0].key)}".strip()


def _what(fact: Fact, *, are_same: bool) -> str:
    """Say how a value was given, or what it was computed from."""
    if fact.origin == "given":
        return f"given: {fact.given}"
    if fact.origin == "letter":
        return "the letter's"
    if fact.origin == "catalogue":
        return f"catalogue: {fact.given}{f', {fact.formula}' if fact.formula else ''}"
    words = f"{fact.formula} = {fact.given}" if are_same and fact.given else fact.formula
    return f"drawn: {words}" if fact.origin == "drawn" else words
