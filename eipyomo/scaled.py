"""The one place where units change: SI objects per user to scaled columns over users.

A channel gain of 1e-11, a noise density of 4e-21 or a task of 64e6 bit must never meet a solver.
Here they become signal-to-noise ratios, Mbit, MHz, Gcycle and GHz, all of ordinary size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import compress
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from eipyomo.columns import Columns, number_column
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.errors import InputError
from eipyomo.modes import Mode, ModeColumns
from eipyomo.users import Users
from eipyomo.validation import positive_number
from eipyomo.words import short

Stage = Literal["inference", "training"]
"""The N-th round, with tasks, or one of the rounds before it, without (section II-B)."""

STAGES: tuple[Stage, ...] = get_args(Stage)

FloatColumn = NDArray[np.floating[Any]]

LimitColumn = FloatColumn
"""Of limits: numbers that may be infinite."""

NO_LIMIT = {
    "deadline_s": np.inf,
    "energy_budget_j": np.inf,
    "uplink_share_min": 0.0,
    "uplink_share_max": 1.0,
    "downlink_share_min": 0.0,
    "downlink_share_max": 1.0,
}
"""Columns of limits, each with what it holds for a user that has no such limit."""

HZ_PER_MHZ = 1e6
HZ_PER_GHZ = 1e9
BITS_PER_MBIT = 1e6
CYCLES_PER_GIGACYCLE = 1e9
# cycle/bit -> Gcycle/Mbit, and J s^2/cycle^3 -> J/(GHz^2 Gcycle)
GIGACYCLES_PER_MBIT = BITS_PER_MBIT / CYCLES_PER_GIGACYCLE
ENERGY_COEFFICIENT_SCALE = HZ_PER_GHZ**2 * CYCLES_PER_GIGACYCLE

MODES_FIELDS = ("modes", "min_participants", "total_penalty_budget")
"""What the instance has checked: no quantities of the letter's model, which must be positive."""


