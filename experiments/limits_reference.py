"""One optimum within limits, three ways: exact, milp and SCIP on the reference instances.

Run ``python -m experiments.limits_reference``: it takes some twenty minutes on two cores, keeps
every row at once, and goes on where it was stopped. Limits are parts of what each user takes at the
certified optimum without them. The three enclose one optimum if no bound of one is above the
allocation of another, and none finds an allocation where another one proves that there is none.
Solvers keep limits within a tolerance; what an allocation gains by that, at the prices that the
exact method gives limits, is added to its cost (`excess`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import eipyomo as ei
from experiments.reference import VALUES, reference
from experiments.table import Case, Row, Table, command

TIME_LIMIT_S = 15.0
MOST_USERS = 5
PARTS = (0.97, 0.92, 0.85)
LIMITED = {
    "deadlines": ("deadline_s",),
    "energy budgets": ("energy_budget_j",),
    "both": ("deadline_s", "energy_budget_j"),
}
METHODS: dict[str, dict[str, Any]] = {
    "exact": {},
    "milp": {"gap": 1e-4},
    "scip": {"gap": 1e-4, "formulation": "spectral"},
}
ROUNDING = 1e-6
"""By how much, relative to it, a bound of a solver may be above a point: its own feasibility."""
PRICES = {"deadline_s": "deadline_per_s", "energy_budget_j": "energy_budget_per_j"}
TAKEN = {"deadline_s": "latency_s", "energy_budget_j": "energy_j"}
"""Limits, with their prices in a result and the terms that they limit."""


@cache
def small() -> tuple[str, ...]:
    """Return the names of the reference instances with few users."""
    return tuple(name for name in VALUES if len(reference(name).users) <= MOST_USERS)


@cache
def taken(name: str) -> dict[str, Any]:
    """Return what each user takes at the optimum without limits, by the key of its limit."""
    best = ei.solve(reference(name))
    assert best.evaluation is not None
    terms = best.evaluation.breakdown
    return {"deadline_s": terms.latency_s, "energy_budget_j": terms.energy_j}


def cases() -> Iterator[Case]:
    """Iterate over instances, limits and parts."""
    for name in small():
        yield from ((name, limited, part) for limited in LIMITED for part in PARTS)


def row(name: str, limited: str, part: float) -> Row:
    """Return one row of the table."""
    instance, columns = reference(name), taken(name)
    limits = {
        user.name: {key: part * float(columns[key][j]) for key in LIMITED[limited]}
        for j, user in enumerate(instance.users)
    }
    within = instance.replace(users=limits)
    found: Row = {"name": name, "users": len(limits), "limited": limited, "part": part}
    values, bounds, proven, excess = [], [], [], 0.0
    prices: Any = None
    for method, options in METHODS.items():
        solver = "minlp:scip" if method == "scip" else method
        result = ei.solve(within, solver, time_limit=TIME_LIMIT_S, **options)
        found |= {
            f"{method}_termination": result.termination,
            f"{method}_value": result.value,
            f"{method}_bound": result.bound,
        }
        proven += [method] if result.termination == "infeasible" else []
        prices = result.prices if method == "exact" else prices
        if result.value is not None:
            gained = worth(within, result, prices)
            excess = max(excess, gained)
            values.append(result.value + gained)
        bounds += [] if result.bound is None else [result.bound]
    apart = max(bounds, default=0.0) > min(values, default=float("inf")) * (1.0 + ROUNDING)
    return {**found, "excess": excess, "one_optimum": not (apart or (proven and values))}


def worth(instance: ei.Instance, result: ei.Result, prices: Any) -> float:
    """Return what an allocation gains by missing limits within the tolerance."""
    assert result.evaluation is not None
    gained = 0.0
    for key, term in TAKEN.items():
        limits = np.array([getattr(user, key) or np.inf for user in instance.users])
        over = np.maximum(getattr(result.evaluation.breakdown, term) - limits, 0.0)
        rows = [] if prices is None else prices["users"]
        gained += sum(
            (row.get(PRICES[key]) or 0.0) * float(more)
            for row, more in zip(rows, over, strict=False)
        )
    return gained


TABLE = Table("limits_reference", cases, row, ("pyomo", "highspy", "PySCIPOpt", "numba"), workers=2)

if __name__ == "__main__":
    command([TABLE])
