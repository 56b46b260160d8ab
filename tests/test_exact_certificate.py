"""Certificates: a bound is proven without the solver, or not at all."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import verify as verification
from eipyomo.cli import main
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.scaled import Stage
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from tests.conftest import REFERENCE, VALUES, reference, slow_but
from tests.instances import KINDS, altered, hostile, limited

SMALL = [name for name in VALUES if VALUES[name]["users"] <= 12]


def certified(
    instance: ei.Instance,
    restriction: Restriction | None = None,
    stage: Stage = "inference",
    **options: Any,
) -> dict[str, Any]:
    """Return a certificate as it would be read from its file."""
    outcome = solve_exact(Problem(instance, restriction or Restriction(), stage), **options)
    document: dict[str, Any] = json.loads(json.dumps(outcome.certificate()))
    return document


@pytest.mark.parametrize("name", slow_but(SMALL, "letter-m4", "mixed-m4", "letter-m12"))
def test_reference_bounds_are_proven(name: str) -> None:
    """Interval arithmetic proves every bound claimed, to within 1e-6 of the reference optimum."""
    document = certified(reference(name))
    proven = verify(reference(name), document)
    assert proven.claimed == document["bound"]
    assert proven.bound >= document["bound"]
    assert VALUES[name]["bound"] * (1.0 - 1e-6) <= proven.bound
    assert proven.bound <= VALUES[name]["wsel"] * (1.0 + 1e-12)


UNLIKE = {
    **{name: reference(name) for name in ("letter-m4-sigma32", "mixed-m4", "hostile-09")},
    **{
        f"{part:.0%} of M f_s, seed {seed}": limited(hostile(seed, 4), part)
        for seed in (0, 6, 11)
        for part in (0.02, 0.3, 1.0)
    },
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"restriction": Restriction.lco()},
        {"restriction": Restriction.eco()},
        {"restriction": Restriction.gbe()},
        {"restriction": Restriction.on_grid(0.2)},
        {"stage": "training"},
        {"node_limit": 2},
        {"time_limit": 0.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", slow_but(UNLIKE, "letter-m4-sigma32", "2% of M f_s, seed 0"))
def test_restricted_and_unfinished_bounds_are_proven(name: str, options: dict[str, Any]) -> None:
    """Restrictions, training rounds and searches cut short prove the bound they claim."""
    document = certified(UNLIKE[name], **options)
    assert verify(UNLIKE[name], document).bound >= document["bound"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", slow_but(range(30, 50), 30, 31, 32))
def test_hostile_bounds_are_proven(seed: int, kind: str) -> None:
    """The margin for rounding suffices on random unlike users."""
    instance = KINDS[kind](hostile(seed))
    document = certified(instance)
    assert verify(instance, document).bound >= document["bound"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gain", "total_ghz"), [(5.3e-11, None), (ei.Instance.letter(1).users[0].channel_gain, 5.0)]
)
def test_twins_are_proven(gain: float, total_ghz: float | None) -> None:
    """Equal users, of whom only some can be served well, may be kept in order by the proof."""
    letter = ei.Instance.letter(users=1, bandwidth_mhz=30.0, total_frequency_ghz=total_ghz)
    users = tuple(
        letter.users[0].model_copy(update={"name": f"eu{j}", "channel_gain": gain})
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("instance", "times", "least"),
    [
        pytest.param(reference("letter-m4-sigma32"), 300, 50, id="plain"),
        pytest.param(limited(hostile(6, 4), 0.1), 150, 30, id="limited", marks=pytest.mark.slow),
    ],
)
def test_changed_numbers_never_prove_too_much(
    instance: ei.Instance, times: int, least: int
) -> None:
    """Whatever is done to prices, multipliers, cells and times, nothing false is proven."""
    document, draw = certified(instance), np.random.default_rng(0)
    best, proven = ei.solve(instance).objective, 0
    assert best is not None
    for _ in range(times):
        forged = copy.deepcopy(document)
        proofs = leaves(forged["tree"])
        proof = proofs[draw.integers(len(proofs))]
        user = proof["users"][draw.integers(4)]
        factor = float(draw.choice([0.0, 0.5, 0.999, 1.001, 2.0, 1e6]))
        kind = draw.integers(4)
        if kind == 0:
            proof["prices"][draw.integers(len(proof["prices"]))] *= factor
        elif kind == 1 and user["edge"]:
            user["edge"][draw.integers(4)] *= factor
        elif kind == 2 and user["local"]:
            user["local"][draw.integers(len(user["local"]))][draw.integers(7)] *= factor
        elif kind == 3:
            key = str(draw.choice(["first_s", "last_s"]))
            forged["tree"][key] *= factor
        try:
            bound = verify(instance, forged).bound
        except ei.InputError:
            continue
        proven += 1
        assert bound <= best
    assert proven > least


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
        "weights": lambda document: leaves(document["tree"])[0]["users"][0].update(
            edge=[9.0, 0.0, 0.0, 0.0]
        ),
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
        ({"stage": "training"}, "training"),
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


def test_a_certificate_is_one_of_its_budget() -> None:
    """That of another F, or one with a price too few, is refused."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    document = certified(instance)
    for other in (ei.Instance.letter(total_frequency_ghz=6.1), ei.Instance.letter()):
        with pytest.raises(ei.InputError, match="another instance"):
            verify(other, document)
    plain = certified(ei.Instance.letter())
    with pytest.raises(ei.InputError, match="prices is no list of the right length"):
        verify(instance, {**plain, "instance": instance.digest()})


