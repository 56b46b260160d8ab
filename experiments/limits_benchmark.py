"""Limits and objectives by every method: time, gap, and who gives no answer; one table.

Run ``python -m experiments.limits_benchmark``: it takes about half an hour, keeps every row at
once, and goes on where it was stopped. The letter's setting with 5 MHz a user, seed 0; limits are
parts of what the optimum without them takes, and for the least band and edge frequency everybody
has a deadline a tenth above the least that all can have. `against_exact` is how far the answer is
above the bound that the exact method proves, relative to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

import eipyomo as ei
from experiments.table import Case, Row, Table, command

TIME_LIMIT_S = 15.0
GAP = 1e-3
"""Of the methods that solve the model; the exact method's is its own, 1e-6."""
METHODS: dict[str, dict[str, Any]] = {
    "exact": {},
    "admm": {},
    "milp": {"gap": GAP},
    "minlp:scip": {"gap": GAP, "formulation": "spectral"},
    "minlp:bonmin": {"gap": GAP},
}
SIZES = {4: tuple(METHODS), 12: tuple(METHODS), 100: tuple(METHODS), 1000: ("exact", "admm")}
"""Number of users, and the methods that are asked: a model of 1,000 users takes all the time."""
LATE = 1.1
"""Times the least largest latency is a deadline of everybody."""


@cache
def plain(users: int) -> tuple[ei.Instance, ei.Result]:
    """Return an instance without limits, and its optimum."""
    instance = ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users)
    return instance, ei.solve(instance)


def each(users: int, **parts: float) -> ei.Instance:
    """Return the instance with limits that are parts of what each user takes at the optimum."""
    instance, best = plain(users)
    assert best.evaluation is not None
    terms = best.evaluation.breakdown
    columns = {"deadline_s": terms.latency_s, "energy_budget_j": terms.energy_j}
    return instance.replace(
        users={
            name: {key: part * float(columns[key][j]) for key, part in parts.items()}
            for j, name in enumerate(terms.names)
        }
    )


def total(users: int, part: float) -> ei.Instance:
    """Return the instance with a part of the energy that the optimum takes in total."""
    instance, best = plain(users)
    assert best.evaluation is not None
    energy_j = float(np.sum(best.evaluation.breakdown.energy_j))
    return instance.replace(total_energy_budget_j=part * energy_j)


@cache
def late(users: int) -> ei.Instance:
    """Return the instance with a deadline of everybody that the slowest user can keep."""
    instance, _ = plain(users)
    slowest_s = ei.solve(instance, objective="slowest", gap=1e-4).value
    assert slowest_s is not None
    limits = {"deadline_s": LATE * slowest_s}
    return instance.replace(users={user.name: limits for user in instance.users})


ASKED: dict[str, tuple[str, Callable[[int], ei.Instance]]] = {
    "deadlines": ("wsel", lambda users: each(users, deadline_s=0.97)),
    "energy budgets": ("wsel", lambda users: each(users, energy_budget_j=0.97)),
    "both": ("wsel", lambda users: each(users, deadline_s=0.97, energy_budget_j=1.1)),
    "total energy": ("wsel", lambda users: total(users, 0.9)),
    "band": ("band", late),
    "edge_frequency": ("edge_frequency", late),
    "slowest": ("slowest", lambda users: plain(users)[0]),
}
"""What is asked: the objective, and the instance with its limits."""


def cases() -> Iterator[Case]:
    """Iterate over questions, sizes and methods, small ones first."""
    for users, methods in SIZES.items():
        for what in ASKED:
            yield from ((what, users, method) for method in methods)


@cache
def exact_answer(what: str, users: int) -> ei.Result:
    """Return the exact method's answer; the second call in a process, so that all is compiled."""
    objective, instance = ASKED[what][0], ASKED[what][1](users)
    ei.solve(instance, objective=objective, time_limit=1.0)
    return ei.solve(instance, objective=objective, time_limit=4.0 * TIME_LIMIT_S)


def row(what: str, users: int, method: str) -> Row:
    """Return one row of the table."""
    objective, instance = ASKED[what][0], ASKED[what][1](users)
    proven = exact_answer(what, users)
    found = {"asked": what, "objective": objective, "users": users, "method": method}
    if method == "exact":
        result = proven
    else:
        options = {**METHODS[method], "time_limit": TIME_LIMIT_S}
        try:
            result = ei.solve(instance, method, objective=objective, **options)
        except ei.InputError as error:
            return {**found, "termination": "refused", "message": str(error)}
    above = None
    if result.value is not None and proven.bound:
        above = result.value / proven.bound - 1.0
    return {
        **found,
        "termination": result.termination,
        "value": result.value,
        "bound": result.bound,
        "gap": result.gap,
        "against_exact": above,
        "seconds": result.wall_s,
        "message": result.message,
    }


TABLE = Table("limits_benchmark", cases, row, ("pyomo", "highspy", "casadi", "PySCIPOpt", "numba"))

if __name__ == "__main__":
    command([TABLE])
