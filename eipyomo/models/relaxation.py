"""A relaxation of the spectral model that is linear but for its choices: one cell per end user.

A cell is a box of one user's variables, and a user's cells cover all that the user can decide: a,
and ranges of ι. In each cell the block has copies x_k of its variables and a binary z_k that says
whether the cell is chosen, and its rows stand there as a ≤ Σ c x_k ≤ b times z_k:

* linear rows as they are;
* a product x y by its planes over the cell's box (McCormick), so that smaller cells are tighter;
* convex rows by tangents, at points that are added where a relaxed point violates them.

With x = Σ_k x_k and Σ_k z_k = 1 the linear relaxation is the convex hull of the user's cells. What
couples users, and what a user of the package has added, stands on the model's own variables. So
whatever the model allows, the relaxation allows: docs/formulations.md has the derivation.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.core.expr.numeric_expr import LinearExpression
from pyomo.repn import generate_standard_repn

from eipyomo.errors import InputError
from eipyomo.models.diagnostics import objective
from eipyomo.models.source import source_of
from eipyomo.models.spectral import energy_tangent, full_load_s, share_tangent, time_tangent

if TYPE_CHECKING:
    from eipyomo.models.joint import Model

Block = Any
Expression = Any
Variable = Any
Range = tuple[float, float]
Reader = Callable[[Variable], float]

TANGENTS = 16
"""Points at which each convex function has a tangent to begin with."""

PIECES = 3
"""Cells of ι to begin with, for a = 1, where ι is a factor of a product."""

CONVEX_ROWS = frozenset(
    {
        "uplink_efficiency",
        "upload_time",
        "downlink_efficiency",
        "download_time",
        "local_pace",
        "local_energy",
    }
)
TANGENT_ROWS = ("uplink_tangents", "downlink_tangents", "local_tangents")

VIOLATED = 1e-8
"""A tangent is added where it is violated by more, relative where its side is larger than 1."""

LOOSE_PART = 0.3
"""Cells are split whose product is off by at least this part of the largest error."""

EXACT = 1e-10
"""An error of a product, relative to the first box, that counts as none."""

NARROW = 1e-9
"""Width of a range that is a point, where something is divided by it."""


class Row(NamedTuple):
    """lower ≤ Σ coefficient x + coefficient x y ≤ upper, variables by their place in the user."""

    name: str
    terms: tuple[tuple[int, float], ...]
    lower: float | None
    upper: float | None
    product: tuple[int, int, float] | None = None


@dataclass
class Curve:
    """A convex function of one parameter (u, or f), as the tangents at some of its points.

    Attributes
    ----------
    points
        In ascending order.
    tangents
        The relations that hold at one point.
    parameter
        Where on the curve a point of the model is.
    place
        The parameter's variable, if it is one; then a cell needs the points near its box only.
    """

    points: list[float]
    tangents: Callable[[float], Sequence[Expression]]
    parameter: Callable[[Reader], float]
    place: int | None = None
    rows: dict[float, tuple[Row, ...]] = field(default_factory=dict)

    def near(self, box: Sequence[Range]) -> list[float]:
        """Return the points in a box, and the next one on either side."""
        if self.place is None:
            return self.points
        low, high = box[self.place]
        first = max(bisect.bisect_right(self.points, low) - 1, 0)
        return self.points[first : bisect.bisect_left(self.points, high) + 1]


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

    def in_cell(self, cell: Cell) -> Iterator[Row]:
        """Iterate over the linear rows that hold in a cell."""
        for row in self.rows:
            yield from planes(row, cell.box) if row.product else (row,)
        for curve in self.curves:
            for point in curve.near(cell.box):
                yield from self.tangents(curve, point)

    def tangents(self, curve: Curve, point: float) -> tuple[Row, ...]:
        """Return the tangents at a point as rows."""
        if point not in curve.rows:
            curve.rows[point] = tuple(
                read(relation.args[1] - relation.args[0], 0.0, None, "tangent", self.places)
                for relation in curve.tangents(point)
            )
        return curve.rows[point]


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


class Relaxation:
    """The relaxation of a model: cells and tangents, and the Pyomo model that they make.

    Parameters
    ----------
    model
        A spectral model made by :func:`eipyomo.models.minlp`, with whatever a user has added. It
        becomes the relaxation, so it should be a clone. Each convex function begins with as many
        tangents as the option `tangents` of the model says, or ``TANGENTS``.

    Attributes
    ----------
    model
        The Pyomo model, linear but for its binaries after :meth:`build`.
    users
        Their cells, to be dropped or narrowed by whoever proves that this loses nothing.
    placed
        The cells as they stand in `model`.

    Raises
    ------
    InputError
        If the model holds what has no relaxation here; see :func:`refuse`.
    """

    def __init__(self, model: Model) -> None:
        without_tangents(model)
        refuse(model)
        self.model = model
        tangents = source_of(model).options.get("tangents", TANGENTS)
        self.users = [self._read(name, tangents) for name in model.users]
        self.placed: list[Placed] = []

    def _read(self, name: Any, tangents: int) -> UserCells:
        """Take the rows of a user's block, which go into its cells."""
        block = self.model.user[name]
        places = ComponentMap()
        rows = []
        whole = block.offload_without_download.active
        convex = [block.component(key) for key in CONVEX_ROWS]
        active = {row.local_name for row in convex if row is not None and row.active}
        for row in list(block.component_data_objects(pyo.Constraint, active=True)):
            if not any(row is one for one in convex):
                if not _bounded(row.body):
                    continue  # copies need bounds, so it stays on the model's own variables
                rows.append(read(row.body, row.lower, row.upper, row.local_name, places))
            row.deactivate()
        user = UserCells(block, [], places, rows, [], [], [])
        user.curves = list(curves(self.model, name, places, active, tangents))
        for curve in user.curves:
            for point in curve.points:
                user.tangents(curve, point)
        user.variables = list(places.keys())
        box = [(float(variable.lb), float(variable.ub)) for variable in user.variables]
        user.scale = [max(high - low, NARROW) for low, high in box]
        factors = {place for row in rows if row.product for place in row.product[:2]}
        pieces = PIECES if places.get(block.offload_fraction) in factors else 1
        user.cells = [Cell(part) for part in parts(block, places, box, pieces, whole=whole)]
        return user

    def build(self) -> None:
        """Write the cells and their rows into the Pyomo model, in place of those before."""
        model = self.model
        if model.component("cells") is not None:
            model.del_component("cells")
        model.cells = pyo.Block(pyo.RangeSet(0, len(self.users) - 1))
        self.placed = []
        for place, user in enumerate(self.users):
            self.placed += place_cells(model.cells[place], user)

    def learn(self) -> int:
        """Take what the model's values violate: new tangents, and how loose the products are.

        Returns
        -------
        int
            The number of tangents' points that are new.
        """
        new = 0
        for placed in self.placed:
            if placed.weight() > 0.05:
                values = placed.values()
                new += add_tangents(placed.user, values)
                note_products(placed, values)
        return new

    def split(self) -> int:
        """Halve the cells whose product was loose, and forget it; return how many there were."""
        worst: dict[str, float] = {}
        cells = [cell for user in self.users for cell in user.cells]
        for cell in cells:
            if cell.loose is not None:
                worst[cell.loose.row] = max(worst.get(cell.loose.row, 0.0), cell.loose.error)
        count = len(cells)
        for user in self.users:
            user.cells = [
                half
                for cell in user.cells
                for half in (
                    halves(cell, cell.loose)
                    if cell.loose and cell.loose.error > LOOSE_PART * worst[cell.loose.row]
                    else (Cell(cell.box, cell.bound),)
                )
            ]
        return sum(len(user.cells) for user in self.users) - count


