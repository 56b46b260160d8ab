"""Users with modes in Pyomo models: the exact method and general solvers say the same of them."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest

import eipyomo as ei
from eipyomo import models, modes
from tests.conftest import slow_but
from tests.test_modes import drawn, on_grid

FORMULATIONS = ["letter", "spectral", "grid"]
SHARED = 1.3
"""Deadlines are so many times the latencies of an optimum."""


def due(users: int = 3, count: int = 4) -> ei.Instance:
    """Return users with modes, and deadlines that leave them some room."""
    instance = drawn(0, users, count)
    found = ei.solve(instance)
    assert found.evaluation is not None
    seconds = found.evaluation.breakdown.latency_s
    limits = {
        user.name: {"deadline_s": SHARED * max(float(latency), 0.5)}
        for user, latency in zip(instance.users, seconds, strict=True)
    }
    return instance.replace(users=limits)


def half_with_modes() -> ei.Instance:
    """Return letter's users of whom one has modes."""
    instance = ei.Instance.letter(users=3, seed=1, bandwidth_mhz=15.0)
    rows = on_grid(instance, 4).modes
    assert rows is not None
    return instance.replace(modes={"m": rows["eu1"]}, users={"eu2": {"modes": "m"}})


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "gbe": (lambda: drawn(0, 3, 4), {"problem": "gbe"}),
    "band": (due, {"objective": "band"}),
    "slowest": (due, {"objective": "slowest"}),
    "edge budget": (lambda: due().replace(server={"total_frequency_hz": 3e9}), {}),
    "least edge": (
        lambda: due().replace(server={"total_frequency_hz": 3e9}),
        {"objective": "edge_frequency"},
    ),
    "not all have modes": (half_with_modes, {}),
    "participants": (lambda: drawn(3, 3, 4), {}),
    "negative latency": (lambda: drawn(5, 2, 3), {}),
}


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("seed", slow_but([0, 1, 3, 5], 0, 5))
def test_a_model_is_what_the_judge_says(seed: int, formulation: str) -> None:
    """The exact method's answer satisfies every row, costs the same, and is read back as it is."""
    instance = drawn(seed, 3, 4)
    found = ei.solve(instance)
    if found.allocation is None:
        assert found.termination == "infeasible"
        return
    model = models.minlp(instance, formulation)
    models.load(model, found.allocation)
    assert models.largest_violation(model)[1] <= 1e-9
    assert pyo.value(model.wsel) == pytest.approx(found.objective, rel=1e-12)
    again = models.allocation(model)
    assert again.mode == found.allocation.mode
    assert ei.evaluate(instance, again).objective == pytest.approx(found.objective, rel=1e-9)


@pytest.mark.parametrize(
    ("solver", "formulation"),
    slow_but(
        [("scip", "letter"), ("bonmin", "grid"), ("mindtpy", "grid"), ("milp", "spectral")],
        ("bonmin", "grid"),
        ("milp", "spectral"),
    ),
)
@pytest.mark.parametrize("seed", slow_but([3, 5, 6, 7], 7))
def test_general_solvers_agree(seed: int, solver: str, formulation: str) -> None:
    """Within the gaps, and nobody's point is below the exact bound; a stored table has more.

    Points may miss limits by the judge's tolerance, which is worth a little.
    """
    instance = drawn(seed)
    found = ei.solve(instance, gap=1e-7)
    method: dict[str, Any] = (
        {"method": "milp"} if solver == "milp" else {"method": "minlp", "solver": solver}
    )
    own: dict[str, Any] = {} if solver == "milp" else {"formulation": formulation}
    other = ei.solve(instance, gap=1e-5, time_limit=60, **method, **own)
    if found.termination == "infeasible":
        assert other.objective is None
        assert (other.termination == "infeasible") == (solver in ("scip", "milp"))
        return
    assert other.objective == pytest.approx(found.objective, rel=1e-4)
    assert found.bound is not None
    assert other.objective is not None
    assert other.objective >= found.bound * (1 - 1e-5)
    if solver in ("scip", "milp"):
        assert other.bound is not None
        assert found.objective is not None
        assert other.bound <= found.objective * (1 + 1e-9)
        assert other.bound >= found.objective * (1 - 1e-4)


@pytest.mark.parametrize(
    ("case", "method"),
    slow_but(
        [*itertools.product(CASES, ["milp"]), ("band", "scip"), ("edge budget", "bonmin")],
        ("participants", "milp"),
    ),
)
def test_objectives_and_budgets_agree(case: str, method: str) -> None:
    """All that the exact method knows of modes is in the models too, with the same optimum."""
    make, question = CASES[case]
    instance = make()
    found = ei.solve(instance, gap=1e-7, time_limit=30, **question)
    assert found.termination == "optimal"
    asked: dict[str, Any] = (
        {"method": "milp"} if method == "milp" else {"method": "minlp", "solver": method}
    )
    other = ei.solve(instance, gap=1e-4, time_limit=60, **asked, **question)
    assert other.feasible, other.message
    assert other.value == pytest.approx(found.value, rel=2e-4, abs=1e-9)
    if other.bound is not None:
        assert found.value is not None
        assert other.bound <= found.value * (1 + 1e-9)


