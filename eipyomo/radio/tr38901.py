"""Path losses of 3GPP TR 38.901: urban macro and micro cells, and offices, from 0.5 to 100 GHz.

Losses are those of its Table 7.4.1-1, probabilities of a line of sight those of Table 7.4.2-1,
shadowing has the deviations of the former and the correlation distances of Table 7.5-6. Users are
outdoors, or in the office that the server is in: nothing here goes through a wall.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field

from eipyomo.radio.path_loss import Carrier, FloatColumn, Limit, PathLoss, Paths
from eipyomo.validation import Positive

LIGHT_M_PER_S = 3e8  # Table 7.4.1-1, note 1

Sight = Annotated[
    Literal["drawn", "los", "nlos"],
    Field(description="'drawn' (by its probability), 'los' or 'nlos' (for all users)"),
]


ServerHeight = Annotated[Positive, Field(description="height of the server's antenna in m")]
UserHeight = Annotated[
    Positive, Field(description="height in m of antennas of users that tell none")
]


class Case(NamedTuple):
    """What shadowing is like for users with a line of sight, or without."""

    sigma_db: float
    correlation_m: float


class Standard(PathLoss):
    """What the scenarios of TR 38.901 have in common."""

    has_sight: ClassVar[bool] = True
    los: ClassVar[Case]
    nlos: ClassVar[Case]
    standard_height_m: ClassVar[float]
    """Height of the server's antenna that the formulas were found for."""

    carrier_hz: Carrier = 3.5e9
    sight: Sight = "drawn"
    server_height_m: ServerHeight
    user_height_m: UserHeight

    def loss_db(self, paths: Paths) -> FloatColumn:
        """Return the path loss in dB: without a line of sight never less than with one."""
        los_db = self._los_db(paths)
        nlos_db = np.maximum(los_db, self._nlos_db(paths))
        return np.where(paths.line_of_sight, los_db, nlos_db)

    def heights(self, height_m: FloatColumn) -> FloatColumn:
        """Return the height of every user's antenna."""
        return np.where(np.isnan(height_m), self.user_height_m, height_m)

    def limits(self, ground_m: FloatColumn, height_m: FloatColumn) -> list[Limit]:
        """Return where the model holds (Table 7.4.1-1)."""
        server = np.array([self.server_height_m])
        height = self.standard_height_m
        return [
            Limit("distance", ground_m, 10.0, 5e3, "m"),
            Limit("height", self.heights(height_m), 1.5, 22.5, "m"),
            Limit("server_height_m", server, height, height, "m", of_users=False),
            self._carrier(),
        ]

    def _carrier(self) -> Limit:
        carrier_hz = np.array([self.carrier_hz])
        return Limit("carrier_hz", carrier_hz, 0.5e9, 100e9, "Hz", of_users=False)

    @property
    def _carrier_db(self) -> float:
        return math.log10(self.carrier_hz / 1e9)

    def _distance_m(self, paths: Paths) -> FloatColumn:
        """Return the distance between the antennas, d_3D."""
        return np.hypot(paths.ground_m, self.server_height_m - self.heights(paths.height_m))

    def _breakpoint_m(self, paths: Paths, environment_m: FloatColumn | float) -> FloatColumn:
        """Return the distance d'_BP from which the loss grows faster (note 1)."""
        server_m = self.server_height_m - environment_m
        user_m = self.heights(paths.height_m) - environment_m
        return np.asarray(4.0 * server_m * user_m * self.carrier_hz / LIGHT_M_PER_S)

    def _los_db(self, paths: Paths) -> FloatColumn:
        raise NotImplementedError

    def _nlos_db(self, paths: Paths) -> FloatColumn:
        raise NotImplementedError

    def _two_slopes_db(
        self, paths: Paths, start: float, near: float, far: float, breakpoint_m: FloatColumn
    ) -> FloatColumn:
        """Return a loss that grows by 40 dB a decade beyond the breakpoint distance."""
        distance_m, here = self._distance_m(paths), start + 20.0 * self._carrier_db
        apart_m = self.server_height_m - self.heights(paths.height_m)
        near_db = here + near * np.log10(distance_m)
        far_db = here + 40.0 * np.log10(distance_m)
        far_db -= far * np.log10(breakpoint_m**2 + apart_m**2)
        return np.where(paths.ground_m <= breakpoint_m, near_db, far_db)


