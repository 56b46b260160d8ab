"""Certificates: everything that proves a bound, or infeasibility, as a JSON document.

A certificate is a tree. Its leaves hold prices and, per user, cells of ι with multipliers; its
inner nodes split the range of sync times or a user's decision. :mod:`eipyomo.verify` recomputes
what it proves without any code of the solver; docs/certificate.md says what every number is.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from eipyomo.problem import Problem
from eipyomo.solvers.exact.bounds import bound_lines
from eipyomo.solvers.exact.branching import BranchingDecision, IdenticalUsers, narrowed
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import ENDLESS, NO_DOWNLOAD
from eipyomo.solvers.exact.tree import BoundRecipe, Node
from eipyomo.solvers.records import Records

SCHEMA = "eipyomo/certificate@2"
MULTIPLIERS = ("mu", "nu2", "eta", "deadline", "energy")
"""Of a cell, in the order of a certificate."""


def certificate(dual: Dual, tree: Node, bound: float) -> dict[str, Any]:
    """Return the certificate of a bound, or of infeasibility.

    Parameters
    ----------
    dual
        That of the search.
    tree
        The tree of its branch and bound.
    bound
        What the tree proves; infinite if that is infeasibility.
    """
    return _Writer(dual).document(tree, bound)


class Numbers(NamedTuple):
    """Numbers of a user's modes in its list.

    Attributes
    ----------
    own
        Of those that are open, in their order.
    closed
        Of the others.
    """

    own: list[int]
    closed: list[int]

    def domain(self, first: int, last: int) -> dict[str, Any]:
        """Return a user's domain: the open modes from one to another."""
        ends = {"modes": [self.own[first], self.own[last]]}
        return ends | ({"closed": self.closed} if self.closed else {})


def numbers_of_modes(problem: Problem) -> list[Numbers]:
    """Return the numbers of each user's modes; none for a user without modes.

    Who has no open mode has all of them in the search, and none in a certificate.
    """
    modes = problem.whole.modes
    if modes is None:
        return []
    left = problem.open_modes
    found = []
    for j in range(len(problem.data)):
        rows = list(range(len(modes.names[modes.of(j)])))
        own = rows if left is None else [k for k in rows if left[modes.of(j)][k]]
        found.append(Numbers(own or rows, [k for k in rows if k not in own]))
    return found


