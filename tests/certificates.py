"""Certificates to test with: of limits, of infeasibility, and made over for other objectives."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import eipyomo as ei
from eipyomo.problem import Problem
from eipyomo.solvers.exact import kernels, solve_exact
from eipyomo.solvers.exact.bounds import bound_lines
from eipyomo.solvers.exact.certificate import certificate
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.feasibility import ray_of
from eipyomo.solvers.exact.kernels import Times
from eipyomo.solvers.exact.tree import BoundRecipe, Node
from eipyomo.solvers.exact.users import link_records
from eipyomo.verify import verify
from tests.conftest import reference

Document = dict[str, Any]


class Case(NamedTuple):
    """An instance with a certificate, and the largest bound that is true (inf: infeasible)."""

    instance: ei.Instance
    document: Document
    truth: float


def written(instance: ei.Instance, problem: str = "joint", **options: Any) -> Document:
    """Return a certificate as it would be read from its file."""
    outcome = solve_exact(Problem.of(instance, problem), **options)
    document: Document = json.loads(json.dumps(outcome.certificate()))
    return document


def solved(instance: ei.Instance, problem: str = "joint") -> Case:
    """Return a case of the exact method."""
    best = ei.solve(instance, problem=problem).objective
    return Case(instance, written(instance, problem), math.inf if best is None else best)


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


def scaled(document: Document, place: int, price: float) -> Document:
    """Return rays as bounds in units of one price, where they have it."""
    document = copy.deepcopy(document)
    for _, proof in proofs(document["tree"]):
        if proof["prices"][place] == 0.0:
            continue
        factor = price / proof["prices"][place]
        proof["ray"] = False
        proof["prices"] = [one * factor for one in proof["prices"]]
        proof["prices"][place] = price
        for row in proof["users"]:
            row["edge"] = row["edge"] and [one * factor for one in row["edge"]]
            row["local"] = [cell[:2] + [x * factor for x in cell[2:]] for cell in row["local"]]
            _lower(row)
    return document


def _lower(row: Document) -> None:
    """Take off μ and ν2 what rounding may have put on them."""
    cut = 1.0 - 1e-14
    if row["edge"]:
        row["edge"][0] *= cut
    row["local"] = [[*c[:2], c[2] * cut, c[3] * cut, *c[4:]] for c in row["local"]]


def band(instance: ei.Instance, enough_mhz: float, *, split: bool = False) -> Case:
    """Return the proof that every band which meets the deadlines is at least as large, in MHz.

    Without weights and with all of the band at its own price users do not meet; so solutions at the
    middle of each part of the sync times prove it, if the part is short.
    """
    problem = Problem.of(instance, "gbe" if split else "joint", objective="band")
    mhz = instance.bandwidth_hz / 1e6
    larger = instance.replace(bandwidth_hz=1e6 * enough_mhz)
    within = feasible(Problem.of(larger, problem.kind), enough_mhz)
    most = 2.0 * within / mhz / len(problem.budgets)
    data, dual = problem.data, replace(ray_of(Dual.of(problem)), is_ray=False)
    for link in ("uplink", "downlink"):
        box = getattr(data, f"{link}_share_min"), np.full(len(data), most)
        snr = getattr(data, f"{link}_snr")
        dual.users[link] = link_records(snr, data.bandwidth_mhz, *box)
    first, last = 0.5 * dual.earliest_s, dual.latest_s
    while kernels.least_shares(dual.users, first) < most:
        first *= 0.999
    prices = (mhz,) if not split else (mhz, mhz)
    waiting, found = [Times(first, last * (1.0 + 1e-12))], []
    while waiting:
        times = waiting.pop()
        middle = 0.5 * (times.first + times.last)
        solutions = dual.solve_users(prices, middle)
        lines = bound_lines(dual, solutions, times, 1e-3 * within)
        if lines.bound_over(*times) + dual.paid(prices) >= 0.95 * within:
            found.append(Node(*times, recipe=BoundRecipe(solutions, (), times, 1e-3 * within)))
        else:
            waiting += [Times(middle, times.last), Times(times.first, middle)]
    tree = Node(found[0].first_s, found[-1].last_s, parts=tuple(found))
    document = json.loads(json.dumps(certificate(problem, tree, within, dual)))
    document["bound"] = verify(instance, document).bound * (1.0 - 1e-9)
    return Case(instance, document, within)


def feasible(problem: Problem, amount: float) -> float:
    """Return an amount with which a problem was made, if that is feasible."""
    assert solve_exact(problem, gap=0.1).status == "optimal"
    return amount


def edge_frequency(instance: ei.Instance, enough_ghz: float) -> Case:
    """Return the proof that no total frequency up to the instance's own is enough, in GHz."""
    total_hz = instance.server.total_frequency_hz
    assert total_hz is not None
    document = scaled(written(instance), -1, 1.0)
    bound = total_hz / 1e9 * (1.0 - 1e-6)
    document |= {"objective": "edge_frequency", "claim": "bound", "bound": bound}
    faster = instance.replace(server={"total_frequency_hz": 1e9 * enough_ghz})
    return Case(instance, document, feasible(Problem(faster), enough_ghz))


def slowest(instance: ei.Instance, theta: float, enough_s: float) -> Case:
    """Return the proof that not all users can be served by a time."""
    document = written(each(instance, deadline_s=theta))
    digest = instance.digest()
    document |= {"instance": digest, "objective": "slowest", "claim": "bound", "bound": theta}
    later = each(instance, deadline_s=enough_s)
    return Case(instance, document, feasible(Problem(later), enough_s))


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
SERVED = ei.Instance.letter(total_frequency_ghz=1.5)


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


MAKERS: dict[str, Callable[[], Case]] = {
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
    "band": lambda: band(each(M4, deadline_s=7.0), 10.7),
    "band in halves": lambda: band(each(M4, deadline_s=8.0), 7.9, split=True),
    "no band": _without_band,
    "edge frequency": lambda: edge_frequency(each(SERVED, deadline_s=6.2), 1.7),
    "slowest": lambda: slowest(M4, 5.75, 5.9),
}


@cache
def _made(name: str) -> tuple[ei.Instance, str, float]:
    case = MAKERS[name]()
    return case.instance, json.dumps(case.document), case.truth


def cases(name: str) -> Case:
    """Return a case by name, with a document of its own that can be changed."""
    instance, text, truth = _made(name)
    return Case(instance, json.loads(text), truth)
