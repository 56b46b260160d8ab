"""What a report says of a table of results, as ``compare`` and ``sweep`` write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eipyomo.claims.values import is_number
from eipyomo.files import PathLike, number_or_text
from eipyomo.reporting.origin import CALLED
from eipyomo.reporting.sentences import (
    MOST_ROWS,
    Card,
    Cell,
    Details,
    Name,
    Number,
    Page,
    Sentence,
    Table,
    percent,
)
from eipyomo.reporting.traces import heading
from eipyomo.tables import TEXTS, read_table, rows_of

if TYPE_CHECKING:
    import pandas as pd


def read_rows(path: PathLike) -> list[dict[str, Any]]:
    """Read a table of results from a CSV file, numbers rounded only once, None for empty cells.

    Raises
    ------
    InputError
        If there is none in it.
    """
    table = read_table(path)
    for key in table.columns:
        if key not in TEXTS and any(isinstance(cell, str) for cell in table[key]):
            table[key] = list(map(_value, table[key]))  # numbers beside texts stay numbers
    return results_of(table)


def _value(cell: Any) -> Any:
    """Return what a field of a CSV file stands for."""
    if not isinstance(cell, str):
        return cell
    return {"True": True, "False": False}.get(cell, number_or_text(cell))


def results_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of results, with whole iterations and a name each."""
    rows = rows_of(table)
    for row in rows:
        if is_number(row.get("iterations")):  # a column with an empty cell is one of floats
            row["iterations"] = int(row["iterations"])
        if row.get("instance") is None:
            row["instance"] = ""
    return rows


def table_page(source: str, rows: Sequence[Mapping[str, Any]]) -> Page:
    """Return what is to be said of the rows of a table that was checked."""
    instances = {row.get("digest") or row["instance"] for row in rows}
    groups = _by_method(rows)
    answered = sum(bool(row["feasible"]) for row in rows)
    all_answered = answered == len(rows)
    cards = [
        Card("Instances", Number("=count(instances)", len(instances))),
        Card("Methods", Number("=count(methods)", len(groups))),
        Card(
            "Answers",
            Number("=count(feasible)", answered),
            ("of ", Number("=count(rows)", len(rows))),
        ),
    ]
    verdict: Sentence = ("Every method has an answer for every instance.",)
    if not all_answered:
        verdict = (
            "Some methods have no answer: ",
            Number("=missing", len(rows) - answered),
            " rows.",
        )
    return Page(
        kind="table",
        source=source,
        title="Methods side by side",
        mark="good" if all_answered else "fair",
        verdict=verdict,
        cards=cards,
        sections={"Which method": [*_best(groups), _methods(groups)]},
        details=_behind(rows),
    )


Groups = Mapping[str, Sequence[tuple[int, Mapping[str, Any]]]]
"""Rows with their places, by method and options."""


def _by_method(rows: Sequence[Mapping[str, Any]]) -> Groups:
    """Return rows by method and options, each with how far it is above the best of its instance."""
    lowest: dict[Any, float] = {}
    for row in rows:
        if row["objective"] is not None:
            key = row.get("digest") or row["instance"]
            lowest[key] = min(lowest.get(key, row["objective"]), row["objective"])
    groups: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for n, row in enumerate(rows):
        name = row.get("label") or " ".join([row["method"], *_options(row.get("options"))])
        least = lowest.get(row.get("digest") or row["instance"])
        cost = row["objective"]
        above = None if cost is None or not least else (cost - least) / abs(least)
        groups.setdefault(name, []).append((n, {**row, "above best": above}))
    return groups


def _options(text: str | None) -> list[str]:
    """Return options as a command line has them."""
    try:
        return [f"{key}={value}" for key, value in json.loads(text or "{}").items()]
    except (ValueError, AttributeError):
        return [str(text)]


