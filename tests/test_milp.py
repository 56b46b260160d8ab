"""The piecewise linear relaxation: it loses no point, its bounds are bounds, and it says so.

Optima are the certified ones of values.json, or SCIP's where a model is changed; optima of small
linear models are found by enumeration in fractions.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.models.relaxation import Relaxation
from eipyomo.problem import Problem
from eipyomo.solvers.backends import BACKENDS
from eipyomo.solvers.backends.highs_worker import Model, Rows, safe_bound
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.milp.loop import MilpLoop
from eipyomo.solvers.milp.method import Milp, MilpOptions
from tests.allocations import random_allocation
from tests.conftest import REFERENCE, VALUES, reference, slow_but

if TYPE_CHECKING:
    from pathlib import Path

GAP = 1e-3


def spectral(name: str) -> Any:
    """Return the spectral model of a reference instance."""
    return ei.models.minlp(reference(name), "spectral")


def latest(model: Any) -> None:
    """Minimise the largest latency in place of WSEL, by a variable of one's own."""
    model.wsel.deactivate()
    model.last_s = pyo.Var(bounds=(0, None), initialize=5.0)
    model.last = pyo.Objective(expr=model.last_s)
    model.is_last = pyo.Constraint(
        model.users, rule={name: model.last_s >= model.user[name].latency_s for name in model.users}
    )


def deadline(model: Any, latency_s: float) -> None:
    """Add a deadline on every latency."""
    model.deadline = pyo.Constraint(
        model.users, rule={name: model.user[name].latency_s <= latency_s for name in model.users}
    )


def put_into_cells(relaxation: Relaxation) -> None:
    """Give the relaxation's cells the point that the model's own variables hold.

    Every user's point has to lie in a cell, which is then chosen.
    """
    for user in relaxation.users:
        values = [variable.value for variable in user.variables]
        chosen = next(
            cell
            for cell in user.cells
            if all(
                low - 1e-9 <= value <= high + 1e-9
                for value, (low, high) in zip(values, cell.box, strict=True)
            )
        )
        for placed in relaxation.placed:
            if placed.user is user:
                placed.chosen.set_value(int(placed.cell is chosen))
                for place, copy in placed.copies.items():
                    value = values[place] if placed.cell is chosen else 0.0
                    copy.set_value(value, skip_validation=True)


def assert_holds(relaxation: Relaxation, allocation: ei.Allocation) -> None:
    """Check that the relaxation allows an allocation, at the cost that evaluate() gives."""
    relaxation.build()
    ei.models.load(relaxation.model, allocation)
    put_into_cells(relaxation)
    row, violation = ei.models.largest_violation(relaxation.model)
    assert violation < 1e-9, row
    cost = ei.evaluate(ei.models.source_of(relaxation.model).instance, allocation).objective
    assert pyo.value(relaxation.model.wsel) == pytest.approx(cost)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(["letter-m2", "mixed-m4", "hostile-33"], "letter-m2"))
def test_it_allows_what_the_model_allows(name: str) -> None:
    """Random feasible allocations satisfy every row, at first and after each refinement.

    It is refined at points of its own boxes, which need not satisfy anything.
    """
    relaxation = Relaxation(spectral(name))
    draw = np.random.default_rng(7)
    for stage in range(3):
        for seed in range(4):
            assert_holds(relaxation, random_allocation(reference(name), 10 * stage + seed))
        for placed in relaxation.placed:
            placed.chosen.set_value(1)
            for place, copy in placed.copies.items():
                copy.set_value(draw.uniform(*placed.cell.box[place]), skip_validation=True)
        tangents, split = relaxation.learn(), relaxation.split()
        assert tangents > 0
        assert split > 0


