"""Instances as numbers of ordinary size, for whoever learns from them.

A feature is the decimal logarithm of a quantity over what it is in the letter's setting: 0 there, 1
where it is ten times as much. Beyond six powers of ten, and for a quantity of 0, it is at an end of
that range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.problem import Problem

SYSTEM: Final[Mapping[str, float]] = {
    "bandwidth_mhz": 20.0,
    "model_mbit": 16.0,
    "gigacycles_per_mbit": 0.05,
    "server_frequency_ghz": 4.0,
}
"""Quantities of which there is one, as :class:`~eipyomo.scaled.Scaled` has them, and in the letter.

They are in the letter's setting what stands beside them."""

OF_A_USER: Final[Mapping[str, float]] = {
    "uplink_snr": 200.0,
    "downlink_snr": 2000.0,
    "task_mbit": 64.0,
    "transmit_power_w": 0.2,
    "receive_power_w": 1e-3,
    "max_frequency_ghz": 1.0,
    "energy_coefficient": 0.05,
    "energy_weight": 0.9,
    "latency_weight": 0.1,
    "previous_download_s": 1.0,
    "local_training_s": 1.0,
    "local_training_j": 0.04,
}
"""Quantities of each user, the signal-to-noise ratios over the whole band among them.

These and the system's are all that (10) depends on. The letter's values are rounded."""

END: Final = 6.0
"""Features lie between -END and END."""


class Features(NamedTuple):
    """What (10) depends on.

    Attributes
    ----------
    system
        Shape (4,), in the order of ``SYSTEM``.
    users
        Shape (users, 12), in the order of ``OF_A_USER``.
    """

    system: NDArray[np.float64]
    users: NDArray[np.float64]


def features(instance: Instance) -> Features:
    """Return the features of an instance.

    Raises
    ------
    InputError
        If it has what no feature tells of: limits, modes, a total frequency of the server.
    """
    more = sorted(feature.value for feature in Problem.of(instance).features)
    if more:
        raise InputError(
            f"the instance has {' and '.join(more)}, of which its features would not tell: leave "
            "that out"
        )
    data = instance.scaled
    system = np.array([_scaled(getattr(data, key), usual) for key, usual in SYSTEM.items()])
    users = [_scaled(getattr(data, key), usual) for key, usual in OF_A_USER.items()]
    return Features(system, np.stack(users, axis=1))


def _scaled(quantity: Any, usual: float) -> Any:
    """Return features of a quantity, by what it usually is."""
    with np.errstate(divide="ignore"):
        return np.clip(np.log10(np.divide(quantity, usual)), -END, END)
