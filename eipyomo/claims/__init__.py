"""Whether what a result document claims is true.

Nothing in a file is taken on its word. :func:`check` holds a document against itself: its keys,
its types, and every number that follows from others in it. With the instance at hand the
allocation is evaluated anew, and the document is held against that as well.

A document that cannot be read, or is one of something else, raises
:class:`~eipyomo.errors.InputError`; one that says what is not true
:class:`~eipyomo.errors.ClaimError`, which is one too.
"""

from eipyomo.claims.document import SCHEMA, TRAINING_SCHEMA, Termination, as_now, require_schema
from eipyomo.claims.methods import ANY, EXACT_MACHINE, PROVING_ON_GRIDS, PROVING_SOLVERS, SOLVED_BY
from eipyomo.claims.prices import false_prices
from eipyomo.claims.process import check_process
from eipyomo.claims.result import check, doubt
from eipyomo.claims.table import check_table
from eipyomo.claims.values import compare, relative_gap

__all__ = [
    "ANY",
    "EXACT_MACHINE",
    "PROVING_ON_GRIDS",
    "PROVING_SOLVERS",
    "SCHEMA",
    "SOLVED_BY",
    "TRAINING_SCHEMA",
    "Termination",
    "as_now",
    "check",
    "check_process",
    "check_table",
    "compare",
    "doubt",
    "false_prices",
    "relative_gap",
    "require_schema",
]
