"""What users share: budgets, and what each user draws of them.

Whoever handles a budget does so in a loop over these data: the judge, the model's rows, the exact
method's prices, and ADMM's consensus. None of them knows how many budgets there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eipyomo.scaled import Scaled


DECIDED = ("uplink_share", "downlink_share", "edge_frequency_ghz")
"""Quantities that users draw on and decide; others are terms of the breakdown."""


@dataclass(frozen=True)
class Draw:
    """What a user takes of a budget.

    Attributes
    ----------
    quantity
        The decision that says how much, as models and allocations name it in scaled units; or the
        term of the breakdown, by its name there and in a user's block.
    most
        The most that one user may take.
    price
        Name in a result of what one more natural unit of the budget saves.
    unit_size
        Natural units (MHz, GHz) in one of `quantity`.
    datum, unit_datum
        Which of the data of ``Scaled`` `most` and `unit_size` are, if they are such.
    """

    quantity: str
    most: float
    price: str
    unit_size: float = 1.0
    datum: str | None = None
    unit_datum: str | None = None


@dataclass(frozen=True)
class Budget:
    """A resource of which all users together take no more than there is.

    Attributes
    ----------
    name
        In models, prices and certificates.
    equation
        Where the letter says so.
    meaning
        What the judge calls it.
    capacity
        How much there is, in the unit of the quantities drawn.
    draws
        What each user takes of it.
    may_be_left
        Whether some of it may be left over at the optimum; otherwise more of it always helps, so
        that its price is positive.
    datum
        Which of the data of ``Scaled`` `capacity` is, if it is one.
    is_minimised
        Whether the least of it is sought; then `capacity` is no limit, but what parts are of.
    """

    name: str
    equation: str
    meaning: str
    capacity: float
    draws: tuple[Draw, ...]
    may_be_left: bool = False
    datum: str | None = None
    is_minimised: bool = False

    def used(self, decisions: object, terms: object = None) -> float:
        """Return what all users take; the quantities are attributes of either, (users,)."""
        columns = [
            getattr(decisions if draw.quantity in DECIDED else terms, draw.quantity)
            for draw in self.draws
        ]
        return sum(float(column.sum()) for column in columns)

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Names of the quantities drawn that are decisions, and not terms of the breakdown."""
        return tuple(draw.quantity for draw in self.draws if draw.quantity in DECIDED)


def budgets(data: Scaled, *, split_band: bool = False) -> tuple[Budget, ...]:
    """Return all that users share: the band, and what there is a total of in the data.

    Parameters
    ----------
    data
        The instance, scaled for its stage.
    split_band
        Whether uplink and downlink have half of the band each (GBE).
    """
    return _budgets(
        data.bandwidth_mhz,
        data.server_frequency_ghz,
        data.total_frequency_ghz,
        tuple(getattr(data, str(budget.datum)) for budget in TOTALS),
        split_band,
        *_of_modes(data),
    )


def _of_modes(data: Scaled) -> tuple[int | None, float | None]:
    """Return how many may sit out, and what penalties may be together; None without a limit."""
    if data.modes is None:
        return None, None
    least = data.min_participants
    return None if least is None else len(data) - least, data.total_penalty_budget


@lru_cache
def _budgets(
    bandwidth_mhz: float,
    server_frequency_ghz: float,
    total_frequency_ghz: float | None,
    totals: tuple[float | None, ...],
    split_band: bool,
    may_sit_out: int | None,
    total_penalty: float | None,
) -> tuple[Budget, ...]:
    """Return the budgets of all instances that share as much: the judge asks again and again."""
    uplink, downlink = (
        Draw(f"{way}_share", 1, price, bandwidth_mhz, unit_datum="bandwidth_mhz")
        for way, price in (
            ("uplink", "bandwidth_per_mhz"),
            ("downlink", "downlink_bandwidth_per_mhz"),
        )
    )
    shared = [Budget("bandwidth", "(10b)", "bandwidth budget", 1, (uplink, downlink))]
    if split_band:
        halves = "half of (10b)"
        shared = [
            Budget("uplink_bandwidth", halves, "uplink half of the band", 0.5, (uplink,)),
            Budget("downlink_bandwidth", halves, "downlink half of the band", 0.5, (downlink,)),
        ]
    if total_frequency_ghz is not None:
        most, price = server_frequency_ghz, "edge_frequency_per_ghz"
        served = Draw("edge_frequency_ghz", most, price, datum="server_frequency_ghz")
        shared.append(
            Budget(
                name="edge_frequency",
                equation="footnote 2",
                meaning="edge frequency budget",
                capacity=total_frequency_ghz,
                draws=(served,),
                may_be_left=True,
                datum="total_frequency_ghz",
            )
        )
    shared += [
        replace(budget, capacity=total)
        for budget, total in zip(TOTALS, totals, strict=True)
        if total is not None
    ]
    shared += [
        replace(budget, capacity=limit)
        for budget, limit in ((SITTING_OUT, may_sit_out), (TOTAL_PENALTY, total_penalty))
        if limit is not None
    ]
    return tuple(shared)


SITTING_OUT = Budget(
    name="sitting_out",
    equation="min_participants",
    meaning="users that sit out",
    capacity=math.inf,
    draws=(Draw("sits_out", 1.0, "sitting_out_per_user"),),
    may_be_left=True,
)
TOTAL_PENALTY = Budget(
    name="total_penalty",
    equation="sum of the modes' penalties",
    meaning="total penalty",
    capacity=math.inf,
    draws=(Draw("penalty", math.inf, "total_penalty_per_unit"),),
    may_be_left=True,
    datum="total_penalty_budget",
)
"""What the data may limit of users with modes; without a limit."""


TOTALS = tuple(
    Budget(
        name=f"total_{name}",
        equation=f"sum of {equation}",
        meaning=f"total {name}",
        capacity=math.inf,
        draws=(Draw(f"{name}_{unit}", math.inf, f"total_{name}_per_{unit}"),),
        may_be_left=True,
        datum=f"total_{name}_budget_{unit}",
    )
    for name, unit, equation in (("energy", "j", "(8)"), ("latency", "s", "(9)"))
)
"""What the data may limit the sum of; without a limit."""
