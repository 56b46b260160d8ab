"""The one shape of all experiments: tables of cases, each computed once and kept at once.

A new experiment is one file: what its cases are, what a row says of a case, and, at its end,
``command([TABLE])``. A run that is stopped goes on where it stopped, as long as neither the package
nor the experiment's own file has changed, or until what a table has settled; delete
``experiments/stores`` to compute from nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import track

from eipyomo.files import write_atomically
from eipyomo.studies.pools import open_pools
from eipyomo.studies.versions import version_of_code
from eipyomo.version import __version__
from experiments import provenance

STORES = provenance.HERE / "stores"
"""Where runs keep what they have computed so far; not in the repository."""

Case = tuple[Any, ...]
Row = dict[str, Any]


def passed(row: Row) -> bool:
    """Tell whether nothing of a row has failed, so that it is settled."""
    return not row["failed"]


@dataclass(frozen=True)
class Table:
    """A stored table, made of the rows of cases.

    Attributes
    ----------
    name
        Of ``results/NAME.csv``.
    cases
        Gives the arguments of `row`: numbers, texts and None.
    row
        Returns the row of a case; or its rows, if there are several or none.
    packages
        Distributions that it computes with, whose versions are stored.
    workers
        Number of processes; one where seconds are measured.
    finish
        Changes the whole table before it is stored.
    options
        Numbers that the command can be told, as ``--name``, with their defaults; they stand behind
        the arguments of every case.
    settled
        Where it is given, a row for which it holds stays until the package has another version, and
        any other is computed again by the next run. Such rows say of themselves what they are of.
    """

    name: str
    cases: Callable[[], Iterable[Case]]
    row: Callable[..., Row | list[Row]]
    packages: Sequence[str]
    workers: int = 1
    finish: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    settled: Callable[[Row], bool] | None = None

    def stored(self) -> pd.DataFrame:
        """Return the stored table."""
        return pd.read_csv(provenance.RESULTS / f"{self.name}.csv")

    def compute(self, only: Sequence[str] = ()) -> None:
        """Compute what is missing, and store the table if nothing is any more.

        Parameters
        ----------
        only
            Beginnings of the cases to compute; all of them if empty.
        """
        if not only or any(str(case[0]) in only for case in self.cases()):
            table = self.computed(only)
            if table is not None:
                provenance.store(self.name, table, *self.packages)

    def computed(self, only: Sequence[str] = (), folder: Path | None = None) -> pd.DataFrame | None:
        """Return the table, or None as long as cases are missing; `folder` keeps finished ones."""
        cases = [(*case, *self.options.values()) for case in self.cases()]
        folder = folder or STORES
        file = folder / f"{self.name}-{self._version()}.json"
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if self.settled is not None:
            kept = {case: rows for case, rows in kept.items() if all(map(self.settled, rows))}
        missing = [case for case in cases if json.dumps(case) not in kept]
        wanted = [case for case in missing if not only or str(case[0]) in only]
        folder.mkdir(exist_ok=True)
        for case, found in track(self._rows(wanted), self.name, total=len(wanted)):
            kept[json.dumps(case)] = found if isinstance(found, list) else [found]
            write_atomically({file: json.dumps(kept, default=lambda value: value.item())})
        if len(wanted) < len(missing):
            return None
        table = pd.DataFrame([row for case in cases for row in kept[json.dumps(case)]])
        return table if self.finish is None else self.finish(table)

    def _rows(self, cases: Sequence[Case]) -> Iterator[tuple[Case, Row | list[Row]]]:
        """Iterate over cases with their rows, as they are finished."""
        if self.workers == 1:
            yield from ((case, self.row(*case)) for case in cases)
            return
        with contextlib.closing(open_pools(self.workers, None)) as pools:
            pool, _ = next(pools)
            jobs = {pool.submit(self.row, *case): case for case in cases}
            for job in as_completed(jobs):
                yield jobs[job], job.result()

    def _version(self) -> str:
        """Return what the rows depend on: the package, and the file that says what a row is."""
        own = Path(inspect.getfile(self.row)).read_bytes()
        code = version_of_code() if self.settled is None else __version__
        return f"{code}-{hashlib.sha256(own).hexdigest()[:8]}"


def command(tables: Sequence[Table], draw: Callable[[], None] | None = None) -> None:
    """Be the command of an experiment: compute its tables, unless told not to, and draw.

    Parameters
    ----------
    tables
        In the order in which they are computed.
    draw
        Draws what is stored, where there is something to draw.
    """
    name = f"experiments.{Path(sys.argv[0]).stem}".removesuffix(".__main__")
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    if draw is not None:
        parser.add_argument("--plot-only", action="store_true", help="draw what is stored")
    parser.add_argument(
        "only", metavar="CASE", nargs="*", help="compute cases that begin so, and keep their rows"
    )
    for option, default in (pair for table in tables for pair in table.options.items()):
        parser.add_argument(f"--{option}", type=float, default=default, help=f"({default:g})")
    asked = parser.parse_args()
    for table in tables if draw is None or not asked.plot_only else ():
        told = {option: getattr(asked, option) for option in table.options}
        replace(table, options=told).compute(asked.only)
    if draw is not None and not asked.only:
        draw()
