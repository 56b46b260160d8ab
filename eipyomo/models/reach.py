"""The model's own bounds: how late anything happens, and how small a share in use can be.

Solvers want finite bounds. Those that a model is built with are proven for (10)
(:mod:`eipyomo.models.bounds`), and a row, a bound or an objective of a user's can make them wrong.
What holds for the model as it has become follows from its own rows: :func:`implied_reach` opens the
bounds far and draws them in again by interval arithmetic, row by row. Where the result is inside
of the model's bounds, these cut off nothing, and what a global solver has proven within them is
proven.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyomo.environ as pyo
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.common.modeling import unique_component_name
from pyomo.contrib.fbbt.fbbt import fbbt
from pyomo.core.expr.numeric_expr import SumExpression

from eipyomo import timing
from eipyomo.errors import EipyomoError
from eipyomo.models import bounds
from eipyomo.models.diagnostics import objective
from eipyomo.models.source import source_of
from eipyomo.models.symbols import TIMES
from eipyomo.models.types import Block, Model, Variable
from eipyomo.models.with_modes import links_of
from eipyomo.problem import Problem
from eipyomo.scaled import FloatColumn, Scaled

FAR = 1e4
"""How many times later than the model's horizon the bounds are opened."""

ROUNDS = 5
"""How often each row is looked at; bounds on times settle within three or four."""

MARGIN = 1e-6
"""Relative; how far a bound stays outside of what interval arithmetic in doubles says."""

VIOLATED = 1e-6
"""By how much a row has to be violated, relative to the largest time in play, to prove anything."""

FOLLOWING = ("uplink_tangents", "downlink_tangents", "local_tangents", "edge_tangents")
"""Rows that follow from others."""

LINKS = {
    "uplink": ("upload_time", "uplink_efficiency", "time_to_send"),
    "downlink": ("download_time", "downlink_efficiency", "time_to_receive"),
}
"""Rows by which a share takes its time, in one formulation or another."""


class NoPointError(EipyomoError):
    """No point satisfies the model's rows; the sentence names one that cannot hold."""


@dataclass(frozen=True, eq=False)
class Reach:
    """Bounds on times and shares; arrays of shape (users,).

    Attributes
    ----------
    sync_s
        Latest sync time in s.
    latest_s
        Latest moment of anything that concerns a user, in s.
    uplink_floor, receiving_floor
        Smallest uplink share, and smallest downlink share that a rate sees.
    largest_share
        Largest share of a link, where the band is what is minimised.
    """

    sync_s: float
    latest_s: FloatColumn
    uplink_floor: FloatColumn
    receiving_floor: FloatColumn
    largest_share: float = 1.0

    @classmethod
    def of_problem(cls, problem: Problem) -> Self:
        """Return what is proven without limits; see :mod:`eipyomo.models.bounds`."""
        return cls.until(problem.data, bounds.latest_of(problem), bounds.largest_share(problem))

    @classmethod
    def until(cls, data: Scaled, latest_s: FloatColumn, largest_share: float = 1.0) -> Self:
        """Return the bounds that follow from a latest moment for each user."""
        return cls(
            sync_s=float(latest_s.min()),
            latest_s=latest_s,
            uplink_floor=bounds.smallest_share(
                data, data.uplink_snr, *bounds.sent_within(data, latest_s)
            ),
            receiving_floor=bounds.smallest_share(
                data, data.downlink_snr, *bounds.received_within(data, latest_s)
            ),
            largest_share=largest_share,
        )

    @classmethod
    def of_model(cls, model: Model) -> Self:
        """Read the bounds that a model has now."""
        users, most = [model.user[name] for name in model.users], model.component("largest_share")
        return cls(
            sync_s=float(pyo.value(model.horizon_s)),
            latest_s=np.array([pyo.value(user.horizon_s) for user in users]),
            uplink_floor=np.array([pyo.value(model.uplink_floor[name]) for name in model.users]),
            receiving_floor=np.array([pyo.value(user.receiving_floor) for user in users]),
            largest_share=1.0 if most is None else float(pyo.value(most)),
        )

    def put_into(self, model: Model) -> None:
        """Set a model's bounds."""
        model.horizon_s.set_value(self.sync_s)
        if model.component("largest_share") is not None:
            model.largest_share.set_value(self.largest_share)
        for j, name in enumerate(model.users):
            model.uplink_floor[name].set_value(float(self.uplink_floor[j]))
            model.user[name].horizon_s.set_value(float(self.latest_s[j]))
            model.user[name].receiving_floor.set_value(float(self.receiving_floor[j]))

    @property
    def finite(self) -> bool:
        """Whether every time and share has an end."""
        ends = (*self.latest_s, self.sync_s, self.largest_share)
        return bool(np.isfinite(ends).all())

    def times(self, factor: float) -> Reach:
        """Return bounds so many times as wide."""
        return Reach(
            self.sync_s * factor,
            self.latest_s * factor,
            self.uplink_floor / factor,
            self.receiving_floor / factor,
            self.largest_share * factor,
        )

    def widened_to(self, other: Reach) -> Reach:
        """Return bounds that are as wide as either; floors stay above 0, where a rate has none."""

        def floor(own: FloatColumn, wanted: FloatColumn) -> FloatColumn:
            lower: FloatColumn = np.minimum(own, np.maximum(wanted, own / FAR))
            return lower

        return Reach(
            max(self.sync_s, other.sync_s),
            np.maximum(self.latest_s, other.latest_s),
            floor(self.uplink_floor, other.uplink_floor),
            floor(self.receiving_floor, other.receiving_floor),
            max(self.largest_share, other.largest_share),
        )

    def within(self, other: Reach) -> bool:
        """Tell whether bounds at least as wide as these are `other`."""
        return bool(
            self.sync_s <= other.sync_s
            and self.largest_share <= other.largest_share
            and (self.latest_s <= other.latest_s).all()
            and (self.uplink_floor >= other.uplink_floor * (1 - MARGIN)).all()
            and (self.receiving_floor >= other.receiving_floor * (1 - MARGIN)).all()
        )


