"""The best allocation met, which the branch and bound has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, evaluate
from eipyomo.problem import Problem
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.fixed_decisions import LATE, ConvexRest, rest_at, rest_of
from eipyomo.solvers.exact.kernels import SOLUTION, Accuracy
from eipyomo.solvers.exact.prices import maximise_over_prices
from eipyomo.solvers.records import Records

ONE_BY_ONE = (("work_gigacycles", "model_mbit"), ("task_mbit", "edge_gigacycles"))
"""Of which a user with modes takes the one with the least: its own work, or what it sends."""


A_START = 1e-2
"""How well budgets are cleared where nothing else is to be kept, and any point does to begin."""


def _may_sit_out(dual: Dual) -> bool:
    """Tell whether any number of users may sit out."""
    return dual.problem.data.min_participants is None


def _decide_modes(dual: Dual, decided: Records, least: tuple[str, ...]) -> None:
    """Let users with modes take those with the least of something, in place."""
    for j in np.flatnonzero(dual.domains["modes"] > 0):
        domain = dual.domains[j]
        own = dual.modes[domain["first"] : domain["first"] + domain["modes"]]
        order = np.lexsort([own[name] for name in reversed(least)])
        decided["offload_fraction"][j], decided["download"][j] = order[0], True


def _starts(dual: Dual) -> Iterator[Records]:
    """Iterate over decisions to begin with, as SOLUTION records; not all need be allowed."""
    first, domains = () if _may_sit_out(dual) else ("sits_out",), dual.domains
    for download, least in zip((~domains["edge"], domains["local"]), ONE_BY_ONE, strict=True):
        decided = np.zeros(len(domains), SOLUTION)
        decided["download"] = download
        decided["offload_fraction"] = np.where(download, domains["offload_min"], 1.0)
        _decide_modes(dual, decided, (*first, *least))
        yield decided


def _rests_at_start(dual: Dual) -> list[ConvexRest]:
    """Return allocations to begin with, the one of the lowest dual value first."""
    rests = [rest_at(dual, decided, A_START) for decided in _starts(dual)]
    return sorted(rests, key=lambda rest: rest.solutions.value)


@dataclass(eq=False)
class Incumbent:
    """The best allocation met with its cost.

    Attributes
    ----------
    problem
        Of which it is one.
    reference
        What its cost is in parts of: all of the resource of which the least is sought, or 1.
    rest
        The convex rest that gave it; None if none was feasible.
    objective
        Its cost.
    expected
        About what an allocation costs, until there is one.
    """

    problem: Problem
    reference: float = 1.0
    rest: ConvexRest | None = None
    objective: float = np.inf
    expected: float | None = None

    @classmethod
    def of(cls, dual: Dual) -> Self:
        """Start from everybody at the edge, or local where that is not allowed, and all local."""
        incumbent = cls(dual.problem, dual.reference)
        if dual.latest_s < dual.earliest_s:
            return incumbent
        if dual.problem.always_feasible:
            incumbent.fall_back(dual)
            return incumbent
        for decided in _starts(dual):
            incumbent.update(rest_of(dual, decided))
        return incumbent

    @classmethod
    def to_be_found(cls, dual: Dual) -> Self:
        """Return none yet, of a problem that has some; a dual value at a late sync says where.

        At its lowest the dual is not above that. What is optimal may be, by a duality gap.
        """
        late_s, wanted = LATE * dual.earliest_s, Accuracy(np.inf, A_START)
        cost = maximise_over_prices(dual, late_s, dual.no_prices, wanted).best.value
        return cls(dual.problem, dual.reference, expected=cost)

    def fall_back(self, dual: Dual) -> None:
        """Take a start, if there is nothing else: the best one, if it is allowed."""
        if self.rest is None:
            for rest in _rests_at_start(dual):
                if self.rest is None:
                    self.update(rest)
        self.expected = None

    @property
    def allocation(self) -> Allocation | None:
        """The allocation."""
        return self.rest.allocation if self.rest else None

    def update(self, rest: ConvexRest, violation: float = FEASIBILITY_TOLERANCE) -> None:
        """Take an allocation that costs less, and violates no constraint by more than that."""
        judged = evaluate(self.problem, rest.allocation)
        cost = judged.value / self.reference
        if judged.max_violation <= violation and cost < self.objective:
            self.objective, self.rest = cost, rest
