"""What every method can be asked for: ``docs/options.md``.

Run ``python -m experiments.options`` to write the page again from the methods' records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eipyomo.choices import Choices
from eipyomo.files import write_atomically
from eipyomo.solvers import METHODS
from eipyomo.solvers.admm.settings import PRESETS
from eipyomo.solvers.contract import Options

PAGE = Path(__file__).parents[1] / "docs" / "options.md"

OPENING = """\
# What methods can be asked for

This page is written by `python -m experiments.options` from the methods' own records, from which
the sentences that refuse a value and `eipyomo solve --help` are made too.

In Python an option is a keyword, `ei.solve(instance, "exact", node_limit=100)`. On the command line
it is `--node-limit 100`, or `--option node_limit=100`, and in a sweep `-m "exact node_limit=100"`;
`enumeration=True` is `--enumerate`. `start` is an allocation in Python, and a result's file on the
command line.

Every method also takes `objective` (`wsel`, `band`, `edge_frequency`, `slowest`; see
[objectives.md](objectives.md)), and every one but the benchmarks `eco`, `lco`, `gbe` and
`exhaustive`, which are names for a problem and a method, `problem` (`joint`, `training`, `eco`,
`lco`, `gbe`, `gbe training`, `grid:STEP`, or in Python a `Restriction`) and `round` (`inference` or
`training`)."""

HEAD = ["", "| option | takes | default | meaning |", "|---|---|---|---|"]


def page() -> str:
    """Return the page."""
    lines = [OPENING, "", "## Every method", *HEAD, *rows(Options, Options.model_fields)]
    gaps = [
        f"`{name}` {shown(one.Options.model_fields['gap'].default)}"
        for name, one in METHODS.items()
        if one.Options.model_fields["gap"].default != Options.model_fields["gap"].default
    ]
    lines += ["", f"Other defaults of `gap`: {', '.join(gaps)}."]
    for name, one in METHODS.items():
        own = [key for key in one.Options.model_fields if key not in Options.model_fields]
        if own:
            lines += ["", f"## `{name}`: {one.description}", *HEAD, *rows(one.Options, own)]
        if name == "admm":
            lines += ["", "What is left out is as the preset says:", "", *presets()]
    return "\n".join([*lines, ""])


def rows(options: type[Choices], names: Iterable[str]) -> Iterator[str]:
    """Iterate over the rows of options."""
    for name in names:
        field = options.model_fields[name]
        takes = options.takes(name).replace("|", "\\|")
        yield f"| `{name}` | {takes} | {shown(field.default)} | {field.description} |"


def presets() -> Iterator[str]:
    """Iterate over the rows of what the presets of ``admm`` say."""
    yield f"| | {' | '.join(f'`{name}`' for name in PRESETS)} |"
    yield f"|---|{'---|' * len(PRESETS)}"
    for key in vars(PRESETS["default"]):
        values = (shown(getattr(settings, key), "by the instance") for settings in PRESETS.values())
        yield f"| `{key}` | {' | '.join(values)} |"


def shown(value: Any, none: str = "") -> str:
    """Return a default in words."""
    if value is None:
        return none
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def main() -> None:
    """Write the page."""
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    main()
