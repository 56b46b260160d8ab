"""How far the baselines of the field are above the optimum, how often they fail, and their time.

Run ``python -m experiments.policies``: each policy of ``POLICIES`` on 1,000 fresh channels each of
4, 10 and 30 users of the letter with 5 MHz a user, held against certified optima. It takes an hour
or two. Seconds are those of one policy after the other in one process. The network of ``droo`` has
seen none of these channels (:mod:`experiments.droo`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eipyomo import plotting
from eipyomo.draw import Draw
from eipyomo.studies.benchmark import benchmark
from eipyomo.studies.judged import Benchmark
from experiments.provenance import save
from experiments.table import Case, Row, Table, command

METHODS = ("exact", "admm", "greedy", "genetic", "droo", "equal", "gbe", "lco", "eco", "random")
POLICIES = {
    **{name: (name, {}) for name in METHODS},
    "random 100": ("random", {"samples": 100}),
}
USERS, MHZ_A_USER = (4, 10, 30), 5.0
CHANNELS, TOGETHER, FIRST = 1000, 50, 20_000
"""How many, how many in a case, and the first seed."""
TIME_LIMIT_S = 60.0
KEPT = ("policy", "excess", "optimum", "feasible", "failure", "seconds")
PARTS = range(1, 100, 2)
"""The percentiles that are stored; each stands for 2 % of the channels."""


def cases() -> Iterator[Case]:
    """Iterate over numbers of users and first seeds."""
    for users in USERS:
        yield from ((users, first) for first in range(FIRST, FIRST + CHANNELS, TOGETHER))


def rows(users: int, first: int, count: int = TOGETHER) -> list[Row]:
    """Return what became of each policy on each of some channels."""
    seeds = (first, first + count)
    draw = Draw(users=users, bandwidth_mhz=MHZ_A_USER * users, seeds=seeds)
    found = benchmark(POLICIES, draw, time_limit=TIME_LIMIT_S, workers=1, progress=False)
    return [{"users": users, **{key: row[key] for key in KEPT}} for row in found.rows]


def summed_up(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each number of users and policy, with percentiles of the excess.

    An answer that fails or is infeasible is above all others, so that percentiles beyond those that
    are there are left out.
    """
    parts = []
    for users, part in table.groupby("users", sort=False):
        records = ({str(key): value for key, value in row.items()} for _, row in part.iterrows())
        found = Benchmark(tuple(records), "exact", TIME_LIMIT_S)
        excess = part["excess"].astype(float).fillna(np.inf).groupby(part["policy"])
        levels = np.array(PARTS) / 100.0
        curves = [
            np.quantile(excess.get_group(one), levels, method="higher") for one in found.policies
        ]
        curve = pd.DataFrame(curves, columns=[f"p{percent:02}" for percent in PARTS])
        parts.append(pd.concat([found.summary(), curve.replace(np.inf, np.nan)], axis=1))
        parts[-1].insert(0, "users", users)
    return pd.concat(parts, ignore_index=True)


TABLE = Table("policies", cases, rows, ("numba", "pygad", "scikit-learn"), finish=summed_up)


def draw() -> None:
    """Draw, for each number of users, which part of the channels has at most which excess."""
    table = TABLE.stored()
    figure = Figure(figsize=(15.0, 5.0), layout="constrained")
    panels = figure.subplots(1, len(USERS), sharey=True)
    for axes, users in zip(panels, USERS, strict=True):
        plotting.excess(_curves(table[table["users"] == users]), ax=axes)
        axes.set_title(f"{users} users")
        axes.get_legend().remove()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    save("policies", figure)


def _curves(table: pd.DataFrame) -> Benchmark:
    """Return what stored percentiles say, as if each were a channel."""
    return Benchmark(
        tuple(
            {"policy": row["policy"], "optimum": 1.0, "excess": None if np.isnan(value) else value}
            for _, row in table.iterrows()
            for value in (row[f"p{percent:02}"] for percent in PARTS)
        ),
        "exact",
        TIME_LIMIT_S,
    )


if __name__ == "__main__":
    command([TABLE], draw)
