"""The exact method: certified global optima of (10) by its Lagrangian dual and branch and bound.

Users meet only in the sync time, in the band, and in the edge server's frequency where it has a
total. With prices of these budgets and cells of the sync time, every user is bounded on its own
(:mod:`~eipyomo.solvers.exact.kernels`), prices are found where the budgets are just used up
(:mod:`~eipyomo.solvers.exact.dual`), and what is left open is split
(:mod:`~eipyomo.solvers.exact.search`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.instance import Instance
from eipyomo.scaled import FloatColumn, Round, Scaled
from eipyomo.solvers.exact.convex_rest import ConvexRest, convex_rest
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.restriction import Restriction
from eipyomo.solvers.exact.search import Search, Step
from eipyomo.solvers.exact.tree import Node

__all__ = [
    "ConvexRest",
    "ExactOutcome",
    "Restriction",
    "Step",
    "convex_rest",
    "prepare",
    "solve_exact",
]


@dataclass(frozen=True, eq=False)
class ExactOutcome:
    """What the exact method found and proved.

    Attributes
    ----------
    problem
        Name of the problem solved.
    status
        "optimal": the bound is within the gap of the objective; "limit": time or nodes ran out, or
        rounding stands in the way; "infeasible": the restriction leaves a user no decision.
    message
        One sentence that says so.
    allocation, objective
        Best allocation found and its WSEL; None without a feasible point.
    bound
        Valid lower bound on WSEL of the problem; infinite if it is infeasible.
    nodes, trace
        Number of nodes, and one line for each.
    evaluations
        How often all users were asked for their best decisions.
    bandwidth_price, downlink_bandwidth_price
        What one more MHz of the band (of its uplink and its downlink half, if it is split) saves.
    edge_frequency_price
        What one more GHz of the edge server's total frequency saves; None where it is not limited.
    sync_price
        Per user, by how much WSEL grows per second that its upload ends later: what it costs
        that others wait for it, η_j.
    delay_price
        Per user, by how much WSEL grows per second that its upload starts later, ν2_j + η_j.
    tree
        The tree of the branch and bound, from which a certificate is made.
    """

    problem: str
    status: Literal["optimal", "limit", "infeasible"]
    message: str
    allocation: Allocation | None
    objective: float | None
    bound: float
    nodes: int
    trace: tuple[Step, ...]
    evaluations: int
    bandwidth_price: float | None
    downlink_bandwidth_price: float | None
    edge_frequency_price: float | None
    sync_price: FloatColumn | None
    delay_price: FloatColumn | None
    restriction: Restriction
    round: Round
    tree: Node | None

    @property
    def gap(self) -> float | None:
        """(objective - bound) / |objective|."""
        if self.objective is None:
            return None
        return (self.objective - self.bound) / abs(self.objective)


def solve_exact(
    instance: Instance,
    *,
    gap: float = 1e-6,
    absolute_gap: float = 0.0,
    time_limit: float = 60.0,
    node_limit: int | None = None,
    round: Round = "inference",
    restriction: Restriction | None = None,
) -> ExactOutcome:
    """Solve (10), or a restriction of it, to proven global optimality.

    Parameters
    ----------
    instance
        The instance.
    gap, absolute_gap
        The search stops when the objective exceeds the bound by no more than the larger of
        `gap` · |objective| and `absolute_gap`.
    time_limit
        In s, compilation (:func:`prepare`) not counted; a node that has begun is finished.
    node_limit
        Largest number of nodes; None for no limit.
    round
        "training" for a round without tasks in which everybody downloads.
    restriction
        Which decisions are open; all of them if left out.

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
    deadline = time.perf_counter() + time_limit
    scaled = instance.scaled.for_round(round)
    restriction = _restriction_of(round, restriction)
    domains = restriction.domains(len(scaled))
    stuck = ~(domains["edge"] | domains["local"])
    if stuck.any():
        return _infeasible(restriction, round, scaled.names[int(np.argmax(stuck))])

    def judge(allocation: Allocation) -> float:
        evaluation = evaluate(instance, allocation, round)
        return evaluation.objective if evaluation.feasible else np.inf

    search = Search(Dual(scaled, restriction, domains), judge, gap, absolute_gap)
    closed = search.run(deadline, node_limit)
    return _outcome(search, closed, scaled, round)


@cache
def prepare() -> None:
    """Compile everything, or load it compiled; done once a process, before the clock starts."""
    data = Instance.letter(users=2).scaled
    restriction = Restriction()
    search = Search(Dual(data, restriction, restriction.domains(2)), lambda _: 1e3, 1e-3, 0.0)
    search.run(np.inf, node_limit=1)
    convex_rest(Instance.letter(users=2, total_frequency_ghz=6.0).scaled, True, 0.5)


def _restriction_of(round: Round, restriction: Restriction | None) -> Restriction:
    """Return the restriction that holds; a training round leaves only the band to decide."""
    if round == "inference":
        return restriction or Restriction()
    kind = "joint" if restriction is None else restriction.kind()
    if kind in ("joint", "gbe"):
        return Restriction.training(split_band=kind == "gbe")
    raise InputError(f"restriction is {kind!r}, but a training round has no such decisions")


def _infeasible(restriction: Restriction, round: Round, name: str) -> ExactOutcome:
    return ExactOutcome(
        problem=restriction.name(round),
        status="infeasible",
        message=f"the restriction leaves user {name!r} neither download nor all-edge computing",
        allocation=None,
        objective=None,
        bound=np.inf,
        nodes=0,
        trace=(),
        evaluations=0,
        bandwidth_price=None,
        downlink_bandwidth_price=None,
        edge_frequency_price=None,
        sync_price=None,
        delay_price=None,
        restriction=restriction,
        round=round,
        tree=None,
    )


def _outcome(search: Search, closed: bool, scaled: Scaled, round: Round) -> ExactOutcome:
    """Collect what a search has found; the prices are those that suit the incumbent."""
    restriction = search.dual.restriction
    priced = search.prices_of(search.rest) if search.rest else None
    bound = search.bound
    message = (
        f"proven within {search.objective - bound:.3g} of the optimum"
        if closed
        else f"stopped {search.objective - bound:.3g} above the bound"
    )
    multipliers = priced.choices if priced else None
    terms = search.dual.terms(priced.prices, priced.sync_s) if priced else None
    return ExactOutcome(
        problem=restriction.name(round),
        status="optimal" if closed else "limit",
        message=message,
        allocation=search.incumbent,
        objective=search.objective if search.incumbent is not None else None,
        bound=bound,
        nodes=len(search.trace),
        trace=tuple(search.trace),
        evaluations=search.dual.evaluations,
        bandwidth_price=terms.price_up / scaled.bandwidth_mhz if terms else None,
        downlink_bandwidth_price=terms.price_down / scaled.bandwidth_mhz if terms else None,
        edge_frequency_price=terms.price_edge if terms and search.dual.limits_frequency else None,
        sync_price=multipliers["sync"].copy() if multipliers is not None else None,
        delay_price=multipliers["ready"] + multipliers["sync"] if multipliers is not None else None,
        restriction=restriction,
        round=round,
        tree=search.root,
    )
