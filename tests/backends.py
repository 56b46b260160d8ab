"""Solvers to test, changed ones, and a small model that all of them take."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest

from eipyomo.solvers.backends import BACKENDS
from eipyomo.solvers.backends.wheels import WheelBackend
from tests.conftest import slow_but

WHEELS = ("scip", "bonmin", "ipopt", "highs", "mindtpy")
WHEELS_APART = [pytest.param(name, marks=pytest.mark.solver(name)) for name in ("maingo", "shot")]
MIXED = [
    *slow_but(["scip", "bonmin", "highs", "mindtpy"], "scip", "bonmin", "highs"),
    *WHEELS_APART,
]

# An option that each solver has with a value that shows in its answer, one that it has not, and
# a value that it does not take.
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "scip": ({"limits/solutions": 1, "presolving/maxrounds": 0}, {"limits/nodes": "many"}),
    "bonmin": ({"node_limit": 0}, {"algorithm": "B-XX"}),
    "ipopt": ({"max_iter": 1}, {"tol": -1.0}),
    "highs": ({"mip_max_improving_sols": 1, "presolve": "off"}, {"presolve": "perhaps"}),
    "mindtpy": ({"iteration_limit": 1, "threads": 1}, {"iteration_limit": "many"}),
    "cyipopt": ({"max_iter": 1, "acceptable_tol": 1}, {"mu_strategy": "x"}),
    "maingo": ({"BAB_maxIterations": 1}, {"BAB_maxIterations": -3}),
    "shot": ({"Termination.IterationLimit": 1, "threads": 1}, {"Dual.CutStrategy": 99}),
}
OPTIONAL = {name: pytest.mark.solver(name) for name in ("cyipopt", "maingo", "shot")}
EVERY = [
    pytest.param(
        name,
        marks=[
            *([OPTIONAL[name]] if name in OPTIONAL else []),
            *([] if name in ("ipopt", "highs") else [pytest.mark.slow]),
        ],
    )
    for name in OPTIONS
]


def small(sense: int = 1, *, integer: bool = True, constant: float = 0.0) -> Any:
    """Return min (or max the negative of) x - n + a constant, x >= 2, n <= 3.5: -1 at (2, 3)."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 10), initialize=5)
    model.n = pyo.Var(
        bounds=(0.5, 3.5), domain=pyo.Integers if integer else pyo.Reals, initialize=1
    )
    model.row = pyo.Constraint(expr=model.x >= 2)
    model.cost = pyo.Objective(
        expr=sense * (model.x - model.n) + constant,
        sense=pyo.minimize if sense > 0 else pyo.maximize,
    )
    model.unused = pyo.Var(domain=pyo.Binary if integer else pyo.Reals)
    return model


def wheel(name: str, **changes: Any) -> WheelBackend:
    """Return a changed backend of a solver from a wheel."""
    backend = BACKENDS[name]
    assert isinstance(backend, WheelBackend)
    return dataclasses.replace(backend, **changes)


def fake(tmp_path: Path, script: str) -> WheelBackend:
    """Return a backend whose child runs a script."""
    file = tmp_path / "fake.py"
    file.write_text(script)
    return wheel("bonmin", script=str(file))
