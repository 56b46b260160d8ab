"""Certificates to test with: of limits, of infeasibility, and made over for other objectives."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest

import eipyomo as ei
from eipyomo import modes
from eipyomo.problem import Problem
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from tests.conftest import reference
from tests.independent_checker import check

Document = dict[str, Any]


class Case(NamedTuple):
    """An instance with a certificate, and the largest bound that is true (inf: infeasible)."""

    instance: ei.Instance
    document: Document
    truth: float


def written(instance: ei.Instance, problem: str = "joint", **options: Any) -> Document:
    """Return a certificate as it would be read from its file."""
    return solved(instance, problem, **options).document


def solved(
    instance: ei.Instance, problem: str = "joint", objective: str = "wsel", **options: Any
) -> Case:
    """Return a case of the exact method."""
    outcome = solve_exact(Problem.of(instance, problem, objective=objective), **options)
    document: Document = json.loads(json.dumps(outcome.certificate()))
    return Case(instance, document, math.inf if outcome.objective is None else outcome.objective)


class Proven(NamedTuple):
    """The optimum, infinite without a feasible point, and what its proof may be called."""

    cost: float
    names: set[str]


def proven(problem: Problem, gap: float = 1e-7) -> Proven:
    """Return the optimum of the exact method; both checkers prove it of its certificate."""
    found = solve_exact(problem, gap=gap)
    document = json.loads(json.dumps(found.certificate()))
    checked = verify(problem.instance, document)
    assert checked.doubt is None, checked.doubt
    second = check(json.loads(json.dumps(problem.instance.to_dict())), document)
    assert second.bound == pytest.approx(checked.bound, rel=1e-9)
    assert checked.problem in second.names
    if found.status == "infeasible":
        assert checked.infeasible
        return Proven(math.inf, second.names)
    assert found.status == "optimal", found.message
    assert found.allocation is not None
    assert found.objective is not None
    judged = ei.evaluate(problem, found.allocation)
    assert judged.feasible, judged.violations
    assert judged.value == pytest.approx(found.objective, rel=1e-12)
    assert found.bound <= found.objective
    assert checked.bound == pytest.approx(found.objective, rel=2.0 * gap)
    return Proven(found.objective, second.names)


def one_mode_each(instance: ei.Instance) -> Iterator[ei.Instance]:
    """Iterate over what all combinations of modes leave: one mode for each list."""
    assert instance.modes is not None
    for rows in itertools.product(*instance.modes.values()):
        lists = {name: [row] for name, row in zip(instance.modes, rows, strict=True)}
        yield instance.replace(modes=lists)


def proofs(node: Document) -> Iterator[tuple[Document, Document]]:
    """Iterate over the leaves of a tree, each with its proof."""
    if "proof" in node:
        yield node, node["proof"]
    sides = [node["branch"]["low"], node["branch"]["high"]] if "branch" in node else []
    for child in [*node.get("parts", []), *sides]:
        yield from proofs(child)


def leaf(document: Document) -> Document:
    """Return the first proof."""
    return next(proofs(document["tree"]))[1]


def by_hand(
    instance: ei.Instance, prices: list[float], edge: list[float], **other: Any
) -> Document:
    """Return a certificate of one endless ray, in which all users have the same multipliers."""
    row = {"edge": edge, "local": [[0.0, 1.0, 0.0, *edge]]}
    proof = {"ray": True, "prices": prices, "users": [row] * len(instance.users)}
    everything = {"edge": True, "local": True, "offload_min": 0.0, "offload_max": 1.0}
    document = {
        "schema": "eipyomo/certificate@2",
        "instance": instance.digest(),
        "problem": "joint",
        "round": "inference",
        "objective": "wsel",
        "claim": "infeasible",
        "bound": None,
        "split_band": False,
        "grid": 0,
        "domains": [everything] * len(instance.users),
        "tree": {"first_s": 0.0, "last_s": None, "proof": proof},
    }
    copied: Document = json.loads(json.dumps(document | other))
    return copied


def each(instance: ei.Instance, **limits: Any) -> ei.Instance:
    """Return the instance with the same limits for every user."""
    return instance.replace(users={user.name: limits for user in instance.users})


M4 = reference("letter-m4")


def _with_zero_prices() -> Case:
    """Return a bound of the letter's instance that holds with totals too, which cost nothing."""
    plain = written(M4)
    instance = M4.replace(total_energy_budget_j=2.5, total_latency_budget_s=24.0)
    for _, proof in proofs(plain["tree"]):
        proof["prices"] += [0.0, 0.0]
    best = ei.solve(M4).objective
    assert best is not None
    return Case(instance, plain | {"instance": instance.digest()}, best)


