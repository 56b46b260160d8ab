"""What every stored table says of where it comes from, and where tables are stored."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from eipyomo.files import write_atomically
from eipyomo.studies.versions import version_of_code

RESULTS = Path(__file__).parent / "results"
FIGURES = Path(__file__).parent / "figures"
STORES = Path(__file__).parent / "stores"
"""Where runs keep what they have computed so far; not in the repository."""


def command(name: str, compute: Callable[[], None], draw: Callable[[], None]) -> None:
    """Be the command ``python -m NAME``: compute, unless told not to, and draw."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    parser.add_argument("--plot-only", action="store_true", help="draw what is stored")
    if not parser.parse_args().plot_only:
        compute()
    draw()


def provenance(*packages: str) -> dict[str, Any]:
    """Return date, versions and machine, as columns of a table."""
    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("eipyomo", "numpy", *packages)},
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def store(name: str, table: pd.DataFrame, *packages: str) -> Path:
    """Write a table with its provenance to ``results/NAME.csv``, replacing an older one."""
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.csv"
    write_atomically({target: table.assign(**provenance(*packages)).to_csv(index=False)})
    return target


def finished_rows(name: str) -> list[dict[Any, Any]]:
    """Return the rows that an interrupted run of this very code has finished."""
    part = _part(name)
    if not part.exists():
        return []
    return pd.read_csv(part, float_precision="round_trip").to_dict("records")


def keep_rows(name: str, rows: list[dict[Any, Any]]) -> None:
    """Keep the rows that are finished, for this run to go on with when it is interrupted."""
    STORES.mkdir(exist_ok=True)
    write_atomically({_part(name): pd.DataFrame(rows).to_csv(index=False)})


def _part(name: str) -> Path:
    return STORES / f"{name}-{version_of_code()}.csv"


def save(name: str, figure: Figure) -> None:
    """Write a figure to ``figures/NAME.pdf`` and ``.png``, the same bytes for the same figure."""
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(FIGURES / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(FIGURES / f"{name}.png", dpi=200)
