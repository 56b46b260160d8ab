"""What every variable and datum of the models is, in one table, and the value it has at a point."""

from __future__ import annotations

from typing import NamedTuple

from eipyomo.timing import Plan, Times


class Quantity(NamedTuple):
    """One named quantity of a model.

    Attributes
    ----------
    symbol, unit
        In the letter; "1" for what has no unit.
    domain
        Where its values lie.
    meaning
        One phrase.
    value
        Of variables: what their values at a point are, as attribute of a
        :class:`~eipyomo.models.point.Point`. Where a user has one variable per point of a grid, it
        is that of the point which is chosen.
    """

    symbol: str
    unit: str
    domain: str
    meaning: str
    value: str | None = None

    def __str__(self) -> str:
        """Return the text that Pyomo shows as ``doc``."""
        return f"{self.symbol} [{self.unit}]: {self.meaning}"


SYSTEM_DATA = {
    "bandwidth_mhz": Quantity("B", "MHz", "> 0", "system bandwidth"),
    "model_mbit": Quantity("D_m", "Mbit", "> 0", "model size"),
    "gigacycles_per_mbit": Quantity("C", "Gcycle/Mbit", "> 0", "CPU cycles per bit of task"),
    "server_frequency_ghz": Quantity("f_s", "GHz", "> 0", "edge server's CPU frequency for a task"),
}

BUDGET_DATA = {  # only where there is such a total
    "total_energy_budget_j": Quantity(
        "E_total", "J", "> 0", "largest energy of all users together"
    ),
    "total_latency_budget_s": Quantity("T_total", "s", "> 0", "largest sum of all latencies"),
    "total_penalty_budget": Quantity("V", "1", "> 0", "largest sum of the modes' penalties"),
    "total_frequency_ghz": Quantity(
        "F", "GHz", "> 0", "edge server's CPU frequency for all tasks together"
    ),
}

USER_DATA = {
    "uplink_snr": Quantity(
        "p_j h_j/(B δ_s²)", "1", "> 0", "uplink signal-to-noise ratio over the band"
    ),
    "downlink_snr": Quantity(
        "P_s h_j/(B δ_j²)", "1", "> 0", "downlink signal-to-noise ratio over the band"
    ),
    "task_mbit": Quantity("L_j", "Mbit", "≥ 0", "inference task"),
    "transmit_power_w": Quantity("p_j", "W", "> 0", "transmit power"),
    "receive_power_w": Quantity("p_j^md", "W", "≥ 0", "receiver power"),
    "max_frequency_ghz": Quantity("f_max", "GHz", "> 0", "largest local CPU frequency"),
    "energy_coefficient": Quantity(
        "κ_c", "J/(GHz² Gcycle)", "≥ 0", "energy coefficient of the CPU"
    ),
    "energy_weight": Quantity("w_j^e", "1/J", "≥ 0", "weight of energy"),
    "latency_weight": Quantity("w_j^t", "1/s", "> 0", "weight of latency"),
    "previous_download_s": Quantity(
        "τ_{j,N-1}^md", "s", "≥ 0", "download time of the previous round"
    ),
    "local_training_s": Quantity("τ_j^lt", "s", "≥ 0", "local training time"),
    "local_training_j": Quantity("e_j^lt", "J", "≥ 0", "local training energy"),
}

USER_LIMITS = {  # only where the user has one
    "deadline_s": Quantity("T_j^max", "s", "> 0", "largest latency"),
    "energy_budget_j": Quantity("E_j^max", "J", "> 0", "largest energy"),
    "uplink_share_min": Quantity("b_j^min", "1", "(0, 1]", "least uplink share"),
    "uplink_share_max": Quantity("b_j^max", "1", "(0, 1)", "largest uplink share"),
    "downlink_share_min": Quantity("b̄_j^min", "1", "(0, 1]", "least downlink share with download"),
    "downlink_share_max": Quantity("b̄_j^max", "1", "(0, 1)", "largest downlink share"),
}

MODE_DATA = {  # of a user with modes, one for each of them
    "mode_update_mbit": Quantity("D_jk", "Mbit", "≥ 0", "update for the training"),
    "mode_training_s": Quantity("τ_jk^lt", "s", "≥ 0", "local training time"),
    "mode_training_j": Quantity("e_jk^lt", "J", "≥ 0", "local training energy"),
    "mode_offload_mbit": Quantity("o_jk", "Mbit", "≥ 0", "data of the task that is sent"),
    "mode_download_mbit": Quantity("m_jk", "Mbit", "≥ 0", "what is downloaded first"),
    "mode_local_gigacycles": Quantity("c_jk", "Gcycle", "≥ 0", "work of the user"),
    "mode_edge_gigacycles": Quantity("e_jk", "Gcycle", "≥ 0", "work of the server"),
    "mode_penalty": Quantity("v_jk", "1", "real", "cost added to WSEL"),
}

