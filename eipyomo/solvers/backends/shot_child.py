"""SHOT from its wheel on ``model.nl``; a script, run in a child process."""

from __future__ import annotations

import json
import math
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import SHOTpy

VERSION = f"SHOT {version('SHOTpy')}"

STATUS = {
    "OptimalGlobal": "optimal",
    "InfeasibleGlobal": "infeasible",
    "InfeasibleLocal": "infeasible",
    "Unbounded": "unbounded",
    "UnboundedNoSolution": "unbounded",
}
ENDS = {
    **dict.fromkeys(("TimeLimit", "IterationLimit", "UserAbort"), "limit"),
    **dict.fromkeys(("AbsoluteGap", "RelativeGap", "NoDualCutsAdded"), "converged"),
    **dict.fromkeys(("ConstraintTolerance", "ObjectiveStagnation"), "converged"),
}
"""Why it stopped, where it claims none of these."""

FINITE_LIMIT = 1e15
"""A bound beyond this stands for no bound."""

ROUNDING = 1e-6


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    base: dict[str, Any] = {"version": VERSION}
    left_s = max(job["started"] + job["time_limit"] - time.monotonic(), 0.05)
    settings = {**dict.fromkeys(job["time_names"], left_s), **job["options"]}
    solver = SHOTpy.Solver()
    for key, value in settings.items():
        try:
            solver.updateSetting(key, value)
        except RuntimeError:
            known = re.findall(r"(?m)^([\w.]+) = ", solver.getOptions())
            write({"refused": [key, value, ""], "known": known})
            return
    if not solver.setProblem("model.nl"):
        raise ValueError("SHOT does not take the model")
    if round_bounds(solver.getOriginalProblem()):
        reader, solver = solver, SHOTpy.Solver()
        for key, value in settings.items():
            solver.updateSetting(key, value)
        solver.setProblem(reader.getOriginalProblem())
    base["setup_s"] = time.monotonic() - job["started"]

    def keep(context: Any) -> None:
        """Write an improved point at once, in case SHOT has to be ended."""
        if context.isIncumbent:
            write(answer(base, "limit", "incumbent", context.point, context.globalDualBound))

    solver.registerCallback(SHOTpy.CallbackLocation.NewPrimalSolution, keep)
    solver.solveProblem()
    said, why = solver.getModelReturnStatus().name, solver.getTerminationReason().name
    write(
        answer(
            base,
            STATUS.get(said, ENDS.get(why, "error")),
            f"{said}, {why}",
            solver.getPrimalSolution().point if solver.hasPrimalSolution() else None,
            solver.getGlobalDualBound(),
        )
    )


def round_bounds(problem: Any) -> bool:
    """Round bounds of integers inwards, which SHOT goes beyond otherwise; tell if any was moved."""
    moved = False
    for variable in problem.allVariables:
        if variable.properties.type == SHOTpy.VariableType.Integer:
            low, high = variable.lowerBound, variable.upperBound
            variable.lowerBound = math.ceil(low - ROUNDING) if abs(low) < FINITE_LIMIT else low
            variable.upperBound = math.floor(high + ROUNDING) if abs(high) < FINITE_LIMIT else high
            moved = moved or (low, high) != (variable.lowerBound, variable.upperBound)
    return moved


def answer(
    base: dict[str, Any], status: str, message: str, point: list[float] | None, bound: float
) -> dict[str, Any]:
    """Return what SHOT has now: its best point in the file's order, and its bound."""
    return {
        **base,
        "status": status,
        "message": message,
        "values": None if point is None else dict(enumerate(point)),
        "bound": bound if abs(bound) < FINITE_LIMIT else None,
    }


def write(document: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace("answer.json")


if __name__ == "__main__":
    main()
