"""The letter's decomposition of (10) by the alternating direction method of multipliers (ADMM).

Vocabulary, with the letter's symbols (section III):

agent
    One end user's sub-problem (18): it decides u_j, that is a_j, ι_j, f_j, its times, and its own
    copies of what all users share.
consensus copy
    x_j, z_j and y_j: an agent's own idea of b_j, b̄_j and τ̂_N, (12b); and v_j of f_{s,j}, where
    the edge server's frequency is limited (footnote 2).
consensus
    v = {b, b̄, τ̂_N}, the coordinator's point in ℱ of (13): within the budgets and not negative.
multiplier
    ω = {α, β, ζ} of x = b, y = τ̂ and z = b̄: what disagreement costs. Free in sign, since they
    belong to equalities; the ω ≥ 0 of (16) is a slip.
penalty
    c of (14), which weighs the square of the disagreement; here one for each block of copies,
    because seconds and fractions of the band have no common measure. An agent for whose upload many
    wait has a larger one of its own for y, see :func:`~eipyomo.solvers.admm.settings.burdened`.
residual
    Primal: how far copies and consensus disagree, (24a). Dual: how far the consensus moved in the
    last iteration, (24b).
incumbent
    The best feasible allocation so far, recovered from the agents' (a, ι) by solving the convex
    rest of (10) exactly. It is what the method returns; the last iterate is not.

Where the equations are: step 1 (17), (18) :mod:`~eipyomo.solvers.admm.search` over a and ι, around
:mod:`~eipyomo.solvers.admm.kernel` or, in Pyomo, around the end user's block of the whole model;
(19), (20) ``kernel.best_frequency`` and ``kernel.log_ratio``; step 2 (21), (22)
``step_two.update_consensus`` and ``step_two.least_price``; step 3 (23)
``consensus.update_multipliers``; (24) ``consensus.residuals`` and ``settings.Settings.met``;
the loop ``loop.iterate``.

Limits of users stand in step 1, in each agent's own sub-problem: bounds on shares as they are, a
deadline and an energy budget at prices that are capped (:mod:`~eipyomo.solvers.admm.kernel`), so
that an agent always has an answer, which comes as near to its limits as that pays. The incumbent
keeps within them, as ``evaluate`` judges it; while no decisions of the agents allow that, there is
none.

The method is a heuristic on a problem that is not convex: it proves no bound, and none is reported.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.admm import loop as loop
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
