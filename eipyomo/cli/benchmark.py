"""``eipyomo benchmark``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from eipyomo.cli.answers import ANSWERED, NO_ANSWER, deliver
from eipyomo.cli.examples import examples
from eipyomo.cli.figures import require_figure_path, write_figure
from eipyomo.cli.methods import method_with_options
from eipyomo.cli.options import json_option, read_instances, require_targets, set_option
from eipyomo.cli.printing import as_number, as_percent, clip, new_table, say
from eipyomo.draw import Draw
from eipyomo.errors import InputError
from eipyomo.files import read_document
from eipyomo.instance import Instance
from eipyomo.studies.benchmark import TIME_LIMIT_S, benchmark
from eipyomo.studies.judged import Benchmark
from eipyomo.studies.policies import FILES, SCRIPT
from eipyomo.studies.store import Store

if TYPE_CHECKING:
    import pandas as pd

SHOWN_FAULTS = 10


@click.command(
    "benchmark",
    epilog=examples(
        'eipyomo benchmark my_policy.py:decide --draw "users=10 seeds=0:1000"',
        "eipyomo benchmark my_policy.py:decide admm lco instances/*.json --csv rows.csv",
        'eipyomo benchmark a.py:decide "exhaustive step=0.1" --draw "users=4 seeds=0:100"',
        'eipyomo benchmark answers.mat --draw "seeds=0:500 model_mbit=8..32" -o cdf.pdf',
    ),
)
@click.argument("what", metavar="POLICY... [INSTANCE]...", nargs=-1, required=True)
@click.option(
    "--draw",
    "draw_text",
    metavar="TEXT",
    help="Draw instances instead: 'users=10 seeds=0:1000 model_mbit=8..32'; any key of --set "
    "may have a range.",
)
@click.option(
    "--reference",
    default="exact",
    show_default=True,
    metavar="TEXT",
    help="The method that finds the optima, and its options.",
)
@click.option(
    "--time-limit",
    type=float,
    default=TIME_LIMIT_S,
    show_default=True,
    metavar="S",
    help="Seconds for each answer.",
)
@set_option
@click.option(
    "--store",
    "store_file",
    metavar="FILE",
    help="Keep verdicts and optima here (SQLite), and look them up.  [default: nothing is kept]",
)
@click.option("--workers", type=int, help="Processes on this machine.  [default: one a core]")
@click.option("--csv", "csv_file", metavar="FILE", help="Write a row for each answer here.")
@click.option("-o", "--output", metavar="FIGURE", help="Draw the excess: .png, .pdf or .svg.")
@json_option
def benchmark_command(
    what: tuple[str, ...],
    draw_text: str | None,
    reference: str,
    time_limit: float,
    settings: tuple[str, ...],
    store_file: str | None,
    workers: int | None,
    csv_file: str | None,
    output: str | None,
    as_json: bool,
) -> int:
    """Hold policies against certified optima.

    A POLICY is script.py:function, a method with its options in quotes, or a table of allocations
    made elsewhere (.csv, .json, .npz, .mat). A function takes an instance, and returns an
    allocation, or (download, offload_fraction), to which the best rest is found.

    How far an answer is above the optimum is told once nothing of it is violated. A policy that
    fails, crashes or is late stops nothing. With --store a benchmark that was killed goes on where
    it stopped: give the same command again.
    """
    policies, files = _sorted(what)
    if not policies:
        raise InputError("no policy is given: name a method, or script.py:function")
    instances = _instances(files, draw_text, settings)
    require_targets(csv=csv_file, store=store_file, output=output)
    target = None if output is None else require_figure_path(output)
    with Store(store_file) as store:
        found = benchmark(
            {name: _policy(name) for name in policies},
            instances,
            method_with_options(reference),
            time_limit=time_limit,
            workers=workers,
            store=store,
        )
    if target is not None:
        write_figure(found.plot(), target)
    is_answered = any(row["feasible"] for row in found.rows) and store.trouble is None
    return deliver(
        {csv_file: found.frame().to_csv(index=False)},
        found.to_dict(),
        None if as_json else partial(_show, found),
        ANSWERED if is_answered else NO_ANSWER,
    )


def _sorted(what: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the policies, and the files of instances."""
    files = [one for one in what if one.endswith(".json") and _is_instance(one)]
    return [one for one in dict.fromkeys(what) if one not in files], files


def _is_instance(file: str) -> bool:
    """Tell whether a file is an instance, and no table of allocations."""
    return "answers" not in read_document(file, "instance")


def _policy(text: str) -> Any:
    """Return a policy as :func:`benchmark` takes it."""
    is_named = SCRIPT.fullmatch(text) is not None or text.lower().endswith(FILES)
    return text if is_named else method_with_options(text)


def _instances(
    files: Sequence[str], draw_text: str | None, settings: Sequence[str]
) -> Draw | list[Instance]:
    """Return the instances that files hold, or a draw makes."""
    if draw_text is None:
        if not files:
            raise InputError("no instance is given: name files, or give --draw")
        return read_instances(files, settings)
    if files:
        raise InputError("draw and files of instances are given, but one of them is enough")
    draw = Draw.from_text(draw_text)
    return draw.replace(settings=[*draw.settings, *settings]) if settings else draw


def _show(found: Benchmark) -> None:
    """Print a row for each policy, and what went wrong."""
    frame, summary = found.frame(), found.summary()
    table = new_table(
        "Policy", "Mean", "Median", "95 %", "Worst", "Infeasible", "Failed", "Time [ms]"
    )
    for row in summary.to_dict("records"):
        table.add_row(
            clip(row["policy"]),
            *(as_percent(row[key]) for key in ("mean", "median", "q95", "worst")),
            str(row["infeasible"]),
            str(row["failed"]),
            as_number(row["ms"], 3),
        )
    count = frame["digest"].nunique()
    say(f"Excess over the optimum by {found.reference} on {count} instances")
    say(table)
    _show_faults(frame)
    without = frame[frame["optimum"].isna()]["digest"].nunique()
    if without:
        say(f"{without} instances have no optimum, and are left out.")


def _show_faults(frame: pd.DataFrame) -> None:
    """Print the first fault of each kind of each policy, and how many there are."""
    faults = frame.assign(what=frame["failure"].fillna("infeasible"))
    faults = faults[~frame["feasible"] | frame["failure"].notna()]
    groups = list(faults.groupby(["policy", "what"], sort=False))
    for (policy, what), part in groups[:SHOWN_FAULTS]:
        first = part.iloc[0]
        words = first["violated"] if what == "infeasible" else first["message"]
        where = f"first on {clip(first['instance'], 50)!r}"
        say(f"{clip(str(policy))}: {what} ({len(part)}), {where}: {words}")
    if len(groups) > SHOWN_FAULTS:
        say(f"... and {len(groups) - SHOWN_FAULTS} kinds of faults more; --csv has them all")
