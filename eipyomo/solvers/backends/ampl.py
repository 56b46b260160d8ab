"""Executables that speak the AMPL protocol: they read ``stub.nl`` and write ``stub.sol``."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.report import Status
from eipyomo.solvers.backends.base import Answer, Backend, Request
from eipyomo.solvers.backends.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_VARIABLE = "EIPYOMO_SOLVERS"
"""Environment variable with folders to look for executables in, before PATH."""

FINITE_LIMIT = 1e15
"""A bound that a log gives beyond this stands for no bound."""

NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"

CODES: tuple[tuple[int, Status], ...] = (
    *((200, "converged"), (300, "infeasible"), (400, "unbounded"), (500, "limit")),
)
"""AMPL's codes below each number."""


@dataclass(frozen=True)
class AmplBackend(Backend):
    """An AMPL solver executable.

    Limits and options are handed over in the solver's own way: a file of options in its working
    folder, a variable with ``key=value`` words, or else such words as arguments.

    Attributes
    ----------
    executables
        Names to look for.
    path
        A file to use instead of looking.
    options
        Settings that are always passed to the solver.
    option_file, option_line
        Name of the file, and a line of it, in which ``{key}`` and ``{value}`` are replaced.
    option_variable
        Name of the variable, such as ``baron_options``.
    bound_pattern
        What a whole line of the log looks like that tells the lower bound, since a .sol has none.
    loosening
        What those options begin with that let it cut off optima or loosen its tolerances: with one
        of them it proves nothing.
    """

    executables: tuple[str, ...]
    path: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    option_file: str | None = None
    option_line: str = "{key} {value}"
    option_variable: str | None = None
    bound_pattern: str | None = None
    loosening: tuple[str, ...] = ()

    def where(self) -> str | None:
        """Return the executable's path, from ``EIPYOMO_SOLVERS`` or PATH, or None."""
        if self.path is not None:
            return shutil.which(self.path)
        return self.configured() or self._in(os.environ.get("PATH", os.defpath))

    def configured(self) -> str | None:
        """Return the executable's path if it is in a folder of ``EIPYOMO_SOLVERS``."""
        folders = os.environ.get(FOLDER_VARIABLE)
        return self._in(folders) if folders else None

    def _in(self, folders: str) -> str | None:
        found = (shutil.which(name, path=folders) for name in self.executables)
        return next((path for path in found if path is not None), None)

    def version(self) -> str | None:
        """Return the first line that the executable prints on ``-v``."""
        executable = self.where()
        if executable is None:
            return None
        outcome = run([executable, "-v"], {}, time_limit=0.0, read=[])
        lines = [line.strip() for line in outcome.log.splitlines() if line.strip()]
        return lines[0][:80] if lines and outcome.problem is None else None

    def answer(self, model: Any, request: Request) -> Answer:
        """Solve a Pyomo model by the executable.

        A .nl file always holds the variables' values, and no executable tells what it made of them.
        Which options it takes it alone knows: one that refuses them ends without an answer.
        """
        executable = self.where()
        if executable is None:
            return Answer("error", message=f"{self.name} is missing")
        try:
            text, variables, rows = models.nl(model)
        except models.TriviallyInfeasibleError as error:
            return Answer("infeasible", message=str(error), proven=True)
        settings = {
            **self.called("time_limit", f"{request.time_limit:.3f}"),
            **self.called("gap", f"{request.gap:.3g}"),
            **self.options,
            **request.own,
        }
        words = [f"{key}={value}" for key, value in settings.items()]
        files, environment, arguments = {"model.nl": text}, {}, words
        if self.option_file is not None:
            lines = (
                self.option_line.format(key=key, value=value) for key, value in settings.items()
            )
            files[self.option_file], arguments = "".join(f"{line}\n" for line in lines), []
        elif self.option_variable is not None:
            environment, arguments = {self.option_variable: " ".join(words)}, []
        outcome = run(
            [str(Path(executable).resolve()), "model", "-AMPL", *arguments],
            files,
            time_limit=request.time_limit,
            read=["model.sol"],
            environment=environment,
            interrupt=True,
        )
        proves = self.capabilities.proves and not any(
            key.startswith(self.loosening) for key in request.own
        )
        minimised = models.objective(model).is_minimizing()
        bound = self._bound(outcome.log) if proves and minimised else None
        if "model.sol" not in outcome.files:
            reason = outcome.problem or "it wrote no .sol file"
            return Answer("error", message=f"{self.name} gave no answer: {reason}", bound=bound)
        try:
            solution = models.parse_sol(outcome.files["model.sol"], len(rows) - 1, len(variables))
        except InputError as error:
            return Answer("error", message=f"{self.name} gave no answer: its .sol file {error}")
        point = None
        if solution.point is not None:
            point = list(zip(variables, solution.point, strict=True))
        last = outcome.problem or solution.message or f"code {solution.code}"
        status = _status(None if outcome.problem else solution.code, has_point=point is not None)
        if status == "converged" and bound is not None:
            status = "optimal"
        return Answer(
            status,
            point,
            bound,
            message=f"{self.name}: {last}",
            proven=proves and status == "infeasible" and point is None,
            solver_version=Path(executable).name,
        )

    def _bound(self, log: str) -> float | None:
        """Return the last lower bound in a log; a line that was not finished tells none."""
        if self.bound_pattern is None:
            return None
        whole = log[: log.rfind("\n") + 1]
        found = re.findall(self.bound_pattern.format(number=NUMBER), whole)
        bound = float(found[-1]) if found else FINITE_LIMIT
        return bound if abs(bound) < FINITE_LIMIT else None


def _status(code: int | None, *, has_point: bool) -> Status:
    """Read AMPL's code for the end of a solve; None for one that did not end in order."""
    if code is None:
        return "limit" if has_point else "error"
    for above, status in CODES:
        if 0 <= code < above:
            return status
    return "error"
