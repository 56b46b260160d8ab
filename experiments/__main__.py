"""Section IV of the letter from nothing, or its figures from what is stored.

``python -m experiments`` computes every table behind a figure and draws it: about fifteen minutes
on two cores. What is finished stays in ``experiments/stores``, so that a run that was stopped goes
on; delete that folder to compute from nothing. ``python -m experiments --plot-only`` draws every
figure and writes ``docs/claims.md`` again from the stored tables, in seconds.
"""

from __future__ import annotations

from experiments import claims, convergence, fig2a, fig2b, gap, scaling
from experiments.table import command

TABLES = (fig2a.EXPERIMENT.table, fig2b.EXPERIMENT.table, *convergence.TABLES, scaling.TABLE)


def draw() -> None:
    """Draw every figure, and write the claims page."""
    for experiment in (fig2a.EXPERIMENT, fig2b.EXPERIMENT, convergence, scaling, gap):
        experiment.draw()
    claims.main()


if __name__ == "__main__":
    command(TABLES, draw)
