"""The letter's benchmarks (section IV): names for a method on a restricted problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictStr

from eipyomo.restriction import GRID, points_of
from eipyomo.solvers.contract import Method, Options
from eipyomo.solvers.exact.method import Enumeration, Exact, ProvenOptions
from eipyomo.solvers.minlp.method import Minlp
from eipyomo.validation import Finite, Flag

EXACT = Exact()

Chosen = tuple[Method[Any], Options]
"""A method, and its options."""


class Benchmark(ABC):
    """A name for a method on a restricted problem.

    Attributes
    ----------
    name, description, Options
        As of a :class:`~eipyomo.solvers.contract.Method`.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    Options: ClassVar[type[Options]] = ProvenOptions
    trains: ClassVar[bool] = False

    def problem(self, options: Any) -> str:
        """Return the name of the problem."""
        del options
        return self.name

    @abstractmethod
    def method(self, options: Any) -> Chosen:
        """Return the method that solves it, and that one's options."""


class FixedOptions(ProvenOptions):
    """Options where all decisions are fixed, so that the problem is convex."""

    solver: Annotated[
        StrictStr,
        Field(description="exact proves the optimum; ipopt, ... solve the convex Pyomo model"),
    ] = "exact"


class _Fixed(Benchmark):
    Options = FixedOptions

    def method(self, options: Any) -> Chosen:
        common = {"gap": options.gap, "time_limit": options.time_limit}
        if options.solver == "exact":
            return EXACT, EXACT.Options(**common)
        fixed = Minlp.Options(**common, solver=options.solver, formulation="letter")
        return Minlp(), fixed


class EdgeOnly(_Fixed):
    """Edge computing only: everything is offloaded (ι = 1, a = 0), the rest is optimised."""

    name = "eco"
    description = "edge computing only (a = 0)"


class LocalOnly(_Fixed):
    """Local computing only: everybody downloads and computes (ι = 0, a = 1).

    That includes users without a task.
    """

    name = "lco"
    description = "local computing only (ι = 0)"


class SplitBand(Benchmark):
    """Group bandwidth equalisation: uplink and downlink have half of the band each."""

    name = "gbe"
    description = "half of the band for each direction"

    def method(self, options: Any) -> Chosen:
        """Return the exact method."""
        return EXACT, EXACT.Options(gap=options.gap, time_limit=options.time_limit)


class GridOptions(ProvenOptions):
    """Options of :class:`Exhaustive`."""

    step: Annotated[
        Finite,
        "1/n for a whole number n",
        Field(description="step of ι's grid, which has n + 1 points"),
    ] = 0.2
    enumeration: Annotated[
        Flag,
        Field(description="whether all combinations of ι are enumerated"),
    ] = False


class Exhaustive(Benchmark):
    """Every ι on the grid 0, step, 2 step, ..., 1: the optimum of the letter's enumeration.

    It is proven, and found without enumeration by branch and bound, which goes on where the number
    of combinations is out of reach; or by enumeration, as a second way to the same value: the
    convex rest of every combination is solved exactly, but for those that a bound excludes.
    """

    name = "exhaustive"
    description = "ι on a grid, proven"
    Options = GridOptions

    def problem(self, options: Any) -> str:
        """Return the grid's name."""
        return f"{GRID}{1.0 / points_of(options.step):g}"

    def method(self, options: Any) -> Chosen:
        """Return enumeration or branch and bound."""
        chosen: Method[Any] = Enumeration() if options.enumeration else EXACT
        return chosen, chosen.Options(gap=options.gap, time_limit=options.time_limit)
