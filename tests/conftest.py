"""Reference instances and their certified values, for all tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei

REFERENCE = Path(__file__).parent / "reference"
VALUES: dict[str, dict[str, Any]] = json.loads((REFERENCE / "values.json").read_text())


def reference(name: str) -> ei.Instance:
    """Return a reference instance by name."""
    return ei.Instance.from_json(REFERENCE / "instances" / f"{name}.json")


def names_up_to(users: int) -> list[str]:
    """Return the names of the reference instances with at most so many users."""
    return [name for name, values in VALUES.items() if values["users"] <= users]


@pytest.fixture
def letter() -> ei.Instance:
    """Return the letter's instance: Table I, 4 users, seed 0."""
    return ei.Instance.letter()
