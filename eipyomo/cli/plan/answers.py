"""``eipyomo plan sensitivity``, ``phase``, ``binding``, ``what-if`` and ``stress``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from eipyomo import planning, streams
from eipyomo.cli.answers import INFEASIBLE, NO_ANSWER, complain
from eipyomo.cli.examples import examples
from eipyomo.cli.options import read_instance
from eipyomo.cli.plan.common import deliver_table, plan_options, rows_of
from eipyomo.cli.plan.resources import problem_option
from eipyomo.cli.printing import (
    SHOWN_USERS,
    as_number,
    as_percent,
    as_text,
    clip,
    describe,
    new_table,
    say,
    say_how_many_more,
    title_of,
)
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.result import Result, read_allocation
from eipyomo.solvers import solve

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.allocation import Allocation

SHOWN_COLUMNS = 12
"""A map with more columns is not printed."""

OUTPUTS = ("csv_file", "output", "as_json")

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
                *(_change(row[f"difference_{end}"]) for end in ("low", "high")),
                *(as_number(row["saves_per_unit"], 4), as_text(row["unit"])),
            )
        say(f"{_said_of(instance)}\nWSEL {as_number(frame['wsel'].iloc[0], 7)} as it is")
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
        say(f"{_said_of(instance)}\nusers that download, and the part of the tasks at the server")
        if frame[across].nunique() > SHOWN_COLUMNS:
            say(f"{len(frame)} pairs; --csv and --json have them, and -o draws them")
            return
        table = new_table(
            f"{up}\n", *(f"{across if place == 0 else ''}\n{one:.4g}"
            for place, one in enumerate(frame[across].unique())),
        )  # fmt: skip
        for value, part in frame.groupby(up, sort=False):
            table.add_row(f"{value:.4g}", *map(_decided, rows_of(part)))
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
            say(f"{_said_of(instance)}\nWSEL {as_number(rows[0]['wsel'], 7)}")
            _show_limits(rows)
            _show_users(rows)

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
    before = Instance.from_json(before_file)
    after = read_instance(after_file or before_file, settings)
    outputs = {key: given.pop(key) for key in OUTPUTS}

    def show(frame: pd.DataFrame) -> None:
        say(f"before: {_said_of(before)}\nafter:  {_said_of(after)}")
        (_show_terms if per == "term" else _show_changes)(rows_of(frame))

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
        say(_said_of(instance))
        if per == "user":
            _show_stressed_users(rows_of(frame))
        else:
            _show_draws(instance, planned, problem, frame)

    return deliver_table(
        lambda: planning.stress(instance, planned, **given),
        *("stress", "wsel", "stress", show),
        **outputs,
    )


COMMANDS = (sensitivity_command, phase_command, binding_command, what_if_command, stress_command)


def _said_of(instance: Instance) -> str:
    return f"{title_of(instance)}: {describe(instance)}"


def _change(part: float | None) -> str:
    """Return a change in per cent, with its sign."""
    return "-" if part is None else f"{round(100.0 * part, 2) + 0.0:+.2f}%"


def _decided(row: dict[str, Any]) -> str:
    """Return what a cell of a map says."""
    if row["wsel"] is None:
        return "-"
    share = row["offloaded_share"]
    return f"{row['downloads']}" + ("" if share is None else f", {share:.0%}")


def _show_limits(rows: list[dict[str, Any]]) -> None:
    """Print what all users share."""
    table = new_table(
        "Limit of all\n", "Used\n", "Allowed\n", "Unit\n", "Binds\n", "One more\nsaves"
    )
    for row in rows:
        if row["user"] is None:
            table.add_row(
                row["limit"],
                *(as_number(row[key], 6) for key in ("used", "allowed")),
                *(as_text(row["unit"]), "-" if row["allowed"] is None else as_text(row["binds"])),
                as_number(row["saves_per_unit"], 4),
            )
    say(table)


def _show_users(rows: list[dict[str, Any]]) -> None:
    """Print what binds for each user, and how long before others its upload and branches end."""
    users: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row["user"] is not None:
            users.setdefault(row["user"], {})[row["limit"]] = row
    table = new_table(
        "User\n", "Upload\nslack [s]", "Server's branch\nslack [s]", "Own branch\nslack [s]",
        "Binds beside\n", "One second sooner\nuploaded saves",
    )  # fmt: skip
    timed = ("upload", "server_branch", "own_branch")
    for name, limits in list(users.items())[:SHOWN_USERS]:
        beside = [key for key, row in limits.items() if row["binds"] and key not in timed]
        slacks = ["-" if key not in limits else _slack(limits[key]) for key in timed]
        saves = limits.get("upload", {}).get("saves_per_unit")
        table.add_row(Text(clip(name)), *slacks, ", ".join(beside) or "-", as_number(saves, 4))
    say(table)
    say_how_many_more(len(users))
    for limit in dict.fromkeys(key for limits in users.values() for key in limits):
        having = [limits[limit] for limits in users.values() if limit in limits]
        binding = [row["user"] for row in having if row["binds"]]
        named = f": {', '.join(map(clip, binding))}" if 0 < len(binding) <= FEW else ""
        say(f"{limit} binds for {len(binding)} of {len(having)}{named}")


FEW = 5
"""So many users are named."""


def _slack(row: dict[str, Any]) -> str:
    return "0" if row["binds"] else as_number(row["slack"], 4)


def _show_terms(rows: list[dict[str, Any]]) -> None:
    table = new_table(
        "Term\n", "Unit\n", "Before\n", "After\n", "Difference\n", "of WSEL\nbefore",
        "\nafter", "\ndifference",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            *(row["term"], row["unit"]),
            *(as_number(row[key], 5) for key in ("before", "after", "difference")),
            *(as_number(row[f"wsel_{key}"], 5) for key in ("before", "after", "difference")),
        )
    say(table)


def _show_changes(rows: list[dict[str, Any]]) -> None:
    """Print the users that decide otherwise first, and then those that differ most."""
    table = new_table(
        "User\n", "Decides\n", "Offloads\nbefore", "\nafter", "Latency [s]\nbefore", "\nafter",
        "Energy [J]\nbefore", "\nafter", "WSEL\ndifference",
    )  # fmt: skip
    order = sorted(rows, key=lambda row: (not row["changes"], -abs(row["wsel_difference"] or 0.0)))
    for row in order[:SHOWN_USERS]:
        table.add_row(
            *(Text(clip(row["user"])), row["changes"] or "as before"),
            *(as_percent(row[f"offload_fraction_{side}"]) for side in ("before", "after")),
            *(as_number(row[f"latency_s_{side}"], 5) for side in ("before", "after")),
            *(as_number(row[f"energy_j_{side}"], 5) for side in ("before", "after")),
            as_number(row["wsel_difference"], 4),
        )
    say(table)
    say_how_many_more(len(rows))
    say(f"{sum(bool(row['changes']) for row in rows)} of {len(rows)} users decide otherwise.")


def _planned(instance: Instance, file: str) -> Allocation:
    """Read a plan, and say if it was made for other data."""
    planned, document = read_allocation(file)
    digest = document.get("instance_digest")
    if digest is not None and digest != instance.digest():
        streams.note(f"{file} was planned for other data than these, of {title_of(instance)!r}")
    return planned


def _show_draws(instance: Instance, planned: Allocation, problem: str, frame: pd.DataFrame) -> None:
    """Print how costs are distributed."""
    own = evaluate(Problem.of(instance, problem), planned)
    as_planned = {
        "wsel": own.objective,
        "energy_j": own.breakdown.energy_j.sum(),
        "latency_s": own.breakdown.latency_s.sum(),
        "largest_latency_s": own.breakdown.latency_s.max(),
        "sync_s": own.sync_s,
    }
    table = new_table(
        f"In {len(frame)} drawn channels", "As planned", "Median", "95 % at most", "Worst"
    )
    names = (
        "WSEL",
        "Energy of all [J]",
        "Latency of all [s]",
        "Largest latency [s]",
        "Sync time [s]",
    )
    for name, key in zip(names, as_planned, strict=True):
        quantiles = frame[key].quantile([0.5, 0.95, 1.0], interpolation="higher")
        table.add_row(
            Text(name), *(as_number(float(one), 5) for one in (as_planned[key], *quantiles))
        )
    say(table)
    for key, words in SHARES.items():
        if frame[key].notna().any():
            any_of_them = float((frame[key] > 0.0).mean())
            say(f"{words} {frame[key].mean():.2%}; at least one in {any_of_them:.2%} of the draws")


NAMES = ("WSEL", "Energy of all [J]", "Latency of all [s]", "Largest latency [s]", "Sync time [s]")

SHARES = {
    "late_upload_share": "Uploads later than planned:",
    "missed_deadline_share": "Deadlines missed:",
    "missed_energy_budget_share": "Energy budgets missed:",
}


def _show_stressed_users(rows: list[dict[str, Any]]) -> None:
    """Print the users that are late most often first."""
    table = new_table(
        "User\n", "WSEL\nmean", "\n95 %", "Latency [s]\nmean", "\n95 %", "Energy [J]\nmean",
        "\n95 %", "Upload\nlate", "Deadline\nmissed", "Budget\nmissed",
    )  # fmt: skip
    for row in sorted(rows, key=lambda row: -row["late_upload_share"])[:SHOWN_USERS]:
        table.add_row(
            Text(clip(row["user"])),
            *(
                as_number(row[f"{key}{end}"], 4)
                for key in ("wsel", "latency_s", "energy_j")
                for end in ("", "_p95")
            ),
            *(as_percent(row[key]) for key in SHARES),
        )
    say(table)
    say_how_many_more(len(rows))
