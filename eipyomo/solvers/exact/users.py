"""From a problem to the records that the compiled Lagrangian reads."""

from __future__ import annotations

import numpy as np

from eipyomo import physics
from eipyomo.problem import Problem
from eipyomo.restriction import OpenDecisions
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.kernels import DOMAIN, LINK, USER, marginal_time
from eipyomo.solvers.records import Records, fill_costs


def user_records(problem: Problem) -> Records:
    """Return one USER record per end user."""
    data = problem.data
    most = {
        draw.quantity: min(draw.most, budget.capacity)
        for budget in problem.budgets
        for draw in budget.draws
    }
    users = np.zeros(len(data), USER)
    users["uplink"] = link_records(data.uplink_snr, data.bandwidth_mhz, most["uplink_share"])
    users["downlink"] = link_records(data.downlink_snr, data.bandwidth_mhz, most["downlink_share"])
    fill_costs(users, data)
    return users


def link_records(snr: FloatColumn, bandwidth_mhz: float, share_max: float) -> Records:
    """Return one LINK record per signal-to-noise ratio.

    Parameters
    ----------
    snr
        Signal-to-noise ratios over the whole band, (users,).
    bandwidth_mhz
        The whole band.
    share_max
        A share that no user can exceed.
    """
    links = np.zeros(len(snr), LINK)
    links["snr"] = snr
    links["unit_s"] = physics.LN2 / (bandwidth_mhz * snr)
    links["share_max"] = share_max
    links["efficiency_min"] = np.log1p(snr / share_max)
    links["log_marginal_min"] = np.log([marginal_time(u) for u in links["efficiency_min"]])
    return links


def domain_records(decisions: OpenDecisions) -> Records:
    """Return one DOMAIN record per end user; a domain may be empty."""
    domains = np.zeros(len(decisions.edge), DOMAIN)
    for name in ("edge", "local", "offload_min", "offload_max"):
        domains[name] = getattr(decisions, name)
    return domains
