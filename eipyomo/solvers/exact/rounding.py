"""From solutions of a dual to allocations: their decisions are kept, and the rest is found."""

from __future__ import annotations

from eipyomo.problem import Feature
from eipyomo.solvers.exact.dual import Decisions, Dual, UserSolutions
from eipyomo.solvers.exact.fixed_decisions import ACCURACY, ConvexRest, rest_known, rest_of
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.kernels import TRACKED, Accuracy, Times
from eipyomo.solvers.exact.prices import PriceOptimum
from eipyomo.solvers.exact.sync_time import minimise_over_sync_time

COARSE, FINE = 1e-4, 1e-9
"""How well prices clear the budgets where ι is taken over from solutions: at a limited frequency a
user without CPU energy ends both branches together, and pays to first order for a wrong ι."""
JUMP = 1e-3
"""Parts of a budget by which usage differs next to an optimum if decisions jump there."""
KNOWN_WELL, KEPT_WELL = 1e-12, 1e-8
"""How well the dual is searched where an allocation is read off it and not solved for, relative to
the cost, and by how much that may violate a limit."""


def round_to(
    incumbent: Incumbent, dual: Dual, times: Times, found: UserSolutions, accuracy: Accuracy
) -> None:
    """Keep a and the basin of ι of every user, and solve the convex rest at the best ι.

    Where limits bind, the best ι leave little room for anything else: it is known already.

    Parameters
    ----------
    incumbent
        Takes the allocation, if it is better.
    dual, times
        In which, and in which range of sync times, it is looked for.
    found
        Solutions that say how users decide.
    accuracy
        How well the best ι are looked for at least.
    """
    priced = any(found.prices[place] > 0.0 for place in dual.totals if place >= 0)
    mismatch = FINE if _serves(dual) or priced else COARSE
    optimum = tracked(dual, times, found, accuracy._replace(mismatch=mismatch))
    if keeps_limits(optimum.best) and optimum.largest_jump(dual.capacities) <= JUMP:
        size = abs(min(incumbent.objective, optimum.best.value))
        well = Accuracy(KNOWN_WELL * size, ACCURACY)
        optimum = tracked(dual, times, optimum.best, well)
        incumbent.update(rest_known(dual, optimum), KEPT_WELL)
        if incumbent.objective <= optimum.best.value + well.tolerance:
            return
    best = optimum.best
    incumbent.update(rest_of(dual, best.records, best.sync_s, best.prices))


def tracked(dual: Dual, times: Times, found: UserSolutions, accuracy: Accuracy) -> PriceOptimum:
    """Return the optimum over prices and sync time with a and the basins of ι as found."""
    decisions = Decisions(TRACKED, found.records)
    return minimise_over_sync_time(dual, times, found.sync_s, found.prices, accuracy, decisions)[0]


def suiting(dual: Dual, times: Times, rest: ConvexRest, objective: float) -> UserSolutions:
    """Return the users' solutions at prices that suit an allocation.

    Where ι is sensitive to prices, they are those at which its ι are the best ones of their
    basins: for fixed ι, a price may be any of a range.
    """
    totals = Feature.FLEET_BUDGETS in dual.problem.features
    if not (_serves(dual) or totals or keeps_limits(rest.solutions)):
        return rest.solutions
    accuracy = Accuracy(ACCURACY * abs(objective), mismatch=ACCURACY)
    return tracked(dual, times, rest.solutions, accuracy).best


def keeps_limits(found: UserSolutions) -> bool:
    """Tell whether a user pays for its limits."""
    return bool((found.records["deadline"] > 0.0).any() or (found.records["energy"] > 0.0).any())


def _serves(dual: Dual) -> bool:
    """Tell whether the frequencies f_{s,j} are decisions, which cost something."""
    return Feature.EDGE_BUDGET in dual.problem.features
