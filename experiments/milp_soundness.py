"""The piecewise linear relaxation against the exact method, far away from ordinary scales.

Run ``python -m experiments.milp_soundness``; it takes about an hour for 1,000 instances, stores
every row at once, and goes on where it was stopped. An instance has the first of the letter's
users, and one to all of energy weight, latency weight, band, tasks and model are moved by many
orders of magnitude. Every second one has a row more (a deadline, a floor under a share, or a
budget of energy), which a random allocation satisfies by construction. A bound is `above` if it
is more than 1e-6, relative, above the cost of a point that is known to be feasible: the exact
method's, where no row was added, or the random allocation.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pyo

import eipyomo as ei
from experiments.provenance import RESULTS, store
from tests.allocations import random_allocation
from tests.instances import altered

SEEDS = 1000
TIME_LIMIT_S = 3.0
GAP = 1e-3
NAME = "milp_soundness"

RANGES = {
    "energy_weight": (1e-9, 1e9),
    "latency_weight": (1e-9, 1e9),
    "bandwidth_hz": (1.0, 1e12),
    "model_bits": (1.0, 1e12),
    "task_bits": (1.0, 1e12),
}
WIDER = {
    "cycles_per_bit": (1e-3, 1e6),
    "channel_gain": (1e-17, 1e-5),
    "max_frequency_hz": (1e6, 1e12),
    "energy_coefficient": (1e-34, 1e-20),
    "transmit_power_w": (1e-6, 1e3),
    "previous_download_s": (1e-9, 1e6),
}
"""Every third instance moves some of these too."""

ROWS = ("deadline", "share", "energy")


def moved(seed: int) -> ei.Instance:
    """Return 1-3 of the letter's users at a scale of their own.

    Raises
    ------
    InputError
        If the package refuses it.
    """
    draw = np.random.default_rng(seed)
    letter = ei.Instance.letter(users=3)
    users = letter.users[: int(draw.integers(1, 4))]
    values = {
        name: float(np.exp(draw.uniform(*np.log(ranges[name]))))
        for ranges in ((RANGES, WIDER) if seed % 3 == 2 else (RANGES,))
        for name in draw.permutation(list(ranges))[: int(draw.integers(1, len(ranges) + 1))]
    }
    own = {key: values.pop(key) for key in list(values) if key in type(users[0]).model_fields}
    fields = type(users[0]).model_fields
    changed = [
        type(user)(**{**{key: getattr(user, key) for key in fields}, **own}) for user in users
    ]
    return altered(letter, users=tuple(changed), name=f"moved {seed}", **values)


def add_row(model: Any, kind: str, allocation: ei.Allocation) -> None:
    """Add a row that an allocation satisfies, and that many others do not."""
    terms = ei.evaluate(model.source.instance, allocation).breakdown
    name = next(iter(model.users))
    if kind == "deadline":
        model.mine = pyo.Constraint(
            expr=model.user[name].latency_s <= 1.001 * float(terms.latency_s[0])
        )
    elif kind == "share":
        model.mine = pyo.Constraint(
            expr=model.uplink_share[name] >= float(allocation.uplink_share[0])
        )
    else:
        model.mine = pyo.Constraint(
            expr=sum(model.user[one].energy_j for one in model.users)
            <= 1.001 * float(terms.energy_j.sum())
        )


def row(seed: int) -> dict[str, Any] | None:
    """Return one line of the table, None for an instance that the package refuses."""
    try:
        instance = moved(seed)
        model = ei.models.minlp(instance, "spectral")
        exact = ei.solve(instance, "exact", gap=1e-6, time_limit=20)
    except ei.InputError:
        return None
    kind = "" if seed % 2 else ROWS[seed // 2 % len(ROWS)]
    assert exact.objective is not None
    known = exact.objective
    if kind:
        allocation = random_allocation(instance, seed)
        add_row(model, kind, allocation)
        known = ei.evaluate(instance, allocation).objective
        result = ei.solve_model(model, "milp", gap=GAP, time_limit=TIME_LIMIT_S)
    else:
        result = ei.solve(instance, "milp", gap=GAP, time_limit=TIME_LIMIT_S)
    if kind and result.objective is not None:
        known = min(known, result.objective)
    excess = None if result.bound is None else (result.bound - known) / abs(known)
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
        "known": known,
        "exact_bound": exact.bound,
        "objective": result.objective,
        "bound": result.bound,
        "excess": excess,
        "above": excess is not None and excess > 1e-6,
        "termination": result.termination,
        "seconds": result.wall_s,
        "message": result.message,
    }


def main(seeds: int) -> None:
    """Compute the rows that are not stored yet."""
    target = RESULTS / f"{NAME}.csv"
    rows: list[dict[Any, Any]] = []
    if target.exists():
        rows = pd.read_csv(target).to_dict("records")
    for seed in range(max((one["seed"] + 1 for one in rows), default=0), seeds):
        found = row(seed)
        if found is not None:
            rows.append(found)
            store(NAME, pd.DataFrame(rows), "pyomo", "highspy", "casadi")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
