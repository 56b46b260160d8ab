"""Executables that speak the AMPL protocol: ours, a foreign one, and fakes that misbehave."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest
from pyomo.repn.plugins.nl_writer import NLWriter

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.models.plain import HINTS
from eipyomo.models.sol import parse_sol
from eipyomo.solvers.backends import BACKENDS, backend, casadi_child, process
from eipyomo.solvers.backends.ampl import AmplBackend
from tests.allocations import random_allocation
from tests.conftest import REFERENCE, VALUES, names_up_to, reference, slow_but

LETTER = str(REFERENCE / "instances" / "letter-m4.json")
SCRIPTS = Path(sys.executable).parent

HEAD = """
import os, pathlib, re, signal, sys, time
columns, rows = map(int, pathlib.Path("model.nl").read_text().splitlines()[1].split()[:2])
def sol(values, code=0, message="fake", sizes=None):
    sizes = sizes or (rows, 0, columns, len(values))
    lines = [message, "", "Options", 3, 1, 1, 0, *sizes, *values, f"objno 0 {code}"]
    pathlib.Path("model.sol").write_text("\\n".join(map(str, lines)) + "\\n")
"""

HALF = """
sol([0.5] * columns)
text = pathlib.Path("model.sol").read_text()
pathlib.Path("model.sol").write_text(text[: len(text) // 2])
"""

FAKES = {
    "hangs": ("while True: time.sleep(1)", "did not stop at its time limit"),
    "ignores SIGTERM": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)",
        "did not stop at its time limit",
    ),
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal SIGSEGV"),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", "ended by signal SIGKILL"),
    "fails": ("sys.exit('no licence')", "exit status 1: no licence"),
    "prints rubbish": ("print('\\x00\\xff' * 100_000)", "it wrote no .sol file"),
    "fills its folder": (
        "stream = open('big', 'wb')\nwhile True: stream.write(b'x' * 100_000); stream.flush()",
        "it filled its working folder",
    ),
    "writes nothing": ("pass", "it wrote no .sol file"),
    "writes an empty .sol": ("pathlib.Path('model.sol').write_text('')", "is for nothing, but"),
    "writes half a .sol": (HALF, "is cut off or damaged"),
    "writes another problem's .sol": (
        "sol([0.5] * 3, sizes=(2, 0, 3, 3))",
        "is for 2 rows and 3 columns, but must be for",
    ),
    "writes NaN": ("sol(['nan'] * columns)", "holds NaN or an infinity"),
    "writes words": ("sol(['x'] * columns)", "has 'x' where a number must stand"),
    "writes zeros": ("sol([0.0] * columns)", "gives an infeasible point"),
    "writes ones": ("sol([1.0] * columns)", "gives an infeasible point"),
    "is undecided": ("sol([0.5] * columns)", "its point is wrong, since the download decision"),
    "claims infeasible": ("sol([], code=220)", "claims that no feasible allocation exists"),
    "claims success alone": ("sol([])", "claims success but gives no point"),
    "reports failure": ("sol([], code=510)", "fake"),
}


def executable(folder: Path, script: str, name: str = "fake") -> str:
    """Write an executable that runs a script in the place of a solver."""
    file = folder / name
    file.write_text(f"#!{sys.executable}\n{HEAD}{script}\n")
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary folders be made where a test can look at what is left of them."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("kind", slow_but(FAKES, *(set(FAKES) - {"hangs", "ignores SIGTERM"})))
def test_a_misbehaving_executable_is_one_sentence(
    kind: str,
    tmp_path: Path,
    scratch: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit status 4 and one sentence within the limit plus 10 s; nothing runs or lies about.

    The seconds of grace are cut short here; in full they leave two more for what is to be ended.
    """
    script, expected = FAKES[kind]
    assert process.GRACE_S <= 8.0
    monkeypatch.setattr(process, "GRACE_S", 0.5)
    monkeypatch.setattr(process, "FOLDER_LIMIT_BYTES", 10_000_000)
    path = executable(tmp_path, script)
    started = time.monotonic()
    arguments = ("--method", "minlp:fake", "--executable", path, "--time-limit", "2", "--json")
    status = main(["solve", LETTER, *arguments])
    assert time.monotonic() - started < 7
    assert status == 4
    out, _ = capsys.readouterr()
    result = json.loads(out)
    assert result["termination"] == "error"
    assert result["bound"] is None
    assert expected in result["message"]
    assert "\n" not in result["message"]
    assert list(scratch.iterdir()) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert path not in running.stdout


def test_a_comparison_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crashing executable on EIPYOMO_SOLVERS costs its own row and no other."""
    executable(tmp_path, FAKES["crashes"][0], name="couenne")
    monkeypatch.setenv("EIPYOMO_SOLVERS", str(tmp_path))
    frame = ei.compare([ei.Instance.letter()], ["minlp:couenne", "eco"])
    assert list(frame["termination"]) == ["error", "optimal"]
    assert "SIGSEGV" in frame["message"][0]


@pytest.mark.slow
def test_couennes_bound_comes_from_its_log(tmp_path: Path, letter: ei.Instance) -> None:
    """Its limit goes into couenne.opt; a bound in the log is taken, and a false one is refused."""
    point = optimum(letter)
    script = (
        "limit = pathlib.Path('couenne.opt').read_text().split()\n"
        "assert limit[0] == 'time_limit' and float(limit[1]) <= 30\n"
        "print('Lower bound:  {bound}   Upper bound: 5')\n"
        f"sol({point!r})"
    )
    for bound, termination in ((4.0, "limit"), (5.0, "error"), ("-1e50", "converged")):
        path = executable(tmp_path, script.replace("{bound}", str(bound)))
        result = ei.solve(
            letter, "minlp:couenne", executable=path, time_limit=30, formulation="letter"
        )
        assert result.termination == termination, result.message
        assert result.bound == (bound if termination == "limit" else None)


@pytest.mark.slow
def test_a_false_optimum_is_contradicted(tmp_path: Path, letter: ei.Instance) -> None:
    """A point said to be optimal with a bound far below its cost is not reported as optimal."""
    script = f"print('Lower bound: 0.529')\nsol({optimum(letter)!r})"
    path = executable(tmp_path, script)
    result = ei.solve(letter, "minlp:couenne", executable=path, formulation="letter")
    assert result.termination == "limit"
    assert result.bound == 0.529
    assert result.gap == pytest.approx(1 - 0.529 / VALUES["letter-m4"]["wsel"], rel=1e-6)


def optimum(letter: ei.Instance) -> list[float]:
    """Return Bonmin's point of the letter's model, in the order of its .nl file."""
    model = ei.models.minlp(letter)
    assert ei.solve_model(model, "bonmin", unchanged=True).feasible
    fresh = ei.models.minlp(letter)
    _, variables, _ = ei.models.writers.nl(fresh)
    return [model.find_component(variable.name).value for variable in variables]


@pytest.mark.slow
def test_a_configured_executable_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: ei.Instance
) -> None:
    """A Bonmin in a folder of EIPYOMO_SOLVERS is used before the wheel's; one on PATH is not."""
    script = f"assert pathlib.Path('bonmin.opt').exists()\nsol({optimum(letter)!r}, message='mine')"
    executable(tmp_path, script, name="bonmin")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert "mine" not in ei.solve(letter, "minlp:bonmin").message
    monkeypatch.setenv("EIPYOMO_SOLVERS", str(tmp_path))
    assert "mine" in ei.solve(letter, "minlp:bonmin").message
    monkeypatch.delenv("EIPYOMO_SOLVERS")
    monkeypatch.setattr("eipyomo.solvers.backends.wheels.WheelBackend.where", lambda _: None)
    assert "mine" in ei.solve(letter, "minlp:bonmin").message


def test_missing_executables_are_status_4(capsys: pytest.CaptureFixture[str]) -> None:
    """A known solver that is not here is one line: its name, and how to get it."""
    assert main(["solve", LETTER, "--method", "minlp:baron", "--json"]) == 4
    result = json.loads(capsys.readouterr().out)
    assert "the solver 'baron' is missing; to get it: " in result["message"]
    arguments = ["--method", "minlp:ipopt", "--executable", "/none", "--json"]
    assert main(["solve", LETTER, *arguments]) == 4
    assert "executable is '/none'" in json.loads(capsys.readouterr().out)["message"]


@pytest.mark.slow
def test_unknown_names_reach_pyomo(letter: ei.Instance) -> None:
    """A name that only Pyomo's SolverFactory knows is tried through Pyomo."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 5))
    model.cost = pyo.Objective(expr=3 * model.x)
    model.row = pyo.Constraint(expr=model.x >= 2)
    answer = backend("appsi_highs").solve(model, time_limit=20, gap=1e-4)
    answer.load()
    assert pyo.value(model.cost) == pytest.approx(6.0)
    result = ei.solve(letter, "minlp:cplex", time_limit=20)
    assert result.termination == "error"


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(["letter-m2", "mixed-m4"], "letter-m2"))
def test_our_commands_serve_pyomo(name: str) -> None:
    """``eipyomo-ipopt`` and ``eipyomo-bonmin`` are executables for Pyomo's own interfaces."""
    model = ei.models.minlp(reference(name))
    ei.models.fix(model, download=False, offload_fraction=1.0)
    solver = pyo.SolverFactory("ipopt", executable=str(SCRIPTS / "eipyomo-ipopt"))
    pyo.assert_optimal_termination(solver.solve(model, options={"tol": 1e-9}))
    assert pyo.value(model.wsel) == pytest.approx(VALUES[name]["eco"], rel=1e-6)
    model = ei.models.minlp(reference(name))
    solver = pyo.SolverFactory("bonmin", executable=str(SCRIPTS / "eipyomo-bonmin"))
    pyo.assert_optimal_termination(solver.solve(model))
    assert pyo.value(model.wsel) == pytest.approx(VALUES[name]["wsel"], rel=1e-6)


@pytest.mark.slow
def test_our_multipliers_are_ampls() -> None:
    """With min x² and x >= 3, one unit more on the right costs 6 more: AMPL's multiplier is 6."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=5.0)
    model.cost = pyo.Objective(expr=model.x**2)
    model.row = pyo.Constraint(expr=model.x >= 3)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    solver = pyo.SolverFactory("ipopt", executable=str(SCRIPTS / "eipyomo-ipopt"))
    solver.solve(model)
    assert model.dual[model.row] == pytest.approx(6.0, rel=1e-5)


@pytest.mark.slow
def test_our_commands_refuse_clearly(tmp_path: Path) -> None:
    """An unknown option or a missing file is one line on standard error."""
    command = str(SCRIPTS / "eipyomo-ipopt")
    ei.models.export(ei.models.minlp(ei.Instance.letter(users=1)), tmp_path / "model.nl")
    for arguments in (["none", "-AMPL"], ["model", "-AMPL", "colour=1"]):
        done = subprocess.run(
            [command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "model.sol").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(names_up_to(12), "letter-m2"))
@pytest.mark.parametrize(
    "solver",
    [
        pytest.param("cyipopt", marks=pytest.mark.solver("cyipopt")),
        pytest.param("pounce", marks=pytest.mark.solver("pounce")),
        "scip",
    ],
)
def test_all_agree_on_convex_problems(name: str, solver: str) -> None:
    """With a and ι fixed, every solver gives the cost that CasADi's Ipopt gives, to 1e-6."""
    instance = reference(name)
    draw = random_allocation(instance, seed=len(name))
    costs = []
    for kind in ("ipopt", solver):
        model = ei.models.minlp(instance)
        ei.models.fix(model, download=draw.download, offload_fraction=draw.offload_fraction)
        path = shutil.which("pounce") if kind == "pounce" else None
        found = "ipopt" if kind == "pounce" else kind
        result = ei.solve_model(
            model,
            found,
            executable=path,
            gap=1e-7,
            # SCIP finds the optimum soon, but seldom proves it.
            time_limit=4 if solver == "scip" else 60,
            unchanged=True,
        )
        assert result.feasible, result.message
        costs.append(result.objective)
    assert costs[1] == pytest.approx(costs[0], rel=1e-6)


@pytest.fixture(scope="module")
def eco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the letter's ECO, exported, and solved by our own command."""
    folder = tmp_path_factory.mktemp("eco")
    model = ei.models.minlp(ei.Instance.letter())
    ei.models.fix(model, download=False, offload_fraction=1.0)
    ei.models.export(model, folder / "model.nl")
    subprocess.run(
        [str(SCRIPTS / "eipyomo-ipopt"), "model", "-AMPL", "tol=1e-9"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def sol(eco: Path, tmp_path: Path) -> str:
    """Return the .sol file of a copy of that folder."""
    shutil.copytree(eco, tmp_path, dirs_exist_ok=True)
    return str(tmp_path / "model.sol")


@pytest.mark.slow
def test_a_sol_file_is_judged(sol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an AMPL solver wrote for an exported model is read back and evaluated."""
    assert main(["evaluate", LETTER, sol, "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["feasible"]
    assert judged["objective"] == pytest.approx(VALUES["letter-m4"]["eco"], rel=1e-6)
    moved = tmp_path / "elsewhere.sol"
    shutil.copy(sol, moved)
    manifest = str(tmp_path / "model.nl.manifest.json")
    assert main(["evaluate", LETTER, str(moved), "--manifest", manifest, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objective"] == judged["objective"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text[: len(text) // 2], "is cut off or damaged"),
        (lambda text: text.replace("\n41\n41\n", "\n40\n40\n"), "rows and 40 columns, but must be"),
        (lambda text: re.sub(r"\n[\d.e-]+\nobjno", "\nnan\nobjno", text), "holds NaN"),
        (lambda _: "", "is for nothing, but must be for"),
        (lambda _: "{}", "is for nothing, but must be for"),
    ],
)
def test_bad_sol_files_are_refused(
    change: Any, expected: str, sol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged .sol file is refused in one sentence, with exit status 2."""
    Path(sol).write_text(change(Path(sol).read_text()))
    assert main(["evaluate", LETTER, sol]) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert err.count("\n") == 1


def test_a_sol_file_for_another_instance_is_refused(
    sol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The manifest tells for which data a .sol file is; a missing manifest is said."""
    other = str(REFERENCE / "instances" / "mixed-m4.json")
    assert main(["evaluate", other, sol]) == 2
    assert "is for another instance than 'mixed-m4'" in capsys.readouterr().err
    manifest = tmp_path / "model.nl.manifest.json"
    document = json.loads(manifest.read_text())
    del document["columns"]
    manifest.write_text(json.dumps(document))
    assert main(["evaluate", LETTER, sol]) == 2
    assert "is damaged: KeyError 'columns'" in capsys.readouterr().err
    manifest.unlink()
    assert main(["evaluate", LETTER, sol]) == 2
    assert "cannot read the manifest file" in capsys.readouterr().err


VALUES_3 = ("1.5", "-2e-3", "0")
SOLS = {
    "plain": ["solved", "", "Options", 3, 1, 1, 0, 2, 0, 3, 3, *VALUES_3, "objno 0 0"],
    "with multipliers": [
        "solved", "", "Options", 3, 1, 1, 0, 2, 2, 3, 3, 7, 8, *VALUES_3, "objno 0 0",
    ],
    "tolerance behind": [
        "solved", "", "Options", 5, 1, 1, 0, 2, 0, 3, 3, 1e-9, *VALUES_3, "objno 0 0",
    ],
    "no Options": ["solved", "", 2, 0, 3, 3, *VALUES_3, "objno 0 0"],
    "no message": ["", "Options", 3, 1, 1, 0, 2, 0, 3, 3, *VALUES_3, "objno 0 0"],
    "no blank line": ["solved", "Options", 3, 1, 1, 0, 2, 0, 3, 3, *VALUES_3, "objno 0 0"],
    "no objno": ["solved", "", "Options", 3, 1, 1, 0, 2, 0, 3, 3, *VALUES_3],
    "suffixes behind": [
        "solved", "", "Options", 3, 1, 1, 0, 2, 0, 3, 3, *VALUES_3, "objno 0 0", "suffix 4 1 1",
        "ipopt_zL_out", "0 1",
    ],
}  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", SOLS)
def test_sol_dialects(kind: str, end: str) -> None:
    """Every form of .sol that solvers write is read to the same three values."""
    solution = parse_sol(end.join(map(str, SOLS[kind])) + end, rows=2, columns=3)
    assert solution.point == (1.5, -0.002, 0.0)
    assert solution.code == (None if kind == "no objno" else 0)
    assert solution.message == ("" if kind == "no message" else "solved")


def test_sol_without_values() -> None:
    """A solver that found nothing says so: no values, and its code."""
    text = "\n".join(map(str, ["no", "", "Options", 3, 1, 1, 0, 2, 0, 3, 0, "objno 0 220"]))
    solution = parse_sol(text, rows=2, columns=3)
    assert (solution.point, solution.code) == (None, 220)


NAMES = ("a b", "a,b", '"q"', "用户", "1", "n" * 300)


@pytest.mark.slow
def test_hostile_names_reach_every_solver(tmp_path: Path) -> None:
    """Users with blanks, commas, quotes and other letters are solved by name, alike by all."""
    frame = ei.Instance.letter(users=6).users_frame()
    frame["name"] = list(NAMES)
    instance = ei.Instance.letter(users=6).with_users(frame)
    costs = []
    for solver, path in (("ipopt", None), ("scip", None), ("ipopt", "eipyomo-ipopt")):
        model = ei.models.minlp(instance)
        ei.models.fix(model, download=False, offload_fraction=1.0)
        command = str(SCRIPTS / path) if path else None
        result = ei.solve_model(
            model, solver, executable=command, gap=1e-7, time_limit=5, unchanged=True
        )
        assert result.feasible, result.message
        assert result.allocation is not None
        assert result.allocation.names == NAMES
        costs.append(result.objective)
    assert costs == pytest.approx([costs[0]] * 3, rel=1e-6)
    ei.models.export(model, tmp_path / "model.nl")


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["x y", "@home~", "ü用户"])
def test_hostile_working_folders(folder: str, tmp_path: Path, scratch: Path) -> None:
    """From a folder with blanks, signs or other letters everything works, temporary files too."""
    home = tmp_path / folder
    home.mkdir()
    ei.Instance.letter().to_json(home / "instance.json")
    command = [sys.executable, "-m", "eipyomo.cli", "solve", "instance.json", "--json"]
    environment = {**os.environ, "TMPDIR": str(home), "LC_ALL": "C"}
    for method in ("eco", "minlp:bonmin"):
        done = subprocess.run(
            [*command, "--method", method],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["feasible"]
    assert [file.name for file in home.iterdir()] == ["instance.json"]
    assert list(scratch.iterdir()) == []


def test_a_full_or_read_only_disk_is_said(
    letter: ei.Instance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If no working folder can be made, the answer is an error in one sentence."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    result = ei.solve(letter, "eco", solver="ipopt")
    assert result.termination == "error"
    assert "no working folder" in result.message


@pytest.mark.slow
def test_relative_executables_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: ei.Instance
) -> None:
    """An executable named relative to the working folder is the one that runs."""
    executable(tmp_path, f"sol({optimum(letter)!r})", name="mine")
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o755
    monkeypatch.chdir(tmp_path)
    result = ei.solve(letter, "minlp:mine", executable="./mine")
    assert result.objective == pytest.approx(VALUES["letter-m4"]["wsel"], rel=1e-6)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert ei.solve(letter, "minlp:mine").objective == result.objective


@pytest.mark.slow
def test_couenne_is_given_what_suits_it(tmp_path: Path, letter: ei.Instance) -> None:
    """Where none is asked for, global solvers get the spectral formulation, others the letter's."""
    path = executable(tmp_path, "sys.exit(1)")
    for solver, formulation in (
        ("couenne", "spectral"),
        ("scip", "spectral"),
        ("knitro", "letter"),
    ):
        result = ei.solve(letter, f"minlp:{solver}", executable=path)
        assert result.options["formulation"] == formulation
    asked = ei.solve(letter, "minlp:couenne", executable=path, formulation="letter")
    assert asked.options["formulation"] == "letter"


def test_bounds_are_read_from_whole_lines() -> None:
    """Of Couenne's log the last whole line with a bound counts, and no infinite one."""
    couenne = BACKENDS["couenne"]
    assert isinstance(couenne, AmplBackend)
    assert math.isfinite(couenne._bound("Lower bound: 4.5\nlower bound: 4.75 \n") or math.nan)
    assert couenne._bound("Lower bound: 4.5\nlower bound: 4.75") == 4.5
    assert couenne._bound("Lower bound: 1e50\n") is None
    assert couenne._bound("Lower bound: -1e+50\n") is None
    assert couenne._bound("Lower bound: 4.5x\n") is None


def small(sense: Any = pyo.minimize) -> Any:
    """Return a model whose least cost is 2 at x = 2, y = 0, and whose greatest is 19."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 10), initialize=5)
    model.y = pyo.Var(bounds=(-3, 3), initialize=1)
    model.row = pyo.Constraint(expr=model.x >= 2)
    model.cost = pyo.Objective(expr=model.x + model.y**2, sense=sense)
    return model


# What a fake says, and status, point and bound of the answer; columns are y, x.
CLAIMS: dict[str, tuple[str, tuple[str, list[float] | None, float | None]]] = {
    "infeasible": ("sol([], code=220)", ("infeasible", None, None)),
    "infeasible with a point": ("sol([0, 2], code=200)", ("infeasible", [0, 2], None)),
    "infeasible with a wrong point": ("sol([9, 9], code=299)", ("infeasible", [9, 9], None)),
    "unbounded": ("sol([], code=300)", ("unbounded", None, None)),
    "unbounded with a point": ("sol([0, 2], code=399)", ("unbounded", [0, 2], None)),
    "a limit": ("sol([0, 2], code=400)", ("limit", [0, 2], None)),
    "a limit alone": ("sol([], code=499)", ("limit", None, None)),
    "solved?": ("sol([0, 2], code=199)", ("converged", [0, 2], None)),
    "failure": ("sol([0, 2], code=500)", ("error", [0, 2], None)),
    "a code below 0": ("sol([0, 2], code=-1)", ("error", [0, 2], None)),
    "no code": ("sol([0, 2], code='')", ("limit", [0, 2], None)),
    "a bound": ("print('Lower bound: 2'); sol([0, 2])", ("optimal", [0, 2], 2.0)),
    "a bound above its point": (
        "print('Lower bound: 3'); sol([0, 2])",
        ("optimal", [0, 2], 3.0),
    ),
    "no finite bound": ("print('Lower bound: -1e50'); sol([0, 2])", ("converged", [0, 2], None)),
    "half a line": ("print('Lower bound: 2', end=''); sol([0, 2])", ("converged", [0, 2], None)),
    "crash after its answer": (
        "sol([0, 2]); os.kill(os.getpid(), signal.SIGSEGV)",
        ("limit", [0, 2], None),
    ),
    "crash after a claim": (
        "sol([], code=220); os.kill(os.getpid(), signal.SIGSEGV)",
        ("error", None, None),
    ),
    "another size": ("sol([0, 2, 1], sizes=(1, 0, 3, 3))", ("error", None, None)),
    "more values": ("sol([0, 2, 1], sizes=(1, 0, 2, 3))", ("error", None, None)),
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_claims_are_told_apart(kind: str, tmp_path: Path) -> None:
    """What an executable says about the end of its solve is read by AMPL's codes."""
    script, expected = CLAIMS[kind]
    found = backend("couenne", executable(tmp_path, script))
    answer = found.solve(small(), time_limit=20, gap=1e-4)
    point = None if answer.point is None else [value for _, value in answer.point]
    assert (answer.status, point, answer.bound) == expected, answer.message
    assert answer.proven == (kind == "infeasible")


def test_a_log_of_a_maximisation_tells_no_bound(tmp_path: Path) -> None:
    """Couenne turns what is maximised, so that its log's lower bound is none of the model."""
    path = executable(tmp_path, "print('Lower bound: -19'); sol([3, 10])")
    answer = backend("couenne", path).solve(small(pyo.maximize), time_limit=20, gap=1e-4)
    assert (answer.status, answer.bound) == ("converged", None)


def test_options_that_loosen_void_the_bound(tmp_path: Path) -> None:
    """With a cutoff of the caller's own, Couenne's bound or "infeasible" is not proven."""
    for script in ("print('Lower bound: 2'); sol([0, 2])", "sol([], code=200)"):
        found = backend("couenne", executable(tmp_path, script))
        answer = found.solve(small(), time_limit=20, gap=1e-4, options={"art_cutoff": 1.5})
        assert answer.bound is None
        assert not answer.proven
        assert answer.status != "optimal"


SEEN = "pathlib.Path({!r}).write_text(' '.join(sys.argv[3:]) + os.environ.get({!r}, '') + {})"


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("couenne", "couenne.opt", "time_limit 20.000\nallowable_fraction_gap 0.001\nmine 7\n"),
        (
            "bonmin",
            "bonmin.opt",
            (
                "bonmin.time_limit 20.000\nbonmin.allowable_fraction_gap 0.001\n"
                "bonmin.num_resolve_at_root 2\nbonmin.num_resolve_at_node 3\n"
                "bonmin.max_random_point_radius 10.0\nbonmin.mine 7\n"
            ),
        ),
        ("scip", "scip.set", "limits/time = 20.000\nlimits/gap = 0.001\nmine = 7\n"),
        ("ipopt", None, "max_cpu_time=20.000 tol=1e-10 acceptable_tol=1e-08 mine=7"),
        ("baron", "baron_options", "maxtime=20.000 epsr=0.001 outlev=1 mine=7"),
        (
            "knitro",
            "knitro_options",
            "maxtime_real=20.000 mip_maxtimereal=20.000 mip_opt_gap_rel=0.001 threads=2 mine=7",
        ),
        ("other", None, "mine=7"),
    ],
)
def test_executables_are_told_in_their_own_way(
    name: str, place: str | None, expected: str, tmp_path: Path
) -> None:
    """Limit, gap, threads and options reach each solver by the names in its capabilities."""
    is_file = place is not None and "_" not in place
    seen = tmp_path / "seen"
    look = f"pathlib.Path({place!r}).read_text()" if is_file else "''"
    path = executable(tmp_path, SEEN.format(str(seen), "" if is_file else place or "", look))
    options: dict[str, Any] = {"mine": 7}
    if name == "bonmin":
        options = {"num_resolve_at_root": 2, **options}
    if name == "knitro":
        options = {"threads": 2, **options}
    found = backend(name, path)
    found.solve(small(), time_limit=20, gap=1e-3, options=options)
    assert seen.read_text() == expected
    named = (found.capabilities.time_limit or "").split()
    assert all(word in expected for word in named)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"threads": 2}, "threads is 2, but the solver 'couenne' has no such setting"),
        ({"a b": 1}, "option 'a b' of solver 'couenne' is no name"),
        ({"": 1}, "option '' of solver 'couenne' is no name"),
        ({"mine": None}, "option 'mine' of solver 'couenne' is None, but must be a number or one"),
        ({"mine": "1\ntime_limit 9"}, "must be a number or one line of text"),
        ({"mine": [1]}, r"is \[1\], but must be a number or one line of text"),
    ],
)
def test_options_are_names_and_values(
    options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    """What could not be passed as it is, is refused before anything runs."""
    found = backend("couenne", executable(tmp_path, "sol([0, 2])"))
    with pytest.raises(ei.InputError, match=expected):
        found.solve(small(), time_limit=20, gap=1e-4, options=options)


def foreign(folder: Path, name: str, value: float = 10.0, *, labels: bool = False) -> None:
    """Write the small model as Pyomo's own writer does, with a suffix on all that it has."""
    model = small()
    suffix = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    model.add_component(name, suffix)
    for part in (model.x, model.y, model.row, model.cost, model):
        suffix[part] = value
    with (folder / "model.nl").open("w") as file:
        NLWriter().write(
            model, file, scale_model=False, linear_presolve=False, symbolic_solver_labels=labels
        )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["eipyomo-ipopt", "eipyomo-bonmin"])
