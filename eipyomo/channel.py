"""The letter's channel model: path loss and Rayleigh fading (section IV)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eipyomo.errors import InputError
from eipyomo.validation import MOST_USERS, positive_number
from eipyomo.words import short

SPEED_OF_LIGHT_M_PER_S = 3e8  # the letter's rounded value
PATH_LOSS_EXPONENT, DISTANCE_M = 2.9, 50.0  # what the letter takes unless it says otherwise


def dbm_to_watt(level_dbm: float) -> float:
    """Return a power level given in dBm as watts; also dBm/Hz as W/Hz."""
    return float(10.0 ** (level_dbm / 10.0) * 1e-3)


def mean_gain(
    path_loss_exponent: float,
    distance_m: float = DISTANCE_M,
    antenna_gain: float = 4.11,
    carrier_hz: float = 2.4e9,
) -> float:
    r"""Return the mean channel power gain :math:`\bar h = G_A (c / (4 \pi f_c d))^\sigma`.

    Parameters
    ----------
    path_loss_exponent
        :math:`\sigma`.
    distance_m
        Distance d between end user and edge server in metres.
    antenna_gain
        :math:`G_A`, a plain factor, not dBi.
    carrier_hz
        Carrier frequency :math:`f_c` in Hz.

    Raises
    ------
    InputError
        If an argument is not a positive finite number.
    """
    path_loss_exponent = positive_number("path_loss_exponent", path_loss_exponent)
    distance_m = positive_number("distance_m", distance_m)
    antenna_gain = positive_number("antenna_gain", antenna_gain)
    carrier_hz = positive_number("carrier_hz", carrier_hz)
    attenuation = SPEED_OF_LIGHT_M_PER_S / (4.0 * math.pi * carrier_hz * distance_m)
    return float(antenna_gain * attenuation**path_loss_exponent)


def rayleigh_gains(mean: float, users: int, seed: int) -> NDArray[np.float64]:
    """Draw channel power gains under Rayleigh fading: exponential around their mean.

    The draw depends on `seed`, `users` and `mean` alone, so that neither the method that is
    run nor its options can change the channel.

    Returns
    -------
    array of shape (users,)
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed is {short(seed)}, but must be an integer >= 0")
    is_whole = isinstance(users, int | np.integer) and not isinstance(users, bool)
    if not is_whole or not 1 <= users <= MOST_USERS:
        raise InputError(
            f"users is {short(users)}, but must be an integer >= 1 and <= {MOST_USERS}"
        )
    return mean * np.random.default_rng(int(seed)).exponential(size=int(users))


def rayleigh_quantile(outage: float) -> float:
    """Return the part of its mean that a gain under Rayleigh fading is below with a probability.

    The gain is exponential around its mean, so that the part is -ln(1 - outage).

    Raises
    ------
    InputError
        If the probability is not above 0 and below 1.
    """
    outage = positive_number("outage", outage)
    if outage >= 1.0:
        raise InputError(f"outage is {short(outage)}, but must be a probability > 0 and < 1")
    return -math.log1p(-outage)