def test_a_relaxed_point_is_cut_off_by_what_is_learnt() -> None:
    """After learn() and split(), a point that violated the model violates the relaxation."""
    relaxation = Relaxation(spectral("letter-m2"))
    relaxation.build()
    allocation = random_allocation(reference("letter-m2"), 3)
    ei.models.load(relaxation.model, allocation)
    put_into_cells(relaxation)
    for placed in relaxation.placed:  # uploads that take half of the time that they need
        place = placed.user.places[placed.user.block.upload_s]
        placed.copies[place].set_value(0.5 * placed.copies[place].value)
        placed.user.block.upload_s.set_value(0.5 * placed.user.block.upload_s.value)
    relaxation.learn()
    relaxation.build()
    put_into_cells(relaxation)
    assert ei.models.largest_violation(relaxation.model)[1] > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["letter-m2", "letter-m4", "hostile-12", "hostile-33"])
def test_it_proves_the_optimum(name: str) -> None:
    """The gap closes to 1e-3, with a bound below and a cost at values.json's optimum."""
    result = ei.solve(reference(name), "milp", gap=GAP)
    assert (result.termination, result.problem) == ("optimal", "joint")
    assert result.bound is not None
    assert result.objective is not None
    optimum = VALUES[name]["wsel"]
    assert result.bound <= optimum * (1 + 1e-9) <= result.objective * (1 + 1e-6)
    assert result.objective <= optimum * (1 + GAP)
    assert result.iterations == len(result.trace)
    bounds = [row["bound"] for row in result.trace]
    assert bounds == sorted(bounds)
    assert bounds[-1] == result.bound


@pytest.mark.slow
@pytest.mark.parametrize("restriction", ["eco", "lco"])
def test_fixed_decisions(restriction: str) -> None:
    """With a and ι fixed it proves what values.json has for ECO and LCO."""
    model = spectral("letter-m2")
    local = restriction == "lco"
    ei.models.fix(model, download=local, offload_fraction=0.0 if local else 1.0)
    result = ei.solve_model(model, "milp", gap=1e-4)
    optimum = VALUES["letter-m2"][restriction]
    assert result.termination == "optimal"
    assert result.objective == pytest.approx(optimum, rel=1e-4)
    assert result.bound is not None
    assert result.bound <= optimum * (1 + 1e-9)


@pytest.mark.slow
def test_a_training_round() -> None:
    """The convex problem of a round before the last is solved as `exact` solves it."""
    exact = ei.solve(reference("letter-m4"), "exact", round="training")
    result = ei.solve(reference("letter-m4"), "milp", round="training", gap=GAP)
    assert (result.termination, result.problem) == ("optimal", "training")
    assert exact.objective is not None
    assert result.bound is not None
    assert result.bound <= exact.objective * (1 + 1e-9)
    assert result.objective == pytest.approx(exact.objective, rel=GAP)


def agrees_with_scip(model: Any) -> ei.Result:
    """Check that neither's bound is above the other's cost; return the result of milp."""
    results = [ei.solve_model(model, solver, gap=GAP, time_limit=60) for solver in ("scip", "milp")]
    costs = [
        one.objective if one.model_objective is None else one.model_objective for one in results
    ]
    for one, other in ((results[0], costs[1]), (results[1], costs[0])):
        assert one.termination == "optimal"
        assert one.bound is not None
        assert other is not None
        assert one.bound <= other * (1 + 1e-6)
    assert costs[1] == pytest.approx(costs[0], rel=GAP)
    return results[1]


@pytest.mark.slow
def test_a_deadline() -> None:
    """A user's own rows hold in the answer, and count in the bound: it is above WSEL's optimum."""
    model = spectral("letter-m2")
    deadline(model, 2.56)
    result = agrees_with_scip(model)
    assert result.evaluation is not None
    assert (result.evaluation.breakdown.latency_s <= 2.56 * (1 + 1e-6)).all()
    assert result.bound is not None
    assert result.bound > VALUES["letter-m2"]["wsel"]


@pytest.mark.slow
def test_another_objective() -> None:
    """A variable and an objective of one's own: least largest latency."""
    model = spectral("letter-m2")
    latest(model)
    result = agrees_with_scip(model)
    assert result.evaluation is not None
    assert result.model_objective == pytest.approx(
        result.evaluation.breakdown.latency_s.max(), rel=1e-5
    )


