"""A relaxation of the spectral model that is linear but for its choices: one cell per end user.

A cell is a box of one user's variables, and a user's cells cover all that the user can decide: a,
and ranges of ι. In each cell the block has copies x_k of its variables and a binary z_k that says
whether the cell is chosen, and its rows stand there as a ≤ Σ c x_k ≤ b times z_k:

* linear rows as they are;
* a product x y by its planes over the cell's box (McCormick), so that smaller cells are tighter;
* convex rows by tangents, at points that are added where a relaxed point violates them;
* all of them a little wider, so that rounding in their coefficients loses no point either.

With x = Σ_k x_k and Σ_k z_k = 1 the linear relaxation is the convex hull of the user's cells. What
couples users, and what a user of the package has added, stands on the model's own variables. So
whatever the model allows, the relaxation allows: docs/formulations.md has the derivation.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.common.modeling import unique_component_name
from pyomo.core.expr.numeric_expr import LinearExpression
from pyomo.repn import generate_standard_repn
from pyomo.repn.util import categorize_valid_components

from eipyomo.errors import InputError
from eipyomo.models.diagnostics import objective
from eipyomo.models.formulations.spectral import full_load_s, whole_task
from eipyomo.models.source import source_of
from eipyomo.models.types import Block, Expression, Model, Variable

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
"""A tangent is added where it is violated by more, relative to its terms, unless told otherwise."""

LOOSE_PART = 0.3
"""Cells are split whose product is off by at least this part of the largest error."""

EXACT = 1e-10
"""An error of a product, relative to its row's terms, that counts as none."""

WIDTH = 1e-13
"""By how much a row is wider than what was computed, relative to its terms over the box.

A coefficient here comes from fewer than 40 roundings of 1.1e-16, each relative to it: those of
tangents are written without cancellation.
"""

ULP = 2.0**-52

SPREADS, SWEEPS, STEP = 3, 30, 1e-3
"""Times that tangents are spread anew while boxes are tightened, passes over the rows each time,
and the part of a range below which a better bound is not worth a pass."""

FREQUENCIES = 0.03
"""Tangents of e^c begin at this part of the frequency that a whole task needs at the latest."""

KINDS = {
    pyo.Block,
    pyo.Constraint,
    pyo.Expression,
    pyo.Objective,
    pyo.Param,
    pyo.RangeSet,
    pyo.Reference,
    pyo.Set,
    pyo.SetOf,
    pyo.Suffix,
    pyo.Var,
}
"""What a model may consist of."""


class Row(NamedTuple):
    """lower ≤ Σ coefficient x + coefficient x y ≤ upper, variables by their place in the user."""

    name: str
    terms: tuple[tuple[int, float], ...]
    lower: float | None
    upper: float | None
    product: tuple[int, int, float] | None = None

    def moved(self, places: Sequence[int]) -> Row:
        """Return the row with other places in place of 0, 1, and so on."""
        return self._replace(
            terms=tuple((places[place], c) for place, c in self.terms),
            product=None
            if self.product is None
            else (places[self.product[0]], places[self.product[1]], self.product[2]),
        )


