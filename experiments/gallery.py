"""What the ready-made constraints of docs/extensions.md cost: ``docs/pictures/constraints.png``.

Run ``python -m experiments.gallery``: it solves each example of that page by SCIP to a gap of 1e-3,
draws what it is about for every user, without it and with it, and prints the table of
docs/gallery.md.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

import eipyomo as ei
from eipyomo import plotting

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = dict(
    re.findall(
        r"(?ms)^## ([^\n]+)$.*?```python\n(.*?)```",
        (DOCS / "extensions.md").read_text(encoding="utf-8"),
    )
)
GAP = 1e-3


class Shown(NamedTuple):
    """What a panel shows of each user, and the limit of it."""

    label: str
    column: str
    limit: float | None


SHOWN = {
    "A deadline on every latency": Shown("latency (s)", "latency_s", 5.0),
    "The slowest user instead of the sum": Shown("latency (s)", "latency_s", None),
    "A floor on the uplink share": Shown("uplink share", "uplink_share", 0.25),
    "An energy budget per user": Shown("energy (J)", "energy_j", 0.35),
    "Two classes of users": Shown("latency (s)", "latency_s", 4.5),
}


def main() -> None:
    """Solve, draw and print."""
    page = plotting.Page(figsize=(7.16, 4.2), layout="constrained", width="page")
    panels = page.subplots(2, 3)
    click.echo("| constraint | WSEL | more than the optimum | time |\n|---|---|---|---|")
    for axes, (title, shown) in zip(panels.flat, SHOWN.items(), strict=False):
        names: dict[str, Any] = {}
        exec(compile(EXAMPLES[title], "extensions.md", "exec"), names)
        best = ei.solve(names["instance"])
        start = time.perf_counter()
        result = ei.solve_model(names["model"], "scip", gap=GAP)
        seconds = time.perf_counter() - start
        if best.objective is None or result.objective is None:
            raise RuntimeError(f"{title}: {result.message}")
        more = result.objective / best.objective - 1
        click.echo(f"| {title} | {result.objective:.4f} | {more:.1%} | {seconds:.1f} s |")
        draw(axes, title, shown, best, result)
    bars = panels.flat[0].get_legend_handles_labels()
    panels.flat[-1].axis("off")
    panels.flat[-1].legend(*bars, loc="center", frameon=False)
    page.savefig(DOCS / "pictures" / "constraints.png", dpi=110)


def draw(axes: Any, title: str, shown: Shown, best: ei.Result, result: ei.Result) -> None:
    """Draw a bar for each user without the constraint, and one with it."""
    for place, (label, one, colour) in enumerate(
        (("optimum of (10)", best, "#BBBBBB"), ("with the constraint", result, "#0072B2"))
    ):
        values = one.frame()[shown.column].to_numpy()
        where = np.arange(len(values)) + 0.4 * place - 0.2
        axes.bar(where, values, width=0.38, label=label, color=colour, edgecolor="black")
    if shown.limit is not None:
        axes.axhline(shown.limit, color="#D55E00", linestyle="--", label="limit")
    axes.set_xticks(range(len(best.frame())), list(best.frame()["name"]))
    axes.set_ylabel(shown.label)
    axes.set_title(title, fontsize=8)


if __name__ == "__main__":
    main()
