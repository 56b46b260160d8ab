"""Kinds of faults, and how many tests hold each of them: ``docs/hardening.md``.

Run ``python -m experiments.kinds`` to write the page again from ``tests/kinds.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from eipyomo.files import write_atomically

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests" / "kinds.toml"
PAGE = ROOT / "docs" / "hardening.md"

OPENING = """\
# Faults that must not come back

This page is written by `python -m experiments.kinds` from `tests/kinds.toml`, which names each
test. A line is a kind of fault, of models, solvers, files, machines or words: something that this
package, or one like it, once did to somebody. What is held is that it happens no more, whatever the
example: {kinds} kinds by {tests} tests. A test may hold several kinds.

Kinds that nobody knows yet are looked for by [hostile inputs](fuzzing.md), by
[mutants](mutation.md), and by `python -m experiments.signals`, which ends every command that takes
long by SIGINT, SIGTERM and SIGKILL at any moment. Then all files must be older ones or whole, no
process and no folder may be left, and the command, given again, must complete; what came of it is
stored in [experiments/results/signals.csv](../experiments/results/signals.csv).

Tests are run by their names, in a checkout: `python -m pytest tests/{example}`."""


def table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return groups of kinds, and the tests of each kind as pytest calls them in ``tests``."""
    groups: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(
        TABLE.read_text(encoding="utf-8")
    )
    return groups


def page() -> str:
    """Return the page."""
    groups = table()
    kinds = [names for group in groups.values() for names in group.values()]
    tests = {name for names in kinds for name in names}
    lines = [OPENING.format(kinds=len(kinds), tests=len(tests), example=kinds[0][0])]
    for title, group in groups.items():
        lines += ["", f"## {title}", "", "| Kind of fault | Tests | In |", "|---|---|---|"]
        for kind, names in group.items():
            files = dict.fromkeys(name.split("::")[0] for name in names)
            places = ", ".join(f"`{file}`" for file in files)
            lines.append(f"| {kind[0].upper()}{kind[1:]} | {len(names)} | {places} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Write the page."""
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    main()
