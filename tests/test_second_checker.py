"""The second checker, in ``checker/``: it has no code of the package, and says what it says.

It is written from docs/certificate.md, and computes with decimals of 40 digits where ``verify`` has
balls of 106 bits.
"""

from __future__ import annotations

import ast
import copy
import json
import math
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import eipyomo as ei
from checker.check_certificate import BrokenError, Proven, check
from eipyomo.verify import verify
from tests.certificates import MAKERS, Case, cases
from tests.test_certificate_tampered import REFUSED, TAMPERED, TRUE

ROOT = Path(__file__).parents[1]
LONG = {"band", "wider band", "slowest", "edge frequency"}
"""Trees of hundreds of leaves, which take this checker seconds."""
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
