"""Whether the document of one result is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.claims.breakdown import sums, terms_of
from eipyomo.claims.decisions import restriction, violations
from eipyomo.claims.details import check_conflict, check_trace
from eipyomo.claims.document import Document, read_result
from eipyomo.claims.outcome import ending, minimised, outcome, proof
from eipyomo.claims.prices import check_prices
from eipyomo.claims.values import DIMENSIONLESS, compare, demand, same, written
from eipyomo.errors import ClaimError, InputError
from eipyomo.evaluation import Evaluation, evaluate
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES
from eipyomo.restriction import JOINT, Restriction, is_name
from eipyomo.validation import require_kind
from eipyomo.words import short


def check(
    document: Mapping[str, Any], instance: Instance | None = None
) -> tuple[Allocation | None, Evaluation | None]:
    """Refuse a result document that is broken, or says what is not true.

    Parameters
    ----------
    document
        A document of schema ``eipyomo/result@1``.
    instance
        The instance that was solved; without it the document is held against itself alone.

    Returns
    -------
    allocation, evaluation
        The document's allocation, and with an instance what :func:`eipyomo.evaluate` says of it;
        None where there is none.

    Raises
    ------
    InputError
        If a key is missing, unknown or of a wrong type, a name is unknown, or the document is one
        of another instance.
    ClaimError
        If a number is not what it must be, or the problem, the method and the way it ended do not
        go together.
    """
    read = read_result(document)
    terms = terms_of(read)
    allocation = None if terms is None else terms.allocation
    evaluation = None
    if instance is not None:
        require_kind("instance", instance, Instance)
        _check_instance(read, instance)
    if allocation is not None:
        demand(restriction(read, allocation))
    if allocation is not None and instance is not None:
        evaluation = _evaluation(read, instance, allocation)
        demand(_evaluated(read, evaluation))
        _check_breakdown(read, evaluation)
    if terms is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            demand(sums(read, terms))
    for rule in (outcome, minimised, proof, ending):
        demand(rule(read))
    if terms is not None:
        demand(violations(read, terms))
    check_prices(read, instance, allocation)
    check_conflict(read, instance)
    check_trace(read)
    return allocation, evaluation


def doubt(document: Mapping[str, Any], instance: Instance) -> str | None:
    """Say which claim of a result document is false; an allocation alone claims nothing.

    Raises
    ------
    InputError
        If the document is broken, or one of another instance.
    """
    if set(document) <= {"schema", "problem", "allocation"} or "allocation" not in document:
        return None
    try:
        check(document, instance)
    except ClaimError as error:
        return str(error)
    return None


def _check_instance(read: Document, instance: Instance) -> None:
    """Refuse another instance's document, and one that calls this instance infeasible."""
    digest = read.instance_digest
    if digest is not None and digest != instance.digest():
        raise InputError(
            f"the result is one of another instance than {short(instance.name)}: "
            "instance_digest is "
            f"{digest[:12]}..., but must be {instance.digest()[:12]}..."
        )
    named = read.termination == "infeasible" and is_name(read.problem)
    if named and read.problem_of(instance).always_feasible:
        raise ClaimError(
            f"the result claims that problem {short(read.problem)} is infeasible, but equal shares "
            "of the band are a feasible allocation"
        )


def _evaluation(read: Document, instance: Instance, allocation: Allocation) -> Evaluation:
    """Evaluate the allocation; by (10) alone, where that is what a document of old has done."""
    problem, claimed = read.problem_of(instance), read.max_violation
    evaluation = evaluate(problem, allocation)
    if read.minimised == "band" and not is_name(read.problem) and read.value != evaluation.value:
        # Of a restriction that has no name it is not told whether there are two halves.
        halves = evaluate(replace(problem, restriction=Restriction.gbe()), allocation)
        evaluation = halves if same(read.value, halves.value) else evaluation
    if claimed is None or claimed == evaluation.max_violation:
        return evaluation
    alone = evaluate(replace(problem, restriction=JOINT), allocation)
    return min(evaluation, alone, key=lambda judged: abs(judged.max_violation - claimed))


def _evaluated(read: Document, evaluation: Evaluation) -> Iterator[str]:
    """Hold what `evaluate` says of the allocation against what the document says."""
    is_what = "feasible" if evaluation.feasible else f"infeasible: {evaluation.violations[0]}"
    cost = evaluation.objective if evaluation.feasible else None
    if not same(read.objective, cost):
        costs = f"is {is_what}" if cost is None else f"costs {written(cost)}"
        yield f"objective {written(read.objective)}, but its allocation {costs}"
    value = evaluation.value if evaluation.feasible else None
    if read.minimised in OBJECTIVES and not same(read.value, value):
        yield f"value {written(read.value)}, but its allocation has {written(value)}"
    if read.feasible != evaluation.feasible:
        yield f"feasible {written(read.feasible)}, but its allocation is {is_what}"
    if not same(read.max_violation, evaluation.max_violation, DIMENSIONLESS):
        yield (
            f"max_violation {written(read.max_violation)}, but its allocation's is "
            f"{written(evaluation.max_violation)}"
        )


def _check_breakdown(read: Document, evaluation: Evaluation) -> None:
    """Hold every term against the one computed anew."""
    assert read.breakdown is not None
    claimed = {user["name"]: user for user in read.breakdown["users"]}
    for j, user in enumerate(evaluation.breakdown.records()):
        compare(claimed[user["name"]], user, f"the result claims breakdown.users[{j}]")
