"""What a method found, what it claims, and how much of that is proven."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from eipyomo import claims
from eipyomo.allocation import Allocation
from eipyomo.claims import SCHEMA, Termination, relative_gap
from eipyomo.errors import InputError
from eipyomo.evaluation import Evaluation
from eipyomo.files import PathLike, about, read_document, write_document
from eipyomo.instance import Instance
from eipyomo.objective import WSEL
from eipyomo.report import Report
from eipyomo.summary import Summarised, Summary, number
from eipyomo.validation import require_kind
from eipyomo.version import __version__, commit
from eipyomo.words import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from eipyomo.verify import Verified

__all__ = ["SCHEMA", "Result", "Termination", "relative_gap"]


@dataclass(frozen=True, eq=False, repr=False)
class Result(Summarised, Report):
    """Answer of one method on one instance.

    Attributes
    ----------
    instance, method, solver, options
        What was run; `instance` is the instance's name.
    instance_digest
        Hash of the instance's data, by which a document is told from one of another instance;
        None in documents of old.
    problem
        ``joint`` for (10), ``training`` for a round before the last, otherwise the restriction
        that was solved (``eco``, ``grid:0.2``); ``restricted`` for one without a name, of which
        `options` has the `label`.
    termination
        ``optimal``: incumbent and valid bound are within the gap; ``converged``: a heuristic or
        local method met its own stopping rule; ``limit``: time, nodes or iterations ran out;
        ``infeasible``: no allocation satisfies the constraints; ``error``: no answer, or a false
        claim.
    allocation
        The best allocation known, or None.
    evaluation
        What :func:`eipyomo.evaluate` says about it; the only source of `objective`.
    minimised
        What was: one of ``OBJECTIVES``, or ``model`` for an objective of a user's own.
    bound
        A valid lower bound on the optimum of `problem`, in the unit of `value`, or None.
    model_objective
        Value of a user's own objective at `allocation`, which no evaluation tells.
    wall_s
        Seconds inside the method, `setup_s` not counted.
    prices
        What the dual gives for free, where the method has it: by how much one more MHz, or one
        more GHz of the edge server's total frequency, lowers WSEL, and per user by how much a
        later upload or start raises it, per s.
    message
        One sentence that a person can act on.
    package_version, package_commit
        Version of this package, and the commit of its code, where that is known, with a plus where
        code differs from it; both None in documents of old.
    """

    instance: str
    method: str
    problem: str
    termination: Termination
    solver: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    allocation: Allocation | None = None
    evaluation: Evaluation | None = None
    minimised: str = WSEL.name
    bound: float | None = None
    model_objective: float | None = None
    wall_s: float = 0.0
    instance_digest: str | None = None
    package_version: str | None = __version__
    package_commit: str | None = field(default_factory=commit)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], instance: Instance) -> Self:
        """Read a result document back, of which nothing is believed that is not true.

        Its allocation is evaluated anew, and every claim is checked; see :mod:`eipyomo.claims`.

        Parameters
        ----------
        document
            What :meth:`to_dict` returned.
        instance
            The instance that was solved.

        Raises
        ------
        InputError
            If the document is broken, or one of another instance.
        ClaimError
            If it says what is not true.
        """
        require_kind("instance", instance, Instance)
        allocation, evaluation = claims.check(document, instance)
        judged = ("allocation", "evaluation")
        names = [field.name for field in fields(cls) if field.name not in judged]
        as_now = claims.as_now(document)
        found = {name: as_now[name] for name in names if name in as_now}
        conflicts = as_now.get("conflict") or ()
        return cls(**found, conflicts=conflicts, allocation=allocation, evaluation=evaluation)

    @classmethod
    def from_json(cls, path: PathLike, instance: Instance) -> Self:
        """Read a result file back; as :meth:`from_dict`, and errors name the file."""
        document = read_document(path, "result")
        with about(path):
            return cls.from_dict(document, instance)

    def _summary(self) -> Summary:
        facts = (
            f"{self.method}, {self.problem}: {self.termination}",
            number("WSEL", self.objective),
            None if self.minimised == WSEL.name else number(self.minimised, self.value),
            number("bound", self.bound),
            None if self.gap is None else f"gap {self.gap:.2g}",
            self.message,
        )
        users = 0 if self.allocation is None else len(self.allocation.names)
        return Summary(self.instance, facts, self._rows(), users)

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Iterate over decisions of the users, and what they come to."""
        if self.allocation is None or self.evaluation is None:
            return
        decisions, terms = self.allocation.to_dict()["users"], self.evaluation.breakdown.records()
        for chosen, term in zip(decisions, terms, strict=True):
            yield {**chosen, **{key: term[key] for key in ("energy_j", "latency_s", "wsel")}}

    @property
    def objective(self) -> float | None:
        """WSEL of `allocation` as evaluated, or None without a feasible allocation."""
        if self.evaluation is None or not self.evaluation.feasible:
            return None
        return self.evaluation.objective

    @property
    def value(self) -> float | None:
        """Value of what was minimised, in its unit; None without a feasible allocation."""
        if self.evaluation is None or not self.evaluation.feasible:
            return None
        return self.evaluation.value if self.model_objective is None else self.model_objective

    @property
    def gap(self) -> float | None:
        """Return (value - bound) / |value|, or None where one of them is missing."""
        return relative_gap(self.value, self.bound)

    @property
    def feasible(self) -> bool:
        """Whether `allocation` exists and satisfies the constraints."""
        return self.evaluation is not None and self.evaluation.feasible

    def frame(self) -> pd.DataFrame:
        """Return a table of users: decisions, and every term of (8) and (9); empty without any."""
        import pandas as pd

        if self.allocation is None or self.evaluation is None:
            return pd.DataFrame()
        terms = self.evaluation.breakdown.frame()
        decisions = self.allocation.for_users(self.evaluation.breakdown.names).frame()
        return pd.concat([decisions, terms.drop(columns="name")], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a JSON document of schema ``eipyomo/result@1``."""
        evaluation = self.evaluation
        return {
            "schema": SCHEMA,
            "instance": self.instance,
            "instance_digest": self.instance_digest,
            "method": self.method,
            "solver": self.solver,
            "solver_version": self.solver_version,
            "package_version": self.package_version,
            "package_commit": self.package_commit,
            "options": dict(self.options),
            "problem": self.problem,
            "termination": self.termination,
            "objective": self.objective,
            "minimised": self.minimised,
            "value": self.value,
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
            "conflict": [dict(one) for one in self.conflicts] or None,
            "trace": [dict(row) for row in self.trace],
            "message": self.message,
        }

    def to_json(self, path: PathLike) -> None:
        """Write a result file, by its suffix, replacing an existing one atomically."""
        write_document(path, self.to_dict())

    def unproven_by(self, proven: Verified) -> str | None:
        """Say what a certificate that is right in itself does not prove of this true result."""
        if proven.problem == "restricted":
            return (
                "the certificate restricts decisions in a way of its own, of which no result tells"
            )
        if self.problem != proven.problem:
            return (
                f"the result is one of problem {self.problem!r}, but the certificate proves a "
                f"bound of {proven.problem!r}"
            )
        if self.minimised != proven.objective:
            return (
                f"the result minimises {self.minimised!r}, but the certificate proves a bound on "
                f"{proven.objective!r}"
            )
        if self.termination == "infeasible" and not proven.infeasible:
            return (
                "the result claims that nothing is feasible, but the certificate proves only the "
                f"bound {proven.bound:.12g}"
            )
        if self.termination == "infeasible":
            return None
        if self.value is None:
            return "the result has no feasible allocation, of which a bound could prove anything"
        if proven.infeasible:
            return (
                "the result keeps within all limits as far as rounding tells, but the certificate "
                "proves that nothing does"
            )
        if self.value < proven.bound:
            return (
                f"the result costs {self.value:.12g}, but the certificate proves that nothing "
                f"costs less than {proven.bound:.12g}"
            )
        if self.bound is not None and self.bound > proven.bound:
            return (
                f"the result claims the bound {self.bound:.12g}, but the certificate proves "
                f"{proven.bound:.12g}"
            )
        return None


def read_allocation(path: PathLike) -> tuple[Allocation, dict[str, Any]]:
    """Read the allocation of a result file, or of one that holds an allocation alone.

    Returns
    -------
    allocation, document
        The allocation, and all that the file holds.

    Raises
    ------
    InputError
        If the file cannot be read, is of another kind, or holds no allocation.
    """
    document = read_document(path, "result")
    with about(path):
        claims.require_schema(document.get("schema", SCHEMA))
        allocation = document.get("allocation", document)
        if not isinstance(allocation, dict):
            raise InputError(
                f"allocation is {short(allocation)}, but must be an object (the result holds no "
                "allocation to judge)"
            )
        return Allocation.from_dict(allocation), document
