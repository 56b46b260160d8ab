"""Certificates: everything that proves a bound, as a JSON document.

A certificate is a tree. Its leaves hold prices and, per user, cells of ι with multipliers; its
inner nodes split the range of sync times or a user's decision. :mod:`eipyomo.verify` recomputes the
bound from it without any code of the solver.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from eipyomo.problem import Problem
from eipyomo.solvers.exact.bounds import bound_lines
from eipyomo.solvers.exact.branching import IdenticalUsers, narrowed
from eipyomo.solvers.exact.dual import Dual
from eipyomo.solvers.exact.kernels import NO_DOWNLOAD
from eipyomo.solvers.exact.tree import BoundRecipe, Node
from eipyomo.solvers.records import Records

SCHEMA = "eipyomo/certificate@1"


def certificate(problem: Problem, tree: Node, bound: float) -> dict[str, Any]:
    """Return the certificate of a bound.

    Parameters
    ----------
    problem
        What was solved.
    tree
        The tree of its branch and bound.
    bound
        What the tree proves.
    """
    return _Writer(problem).document(tree, bound)


class _Writer:
    """Makes the cells of each leaf again and writes them down."""

    def __init__(self, problem: Problem) -> None:
        self._problem, self._root = problem, Dual.of(problem)
        self._identical = IdenticalUsers(self._root.users, self._root.domains)

    def document(self, tree: Node, bound: float) -> dict[str, Any]:
        problem = self._problem
        return {
            "schema": SCHEMA,
            "instance": problem.instance.digest(),
            "problem": problem.kind,
            "round": problem.stage,
            "split_band": problem.restriction.split_band,
            "grid": problem.restriction.grid,
            "bound": bound,
            "domains": [
                {
                    "edge": bool(domain["edge"]),
                    "local": bool(domain["local"]),
                    "offload_min": self._fraction(domain["offload_min"]),
                    "offload_max": self._fraction(domain["offload_max"]),
                }
                for domain in self._root.domains
            ],
            "tree": self._node(tree),
        }

    def _fraction(self, offload: float) -> float | int:
        """Return an offload fraction, as k of k/n on a grid."""
        grid = self._problem.restriction.grid
        return round(float(offload) * grid) if grid else float(offload)

    def _node(self, node: Node) -> dict[str, Any]:
        document: dict[str, Any] = {"first_s": node.first_s, "last_s": node.last_s}
        if node.parts:
            document["parts"] = [self._node(part) for part in _consecutive(node)]
        elif node.branch:
            low, high = node.branch
            split = low.decisions[-1]
            document["branch"] = {
                "user": split.user,
                "threshold": self._fraction(split.threshold),
                "low": self._node(low),
                "high": self._node(high),
            }
        elif node.recipe is not None:
            document["proof"] = self._proof(node.recipe)
        return document

    def _proof(self, recipe: BoundRecipe) -> dict[str, Any]:
        root, solutions = self._root, recipe.solutions
        domains = narrowed(root.domains, recipe.decisions, self._identical, root.grid_step)
        lines = bound_lines(root.within(domains), solutions, recipe.times, recipe.tolerance)
        return {
            "prices": list(solutions.prices),
            "users": [
                self._cells(lines.cells_of(j), float(user["latency_weight"]))
                for j, user in enumerate(root.users)
            ],
        }

    def _cells(self, cells: Records, latency_weight: float) -> dict[str, Any]:
        document: dict[str, Any] = {"edge": None, "local": []}
        for cell in cells:
            mu, eta = float(cell["mu"]), float(cell["eta"])
            multipliers = [_within(float(cell["nu2"]), mu, latency_weight), eta]
            if cell["offload_min"] == NO_DOWNLOAD:
                document["edge"] = multipliers
            else:
                ends = [self._fraction(cell["offload_min"]), self._fraction(cell["offload_max"])]
                document["local"].append([*ends, mu, *multipliers])
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


def _within(nu2: float, mu: float, total: float) -> float:
    """Return ν2, lowered by an ulp or two if rounding took μ + ν2 beyond w^t."""
    while nu2 > 0.0 and Fraction(nu2) + Fraction(mu) > Fraction(total):
        nu2 = max(float(np.nextafter(nu2, 0.0)), 0.0)
    return nu2