def test_new_data_make_the_same_model() -> None:
    """A model that is given other amounts, times and penalties is the one that is built of them."""
    first, second = drawn(0, 2, 3), drawn(0, 2, 3)
    assert second.modes is not None
    rows = {
        name: [
            mode.replace(
                offload_bits=1.5 * (mode.offload_bits or 0.0),
                local_cycles=(mode.local_cycles or 0.0) * 10.0 ** (2 - k),
                penalty=(mode.penalty or 0.0) + 0.1 * k,
            )
            for k, mode in enumerate(own)
        ]
        for name, own in second.modes.items()
    }
    second = second.replace(modes=rows, bandwidth_hz=1.1 * second.bandwidth_hz)
    for formulation in FORMULATIONS:
        model = models.minlp(first, formulation)
        models.update(model, second)
        anew = models.minlp(second, formulation)
        for one, other in zip(
            model.component_data_objects(pyo.Param),
            anew.component_data_objects(pyo.Param),
            strict=True,
        ):
            assert one.name == other.name
            assert pyo.value(one) == pyo.value(other)
        for one, other in zip(
            model.component_data_objects(pyo.Var),
            anew.component_data_objects(pyo.Var),
            strict=True,
        ):
            assert one.bounds == pytest.approx(other.bounds)
        found = ei.solve(second)
        assert found.allocation is not None
        models.load(model, found.allocation)
        assert models.largest_violation(model)[1] <= 1e-9


def test_data_that_ask_for_other_rows_are_refused() -> None:
    """Other names of modes, amounts that become 0, another number of participants."""
    instance = drawn(0, 2, 3)
    model = models.minlp(instance)
    assert instance.modes is not None
    named = {n: [m.replace(name=m.name + "x") for m in own] for n, own in instance.modes.items()}
    none = {n: [m.replace(update_bits=0.0) for m in own] for n, own in instance.modes.items()}
    for rows in (named, none):
        with pytest.raises(ei.InputError, match="user 'eu1' have other names, other amounts"):
            models.update(model, instance.replace(modes=rows))
    with pytest.raises(ei.InputError, match="min_participants is 1 in the instance, but must be N"):
        models.update(model, instance.replace(min_participants=1))
    with pytest.raises(ei.InputError, match="a list of modes is in one of instance and model"):
        models.update(models.minlp(ei.Instance.letter(users=2)), instance)


def test_a_mode_is_fixed_by_its_name() -> None:
    """A model in which it is chosen has the optimum of the instance with that mode alone."""
    instance = drawn(0, 2, 3)
    assert instance.modes is not None
    rows = {**instance.modes, "eu1": [instance.modes["eu1"][2]]}
    alone = ei.solve(instance.replace(modes=rows))
    model = models.minlp(instance)
    models.fix(model, mode={"eu1": "m2"})
    found = ei.solve_model(model, "bonmin")
    assert found.objective == pytest.approx(alone.objective, rel=1e-6)
    assert found.allocation is not None
    assert found.allocation.mode is not None
    assert found.allocation.mode[0] == "m2"


def test_who_has_no_mode_or_no_such_mode_is_named() -> None:
    """Each in one sentence."""
    model = models.minlp(half_with_modes())
    with pytest.raises(ei.InputError, match="must name users with modes: eu2"):
        models.fix(model, mode={"eu1": "0/4"})
    with pytest.raises(ei.InputError, match="mode of user 'eu2' is 'x', but must be one of: 0/4, "):
        models.fix(model, mode={"eu2": "x"})
    with pytest.raises(ei.InputError, match="must name users with modes: eu2"):
        models.fix(model, mode={"eu2": "0/4", "eu1": "0/4"})
    assert not model.user["eu2"].in_mode["0/4"].fixed
    with pytest.raises(ei.InputError, match="mode is '0/4', but must be"):
        models.fix(model, mode="0/4")  # type: ignore[arg-type]
    with pytest.raises(ei.InputError, match="download is given, but user 'eu2' has modes"):
        models.fix(model, download=True)
    with pytest.raises(ei.InputError, match="all must have modes, or none"):
        models.minlp(half_with_modes(), "grid")


def test_a_row_of_ones_own_on_modes() -> None:
    """At most one user may download, in the model's own words: brute force gives the same."""
    instance = on_grid(ei.Instance.letter(users=2, seed=0, bandwidth_mhz=10.0), 2)
    model = models.minlp(instance, "grid")
    users = [model.user[name] for name in model.users]
    model.one_download = pyo.Constraint(expr=sum(user.download for user in users) <= 1)
    found = ei.solve_model(model, "bonmin")
    assert instance.modes is not None
    costs = []
    for name, rows in instance.modes.items():
        edge = [row for row in rows if row.name == "2/2"]
        one = ei.solve(instance.replace(modes={**instance.modes, name: edge}))
        assert one.objective is not None
        costs.append(one.objective)
    assert found.objective == pytest.approx(min(costs), rel=1e-5)


def test_models_with_modes_are_written_copied_and_read(tmp_path: Path) -> None:
    """As .nl and .gms with a manifest, by copy, and with names of users and modes that are odd."""
    layers = [("Schicht/1 [ü]", 1e9, 2e7), ("b", 1e9, 4e6), ("c", 1.2e9, 1e3)]
    cuts = modes.with_skip(modes.split(layers, input_bits=64e6), penalty=0.3)
    instance = ei.Instance.letter(users=2, seed=0).replace(
        modes={"net": cuts}, users={"eu1": {"modes": "net"}, "eu2": {"modes": "net"}}
    )
    model = copy.deepcopy(models.minlp(instance))
    for suffix in (".nl", ".gms"):
        files = models.export(model, tmp_path / f"m{suffix}")
        assert all(file.exists() for file in files)
    manifest = (tmp_path / "m.nl.manifest.json").read_text(encoding="utf-8")
    assert "Schicht/1 [ü]" in manifest
    assert "mode_update_mbit" in manifest
    assert ei.solve_model(model, "bonmin").feasible