def test_our_commands_pass_over_hints(command: str, tmp_path: Path) -> None:
    """With hints and comments in the .nl the answer is the same, in the file's own units."""
    for name, labels in (("scaling_factor", False), ("priority", True), ("ipopt_zL_in", False)):
        foreign(tmp_path, name, labels=labels)
        line = [str(SCRIPTS / command), "model", "-AMPL"]
        subprocess.run(line, cwd=tmp_path, check=True, capture_output=True)
        solution = parse_sol((tmp_path / "model.sol").read_text(), rows=1, columns=2)
        assert solution.point == pytest.approx((0.0, 2.0), abs=1e-4)
    model = small()
    model.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    model.scaling_factor[model.x] = 10.0
    solver = pyo.SolverFactory(command.split("-")[1], executable=str(SCRIPTS / command))
    pyo.assert_optimal_termination(solver.solve(model))
    assert model.x.value == pytest.approx(2.0, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("command", slow_but(["eipyomo-ipopt", "eipyomo-bonmin"], "eipyomo-bonmin"))
@pytest.mark.parametrize("name", slow_but(["sosno", "ref", "objweight", "mine"], "mine"))
def test_our_commands_refuse_other_suffixes(name: str, command: str, tmp_path: Path) -> None:
    """A suffix that may change the problem is one line on standard error, and no answer."""
    foreign(tmp_path, name)
    line = [str(SCRIPTS / command), "model", "-AMPL"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"the file has the suffix '{name}', which may change the problem" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "model.sol").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((1, " 2 1 2 0 0"), "more than one objective"),
        ((1, " 2 1 1 0 0 1"), "logical constraints"),
        ((2, " 0 1 1 0 0 0"), "complementarity constraints"),
        ((3, " 0 1"), "network constraints"),
    ],
)
def test_our_commands_read_the_whole_header(change: tuple[int, str], expected: str) -> None:
    """What the head of a .nl announces and CasADi would pass over is refused."""
    place, line = change
    lines = ei.models.writers.nl(small())[0].splitlines()
    assert casadi_child.plain("\n".join(lines)) == "\n".join(lines) + "\n"
    lines[place] = line
    with pytest.raises(casadi_child.RefusedError, match=expected):
        casadi_child.plain("\n".join(lines))


@pytest.mark.slow
def test_ipopt_takes_no_integers(tmp_path: Path) -> None:
    """An integer variable in the file is refused by our Ipopt, not relaxed without a word."""
    model = small()
    model.y.domain = pyo.Integers
    (tmp_path / "model.nl").write_text(ei.models.writers.nl(model)[0])
    line = [str(SCRIPTS / "eipyomo-ipopt"), "model", "-AMPL"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "integer variables, which Ipopt does not take" in done.stderr


def test_both_lists_of_hints_are_one() -> None:
    """The script that imports nothing of the package has the same list as the writer."""
    assert casadi_child.HINTS == HINTS
