"""Step 1 by the end users' blocks of the whole Pyomo model, one agent each, with Ipopt.

An agent's model is built once and written once; multipliers, targets, penalties, a and ι are data
that change in place. Its solver runs in a worker process that stays alive. Everything that a solve
starts from travels with the task, so that it does not matter which executor, process or thread
takes it.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyomo.environ as pyo

from eipyomo import models, timing
from eipyomo.errors import SolverError
from eipyomo.models import bounds
from eipyomo.models.writers import nl
from eipyomo.solvers import backends
from eipyomo.solvers.admm.records import ANSWER
from eipyomo.solvers.backends.worker import Worker
from eipyomo.solvers.records import Records
from eipyomo.timing import Plan

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from eipyomo.scaled import FloatColumn, Scaled
    from eipyomo.solvers.admm.search import OffloadSearch

HORIZON_FACTOR = 10.0
"""Copies may leave what an optimum of (10) allows, so an agent's times end that much later."""

SOLVE_LIMIT_S = 20.0
"""A solve takes milliseconds; a worker that needs so long is ended."""

# Where a = 0 the constraint on f is degenerate and its multiplier large. Ipopt divides its errors
# by the mean multiplier where that exceeds s_max, and then calls points solved that are 1e-4 off.
OPTIONS = {"tol": 1e-11, "bound_relax_factor": 0.0, "s_max": 1e8}
WARM_OPTIONS = {
    "warm_start_init_point": "yes",
    "mu_init": 1e-5,
    "warm_start_bound_push": 1e-7,
    "warm_start_mult_bound_push": 1e-7,
    "warm_start_slack_bound_push": 1e-7,
}

Warm = dict[str, list[float]]


class PyomoAgent:
    """One agent: its model, and its problem in a worker.

    Parameters
    ----------
    data
        Columns of one user, at its stage.
    horizon_s
        See :func:`eipyomo.models.build_agent`.
    worker
        Where it is solved.
    """

    def __init__(self, data: Scaled, horizon_s: float, worker: Worker) -> None:
        self.data = data
        self.model = models.build_agent(data, horizon_s)
        self.worker = worker
        self.key = uuid.uuid4().hex
        self.warm: Warm | None = None
        self.rows: list[float] = []
        user = self.model.user
        self.parameters = models.agent_parameters(data)
        told = [getattr(self.model, name) for name in self.parameters]
        told += [user.download, user.offload_fraction]
        for variable in told:
            variable.unfix()  # a fixed variable would be a number in the file
        text, self.columns, self.constraints = nl(self.model)
        self.places = {id(variable): place for place, variable in enumerate(self.columns)}
        question = {
            "load": self.key,
            "nl": text,
            "parameters": [self.places[id(variable)] for variable in told],
            "options": OPTIONS,
            "warm_options": WARM_OPTIONS,
        }
        worker.ask(question, SOLVE_LIMIT_S)

    def solve(self, target: Records, download: bool, offload: float) -> Records:
        """Solve (18) at given a and ι; the model's variables hold the answer afterwards."""
        told = [
            value
            for name, value in zip(models.AGENT_PARAMETERS, target[0].tolist(), strict=True)
            if name in self.parameters
        ]
        told += [float(download), offload]
        question = {
            "solve": self.key,
            "parameters": told,
            "start": self.start(target[0], offload),
            "warm": self.warm,
        }
        answer = self.worker.ask(question, SOLVE_LIMIT_S)
        if answer["status"] != "converged":
            raise SolverError(
                f"Ipopt failed on the sub-problem of user {self.data.names[0]!r} at "
                f"a = {download:d}, ι = {offload:g}: {answer['message']}"
            )
        self.warm, self.rows = answer["warm"], answer["rows"]
        for variable, value in zip(self.columns, answer["values"], strict=True):
            variable.set_value(value, skip_validation=True)
        return self.answer(download, offload)

    def start(self, target: Any, offload: float) -> list[float]:
        """Return a point strictly inside for a cold start: the target's shares, all a bit late."""
        data, model, user = self.data, self.model, self.model.user
        limited = data.total_frequency_ghz is not None
        least_ghz, most_ghz = 0.1 * data.equal_frequency_ghz, 0.9 * data.server_frequency_ghz
        edge_ghz = min(max(float(target["edge_frequency_ghz"]), least_ghz), most_ghz)
        plan = Plan(
            sync_s=float(target["sync_s"]),
            download=np.ones(1),
            offload_fraction=np.array([offload]),
            frequency_ghz=0.9 * bounds.unconstrained_frequency_ghz(data),
            uplink_share=_inside(target["uplink_share"], model.uplink_copy.lb),
            downlink_share=_inside(target["downlink_share"], user.receiving_share.lb),
            edge_frequency_ghz=np.array([edge_ghz if limited else data.server_frequency_ghz]),
        )
        times = timing.times(data, plan, timing.needs(data, plan))
        upload_s, download_s = 1.05 * times.upload_s, 1.05 * times.download_s
        offload_s = 1.05 * times.offload_s + 1e-3
        local_s = 1.05 * times.local_inference_s + 1e-3
        edge_s = 1.05 * times.edge_inference_s + 1e-3 if limited else times.edge_inference_s
        sync_s = np.maximum(data.upload_start_s + 1.05 * upload_s, plan.sync_s)
        ready_s = 1.05 * np.maximum(sync_s, data.upload_start_s + upload_s + offload_s)
        latency_s = 1.05 * np.maximum(ready_s + edge_s, sync_s + download_s + local_s)
        values = {
            id(model.uplink_copy): plan.uplink_share,
            id(model.sync_copy): sync_s,
            id(model.downlink_copy): np.maximum(plan.downlink_share, 1e-3),
            id(model.component("edge_frequency_copy")): plan.edge_frequency_ghz,
            id(user.edge_inference_s): edge_s,
            id(user.frequency_ghz): plan.frequency_ghz,
            id(user.receiving_share): plan.downlink_share,
            id(user.upload_s): upload_s,
            id(user.offload_s): offload_s,
            id(user.ready_s): ready_s,
            id(user.download_s): download_s,
            id(user.local_inference_s): local_s,
            id(user.latency_s): latency_s,
            id(model.component("missed_deadline_s")): latency_s / data.deadline_s,
            id(model.component("missed_energy_budget_j")): np.ones(1),
        }
        return [float(values.get(id(variable), np.zeros(1))[0]) for variable in self.columns]

    def answer(self, download: bool, offload: float) -> Records:
        """Read the model's variables as one ANSWER record."""
        model, user = self.model, self.model.user
        computes = download and offload < 1.0 and self.data.task_mbit[0] > 0.0
        record: Records = np.zeros(1, ANSWER)
        record["download"], record["offload_fraction"] = download, offload
        record["value"], record["cost"] = pyo.value(model.augmented_cost), pyo.value(user.wsel)
        record["uplink_share"] = model.uplink_copy.value
        record["sync_s"] = model.sync_copy.value
        record["downlink_share"] = model.downlink_copy.value
        if model.component("edge_frequency_copy") is not None:
            record["edge_frequency_ghz"] = model.edge_frequency_copy.value
        record["frequency_ghz"] = user.frequency_ghz.value if computes else 0.0
        record["mu"] = abs(self.multiplier(user.local_latency)) if download else 0.0
        for name, key in (("deadline", "deadline_s"), ("energy", "energy_budget_j")):
            row = model.component(f"priced_{key}")
            record[name] = 0.0 if row is None else abs(self.multiplier(row))
        return record

    def multiplier(self, constraint: Any) -> float:
        """Return the multiplier of a constraint of the model at the last answer."""
        place = next(i for i, row in enumerate(self.constraints) if row is constraint)
        return self.rows[place]


