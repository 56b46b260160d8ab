"""What other programs get, read by code that shares nothing with Pyomo's writers.

GAMS itself and the NEOS server are not run here: GAMS text is read by the few lines below and
solved by CasADi, and a server on this machine takes NEOS's place, looks at the job and solves it.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET
from xmlrpc.client import Binary
from xmlrpc.server import SimpleXMLRPCServer

import casadi
import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.neos import kestrel

import eipyomo as ei
from tests.allocations import random_allocation
from tests.conftest import reference

PAGE = Path(__file__).parents[1] / "docs" / "export.md"


class Gams(NamedTuple):
    """A program in GAMS: variables with bounds and starts, rows as texts, and the objective's row.

    A row holds where `left` is at most, or exactly, what stands on its right.
    """

    domains: dict[str, str]
    low: dict[str, float]
    high: dict[str, float]
    start: dict[str, float]
    rows: list[tuple[str, str, float]]
    cost: str


def read(text: str) -> Gams:
    """Read a program as GAMS does: statements end with ; and a row is `name.. left =l= right`."""
    domains: dict[str, str] = {}
    for kind, names in re.findall(r"(?m)^((?:\w+ )?VARIABLES)\n([^;]*);", text):
        domains |= dict.fromkeys(names.split(), kind)
    numbers: dict[str, dict[str, float]] = {key: {} for key in ("lo", "up", "l", "fx")}
    for name, key, value in re.findall(r"(?m)^(\w+)\.(lo|up|l|fx) = ([^;]+);", text):
        numbers[key][name] = float(value)
    rows, cost = [], ""
    declared = re.search(r"EQUATIONS\n([^;]*);", text)
    assert declared is not None
    defined = re.findall(r"(?ms)^(\w+)\.\. (.*?) =([leg])= (.*?) ;", text)
    assert sorted(declared[1].split()) == sorted(name for name, *_ in defined)
    for _, left, sense, right in defined:
        if left == "GAMS_OBJECTIVE":
            cost = right
        else:
            rows.append((left, sense, float(right)))
    assert "fx" in numbers
    assert not numbers["fx"]
    names = [name for name in domains if name != "GAMS_OBJECTIVE"]
    least = {"POSITIVE VARIABLES": 0.0, "BINARY VARIABLES": 0.0}
    low = {name: numbers["lo"].get(name, least.get(domains[name], -math.inf)) for name in names}
    most = {"BINARY VARIABLES": 1.0}
    high = {name: numbers["up"].get(name, most.get(domains[name], math.inf)) for name in names}
    start = {name: numbers["l"].get(name, 0.0) for name in names}
    return Gams({name: domains[name] for name in names}, low, high, start, rows, cost)


def value(text: str, names: dict[str, Any], log: Any = math.log) -> Any:
    """Evaluate an expression, whose operators are those of Python."""
    assert not set(re.findall(r"[A-Za-z]\w*", text)) - {"log", "power", "sqrt", "exp", "e", *names}
    functions = {"log": log, "power": pow, "sqrt": lambda x: x**0.5, "exp": casadi.exp}
    return eval(text, {"__builtins__": {}}, {**functions, **names})


def exported(model: Any, folder: Path) -> tuple[Gams, dict[str, Any]]:
    """Write a model, and return the program that stands in the file, with its variables by name."""
    ei.models.export(model, folder / "model.gms")
    manifest = json.loads((folder / "model.gms.manifest.json").read_text(encoding="utf-8"))
    columns = {
        column["column"]: model.find_component(column["name"]) for column in manifest["columns"]
    }
    return read((folder / "model.gms").read_text(encoding="utf-8")), columns


@pytest.mark.parametrize("formulation", ["letter", "spectral"])
@pytest.mark.parametrize("name", ["letter-m2", "mixed-m4"])
def test_gams_text_has_our_cost_rows_and_bounds(
    name: str, formulation: str, tmp_path: Path
) -> None:
    """At a random feasible allocation the text's cost is evaluate()'s, and all its rows hold."""
    instance = reference(name)
    allocation = random_allocation(instance, 1)
    model = ei.models.minlp(instance, formulation)
    ei.models.load(model, allocation)
    gams, columns = exported(model, tmp_path)
    assert gams.domains.keys() == columns.keys()
    at = {key: pyo.value(column) for key, column in columns.items()}
    cost = ei.evaluate(instance, allocation).objective
    assert value(gams.cost, at) == pytest.approx(cost, rel=1e-9)
    for left, sense, right in gams.rows:
        over = value(left, at) - right
        assert {"l": over, "g": -over, "e": abs(over)}[sense] <= 1e-7, left
    for key, number in at.items():
        assert gams.low[key] - 1e-9 <= number <= gams.high[key] + 1e-9
        integral = gams.domains[key] == "BINARY VARIABLES"
        assert integral == columns[key].is_binary()


def test_gams_text_has_our_optimum(tmp_path: Path) -> None:
    """The best that Ipopt finds over all values of the binaries is the certified optimum."""
    instance = reference("letter-m2")
    gams, _ = exported(ei.models.minlp(instance), tmp_path)
    x = {key: casadi.SX.sym(key) for key in gams.domains}
    rows = [value(left, x, casadi.log) for left, *_ in gams.rows]
    program = {
        "x": casadi.vertcat(*x.values()),
        "f": value(gams.cost, x, casadi.log),
        "g": casadi.vertcat(*rows),
    }
    quiet: dict[str, Any] = {
        "print_time": False,
        "ipopt": {"print_level": 0},
        "error_on_fail": False,
    }
    solver = casadi.nlpsol("gams", "ipopt", program, quiet)
    right = np.array([side for *_, side in gams.rows])
    senses = np.array([sense for _, sense, _ in gams.rows])
    sides = {
        "lbg": np.where(senses == "l", -np.inf, right),
        "ubg": np.where(senses == "g", np.inf, right),
    }
    binaries = [key for key, kind in gams.domains.items() if kind == "BINARY VARIABLES"]
    costs = []
    for chosen in itertools.product((0.0, 1.0), repeat=len(binaries)):
        fixed = dict(zip(binaries, chosen, strict=True))
        found = solver(
            x0=list({**gams.start, **fixed}.values()),
            lbx=list({**gams.low, **fixed}.values()),
            ubx=list({**gams.high, **fixed}.values()),
            **sides,
        )
        if solver.stats()["success"]:
            costs.append(float(found["f"]))
    optimum = ei.solve(instance)
    assert optimum.bound is not None
    assert optimum.objective is not None
    assert optimum.bound * (1 - 1e-6) <= min(costs) <= optimum.objective * (1 + 1e-5)


def test_gams_text_is_what_neos_takes(tmp_path: Path) -> None:
    """One file, no other programs or files, and nothing that ends the section of a job it is in."""
    ei.models.export(ei.models.minlp(reference("letter-m2")), tmp_path / "model.gms")
    text = (tmp_path / "model.gms").read_text(encoding="ascii").lower()
    assert not re.search(r"(?m)^\s*(\$(bat)?include|\$call|\$echo|execute|put)\b", text)
    assert "]]>" not in text


class Neos:
    """What the NEOS server answers: it takes jobs of its AMPL interface, and solves them."""

    def __init__(self, folder: Path) -> None:
        """Keep jobs in a folder."""
        self.folder = folder
        self.jobs: list[ET.Element] = []

    def _dispatch(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "listSolversInCategory":
            return ["Bonmin:AMPL", "Couenne:AMPL", "Couenne:GAMS"]
        if name == "submitJob":
            return self.take(*arguments)
        if name == "getFinalResults":
            return Binary((self.folder / "job.sol").read_bytes())
        return {"ping": "NeosServer is alive", "getJobStatus": "Done"}[name]

    def take(self, job: str, user: str, interface: str) -> list[Any]:
        """Look at a job, and solve it by Bonmin in place of what it asks for."""
        document = ET.fromstring(job)
        assert document.tag == "document"
        said = {part.tag: (part.text or "").strip() for part in document}
        assert said["category"] == interface == "kestrel"
        assert said["email"] == user == "you@example.org"
        assert (said["solver"], said["inputType"]) == ("Couenne", "AMPL")
        packed = document.findtext("nlfile/base64")
        assert packed is not None
        (self.folder / "job.nl").write_bytes(gzip.decompress(base64.b64decode(packed)))
        self.jobs.append(document)
        bonmin = Path(sys.executable).parent / "eipyomo-bonmin"
        subprocess.run(
            [bonmin, "job", "-AMPL"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(PAGE.parents[1])},
            check=True,
            capture_output=True,
        )
        return [1, "password"]


def test_neos_gets_a_job_and_its_answer_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's line sends the model as .nl in a job that NEOS's interface reads, and back."""
    assert 'pyo.SolverManagerFactory("neos").solve(model, opt="couenne")' in PAGE.read_text("utf-8")
    neos = Neos(tmp_path)
    instance = reference("letter-m2")
    model = ei.models.minlp(instance)
    with SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, allow_none=True) as server:
        server.register_instance(neos)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            monkeypatch.setattr(kestrel.NEOS, "scheme", "http")
            monkeypatch.setattr(kestrel.NEOS, "host", "127.0.0.1")
            monkeypatch.setattr(kestrel.NEOS, "port", str(server.server_address[1]))
            monkeypatch.setenv("NEOS_EMAIL", "you@example.org")
            for proxy in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
                monkeypatch.delenv(proxy, raising=False)
            pyo.SolverManagerFactory("neos").solve(model, opt="couenne")
        finally:
            server.shutdown()
            thread.join()
    assert len(neos.jobs) == 1
    judged = ei.evaluate(instance, ei.models.allocation(model))
    assert judged.max_violation <= 1e-6
    assert judged.objective == pytest.approx(ei.solve(instance).objective, rel=1e-4)


def test_a_job_of_gams_text_is_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page writes for NEOS's solvers of GAMS holds the model letter by letter."""
    monkeypatch.chdir(tmp_path)
    ei.models.export(ei.models.minlp(reference("letter-m2")), "model.gms")
    (script,) = re.findall(
        r"^```python\n([^`]*job\.xml.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    exec(compile(script, "export.md", "exec"), {})
    job = ET.parse("job.xml").getroot()
    assert [part.tag for part in job][:4] == ["category", "solver", "inputType", "email"]
    text = Path("model.gms").read_text(encoding="utf-8")
    assert job.findtext("model") == text.replace("option solprint=off;\n", "")
