"""Certificates of problems with limits, of infeasibility, of old, and on the command line."""

from __future__ import annotations

import contextlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction
from eipyomo.scaled import Stage
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from tests.allocations import random_allocation
from tests.certificates import M4, Document, cases, each, proofs, solved, written
from tests.conftest import VALUES, reference, slow_but
from tests.independent_checker import check
from tests.instances import KINDS, LIMITS, hostile

SMALL = [name for name in VALUES if VALUES[name]["users"] <= 12]
HELD = [key for key in LIMITS if not key.startswith("total_")]
"""Limits that the exact method holds."""


def proven(problem: Problem, **options: Any) -> str:
    """Solve a problem, verify its certificate as read from a file, and return how it ended."""
    outcome = solve_exact(problem, **options)
    found = verify(problem.instance, json.loads(json.dumps(outcome.certificate())))
    assert found.doubt is None
    assert found.bound >= outcome.bound
    assert found.infeasible == (outcome.status == "infeasible")
    return outcome.status


@pytest.mark.parametrize("part", slow_but([1.02, 0.95], 0.95))
@pytest.mark.parametrize("limit", HELD)
@pytest.mark.parametrize("name", slow_but(SMALL, "letter-m2"))
def test_reference_instances_with_limits_are_proven(name: str, limit: str, part: float) -> None:
    """The optimum, or that there is none, with a limit of a part of what the optimum takes."""
    instance = reference(name)
    best = solve_exact(Problem(instance)).allocation
    assert best is not None
    try:
        limited = LIMITS[limit](instance, best, part)
    except ei.InputError:
        pytest.skip("no such limit")
    status = proven(Problem(limited), time_limit=20.0)
    assert status in ("optimal", "infeasible", "limit")


PROBLEMS: tuple[tuple[Restriction, Stage], ...] = (
    (Restriction(), "inference"),
    (Restriction.gbe(), "inference"),
    (Restriction.on_grid(0.2), "inference"),
    (Restriction.eco(), "inference"),
    (Restriction.lco(), "inference"),
    (Restriction(), "training"),
)
FOUND = {1026: 1, 1093: 2}
"""A price so small that a logarithm overflowed, and a branch that cut off the last point of a grid;
with the problem where that was."""


@pytest.mark.parametrize("seed", slow_but((*range(24), *FOUND), *range(2), *FOUND))
def test_random_limits_are_proven(seed: int) -> None:
    """Unlike users, several limits at once, that can be met or not, in every problem."""
    draw = np.random.default_rng(seed)
    instance = KINDS[list(KINDS)[seed % 2]](hostile(seed))
    allocation = random_allocation(instance, seed)
    for limit in draw.choice(HELD, draw.integers(1, 4), replace=False):
        part = float(draw.choice([1.0000001, 1.2, 0.9, 0.6, 0.3]))
        try:
            instance = LIMITS[limit](instance, allocation, part)
        except ei.InputError:
            continue
    if draw.random() < 0.3:
        name = instance.users[draw.integers(len(instance.users))].name
        with contextlib.suppress(ei.InputError):
            instance = instance.replace(users={name: {"download": "never"}})
    restriction, stage = PROBLEMS[FOUND.get(seed, seed % len(PROBLEMS))]
    proven(Problem(instance, restriction, stage), gap=1e-5, time_limit=5.0)


@pytest.mark.parametrize("limit", [{}, {"deadline_s": 5.9}, {"energy_budget_j": 0.37}])
def test_a_search_without_a_point_is_proven(limit: dict[str, float]) -> None:
    """What waiting alone costs is a bound, if time runs out before anything else is known."""
    status = proven(Problem(each(M4, **limit)), time_limit=1e-9)
    assert status == "limit"


def test_infeasibility_is_proven_for_all_times() -> None:
    """Without deadlines the last range has no end, and η is 0 in it."""
    document = cases("endless").document
    assert document["tree"]["last_s"] is None
    for _, proof in proofs(document["tree"]):
        assert proof["ray"]
        for row in proof["users"]:
            assert all(cell[4] == 0.0 for cell in row["local"])
            assert row["edge"][1] == 0.0


