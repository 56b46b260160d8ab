"""Whatever a command is given, it ends with one of its statuses and a sentence, not a traceback."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.studies import pools, sweep

FACTOR = int(os.environ.get("EIPYOMO_FUZZ", "1"))
"""Times as many examples as the tests have by themselves."""

STATUSES = {0, 2, 3, 4}

NOT_UTF8, HALF = chr(0xDC80) + ".json", chr(0xD800)
"""A file's name that is no text, and half a character."""


def many(examples: int) -> settings:
    """Return settings with so many examples, always the same ones unless more are asked for."""
    return settings(
        max_examples=examples * FACTOR,
        deadline=None,
        derandomize=FACTOR == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with an instance, its result, certificate, process, tables and rubbish."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweep, "open_pools", lambda *_: pools.in_this_process())
    instance = ei.Instance.letter(users=2)
    instance.to_json("i.json")
    ei.solve(instance, certificate="proof.json").to_json("r.json")
    ei.train(instance, 2).to_json("t.json")
    instance.users_frame().to_csv("users.csv", index=False)
    Path("gains.csv").write_text("eu1,eu2\n1e-10,1e-10\n2e-10,1e-11\n")
    Path("rubbish").write_bytes(bytes(range(256)))
    Path("empty").touch()
    Path("folder.json").mkdir()
    return tmp_path


def ends_well(capsys: pytest.CaptureFixture[str], *arguments: str) -> int:
    """Run a command, which must end with a status of its own and at most one complaint."""
    status = main(list(arguments))
    out, err = capsys.readouterr()
    said = f"{arguments} -> {status}: {err}"
    assert status in STATUSES, said
    assert "Traceback" not in out + err, said
    assert "fault of eipyomo" not in err, said
    assert "np.float64" not in out + err, said
    lines = [line for line in err.splitlines() if line.startswith("eipyomo: ")]
    complaints = [line for line in lines if not line.startswith("eipyomo: warning: ")]
    assert len(complaints) == (status != 0) or status in (3, 4), said
    return status


FILES = st.sampled_from(
    [
        "i.json",
        "r.json",
        "proof.json",
        "t.json",
        "users.csv",
        "gains.csv",
        "rubbish",
        "empty",
        "folder.json",
        "none.json",
        "",
        ".",
        "out.json",
        "out.csv",
        "out.db",
        "out.nl",
        "out.png",
        "no/where.json",
        "ü 中.json",
        "a" * 300,
        "/dev/null",
        "model.sol",
        "out.svg",
        NOT_UTF8,
    ]
)
VALUES = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "2",
        "1e-3",
        "0.5",
        "nan",
        "inf",
        "x",
        "",
        "null",
        "true",
        "[1]",
        "{}",
        "1e999",
        "'",
        '"',
        "=",
        "5=5",
        "equal",
        "letter",
        "training",
        "exact",
        "eco",
        "9" * 400,
        "ι",
        "\x07",
    ]
)
METHODS = st.sampled_from(
    [
        "exact",
        "eco",
        "lco",
        "gbe",
        "exact gap=1",
        "eco gap=[1]",
        'exact "gap=1',
        "",
        "foo",
        "eco x",
        "exact time_limit=x",
        "exhaustive step=0.5",
        "exhaustive step={}",
        "exact:scip",
        ":",
        "minlp:",
        "exact node_limit=1.5",
        "exact round=5",
        "exact certificate=5",
        "admm engine=5",
        "admm start=5",
        "admm penalty={}",
        "minlp:none",
        "minlp formulation=3",
        "admm preset=7",
        "exact absolute_gap=x",
    ]
)
SETTINGS = st.sampled_from(
    [
        "bandwidth_hz=1e7",
        "bandwidth_hz=-1",
        "users[*].task_bits=0",
        "users[9].x=1",
        "server=5",
        "a",
        "users[eu1].name=é",
        "name=x",
        "server.total_frequency_hz=1e9",
        "users=null",
        "=",
        "[]=1",
    ]
)
OPTIONS = st.one_of(
    st.tuples(st.just("--set"), SETTINGS),
    st.tuples(st.just("--option"), st.builds("{}={}".format, METHODS, VALUES)),
    st.tuples(st.just("--option"), VALUES),
    st.tuples(st.sampled_from(["-m", "--methods", "--method", "--training-method"]), METHODS),
    st.tuples(
        st.sampled_from(
            [
                "--gap",
                "--time-limit",
                "--step",
                "--absolute-gap",
                "--node-limit",
                "--users",
                "--rounds",
                "--seed",
                "--mean-gain",
                "--formulation",
                "--round",
                "--preset",
                "--engine",
                "--solver",
                "--figure",
                "--name",
                "--model-mbit",
                "--task-mbit",
                "--max-iterations",
                "--workers",
                "--distance-m",
                "--total-frequency-ghz",
            ]
        ),
        VALUES,
    ),
    st.tuples(
        st.sampled_from(
            [
                "-o",
                "--csv",
                "--store",
                "--certificate",
                "--start",
                "--result",
                "--gains",
                "--users-csv",
                "--instance",
                "--manifest",
                "--executable",
            ]
        ),
        FILES,
    ),
    st.sampled_from([("--json",), ("--enumerate",), ("--retry",), ("--help",), ("--foo",)]),
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Draw a command that mostly is one, with files and options that mostly are none of its own."""
    command = draw(
        st.sampled_from(["solve", "compare", "evaluate", "verify", "sweep", "train", "plot"])
        | st.sampled_from(["export", "generate", "", "foo"])
    )
    own = {
        "solve": ["i.json", "-m", "eco"],
        "compare": ["i.json", "--methods", "eco"],
        "evaluate": ["i.json", "r.json"],
        "verify": ["i.json", "proof.json"],
        "sweep": ["i.json", "-m", "lco"],
        "train": ["i.json", "--rounds", "2"],
        "plot": ["r.json", "--figure", "bandwidth"],
        "export": ["i.json", "-o", "out.nl"],
    }.get(command, [])
    keeps = draw(st.booleans())
    files = own if keeps else draw(st.lists(FILES, max_size=3))
    return [command, *files, *(w for words in draw(st.lists(OPTIONS, max_size=3)) for w in words)]


@many(120)
@given(arguments=command_lines())
def test_command_lines(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Random options with random values and files; what would run for minutes is left out."""
    if any(word.startswith(("milp", "minlp:scip", "9" * 10)) for word in arguments):
        return
    if not any(word in arguments for word in ("--methods", "-m", "--help")):
        arguments = [*arguments, *(["--methods", "eco"] if arguments[0] == "compare" else [])]
    ends_well(capsys, *arguments)


ODD: Any = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1,
        1e308,
        -1e308,
        5e-324,
        10**400,
        "x",
        "",
        [],
        {},
        [1],
        {"a": 1},
        float("nan"),
        float("inf"),
        HALF,
        [[]],
        "1",
        "joint",
        "eco",
        2**63,
        0.5,
        1e-09,
        1000000000.0,
    ]
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """Draw a document with up to three changes at any depth, or a broken one."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return text.encode()[: draw(st.integers(0, len(text)))]
    if kind == 1:
        place = draw(st.integers(0, len(text) - 1))
        return text.encode()[:place] + draw(st.binary(max_size=3)) + text.encode()[place + 1 :]
    document = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, document)
    return json.dumps(document).encode()


def _change(draw: st.DrawFn, document: Any) -> None:
    """Change, drop or add something somewhere in a document."""
    while True:
        keys = list(document) if isinstance(document, dict) else list(range(len(document)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if isinstance(document[key], dict | list) and draw(st.integers(0, 4)):
            document = document[key]
            continue
        what = draw(st.integers(0, 5))
        if what == 0:
            del document[key]
        elif what == 1 and isinstance(document, dict):
            document[draw(st.sampled_from(["", "x", "name", "schema", "ü"]))] = deepcopy(draw(ODD))
        elif what == 1:
            document.append(document[key])
        elif what == 2 and isinstance(document[key], float):
            document[key] *= draw(st.sampled_from([2, 1e3, 1e-3, -1, 1e12, 1e-12, 1 + 1e-7]))
        else:
            document[key] = deepcopy(draw(ODD))
        return


@cache
def texts() -> dict[str, str]:
    """Return documents to change."""
    instance = ei.Instance.letter(users=2)
    return {
        "instance": json.dumps(instance.to_dict()),
        "result": json.dumps(ei.solve(instance).to_dict()),
        "process": json.dumps(ei.train(instance, 2).to_dict()),
        "users": instance.users_frame().to_csv(index=False),
        "gains": "eu1,eu2\n1e-10,1e-10\n2e-10,1e-11\n",
    }


@many(80)
@given(data=st.data())
def test_instances(data: st.DataObject, capsys: pytest.CaptureFixture[str]) -> None:
    """Changed instances are solved as changed, or refused."""
    Path("changed.json").write_bytes(data.draw(mutated(texts()["instance"])))
    method = data.draw(st.sampled_from(["eco", "lco", "exact"]))
    ends_well(capsys, "solve", "changed.json", "-m", method, "--time-limit", "1")
    ends_well(capsys, "evaluate", "changed.json", "r.json")


@many(60)
@given(data=st.data())
def test_tables(data: st.DataObject, capsys: pytest.CaptureFixture[str]) -> None:
    """Changed tables of users and channels are read as changed, or refused."""
    name = data.draw(st.sampled_from(["users", "gains"]))
    text = texts()[name]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        more = st.sampled_from(["", ",", ";", '"', "\n", "x", "-", "e", "0", "\t", "é", "\0", "\r"])
        text = text[:place] + data.draw(more) + text[place + data.draw(st.integers(0, 4)) :]
    if data.draw(st.integers(0, 9)) == 0:
        text = text.replace(",", data.draw(st.sampled_from([";", "\t", "|", ", "])))
    Path("changed.csv").write_text(text, encoding="utf-8")
    if name == "users":
        ends_well(capsys, "generate", "--users-csv", "changed.csv")
    else:
        ends_well(capsys, "train", "i.json", "--rounds", "2", "-m", "eco", "--gains", "changed.csv")


@pytest.mark.slow
@many(60)
@given(data=st.data())
def test_results(data: st.DataObject, capsys: pytest.CaptureFixture[str]) -> None:
    """Changed results and processes are judged, drawn, or refused."""
    kind = data.draw(st.sampled_from(["result", "process"]))
    Path("changed.json").write_bytes(data.draw(mutated(texts()[kind])))
    ends_well(capsys, "evaluate", "i.json", "changed.json")
    ends_well(capsys, "verify", "i.json", "proof.json", "--result", "changed.json")
    ends_well(capsys, "verify", "i.json", "changed.json")
    ends_well(capsys, "solve", "i.json", "-m", "admm", "--start", "changed.json")
    figure = "costs" if kind == "process" else "bandwidth"
    ends_well(capsys, "plot", "changed.json", "--figure", figure, "-o", "changed.svg")


def test_the_checks_see(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """A command that ends in an exception of its own would be found."""
    monkeypatch.setattr("eipyomo.cli.judge.evaluate", lambda *_: 1 / 0)
    with pytest.raises(AssertionError, match="fault of eipyomo"):
        ends_well(capsys, "evaluate", "i.json", "r.json")


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """Leave Python's limits as they are, whatever a document is like."""
    before = sys.getrecursionlimit()
    yield
    assert sys.getrecursionlimit() == before
