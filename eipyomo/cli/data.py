"""``eipyomo generate`` and ``eipyomo export``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from eipyomo import models, presets, scenario, streams
from eipyomo.cli.answers import ANSWERED
from eipyomo.cli.examples import examples
from eipyomo.cli.options import (
    problem_options,
    read_instance,
    read_problem,
    set_option,
)
from eipyomo.cli.printing import describe
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.files import to_json, write_atomically
from eipyomo.instance import Instance
from eipyomo.models.formulation_options import OPTIONS
from eipyomo.radio.links import Links
from eipyomo.user_tables.template import template_bytes
from eipyomo.users import Users

OF_THE_USERS = ("users", "path_loss_exponent", "seed", "task_mbit", "distance_m")
"""Options of ``generate`` that make the end users."""

OF_THE_LINKS = ("users", "path_loss_exponent", "distance_m")
"""Those in whose place links stand."""

OF_A_PRESET = (
    *("model_mbit", "path_loss_exponent", "bandwidth_mhz", "task_mbit", "distance_m"),
    *("total_frequency_ghz", "users_csv", "links_file", "scenario_file"),
)
"""Those in whose place a preset stands."""

OF_A_SCENARIO = ("users", *OF_A_PRESET[:-1])
"""Those in whose place a scenario stands."""


@click.command(
    "generate",
    epilog=examples(
        "eipyomo generate --users 4 --path-loss-exponent 2.9 --seed 0 -o instance.json",
        "eipyomo generate --users 100 --set 'users[*].transmit_power_dbm=20' -o instance.json",
        "eipyomo generate --users-csv users.csv --bandwidth-mhz 10 -o instance.json",
        "eipyomo generate --links street.json --seed 1 --links-output links.json -o instance.json",
        "eipyomo generate --scenario street.json --seed 2 -o instance.json",
        "eipyomo generate --preset lydroo --users 6 --seed 1 -o instance.json",
    ),
)
@click.option("--users", default=4, show_default=True, help="Number M of end users.")
@click.option(
    "--preset",
    metavar="NAME",
    help="Take a published setting, with its own number of users or --users: eipyomo presets list.",
)
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
    help="Take the end users from this table instead, .csv or .xlsx, as `eipyomo template` writes "
    "one to fill in; titles name their units, as task_mbit or 'task [Mbit]'.",
)
@click.option(
    "--scenario",
    "scenario_file",
    metavar="FILE",
    help="Make the instance of this scenario instead, with its seed or --seed.",
)
@click.option(
    "--links",
    "links_file",
    metavar="FILE",
    help="Draw gains and noise from the channel and places in this file, with its seed or --seed.",
)
@click.option(
    "--links-output",
    metavar="FILE",
    help="Keep here what the gains were made of, for each user, in the form of --links.",
)
@click.option(
    "--name", help="Free text.  [default: made from the options, or the table's file name]"
)
@set_option
@click.option("-o", "--output", metavar="FILE", help="Instance file.  [default: print it]")
def generate_command(
    output: str | None,
    preset: str | None,
    users_csv: str | None,
    scenario_file: str | None,
    links_file: str | None,
    links_output: str | None,
    settings: tuple[str, ...],
    **options: Any,
) -> int:
    """Make an instance in the letter's setting, or another published one.

    With --links its gains and noise are those of a channel at places, which the file describes;
    with --scenario all of it follows from one document.
    """
    if preset is not None:
        instance, links = _of_preset(preset, options)
    elif scenario_file is not None:
        instance, links = _of_scenario(scenario_file, options)
    else:
        instance, links = _of_options(users_csv, links_file, options)
    if links_output is not None:
        if links is None:
            raise InputError("links_output is given without links, but it is where they are kept")
        links.to_json(links_output)
        streams.note(f"wrote {links_output}: the links of {len(links.names)} users")
    instance = instance.with_settings(settings)
    if output is None:
        streams.print_document(to_json(instance.to_dict()))
    else:
        instance.to_json(output)
        streams.note(f"wrote {output}: {describe(instance)}")
    return ANSWERED


def _of_preset(name: str, options: Mapping[str, Any]) -> tuple[Instance, Links | None]:
    """Return the instance of a published setting, and its links if it has places."""
    _leave_out(OF_A_PRESET, "the preset", "the setting is that")
    users = options["users"] if _is_given("users") else None
    instance = presets.instance(name, users, options["seed"])
    if options["name"]:
        instance = instance.replace(name=options["name"])
    return instance, presets.links(name, users, options["seed"])


def _of_scenario(file: str, options: Mapping[str, Any]) -> tuple[Instance, Links]:
    """Return what a scenario comes to, with another seed or name if one is given."""
    _leave_out(OF_A_SCENARIO, "scenario", "the instance is that")
    told = scenario.Scenario.from_json(file)
    given = {key: options[key] for key in ("seed", "name") if _is_given(key)}
    told = told.replace(**given) if given else told
    return told.instance(), told.links


def _of_options(
    users_csv: str | None, links_file: str | None, options: dict[str, Any]
) -> tuple[Instance, Links | None]:
    """Return the letter's instance with what options and files say, and the links of a file."""
    if users_csv is not None:
        _leave_out(OF_THE_USERS if links_file is None else OF_THE_LINKS, "users_csv")
        options["name"] = options["name"] or Path(users_csv).stem
    if links_file is not None:
        links = _links_of(links_file, options)
        return _with_links(links, users_csv, options), links
    instance = Instance.letter(**options)
    return instance if users_csv is None else instance.with_users(users_csv), None