@dataclass(frozen=True, eq=False)
class Scaled(Columns):
    """An instance in scaled units; arrays have shape (users,).

    No field follows from another, so that none can be stale after :func:`dataclasses.replace`.

    Attributes
    ----------
    names
        Names of the end users.
    bandwidth_mhz, model_mbit, gigacycles_per_mbit, server_frequency_ghz
        B, D_m, C and f_s.
    total_frequency_ghz
        F, the budget of the frequencies f_{s,j}; None where every task is served at f_s, as in a
        training round, which has none.
    server_transmit_power_w, server_noise_density_w_per_hz
        P_s and δ_s².
    channel_gain, noise_density_w_per_hz
        h_j and δ_j²; models see the signal-to-noise ratios alone.
    task_mbit
        L_j; zero in a training round.
    transmit_power_w, receive_power_w
        p_j and p_j^md.
    max_frequency_ghz
        f_max.
    energy_coefficient
        κ_c in J/(GHz² Gcycle).
    energy_weight, latency_weight
        w_j^e in 1/J and w_j^t in 1/s.
    previous_download_s, local_training_s, local_training_j
        τ_{j,N-1}^md, τ_j^lt and e_j^lt.
    deadline_s, energy_budget_j
        Largest T_j in s and E_j in J; infinite where there is none.
    uplink_share_min, uplink_share_max, downlink_share_min, downlink_share_max
        Bounds on b_j, and on b̄_j of a user that downloads; 0 and 1 where there is none.
    total_energy_budget_j, total_latency_budget_s
        Largest Σ E_j in J and Σ T_j in s; None where there is none.
    modes
        The modes of users that have some; None if nobody has.
    min_participants, total_penalty_budget
        Least number of users that train, and largest Σ v_k; None where there is none.
    uplink_snr, downlink_snr
        The signal-to-noise ratios over the whole band that follow, p_j h_j / (B δ_s²) in the uplink
        and P_s h_j / (B δ_j²) in the downlink.
    """

    names: tuple[str, ...]
    bandwidth_mhz: float
    model_mbit: float
    gigacycles_per_mbit: float
    server_frequency_ghz: float
    total_frequency_ghz: float | None
    server_transmit_power_w: float
    server_noise_density_w_per_hz: float
    channel_gain: FloatColumn
    noise_density_w_per_hz: FloatColumn
    task_mbit: FloatColumn
    transmit_power_w: FloatColumn
    receive_power_w: FloatColumn
    max_frequency_ghz: FloatColumn
    energy_coefficient: FloatColumn
    energy_weight: FloatColumn
    latency_weight: FloatColumn
    previous_download_s: FloatColumn
    local_training_s: FloatColumn
    local_training_j: FloatColumn
    deadline_s: LimitColumn
    energy_budget_j: LimitColumn
    uplink_share_min: FloatColumn
    uplink_share_max: FloatColumn
    downlink_share_min: FloatColumn
    downlink_share_max: FloatColumn
    total_energy_budget_j: float | None = None
    total_latency_budget_s: float | None = None
    modes: ModeColumns | None = None
    min_participants: int | None = None
    total_penalty_budget: float | None = None
    uplink_snr: FloatColumn = field(init=False)
    downlink_snr: FloatColumn = field(init=False)

    def __post_init__(self) -> None:
        """Check the columns, together; one by one where they are not what is usual."""
        values, kinds = vars(self), _names_by_kind()
        for name in kinds["numbers"]:
            if values[name] is not None or not name.startswith("total_"):
                positive_number(name, values[name])
        columns = [values[name] for name in (*kinds["FloatColumn"], *kinds["LimitColumn"])]
        if not (_are_plain(columns, len(self)) and _are_right(columns, len(kinds["FloatColumn"]))):
            self._check_one_by_one()
        super().__post_init__()
        self._set_ratios()

    def _check_one_by_one(self) -> None:
        """Refuse the first column that does not hold what it must."""
        for name in _names_by_kind()["FloatColumn"]:
            if (number_column(name, getattr(self, name), len(self)) < 0).any():
                value = getattr(self, name)
                raise InputError(f"{name} is {short(value)}, but must hold numbers >= 0")
        for name in _names_by_kind()["LimitColumn"]:
            value = getattr(self, name)
            if not (np.asarray(value) > 0).all():
                raise InputError(f"{name} is {short(value)}, but must hold numbers > 0")

    def _set_ratios(self) -> None:
        """Set the signal-to-noise ratios, and check that double precision can hold them."""
        up = self.transmit_power_w, self.server_noise_density_w_per_hz
        down = self.server_transmit_power_w, self.noise_density_w_per_hz
        for name, ratio in (("uplink_snr", self._snr(*up)), ("downlink_snr", self._snr(*down))):
            object.__setattr__(self, name, ratio)
            bad = ~((ratio > SNR_RANGE[0]) & (ratio < SNR_RANGE[1]))
            if bad.any():
                j = int(np.argmax(bad))
                raise InputError(
                    f"users[{j}].channel_gain (user {self.names[j]!r}) is "
                    f"{self.channel_gain[j]:g}, which gives a signal-to-noise ratio of "
                    f"{ratio[j]:g} over the band, but the ratio must lie between "
                    f"{SNR_RANGE[0]:g} and {SNR_RANGE[1]:g}"
                )

    def __len__(self) -> int:
        """Return the number M of end users."""
        return len(self.names)

    @property
    def has_modes(self) -> NDArray[np.bool_]:
        """Which users have modes, which take the place of a_j and ι_j."""
        if self.modes is None:
            return np.zeros(len(self), np.bool_)
        return self.modes.has_modes

    def _snr(self, power_w: float | FloatColumn, noise: float | FloatColumn) -> FloatColumn:
        with np.errstate(all="ignore"):
            ratio: FloatColumn = (
                power_w / noise * self.channel_gain / (self.bandwidth_mhz * HZ_PER_MHZ)
            )
        ratio.flags.writeable = False
        return ratio

    @property
    def upload_start_s(self) -> FloatColumn:
        """A_j, the moment at which user j can start its upload, (6)."""
        return self.previous_download_s + self.local_training_s

    @property
    def limits(self) -> frozenset[str]:
        """Which of ``NO_LIMIT`` some user has."""
        columns = np.array([getattr(self, key) for key in NO_LIMIT])
        none = np.array([*NO_LIMIT.values()])[:, np.newaxis]
        return frozenset(compress(NO_LIMIT, (columns != none).any(axis=1).tolist()))

    def limited(self, *columns: str) -> bool:
        """Tell whether any user has one of the limits that are named as in ``NO_LIMIT``."""
        return not self.limits.isdisjoint(columns)

    @property
    def equal_frequency_ghz(self) -> float:
        """The frequency at which the server can serve all tasks alike, min(f_s, F/M)."""
        if self.total_frequency_ghz is None:
            return self.server_frequency_ghz
        return min(self.server_frequency_ghz, self.total_frequency_ghz / len(self))

    def repeated(self, users: NDArray[np.intp]) -> Scaled:
        """Return the columns of some users, each as often as it is named, without their modes."""
        columns = {
            one.name: getattr(self, one.name)[users]
            for one in fields(self)
            if one.init and one.type in ("FloatColumn", "LimitColumn")
        }
        names = tuple(self.names[j] for j in users)
        return replace(self, names=names, modes=None, **columns)

    def for_stage(self, stage: Stage) -> Scaled:
        """Return the columns of a stage: a training round has no tasks (section II-B)."""
        if stage not in STAGES:
            raise InputError(f"round is {stage!r}, but must be one of: {', '.join(STAGES)}")
        if stage == "inference":
            return self
        modes = None if self.modes is None else self.modes.without_tasks(self.model_mbit)
        none = np.zeros(len(self))
        return replace(self, task_mbit=none, total_frequency_ghz=None, modes=modes)


