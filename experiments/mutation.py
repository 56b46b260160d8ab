"""Mutation testing of what says whether an answer is true: evaluation, judge, verifier and bound.

Run ``python -m experiments.mutation``: about an hour on one core. Names of files take these only,
and a run that is stopped goes on at the function where it stopped. It needs mutmut, by
``pip install mutmut``. ``python -m experiments.mutation --plot-only`` writes ``docs/mutation.md``
again from the stored table and from ``experiments/survivors.toml``, which says of every mutant that
no test tells from the original why that is right.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

import pandas as pd

from eipyomo.files import write_atomically
from experiments import mutants
from experiments.mutants import ROOT, Mutant, Outcome, Place
from experiments.table import Case, Row, Table, command

SURVIVORS = ROOT / "experiments" / "survivors.toml"
PAGE = ROOT / "docs" / "mutation.md"


@dataclass(frozen=True)
class Area:
    """Files that do one thing, and how their mutants are tried.

    Attributes
    ----------
    files
        Each with the part of its mutants that is drawn.
    tests
        Of this folder, as pytest calls them.
    slow_s
        A test that takes longer is left out.
    limit_s
        A mutant that takes longer is one that the tests see: they hang.
    """

    files: Mapping[str, float]
    tests: tuple[str, ...]
    slow_s: float
    limit_s: float


AREAS = {
    "evaluation": Area(
        {"eipyomo/evaluation.py": 1.0, "eipyomo/timing.py": 1.0, "eipyomo/physics.py": 1.0},
        ("test_judged_twice.py", "test_evaluate.py", "test_modes.py"),
        0.1,
        60.0,
    ),
    "judge": Area(
        {"eipyomo/solvers/judge.py": 1.0}, ("test_judge.py", "test_mending.py"), 0.5, 60.0
    ),
    "verifier": Area(
        {
            "eipyomo/verify/__init__.py": 1.0,
            "eipyomo/verify/intervals.py": 1.0,
            "eipyomo/verify/names.py": 1.0,
            "eipyomo/verify/reading.py": 0.5,
            "eipyomo/verify/users.py": 0.5,
            "eipyomo/verify/walk.py": 0.7,
        },
        ("test_certificate_tampered.py", "test_second_checker.py", "test_exact_certificate.py"),
        0.1,
        90.0,
    ),
    "bound": Area(
        {
            "eipyomo/solvers/exact/dual.py": 1.0,
            "eipyomo/solvers/exact/bounds.py": 1.0,
            mutants.COMPILED: 0.4,
        },
        ("test_exact_bounds.py", "test_exact.py", "test_exact_objectives.py"),
        0.3,
        120.0,
    ),
}
"""What is mutated. Of all operators that leave a value out ``OF_NONE`` is the part drawn."""

OF_NONE = 0.05
KERNELS = (
    "terms_of", "lagrangian_of", "lagrangian", "safe_value", "reach", "put_aside", "write_cell",
    "largest_gain", "cover_local", "cover", "cover_all", "cover_modes", "size_of", "bound_at",
    "bounds_of_parts", "proven_times", "reach_in_time", "SHORT_OF",
)  # fmt: skip
"""The compiled functions that make the bound, of all that are in their file."""


def area_of(file: str) -> str:
    """Return the name of a file's area."""
    return next(name for name, area in AREAS.items() if file in area.files)


def cases() -> list[Case]:
    """Return files with names of what is in them."""
    return [
        (file, place.name)
        for area in AREAS.values()
        for file in area.files
        for place in mutants.places(file)
        if file != mutants.COMPILED or place.name in KERNELS
    ]


@cache
def _server(name: str) -> tuple[IO[str], IO[str]]:
    """Return input and output of a process that tries the mutants of an area."""
    area = AREAS[name]
    process = subprocess.Popen(
        [sys.executable, "-m", mutants.__name__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    how = {"tests": [f"tests/{one}" for one in area.tests]}
    times = {"limit_s": area.limit_s, "slow_s": area.slow_s}
    _ask(process.stdin, process.stdout, how | times)
    return process.stdin, process.stdout


def _ask(asks: IO[str], tells: IO[str], what: Any) -> Any:
    asks.write(json.dumps(what) + "\n")
    asks.flush()
    return json.loads(tells.readline())


def tried(mutant: Mutant) -> Outcome:
    """Return what becomes of a mutant."""
    return Outcome(*_ask(*_server(area_of(mutant.file)), mutant))


def row(file: str, name: str) -> list[Row]:
    """Return a line of the table for each mutant of a place."""
    area = area_of(file)
    found: list[Row] = []
    for place in mutants.places(file):
        if place.name == name:
            drawn = mutants.mutants(file, place, AREAS[area].files[file], OF_NONE)
            found += [
                {"area": area, "in": name, **one._asdict(), **tried(one)._asdict()} for one in drawn
            ]
    return found


TABLE = Table("mutation", cases, row, ("mutmut", "numba", "pytest"))

# PAGE

if __name__ == "__main__":
    command([TABLE])
