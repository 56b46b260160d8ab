"""Section IV of the letter from nothing, or its figures from what is stored.

``python -m experiments`` computes every table behind a figure and draws it: about fifteen minutes
on two cores. What sweeps have finished stays in ``experiments/stores``, so that a run that was
stopped goes on; delete that folder to compute from nothing. ``python -m experiments --plot-only``
draws every figure and writes ``docs/claims.md`` again from the stored tables, in seconds.
"""

from __future__ import annotations

import argparse

from experiments import claims, convergence, fig2a, fig2b, gap, scaling


def main() -> None:
    """Compute, unless told not to, and draw."""
    parser = argparse.ArgumentParser(prog="python -m experiments")
    parser.add_argument("--plot-only", action="store_true", help="draw the stored tables")
    computed = (fig2a.EXPERIMENT, fig2b.EXPERIMENT, convergence, scaling)
    if not parser.parse_args().plot_only:
        for experiment in computed:
            experiment.compute()
    for drawn in (*computed, gap):
        drawn.draw()
    claims.main()


if __name__ == "__main__":
    main()
