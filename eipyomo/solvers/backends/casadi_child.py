"""Bonmin and Ipopt from CasADi's wheel, on a .nl file.

A script that is run in a child process, and the commands ``eipyomo-ipopt`` and ``eipyomo-bonmin``,
which speak the AMPL protocol: ``eipyomo-ipopt problem -AMPL max_iter=50`` reads ``problem.nl`` and
writes ``problem.sol``. It imports nothing of this package, so that it starts quickly.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import re
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import casadi

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = f"CasADi {version('casadi')}"

STATUS = {
    "SUCCESS": "converged",
    "Solve_Succeeded": "converged",
    "Solved_To_Acceptable_Level": "converged",
    "LIMIT_EXCEEDED": "limit",
    "Maximum_Iterations_Exceeded": "limit",
    "Maximum_CpuTime_Exceeded": "limit",
    "Maximum_WallTime_Exceeded": "limit",
    "INFEASIBLE": "infeasible",
    "Infeasible_Problem_Detected": "infeasible",
    "CONTINUOUS_UNBOUNDED": "unbounded",
    "USER_INTERRUPT": "limit",
    "User_Requested_Stop": "limit",
}
FEASIBLE = 1e-5
NEARLY = 1e-3
ROUNDING = 1e-6

CALMER = {"num_resolve_at_root": 0, "num_resolve_at_node": 0}
"""Bonmin was seen to die only where it solves a node again from a random point."""

ADVICE = "try its option algorithm B-Hyb, another formulation, or another solver"

HINTS = frozenset(
    {
        *("scaling_factor", "priority", "direction", "upPseudocost", "downPseudocost"),
        *("dual", "rc", "lrc", "urc", "slack", "sstatus", "astatus"),
        *("ipopt_zL_in", "ipopt_zU_in", "ipopt_zL_out", "ipopt_zU_out"),
    }
)
"""Suffixes that cannot change a problem; the list of ``eipyomo.models.plain``."""

HEADER_LINES = 10


class RefusedError(ValueError):
    """The file holds what the solver would pass over or misread."""


def main() -> None:
    """Do the job that lies in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    problem = read("model.nl")
    setup_s = time.monotonic() - job["started"]
    # Bonmin looks at its clock between sub-problems only, so it is asked to stop a little early.
    left_s = max(0.8 * (job["started"] + job["time_limit"] - time.monotonic()), 0.05)
    options = {**dict.fromkeys(job["time_names"], left_s), **job["options"]}
    note = ""
    try:
        stats, words, found = solve(problem, job["solver"], options)
    except RuntimeError as error:
        refused = not_taken(job["solver"], options)
        if refused is not None:
            known = options_of(job["solver"])
            write({"refused": [refused, options[refused], ""], "known": known})
            return
        stats, words, found = solve_calmly(problem, job, error)
        note = f", at a second try without random points, since the first met: {last_line(error)}"
    start = None
    if job["start"] is not None and satisfies(problem, list(problem.x_init)):
        # Ipopt tells the cost at its first iterate, and Bonmin has a first iterate only. What is to
        # be maximised reaches them with its sign changed.
        costs = stats.get("iterations", {}).get("obj")
        start = job["sense"] * costs[0] if costs else job["start"]["cost"]
    values = found["x"].full().ravel().tolist()
    status = STATUS.get(words, "error")
    # What it returns where it was stopped may be no incumbent, and beside a claim that there is no
    # point it is the last iterate; but one that nearly is a point speaks against that claim.
    within = {"converged": math.inf, "limit": FEASIBLE, "error": FEASIBLE}.get(status, NEARLY)
    if not satisfies(problem, values, within):
        values = []
    write(
        {
            "status": status,
            "message": words + note,
            "values": dict(enumerate(values)) if values else None,
            "iterations": stats.get("iter_count"),
            "start": start,
            "setup_s": setup_s,
            "version": VERSION,
        }
    )


def solve_calmly(
    problem: Any, job: dict[str, Any], error: RuntimeError
) -> tuple[dict[str, Any], str, Any]:
    """Solve once more with Bonmin, which has died, and not from random points."""
    if job["solver"] != "bonmin":
        raise error
    left_s = max(0.8 * (job["started"] + job["time_limit"] - time.monotonic()), 0.05)
    options = {**dict.fromkeys(job["time_names"], left_s), **job["options"], **CALMER}
    try:
        return solve(problem, job["solver"], options)
    except RuntimeError as again:
        raise RuntimeError(f"{last_line(again)}; {ADVICE}") from None


