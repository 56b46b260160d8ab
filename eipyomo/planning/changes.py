"""What each datum is worth: :func:`sensitivity`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.planning.rows import GAP, TIME_LIMIT_S, Asking, table
from eipyomo.restriction import Restriction
from eipyomo.settings import numbers_at
from eipyomo.validation import positive_number, require_kind
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.result import Result

CHANGE = 0.1

PRICED = {
    "bandwidth_hz": ("bandwidth_per_mhz", "MHz"),
    "server.total_frequency_hz": ("edge_frequency_per_ghz", "GHz"),
    "total_energy_budget_j": ("total_energy_per_j", "J"),
    "total_latency_budget_s": ("total_latency_per_s", "s"),
    "total_penalty_budget": ("total_penalty_per_unit", "1"),
}
"""Data with a price in a result, its name there, and the unit of which it is the price."""

PRICED_BY_USER = {
    "users[*].deadline_s": ("deadline_per_s", 1.0, "s"),
    "users[*].energy_budget_j": ("energy_budget_per_j", 1.0, "J"),
    "users[*].local_training_s": ("delay_per_s", -1.0, "s"),
}
"""The same of users, each with the sign that turns the price into what one more unit saves."""

COLUMNS = (
    *("datum", "value", "wsel", "bound", "gap", "saves_per_unit", "unit", "change"),
    *("wsel_low", "bound_low", "gap_low", "difference_low", "termination_low"),
    *("wsel_high", "bound_high", "gap_high", "difference_high", "termination_high"),
    *("termination", "message"),
)


def sensitivity(
    instance: Instance,
    change: float = CHANGE,
    data: Sequence[str] | None = None,
    *,
    problem: str | Restriction = "joint",
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return what WSEL becomes where each datum is a part smaller and larger, and its prices.

    Parameters
    ----------
    instance
        The instance.
    change
        The part, above 0 and below 1.
    data
        Paths of data as :meth:`Instance.with_settings` takes them, such as ``bandwidth_hz`` or
        ``users[*].task_bits``; all positive numbers of the instance if left out, those of users
        for all users at once.
    problem, gap, time_limit, workers, progress
        As for :func:`~eipyomo.plan.band`.

    Returns
    -------
    DataFrame
        A row for each datum, those first that matter most:

        * ``datum``, ``value``: its path, and what it is, in the unit in its name; the mean of
          users.
        * ``wsel``, ``bound``, ``gap``, ``termination``: of the instance as it is.
        * ``saves_per_unit``, ``unit``: by how much one more unit lowers WSEL, where the dual tells:
          a MHz, a GHz, and a second or a joule more for every user. It holds for small changes.
        * ``change``: as given; ``wsel_low``, ``bound_low``, ``gap_low``, ``termination_low`` with
          1 - change of the datum, ``wsel_high`` and so on with 1 + change. Where a change is not
          allowed, or leaves nothing feasible, WSEL is NaN and ``message`` says why.
        * ``difference_low``, ``difference_high``: WSEL there less WSEL here, relative to it.

    Raises
    ------
    InputError
        If an argument is not allowed.

    Examples
    --------
    >>> import eipyomo as ei
    >>> found = ei.plan.sensitivity(ei.Instance.letter(), data=["bandwidth_hz"])
    >>> found[["wsel_low", "wsel", "wsel_high"]].round(3).to_numpy().tolist()
    [[4.234, 4.075, 3.94]]
    """
    require_kind("instance", instance, Instance)
    change = positive_number("change", change)
    if change >= 1.0:
        raise InputError(f"change is {shown(change)}, but must be a part > 0 and < 1")
    paths = _paths(data, instance)
    asking = Asking(problem, gap, time_limit, workers, progress)
    own, parts = instance.to_dict(), (1.0 - change, 1.0 + change)
    changed = [_changed(instance, f"{path}*={part!r}") for path in paths for part in parts]
    asked = [instance, *(one for one in changed if isinstance(one, Instance))]
    solved = iter(asking.solve(asked))
    here = next(solved)
    there = [next(solved) if isinstance(one, Instance) else one for one in changed]
    rows = [
        {
            "datum": path,
            "value": float(np.mean(numbers_at(path, own))),
            **_of_result(here, here),
            **_price(here, path),
            "change": change,
            **_end("low", there[2 * place], here),
            **_end("high", there[2 * place + 1], here),
            "message": _message(here, *there[2 * place : 2 * place + 2]),
        }
        for place, path in enumerate(paths)
    ]
    found = table(rows, COLUMNS)
    differences = found[["difference_low", "difference_high"]].astype(float).abs()
    swing = differences.max(axis=1, skipna=False).fillna(np.inf)
    return found.iloc[np.argsort(-swing.to_numpy(), kind="stable")].reset_index(drop=True)


