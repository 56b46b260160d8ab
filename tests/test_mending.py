"""What answers are worth: nobody is better than a proven bound by what a tolerance lets pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.evaluation import FEASIBILITY_TOLERANCE
from eipyomo.solvers.mending import ROUNDING, decided, mended, with_best_rest
from tests.conftest import reference, slow_but
from tests.instances import KINDS, LIMITS

LITTLE = 9e-7
"""A little less than the tolerance."""


def _more(*keys: str) -> Callable[[ei.Allocation], ei.Allocation]:
    """Return what takes a little more of some quantities."""

    def cheat(allocation: ei.Allocation) -> ei.Allocation:
        more = {key: getattr(allocation, key) * (1.0 + LITTLE) for key in keys}
        return replace(allocation, **more)

    return cheat


CHEATS: dict[str, Callable[[ei.Allocation], ei.Allocation]] = {
    "shares": _more("uplink_share", "downlink_share"),
    "frequency": _more("frequency_hz"),
    "offload above 1": _more("offload_fraction"),
    "offload below 0": lambda allocation: replace(
        allocation,
        offload_fraction=np.where(allocation.download, -LITTLE, allocation.offload_fraction),
    ),
    "no local part": lambda allocation: replace(
        allocation,
        offload_fraction=allocation.offload_fraction - LITTLE * ~allocation.download,
    ),
    "sync time": lambda allocation: replace(allocation, sync_s=allocation.sync_s * (1.0 - LITTLE)),
}

NAMES = ("letter-m2", "letter-m4", "mixed-m4", "hostile-03", "hostile-12")


@cache
def _solved(name: str, kind: str) -> tuple[ei.Problem, ei.Result]:
    """Return a problem and its optimum, once for all cheats."""
    problem = ei.Problem.of(KINDS[kind](reference(name)))
    return problem, ei.solve(problem)


@cache
def _within(limit: str, seed: int) -> tuple[ei.Instance, ei.Result]:
    """Return an instance with a limit that binds, and its optimum, once for all cheats."""
    plain = ei.Instance.letter(users=3, seed=seed)
    free = ei.solve(plain).allocation
    assert free is not None
    instance = LIMITS[limit](plain, free, 0.97)
    return instance, ei.solve(instance)


@pytest.mark.parametrize(("cheat", "kind"), list(product(CHEATS, KINDS)))
def test_no_cheat_is_better_than_the_bound(cheat: str, kind: str) -> None:
    """What is within the tolerance is mended, and costs at least what `exact` proves."""
    for name in NAMES:
        problem, best = _solved(name, kind)
        assert best.allocation is not None
        assert best.bound is not None
        given = CHEATS[cheat](best.allocation)
        found = mended(problem, given)
        assert (found.violation is None) == ei.evaluate(problem, given).feasible
        if found.violation is None:
            assert found.evaluation.max_violation <= ROUNDING
            assert found.evaluation.objective >= best.bound * (1.0 - 1e-12)


def test_the_cheats_are_some() -> None:
    """Unmended, all six lower the cost of what `exact` finds, and are called feasible."""
    instance = reference("letter-m4")
    best = ei.solve(instance, gap=1e-9).allocation
    assert best is not None
    ends = replace(best, offload_fraction=np.where(best.offload_fraction < 0.5, 0.0, 1.0))
    lower = []
    for name, cheat in CHEATS.items():
        honest = ends if name.startswith("offload below") else best
        found = ei.evaluate(instance, cheat(honest))
        if found.feasible:
            lower.append(found.objective < ei.evaluate(instance, honest).objective)
    assert sum(lower) >= 3


@pytest.mark.parametrize(
    ("limit", "cheat"), slow_but(product(LIMITS, CHEATS), ("deadline_s", "shares"))
)
def test_no_cheat_is_better_than_the_bound_within_limits(limit: str, cheat: str) -> None:
    """Limits that bind are kept as well: where scaling misses one, the rest is solved anew."""
    for seed in range(3):
        instance, best = _within(limit, seed)
        if best.allocation is None or best.bound is None:
            continue
        given = CHEATS[cheat](best.allocation)
        found = mended(ei.Problem.of(instance), given)
        if found.violation is None:
            assert found.evaluation.max_violation <= ROUNDING
            assert found.evaluation.objective >= best.bound * (1.0 - 1e-9)
        else:
            assert found.violation.amount > ROUNDING


def test_an_honest_answer_stays_as_it_is() -> None:
    """Where nothing is violated nothing is touched."""
    instance = reference("letter-m4")
    answer = with_best_rest(ei.Problem.of(instance), _spare(instance))
    spare = replace(answer, sync_s=answer.sync_s * 1.01, uplink_share=answer.uplink_share * 0.99)
    spare = replace(spare, sync_s=spare.sync_s * 1.1)
    assert mended(ei.Problem.of(instance), spare).allocation is spare


def _spare(instance: ei.Instance) -> ei.Allocation:
    found = ei.solve(instance, "lco").allocation
    assert found is not None
    return found


def test_what_is_beyond_the_tolerance_is_infeasible() -> None:
    """The constraint is named, and the user."""
    instance = reference("letter-m4")
    best = _spare(instance)
    too_fast = best.frequency_hz.copy()
    too_fast[2] = 1.1e9
    found = mended(ei.Problem.of(instance), replace(best, frequency_hz=too_fast))
    assert found.violation is not None
    assert str(found.violation).startswith("frequency <= f_max (10c) at user 'eu3' is violated by")
    assert found.violation.amount > FEASIBILITY_TOLERANCE


@pytest.mark.parametrize("method", ["lco", "eco"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_rest_of_decisions_is_the_best(method: str, kind: str) -> None:
    """All local and all at the edge cost what the benchmarks of these names cost."""
    for name in NAMES:
        instance = KINDS[kind](reference(name))
        best = ei.solve(instance, method)
        assert best.allocation is not None
        assert best.objective is not None
        found = decided(ei.Problem.of(instance), best.allocation)
        assert found.violation is None
        assert found.evaluation.objective == pytest.approx(best.objective, rel=1e-6)


def test_decisions_that_none_may_take() -> None:
    """ι < 1 without a download, and a download that data forbid, are named with their users."""
    instance = reference("letter-m4")
    some = replace(_spare(instance), download=np.array([1, 1, 0, 1]))
    found = decided(ei.Problem.of(instance), some)
    assert found.violation is not None
    assert str(found.violation).startswith("no local part without download (10d) at user 'eu3'")
    forbidden = instance.with_settings(["users[eu2].download=never"])
    found = decided(ei.Problem.of(forbidden), _spare(instance))
    assert found.violation is not None
    assert found.violation.user == "eu2"
