"""What every solver makes of the library's entries: the table behind ``docs/benchmarks.md``.

Run ``python -m experiments.benchmarks``, which also draws and writes the page. Each entry is given
to each method, in one process beside this one, which is ended where it overruns its limit. A
method is asked for a gap of 1e-4, and where it proves that in time, for 1e-6. Seconds are those
inside of the method, from the problem to the judged answer: starting a solver's process and
compiling are left out. An answer of less than a second is asked for six times, of which the first
counts for nothing, and the seconds are the median of the others.

Entries of one name but for the number of users are a family. A method that ran out of time on one
of them is not tried on those with more users.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterator
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import eipyomo as ei
from eipyomo.claims.values import relative_gap
from eipyomo.library import shelf
from eipyomo.studies.pools import open_pools
from experiments.table import Case, Row, Table

GAPS = (1e-4, 1e-6)
DEADLINE_S = 60.0
OVERRUN_S = 30.0
"""How much later than its limit an answer may come, with all its repetitions."""
SHORT_S, REPETITIONS = 1.0, 5
TOLERANCE = 1e-6
"""How far a solver's point may be below the optimum, for what its own tolerances allow."""

METHODS = (
    *("exact", "admm", "milp", "minlp:scip", "minlp:maingo", "minlp:couenne"),
    *("minlp:bonmin", "minlp:mindtpy", "minlp:shot", "minlp:ipopt", "minlp:pounce"),
)
NOT_TRIED, REFUSED, MISSING, KILLED = "not tried", "refused", "missing", "killed"


def family(name: str) -> str:
    """Return an entry's name without its number of users."""
    return re.sub(r"-m\d+", "", name)


def cases() -> Iterator[Case]:
    """Iterate over families and methods."""
    for one in dict.fromkeys(map(family, shelf.names())):
        yield from ((one, method) for method in METHODS)


def rows(of: str, method: str, deadline_s: float) -> list[Row]:
    """Return what a method makes of a family, few users first; nothing where it is missing."""
    entries = [shelf.entry(name) for name in shelf.names() if family(name) == of]
    found: list[Row] = []
    for entry in sorted(entries, key=lambda entry: entry.users):
        late = next((row["entry"] for row in found if ran_out(row, deadline_s)), None)
        if late is not None:
            why = f"ran out of time on {late}"
            found.append(judged(entry, method, GAPS[0], {"status": NOT_TRIED, "why": why}))
            continue
        for gap in GAPS:
            answer = CHILD.ask(entry.name, method, gap, deadline_s)
            if answer["status"] == MISSING:
                return []
            found.append(judged(entry, method, gap, answer))
            if found[-1]["status"] != "optimal":
                break
    return [{**row, "deadline_s": deadline_s} for row in found]


def ran_out(row: Row, deadline_s: float) -> bool:
    """Tell whether a method has used up its time; some stop a little before, or are ended."""
    late = row["status"] in ("limit", "error") and row["seconds"] >= 0.75 * deadline_s
    return bool(late or row["status"] == KILLED)


def judged(entry: ei.library.Entry, method: str, gap: float, answer: Row) -> Row:
    """Return the row of an answer, held against what is known of the entry."""
    value, bound = answer.get("value"), answer.get("bound")
    left = relative_gap(value, bound)
    above = None if value is None or entry.value is None else value / entry.value - 1.0
    optimal = answer["status"] == "optimal"
    true = (
        (answer["status"] != "infeasible" or entry.infeasible)
        and (value is None or (above is not None and above >= -2.0 * TOLERANCE))
        and (bound is None or entry.value is None or bound <= entry.value * (1.0 + TOLERANCE))
        and (not optimal or (above is not None and above <= gap + TOLERANCE))
    )
    proven = optimal and left is not None and left <= gap * (1.0 + 1e-9)
    return {
        "entry": entry.name,
        "users": entry.users,
        "method": method,
        "asked_gap": gap,
        "status": answer["status"],
        "solved": true and (proven or answer["status"] == "infeasible"),
        "seconds": answer.get("seconds"),
        "value": value,
        "bound": bound,
        "gap": left,
        "above_best_percent": None if above is None else 100.0 * above,
        "true": true,
        "solver_version": answer.get("solver_version"),
        "why": answer.get("why"),
    }


def answer_of(name: str, method: str, gap: float, deadline_s: float) -> Row:
    """Return what a method answers, in this process."""
    problem = shelf.problem(name)
    method, options = asked(method)

    def solve() -> ei.Result:
        return ei.solve(problem, method, gap=gap, time_limit=deadline_s, **options)

    try:
        runs = [solve()]
        if runs[0].wall_s < SHORT_S:
            runs = [solve() for _ in range(REPETITIONS)]
    except ei.InputError as error:
        return {"status": REFUSED, "why": str(error)}
    except ei.SolverError as error:
        return {"status": MISSING, "why": str(error)}
    return {
        "status": runs[0].termination,
        "seconds": median(run.wall_s for run in runs),
        "value": runs[0].value,
        "bound": runs[0].bound,
        "solver_version": runs[0].solver_version,
        "why": runs[0].message if runs[0].termination == "error" else None,
    }


def asked(method: str) -> tuple[str, dict[str, Any]]:
    """Return a method and its options; POUNCE is an Ipopt for whoever calls it."""
    if method != "minlp:pounce":
        return method, {}
    wheel = find_spec("pounce")
    origin = Path(sys.executable if wheel is None else str(wheel.origin))
    return "minlp", {"solver": "ipopt", "executable": str(origin.parent / "bin" / "pounce")}


@dataclass
class Child:
    """A process that answers, and is replaced by another where it does not do so in time."""

    pools: Generator[tuple[Executor, int]] | None = None
    pool: Executor | None = None

    def ask(self, name: str, method: str, gap: float, deadline_s: float) -> Row:
        """Return the answer of a method, or that there is none."""
        if self.pools is None:
            self.pools = open_pools(1, None)
        if self.pool is None:
            self.pool, _ = next(self.pools)
            self.pool.submit(os.getpid).result()  # it begins before its time counts
        asked = (name, method, gap, deadline_s)
        try:
            return self.pool.submit(answer_of, *asked).result(deadline_s + OVERRUN_S)
        except TimeoutError:
            why = f"no answer {OVERRUN_S:g} s after its limit"
        except BrokenExecutor:
            why = "its process died"
        self.pool = None
        return {"status": KILLED, "why": why}


CHILD = Child()

TABLE = Table(
    "solvers_benchmark",
    cases,
    rows,
    ("numba", "pyomo", "casadi", "highspy", "PySCIPOpt", "maingopy", "SHOTpy", "pounce-solver"),
    options={"deadline": DEADLINE_S},
)