@dataclass
class Curve:
    """A convex function of one parameter (u, or f), as the tangents at some of its points.

    Attributes
    ----------
    tangents
        The rows that hold at one point.
    parameter
        Where on the curve a point of the model is.
    spread
        Points over a box, in ascending order.
    place
        The parameter's variable, if it is one; then a cell needs the points near its box only.
    """

    tangents: Callable[[float], tuple[Row, ...]]
    parameter: Callable[[Reader], float]
    spread: Callable[[Sequence[Range]], list[float]]
    place: int | None = None
    points: list[float] = field(default_factory=list)
    rows: dict[float, tuple[Row, ...]] = field(default_factory=dict)

    def at(self, point: float) -> tuple[Row, ...]:
        """Return the rows at a point."""
        if point not in self.rows:
            self.rows[point] = self.tangents(point)
        return self.rows[point]

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
    rows, cost
        What is not in cells: rows of the model's own variables, and its objective, whose sides
        are None and its constant.

    Raises
    ------
    InputError
        If the model holds what has no relaxation here; see :func:`refuse`.
    """

    def __init__(self, model: Model) -> None:
        without_tangents(model)
        refuse(model)
        self.model = model
        self._name = unique_component_name(model, "cells")
        tangents = source_of(model).options.get("tangents", TANGENTS)
        self.users = [self._read(name, tangents) for name in model.users]
        self.placed: list[Placed] = []
        self._places = ComponentMap()
        self.rows = [
            read(row.body, row.lower, row.upper, row.name, self._places)
            for row in model.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        ]
        cost = objective(model)
        self.cost = read(cost.expr, None, 0.0, cost.name, self._places)

    def _read(self, name: Any, tangents: int) -> UserCells:
        """Take the rows of a user's block, which go into its cells."""
        block = self.model.user[name]
        places = ComponentMap()
        rows = []
        whole = block.component("offload_without_download") is not None and (
            block.offload_without_download.active
        )
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
        for curve in user.curves:  # so that all of their variables have places
            curve.at(1.0)
        user.variables = list(places.keys())
        box = [ends(variable) for variable in user.variables]
        for variable, ending in zip(user.variables, box, strict=True):
            if not all(map(math.isfinite, ending)):
                raise InputError(
                    f"the variable {variable.name!r} has the bounds {variable.bounds}, but they "
                    "must be finite for a piecewise linear relaxation"
                )
        user.spread(box)
        factors = {place for row in rows if row.product for place in row.product[:2]}
        pieces = PIECES if places.get(block.offload_fraction) in factors else 1
        user.cells = [Cell(part) for part in parts(block, places, box, pieces, whole=whole)]
        return user

    def tighten(self, cutoff: float = math.inf) -> bool:
        """Draw bounds of all variables from the rows, one by one, and from a cost to stay below.

        This is interval arithmetic on what the model says of the points that cost at most
        `cutoff`, rounded outwards. Bounds and cells become tighter, and tangents are spread anew.

        Returns
        -------
        bool
            Whether there may be a point that costs no more; if not, there is none.
        """
        places = ComponentMap(self._places.items())
        local = [[place_of(one, places) for one in user.variables] for user in self.users]
        variables = list(places)
        box = [ends(variable) for variable in variables]
        integral = {place for place, one in enumerate(variables) if not one.is_continuous()}
        rows = list(self.rows)
        if cutoff < math.inf:
            rows.append(self.cost._replace(upper=above(cutoff, self.cost.upper or 0.0)))
        rows += [
            row.moved(mine)
            for user, mine in zip(self.users, local, strict=True)
            for row in user.rows
        ]
        for _ in range(SPREADS):
            tangents = [
                row.moved(mine)
                for user, mine in zip(self.users, local, strict=True)
                for curve in user.curves
                for point in curve.points
                for row in curve.at(point)
            ]
            if not propagate([*rows, *tangents], box, integral):
                return False
            for user, mine in zip(self.users, local, strict=True):
                user.spread([box[place] for place in mine])
        for variable, (low, high) in zip(variables, box, strict=True):
            variable.setlb(low if low > -math.inf else None)
            variable.setub(high if high < math.inf else None)
        for user, mine in zip(self.users, local, strict=True):
            user.cells = [
                Cell(part, cell.bound)
                for cell in user.cells
                if (part := common(cell.box, [box[place] for place in mine])) is not None
            ]
        return all(user.cells for user in self.users)

    def build(self) -> None:
        """Write the cells and their rows into the Pyomo model, in place of those before."""
        model = self.model
        if model.component(self._name) is not None:
            model.del_component(self._name)
        cells = pyo.Block(pyo.RangeSet(0, len(self.users) - 1))
        model.add_component(self._name, cells)
        self.placed = []
        for place, user in enumerate(self.users):
            self.placed += place_cells(cells[place], user)

    def program(self) -> tuple[dict[str, Any], list[Variable]]:
        """Return what was built as numbers, and the variables that its columns stand for.

        Every number is handed over as it is, so that a proof about them is one about the model;
        None stands for a side that is not there. Each of ``groups`` holds the columns of one
        user's z_k, of which one is 1.
        """
        columns = ComponentMap(self._places.items())
        rows = list(self.rows)
        for block in self.model.component(self._name).values():
            for one in block.rows.values():
                body = one.body
                terms = zip(body.linear_vars, body.linear_coefs, strict=True)
                known = tuple((place_of(variable, columns), c) for variable, c in terms)
                rows.append(Row("", known, one.lb, one.ub))
        groups: dict[int, list[int]] = {}
        for placed in self.placed:
            groups.setdefault(id(placed.user), []).append(columns[placed.chosen])
        entries = [(i, j, c) for i, row in enumerate(rows) for j, c in row.terms]
        variables = list(columns)
        program = {
            "cost": self.cost.terms,
            "offset": -(self.cost.upper or 0.0),
            "entries": [[entry[k] for entry in entries] for k in range(3)],
            "lower": [row.lower for row in rows],
            "upper": [row.upper for row in rows],
            "box": [
                [end if math.isfinite(end) else None for end in ends(variable)]
                for variable in variables
            ],
            "integral": [j for j, one in enumerate(variables) if not one.is_continuous()],
            "groups": list(groups.values()),
        }
        return program, variables

    def learn(self, violated: float = VIOLATED) -> int:
        """Take what the model's values violate: new tangents, and how loose the products are.

        Parameters
        ----------
        violated
            A tangent is added where it is violated by more, relative to its terms.

        Returns
        -------
        int
            The number of tangents' points that are new.
        """
        new = 0
        for placed in self.placed:
            if placed.weight() > 0.05:
                values = placed.values()
                new += add_tangents(placed.user, values, violated)
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
            rows = model.user[name].component(key)
            if rows is not None:
                rows.deactivate()
    return model


