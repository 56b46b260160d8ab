"""Native solvers from wheels, reached through a .nl text and a child process."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eipyomo.errors import InputError, SolverError
from eipyomo.solvers.backends.child import run_child

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = Literal["optimal", "converged", "limit", "infeasible", "error"]


# Minimise -ln(x) + x/2 over 1 <= x <= 4, which is smallest at x = 2.
TINY_NL = """g3 1 1 0
 1 0 1 0 0
 0 1
 0 0
 0 1 0
 0 0 0 1
 0 0 0 0 0
 0 1
 0 0
 0 0 0 0 0
O0 0
o16
o43
v0
x1
0 1.5
b
0 1 4
k0
G0 1
0 0.5
"""
TINY_ANSWER = 2.0


@dataclass(frozen=True)
class Answer:
    """What a native solver says about a .nl file.

    Attributes
    ----------
    values
        Its best point, in the file's order of columns, or None.
    bound
        Its lower bound, where it proves one.
    """

    status: Status
    message: str
    values: tuple[float, ...] | None = None
    bound: float | None = None
    version: str | None = None
    setup_s: float = 0.0
    iterations: int | None = None


@dataclass(frozen=True)
class Backend:
    """A native solver: what it can do and how to run it.

    Attributes
    ----------
    name
        As in ``--solver``.
    description
        One phrase.
    package
        The distribution on PyPI that carries it; `module` is its import name.
    integers
        Whether it takes binary variables.
    proves
        Whether its bound is valid on a non-convex model.
    script
        The child's script beside this file.
    options
        The solver's own settings that are always passed.
    """

    name: str
    description: str
    package: str
    module: str
    integers: bool
    proves: bool
    script: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def install_command(self) -> str:
        """The command that installs it."""
        return f"python -m pip install {self.package}"

    @property
    def version(self) -> str | None:
        """Version of the package, None if it is not installed."""
        installed = importlib.util.find_spec(self.module) is not None
        return f"{self.package} {version(self.package)}" if installed else None

    def require(self) -> None:
        """Raise a :class:`SolverError` that says how to get the solver if it is missing."""
        if self.version is None:
            raise SolverError(
                f"the solver {self.name!r} is missing, because the package {self.package} is not "
                f"installed; get it with: {self.install_command}"
            )

    def trouble(self) -> str | None:
        """Return why the solver cannot solve a tiny problem, or None if it just did."""
        if self.version is None:
            return f"the package {self.package} is not installed"
        answer = self.solve(TINY_NL, time_limit=10.0, gap=1e-4)
        right = answer.values is not None and abs(answer.values[0] - TINY_ANSWER) < 1e-4
        return None if right else answer.message

    def solve(self, nl: str, *, time_limit: float, gap: float) -> Answer:
        """Solve a model given as .nl text in a child process; never raises for what the child does.

        Parameters
        ----------
        nl
            Text of the .nl file.
        time_limit
            In s; passed to the solver, and enforced from outside.
        gap
            Relative gap to stop at, where the solver proves one.
        """
        job = {
            "solver": self.name,
            "started": time.time(),
            "time_limit": time_limit,
            "gap": gap,
            "options": dict(self.options),
        }
        script = Path(__file__).parent / self.script
        outcome = run_child(script, job, {"model.nl": nl}, time_limit)
        return self._read(outcome.answer, outcome.problem)

    def _read(self, document: Mapping[str, Any] | None, problem: str | None) -> Answer:
        if document is None:
            reason = problem or "it ended without an answer"
            return Answer("error", f"{self.name} gave no answer: {reason}")
        values = document.get("values")
        status: Status = document["status"]
        message = f"{self.name}: {document['message']}"
        if problem is not None:  # what it wrote before it was ended
            status = "limit" if values is not None else "error"
            message = f"{self.name}: {problem}"
        return Answer(
            status=status,
            message=message,
            values=None if values is None else tuple(map(float, values)),
            bound=document.get("bound") if self.proves else None,
            version=document.get("version"),
            setup_s=float(document.get("setup_s", 0.0)),
            iterations=document.get("iterations"),
        )


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend(
            name="scip",
            description="SCIP: spatial branch and bound, global",
            package="PySCIPOpt",
            module="pyscipopt",
            integers=True,
            proves=True,
            script="scip_child.py",
        ),
        Backend(
            name="bonmin",
            description="Bonmin: branch and bound on local NLP solutions",
            package="casadi",
            module="casadi",
            integers=True,
            proves=False,
            script="casadi_child.py",
            # Without solving nodes again from random points it can stop 2.5 % above the optimum.
            options={"num_resolve_at_root": 8, "num_resolve_at_node": 3},
        ),
        Backend(
            name="ipopt",
            description="Ipopt: interior point, local; for models with a and ι fixed",
            package="casadi",
            module="casadi",
            integers=False,
            proves=False,
            script="casadi_child.py",
            options={"tol": 1e-10, "acceptable_tol": 1e-8},
        ),
    )
}


def backend(name: str) -> Backend:
    """Return a native solver by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in BACKENDS:
        raise InputError(f"solver is {name!r}, but must be one of: {', '.join(BACKENDS)}")
    return BACKENDS[name]
