"""Three worked examples of modes, each a table and a figure; docs/modes.md shows them.

Run ``python -m experiments.modes_examples``; it takes a minute. ``--plot-only`` draws the stored
tables. Every row is a certified optimum, to a relative gap of 1e-6.

* ``modes_vgg16``: where eight unlike phones cut VGG16, against how many pictures each of them has.
  The whole network is trained; weights and features have 8 bit, and a phone downloads the weights
  of its own layers alone.
* ``modes_updates``: with how many bits a parameter updates are sent, against the band.
* ``modes_selection``: who trains if at least K of twelve must.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

import eipyomo as ei
from eipyomo import modes
from eipyomo.instance import Instance
from experiments.provenance import save
from experiments.table import Row, Table, command

GAP = 1e-6

# --- VGG16 for eight phones -----------------------------------------------------------------------

MACS_PER_CYCLE = 4.0
"""Of all processors."""
WEIGHT_BITS = FEATURE_BITS = 8
PICTURES = (5, 10, 20, 30, 50, 70, 100, 150)
"""Each phone's task."""

PHONES_GHZ = (0.8, 1.4, 2.0, 2.8)
FARTHER = 0.1
"""Channel gain of the last four phones, relative to that of the first four."""
SERVER_GHZ = 4.0
"""For all tasks together."""


def phones(pictures: int) -> Instance:
    """Return eight phones with so many pictures each, the last four farther away."""
    vgg16 = ei.catalog.network("VGG16").blocks()
    cuts = vgg16.modes(
        pictures, macs_per_cycle=MACS_PER_CYCLE, weights=WEIGHT_BITS, features=FEATURE_BITS
    )
    base = ei.Instance.letter(users=8, seed=3, bandwidth_mhz=100.0)
    gain = base.users[0].channel_gain
    users = [
        user.replace(
            name=f"{'far' if j >= len(PHONES_GHZ) else 'near'}, {ghz:g} GHz",
            max_frequency_hz=1e9 * ghz,
            channel_gain=gain * (FARTHER if j >= len(PHONES_GHZ) else 1.0),
            modes="VGG16",
        )
        for j, (user, ghz) in enumerate(zip(base.users, PHONES_GHZ * 2, strict=True))
    ]
    total_hz = 1e9 * SERVER_GHZ
    return base.replace(
        modes={"VGG16": cuts},
        users=users,
        model_bits=vgg16.bits(WEIGHT_BITS),
        server={"frequency_hz": total_hz, "total_frequency_hz": total_hz},
    )


def of_pictures(pictures: int) -> list[Row]:
    """Return a row for each phone."""
    result = ei.solve(phones(pictures), gap=GAP)
    return [{"pictures": pictures, **row} for row in per_user(result)]


# --- Updates with fewer bits ----------------------------------------------------------------------

BITS = (32, 8, 4)
LOST = (0.0, 0.04, 0.15)
"""Penalties of so many bits a parameter, in units of WSEL."""
BANDS_MHZ = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0, 60.0, 80.0, 120.0)
PARTS = 4
"""The letter's task may be divided into so many."""


def senders(bandwidth_mhz: float, bits: Sequence[int] = BITS) -> Instance:
    """Return eight of the letter's users whose updates have one of these numbers of bits."""
    base = ei.Instance.letter(users=8, seed=1, bandwidth_mhz=bandwidth_mhz)
    lost = [LOST[BITS.index(one)] for one in bits]
    lists = {
        user.name: modes.combined(
            [
                modes.Mode(name=f"{k}/{PARTS} at the edge", offload_bits=user.task_bits * k / PARTS)
                for k in range(PARTS + 1)
            ],
            modes.quantised(base.model_bits, bits, lost),
        )
        for user in base.users
    }
    return base.replace(modes=lists, users={name: {"modes": name} for name in lists})


def of_band(bandwidth_mhz: float) -> Row:
    """Return how many users take each number of bits, and what it costs to have no choice."""
    result = ei.solve(senders(bandwidth_mhz), gap=GAP)
    taken = [row["mode"] for row in per_user(result)]
    row: Row = {"bandwidth_mhz": bandwidth_mhz, **proven(result)}
    for bits in BITS:
        row[f"users_{bits}_bit"] = sum(f", {bits}-bit" in mode for mode in taken)
        row[f"wsel_{bits}_bit"] = ei.solve(senders(bandwidth_mhz, [bits]), gap=GAP).objective
    return row


# --- At least K of M ------------------------------------------------------------------------------

TRAINERS = 12
SELECTED = tuple(range(1, TRAINERS + 1))


def trainers(least: int) -> Instance:
    """Return twelve of the letter's users, of whom at least so many train."""
    base = ei.Instance.letter(users=TRAINERS, seed=2, bandwidth_mhz=60.0)
    lists = {
        user.name: modes.with_skip(
            [
                modes.Mode(name=f"{k}/{PARTS} at the edge", offload_bits=user.task_bits * k / PARTS)
                for k in range(PARTS + 1)
            ],
            penalty=0.0,
        )
        for user in base.users
    }
    users = {name: {"modes": name} for name in lists}
    return base.replace(modes=lists, users=users, min_participants=least)


def of_selection(least: int) -> list[Row]:
    """Return a row for each user."""
    result = ei.solve(trainers(least), gap=GAP)
    assert result.evaluation is not None
    shared = {
        "min_participants": least,
        "sync_s": result.evaluation.sync_s,
    }
    return [{**shared, **row} for row in per_user(result)]


