"""Tables of results: what stands in them is what `evaluate` says, in every format and figure."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo import plotting
from eipyomo.cli import main
from eipyomo.plotting.curves import student
from eipyomo.ranges import numbers_of
from eipyomo.studies.columns import MEASURES
from eipyomo.studies.sweep import cells, sweep
from eipyomo.tables import FORMATS, read_table, table_bytes
from tests.conftest import REFERENCE

stats: Any = importlib.import_module("scipy.stats")  # it has no types

PAGE = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
LETTER = str(REFERENCE / "instances" / "letter-m2.json")
METHODS: Any = [("exact", {}), ("exhaustive", {"step": 0.5}), ("lco", {})]

Capture = pytest.CaptureFixture[str]


@cache
def instances() -> tuple[ei.Instance, ...]:
    """Return two channels with two model sizes each, and tasks that differ in one of them."""
    two = [ei.Instance.letter(users=2, seed=seed) for seed in range(2)]
    large = [one.replace(model_mbit=32, name=f"{one.name} large") for one in two]
    large[1] = large[1].replace(users={"eu2": {"task_mbit": 16, "deadline_s": 20}})
    return (*two, *large)


@cache
def compared() -> pd.DataFrame:
    """Return all of them by three methods."""
    return ei.compare(list(instances()), METHODS)


# --- columns --------------------------------------------------------------------------------------


def test_columns_are_what_evaluate_says() -> None:
    """Energy, latencies, downloads and shares are those of the answers, evaluated once more."""
    table = compared()
    for place, instance in enumerate(instances()):
        rows = table.iloc[3 * place : 3 * place + 3]
        assert rows["label"].tolist() == ["exact", "exhaustive step=0.5", "lco"]
        assert rows["method"].tolist() == ["exact", "exhaustive", "lco"]
        solved = [ei.solve(instance, name, **more) for name, more in METHODS]
        for row, result in zip(rows.to_dict("records"), solved, strict=True):
            assert result.allocation is not None
            judged = ei.evaluate(instance, result.allocation)
            terms, tasks = judged.breakdown, instance.users.numbers("task_bits")
            assert row["objective"] == judged.objective
            assert row["energy_j"] == terms.energy_j.sum()
            assert row["mean_latency_s"] == terms.latency_s.mean()
            assert row["max_latency_s"] == terms.latency_s.max()
            assert row["downloads"] == result.allocation.download.sum()
            share = result.allocation.offload_fraction @ tasks / tasks.sum()
            assert row["offloaded_share"] == pytest.approx(share, rel=1e-12)
            assert row["digest"] == instance.digest()
            assert json.loads(row["options"])["time_limit"] == 30.0
            assert row["model_mbit"] == instance.model_bits / 1e6
            assert (row["users"], row["bandwidth_mhz"]) == (2, 20.0)


def test_what_varies_has_a_column_and_nothing_else() -> None:
    """Users that differ have their mean; a limit that one has is there; the rest is not."""
    table = compared()
    extra = list(table.columns)[list(table.columns).index("model_mbit") + 1 :]
    assert extra == ["mean_channel_gain", "mean_task_bits", "mean_deadline_s"]
    last = table.iloc[-1]
    gains = instances()[-1].users.numbers("channel_gain")
    assert last["mean_channel_gain"] == pytest.approx(gains.mean(), rel=1e-15)
    assert (last["mean_task_bits"], last["mean_deadline_s"]) == (40e6, 20.0)
    assert table["mean_deadline_s"].isna().sum() == 9


def test_columns_of_before_stay() -> None:
    """Who reads tables by name or place finds what was there, in its order; more stands behind."""
    before = (
        *("problem", "termination", "objective", "minimised", "value", "bound", "gap", "feasible"),
        *("max_violation", "iterations", "wall_s", "setup_s", "solver_version", "message"),
    )
    names = ["instance", "method", *before]
    names.insert(names.index("objective") + 1, "excess")
    assert list(compared().columns)[: len(names)] == names
    swept = sweep(cells(list(instances()[:1]), ["eco"]), workers=1)
    names = ["instance", "method", "options", *before, "digest", "version"]
    assert list(swept.columns)[: len(names)] == names
    one = ei.compare(list(instances()[:1]), ["eco"])
    assert swept[list(MEASURES)].equals(one[list(MEASURES)])


def test_modes_rounds_and_failures_have_columns_too() -> None:
    """Of modes the bits sent count; a round has no tasks, and what has no answer nothing."""
    cut = {"name": "cut", "offload_bits": 16e6, "local_cycles": 1e9, "edge_cycles": 1e9}
    told = instances()[0].replace(modes={"net": [cut]}, users={"eu1": {"modes": "net"}})
    hopeless = instances()[0].replace(users={"eu1": {"deadline_s": 0.1}})
    table = ei.compare([told], ["exact"])
    allocation = ei.solve(told).allocation
    assert allocation is not None
    share = (16e6 + allocation.offload_fraction[1] * 64e6) / 128e6
    assert table["offloaded_share"][0] == pytest.approx(share, rel=1e-12)
    table = ei.compare([instances()[0]], [("exact", {"round": "training"})])
    assert np.isnan(float(table["offloaded_share"].astype(float)[0]))
    assert table["downloads"][0] == 2
    table = ei.compare([hopeless], ["exact"])
    assert table["termination"][0] == "infeasible"
    assert table[list(MEASURES)].isna().all(axis=None)


def test_a_row_for_each_user() -> None:
    """The frame of a result has decisions and terms of each user, in whatever order it is read."""
    instance = instances()[0]
    result = ei.solve(instance)
    frame = result.frame()
    assert result.allocation is not None
    terms = ei.evaluate(instance, result.allocation).breakdown
    assert frame["name"].tolist() == ["eu1", "eu2"]
    assert (frame["latency_s"] == terms.latency_s).all()
    assert (frame["uplink_share"] == result.allocation.uplink_share).all()
    document = result.to_dict()
    document["allocation"]["users"].reverse()
    assert ei.Result.from_dict(document, instance).frame().equals(frame)


# --- formats --------------------------------------------------------------------------------------

HOSTILE = pd.DataFrame(
    {
        "instance": ['a, "b"', "= 1 & 50 % _x_ #$ {y}", "Größe 中文 | ~^\\", "NA"],
        "energy_j": [0.1 + 0.2, 1e-300, -1.7e308, np.nan],
        "downloads": [1, 2, 3, 4],
        "feasible": [True, False, True, True],
        "users": [4, 4, 4, 4],
        "message": ["long"] * 4,
    }
)


@pytest.mark.parametrize("suffix", [suffix for suffix, one in FORMATS.items() if one.read])
def test_tables_come_back(suffix: str, tmp_path: Path) -> None:
    """Every digit and name that is written for programs is read; xlsx says which extra it needs."""
    file = tmp_path / f"table{suffix}"
    if suffix == ".xlsx" and importlib.util.find_spec("openpyxl") is None:
        with pytest.raises(ei.SolverError, match=r'a \.xlsx file needs the extra "excel": python'):
            table_bytes(file, HOSTILE)
        return
    for table in (HOSTILE, compared().drop(columns="solver_version")):
        file.write_bytes(table_bytes(file, table))
        found, is_exact = read_table(file), suffix != ".xlsx"
        pd.testing.assert_frame_equal(
            found, table, check_dtype=False, check_exact=is_exact, rtol=1e-15
        )


@pytest.mark.parametrize("suffix", [".tex", ".md"])
def test_tables_for_people(suffix: str) -> None:
    """What is read out of the text is the table to six digits, without what all rows have alike."""
    text = table_bytes(f"t{suffix}", HOSTILE).decode()
    if suffix == ".tex":
        assert text.startswith("% users: 4\n\\begin{tabular}{lrrl}\n\\toprule\n")
        assert r"= 1 \& 50 \% \_x\_ \#\$ \{y\} & 1e-300 & 2 & no \\" in text
        assert r"| \textasciitilde{}\textasciicircum{}\textbackslash{} & -1.7e+308" in text
        rows = re.findall(r"(.*) \\\\\n", text)
        found = [re.split(r" (?<!\\)& ", row) for row in rows]
        assert found[0] == ["Instance", "Energy {[}J]", "Downloads", "Feasible"]
    else:
        assert text.startswith("users: 4\n\n| Instance | Energy [J] | Downloads | Feasible |\n")
        rows = text.splitlines()[2:]
        found = [re.split(r" (?<!\\)\| ", row[2:-2]) for row in rows]
        assert found.pop(1) == ["---", "---:", "---:", "---"]
        assert found[3][0] == r"Größe 中文 \| ~^\\".replace("\\\\", "\\")
    numbers = [np.nan if row[1] == "-" else float(row[1]) for row in found[1:]]
    np.testing.assert_allclose(numbers, HOSTILE["energy_j"], rtol=5e-6)
    assert "long" not in text
    assert len(found) == 5


def test_all_that_is_alike_stays_in_a_table_of_one_row() -> None:
    """Nothing is said above a table of one row, nor of rows that are alike in everything."""
    one = HOSTILE.drop(columns="message").iloc[[0]]
    for table in (one, pd.concat([one, one])):
        assert b"\\begin{tabular}{lrrlr}" in table_bytes("t.tex", table)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    """Whatever is wrong with a file is one sentence."""
    for name, contents, sentence in (
        ("t.csv", b"", "holds no table"),
        ("t.csv", b"a,b\n", "the table has no rows"),
        ("t.parquet", b"a,b\n1,2\n", "holds no table"),
        ("t.tex", b"", r"is a table for people; give one that ends in \.csv"),
        ("t.ods", b"", r"a table is '.*, but must end in \.csv, \.tex"),
    ):
        (tmp_path / name).write_bytes(contents)
        with pytest.raises(ei.InputError, match=sentence):
            read_table(tmp_path / name)


# --- figures --------------------------------------------------------------------------------------


def test_points_are_means_of_rows() -> None:
    """Means and bars by hand; Student's factors as scipy has them."""
    table = compared()
    found = plotting.curve_points(table, "model_mbyte", error="ci95")
    assert (found.x, found.y) == ("model size [Mbyte]", "mean WSEL")
    assert found.points["by"].unique().tolist() == ["exact", "exhaustive step=0.5", "lco"]
    for row in found.points.to_dict("records"):
        rows = table[(table["label"] == row["by"]) & (table["model_mbit"] == 8 * row["x"])]
        assert row["count"] == len(rows) == 2
        assert row["y"] == pytest.approx(rows["objective"].mean(), rel=1e-14)
        half = stats.t.ppf(0.975, 1) * rows["objective"].std() / np.sqrt(2)
        assert row["high"] - row["y"] == pytest.approx(half, rel=1e-4)
    assert found.notes[0].startswith("each point is the mean of 2 rows, over mean channel gain, ")
    for count in range(2, 60):
        assert student(count) == pytest.approx(stats.t.ppf(0.975, count - 1), rel=4e-4)


