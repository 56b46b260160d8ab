"""HiGHS, for linear and mixed-integer linear models, on ``model.lp``; a script for a child.

What it proves is its word: it computes in floating-point numbers, to absolute tolerances (1e-7, and
1e-6 for integers), so that a model with coefficients or costs far from 1 may get a wrong bound.
"""

from __future__ import annotations

import json
import math
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import highspy

VERSION = f"HiGHS {version('highspy')}"

STATUS = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kTimeLimit: "limit",
    highspy.HighsModelStatus.kIterationLimit: "limit",
    highspy.HighsModelStatus.kSolutionLimit: "limit",
    highspy.HighsModelStatus.kInterrupt: "limit",
    highspy.HighsModelStatus.kMemoryLimit: "limit",
    highspy.HighsModelStatus.kObjectiveTarget: "limit",
    highspy.HighsModelStatus.kObjectiveBound: "limit",
}
"""What else HiGHS may say, such as "infeasible or unbounded", decides nothing."""


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    solver = highspy.Highs()
    solver.readModel("model.lp")
    setup_s = time.monotonic() - job["started"]
    left_s = max(job["started"] + job["time_limit"] - time.monotonic(), 0.05)
    for key, value in {**dict.fromkeys(job["time_names"], left_s), **job["options"]}.items():
        if solver.setOptionValue(key, value) != highspy.HighsStatus.kOk:
            known = [name for name in dir(solver.getOptions()) if not name.startswith("_")]
            write({"refused": [key, value, ""], "known": known})
            return
    heard: list[str] = []
    if job["start"] is not None:
        values = job["start"]["values"]
        point = highspy.HighsSolution()
        point.col_value = [values[name] for name in solver.getLp().col_names_]
        solver.setSolution(point)
        solver.cbLogging.subscribe(lambda event: heard.append(event.message))
    solver.run()
    status = solver.getModelStatus()
    info = solver.getInfo()
    model = solver.getLp()
    values = None
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        values = dict(zip(model.col_names_, solver.getSolution().col_value, strict=True))
    mixed = any(kind != highspy.HighsVarType.kContinuous for kind in model.integrality_)
    bound = safe_bound(solver, mixed=mixed)
    proven = math.isfinite(bound) and (mixed or STATUS.get(status) == "optimal")
    answer = {
        "status": STATUS.get(status, "error"),
        "message": solver.modelStatusToString(status),
        "values": values,
        "bound": bound if proven else None,
        "iterations": info.mip_node_count if mixed else info.simplex_iteration_count,
        "start": accepted(heard),
        "setup_s": setup_s,
        "version": VERSION,
    }
    write(answer)


def write(answer: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


def safe_bound(solver: Any, *, mixed: bool) -> float:
    """Return HiGHS's bound, less what its gaps and tolerances let it pass over.

    It drops nodes that are no better than the incumbent by more than the gaps, and still calls the
    incumbent's cost its bound. Of an LP, reduced costs and rows are right up to its tolerances.
    """
    info, point = solver.getInfo(), solver.getSolution()
    sign = 1.0 if solver.getLp().sense_ == highspy.ObjSense.kMinimize else -1.0
    cost = sign * info.objective_function_value

    def option(name: str) -> float:
        return float(solver.getOptionValue(name)[1])

    if mixed:
        passed = max(option("mip_rel_gap") * abs(cost), option("mip_abs_gap"))
        passed = max(passed, option("mip_feasibility_tolerance"))
        return float(sign * min(sign * info.mip_dual_bound, cost - passed))
    passed = option("dual_feasibility_tolerance") * sum(map(abs, point.col_value))
    passed += option("primal_feasibility_tolerance") * sum(map(abs, point.row_dual))
    return float(sign * (cost - passed))


def accepted(heard: list[str]) -> float | None:
    """Return the cost of the start in HiGHS's own words, or None if it was refused."""
    found = re.search(r"start solution is feasible\D*?(\S+)\s*$", "".join(heard), re.MULTILINE)
    return float(found[1]) if found else None


if __name__ == "__main__":
    main()
