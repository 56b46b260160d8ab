"""What the piecewise linear relaxation reaches in 60 s and in 300 s, and what SCIP does.

Run ``python -m experiments.milp_benchmark``: it takes up to an hour and a half. It covers the
reference instances with up to 12 users, or those that are named behind the command, stores every
row at once, and goes on where it was stopped. Both solvers have the spectral model and stop at a
gap of 1e-3. The relaxation runs once, for 300 s: its state at 60 s is the last row of its trace
before that. SCIP runs anew for 300 s where it has not finished in 60 s.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

import eipyomo as ei
from eipyomo.result import relative_gap
from experiments.provenance import RESULTS, store

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


State = tuple[float | None, float | None]


def states(name: str, solver: str) -> tuple[State, State, ei.Result]:
    """Return cost and bound after 60 s and after 300 s, and the longest run."""
    if solver == "milp":
        last = run(name, solver, LATE_S)
        late = (last.objective, last.bound)
        before = [row for row in last.trace if row["seconds"] <= EARLY_S]
        if last.wall_s <= EARLY_S:
            return late, late, last
        return (
            (before[-1]["incumbent"], before[-1]["bound"]) if before else (None, None),
            late,
            last,
        )
    first = run(name, solver, EARLY_S)
    last = first if first.termination == "optimal" else run(name, solver, LATE_S)
    return (first.objective, first.bound), (last.objective, last.bound), last


def row(name: str, solver: str) -> dict[str, Any]:
    """Return one line of the table."""
    early, late, last = states(name, solver)
    certified = VALUES[name]["wsel"]
    bounds = [bound for _, bound in (early, late) if bound is not None]
    return {
        "instance": name,
        "users": VALUES[name]["users"],
        "solver": solver,
        "certified_wsel": certified,
        "objective_60": early[0],
        "bound_60": early[1],
        "gap_60": relative_gap(*early),
        "objective_300": late[0],
        "bound_300": late[1],
        "gap_300": relative_gap(*late),
        "bounds_hold": all(bound <= certified * (1 + 1e-9) for bound in bounds),
        "termination": last.termination,
        "seconds": last.wall_s,
        "iterations": last.iterations,
        "solver_version": last.solver_version,
    }


def main(names: list[str]) -> None:
    """Compute the rows that are not stored yet."""
    target = RESULTS / f"{NAME}.csv"
    rows: list[dict[Any, Any]] = []
    if target.exists():
        rows = pd.read_csv(target).to_dict("records")
    done = {(row["instance"], row["solver"]) for row in rows}
    wanted = names or [name for name, values in VALUES.items() if values["users"] <= USERS]
    for name in wanted:
        for solver in SOLVERS:
            if (name, solver) not in done:
                rows.append(row(name, solver))
                table = pd.DataFrame(rows).sort_values(["users", "instance", "solver"])
                store(NAME, table, "pyomo", "highspy", "casadi", "PySCIPOpt")


if __name__ == "__main__":
    main(sys.argv[1:])
