"""From scaled columns to the records that the compiled Lagrangian reads."""

from __future__ import annotations

import numpy as np

from eipyomo import physics
from eipyomo.scaled import FloatColumn, Scaled
from eipyomo.solvers.exact.kernels import LINK, USER, pull
from eipyomo.solvers.records import Records, fill_costs


def user_records(scaled: Scaled, share_max: float = 1.0) -> Records:
    """Return one USER record per end user.

    Parameters
    ----------
    scaled
        Columns of the instance.
    share_max
        A share that no user can exceed in either direction.
    """
    users = np.zeros(len(scaled), USER)
    users["uplink"] = link_records(scaled.uplink_snr, scaled.bandwidth_mhz, share_max)
    users["downlink"] = link_records(scaled.downlink_snr, scaled.bandwidth_mhz, share_max)
    fill_costs(users, scaled)
    return users


def link_records(snr: FloatColumn, bandwidth_mhz: float, share_max: float) -> Records:
    """Return one LINK record per signal-to-noise ratio."""
    links = np.zeros(len(snr), LINK)
    links["snr"] = snr
    links["unit_s"] = physics.LN2 / (bandwidth_mhz * snr)
    links["share_max"] = share_max
    links["efficiency_min"] = np.log1p(snr / share_max)
    links["log_pull_min"] = np.log([pull(u) for u in links["efficiency_min"]])
    return links
