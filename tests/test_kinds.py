"""Kinds of faults that must not come back, and the tests that hold each of them, by name."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from experiments import kinds

TESTS = Path(__file__).parent
KINDS = {kind: names for group in kinds.table().values() for kind, names in group.items()}
"""Of ``kinds.toml``: a kind of fault, and tests as pytest calls them in this folder."""

WHOLE = (
    "test_changed_models.py",
    "test_claimed.py",
    "test_ends.py",
    "test_fuzz.py",
    "test_fuzz_readers.py",
    "test_milp_soundness.py",
    "test_said.py",
)
"""Files that are about these kinds alone, so that each of their tests holds one."""


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of a file's tests, as in the table."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(
        f"{file}::{node.name}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_tests(kind: str) -> None:
    """Every test that the table names is there, and is named once."""
    names = KINDS[kind]
    assert names
    assert len(set(names)) == len(names)
    for name in names:
        assert name in names_in(name.split("::")[0]), f"no test is called {name}"


def test_a_kind_is_told_once() -> None:
    """No kind stands in two groups."""
    assert len(KINDS) == sum(map(len, kinds.table().values()))


@pytest.mark.parametrize("file", WHOLE)
def test_the_table_is_complete(file: str) -> None:
    """No test of a file that is about kinds is without one."""
    assert names_in(file) <= {name for names in KINDS.values() for name in names}


def test_the_page_is_that_of_the_table() -> None:
    """docs/hardening.md is what ``python -m experiments.kinds`` writes."""
    assert kinds.PAGE.read_text(encoding="utf-8") == kinds.page()
