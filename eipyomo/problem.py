"""What is solved: an instance, a stage of it, which decisions are open, and what is minimised.

A method says which :class:`Feature` it handles. What a problem has beyond these is refused in one
sentence (:meth:`Problem.require`), so that nothing answers another question than the one asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eipyomo.devices import DECIDED
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.modes import ModeColumns
from eipyomo.objective import WSEL, Objective, objective_of
from eipyomo.resources import Budget, budgets
from eipyomo.restriction import JOINT, OpenDecisions, Restriction, asked
from eipyomo.scaled import NO_LIMIT, Scaled, Stage
from eipyomo.summary import Summarised, Summary
from eipyomo.validation import require_kind


class Feature(Enum):
    """What a problem may have beyond (10) with a server that serves every task at f_s."""

    TRAINING = "a training round"
    GRID = "offload fractions on a grid"
    SPLIT_BAND = "a band split into halves"
    DECISION_BOUNDS = "fixed or bounded decisions"
    EDGE_BUDGET = "a total frequency of the server"
    DEADLINES = "deadlines of users"
    ENERGY_BUDGETS = "energy budgets of users"
    SHARE_BOUNDS = "bounds on shares of the band"
    FLEET_BUDGETS = "totals of energy or latency"
    MODES = "modes of users"
    PARTICIPATION = "a least number of participants, or a total of penalties"
    LEAST_BAND = "the objective 'band'"
    LEAST_EDGE_FREQUENCY = "the objective 'edge_frequency'"
    LEAST_LATENCY = "the objective 'slowest'"


LETTER_FEATURES = frozenset(
    {
        Feature.TRAINING,
        Feature.GRID,
        Feature.SPLIT_BAND,
        Feature.DECISION_BOUNDS,
        Feature.EDGE_BUDGET,
    }
)
"""What the letter asks, footnote and benchmarks included. It is written out, so that a feature that
comes later is handled by nobody who does not say so."""

LIMIT_FEATURES = frozenset(
    {
        Feature.DEADLINES,
        Feature.ENERGY_BUDGETS,
        Feature.SHARE_BOUNDS,
        Feature.FLEET_BUDGETS,
        Feature.PARTICIPATION,
    }
)
"""Limits in an instance's data with which there may be no feasible point."""

USER_LIMIT_FEATURES = frozenset({Feature.DEADLINES, Feature.ENERGY_BUDGETS, Feature.SHARE_BOUNDS})
"""Those of one user each, written out for the same reason."""

LEAST_FEATURES = frozenset(
    {Feature.LEAST_BAND, Feature.LEAST_EDGE_FREQUENCY, Feature.LEAST_LATENCY}
)
"""Objectives other than WSEL, written out as well."""

SHARE_BOUNDS = tuple(key for key in NO_LIMIT if "share" in key)


OBJECTIVE_FEATURES = {
    "band": Feature.LEAST_BAND,
    "edge_frequency": Feature.LEAST_EDGE_FREQUENCY,
    "slowest": Feature.LEAST_LATENCY,
}
"""What an objective other than WSEL asks of a method."""


OPEN_MODES: dict[str, Callable[[ModeColumns], NDArray[np.bool_]]] = {
    "eco": lambda modes: ~modes.computes,
    "lco": lambda modes: (modes.offload_mbit == 0.0) & (modes.edge_gigacycles == 0.0),
}
"""Which modes the letter's benchmarks leave open, by problem: all at the edge, and all local."""