class UrbanMacro(Standard):
    """UMa: a server above the roofs."""

    los: ClassVar[Case] = Case(4.0, 37.0)
    nlos: ClassVar[Case] = Case(6.0, 50.0)
    standard_height_m: ClassVar[float] = 25.0

    model: Annotated[Literal["uma"], Field(description="'uma'")] = "uma"
    server_height_m: ServerHeight = 25.0
    user_height_m: UserHeight = 1.5

    def los_probability(self, ground_m: FloatColumn, height_m: FloatColumn) -> FloatColumn:
        """Return Pr_LOS, which grows with the height above 13 m."""
        far_m = np.maximum(ground_m, 18.0)
        low = 18.0 / far_m + np.exp(-far_m / 63.0) * (1.0 - 18.0 / far_m)
        high = _above_13_m(self.heights(height_m)) * _bump(far_m)
        return np.where(ground_m <= 18.0, 1.0, low * (1.0 + high))

    def _los_db(self, paths: Paths) -> FloatColumn:
        breakpoint_m = self._breakpoint_m(paths, self._environment_m(paths))
        return self._two_slopes_db(paths, 28.0, 22.0, 9.0, breakpoint_m)

    def _nlos_db(self, paths: Paths) -> FloatColumn:
        above_m = self.heights(paths.height_m) - 1.5
        slope = 39.08 * np.log10(self._distance_m(paths))
        return np.asarray(13.54 + slope + 20.0 * self._carrier_db - 0.6 * above_m)

    def _environment_m(self, paths: Paths) -> FloatColumn:
        """Return the effective height h_E of what is around: 1 m, or by chance 12, 15, ... m."""
        height_m = self.heights(paths.height_m)
        bump = np.where(paths.ground_m <= 18.0, 0.0, _bump(paths.ground_m))
        low = paths.chance[:, 0] < 1.0 / (1.0 + _above_13_m(height_m) * bump)
        steps = np.maximum(np.floor((height_m - 1.5 - 12.0) / 3.0), 0.0) + 1.0
        return np.where(low, 1.0, 12.0 + 3.0 * np.floor(paths.chance[:, 1] * steps))


class StreetCanyon(Standard):
    """UMi: a server below the roofs of a street."""

    los: ClassVar[Case] = Case(4.0, 10.0)
    nlos: ClassVar[Case] = Case(7.82, 13.0)
    standard_height_m: ClassVar[float] = 10.0

    model: Annotated[Literal["umi"], Field(description="'umi'")] = "umi"
    server_height_m: ServerHeight = 10.0
    user_height_m: UserHeight = 1.5

    def los_probability(self, ground_m: FloatColumn, height_m: FloatColumn) -> FloatColumn:
        """Return Pr_LOS."""
        del height_m
        far_m = np.maximum(ground_m, 18.0)
        return np.asarray(18.0 / far_m + np.exp(-far_m / 36.0) * (1.0 - 18.0 / far_m))

    def _los_db(self, paths: Paths) -> FloatColumn:
        return self._two_slopes_db(paths, 32.4, 21.0, 9.5, self._breakpoint_m(paths, 1.0))

    def _nlos_db(self, paths: Paths) -> FloatColumn:
        above_m = self.heights(paths.height_m) - 1.5
        slope = 35.3 * np.log10(self._distance_m(paths))
        return np.asarray(22.4 + slope + 21.3 * self._carrier_db - 0.3 * above_m)


class Office(Standard):
    """InH: a server below the ceiling of an office, open or with rooms (mixed)."""

    los: ClassVar[Case] = Case(3.0, 10.0)
    nlos: ClassVar[Case] = Case(8.03, 6.0)
    standard_height_m: ClassVar[float] = 3.0

    model: Annotated[Literal["inh"], Field(description="'inh'")] = "inh"
    office: Annotated[Literal["mixed", "open"], Field(description="'mixed' or 'open'")] = "mixed"
    server_height_m: ServerHeight = 3.0
    user_height_m: UserHeight = 1.0

    def los_probability(self, ground_m: FloatColumn, height_m: FloatColumn) -> FloatColumn:
        """Return Pr_LOS, which falls in two steps."""
        del height_m
        first, second, near, far, jump = OFFICES[self.office]
        close = np.exp(-(ground_m - first) / near)
        distant = jump * np.exp(-(ground_m - second) / far)
        # The last piece begins at 6.5 m in mixed offices, and just behind 49 m in open ones.
        is_close = ground_m < second if self.office == "mixed" else ground_m <= second
        return np.where(ground_m <= first, 1.0, np.where(is_close, close, distant))

    def limits(self, ground_m: FloatColumn, height_m: FloatColumn) -> list[Limit]:
        """Return where the model holds, by the distance between the antennas."""
        distance_m = np.hypot(ground_m, self.server_height_m - self.heights(height_m))
        return [Limit("distance between antennas", distance_m, 1.0, 150.0, "m"), self._carrier()]

    def _los_db(self, paths: Paths) -> FloatColumn:
        slope = 17.3 * np.log10(self._distance_m(paths))
        return np.asarray(32.4 + slope + 20.0 * self._carrier_db)

    def _nlos_db(self, paths: Paths) -> FloatColumn:
        slope = 38.3 * np.log10(self._distance_m(paths))
        return np.asarray(17.3 + slope + 24.9 * self._carrier_db)


OFFICES = {"mixed": (1.2, 6.5, 4.7, 32.6, 0.32), "open": (5.0, 49.0, 70.8, 211.7, 0.54)}
"""Where the pieces of Pr_LOS begin in m, how fast they fall in m, and where the second starts."""


def _above_13_m(height_m: FloatColumn) -> FloatColumn:
    """Return C'(h_UT), which is 0 up to 13 m."""
    return np.asarray((np.maximum(height_m - 13.0, 0.0) / 10.0) ** 1.5)


def _bump(ground_m: FloatColumn) -> FloatColumn:
    """Return 5/4 (d/100 m)^3 exp(-d/150 m)."""
    return np.asarray(1.25 * (ground_m / 100.0) ** 3 * np.exp(-ground_m / 150.0))
