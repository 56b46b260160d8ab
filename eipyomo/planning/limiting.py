"""What limits an answer, and by how much: :func:`binding`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eipyomo import timing
from eipyomo.breakdown import Breakdown
from eipyomo.errors import InputError
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, evaluate
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES, WSEL
from eipyomo.planning.rows import GAP, TIME_LIMIT_S, Asking, table
from eipyomo.planning.terms import branch_ends_s
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction, named_or_joint
from eipyomo.result import Result
from eipyomo.timing import Plan
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    import pandas as pd

NEAR = 10 * FEASIBILITY_TOLERANCE
"""Relative slack that is none: numbers of an answer are right to about so much."""

UNITS = {"mhz": "MHz", "ghz": "GHz", "j": "J", "s": "s", "user": "users", "unit": ""}
"""Units by the last word of prices' names."""

COLUMNS = (
    *("limit", "user", "used", "allowed", "unit", "slack", "binds", "saves_per_unit"),
    *("wsel", "bound", "gap", "termination", "message"),
)


def binding(
    instance: Instance,
    result: Result | None = None,
    *,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
) -> pd.DataFrame:
    """Return what limits an answer, with the slack of what does not, and prices.

    Parameters
    ----------
    instance
        The instance.
    result
        An answer to it, by any method; the certified optimum if left out.
    problem, gap, time_limit
        Of that optimum, as for :func:`eipyomo.solve`.

    Returns
    -------
    DataFrame
        A row for each limit of all users, and then for each of every user's:

        * ``limit``: ``bandwidth`` (in GBE ``uplink_bandwidth`` and ``downlink_bandwidth``),
          ``edge_frequency``, ``total_energy`` and other totals; of users ``upload`` (the sync time
          waits for the last one), ``own_frequency`` (f_max), ``edge_frequency`` (f_s),
          ``deadline``, ``energy_budget``, ``least_uplink_share`` and other bounds on shares, and
          the branches of (9), ``server_branch`` and ``own_branch``, of which the later one is the
          latency.
        * ``user``: its name; missing where the limit is one of all.
        * ``used``, ``allowed``, ``unit``: what is there, and what may be. ``bandwidth: uplink`` and
          ``bandwidth: downlink`` say what the band is used for, and have no limit of their own.
        * ``slack``, ``binds``: what is left, and whether that is nothing, to 1e-5 of what is
          allowed. Of a least share what is above it.
        * ``saves_per_unit``: by how much one more unit allowed lowers WSEL (of an ``upload``: one
          second sooner), where the result has prices, as those of ``exact`` have.
        * ``wsel``, ``bound``, ``gap``, ``termination``, ``message``: of the answer.

        Where no allocation keeps within the limits, the rows are those that cannot be met
        together.

    Raises
    ------
    InputError
        If an argument is not allowed, or the result is one of another instance or holds no
        allocation.

    Examples
    --------
    >>> import eipyomo as ei
    >>> found = ei.plan.binding(ei.Instance.letter())
    >>> found[found["binds"] & (found["limit"] == "upload")]["user"].tolist()
    ['eu4']
    """
    require_kind("instance", instance, Instance)
    if result is None:
        asked = Problem.of(instance, problem)
        (result,) = Asking(problem, gap, time_limit, 1, False).solve([instance])
    else:
        require_kind("result", result, Result)
        _require_same(instance, result)
        goal = OBJECTIVES.get(result.minimised, WSEL)
        asked = Problem(instance, *named_or_joint(result.problem), goal)
    told = {
        "wsel": result.objective,
        "bound": result.bound,
        "gap": result.gap,
        "termination": result.termination,
        "message": result.message,
    }
    if result.allocation is None:
        rows = list(_conflicts(result))
    else:
        rows = [row.told() for row in _limits(asked, result)]
    return table([{**row, **told} for row in rows or [{}]], COLUMNS)


def _require_same(instance: Instance, result: Result) -> None:
    """Refuse a result of another instance."""
    digest = result.instance_digest
    if digest is not None and digest != instance.digest():
        raise InputError(
            f"the result is one of another instance than {instance.name!r}, but must be one of the "
            "same data"
        )


def _conflicts(result: Result) -> Iterator[dict[str, Any]]:
    """Iterate over what cannot be met together."""
    for one in result.conflicts:
        row = {"limit": one["limit"], "user": one["user"], "allowed": one["value"], "binds": True}
        yield {**row, "unit": UNITS.get(str(one["limit"]).rpartition("_")[2], "")}


