"""All methods by name, and the one entry to them: :func:`solve`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from eipyomo.errors import InputError, OutputError, SolverError
from eipyomo.files import refusal, write_atomically
from eipyomo.instance import Instance
from eipyomo.objective import Objective, objective_of
from eipyomo.problem import Problem
from eipyomo.restriction import Restriction, asked
from eipyomo.result import Result
from eipyomo.scaled import Stage
from eipyomo.solvers.admm.method import Admm
from eipyomo.solvers.benchmarks import (
    EXACT,
    Benchmark,
    EdgeOnly,
    Exhaustive,
    LocalOnly,
    SplitBand,
)
from eipyomo.solvers.contract import Clock, Method, Options
from eipyomo.solvers.exact.method import Enumeration
from eipyomo.solvers.judge import judge
from eipyomo.solvers.milp.method import Milp
from eipyomo.solvers.minlp.method import Minlp
from eipyomo.solvers.policies.at_random import Random
from eipyomo.solvers.policies.droo import Droo
from eipyomo.solvers.policies.equal import Equal
from eipyomo.solvers.policies.genetic import Genetic
from eipyomo.solvers.policies.greedy import Greedy
from eipyomo.validation import require_kind
from eipyomo.words import clipped, one_line, short

METHODS: Mapping[str, Method[Any] | Benchmark] = {
    one.name: one
    for one in (
        EXACT,
        Admm(),
        Minlp(),
        Milp(),
        EdgeOnly(),
        LocalOnly(),
        SplitBand(),
        Exhaustive(),
        Enumeration(),
        Random(),
        Equal(),
        Greedy(),
        Genetic(),
        Droo(),
    )
}

DEFAULT_METHOD = "exact"

USUAL = {"problem": "joint", "round": "inference", "objective": "wsel"}
WHAT = tuple(USUAL)
"""What says of an instance which problem is solved, and what if it is left out; of a benchmark the
name does, but for what is minimised."""


def options_of(method: str) -> tuple[str, ...]:
    """Return the names of all that a method can be asked for."""
    chosen = METHODS[method]
    what = ("objective",) if isinstance(chosen, Benchmark) else WHAT
    return (*chosen.Options.model_fields, *what)


@dataclass(frozen=True)
class Job:
    """A method with its options, and which problem of an instance it is to solve.

    Attributes
    ----------
    called
        The method's name, as reported.
    method, options
        What runs, and its checked options.
    problem, round, objective
        See :meth:`Problem.of`.
    """

    called: str
    method: Method[Any]
    options: Options
    problem: str | Restriction
    round: Stage
    objective: Objective

    def of(self, what: Instance | Problem) -> Problem:
        """Return the problem to solve; one that the method does not handle is refused."""
        if isinstance(what, Problem) and isinstance(METHODS[self.called], Benchmark):
            raise InputError(
                f"method is {short(self.called)}, which says itself which problem it solves, but a "
                "Problem is given: give the instance, or another method"
            )
        problem = Problem.of(what, self.problem, self.round, self.objective)
        if not problem.features <= self.method.handles:
            able = [name for name, one in METHODS.items() if _handles(one, problem)]
            problem.require(self.method.handles, f"method {self.called!r}", f"; {_who(able)}")
        self.method.require(problem)
        return problem

    def run(self, what: Instance | Problem) -> Result:
        """Solve, judge the claim, and write its files."""
        clock = Clock(self.options.time_limit)
        problem = self.of(what)
        # A cost beyond all numbers is infinite or none, and judged as such.
        with np.errstate(over="ignore", invalid="ignore"):
            claim = self.method.run(problem, self.options, clock)
            result = judge(
                claim.problem or problem,
                claim,
                method=self.called,
                options=self._reported if claim.options is None else claim.options,
                gap_at=self.options.gap_at,
                wall_s=clock.elapsed_s - claim.setup_s,
            )
        try:
            write_atomically(claim.files)
        except (InputError, OutputError) as error:
            raise OutputError(str(error), result) from None
        return result

    @cached_property
    def _reported(self) -> dict[str, Any]:
        return self.options.reported()

    @property
    def problem_name(self) -> str:
        """What the problem is called, for whatever instance."""
        restriction, stage = asked(self.problem, self.round)
        return restriction.kind(stage)


def _who(names: list[str]) -> str:
    """Say who handles what somebody else does not."""
    return f"{', '.join(names)} {'do' if len(names) > 1 else 'does'}" if names else "none does"


def _handles(method: Method[Any] | Benchmark, problem: Problem) -> bool:
    return isinstance(method, Method) and problem.features <= method.handles


def solve(
    what: Instance | Problem,
    method: str = DEFAULT_METHOD,
    *,
    problem: str | Restriction = "joint",
    round: Stage = "inference",
    objective: str | Objective = "wsel",
    **options: Any,
) -> Result:
    """Solve an instance.

    Parameters
    ----------
    what
        The instance, or a problem that says all but how to solve it.
    method
        One of ``METHODS``; ``minlp:bonmin`` is short for method ``minlp`` with
        ``solver="bonmin"``.
    problem
        Which problem of the instance: ``joint`` for (10), or a restriction of it: ``eco``,
        ``lco``, ``gbe``, ``grid:STEP``, or a :class:`~eipyomo.problem.Restriction`.
    round
        "training" for a round before the last: L = 0, a = 1 and ι = 0 for everybody.
    objective
        What is minimised: ``wsel`` (10a); ``band``, ``edge_frequency``: the least of it with which
        all limits can be met; ``slowest``: the largest latency of a user.
    **options
        ``gap`` (relative), ``time_limit`` in s, and the method's own.

    Raises
    ------
    InputError
        If the method or an option is unknown, a value is not allowed, or the method does not
        handle the problem.
    SolverError
        If a solver that the method needs is missing.
    OutputError
        If there is no space for a file that was asked for; its ``answer`` is the result.
    """
    if not isinstance(what, Problem):
        require_kind("instance", what, Instance)
    asked_for = {**options, "problem": problem, "round": round, "objective": objective}
    return resolve(method, _but_for_usual(asked_for)).run(what)


def _but_for_usual(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without what is usual of the problem, which a benchmark may be given too."""
    return {
        key: value for key, value in options.items() if not (key in USUAL and value == USUAL[key])
    }


