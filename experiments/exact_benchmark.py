"""How fast and how close the exact method is: one table, with versions and seeds.

Run ``python -m experiments.exact_benchmark``; it takes some minutes and writes
``experiments/results/exact_benchmark.csv``. Times are wall seconds of a warm process (everything
compiled), the least of three runs. `proven` is the bound that interval arithmetic recomputes from
the certificate, for up to 100 users.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from functools import cache

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from experiments.reference import VALUES, reference
from experiments.table import Case, Row, Table, command

GAP = 1e-6
TIME_LIMIT_S = 120.0
REPETITIONS = 3
SIZES = {4: range(3), 30: range(3), 100: range(3), 1000: range(3), 10_000: range(1)}
"""Number of users, and seeds, of the letter's setting with 5 MHz a user."""
RESTRICTIONS = {
    "joint": Restriction(),
    "lco": Restriction.lco(),
    "eco": Restriction.eco(),
    "gbe": Restriction.gbe(),
    "grid": Restriction.on_grid(0.1),
}


def cases() -> Iterator[Case]:
    """Iterate over names, numbers of users, seeds and restrictions; references have no seed."""
    for name in sorted(VALUES):
        users = VALUES[name]["users"]
        for what in RESTRICTIONS if users <= 4 else ("joint",):
            yield name, users, None, what
    for users, seeds in SIZES.items():
        for seed in seeds:
            yield f"letter with {users} users", users, seed, "joint"


@cache
def warm() -> None:
    """Compile, and start the threads."""
    solve_exact(Problem(ei.Instance.letter(users=600)))


def row(name: str, users: int, seed: int | None, what: str) -> Row:
    """Return one row of the table."""
    warm()
    instance = (
        reference(name)
        if seed is None
        else ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users, seed=seed)
    )
    problem = Problem(instance, RESTRICTIONS[what])
    seconds = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        outcome = solve_exact(problem, gap=GAP, time_limit=TIME_LIMIT_S)
        seconds.append(time.perf_counter() - began)
    found = {
        "instance": name,
        "seed": seed,
        "users": users,
        "problem": outcome.problem.name,
        "status": outcome.status,
        "objective": outcome.objective,
        "bound": outcome.bound,
        "gap": outcome.gap,
        "nodes": outcome.nodes,
        "evaluations": outcome.evaluations,
        "seconds": min(seconds),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }
    if users <= 100:
        document = outcome.certificate()
        began = time.perf_counter()
        found["proven"] = verify(instance, document).bound
        found["verify_seconds"] = time.perf_counter() - began
    return found


TABLE = Table("exact_benchmark", cases, row, ("numba", "python-flint"))

if __name__ == "__main__":
    command([TABLE])
