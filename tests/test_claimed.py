"""Documents: what they claim is held against what is true, by everything that reads them."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import shlex
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo import claims, plotting
from eipyomo.cli import main
from eipyomo.process import read_answer
from eipyomo.solvers import BACKENDS, METHODS
from eipyomo.solvers.methods import attempt
from eipyomo.studies.cell import Cell
from eipyomo.studies.store import Store
from tests.conftest import REFERENCE, reference, slow_but
from tests.instances import altered, hostile

NAME = "letter-m4-small-model"
PAGE = (Path(__file__).parents[1] / "docs" / "results.md").read_text(encoding="utf-8")
FILE = str(REFERENCE / "instances" / f"{NAME}.json")

HONEST: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("exact", {}),
    "admm": ("admm", {}),
    "bonmin": ("minlp:bonmin", {}),
    "bonmin on a grid": ("minlp:bonmin", {"formulation": "grid", "step": 0.5}),
    "milp": ("milp", {"gap": 0.1}),
    "eco": ("eco", {}),
    "eco by Ipopt": ("eco", {"solver": "ipopt"}),
    "lco": ("lco", {}),
    "gbe": ("gbe", {}),
    "exhaustive": ("exhaustive", {"step": 0.2}),
    "enumerated": ("exhaustive", {"step": 0.5, "enumeration": True}),
    "training": ("exact", {"round": "training"}),
    "training by ADMM": ("admm", {"round": "training"}),
    "absolute gap": ("exact", {"absolute_gap": 0.1}),
    "few nodes": ("exact", {"node_limit": 1}),
    "no time for a bound": ("admm", {"max_iterations": 1}),
}


OWN = {
    "eco": "eco",
    "lco": "lco",
    "gbe": "gbe",
    "exhaustive": "grid:0.2",
    "enumeration": "grid:0.2",
}
"""The problem of each method that solves no other."""


@cache
def _solved(kind: str) -> str:
    method, options = HONEST[kind]
    result = attempt(reference(NAME), method, **{"time_limit": 1e4, **options})
    return json.dumps(result.to_dict(), allow_nan=False)


def honest(kind: str) -> dict[str, Any]:
    """Return an untouched document, as read from its file."""
    document: dict[str, Any] = json.loads(_solved(kind))
    return document


def infeasible(**changes: Any) -> dict[str, Any]:
    """Return the document that honestly says that a solver's point is infeasible."""
    instance, document = reference(NAME), honest("bonmin")
    document["allocation"]["users"][1]["uplink_share"] = 0.6
    allocation = ei.Allocation.from_dict(document["allocation"])
    result = ei.Result(
        instance=NAME,
        instance_digest=instance.digest(),
        method="minlp",
        solver="bonmin",
        problem="joint",
        termination="error",
        allocation=allocation,
        evaluation=ei.evaluate(instance, allocation),
        message="bonmin gives an infeasible point",
    )
    found: dict[str, Any] = json.loads(json.dumps(result.to_dict()))
    return {**found, **changes}


def read(document: dict[str, Any], folder: Path) -> dict[str, int | str]:
    """Let everything read a document; return exit statuses, and what Python raises."""
    file = folder / "result.json"
    file.write_text(json.dumps(document))
    figure = str(folder / "figure.png")
    found: dict[str, int | str] = {"plot": main(["plot", str(file), "-o", figure])}
    found["evaluate"] = main(["evaluate", FILE, str(file), "--json"])
    found["plot --instance"] = main(["plot", str(file), "--instance", FILE, "-o", figure])
    found["from_dict"] = outcome(lambda: ei.Result.from_dict(document, reference(NAME)))
    found["from_json"] = outcome(lambda: ei.Result.from_json(file, reference(NAME)))
    found["read_answer"] = outcome(lambda: read_answer(file, reference(NAME)))
    found["read_answer alone"] = outcome(lambda: read_answer(file))
    return found


def outcome(call: Callable[[], object]) -> str:
    """Return "read", or the name of the error."""
    try:
        call()
    except ei.InputError as error:
        return type(error).__name__
    return "read"


