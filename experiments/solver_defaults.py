"""Which formulation each solver does better on, from which its default follows.

Run ``python -m experiments.solver_defaults``; it takes about a quarter of an hour. Every solver
from a wheel that takes (10) is given 20 s on reference instances with up to four users, as printed
and in the spectral form, and asked for a gap of 1e-4. `excess` is how far its cost is above the
certified optimum of `tests/reference/values.json`, relative to that.
"""

from __future__ import annotations

from itertools import product

import eipyomo as ei
from experiments.reference import VALUES, reference
from experiments.table import Row, Table, command

INSTANCES = ("letter-m2", "letter-m4", "mixed-m4", "hostile-12", "hostile-24", "hostile-33")
SOLVERS = ("scip", "bonmin", "mindtpy", "maingo", "shot")
FORMULATIONS = ("letter", "spectral")
GAP = 1e-4
TIME_LIMIT_S = 20.0


def row(name: str, solver: str, formulation: str) -> Row:
    """Return one line of the table."""
    instance, optimum = reference(name), VALUES[name]["wsel"]
    result = ei.solve(
        instance, f"minlp:{solver}", formulation=formulation, gap=GAP, time_limit=TIME_LIMIT_S
    )
    return {
        "instance": name,
        "users": len(instance.users),
        "solver": solver,
        "formulation": formulation,
        "termination": result.termination,
        "objective": result.objective,
        "excess": None if result.objective is None else result.objective / optimum - 1.0,
        "bound": result.bound,
        "gap": result.gap,
        "seconds": result.wall_s,
        "solver_version": result.solver_version,
    }


TABLE = Table(
    "solver_defaults",
    lambda: product(INSTANCES, SOLVERS, FORMULATIONS),
    row,
    ("pyomo", "PySCIPOpt", "casadi", "highspy", "maingopy", "SHOTpy"),
)

if __name__ == "__main__":
    command([TABLE])
