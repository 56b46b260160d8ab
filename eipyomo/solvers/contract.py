"""What every method offers: its name, its options, the features it handles, and how it is run.

A method is handed a :class:`~eipyomo.problem.Problem` of features that it handles, its options, and
a clock that is running, and makes a :class:`Claim`. What of it holds is found by
:func:`eipyomo.solvers.judge.judge`, and not by the method.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field

from eipyomo.allocation import Allocation
from eipyomo.choices import Choices
from eipyomo.files import PathLike
from eipyomo.problem import Feature, Problem
from eipyomo.report import Report, Status
from eipyomo.validation import Flag, Positive

GAP = 1e-4
TIME_LIMIT_S = 60.0

ALWAYS = ("gap", "time_limit", "seed")
"""Options that a result tells even where they are as usual: without them it cannot be repeated."""


class Options(Choices):
    """What every method can be asked for; each has options of its own besides."""

    gap: Annotated[Positive, Field(description="relative gap to stop at")] = GAP
    time_limit: Annotated[
        Positive,
        Field(description="seconds from the call, all included but compiling once a machine"),
    ] = TIME_LIMIT_S

    def reported(self) -> dict[str, Any]:
        """Return what a result says of the options: some always, and what was changed."""
        usual = {key: getattr(self, key) for key in ALWAYS if key in type(self).model_fields}
        return usual | self.model_dump(exclude_defaults=True)

    def gap_at(self, objective: float) -> float:
        """Return the relative gap that is small enough at an objective."""
        del objective
        return self.gap


class LoggedOptions(Options):
    """Options of methods whose way can be followed while they run."""

    tee: Annotated[Flag, Field(description="whether to show what its solvers print meanwhile")] = (
        False
    )
    log: Annotated[
        PathLike | None,
        Field(description="file to write what its solvers print to, while they run"),
    ] = None

    def reported(self) -> dict[str, Any]:
        """Leave out what changes no result."""
        return {key: said for key, said in super().reported().items() if key not in ("tee", "log")}


OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True)
class Clock:
    """The time that a method has, which began when it was called.

    Attributes
    ----------
    limit_s
        How long, all that it does included.
    started
        When, on the clock of ``time.monotonic``.
    """

    limit_s: float
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def deadline(self) -> float:
        """When the time is up, on the clock of ``time.monotonic``."""
        return self.started + self.limit_s

    def but_for(self, seconds: float) -> Clock:
        """Return the clock of who has lost so many seconds that do not count."""
        return replace(self, limit_s=self.limit_s + seconds)

    @property
    def left_s(self) -> float:
        """Seconds that are left; negative when the time is up."""
        return self.deadline - time.monotonic()


@dataclass(frozen=True, eq=False)
class Claim(Report):
    """What a method says, before anybody has checked it.

    Attributes
    ----------
    status
        One of ``Status``; ``optimal``: the point is optimal within the gap, and `bound` proves it.
    allocation
        The point, or None.
    bound
        A lower bound that is proven, or None.
    problem
        What was solved, where options made it another than was asked: ι on a formulation's grid.
    solver
        Name of the solver behind the method, if there is one.
    options
        The options as used; those that it was called with, if left out.
    model_objective
        Value of what was minimised, where that may be something else than what the problem says.
    objection
        What contradicts the claim, found by the method itself: the answer is an error.
    files
        Texts to be written, by path, once the claim has been judged.
    """

    status: Status
    allocation: Allocation | None = None
    bound: float | None = None
    problem: Problem | None = None
    solver: str | None = None
    options: Mapping[str, Any] | None = None
    model_objective: float | None = None
    objection: str | None = None
    files: Mapping[PathLike, str] = field(default_factory=dict)


class Method(ABC, Generic[OptionsT]):
    """A way to solve problems.

    Attributes
    ----------
    name
        As in ``--method``.
    description
        One phrase for tables and help.
    Options
        Record of its options.
    handles
        Features of problems that it handles; a problem with others is refused.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    Options: type[OptionsT]
    handles: ClassVar[frozenset[Feature]]

    @property
    def trains(self) -> bool:
        """Whether it solves rounds before the last too."""
        return Feature.TRAINING in self.handles

    def backends(self, options: OptionsT) -> tuple[str, ...]:
        """Return the names of the solvers that it runs."""
        del options
        return ()

    def require(self, problem: Problem) -> None:
        """Refuse a problem that lacks what the method needs; see :meth:`Problem.require`.

        Raises
        ------
        InputError
            If it does.
        """
        del problem

    @abstractmethod
    def run(self, problem: Problem, options: OptionsT, clock: Clock) -> Claim:
        """Solve a problem whose features the method handles.

        Raises
        ------
        InputError
            If options and problem do not go together.
        SolverError
            If a solver that is needed is missing.
        """
