"""Policies held against certified optima: what each costs, and that none stops another."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.studies.answers import FAILURES
from eipyomo.studies.store import Store
from tests import policies
from tests.conftest import reference

GAP = 1e-6

FAULTS: dict[Callable[..., Any], tuple[str, str]] = {
    policies.raises: ("exception", "ValueError: no idea about 3 users (line"),
    policies.exits: ("exit", "SystemExit: done with"),
    policies.vanishes: ("died", "it ended with status 3"),
    policies.crashes: ("died", "it was ended by signal SIGSEGV"),
    policies.has_nan: ("nan", "offload_fraction is [nan, nan, nan], but must be finite numbers"),
    policies.has_infinity: ("nan", "sync_s is inf, but must be finite"),
    policies.is_short: ("shape", "download has the shape (2,), but must have (3,)"),
    policies.is_square: ("shape", "download has the shape (3, 1), but must have (3,)"),
    policies.is_foreign: ("users", "its allocation is of other users: ['eu1', 'somebody']"),
    policies.has_more_users: ("users", "its allocation is of 4 users, but must be of 3"),
    policies.is_none: ("answer", "its answer is None, but must be an Allocation or"),
    policies.is_undecided: ("answer", "with 0.7 at [0], but must hold 3 decisions (true"),
    policies.writes: ("exception", "ValueError: assignment destination is read-only"),
}
"""What each policy does wrong: the kind of failure, and words of the sentence."""

INFEASIBLE: dict[Callable[..., Any], str] = {
    policies.is_local_without_model: "no local part without download (10d) at user 'eu1'",
    policies.takes_too_much: "bandwidth budget (10b) is violated by",
}
"""What answers violate."""

ANSWERED = (
    *(policies.at_edge, policies.best_half, policies.equal, policies.backwards),
    *(policies.at_random, policies.prints, policies.forces, policies.takes_a_little),
)

CHANNELS = ei.Draw(users=3, seeds=range(2))


@pytest.fixture(scope="module")
def found() -> ei.Benchmark:
    """Return what comes of all of them together, and of methods."""
    asked = [*FAULTS, *INFEASIBLE, *ANSWERED, "eco", ("exhaustive", {"step": 0.5})]
    return ei.benchmark(asked, CHANNELS, time_limit=60.0, workers=1, progress=False)


def rows_of(found: ei.Benchmark, policy: Callable[..., Any] | str) -> list[dict[str, Any]]:
    """Return the rows of a policy."""
    name = policy if isinstance(policy, str) else policy.__name__
    rows = [dict(row) for row in found.rows if row["policy"] == name]
    assert len(rows) == 2
    return rows


@pytest.mark.parametrize("policy", FAULTS, ids=lambda policy: policy.__name__)
def test_what_a_policy_does_wrong_is_its_failure(
    policy: Callable[..., Any], found: ei.Benchmark
) -> None:
    """On each instance, by kind and in words, and there is no cost."""
    kind, words = FAULTS[policy]
    assert kind in FAILURES
    for row in rows_of(found, policy):
        assert row["failure"] == kind
        assert words in row["message"]
        assert not row["feasible"]
        assert row["cost"] is row["excess"] is None
        assert row["optimum"] is not None


def test_who_is_late_is_ended() -> None:
    """Asleep, or in a function in C that listens to nothing; the others are asked all the same."""
    asked = [policies.sleeps, policies.loops_in_c, "eco"]
    found = ei.benchmark(asked, CHANNELS, time_limit=0.5, workers=1, progress=False)
    for row in found.rows[:4]:
        assert row["failure"] == "time-out"
        assert row["message"] == "it gave no answer in 0.5 s"
    assert all(row["feasible"] for row in found.rows[4:])


@pytest.mark.parametrize("policy", INFEASIBLE, ids=lambda policy: policy.__name__)
def test_what_is_violated_is_named(policy: Callable[..., Any], found: ei.Benchmark) -> None:
    """An answer beyond the tolerance is no failure, but has no cost either."""
    for row in rows_of(found, policy):
        assert row["failure"] is None
        assert INFEASIBLE[policy] in row["violated"]
        assert row["cost"] is row["excess"] is None


@pytest.mark.parametrize("policy", ANSWERED, ids=lambda policy: policy.__name__)
def test_nobody_is_better_than_the_optimum(policy: Callable[..., Any], found: ei.Benchmark) -> None:
    """Whatever a policy takes, prints or changes, the excess is not negative beyond the gap."""
    for row in rows_of(found, policy):
        assert row["feasible"], row
        assert row["cost"] >= row["bound"]
        assert row["excess"] >= -GAP
        assert row["excess"] == pytest.approx(row["cost"] / row["optimum"] - 1.0, abs=1e-12)


def test_costs_are_those_of_other_ways(found: ei.Benchmark) -> None:
    """Optima are `solve`'s; all at the edge is `eco`; what is printed or forced changes nothing."""
    for n, instance in enumerate(CHANNELS.instances()):
        best, eco = ei.solve(instance), ei.solve(instance, "eco")
        for policy in (policies.at_edge, policies.prints, policies.forces, "eco"):
            row = rows_of(found, policy)[n]
            assert (row["optimum"], row["bound"]) == (best.objective, best.bound)
            assert row["digest"] == instance.digest()
            assert row["cost"] == pytest.approx(eco.objective, rel=1e-6)
        plain = ei.evaluate(instance, policies.equal(instance)).objective
        assert rows_of(found, policies.equal)[n]["cost"] == pytest.approx(plain, rel=1e-12)
        assert rows_of(found, policies.backwards)[n]["cost"] == pytest.approx(plain, rel=1e-12)


