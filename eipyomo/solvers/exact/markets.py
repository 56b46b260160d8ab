"""What compiled code has to know to find prices, how large they are, and what they may be."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from eipyomo.solvers.compiled import interpreted
from eipyomo.solvers.exact import kernels
from eipyomo.solvers.exact.dual import Dual, Prices
from eipyomo.solvers.exact.kernels import Market
from eipyomo.solvers.records import Records, are_few

PRICE_SPAN = 30.0
"""Prices stay within e^±30 of their natural size; any price ≥ 0 gives a valid bound."""
LEAST_SPAN = 20.0
"""So far down reach the prices but 0 of a budget that may be left: below, ν = w^t - μ is so small
that rounding decides about the usage."""

# --- What is known of a budget whose price is looked for ------------------------------------------


def prices_of(dual: Dual, known: Mapping[int, float]) -> Prices:
    """Return all prices, 0 where one is not known; a single budget of the least costs 1."""
    return tuple(
        [
            1.0 / dual.capacities[k] if k in dual.together else known.get(k, 0.0)
            for k in range(len(dual.budgets))
        ]
    )


def market_of(dual: Dual, place: int, known: Mapping[int, float]) -> Market | None:
    """Return what compiled code has to know to find a price; None where it cannot.

    That is the price of a total, which changes the users, and where budgets share a price. Of many
    users, threads take a part each, which they do for Python.
    """
    if place in dual.totals or len(dual.together) > 1 or not are_few(len(dual.users)):
        return None
    drawn = tuple([1.0 if at == place else 0.0 for at in dual.places])
    low, natural, high = range_of(dual, place)
    paid = dual.paid(prices_of(dual, known))
    capacity = float(dual.capacities[place])  # a whole number would be compiled for once more
    return Market(drawn, capacity, paid, low, natural, high)


def only_market(dual: Dual) -> Market | None:
    """Return what compiled code has to know where there is one budget; None where it cannot."""
    if len(dual.budgets) > 1 or dual.together or not are_few(len(dual.users)):
        return None
    return _only_market(dual)


@lru_cache(maxsize=4)
def _only_market(dual: Dual) -> Market | None:
    """Return the market of few users, which are asked again and again, and no burden to keep."""
    return market_of(dual, 0, {})


# --- The size of prices -------------------------------------------------------------------------


@dataclass(eq=False)
class KnownPrices:
    """Prices met at some sync times, which tell how they change with it.

    Attributes
    ----------
    origin_s
        From which on there are prices: they fall with the logarithm of the time since.
    """

    origin_s: float
    _leads: list[float] = field(default_factory=list)
    _logs: list[tuple[float, ...]] = field(default_factory=list)

    def note(self, sync_s: float, prices: Prices) -> None:
        """Remember prices at a sync time; those of what nobody pays for tell nothing."""
        if min(prices) > 0.0:
            lead = _lead(sync_s, self.origin_s)
            place = bisect.bisect(self._leads, lead)
            self._leads.insert(place, lead)
            self._logs.insert(place, tuple(map(math.log, prices)))

    def moved(self, prices: Prices, known_s: float, sync_s: float) -> Prices:
        """Return prices known at one sync time as they may be at another."""
        if not self._leads:
            return prices
        old, new = self._expected(known_s), self._expected(sync_s)
        return tuple(
            [price * math.exp(y - x) for price, x, y in zip(prices, old, new, strict=True)]
        )

    def _expected(self, sync_s: float) -> tuple[float, ...]:
        """Return the logarithms on straight lines between those known, at the ends beyond."""
        lead = _lead(sync_s, self.origin_s)
        after = bisect.bisect(self._leads, lead)
        if after in (0, len(self._leads)):
            return self._logs[min(after, len(self._leads) - 1)]
        low, high = self._leads[after - 1 : after + 1]
        part = (lead - low) / (high - low)
        ends = zip(*self._logs[after - 1 : after + 1], strict=True)
        return tuple([x + part * (y - x) for x, y in ends])


_lead = interpreted(kernels.lead)


def range_of(dual: Dual, place: int) -> tuple[float, float, float]:
    """Return ln of the least price but 0, of its natural size, and of the largest."""
    natural = natural_log_price(dual, place)
    below = LEAST_SPAN if dual.budgets[place].may_be_left else PRICE_SPAN
    return natural - below, natural, natural + PRICE_SPAN


def natural_log_price(dual: Dual, place: int) -> float:
    """Return ln of a price's rough size: what users would pay for the budget in equal parts."""
    capacity = dual.capacities[place]
    if dual.together:  # what users pay is about 1
        return -float(np.log(capacity))
    quantity = dual.drawn[place][0]
    if quantity in _NATURAL_LOG_PRICE:
        return _NATURAL_LOG_PRICE[quantity](dual.users, capacity)
    waiting = float(np.sum(dual.users["latency_weight"])) * dual.earliest_s
    return float(np.log(max(waiting, LITTLE) / capacity))


def _of_a_share(users: Records, capacity: float) -> float:
    """Return ln of what transmissions cost at equal shares of the whole band."""
    del capacity
    return math.log(kernels.paid_at_equal_shares(users))


LITTLE = 1e-3
"""What counts as paid for waiting."""


def _of_a_frequency(users: Records, capacity: float) -> float:
    """Return ln of what delays at the edge cost at equal frequencies, per GHz."""
    delay = users["latency_weight"] * users["work_gigacycles"]
    return float(np.log(np.sum(delay) * len(delay) / capacity**2))


_NATURAL_LOG_PRICE = {
    "uplink_share": _of_a_share,
    "downlink_share": _of_a_share,
    "edge_frequency_ghz": _of_a_frequency,
}
