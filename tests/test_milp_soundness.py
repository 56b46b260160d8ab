"""The piecewise linear relaxation at any scale, and on odd models: nothing that it claims is false.

Instances are those of tests/instances.py's `moved`, with optima that the exact method certifies.
Numbers that a proof rests on are checked in fractions, or with 60 digits.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.common.collections import ComponentMap
from pyomo.gdp import Disjunction

import eipyomo as ei
from eipyomo.models.relaxation import Relaxation
from eipyomo.models.relaxation.curves import transmission
from eipyomo.models.relaxation.rows import Row, amount, propagate, size, widened
from eipyomo.solvers.backends.highs_worker import Model, Rows, safe_bound
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference, slow_but
from tests.instances import altered, altered_user, moved

INFINITE = math.inf


def lettered(energy_weight: float, latency_weight: float, bandwidth_hz: float) -> ei.Instance:
    """Return the first two of three letter users with other weights and another band."""
    letter = ei.Instance.letter(users=3)
    weights = {"energy_weight": energy_weight, "latency_weight": latency_weight}
    users = tuple(altered_user(user, **weights) for user in letter.users[:2])
    return altered(letter, users=users, bandwidth_hz=bandwidth_hz)


def assert_sound(instance: ei.Instance, result: ei.Result) -> None:
    """Check bound, cost and status of a result against the certified optimum, to rounding."""
    exact = ei.solve(instance, "exact", gap=1e-7)
    assert exact.objective is not None
    assert exact.bound is not None
    assert result.termination in ("optimal", "limit"), result.message
    assert result.bound is not None
    assert result.bound <= exact.objective * (1 + 1e-6)
    assert result.objective is not None
    assert result.objective >= exact.bound * (1 - 1e-6)
    if result.termination == "optimal":
        assert result.objective <= exact.objective * (1 + 1.01e-2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("energy_weight", "latency_weight", "bandwidth_hz"),
    [
        (3.3e4, 2.7e-6, 170.0),
        (1e2, 0.1, 2e7),
        (1e7, 0.1, 2e7),
        (0.9, 1e-8, 2e7),
        (0.9, 1e-3, 2e7),
        (0.9, 0.1, 1.0),
        (0.9, 0.1, 1e3),
        (1e9, 1e-9, 1e12),
        (1e-9, 1e9, 1.0),
    ],
)
def test_weights_and_bands(
    energy_weight: float, latency_weight: float, bandwidth_hz: float
) -> None:
    """Far away from ordinary scales the bound is one, and nothing is called infeasible."""
    instance = lettered(energy_weight, latency_weight, bandwidth_hz)
    assert_sound(instance, ei.solve(instance, "milp", gap=1e-2, time_limit=4))


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_but(range(1, 60, 2), 37))
def test_moved_instances(seed: int) -> None:
    """So it is where sizes, gains, processors and times are moved by many orders, too."""
    instance = moved(seed)
    assert_sound(instance, ei.solve(instance, "milp", gap=1e-2, time_limit=2))


def deadline(model: Any, allocation: ei.Allocation) -> None:
    """Ask for a latency that an allocation has."""
    terms = ei.evaluate(ei.models.source_of(model).instance, allocation).breakdown
    model.mine = pyo.Constraint(
        expr=model.user["eu1"].latency_s <= 1.001 * float(terms.latency_s[0])
    )


def share(model: Any, allocation: ei.Allocation) -> None:
    """Ask for an uplink share that an allocation has."""
    model.mine = pyo.Constraint(
        expr=model.uplink_share["eu1"] >= 0.999 * float(allocation.uplink_share[0])
    )


def budget(model: Any, allocation: ei.Allocation) -> None:
    """Ask for an energy that an allocation has."""
    terms = ei.evaluate(ei.models.source_of(model).instance, allocation).breakdown
    energy_j = sum(model.user[name].energy_j for name in model.users)
    model.mine = pyo.Constraint(expr=energy_j <= 1.001 * float(terms.energy_j.sum()))


@pytest.mark.slow
@pytest.mark.parametrize("seed", slow_but([1, 9, 13, 33], 33))
@pytest.mark.parametrize("add", slow_but([deadline, share, budget], budget))
def test_rows_that_a_point_satisfies(seed: int, add: Any) -> None:
    """What a random allocation satisfies is not infeasible, and no bound is above its cost."""
    instance = moved(seed)
    allocation = random_allocation(instance, seed)
    model = ei.models.minlp(instance, "spectral")
    add(model, allocation)
    result = ei.solve_model(model, "milp", gap=1e-2, time_limit=2)
    assert result.termination in ("optimal", "limit"), result.message
    assert result.bound is not None
    assert result.bound <= ei.evaluate(instance, allocation).objective * (1 + 1e-6)


@pytest.mark.parametrize("seed", slow_but([1, 3, 5, 9, 11, 19, 41], 1, 11))
def test_no_point_is_lost_at_any_scale(seed: int) -> None:
    """Random allocations satisfy a cell's rows, to 1e-12 of the terms, after tightening too."""
    instance = moved(seed)
    for draw in range(4):
        allocation = random_allocation(instance, draw)
        model = ei.models.minlp(instance, "spectral")
        ei.models.load(model, allocation)
        relaxation = Relaxation(model)
        for cutoff in (INFINITE, ei.evaluate(instance, allocation).objective):
            assert relaxation.tighten(cutoff * (1 + 1e-12))
            for user in relaxation.users:
                values = [float(variable.value) for variable in user.variables]
                inside = [
                    cell
                    for cell in user.cells
                    if all(
                        low * (1 - 1e-12) <= value <= high * (1 + 1e-12)
                        for value, (low, high) in zip(values, cell.box, strict=True)
                    )
                ]
                assert inside
                for row in user.in_cell(inside[0]):
                    assert amount(row, values) <= 1e-12 * size(row, values), row