def without_tangents(model: Model) -> Model:
    """Deactivate a spectral model's tangents, which follow from its convex rows; return it."""
    for name in model.users:
        for key in TANGENT_ROWS:
            model.user[name].component(key).deactivate()
    return model


def refuse(model: Model) -> None:
    """Raise an :class:`InputError` if a model has no relaxation here."""
    if source_of(model).formulation != "spectral":
        raise InputError(
            f"formulation is {source_of(model).formulation!r}, but must be 'spectral' for a "
            "piecewise linear relaxation"
        )
    cost = objective(model)
    if cost.expr.polynomial_degree() not in (0, 1):
        raise InputError(
            f"the objective {cost.name!r} is not linear, but must be for a piecewise linear "
            "relaxation"
        )
    known = {id(model.user[name].component(key)) for name in model.users for key in CONVEX_ROWS}
    inside = {id(model.user[name]) for name in model.users}
    for row in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        if id(row) in known or row.parent_component().local_name in TANGENT_ROWS:
            continue
        if row.body.polynomial_degree() in (0, 1):
            continue
        if id(row.parent_block()) in inside and _is_product(row.body):
            continue
        raise InputError(
            f"the constraint {row.name!r} is not linear, but must be for a piecewise linear "
            "relaxation"
        )


def _is_product(body: Expression) -> bool:
    """Tell whether an expression is linear but for one product of two bounded variables."""
    found = generate_standard_repn(body, quadratic=True)
    pairs = [pair for pair, c in zip(found.quadratic_vars, found.quadratic_coefs, strict=True) if c]
    return (
        found.nonlinear_expr is None
        and len(pairs) <= 1
        and all(x is not y and None not in (*x.bounds, *y.bounds) for x, y in pairs)
    )


