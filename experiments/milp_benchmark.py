"""What the piecewise linear relaxation reaches in 60 s and in 300 s, and what SCIP does.

Run ``python -m experiments.milp_benchmark``: it takes up to an hour and a half. It covers the
reference instances with up to 12 users, keeps every row at once, and goes on where it was stopped;
with instances named behind the command it computes their rows only, for a later run to take. Both
solvers have the spectral model and stop at a gap of 1e-3, and run anew for 300 s where they have
not finished in 60 s.
"""

from __future__ import annotations

from collections.abc import Iterator

import eipyomo as ei
from experiments.reference import VALUES, reference
from experiments.table import Case, Row, Table, command

USERS = 12
GAP = 1e-3
EARLY_S, LATE_S = 60.0, 300.0
SOLVERS = ("milp", "scip")


def run(name: str, solver: str, time_limit: float) -> ei.Result:
    """Solve a reference instance."""
    instance = reference(name)
    if solver == "milp":
        return ei.solve(instance, "milp", gap=GAP, time_limit=time_limit)
    return ei.solve(instance, "minlp:scip", formulation="spectral", gap=GAP, time_limit=time_limit)


def row(name: str, solver: str) -> Row:
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


def cases() -> Iterator[Case]:
    """Iterate over instances and solvers, small ones first."""
    for name in sorted(VALUES, key=lambda name: (VALUES[name]["users"], name)):
        if VALUES[name]["users"] <= USERS:
            yield from ((name, solver) for solver in SOLVERS)


TABLE = Table("milp_benchmark", cases, row, ("pyomo", "highspy", "casadi", "PySCIPOpt"))

if __name__ == "__main__":
    command([TABLE])
