"""What is minimised: WSEL (10a), a resource, or the largest latency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.scaled import Stage
from eipyomo.words import shown


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes
    ----------
    name
        As in results.
    unit
        Of its value; "1" where it has none.
    meaning
        One phrase.
    budgets
        Names of the budgets of which the least is sought with which all else can be met; they are
        no limits then.
    """

    name: str
    unit: str
    meaning: str
    budgets: tuple[str, ...] = ()

    def require_attained(self, instance: Instance, stage: Stage) -> None:
        """Refuse an instance of which the least is 0 and not attained, since nothing is urgent.

        Raises
        ------
        InputError
            If a user has no deadline, or the edge nothing to serve.
        """
        if not self.budgets:
            return
        if self.name == "edge_frequency" and stage == "training":
            raise InputError(
                f"objective is {self.name!r}, but a training round has no task to be served"
            )
        lacks = np.isnan(instance.users.numbers("deadline_s"))
        if lacks.any():
            name = instance.users[int(np.argmax(lacks))].name
            raise InputError(
                f"objective is {self.name!r}, but user {name!r} has no deadline_s, which every "
                "user needs: without one it can wait for as long as you like"
            )


WSEL = Objective("wsel", "1", "weighted sum of energy and latency, (10a)")

OBJECTIVES = {
    one.name: one
    for one in (
        WSEL,
        Objective(
            "band",
            "MHz",
            "band with which all limits can be met",
            ("bandwidth", "uplink_bandwidth", "downlink_bandwidth"),
        ),
        Objective(
            "edge_frequency",
            "GHz",
            "total frequency of the edge server with which all limits can be met",
            ("edge_frequency",),
        ),
        Objective("slowest", "s", "largest latency of a user"),
    )
}
"""By name."""


OWN = "model"
"""What results call an objective that a user has put into a model."""


def objective_of(name: object) -> Objective:
    """Return the objective of a name; one is returned as it is.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if isinstance(name, Objective):
        return name
    if isinstance(name, str) and name in OBJECTIVES:
        return OBJECTIVES[name]
    raise InputError(f"objective is {shown(name)}, but must be one of: {', '.join(OBJECTIVES)}")


def heading_of(minimised: str) -> str:
    """Return what was minimised as a line begins with it."""
    names = {OWN: "The model's objective", WSEL.name: "WSEL"}
    return names.get(minimised) or minimised.replace("_", " ").capitalize()
