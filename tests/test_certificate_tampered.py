"""Certificates that were tampered with: refused, not proven, or proven for what they are.

Whatever is done to a file, a claim that two checkers accept is true; they have no code in common,
see ``tests/independent_checker.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.verify import Verified, verify
from tests.certificates import MAKERS, Case, Document, cases, leaf, proofs
from tests.independent_checker import BrokenError, Proven, check

REFUSED, UNPROVEN, TRUE = "refused", "unproven", "true"


def judged(case: Case) -> Verified | None:
    """Return what both checkers prove; None if they refuse the file. They have to agree."""
    second: Proven | None
    try:
        second = check(case.instance.to_dict(), case.document)
    except BrokenError:
        second = None
    try:
        first = verify(case.instance, case.document)
    except ei.InputError:
        assert second is None
        return None
    assert second is not None
    assert second.bound == pytest.approx(first.bound, rel=1e-9, abs=1e-9)
    assert first.problem in second.names
    assert (first.claimed_problem in second.names) == (first.claimed_problem == first.problem)
    return first


def verdict(case: Case) -> str:
    """Return what becomes of a file, and check that nothing false is accepted."""
    found = judged(case)
    if found is None:
        return REFUSED
    assert found.infeasible == (found.bound == math.inf)
    if found.doubt is not None:
        return UNPROVEN
    if found.problem == case.document["problem"] and case.truth < math.inf:
        assert not found.infeasible
        assert found.claimed is not None
        assert found.claimed <= case.truth * (1.0 + 1e-9)
    return TRUE


@pytest.mark.parametrize("name", MAKERS)
def test_both_checkers_prove_what_is_written(name: str) -> None:
    """The bound claimed, or infeasibility, of every kind of certificate."""
    case = cases(name)
    found = judged(case)
    assert found is not None
    assert found.doubt is None
    assert found.claim == ("bound" if case.document["bound"] is not None else "infeasible")
    assert found.infeasible == (found.claim == "infeasible")
    if found.claimed is not None:
        assert found.claimed <= found.bound <= case.truth * (1.0 + 1e-9)
        assert found.claimed >= 0.85 * case.truth


# --- the table ------------------------------------------------------------------------------------


def first_row(document: Document) -> Document:
    """Return the row of the first user of the first proof."""
    row: Document = leaf(document)["users"][0]
    return row


def every_cell(document: Document, place: int, factor: float, least: float = 0.0) -> None:
    """Multiply a number of all cells, counted from the end: μ -5, ν2 -4, η -3, δ -2, ε -1."""
    for _, proof in proofs(document["tree"]):
        for row in proof["users"]:
            for numbers in [*row["local"], *([row["edge"]] if row["edge"] else [])]:
                if -place <= len(numbers):
                    numbers[place] = max(numbers[place] * factor, least)


def prices(document: Document, place: int, factor: float, least: float = -1e9) -> None:
    """Multiply a price in all proofs."""
    for _, proof in proofs(document["tree"]):
        proof["prices"][place] = max(proof["prices"][place] * factor, least)


def whole(document: Document, factor: float) -> None:
    """Multiply all multipliers, and the price of the band."""
    for place in range(-5, 0):
        every_cell(document, place, factor)
    prices(document, 0, factor)


def rays(document: Document, ray: object) -> None:
    """Say that all proofs are rays, or none."""
    for _, proof in proofs(document["tree"]):
        proof["ray"] = ray


def bounds(document: Document, value: float) -> None:
    """Claim a bound in the place of infeasibility."""
    document.update(claim="bound", bound=value)


def infeasible(document: Document) -> None:
    """Claim infeasibility in the place of a bound."""
    document.update(claim="infeasible", bound=None)


def cell(document: Document, *numbers: float) -> None:
    """Put a cell into the first row."""
    first_row(document)["local"].append(list(numbers))


def rows_of_modes(document: Document) -> list[list[list[float]]]:
    """Return the rows of modes of the users that have some, in the first proof."""
    rows = leaf(document)["users"]
    return [row["modes"] for row in rows if "modes" in row]


def last_mode(document: Document, place: int, value: float) -> None:
    """Put a number into the row of the last mode, in which nothing is sent."""
    rows_of_modes(document)[0][-1][place] = value


def of_another(name: str) -> Callable[[Document], object]:
    """Return a change that puts the tree of another certificate in its place."""
    return lambda document: document.update(tree=cases(name).document["tree"])


def as_of(name: str, instance: str) -> Callable[[Document], object]:
    """Return a change that passes another certificate off as one of this instance."""

    def change(document: Document) -> None:
        digest = cases(instance).instance.digest()
        document.clear()
        document.update(cases(name).document, instance=digest)

    return change


def swapped(document: Document) -> None:
    """Swap the rows of two users."""
    for _, proof in proofs(document["tree"]):
        proof["users"][0], proof["users"][2] = proof["users"][2], proof["users"][0]


def ends(document: Document, **times: float | None) -> None:
    """Change where the tree begins or ends, with its first and last leaf."""
    node = document["tree"]
    while True:
        node.update(times)
        if "parts" not in node:
            return
        node = node["parts"][0 if "first_s" in times else -1]


Change = Callable[[Document], object]

TAMPERED: dict[tuple[str, str], tuple[Change, str]] = {
    # what is claimed
    ("plain", "a higher bound"): (lambda d: d.update(bound=d["bound"] * 1.0001), UNPROVEN),
    ("plain", "a lower bound"): (lambda d: d.update(bound=d["bound"] * 0.5), TRUE),
    ("plain", "a bound that is null"): (lambda d: d.update(bound=None), REFUSED),
    ("plain", "infeasibility"): (infeasible, UNPROVEN),
    ("plain", "infeasibility with a bound"): (lambda d: d.update(claim="infeasible"), REFUSED),
    ("plain", "another claim"): (lambda d: d.update(claim="optimal"), REFUSED),
    ("plain", "another problem"): (lambda d: d.update(problem="gbe"), UNPROVEN),
    ("plain", "no problem by name"): (lambda d: d.update(problem="restricted"), UNPROVEN),
    ("plain", "the least band"): (lambda d: d.update(objective="band"), REFUSED),
    ("plain", "the slowest"): (lambda d: d.update(objective="slowest"), REFUSED),
    ("plain", "another objective"): (lambda d: d.update(objective="energy"), REFUSED),
    ("plain", "an objective in capitals"): (lambda d: d.update(objective="WSEL"), REFUSED),
    ("plain", "no claim"): (lambda d: d.pop("claim"), REFUSED),
    ("plain", "no objective"): (lambda d: d.pop("objective"), REFUSED),
    ("plain", "version 1 with new keys"): (
        lambda d: d.update(schema="eipyomo/certificate@1"),
        REFUSED,
    ),
    ("plain", "wrong digest"): (lambda d: d.update(instance="0" * 64), REFUSED),
    ("infeasible", "a bound"): (lambda d: bounds(d, 4.0), TRUE),  # of nothing, any is true
    ("infeasible", "a bound of null"): (lambda d: d.update(claim="bound"), REFUSED),
    ("infeasible", "the slowest"): (lambda d: d.update(objective="slowest"), TRUE),
    ("infeasible", "a later time"): (
        lambda d: d.update(objective="slowest", claim="bound", bound=9.0),
        TRUE,
    ),
    ("infeasible", "the least band"): (lambda d: d.update(objective="band"), UNPROVEN),
    ("endless", "the least band"): (lambda d: d.update(objective="band"), UNPROVEN),
    ("infeasible", "of gbe"): (lambda d: d.update(problem="gbe", split_band=True), REFUSED),
    ("infeasible", "training"): (lambda d: d.update(round="training"), REFUSED),
    ("training", "inference"): (lambda d: d.update(round="inference"), UNPROVEN),
    ("decisions", "restricted"): (lambda d: d.update(problem="restricted"), TRUE),
    ("decisions", "eco"): (lambda d: d.update(problem="eco"), UNPROVEN),
    ("decisions", "of all decisions"): (
        lambda d: d["domains"][0].update(local=True),
        REFUSED,
    ),
    ("decisions", "of fewer decisions"): (
        lambda d: d["domains"][1].update(local=False),
        UNPROVEN,
    ),
    ("no decision", "for another user too"): (
        lambda d: d["domains"][1].update(local=False),
        UNPROVEN,
    ),
    ("no decision", "with a decision"): (lambda d: d["domains"][0].update(edge=True), UNPROVEN),
    ("gbe", "one price"): (lambda d: [p["prices"].pop() for _, p in proofs(d["tree"])], REFUSED),
    # limits that are not there, or are others
    ("plain", "δ without a deadline"): (lambda d: every_cell(d, -2, 1.0, 0.1), REFUSED),
    ("plain", "ε without a budget"): (lambda d: every_cell(d, -1, 1.0, 0.1), REFUSED),
    ("deadlines", "ε without a budget"): (lambda d: every_cell(d, -1, 1.0, 0.1), REFUSED),
    ("energy", "δ without a deadline"): (lambda d: every_cell(d, -2, 1.0, 0.1), REFUSED),
    ("plain", "the proof with deadlines"): (as_of("deadlines", "plain"), REFUSED),
    ("plain", "the proof with budgets"): (as_of("energy", "plain"), REFUSED),
    ("plain", "the proof with boxes"): (as_of("boxes", "plain"), UNPROVEN),
    ("plain", "the proof of infeasibility"): (as_of("infeasible", "plain"), REFUSED),
    ("plain", "the proof of least shares"): (as_of("least shares", "plain"), UNPROVEN),
    ("plain", "the proof of a late upload"): (as_of("late", "plain"), UNPROVEN),
    ("plain", "the proof of no decision"): (as_of("no decision", "plain"), UNPROVEN),
    ("deadlines", "the proof of infeasibility"): (as_of("infeasible", "deadlines"), UNPROVEN),
    ("energy", "the proof of infeasibility"): (as_of("endless", "energy"), UNPROVEN),
    ("deadlines", "the proof without"): (as_of("plain", "deadlines"), TRUE),
    ("total energy", "the proof without"): (as_of("plain", "total energy"), REFUSED),
    ("infeasible", "the tree of a bound"): (of_another("deadlines"), UNPROVEN),
    # rays
    ("infeasible", "no rays"): (lambda d: rays(d, False), UNPROVEN),
    ("deadlines", "rays"): (lambda d: rays(d, True), REFUSED),
    ("training", "rays"): (lambda d: rays(d, True), REFUSED),
    ("endless", "no ray"): (lambda d: rays(d, False), UNPROVEN),
    ("endless", "a ray as a number"): (lambda d: rays(d, 1), REFUSED),
    ("endless", "ray left out"): (lambda d: leaf(d).pop("ray"), REFUSED),
    ("infeasible", "a negative δ"): (lambda d: every_cell(d, -2, -1.0, -1e9), REFUSED),
    ("endless", "a negative ε"): (lambda d: every_cell(d, -1, -1.0, -1e9), REFUSED),
    ("infeasible", "a negative price"): (lambda d: prices(d, 0, -1.0), REFUSED),
    ("infeasible", "a ray of nothing"): (lambda d: whole(d, 0.0), UNPROVEN),
    ("infeasible", "a higher price"): (lambda d: prices(d, 0, 3.0), UNPROVEN),
    ("infeasible", "smaller δ"): (lambda d: every_cell(d, -2, 0.5), REFUSED),
    ("infeasible", "larger δ"): (lambda d: every_cell(d, -2, 3.0), UNPROVEN),
    ("infeasible", "the whole ray twice"): (lambda d: whole(d, 2.0), TRUE),
    ("endless", "no ε"): (lambda d: every_cell(d, -1, 0.0), UNPROVEN),
    ("endless", "the whole ray thrice"): (lambda d: whole(d, 3.0), TRUE),
    ("no band", "a price of it"): (lambda d: leaf(d).update(prices=[1e-3]), UNPROVEN),
    ("no band", "a bound"): (lambda d: bounds(d, 15.0), TRUE),
    ("no band", "no ray"): (lambda d: rays(d, False), UNPROVEN),
    ("no band", "of a cost"): (lambda d: d.update(objective="wsel"), TRUE),
    # times
    ("endless", "η > 0"): (lambda d: every_cell(d, -3, 1.0, 1e-12), UNPROVEN),
    ("endless", "an end"): (lambda d: d["tree"].update(last_s=1e9), UNPROVEN),
    ("endless", "a later begin"): (lambda d: d["tree"].update(first_s=5.0), UNPROVEN),
    ("endless", "an earlier begin"): (lambda d: d["tree"].update(first_s=0.0), TRUE),
    ("endless", "no begin"): (lambda d: d["tree"].update(first_s=None), REFUSED),
    ("plain", "no end"): (lambda d: ends(d, last_s=None), TRUE),
    ("infeasible", "no end"): (lambda d: ends(d, last_s=None), TRUE),
    ("plain", "no end of the first"): (
        lambda d: d["tree"]["parts"][0].update(last_s=None),
        REFUSED,
    ),
    ("infeasible", "an earlier end"): (lambda d: ends(d, last_s=5.0), UNPROVEN),
    ("late", "an earlier begin"): (lambda d: d["tree"].update(first_s=0.0), UNPROVEN),
    ("late", "at another time"): (lambda d: d["tree"].update(first_s=2.0, last_s=2.0), UNPROVEN),
    ("late", "later"): (lambda d: d["tree"].update(first_s=9.0, last_s=9.0), UNPROVEN),
    ("late", "no end"): (lambda d: d["tree"].update(last_s=None), TRUE),
    ("no decision", "an end"): (lambda d: d["tree"].update(last_s=1.0), UNPROVEN),
    ("total latency", "no waiting"): (lambda d: every_cell(d, -4, 0.0), UNPROVEN),
    # prices, cells and users
    ("plain", "a lower price"): (lambda d: prices(d, 0, 0.9), UNPROVEN),
    ("totals", "a price of a total"): (lambda d: prices(d, 1, 1.0, 0.1), UNPROVEN),
    ("totals", "a price too few"): (lambda d: leaf(d)["prices"].pop(), REFUSED),
    ("totals", "a price too many"): (lambda d: leaf(d)["prices"].append(0.0), REFUSED),
    ("total energy", "no price"): (lambda d: prices(d, 1, 0.0), UNPROVEN),
    ("total energy", "a price of the band"): (
        lambda d: leaf(d).update(prices=[9.0, 1.0]),
        UNPROVEN,
    ),
    ("deadlines", "other users"): (swapped, UNPROVEN),
    ("infeasible", "other users"): (swapped, UNPROVEN),
    ("deadlines", "cells of 6"): (
        lambda d: first_row(d)["local"][0].__delitem__(slice(5, 7)),
        REFUSED,
    ),
    ("deadlines", "edge of 2"): (lambda d: first_row(d).update(edge=[0.0, 0.0]), REFUSED),
    ("deadlines", "no edge"): (lambda d: first_row(d).update(edge=None), REFUSED),
    ("deadlines", "a needless cell"): (lambda d: cell(d, 0.5, 0.5, 0, 0, 0, 0, 0), UNPROVEN),
    ("deadlines", "a cell upside down"): (lambda d: cell(d, 0.7, 0.2, 0, 0, 0, 0, 0), REFUSED),
    ("deadlines", "a cell beyond 1"): (lambda d: cell(d, 0.9, 1.1, 0, 0, 0, 0, 0), REFUSED),
    ("grid", "a cell between points"): (lambda d: cell(d, 0.5, 1, 0, 0, 0, 0, 0), REFUSED),
    ("grid", "another grid"): (lambda d: d.update(grid=4), REFUSED),
    ("grid", "a finer grid"): (lambda d: d.update(grid=10), UNPROVEN),
    ("deadlines", "more μ than W"): (lambda d: every_cell(d, -5, 2.0, 9.0), REFUSED),
    # modes
    ("modes", "a higher bound"): (lambda d: d.update(bound=d["bound"] * 1.001), UNPROVEN),
    ("modes", "infeasibility"): (infeasible, UNPROVEN),
    ("modes", "a mode left out"): (lambda d: rows_of_modes(d)[0].pop(), REFUSED),
    ("modes", "a mode twice"): (
        lambda d: rows_of_modes(d)[0].append(rows_of_modes(d)[0][0]),
        REFUSED,
    ),
    ("modes", "a mode that is not there"): (
        lambda d: rows_of_modes(d)[0].append([99, 0, 0, 0, 0, 0]),
        REFUSED,
    ),
    ("modes", "half a mode"): (lambda d: rows_of_modes(d)[0][0].__setitem__(0, 0.5), REFUSED),
    ("modes", "η without an update"): (lambda d: last_mode(d, 3, 0.01), REFUSED),
    ("modes", "ν2 without an upload"): (lambda d: last_mode(d, 2, 0.01), REFUSED),
    ("modes", "a negative μ"): (lambda d: last_mode(d, 1, -0.01), REFUSED),
    ("modes", "more μ than W"): (lambda d: last_mode(d, 1, 99.0), REFUSED),
    ("modes", "δ without a deadline"): (lambda d: last_mode(d, 4, 0.1), REFUSED),
    ("modes", "no multipliers"): (
        lambda d: [row.__setitem__(slice(1, 6), [0.0] * 5) for row in rows_of_modes(d)[0]],
        UNPROVEN,
    ),
    ("modes", "of fewer modes"): (lambda d: d["domains"][2].update(modes=[0, 0]), UNPROVEN),
    ("modes", "of more modes"): (lambda d: d["domains"][2].update(modes=[0, 13]), REFUSED),
    ("modes", "of decisions"): (
        lambda d: d["domains"].__setitem__(2, d["domains"][0]),
        REFUSED,
    ),
    ("modes", "of modes for the letter's user"): (
        lambda d: d["domains"].__setitem__(0, d["domains"][2]),
        REFUSED,
    ),
    ("modes", "a price too few"): (lambda d: leaf(d)["prices"].pop(), REFUSED),
    ("modes", "the proof without"): (as_of("plain", "modes"), REFUSED),
    ("modes", "gbe"): (lambda d: d.update(problem="gbe"), UNPROVEN),
    ("plain", "the proof with modes"): (as_of("modes", "plain"), REFUSED),
    ("modes missed", "a bound"): (lambda d: bounds(d, 4.0), TRUE),
    ("modes missed", "no rays"): (lambda d: rays(d, False), UNPROVEN),
    # other objectives
    ("band", "a higher bound"): (lambda d: d.update(bound=d["bound"] * 1.01), UNPROVEN),
    ("band", "twice the bound"): (lambda d: d.update(bound=d["bound"] * 2.0), UNPROVEN),
    ("band", "half the bound"): (lambda d: d.update(bound=d["bound"] * 0.5), TRUE),
    ("band", "a bound of 0"): (lambda d: d.update(bound=0.0), TRUE),
    ("band", "infeasibility"): (infeasible, UNPROVEN),
    ("band", "a price above 1 per MHz"): (lambda d: prices(d, 0, 1.001), REFUSED),
    ("band", "a lower price"): (lambda d: prices(d, 0, 0.5), UNPROVEN),
    ("band", "rays"): (lambda d: rays(d, True), TRUE),
    ("band", "a cost"): (lambda d: d.update(objective="wsel"), UNPROVEN),
    ("band", "a later begin"): (lambda d: d["tree"]["parts"].pop(0), REFUSED),
    ("band in halves", "the whole"): (lambda d: d.update(split_band=False), REFUSED),
    ("band in halves", "a price above 1 per MHz"): (lambda d: prices(d, 1, 1.001), REFUSED),
    ("edge frequency", "a higher bound"): (lambda d: bounds(d, 9.0), UNPROVEN),
    ("edge frequency", "a price above 1"): (lambda d: prices(d, -1, 1.001), REFUSED),
    ("edge frequency", "rays"): (lambda d: rays(d, True), UNPROVEN),
    ("edge frequency", "the slowest"): (lambda d: d.update(objective="slowest"), REFUSED),
    ("slowest", "a higher bound"): (lambda d: d.update(bound=d["bound"] * 1.05), UNPROVEN),
    ("slowest", "a lower bound"): (lambda d: d.update(bound=d["bound"] * 0.99), TRUE),
    ("slowest", "infeasibility"): (infeasible, REFUSED),
    ("slowest", "a cost"): (lambda d: d.update(objective="wsel"), REFUSED),
    ("slowest", "no rays"): (lambda d: rays(d, False), UNPROVEN),
}


@pytest.mark.parametrize(("name", "what"), TAMPERED)
def test_what_was_tampered_with_proves_nothing_false(name: str, what: str) -> None:
    """Each is refused, not proven, or true as it stands; two checkers say the same."""
    case = cases(name)
    change, expected = TAMPERED[name, what]
    change(case.document)
    assert verdict(case) == expected


# --- at random ------------------------------------------------------------------------------------

CHANGES = 12
FACTORS = (0.0, 0.5, 1.0 - 1e-6, 1.0 + 1e-6, 2.0, 1e6, -1.0)


def places(part: Any) -> list[tuple[Any, Any]]:
    """Return all places of numbers, truth values and nulls in a document, each with its holder."""
    items = list(part.items() if isinstance(part, dict) else enumerate(part))
    found = []
    for key, value in items:
        if isinstance(value, dict | list):
            found += places(value)
        elif not isinstance(value, str):
            found.append((part, key))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_random_changes_prove_nothing_false(name: str) -> None:
    """One to three numbers changed, anywhere: both checkers agree, and no false claim is proven."""
    draw, ends = np.random.default_rng(0), []
    for _ in range(CHANGES):
        case = cases(name)
        for _ in range(draw.integers(1, 4)):
            holders = places(case.document)
            holder, key = holders[draw.integers(len(holders))]
            value = holder[key]
            if isinstance(value, bool):
                holder[key] = not value
            elif value is None:
                holder[key] = float(draw.choice([0.0, 1.0, 10.0]))
            else:
                changed = value * float(draw.choice(FACTORS)) + float(draw.choice([0, 0, 0.1]))
                holder[key] = type(value)(changed)
        ends.append(verdict(case))
    assert set(ends) <= {REFUSED, UNPROVEN, TRUE}
    assert ends.count(REFUSED) < CHANGES
