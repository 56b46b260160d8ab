"""Run SCIP from PySCIPOpt's wheel on ``model.nl``; a script, run in a child process."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyscipopt

STATUS = {
    "optimal": "optimal",
    "gaplimit": "optimal",
    "infeasible": "infeasible",
    "unbounded": "unbounded",
    "userinterrupt": "limit",
    **dict.fromkeys(("timelimit", "nodelimit", "totalnodelimit", "stallnodelimit"), "limit"),
    **dict.fromkeys(("memlimit", "sollimit", "bestsollimit", "restartlimit"), "limit"),
    **dict.fromkeys(("primallimit", "duallimit"), "limit"),
}
"""What else SCIP may say, such as "inforunbd", decides nothing."""


class Incumbents(pyscipopt.Eventhdlr):
    """Write every improved solution at once, in case SCIP has to be ended."""

    def __init__(self, base: dict[str, Any]) -> None:
        """Keep what every answer holds."""
        self.base = base

    def eventinit(self) -> None:
        """Listen for improved solutions."""
        self.model.catchEvent(pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexit(self) -> None:
        """Stop listening."""
        self.model.dropEvent(pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexec(self, event: Any) -> None:
        """Write the new solution."""
        del event
        write(answer(self.model, self.base, "limit"))


def main() -> None:
    """Solve, and write the answer."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    model = pyscipopt.Model()
    model.readProblem("model.nl")
    base = {
        "setup_s": time.monotonic() - job["started"],
        "version": f"SCIP {model.version()} (PySCIPOpt {pyscipopt.__version__})",
    }
    left_s = max(job["started"] + job["time_limit"] - time.monotonic(), 0.05)
    for key, value in {**dict.fromkeys(job["time_names"], left_s), **job["options"]}.items():
        reason = set_option(model, key, value)
        if reason is not None:
            write({"refused": [key, value, reason], "known": list(model.getParams())})
            return
    if job["start"] is not None:
        base["start"] = start(model, **job["start"])
    model.includeEventhdlr(Incumbents(base), "incumbents", "write improved solutions")
    model.optimize()
    write(answer(model, base, STATUS.get(model.getStatus(), "error")))


def set_option(model: Any, key: str, value: Any) -> str | None:
    """Set an option; return why it was not taken as it is, empty if that is plain, or None."""
    try:
        model.setParam(key, value)
        taken = model.getParam(key)
    except (KeyError, ValueError, TypeError):
        return ""
    return None if isinstance(value, str) or taken == value else f"it would take it for {taken!r}"


def start(model: Any, cost: float, values: dict[str, float]) -> float | None:
    """Give SCIP a point to begin with; return what it costs there, or None if it is refused."""
    point = model.createOrigSol()
    rest, own = cost - model.getObjoffset(), None
    for variable in model.getVars():
        if variable.name[1:].isdigit():
            value = values[variable.name[1:]]
            model.setSolVal(point, variable, value)
            rest -= variable.getObj() * value
        else:
            own = variable
    if own is not None:  # the reader's own variable carries what is left of the cost
        model.setSolVal(point, own, rest / own.getObj())
    accepted = model.checkSol(point, original=True) and model.addSol(point, free=False)
    return float(model.getSolObjVal(point)) if accepted else None


def answer(model: Any, base: dict[str, Any], status: str) -> dict[str, Any]:
    """Return what SCIP has now: its best point in the file's order, and its bound."""
    values = None
    if model.getNSols() > 0:
        best = model.getBestSol()
        # Without a .col file the reader names a column by one letter and its place; beside them
        # stands at most a variable for the non-linear objective.
        values = {
            variable.name[1:]: model.getSolVal(best, variable)
            for variable in model.getVars(transformed=False)
            if variable.name[1:].isdigit()
        }
    bound = model.getDualbound()
    return {
        **base,
        "status": status,
        "message": model.getStatus(),
        "values": values,
        "bound": None if model.isInfinity(abs(bound)) else bound,
        "iterations": model.getNTotalNodes(),
    }


def write(document: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace("answer.json")


if __name__ == "__main__":
    main()