@cache
def _names_by_kind() -> dict[str, list[str]]:
    """Return the names of what an instance is made of: two kinds of columns, and single numbers."""
    given = [one for one in fields(Scaled)[1:] if one.init and one.name not in MODES_FIELDS]
    kinds: dict[str, list[str]] = {"FloatColumn": [], "LimitColumn": [], "numbers": []}
    for one in given:
        kinds[str(one.type) if one.type in kinds else "numbers"].append(one.name)
    return kinds


def _are_plain(columns: list[Any], users: int) -> bool:
    """Tell whether all columns are arrays of double precision with a number for each user."""
    return all(
        type(one) is np.ndarray and one.dtype == np.float64 and one.shape == (users,)
        for one in columns
    )


def _are_right(columns: list[FloatColumn], finite: int) -> bool:
    """Tell whether the first columns are >= 0 and finite, and the others, limits, are > 0."""
    stacked = np.array(columns)
    numbers, limits = stacked[:finite], stacked[finite:]
    return bool((numbers >= 0.0).all() and (numbers < np.inf).all() and (limits > 0.0).all())


def scale(
    bandwidth_hz: float,
    model_bits: float,
    cycles_per_bit: float,
    server: EdgeServer,
    users: Users[EndUser],
    total_energy_budget_j: float | None = None,
    total_latency_budget_s: float | None = None,
    modes: Mapping[str, Sequence[Mode]] | None = None,
    min_participants: int | None = None,
    total_penalty_budget: float | None = None,
) -> Scaled:
    """Convert an instance from SI units.

    Raises
    ------
    InputError
        If a signal-to-noise ratio or an energy coefficient is so extreme that double precision
        cannot hold it.
    """
    column = users.numbers

    def limit(column: str) -> LimitColumn:
        what, _, end = column.rpartition("_")
        key = f"{end}_{what}" if end in ("min", "max") else column
        if not users.has(key):
            return np.full(len(users), NO_LIMIT[column])
        given = users.numbers(key)
        return np.where(np.isnan(given), NO_LIMIT[column], given)

    with np.errstate(over="ignore"):
        coefficient = column("energy_coefficient") * ENERGY_COEFFICIENT_SCALE
    if not np.isfinite(coefficient).all():
        j = int(np.argmin(np.isfinite(coefficient)))
        user = users[j]
        raise InputError(
            f"users[{j}].energy_coefficient (user {user.name!r}) is {user.energy_coefficient:g}, "
            "but must be below 1e280 to be a number in J/(GHz^2 Gcycle) as well"
        )
    return Scaled(
        names=users.texts("name"),
        bandwidth_mhz=bandwidth_hz / HZ_PER_MHZ,
        model_mbit=model_bits / BITS_PER_MBIT,
        gigacycles_per_mbit=cycles_per_bit * GIGACYCLES_PER_MBIT,
        server_frequency_ghz=server.frequency_hz / HZ_PER_GHZ,
        total_frequency_ghz=None
        if server.total_frequency_hz is None
        else server.total_frequency_hz / HZ_PER_GHZ,
        server_transmit_power_w=server.transmit_power_w,
        server_noise_density_w_per_hz=server.noise_density_w_per_hz,
        channel_gain=column("channel_gain"),
        noise_density_w_per_hz=column("noise_density_w_per_hz"),
        task_mbit=column("task_bits") / BITS_PER_MBIT,
        transmit_power_w=column("transmit_power_w"),
        receive_power_w=column("receive_power_w"),
        max_frequency_ghz=column("max_frequency_hz") / HZ_PER_GHZ,
        energy_coefficient=coefficient,
        energy_weight=column("energy_weight"),
        latency_weight=column("latency_weight"),
        previous_download_s=column("previous_download_s"),
        local_training_s=column("local_training_s"),
        local_training_j=column("local_training_j"),
        deadline_s=limit("deadline_s"),
        energy_budget_j=limit("energy_budget_j"),
        uplink_share_min=limit("uplink_share_min"),
        uplink_share_max=limit("uplink_share_max"),
        downlink_share_min=limit("downlink_share_min"),
        downlink_share_max=limit("downlink_share_max"),
        total_energy_budget_j=total_energy_budget_j,
        total_latency_budget_s=total_latency_budget_s,
        modes=mode_columns(users, modes or {}, model_bits, cycles_per_bit),
        min_participants=min_participants,
        total_penalty_budget=total_penalty_budget,
    )


