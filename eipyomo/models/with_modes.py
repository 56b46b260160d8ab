"""One end user with modes: one binary z_jk a mode, and all else convex, in every formulation.

What a user sends and computes is Σ_k z_jk times what the mode says, so that all of it is linear,
but for two things:

* The time of a transmission is the amount times the pace s(b), in s/Mbit. The pace is split among
  the modes, s = Σ_k s_k with s_k = 0 where z_k = 0, so that τ = Σ_k D_k s_k is linear. This is the
  convex hull of the modes' times, and s(b) is convex.
* In a mode whose parts follow one another the latency is their sum, which is linear in them.
* (1) and (2) are convex functions of the work that is chosen, as on the grid
  (:mod:`eipyomo.models.formulations.grid`); computing times stand in place of frequencies.

Where a mode sends nothing, or downloads nothing, no band is paid for, although the rate sees a
share > 0: `sending_share` and `receiving_share` are then as large as they like.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyomo.environ as pyo

from eipyomo import physics
from eipyomo.models.end_user import (
    Links,
    Way,
    both_ways,
    declare,
    edge_inference_time,
    energy_consumption,
    execution_latency,
    limits,
    log1p,
    ready_time,
    weighted_cost,
)
from eipyomo.models.formulation_options import TANGENTS
from eipyomo.models.formulations.grid import chosen_edge_inference_time, chosen_local_energy
from eipyomo.models.formulations.spectral import frequency_limit, local_tangents
from eipyomo.models.source import has_modes, mode_data
from eipyomo.models.symbols import MODE_DATA, USER_VARIABLES
from eipyomo.models.types import Block, Expression, Model
from eipyomo.modes import ModeColumns

Amounts = Mapping[str, Expression]


def declare_modes(block: Block, modes: ModeColumns, user: int) -> None:
    """Declare a user's modes and their data, as mutable Params; see ``symbols.MODE_DATA``."""
    rows = modes.of(user)
    block.modes = pyo.Set(initialize=modes.names[rows], doc="modes of the user")
    block.modes_in_sequence = pyo.Set(
        initialize=list(itertools.compress(modes.names[rows], modes.in_sequence[rows])),
        doc="modes in which the server waits for what the user has computed and sent",
    )
    for key, values in mode_data(modes, user).items():
        data = pyo.Param(
            block.modes,
            initialize=values,
            mutable=True,
            within=pyo.Reals,
            doc=str(MODE_DATA[key]),
        )
        block.add_component(key, data)


def build_user(
    block: Block, links: Links, transmit: Callable[[Sequence[Way]], None], *, convex: bool
) -> None:
    """Fill the block of a user with modes, whose data stand there already.

    Parameters
    ----------
    block
        A Pyomo block with what :func:`declare_modes` and
        :func:`eipyomo.models.end_user.declare_data` declare.
    links
        What the block has in common with others. The floor of the uplink share becomes that of
        `sending_share`.
    transmit
        Says how long a Mbit takes over the share that its rate sees, as a formulation does.
    convex
        Whether all has to be convex, and not the product in (2) with f_{s,j} either.
    """
    choose_a_mode(block)
    for name in ("upload_s", "offload_s", "ready_s", "download_s", "local_inference_s"):
        declare(block, name, (0, block.horizon_s))
    # Where nobody trains τ̂ may be before τ_{N-1}^md, from which latency counts.
    declare(block, "latency_s", (-block.previous_download_s, block.horizon_s))
    uplink(block, links)
    downlink(block, links)
    transmit(used_ways(block))
    transmission_times(block)
    local_inference(block)
    edge_inference(block, links, convex=convex)
    synchronous_update(block, links.sync_s)
    ready_time(block, links.sync_s)
    block.counted_download_s = pyo.Expression(expr=block.download_s, doc="τ^md [s], (8), (9)")
    execution_latency(block, links.sync_s)
    latency_in_sequence(block, links)
    energy_consumption(block, chosen(block, block.mode_training_j))
    limits(block, links)
    weighted_cost(block, block.penalty)


def choose_a_mode(block: Block) -> None:
    """Declare z_k with Σ_k z_k = 1, and what follows from it for others, as expressions."""
    block.in_mode = pyo.Var(
        block.modes, domain=pyo.Binary, bounds=(0, 1), doc=str(USER_VARIABLES["in_mode"])
    )
    block.one_mode = pyo.Constraint(
        expr=pyo.quicksum(block.in_mode[k] for k in block.modes) == 1, doc="Σ_k z_k = 1"
    )
    told = {
        "download": _where(block, block.mode_download_mbit),
        "sends": _where(block, _sent(block)),
        "sits_out": 1 - _where(block, block.mode_update_mbit),
        "penalty": chosen(block, block.mode_penalty),
        "local_work": chosen(block, block.mode_local_gigacycles),
        "edge_work": chosen(block, block.mode_edge_gigacycles),
    }
    for name, expression in told.items():
        block.add_component(name, pyo.Expression(expr=expression))


