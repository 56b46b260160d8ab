"""One end user: the constraints of 𝒰_j in (18) and the terms of (8) and (9), as one Pyomo block.

The block takes its shares of the band and its sync time as arguments. The whole model (10) gives
it the variables that all users share; a sub-problem of the decomposition gives it copies x_j, z_j
and y_j of its own (:class:`Links`). Everything else is the same.

Three equal forms stand in place of what is printed, each for a reason:

* b̄_j must really be 0 without download, yet the rate (4) is undefined there. So the rate sees
  `receiving_share` > 0, and the budget pays `downlink_share` ≥ receiving_share - (1 - a_j).
* In (8) and (9) the letter multiplies by a_j. Without download, `receiving_share` can be the
  whole band and then `download_s` is D_m s̄_j(1), so that `counted_download_s` =
  download_s - (1 - a_j) D_m s̄_j(1) equals a_j τ_j^md in both cases, and it is linear. The local
  computing terms need no factor: ι_j = 1 makes them 0. The local branch of (9) then reads
  T_j ≥ τ̂ - τ_{j,N-1}^md without download, which its edge branch implies. Where the band is what
  is minimised, shares may be above 1, and the largest share stands in the place of the whole band.
* (1) divides by f_j, which may be 0. `local_inference_s` times f_j does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.models.symbols import USER_DATA, USER_LIMITS, USER_VARIABLES
from eipyomo.models.types import Block, Expression, Variable


class Links(NamedTuple):
    """What a user's block has in common with others.

    Attributes
    ----------
    system
        The block or model that holds the data of ``symbols.SYSTEM_DATA``.
    sync_s
        τ̂_N, or the copy y_j.
    uplink_share, downlink_share
        b_j and b̄_j, or the copies x_j and z_j; the first has a lower bound > 0.
    edge_frequency_ghz
        f_{s,j} or v_j where it is a decision (footnote 2); None where the task is served at f_s.
    largest_share
        Upper bound of b_j and b̄_j: the whole band, but where the band is what is sought.
    """

    system: Block
    sync_s: Variable
    uplink_share: Variable
    downlink_share: Variable
    edge_frequency_ghz: Variable | None = None
    largest_share: Expression = 1


class Way(NamedTuple):
    """One of a user's two links.

    Attributes
    ----------
    link
        "uplink" or "downlink".
    share
        The share of the band that its rate sees.
    snr
        Its signal-to-noise ratio over the band.
    mbit, seconds
        So many Mbit take at least so long.
    row
        Name of the row that says so.
    """

    link: str
    share: Variable
    snr: Expression
    mbit: Expression
    seconds: Variable
    row: str


def both_ways(block: Block, uplink_share: Variable, mbit: Expression) -> tuple[Way, Way]:
    """Return both links of the letter's user, each with the time that the model takes over it."""
    up, down = (uplink_share, block.uplink_snr), (block.receiving_share, block.downlink_snr)
    return (
        Way("uplink", *up, mbit, block.upload_s, row="upload_time"),
        Way("downlink", *down, mbit, block.download_s, row="download_time"),
    )


def what_all_formulations_share(block: Block, links: Links) -> None:
    """Add (6), (8)-(11), limits and the part of (10a), with all times, τ^e too, and e^c there."""
    synchronous_update(block, links.sync_s)
    ready_time(block, links.sync_s)
    download_decision(block, links)
    counted_download(block, links)
    execution_latency(block, links.sync_s)
    energy_consumption(block, block.local_training_j)
    limits(block, links)
    weighted_cost(block)


def weighted_cost(block: Block, penalty: Expression = 0) -> None:
    """Add the user's part of (10a), w^e E + w^t T, and the penalty of its mode."""
    block.wsel = pyo.Expression(
        expr=block.energy_weight * block.energy_j
        + block.latency_weight * block.latency_s
        + penalty,
        doc="q_j(u_j) of (12a), user j's part of (10a)",
    )


def declare_data(
    block: Block, user: Mapping[str, float], horizon_s: float, receiving_floor: float
) -> None:
    """Declare the user's data and the two numbers that bound its variables, as mutable Params.

    Parameters
    ----------
    block
        An empty Pyomo block.
    user
        The user's data, with the keys of ``symbols.USER_DATA``, and some of ``USER_LIMITS``.
    horizon_s
        Upper bound on all times in s; see :mod:`eipyomo.models.bounds`.
    receiving_floor
        Lower bound > 0 on the downlink share that the rate sees.
    """
    for key, value in user.items():
        doc = str((USER_DATA | USER_LIMITS)[key])
        block.add_component(
            key, pyo.Param(initialize=value, mutable=True, within=pyo.Reals, doc=doc)
        )
    block.horizon_s = pyo.Param(initialize=horizon_s, mutable=True, doc="latest time [s]")
    block.receiving_floor = pyo.Param(
        initialize=receiving_floor, mutable=True, doc="smallest downlink share in use [1]"
    )


