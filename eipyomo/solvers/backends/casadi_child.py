"""Run Bonmin or Ipopt from CasADi's wheel on ``model.nl``; a script, run in a child process."""

from __future__ import annotations

import json
import math
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import casadi

STATUS = {
    "SUCCESS": "converged",
    "Solve_Succeeded": "converged",
    "Solved_To_Acceptable_Level": "converged",
    "LIMIT_EXCEEDED": "limit",
    "Maximum_Iterations_Exceeded": "limit",
    "Maximum_CpuTime_Exceeded": "limit",
    "Maximum_WallTime_Exceeded": "limit",
    "INFEASIBLE": "infeasible",
    "Infeasible_Problem_Detected": "infeasible",
}
FEASIBLE = 1e-5


def main() -> None:
    """Solve, and write the answer."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    problem = casadi.NlpBuilder()
    problem.import_nl("model.nl")
    setup_s = time.time() - job["started"]
    left_s = max(job["started"] + job["time_limit"] - time.time(), 0.05)
    answer = solve(problem, job["solver"], job["options"], left_s)
    answer |= {"setup_s": setup_s, "version": f"CasADi {version('casadi')}"}
    # Moved into place, so that a reader never sees a part of it.
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


def solve(problem: Any, solver: str, options: dict[str, Any], time_limit: float) -> dict[str, Any]:
    """Solve from the file's start; the answer has values only if they keep the constraints."""
    limit = {"bonmin": "bonmin.time_limit", "ipopt": "ipopt.max_wall_time"}[solver]
    settings = {"print_time": False, limit: time_limit}
    settings |= {f"{solver}.{key}": value for key, value in options.items()}
    if solver == "bonmin":
        settings["discrete"] = problem.discrete
    functions = {
        "x": casadi.vertcat(*problem.x),
        "f": problem.f,
        "g": casadi.vertcat(*problem.g),
    }
    run = casadi.nlpsol("run", solver, functions, settings)
    found = run(
        x0=problem.x_init, lbx=problem.x_lb, ubx=problem.x_ub, lbg=problem.g_lb, ubg=problem.g_ub
    )
    stats = run.stats()
    values = found["x"].full().ravel().tolist()
    return {
        "status": STATUS.get(stats["return_status"], "error"),
        "message": stats["return_status"],
        "values": values if satisfies(problem, values) else None,
        "iterations": int(stats.get("iter_count", 0)) or None,
    }


def satisfies(problem: Any, values: list[float]) -> bool:
    """Tell whether a point keeps the constraints, which Bonmin's interface does not report."""
    if not all(math.isfinite(value) for value in values):
        return False
    x = casadi.vertcat(*problem.x)
    rows = casadi.Function("rows", [x], [casadi.vertcat(*problem.g)])(values).full().ravel()
    return all(
        low - FEASIBLE * max(1.0, abs(low)) <= row <= high + FEASIBLE * max(1.0, abs(high))
        for low, row, high in zip(problem.g_lb, rows, problem.g_ub, strict=True)
    )


if __name__ == "__main__":
    main()
