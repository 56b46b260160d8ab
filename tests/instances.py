"""Instances to test with: altered ones, and random ones over the ranges that are published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

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


def limited(instance: ei.Instance, part: float = 0.3) -> ei.Instance:
    """Return the instance with a total frequency of the edge that is a part of M f_s."""
    total_hz = part * len(instance.users) * instance.server.frequency_hz
    server = instance.server.model_copy(update={"total_frequency_hz": total_hz})
    return altered(instance, server=server)


KINDS: Mapping[str, Callable[[ei.Instance], ei.Instance]] = {
    "plain": lambda instance: instance,
    "limited": limited,
}
"""What an instance may have that not all have, made of one that has it not: each harness takes all
kinds."""

Limit = Callable[[ei.Instance, ei.Allocation, float], ei.Instance]


def _each_user(key: str, term: str) -> Limit:
    """Return a limit of every user that is a part of what an allocation has of a term."""

    def limit(instance: ei.Instance, allocation: ei.Allocation, part: float) -> ei.Instance:
        terms = ei.evaluate(instance, allocation).breakdown
        column = getattr(terms if hasattr(terms, term) else allocation, term)
        most = 1.0 / part if key.startswith("min_") else part
        largest = 1.0 if key.startswith(("min_", "max_")) else np.inf
        limits = {
            name: {key: min(most * float(value), largest)}
            for name, value in zip(allocation.names, column, strict=True)
            if value > 0.0
        }
        return instance.replace(users=limits)

    return limit


def _total(key: str, term: str) -> Limit:
    """Return a total that is a part of what an allocation has of a term."""

    def limit(instance: ei.Instance, allocation: ei.Allocation, part: float) -> ei.Instance:
        column = getattr(ei.evaluate(instance, allocation).breakdown, term)
        return instance.replace(**{key: part * float(column.sum())})

    return limit


LIMITS: Mapping[str, Limit] = {
    "deadline_s": _each_user("deadline_s", "latency_s"),
    "energy_budget_j": _each_user("energy_budget_j", "energy_j"),
    **{
        key: _each_user(key, key.split("_", 1)[1])
        for key in (
            "min_uplink_share",
            "max_uplink_share",
            "min_downlink_share",
            "max_downlink_share",
            "min_offload_fraction",
            "max_offload_fraction",
        )
    },
    "total_energy_budget_j": _total("total_energy_budget_j", "energy_j"),
    "total_latency_budget_s": _total("total_latency_budget_s", "latency_s"),
}
"""Limits of which an allocation takes 1/part: a part above 1 leaves room, one below 1 is missed."""


PUBLISHED = {
    "bandwidth_hz": (1e6, 8e7),
    "cycles_per_bit": (20.0, 3000.0),
    "server_power_w": (0.5, 20.0),
    "server_frequency_hz": (2e9, 5e10),
    "gain": (1e-13, 1e-9),
    "fading": (0.03, 3.0),
    "task_bits": (1e5, 1.2e9),
    "transmit_power_w": (0.05, 0.5),
    "receive_power_w": (1e-4, 0.3),
    "noise": (0.5, 5.0),
    "max_frequency_hz": (3e8, 4e9),
    "energy_coefficient": (1e-29, 1e-26),
    "energy_weight": (0.05, 2.0),
    "latency_weight": (0.03, 2.0),
    "previous_download_s": (0.01, 5.0),
    "local_training_s": (0.1, 10.0),
    "local_training_j": (0.01, 2.0),
}
"""Ranges of published work; `fading` is relative to the gain of all, `noise` to -174 dBm/Hz."""

FARTHER = PUBLISHED | {
    "server_power_w": (2.0, 2.0),
    "server_frequency_hz": (1e9, 1e11),
    "gain": (1e-11, 1e-11),
    "fading": (1e-4, 1e4),
    "transmit_power_w": (0.01, 1.0),
    "max_frequency_hz": (1e7, 1e11),
    "energy_weight": (0.01, 99.0),
    "latency_weight": (1.0, 1.0),
    "previous_download_s": (1e-12, 5.0),
    "local_training_s": (1e-12, 10.0),
}
"""Farther away: users whose gains differ by eight orders, fast and slow CPUs, weights 1:100."""


def hostile(
    seed: int,
    users: int | None = None,
    ranges: Mapping[str, tuple[float, float]] = PUBLISHED,
    degenerate: float = 0.1,
) -> ei.Instance:
    """Return a random instance of 1-7 users; some have no task, or care for no energy.

    Parameters
    ----------
    seed
        Of all that is drawn.
    users
        How many, if not any number.
    ranges
        From where, uniformly in logarithms.
    degenerate
        The probability of 0 where a user may have it.
    """
    draw = np.random.default_rng(seed)

    def of(low: float, high: float) -> float:
        return float(np.exp(draw.uniform(np.log(low), np.log(high))))

    def some(name: str) -> float:
        return of(*ranges[name])

    def unless_rare(value: float) -> float:
        return value if draw.random() > degenerate else 0.0

    count = users or int(draw.integers(1, 8))
    gain = some("gain")
    return ei.Instance(
        name=f"hostile {seed}",
        bandwidth_hz=some("bandwidth_hz"),
        model_bits=of(2e6, float(draw.choice([1e7, 1e8, 4.4e9]))),
        cycles_per_bit=some("cycles_per_bit"),
        server=ei.EdgeServer(
            transmit_power_w=some("server_power_w"),
            frequency_hz=some("server_frequency_hz"),
            noise_density_w_per_hz=NOISE_W_PER_HZ,
        ),
        users=tuple(
            ei.EndUser(
                name=f"eu{j + 1}",
                channel_gain=gain * some("fading"),
                task_bits=unless_rare(some("task_bits")),
                transmit_power_w=some("transmit_power_w"),
                receive_power_w=unless_rare(some("receive_power_w")),
                noise_density_w_per_hz=NOISE_W_PER_HZ * some("noise"),
                max_frequency_hz=some("max_frequency_hz"),
                energy_coefficient=unless_rare(some("energy_coefficient")),
                energy_weight=unless_rare(some("energy_weight")),
                latency_weight=some("latency_weight"),
                previous_download_s=some("previous_download_s"),
                local_training_s=some("local_training_s"),
                local_training_j=some("local_training_j"),
            )
            for j in range(count)
        ),
    )


def farther(max_users: int = 5) -> st.SearchStrategy[ei.Instance]:
    """Draw hostile instances from the wider ranges; a third of what may be 0 is."""
    seeds, users = st.integers(0, 10**6), st.integers(1, max_users)
    return st.builds(hostile, seeds, users, st.just(FARTHER), st.just(1 / 3))


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
