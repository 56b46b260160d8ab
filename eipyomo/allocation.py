"""An answer to problem (10), and the one way to judge it: :func:`evaluate`.

Nothing here knows a solver or a model. An allocation is judged by its decisions
(a, ι, f, b, b̄, τ̂) alone; every time and energy follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, StrictStr

from eipyomo import physics
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, to_json, write_atomically
from eipyomo.instance import Instance
from eipyomo.scaled import HZ_PER_GHZ, FloatColumn, Round
from eipyomo.validation import (
    Columns,
    Decision,
    Finite,
    Record,
    decision_column,
    number_column,
    real_number,
    require_kind,
    short,
    shown,
)

FEASIBILITY_TOLERANCE = 1e-6
"""Largest relative violation at which an allocation counts as feasible."""


class _UserDecisions(Record):
    of_a_user: ClassVar[bool] = True

    name: Annotated[StrictStr, Field(description="a text")]
    download: Annotated[Decision, Field(description="true or false (download decision a_j)")]
    offload_fraction: Annotated[Finite, Field(description="offload fraction of the task")]
    frequency_hz: Annotated[Finite, Field(description="local CPU frequency f_j in Hz")]
    uplink_share: Annotated[Finite, Field(description="share b_j of the band, uplink")]
    downlink_share: Annotated[Finite, Field(description="share of the band, downlink")]
    edge_frequency_hz: Annotated[
        Finite | None,
        Field(description="a finite number (CPU frequency for the task at the server in Hz)"),
    ] = None


class _Decisions(Record):
    sync_s: Annotated[Finite, Field(description="sync time in s")]
    users: Annotated[tuple[_UserDecisions, ...], Field(description="a list of decisions")]

    def edge_frequency_hz(self) -> FloatColumn | None:
        """Return f_{s,j} of all users, or None where no user has one."""
        column = [user.edge_frequency_hz for user in self.users]
        given = [frequency for frequency in column if frequency is not None]
        if 0 < len(given) < len(column):
            raise InputError(
                f"users[{column.index(None)}].edge_frequency_hz is missing, but all users must "
                "have one or none"
            )
        return np.array(given) if given else None


@dataclass(frozen=True, eq=False)
class Allocation(Columns):
    """The decisions of problem (10); arrays have shape (users,).

    Attributes
    ----------
    names
        Names of the end users, in the order of the arrays.
    sync_s
        Sync time τ̂_N in s: the moment at which the server has updated the model.
    download
        a_j, whether the user downloads the model.
    offload_fraction
        ι_j, the part of the task that the server computes.
    frequency_hz
        f_j in Hz.
    uplink_share, downlink_share
        b_j and its downlink counterpart, fractions of the band.
    edge_frequency_hz
        f_{s,j} in Hz, at which the server computes the user's part (footnote 2); None where every
        task is served at f_s.

    Raises
    ------
    InputError
        If the arrays are not one finite real number per user, or one decision: true or false, or
        exactly 1 or 0.
    """

    names: tuple[str, ...]
    sync_s: float
    download: NDArray[np.bool_]
    offload_fraction: FloatColumn
    frequency_hz: FloatColumn
    uplink_share: FloatColumn
    downlink_share: FloatColumn
    edge_frequency_hz: FloatColumn | None = None

    def __post_init__(self) -> None:
        """Check names and columns, each as strictly as in a document, and keep copies of them."""
        if not isinstance(self.names, list | tuple) or not all(
            isinstance(name, str) for name in self.names
        ):
            raise InputError(f"names is {short(self.names)}, but must be a list of texts")
        object.__setattr__(self, "names", tuple(map(str, self.names)))
        sync_s = real_number("sync_s", self.sync_s)
        if not np.isfinite(sync_s):
            raise InputError(f"sync_s is {short(sync_s)}, but must be a finite number (s)")
        object.__setattr__(self, "sync_s", sync_s)
        for name in [field.name for field in fields(self)[2:]]:
            given = getattr(self, name)
            read = decision_column if name == "download" else number_column
            if given is not None or name != "edge_frequency_hz":
                object.__setattr__(self, name, read(name, given, len(self.names)))
        super().__post_init__()

    def _columns(self) -> dict[str, Any]:
        """Return the columns that the allocation has, by name."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        return {name: column for name, column in columns.items() if column is not None}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Read the ``allocation`` part of a result document."""
        if not isinstance(document, Mapping):
            raise InputError(f"allocation is {shown(document)}, but must be an object")
        decisions = _Decisions.of(document)
        users = decisions.users
        return cls(
            names=tuple(user.name for user in users),
            sync_s=decisions.sync_s,
            download=np.array([user.download for user in users]),
            offload_fraction=np.array([user.offload_fraction for user in users]),
            frequency_hz=np.array([user.frequency_hz for user in users]),
            uplink_share=np.array([user.uplink_share for user in users]),
            downlink_share=np.array([user.downlink_share for user in users]),
            edge_frequency_hz=decisions.edge_frequency_hz(),
        )

    @classmethod
    def from_json(cls, path: PathLike) -> Self:
        """Read an allocation file, or the ``allocation`` part of a result file.

        Raises
        ------
        InputError
            If the file cannot be read, or holds no allocation.
        """
        document = read_document(path, "allocation")
        with about(path):
            return cls.from_dict(document.get("allocation", document))

    def to_json(self, path: PathLike) -> None:
        """Write an allocation file, replacing an existing one atomically."""
        write_atomically({path: to_json(self.to_dict())})

    def to_dict(self) -> dict[str, Any]:
        """Return the ``allocation`` part of a result document."""
        return {"sync_s": self.sync_s, "users": self.frame().to_dict("records")}

    def frame(self) -> pd.DataFrame:
        """Return the decisions as a table, one row per user."""
        return pd.DataFrame({"name": list(self.names), **self._columns()})

    def for_users(self, names: Sequence[str]) -> Self:
        """Return this allocation in the order of `names`.

        Raises
        ------
        InputError
            If the two sets of names differ, or a name stands twice.
        """
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise InputError(f"names is {shown(names)}, but must be a list of texts")
        if tuple(names) == self.names:
            return self
        place = {name: j for j, name in enumerate(self.names)}
        if len(place) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InputError(f"users has the name {twice!r} twice, but names must be unique")
        for name in names:
            if name not in place:
                raise InputError(f"the allocation has no user {name!r}, but the instance has")
        for name in self.names:
            if name not in set(names):
                raise InputError(f"the allocation has a user {name!r}, but the instance has not")
        order = np.array([place[name] for name in names])
        columns = {name: column[order] for name, column in self._columns().items()}
        return type(self)(names=tuple(names), sync_s=self.sync_s, **columns)


