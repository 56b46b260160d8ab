"""How a document says that solving ended, and what of it is proven."""

from __future__ import annotations

from collections.abc import Iterator

from eipyomo.claims.document import Document
from eipyomo.claims.methods import (
    ANY,
    EXACT_MACHINE,
    PROVING_ON_GRIDS,
    PROVING_SOLVERS,
    SOLVED_BY,
)
from eipyomo.claims.values import DIMENSIONLESS, is_number, relative_gap, same, written
from eipyomo.evaluation import FEASIBILITY_TOLERANCE
from eipyomo.objective import OWN, WSEL
from eipyomo.restriction import GRID, is_name
from eipyomo.words import short


def outcome(read: Document) -> Iterator[str]:
    """Hold objective, bound and gap against one another, and against there being an allocation."""
    sound = read.max_violation is not None and read.max_violation <= FEASIBILITY_TOLERANCE
    is_feasible = "feasible" if read.feasible else "infeasible"
    if read.feasible != sound:
        yield (
            f"to be {is_feasible}, but max_violation {written(read.max_violation)}, where "
            f"{FEASIBILITY_TOLERANCE:g} is allowed"
        )
    if (read.objective is not None) != read.feasible:
        yield f"objective {written(read.objective)}, but to be {is_feasible}"
    if (read.max_violation is not None) != (read.allocation is not None):
        yield f"max_violation {written(read.max_violation)}, which only an allocation has"
    if read.bound is not None and read.value is not None and read.bound > read.value:
        yield f"bound {written(read.bound)}, but its own point costs only {written(read.value)}"
    gap = relative_gap(read.value, read.bound)
    if not same(read.gap, gap, DIMENSIONLESS):
        what = "objective" if read.minimised == WSEL.name else "value"
        yield f"gap {written(read.gap)}, but {what} and bound make it {written(gap)}"


def minimised(read: Document) -> Iterator[str]:
    """Hold the value of what was minimised against what it is one of."""
    own, what = read.model_objective, read.minimised
    if own is not None and not read.feasible:
        yield f"model_objective {written(own)}, but has no feasible allocation"
    if own is not None and is_name(read.problem):
        yield f"model_objective {written(own)}, but problem {short(read.problem)} minimises another"
    if (own is not None) != (what == OWN):
        yield f"model_objective {written(own)}, but minimised {short(what)}"
    if (read.value is not None) != read.feasible:
        is_feasible = "feasible" if read.feasible else "infeasible"
        yield f"value {written(read.value)}, but to be {is_feasible}"
    expected = {OWN: own, WSEL.name: read.objective}.get(what, read.value)
    if not same(read.value, expected):
        yield f"value {written(read.value)}, but what was minimised is {written(expected)}"


def proof(read: Document) -> Iterator[str]:
    """Hold the problem and the bound against what the method solves and can prove."""
    solved, on_grid = SOLVED_BY[read.method], read.kind == "grid"
    if solved not in (ANY, read.kind):
        yield f"problem {short(read.problem)}, but method {short(read.method)} solves {solved}"
    if on_grid and "step" in read.options:
        step = read.options["step"]
        if not is_number(step) or f"{GRID}{step:g}" != read.problem:
            yield f"problem {short(read.problem)}, but its option step is {short(step)}"
    exactly = read.solver is None and read.method in EXACT_MACHINE
    proving = PROVING_SOLVERS | (PROVING_ON_GRIDS if on_grid else frozenset())
    if not (read.bound is None or exactly or read.solver in proving):
        by = f" with solver {short(read.solver)}" if read.solver is not None else ""
        yield f"bound {written(read.bound)}, but method {short(read.method)}{by} proves none"


def ending(read: Document) -> Iterator[str]:
    """Hold the termination against what there is."""
    how = read.termination
    if how in ("optimal", "converged") and not read.feasible:
        yield f"termination {short(how)}, but has no feasible allocation"
    if how == "limit" and read.allocation is not None and not read.feasible:
        yield "termination 'limit', but its allocation is infeasible, which is an error"
    if how == "infeasible" and (read.feasible or read.bound is not None):
        what = (
            f"an allocation with max_violation {read.max_violation:.3g}"
            if read.feasible
            else f"bound {written(read.bound)}"
        )
        yield f"termination 'infeasible', but has {what}"
    if how == "converged" and read.bound is not None:
        yield f"termination 'converged', which proves nothing, but also bound {written(read.bound)}"
    if how == "error" and not read.message.strip():
        yield "termination 'error', but its message says nothing"
    if how == "optimal" and read.objective is not None:
        allowed, gap = _allowed_gap(read), relative_gap(read.value, read.bound)
        if allowed is None or gap is None or gap > allowed * (1.0 + 1e-6):
            yield (
                "termination 'optimal', but its gap is "
                f"{'unknown' if gap is None else f'{gap:.3g}'}, where its options allow "
                f"{'none' if allowed is None else f'{allowed:.3g}'}"
            )


def _allowed_gap(read: Document) -> float | None:
    """Return the relative gap that the options ask for; None if they name none."""
    if "gap" not in read.options:
        return None
    gap, absolute = float(read.options["gap"]), float(read.options.get("absolute_gap", 0.0))
    return max(gap, absolute / abs(read.value)) if read.value else gap