@dataclass(frozen=True)
class _Limit:
    """One limit of an answer."""

    limit: str
    user: str | None
    used: float
    allowed: float | None
    unit: str
    price: float | None = None
    is_least: bool = False

    def told(self) -> dict[str, Any]:
        """Return the row of the table."""
        row = {"limit": self.limit, "user": self.user, "used": self.used, "unit": self.unit}
        if self.allowed is None:
            return {**row, "binds": False}
        left = self.allowed - self.used
        slack = -left if self.is_least else left
        binds = slack <= NEAR * max(abs(self.allowed), abs(self.used), 1e-300)
        more = {"allowed": self.allowed, "slack": slack, "binds": binds}
        return {**row, **more, "saves_per_unit": self.price}


def _limits(problem: Problem, result: Result) -> Iterator[_Limit]:
    """Iterate over the limits of an answer: those of all users, then each user's."""
    assert result.allocation is not None
    data = problem.whole
    plan = result.allocation.for_users(data.names).plan(data)
    terms = evaluate(problem, result.allocation).breakdown
    yield from _shared(problem, plan, terms, result.prices or {})
    told = (result.prices or {}).get("users") or ()
    prices = {user["name"]: user for user in told}
    columns = [(key, one.of_all(len(data))) for key, one in _of_users(problem, plan, terms).items()]
    for j, name in enumerate(data.names):
        for limit, column in columns:
            if column.is_there[j]:
                price = prices.get(name, {}).get(PRICES.get(limit))
                both = float(column.used[j]), float(column.allowed[j])
                yield _Limit(limit, name, *both, column.unit, price, column.is_least)


PRICES = {
    "upload": "sync_per_s",
    "deadline": "deadline_per_s",
    "energy_budget": "energy_budget_per_j",
}
"""Names in a result of the prices of users' limits."""


def _shared(
    problem: Problem, plan: Plan, terms: Breakdown, prices: Mapping[str, Any]
) -> Iterator[_Limit]:
    """Iterate over what all users share, in natural units."""
    for budget in problem.budgets:
        if budget.is_minimised:
            continue
        draw = budget.draws[0]
        unit = UNITS.get(draw.price.rpartition("_")[2], "")
        used, allowed = (
            one * draw.unit_size for one in (budget.used(plan, terms), budget.capacity)
        )
        yield _Limit(budget.name, None, used, allowed, unit, prices.get(draw.price))
        for one in budget.draws if len(budget.draws) > 1 else ():
            name = f"{budget.name}: {one.quantity.removesuffix('_share')}"
            part = float(getattr(plan, one.quantity).sum()) * one.unit_size
            yield _Limit(name, None, part, None, unit)


class _Column(NamedTuple):
    """One limit of users, (users,) each: who has it, what is used, and what is allowed."""

    is_there: Any
    used: Any
    allowed: Any
    unit: str
    is_least: bool = False

    def of_all(self, users: int) -> _Column:
        """Return the same with a value for each user."""
        is_there, used, allowed = (np.broadcast_to(one, users) for one in self[:3])
        return self._replace(is_there=is_there, used=used, allowed=allowed)


def _of_users(problem: Problem, plan: Plan, terms: Breakdown) -> dict[str, _Column]:
    """Return the limits of users by their names."""
    data = problem.whole
    need = timing.needs(data, plan)
    at_edge_s, own_s = branch_ends_s(terms, plan.sync_s)
    uploaded_s = terms.previous_download_s + terms.local_training_s + terms.upload_s
    works, computes = need.edge_gigacycles > 0.0, need.local_gigacycles > 0.0
    has_own = own_s > -np.inf
    most_ghz, edge_ghz = data.max_frequency_ghz, data.server_frequency_ghz
    columns = {
        "upload": _Column(terms.upload_s > 0.0, uploaded_s, plan.sync_s, "s"),
        "server_branch": _Column(works | ~has_own, at_edge_s, terms.latency_s, "s"),
        "own_branch": _Column(has_own, own_s, terms.latency_s, "s"),
        "own_frequency": _Column(computes, plan.frequency_ghz, most_ghz, "GHz"),
        "edge_frequency": _Column(works, plan.edge_frequency_ghz, edge_ghz, "GHz"),
        "deadline": _Column(np.isfinite(data.deadline_s), terms.latency_s, data.deadline_s, "s"),
        "energy_budget": _Column(
            np.isfinite(data.energy_budget_j), terms.energy_j, data.energy_budget_j, "J"
        ),
    }
    ways = (
        ("uplink", plan.uplink_share, need.sends),
        ("downlink", plan.downlink_share, plan.download.astype(np.bool_)),
    )
    for way, share, uses in ways:
        least, most = (getattr(data, f"{way}_share_{end}") for end in ("min", "max"))
        columns[f"least_{way}_share"] = _Column(uses & (least > 0.0), share, least, "", True)
        columns[f"largest_{way}_share"] = _Column(uses & (most < 1.0), share, most, "")
    return columns
