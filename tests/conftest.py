"""Reference instances and their certified values, for all tests."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import eipyomo as ei

# The same examples each time, so that what passes once does so again; to look further,
# pytest --hypothesis-profile default
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

REFERENCE = Path(__file__).parent / "reference"
VALUES: dict[str, dict[str, Any]] = json.loads((REFERENCE / "values.json").read_text())


def reference(name: str) -> ei.Instance:
    """Return a reference instance by name."""
    return ei.Instance.from_json(REFERENCE / "instances" / f"{name}.json")


MODES: list[dict[str, Any]] = [
    {"name": "idle", "update_bits": 0.0, "training_s": 0.0, "training_j": 0.0, "penalty": 0.25}
    | {"offload_bits": 0.0, "local_cycles": 0.0, "edge_cycles": 0.0, "download_bits": 0.0},
    {"name": "little", "update_bits": 5e5, "offload_bits": 0.0, "local_cycles": 1e8}
    | {"edge_cycles": 0.0, "download_bits": 5e5},
    {"name": "split", "update_bits": 5e5, "offload_bits": 2e5, "local_cycles": 1e8}
    | {"edge_cycles": 3e8, "download_bits": 5e5},
]
"""Of a user that may idle, compute little by itself, or split a task."""

solve_admm = partial(ei.solve, method="admm")


def names_up_to(users: int) -> list[str]:
    """Return the names of the reference instances with at most so many users."""
    return [name for name, values in VALUES.items() if values["users"] <= users]


def slow_but(cases: Iterable[Any], *quick: Any) -> list[Any]:
    """Return the cases of a test, a tuple where it has several values; all but some are slow.

    Raises
    ------
    ValueError
        If one of those that are quick is not among them.
    """
    cases = list(cases)
    for one in quick:
        cases.index(one)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=[] if case in quick else pytest.mark.slow,
        )
        for case in cases
    ]


def check(instance: ei.Instance, result: ei.Result) -> None:
    """Check what must hold for any answer: evaluated, feasible, and a bound below the cost."""
    assert result.allocation is not None
    again = ei.evaluate(instance, result.allocation)
    assert again.objective == result.objective
    assert again.feasible
    if result.bound is not None:
        assert result.objective is not None
        assert result.bound <= result.objective
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.fixture
def letter() -> ei.Instance:
    """Return the letter's instance: Table I, 4 users, seed 0."""
    return ei.Instance.letter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of optional solvers that are missing, unless the environment demands them.

    ``EIPYOMO_REQUIRED_SOLVERS`` is a list of names, separated by commas; their tests always run,
    and fail where the solver is missing.
    """
    required = os.environ.get("EIPYOMO_REQUIRED_SOLVERS", "").split(",")
    missing = [
        item
        for item in items
        for mark in item.iter_markers("solver")
        if mark.args[0] not in required and not is_here(mark.args[0])
    ]
    if missing:
        config.hook.pytest_deselected(items=missing)
        items[:] = [item for item in items if item not in missing]


def is_here(solver: str) -> bool:
    """Tell whether an optional solver is installed, as a package or as an executable."""
    module = {"maingo": "maingopy", "shot": "SHOTpy"}.get(solver, solver)
    return importlib.util.find_spec(module) is not None or shutil.which(solver) is not None
