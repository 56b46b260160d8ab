"""One policy and one instance: what is asked, and what of the answer holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.scaled import HZ_PER_GHZ
from eipyomo.solvers.mending import Mended, decided, mended
from eipyomo.studies.answers import DECISIONS, FAILURES, NEEDED, FailedError, Plain
from eipyomo.studies.cell import Key
from eipyomo.studies.policies import Policy
from eipyomo.studies.store import COLUMNS
from eipyomo.studies.versions import version_of_code


@dataclass(frozen=True)
class Trial:
    """A policy that is asked about an instance, under a deadline in s."""

    policy: Policy
    instance: Instance
    time_limit: float

    @cached_property
    def key(self) -> Key:
        """What its verdict is stored under; names are no part of it."""
        options = json.dumps({"time_limit": self.time_limit})
        return self.instance.digest(), f"policy {self.policy.digest}", options, version_of_code()


def document_of(trial: Trial) -> dict[str, Any]:
    """Ask, judge, and return what came of it as a JSON document; runs in a worker.

    Beside columns of results it has ``violated``, a constraint in words, and ``failure``, one of
    ``FAILURES``.
    """
    seconds = None
    try:
        answer, seconds = trial.policy.answer(trial.instance, trial.time_limit)
        found = judged(trial.instance, answer)
    except FailedError as error:
        return failed(error.kind, str(error), seconds)
    feasible = found.violation is None
    return _document(
        termination="converged",
        objective=found.evaluation.objective if feasible else None,
        feasible=feasible,
        violated=None if feasible else str(found.violation),
        wall_s=seconds,
    )


def failed(kind: str, message: str, seconds: float | None = None) -> dict[str, Any]:
    """Return the document of a trial without an answer."""
    assert kind in FAILURES
    return _document(
        termination="error", failure=kind, message=message, feasible=False, wall_s=seconds
    )


def _document(**values: Any) -> dict[str, Any]:
    nothing: Mapping[str, Any] = dict.fromkeys((*COLUMNS, "violated", "failure"))
    return {**nothing, "problem": "joint", "minimised": "wsel", **values}


def judged(instance: Instance, answer: Plain) -> Mended:
    """Return what an answer in plain data is worth.

    Decisions alone have the best rest that there is; an allocation is mended.

    Raises
    ------
    FailedError
        If it is none.
    """
    problem = Problem.of(instance)
    try:
        if set(answer) <= set(DECISIONS):
            return decided(problem, _with_any_rest(problem, answer))
        missing = [key for key in ("sync_s", *NEEDED) if key not in answer]
        if missing:
            raise FailedError("answer", f"its answer lacks {', '.join(missing)}")
        return mended(problem, Allocation(names=problem.data.names, **answer))
    except InputError as error:
        raise FailedError("answer", f"its answer is refused: {error}") from None


def _with_any_rest(problem: Problem, answer: Plain) -> Allocation:
    """Return an allocation that has decisions, and anything for the rest."""
    data = problem.data
    share = np.full(len(data), 0.5 / len(data))
    return Allocation(
        names=data.names,
        sync_s=0.0,
        download=answer["download"],
        offload_fraction=answer["offload_fraction"],
        frequency_hz=data.max_frequency_ghz * HZ_PER_GHZ,
        uplink_share=share,
        downlink_share=share,
        mode=answer.get("mode"),
    )
