"""Modes: a user's finite list of ways to take part in a round and to get its task done.

A mode says what a user sends for the training, what it must have first, and which work is done
here and there: a cut of a network between two layers, an early exit, a quantised update, or no part
in the training at all. A user with modes chooses one of its list, and has neither the decision a_j
nor a continuous ι_j.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictStr

from eipyomo.columns import Columns
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.files import require_unique
from eipyomo.users import Users
from eipyomo.validation import Finite, Flag, NonNegative, Record
from eipyomo.words import clipped, short

FloatColumn = NDArray[np.floating[Any]]


class Mode(Record):
    """One mode k of a user.

    What it leaves out is as for the letter's user, see :func:`eipyomo.scaled.mode_columns`.
    """

    name: Annotated[StrictStr, Field(min_length=1, description="a non-empty text, unique")]
    update_bits: Annotated[
        NonNegative | None,
        Field(
            description="a finite number >= 0 (update D_k for the training in bit, 0 for a user "
            "that sits the round out), or left out"
        ),
    ] = None
    training_s: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (local training time in s), or left out"),
    ] = None
    training_j: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (local training energy in J), or left out"),
    ] = None
    offload_bits: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (data o_k of the task sent in bit), or left out"),
    ] = None
    download_bits: Annotated[
        NonNegative | None,
        Field(
            description="a finite number >= 0 (what m_k must be downloaded first in bit, 0 for "
            "nothing), or left out"
        ),
    ] = None
    local_cycles: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (work c_k of the user in cycles), or left out"),
    ] = None
    edge_cycles: Annotated[
        NonNegative | None,
        Field(description="a finite number >= 0 (work e_k of the server in cycles), or left out"),
    ] = None
    penalty: Annotated[
        Finite | None,
        Field(description="a finite number (cost v_k added to WSEL), or left out"),
    ] = None
    in_sequence: Annotated[
        Flag | None,
        Field(
            description="true where what is sent of the task is what the user has computed, so "
            "that the server waits for it, or false, or left out"
        ),
    ] = None


@dataclass(frozen=True, eq=False)
class ModeColumns(Columns):
    """The modes of all users in scaled units, one row a mode; arrays have shape (rows,).

    Attributes
    ----------
    first
        Rows of user j are first[j] up to first[j + 1]; none for a user without modes; (users + 1,).
    names
        Names of the modes.
    update_mbit, offload_mbit, download_mbit
        D_k, o_k and m_k in Mbit.
    training_s, training_j
        Of local training, in s and J.
    local_gigacycles, edge_gigacycles
        c_k and e_k in Gcycle.
    penalty
        v_k, in units of WSEL.
    in_sequence
        Whether the user computes, then sends, and the server computes last; only where each of the
        two has something to do.
    """

    first: NDArray[np.intp]
    names: tuple[str, ...]
    update_mbit: FloatColumn
    training_s: FloatColumn
    training_j: FloatColumn
    offload_mbit: FloatColumn
    download_mbit: FloatColumn
    local_gigacycles: FloatColumn
    edge_gigacycles: FloatColumn
    penalty: FloatColumn
    in_sequence: NDArray[np.bool_]

    @property
    def has_modes(self) -> NDArray[np.bool_]:
        """Which users have modes, (users,)."""
        return np.diff(self.first) > 0

    @property
    def computes(self) -> NDArray[np.bool_]:
        """Which modes have a local branch, (rows,)."""
        return (self.download_mbit > 0.0) | (self.local_gigacycles > 0.0)

    @property
    def owner(self) -> NDArray[np.intp]:
        """Whose each mode is, (rows,)."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def of(self, user: int) -> slice:
        """Return the rows of a user."""
        return slice(int(self.first[user]), int(self.first[user + 1]))

    def mean(self, key: str, otherwise: FloatColumn | float) -> FloatColumn:
        """Return the mean of a column over each user's modes; for others, what it is otherwise."""
        counts = np.diff(self.first)
        total = np.zeros(len(counts))
        np.add.at(total, self.owner, getattr(self, key).astype(np.float64))
        return np.where(counts > 0, total / np.maximum(counts, 1), otherwise)

    def best(
        self, better: np.ufunc, values: FloatColumn, otherwise: FloatColumn | float
    ) -> FloatColumn:
        """Return the least or the largest of what each user's modes have; for others, another.

        Parameters
        ----------
        better
            ``numpy.minimum`` or ``numpy.maximum``.
        values
            One for each mode, along the last axis.
        otherwise
            That of users without modes.
        """
        has, start = self.has_modes, self.first[:-1]
        found = np.array(np.broadcast_to(otherwise, (*values.shape[:-1], len(has))), np.float64)
        found[..., has] = better.reduceat(values, start[has], axis=-1)
        return found

    def least_positive(self, amounts: FloatColumn, otherwise: float) -> FloatColumn:
        """Return the least amount > 0 of each user's modes; where there is none, another."""
        least = self.best(np.minimum, np.where(amounts > 0.0, amounts, np.inf), np.inf)
        return np.where(np.isfinite(least), least, otherwise)

    def mostly(self, *, at_edge: bool) -> NDArray[np.intp]:
        """Return a mode of each user with much work at the edge or with little, from 0.

        It is one that trains, if there is such.
        """
        sign = -1.0 if at_edge else 1.0
        key = (sign * self.edge_gigacycles, self.update_mbit == 0.0, self.owner)
        return self.first_of(np.lexsort(key))

    def first_of(self, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return each user's first mode of an order of all rows, user by user; counted from 0."""
        has, start = self.has_modes, self.first[:-1]
        best = np.zeros(len(has), np.intp)
        best[has] = order[start[has]] - start[has]
        return best

    def without_tasks(self, model_mbit: float) -> ModeColumns:
        """Return the modes of a training round: no task, and everybody downloads the model."""
        none = np.zeros(len(self.names))
        return replace(
            self,
            offload_mbit=none,
            local_gigacycles=none,
            edge_gigacycles=none,
            download_mbit=none + model_mbit,
            in_sequence=none > 0.0,
        )

    def only(self, left: NDArray[np.bool_]) -> ModeColumns:
        """Return some of the modes; `left` has shape (rows,)."""
        columns = {
            field.name: getattr(self, field.name)[left]
            for field in fields(self)
            if field.name not in ("first", "names")
        }
        before = np.concatenate([[0], np.cumsum(left)])
        names = tuple(itertools.compress(self.names, left))
        return replace(self, first=before[self.first].astype(np.intp), names=names, **columns)

    def rows(self, chosen: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows of modes that are counted from 0 within each user; 0 for who has none."""
        return np.where(self.has_modes, self.first[:-1] + chosen, 0)


def require_known_modes(lists: Mapping[str, Sequence[Mode]], users: Users[EndUser]) -> None:
    """Refuse lists without modes, modes of one name, and users whose list is not there.

    Raises
    ------
    InputError
        If there is one.
    """
    for name, modes in lists.items():
        if not modes:
            raise InputError(f"modes[{short(name)}] is empty, but must be a list of modes")
        require_unique([mode.name for mode in modes], f"modes[{short(name)}] has the mode")
    for j, modes in enumerate(users.texts("modes")):
        if modes is not None and modes not in lists:
            known = clipped(", ".join(lists)) or "none"
            raise InputError(
                f"users[{j}].modes (user {short(users[j].name)}) is {short(modes)}, but the "
                f"lists in modes are: {known}"
            )


# --- Lists of modes -------------------------------------------------------------------------------


def split(
    layers: Sequence[tuple[str, float, float]],
    input_bits: float,
    weight_bits: Sequence[float] | None = None,
) -> tuple[Mode, ...]:
    """Return the modes of a network that is cut between layers.

    Parameters
    ----------
    layers
        Name, work in cycles and size of the output in bit of each layer, in order; the last
        output is the answer, which is sent nowhere.
    input_bits
        Size of the network's input.
    weight_bits
        Size of the weights of each layer; then a user downloads those of its own layers alone.

    Returns
    -------
    tuple of Mode
        The whole network at the edge, which gets the input; a cut behind each layer, whose output
        is sent once it is computed; the whole network at the user. With any layer of its own a user
        needs the model.

    Raises
    ------
    InputError
        If there is no layer, a number is not allowed, or layers and weights are not as many.
    """
    if not layers:
        raise InputError("layers is empty, but must be a list of (name, cycles, output_bits)")
    if weight_bits is not None and len(weight_bits) != len(layers):
        raise InputError(
            f"weight_bits has {len(weight_bits)} numbers, but must have {len(layers)}, as layers"
        )
    work = list(itertools.accumulate((cycles for _, cycles, _ in layers), initial=0.0))
    weights = list(itertools.accumulate(weight_bits or (), initial=0.0))
    names = ["all at the edge", *(f"cut behind {name}" for name, _, _ in layers[:-1]), "all local"]
    sent = [input_bits, *(output for _, _, output in layers[:-1]), None]
    return tuple(
        Mode(
            name=name,
            offload_bits=sent[k],
            local_cycles=work[k],
            edge_cycles=max(work[-1] - work[k], 0.0),
            in_sequence=True if 0 < k < len(layers) else None,
            download_bits=None if weight_bits is None else weights[k],
        )
        for k, name in enumerate(names)
    )


def exits(layers: Sequence[tuple[str, float, float]]) -> tuple[Mode, ...]:
    """Return the modes of a network that may stop early at the user.

    Parameters
    ----------
    layers
        Name, work in cycles up to there, and penalty of each exit.
    """
    return tuple(
        Mode(name=f"exit {name}", local_cycles=cycles, edge_cycles=0.0, penalty=penalty)
        for name, cycles, penalty in layers
    )


def quantised(
    model_bits: float, bits: Sequence[int] = (32, 8, 4), penalties: Sequence[float] = ()
) -> tuple[Mode, ...]:
    """Return the modes of updates with fewer bits a parameter than the model's 32.

    Parameters
    ----------
    model_bits
        Size of the update with 32 bits a parameter.
    bits
        Bits a parameter.
    penalties
        Of each, for what is lost; 0 if left out.
    """
    lost = penalties or [0.0] * len(bits)
    if len(lost) != len(bits):
        raise InputError(f"penalties has {len(lost)} numbers, but must have {len(bits)}, as bits")
    return tuple(
        Mode(name=f"{b}-bit update", update_bits=model_bits * b / 32.0, penalty=v)
        for b, v in zip(bits, lost, strict=True)
    )


def combined(first: Sequence[Mode], second: Sequence[Mode]) -> tuple[Mode, ...]:
    """Return every mode of one list with every one of another; penalties are added up.

    Raises
    ------
    InputError
        If both lists say the same of a mode.
    """
    return tuple(_both(one, other) for one in first for other in second)


def _both(one: Mode, other: Mode) -> Mode:
    said = {key: value for key, value in other.data().items() if value is not None}
    del said["name"]
    penalties = [mode.penalty for mode in (one, other) if mode.penalty is not None]
    for key in said.keys() - {"penalty"}:
        if getattr(one, key) is not None:
            raise InputError(
                f"{key} is said by the mode {short(one.name)} and by {short(other.name)}, but must "
                "be said by one of them"
            )
    total = sum(penalties) if penalties else None
    return one.replace(**{**said, "name": f"{one.name}, {other.name}", "penalty": total})


def with_skip(modes: Sequence[Mode], penalty: float) -> tuple[Mode, ...]:
    """Return modes, and each of them once more for a user that sits the training out.

    It neither trains nor uploads an update, nobody waits for it, and its own task waits for the
    model as before.

    Parameters
    ----------
    modes
        Modes that take part.
    penalty
        What it costs not to take part, in units of WSEL.
    """
    return (
        *modes,
        *(
            mode.replace(
                name=f"{mode.name}, sits out",
                update_bits=0.0,
                training_s=0.0,
                training_j=0.0,
                penalty=(mode.penalty or 0.0) + penalty,
            )
            for mode in modes
        ),
    )
