"""Methods that the exact machine solves to proven optimality: (10) and its restrictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError, OutputError
from eipyomo.evaluation import evaluate
from eipyomo.files import PathLike, write_atomically
from eipyomo.problem import Problem, Restriction
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.exact.method import GAP, Enumeration, EnumerationOptions, Exact, ExactOptions
from eipyomo.solvers.judge import Claim, judge

if TYPE_CHECKING:
    from eipyomo.instance import Instance
    from eipyomo.result import Result
    from eipyomo.scaled import Round
    from eipyomo.solvers import contract

TIME_LIMIT_S = 60.0


def solve_exactly(
    instance: Instance,
    *,
    gap: float = GAP,
    absolute_gap: float = 0.0,
    time_limit: float = TIME_LIMIT_S,
    node_limit: int | None = None,
    round: Round = "inference",
    certificate: PathLike | None = None,
) -> Result:
    """Solve (10) to proven global optimality.

    Parameters
    ----------
    instance
        The instance.
    gap, absolute_gap
        Stop when the objective is within the larger of `gap` · |objective| and `absolute_gap` of
        the bound.
    time_limit
        In s, from now. On a limit there still is an incumbent and a valid bound.
    node_limit
        Largest number of nodes; None for no limit.
    round
        "training" for a round before the last.
    certificate
        File to write what proves the bound to; :func:`eipyomo.verify.verify` reads it.

    Raises
    ------
    OutputError
        If there is no space for the certificate; its ``answer`` is the result.
    """
    return solve_restricted(
        instance,
        "exact",
        gap=gap,
        absolute_gap=absolute_gap,
        time_limit=time_limit,
        node_limit=node_limit,
        round=round,
        certificate=certificate,
    )


def solve_restricted(
    instance: Instance,
    method: str,
    restriction: Restriction | None = None,
    *,
    gap: float = GAP,
    absolute_gap: float = 0.0,
    time_limit: float = TIME_LIMIT_S,
    node_limit: int | None = None,
    round: Round = "inference",
    certificate: PathLike | None = None,
) -> Result:
    """Solve (10) under a restriction to proven global optimality.

    Parameters
    ----------
    instance
        The instance.
    method
        Name to report.
    restriction
        The restriction; None for (10) itself.
    gap, absolute_gap, time_limit, node_limit, round, certificate
        As for :func:`solve_exactly`.
    """
    clock = Clock(time_limit)
    options = ExactOptions(
        gap=gap,
        time_limit=time_limit,
        absolute_gap=absolute_gap,
        node_limit=node_limit,
        certificate=certificate,
    )
    problem = Problem(instance, restriction or Restriction(), round)
    claim = Exact().run(problem, options, clock)
    result = _judged(problem, claim, method, options.reported(), options, clock)
    try:
        write_atomically(claim.files)
    except (InputError, OutputError) as error:
        raise OutputError(str(error), result) from None
    return result


def solve_by_enumeration(
    instance: Instance, step: float, *, gap: float = GAP, time_limit: float = TIME_LIMIT_S
) -> Result:
    """Solve (10) with ι on a grid by enumeration of all combinations.

    Parameters
    ----------
    instance
        The instance; the number of combinations, (1/step + 1)^users, is limited.
    step
        1/n for a whole number n.
    gap, time_limit
        As for :func:`solve_exactly`.
    """
    clock = Clock(time_limit)
    options = EnumerationOptions(gap=gap, time_limit=time_limit)
    problem = Problem(instance, Restriction.on_grid(step))
    claim = Enumeration().run(problem, options, clock)
    reported = {**options.reported(), "step": step, "enumeration": True}
    return _judged(problem, claim, "exhaustive", reported, options, clock)


def _judged(
    problem: Problem,
    claim: contract.Claim,
    method: str,
    reported: dict[str, Any],
    options: EnumerationOptions,
    clock: Clock,
) -> Result:
    gap = options.gap
    if claim.allocation is not None:
        gap = options.gap_at(evaluate(problem, claim.allocation).objective)
    return judge(
        problem.instance,
        Claim(claim.status, claim.allocation, claim.bound, **claim.report()),
        method=method,
        problem=problem.name,
        options=reported,
        gap=gap,
        wall_s=clock.elapsed_s - claim.setup_s,
        round=problem.stage,
    )
