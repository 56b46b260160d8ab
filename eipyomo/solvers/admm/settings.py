"""What the letter leaves open, as options: start, penalties, what stop means, how ι is searched."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, PlainValidator, SkipValidation, model_validator

from eipyomo.allocation import Allocation
from eipyomo.errors import InputError
from eipyomo.solvers.admm.records import BLOCKS, SYNC
from eipyomo.solvers.admm.start import scaled_penalties
from eipyomo.solvers.contract import Options
from eipyomo.validation import Flag, Positive, Whole, positive_number

if TYPE_CHECKING:
    from eipyomo.problem import Problem
    from eipyomo.solvers.admm.consensus import Consensus, Residuals
    from eipyomo.solvers.records import Records

Engine = Literal["kernel", "pyomo"]
Preset = Literal["default", "letter"]
Stop = Literal["relative", "absolute"]

LETTER_BLOCKS = ("uplink", "sync", "downlink")
BALANCE_EVERY, BALANCE_RATIO, BALANCE_FACTOR = 10, 10.0, 2.0
HEAVY = 8.0
"""Times the mean w^t that a multiplier of the sync time is where too many wait for one agent. Among
a dozen users hardly any is, and none where the band is so narrow that all uploads end together."""


def _start(value: Any) -> Any:
    """Refuse what is no start; a union would be refused by its parts."""
    if isinstance(value, Allocation) or (isinstance(value, str) and value == "equal"):
        return value
    raise ValueError


class AdmmOptions(Options):
    """Options of method ``admm``; what is None is the preset's.

    The gap is taken as by every method, and without effect: there is no bound to compare with. The
    compiled engine makes at least one iteration whatever the time limit.
    """

    preset: Annotated[
        Preset,
        Field(
            description="penalties that suit the instance and a stop without units, or those of "
            "Table I"
        ),
    ] = "default"
    engine: Annotated[
        Engine,
        Field(
            description="what solves (18): compiled code, or the end users' blocks of the whole "
            "model with Ipopt"
        ),
    ] = "kernel"
    executor: Annotated[
        Executor | None,
        Field(description="where the Pyomo engine's agents run; changes no result"),
    ] = None
    start: Annotated[
        Literal["equal"] | Allocation,
        PlainValidator(_start),
        Field(description="where to begin"),
    ] = "equal"
    penalty: Annotated[
        SkipValidation[Positive | Mapping[str, float] | None],
        Field(
            description="penalty c of (14); a mapping has one each for uplink, sync and downlink, "
            "and for edge where the server has a total frequency"
        ),
    ] = None
    balance: Annotated[
        Flag | None,
        Field(
            description="whether a block's penalty is doubled or halved every 10 iterations where "
            "its residuals differ by more than a factor of 10, and whether an agent for whom many "
            "wait gets a larger one for the sync time"
        ),
    ] = None
    stop: Annotated[
        Stop | None,
        Field(description="what ends a run: residuals without units, or (24) as printed"),
    ] = None
    primal_tolerance: Annotated[
        Positive | None,
        Field(description="limit ε1 of the primal residual; per user for an absolute stop"),
    ] = None
    dual_tolerance: Annotated[
        Positive | None,
        Field(description="limit ε2 of the dual residual; per user for an absolute stop"),
    ] = None
    offload_grid: Annotated[
        Whole | None, Field(description="parts of ι's range in the coarse scan")
    ] = None
    offload_tolerance: Annotated[
        Positive | None,
        Field(description="width ε0 at which the golden-section search over ι ends"),
    ] = None
    max_iterations: Annotated[
        Whole | None, Field(description="iterations after which to stop in any case")
    ] = None
    patience: Annotated[
        Whole | None,
        Field(description="iterations without a better allocation after which to stop"),
    ] = None

    @model_validator(mode="after")
    def _are_right_together(self) -> Self:
        if self.executor is not None and self.engine != "pyomo":
            raise InputError("executor is given, but only engine 'pyomo' takes one")
        if self.penalty is not None:
            read_penalty(self.penalty)
        return self


def read_penalty(given: Any) -> float | dict[str, float]:
    """Return the penalty that an option means: a number, or one for each block by name.

    Raises
    ------
    InputError
        If it is neither.
    """
    if not isinstance(given, Mapping):
        return positive_number("penalty", given)
    if set(LETTER_BLOCKS) - set(given) or set(given) - set(BLOCKS.values()):
        raise InputError(
            f"penalty has the keys {', '.join(map(str, given))}, but must have "
            f"{', '.join(LETTER_BLOCKS)}, and may have edge"
        )
    return {block: positive_number(f"penalty[{block}]", value) for block, value in given.items()}


@dataclass(frozen=True)
class Settings:
    """The choices of one run, which are options with the preset's values; see ``AdmmOptions``.

    Attributes
    ----------
    penalty
        One c for the letter's blocks, or one for each by name; what is left out, and all if this is
        None, is that of :func:`~eipyomo.solvers.admm.start.scaled_penalties`.
    """

    penalty: float | Mapping[str, float] | None
    balance: bool
    stop: Stop
    primal_tolerance: float
    dual_tolerance: float
    offload_grid: int = 8
    offload_tolerance: float = 1e-3
    max_iterations: int = 500
    patience: int = 100

    @classmethod
    def of(cls, options: AdmmOptions) -> Settings:
        """Return the preset of some options, changed where they say so."""
        given = {field.name: getattr(options, field.name) for field in fields(cls)}
        if options.penalty is not None:
            given["penalty"] = read_penalty(options.penalty)
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        return replace(PRESETS[options.preset], **changes)

    def penalties(self, problem: Problem) -> dict[str, float]:
        """Return the c that a run starts with, by the quantities that agents have copies of.

        Raises
        ------
        InputError
            If one is given for a block that the problem has not.
        """
        scaled = scaled_penalties(problem)
        if self.penalty is None:
            return scaled
        given: Mapping[str, float]
        if isinstance(self.penalty, Mapping):
            given = self.penalty
        else:
            given = dict.fromkeys(LETTER_BLOCKS, self.penalty)
        for block in set(given) - {BLOCKS[quantity] for quantity in scaled}:
            raise InputError(
                f"penalty has the key {block}, but only a server with a total_frequency_hz has "
                "that block"
            )
        return {quantity: given.get(BLOCKS[quantity], c) for quantity, c in scaled.items()}

    def measures(self, found: Residuals, consensus: Consensus) -> tuple[float, float]:
        """Return what the stopping rule compares with the primal and the dual tolerance."""
        if self.stop == "absolute":
            return found.primal / consensus.users, found.dual / consensus.users
        return relative_residuals(found, consensus)

    def met(self, primal: float, dual: float) -> bool:
        """Tell whether the stopping rule holds for these measures, (24)."""
        return primal <= self.primal_tolerance and dual <= self.dual_tolerance


def balanced(consensus: Consensus, found: Residuals) -> Consensus:
    """Return the consensus with penalties after residual balancing (Boyd et al., section 3.4.1).

    The sync time's disagreement is a sum over users, but it moves once.
    """
    penalties = {
        quantity: penalty
        * _factor(
            found.primal_parts[quantity] / (consensus.users if quantity == SYNC else 1),
            found.dual_parts[quantity],
        )
        for quantity, penalty in consensus.penalties.items()
    }
    return replace(consensus, penalties=penalties)


def burdened(consensus: Consensus, copies: Records) -> Consensus:
    """Return the consensus with a penalty of its own for each agent that many others wait for.

    The multipliers of the sync time sum to 0. Those who wait for it pull with no more than w^t
    each, but the one whose upload is the last, and no share of the band can make earlier, has to
    hold against all of them. With one penalty for all its multiplier would take as many iterations
    more as there are users, while τ̂, the mean of all copies, follows the many. So c_j grows with
    the multiplier, once that is beyond ``HEAVY`` times the mean w^t. ADMM allows any weights that
    settle, as these do with the multipliers. Who pays for a deadline is left as it is: its price
    is part of what pulls, and of any size.
    """
    burden = consensus.multipliers[SYNC] / consensus.latency_weight
    heavy = burden > HEAVY
    if isinstance(consensus.sync_weights, float) and not heavy.any():
        return consensus
    stands_out = heavy & (copies["deadline"] == 0.0)
    return replace(consensus, sync_weights=np.where(stands_out, burden, 1.0))


def _factor(primal: float, dual: float) -> float:
    if primal > BALANCE_RATIO * dual:
        return BALANCE_FACTOR
    return 1.0 / BALANCE_FACTOR if dual > BALANCE_RATIO * primal else 1.0


def relative_residuals(found: Residuals, consensus: Consensus) -> tuple[float, float]:
    """Return primal and dual residual without a unit.

    What the budgets share counts by its sum, of which the whole is the budget; the sync time counts
    by its mean disagreement over users, relative to itself. The largest of them decides.
    """
    clock_s = max(consensus.sync_s, 1e-300)
    primal = [found.primal_parts[SYNC] / consensus.users / clock_s]
    dual = [found.dual_parts[SYNC] / clock_s]
    for budget in consensus.budgets:
        primal.append(sum(found.primal_parts[quantity] for quantity in budget.quantities))
        dual.append(sum(found.dual_parts[quantity] for quantity in budget.quantities))
    return max(primal), max(dual)


PRESETS: Mapping[Preset, Settings] = {
    "default": Settings(
        penalty=None,
        balance=True,
        stop="relative",
        primal_tolerance=1e-3,
        dual_tolerance=1e-3,
    ),
    "letter": Settings(
        penalty=20.0,
        balance=False,
        stop="absolute",
        primal_tolerance=1.5e-4,
        dual_tolerance=1e-4,
        patience=500,
    ),
}
"""``letter``: Table I."""
