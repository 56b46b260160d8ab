"""How long a whole process takes: 100 rounds with 100 users, by the exact method and by ADMM.

Run ``python -m experiments.training_benchmark``; it takes less than a minute. The setting is the
letter's with 5 MHz a user, the channels of every round are drawn anew around the mean gain.
"""

from __future__ import annotations

import time

import eipyomo as ei
from eipyomo.channel import mean_gain
from experiments.table import Row, Table, command

ROUNDS = 100
USERS = 100
PATH_LOSS_EXPONENT = 2.9
METHODS = ("exact", "admm")


def row(method: str) -> Row:
    """Return one line of the table."""
    instance = ei.Instance.letter(
        users=USERS, path_loss_exponent=PATH_LOSS_EXPONENT, bandwidth_mhz=5.0 * USERS
    )
    ei.solve(instance, method)  # compiles
    began = time.perf_counter()
    process = ei.train(
        instance, ROUNDS, method=method, seed=1, mean_gain=mean_gain(PATH_LOSS_EXPONENT)
    )
    seconds = time.perf_counter() - began
    gaps = [result.gap for result in process.rounds if result.gap is not None]
    totals = process.to_dict()["totals"]
    return {
        "method": method,
        "rounds": ROUNDS,
        "users": USERS,
        "seed": 1,
        "complete": process.complete,
        "seconds": seconds,
        "seconds_in_methods": sum(result.wall_s for result in process.rounds),
        "wsel": totals["wsel"],
        "energy_j": totals["energy_j"],
        "end_s": totals["end_s"],
        "largest_gap": max(gaps) if gaps else None,
    }


TABLE = Table("training_benchmark", lambda: ((method,) for method in METHODS), row, ("numba",))

if __name__ == "__main__":
    command([TABLE])