@pytest.mark.slow
def test_a_product_of_ones_own() -> None:
    """A block may have one more product of two variables; here haste costs, and so does waiting."""
    model = spectral("letter-m2")
    user = model.user["eu1"]
    user.patience_s = pyo.Var(bounds=(0, 4), initialize=1.0)
    user.haste = pyo.Var(bounds=(0.1, 3), initialize=1.0)
    user.waits = pyo.Constraint(expr=user.patience_s * user.haste >= user.upload_s)
    user.late = pyo.Constraint(expr=user.latency_s >= 2.2 + user.patience_s)
    model.wsel.deactivate()
    model.hasty = pyo.Objective(expr=model.wsel.expr + 0.05 * user.haste)
    agrees_with_scip(model)


@pytest.mark.slow
def test_the_edges_frequency() -> None:
    """Where the edge's frequency is a decision its product is relaxed too; `exact` agrees."""
    data = reference("letter-m2").to_dict()
    data["server"]["total_frequency_hz"] = data["server"]["frequency_hz"]
    instance = ei.Instance.from_dict(data)
    exact, result = (ei.solve(instance, method, gap=2e-2) for method in ("exact", "milp"))
    assert result.termination == "optimal"
    for one, other in ((exact, result), (result, exact)):
        assert one.bound is not None
        assert other.objective is not None
        assert one.bound <= other.objective * (1 + 1e-9)


@pytest.mark.slow
def test_rows_on_decisions() -> None:
    """Downloads that a row forbids are never tried to the end, and the bound counts the row."""
    model = spectral("letter-m4")
    model.few = pyo.Constraint(expr=sum(model.user[name].download for name in model.users) <= 1)
    result = agrees_with_scip(model)
    assert result.allocation is not None
    assert result.allocation.download.sum() <= 1
    assert result.bound is not None
    assert result.bound > VALUES["letter-m4"]["wsel"]


@pytest.mark.parametrize("latency_s", slow_but([1.4, 2.55], 1.4))
def test_impossible_rows(latency_s: float) -> None:
    """A deadline that nothing meets is proven infeasible, also if the first relaxation meets it.

    The least largest latency is 2.5535 s, see `test_another_objective`.
    """
    model = spectral("letter-m2")
    deadline(model, latency_s)
    assert ei.solve_model(model, "milp").termination == "infeasible"


def test_impossible_decisions() -> None:
    """No download with a part of the task kept is covered by no cell."""
    model = spectral("letter-m2")
    ei.models.fix(model, download=0, offload_fraction=0.5)
    assert ei.solve_model(model, "milp").termination == "infeasible"


@pytest.mark.slow
def test_a_gap_that_rounding_forbids() -> None:
    """Asked for a gap of 1e-13 it stops by itself, and says that nothing is left to refine."""
    model = spectral("hostile-18")
    ei.models.fix(model, download=0, offload_fraction=1.0)
    result = ei.solve_model(model, "milp", gap=1e-13)
    assert result.termination == "limit"
    assert result.gap is not None
    assert result.gap < 1e-6


def squared(model: Any) -> None:
    """Add a square."""
    model.mine = pyo.Constraint(expr=model.sync_s**2 <= 9)


def cubed_inside(model: Any) -> None:
    """Add a cube to a user's block."""
    user = model.user["eu1"]
    user.mine = pyo.Constraint(expr=user.upload_s**3 <= 9)


def product_outside(model: Any) -> None:
    """Add a product where the cells do not see it."""
    model.mine = pyo.Constraint(expr=model.sync_s * model.user["eu1"].upload_s <= 9)


def squared_objective(model: Any) -> None:
    """Minimise a square."""
    model.wsel.deactivate()
    model.mine = pyo.Objective(expr=model.sync_s**2)


@pytest.mark.parametrize("change", [squared, cubed_inside, product_outside, squared_objective])
def test_what_is_not_linear_is_refused(change: Any) -> None:
    """A sentence names the row."""
    model = spectral("letter-m2")
    change(model)
    with pytest.raises(ei.InputError, match=r"mine' is not linear, but must be"):
        ei.solve_model(model, "milp")


