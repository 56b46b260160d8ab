"""MAiNGO from its wheel on ``model.nl``, as CasADi reads it; a script, run in a child process."""

from __future__ import annotations

import json
import math
import operator
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import casadi
import maingopy

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = f"MAiNGO {version('maingopy')}"

STATUS = {
    "GLOBALLY_OPTIMAL": "optimal",
    "INFEASIBLE": "infeasible",
    "FEASIBLE_POINT": "limit",
    "NO_FEASIBLE_POINT_FOUND": "limit",
    "BOUND_TARGETS": "limit",
}

FINITE_LIMIT = 1e15
"""A bound beyond this stands for no bound."""

FEASIBLE, LEAST_GAP = 1e-6, 1e-9

OPERATIONS: dict[int, Callable[..., Any]] = {
    casadi.OP_ADD: operator.add,
    casadi.OP_SUB: operator.sub,
    casadi.OP_MUL: operator.mul,
    casadi.OP_DIV: operator.truediv,
    casadi.OP_NEG: operator.neg,
    casadi.OP_TWICE: lambda x: 2.0 * x,
    casadi.OP_SQ: maingopy.sqr,
    casadi.OP_INV: lambda x: 1.0 / x,
    casadi.OP_POW: maingopy.pow,
    casadi.OP_CONSTPOW: maingopy.pow,
    casadi.OP_EXPM1: lambda x: maingopy.exp(x) - 1.0,
    casadi.OP_LOG1P: lambda x: maingopy.log(1.0 + x),
    **{
        getattr(casadi, f"OP_{name.upper()}"): getattr(maingopy, name)
        for name in (
            *("exp", "log", "sqrt", "fabs", "erf", "sin", "cos", "tan"),
            *("asin", "acos", "atan", "sinh", "cosh", "tanh"),
        )
    },
}


class Problem(maingopy.MAiNGOmodel):
    """A file's problem, in the form that MAiNGO calls."""

    def __init__(self, builder: Any) -> None:
        """Keep the functions as a list of scalar operations."""
        super().__init__()
        self.builder = builder
        x = casadi.vertcat(*builder.x)
        self.functions: Any = casadi.Function(
            "functions", [x], [casadi.vertcat(builder.f, *builder.g)]
        ).expand()

    def get_variables(self) -> list[Any]:
        """Return the columns with their bounds."""
        return [
            maingopy.OptimizationVariable(
                maingopy.Bounds(low, high),
                maingopy.VT_INTEGER if discrete else maingopy.VT_CONTINUOUS,
                str(place),
            )
            for place, (low, high, discrete) in enumerate(
                zip(self.builder.x_lb, self.builder.x_ub, self.builder.discrete, strict=True)
            )
        ]

    def get_initial_point(self) -> list[float]:
        """Return where its local searches begin."""
        return list(self.builder.x_init)

    def evaluate(self, x: list[Any]) -> Any:
        """Return cost and rows, as expressions of MAiNGO's."""
        cost, *rows = self.values(x)
        held = maingopy.EvaluationContainer()
        held.objective = cost
        for low, row, high in zip(self.builder.g_lb, rows, self.builder.g_ub, strict=True):
            if low == high:
                held.eq.push_back(row - low)
                continue
            if math.isfinite(high):
                held.ineq.push_back(row - high)
            if math.isfinite(low):
                held.ineq.push_back(low - row)
        return held

    def first_point(self) -> dict[int, float] | None:
        """Return the columns' own values, integers rounded up, if they are a point."""
        builder = self.builder
        point = [
            math.ceil(value - FEASIBLE) if discrete else value
            for value, discrete in zip(builder.x_init, builder.discrete, strict=True)
        ]
        rows = self.functions(point).full().ravel()[1:]
        kept = all(
            low - FEASIBLE * max(1.0, abs(low)) <= value <= high + FEASIBLE * max(1.0, abs(high))
            for low, value, high in zip(
                [*builder.x_lb, *builder.g_lb],
                [*point, *rows],
                [*builder.x_ub, *builder.g_ub],
                strict=True,
            )
        )
        return dict(enumerate(point)) if kept else None

    def values(self, x: list[Any]) -> list[Any]:
        """Carry out the operations one by one."""
        functions = self.functions
        work: list[Any] = [None] * functions.sz_w()
        results: list[Any] = [0.0 * x[0]] * (1 + len(self.builder.g))
        for k in range(functions.n_instructions()):
            operation, into = functions.instruction_id(k), functions.instruction_output(k)
            using = functions.instruction_input(k)
            if operation == casadi.OP_CONST:
                work[into[0]] = functions.instruction_constant(k)
            elif operation == casadi.OP_INPUT:
                work[into[0]] = x[using[1]]
            elif operation == casadi.OP_OUTPUT:
                results[into[1]] = work[using[0]]
            elif operation in OPERATIONS:
                work[into[0]] = OPERATIONS[operation](*(work[place] for place in using))
            else:
                raise ValueError("the model has an operation that MAiNGO does not know")
        return results


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    builder = casadi.NlpBuilder()
    builder.import_nl("model.nl")
    problem = Problem(builder)  # MAiNGO does not keep it alive
    solver = maingopy.MAiNGO(problem)
    base = {
        "setup_s": time.monotonic() - job["started"],
        "version": VERSION,
    }
    left_s = max(job["started"] + job["time_limit"] - time.monotonic(), 0.05)
    options = {**dict.fromkeys(job["time_names"], left_s), **job["options"]}
    options["epsilonR"] = max(options["epsilonR"], LEAST_GAP)
    for key, value in options.items():
        if isinstance(value, str) or not solver.set_option(key, value):
            write({"refused": [key, value, ""]})
            return
    begun = problem.first_point()
    # It tells of no incumbent before it ends, and may end late, or without one.
    write({**base, "status": "limit", "message": "ended before it answered", "values": begun})
    status = solver.solve().name
    for key in job["options"]:
        if f"{key} has to be" in Path("maingo.log").read_text(encoding="utf-8"):
            write({"refused": [key, options[key], "it would take it for another value"]})
            return
    bound = solver.get_final_LBD()
    found = status in ("GLOBALLY_OPTIMAL", "FEASIBLE_POINT", "BOUND_TARGETS")
    message = status.lower().replace("_", " ")
    if found:
        values: dict[int, float] | None = dict(enumerate(solver.get_solution_point()))
    elif status == "INFEASIBLE" or begun is None:
        values = None
    else:
        values, message = begun, f"{message}, so this is where it was begun"
    write(
        {
            **base,
            "status": STATUS.get(status, "error"),
            "message": message,
            "values": values,
            # What is to be maximised reaches MAiNGO with its sign changed.
            "bound": job["sense"] * bound if abs(bound) < FINITE_LIMIT else None,
            "iterations": int(solver.get_iterations()),
        }
    )


def write(answer: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


if __name__ == "__main__":
    main()
