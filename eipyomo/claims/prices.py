"""The prices of a document: whose they are, and whether they can be what more band saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field, StrictStr

from eipyomo import timing
from eipyomo.allocation import Allocation
from eipyomo.claims.document import Document
from eipyomo.claims.methods import EXACT_MACHINE
from eipyomo.claims.values import demand, same, written
from eipyomo.errors import ClaimError, InputError
from eipyomo.evaluation import evaluate_plan, value_of
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.restriction import is_name
from eipyomo.timing import Needs, Plan
from eipyomo.users import Users
from eipyomo.validation import NonNegative, Record
from eipyomo.words import short

BAND_PRICES = ("bandwidth_per_mhz", "downlink_bandwidth_per_mhz")
"""Prices that are always there, unless the band is what is minimised."""

STEP = 0.02
"""Part of a budget by which it is made larger and smaller."""

ACCURACY = 1e-5
"""How far from the optimum prices may be found, relative to its value."""


_Price = Annotated[NonNegative | None, Field(description="a number >= 0, or left out")]


class _UserPrices(Record):
    name: Annotated[StrictStr, Field(description="a text")]
    sync_per_s: Annotated[NonNegative, Field(description="a price per s")]
    delay_per_s: Annotated[NonNegative, Field(description="a price per s")]
    deadline_per_s: _Price = None
    energy_budget_per_j: _Price = None


class _Prices(Record):
    bandwidth_per_mhz: _Price = None
    downlink_bandwidth_per_mhz: _Price = None
    edge_frequency_per_ghz: _Price = None
    total_energy_per_j: _Price = None
    total_latency_per_s: _Price = None
    sitting_out_per_user: _Price = None
    total_penalty_per_unit: _Price = None
    users: Annotated[Users[_UserPrices], Field(description="a list of users' prices")]


def check_prices(read: Document, instance: Instance | None, allocation: Allocation | None) -> None:
    """Check that prices are those of the instance's users, and of a method that has them.

    Of prices of the band it is checked that they are what more of it saves.
    """
    if read.prices is None:
        return
    if read.solver is not None or read.method not in EXACT_MACHINE or not read.feasible:
        raise ClaimError(
            f"the result claims prices, but method {short(read.method)} gives none without a proof"
        )
    try:
        prices = _Prices(**read.prices)
    except InputError as error:
        raise InputError(f"prices.{error}") from None
    for key in () if read.minimised == "band" else BAND_PRICES:
        if getattr(prices, key) is None:
            raise InputError(f"prices lacks {short(key)}, but must have it")
    names = list(prices.users.texts("name"))
    if instance is not None and names != list(instance.users.texts("name")):
        raise InputError(
            f"prices.users has {short(names)}, but must have the instance's users in order"
        )
    if len(names) != len((read.allocation or {"users": ()})["users"]):
        raise InputError(f"prices.users has {len(names)} users, but must have one for each user")
    known = read.package_version is not None  # before, prices at kinks were those of one side
    if known and instance is not None and allocation is not None and is_name(read.problem):
        assert read.prices is not None
        assert read.value is not None
        problem = read.problem_of(instance)
        demand(false_prices(problem, allocation, read.value, read.bound, read.prices))


def false_prices(
    problem: Problem,
    allocation: Allocation,
    value: float,
    bound: float | None,
    prices: Mapping[str, Any],
) -> Iterator[str]:
    """Hold prices of the band against what a little more and less of it does.

    What is minimised is convex in the band, decisions on a and ι apart. So its slope lies between
    what is saved with more of it and lost with less, when it is shared out in the old proportions;
    what is found within a gap may be off by that.
    """
    room = ACCURACY * abs(value) + (0.0 if bound is None else value - bound)
    for budget in problem.budgets:
        first, *others = (draw.price for draw in budget.draws)
        if budget.may_be_left or not budget.quantities or prices.get(first) is None:
            continue
        for key in others:
            if not same(prices[key], prices[first]):
                yield f"{key} {written(prices[key])}, but {first} {written(prices[first])}"
        plan = allocation.for_users(problem.data.names).plan(problem.whole)
        with np.errstate(over="ignore", invalid="ignore"):
            need = timing.needs(problem.whole, plan)  # however much there is of a budget
        used = budget.used(plan)
        if used == 0.0:
            continue
        moved = STEP * budget.draws[0].unit_size * used
        more, less = (_shared_out(problem, plan, need, budget, by) for by in (1 + STEP, 1 - STEP))
        least = max((value - value_of(problem, more, need) - room) / moved, 0.0)
        most = (value_of(problem, less, need) - value + room) / moved
        if prices[first] > most and not evaluate_plan(problem, less).feasible:
            most = np.inf  # limits may ask for other proportions, and so cost more
        if not least <= prices[first] <= most:
            yield (
                f"{first} {written(prices[first])}, but it lies between {written(least)} and "
                f"{written(most)}"
            )


def _shared_out(problem: Problem, plan: Plan, need: Needs, budget: Budget, factor: float) -> Plan:
    """Return a plan with so many times as much of a budget for everybody, synced at once."""
    data = problem.whole
    given = plan._replace(**{key: factor * getattr(plan, key) for key in budget.quantities})
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        uploaded_s = timing.uploaded_s(data, given.uplink_share, need)
    return given._replace(sync_s=max(float(uploaded_s.max()), 0.0))
