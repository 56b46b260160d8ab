"""Section IV of the letter from nothing, or its figures from what is stored.

``python -m experiments`` computes every table behind a figure and draws it: about fifteen minutes
on two cores. What sweeps have finished stays in ``experiments/stores``, so that a run that was
stopped goes on; delete that folder to compute from nothing. ``python -m experiments --plot-only``
draws every figure and writes ``docs/claims.md`` again from the stored tables, in seconds.
"""

from __future__ import annotations

from experiments import claims, convergence, fig2a, fig2b, gap, scaling
from experiments.provenance import command

COMPUTED = (fig2a.EXPERIMENT, fig2b.EXPERIMENT, convergence, scaling)


def compute() -> None:
    """Compute every table behind a figure."""
    for experiment in COMPUTED:
        experiment.compute()


def draw() -> None:
    """Draw every figure, and write the claims page."""
    for experiment in (*COMPUTED, gap):
        experiment.draw()
    claims.main()


if __name__ == "__main__":
    command("experiments", compute, draw)
