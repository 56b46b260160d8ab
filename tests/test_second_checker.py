"""The second checker, in ``checker/``: it has no code of the package, and says what it says.

It is written from docs/certificate.md, and computes in rationals, with logarithms of 36 digits,
where ``verify`` has balls of 106 bits.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from checker.check_certificate import BrokenError, Proven, check
from eipyomo.verify import verify
from tests.certificates import MAKERS, Case, cases, proofs
from tests.test_certificate_tampered import REFUSED, TAMPERED, TRUE

ROOT = Path(__file__).parents[1]
LONG = {"band", "wider band", "slowest", "edge frequency"}
"""Trees of hundreds of leaves, which take this checker seconds."""
TIMES = ("first_s", "last_s")
KINDS = [name for name in MAKERS if name not in LONG]


@cache
def found(name: str) -> Proven:
    """Return what the second checker proves of a certificate."""
    case = cases(name)
    return check(case.instance.to_dict(), case.document)


@pytest.mark.parametrize("name", KINDS)
def test_it_proves_what_verify_proves(name: str) -> None:
    """The claim, the problem, and the bound to the twelve digits of which both are sure."""
    case = cases(name)
    first, second = verify(case.instance, case.document), found(name)
    assert second.holds
    assert first.doubt is None
    assert second.bound == pytest.approx(first.bound, rel=1e-12)
    assert first.problem in second.names
    assert first.claimed is None or first.claimed <= second.bound


def outcome(case: Case) -> str | bool:
    """Return whether the claim of a file holds, or that it is refused."""
    try:
        return check(case.instance.to_dict(), case.document).holds
    except BrokenError:
        return REFUSED


@pytest.mark.parametrize(
    ("name", "what"), [pair for pair in TAMPERED if pair[0] not in {*LONG, "modes"}]
)
def test_it_refuses_what_was_tampered_with(name: str, what: str) -> None:
    """Every change of the table ends as it does for ``verify``."""
    case = cases(name)
    change, expected = TAMPERED[name, what]
    change(case.document)
    assert outcome(case) == {REFUSED: REFUSED, TRUE: True}.get(expected, False)


@pytest.mark.parametrize("name", ["plain", "gbe", "grid", "training"])
def test_what_it_proves_is_proven_to_the_last_digit(name: str) -> None:
    """The bound that it proves may be claimed, and the next double above must not be."""
    case, proven = cases(name), found(name).bound
    for bound, holds in ((proven, True), (math.nextafter(proven, math.inf), False)):
        assert check(case.instance.to_dict(), case.document | {"bound": bound}).holds == holds


def fields(part: Any) -> Iterator[tuple[Any, Any]]:
    """Iterate over the places of all values of a document, each with what holds it."""
    for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
        yield part, key
        if isinstance(value, dict | list):
            yield from fields(value)


def kind(part: Any, key: Any) -> str:
    """Return what a field is called; places in a list are told apart."""
    return f"{type(part).__name__} {key} {type(part[key]).__name__} {len(part)}"


@pytest.mark.parametrize("name", ["infeasible", "gbe"])
@pytest.mark.parametrize("bad", [math.nan, -1.0, True, {}])
def test_no_field_takes_what_it_must_not_be(name: str, bad: object) -> None:
    """NaN, infinity, what is below 0, and wrong types: refused, or at least not proven higher."""
    case, seen = cases(name), set[str]()
    for part, key in fields(case.document):
        if kind(part, key) in seen or len(seen) > 40 or (key == "bound" and bad == -1.0):
            continue
        seen.add(kind(part, key))
        before, part[key] = part[key], copy.deepcopy(bad)
        with contextlib.suppress(BrokenError):
            proven = check(case.instance.to_dict(), case.document)
            changed = (type(before), before) != (type(bad), bad)
            assert not (changed and proven.holds and proven.bound > found(name).bound), key
        part[key] = before


def test_a_threshold_between_points_hides_none() -> None:
    """On a grid, k = 2 is above 1.5 and below 2.2: that branch is not empty."""
    case = cases("grid")
    tree, first, last = (case.document["tree"], *map(case.document["tree"].get, TIMES))
    times = {"first_s": first, "last_s": last}
    for low, high in ((2.2, 1.5), (1.5, 0.5)):
        inner = {"user": 0, "threshold": low, "low": times | {}, "high": tree}
        outer = {"user": 0, "threshold": high, "low": tree, "high": times | {"branch": inner}}
        changed = case.document | {"tree": times | {"branch": outer}}
        assert not check(case.instance.to_dict(), changed).holds


@pytest.mark.parametrize("edge", [True, False])
def test_a_single_point_has_to_have_a_cell(edge: bool) -> None:
    """Offload fractions from 0.3 to 0.3 are a decision, though no cell has to bridge a gap."""
    case = cases("deadlines")
    case.document["domains"][0].update(edge=edge, offload_min=0.3, offload_max=0.3)
    case.document.update(problem="restricted")
    assert check(case.instance.to_dict(), case.document).holds
    for _, proof in proofs(case.document["tree"]):
        proof["users"][0]["local"] = []
    assert outcome(case) == REFUSED
    with pytest.raises(ei.InputError):
        verify(case.instance, case.document)


def test_it_imports_nothing_but_the_standard_library() -> None:
    """No module of the package, and none that has to be installed."""
    for file in (ROOT / "checker").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert all(
                name.split(".")[0] in {*sys.stdlib_module_names, "checker"} for name in names
            )


def test_its_exit_status_says_what_is_proven(tmp_path: Path) -> None:
    """0: proven; 4: a bound a millionth too high; 2: another instance, and no JSON."""
    case = cases("plain")
    high = copy.deepcopy(case.document)
    high["bound"] *= 1.0 + 1e-6
    foreign = case.document | {"instance": "0" * 64}
    texts = {name: json.dumps(d) for name, d in (("0", case.document), ("4", high), ("2", foreign))}
    case.instance.to_json(tmp_path / "instance.json")
    for name, text in (texts | {"2 too": "{"}).items():
        proof = tmp_path / "proof.json"
        proof.write_text(text, encoding="utf-8")
        asked = [sys.executable, "-m", "checker", str(tmp_path / "instance.json"), str(proof)]
        answer = subprocess.run(
            asked,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == int(name[0])
        assert "Traceback" not in answer.stderr
        said = answer.stdout if name in "04" else answer.stderr
        assert said.startswith({"0": "proven: ", "4": "NOT proven: "}.get(name, "broken: "))


def test_versions_of_data_make_no_difference() -> None:
    """Keys that are null are left out, as the digest demands."""
    case = cases("plain")
    data = case.instance.to_dict()
    for user in data["users"]:
        user["deadline_s"] = None
    proven = check(data, case.document)
    assert proven == found("plain")
    assert math.isfinite(proven.bound)
    assert ei.Instance.from_dict(data).digest() == case.document["instance"]
