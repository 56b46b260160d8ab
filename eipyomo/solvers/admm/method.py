"""The method as users call it: options, and what is reported of the loop of section III."""

from __future__ import annotations

import importlib
import time
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

from eipyomo.errors import InputError
from eipyomo.solvers.admm.search import Search
from eipyomo.solvers.admm.settings import Settings, starting_point
from eipyomo.solvers.backends import backend
from eipyomo.solvers.judge import Claim, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from eipyomo.allocation import Allocation
    from eipyomo.instance import Instance
    from eipyomo.result import Result
    from eipyomo.scaled import Round
    from eipyomo.solvers.admm.consensus import Penalties
    from eipyomo.solvers.admm.loop import Run

EngineName = Literal["kernel", "pyomo"]

GAP = 1e-4
TIME_LIMIT_S = 60.0

CYCLE_WINDOW, CYCLE_RETURNS = 40, 3
"""Iterations at the end in which a cycle is looked for, and returns that make one."""


def solve_admm(
    instance: Instance,
    *,
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    round: Round = "inference",
    preset: str = "default",
    engine: str = "kernel",
    executor: Executor | None = None,
    start: Literal["equal"] | Allocation = "equal",
    penalty: float | Mapping[str, float] | None = None,
    balance: bool | None = None,
    stop: str | None = None,
    primal_tolerance: float | None = None,
    dual_tolerance: float | None = None,
    offload_grid: int | None = None,
    offload_tolerance: float | None = None,
    max_iterations: int | None = None,
    patience: int | None = None,
) -> Result:
    """Solve problem (10) by the letter's ADMM; a heuristic, which proves no bound.

    Whatever is None is the preset's.

    Parameters
    ----------
    instance
        The instance.
    gap
        Taken as by every method, and without effect: there is no bound to compare with.
    time_limit
        In s, from now; the compiled engine makes at least one iteration.
    round
        "training" for a round before the last: L = 0, a = 1 and ι = 0 for everybody.
    preset
        "default": penalties scaled to the instance, and a stop that knows no units; "letter":
        c = 20, ε1 = 1.5M·1e-4 and ε2 = M·1e-4 as in Table I.
    engine
        What solves (18) at given a and ι: "kernel", compiled, or "pyomo", the end users' blocks
        of the whole model with Ipopt.
    executor
        Where the Pyomo engine's agents run, any ``concurrent.futures.Executor``; the result does
        not depend on it.
    start
        "equal": all shares 1/(2M), and the sync time that follows; or an allocation to start from.
    penalty
        c of (14) for all blocks, or a mapping with the keys uplink, sync and downlink; and edge,
        where the server has a total frequency.
    balance
        Whether penalties follow the residuals, see :class:`Settings`.
    stop
        "absolute" for (24) as printed, "relative" for residuals without units.
    primal_tolerance, dual_tolerance
        ε1 and ε2; for an absolute stop per user, as in Table I.
    offload_grid
        Parts of [0, 1] in the coarse scan over ι.
    offload_tolerance
        ε0, the absolute width at which the golden-section search over ι ends.
    max_iterations
        Iterations after which to stop in any case.
    patience
        Iterations without a better allocation after which to stop.

    Returns
    -------
    Result
        The best recovered allocation of the run. `trace` has a row for each iteration:
        ``consensus_objective`` (Σ q_j at the agents' copies), ``recovered_objective`` and
        ``best_objective``; ``primal_residual`` and ``dual_residual``, the sums of (24), with their
        parts; ``sync_s`` in s, ``downloads``, and for up to 20 users ``download`` and
        ``offload_fraction``.

    Raises
    ------
    InputError
        If an option is not allowed.
    SolverError
        If the Pyomo engine's solver is missing or fails.
    """
    started = time.monotonic()
    data = instance.scaled.for_round(round)
    settings = Settings.of(
        preset,
        {
            "penalty": penalty,
            "balance": balance,
            "stop": stop,
            "primal_tolerance": primal_tolerance,
            "dual_tolerance": dual_tolerance,
            "offload_grid": offload_grid,
            "offload_tolerance": offload_tolerance,
            "max_iterations": max_iterations,
            "patience": patience,
        },
    )
    consensus = starting_point(start, data, settings.penalties(data))
    search = Search(settings.offload_grid, settings.offload_tolerance, training=round == "training")
    if engine not in get_args(EngineName):
        raise InputError(
            f"engine is {engine!r}, but must be one of: {', '.join(get_args(EngineName))}"
        )
    if executor is not None and engine != "pyomo":
        raise InputError("executor is given, but only engine 'pyomo' takes one")
    preparing = time.monotonic()
    loop = _loop()
    loop.prepare(data, consensus)
    agents = loop.agents(engine, data, search, executor)
    recovery = loop.Recovery(instance, round)
    setup_s = time.monotonic() - preparing
    deadline = started + setup_s + time_limit
    run: Run = loop.iterate(agents, consensus, settings, recovery, deadline)
    solver = backend("ipopt") if engine == "pyomo" else None
    return judge(
        instance,
        Claim(
            status=run.status,
            allocation=recovery.incumbent,
            message=_message(run, recovery.incumbent_iteration),
            solver_version=solver.version() if solver else None,
            setup_s=setup_s,
            iterations=len(run.trace),
            trace=run.trace,
        ),
        method="admm",
        problem="training" if round == "training" else "joint",
        gap=gap,
        wall_s=time.monotonic() - started - setup_s,
        solver=solver.name if solver else None,
        options=_options(preset, engine, settings, consensus.penalties, time_limit),
        round=round,
    )


@cache
def _loop() -> Any:
    """Return the module of the loop, which loads compiled code and takes a second."""
    return importlib.import_module("eipyomo.solvers.admm.loop")


def _message(run: Run, best_iteration: int) -> str:
    """Say where the best allocation comes from, and why the run did not settle if it did not."""
    if not run.trace:
        return "the time was too short for one iteration"
    words = f"best allocation from iteration {best_iteration} of {len(run.trace)}"
    if run.status == "converged":
        return words
    window = min(len(run.trace), CYCLE_WINDOW)
    returns = count_returns(run.choices)
    if returns >= CYCLE_RETURNS:
        words += (
            f"; the download decisions cycle, {returns} times in the last {window} iterations they "
            "came back to a choice left before, which another penalty may settle"
        )
    elif stalled([row["primal_residual"] for row in run.trace]):
        words += (
            f"; the residuals have not fallen for {window} iterations, which another penalty may "
            "change"
        )
    return words


def stalled(primal: Sequence[float]) -> bool:
    """Tell whether the residual got no smaller within the window than it had been before."""
    return len(primal) > CYCLE_WINDOW and min(primal[-CYCLE_WINDOW:]) >= 0.9 * min(
        primal[:-CYCLE_WINDOW]
    )


def count_returns(choices: Sequence[bytes]) -> int:
    """Return how often a sequence comes back to an element that it had left."""
    seen = set(choices[:1])
    returns = 0
    for last, choice in pairwise(choices):
        returns += choice != last and choice in seen
        seen.add(choice)
    return returns


def _options(
    preset: str, engine: str, settings: Settings, penalties: Penalties, time_limit: float
) -> dict[str, Any]:
    """Return the options as used, for the result."""
    used_penalties = {block: c for block, c in vars(penalties).items() if c is not None}
    used = {**vars(settings), "penalty": used_penalties}
    return {"preset": preset, "engine": engine, **used, "time_limit": time_limit}