def test_other_formulations_are_refused(letter: ei.Instance) -> None:
    """The relaxation is one of the spectral model."""
    with pytest.raises(ei.InputError, match="formulation is 'letter', but must be 'spectral'"):
        ei.solve_model(ei.models.minlp(letter), "milp")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit_s"), slow_but([("hostile-30", 1), ("letter-m12", 6)], ("hostile-30", 1))
)
def test_a_limit(name: str, limit_s: float) -> None:
    """Ended early, it keeps its point and a bound that holds, with 12 users in a few seconds.

    On a quiet machine both are there after a third of these limits, and the optimum is not proven
    to 1e-9 in a minute.
    """
    result = ei.solve(reference(name), "milp", gap=1e-9, time_limit=limit_s)
    optimum = VALUES[name]["wsel"]
    assert result.termination == "limit"
    assert "time is up" in result.message
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= optimum * (1 + 1e-9)
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-9)


@pytest.mark.slow
def test_the_same_trajectory() -> None:
    """Two runs take the same steps."""
    runs = [ei.solve(reference("hostile-12"), "milp", gap=GAP) for _ in range(2)]
    steps = [[{**row, "seconds": None} for row in run.trace] for run in runs]
    assert steps[0] == steps[1]
    assert runs[0].objective == runs[1].objective


@pytest.mark.slow
def test_a_start() -> None:
    """A start is the first incumbent, and the answer no worse."""
    instance = reference("letter-m2")
    start = ei.solve(instance, "lco").allocation
    assert start is not None
    result = ei.solve(instance, "milp", start=start, gap=GAP)
    cost = ei.evaluate(instance, start).objective
    assert result.start_objective == pytest.approx(cost, rel=1e-6)
    assert result.termination == "optimal"


@pytest.mark.parametrize("method", ["exact", "lco"])
def test_highs_accepts_an_allocation(method: str) -> None:
    """In the relaxation an allocation is a start that HiGHS itself calls feasible, at its cost."""
    instance = reference("letter-m2")
    start = ei.solve(instance, method).allocation
    assert start is not None
    relaxation = Relaxation(spectral("letter-m2"))
    assert_holds(relaxation, start)
    answer = BACKENDS["highs"].solve(relaxation.model, time_limit=20, gap=1e-4, start=True)
    assert answer.start_objective == pytest.approx(ei.evaluate(instance, start).objective, rel=1e-6)
    assert answer.bound is not None
    assert answer.bound <= VALUES["letter-m2"]["wsel"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["letter-m2", "hostile-33"])
