"""Benchmarks of all solvers on the library: figures, and the page docs/benchmarks.md.

Run ``python -m experiments.benchmarks --deadline 7``: that takes about 20 minutes of a quiet
machine, with the default of 60 s about two hours. ``--plot-only`` draws and writes what is stored.
What is measured, and how, says :mod:`experiments.solvers_benchmark`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eipyomo.files import write_atomically
from eipyomo.library import shelf
from experiments.solvers_benchmark import GAPS, KILLED, NOT_TRIED, REFUSED, TABLE, TOLERANCE
from experiments.solvers_profiles import (
    draw,
    entries,
    methods,
    of,
    points,
    proving,
    seconds,
    wide_points,
)
from experiments.table import command

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
QUIET_DEADLINE_S = 5.0
"""With a shorter one a table is for trying out."""
CLOSE = 1e-4
"""Points so near to the best that is known count as as good."""
CLOSEST = 5


OPENING = """\
# Benchmarks

Every solver that can be had as a wheel, the package's own methods, and the proofs and points that
each of them finds on the [library](library.md), with where ours are the worse choice. This page is
written by `python -m experiments.benchmarks` from
[solvers_benchmark.csv](../experiments/results/solvers_benchmark.csv), which has every answer.

{state}

* **Machine**: {processor}, {cores} cores; one answer after the other, with nothing else to do.
* **Versions**: {versions}; {date}.
* **Limit**: {deadline:g} s an answer. A method is asked for a gap of 1e-4, and where it proves that
  in time, for 1e-6; `admm` and local solvers are asked once, as they prove nothing.
* **Seconds** are those inside of the method, from the problem to the judged answer, in a process
  that has compiled everything; the start of a solver's process is left out, in favour of solvers.
  Below a second they are the median of five.
* **Models**: solvers have the formulation that suits them ([formulations](formulations.md)) and
  their own settings otherwise. Every value has passed `evaluate`, every bound was held against the
  certified value: a claim that does not hold counts as an answer that is false.
* **Not tried**: entries of one name but for the number of users are a family; a method that ran
  out of time on one of them is not tried on those with more users. Refused: what a solver cannot
  take, such as integers for `ipopt` and `pounce` (which are asked where all decisions are fixed),
  or variables without bounds for `maingo`; and objectives and totals that `admm` has no step for.
* Couenne is in no wheel; with its executable in a folder of `EIPYOMO_SOLVERS` the same command
  asks it too. `discopt`, which has a wheel and needs JAX, is not reached by this package yet.

To measure it again (in a checkout, with the extras `maingo` and `shot`, and `pounce-solver`), and
to draw and write from what is stored:

```text
python -m experiments.benchmarks --deadline {deadline:g}
python -m experiments.benchmarks --plot-only
```

A run that was stopped goes on. One answer by hand, for example of SCIP:

