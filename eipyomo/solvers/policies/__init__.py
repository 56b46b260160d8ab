"""What others hold their policies against: the baselines of the field, each a method of its own.

All but ``equal`` decide a and ι alone. The rest of (10) (b, b̄, f, τ̂) is convex then, and solved
exactly (:mod:`~eipyomo.solvers.policies.tried`), so that what is compared is the decisions. Users
who all download and compute, or who all leave their tasks to the edge server, are the letter's own
benchmarks ``lco`` and ``eco``.

None of them proves a bound, and none is reported.
"""

from typing import TYPE_CHECKING

from eipyomo.lazily import names_of

if TYPE_CHECKING:
    from eipyomo.solvers.policies.network import Network as Network
    from eipyomo.solvers.policies.training import trained as trained
else:
    __getattr__, __dir__, __all__ = names_of(__name__, __file__)
