"""What of a model not every solver takes, and a tiny one to try a solver on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyomo.environ as pyo

from eipyomo.models.types import Model, Variable


def integer_variables(model: Model) -> Iterator[Variable]:
    """Iterate over the variables that are integral and not fixed."""
    return (variable for variable in _free_variables(model) if not variable.is_continuous())


def unbounded_variables(model: Model) -> Iterator[Variable]:
    """Iterate over the variables that lack a bound and are not fixed."""
    return (variable for variable in _free_variables(model) if None in variable.bounds)


def _free_variables(model: Model) -> Iterator[Variable]:
    variables = model.component_data_objects(pyo.Var, descend_into=True)
    return (variable for variable in variables if not variable.fixed)


def nonlinear_rows(model: Model) -> Iterator[Any]:
    """Iterate over the constraints and objectives that are not linear."""
    kinds = (pyo.Constraint, pyo.Objective)
    for row in model.component_data_objects(kinds, active=True, descend_into=True):
        body = row.body if row.ctype is pyo.Constraint else row.expr
        if pyo.is_potentially_variable(body) and body.polynomial_degree() not in (0, 1):
            yield row


def tiny(*, linear: bool) -> Model:
    """Return a model of one variable, whose optimum is at 2: of x, or of x/2 - ln x."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(1, 4), initialize=1.5)
    model.cost = pyo.Objective(expr=model.x if linear else model.x / 2 - pyo.log(model.x))
    model.row = pyo.Constraint(expr=model.x >= 2)
    return model
