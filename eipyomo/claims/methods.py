"""What methods solve and prove: said here once more, since whoever reads knows no solver."""

from __future__ import annotations

ANY = "*"

SOLVED_BY = {
    "exact": ANY,
    "admm": ANY,
    "minlp": ANY,
    "milp": ANY,
    "enumeration": "grid",
    "eco": "eco",
    "lco": "lco",
    "gbe": "gbe",
    "exhaustive": "grid",
    "random": ANY,
    "equal": ANY,
    "greedy": ANY,
    "genetic": ANY,
    "droo": ANY,
    "model": ANY,
}
"""Which problem a method solves; "grid" stands for any step."""

EXACT_MACHINE = frozenset({"exact", "enumeration", "eco", "lco", "gbe", "exhaustive"})
"""Methods that prove their bounds themselves where no solver is named."""

PROVING_SOLVERS = frozenset({"scip", "highs", "couenne", "baron", "maingo", "milp"})
"""Solvers whose bounds are valid; what any other calls a bound is none."""

PROVING_ON_GRIDS = frozenset({"shot"})
"""Solvers whose bounds are valid on convex models; of those here only that of a grid is one."""
