"""The loop of section III: steps 1 to 3, the recovery, and one row of the trace an iteration."""

from __future__ import annotations

import time
from collections import deque
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.solvers import exact
from eipyomo.solvers.admm.agents import Agents, KernelAgents
from eipyomo.solvers.admm.consensus import residuals, update_multipliers
from eipyomo.solvers.admm.kernel import solve_range
from eipyomo.solvers.admm.records import BLOCKS
from eipyomo.solvers.admm.recovery import Recovery
from eipyomo.solvers.admm.search import OffloadSearch
from eipyomo.solvers.admm.settings import BALANCE_EVERY, Engine, Settings, balanced, burdened
from eipyomo.solvers.admm.start import scaled_penalties, starting_point
from eipyomo.solvers.admm.step_two import update_consensus

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from eipyomo.solvers.admm.consensus import Consensus, Residuals
    from eipyomo.solvers.records import Records

__all__ = ["Recovery", "Run", "agents", "iterate", "prepare"]

USERS_IN_TRACE = 20
"""Up to so many users the trace holds a and ι of every one."""

KEPT_CHOICES = 40
"""How many iterations' a are kept to look for a cycle."""


class Run(NamedTuple):
    """What the loop leaves: why it ended, one row per iteration, and the last a of all users."""

    status: Literal["converged", "limit"]
    trace: list[dict[str, Any]]
    choices: tuple[bytes, ...]


def iterate(
    agents: Agents,
    consensus: Consensus,
    settings: Settings,
    recovery: Recovery,
    deadline: float,
) -> Run:
    """Repeat steps 1 to 3 until (24) holds; the recovery keeps the best allocation met.

    Where limits are tight, decisions may settle before they are ones with which the limits are
    kept. So (24) does not end a run before there is an allocation; coming no nearer does.
    """
    trace: list[dict[str, Any]] = []
    choices: deque[bytes] = deque(maxlen=KEPT_CHOICES)
    for iteration in range(1, settings.max_iterations + 1):
        copies = agents.step_one(consensus.targets(), deadline)
        if copies is None:
            break
        before = consensus
        consensus = update_multipliers(update_consensus(consensus, copies), copies)
        if settings.balance:
            consensus = burdened(consensus, copies)
        found = residuals(before, consensus, copies)
        recovered = recovery.recover(copies, iteration)
        best = recovery.best.cost if recovery.best is not None else None
        primal, dual = settings.measures(found, consensus)
        row = _row(iteration, copies, consensus, found, recovered, best)
        trace.append({**row, "primal_measure": primal, "dual_measure": dual})
        choices.append(copies["download"].tobytes())
        if settings.met(primal, dual) and recovery.best is not None:
            return Run("converged", trace, tuple(choices))
        rested = iteration - recovery.progress_iteration >= settings.patience
        if rested or time.monotonic() >= deadline:
            break
        if settings.balance and iteration % BALANCE_EVERY == 0:
            consensus = balanced(consensus, found)
    return Run("limit", trace, tuple(choices))


def agents(
    engine: Engine, problem: Problem, settings: Settings, executor: Executor | None
) -> Agents:
    """Return who takes step 1."""
    search = OffloadSearch.of(problem, settings.offload_grid, settings.offload_tolerance)
    if engine == "pyomo":
        by_pyomo = import_module("eipyomo.solvers.admm.pyomo_agents")  # Pyomo takes long to load
        found: Agents = by_pyomo.PyomoAgents(problem.data, search, executor)
        return found
    return KernelAgents(problem.data, search)


@cache
def prepare() -> None:
    """Compile the kernels, or load them, on one user; done once a process."""
    problem = Problem(Instance.letter(users=1))
    consensus = starting_point("equal", problem, scaled_penalties(problem))
    one, targets = (
        KernelAgents(problem.data, OffloadSearch.of(problem, 1, 1.0)),
        consensus.targets(),
    )
    copies = one.step_one(targets)
    update_consensus(consensus, copies)
    solve_range(one.users, targets, copies, 0, 1)
    Recovery(problem).recover(copies, 1)
    exact.prepare()


def _row(
    iteration: int,
    copies: Records,
    consensus: Consensus,
    found: Residuals,
    recovered: float | None,
    best: float | None,
) -> dict[str, Any]:
    """Return one row of the trace, in plain numbers."""
    row = {
        "iteration": iteration,
        "consensus_objective": float(copies["cost"].sum()),
        "recovered_objective": recovered,
        "best_objective": best,
        "primal_residual": found.primal,
        "dual_residual": found.dual,
        **{f"{BLOCKS[quantity]}_residual": part for quantity, part in found.primal_parts.items()},
        **{f"{BLOCKS[quantity]}_change": part for quantity, part in found.dual_parts.items()},
        "sync_s": consensus.sync_s,
        "downloads": int(np.count_nonzero(copies["download"])),
    }
    if len(copies) <= USERS_IN_TRACE:
        row["download"] = copies["download"].tolist()
        row["offload_fraction"] = copies["offload_fraction"].tolist()
    return row