def chosen(block: Block, amounts: Amounts) -> Expression:
    """Return Σ_k z_k times an amount, what the chosen mode has of it."""
    return pyo.quicksum(block.in_mode[k] * amounts[k] for k in block.modes)


def _where(block: Block, amounts: Amounts) -> Expression:
    """Return whether the chosen mode has some of what there are amounts of, 0 or 1."""
    return pyo.quicksum(block.in_mode[k] for k in positive(block, amounts))


def positive(block: Block, amounts: Amounts) -> list[str]:
    """Return the modes that have some of what there are amounts of."""
    return [k for k in block.modes if pyo.value(amounts[k]) > 0.0]


def _sent(block: Block) -> Amounts:
    """Return D_k + o_k."""
    return {k: block.mode_update_mbit[k] + block.mode_offload_mbit[k] for k in block.modes}


def uplink(block: Block, links: Links) -> None:
    """Declare the uplink's pace, if any mode sends; b ≥ the share of the rate where one does."""
    paid, amounts = links.uplink_share, _sent(block)
    floor = paid.lower
    paid.setlb(0)
    if not positive(block, amounts):
        return
    declare(block, "sending_share", (floor, links.largest_share))
    unpaid = links.largest_share * (1 - block.sends)
    block.pay_for_sending = pyo.Constraint(
        expr=paid >= block.sending_share - unpaid, doc="(3), (10b)"
    )
    split_pace(block, links, "uplink", amounts)


def downlink(block: Block, links: Links) -> None:
    """Declare the downlink's pace, if any mode downloads; b̄ = 0 where none does."""
    paid, amounts = links.downlink_share, block.mode_download_mbit
    most = links.largest_share * block.download
    block.no_share_without_download = pyo.Constraint(expr=paid <= most, doc="(10b)")
    if not positive(block, amounts):
        return
    declare(block, "receiving_share", (block.receiving_floor, links.largest_share))
    block.pay_for_receiving = pyo.Constraint(
        expr=paid >= block.receiving_share - links.largest_share + most, doc="(4), (10b)"
    )
    split_pace(block, links, "downlink", amounts)


def links_of(model: Model, name: Any) -> dict[str, Way]:
    """Return the links of a user of a model, with modes or without, by "uplink" and "downlink".

    One that no mode uses is not among them.
    """
    user = model.user[name]
    if has_modes(user):
        own = used_ways(user)
    else:
        own = [*both_ways(user, model.uplink_share[name], model.model_mbit)]
    return {way.link: way for way in own}


def used_ways(block: Block) -> list[Way]:
    """Return those links of a user that some mode uses, each with its pace."""
    sent, received = block.component("sending_share"), block.component("receiving_share")
    found = []
    if sent is not None:
        found.append(Way("uplink", sent, block.uplink_snr, 1.0, block.uplink_pace, "time_to_send"))
    if received is not None:
        own = (received, block.downlink_snr, 1.0, block.downlink_pace)
        found.append(Way("downlink", *own, row="time_to_receive"))
    return found


def split_pace(block: Block, links: Links, link: str, amounts: Amounts) -> None:
    """Declare the pace s = Σ_k s_k of a link, where s_k is s if mode k is chosen, else 0.

    It lies between those of the largest and the smallest share, and what is chosen ends before the
    latest time.
    """
    some = positive(block, amounts)
    share = block.component("sending_share" if link == "uplink" else "receiving_share")

    def pace_over(share: Expression) -> Expression:
        snr = block.component(f"{link}_snr")
        return physics.seconds_per_mbit(share, links.system.bandwidth_mhz, snr, log1p)

    fastest, slowest = pace_over(share.upper), pace_over(share.lower)
    declare(block, f"{link}_pace", (0, slowest))
    pace = block.component(f"{link}_pace")
    doc = str(USER_VARIABLES[f"{link}_part"])
    part = pyo.Var(block.modes, bounds=(0, slowest), doc=doc)
    block.add_component(f"{link}_part", part)
    parts = pyo.Constraint(expr=pace == pyo.quicksum(part.values()), doc="parts of (5)")
    block.add_component(f"{link}_parts", parts)
    rows = pyo.ConstraintList(doc="parts of (5)")
    block.add_component(f"{link}_part_of_a_mode", rows)
    for k in block.modes:
        rows.add(part[k] >= fastest * block.in_mode[k])
        latest = block.horizon_s / amounts[k] if k in some else slowest
        rows.add(part[k] <= latest * block.in_mode[k])