```sh
eipyomo library get letter-m2 -o letter-m2.json
eipyomo solve letter-m2.json --method minlp:scip --gap 1e-4 --time-limit {deadline:g}
```
"""

PROVISIONAL = (
    "**Provisional**: measured with a short limit while the machine had other work, to show the "
    "form of the page; the figures below are no comparison."
)


def page(table: pd.DataFrame) -> str:
    """Return the page that a table says."""
    told = table.iloc[0]
    packages = ("python", *TABLE.packages)
    short = told["deadline_s"] < QUIET_DEADLINE_S
    opening = OPENING.format(
        state=PROVISIONAL if short else summary(table),
        deadline=told["deadline_s"],
        versions=", ".join(f"{name} {told[name]}" for name in ("eipyomo", *packages)),
        **{key: told[key] for key in ("processor", "cores", "date")},
    )
    parts = [opening, *overview(table), *pictures(), *losses(table), *everything(table)]
    return "\n".join([*parts, ""]).replace("\n\n\n", "\n\n")


def summary(table: pd.DataFrame) -> str:
    """Say in a sentence who proves how much."""
    number, times = len(entries(table)), seconds(table, GAPS[-1])
    told = [f"`{name}` {times[name].count()}" for name in times]
    return f"Of {number} entries, proven to {GAPS[-1]:g} within the limit: {', '.join(told)}."


def lines(head: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[str]:
    """Return a table of Markdown."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def overview(table: pd.DataFrame) -> Iterator[str]:
    """Return what each method did, in numbers."""
    yield "## Who proves what, and how good points are\n"
    head = [
        *("method", "asked", "refused", "not tried", "proven to 1e-4", "proven to 1e-6"),
        *("best point", "median s", "error", "false"),
    ]

    def row(name: str) -> list[Any]:
        mine = of(table, name)
        by = mine.drop_duplicates("entry")["status"].value_counts()
        kept = points(table)
        kept = kept[kept["method"] == name]
        refused, skipped = int(by.get(REFUSED, 0)), int(by.get(NOT_TRIED, 0))
        proofs = [
            seconds(table, gap)[name].count() if name in proving(table) else "" for gap in GAPS
        ]
        return [
            f"`{name}`",
            int(by.sum()) - refused - skipped,
            refused or "",
            skipped or "",
            *proofs,
            int((kept["excess"] <= CLOSE).sum()),
            number(float(mine["seconds"][mine["asked_gap"] == GAPS[0]].median())),
            int(by.get("error", 0) + by.get(KILLED, 0)) or "",
            int((~mine["true"]).sum()) or "",
        ]

    yield from lines(head, (row(name) for name in methods(table)))
    feasible = points(table)["entry"].nunique()
    yield (
        f"\nBest point: on how many of the {feasible} entries with a feasible point the answer is "
        f"within {CLOSE:g} of the best value that is known. Median s: of all answers at a gap of "
        f"{GAPS[0]:g}, those included that met the limit. Error: points that `evaluate` refuses, "
        "and processes that failed or had to be ended; false: claims that do not hold.\n"
    )


def pictures() -> Iterator[str]:
    """Return the figures."""
    yield (
        "![Performance profiles: the share of entries that each method has proven within so many "
        "times the seconds of the quickest](../experiments/figures/solvers_profile.png)\n"
    )
    yield (
        "![The share of entries on which each method's point is within some part of the best "
        "value](../experiments/figures/solvers_points.png)\n"
    )
    yield (
        "Methods that refuse more than half of the entries are left out of the second figure. What "
        "is refused or not tried counts as not solved.\n"
    )


def number(value: float) -> str:
    """Return a number with two digits."""
    return "" if np.isnan(value) else f"{value:.2g}"


def losses(table: pd.DataFrame) -> Iterator[str]:
    """Return where `exact` or `admm` is the worse choice."""
    yield "## Where we lose\n"
    yield from exact_loses(table)
    yield from admm_loses(table)
    yield (
        "What no table of the library shows: [baselines](baselines.md) such as `greedy` are nearer "
        "to the optimum than `admm` on average, and `droo` answers sooner; `exact` takes (10) with "
        "the [limits](limits.md) and [objectives](objectives.md) of this package alone, where "
        "solvers take any [constraint of yours](extensions.md).\n"
    )


def exact_loses(table: pd.DataFrame) -> Iterator[str]:
    """Return entries that others prove sooner than `exact`, or where they come closest to it."""
    found = [loss for gap in GAPS for loss in sooner(seconds(table, gap), gap)]
    head = ("entry", "gap", "method", "s", "`exact`, s")
    if found:
        yield f"Proven sooner by another method than by `exact`: {len(found)}.\n"
        yield from lines(head, iter(found))
    else:
        yield "No other method has proven any entry to either gap as soon as `exact`.\n"
        yield f"Others come closest on these, at a gap of {GAPS[0]:g}:\n"
        yield from lines((*head, "times as long"), closest(seconds(table, GAPS[0])))
    excess, times = wide_points(table, "excess"), wide_points(table, "seconds")
    yield "\nSooner than `exact` at 1e-6, without a proof, with a point within 1e-4 of the best:\n"
    for name in excess.drop(columns="exact"):
        won = (times[name] < times["exact"]) & (excess[name] <= CLOSE)
        if won.any():
            named = ", ".join(f"`{one}`" for one in won[won].index)
            yield f"* `{name}` on {int(won.sum())} of {len(won)}: {named}"
    yield ""
    better = excess.lt(excess["exact"] - 2.0 * TOLERANCE, axis=0).sum()
    named = ", ".join(f"`{name}` ({count})" for name, count in better.items() if count)
    yield f"A better point than that of `exact`, by more than tolerances: {named or 'nobody'}.\n"


