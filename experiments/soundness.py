"""Solvers against the exact method, far away from ordinary scales: what passes the judge is true.

Run ``python -m experiments.soundness milp``, or ``scip`` or ``bonmin``; each takes about an hour
for 1,000 instances, stores every row at once, and goes on where it was stopped. An instance has the
first of the letter's users, and one to all of energy weight, latency weight, band, tasks and model
are moved by many orders of magnitude. Every second one has a row more (a deadline, a floor under a
share, or a budget of energy), which a random allocation satisfies by construction. A claim is
`false` if its bound is more than 1e-6, relative, above the cost of a point that is known to be
feasible (the exact method's, the solver's own, or a random one, where it satisfies the row), if it
says "optimal" of a point that costs more than one of these and the gap allow, or "infeasible".
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

import eipyomo as ei
from experiments.table import Row, Table, command
from tests.allocations import random_allocation
from tests.instances import moved

SEEDS = 1028
TIME_LIMIT_S = 2.0
POINTS = 50
ROOM = 1e-3
GAP = 1e-3
FORMULATION = {"bonmin": "letter"}

ROWS = ("deadline", "share", "energy")


def limited(kind: str, instance: ei.Instance, allocation: ei.Allocation) -> float:
    """Return what a row of some kind limits from above, at an allocation."""
    if kind == "share":
        return -float(allocation.uplink_share[0])
    terms = ei.evaluate(instance, allocation).breakdown
    return float(terms.latency_s[0] if kind == "deadline" else terms.energy_j.sum())


def add_row(model: Any, kind: str, limit: float) -> None:
    """Add the row that what is limited is at most so much."""
    name = next(iter(model.users))
    body = {
        "deadline": model.user[name].latency_s,
        "share": -model.uplink_share[name],
        "energy": sum(model.user[one].energy_j for one in model.users),
    }[kind]
    model.mine = pyo.Constraint(expr=body <= limit)


def row(solver: str, seed: int) -> Row | list[Row]:
    """Return one line of the table, or none for an instance that the package refuses."""
    try:
        instance = moved(seed)
        model = ei.models.minlp(instance, FORMULATION.get(solver, "spectral"))
        exact = ei.solve(instance, "exact", gap=1e-6, time_limit=20)
    except ei.InputError:
        return []
    known = [] if exact.allocation is None else [exact.allocation]
    kind = "" if seed % 2 else ROWS[seed // 2 % len(ROWS)]
    if kind:
        known += [random_allocation(instance, seed + k) for k in range(POINTS)]
        limit = limited(kind, instance, known[-POINTS])
        limit += ROOM * abs(limit)
        known = [one for one in known if limited(kind, instance, one) <= limit]
        add_row(model, kind, limit)
    result = ei.solve_model(model, solver, gap=GAP, time_limit=TIME_LIMIT_S, unchanged=not kind)
    costs = [ei.evaluate(instance, one).objective for one in known]
    cost = min([*costs, *([] if result.objective is None else [result.objective])])
    excess = None if result.bound is None else (result.bound - cost) / abs(cost)
    first = instance.users[0]
    return {
        "seed": seed,
        "users": len(instance.users),
        "row": kind,
        "bandwidth_hz": instance.bandwidth_hz,
        "model_bits": instance.model_bits,
        "task_bits": first.task_bits,
        "energy_weight": first.energy_weight,
        "latency_weight": first.latency_weight,
        "known": cost,
        "objective": result.objective,
        "bound": result.bound,
        "excess": excess,
        "false": (excess is not None and excess > 1e-6)
        or result.termination == "infeasible"
        or (
            result.termination == "optimal"
            and (result.objective is None or result.objective > cost + 2 * GAP * abs(cost))
        ),
        "termination": result.termination,
        "seconds": result.wall_s,
    }


def table(solver: str) -> Table:
    """Return the table of a solver."""
    packages = ("pyomo", "highspy", "casadi", "pyscipopt")
    cases = [(solver, seed) for seed in range(SEEDS)]
    return Table(f"soundness_{solver}", lambda: cases, row, packages)


TABLES = tuple(map(table, ("milp", "scip", "bonmin")))

if __name__ == "__main__":
    command(TABLES)
