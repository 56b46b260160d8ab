"""The letter's physics, written once, for numpy arrays and Pyomo expressions alike.

All quantities are in the scaled units of :mod:`eipyomo.scaled`: Mbit, MHz, Gcycle, GHz, s, J, W.
Numbers, arrays over users and Pyomo expressions may be mixed freely; the logarithm is the only
operation that numpy and Pyomo spell differently, so it is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Log1p = Callable[[Any], Any]

LN2 = math.log(2.0)


def rate_mbit_per_s(share: Any, bandwidth_mhz: Any, snr: Any, log1p: Log1p = np.log1p) -> Any:
    r"""Return the achievable rate over a share of the band, eqs. (3) and (4).

    $$
    r_j = b_j B \log_2\left(1 + \frac{g_j}{b_j}\right)
    $$

    Parameters
    ----------
    share
        Fraction of the band, b_j or its downlink counterpart, > 0.
    bandwidth_mhz
        Whole band B in MHz.
    snr
        Signal-to-noise ratio if the noise of the whole band counted.
    log1p
        Natural logarithm of one plus its argument.
    """
    return share * bandwidth_mhz * log1p(snr / share) / LN2


def seconds_per_mbit(share: Any, bandwidth_mhz: Any, snr: Any, log1p: Log1p = np.log1p) -> Any:
    r"""Return the time to send one Mbit, the inverse of :func:`rate_mbit_per_s`; convex in share.

    $$
    s(b) = \frac{1}{b B \log_2(1 + g/b)}
    $$
    """
    return 1.0 / rate_mbit_per_s(share, bandwidth_mhz, snr, log1p)


def nats_at(share: Any, snr: Any, log1p: Log1p = np.log1p) -> Any:
    """Return the spectral efficiency ln(1 + g/b) over a share of the band, in nat/s/Hz."""
    return log1p(snr / share)


def share_at(nats: Any, snr: Any, exp: Callable[[Any], Any] = np.exp) -> Any:
    """Return the share with a given spectral efficiency, the inverse of :func:`nats_at`."""
    return snr / (exp(nats) - 1.0)


def offloaded_gigacycles(offload_fraction: Any, task_mbit: Any, gigacycles_per_mbit: Any) -> Any:
    r"""Return the work done by the edge server, the numerator of (2).

    $$
    \tau^{\text{e}}_j f_s = C \iota_j L_j
    $$
    """
    return gigacycles_per_mbit * offload_fraction * task_mbit


def local_gigacycles(offload_fraction: Any, task_mbit: Any, gigacycles_per_mbit: Any) -> Any:
    r"""Return the work done by the end user, the numerator of (1).

    $$
    \tau^{\text{c}}_j f_j = C (1 - \iota_j) L_j
    $$
    """
    return gigacycles_per_mbit * (1.0 - offload_fraction) * task_mbit


def local_inference_energy_j(frequency_ghz: Any, gigacycles: Any, energy_coefficient: Any) -> Any:
    r"""Return the energy of local computing, (1).

    $$
    e^{\text{c}}_j = \kappa f_j^2 C (1 - \iota_j) L_j
    $$

    `energy_coefficient` is κ in J/(GHz² Gcycle).
    """
    return energy_coefficient * frequency_ghz**2 * gigacycles


def transmission_energy_j(power_w: Any, seconds: Any) -> Any:
    r"""Return the energy of sending or receiving for some time, (7).

    $$
    e = p \tau
    $$
    """
    return power_w * seconds
