"""What every variable and datum of the models is: symbol in the letter, unit, and meaning."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """One named quantity of a model."""

    symbol: str
    unit: str
    meaning: str

    def __str__(self) -> str:
        """Return the text that Pyomo shows as ``doc``."""
        return f"{self.symbol} [{self.unit}]: {self.meaning}"


SYSTEM_DATA = {
    "bandwidth_mhz": Quantity("B", "MHz", "system bandwidth"),
    "model_mbit": Quantity("D_m", "Mbit", "model size"),
    "gigacycles_per_mbit": Quantity("C", "Gcycle/Mbit", "CPU cycles per bit of task"),
    "server_frequency_ghz": Quantity("f_s", "GHz", "edge server's CPU frequency for a task"),
}

USER_DATA = {
    "uplink_snr": Quantity("p_j h_j/(B δ_s²)", "1", "uplink signal-to-noise ratio over the band"),
    "downlink_snr": Quantity(
        "P_s h_j/(B δ_j²)", "1", "downlink signal-to-noise ratio over the band"
    ),
    "task_mbit": Quantity("L_j", "Mbit", "inference task"),
    "transmit_power_w": Quantity("p_j", "W", "transmit power"),
    "receive_power_w": Quantity("p_j^md", "W", "receiver power"),
    "max_frequency_ghz": Quantity("f_max", "GHz", "largest local CPU frequency"),
    "energy_coefficient": Quantity("κ_c", "J/(GHz² Gcycle)", "energy coefficient of the CPU"),
    "energy_weight": Quantity("w_j^e", "1/J", "weight of energy"),
    "latency_weight": Quantity("w_j^t", "1/s", "weight of latency"),
    "previous_download_s": Quantity("τ_{j,N-1}^md", "s", "download time of the previous round"),
    "local_training_s": Quantity("τ_j^lt", "s", "local training time"),
    "local_training_j": Quantity("e_j^lt", "J", "local training energy"),
}

EDGE_BUDGET = Quantity("F", "GHz", "edge server's CPU frequency for all tasks together")

COUPLING = {
    "sync_s": Quantity("τ̂_N", "s", "sync time: the model is updated at the server"),
    "uplink_share": Quantity("b_j", "1", "share of the band for the uplink"),
    "downlink_share": Quantity("b̄_j", "1", "share of the band for the downlink"),
    # only where the server has a total frequency:
    "edge_frequency_ghz": Quantity("f_{s,j}", "GHz", "edge server's CPU frequency for the task"),
}

USER_VARIABLES = {  # a formulation has those that it needs
    "download": Quantity("a_j", "1", "model download decision"),
    "offload_fraction": Quantity("ι_j", "1", "part of the task computed at the edge server"),
    "frequency_ghz": Quantity("f_j", "GHz", "local CPU frequency"),
    "receiving_share": Quantity("b̄_j", "1", "downlink share as the rate sees it"),
    "upload_s": Quantity("τ_j^mu", "s", "time to upload the model update"),
    "offload_s": Quantity("τ_j^to", "s", "time to offload the task"),
    "ready_s": Quantity("τ_j^pr", "s", "time at which model and task are at the server"),
    "edge_inference_s": Quantity("τ_j^e", "s", "edge computing time"),
    "download_s": Quantity("τ_j^md", "s", "time to download the model"),
    "local_inference_s": Quantity("τ_j^c", "s", "local computing time"),
    "latency_s": Quantity("T_j", "s", "execution latency"),
    "uplink_nats": Quantity("ln(1+g_j/b_j)", "nat/s/Hz", "spectral efficiency of the uplink"),
    "downlink_nats": Quantity("ln(1+ḡ_j/b̄_j)", "nat/s/Hz", "spectral efficiency of the downlink"),
    "local_inference_j": Quantity("e_j^c", "J", "local computing energy"),
    "paced_part": Quantity(
        "(1-ι_j) f_j/f_max", "1", "part computed locally times part of the CPU frequency in use"
    ),
    "at_point": Quantity("λ_jk", "1", "whether ι_j is the grid's point k"),
    "upload_part_s": Quantity("λ_jk τ_j^mu", "s", "upload time where ι_j is point k, else 0"),
}

VARIABLES = COUPLING | USER_VARIABLES