def _values(group: Sequence[tuple[int, Mapping[str, Any]]], key: str) -> list[float]:
    return [float(row[key]) for _, row in group if is_number(row.get(key))]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _best(groups: Groups) -> list[Sentence]:
    """Say which method is the cheapest most often."""
    wins = {
        name: sum(above <= TIE for above in _values(group, "above best"))
        for name, group in groups.items()
    }
    most = max(wins.values(), default=0)
    if not most or len(groups) < 2:
        return []
    count = Number("=most(cheapest)", most)
    of = Number("=count(rows of a method)", max(map(len, groups.values())))
    found: list[Sentence] = []
    for name, won in wins.items():
        if won == most:
            found.append((Name(name), " is the cheapest, or as cheap, in ", count, " of ", of, "."))
    return found


TIE = 1e-6
"""Relative difference of two costs that are as good as the same."""


def _methods(groups: Groups) -> Table:
    """Return a row for each method, the cheapest first."""
    keys = [key for key in MEANS if any(_values(group, key) for group in groups.values())]
    means = {name: _mean(_values(group, "above best")) for name, group in groups.items()}
    largest = max((mean for mean in means.values() if mean is not None), default=0.0)
    rows: list[list[Cell]] = []
    for name in sorted(groups, key=lambda name: (means[name] is None, means[name])):
        group, here, mean = groups[name], f"where {name}", means[name]
        cells: list[Cell] = [
            Name(name),
            Number(f"=count(feasible {here})", sum(bool(row["feasible"]) for _, row in group)),
            None if mean is None else _above(here, mean, largest),
        ]
        for key in keys:
            value = _mean(_values(group, key))
            is_part = key == "gap"
            scale, unit = (100.0, "%") if is_part else (1.0, "")
            shown = None if value is None else Number(f"=mean({key} {here})", value, unit, scale)
            cells.append(shown)
        rows.append(cells)
    headings = [("Method", ""), ("Answers", ""), ("Above best", "%")]
    return Table([*headings, *(MEANS[key] for key in keys)], rows)


def _above(here: str, mean: float, largest: float) -> Number:
    bar = mean / largest if largest > 0.0 else 0.0
    return Number(f"=mean(above best {here})", mean, "%", 100.0, 3, bar=bar)


MEANS = {
    "objective": ("Mean cost", "WSEL"),
    "gap": ("Mean proven gap", "%"),
    "energy_j": ("Mean energy", "J"),
    "mean_latency_s": ("Mean latency", "s"),
    "max_latency_s": ("Mean largest latency", "s"),
    "downloads": ("Mean downloads", ""),
    "wall_s": ("Mean time to solve", "s"),
}
"""Columns of which a mean is shown, where a table has them."""


def _behind(rows: Sequence[Mapping[str, Any]]) -> list[Details]:
    """Return all rows; what is alike in all of them is said once, and why some have no answer."""
    keys = [key for key in rows[0] if key not in UNSEEN]
    alike = [key for key in keys if all(row[key] == rows[0][key] for row in rows)]
    varied = [key for key in keys if key not in alike]
    facts = {
        _heading(key): cell for key in alike if (cell := _cell(0, key, rows[0][key])) is not None
    }
    found = [
        Details("All rows", tables=[_all(rows, varied)]),
        Details("What is the same in all rows", facts=facts),
    ]
    failed = [(n, row) for n, row in enumerate(rows) if not row["feasible"]]
    if failed:
        cells = [[_cell(n, key, row.get(key)) for key in WHY] for n, row in failed[:MOST_ROWS]]
        left = max(len(failed) - MOST_ROWS, 0)
        why = Table([heading(key) for key in WHY], cells, left)
        found.insert(0, Details("Why some have no answer", tables=[why]))
    return found


WHY = ("instance", "method", "termination", "message")
UNSEEN = frozenset({"message", "digest", "version"})
"""Columns that say why there is no answer; and those that are told there, or to programs alone."""


def _all(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Table:
    """Return some columns of the table."""
    shown = rows[:MOST_ROWS]
    cells = [[_cell(n, key, row[key]) for key in keys] for n, row in enumerate(shown)]
    return Table(list(map(_heading, keys)), cells, len(rows) - len(shown))


def _heading(key: str) -> tuple[str, str]:
    return ("Gap", "%") if key == "gap" else heading(CALLED.get(key, key))


def _cell(n: int, key: str, value: Any) -> Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not is_number(value):
        return Name(value)
    place = f"{n}.{key}"
    return percent(place, value) if key == "gap" else Number(place, value, digits=6)
