"""A solver of Pyomo's own, or one that Pyomo reaches, on a pickled model; a script for a child."""

from __future__ import annotations

import json
import math
import os
import pickle
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
from pyomo.common.tempfiles import TempfileManager
from pyomo.opt import TerminationCondition

VERSION = f"Pyomo {version('pyomo')}"

STATUS = {
    TerminationCondition.optimal: "converged",
    TerminationCondition.globallyOptimal: "converged",
    TerminationCondition.locallyOptimal: "converged",
    TerminationCondition.feasible: "converged",
    TerminationCondition.maxTimeLimit: "limit",
    TerminationCondition.maxIterations: "limit",
    TerminationCondition.maxEvaluations: "limit",
    TerminationCondition.userInterrupt: "limit",
    TerminationCondition.resourceInterrupt: "limit",
    TerminationCondition.infeasible: "infeasible",
    TerminationCondition.unbounded: "unbounded",
}
LEAST_TOLERANCE = 1e-12
"""MindtPy takes no 0."""


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    model, variables = pickle.loads(bytes.fromhex(Path("model.pickle").read_text()))
    for suffix in list(model.component_objects(pyo.Suffix, descend_into=True)):
        suffix.parent_block().del_component(suffix)  # so that nothing scales by it
    TempfileManager.tempdir = str(Path.cwd())  # which is cleared, whatever ends this process
    offer_ipopt()
    setup_s = time.monotonic() - job["started"]
    left_s = max(job["started"] + job["time_limit"] - time.monotonic(), 0.05)
    options: dict[str, Any] = {**dict.fromkeys(job["time_names"], left_s), **job["options"]}
    base = {"setup_s": setup_s, "version": VERSION}
    if job["solver"] == "mindtpy":
        if job["start"] is None:
            start(variables)
        options["time_limit"] = max(int(options["time_limit"]), 1)  # it takes whole seconds only
        for key in ("relative_bound_tolerance", "mip_solver_mipgap"):
            options[key] = options[key] or LEAST_TOLERANCE
        options["call_after_subproblem_feasible"] = Incumbents(variables, base)
    else:
        options = {"options": options} if options else {}
    try:
        results = pyo.SolverFactory(job["solver"]).solve(model, **options)
    except ValueError as error:
        refused = refused_key(error, job["options"])
        if refused is None:
            raise
        known = list(pyo.SolverFactory(job["solver"]).CONFIG)
        write({"refused": [refused, job["options"][refused], ""], "known": known})
        return
    condition = results.solver.termination_condition
    values = [variable.value for variable in variables]
    found = STATUS.get(condition) in ("converged", "limit") and None not in values
    answer = {
        **base,
        "status": STATUS.get(condition, "error"),
        "message": str(condition),
        "values": dict(enumerate(values)) if found else None,
    }
    write(answer)


def refused_key(error: ValueError, options: dict[str, Any]) -> str | None:
    """Return the option that Pyomo's check of settings has refused, or None."""
    found = re.match(r"(?:key|invalid value for configuration) '(\w+)'", str(error))
    return found[1] if found and found[1] in options else None


def write(answer: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


class Incumbents:
    """Write the best point of MindtPy's sub-problems at once, in case it has to be ended."""

    def __init__(self, variables: list[Any], base: dict[str, Any]) -> None:
        """Keep what every answer holds."""
        self.places = [pyo.ComponentUID(variable) for variable in variables]
        self.base = base
        self.cost = math.inf

    def __call__(self, problem: Any) -> None:
        """Look at a sub-problem that was just solved."""
        cost = pyo.value(problem.MindtPy_utils.objective_list[-1].expr)
        if cost < self.cost:
            self.cost = cost
            values = [place.find_component_on(problem).value for place in self.places]
            point = dict(enumerate(values))
            write({**self.base, "status": "limit", "message": "incumbent", "values": point})


def offer_ipopt() -> None:
    """Put a command `ipopt` around CasADi's on the path, since MindtPy takes solvers by name."""
    command = Path("bin") / "ipopt"
    command.parent.mkdir()
    script = Path(__file__).with_name("casadi_child.py")
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{script}" ipopt "$@"\n')
    command.chmod(0o755)
    os.environ["PATH"] = os.pathsep.join((str(command.parent.resolve()), os.environ["PATH"]))


def start(variables: list[Any]) -> None:
    """Begin at integral values, which outer approximation needs: every download is made."""
    for variable in variables:
        if variable.is_binary() and not variable.fixed:
            variable.set_value(1)


if __name__ == "__main__":
    main()
