"""What the rows of all answers have in common: how they are solved, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.restriction import Restriction
from eipyomo.result import Result
from eipyomo.solvers.methods import DEFAULT_METHOD
from eipyomo.studies.many import solve_many
from eipyomo.validation import positive_number
from eipyomo.words import shown

if TYPE_CHECKING:
    import pandas as pd

GAP, TIME_LIMIT_S = 1e-6, 60.0
"""Relative gap and seconds for each row, unless told otherwise."""


@dataclass(frozen=True)
class Asking:
    """How each row of an answer is solved.

    Attributes
    ----------
    problem
        Which problem, as :func:`eipyomo.solve` takes it.
    gap
        Relative gap to stop at.
    time_limit
        In s.
    workers
        Processes; as many as this process may use processors if None.
    progress
        Whether to show in a terminal how many are done.
    """

    problem: str | Restriction
    gap: float
    time_limit: float
    workers: int | None
    progress: bool

    def solve(self, instances: Iterable[Instance], **options: Any) -> list[Result]:
        """Return the certified result of each instance, in order."""
        common = {"problem": self.problem, "gap": self.gap, "time_limit": self.time_limit}
        found = solve_many(
            list(instances),
            DEFAULT_METHOD,
            workers=self.workers,
            progress=self.progress,
            **common,
            **options,
        )
        return list(found)

    def to(self, gap: float) -> Asking:
        """Return the same at another gap."""
        return replace(self, gap=gap)


def totals(result: Result) -> tuple[float, float] | None:
    """Return the energy in J and the latency in s of all users, or None without a feasible point.

    They are the sums that ``total_energy_budget_j`` and ``total_latency_budget_s`` limit.
    """
    if result.evaluation is None or not result.feasible:
        return None
    terms = result.evaluation.breakdown
    return float(terms.energy_j.sum()), float(terms.latency_s.sum())


def said(result: Result) -> dict[str, Any]:
    """Return what a row says of its allocation, beside what was minimised, and why it ended."""
    both, allocation, evaluation = totals(result), result.allocation, result.evaluation
    found: dict[str, Any] = {"termination": result.termination}
    if both is not None and allocation is not None and evaluation is not None:
        found["downloads"] = int(allocation.download.sum())
        found["energy_j"], found["latency_s"] = both
        found["largest_latency_s"] = float(evaluation.breakdown.latency_s.max())
    return {**found, "message": result.message}


COUNTS, FLAGS = ("downloads", "as_slow"), ("reached_by_weights",)
"""Columns of whole numbers, and of what is true or false, where they are known at all."""


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a table; what a row lacks is missing there."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(columns))
    kinds = {"Int64": COUNTS, "boolean": FLAGS}
    return frame.astype(
        {name: kind for kind, names in kinds.items() for name in names if name in frame}
    )


def numbers(name: str, values: Any) -> list[float]:
    """Return numbers > 0 in ascending order, each once; one number is a list of one.

    Raises
    ------
    InputError
        If there is none, or one is not allowed.
    """
    if hasattr(values, "tolist"):  # arrays of numpy, series of pandas
        values = values.tolist()
    listed = list(values) if isinstance(values, list | tuple | range) else [values]
    if not listed or isinstance(values, str):
        raise InputError(f"{name} is {shown(values)}, but must be a list of numbers > 0, not empty")
    return sorted({positive_number(f"an element of {name}", one) for one in listed})


def require_per(per: str, known: Sequence[str]) -> None:
    """Refuse rows of a kind that there is none of.

    Raises
    ------
    InputError
        If that is so.
    """
    if per not in known:
        raise InputError(f"per is {shown(per)}, but must be one of: {', '.join(known)}")