@pytest.mark.parametrize("kind", slow_but(HONEST, "exact"))
def test_honest_results_pass(kind: str, tmp_path: Path) -> None:
    """What every method writes is read by all readers, and gives the same document again."""
    document = honest(kind)
    assert document["instance_digest"] == reference(NAME).digest()
    found = read(document, tmp_path)
    assert found == {
        "plot": 0,
        "evaluate": 0,
        "plot --instance": 0,
        "from_dict": "read",
        "from_json": "read",
        "read_answer": "read",
        "read_answer alone": "read",
    }
    assert ei.Result.from_dict(document, reference(NAME)).to_dict() == document


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_but(range(12), *range(3)))
def test_honest_results_of_hostile_instances_pass(seed: int) -> None:
    """Random users over all published ranges: no honest number is called false."""
    instance = hostile(seed)
    for method, options in (
        ("exact", {"gap": 1e-3}),
        ("eco", {}),
        ("lco", {}),
        ("gbe", {"gap": 1e-3}),
        ("exact", {"round": "training"}),
        ("admm", {"max_iterations": 5}),
    ):
        document = json.loads(json.dumps(attempt(instance, method, **options).to_dict()))
        claims.check(document)
        assert ei.Result.from_dict(document, instance).to_dict() == document


@pytest.mark.slow
def test_honest_results_without_an_answer_pass(tmp_path: Path) -> None:
    """An infeasible point that is called so, a limit without a point, and an error are read."""
    instance = reference(NAME)
    found = read(infeasible(), tmp_path)
    assert (found["evaluate"], found["plot"], found["from_json"]) == (0, 0, "read")
    for result in (
        ei.Result(NAME, "exact", "joint", "limit", bound=1.0),
        ei.Result(NAME, "exact", "joint", "limit"),
        ei.Result(NAME, "exact", "joint", "error", message="none"),
    ):
        document = json.loads(json.dumps(result.to_dict()))
        assert ei.Result.from_dict(document, instance).to_dict() == document
    told = {**honest("exact"), "termination": "error", "bound": None, "gap": None}
    told["trace"][0]["bound"] = 99.0  # the solver claims a bound above its own point
    assert read(told, tmp_path)["from_json"] == "read"
    for name in METHODS:
        failed = ei.Result(NAME, name, OWN.get(name, "joint"), "error", message="m")
        assert not ei.Result.from_dict(failed.to_dict(), instance).feasible


def test_results_of_a_users_own_model_pass() -> None:
    """An objective of a user's own has its value, bound and gap beside WSEL."""
    model = ei.models.minlp(ei.Instance.letter(users=1), "spectral")
    model.wsel.deactivate()
    model.own = pyo.Objective(expr=model.sync_s)
    result = ei.solve_model(model, "scip", gap=0.01, time_limit=20)
    document = json.loads(json.dumps(result.to_dict()))
    assert document["model_objective"] is not None
    again = ei.Result.from_dict(document, ei.Instance.letter(users=1))
    assert again.to_dict() == document
    document["bound"] = 2.0 * document["model_objective"]
    with pytest.raises(ei.ClaimError, match="its own point costs only"):
        claims.check(document)


def test_documents_of_old_are_read(tmp_path: Path) -> None:
    """Without the keys that came later a document is read, and its numbers are the check."""
    document = honest("exact")
    late = ("instance_digest", "model_objective", "start_objective", "prices")
    for key in (*late, "package_version", "package_commit"):
        del document[key]
    for user in document["breakdown"]["users"]:
        del user["previous_download_s"], user["local_training_s"]
    assert read(document, tmp_path)["evaluate"] == 0
    again = ei.Result.from_dict(document, reference(NAME))
    assert again.objective == document["objective"]
    assert (again.package_version, again.package_commit) == (None, None)
    prices = {**honest("exact")["prices"], "bandwidth_per_mhz": 9.0}  # once, those of one side
    ei.Result.from_dict({**document, "prices": prices}, reference(NAME))
    first, *others = reference(NAME).users
    weaker = first.model_copy(update={"channel_gain": 1.001 * first.channel_gain})
    other = altered(reference(NAME), users=(weaker, *others))
    with pytest.raises(ei.ClaimError, match="its allocation costs"):
        ei.Result.from_dict(document, other)


@pytest.mark.parametrize("kind", ["eco", "lco", "gbe", "exhaustive"])
def test_restricted_problems_have_many_solvers(kind: str) -> None:
    """Whoever solves a restricted problem says so; a solver that proves bounds may have one."""
    instance = reference(NAME)
    found = {**honest(kind), "prices": None, "trace": []}
    document = {**found, "method": "minlp", "solver": "scip"}
    assert ei.Result.from_dict(document, instance).to_dict() == document
    unproven = {"termination": "converged", "bound": None, "gap": None}
    for method, solver in (("minlp", "bonmin"), ("admm", None), ("milp", None)):
        document = {**found, **unproven, "method": method, "solver": solver}
        assert ei.Result.from_dict(document, instance).to_dict() == document
    document = {**found, "method": "enumeration"}
    if kind == "exhaustive":
        assert ei.Result.from_dict(document, instance).to_dict() == document
    else:
        with pytest.raises(ei.ClaimError, match="method 'enumeration' solves grid"):
            claims.check(document)


