"""The reference instances of the tests, and their certified values."""

from __future__ import annotations

import json
from typing import Any

import eipyomo as ei
from experiments.provenance import HERE

FOLDER = HERE.parent / "tests" / "reference"
VALUES: dict[str, dict[str, Any]] = json.loads((FOLDER / "values.json").read_text("utf-8"))


def reference(name: str) -> ei.Instance:
    """Return a reference instance by name."""
    return ei.Instance.from_json(FOLDER / "instances" / f"{name}.json")
