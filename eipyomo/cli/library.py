"""``eipyomo library``: named instances, what is known of them, and its proof."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eipyomo import library, models, streams
from eipyomo.cli.answers import ANSWERED, NO_ANSWER, complain, help_alone
from eipyomo.cli.examples import examples
from eipyomo.cli.options import json_option
from eipyomo.cli.printing import as_number, as_percent, describe, new_table, say
from eipyomo.cli.progress import steps_shown
from eipyomo.errors import InputError
from eipyomo.files import to_json, write_document
from eipyomo.library import shelf

if TYPE_CHECKING:
    from eipyomo.library import Checked, Entry


@click.command(
    "list", epilog=examples("eipyomo library list", "eipyomo library list --json > library.json")
)
@json_option
def list_command(as_json: bool) -> int:
    """Show all entries: best known value, proven bound, and what is asked."""
    entries = [library.entry(name) for name in library.names()]
    if as_json:
        rows = [{**asdict(one), "gap": one.gap, "infeasible": one.infeasible} for one in entries]
        streams.print_document(to_json({"schema": "eipyomo/library@1", "entries": rows}))
        return ANSWERED
    table = new_table("Entry", "Users", "Problem", "Objective", "Value", "Bound", "Gap")
    for one in entries:
        table.add_row(one.name, str(one.users), one.problem, one.objective, *_numbers(one))
    say(table)
    say("Save one by: eipyomo library get NAME -o instance.json; - is what has no feasible point.")
    return ANSWERED


def _numbers(one: Entry) -> tuple[str, str, str]:
    return as_number(one.value, 8), as_number(one.bound, 8), as_percent(one.gap, brief=True)


@click.command(
    "get",
    epilog=examples(
        "eipyomo library get letter-m4 -o instance.json",
        "eipyomo library get letter-m4-band -o model.gms",
    ),
)
@click.argument("name", metavar="NAME")
@click.option(
    "-o", "--output", metavar="FILE", help="x.json, x.nl or x.gms.  [default: print the instance]"
)
def get_command(name: str, output: str | None) -> int:
    """Write an entry: the instance as .json, or what is asked of it as a model, .nl or .gms."""
    problem = shelf.problem(name)
    instance = problem.instance
    if output is None:
        streams.print_document(to_json(instance.to_dict()))
        return ANSWERED
    if Path(output).suffix.lower() in (".nl", ".gms"):
        for file in models.export(models.minlp(problem, "letter"), output):
            streams.note(f"wrote {file}")
        return ANSWERED
    instance.to_json(output)
    streams.note(f"wrote {output}: {describe(instance)}")
    streams.note(f"what is asked: eipyomo solve {output}{library.entry(name).options}")
    return ANSWERED


@click.command(
    "check",
    epilog=examples(
        "eipyomo library check",
        "eipyomo library check --only letter-m4,letter-m1000",
        "eipyomo library check --only letter-m4 --certificates proofs",
    ),
)
@click.option("--only", metavar="NAME,...", help="Names of entries.  [default: all]")
@click.option(
    "--certificates", "folder", metavar="FOLDER", help="Keep instances and certificates here."
)
@json_option
def check_command(only: str | None, folder: str | None, as_json: bool) -> int:
    """Prove every entry again.

    Each is solved to its proven bound; the certificate is verified in interval arithmetic, without
    any code of the solver, and the allocation is evaluated. Exit status: 0 if every claim is true,
    4 if one is not.
    """
    names = library.names() if only is None else [one.strip() for one in only.split(",")]
    for name in names:
        library.entry(name)  # a name that is unknown is refused before anything is solved
    if folder is not None and not Path(folder).is_dir():
        raise InputError(f"certificates is {folder!r}, but must be a folder that is there")
    found = []
    with steps_shown(len(names)) as tell:
        for name in names:
            tell(f"proving {name}")
            found.append(library.check(name))
            if folder is not None:
                library.get(name).to_json(Path(folder) / f"{name}.json")
                proof = Path(folder) / f"{name}.certificate.json"
                write_document(proof, found[-1].certificate)
    false = [one for one in found if one.doubt is not None]
    if as_json:
        streams.print_document(
            to_json({"schema": "eipyomo/library-check@1", "entries": _rows(found)})
        )
    else:
        _show(found)
    if false:
        return complain(f"{len(false)} of {len(found)} entries are not as they claim", NO_ANSWER)
    return ANSWERED


def _rows(found: list[Checked]) -> list[dict[str, object]]:
    keys = ("name", "value", "bound", "wall_s", "doubt")
    return [{"proven": one.doubt is None, **{k: getattr(one, k) for k in keys}} for one in found]


def _show(found: list[Checked]) -> None:
    table = new_table("Entry", "Found", "Proven bound", "Seconds", "Outcome")
    for one in found:
        nothing = one.bound is None and one.doubt is None
        outcome = one.doubt or ("proven: nothing is feasible" if nothing else "proven")
        numbers = (as_number(one.value, 9), as_number(one.bound, 9), f"{one.wall_s:.2f}")
        table.add_row(one.name, *numbers, outcome)
    say(table)
    total = sum(one.wall_s for one in found)
    proven = sum(one.doubt is None for one in found)
    say(f"{proven} of {len(found)} entries proven in {total:.1f} s.")


@click.group(
    "library",
    commands=[list_command, get_command, check_command],
    epilog=examples(
        "eipyomo library list",
        "eipyomo library get letter-m4 -o instance.json",
        "eipyomo library check",
    ),
    invoke_without_command=True,
)
@click.pass_context
def library_command(context: click.Context) -> int:
    """Show, write and prove named instances.

    Each has a best known value, and a lower bound that a certificate proves.
    """
    return help_alone(context)