def test_narrowing_keeps_what_is_cheap(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an incumbent 1e-3 above it, the certified optimum stays in the cells, round by round."""
    best = ei.solve(reference(name), "exact").allocation
    assert best is not None
    loop = MilpLoop(spectral(name), Clock(600), 1e-9)
    loop.best.cost = VALUES[name]["wsel"] * (1 + 1e-3)
    monkeypatch.setattr(loop.best, "polish", lambda *_: None)
    loop.tighten()
    for _ in range(4):
        loop.round()
        assert_holds(loop.relaxation, best)
        assert loop.bound <= VALUES[name]["wsel"] * (1 + 1e-9)
    loop.worker.close()


@pytest.mark.slow
def test_the_method_begins_at_a_start() -> None:
    """Its answer is no worse than a start, whose cost it tells; one that is late is refused."""
    instance = reference("letter-m2")
    start = ei.solve(instance, "exact").allocation
    assert start is not None
    cost = ei.evaluate(instance, start).objective
    options = MilpOptions(start=start, gap=GAP)
    claim = Milp().run(Problem(instance), options, Clock(60))
    assert claim.start_objective == pytest.approx(cost)
    assert claim.allocation is not None
    assert ei.evaluate(instance, claim.allocation).objective <= cost * (1 + 1e-9)
    late = replace(start, sync_s=0.5 * start.sync_s)
    with pytest.raises(ei.InputError, match="the start violates the model's constraint"):
        Milp().run(Problem(instance), options.replace(start=late), Clock(60))


@pytest.mark.slow
def test_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`eipyomo solve -m milp --gap 1e-3` answers with a bound, and its trace can be stored."""
    instance = str(REFERENCE / "instances" / "hostile-12.json")
    target = tmp_path / "result.json"
    arguments = ["solve", instance, "-m", "milp", "--gap", "1e-3", "-o", str(target), "--json"]
    assert main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["method"] == "milp"
    assert answer["bound"] <= VALUES["hostile-12"]["wsel"] <= answer["objective"] * (1 + 1e-6)
    assert answer == json.loads(target.read_text())


def small_program(seed: int) -> tuple[Any, Rows, Any, Any]:
    """Return cost, rows and box of a small program in whole numbers."""
    draw = np.random.default_rng(seed)
    matrix = draw.integers(-5, 6, size=(4, 6))
    row, column = (one.astype(np.int64) for one in np.nonzero(matrix))
    lower = np.array([-np.inf, -4.0, -np.inf, -6.0])
    upper = np.array([5.0, np.inf, 7.0, 6.0])
    rows = Rows(row, column, matrix[row, column].astype(float), lower, upper)
    return draw.integers(-9, 10, size=6).astype(float), rows, np.zeros(6), np.ones(6)


def cheapest_corner(cost: Any, rows: Rows) -> Fraction | None:
    """Return the least cost of a 0-1 point in the rows, in fractions."""
    best = None
    for point in itertools.product((Fraction(0), Fraction(1)), repeat=len(cost)):
        sums = [Fraction(0)] * len(rows.lower)
        for i, j, value in zip(rows.row, rows.column, rows.value, strict=True):
            sums[i] += Fraction(value) * point[j]
        if all(
            low <= one <= high for low, one, high in zip(rows.lower, sums, rows.upper, strict=True)
        ):
            total = sum(
                (Fraction(c) * x for c, x in zip(cost, point, strict=True)), start=Fraction(0)
            )
            best = total if best is None else min(best, total)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_any_multipliers_give_a_bound(seed: int) -> None:
    """safe_bound is below the cheapest corner, which the linear model has too, whatever y is."""
    cost, rows, lower, upper = small_program(seed)
    best = cheapest_corner(cost, rows)
    assert best is not None
    draw = np.random.default_rng(seed)
    for scale in (0.0, 1e-6, 1.0, 1e3):
        for _ in range(20):
            bound = safe_bound(cost, rows, lower, upper, scale * draw.normal(size=4))
            assert Fraction(bound) <= best


def program(cost: Any, rows: Rows, unit: Any, groups: list[list[int]]) -> dict[str, Any]:
    """Return a small 0-1 program as the worker takes it, column j measured in powers of two."""

    def sides(values: Any) -> list[float | None]:
        return [float(one) if math.isfinite(one) else None for one in values]

    return {
        "cost": [(j, float(c / unit[j])) for j, c in enumerate(cost) if c],
        "offset": 0.0,
        "entries": [
            rows.row.tolist(),
            rows.column.tolist(),
            (rows.value / unit[rows.column]).tolist(),
        ],
        "lower": sides(rows.lower),
        "upper": sides(rows.upper),
        "box": [(0.0, float(one)) for one in unit],
        "integral": list(range(len(cost))),
        "groups": groups,
    }


@pytest.mark.parametrize("seed", range(8))
def test_bounds_against_enumeration(seed: int) -> None:
    """Both bounds are below the exact optimum, and that of the tree is as close as asked."""
    cost, rows, _, _ = small_program(seed)
    best = cheapest_corner(cost, rows)
    assert best is not None
    model = Model(program(cost, rows, np.ones(6), []))
    job: dict[str, Any] = {"fix": [], "cost": None, "within": False, "point": True}
    relaxed = model.bound([job], None, math.inf)["answers"][0]
    assert Fraction(relaxed["bound"]) <= best
    solved = model.tree(1e-4, None, math.inf)
    assert Fraction(solved["bound"]) <= best
    assert solved["bound"] == pytest.approx(float(best), rel=2e-4, abs=1e-6)
    within = {**job, "within": True, "fix": [(0, 1.0)]}
    impossible = model.bound([within], float(best) - 100.0, math.inf)["answers"][0]
    assert impossible["bound"] == math.inf
