"""What solvers print, shown and written while they run; and options that they refuse."""

from __future__ import annotations

import json
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.solvers.backends import BACKENDS
from eipyomo.solvers.backends.watch import Printed, watch, watched
from tests.backends import fake, small
from tests.conftest import REFERENCE, reference

FILE = str(REFERENCE / "instances" / "letter-m2.json")

TALKATIVE = """
import pathlib, sys, time
log = pathlib.Path({log!r})
def say(text, until):
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
    for _ in range(200):
        if log.read_bytes().endswith(until):
            return
        time.sleep(0.05)
    sys.exit("nobody listens")
say(b"first \\xe2\\x94", b"first ")
say(b"\\x80 second", "\\u2500 second".encode())
pathlib.Path("answer.json").write_text('{{"status": "limit", "message": "m", "values": null}}')
"""
"""It goes on only when what it has printed is in the log; one letter comes in two parts."""


def test_logs_are_written_while_a_solver_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a solver prints is in the file, and on standard output, before it prints more."""
    log = tmp_path / "solver.log"
    monkeypatch.setitem(BACKENDS, "bonmin", fake(tmp_path, TALKATIVE.format(log=str(log))))
    log.write_text("of an older solve")
    model = ei.models.minlp(reference("letter-m2"))
    for solve in (
        partial(ei.solve_model, model, "bonmin"),
        partial(ei.solve, reference("letter-m2"), "minlp:bonmin"),
    ):
        result = solve(tee=True, log=log)
        assert "bonmin: m" in result.message
        assert "log" not in result.options
        assert log.read_text(encoding="utf-8") == capsys.readouterr().out == "first ─ second"


def test_logs_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They go to standard error and the file; standard output has one document of JSON."""
    log = tmp_path / "scip.log"
    arguments = ["solve", FILE, "-m", "minlp:scip", "--option", "limits/nodes=1", "--json"]
    assert main([*arguments, "--tee", "--log", str(log)]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["options"]["options"] == {"limits/nodes": 1}
    assert "SCIP Status" in log.read_text(encoding="utf-8")
    assert log.read_text(encoding="utf-8") in err
    assert main([*arguments, "--log", str(log)]) == 0
    assert "SCIP" not in capsys.readouterr().err


def test_milp_tells_of_its_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    """It shows a line a round, as its trace has them, and not what its many small solves print."""
    result = ei.solve(reference("letter-m2"), "milp", tee=True, gap=0.05)
    *rounds, last = capsys.readouterr().out.splitlines()
    assert len(rounds) == len(result.trace)
    assert all(line.startswith("round ") for line in rounds)
    assert last.startswith("milp: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-m", "exact", "--tee"], "tee is not an option of method 'exact', but must be one of"),
        (["-m", "minlp", "--log", "/no/such/x.log"], "cannot write '/no/such/x.log'"),
        (["-m", "minlp", "--log", "x.json", "-o", "x.json"], "output and log name the file"),
    ],
)
def test_logs_that_cannot_be(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence says so before anything is solved."""
    assert main(["solve", FILE, *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full disk")
def test_a_full_disk_ends_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The answer is there, and one sentence says where the log has ended."""
    with caplog.at_level(logging.WARNING):
        result = ei.solve(reference("letter-m2"), "minlp:bonmin", log="/dev/full")
    assert result.feasible
    (record,) = caplog.records
    assert "the log '/dev/full' ends here: the system refuses: No space left" in record.message


def test_nothing_is_shown_before_there_is_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that has not begun to print, as in a session that loads, is waited for."""
    printed = Printed(tmp_path / "log.txt")
    with watched(tee=True):
        printed.pass_on()
        (tmp_path / "log.txt").write_text("here")
        with watched():
            assert not watch().tee
            printed.pass_on()
        printed.pass_on()
        printed.pass_on()
    assert capsys.readouterr().out == "here"


NEAR: dict[str, tuple[dict[str, Any], str]] = {
    "scip": ({"limits/nodez": 1}, "no such option, but it has limits/nodes"),
    "bonmin": ({"node_limits": 1}, "no such option, but it has node_limit"),
    "ipopt": ({"max_itre": 1}, "no such option, but it has max_iter"),
    "highs": ({"time_limits": 1}, "no such option, but it has time_limit"),
    "scip's value": ({"limits/nodes": "many"}, "not such a value$"),
    "ipopt's value": ({"max_iter": "many"}, "not such a value$"),
    "far from all": ({"§": 1}, "is no name of one"),
}


@pytest.mark.parametrize("case", NEAR)
def test_options_are_held_against_the_solvers_own_list(
    case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What it has not is told from a value that it does not take, and what is near is named."""
    options, sentence = NEAR[case]
    solver = BACKENDS[case.partition("'")[0] if "far" not in case else "scip"]
    with watched(tee=True), pytest.raises(ei.InputError, match=sentence):
        solver.solve(
            small(integer=solver.name != "ipopt"), time_limit=20, gap=1e-4, options=options
        )
    sys.stdout.flush()
    assert len(capfd.readouterr().out) < 5000  # the list itself is not shown
