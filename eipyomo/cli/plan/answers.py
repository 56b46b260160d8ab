"""``eipyomo plan sensitivity``, ``phase``, ``binding``, ``what-if`` and ``stress``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from eipyomo import planning, streams
from eipyomo.cli.answers import INFEASIBLE, NO_ANSWER, complain
from eipyomo.cli.examples import examples
from eipyomo.cli.options import read_instance
from eipyomo.cli.plan.common import deliver_table, plan_options
from eipyomo.cli.plan.resources import problem_option
from eipyomo.cli.plan.showing import (
    as_change,
    as_decided,
    said_of,
    show_changes,
    show_draws,
    show_limits,
    show_stressed_users,
    show_terms,
    show_users,
)
from eipyomo.cli.printing import (
    as_number,
    as_text,
    new_table,
    say,
    title_of,
)
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.result import Result, read_allocation
from eipyomo.solvers import solve
from eipyomo.tables import rows_of

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.allocation import Allocation

SHOWN_COLUMNS = 12
"""A map with more columns is not printed."""

OUTPUTS = ("table_file", "output", "as_json")

per_term = click.option(
    "--per",
    type=click.Choice(["term", "user"]),
    default="term",
    show_default=True,
    help="What the rows are.",
)
per_draw = click.option(
    "--per",
    type=click.Choice(["draw", "user"]),
    default="draw",
    show_default=True,
    help="What the rows are; figures are of draws.",
)


@click.command(
    "sensitivity",
    epilog=examples(
        "eipyomo plan sensitivity instance.json",
        "eipyomo plan sensitivity instance.json --change 0.2 -o tornado.pdf --csv tornado.csv",
        "eipyomo plan sensitivity instance.json --data bandwidth_hz --data 'users[eu1].task_bits'",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option(
    "--change", default=0.1, show_default=True, help="Part by which each datum is less and more."
)
@click.option(
    "--data",
    metavar="PATH",
    multiple=True,
    help="Which datum, by its path as --set has it; may be given often.  [default: all]",
)
@problem_option
@plan_options()
def sensitivity_command(**given: Any) -> int:
    """Tell what each datum is worth: WSEL with less and more of it, and prices.

    Data of users change for all users at once. A price is by how much one more unit lowers WSEL,
    where it is known: a MHz of the band, a GHz of a server that tasks share, and a second or a
    joule of every user's limit.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer.
    """
    instance = read_instance(given.pop("instance_file"), given.pop("settings"))
    given["data"] = list(given["data"]) or None
    outputs = {key: given.pop(key) for key in OUTPUTS}
    part = 100.0 * given["change"]

    def show(frame: pd.DataFrame) -> None:
        table = new_table(
            "Datum\n", "Value\n", f"WSEL with\n-{part:g} %", f"WSEL with\n+{part:g} %",
            "Change\n", "\n", "One more\nsaves", "of\n",
        )  # fmt: skip
        for row in rows_of(frame):
            table.add_row(
                *(Text(row["datum"]), as_number(row["value"], 5)),
                *(as_number(row[key], 6) for key in ("wsel_low", "wsel_high")),
                *(as_change(row[f"difference_{end}"]) for end in ("low", "high")),
                *(as_number(row["saves_per_unit"], 4), as_text(row["unit"])),
            )
        say(f"{said_of(instance)}\nWSEL {as_number(frame['wsel'].iloc[0], 7)} as it is")
        say(table)
        for row in rows_of(frame):
            if row["message"]:
                say(f"{row['datum']}: {row['message']}")

    return deliver_table(
        lambda: planning.sensitivity(instance, **given),
        *("sensitivity", "wsel", "sensitivity", show),
        **outputs,
    )


@click.command(
    "phase",
    epilog=examples(
        "eipyomo plan phase instance.json",
        "eipyomo plan phase instance.json --x model_bits=8e6:64e6:12 "
        "--y 'users[*].channel_gain*=log(0.1:10:9)' -o map.png",
        "eipyomo plan phase instance.json --x bandwidth_hz=1e7,2e7,4e7 --y model_bits=8e6,16e6",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option(
    "--x",
    metavar="PATH=VALUES",
    help="A datum and its values: LOW:HIGH:COUNT, log(LOW:HIGH:COUNT) for ones evenly in the "
    "logarithm, or numbers with commas; PATH*=VALUES multiplies what there is.  [default: the "
    "model size, a quarter of it to 4 times]",
)
@click.option("--y", metavar="PATH=VALUES", help="Another one.  [default: the band, likewise]")
@problem_option
@plan_options(gap=1e-4)
def phase_command(**given: Any) -> int:
    """Tell who downloads and how much is offloaded, over two data: a phase map.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer.
    """
    instance = read_instance(given.pop("instance_file"), given.pop("settings"))
    outputs = {key: given.pop(key) for key in OUTPUTS}
    axes = {key: given.pop(key) for key in ("x", "y")}
    given |= {key: text for key, text in axes.items() if text is not None}

    def show(frame: pd.DataFrame) -> None:
        across, up = (str(name) for name in frame.columns[:2])
        say(f"{said_of(instance)}\nusers that download, and the part of the tasks at the server")
        if frame[across].nunique() > SHOWN_COLUMNS:
            say(f"{len(frame)} pairs; --csv and --json have them, and -o draws them")
            return
        table = new_table(
            f"{up}\n", *(f"{across if place == 0 else ''}\n{one:.4g}"
            for place, one in enumerate(frame[across].unique())),
        )  # fmt: skip
        for value, part in frame.groupby(up, sort=False):
            table.add_row(f"{value:.4g}", *map(as_decided, rows_of(part)))
        say(table)

    return deliver_table(
        lambda: planning.phase(instance, **given), "phase", "wsel", "phase", show, **outputs
    )


@click.command(
    "binding",
    epilog=examples(
        "eipyomo plan binding instance.json",
        "eipyomo plan binding instance.json result.json -o binding.png",
        "eipyomo plan binding instance.json --set 'users[*].deadline_s=7.5' --csv binding.csv",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.argument("result_file", metavar="[RESULT]", required=False)
@problem_option
@plan_options(workers=False)
def binding_command(result_file: str | None, **given: Any) -> int:
    """Tell what limits an answer: band, CPUs, deadlines, the last upload, and whose branch of (9).

    The answer is RESULT, a file of 'eipyomo solve', or else the certified optimum.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer or a false claim.
    """
    instance = read_instance(given.pop("instance_file"), given.pop("settings"))
    outputs = {key: given.pop(key) for key in OUTPUTS}
    result = None if result_file is None else Result.from_json(result_file, instance)

    def show(frame: pd.DataFrame) -> None:
        rows = rows_of(frame)
        if rows[0]["wsel"] is not None:
            say(f"{said_of(instance)}\nWSEL {as_number(rows[0]['wsel'], 7)}")
            show_limits(rows)
            show_users(rows)

    return deliver_table(
        lambda: planning.binding(instance, result, **given),
        *("binding", "wsel", "binding", show),
        **outputs,
    )


@click.command(
    "what-if",
    epilog=examples(
        "eipyomo plan what-if instance.json --set bandwidth_hz=4e7",
        "eipyomo plan what-if instance.json --set 'users[*].max_frequency_hz*=0.5' --per user",
        "eipyomo plan what-if before.json after.json -o differences.pdf",
    ),
)
@click.argument("before_file", metavar="BEFORE")
@click.argument("after_file", metavar="[AFTER]", required=False)
@per_term
@problem_option
@plan_options()
def what_if_command(before_file: str, after_file: str | None, **given: Any) -> int:
    """Tell what a change does: two instances side by side, their optima by terms or by users.

    --set changes AFTER, which is BEFORE if it is left out; BEFORE stays as it is.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer.
    """
    settings, per = given.pop("settings"), given["per"]
    if after_file is None and not settings:
        raise InputError("AFTER and --set are missing: one of them says what is changed")
    before = read_instance(before_file, ())
    after = read_instance(after_file or before_file, settings)
    outputs = {key: given.pop(key) for key in OUTPUTS}

    def show(frame: pd.DataFrame) -> None:
        say(f"before: {said_of(before)}\nafter:  {said_of(after)}")
        (show_terms if per == "term" else show_changes)(rows_of(frame))

    return deliver_table(
        lambda: planning.what_if(before, after, **given),
        *("what-if", "wsel_difference", "what_if", show),
        **outputs,
    )


@click.command(
    "stress",
    epilog=examples(
        "eipyomo plan stress instance.json result.json --draws 1000 --seed 0",
        "eipyomo plan stress instance.json --outage 0.05 -o stress.png",
        "eipyomo plan stress instance.json result.json --per user --csv users.csv",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.argument("result_file", metavar="[RESULT]", required=False)
@click.option("--draws", default=1000, show_default=True, help="Number of channels.")
@click.option("--seed", default=0, show_default=True, help="Seed of the Rayleigh fading.")
@click.option("--mean-gain", type=float, help="Draw around this gain.  [default: each user's own]")
@click.option(
    "--gains", metavar="FILE", help="Take channels from a CSV file: a row a draw, a column a user."
)
@click.option(
    "--outage",
    type=float,
    metavar="P",
    help="Without RESULT: plan with gains that are missed with this probability.",
)
@per_draw
@problem_option
@plan_options(workers=False)
def stress_command(
    result_file: str | None, outage: float | None, gap: float, time_limit: float, **given: Any
) -> int:
    """Tell how a plan fares when channels are drawn: its cost, late uploads, missed deadlines.

    The plan is the allocation in RESULT, of this or of another instance with these users; or the
    certified optimum. Shares, frequencies and decisions stay as planned, and where an upload is
    late, everybody waits for it.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer.
    """
    instance = read_instance(given.pop("instance_file"), given.pop("settings"))
    outputs = {key: given.pop(key) for key in OUTPUTS}
    per, problem = given["per"], given["problem"]
    if per == "user" and outputs["output"] is not None:
        raise InputError("output is given with --per user, but figures are of draws")
    if result_file is not None:
        if outage is not None:
            raise InputError("outage is given, but RESULT is the plan: leave one of them out")
        planned = _planned(instance, result_file)
    else:
        planned_for = instance if outage is None else instance.pessimistic(outage)
        found = solve(planned_for, problem=problem, gap=gap, time_limit=time_limit)
        if found.allocation is None:
            status = INFEASIBLE if found.termination == "infeasible" else NO_ANSWER
            return complain(found.message, status)
        planned = found.allocation

    def show(frame: pd.DataFrame) -> None:
        say(said_of(instance))
        if per == "user":
            show_stressed_users(rows_of(frame))
        else:
            show_draws(instance, planned, problem, frame)

    return deliver_table(
        lambda: planning.stress(instance, planned, **given),
        *("stress", "wsel", "stress", show),
        **outputs,
    )


COMMANDS = (sensitivity_command, phase_command, binding_command, what_if_command, stress_command)


def _planned(instance: Instance, file: str) -> Allocation:
    """Read a plan, and say if it was made for other data."""
    planned, document = read_allocation(file)
    digest = document.get("instance_digest")
    if digest is not None and digest != instance.digest():
        streams.note(f"{file} was planned for other data than these, of {title_of(instance)!r}")
    return planned