def _is_given(option: str) -> bool:
    """Tell whether a person has given an option."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not ParameterSource.DEFAULT


def _leave_out(names: Sequence[str], instead: str, what: str = "the end users are those") -> None:
    """Refuse options that something else stands in the place of."""
    for name in filter(_is_given, names):
        given = name.removesuffix("_file")
        raise InputError(f"{given} is given, but {what} of {instead}: leave it out")


def _links_of(file: str, options: Mapping[str, Any]) -> Links:
    """Return the links of a file, drawn with another seed if one is given."""
    _leave_out(OF_THE_LINKS, "links")
    links = Links.from_json(file)
    if not _is_given("seed"):
        return links
    return Links.draw(links.channel, links.places, options["seed"])


def _with_links(links: Links, users_csv: str | None, options: Mapping[str, Any]) -> Instance:
    """Return the letter's instance, or that of a table, with the gains of links."""
    name = options["name"] or f"{links.describe()} D={options['model_mbit']:g}Mbit"
    given = {**options, "name": name, "users": len(links.names), "seed": 0}
    letter = Instance.letter(**given)
    if users_csv is not None:
        return links.instance(letter.with_users(users_csv))
    named = {**letter.users.columns, "name": list(links.names)}
    return links.instance(letter.replace(users=Users(EndUser, named)))


@click.command(
    "template",
    epilog=examples(
        "eipyomo template -o users.csv",
        "eipyomo template -o users.xlsx",
        "eipyomo generate --users-csv users.csv -o instance.json",
    ),
)
@click.option("-o", "--output", metavar="FILE", help="users.csv or .xlsx.  [default: print it]")
def template_command(output: str | None) -> int:
    """Write a table of users to fill in, and what its columns mean.

    The row in it is the letter's first user. All columns but name and channel gain may be left out,
    and more may be added; titles may have other units, as 'task [kbyte]' or task_kbyte.
    """
    contents = template_bytes(output or "users.csv", Instance.letter(users=1).users)
    if output is None:
        click.echo(contents.decode(), nl=False)
    else:
        if Path(output).exists():  # perhaps filled in by hand
            raise InputError(
                f"output is {output!r}, which is there already, but must be a new file"
            )
        write_atomically({output: contents})
        streams.note(f"wrote {output}: fill it in, and give it to generate by --users-csv")
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
