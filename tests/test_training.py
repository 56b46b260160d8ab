"""The whole process: rounds agree between methods, and are chained as section II says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo import plotting
from eipyomo.cli import main
from eipyomo.solvers import methods
from eipyomo.studies import train as training
from eipyomo.studies.store import Store
from eipyomo.studies.train import channel_gains
from tests.conftest import REFERENCE, VALUES, reference, slow_but

if TYPE_CHECKING:
    from pathlib import Path

LETTER = str(REFERENCE / "instances" / "letter-m4.json")
CLOCKS = {"wall_s", "setup_s", "elapsed_s"}


def without_clocks(document: Any) -> Any:
    """Return a document without the seconds that its making took."""
    if isinstance(document, dict):
        return {key: without_clocks(part) for key, part in document.items() if key not in CLOCKS}
    return [without_clocks(part) for part in document] if isinstance(document, list) else document


@pytest.mark.parametrize("name", slow_but(VALUES, "letter-m2", "mixed-m4"))
def test_training_rounds_agree(name: str) -> None:
    """A round without tasks is convex: exact, ADMM and Ipopt on the Pyomo model agree to 1e-6."""
    instance = reference(name)
    best = ei.solve(instance, "exact", round="training", gap=1e-8)
    assert best.objective is not None
    assert best.problem == "training"
    for method in ("admm", "minlp:ipopt"):
        other = ei.solve(instance, method, round="training")
        assert other.objective == pytest.approx(best.objective, rel=1e-6)
        assert other.allocation is not None
        assert other.allocation.download.all()
        assert not other.allocation.offload_fraction.any()


def test_a_training_round_has_no_budget_to_keep() -> None:
    """Without tasks nothing is served, whatever the total: the optimum is that without a total."""
    instance = ei.Instance.letter(total_frequency_ghz=0.1)
    for method in ("exact", "admm"):
        result = ei.solve(instance, method, round="training")
        assert result.allocation is not None
        assert result.allocation.edge_frequency_hz is None
        assert (
            result.objective == ei.solve(ei.Instance.letter(), method, round="training").objective
        )


@pytest.mark.parametrize(
    "method",
    slow_but(["exact", "admm", "minlp:bonmin", "lco", "gbe", "exhaustive"], "exact", "gbe"),
)
def test_one_round_is_solve(method: str) -> None:
    """With N = 1 the document holds the very result that `solve` gives."""
    instance = reference("letter-m2")
    process = ei.train(instance, 1, method=method).to_dict()
    assert process["complete"]
    (one,) = process["rounds"]
    assert without_clocks(one) == without_clocks(ei.solve(instance, method).to_dict())


@pytest.mark.parametrize("method", slow_but(["exact", "admm", "minlp:ipopt"], "exact"))
def test_rounds_are_chained(method: str) -> None:
    """Rounds equal solves by hand, each with the download times that the one before has found."""
    last = "exact" if "ipopt" in method else method
    process = ei.train(reference("mixed-m4"), 4, method=last, training_method=method)
    document = reference("mixed-m4").to_dict()
    for n, found in enumerate(process.rounds):
        instance = ei.Instance.from_dict(document)
        result = ei.solve(instance, method, round="training") if n < 3 else ei.solve(instance, last)
        assert without_clocks(found.to_dict()) == without_clocks(result.to_dict())
        assert result.evaluation is not None
        for user, time_s in zip(
            document["users"], result.evaluation.breakdown.download_s, strict=True
        ):
            user["previous_download_s"] = float(time_s)


def test_the_clock() -> None:
    """The initial download and all latencies add up to when the last phase of a task ends."""
    process = ei.train(reference("mixed-m4"), 5, seed=2)
    timeline, totals = process.timeline(), process.totals().set_index("name")
    with_task = [user.name for user in process.instances[0].users if user.task_bits > 0]
    assert len(with_task) == 3
    ends_s = timeline.groupby("user")["end_s"].max()
    assert ends_s[with_task].to_dict() == pytest.approx(totals["end_s"][with_task].to_dict())
    assert (ends_s <= totals["end_s"] * (1 + 1e-9)).all()
    trained = timeline[timeline["phase"] == "local training"].set_index(["user", "round"])
    loaded = timeline[timeline["phase"] == "model download"].set_index(["user", "round"])
    for user in totals.index:
        for n in range(2, 6):  # training goes on where the download has ended
            end_s = loaded.loc[(user, n - 1), "end_s"]
            assert trained.loc[(user, n), "start_s"] == pytest.approx(end_s)
    uploads = timeline[timeline["phase"] == "model upload"]
    starts_s = [*process.starts_s()[1:], np.inf]
    for n in range(1, 6):  # nobody downloads before everybody has uploaded
        assert uploads[uploads["round"] == n]["end_s"].max() <= starts_s[n - 1] * (1 + 1e-9)
    assert (timeline["phase"] == "previous model download").sum() == len(totals)


def test_the_sums() -> None:
    """Energies, latencies and WSEL per user are the sums of what evaluate() says of each round."""
    instance = reference("letter-m4")
    process = ei.train(instance, 3, seed=1)
    totals = process.totals()
    for column in ("energy_j", "latency_s", "wsel"):
        terms = [
            getattr(ei.evaluate(one, result.allocation, "training").breakdown, column)
            for one, result in zip(process.instances[:2], process.rounds[:2], strict=True)
            if result.allocation is not None
        ]
        last = process.rounds[2].evaluation
        assert last is not None
        terms.append(getattr(last.breakdown, column))
        assert totals[column].to_numpy() == pytest.approx(np.sum(terms, axis=0))
    document = process.to_dict()
    objectives = [result["objective"] for result in document["rounds"]]
    assert document["totals"]["wsel"] == pytest.approx(sum(objectives))
    assert totals["initial_download_j"].to_numpy() == pytest.approx(0.97e-3 * 1.0)
    assert process.frame().shape[0] == 12
    json.dumps(document, allow_nan=False)


def test_drawn_channels() -> None:
    """Each round has a draw of its own around the mean; more rounds change none before."""
    instance = reference("letter-m4")
    few, many = (channel_gains(instance, rounds, seed=7) for rounds in (3, 2000))
    assert (few == many[:3]).all()
    own = [user.channel_gain for user in instance.users]
    assert many[0].tolist() == own
    assert many[1:].mean(axis=0) == pytest.approx(own, rel=0.1)
    assert (channel_gains(instance, 3, seed=8)[1:] != few[1:]).all()
    around = channel_gains(instance, 2000, seed=7, mean_gain=1e-10)
    assert around[1:].mean(axis=0) == pytest.approx(1e-10, rel=0.1)
    assert (channel_gains(instance, 3) == np.array([own] * 3)).all()


def test_read_channels(tmp_path: Path) -> None:
    """A table's columns are matched by name, and a file of it gives the same process."""
    instance = reference("letter-m2")
    table = pd.DataFrame({"eu2": [5e-11, 6e-11, 9e-11], "eu1": [1e-10, 2e-10, 3e-10]})
    table.to_csv(tmp_path / "gains.csv", index=False)
    one = ei.train(instance, 2, gains=table)
    other = ei.train(instance, 2, gains=tmp_path / "gains.csv")
    assert one.to_dict()["channel_gains"] == [[1e-10, 5e-11], [2e-10, 6e-11]]
    assert without_clocks(one.to_dict()) == without_clocks(other.to_dict())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("eu1\n1e-10\n1e-10\n", "file lacks the columns 'eu2', but must have: 'eu1', 'eu2'"),
        ("eu1,eu2,eu3\n1,1,1\n1,1,1\n", "file has the unknown columns 'eu3', but must"),
        ("eu1,eu2\n1e-10,1e-10\n", "gains has 1 rows, but must have one for each of 2"),
        ("eu1,eu2\n1e-10,1e-10\n1e-10,-1\n", "gains of user 'eu2' in round 2 is -1.0, but must"),
        ("eu1,eu2\n1e-10,\n1e-10,1e-10\n", "gains of user 'eu2' in round 1 is blank, but must"),
        ("eu1,eu2\n1e-10,nan\n1e-10,1e-10\n", "gains of user 'eu2' in round 1 is 'nan', but must"),
        ("", "is not valid CSV"),
        ("eu1,eu2\n1,1e-10,2e-10\n2,1e-10,2e-10\n", "has 3 fields in line 2, but must have 2"),
        ("eu1,eu2\n1e-10,2e-10\n1e-10\n", "has 1 fields in line 3, but must have 2"),
        ("eu1,eu2,eu1\n1,2,3\n1,2,3\n", "has the column 'eu1' twice"),
        (",eu1,eu2\n0,1e-10,1e-10\n1,1e-10,1e-10\n", "file has the unknown columns '', but must"),
        ("eu1,eu2\n1e-10,1e-10\n1e-10,1e-10+1j\n", "in round 2 is '1e-10.1j', but must"),
        ("eu1,eu2\n1e-10,1_0\n1e-10,1e-10\n", "in round 1 is '1_0', but must"),
        ("eu1,eu2\n1e-10,True\n1e-10,True\n", "in round 1 is 'True', but must"),
        ('eu1,eu2\n1e-10,"1e-10\n', "is not valid CSV: unexpected end of data"),
    ],
)
def test_wrong_channels(text: str, sentence: str, tmp_path: Path) -> None:
    """A table that does not fit is refused in a sentence that says where."""
    file = tmp_path / "gains.csv"
    file.write_text(text)
    with pytest.raises(ei.InputError, match=sentence):
        ei.train(reference("letter-m2"), 2, gains=file)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rounds": 0}, "rounds is 0, but must be a whole number >= 1"),
        ({"rounds": 2.0}, "rounds is 2.0, but must be a whole number >= 1"),
        ({"seed": -1}, "seed is -1, but must be a whole number >= 0"),
        ({"seed": 1, "mean_gain": 0.0}, "mean_gain is 0.0, but must be a finite number > 0"),
        ({"seed": 1, "mean_gain": "1"}, "mean_gain is '1', but must be a finite number > 0"),
        (
            {"seed": 1, "mean_gain": np.complex128(1 + 1j)},
            "mean_gain is .1.1j., but must be a finite",
        ),
        ({"seed": np.bool_(True)}, "seed is True, but must be a whole number >= 0"),
        ({"rounds": True}, "rounds is True, but must be a whole number >= 1"),
        ({"rounds": np.float64(2)}, "rounds is 2.0, but must be a whole number >= 1"),
        ({"certificate": "proof.json"}, "certificate is no option of a cell"),
        ({"mean_gain": 1e-10}, "mean_gain is given without a seed"),
        ({"seed": 1, "gains": "x.csv"}, "seed and gains are given"),
        ({"gains": "nowhere.csv"}, "cannot read the gains file 'nowhere.csv'"),
        ({"method": "foo"}, "method is 'foo', but must be one of"),
        ({"training_method": "eco"}, "training_method is 'eco', but must be one of: exact, admm"),
        ({"training_method": "foo"}, "training_method is 'foo', but must be one of"),
        ({"round": "training"}, "round is no option of a process"),
        ({"gap": -1.0}, "gap is -1.0, but must be a finite number > 0"),
        ({"preset": "letter"}, "preset is not an option of method 'exact'"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], sentence: str) -> None:
    """Every argument is checked before a round is solved."""
    with pytest.raises(ei.InputError, match=sentence):
        ei.train(reference("letter-m2"), **{"rounds": 2, **options})