def transmission_times(block: Block) -> None:
    """Add (5): τ^mu ≥ Σ_k D_k s_k, τ^to ≥ Σ_k o_k s_k and τ^md ≥ Σ_k m_k s̄_k."""
    for name, link, amounts in (
        ("upload", "uplink", block.mode_update_mbit),
        ("offload", "uplink", block.mode_offload_mbit),
        ("download", "downlink", block.mode_download_mbit),
    ):
        part = block.component(f"{link}_part")
        some = [] if part is None else positive(block, amounts)
        needed = pyo.quicksum(amounts[k] * part[k] for k in some)
        row = pyo.Constraint(expr=block.component(f"{name}_s") >= needed, doc="(5), (11)")
        block.add_component(f"{name}_by_parts", row)


def local_inference(block: Block) -> None:
    """Add (1), with the local computing time in place of f: w ≤ f_max d, and e^c."""
    works = block.mode_local_gigacycles
    some = positive(block, works)
    # No mode has more than all of them together, whatever data the model is given later.
    most = pyo.quicksum(works[k] for k in block.modes)
    largest_j = physics.local_inference_energy_j(
        block.max_frequency_ghz, most, block.energy_coefficient
    )
    declare(block, "local_inference_j", (0, largest_j + 1))
    frequency_limit(block)
    least = min((works[k] for k in some), key=pyo.value, default=0.0)
    idle = 1 - pyo.quicksum(block.in_mode[k] for k in some)
    chosen_local_energy(block, least / block.max_frequency_ghz, idle)
    local_tangents(block, TANGENTS)


def edge_inference(block: Block, links: Links, *, convex: bool) -> None:
    """Add (2): τ^e = e/f_s, or τ^e f_{s,j} ≥ e where f_{s,j} is a decision."""
    system, frequency_ghz = links.system, links.edge_frequency_ghz
    if frequency_ghz is None or not convex:
        edge_inference_time(block, block.edge_work, system, frequency_ghz)
        return
    works = {k: block.mode_edge_gigacycles[k] for k in positive(block, block.mode_edge_gigacycles)}
    least = min(works.values(), key=pyo.value, default=0.0)
    chosen_edge_inference_time(block, frequency_ghz, works, block.in_mode, least)
    block.edge_tangents = pyo.ConstraintList(doc="envelope of (2)")
    fastest_s = block.edge_work / system.server_frequency_ghz
    block.edge_tangents.add(block.edge_inference_s >= fastest_s)


def latency_in_sequence(block: Block, links: Links) -> None:
    """Add T ≥ τ̂ + τ^md + τ^c + τ^to + τ^e - τ_{N-1}^md for modes whose parts follow one another."""
    follows = list(block.modes_in_sequence)
    if not follows:
        return
    sent = [k for k in positive(block, block.mode_offload_mbit) if k in follows]
    sent_s = pyo.quicksum(block.mode_offload_mbit[k] * block.uplink_part[k] for k in sent)
    if links.edge_frequency_ghz is None:
        works = pyo.quicksum(block.in_mode[k] * block.mode_edge_gigacycles[k] for k in follows)
        edge_s = works / links.system.server_frequency_ghz
    else:
        others = 1 - pyo.quicksum(block.in_mode[k] for k in follows)
        edge_s = block.edge_inference_s - block.horizon_s * others
    own_s = links.sync_s + block.download_s + block.local_inference_s
    block.latency_in_sequence = pyo.Constraint(
        expr=block.latency_s >= own_s + sent_s + edge_s - block.previous_download_s,
        doc="(9) in sequence",
    )


def synchronous_update(block: Block, sync_s: Expression) -> None:
    """Add (6) for modes with an update, and when the upload of what a mode sends can start."""

    def ends_s(modes: Sequence[str]) -> Expression:
        trained = {k: block.previous_download_s + block.mode_training_s[k] for k in modes}
        return pyo.quicksum(block.in_mode[k] * end for k, end in trained.items())

    at_once = [k for k in positive(block, _sent(block)) if k not in block.modes_in_sequence]
    block.upload_start_s = pyo.Expression(
        expr=ends_s(at_once), doc="start of what is sent at once [s]"
    )
    block.sync_after_upload = pyo.Constraint(
        expr=sync_s >= ends_s(positive(block, block.mode_update_mbit)) + block.upload_s,
        doc="(6), (11)",
    )
