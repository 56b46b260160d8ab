"""The one way to judge an answer: :func:`evaluate`.

Nothing here knows a solver or a model. An allocation is judged by its decisions
(a, ι, f, b, b̄, τ̂) alone; every time and energy follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from eipyomo import physics, timing
from eipyomo.allocation import Allocation
from eipyomo.breakdown import Breakdown
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.restriction import demands_beside
from eipyomo.scaled import FloatColumn, Scaled, Stage
from eipyomo.summary import Summarised, Summary
from eipyomo.timing import Needs, Plan, where_needed
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    import pandas as pd

FEASIBILITY_TOLERANCE = 1e-6
"""Largest relative violation at which an allocation counts as feasible."""


@dataclass(frozen=True)
class Violation:
    """How far an allocation is from satisfying one kind of constraint.

    Attributes
    ----------
    constraint
        Which constraint, in words, with the letter's equation.
    user
        The user at which it is violated most; None for a constraint on all users together.
    amount
        Violation relative to the natural size of the quantity; 0 where it holds.
    """

    constraint: str
    user: str | None
    amount: float

    def __str__(self) -> str:
        """Return one phrase that names constraint, user and amount."""
        at = f" at user {self.user!r}" if self.user is not None else ""
        return f"{self.constraint}{at} is violated by {self.amount:.3g} (relative)"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Summarised):
    """What an allocation costs and whether it is feasible.

    Attributes
    ----------
    objective
        WSEL (10a); infinite if something needed never ends.
    breakdown
        Every term per user.
    violations
        One entry for each kind of constraint that is violated, the largest first.
    sync_s
        Sync time τ̂_N in s, as decided.
    value
        What the problem minimises, in its unit: WSEL, MHz, GHz, or s.
    """

    objective: float
    breakdown: Breakdown
    violations: tuple[Violation, ...]
    sync_s: float
    value: float

    def _summary(self) -> Summary:
        terms = self.breakdown._summary()
        worst = None if self.feasible else str(self.violations[0])
        facts = ("feasible" if self.feasible else "not feasible", worst, *terms.facts)
        return Summary(terms.name, facts, terms.rows, terms.total)

    @property
    def max_violation(self) -> float:
        """Largest relative violation, 0 if there is none."""
        return max((violation.amount for violation in self.violations), default=0.0)

    @property
    def feasible(self) -> bool:
        """Whether no constraint is violated by more than the tolerance."""
        return self.max_violation <= FEASIBILITY_TOLERANCE

    def timeline(self) -> pd.DataFrame:
        """Return start and end of every phase of the round, as in Fig. 1.

        Returns
        -------
        DataFrame
            Columns ``user``, ``phase``, ``start_s``, ``end_s``; time 0 is when the round starts
            with the download of the previous model. Phases that do not happen are left out.
        """
        return timeline(self.breakdown.frame(), self.sync_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as a JSON document."""
        worst = self.violations[0] if self.violations else None
        return {
            "objective": self.objective if np.isfinite(self.objective) else None,
            "value": self.value if np.isfinite(self.value) else None,
            "feasible": self.feasible,
            "max_violation": self.max_violation,
            "violated": str(worst) if worst else None,
            "breakdown": self.breakdown.to_dict(),
        }


def timeline(terms: pd.DataFrame, sync_s: float) -> pd.DataFrame:
    """Return start and end of every phase; see :meth:`Evaluation.timeline`.

    Parameters
    ----------
    terms
        The columns of :meth:`Breakdown.frame`.
    sync_s
        Sync time in s.
    """
    import pandas as pd

    zero = pd.Series(0.0, index=terms.index)
    trained = terms["previous_download_s"] + terms["local_training_s"]
    uploaded = trained + terms["upload_s"]
    synced = zero + sync_s
    downloaded = synced + terms["download_s"]
    sent = uploaded + terms["offload_s"]
    waits = terms["ready_s"] > sent.where(sent > synced, synced) * (1.0 + 1e-12)  # in sequence
    sending = uploaded.where(~waits, terms["ready_s"] - terms["offload_s"])
    spans = {
        "previous model download": (zero, terms["previous_download_s"]),
        "local training": (terms["previous_download_s"], trained),
        "model upload": (trained, uploaded),
        "task offload": (sending, sending + terms["offload_s"]),
        "model download": (synced, downloaded),
        "local inference": (downloaded, downloaded + terms["local_inference_s"]),
        "edge inference": (terms["ready_s"], terms["ready_s"] + terms["edge_inference_s"]),
    }
    frame = pd.concat(
        pd.DataFrame({"user": terms["name"], "phase": phase, "start_s": start, "end_s": end})
        for phase, (start, end) in spans.items()
    )
    happens = frame["end_s"] > frame["start_s"]
    return frame[happens].sort_index(kind="stable").reset_index(drop=True)