COUPLING = {
    "sync_s": Quantity(
        "τ̂_N", "s", "≥ 0", "sync time: the model is updated at the server", "plan.sync_s"
    ),
    "uplink_share": Quantity(
        "b_j", "1", "(0, 1]", "share of the band for the uplink", "plan.uplink_share"
    ),
    "downlink_share": Quantity(
        "b̄_j", "1", "[0, 1]", "share of the band for the downlink", "plan.downlink_share"
    ),
    # only where the server has a total frequency:
    "edge_frequency_ghz": Quantity(
        "f_{s,j}",
        "GHz",
        "[0, f_s]",
        "edge server's CPU frequency for the task",
        "plan.edge_frequency_ghz",
    ),
}

USER_VARIABLES = {  # a formulation has those that it needs
    "download": Quantity("a_j", "1", "{0, 1}", "model download decision", "plan.download"),
    "offload_fraction": Quantity(
        "ι_j",
        "1",
        "[0, 1]",
        "part of the task computed at the edge server",
        "plan.offload_fraction",
    ),
    "frequency_ghz": Quantity(
        "f_j", "GHz", "[0, f_max]", "local CPU frequency", "plan.frequency_ghz"
    ),
    "receiving_share": Quantity(
        "b̄_j", "1", "(0, 1]", "downlink share as the rate sees it", "receiving_share"
    ),
    "upload_s": Quantity("τ_j^mu", "s", "≥ 0", "time to upload the model update", "times.upload_s"),
    "offload_s": Quantity("τ_j^to", "s", "≥ 0", "time to offload the task", "times.offload_s"),
    "ready_s": Quantity(
        "τ_j^pr", "s", "≥ 0", "time at which model and task are at the server", "times.ready_s"
    ),
    "edge_inference_s": Quantity(
        "τ_j^e", "s", "≥ 0", "edge computing time", "times.edge_inference_s"
    ),
    "download_s": Quantity("τ_j^md", "s", "≥ 0", "time to download the model", "download_s"),
    "local_inference_s": Quantity(
        "τ_j^c", "s", "≥ 0", "local computing time", "times.local_inference_s"
    ),
    "latency_s": Quantity(
        "T_j", "s", "≥ -τ_{j,N-1}^md", "execution latency; ≥ 0 without modes", "times.latency_s"
    ),
    "uplink_nats": Quantity(
        "ln(1+g_j/b_j)", "nat/s/Hz", "> 0", "spectral efficiency of the uplink", "uplink_nats"
    ),
    "downlink_nats": Quantity(
        "ln(1+ḡ_j/b̄_j)", "nat/s/Hz", "> 0", "spectral efficiency of the downlink", "downlink_nats"
    ),
    "local_inference_j": Quantity(
        "e_j^c", "J", "≥ 0", "local computing energy", "local_inference_j"
    ),
    "paced_part": Quantity(
        "(1-ι_j) f_j/f_max",
        "1",
        "[0, 1]",
        "part computed locally times part of the CPU frequency in use",
        "paced_part",
    ),
    "at_point": Quantity("λ_jk", "1", "{0, 1}", "whether ι_j is the grid's point k", "one"),
    "upload_part_s": Quantity(
        "λ_jk τ_j^mu", "s", "≥ 0", "upload time where ι_j is point k, else 0", "times.upload_s"
    ),
    "in_mode": Quantity("z_jk", "1", "{0, 1}", "whether the user takes mode k", "one"),
    "sending_share": Quantity(
        "b_j", "1", "(0, 1]", "uplink share as the rate sees it", "sending_share"
    ),
    "uplink_pace": Quantity("s_j", "s/Mbit", "> 0", "time to send one Mbit", "uplink_pace"),
    "downlink_pace": Quantity("s̄_j", "s/Mbit", "> 0", "time to receive one Mbit", "downlink_pace"),
    "uplink_part": Quantity(
        "z_jk s_j", "s/Mbit", "≥ 0", "time to send one Mbit in mode k, else 0", "uplink_pace"
    ),
    "downlink_part": Quantity(
        "z_jk s̄_j", "s/Mbit", "≥ 0", "time to receive one Mbit in mode k, else 0", "downlink_pace"
    ),
}

LEAST = {  # the one that is minimised, where that is not (10a)
    "least_band_mhz": Quantity(
        "B^min", "MHz", "≥ 0", "band in use, with GBE twice the larger half"
    ),
    "least_edge_frequency_ghz": Quantity(
        "F^min", "GHz", "≥ 0", "edge server's CPU frequency in use for all tasks together"
    ),
    "largest_latency_s": Quantity("θ", "s", "real", "largest latency of a user"),
}

LEAST_OF = {
    "band": "least_band_mhz",
    "edge_frequency": "least_edge_frequency_ghz",
    "slowest": "largest_latency_s",
}
"""The variable of ``LEAST`` that stands for an objective, by the objective's name."""

VARIABLES = COUPLING | USER_VARIABLES | LEAST

DECISIONS = Plan._fields
"""The variables that are decisions of (10); all others follow from them."""

TIMES = Times._fields
"""The variables that may be longer than decisions make them, (11)."""
