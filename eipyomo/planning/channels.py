"""How a plan fares when channels are not as planned: :func:`stress`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eipyomo import timing
from eipyomo.allocation import Allocation
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, Evaluation, evaluate
from eipyomo.instance import Instance
from eipyomo.planning.rows import require_per
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.scaled import FloatColumn
from eipyomo.studies.train import channel_gains
from eipyomo.users import Users
from eipyomo.validation import require_kind, whole_number

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.files import PathLike

DRAWS = 1000

QUANTILE = 0.95
"""Columns that end in ``_p95`` hold what is not exceeded in so many of the draws."""

LIMITS = {
    "missed_deadline": ("deadline_s", "latency_s"),
    "missed_energy_budget": ("energy_budget_j", "energy_j"),
}
"""What may be missed: the limit, and the term that it is one of."""


def stress(
    instance: Instance,
    allocation: Allocation,
    draws: int = DRAWS,
    seed: int = 0,
    *,
    mean_gain: float | None = None,
    gains: pd.DataFrame | PathLike | None = None,
    per: Literal["draw", "user"] = "draw",
    problem: str | Restriction = "joint",
) -> pd.DataFrame:
    """Return what a plan costs under drawn channels, each draw evaluated like any answer.

    Shares, frequencies and decisions stay as planned. The sync time does too, unless an upload is
    later: then everybody waits for the last one.

    Parameters
    ----------
    instance
        The instance.
    allocation
        The plan: of this instance, of :meth:`Instance.pessimistic`, or any other for these users.
    draws
        Number of channels.
    seed
        Of Rayleigh fading around each user's own gain; the same seed, the same channels. They are
        those of rounds 2, 3, ... of :func:`eipyomo.train`.
    mean_gain
        Draw around this gain instead.
    gains
        Take the channels from a table or a CSV file with a column for each user and a row for each
        draw, instead of drawing them.
    per
        ``"draw"`` for a row for each draw, ``"user"`` for a row for each user.
    problem
        The problem, as for :func:`eipyomo.evaluate`.

    Returns
    -------
    DataFrame
        Per draw:

        * ``draw``: from 1.
        * ``wsel``, ``energy_j``, ``latency_s``: of all users together; ``largest_latency_s``: of
          the slowest.
        * ``sync_s``: when the last upload is there, or as planned.
        * ``late_upload_share``: the part of the users whose upload is later than planned.
        * ``missed_deadline_share``, ``missed_energy_budget_share``: the part of those that have a
          deadline, or a budget, who miss it; NaN where nobody has one.
        * ``planned_wsel``: in the instance's own channels, the same in each row.

        Per user:

        * ``user``; ``wsel``, ``energy_j``, ``latency_s``: means over the draws; ``wsel_p95`` and so
          on: what is not exceeded in 95 % of them.
        * ``late_upload_share``, ``missed_deadline_share``, ``missed_energy_budget_share``: the part
          of the draws in which that is so.

    Raises
    ------
    InputError
        If an argument is not allowed.

    Examples
    --------
    >>> import eipyomo as ei
    >>> instance = ei.Instance.letter()
    >>> plan = ei.solve(instance.pessimistic(0.05)).allocation
    >>> draws = ei.stress(instance, plan, draws=200, seed=1)
    >>> len(draws), bool((draws["late_upload_share"] > 0.5).any())
    (200, False)
    """
    require_kind("instance", instance, Instance)
    require_kind("allocation", allocation, Allocation, ": a result has one, in its attribute")
    require_per(per, ("draw", "user"))
    draws, seed = whole_number("draws", draws, 1), whole_number("seed", seed, 0)
    if gains is None:
        channels = channel_gains(instance, draws + 1, seed=seed, mean_gain=mean_gain)[1:]
    elif mean_gain is not None:
        raise InputError("mean_gain and gains are given, but channels are drawn or read")
    else:
        channels = channel_gains(instance, draws, gains=gains)
    planned = allocation.for_users(instance.scaled.names)
    found = [_under(instance, planned, one, problem) for one in channels]
    if per == "user":
        return _by_user(instance, planned, found)
    as_planned = _under(instance, planned, instance.users.numbers("channel_gain"), problem)
    return _by_draw(instance, planned, found, as_planned)


def _under(
    instance: Instance, planned: Allocation, gains: FloatColumn, problem: str | Restriction
) -> Evaluation:
    """Return what a plan costs under some gains; with a late upload everybody waits for it."""
    users = Users(EndUser, {**instance.users.columns, "channel_gain": gains})
    changed = instance.replace(users=users)
    asked = Problem.of(changed, problem)
    plan = planned.plan(asked.whole)
    need = timing.needs(asked.whole, plan)
    last_s = float(timing.uploaded_s(asked.whole, plan.uplink_share, need).max())
    if not planned.sync_s >= last_s and np.isfinite(last_s):
        return evaluate(asked, replace(planned, sync_s=last_s))
    return evaluate(asked, planned)


def _missed(
    instance: Instance, planned: Allocation, found: list[Evaluation]
) -> dict[str, FloatColumn]:
    """Return which limits are missed, (draws, users) each; NaN for who has none."""
    terms = [one.breakdown for one in found]
    uploaded_s = np.array(
        [one.previous_download_s + one.local_training_s + one.upload_s for one in terms]
    )
    sends = np.array([one.upload_s for one in terms]) > 0.0
    missed = {"late_upload": (sends & _beyond(uploaded_s, planned.sync_s)).astype(np.float64)}
    for name, (key, term) in LIMITS.items():
        limits = instance.users.numbers(key)
        over = _beyond(np.array([getattr(one, term) for one in terms]), limits)
        missed[name] = np.where(np.isfinite(limits), over, np.nan)
    return missed


def _beyond(reached: Any, limit: Any) -> Any:
    """Tell where a limit is exceeded by more than rounding, as the judge tells it."""
    return np.asarray(reached > limit * (1.0 + FEASIBILITY_TOLERANCE))


def _by_draw(
    instance: Instance, planned: Allocation, found: list[Evaluation], as_planned: Evaluation
) -> pd.DataFrame:
    """Return a row for each draw."""
    import pandas as pd

    terms = [one.breakdown for one in found]
    missed = _missed(instance, planned, found)
    return pd.DataFrame(
        {
            "draw": np.arange(1, len(found) + 1),
            "wsel": [one.objective for one in found],
            "energy_j": [float(one.energy_j.sum()) for one in terms],
            "latency_s": [float(one.latency_s.sum()) for one in terms],
            "largest_latency_s": [float(one.latency_s.max()) for one in terms],
            "sync_s": [one.sync_s for one in found],
            **{f"{name}_share": _part(over, axis=1) for name, over in missed.items()},
            "planned_wsel": as_planned.objective,
        }
    )


def _by_user(instance: Instance, planned: Allocation, found: list[Evaluation]) -> pd.DataFrame:
    """Return a row for each user."""
    import pandas as pd

    columns: dict[str, Any] = {"user": list(planned.names)}
    for key in ("wsel", "energy_j", "latency_s"):
        drawn = np.array([getattr(one.breakdown, key) for one in found])
        columns[key] = drawn.mean(axis=0)
        columns[f"{key}_p95"] = np.quantile(drawn, QUANTILE, axis=0, method="higher")
    for name, over in _missed(instance, planned, found).items():
        columns[f"{name}_share"] = _part(over, axis=0)
    return pd.DataFrame(columns)


def _part(over: FloatColumn, axis: int) -> FloatColumn:
    """Return the part of those that have a limit in which it is missed; NaN of nothing."""
    known = np.isfinite(over).sum(axis=axis)
    missed: FloatColumn = np.nansum(over, axis=axis) / np.where(known > 0, known, np.nan)
    return missed
