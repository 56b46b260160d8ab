"""What 100 re-solves of one Pyomo model take, in a session and in new processes.

Run ``python -m experiments.resolves``; it takes about four minutes. The model is the letter's, with
M users who all download, solved by Ipopt; from one solve to the next the band grows by 0.2 MHz. The
two ways take turns, three times each, and `seconds` are medians of the wall time of all 100: new
data by ``models.update``, writing the model, solving it, and judging the answer. `differing` counts
the re-solves whose cost is not the same to the last bit in both.
"""

from __future__ import annotations

import time

import numpy as np

import eipyomo as ei
from experiments.table import Row, Table, command

USERS = (4, 16)
SOLVES, TURNS = 100, 3
STEP_HZ = 2e5


def row(users: int) -> Row:
    """Return one line of the table."""
    seconds: dict[str, list[float]] = {"apart": [], "session": []}
    differing = 0
    for _ in range(TURNS):
        seconds_apart, apart = re_solved(users)
        with ei.solvers.session():
            seconds_in_session, in_session = re_solved(users)
        seconds["apart"].append(seconds_apart)
        seconds["session"].append(seconds_in_session)
        differing = max(differing, sum(map(float.__ne__, apart, in_session)))
    apart_s, session_s = (float(np.median(seconds[how])) for how in ("apart", "session"))
    return {
        "users": users,
        "solves": SOLVES,
        "seconds_apart": apart_s,
        "seconds_in_session": session_s,
        "speed_up": apart_s / session_s,
        "differing": differing,
    }


def re_solved(users: int) -> tuple[float, list[float]]:
    """Return the time that all re-solves take, and what they cost."""
    instance = ei.Instance.letter(users=users)
    model = ei.models.minlp(instance)
    ei.models.fix(model, download=1)
    began, costs = time.perf_counter(), []
    for n in range(SOLVES):
        ei.models.update(model, instance.replace(bandwidth_hz=instance.bandwidth_hz + n * STEP_HZ))
        result = ei.solve_model(model, "ipopt")
        assert result.objective is not None
        costs.append(result.objective)
    return time.perf_counter() - began, costs


TABLE = Table("resolves", lambda: ((users,) for users in USERS), row, ("pyomo", "casadi"))

if __name__ == "__main__":
    command([TABLE])
