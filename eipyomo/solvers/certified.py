"""Methods that the exact machine solves to proven optimality: (10) and its restrictions.

The machine itself is :mod:`eipyomo.solvers.exact`; it is compiled, and loaded when it is first
needed.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError, OutputError
from eipyomo.files import PathLike, require_writable, to_json, write_atomically
from eipyomo.solvers.judge import Claim, judge
from eipyomo.validation import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from eipyomo.instance import Instance
    from eipyomo.result import Result
    from eipyomo.scaled import Round
    from eipyomo.solvers.exact import ExactOutcome, Restriction

GAP = 1e-6
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
    restriction: Callable[[type[Restriction]], Restriction] | None = None,
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
        Makes the restriction, given its class; None for (10) itself.
    gap, absolute_gap, time_limit, node_limit, round, certificate
        As for :func:`solve_exactly`.
    """
    started = time.monotonic()
    if node_limit is not None:
        node_limit = whole_number("node_limit", node_limit, 1)
    if certificate is not None:
        require_writable(certificate)
    setup_s = prepare()
    machine = _machine()
    outcome = machine.solve_exact(
        instance,
        gap=gap,
        absolute_gap=absolute_gap,
        time_limit=time_limit - (time.monotonic() - started),
        node_limit=node_limit,
        round=round,
        restriction=restriction(machine.Restriction) if restriction is not None else None,
    )
    options: dict[str, Any] = {"gap": gap, "time_limit": time_limit}
    options |= {"absolute_gap": absolute_gap} if absolute_gap else {}
    options |= {"node_limit": node_limit} if node_limit is not None else {}
    result = judge(
        instance,
        Claim(
            status=outcome.status,
            allocation=outcome.allocation,
            bound=outcome.bound,
            message=outcome.message,
            setup_s=setup_s,
            iterations=outcome.nodes,
            trace=[asdict(step) for step in outcome.trace],
            prices=_prices(instance, outcome),
        ),
        method=method,
        problem=outcome.problem,
        options=options,
        gap=max(gap, absolute_gap / abs(outcome.objective)) if outcome.objective else gap,
        wall_s=time.monotonic() - started - setup_s,
        round=round,
    )
    if certificate is not None:
        document = machine.certificate.certificate(instance, outcome)
        try:
            write_atomically({certificate: to_json(document, indent=None)})
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
    started = time.monotonic()
    setup_s = prepare()
    found = _enumeration().enumerate_grid(
        instance, step, gap=gap, time_limit=time_limit - (time.monotonic() - started)
    )
    return judge(
        instance,
        Claim(
            status="optimal" if found.closed else "limit",
            allocation=found.allocation,
            bound=found.bound,
            message=f"{found.combinations} combinations; {found.solved} were solved, the others "
            f"{'cost more by' if found.closed else 'are left to'} their bounds",
            setup_s=setup_s,
            iterations=found.solved,
        ),
        method="exhaustive",
        problem=f"grid:{step:g}",
        options={"gap": gap, "time_limit": time_limit, "step": step, "enumeration": True},
        gap=gap,
        wall_s=time.monotonic() - started - setup_s,
    )


def prepare() -> float:
    """Load the compiled code, or compile it on first use; return the seconds that took now."""
    started = time.monotonic()
    _machine().prepare()
    return time.monotonic() - started


@cache
def _machine() -> Any:
    """Return the package of the exact machine, which takes a second to load."""
    importlib.import_module("eipyomo.solvers.exact.certificate")
    return importlib.import_module("eipyomo.solvers.exact")


def _enumeration() -> Any:
    return importlib.import_module("eipyomo.solvers.exact.enumeration")


def _prices(instance: Instance, outcome: ExactOutcome) -> dict[str, Any] | None:
    """Return the prices of what users share, as the result document has them."""
    if outcome.sync_price is None or outcome.delay_price is None:
        return None
    edge_price = outcome.edge_frequency_price
    edge = {} if edge_price is None else {"edge_frequency_per_ghz": edge_price}
    return {
        "bandwidth_per_mhz": outcome.bandwidth_price,
        "downlink_bandwidth_per_mhz": outcome.downlink_bandwidth_price,
        **edge,
        "users": [
            {"name": user.name, "sync_per_s": float(sync), "delay_per_s": float(delay)}
            for user, sync, delay in zip(
                instance.users, outcome.sync_price, outcome.delay_price, strict=True
            )
        ],
    }
