"""Mutation testing of what says whether an answer is true: evaluation, judge, verifier and bound.

Run ``python -m experiments.mutation``: a mutant takes one to five seconds. Names of files take
these only, and a run that is stopped goes on at the function where it stopped. It needs mutmut, by
``pip install mutmut``. ``python -m experiments.mutation --plot-only`` writes ``docs/mutation.md``
again from the stored table and from ``experiments/survivors.toml``, which says of every mutant that
no test tells from the original why that is right.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd

from eipyomo.files import write_atomically
from experiments import mutants
from experiments.mutants import ROOT, Mutant, Outcome
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
    wider
        More tests, of what survives those.
    limit_s
        A mutant that takes longer is one that the tests see: they hang.
    """

    files: Mapping[str, float]
    tests: tuple[str, ...]
    wider: tuple[str, ...]
    limit_s: float


SLOW_S = 5.0
"""A test that takes longer is left out; so much that other work on the machine decides nothing."""


AREAS = {
    "evaluation": Area(
        {"eipyomo/evaluation.py": 1.0, "eipyomo/timing.py": 1.0, "eipyomo/physics.py": 1.0},
        ("test_evaluation_edges.py",),
        ("test_judged_twice.py", "test_evaluate.py", "test_modes.py"),
        90.0,
    ),
    "judge": Area(
        {"eipyomo/solvers/judge.py": 1.0},
        ("test_judge.py", "test_mending.py"),
        (),
        90.0,
    ),
    "verifier": Area(
        {
            "eipyomo/verify/__init__.py": 0.5,
            "eipyomo/verify/intervals.py": 0.5,
            "eipyomo/verify/names.py": 0.5,
            "eipyomo/verify/reading.py": 0.5,
            "eipyomo/verify/users.py": 0.5,
            "eipyomo/verify/walk.py": 0.3,
        },
        ("test_verify_rules.py",),
        (),
        90.0,
    ),
    "bound": Area(
        {
            "eipyomo/solvers/exact/dual.py": 0.4,
            "eipyomo/solvers/exact/bounds.py": 0.4,
            mutants.COMPILED: 0.4,
        },
        ("test_bound_rules.py",),
        ("test_exact_bounds.py",),
        600.0,
    ),
}
"""What is mutated."""

KERNELS = (
    "terms_of", "lagrangian_of", "lagrangian", "safely", "safe_value", "reach_both", "reach",
    "put_aside", "write_cell", "largest_gain", "cover_local", "cover", "cover_all", "cover_modes",
    "size_of", "bound_at", "tangent_at", "bounds_of_parts", "proven_times", "reach_in_time",
    "SHORT_OF",
)  # fmt: skip
"""The compiled functions that make the bound, of all that are in their file."""


def area_of(file: str) -> str:
    """Return the name of a file's area."""
    return next(name for name, area in AREAS.items() if file in area.files)


def cases() -> list[Case]:
    """Return files with names of what is in them."""
    found = (
        (file, place.name)
        for area in AREAS.values()
        for file in area.files
        for place in mutants.places(file)
        if file != mutants.COMPILED or place.name in KERNELS
    )
    return list(dict.fromkeys(found))


@cache
def process(name: str, tests: tuple[str, ...]) -> mutants.Process:
    """Return a process that tries the mutants of an area by some tests."""
    return mutants.Process(
        tests=[f"tests/{one}" for one in tests],
        limit_s=AREAS[name].limit_s,
        slow_s=SLOW_S,
        forget=name != "verifier",  # of which certificates are no business
        apart=name == "bound",  # which is compiled
    )


def tried(mutant: Mutant) -> Outcome:
    """Return what becomes of a mutant, by more tests if it survives the first."""
    name = area_of(mutant.file)
    area = AREAS[name]
    found = process(name, area.tests).outcome(mutant)
    if found.state == "survived" and area.wider:
        more = process(name, area.wider).outcome(mutant)
        found = more._replace(seconds=found.seconds + more.seconds)
    return found


