"""How answers of ``eipyomo plan`` are printed for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from eipyomo.cli.printing import (
    SHOWN_USERS,
    as_number,
    as_percent,
    as_text,
    clip,
    describe,
    new_table,
    say,
    say_how_many_more,
    title_of,
)
from eipyomo.evaluation import evaluate
from eipyomo.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.allocation import Allocation
    from eipyomo.instance import Instance


def said_of(instance: Instance) -> str:
    """Return an instance's name, and what it is."""
    return f"{title_of(instance)}: {describe(instance)}"


def as_change(part: float | None) -> str:
    """Return a change in per cent, with its sign."""
    return "-" if part is None else f"{round(100.0 * part, 2) + 0.0:+.2f}%"


def as_decided(row: dict[str, Any]) -> str:
    """Return what a cell of a map says."""
    if row["wsel"] is None:
        return "-"
    share = row["offloaded_share"]
    return f"{row['downloads']}" + ("" if share is None else f", {share:.0%}")


def show_limits(rows: list[dict[str, Any]]) -> None:
    """Print what all users share."""
    table = new_table(
        "Limit of all\n", "Used\n", "Allowed\n", "Unit\n", "Binds\n", "One more\nsaves"
    )
    for row in rows:
        if row["user"] is None:
            table.add_row(
                row["limit"],
                *(as_number(row[key], 6) for key in ("used", "allowed")),
                *(as_text(row["unit"]), "-" if row["allowed"] is None else as_text(row["binds"])),
                as_number(row["saves_per_unit"], 4),
            )
    say(table)


def show_users(rows: list[dict[str, Any]]) -> None:
    """Print what binds for each user, and how long before others its upload and branches end."""
    users: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row["user"] is not None:
            users.setdefault(row["user"], {})[row["limit"]] = row
    table = new_table(
        "User\n", "Upload\nslack [s]", "Server's branch\nslack [s]", "Own branch\nslack [s]",
        "Binds beside\n", "One second sooner\nuploaded saves",
    )  # fmt: skip
    timed = ("upload", "server_branch", "own_branch")
    for name, limits in list(users.items())[:SHOWN_USERS]:
        beside = [key for key, row in limits.items() if row["binds"] and key not in timed]
        slacks = ["-" if key not in limits else _slack(limits[key]) for key in timed]
        saves = limits.get("upload", {}).get("saves_per_unit")
        table.add_row(Text(clip(name)), *slacks, ", ".join(beside) or "-", as_number(saves, 4))
    say(table)
    say_how_many_more(len(users))
    for limit in dict.fromkeys(key for limits in users.values() for key in limits):
        having = [limits[limit] for limits in users.values() if limit in limits]
        binding = [row["user"] for row in having if row["binds"]]
        named = f": {', '.join(map(clip, binding))}" if 0 < len(binding) <= FEW else ""
        say(f"{limit} binds for {len(binding)} of {len(having)}{named}")


FEW = 5
"""So many users are named."""


def _slack(row: dict[str, Any]) -> str:
    return "0" if row["binds"] else as_number(row["slack"], 4)


def show_terms(rows: list[dict[str, Any]]) -> None:
    """Print each term on both sides, and its part of WSEL."""
    table = new_table(
        "Term\n", "Unit\n", "Before\n", "After\n", "Difference\n", "of WSEL\nbefore",
        "\nafter", "\ndifference",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            *(row["term"], row["unit"]),
            *(as_number(row[key], 5) for key in ("before", "after", "difference")),
            *(as_number(row[f"wsel_{key}"], 5) for key in ("before", "after", "difference")),
        )
    say(table)


def show_changes(rows: list[dict[str, Any]]) -> None:
    """Print the users that decide otherwise first, and then those that differ most."""
    table = new_table(
        "User\n", "Decides\n", "Offloads\nbefore", "\nafter", "Latency [s]\nbefore", "\nafter",
        "Energy [J]\nbefore", "\nafter", "WSEL\ndifference",
    )  # fmt: skip
    order = sorted(rows, key=lambda row: (not row["changes"], -abs(row["wsel_difference"] or 0.0)))
    for row in order[:SHOWN_USERS]:
        table.add_row(
            *(Text(clip(row["user"])), row["changes"] or "as before"),
            *(as_percent(row[f"offload_fraction_{side}"]) for side in ("before", "after")),
            *(as_number(row[f"latency_s_{side}"], 5) for side in ("before", "after")),
            *(as_number(row[f"energy_j_{side}"], 5) for side in ("before", "after")),
            as_number(row["wsel_difference"], 4),
        )
    say(table)
    say_how_many_more(len(rows))
    say(f"{sum(bool(row['changes']) for row in rows)} of {len(rows)} users decide otherwise.")


def show_draws(instance: Instance, planned: Allocation, problem: str, frame: pd.DataFrame) -> None:
    """Print how costs are distributed."""
    own = evaluate(Problem.of(instance, problem), planned)
    as_planned = {
        "wsel": own.objective,
        "energy_j": own.breakdown.energy_j.sum(),
        "latency_s": own.breakdown.latency_s.sum(),
        "largest_latency_s": own.breakdown.latency_s.max(),
        "sync_s": own.sync_s,
    }
    table = new_table(
        f"In {len(frame)} drawn channels", "As planned", "Median", "95 % at most", "Worst"
    )
    for name, key in zip(NAMES, as_planned, strict=True):
        quantiles = frame[key].quantile([0.5, 0.95, 1.0], interpolation="higher")
        table.add_row(
            Text(name), *(as_number(float(one), 5) for one in (as_planned[key], *quantiles))
        )
    say(table)
    for key, words in SHARES.items():
        if frame[key].notna().any():
            any_of_them = float((frame[key] > 0.0).mean())
            say(f"{words} {frame[key].mean():.2%}; at least one in {any_of_them:.2%} of the draws")


NAMES = ("WSEL", "Energy of all [J]", "Latency of all [s]", "Largest latency [s]", "Sync time [s]")

SHARES = {
    "late_upload_share": "Uploads later than planned:",
    "missed_deadline_share": "Deadlines missed:",
    "missed_energy_budget_share": "Energy budgets missed:",
}


def show_stressed_users(rows: list[dict[str, Any]]) -> None:
    """Print the users that are late most often first."""
    table = new_table(
        "User\n", "WSEL\nmean", "\n95 %", "Latency [s]\nmean", "\n95 %", "Energy [J]\nmean",
        "\n95 %", "Upload\nlate", "Deadline\nmissed", "Budget\nmissed",
    )  # fmt: skip
    for row in sorted(rows, key=lambda row: -row["late_upload_share"])[:SHOWN_USERS]:
        table.add_row(
            Text(clip(row["user"])),
            *(
                as_number(row[f"{key}{end}"], 4)
                for key in ("wsel", "latency_s", "energy_j")
                for end in ("", "_p95")
            ),
            *(as_percent(row[key]) for key in SHARES),
        )
    say(table)
    say_how_many_more(len(rows))
