"""What the exact method found and proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.problem import Problem
from eipyomo.result import relative_gap
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.branch_and_bound import BranchAndBound
from eipyomo.solvers.exact.certificate import certificate
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.feasibility import Conflict, Feasibility
from eipyomo.solvers.exact.solutions import Prices
from eipyomo.solvers.exact.suiting import Suiting
from eipyomo.solvers.exact.tree import Node, Step


@dataclass(frozen=True, eq=False)
class ExactOutcome:
    """What the exact method found and proved.

    Attributes
    ----------
    problem
        The problem solved.
    status
        "optimal": the bound is within the gap of the objective; "limit": time or nodes ran out, or
        rounding stands in the way; "infeasible": no allocation keeps within all limits.
    message
        One sentence that says so.
    allocation, objective
        Best allocation found and what is minimised of it, in its unit; None without a feasible
        point.
    bound
        Valid lower bound on what is minimised; infinite if the problem is infeasible.
    tree, dual
        The tree of the branch and bound and the dual that it is one of, from which a certificate is
        made.
    nodes, trace
        Number of nodes, and one line for each.
    evaluations
        How often all users were asked for their best decisions.
    prices
        What one more natural unit (MHz, GHz) saves of what users draw, by ``Draw.price``.
    sync_price
        Per user, by how much the value grows per second that its upload ends later: what it costs
        that others wait for it, η_j.
    delay_price
        Per user, by how much the value grows per second that its upload starts later, ν2_j + η_j.
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
    dual: Dual
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
        return relative_gap(self.objective, self.bound)

    def certificate(self) -> dict[str, Any]:
        """Return what proves the bound, or infeasibility, as a JSON document."""
        return certificate(self.dual, self.tree, self.bound)


def outcome_of(search: BranchAndBound, closed: bool) -> ExactOutcome:
    """Collect what a search has found; the prices are those that suit the incumbent."""
    problem, unit = search.dual.problem, search.dual.reference
    priced = search.suiting()
    objective, bound = unit * search.objective, unit * search.bound
    message = (
        f"proven within {objective - bound:.3g} of the optimum"
        if closed
        else f"stopped {objective - bound:.3g} above the bound"
    )
    priced_at = {} if priced is None else _prices(problem, priced, unit)
    return ExactOutcome(
        problem=problem,
        status="optimal" if closed else "limit",
        message=message,
        allocation=search.incumbent.allocation,
        objective=objective if search.incumbent.rest else None,
        bound=bound,
        tree=search.root,
        dual=search.dual,
        nodes=len(search.trace),
        trace=tuple(search.trace) if unit == 1.0 else tuple(_in_its_unit(search.trace, unit)),
        evaluations=search.dual.effort.evaluations,
        **priced_at,
    )


def _in_its_unit(trace: Iterable[Step], unit: float) -> Iterator[Step]:
    """Iterate over steps with what is minimised in its unit."""
    for step in trace:
        yield replace(step, bound=unit * step.bound, objective=unit * step.objective)


def _prices(problem: Problem, priced: Suiting, unit: float) -> dict[str, Any]:
    """Return the prices of an outcome, from those that suit the incumbent."""
    records = priced.multipliers
    columns = {
        "sync_price": records["eta"],
        "delay_price": records["nu2"] + records["eta"],
        "deadline_price": records["deadline"],
        "energy_price": records["energy"],
    }
    return {
        "prices": _per_natural_unit(problem, priced.prices, unit),
        **{name: unit * column for name, column in columns.items()},
    }


def unknown(search: BranchAndBound) -> ExactOutcome:
    """Say that neither a point nor a proof was found before a search."""
    words = "stopped before a feasible point or a proof that there is none was found"
    bound = search.dual.reference * search.root.bound
    return ExactOutcome(search.dual.problem, "limit", words, bound, search.root, search.dual)


def infeasible(search: Feasibility) -> ExactOutcome:
    """Say which limits of a problem cannot be met together."""
    conflicts = search.conflicts()
    named = ", ".join(str(one) for one in conflicts[:3])
    more = len(conflicts) - 3
    return ExactOutcome(
        problem=search.dual.problem,
        status="infeasible",
        message=(
            f"no allocation keeps within these limits together: {named}"
            if named
            else "no allocation keeps within the limits"
        )
        + (f" and {more} more" if more > 0 else ""),
        bound=np.inf,
        tree=search.root,
        dual=search.dual,
        nodes=len(search.trace),
        trace=tuple(search.trace),
        evaluations=search.dual.effort.evaluations,
        conflicts=conflicts,
    )


def _per_natural_unit(problem: Problem, prices: Prices, unit: float) -> dict[str, float]:
    """Return prices by their names in a result; what is minimised has none."""
    return {
        draw.price: unit * price / draw.unit_size
        for budget, price in zip(problem.budgets, prices, strict=True)
        if not budget.is_minimised
        for draw in budget.draws
    }