def implied_reach(model: Model, cutoff: float | None = None) -> Reach:
    """Return how late and how small anything can be by the model's rows, its own bounds left out.

    With (10a) as it was built, and rows of a user's only added, a cutoff limits every time by the
    argument of :mod:`eipyomo.models.bounds`, in which no tolerance plays a part; else bounds
    follow from the rows, one by one.

    Parameters
    ----------
    model
        A model made by :func:`eipyomo.models.minlp`, with all that a user has added. It stays as
        it is.
    cutoff
        Consider only points whose cost by the model's objective is at most this.

    Returns
    -------
    Reach
        With infinite times and floors of 0 where the rows do not tell.

    Raises
    ------
    NoPointError
        If no point is left.
    """
    data = source_of(model).data
    if cutoff is not None and _is_as_built(model):
        return Reach.until(data, bounds.latest_s(data, cutoff))
    own = Reach.of_model(model)
    opened = model.clone()
    far_s = FAR * max(float(own.latest_s.max()), own.sync_s)
    far = Reach.until(data, np.full(len(data), far_s), FAR * own.largest_share)
    far.put_into(opened)
    for name in opened.users:
        for key in FOLLOWING:
            rows = opened.user[name].component(key)
            if rows is not None:
                rows.deactivate()
    if cutoff is not None:
        limit_cost(opened, cutoff)
    _propagate(opened, data, VIOLATED * max(1.0, far_s / FAR), far_s)
    return _read(opened, data, far_s)


def _is_as_built(model: Model) -> bool:
    """Tell whether (10a) is minimised as it was built, and no row has been taken away."""
    cost = objective(model)
    parts = [model.user[name].wsel for name in model.users]
    terms = list(cost.expr.args) if isinstance(cost.expr, SumExpression) else [cost.expr]
    if len(terms) != len(parts) or any(x is not y for x, y in zip(terms, parts, strict=True)):
        return False
    rows = model.component_data_objects(pyo.Constraint, descend_into=True)
    return all(row.active or row.parent_component().local_name in FOLLOWING for row in rows)


def limit_cost(model: Model, cutoff: float) -> str:
    """Add the row objective ≤ cutoff (≥ where it is maximised); return its name.

    Raises
    ------
    NoPointError
        If the objective is a constant that is beyond the cutoff.
    """
    cost = objective(model)
    sign = 1 if cost.sense == pyo.minimize else -1
    excess = sign * (cost.expr - cutoff)
    if pyo.is_potentially_variable(excess):
        relation = excess <= 0
    elif pyo.value(excess) <= 0:
        relation = pyo.Constraint.Feasible
    else:
        raise NoPointError(f"the objective is {pyo.value(cost.expr):g} everywhere")
    name: str = unique_component_name(model, "within_cutoff")
    model.add_component(name, pyo.Constraint(expr=relation, doc="(10a) at most the cutoff"))
    return name


