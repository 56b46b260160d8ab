"""From a table of 300 devices to what a planner decides on; see docs/devices.md.

Run ``python docs/examples/devices.py``: it prints answers, and writes devices.html.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import click

import eipyomo as ei

TABLE = Path(__file__).with_name("devices.csv")
DEADLINE_S = 5.0
GAP = 1e-3


def site() -> ei.Instance:
    """Return the plant: 100 MHz, a model of 500 kbyte, and a server with 32 cores of 3 GHz."""
    letter = ei.Instance.letter(users=1, model_mbit=4, bandwidth_mhz=100, total_frequency_ghz=96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ei.InputWarning)  # of blanks, which devices.md tells of
        plant = letter.with_users(TABLE)
    return plant.replace(name="plant", server={"frequency_ghz": 3})


def enough(mhz: float) -> str:
    """Return a band that is enough, so that what is printed is enough as well."""
    return f"{math.ceil(10.0 * mhz) / 10.0:.1f} MHz"


def not_enough(mhz: float) -> str:
    """Return a band below which nothing is enough, so that this is true of what is printed."""
    return f"{math.floor(10.0 * mhz) / 10.0:.1f} MHz"


def main() -> None:
    """Answer one question after the other, with certified numbers alone."""
    plant = site()
    in_time = plant.with_settings([f"users[*].deadline_s={DEADLINE_S}"])

    band = ei.plan.band(plant, [DEADLINE_S], gap=GAP, workers=1).iloc[0]
    click.echo(
        f"{len(plant.users)} devices in {DEADLINE_S:g} s: {enough(band.band_mhz)} are enough,"
    )
    click.echo(
        f"  less than {not_enough(band.bound_mhz)} are not ({band.available_mhz:g} MHz are there)"
    )

    result = ei.solve(in_time, gap=GAP)
    users = result.frame()
    kinds = users.assign(kind=users["name"].str.rsplit(n=1).str[0]).groupby("kind")
    who = kinds.agg(devices=("name", "size"), download=("download", "sum"))
    above = 100.0 * (result.gap or 0.0)
    click.echo(
        f"\nleast WSEL {result.objective:.1f}, at most {above:.2f} % above the optimum; there"
    )
    click.echo(who.to_string())

    limits = ei.plan.binding(in_time, result)
    click.echo("\nlimits that bind, and for how many devices:")
    click.echo(limits.loc[limits["binds"], "limit"].value_counts().to_string())

    half = in_time.with_settings(["server.total_frequency_hz*=0.5"])
    needed = ei.plan.band(half, gap=GAP, workers=1).iloc[0]
    less = ei.solve(half, gap=GAP)
    click.echo(
        f"\nhalf of the server's CPU: WSEL {result.objective:.1f} -> {less.objective:.1f}, and"
    )
    click.echo(f"  {enough(band.band_mhz)} -> {enough(needed.band_mhz)} are needed, and")
    click.echo(f"  less than {not_enough(needed.bound_mhz)} are not enough")

    worth = ei.plan.sensitivity(in_time, 0.1, ["bandwidth_hz"], gap=GAP, workers=1).iloc[0]
    click.echo(
        f"\none more MHz lowers WSEL by {worth.saves_per_unit:.2f}; ten less and ten more make it"
    )
    click.echo(f"  {worth.wsel_low:.1f} and {worth.wsel_high:.1f}")

    ei.write_report("devices.html", [result], [in_time])
    click.echo("\nwrote devices.html")


if __name__ == "__main__":
    main()
