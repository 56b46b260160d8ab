"""What a person reads: on any stream, about any file, argument and name, and on a full disk."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo import plotting
from eipyomo.cli import main
from eipyomo.errors import OutputError
from eipyomo.solvers import compiled, methods
from eipyomo.solvers.admm.method import Admm
from eipyomo.solvers.exact.method import Exact
from eipyomo.studies.cell import Cell
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import sweep
from eipyomo.words import in_words, labels, short
from tests.conftest import REFERENCE, slow_but

LETTER = str(REFERENCE / "instances" / "letter-m2.json")
README = Path(__file__).parents[1] / "README.md"
COMMAND = [sys.executable, "-m", "eipyomo.cli"]

Capture = pytest.CaptureFixture[str]


def named(folder: Path, *names: str, title: str = "Größe 中文 😀") -> str:
    """Write an instance whose users have these names, and return its file."""
    document = ei.Instance.letter(users=len(names)).to_dict()
    document["name"] = title
    for user, name in zip(document["users"], names, strict=True):
        user["name"] = name
    ei.Instance.from_dict(document).to_json(folder / "named.json")
    return str(folder / "named.json")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, check=False, env={**os.environ, **environment}
    )


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "cp437"])
def test_output_survives_every_encoding(encoding: str, tmp_path: Path) -> None:
    """Names outside of an encoding have escapes, and a JSON document is the same in all of them."""
    file = named(tmp_path, "用户", "é" + "a" * 300)
    done = run("solve", file, "-m", "eco", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert ("用户" if encoding == "utf-8" else r"\u7528\u6237") in text
    done = run("solve", file, "-m", "eco", "--json", PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout.decode("utf-8"))["instance"] == "Größe 中文 😀"
    done = run("evaluate", str(tmp_path / "nö中.json"), file, PYTHONIOENCODING=encoding)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_result_is_written_before_it_is_printed(more: list[str], tmp_path: Path) -> None:
    """Standard output that takes nothing costs the status, not the result; a reader may go."""
    target = tmp_path / "r.json"
    command = [*COMMAND, "solve", LETTER, "-m", "eco", "-o", str(target), *more]
    for out, status in (("/dev/full", 4), (None, 0)):
        target.unlink(missing_ok=True)
        if out is None:
            read, write = os.pipe()
            os.close(read)
        else:
            write = os.open(out, os.O_WRONLY)
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
        os.close(write)
        assert done.returncode == status, done.stderr
        assert json.loads(target.read_text())["termination"] == "optimal"
        said = [line for line in done.stderr.decode().splitlines() if "solving" not in line]
        full = f"eipyomo: cannot write to standard output: {os.strerror(errno.ENOSPC)}"
        assert said == ([full] if status else [])


@pytest.mark.slow
@pytest.mark.parametrize(
    "closed", slow_but([">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"], "2>&-")
)
def test_closed_streams(closed: str, tmp_path: Path) -> None:
    """A closed stream gets no other file's number; only standard output is worth a status."""
    target = tmp_path / "r.json"
    words = " ".join(f"'{word}'" for word in [*COMMAND, "solve", LETTER, "-m", "eco"])
    done = subprocess.run(
        ["sh", "-c", f"{words} -o {target} {closed}"], capture_output=True, check=False
    )
    assert done.returncode == (4 if ">&-" in closed.replace("2>&-", "") else 0)
    assert json.loads(target.read_text())["termination"] == "optimal"
    assert b"Traceback" not in done.stdout + done.stderr


def test_streams_are_left_as_they_were(capsys: Capture) -> None:
    """Streams, their treatment of errors, and handlers of loggers are those of before."""
    before = sys.stdout, sys.stderr, sys.stdout.errors
    assert main(["generate"]) == 0
    assert (sys.stdout, sys.stderr, sys.stdout.errors) == before
    assert not capsys.readouterr().err


