"""Answer questions about one mixed-integer linear model with HiGHS; a script, run as a worker.

It reads one JSON document a line and answers each with one. ``{"load": text}`` reads a model in LP
format. ``{"bound": [job, ...], "cutoff": number or null, "until": time}`` bounds costs over its
linear relaxation: a job has ``"fix"``, values of columns; ``"cost"``, coefficients of columns, or
null for the model's own; ``"within"``, whether the model's own cost is at most the cutoff; and
``"point"``, whether values are wanted. ``{"solve": options}`` solves the model itself.

HiGHS works within tolerances, and its bounds may be off by what these allow. Those that are
answered here are not: see `safe_bound` for linear models, `proven` and `doubt` for the others.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

ULP = float(np.finfo(float).eps)

TOLERANCE = 1e-9
"""What a mixed-integer solve may violate; HiGHS asks a tenth of its linear models' duals."""

TINY = 1e-12
"""Entries that HiGHS may drop; its default is 1e-9."""

OPTIMAL = highspy.HighsModelStatus.kOptimal
INFEASIBLE = highspy.HighsModelStatus.kInfeasible
ENDED = (OPTIMAL, highspy.HighsModelStatus.kTimeLimit)
"""How a mixed-integer solve has to end for its bound to be believed."""


@dataclass(frozen=True)
class Rows:
    """The matrix A of a model by its entries, and the sides of l ≤ Ax ≤ u."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    value: Column
    lower: Column
    upper: Column

    def transposed(self, multipliers: Column, columns: int) -> Column:
        """Return yᵀA."""
        terms = self.value * multipliers[self.row]
        return np.bincount(self.column, terms, columns).astype(np.float64)


def rows_of(lp: Any) -> Rows:
    """Return the rows of a HighsLp."""
    matrix = lp.a_matrix_
    start, index = np.array(matrix.start_), np.array(matrix.index_, dtype=np.int64)
    outer = np.repeat(np.arange(len(start) - 1), np.diff(start))
    by_column = matrix.format_ == highspy.MatrixFormat.kColwise
    return Rows(
        row=index if by_column else outer,
        column=outer if by_column else index,
        value=np.array(matrix.value_),
        lower=np.array(lp.row_lower_),
        upper=np.array(lp.row_upper_),
    )


def safe_bound(
    cost: Column, rows: Rows, lower: Column, upper: Column, multipliers: Column
) -> float:
    """Return what no x in the rows and the box costs less than, whatever the multipliers are.

    cᵀx = yᵀAx + (c - Aᵀy)ᵀx, where yᵀAx ≥ lᵀy⁺ - uᵀy⁻ by the rows, and the rest is least in a
    corner of the box. A wrong multiplier only makes the bound lower, and so does what is taken
    off for rounding.
    """
    y = np.where(multipliers > 0, multipliers, 0.0) * np.isfinite(rows.lower)
    y += np.where(multipliers < 0, multipliers, 0.0) * np.isfinite(rows.upper)
    rest = cost - rows.transposed(y, len(cost))
    by_rows = product(y, np.where(y > 0, rows.lower, rows.upper))
    by_box = product(rest, np.where(rest > 0, lower, upper))
    largest = np.maximum(np.abs(lower), np.abs(upper))
    through = product(np.abs(rows.value * y[rows.row]), largest[rows.column])
    size = np.abs(by_rows).sum() + np.abs(by_box).sum() + through.sum()
    operations = len(cost) + len(rows.value) + len(rows.lower)
    return float(by_rows.sum() + by_box.sum() - ULP * operations * size)


def product(factor: Column, other: Column) -> Column:
    """Return factor · other, where 0 · inf is 0."""
    return np.multiply(factor, other, out=np.zeros_like(factor), where=factor != 0.0)


class Model:
    """A model that was read."""

    def __init__(self, text: str) -> None:
        Path("model.lp").write_text(text, encoding="utf-8")
        self.solver = quiet()
        self.solver.readModel("model.lp")
        lp = self.solver.getLp()
        self.names = list(lp.col_names_)
        self.place = {name: j for j, name in enumerate(self.names)}
        self.cost = np.array(lp.col_cost_)
        self.lower, self.upper = np.array(lp.col_lower_), np.array(lp.col_upper_)
        self.offset = lp.offset_
        self.own_rows = rows_of(lp)
        used = np.flatnonzero(self.cost)
        # Behind the model's own rows, one that limits its cost.
        self.solver.addRow(-highspy.kHighsInf, highspy.kHighsInf, len(used), used, self.cost[used])
        self.rows = rows_of(self.solver.getLp())
        for j in range(len(self.names)):
            self.solver.changeColIntegrality(j, highspy.HighsVarType.kContinuous)

    def bound(
        self, bound: list[dict[str, Any]], cutoff: float | None, until: float
    ) -> dict[str, Any]:
        """Answer jobs, with nothing for those that time does not suffice for."""
        answers: list[Any] = []
        for job in bound:
            if time.time() >= until:
                break
            left_s = max(until - time.time(), 0.0)
            demand(self.solver, "time_limit", self.solver.getRunTime() + left_s)
            answers.append(self.one_bound(cutoff=cutoff, **job))
        late = [{"bound": None, "point": None}] * (len(bound) - len(answers))
        return {"answers": answers + late}

    def one_bound(
        self,
        cutoff: float | None,
        fix: dict[str, float],
        cost: dict[str, float] | None,
        within: bool,
        point: bool,
    ) -> dict[str, Any]:
        """Bound one cost over the linear relaxation."""
        count = len(self.names)
        coefficients = self.cost
        if cost is not None:
            coefficients = np.zeros(count)
            for name, coefficient in cost.items():
                coefficients[self.place[name]] = coefficient
        lower, upper = self.lower.copy(), self.upper.copy()
        for name, value in fix.items():
            lower[self.place[name]] = upper[self.place[name]] = value
        everything = np.arange(count, dtype=np.int32)
        self.solver.changeColsCost(count, everything, coefficients)
        self.solver.changeColsBounds(count, everything, lower, upper)
        last = len(self.rows.lower) - 1
        self.rows.upper[last] = cutoff - self.offset if within and cutoff is not None else np.inf
        self.solver.changeRowBounds(last, -highspy.kHighsInf, self.rows.upper[last])
        self.solver.run()
        status = self.solver.getModelStatus()
        offset = self.offset if cost is None else 0.0
        found: float | None = None
        if status == OPTIMAL:
            solution = self.solver.getSolution()
            found = offset + safe_bound(
                coefficients, self.rows, lower, upper, np.array(solution.row_dual)
            )
        elif status == INFEASIBLE and self.is_impossible(lower, upper):
            found = math.inf
        values = None
        if point and status == OPTIMAL:
            values = dict(zip(self.names, solution.col_value, strict=True))
        return {"bound": found, "point": values}

    def is_impossible(self, lower: Column, upper: Column) -> bool:
        """Tell whether HiGHS's multipliers prove that there is no point: 0ᵀx > 0 in all of them."""
        _, exists, multipliers = self.solver.getDualRay()
        if not exists:
            return False
        ray = np.array(multipliers)
        nothing = np.zeros(len(lower))
        return any(
            safe_bound(nothing, self.rows, lower, upper, sign * ray) > 0 for sign in (1.0, -1.0)
        )

    def solve(self, options: dict[str, Any]) -> dict[str, Any]:
        """Solve the mixed-integer model; its bound is less what tolerances may have added."""
        solver = quiet()
        solver.readModel("model.lp")
        tolerances = dict.fromkeys(
            (
                "mip_feasibility_tolerance",
                "primal_feasibility_tolerance",
                "dual_feasibility_tolerance",
            ),
            TOLERANCE,
        )
        for key, value in {**tolerances, "mip_abs_gap": 0.0, **options}.items():
            demand(solver, key, value)
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        values = None
        if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            values = dict(zip(self.names, solver.getSolution().col_value, strict=True))
        bound = -math.inf
        if status == INFEASIBLE:
            bound = math.inf
        elif status in ENDED:
            cost = info.objective_function_value if values is not None else math.inf
            bound = proven(info.mip_dual_bound, cost, options["mip_rel_gap"])
            bound -= doubt(self.own_rows, self.lower, self.upper, TOLERANCE)
        return {
            "status": str(status),
            "bound": bound,
            "point": values,
            "nodes": info.mip_node_count,
            "version": f"HiGHS {version('highspy')}",
        }


