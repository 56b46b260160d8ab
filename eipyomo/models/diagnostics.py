"""What a model says of its variables' values: what they violate, and what is minimised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import SumExpression
from pyomo.core.expr.visitor import identify_mutable_parameters

from eipyomo.errors import InputError
from eipyomo.models.types import Model, Variable
from eipyomo.models.with_modes import links_of

OWN_BOUNDS = ("horizon_s", "uplink_floor", "receiving_floor", "largest_share")
"""Params behind the bounds of :mod:`eipyomo.models.reach`, which are no part of the problem."""


def binding_bounds(model: Model) -> list[str]:
    """Return which of the model's own bounds on times and shares touch its values.

    None does for (10) itself. With rows of the user's own one may; :func:`eipyomo.solve_model`
    then widens it. They are mutable Params: ``model.user[name].horizon_s``, ``model.horizon_s``,
    ``model.uplink_floor[name]``, ``model.user[name].receiving_floor``, and
    ``model.largest_share`` where the band is minimised.

    Raises
    ------
    InputError
        If a variable has no value.
    """
    touched = []
    if _value(model.sync_s) >= pyo.value(model.horizon_s) * (1 - 1e-6):
        touched.append("horizon_s")
    for name in model.users:
        user = model.user[name]
        if _value(user.latency_s) >= pyo.value(user.horizon_s) * (1 - 1e-6):
            touched.append(f"user[{name}].horizon_s")
        floors = {
            "uplink": (f"uplink_floor[{name}]", model.uplink_floor[name]),
            "downlink": (f"user[{name}].receiving_floor", user.receiving_floor),
        }
        for way in links_of(model, name).values():
            words, floor = floors[way.link]
            if _value(way.share) <= pyo.value(floor) * (1 + 1e-6):
                touched.append(words)
    most = model.component("largest_share")
    if most is not None:
        shares = (*model.uplink_share.values(), *model.downlink_share.values())
        if max(map(_value, shares)) >= pyo.value(most) * (1 - 1e-6):
            touched.append("largest_share")
    return touched


def _value(variable: Variable) -> float:
    """Return a variable's value, which must be there."""
    if variable.value is None:
        raise InputError(f"the model's variable {variable.name!r} is None, but must be a number")
    return float(variable.value)


def objective(model: Model) -> Any:
    """Return the one active objective, (10a) or what a user has put in its place.

    Raises
    ------
    InputError
        If there is not exactly one.
    """
    active = list(model.component_data_objects(pyo.Objective, active=True, descend_into=True))
    if len(active) != 1:
        names = f" ({', '.join(repr(one.name) for one in active)})" if active else ""
        raise InputError(f"the model has {len(active)} active objectives{names}, but must have one")
    return active[0]


def largest_violation(model: Model) -> tuple[str, float]:
    """Return what the variables' values violate most in the model, and by how much.

    Looked at are all active constraints, and of every variable its bounds, which must hold where it
    is fixed too, and whether it is integral where it has to be: what a user has added or set like
    all else, but for the model's own bounds on times and shares (:func:`binding_bounds`). The
    amount is relative to the bound, or to the row's sides and terms, where those are larger than 1;
    it is NaN where a value is missing or a row is undefined.

    Returns
    -------
    name
        Name of the constraint, or a relation such as ``"user[eu1].ready_s >= 6"``.
    amount
        0 where all holds, with an empty name.
    """
    part, words, most = None, "", 0.0
    for found in _violations(model):
        if not found[2] <= most:  # NaN counts as a violation
            part, words, most = found
            if math.isnan(most):
                break
    return ("", 0.0) if part is None else (f"{part.name}{words}", most)


def _violations(model: Model) -> Iterator[tuple[Any, str, float]]:
    """Iterate over rows, bounds and integrality that are violated, and perhaps others.

    Yields
    ------
    part, words, amount
        The row or variable, what follows its name, which takes long to find, and by how much.
    """
    for row in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        yield row, "", violation(row)
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        if variable.value is None:  # rows that use it are undefined; it may be used by none
            continue
        value = float(variable.value)
        for key, limit, sign, relation in (
            ("lower", variable.lb, 1.0, ">="),
            ("upper", variable.ub, -1.0, "<="),
        ):
            amount = 0.0 if limit is None else _beyond(value, limit, sign)
            if not (amount <= 0.0 or _is_own(getattr(variable, key))):
                yield variable, f" {relation} {limit:g}", amount
        if not variable.is_continuous():
            yield variable, " is integral", abs(value - math.floor(value + 0.5))


def violation(row: Any) -> float:
    """Return by how much a row is violated, relative to its terms and sides if larger than 1.

    NaN where it is undefined at the values that there are.
    """
    lower, body, upper = row.to_bounded_expression()
    terms = body.args if isinstance(body, SumExpression) else (body,)
    try:
        # Pyomo says aloud what it cannot evaluate, unless it is asked for no exception.
        values = [float(pyo.value(term, exception=False)) for term in terms]
    except (ArithmeticError, ValueError, TypeError):  # also a missing or a complex value
        return math.nan
    total, size = sum(values), max(1.0, *map(abs, values))
    amounts = [
        sign * (limit - total) / max(size, abs(limit))
        for side, sign in ((lower, 1.0), (upper, -1.0))
        for limit in ([] if side is None else [float(pyo.value(side))])
    ]
    return math.nan if any(map(math.isnan, amounts)) else max(0.0, *amounts, 0.0)


def _beyond(value: float, limit: float, sign: float) -> float:
    """Return by how much a value is beyond a limit from below (1) or above (-1)."""
    return float(sign * (limit - value) / max(1.0, abs(limit)))


def _is_own(side: Any) -> bool:
    """Tell whether a bound is one that the model was built with, or follows from such."""
    if side is None or isinstance(side, int | float):
        return False
    return any(
        parameter.parent_component().local_name in OWN_BOUNDS
        for parameter in identify_mutable_parameters(side)
    )