@pytest.mark.parametrize("snr", [1e-8, 1e-3, 1.0, 190.0, 1e6, 1e14])
def test_tangents_are_below_their_curves(snr: float) -> None:
    """With 60 digits, b = g/(e^u - 1) and τ = c(e^u - 1)/u are above every widened tangent."""
    model = pyo.ConcreteModel()
    low, high = math.log1p(snr), math.log1p(1e9 * snr)
    model.nats, model.share = pyo.Var(bounds=(low, high)), pyo.Var(bounds=(1e-9, 1))
    model.seconds = pyo.Var(bounds=(0, 1e12))
    draw = np.random.default_rng(3)
    places = ComponentMap()
    with localcontext() as context:
        context.prec = 60
        for at in np.exp(draw.uniform(math.log(low), math.log(high), 30)):
            for row in transmission(
                float(at),
                nats=model.nats,
                snr=snr,
                load_s=1.0,
                share=model.share,
                seconds=model.seconds,
                places=places,
            ):
                box = [(float(one.lb), float(one.ub)) for one in places]
                place = places[model.nats]
                nats = float(np.exp(draw.uniform(math.log(low), math.log(high))))
                for u in (Decimal(float(at)), Decimal(nats)):
                    grown = u.exp() - 1
                    truth = {
                        places[model.share]: Decimal(snr) / grown,
                        places[model.seconds]: grown / u,
                        place: u,
                    }
                    wide = widened(row, box)
                    total = sum(Decimal(c) * truth[k] for k, c in wide.terms)
                    assert wide.lower is not None
                    assert total >= Decimal(wide.lower)


def random_rows(seed: int) -> tuple[list[Row], list[float]]:
    """Return rows of very unlike scales, and a point that satisfies them."""
    draw = np.random.default_rng(seed)
    point = np.exp(draw.uniform(-25, 25, 5))
    rows = []
    for _ in range(12):
        chosen = draw.permutation(5)[:3]
        signs = draw.choice([-1.0, 1.0], 3)
        terms = [
            (int(j), float(s * math.exp(draw.uniform(-25, 25))))
            for j, s in zip(chosen, signs, strict=True)
        ]
        total = sum((Fraction(c) * Fraction(float(point[j])) for j, c in terms), start=Fraction(0))
        room = Fraction(float(draw.choice([0.0, 1e-6, 1.0]))) * abs(total)
        side = float(total + room)
        while Fraction(side) < total:
            side = math.nextafter(side, INFINITE)
        rows.append(Row("", tuple(terms), None, side))
    return rows, [float(one) for one in point]