def mode_columns(
    users: Users[EndUser],
    lists: Mapping[str, Sequence[Mode]],
    model_bits: float,
    cycles_per_bit: float,
) -> ModeColumns | None:
    """Return the modes of users in scaled units; None if nobody has modes.

    What a mode leaves out is as for the letter's user: the update is the model, training is the
    user's, nothing of the task is sent, the server computes what is sent and the user the rest,
    and who computes anything downloads the model.
    """
    if not users.has("modes"):
        return None
    chosen = [() if modes is None else lists[modes] for modes in users.texts("modes")]
    rows = [
        _mode_row(user, mode, model_bits, cycles_per_bit)
        for user, modes in zip(users, chosen, strict=True)
        for mode in modes
    ]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    first = np.concatenate([[0], np.cumsum([len(modes) for modes in chosen])])
    names = tuple(mode.name for modes in chosen for mode in modes)
    return ModeColumns(first=first.astype(np.intp), names=names, **columns)


def _mode_row(
    user: EndUser, mode: Mode, model_bits: float, cycles_per_bit: float
) -> dict[str, float | bool]:
    """Return one mode of a user in scaled units, with what it leaves out."""

    def said(key: str, otherwise: float) -> float:
        given = getattr(mode, key)
        return float(otherwise if given is None else given)

    offload_bits = said("offload_bits", 0.0)
    edge_cycles = said("edge_cycles", cycles_per_bit * offload_bits)
    whole = cycles_per_bit * user.task_bits
    local_cycles = said("local_cycles", max(whole - edge_cycles, 0.0))
    download_bits = said("download_bits", model_bits if local_cycles > 0.0 else 0.0)
    here, there = local_cycles + download_bits > 0.0, offload_bits + edge_cycles > 0.0
    return {
        "update_mbit": said("update_bits", model_bits) / BITS_PER_MBIT,
        "training_s": said("training_s", user.local_training_s),
        "training_j": said("training_j", user.local_training_j),
        "offload_mbit": offload_bits / BITS_PER_MBIT,
        "download_mbit": download_bits / BITS_PER_MBIT,
        "local_gigacycles": local_cycles / CYCLES_PER_GIGACYCLE,
        "edge_gigacycles": edge_cycles / CYCLES_PER_GIGACYCLE,
        "penalty": said("penalty", 0.0),
        "in_sequence": bool(mode.in_sequence) and here and there,
    }


SNR_RANGE = (1e-9, 1e15)
