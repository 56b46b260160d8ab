"""The house: imports run one way, models know no solver, and importing is silent."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS = (
    ("errors", "physics", "report"),
    ("files", "validation", "channel", "streams"),
    ("devices",),
    ("scaled",),
    ("instance", "timing", "resources"),
    ("problem", "allocation"),
    ("evaluation",),
    ("claims", "models", "verify"),
    ("result",),
    ("process",),
    ("plotting",),
    ("solvers",),
    ("studies",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def test_imports_run_one_way() -> None:
    """No module imports from a layer above its own, type checking aside."""
    for file in (ROOT / "eipyomo").rglob("*.py"):
        place = file.relative_to(ROOT / "eipyomo").with_suffix("").parts[0]
        if place == "__init__":
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith("eipyomo"):
                continue
            parts = str(node.module).split(".")
            for target in [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]:
                assert RANK[target] <= RANK[place], f"{file.name} imports {target}"


def test_models_know_no_solver() -> None:
    """Neither the models nor the judge import a solver's library."""
    for file in [*(ROOT / "eipyomo" / "models").rglob("*.py"), ROOT / "eipyomo" / "evaluation.py"]:
        text = file.read_text(encoding="utf-8")
        assert not any(f"import {name}" in text for name in ("casadi", "pyscipopt", "highspy"))


def test_the_top_level_shows_the_rooms() -> None:
    """The links `models` and `solvers` lead into the package by a relative path."""
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
