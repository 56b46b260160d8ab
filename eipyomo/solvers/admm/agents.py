"""Step 1 for all users: the agents, compiled or as Pyomo models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eipyomo.solvers.admm.kernel import solve_range
from eipyomo.solvers.admm.records import ANSWER, START, choice_records, user_records
from eipyomo.solvers.admm.search import decide_range
from eipyomo.solvers.records import Records, for_all, mode_records

if TYPE_CHECKING:
    from eipyomo.modes import ModeColumns
    from eipyomo.scaled import Scaled
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
        self.rule = search.rule
        self.users, self.choices = user_records(data), choice_records(search.decisions)
        self.starts: Records = np.zeros((len(data), search.rule.points + 2), START)
        self.modes = ModeAgents(data, data.modes) if data.modes is not None else None

    def step_one(self, targets: Records, deadline: float = math.inf) -> Records:
        """Minimise (18) over a, ι and the rest; too fast to watch a deadline."""
        del deadline
        if self.modes is None:
            return self.decide(targets)
        own = self.modes.step_one(targets)
        return own if self.modes.all_have else np.where(self.modes.has, own, self.decide(targets))

    def decide(self, targets: Records) -> Records:
        """Minimise (18) for users without modes."""
        answers: Records = np.zeros(len(self.users), ANSWER)
        told = (self.users, targets, self.choices, self.rule, self.starts, answers)
        for_all(decide_range, len(answers), *told)
        return answers


class ModeAgents:
    """Agents of users with modes: all modes of all users at once, each as a user of its own.

    Parameters
    ----------
    data
        Columns of the instance.
    modes
        Its modes.
    """

    def __init__(self, data: Scaled, modes: ModeColumns) -> None:
        self.modes, self.has = modes, modes.has_modes
        self.all_have = bool(self.has.all())
        self.rows = mode_records(data, user_records(data))
        self.last: Records = np.zeros(len(self.rows), ANSWER)
        self.last["download"], self.last["offload_fraction"] = modes.computes, 0.5

    def step_one(self, targets: Records) -> Records:
        """Minimise (18) over modes; one ANSWER record per user, whose a and ι are the mode's."""
        modes, answers = self.modes, self.last.copy()
        for_all(solve_range, len(answers), self.rows, targets[modes.owner], answers)
        self.last = answers
        best = modes.first_of(np.lexsort((answers["value"], modes.owner)))
        rows = modes.rows(best)
        chosen = answers[rows]
        chosen["mode"] = best
        work = modes.local_gigacycles + modes.edge_gigacycles
        at_edge = np.divide(modes.edge_gigacycles, work, out=np.zeros(len(work)), where=work > 0.0)
        chosen["download"], chosen["offload_fraction"] = (
            modes.download_mbit[rows] > 0.0,
            at_edge[rows],
        )
        return chosen
