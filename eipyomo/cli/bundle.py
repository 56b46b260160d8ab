"""``eipyomo bundle``: files of a study in one zip, and whether one is as it should be."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED, help_alone
from eipyomo.cli.examples import examples
from eipyomo.cli.options import json_option
from eipyomo.cli.printing import clip, new_table, say
from eipyomo.cli.progress import steps_shown
from eipyomo.errors import InputError
from eipyomo.files import to_json
from eipyomo.words import one_line

if TYPE_CHECKING:
    from eipyomo.bundling.bundle import Bundle

EXAMPLES = (
    "eipyomo bundle instance.json result.json table.csv figure.png -o study.zip",
    "eipyomo bundle instance.json result.json --certificates -o study.zip",
    "eipyomo bundle notes.txt table.csv -o study.zip --made-by 'table.csv=eipyomo compare'",
    "eipyomo bundle check study.zip",
    "eipyomo bundle check study.zip --prove --extract study",
)


class MakeUnlessNamed(click.Group):
    """Commands of which one is meant where none is named: ``bundle FILE...`` makes one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command that is meant before its arguments."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(
    "bundle",
    cls=MakeUnlessNamed,
    epilog=examples(*EXAMPLES),
    subcommand_metavar="[make] FILE... -o BUNDLE | check BUNDLE",
    invoke_without_command=True,
)
@click.pass_context
def bundle_command(context: click.Context) -> int:
    """Put files of a study into one zip that is checked when opened.

    Instances, results, processes, certificates, tables, figures, and whatever else belongs to it.
    The zip tells versions, seeds and digests, and nothing in it is believed: neither when it is
    made nor when it is opened.
    """
    return help_alone(context)


@bundle_command.command("make", epilog=examples(*EXAMPLES[:3]))
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="BUNDLE", required=True, help="The zip file to write.")
@click.option(
    "--made-by",
    metavar="FILE=COMMAND",
    multiple=True,
    help="Tell the command that made one of the files; may be given often.",
)
@click.option(
    "--certificates",
    is_flag=True,
    help="Solve the problems of all results again, and add the certificates.",
)
@json_option
def make_command(
    files: tuple[str, ...],
    output: str,
    made_by: tuple[str, ...],
    certificates: bool,
    as_json: bool,
) -> int:
    """Make a bundle of files.

    A file is known by its contents: with a result or a process goes the instance that was solved.
    The same files give the same bytes, but for versions of packages.

    Exit status: 0 written, 2 bad input, 4 if a file says what is not true.
    """
    commands = dict(map(_file_and_command, made_by))
    bundling = importlib.import_module("eipyomo.bundling.bundle")  # only where it is needed
    with steps_shown() as tell:
        found = bundling.bundle(
            output, files, made_by=commands, certificates=certificates, tell=tell
        )
    return _show(found, as_json, f"wrote {output}")


@bundle_command.command("check", epilog=examples(*EXAMPLES[3:]))
@click.argument("file", metavar="BUNDLE")
@click.option(
    "--prove",
    is_flag=True,
    help="Solve again every problem of which a result or a row of a table claims something, prove "
    "that by a certificate, and hold the claims against it.",
)
@click.option("--extract", metavar="FOLDER", help="Then write its files here.")
@json_option
def check_command(file: str, prove: bool, extract: str | None, as_json: bool) -> int:
    """Check all that a bundle says.

    Digests are compared, results and processes evaluated anew, certificates verified, and numbers
    of tables held against their sources. Nothing in it is run.

    Exit status: 0 all is true, 2 no bundle, 4 if a file was changed or says what is not true.
    """
    bundling = importlib.import_module("eipyomo.bundling.bundle")
    with steps_shown() as tell:
        found = bundling.Bundle.open(file, tell)
        if prove:
            found.prove(tell)
    if extract is not None:
        found.extract(extract)
    return _show(found, as_json, f"{file}: all that is said in it is true, as far as it is checked")


def _file_and_command(text: str) -> tuple[str, str]:
    """Read ``FILE=COMMAND``."""
    file, sign, command = text.partition("=")
    if not sign or not file or not command:
        raise InputError(f"made-by is {text!r}, but must be FILE=COMMAND")
    return file, command


def _show(found: Bundle, as_json: bool, last: str) -> int:
    """Print how each file was checked, and what the bundle was made with."""
    if as_json:
        streams.print_document(to_json(found.to_dict()))
        return ANSWERED
    table = new_table("File", "How it was checked")
    for name, how in found.checks.items():
        table.add_row(clip(name, 60), how)
    say(table)
    made = {key: one_line(str(value))[:12] for key, value in found.manifest.made_with.items()}
    say(
        f"Made with eipyomo {made.get('eipyomo')}, commit {made.get('commit')}, Python "
        f"{made.get('python')}."
    )
    streams.note(last)
    return ANSWERED