@pytest.mark.parametrize("seed", range(20))
def test_propagation_keeps_what_rows_allow(seed: int) -> None:
    """Boxes drawn from rows of scales from 1e-22 to 1e22 hold a point that satisfies them."""
    rows, point = random_rows(seed)
    box = [(0.0, one * 10.0) for one in point]
    assert propagate(rows, box, set())
    assert all(low <= one <= high for one, (low, high) in zip(point, box, strict=True))


def test_propagation_of_integers_and_of_nothing() -> None:
    """Ends become integral, what no integer satisfies is empty, and so is 0 ≥ 1."""
    box = [(-INFINITE, INFINITE)]
    assert propagate([Row("", ((0, 2.0),), -3.0, 7.0)], box, {0})
    assert box == [(-1, 3)]
    assert not propagate([Row("", ((0, 2.0),), 3.0, 3.0)], [(0.0, 9.0)], {0})
    assert not propagate([Row("", (), 1.0, None)], [(0.0, 9.0)], set())


@pytest.mark.parametrize("seed", range(8))
def test_any_multipliers_on_columns_without_ends(seed: int) -> None:
    """Where a column has no end, safe_bound is a bound or -inf; exact multipliers are a bound.

    min x + y with x + s ≥ 2, y - s ≥ -1 and s free is 1, if x, y ≥ 0 have no upper end.
    """
    unit = 2.0 ** np.array([0, 30, -30])
    rows = Rows(
        np.array([0, 0, 1, 1]),
        np.array([0, 2, 1, 2]),
        np.array([1.0, 1.0, 1.0, -1.0]) * unit[[0, 2, 1, 2]],
        np.array([2.0, -1.0]),
        np.array([INFINITE, INFINITE]),
    )
    cost = np.array([1.0, 1.0, 0.0]) * unit
    lower = np.array([0.0, 0.0, -INFINITE])
    upper = np.full(3, INFINITE)
    draw = np.random.default_rng(seed)
    for _ in range(20):
        assert safe_bound(cost, rows, lower, upper, draw.normal(size=2)) <= 1.0
    assert safe_bound(cost, rows, lower, upper, np.array([1.0, 1.0])) == pytest.approx(1.0)
    assert safe_bound(cost, rows, lower, upper, np.array([1.0, 1.0 + 1e-15])) == -INFINITE
    assert safe_bound(cost, rows, lower, upper, np.array([math.nan, INFINITE])) <= 1.0


@pytest.mark.parametrize("seed", range(8))
def test_the_tree_in_odd_units(seed: int) -> None:
    """A choice among points, in columns of 1e-12 to 1e12, costs what enumeration says.

    Of each of two groups of four one is chosen; what they use, and cost, is theirs.
    """
    draw = np.random.default_rng(seed)
    uses, costs = draw.integers(1, 20, 8), draw.integers(1, 50, 8)
    unit = 2.0 ** draw.integers(-40, 40)
    scale = 2.0 ** draw.integers(-40, 40)
    entries = [(0, j, 1.0) for j in range(4)] + [(1, j, 1.0) for j in range(4, 8)]
    entries += [(2, j, float(uses[j])) for j in range(8)] + [(2, 8, -unit)]
    model = Model(
        {
            "cost": [(j, float(scale * costs[j])) for j in range(8)],
            "offset": 0.0,
            "entries": [list(one) for one in zip(*entries, strict=True)],
            "lower": [1.0, 1.0, 0.0],
            "upper": [1.0, 1.0, 0.0],
            "box": [[0.0, 1.0]] * 8 + [[0.0, 17.0 / unit]],
            "integral": list(range(8)),
            "groups": [[0, 1, 2, 3], [4, 5, 6, 7]],
        }
    )
    allowed = [
        scale * float(costs[i] + costs[j])
        for i in range(4)
        for j in range(4, 8)
        if uses[i] + uses[j] <= 17
    ]
    answer = model.tree(1e-6, None, INFINITE)
    if not allowed:
        assert answer["bound"] == INFINITE
        return
    assert answer["bound"] <= min(allowed)
    assert answer["bound"] == pytest.approx(min(allowed), rel=1e-5)
    stopped = model.tree(1e-6, None, 0.0)
    assert stopped["bound"] is None


