"""The exact method within random limits, on 500 random unlike instances: nothing false is claimed.

Run ``python -m experiments.limits_random``; it takes some ten minutes, keeps every row at once, and
goes on where it was stopped. Limits, and totals, are what a random allocation takes, or somewhat
more, so that it is feasible: a bound above what it costs, or "infeasible", would be false. Every
fifth instance limits the edge's frequency too; objectives take turns. `proven` is the bound that
interval arithmetic recomputes from the certificate.
"""

from __future__ import annotations

import time
from functools import cache

import numpy as np

import eipyomo as ei
from eipyomo.objective import OBJECTIVES
from eipyomo.problem import Problem
from eipyomo.solvers.exact import prepare, solve_exact
from eipyomo.verify import verify
from experiments.table import Row, Table, command
from tests.allocations import random_allocation
from tests.instances import hostile, limited

SEEDS = 500
GAP = 1e-5
TIME_LIMIT_S = 3.0
FIFTH = 5
SLACK = (1.0 + 1e-9, 1.001, 1.2)
"""What limits are of what the allocation takes."""
USED = 0.7
"""How often a user has a limit."""
OTHERS = [name for name in OBJECTIVES if name != "wsel"]


@cache
def warm() -> None:
    """Compile, once a process."""
    prepare()


def within_limits(seed: int) -> tuple[Problem, ei.Allocation]:
    """Return a problem with limits that an allocation keeps."""
    draw, instance = np.random.default_rng(seed), hostile(seed)
    instance = limited(instance) if seed % FIFTH == 0 else instance
    allocation = random_allocation(instance, seed)
    terms = ei.evaluate(instance, allocation).breakdown
    objective = "wsel" if seed % 2 == 0 else OTHERS[seed // 2 % len(OTHERS)]
    users: dict[str, dict[str, float]] = {name: {} for name in terms.names}
    for key, column in (("deadline_s", terms.latency_s), ("energy_budget_j", terms.energy_j)):
        always = key == "deadline_s" and objective != "wsel"
        for j, name in enumerate(terms.names):
            if always or draw.random() < USED:
                users[name][key] = float(column[j] * draw.choice(SLACK))
    changes: dict[str, float] = {}
    if draw.random() < 1.0 - USED:
        changes["total_energy_budget_j"] = float(terms.energy_j.sum() * draw.choice(SLACK))
    if draw.random() < 1.0 - USED:
        changes["total_latency_budget_s"] = float(terms.latency_s.sum() * draw.choice(SLACK))
    return Problem.of(instance.replace(users=users, **changes), objective=objective), allocation


def row(seed: int) -> Row:
    """Return one line of the table."""
    warm()
    problem, allocation = within_limits(seed)
    known = ei.evaluate(problem, allocation)
    began = time.perf_counter()
    outcome = solve_exact(problem, gap=GAP, time_limit=TIME_LIMIT_S)
    seconds = time.perf_counter() - began
    found = verify(problem.instance, outcome.certificate())
    own = None if outcome.allocation is None else ei.evaluate(problem, outcome.allocation)
    return {
        "seed": seed,
        "users": len(problem.instance.users),
        "objective": problem.objective.name,
        "features": ", ".join(sorted(feature.name.lower() for feature in problem.features)),
        "status": outcome.status,
        "value": outcome.objective,
        "bound": outcome.bound,
        "proven": found.bound,
        "known": known.value,
        "known_is_feasible": known.feasible,
        "bound_holds": outcome.bound <= known.value * (1.0 + 1e-9),
        "point_holds": own is None or (own.feasible and own.value >= outcome.bound),
        "certificate_holds": found.doubt is None,
        "nodes": outcome.nodes,
        "seconds": seconds,
    }


TABLE = Table(
    "limits_random",
    lambda: ((seed,) for seed in range(SEEDS)),
    row,
    ("numba", "python-flint"),
    workers=2,
)

if __name__ == "__main__":
    command([TABLE])