def test_relative_points_are_those_of_the_same_instance() -> None:
    """Above `exact` on the same instance, which `excess` has too; the reference has no curve."""
    table = compared()
    found = plotting.curve_points(table, "instance", by="method", relative_to="exact", error="sd")
    assert found.y == "WSEL above exact [%]"
    assert found.points["by"].unique().tolist() == ["exhaustive step=0.5", "lco"]
    for row in found.points.to_dict("records"):
        (excess,) = table["excess"][(table["label"] == row["by"]) & (table["instance"] == row["x"])]
        assert row["y"] == pytest.approx(excess, abs=1e-12)


def test_curves_that_coincide_are_said_to() -> None:
    """A curve upon another is named; bars, units and rows without a value are told."""
    table = compared().assign(method="one")
    twin = pd.concat([table, table.assign(label=table["label"] + " again")], ignore_index=True)
    twin.loc[0, "objective"] = np.nan
    found = plotting.curve_points(twin[twin["label"].str.startswith("lco")], "model_mbit")
    assert found.notes[-1].startswith("these curves coincide: lco and lco again")
    found = plotting.curve_points(twin, "mean_channel_gain_db", "energy_mj", error="range")
    assert (found.x, found.y) == ("mean channel gain [dB]", "mean energy [mJ]")
    assert found.points["x"].between(-120, -80).all()
    found = plotting.curve_points(twin, "model_mbit", by="users", error="range")
    assert found.notes[0] == "1 of 24 rows lack model_mbit or wsel and are left out"
    assert found.points["low"].tolist() == twin.groupby("model_mbit")["objective"].min().tolist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"x": "model_mbits"}, "the table has no column 'model_mbits', but perhaps model_mbit"),
        ({"x": "zzz"}, "the table has no column 'zzz', but instance, method, problem"),
        ({"y": "energi_j"}, "the table has no column 'energi_j', but perhaps energy_j is meant"),
        ({"y": "termination"}, "termination holds no numbers, but 'optimal'"),
        ({"relative_to": "admm"}, "relative_to is 'admm', but must be one of: exact, exhaustive"),
        ({"error": "5%"}, "error is '5%', but must be one of: ci95, sd, range"),
        ({"y": "solver_version"}, "no row has both model_mbit and solver_version"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], sentence: str) -> None:
    """Columns that are not there, with near ones, and what holds no numbers: a sentence each."""
    with pytest.raises(ei.InputError, match=sentence):
        plotting.curve_points(compared(), **{"x": "model_mbit", **arguments})


