"""The method as it is called: its options, and what is reported of the loop of section III."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError
from eipyomo.problem import LETTER_FEATURES, USER_LIMIT_FEATURES, Feature, Problem
from eipyomo.solvers import admm
from eipyomo.solvers.admm.records import BLOCKS
from eipyomo.solvers.admm.settings import AdmmOptions, Settings
from eipyomo.solvers.admm.start import starting_point
from eipyomo.solvers.backends import backend
from eipyomo.solvers.contract import Claim, Clock, Method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eipyomo.solvers.admm.loop import Run
    from eipyomo.solvers.admm.recovery import Recovery

CYCLE_WINDOW, CYCLE_RETURNS = 40, 3
"""Iterations at the end in which a cycle is looked for, and returns that make one."""


class Admm(Method[AdmmOptions]):
    """The letter's ADMM; a heuristic, which proves no bound.

    The claim has the best recovered allocation of the run. Its `trace` has a row for each
    iteration: ``consensus_objective`` (Σ q_j at the agents' copies), ``recovered_objective``, which
    is the recovered allocation's WSEL but for rounding, and ``best_objective``;
    ``primal_residual`` and ``dual_residual``, the sums of (24), with their parts;
    ``primal_measure`` and ``dual_measure``, what the stopping rule compares with its tolerances;
    ``sync_s`` in s, ``downloads``, and for up to 20 users ``download`` and ``offload_fraction``.
    """

    name = "admm"
    description = "the letter's decomposition: a heuristic, linear in the users"
    Options = AdmmOptions
    handles = LETTER_FEATURES | USER_LIMIT_FEATURES | {Feature.MODES}

    def backends(self, options: AdmmOptions) -> tuple[str, ...]:
        """Return the Pyomo engine's solver."""
        return ("ipopt",) if options.engine == "pyomo" else ()

    def run(self, problem: Problem, options: AdmmOptions, clock: Clock) -> Claim:
        """Repeat the three steps until they settle, or the time is up.

        Raises
        ------
        InputError
            If the start or the penalty belongs to another problem.
        SolverError
            If the Pyomo engine's solver is missing or fails.
        """
        if options.engine == "pyomo" and problem.data.modes is not None:
            raise InputError("engine is 'pyomo', but must be 'kernel' where users have modes")
        settings = Settings.of(options)
        consensus = starting_point(options.start, problem, settings.penalties(problem))
        if problem.contradiction is not None:
            return Claim(status="infeasible", message=problem.contradiction)
        preparing = time.monotonic()
        admm.loop.prepare()
        deadline = clock.but_for(time.monotonic() - preparing).deadline
        agents = admm.loop.agents(options.engine, problem, settings, options.executor)
        setup_s = time.monotonic() - preparing
        recovery = admm.loop.Recovery(problem)
        run = admm.loop.iterate(agents, consensus, settings, recovery, deadline)
        solver = backend("ipopt") if options.engine == "pyomo" else None
        return Claim(
            status="limit" if recovery.best is None else run.status,
            allocation=recovery.incumbent,
            message=_message(run, recovery),
            solver=solver.name if solver else None,
            solver_version=solver.version() if solver else None,
            setup_s=setup_s,
            iterations=len(run.trace),
            trace=run.trace,
            options=_used(options, settings, consensus.penalties),
        )


def _used(
    options: AdmmOptions, settings: Settings, penalties: Mapping[str, float]
) -> dict[str, Any]:
    """Return the options as used: with the preset's values, and the penalty of every block."""
    return {
        "preset": options.preset,
        "engine": options.engine,
        **vars(settings),
        "penalty": {BLOCKS[quantity]: penalty for quantity, penalty in penalties.items()},
        "time_limit": options.time_limit,
    }


def _message(run: Run, recovery: Recovery) -> str:
    """Say where the best allocation comes from, and why the run did not settle if it did not."""
    if not run.trace:
        return "the time was too short for one iteration"
    words = f"best allocation from iteration {recovery.incumbent_iteration} of {len(run.trace)}"
    if recovery.best is None:
        words = f"none of {len(run.trace)} iterations gave decisions with which the limits are kept"
        if recovery.is_late:
            words += ": the uploads end after the first deadline, even if they have the whole band"
        elif recovery.nearest is not None:
            words += f"; in the nearest, {recovery.nearest}"
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
