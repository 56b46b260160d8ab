"""The letter's benchmarks (section IV): names for a method on a restricted problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictStr

from eipyomo.errors import InputError
from eipyomo.restriction import GRID, points_of
from eipyomo.solvers.contract import Method, Options
from eipyomo.solvers.exact.method import CertifiedOptions, Enumeration, Exact, ProvenOptions
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
    Options: ClassVar[type[Options]] = CertifiedOptions
    trains: ClassVar[bool] = False

    def problem(self, options: Any) -> str:
        """Return the name of the problem."""
        del options
        return self.name

    @abstractmethod
    def method(self, options: Any) -> Chosen:
        """Return the method that solves it, and that one's options.

        Raises
        ------
        InputError
            If a certificate is asked of a method that writes none.
        """


def _exact(options: CertifiedOptions) -> Chosen:
    """Return the exact method, with all options that have one name for both."""
    common = {key: getattr(options, key) for key in CertifiedOptions.model_fields}
    return EXACT, EXACT.Options(**common)


def _without_proof(method: Method[Any], options: CertifiedOptions, what: str, **own: Any) -> Chosen:
    """Return a method that proves nothing which a certificate could hold."""
    if options.certificate is not None:
        raise InputError(f"certificate is given, but {what} writes none")
    common = {key: getattr(options, key) for key in ProvenOptions.model_fields}
    return method, method.Options(**common, **own)


class FixedOptions(CertifiedOptions):
    """Options where all decisions are fixed, so that the problem is convex."""

    solver: Annotated[
        StrictStr,
        Field(description="exact proves the optimum; ipopt, ... solve the convex Pyomo model"),
    ] = "exact"


class _Fixed(Benchmark):
    Options = FixedOptions

    def method(self, options: Any) -> Chosen:
        if options.solver == "exact":
            return _exact(options)
        how = {"solver": options.solver, "formulation": "letter"}
        return _without_proof(Minlp(), options, f"solver {options.solver!r}", **how)


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
        return _exact(options)


class GridOptions(CertifiedOptions):
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
        if options.enumeration:
            return _without_proof(Enumeration(), options, "enumeration")
        return _exact(options)
