"""What a model was built from, and whether its data are still those of its instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyomo.environ as pyo

from eipyomo.errors import InputError
from eipyomo.models.symbols import SYSTEM_DATA, USER_DATA
from eipyomo.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eipyomo.instance import Instance
    from eipyomo.scaled import Round, Scaled

Model = Any

KEPT_AS = "_eipyomo_source"
"""Attribute of the model; a name that no component of a user's can have by chance."""


@dataclass(frozen=True)
class Source:
    """What a model was built from.

    Attributes
    ----------
    instance, formulation, round
        The arguments of :func:`eipyomo.models.minlp`.
    options
        The formulation's own options.
    """

    instance: Instance
    formulation: str
    round: Round
    options: Mapping[str, Any]

    @property
    def problem(self) -> Problem:
        """The problem that the model says."""
        return Problem.of(self.instance, round=self.round)

    @property
    def data(self) -> Scaled:
        """The instance's columns in the model's round."""
        return self.instance.scaled.for_round(self.round)


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


def data_of(model: Model, data: Scaled) -> Iterator[tuple[Any, float]]:
    """Iterate over the Params of a model that hold data, each with its value in `data`."""
    for key in SYSTEM_DATA:
        yield model.component(key), float(getattr(data, key))
    if data.total_frequency_ghz is not None:
        yield model.total_frequency_ghz, data.total_frequency_ghz
    for j, name in enumerate(data.names):
        for key in USER_DATA:
            yield model.user[name].component(key), float(getattr(data, key)[j])


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
    for parameter, own in data_of(model, source.data):
        value = pyo.value(parameter)
        if value != own:
            raise InputError(
                f"the model's Param {parameter.name!r} is {value:g}, but {own:g} in its instance: "
                "change the instance (Instance.replace) and give it to models.update(model, "
                "instance), which changes everything that follows from it"
            )
