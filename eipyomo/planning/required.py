"""How much of a resource it takes to be in time: :func:`band`, :func:`edge_frequency`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.instance import Instance
from eipyomo.planning.rows import GAP, TIME_LIMIT_S, Asking, numbers, said
from eipyomo.restriction import Restriction
from eipyomo.scaled import HZ_PER_GHZ
from eipyomo.validation import require_kind, whole_number

if TYPE_CHECKING:
    import pandas as pd

POINTS = 20
"""Number of deadlines of a curve."""
RANGE_GAP = 1e-3
"""Gap to which the ends of a range of deadlines are known."""
BAND_RANGE = 16.0
"""An automatic range goes from the deadline that takes so many times the instance's band to the one
that takes such a part of it."""
EDGE_RANGE = 64.0
"""It goes to the deadline that takes such a part of all users' f_s together."""
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
    """

    objective: str
    unit: str

    @property
    def column(self) -> str:
        return f"{self.objective}_{self.unit}"


BAND, EDGE_FREQUENCY = _Resource("band", "mhz"), _Resource("edge_frequency", "ghz")


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
    asking = Asking(problem, gap, time_limit, workers, progress)
    data = instance.scaled
    ends = (
        instance.replace(bandwidth_hz=instance.bandwidth_hz * BAND_RANGE),
        instance.replace(bandwidth_hz=instance.bandwidth_hz / BAND_RANGE),
    )
    return _required(
        BAND, instance, deadlines_s, points, ends, data.bandwidth_mhz, asking
    )


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
    asking = Asking(problem, gap, time_limit, workers, progress)
    data = instance.scaled
    little_hz = len(data) * data.server_frequency_ghz * HZ_PER_GHZ / EDGE_RANGE
    ends = (
        instance.replace(server={"total_frequency_hz": None}),
        instance.replace(server={"total_frequency_hz": little_hz}),
    )
    available = np.nan if data.total_frequency_ghz is None else data.total_frequency_ghz
    return _required(EDGE_FREQUENCY, instance, deadlines_s, points, ends, available, asking)


def _required(
    resource: _Resource,
    instance: Instance,
    deadlines_s: Sequence[float] | float | None,
    points: int,
    ends: tuple[Instance, Instance],
    available: float,
    asking: Asking,
) -> pd.DataFrame:
    """Return the table of a resource; the ends are instances with very much and little of it."""
    import pandas as pd

    points = whole_number("points", points, 2)
    own = all(user.deadline_s is not None for user in instance.users)
    if deadlines_s is not None:
        places: list[float] = numbers("deadlines_s", deadlines_s)
    elif own:
        places = [np.nan]
    else:
        places = _from_nearly_impossible_to_slack(ends, points, asking)
    asked = [instance if np.isnan(one) else _by(instance, one) for one in places]
    unit, rows = resource.unit, []
    for place, result in zip(places, asking.solve(asked, objective=resource.objective), strict=True):
        found = {resource.column: result.value, f"bound_{unit}": result.bound, "gap": result.gap}
        rows.append({"deadline_s": place, **found, f"available_{unit}": available, **said(result)})
    return pd.DataFrame(rows, columns=_columns(resource))


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
    ends: tuple[Instance, Instance], points: int, asking: Asking
) -> list[float]:
    """Return deadlines that take between very much and little of a resource.

    Where even very much of it meets no deadline at all, there is one that nothing is said about:
    the row for it says what cannot be met.
    """
    most, little = asking.to(RANGE_GAP).solve(ends, objective="slowest")
    if most.value is None:
        return [SOME_S]
    earliest_s = most.value * NEVER_BELOW
    latest_s = LATER * earliest_s if little.value is None else little.value
    return np.geomspace(earliest_s, max(latest_s, SLIGHTLY_LATER * earliest_s), points).tolist()


SOME_S = 1e6
"""A deadline that is none."""
LATER, SLIGHTLY_LATER = 8.0, 1.1
"""Times the earliest deadline that a range ends at, where little of the resource meets none, and at
least."""