def test_any_prices_of_totals_prove_less_than_the_cost() -> None:
    """Totals at what the optimum takes: whatever they cost, it is no more than that."""
    best = ei.solve(M4)
    assert best.evaluation is not None
    terms = best.evaluation.breakdown
    instance = M4.replace(
        total_energy_budget_j=float(terms.energy_j.sum()) * (1.0 + 1e-9),
        total_latency_budget_s=float(terms.latency_s.sum()) * (1.0 + 1e-9),
    )
    document = written(M4) | {"instance": instance.digest()}
    draw, bounds = np.random.default_rng(0), []
    for scale in np.linspace(-9.0, 0.0, 20):
        for _, proof in proofs(document["tree"]):
            proof["prices"][1:] = (10.0**scale * draw.random(2)).tolist()
        bounds.append(verify(instance, document).bound)
        assert check(instance.to_dict(), document).bound == pytest.approx(bounds[-1], rel=1e-9)
        assert bounds[-1] <= terms.wsel.sum() * (1.0 + 1e-9)
    assert max(bounds) > 0.99 * terms.wsel.sum()


@pytest.mark.parametrize("mhz", [20.0, 19.9999999, 20.1 / 3.0, 12.345678901234567])
def test_a_price_of_the_band_is_no_more_than_it_costs(mhz: float) -> None:
    """A band in MHz that was rounded up is a price an ulp too high, which would be refused."""
    case = solved(each(M4.replace(bandwidth_hz=1e6 * mhz), deadline_s=7.0), objective="band")
    found = verify(case.instance, case.document)
    assert found.doubt is None
    assert found.objective == "band"
    assert found.bound == pytest.approx(verify(*cases("band")[:2]).bound, rel=0.05)


# --- version 1 ------------------------------------------------------------------------------------


def of_old(document: Document) -> Document:
    """Return a certificate in the words of version 1."""
    old = {key: value for key, value in document.items() if key not in ("objective", "claim")}
    old["schema"] = "eipyomo/certificate@1"
    for _, proof in proofs(old["tree"]):
        del proof["ray"]
        for row in proof["users"]:
            row["edge"] = row["edge"] and row["edge"][:2]
            row["local"] = [cell[:5] for cell in row["local"]]
    return old


@pytest.mark.parametrize("name", ["plain", "branched", "grid"])
def test_certificates_of_old_are_read(name: str) -> None:
    """They prove what they proved."""
    case = cases(name)
    now = verify(case.instance, case.document)
    old = verify(case.instance, of_old(case.document))
    assert old == now


def test_certificates_of_old_know_no_limits() -> None:
    """Nothing in them says what they would mean for an instance that has some."""
    old = of_old(cases("plain").document)
    for limits in ({"deadline_s": 99.0}, {"download": "always"}, {"min_uplink_share": 0.0}):
        instance = each(M4, **limits)
        with pytest.raises(ei.InputError, match="knows no limits"):
            verify(instance, old | {"instance": instance.digest()})
    with pytest.raises(ei.InputError, match="last_s is no finite number"):
        verify(M4, old | {"tree": {**old["tree"], "last_s": None}})
    with pytest.raises(ei.InputError, match="unknown key 'claim'"):
        verify(M4, old | {"claim": "bound"})


# --- on the command line --------------------------------------------------------------------------


