"""The worked examples of docs/extending.md: each is applied to a copy of the package, and used.

Each example's script asserts what it says; optima of two ways are compared there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import slow_but

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = sorted(file.stem for file in (ROOT / "docs" / "examples").glob("*.patch"))
MOST_FILES = {"limit": 11, "resource": 11, "formulation": 3, "method": 3, "backend": 1}
"""How many files of the package an example may touch."""


@pytest.mark.parametrize("name", slow_but(EXAMPLES, "method"))
def test_an_example_can_be_carried_out(name: str, tmp_path: Path) -> None:
    """Its patch applies to the code as it is, and its script runs with what the patch adds."""
    for room in ("eipyomo", "experiments", "tests"):
        leave = shutil.ignore_patterns("__pycache__", "stores", "figures")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=leave)
    patch = ROOT / "docs" / "examples" / f"{name}.patch"
    applied = subprocess.run(
        ["git", "apply", str(patch)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
    )
    assert applied.returncode == 0, applied.stderr
    done = subprocess.run(
        [sys.executable, "-P", str(patch.with_suffix(".py"))],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_small(name: str) -> None:
    """It is on the page, and touches few files of the package: 11 where every method is asked."""
    assert f"examples/{name}.patch" in PAGE
    text = (ROOT / "docs" / "examples" / f"{name}.patch").read_text(encoding="utf-8")
    touched = set(re.findall(r"(?m)^\+\+\+ b/(eipyomo/\S+)", text))
    assert len(touched) <= MOST_FILES.get(name, 0)


def test_the_walk_names_files_that_exist() -> None:
    """Every file that the page names as `eipyomo/...` is there."""
    named = re.findall(r"`(eipyomo/[\w/.]+)`", PAGE)
    assert named
    assert all((ROOT / name).exists() for name in named)
