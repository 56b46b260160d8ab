"""What every formulation can be asked for, and what it says of a problem; nothing of Pyomo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from eipyomo.choices import Choices
from eipyomo.errors import InputError
from eipyomo.problem import LEAST_FEATURES, LETTER_FEATURES, USER_LIMIT_FEATURES, Feature
from eipyomo.restriction import points_of
from eipyomo.validation import Whole

HANDLED = frozenset(
    {
        *LETTER_FEATURES,
        *USER_LIMIT_FEATURES,
        *LEAST_FEATURES,
        Feature.FLEET_BUDGETS,
        Feature.MODES,
        Feature.PARTICIPATION,
    }
)
"""What :func:`eipyomo.models.minlp` and the parts that all formulations share say of a problem."""

Tangents = Annotated[
    Whole, Field(ge=2, description="tangents of each convex function to begin with")
]

TANGENTS = 40
"""Of each convex function, in a model that a solver gets as it is."""

FIRST_TANGENTS = 16
"""Of each convex function, in a relaxation that gets others where it is loose."""


class Options(Choices):
    """What a formulation can be asked for."""


class LetterOptions(Options):
    """There are none."""


class SpectralOptions(Options):
    """How tight the relaxation is at once."""

    tangents: Tangents = TANGENTS


def _divides_one(step: Any) -> Any:
    try:
        return step if step is None or points_of(step) else None
    except InputError as error:
        raise ValueError from error


Step = Annotated[
    float | None,
    BeforeValidator(_divides_one),
    "1/n for a whole number n",
    Field(description="step of ι's grid; left out, the problem's, or else 0.2"),
]


class GridOptions(Options):
    """How ι is chosen.

    Attributes
    ----------
    step
        1/n for a whole number n; left out, it is that of the problem, or else 0.2.
    choice
        How a point is chosen: "hull" splits τ^mu among the points, "bigm" switches rows off.
    tangents
        As for ``spectral``.
    """

    step: Step = None
    choice: Annotated[
        Literal["hull", "bigm"],
        Field(description="whether points of the grid are chosen by a hull, or by big-M rows"),
    ] = "hull"
    tangents: Tangents = TANGENTS


OPTIONS: Mapping[str, type[Options]] = {
    "letter": LetterOptions,
    "spectral": SpectralOptions,
    "grid": GridOptions,
}
"""The options of all formulations, by the formulations' names."""


def options(formulation: str) -> tuple[str, ...]:
    """Return the names of the options that a formulation has."""
    return tuple(OPTIONS[formulation].model_fields)
