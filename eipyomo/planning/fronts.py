"""What speed costs: the Pareto front of energy against latency, :func:`pareto`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.planning.rows import TIME_LIMIT_S, Asking, said, table, totals
from eipyomo.restriction import Restriction
from eipyomo.result import Result
from eipyomo.validation import positive_number, require_kind, whole_number
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd

POINTS, GAP, SLOWEST = 50, 1e-4, 4.0
"""Points of a front, relative gap of each, and where it ends, in least latencies."""
TIE = 0.1
"""Part of the gap that all latency is worth at most: of two points that need as much energy, the
faster one is taken."""
ROUGHLY = 1e-2
"""Gap at which it is found out how much energy there is at all."""
SHARPER = 0.1
"""Part of the gap to which optima of weighted sums are proven."""
FIRST, WIDE = 3, 0.5
"""One budget in so many is among the first, which are evenly spaced; and the gaps that are split
next, in parts of the widest one."""
NARROWEST = 0.05
"""Part of the mean distance of points in latency below which nothing is put between two points,
since energy jumps there."""

ROUNDING = 1e-9
"""Relative difference of two points that is none."""
NONE = "no point was found within the time limit of each: give them more"

COLUMNS = (
    *("method", "latency_s", "energy_j", "latency_budget_s", "weight_j_per_s", "value_j"),
    *("bound_j", "gap", "termination", "hull_j", "reached_by_weights", "least_latency_bound_s"),
    *("downloads", "largest_latency_s", "message"),
)


def pareto(
    instance: Instance,
    points: int = POINTS,
    *,
    slowest: float = SLOWEST,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the Pareto front of energy against latency, each point certified.

    Energy is that of all users together, Σ_j E_j, and latency is Σ_j T_j: what the instance's
    ``total_energy_budget_j`` and ``total_latency_budget_s`` limit. A point is the least energy
    among all allocations whose latency is within a budget. Weighted sums, as in (10), reach only
    those points that are on the convex hull of the front; they are there for comparison.

    Weights of the users play no part; all limits of the instance hold.

    Parameters
    ----------
    instance
        The instance.
    points
        How many budgets are tried: a third of them evenly spaced, the rest where the front has its
        largest gaps.
    slowest
        The front begins at the least latency, and ends at so many times of it: with ever more time
        CPUs and downloads may be slower still, and the least energy of all is attained nowhere.
    problem, gap, time_limit, workers, progress
        As for :func:`~eipyomo.plan.band`.

    Returns
    -------
    DataFrame
        Rows of ``method`` ``budget`` are the front, by ascending latency and falling energy:

        * ``latency_s``, ``energy_j``: of the allocation that was found.
        * ``latency_budget_s``: what its latency had to be within.
        * ``value_j``, ``bound_j``, ``gap``, ``termination``: its energy; less is proven to be
          impossible within that budget.
        * ``hull_j``: what the convex hull is proven not to be below at this latency.
        * ``reached_by_weights``: whether the point is not above the hull, but for the gaps.
        * ``least_latency_bound_s``: in no allocation is the latency below this.
        * ``downloads``, ``largest_latency_s``, ``message``.

        Behind them are budgets within which no point was found, without energy; ``termination`` and
        ``message`` say why.

        Rows of ``method`` ``weights`` minimise energy + ``weight_j_per_s`` · latency, for the slope
        of the front at each of its points; ``value_j`` and ``bound_j`` are of this sum.

        If there is no feasible point, the only row says so.

    Raises
    ------
    InputError
        If an argument is not allowed, or modes have penalties, which are neither energy nor
        latency.

    Examples
    --------
    >>> import eipyomo as ei
    >>> front = ei.plan.pareto(ei.Instance.letter(users=2), points=3)
    >>> front.loc[front["method"] == "budget", "energy_j"].round(2).tolist()
    [1.12, 0.3, 0.25]
    """
    require_kind("instance", instance, Instance)
    points = whole_number("points", points, 2)
    if positive_number("slowest", slowest) <= 1.0:
        raise InputError(f"slowest is {short(slowest)}, but must be > 1, in least latencies")
    _require_no_penalties(instance)
    asking = Asking(problem, positive_number("gap", gap), time_limit, workers, progress)
    (fastest,) = asking.solve([_weighted(instance, 0.0, 1.0)])
    if fastest.value is None or fastest.bound is None:
        return table([{"method": "budget", **said(fastest)}], COLUMNS)
    search = _Search.of(instance, fastest, slowest, asking)
    front = search.front(points)
    if not front:
        return table([{"method": "budget", "termination": "limit", "message": NONE}], COLUMNS)
    optima = search.weighted(sorted({one.weight for one in front}))
    rows = [{**one.row(optima, gap), "least_latency_bound_s": fastest.bound} for one in front]
    rows += search.unanswered
    return table([*rows, *(one.row() for one in optima)], COLUMNS)