def changed(change: Any) -> ei.Result:
    """Return what milp says of a model of two users that was changed."""
    model = ei.models.minlp(reference("letter-m2"), "spectral")
    change(model)
    return ei.solve_model(model, "milp", gap=1e-2, time_limit=10)


def replace(model: Any, expression: Any) -> None:
    """Minimise something else."""
    model.wsel.deactivate()
    model.mine = pyo.Objective(expr=expression)


def constant(model: Any) -> None:
    """Minimise a constant."""
    replace(model, 3.0)


def zero(model: Any) -> None:
    """Minimise nothing."""
    replace(model, 0)


def free(model: Any) -> None:
    """Add a variable without value or bounds, which has to follow a latency."""
    model.late_s = pyo.Var()
    model.follows = pyo.Constraint(expr=model.late_s >= model.user["eu1"].latency_s)
    replace(model, model.wsel.expr + 0.1 * model.late_s)


def whole(model: Any) -> None:
    """Add an integer without bounds, and pay for it."""
    model.slots = pyo.Var(domain=pyo.Integers)
    model.holds = pyo.Constraint(expr=model.slots >= 3 * model.user["eu1"].latency_s)
    replace(model, model.wsel.expr + 0.1 * model.slots)


def unused(model: Any) -> None:
    """Add variables that nothing uses."""
    model.number, model.amount = pyo.Var(domain=pyo.Integers), pyo.Var()


def far(model: Any) -> None:
    """Add rows with extreme coefficients and sides, which hold."""
    model.huge = pyo.Constraint(expr=1e25 * model.sync_s <= 1e26)
    model.tiny = pyo.Constraint(expr=1e-30 * model.sync_s >= 1e-31)
    model.side = pyo.Constraint(expr=model.sync_s <= 1e30)


def named(model: Any) -> None:
    """Use names that the relaxation might like to have."""
    model.cells = pyo.Var(bounds=(0, 1))
    model.cutoff = pyo.Param(initialize=4.0, mutable=True)
    model.within_cutoff = pyo.Constraint(expr=model.sync_s <= model.cutoff)
    model.rows = pyo.Constraint(expr=10 * model.cells >= model.sync_s)
    model.program = pyo.Block()
    model.program.chosen = pyo.Var(domain=pyo.Binary)
    model.user["eu1"].cells = pyo.Var(bounds=(0, 1))
    model.user["eu1"].chosen = pyo.Constraint(
        expr=100 * model.user["eu1"].cells >= model.user["eu1"].upload_s
    )


def without_tangents(model: Any) -> None:
    """Delete tangents, which only follow from other rows."""
    model.user["eu1"].del_component("uplink_tangents")


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", slow_but([constant, zero, free, whole, unused, far, named, without_tangents], zero)
)
def test_odd_models(change: Any) -> None:
    """An odd model has an answer, with a bound at most its cost and a cost that is no better."""
    result = changed(change)
    assert result.termination in ("optimal", "limit"), result.message
    cost = result.objective if result.model_objective is None else result.model_objective
    assert cost is not None
    assert result.bound is not None
    assert result.bound <= cost
    if result.model_objective is None:
        assert result.bound <= VALUES["letter-m2"]["wsel"] * (1 + 1e-9)


def fixed_at_none(model: Any) -> None:
    """Fix a variable without a value."""
    model.user["eu1"].offload_fraction.fix(None)


def ordered_set(model: Any) -> None:
    """Add a set of variables of which one may be used."""
    model.parts = pyo.Var([1, 2, 3], bounds=(0, 1))
    model.one = pyo.SOSConstraint(var=model.parts, sos=1)


def either(model: Any) -> None:
    """Add a disjunction."""
    model.either = Disjunction(expr=[[model.sync_s <= 2], [model.sync_s >= 3]])


