"""``eipyomo plot``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eipyomo import claims
from eipyomo.cli.answers import ANSWERED
from eipyomo.cli.curves import curves_options, is_table, refuse_for_results, table_figure
from eipyomo.cli.examples import examples
from eipyomo.cli.figures import PRINT_DPI, SCREEN_DPI, require_figure_path, write_figure
from eipyomo.errors import InputError
from eipyomo.files import about
from eipyomo.process import read_answer
from eipyomo.scenario.reading import read_instance, read_links

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@click.command(
    "plot",
    epilog=examples(
        "eipyomo plot result.json",
        "eipyomo plot result.json --figure timeline -o round.pdf",
        "eipyomo plot result.json --width column --no-title -o column.pdf",
        "eipyomo plot process.json",
        "eipyomo plot table.csv --x model_mbit --y wsel --by method --error ci95 -o figure.pdf",
        "eipyomo plot table.csv --x task_mbit --relative-to exact",
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
@curves_options
@click.option(
    "--width",
    type=click.Choice(["column", "page"]),
    help="Make it as wide as one column of a journal, or a page, with letters to read in print.",
)
@click.option("--no-title", is_flag=True, help="Leave the title to the caption.")
@click.option(
    "--links",
    "links_file",
    metavar="FILE",
    help="For a map: where the users are, as generate --links takes it, or a scenario.",
)
@click.option(
    "-o", "--output", metavar="FILE", help=".png, .pdf or .svg.  [default: RESULT with .png]"
)
def plot_command(
    result_file: str,
    figure: str,
    instance_file: str | None,
    links_file: str | None,
    width: str | None,
    no_title: bool,
    output: str | None,
    **of_table: Any,
) -> int:
    """Draw a result, a process of many rounds, or a table.

    The round as in the letter's first figure, the band, and every term of energy and latency; of a
    process all rounds on one time axis, and what each of them costs; of a table of compare or sweep
    one column against another, a curve for each method. Of more than 20 users it shows the slowest,
    and how all are distributed.

    Nothing false is drawn: exit status 4 if numbers in the file contradict one another, or, with
    --instance, if any of them is not what the instance makes it.
    """
    if (figure == "map") != (links_file is not None):
        raise InputError("a map needs --links, which tells where users are, and nothing else does")
    target = require_figure_path(output or Path(result_file).with_suffix(".png"))
    if is_table(result_file):
        if instance_file is not None or figure != "overview":
            raise InputError(f"figure and instance are for results, but {result_file!r} is a table")
        drawn = table_figure(result_file, of_table, width)
    else:
        refuse_for_results(of_table)
        files = (result_file, instance_file, links_file)
        drawn = _figure(figure, files, {"width": width, "title": not no_title})
    write_figure(drawn, target, dpi=SCREEN_DPI if width is None else PRINT_DPI)
    return ANSWERED


def _figure(
    figure: str, files: tuple[str, str | None, str | None], look: Mapping[str, Any]
) -> Figure:
    """Return a figure of a result or of a process, of which nothing is false."""
    result_file, instance_file, links_file = files
    instance = None if instance_file is None else read_instance(instance_file)
    document = read_answer(result_file, instance)
    plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
    of_process = document["schema"] == claims.TRAINING_SCHEMA
    figures = plotting.TRAINING_FIGURES if of_process else plotting.FIGURES
    if links_file is not None and not of_process:
        figures = {"map": partial(plotting.users_map, links=read_links(links_file))}
    if figure not in figures:
        raise InputError(f"figure is {figure!r}, but for a process must be: {', '.join(figures)}")
    with about(result_file):
        drawn: Figure = figures[figure](document, **look)
    return drawn
