"""Executables that speak the AMPL protocol: they read ``stub.nl`` and write ``stub.sol``."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError
from eipyomo.models.files import nl, parse_sol
from eipyomo.solvers.backends.base import Answer, Backend, Status
from eipyomo.solvers.backends.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_VARIABLE = "EIPYOMO_SOLVERS"
"""Environment variable with folders to look for executables in, before PATH."""

FINITE_LIMIT = 1e15
"""A bound that a log gives beyond this stands for no bound."""


@dataclass(frozen=True)
class AmplBackend(Backend):
    """An AMPL solver executable.

    Limits are handed over in the solver's own way: a file of options in its working folder,
    arguments, or a variable. In each, ``{time}`` and ``{gap}`` are replaced.

    Attributes
    ----------
    executables
        Names to look for.
    path
        A file to use instead of looking.
    option_files, arguments, environment
        Templates, see above.
    bound_pattern
        What to find the lower bound by in the log, since a .sol has none.
    """

    executables: tuple[str, ...]
    path: str | None = None
    option_files: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    bound_pattern: str | None = None

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

    def solve(self, model: Any, *, time_limit: float, gap: float, start: bool = False) -> Answer:
        """Solve a Pyomo model by the executable; see :meth:`Backend.solve`.

        A .nl file always holds the variables' values, and no executable tells what it made of them.
        """
        del start
        executable = self.where()
        if executable is None:
            return Answer("error", f"{self.name} is missing")
        text, variables, rows = nl(model)

        def filled(template: str) -> str:
            return template.format(time=f"{time_limit:.3f}", gap=f"{gap:.3g}")

        outcome = run(
            [str(Path(executable).resolve()), "model", "-AMPL", *map(filled, self.arguments)],
            {
                "model.nl": text,
                **{file: filled(lines) for file, lines in self.option_files.items()},
            },
            time_limit=time_limit,
            read=["model.sol"],
            environment={key: filled(value) for key, value in self.environment.items()},
        )
        bound = self._bound(outcome.log)
        if "model.sol" not in outcome.files:
            reason = outcome.problem or "it wrote no .sol file"
            return Answer("error", f"{self.name} gave no answer: {reason}", bound=bound)
        try:
            solution = parse_sol(outcome.files["model.sol"], len(rows) - 1, len(variables))
        except InputError as error:
            return Answer("error", f"{self.name} gave no answer: its .sol file {error}")
        point = None
        if solution.point is not None:
            point = list(zip(variables, solution.point, strict=True))
        words = outcome.problem or solution.message or f"code {solution.code}"
        status = self._status(solution.code, bound, ended=outcome.problem is not None)
        return Answer(status, f"{self.name}: {words}", point, bound, version=Path(executable).name)

    def _status(self, code: int | None, bound: float | None, *, ended: bool) -> Status:
        """Read AMPL's code for the end of a solve."""
        if code is None or ended:
            return "limit"
        if code < 200:
            return "optimal" if self.capabilities.proves and bound is not None else "converged"
        if code < 300:
            return "infeasible"
        return "limit" if 400 <= code < 500 else "error"

    def _bound(self, log: str) -> float | None:
        """Return the last lower bound in a log."""
        if self.bound_pattern is None or not self.capabilities.proves:
            return None
        found = re.findall(self.bound_pattern, log)
        try:
            bound = float(found[-1])
        except (IndexError, ValueError):
            return None
        return bound if abs(bound) < FINITE_LIMIT else None
