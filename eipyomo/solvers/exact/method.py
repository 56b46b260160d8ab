"""The exact method and the enumeration, as methods like the others."""

from __future__ import annotations

import time
from typing import Annotated, Any

from pydantic import Field

from eipyomo.errors import InputError
from eipyomo.files import PathLike, require_json, require_writable, to_json
from eipyomo.objective import WSEL
from eipyomo.problem import LEAST_FEATURES, LETTER_FEATURES, USER_LIMIT_FEATURES, Feature, Problem
from eipyomo.solvers import exact
from eipyomo.solvers.contract import Claim, Clock, Method, Options
from eipyomo.validation import NonNegative, Positive, Whole

GAP = 1e-6


class ProvenOptions(Options):
    """What the exact machine can be asked for, by whatever name: a smaller gap than others."""

    gap: Annotated[Positive, Field(description="relative gap to stop at")] = GAP


class CertifiedOptions(ProvenOptions):
    """What :class:`Exact` can be asked for, by whatever name: a proof that others can verify."""

    certificate: Annotated[
        PathLike | None,
        Field(description="file to write what proves the bound, or infeasibility, to"),
    ] = None

    def reported(self) -> dict[str, Any]:
        """Leave out where the certificate is, which changes no result."""
        return {key: value for key, value in super().reported().items() if key != "certificate"}


class ExactOptions(CertifiedOptions):
    """Options of :class:`Exact`."""

    absolute_gap: Annotated[
        NonNegative,
        Field(description="gap in WSEL to stop at, where that is more than the relative one"),
    ] = 0.0
    node_limit: Annotated[Whole | None, Field(description="largest number of nodes")] = None

    def gap_at(self, objective: float) -> float:
        """Return the larger of the two gaps, relative to an objective."""
        return max(self.gap, self.absolute_gap / abs(objective)) if objective else self.gap


class Exact(Method[ExactOptions]):
    """Branch and bound on the Lagrangian dual, to proven global optimality.

    On a limit there still is an incumbent and a valid bound.
    """

    name = "exact"
    description = "(10) to proven global optimality, at any size"
    Options = ExactOptions
    handles = (
        LETTER_FEATURES
        | USER_LIMIT_FEATURES
        | LEAST_FEATURES
        | {Feature.FLEET_BUDGETS, Feature.MODES, Feature.PARTICIPATION}
    )

    def run(self, problem: Problem, options: ExactOptions, clock: Clock) -> Claim:
        """Solve a problem; the certificate is among the files of the claim."""
        if options.certificate is not None:
            require_writable(options.certificate)
            require_json("certificate", options.certificate)
        setup_s = prepare()
        clock = clock.but_for(setup_s)
        outcome = exact.solve_exact(
            problem,
            gap=options.gap,
            absolute_gap=options.absolute_gap,
            time_limit=clock.left_s,
            node_limit=options.node_limit,
        )
        files: dict[PathLike, str] = {}
        if options.certificate is not None:
            files[options.certificate] = to_json(outcome.certificate(), indent=None)
        return Claim(
            status=outcome.status,
            allocation=outcome.allocation,
            bound=outcome.bound,
            message=outcome.message + _enough(outcome, clock),
            setup_s=setup_s,
            iterations=outcome.nodes,
            trace=[dict(vars(step)) for step in outcome.trace],
            prices=_prices(outcome),
            conflicts=[
                {"user": one.user, "limit": one.limit, "value": float(one.value)}
                for one in outcome.conflicts
            ],
            files=files,
        )


class Enumeration(Method[ProvenOptions]):
    """All combinations of decisions on a grid of ι, one by one.

    It is a second way to the optimum that :class:`Exact` finds by branch and bound.
    """

    name = "enumeration"
    description = "ι on a grid, every combination one by one"
    Options = ProvenOptions
    handles = frozenset({Feature.GRID, Feature.EDGE_BUDGET})

    def require(self, problem: Problem) -> None:
        """Refuse a problem without a grid."""
        if Feature.GRID not in problem.features:
            raise InputError(
                f"method {self.name!r} needs {Feature.GRID.value}, which the problem "
                f"{problem.name!r} has not; 'grid:0.2' has"
            )

    def run(self, problem: Problem, options: ProvenOptions, clock: Clock) -> Claim:
        """Solve a problem with a grid.

        Raises
        ------
        InputError
            If there are too many combinations.
        """
        setup_s = prepare()
        time_limit = clock.but_for(setup_s).left_s
        found = exact.enumerate_grid(problem, gap=options.gap, time_limit=time_limit)
        return Claim(
            status="optimal" if found.closed else "limit",
            allocation=found.allocation,
            bound=found.bound,
            message=f"{found.combinations} combinations; {found.solved} were solved, the others "
            f"{'cost more by' if found.closed else 'are left to'} their bounds",
            setup_s=setup_s,
            iterations=found.solved,
        )


def prepare() -> float:
    """Load the compiled code, or compile it on first use; return the seconds that took now."""
    started = time.monotonic()
    exact.prepare()
    return time.monotonic() - started


def _enough(outcome: exact.ExactOutcome, clock: Clock) -> str:
    """Say what would be enough where limits cannot be met together."""
    if not outcome.conflicts or outcome.problem.objective != WSEL:
        return ""
    return exact.what_would_be_enough(outcome.problem, clock)


def _prices(outcome: exact.ExactOutcome) -> dict[str, Any] | None:
    """Return the prices of what users share, as the result document has them."""
    if outcome.prices is None or outcome.sync_price is None or outcome.delay_price is None:
        return None
    columns = {"sync_per_s": outcome.sync_price, "delay_per_s": outcome.delay_price}
    features = outcome.problem.features
    if Feature.DEADLINES in features and outcome.deadline_price is not None:
        columns["deadline_per_s"] = outcome.deadline_price
    if Feature.ENERGY_BUDGETS in features and outcome.energy_price is not None:
        columns["energy_budget_per_j"] = outcome.energy_price
    users = [
        {"name": name, **{key: float(column[j]) for key, column in columns.items()}}
        for j, name in enumerate(outcome.problem.data.names)
    ]
    return {**outcome.prices, "users": users}