def _propagate(model: Model, data: Scaled, violated: float, far_s: float) -> None:
    """Draw bounds of variables from single rows, until they settle."""
    rows = list(model.component_data_objects(pyo.Constraint, active=True, descend_into=True))
    before = np.inf
    for _ in range(ROUNDS):
        for row in rows:
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    fbbt(row, feasibility_tol=violated)
            except InfeasibleConstraintException:
                raise NoPointError(
                    f"no point satisfies all rows, since {row.name!r} cannot hold beside the others"
                ) from None
            except (ArithmeticError, ValueError, NotImplementedError, KeyError, TypeError):
                continue  # what interval arithmetic does not know says nothing
        if model.component("largest_share") is not None:
            _raise_times(model, data)
        _raise_shares(model, _read(model, data, far_s))
        times = (part for name in model.users for part in times_of(model.user[name]))
        now = sum(part.ub or np.inf for part in times)
        if now > 0.99 * before:
            return
        before = now


def _raise_times(model: Model, data: Scaled) -> None:
    """Raise lower bounds of times of transmission to what the largest shares leave.

    Interval arithmetic does not see that r is limited, however large b is. That matters where the
    band is what is minimised, since no share is too large to be looked at there.
    """
    users = [model.user[name] for name in model.users]
    snr = {"uplink": data.uplink_snr, "downlink": data.downlink_snr}
    held = [link for link, rows in LINKS.items() if _all_hold(users, rows)]
    for j, name in enumerate(model.users):
        for way in links_of(model, name).values():
            if way.link not in held:
                continue
            most = way.share.value if way.share.fixed else way.share.ub
            pace = timing.seconds_per_mbit(np.array(most), data.bandwidth_mhz, snr[way.link][j])
            end = float(pyo.value(way.mbit) * pace) * (1 - MARGIN)
            is_free = not way.seconds.fixed and np.isfinite(end)
            if is_free and (way.seconds.lb is None or way.seconds.lb < end):
                way.seconds.setlb(end)


def _raise_shares(model: Model, reach: Reach) -> None:
    """Raise lower bounds of shares to what times leave, more than a row b log(1 + g/b) shows."""
    floors = {"uplink": reach.uplink_floor, "downlink": reach.receiving_floor}
    for j, name in enumerate(model.users):
        for way in links_of(model, name).values():
            floor = float(floors[way.link][j])
            if not way.share.fixed and way.share.lb < floor:
                way.share.setlb(floor)


def _read(model: Model, data: Scaled, far_s: float) -> Reach:
    """Return the bounds that variables have, infinite where they are still as far as they were."""

    def latest(variable: Variable) -> float:
        return _end(variable, far_s)

    users = [model.user[name] for name in model.users]
    links = [links_of(model, name) for name in model.users]

    def floor(link: str, snr: FloatColumn) -> FloatColumn:
        """Return the smallest share; 1 where no mode uses the link."""
        ways = [own.get(link) for own in links]
        seconds = np.array([1.0 if way is None else latest(way.seconds) for way in ways])
        mbit = np.array([np.inf if way is None else pyo.value(way.mbit) for way in ways])
        return _smallest(data, snr, seconds, mbit, _all_hold(users, LINKS[link]))

    latest_s = [max(map(latest, times_of(user))) for user in users]
    return Reach(
        sync_s=latest(model.sync_s),
        latest_s=np.array(latest_s),
        uplink_floor=floor("uplink", data.uplink_snr),
        receiving_floor=floor("downlink", data.downlink_snr),
        largest_share=_largest(model),
    )


def _end(variable: Variable, far: float) -> float:
    """Return the largest value of a variable; infinite where its bound is as far as it was."""
    end = variable.value if variable.fixed else variable.ub
    return np.inf if end is None or end >= far * (1 - MARGIN) else end * (1 + MARGIN)


def _largest(model: Model) -> float:
    """Return the largest share that a user can pay for; 1 where that is known."""
    if model.component("largest_share") is None:
        return 1.0
    far = float(pyo.value(model.largest_share))
    paid = (*model.uplink_share.values(), *model.downlink_share.values())
    return max(_end(share, far) for share in paid)


def times_of(user: Block) -> Iterator[Variable]:
    """Iterate over the variables of an end user's block that are times."""
    for part in map(user.component, TIMES):
        if part is not None and part.ctype is pyo.Var:
            yield part


def _all_hold(users: list[Block], keys: tuple[str, ...]) -> bool:
    """Tell whether rows by which a share takes its time are active, as far as there are such."""
    rows = (user.component(key) for user in users for key in keys)
    return all(row is None or row.active for row in rows)


def _smallest(
    data: Scaled, snr: FloatColumn, latest_s: FloatColumn, mbit: FloatColumn, holds: bool
) -> FloatColumn:
    """Return a share over which so many Mbit take at least so long; 0 where that has no end."""
    ends = np.isfinite(latest_s) & holds
    floor = bounds.smallest_share(data, snr, np.where(ends, latest_s, 1.0), mbit)
    return np.where(ends, floor, 0.0)