def last_line(error: RuntimeError) -> str:
    """Return what an error of CasADi's says behind the place in its sources."""
    return str(error).strip().splitlines()[-1].split(": ", 1)[-1]


def write(answer: dict[str, Any]) -> None:
    """Write the answer so that a reader never sees a part of it."""
    temporary = Path("answer.part")
    temporary.write_text(json.dumps(answer), encoding="utf-8")
    temporary.replace("answer.json")


def read(path: str) -> Any:
    """Read a .nl file; hints and comments in it, which CasADi does not take, are passed over.

    Raises
    ------
    RefusedError
        If the file holds what would be lost.
    """
    problem = casadi.NlpBuilder()
    data = Path(path).read_bytes()
    if not data.startswith(b"g"):  # not text
        problem.import_nl(path)
        return problem
    with tempfile.NamedTemporaryFile("w", suffix=".nl", encoding="utf-8") as file:
        file.write(plain(data.decode("utf-8", errors="replace")))
        file.flush()
        problem.import_nl(file.name)
    return problem


def plain(text: str) -> str:
    """Return the text of a .nl file without its suffixes and comments."""
    lines = text.splitlines()
    header = [line.split("#")[0].split() for line in lines[:HEADER_LINES]]
    sizes, kinds, network = (
        [int(word) if word.isdigit() else 0 for word in words] + 6 * [0] for words in header[1:4]
    )
    for count, what in (
        (max(sizes[2] - 1, 0), "more than one objective"),
        (sizes[5], "logical constraints"),
        (sum(kinds[2:4]), "complementarity constraints"),
        (sum(network[:2]), "network constraints"),
    ):
        if count:
            raise RefusedError(f"the file has {what}, which is more than is taken here")
    kept, place = lines[:HEADER_LINES], HEADER_LINES
    while place < len(lines):
        line = lines[place]
        place += 1
        if line.startswith("S"):
            _, entries, name = line.split("#")[0].split()[:3]
            if name not in HINTS:
                raise RefusedError(
                    f"the file has the suffix {name!r}, which may change the problem and is not "
                    "taken here"
                )
            place += int(entries)
        else:
            kept.append(line if line.startswith("h") else line.split("#")[0].rstrip())
    return "\n".join(kept) + "\n"


def not_taken(solver: str, options: dict[str, Any]) -> str | None:
    """Return which option a solver does not take even for a tiny problem, or None."""
    for key, value in options.items():
        try:
            solve_tiny(solver, key, value)
        except RuntimeError:
            return key
    return None


def options_of(solver: str) -> list[str]:
    """Return the names of a solver's options, from what it prints when it is asked for them."""
    printed = solve_tiny(solver, "print_options_documentation", "yes")
    return re.findall(r"(?m)^(\w+) {2,}", printed)


def solve_tiny(solver: str, key: str, value: Any) -> str:
    """Solve a tiny problem with an option, and return what is printed instead of printing it."""
    x = casadi.MX.sym("x")
    settings = {"print_time": False, f"{solver}.{key}": value}
    if solver == "bonmin":
        settings["discrete"] = [True]
    with tempfile.TemporaryFile() as file, printing_to(file.fileno()):
        tiny = casadi.nlpsol("tiny", solver, {"x": x, "f": x**2, "g": x}, settings)
        tiny(x0=0, lbx=-1, ubx=1, lbg=-1, ubg=1)
        flush()
        file.seek(0)
        return file.read().decode("utf-8", errors="replace")


def flush() -> None:
    """Let everything be printed that has not been yet, by native libraries too."""
    sys.stdout.flush()
    with contextlib.suppress(OSError, TypeError):
        ctypes.CDLL(None).fflush(None)


@contextlib.contextmanager
def printing_to(place: int) -> Iterator[None]:
    """Let standard output, native libraries' too, go to another open file inside the block."""
    flush()
    usual = os.dup(1)
    os.dup2(place, 1)
    try:
        yield
    finally:
        flush()
        os.dup2(usual, 1)
        os.close(usual)


