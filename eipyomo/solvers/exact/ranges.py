"""Where to look in a range of sync times, and where to split it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eipyomo.solvers.exact.kernels import Times
from eipyomo.solvers.exact.solutions import UserSolutions

NEAR = 0.05
"""Part of a range from its end that is nearest to the lowest point."""
SHORTEST = 1e-9
"""Ranges of times, relative to their end, that are not split: rounding stands in the way."""
MARGIN = 0.1
"""Parts at the ends of a range where splitting it would leave a sliver, and where the lowest point
counts as outside."""
WIDENED, WIDE = 1.5, 0.5
"""How much wider than estimated the range of undecided times is taken, since the estimate is a
parabola's; and the part of the whole from which on the whole is taken."""


def inside(times: Times, lowest_s: float) -> float:
    """Return a sync time to prove a range from: near its end where the dual is lowest.

    From there on the dual rises, and a line that is good near the lowest point proves more.
    """
    width = times.last - times.first
    if lowest_s <= times.first + MARGIN * width:
        return times.first + NEAR * width
    is_late = lowest_s >= times.last - MARGIN * width
    return times.last - NEAR * width if is_late else times.first + 0.5 * width


def halfway(times: Times, wanted_s: float) -> float | None:
    """Return where to split a range: at a time wanted, if that is well within it.

    None for a range that is too short.
    """
    width = times.last - times.first
    if width <= SHORTEST * times.last:
        return None
    is_within = times.first + MARGIN * width < wanted_s < times.last - MARGIN * width
    return wanted_s if is_within else 0.5 * (times.first + times.last)


def undecided(whole: Times, found: Sequence[UserSolutions], needed: float) -> Times:
    """Return the range of times in which the dual is probably below what is needed.

    Parameters
    ----------
    whole
        The range in which to look.
    found
        Solutions next to the lowest point of the dual, the lower one first.
    needed
        A dual value.
    """
    if len(found) < 2:
        return whole
    before, after = sorted(found, key=lambda one: one.sync_s)
    curvature = (after.sync_slope - before.sync_slope) / (after.sync_s - before.sync_s)
    short = needed - found[0].value
    if not (curvature > 0.0 and short > 0.0):
        return whole
    reach = WIDENED * float(np.sqrt(2.0 * short / curvature))
    middle = found[0].sync_s
    first_s, last_s = max(middle - reach, whole.first), min(middle + reach, whole.last)
    is_part = last_s - first_s < WIDE * (whole.last - whole.first)
    return Times(first_s, last_s) if is_part else whole
