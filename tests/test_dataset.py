"""Labels in bulk: they are optima, they come back from files, and whoever is killed goes on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.environment import Rounds
from eipyomo.features import OF_A_USER, SYSTEM
from eipyomo.labels.columns import COLUMNS, kinds_by_name, shapes, width
from eipyomo.labels.formats import FORMATS
from eipyomo.studies import dataset as made
from eipyomo.verify import Verified

PAGE = (Path(__file__).parents[1] / "docs" / "dataset.md").read_text(encoding="utf-8")
DRAW = "users=3 model_mbit=8..32 distance_m=log(20..80) seeds=5:13"


@pytest.fixture(scope="module")
def labels() -> ei.Dataset:
    """Return eight instances of three users; half of the certificates are verified."""
    return ei.dataset(DRAW, verify=0.5, progress=False)


def test_labels_are_the_optima_of_the_draw(labels: ei.Dataset) -> None:
    """Sample by sample what `solve` finds, and what `evaluate` says of the stored decisions."""
    draw = ei.Draw.from_text(DRAW)
    assert labels.seed.tolist() == list(draw.seeds)
    for k, seed in enumerate(draw.seeds):
        instance = draw.instance(seed)
        result = ei.solve(instance)
        assert result.allocation is not None
        assert result.prices is not None
        stored = {key: getattr(labels, key)[k] for key in COLUMNS}
        columns = {key: stored[key] for key in COLUMNS if hasattr(result.allocation, key)}
        again = ei.evaluate(
            instance,
            ei.Allocation(
                names=instance.scaled.names, **columns | {"sync_s": stored["sync_s"].item()}
            ),
        )
        assert again.feasible
        assert again.objective == stored["wsel"] == result.objective
        assert stored["bound"] == result.bound
        assert stored["bandwidth_price"] == result.prices["bandwidth_per_mhz"]
        assert stored["sync_price"].tolist() == [
            one["sync_per_s"] for one in result.prices["users"]
        ]
        assert stored["optimal"]


def test_features_are_what_an_environment_shows(labels: ei.Dataset) -> None:
    """In the same order, but for the rounds that are left and single precision."""
    env = Rounds(DRAW)
    seen, _ = env.reset(options={"instance": 6})
    flat = np.concatenate([labels.system[1], [0.0], labels.users[1].ravel()])
    np.testing.assert_array_equal(flat.astype(np.float32), seen)


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_hold_the_same_numbers(labels: ei.Dataset, suffix: str, tmp_path: Path) -> None:
    """Each comes back to the last bit, with the types and shapes that the datasheet says."""
    sheet = labels.write(tmp_path / f"data{suffix}")
    again = ei.read_dataset(tmp_path / f"data{suffix}")
    assert again.datasheet == labels.datasheet == json.loads(sheet.read_text())
    for key, array in labels.arrays().items():
        np.testing.assert_array_equal(getattr(again, key), array)
        assert getattr(again, key).dtype == array.dtype
        assert list(array.shape) == labels.datasheet["arrays"][key]["shape"]


def test_tables_have_a_name_for_each_number(labels: ei.Dataset) -> None:
    """A column a number of a sample, and users counted from 1."""
    table = labels.frame()
    assert table.shape == (8, width(3))
    assert list(table.columns) == list(kinds_by_name(3))
    assert table["download_2"].tolist() == labels.download[:, 1].tolist()
    assert (
        table["task_mbit_3"].tolist()
        == labels.users[:, 2, list(OF_A_USER).index("task_mbit")].tolist()
    )
    assert (
        table["model_mbit"].tolist() == labels.system[:, list(SYSTEM).index("model_mbit")].tolist()
    )


def test_tensors_are_in_single_precision(
    labels: ei.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch is handed arrays of its own; without it a sentence says what to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ei.SolverError, match=r'python -m pip install "eipyomo\[torch\]"'):
        labels.torch()
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(from_numpy=lambda one: one))
    tensors = labels.torch()
    assert tensors["users"].dtype == np.float32
    assert tensors["download"].dtype == np.bool_
    assert tensors["seed"].dtype == np.int64
    assert all(array.flags.writeable for array in tensors.values())


def test_a_draw_says_all(labels: ei.Dataset) -> None:
    """The datasheet alone makes the same numbers again, and part of them with fewer samples."""
    draw = ei.Draw.from_dict(labels.datasheet["draw"])
    again = ei.dataset(draw, verify=0.5, progress=False)
    assert again.datasheet == labels.datasheet
    few = ei.dataset(draw, samples=2, seed=7, verify=0.5, progress=False)
    np.testing.assert_array_equal(few.wsel, labels.wsel[2:4])
    np.testing.assert_array_equal(few.verified, labels.verified[2:4])


def test_a_random_share_is_verified(labels: ei.Dataset) -> None:
    """None, some or all; the datasheet has the number."""
    assert 0 < labels.verified.sum() < 8
    assert labels.datasheet["verified"] == labels.verified.sum()
    for share in (0.0, 1.0):
        data = ei.dataset(DRAW, samples=3, verify=share, progress=False)
        assert data.verified.mean() == share


def test_what_is_not_proven_ends_the_making(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that proves less than the bound of its sample is a false claim."""

    def less(*_: Any) -> Verified:
        return Verified(0.1, False, "joint", "inference", "wsel", "bound", 0.1, "joint", 1, 1)

    monkeypatch.setattr(made, "proven", less)
    with pytest.raises(
        ei.ClaimError, match=r"of seed 5 is not proven: its certificate proves 0\.1"
    ):
        ei.dataset(DRAW, verify=1.0, progress=False)


