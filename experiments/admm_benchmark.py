"""Measure ADMM: iterations, gaps to certified optima, and time per iteration.

Run as ``python -m experiments.admm_benchmark [optima] [gaps] [reference] [scaling]``; without
arguments, all of them. Each stores its tables with versions, machine and date.

* ``admm_gaps.csv``: ``Instance.letter(users=M, seed=s)`` in 20 MHz, M = 2..12, seeds 0..19, both
  presets, against ``admm_optima.csv``; ``admm_gaps_summary.csv`` sums it up for each M.
* ``admm_reference.csv``: the reference instances of the tests, against their certified values.
* ``admm_scaling.csv``: 10 to 10,000 users, default preset, in 20 MHz and in 5 MHz a user.

``admm_optima.csv`` holds certified brackets of the optimum, bound ≤ optimum ≤ objective, from the
exact method at a relative gap of 1e-6.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eipyomo import Instance, Result, solve
from eipyomo.solvers.admm import solve_admm
from experiments.provenance import RESULTS, store

REFERENCE = Path(__file__).parent.parent / "tests" / "reference"
PRESETS = ("default", "letter")
USERS = range(2, 13)
SEEDS = range(20)
SCALES = (10, 30, 100, 300, 1000, 3000, 10_000)
SCALING_TIME_LIMIT_S = 120.0


def main() -> None:
    """Run the parts that are asked for."""
    parts = {"optima": optima, "gaps": gaps, "reference": reference, "scaling": scaling}
    parser = argparse.ArgumentParser(description="Measure ADMM and store the tables.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}")
    chosen = parser.parse_args().parts or list(parts)
    solve_admm(Instance.letter(users=2))  # compiles or loads the kernels
    for part in chosen:
        parts[part]()


def optima() -> None:
    """Certify the optima that gaps are measured from."""
    rows = []
    for users in USERS:
        for seed in SEEDS:
            result = solve(Instance.letter(users=users, seed=seed), "exact", gap=1e-6)
            bracket = {"objective": result.objective, "bound": result.bound}
            rows.append({"users": users, "seed": seed, **bracket, "status": result.termination})
    store("admm_optima", pd.DataFrame(rows), "numba")


def gaps() -> None:
    """Measure iterations and gaps on the letter's setting, for each preset, size and seed."""
    optima = {
        (row["users"], row["seed"]): (float(row["objective"]), float(row["bound"]))
        for row in pd.read_csv(RESULTS / "admm_optima.csv").to_dict("records")
    }
    rows = []
    for preset in PRESETS:
        for users in USERS:
            for seed in SEEDS:
                result = solve_admm(Instance.letter(users=users, seed=seed), preset=preset)
                case = {"preset": preset, "users": users, "seed": seed}
                rows.append({**case, **outcome(result, *optima[users, seed])})
    table = pd.DataFrame(rows)
    save("admm_gaps", table)
    summaries = []
    for preset in PRESETS:
        runs = table[table["preset"] == preset]
        parts = {str(users): runs[runs["users"] == users] for users in USERS} | {"all": runs}
        summaries += [
            {"preset": preset, "users": users, **summary(part)} for users, part in parts.items()
        ]
    save("admm_gaps_summary", pd.DataFrame(summaries))


def reference() -> None:
    """Measure iterations and gaps on the reference instances, for each preset."""
    values = json.loads((REFERENCE / "values.json").read_text(encoding="utf-8"))
    rows = []
    for name, known in sorted(values.items()):
        instance = Instance.from_json(REFERENCE / "instances" / f"{name}.json")
        for preset in PRESETS:
            result = solve_admm(instance, preset=preset)
            case = {"instance": name, "users": len(instance.users), "preset": preset}
            rows.append({**case, **outcome(result, known["wsel"], known["bound"])})
    save("admm_reference", pd.DataFrame(rows))


def scaling() -> None:
    """Measure time per iteration and to the end, from 10 to 10,000 users."""
    rows = []
    for band in ("20 MHz", "5 MHz a user"):
        for users in SCALES:
            bandwidth_mhz = 20.0 if band == "20 MHz" else 5.0 * users
            instance = Instance.letter(users=users, seed=0, bandwidth_mhz=bandwidth_mhz)
            result = solve_admm(instance, time_limit=SCALING_TIME_LIMIT_S)
            assert result.iterations is not None
            rows.append(
                {
                    "band": band,
                    "users": users,
                    "seed": 0,
                    "termination": result.termination,
                    "iterations": result.iterations,
                    "wall_s": result.wall_s,
                    "iteration_ms": 1e3 * result.wall_s / result.iterations,
                    "objective": result.objective,
                }
            )
    table = pd.DataFrame(rows)
    for band in table["band"].unique():
        part = table["band"] == band
        users, spent = table.loc[part, "users"], table.loc[part, "iteration_ms"]
        table.loc[part, "growth_exponent"] = np.polyfit(np.log(users), np.log(spent), 1)[0]
    save("admm_scaling", table)


def outcome(result: Result, optimum: float, bound: float) -> dict[str, Any]:
    """Return one row: how the run ended, and how far above the optimum."""
    assert result.objective is not None
    return {
        "termination": result.termination,
        "iterations": result.iterations,
        "objective": result.objective,
        "optimum": optimum,
        "bound": bound,
        # The optimum lies between bound and best known cost, so no gap is less than zero.
        "gap_percent": max(100.0 * (result.objective / optimum - 1.0), 0.0),
        "wall_s": result.wall_s,
    }


def summary(group: pd.DataFrame) -> dict[str, Any]:
    """Return iterations and gaps of many runs."""
    iterations, gap = group["iterations"], group["gap_percent"]
    return {
        "runs": len(group),
        "converged": int((group["termination"] == "converged").sum()),
        "iterations_median": iterations.median(),
        "iterations_p95": iterations.quantile(0.95),
        "iterations_max": iterations.max(),
        "within_60_percent": 100.0 * (iterations <= 60).mean(),
        "gap_median_percent": gap.median(),
        "gap_p95_percent": gap.quantile(0.95),
        "gap_max_percent": gap.max(),
        "optimal_runs": int((gap <= 1e-4).sum()),
        "worst_seed": int(group["seed"].to_numpy()[int(gap.to_numpy().argmax())]),
    }


def save(name: str, table: pd.DataFrame) -> None:
    """Store a table with what it was made with, and show it."""
    store(name, table.round(12), "numba")
    print_table(name, table)


def print_table(name: str, table: pd.DataFrame) -> None:
    """Show a table on standard output."""
    os.write(1, f"{name}\n{table.to_string(index=False)}\n\n".encode())


if __name__ == "__main__":
    main()
