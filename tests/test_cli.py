"""The command line: exit statuses, one JSON document, one sentence for each mistake."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.cli.commands import cli
from eipyomo.cli.methods import FLAGS, NOT_HERE
from eipyomo.solvers import METHODS
from tests.conftest import REFERENCE, VALUES

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
LETTER = str(REFERENCE / "instances" / "letter-m4.json")

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process; return status, standard output, standard error."""
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


def document(capsys: Capture, *arguments: str) -> dict[str, Any]:
    """Run a command that must answer with exactly one JSON document."""
    status, out, _ = run(capsys, *arguments, "--json")
    assert status == 0
    answer = json.loads(out)
    assert isinstance(answer, dict)
    return answer


def test_generate_writes_the_letters_instance(capsys: Capture, tmp_path: Path) -> None:
    """The interface's own example gives the reference instance."""
    file = tmp_path / "instance.json"
    command = "generate --users 4 --model-mbit 16 --path-loss-exponent 2.9 --seed 0 -o"
    status, out, err = run(capsys, *command.split(), str(file))
    assert (status, out) == (0, "")
    assert err.startswith(f"wrote {file}")
    assert ei.Instance.from_json(file).digest() == ei.Instance.from_json(LETTER).digest()
    status, out, _ = run(capsys, "generate")
    assert ei.Instance.from_dict(json.loads(out)).digest() == ei.Instance.letter().digest()


def test_generate_takes_users_from_a_table(capsys: Capture, tmp_path: Path) -> None:
    """End users of one's own come from CSV."""
    table = tmp_path / "users.csv"
    ei.Instance.letter(users=2, seed=9).users_frame().to_csv(table, index=False)
    file = tmp_path / "instance.json"
    assert run(capsys, "generate", "--users-csv", str(table), "-o", str(file))[0] == 0
    assert ei.Instance.from_json(file).users == ei.Instance.letter(users=2, seed=9).users


def test_an_instance_of_a_table_bears_its_name(capsys: Capture, tmp_path: Path) -> None:
    """Neither a seed nor a number of users that were not used stands in the name."""
    table, file = tmp_path / "my users.csv", tmp_path / "instance.json"
    ei.Instance.letter(users=2, seed=9).users_frame().to_csv(table, index=False)
    arguments = ("generate", "--users-csv", str(table), "--bandwidth-mhz", "10", "-o", str(file))
    assert run(capsys, *arguments)[0] == 0
    assert ei.Instance.from_json(file).name == "my users"
    assert ei.Instance.from_json(file).bandwidth_hz == 1e7
    assert run(capsys, *arguments, "--name", "x")[0] == 0
    assert ei.Instance.from_json(file).name == "x"