def evaluate(
    what: Instance | Problem, allocation: Allocation, round: Stage = "inference"
) -> Evaluation:
    r"""Judge an allocation: WSEL (10a), every term of (8) and (9), and the largest violation.

    $$
    \text{WSEL} = \sum_j w^{\text{e}}_j E_j + w^{\text{t}}_j T_j
    $$

    Every transmission and computation takes the time that its share and frequency give; T_j is
    the maximum in (9). An allocation without edge frequencies serves every offloaded part at f_s,
    which may exceed the server's budget.

    Parameters
    ----------
    what
        An instance, of which (10) is meant, or a problem, whose restriction must hold too.
    allocation
        The decisions, matched to the instance's users by name.
    round
        "training" judges a round without tasks, in which everybody must download.

    Raises
    ------
    InputError
        If the users of the two do not match, or an argument is something else.
    """
    problem = Problem.of(what, round=round)
    require_kind(
        "allocation", allocation, Allocation, ": a result has one, in its attribute allocation"
    )
    known = _EVALUATED.get(allocation)
    if known is not None and known[0]() is problem:
        return known[1]
    data = problem.whole
    found = evaluate_plan(problem, allocation.for_users(data.names).plan(data))
    _EVALUATED[allocation] = ref(problem), found
    return found


_EVALUATED: WeakKeyDictionary[Allocation, tuple[ref[Problem], Evaluation]] = WeakKeyDictionary()
"""What is known of allocations that are there still: solver and judge ask for the same ones. None
of the three ever changes."""


def evaluate_plan(problem: Problem, plan: Plan) -> Evaluation:
    """Judge a plan as :func:`evaluate` does an allocation, whose users are the problem's."""
    data = problem.whole
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        need = timing.needs(data, plan)
        breakdown = Breakdown(data.names, **_terms(data, plan, need))
        found = [*_shared(problem, plan, breakdown), *_per_user(data, plan, need, breakdown)]
        found += [*_restricted(problem, plan), *_limited(problem, plan, breakdown)]
    violated = [violation for violation in found if violation.amount > 0]
    return Evaluation(
        objective=float(breakdown.wsel.sum()),
        breakdown=breakdown,
        violations=tuple(sorted(violated, key=lambda violation: -violation.amount)),
        sync_s=plan.sync_s,
        value=problem.value(plan, breakdown),
    )


def value_of(problem: Problem, plan: Plan, need: Needs | None = None) -> float:
    """Return what :func:`evaluate_plan` says is minimised, whether the plan is feasible or not.

    Whoever knows what the plan makes users send and compute can give it.
    """
    data = problem.whole
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        terms = _terms(data, plan, timing.needs(data, plan) if need is None else need)
        return problem.value(plan, SimpleNamespace(**terms))


def _terms(data: Scaled, plan: Plan, need: Needs) -> dict[str, FloatColumn]:
    """Return the terms of (8) and (9), by their names in a breakdown."""
    times = timing.times(data, plan, need)
    upload_j = physics.transmission_energy_j(data.transmit_power_w, times.upload_s)
    offload_j = physics.transmission_energy_j(data.transmit_power_w, times.offload_s)
    download_j = where_needed(data.receive_power_w, times.download_s)
    local_inference_j = timing.local_inference_j(data, plan, need)
    energy_j = need.training_j + upload_j + offload_j + download_j + local_inference_j
    paid = where_needed(data.energy_weight, energy_j) + data.latency_weight * times.latency_s
    return {
        "previous_download_s": data.previous_download_s,
        "local_training_s": need.training_s,
        **times._asdict(),
        "local_training_j": need.training_j,
        "upload_j": upload_j,
        "offload_j": offload_j,
        "download_j": download_j,
        "local_inference_j": local_inference_j,
        "energy_j": energy_j,
        "wsel": paid + need.penalty,
        **({} if data.modes is None else _of_modes(need, len(data))),
    }


def _of_modes(need: Needs, users: int) -> dict[str, FloatColumn]:
    """Return the terms that there are where users have modes."""
    update_mbit, penalty = (np.broadcast_to(one, users) for one in (need.update_mbit, need.penalty))
    return {"penalty": penalty, "sits_out": np.where(update_mbit > 0.0, 0.0, 1.0)}


def _shared(problem: Problem, plan: Plan, terms: Breakdown) -> Iterator[Violation]:
    """Hold the budgets: all that users share."""
    for budget in problem.budgets:
        if budget.is_minimised:
            continue
        used = budget.used(plan, terms)
        if -math.inf < used <= budget.capacity:
            continue
        over = float(_over(used, budget.capacity))
        yield Violation(f"{budget.meaning} {_in_brackets(budget.equation)}", None, over)


