"""Instances to test with: altered ones, and random ones over the ranges that are published."""

from __future__ import annotations

from typing import Any

import numpy as np

import eipyomo as ei

NOISE_W_PER_HZ = 3.981071705534985e-21  # -174 dBm/Hz


def altered(instance: ei.Instance, **changes: Any) -> ei.Instance:
    """Return an instance with other values for some keys."""
    data = {key: getattr(instance, key) for key in type(instance).model_fields}
    return ei.Instance(**{**data, **changes})


def altered_user(user: ei.EndUser, **changes: Any) -> ei.EndUser:
    """Return a user with other values for some keys."""
    data = {key: getattr(user, key) for key in type(user).model_fields}
    return ei.EndUser(**{**data, **changes})


def hostile(seed: int, users: int | None = None) -> ei.Instance:
    """Return a random instance of 1-7 users; some have no task, or care for no energy."""
    draw = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        return float(np.exp(draw.uniform(np.log(low), np.log(high))))

    def unless_rare(value: float) -> float:
        return value if draw.random() > 0.1 else 0.0

    count = users or int(draw.integers(1, 8))
    gain = between(1e-13, 1e-9)
    return ei.Instance(
        name=f"hostile {seed}",
        bandwidth_hz=between(1e6, 8e7),
        model_bits=between(2e6, float(draw.choice([1e7, 1e8, 4.4e9]))),
        cycles_per_bit=between(20.0, 3000.0),
        server=ei.EdgeServer(
            transmit_power_w=between(0.5, 20.0),
            frequency_hz=between(2e9, 5e10),
            noise_density_w_per_hz=NOISE_W_PER_HZ,
        ),
        users=tuple(
            ei.EndUser(
                name=f"eu{j + 1}",
                channel_gain=gain * between(0.03, 3.0),
                task_bits=unless_rare(between(1e5, 1.2e9)),
                transmit_power_w=between(0.05, 0.5),
                receive_power_w=unless_rare(between(1e-4, 0.3)),
                noise_density_w_per_hz=NOISE_W_PER_HZ * between(0.5, 5.0),
                max_frequency_hz=between(3e8, 4e9),
                energy_coefficient=unless_rare(between(1e-29, 1e-26)),
                energy_weight=unless_rare(between(0.05, 2.0)),
                latency_weight=between(0.03, 2.0),
                previous_download_s=between(0.01, 5.0),
                local_training_s=between(0.1, 10.0),
                local_training_j=between(0.01, 2.0),
            )
            for j in range(count)
        ),
    )


RANGES = {
    "energy_weight": (1e-9, 1e9),
    "latency_weight": (1e-9, 1e9),
    "bandwidth_hz": (1.0, 1e12),
    "model_bits": (1.0, 1e12),
    "task_bits": (1.0, 1e12),
}
WIDER = {
    "cycles_per_bit": (1e-3, 1e6),
    "channel_gain": (1e-17, 1e-5),
    "max_frequency_hz": (1e6, 1e12),
    "energy_coefficient": (1e-34, 1e-20),
    "transmit_power_w": (1e-6, 1e3),
    "previous_download_s": (1e-9, 1e6),
}
"""Every third instance moves some of these too."""


def moved(seed: int) -> ei.Instance:
    """Return 1-3 of the letter's users, and one to all of what ``RANGES`` names far away from it.

    Raises
    ------
    InputError
        If the package refuses it.
    """
    draw = np.random.default_rng(seed)
    letter = ei.Instance.letter(users=3)
    users = letter.users[: int(draw.integers(1, 4))]
    values = {
        name: float(np.exp(draw.uniform(*np.log(ranges[name]))))
        for ranges in ((RANGES, WIDER) if seed % 3 == 2 else (RANGES,))
        for name in draw.permutation(list(ranges))[: int(draw.integers(1, len(ranges) + 1))]
    }
    own = {key: values.pop(key) for key in list(values) if key in ei.EndUser.model_fields}
    changed = tuple(altered_user(user, **own) for user in users)
    return altered(letter, users=changed, name=f"moved {seed}", **values)