class _Writer:
    """Makes the cells of each leaf again and writes them down."""

    def __init__(self, dual: Dual) -> None:
        self._problem, self._root, self._unit = dual.problem, dual, dual.reference
        self._numbers = numbers_of_modes(self._problem)
        self._identical = IdenticalUsers(dual.weighted, dual.domains, dual.lists)

    def document(self, tree: Node, bound: float) -> dict[str, Any]:
        problem, proves_none = self._problem, bound == np.inf
        return {
            "schema": SCHEMA,
            "instance": problem.instance.digest(),
            "problem": problem.kind,
            "round": problem.stage,
            "objective": problem.objective.name,
            "claim": "infeasible" if proves_none else "bound",
            "bound": None if proves_none else bound,
            "split_band": problem.restriction.split_band,
            "grid": problem.restriction.grid,
            "domains": [self._domain(j, domain) for j, domain in enumerate(self._root.domains)],
            "tree": self._node(tree),
        }

    def _domain(self, user: int, domain: Records) -> dict[str, Any]:
        """Return what a user may decide."""
        ends = float(domain["offload_min"]), float(domain["offload_max"])
        if domain["modes"]:
            return self._numbers[user].domain(*map(int, ends))
        return {
            "edge": bool(domain["edge"]),
            "local": bool(domain["local"]),
            "offload_min": self._fraction(ends[0]),
            "offload_max": self._fraction(ends[1]),
        }

    def _fraction(self, offload: float) -> float | int:
        """Return an offload fraction, as k of k/n on a grid."""
        grid = self._problem.restriction.grid
        return round(float(offload) * grid) if grid else float(offload)

    def _node(self, node: Node) -> dict[str, Any]:
        """Return a node; a time that is as good as endless stands for all that there are."""
        document: dict[str, Any] = {
            "first_s": node.first_s if node.first_s < ENDLESS else self._root.earliest_s,
            "last_s": node.last_s if node.last_s < ENDLESS else None,
        }
        if node.parts:
            document["parts"] = [self._node(part) for part in _consecutive(node)]
        elif node.branch:
            low, high = node.branch
            split = low.decisions[-1]
            document["branch"] = {
                "user": split.user,
                "threshold": self._threshold(split),
                "low": self._node(low),
                "high": self._node(high),
            }
        elif node.recipe is not None:
            document["proof"] = self._proof(node.recipe)
        return document

    def _threshold(self, split: BranchingDecision) -> float | int:
        """Return a threshold: of a user with modes, the number of one."""
        if self._root.domains["modes"][split.user]:
            return self._numbers[split.user].own[int(split.threshold)]
        return self._fraction(split.threshold)

    def _proof(self, recipe: BoundRecipe) -> dict[str, Any]:
        root, solutions = self._root, recipe.solutions
        domains = narrowed(root.domains, recipe.decisions, self._identical, root.grid_step)
        lines = bound_lines(root.within(domains), solutions, recipe.times, recipe.tolerance)
        prices = [self._unit * price for price in solutions.prices]
        shared = prices[root.totals[1]] if root.totals[1] >= 0 else 0.0
        return {
            "ray": root.is_ray,
            "prices": self._within_reference(prices),
            "users": [
                self._row(j, cells, (float(weight), shared))
                for j, (cells, weight) in enumerate(
                    zip(lines.by_user(), root.users["latency_weight"], strict=True)
                )
            ],
        }

    def _within_reference(self, prices: list[float]) -> list[float]:
        """Return prices of which those that cost 1 together do so in spite of rounding."""
        if self._root.is_ray:
            return prices
        together = self._root.together
        return [
            price * (1.0 - 2.0**-48) if k in together else price for k, price in enumerate(prices)
        ]

    def _row(self, user: int, cells: Records, weights: tuple[float, float]) -> dict[str, Any]:
        """Return a user's part of a proof."""
        if self._root.domains["modes"][user]:
            return self._modes(user, cells, weights)
        return self._cells(cells, weights)

    def _modes(self, user: int, cells: Records, weights: tuple[float, float]) -> dict[str, Any]:
        """Return the number of each mode with its multipliers."""
        own = self._numbers[user].own
        return {
            "modes": [
                [own[int(cell["offload_min"])], *self._multipliers(cell, weights)] for cell in cells
            ]
        }

    def _multipliers(self, cell: Records, weights: tuple[float, float]) -> list[float]:
        mu, nu2, eta, *limits = (self._unit * float(cell[key]) for key in MULTIPLIERS)
        return [*_within(mu, nu2, (*weights, limits[0])), eta, *limits]

    def _cells(self, cells: Records, weights: tuple[float, float]) -> dict[str, Any]:
        document: dict[str, Any] = {"edge": None, "local": []}
        for cell in cells:
            mu, *others = self._multipliers(cell, weights)
            if cell["offload_min"] == NO_DOWNLOAD:
                document["edge"] = others
            else:
                ends = [self._fraction(cell["offload_min"]), self._fraction(cell["offload_max"])]
                document["local"].append([*ends, mu, *others])
        return document


def _consecutive(node: Node) -> list[Node]:
    """Return the parts of a node, those of parts included, in order."""
    found, waiting = [], [node]
    while waiting:
        part = waiting.pop()
        if part.parts:
            waiting.extend(reversed(part.parts))
        else:
            found.append(part)
    return found


def _within(mu: float, nu2: float, weights: tuple[float, ...]) -> tuple[float, float]:
    """Return μ and ν2, lowered by an ulp or two if rounding took them beyond the sum of weights."""
    most = sum(map(Fraction, weights))
    while Fraction(mu) + Fraction(nu2) > most:
        if mu > nu2:
            mu = max(float(np.nextafter(mu, 0.0)), 0.0)
        else:
            nu2 = max(float(np.nextafter(nu2, 0.0)), 0.0)
    return mu, nu2