def closest(times: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Iterate over the entries on which others need the fewest times the seconds of `exact`."""
    own, least = times["exact"].to_dict(), dict[Any, tuple[float, str, float]]()
    for method in times.drop(columns="exact"):
        for entry, theirs in times[method].dropna().items():
            here = (theirs / own[entry], str(method), theirs)
            least[entry] = min(least.get(entry, here), here)
    for entry, (factor, method, theirs) in sorted(least.items(), key=itemgetter(1))[:CLOSEST]:
        both = (number(theirs), number(own[entry]))
        yield f"`{entry}`", f"{GAPS[0]:g}", f"`{method}`", *both, f"{factor:.0f}"


def sooner(times: pd.DataFrame, gap: float) -> Iterator[tuple[str, ...]]:
    """Iterate over what others prove sooner than `exact`, or alone."""
    mine = times["exact"].fillna(np.inf)
    for name in times.drop(columns="exact"):
        for entry, theirs in times[name][times[name] < mine].items():
            own = number(times["exact"][str(entry)]) or "-"
            yield f"`{entry}`", f"{gap:g}", f"`{name}`", number(theirs), own


def admm_loses(table: pd.DataFrame) -> Iterator[str]:
    """Return where the points of `admm` are worse than those of a solver."""
    mine = of(points(table), "admm")
    refused = [f"`{name}`" for name in mine[mine["status"] == REFUSED]["entry"]]
    yield f"`admm` refuses {len(refused)} entries: {', '.join(refused) or 'none'}.\n"
    yield f"Its point is above the best that is known by more than {CLOSE / 10.0:g} of it on:\n"
    head = ("entry", "`admm`, above the best", "best solver", "solver, above the best")
    yield from lines(head, behind(wide_points(table, "excess")))
    yield ""


def behind(excess: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Iterate over points of `admm` that are not the best, with those of solvers beside them."""
    others = excess.drop(columns=["exact", "admm"])
    for name, above in excess["admm"][excess["admm"] > CLOSE / 10.0].items():
        theirs = others.loc[str(name)].dropna()
        best = ("none tried", "")
        if len(theirs):
            best = (f"`{theirs.idxmin()!s}`", f"{max(0.0, theirs.min()):.1e}")
        yield f"`{name}`", f"{above:.1e}", *best


def everything(table: pd.DataFrame) -> Iterator[str]:
    """Return what every method said of every entry."""
    yield "## Every entry\n"
    yield (
        "Seconds; **bold** where proven to 1e-6, *slanted* to 1e-4, those of the last proof. "
        "Otherwise how far the point is above the best, with the gap that was left where there is "
        "a bound. - no point, an empty cell what is refused, · what is not tried, ! what is "
        "false.\n"
    )
    names = methods(table)
    cells = {
        (entry, method): cell(part.to_dict("records"))
        for (entry, method), part in table.groupby(["entry", "method"], sort=False)
    }
    head = ("entry", "users", *(f"`{name.removeprefix('minlp:')}`" for name in names))
    yield from lines(
        head,
        (
            (f"`{one}`", shelf.entry(one).users, *(cells.get((one, name), "") for name in names))
            for one in entries(table)
        ),
    )


def cell(rows: Sequence[Mapping[Any, Any]]) -> str:
    """Return what a method said of an entry, in a few characters."""
    proven = [row for row in rows if row["solved"]]
    last = proven[-1] if proven else rows[-1]
    if not all(row["true"] for row in rows):
        return "!"
    if last["status"] in (REFUSED, NOT_TRIED):
        return "" if last["status"] == REFUSED else "·"
    time = number(last["seconds"]) or str(last["status"])
    if proven:
        whole = last["asked_gap"] == GAPS[-1] or last["status"] == "infeasible"
        return f"**{time}**" if whole else f"*{time}*"
    if np.isnan(last["above_best_percent"]):
        return f"-, {time}"
    gap = "" if np.isnan(last["gap"]) else f" ({last['gap']:.0e})"
    return f"+{max(0.0, last['above_best_percent'] / 100.0):.0e}{gap}, {time}"


def write() -> None:
    """Draw the figures, and write the page."""
    table = TABLE.stored()
    draw(table)
    write_atomically({PAGE: page(table)})


if __name__ == "__main__":
    command([TABLE], write)
