"""Step 1 for all users: the agents, compiled or as Pyomo models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eipyomo.solvers.admm.kernel import solve_range
from eipyomo.solvers.admm.records import ANSWER, user_records
from eipyomo.solvers.records import Records, for_all

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn, Scaled
    from eipyomo.solvers.admm.search import OffloadSearch


class Agents(Protocol):
    """Whoever takes step 1."""

    def step_one(self, targets: Records, deadline: float) -> Records | None:
        """Minimise (18) for every user: one ANSWER record for each TARGET record.

        None where the deadline, on the clock of ``time.monotonic``, has come before the end.
        """


class KernelAgents:
    """All agents at once, by :mod:`eipyomo.solvers.admm.kernel`.

    Parameters
    ----------
    data
        Columns of the instance at its stage.
    search
        Over a and ι.
    """

    def __init__(self, data: Scaled, search: OffloadSearch) -> None:
        self.search = search
        self.users = user_records(data)
        self.last: Records = np.zeros(len(data), ANSWER)

    def solve(self, targets: Records, download: bool, offload: FloatColumn | float) -> Records:
        """Solve (18) at given a and ι, starting from the answers before."""
        answers = self.last.copy()
        answers["download"], answers["offload_fraction"] = download, offload
        for_all(solve_range, len(answers), self.users, targets, answers)
        self.last = answers
        return answers

    def step_one(self, targets: Records, deadline: float = math.inf) -> Records:
        """Minimise (18) over a, ι and the rest; too fast to watch a deadline."""
        del deadline
        return self.search.run(self, targets)