def proven(bound: float, cost: float, gap: float) -> float:
    """Return what a branch and bound has proven, which drops nodes within the gap of its best cost.

    HiGHS reports that best cost as its bound when no node is left, so the gap is taken off.
    """
    return min(bound, cost - gap * abs(cost)) if math.isfinite(cost) else bound


def doubt(rows: Rows, lower: Column, upper: Column, tolerance: float) -> float:
    """Return by how much duals that are infeasible by `tolerance` can overstate a bound.

    A basic solution's cost is a bound but for those reduced costs and multipliers whose sign is
    wrong, each by at most the tolerance, and each then counts for the range of its column or row.
    """
    up = rows.value > 0
    least = product(rows.value, np.where(up, lower[rows.column], upper[rows.column]))
    most = product(rows.value, np.where(up, upper[rows.column], lower[rows.column]))
    ranges = np.bincount(rows.row, most - least, len(rows.lower))
    return tolerance * float((upper - lower).sum() + ranges.sum())


def quiet() -> Any:
    """Return a solver that prints nothing."""
    solver = highspy.Highs()
    demand(solver, "output_flag", False)
    demand(solver, "small_matrix_value", TINY)
    return solver


def demand(solver: Any, key: str, value: Any) -> None:
    """Set an option; what is answered here rests on it, so a refusal must not be overheard."""
    if solver.setOptionValue(key, value) != highspy.HighsStatus.kOk:
        raise ValueError(f"HiGHS refuses {value!r} for its option {key!r}")


def main() -> None:
    """Answer until the input ends."""
    # Whatever a native library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    model: Model | None = None
    for line in sys.stdin:
        question = json.loads(line)
        if "load" in question:
            model = Model(question["load"])
            answer: Any = {"columns": len(model.names)}
        elif "bound" in question:
            assert model is not None
            answer = model.bound(**question)
        else:
            assert model is not None
            answer = model.solve(question["solve"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
