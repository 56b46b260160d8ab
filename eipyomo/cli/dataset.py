"""``eipyomo dataset``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED
from eipyomo.cli.examples import examples
from eipyomo.cli.options import json_option
from eipyomo.cli.printing import say
from eipyomo.draw import Draw
from eipyomo.errors import InputError
from eipyomo.files import to_json
from eipyomo.labels.formats import FORMATS, require_target
from eipyomo.solvers.exact.method import GAP
from eipyomo.studies.dataset import VERIFIED, dataset

if TYPE_CHECKING:
    from eipyomo.labels import Dataset

USERS = 4


@click.command(
    "dataset",
    epilog=examples(
        "eipyomo dataset --samples 30000 --users 10 --seed 1 -o data.npz",
        "eipyomo dataset --draw 'users=4 model_mbit=8..32 seeds=0:1000' -o data.parquet",
        "eipyomo dataset --samples 500 --verify 0.1 -o data.mat",
    ),
)
@click.option("--samples", type=int, help="How many instances.  [default: as many as seeds]")
@click.option("--users", type=int, help=f"End users of each.  [default: {USERS}]")
@click.option("--seed", type=int, help="Seed of the first instance.  [default: 0]")
@click.option(
    "--draw",
    "text",
    metavar="TEXT",
    help="The distribution: 'users=10 model_mbit=8..32 distance_m=log(10..100) seeds=0:1000'.  "
    "[default: the letter's channels]",
)
@click.option("--gap", type=float, default=GAP, show_default=True, help="Proven relative gap.")
@click.option(
    "--verify",
    type=float,
    default=VERIFIED,
    show_default=True,
    help="Share of the samples whose certificates are verified.",
)
@click.option("--workers", type=int, help="Processes on this machine.  [default: one a core]")
@click.option("-o", "--output", metavar="FILE", required=True, help=f"One of {', '.join(FORMATS)}.")
@json_option
def dataset_command(
    samples: int | None,
    users: int | None,
    seed: int | None,
    text: str | None,
    gap: float,
    verify: float,
    workers: int | None,
    output: str,
    as_json: bool,
) -> int:
    """Write many instances and their optima, to learn from.

    Features, optimal decisions, shares, cost, bound and prices, and a datasheet beside them. Each
    sample is kept at once in FILE.part: what was interrupted or killed goes on with the same
    command, also with more samples.
    """
    require_target(output)
    part = Path(f"{output}.part")
    data = dataset(
        _draw(text, users),
        samples,
        seed,
        gap=gap,
        verify=verify,
        workers=workers,
        part=part,
    )
    sheet = data.write(output)
    part.unlink(missing_ok=True)
    if as_json:
        streams.print_document(to_json(data.datasheet))
    else:
        _show(data, output, sheet)
    return ANSWERED


def _draw(text: str | None, users: int | None) -> Draw:
    """Return the distribution that the options state."""
    if text is None:
        return Draw(users=USERS if users is None else users)
    if users is not None:
        raise InputError("users and draw are given, but the draw says how many users there are")
    return Draw.from_text(text)


def _show(data: Dataset, output: str, sheet: Path) -> None:
    """Print what was found."""
    told = data.datasheet
    say(
        f"{told['samples']} instances of {told['users']} users, {told['optimal']} of them proven "
        f"to a gap of {told['gap']:g}; {told['verified']} certificates verified"
    )
    streams.note(f"wrote {output} and {sheet}")