def test_warnings_reach_a_person_once(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the package's logger warns of is a line of the command's own."""
    said = compiled._say_that_nothing_is_kept
    said.cache_clear()
    run = Exact.run

    def remarks(*given: Any) -> Any:
        said()
        said()
        return run(*given)

    monkeypatch.setattr(Exact, "run", remarks)
    assert main(["solve", LETTER, "-m", "eco"]) == 0
    assert capsys.readouterr().err.count("eipyomo: compiled code cannot be kept") == 1
    said.cache_clear()


def test_bare_help_is_readable(capsys: Capture) -> None:
    """Without a command there is the help that --help prints, in lines, and status 2."""
    assert main([]) == 2
    bare = capsys.readouterr()
    assert main(["--help"]) == 0
    assert (bare.out + bare.err).strip() == capsys.readouterr().out.strip()
    assert max(map(len, bare.err.splitlines())) <= 100


# --- full disks -----------------------------------------------------------------------------------


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file be written."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["solve", LETTER, "-m", "eco", "-o", "r.json"], "objective"),
        (["solve", LETTER, "--certificate", "proof.json", "--json"], "objective"),
        (["train", LETTER, "--rounds", "2", "-o", "t.json"], "rounds"),
        (["train", LETTER, "--rounds", "2", "--csv", "t.csv"], "rounds"),
        (["compare", LETTER, "--methods", "eco", "--csv", "t.csv"], "rows"),
    ],
)
def test_a_full_disk_loses_nothing(arguments: list[str], key: str, capsys: Capture) -> None:
    """What no file can hold is printed, and a sentence names the file."""
    assert main(arguments) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)[key]
    assert f"cannot write '{arguments[-2 if 'proof.json' in arguments else -1]}': No space" in err


@pytest.mark.usefixtures("full")
def test_an_answer_survives_the_file_of_its_certificate() -> None:
    """In Python the error holds what was computed."""
    with pytest.raises(OutputError, match=r"cannot write 'proof\.json'") as caught:
        ei.solve(ei.Instance.from_json(LETTER), certificate="proof.json")
    assert isinstance(caught.value.answer, ei.Result)
    assert caught.value.answer.termination == "optimal"


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("target", ["x.png", "m.nl", "i.json"])
def test_nothing_to_lose_on_a_full_disk(
    target: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures, models and instances that cannot be written are one sentence."""
    monkeypatch.chdir(tmp_path)
    Path("r.json").write_text(json.dumps(ei.solve(ei.Instance.from_json(LETTER)).to_dict()))
    command = {"x.png": ["plot", "r.json"], "m.nl": ["export", LETTER], "i.json": ["generate"]}
    assert main([*command[target], "-o", target]) == 4
    assert "No space left" in capsys.readouterr().err
    assert not Path(target).exists()


def test_a_store_that_takes_no_more(tmp_path: Path, capsys: Capture) -> None:
    """SQLite's own limit on pages: rounds go on in memory, and what was stored stays readable."""
    instance = ei.Instance.from_json(LETTER)
    with Store(tmp_path / "t.db") as store:
        pages = store._execute("PRAGMA page_count")[0][0]
        store._execute(f"PRAGMA max_page_count = {pages + 8}")
        process = ei.train(instance, 30, seed=1, store=store)
        assert process.complete
        assert store.trouble is not None
        assert "disk is full" in store.trouble
    with Store(tmp_path / "t.db") as again:
        assert 0 < len(again) < 30
    assert not capsys.readouterr().out


def test_a_solver_without_room_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other methods of a comparison keep their answers."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    monkeypatch.setattr(Admm, "run", refuse)
    frame = ei.compare([ei.Instance.from_json(LETTER)], ["eco", "admm"])
    assert frame["termination"].tolist() == ["optimal", "error"]
    assert frame["message"][1] == "the system refuses: No space left on device: '/tmp/x'"


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.replace("64000000.0", "x", 1), r"line 2: task_bits \(user 'eu1'\) is 'x'"),
        (lambda t: t.replace("\neu4,", ",1\neu4,"), "has 14 fields in line 4, but must have 13"),
        (lambda t: t.replace("\neu2,", "\n  ,"), "line 3: name is blank"),
        (
            lambda t: t.replace("task_bits", "tasks").replace("energy_weight", "we"),
            r"unknown columns 'tasks' \(perhaps task_bits\), 'we', but may have: name",
        ),
        (lambda t: t.replace("eu2,", "eu1,"), "line 3: name is 'eu1', but line 2 has that name al"),
    ],
)
def test_tables_say_where(change: Callable[[str], str], sentence: str, tmp_path: Path) -> None:
    """File, line, column and user of the fault are right, and columns come all at once."""
    text = ei.Instance.letter().users_frame().to_csv(index=False, lineterminator="\n")
    file = tmp_path / "users.csv"
    file.write_text(change(text))
    with pytest.raises(ei.InputError, match=sentence) as caught:
        ei.Instance.letter().with_users(file)
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("eu1;eu2\n1e-10;1e-10\n", "looks like separated by semicolons"),
        ("eu1,eu2\n1e-10,\n", "line 2: gains of user 'eu2' in round 1 is blank"),
        (
            "a,b,c\n1,2,3\n",
            "lacks the columns 'eu1', 'eu2' and has the unknown columns 'a', 'b', 'c",
        ),
        ("eu1,eu2\n\n\n1e-10,x\n", "line 4: gains of user 'eu2' in round 1 is 'x'"),
    ],
)
def test_gains_say_where(text: str, sentence: str, tmp_path: Path) -> None:
    """A table of channels is spoken of like one of users."""
    file = tmp_path / "gains.csv"
    file.write_text(text)
    with pytest.raises(ei.InputError, match=sentence) as caught:
        ei.train(ei.Instance.from_json(LETTER), 1, gains=file)
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": "x"}', '{"a": 1, "a": 2}', '{"schema": "eipyomo/instance@1"}']
)
def test_sentences_begin_with_the_file(text: str, tmp_path: Path, capsys: Capture) -> None:
    """Whatever is wrong in a file, be it read as an instance, result, certificate or allocation."""
    file = tmp_path / "x.json"
    file.write_text(text)
    instance = ei.Instance.from_json(LETTER)
    for read in (
        ei.Instance.from_json,
        ei.Allocation.from_json,
        lambda path: ei.Result.from_json(path, instance),
    ):
        with pytest.raises(ei.InputError) as caught:
            read(file)
        assert str(caught.value).startswith(f"{file}: ")
    for command in (
        ["solve", str(file)],
        ["evaluate", LETTER, str(file)],
        ["plot", str(file)],
        ["solve", LETTER, "-m", "admm", "--start", str(file)],
    ):
        assert main(command) == 2
        assert capsys.readouterr().err.startswith(f"eipyomo: {file}: ")