def test_the_summary_is_that_of_the_rows(found: ei.Benchmark) -> None:
    """Each number of it, as numpy computes it from the rows."""
    for row in found.summary().to_dict("records"):
        mine = rows_of(found, row["policy"])
        excess = [one["excess"] for one in mine if one["excess"] is not None]
        assert row["instances"] == 2
        assert row["failed"] == sum(one["failure"] is not None for one in mine)
        assert row["infeasible"] == 2 - row["failed"] - len(excess)
        if excess:
            numbers = [np.mean(excess), np.median(excess), np.quantile(excess, 0.95), max(excess)]
            assert [row[key] for key in ("mean", "median", "q95", "worst")] == pytest.approx(
                numbers
            )


def test_a_benchmark_is_read_as_it_is_written(found: ei.Benchmark, tmp_path: Path) -> None:
    """JSON keeps each row; CSV each number."""
    found.to_json(tmp_path / "benchmark.json")
    assert ei.Benchmark.from_json(tmp_path / "benchmark.json").rows == found.rows
    found.to_csv(tmp_path / "rows.csv")
    read = pd.read_csv(tmp_path / "rows.csv")["excess"].dropna().tolist()
    assert read == pytest.approx(found.frame()["excess"].dropna().tolist(), rel=1e-12)
    with pytest.raises(ei.InputError, match="must have the schema 'eipyomo/benchmark@1'"):
        ei.Benchmark.from_dict({"schema": "eipyomo/result@1"})


def test_a_curve_ends_where_answers_do(found: ei.Benchmark) -> None:
    """The part of instances with at most an excess; failures are above each."""
    axes = found.plot().axes[0]
    ends = {str(line.get_label()): line.get_ydata()[-1] for line in axes.lines}  # type: ignore[index]
    assert ends["at_edge"] == 1.0
    assert ends["raises"] == ends["takes_too_much"] == 0.0
    assert found.plot(ax=axes) is axes.figure


def test_a_store_keeps_what_was_found(tmp_path: Path) -> None:
    """What half of it was lost of is the same again, but for the seconds of that half."""
    asked: list[Any] = [policies.best_half, policies.at_random, policies.raises, "lco"]
    store, draw = tmp_path / "store.db", ei.Draw(users=2, seeds=range(4))
    first = ei.benchmark(asked, draw, store=store, workers=2, progress=False)
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("DELETE FROM cells WHERE rowid % 2")
        (left,) = database.execute("SELECT count(*) FROM cells").fetchone()
    assert left == 10
    second = ei.benchmark(asked, draw, store=store, workers=1, progress=False)
    assert _timeless(first) == _timeless(second)
    with Store(store) as kept:
        third = ei.benchmark(asked, draw, store=kept, progress=False)
    assert third.rows == second.rows


def _timeless(found: ei.Benchmark) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if key != "seconds"} for row in found.rows]


SLOW_POLICY = """
import os, time
from pathlib import Path

def decide(instance):
    Path("pid").write_text(str(os.getpid()))
    time.sleep(0.1)
    return [True] * len(instance.users), [0.25] * len(instance.users)
"""