@dataclass(frozen=True, eq=False, repr=False)
class Problem(Summarised):
    """What is solved.

    Attributes
    ----------
    instance
        Its data.
    restriction
        Which decisions are open.
    stage
        The last round, "inference", or "training" for one before it.
    objective
        What is minimised.
    """

    instance: Instance
    restriction: Restriction = JOINT
    stage: Stage = "inference"
    objective: Objective = WSEL

    def __post_init__(self) -> None:
        """Check the kinds; in a training round only the band may be restricted."""
        require_kind("instance", self.instance, Instance)
        require_kind("restriction", self.restriction, Restriction, "; Problem.of takes its name")
        require_kind("objective", self.objective, Objective, "; Problem.of takes its name")
        self.objective.require_attained(self.instance, self.stage)
        self._require_modes_whole()
        if self.stage == "inference":
            return
        restriction, _ = asked(self.restriction, self.stage)
        object.__setattr__(self, "restriction", restriction)

    def _summary(self) -> Summary:
        data = self.instance._summary()
        asked_for = f"problem {self.name}, least {self.objective.name}"
        return Summary(data.name, (asked_for, *data.facts), data.rows, data.total)

    def _require_modes_whole(self) -> None:
        """Refuse what would restrict a_j and ι_j, which users with modes have not.

        Raises
        ------
        InputError
            If users have modes, and it is not said which modes the problem leaves open.
        """
        if not self.instance.users.has("modes") or self.stage == "training":
            return
        if self.restriction.kind() not in ("joint", "gbe", *OPEN_MODES):
            raise InputError(
                f"problem is {self.restriction.name(self.stage)!r}, but must be one of: joint, "
                f"gbe, {', '.join(OPEN_MODES)} for users with modes"
            )

    @classmethod
    def of(
        cls,
        what: Instance | Problem,
        problem: str | Restriction = "joint",
        round: Stage = "inference",
        objective: str | Objective = "wsel",
    ) -> Problem:
        """Return a problem as it is, or the one that a name or a restriction makes of an instance.

        Parameters
        ----------
        what
            An instance, or a problem, which leaves nothing else to say.
        problem, round
            See :func:`~eipyomo.restriction.asked`.
        objective
            What is minimised, one of ``OBJECTIVES``.

        Raises
        ------
        InputError
            If one of them is unknown, or they do not go together.
        """
        if isinstance(what, Problem):
            said = (problem, round, objective_of(objective))
            if said != ("joint", "inference", WSEL):
                raise InputError(
                    "a Problem is given, which says itself what problem, round and objective are"
                )
            return what
        return cls(what, *asked(problem, round), objective_of(objective))

    @cached_property
    def data(self) -> Scaled:
        """The instance in scaled units, as it is at this stage, with the modes that are open.

        Who has none keeps all of them; see :attr:`contradiction`.
        """
        modes, left = self.whole.modes, self.open_modes
        if modes is None or left is None:
            return self.whole
        return replace(self.whole, modes=modes.only(left | self.without_mode[modes.owner]))

    @cached_property
    def open_modes(self) -> NDArray[np.bool_] | None:
        """Which modes of `whole` the restriction leaves open, (rows,); None where it is all."""
        is_open, modes = OPEN_MODES.get(self.kind), self.whole.modes
        if modes is None or is_open is None:
            return None
        left = is_open(modes)
        return None if left.all() else left

    @cached_property
    def whole(self) -> Scaled:
        """The instance in scaled units, as it is at this stage, with all modes.

        Where the least total frequency of the server is sought, what there is of it in the data is
        no limit: as much as all users can be served at is where it begins.
        """
        data = self.instance.scaled.for_stage(self.stage)
        if self.objective.name == "edge_frequency":
            return replace(data, total_frequency_ghz=data.server_frequency_ghz * len(data))
        return data

    @cached_property
    def limits(self) -> frozenset[str]:
        """Which limits users have, by the names of their columns."""
        return self.data.limits

    @cached_property
    def decisions(self) -> OpenDecisions:
        """What restriction and data leave each user to decide; a training round leaves nothing."""
        users, restriction = self.instance.users, self.restriction
        open_to = restriction.decisions(len(users))
        if self.whole.modes is not None:
            open_to = open_to.but_for(self.whole.has_modes)
        if self.stage == "training" or not any(map(users.has, DECIDED)):
            return open_to
        return open_to & Restriction.of_users(users, restriction.grid).decisions(len(users))

    @cached_property
    def budgets(self) -> tuple[Budget, ...]:
        """What users share."""
        shared = budgets(self.data, split_band=self.restriction.split_band)
        least = self.objective.budgets
        return tuple(
            [replace(one, is_minimised=True) if one.name in least else one for one in shared]
        )

    def value(self, decisions: Any, terms: Any) -> float:
        """Return what is minimised, in its unit, for a plan and the breakdown of what it costs."""
        if self.objective == WSEL:
            return float(terms.wsel.sum())
        if not self.objective.budgets:
            return float(terms.latency_s.max())
        used = [
            one.used(decisions, terms) / one.capacity for one in self.budgets if one.is_minimised
        ]
        return max(used) * self.reference

    @property
    def least_value(self) -> float:
        """What is minimised is at least this: energies, latencies and resources are not negative.

        With modes penalties may be, and latencies where nobody trains.
        """
        if self.data.modes is None or self.objective.budgets:
            return 0.0
        if self.objective == WSEL:
            return -np.inf
        return float(np.max(-self.data.previous_download_s))

    @cached_property
    def reference(self) -> float:
        """How much there is of what is minimised in the data, in MHz or GHz."""
        return sum(
            one.capacity * one.draws[0].unit_size for one in self.budgets if one.is_minimised
        )

    @property
    def kind(self) -> str:
        """Which of the problems with a name this is; "restricted" if none."""
        return self.restriction.kind(self.stage)

    @property
    def name(self) -> str:
        """What to call it: as everybody does, or by the name of your own."""
        return self.restriction.name(self.stage)

    @cached_property
    def features(self) -> frozenset[Feature]:
        """What of ``Feature`` it really has."""
        training, restriction, data = self.stage == "training", self.restriction, self.data
        totals = (data.total_energy_budget_j, data.total_latency_budget_s)
        has = {
            Feature.TRAINING: training,
            Feature.GRID: restriction.grid > 0,
            Feature.SPLIT_BAND: restriction.split_band,
            Feature.DECISION_BOUNDS: not (training or self.decisions.are_all),
            Feature.EDGE_BUDGET: data.total_frequency_ghz is not None,
            Feature.DEADLINES: "deadline_s" in self.limits,
            Feature.ENERGY_BUDGETS: "energy_budget_j" in self.limits,
            Feature.SHARE_BOUNDS: not self.limits.isdisjoint(SHARE_BOUNDS),
            Feature.FLEET_BUDGETS: totals != (None, None),
            Feature.MODES: data.modes is not None,
            Feature.PARTICIPATION: data.modes is not None
            and (data.min_participants, data.total_penalty_budget) != (None, None),
        }
        there = {feature for feature, is_there in has.items() if is_there}
        if self.objective != WSEL:
            there.add(OBJECTIVE_FEATURES[self.objective.name])
        return frozenset(there)

    @property
    def contradiction(self) -> str | None:
        """Why the restriction alone leaves no allocation, in words; None if it leaves one."""
        stuck = ~(self.decisions.edge | self.decisions.local)
        if stuck.any():
            name = self.data.names[int(np.argmax(stuck))]
            return f"the restriction leaves user {name!r} neither download nor all-edge computing"
        if self.without_mode.any():
            name = self.data.names[int(np.argmax(self.without_mode))]
            return f"the problem {self.kind!r} leaves user {name!r} none of its modes"
        return None

    @cached_property
    def without_mode(self) -> NDArray[np.bool_]:
        """Which users have modes, none of which is open; (users,)."""
        modes, left = self.whole.modes, self.open_modes
        stuck = np.zeros(len(self.whole), np.bool_)
        if modes is not None and left is not None:
            stuck |= modes.has_modes
            stuck[modes.owner[left]] = False
        return stuck

    @property
    def always_feasible(self) -> bool:
        """Whether it is known to have a feasible point: equal shares and a late sync time."""
        return not self.features & LIMIT_FEATURES and self.contradiction is None

    def require(self, handles: Iterable[Feature], who: str, others: str = "") -> None:
        """Refuse the problem for somebody who does not handle all of its features.

        Parameters
        ----------
        handles
            Features that are handled.
        who
            Who that is, such as "method 'admm'".
        others
            Behind the sentence: who handles it.

        Raises
        ------
        InputError
            If there is another feature.
        """
        for feature in Feature:
            if feature in self.features - frozenset(handles):
                raise InputError(
                    f"{who} does not handle {feature.value}, which the problem "
                    f"{self.name!r} has{others}"
                )
