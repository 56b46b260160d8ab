"""A bound from a piecewise linear relaxation, solved by HiGHS, and a point polished by Ipopt.

It proves optima of the spectral model with nothing of the exact method, and of whatever a user has
made of the model by rows and an objective that are linear. Round by round the relaxation
(:mod:`eipyomo.models.relaxation`) is

1. inspected: a linear model per cell bounds what this cell costs, and drops it above the incumbent;
2. narrowed: linear models bound the factors of products over what costs no more than the incumbent;
3. searched by branch and bound, whose point tells a and ι, and where the relaxation is loose;
4. refined there, by new tangents and by halving cells.

Each bound is one of a linear model by multipliers, computed with the model's own numbers; see
docs/formulations.md. Bounds drawn from an incumbent of cost U hold for points that cost no more,
so min(U, bound) is what a round proves, whether U is attained or not.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.milp.backend import MilpBackend as MilpBackend
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
