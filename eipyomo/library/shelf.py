"""The entries that there are: what each asks, made of a stored recipe, and what is known of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eipyomo import presets
from eipyomo.claims.values import relative_gap
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.objective import WSEL
from eipyomo.problem import Problem
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
ENTRIES, VALUES = HERE / "entries.json", HERE / "values.json"


@dataclass(frozen=True)
class Found:
    """What a method found of an entry within its time limit.

    Attributes
    ----------
    method
        Name of the method, as ``minlp:scip``.
    version
        Of the solver; None where it is this package's own.
    termination
        How it ended, as in a result.
    value, bound
        In the unit of the objective; None where there is none.
    wall_s
        Seconds.
    """

    method: str
    version: str | None
    termination: str
    value: float | None
    bound: float | None
    wall_s: float


@dataclass(frozen=True)
class Entry:
    """A named instance, what is asked of it, and what is known.

    Attributes
    ----------
    name, about
        Its name, and a phrase on what sets it apart.
    users
        Number of end users.
    problem, objective
        What is asked, as ``ei.solve(instance, problem=..., objective=...)`` takes it.
    digest
        That of the instance: a recipe that makes another one is noticed.
    value
        The best value that is known, of a feasible allocation; None if there is none.
    bound
        Proven lower bound on the optimum; None where infeasibility is proven.
    found
        What each method found.
    """

    name: str
    about: str
    users: int
    problem: str
    objective: str
    digest: str
    value: float | None
    bound: float | None
    found: tuple[Found, ...]

    @property
    def infeasible(self) -> bool:
        """Whether it is known that nothing is feasible."""
        return self.bound is None

    @property
    def gap(self) -> float | None:
        """How far the best value may be above the optimum, relative to it."""
        return relative_gap(self.value, self.bound)

    @property
    def options(self) -> str:
        """What ``eipyomo solve`` has to be told besides the instance."""
        problem = "" if self.problem == "joint" else f" --problem {self.problem}"
        return problem + ("" if self.objective == WSEL.name else f" --objective {self.objective}")


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@cache
def recipes() -> dict[str, dict[str, Any]]:
    """Return how the instances are made, by name."""
    return {recipe["name"]: recipe for recipe in _read(ENTRIES)}


@cache
def values() -> dict[str, dict[str, Any]]:
    """Return what is known of the entries, by name."""
    known: dict[str, dict[str, Any]] = _read(VALUES)["entries"]
    return known


def names() -> list[str]:
    """Return the names of all entries."""
    return list(recipes())


def _known(name: str) -> dict[str, Any]:
    if name not in recipes():
        raise InputError(f"entry is {short(name)}, but must be one of: {', '.join(recipes())}")
    return recipes()[name]


def entry(name: str) -> Entry:
    """Return an entry by its name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    recipe = _known(name)
    known = dict(values()[name])
    found = tuple(Found(**one) for one in known.pop("found"))
    told = {key: recipe[key] for key in ("name", "about", "problem", "objective")}
    return Entry(**told, **known, found=found)


def get(name: str) -> Instance:
    """Return the instance of an entry.

    It is read from this package, or made from a recipe; its digest is compared where an entry is
    checked.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    recipe = _known(name)
    base = recipe["base"]
    if "letter" in base:
        instance = Instance.letter(**base["letter"])
    elif "preset" in base:
        instance = presets.instance(**base["preset"])
    else:
        instance = Instance.from_json(HERE / "instances" / f"{base['file']}.json")
    return instance.with_settings(recipe["settings"]).replace(name=name)


def problem(name: str) -> Problem:
    """Return what an entry asks."""
    recipe = _known(name)
    return Problem.of(get(name), recipe["problem"], objective=recipe["objective"])


def frame() -> pd.DataFrame:
    """Return all entries as a table, one row each: value, bound, gap."""
    import pandas as pd

    keys = ("name", "users", "problem", "objective", "value", "bound", "gap", "infeasible", "about")
    rows = [{key: getattr(one, key) for key in keys} for one in map(entry, names())]
    return pd.DataFrame(rows)
