"""From what a solver claims to a :class:`~eipyomo.result.Result` that says only what is true."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo import physics
from eipyomo.allocation import Allocation
from eipyomo.claims import beyond_restriction
from eipyomo.evaluation import evaluate
from eipyomo.result import Result, Termination, relative_gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eipyomo.instance import Instance
    from eipyomo.scaled import Round
    from eipyomo.solvers.backends.base import Status

REPAIR = 1e-5
"""Largest relative overrun of a budget or the sync time that is repaired."""

ROUNDING = 1e-6
"""How far a bound may be above a feasible cost, relative to it, and still be a rounding error."""


@dataclass(frozen=True)
class Claim:
    """What a solver says, before anybody has checked it.

    Attributes
    ----------
    status
        ``optimal``: the point is optimal within the gap and `bound` proves it; ``unbounded``: cost
        falls for ever; the rest as in :class:`~eipyomo.result.Result`.
    allocation
        The point, or None.
    bound
        A lower bound that the solver has proven, or None.
    message
        The solver's own words, or what went wrong.
    """

    status: Status
    allocation: Allocation | None = None
    bound: float | None = None
    message: str = ""
    solver_version: str | None = None
    setup_s: float = 0.0
    start_objective: float | None = None
    iterations: int | None = None
    trace: Sequence[Mapping[str, Any]] = ()
    prices: Mapping[str, Any] | None = None


def repair(instance: Instance, allocation: Allocation, round: Round = "inference") -> Allocation:
    """Return the allocation with rounding errors removed, and nothing else.

    Shares and edge frequencies are scaled down where they exceed their budgets by at most 1e-5, and
    the sync time is raised to the last upload where it is short of it by at most 1e-5 of it.
    """
    total = float(allocation.uplink_share.sum() + allocation.downlink_share.sum())
    if 1.0 < total <= 1.0 + REPAIR:
        allocation = replace(
            allocation,
            uplink_share=allocation.uplink_share / total,
            downlink_share=allocation.downlink_share / total,
        )
    frequency_hz, total_hz = allocation.edge_frequency_hz, instance.server.total_frequency_hz
    if frequency_hz is not None and total_hz is not None:
        over = float(frequency_hz.sum()) / total_hz
        if 1.0 < over <= 1.0 + REPAIR:
            allocation = replace(allocation, edge_frequency_hz=frequency_hz / over)
    if (allocation.uplink_share <= 0).any():
        return allocation
    data = instance.scaled.for_round(round)
    upload_s = data.model_mbit * physics.seconds_per_mbit(
        allocation.uplink_share, data.bandwidth_mhz, data.uplink_snr
    )
    last_s = float(np.max(data.upload_start_s + upload_s))
    if last_s * (1.0 - REPAIR) <= allocation.sync_s < last_s:
        allocation = replace(allocation, sync_s=last_s)
    return allocation


def judge(
    instance: Instance,
    claim: Claim,
    *,
    method: str,
    problem: str,
    gap: float,
    wall_s: float,
    solver: str | None = None,
    options: Mapping[str, Any] | None = None,
    round: Round = "inference",
    always_feasible: bool = True,
    model_objective: float | None = None,
) -> Result:
    """Evaluate a claim and report what of it holds.

    A claim that contradicts what can be checked becomes ``error``, with a sentence that says what
    was claimed and what is true.

    Parameters
    ----------
    always_feasible
        Whether `problem` is known to have a feasible point, so that a claim of infeasibility is
        false. It is for (10) and all its restrictions by fixed a and ι.
    model_objective
        The value of what was minimised, where that may be something else than WSEL of the
        allocation. The claimed bound is one on it.
    """
    found = Result(
        instance=instance.name,
        instance_digest=instance.digest(),
        method=method,
        problem=problem,
        termination="error" if claim.status == "unbounded" else claim.status,
        solver=solver,
        solver_version=claim.solver_version,
        options=dict(options or {}),
        wall_s=wall_s,
        setup_s=claim.setup_s,
        start_objective=claim.start_objective,
        iterations=claim.iterations,
        trace=claim.trace,
        prices=claim.prices,
        message=claim.message,
    )
    if claim.allocation is None:
        return _without_point(found, claim, always_feasible=always_feasible)
    allocation = repair(instance, claim.allocation, round)
    evaluation = evaluate(instance, allocation, round)
    if claim.status in ("infeasible", "unbounded") and not evaluation.feasible:
        return _without_point(found, claim, always_feasible=always_feasible)
    found = replace(found, allocation=allocation, evaluation=evaluation)
    if model_objective is not None and evaluation.feasible:
        away = abs(model_objective - evaluation.objective)
        if away > ROUNDING * abs(evaluation.objective):
            found = replace(found, model_objective=model_objective)
    return _with_point(found, claim, gap)


def _error(found: Result, sentence: str) -> Result:
    return replace(found, termination="error", message=f"{found.solver or found.method} {sentence}")


def _finite(bound: float | None) -> float | None:
    """Return a bound, or None for what is none."""
    return bound if bound is not None and math.isfinite(bound) else None


def _without_point(found: Result, claim: Claim, *, always_feasible: bool) -> Result:
    """Judge a claim that comes without an allocation."""
    if claim.status == "infeasible" and always_feasible:
        return _error(
            found,
            "claims that no feasible allocation exists, but equal shares with a late sync time "
            "always are one",
        )
    if claim.status == "unbounded":
        never = ", but WSEL has one" if always_feasible else ", and gives no point to judge"
        return _error(found, f"claims that the cost has no lower bound{never} ({claim.message})")
    if claim.status in ("optimal", "converged"):
        return _error(found, "claims success but gives no point")
    if claim.status == "limit":
        words = f" ({claim.message})" if claim.message else ""
        found = replace(found, message=f"a limit was reached before any allocation{words}")
    return replace(found, bound=_finite(claim.bound) if claim.status == "limit" else None)


def _with_point(found: Result, claim: Claim, gap: float) -> Result:
    """Judge a claim by the evaluation of its allocation."""
    evaluation, bound = found.evaluation, _finite(claim.bound)
    assert evaluation is not None
    if not evaluation.feasible:
        return _error(found, f"gives an infeasible point: {evaluation.violations[0]}")
    assert found.allocation is not None
    for sentence in beyond_restriction(found.problem, found.allocation):
        return _error(found, f"gives a point of another problem: it was asked for {sentence}")
    minimised = found.model_objective
    cost = evaluation.objective if minimised is None else minimised
    if claim.status == "infeasible":
        return _error(
            found,
            "claims that no feasible allocation exists, but its own point is feasible and costs "
            f"{cost:.9g} ({claim.message})",
        )
    if claim.status == "unbounded":
        return _error(found, f"claims that the cost has no lower bound; its point costs {cost:.9g}")
    if bound is not None and bound > cost:
        if bound - cost > ROUNDING * abs(cost):
            return _error(
                found,
                f"claims the lower bound {bound:.9g}, but its own point costs only {cost:.9g}",
            )
        bound = cost
    found = replace(found, bound=bound, message=_sentence(found.termination, bound, claim.message))
    reached = relative_gap(cost, bound)
    if claim.status == "optimal" and (reached is None or reached > gap * (1 + 1e-9)):
        left = "no bound" if reached is None else f"a gap of {reached:.2g}"
        own = f"{found.solver or found.method} stopped at its own tolerance, which leaves {left}"
        found = replace(found, termination="limit", message=own)
    return found


def _sentence(termination: Termination, bound: float | None, own_words: str) -> str:
    """Say what a checked answer is worth, with the solver's own words behind it."""
    worth = {
        "optimal": "proven optimal within the gap",
        "converged": "met its own stopping rule; it proves no bound",
        "limit": "a limit was reached; this is the best allocation found"
        + (", and the bound is valid" if bound is not None else ""),
    }.get(termination, "no answer")
    return f"{worth} ({own_words})" if own_words else worth
