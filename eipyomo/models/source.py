"""What a model was built from, and whether its data are still those of its instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.models.symbols import LEAST_OF, MODE_DATA, SYSTEM_DATA, USER_DATA, USER_LIMITS
from eipyomo.models.types import Block, Model, Variable
from eipyomo.modes import ModeColumns
from eipyomo.problem import Problem
from eipyomo.restriction import JOINT, Restriction
from eipyomo.scaled import NO_LIMIT, Scaled

KEPT_AS = "_eipyomo_source"
"""Attribute of the model; a name that no component of a user's can have by chance."""


@dataclass(frozen=True)
class Source:
    """What a model was built from.

    Attributes
    ----------
    problem
        What the model says.
    formulation
        How.
    options
        The formulation's own options, as they were given.
    """

    problem: Problem
    formulation: str
    options: Mapping[str, Any]

    @property
    def lifted(self) -> Problem:
        """The problem without its restriction, which a user may have lifted; rows tell.

        Where the band is minimised, that there are two halves of it is part of what is minimised.
        """
        objective = self.problem.objective
        halves = self.problem.restriction.split_band and objective.name == "band"
        return Problem(
            self.instance,
            Restriction.gbe() if halves else JOINT,
            self.problem.stage,
            objective,
        )

    @property
    def instance(self) -> Instance:
        """The problem's instance."""
        return self.problem.instance

    @property
    def data(self) -> Scaled:
        """The instance's columns at the problem's stage."""
        return self.problem.data


def keep_source(model: Model, source: Source) -> None:
    """Keep on a model what it was built from; copies and pickles of it have it too."""
    setattr(model, KEPT_AS, source)


def source_of(model: Model) -> Source:
    """Return what a model was built from.

    Raises
    ------
    InputError
        If it was not made by :func:`eipyomo.models.minlp`.
    """
    found = getattr(model, KEPT_AS, None)
    if not isinstance(found, Source):
        raise InputError(
            f"model is {type(model).__name__} {getattr(model, 'name', '')!r}, but must be a model "
            "made by models.minlp"
        )
    return found


def data_of(model: Model, problem: Problem) -> Iterator[tuple[Any, float]]:
    """Iterate over the Params of a model that hold data, each with its value in a problem."""
    data = problem.data
    for key in SYSTEM_DATA:
        yield model.component(key), float(getattr(data, key))
    for budget in problem.budgets:
        if budget.datum is not None and not budget.is_minimised:
            yield model.component(budget.datum), budget.capacity
    for j, name in enumerate(data.names):
        for key, value in user_data(data, j).items():
            yield model.user[name].component(key), value
        for key, values in {} if data.modes is None else mode_data(data.modes, j).items():
            for k, value in values.items():
                yield model.user[name].component(key)[k], value


def mode_data(modes: ModeColumns, user: int) -> dict[str, dict[str, float]]:
    """Return the data of a user's modes, by the names that a model has for them, and by mode."""
    rows = modes.of(user)
    columns = {key: getattr(modes, key.removeprefix("mode_"))[rows] for key in MODE_DATA}
    return {
        key: dict(zip(modes.names[rows], column.tolist(), strict=True))
        for key, column in columns.items()
    }


def user_data(data: Scaled, user: int) -> dict[str, float]:
    """Return the data of a user that a model has, by name: all, and those limits that it has."""
    limits = {key: float(getattr(data, key)[user]) for key in USER_LIMITS}
    return {
        **{key: float(getattr(data, key)[user]) for key in USER_DATA},
        **{key: limit for key, limit in limits.items() if limit != NO_LIMIT[key]},
    }


def has_modes(user: Block) -> bool:
    """Tell whether a user's block chooses one of its modes, in place of a and ι."""
    return user.component("modes") is not None


def shared_by(model: Model, name: str) -> dict[str, Variable]:
    """Return the variables by which a user of a model draws on the budgets."""
    budgets = source_of(model).problem.budgets
    return {key: model.component(key)[name] for budget in budgets for key in budget.quantities}


def least_of(model: Model) -> Any:
    """Return the variable that a model minimises in the place of (10a) as built, or None."""
    name = LEAST_OF.get(source_of(model).problem.objective.name)
    return None if name is None else model.component(name)


def require_own_data(model: Model) -> None:
    """Refuse a model whose Params are not its instance's any more.

    Bounds, signal-to-noise ratios, the judge and the exported description follow from the instance;
    a Param that was changed alone would make a model that is neither the one nor the other.

    Raises
    ------
    InputError
        Naming the Param.
    """
    source = source_of(model)
    for parameter, own in data_of(model, source.problem):
        value = pyo.value(parameter)
        if value != own:
            raise InputError(
                f"the model's Param {parameter.name!r} is {value:g}, but {own:g} in its instance: "
                "change the instance (Instance.replace) and give it to models.update(model, "
                "instance), which changes everything that follows from it"
            )
