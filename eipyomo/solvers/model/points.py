"""Values of a model's variables, as solvers give them and as the model takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo

from eipyomo import models

if TYPE_CHECKING:
    from eipyomo.models.types import Model
    from eipyomo.solvers.backends.base import Point

MODEL_TOLERANCE = 1e-5
"""Largest violation of the model's own constraints, relative where a side is larger than 1."""


def variables(model: Model) -> list[Any]:
    """Return all variables of a model."""
    return list(model.component_data_objects(pyo.Var, descend_into=True))


def fits(model: Model) -> bool:
    """Tell whether a model holds at its values."""
    return models.largest_violation(model)[1] <= MODEL_TOLERANCE


def cost_of(model: Model) -> float:
    """Return a model's objective at its values."""
    return float(pyo.value(models.objective(model)))


def values_of(model: Model) -> Point:
    """Return all variables with their values."""
    return [(variable, variable.value) for variable in variables(model)]


def put(point: Point) -> None:
    """Set the variables of a point that are free."""
    for variable, value in point:
        if not variable.fixed:
            variable.set_value(value, skip_validation=True)


def take(model: Model, point: Point) -> None:
    """Set the free variables to a solver's values, moved into bounds that these leave by rounding.

    A bound such as 1e-6 of the band must hold in itself, not within a solver's tolerance.
    """
    put(point)
    for variable in variables(model):
        if variable.fixed or variable.value is None:
            continue
        low, high = variable.bounds
        inside = variable.value
        inside = inside if low is None else max(inside, low)
        inside = inside if high is None else min(inside, high)
        if 0 < abs(inside - variable.value) <= MODEL_TOLERANCE * max(1.0, abs(inside)):
            variable.set_value(inside, skip_validation=True)
