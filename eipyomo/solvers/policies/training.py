"""How the network of :mod:`~eipyomo.solvers.policies.droo` is trained, by scikit-learn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from eipyomo.errors import InputError
from eipyomo.extras import extra
from eipyomo.instance import Instance
from eipyomo.problem import LETTER_FEATURES, Problem
from eipyomo.scaled import FloatColumn
from eipyomo.solvers import exact
from eipyomo.solvers.contract import Clock
from eipyomo.solvers.policies.droo import CANDIDATES, try_near
from eipyomo.solvers.policies.features import features
from eipyomo.solvers.policies.network import Network
from eipyomo.solvers.policies.tried import Tried
from eipyomo.words import short

Labels = Literal["exact", "own"]

MEMORY, WARM, EVERY = 2048, 64, 4
"""Instances that are remembered, how many there are before the first step, and between steps."""
BATCH, STEPS = 128, 4
"""Instances in a step, and steps at a time."""
LEARNED = "learned", "training"
"""The extra that has scikit-learn, and what needs it."""
NOISE = 0.2
"""Deviation of what is tried beside what the network proposes, where it learns from itself."""


def trained(
    instances: Iterable[Instance],
    *,
    labels: Labels = "exact",
    seed: int = 0,
    hidden: tuple[int, ...] = (64, 32),
    about: str = "",
) -> Network:
    """Return a network that has learned decisions, one instance after the other.

    Instances are remembered with their best decisions, and the network learns from random ones of
    these (experience replay), as in the source of the method.

    Parameters
    ----------
    instances
        At least 64 of them.
    labels
        What the best decisions are: "exact", the certified optimum, or "own", the best of those
        near to what the network itself proposes, as in the source.
    seed
        Of the network's first weights and of all that is drawn.
    hidden
        Units of each layer.
    about
        What to say in the network's file, such as which instances these are.

    Raises
    ------
    InputError
        If there are too few instances, one has limits or modes, or there are no such labels.
    SolverError
        If scikit-learn is missing.
    """
    if labels not in get_args(Labels):
        known = ", ".join(get_args(Labels))
        raise InputError(f"labels is {short(labels)}, but must be one of: {known}")
    pupil = _Pupil(_regressor(hidden, seed), labels, np.random.default_rng(seed), about)
    with extra("threadpoolctl", *LEARNED).threadpool_limits(1):  # small matrices, and the same sums
        for instance in instances:
            pupil.see(instance)
    if pupil.network is None:
        raise InputError(f"instances are {pupil.seen}, but must be at least {WARM} to learn from")
    return pupil.network


@dataclass(eq=False)
class _Pupil:
    """What learns: a regressor, and the instances that it remembers.

    Attributes
    ----------
    network
        What it has learned so far; None before the first step.
    seen
        How many instances it has been shown.
    """

    regressor: Any
    labels: Labels
    draw: np.random.Generator
    about: str
    network: Network | None = None
    seen: int = 0
    _memory: deque[tuple[FloatColumn, FloatColumn]] = field(
        default_factory=lambda: deque(maxlen=MEMORY)
    )

    def see(self, instance: Instance) -> None:
        """Remember an instance with its best decisions, and learn from time to time."""
        problem = Problem(instance)
        problem.require(LETTER_FEATURES, "training")
        best = self._optimum(problem) if self.labels == "exact" else self._own(problem)
        self._memory.append((features(problem.data), best))
        self.seen += 1
        if self.seen >= WARM and self.seen % EVERY == 0:
            self._learn()

    def _optimum(self, problem: Problem) -> FloatColumn:
        found = exact.solve_exact(problem).allocation
        assert found is not None  # without limits there always is one
        return np.column_stack([found.download, found.offload_fraction])

    def _own(self, problem: Problem) -> FloatColumn:
        """Return the best decisions near to what the network proposes; at first, near to any."""
        tried = Tried(problem, Clock(np.inf))
        if self.network is None:
            try_near(tried, self.draw.random((2, len(problem.data))), CANDIDATES)
        else:
            proposed = self.network.propose(problem.data)
            other = proposed + NOISE * self.draw.standard_normal(proposed.shape)
            try_near(tried, proposed, CANDIDATES)
            try_near(tried, np.clip(other, 0.0, 1.0), CANDIDATES)
        found = tried.allocation
        assert found is not None
        return np.column_stack([found.download, found.offload_fraction])

    def _learn(self) -> None:
        """Learn from some of what is remembered."""
        if self.network is None:
            rows = np.concatenate([seen for seen, _ in self._memory])
            mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
        else:
            mean, scale = self.network.mean, self.network.scale
        for _ in range(STEPS):
            batch = [self._memory[k] for k in self.draw.integers(len(self._memory), size=BATCH)]
            seen, best = (np.concatenate(part) for part in zip(*batch, strict=True))
            self.regressor.partial_fit((seen - mean) / scale, best)
        weights, biases = self.regressor.coefs_, self.regressor.intercepts_
        self.network = Network(mean, scale, tuple(weights), tuple(biases), self.about)


def _regressor(hidden: tuple[int, ...], seed: int) -> Any:
    """Return a multi-layer perceptron that learns by Adam."""
    perceptron = extra("sklearn.neural_network", *LEARNED).MLPRegressor
    return perceptron(hidden_layer_sizes=hidden, batch_size=256, random_state=seed)