@pytest.mark.slow
def test_killed_and_resumed_it_gives_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SIGKILL in the middle; and no process of the policy is left."""
    (tmp_path / "slow.py").write_text(SLOW_POLICY)
    kept = [sys.executable, "-m", "eipyomo.cli", "benchmark", "slow.py:decide", "eco"]
    kept += ["--draw", "users=2 seeds=0:20", "--json", "--store", "store.db"]
    started = subprocess.Popen(kept, cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120.0
    # The rows of what is fast may all be there before the policy is first asked.
    asked = tmp_path / "pid"
    while _count(tmp_path / "store.db") < 30 or not (asked.exists() and asked.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert 30 <= _count(tmp_path / "store.db") < 60
    _wait_for_end(int(asked.read_text()))
    done = subprocess.run(kept, cwd=tmp_path, capture_output=True, text=True, check=True)
    resumed = ei.Benchmark.from_dict(json.loads(done.stdout))
    draw = ei.Draw(users=2, seeds=range(20))
    monkeypatch.chdir(tmp_path)
    whole = ei.benchmark(["slow.py:decide", "eco"], draw, workers=1, progress=False)
    assert _timeless(resumed) == _timeless(whole)


def _count(store: Path) -> int:
    """Return how many rows a store has, if there is one."""
    if not store.exists():
        return 0
    try:
        with closing(sqlite3.connect(store)) as database:
            return int(database.execute("SELECT count(*) FROM cells").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0


def _wait_for_end(process: int) -> None:
    """Wait until a process is gone, and fail if it stays."""
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {process} is still there")


def test_what_is_drawn_at_random_is_the_same_again() -> None:
    """The global generators are seeded by the instance, whoever was asked before, and where."""
    draw = ei.Draw(users=3, seeds=range(3))
    backwards = list(draw.instances())[::-1]
    one = ei.benchmark([policies.at_random], draw, workers=2, progress=False)
    other = ei.benchmark([policies.at_random], backwards, workers=1, progress=False)
    assert _timeless(one) == _timeless(other)[::-1]


def test_functions_of_a_script_need_no_module() -> None:
    """What is defined on the spot is sent whole, with what it refers to."""
    part = 0.5

    def decide(instance: ei.Instance) -> tuple[list[bool], list[float]]:
        return [True] * len(instance.users), [part] * len(instance.users)

    found = ei.benchmark({"half": decide}, [reference("letter-m2")], workers=1, progress=False)
    best = ei.solve(
        reference("letter-m2"), problem=ei.Restriction(offload_min=0.5, offload_max=0.5, edge=False)
    )
    assert found.rows[0]["cost"] == pytest.approx(best.objective, rel=1e-6)


def test_users_with_modes_are_decided_by_their_modes() -> None:
    """Decisions have the names of modes behind them; the best mode of each costs the optimum."""
    rows = [{"name": "all"}, {"name": "none", "edge_cycles": 0.0, "local_cycles": 0.0}]
    instance = reference("letter-m2").replace(modes={"two": rows})
    instance = instance.with_settings(["users[*].modes=two"])
    best = ei.solve(instance)
    assert best.allocation is not None
    mode = best.allocation.mode

    def decide(instance: ei.Instance) -> tuple[Any, Any, Any]:
        users = len(instance.users)
        return [True] * users, [0.0] * users, mode

    def forgets(instance: ei.Instance) -> tuple[Any, Any]:
        users = len(instance.users)
        return [True] * users, [0.0] * users

    found = ei.benchmark([decide, forgets], [instance], workers=1, progress=False)
    assert found.rows[0]["cost"] == pytest.approx(best.objective, rel=1e-6)
    assert found.rows[1]["failure"] == "answer"
    assert "mode (user 'eu1') is missing" in found.rows[1]["message"]


def test_what_has_no_optimum_is_no_fault_of_a_policy() -> None:
    """An instance that is proven infeasible is left out of the summary."""
    instance = reference("letter-m2")
    hopeless = instance.with_settings(["users[*].deadline_s=0.1", "name=hopeless"])
    found = ei.benchmark(["lco"], [instance, hopeless], workers=1, progress=False)
    assert found.rows[1]["optimum"] is None
    assert found.summary()["instances"].tolist() == [1]
    assert found.summary()["failed"].tolist() == [0]


def test_a_cost_below_the_bound_is_told() -> None:
    """It cannot be, so that whoever sees it has found a fault of this package."""
    module = importlib.import_module("eipyomo.studies.benchmark")
    trials = importlib.import_module("eipyomo.studies.trials")
    policy = importlib.import_module("eipyomo.studies.policies").Noted(None)
    trial = trials.Trial(policy, reference("letter-m2"), 1.0)
    verdict = {"objective": 1.0, "failure": None, "message": None, "feasible": True}
    verdict |= {"violated": None, "wall_s": None}
    for bound, kind in ((1.001, "contradiction"), (1.0 + 1e-10, None)):
        row = module._row("p", trial, verdict, {"objective": 1.002, "bound": bound})
        assert row["failure"] == kind
        assert (row["excess"] is None) == (kind is not None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"policies": []}, "policies is empty"),
        ({"policies": 3}, "policies is 3, but must be a list of policies, or a mapping"),
        ({"policies": [3]}, "a policy is 3, but must be the name of a method, a function"),
        ({"policies": ["best"]}, "method is 'best', but must be one of"),
        ({"policies": ["eco", "eco"]}, "policies has the name 'eco' twice"),
        ({"policies": ["missing.py:decide"]}, "cannot read the policy 'missing.py:decide'"),
        ({"policies": ["missing.csv"]}, "cannot read the table file 'missing.csv'"),
        ({"policies": [("eco", {"gapp": 1})]}, "gapp is not an option of method 'eco'"),
        ({"instances": 3}, "instances is 3, but must be a list of instances"),
        ({"instances": [3]}, "an element of instances is 3, but must be an Instance"),
        ({"instances": []}, "instances is"),
        ({"reference": "best"}, "method is 'best', but must be one of"),
        ({"time_limit": 0}, "time_limit is 0, but must be a finite number > 0"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_bad_input_is_refused(given: dict[str, Any], sentence: str) -> None:
    """One sentence, before anything is solved."""
    usual: dict[str, Any] = {"policies": ["eco"], "instances": [reference("letter-m2")]}
    with pytest.raises(ei.InputError, match=sentence) as caught:
        ei.benchmark(**{**usual, **given})
    assert "\n" not in str(caught.value)


def test_a_policy_that_cannot_be_loaded_is_bad_input(tmp_path: Path) -> None:
    """Its own words are told."""
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ei.InputError, match="cannot be loaded: ModuleNotFoundError: No module"):
        ei.benchmark([f"{tmp_path / 'broken.py'}:decide"], [reference("letter-m2")])
    (tmp_path / "other.py").write_text("x = 1\n")
    with pytest.raises(ei.InputError, match="cannot be loaded: the script has no function"):
        ei.benchmark([f"{tmp_path / 'other.py'}:decide"], [reference("letter-m2")])


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A script, a method, files and a figure; what a policy prints is nowhere."""
    monkeypatch.chdir(tmp_path)
    reference("letter-m2").to_json("m2.json")
    Path("my_policy.py").write_text(
        "def decide(instance):\n    print('hello')\n    return [True, True], [0, 0]\n"
        "def wrong(instance):\n    return 1 / 0\n"
    )
    words = ["benchmark", "my_policy.py:decide", "my_policy.py:wrong", "eco", "m2.json"]
    assert main([*words, "--csv", "rows.csv", "-o", "cdf.pdf", "--workers", "1"]) == 0
    printed = capfd.readouterr()
    assert "Excess over the optimum by exact on 1 instances" in printed.out
    assert "hello" not in printed.out + printed.err
    assert "my_policy.py:wrong: exception (1), first on" in printed.out
    assert Path("cdf.pdf").read_bytes().startswith(b"%PDF")
    lco = ei.solve(reference("letter-m2"), "lco").objective
    assert pd.read_csv("rows.csv")["cost"][0] == pytest.approx(lco, rel=1e-6)
    assert main(["benchmark", "my_policy.py:wrong", "m2.json", "--json", "--workers", "1"]) == 4
    document = json.loads(capfd.readouterr().out)
    assert document["rows"][0]["message"].startswith("ZeroDivisionError: division by zero (line 5")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["eco"], "no instance is given: name files, or give --draw"),
        (["m2.json"], "no policy is given"),
        (["eco", "m2.json", "--draw", "users=2"], "draw and files of instances are given"),
        (["eco", "--draw", "users=0"], "users is 0, but must be a whole number"),
        (["eco", "--draw", "users=2", "-o", "x.gif"], "output is 'x.gif', but must end in .png"),
        (["nothing.py:f", "--draw", "users=2"], "cannot read the policy 'nothing.py:f'"),
    ],
)
def test_the_command_refuses_bad_input(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With exit status 2 and one sentence."""
    monkeypatch.chdir(tmp_path)
    reference("letter-m2").to_json("m2.json")
    assert main(["benchmark", *words]) == 2
    assert sentence in capfd.readouterr().err


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every block of docs/policies.md, word for word; the first is the policy of ten lines."""
    page = (Path(__file__).parents[1] / "docs" / "policies.md").read_text(encoding="utf-8")
    policy, *blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    assert len(policy.splitlines()) <= 10
    Path("my_policy.py").write_text(policy, encoding="utf-8")
    for n, block in enumerate(blocks):
        Path(f"block{n}.py").write_text(block, encoding="utf-8")
        subprocess.run([sys.executable, f"block{n}.py"], check=True, capture_output=True)
    assert Path("excess.pdf").exists()
    assert set(FAILURES) <= set(re.findall(r"`([\w-]+)`", page))
    words = ["benchmark", "my_policy.py:decide", "--draw", "users=4 seeds=0:3", "--workers", "1"]
    assert main(words) == 0
    assert "my_policy.py:decide" in capsys.readouterr().out