def refuse(model: Model) -> None:
    """Raise an :class:`InputError` if a model has no relaxation here."""
    if source_of(model).formulation != "spectral":
        raise InputError(
            f"formulation is {source_of(model).formulation!r}, but must be 'spectral' for a "
            "piecewise linear relaxation"
        )
    _refuse_parts(model)
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
        if id(row.parent_block()) in inside and _is_product(row.body) and _bounded(row.body):
            continue
        raise InputError(
            f"the constraint {row.name!r} is not linear, but must be for a piecewise linear "
            "relaxation"
        )


def _refuse_parts(model: Model) -> None:
    """Raise an :class:`InputError` if a model holds more than rows, or variables without sense."""
    _, others = categorize_valid_components(model, valid=KINDS)
    for kind, parts in others.items():
        raise InputError(
            f"{parts[0].name!r} is a {kind.__name__}, but a piecewise linear relaxation takes "
            "variables, linear constraints and a linear objective"
        )
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        if variable.fixed and not (variable.value is not None and math.isfinite(variable.value)):
            raise InputError(
                f"the variable {variable.name!r} is fixed at {variable.value}, but must be fixed "
                "at a number"
            )
        if any(end is not None and math.isnan(end) for end in variable.bounds):
            raise InputError(
                f"the variable {variable.name!r} has the bounds {variable.bounds}, but they must "
                "be numbers"
            )
        if not (variable.is_continuous() or variable.is_integer()):
            raise InputError(
                f"the variable {variable.name!r} lies in {variable.domain}, but a piecewise "
                "linear relaxation takes intervals, or all integers in one"
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
    terms = zip(found.linear_vars, found.linear_coefs, strict=True)
    row = Row(
        name,
        tuple((place_of(variable, places), float(c)) for variable, c in terms if c),
        None if lower is None else float(pyo.value(lower) - found.constant),
        None if upper is None else float(pyo.value(upper) - found.constant),
        next(
            ((place_of(x, places), place_of(y, places), float(c)) for (x, y), c in pairs if c), None
        ),
    )
    numbers = [c for _, c in row.terms] + [side for side in row[2:4] if side is not None]
    numbers += [row.product[2]] if row.product else []
    for number in numbers:
        if not math.isfinite(number):
            raise InputError(f"{name!r} holds the number {number}, but all must be finite")
    return row


def stated(terms: Iterable[tuple[Variable, float]], side: float, places: Any) -> tuple[Row, ...]:
    """Return Σ c x ≥ side, with fixed variables in the side; nothing where numbers overflow."""
    left = []
    for variable, c in terms:
        if variable.fixed:
            known = c * float(variable.value)
            side -= known + WIDTH * abs(known)
        else:
            left.append((place_of(variable, places), c))
    if not all(map(math.isfinite, [side, *(c for _, c in left)])):
        return ()
    return (Row("tangent", tuple((place, c) for place, c in left if c), side, None),)


def place_of(variable: Variable, places: Any) -> int:
    """Return a variable's place, the next one if it is new."""
    return int(places.setdefault(variable, len(places)))


def ends(variable: Variable) -> Range:
    """Return a variable's range."""
    low, high = variable.bounds
    return -math.inf if low is None else float(low), math.inf if high is None else float(high)


def common(box: Sequence[Range], other: Sequence[Range]) -> list[Range] | None:
    """Return what two boxes have in common, None for nothing."""
    both = [
        (max(low, other_low), min(high, other_high))
        for (low, high), (other_low, other_high) in zip(box, other, strict=True)
    ]
    return both if all(low <= high for low, high in both) else None


def above(number: float, other: float) -> float:
    """Return a sum, rounded upwards."""
    return number + other + ULP * (abs(number) + abs(other))


def widened(row: Row, box: Sequence[Range]) -> Row:
    """Return a row with one coefficient per variable, wider by what rounding may have taken off."""
    most = sum(abs(c) * max(map(abs, box[place])) for place, c in row.terms)
    lower = None if row.lower is None else row.lower - WIDTH * (most + abs(row.lower))
    upper = None if row.upper is None else row.upper + WIDTH * (most + abs(row.upper))
    return Row(
        row.name,
        combined(row.terms),
        lower if lower is not None and lower > -math.inf else None,
        upper if upper is not None and upper < math.inf else None,
    )


def propagate(rows: Sequence[Row], box: list[Range], integral: set[int]) -> bool:
    """Tighten a box by rows until little changes; return False if it holds no point of them."""
    for _ in range(SWEEPS):
        changed = False
        for row in rows:
            for place, low, high in implied(row, box):
                if low > high:
                    return False
                old = box[place]
                new = narrower(old, low, high, integral=place in integral)
                if new[0] > new[1]:
                    return False
                width = old[1] - old[0]
                step = STEP * width if width < math.inf else 0.0
                if new[0] > old[0] + step or new[1] < old[1] - step:
                    box[place] = new
                    changed = True
        if not changed:
            break
    return True


def narrower(old: Range, low: float, high: float, *, integral: bool) -> Range:
    """Return the part of a range between two ends, or between the integers between them."""
    if integral and low > -math.inf:
        low = math.ceil(low)
    if integral and high < math.inf:
        high = math.floor(high)
    return max(low, old[0]), min(high, old[1])


def implied(row: Row, box: Sequence[Range]) -> Iterator[tuple[int, float, float]]:
    """Iterate over what a row says of each of its variables, rounded outwards.

    A row without any says nothing, or what cannot be: then the range is empty.
    """
    for sign, limit in ((1.0, row.upper), (-1.0, row.lower)):
        if limit is None:
            continue
        side = sign * limit
        terms = [(place, sign * c) for place, c in row.terms]
        least = [c * box[place][0 if c > 0.0 else 1] for place, c in terms]
        if row.product is not None:
            first, second, c = row.product
            least.append(min(sign * c * x * y for x in box[first] for y in box[second]))
        if not terms:
            if sum(least) > side + WIDTH * (abs(side) + abs(sum(least))):
                yield (0, math.inf, -math.inf)
            continue
        before = list(accumulate(least, initial=0.0))
        behind = list(accumulate(reversed(least), initial=0.0))[::-1]
        sizes = list(map(abs, least))
        before_size = list(accumulate(sizes, initial=0.0))
        behind_size = list(accumulate(reversed(sizes), initial=0.0))[::-1]
        for k, (place, c) in enumerate(terms):
            rest = before[k] + behind[k + 1]
            if rest > -math.inf:
                size = abs(side) + before_size[k] + behind_size[k + 1]
                end = (side - rest + WIDTH * size) / c
                end += math.copysign(2.0 * ULP * abs(end), c)
                yield (place, -math.inf, end) if c > 0.0 else (place, end, math.inf)


def curves(
    model: Model, name: Any, places: Any, active: set[str], tangents: int
) -> Iterator[Curve]:
    """Iterate over a user's convex functions: of u up, of u down, and of f."""
    block = model.user[name]
    for way, nats, snr, share, seconds in (
        ("up", block.uplink_nats, block.uplink_snr, model.uplink_share[name], block.upload_s),
        ("down", block.downlink_nats, block.downlink_snr, block.receiving_share, block.download_s),
    ):
        if not nats.fixed:
            # The ends of u are logarithms of 1 + g/b, which was rounded against 1.
            low, high = nats.bounds
            nats.setlb(max(low - 4.0 * ULP * max(1.0, low), 0.5 * low))
            nats.setub(high + 4.0 * ULP * max(1.0, high))
        place = None if nats.fixed else place_of(nats, places)
        yield Curve(
            partial(
                _transmission,
                nats=nats,
                snr=float(pyo.value(snr)),
                load_s=float(pyo.value(full_load_s(model, snr))),
                share=share if f"{way}link_efficiency" in active else None,
                seconds=seconds if f"{way}load_time" in active else None,
                places=places,
            ),
            partial(_value_of, nats),
            partial(_spread_nats, nats, place, tangents),
            place,
        )
    if {"local_pace", "local_energy"} <= active:
        fastest = float(pyo.value(block.max_frequency_ghz))
        work = float(pyo.value(whole_task(block, model)))
        seconds = block.local_inference_s
        place = None if seconds.fixed else place_of(seconds, places)
        yield Curve(
            partial(_energy, block=block, work=work, places=places),
            lambda value: _frequency(value, block, work, fastest),
            partial(_spread_frequencies, seconds, place, tangents, work, fastest),
        )


def _transmission(
    at: float,
    *,
    nats: Variable,
    snr: float,
    load_s: float,
    share: Variable | None,
    seconds: Variable | None,
    places: Any,
) -> tuple[Row, ...]:
    """Return the tangents of b and of τ as functions of u, of those rows that are active."""
    rows: list[Row] = []
    if at <= 0.0:
        return ()
    try:
        grown = math.expm1(at)
        if share is not None:
            # b = g/(e^u - 1), whose slope is -b e^u/(e^u - 1)
            value = snr / grown
            rows += _tangent(share, nats, at, value, value / math.expm1(-at), places)
        if seconds is not None:
            # τ = D_m ln 2/(g B) (e^u - 1)/u
            rows += _tangent(seconds, nats, at, load_s * grown / at, load_s * _slope(at), places)
    except OverflowError:
        pass
    return tuple(rows)


def _tangent(
    y: Variable, x: Variable, at: float, value: float, slope: float, places: Any
) -> tuple[Row, ...]:
    """Return y ≥ value + slope (x - at), less rounding."""
    side = value - slope * at
    side -= WIDTH * (abs(value) + abs(slope * at))
    return stated([(y, 1.0), (x, -slope)], side, places)


def _slope(at: float) -> float:
    """Return the slope of (e^u - 1)/u, which is Σ (k+1)/(k+2)! u^k, without cancellation."""
    if at > 1.0:
        return (math.exp(at) * (at - 1.0) + 1.0) / at**2
    total, power = 0.0, 1.0
    for k in range(20):
        total += (k + 1) * power
        power *= at / (k + 3)
    return 0.5 * total


def _energy(at: float, *, block: Block, work: float, places: Any) -> tuple[Row, ...]:
    """Return e^c ≥ κ (3 f² C(1-ι)L - 2 f³ d), the tangent of κ w³/d² where w = f d, for one f."""
    unit = float(pyo.value(block.energy_coefficient)) * at**2
    whole = 3.0 * unit * work
    terms = (
        (block.local_inference_j, 1.0),
        (block.offload_fraction, whole),
        (block.local_inference_s, 2.0 * unit * at),
    )
    return stated(terms, whole, places)


def _spread_nats(
    nats: Variable, place: int | None, count: int, box: Sequence[Range]
) -> list[float]:
    """Return values of u at equal distances over its range."""
    low, high = (nats.value, nats.value) if place is None else box[place]
    return sorted({low + (high - low) * (k / (count - 1)) for k in range(count)})


def _spread_frequencies(
    seconds: Variable,
    place: int | None,
    count: int,
    work: float,
    fastest: float,
    box: Sequence[Range],
) -> list[float]:
    """Return frequencies at equal ratios up to the largest, from one that is slow for its box."""
    latest = seconds.value if place is None else box[place][1]
    least = FREQUENCIES * min(work / latest, fastest) if latest > 0.0 else 0.0
    if not 0.0 < least < fastest:
        return [fastest]
    return [fastest * (least / fastest) ** (1.0 - k / (count - 1)) for k in range(count)]


def _value_of(variable: Variable, value: Reader) -> float:
    """Return u itself."""
    return value(variable)


def _frequency(value: Reader, block: Block, work: float, fastest: float) -> float:
    """Return f = C(1-ι)L/d, in (0, f_max]."""
    seconds = value(block.local_inference_s)
    done = work * (1.0 - value(block.offload_fraction))
    return min(done / seconds, fastest) if seconds > 0.0 and done > 0.0 else fastest


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
                (*row.terms, (second, c * u), (first, c * v)),
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


def size(row: Row, values: Sequence[float]) -> float:
    """Return the sum of what stands in a row at a point, without signs."""
    total = sum(abs(c * values[place]) for place, c in row.terms)
    if row.product is not None:
        first, second, c = row.product
        total += abs(c * values[first] * values[second])
    return total + abs(row.lower or 0.0) + abs(row.upper or 0.0)


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
