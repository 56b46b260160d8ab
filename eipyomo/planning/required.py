"""How much of a resource it takes to be in time: :func:`band`, :func:`edge_frequency`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.instance import Instance
from eipyomo.planning.rows import GAP, TIME_LIMIT_S, Asking, numbers, said, table
from eipyomo.restriction import Restriction
from eipyomo.scaled import HZ_PER_GHZ, HZ_PER_MHZ
from eipyomo.validation import require_kind, whole_number

if TYPE_CHECKING:
    import pandas as pd

POINTS = 20
"""Number of deadlines of a curve."""
RANGE_GAP = 1e-3
"""Gap to which the ends of a range of deadlines are known."""
MOST, LEAST = 16.0, 1.0 / 16.0
"""An automatic range of deadlines goes from the one that takes so many times the instance's band to
the one that takes such a part of it."""
EDGE_LEAST = 1.0 / 64.0
"""It ends at the deadline that takes such a part of all users' f_s together."""
ROOM = 1.02
"""Times what is needed however much time there is, if it ends there."""
SOME_S = 1e6
"""A deadline that is none."""
SLIGHTLY_LATER = 1.1
"""Times its beginning that a range ends at, at least."""
NEVER_BELOW = 1.0 + 1e-9
"""Times the earliest deadline that was met, so that rounding does not decide whether it is."""


@dataclass(frozen=True)
class _Resource:
    """What there has to be enough of.

    Attributes
    ----------
    objective
        Name of the objective that minimises it.
    unit
        Its unit, at the end of columns.
    most, least
        How much of it takes the first and the last deadline of an automatic range.
    available
        How much the instance has, NaN if there is no such limit.
    with_amount
        Returns the instance with some of it.
    """

    objective: str
    unit: str
    most: float
    least: float
    available: float
    with_amount: Callable[[float], Instance]

    @property
    def column(self) -> str:
        """Name of the column of what is enough."""
        return f"{self.objective}_{self.unit}"


