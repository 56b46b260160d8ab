"""Answers as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eipyomo.cli.printing import (
    NAME_WIDTH,
    SHOWN_USERS,
    as_number,
    as_percent,
    as_share,
    as_text,
    clip,
    describe,
    new_table,
    say,
    say_how_many_more,
    title_of,
    with_unit,
)
from eipyomo.evaluation import FEASIBILITY_TOLERANCE
from eipyomo.objective import WSEL, heading_of
from eipyomo.reporting.prices import price_sentences
from eipyomo.reporting.sentences import plain
from eipyomo.studies.columns import SIZES
from eipyomo.units import heading
from eipyomo.words import labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from eipyomo.evaluation import Evaluation
    from eipyomo.instance import Instance
    from eipyomo.problem import Problem
    from eipyomo.process import Training
    from eipyomo.result import Result


def show_result(instance: Instance, result: Result) -> None:
    """Print what was found, what each user is to do, and what more of a resource is worth."""
    say(f"{title_of(instance)}: {describe(instance)}")
    on_what = f" with {result.solver}" if result.solver not in (None, result.method) else ""
    if result.problem not in ("joint", result.method):
        on_what += f" on the problem {result.problem!r}"
    say(f"{result.method}{on_what}: {result.message}")
    for one in result.conflicts[:SHOWN_USERS]:
        of = "" if one["user"] is None else f" of user {clip(one['user'])!r}"
        say(f"  {one['limit']} {one['value']:g}{of}")
    if result.allocation is None or result.evaluation is None:
        return
    what = result.minimised
    others = f"WSEL {as_number(result.objective, 9)}   " if what != WSEL.name else ""
    say(
        f"{heading_of(what)} {with_unit(what, result.value)}   "
        f"bound {with_unit(what, result.bound)}   gap {as_percent(result.gap)}   {others}"
        f"sync time {result.allocation.sync_s:.4g} s   {result.wall_s:.2f} s"
    )
    terms = result.evaluation.breakdown
    edge_frequency_hz = result.allocation.edge_frequency_hz
    modes = result.allocation.mode
    table = new_table(
        "User",
        *(["Mode\n"] if modes is not None else []),
        "Download",
        "Offload\n[%]",
        *(["Edge\n[GHz]"] if edge_frequency_hz is not None else []),
        "CPU\n[GHz]",
        "Uplink\n[%]",
        "Downlink\n[%]",
        "Energy\n[J]",
        "Latency\n[s]",
        "WSEL\n",
    )
    for j, name in enumerate(labels(terms.names, NAME_WIDTH)[:SHOWN_USERS]):
        allocation = result.allocation
        table.add_row(
            name,
            *([clip(modes[j] or "-")] if modes is not None else []),
            as_text(bool(allocation.download[j])),
            f"{100 * allocation.offload_fraction[j]:.1f}",
            *([f"{edge_frequency_hz[j] / 1e9:.3f}"] if edge_frequency_hz is not None else []),
            f"{allocation.frequency_hz[j] / 1e9:.3f}",
            f"{100 * allocation.uplink_share[j]:.2f}",
            f"{100 * allocation.downlink_share[j]:.2f}",
            f"{terms.energy_j[j]:.4g}",
            f"{terms.latency_s[j]:.4g}",
            f"{terms.wsel[j]:.6g}",
        )
    say(table)
    say_how_many_more(len(terms.names))
    if result.prices is not None:
        for sentence in price_sentences(result.prices, what):
            say(plain(sentence))


def show_comparison(instance: Instance, frame: pd.DataFrame) -> None:
    """Print one row for each method on an instance."""
    say(f"\n{title_of(instance)}: {describe(instance)}")
    table = new_table(
        "Method",
        *("WSEL\n", "Above\nbest", "Gap\n", "Energy\n[J]", "Slowest\n[s]"),
        *("Down-\nloads", "Edge\n[%]", "Time\n[s]", "Outcome"),
    )
    for row in frame.to_dict("records"):
        table.add_row(
            clip(row["label"]),
            as_number(row["objective"], 7),
            as_percent(row["excess"]),
            as_percent(row["gap"], brief=True),
            as_number(row["energy_j"], 4),
            as_number(row["max_latency_s"], 4),
            as_number(row["downloads"], 5),
            as_share(row["offloaded_share"]),
            f"{row['wall_s']:.2f}",
            row["termination"],
        )
    say(table)
    _show_why(frame[frame["termination"] == "error"])
    restricted = frame.loc[frame["problem"] != "joint", "label"]
    if len(restricted):
        say(f"Optima and bounds of {', '.join(restricted)} are those of restricted problems.")


def _show_why(rows: pd.DataFrame) -> None:
    """Print why methods have no answer, each in the words of the first time, and how often."""
    for (label, termination), part in rows.groupby(["label", "termination"], sort=False):
        times = f" ({termination} {len(part)} times)" if len(part) > 1 else ""
        say(f"{label}: {part['message'].iloc[0]}{times}")


def show_evaluation(evaluation: Evaluation, problem: Problem) -> None:
    """Print cost, violations, and every term of (8) and (9)."""
    verdict = "feasible" if evaluation.feasible else "INFEASIBLE"
    where = "" if problem.name == "joint" else f" in the problem {problem.name!r}"
    what = f"WSEL {as_number(evaluation.objective, 9)}"
    if problem.objective != WSEL:
        name = problem.objective.name
        what = f"{heading_of(name)} {with_unit(name, evaluation.value)}, {what}"
    say(f"{what}, {verdict}{where}")
    for violation in evaluation.violations:
        if violation.amount > FEASIBILITY_TOLERANCE:
            say(f"  {violation}")
    terms = evaluation.breakdown
    for unit, columns in (
        (
            "s",
            (
                "upload",
                "offload",
                "ready",
                "edge_inference",
                "download",
                "local_inference",
                "latency",
            ),
        ),
        ("j", ("local_training", "upload", "offload", "download", "local_inference", "energy")),
    ):
        headings = (column.replace("_", "\n").capitalize() for column in columns)
        table = new_table({"s": "Times [s]", "j": "Energies [J]"}[unit], *headings)
        for j, name in enumerate(labels(terms.names, NAME_WIDTH)[:SHOWN_USERS]):
            cells = (getattr(terms, f"{column}_{unit}")[j] for column in columns)
            table.add_row(name, *(f"{cell:.4g}" for cell in cells))
        say(table)
    say_how_many_more(len(terms.names))


def show_sweep(frame: pd.DataFrame) -> None:
    """Print what varies, and one row for each method with its options, over all instances."""
    count = frame["digest"].nunique()
    told = ", ".join(map(_range, data_in(frame)))
    say(f"{count} instance{'s' if count > 1 else ''}: {told}")
    table = new_table(
        "Mean of",
        *("Answered\n", "WSEL\n", "Energy\n[J]", "Slowest\n[s]", "Down-\nloads"),
        *("Edge\n[%]", "Time\n[s]"),
    )
    for label, part in frame.groupby("label", sort=False):
        table.add_row(
            clip(str(label)),
            f"{int(part['feasible'].sum())}/{len(part)}",
            as_number(part["objective"].mean(), 7),
            as_number(part["energy_j"].mean(), 4),
            as_number(part["max_latency_s"].mean(), 4),
            as_number(part["downloads"].mean(), 3),
            as_share(part["offloaded_share"].mean()),
            f"{part['wall_s'].mean():.2f}",
        )
    say(table)
    _show_why(frame[~frame["feasible"]])


def data_in(frame: pd.DataFrame) -> list[pd.Series[Any]]:
    """Return the columns of a table of results that tell of instances."""
    first = list(frame.columns).index(SIZES[0])
    return [frame[key] for key in frame.columns[first:]]


def _range(column: pd.Series[Any]) -> str:
    """Say which values a column has: one, or from where to where."""
    words = heading(str(column.name))
    known = column.dropna()
    if known.dtype == object or not len(known):
        return f"{words} {clip(', '.join(map(str, known.unique())), 60)}"
    low, high = known.min(), known.max()
    return f"{words} {low:g}" + ("" if low == high else f" to {high:g}")


def show_training(process: Training) -> None:
    """Print a row for each round that has an answer, and what every user pays in all of them."""
    first = process.instances[0]
    say(f"{title_of(first)}: {describe(first)}")
    say(f"{process.method}, before the last round {process.training_method}: {process.message}")
    if not process.solved:  # sums of nothing would be zeros
        return
    table = new_table("Stage", "Start [s]", "Sync [s]", "Energy [J]", "WSEL", "Gap", "Outcome")
    numbers = zip(process.solved, process.starts_s(), strict=True)
    rows = [(n, result, start_s) for n, (result, start_s) in enumerate(numbers, start=1)]
    for n, result, start_s in (
        rows if len(rows) <= SHOWN_USERS else rows[: SHOWN_USERS - 1] + rows[-1:]
    ):
        assert result.allocation is not None
        assert result.evaluation is not None
        table.add_row(
            str(n),
            f"{start_s:.4g}",
            f"{result.allocation.sync_s:.4g}",
            f"{result.evaluation.breakdown.energy_j.sum():.4g}",
            as_number(result.objective, 7),
            as_percent(result.gap),
            result.termination,
        )
    say(table)
    if len(rows) > SHOWN_USERS:
        say(f"... and {len(rows) - SHOWN_USERS} rounds between; --json shows them all")
    totals = process.totals()
    table = new_table("User", "Energy [J]", "Latency [s]", "WSEL", "Done at [s]")
    names = labels(totals["name"].tolist(), NAME_WIDTH)
    for name, row in zip(names, totals.head(SHOWN_USERS).to_dict("records"), strict=False):
        numbers_of = (row[key] for key in ("energy_j", "latency_s", "wsel", "end_s"))
        table.add_row(name, *(f"{number:.5g}" for number in numbers_of))
    table.add_row(
        "all",
        *(f"{totals[key].sum():.5g}" for key in ("energy_j", "latency_s", "wsel")),
        f"{totals['end_s'].max():.5g}",
    )
    say(table)
    say_how_many_more(len(totals))


def show_solvers(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what each solver can do, and what to do about those that do not work."""
    table = new_table(
        "Solver", "Works", "Integers", "Non-linear", "Proves bounds", "Version", "What it is"
    )
    for row in rows:
        cells = (row[key] for key in ("works", "integers", "nonlinear", "proves", "version"))
        table.add_row(row["solver"], *map(as_text, cells), row["description"])
    say(table)
    for row in rows:
        if row["where"] is None:
            say(f"{row['solver']} is missing. To get it: {row['install']}")
        elif row["trouble"]:
            say(f"{row['solver']} ({row['where']}) does not work: {row['trouble']}")
