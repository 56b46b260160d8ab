"""What one more of a limited resource buys, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eipyomo.objective import OBJECTIVES, OWN, WSEL, heading_of
from eipyomo.reporting.sentences import Name, Number, Sentence

MORE = {
    "bandwidth_per_mhz": "MHz",
    "edge_frequency_per_ghz": "GHz at the edge",
    "total_energy_per_j": "J of energy in total",
    "total_latency_per_s": "s of latency in total",
    "sitting_out_per_user": "user that may sit out",
    "total_penalty_per_unit": "unit of penalties in total",
}
"""Prices, and what they are for."""

MORE_OF_A_USER = {
    "deadline_per_s": "s until the deadline of ",
    "energy_budget_per_j": "J in the energy budget of ",
}
"""Prices of users' limits, and what they are for."""


def unit_of(minimised: str) -> str:
    """Return the unit of what was minimised; none where it has none."""
    return "" if minimised in (OWN, WSEL.name) else OBJECTIVES[minimised].unit


def price_sentences(prices: Mapping[str, Any], minimised: str) -> Iterator[Sentence]:
    """Iterate over what more of a resource, and of the user's limit where it helps most, saves.

    Parameters
    ----------
    prices
        As in a result document.
    minimised
        What was: the prices are in its unit.
    """
    heading, unit = heading_of(minimised), unit_of(minimised)
    lowered = heading if minimised == WSEL.name else f"the {heading.lower()}"

    def price(key: str, value: float) -> Number:
        return Number(f"prices.{key}", value, unit)

    for key, more in MORE.items():
        if prices.get(key) is not None:
            worth = price(key, prices[key])
            yield f"One more {more} would lower {lowered} by ", worth, " (to first order)."
    users = list(enumerate(prices["users"]))
    for key, more in MORE_OF_A_USER.items():
        j, most = max(users, key=lambda user: user[1].get(key) or 0.0)
        if most.get(key):
            worth = price(f"users.{j}.{key}", most[key])
            whose = f"One more {more}", Name(most["name"])
            yield *whose, f" would lower {lowered} by ", worth, ", most of all users."
    j, last = max(users, key=lambda user: user[1]["sync_per_s"])
    if last["sync_per_s"] > 0:
        worth = price(f"users.{j}.sync_per_s", last["sync_per_s"])
        who = "The others wait most for ", Name(last["name"])
        yield *who, ": each second that its upload takes longer costs ", worth, "."