@pytest.mark.parametrize("wrong", [1e-10 + 1e-11j, "1e-10", True, np.nan, None, np.inf, -1e-10])
def test_frames_of_channels_are_read_strictly(wrong: Any) -> None:
    """A complex gain does not lose its imaginary part, and texts and booleans are no gains."""
    table = pd.DataFrame({"eu1": [1e-10, 1e-10], "eu2": [1e-10, wrong]})
    with pytest.raises(ei.InputError, match=r"gains of user 'eu2' in round . is .*, but must"):
        ei.train(reference("letter-m2"), 2, gains=table)
    table = pd.DataFrame([[1e-10] * 3] * 2, columns=["eu1", "eu2", "eu1"])
    with pytest.raises(ei.InputError, match="gains has the column 'eu1' twice"):
        ei.train(reference("letter-m2"), 2, gains=table)


def test_whole_numbers_of_numpy() -> None:
    """Rounds and seeds may be numpy's."""
    instance = reference("letter-m2")
    whole: dict[str, Any] = {"rounds": np.int64(2), "seed": np.uint8(3)}
    one = ei.train(instance, **whole)
    assert without_clocks(one.to_dict()) == without_clocks(ei.train(instance, 2, seed=3).to_dict())


def test_a_round_that_fails_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was solved before is kept, and the sentence names the round."""
    solve, count = methods.attempt, [0]

    def failing(instance: ei.Instance, method: str, **options: Any) -> ei.Result:
        count[0] += 1
        if count[0] == 3:
            return ei.Result("x", method, "training", "error", message="the fake has failed")
        return solve(instance, method, **options)

    monkeypatch.setattr(training, "attempt", failing)
    process = ei.train(reference("letter-m2"), 5, method="admm")
    assert not process.complete
    assert process.message == "round 3 of 5 gave no allocation: the fake has failed"
    assert len(process.rounds) == 3
    assert process.frame()["round"].max() == 2
    assert process.to_dict()["totals"]["end_s"] > 0
    count[0] = 2
    process = ei.train(reference("letter-m2"), 5, method="admm")
    assert process.timeline().empty
    json.dumps(process.to_dict(), allow_nan=False)
    with pytest.raises(ei.InputError, match="no allocation to draw"):
        plotting.training_overview(process)


def test_no_round_is_solved_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a store, a longer process solves only what a shorter one has not."""
    instance = reference("letter-m4")
    with Store(tmp_path / "train.db") as store:
        short = ei.train(instance, 4, seed=5, store=store)
        assert len(store) == 4
        plain = ei.train(instance, 6, seed=5)
        solved: list[str] = []
        solve = methods.attempt

        def counted(instance: ei.Instance, method: str, **options: Any) -> ei.Result:
            solved.append(options.get("round", "inference"))
            return solve(instance, method, **options)

        monkeypatch.setattr(training, "attempt", counted)
        long = ei.train(instance, 6, seed=5, store=store)
        assert solved == ["training", "training", "inference"]
        assert without_clocks(long.to_dict()) == without_clocks(plain.to_dict())
        assert ei.train(instance, 4, seed=5, store=store).to_dict() == short.to_dict()
        assert len(solved) == 3


