"""The values of a model's variables."""

from __future__ import annotations

from eipyomo import models
from eipyomo.models.relaxation import ends
from eipyomo.models.types import Model
from eipyomo.solvers.backends.base import Point
from eipyomo.solvers.model.points import variables

FEASIBLE = 1e-6
"""Largest violation of the model by a polished point, relative where a side is larger than 1."""


def with_values(model: Model) -> Model:
    """Give the variables of a model that have no value one in their ranges; return the model."""
    for variable in variables(model):
        if variable.value is None:
            low, high = ends(variable)
            variable.set_value(min(max(0.0, low), high), skip_validation=True)
    return model


def is_allowed(model: Model) -> bool:
    """Tell whether a model's values satisfy its rows and are in its variables' ranges."""
    try:
        return models.largest_violation(model)[1] <= FEASIBLE and all(
            is_near(variable.value, min(max(variable.value, low), high))
            for variable in variables(model)
            if variable.value is not None and not variable.fixed
            for low, high in [ends(variable)]
        )
    except (ArithmeticError, TypeError, ValueError):  # an overflow, or no value
        return False


def is_near(value: float, other: float) -> bool:
    """Tell whether two values agree, relative to them where they are larger than 1."""
    return abs(value - other) <= FEASIBLE * max(1.0, abs(other))


def put(point: Point) -> None:
    """Give variables the values of a point."""
    for variable, value in point:
        variable.set_value(value, skip_validation=True)
