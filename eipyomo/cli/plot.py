"""``eipyomo plot``."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from eipyomo import claims
from eipyomo.cli.answers import ANSWERED
from eipyomo.cli.examples import examples
from eipyomo.cli.figures import require_figure_path, write_figure
from eipyomo.errors import InputError
from eipyomo.files import about, read_document
from eipyomo.instance import Instance
from eipyomo.process import Training
from eipyomo.radio.links import Links
from eipyomo.result import Result


@click.command(
    "plot",
    epilog=examples(
        "eipyomo plot result.json",
        "eipyomo plot result.json --figure timeline -o round.pdf",
        "eipyomo plot process.json",
        "eipyomo plot result.json --figure map --links links.json",
    ),
)
@click.argument("result_file", metavar="RESULT")
@click.option(
    "--figure",
    default="overview",
    show_default=True,
    type=click.Choice(["overview", "timeline", "bandwidth", "costs", "convergence", "map"]),
    help="What to draw; convergence is for results of admm, and map needs --links.",
)
@click.option(
    "--instance",
    "instance_file",
    metavar="FILE",
    help="The instance that was solved: check every number in RESULT against it first.",
)
@click.option(
    "--links",
    "links_file",
    metavar="FILE",
    help="For a map: where the users are, as generate --links takes it.",
)
@click.option(
    "-o", "--output", metavar="FILE", help=".png, .pdf or .svg.  [default: RESULT with .png]"
)
def plot_command(
    result_file: str,
    figure: str,
    instance_file: str | None,
    links_file: str | None,
    output: str | None,
) -> int:
    """Draw a result, or a process of many rounds.

    The round as in the letter's first figure, the band, and every term of energy and latency; of a
    process all rounds on one time axis, and what each of them costs.

    Nothing false is drawn: exit status 4 if numbers in the file contradict one another, or, with
    --instance, if any of them is not what the instance makes it.
    """
    if (figure == "map") != (links_file is not None):
        raise InputError("a map needs --links, which tells where users are, and nothing else does")
    instance = None if instance_file is None else Instance.from_json(instance_file)
    document = read_document(result_file, "result")
    with about(result_file):
        claims.require_schema(document.get("schema"), or_process=True)
    target = require_figure_path(output or Path(result_file).with_suffix(".png"))
    plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
    of_process = document["schema"] == claims.TRAINING_SCHEMA
    figures = plotting.TRAINING_FIGURES if of_process else plotting.FIGURES
    if links_file is not None and not of_process:
        links = Links.from_json(links_file)
        figures = {"map": lambda result: plotting.users_map(result, links)}
    if figure not in figures:
        raise InputError(f"figure is {figure!r}, but for a process must be: {', '.join(figures)}")
    with about(result_file):
        if instance is not None:
            (Training if of_process else Result).from_dict(document, instance)
        drawn = figures[figure](document)
    write_figure(drawn, target)
    return ANSWERED
