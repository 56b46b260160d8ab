"""What is known of the library's entries: values, bounds, and what each method found.

Run ``python -m experiments.library``; it takes some minutes and writes
``experiments/results/library.csv``, ``eipyomo/library/values.json`` and ``docs/library.md``.
Methods other than ``exact`` and ``admm`` are asked of up to 12 users, one process at a time. What a
method refuses is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import eipyomo as ei
from eipyomo.claims.values import relative_gap
from eipyomo.files import write_atomically
from eipyomo.library import shelf
from eipyomo.solvers.exact import solve_exact
from eipyomo.verify import verify
from experiments.table import Case, Row, Table, command

PAGE = Path(__file__).parents[1] / "docs" / "library.md"
TIME_LIMIT_S = 5.0
SMALL, METHODS = 12, ("milp", "minlp:scip", "minlp:bonmin")
"""The most users, and the methods that are asked of no more."""
DIGITS = 12


def cases() -> Iterator[Case]:
    """Iterate over entries and methods."""
    for name in shelf.names():
        small = len(shelf.get(name).users) <= SMALL
        for method in ("exact", "admm", *(METHODS if small else ())):
            yield name, method


@cache
def warm(method: str) -> None:
    """Compile, and start what a method needs."""
    ei.solve(shelf.get("letter-m4"), method, time_limit=1.0)


def row(name: str, method: str) -> Row | list[Row]:
    """Return what a method finds of an entry; the bound of ``exact`` is that of its certificate."""
    problem = shelf.problem(name)
    try:
        warm(method)
        result = ei.solve(problem, method, time_limit=TIME_LIMIT_S)
    except (ei.InputError, ei.SolverError):
        return []
    bound = result.bound
    if method == "exact":
        proof = solve_exact(problem, gap=1e-6).certificate()
        verified = verify(problem.instance, json.loads(json.dumps(proof)))
        bound = verified.bound if math.isfinite(verified.bound) else None
    return {
        "name": name,
        "method": method,
        "version": result.solver_version if ":" in method or method == "milp" else None,
        "termination": result.termination,
        "value": result.value,
        "bound": bound,
        "wall_s": round(result.wall_s, 3),
    }


TABLE = Table("library", cases, row, packages=("highspy",))


def rounded(value: float | None, rounding: str) -> float | None:
    """Return a number with fewer digits, on the side on which it stays true."""
    if value is None:
        return None
    return float(Context(prec=DIGITS, rounding=rounding).plus(Decimal(value)))


def values() -> dict[str, Any]:
    """Return what is known of every entry, of the stored table."""
    stored = TABLE.stored()
    told = stored.iloc[0]
    stored = stored.astype(object).where(stored.notna(), None)
    keys = ("method", "version", "termination", "value", "bound", "wall_s")
    entries = {}
    for name in shelf.names():
        instance = shelf.get(name)
        rows = stored[stored["name"] == name].to_dict("records")
        # A solver's point may be lower by what its tolerance allows, so that it is none to claim.
        (value, bound), *_ = ((r["value"], r["bound"]) for r in rows if r["method"] == "exact")
        entries[name] = {
            "users": len(instance.users),
            "digest": instance.digest(),
            "value": rounded(value, ROUND_CEILING),
            "bound": rounded(bound, ROUND_FLOOR),
            "found": [{key: one[key] for key in keys} for one in rows],
        }
    made = {key: str(told[key]) for key in ("date", "eipyomo", "highspy", "python", "processor")}
    return {"made": made, "time_limit_s": TIME_LIMIT_S, "entries": entries}


OPENING = """\
# The library

Named instances, from 2 to 1,000 users, each with what is asked of it, the best value that is
known, and a lower bound that a [certificate](certificate.md) proves. This page is written by
`python -m experiments.library`.

```sh
eipyomo library list
eipyomo library get letter-m4 -o instance.json
eipyomo library get letter-m4-band -o model.nl
eipyomo library check --only letter-m4,hostile-00
```

`get` writes an instance, and says how to ask what the entry asks; by `.nl` and `.gms` it writes
the model of that. `check` solves the entries again, verifies their certificates, and evaluates
their allocations: it takes seconds for all of them, and ends with status 4 where a claim is not
true. `--certificates FOLDER` keeps instances and certificates, which `eipyomo verify` and the
[second checker](certificate.md) check once more.

```python
import eipyomo as ei

instance = ei.library.get("letter-m4")
entry = ei.library.entry("letter-m4")
assert entry.bound <= ei.solve(instance).objective <= entry.value * (1 + 1e-6)
table = ei.library.frame()
```

Small instances are files of the package; the others are recipes, seeds and settings, whose digest
is compared by `check`. Entries that begin with the name of a preset are the [published
settings](presets.md), with seed 0.

## Entries

Value and bound are WSEL, or MHz (`band`), GHz (`edge_frequency`) and s (`slowest`). `infeasible`:
proven to have no feasible point. The value is that of an allocation which keeps every limit to
1e-9; a point of a solver may be lower by what its tolerance of 1e-6 allows.
"""

POINTS = """
## What each method found

A time limit of {limit:g} s each, on one process ({processor}; eipyomo {eipyomo}, HiGHS {highspy},
Python {python}; {date}). Each cell has how far the point is above the best value, what is left of
the gap to the method's own bound (of `exact` that of its certificate), and the seconds. - stands
for no point or no bound, an empty cell for what was not asked or is refused. Versions of solvers
are in `eipyomo library list --json`. The machine had other work at the same time, so that seconds
are upper values.
"""


def page() -> str:
    """Return the page."""
    entries = [shelf.entry(name) for name in shelf.names()]
    lines = [OPENING, "| entry | users | problem | objective | value | bound | gap | |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for one in entries:
        numbers = "| infeasible | | |"
        if one.bound is not None and one.value is not None:
            numbers = f"| {one.value:.9g} | {one.bound:.9g} | {one.gap or 0.0:.1e} |"
        asked = f"| {one.users:,} | {one.problem} | {one.objective} "
        lines.append(f"| `{one.name}` {asked}{numbers} {one.about} |")
    told = json.loads(shelf.VALUES.read_text("utf-8"))
    lines.append(POINTS.format(limit=told["time_limit_s"], **told["made"]))
    methods = ("exact", "admm", *METHODS)
    lines.append(f"| entry | {' | '.join(f'`{name}`' for name in methods)} |")
    lines.append("|---" * (len(methods) + 1) + "|")
    for one in entries:
        found = {point.method: cell(one, point) for point in one.found}
        lines.append(f"| `{one.name}` | {' | '.join(found.get(m, '') for m in methods)} |")
    return "\n".join([*lines, ""])


def cell(entry: shelf.Entry, point: shelf.Found) -> str:
    """Return what a method found, in a few characters."""
    if point.termination == "infeasible":
        return f"infeasible, {point.wall_s:.2g} s"
    above = "-"
    if point.value is not None and entry.value:
        above = f"+{max(0.0, point.value / entry.value - 1):.0e}"
    gap = relative_gap(point.value, point.bound)
    return f"{above}, {'-' if gap is None else f'{gap:.0e}'}, {point.wall_s:.2g} s"


def write() -> None:
    """Write values and page of the stored table."""
    write_atomically({shelf.VALUES: json.dumps(values(), indent=1, ensure_ascii=False) + "\n"})
    shelf.values.cache_clear()
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    command([TABLE])
    write()
