"""What the ready-made constraints of docs/constraints.md cost, and how long their proofs take.

Run ``python -m experiments.constraints``: it proves the optimum of each script of that page without
its constraint and with it, by ``exact`` of the data and by SCIP of the rows, and writes
``results/constraints.csv``, a picture for each in ``docs/pictures/constraints`` and the page's
table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd

import eipyomo as ei
from eipyomo import plotting
from eipyomo.files import write_atomically
from experiments.table import Case, Row, Table, command

PAGE = Path(__file__).parents[1] / "docs" / "constraints.md"
PICTURES = PAGE.parent / "pictures" / "constraints"
SECTION = re.compile(r"(?ms)^## ([^\n]+)$.*?```math\n.*?```python\n(.*?)```")
MEASURED = re.compile(r"(?ms)^\| constraint \|.*?(?=\n\n)")
GAP = 1e-3
TIME_LIMIT_S = 120.0


class Shown(NamedTuple):
    """What a picture shows of each user, by what the columns' sum is multiplied, and the limit."""

    label: str
    columns: tuple[str, ...]
    factor: float = 1.0
    limit: float | None = None


LATENCY, ENERGY = ("latency (s)", ("latency_s",)), ("energy (J)", ("energy_j",))
OFFLOADED = Shown("offloaded part", ("offload_fraction",))
UPLOAD = Shown("upload of the update (s)", ("upload_s",))
SHOWN = {
    "A deadline on every latency": Shown(*LATENCY, limit=5.0),
    "The slowest user instead of the sum": Shown(*LATENCY),
    "A floor on the uplink share": Shown("uplink share", ("uplink_share",), limit=0.25),
    "An energy budget per user": Shown(*ENERGY, limit=0.35),
    "Energy of all users together": Shown(*ENERGY),
    "Two classes of users": Shown(*LATENCY, limit=4.5),
    "At most one user offloads": OFFLOADED,
    "Two users never both offload": OFFLOADED,
    "Shares in whole slots": Shown("slots of the uplink", ("uplink_share",), factor=8.0),
    "A price of the band": Shown("band (MHz)", ("uplink_share", "downlink_share"), factor=20.0),
    "At least two users train": UPLOAD,
    "Accuracy that compression may cost": UPLOAD,
    "Accuracy that is reached in time": Shown("latency of a round (s)", ("latency_s",), limit=2.25),
}


def scripts() -> dict[str, str]:
    """Return the script of each constraint of the page, which has mathematics, by its title."""
    return dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


def run(title: str) -> dict[str, Any]:
    """Run a script of the page, and return its names; `free` is what it limits."""
    names: dict[str, Any] = {}
    exec(compile(scripts()[title], PAGE.name, "exec"), names)
    return {"free": names["instance"], **names}


def cases() -> Iterator[Case]:
    """Iterate over the constraints."""
    for title in SHOWN:
        yield (title,)


@cache
def warm() -> None:
    """Compile, and start SCIP once."""
    small = ei.Instance.letter(users=2)
    ei.solve(small, objective="slowest")
    ei.solve_model(ei.models.minlp(small, "spectral"), "scip", gap=0.5)


def by_scip(model: Any) -> ei.Result:
    """Solve a model to the gap of the page."""
    return ei.solve_model(model, "scip", gap=GAP, time_limit=TIME_LIMIT_S)


def row(title: str) -> Row:
    """Return what the constraint costs, and the seconds of each proof."""
    warm()
    names = run(title)
    free = ei.solve(names["free"])
    limited = ei.solve(names["limited"]) if "limited" in names else None
    rows_free = by_scip(ei.models.minlp(names["free"], "spectral"))
    model = names.get("model") or ei.models.minlp(names["limited"], "spectral")
    rows = by_scip(model)
    best = limited or rows
    return {
        "title": title,
        "wsel_free": free.objective,
        "wsel": best.objective,
        "exact_value": limited and limited.value,
        "exact_bound": limited and limited.bound,
        "exact_free_s": round(free.wall_s, 3),
        "exact_s": limited and round(limited.wall_s, 3),
        "scip_value": rows.value,
        "scip_bound": rows.bound,
        "scip_free_s": round(rows_free.wall_s, 1),
        "scip_s": round(rows.wall_s, 1),
        "scip_ended": rows.termination,
        "shown_free": bars(title, free),
        "shown": bars(title, best),
    }


TABLE = Table("constraints", cases, row, packages=("PySCIPOpt",))


def bars(title: str, result: ei.Result) -> str:
    """Return what the picture shows of each user, as a text for a field of the table."""
    shown = SHOWN[title]
    values = shown.factor * result.frame()[list(shown.columns)].sum(axis=1)
    return " ".join(f"{value:.4g}" for value in values)


def stored() -> Iterator[Any]:
    """Iterate over the rows of the stored table."""
    yield from TABLE.stored().itertuples()


def table() -> str:
    """Return the table of the page."""
    lines = [
        "| constraint | WSEL | above | `exact` [s] | SCIP [s] |",
        "|---|---|---|---|---|",
    ]
    for one in stored():
        link = f"[{one.title}](#{slug(one.title)})"
        more = one.wsel / one.wsel_free - 1.0
        exact = "" if pd.isna(one.exact_s) else f"{one.exact_free_s:.2g} → {one.exact_s:.2g}"
        lines.append(
            f"| {link} | {one.wsel:.4f} | {100 * more:.1f} % "
            f"| {exact} | {one.scip_free_s:.2g} → {one.scip_s:.2g} |"
        )
    return "\n".join(lines)


def draw() -> None:
    """Draw every picture, and write the table into the page."""
    PICTURES.mkdir(exist_ok=True)
    for one in stored():
        picture(one).savefig(PICTURES / f"{slug(one.title)}.png", dpi=110)
    text = PAGE.read_text(encoding="utf-8")
    write_atomically({PAGE: MEASURED.sub(lambda _: table(), text, count=1)})
    click.echo(table())


def slug(title: str) -> str:
    """Return a title as it stands in addresses of the page and names of files."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


def picture(one: Any) -> plotting.Page:
    """Return a bar for each user without the constraint, and one with it."""
    shown = SHOWN[one.title]
    page = plotting.Page(figsize=(3.5, 1.7), layout="constrained")
    axes = page.subplots()
    for place, (label, text, colour) in enumerate(
        (("without", one.shown_free, "#BBBBBB"), ("with", one.shown, "#0072B2"))
    ):
        values = np.array(text.split(), dtype=float)
        where = np.arange(len(values)) + 0.4 * place - 0.2
        axes.bar(where, values, width=0.38, label=label, color=colour, edgecolor="black")
    if shown.limit is not None:
        axes.axhline(shown.limit, color="#D55E00", linestyle="--", label="limit")
    axes.set_xticks(range(3), ["eu1", "eu2", "eu3"])
    axes.set_ylabel(shown.label)
    page.legend(loc="outside right upper", frameon=False)
    return page


if __name__ == "__main__":
    command([TABLE], draw)
