"""The exact method beside SCIP and Bonmin on the letter's setting, in one run.

Run ``python -m experiments.exact_side_by_side``; it takes about five minutes. The setting is the
letter's (20 MHz, seed 0) with M = 2, 3, 4 and 6 users; each solver is asked for a gap of 1e-3 and
given 60 s.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

import eipyomo as ei
from experiments.provenance import store

USERS = (2, 3, 4, 6)
METHODS = ("exact", "minlp:scip", "minlp:bonmin")


def row(users: int, method: str) -> dict[str, Any]:
    """Return one line of the table."""
    instance = ei.Instance.letter(users=users)
    result = ei.solve(instance, method, gap=1e-3, time_limit=60.0)
    best = ei.solve(instance, "exact").objective
    return {
        "users": users,
        "seed": 0,
        "method": method,
        "termination": result.termination,
        "objective": result.objective,
        "above_optimum": None
        if result.objective is None or best is None
        else result.objective / best - 1.0,
        "bound": result.bound,
        "gap": result.gap,
        "seconds": result.wall_s,
        "solver_version": result.solver_version,
    }


def main() -> None:
    """Run all methods on all sizes and store the table."""
    rows = [row(users, method) for users in USERS for method in METHODS]
    store("exact_side_by_side", pd.DataFrame(rows), "numba", "casadi", "PySCIPOpt")


if __name__ == "__main__":
    main()
