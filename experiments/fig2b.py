"""Fig. 2(b): WSEL against the path loss exponent σ, with a model of 16 Mbit.

Run ``python -m experiments.fig2b``; it takes about five minutes on two cores, and goes on where it
was stopped. ``--plot-only`` draws the stored table. See :mod:`experiments.fig2`.
"""

from __future__ import annotations

from experiments.fig2 import Experiment
from experiments.table import command

EXPERIMENT = Experiment(
    name="fig2b",
    quantity="path_loss_exponent",
    label="path loss exponent $\\sigma$",
    values=(2.5, 2.6, 2.7, 2.8, 2.9, 3.0, 3.1, 3.2, 3.3),
    fixed={"model_mbit": 16.0},
    lines=("exact", "admm", "exhaustive_0.2", "gbe", "eco", "lco"),
    logarithmic=True,
)

if __name__ == "__main__":
    command([EXPERIMENT.table], EXPERIMENT.draw)
