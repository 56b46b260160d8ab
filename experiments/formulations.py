"""How much faster SCIP solves the spectral formulation than the printed one.

Run ``python -m experiments.formulations``; it takes about five minutes. The setting is the
letter's (20 MHz, seed 0) with M = 1, 2, 3, 4; with M = 4 it is the reference instance
``letter-m4``. SCIP is asked for a gap of 1e-3 and given 120 s. Where the printed form meets the
limit, `speed_up` is a lower bound.
"""

from __future__ import annotations

from itertools import product

import pandas as pd

import eipyomo as ei
from experiments.table import Row, Table, command

USERS = (1, 2, 3, 4)
FORMULATIONS = ("letter", "spectral")
GAP = 1e-3
TIME_LIMIT_S = 120.0


def row(users: int, formulation: str) -> Row:
    """Return one line of the table."""
    instance = ei.Instance.letter(users=users)
    result = ei.solve(
        instance, "minlp:scip", formulation=formulation, gap=GAP, time_limit=TIME_LIMIT_S
    )
    return {
        "users": users,
        "seed": 0,
        "formulation": formulation,
        "termination": result.termination,
        "objective": result.objective,
        "certified_optimum": ei.solve(instance, "exact").objective,
        "bound": result.bound,
        "gap": result.gap,
        "nodes": result.iterations,
        "seconds": result.wall_s,
        "solver_version": result.solver_version,
    }


def with_speed_up(table: pd.DataFrame) -> pd.DataFrame:
    """Add how many times as long the printed form takes."""
    printed = table.groupby("users")["seconds"].transform("first")
    return table.assign(speed_up=printed / table["seconds"])


TABLE = Table(
    "formulations",
    lambda: product(USERS, FORMULATIONS),
    row,
    ("pyomo", "PySCIPOpt"),
    finish=with_speed_up,
)

if __name__ == "__main__":
    command([TABLE])