def solve(problem: Any, solver: str, options: dict[str, Any]) -> tuple[dict[str, Any], str, Any]:
    """Solve from the file's start; return statistics, the solver's last word, and what it found."""
    low, high = whole_bounds(problem)
    if solver == "ipopt" and any(
        discrete and low[j] < high[j] for j, discrete in enumerate(problem.discrete)
    ):
        raise RefusedError("the file has integer variables, which Ipopt does not take")
    # Scalar expressions are evaluated several times faster than CasADi's matrix expressions.
    settings: dict[str, Any] = {"print_time": False, "expand": True}
    settings |= {f"{solver}.{key}": value for key, value in options.items()}
    if solver == "bonmin":
        settings["discrete"] = problem.discrete
    functions = {
        "x": casadi.vertcat(*problem.x),
        "f": problem.f,
        "g": casadi.vertcat(*problem.g),
    }
    run = casadi.nlpsol("run", solver, functions, settings)
    found = run(x0=problem.x_init, lbx=low, ubx=high, lbg=problem.g_lb, ubg=problem.g_ub)
    stats = run.stats()
    return stats, str(stats["return_status"]), found


def whole_bounds(problem: Any) -> tuple[list[float], list[float]]:
    """Return the columns' bounds, rounded inwards for integers: Bonmin fails on others."""
    low, high = list(problem.x_lb), list(problem.x_ub)
    for j, discrete in enumerate(problem.discrete):
        if discrete:
            low[j] = math.ceil(low[j] - ROUNDING) if math.isfinite(low[j]) else low[j]
            high[j] = math.floor(high[j] + ROUNDING) if math.isfinite(high[j]) else high[j]
    return low, high


def satisfies(problem: Any, values: list[float], within: float = FEASIBLE) -> bool:
    """Tell whether a point keeps the constraints, which Bonmin's interface does not report."""
    if not all(math.isfinite(value) for value in values):
        return False
    x = casadi.vertcat(*problem.x)
    rows = casadi.Function("rows", [x], [casadi.vertcat(*problem.g)])(values).full().ravel()
    return all(
        low - within * max(1.0, abs(low)) <= row <= high + within * max(1.0, abs(high))
        for low, row, high in zip(problem.g_lb, rows, problem.g_ub, strict=True)
    )


# AMPL's codes for the end of a solve.
CODES = {"converged": 0, "infeasible": 200, "unbounded": 300, "limit": 400, "error": 500}


def ampl_ipopt() -> int:
    """Run Ipopt as an AMPL solver."""
    return ampl("ipopt", sys.argv[1:])


def ampl_bonmin() -> int:
    """Run Bonmin as an AMPL solver."""
    return ampl("bonmin", sys.argv[1:])


def ampl(solver: str, arguments: list[str]) -> int:
    """Read ``stub.nl``, solve it, and write ``stub.sol``; return the exit status.

    Options are ``key=value`` arguments, or words of the variable ``ipopt_options`` or
    ``bonmin_options``. Suffixes in the file that are hints are passed over, so that the answer is
    in the file's own units; others are refused.
    """
    title = f"{solver.title()} of {VERSION}"
    if not arguments or arguments[0] in ("-v", "--version"):
        # Pyomo reads the three numbers behind the name.
        sys.stdout.write(f"{title}\n")
        return 0
    words = os.environ.get(f"{solver}_options", "").split() + arguments[1:]
    stub = arguments[0].removesuffix(".nl")
    try:
        options = dict(option(word) for word in words if not word.startswith("-"))
        problem = read(f"{stub}.nl")
        numbers = {key: number(value) for key, value in options.items() if key != "wantsol"}
        _, last, found = solve(problem, solver, numbers)
    except (RuntimeError, OSError, ValueError) as error:
        sys.stderr.write(f"{title}: {str(error).strip().splitlines()[-1]}\n")
        return 1
    values = found["x"].full().ravel().tolist()
    status = STATUS.get(last, "error")
    if status == "converged" and not satisfies(problem, values):
        status = "error"
    # AMPL's multiplier of a row is the change of the optimum with its side: -λ of CasADi.
    duals = (-found["lam_g"]).full().ravel().tolist() if solver == "ipopt" else []
    lines = [
        f"{title}: {last}",
        "",
        "Options",
        *map(str, (3, 1, 1, 0, len(problem.g), len(duals), len(values), len(values))),
        *(f"{value:.17g}" for value in [*duals, *values]),
        f"objno 0 {CODES[status]}",
    ]
    Path(f"{stub}.sol").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def option(word: str) -> tuple[str, str]:
    """Split an option into its name and its value."""
    key, equals, value = word.partition("=")
    if not (key and equals):
        raise RefusedError(f"the argument {word!r} is none of -AMPL and key=value")
    return key, value


def number(text: str) -> int | float | str:
    """Return an option's value as what it looks like."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(ampl(sys.argv[1], sys.argv[2:]))
    main()