def _bounded(body: Expression) -> bool:
    found = generate_standard_repn(body, quadratic=True)
    pairs = [variable for pair in found.quadratic_vars for variable in pair]
    return all(None not in variable.bounds for variable in (*found.linear_vars, *pairs))


def read(body: Expression, lower: Expression, upper: Expression, name: str, places: Any) -> Row:
    """Read lower ≤ body ≤ upper; variables that are new get the next places."""
    found = generate_standard_repn(body, quadratic=True)
    pairs = zip(found.quadratic_vars, found.quadratic_coefs, strict=True)
    product = next(
        ((place_of(x, places), place_of(y, places), float(c)) for (x, y), c in pairs if c), None
    )
    terms = zip(found.linear_vars, found.linear_coefs, strict=True)
    return Row(
        name,
        tuple((place_of(variable, places), float(c)) for variable, c in terms if c),
        None if lower is None else float(pyo.value(lower) - found.constant),
        None if upper is None else float(pyo.value(upper) - found.constant),
        product,
    )


def place_of(variable: Variable, places: Any) -> int:
    """Return a variable's place, the next one if it is new."""
    return int(places.setdefault(variable, len(places)))


def curves(
    model: Model, name: Any, places: Any, active: set[str], tangents: int
) -> Iterator[Curve]:
    """Iterate over a user's convex functions: of u up, of u down, and of f."""
    block = model.user[name]
    for way, nats, snr, share, seconds in (
        ("up", block.uplink_nats, block.uplink_snr, model.uplink_share[name], block.upload_s),
        ("down", block.downlink_nats, block.downlink_snr, block.receiving_share, block.download_s),
    ):
        low, high = (nats.value, nats.value) if nats.fixed else nats.bounds
        yield Curve(
            sorted({low + (high - low) * k / (tangents - 1) for k in range(tangents)}),
            _transmission(way, nats, snr, share, seconds, full_load_s(model, snr), active),
            partial(_value_of, nats),
            None if nats.fixed else place_of(nats, places),
        )
    if {"local_pace", "local_energy"} <= active:
        fastest = float(pyo.value(block.max_frequency_ghz))
        work = float(pyo.value(model.gigacycles_per_mbit * block.task_mbit))
        yield Curve(
            [fastest * 0.8 ** (tangents - 1 - k) for k in range(tangents)],
            lambda frequency: (energy_tangent(block, frequency),),
            lambda value: _frequency(value, block, work, fastest),
        )


def _transmission(
    way: str,
    nats: Variable,
    snr: Expression,
    share: Variable,
    seconds: Variable,
    load_s: Expression,
    active: set[str],
) -> Callable[[float], Sequence[Expression]]:
    """Return the tangents of b and of τ as functions of u, of those rows that are active."""

    def tangents(at: float) -> Sequence[Expression]:
        found = []
        if f"{way}link_efficiency" in active:
            found.append(share_tangent(share, nats, snr, at))
        if f"{way}load_time" in active:
            found.append(time_tangent(seconds, nats, load_s, at))
        return found

    return tangents


def _value_of(variable: Variable, value: Reader) -> float:
    """Return u itself."""
    return value(variable)


def _frequency(value: Reader, block: Block, work: float, fastest: float) -> float:
    """Return f = C(1-ι)L/d, in (0, f_max]."""
    seconds = value(block.local_inference_s)
    done = work * (1.0 - value(block.offload_fraction))
    return min(max(done / seconds, 1e-3 * fastest), fastest) if seconds > 0.0 else fastest


def parts(
    block: Block, places: Any, box: list[Range], pieces: int, *, whole: bool
) -> Iterator[list[Range]]:
    """Iterate over boxes that cover a user's decisions: a = 0, and pieces of ι for a = 1.

    With `whole`, a = 0 means ι = 1, as it does unless a user has taken that row away.
    """
    undecided = block.download.is_continuous() and not block.download.fixed
    choices: list[tuple[Range, Range]] = []
    if not undecided:
        choices.append(((0.0, 0.0), (1.0, 1.0) if whole else (0.0, 1.0)))
    least = 0.0 if undecided else 1.0
    choices += [((least, 1.0), (k / pieces, (k + 1) / pieces)) for k in range(pieces)]
    for download, offload in choices:
        part = list(box)
        empty = False
        for variable, wanted in ((block.download, download), (block.offload_fraction, offload)):
            own = (variable.value,) * 2 if variable.fixed else variable.bounds
            low, high = max(own[0], wanted[0]), min(own[1], wanted[1])
            empty |= low > high
            if variable in places:
                part[places[variable]] = (low, high)
        if not empty:
            yield part