def not_a_number(model: Any) -> None:
    """Add a row with NaN in it."""
    model.data = pyo.Param(initialize=math.nan, mutable=True, within=pyo.Any)
    model.mine = pyo.Constraint(expr=model.data * model.sync_s <= 1)


def infinite(model: Any) -> None:
    """Add a row with an infinite coefficient."""
    model.mine = pyo.Constraint(expr=math.inf * model.sync_s <= 1)


def holes(model: Any) -> None:
    """Add a variable whose domain has holes."""
    model.level = pyo.Var(domain=pyo.Set(initialize=[1, 3, 7]))


def boundless(model: Any) -> None:
    """Take away a bound that a product needs."""
    model.user["eu1"].upload_s.setub(None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (fixed_at_none, r"'user\[eu1\].offload_fraction' is fixed at None, but must be"),
        (ordered_set, "'one' is a SOSConstraint, but"),
        (either, "is a Disjunct"),
        (not_a_number, "'mine' holds the number nan, but all must be finite"),
        (infinite, "'mine' holds the number inf, but all must be finite"),
        (holes, "the variable 'level' lies in {1, 3, 7}, but"),
        (boundless, "but must be for a piecewise linear relaxation"),
    ],
)
def test_models_that_are_refused(change: Any, words: str) -> None:
    """What has no relaxation is refused in a sentence that names it."""
    with pytest.raises(ei.InputError, match=words):
        changed(change)


def late(model: Any) -> None:
    """Ask for a sync time beyond anything."""
    model.mine = pyo.Constraint(expr=model.sync_s >= 1e30)


def halved(model: Any) -> None:
    """Ask for an integer that is a half."""
    model.number = pyo.Var(domain=pyo.Integers)
    model.mine = pyo.Constraint(expr=2 * model.number == 3)


def crowded(model: Any) -> None:
    """Ask for shares that do not fit into the band."""
    model.mine = pyo.Constraint(model.users, rule=lambda m, name: m.uplink_share[name] >= 0.6)


def false(model: Any) -> None:
    """Ask for what does not depend on anything."""
    model.number = pyo.Var()
    model.number.fix(3)
    model.mine = pyo.Constraint(expr=model.number <= 2)


@pytest.mark.parametrize("change", slow_but([late, halved, crowded, false], late))
def test_what_is_impossible_is_proven_so(change: Any) -> None:
    """Without an incumbent, what the rows exclude is infeasible."""
    result = changed(change)
    assert (result.termination, result.objective, result.bound) == ("infeasible", None, None)


@pytest.mark.slow
def test_what_cannot_be_decided_is_a_limit() -> None:
    """That 2 n + 4 k = 3 has no integers no branching finds: a limit, and no claim."""

    def parity(model: Any) -> None:
        model.n, model.k = pyo.Var(domain=pyo.Integers), pyo.Var(domain=pyo.Integers)
        model.mine = pyo.Constraint(expr=2 * model.n + 4 * model.k == 3)

    result = changed(parity)
    assert result.termination == "limit"
    assert result.objective is None


@pytest.mark.slow
def test_bounds_and_fixings_count() -> None:
    """A bound, and a fixed value, that a user has put on a share hold in what is proven.

    With at most 0.05 of the band for its uplink WSEL is 1.503, as SCIP says too.
    """
    for change in (
        lambda model: model.uplink_share["eu1"].setub(0.05),
        lambda model: model.uplink_share["eu1"].fix(0.05),
    ):
        result = changed(change)
        assert result.bound is not None
        assert 1.48 < result.bound < 1.503
        assert result.objective is not None
        assert result.objective > 1.5029


def test_a_start_that_a_bound_excludes_counts_for_nothing() -> None:
    """A start outside of a variable's bounds is no incumbent: nothing below 1.503 is claimed."""
    instance = reference("letter-m2")
    best = ei.solve(instance, "exact").allocation
    model = ei.models.minlp(instance, "spectral")
    model.uplink_share["eu1"].setub(0.05)
    try:
        result = ei.solve_model(model, "milp", gap=1e-2, time_limit=10, start=best)
    except ei.InputError:
        return
    assert result.termination != "optimal" or (result.objective or 0.0) > 1.5029
