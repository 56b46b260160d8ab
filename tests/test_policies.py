"""The baselines of the field: what each promises, held against brute force and certified optima.

Certified bounds are those of values.json; convex rests of brute force are the exact method's, which
its own tests hold against other solvers.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.problem import Problem
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact import convex_rest
from eipyomo.solvers.policies import Network, trained
from eipyomo.solvers.policies.droo import own_network, quantised
from eipyomo.solvers.policies.equal import EqualShares
from eipyomo.solvers.policies.features import FEATURES, features
from eipyomo.solvers.policies.tried import Tried, decided
from eipyomo.studies.cell import Cell
from experiments import policies
from tests.conftest import VALUES, check, names_up_to, reference, slow_but
from tests.instances import altered, altered_user, hostile

M2, M4 = reference("letter-m2"), reference("letter-m4")
POLICIES = ("random", "equal", "greedy", "genetic", "droo")
PAGE = (Path(__file__).parents[1] / "docs" / "baselines.md").read_text(encoding="utf-8")

each_policy = pytest.mark.parametrize("method", POLICIES)


def cost(what: ei.Instance | Problem, method: str, **options: Any) -> float:
    """Return the cost that a method finds."""
    found = ei.solve(what, method, **options).value
    assert found is not None
    return found


def every(users: int, steps: int) -> list[tuple[list[bool], list[float]]]:
    """Return all decisions with ι on a grid of so many steps."""
    one = [(k < steps, k / steps) for k in range(steps + 1)]
    return [
        ([a for a, _ in some], [offload for _, offload in some])
        for some in itertools.product(one, repeat=users)
    ]


def rest(instance: ei.Instance, download: Any, offload: Any) -> float:
    """Return the least cost of decisions."""
    problem = Problem(instance)
    return ei.evaluate(problem, convex_rest(problem, download, offload).allocation).value


# --- laws of all ----------------------------------------------------------------------------------


@each_policy
@pytest.mark.parametrize("name", slow_but(names_up_to(12), "letter-m2", "mixed-m4"))
def test_no_policy_beats_a_certified_bound(method: str, name: str) -> None:
    """Its answer is feasible, converged, without a bound of its own, and not below values.json."""
    result = ei.solve(reference(name), method)
    check(reference(name), result)
    assert (result.termination, result.bound, result.gap) == ("converged", None, None)
    assert result.objective is not None
    assert result.objective >= VALUES[name]["bound"] * (1 - 1e-9)


@each_policy
def test_the_same_seed_gives_the_same_answer(method: str) -> None:
    """To the last bit."""
    one, other = (ei.solve(M4, method).allocation for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.to_dict() == other.to_dict()


@pytest.mark.parametrize("method", ["random", "greedy", "genetic", "droo"])
def test_where_nothing_keeps_the_limits_it_is_said(method: str) -> None:
    """A deadline of 1 s, at which not even the training is over: no allocation, and which limit."""
    late = M2.replace(users={user.name: {"deadline_s": 1.0} for user in M2.users})
    result = ei.solve(late, method)
    assert (result.termination, result.allocation) == ("limit", None)
    assert re.search(r"none of \d+ decisions keeps? the limits; .* deadline", result.message)


@pytest.mark.parametrize("method", ["greedy", "genetic"])
def test_limits_are_kept_where_they_can_be(method: str) -> None:
    """A deadline that binds at the certified optimum is kept, at no less than that costs."""
    late = M2.replace(users={user.name: {"deadline_s": 2.7} for user in M2.users})
    result = ei.solve(late, method)
    check(late, result)
    assert result.objective is not None
    assert result.objective >= cost(late, "exact") * (1 - 2e-6)


def test_equal_refuses_limits() -> None:
    """It plans no shares, so it can keep none."""
    late = M2.replace(users={M2.users[0].name: {"deadline_s": 2.7}})
    with pytest.raises(ei.InputError, match="method 'equal' does not handle deadlines of users"):
        ei.solve(late, "equal")


@each_policy
def test_a_restriction_without_an_allocation_is_infeasible(method: str) -> None:
    """A user that has to download, where nobody may."""
    always = M2.replace(users={M2.users[0].name: {"download": "always"}})
    result = ei.solve(always, method, problem="eco")
    assert result.termination == "infeasible"


@pytest.mark.parametrize("method", ["random", "equal", "greedy", "genetic"])
def test_a_limit_of_time_leaves_the_best_so_far(method: str) -> None:
    """The first decisions are tried in any case."""
    many: dict[str, Any] = {"samples": 10**9} if method == "random" else {}
    result = ei.solve(ei.Instance.letter(users=20), method, time_limit=1e-3, **many)
    check(ei.Instance.letter(users=20), result)
    assert result.termination == "limit"


def test_decisions_are_those_that_are_open() -> None:
    """Grid, bounds and fixed downloads hold for whatever is wished; ι = 1 is no download."""
    problem = Problem.of(M2, ei.Restriction(edge=[True, False], offload_max=[1.0, 0.3]))
    both = decided(problem, np.array([True, False]), np.array([1.0, 0.9]))
    assert (both.download.tolist(), both.offload_fraction.tolist()) == ([False, True], [1.0, 0.3])
    on_grid = decided(Problem.of(M2, "grid:0.5"), np.array([True, True]), np.array([0.2, 0.7]))
    assert on_grid.offload_fraction.tolist() == [0.0, 0.5]


# --- one by one -----------------------------------------------------------------------------------


def test_more_samples_are_never_worse() -> None:
    """Those of fewer are among them."""
    costs = [cost(M4, "random", samples=samples) for samples in (1, 2, 5, 20, 80)]
    assert costs == sorted(costs, reverse=True)
    assert len({cost(M4, "random", seed=seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("step", [1.0, 0.5])
@pytest.mark.parametrize("name", ["letter-m2", "mixed-m4"])
def test_greedy_ends_where_no_single_change_gains(name: str, step: float) -> None:
    """It is at most its start, and any other decision of one user costs no less."""
    instance = reference(name)
    result = ei.solve(instance, "greedy", step=step)
    assert result.objective is not None
    assert result.allocation is not None
    for begin, same in (("edge", "eco"), ("local", "lco")):
        assert cost(instance, "greedy", step=step, begin=begin) <= cost(instance, same) * (1 + 1e-9)
    download, offload = result.allocation.download, result.allocation.offload_fraction
    steps = round(1 / step)
    for j, k in itertools.product(range(len(download)), range(steps + 1)):
        other, part = download.copy(), offload.copy()
        other[j], part[j] = k < steps, k / steps
        assert rest(instance, other, part) >= result.objective * (1 - 2e-9)


@pytest.mark.parametrize("seed", slow_but(range(6), 0, 1))
def test_brute_force_is_not_beaten_on_its_grid(seed: int) -> None:
    """Of 3 users on ι = 0, 1/2, 1 greedy and genetic end at the least of all 27, or above it."""
    instance = ei.Instance.letter(users=3, seed=seed)
    least = min(rest(instance, *decisions) for decisions in every(3, 2))
    on_grid = Problem.of(instance, "grid:0.5")
    for method in ("random", "greedy", "genetic", "droo"):
        assert cost(on_grid, method) >= least * (1 - 1e-9)
    assert cost(on_grid, "genetic") == pytest.approx(least, rel=1e-9)
    assert cost(on_grid, "random", samples=5000) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("problem", slow_but(["joint", "gbe", "grid:0.25"], "joint"))
@pytest.mark.parametrize("seed", slow_but(range(8), 0, 6))
def test_equal_is_the_best_of_equal_shares(seed: int, problem: str) -> None:
    """No a, ι on a fine grid and f of two users cost less with the same rule for shares."""
    instance = hostile(seed, users=2)
    asked = Problem.of(instance, problem)
    found = cost(asked, "equal")
    steps = 4 if problem == "grid:0.25" else 16
    shares = [EqualShares(asked, downloads) for downloads in range(3)]
    most_hz = [user.max_frequency_hz for user in instance.users]
    costs = []
    for download, offload in every(2, steps):
        plan = shares[sum(download)].allocation(np.array(download), np.array(offload))
        fast = plan.frequency_hz * np.array([[1.0], [1.05], [0.95]])
        for frequency_hz in np.minimum(fast, most_hz):
            judged = ei.evaluate(asked, replace(plan, frequency_hz=frequency_hz))
            assert judged.feasible
            costs.append(judged.value)
    assert found <= min(costs) * (1 + 1e-9)
    if problem == "grid:0.25":
        assert found == pytest.approx(min(costs), rel=1e-9)


def test_more_generations_are_never_worse() -> None:
    """The fittest live on, and the first generations are the same."""
    costs = [cost(M4, "genetic", generations=generations) for generations in (1, 5, 20)]
    assert costs == sorted(costs, reverse=True)
    assert cost(M4, "genetic", seed=1, generations=1) != costs[0]


@pytest.mark.parametrize(
    ("method", "options", "sentence"),
    [
        ("random", {"seed": -1}, r"seed is -1, but must be a whole number >= 0 \(seed of"),
        ("random", {"samples": 0}, "samples is 0, but must be a whole number >= 1"),
        ("greedy", {"begin": "here"}, "begin is 'here', but must be one of: best, edge, local"),
        ("greedy", {"step": 0.3}, "step is 0.3, but must be 1/n for a whole number n"),
        ("genetic", {"population": 3}, "population is 3, but must be a whole number >= 4"),
        ("droo", {"network": "none.npz"}, "cannot read the network file"),
        ("droo", {"network": 5}, "network is 5, but must be a text or a path"),
    ],
)
def test_bad_requests(method: str, options: dict[str, Any], sentence: str) -> None:
    """One sentence names the option, the value and what is allowed."""
    with pytest.raises(ei.InputError, match=sentence):
        ei.solve(M2, method, **options)


@pytest.mark.parametrize(
    ("package", "extra", "what"),
    [
        ("pygad", "genetic", lambda: ei.solve(M2, "genetic")),
        ("sklearn.neural_network", "learned", lambda: trained([])),
    ],
)
def test_a_missing_package_is_named(
    package: str, extra: str, what: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ei.SolverError, match=rf"pip install 'eipyomo\[{extra}\]'$"):
        what()


# --- what is learned ------------------------------------------------------------------------------


def test_quantisation_keeps_the_order() -> None:
    """First 1/2 decides; then users whose values are nearest to 1/2 change sides, one by one.

    The example is that of section IV-B of the source: 0.2, 0.4, 0.7, 0.9.
    """
    found = [one.astype(int).tolist() for one in quantised(np.array([0.2, 0.4, 0.7, 0.9]), 4)]
    assert found == [[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]]
    draw = np.random.default_rng(0)
    for _ in range(50):
        relaxed = draw.random(7)
        for one in quantised(relaxed, 5):
            assert not one.any() or one.all() or relaxed[one].min() > relaxed[~one].max()


def test_features_have_no_unit_and_no_order() -> None:
    """Weights times 3 change none, and users in another order have theirs."""
    seen = features(M4.scaled)
    assert seen.shape == (4, FEATURES)
    heavy = tuple(
        altered_user(u, energy_weight=3 * u.energy_weight, latency_weight=3 * u.latency_weight)
        for u in M4.users
    )
    assert features(altered(M4, users=heavy).scaled) == pytest.approx(seen, rel=1e-12)
    turned = altered(M4, users=M4.users[::-1])
    assert features(turned.scaled) == pytest.approx(seen[::-1], rel=1e-9)


@pytest.mark.parametrize("users", [1, 2, 60])
def test_the_network_works_for_any_number_of_users(users: int) -> None:
    """The best of what is near its proposals is feasible."""
    instance = ei.Instance.letter(users=users)
    check(instance, ei.solve(instance, "droo"))


def test_more_candidates_are_never_worse() -> None:
    """On downloads alone, where the network offloads nothing in part."""
    problem = Problem.of(M4, "grid:1")
    costs = [cost(problem, "droo", candidates=candidates) for candidates in (1, 3, 5)]
    assert costs == sorted(costs, reverse=True)


@pytest.fixture(scope="module")
def taught() -> Network:
    """Return a small network, taught by certified optima of 80 channels of two users."""
    return trained(ei.Draw(users=2, seeds=(0, 80)).instances(), hidden=(8,), about="tiny")


def test_what_is_saved_decides_the_same(taught: Network, tmp_path: Path) -> None:
    """To the last bit, and the file says what it has learned from; nothing in it is a pickle."""
    file = tmp_path / "net.npz"
    taught.save(file)
    loaded = Network.load(file)
    assert loaded.about == "tiny"
    assert (loaded.propose(M4.scaled) == taught.propose(M4.scaled)).all()
    with np.load(file, allow_pickle=False) as arrays:
        assert str(arrays["schema"]) == "eipyomo/droo@1"
        assert {arrays[name].dtype.kind for name in arrays} == {"f", "U"}
    one, other = (ei.solve(M4, "droo", network=file).allocation for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.to_dict() == other.to_dict()


@pytest.mark.parametrize("labels", ["exact", "own"])
def test_training_repeats(labels: Any) -> None:
    """The same instances and seed make the same network, and another seed another one."""
    channels = list(ei.Draw(users=2, seeds=(0, 72)).instances())
    one, other, third = (
        trained(channels, labels=labels, seed=seed, hidden=(8,)) for seed in (0, 0, 1)
    )
    proposed = [network.propose(M4.scaled) for network in (one, other, third)]
    assert (proposed[0] == proposed[1]).all()
    assert (proposed[0] != proposed[2]).any()


def test_what_nothing_can_be_learned_from_is_refused() -> None:
    """Two instances are too few, and none may have limits."""
    wrong: Any = "mine"
    with pytest.raises(ei.InputError, match="instances are 2, but must be at least 64"):
        trained([M2, M2])
    with pytest.raises(ei.InputError, match="labels is 'mine', but must be one of: exact, own"):
        trained([M2], labels=wrong)
    late = M2.replace(users={M2.users[0].name: {"deadline_s": 9.0}})
    with pytest.raises(ei.InputError, match="training does not handle deadlines of users"):
        trained([late])


@pytest.mark.parametrize("content", ["text", "empty", "array", "foreign", "schema", "cut", "nan"])
def test_a_file_that_is_no_network_is_refused(
    content: str, taught: Network, tmp_path: Path
) -> None:
    """In one sentence that begins with its name."""
    file = tmp_path / "net.npz"
    taught.save(file)
    whole = file.read_bytes()
    with np.load(file) as arrays:
        parts = dict(arrays)
    if content == "array":
        with file.open("wb") as stream:
            np.save(stream, np.zeros(3))
    elif content in ("foreign", "schema", "nan"):
        parts |= {"schema": np.array("x")} if content == "schema" else {}
        parts |= {"mean": np.full(FEATURES, np.nan)} if content == "nan" else {}
        np.savez(file, **({"a": np.zeros(2)} if content == "foreign" else parts))
    else:
        file.write_bytes({"text": b"hello", "empty": b"", "cut": whole[:200]}[content])
    with pytest.raises(ei.InputError, match=r"net\.npz: .* but "):
        Network.load(file)


def test_another_network_is_another_cell(taught: Network, tmp_path: Path) -> None:
    """What was stored with a network is not taken once its file has changed."""
    file = tmp_path / "net.npz"
    taught.save(file)
    before = Cell(M2, "droo", {"network": str(file)}).key
    own_network().save(file)
    assert Cell(M2, "droo", {"network": str(file)}).key != before


def test_the_network_of_the_package_is_better_than_chance() -> None:
    """On 20 fresh channels of the letter it is nearer to the optimum than the best of 5 draws."""
    excess = {"droo": 0.0, "random": 0.0}
    for seed in range(100, 120):
        instance = ei.Instance.letter(seed=seed)
        best = cost(instance, "exact")
        excess["droo"] += cost(instance, "droo") / best - 1
        excess["random"] += cost(instance, "random", samples=5) / best - 1
    assert excess["droo"] < 0.2 * excess["random"]
    assert "training seed 0" in own_network().about


# --- the command line and the page ----------------------------------------------------------------


def test_the_command_line_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    """With their options, and the help has a section for each that has some."""
    file = str(Path(__file__).parent / "reference" / "instances" / "letter-m2.json")
    for words in (["random", "--samples", "3"], ["greedy", "--begin", "edge"], ["droo"]):
        assert main(["solve", file, "--json", "--method", *words]) == 0
        assert json.loads(capsys.readouterr().out)["method"] == words[0]
    assert main(["solve", "--help"]) == 0
    assert "Options of greedy" in capsys.readouterr().out


def test_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks run one after the other, and it names every baseline."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    there: dict[str, Any] = {}
    for block in blocks:
        exec(block, there)
    assert blocks
    assert all(f"`{name}`" in PAGE for name in (*POLICIES, "eco", "lco"))


@pytest.mark.slow
def test_the_experiment_sums_up_what_it_measures() -> None:
    """A row for each policy and number of users; the exact method is at the optimum."""
    measured = pd.DataFrame([row for users in (2, 3) for row in policies.rows(users, 0, 2)])
    found = policies.summed_up(measured).set_index(["users", "policy"])
    assert len(found) == 2 * len(policies.POLICIES)
    assert found[["infeasible", "failed"]].to_numpy().max() == 0
    assert found.xs("exact", level="policy")["worst"].max() <= 1e-6
    percentiles = found[[f"p{percent:02}" for percent in policies.PARTS]].to_numpy()
    assert (np.diff(percentiles, axis=1) >= 0.0).all()
    assert (percentiles[:, -1] == found["worst"]).all()


def test_tries_are_counted_once() -> None:
    """Decisions that were tried are not solved again, and the best is kept."""
    tried = Tried(Problem(M2), Clock(60.0))
    everybody = np.array([True, True])
    first = tried.of(everybody, np.array([0.0, 0.0]))
    assert tried.of(everybody, np.array([0.0, 0.0])) is first
    tried.of(~everybody, np.array([1.0, 1.0]))
    assert len(tried) == 2
    assert tried.merit.cost == pytest.approx(min(VALUES["letter-m2"][n] for n in ("eco", "lco")))
