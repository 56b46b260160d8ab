"""Users with modes on 30 random instances: four solvers against the exact method.

Run ``python -m experiments.modes_random``; it takes ten minutes. Each instance has two users with
three modes of any kind; every second one has deadlines, energy budgets, or a least number of
participants with a total of penalties. SCIP proves bounds on the letter's formulation, Bonmin and
MindtPy are global on the convex one, and the method milp proves bounds too. Points may miss limits
by the judge's tolerance, which is worth a little.
"""

from __future__ import annotations

from typing import Any

import eipyomo as ei
from experiments.table import Row, Table, command
from tests.test_modes import drawn

SEEDS = 30
GAP = 1e-5
TIME_LIMIT_S = 60.0
METHODS: dict[str, dict[str, Any]] = {
    "scip": {"method": "minlp", "solver": "scip", "formulation": "letter"},
    "bonmin": {"method": "minlp", "solver": "bonmin", "formulation": "grid"},
    "mindtpy": {"method": "minlp", "solver": "mindtpy", "formulation": "grid"},
    "milp": {"method": "milp"},
}


def rows(seed: int) -> list[Row]:
    """Return a line for each method."""
    instance = drawn(seed)
    known = ei.solve(instance, gap=0.1 * GAP)
    found = []
    for name, how in METHODS.items():
        result = ei.solve(instance, gap=GAP, time_limit=TIME_LIMIT_S, **how)
        away = above = None
        if result.objective is not None and known.objective is not None:
            away = result.objective / known.objective - 1.0
        if result.bound is not None and known.objective is not None:
            above = result.bound / known.objective - 1.0
        found.append(
            {
                "seed": seed,
                "method": name,
                "exact_termination": known.termination,
                "exact_wsel": known.objective,
                "exact_bound": known.bound,
                "exact_s": known.wall_s,
                "termination": result.termination,
                "wsel": result.objective,
                "bound": result.bound,
                "excess": away,
                "bound_above_exact": above,
                "wall_s": result.wall_s,
            }
        )
    return found


TABLE = Table("modes_random", lambda: ((seed,) for seed in range(SEEDS)), rows, ("numba", "pyomo"))

if __name__ == "__main__":
    command([TABLE])
