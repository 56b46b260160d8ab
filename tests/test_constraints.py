"""The ready-made constraints of docs/constraints.md: scripts, stored proofs, other ways to them.

What SCIP proved of the rows is stored; here ``exact`` proves the same of the data, and where there
are no data, of all that the integers may be.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import pytest

import eipyomo as ei
from experiments import constraints
from experiments.constraints import GAP, PAGE, PICTURES, SHOWN, slug

STORED = constraints.TABLE.stored().set_index("title")


@cache
def names(title: str) -> dict[str, Any]:
    """Return what a script of the page makes."""
    return constraints.run(title)


def least(instance: ei.Instance, limits: Any) -> float:
    """Return the least WSEL over limits of users, of which each is a case; inf without any."""
    best = float("inf")
    for one in limits:
        users = {user.name: limit for user, limit in zip(instance.users, one, strict=True)}
        result = ei.solve(instance.replace(users=users))
        best = min(best, result.objective or best)
    return best


def test_the_page_shows_what_is_stored() -> None:
    """Each section has mathematics, a script that runs, a picture and a current row."""
    text = PAGE.read_text(encoding="utf-8")
    assert list(constraints.scripts()) == list(SHOWN) == list(STORED.index)
    assert constraints.table() in text
    for title in SHOWN:
        made = names(title)
        if "model" in made:
            assert ei.models.source_of(made["model"]).instance == made["instance"]
        assert f"](pictures/constraints/{slug(title)}.png)" in text
        assert (PICTURES / f"{slug(title)}.png").stat().st_size > 1000
    assert (STORED["scip_ended"] == "optimal").all()
    assert (STORED["wsel"] > STORED["wsel_free"] * (1 + GAP)).all()


@pytest.mark.parametrize("title", [title for title in SHOWN if STORED["exact_s"].notna()[title]])
def test_data_and_rows_say_the_same(title: str) -> None:
    """The optimum that ``exact`` proves of the data lies between SCIP's bound and its point."""
    stored, result = STORED.loc[title], ei.solve(names(title)["limited"])
    assert result.value is not None
    assert result.bound is not None
    assert stored["scip_bound"] <= result.value * (1 + 1e-6)
    assert result.bound <= stored["scip_value"] * (1 + 1e-6)
    assert result.value == pytest.approx(stored["exact_value"], rel=2e-6)
    assert stored["scip_value"] - stored["scip_bound"] <= GAP * stored["scip_value"] * (1 + 1e-9)


def test_rows_without_data_are_right_too() -> None:
    """Who may offload, and the slots of each, tried one by one; a price, band by band."""
    nothing, anything = {"max_offload_fraction": 0.0}, {"max_offload_fraction": 1.0}
    one = [[anything if j == k else nothing for j in range(3)] for k in range(3)]
    pair = [[nothing, anything, anything], [anything, nothing, anything]]
    slots = [
        [{"min_uplink_share": n / 8, "max_uplink_share": n / 8} for n in whole]
        for whole in itertools.product(range(1, 7), repeat=3)
        if sum(whole) <= 8
    ]
    found = {
        title: least(names(title)["instance"], cases)
        for title, cases in (
            ("At most one user offloads", one),
            ("Two users never both offload", pair),
            ("Shares in whole slots", slots),
        )
    }
    title = "A price of the band"
    bands = [13.9 + 0.1 * step for step in range(10)]
    hired = [names(title)["instance"].replace(bandwidth_hz=band * 1e6) for band in bands]
    costs = [ei.solve(one).objective or 0.0 for one in hired]
    found[title] = min(cost + 0.08 * band for cost, band in zip(costs, bands, strict=True))
    assert found.keys() == set(STORED.index[STORED["exact_s"].isna()])
    for title, value in found.items():
        assert STORED["scip_bound"][title] <= value * (1 + 1e-6)
        assert value == pytest.approx(STORED["scip_value"][title], rel=5e-6)
