"""Models as rows of numbers; refused is what has no relaxation here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyomo.environ as pyo
from pyomo.repn import generate_standard_repn
from pyomo.repn.util import categorize_valid_components

from eipyomo.errors import InputError
from eipyomo.models.diagnostics import objective
from eipyomo.models.formulations.spectral import whole_task
from eipyomo.models.relaxation.rows import WIDTH, Range, Row
from eipyomo.models.source import has_modes, source_of
from eipyomo.models.types import Block, Expression, Model, Variable

CONVEX_ROWS = frozenset(
    {
        "uplink_efficiency",
        "upload_time",
        "downlink_efficiency",
        "download_time",
        "time_to_send",
        "time_to_receive",
        "local_pace",
        "local_energy",
    }
)

TANGENT_ROWS = ("uplink_tangents", "downlink_tangents", "local_tangents")


def work_of(block: Block, model: Model) -> Linear:
    """Return the work in (1) of a user of a spectral model in Gcycle, linear in its decisions."""
    if has_modes(block):
        works = block.mode_local_gigacycles
        terms = [(block.in_mode[k], float(pyo.value(works[k]))) for k in block.modes]
        return Linear(tuple(terms), 0.0, max(work for _, work in terms))
    whole = float(pyo.value(whole_task(block, model)))
    return Linear(((block.offload_fraction, -whole),), whole, whole)


class Linear(NamedTuple):
    """Σ c x + constant, and the most that it can be."""

    terms: tuple[tuple[Variable, float], ...]
    constant: float
    most: float


def decisions(block: Block) -> list[Variable]:
    """Return a and ι of a user, or its choice of a mode."""
    if has_modes(block):
        return list(block.in_mode.values())
    return [block.download, block.offload_fraction]


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
        if id(row.parent_block()) in inside and is_product(row.body) and is_bounded(row.body):
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


def is_product(body: Expression) -> bool:
    """Tell whether an expression is linear but for one product of two bounded variables."""
    found = generate_standard_repn(body, quadratic=True)
    pairs = [pair for pair, c in zip(found.quadratic_vars, found.quadratic_coefs, strict=True) if c]
    return (
        found.nonlinear_expr is None
        and len(pairs) <= 1
        and all(x is not y and None not in (*x.bounds, *y.bounds) for x, y in pairs)
    )


def is_bounded(body: Expression) -> bool:
    """Tell whether all variables of an expression have two bounds."""
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
