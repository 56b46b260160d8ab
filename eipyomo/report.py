"""What whoever finds an answer tells about how, carried whole from a solver to the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

Status = Literal["optimal", "converged", "limit", "infeasible", "unbounded", "error"]
"""``optimal``: within the gap of a bound that is proven; ``converged``: by its own rule;
``limit``: time, nodes or iterations were up, or it was ended; ``infeasible``, ``unbounded``: it
says so, which is no proof; ``error``: anything else, and no answer at all."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """How an answer was found.

    Attributes
    ----------
    message
        Words for a person: the solver's own, or what went wrong.
    solver_version
        Version of the solver, as it tells.
    setup_s
        Seconds before the search, on compiling and on starting solvers.
    start_objective
        What the start costs that the solver was given, as it tells itself; None where it was given
        none, has refused it, or does not tell.
    iterations
        Iterations or nodes, where they are counted.
    trace
        One row per iteration or node, where they are kept.
    prices
        What more of each budget saves, where it is known.
    conflicts
        Limits that cannot be met together, where it is known: the ``user`` (None for a total), the
        ``limit`` by its key in an instance, and its ``value`` in SI units.
    """

    message: str = ""
    solver_version: str | None = None
    setup_s: float = 0.0
    start_objective: float | None = None
    iterations: int | None = None
    trace: Sequence[Mapping[str, Any]] = ()
    prices: Mapping[str, Any] | None = None
    conflicts: Sequence[Mapping[str, Any]] = ()

    def report(self) -> dict[str, Any]:
        """Return the fields of the report alone, to carry them on."""
        return {field.name: getattr(self, field.name) for field in fields(Report)}