@pytest.mark.slow
def test_settings_change_what_is_solved(capsys: Capture, tmp_path: Path) -> None:
    """Every command works on the changed instance, as on a file of it."""
    settings = ["bandwidth_hz=4e7", "users[*].latency_weight=0.2", "users[eu1].task_bits=1e6"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    changed = ei.Instance.from_json(LETTER).with_settings(settings)
    file, proof = str(tmp_path / "changed.json"), str(tmp_path / "proof.json")
    changed.to_json(file)
    result = str(tmp_path / "result.json")
    solved = document(capsys, "solve", LETTER, *arguments, "-o", result, "--certificate", proof)
    expected = ei.solve(changed).objective
    assert solved["objective"] == expected != ei.solve(ei.Instance.from_json(LETTER)).objective
    judged = document(capsys, "evaluate", LETTER, result, *arguments)
    assert judged["objective"] == expected
    assert document(capsys, "verify", LETTER, proof, *arguments)["proven"]
    assert run(capsys, "verify", LETTER, proof)[0] == 2
    for command in (["compare", LETTER, "--methods", "exact"], ["sweep", LETTER, "-m", "exact"]):
        assert document(capsys, *command, *arguments)["rows"][0]["objective"] == expected
    (one,) = document(capsys, "train", LETTER, "--rounds", "1", *arguments)["rounds"]
    assert one["objective"] == expected
    for source, more, target in ((LETTER, arguments, "one.nl"), (file, [], "other.nl")):
        assert run(capsys, "export", source, "-o", str(tmp_path / target), *more)[0] == 0
    assert (tmp_path / "one.nl").read_bytes() == (tmp_path / "other.nl").read_bytes()
    rows = document(capsys, "compare", "--methods", "eco", "--set", "bandwidth_hz=4e7")["rows"]
    assert rows[0]["objective"] == ei.solve(ei.Instance.letter(bandwidth_mhz=40), "eco").objective


RESULT_KEYS = {
    "schema",
    "instance",
    "instance_digest",
    "method",
    "solver",
    "solver_version",
    "package_version",
    "package_commit",
    "options",
    "problem",
    "termination",
    "objective",
    "bound",
    "model_objective",
    "minimised",
    "value",
    "conflict",
    "start_objective",
    "gap",
    "feasible",
    "max_violation",
    "wall_s",
    "setup_s",
    "iterations",
    "allocation",
    "breakdown",
    "prices",
    "trace",
    "message",
}


def test_solve_evaluate_round_trip(capsys: Capture, tmp_path: Path) -> None:
    """A result file is read back, and evaluate gives the objective that solve reported."""
    file = tmp_path / "result.json"
    result = document(capsys, "solve", LETTER, "--method", "minlp:bonmin", "-o", str(file))
    assert set(result) == RESULT_KEYS
    assert json.loads(file.read_text()) == result
    assert result["schema"] == "eipyomo/result@1"
    assert (result["method"], result["solver"]) == ("minlp", "bonmin")
    assert result["objective"] == pytest.approx(VALUES["letter-m4"]["wsel"], rel=1e-6)
    judged = document(capsys, "evaluate", LETTER, str(file))
    assert judged["objective"] == result["objective"]
    assert judged["feasible"]
    assert judged["breakdown"] == result["breakdown"]
    status, out, _ = run(capsys, "evaluate", LETTER, str(file))
    assert status == 0
    assert "feasible" in out


def test_an_infeasible_allocation_is_an_answer(capsys: Capture, tmp_path: Path) -> None:
    """Evaluate exits with 0 and says what is violated; an allocation alone claims nothing."""
    result = document(capsys, "solve", LETTER, "--method", "eco")
    result["allocation"]["users"][0]["uplink_share"] = 0.0
    file = tmp_path / "allocation.json"
    file.write_text(json.dumps(result["allocation"]))
    judged = document(capsys, "evaluate", LETTER, str(file))
    assert not judged["feasible"]
    assert judged["objective"] is None
    assert "an uplink share to upload with (5) at user 'eu1'" in judged["violated"]


@pytest.mark.parametrize("method", ["eco", "lco"])
def test_benchmarks_from_the_command_line(method: str, capsys: Capture) -> None:
    """ECO and LCO of values.json to 1e-6, shown as a table too."""
    result = document(capsys, "solve", LETTER, "--method", method)
    assert result["problem"] == method
    assert result["objective"] == pytest.approx(VALUES["letter-m4"][method], rel=1e-6)
    status, out, _ = run(capsys, "solve", LETTER, "--method", method)
    assert status == 0
    assert "eu4" in out


def test_a_training_round_from_the_command_line(capsys: Capture, tmp_path: Path) -> None:
    """A training round is solved, written and judged as such."""
    file = str(tmp_path / "result.json")
    arguments = ("solve", LETTER, "--method", "minlp:bonmin", "--round", "training", "-o", file)
    result = document(capsys, *arguments)
    assert result["problem"] == "training"
    assert all(user["download"] for user in result["allocation"]["users"])
    assert document(capsys, "evaluate", LETTER, file)["objective"] == result["objective"]


def test_compare_prints_a_table(capsys: Capture, tmp_path: Path) -> None:
    """Without arguments it takes the letter's instance; CSV and JSON hold the same rows."""
    status, out, _ = run(capsys, "compare")
    assert status == 0
    assert "letter M=4 D=16Mbit sigma=2.9 seed=0: 4 users, band 20 MHz, model 16 Mbit" in out
    for method in ("exact", "admm", "minlp:bonmin", "eco", "lco", "gbe"):
        assert method in out
    table = tmp_path / "table.csv"
    rows = document(capsys, "compare", LETTER, "--methods", "eco, lco", "--csv", str(table))["rows"]
    assert [row["method"] for row in rows] == ["eco", "lco"]
    assert rows[0]["bound"] <= rows[0]["objective"]
    assert len(table.read_text().splitlines()) == 3


def test_export_writes_four_files(capsys: Capture, tmp_path: Path) -> None:
    """.nl comes with .row, .col and its manifest."""
    status, out, err = run(capsys, "export", LETTER, "-o", str(tmp_path / "model.nl"))
    assert (status, out) == (0, "")
    assert err.count("wrote ") == 4


@pytest.mark.slow
def test_solvers_are_listed(capsys: Capture) -> None:
    """Every solver from a wheel is shown as working."""
    solvers = {entry["solver"]: entry for entry in document(capsys, "solvers")["solvers"]}
    for name in ("scip", "bonmin", "ipopt", "highs", "mindtpy"):
        assert solvers[name]["works"], solvers[name]["trouble"]
    assert solvers["scip"]["proves"]
    assert not solvers["bonmin"]["proves"]
    assert not solvers["ipopt"]["integers"]
    assert not solvers["highs"]["nonlinear"]
    status, out, _ = run(capsys, "solvers")
    assert status == 0
    assert "scip" in out


BAD = {
    "no command given": (["foo"], "No such command 'foo'"),
    "no file": (["solve"], "Missing argument 'INSTANCE'"),
    "a file that is not there": (
        ["solve", "none.json"],
        "cannot read the instance file 'none.json'",
    ),
    "a folder": (["solve", "."], "cannot read the instance file '.'"),
    "no number": (["generate", "--users", "x"], "'x' is not a valid integer"),
    "no users": (["generate", "--users", "0"], "users is 0, but must be an integer >= 1"),
    "negative seed": (["generate", "--seed", "-1"], "seed is -1"),
    "NaN": (["generate", "--model-mbit", "nan"], "model_mbit is nan, but must be"),
    "infinite": (["generate", "--bandwidth-mhz", "inf"], "bandwidth_mhz is inf, but must be"),
    "negative task": (["generate", "--task-mbit", "-1"], "task_bits (user 'eu1') is -1000000.0"),
    "no table": (["generate", "--users-csv", "none.csv"], "cannot read the users file 'none.csv'"),
    "unknown option": (["solve", LETTER, "--foo"], "No such option"),
    "unknown method": (["solve", LETTER, "--method", "foo"], "method is 'foo', but must be one of"),
    "unknown solver": (
        ["solve", LETTER, "--method", "minlp", "--solver", "foo"],
        "solver is 'foo', but must be one of",
    ),
    "two solvers": (
        ["solve", LETTER, "--method", "minlp:scip", "--solver", "bonmin"],
        "solver is 'bonmin', but the method 'minlp:scip' names another",
    ),
    "an option of another method": (
        ["solve", LETTER, "--method", "gbe", "--solver", "scip"],
        "solver is not an option of method 'gbe'",
    ),
    "unknown formulation": (
        ["solve", LETTER, "--method", "minlp", "--formulation", "foo"],
        "formulation is 'foo', but must be one of: letter",
    ),
    "unknown round": (["solve", LETTER, "--round", "foo"], "'foo' is not one of"),
    "no time": (["solve", LETTER, "--time-limit", "0"], "time_limit is 0.0, but must be"),
    "negative gap": (["solve", LETTER, "--gap", "-1"], "gap is -1.0, but must be"),
    "a solver without binaries": (
        ["solve", LETTER, "--method", "minlp:ipopt"],
        "'ipopt', which takes no integer variables",
    ),
    "a target folder that is not there": (
        ["solve", LETTER, "--method", "eco", "-o", "none/result.json"],
        "cannot write 'none/result.json': No such file or directory",
    ),
    "a table's folder that is not there": (
        ["compare", "--csv", "none/table.csv"],
        "cannot write 'none/table.csv': No such file or directory",
    ),
    "a target that is a folder": (["generate", "-o", "."], "cannot write '.': it is a folder"),
    "no methods": (
        ["compare", "--methods", ","],
        "methods is [], but must be a list of names of methods, not empty",
    ),
    "unknown method in a list": (["compare", "--methods", "eco,foo"], "method is 'foo'"),
    "compare without time": (["compare", "--time-limit", "-1"], "time_limit is -1.0"),
    "a table of no known format": (
        ["compare", "--csv", "table.pdf"],
        "csv is 'table.pdf', but must end in .csv, .tex, .md, .xlsx, .parquet",
    ),
    "a table without a suffix": (["compare", "--csv", "csv"], "csv is 'csv', but must end in .csv"),
    "a table of rounds of no known format": (
        ["train", LETTER, "--rounds", "1", "--csv", "t.json"],
        "csv is 't.json', but must end in .csv",
    ),
    "one file for two outputs": (
        ["train", LETTER, "--rounds", "1", "--csv", "t.csv", "-o", "./t.csv"],
        "csv and output name the file",
    ),
    "a certificate in the result's place": (
        ["solve", LETTER, "-o", "x.json", "--certificate", "x.json"],
        "output and certificate name the file",
    ),
    "an option given twice": (
        ["solve", LETTER, "--gap", "1e-3", "--option", "gap=1e-4"],
        "the options name 'gap' twice",
    ),
    "an option of KEY=VALUE given twice": (
        ["train", LETTER, "--rounds", "1", "--option", "gap=1", "--option", "gap=2"],
        "the options name 'gap' twice",
    ),
    **{
        f"{option} beside a table of users": (
            ["generate", "--users-csv", "users.csv", option, value],
            f"{option[2:].replace('-', '_')} is given, but the end users are those of users_csv",
        )
        for option, value in (
            ("--users", "4"),
            ("--seed", "0"),
            ("--path-loss-exponent", "2.9"),
            ("--task-mbit", "64"),
            ("--distance-m", "50"),
        )
    },
    **{
        f"{command[0]} with a setting that leads nowhere": (
            [*command, "--set", "users[eu9].task_bits=1"],
            "a setting has users[eu9], but must have *, a place below 4, or one of: eu1, eu2",
        )
        for command in (
            ["solve", LETTER],
            ["compare", LETTER],
            ["compare"],
            ["evaluate", LETTER, "result.json"],
            ["export", LETTER, "-o", "model.nl"],
            ["verify", LETTER, "proof.json"],
            ["sweep", LETTER],
            ["train", LETTER, "--rounds", "2"],
        )
    },
    "a setting with a bad value": (
        ["solve", LETTER, "--set", "bandwidth_hz=0"],
        "bandwidth_hz is 0, but must be a finite number > 0",
    ),
    "a setting with an unknown key": (
        ["export", LETTER, "-o", "model.nl", "--set", "colour=1"],
        "colour is not a known key, but must be one of: name, bandwidth_hz",
    ),
    "a setting that is none": (
        ["train", LETTER, "--rounds", "2", "--set", "bandwidth_hz"],
        "a setting is 'bandwidth_hz', but must be KEY=VALUE",
    ),
    "a linear format": (["export", LETTER, "-o", "model.lp"], ".lp holds linear and quadratic"),
    "no format": (["export", LETTER, "-o", "model"], "the suffix is '', but must be .nl or .gms"),
    "no target": (["export", LETTER], "Missing option '-o'"),
    "export of another formulation": (
        ["export", LETTER, "-o", "model.nl", "--formulation", "x"],
        "formulation is 'x'",
    ),
    "an instance for a result": (
        ["evaluate", LETTER, LETTER],
        "schema is 'eipyomo/instance@1', but a result must have 'eipyomo/result@1'",
    ),
    "a step that does not divide 1": (
        ["solve", LETTER, "--method", "exhaustive", "--step", "0.3"],
        "step is 0.3, but must be 1/n for a whole number n",
    ),
    "a penalty that is none": (
        ["solve", LETTER, "--method", "admm", "--option", "penalty=0"],
        "penalty is 0, but must be a finite number > 0",
    ),
    "an option without value": (
        ["solve", LETTER, "--method", "admm", "--option", "penalty"],
        "option is 'penalty', but must be KEY=VALUE",
    ),
    "unknown preset": (
        ["solve", LETTER, "--method", "admm", "--preset", "x"],
        "preset is 'x', but must be one of: default, letter",
    ),
    "unknown engine": (
        ["solve", LETTER, "--method", "admm", "--engine", "x"],
        "engine is 'x', but must be one of: kernel, pyomo",
    ),
    "a method without the solver it announces": (
        ["solve", LETTER, "-m", "minlp:"],
        "method is 'minlp:', but must be one of: exact",
    ),
    "a problem for a benchmark": (
        ["solve", LETTER, "-m", "gbe", "--problem", "eco"],
        "method is 'gbe', which says itself which problem it solves, but problem is given",
    ),
    "an unknown problem": (
        ["export", LETTER, "-o", "model.nl", "--problem", "GBE"],
        "problem is 'GBE', but must be one of: joint, training, eco, lco, gbe, gbe training, grid:",
    ),
    "a problem that a method does not handle": (
        ["solve", LETTER, "-m", "enumeration", "--problem", "gbe"],
        "method 'enumeration' does not handle a band split into halves, which the problem 'gbe'",
    ),
    "a penalty with half of its keys": (
        ["solve", LETTER, "-m", "admm", "--option", 'penalty={"edge": 1}'],
        "penalty has the keys edge, but must have uplink, sync, downlink, and may have edge",
    ),
    "no nodes": (["solve", LETTER, "--node-limit", "0"], "node_limit is 0, but must be a whole"),
    "a certificate's folder that is not there": (
        ["solve", LETTER, "--certificate", "none/proof.json"],
        "cannot write 'none/proof.json': No such file or directory",
    ),
    "an instance for a certificate": (["verify", LETTER, LETTER], "certificate"),
    "no result": (["evaluate", LETTER, "none.json"], "cannot read the result file 'none.json'"),
}


@pytest.mark.parametrize("problem", ["gbe", "eco", "grid:0.5", "gbe training"])
def test_a_file_is_judged_by_the_problem_that_it_names(
    problem: str, capsys: Capture, tmp_path: Path
) -> None:
    """With its restriction, unless another problem is asked for."""
    file = str(tmp_path / "result.json")
    assert run(capsys, "solve", LETTER, "--problem", problem, "-o", file)[0] == 0
    judged = document(capsys, "evaluate", LETTER, file)
    assert (judged["problem"], judged["feasible"]) == (problem, True)
    assert f"feasible in the problem {problem!r}" in run(capsys, "evaluate", LETTER, file)[1]
    judged = document(capsys, "evaluate", LETTER, file, "--problem", "lco")
    assert judged["feasible"] == (problem == "lco")
    assert judged["violated"].split(" at ")[0] in (
        "a = 1 in the problem 'lco'",
        "a frequency to compute with (1)",
    )


def test_an_exported_restriction_is_read_back(capsys: Capture, tmp_path: Path) -> None:
    """The manifest has what `--problem` says, and a solution file is judged by it."""
    target = tmp_path / "model.nl"
    assert run(capsys, "export", LETTER, "-o", str(target), "--problem", "gbe")[0] == 0
    manifest = json.loads((tmp_path / "model.nl.manifest.json").read_text())
    assert (manifest["problem"], manifest["restriction"]) == ("gbe", {"split_band": True})


def test_help_has_every_option_of_every_method(capsys: Capture) -> None:
    """But for those that no word or number can say, and in 80 columns."""
    out = run(capsys, "solve", "--help")[1]
    for method in METHODS.values():
        for name in set(method.Options.model_fields) - set(NOT_HERE):
            assert FLAGS.get(name, f"--{name.replace('_', '-')}") in out
    options = out.partition("Examples:")[0]
    assert max(map(len, options.splitlines())) <= 80


@pytest.mark.parametrize("case", BAD)
def test_mistakes_get_one_sentence(
    case: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2, one line that names what is wrong and what is allowed, nothing written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept.json").write_text("kept")
    arguments, expected = BAD[case]
    for name in ("solve.attempt", "studies.compare"):  # nothing long starts unchecked
        if case.startswith(("a target", "a table's")):
            monkeypatch.setattr(f"eipyomo.cli.{name}", None)
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert expected in err
    assert err.startswith("eipyomo: ")
    assert err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.parametrize("name", ["x y", "@~", "用户", "n" * 200, "-dash"])
def test_hostile_file_names(name: str, capsys: Capture, tmp_path: Path) -> None:
    """A file's and a folder's name may hold blanks, signs and other letters."""
    folder = tmp_path / name
    folder.mkdir()
    file = folder / f"{name}.json"
    assert run(capsys, "generate", "-o", str(file))[0] == 0
    assert document(capsys, "solve", str(file), "--method", "eco")["feasible"]


def test_existing_files_are_replaced_or_kept(capsys: Capture, tmp_path: Path) -> None:
    """A good write replaces a file and keeps its permissions; a refused one leaves it untouched."""
    file = tmp_path / "instance.json"
    file.write_text("old")
    file.chmod(0o640)
    assert run(capsys, "generate", "--users", "0", "-o", str(file))[0] == 2
    assert file.read_text() == "old"
    assert run(capsys, "generate", "-o", str(file))[0] == 0
    assert ei.Instance.from_json(file).digest() == ei.Instance.letter().digest()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["instance.json"]


def test_a_failing_solver_is_status_4(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing solver gives status 4, and with --json a document that says why."""
    monkeypatch.setattr("eipyomo.solvers.backends.wheels.WheelBackend.where", lambda _: None)
    status, out, _ = run(capsys, "solve", LETTER, "--json", "--method", "minlp:scip")
    assert status == 4
    result = json.loads(out)
    assert result["termination"] == "error"
    assert "python -m pip install PySCIPOpt" in result["message"]
    status, out, _ = run(capsys, "solvers")
    assert status == 0
    assert "bonmin is missing. To get it: python -m pip install casadi" in out


def test_a_certificate_is_verified(capsys: Capture, tmp_path: Path) -> None:
    """What solve wrote is proven; a bolder claim is status 4, another instance's status 2."""
    proof = tmp_path / "proof.json"
    result = document(capsys, "solve", LETTER, "--certificate", str(proof))
    verified = document(capsys, "verify", LETTER, str(proof))
    assert verified["proven"]
    assert result["bound"] <= verified["bound"] <= VALUES["letter-m4"]["wsel"]
    status, out, _ = run(capsys, "verify", LETTER, str(proof))
    assert status == 0
    assert "is proven, by" in out
    changed = json.loads(proof.read_text())
    changed["bound"] = 4.2
    proof.write_text(json.dumps(changed))
    status, out, _ = run(capsys, "verify", LETTER, str(proof), "--json")
    assert status == 4
    assert not json.loads(out)["proven"]
    other = json.loads(Path(LETTER).read_text())
    other["users"][0]["channel_gain"] *= 1 + 1e-12
    (tmp_path / "other.json").write_text(json.dumps(other))
    status, _, err = run(capsys, "verify", str(tmp_path / "other.json"), str(proof))
    assert status == 2
    assert "another instance" in err
    proof.write_text(proof.read_text()[:1000])
    assert run(capsys, "verify", LETTER, str(proof))[0] == 2


def test_the_edges_frequency_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Generated, solved with a certificate, verified and evaluated, all say the same."""
    instance, result, proof = (str(tmp_path / name) for name in ("i.json", "r.json", "p.json"))
    assert main(["generate", "--total-frequency-ghz", "6", "-o", instance]) == 0
    assert main(["solve", instance, "--certificate", proof, "-o", result]) == 0
    shown = capsys.readouterr().out
    assert "One more GHz at the edge" in shown
    assert "edge 6 GHz" in shown
    document = json.loads(Path(result).read_text(encoding="utf-8"))
    served_hz = [user["edge_frequency_hz"] for user in document["allocation"]["users"]]
    assert sum(served_hz) == pytest.approx(6e9)
    assert main(["verify", instance, proof]) == 0
    capsys.readouterr()
    assert main(["evaluate", instance, result, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objective"] == document["objective"]


def test_a_fault_of_ours_is_one_sentence(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen exception reaches the user as a sentence; an interrupt as status 130."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("x\ny")

    monkeypatch.setattr("eipyomo.cli.solve.attempt", fail)
    status, _, err = run(capsys, "solve", LETTER)
    assert status == 4
    assert err.count("\n") == 1
    assert "unexpected ZeroDivisionError: x y" in err

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("eipyomo.cli.solve.attempt", interrupt)
    status, _, err = run(capsys, "solve", LETTER)
    assert (status, err.strip()) == (130, "eipyomo: interrupted")


def test_without_docstrings_who_needs_pyomo_is_told(tmp_path: Path) -> None:
    """Pyomo cannot be imported with ``-OO``: that is one sentence, and exact needs none of it."""
    line = [sys.executable, "-OO", "-m", "eipyomo.cli"]
    model = str(tmp_path / "model.nl")
    done = subprocess.run(
        [*line, "export", LETTER, "-o", model], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "Pyomo cannot be imported without docstrings" in done.stderr
    subprocess.run([*line, "solve", LETTER], capture_output=True, check=True)


def test_long_work_is_announced(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal a line on standard error says what takes its time."""
    monkeypatch.setattr("eipyomo.cli.progress.PATIENCE_S", 0.05)
    status, _, err = run(capsys, "solve", LETTER, "--method", "minlp:bonmin", "--json")
    assert status == 0
    assert err == "solving letter-m4 with minlp:bonmin ...\n"


@pytest.mark.parametrize("command", ["", *cli.commands])
def test_help_has_examples(command: str, capsys: Capture) -> None:
    """Every command's help ends with an example that can be typed."""
    status, out, _ = run(capsys, *command.split(), "--help")
    assert status == 0
    assert re.search(rf"Examples?:\n +eipyomo {command}", out)


@pytest.mark.slow
def test_a_closed_pipe_is_quiet() -> None:
    """A reader that goes away early leaves no traceback."""
    command = f"{shlex.quote(sys.executable)} -m eipyomo.cli generate --users 3000 | head -c 10"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True, env=os.environ.copy()
    )
    assert done.stderr == ""


def test_the_readme_script_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's Python script is under ten lines and does what it says."""
    script = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert script is not None
    lines = [line for line in script[1].splitlines() if line.strip()]
    assert len(lines) < 10
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(script[1], "README.md", "exec"), names)
    assert (tmp_path / "model.nl").exists()
    assert names["result"].feasible
    assert names["late"].feasible
    assert names["late"].objective > names["result"].objective


@pytest.mark.slow
def test_options_of_a_solver(capsys: pytest.CaptureFixture[str]) -> None:
    """What `minlp` does not know goes to its solver by its own name, and stands in the result."""
    letter = str(REFERENCE / "instances" / "letter-m2.json")
    arguments = ["solve", letter, "-m", "minlp:scip", "--time-limit", "20", "--json"]
    more = ["--option", "limits/nodes=1", "--option", "tangents=10"]
    assert main([*arguments, *more]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["options"]["options"] == {"limits/nodes": 1}
    assert result["options"]["tangents"] == 10
    assert result["termination"] == "limit"
    assert result["iterations"] <= 1
    for option, expected in (
        ("limits/nonsense=1", "limits/nonsense"),
        ("limits/nodes=many", "limits/nodes"),
        ("threads=2", "threads is 2, but the solver 'scip' has no such setting"),
    ):
        assert main([*arguments, "--option", option]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert expected in err
        assert err.count("\n") == 1
    assert main([*arguments[:-1], "--option", "seed/x=1", "--option", "seed/x=2"]) == 2
    assert "twice" in capsys.readouterr().err