def test_a_pattern_over_all_files(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep over results and proofs names all that are no instances in one sentence."""
    monkeypatch.chdir(tmp_path)
    instance = ei.Instance.from_json(LETTER)
    instance.to_json("instance.json")
    ei.solve(instance, certificate="proof.json").to_json("result.json")
    for command in (["sweep"], ["compare"]):
        assert main([*command, "instance.json", "proof.json", "result.json"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("eipyomo: 2 of 3 files are no instances: proof.json: schema is ")
        assert "; result.json: schema is 'eipyomo/result@1'" in line


# --- arguments ------------------------------------------------------------------------------------

INSTANCE = ei.Instance.letter(users=2)
WRONG: dict[str, Callable[[], Any]] = {
    "instances is an Instance": lambda: ei.compare(INSTANCE),  # type: ignore[arg-type]
    "instances is 'file.json'": lambda: ei.compare("file.json"),  # type: ignore[arg-type]
    "instances is a DataFrame": lambda: ei.compare(pd.DataFrame({"a": [1]})),  # type: ignore[arg-type]
    "instances is a ndarray": lambda: ei.compare(np.array([INSTANCE], dtype=object)),  # type: ignore[arg-type]
    "an element of instances is None": lambda: ei.compare([None]),  # type: ignore[list-item]
    "instance is 'file.json'": lambda: ei.solve("file.json"),  # type: ignore[arg-type]
    "method is None": lambda: ei.solve(INSTANCE, None),  # type: ignore[arg-type]
    "allocation is a Result": lambda: ei.evaluate(INSTANCE, ei.solve(INSTANCE)),  # type: ignore[arg-type]
    "allocation is None": lambda: ei.evaluate(INSTANCE, None),  # type: ignore[arg-type]
    "model_mbit is '100 MB'": lambda: ei.Instance.letter(model_mbit="100 MB"),  # type: ignore[arg-type]
    "bandwidth_hz is missing": lambda: ei.Instance(users=[{1: 2}]),  # type: ignore[call-arg]
    "users is None": lambda: INSTANCE.replace(users=None),
    "Instance is 5": lambda: ei.Instance.model_validate(5),
    "Instance is not valid JSON": lambda: ei.Instance.model_validate_json("{"),
    "server is missing": lambda: ei.Instance.model_validate(
        {"bandwidth_hz": 1, "model_bits": 1, "cycles_per_bit": 1}
    ),
    "rounds is '5'": lambda: ei.train(INSTANCE, "5"),  # type: ignore[arg-type]
    "gains file is a ndarray": lambda: ei.train(INSTANCE, 1, gains=np.ones((1, 2))),  # type: ignore[arg-type]
    "store is 'x.db'": lambda: ei.train(INSTANCE, 1, store="x.db"),  # type: ignore[arg-type]
    "instance is None": lambda: ei.models.minlp(None),  # type: ignore[arg-type]
    "gap is nan": lambda: ei.solve(INSTANCE, gap=np.float64("nan")),
    "engine is 5": lambda: ei.solve(INSTANCE, "admm", engine=5),
    r"preset is \[1\]": lambda: ei.solve(INSTANCE, "admm", preset=[1]),
    "executor is 5": lambda: ei.solve(INSTANCE, "admm", executor=5),
    "formulation is 3": lambda: ei.solve(INSTANCE, "minlp", formulation=3),
    "node_limit is 1.5": lambda: ei.solve(INSTANCE, node_limit=1.5),
    "document is None": lambda: ei.Result.from_dict(None, INSTANCE),  # type: ignore[arg-type]
    "an element of wanted is an Instance": lambda: sweep([INSTANCE]),  # type: ignore[list-item]
    "result is None": lambda: plotting.overview(None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_kinds_of_arguments(sentence: str) -> None:
    """An argument of a wrong kind is one sentence with its name and what it is."""
    with pytest.raises(ei.InputError, match=f"^(the )?{sentence}") as caught:
        WRONG[sentence]()
    assert "np." not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_option_has_a_kind() -> None:
    """No option of a method escapes the check of kinds, and every one says what it may be."""
    for name, method in methods.METHODS.items():
        for option, field in method.Options.model_fields.items():
            wrong: dict[str, Any] = {option: object()}
            assert field.description, f"{name}: {option}"
            with pytest.raises(ei.InputError, match=f"^{option} is an object, but must be "):
                ei.solve(INSTANCE, name, **wrong)


def test_numpy_is_plain_in_and_out() -> None:
    """Numpy's numbers are options like others, and sentences show them as plain ones."""
    options: dict[str, Any] = {
        "gap": np.float64(1e-3),
        "time_limit": np.int64(9),
        "node_limit": np.int64(5),
    }
    result = ei.solve(INSTANCE, **options)
    assert json.loads(json.dumps(result.options))["node_limit"] == 5
    assert short([np.float64("nan"), {"a": (np.int64(3),)}]) == "[nan, {'a': (3,)}]"


def test_lists_within_lists_are_shown() -> None:
    """However many there are, as documents of JSON may have, a sentence shows the first of them."""
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert short(nested) == f"{'[' * 57}..."
    assert in_words((nested,)) == f"({'[' * 56}..."
    with pytest.raises(ei.InputError, match=r"^places is \[{57}\.\.\., but must be "):
        ei.Scenario(places=nested)


def test_rounding_is_no_violation(capsys: Capture, tmp_path: Path) -> None:
    """An allocation that is feasible has no violations in the text, and those of JSON are kept."""
    result = ei.solve(INSTANCE, "eco")
    assert result.allocation is not None
    document = result.allocation.to_dict()
    document["users"][0]["uplink_share"] += 3e-7
    INSTANCE.to_json(tmp_path / "i.json")
    (tmp_path / "a.json").write_text(json.dumps(document))
    arguments = ["evaluate", str(tmp_path / "i.json"), str(tmp_path / "a.json")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "feasible" in out
    assert "violated" not in out
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["max_violation"] > 0


# --- names ----------------------------------------------------------------------------------------


def test_long_names_stay_apart() -> None:
    """Names that differ at either end or only in the middle have labels of their own."""
    names = [f"sensor-in-building-{j}-on-floor-12-on-the-left" for j in range(30)]
    names += ["x" * 100, "x" * 101, "short", "\x1b[31mred", "two\nlines"]
    found = labels(names, 16)
    assert len(set(found)) == len(names)
    assert max(map(len, found)) <= 16
    assert found[-3:] == ["short", r"\x1b[31mred", "two lines"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", slow_but(["png", "pdf", "svg"], "svg"))
def test_names_of_all_languages_are_drawn(
    kind: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No raw warning, letters as text, and escapes for what no font has."""
    monkeypatch.chdir(tmp_path)
    file = named(tmp_path, "用户一", "مستخدم", "χρήστης", "😀 $x$", "a" * 50 + "1", "a" * 50 + "2")
    assert main(["solve", file, "-m", "eco", "-o", "r.json"]) == 0
    capsys.readouterr()
    assert main(["plot", "r.json", "-o", f"r.{kind}"]) == 0
    assert capsys.readouterr().err == f"wrote r.{kind}\n"
    content = Path(f"r.{kind}").read_bytes()
    if kind == "pdf":
        assert b"/CIDFontType2" in content
        assert b"/Type3" not in content
    if kind == "svg":
        assert "χρήστης" in content.decode()
        assert "<text" in content.decode()


@pytest.mark.slow
def test_users_that_are_left_out_are_said_where_they_are(tmp_path: Path) -> None:
    """Only what names some users says which of how many; what is about all of them says so."""
    result = ei.solve(ei.Instance.letter(users=25), "eco")
    figure = plotting.overview(result)
    assert "of 25" not in figure.get_suptitle()
    lanes, *others = (axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes)
    assert "the 20 slowest of 25 users" in lanes
    assert all("all 25 users" in words for words in others)
    sums = plotting.training_costs(ei.train(ei.Instance.letter(users=25), 2, method="lco"))
    sums.savefig(tmp_path / "sums.svg")
    assert "of 25 users" not in (tmp_path / "sums.svg").read_text()
    few = plotting.overview(ei.solve(INSTANCE, "eco"))
    few.savefig(image := io.BytesIO(), format="svg")
    assert b"slowest of" not in image.getvalue()


# --- no faults of ours ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        "engine=5",
        "start=foo",
        "gap=[1]",
        "time_limit=x",
        "penalty={}",
        "preset=7",
        "round=5",
        "patience=1.5",
        "balance=3",
        "stop=[]",
        "executor=5",
        "offload_grid={}",
        "gap=1e999",
    ],
)
def test_options_of_wrong_types(option: str, capsys: Capture) -> None:
    """Each is one sentence that names the option."""
    assert main(["solve", LETTER, "-m", "admm", "--option", option]) == 2
    assert f"eipyomo: {option.partition('=')[0]} " in capsys.readouterr().err


def test_an_open_quote(capsys: Capture) -> None:
    """A method's text that no shell could read is refused."""
    assert main(["sweep", LETTER, "-m", 'exact "gap=1']) == 2
    assert "No closing quotation" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", slow_but(["text", "truncated", "folder", "rows", "keys"], "text", "keys")
)
def test_damaged_stores(kind: str, tmp_path: Path, capsys: Capture) -> None:
    """What is no store, or holds what is no result, is refused in one sentence."""
    file = tmp_path / "s.db"
    instance = ei.Instance.from_json(LETTER)
    with Store(file) as store:
        for seed in range(40):
            other = ei.Instance.letter(users=2, seed=seed)
            store.add(Cell(other, "eco"), ei.solve(other, "eco").to_dict())
        store.add(Cell(instance, "eco"), ei.solve(instance, "eco").to_dict())
        if kind in ("rows", "keys"):
            store._execute("UPDATE cells SET result = ?", ["{" if kind == "rows" else "{}"])
    if kind == "text":
        file.write_bytes(b"not a database" * 999)
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:9000])
    elif kind == "folder":
        file.unlink()
        file.mkdir()
    assert main(["sweep", LETTER, "-m", "eco", "--store", str(file)]) == 2
    err = capsys.readouterr().err
    assert "s.db" in err
    assert "fault of eipyomo" not in err


def test_a_store_is_shared_by_threads(tmp_path: Path) -> None:
    """Other threads read and write what one has opened."""
    cell = Cell(INSTANCE, "eco")
    document = ei.solve(INSTANCE, "eco").to_dict()
    with Store(tmp_path / "s.db") as store:
        threads = [threading.Thread(target=store.add, args=(cell, document)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store) == 1
        assert store.get(cell) == document


@pytest.mark.slow
def test_a_clock_that_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines do not follow the time of day: an hour forward leaves a solver its limit."""
    monkeypatch.setattr("time.time", lambda: 4e9)
    result = ei.solve(INSTANCE, "minlp:scip", time_limit=60.0)
    assert result.termination == "optimal"
    for file in (README.parent / "eipyomo").rglob("*.py"):
        assert not re.search(r"\btime\.time\(", file.read_text(encoding="utf-8")), file


# --- documents ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_readme_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """Its blocks of shell and Python run in order in an empty folder, but for installations."""
    blocks = re.findall(r"```(sh|python)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    for language, text in blocks:
        lines = [line for line in text.splitlines() if "pip install" not in line]
        script = "\n".join(lines)
        command = [sys.executable, "-c"] if language == "python" else ["sh", "-ec"]
        done = subprocess.run(
            [*command, script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
