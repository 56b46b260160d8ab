"""What every stored table says of where it comes from, and where tables and figures are stored."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from eipyomo.files import write_atomically
from eipyomo.version import commit

HERE = Path(__file__).parent
RESULTS = HERE / "results"
FIGURES = HERE / "figures"
CPUINFO = Path("/proc/cpuinfo")


def provenance(*packages: str) -> dict[str, Any]:
    """Return date, commit, versions and machine, as columns of a table."""
    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "commit": commit("experiments/*.py") or "unknown",
        "python": platform.python_version(),
        **{name: version_of(name) for name in ("eipyomo", "numpy", *packages)},
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
    }


def version_of(package: str) -> str:
    """Return the version of a package that may be missing, as solvers of some rows."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Return the processor's name, as the system tells it."""
    text = CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown"


def store(name: str, table: pd.DataFrame, *packages: str) -> None:
    """Write a table with its provenance to ``results/NAME.csv``, replacing an older one."""
    RESULTS.mkdir(exist_ok=True)
    text = table.assign(**provenance(*packages)).to_csv(index=False)
    write_atomically({RESULTS / f"{name}.csv": text})


def save(name: str, figure: Figure) -> None:
    """Write a figure to ``figures/NAME.pdf`` and ``.png``, the same bytes for the same figure."""
    FIGURES.mkdir(exist_ok=True)
    with rc_context({"pdf.fonttype": 42}):  # TrueType: publishers refuse Type 3
        figure.savefig(FIGURES / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(FIGURES / f"{name}.png", dpi=200)
