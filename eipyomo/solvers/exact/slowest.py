"""The least θ such that every latency T_j is at most θ.

With deadlines min(θ, T_max) the parts of all budgets that are needed fall as θ grows, and θ can be
kept if and only if no more than all are. So θ is bracketed: below by a proof of infeasibility,
above by an allocation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from eipyomo.evaluation import evaluate
from eipyomo.problem import Problem
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.branch_and_bound import BranchAndBound
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.feasibility import Feasibility
from eipyomo.solvers.exact.fixed_decisions import rest_of
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.kernels import Accuracy, Times
from eipyomo.solvers.exact.outcome import ExactOutcome, infeasible, unknown
from eipyomo.solvers.exact.rounding import tracked
from eipyomo.solvers.exact.solutions import UserSolutions
from eipyomo.solvers.exact.sync_time import minimise_over_sync_time

GUESSES, LONGEST_STEP, GUESSED_WELL = 16, 0.5, 1e-8
"""Newton steps, in ln θ, to where the dual needs all of the budgets, and how well that is known."""
ASIDE, NEXT = 0.1, 0.9
"""Parts of the gap: by how much θ is beside a guess or an end, and how far away the other end is
looked for at first."""
REACHED = 0.1
"""Part of what a proof needs that is rounding where an allocation is at θ."""
AS_GOOD, ROUNDED = 1e-6, 1e-12
"""By what part a largest latency may be above the least one found, within the gap, and what of that
is rounding."""
WSEL_GAP, WSEL_NODES = 1e-4, 12
"""When the search for the least WSEL among these ends: it is a good one, not a proven one."""
SHARP = 0.1
"""Part of the gap that a proof of infeasibility needs, in parts of the budgets."""


@dataclass(eq=False)
class _InTime(Feasibility):
    """The search for an allocation of which every latency is at most θ.

    Attributes
    ----------
    wanted_s
        θ.
    """

    wanted_s: float = math.inf

    @property
    def done(self) -> bool:
        """Whether such an allocation was met, but for rounding."""
        return self.incumbent.objective <= self.wanted_s * (1.0 + REACHED * self.clear)

    def _round_to_incumbent(self, dual: Dual, found: UserSolutions) -> bool:
        """Take the least of the budgets for decisions, and then all of them."""
        best = tracked(dual, self._times, found, self._accuracy).best
        self.incumbent.update(rest_of(self.dual, best.records, best.sync_s))
        return True


def solve_slowest(
    problem: Problem, gap: float, absolute_gap: float, clock: Clock, node_limit: int | None
) -> ExactOutcome:
    """Find the least largest latency; see :func:`.solve.solve_exact`."""
    dual = Dual.of(problem)
    incumbent = Incumbent.of(dual)
    nodes = 0
    if incumbent.rest is None:
        first = Feasibility.of(dual, incumbent)
        if first.is_late or first.run(clock, node_limit):
            return infeasible(first)
    low_s = _never_below(problem)
    proof: Feasibility = _InTime.of(_dual_in_time(problem, low_s), incumbent)
    if incumbent.rest is None:
        return unknown(proof)
    closed, step = False, 1.0
    allowed = max(gap * abs(incumbent.objective), absolute_gap)
    wanted_s = _where_all_is_needed(problem, incumbent.objective) - ASIDE * allowed
    while clock.left_s > 0.0 and (node_limit is None or nodes < node_limit):
        high_s = incumbent.objective
        allowed = max(gap * abs(high_s), absolute_gap)
        closed = high_s - low_s <= allowed
        if closed:
            break
        if not low_s + ASIDE * allowed <= wanted_s <= high_s - ASIDE * allowed:
            wanted_s = 0.5 * (low_s + high_s)
        search = _InTime.of(_dual_in_time(problem, wanted_s), incumbent, SHARP * gap)
        search.wanted_s = wanted_s
        proven = search.is_late or search.run(clock, node_limit)
        nodes += len(search.trace)
        if search.done:
            wanted_s = incumbent.objective - step * NEXT * allowed
        elif proven:
            low_s, proof = wanted_s, search
            wanted_s = low_s + step * NEXT * allowed
        else:
            break
        step *= 2.0
    if closed:
        allowed = max(gap * abs(incumbent.objective), absolute_gap)
        _lower_wsel(problem, incumbent, low_s + NEXT * allowed, clock)
    return ExactOutcome(
        problem,
        "optimal" if closed else "limit",
        f"{'proven within' if closed else 'stopped'} {incumbent.objective - low_s:.3g} "
        f"{'of the optimum' if closed else 'above the bound'}",
        bound=low_s,
        tree=proof.root,
        dual=proof.dual,
        allocation=incumbent.allocation,
        objective=incumbent.objective,
        nodes=nodes,
    )


def _never_below(problem: Problem) -> float:
    """Return what the largest latency is never below: nobody's is before its own training ends.

    In a mode without an update it may be as soon as the round begins.
    """
    data = problem.data
    least_s, modes, previous_s = data.local_training_s, data.modes, data.previous_download_s
    if modes is not None:
        trained_s = np.where(modes.update_mbit > 0.0, modes.training_s, -previous_s[modes.owner])
        least_s = modes.best(np.minimum, trained_s, least_s)
    return float(np.max(least_s))


def _lower_wsel(problem: Problem, incumbent: Incumbent, latest_s: float, clock: Clock) -> None:
    """Take the allocation of the least WSEL of those that are as good, or nearly so.

    Many allocations may have one largest latency; so the answer is a sensible one of them.
    """
    by_s = max(min(incumbent.objective * (1.0 + AS_GOOD), latest_s), incumbent.objective)
    if by_s <= 0.0:  # no deadline of an instance can be so early
        return
    own = {user.name: user.deadline_s or math.inf for user in problem.instance.users}
    limits = {name: {"deadline_s": min(one, by_s)} for name, one in own.items()}
    instance = problem.instance.replace(users=limits)
    within = Problem(instance, problem.restriction, problem.stage)
    dual, cheaper = Dual.of(within), Incumbent(within)
    if incumbent.rest is not None:
        cheaper.update(incumbent.rest)
    if cheaper.rest is not None and dual.latest_s > dual.earliest_s:
        BranchAndBound(dual, cheaper, WSEL_GAP, 0.0).run(clock, WSEL_NODES)
        slowest_s = evaluate(problem, cheaper.rest.allocation).value
        if slowest_s <= by_s * (1.0 + ROUNDED):
            incumbent.rest, incumbent.objective = cheaper.rest, slowest_s


def _dual_in_time(problem: Problem, wanted_s: float) -> Dual:
    """Return the dual in which no latency may be above θ."""
    dual = Dual.of(problem)
    users = dual.users.copy()
    by = wanted_s + problem.data.previous_download_s
    users["deadline_s"] = np.minimum(users["deadline_s"], by)
    modes = dual.modes.copy()
    if problem.data.modes is not None:
        modes["deadline_s"] = users["deadline_s"][problem.data.modes.owner]
    return replace(dual, users=users, modes=modes)


def _where_all_is_needed(problem: Problem, high_s: float) -> float:
    """Return about the θ at which the dual needs all of the budgets, by Newton's method.

    Steps that lead out of what is bracketed go to its middle: what is needed grows without end
    where some user can hardly be in time.
    """
    theta_s, low_s = high_s, 0.0
    for _ in range(GUESSES):
        dual = _dual_in_time(problem, theta_s).for_ray()
        if dual.latest_s <= dual.earliest_s:
            break
        times = Times(dual.earliest_s * (1.0 + 1e-11), dual.latest_s)
        optima = minimise_over_sync_time(
            dual, times, 0.5 * sum(times), dual.no_prices, Accuracy(GUESSED_WELL)
        )
        best = optima[0].best
        if best.value <= 0.0:  # nothing is needed
            break
        binding = problem.data.deadline_s >= theta_s
        slope = -float(best.records["deadline"][binding].sum()) * theta_s / best.value
        if slope >= 0.0:
            break
        low_s, high_s = (theta_s, high_s) if best.value > 1.0 else (low_s, theta_s)
        step = -math.log(best.value) / slope
        theta_s *= math.exp(min(max(step, -LONGEST_STEP), LONGEST_STEP))
        if not low_s <= theta_s <= high_s:
            theta_s = math.sqrt(low_s * high_s)
        if abs(step) < GUESSED_WELL:
            break
    return theta_s
