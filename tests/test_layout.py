"""The house: imports run one way, models know no solver, and importing is silent."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "eipyomo"

LAYERS = (
    ("errors", "lazily", "physics", "report", "version"),
    ("words", "json_text", "extras"),
    ("matlab", "summary"),
    ("validation",),
    ("choices", "columns", "files", "channel", "streams"),
    ("at_once", "units"),
    ("devices", "users", "ranges", "tables"),
    ("modes", "settings", "user_tables"),
    ("scaled", "catalog"),
    ("instance", "timing", "restriction", "breakdown"),
    ("resources", "objective", "draw"),
    ("problem", "allocation"),
    ("evaluation", "features"),
    ("labels",),
    ("claims", "models", "verify"),
    ("radio", "result"),
    ("scenario", "presets"),
    ("process",),
    ("plotting",),
    ("solvers.processors", "solvers.compiled"),
    ("solvers.records", "solvers.backends"),
    ("solvers.contract",),
    ("solvers.judge",),
    ("solvers.exact",),
    ("solvers.admm", "solvers.model", "solvers.policies"),
    ("solvers.milp",),
    ("solvers.minlp",),
    ("solvers.benchmarks",),
    ("solvers.methods",),
    ("solvers",),
    ("library", "studies", "testing"),
    ("planning", "bundling", "bridges"),
    ("reporting",),
    ("environment",),
    ("cli",),
)
"""Rooms from the ground up; a room imports from those below it, and from itself."""

RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}

MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
LONGEST, MAY_BE_LONG = 400, ("kernels.py", "kernel.py")


def room_of(module: str) -> str | None:
    """Return the innermost room that a module is in; None for the package itself."""
    parts = module.split(".")[1:]
    rooms = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((room for room in rooms if room in RANK), None)


def imported(module: str) -> Iterator[str]:
    """Iterate over what a module imports of the package: anywhere, also for types alone."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "eipyomo":
                yield name if name in MODULES else name.rpartition(".")[0]


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name)])
def test_imports_run_one_way(module: str) -> None:
    """No import statement, wherever it stands, leads to a room above or beside its own."""
    own = room_of(module)
    assert own is not None, f"{module} is in no room: give it one in LAYERS"
    for target in imported(module):
        room = room_of(target)
        assert room is not None, f"{module} imports {target}"
        assert room == own or RANK[room] < RANK[own], f"{module} imports {target}"


def test_every_module_has_a_room() -> None:
    """Only the package itself stands outside of the order."""
    assert [name for name in MODULES if room_of(name) is None] == ["eipyomo"]


def test_no_circle() -> None:
    """Modules can be put in an order in which each imports only earlier ones."""
    graph = {name: set(imported(name)) - {name, "eipyomo"} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", list(MODULES))
def test_no_file_is_long(module: str) -> None:
    """A file has one concern, and no more than 400 lines but for the kernels."""
    file = MODULES[module]
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST or file.name in MAY_BE_LONG


def test_models_know_no_solver() -> None:
    """Neither the models nor the judge import a solver's library."""
    for file in [*(ROOT / "eipyomo" / "models").rglob("*.py"), ROOT / "eipyomo" / "evaluation.py"]:
        text = file.read_text(encoding="utf-8")
        assert not any(f"import {name}" in text for name in ("casadi", "pyscipopt", "highspy"))


@pytest.mark.parametrize("room", ["models", "solvers", "planning", "evaluation.py", "physics.py"])
def test_the_mathematics_changes_no_units(room: str) -> None:
    """Units change in `scaled.py`, and where people type them: nothing here is a thousand times."""
    place = ROOT / "eipyomo" / room
    for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"(?:\*|/) ?(?:1e-?[369]|1_000(?:_000)*)\b", text), file


def test_a_source_distribution_has_what_its_tests_need() -> None:
    """All of a checkout but what is for a server alone, which no test reads."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = {
        name.strip("/") for name in tables["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    }
    if (ROOT / ".git").exists():  # what is unpacked has no links, and files of its own
        command = ["git", "ls-files"]
        files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        tops = {name.split("/")[0] for name in files.splitlines()}
        assert {name for name in tops if name[0] != "."} == included | {"pyproject.toml"}
    others = [file for file in (ROOT / "tests").glob("*.py") if file.name != Path(__file__).name]
    text = "".join(file.read_text(encoding="utf-8") for file in others)
    assert not re.search(r"\"\.(?:github|ci)\b", text)


def test_the_top_level_shows_the_rooms() -> None:
    """The links `models` and `solvers` lead into the package by a relative path, in a checkout."""
    if not (ROOT / ".git").exists():  # a source distribution has no links
        return
    for name in ("models", "solvers"):
        assert (ROOT / name).readlink() == Path("eipyomo") / name


def test_import_is_silent_and_leaves_logging_alone() -> None:
    """Importing prints nothing, sets no handler but a NullHandler, and no level."""
    script = (
        "import logging, eipyomo; logger = logging.getLogger('eipyomo'); "
        "assert [type(h).__name__ for h in logger.handlers] == ['NullHandler']; "
        "assert logger.level == 0 and not logging.getLogger().handlers"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