def declare_variables(block: Block, links: Links) -> None:
    """Declare u_j without f_j and its copies of b_j, b̄_j and τ̂_N; times end at the horizon."""
    declare(block, "download", (0, 1), pyo.Binary)
    declare(block, "offload_fraction", (0, 1))
    declare(block, "receiving_share", (block.receiving_floor, links.largest_share))
    for name in (
        "upload_s",
        "offload_s",
        "ready_s",
        "download_s",
        "local_inference_s",
        "latency_s",
    ):
        declare(block, name, (0, block.horizon_s))


def declare(block: Block, name: str, bounds: tuple[Any, Any], domain: Any = pyo.Reals) -> None:
    """Declare one variable of ``symbols.USER_VARIABLES``."""
    block.add_component(name, pyo.Var(domain=domain, bounds=bounds, doc=str(USER_VARIABLES[name])))


def rate(share: Expression, system: Block, snr: Expression) -> Expression:
    """Return the achievable rate in Mbit/s, (3) and (4)."""
    return physics.rate_mbit_per_s(share, system.bandwidth_mhz, snr, log1p)


def log1p(argument: Expression) -> Expression:
    """Return ln(1 + argument) as a Pyomo expression."""
    return pyo.log(1 + argument)


def synchronous_update(block: Block, sync_s: Expression) -> None:
    r"""Add (6): τ̂ ≥ τ_{N-1}^md + τ^lt + τ^mu.

    $$
    \hat\tau_N \ge \tau^{\text{md}}_{j,N-1} + \tau^{\text{lt}}_j + \tau^{\text{mu}}_j
    $$
    """
    block.upload_start_s = pyo.Expression(
        expr=block.previous_download_s + block.local_training_s, doc="start of the upload [s]"
    )
    block.sync_after_upload = pyo.Constraint(
        expr=sync_s >= block.upload_start_s + block.upload_s, doc="(6), (11)"
    )


def ready_time(block: Block, sync_s: Expression) -> None:
    r"""Add τ^pr ≥ τ̂ and τ^pr ≥ τ_{N-1}^md + τ^lt + τ^mu + τ^to, below (9) and in (11).

    $$
    \tau^{\text{pr}}_j \ge \max\left\{\hat\tau_N,\;
    \tau^{\text{md}}_{j,N-1} + \tau^{\text{lt}}_j + \tau^{\text{mu}}_j + \tau^{\text{to}}_j\right\}
    $$
    """
    block.ready_after_sync = pyo.Constraint(expr=block.ready_s >= sync_s, doc="(11)")
    block.ready_after_offload = pyo.Constraint(
        expr=block.ready_s >= block.upload_start_s + block.upload_s + block.offload_s, doc="(11)"
    )


def download_decision(block: Block, links: Links) -> None:
    r"""Add 𝒟_j of (10d), (1 - a)(1 - ι) = 0, linear since a is 0 or 1; b̄ = 0 without download.

    $$
    a_j \in \{0, 1\},\quad (1 - a_j)(1 - \iota_j) = 0
    $$
    """
    block.offload_without_download = pyo.Constraint(
        expr=block.offload_fraction >= 1 - block.download, doc="(10d), (11)"
    )
    share, most = links.downlink_share, links.largest_share
    block.pay_for_receiving = pyo.Constraint(
        expr=share >= block.receiving_share - most * (1 - block.download), doc="(4), (10b)"
    )
    block.no_share_without_download = pyo.Constraint(
        expr=share <= most * block.download, doc="(10b)"
    )


def choose_a_point(block: Block, count: int) -> None:
    """Add ι = Σ_k (k/n) λ_k with Σ_k λ_k = 1 and λ_k binary."""
    block.points = pyo.RangeSet(0, count, doc="points of the grid (10d)")
    block.at_point = pyo.Var(
        block.points, domain=pyo.Binary, bounds=(0, 1), doc=str(USER_VARIABLES["at_point"])
    )
    block.one_point = pyo.Constraint(
        expr=pyo.quicksum(block.at_point[k] for k in block.points) == 1, doc="(10d)"
    )
    block.point = pyo.Constraint(
        expr=block.offload_fraction
        == pyo.quicksum((k / count) * block.at_point[k] for k in block.points),
        doc="(10d)",
    )


def local_work(block: Block, system: Block) -> None:
    """Add the numerator of (1), C(1 - ι)L."""
    block.local_work = pyo.Expression(
        expr=physics.local_gigacycles(
            block.offload_fraction, block.task_mbit, system.gigacycles_per_mbit
        ),
        doc="C(1-ι)L [Gcycle], (1)",
    )


