"""A relaxation of the spectral model that is linear but for its choices: one cell per end user.

A cell is a box of one user's variables, and a user's cells cover all that the user can decide: a,
and ranges of ι. In each cell the block has copies x_k of its variables and a binary z_k that says
whether the cell is chosen, and its rows stand there as a ≤ Σ c x_k ≤ b times z_k:

* linear rows as they are;
* a product x y by its planes over the cell's box (McCormick), so that smaller cells are tighter;
* convex rows by tangents, at points that are added where a relaxed point violates them;
* all of them a little wider, so that rounding in their coefficients loses no point either.

With x = Σ_k x_k and Σ_k z_k = 1 the linear relaxation is the convex hull of the user's cells. What
couples users, and what a user of the package has added, stands on the model's own variables. So
whatever the model allows, the relaxation allows: docs/formulations.md has the derivation.
"""

from __future__ import annotations

from eipyomo.models.relaxation.cells import VIOLATED, Cell, Placed
from eipyomo.models.relaxation.read import decisions, ends, refuse, without_tangents
from eipyomo.models.relaxation.relaxation import Relaxation

__all__ = [
    "VIOLATED",
    "Cell",
    "Placed",
    "Relaxation",
    "decisions",
    "ends",
    "refuse",
    "without_tangents",
]
