"""New data for a model that is there already."""

from __future__ import annotations

from dataclasses import replace

import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.models.cutoff import loosen
from eipyomo.models.points import start_between
from eipyomo.models.reach import Reach
from eipyomo.models.source import data_of, keep_source, mode_data, source_of, user_data
from eipyomo.models.symbols import BUDGET_DATA, USER_LIMITS
from eipyomo.models.types import Model
from eipyomo.modes import ModeColumns
from eipyomo.problem import Problem
from eipyomo.scaled import Scaled


def update(model: Model, instance: Instance) -> None:
    """Give a model the data of another instance, with all that follows from them.

    Params, signal-to-noise ratios and the model's own bounds on times and shares become what a
    new model of `instance` would have; a tightening is undone. Rows, objectives, bounds and fixings
    that a user has added stay, and variables keep their values, from which local solvers begin,
    unless these are beyond the new bounds.

    Parameters
    ----------
    model
        A model made by :func:`eipyomo.models.minlp`.
    instance
        An instance with the same users, by name and order, with the same totals, limits and modes
        but for their values, and with the same bounds on decisions.

    Raises
    ------
    InputError
        If the instance does not fit; the model is then as it was.
    """
    source = source_of(model)
    source = replace(source, problem=replace(source.problem, instance=instance))
    data = source.data
    names = tuple(model.users)
    if data.names != names:
        raise InputError(
            f"the instance has the users {_shown(data.names)}, but the model has {_shown(names)}: "
            "make a new model"
        )
    _require_same_limits(model, source.problem)
    loosen(model)
    for parameter, value in data_of(model, source.problem):
        parameter.set_value(value)
    keep_source(model, source)
    Reach.of_problem(source.problem).put_into(model)
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        low, high = variable.bounds
        inside = variable.value is None or None in (low, high) or low <= variable.value <= high
        if not (variable.fixed or inside):
            start_between(variable, variable.value)


def _require_same_limits(model: Model, problem: Problem) -> None:
    """Refuse data that a model has no Param for, that it lacks, or that are fixings in it."""
    data, own = problem.data, source_of(model).problem
    _require_same_modes(data, own.data)
    totals = {budget.datum for budget in problem.budgets if not budget.is_minimised}
    for datum in BUDGET_DATA:
        if (datum in totals) != (model.component(datum) is not None):
            raise InputError(_in_one(INSTANCE_KEYS.get(datum, datum)))
    for j, name in enumerate(data.names):
        has = user_data(data, j)
        for key, quantity in USER_LIMITS.items():
            if (key in has) != (model.user[name].component(key) is not None):
                raise InputError(_in_one(f"the {quantity.meaning} of user {name!r}"))
    if problem.decisions.by_user() != own.decisions.by_user():
        raise InputError(
            "downloads and offload fractions are open otherwise in the instance than in the model, "
            "but must be as open: make a new model"
        )


def _require_same_modes(data: Scaled, own: Scaled) -> None:
    """Refuse modes that a model has not, or that use a link or a CPU where its own do not."""
    if (data.modes is None) != (own.modes is None):
        raise InputError(_in_one("a list of modes"))
    if data.modes is None or own.modes is None:
        return
    if data.min_participants != own.min_participants:
        raise InputError(
            f"min_participants is {data.min_participants} in the instance, but must be "
            f"{own.min_participants} as in the model: make a new model"
        )
    for j, name in enumerate(data.names):
        new, old = (_uses(modes, j) for modes in (data.modes, own.modes))
        if new != old:
            raise InputError(
                f"the modes of user {name!r} have other names, other amounts of 0, or another "
                "order than in the model, but must be alike in both: make a new model"
            )


def _uses(modes: ModeColumns, user: int) -> list[tuple[str, ...]]:
    """Return of each mode of a user its name, and which of its amounts are not 0."""
    rows = mode_data(modes, user)
    follows = modes.in_sequence[modes.of(user)]
    return [
        (name, *(key for key in rows if rows[key][name] > 0.0 and key not in FREE), str(waits))
        for name, waits in zip(modes.names[modes.of(user)], follows, strict=True)
    ]


FREE = ("mode_penalty", "mode_training_s", "mode_training_j")
"""Data of modes on whose signs a model's rows do not rest."""

INSTANCE_KEYS = {"total_frequency_ghz": "server.total_frequency_hz"}
"""Keys of instances whose units are others."""


def _in_one(what: str) -> str:
    return (
        f"{what} is in one of instance and model, but must be in both or in none: make a new model"
    )


def _shown(names: tuple[str, ...]) -> str:
    listed = ", ".join(map(repr, names[:3]))
    return listed if len(names) <= 3 else f"{listed}, ... ({len(names)})"
