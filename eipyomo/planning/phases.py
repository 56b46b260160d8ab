"""Who downloads and what is offloaded, over two data: :func:`phase`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.planning.rows import TIME_LIMIT_S, Asking, said, table
from eipyomo.ranges import numbers_of
from eipyomo.restriction import Restriction
from eipyomo.result import Result
from eipyomo.validation import require_kind
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd

PHASE_GAP = 1e-4
"""Relative gap of each cell; decisions are seldom nearer to one another than that."""
X, Y = "model_bits*=log(0.25:4:9)", "bandwidth_hz*=log(0.25:4:9)"
"""The axes unless told otherwise."""


@dataclass(frozen=True)
class Axis:
    """One datum, and the values that it takes.

    Attributes
    ----------
    path, sign
        The datum, and whether it is set (``=``) or multiplied (``*=``).
    points
        Its values in the unit of the datum, or factors.
    """

    path: str
    sign: str
    points: tuple[float, ...]

    @classmethod
    def of_text(cls, which: str, text: str) -> Axis:
        """Return the axis that a text such as ``model_bits=8e6:64e6:12`` is.

        Raises
        ------
        InputError
            If it is none.
        """
        path, is_there, values = text.partition("=") if isinstance(text, str) else ("", "", "")
        if not is_there or not path.strip("* "):
            raise InputError(
                f"{which} is {shown(text)}, but must be PATH=LOW:HIGH:COUNT such as "
                "model_bits=8e6:64e6:12, or PATH*=LOW:HIGH:COUNT to multiply what there is"
            )
        sign = "*=" if path.endswith("*") else "="
        try:
            points = tuple(numbers_of(values))
        except InputError as error:
            raise InputError(f"{which} is {shown(text)}: {error}") from None
        return cls(path.removesuffix("*").strip(), sign, points)

    @property
    def column(self) -> str:
        """Name of the column: the path, which has the unit; or that it is a factor."""
        return self.path if self.sign == "=" else f"{self.path} factor"

    def setting(self, value: float) -> str:
        """Return the setting of one value."""
        return f"{self.path}{self.sign}{value!r}"


def phase(
    instance: Instance,
    x: str = X,
    y: str = Y,
    *,
    problem: str | Restriction = "joint",
    gap: float = PHASE_GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return how many users download, and how much of the tasks is offloaded, over two data.

    Parameters
    ----------
    instance
        The instance.
    x, y
        The data and their values: ``model_bits=8e6:64e6:12`` for twelve values evenly between the
        two, ``=log(8e6:64e6:12)`` for ones evenly in the logarithm, ``=8e6,16e6`` for these. With
        ``*=`` what the instance has is multiplied: ``users[*].channel_gain*=log(0.01:1:12)``.
        Paths are those of :meth:`Instance.with_settings`.
    problem, gap, time_limit, workers, progress
        As for :func:`~eipyomo.plan.band`; the gap is 1e-4 unless told otherwise.

    Returns
    -------
    DataFrame
        A row for each pair of values, those of `x` within those of `y`. The first two columns are
        the data, in the units in their names; factors are called ``PATH factor``. Then:

        * ``downloads``, ``offloaded_share``: number of users that download, and the part of all
          task bits that is computed at the server; NaN where there is no task.
        * ``wsel``, ``bound``, ``gap``, ``termination``: what is certified of that allocation.
        * ``energy_j``, ``latency_s``, ``largest_latency_s``: of all users together, and of the
          slowest; ``message``.

    Raises
    ------
    InputError
        If an argument is not allowed.

    Examples
    --------
    >>> import eipyomo as ei
    >>> found = ei.plan.phase(ei.Instance.letter(), "model_bits=1e6,64e6", "bandwidth_hz=2e7")
    >>> found["downloads"].tolist()
    [4, 0]
    """
    require_kind("instance", instance, Instance)
    across, up = Axis.of_text("x", x), Axis.of_text("y", y)
    if across.path == up.path:
        raise InputError(f"x and y both are {across.path!r}, but must be two data")
    asking = Asking(problem, gap, time_limit, workers, progress)
    places = [(one, other) for other in up.points for one in across.points]
    asked = [
        instance.with_settings([across.setting(one), up.setting(other)]) for one, other in places
    ]
    rows = []
    for (one, other), changed, result in zip(places, asked, asking.solve(asked), strict=True):
        certified = {"wsel": result.objective, "bound": result.bound, "gap": result.gap}
        decided = {"offloaded_share": _offloaded(changed, result)}
        rows.append({across.column: one, up.column: other, **decided, **certified, **said(result)})
    return table(rows, [across.column, up.column, *COLUMNS])


COLUMNS = (
    *("downloads", "offloaded_share", "wsel", "bound", "gap", "termination"),
    *("energy_j", "latency_s", "largest_latency_s", "message"),
)


def _offloaded(instance: Instance, result: Result) -> Any:
    """Return the part of all task bits that is computed at the server, if there are any."""
    tasks = instance.scaled.task_mbit
    if result.allocation is None or not result.feasible or not tasks.sum() > 0.0:
        return None
    plan = result.allocation.for_users(instance.scaled.names).plan(instance.scaled)
    return float(np.average(plan.offload_fraction, weights=tasks))