class Task(NamedTuple):
    """Step 1 of one user, as it travels to an executor."""

    run: str
    data: Scaled
    horizon_s: float
    search: OffloadSearch
    target: Records
    warm: Warm | None


class Done(NamedTuple):
    """What comes back."""

    answer: Records
    warm: Warm | None


@dataclass
class _Desk(threading.local):
    """The agents of the current run in this thread of this process."""

    process: int = 0
    run: str = ""
    worker: Worker | None = None
    agents: dict[str, PyomoAgent] | None = None


_DESK = _Desk()
_BUILDING = threading.Lock()
"""Pyomo's writer is not made for threads."""


def step_one_of(task: Task) -> Done:
    """Take step 1 for one user, with the agent that this thread has, or a new one."""
    agent = _agent(task)
    agent.warm = task.warm
    return Done(task.search.run(agent, task.target), agent.warm)


def _agent(task: Task) -> PyomoAgent:
    if (_DESK.process, _DESK.run) != (os.getpid(), task.run) or _DESK.worker is None:
        script = Path(backends.__file__).with_name("casadi_worker.py")
        _DESK.process, _DESK.run = os.getpid(), task.run
        _DESK.worker, _DESK.agents = Worker(script), {}
    agents = _DESK.agents
    assert agents is not None
    name = task.data.names[0]
    if name not in agents:
        with _BUILDING:
            agents[name] = PyomoAgent(task.data, task.horizon_s, _DESK.worker)
    return agents[name]


class PyomoAgents:
    """All agents, one after the other or side by side in an executor.

    Parameters
    ----------
    data
        Columns of the instance at its stage.
    search
        Over a and ι.
    executor
        Where tasks run; here if None.
    """

    def __init__(
        self, data: Scaled, search: OffloadSearch, executor: Executor | None = None
    ) -> None:
        backends.backend("ipopt").require()
        self.run = uuid.uuid4().hex
        self.searches = [search.of_user(j) for j in range(len(data))]
        self.executor = executor
        self.users = [data.repeated(np.array([j])) for j in range(len(data))]
        self.horizons_s = horizons_s(data)
        self.warm: list[Warm | None] = [None] * len(data)

    def step_one(self, targets: Records, deadline: float) -> Records | None:
        """Minimise (18) for every user."""
        tasks = [
            Task(self.run, data, float(horizon_s), search, targets[j : j + 1], warm)
            for j, (data, horizon_s, search, warm) in enumerate(
                zip(self.users, self.horizons_s, self.searches, self.warm, strict=True)
            )
        ]
        answers = []
        run = map if self.executor is None else self.executor.map
        for j, done in enumerate(run(step_one_of, tasks)):
            answers.append(done.answer)
            self.warm[j] = done.warm
            if time.monotonic() >= deadline:
                return None
        return np.concatenate(answers)


def horizons_s(data: Scaled) -> FloatColumn:
    """Return an upper bound on each agent's times; see :func:`eipyomo.models.build_agent`.

    An agent may miss its deadline, and narrow shares take their time.
    """
    latest_s = bounds.latest_s(replace(data, deadline_s=np.full(len(data), np.inf)))
    return HORIZON_FACTOR * latest_s / np.minimum(data.uplink_share_max, data.downlink_share_max)


def _inside(share: float, floor: float) -> FloatColumn:
    """Return a share that is no bound, of shape (1,)."""
    return np.array([min(max(share, 10.0 * floor, 1e-6), 0.9)])