def attempt(instance: Instance, method: str, **options: Any) -> Result:
    """Solve like :func:`solve`, but give a missing or failing solver back as a result.

    So it is where the system has no room for a solver's files.
    """
    return attempt_job(resolve(method, _but_for_usual(options)), method, options, instance)


def attempt_job(job: Job, method: str, options: dict[str, Any], instance: Instance) -> Result:
    """Return :func:`attempt` of what has been resolved, for any number of instances."""
    try:
        return job.run(instance)
    except (SolverError, OSError) as error:
        if isinstance(error, OutputError):
            raise
        return failure(
            instance,
            method,
            options,
            str(error) if isinstance(error, SolverError) else refusal(error),
        )


def failure(instance: Instance, method: str, options: dict[str, Any], message: str) -> Result:
    """Return the result of a method that gave no answer."""
    job = resolve(method, options)
    return Result(
        instance=instance.name,
        instance_digest=instance.digest(),
        method=job.called,
        problem=job.problem_name,
        minimised=job.objective.name,
        termination="error",
        solver=method.partition(":")[2] or options.get("solver"),
        options={key: value for key, value in options.items() if key != "start"},
        message=message,
    )


def resolve(method: str, options: dict[str, Any]) -> Job:
    """Return what runs for a name such as ``minlp:bonmin``, with its options checked.

    Raises
    ------
    InputError
        If the method or an option is unknown, or a value is not allowed.
    """
    require_kind("method", method, str)
    name, colon, solver = method.partition(":")
    if name not in METHODS or (colon and not solver):
        raise InputError(f"method is {short(method)}, but must be one of: {', '.join(METHODS)}")
    chosen = METHODS[name]
    if solver:
        if options.get("solver", solver) != solver:
            raise InputError(
                f"solver is {options['solver']!r}, but the method {method!r} names another"
            )
        options = {**options, "solver": solver}
    for key in options:
        if key in WHAT and key not in options_of(name):
            raise InputError(
                f"method is {short(name)}, which says itself which problem it solves, but {key} is "
                "given: leave it out, or take another method"
            )
        if key not in options_of(name):
            raise InputError(
                f"{clipped(one_line(key))} is not an option of method {short(name)}, but "
                f"must be one of: {', '.join(options_of(name))}"
            )
    problem, stage, minimised = (options.get(key, usual) for key, usual in USUAL.items())
    objective = objective_of(minimised)
    asked(problem, stage)  # refused now if it is none
    checked = chosen.Options(**{key: options[key] for key in options if key not in WHAT})
    if isinstance(chosen, Benchmark):
        by, its_options = chosen.method(checked)
        return Job(name, by, its_options, chosen.problem(checked), "inference", objective)
    return Job(name, chosen, checked, problem, stage, objective)