def _total(key: str, value: float, prices: list[float], edge: list[float]) -> Case:
    instance = M4.replace(**{key: value})
    return Case(instance, by_hand(instance, prices, edge), math.inf)


def _without_band() -> Case:
    """Return the proof that no band is enough for an energy budget."""
    instance = each(M4, energy_budget_j=0.041)
    edge = [0.0, 0.0, 0.0, 1.0]
    return Case(instance, by_hand(instance, [0.0], edge, objective="band"), math.inf)


def _with_modes(**limits: Any) -> ei.Instance:
    """Return an instance in which two users may cut a network, and sit out; one must not."""
    cuts = modes.split([("a", 1e9, 2e7), ("b", 2.2e9, 1e3)], input_bits=64e6)
    lists = modes.with_skip(modes.combined(cuts, modes.quantised(16e6, (32, 8))), 0.05)
    nothing = modes.Mode(name="nothing", update_bits=0.0, local_cycles=0.0, penalty=9.0)
    told = {"modes": "net", **limits}
    return M4.replace(
        modes={"net": (*lists, nothing)}, users={"eu3": told, "eu4": told}, min_participants=3
    )


MAKERS: dict[str, Callable[[], Case]] = {
    "modes": lambda: solved(_with_modes()),
    "modes missed": lambda: solved(_with_modes(deadline_s=2.0)),
    "plain": lambda: solved(M4),
    "branched": lambda: solved(reference("letter-m4-sigma32")),
    "grid": lambda: solved(M4, "grid:0.2"),
    "training": lambda: solved(each(M4, deadline_s=5.0), "training"),
    "deadlines": lambda: solved(each(M4, deadline_s=7.0)),
    "energy": lambda: solved(each(M4, energy_budget_j=0.5)),
    "boxes": lambda: solved(each(M4, max_uplink_share=0.15, min_downlink_share=0.1)),
    "decisions": lambda: solved(M4.replace(users={"eu1": {"download": "never"}})),
    "gbe": lambda: solved(each(M4, deadline_s=8.0), "gbe"),
    "totals": _with_zero_prices,
    "infeasible": lambda: solved(each(M4, deadline_s=5.75)),
    "infeasible, gbe": lambda: solved(each(M4, deadline_s=5.75), "gbe"),
    "endless": lambda: solved(each(M4, energy_budget_j=0.3)),
    "least shares": lambda: solved(each(M4, min_uplink_share=0.3)),
    "late": lambda: solved(each(M4, deadline_s=1.5)),
    "no decision": lambda: solved(M4.replace(users={"eu1": {"download": "never"}}), "lco"),
    "total energy": lambda: _total("total_energy_budget_j", 0.2, [0.0, 1.0], [0.0] * 4),
    "total latency": lambda: _total(
        "total_latency_budget_s", 4.5, [0.0, 1.0], [1.0, 0.0, 0.0, 0.0]
    ),
    "total energy kept": lambda: solved(M4.replace(total_energy_budget_j=1.8)),
    "total latency kept": lambda: solved(M4.replace(total_latency_budget_s=22.5), gap=1e-4),
    "totals missed": lambda: solved(
        M4.replace(total_energy_budget_j=1.0, total_latency_budget_s=22.0)
    ),
    "band": lambda: solved(each(M4, deadline_s=7.0), objective="band"),
    "wider band": lambda: solved(each(M4, deadline_s=5.0), objective="band"),
    "band in halves": lambda: solved(each(M4, deadline_s=8.0), "gbe", "band"),
    "band for totals": lambda: solved(
        each(M4, deadline_s=7.0).replace(total_energy_budget_j=2.0), objective="band"
    ),
    "band too late": lambda: solved(each(M4, deadline_s=2.0), objective="band"),
    "no band": _without_band,
    "edge frequency": lambda: solved(each(M4, deadline_s=5.8), objective="edge_frequency"),
    "no edge frequency": lambda: solved(each(M4, deadline_s=4.0), objective="edge_frequency"),
    "slowest": lambda: solved(M4, objective="slowest"),
    "slowest within totals": lambda: solved(
        M4.replace(total_energy_budget_j=2.0), objective="slowest"
    ),
}


@cache
def _made(name: str) -> tuple[ei.Instance, str, float]:
    case = MAKERS[name]()
    return case.instance, json.dumps(case.document), case.truth


def cases(name: str) -> Case:
    """Return a case by name, with a document of its own that can be changed."""
    instance, text, truth = _made(name)
    return Case(instance, json.loads(text), truth)
