"""Lines and tables on standard output, and the words in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eipyomo.objective import OBJECTIVES, OWN, WSEL
from eipyomo.words import labels

if TYPE_CHECKING:
    from eipyomo.instance import Instance


SHOWN_USERS, NAME_WIDTH = 20, 30


def say_how_many_more(users: int) -> None:
    """Say below a table of users how many it leaves out."""
    if users > SHOWN_USERS:
        say(f"... and {users - SHOWN_USERS} users more; --json shows them all")


def describe(instance: Instance) -> str:
    """Return users, band, model and edge server in one line."""
    data = instance.scaled
    return (
        f"{len(data)} user{'s' if len(data) > 1 else ''}, band {data.bandwidth_mhz:g} MHz, "
        f"model {data.model_mbit:g} Mbit"
        + (f", edge {data.total_frequency_ghz:g} GHz" if data.total_frequency_ghz else "")
    )


def title_of(instance: Instance) -> str:
    """Return an instance's name, or what stands for it, short enough for a line."""
    return clip(instance.name, 60) or "instance"


def clip(text: str, width: int = 30) -> str:
    """Return a name on one line and short enough for a table."""
    return labels([text], width)[0]


def as_text(value: Any) -> str:
    """Return a value as a cell of a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def as_number(value: float | None, digits: int) -> str:
    """Return a number with so many digits, if there is one."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}g}"


def with_unit(minimised: str, value: float | None, digits: int = 9) -> str:
    """Return a value of what was minimised, with its unit if it has one."""
    has_unit = value is not None and minimised not in (OWN, WSEL.name)
    unit = f" {OBJECTIVES[minimised].unit}" if has_unit else ""
    return as_number(value, digits) + unit


def as_percent(value: float | None, *, brief: bool = False) -> str:
    """Return a part of one in per cent, if there is one; small ones with more digits, or two."""
    if value is None or math.isnan(value):
        return "-"
    size = abs(value)
    if brief:
        return f"{100 * value:.2g}%" if size >= 1e-9 else "0%"
    if size < 1e-9:
        return f"{size:.2%}"
    return f"{value:.2%}" if size >= 1e-4 else f"{value:.6%}"


def as_share(value: float | None) -> str:
    """Return a part of one as a number of per cent with a digit, if there is one."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def new_table(first: str, *others: str) -> Table:
    """Return an empty table with these headings."""
    table = Table(box=box.HORIZONTALS, padding=(0, 1), header_style="bold")
    table.add_column(Text(first), no_wrap=True)
    for heading in others:
        words = heading in ("Outcome", "What it is", "How it was checked")
        table.add_column(Text(heading), justify="left" if words else "right", no_wrap=not words)
    return table


def say(what: str | Table) -> None:
    """Print to standard output; text is never wrapped or read as markup."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a file or a pipe has no width that a table would have to fit
    if isinstance(what, Table):
        console.print(what)
    else:
        console.print(Text(what), soft_wrap=True)
