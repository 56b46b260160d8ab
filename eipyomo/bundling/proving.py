"""Certificates that are made anew: each problem of a bundle is solved again, and that proven."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from eipyomo.bundling.contents import Contents, above
from eipyomo.claims.values import is_number, relative_gap
from eipyomo.errors import ClaimError
from eipyomo.files import about, read_document
from eipyomo.instance import Instance
from eipyomo.restriction import is_name, named_or_joint
from eipyomo.result import Result
from eipyomo.solvers.backends.guard import scratch
from eipyomo.solvers.methods import attempt
from eipyomo.verify import Verified, verify

ROUNDING = 1e-6
"""Relative room for an allocation that keeps within its limits as far as rounding tells."""


class Answer(NamedTuple):
    """What a result or a row of a table claims, and of which problem."""

    where: str
    file: str
    instance: str
    problem: str
    minimised: str
    termination: str
    value: float | None
    bound: float | None


@dataclass(frozen=True)
class Proof:
    """A problem solved again.

    Attributes
    ----------
    result
        The certified optimum.
    certificate
        The document that proves it.
    proven
        What that proves, in interval arithmetic.
    """

    result: Result
    certificate: dict[str, Any]
    proven: Verified

    def hold(self, claim: Answer) -> float | None:
        """Return the proven gap of an answer to the problem, None where it has no value.

        Raises
        ------
        ClaimError
            If it says what cannot be true.
        """
        optimum, least = self.result.value, self.proven.bound
        if claim.termination == "infeasible" and optimum is not None:
            raise ClaimError(
                f"{claim.where} claims that nothing is feasible, but an allocation costs "
                f"{optimum:.12g}"
            )
        if claim.value is not None and claim.value < least - ROUNDING * abs(least):
            raise ClaimError(
                f"{claim.where} claims {claim.value:.12g}, but it is proven that nothing costs "
                f"less than {least:.12g}"
            )
        highest = math.inf if optimum is None else optimum + ROUNDING * abs(optimum)
        if claim.bound is not None and claim.bound > highest:
            raise ClaimError(
                f"{claim.where} claims the bound {claim.bound:.12g}, but an allocation costs "
                f"{optimum:.12g}"
            )
        return relative_gap(claim.value, least)


def prove(found: Contents, tell: Callable[[str], object] = lambda _: None) -> dict[str, Proof]:
    """Solve every problem of which something is claimed again, and prove what that gives.

    Each is solved by method ``exact``, once, and its certificate verified; every result and row of
    a table of results on that problem is held against it, by whatever method it was found.

    Parameters
    ----------
    found
        The contents of a bundle; how its files are checked is told there.
    tell
        Called with a phrase before each problem.

    Returns
    -------
    dict
        Proofs by the results' files.

    Raises
    ------
    ClaimError
        If a claim cannot be true.
    """
    proofs: dict[tuple[str, str, str], Proof | str] = {}
    told: dict[str, list[float | str | None]] = {}
    by_result = {}
    for claim in _claims(found):
        what = (claim.instance, claim.problem, claim.minimised)
        with about(claim.file):
            if what not in proofs:
                tell(f"proving {claim.where} in {claim.file}")
                proofs[what] = _proof(found.instances[claim.instance], *what[1:])
            proof = proofs[what]
            gap = proof if isinstance(proof, str) else proof.hold(claim)
        told.setdefault(claim.file, []).append(gap)
        if isinstance(proof, Proof) and claim.file in found.results:
            by_result[claim.file] = proof
    for file, gaps in told.items():
        found.how[file] += f"; {_in_words(gaps)}"
    return by_result


def _claims(found: Contents) -> Iterator[Answer]:
    """Iterate over what is claimed of named problems of the instances that are there."""
    for file, result in found.results.items():
        yield Answer(
            *("the result", file, found.owners[file], result.problem, result.minimised),
            *(result.termination, result.value, result.bound),
        )
    digests = {instance.digest(): file for file, instance in found.instances.items()}
    for file in found.tables:
        for n, row in enumerate(found.of_table(file) or (), start=1):
            owner = digests.get(str(row.get("digest")))
            if owner is not None and "problem" in row:
                numbers = (row.get("value", row["objective"]), row["bound"])
                yield Answer(
                    *(f"row {n}", file, owner, str(row["problem"])),
                    *(str(row.get("minimised", "wsel")), str(row["termination"])),
                    *(number if is_number(number) else None for number in numbers),
                )


def _proof(instance: Instance, problem: str, minimised: str) -> Proof | str:
    """Solve a problem and prove the bound, or say in words why not."""
    if not is_name(problem) or minimised == "model":
        return f"not proven: problem {problem!r} is no longer known"
    restriction, stage = named_or_joint(problem)
    with scratch() as folder:
        file = folder / "certificate.json"
        options: dict[str, Any] = {"problem": restriction, "round": stage, "objective": minimised}
        result = attempt(instance, "exact", certificate=str(file), **options)
        if result.bound is None and result.termination != "infeasible":
            return f"not proven: {result.message}"
        certificate = read_document(file, "certificate")
    proven = verify(instance, certificate)
    return proven.doubt or Proof(result, certificate, proven)


def _in_words(gaps: list[float | str | None]) -> str:
    """Say how far answers are from what is proven of their problems."""
    reasons = [gap for gap in gaps if isinstance(gap, str)]
    known = [gap for gap in gaps if isinstance(gap, float)]
    if len(gaps) == 1:
        return reasons[0] if reasons else f"{above(known[0] if known else None)} anew"
    worst = f", the worst {above(max(known))}" if known else ""
    rest = f"; {len(reasons)} not proven" if reasons else ""
    return f"{len(gaps) - len(reasons)} rows held against proofs made anew{worst}{rest}"
