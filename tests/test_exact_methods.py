"""The exact method and the enumeration behind the contract of methods."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.solvers import exact
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.method import Exact, ExactOptions, ProvenOptions
from eipyomo.verify import verify
from tests.conftest import VALUES, reference


def test_a_claim_carries_all_that_was_found(tmp_path: Path) -> None:
    """Point, bound, prices, trace and certificate of letter-m4, whose optimum is known."""
    file = tmp_path / "proof.json"
    options = ExactOptions(certificate=file)
    problem = Problem(reference("letter-m4"))
    claim = Exact().run(problem, options, Clock(options.time_limit))
    assert (claim.status, claim.options, list(claim.files)) == ("optimal", None, [file])
    assert claim.allocation is not None
    assert claim.bound is not None
    objective = ei.evaluate(problem, claim.allocation).objective
    assert objective == pytest.approx(VALUES["letter-m4"]["wsel"], rel=1e-6)
    assert claim.bound <= objective
    assert claim.iterations == len(claim.trace)
    assert list(claim.prices or ()) == [
        "bandwidth_per_mhz",
        "downlink_bandwidth_per_mhz",
        "users",
    ]
    assert verify(problem.instance, json.loads(claim.files[file])).bound >= claim.bound
    assert not file.exists()


def test_only_options_that_were_changed_are_reported() -> None:
    """Gap and time limit always; of the others what is no default, but not where the proof is."""
    usual = {"gap": 1e-6, "time_limit": 60.0}
    assert ExactOptions(certificate="proof.json").reported() == usual
    assert ExactOptions(node_limit=3).reported() == usual | {"node_limit": 3}
    assert ProvenOptions(gap=1e-3).reported() == usual | {"gap": 1e-3}


def test_the_larger_gap_counts() -> None:
    """An absolute gap is a relative one at an objective; at 0 it is none."""
    options = ExactOptions(gap=1e-3, absolute_gap=0.1)
    assert [options.gap_at(objective) for objective in (10.0, 1000.0, 0.0)] == [1e-2, 1e-3, 1e-3]


def test_enumeration_needs_a_grid() -> None:
    """A problem without one is refused in a sentence that names one which has it."""
    with pytest.raises(ei.InputError, match=r"'joint' has not; 'grid:0\.2' has"):
        ei.solve(reference("letter-m2"), "enumeration")


@pytest.mark.slow
def test_compiled_code_is_loaded_when_it_is_needed() -> None:
    """Importing the package and its methods loads no compiler; asking for the machine does."""
    script = (
        "import sys, eipyomo, eipyomo.solvers.exact.method; from eipyomo.solvers import exact; "
        "assert 'numba' not in sys.modules; exact.solve_exact; assert 'numba' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_the_package_has_not_is_not_looked_for() -> None:
    """A wrong name is an error of its own."""
    assert not hasattr(exact, "no_such_name")


def test_the_documentation_names_what_there_is() -> None:
    """Every `module.function` in docs/exact.md is found in the package of the exact method."""
    text = (Path(__file__).parents[1] / "docs" / "exact.md").read_text(encoding="utf-8")
    modules = [file.stem for file in Path(exact.__file__).parent.glob("[a-z]*.py")]
    names = set(re.findall(rf"\b(?:{'|'.join(modules)})\.[A-Za-z_]\w*(?:\.\w+)*", text))
    files = {name for name in names if name.endswith((".py", ".md"))}
    assert len(names - files) > 30
    for name in sorted(names - files):
        module, *parts = name.split(".")
        found: Any = importlib.import_module(f"eipyomo.solvers.exact.{module}")
        for part in parts:
            fields = getattr(found, "__dataclass_fields__", {})
            assert hasattr(found, part) or part in fields, f"{name} does not exist"
            found = getattr(found, part, None)