@pytest.mark.slow
def test_a_killed_process_goes_on(tmp_path: Path) -> None:
    """Killed by SIGKILL three times, the command ends with the document of an undisturbed run."""
    arguments = ["train", LETTER, "--rounds", "12", "--seed", "4", "-m", "exact"]
    arguments += ["--training-method", "minlp:ipopt", "-o", "process.json", "--store", "train.db"]
    command = [sys.executable, "-m", "eipyomo.cli", *arguments]
    for _ in range(3):
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            rounds = _stored(tmp_path)
            while process.poll() is None and _stored(tmp_path) < rounds + 2:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    assert 0 < _stored(tmp_path) < 12
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "all 12 rounds have an allocation" in done.stdout
    found = json.loads((tmp_path / "process.json").read_text())
    undisturbed = ei.train(reference("letter-m4"), 12, seed=4, training_method="minlp:ipopt")
    assert without_clocks(found) == without_clocks(json.loads(json.dumps(undisturbed.to_dict())))


def _stored(folder: Path) -> int:
    """Return how many rounds are on the disk."""
    if not (folder / "train.db").exists():
        return 0
    with Store(folder / "train.db") as store:
        return len(store)


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``train --json`` prints one document; files and figures are made; errors are one line."""
    monkeypatch.chdir(tmp_path)
    command = ["train", LETTER, "--rounds", "3", "--seed", "1", "-m", "lco"]
    assert main([*command, "--json", "-o", "process.json", "--csv", "users.csv"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "process.json").read_text())
    assert [result["method"] for result in document["rounds"]] == ["exact", "exact", "lco"]
    assert {result["schema"] for result in document["rounds"]} == {"eipyomo/result@1"}
    assert len(pd.read_csv("users.csv")) == 12
    assert main(command) == 0
    assert "all 3 rounds have an allocation" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.iterdir()) == ["process.json", "users.csv"]
    for figure in plotting.TRAINING_FIGURES:
        assert main(["plot", "process.json", "--figure", figure, "-o", f"{figure}.pdf"]) == 0
        assert (tmp_path / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    assert main(["plot", "process.json", "--figure", "bandwidth"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["train", LETTER, "--rounds", "-3"]) == 2
    assert capsys.readouterr().err == "eipyomo: rounds is -3, but must be a whole number >= 1\n"


def test_no_round_is_not_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Where not even the first round has an answer, it is said, and no user pays 0."""
    assert main(["train", LETTER, "--rounds", "2", "-m", "minlp:baron"]) == 4
    shown = capsys.readouterr().out
    assert "round 1 of 2 gave no allocation: the solver 'baron' is missing" in shown
    assert "eu1" not in shown


def test_results_are_read_back() -> None:
    """A result from its document is the same, and its allocation is judged anew."""
    instance = reference("mixed-m4")
    given: tuple[dict[str, Any], ...] = ({}, {"round": "training"})
    for options in given:
        document = ei.solve(instance, "exact", **options).to_dict()
        again = ei.Result.from_dict(json.loads(json.dumps(document)), instance)
        assert again.to_dict() == document
    nothing = ei.Result("x", "exact", "joint", "error", message="m").to_dict()
    assert ei.Result.from_dict(nothing, instance).to_dict() == nothing
