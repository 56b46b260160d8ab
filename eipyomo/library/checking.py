"""Proving entries again: their instance, a point as good as the best known one, and their bound."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eipyomo.evaluation import evaluate
from eipyomo.library import shelf
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify

if TYPE_CHECKING:
    from eipyomo.library.shelf import Entry
    from eipyomo.solvers.exact import ExactOutcome
    from eipyomo.verify import Verified

GAPS = (1e-6, 1e-7, 1e-8)
"""Relative gaps to which an entry is solved, one after another until its claims are proven."""

CLOSE = 1e-6
"""How near, relative, a point has to come to the best known value."""

EXACTLY = 1e-9
"""The most, relative, by which that point may violate anything."""


@dataclass(frozen=True)
class Checked:
    """What was proven of an entry.

    Attributes
    ----------
    name
        Of the entry.
    doubt
        One sentence on what is not true or not proven; None if everything is.
    value
        Of the feasible allocation that was found, None without one.
    bound
        That the certificate proves; None where it proves infeasibility, or nothing.
    wall_s
        Seconds.
    certificate
        The certificate, as a document.
    """

    name: str
    doubt: str | None
    value: float | None
    bound: float | None
    wall_s: float
    certificate: dict[str, Any]


def check(name: str) -> Checked:
    """Solve an entry, and prove its claims by a certificate that is verified.

    Raises
    ------
    InputError
        If there is none of this name.
    SolverError
        If python-flint is not installed.
    """
    begin = time.perf_counter()
    entry, problem = shelf.entry(name), shelf.problem(name)
    for gap in GAPS:
        outcome = solve_exact(problem, gap=gap)
        certificate: dict[str, Any] = json.loads(json.dumps(outcome.certificate()))
        verified = verify(problem.instance, certificate)
        value = None
        if outcome.allocation is not None:
            judged = evaluate(problem, outcome.allocation)
            value = judged.value if judged.max_violation <= EXACTLY else None
        doubt = _doubt(entry, outcome, verified, value)
        if doubt is None:
            break
    if problem.instance.digest() != entry.digest:
        doubt = "its recipe makes another instance than the one that was solved"
    bound = verified.bound if math.isfinite(verified.bound) else None
    return Checked(name, doubt, value, bound, time.perf_counter() - begin, certificate)


def _doubt(
    entry: Entry, outcome: ExactOutcome, verified: Verified, value: float | None
) -> str | None:
    """Return what is not proven of an entry's claims."""
    if verified.doubt is not None:
        return verified.doubt
    if entry.infeasible or entry.value is None or entry.bound is None:
        return None if verified.infeasible else f"infeasibility is not proven: {outcome.message}"
    if not verified.bound >= entry.bound:
        return f"only the bound {verified.bound:.12g} is proven, not {entry.bound:.12g}"
    if entry.value < verified.bound:
        return f"no allocation has the value {entry.value:.12g}: it is below a proven bound"
    if value is None or value > entry.value + CLOSE * abs(entry.value):
        return f"no allocation as good as {entry.value:.12g} was found"
    return None
