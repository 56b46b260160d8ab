"""Prove bounds of one mixed-integer linear model, with HiGHS as adviser; a script, run as a worker.

It reads one JSON document a line and answers each with one. ``{"load": program}`` takes a model in
numbers, see :meth:`eipyomo.models.relaxation.Relaxation.program`. ``{"bound": [job, ...],
"cutoff": number or null, "until": time}`` bounds costs over its linear relaxation: a job has
``"fix"``, pairs of a column and its value; ``"cost"``, pairs of a column and its coefficient, or
null for the model's own; ``"within"``, whether the model's own cost is at most the cutoff; and
``"point"``, whether values are wanted. ``{"tree": gap, ...}`` bounds the model's own cost over its
integral points, by branching.

HiGHS works within absolute tolerances, on a copy of the model that is scaled to ordinary numbers.
Nothing that it says is believed: its multipliers enter `safe_bound`, which computes with the model
as it was given and holds whatever they are, and its points say where to branch.
"""

from __future__ import annotations

import heapq
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Fixed = dict[int, tuple[float, float]]

ULP = float(np.finfo(float).eps)

TOLERANCE = 1e-9
"""What HiGHS is asked to keep, in its scaled model."""

TINY = 1e-12
"""Entries that HiGHS may drop from its scaled model; its default is 1e-9."""

HUGE = 1e15
"""Sides and ends that HiGHS would take for infinite are cut to this in its scaled model."""

INTEGRAL = 1e-6
"""How far a value may be from an integer and not be branched on."""

OPTIMAL = highspy.HighsModelStatus.kOptimal
INFEASIBLE = highspy.HighsModelStatus.kInfeasible


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


def safe_bound(
    cost: Column, rows: Rows, lower: Column, upper: Column, multipliers: Column
) -> float:
    """Return what no x in the rows and the box costs less than, whatever the multipliers are.

    cᵀx = yᵀAx + (c - Aᵀy)ᵀx, where yᵀAx ≥ lᵀy⁺ - uᵀy⁻ by the rows, and the rest is least in a
    corner of the box. A wrong multiplier only makes the bound lower, and so does what is taken
    off for rounding. The rest of a column without an end is computed in fractions, since its
    sign decides.
    """
    multipliers = np.where(np.isfinite(multipliers), multipliers, 0.0)
    y = np.where(multipliers > 0, multipliers, 0.0) * np.isfinite(rows.lower)
    y += np.where(multipliers < 0, multipliers, 0.0) * np.isfinite(rows.upper)
    rest = cost - rows.transposed(y, len(cost))
    largest = np.maximum(np.abs(lower), np.abs(upper))
    for j in np.flatnonzero(np.isinf(largest)):
        exact = exact_rest(cost, rows, y, int(j))
        end = lower[j] if exact > 0 else upper[j]
        if exact != 0 and not math.isfinite(end):
            return -math.inf
        rest[j], largest[j] = float(exact), abs(end) if exact != 0 else 0.0
    by_rows = product(y, np.where(y > 0, rows.lower, rows.upper))
    by_box = product(rest, np.where(rest > 0, lower, upper))
    through = product(np.abs(rows.value * y[rows.row]), largest[rows.column])
    size = np.abs(by_rows).sum() + np.abs(by_box).sum() + through.sum()
    size += product(np.abs(cost), largest).sum()
    operations = len(cost) + len(rows.value) + len(rows.lower)
    found = float(by_rows.sum() + by_box.sum() - ULP * operations * size)
    return found if math.isfinite(found) else -math.inf


def exact_rest(cost: Column, rows: Rows, y: Column, column: int) -> Fraction:
    """Return (c - Aᵀy) of one column without rounding."""
    total = Fraction(float(cost[column]))
    for k in np.flatnonzero((rows.column == column) & (y[rows.row] != 0.0)):
        total -= Fraction(float(rows.value[k])) * Fraction(float(y[rows.row[k]]))
    return total


