"""``eipyomo report``."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED
from eipyomo.cli.examples import examples
from eipyomo.cli.options import read_instance, set_option
from eipyomo.errors import InputError
from eipyomo.files import require_writable


@click.command(
    "report",
    epilog=examples(
        "eipyomo report result.json",
        "eipyomo report result.json --instance instance.json -o report.html",
        "eipyomo report process.json table.csv result.json -o all.html",
    ),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--instance",
    "instance_files",
    metavar="FILE",
    multiple=True,
    help="An instance that was solved: check every number of its results against it first, and "
    "tell which of its deadlines, budgets and speeds bind; may be given often.",
)
@set_option
@click.option(
    "-o", "--output", metavar="FILE", help="One .html file.  [default: the first FILE with .html]"
)
def report_command(
    files: tuple[str, ...],
    instance_files: tuple[str, ...],
    settings: tuple[str, ...],
    output: str | None,
) -> int:
    """Write one page on results, for whoever decides on them.

    FILE is a result of solve, a process of train, or a table (.csv) of compare or sweep. The page
    says what to decide, what it costs, who is worst off, what limits, and what more would buy; all
    numbers stand behind. It needs no network and runs no script.

    Nothing false is reported: exit status 4 if numbers in a file contradict one another, or, with
    --instance, if any of them is not what the instance makes it.
    """
    if settings and not instance_files:
        raise InputError("set is given, but changes an instance: give that with --instance")
    target = Path(output) if output is not None else Path(files[0]).with_suffix(".html")
    if target.suffix.lower() != ".html":
        raise InputError(f"output is {str(target)!r}, but must end in .html")
    require_writable(target)
    instances = [read_instance(file, settings) for file in instance_files]
    reporting = importlib.import_module("eipyomo.reporting")  # matplotlib takes a second to load
    reporting.write_report(target, files, instances)
    streams.note(f"wrote {target}")
    return ANSWERED
