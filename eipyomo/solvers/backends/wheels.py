"""Solvers that Python packages carry: a script in a child process reads the model and solves it."""

from __future__ import annotations

import difflib
import importlib.util
import json
import math
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cloudpickle

from eipyomo import models
from eipyomo.errors import InputError
from eipyomo.report import Status
from eipyomo.solvers.backends.base import Answer, Backend, Point, Request
from eipyomo.solvers.backends.sessions import run_script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
ANSWER = "answer.json"


@dataclass(frozen=True)
class WheelBackend(Backend):
    """A solver inside a Python package.

    The child finds ``job.json`` and the model in its folder and leaves ``answer.json`` there.

    Attributes
    ----------
    package, module
        The distribution that carries it, and its import name.
    script
        The child's script beside this file. It is run by its path, so that it imports the
        solver's package and nothing else.
    format
        How the model is handed over: a .nl file, a .lp file, or the pickled Pyomo model.
    options
        Settings that are always passed to the solver.
    convex_options
        Settings in their place on a model that is known to be convex; None for the same.
    expressions
        Whether it reads expressions that a .nl file defines once and uses several times.
    start_options
        Settings beside them where the values of the variables are a feasible point.
    loosening
        What those options begin with that let it cut off optima or loosen its tolerances: with one
        of them it proves nothing.
    """

    package: str
    module: str
    script: str
    format: Literal["nl", "lp", "pickle"] = "nl"
    options: Mapping[str, Any] = field(default_factory=dict)
    convex_options: Mapping[str, Any] | None = None
    start_options: Mapping[str, Any] = field(default_factory=dict)
    expressions: bool = True
    loosening: tuple[str, ...] = ()

    def for_convex(self) -> WheelBackend:
        """Return the solver with its settings for convex models, and with what it proves there."""
        can = self.capabilities
        return replace(
            self,
            capabilities=replace(can, proves=can.proves or can.proves_convex),
            options=self.options if self.convex_options is None else self.convex_options,
        )

    def where(self) -> str | None:
        """Return the package that carries the solver, if it is installed."""
        found = importlib.util.find_spec(self.module) is not None
        return f"package {self.package}" if found else None

    def version(self) -> str | None:
        """Return the version of that package."""
        return None if self.where() is None else f"{self.package} {version(self.package)}"

    def answer(self, model: Any, request: Request) -> Answer:
        """Solve a Pyomo model in a child process."""
        try:
            text, columns = write(model, self.format, expressions=self.expressions)
        except models.TriviallyInfeasibleError as error:
            return Answer("infeasible", message=str(error), proven=True)
        job = {
            "solver": self.name,
            "started": time.monotonic(),
            "time_limit": request.time_limit,
            # The child knows what is left of the limit when the solver begins.
            "time_names": list(self.called("time_limit", None)),
            "options": {
                **self.called("gap", request.gap),
                **self.options,
                **(self.start_options if request.start else {}),
                **request.own,
            },
            "start": beginning(model, columns) if request.start else None,
            "sense": int(models.objective(model).sense),
        }
        outcome = run_script(
            HERE / self.script,
            {"job.json": json.dumps(job), f"model.{self.format}": text},
            time_limit=request.time_limit,
            read=[ANSWER],
        )
        proves = self.capabilities.proves and not any(
            key.startswith(self.loosening) for key in request.own
        )
        return self._read(outcome.files.get(ANSWER, ""), columns, outcome.problem, proves=proves)

    def _read(
        self, text: str, columns: Mapping[str, Any], problem: str | None, *, proves: bool
    ) -> Answer:
        try:
            document = json.loads(text)
            if "refused" in document:
                refused = _refused(*document["refused"], known=document.get("known"))
            else:
                refused = None
                status: Status = document["status"]
                message = f"{self.name}: {document['message']}"
                point = self._point(document["values"], columns)
        except (ValueError, KeyError, TypeError, AttributeError):
            reason = problem or "it ended without an answer"
            return Answer("error", message=f"{self.name} gave no answer: {reason}")
        if refused is not None:
            setting, reason = refused
            raise InputError(
                f"the option {setting}, but the solver {self.name!r} does not take it: {reason}"
            )
        if problem is not None:  # this is what it wrote before it was ended
            status = "limit" if point is not None else "error"
            message = f"{self.name}: {problem}"
        if status == "optimal" and not proves:
            status = "converged"
        return Answer(
            status=status,
            message=message,
            point=point,
            bound=document.get("bound") if proves else None,
            proven=proves and status == "infeasible" and point is None,
            start_objective=document.get("start"),
            solver_version=document.get("version"),
            setup_s=float(document.get("setup_s", 0.0)),
            iterations=document.get("iterations"),
        )

    def _point(self, values: Any, columns: Mapping[str, Any]) -> Point | None:
        """Return a point by variables; one that leaves out a column, or is not finite, is none."""
        if values is None:
            return None
        point = [(columns[key], float(value)) for key, value in values.items()]
        whole = len(point) == len(columns) and all(math.isfinite(value) for _, value in point)
        return point if whole else None


def _refused(key: str, value: Any, reason: str, *, known: Sequence[str] | None) -> tuple[str, str]:
    """Return an option as it was asked for, and why it was refused, by the solver's own list."""
    if not reason:
        if known is None:
            reason = "no such option, or not such a value"
        elif key in known:
            reason = "not such a value"
        else:
            near = difflib.get_close_matches(key, known)
            reason = "no such option" + (f", but it has {', '.join(near)}" if near else "")
    return f"{key!r} is {value!r}", reason


def beginning(model: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a model's variables by their names in a file, and what they cost."""
    values = {
        # What has no value is the LP writer's own column, a constant of 1.
        name: 1.0 if variable.value is None else variable.value
        for name, variable in columns.items()
    }
    return {"cost": models.objective(model)(), "values": values}


def write(model: Any, kind: str, *, expressions: bool = True) -> tuple[str, dict[str, Any]]:
    """Return a model as text of some kind, and its variables by the names that they have there.

    A column of a .nl file is named by its place: "0", "1", and so on.
    """
    if kind == "nl":
        text, variables, _ = models.nl(model, expressions=expressions)
        return text, {str(place): variable for place, variable in enumerate(variables)}
    if kind == "lp":
        return models.lp(model)
    # What no solver may be given is refused here, and a solver gives values to what is used only.
    _, variables, _ = models.nl(model)
    try:
        text = cloudpickle.dumps((model, variables)).hex()
    except Exception as error:
        raise InputError(f"the model cannot be sent to another process: {error}") from None
    return text, {str(place): variable for place, variable in enumerate(variables)}
