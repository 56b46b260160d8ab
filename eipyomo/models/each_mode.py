"""Every mode of every user as a user of its own: what it costs, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from eipyomo import physics, timing
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.timing import Needs, Plan, Times


class EachMode(NamedTuple):
    """The modes of all users, as if each were a user of its own that has decided for it."""

    data: Scaled
    need: Needs
    edge_frequency_ghz: float

    @classmethod
    def of(cls, data: Scaled) -> Self:
        """Return those of users that have modes."""
        modes = data.modes
        assert modes is not None
        columns = {key: getattr(modes, key) for key in Needs._fields}
        rows = replace(data.repeated(modes.owner), total_frequency_ghz=None)
        return cls(rows, Needs(**columns), data.equal_frequency_ghz)

    def plan(self, share: float, sync_s: float, frequency_ghz: FloatColumn) -> Plan:
        """Return the same plan for everybody, with one share for each link."""
        ones = np.ones(len(self.data))
        edge_ghz, none = self.edge_frequency_ghz, np.zeros(len(self.data))
        return Plan(sync_s, none, none, frequency_ghz, share * ones, share * ones, edge_ghz * ones)

    def times(self, share: float, sync_s: float, frequency_ghz: FloatColumn) -> Times:
        """Return the times of that plan."""
        return timing.times(self.data, self.plan(share, sync_s, frequency_ghz), self.need)

    def uploaded_s(self, share: float) -> FloatColumn:
        """Return when updates are at the server."""
        return timing.uploaded_s(self.data, share, self.need)

    def cost(self, share: float, sync_s: float, frequency_ghz: FloatColumn) -> FloatColumn:
        """Return w^e E + w^t T + v of the same plan for everybody."""
        plan = self.plan(share, sync_s, frequency_ghz)
        times = timing.times(self.data, plan, self.need)
        energy_j = self.energy_j(times) + timing.local_inference_j(self.data, plan, self.need)
        return self._weighted(energy_j, times.latency_s)

    def least_cost(self, *, waits: bool = True) -> FloatColumn:
        """Return what it costs at the very least: over the whole band, and with no energy for CPUs.

        Without waiting, its latency is left out.
        """
        fast = self._replace(edge_frequency_ghz=self.data.server_frequency_ghz)
        times = fast.times(1.0, 0.0, self.data.max_frequency_ghz)
        return self._weighted(self.energy_j(times), times.latency_s * waits)

    def energy_j(self, times: Times) -> FloatColumn:
        """Return the energy of training and transmissions."""
        up, down = self.data.transmit_power_w, self.data.receive_power_w
        sent_j = physics.transmission_energy_j(up, times.upload_s + times.offload_s)
        received_j = physics.transmission_energy_j(down, times.download_s)
        energy_j: FloatColumn = self.need.training_j + sent_j + received_j
        return energy_j

    def _weighted(self, energy_j: FloatColumn, latency_s: FloatColumn) -> FloatColumn:
        data = self.data
        paid = data.energy_weight * energy_j + data.latency_weight * latency_s
        cost: FloatColumn = paid + self.need.penalty
        return cost


def of_modes(
    data: Scaled,
    better: np.ufunc,
    value: Callable[[EachMode], FloatColumn],
    otherwise: FloatColumn | float = 0.0,
) -> FloatColumn:
    """Return the least or the largest value of each user's modes; for others, what it is otherwise.

    Parameters
    ----------
    data
        The instance.
    better
        ``numpy.minimum`` or ``numpy.maximum``.
    value
        Gives a value to each mode.
    otherwise
        That of users without modes.
    """
    if data.modes is None:
        return np.broadcast_to(np.asarray(otherwise, float), len(data))
    return data.modes.best(better, value(EachMode.of(data)), otherwise)