def _require_no_penalties(instance: Instance) -> None:
    for name, modes in (instance.modes or {}).items():
        for mode in modes:
            if mode.penalty:
                raise InputError(
                    f"penalty (mode {mode.name!r} of {name!r}) is {mode.penalty:g}, but must be 0: "
                    "a front is of energy and latency alone"
                )


def _weighted(
    instance: Instance, energy: float, latency: float, budget_s: float | None = None
) -> Instance:
    """Return an instance with these weights for all, and perhaps a budget of latency."""
    own_s = instance.total_latency_budget_s
    limits = [one for one in (own_s, budget_s) if one is not None]
    weights = {"energy_weight": energy, "latency_weight": latency}
    return instance.replace(
        users={user.name: weights for user in instance.users},
        total_latency_budget_s=min(limits, default=None),
    )


@dataclass(frozen=True, eq=False)
class _Weighted:
    """An optimum of energy + weight · latency."""

    weight: float
    result: Result

    def never_below(self, latency_s: float) -> float:
        """Return the energy that no allocation of some latency is below, nor a mix of some."""
        return np.nan if self.result.bound is None else self.result.bound - self.weight * latency_s

    def row(self) -> dict[str, Any]:
        """Return its row of the table."""
        result = self.result
        value = {"value_j": result.value, "bound_j": result.bound, "gap": result.gap}
        return {"method": "weights", "weight_j_per_s": self.weight, **value, **said(result)}


@dataclass(frozen=True, eq=False)
class _Point:
    """The least energy that was found within a budget of latency, and what is proven of it.

    Attributes
    ----------
    budget_s
        The budget.
    energy_j, latency_s
        Of the allocation.
    bound_j
        No allocation within the budget needs less energy.
    weight
        J per s, the slope of the front there.
    result
        Of the search, which minimised energy and a tie-break.
    """

    budget_s: float
    energy_j: float
    latency_s: float
    bound_j: float
    weight: float
    result: Result

    def row(self, optima: Sequence[_Weighted], gap: float) -> dict[str, Any]:
        """Return its row of the table."""
        hull_j = float(np.nanmax([0.0, *(one.never_below(self.latency_s) for one in optima)]))
        proven = (self.energy_j - self.bound_j) / self.energy_j if self.energy_j else 0.0
        return {
            "method": "budget",
            **said(self.result),
            "latency_budget_s": self.budget_s,
            "value_j": self.energy_j,
            "bound_j": self.bound_j,
            "gap": proven,
            "termination": "optimal" if proven <= gap else "limit",
            "hull_j": hull_j,
            "reached_by_weights": self.energy_j - hull_j <= 2.0 * gap * self.energy_j,
        }


