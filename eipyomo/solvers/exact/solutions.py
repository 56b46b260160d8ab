"""What users do at given prices and sync time, and what they may decide there."""

from __future__ import annotations

from typing import NamedTuple

from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.kernels import FOLLOWED, FREE, TRACKED
from eipyomo.solvers.records import Records

Prices = tuple[float, ...]
"""One price for each budget of the problem, per unit of what is drawn: a share, a GHz."""


class Decisions(NamedTuple):
    """Which a and ι users take.

    Attributes
    ----------
    freedom
        FREE: the best of their domains; FOLLOWED: no download or the best ι of the basins known;
        TRACKED: a as it is, and the best ι of its basin; FIXED: as they are.
    records
        SOLUTION records that say how they are; None only with FREE.
    """

    freedom: int
    records: Records | None = None

    def after(self, records: Records) -> Decisions:
        """Return what users may do next at prices and a sync time nearby, once they did this.

        All that they may decide is not looked through anew each time. Who stays in its basin begins
        where it began: a bottom that moved far, or vanished, at another price does not lead back.
        """
        if self.freedom == TRACKED:
            return self
        return Decisions(min(self.freedom, FOLLOWED), records)


OPEN = Decisions(FREE)
"""Any that their domains leave open."""


class UserSolutions(NamedTuple):
    """What all users do at given prices and sync time.

    Attributes
    ----------
    prices, sync_s
        Where.
    records
        SOLUTION records, one per user.
    value
        Dual value.
    sync_slope
        Derivative of the users' costs in the sync time.
    usage
        What is used of each budget.
    """

    prices: Prices
    sync_s: float
    records: Records
    value: float
    sync_slope: float
    usage: tuple[float, ...]

    def on_its_own(self) -> UserSolutions:
        """Return the same solutions, to be kept when the search that they are of is forgotten."""
        if self.records.base is None:
            return self
        own = kernels.copied(self.records)
        said = self.value, self.sync_slope, self.usage
        return UserSolutions(self.prices, self.sync_s, own, *said)
