"""Bonmin and Ipopt from CasADi's wheel, on a .nl file.

A script that is run in a child process, and the commands ``eipyomo-ipopt`` and ``eipyomo-bonmin``,
which speak the AMPL protocol: ``eipyomo-ipopt problem -AMPL max_iter=50`` reads ``problem.nl`` and
writes ``problem.sol``. It imports nothing of this package, so that it starts quickly.
"""

from __future__ import annotations

import json
import math
import os
import sys
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
TIME_LIMIT = {"bonmin": "time_limit", "ipopt": "max_wall_time"}


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    problem = read("model.nl")
    setup_s = time.time() - job["started"]
    # Bonmin looks at its clock between sub-problems only, so it is asked to stop a little early.
    left_s = max(0.8 * (job["started"] + job["time_limit"] - time.time()), 0.05)
    options = {TIME_LIMIT[job["solver"]]: left_s, **job["options"]}
    status, words, found = solve(problem, job["solver"], options)
    start = None
    if job["start"] is not None and satisfies(problem, list(problem.x_init)):
        # Ipopt tells the cost at its first iterate, and Bonmin has a first iterate only.
        costs = status.get("iterations", {}).get("obj") or [job["start"]["cost"]]
        start = costs[0]
    values = found["x"].full().ravel().tolist()
    answer = {
        "status": STATUS.get(words, "error"),
        "message": words,
        "values": dict(enumerate(values)) if satisfies(problem, values) else None,
        "iterations": status.get("iter_count"),
        "start": start,
        "setup_s": setup_s,
        "version": f"CasADi {version('casadi')}",
    }
    # Moved into place, so that a reader never sees a part of it.
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


def read(path: str) -> Any:
    """Read a .nl file."""
    problem = casadi.NlpBuilder()
    problem.import_nl(path)
    return problem


def solve(problem: Any, solver: str, options: dict[str, Any]) -> tuple[dict[str, Any], str, Any]:
    """Solve from the file's start; return statistics, the solver's last word, and what it found."""
    # Scalar expressions are evaluated several times faster than CasADi's matrix expressions.
    settings: dict[str, Any] = {"print_time": False, "expand": True}
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
    return stats, str(stats["return_status"]), found


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


# AMPL's codes for the end of a solve.
CODES = {"converged": 0, "infeasible": 200, "limit": 400, "error": 500}


def ampl_ipopt() -> int:
    """Run Ipopt as an AMPL solver."""
    return ampl("ipopt", sys.argv[1:])


def ampl_bonmin() -> int:
    """Run Bonmin as an AMPL solver."""
    return ampl("bonmin", sys.argv[1:])


def ampl(solver: str, arguments: list[str]) -> int:
    """Read ``stub.nl``, solve it, and write ``stub.sol``; return the exit status.

    Options are ``key=value`` arguments, or words of the variable ``ipopt_options`` or
    ``bonmin_options``.
    """
    title = f"{solver.title()} of CasADi {version('casadi')}"
    if not arguments or arguments[0] in ("-v", "--version"):
        # Pyomo reads the three numbers behind the name.
        sys.stdout.write(f"{title}\n")
        return 0
    words = os.environ.get(f"{solver}_options", "").split() + arguments[1:]
    options = dict(word.split("=", 1) for word in words if "=" in word)
    stub = arguments[0].removesuffix(".nl")
    try:
        problem = read(f"{stub}.nl")
        numbers = {key: number(value) for key, value in options.items() if key != "wantsol"}
        _, last, found = solve(problem, solver, numbers)
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"{title}: {str(error).strip().splitlines()[-1]}\n")
        return 1
    values = found["x"].full().ravel().tolist()
    status = STATUS.get(last, "error")
    if status == "converged" and not satisfies(problem, values):
        status = "error"
    # AMPL's multiplier of a row is the change of the optimum with its side: -λ of CasADi.
    duals = (-found["lam_g"]).full().ravel().tolist() if solver == "ipopt" else []
    lines = [
        f"{title}: {last}",
        "",
        "Options",
        *map(str, (3, 1, 1, 0, len(problem.g), len(duals), len(values), len(values))),
        *(f"{value:.17g}" for value in [*duals, *values]),
        f"objno 0 {CODES[status]}",
    ]
    Path(f"{stub}.sol").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def number(text: str) -> int | float | str:
    """Return an option's value as what it looks like."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(ampl(sys.argv[1], sys.argv[2:]))
    main()