def halves(off: float) -> ei.Allocation:
    """Return the optimum of GBE with some of the downlink's half for uplinks."""
    found = ei.Allocation.from_dict(honest("gbe")["allocation"])
    up, down = found.uplink_share * (1.0 + off), found.downlink_share * (1.0 - 1.1 * off)
    return dataclasses.replace(found, uplink_share=up, downlink_share=down)


@pytest.mark.parametrize(("off", "termination"), [(1e-7, "limit"), (1e-2, "error")])
def test_documents_of_old_count_no_restriction(off: float, termination: Any) -> None:
    """They are read as they are: by (10) alone, if the restriction holds or that is the error."""
    instance, allocation = reference(NAME), halves(off)
    alone = ei.evaluate(instance, allocation)
    result = ei.Result(
        NAME, "gbe", "gbe", termination, allocation=allocation, evaluation=alone, message="m"
    )
    document = json.loads(json.dumps(result.to_dict()))
    assert alone.max_violation < 1e-12 < 1e-1 * off
    assert ei.Result.from_dict(document, instance).to_dict() == document
    today = ei.evaluate(ei.Problem.of(instance, "gbe"), allocation)
    assert today.max_violation == pytest.approx(off, rel=1e-3)
    document = json.loads(json.dumps(dataclasses.replace(result, evaluation=today).to_dict()))
    assert ei.Result.from_dict(document, instance).to_dict() == document
    with pytest.raises(ei.ClaimError, match="but its allocation"):
        ei.Result.from_dict({**document, "max_violation": 1e-8, "termination": "error"}, instance)


def put(*path: Any, to: Any) -> Callable[[dict[str, Any]], object]:
    """Return a change of one value, or by a function of what it was."""

    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to(place[path[-1]]) if callable(to) else to

    return change


def drop(*path: Any) -> Callable[[dict[str, Any]], object]:
    """Return the removal of one value."""

    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