def row(file: str, name: str) -> list[Row]:
    """Return a line of the table for each mutant of a place."""
    area, of = area_of(file), importlib.import_module("experiments.mutating")
    found: list[Row] = []
    for place in mutants.places(file):
        if place.name == name:
            drawn = of.mutants(file, place, AREAS[area].files[file])
            found += [
                {"area": area, "in": name, **one._asdict(), **tried(one)._asdict()} for one in drawn
            ]
    return found


TABLE = Table("mutation", cases, row, ("mutmut", "numba", "pytest"))


# --- the page -------------------------------------------------------------------------------------

OPENING = """\
# Mutation testing

Whether tests would see a fault is found out by making some. A mutant is the package with one
operator, number, name or argument changed; it is killed if a test fails or hangs, and survives if
none does. Mutated is what says whether an answer is true: `evaluate`, the judge of what solvers
claim, the verifier of certificates, and the dual bound of the exact method.

`python -m experiments.mutation` makes `results/mutation.csv` and this page; its own text says how
long it takes and what it needs. Operators are those of mutmut, and a few more that take `min` for
`max`, `floor` for `ceil` and `all` for `any`. mutmut's runner is not used: it passes over functions
that are decorated, as all compiled ones are, and cosmic-ray starts a new Python for each mutant,
which imports all anew. Instead a process in which everything is imported is forked for each
mutant, and takes its code; for compiled functions one that imports all by itself, in which they,
and all that call them, are compiled anew.

Not mutated are texts (a message may be worded otherwise), what only words an error or a phrase,
annotations and decorators; and no argument or value is left out, of which most mutants end in a
TypeError at once. Of all other mutants a part is drawn, by the text of the mutant itself, so that
it is the same in every run; the table says which part, and of which files none has been yet. Tests
of an area are run, and, of what survives them, a few more; a test that takes longer than five
seconds is left out, and may kill what survives here."""


def explained() -> dict[tuple[str, str, str, str], str]:
    """Return why mutants survive, by file, place, and both texts."""
    found = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"]
    return {(one["file"], one["in"], one["was"], one["became"]): one["why"] for one in found}


def page(stored: pd.DataFrame) -> str:
    """Return the page of a stored table."""
    why, lines = explained(), [OPENING, "", "## Score", ""]
    lines += ["| Area | File | Drawn | Mutants | Killed | Hang | Survive | Score |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name, area in AREAS.items():
        for file, share in area.files.items():
            states = stored.loc[stored["file"] == file, "state"]
            part = f"{share:.1%}" if len(states) else "not yet"
            cells = [name, f"`{file.removeprefix('eipyomo/')}`", part, *_counts(states)]
            lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"| all | | | {' | '.join(_counts(stored['state']))} |")
    lines += ["", "## Survivors", "", "Each was looked at:", ""]
    lines += ["| Where | Change | Why no test fails |", "|---|---|---|"]
    for one in stored[stored["state"] == "survived"].to_dict("records"):
        key = (one["file"], one["in"], one["was"], one["became"])
        where = f"`{one['file'].rsplit('/', 1)[1]}`, `{one['in']}`"
        lines.append(f"| {where} | {_change(one['was'], one['became'])} | {why[key]} |")
    return "\n".join([*lines, ""])


def _counts(states: pd.Series) -> list[str]:
    """Return how many there are, of each state, and the part that was seen."""
    numbers = [int((states == one).sum()) for one in ("killed", "timeout", "survived")]
    seen = f"{1.0 - numbers[2] / len(states):.0%}" if len(states) else ""
    return [str(len(states)), *map(str, numbers), seen]


def _change(was: str, became: str) -> str:
    """Return both texts in one line, without what is equal far from the change."""
    one, other = (" ".join(text.split()) for text in (was, became))
    start = max(mutants.alike(one, other) - 30, 0)
    rest = max(mutants.alike(one[start:][::-1], other[start:][::-1]) - 30, 0)
    cut = [f"{'…' * (start > 0)}{text[start : len(text) - rest]}" for text in (one, other)]
    both = [f"{text}{'…' * (rest > 0)}".replace("|", "\\|") for text in cut]
    return f"`{both[0]}` → `{both[1]}`"


def draw() -> None:
    """Write the page of the stored table."""
    write_atomically({PAGE: page(TABLE.stored())})


if __name__ == "__main__":
    command([TABLE], draw)
