"""Bounds over ranges of the sync time: cells of ι that cover all that users may decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual, UserSolutions
from eipyomo.solvers.exact.kernels import CELL, MAX_CELLS, SHORT_OF, Times
from eipyomo.solvers.records import Records, for_all


@dataclass(frozen=True, eq=False)
class BoundLines:
    """Lines in t below every user's cost, at one set of prices; see :func:`kernels.cover`.

    Attributes
    ----------
    solutions
        Prices and sync time at which the multipliers are good, and the users' decisions there.
    times
        Range of sync times for which the lines were made.
    tolerance
        How much the cells were allowed to lose.
    improved
        Whether a decision better than one of the solutions was met.
    """

    solutions: UserSolutions
    times: Times
    tolerance: float
    improved: bool
    _base: float
    _size: float
    _counts: Records
    _cells: Records

    def bound_at(self, sync_s: float) -> float:
        """Return a valid lower bound on the cost at a sync time within the range."""
        elapsed = sync_s - self.solutions.sync_s
        total = kernels.bound_at(self._cells, self._counts, elapsed)
        return float(total - self._base - kernels.ROUNDING * self._size)

    def reach(self, end_s: float, need: float) -> float:
        """Return how far towards an end the bound stays above a need; concave in t."""
        inside_s, value = self.solutions.sync_s, self.bound_at(self.solutions.sync_s)
        outside_s, beyond = end_s, self.bound_at(end_s)
        if beyond >= need:
            return end_s
        for _ in range(4):  # each gains most of what is left
            if value <= need:
                break
            part = SHORT_OF * (value - need) / (value - beyond)
            middle_s = inside_s + part * (outside_s - inside_s)
            at_middle = self.bound_at(middle_s)
            if at_middle < need:
                outside_s, beyond = middle_s, at_middle
            else:
                inside_s, value = middle_s, at_middle
        return inside_s

    def bound_over(self, first_s: float, last_s: float) -> float:
        """Return a valid lower bound over a part of the range: concave, so the ends suffice."""
        return min(self.bound_at(first_s), self.bound_at(last_s))

    def cells_of(self, user: int) -> Records:
        """Return the CELL records of one user."""
        return self._cells[user, : self._counts[user]]


def bound_lines(dual: Dual, solutions: UserSolutions, times: Times, tolerance: float) -> BoundLines:
    """Cover every user's decisions by cells, with multipliers that are good at solutions.

    Parameters
    ----------
    dual
        The dual; the basins of better decisions that are met are noted in it.
    solutions
        Prices, sync time, and decisions to compare cells with.
    times
        Range of sync times.
    tolerance
        How much the cells may lose against the solutions, all users together.
    """
    users = len(dual.users)
    most = max(MAX_CELLS, int(dual.domains["modes"].max()))
    counts, cells = np.zeros(users, np.int64), np.empty((users, most), CELL)
    better = np.empty(users)
    for_all(
        kernels.cover_all,
        users,
        dual.users_at(solutions.prices),
        dual.domains,
        dual.grid_step,
        dual.modes_at(solutions.prices),
        solutions.records,
        tolerance / users,
        times,
        dual.point(solutions.prices, solutions.sync_s),
        better,
        counts,
        cells,
    )
    paid = dual.paid(solutions.prices)
    return BoundLines(
        solutions=solutions,
        times=times,
        tolerance=tolerance,
        improved=dual.note_basins(better),
        _base=paid,
        _size=float(np.abs(solutions.records["value"]).sum()) + paid,
        _counts=counts,
        _cells=cells,
    )