@dataclass(frozen=True, eq=False)
class _Search:
    """The search for the points of a front.

    Attributes
    ----------
    instance
        The instance.
    earliest_s, latest_s
        The least and the largest budget of latency.
    tie
        J per s, the weight of the latency beside the energy.
    asking
        How optima are found.
    unanswered
        Rows of the budgets within which no point was found.
    """

    instance: Instance
    earliest_s: float
    latest_s: float
    tie: float
    asking: Asking
    unanswered: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, instance: Instance, fastest: Result, slowest: float, asking: Asking) -> _Search:
        """Return the search between the fastest allocation and one that takes its time."""
        found = totals(fastest)
        assert found is not None
        least_j, least_s = found
        earliest_s = least_s * (1.0 + asking.gap)
        latest_s = max(slowest * least_s, earliest_s)
        if instance.total_latency_budget_s is not None:
            earliest_s = min(earliest_s, instance.total_latency_budget_s)
            latest_s = min(latest_s, instance.total_latency_budget_s)
        tie = TIE * asking.gap * least_j / latest_s
        roughly = _weighted(instance, 1.0, tie, latest_s)
        (frugal,) = asking.to(max(ROUGHLY, asking.gap)).solve([roughly])
        least_j = min(one[0] for one in (found, totals(frugal)) if one is not None)
        return cls(instance, earliest_s, latest_s, TIE * asking.gap * least_j / latest_s, asking)

    def front(self, points: int) -> list[_Point]:
        """Return points of which none is better in both, by ascending latency."""
        budgets = np.linspace(self.earliest_s, self.latest_s, max(points // FIRST, 2)).tolist()
        tried: set[float] = set()
        found: list[_Point] = []
        while budgets:
            tried.update(budgets)
            found = sorted([*found, *self._within(budgets)], key=lambda one: one.budget_s)
            room = points - len(tried)
            budgets = [one for one in self._between(found, points) if one not in tried][:room]
        return _efficient(found)

    def weighted(self, weights: Sequence[float]) -> list[_Weighted]:
        """Return optima of weighted sums, those that have one, by ascending latency."""
        asked = [_weighted(self.instance, 1.0, weight) for weight in weights]
        sharply = self.asking.to(SHARPER * self.asking.gap)
        results = sharply.solve(asked)
        optima = [_Weighted(*one) for one in zip(weights, results, strict=True)]
        return optima[::-1]

    def _within(self, budgets_s: Sequence[float]) -> list[_Point]:
        """Return the points within budgets, where some were found."""
        asked = [_weighted(self.instance, 1.0, self.tie, one) for one in budgets_s]
        points = []
        for budget_s, result in zip(budgets_s, self.asking.solve(asked), strict=True):
            both = totals(result)
            if both is None or result.bound is None:
                row = {"method": "budget", "latency_budget_s": budget_s}
                self.unanswered.append({**row, **said(result)})
                continue
            price = (result.prices or {}).get("total_latency_per_s") or 0.0
            # Within the budget the tie-break is worth no more than this.
            bound_j = result.bound - self.tie * budget_s
            points.append(_Point(budget_s, *both, bound_j, self.tie + price, result))
        return points

    def _between(self, found: Sequence[_Point], points: int) -> list[float]:
        """Return budgets between neighbours that are far apart, the farthest first.

        A budget between that of a point and its latency would give the same point again.
        """
        if len(found) < 2 or self.latest_s <= self.earliest_s:
            return []
        range_s = self.latest_s - self.earliest_s
        range_j = max(found[0].energy_j - found[-1].energy_j, 1e-300)
        apart = {}
        for left, right in pairwise(found):
            across = (right.latency_s - left.budget_s) / range_s
            if across > NARROWEST / points:
                down = (left.energy_j - right.energy_j) / range_j
                apart[0.5 * (left.budget_s + right.latency_s)] = max(across, down)
        far = WIDE * max(apart.values(), default=0.0)
        wide = [budget_s for budget_s, size in apart.items() if size >= far]
        return sorted(wide, key=lambda budget_s: -apart[budget_s])


def _efficient(found: Sequence[_Point]) -> list[_Point]:
    """Return the points that are not beaten, nor met again, by another, but for rounding."""
    front: list[_Point] = []
    for one in found:
        if front and one.energy_j >= front[-1].energy_j * (1.0 - ROUNDING):
            continue
        while front and one.latency_s <= front[-1].latency_s * (1.0 + ROUNDING):
            front.pop()
        front.append(one)
    return front