def place_cells(block: Block, user: UserCells) -> list[Placed]:
    """Write a user's cells into an empty block: z_k, x_k, their rows, Σ z_k = 1, x = Σ x_k."""
    numbers = range(len(user.cells))
    varying = [
        [place for place, (low, high) in enumerate(cell.box) if low < high] for cell in user.cells
    ]
    block.chosen = pyo.Var(numbers, domain=pyo.Binary, bounds=(0, 1), doc="z_k")
    block.copy = pyo.Var([(k, place) for k in numbers for place in varying[k]], doc="x_k")
    block.rows = pyo.ConstraintList(doc="rows of the cells")
    placed = [
        Placed(user, cell, block.chosen[k], {place: block.copy[k, place] for place in varying[k]})
        for k, cell in enumerate(user.cells)
    ]
    for one in placed:
        for copy, (low, high) in ((copy, one.cell.box[p]) for p, copy in one.copies.items()):
            copy.setlb(min(low, 0.0))
            copy.setub(max(high, 0.0))
            block.rows.add((0.0, linear([(copy, 1.0), (one.chosen, -low)]), None))
            block.rows.add((None, linear([(copy, 1.0), (one.chosen, -high)]), 0.0))
        for row in user.in_cell(one.cell):
            add_row(block.rows, row, one)
    block.rows.add((1.0, linear([(chosen, 1.0) for chosen in block.chosen.values()]), 1.0))
    for place, variable in enumerate(user.variables):
        shares = [
            (one.copies[place], 1.0)
            if place in one.copies
            else (one.chosen, one.cell.box[place][0])
            for one in placed
        ]
        block.rows.add((0.0, linear([*shares, (variable, -1.0)]), 0.0))
    return placed


def add_row(rows: Any, row: Row, placed: Placed) -> None:
    """Add lower z ≤ Σ c x_k ≤ upper z, with a variable that is fixed in the cell as its z."""
    terms = [(placed.copies[place], c) for place, c in row.terms if place in placed.copies]
    known = sum(
        c * placed.cell.box[place][0] for place, c in row.terms if place not in placed.copies
    )
    if row.lower is not None:
        rows.add((0.0, linear([*terms, (placed.chosen, known - row.lower)]), None))
    if row.upper is not None:
        rows.add((None, linear([*terms, (placed.chosen, known - row.upper)]), 0.0))


def linear(terms: Sequence[tuple[Variable, float]]) -> Expression:
    """Return Σ c x as Pyomo writes it fastest."""
    return LinearExpression(
        constant=0, linear_coefs=[c for _, c in terms], linear_vars=[x for x, _ in terms]
    )


def planes(row: Row, box: Sequence[Range]) -> Iterator[Row]:
    """Replace x y over a box by each of its two planes on the side that the row needs.

    x y ≥ u y + v x - u v where (u, v) are both lower or both upper ends of the ranges, and ≤ where
    one is a lower and the other an upper end (McCormick).
    """
    assert row.product is not None
    first, second, c = row.product
    (a, b), (p, q) = box[first], box[second]
    for lower, upper in ((row.lower, None), (None, row.upper)):
        if (lower, upper) == (None, None):
            continue
        below = (c < 0.0) == (upper is None)
        for u, v in ((a, p), (b, q)) if below else ((a, q), (b, p)):
            shift = c * u * v
            yield Row(
                row.name,
                combined((*row.terms, (second, c * u), (first, c * v))),
                None if lower is None else lower + shift,
                None if upper is None else upper + shift,
            )


def combined(terms: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """Return terms with one coefficient per variable."""
    total: dict[int, float] = {}
    for place, c in terms:
        total[place] = total.get(place, 0.0) + c
    return tuple(total.items())


def amount(row: Row, values: Sequence[float]) -> float:
    """Return by how much a point violates a row; negative where it holds with room."""
    total = sum(c * values[place] for place, c in row.terms)
    if row.product is not None:
        first, second, c = row.product
        total += c * values[first] * values[second]
    return max(
        -math.inf if row.lower is None else row.lower - total,
        -math.inf if row.upper is None else total - row.upper,
    )


def add_tangents(user: UserCells, values: Sequence[float]) -> int:
    """Add the tangents at a point of one user that the point violates; return how many points."""

    def value(variable: Variable) -> float:
        place = user.places.get(variable)
        return float(variable.value) if place is None else values[place]

    new = 0
    for curve in user.curves:
        at = curve.parameter(value)
        if at in curve.points:
            continue
        rows = user.tangents(curve, at)
        if any(amount(row, values) > VIOLATED * max(1.0, abs(row.lower or 0.0)) for row in rows):
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
        error = amount(row, values) / (abs(c) * user.scale[first] * user.scale[second])
        if error > EXACT and (cell.loose is None or error > cell.loose.error):
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
