"""The relaxation of a model: its cells, and what is not in cells."""

from __future__ import annotations

import math
from typing import Any

import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.common.modeling import unique_component_name

from eipyomo.errors import InputError
from eipyomo.models.diagnostics import objective
from eipyomo.models.formulation_options import FIRST_TANGENTS
from eipyomo.models.relaxation.cells import (
    VIOLATED,
    Cell,
    Placed,
    UserCells,
    add_tangents,
    halves,
    note_products,
    parts,
)
from eipyomo.models.relaxation.curves import curves
from eipyomo.models.relaxation.read import (
    CONVEX_ROWS,
    ends,
    is_bounded,
    place_of,
    read,
    refuse,
    without_tangents,
)
from eipyomo.models.relaxation.rows import Row, above, common, propagate
from eipyomo.models.relaxation.write import place_cells
from eipyomo.models.source import source_of
from eipyomo.models.types import Model, Variable

PIECES = 3
"""Cells of ι to begin with, for a = 1, where ι is a factor of a product."""

LOOSE_PART = 0.3
"""Cells are split whose product is off by at least this part of the largest error."""

SPREADS = 3
"""Times that tangents are spread anew while boxes are tightened."""


class Relaxation:
    """The relaxation of a model: cells and tangents, and the Pyomo model that they make.

    Parameters
    ----------
    model
        A spectral model made by :func:`eipyomo.models.minlp`, with whatever a user has added. It
        becomes the relaxation, so it should be a clone. Each convex function begins with as many
        tangents as the option `tangents` of the model says, or ``FIRST_TANGENTS``.

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
        tangents = source_of(model).options.get("tangents", FIRST_TANGENTS)
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
                if not is_bounded(row.body):
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
        pieces = PIECES if places.get(block.component("offload_fraction")) in factors else 1
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
