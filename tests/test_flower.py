"""Flower: rounds cost what the process says, to whom it says, by Flower's own strategies too."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.bridges.flower import learning_curve, priced

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "flower.md").read_text(encoding="utf-8")
ROUNDS = 3


@cache
def process(rounds: int = ROUNDS, users: int = 3) -> ei.Training:
    """Return a process whose first download takes time, too."""
    letter = ei.Instance.letter(users=users, seed=2)
    first = letter.replace(users={"eu1": {"previous_download_s": 0.7}})
    return ei.train(first, rounds, seed=4)


class Reply:
    """A client's message, as far as it is looked at."""

    def __init__(self, metrics: dict[str, Any] | None) -> None:
        self.content = SimpleNamespace(metric_records={"metrics": metrics})

    def has_error(self) -> bool:
        """Tell whether the client has failed."""
        return self.content.metric_records["metrics"] is None


class Averaging:
    """A strategy with messages, as far as it is used: everybody answers."""

    def __init__(self, answers: list[list[dict[str, Any] | None]]) -> None:
        self.answers = answers
        self.begun = 0

    def aggregate_train(self, server_round: int, replies: Iterable[Reply]) -> tuple[int, Any]:
        """Average metrics."""
        told = [reply.content.metric_records["metrics"] for reply in replies]
        known = [metrics for metrics in told if metrics is not None]
        return server_round, {
            k: np.mean([m[k] for m in known]) for k in known[0]
        } if known else None

    def start(self, num_rounds: int = 3) -> SimpleNamespace:
        """Run rounds; accuracy is a half, and then more by a tenth in each."""
        self.begun += 1
        trained, tried = {}, {0: {"accuracy": 0.5}}
        for n in range(1, num_rounds + 1):
            _, metrics = self.aggregate_train(n, (Reply(one) for one in self.answers[n - 1]))
            if metrics is not None:
                trained[n] = metrics
            tried[n] = {"accuracy": 0.5 + n / 10}
        return SimpleNamespace(
            train_metrics_clientapp=trained,
            evaluate_metrics_serverapp=tried,
            evaluate_metrics_clientapp={},
        )


class OfOld:
    """A strategy with pairs of proxies and results."""

    def aggregate_fit(
        self, server_round: int, results: list[Any], failures: list[Any]
    ) -> tuple[int, dict[str, Any]]:
        """Return no metrics, as usual."""
        del results, failures
        return server_round, {}


EVERYBODY: list[dict[str, Any] | None] = [{"loss": 1.0, "user": j} for j in (2, 0, 1)]


def test_learning_is_the_process_without_inference() -> None:
    """Updates and the rest are all that users pay; the last model comes at the last sync time."""
    learning, updates, totals = process().learning(), process().updates(), process().totals()
    last = process().rounds[-1].evaluation
    assert last is not None
    terms = last.breakdown
    rest = terms.offload_j + terms.download_j + terms.local_inference_j
    paid = totals["energy_j"].sum() + totals["initial_download_j"].sum() - rest.sum()
    assert learning["energy_j"].iloc[-1] == pytest.approx(paid, rel=1e-12)
    assert learning["energy_j"].iloc[-1] == pytest.approx(updates["update_j"].sum(), rel=1e-12)
    assert totals["initial_download_j"].sum() > 0.0
    timeline = process().timeline()
    uploads = timeline[timeline["phase"] == "model upload"].groupby("round")["end_s"].max()
    np.testing.assert_allclose(learning["time_s"].iloc[1:], uploads, rtol=1e-9)
    assert learning.iloc[0].tolist() == [0.0, 0.0, 0.0]
    # What a round lasts is what its slowest update does.
    slowest = updates.groupby("round")["update_s"].max()
    np.testing.assert_allclose(np.diff(learning["time_s"]), slowest, rtol=1e-9)


