"""Ipopt through cyipopt, with exact derivatives from CasADi's reading of ``model.nl``; a script."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import casadi
import cyipopt
import numpy as np

VERSION = f"cyipopt {version('cyipopt')}"

STATUS = {
    0: "converged",
    1: "converged",
    -1: "limit",
    -4: "limit",
    -5: "limit",
    2: "infeasible",
    5: "limit",
}
NEARLY = 1e-3


class Problem:
    """Cost, rows and their exact derivatives, in the form that cyipopt calls."""

    def __init__(self, builder: Any) -> None:
        """Differentiate once."""
        x = casadi.vertcat(*builder.x)
        rows = casadi.vertcat(*builder.g)
        weight = casadi.MX.sym("weight")
        multipliers = casadi.MX.sym("multipliers", len(builder.g))
        lagrangian = weight * builder.f + casadi.dot(multipliers, rows)
        jacobian: Any = casadi.jacobian(rows, x)
        hessian: Any = casadi.tril(casadi.hessian(lagrangian, x)[0])
        self.cost = casadi.Function("cost", [x], [builder.f])
        self.slope = casadi.Function("slope", [x], [casadi.gradient(builder.f, x)])
        self.rows = casadi.Function("rows", [x], [rows])
        self.rows_slope = casadi.Function("rows_slope", [x], [jacobian])
        self.curvature = casadi.Function("curvature", [x, multipliers, weight], [hessian])
        self.places = [matrix.sparsity().get_triplet() for matrix in (jacobian, hessian)]

    def intermediate(self, _mode: int, iteration: int, cost: float, *_: float) -> bool:
        """Keep the cost of the first iterate."""
        if iteration == 0:
            self.first_cost = cost
        return True

    def objective(self, x: Any) -> float:
        """Return the cost."""
        return float(self.cost(x))

    def gradient(self, x: Any) -> Any:
        """Return the gradient of the cost."""
        return self.slope(x).full().ravel()

    def constraints(self, x: Any) -> Any:
        """Return the rows."""
        return self.rows(x).full().ravel()

    def jacobian(self, x: Any) -> Any:
        """Return the entries of the rows' Jacobian."""
        return np.array(self.rows_slope(x).nonzeros())

    def jacobianstructure(self) -> Any:
        """Return the places of these entries."""
        return tuple(map(np.array, self.places[0]))

    def hessian(self, x: Any, multipliers: Any, weight: float) -> Any:
        """Return the entries of the Lagrangian's Hessian, its lower triangle."""
        return np.array(self.curvature(x, multipliers, weight).nonzeros())

    def hessianstructure(self) -> Any:
        """Return the places of these entries."""
        return tuple(map(np.array, self.places[1]))


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    builder = casadi.NlpBuilder()
    builder.import_nl("model.nl")
    if any(builder.discrete):
        raise ValueError("the model has integer variables, which Ipopt does not take")
    problem = Problem(builder)
    solver = cyipopt.Problem(
        n=len(builder.x),
        m=len(builder.g),
        problem_obj=problem,
        lb=builder.x_lb,
        ub=builder.x_ub,
        cl=builder.g_lb,
        cu=builder.g_ub,
    )
    setup_s = time.monotonic() - job["started"]
    left_s = max(job["started"] + job["time_limit"] - time.monotonic(), 0.05)
    for key in job["time_names"]:
        try:
            solver.add_option(key, left_s)
        except TypeError:  # Ipopt before 3.14 counts the processor's time only
            solver.add_option("max_cpu_time", left_s)
    for key, value in job["options"].items():
        try:
            set_option(solver, key, value)
        except TypeError:
            write({"refused": [key, value, ""]})
            return
    x, info = solver.solve(np.array(builder.x_init))
    ipopt = ".".join(map(str, cyipopt.IPOPT_VERSION))
    status = STATUS.get(info["status"], "error")
    # Beside a claim that there is no point, the last iterate is one if it nearly keeps the rows.
    within = NEARLY if status == "infeasible" else np.inf
    kept = all(
        low - within * max(1.0, abs(low)) <= row <= high + within * max(1.0, abs(high))
        for low, row, high in zip(builder.g_lb, info["g"], builder.g_ub, strict=True)
    )
    answer = {
        "status": status,
        "message": info["status_msg"].decode(),
        "values": dict(enumerate(map(float, x))) if kept and np.isfinite(x).all() else None,
        # What is to be maximised reaches Ipopt with its sign changed.
        "start": None if job["start"] is None else job["sense"] * problem.first_cost,
        "setup_s": setup_s,
        "version": f"Ipopt {ipopt} ({VERSION})",
    }
    write(answer)


def set_option(solver: Any, key: str, value: Any) -> None:
    """Set an option; a whole number may stand for a real one."""
    try:
        solver.add_option(key, value)
    except TypeError:
        if not isinstance(value, int):
            raise
        solver.add_option(key, float(value))


def write(answer: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


if __name__ == "__main__":
    main()