class Files:
    """An instance, a certificate and a result in a folder."""

    def __init__(self, folder: Path, instance: ei.Instance) -> None:
        self.instance, self.proof, self.result = (
            str(folder / name) for name in ("instance.json", "proof.json", "result.json")
        )
        instance.to_json(self.instance)

    def solve(self, *arguments: str) -> int:
        """Write certificate and result."""
        written = ("--certificate", self.proof, "-o", self.result)
        return main(["solve", self.instance, *written, *arguments])

    def verify(self, *arguments: str) -> int:
        """Verify both."""
        return main(["verify", self.instance, self.proof, "--result", self.result, *arguments])


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"deadline_s": 5.75}, []),
        ({"energy_budget_j": 0.3}, []),
        ({"deadline_s": 1.5}, []),
        ({"download": "never"}, ["--problem", "lco"]),
    ],
    ids=["deadlines", "energy", "late", "no decision"],
)
def test_an_infeasible_result_is_proven(
    limits: dict[str, Any],
    problem: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Certificate and result say the same, and one that claims an answer is not believed."""
    files = Files(tmp_path, each(M4, **limits))
    assert files.solve(*problem) == 3
    capsys.readouterr()
    assert files.verify() == 0
    name = problem[-1] if problem else "joint"
    out = capsys.readouterr().out
    assert f"no allocation of problem {name} keeps within these limits: proven" in out
    assert files.verify("--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["bound"] is None
    assert answer["infeasible"] is True
    assert answer["objective"] == "wsel"
    assert answer["claim"] == "infeasible"
    assert answer["result"] == {"objective": None, "gap": None}


def test_an_infeasible_result_needs_a_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bound does not prove that nothing is feasible."""
    files = Files(tmp_path, each(M4, deadline_s=7.0))
    assert files.solve() == 0
    result = json.loads(Path(files.result).read_text())
    empty = (
        "objective",
        "value",
        "bound",
        "gap",
        "max_violation",
        "allocation",
        "breakdown",
        "prices",
    )
    result |= dict.fromkeys(empty) | {"termination": "infeasible", "feasible": False}
    Path(files.result).write_text(json.dumps(result))
    capsys.readouterr()
    assert files.verify() == 4
    assert "claims that nothing is feasible, but the certificate proves" in capsys.readouterr().err


def test_a_certificate_of_another_objective_says_nothing_of_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The least band is no bound on WSEL."""
    case = cases("band")
    files = Files(tmp_path, case.instance)
    assert files.solve() == 0
    Path(files.proof).write_text(json.dumps(case.document))
    assert main(["verify", files.instance, files.proof]) == 0
    out = capsys.readouterr().out
    assert "the band with which all limits can be met >= 10.576" in out
    assert " MHz\n" in out
    assert files.verify() == 4
    assert "the result minimises 'wsel'" in capsys.readouterr().err


@pytest.mark.parametrize("limits", [{"deadline_s": 7.0}, {"energy_budget_j": 0.5}])
def test_a_result_within_limits_is_proven(
    limits: dict[str, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its document, prices of limits included, is read and held against the certificate."""
    files = Files(tmp_path, each(M4, **limits))
    assert files.solve() == 0
    capsys.readouterr()
    assert files.verify() == 0
    assert "is feasible and at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ("band", r"Band 10\.5762 MHz is feasible and at most 9\.5e-06 MHz"),
        ("edge_frequency", r"Edge frequency 0 GHz is feasible and at most 0 GHz"),
        ("slowest", r"Slowest 5\.75325\d s is feasible and at most \S+ s"),
    ],
)
def test_a_result_of_another_objective_is_proven(
    objective: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its value, and not its WSEL, is held against the bound of the certificate."""
    files = Files(tmp_path, each(M4, deadline_s=7.0))
    assert files.solve("--objective", objective) == 0
    capsys.readouterr()
    assert files.verify() == 0
    assert re.search(words, capsys.readouterr().out)


@pytest.mark.parametrize("method", ["eco", "lco", "gbe", "exhaustive"])
def test_benchmarks_are_certified(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are the exact method on another problem."""
    files = Files(tmp_path, M4)
    assert files.solve("-m", method) == 0
    assert "certificate" not in json.loads(Path(files.result).read_text())["options"]
    capsys.readouterr()
    assert files.verify("--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["proven"]
    assert answer["problem"] == {"exhaustive": "grid:0.2"}.get(method, method)
    assert 0.0 <= answer["result"]["gap"] <= 1e-6


@pytest.mark.parametrize(
    ("method", "options", "sentence"),
    [
        ("exhaustive", {"enumeration": True}, "enumeration writes none"),
        ("eco", {"solver": "ipopt"}, "solver 'ipopt' writes none"),
    ],
)
def test_others_write_no_certificate(
    method: str, options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    """What proves nothing that a certificate could hold is refused before it runs."""
    with pytest.raises(ei.InputError, match=sentence):
        ei.solve(M4, method, certificate=tmp_path / "proof.json", **options)
    assert not list(tmp_path.iterdir())


def test_infinite_bounds_are_null() -> None:
    """A JSON document holds no infinity."""
    for name in ("infeasible", "endless", "late", "no decision"):
        document = cases(name).document
        assert document["bound"] is None
        assert math.isinf(verify(cases(name).instance, document).bound)
        json.dumps(document, allow_nan=False)
