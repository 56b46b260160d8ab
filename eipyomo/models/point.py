"""Where the variables of a model are: at an allocation, or at a start between decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import ClassVar, Self

import numpy as np

from eipyomo import physics, timing
from eipyomo.models.symbols import VARIABLES
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.timing import Plan, Times

SEEN = 0.98
"""The part of its share that the efficiency of a start counts on, so that b > g/(e^u - 1)."""


class _Values(dict[str, list[float]]):
    """Values of variables at a point, each computed when it is first asked for."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._point = point

    def __missing__(self, key: str) -> list[float]:
        value = VARIABLES[key].value
        if value is None:
            raise KeyError(key)
        column = attrgetter(value)(self._point)
        self[key] = np.broadcast_to(column, len(self._point.data)).tolist()
        return self[key]


@dataclass(frozen=True, eq=False)
class Point:
    """A point of problem (10), from which the value of every variable follows.

    Attributes
    ----------
    data
        The instance, scaled for its stage.
    plan
        Its decisions.
    times
        Its times, as the plan makes them, or longer ones.
    local_inference_j
        Its e^c in J; (users,).
    inside
        Whether it is strictly inside of all domains, with nothing decided.
    """

    data: Scaled
    plan: Plan
    times: Times
    local_inference_j: FloatColumn
    inside: bool = False

    @classmethod
    def of_plan(cls, data: Scaled, plan: Plan) -> Self:
        """Return the point whose times and energies are those that a plan makes them."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            need = timing.needs(data, plan)
            energy_j = timing.local_inference_j(data, plan, need)
            return cls(data, plan, timing.times(data, plan, need), energy_j)

    @cached_property
    def values(self) -> Mapping[str, list[float]]:
        """The values of variables, by their names in ``symbols.VARIABLES``, for each user."""
        return _Values(self)

    one: ClassVar[float] = 1.0

    @property
    def receiving_share(self) -> FloatColumn:
        """The downlink share that the rate sees: the whole band without download."""
        return np.where(self.plan.download > 0, self.plan.downlink_share, 1.0)

    @property
    def download_s(self) -> FloatColumn:
        """The download time as the model has it: over the whole band without download.

        In a mode it is that of what is downloaded.
        """
        data = self.data
        whole_band_s = data.model_mbit * physics.seconds_per_mbit(
            1.0, data.bandwidth_mhz, data.downlink_snr
        )
        downloads = (self.plan.download > 0) | data.has_modes
        return np.where(downloads, self.times.download_s, whole_band_s)

    @property
    def sending_share(self) -> FloatColumn:
        """The uplink share that the rate sees: the whole band in a mode that sends nothing."""
        sends = timing.needs(self.data, self.plan).sends
        return np.where(sends, self.plan.uplink_share, 1.0)

    @property
    def uplink_pace(self) -> FloatColumn:
        """Time to send one Mbit over the share that the rate sees, in s."""
        return self._pace(self.sending_share, self.data.uplink_snr)

    @property
    def downlink_pace(self) -> FloatColumn:
        """Time to receive one Mbit over the share that the rate sees, in s."""
        return self._pace(self.receiving_share, self.data.downlink_snr)

    def _pace(self, share: FloatColumn, snr: FloatColumn) -> FloatColumn:
        pace = timing.seconds_per_mbit(share, self.data.bandwidth_mhz, snr)
        return pace / SEEN if self.inside else pace

    @property
    def uplink_nats(self) -> FloatColumn:
        """ln(1 + g/b) over the share that the rate sees."""
        return self._nats(self.sending_share, self.data.uplink_snr)

    @property
    def downlink_nats(self) -> FloatColumn:
        """ln(1 + ḡ/b̄) over the share that the rate sees."""
        return self._nats(self.receiving_share, self.data.downlink_snr)

    def _nats(self, share: FloatColumn, snr: FloatColumn) -> FloatColumn:
        with np.errstate(divide="ignore", invalid="ignore"):  # a share of 0 has no efficiency
            nats: FloatColumn = physics.nats_at(SEEN * share if self.inside else share, snr)
        return nats

    @property
    def paced_part(self) -> FloatColumn:
        """(1-ι) f/f_max."""
        plan = self.plan
        return (1.0 - plan.offload_fraction) * plan.frequency_ghz / self.data.max_frequency_ghz