def band(
    instance: Instance,
    deadlines_s: Sequence[float] | float | None = None,
    *,
    points: int = POINTS,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the band that it takes to meet deadlines, certified.

    Parameters
    ----------
    instance
        The instance; its band is the one to compare with.
    deadlines_s
        Deadlines in s, each for all users together with those that they have. If left out, there is
        one row for the deadlines of the instance; or, where a user has none, a curve over deadlines
        from nearly impossible to slack.
    points
        How many deadlines such a curve has.
    problem
        Which problem, as for :func:`eipyomo.solve`.
    gap, time_limit
        Relative gap to stop at, and seconds, for each row.
    workers
        Number of processes, as for :func:`eipyomo.solve_many`.
    progress
        Whether to show in a terminal how many are done.

    Returns
    -------
    DataFrame
        A row for each deadline, ascending:

        * ``deadline_s``: for everybody; NaN where each has its own.
        * ``band_mhz``: with this band an allocation was found that meets all limits; NaN if none
          was found.
        * ``bound_mhz``: with less than that there is proven to be none.
        * ``gap``, ``termination``: how near the two are, and ``infeasible`` where it is proven that
          no band is enough; ``message`` then names what cannot be met.
        * ``available_mhz``: the band of the instance.
        * ``downloads``, ``energy_j``, ``latency_s``, ``largest_latency_s``: of that allocation, the
          energy and the latency of all users together.

    Raises
    ------
    InputError
        If an argument is not allowed.

    Examples
    --------
    >>> import eipyomo as ei
    >>> found = ei.plan.band(ei.Instance.letter(), [7.0, 8.0])
    >>> found["band_mhz"].round(2).tolist()
    [10.58, 7.57]
    """
    require_kind("instance", instance, Instance)
    own_mhz = instance.scaled.bandwidth_mhz
    resource = _Resource(
        objective="band",
        unit="mhz",
        most=MOST * own_mhz,
        least=LEAST * own_mhz,
        available=own_mhz,
        with_amount=lambda mhz: instance.replace(bandwidth_hz=mhz * HZ_PER_MHZ),
    )
    asking = Asking(problem, gap, time_limit, workers, progress)
    return _required(resource, instance, deadlines_s, points, asking)


def edge_frequency(
    instance: Instance,
    deadlines_s: Sequence[float] | float | None = None,
    *,
    points: int = POINTS,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the edge server's frequency in use that it takes to meet deadlines, certified.

    Parameters and errors are those of :func:`band`. The band is that of the instance.

    Returns
    -------
    DataFrame
        As for :func:`band`, with ``edge_frequency_ghz``, ``bound_ghz`` and ``available_ghz``: the
        total frequency of the instance's server, NaN where each task has f_s for itself.

    Examples
    --------
    >>> import eipyomo as ei
    >>> found = ei.plan.edge_frequency(ei.Instance.letter(), [6.0, 9.0])
    >>> found["edge_frequency_ghz"].round(2).tolist()
    [5.57, 0.0]
    """
    require_kind("instance", instance, Instance)
    data = instance.scaled
    all_ghz = len(data) * data.server_frequency_ghz
    resource = _Resource(
        objective="edge_frequency",
        unit="ghz",
        most=all_ghz,
        least=EDGE_LEAST * all_ghz,
        available=np.nan if data.total_frequency_ghz is None else data.total_frequency_ghz,
        with_amount=lambda ghz: instance.replace(server={"total_frequency_hz": ghz * HZ_PER_GHZ}),
    )
    asking = Asking(problem, gap, time_limit, workers, progress)
    return _required(resource, instance, deadlines_s, points, asking)


def _required(
    resource: _Resource,
    instance: Instance,
    deadlines_s: Sequence[float] | float | None,
    points: int,
    asking: Asking,
) -> pd.DataFrame:
    """Return the table of a resource."""
    points = whole_number("points", points, 2)
    if deadlines_s is not None:
        places: list[float] = numbers("deadlines_s", deadlines_s)
    elif all(user.deadline_s is not None for user in instance.users):
        places = [np.nan]
    else:
        places = _from_nearly_impossible_to_slack(resource, instance, points, asking)
    asked = [instance if np.isnan(one) else _by(instance, one) for one in places]
    unit, rows = resource.unit, []
    found = asking.solve(asked, objective=resource.objective)
    for place, result in zip(places, found, strict=True):
        enough = {resource.column: result.value, f"bound_{unit}": result.bound, "gap": result.gap}
        there = {f"available_{unit}": resource.available}
        rows.append({"deadline_s": place, **enough, **there, **said(result)})
    return table(rows, _columns(resource))


def _columns(resource: _Resource) -> list[str]:
    unit = resource.unit
    return [
        *("deadline_s", resource.column, f"bound_{unit}", "gap", "termination"),
        *(f"available_{unit}", "downloads", "energy_j", "latency_s", "largest_latency_s"),
        "message",
    ]


def _by(instance: Instance, deadline_s: float) -> Instance:
    """Return an instance in which nobody may be later, beside what it says itself."""
    by: dict[str, Any] = {
        user.name: {"deadline_s": min(deadline_s, user.deadline_s or deadline_s)}
        for user in instance.users
    }
    return instance.replace(users=by)


def _from_nearly_impossible_to_slack(
    resource: _Resource, instance: Instance, points: int, asking: Asking
) -> list[float]:
    """Return deadlines that take between very much and little of a resource.

    Other limits may need some of it however much time there is; then the range ends there. Where no
    amount is enough for them, there is one deadline, which is none, and its row says what cannot be
    met.
    """
    rough = asking.to(RANGE_GAP)
    most, least = resource.most, resource.least
    ends = rough.solve(map(resource.with_amount, (most, least)), objective="slowest")
    if None in (ends[0].value, ends[1].value):
        (needed,) = rough.solve([_by(instance, SOME_S)], objective=resource.objective)
        if needed.value is None:
            return [SOME_S]
        most, least = max(most, MOST * needed.value), max(least, ROOM * needed.value)
        ends = rough.solve(map(resource.with_amount, (most, least)), objective="slowest")
    earliest_s, latest_s = ends[0].value or SOME_S, ends[1].value or SOME_S
    earliest_s *= NEVER_BELOW
    latest_s = max(latest_s, SLIGHTLY_LATER * earliest_s)
    parts = np.linspace(0.0, 1.0, points) ** 2  # most of them where the curve is steep
    return [float(one) for one in earliest_s + (latest_s - earliest_s) * parts]