# --- Tables and figures ---------------------------------------------------------------------------


def proven(result: ei.Result) -> Row:
    """Return what is proven of a result."""
    assert result.termination == "optimal", result.message
    return {"wsel": result.objective, "bound": result.bound}


def per_user(result: ei.Result) -> list[Row]:
    """Return what each user does, with the optimum."""
    assert result.allocation is not None
    assert result.evaluation is not None
    terms = result.evaluation.breakdown
    return [
        {
            "user": name,
            "mode": mode,
            "trains": bool(terms.upload_s[j] > 0.0),
            "latency_s": float(terms.latency_s[j]),
            "energy_j": float(terms.energy_j[j]),
            **proven(result),
        }
        for j, (name, mode) in enumerate(
            zip(result.allocation.names, result.allocation.mode or (), strict=True)
        )
    ]


VGG16 = Table("modes_vgg16", lambda: ((count,) for count in PICTURES), of_pictures, ("numba",))
UPDATES = Table("modes_updates", lambda: ((mhz,) for mhz in BANDS_MHZ), of_band, ("numba",))
SELECTION = Table("modes_selection", lambda: ((k,) for k in SELECTED), of_selection, ("numba",))
TABLES = (VGG16, UPDATES, SELECTION)


def draw_vgg16() -> Figure:
    """Draw where each phone cuts the network: phones against their number of pictures."""
    table = VGG16.stored()
    names = [mode.name for mode in phones(1).modes["VGG16"]]  # type: ignore[index]
    table["cut"] = table["mode"].map(names.index)
    cuts = table.pivot_table("cut", "user", "pictures", sort=False)
    figure = Figure(figsize=(7.0, 3.6), layout="constrained")
    axes = figure.subplots()
    norm = BoundaryNorm(np.arange(-0.5, len(names)), 256)
    image = axes.imshow(cuts, aspect="auto", cmap="viridis", norm=norm)
    for (row, column), cut in np.ndenumerate(cuts.to_numpy()):
        dark = cut < len(names) / 2
        axes.text(column, row, f"{cut:.0f}", ha="center", va="center", color="w" if dark else "k")
    axes.set_xticks(range(cuts.shape[1]), list(map(str, cuts.columns)))
    axes.set_yticks(range(len(cuts)), cuts.index)
    axes.set_xlabel("pictures of each phone")
    axes.set_ylabel("phone")
    bar = figure.colorbar(image, ax=axes, ticks=range(len(names)), label="VGG16 is cut")
    bar.ax.set_yticklabels([f"{k}: {name.removeprefix('cut ')}" for k, name in enumerate(names)])
    return figure


def draw_updates() -> Figure:
    """Draw how many users take which update, and what the choice saves, against the band."""
    table = UPDATES.stored()
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = [table[f"users_{bits}_bit"] for bits in BITS]
    colours = ("#0072B2", "#E69F00", "#009E73")
    places, bottom = np.arange(len(table)), np.zeros(len(table))
    for bits, count, colour in zip(BITS, counts, colours, strict=True):
        left.bar(places, count, bottom=bottom, color=colour, label=f"{bits} bit", width=0.8)
        bottom = bottom + count.to_numpy()
    left.set_xticks(places, [f"{mhz:g}" for mhz in table["bandwidth_mhz"]], fontsize="small")
    left.set_xlabel("band [MHz]")
    left.set_ylabel("users by bits of a parameter")
    for bits, colour, marker in zip(BITS, colours, "os^", strict=True):
        extra = 100.0 * (table[f"wsel_{bits}_bit"] / table["wsel"] - 1.0)
        right.plot(
            table["bandwidth_mhz"], extra, color=colour, marker=marker, label=f"all with {bits} bit"
        )
    right.set_xscale("log")
    ticks = (2, 4, 8, 20, 40, 80)
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    right.set_xlabel("band [MHz]")
    right.set_ylabel("WSEL above the free choice [%]")
    for axes in (left, right):
        axes.grid(True, axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    left.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    right.legend(fontsize="small")
    return figure


def draw_selection() -> Figure:
    """Draw who trains, and what one more participant costs."""
    table = SELECTION.stored()
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    trains = table.pivot_table("trains", "user", "min_participants", sort=False)
    left.imshow(trains, aspect="auto", cmap="Blues", vmin=0.0, vmax=1.4)
    left.set_xticks(range(TRAINERS), [str(k) for k in SELECTED])
    left.set_yticks(range(len(trains)), trains.index, fontsize="small")
    left.set_xlabel("least number of participants K")
    left.set_ylabel("user (blue: trains)")
    once = table.drop_duplicates("min_participants")
    right.plot(once["min_participants"], once["wsel"], marker="o", color="#0072B2", label="WSEL")
    right.plot(
        once["min_participants"],
        once["sync_s"],
        marker="s",
        linestyle="--",
        color="#D55E00",
        label="sync time [s]",
    )
    right.set_xticks(SELECTED)
    right.set_xlabel("least number of participants K")
    right.set_ylabel("WSEL; sync time [s]")
    right.set_ylim(bottom=0.0)
    right.grid(True, alpha=0.3)
    right.legend(fontsize="small")
    return figure


FIGURES = {
    "modes_vgg16": draw_vgg16,
    "modes_updates": draw_updates,
    "modes_selection": draw_selection,
}


def draw() -> None:
    """Draw all three."""
    for name, figure in FIGURES.items():
        save(name, figure())


if __name__ == "__main__":
    command(TABLES, draw)