def test_no_decision_left_is_proven() -> None:
    """Where a restriction leaves nothing to decide, nothing is feasible at any time."""
    impossible = Restriction(edge=False, local=False)
    found = verify(reference("letter-m2"), certified(reference("letter-m2"), impossible))
    assert found.doubt is None
    assert found.infeasible


def test_verifying_shares_no_code_with_the_solver() -> None:
    """The verifier imports nothing of the solver or its physics."""
    files = list(Path(verification.__file__).parent.glob("*.py"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    ours = [line for line in lines if line.startswith(("import eipyomo", "from eipyomo"))]
    data = ("devices", "errors", "instance", "modes", "verify", "words")
    assert len(files) > 1
    assert all(line.split()[1].split(".")[1] in data for line in ours)


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


# --- what a certificate claims --------------------------------------------------------------------

RESTRICTIONS = {
    "joint": Restriction(),
    "lco": Restriction.lco(),
    "eco": Restriction.eco(),
    "gbe": Restriction.gbe(),
    "grid:0.2": Restriction.on_grid(0.2),
    "grid:0.333333": Restriction.on_grid(1.0 / 3.0),
    "grid:1": Restriction(grid=1),
    "lco by bounds": Restriction(offload_max=0.0),
    "lco by a grid": Restriction(grid=5, offload_max=0.1),
    "bounded": Restriction(offload_max=[0.5, 1.0]),
    "bounded, called by a name": Restriction(label="mine", offload_min=0.25),
    "fixed": Restriction(edge=[True, False], local=[False, True]),
    "grid in halves": Restriction(grid=5, split_band=True),
    "eco in halves": Restriction(local=False, split_band=True),
}


@pytest.mark.parametrize("kind", RESTRICTIONS)
def test_what_is_written_is_proven_as_it_is_called(kind: str) -> None:
    """The writer claims the problem and the bound that the verifier finds."""
    instance, restriction = reference("letter-m2"), RESTRICTIONS[kind]
    found = verify(instance, certified(instance, restriction=restriction))
    assert found.doubt is None
    assert found.problem == restriction.kind()
    for band in (Restriction(), Restriction.gbe()):
        document = certified(instance, band, "training")
        assert verify(instance, document).doubt is None


@pytest.mark.parametrize("problem", ["joint", "gbe", "eco", "grid:0.2", "training"])
def test_a_restriction_cannot_take_the_name_of_another(problem: str) -> None:
    """Bounded decisions are not called by a name that has its own meaning."""
    with pytest.raises(ei.InputError, match="these decisions make the problem 'restricted'"):
        Restriction(label=problem, offload_max=0.5)
    instance = reference("letter-m2")
    assert Problem(instance, Restriction(label="mine", offload_max=0.5)).name == "mine"
    assert Problem(instance, Restriction(label="mine")).name == "joint"


@pytest.mark.parametrize("kind", RESTRICTIONS)
@pytest.mark.parametrize(
    "called", slow_but(["joint", "gbe", "eco", "grid:0.5", "anything", ""], "joint")
)
def test_a_restriction_that_is_passed_off_is_not_proven(kind: str, called: str) -> None:
    """Whatever else it is called, both names are told: such a bound may exceed the optimum."""
    instance, restriction = reference("letter-m2"), RESTRICTIONS[kind]
    if called == restriction.kind():
        return
    document = certified(instance, restriction=restriction)
    document["problem"] = called
    doubt = verify(instance, document).doubt
    assert doubt is not None
    assert f"{called!r}" in doubt
    assert f"{restriction.kind()!r}" in doubt


Change = Callable[[dict[str, Any]], object]


def in_a_leaf(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return a change of the first proof."""
    return lambda document: change(leaves(document["tree"])[0])


def in_a_row(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return a change of the part of the first user that may download."""
    return in_a_leaf(lambda proof: change(next(row for row in proof["users"] if row["local"])))


def branches(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all branches of a tree."""
    own = [node["branch"]] if "branch" in node else []
    below = [*node.get("parts", []), *([own[0]["low"], own[0]["high"]] if own else [])]
    return own + [branch for child in below for branch in branches(child)]


def in_a_branch(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return a change of the first branch."""
    return lambda document: change(branches(document["tree"])[0])


def in_a_domain(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return a change of the first user's domain."""
    return lambda document: change(document["domains"][0])


def under_an_empty_domain(change: Callable[[dict[str, Any]], object]) -> Change:
    """Return a change where the proof needs nothing: below a user with no decision left."""

    def put(document: dict[str, Any]) -> None:
        tree = document["tree"]
        ends = {"first_s": tree["first_s"], "last_s": tree["last_s"]}
        hidden = copy.deepcopy(tree)
        change(hidden)
        inner = {"user": 0, "threshold": 0.0, "low": hidden, "high": dict(ends)}
        middle = {**ends, "branch": inner}
        outer = {"user": 0, "threshold": 2.0, "low": copy.deepcopy(tree), "high": middle}
        document["tree"] = {**ends, "branch": outer}

    return put


FORGED: dict[str, Change] = {
    "schema missing": lambda d: d.pop("schema"),
    "schema as a number": lambda d: d.update(schema=1),
    "instance missing": lambda d: d.pop("instance"),
    "instance by name": lambda d: d.update(instance="letter-m4-sigma32"),
    "problem missing": lambda d: d.pop("problem"),
    "problem as a list": lambda d: d.update(problem=["joint"]),
    "problem none": lambda d: d.update(problem=None),
    "round missing": lambda d: d.pop("round"),
    "round unknown": lambda d: d.update(round="both"),
    "round none": lambda d: d.update(round=None),
    "split_band missing": lambda d: d.pop("split_band"),
    "split_band as a number": lambda d: d.update(split_band=0),
    "grid missing": lambda d: d.pop("grid"),
    "grid false": lambda d: d.update(grid=False),
    "grid as a fraction": lambda d: d.update(grid=0.2),
    "grid negative": lambda d: d.update(grid=-5),
    "bound missing": lambda d: d.pop("bound"),
    "bound as text": lambda d: d.update(bound="0.1"),
    "bound true": lambda d: d.update(bound=True),
    "bound none": lambda d: d.update(bound=None),
    "bound NaN": lambda d: d.update(bound=float("nan")),
    "bound infinite": lambda d: d.update(bound=float("-inf")),
    "unknown key": lambda d: d.update(proven=True),
    "domains missing": lambda d: d.pop("domains"),
    "domains of fewer users": lambda d: d["domains"].pop(),
    "domain with an unknown key": in_a_domain(lambda r: r.update(name="eu1")),
    "domain without a key": in_a_domain(lambda r: r.pop("edge")),
    "domain with 1 for true": in_a_domain(lambda r: r.update(edge=1)),
    "domain with a text": in_a_domain(lambda r: r.update(offload_min="0")),
    "domain with true for 1": in_a_domain(lambda r: r.update(offload_max=True)),
    "domain below 0": in_a_domain(lambda r: r.update(offload_min=-1.0)),
    "domain NaN": in_a_domain(lambda r: r.update(offload_max=float("nan"))),
    "tree as a list": lambda d: d.update(tree=[d["tree"]]),
    "node with an unknown key": lambda d: d["tree"].update(bound=9.0),
    "node without its end": lambda d: d["tree"].pop("last_s"),
    "node with a text": lambda d: d["tree"].update(first_s="1"),
    "node with true": lambda d: d["tree"].update(first_s=True),
    "node of two kinds": lambda d: d["tree"].update(proof={"prices": [1.0], "users": []}),
    "parts as an object": lambda d: d["tree"].update(parts={}),
    "branch with an unknown key": in_a_branch(lambda b: b.update(middle={})),
    "branch without a side": in_a_branch(lambda b: b.pop("high")),
    "branch of no user": in_a_branch(lambda b: b.update(user=99)),
    "branch of user true": in_a_branch(lambda b: b.update(user=True)),
    "branch at a text": in_a_branch(lambda b: b.update(threshold="0.5")),
    "branch at NaN": in_a_branch(lambda b: b.update(threshold=float("nan"))),
    "proof with an unknown key": in_a_leaf(lambda p: p.update(bound=9.0)),
    "proof without prices": in_a_leaf(lambda p: p.pop("prices")),
    "a price more": in_a_leaf(lambda p: p["prices"].append(1.0)),
    "a price true": in_a_leaf(lambda p: p.update(prices=[True])),
    "a price none": in_a_leaf(lambda p: p.update(prices=[None])),
    "a user more": in_a_leaf(lambda p: p["users"].append(p["users"][0])),
    "a row with an unknown key": in_a_row(lambda r: r.update(name="eu1")),
    "a row without a key": in_a_row(lambda r: r.pop("edge")),
    "a multiplier as text": in_a_row(lambda r: r["local"][0].__setitem__(2, "0.1")),
    "a multiplier true": in_a_row(lambda r: r["local"][0].__setitem__(3, True)),
    "a multiplier below 0": in_a_row(lambda r: r["local"][0].__setitem__(4, -0.1)),
    "a multiplier NaN": in_a_row(lambda r: r["local"][0].__setitem__(4, float("nan"))),
    "a multiplier more": in_a_row(lambda r: r["local"][0].append(0.0)),
    "a cell twice": in_a_row(lambda r: r["local"].append(list(r["local"][0]))),
    "a cell as an object": in_a_row(lambda r: r["local"].__setitem__(0, {})),
    "edge of one number": in_a_row(lambda r: r.update(edge=[0.0])),
    "edge as text": in_a_row(lambda r: r.update(edge="no")),
    "unneeded, with an unknown key": under_an_empty_domain(lambda n: n.update(x=1)),
    "unneeded, at user true": under_an_empty_domain(lambda n: branches(n)[0].update(user=True)),
    "unneeded, with a text": under_an_empty_domain(lambda n: n.update(first_s="1")),
    "unneeded, with NaN": under_an_empty_domain(
        lambda n: leaves(n)[0].update(prices=[float("nan")])
    ),
}


@cache
def _branched() -> str:
    document = certified(reference("letter-m4-sigma32"))
    assert branches(document["tree"])
    return json.dumps(document)


def test_the_tree_around_an_unneeded_one_is_proven() -> None:
    """A tree may be wrapped into a branch of which one side is empty, and proves the same."""
    instance, document = reference("letter-m4-sigma32"), json.loads(_branched())
    before = verify(instance, document).bound
    under_an_empty_domain(lambda _: None)(document)
    assert verify(instance, document).bound <= before


@pytest.mark.parametrize("kind", FORGED)
def test_forged_certificates_are_refused(kind: str, tmp_path: Path) -> None:
    """Unknown and missing keys and wrong types are refused at every level, exit status 2."""
    instance, document = reference("letter-m4-sigma32"), json.loads(_branched())
    assert verify(instance, document).doubt is None
    FORGED[kind](document)
    with pytest.raises(ei.InputError):
        verify(instance, document)
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(document))
    path = str(REFERENCE / "instances" / "letter-m4-sigma32.json")
    assert main(["verify", path, str(file)]) == 2


UNPROVEN: dict[str, Change] = {
    "bound": lambda d: d.update(bound=d["bound"] * (1.0 + 1e-5)),
    "bound by little": lambda d: d.update(bound=d["bound"] + 1e-5 * abs(d["bound"])),
    "problem": lambda d: d.update(problem="gbe"),
    "problem of one's own": lambda d: d.update(problem="the whole of (10)"),
    "split band": lambda d: d.update(split_band=True),
    "fewer decisions": lambda d: [row.update(offload_max=0.0, edge=False) for row in d["domains"]],
    "no edge for one user": lambda d: d["domains"][0].update(edge=False),
    "a later begin": lambda d: d.update(
        tree={
            **d["tree"],
            "first_s": d["tree"]["last_s"],
            "parts": [{"first_s": d["tree"]["last_s"], "last_s": d["tree"]["last_s"]}],
        }
    ),
    "prices of nothing": lambda d: [p.update(prices=[0.0]) for p in leaves(d["tree"])],
}


@pytest.mark.parametrize("kind", UNPROVEN)
def test_claims_that_are_not_proven_are_status_4(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A well-formed certificate that proves less, or something else, than it says is no proof."""
    instance, document = reference("letter-m4-sigma32"), json.loads(_branched())
    UNPROVEN[kind](document)
    try:
        assert verify(instance, document).doubt is not None
        status = 4
    except ei.InputError:  # a tree that does not fit the changed decisions
        status = 2
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(document))
    path = str(REFERENCE / "instances" / "letter-m4-sigma32.json")
    assert main(["verify", path, str(file), "--json"]) == status
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    if status == 4:
        assert json.loads(out)["proven"] is False


# --- certificate and result together --------------------------------------------------------------

LETTER = str(REFERENCE / "instances" / "letter-m4.json")


@pytest.fixture
def solved(tmp_path: Path) -> tuple[Path, Path]:
    """Return the certificate and the result of letter-m4 as solve writes them."""
    proof, result = tmp_path / "proof.json", tmp_path / "result.json"
    assert main(["solve", LETTER, "--certificate", str(proof), "-o", str(result)]) == 0
    return proof, result


def test_a_result_is_proven(solved: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Certificate and result give one sentence; the optimum is that of values.json."""
    proof, result = map(str, solved)
    capsys.readouterr()
    assert main(["verify", LETTER, proof, "--result", result]) == 0
    assert "WSEL 4.074727 is feasible and at most" in capsys.readouterr().out
    assert main(["verify", LETTER, proof, "--result", result, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["result"]["objective"] == pytest.approx(VALUES["letter-m4"]["wsel"], rel=1e-6)
    assert 0.0 <= answer["result"]["gap"] <= 1e-6
    assert main(["solve", LETTER, "-m", "admm", "-o", result]) == 0
    assert main(["verify", LETTER, proof, "--result", result]) == 0


@pytest.mark.parametrize(
    ("method", "sentence"),
    [("eco", "is one of problem 'eco'"), ("gbe", "is one of problem 'gbe'")],
)
def test_a_result_of_another_problem_is_not_proven(
    method: str,
    sentence: str,
    solved: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The certificate of (10) says nothing about how well a restriction was solved."""
    proof, result = map(str, solved)
    assert main(["solve", LETTER, "-m", method, "-o", result]) == 0
    assert main(["verify", LETTER, proof, "--result", result]) == 4
    assert sentence in capsys.readouterr().err


def bolder(result: dict[str, Any]) -> None:
    """Claim a bound between the proven one and the objective."""
    result["bound"] = result["objective"]
    result["gap"] = 0.0


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        (lambda r: r.update(objective=3.0), 4, "claims objective 3, but its allocation costs"),
        (bolder, 4, "but the certificate proves"),
        (lambda r: r.update(instance_digest="0" * 64), 2, "one of another instance"),
        (lambda r: r.update(gap=0.0), 4, "claims gap 0, but"),
        (lambda r: r.update(extra=1), 2, "extra is not a known key"),
        (lambda r: r.update(termination="converged"), 4, "claims termination 'converged'"),
    ],
    ids=["objective", "bolder bound", "foreign", "gap", "unknown key", "termination"],
)
def test_a_false_result_is_not_proven(
    change: Change,
    status: int,
    sentence: str,
    solved: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With an honest certificate beside it, a false result is still one."""
    proof, result = solved
    document = json.loads(result.read_text())
    change(document)
    result.write_text(json.dumps(document))
    assert main(["verify", LETTER, str(proof), "--result", str(result)]) == status
    assert sentence in capsys.readouterr().err
