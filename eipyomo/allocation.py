"""An answer to problem (10): its decisions (a, ι, f, b, b̄, τ̂), from which all else follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictStr

from eipyomo.columns import Columns, decision_column, number_column, rows_of
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, write_document
from eipyomo.scaled import HZ_PER_GHZ, FloatColumn, Scaled
from eipyomo.summary import Summarised, Summary, counted, number
from eipyomo.timing import Plan
from eipyomo.users import Users
from eipyomo.validation import Decision, Finite, Record, real_number
from eipyomo.words import clipped, short, shown

if TYPE_CHECKING:
    import pandas as pd


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
    mode: Annotated[
        StrictStr | None, Field(description="a text (name of the mode), or left out")
    ] = None


class _Decisions(Record):
    sync_s: Annotated[Finite, Field(description="sync time in s")]
    users: Annotated[Users[_UserDecisions], Field(description="a list of decisions")]

    def edge_frequency_hz(self) -> FloatColumn | None:
        """Return f_{s,j} of all users, or None where no user has one."""
        if not self.users.has("edge_frequency_hz"):
            return None
        given = self.users.numbers("edge_frequency_hz")
        if np.isnan(given).any():
            raise InputError(
                f"users[{int(np.argmax(np.isnan(given)))}].edge_frequency_hz is missing, but all "
                "users must have one or none"
            )
        return given


@dataclass(frozen=True, eq=False, repr=False)
class Allocation(Summarised, Columns):
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
    mode
        Names of the modes that users with modes take, None of the others; None if nobody has modes.
        `download` and `offload_fraction` follow from them, see :func:`eipyomo.timing.in_modes`.

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
    mode: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        """Check names and columns, each as strictly as in a document, and keep copies of them."""
        if not isinstance(self.names, list | tuple) or not all(
            isinstance(name, str) for name in self.names
        ):
            raise InputError(f"names is {short(self.names)}, but must be a list of texts")
        object.__setattr__(self, "names", tuple(map(str, self.names)))
        sync_s = real_number("sync_s", self.sync_s)
        if not math.isfinite(sync_s):
            raise InputError(f"sync_s is {short(sync_s)}, but must be a finite number (s)")
        object.__setattr__(self, "sync_s", sync_s)
        self._check_modes()
        for name in _COLUMNS:
            given = getattr(self, name)
            read = decision_column if name == "download" else number_column
            if given is not None or name != "edge_frequency_hz":
                object.__setattr__(self, name, read(name, given, len(self.names)))

    def _check_modes(self) -> None:
        """Keep the names of modes as a tuple; None if there is none."""
        if self.mode is None:
            return
        mode = tuple(self.mode) if isinstance(self.mode, list | tuple) else self.mode
        if not (
            isinstance(mode, tuple)
            and len(mode) == len(self.names)
            and all(name is None or isinstance(name, str) for name in mode)
        ):
            raise InputError(
                f"mode is {short(self.mode)}, but must be a list of {len(self.names)} names of "
                "modes, None for users without modes"
            )
        none = all(name is None for name in mode)
        object.__setattr__(self, "mode", None if none else mode)

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
            names=users.texts("name"),
            sync_s=decisions.sync_s,
            download=np.array(users.texts("download")),
            offload_fraction=users.numbers("offload_fraction"),
            frequency_hz=users.numbers("frequency_hz"),
            uplink_share=users.numbers("uplink_share"),
            downlink_share=users.numbers("downlink_share"),
            edge_frequency_hz=decisions.edge_frequency_hz(),
            mode=users.texts("mode"),
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
        """Write an allocation file, by its suffix, replacing an existing one atomically."""
        write_document(path, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the ``allocation`` part of a result document."""
        users = rows_of({"name": self.names, **self._columns()})
        told = [{key: v for key, v in user.items() if v is not None} for user in users]
        return {"sync_s": self.sync_s, "users": told}

    def _summary(self) -> Summary:
        users = len(self.names)
        facts = (
            number("sync time", self.sync_s, "s"),
            f"{int(np.sum(self.download))} of {counted(users, 'user')} download",
            number("offloaded on the average", float(np.mean(self.offload_fraction))),
        )
        return Summary(counted(users, "user"), facts, self.to_dict()["users"], users)

    def frame(self) -> pd.DataFrame:
        """Return the decisions as a table, one row per user."""
        import pandas as pd

        columns = self._columns()
        if self.mode is not None:
            columns["mode"] = pd.Series(self.mode, dtype=object)  # texts would make None a NaN
        return pd.DataFrame({"name": list(self.names), **columns})

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
            raise InputError(f"users has the name {short(twice)} twice, but names must be unique")
        for name in names:
            if name not in place:
                raise InputError(f"the allocation has no user {short(name)}, but the instance has")
        for name in self.names:
            if name not in set(names):
                raise InputError(
                    f"the allocation has a user {short(name)}, but the instance has not"
                )
        order = np.array([place[name] for name in names])
        columns: dict[str, Any] = {
            name: tuple([column[j] for j in order]) if name == "mode" else column[order]
            for name, column in self._columns().items()
        }
        return type(self)(names=tuple(names), sync_s=self.sync_s, **columns)

    def divided(self, quantities: Sequence[str], by: float) -> Self:
        """Return the allocation with some quantities of a plan divided by a number.

        What the allocation does not decide stays undecided.
        """
        keys = [key for key in map(_field_of, quantities) if getattr(self, key) is not None]
        return replace(self, **{key: getattr(self, key) / by for key in keys})

    @classmethod
    def of_plan(
        cls, names: Sequence[str], plan: Plan, *, serves: bool, data: Scaled | None = None
    ) -> Self:
        """Return the allocation that a plan of decided users is.

        Parameters
        ----------
        names
            Names of the users, in the plan's order.
        plan
            Decisions in scaled units.
        serves
            Whether the frequencies f_{s,j} are decisions.
        data
            Where the names of modes are, if users have some.
        """
        modes = None if data is None else data.modes
        mode = None
        if modes is not None and plan.mode is not None:
            rows = modes.rows(plan.mode).tolist()
            mode = [
                modes.names[row] if has else None
                for row, has in zip(rows, modes.has_modes, strict=True)
            ]
        return cls(
            names=tuple(names),
            sync_s=plan.sync_s,
            download=plan.download,
            offload_fraction=plan.offload_fraction,
            frequency_hz=plan.frequency_ghz * HZ_PER_GHZ,
            uplink_share=plan.uplink_share,
            downlink_share=plan.downlink_share,
            edge_frequency_hz=plan.edge_frequency_ghz * HZ_PER_GHZ if serves else None,
            mode=None if mode is None else tuple(mode),
        )

    def plan(self, data: Scaled) -> Plan:
        """Return the decisions in scaled units, for users in the order of `data`.

        Where the allocation does not decide f_{s,j}, every task in part at the edge has f_s.
        """
        if self.edge_frequency_hz is not None:
            edge_frequency_ghz = self.edge_frequency_hz / HZ_PER_GHZ
        else:
            served = self.offload_fraction * data.task_mbit != 0
            edge_frequency_ghz = np.where(served, data.server_frequency_ghz, 0.0)
        mode = self._mode_places(data)
        if self.edge_frequency_hz is None and mode is not None and data.modes is not None:
            served = data.modes.edge_gigacycles[data.modes.rows(mode)] > 0.0
            at_edge = np.where(served, data.server_frequency_ghz, 0.0)
            edge_frequency_ghz = np.where(data.modes.has_modes, at_edge, edge_frequency_ghz)
        return Plan(
            sync_s=self.sync_s,
            download=self.download,
            offload_fraction=self.offload_fraction,
            frequency_ghz=self.frequency_hz / HZ_PER_GHZ,
            uplink_share=self.uplink_share,
            downlink_share=self.downlink_share,
            edge_frequency_ghz=edge_frequency_ghz,
            mode=mode,
        )

    def _mode_places(self, data: Scaled) -> NDArray[np.intp] | None:
        """Return which of its modes each user takes, from 0.

        Raises
        ------
        InputError
            If a user with modes has none here or one that it has not, or one without has one.
        """
        modes = data.modes
        if modes is None and self.mode is None:
            return None
        chosen = self.mode or (None,) * len(self.names)
        places = np.zeros(len(chosen), np.intp)
        for j, name in enumerate(chosen):
            known = () if modes is None else modes.names[modes.of(j)]
            if name is None and not known:
                continue
            if name not in known:
                takes = f"one of: {clipped(', '.join(known))}" if known else "left out"
                raise InputError(
                    f"users[{j}].mode (user {short(self.names[j])}) is "
                    f"{'missing' if name is None else short(name)}, but must be {takes}"
                )
            places[j] = known.index(name)
        return places


_COLUMNS = tuple(field.name for field in fields(Allocation)[2:-1])
"""Names of the arrays."""


def _field_of(quantity: str) -> str:
    """Return the field of an allocation that holds a quantity of a plan, in SI units."""
    return quantity.replace("_ghz", "_hz")
