"""Policies to judge: good ones, and such as do wrong in every way."""

from __future__ import annotations

import ctypes
import os
import random
import sys
import time
from typing import Any

import numpy as np
from numpy.random import mtrand

import eipyomo as ei

Decisions = tuple[Any, Any]


def at_edge(instance: ei.Instance) -> Decisions:
    """Leave all to the edge."""
    users = len(instance.users)
    return [False] * users, [1.0] * users


def best_half(instance: ei.Instance) -> Decisions:
    """Let users with good channels download, and compute half of their tasks."""
    gains = instance.users.numbers("channel_gain")
    download = gains >= np.median(gains)
    return download, np.where(download, 0.5, 1.0)


def equal(instance: ei.Instance) -> ei.Allocation:
    """Give everybody the same share, at full speed, all local."""
    users = instance.users
    share = np.full(len(users), 0.5 / len(users))
    given: dict[str, Any] = {
        "names": users.texts("name"),
        "download": [True] * len(users),
        "offload_fraction": np.zeros(len(users)),
        "frequency_hz": users.numbers("max_frequency_hz"),
        "uplink_share": share,
        "downlink_share": share,
    }
    probe = ei.evaluate(instance, ei.Allocation(sync_s=0.0, **given)).breakdown
    last_s = (probe.previous_download_s + probe.local_training_s + probe.upload_s).max()
    return ei.Allocation(sync_s=float(last_s), **given)


def backwards(instance: ei.Instance) -> ei.Allocation:
    """Answer as `equal`, with the users in another order."""
    answer = equal(instance)
    return answer.for_users(answer.names[::-1])


def at_random(instance: ei.Instance) -> Decisions:
    """Draw from the global generators."""
    count = len(instance.users)
    download = [random.random() < 0.5 for _ in range(count)]
    return download, np.where(download, mtrand.rand(count), 1.0)


def raises(instance: ei.Instance) -> Decisions:
    """Raise an exception."""
    raise ValueError(f"no idea about {len(instance.users)} users")


def exits(instance: ei.Instance) -> Decisions:
    """Leave by sys.exit()."""
    sys.exit(f"done with {instance.name}")


def vanishes(instance: ei.Instance) -> Decisions:
    """End the process at once."""
    os._exit(len(instance.users))


def crashes(instance: ei.Instance) -> Decisions:
    """Read where nothing is."""
    ctypes.string_at(0)
    return at_edge(instance)


def sleeps(instance: ei.Instance) -> Decisions:
    """Take its time."""
    time.sleep(60.0)
    return at_edge(instance)


def loops_in_c(instance: ei.Instance) -> Decisions:
    """Never come back from a function in C, which no signal handler interrupts."""
    sum(iter(int, 1))
    return at_edge(instance)


def has_nan(instance: ei.Instance) -> Decisions:
    """Return no number."""
    return [True] * len(instance.users), np.full(len(instance.users), np.nan)


def has_infinity(instance: ei.Instance) -> dict[str, Any]:
    """Return a time without end."""
    return {**columns(equal(instance)), "sync_s": np.inf}


def is_short(instance: ei.Instance) -> Decisions:
    """Leave a user out."""
    return [True] * (len(instance.users) - 1), [0.0] * (len(instance.users) - 1)


def is_square(instance: ei.Instance) -> Decisions:
    """Return matrices."""
    return np.ones((len(instance.users), 1)), np.zeros((len(instance.users), 1))


def is_foreign(instance: ei.Instance) -> ei.Allocation:
    """Return somebody else's allocation."""
    return equal(instance.replace(users={instance.users[0].name: {"name": "somebody"}}))


def has_more_users(instance: ei.Instance) -> ei.Allocation:
    """Return an allocation with a user more."""
    one = instance.users[0].replace(name="one more")
    return equal(instance.replace(users=[*instance.users, one]))


def is_none(instance: ei.Instance) -> None:
    """Return nothing."""
    del instance


def is_undecided(instance: ei.Instance) -> Decisions:
    """Download in part."""
    return np.full(len(instance.users), 0.7), np.zeros(len(instance.users))


def is_local_without_model(instance: ei.Instance) -> Decisions:
    """Compute without a model."""
    return [False] * len(instance.users), [0.5] * len(instance.users)


def takes_too_much(instance: ei.Instance) -> dict[str, Any]:
    """Give the first user a tenth of the band more than there is."""
    answer = columns(equal(instance))
    answer["uplink_share"] = answer["uplink_share"] + np.eye(len(instance.users))[0] / 10
    return answer


def takes_a_little(instance: ei.Instance) -> dict[str, Any]:
    """Take of everything what the tolerance lets pass."""
    answer = columns(ei.solve(instance).allocation)
    for key in ("uplink_share", "downlink_share", "frequency_hz"):
        answer[key] = answer[key] * (1.0 + 4e-7)
    return {**answer, "sync_s": answer["sync_s"] * (1.0 - 4e-7)}


def prints(instance: ei.Instance) -> Decisions:
    """Talk on all ways out."""
    sys.stdout.write("I decide\n")
    sys.stdout.flush()
    os.write(1, b'{"seconds": 0.0, "answer": {}}\n')
    os.write(2, b"or not\n")
    return at_edge(instance)


def writes(instance: ei.Instance) -> Decisions:
    """Change the data by the way that arrays have for that."""
    instance.users.numbers("channel_gain")[:] = 1.0
    return at_edge(instance)


def forces(instance: ei.Instance) -> Decisions:
    """Change the data, and who judges, by all means that there are."""
    gains = instance.users.numbers("channel_gain")
    gains.setflags(write=True)
    gains[:] = 1.0
    object.__setattr__(instance, "bandwidth_hz", 1e12)
    vars(sys.modules["eipyomo"])["evaluate"] = None
    return at_edge(instance)


def columns(allocation: ei.Allocation | None) -> dict[str, Any]:
    """Return the columns of an allocation, to be changed."""
    assert allocation is not None
    keys = ("sync_s", "download", "offload_fraction", "frequency_hz")
    return {key: getattr(allocation, key) for key in (*keys, "uplink_share", "downlink_share")}
