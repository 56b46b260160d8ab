"""What a method found, what it claims, and how much of that is proven."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from eipyomo.allocation import Allocation, Evaluation, evaluate
from eipyomo.files import PathLike, to_json, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eipyomo.instance import Instance
    from eipyomo.scaled import Round

SCHEMA = "eipyomo/result@1"

Termination = Literal["optimal", "converged", "limit", "infeasible", "error"]


@dataclass(frozen=True, eq=False)
class Result:
    """Answer of one method on one instance.

    Attributes
    ----------
    instance, method, solver, solver_version, options
        What was run; `instance` is the instance's name.
    problem
        ``joint`` for (10), ``training`` for a round before the last, otherwise the restriction
        that was solved (``eco``, ``lco``).
    termination
        ``optimal``: incumbent and valid bound are within the gap; ``converged``: a heuristic or
        local method met its own stopping rule; ``limit``: time, nodes or iterations ran out;
        ``infeasible``: no allocation satisfies the constraints; ``error``: no answer, or a false
        claim.
    allocation
        The best allocation known, or None.
    evaluation
        What :func:`eipyomo.evaluate` says about it; the only source of `objective`.
    bound
        A valid lower bound on the optimum of `problem`, or None.
    model_objective
        The model's own objective at `allocation`, where a user has put one in place of WSEL;
        `bound` and `gap` are then of it.
    wall_s, setup_s
        Seconds inside the method, and before it on starting solvers.
    start_objective
        What the start costs that the solver was given, as it tells itself; None where it was given
        none, has refused it, or does not tell.
    iterations
        Iterations or nodes, where the method counts them.
    trace
        One row per iteration or node, where the method keeps them.
    prices
        What the dual gives for free, where the method has it: by how much one more MHz, or one
        more GHz of the edge server's total frequency, lowers WSEL, and per user by how much a
        later upload or start raises it, per s.
    message
        One sentence that a person can act on.
    """

    instance: str
    method: str
    problem: str
    termination: Termination
    solver: str | None = None
    solver_version: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    allocation: Allocation | None = None
    evaluation: Evaluation | None = None
    bound: float | None = None
    model_objective: float | None = None
    wall_s: float = 0.0
    setup_s: float = 0.0
    start_objective: float | None = None
    iterations: int | None = None
    trace: Sequence[Mapping[str, Any]] = ()
    prices: Mapping[str, Any] | None = None
    message: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], instance: Instance) -> Self:
        """Read a result document back; its allocation is evaluated anew.

        Parameters
        ----------
        document
            What :meth:`to_dict` returned.
        instance
            The instance that was solved.
        """
        judged = ("allocation", "evaluation")
        names = [field.name for field in fields(cls) if field.name not in judged]
        found = {name: document[name] for name in names}
        if document["allocation"] is None:
            return cls(**found)
        allocation = Allocation.from_dict(document["allocation"])
        round: Round = "training" if found["problem"].endswith("training") else "inference"
        return cls(**found, allocation=allocation, evaluation=evaluate(instance, allocation, round))

    @property
    def objective(self) -> float | None:
        """WSEL of `allocation` as evaluated, or None without a feasible allocation."""
        if self.evaluation is None or not self.evaluation.feasible:
            return None
        return self.evaluation.objective

    @property
    def gap(self) -> float | None:
        """Return (objective - bound) / |objective|, or None where one of them is missing."""
        own = self.model_objective
        return relative_gap(self.objective if own is None else own, self.bound)

    @property
    def feasible(self) -> bool:
        """Whether `allocation` exists and satisfies the constraints."""
        return self.evaluation is not None and self.evaluation.feasible

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a JSON document of schema ``eipyomo/result@1``."""
        evaluation = self.evaluation
        return {
            "schema": SCHEMA,
            "instance": self.instance,
            "method": self.method,
            "solver": self.solver,
            "solver_version": self.solver_version,
            "options": dict(self.options),
            "problem": self.problem,
            "termination": self.termination,
            "objective": self.objective,
            "bound": self.bound,
            "model_objective": self.model_objective,
            "gap": self.gap,
            "feasible": self.feasible,
            "max_violation": evaluation.max_violation if evaluation is not None else None,
            "wall_s": self.wall_s,
            "setup_s": self.setup_s,
            "start_objective": self.start_objective,
            "iterations": self.iterations,
            "allocation": self.allocation.to_dict() if self.allocation is not None else None,
            "breakdown": evaluation.breakdown.to_dict() if evaluation is not None else None,
            "prices": dict(self.prices) if self.prices is not None else None,
            "trace": [dict(row) for row in self.trace],
            "message": self.message,
        }

    def to_json(self, path: PathLike) -> None:
        """Write a result file, replacing an existing one atomically."""
        write_atomically({path: to_json(self.to_dict())})


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return (objective - bound) / |objective|; 0 where they are equal, None where undefined."""
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    return (objective - bound) / abs(objective) if objective else None
