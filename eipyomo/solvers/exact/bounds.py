"""Bounds over ranges of the sync time: cells of ι that cover all that users may decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import Lines, Parts, Times
from eipyomo.solvers.exact.solutions import UserSolutions
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
    _lines: Lines

    @cached_property
    def value(self) -> float:
        """A valid lower bound on the cost at the solutions' time."""
        return self.bound_at(self.solutions.sync_s)

    def bound_at(self, sync_s: float) -> float:
        """Return a valid lower bound on the cost at a sync time within the range."""
        return kernels.bound_at(self._lines, sync_s)

    def proven_times(self, need: float) -> Times:
        """Return the part of the range, around the solutions' time, that is above a need."""
        return kernels.proven_times(self._lines, self.times, need)

    def bounds_of_parts(self, first_s: float, last_s: float) -> Parts:
        """Return valid lower bounds before, within and after a part of the range."""
        return kernels.bounds_of_parts(self._lines, self.times, first_s, last_s)

    def by_user(self) -> list[Records]:
        """Return the CELL records of each user."""
        return np.split(self._lines.cells, np.cumsum(self._lines.counts)[:-1])


def bound_lines(dual: Dual, solutions: UserSolutions, times: Times, tolerance: float) -> BoundLines:
    r"""Cover every user's decisions by cells, with multipliers that are good at solutions.

    $$
    \text{WSEL}^* \ge \min_t\ \sum_j \min_{\text{cells}}\;
    \min_{\iota \in \{\iota_{\text{first}},\, \iota_{\text{last}}\}} G_j(\iota, t) - \lambda
    $$

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
    users, solutions = len(dual.users), solutions.on_its_own()
    better, counts = np.empty(users), np.zeros(users, np.int64)
    cells = for_all(
        kernels.cover_all,
        users,
        dual.everybody(solutions.prices),
        solutions.records,
        tolerance / users,
        times,
        dual.point(solutions.prices, solutions.sync_s),
        better,
        counts,
    )
    paid = dual.paid(solutions.prices)
    return BoundLines(
        solutions=solutions,
        times=times,
        tolerance=tolerance,
        improved=dual.note_basins(better),
        _lines=Lines(
            cells=cells[0] if len(cells) == 1 else np.concatenate(cells),
            counts=counts,
            t=solutions.sync_s,
            paid=paid,
            size=kernels.size_of(solutions.records) + paid,
        ),
    )
