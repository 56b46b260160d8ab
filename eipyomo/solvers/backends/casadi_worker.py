"""Solve one .nl problem after another with CasADi's Ipopt; a script, run as a worker.

It reads one JSON document a line and answers each with one. ``{"load": key, "nl": text,
"parameters": [column, ...], "options": {...}, "warm_options": {...}}`` reads a problem, in which
the columns named are data. ``{"solve": key, "parameters": [...], "start": [...], "warm": ...}``
solves it for given data: from an earlier answer's `warm` where it is given, and from the point
`start`, one value for each column, where it is not or where that fails. An answer is ``{"values",
"rows", "warm", "status", "message"}``, with `values` in the order of columns and `rows` the
multipliers of the constraints.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

import casadi

SOLVED = "Solve_Succeeded"
"""What Ipopt says at its full accuracy; what it calls acceptable is not."""


@dataclass
class Problem:
    """A problem that was read: which columns are variables, their bounds, and two solvers."""

    variables: list[int]
    parameters: list[int]
    bounds: dict[str, Any]
    cold: Any
    warm: Any


def load(
    text: str, parameters: list[int], options: dict[str, Any], warm_options: dict[str, Any]
) -> Problem:
    """Read a problem, and prepare its solver for cold and for warm starts."""
    with tempfile.NamedTemporaryFile("w", suffix=".nl", dir=".", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        builder = casadi.NlpBuilder()
        builder.import_nl(file.name)
    told = set(parameters)
    variables = [j for j in range(len(builder.x)) if j not in told]
    functions: Any = {
        "x": casadi.vertcat(*(builder.x[j] for j in variables)),
        "p": casadi.vertcat(*(builder.x[j] for j in parameters)),
        "f": builder.f,
        "g": casadi.vertcat(*builder.g),
    }
    settings: Any = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"}
    settings |= {f"ipopt.{key}": value for key, value in options.items()}
    warm_settings = settings | {f"ipopt.{key}": value for key, value in warm_options.items()}
    return Problem(
        variables=variables,
        parameters=parameters,
        bounds={
            "lbx": [builder.x_lb[j] for j in variables],
            "ubx": [builder.x_ub[j] for j in variables],
            "lbg": builder.g_lb,
            "ubg": builder.g_ub,
        },
        cold=casadi.nlpsol("cold", "ipopt", functions, settings),
        warm=casadi.nlpsol("warm", "ipopt", functions, warm_settings),
    )


def solve(
    problem: Problem, told: list[float], start: list[float], warm: dict[str, Any] | None
) -> dict[str, Any]:
    """Solve for given data."""
    success = False
    if warm is not None:
        found = problem.warm(p=told, **warm, **problem.bounds)
        stats = problem.warm.stats()
        success = stats["return_status"] == SOLVED
    if not success:
        found = problem.cold(x0=[start[j] for j in problem.variables], p=told, **problem.bounds)
        stats = problem.cold.stats()
    values = [0.0] * (len(problem.variables) + len(problem.parameters))
    for place, value in zip(problem.variables, plain(found["x"]), strict=True):
        values[place] = value
    for place, value in zip(problem.parameters, told, strict=True):
        values[place] = value
    return {
        "values": values,
        "rows": plain(found["lam_g"]),
        "warm": {
            "x0": plain(found["x"]),
            "lam_g0": plain(found["lam_g"]),
            "lam_x0": plain(found["lam_x"]),
        },
        "status": "converged" if stats["return_status"] == SOLVED else "error",
        "message": stats["return_status"],
        "iterations": int(stats["iter_count"]),
    }


def plain(column: Any) -> list[float]:
    """Return a column as plain numbers."""
    numbers: list[float] = column.full().ravel().tolist()
    return numbers


def main() -> None:
    """Answer until the input ends."""
    # Whatever a native library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    problems: dict[str, Problem] = {}
    for line in sys.stdin:
        question = json.loads(line)
        if "load" in question:
            key = question.pop("load")
            problems[key] = load(question.pop("nl"), **question)
            answer: dict[str, Any] = {"loaded": key}
        else:
            problem = problems[question["solve"]]
            answer = solve(problem, question["parameters"], question["start"], question["warm"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
