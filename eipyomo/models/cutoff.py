"""Tighter bounds from the cost of a known point: a step of its own, on the finished model.

Models are built with bounds that hold whatever a user adds (:mod:`eipyomo.models.reach`). Once
nothing will be added any more, any point that the model allows has a cost that an optimum need
not exceed, and this cuts the boxes of the variables down. A model that is changed afterwards is not
solved before it is tightened again, or loosened.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.contrib.fbbt.fbbt import fbbt

from eipyomo.errors import InputError
from eipyomo.models.points import start_between
from eipyomo.models.reach import NoPointError, limit_cost
from eipyomo.models.source import require_own_data
from eipyomo.models.types import Model, Variable
from eipyomo.models.writers import nl

MARGIN = 1e-7
"""How far a new bound stays outside of what was computed, relative where it is larger than 1."""

KEPT_AS = "_eipyomo_tightening"


@dataclass(frozen=True, eq=False)
class Tightening:
    """What :func:`tighten` has done to a model.

    Attributes
    ----------
    row
        Name of the row objective ≤ cutoff.
    bounds
        The bounds of variables before.
    problem
        Fingerprint of the model's rows and objective then.
    """

    row: str
    bounds: Any  # ComponentMap: variable -> (lower, upper)
    problem: str


def tighten(model: Model, cutoff: float) -> int:
    """Ask for a cost of at most `cutoff`, and draw from it bounds of all variables.

    The bounds follow from single rows by interval arithmetic; no solver is used. They hold for
    the model as it is now: :func:`eipyomo.solve_model` refuses a model that was changed afterwards.
    A second call starts from the bounds before the first one.

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
        as it was, but for an earlier tightening, which is undone.
    """
    if isinstance(cutoff, bool) or not math.isfinite(cutoff):
        raise InputError(f"cutoff is {cutoff!r}, but must be a finite number")
    require_own_data(model)
    loosen(model)
    problem = _fingerprint(model)
    variables = [
        variable
        for variable in model.component_data_objects(pyo.Var, descend_into=True)
        if not variable.fixed
    ]
    before = [(variable.lower, variable.upper, *variable.bounds) for variable in variables]
    bounds = ComponentMap(
        (variable, (lower, upper))
        for variable, (lower, upper, _, _) in zip(variables, before, strict=True)
    )
    try:
        setattr(model, KEPT_AS, Tightening(limit_cost(model, cutoff), bounds, problem))
        fbbt(model)
    except (InfeasibleConstraintException, NoPointError):
        loosen(model)
        raise InputError(
            f"cutoff is {cutoff:g}, but no point that the model allows costs so little"
        ) from None
    return sum(keep(variable, *old) for variable, old in zip(variables, before, strict=True))


def loosen(model: Model) -> None:
    """Undo what :func:`tighten` has done: variables have the bounds again that they had before."""
    tightening = getattr(model, KEPT_AS, None)
    if tightening is None:
        return
    for variable, (lower, upper) in tightening.bounds.items():
        variable.setlb(lower)
        variable.setub(upper)
    model.del_component(tightening.row)
    delattr(model, KEPT_AS)


def cutoff_row(model: Model) -> Any:
    """Return the row objective ≤ cutoff of a tightened model, or None."""
    tightening = getattr(model, KEPT_AS, None)
    return None if tightening is None else model.component(tightening.row)


def require_current_tightening(model: Model) -> None:
    """Refuse a model whose rows or objective have changed since it was tightened.

    Raises
    ------
    InputError
        If they have: what was cut off then may be what is sought now.
    """
    row = cutoff_row(model)
    if row is None:
        return
    was_active = row.active
    row.deactivate()
    try:
        same = _fingerprint(model) == getattr(model, KEPT_AS).problem
    finally:
        if was_active:
            row.activate()
    if not same:
        raise InputError(
            "the model was tightened, and its rows, objective or fixed variables have changed "
            "since: call models.tighten(model, cutoff) again, or models.loosen(model)"
        )


def _fingerprint(model: Model) -> str:
    """Return a hash of rows, objective and fixed values, bounds and starts left out."""
    text, _, _ = nl(model)
    # Segments b and x of a .nl file, from their letters to the next one's.
    text = re.sub(r"(?ms)^[bx]\d*.*?(?=^[a-zA-Z])", "", text)
    return hashlib.sha256(text.encode()).hexdigest()


def keep(variable: Variable, lower: Any, upper: Any, low: float | None, high: float | None) -> int:
    """Keep new bounds, a little widened, where they are tighter, and the old ones where not."""
    new_low, new_high = (outside(variable, sign) for sign in (-1, 1))
    raised = new_low > (-math.inf if low is None else low)
    lowered = new_high < (math.inf if high is None else high)
    variable.setlb(new_low if raised else lower)
    variable.setub(new_high if lowered else upper)
    if variable.value is not None and None not in variable.bounds:
        start_between(variable, variable.value)
    return raised + lowered


def outside(variable: Variable, sign: int) -> float:
    """Return the lower (sign -1) or upper (1) bound, moved outwards unless it is integral."""
    bound = variable.bounds[0 if sign < 0 else 1]
    if bound is None:
        return sign * math.inf
    if not variable.is_continuous():
        return float(bound)
    return float(bound + sign * MARGIN * max(1.0, abs(bound)))