def _paths(data: Sequence[str] | None, instance: Instance) -> list[str]:
    """Return the paths of data, checked; all that are numbers > 0 if none are given."""
    if data is None:
        return list(_numbers(instance))
    if isinstance(data, str) or not all(isinstance(path, str) for path in data) or not data:
        raise InputError(
            f"data is {shown(data)}, but must be a list of paths such as 'bandwidth_hz'"
        )
    for path in data:
        instance.with_settings([f"{path}*=1"])  # which refuses what is none
    return list(dict.fromkeys(data))


def _numbers(instance: Instance) -> Iterator[str]:
    """Iterate over the paths of all numbers > 0 of an instance; its schema has them in order."""
    for room, record in (("", instance), ("server.", instance.server)):
        for key, value in record.data().items():
            if isinstance(value, float) and value > 0.0:
                yield f"{room}{key}"
    for key, column in instance.users.columns.items():
        if isinstance(column, np.ndarray) and (column > 0.0).any():
            yield f"users[*].{key}"


def _changed(instance: Instance, setting: str) -> Instance | InputError:
    """Return an instance with one setting, or why it is not allowed."""
    try:
        return instance.with_settings([setting])
    except InputError as error:
        return error


def _price(result: Result, path: str) -> dict[str, Any]:
    """Return what one more unit of a datum saves, where the result knows it."""
    prices = result.prices
    if prices is None:
        return {}
    if path in PRICED:
        name, unit = PRICED[path]
        if name not in prices:
            return {}
        both = [prices[name], prices.get(f"downlink_{name}", prices[name])]  # halves of it in GBE
        return {"saves_per_unit": float(np.mean(both)), "unit": unit}
    if path in PRICED_BY_USER:
        name, sign, unit = PRICED_BY_USER[path]
        told = [user[name] for user in prices["users"] if name in user]
        return {"saves_per_unit": sign * sum(told) + 0.0, "unit": unit} if told else {}
    return {}


def _of_result(result: Result, here: Result) -> dict[str, Any]:
    """Return the certified value of a result, and how it differs from the one here."""
    cost, own = result.objective, here.objective
    return {
        "wsel": cost,
        "bound": result.bound,
        "gap": result.gap,
        "difference": (cost - own) / abs(own) if cost is not None and own else None,
        "termination": result.termination,
    }


def _end(which: str, result: Result | InputError, here: Result) -> dict[str, Any]:
    """Return what a row says of one end of a range."""
    if isinstance(result, InputError):
        return {f"termination_{which}": "refused"}
    return {f"{key}_{which}": one for key, one in _of_result(result, here).items()}


def _message(here: Result, *ends: Result | InputError) -> str:
    """Say why there is no answer, where there is none."""
    if here.objective is None:
        return here.message
    words: Mapping[str, Any] = dict(zip(("less", "more"), ends, strict=True))
    return "; ".join(
        f"with {which} of it: {one if isinstance(one, InputError) else one.message}"
        for which, one in words.items()
        if isinstance(one, InputError) or one.objective is None
    )
