"""The notebooks of docs/notebooks: their cells run from top to bottom, and what they end in shows.

They run in a fresh namespace rather than in kernels, of which each would take seconds to start.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))
LONG = 300
"""A line of a notebook is not longer."""


def run(cell: str, names: dict[str, Any]) -> Any:
    """Run a cell as a kernel does, and return the value of its last expression."""
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def shows(value: Any) -> bool:
    """Tell whether a fresh kernel shows a value as a picture, a table, or a short line."""
    picture = getattr(value, "_repr_png_", None)
    if picture is not None:
        return bytes(picture()).startswith(b"\x89PNG")
    table = getattr(value, "_repr_html_", None)
    if table is not None:
        return "<table" in table() or "<li>" in table()
    return len(repr(value)) < LONG


def test_there_are_six() -> None:
    """None of them got lost."""
    assert len(NOTEBOOKS) == 6


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_from_top_to_bottom(file: Path) -> None:
    """No cell fails, what cells end in can be shown, and no outputs are stored."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert shows(run("".join(cell["source"]), names))
