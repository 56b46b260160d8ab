"""What every solver backend offers, whatever is behind it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eipyomo import models
from eipyomo.errors import InputError, SolverError
from eipyomo.report import Report, Status

Point = Sequence[tuple[Any, float]]
"""Pairs of a Pyomo variable and its value."""

OPTION_NAME = re.compile(r"[A-Za-z_][\w./:-]*")


@dataclass(frozen=True)
class Capabilities:
    """What a solver takes and gives.

    Attributes
    ----------
    integers
        Whether it takes integer variables.
    nonlinear
        Whether it takes non-linear expressions.
    proves
        Whether its bound is valid on a non-convex model.
    starts
        Whether it takes a start: the values that the model's variables have.
    proves_convex
        Whether its bound is valid on a model that is known to be convex, where it is not on others.
    bounded
        Whether it takes variables with finite bounds only.
    time_limit, gap, threads
        The solver's own names of these settings, by which they are passed: one, or several
        separated by blanks where it needs more; None where it has none. A limit without a name is
        enforced from outside only.
    """

    integers: bool
    nonlinear: bool
    proves: bool
    starts: bool
    proves_convex: bool = False
    bounded: bool = False
    time_limit: str | None = None
    gap: str | None = None
    threads: str | None = None


@dataclass(frozen=True, eq=False)
class Answer(Report):
    """What a solver says about a model, before anybody has checked it.

    Attributes
    ----------
    status
        One of ``Status``; ``infeasible`` and ``unbounded`` are no proof, see `proven`.
    point
        The point that it gives, as pairs of a Pyomo variable and a value; None if it gives none. It
        may come with any status, also beside a claim that there is none.
    bound
        Its bound on the objective, where it proves one: a lower one where that is minimised, an
        upper one where it is maximised.
    proven
        Whether ``infeasible`` is more than a local solver's word: it comes without a point and from
        a solver that proves, or some row of fixed variables cannot hold.
    """

    status: Status
    point: Point | None = None
    bound: float | None = None
    proven: bool = False

    def load(self) -> None:
        """Put the point into the model's variables; without one they keep their values."""
        for variable, value in self.point or ():
            variable.set_value(value, skip_validation=True)


@dataclass(frozen=True)
class Request:
    """What is asked of a solver beside the model; see :meth:`Backend.solve`.

    Attributes
    ----------
    time_limit, gap, start
        As there.
    own
        Settings by the solver's own names.
    """

    time_limit: float
    gap: float
    start: bool
    own: Mapping[str, Any]


@dataclass(frozen=True)
class Backend(ABC):
    """A way to reach a solver.

    Attributes
    ----------
    name
        As in ``--solver``.
    description
        One phrase.
    capabilities
        What it takes and gives.
    install
        How a person gets it: a command, or where to look.
    """

    name: str
    description: str
    capabilities: Capabilities
    install: str

    @abstractmethod
    def where(self) -> str | None:
        """Return where the solver was found (a package or a path), or None if it is missing."""

    @abstractmethod
    def version(self) -> str | None:
        """Return the version of what was found, as far as it tells."""

    def solve(
        self,
        model: Any,
        *,
        time_limit: float,
        gap: float,
        start: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Solve a Pyomo model in a process of its own; never raises for what happens there.

        Parameters
        ----------
        model
            The model; its variables' values are where local solvers begin.
        time_limit
            In s; passed to the solver in its own way, and enforced from outside.
        gap
            Relative gap to stop at, where the solver has one.
        start
            Whether these values are a feasible point, to be used as such where the solver can.
        options
            Settings by the solver's own names, in place of those that it is given otherwise; and
            ``threads``, which stands for whatever the solver calls it.

        Raises
        ------
        InputError
            If the model holds what cannot be handed over, or the solver does not take an option.
        """
        return self.answer(model, Request(time_limit, gap, start, self.own_names(options)))

    @abstractmethod
    def answer(self, model: Any, request: Request) -> Answer:
        """Return the solver's answer, whatever happens; see :meth:`solve`."""

    def own_names(self, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return options of a caller's by the solver's own names.

        Raises
        ------
        InputError
            If ``threads`` is asked of a solver that has no such setting, or an option is no name
            with a number or one line of text.
        """
        named: dict[str, Any] = {}
        for key, value in (options or {}).items():
            if not (isinstance(key, str) and OPTION_NAME.fullmatch(key)):
                raise InputError(f"the option {key!r} of solver {self.name!r} is no name of one")
            if not isinstance(value, bool | int | float | str) or "\n" in str(value):
                raise InputError(
                    f"the option {key!r} of solver {self.name!r} is {value!r}, but must be a "
                    "number or one line of text"
                )
            if key == "threads" and self.capabilities.threads is None:
                raise InputError(
                    f"threads is {value!r}, but the solver {self.name!r} has no such setting"
                )
            plain = value.item() if hasattr(value, "item") else value  # NumPy's numbers
            own = self.capabilities.threads if key == "threads" else key
            named |= dict.fromkeys((own or key).split(), plain)
        return named

    def called(self, setting: Literal["time_limit", "gap"], value: Any) -> dict[str, Any]:
        """Return a setting by the solver's own names for it; nothing where it has none."""
        names: str | None = getattr(self.capabilities, setting)
        return dict.fromkeys((names or "").split(), value)

    def for_convex(self) -> Backend:
        """Return the solver as it is best used on a convex model; the same, if there is no more."""
        return self

    def require(self) -> None:
        """Raise a :class:`SolverError` that says how to get the solver if it is missing."""
        if self.where() is None:
            raise SolverError(f"the solver {self.name!r} is missing; to get it: {self.install}")

    def refuse(self, model: Any) -> None:
        """Raise an :class:`InputError` if the model holds what the solver does not take."""
        if not self.capabilities.integers:
            for variable in models.integer_variables(model):
                raise InputError(
                    f"solver is {self.name!r}, which takes no integer variables, but "
                    f"{variable.name!r} is one: fix it, or use scip or bonmin"
                )
        if self.capabilities.bounded:
            for variable in models.unbounded_variables(model):
                raise InputError(
                    f"solver is {self.name!r}, which takes variables with finite bounds only, but "
                    f"{variable.name!r} has the bounds {variable.bounds}: bound it, or use scip"
                )
        if not self.capabilities.nonlinear:
            for row in models.nonlinear_rows(model):
                raise InputError(
                    f"solver is {self.name!r}, which takes linear models only, but {row.name!r} is "
                    "not linear: use scip, bonmin or ipopt"
                )

    def trouble(self) -> str | None:
        """Return why the solver cannot solve a tiny problem, or None if it just did."""
        if self.where() is None:
            return "it is missing"
        model = models.tiny(linear=not self.capabilities.nonlinear)
        answer = self.solve(model, time_limit=20.0, gap=1e-4)
        right = answer.point is not None and abs(answer.point[0][1] - 2.0) < 1e-3
        return None if right else answer.message
