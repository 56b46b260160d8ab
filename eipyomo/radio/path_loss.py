"""How much of the power that is sent arrives, by distance: path losses without a standard's cases.

Every model is a record, so that a document says which one made a gain. Distances are on the ground,
from the foot of the server's antenna to the user, unless a model says otherwise.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from eipyomo.channel import PATH_LOSS_EXPONENT, mean_gain
from eipyomo.errors import InputError
from eipyomo.validation import Finite, Positive, Record
from eipyomo.words import short

FloatColumn = NDArray[np.float64]
FlagColumn = NDArray[np.bool_]

LIGHT_M_PER_S: Final = 299_792_458.0

Carrier = Annotated[Positive, Field(description="carrier frequency f_c in Hz")]


class Paths(NamedTuple):
    """The ways between the server and its users, as arrays of shape (users,).

    Attributes
    ----------
    ground_m
        Distance on the ground.
    height_m
        Height of a user's antenna; NaN for the model's own.
    line_of_sight
        Whether the user sees the server; models without this case do not look at it.
    chance
        Numbers evenly drawn from 0 to 1, (users, 2), for what a model leaves to chance.
    """

    ground_m: FloatColumn
    height_m: FloatColumn
    line_of_sight: FlagColumn
    chance: FloatColumn


class Limit(NamedTuple):
    """Where a model holds: what is limited, its numbers (one, or each user's), ends, and unit."""

    what: str
    told: FloatColumn
    low: float
    high: float
    unit: str
    of_users: bool = True

    def __str__(self) -> str:
        """Return the ends in words."""
        if self.low == self.high:
            return f"for {self.low:g} {self.unit}"
        if math.isinf(self.high):
            return f"from {self.low:g} {self.unit} on"
        return f"from {self.low:g} to {self.high:g} {self.unit}"

    def outside(self) -> FlagColumn:
        """Tell which values lie beyond the ends."""
        return (self.told < self.low) | (self.told > self.high)


class PathLoss(Record):
    """A model of the path loss; see the classes that are made of this one."""

    has_sight: ClassVar[bool] = False
    """Whether the loss depends on a line of sight."""

    def loss_db(self, paths: Paths) -> FloatColumn:
        """Return the path loss in dB, (users,)."""
        raise NotImplementedError

    def mean_gains(self, paths: Paths) -> FloatColumn:
        """Return the channel power gains that the path loss leaves, (users,)."""
        return np.asarray(10.0 ** (-self.loss_db(paths) / 10.0))

    def los_probability(self, ground_m: FloatColumn, height_m: FloatColumn) -> FloatColumn:
        """Return how likely a line of sight is, (users,)."""
        del height_m
        return np.ones_like(ground_m)

    def limits(self, ground_m: FloatColumn, height_m: FloatColumn) -> list[Limit]:
        """Return where the model holds."""
        del height_m
        return [Limit("distance", ground_m, 1.0, math.inf, "m")]


class Exponent(PathLoss):
    r"""The letter's (section IV): :math:`\bar h = G_A (c / (4 \pi f_c d))^\sigma`, c = 3e8 m/s."""

    model: Annotated[Literal["exponent"], Field(description="'exponent'")] = "exponent"
    exponent: Annotated[Positive, Field(description="path-loss exponent sigma")] = (
        PATH_LOSS_EXPONENT
    )
    antenna_gain: Annotated[Positive, Field(description="antenna gain G_A, a plain factor")] = 4.11
    carrier_hz: Carrier = 2.4e9

    def loss_db(self, paths: Paths) -> FloatColumn:
        """Return the path loss with G_A in it, in dB."""
        return np.asarray(-10.0 * np.log10(self.mean_gains(paths)))

    def mean_gains(self, paths: Paths) -> FloatColumn:
        """Return the letter's mean gains, by the letter's own function."""
        rest = self.antenna_gain, self.carrier_hz
        return np.array([mean_gain(self.exponent, one, *rest) for one in paths.ground_m.tolist()])


class FreeSpace(PathLoss):
    r"""Free space: :math:`20 \log_{10}(4 \pi d f_c / c)` dB (Recommendation ITU-R P.525, (4))."""

    model: Annotated[Literal["free_space"], Field(description="'free_space'")] = "free_space"
    carrier_hz: Carrier = 3.5e9

    def loss_db(self, paths: Paths) -> FloatColumn:
        """Return the path loss in dB."""
        return free_space_db(paths.ground_m, self.carrier_hz)


class LogDistance(PathLoss):
    r"""Log-distance: :math:`PL(d_0) + 10 n \log_{10}(d / d_0)` dB (Rappaport, 2nd ed., (4.69a)).

    Without `reference_db` the loss at the reference distance is that of free space, which makes it
    the close-in model.
    """

    model: Annotated[Literal["log_distance"], Field(description="'log_distance'")] = "log_distance"
    exponent: Annotated[Positive, Field(description="path-loss exponent n")]
    reference_m: Annotated[Positive, Field(description="reference distance d_0 in m")] = 1.0
    reference_db: Annotated[
        Finite | None,
        Field(description="a finite number (loss at the reference distance in dB), or left out"),
    ] = None
    carrier_hz: Carrier = 3.5e9

    def loss_db(self, paths: Paths) -> FloatColumn:
        """Return the path loss in dB."""
        start = self.reference_db
        if start is None:
            start = float(free_space_db(self.reference_m, self.carrier_hz))
        decades = np.log10(paths.ground_m / self.reference_m)
        return np.asarray(start + 10.0 * self.exponent * decades)

    def limits(self, ground_m: FloatColumn, height_m: FloatColumn) -> list[Limit]:
        """Return where the model holds: beyond its reference."""
        del height_m
        return [Limit("distance", ground_m, self.reference_m, math.inf, "m")]


class Macro(PathLoss):
    """The macro cell of LTE studies: 128.1 + 37.6 log10(d / km) dB at 2 GHz.

    From 3GPP TR 36.942, 4.5.2, for an antenna 15 m above the roofs; users stay 35 m away or more,
    as in 3GPP TR 36.814, A.2.1.
    """

    model: Annotated[Literal["macro"], Field(description="'macro'")] = "macro"

    def loss_db(self, paths: Paths) -> FloatColumn:
        """Return the path loss in dB."""
        return np.asarray(128.1 + 37.6 * np.log10(paths.ground_m / 1e3))

    def limits(self, ground_m: FloatColumn, height_m: FloatColumn) -> list[Limit]:
        """Return where the model holds."""
        del height_m
        return [Limit("distance", ground_m, 35.0, math.inf, "m")]


def free_space_db(distance_m: float | FloatColumn, carrier_hz: float) -> FloatColumn:
    """Return the path loss of free space in dB."""
    return np.asarray(20.0 * np.log10(4.0 * math.pi * distance_m * carrier_hz / LIGHT_M_PER_S))


def require_apart(names: tuple[str, ...], ground_m: FloatColumn) -> None:
    """Refuse users that stand where the server does."""
    here = np.flatnonzero(ground_m <= 0.0)
    if here.size:
        raise InputError(
            f"user {short(names[here[0]])} is 0 m from the server, but must be further away"
        )
