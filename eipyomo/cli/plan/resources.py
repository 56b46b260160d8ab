"""``eipyomo plan band``, ``edge-frequency``, ``slowest`` and ``pareto``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from eipyomo import planning
from eipyomo.cli.examples import examples
from eipyomo.cli.options import Command, read_instance
from eipyomo.cli.plan.common import deliver_table, numbers_of, plan_options
from eipyomo.cli.printing import as_number, as_percent, clip, describe, new_table, say, title_of
from eipyomo.restriction import PROBLEMS
from eipyomo.tables import rows_of

if TYPE_CHECKING:
    import pandas as pd

SHOWN_POINTS = 15

problem_option = click.option(
    "--problem",
    default="joint",
    show_default=True,
    metavar="NAME",
    help=f"Which problem: {', '.join(PROBLEMS)}, or grid:STEP.",
)


def deadline_options(command: Command) -> Command:
    """Add the options that say which deadlines a curve is over."""
    deadlines = click.option(
        "--deadlines",
        metavar="LIST",
        help="Deadlines for everybody in s: 5,6.5,8 or LOW:HIGH:COUNT.  [default: those of the "
        "instance, or from nearly impossible to slack]",
    )
    points = click.option(
        "--points", default=20, show_default=True, help="Number of deadlines of such a range."
    )
    return deadlines(points(command))


@click.command(
    "band",
    epilog=examples(
        "eipyomo plan band instance.json",
        "eipyomo plan band instance.json --deadlines 5,6,7",
        "eipyomo plan band instance.json --deadlines 4:12:20 -o band.png --csv band.csv",
        "eipyomo plan band instance.json --set 'users[*].deadline_s=7'",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@deadline_options
@problem_option
@plan_options()
def band_command(**given: Any) -> int:
    """Tell how much band it takes to meet deadlines.

    Where every user has a deadline, for these; with --deadlines, or where users have none, against
    a deadline for everybody, which holds beside the users' own.

    Exit status: 0 answered, 2 bad input, 3 proven that no band is enough, 4 no answer.
    """
    return _required(planning.band, "band", "mhz", "required_band", given)


@click.command(
    "edge-frequency",
    epilog=examples(
        "eipyomo plan edge-frequency instance.json --deadlines 6:9:10",
        "eipyomo plan edge-frequency instance.json -o cpu.pdf --csv cpu.csv",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@deadline_options
@problem_option
@plan_options()
def edge_frequency_command(**given: Any) -> int:
    """Tell how much of the edge server's CPU it takes to meet deadlines.

    The band is that of the instance, and no task gets more than server.frequency_hz.
    Deadlines are meant as by 'eipyomo plan band'.

    Exit status: 0 answered, 2 bad input, 3 proven that no CPU is enough, 4 no answer.
    """
    name = "edge_frequency"
    return _required(planning.edge_frequency, name, "ghz", "required_edge_frequency", given)


@click.command(
    "slowest",
    epilog=examples(
        "eipyomo plan slowest instance.json",
        "eipyomo plan slowest instance.json --bandwidths-mhz 10,20,40 -o slowest.png",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option(
    "--bandwidths-mhz",
    metavar="LIST",
    help="Bands in MHz: 10,20,40 or LOW:HIGH:COUNT.  [default: a sixteenth of the instance's to 16 "
    "times of it]",
)
@click.option("--points", default=17, show_default=True, help="Number of bands of such a range.")
@problem_option
@plan_options()
def slowest_command(**given: Any) -> int:
    """Tell how soon everybody can be served, and whom that depends on.

    The least largest latency against the band, the slowest user, and what takes it longest.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer.
    """
    given["bandwidths_mhz"] = numbers_of("bandwidths_mhz", given["bandwidths_mhz"])

    def show(frame: pd.DataFrame) -> None:
        table = new_table(
            "Band\n[MHz]",
            *("Slowest\n[s]", "At least\n[s]", "Slowest\nuser", "As slow\n"),
            *("Longest\nphase", "It takes\n[s]", "Last\nupload", "Outcome"),
        )
        for row in rows_of(frame):
            table.add_row(
                *(as_number(row[key], 5) for key in ("bandwidth_mhz", "slowest_s", "bound_s")),
                _text(row["user"]),
                as_number(row["as_slow"], 6),
                _text(row["longest_phase"]),
                as_number(row["longest_phase_s"], 4),
                _text(row["last_upload"]),
                row["termination"],
            )
        say(table)

    return _answer(planning.slowest, "slowest", "slowest_s", "slowest", show, given)


@click.command(
    "pareto",
    epilog=examples(
        "eipyomo plan pareto instance.json",
        "eipyomo plan pareto instance.json --points 20 -o front.pdf --csv front.csv",
        "eipyomo plan pareto instance.json --slowest 2 --gap 1e-3",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option("--points", default=50, show_default=True, help="Number of budgets that are tried.")
@click.option(
    "--slowest",
    default=4.0,
    show_default=True,
    metavar="FACTOR",
    help="Where the front ends, in times of the least latency.",
)
@problem_option
@plan_options(gap=1e-4)
def pareto_command(**given: Any) -> int:
    """Tell what speed costs: the front of energy against latency.

    Energy and latency are those of all users together, and weights of users play no part. Each
    point is the least energy within a budget of latency; those that some weights reach as well are
    marked.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer.
    """
    return _answer(planning.pareto, "pareto", "energy_j", "pareto", _show_front, given)


COMMANDS = (band_command, edge_frequency_command, slowest_command, pareto_command)


def _required(
    ask: Callable[..., pd.DataFrame],
    name: str,
    unit: str,
    figure: str,
    given: dict[str, Any],
) -> int:
    """Answer how much of a resource deadlines take."""
    given["deadlines_s"] = numbers_of("deadlines", given.pop("deadlines"))
    column, sign = f"{name}_{unit}", {"mhz": "MHz", "ghz": "GHz"}[unit]

    def show(frame: pd.DataFrame) -> None:
        table = new_table(
            "Deadline\n[s]",
            *(f"Enough\n[{sign}]", f"Necessary\n[{sign}]", "Gap\n", "Downloads\n"),
            *("Energy\n[J]", "Latency\n[s]", "Outcome"),
        )
        for row in rows_of(frame):
            own = row["deadline_s"] is None
            table.add_row(
                "own" if own else as_number(row["deadline_s"], 5),
                as_number(row[column], 6),
                as_number(row[f"bound_{unit}"], 6),
                as_percent(row["gap"]),
                as_number(row["downloads"], 6),
                as_number(row["energy_j"], 4),
                as_number(row["latency_s"], 4),
                row["termination"],
            )
        say(table)
        there = frame[f"available_{unit}"].iloc[0]
        met = frame[frame[column] <= there]
        if there == there and not met.empty and met["deadline_s"].notna().all():
            say(f"There is {there:g} {sign}, enough for {met['deadline_s'].min():.5g} s and later.")
        elif there == there:
            words = "enough" if not met.empty else "not enough"
            say(f"There is {there:g} {sign}, which is {words}.")

    return _answer(ask, name, column, figure, show, given)


def _show_front(frame: pd.DataFrame) -> None:
    """Print some points of a front, and what all of them say."""
    front = frame[(frame["method"] == "budget") & frame["energy_j"].notna()]
    if front.empty:
        return
    table = new_table(
        "Latency\n[s]",
        *("Energy\n[J]", "At least\n[J]", "Gap\n", "Hull\n[J]", "By weights\n", "Downloads\n"),
        "Outcome",
    )
    step = max((len(front) - 1) / (SHOWN_POINTS - 1), 1.0)
    places = sorted({min(round(step * n), len(front) - 1) for n in range(SHOWN_POINTS)})
    for row in rows_of(front.iloc[places]):
        table.add_row(
            *(as_number(row[key], 5) for key in ("latency_s", "energy_j", "bound_j")),
            as_percent(row["gap"]),
            as_number(row["hull_j"], 5),
            "yes" if row["reached_by_weights"] else "no",
            as_number(row["downloads"], 6),
            row["termination"],
        )
    say(table)
    if len(places) < len(front):
        say(f"... {len(places)} of {len(front)} points; --csv and --json have all of them")
    least = front["least_latency_bound_s"].iloc[0]
    reached = int(front["reached_by_weights"].sum())
    say(f"No allocation has a latency below {least:.5g} s in all.")
    say(f"Weights reach {reached} of the {len(front)} points, budgets all of them.")
    for row in rows_of(frame[(frame["method"] == "budget") & frame["energy_j"].isna()]):
        say(f"No point within {row['latency_budget_s']:.5g} s: {row['message']}.")


def _text(value: Any) -> str:
    """Return a name or a phase, if there is one."""
    return clip(value) if isinstance(value, str) else "-"


def _answer(
    ask: Callable[..., pd.DataFrame],
    name: str,
    column: str,
    figure: str,
    show: Callable[[pd.DataFrame], None],
    given: Mapping[str, Any],
) -> int:
    """Read the instance, ask, and deliver the table."""
    options = dict(given)
    instance = read_instance(options.pop("instance_file"), options.pop("settings"))
    targets = {key: options.pop(key) for key in ("table_file", "output", "as_json")}

    def shown(frame: pd.DataFrame) -> None:
        say(f"{title_of(instance)}: {describe(instance)}")
        show(frame)

    return deliver_table(lambda: ask(instance, **options), name, column, figure, shown, **targets)
