"""Certificates: a bound is proven without the solver, or not at all."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import verify as verification
from eipyomo.solvers.exact import Restriction, solve_exact
from eipyomo.solvers.exact.certificate import certificate
from eipyomo.verify import verify
from tests.conftest import VALUES, reference
from tests.instances import altered, hostile

SMALL = [name for name in VALUES if VALUES[name]["users"] <= 12]


def certified(instance: ei.Instance, **options: Any) -> dict[str, Any]:
    """Return a certificate as it would be read from its file."""
    outcome = solve_exact(instance, **options)
    document: dict[str, Any] = json.loads(json.dumps(certificate(instance, outcome)))
    return document


@pytest.mark.parametrize("name", SMALL)
def test_reference_bounds_are_proven(name: str) -> None:
    """Interval arithmetic proves every bound claimed, to within 1e-6 of the reference optimum."""
    document = certified(reference(name))
    proven = verify(reference(name), document)
    assert proven.claimed == document["bound"]
    assert proven.bound >= document["bound"]
    assert VALUES[name]["bound"] * (1.0 - 1e-6) <= proven.bound
    assert proven.bound <= VALUES[name]["wsel"] * (1.0 + 1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"restriction": Restriction.lco()},
        {"restriction": Restriction.eco()},
        {"restriction": Restriction.gbe()},
        {"restriction": Restriction.on_grid(0.2)},
        {"round": "training"},
        {"node_limit": 2},
        {"time_limit": 0.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["letter-m4-sigma32", "mixed-m4", "hostile-09"])
def test_restricted_and_unfinished_bounds_are_proven(name: str, options: dict[str, Any]) -> None:
    """Restrictions, training rounds and searches cut short prove the bound they claim."""
    document = certified(reference(name), **options)
    assert verify(reference(name), document).bound >= document["bound"]


@pytest.mark.parametrize("seed", range(30, 50))
def test_hostile_bounds_are_proven(seed: int) -> None:
    """The margin for rounding suffices on random unlike users."""
    document = certified(hostile(seed))
    assert verify(hostile(seed), document).bound >= document["bound"]


def test_twins_are_proven() -> None:
    """Equal users may be kept in order by the proof, and it holds."""
    letter = ei.Instance.letter(users=1, bandwidth_mhz=30.0)
    users = tuple(
        letter.users[0].model_copy(update={"name": f"eu{j}", "channel_gain": 5.3e-11})
        for j in range(6)
    )
    instance = altered(letter, users=users)
    document = certified(instance)
    assert verify(instance, document).bound >= document["bound"]


def leaves(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all proofs of a tree."""
    children = node.get("parts", [])
    if "branch" in node:
        children = [node["branch"]["low"], node["branch"]["high"]]
    found = [node["proof"]] if "proof" in node else []
    return found + [proof for child in children for proof in leaves(child)]


def test_changed_numbers_never_prove_too_much() -> None:
    """Whatever is done to prices, multipliers, cells and times, nothing false is proven."""
    instance, values = reference("letter-m4-sigma32"), VALUES["letter-m4-sigma32"]
    document, draw = certified(instance), np.random.default_rng(0)
    proven = 0
    for _ in range(300):
        forged = copy.deepcopy(document)
        proofs = leaves(forged["tree"])
        proof = proofs[draw.integers(len(proofs))]
        user = proof["users"][draw.integers(4)]
        factor = float(draw.choice([0.0, 0.5, 0.999, 1.001, 2.0, 1e6]))
        kind = draw.integers(4)
        if kind == 0:
            proof["prices"][0] *= factor
        elif kind == 1 and user["edge"]:
            user["edge"][draw.integers(2)] *= factor
        elif kind == 2 and user["local"]:
            user["local"][draw.integers(len(user["local"]))][draw.integers(5)] *= factor
        elif kind == 3:
            key = str(draw.choice(["first_s", "last_s"]))
            forged["tree"][key] *= factor
        try:
            bound = verify(instance, forged).bound
        except ei.InputError:
            continue
        proven += 1
        assert bound <= values["wsel"]
    assert proven > 50


def nested(tree: dict[str, Any], levels: int) -> dict[str, Any]:
    """Return a tree wrapped into parts that split nothing."""
    for _ in range(levels):
        tree = {"first_s": tree["first_s"], "last_s": tree["last_s"], "parts": [tree]}
    return tree


