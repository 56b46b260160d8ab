"""From a solver's point to an allocation, and what becomes of it in the model.

The model's times may slip: each is at least what shares and frequencies make it, as in (11). So
the point is held with times as its decisions imply them, or as much longer as the solver gave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.models.symbols import LEAST, TIMES
from eipyomo.solvers.contract import Claim
from eipyomo.solvers.judge import repair
from eipyomo.solvers.model.points import (
    cost_of,
    fits,
    put,
    take,
    values_of,
)

if TYPE_CHECKING:
    from eipyomo.models.types import Model
    from eipyomo.solvers.backends.base import Answer, Point


@dataclass(frozen=True)
class Held:
    """What became of a solver's point in the model.

    Attributes
    ----------
    claim
        The answer, read as a claim about an allocation.
    cost
        The model's objective at the point that it holds now; None without one.
    violated
        What that point violates, and by how much, if it is too much.
    """

    claim: Claim
    cost: float | None = None
    violated: tuple[str, float] | None = None


def hold(model: Model, answer: Answer, *, tidy: bool) -> Held:
    """Put an answer into the model: with times as its decisions imply them, or longer ones.

    Times of the model may be longer than its decisions make them, where a row of the user's asks
    for that; then those that the solver gave are right. Shorter ones, which its tolerance allows,
    would make the point look cheaper than it is.
    """
    claim = Claim(answer.status, bound=answer.bound, **answer.report())
    if answer.point is None:
        return Held(claim)
    take(model, answer.point)
    try:
        allocation = models.allocation(model, tidy=tidy)
    except InputError as error:
        wrong = f"{answer.message}: its point is wrong, since {error}"
        return Held(replace(claim, status="error", bound=None, message=wrong))
    allocation = repair(models.source_of(model).problem, allocation)
    claim = replace(claim, allocation=allocation)
    given = values_of(model)
    try:
        models.load(model, allocation)
        implied = values_of(model)
    except InputError:  # a decision that is fixed, which repair or rounding has moved
        implied = given
    best = _held(model, implied, None)
    best = _held(model, _waiting(given, implied), best) or best
    if best is None:
        put(given)
        return Held(claim, None, models.largest_violation(model))
    put(best[1])
    return Held(claim, best[0])


def _held(
    model: Model, point: Point, known: tuple[float, Point] | None
) -> tuple[float, Point] | None:
    """Return a point with what it costs, if it fits and costs less than what is known.

    What it costs is found sooner than whether it fits.
    """
    put(point)
    try:
        cost = cost_of(model)
    except (ArithmeticError, ValueError):  # undefined, as rows are then
        return None
    if known is not None and cost >= known[0]:
        return None
    return (cost, point) if fits(model) else None


def _waiting(given: Point, implied: Point) -> Point:
    """Return a given point with times and energies that are at least those that are implied."""
    return [
        (variable, max(value, least) if _at_least(variable) else value)
        for (variable, value), (_, least) in zip(given, implied, strict=True)
    ]


def _at_least(variable: Any) -> bool:
    """Tell whether a variable is bounded below by what happens, and free above."""
    return variable.parent_component().local_name in (
        *TIMES,
        *LEAST,
        "sync_s",
        "local_inference_j",
    )
