"""``eipyomo catalog``: networks, devices and radios that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click
import numpy as np
from rich.text import Text

from eipyomo.catalog.entries import Device, Entry
from eipyomo.catalog.layered import Network
from eipyomo.catalog.shelves import (
    SHELVES,
    all_devices,
    all_networks,
    all_radios,
    anything,
    devices,
    networks,
    radios,
)
from eipyomo.cli.answers import ANSWERED, deliver, help_alone
from eipyomo.cli.examples import examples
from eipyomo.cli.options import json_option, table_for
from eipyomo.cli.printing import as_number, new_table, say
from eipyomo.errors import InputError
from eipyomo.files import require_writable
from eipyomo.tables import FORMATS, require_table, rows_of
from eipyomo.units import heading

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from rich.table import Table

table_output = click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=f"Write the table here, in SI units: {', '.join(FORMATS)}.",
)


def _require(output: str | None) -> None:
    """Refuse what cannot be written, or is no table."""
    if output is not None:
        require_table(output, "output")
        require_writable(output)


def _dbm(watt: float) -> str:
    return f"{10.0 * np.log10(watt / 1e-3):.4g}"


def _networks() -> Table:
    table = new_table(
        "Network\n", "Year\n", "Input\n", "Cuts\n", "Parameters\n[million]", "MACs\n[million]",
        "float32\n[Mbit]", "float16\n[Mbit]", "int8\n[Mbit]",
    )  # fmt: skip
    for one in all_networks():
        sizes = (f"{one.bits(kind) / 1e6:.5g}" for kind in ("float32", "float16", "int8"))
        table.add_row(
            Text(one.name),
            str(one.year),
            " x ".join(map(str, one.input_shape)),
            str(len(one.layers) - 1),
            f"{one.parameters / 1e6:.4g}",
            f"{one.macs / 1e6:.5g}",
            *sizes,
        )
    return table


def _devices() -> Table:
    table = new_table(
        "Device\n", "Kind\n", "Cores\n", "Clock\n[GHz]", "Load\n[W]", "Energy coefficient\n"
        "[J s^2/cycle^3]", "Work\n[GMAC/s]", "MACs\nper cycle",
    )  # fmt: skip
    for one in all_devices():
        table.add_row(
            Text(one.name),
            one.kind,
            str(one.cores),
            f"{one.max_frequency_hz / 1e9:.4g}",
            f"{one.load_power_w:.4g}",
            f"{one.energy_coefficient:.3g}",
            f"{one.macs_per_second / 1e9:.4g}",
            f"{one.macs_per_cycle:.4g}",
        )
    return table


def _radios() -> Table:
    table = new_table(
        "Radio\n", "Kind\n", "Band\n[MHz]", "Carrier\n[GHz]", "User sends\n[dBm]",
        "User receives\n[W]", "Noise figure\n[dB]", "Server sends\n[dBm]", "Its noise\nfigure [dB]",
    )  # fmt: skip
    for one in all_radios():
        table.add_row(
            Text(one.name),
            one.kind,
            f"{one.bandwidth_hz / 1e6:.4g}",
            f"{one.carrier_hz / 1e9:.4g}",
            _dbm(one.transmit_power_w),
            as_number(one.receive_power_w, 3),
            f"{one.noise_figure_db:g}",
            _dbm(one.server_transmit_power_w),
            f"{one.server_noise_figure_db:g}",
        )
    return table


TABLES: Final[Mapping[str, Callable[[], Table]]] = {
    "networks": _networks,
    "devices": _devices,
    "radios": _radios,
}
FRAMES: Final[Mapping[str, Callable[[], pd.DataFrame]]] = {
    "networks": networks,
    "devices": devices,
    "radios": radios,
}
"""Each part for people, and as it is written."""


@click.command(
    "list",
    epilog=examples(
        "eipyomo catalog list",
        "eipyomo catalog list networks",
        "eipyomo catalog list devices -o devices.csv",
        "eipyomo catalog list radios --json",
    ),
)
@click.argument("shelf", metavar="[networks|devices|radios]", required=False)
@table_output
@json_option
def list_command(shelf: str | None, output: str | None, as_json: bool) -> int:
    """Show what is in the catalogue, in one table or in all three.

    Files and JSON have SI units and the source of each row.
    """
    if shelf is not None and shelf not in SHELVES:
        raise InputError(f"{shelf!r} is no part of the catalogue, which has: {', '.join(SHELVES)}")
    if output is not None and shelf is None:
        raise InputError(f"output is given for one table: say which, of: {', '.join(SHELVES)}")
    _require(output)
    shelves = SHELVES if shelf is None else (shelf,)

    def show() -> None:
        for one in shelves:
            say(TABLES[one]())
        say("eipyomo catalog show NAME has the layers of a network, or where each number is from")

    return deliver(
        {output: table_for(output, FRAMES[shelves[0]])},
        {
            "schema": "eipyomo/catalog-list@1",
            **({one: rows_of(FRAMES[one]()) for one in shelves} if as_json else {}),
        },
        None if as_json else show,
        ANSWERED,
    )


@click.command(
    "show",
    epilog=examples(
        "eipyomo catalog show VGG16",
        "eipyomo catalog show MobileNetV2 -o layers.csv",
        'eipyomo catalog show "Raspberry Pi 4"',
        'eipyomo catalog show "NR 20 MHz" --json',
    ),
)
@click.argument("name", metavar="NAME")
@table_output
@json_option
def show_command(name: str, output: str | None, as_json: bool) -> int:
    """Show one network, device or radio: its layers, or its numbers and their sources.

    Case, blanks and hyphens of names do not matter.
    """
    _require(output)
    found = anything(name)
    frame = found.frame() if isinstance(found, Network) else found.explain()
    rows = "layers" if isinstance(found, Network) else "numbers"
    document = {
        "schema": "eipyomo/catalog-show@1",
        **{key: value for key, value in found.row().items() if value is not None},
        rows: rows_of(frame),
    }

    def show() -> None:
        if isinstance(found, Network):
            _show_network(found)
        else:
            _show_entry(found)

    return deliver(
        {output: table_for(output, lambda: frame)}, document, None if as_json else show, ANSWERED
    )


def _show_network(network: Network) -> None:
    """Print the layers, and what a cut behind each of them means."""
    shape = " x ".join(map(str, network.input_shape))
    say(
        f"{network.name} ({network.year}), {network.task}; input {shape}, "
        f"{network.input_bits / 1e6:.4g} Mbit\n{network.parameters:,} parameters, "
        f"{network.macs:,} multiply-accumulates (MACs)"
    )
    table = new_table(
        "Cut behind\n", "Block\n", "MACs\n[million]", "Parameters\n", "Numbers\nhanded on",
        "in int8\n[Mbit]", "MACs up to\nthere [%]", "Weights up\nto there [%]",
    )  # fmt: skip
    frame = network.frame()
    for row in rows_of(frame):
        table.add_row(
            Text(row["layer"]),
            Text(row["block"]),
            f"{row['macs'] / 1e6:.4g}",
            f"{row['parameters']:,}",
            f"{row['outputs']:,}",
            f"{row['int8_bits'] / 1e6:.4g}",
            f"{100.0 * row['macs_before'] / network.macs:.1f}",
            f"{100.0 * row['parameters_before'] / network.parameters:.1f}",
        )
    say(table)
    say(f"Source: {network.source}.\nTotals held against: {network.check}.")


def _show_entry(entry: Entry) -> None:
    """Print each number with where it is from; sources have numbers and stand below."""
    cores = f", {entry.cores} cores" if isinstance(entry, Device) and entry.cores > 1 else ""
    of = f" ({entry.processor}{cores})" if isinstance(entry, Device) else ""
    say(f"{entry.name}, {entry.kind}{of}")
    rows = rows_of(entry.explain())
    sources = list(dict.fromkeys(row["source"] for row in rows if row["source"]))
    table = new_table("Quantity", "Value", "How known", "Source", "What it is")
    for row in rows:
        source = str(sources.index(row["source"]) + 1) if row["source"] else "-"
        value = f"{row['value']:.6g}"
        table.add_row(Text(heading(row["key"])), value, row["how"], source, Text(row["note"]))
    say(table)
    for place, source in enumerate(sources, 1):
        say(f"{place}: {source}")


@click.group(
    "catalog",
    commands=[list_command, show_command],
    epilog=examples(
        "eipyomo catalog list networks",
        "eipyomo catalog show VGG16",
        'eipyomo catalog show "Raspberry Pi 4"',
    ),
    invoke_without_command=True,
)
@click.pass_context
def catalog_command(context: click.Context) -> int:
    """Look up networks, devices and radios, and where their numbers are from."""
    return help_alone(context)
