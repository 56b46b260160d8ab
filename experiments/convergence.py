"""How many iterations ADMM needs, and where it ends, against the number of users.

Run ``python -m experiments.convergence``; it takes about five minutes. ``--plot-only`` draws the
stored tables. The setting is ``Instance.letter(users=M, seed=s)`` in 20 MHz: M = 2 to 12 with
seeds 0 to 19, and larger M with seeds 0 to 4, in both presets.

* ``convergence.csv``: iterations of each run, and its gap to a certified bracket of the optimum,
  bound ≤ optimum, from the exact method at a relative gap of 1e-6.
* ``convergence_summary.csv``: the same, summed up for each preset and M.
* ``convergence_reference.csv``: the reference instances of the tests, against certified values.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from eipyomo import Instance, Result, solve
from experiments.provenance import save
from experiments.reference import VALUES, reference
from experiments.table import Case, Row, Table, command

PRESETS = ("default", "letter")
LETTER_USERS = range(2, 13)
"""The sizes of which the letter tells the number of iterations."""
LETTER_LABEL = "2 to 12"
SEEDS = {users: range(20) for users in LETTER_USERS} | dict.fromkeys((30, 100, 300, 1000), range(5))
LETTER_ITERATIONS = (40, 60)
TIME_LIMIT_S = 300.0
DIGITS = 12


def channels() -> Iterator[Case]:
    """Iterate over sizes and seeds."""
    return ((users, seed) for users in SEEDS for seed in SEEDS[users])


def of_channel(users: int, seed: int) -> list[Row]:
    """Return a row for each preset on one channel."""
    instance = Instance.letter(users=users, seed=seed)
    best = solve(instance, "exact", gap=1e-6, time_limit=TIME_LIMIT_S)
    assert best.objective is not None
    assert best.bound is not None
    return [
        {"preset": preset, "users": users, "seed": seed}
        | outcome(
            solve(instance, "admm", preset=preset, time_limit=TIME_LIMIT_S),
            best.objective,
            best.bound,
        )
        for preset in PRESETS
    ]


def of_reference(name: str) -> list[Row]:
    """Return a row for each preset on a reference instance."""
    instance, known = reference(name), VALUES[name]
    return [
        {"instance": name, "users": len(instance.users), "preset": preset}
        | outcome(solve(instance, "admm", preset=preset), known["wsel"], known["bound"])
        for preset in PRESETS
    ]


def outcome(result: Result, optimum: float, bound: float) -> Row:
    """Return how a run ended, and how far above the optimum."""
    assert result.objective is not None
    return {
        "termination": result.termination,
        "iterations": result.iterations,
        "objective": result.objective,
        "optimum": optimum,
        "bound": bound,
        # The optimum lies between bound and best known cost, so no gap is less than zero.
        "gap_percent": max(100.0 * (result.objective / optimum - 1.0), 0.0),
        "wall_s": result.wall_s,
    }


def summary(preset: str, users: str) -> Row:
    """Return iterations and gaps of the stored runs of some users."""
    runs = RUNS.stored()
    few = LETTER_USERS if users == LETTER_LABEL else [int(users)]
    runs = runs[(runs["preset"] == preset) & runs["users"].isin(few)]
    iterations, gap = runs["iterations"], runs["gap_percent"]
    return {
        "preset": preset,
        "users": users,
        "runs": len(runs),
        "converged": int((runs["termination"] == "converged").sum()),
        "iterations_median": iterations.median(),
        "iterations_p95": iterations.quantile(0.95),
        "iterations_max": iterations.max(),
        "within_60_percent": 100.0 * (iterations <= max(LETTER_ITERATIONS)).mean(),
        "gap_median_percent": gap.median(),
        "gap_p95_percent": gap.quantile(0.95),
        "gap_max_percent": gap.max(),
        "optimal_runs": int((gap <= 1e-4).sum()),
        "worst_seed": int(runs["seed"].to_numpy()[int(gap.to_numpy().argmax())]),
    }


def groups() -> Iterator[Case]:
    """Iterate over what is summed up: each size, and the letter's sizes together."""
    yield from product(PRESETS, map(str, SEEDS))
    yield from product(PRESETS, [LETTER_LABEL])


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the digits that tell nothing."""
    return table.round(DIGITS)


RUNS = Table("convergence", channels, of_channel, ("numba",), finish=rounded)
SUMMARY = Table("convergence_summary", groups, summary, ("numba",), finish=rounded)
REFERENCE = Table(
    "convergence_reference",
    lambda: ((name,) for name in sorted(VALUES)),
    of_reference,
    ("numba",),
    finish=rounded,
)
TABLES = (RUNS, SUMMARY, REFERENCE)


def draw() -> None:
    """Draw iterations against M: median, the range of 90 % of the runs, and those cut short."""
    table = RUNS.stored()
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    axes = figure.subplots()
    ends = [min(LETTER_USERS), max(LETTER_USERS)]
    axes.fill_between(ends, *LETTER_ITERATIONS, color="0.8", label="the letter's 40 to 60")
    for preset, colour in zip(PRESETS, ("C0", "C1"), strict=True):
        runs = table[table["preset"] == preset]
        groups = runs.groupby("users")["iterations"]
        axes.fill_between(
            groups.median().index, groups.quantile(0.05), groups.quantile(0.95), alpha=0.2, lw=0
        )
        axes.plot(groups.median(), marker=".", color=colour, label=f"preset {preset}: median")
        cut = runs[runs["termination"] != "converged"]
        axes.plot(
            cut["users"],
            cut["iterations"],
            "x",
            color=colour,
            label=f"preset {preset}: stopped at {cut['iterations'].max():g}" if len(cut) else None,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = (2, 3, 4, 6, 8, 12, 30, 100, 300, 1000)
    axes.set_xticks(ticks, [f"{tick}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks((10, 20, 50, 100, 200, 500), ("10", "20", "50", "100", "200", "500"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("number of users $M$")
    axes.set_ylabel("iterations (shaded: 90 % of the channels)")
    axes.grid(True, alpha=0.3)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize="small")
    save("convergence", figure)


if __name__ == "__main__":
    command(TABLES, draw)
