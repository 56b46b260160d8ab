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
from pathlib import Path
from typing import Any

import pandas as pd

import eipyomo as ei
from eipyomo.problem import Problem, Restriction
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from experiments.provenance import store

GAP = 1e-6
TIME_LIMIT_S = 120.0
REPETITIONS = 3
HERE = Path(__file__).parent
REFERENCE = HERE.parent / "tests" / "reference" / "instances"
SIZES = {4: range(3), 30: range(3), 100: range(3), 1000: range(3), 10_000: range(1)}
"""Number of users, and seeds, of the letter's setting with 5 MHz a user."""


def cases() -> Iterator[tuple[str, int | None, ei.Instance, Restriction]]:
    """Iterate over name, seed, instance and restriction of every row."""
    for path in sorted(REFERENCE.glob("*.json")):
        instance = ei.Instance.from_json(path)
        yield path.stem, None, instance, Restriction()
        if len(instance.users) <= 4:
            for restriction in (
                Restriction.lco(),
                Restriction.eco(),
                Restriction.gbe(),
                Restriction.on_grid(0.1),
            ):
                yield path.stem, None, instance, restriction
    for users, seeds in SIZES.items():
        for seed in seeds:
            instance = ei.Instance.letter(users=users, bandwidth_mhz=5.0 * users, seed=seed)
            yield f"letter with {users} users", seed, instance, Restriction()


def measured(
    name: str, seed: int | None, instance: ei.Instance, what: Restriction
) -> dict[str, Any]:
    """Return one row of the table."""
    seconds = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        outcome = solve_exact(Problem(instance, what), gap=GAP, time_limit=TIME_LIMIT_S)
        seconds.append(time.perf_counter() - began)
    row = {
        "instance": name,
        "seed": seed,
        "users": len(instance.users),
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
    if len(instance.users) <= 100:
        document = outcome.certificate()
        began = time.perf_counter()
        row["proven"] = verify(instance, document).bound
        row["verify_seconds"] = time.perf_counter() - began
    return row


def main() -> None:
    """Measure all cases and write the table."""
    solve_exact(Problem(ei.Instance.letter(users=600)))  # compiles, and starts the threads
    table = pd.DataFrame(measured(*case) for case in cases())
    store("exact_benchmark", table, "numba", "python-flint")


if __name__ == "__main__":
    main()
