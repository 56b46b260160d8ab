"""Make the table of 300 devices that docs/devices.md plans for: a plant with four kinds of them.

Run ``python -m experiments.devices``: it writes ``docs/examples/devices.csv``. Everything is drawn
with one seed; the table is written as people write them, with commas, blanks and units in titles.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from eipyomo.files import write_atomically

TABLE = Path(__file__).parents[1] / "docs" / "examples" / "devices.csv"
SEED, BLANK = 2026, 0.08
TITLES = "name;distance [m];task [Mbit];max frequency [GHz];transmit power [dBm];latency weight"
"""Blank are some of the last three, where nobody has looked them up."""


class Kind(NamedTuple):
    """Devices of one kind: how many, and between what their data are."""

    name: str
    devices: int
    distance_m: tuple[float, float]
    task_mbit: tuple[float, float]
    max_frequency_ghz: float
    transmit_power_dbm: float
    latency_weight: float


KINDS = (
    Kind("Kamera Süd", 120, (15.0, 90.0), (6.0, 16.0), 1.4, 20.0, 0.1),
    Kind("Türscanner", 90, (10.0, 60.0), (1.0, 4.0), 1.0, 17.0, 0.1),
    Kind("Gabelstapler Öst", 60, (20.0, 140.0), (8.0, 24.0), 1.8, 23.0, 0.2),
    Kind("Prüfstand", 30, (5.0, 40.0), (16.0, 32.0), 2.2, 20.0, 0.1),
)


def lines() -> list[str]:
    """Return the lines of the table."""
    generator, found = np.random.default_rng(SEED), [TITLES]
    for kind in KINDS:
        for number in range(1, kind.devices + 1):
            # Places are spread evenly over a ring.
            near_m, far_m = kind.distance_m
            distance_m = np.sqrt(generator.uniform(near_m**2, far_m**2))
            known = generator.random(3) >= BLANK
            rest = (kind.max_frequency_ghz, kind.transmit_power_dbm, kind.latency_weight)
            cells = [f"{distance_m:.1f}", f"{generator.uniform(*kind.task_mbit):.1f}"]
            cells += [f"{one:g}" if known[k] else "" for k, one in enumerate(rest)]
            found.append(";".join([f"{kind.name} {number}", *cells]).replace(".", ","))
    return found


def main() -> None:
    """Write the table."""
    write_atomically({TABLE: "\n".join([*lines(), ""])})


if __name__ == "__main__":
    main()
