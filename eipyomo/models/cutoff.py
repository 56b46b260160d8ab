"""Tighter bounds from the cost of a known point: a step of its own, on the finished model.

Models are built with bounds that hold whatever a user adds (:mod:`eipyomo.models.horizon`). Once
nothing will be added any more, any point that the model allows has a cost that an optimum need
not exceed, and this cuts the boxes of the variables down.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.contrib.fbbt.fbbt import fbbt

from eipyomo.errors import InputError
from eipyomo.models.joint import objective, start_between

if TYPE_CHECKING:
    from eipyomo.models.joint import Model

MARGIN = 1e-7
"""How far a new bound stays outside of what was computed, relative where it is larger than 1."""


def tighten(model: Model, cutoff: float) -> int:
    """Ask for a cost of at most `cutoff`, and draw from it bounds of all variables.

    The bounds follow from single rows by interval arithmetic; no solver is used. They hold for
    the model as it is now: what is added to it or changed afterwards may have an optimum that
    they cut off.

    Parameters
    ----------
    model
        A model made by :func:`eipyomo.models.minlp`, with all that a user adds, whatever its
        objective has become.
    cutoff
        The value of the model's objective at a point that the model allows, say of a heuristic.

    Returns
    -------
    int
        The number of bounds that have become tighter.

    Raises
    ------
    InputError
        If no point of the model costs so little, or `cutoff` is no number. The model is then
        as it was, but for an earlier cutoff, which is gone.
    """
    if isinstance(cutoff, bool) or not math.isfinite(cutoff):
        raise InputError(f"cutoff is {cutoff!r}, but must be a finite number")
    limit_cost(model, cutoff)
    variables = [
        variable
        for variable in model.component_data_objects(pyo.Var, descend_into=True)
        if not variable.fixed
    ]
    before = [(variable.lower, variable.upper, *variable.bounds) for variable in variables]
    try:
        fbbt(model)
    except InfeasibleConstraintException:
        for variable, (lower, upper, _, _) in zip(variables, before, strict=True):
            variable.setlb(lower)
            variable.setub(upper)
        model.del_component("within_cutoff")
        model.del_component("cutoff")
        raise InputError(
            f"cutoff is {cutoff:g}, but no point that the model allows costs so little"
        ) from None
    return sum(keep(variable, *old) for variable, old in zip(variables, before, strict=True))


def limit_cost(model: Model, cutoff: float) -> None:
    """Add the row objective ≤ cutoff (≥ where it is maximised), or move the one that is there."""
    if model.component("cutoff") is not None:
        model.cutoff.set_value(cutoff)
        return
    cost = objective(model)
    model.cutoff = pyo.Param(initialize=cutoff, mutable=True, within=pyo.Reals, doc="cutoff")
    sign = 1 if cost.sense == pyo.minimize else -1
    model.within_cutoff = pyo.Constraint(
        expr=sign * (cost.expr - model.cutoff) <= 0, doc="(10a) at most the cutoff"
    )


def keep(variable: Any, lower: Any, upper: Any, low: float | None, high: float | None) -> int:
    """Keep new bounds, a little widened, where they are tighter, and the old ones where not."""
    new_low, new_high = (outside(variable, sign) for sign in (-1, 1))
    raised = new_low > (-math.inf if low is None else low)
    lowered = new_high < (math.inf if high is None else high)
    variable.setlb(new_low if raised else lower)
    variable.setub(new_high if lowered else upper)
    if variable.value is not None and None not in variable.bounds:
        start_between(variable, variable.value)
    return raised + lowered


def outside(variable: Any, sign: int) -> float:
    """Return the lower (sign -1) or upper (1) bound, moved outwards unless it is integral."""
    bound = variable.bounds[0 if sign < 0 else 1]
    if bound is None:
        return sign * math.inf
    if not variable.is_continuous():
        return float(bound)
    return float(bound + sign * MARGIN * max(1.0, abs(bound)))
