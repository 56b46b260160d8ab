"""Draw every figure again from the stored tables: ``python -m experiments.draw``, in seconds."""

from __future__ import annotations

from experiments import claims, fig2a, fig2b, gap

if __name__ == "__main__":
    for experiment in (fig2a.EXPERIMENT, fig2b.EXPERIMENT):
        experiment.draw()
    gap.draw()
    claims.main()
