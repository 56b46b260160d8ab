"""From solutions of a dual to allocations: their decisions are kept, and the rest is found."""

from __future__ import annotations

from eipyomo.solvers.exact.branching import fingerprint
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import (
    MISMATCH,
    rest_known,
    rest_of,
)
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.kernels import TRACKED, Accuracy, Times
from eipyomo.solvers.exact.prices import PriceOptimum
from eipyomo.solvers.exact.solutions import Decisions, UserSolutions
from eipyomo.solvers.exact.sync_time import minimise_over_sync_time

JUMP = 1e-3
"""Parts of a budget by which usage differs next to an optimum if decisions jump there."""
KNOWN_WELL, KEPT_WELL = 3e-13, 1e-8
"""How well the dual is searched for an allocation that is read off it, relative to the cost, which
may be as much above it, and by how much that may violate a limit."""
ROUNDS = 4
"""So often it is looked for from what was found, where that costs more than the dual says."""
ROUNDED = 2e-15
"""What rounding may add to its cost for each user, whose shares are made to fit."""


def round_to(incumbent: Incumbent, dual: Dual, times: Times, found: UserSolutions) -> bool:
    """Keep a and the basin of ι of every user, and look for the best ι, and the rest, in them.

    They are found better than the search needs them, so that two ways to one optimum agree in more
    digits than a gap has. Where decisions jump, an ι is none of its bounds, or costs are more than
    the dual says, the convex rest is solved for the ι found; where it costs more still, all is
    looked for anew from there. On a grid it is solved for the ι given: each of its points is a
    basin of its own.

    Parameters
    ----------
    incumbent
        Takes the allocation, if it is better.
    dual, times
        In which, and in which range of sync times, it is looked for.
    found
        Solutions that say how users decide.

    Returns
    -------
    bool
        Whether what was tried are the decisions given. A bottom of ι that is followed from afar may
        vanish on the way, and from nearer by it does not.
    """
    if dual.grid_step > 0.0:
        incumbent.update(rest_of(dual, found.records, found.sync_s, found.prices))
        return True
    size = abs(min(incumbent.objective, found.value))
    kept, lost = True, (KNOWN_WELL + ROUNDED * len(dual.users)) * size
    for _ in range(ROUNDS):
        optimum = tracked(dual, times, found, Accuracy(KNOWN_WELL * size, MISMATCH))
        best = optimum.best
        kept = kept and fingerprint(best.records) == fingerprint(found.records)
        if not (_is_between(dual, best) or optimum.largest_jump(dual.capacities) > JUMP):
            incumbent.update(rest_known(dual, optimum), KEPT_WELL)
            if incumbent.objective <= best.value + lost:
                break
        rest = rest_of(dual, best.records, best.sync_s, best.prices)
        incumbent.update(rest)
        if incumbent.rest is not rest or incumbent.objective <= best.value + lost:
            break
        found = rest.solutions
    return kept


def _is_between(dual: Dual, found: UserSolutions) -> bool:
    """Tell whether some ι is between its bounds: the cost is flat there, and shares are not.

    As good as that ι is known, those read off its multipliers are seldom the best ones for it.
    """
    domains, iota = dual.domains, found.records["offload_fraction"]
    is_inside = (domains["offload_min"] < iota) & (iota < domains["offload_max"])
    is_free = found.records["download"] & (domains["modes"] == 0)
    return bool((is_inside & is_free).any())


def tracked(dual: Dual, times: Times, found: UserSolutions, accuracy: Accuracy) -> PriceOptimum:
    """Return the optimum over prices and sync time with a and the basins of ι as found."""
    decisions = Decisions(TRACKED, found.records)
    return minimise_over_sync_time(dual, times, found.sync_s, found.prices, accuracy, decisions)[0]
