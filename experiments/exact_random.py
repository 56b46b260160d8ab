"""The exact method against many starts of Ipopt, on 200 random unlike instances of 2-7 users.

Run ``python -m experiments.exact_random``; it takes about half an hour on two cores, keeps every
row at once, and goes on where it was stopped. For every choice of the downloads Ipopt starts 15
times from random points of the Pyomo model; `ipopt` is the evaluated cost of the best of these.
The first 72 seeds have 2-7 users in turn, the others 2-5, since every user doubles Ipopt's work.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import casadi
import numpy as np

import eipyomo as ei
from eipyomo.models.writers import nl
from eipyomo.problem import Problem
from eipyomo.solvers.backends.casadi_child import satisfies
from eipyomo.solvers.exact import prepare, solve_exact
from eipyomo.solvers.judge import repair
from eipyomo.verify import verify
from experiments.table import Row, Table, command
from tests.instances import hostile

SEEDS = 200
LARGE_SEEDS = 72
STARTS = 15


def many_starts(instance: ei.Instance, seed: int) -> float:
    """Return the best cost that Ipopt finds from many starts, over all downloads."""
    draw = np.random.default_rng(seed)
    model = ei.models.minlp(instance)
    text, variables, _ = nl(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.nl"
        path.write_text(text)
        problem = casadi.NlpBuilder()
        problem.import_nl(str(path))
    functions: dict[str, Any] = {
        "x": casadi.vertcat(*problem.x),
        "f": problem.f,
        "g": casadi.vertcat(*problem.g),
    }
    settings: dict[str, Any] = {
        "expand": True,
        "print_time": False,
        "ipopt.print_level": 0,
        "ipopt.sb": "yes",
        "ipopt.tol": 1e-9,
        "ipopt.max_iter": 300,
    }
    solver = casadi.nlpsol("many", "ipopt", functions, settings)
    lower, upper = np.array(problem.x_lb), np.array(problem.x_ub)
    decisions = [place for place, variable in enumerate(variables) if variable.is_binary()]
    best = np.inf
    for downloads in itertools.product((0.0, 1.0), repeat=len(decisions)):
        lower[decisions] = upper[decisions] = downloads
        for _ in range(STARTS):
            start = np.array(problem.x_init) * np.exp(draw.normal(0.0, 0.7, len(lower)))
            found = solver(
                x0=np.clip(start, lower, upper),
                lbx=lower,
                ubx=upper,
                lbg=problem.g_lb,
                ubg=problem.g_ub,
            )
            values = found["x"].full().ravel().tolist()
            if float(found["f"]) < best and satisfies(problem, values):
                for variable, value in zip(variables, values, strict=True):
                    variable.set_value(value, skip_validation=True)
                allocation = repair(ei.Problem.of(instance), ei.models.allocation(model))
                evaluation = ei.evaluate(instance, allocation)
                if evaluation.feasible:
                    best = min(best, evaluation.objective)
    return best


@cache
def warm() -> None:
    """Compile, once a process."""
    prepare()


def row(seed: int) -> Row:
    """Return one line of the table."""
    warm()
    instance = hostile(seed, users=2 + seed % (6 if seed < LARGE_SEEDS else 4))
    began = time.perf_counter()
    outcome = solve_exact(Problem(instance))
    seconds = time.perf_counter() - began
    proven = verify(instance, outcome.certificate()).bound
    ipopt = many_starts(instance, seed)
    assert outcome.objective is not None
    return {
        "seed": seed,
        "users": len(instance.users),
        "status": outcome.status,
        "objective": outcome.objective,
        "bound": outcome.bound,
        "gap": outcome.gap,
        "proven": proven,
        "nodes": outcome.nodes,
        "seconds": seconds,
        "ipopt": ipopt,
        "excess_over_ipopt": outcome.objective / ipopt - 1.0,
        "ipopt_above_bound": ipopt >= outcome.bound,
    }


TABLE = Table(
    "exact_random",
    lambda: ((seed,) for seed in range(SEEDS)),
    row,
    ("numba", "casadi", "python-flint"),
    workers=2,
)

if __name__ == "__main__":
    command([TABLE])