def forgeries() -> dict[str, Callable[[dict[str, Any]], object]]:
    """Return ways to break a certificate, each of which must be noticed."""
    return {
        "foreign": lambda document: document.update(instance="0" * 64),
        "schema": lambda document: document.update(schema="other"),
        "no tree": lambda document: document.pop("tree"),
        "no proof": lambda document: document["tree"].update(parts=[]),
        "hole": lambda document: document["tree"]["parts"].pop(1),
        "users": lambda document: leaves(document["tree"])[0]["users"].pop(),
        "price": lambda document: leaves(document["tree"])[0].update(prices=[-1.0]),
        "text": lambda document: leaves(document["tree"])[0].update(prices=["1"]),
        "huge": lambda document: leaves(document["tree"])[0].update(prices=[10**400]),
        "deep": lambda document: document.update(tree=nested(document["tree"], 5000)),
        "nan": lambda document: leaves(document["tree"])[0].update(prices=[float("nan")]),
        "cells": lambda document: leaves(document["tree"])[0]["users"][0].update(local=[]),
        "weights": lambda document: leaves(document["tree"])[0]["users"][0].update(edge=[9.0, 0.0]),
        "domain": lambda document: document["domains"][0].update(offload_max=1.5),
        "round": lambda document: document.update(round="training"),
    }


@pytest.mark.parametrize("kind", forgeries())
def test_broken_certificates_are_refused(kind: str) -> None:
    """A certificate with something missing, foreign or impossible gets one sentence."""
    instance = reference("letter-m4")
    document = certified(instance)
    forgeries()[kind](document)
    with pytest.raises(ei.InputError):
        verify(instance, document)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "joint"),
        ({"restriction": Restriction.lco()}, "lco"),
        ({"restriction": Restriction.eco()}, "eco"),
        ({"restriction": Restriction.gbe()}, "gbe"),
        ({"restriction": Restriction.on_grid(0.2)}, "grid:0.2"),
        ({"restriction": Restriction(offload_max=[0.5, 1.0])}, "restricted"),
        ({"round": "training"}, "training"),
    ],
    ids=str,
)
def test_the_problem_is_read_from_the_proof(options: dict[str, Any], problem: str) -> None:
    """A bound of a restriction cannot be passed off as one of the joint problem."""
    document = certified(reference("letter-m2"), **options)
    document["problem"] = "joint"
    assert verify(reference("letter-m2"), document).problem == problem


def test_points_of_a_grid_cannot_slip_between_cells() -> None:
    """Cells that end between grid points are refused: they may leave a point out."""
    document = certified(reference("letter-m2"), restriction=Restriction.on_grid(0.2))
    for proof in leaves(document["tree"]):
        for user in proof["users"]:
            for cell in user["local"]:
                cell[1] = max(cell[1] - 0.6, cell[0])
    with pytest.raises(ei.InputError, match="cell"):
        verify(reference("letter-m2"), document)


def test_another_instance_is_refused() -> None:
    """One gain changed under the same name makes it another instance."""
    instance = reference("letter-m4")
    first, *others = instance.users
    weaker = first.model_copy(update={"channel_gain": first.channel_gain * (1.0 + 1e-12)})
    other = altered(instance, users=(weaker, *others))
    with pytest.raises(ei.InputError, match="another instance"):
        verify(other, certified(instance))


def test_infeasible_problems_have_no_certificate() -> None:
    """There is no bound to prove."""
    instance = reference("letter-m2")
    outcome = solve_exact(instance, restriction=Restriction(edge=False, local=False))
    with pytest.raises(ei.InputError, match="infeasible"):
        certificate(instance, outcome)


def test_verifying_shares_no_code_with_the_solver() -> None:
    """The verifier imports nothing of the solver or its physics."""
    text = Path(verification.__file__).read_text(encoding="utf-8")
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    ours = [line for line in imports if "eipyomo" in line]
    assert all("errors" in line or "instance" in line for line in ours)


def test_without_interval_arithmetic_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing library is one sentence with the way to get it."""
    document = certified(reference("letter-m2"))

    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ei.SolverError, match="pip install"):
        verify(reference("letter-m2"), document)