@dataclass(frozen=True, eq=False)
class Breakdown(Columns):
    """Every term of (8) and (9), per user; arrays of shape (users,), in s and J.

    A user without download (a_j = 0) has no download and no local inference: these terms are 0.
    """

    names: tuple[str, ...]
    previous_download_s: FloatColumn
    """τ^md of the round before, given."""
    local_training_s: FloatColumn
    """τ^lt, given."""
    upload_s: FloatColumn
    """τ^mu, (5)."""
    offload_s: FloatColumn
    """τ^to, (5)."""
    ready_s: FloatColumn
    """τ^pr: when both the new model and the task data are at the server."""
    edge_inference_s: FloatColumn
    """τ^e, (2)."""
    download_s: FloatColumn
    """τ^md, (5)."""
    local_inference_s: FloatColumn
    """τ^c, (1)."""
    latency_s: FloatColumn
    """T_j, (9)."""
    local_training_j: FloatColumn
    """e^lt, given."""
    upload_j: FloatColumn
    """e^mu, (7)."""
    offload_j: FloatColumn
    """e^to, (7)."""
    download_j: FloatColumn
    """e^md, (7)."""
    local_inference_j: FloatColumn
    """e^c, (1)."""
    energy_j: FloatColumn
    """E_j, (8)."""
    wsel: FloatColumn
    """w^e E_j + w^t T_j, user j's part of (10a)."""

    def frame(self) -> pd.DataFrame:
        """Return the breakdown as a table, one row per user."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        return pd.DataFrame({"name": list(self.names), **columns})

    def to_dict(self) -> dict[str, Any]:
        """Return the ``breakdown`` part of a result document; what is not finite becomes null."""
        frame = self.frame()
        numbers = frame.columns[1:]
        frame[numbers] = frame[numbers].astype(object).where(np.isfinite(frame[numbers]), None)
        return {"users": frame.to_dict("records")}


@dataclass(frozen=True)
class Violation:
    """How far an allocation is from satisfying one kind of constraint.

    Attributes
    ----------
    constraint
        Which constraint, in words, with the letter's equation.
    user
        The user at which it is violated most; None for a constraint on all users together.
    amount
        Violation relative to the natural size of the quantity; 0 where it holds.
    """

    constraint: str
    user: str | None
    amount: float

    def __str__(self) -> str:
        """Return one phrase that names constraint, user and amount."""
        at = f" at user {self.user!r}" if self.user is not None else ""
        return f"{self.constraint}{at} is violated by {self.amount:.3g} (relative)"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an allocation costs and whether it is feasible.

    Attributes
    ----------
    objective
        WSEL (10a); infinite if something needed never ends.
    breakdown
        Every term per user.
    violations
        One entry for each kind of constraint that is violated, the largest first.
    sync_s
        Sync time τ̂_N in s, as decided.
    """

    objective: float
    breakdown: Breakdown
    violations: tuple[Violation, ...]
    sync_s: float

    @property
    def max_violation(self) -> float:
        """Largest relative violation, 0 if there is none."""
        return max((violation.amount for violation in self.violations), default=0.0)

    @property
    def feasible(self) -> bool:
        """Whether no constraint is violated by more than the tolerance."""
        return self.max_violation <= FEASIBILITY_TOLERANCE

    def timeline(self) -> pd.DataFrame:
        """Return start and end of every phase of the round, as in Fig. 1.

        Returns
        -------
        DataFrame
            Columns ``user``, ``phase``, ``start_s``, ``end_s``; time 0 is when the round starts
            with the download of the previous model. Phases that do not happen are left out.
        """
        return timeline(self.breakdown.frame(), self.sync_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as a JSON document."""
        worst = self.violations[0] if self.violations else None
        return {
            "objective": self.objective if np.isfinite(self.objective) else None,
            "feasible": self.feasible,
            "max_violation": self.max_violation,
            "violated": str(worst) if worst else None,
            "breakdown": self.breakdown.to_dict(),
        }


def timeline(terms: pd.DataFrame, sync_s: float) -> pd.DataFrame:
    """Return start and end of every phase; see :meth:`Evaluation.timeline`.

    Parameters
    ----------
    terms
        The columns of :meth:`Breakdown.frame`.
    sync_s
        Sync time in s.
    """
    zero = pd.Series(0.0, index=terms.index)
    trained = terms["previous_download_s"] + terms["local_training_s"]
    uploaded = trained + terms["upload_s"]
    synced = zero + sync_s
    downloaded = synced + terms["download_s"]
    spans = {
        "previous model download": (zero, terms["previous_download_s"]),
        "local training": (terms["previous_download_s"], trained),
        "model upload": (trained, uploaded),
        "task offload": (uploaded, uploaded + terms["offload_s"]),
        "model download": (synced, downloaded),
        "local inference": (downloaded, downloaded + terms["local_inference_s"]),
        "edge inference": (terms["ready_s"], terms["ready_s"] + terms["edge_inference_s"]),
    }
    frame = pd.concat(
        pd.DataFrame({"user": terms["name"], "phase": phase, "start_s": start, "end_s": end})
        for phase, (start, end) in spans.items()
    )
    happens = frame["end_s"] > frame["start_s"]
    return frame[happens].sort_index(kind="stable").reset_index(drop=True)


def evaluate(instance: Instance, allocation: Allocation, round: Round = "inference") -> Evaluation:
    """Judge an allocation: WSEL (10a), every term of (8) and (9), and the largest violation.

    Every transmission and computation takes the time that its share and frequency give; T_j is
    the maximum in (9). An allocation without edge frequencies serves every offloaded part at f_s,
    which may exceed the server's budget.

    Parameters
    ----------
    instance
        The instance.
    allocation
        The decisions, matched to the instance's users by name.
    round
        "training" judges a round without tasks, in which everybody must download.

    Raises
    ------
    InputError
        If the users of the two do not match, or an argument is something else.
    """
    require_kind("instance", instance, Instance)
    require_kind(
        "allocation", allocation, Allocation, ": a result has one, in its attribute allocation"
    )
    allocation = allocation.for_users(instance.scaled.names)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        breakdown = _breakdown(instance, allocation, round)
        violations = _violations(instance, allocation, breakdown, round)
    return Evaluation(
        objective=float(breakdown.wsel.sum()),
        breakdown=breakdown,
        violations=violations,
        sync_s=allocation.sync_s,
    )


def _breakdown(instance: Instance, allocation: Allocation, round: Round) -> Breakdown:
    data = instance.scaled.for_round(round)
    a, offload = allocation.download, allocation.offload_fraction
    frequency_ghz = allocation.frequency_hz / HZ_PER_GHZ
    edge_frequency_ghz = served_at_hz(instance, allocation, round) / HZ_PER_GHZ
    local_work = a * physics.local_gigacycles(offload, data.task_mbit, data.gigacycles_per_mbit)
    edge_work = physics.offloaded_gigacycles(offload, data.task_mbit, data.gigacycles_per_mbit)

    uplink = _seconds_per_mbit(allocation.uplink_share, data.bandwidth_mhz, data.uplink_snr)
    downlink = _seconds_per_mbit(allocation.downlink_share, data.bandwidth_mhz, data.downlink_snr)
    upload_s = data.model_mbit * uplink
    offload_s = _where_needed(offload * data.task_mbit, uplink)
    download_s = _where_needed(data.model_mbit * a, downlink)
    edge_inference_s = np.where(
        edge_work == 0, 0.0, edge_work / np.maximum(edge_frequency_ghz, 0.0)
    )
    cycle_s: FloatColumn = 1.0 / np.maximum(frequency_ghz, 0.0)
    local_inference_s = _where_needed(local_work, cycle_s)

    ready_s = np.maximum(allocation.sync_s, data.upload_start_s + upload_s + offload_s)
    local_s = np.where(a, allocation.sync_s + download_s + local_inference_s, -np.inf)
    latency_s = np.maximum(local_s, ready_s + edge_inference_s) - data.previous_download_s

    upload_j = physics.transmission_energy_j(data.transmit_power_w, upload_s)
    offload_j = physics.transmission_energy_j(data.transmit_power_w, offload_s)
    download_j = _where_needed(data.receive_power_w, download_s)
    local_inference_j = physics.local_inference_energy_j(
        frequency_ghz, local_work, data.energy_coefficient
    )
    energy_j = data.local_training_j + upload_j + offload_j + download_j + local_inference_j
    return Breakdown(
        names=data.names,
        previous_download_s=data.previous_download_s,
        local_training_s=data.local_training_s,
        upload_s=upload_s,
        offload_s=offload_s,
        ready_s=ready_s,
        edge_inference_s=edge_inference_s,
        download_s=download_s,
        local_inference_s=local_inference_s,
        latency_s=latency_s,
        local_training_j=data.local_training_j,
        upload_j=upload_j,
        offload_j=offload_j,
        download_j=download_j,
        local_inference_j=local_inference_j,
        energy_j=energy_j,
        wsel=_where_needed(data.energy_weight, energy_j) + data.latency_weight * latency_s,
    )


def served_at_hz(instance: Instance, allocation: Allocation, round: Round) -> FloatColumn:
    """Return f_{s,j}; where the allocation does not decide it, f_s for every task in part there."""
    if allocation.edge_frequency_hz is not None:
        return allocation.edge_frequency_hz
    served = allocation.offload_fraction * instance.scaled.for_round(round).task_mbit != 0
    return np.where(served, instance.server.frequency_hz, 0.0)


def _seconds_per_mbit(share: FloatColumn, bandwidth_mhz: float, snr: FloatColumn) -> FloatColumn:
    """Return s(b); infinite where the share is not positive."""
    usable = share > 0
    seconds = physics.seconds_per_mbit(np.where(usable, share, 1.0), bandwidth_mhz, snr)
    return np.where(usable, seconds, np.inf)


def _where_needed(amount: FloatColumn, cost: FloatColumn) -> FloatColumn:
    """Return amount · cost, and 0 where the amount is 0 even if the cost is infinite."""
    return np.where(amount == 0, 0.0, amount * cost)


def _violations(
    instance: Instance, allocation: Allocation, terms: Breakdown, round: Round
) -> tuple[Violation, ...]:
    data = instance.scaled.for_round(round)
    a, offload = allocation.download, allocation.offload_fraction
    up, down = allocation.uplink_share, allocation.downlink_share
    frequency_ghz = allocation.frequency_hz / HZ_PER_GHZ
    edge_frequency_hz = served_at_hz(instance, allocation, round)
    edge_frequency_ghz = edge_frequency_hz / HZ_PER_GHZ
    uploaded_s = data.upload_start_s + terms.upload_s
    last_s = float(uploaded_s.max())
    # Where the band or the CPU is not there at all, natural size is the need itself: 1.
    per_user = {
        "sync time after every upload (6)": np.where(
            np.isfinite(uploaded_s), (uploaded_s - allocation.sync_s) / max(last_s, 1e-300), 0.0
        ),
        "uplink share >= 0 (10b)": -up,
        "downlink share >= 0 (10b)": -down,
        "an uplink share to upload with (5)": up <= 0,
        "a downlink share to download with (5)": a & (down <= 0),
        "frequency <= f_max (10c)": frequency_ghz / data.max_frequency_ghz - 1.0,
        "frequency >= 0 (10c)": -frequency_ghz / data.max_frequency_ghz,
        "a frequency to compute with (1)": np.isinf(terms.local_inference_s),
        "edge frequency <= f_s (2)": edge_frequency_ghz / data.server_frequency_ghz - 1.0,
        "edge frequency >= 0 (2)": -edge_frequency_ghz / data.server_frequency_ghz,
        "a frequency to compute with at the edge (2)": np.isinf(terms.edge_inference_s),
        "offload fraction >= 0 (10d)": -offload,
        "offload fraction <= 1 (10d)": offload - 1.0,
        "no local part without download (10d)": np.where(a, 0.0, 1.0 - offload),
    }
    if round == "training":
        per_user["download in every training round"] = ~a
    found = [Violation("bandwidth budget (10b)", None, float(up.sum() + down.sum() - 1.0))]
    total_hz = instance.server.total_frequency_hz
    if total_hz is not None and round == "inference":
        part = float(edge_frequency_hz.sum()) / total_hz
        found.append(Violation("edge frequency budget (footnote 2)", None, part - 1.0))
    for constraint, column in per_user.items():
        amounts = np.asarray(column, dtype=np.float64)
        worst = int(np.argmax(amounts))
        found.append(Violation(constraint, data.names[worst], float(amounts[worst])))
    violated = [violation for violation in found if violation.amount > 0]
    return tuple(sorted(violated, key=lambda violation: -violation.amount))