def test_figures_show_all_curves() -> None:
    """Each curve has a style and a width of its own, and axes have words and units."""
    figure = plotting.curves(compared(), "model_mbit", relative_to="exact", log="x")
    (axes,) = figure.axes
    assert axes.get_xlabel() == "model size [Mbit]"
    assert axes.get_ylabel() == "mean WSEL above exact"
    bars: Any = axes.containers
    lines = [bar.lines[0] for bar in bars]
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 2
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(widths, reverse=True)
    other = plotting.curves(compared(), "users", "wall_ms", "instance", ax=axes)
    assert other is figure
    in_column = plotting.curves(compared(), "model_mbit", width="column")
    assert in_column.get_size_inches()[0] == 3.5


# --- the command line -----------------------------------------------------------------------------


def test_from_a_sweep_to_a_figure(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn instances with varied data become a table, and that becomes figures."""
    monkeypatch.chdir(tmp_path)
    words = ["sweep", "--draw", "users=2 seeds=0:2", "--vary", "model_mbyte=1,2", "--vary"]
    words += ["users[*].task_mbit=16:64:3", "-m", "eco", "-m", "lco", "--workers", "1"]
    assert main([*words, "--table", "t.csv"]) == 0
    out = capsys.readouterr().out
    assert "12 instances: users 2, bandwidth [MHz] 20, model size [Mbit] 8 to 16, mean" in out
    assert "task size [bit] 1.6e+07 to 6.4e+07" in out
    assert max(len(line.rstrip()) for line in out.splitlines()[1:]) <= 100
    table = read_table("t.csv")
    assert len(table) == 24
    assert sorted(table["task_bits"].unique()) == [16e6, 40e6, 64e6]
    assert table["instance"].iloc[0].endswith("model_mbyte=1 users[*].task_mbit=16")
    assert main(["plot", "t.csv", "--x", "task_mbit", "--error", "ci95", "-o", "f.pdf"]) == 0
    said = capsys.readouterr().err
    assert "each point is the mean of 4 rows, over model size [Mbit], mean channel gain" in said
    assert main(["plot", "t.csv", "--x", "model_mbit", "--relative-to", "eco"]) == 0
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "t.png").exists()
    assert main([*words, "--json"]) == 0
    (tmp_path / "t.json").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["plot", "t.json", "--x", "task_mbit", "-o", "g.svg"]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["plot", "t.csv"], "t.csv: x is missing: name the column that varies"),
        (["plot", LETTER, "--x", "a"], "x is given, but is for tables"),
        (["plot", "t.csv", "--x", "modl_mbit"], "perhaps model_mbit is meant"),
        (["plot", "none.csv", "--x", "a"], "cannot read the table file 'none.csv'"),
        (["sweep", LETTER, "--vary", "model_mbit"], "vary is 'model_mbit', but must be PATH=NUM"),
        (["sweep", LETTER, "--vary", "model_mbit=8:32"], "'8:32' lists no numbers, but must be"),
        (["sweep", LETTER, "--draw", "users=2"], "draw and files of instances are given"),
        (["compare", "-m", "exhaustive stp=0.1"], "stp is not an option of method 'exhaustive'"),
    ],
)
def test_mistakes_get_one_sentence(
    words: list[str],
    sentence: str,
    capsys: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit status 2 and one line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_bytes(table_bytes("t.csv", compared()))
    assert main(words) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


def test_tables_of_commands(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Methods with options stand side by side; users have a table; none without an allocation."""
    monkeypatch.chdir(tmp_path)
    words = ["compare", LETTER, "-m", "exact", "-m", "exhaustive step=0.5", "--table", "t.md"]
    assert main([*words, "--set", "users[*].transmit_power_dbm=20"]) == 0
    out = capsys.readouterr().out
    assert "exhaustive step=0.5" in out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 105
    assert "| exhaustive step=0.5 |" in (tmp_path / "t.md").read_text(encoding="utf-8")
    assert main(["solve", LETTER, "-m", "eco", "--table", "users.csv"]) == 0
    users = read_table("users.csv")
    assert (
        users["latency_s"].tolist()
        == ei.solve(ei.Instance.from_json(LETTER), "eco").frame()["latency_s"].tolist()
    )
    hopeless = ["--set", "users[*].deadline_ms=1", "--table", "none.csv"]
    assert main(["solve", LETTER, *hopeless]) == 3
    assert "none.csv is not written: there is no allocation" in capsys.readouterr().err
    assert not (tmp_path / "none.csv").exists()
    assert main(["generate", "--set", "model_mbyte=4"]) == 0
    assert json.loads(capsys.readouterr().out)["model_bits"] == 32e6


def test_lists_of_numbers() -> None:
    """A list, an even one with both ends, and one that is even in the logarithm."""
    assert numbers_of("8, 16,3.5") == [8.0, 16.0, 3.5]
    assert numbers_of("8:64:15") == np.linspace(8, 64, 15).tolist()
    assert numbers_of("log(1:100:3)") == pytest.approx([1.0, 10.0, 100.0], rel=1e-12)
    for wrong in ("", "8,,9", "8:64", "8:64:1", "log(8:64:3", "8:64:3)", "64:8:3", "log(0:8:3)"):
        with pytest.raises(ei.InputError):
            numbers_of(wrong)


def test_the_page_runs(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of docs/tables.md, word for word, but for the number of channels."""
    monkeypatch.chdir(tmp_path)
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in commands.replace("seeds=0:10", "seeds=0:1").splitlines():
        words = re.findall(r'"([^"]*)"|(\S+)', line)
        more = ["--workers", "1"] if "sweep" in line else []
        assert main([quoted or plain for quoted, plain in words][1:] + more) == 0
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "tables.md", "exec"), names)
    assert "exhaustive step=0.5" in capsys.readouterr().out
    assert all((tmp_path / name).exists() for name in ("figure.pdf", "gap.pdf", "energy.pdf"))
