"""A whole process, solved round by round; see :mod:`eipyomo.process`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.errors import InputError
from eipyomo.files import PathLike
from eipyomo.instance import Instance
from eipyomo.process import Training, following
from eipyomo.radio.links import Links
from eipyomo.radio.tables import read_rounds
from eipyomo.result import Result
from eipyomo.solvers.methods import DEFAULT_METHOD, METHODS, attempt, options_of, resolve
from eipyomo.studies.cell import Cell
from eipyomo.studies.store import Store
from eipyomo.validation import positive_number, require_kind, whole_number

if TYPE_CHECKING:
    import pandas as pd

Report = Callable[[int, Result], None]
"""Called with the number of a round, from 1, and its result."""


def train(
    instance: Instance,
    rounds: int,
    *,
    method: str = DEFAULT_METHOD,
    training_method: str | None = None,
    seed: int | None = None,
    mean_gain: float | None = None,
    gains: pd.DataFrame | PathLike | None = None,
    links: Links | None = None,
    store: Store | None = None,
    report: Report | None = None,
    **options: Any,
) -> Training:
    """Solve a process of N rounds, one after another, and chain them by their download times.

    Parameters
    ----------
    instance
        The first round; with one round it is the only one, as in :func:`eipyomo.solve`.
    rounds
        Number N of rounds.
    method
        Method of the last round, in which tasks are computed.
    training_method
        Method of the rounds before it; the same if left out, or ``exact`` where that is none for
        them.
    seed
        Draw the channels of each round after the first anew (Rayleigh block fading), around the
        instance's gains. Without `seed` and `gains` they stay as they are.
    mean_gain
        Draw them around this gain instead, the same for all users; needs `seed`.
    gains
        Take the channels from this table, or CSV file: one row a round, one column a user.
    links
        Draw them around the mean gains of these links of the users, and by their fading, instead;
        needs `seed`.
    store
        Where finished rounds are kept and looked up, so that a process that was killed goes on.
    report
        Called after every round.
    **options
        Options of `method`; of `training_method` those that it knows.

    Returns
    -------
    Training
        All rounds, or those up to the first one without an allocation.

    Raises
    ------
    InputError
        If a method, an option or a channel is not allowed.
    """
    require_kind("instance", instance, Instance)
    rounds = whole_number("rounds", rounds, 1)
    if store is not None:
        require_kind("store", store, Store)
    if "round" in options:
        raise InputError("round is no option of a process, which has rounds of both kinds")
    if training_method is not None:
        require_kind("training_method", training_method, str)
    resolve(method, options)
    early_method = training_method or _for_training(method)
    cells_of = _cells_of(method, early_method, options)
    channels = channel_gains(
        instance, rounds, seed=seed, mean_gain=mean_gain, gains=gains, links=links
    )
    instances, results = [], []
    current = following(instance, channels[0], instance.scaled.previous_download_s)
    resolve(method, options).of(current)  # refused now, and not after all rounds before it
    for n in range(1, rounds + 1):
        result = _solved(cells_of(current, last=n == rounds), store)
        instances.append(current)
        results.append(result)
        if report is not None:
            report(n, result)
        if not result.feasible:
            break
        if n < rounds:
            assert result.evaluation is not None
            current = following(current, channels[n], result.evaluation.breakdown.download_s)
    drawn_from = None if seed is None else int(seed)
    return Training(tuple(instances), tuple(results), rounds, method, early_method, drawn_from)


def _for_training(method: str) -> str:
    """Return a method itself if it solves training rounds too, else the default one."""
    known = METHODS.get(method.partition(":")[0])
    return method if known is None or known.trains else DEFAULT_METHOD


def _cells_of(method: str, early_method: str, options: dict[str, Any]) -> Callable[..., Cell]:
    """Return how a round is to be solved, with its options checked before any round is."""
    name = early_method.partition(":")[0]
    if name not in METHODS or not METHODS[name].trains:
        fitting = [name for name, one in METHODS.items() if one.trains]
        raise InputError(
            f"training_method is {early_method!r}, but must be one of: {', '.join(fitting)}"
        )
    known = options_of(name)
    early_options = {key: value for key, value in options.items() if key in known}
    early_options = {**early_options, "round": "training"}
    resolve(early_method, early_options)

    def cell(instance: Instance, *, last: bool) -> Cell:
        if last:
            return Cell(instance, method, options)
        return Cell(instance, early_method, early_options)

    return cell


def _solved(cell: Cell, store: Store | None) -> Result:
    """Solve a round, or look up what was found before; only an allocation is worth keeping."""
    document = store.get(cell) if store is not None else None
    if document is not None:  # it may have been stored under another free-text name
        return Result.from_dict({**document, "instance": cell.instance.name}, cell.instance)
    result = attempt(cell.instance, cell.method, **cell.arguments())
    if store is not None and result.feasible:
        store.add(cell, result.to_dict())
    return result


def channel_gains(
    instance: Instance,
    rounds: int,
    *,
    seed: int | None = None,
    mean_gain: float | None = None,
    gains: pd.DataFrame | PathLike | None = None,
    links: Links | None = None,
) -> NDArray[np.float64]:
    """Return the channel power gains of all rounds; see :func:`train`.

    The draw of a round depends on the seed and the round alone, not on how many there are.

    Returns
    -------
    array of shape (rounds, users)

    Raises
    ------
    InputError
        If the arguments contradict each other, or a table does not fit the instance.
    """
    around = {"mean_gain": mean_gain, "links": links}
    given = [key for key, value in ({"seed": seed} | around).items() if value is not None]
    if gains is not None:
        if given:
            raise InputError(f"{given[0]} and gains are given, but channels are drawn or read")
        names = instance.users.texts("name")
        return read_rounds(gains, "gains", names, rounds).to_numpy()
    own = instance.users.numbers("channel_gain")
    if seed is None:
        if given:
            raise InputError(f"{given[0]} is given without a seed, but it is what to draw around")
        return np.tile(own, (rounds, 1))
    seed = whole_number("seed", seed, 0)
    if links is not None:
        if mean_gain is not None:
            raise InputError("mean_gain and links are given, but gains are drawn around one")
        require_kind("links", links, Links)
        order = links.order_in(instance)
        return np.array([own, *(links.faded(seed, n)[order] for n in range(2, rounds + 1))])
    mean = own
    if mean_gain is not None:
        mean = np.full(len(own), positive_number("mean_gain", mean_gain))
    fading = [np.random.default_rng([seed, n]).exponential(size=len(own)) for n in range(1, rounds)]
    return np.array([own, *(mean * draw for draw in fading)])
