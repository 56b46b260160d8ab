"""What the piecewise linear relaxation reaches in 60 s and in 300 s, and what SCIP does.

Run ``python -m experiments.milp_benchmark``: it takes up to an hour and a half. It covers the
reference instances with up to 12 users, keeps every row at once, and goes on where it was stopped;
with instances named behind the command it computes their rows only, for a later run to take. Both
solvers have the spectral model and stop at a gap of 1e-3, and run anew for 300 s where they have
not finished in 60 s.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

import eipyomo as ei
from experiments.provenance import finished_rows, keep_rows, store

NAME = "milp_benchmark"
REFERENCE = Path(__file__).parent.parent / "tests" / "reference"
VALUES: dict[str, dict[str, Any]] = json.loads((REFERENCE / "values.json").read_text())
USERS = 12
GAP = 1e-3
EARLY_S, LATE_S = 60.0, 300.0
SOLVERS = ("milp", "scip")


def run(name: str, solver: str, time_limit: float) -> ei.Result:
    """Solve a reference instance."""
    instance = ei.Instance.from_json(REFERENCE / "instances" / f"{name}.json")
    if solver == "milp":
        return ei.solve(instance, "milp", gap=GAP, time_limit=time_limit)
    return ei.solve(instance, "minlp:scip", formulation="spectral", gap=GAP, time_limit=time_limit)


def row(name: str, solver: str) -> dict[str, Any]:
    """Return one line of the table."""
    early = run(name, solver, EARLY_S)
    late = early if early.termination == "optimal" else run(name, solver, LATE_S)
    certified = VALUES[name]["wsel"]
    bounds = [result.bound for result in (early, late) if result.bound is not None]
    return {
        "instance": name,
        "users": VALUES[name]["users"],
        "solver": solver,
        "certified_wsel": certified,
        "objective_60": early.objective,
        "bound_60": early.bound,
        "gap_60": early.gap,
        "objective_300": late.objective,
        "bound_300": late.bound,
        "gap_300": late.gap,
        "bounds_hold": all(bound <= certified * (1 + 1e-9) for bound in bounds),
        "termination": late.termination,
        "seconds": late.wall_s,
        "iterations": late.iterations,
        "solver_version": late.solver_version,
    }


def main(names: list[str]) -> None:
    """Compute the table, going on where this code was interrupted."""
    rows = finished_rows(NAME)
    done = {(row["instance"], row["solver"]) for row in rows}
    wanted = names or [name for name, values in VALUES.items() if values["users"] <= USERS]
    for name in wanted:
        for solver in SOLVERS:
            if (name, solver) not in done:
                rows.append(row(name, solver))
                keep_rows(NAME, rows)
    if not names:
        table = pd.DataFrame(rows).sort_values(["users", "instance", "solver"])
        store(NAME, table, "pyomo", "highspy", "casadi", "PySCIPOpt")


if __name__ == "__main__":
    main(sys.argv[1:])
