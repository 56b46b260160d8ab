"""Recompute what a certificate proves, in interval arithmetic.

Nothing of the solver is used. For multipliers μ, ν2, η, δ, ε ≥ 0 of a user, W the sum of w^t, δ and
the price of the total latency, V that of w^e, ε and the price of the total energy, and μ + ν2 ≤ W,

    G(ι, t) =  V e^lt - W τ^md of the previous round - δ T_max - ε E_max
             + min_b  [ K s(b) + λ b ],        K = (V p + ν2)(D + ιL) + ηD
             + min_b̄  [ K̄ s̄(b̄) + λ̄ b̄ ],    K̄ = (V p^md + μ) D
             + C(1-ι)L min_f [ V κ f² + μ/f ]
             + min_f [ (W - μ) CιL/f + ρf ],   0 < f ≤ f_s
             + (W - ν2 - η) t + (ν2 + η) A

is below what user j pays at prices λ, λ̄, ρ and those of the totals, by weak duality. It is concave
in ι and linear in t, so that a cell, [ι1, ι2] by [t1, t2], is bounded by its four corners, and a
leaf, whose cells share prices and range of t, by the sums over users at its two ends. Without
download: ι = 1, μ = 0, no b̄, no f of the user's own. With w^e = w^t = 0 it is a ray: where the sum
is positive, nothing is feasible (Farkas). docs/certificate.md has every detail.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.verify.intervals import precision
from eipyomo.verify.names import problems
from eipyomo.verify.reading import SCHEMA, read
from eipyomo.verify.walk import Walk
from eipyomo.words import short

__all__ = ["SCHEMA", "Verified", "verify"]


@dataclass(frozen=True)
class Verified:
    """What a certificate proves.

    Attributes
    ----------
    bound
        Lower bound on the objective; minus infinity if nothing is proven, infinite if the problem
        is infeasible.
    infeasible
        Whether it is proven that no allocation is feasible.
    problem, round
        The problem, as read from the decisions that the certificate leaves open (whatever it says
        itself), and the round.
    objective
        What is bounded: "wsel", or the least "band" in MHz, "edge_frequency" in GHz or "slowest"
        latency in s.
    claim
        "bound" or "infeasible".
    claimed, claimed_problem
        The bound that the certificate claims, None with infeasibility, and the problem of which.
    leaves, cells
        How many were checked.
    """

    bound: float
    infeasible: bool
    problem: str
    round: str
    objective: str
    claim: str
    claimed: float | None
    claimed_problem: str
    leaves: int
    cells: int

    @property
    def doubt(self) -> str | None:
        """One sentence on which claim is not proven; None if all are."""
        if self.claimed_problem != self.problem:
            return (
                f"the certificate claims a proof for problem {short(self.claimed_problem)}, "
                f"but has one for {short(self.problem)}"
            )
        proves = f"only the bound {self.bound:.12g}" if math.isfinite(self.bound) else "nothing"
        if self.claim == "infeasible" and not self.infeasible:
            return f"the certificate claims that nothing is feasible, but proves {proves}"
        if self.claimed is not None and not self.claimed <= self.bound:
            return f"the certificate claims the bound {self.claimed:.12g}, but proves {proves}"
        return None


def verify(instance: Instance, document: Mapping[str, Any]) -> Verified:
    """Return what a certificate proves for an instance.

    Parameters
    ----------
    instance
        The instance.
    document
        The certificate, as read from JSON.

    Raises
    ------
    InputError
        If it is no certificate, or one of another instance; every key must be known, and every
        value of its type.
    SolverError
        If python-flint is not installed.
    """
    try:
        with precision():
            certificate = read(instance, document)
            walk = Walk(instance, certificate)
            bound = walk.bound()
            names = problems(instance, certificate)
    except RecursionError:
        raise InputError("the certificate is broken: its tree is too deep") from None
    return Verified(
        bound=bound,
        infeasible=bound == math.inf,
        problem=certificate.problem if certificate.problem in names else names[0],
        round="training" if certificate.training else "inference",
        objective=certificate.objective,
        claim=certificate.claim,
        claimed=certificate.bound,
        claimed_problem=certificate.problem,
        leaves=walk.leaves,
        cells=walk.cells,
    )
