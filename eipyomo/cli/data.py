"""``eipyomo generate`` and ``eipyomo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from eipyomo import models, streams
from eipyomo.cli.answers import ANSWERED
from eipyomo.cli.examples import examples
from eipyomo.cli.options import (
    problem_options,
    read_instance,
    read_problem,
    set_option,
)
from eipyomo.cli.printing import describe
from eipyomo.errors import InputError
from eipyomo.files import to_json
from eipyomo.instance import Instance
from eipyomo.models.formulation_options import OPTIONS

OF_THE_USERS = ("users", "path_loss_exponent", "seed", "task_mbit", "distance_m")
"""Options of ``generate`` that make the end users."""


@click.command(
    "generate",
    epilog=examples(
        "eipyomo generate --users 4 --path-loss-exponent 2.9 --seed 0 -o instance.json",
        "eipyomo generate --users 100 --set 'users[*].transmit_power_dbm=20' -o instance.json",
        "eipyomo generate --users-csv users.csv --bandwidth-mhz 10 -o instance.json",
    ),
)
@click.option("--users", default=4, show_default=True, help="Number M of end users.")
@click.option("--model-mbit", default=16.0, show_default=True, help="Model size D_m in Mbit.")
@click.option("--path-loss-exponent", default=2.9, show_default=True, help="Exponent sigma.")
@click.option("--seed", default=0, show_default=True, help="Seed of the Rayleigh fading.")
@click.option("--bandwidth-mhz", default=20.0, show_default=True, help="Band B in MHz.")
@click.option("--task-mbit", default=64.0, show_default=True, help="Task L of each user in Mbit.")
@click.option("--distance-m", default=50.0, show_default=True, help="Distance to the server in m.")
@click.option(
    "--total-frequency-ghz",
    type=float,
    help="CPU frequency F of the server in GHz that all tasks share.  [default: f_s for each]",
)
@click.option(
    "--users-csv",
    metavar="FILE",
    help="Take the end users from this table instead; columns name their units, as task_mbit.",
)
@click.option(
    "--name", help="Free text.  [default: made from the options, or the table's file name]"
)
@set_option
@click.option("-o", "--output", metavar="FILE", help="Instance file.  [default: print it]")
def generate_command(
    output: str | None, users_csv: str | None, settings: tuple[str, ...], **options: Any
) -> int:
    """Make an instance in the letter's setting."""
    if users_csv is None:
        instance = Instance.letter(**options)
    else:
        context = click.get_current_context()
        for name in OF_THE_USERS:
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                raise InputError(
                    f"{name} is given, but the end users are those of users_csv: leave it out"
                )
        if options["name"] is None:
            options["name"] = Path(users_csv).stem
        instance = Instance.letter(**options).with_users(users_csv)
    instance = instance.with_settings(settings)
    if output is None:
        streams.print_document(to_json(instance.to_dict()))
    else:
        instance.to_json(output)
        streams.note(f"wrote {output}: {describe(instance)}")
    return ANSWERED


@click.command(
    "export",
    epilog=examples(
        "eipyomo export instance.json -o model.nl",
        "eipyomo export instance.json -o model.gms --formulation spectral --problem gbe",
        "eipyomo export instance.json -o model.nl --objective slowest",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option("-o", "--output", metavar="FILE", required=True, help="model.nl or model.gms.")
@click.option(
    "--formulation",
    metavar="NAME",
    help=f"How the model is written: {', '.join(OPTIONS)}.  [default: letter]",
)
@problem_options()
@set_option
def export_command(
    instance_file: str,
    output: str,
    formulation: str | None,
    problem: str | None,
    round_: str | None,
    objective: str | None,
    settings: tuple[str, ...],
) -> int:
    """Write an instance's model as .nl or .gms.

    A .nl comes with .row and .col, and both formats with a manifest that tells what is what.
    """
    instance = read_instance(instance_file, settings)
    asked = read_problem(instance, problem, round_, objective)
    model = models.minlp(asked, formulation or "letter")
    for file in models.export(model, output):
        streams.note(f"wrote {file}")
    return ANSWERED
