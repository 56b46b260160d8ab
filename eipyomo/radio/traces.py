"""Measured throughputs as channel gains, so that a process can be replayed on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from eipyomo.errors import InputError
from eipyomo.files import PathLike, about
from eipyomo.instance import Instance
from eipyomo.radio.tables import place_of, read_rounds
from eipyomo.validation import positive_number, require_kind
from eipyomo.words import short

if TYPE_CHECKING:
    import pandas as pd


def gains_of_throughput(
    instance: Instance,
    throughput: pd.DataFrame | PathLike,
    *,
    direction: Literal["uplink", "downlink"] = "uplink",
    bandwidth_mhz: float | None = None,
) -> pd.DataFrame:
    """Return the gains at which users would have had the throughputs of a trace: (3) or (4) solved.

    Parameters
    ----------
    instance
        Whose powers and noise densities the users have.
    throughput
        In Mbit/s: a table, or CSV file, with one row a round and one column a user.
    direction
        Which of the two rates was measured.
    bandwidth_mhz
        The band that a user had to itself in the measurement; the instance's if left out.

    Returns
    -------
    DataFrame
        Gains, for the `gains` of :func:`eipyomo.train`.

    Raises
    ------
    InputError
        If the table does not fit the instance, or a throughput leads to no gain.
    """
    require_kind("instance", instance, Instance)
    if direction not in ("uplink", "downlink"):
        raise InputError(f"direction is {short(direction)}, but must be 'uplink' or 'downlink'")
    scaled = instance.scaled
    band_mhz = scaled.bandwidth_mhz
    if bandwidth_mhz is not None:
        band_mhz = positive_number("bandwidth_mhz", bandwidth_mhz)
    snr = scaled.uplink_snr if direction == "uplink" else scaled.downlink_snr
    # The noise of the band that was measured, not of the instance's.
    snr_of_gain = snr * (scaled.bandwidth_mhz / band_mhz) / instance.users.numbers("channel_gain")
    table = read_rounds(throughput, "throughput", instance.users.texts("name"))
    with np.errstate(over="ignore"):
        gains = np.expm1(table.to_numpy() / band_mhz * np.log(2.0)) / snr_of_gain
    wrong = np.argwhere(~((gains > 0.0) & (gains < 1.0)))
    if wrong.size:
        n, j = map(int, wrong[0])
        rate = float(table.to_numpy()[n, j])
        with about(throughput):
            raise InputError(
                f"{place_of(throughput, table, n, j, 'throughput')} is {rate:g} Mbit/s over "
                f"{band_mhz:g} MHz, {rate / band_mhz:.3g} bit/s/Hz, which would need a channel "
                f"gain of {gains[n, j]:.3g}, but it must be above 0 and below 1: is it in Mbit/s, "
                "and the band as wide as the one that was measured?"
            )
    return table.assign(**{name: gains[:, j] for j, name in enumerate(table.columns)})
