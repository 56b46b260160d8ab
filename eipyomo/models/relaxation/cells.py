"""Cells: boxes of one user's variables, how they are covered, refined and halved."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eipyomo.models.relaxation.curves import Curve
from eipyomo.models.relaxation.read import decisions
from eipyomo.models.relaxation.rows import Range, Row, amount, planes, size, widened
from eipyomo.models.source import has_modes
from eipyomo.models.types import Block, Variable

VIOLATED = 1e-8
"""A tangent is added where it is violated by more, relative to its terms, unless told otherwise."""

EXACT = 1e-10
"""An error of a product, relative to its row's terms, that counts as none."""


class Loose(NamedTuple):
    """How far a product was off, relative to its first box, and where to split."""

    error: float
    row: str
    place: int
    value: float


@dataclass(eq=False)
class Cell:
    """A box of one user's variables.

    Attributes
    ----------
    box
        Range of each variable, by place.
    bound
        No point of the model in this cell costs less, nor more than the cutoff.
    loose
        The worst product of the last points seen in it.
    """

    box: list[Range]
    bound: float = -math.inf
    loose: Loose | None = None


@dataclass(eq=False)
class UserCells:
    """One user's part of the relaxation."""

    block: Block
    variables: list[Variable]
    places: Any  # ComponentMap: variable -> place
    rows: list[Row]
    curves: list[Curve]
    cells: list[Cell]
    scale: list[float]

    def middle(self, cell: Cell, variable: Variable) -> float:
        """Return the middle of a variable's range in a cell, or the value that it is fixed at."""
        place = self.places.get(variable)
        return float(variable.value) if place is None else 0.5 * sum(cell.box[place])

    def choice(self, cell: Cell) -> list[int]:
        """Return the integral ones of a user's decisions in a cell."""
        own = [one for one in decisions(self.block) if not one.is_continuous()]
        return [round(self.middle(cell, one)) for one in own]

    def in_cell(self, cell: Cell) -> Iterator[Row]:
        """Iterate over the linear rows that hold in a cell."""
        for row in self.rows:
            for one in planes(row, cell.box) if row.product else (row,):
                yield widened(one, cell.box)
        for curve in self.curves:
            for point in curve.near(cell.box):
                for row in curve.at(point):
                    yield widened(row, cell.box)

    def spread(self, box: Sequence[Range]) -> None:
        """Have a first set of tangents over a box, and measure in its units from now on."""
        self.scale = [high - low if low < high else 1.0 for low, high in box]
        for curve in self.curves:
            curve.points = curve.spread(box)


class Placed(NamedTuple):
    """A cell in the Pyomo model: z_k, and the copies of those variables that vary in it."""

    user: UserCells
    cell: Cell
    chosen: Variable
    copies: dict[int, Variable]

    def weight(self) -> float:
        """Return z_k at the model's values."""
        return float(self.chosen.value or 0.0)

    def values(self) -> list[float]:
        """Return the point x_k / z_k of a cell that has some weight."""
        point = [low for low, _ in self.cell.box]
        for place, copy in self.copies.items():
            low, high = self.cell.box[place]
            point[place] = min(max((copy.value or 0.0) / self.weight(), low), high)
        return point


def parts(
    block: Block, places: Any, box: list[Range], pieces: int, *, whole: bool
) -> Iterator[list[Range]]:
    """Iterate over boxes that cover a user's decisions: a = 0, and pieces of ι for a = 1.

    With `whole`, a = 0 means ι = 1, as it does unless a user has taken that row away. Of a user
    with modes it is one box for each, or one for all where they are not binaries any more.
    """
    decided = decisions(block)
    for choice in _choices(block, pieces, whole=whole):
        part = list(box)
        empty = False
        for variable, wanted in zip(decided, choice, strict=True):
            own = (variable.value,) * 2 if variable.fixed else variable.bounds
            low, high = max(own[0], wanted[0]), min(own[1], wanted[1])
            empty |= low > high
            if variable in places:
                part[places[variable]] = (low, high)
        if not empty:
            yield part


def _choices(block: Block, pieces: int, *, whole: bool) -> list[tuple[Range, ...]]:
    """Return ranges of a user's decisions, in their order, which cover them."""
    if has_modes(block):
        count = len(block.modes)
        if any(one.is_continuous() for one in block.in_mode.values()):
            return [((0.0, 1.0),) * count]
        return [tuple((float(i == k),) * 2 for i in range(count)) for k in range(count)]
    undecided = block.download.is_continuous() and not block.download.fixed
    choices: list[tuple[Range, ...]] = []
    if not undecided:
        choices.append(((0.0, 0.0), (1.0, 1.0) if whole else (0.0, 1.0)))
    least = 0.0 if undecided else 1.0
    choices += [((least, 1.0), (k / pieces, (k + 1) / pieces)) for k in range(pieces)]
    return choices


def add_tangents(user: UserCells, values: Sequence[float], violated: float) -> int:
    """Add the tangents at a point of one user that the point violates; return how many points."""

    def value(variable: Variable) -> float:
        place = user.places.get(variable)
        return float(variable.value) if place is None else values[place]

    new = 0
    for curve in user.curves:
        at = curve.parameter(value)
        if at in curve.points:
            continue
        if any(amount(row, values) > violated * size(row, values) for row in curve.at(at)):
            bisect.insort(curve.points, at)
            new += 1
    return new


def note_products(placed: Placed, values: Sequence[float]) -> None:
    """Keep the worst product of a cell at a point, and where to split it."""
    user, cell = placed.user, placed.cell
    for row in user.rows:
        if row.product is None:
            continue
        first, second, c = row.product
        off = amount(row, values)
        if off <= EXACT * size(row, values):
            continue
        error = off / (abs(c) * user.scale[first] * user.scale[second])
        if cell.loose is None or error > cell.loose.error:
            # The side that is wider, against what it was at first.
            place = max(
                (first, second), key=lambda p: (cell.box[p][1] - cell.box[p][0]) / user.scale[p]
            )
            cell.loose = Loose(error, row.name, place, values[place])


def halves(cell: Cell, loose: Loose) -> tuple[Cell, Cell]:
    """Split a cell between its middle and the point where its product was loose."""
    low, high = cell.box[loose.place]
    margin = 0.15 * (high - low)
    at = min(max(0.25 * (low + high) + 0.5 * loose.value, low + margin), high - margin)
    left, right = list(cell.box), list(cell.box)
    left[loose.place], right[loose.place] = (low, at), (at, high)
    return Cell(left, cell.bound), Cell(right, cell.bound)
