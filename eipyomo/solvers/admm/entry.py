"""The method as a function, for callers that give its options by keyword."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from eipyomo.problem import Problem
from eipyomo.solvers import judge
from eipyomo.solvers.admm.method import Admm
from eipyomo.solvers.admm.settings import AdmmOptions
from eipyomo.solvers.contract import GAP, TIME_LIMIT_S, Clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from eipyomo.allocation import Allocation
    from eipyomo.instance import Instance
    from eipyomo.result import Result
    from eipyomo.scaled import Round


def solve_admm(
    instance: Instance,
    *,
    gap: float = GAP,
    time_limit: float = TIME_LIMIT_S,
    round: Round = "inference",
    preset: str = "default",
    engine: str = "kernel",
    executor: Executor | None = None,
    start: Literal["equal"] | Allocation = "equal",
    penalty: float | Mapping[str, float] | None = None,
    balance: bool | None = None,
    stop: str | None = None,
    primal_tolerance: float | None = None,
    dual_tolerance: float | None = None,
    offload_grid: int | None = None,
    offload_tolerance: float | None = None,
    max_iterations: int | None = None,
    patience: int | None = None,
) -> Result:
    """Solve problem (10) by :class:`Admm`; the options are those of :class:`AdmmOptions`."""
    given: dict[str, Any] = {key: value for key, value in locals().items() if key != "instance"}
    problem = Problem.of(instance, round=given.pop("round"))
    return solve_problem(problem, AdmmOptions(**given))


def solve_problem(problem: Problem, options: AdmmOptions) -> Result:
    """Solve any problem by :class:`Admm`, and judge what it claims."""
    clock = Clock(options.time_limit)
    claim = Admm().run(problem, options, clock)
    return judge.judge(
        problem.instance,
        judge.Claim(claim.status, claim.allocation, **{**claim.report(), "message": claim.message}),
        method=Admm.name,
        problem=problem.name,
        gap=options.gap,
        wall_s=clock.elapsed_s - claim.setup_s,
        solver=claim.solver,
        options=claim.options,
        round=problem.stage,
        always_feasible=problem.always_feasible,
    )