def test_rounds_tell_what_they_cost() -> None:
    """Time and energy are those of the process, and each client's its own user's."""
    result = priced(Averaging([EVERYBODY] * ROUNDS), process()).start(ROUNDS)
    curve = learning_curve(result)
    wanted = process().learning().assign(accuracy=[0.5, 0.6, 0.7, 0.8])
    pd.testing.assert_frame_equal(curve, wanted)
    second = result.train_metrics_clientapp[2]
    own = process().updates().query("round == 2").set_index("name")
    assert second["clients"] == [2, 0, 1]
    names = [process().instances[0].users[j].name for j in second["clients"]]
    assert second["clients_s"] == own.loc[names, "update_s"].tolist()
    assert second["clients_j"] == own.loc[names, "update_j"].tolist()
    assert second["loss"] == 1.0
    assert "user" not in second


def test_who_does_not_answer_does_not_pay() -> None:
    """A failed client and one that was not asked cost nothing; a round of none tells nothing."""
    some: list[dict[str, Any] | None] = [{"loss": 2.0, "user": 1}, None]
    result = priced(Averaging([some, [None], EVERYBODY]), process()).start()
    table = process().updates()
    paid = table.query("round == 1 and name == 'eu2'")["update_j"].sum()
    assert result.train_metrics_clientapp[1]["energy_j"] == paid
    assert 2 not in result.train_metrics_clientapp
    whole = paid + table.query("round == 3")["update_j"].sum()
    assert result.train_metrics_clientapp[3]["energy_j"] == pytest.approx(whole, rel=1e-12)
    assert learning_curve(result)["round"].tolist() == [0, 1, 3]


def test_strategies_of_old_and_clients_without_names() -> None:
    """Pairs of proxies and results do, and if all answer nobody need say who it is."""
    strategy = priced(OfOld(), process())
    answers = [(None, SimpleNamespace(metrics={})) for _ in range(3)]
    history = SimpleNamespace(metrics_distributed_fit={}, metrics_distributed={})
    history.metrics_centralized = {"accuracy": [(0, 0.5), (1, 0.6), (2, 0.7)]}
    for n in (1, 2):
        _, metrics = strategy.aggregate_fit(n, answers, [])
        for key, value in metrics.items():
            history.metrics_distributed_fit.setdefault(key, []).append((n, value))
    wanted = process().learning().head(3).assign(accuracy=[0.5, 0.6, 0.7])
    pd.testing.assert_frame_equal(learning_curve(history), wanted)


def test_who_sits_out_sends_nothing() -> None:
    """It has no update, and is not waited for; nobody need say who it is if all others answer."""
    letter = ei.Instance.letter(users=3, seed=2)
    rows = [ei.modes.Mode(name="idle", update_bits=0.0, training_s=0.0, training_j=0.0)]
    first = letter.replace(modes={"idle": rows}, users={"eu2": {"modes": "idle"}})
    idle = ei.train(first, 2)
    table = idle.updates()
    assert table["update_s"].isna().tolist() == [False, True, False] * 2
    assert (table.query("name == 'eu2'")[["training_s", "upload_s"]] == 0.0).all(axis=None)
    strategy = priced(OfOld(), idle)
    answers = [(0, SimpleNamespace(metrics={}))] * 2
    assert strategy.aggregate_fit(1, answers, [])[1]["clients"] == [0, 2]
    answers[0][1].metrics["user"] = 1
    with pytest.raises(ei.InputError, match="user 1, but those of round 2 are 0, 2, each once"):
        strategy.aggregate_fit(2, answers, [])


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            [{"user": 3}],
            "a client says that it is user 3, but those of round 1 are 0, 1, 2, each once",
        ),
        ([{"user": 1}, {"user": 1}], "a client says that it is user 1, but"),
        ([{"user": "eu1"}], "a client says that it is user 'eu1'"),
        ([{}, {}], "2 clients have answered and 0 of them say which user they are"),
        ([{"user": 1}, {}], "2 clients have answered and 1 of them say which user they are"),
    ],
)
def test_clients_that_are_no_users(answers: list[dict[str, Any]], words: str) -> None:
    """They are refused in a sentence."""
    strategy = priced(OfOld(), process())
    with pytest.raises(ei.InputError, match=re.escape(words)):
        strategy.aggregate_fit(1, [(0, SimpleNamespace(metrics=one)) for one in answers], [])


