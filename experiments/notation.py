"""Names and symbols of all quantities: ``docs/notation.md``.

Run ``python -m experiments.notation`` to write the page again from ``eipyomo/models/symbols.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eipyomo.files import write_atomically
from eipyomo.models.symbols import (
    BUDGET_DATA,
    COUPLING,
    LEAST,
    MODE_DATA,
    SYSTEM_DATA,
    USER_DATA,
    USER_LIMITS,
    USER_VARIABLES,
    Quantity,
)

PAGE = Path(__file__).parents[1] / "docs" / "notation.md"

OPENING = """\
# Notation

This page is written by `python -m experiments.notation` from the tables in
`eipyomo/models/symbols.py`, from which a model takes the texts of its parts too, and an exported
file its manifest. Units are those of models; instances are in SI units
([equations.md](equations.md))."""

CLOSING = """\
A formulation has those of a user's variables that it needs; `edge_frequency_ghz` and
`total_frequency_ghz` are there where the server has a total frequency, and limits where users have
them, as other totals are where the instance has them. A user with modes has `in_mode` in place of
`download` and `offload_fraction`, and what its modes use of paces and shares."""

TABLES: Mapping[str, Mapping[str, Quantity]] = {
    "Data of the system, `model.NAME`": SYSTEM_DATA | BUDGET_DATA,
    "Data of a user, `model.user[j].NAME`": USER_DATA,
    "Limits of a user, `model.user[j].NAME`": USER_LIMITS,
    "Data of a user's modes, `model.user[j].NAME[k]`": MODE_DATA,
    "Variables that couple users, `model.NAME[j]`, and `model.sync_s`": COUPLING,
    "What is minimised where that is not (10a), `model.NAME`": LEAST,
    "Variables of a user, `model.user[j].NAME`": USER_VARIABLES,
}


def page() -> str:
    """Return the page."""
    lines = [OPENING]
    for title, table in TABLES.items():
        lines += ["", f"## {title}", "", "| name | symbol | unit | domain | meaning |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| `{name}` | {one.symbol} | {one.unit} | {one.domain} | {one.meaning} |"
            for name, one in table.items()
        ]
    return "\n".join([*lines, "", CLOSING, ""])


def main() -> None:
    """Write the page."""
    write_atomically({PAGE: page()})


if __name__ == "__main__":
    main()
