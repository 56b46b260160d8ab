"""Tables of users: who does what, who is worst off, and every term of (8) and (9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.reporting.sentences import (
    MOST_ROWS,
    Cell,
    Name,
    Number,
    Sentence,
    Table,
    listed,
    percent,
)
from eipyomo.reporting.traces import heading
from eipyomo.restriction import named_or_joint

if TYPE_CHECKING:
    import pandas as pd

WORST = 10

GROUPS = {
    "train": "Download the new model; there is no task in this round",
    "own": "Download the model and compute on their own",
    "split": "Download the model and offload a part of the task",
    "server": "Offload the whole task to the server",
    "idle": "Download the model and offload the whole task",
}
"""What users do who have no modes."""

NEGLIGIBLE = 1e-6
"""Part of a task that nobody would call one."""


def _deeds(document: Mapping[str, Any], users: pd.DataFrame) -> list[str]:
    """Return what each user does, a key of ``GROUPS`` or a sentence of its own."""
    if named_or_joint(document["problem"])[1] == "training":
        return ["train"] * len(users)
    a, offload = users["download"], users["offload_fraction"]
    deeds = np.select(
        [~a, offload <= NEGLIGIBLE, offload < 1.0 - NEGLIGIBLE], ["server", "own", "split"], "idle"
    )
    if "mode" not in users:
        return [str(deed) for deed in deeds]
    modes = users["mode"]
    return [
        f"Take the mode '{mode}'" if isinstance(mode, str) else str(deed)
        for mode, deed in zip(modes, deeds, strict=True)
    ]


def groups(document: Mapping[str, Any], users: pd.DataFrame) -> list[Sentence | Table]:
    """Return who does what, the largest group first, and what that takes and costs."""
    said: list[Sentence | Table] = []
    rows: list[list[Cell]] = []
    grouped = users.groupby(np.array(_deeds(document, users), object), sort=False)
    for deed, part in sorted(grouped, key=lambda group: -len(group[1])):
        here, words = f"where {deed}", GROUPS.get(str(deed), str(deed))
        count = Number(f"=count({here})", len(part))
        said.append((f"{words} (", count, "): ", *listed(part["name"].tolist()), "."))
        cells: list[Cell] = [words, count]
        for how, key in SUMMED:
            value = float(part[key].agg(how))
            if np.isnan(value):
                cells.append(None)
                continue
            is_part = not key.endswith(("_j", "_s"))
            shown = f"={how}({key} {here})", value
            cells.append(percent(*shown, 3) if is_part else Number(*shown))
        rows.append(cells)
    headings = [("What", ""), ("Users", ""), ("Band up", "%"), ("Band down", "%")]
    headings += [("Offloaded, mean", "%"), ("Energy", "J"), ("Mean latency", "s")]
    return [*said, Table(headings, rows)]


SUMMED = (
    ("sum", "uplink_share"),
    ("sum", "downlink_share"),
    ("mean", "offload_fraction"),
    ("sum", "energy_j"),
    ("mean", "latency_s"),
)
"""What is told of each group."""


def term(user: Any, key: str, unit: str = "", bar: float | None = None) -> Number:
    """Return one term of a user, a row of a table."""
    return Number(f"breakdown.users.{user['place']}.{key}", float(user[key]), unit, bar=bar)


def worst_words(users: pd.DataFrame) -> Sentence:
    """Say who waits longest, and who spends most."""
    longest = users.iloc[int(users["latency_s"].argmax())]
    dearest = users.iloc[int(users["energy_j"].argmax())]
    return (
        Name(longest["name"]),
        " waits longest, ",
        term(longest, "latency_s", "s"),
        ", and ",
        Name(dearest["name"]),
        " spends most energy, ",
        term(dearest, "energy_j", "J"),
        ".",
    )


def worst(users: pd.DataFrame) -> Table:
    """Return the users that wait longest."""
    rows: list[list[Cell]] = []
    longest_s = max(float(users["latency_s"].max()), 1e-300)
    most_j = max(float(users["energy_j"].max()), 1e-300)
    for _, user in users.nlargest(WORST, "latency_s").iterrows():
        rows.append(
            [
                Name(user["name"]),
                term(user, "latency_s", bar=float(user["latency_s"]) / longest_s),
                term(user, "energy_j", bar=float(user["energy_j"]) / most_j),
                term(user, "wsel"),
                str(user["waits_for"]),
            ]
        )
    headings = [("User", ""), ("Latency", "s"), ("Energy", "J"), ("Cost", "WSEL")]
    return Table([*headings, ("Waits for", "")], rows)


def decisions(users: pd.DataFrame) -> Table:
    """Return what each user does, those who wait longest first."""
    told = [key for key in ("mode",) if key in users]
    numbers = [("offload_fraction", "Offloads", "%", 100.0), ("frequency_hz", "CPU", "GHz", 1e-9)]
    if "edge_frequency_hz" in users:
        numbers.append(("edge_frequency_hz", "CPU at the edge", "GHz", 1e-9))
    numbers += [(f"{way}link_share", f"Band {way}", "%", 100.0) for way in ("up", "down")]

    def row(user: Any) -> list[Cell]:
        place = f"allocation.users.{user['decided']}"
        return [
            *(user[key] if isinstance(user[key], str) else None for key in told),
            "yes" if user["download"] else "no",
            *(
                None
                if np.isnan(user[key])
                else Number(f"{place}.{key}", float(user[key]), unit, scale)
                for key, _, unit, scale in numbers
            ),
            *(term(user, key) for key in ("energy_j", "latency_s", "wsel")),
        ]

    headings = [(key.capitalize(), "") for key in told]
    headings += [("Download", ""), *((name, unit) for _, name, unit, _ in numbers)]
    return _of_users(users, [*headings, ("Energy", "J"), ("Latency", "s"), ("WSEL", "")], row)


TIMES = (
    "previous_download_s",
    "local_training_s",
    "upload_s",
    "offload_s",
    "ready_s",
    "edge_inference_s",
    "download_s",
    "local_inference_s",
    "latency_s",
)
ENERGIES = (
    "local_training_j",
    "upload_j",
    "offload_j",
    "download_j",
    "local_inference_j",
    "energy_j",
)
"""Terms of (9) and (8), in the order in which they come about."""


def terms_of_time(users: pd.DataFrame) -> Table:
    """Return the terms of (9) of each user."""
    return _terms(users, TIMES)


def terms_of_energy(users: pd.DataFrame) -> Table:
    """Return the terms of (8) of each user."""
    return _terms(users, ENERGIES)


def _terms(users: pd.DataFrame, keys: Sequence[str]) -> Table:
    there = [key for key in keys if key in users]
    return _of_users(users, list(map(heading, there)), lambda user: [term(user, k) for k in there])


def _of_users(
    users: pd.DataFrame,
    headings: Sequence[tuple[str, str]],
    row: Callable[[Any], list[Cell]],
) -> Table:
    """Return a row for each user, those who wait longest first."""
    ordered = users.sort_values("latency_s", ascending=False, kind="stable").head(MOST_ROWS)
    rows = [[Name(user["name"]), *row(user)] for user in ordered.to_dict("records")]
    return Table([("User", ""), *headings], rows, len(users) - len(rows))
