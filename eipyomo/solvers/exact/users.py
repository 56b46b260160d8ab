"""From a problem to the records that the compiled Lagrangian reads."""

from __future__ import annotations

import numpy as np

from eipyomo import physics
from eipyomo.modes import ModeColumns
from eipyomo.problem import Problem
from eipyomo.resources import Budget
from eipyomo.restriction import OpenDecisions
from eipyomo.scaled import FloatColumn
from eipyomo.solvers.exact.kernels import DOMAIN, LINK, USER, log_marginal_times
from eipyomo.solvers.records import Records, fill_costs, fill_limits


def user_records(problem: Problem, budgets: tuple[Budget, ...] | None = None) -> Records:
    """Return one USER record per end user, who can take of budgets no more than there is."""
    data = problem.data
    most = {
        draw.quantity: min(draw.most, budget.capacity)
        for budget in (problem.budgets if budgets is None else budgets)
        for draw in budget.draws
    }
    users = np.zeros(len(data), USER)
    for link in ("uplink", "downlink"):
        share_max: FloatColumn | float = most[f"{link}_share"]
        if f"{link}_share_max" in problem.limits:
            own = getattr(data, f"{link}_share_max")
            share_max = np.where(own < 1.0, np.minimum(own, share_max), share_max)  # 1 is all
        users[link] = link_records(
            getattr(data, f"{link}_snr"),
            data.bandwidth_mhz,
            getattr(data, f"{link}_share_min"),
            share_max,
        )
    fill_costs(users, data)
    fill_limits(users, data)
    return users


def link_records(
    snr: FloatColumn,
    bandwidth_mhz: float,
    share_min: FloatColumn,
    share_max: FloatColumn | float,
) -> Records:
    """Return one LINK record per signal-to-noise ratio.

    Parameters
    ----------
    snr
        Signal-to-noise ratios over the whole band, (users,).
    bandwidth_mhz
        The whole band.
    share_min, share_max
        The least share of each user, where it uses the link, and one that it cannot exceed.
    """
    links = np.zeros(len(snr), LINK)
    links["snr"] = snr
    links["unit_s"] = physics.LN2 / (bandwidth_mhz * snr)
    links["share_min"], links["share_max"] = share_min, share_max
    links["efficiency_min"] = np.log1p(snr / share_max)
    links["log_marginal_min"] = log_marginal_times(links["efficiency_min"])
    links["efficiency_max"] = links["log_marginal_max"] = np.inf
    bounded = share_min > 0.0
    if bounded.any():
        links["efficiency_max"][bounded] = np.log1p(snr[bounded] / share_min[bounded])
        links["log_marginal_max"][bounded] = log_marginal_times(links["efficiency_max"][bounded])
    return links


def domain_records(decisions: OpenDecisions, modes: ModeColumns | None = None) -> Records:
    """Return one DOMAIN record per end user; a domain may be empty."""
    domains = np.zeros(len(decisions.edge), DOMAIN)
    for name in ("edge", "local", "offload_min", "offload_max"):
        domains[name] = getattr(decisions, name)
    if modes is not None:
        has, count = modes.has_modes, np.diff(modes.first)
        domains["modes"], domains["first"] = count, modes.first[:-1]
        domains["edge"][has], domains["local"][has] = False, True
        domains["offload_min"][has], domains["offload_max"][has] = 0.0, count[has] - 1.0
    return domains


def with_least_of_modes(users: Records, records: Records, modes: ModeColumns) -> Records:
    """Return USER records of which those with modes have the least that any of them needs.

    They bound from below when uploads can end and what a user pays; nothing else is asked of them.
    """
    users = users.copy()
    for name in ("model_mbit", "start_s", "constant"):
        users[name] = modes.best(np.minimum, records[name], users[name])
    return users


POWERS = {
    "send_weight": "transmit_power_w",
    "receive_weight": "receive_power_w",
    "cpu_weight": "energy_coefficient",
}
"""Weights of a user that grow with that of its energy, each with what it is times of."""


def without_weights(users: Records) -> Records:
    """Return USER records of users that pay for limits and budgets alone."""
    users = users.copy()
    for name in ("latency_weight", "energy_weight", "constant", *POWERS):
        users[name] = 0.0
    return users


def with_prices(users: Records, energy: float, latency: float) -> Records:
    """Return USER records with prices of all energy and of all latency in their weights."""
    users = users.copy()
    users["latency_weight"] += latency
    users["energy_weight"] += energy
    for weight, power in POWERS.items():
        users[weight] += energy * users[power]
    return users