def test_what_cannot_be_counted_is_refused() -> None:
    """More rounds than there are, before any is run; what is no strategy, result or metric."""
    strategy = priced(Averaging([EVERYBODY] * 9), process())
    with pytest.raises(ei.InputError, match=r"^round 4 has no costs: the process has 3 rounds"):
        strategy.start(num_rounds=4)
    assert strategy.begun == 0
    with pytest.raises(ei.InputError, match=r"^round 4 has no costs"):
        priced(OfOld(), process()).aggregate_fit(4, [(0, SimpleNamespace(metrics={}))] * 3, [])
    with pytest.raises(ei.InputError, match="strategy is 3, but must be one of Flower's"):
        priced(3, process())
    with pytest.raises(ei.InputError, match="process is "):
        priced(OfOld(), process().rounds[0])  # type: ignore[arg-type]
    with pytest.raises(ei.InputError, match="result is 3, but must be what a strategy's start"):
        learning_curve(3)
    with pytest.raises(ei.InputError, match="metric is 'f1', but must be one of: accuracy"):
        learning_curve(strategy.start(), "f1")
    with pytest.raises(ei.InputError, match="give the strategy to priced"):
        learning_curve(Averaging([EVERYBODY] * 3).start())


class Local:
    """A grid whose nodes are here: it calls the app of clients."""

    def __init__(self, app: Any, users: int) -> None:
        self.app, self.users = app, users

    def get_node_ids(self) -> list[int]:
        """Return numbers that tell nothing of users."""
        return [1000 + 7 * j for j in range(self.users)]

    def send_and_receive(
        self, messages: Iterable[Any], *, timeout: float | None = None
    ) -> list[Any]:
        """Return what the clients answer."""
        del timeout
        flower = importlib.import_module("flwr.app")
        answers = []
        for message in messages:
            node = message.metadata.dst_node_id
            message.metadata.__dict__["_src_node_id"] = 1
            config: dict[str, Any] = {"partition-id": self.get_node_ids().index(node)}
            context = flower.Context(
                run_id=1, node_id=node, node_config=config, state=flower.RecordDict(), run_config={}
            )
            answers.append(self.app(message, context))
        return answers


def app() -> ModuleType:
    """Return the example, loaded anew."""
    spec = importlib.util.spec_from_file_location("flower_app", DOCS / "examples" / "flower.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.solver("flwr")
@pytest.mark.filterwarnings("default")
def test_the_example_runs_with_flower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own strategy, clients and messages, without an engine; and it learns what we do."""
    task = importlib.import_module("flwr.supercore.task_identity").TaskIdentity
    for key in ("run_id", "node_id", "task_id"):
        setattr(task, key, 1)
    monkeypatch.chdir(tmp_path)
    found = app()
    curve = learning_curve(found.learn(Local(found.client, found.USERS)))
    costs = ei.train(ei.Instance.letter(users=found.USERS), found.ROUNDS, seed=1).learning()
    np.testing.assert_allclose(curve[list(costs)], costs, rtol=1e-12)
    np.testing.assert_allclose(curve["accuracy"], by_hand()["accuracy"], atol=1e-3)


def by_hand() -> dict[str, Any]:
    """Return what the page's own averaging leaves."""
    there: dict[str, Any] = {}
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    exec(code, there)
    return there


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It draws its figure, whose axes have units; equal shares are later and dearer, no worse."""
    monkeypatch.chdir(tmp_path)
    there = by_hand()
    assert matplotlib.image.imread(tmp_path / "learning.png").std() > 0.01
    exact, equal = there["plans"]
    assert (exact["time_s"].iloc[1:] < equal["time_s"].iloc[1:]).all()
    assert exact["accuracy"].iloc[-1] > exact["accuracy"].iloc[1] > exact["accuracy"].iloc[0]
    labels = [ax.get_xlabel() for ax in there["figure"].axes]
    assert labels == ["time [s]", "energy [J]"]
    second = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    module = ModuleType("flwr.serverapp.strategy")
    module.FedAvg = lambda: Averaging([])  # type: ignore[attr-defined]
    for name in ("flwr", "flwr.serverapp"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(second, there)
    assert callable(there["strategy"].start)