def test_who_was_stopped_goes_on(labels: ei.Dataset, tmp_path: Path) -> None:
    """From a part with a row that was cut off; what is there is taken, and not solved again."""
    part = tmp_path / "part"
    ei.dataset(DRAW, samples=3, verify=0.5, part=part, progress=False)
    part.write_bytes(part.read_bytes() + b"half a row")
    again = ei.dataset(DRAW, verify=0.5, part=part, progress=False)
    assert again.datasheet == labels.datasheet
    whole = part.read_bytes()
    marked = np.frombuffer(whole[-8 * width(3) :], "<f8").copy()
    marked[0] = 99.0
    part.write_bytes(whole[: -8 * width(3)] + marked.tobytes())
    assert ei.dataset(DRAW, verify=0.5, part=part, progress=False).seed[-1] == 99
    part.write_bytes(whole[:10])
    assert ei.dataset(DRAW, verify=0.5, part=part, progress=False).datasheet == labels.datasheet


@pytest.mark.parametrize(
    "other",
    [{"gap": 1e-5}, {"verify": 0.2}, {"seed": 6}, {"draw": DRAW.replace("8..32", "8..33")}],
)
def test_a_part_of_something_else_is_refused(other: dict[str, Any], tmp_path: Path) -> None:
    """Nothing of it is taken, and it stays as it is."""
    part = tmp_path / "part"
    ei.dataset(DRAW, samples=1, verify=0.5, part=part, progress=False)
    before = part.read_bytes()
    asked = {"draw": DRAW, "verify": 0.5, **other}
    with pytest.raises(ei.InputError, match="holds a part of something else"):
        ei.dataset(**asked, part=part, progress=False)
    assert part.read_bytes() == before


@pytest.mark.slow
def test_who_was_killed_goes_on(tmp_path: Path) -> None:
    """The command, killed among its processes, gives what it gives uninterrupted."""
    words = ["dataset", "--users", "2", "--samples", "800", "--workers", "2", "-o"]
    command = [sys.executable, "-m", "eipyomo.cli", *words, str(tmp_path / "data.npz")]
    part = tmp_path / "data.npz.part"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        while not (part.exists() and part.stat().st_size > 50_000):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    assert not (tmp_path / "data.npz").exists()
    assert main([*words, str(tmp_path / "data.npz")]) == 0
    assert not part.exists()
    whole = ei.dataset("users=2", samples=800, workers=1, progress=False)
    assert ei.read_dataset(tmp_path / "data.npz").datasheet == whole.datasheet


def test_numbers_that_were_changed_are_refused(labels: ei.Dataset, tmp_path: Path) -> None:
    """By the digest; what is no such file, or has no datasheet, in other sentences."""
    file = tmp_path / "data.csv"
    sheet = labels.write(file)
    table = pd.read_csv(file)
    table.loc[0, "wsel"] = 0.5
    table.to_csv(file, index=False)
    with pytest.raises(ei.ClaimError, match="not those that the datasheet beside it tells of"):
        ei.read_dataset(file)
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ei.InputError, match=r"it is no \.csv file of 3 users' labels"):
        ei.read_dataset(file)
    for suffix in FORMATS:
        broken = labels.write(tmp_path / f"broken{suffix}").with_suffix("")
        broken.write_bytes(broken.read_bytes()[:-40])
        with pytest.raises(ei.InputError):
            ei.read_dataset(broken)
    sheet.write_text('{"schema": "other"}')
    with pytest.raises(ei.InputError, match="schema is 'other', but a datasheet must have"):
        ei.read_dataset(file)
    sheet.unlink()
    with pytest.raises(ei.InputError, match=r"cannot read the datasheet file"):
        ei.read_dataset(file)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"draw": "users=2 users[*].deadline_s=9"}, "the instance has deadlines of users"),
        ({"samples": 0}, "samples is 0, but must be a whole number >= 1"),
        ({"verify": 2}, "verify is 2, but must be a number from 0 to 1"),
        ({"gap": -1.0}, "gap is -1.0, but must be a finite number > 0"),
        ({"draw": 3}, "draw is 3, but must be a Draw"),
        ({"workers": 0}, "workers is 0, but must be a whole number >= 1"),
    ],
)
def test_what_is_not_allowed_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    """Before anything is solved."""
    with pytest.raises(ei.InputError, match=re.escape(sentence)):
        ei.dataset(**{"draw": DRAW, "progress": False, **arguments})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "data.txt"], "a dataset is 'data.txt', but must end in .npz, .mat, .parquet, .csv"),
        (["-o", "missing/data.npz"], "cannot write 'missing/data.npz': No such file or directory"),
        (["--users", "2", "--draw", "users=3", "-o", "data.npz"], "users and draw are given, but"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one sentence, and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    assert main(["dataset", "--samples", "2", *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands and its Python, word for word; its table has all arrays."""
    monkeypatch.chdir(tmp_path)
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in commands.splitlines():
        before, *quoted = re.split("'(.*?)'", line.removeprefix("eipyomo "))
        words = before.split() + ([quoted[0], *quoted[1].split()] if quoted else [])
        assert main([*words, "--workers", "1"]) == 0
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(block, "dataset.md", "exec"), {})
    assert "(50, 3, 12)" in capsys.readouterr().out
    named = re.findall(
        r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \| \(samples", PAGE, re.MULTILINE))
    )
    assert named == list(COLUMNS)
    assert set(shapes(3)) == set(named)