def _over(used: Any, limit: Any) -> Any:
    """Return by how much something is beyond a limit, relative to it; 1 where it never ends.

    Beyond a limit of 0, of which nothing is allowed, it is as much as there is.
    """
    size = np.where(np.asarray(limit) == 0.0, 1.0, limit)
    beyond = np.where(np.isfinite(used), (used - limit) / size, 1.0)
    return np.where(np.isfinite(limit), beyond, 0.0)


def _in_brackets(equation: str) -> str:
    return equation if equation.startswith("(") else f"({equation})"


def _per_user(data: Scaled, plan: Plan, need: Needs, terms: Breakdown) -> Iterator[Violation]:
    """Hold what (10) asks of every user."""
    a, offload = plan.download, plan.offload_fraction
    up, down = plan.uplink_share, plan.downlink_share
    speed = plan.frequency_ghz / data.max_frequency_ghz
    edge_speed = plan.edge_frequency_ghz / data.server_frequency_ghz
    trained_s = terms.previous_download_s + terms.local_training_s
    uploaded_s = np.where(need.update_mbit > 0.0, trained_s + terms.upload_s, -np.inf)
    last_s = float(uploaded_s.max())
    free = a if data.modes is None else a | data.has_modes
    # Where the band or the CPU is not there at all, natural size is the need itself: 1.
    amounts = {
        "sync time after every upload (6)": np.where(
            np.isfinite(uploaded_s), (uploaded_s - plan.sync_s) / max(last_s, 1e-300), 0.0
        ),
        "uplink share >= 0 (10b)": -up,
        "downlink share >= 0 (10b)": -down,
        "an uplink share to upload with (5)": need.sends & (up <= 0),
        "a downlink share to download with (5)": (need.download_mbit > 0.0) & (down <= 0),
        "frequency <= f_max (10c)": speed - 1.0,
        "frequency >= 0 (10c)": -speed,
        "a frequency to compute with (1)": np.isinf(terms.local_inference_s),
        "edge frequency <= f_s (2)": edge_speed - 1.0,
        "edge frequency >= 0 (2)": -edge_speed,
        "a frequency to compute with at the edge (2)": np.isinf(terms.edge_inference_s),
        "offload fraction >= 0 (10d)": -offload,
        "offload fraction <= 1 (10d)": offload - 1.0,
        "no local part without download (10d)": np.where(free, 0.0, 1.0 - offload),
    }
    if data.modes is not None:
        has_modes = data.has_modes
        amounts |= {
            "sync time >= 0 (6)": has_modes * -plan.sync_s,
            "download as the mode says": has_modes & (a != (need.download_mbit > 0.0)),
        }
    yield from _violated(amounts, data.names)


def _restricted(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Hold what restriction and data ask of every user's decisions beside (10)."""
    names, there = problem.data.names, f"in the problem {problem.name!r}"
    for demand in demands_beside(
        problem.decisions, problem.restriction.grid, plan.download, plan.offload_fraction
    ):
        yield _worst(f"{demand.words} {there}", names, demand.amounts)
    modes, left = problem.whole.modes, problem.open_modes
    if modes is not None and left is not None and plan.mode is not None:
        closed = modes.has_modes & ~left[modes.rows(plan.mode)]
        yield _worst(f"an open mode {there}", names, closed)


def _limited(problem: Problem, plan: Plan, terms: Breakdown) -> Iterator[Violation]:
    """Hold the limits of every user's that are data, relative to the limit or, of shares, to 1."""
    if not problem.limits:
        return
    data = problem.data
    a, up, down = plan.download, plan.uplink_share, plan.downlink_share
    # A most of 1 is none: what all users share holds it, but where the band is what is minimised.
    most = [
        np.where(column < 1.0, column, np.inf)
        for column in (data.uplink_share_max, data.downlink_share_max)
    ]
    amounts = {
        "latency <= its deadline": _over(terms.latency_s, data.deadline_s),
        "energy <= its budget": _over(terms.energy_j, data.energy_budget_j),
        "uplink share >= its least": data.uplink_share_min - up,
        "uplink share <= its most": up - most[0],
        "downlink share >= its least": a * (data.downlink_share_min - down),
        "downlink share <= its most": np.where(a, down - most[1], 0.0),
    }
    yield from _violated(amounts, data.names)


def _violated(amounts: dict[str, Any], names: tuple[str, ...]) -> Iterator[Violation]:
    """Iterate over the constraints that some user violates, with the one that does so most."""
    worst = np.array([*amounts.values()], np.float64).max(axis=1).tolist()
    for (constraint, column), amount in zip(amounts.items(), worst, strict=True):
        if amount > 0:
            yield _worst(constraint, names, column)


def _worst(constraint: str, names: tuple[str, ...], column: Any) -> Violation:
    """Return how far the user is off that violates a constraint most."""
    amounts: FloatColumn = np.asarray(column, dtype=np.float64)
    worst = int(np.argmax(amounts))
    return Violation(constraint, names[worst], float(amounts[worst]))
