"""From a problem to its certified optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.branch_and_bound import BranchAndBound, Step
from eipyomo.solvers.exact.certificate import certificate
from eipyomo.solvers.exact.dual import Dual, Prices
from eipyomo.solvers.exact.feasibility import Conflict, Feasibility
from eipyomo.solvers.exact.fixed_decisions import convex_rest
from eipyomo.solvers.exact.incumbent import Incumbent
from eipyomo.solvers.exact.tree import Node


@dataclass(frozen=True, eq=False)
class ExactOutcome:
    """What the exact method found and proved.

    Attributes
    ----------
    problem
        The problem solved.
    status
        "optimal": the bound is within the gap of the objective; "limit": time or nodes ran out, or
        rounding stands in the way; "infeasible": the restriction leaves a user no decision.
    message
        One sentence that says so.
    allocation, objective
        Best allocation found and its WSEL; None without a feasible point.
    bound
        Valid lower bound on WSEL of the problem; infinite if it is infeasible.
    tree
        The tree of the branch and bound, from which a certificate is made.
    nodes, trace
        Number of nodes, and one line for each.
    evaluations
        How often all users were asked for their best decisions.
    prices
        What one more natural unit (MHz, GHz) saves of what users draw, by ``Draw.price``.
    sync_price
        Per user, by how much WSEL grows per second that its upload ends later: what it costs
        that others wait for it, η_j.
    delay_price
        Per user, by how much WSEL grows per second that its upload starts later, ν2_j + η_j.
    deadline_price, energy_price
        Per user, what one second more of its deadline, or one joule more of its budget, saves.
    conflicts
        The limits that cannot be met together, where the problem is infeasible.
    """

    problem: Problem
    status: Literal["optimal", "limit", "infeasible"]
    message: str
    bound: float
    tree: Node
    allocation: Allocation | None = None
    objective: float | None = None
    nodes: int = 0
    trace: tuple[Step, ...] = ()
    evaluations: int = 0
    prices: Mapping[str, float] | None = None
    sync_price: FloatColumn | None = None
    delay_price: FloatColumn | None = None
    deadline_price: FloatColumn | None = None
    energy_price: FloatColumn | None = None
    conflicts: tuple[Conflict, ...] = ()

    @property
    def gap(self) -> float | None:
        """(objective - bound) / |objective|."""
        if self.objective is None:
            return None
        return (self.objective - self.bound) / abs(self.objective)

    def certificate(self) -> dict[str, Any]:
        """Return what proves the bound, or infeasibility, as a JSON document."""
        return certificate(self.problem, self.tree, self.bound)


def solve_exact(
    problem: Problem,
    *,
    gap: float = 1e-6,
    absolute_gap: float = 0.0,
    time_limit: float = 60.0,
    node_limit: int | None = None,
) -> ExactOutcome:
    """Solve (10), or a restriction of it, to proven global optimality.

    Parameters
    ----------
    problem
        The problem.
    gap, absolute_gap
        The search stops when the objective exceeds the bound by no more than the larger of
        `gap` · |objective| and `absolute_gap`.
    time_limit
        In s, compilation (:func:`prepare`) not counted; a node that has begun is finished.
    node_limit
        Largest number of nodes; None for no limit.

    Raises
    ------
    InputError
        If an option is out of range.
    """
    if not (gap >= 0.0 and absolute_gap >= 0.0 and gap + absolute_gap > 0.0):
        raise InputError(
            f"gap is {gap!r} and absolute_gap {absolute_gap!r}, but they must be >= 0, one > 0"
        )
    prepare()
    clock = Clock(time_limit)
    if problem.contradiction is not None:
        always = Node(0.0, np.inf)
        return ExactOutcome(problem, "infeasible", problem.contradiction, np.inf, always)
    dual = Dual.of(problem)
    incumbent = Incumbent.of(dual)
    if incumbent.rest is None:
        first = Feasibility.of(dual, incumbent)
        if first.is_late or first.run(clock, node_limit):
            return _infeasible(first)
    search = BranchAndBound(dual, incumbent, gap, absolute_gap)
    if incumbent.rest is None:
        words = "stopped before a feasible point or a proof that there is none was found"
        return ExactOutcome(problem, "limit", words, search.root.bound, search.root)
    closed = search.run(clock, node_limit)
    return _outcome(search, closed)


@cache
def prepare() -> None:
    """Compile everything, or load it compiled; done once a process, before the clock starts."""
    dual = Dual.of(Problem(Instance.letter(users=2)))
    BranchAndBound(dual, Incumbent.of(dual), 1e-3, 0.0).run(Clock(np.inf), node_limit=1)
    convex_rest(Problem(Instance.letter(users=2, total_frequency_ghz=6.0)), True, 0.5)


def _outcome(search: BranchAndBound, closed: bool) -> ExactOutcome:
    """Collect what a search has found; the prices are those that suit the incumbent."""
    problem = search.dual.problem
    priced = search.solutions()
    bound = search.bound
    message = (
        f"proven within {search.objective - bound:.3g} of the optimum"
        if closed
        else f"stopped {search.objective - bound:.3g} above the bound"
    )
    records = priced.records if priced else None
    return ExactOutcome(
        problem=problem,
        status="optimal" if closed else "limit",
        message=message,
        bound=bound,
        tree=search.root,
        allocation=search.incumbent.allocation,
        objective=search.objective if search.incumbent.rest else None,
        nodes=len(search.trace),
        trace=tuple(search.trace),
        evaluations=search.dual.effort.evaluations,
        prices=_per_natural_unit(problem, priced.prices) if priced else None,
        sync_price=records["eta"].copy() if records is not None else None,
        delay_price=records["nu2"] + records["eta"] if records is not None else None,
        deadline_price=records["deadline"].copy() if records is not None else None,
        energy_price=records["energy"].copy() if records is not None else None,
    )


def _infeasible(search: Feasibility) -> ExactOutcome:
    """Say which limits cannot be met together."""
    conflicts = search.conflicts()
    named = ", ".join(f"{one.limit} {one.value:g} of user {one.user!r}" for one in conflicts[:3])
    more = len(conflicts) - 3
    return ExactOutcome(
        problem=search.dual.problem,
        status="infeasible",
        message=f"no allocation keeps within these limits together: {named}"
        + (f" and {more} more" if more > 0 else ""),
        bound=np.inf,
        tree=search.root,
        nodes=len(search.trace),
        trace=tuple(search.trace),
        evaluations=search.dual.effort.evaluations,
        conflicts=conflicts,
    )


def _per_natural_unit(problem: Problem, prices: Prices) -> dict[str, float]:
    """Return prices by their names in a result."""
    return {
        draw.price: price / draw.unit_size
        for budget, price in zip(problem.budgets, prices, strict=True)
        for draw in budget.draws
    }
