"""The whole process of section II: N - 1 rounds of training, and the N-th with inference.

Every round is one problem (10): without tasks and with a download for everybody in the rounds
before the last. They are chained by the download times: what a user's download takes in a round is
τ_{j,n-1}^md of the next one.

A round's clock starts when its user began to download the model of the round before, which is at
that round's sync time. So round n + 1 begins τ̂_n after round n, and as T_j of (9) leaves out
τ_{j,n-1}^md, which the round before has counted, nothing is counted twice:

    τ_{j,0}^md + Σ_n T_{j,n}  =  the moment at which user j is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eipyomo import claims
from eipyomo.errors import InputError
from eipyomo.files import (
    PathLike,
    about,
    number_or_text,
    read_csv,
    require_columns,
    require_unique,
    to_json,
    write_atomically,
)
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.solvers.methods import DEFAULT_METHOD, METHODS, attempt, resolve
from eipyomo.solvers.sweep import Cell, Store
from eipyomo.validation import is_positive, positive_number, require_kind, short, whole_number

if TYPE_CHECKING:
    from eipyomo.scaled import FloatColumn

Report = Callable[[int, Result], None]
"""Called with the number of a round, from 1, and its result."""


@dataclass(frozen=True, eq=False)
class Training:
    """What was decided in every round, and what it costs together.

    Attributes
    ----------
    instances
        The instance of each round that was solved: the channel of that round, and the download
        times of the round before.
    rounds
        Their results, in order.
    planned
        Number N of rounds; fewer were solved only if one of them gave no allocation.
    method, training_method
        Methods of the last round, and of those before it.
    """

    instances: tuple[Instance, ...]
    rounds: tuple[Result, ...]
    planned: int
    method: str
    training_method: str

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], instance: Instance) -> Self:
        """Read a process back; every round is evaluated anew, and every claim is checked.

        Parameters
        ----------
        document
            What :meth:`to_dict` returned.
        instance
            The instance that the process began with.

        Raises
        ------
        InputError
            If the document is broken, or one of another instance.
        ClaimError
            If it says what is not true.
        """
        require_kind("instance", instance, Instance)
        claims.check_process(document)
        instances, results = [], []
        current = instance
        download_s = instance.scaled.previous_download_s
        rounds = zip(document["channel_gains"], document["rounds"], strict=True)
        for n, (gains, result) in enumerate(rounds, start=1):
            current = _following(current, np.array(gains), download_s)
            try:
                found = Result.from_dict(result, current)
            except InputError as error:
                raise type(error)(f"round {n}: {error}") from None
            if found.evaluation is not None:
                download_s = found.evaluation.breakdown.download_s
            instances.append(current)
            results.append(found)
        process = cls(
            tuple(instances),
            tuple(results),
            document["planned_rounds"],
            document["method"],
            document["training_method"],
        )
        totals = process.to_dict()["totals"]
        claims.compare(document["totals"], totals, "the process claims totals")
        return process

    @property
    def complete(self) -> bool:
        """Whether every round has a feasible allocation."""
        return len(self.rounds) == self.planned and self.rounds[-1].feasible

    @property
    def message(self) -> str:
        """One sentence on how the process ended."""
        if self.complete:
            return f"all {self.planned} rounds have an allocation"
        last = self.rounds[-1]
        return f"round {len(self.rounds)} of {self.planned} gave no allocation: {last.message}"

    @property
    def solved(self) -> tuple[Result, ...]:
        """The results that have a feasible allocation."""
        return tuple(result for result in self.rounds if result.feasible)

    def starts_s(self) -> FloatColumn:
        """Return the moment at which each solved round begins: Σ τ̂ of the rounds before.

        Returns
        -------
        array of shape (solved rounds,), in s from the start of the process.
        """
        syncs_s = [result.allocation.sync_s for result in self.solved if result.allocation]
        starts: FloatColumn = np.concatenate([[0.0], np.cumsum(syncs_s)[:-1]])[: len(syncs_s)]
        return starts

    def frame(self) -> pd.DataFrame:
        """Return a table of rounds and users: decisions, and every term of (8) and (9)."""
        parts = []
        for n, (result, start_s) in enumerate(zip(self.solved, self.starts_s(), strict=True)):
            assert result.allocation is not None
            assert result.evaluation is not None
            decisions, terms = result.allocation.frame(), result.evaluation.breakdown.frame()
            gains = [user.channel_gain for user in self.instances[n].users]
            part = pd.concat([decisions, terms.drop(columns="name")], axis=1)
            part.insert(0, "round", n + 1)
            part.insert(1, "start_s", start_s)
            part.insert(2, "sync_s", result.allocation.sync_s)
            part.insert(4, "channel_gain", gains)
            parts.append(part)
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def totals(self) -> pd.DataFrame:
        """Return what every user pays in all rounds together.

        Returns
        -------
        DataFrame
            Columns ``name``, ``energy_j``, ``latency_s`` and ``wsel``, summed over rounds;
            ``initial_download_j``, which (8) charges to no round; ``end_s``, when the user is done.
        """
        initial = self.instances[0].scaled
        sums = pd.DataFrame({"name": list(initial.names)})
        terms = [one.evaluation.breakdown for one in self.solved if one.evaluation is not None]
        for column in ("energy_j", "latency_s", "wsel"):
            sums[column] = np.sum([getattr(one, column) for one in terms], axis=0)
        sums["initial_download_j"] = initial.receive_power_w * initial.previous_download_s
        sums["end_s"] = sums["latency_s"] + initial.previous_download_s
        return sums

    def timeline(self) -> pd.DataFrame:
        """Return start and end of every phase of all rounds, as in Fig. 1.

        Returns
        -------
        DataFrame
            Columns ``round``, ``user``, ``phase``, ``start_s``, ``end_s``, in s from the start of
            the process. A download stands in the round in which it is decided; the first model's is
            the first round's "previous model download".
        """
        parts = []
        for n, (result, start_s) in enumerate(zip(self.solved, self.starts_s(), strict=True)):
            assert result.evaluation is not None
            part = result.evaluation.timeline()
            part[["start_s", "end_s"]] += start_s
            part.insert(0, "round", n + 1)
            parts.append(part if n == 0 else part[part["phase"] != "previous model download"])
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def to_dict(self) -> dict[str, Any]:
        """Return the process as a JSON document of schema ``eipyomo/training@1``."""
        totals = self.totals()
        sums = {name: float(totals[name].sum()) for name in totals.columns[1:-1]}
        return {
            "schema": claims.TRAINING_SCHEMA,
            "instance": self.instances[0].name,
            "method": self.method,
            "training_method": self.training_method,
            "planned_rounds": self.planned,
            "complete": self.complete,
            "message": self.message,
            "totals": {
                **sums,
                "end_s": float(totals["end_s"].max()),
                "users": totals.to_dict("records"),
            },
            "starts_s": self.starts_s().tolist(),
            "channel_gains": [
                [user.channel_gain for user in instance.users] for instance in self.instances
            ],
            "rounds": [result.to_dict() for result in self.rounds],
        }

    def to_json(self, path: PathLike) -> None:
        """Write the document, replacing an existing one atomically."""
        write_atomically({path: to_json(self.to_dict())})


def train(
    instance: Instance,
    rounds: int,
    *,
    method: str = DEFAULT_METHOD,
    training_method: str | None = None,
    seed: int | None = None,
    mean_gain: float | None = None,
    gains: pd.DataFrame | PathLike | None = None,
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
    channels = channel_gains(instance, rounds, seed=seed, mean_gain=mean_gain, gains=gains)
    instances, results = [], []
    current = _following(instance, channels[0], instance.scaled.previous_download_s)
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
            current = _following(current, channels[n], result.evaluation.breakdown.download_s)
    return Training(tuple(instances), tuple(results), rounds, method, early_method)


def _for_training(method: str) -> str:
    """Return a method itself if it solves training rounds too, else the default one."""
    known = METHODS.get(method.partition(":")[0])
    return method if known is None or known.trains else DEFAULT_METHOD


def _cells_of(method: str, early_method: str, options: dict[str, Any]) -> Callable[..., Cell]:
    """Return how a round is to be solved, with its options checked before any round is."""
    early = METHODS.get(early_method.partition(":")[0])
    if early is None or not early.trains:
        fitting = [name for name, one in METHODS.items() if one.trains]
        raise InputError(
            f"training_method is {early_method!r}, but must be one of: {', '.join(fitting)}"
        )
    early_options = {key: value for key, value in options.items() if key in early.options}
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


def _following(instance: Instance, gains: FloatColumn, download_s: FloatColumn) -> Instance:
    """Return an instance with the channels of a round and the download times before it."""
    users = [
        {**user.data(), "channel_gain": gain, "previous_download_s": time_s}
        for user, gain, time_s in zip(instance.users, gains, download_s, strict=True)
    ]
    return instance.replace(users=users)


def channel_gains(
    instance: Instance,
    rounds: int,
    *,
    seed: int | None = None,
    mean_gain: float | None = None,
    gains: pd.DataFrame | PathLike | None = None,
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
    if gains is not None:
        if seed is not None or mean_gain is not None:
            given = "seed" if seed is not None else "mean_gain"
            raise InputError(f"{given} and gains are given, but channels are drawn or read")
        return _read_gains(instance, rounds, gains)
    own = np.array([user.channel_gain for user in instance.users])
    if seed is None:
        if mean_gain is not None:
            raise InputError("mean_gain is given without a seed, but it is what to draw around")
        return np.tile(own, (rounds, 1))
    seed = whole_number("seed", seed, 0)
    mean = own
    if mean_gain is not None:
        mean = np.full(len(own), positive_number("mean_gain", mean_gain))
    fading = [np.random.default_rng([seed, n]).exponential(size=len(own)) for n in range(1, rounds)]
    return np.array([own, *(mean * draw for draw in fading)])


def _read_gains(
    instance: Instance, rounds: int, gains: pd.DataFrame | PathLike
) -> NDArray[np.float64]:
    """Read a table of gains with the columns of the users, in any order."""
    names = [user.name for user in instance.users]
    if isinstance(gains, pd.DataFrame):
        table = gains.set_axis([str(column) for column in gains.columns], axis=1)
        require_unique(list(table.columns), "gains has the column")
        require_columns("gains", list(table.columns), names)
        return _numbers_of(table[names], rounds)
    table = read_csv(gains, "gains", names)[names]
    with about(gains):
        return _numbers_of(table.map(number_or_text), rounds, in_file=True)


def _numbers_of(table: pd.DataFrame, rounds: int, *, in_file: bool = False) -> NDArray[np.float64]:
    """Return the first rows of a table; sentences say in which line of its file a fault stands."""
    if len(table) < rounds:
        raise InputError(f"gains has {len(table)} rows, but must have one for each of {rounds}")
    table = table.iloc[:rounds]
    numbers = np.empty(table.shape)
    for n, (line, row) in enumerate(zip(table.index, table.to_numpy(dtype=object), strict=True)):
        for j, cell in enumerate(row):
            if not is_positive(cell):
                blank = isinstance(cell, str) and not cell.strip()
                raise InputError(
                    f"{f'line {line}: ' if in_file else ''}gains of user {table.columns[j]!r} in "
                    f"round {n + 1} is {'blank' if blank else short(cell)}, but must be a finite "
                    "number > 0"
                )
            numbers[n, j] = cell
    return numbers