def product(factor: Column, other: Column) -> Column:
    """Return factor · other, where 0 · inf is 0."""
    return np.multiply(factor, other, out=np.zeros_like(factor), where=factor != 0.0)


def powers_of_two(sizes: Column) -> Column:
    """Return the powers of two next to positive sizes, 1 where a size is 0 or infinite."""
    usable = np.isfinite(sizes) & (sizes > 0.0)
    exponent = np.round(np.log2(np.where(usable, sizes, 1.0)))
    return np.exp2(exponent).astype(np.float64)


def largest_by(index: NDArray[np.int64], sizes: Column, length: int) -> Column:
    """Return the largest of the sizes that have each index."""
    largest = np.zeros(length)
    np.maximum.at(largest, index, sizes)
    return largest


def ends(values: list[float | None], missing: float) -> Column:
    """Return a column in which None is infinite."""
    return np.array([missing if one is None else one for one in values], dtype=np.float64)


class Model:
    """A model as it was given, and HiGHS on a scaled copy.

    A column is measured in the largest value that it can have, a row in its largest entry, and a
    cost in its largest coefficient then: so all that HiGHS sees is of ordinary size.
    """

    def __init__(self, program: dict[str, Any]) -> None:
        self.lower = ends([low for low, _ in program["box"]], -math.inf)
        self.upper = ends([high for _, high in program["box"]], math.inf)
        self.columns = len(self.lower)
        self.cost = self.costs(program["cost"])
        self.offset = float(program["offset"])
        self.groups = [np.array(group, dtype=np.int64) for group in program["groups"]]
        grouped = {j for group in self.groups for j in group.tolist()}
        self.integral = [j for j in program["integral"] if j not in grouped]
        row, column, value = program["entries"]
        used = np.flatnonzero(self.cost)
        # Behind the model's own rows, one that limits its cost.
        last = len(program["lower"])
        self.rows = Rows(
            np.concatenate([np.array(row, dtype=np.int64), np.full(len(used), last)]),
            np.concatenate([np.array(column, dtype=np.int64), used]),
            np.concatenate([np.array(value, dtype=np.float64), self.cost[used]]),
            ends([*program["lower"], None], -math.inf),
            ends([*program["upper"], None], math.inf),
        )
        self.unit = powers_of_two(np.maximum(np.abs(self.lower), np.abs(self.upper)))
        entries = self.rows.value * self.unit[self.rows.column]
        self.row_unit = powers_of_two(largest_by(self.rows.row, np.abs(entries), last + 1))
        self.solver = quiet()
        self.solver.passModel(self.scaled(entries / self.row_unit[self.rows.row]))

    def scaled(self, entries: Column) -> Any:
        """Return the model with scaled entries as a HighsLp; its box and cost come with a job."""
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, len(self.rows.lower)
        lp.col_cost_ = np.zeros(self.columns)
        lp.col_lower_, lp.col_upper_ = np.zeros(self.columns), np.zeros(self.columns)
        lp.row_lower_ = shown(self.rows.lower / self.row_unit)
        lp.row_upper_ = shown(self.rows.upper / self.row_unit)
        order = np.argsort(self.rows.row, kind="stable")
        counts = np.bincount(self.rows.row, minlength=len(self.rows.lower))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        lp.a_matrix_.index_ = self.rows.column[order].astype(np.int32)
        lp.a_matrix_.value_ = entries[order]
        return lp

    def costs(self, pairs: list[tuple[int, float]]) -> Column:
        """Return the coefficients of a cost that is given by pairs."""
        cost = np.zeros(self.columns)
        for column, coefficient in pairs:
            cost[column] = coefficient
        return cost

    def bound(
        self, bound: list[dict[str, Any]], cutoff: float | None, until: float
    ) -> dict[str, Any]:
        """Answer jobs, with nothing for those that time does not suffice for."""
        answers: list[Any] = []
        for job in bound:
            if time.monotonic() >= until:
                break
            fixed = {column: (value, value) for column, value in job["fix"]}
            cost = None if job["cost"] is None else self.costs(job["cost"])
            limit = cutoff if job["within"] else None
            found, point = self.one_bound(fixed, until, cost=cost, cutoff=limit)
            values = None if point is None or not job["point"] else point.tolist()
            answers.append({"bound": found, "point": values})
        late = [{"bound": None, "point": None}] * (len(bound) - len(answers))
        return {"answers": answers + late}

    def one_bound(
        self,
        fixed: Fixed,
        until: float,
        *,
        cost: Column | None = None,
        cutoff: float | None = None,
    ) -> tuple[float | None, Column | None]:
        """Bound one cost over the linear relaxation in a part of the box.

        Returns
        -------
        bound, point
            inf where there is no point, None where nothing is proven; and HiGHS's point.
        """
        lower, upper = self.lower.copy(), self.upper.copy()
        for column, (low, high) in fixed.items():
            lower[column], upper[column] = low, high
        own = cost is None
        coefficients = self.cost if cost is None else cost
        limit = math.inf
        if cutoff is not None:
            limit = cutoff - self.offset + ULP * (abs(cutoff) + abs(self.offset))
        self.rows.upper[-1] = limit
        multipliers, point, impossible = self.advice(coefficients, lower, upper, until)
        found: float | None = None
        if impossible:
            nothing = np.zeros(self.columns)
            if any(
                safe_bound(nothing, self.rows, lower, upper, sign * multipliers) > 0
                for sign in (1.0, -1.0)
            ):
                found = math.inf
        elif point is not None:
            found = safe_bound(coefficients, self.rows, lower, upper, multipliers)
            if own:
                found += self.offset - ULP * (abs(found) + abs(self.offset))
        return (None if found == -math.inf else found), point

    def advice(
        self, cost: Column, lower: Column, upper: Column, until: float
    ) -> tuple[Column, Column | None, bool]:
        """Return HiGHS's multipliers, its point, and whether it finds that there is none.

        All are in the model's own units.
        """
        solver, everything = self.solver, np.arange(self.columns, dtype=np.int32)
        in_units = cost * self.unit
        scale = float(powers_of_two(np.array([np.abs(in_units).max(initial=0.0)]))[0])
        solver.changeColsCost(self.columns, everything, shown(in_units / scale))
        solver.changeColsBounds(
            self.columns, everything, shown(lower / self.unit), shown(upper / self.unit)
        )
        last = len(self.rows.lower) - 1
        limit = float(shown(self.rows.upper[-1:] / self.row_unit[-1:])[0])
        solver.changeRowBounds(last, -highspy.kHighsInf, limit)
        demand(solver, "time_limit", solver.getRunTime() + max(until - time.monotonic(), 0.0))
        solver.run()
        status = solver.getModelStatus()
        nothing = np.zeros(len(self.rows.lower))
        if status == OPTIMAL:
            solution = solver.getSolution()
            multipliers = np.array(solution.row_dual) * scale / self.row_unit
            return multipliers, np.array(solution.col_value) * self.unit, False
        if status == INFEASIBLE:
            _, exists, ray = solver.getDualRay()
            if exists:
                return np.array(ray) / self.row_unit, None, True
        return nothing, None, False

    def tree(self, tree: float, cutoff: float | None, until: float) -> dict[str, Any]:
        """Bound the cost of integral points by a branch and bound, to a relative gap.

        Every node is a part of the box; together they hold all integral points, so that the least
        of their bounds is one for the model. The node that bounds least is branched on, and its
        better half followed down to an integral point. Nothing above the cutoff is.

        Returns
        -------
        dict
            ``bound``, None for none; ``point``, the best integral one, or else the first;
            ``nodes``.
        """
        limit = math.inf if cutoff is None else cutoff
        number = count()
        nodes: list[tuple[float, int, Fixed]] = [(-math.inf, next(number), {})]
        leaves = best = math.inf
        point: Column | None = None
        solved = 0

        def is_enough(bound: float) -> bool:
            return bound >= min(limit, leaves) or best - bound <= tree * abs(best) < math.inf

        while nodes and not is_enough(nodes[0][0]) and time.monotonic() < until:
            bound, _, fixed = heapq.heappop(nodes)
            while True:
                found, here = self.one_bound(fixed, until)
                solved += 1
                bound = bound if found is None else max(bound, found)
                if found == math.inf:
                    break
                if here is None:  # not even an adviser, so it stays as it is
                    leaves = min(leaves, bound)
                    break
                halves = self.halves(here, fixed)
                if point is None:
                    point = here
                if halves is None:
                    leaves = min(leaves, bound)
                    cost = self.offset + float(self.cost @ here)
                    if cost < best:
                        best, point = cost, here
                    break
                better, worse = halves
                heapq.heappush(nodes, (bound, next(number), {**fixed, **worse}))
                fixed = {**fixed, **better}
                if is_enough(bound) or time.monotonic() >= until:
                    heapq.heappush(nodes, (bound, next(number), fixed))
                    break
        bound = min(leaves, nodes[0][0] if nodes else math.inf)
        return {
            "bound": None if bound == -math.inf else bound,
            "point": None if point is None else point.tolist(),
            "nodes": solved,
        }

    def halves(self, point: Column, fixed: Fixed) -> tuple[Fixed, Fixed] | None:
        """Return two parts that hold all integral points but not this one, None for an integral.

        A group is parted where its weight is halved; that of more weight comes first.
        """
        weights = [np.clip(point[group], 0.0, None) for group in self.groups]
        parts = [float(1.0 - one.max() / one.sum()) if one.any() else 0.0 for one in weights]
        place = int(np.argmax(parts)) if parts else 0
        if parts and parts[place] > INTEGRAL:
            group, weight = self.groups[place], np.cumsum(weights[place])
            half = 0.5 * float(weight[-1])
            at = int(np.argmin(np.abs(weight[:-1] - half))) + 1
            first: Fixed = dict.fromkeys(group[at:].tolist(), (0.0, 0.0))
            second: Fixed = dict.fromkeys(group[:at].tolist(), (0.0, 0.0))
            return (first, second) if weight[at - 1] > half else (second, first)
        for j in self.integral:
            value = float(point[j])
            below = math.floor(value)
            if min(value - below, below + 1 - value) > INTEGRAL:
                low, high = fixed.get(j, (self.lower[j], self.upper[j]))
                down: Fixed = {j: (low, float(below))}
                up: Fixed = {j: (float(below + 1), high)}
                return (down, up) if value - below < 0.5 else (up, down)
        return None


def shown(values: Column) -> Column:
    """Return finite values as HiGHS can take them, and infinite ones as they are."""
    return np.where(np.isfinite(values), np.clip(values, -HUGE, HUGE), values)


def quiet() -> Any:
    """Return a solver that prints nothing."""
    solver = highspy.Highs()
    for key, value in {
        "output_flag": False,
        "small_matrix_value": TINY,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }.items():
        demand(solver, key, value)
    return solver


def demand(solver: Any, key: str, value: Any) -> None:
    """Set an option; a refusal must not be overheard."""
    if solver.setOptionValue(key, value) != highspy.HighsStatus.kOk:
        raise ValueError(f"HiGHS refuses {value!r} for its option {key!r}")


def main() -> None:
    """Answer until the input ends."""
    # Whatever a native library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    model: Model | None = None
    for question in map(json.loads, sys.stdin):
        if "load" in question:
            model = Model(question["load"])
            answer: Any = {"columns": model.columns}
        else:
            assert model is not None
            answer = model.bound(**question) if "bound" in question else model.tree(**question)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
