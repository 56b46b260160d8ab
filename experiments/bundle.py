"""The letter's Fig. 2 as a bundle: tables, figures, and some of the solves behind them, made anew.

Run ``python -m experiments.bundle -o letter.zip``; ``eipyomo bundle check letter.zip`` needs no
more than the installed package. Of each table, the rows of its least and its largest value are
solved on the first channels, by every method of the figure.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import eipyomo as ei
from eipyomo import streams
from experiments import fig2a, fig2b
from experiments.fig2 import LINES, Experiment
from experiments.provenance import FIGURES, HERE, RESULTS

EXPERIMENTS = (fig2a.EXPERIMENT, fig2b.EXPERIMENT)


def solved(experiment: Experiment, folder: Path, seeds: int) -> Iterator[dict[str, Any]]:
    """Write instances and results of some rows, and iterate over the numbers that they are."""
    table = experiment.table.stored()
    ends = table[experiment.quantity].isin([min(experiment.values), max(experiment.values)])
    for place in table.index[ends & (table["seed"] < seeds)]:
        row = table.loc[place]
        arguments: dict[str, Any] = {
            **experiment.fixed,
            experiment.quantity: float(row[experiment.quantity]),
        }
        instance = ei.Instance.letter(seed=int(row["seed"]), **arguments)
        name = f"{experiment.name}-{place + 1}"
        instance.to_json(folder / f"{name}.json")
        for column in experiment.lines:
            line = LINES[column]
            file = folder / f"{name}-{column}.json"
            ei.solve(instance, line.method, **line.options).to_json(file)
            yield {
                "table": f"{experiment.name}.csv",
                "row": int(place) + 1,
                "column": column,
                "result": file.name,
            }


def main() -> None:
    """Make the bundle."""
    parser = argparse.ArgumentParser(prog="python -m experiments.bundle")
    parser.add_argument("-o", "--output", default="letter.zip", help="the zip file to write")
    parser.add_argument("--seeds", type=int, default=1, help="channels of each value")
    parser.add_argument("--certificates", action="store_true", help="with certificates of them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = [one for each in EXPERIMENTS for one in solved(each, folder, asked.seeds)]
        figures = [
            FIGURES / f"{each.name}{end}" for each in EXPERIMENTS for end in (".png", ".pdf")
        ]
        tables = [RESULTS / f"{each.name}.csv" for each in EXPERIMENTS]
        scripts = [HERE / f"{each}.py" for each in ("fig2", *(each.name for each in EXPERIMENTS))]
        made_by = {file.name: f"python -m experiments.{file.stem}" for file in (*tables, *figures)}
        found = ei.bundle(
            asked.output,
            [*sorted(folder.iterdir()), *tables, *figures, *scripts],
            made_by=made_by,
            sources=sources,
            certificates=asked.certificates,
        )
    for file, how in found.checks.items():
        if file in found.contents.tables:
            streams.note(f"{file}: {how}")


if __name__ == "__main__":
    main()
