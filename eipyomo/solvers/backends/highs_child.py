"""HiGHS, for linear and mixed-integer linear models, on ``model.lp``; a script for a child."""

from __future__ import annotations

import json
import math
import re
import time
from importlib.metadata import version
from pathlib import Path

import highspy

STATUS = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kTimeLimit: "limit",
    highspy.HighsModelStatus.kIterationLimit: "limit",
    highspy.HighsModelStatus.kSolutionLimit: "limit",
}


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    solver = highspy.Highs()
    solver.readModel("model.lp")
    setup_s = time.time() - job["started"]
    left_s = max(job["started"] + job["time_limit"] - time.time(), 0.05)
    for key, value in {"time_limit": left_s, "mip_rel_gap": job["gap"], **job["options"]}.items():
        solver.setOptionValue(key, value)
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
    bound = info.mip_dual_bound if mixed else info.objective_function_value
    proven = math.isfinite(bound) and (mixed or STATUS.get(status) == "optimal")
    answer = {
        "status": STATUS.get(status, "error"),
        "message": solver.modelStatusToString(status),
        "values": values,
        "bound": bound if proven else None,
        "iterations": info.mip_node_count if mixed else info.simplex_iteration_count,
        "start": accepted(heard),
        "setup_s": setup_s,
        "version": f"HiGHS {version('highspy')}",
    }
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


def accepted(heard: list[str]) -> float | None:
    """Return the cost of the start in HiGHS's own words, or None if it was refused."""
    found = re.search(r"start solution is feasible\D*?(\S+)\s*$", "".join(heard), re.MULTILINE)
    return float(found[1]) if found else None


if __name__ == "__main__":
    main()