def edge_inference_time(
    block: Block, work: Expression, system: Block, frequency_ghz: Expression | None
) -> None:
    r"""Add (2): τ^e = CιL/f_s, or τ^e f_{s,j} ≥ CιL where f_{s,j} is a decision, which may be 0.

    $$
    \tau^{\text{e}}_j = \frac{C \iota_j L_j}{f_s}
    $$
    """
    if frequency_ghz is None:
        block.edge_inference_s = pyo.Expression(
            expr=work / system.server_frequency_ghz, doc="τ^e [s], (2)"
        )
        return
    declare(block, "edge_inference_s", (0, block.horizon_s))
    block.edge_inference_time = pyo.Constraint(
        expr=block.edge_inference_s * frequency_ghz >= work, doc="(2)"
    )


def offloaded_work(block: Block, system: Block) -> Expression:
    """Return the numerator of (2), CιL in Gcycle."""
    return physics.offloaded_gigacycles(
        block.offload_fraction, block.task_mbit, system.gigacycles_per_mbit
    )


def counted_download(block: Block, links: Links) -> None:
    """Add a τ^md of (8) and (9), which is 0 without download."""
    system = links.system
    whole_band_s = system.model_mbit / rate(links.largest_share, system, block.downlink_snr)
    block.counted_download_s = pyo.Expression(
        expr=block.download_s - (1 - block.download) * whole_band_s, doc="a τ^md [s], (8), (9)"
    )


def execution_latency(block: Block, sync_s: Expression) -> None:
    r"""Add (9): T ≥ τ^pr + τ^e - τ_{N-1}^md, and T ≥ a(τ̂ + τ^md + τ^c) - τ_{N-1}^md.

    $$
    T_j = \max\left\{\tau^{\text{pr}}_j + \tau^{\text{e}}_j,\;
    a_j (\hat\tau_N + \tau^{\text{md}}_j + \tau^{\text{c}}_j)\right\} - \tau^{\text{md}}_{j,N-1}
    $$
    """
    block.edge_latency = pyo.Constraint(
        expr=block.latency_s >= block.ready_s + block.edge_inference_s - block.previous_download_s,
        doc="(9), (11)",
    )
    block.local_latency = pyo.Constraint(
        expr=block.latency_s
        >= sync_s + block.counted_download_s + block.local_inference_s - block.previous_download_s,
        doc="(9), (11)",
    )


def energy_consumption(block: Block, training_j: Expression) -> None:
    r"""Add (7) and (8): E = e^lt + e^mu + e^to + a(e^md + e^c); e^c is there already.

    $$
    E_j = e^{\text{lt}}_j + e^{\text{mu}}_j + e^{\text{to}}_j
    + a_j (e^{\text{md}}_j + e^{\text{c}}_j)
    $$
    """
    block.upload_j = pyo.Expression(
        expr=physics.transmission_energy_j(block.transmit_power_w, block.upload_s), doc="e^mu, (7)"
    )
    block.offload_j = pyo.Expression(
        expr=physics.transmission_energy_j(block.transmit_power_w, block.offload_s), doc="e^to, (7)"
    )
    block.download_j = pyo.Expression(
        expr=physics.transmission_energy_j(block.receive_power_w, block.counted_download_s),
        doc="a e^md, (7), (8)",
    )
    block.energy_j = pyo.Expression(
        expr=training_j
        + block.upload_j
        + block.offload_j
        + block.download_j
        + block.local_inference_j,
        doc="E_j [J], (8)",
    )


def limits(block: Block, links: Links) -> None:
    r"""Add T ≤ T^max, E ≤ E^max, b^min ≤ b ≤ b^max and a b̄^min ≤ b̄ ≤ b̄^max, where there are such.

    $$
    T_j \le T^{\max}_j,\quad E_j \le E^{\max}_j,\quad b^{\min}_j \le b_j \le b^{\max}_j
    $$
    """
    up, down = links.uplink_share, links.downlink_share
    rows: dict[str, Callable[[Expression], Expression]] = {
        "deadline_s": lambda most: block.latency_s <= most,
        "energy_budget_j": lambda most: block.energy_j <= most,
        "uplink_share_min": lambda least: up >= least,
        "uplink_share_max": lambda most: up <= most,
        "downlink_share_min": lambda least: down >= least * block.download,
        "downlink_share_max": lambda most: down <= most,
    }
    for key, row in rows.items():
        limit = block.component(key)
        if limit is not None:
            doc = str(USER_LIMITS[key])
            block.add_component(f"keep_{key}", pyo.Constraint(expr=row(limit), doc=doc))
