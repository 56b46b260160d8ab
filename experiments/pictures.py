"""Draw the pictures of docs/plotting.md.

Run ``python -m experiments.pictures``: it solves small instances in seconds, and writes
``docs/pictures/NAME.png``.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

import eipyomo as ei
from eipyomo import plotting

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
DPI = 85


def figures() -> dict[str, Figure]:
    """Return the figures by their names."""
    few = ei.Instance.letter(users=4)
    many = ei.Instance.letter(users=300, bandwidth_mhz=1500.0, seed=3)
    rounds = ei.train(ei.Instance.letter(users=25, bandwidth_mhz=125.0), 30, seed=1)
    return {
        "overview": plotting.overview(ei.solve(few), width="page"),
        "many": plotting.overview(ei.solve(many), width="page"),
        "convergence": plotting.convergence(ei.solve(few, "admm"), width="page"),
        "rounds": plotting.training_overview(rounds, width="page"),
    }


def main() -> None:
    """Write all of them."""
    PICTURES.mkdir(exist_ok=True)
    for name, figure in figures().items():
        figure.savefig(PICTURES / f"{name}.png", dpi=DPI)


if __name__ == "__main__":
    main()
