"""Flower: what each round of federated learning takes, in seconds and joules.

Round n of Flower is round n of a process that :func:`eipyomo.train` has solved, and its clients are
the users. Nothing of Flower is imported here: a strategy is whatever has ``aggregate_train``, as in
``flwr.serverapp.strategy``, or ``aggregate_fit``, as in ``flwr.server.strategy``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

from eipyomo.errors import InputError
from eipyomo.process import Training
from eipyomo.validation import require_kind
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd

USER: Final = "user"
"""What a client's metrics call its user: the user's place in the instance, from 0."""

HISTORY: Final = {
    "train_metrics_clientapp": "metrics_distributed_fit",
    "evaluate_metrics_serverapp": "metrics_centralized",
    "evaluate_metrics_clientapp": "metrics_distributed",
}
"""What a history of old calls what a result has."""

AGGREGATES: Final = ("aggregate_train", "aggregate_fit")
StrategyT = TypeVar("StrategyT")


def priced(strategy: StrategyT, process: Training) -> StrategyT:
    """Let a strategy of Flower's tell what its rounds cost, among their metrics.

    After each round its metrics have ``time_s``, when the new model is at the server, and
    ``energy_j``, what the updates until then have taken, both from the start; and of the clients of
    this round, in the same order, ``clients``, their users' places, ``clients_s``, when their
    updates have arrived, from the start of the round, and ``clients_j``, what these took.

    Clients say in their metrics which ``user`` they are, as a number from 0; those that have
    answered pay. If none says it, all users must have answered.

    Parameters
    ----------
    strategy
        The strategy; it is changed, and learns as before.
    process
        The rounds that are to be counted.

    Returns
    -------
    The same strategy.

    Raises
    ------
    InputError
        If it is no strategy, and while it runs, if there are more rounds than the process has, or
        clients that are no users.
    """
    require_kind("process", process, Training)
    names = [name for name in AGGREGATES if callable(getattr(strategy, name, None))]
    if not names:
        raise InputError(
            f"strategy is {shown(strategy)}, but must be one of Flower's, with {AGGREGATES[0]} or "
            f"{AGGREGATES[1]}"
        )
    costs = _Costs(process)
    wrappers = dict.fromkeys(names, partial(_telling, costs))
    if callable(getattr(strategy, "start", None)):
        wrappers["start"] = partial(_within, costs.rounds)
    for name, wrapper in wrappers.items():
        setattr(strategy, name, wrapper(getattr(strategy, name)))
    return strategy


def learning_curve(result: Any, metric: str = "accuracy") -> pd.DataFrame:
    """Return how good the model was after which time and energy.

    Parameters
    ----------
    result
        What ``start`` of a :func:`priced` strategy has returned, or the history of a server of old.
    metric
        Which metric: of the server's evaluation, or else of the clients'.

    Returns
    -------
    DataFrame
        Columns ``round``, ``time_s``, ``energy_j``, and the metric: a row for each round that has
        it. Round 0 is the model that all begin with.

    Raises
    ------
    InputError
        If nothing has the metric, or the strategy was not priced.
    """
    import pandas as pd

    costs = {0: (0.0, 0.0)}
    for n, told in _metrics(result, "train_metrics_clientapp").items():
        if "time_s" not in told:
            raise InputError(
                "result is one of a strategy without costs: give the strategy to priced()"
            )
        costs[n] = told["time_s"], told["energy_j"]
    sides = ("evaluate_metrics_serverapp", "evaluate_metrics_clientapp")
    evaluated = [_metrics(result, side) for side in sides]
    rows = next((one for one in evaluated if any(metric in told for told in one.values())), None)
    if rows is None:
        known = dict.fromkeys(key for one in evaluated for told in one.values() for key in told)
        raise InputError(f"metric is {metric!r}, but must be one of: {', '.join(known)}")
    found = [
        (n, *costs[n], told[metric]) for n, told in rows.items() if n in costs and metric in told
    ]
    return pd.DataFrame(found, columns=["round", "time_s", "energy_j", metric])


class _Costs:
    """What rounds cost, as far as they have been run."""

    def __init__(self, process: Training) -> None:
        updates = process.updates()
        self.rounds = len(process.solved)
        self._time_s = process.learning()["time_s"].tolist()
        self._updates = dict(list(updates.groupby("round"))) if self.rounds else {}
        self._paid_j: dict[int, float] = {}

    def of_round(self, n: int, users: list[int]) -> dict[str, Any]:
        """Return the metrics of a round in which these users have sent updates."""
        table = self._updates[n].iloc[users]
        self._paid_j[n] = float(table["update_j"].sum())
        return {
            "time_s": self._time_s[n],
            "energy_j": sum(paid for k, paid in self._paid_j.items() if k <= n),
            "clients": users,
            "clients_s": table["update_s"].tolist(),
            "clients_j": table["update_j"].tolist(),
        }

    def users_in(self, n: int, told: list[Mapping[str, Any]]) -> list[int]:
        """Return the places of the users that clients say they are, or all that take part."""
        if not 1 <= n <= self.rounds:
            raise InputError(_too_many(n, self.rounds))
        takes_part = self._updates[n]["update_s"].notna().tolist()
        everybody = [j for j, trains in enumerate(takes_part) if trains]
        said = [metrics[USER] for metrics in told if USER in metrics]
        if not said and len(told) == len(everybody):
            return everybody
        for one in said:
            if isinstance(one, bool) or one not in everybody or said.count(one) > 1:
                raise InputError(
                    f"a client says that it is user {shown(one)}, but those of round {n} are "
                    f"{', '.join(map(str, everybody))}, each once"
                )
        if len(said) < len(told) or not said:
            raise InputError(
                f"{len(told)} clients have answered and {len(said)} of them say which user they "
                f"are, but {len(everybody)} take part: let each client's metrics have "
                f"{USER!r}, its user's place from 0"
            )
        return [int(one) for one in said]


def _telling(costs: _Costs, aggregate: Callable[..., Any]) -> Callable[..., Any]:
    """Return an aggregation whose metrics also tell what the round has cost."""

    @wraps(aggregate)
    def telling(server_round: int, replies: Iterable[Any], *more: Any, **others: Any) -> Any:
        replies = list(replies)
        told = [metrics for metrics in map(_metrics_of, replies) if metrics is not None]
        new, metrics = aggregate(server_round, replies, *more, **others)
        if told and isinstance(metrics, MutableMapping):
            metrics.pop(USER, None)  # a mean of them says nothing
            for key, value in costs.of_round(
                server_round, costs.users_in(server_round, told)
            ).items():
                metrics[key] = value
        return new, metrics

    return telling


def _metrics_of(reply: Any) -> Mapping[str, Any] | None:
    """Return a client's metrics from its message, or from its pair of proxy and result."""
    if isinstance(reply, tuple):
        found: Mapping[str, Any] = reply[1].metrics
        return found
    if reply.has_error():
        return None
    return next(iter(reply.content.metric_records.values()), {})


def _within(rounds: int, start: Callable[..., Any]) -> Callable[..., Any]:
    """Return a start that refuses more rounds than there are, before the first one."""

    @wraps(start)
    def checked(*given: Any, **named: Any) -> Any:
        called = inspect.signature(start).bind(*given, **named)
        called.apply_defaults()
        asked = called.arguments.get("num_rounds", 0)
        if asked > rounds:
            raise InputError(_too_many(asked, rounds))
        return start(*given, **named)

    return checked


def _too_many(n: int, rounds: int) -> str:
    return f"round {n} has no costs: the process has {rounds} rounds with an allocation"


def _metrics(result: Any, side: str) -> Mapping[int, Mapping[str, Any]]:
    """Return the metrics of a side by rounds, as results have them; histories go by metrics."""
    found = getattr(result, side, None)
    if isinstance(found, Mapping):
        return found
    by_metric = getattr(result, HISTORY[side], None)
    if not isinstance(by_metric, Mapping):
        raise InputError(f"result is {shown(result)}, but must be what a strategy's start returns")
    by_round: dict[int, dict[str, Any]] = {}
    for key, values in by_metric.items():
        for n, value in values:
            by_round.setdefault(n, {})[key] = value
    return by_round
