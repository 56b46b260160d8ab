"""Which formulation each solver does better on, from which its default follows.

Run ``python -m experiments.solver_defaults``; it takes about a quarter of an hour. Every solver
from a wheel that takes (10) is given 20 s on reference instances with up to four users, as printed
and in the spectral form, and asked for a gap of 1e-4. `excess` is how far its cost is above the
certified optimum of `tests/reference/values.json`, relative to that.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

import eipyomo as ei
from experiments.provenance import finished_rows, keep_rows, store

REFERENCE = Path(__file__).parent.parent / "tests" / "reference"
INSTANCES = ("letter-m2", "letter-m4", "mixed-m4", "hostile-12", "hostile-24", "hostile-33")
SOLVERS = ("scip", "bonmin", "mindtpy", "maingo", "shot")
FORMULATIONS = ("letter", "spectral")
GAP = 1e-4
TIME_LIMIT_S = 20.0


def row(name: str, optimum: float, solver: str, formulation: str) -> dict[str, Any]:
    """Return one line of the table."""
    instance = ei.Instance.from_json(REFERENCE / "instances" / f"{name}.json")
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


def main() -> None:
    """Run all solvers and store the table."""
    optima = json.loads((REFERENCE / "values.json").read_text(encoding="utf-8"))
    cells = list(product(INSTANCES, SOLVERS, FORMULATIONS))
    rows = finished_rows("solver_defaults")
    for name, solver, formulation in cells[len(rows) :]:
        rows.append(row(name, optima[name]["wsel"], solver, formulation))
        keep_rows("solver_defaults", rows)
    packages = ("pyomo", "PySCIPOpt", "casadi", "highspy", "maingopy", "SHOTpy")
    store("solver_defaults", pd.DataFrame(rows), *packages)


if __name__ == "__main__":
    main()
