"""The devices of an instance: end users and the edge server, in SI units."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StrictStr

from eipyomo.validation import NonNegative, Positive, Record


class EndUser(Record):
    """One end user (EU) j; see the field descriptions for the letter's symbols."""

    of_a_user: ClassVar[bool] = True

    name: Annotated[StrictStr, Field(min_length=1, description="a non-empty text, unique")]
    channel_gain: Annotated[Positive, Field(description="channel power gain h_j")]
    task_bits: Annotated[NonNegative, Field(description="inference task L_j in bit")]
    transmit_power_w: Annotated[Positive, Field(description="transmit power p_j in W")]
    receive_power_w: Annotated[NonNegative, Field(description="receiver power p_j^md in W")]
    noise_density_w_per_hz: Annotated[
        Positive, Field(description="noise density at the user in W/Hz")
    ]
    max_frequency_hz: Annotated[Positive, Field(description="largest CPU frequency f_max in Hz")]
    energy_coefficient: Annotated[
        NonNegative, Field(description="energy coefficient kappa_c of the CPU in J s^2/cycle^3")
    ]
    energy_weight: Annotated[NonNegative, Field(description="weight w_j^e of energy in 1/J")]
    latency_weight: Annotated[Positive, Field(description="weight w_j^t of latency in 1/s")]
    previous_download_s: Annotated[
        NonNegative, Field(description="model download time of the previous round in s")
    ]
    local_training_s: Annotated[NonNegative, Field(description="local training time in s")]
    local_training_j: Annotated[NonNegative, Field(description="local training energy in J")]


class EdgeServer(Record):
    """The edge server (ES).

    Without `total_frequency_hz` every task is served at `frequency_hz`, as in (2). With it the
    frequencies f_{s,j} are decisions (footnote 2): each at most `frequency_hz`, all together at
    most `total_frequency_hz`.
    """

    transmit_power_w: Annotated[Positive, Field(description="transmit power P_s in W")]
    frequency_hz: Annotated[
        Positive, Field(description="CPU frequency f_s that serves a task, in Hz")
    ]
    total_frequency_hz: Annotated[
        Positive | None,
        Field(
            description="a finite number > 0 (CPU frequency F in Hz that all tasks share), or left "
            "out"
        ),
    ] = None
    noise_density_w_per_hz: Annotated[
        Positive, Field(description="noise density at the server in W/Hz")
    ]
