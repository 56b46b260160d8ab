"""What a learned policy sees of an instance: numbers without units, a row for each user.

A network that decides user by user works for any number of users, if each row also says how its
user stands among all of them, and what they are like in the mean (the mean-field features).
"""

from __future__ import annotations

import numpy as np

from eipyomo import physics, timing
from eipyomo.models.bounds import unconstrained_frequency_ghz
from eipyomo.scaled import FloatColumn, Scaled

LEAST = 1e-4
"""So much of what is usual counts as none."""
OWN = 9
"""Quantities of a user: seven times and energies of its two choices, its start, and its weight."""
FEATURES = 3 * OWN + 2
"""These, their means and deviations over all users, the gain's rank, and the number of users."""


def features(data: Scaled) -> FloatColumn:
    """Return the features of all users, of shape (users, features).

    Times are those at equal shares 1/(2M), relative to the mean upload; energies are the times that
    cost as much; all of them as logarithms.
    """
    share, work = 0.5 / len(data), data.gigacycles_per_mbit * data.task_mbit
    up = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.uplink_snr)
    down = timing.seconds_per_mbit(share, data.bandwidth_mhz, data.downlink_snr)
    fastest_ghz, worth = unconstrained_frequency_ghz(data), data.energy_weight / data.latency_weight
    own_j = physics.local_inference_energy_j(fastest_ghz, work, data.energy_coefficient)
    seconds = np.stack(
        [
            data.model_mbit * up,
            data.task_mbit * up,
            data.model_mbit * down,
            data.upload_start_s,
            work / data.equal_frequency_ghz,
            work / fastest_ghz,
            worth * own_j,
            worth * data.transmit_power_w * (data.model_mbit + data.task_mbit) * up,
        ],
        axis=1,
    )
    usual_s = np.mean(data.model_mbit * up)
    weight = data.latency_weight / np.mean(data.latency_weight)
    own = np.log(np.column_stack([seconds / usual_s, weight]) + LEAST)
    rank = np.argsort(np.argsort(data.channel_gain, kind="stable"), kind="stable") + 0.5
    everybody = np.concatenate([own.mean(axis=0), own.std(axis=0), [np.log(len(data))]])
    return np.column_stack([own, rank / len(data), np.tile(everybody, (len(data), 1))])
