"""Fig. 2(a): WSEL against the model size D_m, with path loss exponent σ = 2.9.

Run ``python -m experiments.fig2a``; it takes about ten minutes on two cores, and goes on where it
was stopped. ``--plot-only`` draws the stored table. See :mod:`experiments.fig2`.
"""

from __future__ import annotations

from experiments.fig2 import LINES, Experiment
from experiments.table import command

EXPERIMENT = Experiment(
    name="fig2a",
    quantity="model_mbit",
    label="model size $D_m$ (Mbit)",
    values=(2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0),
    fixed={"path_loss_exponent": 2.9},
    lines=tuple(LINES),
)

if __name__ == "__main__":
    command([EXPERIMENT.table], EXPERIMENT.draw)
