"""A user's cells as rows and columns of a Pyomo model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression

from eipyomo.models.relaxation.cells import Placed, UserCells
from eipyomo.models.relaxation.rows import Row
from eipyomo.models.types import Block, Expression, Variable


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
