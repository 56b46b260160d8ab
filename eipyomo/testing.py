"""What tests of a method, a policy or a solver of your own need: assertions, and fake solvers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, evaluate
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.result import Result
from eipyomo.solvers.backends import BACKENDS
from eipyomo.solvers.backends.wheels import WheelBackend
from eipyomo.solvers.methods import solve
from eipyomo.words import short

ROUNDING = 1e-9
"""Relative distance of two values that are the same."""


def assert_feasible(
    what: Instance | Problem, allocation: Allocation, tolerance: float = FEASIBILITY_TOLERANCE
) -> None:
    """Assert that an allocation keeps every constraint of (10), and all limits of the data.

    Parameters
    ----------
    what, allocation
        As for :func:`~eipyomo.evaluate`, which judges.
    tolerance
        Largest violation that is none, relative to natural sizes.

    Raises
    ------
    AssertionError
        If a constraint is violated; it names the one that is violated most, and the user.
    """
    worst = next(iter(evaluate(what, allocation).violations), None)
    if worst is not None and worst.amount > tolerance:
        whom = "" if worst.user is None else f" of {worst.user!r}"
        raise AssertionError(f"{worst.constraint}{whom} is violated by {worst.amount:.3g}")


def assert_bound(what: Instance | Problem, bound: float, *, gap: float = 1e-6) -> Result:
    """Assert that no feasible allocation is below a bound, by the certified optimum.

    Parameters
    ----------
    what
        An instance or a problem.
    bound
        Lower bound on what it minimises.
    gap
        Relative gap of the certified answer that it is held against.

    Returns
    -------
    Result
        That answer.

    Raises
    ------
    AssertionError
        If a feasible allocation is below the bound, or the answer is not certified.
    """
    result = solve(what, "exact", gap=gap)
    if result.termination != "optimal" or result.value is None:
        raise AssertionError(f"the optimum is not known: {result.termination}, {result.message}")
    if bound > result.value + ROUNDING * abs(result.value):
        raise AssertionError(
            f"the bound {bound:.9g} is above a feasible allocation's {result.value:.9g}"
        )
    return result


def assert_near_optimum(
    what: Instance | Problem, allocation: Allocation, excess: float, *, gap: float = 1e-6
) -> float:
    """Assert that an allocation is feasible, and costs little more than the certified optimum.

    Parameters
    ----------
    what, allocation
        As for :func:`~eipyomo.evaluate`.
    excess
        Largest part by which its cost may be above the certified lower bound.
    gap
        Relative gap of the certified answer that it is held against.

    Returns
    -------
    float
        By which part it is above.

    Raises
    ------
    AssertionError
        If it is not feasible, costs more, or is below the bound: one of the two is wrong then.
    """
    assert_feasible(what, allocation)
    value = evaluate(what, allocation).value
    bound = _bound(what, gap)
    above = (value - bound) / abs(bound)
    if above < -ROUNDING:
        raise AssertionError(f"the cost {value:.9g} is below the certified bound {bound:.9g}")
    if above > excess:
        raise AssertionError(f"the cost is {above:.3g} above the bound, at most {excess:g} asked")
    return above


def _bound(what: Instance | Problem, gap: float) -> float:
    """Return the certified bound."""
    result = solve(what, "exact", gap=gap)
    if result.bound is None:
        raise AssertionError(f"there is no bound: {result.termination}, {result.message}")
    return result.bound


@contextmanager
def fake_solver(name: str, script: str) -> Iterator[None]:
    """Let a script run in the place of a solver from a wheel, in its process, while this lasts.

    So you can see what your code does when a solver hangs, dies, or answers nonsense.

    Parameters
    ----------
    name
        ``"scip"``, ``"bonmin"``, ``"ipopt"``, ``"highs"``, ...
    script
        Python text; its working folder is that of the job.

    Raises
    ------
    InputError
        If there is no such solver from a wheel.
    """
    backend = BACKENDS.get(name)
    if not isinstance(backend, WheelBackend):
        names = ", ".join(key for key, one in BACKENDS.items() if isinstance(one, WheelBackend))
        raise InputError(f"name is {short(name)}, but must be one of: {names}")
    with tempfile.TemporaryDirectory(prefix="eipyomo-fake-") as folder:
        file = Path(folder) / "fake.py"
        file.write_text(script, encoding="utf-8")
        with patch.dict(BACKENDS, {name: replace(backend, script=str(file))}):
            yield