def both(*changes: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """Return several changes in one."""

    def change(document: dict[str, Any]) -> None:
        for one in changes:
            one(document)

    return change


def more(share: float) -> Callable[[float], float]:
    """Return a relative change."""
    return lambda value: value * (1.0 + share)


def at_user(key: str, to: Any, user: int = 0, part: str = "breakdown") -> Any:
    """Return a change of one number of a user."""
    return put(part, "users", user, key, to=to)


def consistent_gap(document: dict[str, Any]) -> None:
    """Make the gap follow from a forged objective and bound."""
    document["gap"] = (document["objective"] - document["bound"]) / abs(document["objective"])


def cheaper(document: dict[str, Any]) -> None:
    """Lower one user's cost and the sum with it, so that the document agrees with itself."""
    document["breakdown"]["users"][0]["wsel"] -= 0.1
    for key in ("objective", "value", "bound"):
        document[key] -= 0.1
    consistent_gap(document)


Forgery = tuple[str, Callable[[dict[str, Any]], object], int, bool]
"""Document to change, the change, exit status with the instance, and whether plot sees it alone."""

FORGED: dict[str, Forgery] = {
    "objective": ("exact", put("objective", to=3), 4, True),
    "objective by a trifle": ("exact", put("objective", to=more(1e-6)), 4, True),
    "objective none": ("exact", put("objective", to=None), 4, True),
    "objective of an infeasible point": (
        "exact",
        both(
            at_user("uplink_share", 0.9, part="allocation"),
            put("message", to="proven"),
        ),
        4,
        True,
    ),
    "consistent but for the allocation": ("exact", both(cheaper, put("trace", to=[])), 4, False),
    "bound above objective": ("exact", both(put("bound", to=more(0.1)), consistent_gap), 4, True),
    "bound raised alone": ("few nodes", put("bound", to=more(1e-4)), 4, True),
    "bound of a heuristic": (
        "admm",
        both(put("bound", to=0.1), consistent_gap),
        4,
        True,
    ),
    "bound of a local solver": ("bonmin", both(put("bound", to=0.1), consistent_gap), 4, True),
    "bound of a local solver on a grid": (
        "bonmin on a grid",
        both(put("bound", to=0.1), consistent_gap),
        4,
        True,
    ),
    "bound of a convex problem by Ipopt": (
        "eco by Ipopt",
        both(put("bound", to=0.1), consistent_gap),
        4,
        True,
    ),
    "bound none, optimal": (
        "exact",
        both(put("bound", to=None), put("gap", to=None)),
        4,
        True,
    ),
    "gap": ("few nodes", put("gap", to=1e-7), 4, True),
    "gap negative": ("exact", put("gap", to=-0.5), 4, True),
    "gap none": ("exact", put("gap", to=None), 4, True),
    "gap zero": ("exact", put("gap", to=0.0), 4, True),
    "feasible denied": ("exact", put("feasible", to=False), 4, True),
    "feasible as a number": ("exact", put("feasible", to=1), 2, True),
    "max_violation": ("exact", put("max_violation", to=1e-3), 4, True),
    "max_violation negative": ("exact", put("max_violation", to=-1.0), 4, True),
    "max_violation none": ("exact", put("max_violation", to=None), 4, True),
    "max_violation small": ("exact", put("max_violation", to=1e-8), 4, False),
    "upload_s": ("exact", at_user("upload_s", more(1e-6)), 4, True),
    "offload_j": ("exact", at_user("offload_j", more(1e-3)), 4, True),
    "edge_inference_s": ("exact", at_user("edge_inference_s", 9.0), 4, True),
    "download_s": ("exact", at_user("download_s", more(0.2)), 4, True),
    "local_inference_j": ("lco", at_user("local_inference_j", more(0.2)), 4, True),
    "ready_s": ("exact", at_user("ready_s", more(1e-6)), 4, True),
    "latency_s": ("exact", at_user("latency_s", more(1e-6)), 4, True),
    "energy_j": ("exact", at_user("energy_j", more(1e-6)), 4, True),
    "wsel of one user": ("exact", at_user("wsel", more(1e-6)), 4, True),
    "previous_download_s": ("exact", at_user("previous_download_s", 5.0), 4, True),
    "a term none": ("exact", at_user("upload_j", None), 4, True),
    "a term as text": ("exact", at_user("upload_j", "0.1"), 2, True),
    "a term as true": ("exact", at_user("upload_j", True), 2, True),
    "a term NaN": ("exact", at_user("upload_j", float("nan")), 2, True),
    "a term missing": ("exact", drop("breakdown", "users", 0, "upload_j"), 2, True),
    "a term unknown": ("exact", at_user("x_j", 1.0), 2, True),
    "a user's name in the breakdown": ("exact", at_user("name", "eu9"), 2, True),
    "a user less in the breakdown": ("exact", drop("breakdown", "users", 3), 2, True),
    "no breakdown": ("exact", put("breakdown", to=None), 2, True),
    "sync time": ("exact", put("allocation", "sync_s", to=more(0.01)), 4, True),
    "sync time early": ("exact", put("allocation", "sync_s", to=more(-0.3)), 4, True),
    "a share": ("exact", at_user("uplink_share", more(0.01), part="allocation"), 4, True),
    "a frequency": ("lco", at_user("frequency_hz", more(-0.01), part="allocation"), 4, False),
    "an offload fraction": (
        "lco",
        at_user("offload_fraction", 0.25, part="allocation"),
        4,
        True,
    ),
    "a user of another name": ("exact", at_user("name", "x", part="allocation"), 2, True),
    "a user less": ("exact", drop("allocation", "users", 3), 2, True),
    "another instance": ("exact", put("instance_digest", to="0" * 64), 2, False),
    "a digest that is none": ("exact", put("instance_digest", to="abc"), 2, True),
    "a version that is none": ("exact", put("package_version", to="the best"), 2, True),
    "a commit that is none": ("exact", put("package_commit", to="main"), 2, True),
    "a time below 0": ("exact", put("wall_s", to=-1.0), 2, True),
    "termination unknown": ("exact", put("termination", to="proven"), 2, True),
    "optimal by a heuristic": ("admm", put("termination", to="optimal"), 4, True),
    "optimal too early": ("few nodes", put("termination", to="optimal"), 4, True),
    "optimal beyond its gap": ("absolute gap", drop("options", "absolute_gap"), 4, True),
    "optimal without a gap": ("exact", drop("options", "gap"), 4, True),
    "converged with a bound": ("exact", put("termination", to="converged"), 4, True),
    "infeasible beside a point": (
        "admm",
        put("termination", to="infeasible"),
        4,
        True,
    ),
    "an error without a word": (
        "admm",
        both(put("termination", to="error"), put("message", to=" ")),
        4,
        True,
    ),
    "problem unknown": ("exact", put("problem", to="anything"), 2, True),
    "problem eco": ("exact", put("problem", to="eco"), 4, True),
    "problem lco": ("exact", put("problem", to="lco"), 4, True),
    "problem gbe": ("exact", put("problem", to="gbe"), 4, True),
    "problem on a grid without a step": ("exact", put("problem", to="grid"), 2, True),
    "problem on a grid": ("exact", put("problem", to="grid:0.3333"), 2, True),
    "problem on another grid": ("exhaustive", put("problem", to="grid:0.333333"), 4, True),
    "eco as joint": ("eco", put("problem", to="joint"), 4, True),
    "a grid as joint": ("exhaustive", put("problem", to="joint"), 4, True),
    "joint as training": ("exact", put("problem", to="training"), 4, True),
    "training as joint": ("training", put("problem", to="joint"), 4, False),
    "step": ("bonmin on a grid", put("options", "step", to=0.25), 4, True),
    "method unknown": ("exact", put("method", to="magic"), 2, True),
    "method of another problem": ("exact", put("method", to="gbe"), 4, True),
    "method that proves nothing": ("exact", put("method", to="admm"), 4, True),
    "solver that proves nothing": ("exact", put("solver", to="ipopt"), 4, True),
    "method missing": ("exact", drop("method"), 2, True),
    "objective missing": ("exact", drop("objective"), 2, True),
    "a key unknown": ("exact", put("certified", to=True), 2, True),
    "schema of tomorrow": ("exact", put("schema", to="eipyomo/result@9"), 2, True),
    "schema missing": ("exact", drop("schema"), 2, True),
    "bound as text": ("exact", put("bound", to="0.1"), 2, True),
    "bound as true": ("exact", put("bound", to=True), 2, True),
    "bound NaN": ("exact", put("bound", to=float("nan")), 2, True),
    "bound beyond all numbers": ("exact", put("bound", to=10**400), 2, True),
    "a term beyond all numbers": ("exact", at_user("upload_j", 10**400), 2, True),
    "names twice": (
        "exact",
        both(at_user("name", "eu1", 1), at_user("name", "eu1", 1, "allocation")),
        2,
        True,
    ),
    "bound infinite": ("exact", put("bound", to=float("-inf")), 2, True),
    "model_objective": ("exact", put("model_objective", to=0.5), 4, True),
    "iterations": ("exact", put("iterations", to=-3), 2, True),
    "iterations of the trace": ("exact", put("iterations", to=10**6), 4, True),
    "a bound in the trace": ("exact", put("trace", 0, "bound", to=9.0), 4, True),
    "an incumbent in the trace": ("exact", put("trace", 0, "objective", to=0.1), 4, True),
    "the incumbents of ADMM": (
        "admm",
        lambda document: [row.update(best_objective=0.01) for row in document["trace"]],
        4,
        True,
    ),
    "options without types": ("exact", put("options", "time_limit", to="long"), 2, True),
    "trace as an object": ("exact", put("trace", to={}), 2, True),
    "trace with unlike rows": ("admm", drop("trace", 0, "sync_s"), 2, True),
    "trace with NaN": ("admm", put("trace", 0, "sync_s", to=float("nan")), 2, True),
    "trace with a text": ("admm", put("trace", 0, "sync_s", to="late"), 2, True),
    "prices of another user": ("exact", put("prices", "users", 0, "name", to="x"), 2, False),
    "prices of fewer users": ("exact", drop("prices", "users", 0), 2, True),
    "a price below 0": ("exact", put("prices", "bandwidth_per_mhz", to=-1.0), 2, True),
    "the price of the band": (
        "exact",
        both(
            put("prices", "bandwidth_per_mhz", to=more(1.0)),
            put("prices", "downlink_bandwidth_per_mhz", to=more(1.0)),
        ),
        4,
        False,
    ),
    "two prices of one band": (
        "exact",
        put("prices", "downlink_bandwidth_per_mhz", to=more(0.1)),
        4,
        False,
    ),
    "the price of half of the band": (
        "gbe",
        put("prices", "downlink_bandwidth_per_mhz", to=more(-0.7)),
        4,
        False,
    ),
    "a price unknown": ("exact", put("prices", "x", to=1.0), 2, True),
    "prices of a heuristic": (
        "admm",
        put("prices", to={"bandwidth_per_mhz": 1.0}),
        4,
        True,
    ),
}


@pytest.mark.parametrize("forgery", slow_but(FORGED, *list(FORGED)[::6]))
def test_forged_results_are_noticed(
    forgery: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One change to an honest document: every reader says so, in one sentence."""
    kind, change, status, alone = FORGED[forgery]
    document = honest(kind)
    change(document)
    found = read(document, tmp_path)
    error = "ClaimError" if status == 4 else "InputError"
    expected = {"evaluate": status, "plot --instance": status}
    assert {key: found[key] for key in expected} == expected
    assert {found[key] for key in ("from_dict", "from_json", "read_answer")} == {error}
    assert bool(found["plot"]) == alone == (found["read_answer alone"] != "read")
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith(("eipyomo: ", "wrote ")) for line in lines)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (put("objective", to=3), "claims objective 3, but its allocation costs "),
        (put("gap", to=-0.5), "claims gap -0.5, but objective and bound make it"),
        (at_user("upload_s", 9.0), "claims breakdown.users[0].upload_s 9, but it is "),
        (put("method", to="admm"), "but method 'admm' proves none"),
        (put("problem", to="eco"), "which has a = 0, but download of user"),
    ],
)
def test_sentences_have_both_numbers(
    change: Callable[[dict[str, Any]], object],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence begins with the file and has what is claimed and what is true."""
    document = honest("exact")
    change(document)
    file = tmp_path / "result.json"
    file.write_text(json.dumps(document))
    assert main(["evaluate", FILE, str(file), "--json"]) == 4
    out, err = capsys.readouterr()
    assert err.startswith(f"eipyomo: {file}: the result claims")
    assert sentence in err
    assert sentence in json.loads(out)["false_claim"]


FREE = {
    "instance",
    "instance_digest",
    "solver_version",
    "package_version",
    "package_commit",
    "wall_s",
    "setup_s",
    "start_objective",
    "message",
    "options",
    "trace",
    "prices",
}
"""What nothing in a document contradicts: who ran what, for how long, and on which way."""


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Return every single value of a document with its path."""
    if isinstance(part, dict):
        return [found for key, item in part.items() for found in places(item, (*path, key))]
    if isinstance(part, list):
        return [found for j, item in enumerate(part) for found in places(item, (*path, j))]
    return [(path, part)]


@pytest.mark.parametrize("kind", slow_but(["exact", "gbe", "training", "admm"], "training"))
def test_every_value_is_checked(kind: str) -> None:
    """Whatever value is changed, by little or to another type, the document is refused."""
    document, instance = honest(kind), reference(NAME)
    for path, value in places({key: document[key] for key in document if key not in FREE}):
        others: list[Any] = [1, [], {}] if path == ("solver",) else ["x", [], {}]
        idle = path[-1] == "frequency_hz" and value == 0.0  # the CPU has nothing to do
        if isinstance(value, float) and not idle:
            others += [value * (1.0 + 1e-5) + 1e-5, -1.0 - value, float("nan")]
        elif isinstance(value, bool):
            others += [not value]
        for other in others:
            forged = copy.deepcopy(document)
            put(*path, to=other)(forged)
            call = partial(ei.Result.from_dict, forged, instance)
            assert outcome(call) != "read", f"{path} may be {other!r}"


def test_an_allocation_alone_claims_nothing(tmp_path: Path) -> None:
    """With or without the schema, feasible or not, it is judged, and that is an answer."""
    document = honest("training")
    file = tmp_path / "allocation.json"
    for alone in (
        document["allocation"],
        {"allocation": infeasible()["allocation"]},
        {key: document[key] for key in ("schema", "problem", "allocation")},
    ):
        file.write_text(json.dumps(alone))
        assert main(["evaluate", FILE, str(file)]) == 0


def test_another_name_for_the_same_data_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name is free text: it is no false claim, but is told."""
    document = {**honest("exact"), "instance": "elsewhere"}
    file = tmp_path / "result.json"
    file.write_text(json.dumps(document))
    assert main(["evaluate", FILE, str(file)]) == 0
    assert "calls its instance 'elsewhere'" in capsys.readouterr().err


def test_no_problem_that_has_a_solution_is_called_infeasible() -> None:
    """Equal shares contradict it, in every problem with a name."""
    instance = reference(NAME)
    for problem in ("joint", "eco", "lco", "gbe", "training", "gbe training", "grid:0.2"):
        result = ei.Result(NAME, "exact", problem, "infeasible", message="m")
        with pytest.raises(ei.ClaimError, match="equal shares"):
            ei.Result.from_dict(result.to_dict(), instance)
    shared = ei.Instance.letter(total_frequency_ghz=2.0)
    with pytest.raises(ei.ClaimError, match="equal shares"):
        ei.Result.from_dict(result.to_dict(), shared)
    own = ei.Result(NAME, "model", "model", "infeasible", message="a row of mine")
    assert ei.Result.from_dict(own.to_dict(), instance).termination == "infeasible"


def test_the_tables_are_those_of_the_solvers() -> None:
    """What can prove a bound, and what is solved, are said twice, and said alike."""
    proving = {name for name, backend in BACKENDS.items() if backend.capabilities.proves}
    assert proving | {"milp"} == claims.PROVING_SOLVERS
    convex = {name for name, backend in BACKENDS.items() if backend.capabilities.proves_convex}
    assert convex == claims.PROVING_ON_GRIDS
    assert set(claims.SOLVED_BY) == {*METHODS, "enumeration", "model"}
    for name, solved in claims.SOLVED_BY.items():
        assert solved == OWN.get(name, claims.ANY).partition(":")[0]


def test_a_store_is_not_believed(tmp_path: Path) -> None:
    """A cell that was changed on the disk is refused; one stored under another name is taken."""
    instance = reference(NAME)
    with Store(tmp_path / "train.db") as store:
        forged = honest("exact")
        forged["objective"] = 3.0
        store.add(Cell(instance, "exact", {}), forged)
        with pytest.raises(ei.ClaimError, match="claims objective 3"):
            ei.train(instance, 1, store=store)
    with Store(tmp_path / "other.db") as store:
        ei.train(instance, 2, store=store)
        renamed = altered(instance, name="another name")
        again = ei.train(renamed, 2, store=store)
        assert [result.instance for result in again.rounds] == ["another name"] * 2


# --- a process of many rounds ---------------------------------------------------------------------


@cache
def _process() -> str:
    return json.dumps(ei.train(reference(NAME), 3, seed=1).to_dict(), allow_nan=False)


PROCESSES: dict[str, tuple[Callable[[dict[str, Any]], object], bool]] = {
    "total": (put("totals", "wsel", to=3.0), True),
    "total of a user": (put("totals", "users", 0, "energy_j", to=more(1e-6)), True),
    "end": (put("totals", "end_s", to=1.0), True),
    "end of a user": (put("totals", "users", 0, "end_s", to=99.0), True),
    "initial download": (
        both(
            put("totals", "users", 0, "initial_download_j", to=1.0),
            put("totals", "initial_download_j", to=lambda value: value),
        ),
        True,
    ),
    "unknown total": (put("totals", "profit", to=1.0), True),
    "start": (put("starts_s", 1, to=0.5), True),
    "starts": (drop("starts_s", 2), True),
    "planned rounds": (put("planned_rounds", to=4), True),
    "not complete": (put("complete", to=False), True),
    "a round less": (both(drop("rounds", 1), drop("channel_gains", 1)), True),
    "a gain": (put("channel_gains", 1, 0, to=more(0.1)), False),
    "a gain below 0": (put("channel_gains", 1, 0, to=-1.0), True),
    "a row of gains": (drop("channel_gains", 0), True),
    "objective of a round": (put("rounds", 1, "objective", to=3.0), True),
    "method of a round": (put("rounds", 0, "method", to="eco"), True),
    "method of the process": (put("method", to="lco"), True),
    "method before the last": (put("training_method", to="admm"), True),
    "chain": (put("rounds", 1, "breakdown", "users", 0, "previous_download_s", to=2.0), True),
    "rounds swapped": (
        lambda document: document["rounds"].insert(0, document["rounds"].pop(1)),
        True,
    ),
    "users": (put("totals", "users", 0, "name", to="x"), True),
    "a text": (put("totals", "users", 0, "wsel", to="3"), True),
    "unknown key": (put("proven", to=True), True),
    "missing key": (drop("message"), True),
    "a seed that is none": (put("seed", to="one"), True),
    "schema of tomorrow": (put("schema", to="eipyomo/training@9"), True),
}


@pytest.mark.parametrize("forgery", slow_but(PROCESSES, *list(PROCESSES)[::4]))
def test_forged_processes_are_noticed(forgery: str, tmp_path: Path) -> None:
    """Totals, starts, plan and chain of a process are held against its rounds."""
    change, alone = PROCESSES[forgery]
    document = json.loads(_process())
    change(document)
    file, figure = tmp_path / "process.json", str(tmp_path / "figure.png")
    file.write_text(json.dumps(document))
    assert bool(main(["plot", str(file), "-o", figure])) == alone
    assert main(["plot", str(file), "-o", figure, "--instance", FILE]) in (2, 4)
    assert (outcome(lambda: read_answer(file)) != "read") == alone
    assert outcome(lambda: read_answer(file, reference(NAME))) != "read"
    with pytest.raises(ei.InputError):
        ei.Training.from_dict(document, reference(NAME))


def test_honest_processes_pass(tmp_path: Path) -> None:
    """A process is read back as it was, and drawn."""
    document = json.loads(_process())
    again = ei.Training.from_dict(document, reference(NAME))
    assert json.loads(json.dumps(again.to_dict())) == document
    file = tmp_path / "process.json"
    file.write_text(json.dumps(document))
    assert main(["plot", str(file), "--instance", FILE]) == 0
    short = ei.train(reference(NAME), 1, method="lco").to_dict()
    ei.Training.from_dict(short, reference(NAME))
    with pytest.raises(ei.InputError):
        ei.Training.from_dict(document, reference("mixed-m4"))


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of docs/results.md run from top to bottom."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", PAGE, re.DOTALL):
        if language == "python":
            exec(compile(block, "results.md", "exec"), names)
            continue
        for line in block.splitlines():
            assert main(shlex.split(line)[1:]) == 0, line
    assert names["document"]["package_version"] == ei.__version__
    assert "SCIP Status" in Path("scip.log").read_text(encoding="utf-8")


def test_figures_check_documents_too() -> None:
    """Each figure refuses a false document, whoever calls it."""
    forged = honest("admm")
    forged["objective"] = 3.0
    for figure in plotting.FIGURES.values():
        with pytest.raises(ei.ClaimError, match="objective 3"):
            figure(copy.deepcopy(forged))


# --- .sol files -----------------------------------------------------------------------------------


def sol(folder: Path, code: int | None, *, feasible: bool, own_row: bool = False) -> str:
    """Write a model with a .sol file of it that holds a point and a code."""
    instance = reference(NAME)
    allocation = ei.Allocation.from_dict(honest("exact")["allocation"])
    model = ei.models.minlp(instance)
    if own_row:
        model.mine = pyo.Constraint(expr=model.sync_s <= 1e-3)
    ei.models.load(model, allocation)
    if not feasible:
        model.sync_s.set_value(0.5 * allocation.sync_s)
    ei.models.export(model, folder / "model.nl")
    manifest = json.loads((folder / "model.nl.manifest.json").read_text())
    by_name = {variable.name: variable.value for variable in model.component_data_objects(pyo.Var)}
    values = [by_name[column["name"]] for column in manifest["columns"]]
    sizes = [manifest["rows"], 0, len(values), len(values)]
    lines = ["made by hand", "", "Options", "3", "0", "1", "0", *map(str, sizes)]
    lines += [repr(float(np.float64(value))) for value in values]
    lines += [] if code is None else [f"objno 0 {code}"]
    (folder / "model.sol").write_text("\n".join(lines) + "\n")
    return str(folder / "model.sol")


@pytest.mark.parametrize(
    ("code", "feasible", "status"),
    [
        (0, True, 0),
        (0, False, 4),
        (99, False, 4),
        (100, False, 0),
        (200, True, 4),
        (220, True, 4),
        (200, False, 0),
        (300, True, 4),
        (399, True, 4),
        (300, False, 0),
        (400, True, 0),
        (400, False, 0),
        (500, True, 0),
        (None, False, 0),
    ],
)
def test_the_code_of_a_sol_file_is_not_believed(
    code: int | None,
    feasible: bool,
    status: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The point is judged, and the code that it contradicts is told, with exit status 4."""
    assert main(["evaluate", FILE, sol(tmp_path, code, feasible=feasible), "--json"]) == status
    out, err = capsys.readouterr()
    judged = json.loads(out)
    assert judged["feasible"] == feasible
    assert (judged["false_claim"] is not None) == bool(status)
    assert err.count("\n") == bool(status)
    assert f"(code {code})" in err or not status


def test_rows_of_a_users_own_may_be_infeasible(tmp_path: Path) -> None:
    """With rows beside those of (10), a point of (10) contradicts nothing."""
    assert main(["evaluate", FILE, sol(tmp_path, 200, feasible=True, own_row=True)]) == 0
