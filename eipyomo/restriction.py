"""Which decisions are open: (10) and its restrictions, and the names of problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.scaled import STAGES, FloatColumn, Stage
from eipyomo.users import Users
from eipyomo.validation import require_kind
from eipyomo.words import shown


@dataclass(frozen=True, eq=False)
class OpenDecisions:
    """What every end user may still decide; arrays have shape (users,).

    Attributes
    ----------
    edge, local
        Whether a = 0 (with ι = 1), and whether a = 1 is allowed.
    offload_min, offload_max
        Bounds of ι with a = 1, multiples of 1/grid where there is a grid.
    """

    edge: NDArray[np.bool_]
    local: NDArray[np.bool_]
    offload_min: FloatColumn
    offload_max: FloatColumn

    def __and__(self, other: OpenDecisions) -> OpenDecisions:
        """Return what both leave open."""
        low = np.maximum(self.offload_min, other.offload_min)
        high = np.minimum(self.offload_max, other.offload_max)
        return OpenDecisions(
            edge=self.edge & other.edge,
            local=self.local & other.local & (low <= high),
            offload_min=low,
            offload_max=high,
        )

    def but_for(self, users: NDArray[np.bool_]) -> OpenDecisions:
        """Return the same, but all that there is for some users, which have modes in its place."""
        edge, local, low, high = EVERYTHING
        return OpenDecisions(
            edge=np.where(users, edge, self.edge),
            local=np.where(users, local, self.local),
            offload_min=np.where(users, low, self.offload_min),
            offload_max=np.where(users, high, self.offload_max),
        )

    def by_user(self) -> list[tuple[bool, bool, float, float]]:
        """Return those of each user, one by one."""
        columns = (self.edge, self.local, self.offload_min, self.offload_max)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    @cached_property
    def are_all(self) -> bool:
        """Whether every user may choose any a and ι, on the grid if there is one."""
        return self.alike == EVERYTHING

    @property
    def alike(self) -> tuple[bool, bool, float, float] | None:
        """Those of every user, if they are the same; else None."""
        columns = (self.edge, self.local, self.offload_min, self.offload_max)
        if any((column != column[0]).any() for column in columns):
            return None
        edge, local, low, high = (column[0].item() for column in columns)
        return edge, local, low, high


class Demand(NamedTuple):
    """Something that a restriction asks of every user beside (10)."""

    words: str
    decision: str
    """Of which decision, as plans and allocations name it."""
    amounts: FloatColumn
    """How far each user is off."""


def demands_beside(
    open_to: OpenDecisions, grid: int, download: NDArray[Any], offload_fraction: FloatColumn
) -> Iterator[Demand]:
    """Iterate over what is asked of decisions on downloads and tasks, by what is open, on a grid.

    What a restriction asks of the band is a budget of the problem.
    """
    if open_to.are_all and not grid:
        return
    a, offload = download, offload_fraction
    most = "ι = 0" if not open_to.offload_max.any() else "ι <= its most"
    amounts: dict[tuple[str, str], Any] = {
        ("a = 0", "download"): a & ~open_to.local,
        ("a = 1", "download"): ~a & ~open_to.edge,
        ("ι >= its least", "offload_fraction"): a * (open_to.offload_min - offload),
        (most, "offload_fraction"): a * (offload - open_to.offload_max),
    }
    if grid:
        off = np.abs(offload - np.round(offload * grid) / grid)
        amounts[f"ι on the grid of step 1/{grid}", "offload_fraction"] = a * off
    for (words, decision), amount in amounts.items():
        yield Demand(words, decision, amount.astype(np.float64))


@dataclass(frozen=True, eq=False)
class Restriction:
    """Which decisions are open, and how the band is shared; scalars hold for all users.

    Attributes
    ----------
    label
        A name of your own for decisions that make none of the problems which have one.
    edge, local
        Whether a = 0 (with ι = 1), and whether a = 1 is allowed.
    offload_min, offload_max
        Bounds of ι with a = 1; a = 0 needs `offload_max` 1.
    grid
        n: with download, ι must be one of k/n, both ends included; 0 for any ι.
    split_band
        Whether uplink and downlink have half of the band each (GBE).

    Raises
    ------
    InputError
        If `grid` is negative, or `label` the name of another problem.
    """

    label: str | None = None
    edge: ArrayLike = True
    local: ArrayLike = True
    offload_min: ArrayLike = 0.0
    offload_max: ArrayLike = 1.0
    grid: int = 0
    split_band: bool = False

    def __post_init__(self) -> None:
        """Refuse a negative grid, and the name of another problem."""
        if self.grid < 0:
            raise InputError(f"grid is {self.grid!r}, but must be a whole number >= 0")
        if self.label is not None:
            require_kind("label", self.label, str)
        if self.label is not None and is_name(self.label) and self.label != self.kind():
            raise InputError(
                f"problem is {self.label!r}, but these decisions make the problem {self.kind()!r}"
            )

    @classmethod
    def lco(cls) -> Self:
        """Return local computing only: ι = 0 and a = 1 for every user."""
        return cls(edge=False, offload_max=0.0)

    @classmethod
    def eco(cls) -> Self:
        """Return edge computing only: a = 0 for every user."""
        return cls(local=False)

    @classmethod
    def gbe(cls) -> Self:
        """Return the split band: the uplink shares sum to at most 1/2, the downlink shares too."""
        return cls(split_band=True)

    @classmethod
    def on_grid(cls, step: float) -> Self:
        """Return the restriction of ι to multiples of a step that divides 1."""
        return cls(grid=points_of(step))

    @classmethod
    def training(cls, *, split_band: bool = False) -> Self:
        """Return a round n < N: everybody downloads, and there is no task to offload."""
        return cls(edge=False, offload_max=0.0, split_band=split_band)

    @classmethod
    def of_users(cls, users: Users[EndUser], grid: int = 0) -> Self:
        """Return what the data of users leave open, their downloads and bounds of ι."""
        downloads = users.texts("download")
        return cls(
            edge=[download != "always" for download in downloads],
            local=[download != "never" for download in downloads],
            offload_min=np.nan_to_num(users.numbers("min_offload_fraction"), nan=0.0),
            offload_max=np.nan_to_num(users.numbers("max_offload_fraction"), nan=1.0),
            grid=grid,
        )

    def kind(self, stage: Stage = "inference") -> str:
        """Return which of the problems with a name these decisions make; "restricted" if none."""
        if stage == "training":
            return "gbe training" if self.split_band else "training"
        alike = self._alike
        if alike == EVERYTHING:
            if self.grid:
                return "restricted" if self.split_band else f"grid:{self.grid_step:g}"
            return "gbe" if self.split_band else "joint"
        if not self.split_band:
            if alike == ALL_LOCAL:
                return "lco"
            if alike == ALL_EDGE:
                return "eco"
        return "restricted"

    def name(self, stage: Stage = "inference") -> str:
        """Return what to call the problem: as everybody does, or by the name of your own."""
        kind = self.kind(stage)
        return self.label or kind if kind == "restricted" else kind

    @property
    def is_local(self) -> bool:
        """Whether every user has to download and to compute its whole task."""
        return self._alike == ALL_LOCAL

    @cached_property
    def _alike(self) -> tuple[bool, bool, float, float] | None:
        columns = (self.edge, self.local, self.offload_min, self.offload_max)
        return self.decisions(np.broadcast(*columns).size).alike

    @property
    def grid_step(self) -> float:
        """1/n, or 0 without a grid."""
        return 1.0 / self.grid if self.grid else 0.0

    def decisions(self, users: int) -> OpenDecisions:
        """Return what each of so many users may decide; that may be nothing."""
        return _decisions(self, users)


@lru_cache(maxsize=8)
def _decisions(restriction: Restriction, users: int) -> OpenDecisions:
    """Return :meth:`Restriction.decisions`; the judge asks for those of (10) again and again."""
    low = np.maximum(np.broadcast_to(restriction.offload_min, users), 0.0)
    high = np.minimum(np.broadcast_to(restriction.offload_max, users), 1.0)
    if restriction.grid:
        low = np.ceil(low * restriction.grid - 1e-9) / restriction.grid
        high = np.floor(high * restriction.grid + 1e-9) / restriction.grid
    return OpenDecisions(
        edge=np.broadcast_to(np.asarray(restriction.edge, bool), users) & (high >= 1.0),
        local=np.broadcast_to(np.asarray(restriction.local, bool), users) & (low <= high),
        offload_min=low,
        offload_max=high,
    )


EVERYTHING = (True, True, 0.0, 1.0)
ALL_LOCAL = (False, True, 0.0, 0.0)
ALL_EDGE = (True, False, 0.0, 1.0)
"""Decisions that a user has in (10), and those that leave one choice; see ``OpenDecisions``."""


def points_of(step: Any) -> int:
    """Return n of a step 1/n of a grid.

    Raises
    ------
    InputError
        If the step is no such number.
    """
    number = isinstance(step, int | float) and not isinstance(step, bool)
    grid = round(1.0 / step) if number and 1e-9 < step <= 1.0 else 0
    if grid == 0 or abs(grid * step - 1.0) > 1e-9:
        raise InputError(f"step is {step!r}, but must be 1/n for a whole number n")
    return grid


JOINT = Restriction()
"""All decisions of (10)."""

PROBLEMS: dict[str, Callable[[], tuple[Restriction, Stage]]] = {
    "joint": lambda: (JOINT, "inference"),
    "training": lambda: (Restriction.training(), "training"),
    "eco": lambda: (Restriction.eco(), "inference"),
    "lco": lambda: (Restriction.lco(), "inference"),
    "gbe": lambda: (Restriction.gbe(), "inference"),
    "gbe training": lambda: (Restriction.training(split_band=True), "training"),
}
"""The problems that have a name; ``grid:1/n`` is another for every n."""

GRID = "grid:"

NO_MORE_SAID = ("model", "restricted")
"""Names of what a user has made, from which it does not follow."""


def is_name(name: str) -> bool:
    """Tell whether a name is one of problems that everybody calls so."""
    return name in PROBLEMS or name.startswith(GRID)


def named(name: object) -> tuple[Restriction, Stage]:
    """Return the restriction and the stage that a problem's name stands for.

    Raises
    ------
    InputError
        If it is no name of a problem, or a grid's step does not divide 1.
    """
    if isinstance(name, str) and name in PROBLEMS:
        return PROBLEMS[name]()
    if isinstance(name, str) and name.startswith(GRID):
        try:
            return Restriction(grid=_points_named(name.removeprefix(GRID))), "inference"
        except (ValueError, InputError):
            raise InputError(
                f"problem is {name!r}, but its step must be 1/n for a whole number n"
            ) from None
    known = ", ".join(PROBLEMS)
    raise InputError(f"problem is {shown(name)}, but must be one of: {known}, grid:STEP")


def named_or_joint(name: object) -> tuple[Restriction, Stage]:
    """Return what a document's word for its problem says; (10), where that is one of its own."""
    return named(name) if isinstance(name, str) and is_name(name) else (JOINT, "inference")


def _points_named(step: str) -> int:
    """Return n of a step as names have it: that of 1/3 is 0.333333."""
    number = float(step)
    points = round(1.0 / number) if 1e-9 < number <= 1.0 else 0
    return points if points and f"{1.0 / points:g}" == step else points_of(number)


def asked(
    problem: str | Restriction = "joint", round: Stage = "inference"
) -> tuple[Restriction, Stage]:
    """Return the restriction and the stage that the words for a problem mean.

    Parameters
    ----------
    problem
        One of ``PROBLEMS``, ``grid:STEP``, or a restriction.
    round
        "training" for a round before the last.

    Raises
    ------
    InputError
        If one of them is unknown, or the two do not go together.
    """
    if round not in STAGES:
        raise InputError(f"round is {shown(round)}, but must be one of: {', '.join(STAGES)}")
    restriction, stage = (problem, round) if isinstance(problem, Restriction) else named(problem)
    if "training" not in (stage, round):
        return restriction, "inference"
    kind = restriction.kind()
    if kind not in ("joint", "gbe") and not restriction.is_local:
        raise InputError(f"problem is {kind!r}, but a training round has no such decisions")
    return Restriction.training(split_band=restriction.split_band), "training"
